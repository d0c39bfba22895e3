/* What is due at a set time: sums become weights. The rule and its source stand in consolidate.c.
 *
 * Entries are sorted by (from, type, target), so that the edges of a concept are walked once for
 * all of its entries; each edge finds its entry by bisection.
 */
#include <math.h>

#include "engine/base/math.h"
#include "engine/spread/consolidate_internal.h"

enum { WEIGHT_MAX = 255 };
static const double WAY_STEPS = 255.5;

uint8_t cg_consolidate_weight(uint8_t weight, double eta, uint64_t *sum) {
    double one = (double)CG_CONSOLIDATE_ONE;
    double way = WAY_STEPS - weight;
    double steps = floor(way * (1.0 - cg_exp(-eta * ((double)*sum / one))));
    if (weight == WEIGHT_MAX || steps < 1.0) {
        return weight;
    }
    uint32_t stronger = weight + (uint32_t)steps;
    double used = ceil(cg_log(way / (way - steps)) / eta * one);
    *sum = used < (double)*sum ? *sum - (uint64_t)used : 0;
    return (uint8_t)stronger;
}

static bool is_before(const consolidate_entry *one, const consolidate_entry *other) {
    if (one->from != other->from) {
        return one->from < other->from;
    }
    return one->type != other->type ? one->type < other->type : one->target < other->target;
}

static void sift(consolidate_entry *heap, uint32_t count, uint32_t at) {
    consolidate_entry moving = heap[at];
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && is_before(&heap[child], &heap[child + 1]);
        if (!is_before(&moving, &heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void sort(consolidate_entry *entries, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift(entries, count, i);
    }
    for (uint32_t end = count; end-- > 1;) {
        consolidate_entry last = entries[end];
        entries[end] = entries[0];
        entries[0] = last;
        sift(entries, end, 0);
    }
}

/* Notes the weights that the graph has for entries[count], all of one concept. Returns how many
 * edges were walked. */
static uint32_t find_weights(const cg_graph *graph, consolidate_entry *entries, uint32_t count,
                             uint32_t edges_max) {
    cg_edge_cursor cursor = cg_graph_edges(graph, entries[0].from);
    cg_edge edge = {0};
    uint32_t walked = 0;
    for (; walked < edges_max && cg_graph_next_edge(&cursor, &edge); walked++) {
        consolidate_entry wanted = {
            .from = entries[0].from, .type = edge.type, .target = edge.target};
        uint32_t low = 0;
        for (uint32_t high = count; low < high;) {
            uint32_t middle = low + (high - low) / 2;
            if (is_before(&entries[middle], &wanted)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low < count && !is_before(&wanted, &entries[low])) {
            entries[low].found = 1 + (uint32_t)edge.weight;
        }
    }
    return walked;
}

/* Looks each entry up in the graph, concept by concept. */
static void find_all_weights(cg_consolidator *consolidator, const cg_graph *graph,
                             cg_work *work) {
    uint32_t rows = cg_graph_concept_count(graph);
    consolidate_entry *entries = consolidator->entries;
    for (uint32_t first = 0, end = 0; first < consolidator->entry_count; first = end) {
        while (end < consolidator->entry_count && entries[end].from == entries[first].from) {
            end++;
        }
        if (entries[first].from < rows) {
            uint32_t walked = find_weights(graph, &entries[first], end - first,
                                           consolidator->options.row_edges_max);
            cg_work_count(work, CG_WORK_GRAPH_READ, 1, walked);
        }
    }
}

void cg_consolidate(cg_consolidator *consolidator, const cg_graph *graph,
                    cg_consolidation *result, cg_work *work) {
    consolidate_entry *entries = consolidator->entries;
    sort(entries, consolidator->entry_count);
    find_all_weights(consolidator, graph, work);
    cg_consolidation made = {.changes = consolidator->changes,
                             .spreads = consolidator->spreads};
    for (uint32_t i = 0; i < consolidator->entry_count; i++) {
        consolidate_entry at = entries[i];
        uint32_t weight = at.found - 1; /* when it was found */
        if (at.found == 0 || weight == WEIGHT_MAX) {
            made.gone++;
            continue;
        }
        uint8_t stronger =
            cg_consolidate_weight((uint8_t)weight, consolidator->options.eta, &at.sum);
        if (stronger > weight) {
            consolidator->changes[made.change_count++] = (cg_weight_change){
                .from = at.from,
                .edge = {.target = at.target, .type = (uint16_t)at.type, .weight = stronger}};
        }
        if (stronger < WEIGHT_MAX && at.sum > 0) {
            at.found = 0;
            entries[made.kept++] = at;
        }
    }
    consolidator->entry_count = made.kept;
    cg_consolidator_find_anew(consolidator);
    consolidator->spreads = 0;
    consolidator->statistics.strengthened += made.change_count;
    *result = made;
}
