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
 * once (twice with fan-out or beyond a budget), to 36 fractional bits: out(i) = a(i) * decay
 * (/ edges). An edge's contribution out(i) * (weight + 1) then has 44 again and is exact, as is
 * the sum. So a contribution is off by at most 2^-36 times its weight. Sums stop at
 * CG_SPREAD_LEVEL_MAX; min(sum, max) of non-negative integers does not depend on the order either.
 *
 * A hop: who passes on (spread_fire.c), along the edges (spread_push.c) into lines
 * (spread_lines.c), which become records (spread_records.c). The answer is read from records
 * (spread_hits.c), paths and confidence too (spread_path.c).
 *
 * Invariant: between hops every line of this epoch is empty but for its latest record and its
 * edges, and no bit of a page is set.
 *
 * Where we differ: contributions arrive at all concepts at once, hop by hop, and a concept may
 * fire again unless there is a refractory period; no attention decay.
 *
 * Known value: chain 0 -> 1 -> 2 of weight 1, seed 1.0, lambda ln 2: answers 1, 0.5, 0.25.
 */
#include <string.h>

#include "engine/base/math.h"
#include "engine/spread/fixed_point.h"
#include "engine/spread/spread_internal.h"

#define LAMBDA_MAX 16.0

cg_spread_tiers cg_spread_tiers_default(void) {
    cg_spread_tiers tiers = {.discounts = {1.0, 0.95, 0.9, 0.85, 0.8}};
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        tiers.thresholds[tier] = 0.01;
    }
    return tiers;
}

cg_spread_query cg_spread_query_default(void) {
    return (cg_spread_query){
        .max_hops = 3,
        .lambda = 0.5,
        .threshold = 0.01,
        .hits_max = 32,
        .confidence_paths = 4,
        .hop_discount = 0.9,
    };
}

/* --- scratch --- */

static cg_status new_scratch(cg_allocator allocator, cg_spread_scratch **out, cg_error *error) {
    cg_spread_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu bytes to spread in",
                            sizeof *scratch);
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

cg_status cg_spread_scratch_alloc_shared(cg_activation_pool *records, cg_allocator allocator,
                                         cg_spread_scratch **out, cg_error *error) {
    if (cg_activation_pool_record_bytes(records) != sizeof(cg_spread_record)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a pool of records of %u bytes to spread with; they must have %zu",
                            cg_activation_pool_record_bytes(records), sizeof(cg_spread_record));
    }
    cg_spread_scratch *scratch = NULL;
    cg_status status = new_scratch(allocator, &scratch, error);
    if (status == CG_OK) {
        status = cg_activation_cache_alloc(records, allocator, &scratch->records, error);
    }
    if (status != CG_OK) {
        cg_spread_scratch_free(scratch);
        return status;
    }
    *out = scratch;
    return CG_OK;
}

cg_status cg_spread_scratch_alloc(cg_allocator allocator, cg_spread_scratch **out,
                                  cg_error *error) {
    cg_activation_options options = {.record_bytes = sizeof(cg_spread_record)};
    cg_activation_pool *pool = NULL;
    cg_status status = cg_activation_pool_alloc(&options, allocator, &pool, error);
    if (status == CG_OK) {
        status = cg_spread_scratch_alloc_shared(pool, allocator, out, error);
    }
    if (status != CG_OK) {
        cg_activation_pool_free(pool);
        return status;
    }
    (*out)->own_pool = pool;
    return CG_OK;
}

/* Everything but the records. */
static void free_arrays(cg_spread_scratch *scratch) {
    const cg_allocator *allocator = &scratch->allocator;
    cg_spread_lines_free(scratch);
    cg_deallocate(allocator, scratch->candidates, scratch->candidate_capacity,
                  sizeof *scratch->candidates);
    cg_deallocate(allocator, scratch->ranks, scratch->rank_capacity, sizeof *scratch->ranks);
    cg_deallocate(allocator, scratch->firings, scratch->firing_capacity,
                  sizeof *scratch->firings);
    cg_deallocate(allocator, scratch->copied, scratch->copied_capacity,
                  sizeof *scratch->copied);
    cg_deallocate(allocator, scratch->bins, scratch->bin_capacity, sizeof *scratch->bins);
    cg_deallocate(allocator, scratch->hits, scratch->hit_capacity, sizeof *scratch->hits);
    cg_deallocate(allocator, scratch->beams, scratch->beam_capacity, sizeof *scratch->beams);
}

void cg_spread_scratch_free(cg_spread_scratch *scratch) {
    if (!scratch) {
        return;
    }
    cg_allocator allocator = scratch->allocator;
    free_arrays(scratch);
    cg_activation_cache_free(scratch->records);
    cg_activation_pool_free(scratch->own_pool);
    cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
}

/* What the last spread left is void. */
static void forget(cg_spread_scratch *scratch) {
    cg_activation_give_all(scratch->records);
    scratch->graph = NULL;
    scratch->hops = 0;
    scratch->reached = 0;
    scratch->record_count = 0;
}

void cg_spread_scratch_trim(cg_spread_scratch *scratch, uint32_t keep_records) {
    forget(scratch);
    free_arrays(scratch);
    *scratch = (cg_spread_scratch){.allocator = scratch->allocator,
                                   .own_pool = scratch->own_pool,
                                   .records = scratch->records};
    cg_activation_cache_trim(scratch->records, keep_records / CG_ACTIVATION_BLOCK_RECORDS);
}

uint64_t cg_spread_scratch_bytes(const cg_spread_scratch *scratch) {
    uint64_t records = cg_activation_cache_statistics(scratch->records).blocks *
                       CG_ACTIVATION_BLOCK_RECORDS * sizeof(cg_spread_record);
    return sizeof *scratch + records + scratch->lines_bytes +
           scratch->page_capacity * sizeof *scratch->pages +
           scratch->word_capacity * sizeof *scratch->page_bits +
           scratch->wanted_capacity * sizeof *scratch->wanted_bits +
           scratch->block_capacity * sizeof *scratch->blocks +
           scratch->candidate_capacity * sizeof *scratch->candidates +
           scratch->rank_capacity * sizeof *scratch->ranks +
           scratch->firing_capacity * sizeof *scratch->firings +
           scratch->copied_capacity * sizeof *scratch->copied +
           scratch->bin_capacity * sizeof *scratch->bins +
           scratch->hit_capacity * sizeof *scratch->hits +
           scratch->beam_capacity * sizeof *scratch->beams;
}

cg_activation_statistics cg_spread_scratch_records(const cg_spread_scratch *scratch) {
    return cg_activation_cache_statistics(scratch->records);
}

const cg_spread_record *cg_spread_record_at(const cg_spread_scratch *scratch, uint32_t record) {
    return scratch->graph && record < scratch->record_count
               ? spread_record(cg_activation_blocks(scratch->records), record)
               : NULL;
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
    if (query->confidence_paths > CG_SPREAD_PATHS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread of confidence_paths %u; it must be 0..%d",
                            query->confidence_paths, CG_SPREAD_PATHS_MAX);
    }
    if (!(query->hop_discount >= 0.0 && query->hop_discount <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread of hop_discount %g; it must be 0..1",
                            query->hop_discount);
    }
    if (query->refractory_ns > 0 && !query->recency) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a spread of refractory_ns %llu without a table of last activations",
            (unsigned long long)query->refractory_ns);
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

static cg_status check_tiers(const cg_spread_tiers *tiers, cg_error *error) {
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        double threshold = tiers->thresholds[tier];
        double discount = tiers->discounts[tier];
        if (!(threshold >= 0.0 && threshold <= 1.0)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a spread of threshold %g in tier %u; it must be 0..1",
                                threshold, tier);
        }
        if (!(discount >= 0.0 && discount <= 1.0)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a spread of discount %g in tier %u; it must be 0..1", discount,
                                tier);
        }
    }
    return CG_OK;
}

static cg_status check(const cg_graph *graph, const cg_spread_query *query, cg_error *error) {
    cg_status status = check_query(query, error);
    if (status == CG_OK && query->tiers) {
        status = check_tiers(query->tiers, error);
    }
    if (status == CG_OK) {
        status = check_seeds(graph, query, error);
    }
    return status;
}

static spread_run begin(const cg_graph *graph, const cg_spread_query *query,
                        cg_spread_scratch *scratch, cg_work *work) {
    spread_run run = {.graph = graph, .query = query, .scratch = scratch, .work = work};
    run.tiers = query->tiers ? *query->tiers : cg_spread_tiers_default();
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        double threshold = query->tiers ? query->tiers->thresholds[tier] : query->threshold;
        run.thresholds[tier] = (uint64_t)(threshold * (double)CG_SPREAD_ONE + 0.5);
    }
    run.decay =
        (uint64_t)(cg_exp(-query->lambda) * (double)(UINT64_C(1) << SPREAD_POINT_DECAY_BITS) +
                   0.5);
    if (query->touch) {
        run.edge_base = cg_graph_frozen_edges(graph, 0).edges;
        run.grown_base = cg_graph_edge_count(graph);
    }
    return run;
}

/* Hop 0: the seeds are what it brought. */
static cg_status sow(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    for (uint32_t i = 0; i < run->query->seed_count; i++) {
        const cg_spread_seed *seed = &run->query->seeds[i];
        uint32_t page = seed->row / SPREAD_PAGE_ROWS;
        spread_contribution given = {
            .amount = (uint64_t)(seed->activation * (double)CG_SPREAD_ONE + 0.5),
            .row = seed->row,
            .source = CG_SPREAD_NONE,
        };
        if (given.amount == 0) {
            continue;
        }
        if (!scratch->pages[page].lines) {
            cg_status status = cg_spread_add_page(scratch, page, error);
            if (status != CG_OK) {
                return status;
            }
        }
        spread_receive(scratch, &scratch->pages[page].lines[seed->row % SPREAD_PAGE_ROWS],
                       &given);
    }
    return cg_spread_end_hop(run, 0, error);
}

/* *goes_on: something was passed on, so another hop may follow. */
static cg_status spread_hop(spread_run *run, uint32_t hop, bool *goes_on, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    *goes_on = false;
    cg_status status = cg_spread_select(run, hop, error);
    if (status != CG_OK || scratch->firing_count == 0) {
        return status;
    }
    uint64_t edges_max = run->query->edges_max;
    if (edges_max > 0 && run->edges > edges_max - run->result.edges) {
        run->result.is_partial = true;
        return CG_OK;
    }
    status = cg_spread_read(run, error);
    if (status == CG_OK) {
        cg_work_count(run->work, CG_WORK_SPREAD, scratch->firing_count, run->edges);
        status = cg_spread_push(run, error);
    }
    if (status == CG_OK) {
        scratch->by_hop[hop - 1].edges = run->edges;
        scratch->by_hop[hop - 1].visits = scratch->firing_count;
        run->result.edges += run->edges;
        run->result.visits += scratch->firing_count;
        status = cg_spread_end_hop(run, hop, error);
    }
    *goes_on = status == CG_OK && run->edges > 0;
    return status;
}

cg_status cg_spread_run(const cg_graph *graph, const cg_spread_query *query,
                        cg_spread_scratch *scratch, cg_spread_result *result, cg_work *work,
                        cg_error *error) {
    forget(scratch);
    memset(scratch->by_hop, 0, sizeof scratch->by_hop);
    cg_status status = check(graph, query, error);
    if (status == CG_OK) {
        status = cg_spread_lines_begin(scratch, cg_graph_concept_count(graph), error);
    }
    if (status != CG_OK) {
        return status;
    }
    spread_run run = begin(graph, query, scratch, work);
    status = sow(&run, error);
    bool goes_on = true;
    for (uint32_t hop = 1; status == CG_OK && hop <= query->max_hops && goes_on; hop++) {
        status = spread_hop(&run, hop, &goes_on, error);
        run.result.hops = goes_on ? hop : run.result.hops;
    }
    if (status == CG_OK) {
        status = cg_spread_collect(&run, error);
    }
    if (status == CG_OK) {
        status = cg_spread_judge(&run, error);
    }
    if (status == CG_OK && query->refractory_ns > 0) {
        status = cg_spread_recency_note(query->recency, scratch, query->now, error);
    }
    if (status == CG_OK) {
        run.result.by_hop = scratch->by_hop;
        run.result.reached = scratch->reached;
        run.result.records = scratch->record_count;
        scratch->graph = graph;
        *result = run.result;
    }
    return status;
}
