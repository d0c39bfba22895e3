/* The cascade: retrieve, filter by likeness, filter by the vote of all columns, let one win.
 *
 * Exhaustive and filtered decisions are one code. No vote depends on which other candidates are
 * scored, but votes depend on the neighbours: when retrieval loses any of them, every vote can
 * shift, and another concept may win though the exhaustive winner is a candidate. With the same
 * neighbours, they differ only where that winner was not retrieved or was filtered out.
 *
 * Order: candidates lie in rows ascending through all stages, so a tie of drives falls to the
 * smaller row everywhere. Drives are sums of integers, and the competition gets them as they are,
 * so the winner is the largest drive exactly.
 */
#include "engine/cascade/cascade.h"

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/cascade/cascade_internal.h"
#include "engine/snn/lif.h"

enum { PREFETCHED = 4 };
enum { FIFTH = 4 }; /* place of the alternative that a lead's distance is taken from */

/* One decision in the making. */
typedef struct decision_run {
    const cg_cascade_options *options;
    const cg_knowledge *knowledge;
    cg_column_view view;
    cg_cascade_scratch *scratch;
    cg_work *work;
    cg_decision decision;
    uint32_t count; /* candidates left */
} decision_run;

/* Tells once of each pattern that retrieval or a column reads: what was found, and the
 * candidates. */
static void tell_patterns(const decision_run *run) {
    const cg_cascade_scratch *scratch = run->scratch;
    const cg_knowledge *knowledge = run->knowledge;
    uint32_t next = 0; /* in found; both lists ascend */
    for (uint32_t i = 0; knowledge->touched && i <= run->count; i++) {
        while (next < scratch->found_count &&
               (i == run->count || scratch->found[next] < scratch->rows[i])) {
            knowledge->touched(knowledge->touched_context, scratch->found[next++],
                               CG_TOUCH_PATTERN);
        }
        if (i < run->count) {
            next += next < scratch->found_count && scratch->found[next] == scratch->rows[i];
            knowledge->touched(knowledge->touched_context, scratch->rows[i], CG_TOUCH_PATTERN);
        }
    }
}

/* Tells of the edges of candidates that cg_column_prepare did not read. */
static void tell_edges(const decision_run *run) {
    for (uint32_t i = 0; run->knowledge->touched && i < run->count; i++) {
        uint32_t row = run->scratch->rows[i];
        if (!cg_column_expanded(run->scratch->columns, row)) {
            run->knowledge->touched(run->knowledge->touched_context, row, CG_TOUCH_NODE);
        }
    }
}

static void gather_candidates(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    const cg_graph *graph = run->knowledge->graph;
    if (run->decision.strategy == CG_STRATEGY_DIRECT) {
        run->count = 0;
        for (uint32_t row = 0; row < cg_graph_concept_count(graph); row++) {
            if (!cg_graph_is_removed(graph, row)) {
                scratch->rows[run->count++] = row;
            }
        }
    } else {
        const uint32_t *retrieved;
        run->count = cg_column_retrieved(scratch->columns, &retrieved);
        for (uint32_t i = 0; i < run->count; i++) {
            scratch->rows[i] = retrieved[i];
        }
        cg_cascade_sort_rows(scratch->rows, run->count);
    }
    tell_patterns(run);
    run->decision.stage_in[CG_STAGE_COARSE] = cg_graph_live_count(graph);
    run->decision.stage_out[CG_STAGE_COARSE] = run->count;
}

static bool enabled(const decision_run *run, uint32_t column) {
    return run->options->column_mask >> column & 1;
}

/* The column hears every candidate; its drives are 0 when it is off. */
static void hear(decision_run *run, uint32_t column) {
    cg_cascade_scratch *scratch = run->scratch;
    const cg_synapses *synapses = &run->knowledge->learned->synapses;
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t drive = 0;
        if (column == CG_COLUMN_SEMANTIC) {
            scratch->restated[i] = 0;
            if (i + PREFETCHED < run->count && !run->view.likenesses) {
                cg_features_prefetch(run->view.features, scratch->rows[i + PREFETCHED]);
            }
        }
        if (enabled(run, column)) {
            cg_senses senses;
            cg_column_sense((cg_column_id)column, &run->view, scratch->columns,
                            &scratch->rows[i], 1, &senses, run->work);
            drive = cg_synapses_column_drive(synapses, &scratch->tuning, (cg_column_id)column,
                                             &senses);
            if (column == CG_COLUMN_SEMANTIC) {
                scratch->restated[i] = senses.of[CG_PATHWAY_RESTATED];
            }
        }
        scratch->column_drives[column][i] = drive;
    }
}

/* Keeps the candidates at the first `keep` positions of scratch->order. */
static void compact(decision_run *run, uint32_t keep) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_cascade_sort_rows(scratch->order, keep);
    for (uint32_t i = 0; i < keep; i++) {
        uint32_t from = scratch->order[i]; /* >= i, so nothing is overwritten before it moved */
        scratch->rows[i] = scratch->rows[from];
        scratch->drives[i] = scratch->drives[from];
        scratch->restated[i] = scratch->restated[from];
        for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
            scratch->column_drives[column][i] = scratch->column_drives[column][from];
        }
    }
    run->count = keep;
}

/* Without the semantic column there is nothing to filter by, and all stay. */
static void semantic_stage(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    run->decision.stage_in[CG_STAGE_SEMANTIC] = run->count;
    hear(run, CG_COLUMN_SEMANTIC);
    scratch->dropped_count = 0;
    uint32_t keep = cg_cascade_keeps(&run->options->semantic, run->count);
    bool filters = run->decision.strategy == CG_STRATEGY_HIERARCHICAL &&
                   enabled(run, CG_COLUMN_SEMANTIC) && keep < run->count;
    if (filters) {
        cg_cascade_rank(scratch->column_drives[CG_COLUMN_SEMANTIC], run->count, scratch->order);
        for (uint32_t i = keep; i < run->count && scratch->dropped_count < CG_ALTERNATIVES;
             i++) {
            scratch->dropped[scratch->dropped_count++] = scratch->rows[scratch->order[i]];
        }
        compact(run, keep);
    }
    run->decision.stage_out[CG_STAGE_SEMANTIC] = run->count;
}

/* Alternatives, lead and confidence come from all that got a drive. */
static void judge(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_decision *decision = &run->decision;
    uint32_t best[CG_ALTERNATIVES];
    uint32_t count = cg_cascade_best(scratch->drives, run->count, best, CG_ALTERNATIVES);
    for (uint32_t i = 0; i < count; i++) {
        decision->alternatives[i] = scratch->rows[best[i]];
    }
    double leader = (double)scratch->drives[best[0]];
    double second = count > 1 ? (double)scratch->drives[best[1]] : 0.0;
    double fifth = (double)scratch->drives[best[count > FIFTH ? FIFTH : count - 1]];
    decision->lead = (cg_lead){
        .margin = (leader - second) / (double)CG_DRIVE_ONE,
        .distance = (leader - fifth) / (double)CG_DRIVE_ONE,
        .recognised = scratch->restated[best[0]] >= CG_RECOGNISED,
    };
    decision->confidence =
        cg_calibration_confidence(&run->knowledge->learned->calibration, &decision->lead);
    double most = -1e300;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        const uint32_t *drives = scratch->column_drives[column];
        double ahead = (double)drives[best[0]] - (count > 1 ? (double)drives[best[1]] : 0.0);
        ahead *= (double)run->knowledge->learned->synapses.expertise_q16[column];
        if (enabled(run, column) && ahead > most) {
            most = ahead;
            decision->winning_column = (cg_column_id)column;
        }
    }
    for (uint32_t i = 0; i < scratch->dropped_count && count < CG_ALTERNATIVES; i++) {
        decision->alternatives[count++] = scratch->dropped[i];
    }
    decision->alternative_count = count;
}

static void structural_stage(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    run->decision.stage_in[CG_STAGE_STRUCTURAL] = run->count;
    tell_edges(run);
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        if (column != CG_COLUMN_SEMANTIC) {
            hear(run, column);
        }
    }
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t drives[CG_COLUMN_COUNT];
        for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
            drives[column] = scratch->column_drives[column][i];
        }
        scratch->drives[i] = cg_synapses_drive(&run->knowledge->learned->synapses,
                                               run->options->column_mask, drives);
    }
    judge(run);
    uint32_t keep = run->count;
    if (run->decision.strategy == CG_STRATEGY_HIERARCHICAL) {
        keep = cg_cascade_keeps(&run->options->structural, run->count);
    }
    if (run->decision.confidence > run->options->stop_confidence) {
        keep = 1; /* sure enough: the rest need not compete */
    }
    if (keep < run->count) {
        cg_cascade_rank(scratch->drives, run->count, scratch->order);
        compact(run, keep);
    }
    run->decision.stage_out[CG_STAGE_STRUCTURAL] = run->count;
}

static void inhibition_stage(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_decision *decision = &run->decision;
    cg_lif_result result =
        cg_lif_compete(scratch->drives, scratch->rows, run->count, run->work);
    decision->winner = scratch->rows[result.winner];
    CG_ASSERT(decision->winner == decision->alternatives[0]);
    decision->winner_spike_ticks =
        result.spike_step < CG_LIF_STEPS_MAX
            ? result.spike_step * (uint32_t)(CG_LIF_STEP_NS / CG_TTFS_TICK_NS)
            : CG_TICKS_NEVER;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        decision->votes[column] = cg_synapses_vote(
            (cg_column_id)column, scratch->column_drives[column][result.winner]);
    }
    decision->stage_in[CG_STAGE_INHIBITION] = run->count;
    decision->stage_out[CG_STAGE_INHIBITION] = 1;
}

/* Path, pathway, and the spikes of the columns. */
static void explain(decision_run *run) {
    cg_decision *decision = &run->decision;
    const cg_graph *graph = run->knowledge->graph;
    decision->path_length = cg_graph_path_to_root(graph, decision->winner, decision->path);
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < decision->path_length; i++) {
        uint32_t row = decision->path[i];
        cg_hasher_add_u64(&hasher, cg_graph_id(graph, row)); /* ids, so that all hosts agree */
        cg_work_count(run->work, CG_WORK_GRAPH_READ, 1, 1);
        if (run->knowledge->touched && i > 0 &&
            !cg_column_expanded(run->scratch->columns, row)) {
            run->knowledge->touched(run->knowledge->touched_context, row, CG_TOUCH_NODE);
        }
    }
    decision->pathway_id = cg_hasher_value(&hasher);
    int32_t spikes[CG_COLUMN_COUNT];
    (void)cg_ttfs_encode(cg_features_encoding(run->knowledge->features), decision->votes,
                         CG_COLUMN_COUNT, spikes, run->work);
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        decision->column_spike_ticks[column] =
            spikes[column] > 0 ? (uint32_t)(spikes[column] - 1) : CG_TICKS_NEVER;
    }
}

/* All that the enabled columns hear of one concept. */
static cg_pupil hear_one(const cg_column_view *view, const cg_cascade_scratch *scratch,
                         const cg_synapses *synapses, uint32_t row, cg_work *work) {
    cg_pupil pupil = {.senses = {{0}}};
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        if (view->column_mask >> column & 1) {
            cg_column_sense((cg_column_id)column, view, scratch->columns, &row, 1,
                            &pupil.senses, work);
            pupil.column_drives[column] = cg_synapses_column_drive(
                synapses, &scratch->tuning, (cg_column_id)column, &pupil.senses);
        }
    }
    pupil.drive = cg_synapses_drive(synapses, view->column_mask, pupil.column_drives);
    return pupil;
}

/* What STDP needs to know of a fact whose true concept is told. */
static void hear_teacher(decision_run *run, const cg_fact_view *fact) {
    const cg_decision *decision = &run->decision;
    cg_lesson *lesson = &run->scratch->lesson;
    const cg_synapses *synapses = &run->knowledge->learned->synapses;
    run->scratch->has_lesson = fact->has_teacher && decision->alternative_count > 1;
    if (!run->scratch->has_lesson) {
        return;
    }
    lesson->right = decision->winner == fact->teacher;
    lesson->column_mask = run->options->column_mask;
    lesson->lead = decision->lead;
    lesson->truth = hear_one(&run->view, run->scratch, synapses, fact->teacher, run->work);
    lesson->rival_count = 0;
    for (uint32_t i = 0;
         i < decision->alternative_count && lesson->rival_count < CG_LESSON_RIVALS; i++) {
        if (decision->alternatives[i] != fact->teacher) {
            lesson->rivals[lesson->rival_count++] = hear_one(
                &run->view, run->scratch, synapses, decision->alternatives[i], run->work);
        }
    }
}

static cg_strategy choose(const cg_cascade_options *options, const cg_knowledge *knowledge) {
    if (options->strategy == CG_STRATEGY_DIRECT || knowledge->index_count == 0) {
        return CG_STRATEGY_DIRECT;
    }
    if (options->strategy == CG_STRATEGY_AUTO &&
        cg_graph_live_count(knowledge->graph) <= options->direct_max) {
        return CG_STRATEGY_DIRECT;
    }
    return CG_STRATEGY_HIERARCHICAL;
}

static void tune(cg_tuning *tuning, const cg_ttfs_options *encoding) {
    if (!cg_ttfs_options_equal(&tuning->encoding, encoding)) {
        cg_tuning_init(tuning, encoding);
    }
}

static cg_column_view view_of(const cg_cascade_options *options, const cg_knowledge *knowledge,
                              const cg_fact_view *fact, const cg_cascade_scratch *scratch) {
    return (cg_column_view){
        .graph = knowledge->graph,
        .features = knowledge->features,
        .lexicon = knowledge->lexicon,
        .cues = fact->text && knowledge->lexicon ? &scratch->cues : NULL,
        .fact = {.dense = fact->dense, .spikes = scratch->spikes, .sparse = fact->sparse},
        .fact_type = fact->type,
        .neighbours = scratch->neighbours,
        .neighbour_count = scratch->neighbour_count,
        .recent = knowledge->recent,
        .now_ns = fact->now_ns,
        .column_mask = options->column_mask,
        .touched = knowledge->touched,
        .touched_context = knowledge->touched_context,
    };
}

static cg_status retrieve(decision_run *run, cg_error *error) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_status status = CG_OK;
    if (run->decision.strategy == CG_STRATEGY_DIRECT) {
        cg_cascade_compare_all(run->options, &run->view, scratch, run->work);
        run->view.likenesses = scratch->likenesses;
    } else {
        status = cg_cascade_retrieve(run->options, run->knowledge, &run->view, scratch,
                                     run->work, error);
    }
    if (status == CG_OK && scratch->neighbour_count == 0) {
        return cg_error_set(
            error, CG_ERROR_NOT_FOUND,
            "the %u indexes hold none of the graph's %u concepts; add them to an "
            "index or decide directly",
            run->knowledge->index_count, cg_graph_live_count(run->knowledge->graph));
    }
    run->view.neighbour_count = scratch->neighbour_count;
    return status;
}

/* Fills the view of the columns and makes room; nothing of the decision is visible yet. */
static cg_status start(decision_run *run, const cg_fact_view *fact, cg_error *error) {
    const cg_knowledge *knowledge = run->knowledge;
    cg_cascade_scratch *scratch = run->scratch;
    uint32_t concepts = cg_graph_concept_count(knowledge->graph);
    uint32_t dims = cg_features_dims(knowledge->features);
    run->decision.strategy = choose(run->options, knowledge);
    bool direct = run->decision.strategy == CG_STRATEGY_DIRECT;
    uint32_t candidates =
        !direct && concepts > CG_CANDIDATES_MAX ? (uint32_t)CG_CANDIDATES_MAX : concepts;
    cg_status status =
        cg_cascade_reserve(scratch, candidates, direct ? concepts : 0, dims, error);
    if (status != CG_OK) {
        return status;
    }
    tune(&scratch->tuning, cg_features_encoding(knowledge->features));
    run->decision.spikes = cg_ttfs_encode(cg_features_encoding(knowledge->features),
                                          fact->dense, dims, scratch->spikes, run->work);
    if (fact->text && knowledge->lexicon) {
        cg_cues_find(knowledge->lemmas, fact->text, fact->text_bytes, &scratch->cues,
                     run->work);
    }
    scratch->neighbour_count = 0;
    run->view = view_of(run->options, knowledge, fact, scratch);
    return retrieve(run, error);
}

/* Checked, and the neighbours found. */
static cg_status begin(decision_run *run, const cg_fact_view *fact, cg_error *error) {
    run->scratch->has_lesson = false;
    run->scratch->cues.count = 0;
    cg_status status = cg_cascade_options_check(run->options, error);
    if (status == CG_OK) {
        status = cg_cascade_input_check(run->knowledge, fact, error);
    }
    return status == CG_OK ? start(run, fact, error) : status;
}

cg_status cg_cascade_associates(const cg_cascade_options *options,
                                const cg_knowledge *knowledge, const cg_fact_view *fact,
                                cg_cascade_scratch *scratch, cg_work *work, cg_error *error) {
    decision_run run = {
        .options = options, .knowledge = knowledge, .scratch = scratch, .work = work};
    return begin(&run, fact, error);
}

cg_status cg_cascade_decide(const cg_cascade_options *options, const cg_knowledge *knowledge,
                            const cg_fact_view *fact, cg_cascade_scratch *scratch,
                            cg_decision *decision, cg_work *work, cg_error *error) {
    decision_run run = {
        .options = options, .knowledge = knowledge, .scratch = scratch, .work = work};
    cg_status status = begin(&run, fact, error);
    if (status != CG_OK) {
        return status;
    }
    cg_column_prepare(&run.view, scratch->columns, work);
    gather_candidates(&run);
    semantic_stage(&run);
    structural_stage(&run);
    inhibition_stage(&run);
    explain(&run);
    hear_teacher(&run, fact);
    *decision = run.decision;
    return CG_OK;
}

const cg_lesson *cg_cascade_lesson(const cg_cascade_scratch *scratch) {
    return scratch->has_lesson ? &scratch->lesson : NULL;
}

const cg_tuning *cg_cascade_tuning(const cg_cascade_scratch *scratch) {
    return &scratch->tuning;
}

void cg_cascade_account(const cg_cascade_options *options, const cg_knowledge *knowledge,
                        const cg_fact_view *fact, const cg_cascade_scratch *scratch,
                        uint32_t row, cg_account *account) {
    cg_column_view view = view_of(options, knowledge, fact, scratch);
    view.touched = NULL;
    account->heard = hear_one(&view, scratch, &knowledge->learned->synapses, row, NULL);
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        account->votes[column] =
            cg_synapses_vote((cg_column_id)column, account->heard.column_drives[column]);
    }
    account->alike = false;
    for (uint32_t i = 0; i < scratch->neighbour_count; i++) {
        if (scratch->neighbours[i].row == row) {
            account->alike = true;
            account->likeness = scratch->neighbours[i].likeness;
        }
    }
}

uint32_t cg_cascade_neighbours(const cg_cascade_scratch *scratch, const cg_neighbour **list) {
    *list = scratch->neighbours;
    return scratch->neighbour_count;
}

const cg_cues *cg_cascade_cues(const cg_cascade_scratch *scratch) {
    return &scratch->cues;
}
