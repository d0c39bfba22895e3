/* Synapses: what each level of each pathway is worth to a candidate's neuron, and the vote.
 *
 * The drive of a column is the sum over its pathways of weight times share over their lines
 * (pathway.h), in exact integers, so it is the same however it is spread over cores and hosts;
 * the drive of a candidate is the sum over columns of expertise times drive. STDP changes both
 * (engine/cascade/learn.h).
 */
#ifndef CG_ENGINE_COLUMN_SYNAPSE_H
#define CG_ENGINE_COLUMN_SYNAPSE_H

#include "engine/column/pathway.h"

enum {
    CG_WEIGHT_UNIFORM_Q16 = 32768, /* 0.5: before anything is learned */
    /* What one pathway adds to a drive at weight 1. */
    CG_DRIVE_ONE = 65536 * CG_SHARE_ONE,
    CG_RECOGNISED = CG_EVIDENCE_ONE * 3 / 5,
    CG_RECOGNITION_LEAST = 2 * CG_DRIVE_ONE,
    CG_RECOGNITION_MOST = 8 * CG_DRIVE_ONE
};

typedef struct cg_synapses {
    uint32_t weight_q16[CG_PATHWAY_COUNT][CG_LINES]; /* of each line: 66..65536 */
    uint32_t expertise_q16[CG_COLUMN_COUNT];         /* of each column: 66..65536 */
} cg_synapses;

/* All weights CG_WEIGHT_UNIFORM_Q16: nothing is known. */
cg_synapses cg_synapses_uniform(void);

/* The drive that the column's pathways give: 0..pathways * CG_DRIVE_ONE, and of the semantic one
 * CG_RECOGNITION_MOST above. From CG_RECOGNISED of CG_PATHWAY_RESTATED on, recognition adds a
 * current that outweighs what else is known: a text that restates a concept is recalled, not
 * judged (recollection beside familiarity: Yonelinas, J. Memory and Language 46, 2002). It is
 * innate: synapses learn where what is new belongs. */
uint32_t cg_synapses_column_drive(const cg_synapses *synapses, const cg_tuning *tuning,
                                  cg_column_id column, const cg_senses *senses);

/* The candidate's drive from those of its columns (bit c of mask: column c counts). */
uint32_t cg_synapses_drive(const cg_synapses *synapses, uint32_t mask,
                           const uint32_t drives[CG_COLUMN_COUNT]);

/* A column's drive as a vote in [0, 1]: its share of the largest that its synapses could give. */
float cg_synapses_vote(cg_column_id column, uint32_t drive);

#endif
