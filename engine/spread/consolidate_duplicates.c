/* Near-duplicates, each pair once.
 *
 * Idea: ask for what is similar to each row, keep what may be merged as (row, other, similarity)
 * with row < other, sort, and of equal pairs keep the most similar. Sorting is by heapsort: no
 * recursion, no more memory, and since the order is total the outcome depends on nothing else.
 */
#include "engine/spread/consolidate_duplicates.h"

#include <string.h>

typedef bool (*is_before)(const cg_duplicate *one, const cg_duplicate *other);

/* By (row, other), the more similar first. */
static bool is_pair_before(const cg_duplicate *one, const cg_duplicate *other) {
    if (one->row != other->row) {
        return one->row < other->row;
    }
    return one->other != other->other ? one->other < other->other
                                      : one->similarity > other->similarity;
}

/* The more similar first, then by (row, other). */
static bool is_more_similar(const cg_duplicate *one, const cg_duplicate *other) {
    return one->similarity != other->similarity ? one->similarity > other->similarity
                                                : is_pair_before(one, other);
}

static void sift(cg_duplicate *heap, size_t count, size_t at, is_before before) {
    cg_duplicate moving = heap[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && before(&heap[child], &heap[child + 1]);
        if (!before(&moving, &heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void sort(cg_duplicate *pairs, size_t count, is_before before) {
    for (size_t i = count / 2; i-- > 0;) {
        sift(pairs, count, i, before);
    }
    for (size_t end = count; end-- > 1;) {
        cg_duplicate last = pairs[end];
        pairs[end] = pairs[0];
        pairs[0] = last;
        sift(pairs, end, 0, before);
    }
}

static cg_status check(const cg_graph *graph, const cg_duplicate_query *query,
                       cg_error *error) {
    if (query->similar_max < 1 || query->similar_max > CG_DUPLICATE_SIMILAR_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "duplicates among %u similar rows; it must be 1..%d",
                            query->similar_max, CG_DUPLICATE_SIMILAR_MAX);
    }
    if (!(query->bound >= -1.0F && query->bound <= 1.0F)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "duplicates have a similarity of at least %g; it must be -1..1",
                            (double)query->bound);
    }
    if (query->pairs_max < 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "room for %u pairs of duplicates; it must be at least 1",
                            query->pairs_max);
    }
    uint32_t rows = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < query->row_count; i++) {
        if (query->rows[i] >= rows) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND,
                                "duplicates of concept row %u in a graph of %u concepts",
                                query->rows[i], rows);
        }
    }
    return CG_OK;
}

static bool share_parent(const cg_graph *graph, uint32_t row, uint32_t other) {
    uint32_t own[CG_DUPLICATE_PARENTS_MAX];
    uint32_t others[CG_DUPLICATE_PARENTS_MAX];
    uint32_t own_count = cg_graph_parents(graph, row, own, CG_DUPLICATE_PARENTS_MAX);
    uint32_t other_count = cg_graph_parents(graph, other, others, CG_DUPLICATE_PARENTS_MAX);
    for (uint32_t i = 0; i < own_count; i++) {
        for (uint32_t j = 0; j < other_count; j++) {
            if (own[i] == others[j]) {
                return true;
            }
        }
    }
    return false;
}

/* Whether `row` has nothing against `similar` but that their parents may differ. */
static bool may_merge(const cg_graph *graph, uint32_t row, const cg_similar *similar,
                      float bound) {
    return similar->row != row && similar->similarity >= bound &&
           cg_graph_type(graph, row) == cg_graph_type(graph, similar->row) &&
           !cg_graph_is_removed(graph, similar->row);
}

/* Appends the pairs of one row to pairs[*count]. */
static cg_status ask(const cg_graph *graph, const cg_duplicate_query *query, uint32_t row,
                     cg_duplicate *pairs, size_t *count, cg_error *error) {
    cg_similar similar[CG_DUPLICATE_SIMILAR_MAX];
    uint32_t similar_count = 0;
    cg_status status =
        query->similar(query->context, row, query->similar_max, similar, &similar_count, error);
    if (status != CG_OK) {
        return status;
    }
    if (similar_count > query->similar_max) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u rows similar to concept row %u where %u were asked for",
                            similar_count, row, query->similar_max);
    }
    uint32_t rows = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < similar_count; i++) {
        uint32_t other = similar[i].row;
        if (other >= rows) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND,
                                "row %u is similar to concept row %u in a graph of %u concepts",
                                other, row, rows);
        }
        if (similar[i].similarity != similar[i].similarity) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "the similarity of concept rows %u and %u is not a number", row,
                                other);
        }
        if (may_merge(graph, row, &similar[i], query->bound) &&
            share_parent(graph, row, other)) {
            pairs[(*count)++] = (cg_duplicate){.row = row < other ? row : other,
                                               .other = row < other ? other : row,
                                               .similarity = similar[i].similarity};
        }
    }
    return CG_OK;
}

static size_t unite(cg_duplicate *pairs, size_t count) {
    sort(pairs, count, is_pair_before);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || pairs[i].row != pairs[kept - 1].row ||
            pairs[i].other != pairs[kept - 1].other) {
            pairs[kept++] = pairs[i];
        }
    }
    return kept;
}

cg_status cg_duplicates_find(const cg_graph *graph, const cg_duplicate_query *query,
                             cg_allocator allocator, cg_duplicate *pairs, uint32_t *count,
                             cg_error *error) {
    cg_status status = check(graph, query, error);
    if (status != CG_OK) {
        return status;
    }
    if (query->row_count == 0) {
        *count = 0;
        return CG_OK;
    }
    size_t room = (size_t)query->row_count * query->similar_max;
    cg_duplicate *found = cg_allocate(&allocator, room, sizeof *found);
    if (!found) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for what is similar to %u rows, %u each",
                            query->row_count, query->similar_max);
    }
    size_t found_count = 0;
    for (uint32_t i = 0; i < query->row_count && status == CG_OK; i++) {
        if (!cg_graph_is_removed(graph, query->rows[i])) {
            status = ask(graph, query, query->rows[i], found, &found_count, error);
        }
    }
    if (status == CG_OK) {
        size_t united = unite(found, found_count);
        if (united > query->pairs_max) {
            sort(found, united, is_more_similar);
            united = query->pairs_max;
            sort(found, united, is_pair_before);
        }
        if (united > 0) {
            memcpy(pairs, found, united * sizeof *found);
        }
        *count = (uint32_t)united;
    }
    cg_deallocate(&allocator, found, room, sizeof *found);
    return status;
}
