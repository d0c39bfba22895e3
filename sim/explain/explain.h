/* Why a fact went where it went: one decision, taken apart (spec A9).
 *
 * An explanation is a value that holds everything a report shows. What it states are the
 * engine's own figures, those of the decision and those that the columns give when they are
 * asked again for one concept (cg_cascade_account); and it adds up: the differences of all
 * pathways and of recognition are the winner's margin over the second.
 *
 * The engine keeps hashes of words only. Words in a report are runs of the text that have the
 * hash in question, so they are words the engine has met; a hash that no run has stays without.
 */
#ifndef SIM_EXPLAIN_EXPLAIN_H
#define SIM_EXPLAIN_EXPLAIN_H

#include <stdio.h>

#include "engine/cascade/cascade.h"
#include "engine/node/corpus.h"
#include "engine/snn/soft.h"
#include "sim/explain/words.h"

enum {
    SIM_EXPLAIN_NEIGHBOURS = 5,
    /* Of what makes the difference between the first two: every pathway, and recognition. */
    SIM_EXPLAIN_REASONS_MAX = CG_PATHWAY_COUNT + 1,
    SIM_EXPLAIN_RECOGNITION = CG_PATHWAY_COUNT, /* in place of a pathway */
    SIM_EXPLAIN_FOR = 6,                        /* reasons that a report shows */
    SIM_EXPLAIN_AGAINST = 3
};

/* How far a candidate came. */
typedef enum sim_fate {
    SIM_FATE_WON,
    SIM_FATE_COMPETED, /* and was inhibited */
    SIM_FATE_JUDGED,   /* all columns voted; the structural filter left it out */
    SIM_FATE_FILTERED  /* the semantic filter left it out; the other columns are asked now */
} sim_fate;
const char *sim_fate_name(sim_fate fate); /* "competed" */

typedef struct sim_explain_candidate {
    uint32_t row;
    sim_fate fate;
    cg_account account;
    double drive;         /* in CG_DRIVE_ONE: 1 is what one pathway gives at most */
    uint32_t spike_ticks; /* of its neuron, were it not inhibited; CG_TICKS_NEVER */
    double soft_activity; /* cg_soft, all at one place; share of the largest drive */
} sim_explain_candidate;

typedef struct sim_explain_reason {
    uint32_t pathway;  /* cg_pathway, or SIM_EXPLAIN_RECOGNITION */
    double difference; /* of the drives, first less second; expertise included */
    double first;      /* evidence, [0, 1] */
    double second;
} sim_explain_reason;

typedef struct sim_explanation {
    const cg_corpus *corpus; /* borrowed, as is text */
    const char *text;
    size_t text_bytes;
    cg_cascade_options options;
    sim_explain_words words;
    uint32_t dims;
    uint32_t first_spike_ticks; /* of the fact's pattern; CG_TICKS_NEVER */
    uint32_t last_spike_ticks;
    sim_explain_cue cues[CG_CUES_MAX];
    uint32_t cue_count;
    cg_decision decision;
    bool ended_early; /* the confidence was above options.stop_confidence */
    cg_neighbour neighbours[SIM_EXPLAIN_NEIGHBOURS];
    uint32_t neighbour_count;
    uint32_t neighbours_retrieved;
    sim_explain_candidate candidates[CG_ALTERNATIVES]; /* as decision.alternatives */
    uint32_t candidate_count;
    cg_soft_result soft;
    sim_explain_reason reasons[SIM_EXPLAIN_REASONS_MAX]; /* largest difference first */
    uint32_t reason_count;                               /* 0 when there was no second */
} sim_explanation;

/* Embeds text[text_bytes] and decides it on the bare corpus. Errors: those of cg_embed and
 * cg_cascade_decide; CG_ERROR_NOT_FOUND when no concept's text holds any of the words and no
 * cue is known either, so that nothing speaks for any concept. About 30 KiB on the heap, freed
 * with sim_explanation_free. */
cg_status sim_explain(const cg_corpus *corpus, const cg_cascade_options *options,
                      const char *text, size_t text_bytes, sim_explanation **out,
                      cg_error *error);
void sim_explanation_free(sim_explanation *explanation); /* NULL is fine */

/* A report for a terminal of 100 columns, and the same as one JSON object (README.md lists its
 * keys). The same explanation gives the same bytes. What the text holds of control characters
 * reaches no terminal. */
void sim_explain_print_text(const sim_explanation *explanation, FILE *file);
void sim_explain_print_json(const sim_explanation *explanation, FILE *file);

/* meaning.c: for both reports. */
const char *sim_explain_reason_name(uint32_t pathway);   /* "genus"; "recognition" */
const char *sim_explain_reason_column(uint32_t pathway); /* "semantic" */
const char *
sim_explain_reason_meaning(uint32_t pathway); /* "the gloss's first phrase names it" */

static inline double sim_explain_ms(uint32_t ticks) {
    return (double)ticks * CG_TTFS_TICK_NS / 1e6;
}

#endif
