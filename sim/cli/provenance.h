/* Where results come from: what is recorded beside them, outside the fingerprint. */
#ifndef SIM_CLI_PROVENANCE_H
#define SIM_CLI_PROVENANCE_H

#include "sim/host/profile.h"
#include "sim/record/recorder.h"

enum { SIM_PROVENANCE_MAX = 16, SIM_PROVENANCE_TEXT_BYTES = 128 };

typedef struct sim_provenance_list {
    sim_provenance items[SIM_PROVENANCE_MAX];
    char texts[SIM_PROVENANCE_MAX][SIM_PROVENANCE_TEXT_BYTES];
    uint32_t count;
} sim_provenance_list;

/* profiles: of each point. Revision, compiler, library versions, hashes of scenario and profile, seed. items point into
 * the list. */
void sim_provenance_collect(const sim_plan *plan, const sim_profile *profiles, uint64_t seed,
                            sim_provenance_list *out);
/* Of the files that topologies are from, where there are any. */
void sim_provenance_add_topologies(uint64_t hash, sim_provenance_list *out);

#endif
