/* Cost profile: what a count of work costs in time and energy (spec G4).
 *
 * Text, tab-separated, one line a kind of work (engine/base/work.h), in any order; '#' starts a
 * comment line. The first other line is the header
 *
 *   kind  unit  fixed_ns  per_unit_ns  fixed_pj  per_unit_pj  resource  source
 *
 * An operation costs fixed, and each unit in it per_unit. resource says what is occupied: core
 * or disk. source says where the figures come from, and may not be empty. Figures are decimal,
 * not negative, with at most three places, and are kept as integers (picoseconds, femtojoules),
 * so that equal counts cost the same on every machine.
 *
 * Invariant: every kind has exactly one line, and its unit is the engine's.
 */
#ifndef SIM_HOST_PROFILE_H
#define SIM_HOST_PROFILE_H

#include "engine/base/status.h"
#include "engine/base/work.h"

typedef enum sim_resource { SIM_RESOURCE_CORE, SIM_RESOURCE_DISK } sim_resource;

typedef struct sim_profile_entry {
    uint64_t fixed_ps; /* each at most 10^15 (1,000 s) */
    uint64_t per_unit_ps;
    uint64_t fixed_fj;
    uint64_t per_unit_fj;
    sim_resource resource;
} sim_profile_entry;

typedef struct sim_profile {
    sim_profile_entry entries[CG_WORK_KIND_COUNT];
    uint64_t hash; /* of the entries: for provenance */
} sim_profile;

/* `name` is used in errors, which name line and column: "reference.tsv:7: per_unit_ns ...". */
cg_status sim_profile_parse(const char *name, const char *text, size_t size_bytes,
                            sim_profile *out, cg_error *error);
cg_status sim_profile_read(const char *path, sim_profile *out, cg_error *error);

typedef struct sim_cost {
    uint64_t core_ns; /* in all, rounded up; saturates */
    uint64_t disk_ns;
    uint64_t tier_core_ns; /* of core_ns: tier reads */
    uint64_t tier_disk_ns; /* of disk_ns: tier reads */
    uint64_t energy_pj;    /* rounded up */
} sim_cost;

sim_cost sim_profile_cost(const sim_profile *profile, const cg_work *work);

/* A copy whose disk kinds (those with resource disk) take access_ns an operation and
 * 1/bandwidth a byte (to the nearest ps): the disk that a scenario asks for instead of the
 * profile's. Zero keeps the profile's figure. */
sim_profile sim_profile_with_disk(const sim_profile *profile, uint64_t access_ns,
                                  uint64_t bandwidth_bytes_per_s);
/* The same for one kind, whatever its resource. */
sim_profile sim_profile_with_kind(const sim_profile *profile, cg_work_kind kind,
                                  uint64_t access_ns, uint64_t bandwidth_bytes_per_s);

#endif
