/* Concepts whose edges are read, and activation that spreads along them. */
#include "engine/base/prng.h"
#include "engine/graph/synthetic.h"
#include "engine/spread/spread.h"
#include "sim/calibrate/parts.h"

enum { NODES = 50000, READS = 64, SIZES = 3, SEEDS = 4 };
static const double degree_of[SIZES] = {3.0, 10.0, 30.0};

typedef struct graphs {
    cg_graph *graph;
    cg_spread_scratch *scratch;
    cg_stream stream;
    uint64_t sum;
} graphs;

static cg_status run_read(void *context, cg_work *work, cg_error *error) {
    (void)error;
    graphs *self = context;
    for (int i = 0; i < READS; i++) {
        uint32_t row = (uint32_t)cg_stream_next_below(&self->stream, NODES);
        cg_edge_cursor cursor = cg_graph_edges(self->graph, row);
        cg_edge edge;
        uint64_t edges = 0;
        while (cg_graph_next_edge(&cursor, &edge)) {
            self->sum += edge.target;
            edges++;
        }
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, edges);
    }
    return CG_OK;
}

static cg_status run_spread(void *context, cg_work *work, cg_error *error) {
    graphs *self = context;
    cg_spread_seed seeds[SEEDS];
    for (int i = 0; i < SEEDS; i++) {
        seeds[i] = (cg_spread_seed){.row = (uint32_t)cg_stream_next_below(&self->stream, NODES),
                                    .activation = 1.0};
    }
    cg_spread_query query = cg_spread_query_default();
    query.seeds = seeds;
    query.seed_count = SEEDS;
    query.max_hops = 2;
    cg_spread_result result;
    return cg_spread_run(self->graph, &query, self->scratch, &result, work, error);
}

static cg_status measure(double degree, sim_fit_work *read, sim_fit_work *spread,
                         cg_error *error) {
    graphs self = {.stream = cg_stream_init(1, "calibrate.graph", (uint64_t)degree)};
    cg_synthetic_options options = cg_synthetic_options_default();
    options.nodes = NODES;
    options.degree = degree;
    cg_synthetic *synthetic = NULL;
    cg_status status = cg_synthetic_alloc(&options, cg_allocator_heap(), &synthetic, error);
    if (status == CG_OK) {
        status = cg_synthetic_graph(synthetic, NULL, NULL, &self.graph, NULL, error);
    }
    if (status == CG_OK) {
        status = cg_spread_scratch_alloc(cg_allocator_heap(), &self.scratch, error);
    }
    if (status == CG_OK) {
        status = sim_probe_time(&(sim_probe){run_read, &self}, read, error);
    }
    if (status == CG_OK) {
        status = sim_probe_time(&(sim_probe){run_spread, &self}, spread, error);
    }
    cg_spread_scratch_free(self.scratch);
    cg_graph_free(self.graph);
    cg_synthetic_free(synthetic);
    return status;
}

cg_status sim_calibrate_graph(sim_calibration *calibration, cg_error *error) {
    sim_fit_work reads[SIZES];
    sim_fit_work spreads[SIZES];
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        status = measure(degree_of[i], &reads[i], &spreads[i], error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_GRAPH_READ, reads, SIZES,
                            "random concepts of graphs of 50,000 with 3, 10 and 30 edges each");
        sim_calibration_fit(
            calibration, CG_WORK_SPREAD, spreads, SIZES,
            "two hops from four concepts of the same graphs, confidence included");
    }
    return status;
}
