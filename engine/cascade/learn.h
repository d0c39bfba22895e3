/* Learning from a labelled fact by spike-timing-dependent plasticity (spec A5).
 *
 * The label is a teacher. It makes the neuron of the true concept spike just after the window
 * (one refractory time), and resets the neurons of rivals just before their inputs arrive. The
 * delay lines of a pathway bring its spike to the window's end, so each synapse of the true
 * concept that carried a spike has its pre- before the post-synaptic one and is strengthened by
 * the pair rule, and each of a rival has it after and is weakened; a line that carries a part of
 * a spike (pathway.h) learns that part. So far the teacher; that rivals are punished, and only
 * those that come too near, is reward-modulated plasticity: Izhikevich, Cerebral Cortex 17,
 * 2007; Mozafari et al., IEEE TNNLS 29, 2018, for winners that spike first.
 *
 *   rivals: the best CG_LESSON_RIVALS candidates that are not the true concept, of which those
 *           count whose drive is above the true one's less CG_LESSON_MARGIN
 *   a synapse moves by (up * its shares of the true concept + down * its shares of the rivals
 *           that count) / CG_LESSON_RIVALS, up and down being the rule's changes for one pair;
 *           one with as large a share of either stays: it tells nothing
 *
 * A column's expertise learns the same way from the latencies of its votes for the true concept
 * and for the strongest rival, which it reads as pre- and post-synaptic spikes: a column that
 * prefers the truth is strengthened, one that prefers the rival weakened.
 */
#ifndef CG_ENGINE_CASCADE_LEARN_H
#define CG_ENGINE_CASCADE_LEARN_H

#include "engine/base/work.h"
#include "engine/column/learned.h"

enum { CG_LESSON_RIVALS = 8, CG_LESSON_MARGIN = CG_DRIVE_ONE / 5 };

typedef struct cg_pupil { /* a candidate as the decision heard it */
    cg_senses senses;
    uint32_t column_drives[CG_COLUMN_COUNT];
    uint32_t drive;
} cg_pupil;

/* What a decision on a labelled fact leaves to learn from. */
typedef struct cg_lesson {
    bool right; /* the decision was the label */
    uint32_t column_mask;
    cg_lead lead; /* of the winner */
    cg_pupil truth;
    cg_pupil rivals[CG_LESSON_RIVALS]; /* strongest first */
    uint32_t rival_count;
} cg_lesson;

/* tuning: that of the decision. Changes learned. */
void cg_learn(cg_learned *learned, const cg_tuning *tuning, const cg_lesson *lesson,
              cg_work *work);

#endif
