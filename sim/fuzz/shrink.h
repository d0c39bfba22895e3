/* A failing point made smaller, as long as it fails alike (delta debugging: Zeller & Hildebrandt,
 * "Simplifying and isolating failure-inducing input", TSE 2002).
 *
 * First ddmin over the faults: subsets and complements of ever finer divisions, until no single fault
 * can be left out. Then what is simpler of everything else: fewer requests, fewer kinds of them, fewer
 * hosts, fewer replicas and spaces, a plain network. All again until nothing changes, or the tries are
 * used up. Invariant: the point that is kept fails.
 */
#ifndef SIM_FUZZ_SHRINK_H
#define SIM_FUZZ_SHRINK_H

#include "sim/scenario/options.h"

typedef struct sim_shrink_options {
    /* Whether the point fails in the way that matters. */
    bool (*fails)(void *context, const sim_options *point);
    void *context;
    uint32_t tries_max;
} sim_shrink_options;

/* *point fails, before and after. Returns the tries that it took. */
uint32_t sim_shrink(const sim_shrink_options *options, sim_options *point);

#endif
