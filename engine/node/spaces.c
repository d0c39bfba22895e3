/* Memory spaces: tenants of one cluster (spec B7).
 *
 * Partition p of space s, of those of H hosts, has the number s * H + p and its home at host
 * p + s mod H: a fact's id, a write's token and a log message name the partition and with it the
 * space, and a host that fails takes a different partition of each space with it. Requests and
 * messages that ask for work name the space.
 *
 * Invariant: whatever an answer is made from is either the corpus, which nobody changes, or lies in
 * the cg_space of the request. What spaces share is only ever asked how long something takes.
 */
#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/node/node_internal.h"

enum { SHARE_MAX = 1 << 20 };

/* --- the life of spaces --- */

static uint64_t sum_of_shares(const cg_node_options *options) {
    uint64_t sum = 0;
    for (uint32_t space = 0; space < options->spaces; ++space) {
        sum += options->pool_shares[space];
    }
    return sum;
}

cg_status cg_spaces_check(const cg_node_options *options, cg_error *error) {
    if (options->spaces < 1 || options->spaces > CG_NODE_SPACES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u memory spaces; it takes 1 to %d",
                            options->spaces, CG_NODE_SPACES_MAX);
    }
    if ((uint64_t)options->hosts * options->spaces > CG_NODE_PARTITIONS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a cluster of %u hosts with %u memory spaces; at most %d partitions, "
            "one for each space and host",
            options->hosts, options->spaces, CG_NODE_PARTITIONS_MAX);
    }
    if (sum_of_shares(options) == 0) {
        return CG_OK;
    }
    for (uint32_t space = 0; space < options->spaces; ++space) {
        uint32_t share = options->pool_shares[space];
        if (share < 1 || share > SHARE_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "memory space %u has %u shares of the pools; it takes 1 to %d, "
                                "or 0 for all spaces to have equal ones",
                                space, share, SHARE_MAX);
        }
    }
    return CG_OK;
}

/* The space's share of the host's quotas. */
static cg_pool_options pools_of(const cg_node_options *options, uint32_t space) {
    uint64_t sum = sum_of_shares(options);
    uint64_t share = sum == 0 ? 1 : options->pool_shares[space];
    uint64_t all = sum == 0 ? options->spaces : sum;
    cg_pool_options pools = options->pools;
    pools.quota_bytes = cg_mul_div(pools.quota_bytes, share, all);
    pools.shared_quota_bytes = cg_mul_div(pools.shared_quota_bytes, share, all);
    return pools;
}

/* What the primary found room for must find it here, though slots lie otherwise: no recall pins
 * them while they are moved together. Blocks are taken only as they are needed. */
static cg_pool_options copy_pools(const cg_pool_options *primary) {
    cg_pool_options pools = *primary;
    pools.quota_bytes = CG_POOL_QUOTA_MAX;
    pools.shared_quota_bytes = CG_POOL_QUOTA_MAX;
    return pools;
}

/* The number of the space's partition whose home is `host`. */
static uint32_t partition_at(const cg_node_options *options, uint32_t space, uint32_t host) {
    uint32_t hosts = options->hosts;
    return space * hosts + (host + hosts - space % hosts) % hosts;
}

static cg_status alloc_partitions(cg_space *space, cg_error *error) {
    cg_node *node = space->node;
    const cg_node_options *options = &node->options;
    cg_pool_options pools = pools_of(options, space->number);
    cg_pool_options copies = copy_pools(&pools);
    uint32_t count = 1 + options->replicas + (cg_node_has_witness(options) ? 1 : 0);
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        cg_holding *holding = &space->holdings[i];
        uint32_t home = (options->host + options->hosts - i) % options->hosts;
        holding->space = space;
        holding->number = partition_at(options, space->number, home);
        holding->is_witness = i > options->replicas;
        space->holding_count++;
        status = cg_holding_init(holding, i == 0 ? &pools : &copies, error);
    }
    if (status == CG_OK) {
        status = cg_vocabulary_alloc(node->corpus->embedder, node->allocator,
                                     &space->vocabulary, error);
    }
    return status;
}

static cg_status alloc_space(cg_space *space, cg_error *error) {
    cg_node *node = space->node;
    cg_status status = node->corpus ? alloc_partitions(space, error) : CG_OK;
    const cg_node_spread_options *spread = &node->options.spread;
    if (status == CG_OK && spread->refractory_ns > 0) {
        status = cg_spread_recency_alloc(node->allocator, &space->recency, error);
    }
    if (status == CG_OK && spread->consolidate_ns > 0) {
        const cg_consolidate_options consolidate = cg_consolidate_options_default();
        status =
            cg_consolidator_alloc(&consolidate, node->allocator, &space->consolidator, error);
    }
    return status;
}

cg_status cg_spaces_alloc(cg_node *node, cg_error *error) {
    uint32_t count = node->options.spaces;
    node->spaces = cg_allocate(&node->allocator, count, sizeof *node->spaces);
    if (!node->spaces) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u memory spaces", count);
    }
    for (uint32_t i = 0; i < count; ++i) { /* all of them can be freed from here on */
        cg_space *space = &node->spaces[i];
        space->node = node;
        space->number = i;
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        status = alloc_space(&node->spaces[i], error);
        if (status != CG_OK && count > 1) {
            cg_error_prefix(error, "memory space %u, with its share of the host's pools: ", i);
        }
    }
    return status;
}

static void free_space(cg_space *space) {
    for (uint32_t i = 0; i < space->holding_count; ++i) {
        cg_holding_deinit(&space->holdings[i]);
    }
    cg_distributed_free(space->across);
    cg_edges_free(space);
    cg_spread_recency_free(space->recency);
    cg_consolidator_free(space->consolidator);
    cg_vocabulary_free(space->vocabulary);
}

void cg_spaces_free(cg_node *node) {
    for (uint32_t i = 0; node->spaces && i < node->options.spaces; ++i) {
        free_space(&node->spaces[i]);
    }
    cg_deallocate(&node->allocator, node->spaces, node->spaces ? node->options.spaces : 0,
                  sizeof *node->spaces);
}

/* --- which partition is where --- */

uint32_t cg_node_partition_of(uint64_t request_id, uint32_t partitions) {
    uint32_t best = 0;
    uint64_t best_score = 0;
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        uint64_t score = cg_hash_u64(request_id, partition);
        if (partition == 0 || score > best_score) {
            best = partition;
            best_score = score;
        }
    }
    return best;
}

uint32_t cg_node_partition_number(uint64_t request_id, uint32_t space, uint32_t hosts) {
    return space * hosts + cg_node_partition_of(request_id, hosts);
}

uint32_t cg_node_primary_of(uint32_t partition, uint32_t hosts) {
    return (partition % hosts + partition / hosts) % hosts;
}

uint32_t cg_node_keeper_of(uint32_t partition, uint32_t hosts, uint32_t n) {
    return (cg_node_primary_of(partition, hosts) + n) % hosts;
}

bool cg_node_has_witness(const cg_node_options *options) {
    return options->fails_over && options->replicas == 1 && options->hosts >= 3 &&
           options->acknowledge != CG_ACKNOWLEDGE_PRIMARY;
}

uint32_t cg_node_partition_about(const cg_node *node, const cg_event *event,
                                 uint64_t request_id) {
    uint64_t id = cg_request_has_target(event->request) ? event->target : request_id;
    return cg_node_partition_number(id & CG_NODE_REQUEST_ID_MAX, event->space,
                                    node->options.hosts);
}

cg_holding *cg_node_holding(const cg_node *node, uint32_t partition) {
    uint32_t number = partition / node->options.hosts;
    cg_space *space = number < node->options.spaces ? &node->spaces[number] : NULL;
    for (uint32_t i = 0; space && i < space->holding_count; ++i) {
        if (space->holdings[i].number == partition) {
            return &space->holdings[i];
        }
    }
    return NULL;
}

/* --- inspection --- */

/* Among the first `last` records: those that nobody asked for, and those of requests that have one
 * before. */
static void count_records(const cg_holding *holding, uint64_t last, cg_partition_state *state) {
    const cg_partition *partition = &holding->partition;
    for (uint64_t sequence = 1; sequence <= last; ++sequence) {
        cg_record_kind kind = cg_log_kind(partition->log, sequence);
        uint64_t first = 0;
        if (kind == CG_RECORD_WEIGHTS || kind == CG_RECORD_EPOCH) {
            state->unasked++;
        } else if (cg_table_get(partition->sequence_of,
                                cg_log_request_id(partition->log, sequence), &first)) {
            state->repeated += first != sequence;
        }
    }
}

/* What all replicas have made durable of it, as far as its primary knows. */
static uint64_t acknowledged(const cg_holding *holding) {
    uint64_t least = cg_group_durable_sequence(holding->group);
    for (uint32_t i = 0; i <= holding->space->node->options.replicas; ++i) {
        uint64_t matched = cg_group_matched(holding->group, i);
        least = matched < least ? matched : least;
    }
    return least;
}

static bool is_primary(const cg_holding *holding) {
    return cg_group_role_of(holding->group) == CG_GROUP_PRIMARY;
}

bool cg_node_is_recovering(const cg_node *node, uint32_t partition) {
    const cg_holding *found = cg_node_holding(node, partition);
    return found && cg_group_is_recovering(found->group);
}

bool cg_node_is_primary(const cg_node *node, uint32_t partition, uint64_t *epoch) {
    const cg_holding *found = cg_node_holding(node, partition);
    *epoch = found ? cg_group_epoch(found->group) : 0;
    return found && is_primary(found);
}

cg_partition_state cg_node_partition(const cg_node *node, uint32_t partition) {
    const cg_holding *found = cg_node_holding(node, partition);
    if (!found || found->is_witness) {
        return (cg_partition_state){0};
    }
    bool primary = is_primary(found);
    uint64_t last = cg_log_last(found->partition.log);
    uint64_t durable = cg_group_durable_sequence(found->group);
    cg_partition_state state = {
        .present = true,
        .primary = primary,
        .recovering = cg_group_is_recovering(found->group),
        .epoch = cg_group_epoch(found->group),
        .chain = cg_log_chain(found->partition.log, last),
        .safe_sequence = cg_group_safe(found->group),
        .last_sequence = last,
        .durable_sequence = durable,
        .acknowledged_sequence =
            primary && node->options.replicas > 0 ? acknowledged(found) : 0,
        .hash = cg_partition_hash(&found->partition),
    };
    count_records(found, durable, &state);
    return state;
}

cg_status cg_node_audit(const cg_node *node, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        const cg_space *space = &node->spaces[i];
        for (uint32_t j = 0; status == CG_OK && j < space->holding_count; ++j) {
            const cg_holding *holding = &space->holdings[j];
            status =
                holding->is_witness ? CG_OK : cg_partition_audit(&holding->partition, error);
        }
    }
    return status;
}

bool cg_node_has_request(const cg_node *node, uint32_t partition, uint64_t request_id,
                         uint64_t *sequence) {
    const cg_holding *found = cg_node_holding(node, partition);
    uint64_t at = 0;
    if (!found || found->is_witness ||
        !cg_table_get(found->partition.sequence_of, request_id, &at) ||
        at > cg_group_durable_sequence(found->group)) {
        return false;
    }
    *sequence = at;
    return true;
}

uint64_t cg_node_backlog(const cg_node *node) {
    uint64_t backlog = 0;
    for (uint32_t i = 0; node->options.replicas > 0 && i < node->options.spaces; ++i) {
        for (uint32_t j = 0; j < node->spaces[i].holding_count; ++j) {
            const cg_holding *holding = &node->spaces[i].holdings[j];
            if (!holding->is_witness && is_primary(holding)) {
                backlog += cg_group_durable_sequence(holding->group) - acknowledged(holding);
            }
        }
    }
    return backlog;
}

static bool is_at_rest(const cg_holding *holding) {
    return holding->answered == holding->answer_count && holding->writes == 0 &&
           (!is_primary(holding) || cg_group_is_level(holding->group));
}

bool cg_node_idle(const cg_node *node) {
    bool idle = node->pending_open == 0 && node->items_open == 0 && node->edge_write_count == 0;
    for (uint32_t i = 0; idle && i < node->options.spaces; ++i) {
        const cg_space *space = &node->spaces[i];
        idle = !space->consolidates;
        for (uint32_t j = 0; idle && j < space->holding_count; ++j) {
            idle = is_at_rest(&space->holdings[j]);
        }
    }
    return idle;
}

uint64_t cg_node_vocabulary_version(const cg_node *node, uint32_t space) {
    return node->corpus && space < node->options.spaces
               ? cg_vocabulary_version(node->spaces[space].vocabulary)
               : 0;
}

static void add_cache(cg_decision_cache_statistics *sum,
                      const cg_decision_cache_statistics *one) {
    sum->entries += one->entries;
    sum->capacity += one->capacity;
    sum->hits += one->hits;
    sum->misses += one->misses;
    sum->puts += one->puts;
    sum->replaced += one->replaced;
    sum->expired += one->expired;
    sum->invalidated += one->invalidated;
    sum->evicted += one->evicted;
}

cg_space_statistics cg_node_space_statistics(const cg_node *node, uint32_t number) {
    cg_space_statistics statistics = {0};
    if (number >= node->options.spaces) {
        return statistics;
    }
    const cg_space *space = &node->spaces[number];
    statistics.requests = space->requests;
    statistics.allocations = space->allocations;
    statistics.removals = space->removals;
    for (uint32_t i = 0; i < space->holding_count; ++i) {
        if (space->holdings[i].cache) {
            cg_decision_cache_statistics one =
                cg_decision_cache_statistics_of(space->holdings[i].cache);
            add_cache(&statistics.cache, &one);
        }
    }
    if (node->corpus) {
        statistics.pools = cg_pools_statistics(space->holdings[0].partition.pools);
    }
    return statistics;
}

static void add_pools(cg_pool_statistics *sum, const cg_pool_statistics *one) {
    sum->slots_taken += one->slots_taken;
    sum->slots_pinned += one->slots_pinned;
    sum->requested_bytes += one->requested_bytes;
    sum->slot_bytes += one->slot_bytes;
    sum->free_bytes += one->free_bytes;
    sum->block_bytes += one->block_bytes;
    sum->blocks += one->blocks;
    sum->redirected += one->redirected;
}

void cg_spaces_statistics(const cg_node *node, cg_pool_statistics *pools,
                          cg_decision_cache_statistics *cache) {
    *pools = (cg_pool_statistics){0};
    *cache = (cg_decision_cache_statistics){0};
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        cg_space_statistics one = cg_node_space_statistics(node, i);
        add_pools(pools, &one.pools);
        add_cache(cache, &one.cache);
    }
}

cg_group_statistics cg_spaces_groups(const cg_node *node) {
    cg_group_statistics sum = {0};
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        for (uint32_t j = 0; j < node->spaces[i].holding_count; ++j) {
            cg_group_statistics one = cg_group_statistics_of(node->spaces[i].holdings[j].group);
            cg_group_statistics_add(&sum, &one);
        }
    }
    return sum;
}

uint32_t cg_spaces_writes(const cg_node *node) {
    uint32_t writes = 0;
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        for (uint32_t j = 0; j < node->spaces[i].holding_count; ++j) {
            writes += node->spaces[i].holdings[j].writes;
        }
    }
    return writes;
}

static uint64_t holding_bytes(const cg_holding *holding) {
    return (holding->is_witness ? 0 : cg_partition_bytes(&holding->partition)) +
           cg_group_bytes(holding->group) + cg_table_bytes(holding->rejected) +
           cg_table_bytes(holding->answer_of) + holding->shed_capacity * sizeof *holding->shed +
           holding->answers_capacity * sizeof *holding->answers +
           (holding->cache ? cg_decision_cache_bytes(holding->cache) : 0);
}

static uint64_t space_bytes(const cg_space *space) {
    uint64_t bytes = sizeof *space;
    for (uint32_t i = 0; i < space->holding_count; ++i) {
        bytes += holding_bytes(&space->holdings[i]);
    }
    bytes += space->vocabulary ? cg_vocabulary_bytes(space->vocabulary) : 0;
    bytes += space->edges ? cg_edge_set_bytes(space->edges) : 0;
    bytes += space->edge_graph ? cg_graph_bytes(space->edge_graph) : 0;
    bytes += space->across ? cg_distributed_bytes(space->across) : 0;
    bytes += space->recency ? cg_spread_recency_bytes(space->recency) : 0;
    return bytes + (space->consolidator ? cg_consolidator_bytes(space->consolidator) : 0);
}

uint64_t cg_spaces_bytes(const cg_node *node) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        bytes += space_bytes(&node->spaces[i]);
    }
    return bytes;
}
