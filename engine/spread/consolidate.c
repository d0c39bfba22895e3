/* Hebbian strengthening in bounded memory.
 *
 * Idea (Hebb, "The Organization of Behavior", 1949, p. 62): cells that fire together become
 * easier to fire together. As a rule with a soft bound (Gerstner and Kistler, "Spiking Neuron
 * Models", 2002, section 10.2; Oja, "Simplified neuron model as a principal component
 * analyzer", J. Math. Biology 15, 1982, bounds by normalising instead), applied over all the
 * company that two concepts had:
 *
 *   dw = eta * a_from * a_target * (1 - w)   per spread, taken to its limit of small steps
 *   =>  1 - w' = (1 - w) * exp(-eta * S),    S = sum of a_from * a_target
 *
 * which does not depend on the order of the spreads, and cannot pass 1.
 *
 * Numbers: an activation counts with 16 fractional bits, so a product has 32 and S is a sum of
 * integers. A weight byte b stands for (b + 1) / 256; its way is taken to be n = 255.5 - b
 * steps long, half a step more than to 1.0, since a bound that is only approached would never be
 * reached.
 * S makes k = floor(n * (1 - exp(-eta S))) steps, at most 255 - b of them, and is used up by
 *
 *   S_k = ln(n / (n - k)) / eta,   rounded up to the next integer
 *
 * so that S - S_k, kept for the next time, is what the weight b + k has to its credit: a weight
 * that is consolidated often gets where one that is consolidated once gets, a unit of S a step
 * apart.
 *
 * Bounded memory: of Misra and Gries' frequent items ("Finding repeated elements", Science of
 * Computer Programming 2(2), 1982) with weights, cut in batches (Agarwal et al., "Mergeable
 * Summaries", PODS 2012, section 3; Anderson et al., "A High-Performance Algorithm for
 * Identifying Frequent Items in Data Streams", IMC 2017). When a new edge finds edges_max = 2k
 * others, the (k+1)-th largest sum is taken from all, and what comes to nothing goes: at most k
 * stay. Each cut takes m from k + 1 sums at least, so all that was ever taken from one edge is at
 * most (sum of all products) / (k + 1). Space-saving (Metwally, Agrawal and El Abbadi, ICDT 2005)
 * would err upwards, and strengthen edges for company that they never had.
 *
 * Layout: entries in any order, found through open addressing with linear probing at half load
 * at most. Invariant: slots hold exactly 1 + i for each entry i < entry_count, each where probing
 * finds it.
 *
 * Known values: eta 0.05, weight 127 (w = 0.5), 20 spreads with both ends at 1.0: 1 - w' = 0.5 *
 * exp(-1) = 0.184, weight 127 + floor(128.5 * 0.63212) = 208; one spread: 127 + floor(128.5 *
 * 0.04877) = 133; from 254 the last step takes ln 3 / 0.05 = 21.97 spreads.
 */
#include "engine/spread/consolidate.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/spread/consolidate_internal.h"
#include "engine/spread/spread.h"

enum { UNCOUNTED_BITS = 28, COUNTED_BITS = 16, RADIX = 256 };
static const uint64_t SUM_MAX = UINT64_C(1) << 62;

_Static_assert(CG_SPREAD_ONE == UINT64_C(1) << (UNCOUNTED_BITS + COUNTED_BITS),
               "activations are fixed-point");
_Static_assert(CG_CONSOLIDATE_ONE == UINT64_C(1) << (2 * COUNTED_BITS), "products are exact");

cg_consolidate_options cg_consolidate_options_default(void) {
    return (cg_consolidate_options){
        .active_max = 32, .row_edges_max = 1024, .edges_max = 65536, .eta = 0.05};
}

static cg_status check(const cg_consolidate_options *options, cg_error *error) {
    if (options->active_max < 2 || options->active_max > CG_CONSOLIDATE_ACTIVE_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "consolidation counts %u concepts a spread; it must be 2..%d",
                            options->active_max, CG_CONSOLIDATE_ACTIVE_MAX);
    }
    if (options->row_edges_max < 1 || options->row_edges_max > CG_CONSOLIDATE_ROW_EDGES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "consolidation looks at %u edges a concept; it must be 1..%d",
                            options->row_edges_max, CG_CONSOLIDATE_ROW_EDGES_MAX);
    }
    if (options->edges_max < 2 || options->edges_max > CG_CONSOLIDATE_EDGES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "consolidation remembers %u edges; it must be 2..%d",
                            options->edges_max, CG_CONSOLIDATE_EDGES_MAX);
    }
    if (!(options->eta > 0.0 && options->eta <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "consolidation's eta is %g; it must be in (0, 1]", options->eta);
    }
    return CG_OK;
}

cg_status cg_consolidator_alloc(const cg_consolidate_options *options, cg_allocator allocator,
                                cg_consolidator **out, cg_error *error) {
    cg_status status = check(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_consolidator *made = cg_allocate(&allocator, 1, sizeof *made);
    if (!made) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a consolidator");
    }
    made->allocator = allocator;
    made->options = *options;
    made->slot_count = (uint32_t)cg_round_up_power2(2 * (uint64_t)options->edges_max);
    made->entries = cg_allocate(&allocator, options->edges_max, sizeof *made->entries);
    made->slots = cg_allocate(&allocator, made->slot_count, sizeof *made->slots);
    made->changes = cg_allocate(&allocator, options->edges_max, sizeof *made->changes);
    made->active = cg_allocate(&allocator, options->active_max, sizeof *made->active);
    if (!made->entries || !made->slots || !made->changes || !made->active) {
        cg_consolidator_free(made);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for a consolidator of %u edges and %u concepts",
                            options->edges_max, options->active_max);
    }
    *out = made;
    return CG_OK;
}

void cg_consolidator_free(cg_consolidator *consolidator) {
    if (!consolidator) {
        return;
    }
    cg_allocator allocator = consolidator->allocator;
    uint32_t edges_max = consolidator->options.edges_max;
    cg_deallocate(&allocator, consolidator->entries, edges_max, sizeof *consolidator->entries);
    cg_deallocate(&allocator, consolidator->slots, consolidator->slot_count,
                  sizeof *consolidator->slots);
    cg_deallocate(&allocator, consolidator->changes, edges_max, sizeof *consolidator->changes);
    cg_deallocate(&allocator, consolidator->active, consolidator->options.active_max,
                  sizeof *consolidator->active);
    cg_deallocate(&allocator, consolidator, 1, sizeof *consolidator);
}

/* --- what is remembered --- */

/* The slot of an edge, or the free one where it would go. */
static uint32_t slot_of(const cg_consolidator *consolidator, uint32_t from, uint32_t type,
                        uint32_t target) {
    uint32_t mask = consolidator->slot_count - 1;
    uint64_t ends = (uint64_t)from << 32 | target;
    uint32_t slot = (uint32_t)(cg_hash_u64(ends, type) >> 32) & mask;
    for (; consolidator->slots[slot] != 0; slot = (slot + 1) & mask) {
        const consolidate_entry *held = &consolidator->entries[consolidator->slots[slot] - 1];
        if (held->from == from && held->type == type && held->target == target) {
            break;
        }
    }
    return slot;
}

void cg_consolidator_find_anew(cg_consolidator *consolidator) {
    memset(consolidator->slots, 0, consolidator->slot_count * sizeof *consolidator->slots);
    for (uint32_t i = 0; i < consolidator->entry_count; i++) {
        const consolidate_entry *held = &consolidator->entries[i];
        consolidator->slots[slot_of(consolidator, held->from, held->type, held->target)] =
            i + 1;
    }
}

/* The sum that `place` others are not below, place < entry_count: byte by byte from the highest,
 * how many entries share the bytes found so far and are above in this one. */
static uint64_t nth_largest(const consolidate_entry *entries, uint32_t count, uint32_t place) {
    uint64_t found = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        uint32_t of_byte[RADIX] = {0};
        for (uint32_t i = 0; i < count; i++) {
            if (shift == 56 || entries[i].sum >> (shift + 8) == found >> (shift + 8)) {
                of_byte[entries[i].sum >> shift & 255]++;
            }
        }
        uint32_t byte = RADIX - 1;
        for (; place >= of_byte[byte]; byte--) {
            place -= of_byte[byte];
        }
        found |= (uint64_t)byte << shift;
    }
    return found;
}

/* Makes room: at most half of edges_max stay. */
static void cut(cg_consolidator *consolidator) {
    consolidate_entry *entries = consolidator->entries;
    uint64_t least =
        nth_largest(entries, consolidator->entry_count, consolidator->entry_count / 2);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < consolidator->entry_count; i++) {
        if (entries[i].sum > least) {
            entries[kept] = entries[i];
            entries[kept++].sum -= least;
        }
    }
    consolidator->statistics.edges_cut += consolidator->entry_count - kept;
    consolidator->entry_count = kept;
    cg_consolidator_find_anew(consolidator);
}

static void remember(cg_consolidator *consolidator, uint32_t from, const cg_edge *edge,
                     uint64_t product) {
    uint32_t slot = slot_of(consolidator, from, edge->type, edge->target);
    if (consolidator->slots[slot] != 0) {
        consolidate_entry *held = &consolidator->entries[consolidator->slots[slot] - 1];
        held->sum = held->sum + product < SUM_MAX ? held->sum + product : SUM_MAX;
        return;
    }
    if (consolidator->entry_count == consolidator->options.edges_max) {
        cut(consolidator);
        slot = slot_of(consolidator, from, edge->type, edge->target);
    }
    consolidator->entries[consolidator->entry_count++] = (consolidate_entry){
        .sum = product, .from = from, .target = edge->target, .type = edge->type};
    consolidator->slots[slot] = consolidator->entry_count;
}

/* --- noting a spread --- */

typedef bool (*is_before)(const cg_active *one, const cg_active *other);

static bool is_weaker(const cg_active *one, const cg_active *other) {
    return one->activation != other->activation ? one->activation < other->activation
                                                : one->row > other->row;
}

static bool is_higher_row(const cg_active *one, const cg_active *other) {
    return one->row > other->row;
}

/* Heap order below `at` again: no child goes before its parent. */
static void sift(cg_active *heap, uint32_t count, uint32_t at, is_before before) {
    cg_active moving = heap[at];
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &moving)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void make_heap(cg_active *heap, uint32_t count, is_before before) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift(heap, count, i, before);
    }
}

static void sort_by_row(cg_active *active, uint32_t count) {
    make_heap(active, count, is_higher_row);
    for (uint32_t end = count; end-- > 1;) {
        cg_active last = active[end];
        active[end] = active[0];
        active[0] = last;
        sift(active, end, 0, is_higher_row);
    }
}

static cg_status check_active(const cg_graph *graph, const cg_active *active, uint32_t count,
                              cg_error *error) {
    uint32_t rows = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < count; i++) {
        if (active[i].row >= rows) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND,
                                "concept row %u was active in a graph of %u concepts",
                                active[i].row, rows);
        }
        if (active[i].activation > CG_SPREAD_ONE) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "concept row %u was active by %llu; 1.0 is %llu", active[i].row,
                                (unsigned long long)active[i].activation,
                                (unsigned long long)CG_SPREAD_ONE);
        }
    }
    return CG_OK;
}

/* The most active ones into consolidator->active, by row. *chosen: how many. */
static cg_status choose(cg_consolidator *consolidator, const cg_active *active, uint32_t count,
                        uint32_t *chosen, cg_error *error) {
    cg_active *best = consolidator->active;
    uint32_t max = consolidator->options.active_max;
    uint32_t held = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (active[i].activation >> UNCOUNTED_BITS == 0) {
            continue;
        }
        if (held < max) {
            best[held++] = active[i];
            if (held == max) {
                make_heap(best, held, is_weaker);
            }
        } else if (is_weaker(&best[0], &active[i])) {
            best[0] = active[i];
            sift(best, held, 0, is_weaker);
        }
    }
    sort_by_row(best, held);
    for (uint32_t i = 1; i < held; i++) {
        if (best[i].row == best[i - 1].row) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "concept row %u was active twice in one spread", best[i].row);
        }
    }
    *chosen = held;
    return CG_OK;
}

/* The activation of a row, in counted bits; 0 when it was not active. */
static uint64_t counted(const cg_active *active, uint32_t count, uint32_t row) {
    uint32_t low = 0;
    for (uint32_t high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (active[middle].row < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && active[low].row == row ? active[low].activation >> UNCOUNTED_BITS : 0;
}

cg_status cg_consolidator_note(cg_consolidator *consolidator, const cg_graph *graph,
                               const cg_active *active, uint32_t count, cg_work *work,
                               cg_error *error) {
    uint32_t chosen = 0;
    cg_status status = check_active(graph, active, count, error);
    if (status == CG_OK) {
        status = choose(consolidator, active, count, &chosen, error);
    }
    if (status != CG_OK) {
        return status;
    }
    const cg_active *best = consolidator->active;
    cg_consolidator_statistics *statistics = &consolidator->statistics;
    uint64_t walked_before = statistics->edges_walked;
    for (uint32_t i = 0; i < chosen; i++) {
        uint64_t own = counted(best, chosen, best[i].row);
        cg_edge_cursor cursor = cg_graph_edges(graph, best[i].row);
        cg_edge edge = {0};
        uint32_t left = consolidator->options.row_edges_max;
        for (; left > 0 && cg_graph_next_edge(&cursor, &edge); left--) {
            uint64_t product = own * counted(best, chosen, edge.target);
            if (product > 0) { /* own is not 0 */
                remember(consolidator, best[i].row, &edge, product);
                statistics->edges_met++;
            }
            statistics->edges_walked++;
        }
    }
    consolidator->spreads++;
    statistics->spreads++;
    cg_work_count(work, CG_WORK_GRAPH_READ, chosen, statistics->edges_walked - walked_before);
    return CG_OK;
}

/* --- inspection --- */

cg_consolidator_statistics cg_consolidator_statistics_of(const cg_consolidator *consolidator) {
    cg_consolidator_statistics statistics = consolidator->statistics;
    statistics.edges_held = consolidator->entry_count;
    return statistics;
}

uint64_t cg_consolidator_sum(const cg_consolidator *consolidator, uint32_t from, uint32_t type,
                             uint32_t target) {
    uint32_t held = consolidator->slots[slot_of(consolidator, from, type, target)];
    return held == 0 ? 0 : consolidator->entries[held - 1].sum;
}

uint64_t cg_consolidator_bytes(const cg_consolidator *consolidator) {
    uint64_t edge_bytes = sizeof *consolidator->entries + sizeof *consolidator->changes;
    return sizeof *consolidator + consolidator->options.edges_max * edge_bytes +
           consolidator->slot_count * (uint64_t)sizeof *consolidator->slots +
           consolidator->options.active_max * (uint64_t)sizeof *consolidator->active;
}

/* Entries count as a set: their order has no effect. */
uint64_t cg_consolidator_hash(const cg_consolidator *consolidator) {
    const cg_consolidate_options *options = &consolidator->options;
    const cg_consolidator_statistics *statistics = &consolidator->statistics;
    uint64_t entries = 0;
    for (uint32_t i = 0; i < consolidator->entry_count; i++) {
        const consolidate_entry *held = &consolidator->entries[i];
        cg_hasher of_entry = cg_hasher_init();
        cg_hasher_add_u64(&of_entry, (uint64_t)held->from << 32 | held->target);
        cg_hasher_add_u64(&of_entry, held->type);
        cg_hasher_add_u64(&of_entry, held->sum);
        entries += cg_hasher_value(&of_entry);
    }
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, (uint64_t)options->active_max << 32 | options->row_edges_max);
    cg_hasher_add_u64(&hasher, options->edges_max);
    cg_hasher_add_f64(&hasher, options->eta);
    cg_hasher_add_u64(&hasher, consolidator->entry_count);
    cg_hasher_add_u64(&hasher, entries);
    cg_hasher_add_u64(&hasher, consolidator->spreads);
    cg_hasher_add_u64(&hasher, statistics->spreads);
    cg_hasher_add_u64(&hasher, statistics->edges_walked);
    cg_hasher_add_u64(&hasher, statistics->edges_met);
    cg_hasher_add_u64(&hasher, statistics->edges_cut);
    cg_hasher_add_u64(&hasher, statistics->strengthened);
    return cg_hasher_value(&hasher);
}
