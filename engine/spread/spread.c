/* Spreading activation in fixed-point.
 *
 * Idea (Collins and Loftus, "A Spreading-Activation Theory of Semantic Processing",
 * Psychological Review 82(6), 1975; as pulses with decay, threshold and fan-out constraint in
 * Crestani, "Application of Spreading Activation Techniques in Information Retrieval", AI
 * Review 11, 1997, section 3): activation flows from the seeds along weighted edges and fades
 * with distance.
 *
 *   a_h(j) = sum over edges i -> j with a_(h-1)(i) >= threshold
 *            of a_(h-1)(i) * w_ij * exp(-lambda)
 *   answer(j) = min(1, sum over h >= 0 of a_h(j))
 *
 * Numbers: a level has 44 fractional bits, the decay 48. What a concept passes on is rounded
 * once (twice with fan-out), to 36 fractional bits: out(i) = a(i) * decay (/ edges). An edge's
 * contribution out(i) * (weight + 1) then has 44 again and is exact, as is the sum. So a
 * contribution is off by at most 2^-36 times its weight. Sums stop at CG_SPREAD_LEVEL_MAX;
 * min(sum, max) of non-negative integers does not depend on the order either.
 *
 * Invariant: between hops `next` is 0 in every entry, and `level` is not 0 exactly in the
 * frontier's.
 *
 * Rows reached are a sparse set (Briggs and Torczon, "An Efficient Representation for Sparse
 * Sets", 1993): entry_of[row] is trusted only when the entry there names the row, so a run
 * clears nothing.
 *
 * Where we differ: contributions arrive at all concepts at once, hop by hop, and a concept may
 * fire again; no attention decay or refractory period.
 *
 * Known value: chain 0 -> 1 -> 2 of weight 1, seed 1.0, lambda ln 2: answers 1, 0.5, 0.25.
 */
#include "engine/spread/spread.h"

#include "engine/base/math.h"
#include "engine/base/wide.h"

enum { DECAY_BITS = 48, LEVEL_BITS = 44, OUT_BITS = 36, REST_BITS = LEVEL_BITS - OUT_BITS };

#define LAMBDA_MAX 16.0

typedef struct spread_entry {
    uint64_t level; /* a_(h-1) */
    uint64_t next;  /* a_h so far */
    uint64_t total;
    uint64_t strongest;
    uint32_t row;
    uint32_t predecessor;
    uint32_t hop;
    uint32_t first_hop;
} spread_entry;

struct cg_spread_scratch {
    cg_allocator allocator;
    uint32_t *entry_of; /* [row_capacity] */
    size_t row_capacity;
    spread_entry *entries;
    size_t entry_capacity;
    uint32_t *frontier; /* entries with a level */
    size_t frontier_capacity;
    uint32_t *next_frontier; /* entries with a next level */
    size_t next_capacity;
    cg_spread_hit *hits;
    size_t hit_capacity;
    uint32_t entry_count;
    uint32_t frontier_count;
    uint32_t next_count;
};

/* A contribution on its way. */
typedef struct spread_pulse {
    uint64_t amount;
    uint32_t from;
    uint32_t to;
    uint32_t hop;
} spread_pulse;

cg_spread_query cg_spread_query_default(void) {
    return (cg_spread_query){
        .max_hops = 3,
        .lambda = 0.5,
        .threshold = 0.01,
        .hits_max = 32,
    };
}

cg_status cg_spread_scratch_alloc(cg_allocator allocator, cg_spread_scratch **out,
                                  cg_error *error) {
    cg_spread_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu bytes to spread in",
                            sizeof *scratch);
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

void cg_spread_scratch_free(cg_spread_scratch *scratch) {
    if (!scratch) {
        return;
    }
    cg_allocator allocator = scratch->allocator;
    cg_deallocate(&allocator, scratch->entry_of, scratch->row_capacity,
                  sizeof *scratch->entry_of);
    cg_deallocate(&allocator, scratch->entries, scratch->entry_capacity,
                  sizeof *scratch->entries);
    cg_deallocate(&allocator, scratch->frontier, scratch->frontier_capacity,
                  sizeof *scratch->frontier);
    cg_deallocate(&allocator, scratch->next_frontier, scratch->next_capacity,
                  sizeof *scratch->next_frontier);
    cg_deallocate(&allocator, scratch->hits, scratch->hit_capacity, sizeof *scratch->hits);
    cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
}

/* --- arrays --- */

static cg_status reserve_rows(cg_spread_scratch *scratch, uint32_t rows, cg_error *error) {
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->entry_of, scratch->row_capacity, rows, error);
    return status;
}

static cg_status reserve_hits(cg_spread_scratch *scratch, uint32_t count, cg_error *error) {
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->hits, scratch->hit_capacity, count, error);
    return status;
}

/* Room for one more entry in the set and in both frontiers. */
static cg_status reserve_entry(cg_spread_scratch *scratch, cg_error *error) {
    size_t needed = (size_t)scratch->entry_count + 1;
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->entries, scratch->entry_capacity, needed, error);
    if (status != CG_OK) {
        return status;
    }
    status = CG_GROW(&scratch->allocator, scratch->frontier, scratch->frontier_capacity, needed,
                     error);
    if (status != CG_OK) {
        return status;
    }
    status = CG_GROW(&scratch->allocator, scratch->next_frontier, scratch->next_capacity,
                     needed, error);
    return status;
}

/* --- spreading --- */

static uint64_t add_saturating(uint64_t left, uint64_t right) {
    return right > CG_SPREAD_LEVEL_MAX - left ? CG_SPREAD_LEVEL_MAX : left + right;
}

static bool find_entry(const cg_spread_scratch *scratch, uint32_t row, uint32_t *index) {
    uint32_t candidate = scratch->entry_of[row];
    if (candidate < scratch->entry_count && scratch->entries[candidate].row == row) {
        *index = candidate;
        return true;
    }
    return false;
}

/* Adds a contribution to the next level of its target. */
static cg_status receive(cg_spread_scratch *scratch, spread_pulse pulse, cg_error *error) {
    uint32_t index = 0;
    if (!find_entry(scratch, pulse.to, &index)) {
        cg_status status = reserve_entry(scratch, error);
        if (status != CG_OK) {
            return status;
        }
        index = scratch->entry_count++;
        scratch->entry_of[pulse.to] = index;
        scratch->entries[index] = (spread_entry){.row = pulse.to, .first_hop = pulse.hop};
    }
    spread_entry *entry = &scratch->entries[index];
    if (entry->next == 0) {
        scratch->next_frontier[scratch->next_count++] = index;
    }
    entry->next = add_saturating(entry->next, pulse.amount);
    /* A later hop never replaces an equal contribution, so only rows of one hop compete. */
    if (pulse.amount > entry->strongest ||
        (pulse.amount == entry->strongest && pulse.hop == entry->hop &&
         pulse.from < entry->predecessor)) {
        entry->strongest = pulse.amount;
        entry->predecessor = pulse.from;
        entry->hop = pulse.hop;
    }
    return CG_OK;
}

/* The next level becomes the level. */
static void end_hop(cg_spread_scratch *scratch) {
    for (uint32_t i = 0; i < scratch->frontier_count; i++) {
        scratch->entries[scratch->frontier[i]].level = 0;
    }
    for (uint32_t i = 0; i < scratch->next_count; i++) {
        spread_entry *entry = &scratch->entries[scratch->next_frontier[i]];
        entry->level = entry->next;
        entry->total = add_saturating(entry->total, entry->next);
        entry->next = 0;
    }
    uint32_t *frontier = scratch->frontier;
    size_t capacity = scratch->frontier_capacity;
    scratch->frontier = scratch->next_frontier;
    scratch->frontier_capacity = scratch->next_capacity;
    scratch->frontier_count = scratch->next_count;
    scratch->next_frontier = frontier;
    scratch->next_capacity = capacity;
    scratch->next_count = 0;
}

/* level * decay (/ edges), rounded to OUT_BITS. */
static uint64_t outgoing(uint64_t level, uint64_t decay, uint32_t edges) {
    cg_wide product = cg_multiply_wide(level, decay);
    enum { SHIFT = LEVEL_BITS + DECAY_BITS - OUT_BITS };
    uint64_t out = (product.high << (64 - SHIFT)) + (product.low >> SHIFT) +
                   ((product.low >> (SHIFT - 1)) & 1);
    return edges > 1 ? (out + edges / 2) / edges : out;
}

/* One concept passes its level on. */
static cg_status fire(const cg_graph *graph, cg_spread_scratch *scratch, uint64_t out,
                      spread_pulse pulse, uint64_t *edges, cg_error *error) {
    cg_edge_cursor cursor = cg_graph_edges(graph, pulse.from);
    cg_edge edge;
    while (cg_graph_next_edge(&cursor, &edge)) {
        (*edges)++;
        pulse.to = edge.target;
        pulse.amount = out * ((uint64_t)edge.weight + 1);
        cg_status status = receive(scratch, pulse, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

static cg_status spread_hop(const cg_graph *graph, const cg_spread_query *query, uint32_t hop,
                            cg_spread_scratch *scratch, cg_work *work, cg_error *error) {
    uint64_t decay =
        (uint64_t)(cg_exp(-query->lambda) * (double)(UINT64_C(1) << DECAY_BITS) + 0.5);
    uint64_t threshold = (uint64_t)(query->threshold * (double)CG_SPREAD_ONE + 0.5);
    for (uint32_t i = 0; i < scratch->frontier_count; i++) {
        spread_entry entry = scratch->entries[scratch->frontier[i]];
        if (entry.level < threshold) {
            continue;
        }
        uint32_t degree = query->fan_out ? cg_graph_degree(graph, entry.row) : 1;
        uint64_t out = outgoing(entry.level, decay, degree);
        if (out == 0) {
            continue;
        }
        uint64_t edges = 0;
        spread_pulse pulse = {.from = entry.row, .hop = hop};
        cg_status status = fire(graph, scratch, out, pulse, &edges, error);
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, edges);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

/* --- the answer: the best hits_max entries, heap with the worst on top, sorted --- */

static bool hit_before(const cg_spread_hit *left, const cg_spread_hit *right) {
    if (left->activation != right->activation) {
        return left->activation > right->activation;
    }
    return left->row < right->row;
}

/* Puts `hit` into the heap's hole at `hole`, which sinks to where it belongs. */
static void sink(cg_spread_hit *hits, uint32_t count, uint32_t hole, cg_spread_hit hit) {
    for (;;) {
        size_t child = 2 * (size_t)hole + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && hit_before(&hits[child], &hits[child + 1])) {
            child++;
        }
        if (!hit_before(&hit, &hits[child])) {
            break;
        }
        hits[hole] = hits[child];
        hole = (uint32_t)child;
    }
    hits[hole] = hit;
}

static cg_spread_hit hit_of(const spread_entry *entry) {
    return (cg_spread_hit){
        .activation = entry->total < CG_SPREAD_ONE ? entry->total : CG_SPREAD_ONE,
        .strongest = entry->strongest,
        .row = entry->row,
        .predecessor = entry->predecessor,
        .hop = entry->hop,
        .first_hop = entry->first_hop,
    };
}

static cg_status collect(cg_spread_scratch *scratch, uint32_t hits_max, uint32_t *hit_count,
                         cg_error *error) {
    uint32_t count = scratch->entry_count < hits_max ? scratch->entry_count : hits_max;
    cg_status status = reserve_hits(scratch, count, error);
    if (status != CG_OK) {
        return status;
    }
    cg_spread_hit *hits = scratch->hits;
    for (uint32_t i = 0; i < count; i++) {
        hits[i] = hit_of(&scratch->entries[i]);
    }
    for (uint32_t i = count / 2; i-- > 0;) {
        sink(hits, count, i, hits[i]);
    }
    for (uint32_t i = count; i < scratch->entry_count; i++) {
        cg_spread_hit hit = hit_of(&scratch->entries[i]);
        if (hit_before(&hit, &hits[0])) {
            sink(hits, count, 0, hit);
        }
    }
    for (uint32_t left = count; left > 1; left--) {
        cg_spread_hit worst = hits[0];
        sink(hits, left - 1, 0, hits[left - 1]);
        hits[left - 1] = worst;
    }
    *hit_count = count;
    return CG_OK;
}

/* --- interface --- */

static cg_status check_query(const cg_spread_query *query, cg_error *error) {
    if (query->seed_count < 1 || query->seed_count > CG_SPREAD_SEEDS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread from %u seeds; there must be 1..%d", query->seed_count,
                            CG_SPREAD_SEEDS_MAX);
    }
    if (query->max_hops < 1 || query->max_hops > CG_SPREAD_HOPS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread of max_hops %u; it must be 1..%d", query->max_hops,
                            CG_SPREAD_HOPS_MAX);
    }
    if (!(query->lambda >= 0.0 && query->lambda <= LAMBDA_MAX)) {
        return cg_error_set(error, CG_ERROR_INVALID, "a spread of lambda %g; it must be 0..%g",
                            query->lambda, LAMBDA_MAX);
    }
    if (!(query->threshold >= 0.0 && query->threshold <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread of threshold %g; it must be 0..1", query->threshold);
    }
    if (query->hits_max < 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread of hits_max 0; it must be at least 1");
    }
    return CG_OK;
}

static cg_status check_seeds(const cg_graph *graph, const cg_spread_query *query,
                             cg_error *error) {
    uint32_t rows = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < query->seed_count; i++) {
        const cg_spread_seed *seed = &query->seeds[i];
        if (seed->row >= rows) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND,
                                "seed %u of the spread is row %u; the graph has %u concepts", i,
                                seed->row, rows);
        }
        if (!(seed->activation > 0.0 && seed->activation <= 1.0)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "seed %u of the spread, row %u, has activation %g; it must be "
                                "above 0 and at most 1",
                                i, seed->row, seed->activation);
        }
    }
    return CG_OK;
}

cg_status cg_spread_run(const cg_graph *graph, const cg_spread_query *query,
                        cg_spread_scratch *scratch, cg_spread_result *result, cg_work *work,
                        cg_error *error) {
    cg_status status = check_query(query, error);
    if (status == CG_OK) {
        status = check_seeds(graph, query, error);
    }
    if (status == CG_OK) {
        status = reserve_rows(scratch, cg_graph_concept_count(graph), error);
    }
    scratch->entry_count = 0;
    scratch->frontier_count = 0;
    scratch->next_count = 0;
    for (uint32_t i = 0; status == CG_OK && i < query->seed_count; i++) {
        const cg_spread_seed *seed = &query->seeds[i];
        uint64_t amount = (uint64_t)(seed->activation * (double)CG_SPREAD_ONE + 0.5);
        if (amount > 0) {
            spread_pulse pulse = {.amount = amount, .from = seed->row, .to = seed->row};
            status = receive(scratch, pulse, error);
        }
    }
    uint32_t hops = 0;
    for (uint32_t hop = 1; status == CG_OK && hop <= query->max_hops; hop++) {
        end_hop(scratch);
        status = spread_hop(graph, query, hop, scratch, work, error);
        if (scratch->next_count == 0) {
            break;
        }
        hops = hop;
    }
    if (status != CG_OK) {
        return status;
    }
    end_hop(scratch);
    uint32_t hit_count = 0;
    status = collect(scratch, query->hits_max, &hit_count, error);
    if (status == CG_OK) {
        *result = (cg_spread_result){
            .hits = scratch->hits,
            .hit_count = hit_count,
            .reached = scratch->entry_count,
            .hops = hops,
        };
    }
    return status;
}
