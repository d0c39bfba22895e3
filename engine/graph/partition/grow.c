/* Recursive bisection by greedy growing (start.h). */
#include <string.h>

#include "engine/base/math.h"
#include "engine/graph/partition/multilevel.h"

enum { FLAT_TRIES = 1, MULTILEVEL_TRIES = 2, FLAT_ROWS = 150 };
static const cg_refiner_effort bisection_effort = {2, 3, 60};

typedef struct bisection {
    const cg_cut_graph *graph;
    uint64_t limits[2];
    uint64_t wanted; /* weight of side 1 */
    uint32_t *side;  /* [rows] */
    uint32_t *best;  /* [rows] */
} bisection;

/* side[]: 1 for what has grown. */
static cg_status grow(bisection *b, cg_stream *stream, cg_error *error) {
    const cg_cut_graph *graph = b->graph;
    const cg_allocator *allocator = &graph->allocator;
    cg_cut_queue queue = {0};
    cg_status status = cg_cut_queue_init(&queue, graph->rows, allocator, error);
    if (status != CG_OK) {
        return status;
    }
    memset(b->side, 0, (size_t)graph->rows * sizeof *b->side);
    uint64_t grown = 0;
    uint32_t next = (uint32_t)cg_stream_next_below(stream, graph->rows);
    for (uint32_t taken = 0; taken < graph->rows && grown < b->wanted; taken++) {
        if (queue.count > 0) {
            next = cg_cut_queue_pop(&queue).row;
        } else {
            while (b->side[next] != 0) { /* the component is used up */
                next = next + 1 == graph->rows ? 0 : next + 1;
            }
        }
        b->side[next] = 1;
        if (grown + graph->row_weights[next] > b->limits[1]) {
            b->side[next] = 2; /* too heavy, and not asked again */
            continue;
        }
        grown += graph->row_weights[next];
        for (uint64_t i = graph->starts[next]; i < graph->starts[next + 1]; i++) {
            const cg_cut_arc arc = graph->arcs[i];
            if (b->side[arc.target] != 0) {
                continue;
            }
            int32_t gain = 0;
            if (cg_cut_queue_has(&queue, arc.target)) {
                gain = cg_cut_queue_gain(&queue, arc.target);
            } else {
                for (uint64_t j = graph->starts[arc.target]; j < graph->starts[arc.target + 1];
                     j++) {
                    gain -= (int32_t)graph->arcs[j].weight;
                }
            }
            cg_cut_queue_set(&queue, arc.target, gain + 2 * (int32_t)arc.weight);
        }
    }
    for (uint32_t row = 0; row < graph->rows; row++) {
        b->side[row] = b->side[row] == 1;
    }
    cg_cut_queue_deinit(&queue, allocator);
    return CG_OK;
}

/* side[]: grown and refined, on this graph or from a coarser one. */
static cg_status try_once(bisection *b, bool is_flat, cg_stream *stream, cg_error *error) {
    if (!is_flat) {
        cg_multilevel cycle = {.graph = b->graph,
                               .parts = 2,
                               .limits = b->limits,
                               .seed = cg_stream_next(stream),
                               .is_bisection = true};
        return cg_multilevel_cycle(&cycle, b->side, error);
    }
    return grow(b, stream, error);
}

/* best[]: the best of some. */
static cg_status bisect(bisection *b, bool is_flat, cg_stream *stream, cg_error *error) {
    const int tries = is_flat ? FLAT_TRIES : MULTILEVEL_TRIES;
    uint64_t least_cut = UINT64_MAX;
    uint64_t least_overload = UINT64_MAX;
    for (int i = 0; i < tries; i++) {
        cg_refiner refiner = {0};
        cg_status status = try_once(b, is_flat, stream, error);
        if (status == CG_OK) {
            status = cg_refiner_init(&refiner, b->graph, 2, b->limits, b->side, error);
        }
        if (status != CG_OK) {
            return status;
        }
        cg_refiner_balance(&refiner);
        cg_refiner_improve(&refiner, &bisection_effort, stream);
        const uint64_t overload = cg_refiner_overload(&refiner);
        const uint64_t cut = cg_cut_graph_cut(b->graph, b->side);
        cg_refiner_deinit(&refiner);
        if (overload < least_overload || (overload == least_overload && cut < least_cut)) {
            least_overload = overload;
            least_cut = cut;
            memcpy(b->best, b->side, (size_t)b->graph->rows * sizeof *b->best);
        }
    }
    return CG_OK;
}

typedef struct growth {
    const cg_cut_start *start;
    cg_stream *stream;
    uint32_t *part_of; /* of the whole graph's rows */
} growth;

typedef struct branch {
    cg_cut_graph graph;
    uint32_t *rows; /* [graph.rows]: of the whole graph */
    uint32_t first_part;
    uint32_t parts;
} branch;

static cg_status split(const growth *g, const branch *whole, cg_error *error);

/* The side's rows as a graph of their own, to be split further. */
static cg_status descend(const growth *g, const branch *whole, const uint32_t *side,
                         uint32_t which, branch *half, cg_error *error) {
    const cg_allocator *allocator = &whole->graph.allocator;
    uint32_t count = 0;
    for (uint32_t row = 0; row < whole->graph.rows; row++) {
        count += side[row] == which;
    }
    if (count == 0) {
        return CG_OK;
    }
    uint32_t *rows = cg_allocate(allocator, count, sizeof *rows);
    uint32_t *place = cg_allocate(allocator, whole->graph.rows, sizeof *place);
    half->rows = cg_allocate(allocator, count, sizeof *half->rows);
    cg_status status = CG_OK;
    if (rows && place && half->rows) {
        uint32_t next = 0;
        for (uint32_t row = 0; row < whole->graph.rows; row++) {
            place[row] = UINT32_MAX;
            if (side[row] == which) {
                half->rows[next] = whole->rows[row];
                rows[next++] = row;
            }
        }
        status = cg_cut_graph_extract(&whole->graph, rows, count, place, &half->graph, error);
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to bisect a graph of %u rows",
                              whole->graph.rows);
    }
    if (status == CG_OK) {
        status = split(g, half, error);
    }
    cg_deallocate(allocator, rows, count, sizeof *rows);
    cg_deallocate(allocator, place, whole->graph.rows, sizeof *place);
    cg_deallocate(allocator, half->rows, count, sizeof *half->rows);
    cg_cut_graph_deinit(&half->graph);
    return status;
}

static uint64_t room_of(const growth *g, uint32_t first_part, uint32_t parts) {
    uint64_t room = 0;
    for (uint32_t p = first_part; p < first_part + parts; p++) {
        room += g->start->limits[p];
    }
    return room;
}

/* What a side with so much room may hold: its share of the weight, and of what room is left over
 * the part for this bisection, the others being for those below it. */
static uint64_t side_limit(const branch *whole, uint64_t room, uint64_t side_room) {
    const uint64_t weight = whole->graph.row_weight_sum;
    const uint32_t levels = cg_log2_floor(cg_round_up_power2(whole->parts));
    const uint64_t slack =
        room > weight ? cg_mul_div(room - weight, side_room, room * levels) : 0;
    const uint64_t limit = cg_mul_div(weight, side_room, room) + slack + 1;
    return limit < side_room ? limit : side_room;
}

static cg_status split(const growth *g, const branch *whole, cg_error *error) {
    const cg_allocator *allocator = &whole->graph.allocator;
    const uint32_t rows = whole->graph.rows;
    if (whole->parts == 1) {
        for (uint32_t row = 0; row < rows; row++) {
            g->part_of[whole->rows[row]] = whole->first_part;
        }
        return CG_OK;
    }
    const uint32_t ones = whole->parts / 2;
    const uint64_t room = room_of(g, whole->first_part, whole->parts);
    const uint64_t ones_room = room_of(g, whole->first_part + whole->parts - ones, ones);
    bisection b = {
        .graph = &whole->graph,
        .limits = {side_limit(whole, room, room - ones_room),
                   side_limit(whole, room, ones_room)},
        .wanted = cg_mul_div(whole->graph.row_weight_sum, ones_room, room),
        .side = cg_allocate(allocator, rows, sizeof *b.side),
        .best = cg_allocate(allocator, rows, sizeof *b.best),
    };
    cg_status status =
        b.side && b.best ? bisect(&b, g->start->is_flat || rows <= FLAT_ROWS, g->stream, error)
                         : cg_error_set(error, CG_ERROR_MEMORY,
                                        "no memory to bisect a graph of %u rows", rows);
    branch left = {.first_part = whole->first_part, .parts = whole->parts - ones};
    branch right = {.first_part = whole->first_part + left.parts, .parts = ones};
    if (status == CG_OK) {
        status = descend(g, whole, b.best, 0, &left, error);
    }
    if (status == CG_OK) {
        status = descend(g, whole, b.best, 1, &right, error);
    }
    cg_deallocate(allocator, b.side, rows, sizeof *b.side);
    cg_deallocate(allocator, b.best, rows, sizeof *b.best);
    return status;
}

cg_status cg_cut_start_grow(const cg_cut_graph *graph, const cg_cut_start *start,
                            cg_stream *stream, uint32_t *part_of, cg_error *error) {
    growth g = {start, stream, part_of};
    branch whole = {.graph = *graph, .first_part = 0, .parts = start->parts};
    whole.rows = cg_allocate(&graph->allocator, graph->rows, sizeof *whole.rows);
    if (!whole.rows) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to bisect a graph of %u rows",
                            graph->rows);
    }
    for (uint32_t row = 0; row < graph->rows; row++) {
        whole.rows[row] = row;
    }
    cg_status status = split(&g, &whole, error);
    cg_deallocate(&graph->allocator, whole.rows, graph->rows, sizeof *whole.rows);
    return status;
}
