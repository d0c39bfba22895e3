/* Gathers: options, memory, and which are open. A gather's place is used again, with what it holds. */
#include "engine/node/gather_internal.h"

cg_status cg_gather_check(const cg_node_options *options, const cg_corpus *corpus,
                          cg_error *error) {
    const cg_node_gather_options *gather = &options->gather;
    if (gather->k < 1 || gather->k > CG_GATHER_K_MAX || gather->ef < 1 ||
        gather->ef > CG_GATHER_EF_MAX || gather->entries < 1 ||
        gather->entries > CG_SHARD_ENTRIES_MAX || !(gather->slack >= 0.0) ||
        gather->timeout_ns < 1 || gather->timeout_ns > CG_NODE_TIMEOUT_NS_MAX ||
        gather->tries < 1 || gather->tries > 16) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "searches of %u concepts, width %u, from %u entries, slack %g, %u tries of "
            "%llu ns; it takes 1 to %d concepts, width 1 to %d, 1 to %d entries, no "
            "negative slack, and 1 to 16 tries of 1 to 10^15 ns",
            gather->k, gather->ef, gather->entries, gather->slack, gather->tries,
            (unsigned long long)gather->timeout_ns, CG_GATHER_K_MAX, CG_GATHER_EF_MAX,
            CG_SHARD_ENTRIES_MAX);
    }
    if (!gather->shards) {
        return CG_OK;
    }
    const uint32_t shards = cg_shards_options_of(gather->shards)->shards;
    if (!corpus || cg_shards_index(gather->shards) != corpus->index ||
        shards != options->hosts) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "an index divided into %u shards for %u hosts%s; it takes the corpus' "
            "index, and as many shards as hosts",
            shards, options->hosts, corpus ? "" : ", without a corpus");
    }
    return CG_OK;
}

/* --- life --- */

cg_status cg_gather_alloc_now(cg_node *node, cg_error *error) {
    struct cg_gathers *all = cg_allocate(&node->allocator, 1, sizeof *all);
    if (!all) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for searches");
    }
    node->gathers = all;
    all->place = (cg_protocol_place){node, CG_PROTOCOL_GATHER, 0};
    all->port = cg_protocol_port(&all->place);
    cg_status status = cg_table_alloc(node->allocator, &all->of, error);
    if (status == CG_OK) {
        status = cg_index_scratch_alloc(node->allocator, &all->index_scratch, error);
    }
    if (status == CG_OK && node->options.gather.shards) {
        status = cg_shard_scratch_alloc(node->allocator, &all->scratch, error);
    }
    if (status != CG_OK) {
        cg_gather_free(node);
    }
    return status;
}

/* Where nothing is divided there is nothing, until somebody searches. */
cg_status cg_gather_alloc(cg_node *node, cg_error *error) {
    return node->options.gather.shards ? cg_gather_alloc_now(node, error) : CG_OK;
}

void cg_gather_free(cg_node *node) {
    struct cg_gathers *all = node->gathers;
    const cg_allocator *allocator = &node->allocator;
    if (!all) {
        return;
    }
    for (size_t i = 0; i < all->used; ++i) {
        cg_gather *gather = &all->list[i];
        cg_deallocate(allocator, gather->parts, gather->parts_capacity, sizeof *gather->parts);
        cg_deallocate(allocator, gather->entries, gather->entries_capacity,
                      sizeof *gather->entries);
        cg_deallocate(allocator, gather->vector, gather->vector_capacity,
                      sizeof *gather->vector);
        cg_deallocate(allocator, gather->hits, gather->hits_capacity, sizeof *gather->hits);
        cg_deallocate(allocator, gather->fact, gather->fact_capacity, 1);
    }
    cg_deallocate(allocator, all->list, all->list_capacity, sizeof *all->list);
    cg_deallocate(allocator, all->payload, all->payload_capacity, 1);
    cg_table_free(all->of);
    cg_index_scratch_free(all->index_scratch);
    cg_shard_scratch_free(all->scratch);
    cg_deallocate(allocator, all, 1, sizeof *all);
    node->gathers = NULL;
}

uint64_t cg_gather_bytes(const cg_node *node) {
    const struct cg_gathers *all = node->gathers;
    if (!all) {
        return 0;
    }
    uint64_t bytes = sizeof *all + all->list_capacity * sizeof *all->list +
                     all->payload_capacity + cg_table_bytes(all->of) +
                     cg_index_scratch_bytes(all->index_scratch) +
                     (all->scratch ? cg_shard_scratch_bytes(all->scratch) : 0);
    for (size_t i = 0; i < all->used; ++i) {
        const cg_gather *gather = &all->list[i];
        bytes += gather->parts_capacity * sizeof *gather->parts +
                 gather->entries_capacity * sizeof *gather->entries +
                 gather->vector_capacity * sizeof *gather->vector +
                 gather->hits_capacity * sizeof *gather->hits + gather->fact_capacity;
    }
    return bytes;
}

/* --- a gather's beginning and end --- */

cg_status cg_gather_open(cg_node *node, cg_gather **out, cg_error *error) {
    struct cg_gathers *all = node->gathers;
    bool reuses = all->free > 0;
    size_t place = reuses ? all->free - 1 : all->used;
    uint32_t number = all->numbers < INT32_MAX ? all->numbers + 1 : 1; /* fits a timer, twice */
    cg_status status =
        CG_GROW(&node->allocator, all->list, all->list_capacity, place + 1, error);
    if (status == CG_OK) {
        status = cg_table_put(all->of, number, place, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_gather *gather = &all->list[place];
    if (reuses) {
        all->free = gather->next_free;
    } else {
        all->used++;
    }
    all->numbers = number;
    gather->number = number;
    gather->tries = 0;
    gather->part_count = 0;
    gather->answered = 0;
    gather->entry_count = 0;
    gather->hit_count = 0;
    gather->fact_bytes = 0;
    *out = gather;
    return CG_OK;
}

void cg_gather_close(cg_node *node, cg_gather *gather) {
    struct cg_gathers *all = node->gathers;
    (void)cg_table_remove(all->of, gather->number);
    gather->number = 0;
    gather->next_free = all->free;
    all->free = (size_t)(gather - all->list) + 1;
}

cg_gather *cg_gather_of(const cg_node *node, uint32_t number) {
    uint64_t place = 0;
    return node->gathers && cg_table_get(node->gathers->of, number, &place)
               ? &node->gathers->list[place]
               : NULL;
}
