/* Who passes on in a hop, and how much: thresholds, refractory period, budgets, fan-out.
 *
 *   level' = level * 0.93^k       k: how far its visit is beyond the budget of its tier
 *   passed = level' * decay (/ edges)
 *
 * 0.93^k is a fraction of 48 bits, made by multiplying by 0.93 (rounded to 48 bits) and cutting
 * off: off by less than k * 2^-48, and 0 for k >= 430. level' is rounded to 44 bits, passed to
 * 36. Known values: the first visit beyond the budget has 0.93, the second 0.8649.
 *
 * Ranks are asked for only in a hop that goes beyond a budget: within it, order means nothing.
 * There the visits are taken from a heap, best first, until one falls below the threshold; those
 * behind it have no more and would fade as much or more.
 */
#include "engine/spread/fixed_point.h"
#include "engine/spread/spread_internal.h"

/* --- candidates --- */

static uint64_t elapsed_ns(cg_hlc now, cg_hlc last) {
    return last.physical_ns < now.physical_ns ? now.physical_ns - last.physical_ns : 0;
}

static bool is_refractory(const cg_spread_query *query, const cg_spread_record *record) {
    cg_hlc last = {0};
    if (query->refractory_ns == 0) {
        return false;
    }
    return (record->flags & SPREAD_FIRED) != 0 ||
           (cg_spread_recency_last(query->recency, record->row, &last) &&
            elapsed_ns(query->now, last) < query->refractory_ns);
}

static void touch_frontier(const spread_run *run, uint32_t number, uint32_t row) {
    const cg_spread_query *query = run->query;
    query->touch(query->touch_context, CG_SPREAD_REGION_RECORDS,
                 (uint64_t)number * sizeof(cg_spread_record), sizeof(cg_spread_record));
    query->touch(query->touch_context, CG_SPREAD_REGION_LINES,
                 (uint64_t)row * sizeof(spread_line), sizeof(spread_line));
    query->touch(query->touch_context, CG_SPREAD_REGION_FRONTIER,
                 (uint64_t)run->scratch->candidate_count * sizeof(spread_firing),
                 sizeof(spread_firing));
}

/* Those of the last hop that are above the threshold of their tier and not refractory. */
static cg_status gather(spread_run *run, uint32_t hop, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    uint32_t first = scratch->hop_first[hop - 1];
    uint32_t end = scratch->hop_first[hop];
    cg_status status = CG_GROW(&scratch->allocator, scratch->candidates,
                               scratch->candidate_capacity, end - first, error);
    if (status != CG_OK) {
        return status;
    }
    void *const *blocks = cg_activation_blocks(scratch->records);
    const cg_spread_tiers *tiers = &run->tiers;
    scratch->candidate_count = 0;
    for (uint32_t number = first; number < end; number++) {
        cg_spread_record *record = spread_record(blocks, number);
        uint32_t tier = tiers->where ? tiers->where(tiers->context, record->row) : 0;
        if (tier >= CG_TIER_LEVELS_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a spread was told that row %u is in tier %u; there are %d",
                                record->row, tier, CG_TIER_LEVELS_MAX);
        }
        record->tier = (uint8_t)tier;
        if (record->level < run->thresholds[tier]) {
            continue;
        }
        if (is_refractory(run->query, record)) {
            run->result.refractory++;
            continue;
        }
        if (run->query->touch) {
            touch_frontier(run, number, record->row);
        }
        scratch->candidates[scratch->candidate_count++] =
            (spread_candidate){.level = record->level, .record = number, .tier = tier};
    }
    return CG_OK;
}

/* --- what they pass on --- */

static spread_line *line_of(const cg_spread_scratch *scratch, uint32_t row) {
    return &scratch->pages[row / SPREAD_PAGE_ROWS].lines[row % SPREAD_PAGE_ROWS];
}

/* The line of a concept, its edges looked up. */
static const spread_line *known_line(const spread_run *run, uint32_t row) {
    spread_line *line = line_of(run->scratch, row);
    if (line->degree == SPREAD_UNKNOWN) {
        if (cg_graph_row_is_plain(run->graph, row)) {
            cg_edge_span span = cg_graph_frozen_edges(run->graph, row);
            line->edges = span.edges;
            line->degree = (uint32_t)span.count;
        } else {
            line->edges = NULL;
            line->degree = cg_graph_degree(run->graph, row);
        }
    }
    return line;
}

/* What a candidate passes on at its level. */
static uint64_t passed_by(const spread_run *run, const spread_candidate *candidate) {
    uint32_t degree = 1;
    if (run->query->fan_out) {
        const cg_spread_record *record =
            spread_record(cg_activation_blocks(run->scratch->records), candidate->record);
        degree = known_line(run, record->row)->degree;
    }
    return spread_point_outgoing(candidate->level, run->decay, degree);
}

/* --- budgets: the candidates of a tier, as a heap with the highest (level, row) on top --- */

static bool rank_before(spread_rank left, spread_rank right) {
    return left.level != right.level ? left.level > right.level
                                     : left.candidate < right.candidate;
}

static void sink(spread_rank *ranks, uint32_t count, uint32_t hole, spread_rank rank) {
    for (;;) {
        size_t child = 2 * (size_t)hole + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && rank_before(ranks[child + 1], ranks[child])) {
            child++;
        }
        if (!rank_before(ranks[child], rank)) {
            break;
        }
        ranks[hole] = ranks[child];
        hole = (uint32_t)child;
    }
    ranks[hole] = rank;
}

static uint32_t rank_tier(cg_spread_scratch *scratch, uint32_t tier) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < scratch->candidate_count; i++) {
        if (scratch->candidates[i].tier == tier) {
            scratch->ranks[count++] =
                (spread_rank){.level = scratch->candidates[i].level, .candidate = i};
        }
    }
    for (uint32_t i = count / 2; i-- > 0;) {
        sink(scratch->ranks, count, i, scratch->ranks[i]);
    }
    return count;
}

/* Fades the candidates of a tier that has `visits` behind it; level 0: does not pass on. */
static void fade_tier(spread_run *run, uint32_t tier, uint64_t visits) {
    cg_spread_scratch *scratch = run->scratch;
    uint32_t count = rank_tier(scratch, tier);
    uint64_t budget = run->tiers.budgets[tier];
    uint64_t fade = UINT64_C(1) << SPREAD_POINT_DECAY_BITS;
    for (uint64_t k = budget; k < visits && fade > 0; k++) {
        fade = spread_point_fade(fade);
    }
    bool is_over = false;
    while (count > 0) {
        spread_candidate *best = &scratch->candidates[scratch->ranks[0].candidate];
        count--;
        sink(scratch->ranks, count, 0, scratch->ranks[count]);
        if (is_over) {
            best->level = 0;
            continue;
        }
        uint64_t next = fade;
        if (visits >= budget) {
            next = spread_point_fade(fade);
            best->level = spread_point_scale(best->level, next, SPREAD_POINT_DECAY_BITS);
        }
        is_over = best->level == 0 || best->level < run->thresholds[tier];
        if (is_over) {
            best->level = 0;
        } else if (passed_by(run, best) > 0) {
            run->result.faded += visits >= budget;
            visits++;
            fade = next;
        }
    }
}

static cg_status fade(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    uint64_t counts[CG_TIER_LEVELS_MAX] = {0};
    for (uint32_t i = 0; i < scratch->candidate_count; i++) {
        counts[scratch->candidates[i].tier]++;
    }
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        uint64_t visits = run->result.tier_visits[tier];
        uint64_t budget = run->tiers.budgets[tier];
        if (budget == 0 || visits + counts[tier] <= budget) {
            continue;
        }
        cg_status status = CG_GROW(&scratch->allocator, scratch->ranks, scratch->rank_capacity,
                                   (size_t)counts[tier], error);
        if (status != CG_OK) {
            return status;
        }
        fade_tier(run, tier, visits);
    }
    return CG_OK;
}

/* --- the hop --- */

cg_status cg_spread_select(spread_run *run, uint32_t hop, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    cg_status status = gather(run, hop, error);
    if (status == CG_OK) {
        status = fade(run, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&scratch->allocator, scratch->firings, scratch->firing_capacity,
                         scratch->candidate_count, error);
    }
    if (status != CG_OK) {
        return status;
    }
    void *const *blocks = cg_activation_blocks(scratch->records);
    scratch->firing_count = 0;
    run->edges = 0;
    for (uint32_t i = 0; i < scratch->candidate_count; i++) {
        const spread_candidate *candidate = &scratch->candidates[i];
        uint64_t passed = passed_by(run, candidate);
        if (passed == 0) {
            continue;
        }
        const spread_line *line =
            known_line(run, spread_record(blocks, candidate->record)->row);
        scratch->firings[scratch->firing_count++] = (spread_firing){
            .passed = passed,
            .edges = line->edges,
            .first = run->edges,
            .count = line->degree,
            .record = candidate->record,
        };
        run->edges += line->degree;
    }
    return CG_OK;
}

static uint64_t copied_edges(const cg_spread_scratch *scratch) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < scratch->firing_count; i++) {
        count += scratch->firings[i].edges ? 0 : scratch->firings[i].count;
    }
    return count;
}

static void copy_edges(const spread_run *run, spread_firing *firing, uint32_t row,
                       cg_edge *into) {
    cg_edge_cursor cursor = cg_graph_edges(run->graph, row);
    uint32_t count = 0;
    while (count < firing->count && cg_graph_next_edge(&cursor, &into[count])) {
        count++;
    }
    CG_ASSERT(count == firing->count);
    firing->edges = into;
}

cg_status cg_spread_read(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    cg_status status = CG_GROW(&scratch->allocator, scratch->copied, scratch->copied_capacity,
                               (size_t)copied_edges(scratch), error);
    if (status != CG_OK) {
        return status;
    }
    void *const *blocks = cg_activation_blocks(scratch->records);
    cg_edge *free_edge = scratch->copied;
    for (uint32_t i = 0; i < scratch->firing_count; i++) {
        spread_firing *firing = &scratch->firings[i];
        cg_spread_record *record = spread_record(blocks, firing->record);
        if (run->tiers.read) {
            status = run->tiers.read(run->tiers.context, record->row, error);
            if (status != CG_OK) {
                return status;
            }
        }
        if (!firing->edges && firing->count > 0) {
            copy_edges(run, firing, record->row, free_edge);
            free_edge += firing->count;
        }
        record->passed = firing->passed;
        record->flags |= SPREAD_FIRED;
        run->result.tier_visits[record->tier]++;
    }
    return CG_OK;
}
