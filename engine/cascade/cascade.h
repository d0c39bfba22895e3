/* The decision: where does a fact belong? (spec A6, A7, A9)
 *
 * Four stages, each counting candidates in and out:
 *
 *   coarse      indexes (dense form) and inverted file (exact form) retrieve, re-ranking
 *               leaves the neighbours; candidates are these, their parents and grandparents,
 *               and what the lexicon finds for the text's cues
 *   semantic    the semantic column keeps the best share
 *   structural  all four columns vote; the weighted vote keeps the best share
 *   inhibition  leaky integrate-and-fire competition leaves one
 *
 * Strategies: direct (exhaustive: exact retrieval, every concept is a candidate, the filters
 * keep all), hierarchical (index and filters), auto (direct up to direct_max concepts). The
 * exhaustive decision is the same code with filters that keep all. Without an index the
 * exhaustive way serves.
 */
#ifndef CG_ENGINE_CASCADE_CASCADE_H
#define CG_ENGINE_CASCADE_CASCADE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/cascade/learn.h"
#include "engine/column/column.h"
#include "engine/index/index.h"

typedef enum cg_strategy {
    CG_STRATEGY_AUTO,
    CG_STRATEGY_DIRECT,
    CG_STRATEGY_HIERARCHICAL,
    CG_STRATEGY_COUNT
} cg_strategy;
const char *cg_strategy_name(cg_strategy strategy);

typedef enum cg_stage {
    CG_STAGE_COARSE,
    CG_STAGE_SEMANTIC,
    CG_STAGE_STRUCTURAL,
    CG_STAGE_INHIBITION,
    CG_STAGE_COUNT
} cg_stage;
const char *cg_stage_name(cg_stage stage);

typedef struct cg_filter { /* keeps max(at_least, ceil(share * n)), at most n */
    double share;
    uint32_t at_least;
} cg_filter;

typedef struct cg_cascade_options {
    cg_strategy strategy;
    uint32_t direct_max;  /* auto: direct up to so many concepts */
    uint32_t neighbours;  /* retrieved, 1..CG_NEIGHBOURS_MAX; 32 */
    uint32_t ef;          /* width of the index search; 64 */
    cg_filter semantic;   /* 10%, at least 128 */
    cg_filter structural; /* 20%, at least 4 */
    /* Bit c: column c votes; the exhaustive and filtered decisions share it. */
    uint32_t column_mask;
    double stop_confidence; /* ends early above this; 1 never */
} cg_cascade_options;
cg_cascade_options cg_cascade_options_default(void);
cg_status cg_cascade_options_check(const cg_cascade_options *options, cg_error *error);

/* Everything a decision reads; all borrowed. Rows of indexes[i] are graph rows
 * index_first_row[i] + id where the index stores ids, and + row where it computes them. Concepts
 * that were removed from the graph are to be gone from indexes, features (cg_features_withdraw),
 * lexicon and recent stream too; they are no candidates, and nothing counts them. */
enum { CG_CASCADE_INDEXES_MAX = 4, CG_ALTERNATIVES = 10 };
#define CG_TICKS_NEVER UINT32_MAX /* no spike */

typedef struct cg_knowledge {
    const cg_graph *graph;
    const cg_features *features;
    const cg_index *indexes[CG_CASCADE_INDEXES_MAX];
    uint32_t index_first_row[CG_CASCADE_INDEXES_MAX];
    uint32_t index_count;
    /* What was found before, elsewhere, in place of a search of the first of these indexes: rows of the
     * graph, ascending; at most CG_NEIGHBOURS_MAX. NULL: nobody has searched. */
    const uint32_t *given;
    uint32_t given_count;
    const cg_lexicon *lexicon; /* or NULL: cues say nothing */
    const cg_lemmas *lemmas;   /* of the lexicon's phrases, or NULL */
    const cg_recent *recent;   /* or NULL */
    const cg_learned *learned;
    /* Told of each concept record that the decision reads, for memory tiers; NULL: nobody. */
    cg_touched touched;
    void *touched_context;
} cg_knowledge;

typedef struct cg_decision {
    uint32_t winner;                        /* row */
    uint32_t alternatives[CG_ALTERNATIVES]; /* best first, winner included */
    uint32_t alternative_count;
    uint32_t path[CG_PATH_MAX]; /* winner to root */
    uint32_t path_length;
    uint64_t pathway_id;          /* hash of path */
    float votes[CG_COLUMN_COUNT]; /* on the winner */
    /* When each column's vote for the winner fires (TTFS), or CG_TICKS_NEVER. */
    uint32_t column_spike_ticks[CG_COLUMN_COUNT];
    uint32_t winner_spike_ticks; /* when the winner's neuron fires, ticks of CG_TTFS_TICK_NS */
    cg_column_id winning_column; /* that gives the winner the largest lead over the second */
    double confidence;           /* [0, 1], calibrated */
    cg_lead lead;                /* of the winner, which the confidence is made of */
    cg_strategy strategy;        /* as used: direct or hierarchical */
    uint32_t stage_in[CG_STAGE_COUNT];
    uint32_t stage_out[CG_STAGE_COUNT];
    uint32_t spikes; /* in the fact's pattern */
} cg_decision;

typedef struct cg_fact_view { /* borrowed */
    const float *dense;       /* float[dims], unit length */
    cg_sparse sparse;
    const char *text; /* text[text_bytes], for cues; NULL when there is none */
    uint32_t text_bytes;
    uint32_t type; /* concept type or CG_TYPE_UNKNOWN */
    uint64_t now_ns;
    bool has_teacher;
    uint32_t teacher; /* the row where the fact truly belongs; it sways no decision */
} cg_fact_view;

/* One a thread; grows to what a decision needs. */
typedef struct cg_cascade_scratch cg_cascade_scratch;
cg_status cg_cascade_scratch_alloc(cg_allocator allocator, cg_cascade_scratch **out,
                                   cg_error *error);
void cg_cascade_scratch_free(cg_cascade_scratch *scratch);
uint64_t cg_cascade_scratch_bytes(const cg_cascade_scratch *scratch); /* memory held */

/* Decides; changes nothing but scratch. Errors: CG_ERROR_INVALID (NaN or zero vector, wrong
 * type, an index with ids beyond the graph, a removed teacher), CG_ERROR_NOT_FOUND (no concepts
 * at all), CG_ERROR_MEMORY. */
cg_status cg_cascade_decide(const cg_cascade_options *options, const cg_knowledge *knowledge,
                            const cg_fact_view *fact, cg_cascade_scratch *scratch,
                            cg_decision *decision, cg_work *work, cg_error *error);

/* The first step of a decision alone: the concepts most like the fact, which
 * cg_cascade_neighbours then lists by (mean likeness descending, row). Errors as
 * cg_cascade_decide. */
cg_status cg_cascade_associates(const cg_cascade_options *options,
                                const cg_knowledge *knowledge, const cg_fact_view *fact,
                                cg_cascade_scratch *scratch, cg_work *work, cg_error *error);

/* What the last decision of this scratch leaves to learn from; NULL unless its fact had a teacher
 * and there was more than one candidate. Borrowed until the next. */
const cg_lesson *cg_cascade_lesson(const cg_cascade_scratch *scratch);
/* From evidence to lines as the last decision had it. */
const cg_tuning *cg_cascade_tuning(const cg_cascade_scratch *scratch);

/* How a concept was heard, for explanations. */
typedef struct cg_account {
    cg_pupil heard;
    float votes[CG_COLUMN_COUNT];
    bool alike; /* likeness is known: it was retrieved as a neighbour */
    cg_likeness likeness;
} cg_account;
/* To be called right after cg_cascade_decide with the same options, knowledge and fact: what the
 * columns said of any concept. row < concepts. */
void cg_cascade_account(const cg_cascade_options *options, const cg_knowledge *knowledge,
                        const cg_fact_view *fact, const cg_cascade_scratch *scratch,
                        uint32_t row, cg_account *account);
/* The neighbours that the last decision of this scratch retrieved, borrowed until the next, and
 * the cues of its fact. Returns how many neighbours. */
uint32_t cg_cascade_neighbours(const cg_cascade_scratch *scratch, const cg_neighbour **list);
const cg_cues *cg_cascade_cues(const cg_cascade_scratch *scratch);

#endif
