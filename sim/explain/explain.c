/* Taking a decision apart.
 *
 * The drive of a candidate is a sum over pathways (engine/column/synapse.h), so the difference
 * of two drives is one over pathways too:
 *
 *   margin = Σ expertise(column of p) (given(p, first) - given(p, second)) + recognition
 *   given(p, x) = Σ over lines weight * share of x's evidence
 *
 * and recognition is what remains of the semantic column's drives. Exact but for the rounding of
 * a drive to whole units, 2^-24 of CG_DRIVE_ONE.
 */
#include "sim/explain/explain.h"

#include <stdlib.h>
#include <string.h>

#include "engine/node/school.h"
#include "engine/snn/lif.h"

/* --- The fact. --- */

static cg_status explain_spikes(const cg_corpus *corpus, const cg_embedding *embedding,
                                sim_explanation *out, cg_error *error) {
    out->dims = cg_features_dims(corpus->features);
    int32_t *spikes = malloc(out->dims * sizeof *spikes);
    if (!spikes) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u spikes", out->dims);
    }
    (void)cg_ttfs_encode(cg_features_encoding(corpus->features), embedding->dense, out->dims,
                         spikes, NULL);
    out->first_spike_ticks = CG_TICKS_NEVER;
    out->last_spike_ticks = CG_TICKS_NEVER;
    for (uint32_t d = 0; d < out->dims; d++) {
        if (spikes[d] == 0) {
            continue;
        }
        uint32_t ticks = (uint32_t)abs(spikes[d]) - 1;
        if (out->first_spike_ticks == CG_TICKS_NEVER || ticks < out->first_spike_ticks) {
            out->first_spike_ticks = ticks;
        }
        if (out->last_spike_ticks == CG_TICKS_NEVER || ticks > out->last_spike_ticks) {
            out->last_spike_ticks = ticks;
        }
    }
    free(spikes);
    return CG_OK;
}

/* Facts that nothing speaks for would go somewhere all the same, by noise. */
static cg_status check_known(const sim_explanation *explanation, cg_error *error) {
    bool known = explanation->words.known > 0;
    for (uint32_t i = 0; i < explanation->cue_count; i++) {
        const sim_explain_cue *cue = &explanation->cues[i];
        known = known || cue->named > 0 || cue->habit > 0;
    }
    if (known) {
        return CG_OK;
    }
    uint64_t words = explanation->words.tokens;
    return cg_error_set(
        error, CG_ERROR_NOT_FOUND,
        "the graph knows none of the text's %llu word%s, and no phrase or ending "
        "of it, so nothing speaks for any concept",
        (unsigned long long)words, words == 1 ? "" : "s");
}

/* --- Candidates and reasons. --- */

static sim_fate fate_of(const cg_decision *decision, uint32_t place) {
    if (place == 0) {
        return SIM_FATE_WON;
    }
    if (place < decision->stage_out[CG_STAGE_STRUCTURAL]) {
        return SIM_FATE_COMPETED;
    }
    return place < decision->stage_out[CG_STAGE_SEMANTIC] ? SIM_FATE_JUDGED : SIM_FATE_FILTERED;
}

/* The threshold of all neurons is half the largest drive (engine/snn/lif.h). */
static uint32_t spike_ticks(uint32_t drive, uint32_t largest) {
    uint32_t step = cg_lif_first_spike(drive, largest / 2);
    return step < CG_LIF_STEPS_MAX ? step * (uint32_t)(CG_LIF_STEP_NS / CG_TTFS_TICK_NS)
                                   : CG_TICKS_NEVER;
}

/* All at one place: rivals for one fact, none of which is nearer to another. */
static cg_status compete_softly(sim_explanation *out, cg_error *error) {
    static const uint32_t positions[CG_ALTERNATIVES] = {0};
    cg_soft_options options = cg_soft_options_default();
    cg_soft *soft = NULL;
    uint32_t drives[CG_ALTERNATIVES];
    double activity[CG_ALTERNATIVES];
    cg_status status = cg_soft_alloc(&options, 1, cg_allocator_heap(), &soft, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t i = 0; i < out->candidate_count; i++) {
        drives[i] = out->candidates[i].account.heard.drive;
    }
    out->soft = cg_soft_settle(soft, drives, positions, out->candidate_count, activity, NULL);
    for (uint32_t i = 0; i < out->candidate_count; i++) {
        out->candidates[i].soft_activity = activity[i];
    }
    cg_soft_free(soft);
    return CG_OK;
}

/* What a pathway gives at this evidence, in CG_DRIVE_ONE. */
static double given(const cg_learned *learned, const cg_tuning *tuning, cg_pathway pathway,
                    uint32_t evidence) {
    const uint32_t *weights = learned->synapses.weight_q16[pathway];
    uint32_t line = tuning->line[evidence];
    double upper = (double)tuning->share[evidence] / CG_SHARE_ONE;
    double weight =
        line == 0 ? (double)weights[0]
                  : (double)weights[line] * (1.0 - upper) + (double)weights[line + 1] * upper;
    return weight / 65536.0;
}

static double expertise_of(const cg_learned *learned, uint32_t column) {
    return (double)learned->synapses.expertise_q16[column] / 65536.0;
}

static int by_difference(const void *left, const void *right) {
    const sim_explain_reason *a = left;
    const sim_explain_reason *b = right;
    if (a->difference != b->difference) {
        return a->difference > b->difference ? -1 : 1;
    }
    return a->pathway < b->pathway ? -1 : a->pathway > b->pathway;
}

static void compare_first_two(const cg_tuning *tuning, sim_explanation *out) {
    const cg_learned *learned = &out->corpus->learned;
    const cg_pupil *first = &out->candidates[0].account.heard;
    const cg_pupil *second = &out->candidates[1].account.heard;
    double recognition = ((double)first->column_drives[CG_COLUMN_SEMANTIC] -
                          (double)second->column_drives[CG_COLUMN_SEMANTIC]) /
                         (double)CG_DRIVE_ONE;
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        uint32_t column = cg_pathway_column((cg_pathway)pathway);
        if (!(out->options.column_mask >> column & 1)) {
            continue;
        }
        double difference =
            given(learned, tuning, (cg_pathway)pathway, first->senses.of[pathway]) -
            given(learned, tuning, (cg_pathway)pathway, second->senses.of[pathway]);
        recognition -= column == CG_COLUMN_SEMANTIC ? difference : 0.0;
        out->reasons[out->reason_count++] = (sim_explain_reason){
            .pathway = pathway,
            .difference = expertise_of(learned, column) * difference,
            .first = (double)first->senses.of[pathway] / CG_EVIDENCE_ONE,
            .second = (double)second->senses.of[pathway] / CG_EVIDENCE_ONE,
        };
    }
    bool recalled = first->senses.of[CG_PATHWAY_RESTATED] >= CG_RECOGNISED ||
                    second->senses.of[CG_PATHWAY_RESTATED] >= CG_RECOGNISED;
    if (recalled) {
        out->reasons[out->reason_count++] = (sim_explain_reason){
            .pathway = SIM_EXPLAIN_RECOGNITION,
            .difference = expertise_of(learned, CG_COLUMN_SEMANTIC) * recognition,
            .first = (double)first->senses.of[CG_PATHWAY_RESTATED] / CG_EVIDENCE_ONE,
            .second = (double)second->senses.of[CG_PATHWAY_RESTATED] / CG_EVIDENCE_ONE,
        };
    }
    qsort(out->reasons, out->reason_count, sizeof *out->reasons, by_difference);
}

static void explain_candidates(const cg_knowledge *knowledge, const cg_fact_view *fact,
                               const cg_cascade_scratch *scratch, sim_explanation *out) {
    const cg_decision *decision = &out->decision;
    out->candidate_count = decision->alternative_count;
    for (uint32_t i = 0; i < out->candidate_count; i++) {
        sim_explain_candidate *candidate = &out->candidates[i];
        candidate->row = decision->alternatives[i];
        candidate->fate = fate_of(decision, i);
        cg_cascade_account(&out->options, knowledge, fact, scratch, candidate->row,
                           &candidate->account);
        candidate->drive = (double)candidate->account.heard.drive / (double)CG_DRIVE_ONE;
        candidate->spike_ticks = i == 0 ? decision->winner_spike_ticks
                                        : spike_ticks(candidate->account.heard.drive,
                                                      out->candidates[0].account.heard.drive);
    }
}

/* --- All of it. --- */

static void explain_retrieval(const cg_cascade_scratch *scratch, sim_explanation *out) {
    const cg_neighbour *neighbours;
    out->neighbours_retrieved = cg_cascade_neighbours(scratch, &neighbours);
    out->neighbour_count = out->neighbours_retrieved < SIM_EXPLAIN_NEIGHBOURS
                               ? out->neighbours_retrieved
                               : (uint32_t)SIM_EXPLAIN_NEIGHBOURS;
    memcpy(out->neighbours, neighbours, out->neighbour_count * sizeof *neighbours);
}

static cg_status decide(const cg_embedding *embedding, cg_cascade_scratch *scratch,
                        sim_explanation *out, cg_error *error) {
    cg_knowledge knowledge = cg_corpus_knowledge(out->corpus);
    cg_fact_view fact = {.dense = embedding->dense,
                         .sparse = cg_embedding_sparse(embedding),
                         .text = out->text,
                         .text_bytes = (uint32_t)out->text_bytes,
                         .type = CG_TYPE_UNKNOWN};
    cg_status status = cg_cascade_decide(&out->options, &knowledge, &fact, scratch,
                                         &out->decision, NULL, error);
    if (status != CG_OK) {
        return status;
    }
    const cg_cues *cues = cg_cascade_cues(scratch);
    out->cue_count = cues->count;
    sim_explain_find_cues(out->corpus, out->text, out->text_bytes, cues, out->cues);
    status = check_known(out, error);
    if (status != CG_OK) {
        return status;
    }
    out->ended_early = out->decision.confidence > out->options.stop_confidence;
    explain_retrieval(scratch, out);
    explain_candidates(&knowledge, &fact, scratch, out);
    if (out->candidate_count > 1) {
        compare_first_two(cg_cascade_tuning(scratch), out);
    }
    return compete_softly(out, error);
}

static cg_status explain_text(sim_explanation *out, cg_error *error) {
    cg_embedding embedding;
    cg_cascade_scratch *scratch = NULL;
    cg_status status =
        cg_embed(out->corpus->embedder, out->text, out->text_bytes, &embedding, NULL, error);
    if (status == CG_OK) {
        status = sim_explain_find_words(out->corpus, out->text, out->text_bytes, &embedding,
                                        &out->words, error);
    }
    if (status == CG_OK) {
        status = explain_spikes(out->corpus, &embedding, out, error);
    }
    if (status == CG_OK) {
        status = cg_cascade_scratch_alloc(cg_allocator_heap(), &scratch, error);
    }
    if (status == CG_OK) {
        status = decide(&embedding, scratch, out, error);
    }
    cg_cascade_scratch_free(scratch);
    return status;
}

cg_status sim_explain(const cg_corpus *corpus, const cg_cascade_options *options,
                      const char *text, size_t text_bytes, sim_explanation **out,
                      cg_error *error) {
    sim_explanation *explanation = calloc(1, sizeof *explanation);
    if (!explanation) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for an explanation");
    }
    explanation->corpus = corpus;
    explanation->options = *options;
    explanation->text = text;
    explanation->text_bytes = text_bytes;
    cg_status status = explain_text(explanation, error);
    if (status != CG_OK) {
        sim_explanation_free(explanation);
        return status;
    }
    *out = explanation;
    return CG_OK;
}

void sim_explanation_free(sim_explanation *explanation) {
    free(explanation);
}
