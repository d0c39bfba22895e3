/* Cortical columns: four processors that hear the evidence for each candidate (spec A3).
 *
 * Each column fills its pathways (pathway.h) for a candidate. What a pathway says depends on the
 * fact, the graph, the lexicon, the retrieved neighbours and the recent stream, but never on
 * which other candidates are looked at; so with the same neighbours an exhaustive and a filtered
 * decision agree wherever they meet.
 *
 *   semantic    likeness of the texts, as exact sparse, dense and spike forms, to the candidate
 *               and to its retrieved exemplars; and what the text calls itself and its genus
 *   structural  votes of the retrieved neighbours along the graph's edges, habits of concepts
 *               with the same cues, and what the candidate is in the graph
 *   temporal    recency and co-activation in the stream of decisions
 *   exception   conflict with what the candidate and its ancestors assert: type, kind of
 *               children, antonyms, parts and wholes, and being an odd one among its children
 */
#ifndef CG_ENGINE_COLUMN_COLUMN_H
#define CG_ENGINE_COLUMN_COLUMN_H

#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/column/pathway.h"
#include "engine/encode/features.h"
#include "engine/graph/graph.h"
#include "engine/graph/lexicon.h"

enum {
    CG_NEIGHBOURS_MAX = 256,
    CG_CANDIDATES_MAX = 8192, /* that a fact can retrieve */
    CG_RECENT_MAX = 64
};
#define CG_TYPE_UNKNOWN UINT32_MAX /* a fact whose concept type nobody told */

/* How alike the texts of fact and concept are, each in [0, 1]. */
typedef struct cg_likeness {
    float exact;  /* cosine of the exact sparse forms; 0 without */
    float dense;  /* cosine of the dense forms, 0 below */
    float spikes; /* cg_ttfs_similarity */
    float mean;   /* the weighted mean that neighbours are ordered by */
} cg_likeness;

/* A retrieved concept; most alike (mean) first, ties by row. */
typedef struct cg_neighbour {
    uint32_t row;
    cg_likeness likeness;
} cg_neighbour;

/* The last decisions of a stream, for the temporal column: a ring, oldest overwritten first. */
typedef struct cg_recent {
    uint32_t rows[CG_RECENT_MAX];
    uint64_t times_ns[CG_RECENT_MAX];
    /* Decisions noted, of which the last min(count, CG_RECENT_MAX) are held; the next goes to
     * slot count % CG_RECENT_MAX. Before UINT32_MAX it goes back by CG_RECENT_MAX. */
    uint32_t count;
} cg_recent;
void cg_recent_note(cg_recent *recent, uint32_t row, uint64_t time_ns);

/* Told of a concept record that a decision reads: its pattern, or its edges. */
typedef enum cg_touch { CG_TOUCH_PATTERN, CG_TOUCH_NODE } cg_touch;
typedef void (*cg_touched)(void *context, uint32_t row, cg_touch what);

/* What the columns see of one decision; all borrowed. */
typedef struct cg_column_view {
    const cg_graph *graph;
    const cg_features *features;
    const cg_lexicon *lexicon; /* or NULL: then cues say nothing */
    const cg_cues *cues;       /* of the fact's text, or NULL when it has none */
    cg_feature_row fact;
    uint32_t fact_type; /* concept type, or CG_TYPE_UNKNOWN */
    const cg_neighbour *neighbours;
    uint32_t neighbour_count;
    const cg_recent *recent; /* or NULL */
    uint64_t now_ns;
    uint32_t column_mask; /* bit c: column c is heard; the others' work is spared */
    /* Or NULL. The records of candidates are the caller's to tell, but for the edges of those
     * that cg_column_prepare expands. */
    cg_touched touched;
    void *touched_context;
    /* What a comparison with every concept found, by row, or NULL where there was none. */
    const cg_likeness *likenesses;
} cg_column_view;

/* Reads the view's features and fact only. */
cg_likeness cg_column_compare(const cg_column_view *view, uint32_t row, cg_work *work);

/* Scratch memory: what neighbours, lexicon and stream say, by concept, made once a decision. Of
 * a fixed size. */
typedef struct cg_column_scratch cg_column_scratch;
cg_status cg_column_scratch_alloc(cg_allocator allocator, cg_column_scratch **out,
                                  cg_error *error);
void cg_column_scratch_free(cg_column_scratch *scratch);
uint64_t cg_column_scratch_bytes(const cg_column_scratch *scratch); /* memory held */

/* Gathers what depends on the fact alone. Call once before sensing. At most CG_NEIGHBOURS_MAX
 * neighbours; all rows exist in graph and features. */
void cg_column_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work);

/* A decision's candidates as of the last cg_column_prepare: the retrieved concepts (neighbours,
 * those that the text names, those that the strongest habits lead to, those that were recent),
 * the parents and grandparents of neighbours, and the strongest parents of their relatives.
 * Distinct, at most CG_CANDIDATES_MAX, in no meaningful order, borrowed until the next. Returns
 * how many. */
uint32_t cg_column_retrieved(const cg_column_scratch *scratch, const uint32_t **rows);
/* Whether the last cg_column_prepare read the row's edges. */
bool cg_column_expanded(const cg_column_scratch *scratch, uint32_t row);

/* Fills the column's pathways in senses[count] for each of rows[count], and no others. */
void cg_column_sense(cg_column_id column, const cg_column_view *view,
                     const cg_column_scratch *scratch, const uint32_t *rows, uint32_t count,
                     cg_senses *senses, cg_work *work);

#endif
