#include "sim/point/parts.h"

#include <string.h>

#include "engine/graph/partition/boundaries.h"

static cg_status divide(sim_parts *parts, const cg_graph *graph, const sim_options *options,
                        cg_error *error) {
    const uint32_t count = options->graph.parts;
    if (options->graph.partitioner == SIM_PARTITIONER_HASH) {
        cg_status status =
            cg_partition_by_hash(graph, count, options->graph.seed, parts->of_row, error);
        return status == CG_OK
                   ? cg_partitioning_evaluate(graph, count, parts->of_row, parts->allocator,
                                              &parts->report, error)
                   : status;
    }
    cg_partitioning_options how = cg_partitioning_options_default(count);
    how.seed = options->graph.seed;
    return cg_partition_graph(graph, &how, parts->allocator, parts->of_row, &parts->report,
                              error);
}

static cg_status measure_boundaries(sim_parts *parts, const cg_graph *graph, uint32_t count,
                                    cg_error *error) {
    cg_boundaries *boundaries = NULL;
    cg_status status =
        cg_boundaries_alloc(graph, count, parts->of_row, parts->allocator, &boundaries, error);
    if (status == CG_OK) {
        parts->boundary_pairs = cg_boundaries_pair_count(boundaries);
        parts->boundary_bytes = cg_boundaries_bytes(boundaries);
    }
    cg_boundaries_free(boundaries);
    return status;
}

cg_status sim_parts_init(sim_parts *parts, const cg_graph *graph, const sim_options *options,
                         cg_allocator allocator, cg_error *error) {
    *parts = (sim_parts){.allocator = allocator};
    if (!graph || options->graph.parts <= 1) {
        return CG_OK;
    }
    parts->rows = cg_graph_concept_count(graph);
    parts->of_row = cg_allocate(&allocator, parts->rows, sizeof *parts->of_row);
    cg_status status = CG_OK;
    if (!parts->of_row) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to divide %u concepts",
                              parts->rows);
    }
    if (status == CG_OK) {
        status = divide(parts, graph, options, error);
    }
    if (status == CG_OK) {
        status = measure_boundaries(parts, graph, options->graph.parts, error);
    }
    if (status != CG_OK) {
        sim_parts_deinit(parts);
    }
    return status;
}

void sim_parts_deinit(sim_parts *parts) {
    if (parts->of_row) {
        cg_deallocate(&parts->allocator, parts->of_row, parts->rows, sizeof *parts->of_row);
    }
    memset(parts, 0, sizeof *parts);
}

static double percent(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

void sim_parts_report(const sim_parts *parts, sim_rows *rows) {
    if (!parts->of_row) {
        return;
    }
    const cg_partitioning_report *report = &parts->report;
    sim_rows_metric(rows, "partition.cut", "share", percent(report->cut_edges, report->edges),
                    "%");
    sim_rows_metric(rows, "partition.connectivity", "mean",
                    parts->rows == 0 ? 0.0 : (double)report->connectivity / parts->rows, "1");
    sim_rows_metric(rows, "partition.imbalance", "max", 100.0 * report->imbalance, "%");
    sim_rows_metric(rows, "partition.boundary", "share",
                    percent(report->boundary_rows, parts->rows), "%");
    sim_rows_metric(rows, "partition.routes", "total", (double)parts->boundary_pairs, "1");
    sim_rows_metric(rows, "partition.routes.memory", "total", (double)parts->boundary_bytes,
                    "B");
}
