/* Greedy rounds and searches (refine.h). */
#include "engine/graph/partition/refine.h"

uint32_t cg_refiner_boundary(cg_refiner *r, cg_stream *stream) {
    uint32_t count = 0;
    for (uint32_t row = 0; row < r->graph->rows; row++) {
        const cg_refiner_slot *slots = r->slots + r->slot_starts[row];
        const uint32_t own = r->part_of[row];
        const uint32_t used = r->used[row] == UINT32_MAX ? r->parts : r->used[row];
        for (uint32_t i = 0; i < used; i++) {
            if (slots[i].part != own && slots[i].weight > 0) {
                r->order[count++] = row;
                break;
            }
        }
    }
    cg_stream_shuffle_u32(stream, r->order, count);
    return count;
}

/* Moves each row once to where it gains, or to where it loses nothing and there is more room.
 * Returns by how much the cut fell. */
static uint64_t greedy_round(cg_refiner *r, cg_stream *stream) {
    const uint32_t count = cg_refiner_boundary(r, stream);
    uint64_t fell = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = r->order[i];
        const uint32_t own = r->part_of[row];
        uint32_t to = 0;
        int32_t gain = 0;
        if (!cg_refiner_best(r, row, &to, &gain) || gain < 0) {
            continue;
        }
        const bool is_lighter =
            r->part_weights[to] + r->graph->row_weights[row] < r->part_weights[own];
        if (gain > 0 || is_lighter) {
            cg_refiner_move_row(r, row, to);
            fell += (uint64_t)gain;
        }
    }
    return fell;
}

/* What a move from `from` changes in the queue for the rows around it. */
static void tell_neighbours(cg_refiner *r, uint32_t row, uint32_t from) {
    const cg_cut_graph *graph = r->graph;
    const uint32_t to = r->part_of[row];
    for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
        const uint32_t near = graph->arcs[i].target;
        if (r->round_moved[near] == r->round) {
            continue;
        }
        uint32_t best = 0;
        int32_t gain = 0;
        if (!cg_cut_queue_has(&r->queue, near)) {
            if (cg_refiner_best(r, near, &best, &gain)) {
                cg_cut_queue_set(&r->queue, near, gain);
            }
            continue;
        }
        const int32_t weight = (int32_t)graph->arcs[i].weight;
        const uint32_t own = r->part_of[near];
        const int32_t held = cg_cut_queue_gain(&r->queue, near);
        int32_t bound = own == from ? held + weight : own == to ? held - weight : held;
        if (own != to) {
            const int32_t towards =
                (int32_t)cg_refiner_to(r, near, to) - (int32_t)cg_refiner_to(r, near, own);
            bound = towards > bound ? towards : bound;
        }
        if (bound != held) {
            cg_cut_queue_set(&r->queue, near, bound);
        }
    }
}

static void take_back(cg_refiner *r, uint32_t keep) {
    while (r->move_count > keep) {
        const cg_refiner_move last = r->moves[--r->move_count];
        cg_refiner_move_row(r, last.row, last.from);
    }
}

/* Moves what stands in the queue, and what comes to stand there. Returns by how much the cut
 * fell. */
static uint64_t search(cg_refiner *r, uint32_t patience) {
    uint32_t to = 0;
    int32_t gain = 0;
    int64_t sum = 0;
    int64_t best = 0;
    uint32_t keep = 0;
    r->move_count = 0;
    while (r->queue.count > 0 && r->move_count - keep < patience) {
        const cg_cut_entry first = cg_cut_queue_pop(&r->queue);
        if (!cg_refiner_best(r, first.row, &to, &gain)) {
            continue;
        }
        if (gain < first.gain && r->queue.count > 0 && gain < r->queue.entries[0].gain) {
            cg_cut_queue_set(&r->queue, first.row, gain);
            continue;
        }
        const uint32_t from = r->part_of[first.row];
        r->round_moved[first.row] = r->round;
        r->moves[r->move_count++] = (cg_refiner_move){first.row, from};
        cg_refiner_move_row(r, first.row, to);
        tell_neighbours(r, first.row, from);
        sum += gain;
        if (sum > best) {
            best = sum;
            keep = r->move_count;
        }
    }
    cg_cut_queue_clear(&r->queue);
    take_back(r, keep);
    return (uint64_t)best;
}

static void enqueue(cg_refiner *r, uint32_t row) {
    uint32_t to = 0;
    int32_t gain = 0;
    if (r->round_moved[row] != r->round && cg_refiner_best(r, row, &to, &gain)) {
        cg_cut_queue_set(&r->queue, row, gain);
    }
}

/* Whether row touches another part at least half as strongly as its own: where few do, most searches
 * would begin where nothing can be gained. */
static bool is_torn(const cg_refiner *r, uint32_t row) {
    uint32_t to = 0;
    int32_t gain = 0;
    return cg_refiner_best(r, row, &to, &gain) &&
           2 * (int64_t)gain + (int64_t)cg_refiner_to(r, row, r->part_of[row]) >= 0;
}

/* One that begins with each row of the boundary. */
static uint64_t local_round(cg_refiner *r, uint32_t patience, cg_stream *stream) {
    const uint32_t count = cg_refiner_boundary(r, stream);
    uint64_t fell = 0;
    r->round++;
    for (uint32_t i = 0; i < count; i++) {
        if (is_torn(r, r->order[i])) {
            enqueue(r, r->order[i]);
            fell += search(r, patience);
        }
    }
    return fell;
}

void cg_refiner_improve(cg_refiner *r, const cg_refiner_effort *effort, cg_stream *stream) {
    for (uint32_t i = 0; i < effort->greedy_rounds; i++) {
        if (greedy_round(r, stream) == 0) {
            break;
        }
    }
    for (uint32_t i = 0; i < effort->search_rounds; i++) {
        if (local_round(r, effort->patience, stream) == 0) {
            break;
        }
    }
}
