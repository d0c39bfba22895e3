#include "engine/column/synapse.h"

_Static_assert((uint64_t)CG_PATHWAY_COUNT *CG_DRIVE_ONE + CG_RECOGNITION_MOST <= UINT32_MAX,
               "a drive fits 32 bits whatever the weights");

cg_synapses cg_synapses_uniform(void) {
    cg_synapses synapses;
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            synapses.weight_q16[pathway][line] = CG_WEIGHT_UNIFORM_Q16;
        }
    }
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        synapses.expertise_q16[column] = CG_WEIGHT_UNIFORM_Q16;
    }
    return synapses;
}

static uint32_t recognition(uint32_t restated) {
    if (restated < CG_RECOGNISED) {
        return 0;
    }
    uint64_t beyond = restated - CG_RECOGNISED;
    return CG_RECOGNITION_LEAST +
           (uint32_t)(beyond * (CG_RECOGNITION_MOST - CG_RECOGNITION_LEAST) /
                      (CG_EVIDENCE_ONE - CG_RECOGNISED));
}

uint32_t cg_synapses_column_drive(const cg_synapses *synapses, const cg_tuning *tuning,
                                  cg_column_id column, const cg_senses *senses) {
    uint32_t first = cg_column_first_pathway(column);
    uint32_t end = first + cg_column_pathway_count(column);
    uint32_t drive =
        column == CG_COLUMN_SEMANTIC ? recognition(senses->of[CG_PATHWAY_RESTATED]) : 0;
    for (uint32_t pathway = first; pathway < end; pathway++) {
        const uint32_t *weights = synapses->weight_q16[pathway];
        uint32_t evidence = senses->of[pathway];
        uint32_t line = tuning->line[evidence];
        uint32_t one = weights[0] * CG_SHARE_ONE;
        if (line > 0) {
            uint32_t share = tuning->share[evidence];
            one = weights[line] * (CG_SHARE_ONE - share) + weights[line + 1] * share;
        }
        drive += one;
    }
    return drive;
}

uint32_t cg_synapses_drive(const cg_synapses *synapses, uint32_t mask,
                           const uint32_t drives[CG_COLUMN_COUNT]) {
    uint64_t sum = 0;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        if (mask >> column & 1) {
            sum += (uint64_t)synapses->expertise_q16[column] * drives[column];
        }
    }
    return (uint32_t)(sum >> 16); /* each expertise is at most 1, so it fits */
}

float cg_synapses_vote(cg_column_id column, uint32_t drive) {
    double vote =
        (double)drive / ((double)cg_column_pathway_count(column) * (double)CG_DRIVE_ONE);
    return vote < 1.0 ? (float)vote : 1.0f;
}
