#include "engine/index/index_internal.h"

cg_status cg_row_set_alloc(const cg_index *index, cg_id_predicate passes, void *context,
                           cg_allocator allocator, cg_row_set **out, cg_error *error) {
    const uint32_t row_limit = cg_index_row_limit(index);
    const size_t words = ((size_t)row_limit + 63) / 64 + 1;
    cg_row_set *set = cg_allocate(&allocator, 1, sizeof *set);
    uint64_t *bits = cg_allocate(&allocator, words, sizeof *bits);
    if (!set || !bits) {
        cg_deallocate(&allocator, bits, words, sizeof *bits);
        cg_deallocate(&allocator, set, 1, sizeof *set);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a set of %u rows",
                            row_limit);
    }
    *set = (cg_row_set){.index = index,
                        .allocator = allocator,
                        .bits = bits,
                        .row_limit = row_limit,
                        .reuses = index->reuses};
    for (uint32_t row = 0; row < row_limit; row++) {
        if (!cg_index_is_removed(index, row) && passes(context, cg_index_id(index, row))) {
            bits[row / 64] |= UINT64_C(1) << (row % 64);
            set->count++;
        }
    }
    *out = set;
    return CG_OK;
}

void cg_row_set_free(cg_row_set *set) {
    if (set) {
        cg_allocator allocator = set->allocator;
        cg_deallocate(&allocator, set->bits, ((size_t)set->row_limit + 63) / 64 + 1,
                      sizeof *set->bits);
        cg_deallocate(&allocator, set, 1, sizeof *set);
    }
}

uint32_t cg_row_set_count(const cg_row_set *set) {
    return set->count;
}
