/* Consolidation: at set times, what was active together grows closer (spec E6).
 *
 * Each spread is noted. At the next multiple of the interval the edges between concepts that were
 * active together are strengthened: as records of the log, so that the replica does the same; and
 * among the facts stored since the last time near-duplicates are looked for, which are proposed
 * for merging by an alert and a count. An interval without spreads has no consolidation, so an
 * idle node sets no timers.
 */
#include <stdio.h>

#include "engine/node/node_internal.h"
#include "engine/spread/consolidate_duplicates.h"

enum {
    NOTED_MAX = 32,    /* hits of a spread that count as active, as for a consolidator */
    SIMILAR_MAX = 8,   /* facts compared with each new one */
    ROWS_AT_ONCE = 64, /* new facts looked at */
    PAIRS_MAX = 64     /* proposed of those */
};
/* Mean likeness (engine/column/column.h) from which two facts below one concept say the same. */
static const float duplicate_bound = 0.95f;

/* The timer of a space's consolidation: a tick whose rest is the space's number + 1. */
static uint64_t timer_of(const cg_space *space) {
    return cg_timer_id(CG_TIMER_TICK, 1 + (uint64_t)space->number);
}

cg_status cg_consolidation_note(cg_space *space, const cg_spread_result *result,
                                uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_active active[NOTED_MAX];
    uint32_t count = result->hit_count < NOTED_MAX ? result->hit_count : (uint32_t)NOTED_MAX;
    for (uint32_t i = 0; i < count; ++i) {
        active[i] = (cg_active){result->hits[i].row, result->hits[i].activation};
    }
    cg_status status = cg_consolidator_note(space->consolidator, cg_space_graph(space), active,
                                            count, &outputs->work, error);
    if (status != CG_OK || space->consolidates) {
        return status;
    }
    uint64_t interval_ns = space->node->options.spread.consolidate_ns;
    space->consolidates = true;
    return cg_node_set_timer(outputs, timer_of(space), (now_ns / interval_ns + 1) * interval_ns,
                             error);
}

/* --- near-duplicates --- */

typedef struct looking {
    const cg_space *space;
    cg_work *work;
} looking;

static cg_status facts_like(void *context, uint32_t row, uint32_t max, cg_similar *similar,
                            uint32_t *count, cg_error *error) {
    const looking *look = context;
    cg_node *node = look->space->node;
    cg_knowledge knowledge = cg_partition_knowledge(&look->space->holdings[0].partition);
    const cg_feature_row features = cg_features_row(knowledge.features, row);
    cg_fact_view fact = {
        .dense = features.dense, .sparse = features.sparse, .type = CG_TYPE_UNKNOWN};
    cg_status status = cg_cascade_associates(&node->options.cascade, &knowledge, &fact,
                                             node->scratch, look->work, error);
    const cg_neighbour *alike = NULL;
    uint32_t found = status == CG_OK ? cg_cascade_neighbours(node->scratch, &alike) : 0;
    *count = found < max ? found : max;
    for (uint32_t i = 0; i < *count; ++i) {
        similar[i] = (cg_similar){alike[i].row, (float)alike[i].likeness.mean};
    }
    return status;
}

/* One alert, which names the pair that is most alike. */
static cg_status propose(const cg_graph *graph, const cg_duplicate *pair, uint64_t pairs,
                         cg_outputs *outputs, cg_error *error) {
    char text[320];
    snprintf(
        text, sizeof text,
        "%llu %s of facts may be one; most alike (%.3f) are row %u (%.63s) and row %u (%.63s)",
        (unsigned long long)pairs, pairs == 1 ? "pair" : "pairs", (double)pair->similarity,
        pair->row, cg_graph_name(graph, pair->row), pair->other,
        cg_graph_name(graph, pair->other));
    return cg_node_alert(outputs, CG_INFO, text, error);
}

/* Among the facts that were stored since the last time, and are still there. */
static cg_status look_for_duplicates(cg_space *space, cg_outputs *outputs, cg_error *error) {
    cg_node *node = space->node;
    const cg_graph *graph = cg_space_graph(space);
    uint32_t concepts = cg_graph_concept_count(graph);
    uint32_t first = cg_graph_concept_count(node->corpus->graph);
    uint32_t from = space->consolidated_row < first ? first : space->consolidated_row;
    cg_duplicate pairs[PAIRS_MAX];
    cg_duplicate best = {0};
    uint64_t proposed = 0;
    cg_status status = CG_OK;
    for (; status == CG_OK && from < concepts; from += ROWS_AT_ONCE) {
        uint32_t rows[ROWS_AT_ONCE];
        uint32_t count = 0;
        for (; count < ROWS_AT_ONCE && from + count < concepts; ++count) {
            rows[count] = from + count;
        }
        looking look = {space, &outputs->work};
        cg_duplicate_query query = {.rows = rows,
                                    .row_count = count,
                                    .similar_max = SIMILAR_MAX,
                                    .bound = duplicate_bound,
                                    .pairs_max = PAIRS_MAX,
                                    .similar = facts_like,
                                    .context = &look};
        uint32_t found = 0;
        status = cg_duplicates_find(graph, &query, node->allocator, pairs, &found, error);
        for (uint32_t i = 0; status == CG_OK && i < found; ++i) {
            if (pairs[i].other >= from + count) {
                continue; /* the facts behind these will find it */
            }
            if (proposed == 0 || pairs[i].similarity > best.similarity) {
                best = pairs[i];
            }
            proposed++;
        }
    }
    space->consolidated_row = concepts;
    node->statistics.merges_proposed += proposed;
    return status == CG_OK && proposed > 0 ? propose(graph, &best, proposed, outputs, error)
                                           : status;
}

/* --- weights --- */

static bool is_before(const cg_log_weight *one, const cg_log_weight *other) {
    if (one->from != other->from) {
        return one->from < other->from;
    }
    return one->type != other->type ? one->type < other->type : one->to < other->to;
}

/* Changes as records name them, in the order that records have: rows of facts do not ascend with
 * their ids. */
static void name_weights(const cg_partition *partition, const cg_weight_change *changes,
                         uint32_t count, cg_log_weight *weights) {
    for (uint32_t i = 0; i < count; ++i) {
        cg_log_weight named = {
            .from = cg_partition_concept_of(partition, changes[i].from),
            .to = cg_partition_concept_of(partition, changes[i].edge.target),
            .type = changes[i].edge.type,
            .weight = changes[i].edge.weight,
        };
        uint32_t at = i;
        for (; at > 0 && is_before(&named, &weights[at - 1]); --at) {
            weights[at] = weights[at - 1];
        }
        weights[at] = named;
    }
}

/* A record of the log that nobody asked for, so nobody is answered. */
static cg_status log_weights(cg_space *space, const cg_weight_change *changes, uint32_t count,
                             cg_work *work, cg_error *error) {
    cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    cg_holding *home = &space->holdings[0];
    name_weights(&home->partition, changes, count, weights);
    cg_node *node = space->node;
    const cg_reply nobody = {.slot = CG_SLOT_NONE};
    cg_log_record record = {
        .kind = CG_RECORD_WEIGHTS, .weights = weights, .weight_count = count};
    cg_status status = cg_primary_note(home, &nobody, node->options.host, error);
    if (status == CG_OK) {
        status = cg_primary_append(home, &record, NULL, work, error);
    }
    node->statistics.edges_strengthened += status == CG_OK ? count : 0;
    return status;
}

/* By the log, so by its primary alone: what was noted while another host is that is lost. */
static cg_status strengthen(cg_space *space, cg_outputs *outputs, cg_error *error) {
    cg_consolidation due;
    cg_consolidate(space->consolidator, cg_space_graph(space), &due, &outputs->work);
    cg_status status = CG_OK;
    if (!cg_holding_serves(&space->holdings[0])) {
        return CG_OK;
    }
    for (uint32_t at = 0; status == CG_OK && at < due.change_count;) {
        uint32_t left = due.change_count - at;
        uint32_t count = left < CG_RECORD_WEIGHTS_MAX ? left : (uint32_t)CG_RECORD_WEIGHTS_MAX;
        status = log_weights(space, &due.changes[at], count, &outputs->work, error);
        at += count;
    }
    return status == CG_OK && due.change_count > 0
               ? cg_holding_appended(&space->holdings[0], error)
               : status;
}

/* --- the time comes --- */

bool cg_consolidation_timer(uint64_t id) {
    return id > cg_timer_id(CG_TIMER_TICK, 0) &&
           id <= cg_timer_id(CG_TIMER_TICK, CG_NODE_SPACES_MAX);
}

cg_status cg_consolidation_due(cg_node *node, const cg_event *event, cg_outputs *outputs,
                               cg_error *error) {
    uint64_t number = event->id - cg_timer_id(CG_TIMER_TICK, 1);
    cg_space *space = number < node->options.spaces ? &node->spaces[number] : NULL;
    if (!space || !space->consolidator || !space->consolidates) {
        return CG_OK; /* not a timer of ours */
    }
    space->consolidates = false;
    node->statistics.consolidations++;
    cg_status status = strengthen(space, outputs, error);
    return status == CG_OK ? look_for_duplicates(space, outputs, error) : status;
}
