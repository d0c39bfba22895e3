/* Paths, and the confidence that they give.
 *
 * Contributions divide what a concept has: of the level of record r, amounts[i] came through
 * sources[i]; so what came to a hit along one path is
 *
 *   strength = a_0(seed) * prod over its edges of amount / level of the edge's source
 *
 * and the strengths of all paths to a concept sum to what it got. Paths are found backwards from
 * the hit's records, hop by hop, for a contribution always comes from the hop before. Half of a
 * path ends at record p with the factor that its edges multiply p's level by; factor * level(p)
 * bounds the strength of every path that begins so, and is the strength where p is a seed's. A
 * hop keeps the SPREAD_BEAM halves of the highest bound; up to four hops those are all there are
 * (1 + 3 + 9 + 27 + 81 = 121 with a record of the hit in every hop).
 *
 *   confidence = 1 - prod over the strongest paths of (1 - s)            (noisy-or)
 *   s = min(1, strength * discount(slowest tier that passed on) * hop_discount^hops)
 *
 * Source of noisy-or: Pearl, "Probabilistic Reasoning in Intelligent Systems", 1988, section
 * 4.3.2. All arithmetic is doubles in one order.
 *
 * Known value: two paths of one hop and strength 1/2 with hop_discount 0.9: 1 - 0.55^2 = 0.6975.
 */
#include "engine/spread/spread_internal.h"

/* A search for the strongest paths to one concept. */
typedef struct path_search {
    cg_spread_scratch *scratch;
    void *const *blocks; /* of records */
    bool is_simple;      /* paths that come back to a concept are dropped */
    uint32_t cycles;     /* dropped or marked */
    uint32_t top;        /* hop of the hit's last record */
} path_search;

static spread_partial *beam_of(const cg_spread_scratch *scratch, uint32_t hop) {
    return &scratch->beams[(size_t)hop * SPREAD_BEAM];
}

/* Keeps a hop's halves by bound, of equals the one that came first. */
static void keep(cg_spread_scratch *scratch, uint32_t hop, const spread_partial *partial) {
    spread_partial *beam = beam_of(scratch, hop);
    uint32_t place = scratch->beam_counts[hop];
    if (place == SPREAD_BEAM) {
        if (partial->bound <= beam[place - 1].bound) {
            return;
        }
        place--;
    } else {
        scratch->beam_counts[hop]++;
    }
    for (; place > 0 && beam[place - 1].bound < partial->bound; place--) {
        beam[place] = beam[place - 1];
    }
    beam[place] = *partial;
}

/* Whether the path that goes on behind `partial`, of that hop, comes to the row. */
static bool comes_to(const path_search *search, uint32_t hop, const spread_partial *partial,
                     uint32_t row) {
    for (;;) {
        if (spread_record(search->blocks, partial->record)->row == row) {
            return true;
        }
        if (partial->after == CG_SPREAD_NONE) {
            return false;
        }
        partial = &beam_of(search->scratch, ++hop)[partial->after];
    }
}

/* The halves that continue one of hop `hop` to the hop before. */
static void extend(path_search *search, uint32_t hop, uint32_t index) {
    const spread_partial *partial = &beam_of(search->scratch, hop)[index];
    const cg_spread_record *record = spread_record(search->blocks, partial->record);
    for (uint32_t i = 0; i < CG_SPREAD_CONTRIBUTIONS && record->amounts[i] > 0; i++) {
        const cg_spread_record *source = spread_record(search->blocks, record->sources[i]);
        bool is_cyclic = comes_to(search, hop, partial, source->row);
        search->cycles += is_cyclic;
        if (is_cyclic && search->is_simple) {
            continue;
        }
        double bound = partial->factor * (double)record->amounts[i];
        spread_partial longer = {
            .factor = bound / (double)source->level,
            .bound = bound,
            .record = record->sources[i],
            .after = index,
            .is_cyclic = is_cyclic || partial->is_cyclic,
        };
        keep(search->scratch, hop - 1, &longer);
    }
}

/* Leaves complete paths in the beam of hop 0. `last` is the hit's last record. */
static void search_paths(path_search *search, uint32_t last) {
    cg_spread_scratch *scratch = search->scratch;
    const cg_spread_record *record = spread_record(search->blocks, last);
    uint32_t own = last;
    search->top = record->hop;
    for (uint32_t hop = 0; hop <= search->top; hop++) {
        scratch->beam_counts[hop] = 0;
    }
    for (uint32_t hop = search->top + 1; hop-- > 0;) {
        if (own != CG_SPREAD_NONE && spread_record(search->blocks, own)->hop == hop) {
            record = spread_record(search->blocks, own);
            spread_partial whole = {.factor = 1.0,
                                    .bound = (double)record->level,
                                    .record = own,
                                    .after = CG_SPREAD_NONE};
            keep(scratch, hop, &whole);
            own = record->previous;
        }
        for (uint32_t i = 0; hop > 0 && i < scratch->beam_counts[hop]; i++) {
            extend(search, hop, i);
        }
    }
}

static cg_status reserve_beams(cg_spread_scratch *scratch, cg_error *error) {
    cg_status status = CG_GROW(&scratch->allocator, scratch->beams, scratch->beam_capacity,
                               (size_t)scratch->hops * SPREAD_BEAM, error);
    return status;
}

/* --- confidence --- */

static double path_confidence(const spread_run *run, const path_search *search,
                              const spread_partial *path) {
    double discount = 1.0;
    uint32_t slowest = 0;
    bool is_passed = false;
    double s = path->bound / (double)CG_SPREAD_ONE;
    for (uint32_t hop = 0; path->after != CG_SPREAD_NONE; hop++) {
        uint32_t tier = spread_record(search->blocks, path->record)->tier;
        slowest = tier > slowest ? tier : slowest;
        is_passed = true;
        discount *= run->query->hop_discount;
        path = &beam_of(search->scratch, hop + 1)[path->after];
    }
    s *= discount * (is_passed ? run->tiers.discounts[slowest] : 1.0);
    return s < 1.0 ? s : 1.0;
}

cg_status cg_spread_judge(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    cg_spread_hit *hits = scratch->hits;
    uint32_t hit_count = run->result.hit_count;
    if (run->query->confidence_paths == 0) {
        return CG_OK;
    }
    cg_status status = reserve_beams(scratch, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t i = 0; i < hit_count; i++) {
        path_search search = {.scratch = scratch,
                              .blocks = cg_activation_blocks(scratch->records),
                              .is_simple = true};
        search_paths(&search, hits[i].record);
        double doubt = 1.0;
        const spread_partial *paths = beam_of(scratch, 0);
        uint32_t count = scratch->beam_counts[0];
        count = count < run->query->confidence_paths ? count : run->query->confidence_paths;
        for (uint32_t path = 0; path < count; path++) {
            doubt *= 1.0 - path_confidence(run, &search, &paths[path]);
        }
        hits[i].confidence = 1.0 - doubt;
        hits[i].cycles = search.cycles;
    }
    return CG_OK;
}

/* --- listing --- */

/* The lowest type among edges from one concept to another that carried that amount. */
static uint16_t edge_type(const cg_graph *graph, const cg_spread_record *from, uint32_t to,
                          uint64_t amount) {
    uint32_t type = UINT32_MAX;
    cg_edge edge;
    cg_edge_cursor cursor = cg_graph_edges(graph, from->row);
    while (cg_graph_next_edge(&cursor, &edge)) {
        if (edge.target == to && edge.type < type &&
            from->passed * ((uint64_t)edge.weight + 1) == amount) {
            type = edge.type;
        }
    }
    return type == UINT32_MAX ? 0 : (uint16_t)type;
}

static uint64_t amount_from(const cg_spread_record *record, uint32_t source) {
    for (uint32_t i = 0; i < CG_SPREAD_CONTRIBUTIONS; i++) {
        if (record->sources[i] == source) {
            return record->amounts[i];
        }
    }
    return 0;
}

static void list_path(const path_search *search, const spread_partial *partial,
                      cg_spread_path *path) {
    *path = (cg_spread_path){.strength = partial->bound / (double)CG_SPREAD_ONE,
                             .is_cyclic = partial->is_cyclic};
    const cg_graph *graph = search->scratch->graph;
    for (uint32_t hop = 0;; hop++) {
        const cg_spread_record *record = spread_record(search->blocks, partial->record);
        cg_spread_step *step = &path->steps[path->length++];
        step->row = record->row;
        step->record = partial->record;
        if (hop > 0) {
            const cg_spread_step *before = step - 1;
            step->edge_type = edge_type(graph, spread_record(search->blocks, before->record),
                                        record->row, amount_from(record, before->record));
        }
        if (partial->after == CG_SPREAD_NONE) {
            return;
        }
        step->tier = record->tier;
        partial = &beam_of(search->scratch, hop + 1)[partial->after];
    }
}

static bool find_record(const cg_spread_scratch *scratch, uint32_t row, uint32_t *record) {
    uint32_t page = row / SPREAD_PAGE_ROWS;
    if (page >= scratch->page_count || !scratch->pages[page].lines) {
        return false;
    }
    const spread_line *line = &scratch->pages[page].lines[row % SPREAD_PAGE_ROWS];
    *record = line->record;
    return line->epoch == scratch->epoch && line->record != CG_SPREAD_NONE;
}

cg_status cg_spread_paths(cg_spread_scratch *scratch, uint32_t row, cg_spread_path *paths,
                          uint32_t paths_max, uint32_t *path_count, cg_error *error) {
    uint32_t last = 0;
    if (paths_max < 1 || paths_max > CG_SPREAD_PATHS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u paths of a spread asked for; it must be 1..%d", paths_max,
                            CG_SPREAD_PATHS_MAX);
    }
    if (!scratch->graph || !find_record(scratch, row, &last)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "paths to row %u asked for, which the spread did not reach", row);
    }
    cg_status status = reserve_beams(scratch, error);
    if (status != CG_OK) {
        return status;
    }
    path_search search = {.scratch = scratch, .blocks = cg_activation_blocks(scratch->records)};
    search_paths(&search, last);
    uint32_t count = scratch->beam_counts[0];
    count = count < paths_max ? count : paths_max;
    for (uint32_t i = 0; i < count; i++) {
        list_path(&search, &beam_of(scratch, 0)[i], &paths[i]);
    }
    *path_count = count;
    return CG_OK;
}
