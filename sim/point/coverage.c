/* The activation that a partial answer has, over all that its spread would have come to:
 *
 *   truth = received / sum over concepts of min(activation, 1)
 *
 * The same seeds go through the whole graph at once, which is what all hosts together come to when
 * nothing is lost (engine/spread/distributed.h). What the answer says of itself, coverage_q16, should be
 * this share.
 */
#include "sim/point/coverage.h"

#include "engine/base/bytes.h"

static const double q16_one = 65536.0;
static const double q32_one = 4294967296.0;
static const double ppm = 1e6;

typedef struct judgement {
    const sim_report_input *input;
    const cg_graph *graph;
    cg_spread_scratch *scratch;
    cg_spread_tiers tiers;
    cg_spread_seed seeds[CG_SPREAD_ROWS_MAX];
    cg_histogram errors;
    uint64_t judged;
    double received; /* sums of shares */
    double error;
} judgement;

static bool is_spread(const sim_request_record *request) {
    return request->reply.request == CG_REQUEST_SPREAD && sim_request_acknowledged(request);
}

/* As the engine asks all hosts together (engine/node/across.c). */
static cg_spread_tiers tiers_of(const sim_spread_options *spread) {
    cg_spread_tiers tiers = cg_spread_tiers_default();
    for (int level = 0; level < CG_TIER_LEVELS_MAX; ++level) {
        tiers.thresholds[level] = spread->threshold[level];
        tiers.budgets[level] = spread->across == SIM_ACROSS_EXACT ? spread->budget[level] : 0;
    }
    return tiers;
}

static cg_spread_query query_of(judgement *truth, const sim_delivery *delivery) {
    const sim_spread_options *spread = &truth->input->options->engine.spread;
    uint32_t count = (uint32_t)(delivery->size_bytes / sizeof(uint64_t));
    cg_reader reader = cg_reader_init(delivery->bytes, delivery->size_bytes);
    for (uint32_t i = 0; i < count && i < CG_SPREAD_ROWS_MAX; ++i) {
        truth->seeds[i] =
            (cg_spread_seed){.row = (uint32_t)cg_read_u64(&reader), .activation = 1.0};
    }
    cg_spread_query query = cg_spread_query_default();
    query.seeds = truth->seeds;
    query.seed_count = count;
    query.max_hops = delivery->hops;
    query.lambda = spread->decay;
    query.fan_out = spread->fan_out;
    query.hits_max = cg_graph_concept_count(truth->graph);
    query.tiers = &truth->tiers;
    query.confidence_paths = 0;
    return query;
}

static cg_status judge(judgement *truth, uint32_t request, cg_error *error) {
    const cg_reply *reply = &truth->input->measure->requests[request].reply;
    sim_delivery delivery;
    cg_status status = sim_requests_delivery(truth->input->requests, request, &delivery, error);
    if (status != CG_OK) {
        return status;
    }
    cg_spread_query query = query_of(truth, &delivery);
    cg_spread_result result;
    cg_work work = {0};
    status = cg_spread_run(truth->graph, &query, truth->scratch, &result, &work, error);
    if (status != CG_OK) {
        return status;
    }
    double whole = 0.0;
    for (uint32_t i = 0; i < result.hit_count; ++i) {
        whole += (double)result.hits[i].activation / (double)CG_SPREAD_ONE;
    }
    double share = whole > 0.0 ? (double)reply->received_q32 / q32_one / whole : 1.0;
    double off = (double)reply->coverage_q16 / q16_one - share;
    off = off < 0.0 ? -off : off;
    truth->judged++;
    truth->received += share;
    truth->error += off;
    return cg_histogram_record(&truth->errors, (uint64_t)(off * ppm), 1, error);
}

static cg_status judge_all(judgement *truth, cg_error *error) {
    const sim_measure *measure = truth->input->measure;
    cg_status status = cg_spread_scratch_alloc(cg_allocator_heap(), &truth->scratch, error);
    for (uint32_t i = 0; status == CG_OK && i < measure->request_count &&
                         truth->judged < SIM_COVERAGE_SPREADS_MAX;
         ++i) {
        if (is_spread(&measure->requests[i]) && measure->requests[i].reply.missing_hosts != 0) {
            status = judge(truth, i, error);
        }
    }
    cg_spread_scratch_free(truth->scratch);
    return status;
}

static void report_stated(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t spreads = 0;
    uint64_t partial = 0;
    double coverage = 0.0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (is_spread(request)) {
            spreads++;
            partial += request->reply.missing_hosts != 0;
            coverage += (double)request->reply.coverage_q16 / q16_one;
        }
    }
    if (spreads > 0) {
        sim_rows_metric(rows, "spread.partial", "total", (double)partial, "1");
        sim_rows_metric(rows, "spread.coverage", "mean", 100.0 * coverage / (double)spreads,
                        "%");
    }
}

cg_status sim_coverage_report(const sim_report_input *input, sim_rows *rows, cg_error *error) {
    const sim_load_options *load = &input->options->load;
    report_stated(input, rows);
    judgement truth = {.input = input,
                       .graph = sim_ground_graph(input->measure->facts->ground),
                       .tiers = tiers_of(&input->options->engine.spread)};
    if (!truth.graph || load->edges > 0.0 || load->ask != SIM_ASK_ROWS) {
        return CG_OK;
    }
    cg_histogram_init(&truth.errors, cg_allocator_heap());
    cg_status status = judge_all(&truth, error);
    if (status == CG_OK && truth.judged > 0) {
        double judged = (double)truth.judged;
        sim_rows_metric(rows, "spread.received", "mean", 100.0 * truth.received / judged, "%");
        sim_rows_histogram(rows, "spread.coverage_error", "ppm", &truth.errors);
        sim_rows_metric(rows, "spread.coverage_error", "mean", ppm * truth.error / judged,
                        "ppm");
    }
    cg_histogram_deinit(&truth.errors);
    return status;
}
