#include "sim/point/divided.h"

_Static_assert((int)SIM_DISTRIBUTION_REPLICATED == (int)CG_DISTRIBUTION_REPLICATED &&
                   (int)SIM_DISTRIBUTION_SHARDED == (int)CG_DISTRIBUTION_SHARDED &&
                   (int)SIM_DISTRIBUTION_HYBRID == (int)CG_DISTRIBUTION_HYBRID,
               "distributions are numbered alike");

static const float *vector_of(void *context, uint32_t row) {
    return cg_features_row(context, row).dense;
}

cg_status sim_divided_build(const sim_options *options, const sim_parts *parts,
                            const cg_corpus *corpus, cg_allocator allocator, cg_shards **out,
                            cg_error *error) {
    const sim_search_options *search = &options->engine.search;
    *out = NULL;
    if (search->distribution == SIM_DISTRIBUTION_REPLICATED || !corpus) {
        return CG_OK;
    }
    cg_shards_options shards = cg_shards_options_default((cg_distribution)search->distribution,
                                                         options->cluster.hosts);
    shards.seed = options->graph.seed;
    shards.vector = vector_of;
    shards.vector_context = corpus->features;
    if (search->by == SIM_SHARDS_BY_GRAPH) {
        if (!parts->of_row || options->graph.parts != options->cluster.hosts) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "engine.shards graph: graph.parts is %u, and there are %u hosts; it "
                "takes as many, and more than one",
                options->graph.parts, options->cluster.hosts);
        }
        shards.owners = parts->of_row;
    }
    const cg_runner runner = cg_runner_serial();
    cg_status status = cg_shards_build(&shards, corpus->index, &runner, allocator, out, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "engine.distribution: ");
    }
    return status;
}

static void count(sim_rows *rows, const char *name, uint64_t value) {
    sim_rows_metric(rows, name, "total", (double)value, "1");
}

/* What the index takes on each host. */
static void report_memory(const sim_report_input *input, sim_rows *rows) {
    const uint32_t hosts = input->options->cluster.hosts;
    const cg_corpus *corpus = sim_ground_corpus(input->measure->facts->ground);
    const uint64_t whole_bytes = cg_shards_replicated_bytes(corpus->index);
    uint64_t total_bytes = 0;
    uint64_t max_bytes = 0;
    for (uint32_t host = 0; host < hosts; ++host) {
        uint64_t bytes =
            input->shards ? cg_shards_host_bytes(input->shards, host) : whole_bytes;
        total_bytes += bytes;
        max_bytes = bytes > max_bytes ? bytes : max_bytes;
    }
    sim_rows_metric(rows, "index.memory", "max", (double)max_bytes, "B");
    sim_rows_metric(rows, "index.memory", "total", (double)total_bytes, "B");
    sim_rows_metric(rows, "index.memory.saved", "share",
                    100.0 * (1.0 - (double)total_bytes / ((double)whole_bytes * hosts)), "%");
}

static void report_gathers(const sim_report_input *input, sim_rows *rows) {
    cg_node_statistics sum = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_node_statistics one = cg_node_statistics_of(input->nodes[host]);
        sum.gathers += one.gathers;
        sum.gather_shards += one.gather_shards;
        sum.gather_bytes += one.gather_bytes;
        sum.gather_retries += one.gather_retries;
        sum.gather_partial += one.gather_partial;
        sum.gather_late += one.gather_late;
    }
    if (sum.gathers > 0) {
        sim_rows_metric(rows, "gather.shards", "mean",
                        (double)sum.gather_shards / (double)sum.gathers, "1");
    }
    count(rows, "gathers", sum.gathers);
    sim_rows_metric(rows, "gather.bytes", "total", (double)sum.gather_bytes, "B");
    count(rows, "gather.retries", sum.gather_retries);
    count(rows, "gather.partial", sum.gather_partial);
    count(rows, "gather.late", sum.gather_late);
}

static void report_searches(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t audited = 0;
    uint64_t agreed = 0;
    uint64_t right = 0;
    uint64_t shards = 0;
    uint64_t searches = 0;
    uint64_t hits = 0;
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        const cg_reply *reply = &request->reply;
        if (reply->request != CG_REQUEST_SEARCH || !sim_request_acknowledged(request)) {
            continue;
        }
        searches++;
        hits += reply->count;
        shards += reply->hops;
        audited += reply->audited;
        agreed += reply->agreed;
        right += reply->reached;
        wanted += reply->audited ? input->options->engine.search.k : 0;
    }
    if (searches == 0) {
        return;
    }
    sim_rows_metric(rows, "search.hits", "mean", (double)hits / (double)searches, "1");
    if (input->shards) {
        sim_rows_metric(rows, "search.shards", "mean", (double)shards / (double)searches, "1");
    }
    if (audited > 0) {
        sim_rows_metric(rows, "search.recall", "share", 100.0 * (double)right / (double)wanted,
                        "%");
        sim_rows_metric(rows, "search.nearest", "share",
                        100.0 * (double)agreed / (double)audited, "%");
    }
}

void sim_divided_report(const sim_report_input *input, sim_rows *rows) {
    bool is_searched = input->options->load.search > 0.0;
    if ((!is_searched && !input->shards) || !sim_ground_corpus(input->measure->facts->ground)) {
        return;
    }
    report_memory(input, rows);
    if (input->shards) {
        report_gathers(input, rows);
    }
    report_searches(input, rows);
}
