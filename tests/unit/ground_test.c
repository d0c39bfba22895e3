/* Goal: facts and lessons are what they are said to be, no lesson is a fact, training depends on
 * nothing but its options, and facts about known concepts can be told apart. Real input: the
 * files of Debian's wordnet-base. (A1, A5) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "sim/point/facts.h"
#include "sim/point/ground.h"
#include "sim/point/thread_runner.h"

enum { FACTS = 200, LESSONS = 64 };

static sim_options options;
static sim_ground *ground;

static void choose(sim_options *out, uint32_t training) {
    sim_options_default(out);
    out->graph.nodes = 2000;
    out->graph.held_out = FACTS;
    out->engine.training = training;
    out->engine.dims = 32;
    out->engine.index = SIM_INDEX_FLAT;
}

static sim_ground *build(const sim_options *chosen, const cg_runner *runner) {
    cg_error error = {0};
    sim_ground *made = NULL;
    assert_ok(sim_ground_build(chosen, runner, NULL, NULL, &made, &error), error);
    return made;
}

static int set_up(void **state) {
    (void)state;
    choose(&options, LESSONS);
    cg_runner runner = cg_runner_serial();
    ground = build(&options, &runner);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_ground_free(ground);
    return 0;
}

static void test_training(void **state) {
    (void)state;
    assert_int_equal(sim_ground_fact_count(ground), FACTS);
    assert_int_equal(sim_ground_lesson_count(ground), LESSONS);
    assert_int_equal(sim_ground_corpus(ground)->learned.lessons, LESSONS);
    const uint64_t learned = cg_learned_hash(&sim_ground_corpus(ground)->learned);
    /* On threads the same. */
    cg_error error = {0};
    sim_thread_runner *threads = NULL;
    assert_ok(sim_thread_runner_alloc(3, &threads, &error), error);
    cg_runner runner = sim_thread_runner_view(threads);
    sim_ground *again = build(&options, &runner);
    assert_true(cg_corpus_hash(sim_ground_corpus(again)) ==
                cg_corpus_hash(sim_ground_corpus(ground)));
    sim_ground_free(again);
    sim_thread_runner_free(threads);
    /* A direct engine learns from the same lessons as a hierarchical one; one without the
     * temporal column learns otherwise; the ground itself stays as it is. */
    cg_corpus trained;
    sim_options other = options;
    other.engine.strategy = SIM_STRATEGY_DIRECT;
    assert_ok(sim_ground_trained(ground, &other, &trained, &error), error);
    assert_true(cg_learned_hash(&trained.learned) == learned);
    other.engine.columns[0] = false;
    assert_ok(sim_ground_trained(ground, &other, &trained, &error), error);
    assert_true(cg_learned_hash(&trained.learned) != learned);
    assert_int_equal(trained.learned.lessons, LESSONS);
    assert_true(cg_learned_hash(&sim_ground_corpus(ground)->learned) == learned);
    /* What a point trains for itself equals what a ground built for it has learned. */
    cg_runner serial = cg_runner_serial();
    again = build(&other, &serial);
    assert_true(cg_learned_hash(&sim_ground_corpus(again)->learned) ==
                cg_learned_hash(&trained.learned));
    sim_ground_free(again);
}

/* Facts are as many however many lessons there are, and the same unless lessons take a good part
 * of all leaves; lessons are as many as leaves allow. */
static void test_facts_stay(void **state) {
    (void)state;
    static const uint32_t trainings[] = {0, 1000, 100000};
    for (size_t t = 0; t < sizeof trainings / sizeof trainings[0]; t++) {
        sim_options other;
        choose(&other, trainings[t]);
        cg_runner runner = cg_runner_serial();
        sim_ground *made = build(&other, &runner);
        assert_int_equal(sim_ground_fact_count(made), FACTS);
        assert_true(sim_ground_lesson_count(made) <= trainings[t]);
        uint32_t same = 0;
        for (uint32_t i = 0; i < FACTS; i++) {
            uint32_t bytes = 0;
            const char *text = sim_ground_fact_text(ground, i, &bytes);
            bool found = false;
            for (uint32_t j = 0; j < FACTS && !found; j++) {
                found = strcmp(text, sim_ground_fact_text(made, j, &bytes)) == 0;
            }
            same += found;
        }
        if (trainings[t] <= 1000 && same < FACTS * 9 / 10) {
            fail_msg("with training %u only %u of %d facts are the same", trainings[t], same,
                     FACTS);
        }
        sim_ground_free(made);
    }
}

static void test_parts_of_text(void **state) {
    (void)state;
    for (uint32_t row = 0; row < 200; row++) {
        uint32_t whole = 0;
        uint32_t words = 0;
        uint32_t gloss = 0;
        const char *text = sim_ground_concept_text(ground, row, SIM_TEXT_WHOLE, &whole);
        assert_ptr_equal(sim_ground_concept_text(ground, row, SIM_TEXT_WORDS, &words), text);
        const char *rest = sim_ground_concept_text(ground, row, SIM_TEXT_GLOSS, &gloss);
        assert_int_equal(words + 2 + gloss, whole);
        assert_memory_equal(text + words, ": ", 2);
        assert_ptr_equal(rest, text + words + 2);
        assert_int_equal(strlen(rest), gloss);
    }
}

static sim_facts facts_from(sim_facts_from from, uint64_t seed, uint32_t count) {
    sim_facts facts;
    cg_error error = {0};
    sim_options chosen = options;
    chosen.load.facts_from = from;
    chosen.load.facts = count;
    chosen.seed = seed;
    assert_ok(sim_facts_init(&facts, ground, &chosen, cg_allocator_heap(), &error), error);
    return facts;
}

/* No two facts are alike, and the answer is the concept itself. */
static void test_restated(void **state) {
    (void)state;
    static const sim_facts_from kinds[] = {SIM_FACTS_WHOLE, SIM_FACTS_GLOSS, SIM_FACTS_WORDS};
    for (size_t k = 0; k < 3; k++) {
        sim_facts facts = facts_from(kinds[k], 5, 100000);
        sim_facts few = facts_from(kinds[k], 5, 10);
        sim_facts other = facts_from(kinds[k], 6, 10);
        assert_true(facts.count > 500 && facts.count < 2000);
        assert_int_equal(few.count, 10);
        assert_memory_equal(few.rows, facts.rows, 10 * sizeof few.rows[0]);
        assert_memory_not_equal(few.rows, other.rows, 10 * sizeof few.rows[0]);
        bool taken[4000] = {false};
        for (uint32_t i = 0; i < facts.count; i++) {
            uint32_t row = 0;
            uint32_t bytes = 0;
            assert_int_equal(sim_facts_answer(&facts, i, &row, 1), 1);
            assert_false(taken[row]);
            taken[row] = true;
            assert_true(sim_ground_concept_is_noun(ground, row));
            const char *text = sim_facts_text(&facts, i, &bytes);
            for (uint32_t j = 0; j < i && k == 1; j++) {
                uint32_t others = 0;
                const char *left = sim_facts_text(&facts, j, &others);
                assert_false(bytes == others && memcmp(text, left, bytes) == 0);
            }
        }
        sim_facts_deinit(&facts);
        sim_facts_deinit(&few);
        sim_facts_deinit(&other);
    }
}

/* Mean steps in the tree between the answers of requests that follow each other, each counted
 * as at most 10. */
static double mean_distance(const sim_facts *facts, const sim_workload *workload) {
    const cg_graph *graph = sim_ground_corpus(ground)->graph;
    uint32_t sum = 0;
    for (uint32_t i = 1; i < workload->count; i++) {
        uint32_t rows[2] = {0, 0};
        sim_facts_answer(facts, workload->requests[i - 1].fact, &rows[0], 1);
        sim_facts_answer(facts, workload->requests[i].fact, &rows[1], 1);
        const uint32_t steps = cg_graph_tree_distance(graph, rows[0], rows[1], 10);
        sum += steps < 10 ? steps : 10;
    }
    return (double)sum / (double)(workload->count - 1);
}

static void test_related(void **state) {
    (void)state;
    cg_error error = {0};
    sim_facts facts = facts_from(SIM_FACTS_HELD_OUT, 5, FACTS);
    sim_workload workload;
    sim_load_options load = options.load;
    load.facts = 150; /* not a multiple of 8 */
    assert_ok(
        sim_workload_plan(
            &(sim_workload_input){.load = &load, .facts = facts.count, .hosts = 1, .seed = 5},
            cg_allocator_heap(), &workload, &error),
        error);
    bool before[FACTS] = {false};
    for (uint32_t i = 0; i < workload.count; i++) {
        before[workload.requests[i].fact] = true;
    }
    const double shuffled = mean_distance(&facts, &workload);
    assert_ok(sim_facts_relate(&facts, &workload, 5, &error), error);
    const double related = mean_distance(&facts, &workload);
    for (uint32_t i = 0; i < workload.count; i++) { /* the same facts, once each */
        assert_true(before[workload.requests[i].fact]);
        before[workload.requests[i].fact] = false;
    }
    if (!(related < 0.8 * shuffled)) {
        fail_msg("related facts are %.2f steps apart, shuffled ones %.2f", related, shuffled);
    }
    sim_workload_deinit(&workload);
    sim_facts_deinit(&facts);
}

static void test_out_of_memory(void **state) {
    (void)state;
    sim_options chosen = options;
    chosen.load.facts_from = SIM_FACTS_WORDS;
    for (uint64_t n = 1; n <= 3; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        sim_facts facts;
        cg_error error = {0};
        assert_status(sim_facts_init(&facts, ground, &chosen,
                                     cg_counting_allocator_view(&counting), &error),
                      CG_ERROR_MEMORY, error, "no memory");
        assert_int_equal(counting.live_blocks, 0);
    }
}

typedef struct watch {
    double last;
    uint32_t calls;
    double stop_at;
} watch;

static bool look(void *context, double share) {
    watch *seen = context;
    assert_true(share >= seen->last && share <= 1.0);
    seen->last = share;
    seen->calls++;
    return share < seen->stop_at;
}

static void test_progress(void **state) {
    (void)state;
    sim_options chosen;
    choose(&chosen, 600);
    cg_runner runner = cg_runner_serial();
    cg_error error = {0};
    sim_ground *made = NULL;
    watch seen = {.stop_at = 2.0};
    assert_ok(sim_ground_build(&chosen, &runner, look, &seen, &made, &error), error);
    assert_true(seen.calls > 3 && seen.last > 0.6);
    sim_ground_free(made);
    seen = (watch){.stop_at = 0.62}; /* within training */
    assert_status(sim_ground_build(&chosen, &runner, look, &seen, &made, &error),
                  CG_ERROR_INTERRUPTED, error, "interrupted");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training),      cmocka_unit_test(test_facts_stay),
        cmocka_unit_test(test_parts_of_text), cmocka_unit_test(test_restated),
        cmocka_unit_test(test_related),       cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
