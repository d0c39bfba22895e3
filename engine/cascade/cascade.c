/* The cascade: retrieve, filter by likeness, filter by the vote of all columns, let one win.
 *
 * Exhaustive and filtered decisions are one code. No vote depends on which other candidates are
 * scored, but votes depend on the neighbours: when retrieval loses any of them, every vote can
 * shift, and another concept may win though the exhaustive winner is a candidate. With the same
 * neighbours, they differ only where that winner was not retrieved or was filtered out.
 *
 * Order: candidates lie in rows ascending through all stages, so a tie of keys falls to the
 * smaller row everywhere. The competition gets drives of 31 bits, with the largest vote alone
 * at the top value; so the winner is the largest combined vote exactly, and only neurons behind
 * it can tie by rounding.
 *
 * Confidence: a logistic function of the winner's vote and of its margin over the runner-up.
 */
#include "engine/cascade/cascade.h"

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/cascade/cascade_internal.h"
#include "engine/snn/lif.h"

#define DRIVE_LARGEST ((UINT32_C(1) << 31) - 1)

/* Fitted by logistic regression of "the winner is a true hypernym" on held-out WordNet
 * synsets. */
static const double confidence_base = -3.7;
static const double confidence_of_vote = 5.5;
static const double confidence_of_margin = 6.1;

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

static void gather_candidates(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    uint32_t concepts = cg_graph_concept_count(run->knowledge->graph);
    if (run->decision.strategy == CG_STRATEGY_DIRECT) {
        for (uint32_t row = 0; row < concepts; row++) {
            scratch->rows[row] = row;
        }
        run->count = concepts;
    } else {
        const uint32_t *retrieved;
        run->count = cg_column_retrieved(scratch->columns, &retrieved);
        for (uint32_t i = 0; i < run->count; i++) {
            scratch->rows[i] = retrieved[i];
        }
        cg_cascade_sort_rows(scratch->rows, run->count);
    }
    tell_patterns(run);
    run->decision.stage_in[CG_STAGE_COARSE] = concepts;
    run->decision.stage_out[CG_STAGE_COARSE] = run->count;
}

static bool enabled(const decision_run *run, cg_column_id column) {
    return run->options->column_mask >> column & 1;
}

static void vote(decision_run *run, cg_column_id column) {
    cg_cascade_scratch *scratch = run->scratch;
    if (enabled(run, column)) {
        cg_column_vote(column, &run->view, scratch->columns, scratch->rows, run->count,
                       scratch->votes[column], run->work);
        return;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        scratch->votes[column][i] = 0.0f;
    }
}

/* Keeps the candidates at the first `keep` positions of scratch->order. */
static void compact(decision_run *run, uint32_t keep) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_cascade_sort_rows(scratch->order, keep);
    for (uint32_t i = 0; i < keep; i++) {
        uint32_t from = scratch->order[i]; /* >= i, so nothing is overwritten before it moved */
        scratch->rows[i] = scratch->rows[from];
        scratch->combined[i] = scratch->combined[from];
        for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
            scratch->votes[column][i] = scratch->votes[column][from];
        }
    }
    run->count = keep;
}

/* Without the semantic column there is nothing to filter by, and all stay. */
static void semantic_stage(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    run->decision.stage_in[CG_STAGE_SEMANTIC] = run->count;
    vote(run, CG_COLUMN_SEMANTIC);
    run->view.similarities = NULL; /* the array that held them is needed for other things */
    scratch->dropped_count = 0;
    uint32_t keep = cg_cascade_keeps(&run->options->semantic, run->count);
    bool filters = run->decision.strategy == CG_STRATEGY_HIERARCHICAL &&
                   enabled(run, CG_COLUMN_SEMANTIC) && keep < run->count;
    if (filters) {
        for (uint32_t i = 0; i < run->count; i++) {
            scratch->combined[i] = (double)scratch->votes[CG_COLUMN_SEMANTIC][i];
        }
        cg_cascade_rank(scratch->combined, run->count, scratch->order);
        for (uint32_t i = keep; i < run->count && scratch->dropped_count < CG_ALTERNATIVES;
             i++) {
            scratch->dropped[scratch->dropped_count++] = scratch->rows[scratch->order[i]];
        }
        compact(run, keep);
    }
    run->decision.stage_out[CG_STAGE_SEMANTIC] = run->count;
}

/* The logistic function of vote and margin, exact to the bit on every machine. */
static double confidence_of(double combined, double margin) {
    double evidence =
        confidence_base + confidence_of_vote * combined + confidence_of_margin * margin;
    return 1.0 / (1.0 + cg_exp(-evidence));
}

/* Alternatives, margin and confidence come from all that got a combined vote. */
static void judge(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_decision *decision = &run->decision;
    uint32_t best[CG_ALTERNATIVES];
    uint32_t count = cg_cascade_best(scratch->combined, run->count, best, CG_ALTERNATIVES);
    for (uint32_t i = 0; i < count; i++) {
        decision->alternatives[i] = scratch->rows[best[i]];
    }
    for (uint32_t i = 0; i < scratch->dropped_count && count < CG_ALTERNATIVES; i++) {
        decision->alternatives[count++] = scratch->dropped[i];
    }
    decision->alternative_count = count;
    double first = scratch->combined[best[0]];
    double second = run->count > 1 ? scratch->combined[best[1]] : 0.0;
    decision->margin = first - second;
    decision->confidence = confidence_of(first, decision->margin);
}

static void structural_stage(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    run->decision.stage_in[CG_STAGE_STRUCTURAL] = run->count;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        if (column != CG_COLUMN_SEMANTIC) {
            vote(run, (cg_column_id)column);
        }
    }
    for (uint32_t i = 0; i < run->count; i++) {
        float votes[CG_COLUMN_COUNT];
        for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
            votes[column] = scratch->votes[column][i];
        }
        scratch->combined[i] =
            cg_column_combine(run->knowledge->weights, run->options->column_mask, votes);
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
        cg_cascade_rank(scratch->combined, run->count, scratch->order);
        compact(run, keep);
    }
    run->decision.stage_out[CG_STAGE_STRUCTURAL] = run->count;
}

static void inhibition_stage(decision_run *run) {
    cg_cascade_scratch *scratch = run->scratch;
    cg_decision *decision = &run->decision;
    double largest = 0.0;
    for (uint32_t i = 0; i < run->count; i++) {
        largest = scratch->combined[i] > largest ? scratch->combined[i] : largest;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t drive = 0;
        if (scratch->combined[i] == largest && largest > 0.0) {
            drive = DRIVE_LARGEST;
        } else if (largest > 0.0) {
            drive = (uint32_t)(scratch->combined[i] / largest * (double)(DRIVE_LARGEST - 1));
        }
        scratch->drives[i] = drive;
    }
    cg_lif_result result =
        cg_lif_compete(scratch->drives, scratch->rows, run->count, run->work);
    decision->winner = scratch->rows[result.winner];
    CG_ASSERT(decision->winner == decision->alternatives[0]);
    decision->winner_spike_ticks =
        result.spike_step < CG_LIF_STEPS_MAX
            ? result.spike_step * (uint32_t)(CG_LIF_STEP_NS / CG_TTFS_TICK_NS)
            : CG_TICKS_NEVER;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        decision->votes[column] = scratch->votes[column][result.winner];
    }
    decision->stage_in[CG_STAGE_INHIBITION] = run->count;
    decision->stage_out[CG_STAGE_INHIBITION] = 1;
}

/* Path, pathway, spikes of the columns, and who of them spoke loudest. */
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
    double loudest = -1.0;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        decision->column_spike_ticks[column] =
            spikes[column] > 0 ? (uint32_t)(spikes[column] - 1) : CG_TICKS_NEVER;
        double voice = (double)run->knowledge->weights->weight_q16[column] *
                       (double)decision->votes[column];
        if (enabled(run, (cg_column_id)column) && voice > loudest) {
            loudest = voice;
            decision->winning_column = (cg_column_id)column;
        }
    }
}

/* What STDP needs to know of a fact whose true concept is told. */
static void hear_teacher(decision_run *run, const cg_fact_view *fact) {
    cg_decision *decision = &run->decision;
    bool right = decision->winner == fact->teacher;
    if (!fact->has_teacher || (right && decision->alternative_count < 2)) {
        return;
    }
    const uint32_t rows[2] = {fact->teacher,
                              right ? decision->alternatives[1] : decision->winner};
    const cg_ttfs_options *encoding = cg_features_encoding(run->knowledge->features);
    decision->taught = true;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        float votes[2] = {0.0f, 0.0f};
        int32_t spikes[2];
        if (enabled(run, (cg_column_id)column)) {
            cg_column_vote((cg_column_id)column, &run->view, run->scratch->columns, rows, 2,
                           votes, run->work);
        }
        (void)cg_ttfs_encode(encoding, votes, 2, spikes, run->work);
        uint32_t late = spikes[1] > 0 ? encoding->window_ticks : CG_TICKS_NEVER;
        decision->taught_spike_ticks[column] = spikes[0] > 0 ? (uint32_t)(spikes[0] - 1) : late;
    }
}

static cg_strategy choose(const cg_cascade_options *options, const cg_knowledge *knowledge) {
    if (options->strategy == CG_STRATEGY_DIRECT || knowledge->index_count == 0) {
        return CG_STRATEGY_DIRECT;
    }
    if (options->strategy == CG_STRATEGY_AUTO &&
        cg_graph_concept_count(knowledge->graph) <= options->direct_max) {
        return CG_STRATEGY_DIRECT;
    }
    return CG_STRATEGY_HIERARCHICAL;
}

/* Fills the view of the columns and makes room; nothing of the decision is visible yet. */
static cg_status start(decision_run *run, const cg_fact_view *fact, cg_error *error) {
    const cg_knowledge *knowledge = run->knowledge;
    cg_cascade_scratch *scratch = run->scratch;
    uint32_t concepts = cg_graph_concept_count(knowledge->graph);
    uint32_t dims = cg_features_dims(knowledge->features);
    run->decision.strategy = choose(run->options, knowledge);
    uint32_t candidates = concepts;
    if (run->decision.strategy == CG_STRATEGY_HIERARCHICAL) {
        uint32_t bound = CG_RETRIEVED_PER_NEIGHBOUR_MAX * run->options->neighbours;
        candidates = bound < concepts ? bound : concepts;
    }
    cg_status status = cg_cascade_reserve(scratch, candidates, dims, error);
    if (status != CG_OK) {
        return status;
    }
    run->decision.spikes = cg_ttfs_encode(cg_features_encoding(knowledge->features),
                                          fact->dense, dims, scratch->spikes, run->work);
    run->view = (cg_column_view){
        .graph = knowledge->graph,
        .features = knowledge->features,
        .fact = {.dense = fact->dense, .spikes = scratch->spikes, .sparse = fact->sparse},
        .fact_type = fact->type,
        .recent = knowledge->recent,
        .now_ns = fact->now_ns,
        .touched = knowledge->touched,
        .touched_context = knowledge->touched_context,
    };
    if (run->decision.strategy == CG_STRATEGY_DIRECT) {
        cg_cascade_compare_all(run->options, &run->view, scratch, run->work);
        run->view.similarities = scratch->combined;
        run->view.cosines = scratch->cosines;
    } else {
        status =
            cg_cascade_retrieve(run->options, knowledge, &run->view, scratch, run->work, error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (scratch->neighbour_count == 0) {
        return cg_error_set(
            error, CG_ERROR_NOT_FOUND,
            "the %u indexes hold none of the graph's %u concepts; add them to an "
            "index or decide directly",
            knowledge->index_count, concepts);
    }
    run->view.neighbours = scratch->neighbours;
    run->view.neighbour_count = scratch->neighbour_count;
    return CG_OK;
}

cg_status cg_cascade_decide(const cg_cascade_options *options, const cg_knowledge *knowledge,
                            const cg_fact_view *fact, cg_cascade_scratch *scratch,
                            cg_decision *decision, cg_work *work, cg_error *error) {
    cg_status status = cg_cascade_options_check(options, error);
    if (status == CG_OK) {
        status = cg_cascade_input_check(knowledge, fact, error);
    }
    if (status != CG_OK) {
        return status;
    }
    decision_run run = {
        .options = options, .knowledge = knowledge, .scratch = scratch, .work = work};
    status = start(&run, fact, error);
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
