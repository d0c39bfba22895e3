/* Spreads that go over all hosts (spec E4, E5): each owns a part of the graph, and passes on what
 * reaches it (engine/spread/distributed.h).
 *
 * The graph is the corpus, with its edges as clients have changed them (edges.c), or the one without
 * texts: facts belong to partitions, and no host has those of all.
 */
#include "engine/base/hash.h"
#include "engine/node/node_internal.h"

static bool is_reachable(void *context, uint32_t host) {
    const cg_space *space = context;
    return cg_membership_reaches(space->node, host);
}

static uint32_t owner_by_hash(void *context, uint32_t row) {
    const cg_space *space = context;
    return cg_node_partition_of(row, space->node->options.hosts);
}

static uint32_t tier_of(void *context, uint32_t row) {
    const cg_space *space = context;
    return cg_tiers_where(space->node->tiers, row, 0);
}

static cg_status read_record(void *context, uint32_t row, cg_error *error) {
    const cg_space *space = context;
    cg_node *node = space->node;
    uint32_t served = 0;
    return cg_tiers_read(node->tiers, row, node->options.service.record_bytes, 0, &served,
                         &node->outputs->work, error);
}

static void finished(void *context, uint64_t spread, const cg_distributed_result *result) {
    const cg_space *space = context;
    cg_node *node = space->node;
    uint64_t index = 0;
    if (!cg_table_get(node->open_of, spread, &index)) {
        return;
    }
    cg_item *item = &node->items[index];
    cg_status status = cg_associate_answer(node, item, result, &node->across_error);
    item->pending = false;
    if (status == CG_OK && item != node->reading) {
        status = cg_item_settle(node, item, &node->across_error);
    }
    node->across_status = node->across_status == CG_OK ? status : node->across_status;
}

cg_status cg_across_alloc(cg_space *space, cg_error *error) {
    cg_node *node = space->node;
    const cg_node_options *options = &node->options;
    if (options->spread.across == CG_ACROSS_NONE) {
        return CG_OK;
    }
    space->across_place = (cg_protocol_place){node, CG_PROTOCOL_SPREAD, space->number};
    space->across_hooks = cg_spread_tiers_default();
    space->across_hooks.where = options->spaces == 1 ? tier_of : NULL;
    space->across_hooks.read = read_record;
    space->across_hooks.context = space;
    cg_distributed_options across = cg_distributed_options_default();
    across.host = options->host;
    across.hosts = options->hosts;
    across.graph = node->corpus ? space->edge_graph : options->graph;
    across.owners = options->spread.owners;
    across.owner = options->spread.owners ? NULL : owner_by_hash;
    across.owner_context = space;
    across.reachable = is_reachable;
    across.reachable_context = space;
    across.port = cg_protocol_port(&space->across_place);
    across.hooks = &space->across_hooks;
    across.finished = finished;
    across.finished_context = space;
    across.work = &node->across_work;
    return cg_distributed_alloc(&across, node->allocator, &space->across, error);
}

/* What the module counted in this step, and whether answering failed. */
static cg_status end(cg_node *node, cg_status status, cg_error *error) {
    cg_work_add(&node->outputs->work, &node->across_work);
    node->across_work = (cg_work){0};
    if (status == CG_OK && node->across_status != CG_OK) {
        status = node->across_status;
        if (error) {
            *error = node->across_error;
        }
    }
    node->across_status = CG_OK;
    return status;
}

cg_status cg_across_start(cg_node *node, cg_item *item, cg_error *error) {
    cg_space *space = cg_item_space(node, item);
    const cg_node_spread_options *options = &node->options.spread;
    cg_spread_tiers tiers = cg_spread_tiers_default();
    for (int level = 0; level < CG_TIER_LEVELS_MAX; ++level) {
        tiers.thresholds[level] = options->thresholds[level];
        tiers.budgets[level] = options->across == CG_ACROSS_EXACT ? options->budgets[level] : 0;
    }
    cg_distributed_query query = cg_distributed_query_default();
    query.mode =
        options->across == CG_ACROSS_ASYNC ? CG_DISTRIBUTED_ASYNC : CG_DISTRIBUTED_EXACT;
    query.timeout_ns = options->timeout_ns;
    query.window_ns =
        options->window_ns < options->timeout_ns ? options->window_ns : options->timeout_ns;
    query.spread.seeds = node->seeds;
    query.spread.seed_count = node->seed_count;
    query.spread.max_hops = item->event.hops;
    query.spread.lambda = options->lambda;
    query.spread.fan_out = options->fan_out;
    query.spread.hits_max = options->hits_max + node->seed_count + CG_ALTERNATIVES;
    query.spread.tiers = &tiers;
    node->statistics.spreads++;
    item->pending = true;
    node->reading = item;
    cg_status status =
        cg_distributed_start(space->across, node->now_ns, item->event.id, &query, error);
    node->reading = NULL;
    if (status != CG_OK && status != CG_ERROR_MEMORY) {
        item->pending = false;
        status = cg_node_refuse(node, &item->event,
                                status == CG_ERROR_FULL ? CG_ERROR_OVERLOADED : status,
                                node->outputs, error);
    }
    return end(node, status, error);
}

cg_status cg_across_message(cg_node *node, const cg_protocol_message *message,
                            cg_error *error) {
    if (message->owner >= node->options.spaces || !node->spaces[message->owner].across) {
        return CG_ERROR_CORRUPT;
    }
    cg_status status =
        cg_distributed_message(node->spaces[message->owner].across, node->now_ns, message->from,
                               message->type, message->payload, message->size_bytes, error);
    return end(node, status, error);
}

cg_status cg_across_timer(cg_node *node, uint32_t space, uint32_t number, cg_error *error) {
    cg_distributed *across = space < node->options.spaces ? node->spaces[space].across : NULL;
    return across ? end(node, cg_distributed_timer(across, node->now_ns, number, error), error)
                  : CG_OK;
}
