#include "engine/graph/partition/connectivity.h"

#include <string.h>

uint64_t cg_connectivity_of(const cg_cut_graph *graph, const uint32_t *part_of,
                            uint32_t *stamps) {
    uint64_t sum = 0;
    for (uint32_t row = 0; row < graph->rows; row++) {
        const uint32_t stamp = row + 1;
        const uint32_t own = part_of[row]; /* of a removed row, which has no arcs, anything */
        for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
            const uint32_t part = part_of[graph->arcs[i].target];
            sum += part != own && stamps[part] != stamp;
            stamps[part] = stamp;
        }
    }
    return sum;
}

/* held[p]: the weight of a row's neighbours' hyperedges that touch part p; all 0 between rows. Adds
 * that of the arc's target; returns its weight if the arc alone ties it to `from`, else 0. */
static int64_t add_hyperedge(const cg_refiner *r, cg_cut_arc arc, uint32_t from,
                             int64_t *held) {
    const uint32_t u = arc.target;
    const cg_refiner_slot *slots = r->slots + r->slot_starts[u];
    const uint32_t used = r->used[u] == UINT32_MAX ? r->parts : r->used[u];
    const uint32_t own = r->part_of[u];
    const int64_t weight = r->graph->row_weights[u];
    bool is_tied = false;
    held[own] += weight;
    for (uint32_t i = 0; i < used; i++) {
        if (slots[i].weight > 0 && slots[i].part != own) {
            held[slots[i].part] += weight;
            is_tied = is_tied || (slots[i].part == from && slots[i].weight == arc.weight);
        }
    }
    return is_tied ? weight : 0;
}

/* The part that row had best go to, its own when none is better. *fall: of the objective. */
static uint32_t choose(const cg_refiner *r, uint32_t row, int64_t *held, int64_t *fall) {
    const cg_cut_graph *graph = r->graph;
    const uint32_t from = r->part_of[row];
    const uint32_t kept = cg_refiner_to(r, row, from);
    int64_t freed = kept == 0 ? graph->row_weights[row] : 0; /* its own hyperedge */
    int64_t all = 0;
    for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
        freed += add_hyperedge(r, graph->arcs[i], from, held);
        all += graph->row_weights[graph->arcs[i].target];
    }
    uint32_t best = from;
    uint32_t best_weight = kept;
    *fall = 0;
    const cg_refiner_slot *slots = r->slots + r->slot_starts[row];
    const uint32_t used = r->used[row] == UINT32_MAX ? r->parts : r->used[row];
    for (uint32_t i = 0; i < used; i++) {
        const uint32_t p = slots[i].part;
        if (slots[i].weight == 0 || p == from ||
            r->part_weights[p] + graph->row_weights[row] > r->limits[p]) {
            continue;
        }
        const int64_t falls = freed - (all - held[p]);
        if (falls > *fall || (falls == *fall && slots[i].weight > best_weight)) {
            *fall = falls;
            best = p;
            best_weight = slots[i].weight;
        }
    }
    memset(held, 0, r->parts * sizeof *held);
    return best;
}

cg_status cg_connectivity_improve(cg_refiner *r, uint32_t rounds, cg_stream *stream,
                                  cg_error *error) {
    const cg_allocator *allocator = &r->graph->allocator;
    int64_t *held = cg_allocate(allocator, r->parts, sizeof *held);
    if (!held) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to refine %u parts", r->parts);
    }
    uint64_t first = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        const uint32_t count = cg_refiner_boundary(r, stream);
        uint64_t fell = 0;
        for (uint32_t i = 0; i < count; i++) {
            int64_t fall = 0;
            const uint32_t row = r->order[i];
            const uint32_t part = choose(r, row, held, &fall);
            if (part != r->part_of[row]) {
                cg_refiner_move_row(r, row, part);
                fell += (uint64_t)fall;
            }
        }
        first = round == 0 ? fell : first;
        if (fell <= first / 50) {
            break;
        }
    }
    cg_deallocate(allocator, held, r->parts, sizeof *held);
    return CG_OK;
}
