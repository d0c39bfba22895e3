/* Spreading activation from seeds over a knowledge graph, on one host (spec E2, E3).
 *
 * Hop by hop, h = 1 .. max_hops, over every edge i -> j:
 *
 *   a_h(j) += a_(h-1)(i) * w_ij * exp(-lambda)
 *   answer(j) = min(1, a_0(j) + a_1(j) + ...)
 *
 * The decay is applied once a hop, to what the last hop brought. A concept whose a_(h-1) is
 * below the threshold passes nothing on. The answer saturates, what spreads does not.
 *
 * Activation is fixed-point: CG_SPREAD_ONE is 1.0. Sums are of integers, so an answer depends
 * on neither the order of edges or seeds nor on who adds first; it is the same to the bit
 * everywhere, for any number of threads.
 *
 * A visit is a concept that passes on in one hop. Thresholds and budgets of visits belong to the
 * tier that holds the concept (cg_spread_tiers). Each (concept, hop) reached leaves a record with
 * its strongest contributions; paths and confidence are read from those records.
 */
#ifndef CG_ENGINE_SPREAD_SPREAD_H
#define CG_ENGINE_SPREAD_SPREAD_H

#include "engine/base/clock.h"
#include "engine/base/memory.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/graph/graph.h"
#include "engine/tier/activation.h"
#include "engine/tier/tier.h"

#define CG_SPREAD_ONE (UINT64_C(1) << 44)
/* A level within the spread stays at this value, 262,144.0, when sums pass it. */
#define CG_SPREAD_LEVEL_MAX (UINT64_C(1) << 62)
#define CG_SPREAD_NONE      UINT32_MAX

enum {
    CG_SPREAD_HOPS_MAX = 64,
    CG_SPREAD_SEEDS_MAX = 65536,
    CG_SPREAD_CONTRIBUTIONS = 3, /* the strongest ones that a record keeps */
    CG_SPREAD_PATHS_MAX = 16
};

typedef struct cg_spread_seed {
    uint32_t row;
    double activation; /* (0, 1] */
} cg_spread_seed;

/* What depends on the tier that holds a concept. Hooks are called on the caller's thread, in one
 * order whatever the number of threads: hop by hop, first `where` for each concept that the last
 * hop reached, by row, then `read` for each that passes on, by row. */
typedef struct cg_spread_tiers {
    /* The tier that holds a concept, < CG_TIER_LEVELS_MAX; changes nothing. NULL: all in 0. */
    uint32_t (*where)(void *context, uint32_t row);
    /* The concept's edges are about to be read. A failure ends the spread with that status. May
     * be NULL. */
    cg_status (*read)(void *context, uint32_t row, cg_error *error);
    void *context;
    double thresholds[CG_TIER_LEVELS_MAX]; /* 0..1; take the place of the query's threshold */
    /* Visits in a tier during one spread without fading; 0: no bound. In each hop the concepts
     * of a tier that could pass on are ranked by (level descending, row), continuing the count
     * of earlier hops; the k-th beyond the budget has its level times 0.93^k before the threshold
     * is asked. The first that falls below ends the ranking: those behind it pass nothing on. */
    uint64_t budgets[CG_TIER_LEVELS_MAX];
    double discounts[CG_TIER_LEVELS_MAX]; /* 0..1; of confidence */
} cg_spread_tiers;
/* No hooks, thresholds 0.01, no budgets, discounts 1, 0.95, 0.9, 0.85, 0.8. */
cg_spread_tiers cg_spread_tiers_default(void);

/* When concepts last passed something on, by hybrid logical clock: 24 bytes or so for each that
 * did so in a spread with refractory_ns > 0. Of a host, not of a query; never replicated. */
typedef struct cg_spread_recency cg_spread_recency;
cg_status cg_spread_recency_alloc(cg_allocator allocator, cg_spread_recency **out,
                                  cg_error *error);
void cg_spread_recency_free(cg_spread_recency *recency); /* NULL is fine */
/* False when it never did, or was forgotten. */
bool cg_spread_recency_last(const cg_spread_recency *recency, uint32_t row, cg_hlc *last);
/* Forgets those that last passed on before that physical time; memory goes down with them. On
 * failure (CG_ERROR_MEMORY) nothing changes. */
cg_status cg_spread_recency_forget(cg_spread_recency *recency, uint64_t before_ns,
                                   cg_error *error);
size_t cg_spread_recency_count(const cg_spread_recency *recency);
uint64_t cg_spread_recency_bytes(const cg_spread_recency *recency);
uint64_t cg_spread_recency_hash(const cg_spread_recency *recency);

/* Arrays that a spread touches, for a modelled CPU cache. Offsets in bytes: */
typedef enum cg_spread_region {
    CG_SPREAD_REGION_LINES,    /* 64 a row: the hot line of a concept */
    CG_SPREAD_REGION_EDGES,    /* 8 an edge: its place among the frozen edges; grown rows lie
                                  behind them, one after the other as they are read in a hop */
    CG_SPREAD_REGION_RECORDS,  /* by record number */
    CG_SPREAD_REGION_FRONTIER, /* concepts that pass on in this hop, one after the other */
    CG_SPREAD_REGION_COUNT
} cg_spread_region;

typedef void (*cg_spread_touch)(void *context, cg_spread_region region, uint64_t offset_bytes,
                                uint32_t bytes);

typedef struct cg_spread_query {
    const cg_spread_seed *seeds; /* [seed_count]; a row given twice has the sum */
    uint32_t seed_count;         /* 1..CG_SPREAD_SEEDS_MAX */
    uint32_t max_hops;           /* 1..CG_SPREAD_HOPS_MAX */
    double lambda;               /* 0..16; the decay of a hop is exp(-lambda) */
    double threshold;            /* 0..1; of all tiers, where `tiers` is NULL */
    bool fan_out;                /* divide what a concept passes on by its number of edges */
    uint32_t hits_max;           /* >= 1 */

    const cg_spread_tiers *tiers; /* NULL: all in tier 0, no hooks, no budget */
    uint64_t edges_max;           /* 0: none. A hop that would take the edges walked beyond it
                                   * is not begun, and the result is partial */
    const cg_runner *runner;      /* NULL: serial. The graph is read by all its workers */

    /* Refractory period. Above 0, a concept that passed something on less than this before `now`
     * (or after it) passes nothing on, and within the spread each does at most once. */
    uint64_t refractory_ns;
    cg_hlc now;
    cg_spread_recency *recency; /* not NULL where refractory_ns > 0; changed on success alone */

    /* Confidence: 1 - prod(1 - s_p) over the strongest paths without a cycle, at most this many
     * (0..CG_SPREAD_PATHS_MAX; 0: not computed). s_p = min(1, strength * discount of the slowest
     * tier that passed on along the path * hop_discount^hops). */
    uint32_t confidence_paths;
    double hop_discount; /* 0..1 */

    cg_spread_touch touch; /* NULL: none, and costs nothing; otherwise the runner is not used */
    void *touch_context;
} cg_spread_query;

/* Three hops, lambda 0.5, threshold 0.01, no fan-out normalisation, 32 hits, no tiers, no limit of
 * edges, serial, no refractory period, confidence from 4 paths, hop_discount 0.9; seeds are the
 * caller's. */
cg_spread_query cg_spread_query_default(void);

typedef struct cg_spread_hit {
    uint64_t activation; /* 1..CG_SPREAD_ONE */
    uint64_t strongest;  /* largest single contribution, unsaturated */
    double confidence;   /* 0..1; 0 when not asked for */
    uint32_t row;
    uint32_t predecessor; /* row that `strongest` came from; its own: a seed's activation */
    uint32_t hop;         /* in which that arrived; 0: a seed's activation */
    uint32_t first_hop;   /* in which the row was first reached */
    uint32_t record;      /* the last of its records; earlier ones through `previous` */
    uint32_t cycles;      /* paths to it that were dropped because they come back to a concept;
                           * 0 when confidence was not asked for */
} cg_spread_hit;

typedef struct cg_spread_hop {
    uint64_t edges;   /* walked */
    uint64_t visits;  /* concepts that passed on */
    uint32_t reached; /* concepts that got something in this hop, first time or not */
    uint32_t unused;  /* 0 */
} cg_spread_hop;

typedef struct cg_spread_result {
    /* By (activation descending, row); valid until the scratch is used again. */
    const cg_spread_hit *hits;
    uint32_t hit_count; /* <= hits_max */
    uint32_t reached;   /* rows with activation, seeds included */
    uint32_t hops;      /* hops in which something was passed on */
    bool is_partial;    /* edges_max was in the way of another hop */
    const cg_spread_hop
        *by_hop;     /* [max_hops], hop 1 first; 0 where not begun; valid as hits are */
    uint64_t edges;  /* walked in all hops */
    uint64_t visits; /* in all hops */
    uint64_t tier_visits[CG_TIER_LEVELS_MAX];
    uint64_t faded;      /* visits beyond a budget */
    uint64_t refractory; /* times that a concept would have passed on, but for its last time */
    uint32_t records;    /* (concept, hop) reached; numbers 0, 1, ... by (hop, row) */
} cg_spread_result;

/* One for each thread that runs spreads. Grows to a quarter of a byte a row of the graph, 4 KiB for
 * each 64 rows of which one is reached (taken in blocks that double up to 16 MiB), 72 a (concept,
 * hop) reached and 48 a visit of the largest hop; with a runner of more than one worker, by 1 MiB
 * a worker. */
typedef struct cg_spread_scratch cg_spread_scratch;
cg_status cg_spread_scratch_alloc(cg_allocator allocator, cg_spread_scratch **out,
                                  cg_error *error);
/* With a pool of records that several scratches share; record_bytes must be
 * sizeof(cg_spread_record). The pool outlives the scratch. */
cg_status cg_spread_scratch_alloc_shared(cg_activation_pool *records, cg_allocator allocator,
                                         cg_spread_scratch **out, cg_error *error);
void cg_spread_scratch_free(cg_spread_scratch *scratch); /* NULL is fine */
/* Gives memory back when idle: all but keep_records records, rounded down to blocks. Results,
 * records and paths of earlier spreads are void. */
void cg_spread_scratch_trim(cg_spread_scratch *scratch, uint32_t keep_records);
uint64_t cg_spread_scratch_bytes(const cg_spread_scratch *scratch); /* records included */
cg_activation_statistics cg_spread_scratch_records(const cg_spread_scratch *scratch);

/* Cost: one CG_WORK_SPREAD a visit, and one unit an edge of it, for any number of threads.
 * Among equal contributions the strongest is that of the lowest hop, then of the lowest row.
 * Errors: CG_ERROR_INVALID, CG_ERROR_NOT_FOUND for a seed that is no concept, CG_ERROR_MEMORY,
 * CG_ERROR_FULL for more than CG_ACTIVATION_RECORDS_MAX records, those of tiers->read; then result
 * and recency are unchanged and the scratch stays usable (work may have been counted). */
cg_status cg_spread_run(const cg_graph *graph, const cg_spread_query *query,
                        cg_spread_scratch *scratch, cg_spread_result *result, cg_work *work,
                        cg_error *error);

/* --- provenance of the scratch's last spread, while its graph is unchanged ------------------- */

/* What reached a concept in one hop. Several edges from one concept count as its strongest. */
typedef struct cg_spread_record {
    uint64_t level;  /* a_h */
    uint64_t total;  /* a_0 + ... + a_h */
    uint64_t passed; /* an edge of weight w carried passed * (w + 1); 0: passed nothing on */
    uint64_t
        amounts[CG_SPREAD_CONTRIBUTIONS]; /* (amount descending, source ascending); 0: none */
    uint32_t sources[CG_SPREAD_CONTRIBUTIONS]; /* records; CG_SPREAD_NONE: a seed's own */
    uint32_t row;
    uint32_t previous; /* the concept's record of an earlier hop, or CG_SPREAD_NONE */
    uint8_t hop;
    uint8_t tier;   /* when it could have passed on */
    uint16_t flags; /* private */
} cg_spread_record;
/* Borrowed until the scratch is used again; NULL where there is no such record. */
const cg_spread_record *cg_spread_record_at(const cg_spread_scratch *scratch, uint32_t record);

typedef struct cg_spread_step {
    uint32_t row;
    uint32_t record;
    uint16_t edge_type; /* of the edge that led here, the lowest type of equals; 0 for a seed */
    uint16_t tier;      /* that passed on from here; 0 for the last */
} cg_spread_step;

/* A way that activation took: from a seed along contributions that records kept. Strength is the
 * seed's activation times what each edge let through. */
typedef struct cg_spread_path {
    double strength;                              /* in units of 1.0 */
    uint32_t length;                              /* steps: hops + 1 */
    bool is_cyclic;                               /* comes to a concept twice */
    cg_spread_step steps[CG_SPREAD_HOPS_MAX + 1]; /* seed first */
} cg_spread_path;

/* The strongest paths to a concept, strongest first, at most paths_max (1..CG_SPREAD_PATHS_MAX),
 * cyclic ones among them. Exact among kept contributions up to four hops; beyond, a beam of 128
 * half-finished paths a hop is kept. Errors: CG_ERROR_INVALID, CG_ERROR_NOT_FOUND (row not
 * reached), CG_ERROR_MEMORY. */
cg_status cg_spread_paths(cg_spread_scratch *scratch, uint32_t row, cg_spread_path *paths,
                          uint32_t paths_max, uint32_t *path_count, cg_error *error);

#endif
