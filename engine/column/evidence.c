#include "engine/column/evidence.h"

#include "engine/base/hash.h"
#include "engine/base/math.h"

cg_status cg_column_scratch_alloc(cg_allocator allocator, cg_column_scratch **out,
                                  cg_error *error) {
    cg_column_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the %zu bytes of a column's scratch",
                            sizeof *scratch);
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

void cg_column_scratch_free(cg_column_scratch *scratch) {
    if (scratch) {
        cg_allocator allocator = scratch->allocator;
        cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
    }
}

uint64_t cg_column_scratch_bytes(const cg_column_scratch *scratch) {
    return sizeof *scratch;
}

/* The slot that holds the row in this epoch, or the first free one on its way. */
static uint32_t place_of(const cg_column_scratch *scratch, uint32_t row) {
    uint32_t mask = (UINT32_C(1) << scratch->slots_used_log2) - 1;
    uint32_t at = (uint32_t)cg_hash_u64(row, 2) & mask;
    while (scratch->slots[at].epoch == scratch->epoch && scratch->slots[at].row != row) {
        at = (at + 1) & mask;
    }
    return at;
}

const cg_evidence *cg_evidence_find(const cg_column_scratch *scratch, uint32_t row) {
    const cg_evidence *slot = &scratch->slots[place_of(scratch, row)];
    return slot->epoch == scratch->epoch ? slot : NULL;
}

cg_evidence *cg_evidence_take(cg_column_scratch *scratch, uint32_t row) {
    cg_evidence *slot = &scratch->slots[place_of(scratch, row)];
    if (slot->epoch != scratch->epoch) {
        *slot = (cg_evidence){.row = row, .epoch = scratch->epoch};
    }
    return slot;
}

uint32_t cg_evidence_parents(const cg_column_view *view, cg_column_scratch *scratch,
                             uint32_t row, uint32_t parents[CG_PARENTS_MAX], cg_work *work) {
    cg_evidence *entry = cg_evidence_take(scratch, row);
    if (!entry->expanded) {
        entry->expanded = true;
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, cg_graph_degree(view->graph, row));
        if (view->touched) {
            view->touched(view->touched_context, row, CG_TOUCH_NODE);
        }
    }
    return cg_graph_parents(view->graph, row, parents, CG_PARENTS_MAX);
}

static void start_decision(const cg_column_view *view, cg_column_scratch *scratch) {
    if (scratch->epoch == UINT32_MAX) {
        for (uint32_t i = 0; i < CG_EVIDENCE_SLOTS; i++) {
            scratch->slots[i].epoch = 0;
        }
        scratch->epoch = 0;
    }
    scratch->epoch++;
    uint64_t entries = ((uint64_t)view->neighbour_count + CG_RECENT_MAX) * CG_FAMILY_MAX +
                       (uint64_t)view->neighbour_count; /* antonyms: at most one a neighbour */
    uint64_t slots = cg_round_up_power2(entries + entries / 2);
    CG_ASSERT(slots <= CG_EVIDENCE_SLOTS);
    scratch->slots_used_log2 = cg_log2_floor(slots);
    scratch->retrieved_count = 0;
    scratch->votes_total = 0.0;
    scratch->type_mass_largest = 0.0;
    for (uint32_t type = 0; type < CG_CONCEPT_TYPES; type++) {
        scratch->type_mass[type] = 0.0;
    }
}

void cg_column_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work) {
    CG_ASSERT(view->neighbour_count <= CG_NEIGHBOURS_MAX);
    start_decision(view, scratch);
    cg_structural_prepare(view, scratch, work);
    cg_exception_prepare(view, scratch, work);
    cg_temporal_prepare(view, scratch, work);
}

uint32_t cg_column_retrieved(const cg_column_scratch *scratch, const uint32_t **rows) {
    *rows = scratch->retrieved;
    return scratch->retrieved_count;
}

bool cg_column_expanded(const cg_column_scratch *scratch, uint32_t row) {
    const cg_evidence *entry = cg_evidence_find(scratch, row);
    return entry && entry->expanded;
}
