/* The first half of the coarse stage: the fact's nearest concepts.
 *
 * Neighbours are the concepts with the largest mean likeness (cg_column_compare), ties by row.
 * Removed ones are in no index and in no list of the inverted file, and a comparison with all
 * leaves them out.
 * Direct: of all concepts. Hierarchical: of those that the indexes find by the dense form and the
 * inverted file by the exact form, or of what others found in the first of these indexes (an index
 * divided over hosts), re-ranked. Candidates from one form re-ranked on all beat any form
 * alone, and each finds what the other loses.
 */
#include "engine/cascade/cascade_internal.h"

/* Found by the exact form for each neighbour wanted: the mean of all forms orders a little
 * otherwise. */
enum { LEXICAL_FACTOR = 3, PREFETCHED = 4 };

static void offer(cg_cascade_scratch *scratch, uint32_t most, uint32_t row,
                  cg_likeness likeness) {
    cg_neighbour *held = scratch->neighbours;
    uint32_t count = scratch->neighbour_count;
    if (count == most) {
        const cg_neighbour *last = &held[count - 1];
        if (likeness.mean < last->likeness.mean ||
            (likeness.mean == last->likeness.mean && row > last->row)) {
            return;
        }
        count--;
    }
    uint32_t at = count;
    while (at > 0 &&
           (held[at - 1].likeness.mean < likeness.mean ||
            (held[at - 1].likeness.mean == likeness.mean && held[at - 1].row > row))) {
        held[at] = held[at - 1];
        at--;
    }
    held[at] = (cg_neighbour){.row = row, .likeness = likeness};
    scratch->neighbour_count = count + 1;
}

static cg_status search_indexes(const cg_cascade_options *options,
                                const cg_knowledge *knowledge, const float *vector,
                                cg_cascade_scratch *scratch, cg_work *work, cg_error *error) {
    cg_index_query query = {.vector = vector, .k = options->neighbours, .ef = options->ef};
    for (uint32_t i = 0; knowledge->given && i < knowledge->given_count; i++) {
        scratch->found[scratch->found_count++] = knowledge->given[i];
    }
    for (uint32_t i = knowledge->given ? 1 : 0; i < knowledge->index_count; i++) {
        if (cg_index_count(knowledge->indexes[i]) == 0) {
            continue;
        }
        uint32_t found = 0;
        cg_status status =
            cg_index_search(knowledge->indexes[i], &query, scratch->index_scratch,
                            scratch->hits, &found, work, error);
        if (status != CG_OK) {
            return status;
        }
        bool has_ids = cg_index_options_of(knowledge->indexes[i])->has_ids;
        uint32_t first_row = knowledge->index_first_row[i];
        uint32_t rows = cg_graph_concept_count(knowledge->graph) - first_row;
        for (uint32_t hit = 0; hit < found; hit++) {
            uint64_t row = has_ids ? scratch->hits[hit].id : scratch->hits[hit].row;
            if (row >= rows) {
                return cg_error_set(error, CG_ERROR_INVALID,
                                    "index %u holds id %llu; the graph has %u rows from row %u "
                                    "on, where it begins",
                                    i, (unsigned long long)row, rows, first_row);
            }
            scratch->found[scratch->found_count++] = first_row + (uint32_t)row;
        }
    }
    return CG_OK;
}

static void keep_distinct(cg_cascade_scratch *scratch) {
    cg_cascade_sort_rows(scratch->found, scratch->found_count);
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < scratch->found_count; i++) {
        if (i == 0 || scratch->found[i] != scratch->found[i - 1]) {
            scratch->found[distinct++] = scratch->found[i];
        }
    }
    scratch->found_count = distinct;
}

static uint32_t lexical_wanted(const cg_cascade_options *options) {
    uint32_t wanted = LEXICAL_FACTOR * options->neighbours;
    return wanted < CG_LEXICAL_HITS_MAX ? wanted : CG_LEXICAL_HITS_MAX;
}

cg_status cg_cascade_retrieve(const cg_cascade_options *options, const cg_knowledge *knowledge,
                              const cg_column_view *view, cg_cascade_scratch *scratch,
                              cg_work *work, cg_error *error) {
    scratch->found_count = 0;
    scratch->neighbour_count = 0;
    cg_status status =
        search_indexes(options, knowledge, view->fact.dense, scratch, work, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t lexical =
        cg_lexical_search(knowledge->features, view->fact.sparse, lexical_wanted(options),
                          scratch->lexical_scratch, scratch->lexical_hits, work);
    for (uint32_t i = 0; i < lexical; i++) {
        scratch->found[scratch->found_count++] = scratch->lexical_hits[i].row;
    }
    keep_distinct(scratch);
    for (uint32_t i = 0; i < scratch->found_count; i++) {
        if (i + PREFETCHED < scratch->found_count) {
            cg_features_prefetch(view->features, scratch->found[i + PREFETCHED]);
        }
        uint32_t row = scratch->found[i];
        offer(scratch, options->neighbours, row, cg_column_compare(view, row, work));
    }
    return CG_OK;
}

void cg_cascade_compare_all(const cg_cascade_options *options, const cg_column_view *view,
                            cg_cascade_scratch *scratch, cg_work *work) {
    scratch->found_count = 0;
    scratch->neighbour_count = 0;
    uint32_t count = cg_features_count(view->features);
    for (uint32_t row = 0; row < count; row++) {
        if (cg_graph_is_removed(view->graph, row)) {
            scratch->likenesses[row] = (cg_likeness){0};
            continue;
        }
        scratch->likenesses[row] = cg_column_compare(view, row, work);
        offer(scratch, options->neighbours, row, scratch->likenesses[row]);
    }
}
