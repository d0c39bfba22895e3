/* Taking concepts out of a growing graph.
 *
 * A removed concept keeps its row, so that the rows of all others, here and on every other host,
 * stay what they are; a bit says that it is gone. Its edges leave their chains, and their places
 * serve edges added later. Chains are singly linked, so that an edge is found by a walk from the
 * head of its chain: removals are far rarer than additions, which would pay for a second link.
 *
 * Invariant: no edge leads to a removed concept or from one.
 */
#include "engine/graph/graph_layout.h"

bool cg_graph_is_removed(const cg_graph *graph, uint32_t row) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    while (row < graph->first_row) {
        graph = graph->base;
    }
    uint32_t own = row - graph->first_row;
    size_t word = own / ROWS_A_WORD;
    return word < graph->removed_capacity &&
           (graph->removed[word] >> own % ROWS_A_WORD & 1) != 0;
}

uint32_t cg_graph_live_count(const cg_graph *graph) {
    uint32_t count = cg_graph_concept_count(graph);
    for (; graph; graph = graph->base) {
        count -= graph->removed_count;
    }
    return count;
}

bool cg_graph_live_before(const cg_graph *graph, uint32_t row, uint32_t *before) {
    CG_ASSERT(row <= cg_graph_concept_count(graph));
    for (uint32_t own = row > graph->first_row ? row - graph->first_row : 0; own > 0;) {
        size_t word = (own - 1) / ROWS_A_WORD;
        uint64_t removed = word < graph->removed_capacity ? graph->removed[word] : 0;
        if (removed == UINT64_MAX) {
            own = (uint32_t)(word * ROWS_A_WORD);
        } else if ((removed >> (own - 1) % ROWS_A_WORD & 1) != 0) {
            own--;
        } else {
            *before = graph->first_row + own - 1;
            return true;
        }
    }
    return false;
}

/* Takes all growing edges of `from` to `target` out. */
static void unlink_all(cg_graph *graph, uint32_t from, uint32_t target) {
    chain *held = cg_chains_of(&graph->growing, from);
    uint32_t previous = NO_EDGE;
    for (uint32_t at = held ? held->head : NO_EDGE; at != NO_EDGE;) {
        uint32_t next = graph->growing.edges[at].next;
        if (graph->growing.edges[at].edge.target == target) {
            cg_chains_unlink(&graph->growing, held, previous, at);
        } else {
            previous = at;
        }
        at = next;
    }
}

static cg_status check(const cg_graph *graph, uint32_t row, cg_error *error) {
    if (row >= cg_graph_concept_count(graph) || cg_graph_is_removed(graph, row)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "there is no concept in row %u of %u, or no longer", row,
                            cg_graph_concept_count(graph));
    }
    if (!graph->base || row < graph->first_row) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the concept in row %u belongs to a base, or to a graph without one; "
            "only what was added on top of a base can be removed",
            row);
    }
    uint32_t below = cg_graph_degree_of_type(graph, row, CG_EDGE_HYPONYM) +
                     cg_graph_degree_of_type(graph, row, CG_EDGE_INSTANCE_HYPONYM);
    if (below > 0) {
        return cg_error_set(error, CG_ERROR_CONFLICT,
                            "the concept in row %u has %u concepts below it", row, below);
    }
    return CG_OK;
}

cg_status cg_graph_remove_concept(cg_graph *graph, uint32_t row, cg_error *error) {
    cg_status status = check(graph, row, error);
    if (status == CG_OK) {
        status = CG_GROW(&graph->allocator, graph->removed, graph->removed_capacity,
                         (graph->concept_count + (size_t)ROWS_A_WORD - 1) / ROWS_A_WORD, error);
    }
    if (status != CG_OK) {
        return status;
    }
    chain *held = cg_chains_of(&graph->growing, row);
    while (held && held->count > 0) {
        uint32_t target = graph->growing.edges[held->head].edge.target;
        cg_chains_unlink(&graph->growing, held, NO_EDGE, held->head);
        unlink_all(graph, target, row);
    }
    uint32_t own = row - graph->first_row;
    graph->removed[own / ROWS_A_WORD] |= UINT64_C(1) << own % ROWS_A_WORD;
    graph->removed_count++;
    return CG_OK;
}
