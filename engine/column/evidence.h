/* Private to engine/column: what the neighbours and the stream say about concepts, by row.
 *
 * A bounded open-addressing table. A neighbour makes entries for itself, at most CG_PARENTS_MAX
 * parents and CG_PARENTS_MAX parents of each; a remembered decision does the same. So the table
 * never fills, and preparing a decision allocates nothing. Entries of earlier decisions are
 * told by their epoch.
 */
#ifndef CG_ENGINE_COLUMN_EVIDENCE_H
#define CG_ENGINE_COLUMN_EVIDENCE_H

#include "engine/column/column.h"

enum {
    CG_PARENTS_MAX = 4,
    CG_FAMILY_MAX = CG_RETRIEVED_PER_NEIGHBOUR_MAX,
    CG_RETRIEVED_MAX = CG_NEIGHBOURS_MAX * CG_FAMILY_MAX,
    CG_EVIDENCE_SLOTS = 16384 /* a power of two above 3/2 of all entries there can be */
};

typedef struct cg_evidence {
    uint32_t row;
    uint32_t epoch;
    bool retrieved;  /* a neighbour, or a parent or grandparent of one */
    bool expanded;   /* its edges were read */
    float own;       /* similarity of fact and concept, when it is a neighbour */
    float exemplars; /* noisy-or of the similarities to it, its children, its grandchildren */
    float opposite;  /* the largest similarity to a strongly retrieved antonym */
    double votes;    /* of neighbours */
    double recent;   /* of the stream, in [0, 1] */
} cg_evidence;

_Static_assert(CG_FAMILY_MAX == 1 + CG_PARENTS_MAX + CG_PARENTS_MAX * CG_PARENTS_MAX,
               "the public bound is what the walk can reach");

struct cg_column_scratch {
    cg_allocator allocator;
    uint32_t epoch;
    uint32_t slots_used_log2; /* a decision with few neighbours keeps to few cache lines */
    uint32_t retrieved_count;
    uint32_t retrieved[CG_RETRIEVED_MAX];
    double votes_total;
    /* Share of the neighbours' similarity by concept type. */
    double type_mass[CG_CONCEPT_TYPES];
    double type_mass_largest;
    cg_evidence slots[CG_EVIDENCE_SLOTS];
};

/* The concept's entry, or NULL when nothing was said about it. */
const cg_evidence *cg_evidence_find(const cg_column_scratch *scratch, uint32_t row);
/* The concept's entry, made empty when there is none. Borrowed until the next decision. */
cg_evidence *cg_evidence_take(cg_column_scratch *scratch, uint32_t row);

/* Parents of a concept, at most CG_PARENTS_MAX, counting the read and telling of it once. */
uint32_t cg_evidence_parents(const cg_column_view *view, cg_column_scratch *scratch,
                             uint32_t row, uint32_t parents[CG_PARENTS_MAX], cg_work *work);

/* One file a column. prepare: what depends on the fact alone, in the order semantic/structural
 * (one walk over neighbours), exception, temporal. */
void cg_structural_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                           cg_work *work);
void cg_exception_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                          cg_work *work);
void cg_temporal_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work);
float cg_semantic_vote(const cg_column_view *view, const cg_column_scratch *scratch,
                       uint32_t row, cg_work *work);
float cg_structural_vote(const cg_column_view *view, const cg_column_scratch *scratch,
                         uint32_t row);
float cg_temporal_vote(const cg_column_scratch *scratch, uint32_t row);
float cg_exception_vote(const cg_column_view *view, const cg_column_scratch *scratch,
                        uint32_t row, cg_work *work);

static inline double cg_clamp_unit(double x) {
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

#endif
