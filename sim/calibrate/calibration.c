#include "sim/calibrate/calibration.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vector/kernel.h"

enum { WORKS_MAX = 64, TEXT_BYTES = 64 << 10 };
static const double core_watts = 3.5;
static const double taken_off_most = 0.9;

void sim_calibration_init(sim_calibration *calibration, const sim_profile *reference) {
    *calibration = (sim_calibration){.machine = ""};
    sim_calibration_machine(calibration->machine);
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        const sim_profile_entry *entry = &reference->entries[kind];
        calibration->costs.fixed_ns[kind] = (double)entry->fixed_ps / 1000.0;
        calibration->costs.per_unit_ns[kind] = (double)entry->per_unit_ps / 1000.0;
        snprintf(calibration->sources[kind], SIM_SOURCE_BYTES,
                 "not measured here: as in the reference profile");
    }
}

void sim_calibration_set(sim_calibration *calibration, cg_work_kind kind, double fixed_ns,
                         double per_unit_ns, const char *how) {
    calibration->costs.fixed_ns[kind] = fixed_ns;
    calibration->costs.per_unit_ns[kind] = per_unit_ns;
    calibration->is_measured[kind] = true;
    snprintf(calibration->sources[kind], SIM_SOURCE_BYTES, "measured on %s: %.230s",
             calibration->machine, how);
}

void sim_calibration_fit(sim_calibration *calibration, cg_work_kind kind,
                         const sim_fit_work *works, uint32_t count, const char *how) {
    sim_fit_point points[WORKS_MAX];
    uint32_t used = count < WORKS_MAX ? count : (uint32_t)WORKS_MAX;
    for (uint32_t i = 0; i < used; i++) {
        cg_work others = works[i].work;
        others.operations[kind] = 0;
        others.units[kind] = 0;
        double off = sim_costs_of(&calibration->costs, &others);
        double most = taken_off_most * works[i].ns;
        points[i] = (sim_fit_point){.operations = (double)works[i].work.operations[kind],
                                    .units = (double)works[i].work.units[kind],
                                    .ns = works[i].ns - (off < most ? off : most)};
    }
    sim_fit_line line = sim_fit_points(points, used);
    char text[SIM_SOURCE_BYTES];
    snprintf(text, sizeof text, "%.200s; off by at most %.0f%%", how, 100.0 * line.worst);
    sim_calibration_set(calibration, kind, line.fixed_ns, line.per_unit_ns, text);
}

/* The value of the first line "model name : ..." of /proc/cpuinfo. */
static void read_model(char *out, size_t capacity_bytes) {
    snprintf(out, capacity_bytes, "unknown processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) {
        return;
    }
    char line[256];
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            size_t used = 0;
            for (const char *c = colon + 2; *c && *c != '\n' && used + 1 < capacity_bytes;
                 c++) {
                out[used++] = isprint((unsigned char)*c) ? *c : ' ';
            }
            out[used] = '\0';
            break;
        }
    }
    (void)fclose(file);
}

void sim_calibration_machine(char out[SIM_MACHINE_BYTES]) {
    char model[SIM_MACHINE_BYTES - 16];
    read_model(model, sizeof model);
    snprintf(out, SIM_MACHINE_BYTES, "%s, %s", model, cg_kernels_best()->name);
}

/* --- text ----------------------------------------------------------------- */

typedef struct text_end {
    char *text;
    size_t used;
} text_end;

static void add_line(text_end *end, const sim_calibration *calibration,
                     const sim_profile *reference, int kind) {
    const sim_profile_entry *entry = &reference->entries[kind];
    const bool is_core = entry->resource == SIM_RESOURCE_CORE;
    const double fixed = calibration->costs.fixed_ns[kind];
    const double per_unit = calibration->costs.per_unit_ns[kind];
    const double fixed_pj =
        is_core ? 1000.0 * core_watts * fixed : (double)entry->fixed_fj / 1e3;
    const double per_unit_pj =
        is_core ? 1000.0 * core_watts * per_unit : (double)entry->per_unit_fj / 1e3;
    int length = snprintf(end->text + end->used, TEXT_BYTES - end->used,
                          "%s\t%s\t%.3f\t%.3f\t%.3f\t%.3f\t%s\t%s\n",
                          cg_work_kind_name((cg_work_kind)kind),
                          cg_work_kind_unit((cg_work_kind)kind), fixed, per_unit, fixed_pj,
                          per_unit_pj, is_core ? "core" : "disk", calibration->sources[kind]);
    end->used += length > 0 ? (size_t)length : 0;
}

cg_status sim_calibration_format(const sim_calibration *calibration,
                                 const sim_profile *reference, char **text, cg_error *error) {
    text_end end = {.text = malloc(TEXT_BYTES)};
    if (!end.text) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a profile's text");
    }
    int length = snprintf(
        end.text, TEXT_BYTES,
        "# Cost profile of %s, by cortigrid calibrate.\n"
        "# Times as each line's source says. Energy: of core lines 3.5 W a busy core, so\n"
        "# 3,500 pJ/ns (the reference's estimate, not measured here); of disk lines the\n"
        "# reference's figures.\n"
        "kind\tunit\tfixed_ns\tper_unit_ns\tfixed_pj\tper_unit_pj\tresource\tsource\n",
        calibration->machine);
    end.used = (size_t)length;
    _Static_assert(TEXT_BYTES > CG_WORK_KIND_COUNT * (SIM_SOURCE_BYTES + 256) + 1024,
                   "every line fits");
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        add_line(&end, calibration, reference, kind);
    }
    *text = end.text;
    return CG_OK;
}
