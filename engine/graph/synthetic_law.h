/* A power law cut off at both ends, p(x) ~ x^-exponent on [least, most], and a permutation of
 * rows; for engine/graph/synthetic alone.
 */
#ifndef CG_ENGINE_GRAPH_SYNTHETIC_LAW_H
#define CG_ENGINE_GRAPH_SYNTHETIC_LAW_H

#include <stdint.h>

typedef struct power_law { /* a value */
    double exponent;       /* above 1 */
    double most;
    double ratio; /* least / most, in (0, 1]; 1: a single value */
} power_law;

/* The one with that mean, 0 < mean <= most. */
power_law cg_power_law_init(double exponent, double mean, double most);
/* Expected value. */
double cg_power_law_mean(const power_law *law);
/* The value that a share of draws exceeds; share in [0, 1]. Descends from most to least. */
double cg_power_law_quantile(const power_law *law, double share);
/* The share of draws that together make up `mass`, in [0, 1], of the sum, the greatest ones
 * first. Ascends from 0 to 1. */
double cg_power_law_share_of_mass(const power_law *law, double mass);

enum { ROW_ORDER_ROUNDS = 4 };

/* A permutation of 0..count - 1 without a table. */
typedef struct row_order { /* a value */
    uint32_t count;
    uint32_t bits; /* the least with count <= 2^bits */
    uint32_t factors[ROW_ORDER_ROUNDS];
    uint32_t inverses[ROW_ORDER_ROUNDS];
    uint32_t terms[ROW_ORDER_ROUNDS];
} row_order;

row_order cg_row_order_init(uint32_t count, uint64_t seed);       /* 2 <= count <= 2^31 */
uint32_t cg_row_order_at(const row_order *order, uint32_t place); /* place < count */
uint32_t cg_row_order_find(const row_order *order, uint32_t row); /* the place of a row */

#endif
