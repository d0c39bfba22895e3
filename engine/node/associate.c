/* Spreading activation as a request: recall by association (spec B4, E2, E3, D7).
 *
 * A spread begins at rows that the client names, or at the concepts most like a text, each as
 * active as it is alike. It goes through the own partition's graph, which is the whole corpus and
 * the facts of this host, reading each concept that passes on through the memory tiers.
 *
 * How far it may go, of its budget, is decided before it runs (associate_reach.c). Where that is nowhere
 * the answer is likeness alone: the concepts it would begin at.
 */
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/node/node_internal.h"

/* --- where it begins --- */

static cg_status begin_at_rows(const cg_space *space, const cg_event *event, cg_error *error) {
    cg_node *node = space->node;
    const cg_graph *graph = cg_space_graph(space);
    uint32_t count = (uint32_t)(event->size_bytes / sizeof(uint64_t));
    cg_status status =
        CG_GROW(&node->allocator, node->seeds, node->seeds_capacity, count, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t concepts = cg_graph_concept_count(graph);
    cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
    for (uint32_t i = 0; i < count; ++i) {
        uint64_t row = cg_read_u64(&reader);
        if (row >= concepts || cg_graph_is_removed(graph, (uint32_t)row)) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "request %llu: row %llu to spread from %s; there are %llu, from 0",
                (unsigned long long)event->id, (unsigned long long)row,
                row < concepts ? "was removed" : "does not exist",
                (unsigned long long)concepts);
        }
        node->seeds[i] = (cg_spread_seed){.row = (uint32_t)row, .activation = 1.0};
    }
    node->seed_count = count;
    return CG_OK;
}

/* A fact belongs to its partition: over all hosts it stands for the concept that it is below. */
static uint32_t concept_of(const cg_space *space, uint32_t row) {
    const cg_graph *graph = cg_space_graph(space);
    uint32_t concepts = cg_graph_concept_count(space->node->corpus->graph);
    while (row >= concepts && cg_graph_parents(graph, row, &row, 1) > 0) {
    }
    return row;
}

/* The concepts most like the text, as active as they are alike. */
static cg_status begin_at_text(const cg_space *space, const cg_event *event, cg_work *work,
                               cg_error *error) {
    cg_node *node = space->node;
    cg_message_allocate message;
    cg_status status = cg_gateway_read(node, event, (const char *)event->bytes,
                                       event->size_bytes, &message, work, error);
    if (status != CG_OK) {
        return status;
    }
    cg_knowledge knowledge = cg_partition_knowledge(&space->holdings[0].partition);
    cg_fact_view fact = {.dense = message.dense,
                         .sparse = message.sparse,
                         .type = CG_TYPE_UNKNOWN,
                         .now_ns = event->now_ns};
    status = cg_cascade_associates(&node->options.cascade, &knowledge, &fact, node->scratch,
                                   work, error);
    const cg_neighbour *alike = NULL;
    uint32_t found = status == CG_OK ? cg_cascade_neighbours(node->scratch, &alike) : 0;
    found = found < node->options.spread.seeds ? found : node->options.spread.seeds;
    if (status == CG_OK) {
        status = CG_GROW(&node->allocator, node->seeds, node->seeds_capacity, found, error);
    }
    node->seed_count = 0;
    for (uint32_t i = 0; status == CG_OK && i < found; ++i) {
        double likeness = (double)alike[i].likeness.mean;
        if (likeness > 0.0) {
            node->seeds[node->seed_count++] = (cg_spread_seed){
                .row = space->across ? concept_of(space, alike[i].row) : alike[i].row,
                .activation = likeness < 1.0 ? likeness : 1.0};
        }
    }
    if (status == CG_OK && node->seed_count == 0) {
        status =
            cg_error_set(error, CG_ERROR_INVALID, "request %llu: no concept is like the text",
                         (unsigned long long)event->id);
    }
    return status;
}

/* --- tiers and caches --- */

typedef struct reading {
    const cg_space *space;
    cg_work *work;
    uint64_t store_reads;
} reading;

static uint32_t tier_of(void *context, uint32_t row) {
    const reading *read = context;
    return cg_tiers_where(
        read->space->node->tiers,
        cg_node_tier_key(read->space->node, read->space->holdings[0].number, row), 0);
}

static cg_status read_record(void *context, uint32_t row, cg_error *error) {
    reading *read = context;
    cg_node *node = read->space->node;
    uint32_t served = 0;
    cg_status status = cg_tiers_read(
        node->tiers, cg_node_tier_key(read->space->node, read->space->holdings[0].number, row),
        node->options.service.record_bytes, 0, &served, read->work, error);
    read->store_reads += served + 1 == node->options.tier_levels;
    return status;
}

/* Hot lines are a quarter of a concept's record, or apart from the rest of it. */
enum { RECORD_LINES = 4 };

static void touch_lines(void *context, cg_spread_region region, uint64_t offset_bytes,
                        uint32_t bytes) {
    const reading *read = context;
    cg_node *node = read->space->node;
    bool is_wide = node->options.spread.whole_records && region == CG_SPREAD_REGION_LINES;
    (void)cg_cpu_cache_touch(
        node->cpu, (uint32_t)region,
        (is_wide ? offset_bytes * RECORD_LINES : offset_bytes) % CG_NODE_REGION_BYTES, bytes);
}

cg_status cg_associate_cpu(cg_node *node, cg_error *error) {
    static const char *const names[CG_SPREAD_REGION_COUNT] = {"lines", "edges", "records",
                                                              "frontier"};
    cg_status status =
        cg_cpu_cache_alloc(&node->options.spread.cpu, node->allocator, &node->cpu, error);
    for (int i = 0; status == CG_OK && i < CG_SPREAD_REGION_COUNT; ++i) {
        uint32_t region = 0; /* numbered as they are added */
        status =
            cg_cpu_cache_add_region(node->cpu, names[i], CG_NODE_REGION_BYTES, &region, error);
        CG_ASSERT(status != CG_OK || region == (uint32_t)i);
    }
    return status;
}

/* --- the answer --- */

static uint32_t to_q32(double value) {
    return value < 1.0 ? (uint32_t)(value * 4294967295.0) : UINT32_MAX;
}

static uint32_t to_q16(double value) {
    return (uint32_t)(value * 65536.0 + 0.5);
}

/* The strongest that it came to, without those that it began at. */
static void name_best(const cg_spread_result *result, cg_reply *reply) {
    for (uint32_t i = 0; i < result->hit_count && reply->alternative_count < CG_ALTERNATIVES;
         ++i) {
        const cg_spread_hit *hit = &result->hits[i];
        if (hit->first_hop == 0) {
            continue;
        }
        if (reply->alternative_count == 0) {
            reply->winner = hit->row;
            reply->confidence_q16 = to_q16(hit->confidence);
        }
        reply->alternatives[reply->alternative_count++] = hit->row;
    }
    if (reply->alternative_count == 0 && result->hit_count > 0) {
        reply->winner = result->hits[0].row;
        reply->confidence_q16 = to_q16(result->hits[0].confidence);
        reply->alternatives[reply->alternative_count++] = reply->winner;
    }
}

static cg_status answer(cg_node *node, const cg_item *item, const cg_spread_result *result,
                        bool is_partial, cg_outputs *outputs, cg_error *error) {
    const cg_recall_state *recall = &item->recall;
    uint32_t hits_max = node->options.spread.hits_max;
    uint32_t sent = result->hit_count < hits_max ? result->hit_count : hits_max;
    uint64_t waited_ns = item->started_ns - item->arrived_ns;
    cg_reply reply = {.request_id = item->event.id,
                      .status = is_partial ? CG_ERROR_PARTIAL : CG_OK,
                      .host = node->options.host,
                      .slot = CG_SLOT_NONE,
                      .request = CG_REQUEST_SPREAD,
                      .count = sent,
                      .forecast_ns =
                          recall->forecast_ns > 0 ? waited_ns + recall->forecast_ns : 0,
                      .reached = result->reached,
                      .hops = result->hops,
                      .edges = result->edges,
                      .coverage_q16 = 65536};
    name_best(result, &reply);
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < sent; ++i) {
        const cg_spread_hit *hit = &result->hits[i];
        cg_hasher_add_u64(&hasher, hit->activation);
        cg_hasher_add_u64(&hasher, (uint64_t)hit->row << 32 | hit->predecessor);
        cg_hasher_add_u64(&hasher, (uint64_t)hit->hop << 32 | to_q32(hit->confidence));
    }
    reply.digest = cg_hasher_value(&hasher);
    uint8_t *bytes = NULL;
    cg_status status = cg_node_reply_with(node, outputs, &reply,
                                          (size_t)sent * CG_SPREAD_HIT_BYTES, &bytes, error);
    for (uint32_t i = 0; status == CG_OK && i < sent; ++i) {
        const cg_spread_hit *hit = &result->hits[i];
        cg_answer_hit encoded = {
            .row = hit->row,
            .predecessor = hit->predecessor,
            .activation_q32 = to_q32((double)hit->activation / (double)CG_SPREAD_ONE),
            .confidence_q32 = to_q32(hit->confidence),
            .hops = hit->hop,
        };
        cg_answer_hit_write(bytes + (size_t)i * CG_SPREAD_HIT_BYTES, &encoded);
    }
    return status;
}

static void count_spread(cg_node *node, const cg_spread_result *result) {
    node->statistics.spread_edges += result->edges;
    node->statistics.spread_visits += result->visits;
    node->statistics.spread_reached += result->reached;
}

/* Likeness alone: what the spread would have begun at, strongest first, then by row. */
static cg_status answer_seeds(cg_node *node, const cg_item *item, cg_outputs *outputs,
                              cg_error *error) {
    cg_status status =
        CG_GROW(&node->allocator, node->hits, node->hits_capacity, node->seed_count, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->seed_count; ++i) {
        const cg_spread_seed *seed = &node->seeds[i];
        uint32_t known = 0;
        while (known < count && node->hits[known].row != seed->row) {
            known++;
        }
        if (known < count) {
            continue;
        }
        uint64_t activation = (uint64_t)(seed->activation * (double)CG_SPREAD_ONE + 0.5);
        uint32_t at = count++;
        for (; at > 0 && (node->hits[at - 1].activation < activation ||
                          (node->hits[at - 1].activation == activation &&
                           node->hits[at - 1].row > seed->row));
             --at) {
            node->hits[at] = node->hits[at - 1];
        }
        node->hits[at] = (cg_spread_hit){.activation = activation,
                                         .strongest = activation,
                                         .confidence = seed->activation,
                                         .row = seed->row,
                                         .predecessor = seed->row};
    }
    uint32_t hits_max = node->options.spread.hits_max;
    cg_spread_result result = {
        .hits = node->hits, .hit_count = count < hits_max ? count : hits_max, .reached = count};
    return answer(node, item, &result, true, outputs, error);
}

/* --- the spread --- */

static cg_status spread(const cg_space *space, cg_reach reach, reading *read,
                        cg_spread_result *result, cg_error *error) {
    cg_node *node = space->node;
    const cg_node_spread_options *options = &node->options.spread;
    cg_spread_tiers tiers = cg_spread_tiers_default();
    /* Several spaces share the tiers: where a record lies is not to show in an answer. */
    tiers.where = node->options.spaces == 1 ? tier_of : NULL;
    tiers.read = read_record;
    tiers.context = read;
    for (int level = 0; level < CG_TIER_LEVELS_MAX; ++level) {
        tiers.thresholds[level] = options->thresholds[level];
        tiers.budgets[level] = options->budgets[level];
    }
    cg_spread_query query = cg_spread_query_default();
    query.seeds = node->seeds;
    query.seed_count = node->seed_count;
    query.max_hops = reach.hops;
    query.lambda = options->lambda;
    query.fan_out = options->fan_out;
    query.hits_max = options->hits_max + node->seed_count + CG_ALTERNATIVES; /* name_best */
    query.tiers = &tiers;
    query.edges_max = reach.edges_max;
    query.refractory_ns = options->refractory_ns;
    query.now = cg_node_tick(node);
#ifdef CORTIGRID_BUGS
    if (cg_bug(CG_BUG_REFRACTORY_WALL_CLOCK)) {
        query.now = (cg_hlc){.physical_ns = cg_bug_wall_ns()};
    }
#endif
    query.recency = space->recency;
    if (node->cpu) {
        query.touch = touch_lines;
        query.touch_context = read;
    }
    return cg_spread_run(cg_space_graph(space), &query, node->spread_scratch, result,
                         read->work, error);
}

static cg_status go(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    cg_reach reach = {.hops = item->event.hops};
    item->recall.features = (cg_forecast_features){0};
    if (node->forecast) {
        reach = cg_associate_reach(node, item);
    }
    node->statistics.spreads++;
    if (reach.hops == 0) {
        node->statistics.partial++;
        return answer_seeds(node, item, outputs, error);
    }
    cg_space *space = cg_item_space(node, item);
    reading read = {.space = space, .work = &outputs->work};
    cg_spread_result result;
    cg_status status = spread(space, reach, &read, &result, error);
    if (status != CG_OK) {
        return status;
    }
    /* With hops to spare it ended by itself. */
    bool is_partial = result.is_partial || (reach.is_cut && result.hops == reach.hops);
    node->statistics.partial += is_partial;
    count_spread(node, &result);
    cg_associate_learn(node, &item->recall, &result, reach.hops, read.store_reads);
    status = answer(node, item, &result, is_partial, outputs, error);
    return status == CG_OK && space->consolidator
               ? cg_consolidation_note(space, &result, item->event.now_ns, outputs, error)
               : status;
}

cg_status cg_associate(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    const cg_event *event = &item->event;
    const cg_space *space = cg_item_space(node, item);
    cg_status status = (event->flags & CG_REQUEST_TEXT)
                           ? begin_at_text(space, event, &outputs->work, error)
                           : begin_at_rows(space, event, error);
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) {
        return cg_node_refuse(node, event, status, outputs, error);
    }
    return space->across ? cg_across_start(node, item, error) : go(node, item, outputs, error);
}

cg_status cg_associate_answer(cg_node *node, const cg_item *item,
                              const cg_distributed_result *result, cg_error *error) {
    bool is_partial = result->missing_count > 0 || result->spread.is_partial;
    node->statistics.partial += is_partial;
    count_spread(node, &result->spread);
    cg_status status = answer(node, item, &result->spread, is_partial, node->outputs, error);
    if (status != CG_OK) {
        return status;
    }
    cg_reply *reply = &node->outputs->items[node->outputs->count - 1].reply;
    reply->coverage_q16 = to_q16(result->confidence);
    reply->received_q32 = (uint64_t)(result->received * 4294967296.0);
    for (uint32_t i = 0; i < result->missing_count; ++i) {
        uint32_t host = result->missing[i];
        reply->missing_hosts |= host < 64 ? UINT64_C(1) << host : 0;
    }
    return CG_OK;
}

cg_status cg_associate_rest(cg_node *node, cg_error *error) {
    if (!node->spread_scratch) {
        return CG_OK;
    }
    cg_spread_scratch_trim(node->spread_scratch,
                           CG_NODE_ACTIVATION_BLOCKS * CG_ACTIVATION_BLOCK_RECORDS);
    const uint64_t refractory_ns = node->options.spread.refractory_ns;
    const uint64_t now_ns = node->clock.physical_ns;
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && now_ns > refractory_ns && i < node->options.spaces;
         ++i) {
        cg_spread_recency *recency = node->spaces[i].recency;
        status =
            recency ? cg_spread_recency_forget(recency, now_ns - refractory_ns, error) : CG_OK;
    }
    return status;
}
