/* The refiner's table, and balance (refine.h). */
#include "engine/graph/partition/refine.h"

static const uint32_t dense = UINT32_MAX; /* in used[] */

static cg_status allocate(cg_refiner *r, cg_error *error) {
    const cg_cut_graph *graph = r->graph;
    const cg_allocator *allocator = &graph->allocator;
    const uint32_t rows = graph->rows;
    r->part_weights = cg_allocate(allocator, r->parts, sizeof *r->part_weights);
    r->slot_starts = cg_allocate(allocator, (size_t)rows + 1, sizeof *r->slot_starts);
    r->slots = cg_allocate(allocator, r->slot_count, sizeof *r->slots);
    r->used = cg_allocate(allocator, rows, sizeof *r->used);
    r->order = cg_allocate(allocator, rows, sizeof *r->order);
    r->round_moved = cg_allocate(allocator, rows, sizeof *r->round_moved);
    r->moves = cg_allocate(allocator, rows, sizeof *r->moves);
    cg_status status = cg_cut_queue_init(&r->queue, rows, allocator, error);
    if (status == CG_OK && (!r->part_weights || !r->slot_starts || !r->used || !r->order ||
                            !r->round_moved || !r->moves || (r->slot_count > 0 && !r->slots))) {
        status = cg_error_set(error, CG_ERROR_MEMORY,
                              "no memory to refine a partitioning of %u rows", rows);
    }
    return status;
}

static inline void add_slot(cg_refiner *r, uint32_t row, uint32_t part, uint32_t weight) {
    cg_refiner_slot *slots = r->slots + r->slot_starts[row];
    if (r->used[row] == dense) {
        slots[part].weight += weight;
        return;
    }
    uint32_t i = 0;
    while (i < r->used[row] && slots[i].part != part) {
        i++;
    }
    if (i == r->used[row]) {
        r->used[row]++;
        slots[i] = (cg_refiner_slot){part, 0};
    }
    slots[i].weight += weight;
}

static inline void subtract_slot(cg_refiner *r, uint32_t row, uint32_t part, uint32_t weight) {
    cg_refiner_slot *slots = r->slots + r->slot_starts[row];
    if (r->used[row] == dense) {
        slots[part].weight -= weight;
        return;
    }
    uint32_t i = 0;
    while (slots[i].part != part) {
        i++;
    }
    slots[i].weight -= weight;
    if (slots[i].weight == 0) {
        slots[i] = slots[--r->used[row]];
    }
}

static void fill(cg_refiner *r) {
    const cg_cut_graph *graph = r->graph;
    uint64_t slots = 0;
    for (uint32_t row = 0; row < graph->rows; row++) {
        const uint64_t degree = cg_cut_graph_degree(graph, row);
        r->slot_starts[row] = slots;
        r->used[row] = degree >= r->parts ? dense : 0;
        slots += degree >= r->parts ? r->parts : degree;
        r->part_weights[r->part_of[row]] += graph->row_weights[row];
    }
    r->slot_starts[graph->rows] = slots;
    for (uint32_t row = 0; row < graph->rows; row++) {
        if (r->used[row] == dense) {
            for (uint32_t p = 0; p < r->parts; p++) {
                r->slots[r->slot_starts[row] + p].part = p;
            }
        }
        for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
            add_slot(r, row, r->part_of[graph->arcs[i].target], graph->arcs[i].weight);
        }
    }
}

cg_status cg_refiner_init(cg_refiner *refiner, const cg_cut_graph *graph, uint32_t parts,
                          const uint64_t *limits, uint32_t *part_of, cg_error *error) {
    cg_refiner made = {.graph = graph, .parts = parts, .limits = limits, .part_of = part_of};
    for (uint32_t row = 0; row < graph->rows; row++) {
        const uint64_t degree = cg_cut_graph_degree(graph, row);
        made.slot_count += degree >= parts ? parts : degree;
    }
    cg_status status = allocate(&made, error);
    if (status != CG_OK) {
        cg_refiner_deinit(&made);
        return status;
    }
    fill(&made);
    *refiner = made;
    return CG_OK;
}

void cg_refiner_deinit(cg_refiner *r) {
    if (!r->graph) {
        return;
    }
    const cg_allocator *allocator = &r->graph->allocator;
    const uint32_t rows = r->graph->rows;
    cg_deallocate(allocator, r->part_weights, r->parts, sizeof *r->part_weights);
    cg_deallocate(allocator, r->slot_starts, (size_t)rows + 1, sizeof *r->slot_starts);
    cg_deallocate(allocator, r->slots, r->slot_count, sizeof *r->slots);
    cg_deallocate(allocator, r->used, rows, sizeof *r->used);
    cg_deallocate(allocator, r->order, rows, sizeof *r->order);
    cg_deallocate(allocator, r->round_moved, rows, sizeof *r->round_moved);
    cg_deallocate(allocator, r->moves, rows, sizeof *r->moves);
    cg_cut_queue_deinit(&r->queue, allocator);
    *r = (cg_refiner){0};
}

uint32_t cg_refiner_to(const cg_refiner *r, uint32_t row, uint32_t part) {
    const cg_refiner_slot *slots = r->slots + r->slot_starts[row];
    if (r->used[row] == dense) {
        return slots[part].weight;
    }
    for (uint32_t i = 0; i < r->used[row]; i++) {
        if (slots[i].part == part) {
            return slots[i].weight;
        }
    }
    return 0;
}

void cg_refiner_move_row(cg_refiner *r, uint32_t row, uint32_t part) {
    const cg_cut_graph *graph = r->graph;
    const uint32_t from = r->part_of[row];
    r->part_weights[from] -= graph->row_weights[row];
    r->part_weights[part] += graph->row_weights[row];
    r->part_of[row] = part;
    for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
        subtract_slot(r, graph->arcs[i].target, from, graph->arcs[i].weight);
        add_slot(r, graph->arcs[i].target, part, graph->arcs[i].weight);
    }
}

bool cg_refiner_best(const cg_refiner *r, uint32_t row, uint32_t *part, int32_t *gain) {
    const uint32_t own = r->part_of[row];
    const uint32_t count = r->used[row] == dense ? r->parts : r->used[row];
    const cg_refiner_slot *slots = r->slots + r->slot_starts[row];
    const uint64_t row_weight = r->graph->row_weights[row];
    uint32_t kept = 0; /* to(row, own) */
    uint32_t most = 0;
    uint64_t room = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t p = slots[i].part;
        const uint32_t weight = slots[i].weight;
        if (p == own) {
            kept = weight;
            continue;
        }
        if (weight < most || weight == 0 || r->part_weights[p] + row_weight > r->limits[p]) {
            continue;
        }
        const uint64_t left = r->limits[p] - r->part_weights[p];
        if (weight > most || left > room || (left == room && p < *part)) {
            most = weight;
            room = left;
            *part = p;
        }
    }
    *gain = (int32_t)most - (int32_t)kept;
    return most > 0;
}

/* --- balance -------------------------------------------------------------- */

uint64_t cg_refiner_overload(const cg_refiner *r) {
    uint64_t sum = 0;
    for (uint32_t p = 0; p < r->parts; p++) {
        sum += r->part_weights[p] > r->limits[p] ? r->part_weights[p] - r->limits[p] : 0;
    }
    return sum;
}

/* As cg_refiner_best, but then any part with room, the one with most of it. */
static bool best_anywhere(const cg_refiner *r, uint32_t row, uint32_t *part, int32_t *gain) {
    if (cg_refiner_best(r, row, part, gain)) {
        return true;
    }
    uint64_t room = 0;
    for (uint32_t p = 0; p < r->parts; p++) {
        const uint64_t held = r->part_weights[p] + r->graph->row_weights[row];
        if (p != r->part_of[row] && held <= r->limits[p] &&
            r->limits[p] - r->part_weights[p] > room) {
            room = r->limits[p] - r->part_weights[p];
            *part = p;
        }
    }
    *gain = -(int32_t)cg_refiner_to(r, row, r->part_of[row]);
    return room > 0;
}

static void lighten(cg_refiner *r, uint32_t part) {
    uint32_t to = 0;
    int32_t gain = 0;
    cg_cut_queue_clear(&r->queue);
    for (uint32_t row = 0; row < r->graph->rows; row++) {
        if (r->part_of[row] == part && r->graph->row_weights[row] > 0 &&
            best_anywhere(r, row, &to, &gain)) {
            cg_cut_queue_set(&r->queue, row, gain);
        }
    }
    while (r->queue.count > 0 && r->part_weights[part] > r->limits[part]) {
        const cg_cut_entry first = cg_cut_queue_pop(&r->queue);
        if (!best_anywhere(r, first.row, &to, &gain)) {
            continue;
        }
        if (gain < first.gain) {
            cg_cut_queue_set(&r->queue, first.row, gain);
            continue;
        }
        cg_refiner_move_row(r, first.row, to);
        for (uint64_t i = r->graph->starts[first.row]; i < r->graph->starts[first.row + 1];
             i++) {
            const uint32_t near = r->graph->arcs[i].target;
            if (cg_cut_queue_has(&r->queue, near) && best_anywhere(r, near, &to, &gain)) {
                cg_cut_queue_set(&r->queue, near, gain);
            }
        }
    }
    cg_cut_queue_clear(&r->queue);
}

void cg_refiner_balance(cg_refiner *r) {
    for (uint32_t p = 0; p < r->parts; p++) {
        if (r->part_weights[p] > r->limits[p]) {
            lighten(r, p);
        }
    }
}
