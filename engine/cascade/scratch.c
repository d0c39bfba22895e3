/* The memory of decisions: one array a quantity, grown together, filled anew by every decision.
 */
#include "engine/base/math.h"
#include "engine/cascade/cascade_internal.h"

cg_status cg_cascade_scratch_alloc(cg_allocator allocator, cg_cascade_scratch **out,
                                   cg_error *error) {
    cg_cascade_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a decision's scratch");
    }
    scratch->allocator = allocator;
    cg_status status = cg_column_scratch_alloc(allocator, &scratch->columns, error);
    if (status == CG_OK) {
        status = cg_index_scratch_alloc(allocator, &scratch->index_scratch, error);
    }
    if (status == CG_OK) {
        status = cg_lexical_scratch_alloc(allocator, &scratch->lexical_scratch, error);
    }
    if (status != CG_OK) {
        cg_cascade_scratch_free(scratch);
        return status;
    }
    *out = scratch;
    return CG_OK;
}

static void free_candidates(cg_cascade_scratch *scratch) {
    const cg_allocator *allocator = &scratch->allocator;
    size_t capacity = scratch->capacity;
    cg_deallocate(allocator, scratch->rows, capacity, sizeof *scratch->rows);
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        cg_deallocate(allocator, scratch->column_drives[column], capacity,
                      sizeof *scratch->column_drives[column]);
    }
    cg_deallocate(allocator, scratch->drives, capacity, sizeof *scratch->drives);
    cg_deallocate(allocator, scratch->order, capacity, sizeof *scratch->order);
    cg_deallocate(allocator, scratch->restated, capacity, sizeof *scratch->restated);
}

void cg_cascade_scratch_free(cg_cascade_scratch *scratch) {
    if (!scratch) {
        return;
    }
    cg_allocator allocator = scratch->allocator;
    free_candidates(scratch);
    cg_deallocate(&allocator, scratch->likenesses, scratch->likeness_capacity,
                  sizeof *scratch->likenesses);
    cg_deallocate(&allocator, scratch->spikes, scratch->dims_capacity, sizeof *scratch->spikes);
    cg_lexical_scratch_free(scratch->lexical_scratch);
    cg_index_scratch_free(scratch->index_scratch);
    cg_column_scratch_free(scratch->columns);
    cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
}

uint64_t cg_cascade_scratch_bytes(const cg_cascade_scratch *scratch) {
    size_t candidate_bytes = sizeof *scratch->rows + sizeof *scratch->drives +
                             sizeof *scratch->order + sizeof *scratch->restated +
                             CG_COLUMN_COUNT * sizeof *scratch->column_drives[0];
    return sizeof *scratch + scratch->capacity * (uint64_t)candidate_bytes +
           scratch->likeness_capacity * (uint64_t)sizeof *scratch->likenesses +
           scratch->dims_capacity * (uint64_t)sizeof *scratch->spikes +
           cg_column_scratch_bytes(scratch->columns) +
           cg_index_scratch_bytes(scratch->index_scratch) +
           cg_lexical_scratch_bytes(scratch->lexical_scratch);
}

/* What is in the arrays needs no copy: a decision fills them anew. */
static cg_status reserve_candidates(cg_cascade_scratch *scratch, uint32_t candidates,
                                    cg_error *error) {
    if (candidates <= scratch->capacity) {
        return CG_OK;
    }
    size_t capacity = (size_t)cg_round_up_power2(candidates);
    const cg_allocator *allocator = &scratch->allocator;
    cg_cascade_scratch grown = {.allocator = *allocator, .capacity = capacity};
    grown.rows = cg_allocate(allocator, capacity, sizeof *grown.rows);
    grown.drives = cg_allocate(allocator, capacity, sizeof *grown.drives);
    grown.order = cg_allocate(allocator, capacity, sizeof *grown.order);
    grown.restated = cg_allocate(allocator, capacity, sizeof *grown.restated);
    bool complete = grown.rows && grown.drives && grown.order && grown.restated;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        grown.column_drives[column] =
            cg_allocate(allocator, capacity, sizeof *grown.column_drives[column]);
        complete = complete && grown.column_drives[column];
    }
    if (!complete) {
        free_candidates(&grown);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the scratch of %u candidates", candidates);
    }
    free_candidates(scratch);
    scratch->rows = grown.rows;
    scratch->drives = grown.drives;
    scratch->order = grown.order;
    scratch->restated = grown.restated;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        scratch->column_drives[column] = grown.column_drives[column];
    }
    scratch->capacity = capacity;
    return CG_OK;
}

cg_status cg_cascade_reserve(cg_cascade_scratch *scratch, uint32_t candidates,
                             uint32_t compared, uint32_t dims, cg_error *error) {
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->spikes, scratch->dims_capacity, dims, error);
    if (status == CG_OK && compared > 0) {
        status = CG_GROW(&scratch->allocator, scratch->likenesses, scratch->likeness_capacity,
                         compared, error);
    }
    return status == CG_OK ? reserve_candidates(scratch, candidates, error) : status;
}
