/* What consolidate.c and consolidate_changes.c share. */
#ifndef CG_ENGINE_SPREAD_CONSOLIDATE_INTERNAL_H
#define CG_ENGINE_SPREAD_CONSOLIDATE_INTERNAL_H

#include "engine/spread/consolidate.h"

typedef struct consolidate_entry {
    uint64_t sum;
    uint32_t from;
    uint32_t target;
    uint32_t type;
    uint32_t found; /* 1 + the weight that the graph has, while changes are made; otherwise 0 */
} consolidate_entry;

struct cg_consolidator {
    cg_allocator allocator;
    cg_consolidate_options options;
    consolidate_entry *entries; /* [edges_max] in any order */
    uint32_t *slots;            /* [slot_count] 1 + entry, or 0 */
    cg_weight_change *changes;  /* [edges_max] */
    cg_active *active;          /* [active_max] of the spread being noted */
    uint32_t slot_count;        /* a power of two */
    uint32_t entry_count;
    uint64_t spreads; /* since the last consolidation */
    cg_consolidator_statistics statistics;
};

/* Slots for the entries as they lie now. */
void cg_consolidator_find_anew(cg_consolidator *consolidator);

#endif
