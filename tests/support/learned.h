/* Synapses with a preference, for tests that need votes to differ: where nothing was learned all
 * weights are equal, and so are all drives. */
#ifndef CG_TESTS_SUPPORT_LEARNED_H
#define CG_TESTS_SUPPORT_LEARNED_H

#include "engine/base/prng.h"
#include "engine/column/learned.h"

/* The pathway's weights rise from 0.001 at silence to `most` at full evidence. */
static inline void support_grade(cg_synapses *synapses, cg_pathway pathway, uint32_t most_q16) {
    for (uint32_t line = 0; line < CG_LINES; line++) {
        synapses->weight_q16[pathway][line] = 66 + line * (most_q16 - 66) / (CG_LINES - 1);
    }
}

/* Likeness counts, and more than that what neighbours say of their parents. */
static inline cg_learned support_learned(void) {
    cg_learned learned = cg_learned_init();
    support_grade(&learned.synapses, CG_PATHWAY_EXACT, 40000);
    support_grade(&learned.synapses, CG_PATHWAY_EXEMPLARS, 30000);
    support_grade(&learned.synapses, CG_PATHWAY_PARENT, 65536);
    support_grade(&learned.synapses, CG_PATHWAY_RECENT, 20000);
    support_grade(&learned.synapses, CG_PATHWAY_NORMALITY, 20000);
    return learned;
}

/* Any weights that learning could leave. */
static inline cg_learned support_learned_any(cg_stream *stream) {
    cg_learned learned = cg_learned_init();
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            learned.synapses.weight_q16[pathway][line] =
                66 + (uint32_t)cg_stream_next_below(stream, 65471);
        }
    }
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        learned.synapses.expertise_q16[column] =
            66 + (uint32_t)cg_stream_next_below(stream, 65471);
    }
    return learned;
}

#endif
