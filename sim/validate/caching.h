/* The engine's LRU tier (engine/tier/tier.h) under independent reads by Zipf's law, against Che's
 * approximation (closed_form.h): 100,000 keys, exponents 0.8 and 0.99, a tier of 1, 5, 10 and 25% of the
 * keys. Met when the share of reads that the tier served is within a point.
 */
#ifndef SIM_VALIDATE_CACHING_H
#define SIM_VALIDATE_CACHING_H

#include "sim/validate/findings.h"

typedef struct sim_caching_options {
    uint32_t keys;
    uint32_t warm_up; /* reads */
    uint32_t reads;   /* that count, behind them */
    uint64_t seed;
} sim_caching_options;
/* is_quick: a tenth of it all. */
sim_caching_options sim_caching_options_default(bool is_quick);

cg_status sim_validate_caching(const sim_caching_options *options, sim_findings *findings,
                               cg_error *error);

#endif
