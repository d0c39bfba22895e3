/* The best of some starts (start.h). */
#include <string.h>

#include "engine/graph/partition/start.h"

typedef struct contest {
    const cg_cut_graph *graph;
    const cg_cut_start *start;
    uint32_t *entry; /* [rows] */
    uint32_t *best;  /* [rows], the caller's */
    uint64_t least_overload;
    uint64_t least_cut;
} contest;

/* Refines the entry as a whole; *is_best when it is ahead. */
static cg_status judge(contest *c, cg_stream *stream, bool *is_best, cg_error *error) {
    cg_refiner refiner = {0};
    cg_status status =
        cg_refiner_init(&refiner, c->graph, c->start->parts, c->start->limits, c->entry, error);
    if (status != CG_OK) {
        return status;
    }
    cg_refiner_balance(&refiner);
    cg_refiner_improve(&refiner, &c->start->effort, stream);
    const uint64_t overload = cg_refiner_overload(&refiner);
    const uint64_t cut = cg_cut_graph_cut(c->graph, c->entry);
    cg_refiner_deinit(&refiner);
    *is_best =
        overload < c->least_overload || (overload == c->least_overload && cut < c->least_cut);
    if (*is_best) {
        c->least_overload = overload;
        c->least_cut = cut;
        memcpy(c->best, c->entry, (size_t)c->graph->rows * sizeof *c->best);
    }
    return CG_OK;
}

static cg_status hold(contest *c, bool *is_spectral, cg_error *error) {
    const cg_cut_start *start = c->start;
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < start->tries && status == CG_OK; i++) {
        cg_stream stream =
            cg_stream_init(start->seed, "partition.grow", start->entity * UINT32_MAX + i);
        bool is_best = false;
        status = cg_cut_start_grow(c->graph, start, &stream, c->entry, error);
        if (status == CG_OK) {
            status = judge(c, &stream, &is_best, error);
        }
    }
    cg_stream stream = cg_stream_init(start->seed, "partition.spectral", start->entity);
    bool is_made = false;
    if (status == CG_OK && !start->is_flat) {
        status = cg_cut_start_spectral(c->graph, start, &stream, c->entry, &is_made, error);
    }
    if (status == CG_OK && is_made) {
        status = judge(c, &stream, is_spectral, error);
    }
    return status;
}

cg_status cg_cut_start_best(const cg_cut_graph *graph, const cg_cut_start *start,
                            uint32_t *part_of, bool *is_spectral, cg_error *error) {
    contest c = {.graph = graph,
                 .start = start,
                 .best = part_of,
                 .least_overload = UINT64_MAX,
                 .least_cut = UINT64_MAX};
    c.entry = cg_allocate(&graph->allocator, graph->rows, sizeof *c.entry);
    if (!c.entry) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to start a partitioning of %u rows", graph->rows);
    }
    *is_spectral = false;
    cg_status status = hold(&c, is_spectral, error);
    cg_deallocate(&graph->allocator, c.entry, graph->rows, sizeof *c.entry);
    return status;
}
