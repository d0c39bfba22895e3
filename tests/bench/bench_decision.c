/* The decision: wall time of a fact's way from text to winner, on one core.
 *
 * Facts are 1,000 leaf nouns held out of WordNet; the engine has learned from 1,000 others. A
 * turn decides each once. The peer is the exhaustive decision on a sample of the same facts.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/cascade/cascade.h"
#include "engine/node/school.h"
#include "sim/point/ground.h"
#include "sim/point/thread_runner.h"
#include "tests/bench/bench.h"

enum { TURNS = 5, FACTS_MAX = 1000, EXHAUSTIVE = 20, THREADS = 2 };

typedef struct decision_bench {
    const sim_ground *ground;
    const cg_corpus *corpus;
    cg_cascade_scratch *scratch;
    uint32_t facts;
} decision_bench;

/* Microseconds from the text to the decision, or a NaN. */
static double decide_us(const decision_bench *bench, cg_strategy strategy, uint32_t fact) {
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = strategy;
    cg_knowledge knowledge = cg_corpus_knowledge(bench->corpus);
    uint32_t text_bytes = 0;
    const char *text = sim_ground_fact_text(bench->ground, fact, &text_bytes);
    double from = bench_now_s();
    cg_embedding embedding;
    cg_error error;
    cg_status status =
        cg_embed(bench->corpus->embedder, text, text_bytes, &embedding, NULL, &error);
    if (status == CG_OK) {
        cg_fact_view view = {.dense = embedding.dense,
                             .sparse = cg_embedding_sparse(&embedding),
                             .text = text,
                             .text_bytes = text_bytes,
                             .type = CG_TYPE_UNKNOWN};
        cg_decision decision;
        status = cg_cascade_decide(&options, &knowledge, &view, bench->scratch, &decision, NULL,
                                   &error);
    }
    if (status != CG_OK) {
        (void)fprintf(stderr, "decision: %s\n", error.message);
        return (double)NAN;
    }
    return 1e6 * (bench_now_s() - from);
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* *p50, *p99 over the first `facts` facts, in microseconds. */
static void one_turn(const decision_bench *bench, cg_strategy strategy, uint32_t facts,
                     double *p50, double *p99) {
    static double us[FACTS_MAX];
    for (uint32_t fact = 0; fact < facts; fact++) {
        us[fact] = decide_us(bench, strategy, fact);
    }
    qsort(us, facts, sizeof *us, by_size);
    *p50 = us[facts / 2];
    *p99 = us[facts - 1 - facts / 100];
}

static void measure(const decision_bench *bench, const char *name) {
    bench_series p50 = {.turns = TURNS};
    bench_series p99 = {.turns = TURNS};
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint32_t few = bench->facts < EXHAUSTIVE ? bench->facts : (uint32_t)EXHAUSTIVE;
        one_turn(bench, CG_STRATEGY_HIERARCHICAL, bench->facts, &p50.ours[turn],
                 &p99.ours[turn]);
        one_turn(bench, CG_STRATEGY_DIRECT, few, &p50.peer[turn], &p99.peer[turn]);
        p99.peer[turn] = (double)NAN; /* of so few it says nothing */
    }
    bench_row(name, "p50", &p50, "us");
    bench_row(name, "p99", &p99, "us");
}

static bool at_size(const char *name, uint32_t nodes) {
    sim_options options;
    sim_options_default(&options);
    options.graph.nodes = nodes;
    options.graph.held_out = FACTS_MAX;
    options.engine.ef_construction = 48; /* as the quick start builds it */
    cg_error error;
    sim_thread_runner *threads = NULL;
    sim_ground *ground = NULL;
    decision_bench bench = {0};
    cg_status status = sim_thread_runner_alloc(THREADS, &threads, &error);
    if (status == CG_OK) {
        cg_runner runner = sim_thread_runner_view(threads);
        status = sim_ground_build(&options, &runner, NULL, NULL, &ground, &error);
    }
    if (status == CG_OK) {
        status = cg_cascade_scratch_alloc(cg_allocator_heap(), &bench.scratch, &error);
    }
    if (status == CG_OK) {
        bench.ground = ground;
        bench.corpus = sim_ground_corpus(ground);
        bench.facts = sim_ground_fact_count(ground);
        printf("# %s: %u concepts, %u facts, %u lessons learned\n", name,
               cg_graph_concept_count(bench.corpus->graph), bench.facts,
               sim_ground_lesson_count(ground));
        measure(&bench, name);
    } else {
        (void)fprintf(stderr, "%s: %s\n", name, error.message);
    }
    cg_cascade_scratch_free(bench.scratch);
    sim_ground_free(ground);
    sim_thread_runner_free(threads);
    return status == CG_OK;
}

bool bench_decision(void) {
    return at_size("decision-10k", 10000) && at_size("decision-all", 0);
}
