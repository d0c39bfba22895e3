/* The temporal column: what has the stream been about?
 *
 * A decision made a while ago speaks for its concept, for the parents and the grandparents,
 * each with half the voice of the one below, and its voice fades as exp(-age / tau). Voices for
 * one concept are independent hints, so they add up as a noisy-or: 1 - product of (1 - voice).
 * Beside it, whatever their age, the last CG_RECENT_MAX decisions are counted near and at the
 * concept: what was active together belongs together (Hebb, The Organization of Behavior, 1949).
 *
 * Source: recency as exponential decay, Anderson & Schooler, Psychological Science 2, 1991 (who
 * fit a power law over days; over seconds the exponential is near enough and needs no history).
 */
#include "engine/column/evidence.h"

#include "engine/base/math.h"

static const double recency_tau_ns = 1e9;
static const double voice_least = 0.01; /* fainter ones say nothing of recency */
static const double fading = 0.5;       /* from a concept to its parent */
static const double together_most = 8;  /* so many decisions nearby say all that can be said */

void cg_recent_note(cg_recent *recent, uint32_t row, uint64_t time_ns) {
    uint32_t at = recent->count % CG_RECENT_MAX;
    recent->rows[at] = row;
    recent->times_ns[at] = time_ns;
    recent->count++;
    if (recent->count == UINT32_MAX) {
        recent->count -= CG_RECENT_MAX; /* the next slot is the same, and all are held still */
    }
}

static void hint(cg_column_scratch *scratch, uint32_t row, double voice, double share) {
    cg_evidence *entry = cg_evidence_take(scratch, row);
    double others = 1.0 - (double)entry->of[CG_PATHWAY_RECENT];
    cg_evidence_raise(scratch, entry, CG_PATHWAY_RECENT, 1.0 - others * (1.0 - voice * share));
    cg_evidence_add(scratch, entry, CG_PATHWAY_TOGETHER, share / together_most);
}

static void remember(const cg_column_view *view, cg_column_scratch *scratch, uint32_t row,
                     double voice, cg_work *work) {
    uint32_t parents[CG_PARENTS_MAX];
    uint32_t parent_count = cg_evidence_parents(view, scratch, row, parents, work);
    hint(scratch, row, voice, 1.0);
    for (uint32_t p = 0; p < parent_count; p++) {
        hint(scratch, parents[p], voice, fading);
        uint32_t grandparents[CG_PARENTS_MAX];
        uint32_t count = cg_evidence_parents(view, scratch, parents[p], grandparents, work);
        for (uint32_t g = 0; g < count; g++) {
            hint(scratch, grandparents[g], voice, fading * fading);
        }
    }
}

void cg_temporal_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                         cg_work *work) {
    const cg_recent *recent = view->recent;
    if (!recent) {
        return;
    }
    uint32_t held = recent->count < CG_RECENT_MAX ? recent->count : CG_RECENT_MAX;
    for (uint32_t i = 0; i < held; i++) {
        uint32_t at = (recent->count - held + i) % CG_RECENT_MAX;
        uint64_t time_ns = recent->times_ns[at];
        uint64_t age_ns = view->now_ns > time_ns ? view->now_ns - time_ns : 0;
        double voice = cg_exp(-(double)age_ns / recency_tau_ns);
        remember(view, scratch, recent->rows[at], voice >= voice_least ? voice : 0.0, work);
    }
}

void cg_temporal_sense(const cg_column_scratch *scratch, const cg_evidence *entry,
                       cg_senses *senses) {
    senses->of[CG_PATHWAY_RECENT] = cg_sense_gathered(scratch, entry, CG_PATHWAY_RECENT);
    senses->of[CG_PATHWAY_TOGETHER] = cg_sense_gathered(scratch, entry, CG_PATHWAY_TOGETHER);
}
