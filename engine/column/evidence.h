/* Private to engine/column: what neighbours, lexicon and stream say about concepts, by row.
 *
 * Entries lie densely in the order made; a bounded open-addressing table finds them. Neighbours
 * and stream make a bounded number of entries, and the lexicon may make so many and no more;
 * so the table never fills, and preparing a decision allocates nothing. Slots of earlier
 * decisions are told by their epoch.
 */
#ifndef CG_ENGINE_COLUMN_EVIDENCE_H
#define CG_ENGINE_COLUMN_EVIDENCE_H

#include "engine/column/column.h"

enum {
    CG_PARENTS_MAX = 4,
    CG_FAMILY_MAX = 1 + CG_PARENTS_MAX + CG_PARENTS_MAX * CG_PARENTS_MAX,
    /* Neighbours whose other edges are followed, and how many of each. */
    CG_RELATED_NEIGHBOURS = 20,
    CG_RELATIVES_MAX = 12,
    /* Entries that the lexicon may make. */
    CG_LEXICAL_ENTRIES_MAX = 4096,
    CG_ENTRIES_MAX = (CG_NEIGHBOURS_MAX + CG_RECENT_MAX) * CG_FAMILY_MAX +
                     CG_RELATED_NEIGHBOURS * CG_RELATIVES_MAX * (1 + CG_PARENTS_MAX) +
                     CG_NEIGHBOURS_MAX /* antonyms */ + CG_LEXICAL_ENTRIES_MAX,
    CG_EVIDENCE_SLOTS = 32768 /* a power of two above 3/2 of CG_ENTRIES_MAX */
};

typedef struct cg_evidence {
    uint32_t row;
    bool candidate;             /* retrieved, or parent or grandparent of a neighbour */
    bool expanded;              /* its edges were read */
    bool alike;                 /* a neighbour: likeness is known */
    uint8_t shared_names;       /* with the fact */
    float opposite;             /* the largest likeness to a strongly retrieved antonym */
    float part_or_whole;        /* voices of neighbours that are parts or wholes of it */
    cg_likeness likeness;       /* to the fact */
    float of[CG_PATHWAY_COUNT]; /* as gathered; relative ones not yet divided */
} cg_evidence;

typedef struct cg_evidence_slot {
    uint32_t epoch;
    uint32_t entry;
} cg_evidence_slot;

struct cg_column_scratch {
    cg_allocator allocator;
    uint32_t epoch;
    uint32_t slots_used_log2; /* a decision with few neighbours keeps to few cache lines */
    uint32_t entry_count;
    uint32_t lexical_entries;
    uint32_t candidate_count;
    uint32_t candidates[CG_CANDIDATES_MAX];
    float strongest[CG_PATHWAY_COUNT];
    float strongest_part_or_whole;
    bool named; /* some concept bears the genus's name */
    /* Share of the evidence by concept type, the largest being 1. */
    float type_mass[CG_CONCEPT_TYPES];
    cg_evidence_slot slots[CG_EVIDENCE_SLOTS];
    cg_evidence entries[CG_ENTRIES_MAX];
};

_Static_assert(CG_ENTRIES_MAX + CG_ENTRIES_MAX / 2 <= CG_EVIDENCE_SLOTS,
               "the table keeps a third of its slots free");

/* The concept's entry, or NULL when nothing was said about it. */
const cg_evidence *cg_evidence_find(const cg_column_scratch *scratch, uint32_t row);
/* The concept's entry, made empty when there is none. Borrowed until the next decision. */
cg_evidence *cg_evidence_take(cg_column_scratch *scratch, uint32_t row);
/* The same for the lexicon: NULL when it may make no more. */
cg_evidence *cg_evidence_take_lexical(cg_column_scratch *scratch, uint32_t row);

/* Adds to a pathway's evidence, and keeps the strongest of it. */
void cg_evidence_add(cg_column_scratch *scratch, cg_evidence *entry, cg_pathway pathway,
                     double amount);
/* Raises it to at least this. */
void cg_evidence_raise(cg_column_scratch *scratch, cg_evidence *entry, cg_pathway pathway,
                       double value);
/* Makes it a candidate, while there is room. */
void cg_evidence_nominate(cg_column_scratch *scratch, cg_evidence *entry);

/* Parents of a concept, at most CG_PARENTS_MAX, counting the read and telling of it once. */
uint32_t cg_evidence_parents(const cg_column_view *view, cg_column_scratch *scratch,
                             uint32_t row, uint32_t parents[CG_PARENTS_MAX], cg_work *work);

/* One file a column. prepare: what depends on the fact alone, in the order structural (the walk
 * over neighbours), lexical (cues: for semantic and structural), temporal, exception. sense: of
 * one concept; entry: its, or NULL. */
void cg_structural_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                           cg_work *work);
/* Raises CG_PATHWAY_RESTATED of an entry whose names agree so far, in [0, 1]. */
void cg_structural_restate(const cg_column_view *view, cg_column_scratch *scratch,
                           cg_evidence *entry, double namesake, cg_work *work);
void cg_lexical_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work);
void cg_temporal_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work);
void cg_exception_prepare(const cg_column_view *view, cg_column_scratch *scratch);
void cg_semantic_sense(const cg_column_view *view, const cg_evidence *entry, uint32_t row,
                       cg_senses *senses, cg_work *work);
void cg_structural_sense(const cg_column_view *view, const cg_column_scratch *scratch,
                         const cg_evidence *entry, uint32_t row, cg_senses *senses,
                         cg_work *work);
void cg_temporal_sense(const cg_column_scratch *scratch, const cg_evidence *entry,
                       cg_senses *senses);
void cg_exception_sense(const cg_column_view *view, const cg_column_scratch *scratch,
                        const cg_evidence *entry, uint32_t row, cg_senses *senses,
                        cg_work *work);

/* Evidence in [0, 1] as a sense. */
uint16_t cg_sense_of(double evidence);
/* A pathway's gathered evidence as a sense: relative ones divided by the strongest. */
uint16_t cg_sense_gathered(const cg_column_scratch *scratch, const cg_evidence *entry,
                           cg_pathway pathway);

static inline double cg_clamp_unit(double x) {
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

#endif
