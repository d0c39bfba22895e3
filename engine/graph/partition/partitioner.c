/* Multilevel spectral partitioning (partitioner.h), as a whole.
 *
 *   the concepts' graph, symmetric                          cut_graph.c
 *   `starts` times: a cycle from nothing                    multilevel.c
 *       coarsen by clusters, until about 24 rows a part     coarsen.c, contract.c
 *       start there: grown some times, spectral             grow.c, spectral.c, spectrum.c
 *       project back, balance, refine at each level         refine.c, refine_table.c
 *       then `cycles` times from what was found
 *       then one that combines it with the best so far
 *   where connectivity is the objective, some cycles more, refining for that alone: connectivity.c
 *
 * Sources: Karypis & Kumar 1998 (multilevel k-way), Ng, Jordan & Weiss 2001 (spectral), Meyerhenke,
 * Sanders & Schulz 2014 (clusters for networks with hubs), Sanders & Schulz 2011 and 2012
 * (searches, cycles, combining).
 *
 * Where we differ: while rows are heavy, on coarse levels, a part may exceed its limit by half the
 * heaviest row, for else nothing could move; the next finer levels take that back. All arithmetic
 * that decides is of integers, but for the spectrum and the rating of a matching, which is one
 * division.
 *
 * Known value: two cliques of 8 joined by one edge have the cut 1 in two parts.
 */
#include "engine/graph/partition/partitioner.h"

#include <string.h>

#include "engine/graph/partition/connectivity.h"
#include "engine/graph/partition/multilevel.h"

cg_partitioning_options cg_partitioning_options_default(uint32_t parts) {
    return (cg_partitioning_options){.parts = parts, .imbalance = 0.03, .seed = 1};
}

static cg_status check_options(const cg_partitioning_options *o, cg_error *error) {
    if (o->parts < 1 || o->parts > CG_PARTITIONER_PARTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u parts: must be 1 to %d", o->parts,
                            CG_PARTITIONER_PARTS_MAX);
    }
    if (!(o->imbalance >= 0.0 && o->imbalance <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID, "imbalance %g: must be 0 to 1",
                            o->imbalance);
    }
    if ((uint32_t)o->objective >= CG_PARTITIONER_OBJECTIVE_COUNT ||
        (uint32_t)o->weights >= CG_PARTITIONER_WEIGHTS_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "objective %u, weights %u: must be one of the enumerated",
                            (uint32_t)o->objective, (uint32_t)o->weights);
    }
    if (o->starts > CG_PARTITIONER_STARTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u starts: must be at most %d", o->starts,
                            CG_PARTITIONER_STARTS_MAX);
    }
    if (o->cycles > CG_PARTITIONER_CYCLES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u cycles: must be at most %d", o->cycles,
                            CG_PARTITIONER_CYCLES_MAX);
    }
    return CG_OK;
}

/* --- starts, cycles, and combining ---------------------------------------- */

typedef struct partitioner {
    cg_cut_graph graph;
    const cg_partitioning_options *options;
    uint64_t *limits;     /* [parts] */
    uint32_t *stamps;     /* [parts] */
    uint32_t *best;       /* [rows] */
    uint32_t *entry;      /* [rows] */
    uint32_t *attempt;    /* [rows] */
    bool is_connectivity; /* what improvements are judged by; at first the cut is */
    uint32_t starts;
    uint32_t cycles;
    uint64_t entity; /* cycles so far */
    uint32_t levels; /* of the first cycle */
    uint32_t coarsest;
    uint32_t spectral;
} partitioner;

static uint64_t worth(partitioner *p, const uint32_t *part_of) {
    if (!p->is_connectivity) {
        return cg_cut_graph_cut(&p->graph, part_of);
    }
    memset(p->stamps, 0, p->options->parts * sizeof *p->stamps);
    return cg_connectivity_of(&p->graph, part_of, p->stamps);
}

/* A cycle from part_of, or from part_of and other; kept when it is better. */
static cg_status improve(partitioner *p, uint32_t *part_of, const uint32_t *other,
                         cg_error *error) {
    const size_t bytes = (size_t)p->graph.rows * sizeof *part_of;
    cg_multilevel cycle = {.graph = &p->graph,
                           .parts = p->options->parts,
                           .limits = p->limits,
                           .seed = p->options->seed,
                           .entity = ++p->entity,
                           .is_connectivity = p->is_connectivity,
                           .is_given = true,
                           .other = other};
    memcpy(p->attempt, part_of, bytes);
    cg_status status = cg_multilevel_cycle(&cycle, p->attempt, error);
    if (status == CG_OK && worth(p, p->attempt) < worth(p, part_of)) {
        memcpy(part_of, p->attempt, bytes);
    }
    return status;
}

static cg_status start(partitioner *p, uint32_t *part_of, cg_error *error) {
    cg_multilevel cycle = {.graph = &p->graph,
                           .parts = p->options->parts,
                           .limits = p->limits,
                           .seed = p->options->seed,
                           .entity = ++p->entity};
    cg_status status = cg_multilevel_cycle(&cycle, part_of, error);
    if (status == CG_OK) {
        p->levels = p->entity == 1 ? cycle.levels : p->levels;
        p->coarsest = p->entity == 1 ? cycle.coarsest : p->coarsest;
        p->spectral += cycle.is_spectral;
    }
    for (uint32_t i = 0; i < p->cycles && status == CG_OK; i++) {
        status = improve(p, part_of, NULL, error);
    }
    return status;
}

static cg_status search(partitioner *p, cg_error *error) {
    cg_status status = start(p, p->best, error);
    for (uint32_t i = 1; i < p->starts && status == CG_OK; i++) {
        status = start(p, p->entry, error);
        if (status == CG_OK && worth(p, p->entry) < worth(p, p->best)) {
            uint32_t *better = p->entry;
            p->entry = p->best;
            p->best = better;
        }
        if (status == CG_OK) {
            status = improve(p, p->best, p->entry, error);
        }
    }
    for (uint32_t i = 0; i < p->cycles && status == CG_OK && p->starts > 1; i++) {
        status = improve(p, p->best, NULL, error);
    }
    return status;
}

/* From the least cut on: of what was tried, nothing else began as well. */
static cg_status search_connectivity(partitioner *p, cg_error *error) {
    cg_status status = CG_OK;
    p->is_connectivity = true;
    for (uint32_t i = 0; i < p->cycles + 2 && status == CG_OK; i++) {
        status = improve(p, p->best, NULL, error);
    }
    return status;
}

/* --- the whole ------------------------------------------------------------ */

/* best[] where there is nothing to search: one part, or a part for each concept. */
static bool is_trivial(const partitioner *p) {
    const uint32_t parts = p->options->parts;
    if (parts > 1 && parts < p->graph.row_weight_sum) {
        return false;
    }
    uint32_t next = 0;
    for (uint32_t row = 0; row < p->graph.rows; row++) {
        p->best[row] = parts == 1 || p->graph.row_weights[row] == 0 ? 0 : next++;
    }
    return true;
}

static void set_effort(partitioner *p) {
    static const struct {
        uint64_t links;
        uint32_t starts;
        uint32_t cycles;
    } efforts[] = {{500000, 4, 2}, {3000000, 2, 1}, {UINT64_MAX, 1, 0}};
    p->starts = p->options->starts;
    p->cycles = p->options->cycles;
    for (int i = 0; p->starts == 0; i++) {
        if (p->graph.arc_count / 2 <= efforts[i].links) {
            p->starts = efforts[i].starts;
            p->cycles = efforts[i].cycles;
        }
    }
}

static void set_limits(partitioner *p) {
    const uint32_t parts = p->options->parts;
    const uint64_t total = p->graph.row_weight_sum;
    const uint64_t even = (total + parts - 1) / parts;
    const uint64_t wanted = (uint64_t)((1.0 + p->options->imbalance) * (double)total / parts);
    for (uint32_t i = 0; i < parts; i++) {
        p->limits[i] = wanted > even ? wanted : even;
    }
}

static cg_status prepare(partitioner *p, const cg_graph *graph, cg_allocator allocator,
                         cg_error *error) {
    const bool is_cut = p->options->objective == CG_PARTITIONER_CUT;
    cg_status status =
        cg_cut_graph_init(&p->graph, graph, p->options->weights, allocator, error);
    if (status != CG_OK) {
        return status;
    }
    const uint32_t rows = p->graph.rows;
    for (uint64_t i = 0; i < p->graph.arc_count && !is_cut; i++) {
        p->graph.arcs[i].weight = 1; /* a pin is a pin */
    }
    p->limits = cg_allocate(&allocator, p->options->parts, sizeof *p->limits);
    p->stamps = cg_allocate(&allocator, p->options->parts, sizeof *p->stamps);
    p->best = cg_allocate(&allocator, rows, sizeof *p->best);
    p->entry = cg_allocate(&allocator, rows, sizeof *p->entry);
    p->attempt = cg_allocate(&allocator, rows, sizeof *p->attempt);
    if (!p->limits || !p->stamps || (rows > 0 && (!p->best || !p->entry || !p->attempt))) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to partition %u rows", rows);
    }
    set_limits(p);
    set_effort(p);
    return CG_OK;
}

static void release(partitioner *p, uint32_t rows, cg_allocator allocator) {
    cg_deallocate(&allocator, p->limits, p->options->parts, sizeof *p->limits);
    cg_deallocate(&allocator, p->stamps, p->options->parts, sizeof *p->stamps);
    cg_deallocate(&allocator, p->best, rows, sizeof *p->best);
    cg_deallocate(&allocator, p->entry, rows, sizeof *p->entry);
    cg_deallocate(&allocator, p->attempt, rows, sizeof *p->attempt);
    cg_cut_graph_deinit(&p->graph);
}

cg_status cg_partition_graph(const cg_graph *graph, const cg_partitioning_options *options,
                             cg_allocator allocator, uint32_t *part_of_row,
                             cg_partitioning_report *report, cg_error *error) {
    const uint32_t rows = cg_graph_concept_count(graph);
    partitioner p = {.options = options};
    cg_partitioning_report found = {0};
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    status = prepare(&p, graph, allocator, error);
    if (status == CG_OK && !is_trivial(&p)) {
        status = search(&p, error);
        if (status == CG_OK && options->objective == CG_PARTITIONER_CONNECTIVITY) {
            status = search_connectivity(&p, error);
        }
    }
    if (status == CG_OK && report) {
        status =
            cg_partitioning_evaluate(graph, options->parts, p.best, allocator, &found, error);
    }
    if (status == CG_OK && report) {
        found.levels = p.levels;
        found.coarsest = p.coarsest;
        found.spectral = p.spectral;
        *report = found;
    }
    if (status == CG_OK && rows > 0) {
        memcpy(part_of_row, p.best, (size_t)rows * sizeof *part_of_row);
    }
    release(&p, rows, allocator);
    return status;
}
