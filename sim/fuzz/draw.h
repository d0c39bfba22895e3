/* What a seed of the fault search is: a point, drawn on top of a base (spec G10).
 *
 * A pure function of base and seed, so that a seed is one run for ever. Drawn are the cluster's size
 * (2 to 7 hosts), replicas and mode of acknowledgement, whether hosts take over from one another,
 * memory spaces, spreads across hosts, the load, and episodes of faults. Everything that the prepared
 * graph depends on is the base's. Each kind of draw has a stream of its own ("fuzz.cluster",
 * "fuzz.load", "fuzz.faults"), with the seed as entity.
 *
 * What comes out is a plain point: it could have been written down (sim/fuzz/scenario_text.h), and is
 * shrunk as such.
 */
#ifndef SIM_FUZZ_DRAW_H
#define SIM_FUZZ_DRAW_H

#include "sim/scenario/options.h"

/* Copies *base to *out and draws. */
void sim_fuzz_draw(const sim_options *base, uint64_t seed, sim_options *out);

#endif
