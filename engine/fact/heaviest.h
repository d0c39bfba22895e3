/* The heaviest features of a text: at most CG_SPARSE_ENTRIES_MAX; for engine/fact alone. */
#ifndef CG_ENGINE_FACT_HEAVIEST_H
#define CG_ENGINE_FACT_HEAVIEST_H

#include "engine/fact/sparse.h"

typedef struct cg_weighed {
    uint32_t feature;
    double weight;
} cg_weighed;

typedef struct cg_heaviest { /* starts with count 0 */
    cg_weighed items[CG_SPARSE_ENTRIES_MAX];
    uint32_t count;
} cg_heaviest;

/* Features are offered once each; weights differ by size, then the lower feature is heavier. */
void cg_heaviest_offer(cg_heaviest *kept, cg_weighed item);
/* Ends the offering: items in ascending order of feature. */
void cg_heaviest_sort(cg_heaviest *kept);

#endif
