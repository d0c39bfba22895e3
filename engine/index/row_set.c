#include "engine/index/index_internal.h"

enum { BITS_A_ROW_NUMBER = 32 };

/* A list of the rows, where it takes no more memory than the bits. */
static bool list_rows(cg_row_set *set) {
    if (set->count == 0 || set->count > set->row_limit / BITS_A_ROW_NUMBER) {
        return true;
    }
    set->rows = cg_allocate(&set->allocator, set->count, sizeof *set->rows);
    uint32_t listed = 0;
    for (uint32_t row = 0; set->rows && row < set->row_limit; row++) {
        if (cg_row_set_has(set, row)) {
            set->rows[listed++] = row;
        }
    }
    return set->rows != NULL;
}

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
    if (!list_rows(set)) {
        cg_row_set_free(set);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a list of %u rows",
                            row_limit);
    }
    *out = set;
    return CG_OK;
}

void cg_row_set_free(cg_row_set *set) {
    if (set) {
        cg_allocator allocator = set->allocator;
        cg_deallocate(&allocator, set->rows, set->count, sizeof *set->rows);
        cg_deallocate(&allocator, set->bits, ((size_t)set->row_limit + 63) / 64 + 1,
                      sizeof *set->bits);
        cg_deallocate(&allocator, set, 1, sizeof *set);
    }
}

uint32_t cg_row_set_count(const cg_row_set *set) {
    return set->count;
}
