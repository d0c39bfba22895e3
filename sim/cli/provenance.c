#include "sim/cli/provenance.h"

#include <stdarg.h>
#include <stdio.h>

#include "analysis/stats/stats.h"
#include "engine/base/hash.h"
#include "sim/cli/revision.h"
#include "sim/cluster/cluster.h"
#include "sim/record/recorder.h"

__attribute__((format(printf, 3, 4))) static void
add(sim_provenance_list *list, const char *name, const char *format, ...) {
    CG_ASSERT(list->count < SIM_PROVENANCE_MAX);
    char *text = list->texts[list->count];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, SIM_PROVENANCE_TEXT_BYTES, format, arguments);
    va_end(arguments);
    list->items[list->count++] = (sim_provenance){name, text};
}

/* The profile's hash; where points have several, a hash over each change from one to the next. */
static uint64_t hash_of_profiles(const sim_plan *plan, const sim_profile *profiles) {
    uint64_t hash = profiles[0].hash;
    for (uint32_t i = 1; i < plan->point_count; ++i) {
        if (profiles[i].hash != profiles[i - 1].hash) {
            hash = cg_hash_u64(profiles[i].hash, hash);
        }
    }
    return hash;
}

void sim_provenance_collect(const sim_plan *plan, const sim_profile *profiles, uint64_t seed,
                            sim_provenance_list *out) {
    out->count = 0;
    add(out, "cortigrid", "%s", CORTIGRID_VERSION);
    add(out, "revision", "%s", CORTIGRID_REVISION);
    add(out, "scenario", "%s", plan->file);
    add(out, "scenario_hash", "%016llx", (unsigned long long)plan->source_hash);
    add(out, "profile_hash", "%016llx", (unsigned long long)hash_of_profiles(plan, profiles));
    add(out, "seed", "%llu", (unsigned long long)seed);
    add(out, "compiler", "%s", __VERSION__);
    add(out, "simgrid", "%s", sim_cluster_version());
    add(out, "simgrid_settings", "%s", sim_cluster_settings());
    add(out, "gsl", "%s", an_stats_library_version());
    add(out, "sqlite", "%s", sim_recorder_library_version());
    add(out, "lua", "%s", sim_scenario_language_version());
}

void sim_provenance_add_topologies(uint64_t hash, sim_provenance_list *out) {
    if (hash != 0) {
        add(out, "topology_hash", "%016llx", (unsigned long long)hash);
    }
}
