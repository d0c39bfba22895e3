/* Pathways: the kinds of evidence that the columns hear, and how spikes carry them (spec A3, A5).
 *
 * A pathway maps (fact, candidate) to evidence in [0, 1], 0 for none. Evidence travels as the
 * latency of one spike (engine/encode/ttfs.h), and a bank of delay lines turns the latency into
 * a place: each of CG_FIELDS lines answers to the latencies around its own, the two nearest
 * sharing a spike by distance, so that their spikes arrive together at the window's end
 * (Hopfield, Nature 376, 1995; receptive fields: Bohte, Kok & La Poutre, Neurocomputing 48,
 * 2002). One more line answers to silence. So a line's share is the candidate's degree of
 * membership in a level of evidence, the shares of a pathway add up to one, and what a level is
 * worth is one synapse's weight: nothing is assumed about it, it is learned.
 *
 * Relative pathways are divided by the strongest evidence among all that was retrieved for the
 * fact; so they don't depend on which candidates are looked at.
 */
#ifndef CG_ENGINE_COLUMN_PATHWAY_H
#define CG_ENGINE_COLUMN_PATHWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/encode/ttfs.h"

typedef enum cg_column_id {
    CG_COLUMN_SEMANTIC,
    CG_COLUMN_STRUCTURAL,
    CG_COLUMN_TEMPORAL,
    CG_COLUMN_EXCEPTION,
    CG_COLUMN_COUNT
} cg_column_id;

const char *cg_column_name(cg_column_id column); /* "semantic" */

/*    enumerator    name    column    relative    what it is evidence of */
/* clang-format off */
#define CG_PATHWAYS(X) \
    /* How alike the texts are. */ \
    X(EXACT, "exact", SEMANTIC, false)                        /* cosine of the exact sparse forms */ \
    X(DENSE, "dense", SEMANTIC, false)                        /* cosine of the dense forms */ \
    X(SPIKES, "spikes", SEMANTIC, false)                      /* likeness of the spike patterns */ \
    X(EXEMPLARS, "exemplars", SEMANTIC, false)                /* likeness to it and retrieved descendants */ \
    X(RESTATED, "restated", SEMANTIC, false)                  /* the texts cover each other */ \
    /* What the text calls itself and its genus. */ \
    X(NAMESAKE, "namesake", SEMANTIC, false)                  /* they bear the same names */ \
    X(GENUS, "genus", SEMANTIC, false)                        /* the gloss's first phrase names it */ \
    X(GENUS_WORDS, "genus words", SEMANTIC, false)            /* by how many words */ \
    X(SECOND, "second", SEMANTIC, false)                      /* the second phrase names it */ \
    X(LATER, "later", SEMANTIC, false)                        /* the third or fourth */ \
    X(HEAD, "head", SEMANTIC, false)                          /* the head of a name names it */ \
    /* What the graph says. */ \
    X(SELF, "self", STRUCTURAL, true)                         /* neighbours for themselves */ \
    X(PARENT, "parent", STRUCTURAL, true)                     /* for their parents */ \
    X(GRANDPARENT, "grandparent", STRUCTURAL, true)           /* for the parents of these */ \
    X(RELATIVE, "relative", STRUCTURAL, true)                 /* for what other edges lead to */ \
    X(RELATIVE_PARENT, "relative's parent", STRUCTURAL, true) /* for the parents of that */ \
    X(GENUS_HABIT, "genus habit", STRUCTURAL, true)           /* where concepts of this genus hang */ \
    X(SECOND_HABIT, "second habit", STRUCTURAL, true)         /* of this second phrase */ \
    X(HEAD_HABIT, "head habit", STRUCTURAL, true)             /* of this head */ \
    X(FIRST_HABIT, "first habit", STRUCTURAL, true)           /* of this first word */ \
    X(ENDING_HABIT, "ending habit", STRUCTURAL, true)         /* of this ending */ \
    X(DOMAIN_HABIT, "domain habit", STRUCTURAL, true)         /* of this domain */ \
    X(UNDER_GENUS, "under genus", STRUCTURAL, false)          /* it hangs below what the genus names */ \
    X(BRANCHING, "branching", STRUCTURAL, false)              /* how many children it has */ \
    X(DEPTH, "depth", STRUCTURAL, false)                      /* how near the usual depth */ \
    /* What the stream has been about. */ \
    X(RECENT, "recent", TEMPORAL, false)                      /* how lately the stream was near it */ \
    X(TOGETHER, "together", TEMPORAL, false)                  /* how much of the stream was near it */ \
    /* What speaks against it: 1 where nothing does. */ \
    X(TYPE, "type", EXCEPTION, false)                         /* its type is that of what was retrieved */ \
    X(KIN, "kin", EXCEPTION, false)                           /* its children are of the fact's kind */ \
    X(ACCORD, "accord", EXCEPTION, false)                     /* no antonym of what is alike, nor below one */ \
    X(WHOLENESS, "wholeness", EXCEPTION, false)               /* neighbours are not parts or wholes of it */ \
    X(NORMALITY, "normality", EXCEPTION, false)               /* the fact is no odd one among its children */
/* clang-format on */

typedef enum cg_pathway {
#define CG_PATHWAY_ENUM(id, name, column, relative) CG_PATHWAY_##id,
    CG_PATHWAYS(CG_PATHWAY_ENUM)
#undef CG_PATHWAY_ENUM
        CG_PATHWAY_COUNT
} cg_pathway;

const char *cg_pathway_name(cg_pathway pathway); /* "genus habit" */
cg_column_id cg_pathway_column(cg_pathway pathway);
bool cg_pathway_is_relative(cg_pathway pathway);
/* Pathways of a column are consecutive: first .. first + count - 1. */
cg_pathway cg_column_first_pathway(cg_column_id column);
uint32_t cg_column_pathway_count(cg_column_id column);

enum {
    CG_EVIDENCE_ONE = 4096,   /* evidence is in 1/4096 */
    CG_FIELDS = 6,            /* delay lines of a pathway */
    CG_LINES = CG_FIELDS + 1, /* and the one of silence, line 0 */
    CG_SHARE_ONE = 256
};

/* The evidence of all pathways for one candidate. */
typedef struct cg_senses {
    uint16_t of[CG_PATHWAY_COUNT]; /* 0..CG_EVIDENCE_ONE */
} cg_senses;

/* From evidence to lines, for one spike code. */
typedef struct cg_tuning {
    cg_ttfs_options encoding;
    uint32_t ticks[CG_EVIDENCE_ONE + 1]; /* of the spike; UINT32_MAX: none */
    uint8_t line[CG_EVIDENCE_ONE + 1];   /* the lower of the two that share it; 0: silence */
    uint16_t share[CG_EVIDENCE_ONE + 1]; /* of the upper, line + 1, in 1/CG_SHARE_ONE */
} cg_tuning;

/* encoding: valid. Cost: some 4,096 logarithms. */
void cg_tuning_init(cg_tuning *tuning, const cg_ttfs_options *encoding);

#endif
