#include "engine/cascade/learn.h"

#include "engine/snn/stdp.h"

/* The shares of the pairs that each line of one pathway took part in. */
typedef struct pairs {
    uint32_t truth[CG_LINES];
    uint32_t rivals[CG_LINES];
} pairs;

static void add_shares(uint32_t shares[CG_LINES], const cg_tuning *tuning, uint32_t evidence) {
    uint32_t line = tuning->line[evidence];
    if (line == 0) {
        shares[0] += CG_SHARE_ONE;
        return;
    }
    shares[line] += (uint32_t)(CG_SHARE_ONE - tuning->share[evidence]);
    shares[line + 1] += tuning->share[evidence];
}

/* Rounded to nearest, halves away from zero. */
static int64_t divided(int64_t number, int64_t by) {
    int64_t half = number < 0 ? -by / 2 : by / 2;
    return (number + half) / by;
}

static uint32_t moved(uint32_t weight, const cg_tuning *tuning, uint32_t truth, uint32_t rivals,
                      cg_work *work) {
    if (truth == rivals) {
        return weight; /* what truth and rivals share tells nothing */
    }
    uint64_t window_ns = (uint64_t)tuning->encoding.window_ticks * CG_TTFS_TICK_NS;
    uint32_t apart_ticks = tuning->encoding.refractory_ticks;
    uint64_t apart_ns = (uint64_t)(apart_ticks > 0 ? apart_ticks : 1) * CG_TTFS_TICK_NS;
    uint64_t arrival_ns = apart_ns + window_ns;
    int64_t up =
        (int64_t)cg_stdp_update(weight, arrival_ns, arrival_ns + apart_ns, work) - weight;
    int64_t down =
        (int64_t)cg_stdp_update(weight, arrival_ns, arrival_ns - apart_ns, work) - weight;
    int64_t change = divided(up * (int64_t)truth + down * (int64_t)rivals,
                             (int64_t)CG_LESSON_RIVALS * CG_SHARE_ONE);
    int64_t after = (int64_t)weight + change;
    if (after < CG_STDP_WEIGHT_MIN_Q16) {
        return CG_STDP_WEIGHT_MIN_Q16;
    }
    return after > CG_STDP_WEIGHT_MAX_Q16 ? CG_STDP_WEIGHT_MAX_Q16 : (uint32_t)after;
}

static void learn_pathway(cg_learned *learned, const cg_tuning *tuning, const cg_lesson *lesson,
                          uint32_t pathway, cg_work *work) {
    pairs seen = {{0}, {0}};
    for (uint32_t i = 0; i < lesson->rival_count; i++) {
        const cg_pupil *rival = &lesson->rivals[i];
        if ((uint64_t)rival->drive + CG_LESSON_MARGIN > lesson->truth.drive) {
            add_shares(seen.truth, tuning, lesson->truth.senses.of[pathway]);
            add_shares(seen.rivals, tuning, rival->senses.of[pathway]);
        }
    }
    uint32_t *weights = learned->synapses.weight_q16[pathway];
    for (uint32_t line = 0; line < CG_LINES; line++) {
        weights[line] = moved(weights[line], tuning, seen.truth[line], seen.rivals[line], work);
    }
}

/* When a vote fires beside the larger of the two. */
static uint64_t vote_ns(const cg_tuning *tuning, uint32_t drive, uint32_t other) {
    uint32_t larger = drive > other ? drive : other;
    uint32_t ticks = tuning->encoding.window_ticks; /* silence is late */
    if (larger > 0) {
        uint32_t evidence = (uint32_t)((uint64_t)drive * CG_EVIDENCE_ONE / larger);
        ticks = tuning->ticks[evidence] < ticks ? tuning->ticks[evidence] : ticks;
    }
    return (uint64_t)ticks * CG_TTFS_TICK_NS;
}

static void learn_expertise(cg_learned *learned, const cg_tuning *tuning,
                            const cg_lesson *lesson, cg_work *work) {
    for (uint32_t column = 0; lesson->rival_count > 0 && column < CG_COLUMN_COUNT; column++) {
        if (lesson->column_mask >> column & 1) {
            uint32_t truth = lesson->truth.column_drives[column];
            uint32_t rival = lesson->rivals[0].column_drives[column];
            uint32_t *expertise = &learned->synapses.expertise_q16[column];
            *expertise = cg_stdp_update(*expertise, vote_ns(tuning, truth, rival),
                                        vote_ns(tuning, rival, truth), work);
        }
    }
}

void cg_learn(cg_learned *learned, const cg_tuning *tuning, const cg_lesson *lesson,
              cg_work *work) {
    cg_calibration_learn(&learned->calibration, &lesson->lead, lesson->right);
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        if (lesson->column_mask >> cg_pathway_column((cg_pathway)pathway) & 1) {
            learn_pathway(learned, tuning, lesson, pathway, work);
        }
    }
    learn_expertise(learned, tuning, lesson, work);
    learned->lessons++;
}
