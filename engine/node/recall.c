/* Recall: reading what is known of keys, through the memory tiers (spec B4, D3, D7).
 *
 * Each key's record is read, then that of the key it leads to (a concept's first hypernym), and so
 * on for so many hops. Of a concept that facts of this host's partition were allocated to, the
 * newest facts are read too; their slots are pinned until the recall's work is paid.
 *
 * Before it runs its latency is forecast from where its keys are held and what the disk has to do
 * before it. A recall that would exceed the budget is cut, and its answer is partial.
 *
 * After it the likely next keys of its client are fetched ahead.
 */
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/node/node_internal.h"

enum {
    FACTS_READ_MAX = 8,   /* of those below a concept */
    FACTS_LOOKED_AT = 32, /* removed ones among them are passed over */
    PROBES_MAX = 1024,    /* keys looked up for a forecast; with more, evenly spread ones stand
                           * for all */
    OBSERVED_MAX = 16,    /* keys of a recall that successors are learned from */
    PREFETCH_SURE = 128   /* least confidence, of 255, of a key that is fetched ahead */
};

static uint64_t key_limit(const cg_node *node) {
    return node->corpus          ? cg_graph_concept_count(node->corpus->graph)
           : node->options.graph ? cg_graph_concept_count(node->options.graph)
                                 : node->options.keys;
}

/* The key that a key leads to; false where there is none. Keys without content lead to a hash, and
 * concepts without texts along their first edge. */
static bool leads_to(const cg_node *node, uint64_t key, uint64_t *next) {
    if (!node->corpus && node->options.graph) {
        cg_edge_cursor edges = cg_graph_edges(node->options.graph, (uint32_t)key);
        cg_edge edge;
        bool leads = cg_graph_next_edge(&edges, &edge);
        *next = leads ? edge.target : key;
        return leads;
    }
    if (!node->corpus) {
        *next = cg_hash_u64(key, 0) % node->options.keys;
        return true;
    }
    uint32_t parent = 0;
    if (cg_graph_parents(node->corpus->graph, (uint32_t)key, &parent, 1) == 0) {
        return false;
    }
    *next = parent;
    return true;
}

/* --- reading --- */

static cg_status read_facts_below(cg_node *node, cg_item *item, uint32_t row, cg_work *work,
                                  cg_error *error) {
    cg_holding *home = &cg_item_space(node, item)->holdings[0];
    cg_partition *partition = &home->partition;
    uint64_t sequence = cg_partition_newest_below(partition, row);
    uint32_t read = 0;
    cg_status status = CG_OK;
    for (uint32_t i = 0;
         status == CG_OK && sequence > 0 && i < FACTS_LOOKED_AT && read < FACTS_READ_MAX; ++i) {
        cg_applied *fact = &partition->records[sequence - 1];
        sequence = fact->previous;
        if (fact->slot == CG_SLOT_NONE) {
            continue; /* removed */
        }
        uint32_t bytes = 0;
        uint32_t served = 0;
        (void)cg_pools_memory(partition->pools, fact->slot, &bytes);
        status = cg_tiers_read(node->tiers, cg_node_tier_key(node, home->number, fact->row),
                               bytes, 0, &served, work, error);
        if (status == CG_OK && fact->reader != item->serial) {
            fact->reader = item->serial; /* pinned once is enough */
            status = cg_item_pin(node, item, fact->slot, error);
        }
        read++;
    }
    return status;
}

cg_status cg_recall_read(cg_node *node, cg_item *item, uint64_t key, bool is_paid,
                         cg_work *work, cg_error *error) {
    cg_status status = CG_OK;
    bool leads = true;
    for (uint32_t hop = 0; status == CG_OK && leads && hop <= item->recall.hops; ++hop) {
        uint32_t served = 0;
        status = cg_tiers_read(node->tiers, key, node->options.service.record_bytes, 0, &served,
                               is_paid && hop == 0 ? NULL : work, error);
        if (status == CG_OK && node->corpus) {
            status = read_facts_below(node, item, (uint32_t)key, work, error);
        }
        leads = leads_to(node, key, &key);
    }
    return status;
}

cg_status cg_recall_reply(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    const cg_recall_state *recall = &item->recall;
    uint64_t waited_ns = item->started_ns - item->arrived_ns;
    cg_reply reply = {.request_id = item->event.id,
                      .status = recall->is_partial ? CG_ERROR_PARTIAL : CG_OK,
                      .host = node->options.host,
                      .slot = CG_SLOT_NONE,
                      .request = CG_REQUEST_RECALL,
                      .count = recall->key_count,
                      .forecast_ns =
                          recall->forecast_ns > 0 ? waited_ns + recall->forecast_ns : 0};
    return cg_node_reply(node, outputs, &reply, error);
}

/* --- forecast --- */

/* Where the recall's reads will be served, as things are. */
static void probe(const cg_node *node, cg_recall_state *recall, cg_work *work) {
    cg_forecast_features *features = &recall->features;
    uint32_t store = node->options.tier_levels - 1;
    uint32_t step = (recall->key_count + PROBES_MAX - 1) / PROBES_MAX;
    uint32_t probed = 0;
    uint32_t reads[CG_TIER_LEVELS_MAX] = {0};
    for (uint32_t i = 0; i < recall->key_count; i += step, ++probed) {
        uint64_t key = recall->keys[i];
        bool leads = true;
        for (uint32_t hop = 0; leads && hop <= recall->hops; ++hop) {
            reads[cg_tiers_where(node->tiers, key, 0)]++;
            leads = leads_to(node, key, &key);
        }
    }
    cg_work_count(work, CG_WORK_TIER_L1, (uint64_t)probed * (recall->hops + 1), 0);
    double scale = (double)recall->key_count / (double)probed;
    uint32_t all = 0;
    for (uint32_t level = 0; level <= store; ++level) {
        all += reads[level];
        /* The store is the last term whatever the number of tiers, so that it keeps its weight. */
        features->tier_reads[level == store ? CG_FORECAST_TIERS - 1 : level] =
            scale * (double)reads[level];
    }
    features->keys = (uint32_t)(scale * (double)all);
    features->hops = recall->hops;
}

static double store_read_ns(const cg_node *node) {
    return cg_forecast_weight_ns(
        node->forecast, (cg_forecast_term)(CG_FORECAST_TIER_READS + CG_FORECAST_TIERS - 1));
}

/* So many more reads are asked of the store, which serves one after the other. */
static void ask_store(cg_node *node, double reads, uint64_t now_ns) {
    if (node->forecast) {
        uint64_t from_ns = node->store_free_ns > now_ns ? node->store_free_ns : now_ns;
        node->store_free_ns = from_ns + (uint64_t)(reads * store_read_ns(node));
        node->store_reads += reads;
    }
}

static void look_ahead(const cg_node *node, cg_recall_state *recall, uint64_t now_ns) {
    cg_forecast_features *features = &recall->features;
    if (features->tier_reads[CG_FORECAST_TIERS - 1] >
        0.0) {                 /* else nobody waits for the store */
        features->permits = 1; /* it serves one read at a time */
        features->ahead_ns = node->store_free_ns > now_ns ? node->store_free_ns - now_ns : 0;
        features->store_writes_ahead = cg_spaces_writes(node);
    }
}

/* What the plan leaves of the recall. Similarity alone: the keys asked for, and no hop. */
static void follow(cg_recall_state *recall, const cg_forecast_plan *plan) {
    uint32_t chain = recall->hops + 1;
    if (plan->mode == CG_FORECAST_SIMILARITY) {
        recall->hops = 0;
        return;
    }
    recall->hops = plan->hops;
    uint32_t keys = plan->keys / chain;
    recall->key_count = keys < 1 ? 1 : keys < recall->key_count ? keys : recall->key_count;
}

/* Cuts the recall to the budget: hops first, then keys, but never the last one. */
static void keep_to_budget(cg_node *node, cg_recall_state *recall, cg_work *work) {
    const uint64_t budget_ns = node->options.service.budget_ns;
    const uint32_t hops = recall->hops;
    const uint32_t key_count = recall->key_count;
    cg_forecast_plan plan = cg_forecast_planned(node->forecast, &recall->features, budget_ns);
    if (!plan.is_partial) {
        return;
    }
    follow(recall, &plan);
    probe(node, recall, work);
    uint64_t left_ns = cg_forecast_ns(node->forecast, &recall->features);
    if (left_ns > budget_ns) {
        uint64_t fit = cg_mul_div(recall->key_count, budget_ns, left_ns);
        recall->key_count = fit < 1 ? 1 : (uint32_t)fit;
        probe(node, recall, work);
    }
    recall->is_partial = recall->hops < hops || recall->key_count < key_count;
    node->statistics.partial += recall->is_partial;
}

static void forecast(cg_node *node, cg_recall_state *recall, uint64_t now_ns, cg_work *work) {
    recall->is_partial = false;
    recall->features = (cg_forecast_features){0};
    if (!node->forecast) {
        return;
    }
    probe(node, recall, work);
    look_ahead(node, recall, now_ns);
    if (node->options.service.budget_ns > 0) {
        keep_to_budget(node, recall, work);
    }
    recall->forecast_ns = cg_forecast_ns(node->forecast, &recall->features);
    ask_store(node, recall->features.tier_reads[CG_FORECAST_TIERS - 1], now_ns);
    recall->store_reads = node->store_reads;
}

void cg_recall_end(cg_node *node, const cg_item *item, uint64_t now_ns) {
    const cg_recall_state *recall = &item->recall;
    /* Out of memory it is one latency less that the monitor knows of. */
    (void)cg_tune_latency(node, item->arrived_ns, now_ns, NULL);
    if (!node->forecast || recall->forecast_ns == 0) {
        return;
    }
    if (item->event.request == CG_REQUEST_SPREAD) {
        cg_forecast_learn(node->spread_forecast, &recall->features, now_ns - item->started_ns);
        return;
    }
    if (recall->features.tier_reads[CG_FORECAST_TIERS - 1] > 0.0) {
        /* Its reads are done; so the store has now to do what was asked after them. */
        double after = node->store_reads - recall->store_reads;
        node->store_free_ns = now_ns + (uint64_t)(after * store_read_ns(node));
    }
    cg_forecast_learn(node->forecast, &recall->features, now_ns - item->started_ns);
}

/* --- fetching ahead --- */

static cg_status fetch_ahead(cg_node *node, uint64_t key, uint64_t now_ns, cg_outputs *outputs,
                             cg_error *error) {
    cg_status status = CG_OK;
    uint32_t bytes = node->options.service.record_bytes;
    for (uint32_t depth = 0; status == CG_OK && depth < node->tune.prefetch; ++depth) {
        uint64_t next = 0;
        uint8_t sure = 0;
        if (cg_successors_predict(node->successors, key, 1, &next, &sure) == 0 ||
            sure < PREFETCH_SURE) {
            break;
        }
        bool asked = false;
        status = cg_tiers_prefetch(node->tiers, next, bytes, node->options.tier_levels - 2,
                                   &asked, error);
        if (status == CG_OK && asked) {
            cg_output read = {.kind = CG_OUTPUT_READ, .id = next, .read_bytes = bytes};
            status = cg_outputs_add(outputs, &read, 0, NULL, error);
            ask_store(node, 1.0, now_ns);
        }
        key = next;
    }
    return status;
}

cg_status cg_recall_arrived(cg_node *node, uint64_t key, cg_error *error) {
    return cg_tiers_arrived(node->tiers, key, error);
}

static void observe(cg_node *node, const cg_item *item) {
    const cg_recall_state *recall = &item->recall;
    uint32_t count = recall->key_count < OBSERVED_MAX ? recall->key_count : OBSERVED_MAX;
    for (uint32_t i = 0; i < count; ++i) {
        cg_successors_observe(node->successors, item->event.client, recall->keys[i]);
    }
}

/* --- the recall --- */

static cg_status take_keys(cg_node *node, cg_item *item, cg_error *error) {
    cg_recall_state *recall = &item->recall;
    size_t count = item->event.size_bytes / sizeof(uint64_t);
    cg_status status =
        CG_GROW(&node->allocator, recall->keys, recall->keys_capacity, count, error);
    if (status != CG_OK) {
        return status;
    }
    cg_reader reader = cg_reader_init(item->event.bytes, item->event.size_bytes);
    for (size_t i = 0; i < count; ++i) {
        recall->keys[i] = cg_read_u64(&reader);
        if (recall->keys[i] >= key_limit(node)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "request %llu: key %llu does not exist; there are %llu, from 0",
                                (unsigned long long)item->event.id,
                                (unsigned long long)recall->keys[i],
                                (unsigned long long)key_limit(node));
        }
    }
    recall->key_count = (uint32_t)count;
    recall->hops = item->event.hops;
    return CG_OK;
}

static cg_status read_all(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < item->recall.key_count; ++i) {
        status = cg_recall_read(node, item, item->recall.keys[i], false, &outputs->work, error);
    }
    return status == CG_OK ? cg_recall_reply(node, item, outputs, error) : status;
}

cg_status cg_recall_begin(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    cg_recall_state *recall = &item->recall;
    cg_status status = take_keys(node, item, error);
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) {
        return cg_node_refuse(node, &item->event, status, outputs, error);
    }
    node->statistics.recalls++;
    const uint64_t now_ns = item->event.now_ns;
    forecast(node, recall, now_ns, &outputs->work);
    if (node->successors) {
        observe(node, item);
    }
    uint64_t last_key = recall->keys[recall->key_count - 1];
    bool is_cut = false;
    status = cg_batches_begin(node, item, now_ns, &is_cut, outputs, error);
    if (status == CG_OK && !is_cut) {
        status = read_all(node, item, outputs, error);
    }
    bool fetches = node->successors && node->options.tier_levels > 1;
    return status == CG_OK && fetches ? fetch_ahead(node, last_key, now_ns, outputs, error)
                                      : status;
}
