/* Cortical columns: four kinds of evidence for each candidate, and the vote (spec A3).
 *
 * Each column maps (fact, candidate) to a vote in [0, 1]. A vote depends on the fact, the
 * graph, the retrieved neighbours and the recent stream, but never on which other candidates
 * are scored with it; so with the same neighbours an exhaustive and a filtered decision agree
 * wherever they meet.
 *
 *   semantic    exact sparse cosine, dense cosine and spike similarity of the fact to the
 *               candidate and to its retrieved exemplars (itself, its children, its
 *               grandchildren)
 *   structural  votes of the retrieved neighbours for themselves, their parents and
 *               grandparents, weighted by similarity (a k-nearest-neighbour vote along
 *               hypernym edges), with depth and degree as priors
 *   temporal    recency and co-activation: how near in graph and time the stream's last
 *               decisions were
 *   exception   1 - conflict: antonymy with strongly retrieved concepts, clash of concept
 *               type, and anomaly against the candidate's other children
 */
#ifndef CG_ENGINE_COLUMN_COLUMN_H
#define CG_ENGINE_COLUMN_COLUMN_H

#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/encode/features.h"
#include "engine/graph/graph.h"

typedef enum cg_column_id {
    CG_COLUMN_SEMANTIC,
    CG_COLUMN_STRUCTURAL,
    CG_COLUMN_TEMPORAL,
    CG_COLUMN_EXCEPTION,
    CG_COLUMN_COUNT
} cg_column_id;

const char *cg_column_name(cg_column_id column); /* "semantic" */

enum {
    CG_NEIGHBOURS_MAX = 256,
    CG_RETRIEVED_PER_NEIGHBOUR_MAX = 21, /* itself, up to 4 parents, up to 4 parents of each */
    CG_RECENT_MAX = 64
};
#define CG_TYPE_UNKNOWN UINT32_MAX /* a fact whose concept type nobody told */

/* A retrieved concept and its cg_column_similarity; most similar first, ties by row. */
typedef struct cg_neighbour {
    uint32_t row;
    float similarity;
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
    cg_feature_row fact;
    uint32_t fact_type; /* concept type, or CG_TYPE_UNKNOWN */
    const cg_neighbour *neighbours;
    uint32_t neighbour_count;
    const cg_recent *recent;
    uint64_t now_ns;
    /* Or NULL. The patterns of candidates and neighbours are the caller's to tell. */
    cg_touched touched;
    void *touched_context;
    /* What a comparison with every concept found, by row, or NULL where there was none. */
    const double *similarities; /* cg_column_similarity */
    const float *cosines;       /* of the dense forms */
} cg_column_view;

/* How alike fact and concept are, in [0, 1]: a weighted mean of exact sparse cosine, dense
 * cosine and spike similarity. Reads the view's features and fact only. */
double cg_column_similarity(const cg_column_view *view, uint32_t row, cg_work *work);
/* The same; *cosine: of the dense forms, which it computes on the way. */
double cg_column_compare(const cg_column_view *view, uint32_t row, float *cosine,
                         cg_work *work);

/* Scratch memory: what neighbours and stream say, by concept, made once a decision. Of a fixed
 * size. */
typedef struct cg_column_scratch cg_column_scratch;
cg_status cg_column_scratch_alloc(cg_allocator allocator, cg_column_scratch **out,
                                  cg_error *error);
void cg_column_scratch_free(cg_column_scratch *scratch);
uint64_t cg_column_scratch_bytes(const cg_column_scratch *scratch); /* memory held */

/* Computes what depends on the fact alone (the votes of neighbours and stream). Call once
 * before voting. At most CG_NEIGHBOURS_MAX neighbours; all rows exist in graph and features. */
void cg_column_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work);

/* The rows of neighbours, their parents and grandparents as of the last cg_column_prepare:
 * distinct, in no meaningful order, borrowed until the next. These are a decision's candidates.
 * Returns how many. */
uint32_t cg_column_retrieved(const cg_column_scratch *scratch, const uint32_t **rows);
/* Whether the last cg_column_prepare read the row's edges. */
bool cg_column_expanded(const cg_column_scratch *scratch, uint32_t row);

/* votes[count]: the column's vote on each of rows[count]. */
void cg_column_vote(cg_column_id column, const cg_column_view *view,
                    const cg_column_scratch *scratch, const uint32_t *rows, uint32_t count,
                    float *votes, cg_work *work);

/* Column weights ("expertise") in 16.16 fixed point; what STDP changes (engine/snn/stdp.h). */
typedef struct cg_column_weights {
    uint32_t weight_q16[CG_COLUMN_COUNT];
} cg_column_weights;
cg_column_weights cg_column_weights_default(void);

/* Weighted mean of a candidate's votes over the enabled columns (bit c of mask: column c), in
 * [0, 1]. Double arithmetic in column order. */
double cg_column_combine(const cg_column_weights *weights, uint32_t mask,
                         const float votes[CG_COLUMN_COUNT]);

#endif
