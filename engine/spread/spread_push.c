/* Along the edges: each concept that passes on adds to its targets.
 *
 * Serial: edges in order. A target's line is fetched into the cache when its edge is read, and
 * added to SPREAD_AHEAD edges later, when it has come.
 *
 * Parallel, in rounds of a few chunks of edges: (1) each chunk becomes contributions, sorted by
 * the range of their target (counting sort); (2) pages that they need and that are not there are
 * marked by range, and taken by the caller's thread, since allocators are not shared; (3) each
 * range adds its part of all chunks, in order. A contribution is added by whoever owns its
 * target's range, in the order of its source as in the serial way: so every line sees the same
 * additions in the same order. Memory is bounded by the round.
 *
 * Source of binning before random additions: Beamer, Asanovic and Patterson, "Reducing PageRank
 * Communication via Propagation Blocking", IPDPS 2017.
 */
#include "engine/spread/spread_internal.h"

enum { PARALLEL_EDGES = 4096, PAGES_A_WORD = 64, FIRINGS_AHEAD = 8, EDGES_A_LINE = 8 };

static spread_contribution contribution_of(const spread_firing *firing, const cg_edge *edge) {
    return (spread_contribution){
        .amount = firing->passed * ((uint64_t)edge->weight + 1),
        .row = edge->target,
        .source = firing->record,
    };
}

/* --- serial --- */

typedef struct spread_ring {
    spread_line *lines[SPREAD_AHEAD];
    spread_contribution contributions[SPREAD_AHEAD];
    uint32_t count; /* ever put in */
} spread_ring;

/* Puts a contribution in, and adds the one whose place it takes. */
static inline void ring_put(spread_ring *ring, cg_spread_scratch *scratch, spread_line *line,
                            spread_contribution contribution) {
    uint32_t place = ring->count % SPREAD_AHEAD;
    spread_fetch(line);
    if (ring->count >= SPREAD_AHEAD) {
        spread_receive(scratch, ring->lines[place], &ring->contributions[place]);
    }
    ring->lines[place] = line;
    ring->contributions[place] = contribution;
    ring->count++;
}

static void ring_empty(spread_ring *ring, cg_spread_scratch *scratch) {
    uint32_t held = ring->count < SPREAD_AHEAD ? ring->count : SPREAD_AHEAD;
    for (uint32_t i = ring->count - held; i != ring->count; i++) {
        spread_receive(scratch, ring->lines[i % SPREAD_AHEAD],
                       &ring->contributions[i % SPREAD_AHEAD]);
    }
}

/* The first edges of a concept that is due soon. */
static inline void fetch_edges(const cg_spread_scratch *scratch, uint32_t index) {
    if (index < scratch->firing_count) {
        const spread_firing *firing = &scratch->firings[index];
        __builtin_prefetch(firing->edges);
        if (firing->count > EDGES_A_LINE) {
            __builtin_prefetch(firing->edges + EDGES_A_LINE);
        }
    }
}

static cg_status push_serial(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    spread_ring ring;
    ring.count = 0;
    for (uint32_t i = 0; i < scratch->firing_count; i++) {
        const spread_firing *firing = &scratch->firings[i];
        fetch_edges(scratch, i + FIRINGS_AHEAD);
        for (uint32_t at = 0; at < firing->count; at++) {
            spread_contribution contribution = contribution_of(firing, &firing->edges[at]);
            uint32_t row = contribution.row;
            spread_line *lines = scratch->pages[row / SPREAD_PAGE_ROWS].lines;
            if (!lines) {
                cg_status status = cg_spread_add_page(scratch, row / SPREAD_PAGE_ROWS, error);
                if (status != CG_OK) {
                    return status;
                }
                lines = scratch->pages[row / SPREAD_PAGE_ROWS].lines;
            }
            ring_put(&ring, scratch, &lines[row % SPREAD_PAGE_ROWS], contribution);
        }
    }
    ring_empty(&ring, scratch);
    return CG_OK;
}

/* Tells the modelled caches what push_serial is about to read and write. */
static void touch_edges(const spread_run *run) {
    const cg_spread_query *query = run->query;
    const cg_spread_scratch *scratch = run->scratch;
    uint64_t grown = run->grown_base;
    for (uint32_t i = 0; i < scratch->firing_count; i++) {
        const spread_firing *firing = &scratch->firings[i];
        query->touch(query->touch_context, CG_SPREAD_REGION_FRONTIER,
                     (uint64_t)i * sizeof *firing, sizeof *firing);
        const cg_spread_record *record =
            spread_record(cg_activation_blocks(scratch->records), firing->record);
        bool is_plain = cg_graph_row_is_plain(run->graph, record->row);
        uint64_t place =
            is_plain && firing->count > 0 ? (uint64_t)(firing->edges - run->edge_base) : grown;
        grown += is_plain ? 0 : firing->count;
        for (uint32_t at = 0; at < firing->count; at++) {
            query->touch(query->touch_context, CG_SPREAD_REGION_EDGES,
                         (place + at) * sizeof(cg_edge), sizeof(cg_edge));
            query->touch(query->touch_context, CG_SPREAD_REGION_LINES,
                         (uint64_t)firing->edges[at].target * sizeof(spread_line),
                         sizeof(spread_line));
        }
    }
}

/* --- parallel --- */

typedef struct spread_round {
    cg_spread_scratch *scratch;
    uint64_t edges; /* of the hop */
    uint64_t first; /* edge of the round */
    uint32_t chunks;
    uint32_t range_pages;
} spread_round;

static uint32_t range_of(const spread_round *round, uint32_t row) {
    return row / SPREAD_PAGE_ROWS / round->range_pages;
}

/* The concept to which that edge of the hop belongs. */
static uint32_t firing_of(const cg_spread_scratch *scratch, uint64_t edge) {
    uint32_t low = 0;
    uint32_t count = scratch->firing_count;
    while (count > 1) {
        uint32_t half = count / 2;
        bool before = scratch->firings[low + half].first <= edge;
        low = before ? low + half : low;
        count = before ? count - half : half;
    }
    return low;
}

/* The part of a chunk that lies in one concept's edges. */
typedef struct chunk_part {
    const spread_firing *firing;
    uint32_t from;
    uint32_t to;
} chunk_part;

static chunk_part part_of(const spread_firing *firing, uint64_t first, uint64_t end) {
    uint64_t last = firing->first + firing->count;
    return (chunk_part){
        .firing = firing,
        .from = first > firing->first ? (uint32_t)(first - firing->first) : 0,
        .to = last < end ? firing->count : (uint32_t)(end - firing->first),
    };
}

static void bin_chunk(void *argument, uint32_t index, uint32_t worker) {
    (void)worker;
    const spread_round *round = argument;
    const cg_spread_scratch *scratch = round->scratch;
    spread_bin *bin = &scratch->bins[index];
    uint64_t first = round->first + (uint64_t)index * SPREAD_CHUNK_EDGES;
    uint64_t end = first + SPREAD_CHUNK_EDGES;
    end = end < round->edges ? end : round->edges;
    uint32_t from = firing_of(scratch, first);
    uint32_t places[SPREAD_RANGES_MAX + 1] = {0};
    for (uint32_t i = from; i < scratch->firing_count && scratch->firings[i].first < end; i++) {
        chunk_part part = part_of(&scratch->firings[i], first, end);
        for (uint32_t at = part.from; at < part.to; at++) {
            places[range_of(round, part.firing->edges[at].target) + 1]++;
        }
    }
    bin->starts[0] = 0;
    for (uint32_t i = 0; i < SPREAD_RANGES_MAX; i++) {
        places[i + 1] += places[i];
        bin->starts[i + 1] = places[i + 1];
    }
    for (uint32_t i = from; i < scratch->firing_count && scratch->firings[i].first < end; i++) {
        chunk_part part = part_of(&scratch->firings[i], first, end);
        for (uint32_t at = part.from; at < part.to; at++) {
            const cg_edge *edge = &part.firing->edges[at];
            bin->contributions[places[range_of(round, edge->target)]++] =
                contribution_of(part.firing, edge);
        }
    }
}

static void want_pages(void *argument, uint32_t index, uint32_t worker) {
    (void)worker;
    const spread_round *round = argument;
    cg_spread_scratch *scratch = round->scratch;
    for (uint32_t chunk = 0; chunk < round->chunks; chunk++) {
        const spread_bin *bin = &scratch->bins[chunk];
        for (uint32_t at = bin->starts[index]; at < bin->starts[index + 1]; at++) {
            uint32_t page = bin->contributions[at].row / SPREAD_PAGE_ROWS;
            if (!scratch->pages[page].lines) {
                scratch->wanted_bits[page / PAGES_A_WORD] |= UINT64_C(1)
                                                             << (page % PAGES_A_WORD);
            }
        }
    }
}

static cg_status take_pages(cg_spread_scratch *scratch, cg_error *error) {
    uint32_t words = scratch->range_words * scratch->range_count;
    for (uint32_t word = 0; word < words && word < scratch->wanted_capacity; word++) {
        for (uint64_t bits = scratch->wanted_bits[word]; bits; bits &= bits - 1) {
            uint32_t page = word * PAGES_A_WORD + (uint32_t)__builtin_ctzll(bits);
            cg_status status = cg_spread_add_page(scratch, page, error);
            if (status != CG_OK) {
                return status;
            }
        }
        scratch->wanted_bits[word] = 0;
    }
    return CG_OK;
}

static void add_range(void *argument, uint32_t index, uint32_t worker) {
    (void)worker;
    const spread_round *round = argument;
    cg_spread_scratch *scratch = round->scratch;
    spread_ring ring;
    ring.count = 0;
    for (uint32_t chunk = 0; chunk < round->chunks; chunk++) {
        const spread_bin *bin = &scratch->bins[chunk];
        for (uint32_t at = bin->starts[index]; at < bin->starts[index + 1]; at++) {
            uint32_t row = bin->contributions[at].row;
            spread_line *lines = scratch->pages[row / SPREAD_PAGE_ROWS].lines;
            ring_put(&ring, scratch, &lines[row % SPREAD_PAGE_ROWS], bin->contributions[at]);
        }
    }
    ring_empty(&ring, scratch);
}

static cg_status push_parallel(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    const cg_runner *runner = run->query->runner;
    uint64_t chunks = (run->edges + SPREAD_CHUNK_EDGES - 1) / SPREAD_CHUNK_EDGES;
    uint64_t most = (uint64_t)runner->workers * SPREAD_CHUNKS_PER_WORKER;
    most = most < SPREAD_CHUNKS_MAX ? most : SPREAD_CHUNKS_MAX;
    uint32_t in_round = (uint32_t)(chunks < most ? chunks : most);
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->bins, scratch->bin_capacity, in_round, error);
    spread_round round = {.scratch = scratch,
                          .edges = run->edges,
                          .range_pages = scratch->range_words * PAGES_A_WORD};
    while (status == CG_OK && chunks > 0) {
        round.chunks = (uint32_t)(chunks < in_round ? chunks : in_round);
        cg_runner_run(runner, round.chunks, bin_chunk, &round);
        cg_runner_run(runner, scratch->range_count, want_pages, &round);
        status = take_pages(scratch, error);
        if (status == CG_OK) {
            cg_runner_run(runner, scratch->range_count, add_range, &round);
        }
        round.first += (uint64_t)round.chunks * SPREAD_CHUNK_EDGES;
        chunks -= round.chunks;
    }
    return status;
}

cg_status cg_spread_push(spread_run *run, cg_error *error) {
    const cg_spread_query *query = run->query;
    if (query->touch) {
        touch_edges(run);
    }
    bool alone = query->touch || !query->runner || query->runner->workers < 2;
    return alone || run->edges < PARALLEL_EDGES ? push_serial(run, error)
                                                : push_parallel(run, error);
}
