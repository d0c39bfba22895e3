/* Memory spaces: tenants of one cluster (spec B7).
 *
 * Partition p of space s, of those of H hosts, has the number s * H + p and its primary at host
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

/* The number of the space's partition whose primary is `host`. */
static uint32_t partition_at(const cg_node_options *options, uint32_t space, uint32_t host) {
    uint32_t hosts = options->hosts;
    return space * hosts + (host + hosts - space % hosts) % hosts;
}

static cg_status alloc_partitions(cg_space *space, cg_error *error) {
    cg_node *node = space->node;
    const cg_node_options *options = &node->options;
    cg_pool_options pools = pools_of(options, space->number);
    uint32_t own = partition_at(options, space->number, options->host);
    cg_status status =
        cg_partition_init(&space->own, own, node->corpus, &pools, node->allocator, error);
    if (status == CG_OK && cg_node_replicates(node)) {
        uint32_t before = partition_at(options, space->number, cg_node_copied_host(node));
        pools = copy_pools(&pools);
        status = cg_partition_init(&space->copy, before, node->corpus, &pools, node->allocator,
                                   error);
        space->has_copy = status == CG_OK;
    }
    if (status == CG_OK) {
        status = cg_vocabulary_alloc(node->corpus->embedder, node->allocator,
                                     &space->vocabulary, error);
    }
    return status;
}

static cg_status alloc_space(cg_space *space, cg_error *error) {
    cg_node *node = space->node;
    const cg_service_options *service = &node->options.service;
    cg_status status = cg_table_alloc(node->allocator, &space->rejected, error);
    if (status == CG_OK) {
        status = cg_table_alloc(node->allocator, &space->newest_below, error);
    }
    if (status == CG_OK && node->corpus) {
        status = alloc_partitions(space, error);
    }
    if (status == CG_OK && service->cache_entries > 0) {
        uint32_t part = service->cache_entries / node->options.spaces;
        cg_decision_cache_options cache = {.capacity = part > 0 ? part : 1,
                                           .value_bytes = sizeof(cg_reply),
                                           .ttl_ns = service->cache_ttl_ns};
        status = cg_decision_cache_alloc(&cache, node->allocator, &space->cache, error);
    }
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
        space->own.allocator = space->copy.allocator = node->allocator;
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
    const cg_allocator *allocator = &space->node->allocator;
    if (space->node->corpus) {
        cg_partition_deinit(&space->own);
        cg_partition_deinit(&space->copy);
    }
    cg_deallocate(allocator, space->answers, space->answers_capacity, sizeof *space->answers);
    cg_table_free(space->rejected);
    cg_table_free(space->newest_below);
    cg_deallocate(allocator, space->below, space->below_capacity, sizeof *space->below);
    cg_deallocate(allocator, space->shed, space->shed_capacity, sizeof *space->shed);
    cg_decision_cache_free(space->cache);
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

cg_space *cg_space_of_partition(const cg_node *node, uint32_t partition) {
    uint32_t space = partition / node->options.hosts;
    return space < node->options.spaces ? &node->spaces[space] : NULL;
}

static const cg_partition *find_partition(const cg_node *node, uint32_t number) {
    const cg_space *space = cg_space_of_partition(node, number);
    if (!node->corpus || !space) {
        return NULL;
    }
    if (number == space->own.number) {
        return &space->own;
    }
    return space->has_copy && number == space->copy.number ? &space->copy : NULL;
}

/* --- inspection --- */

static uint64_t unasked_records(const cg_partition *partition) {
    uint64_t count = 0;
    for (uint64_t sequence = 1; sequence <= partition->durable_sequence; ++sequence) {
        count += cg_log_kind(partition->log, sequence) == CG_RECORD_WEIGHTS;
    }
    return count;
}

cg_partition_state cg_node_partition(const cg_node *node, uint32_t partition) {
    const cg_partition *found = find_partition(node, partition);
    if (!found) {
        return (cg_partition_state){0};
    }
    const cg_space *space = cg_space_of_partition(node, partition);
    bool primary = found == &space->own;
    return (cg_partition_state){
        .present = true,
        .primary = primary,
        .last_sequence = cg_log_last(found->log),
        .durable_sequence = found->durable_sequence,
        .unasked = unasked_records(found),
        .acknowledged_sequence = primary ? space->replication.acknowledged_sequence : 0,
        .hash = cg_partition_hash(found),
    };
}

bool cg_node_has_request(const cg_node *node, uint32_t partition, uint64_t request_id,
                         uint64_t *sequence) {
    const cg_partition *found = find_partition(node, partition);
    uint64_t at = 0;
    if (!found || !cg_table_get(found->sequence_of, request_id, &at) ||
        at > found->durable_sequence) {
        return false;
    }
    *sequence = at;
    return true;
}

uint64_t cg_node_backlog(const cg_node *node) {
    uint64_t backlog = 0;
    for (uint32_t i = 0; cg_node_replicates(node) && i < node->options.spaces; ++i) {
        const cg_space *space = &node->spaces[i];
        backlog += space->own.durable_sequence - space->replication.acknowledged_sequence;
    }
    return backlog;
}

bool cg_node_idle(const cg_node *node) {
    bool idle = node->pending_open == 0 && node->items_open == 0 && cg_node_backlog(node) == 0;
    for (uint32_t i = 0; node->corpus && idle && i < node->options.spaces; ++i) {
        const cg_space *space = &node->spaces[i];
        uint64_t last = cg_log_last(space->own.log);
        idle = space->own.durable_sequence == last && space->answered_sequence == last &&
               !space->consolidates;
    }
    return idle;
}

uint64_t cg_node_vocabulary_version(const cg_node *node, uint32_t space) {
    return node->corpus && space < node->options.spaces
               ? cg_vocabulary_version(node->spaces[space].vocabulary)
               : 0;
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
    if (space->cache) {
        statistics.cache = cg_decision_cache_statistics_of(space->cache);
    }
    if (node->corpus) {
        statistics.pools = cg_pools_statistics(space->own.pools);
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

uint32_t cg_spaces_writes(const cg_node *node) {
    uint32_t writes = 0;
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        writes += node->spaces[i].writes;
    }
    return writes;
}

static uint64_t space_bytes(const cg_space *space) {
    uint64_t bytes = sizeof *space + cg_table_bytes(space->rejected) +
                     cg_table_bytes(space->newest_below) +
                     space->below_capacity * sizeof *space->below +
                     space->shed_capacity * sizeof *space->shed +
                     space->answers_capacity * sizeof *space->answers;
    if (space->node->corpus) {
        bytes += cg_partition_bytes(&space->own) + cg_vocabulary_bytes(space->vocabulary);
    }
    if (space->has_copy) {
        bytes += cg_partition_bytes(&space->copy);
    }
    bytes += space->recency ? cg_spread_recency_bytes(space->recency) : 0;
    bytes += space->consolidator ? cg_consolidator_bytes(space->consolidator) : 0;
    return bytes + (space->cache ? cg_decision_cache_bytes(space->cache) : 0);
}

uint64_t cg_spaces_bytes(const cg_node *node) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < node->options.spaces; ++i) {
        bytes += space_bytes(&node->spaces[i]);
    }
    return bytes;
}
