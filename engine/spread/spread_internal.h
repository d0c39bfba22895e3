/* How a spread's scratch lies in memory; for engine/spread alone.
 *
 * Hot: what one edge touches of its target is one line of 64 bytes (spec D6). Lines lie in pages
 * of 64 rows, taken when first touched:
 *
 *     pages[row / 64] = {lines, touched}    line: lines[row % 64]
 *     page_bits: a bit a page               set: touched is not 0
 *
 * Within a hop a bit of `touched` says that the line has got something. So the concepts that a
 * hop reached come out by row without sorting, and clearing costs what was touched.
 *
 * Cold: records, one a (concept, hop), numbered by (hop, row). Those of hop h are
 * hop_first[h] .. hop_first[h + 1] - 1: they are the frontier of hop h + 1. Ids, names and
 * properties stay in the graph and are never read here.
 *
 * A line belongs to the spread whose epoch it bears; in any other it counts as empty. So nothing
 * is cleared between spreads.
 *
 * Ranges are what workers own when they add: whole words of page_bits, so no two workers write to
 * one page.
 */
#ifndef CG_ENGINE_SPREAD_SPREAD_INTERNAL_H
#define CG_ENGINE_SPREAD_SPREAD_INTERNAL_H

#include "engine/spread/spread.h"

enum {
    SPREAD_PAGE_ROWS = 64,
    SPREAD_RANGES_MAX = 32,
    SPREAD_CHUNK_EDGES = 16384, /* that one task turns into contributions */
    SPREAD_CHUNKS_MAX = 64,     /* in one round */
    SPREAD_CHUNKS_PER_WORKER = 4,
    SPREAD_AHEAD = 16, /* lines fetched ahead of their use; a power of two */
    SPREAD_BEAM = 128
};

/* Flags of a record. */
enum {
    SPREAD_SUPERSEDED = 1, /* the concept has a later record */
    SPREAD_FIRED = 2 /* the concept passed on in this spread, in this hop or an earlier one */
};

typedef struct spread_line {
    uint64_t next; /* a_h so far */
    uint64_t amounts[CG_SPREAD_CONTRIBUTIONS];
    uint32_t sources[CG_SPREAD_CONTRIBUTIONS];
    uint32_t epoch;
    uint32_t record;      /* the concept's latest, or CG_SPREAD_NONE */
    uint32_t degree;      /* SPREAD_UNKNOWN until it passes on */
    const cg_edge *edges; /* [degree], or NULL: read by cursor */
} spread_line;
#define SPREAD_UNKNOWN UINT32_MAX
_Static_assert(sizeof(void *) != 8 || sizeof(spread_line) == 64, "one cache line a concept");
_Static_assert(sizeof(cg_spread_record) == 72, "as the header says");

typedef struct spread_page {
    spread_line *lines; /* [SPREAD_PAGE_ROWS], or NULL */
    uint64_t touched;
} spread_page;

/* A concept that passes on. */
typedef struct spread_firing {
    uint64_t passed;
    const cg_edge *edges; /* [count] */
    uint64_t first;       /* edges of this hop before its own */
    uint32_t count;
    uint32_t record;
} spread_firing;

/* A concept above its threshold, while budgets are asked. */
typedef struct spread_candidate {
    uint64_t level; /* faded */
    uint32_t record;
    uint32_t tier;
} spread_candidate;

typedef struct spread_rank {
    uint64_t level;
    uint32_t candidate;
} spread_rank;

typedef struct spread_contribution {
    uint64_t amount;
    uint32_t row;
    uint32_t source;
} spread_contribution;

/* Contributions of SPREAD_CHUNK_EDGES edges, by range of their targets. */
typedef struct spread_bin {
    uint32_t starts[SPREAD_RANGES_MAX + 1];
    spread_contribution contributions[SPREAD_CHUNK_EDGES];
} spread_bin;

typedef struct spread_range {
    uint32_t record;  /* its first of this hop */
    uint32_t reached; /* concepts reached for the first time */
} spread_range;

typedef struct spread_block {
    spread_line *lines;
    size_t bytes;
} spread_block;

/* A path from some record to a hit, grown backwards. */
typedef struct spread_partial {
    double factor; /* of what passed through `record`, the share that came to the hit */
    double bound;  /* factor * its level: what came to the hit along any path that ends so */
    uint32_t record;
    uint32_t after; /* partial of the next hop that this one continues, or CG_SPREAD_NONE */
    bool is_cyclic;
} spread_partial;

struct cg_spread_scratch {
    cg_allocator allocator;
    cg_activation_pool *own_pool; /* NULL: shared */
    cg_activation_cache *records;
    const cg_graph *graph; /* of the last spread, or NULL */
    uint32_t epoch;

    spread_page *pages;
    size_t page_capacity;
    uint64_t *page_bits;
    size_t word_capacity;
    uint64_t *wanted_bits; /* pages that a round needs and that are not there */
    size_t wanted_capacity;
    uint32_t page_count;  /* of the graph */
    uint32_t range_words; /* words of page_bits in a range */
    uint32_t range_count;
    spread_range ranges[SPREAD_RANGES_MAX];
    spread_block *blocks; /* of pages */
    size_t block_capacity;
    size_t block_count;
    uint32_t pages_left; /* untaken in the last block */
    uint64_t lines_bytes;

    spread_candidate *candidates;
    size_t candidate_capacity;
    uint32_t candidate_count;
    spread_rank *ranks;
    size_t rank_capacity;
    spread_firing *firings;
    size_t firing_capacity;
    uint32_t firing_count;
    cg_edge *copied; /* edges of rows that are not plain */
    size_t copied_capacity;
    spread_bin *bins;
    size_t bin_capacity;

    cg_spread_hit *hits;
    size_t hit_capacity;
    spread_partial *beams; /* [hops + 1][SPREAD_BEAM] */
    size_t beam_capacity;
    uint32_t beam_counts[CG_SPREAD_HOPS_MAX + 1];

    uint32_t hop_first[CG_SPREAD_HOPS_MAX + 3];
    cg_spread_hop by_hop[CG_SPREAD_HOPS_MAX];
    uint32_t hops; /* whose records there are */
    uint32_t reached;
    uint32_t record_count;
};

/* One run: what its parts hand on. */
typedef struct spread_run {
    const cg_graph *graph;
    const cg_spread_query *query;
    cg_spread_tiers tiers;
    cg_spread_scratch *scratch;
    cg_spread_result result;
    cg_work *work;
    uint64_t decay;
    uint64_t thresholds[CG_TIER_LEVELS_MAX];
    uint64_t edges;           /* of the hop */
    const cg_edge *edge_base; /* the first frozen edge, for touches */
    uint64_t grown_base;      /* frozen edges */
} spread_run;

static inline uint64_t spread_add(uint64_t left, uint64_t right) {
    uint64_t sum = left + right; /* both at most 2^62 */
    return sum < CG_SPREAD_LEVEL_MAX ? sum : CG_SPREAD_LEVEL_MAX;
}

static inline cg_spread_record *spread_record(void *const *blocks, uint32_t record) {
    return cg_activation_at(blocks, sizeof(cg_spread_record), record);
}

/* --- spread_lines.c --- */

/* Room for a graph of so many rows; begins a new epoch. */
cg_status cg_spread_lines_begin(cg_spread_scratch *scratch, uint32_t rows, cg_error *error);
void cg_spread_lines_clear(cg_spread_scratch *scratch); /* bits that a failed spread left */
void cg_spread_lines_free(cg_spread_scratch *scratch);  /* leaves pointers that are void */
cg_status cg_spread_add_page(cg_spread_scratch *scratch, uint32_t page, cg_error *error);

static inline void spread_fetch(const void *memory) {
    __builtin_prefetch(memory, 1);
}

/* Adds a contribution to a line. They come by source, so an equal one never goes before one that
 * is there. */
static inline void spread_receive(cg_spread_scratch *scratch, spread_line *line,
                                  const spread_contribution *given) {
    if (line->epoch != scratch->epoch) {
        *line = (spread_line){
            .epoch = scratch->epoch, .record = CG_SPREAD_NONE, .degree = SPREAD_UNKNOWN};
    }
    if (line->next == 0) {
        uint32_t page = given->row / SPREAD_PAGE_ROWS;
        scratch->pages[page].touched |= UINT64_C(1) << (given->row % SPREAD_PAGE_ROWS);
        scratch->page_bits[page / 64] |= UINT64_C(1) << (page % 64);
    }
    uint64_t amount = given->amount;
    uint32_t source = given->source;
    line->next = spread_add(line->next, amount);
    if (amount <= line->amounts[2]) {
        return;
    }
    /* The place it takes over: the source's own, if that is smaller, else the last. */
    uint32_t place = 2;
    for (uint32_t i = 0; i < 2; i++) {
        if (line->amounts[i] != 0 && line->sources[i] == source) {
            if (amount <= line->amounts[i]) {
                return;
            }
            place = i;
        }
    }
    for (; place > 0 && amount > line->amounts[place - 1]; place--) {
        line->amounts[place] = line->amounts[place - 1];
        line->sources[place] = line->sources[place - 1];
    }
    line->amounts[place] = amount;
    line->sources[place] = source;
}

/* --- spread_records.c: what a hop brought becomes records --- */
cg_status cg_spread_end_hop(spread_run *run, uint32_t hop, cg_error *error);

/* --- spread_fire.c: who passes on, and how much --- */
cg_status cg_spread_select(spread_run *run, uint32_t hop, cg_error *error);
/* Calls read for each, and copies edges that are not frozen. */
cg_status cg_spread_read(spread_run *run, cg_error *error);

/* --- spread_push.c: along the edges --- */
cg_status cg_spread_push(spread_run *run, cg_error *error);

/* --- spread_hits.c: the answer, into run->result --- */
cg_status cg_spread_collect(spread_run *run, cg_error *error);

/* --- spread_path.c: the confidence of scratch->hits --- */
cg_status cg_spread_judge(spread_run *run, cg_error *error);

/* --- spread_recency.c: those that passed on did so at that time; all or nothing --- */
cg_status cg_spread_recency_note(cg_spread_recency *recency, const cg_spread_scratch *scratch,
                                 cg_hlc now, cg_error *error);

#endif
