/* The names of rows: where each row's phrases start, over the range of rows seen, and all
 * phrases in one array.
 *
 * Rows come in any order, most often upwards: the range grows at either end, by an eighth of
 * its length or more. An overlay, whose rows are above the base's, pays for its own rows alone.
 */
#include <string.h>

#include "engine/graph/lexicon_layout.h"

static cg_status widen(cg_lexicon_names_of *names, const cg_allocator *allocator, uint32_t row,
                       cg_error *error) {
    size_t before = names->row_count;
    size_t first = before > 0 ? names->first_row : row;
    size_t end = first + before;
    if (row < first) {
        size_t spare = before / 8 < first ? first - before / 8 : 0;
        first = row < spare ? row : spare;
    } else {
        end = (size_t)row + 1 > end + before / 8 ? (size_t)row + 1 : end + before / 8;
    }
    uint32_t *starts = cg_allocate(allocator, end - first, CG_LEXICON_ROW_BYTES);
    if (!starts) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the names of %zu rows of a lexicon",
                            end - first);
    }
    uint8_t *counts = (uint8_t *)(starts + (end - first));
    if (before > 0) {
        size_t shift = names->first_row - first;
        memcpy(starts + shift, names->starts, before * sizeof *starts);
        memcpy(counts + shift, names->counts, before);
        cg_deallocate(allocator, names->starts, before, CG_LEXICON_ROW_BYTES);
    }
    names->starts = starts;
    names->counts = counts;
    names->first_row = (uint32_t)first;
    names->row_count = end - first;
    return CG_OK;
}

static bool holds(const cg_lexicon_names_of *names, uint32_t row) {
    return row >= names->first_row && row - names->first_row < names->row_count;
}

cg_status cg_lexicon_names_reserve(cg_lexicon_names_of *names, const cg_allocator *allocator,
                                   uint32_t row, uint32_t count, cg_error *error) {
    if (names->phrase_count + count > UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "the lexicon holds %zu names; it is full",
                            names->phrase_count);
    }
    void *phrases = names->phrases;
    cg_status status =
        cg_lexicon_grow(allocator, &phrases, &names->phrase_capacity,
                        names->phrase_count + count, sizeof *names->phrases, error);
    names->phrases = phrases;
    if (status == CG_OK && !holds(names, row)) {
        status = widen(names, allocator, row, error);
    }
    return status;
}

void cg_lexicon_names_add(cg_lexicon_names_of *names, uint32_t row, uint64_t phrase) {
    CG_ASSERT(names->phrase_count < names->phrase_capacity && holds(names, row));
    size_t at = row - names->first_row;
    if (names->counts[at] == 0) {
        names->starts[at] = (uint32_t)names->phrase_count;
    }
    /* A row is added once, so that its names lie together. */
    CG_ASSERT(names->starts[at] + names->counts[at] == names->phrase_count);
    names->phrases[names->phrase_count++] = phrase;
    names->counts[at]++;
}

void cg_lexicon_names_forget(cg_lexicon_names_of *names, uint32_t row) {
    if (holds(names, row)) {
        names->counts[row - names->first_row] = 0;
    }
}

const uint64_t *cg_lexicon_names_at(const cg_lexicon_names_of *names, uint32_t row,
                                    uint32_t *count) {
    *count = holds(names, row) ? names->counts[row - names->first_row] : 0;
    return *count > 0 ? names->phrases + names->starts[row - names->first_row] : NULL;
}
