/* Goal: spreads come in the share that was asked for, begin at distinct rows or at one concept's
 * text, change nothing of the other requests, and are refused where they cannot be. (B4, G8) */
#include "tests/support/support.h"

#include <string.h>

#include "sim/scenario/load_phase.h"
#include "sim/workload/workload.h"

enum { ROWS = 50, REQUESTS = 4000 };

static sim_load_options load_of(double spread) {
    sim_options options;
    sim_options_default(&options);
    options.load.requests = REQUESTS;
    options.load.repeat = SIM_REPEAT_POPULARITY;
    options.load.spread = spread;
    return options.load;
}

static sim_workload plan(const sim_load_options *load, const sim_load_phase *phases,
                         uint32_t phase_count) {
    sim_workload workload;
    cg_error error;
    sim_workload_input input = {.load = load,
                                .phases = phases,
                                .phase_count = phase_count,
                                .facts = 100,
                                .keys = ROWS,
                                .hosts = 2,
                                .seed = 11};
    assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &workload, &error), error);
    return workload;
}

static uint32_t count_of(const sim_workload *workload, sim_request_kind kind) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        count += workload->requests[i].kind == kind;
    }
    return count;
}

/* Eight rows of fifty, as popular as Zipf 0.99: drawn anew most spreads would have some twice. */
static void test_rows_are_distinct(void **state) {
    (void)state;
    sim_load_options load = load_of(0.5);
    load.keys = 8;
    load.spread_hops = 5;
    sim_workload workload = plan(&load, NULL, 0);
    assert_in_range(count_of(&workload, SIM_REQUEST_SPREAD), 1870, 2130); /* 4 deviations */
    for (uint32_t i = 0; i < workload.count; i++) {
        const sim_request_plan *request = &workload.requests[i];
        if (request->kind != SIM_REQUEST_SPREAD) {
            continue;
        }
        assert_int_equal(request->hops, 5);
        assert_int_equal(request->key_count, 8);
        bool seen[ROWS] = {false};
        for (uint32_t j = 0; j < request->key_count; j++) {
            uint64_t row = workload.keys[request->first_key + j];
            assert_true(row < ROWS && !seen[row]);
            seen[row] = true;
        }
    }
    sim_workload_deinit(&workload);
}

/* More rows than there are: then some come twice, and the plan ends. */
static void test_more_rows_than_there_are(void **state) {
    (void)state;
    sim_load_options load = load_of(1.0);
    load.requests = 3;
    load.keys = ROWS + 20;
    sim_workload workload = plan(&load, NULL, 0);
    bool seen[ROWS] = {false};
    for (uint32_t j = 0; j < ROWS; j++) {
        seen[workload.keys[j]] = true;
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_true(seen[row]);
    }
    sim_workload_deinit(&workload);
}

static void test_texts_are_about_one_concept(void **state) {
    (void)state;
    sim_load_options load = load_of(1.0);
    load.keys = 8;
    load.ask = SIM_ASK_GLOSS;
    sim_workload workload = plan(&load, NULL, 0);
    assert_int_equal(count_of(&workload, SIM_REQUEST_SPREAD), REQUESTS);
    for (uint32_t i = 0; i < workload.count; i++) {
        assert_int_equal(workload.requests[i].key_count, 1);
    }
    sim_workload_deinit(&workload);
}

/* Goal: spreads take the place of allocations alone. */
static void test_others_are_as_before(void **state) {
    (void)state;
    sim_load_options load = load_of(0.0);
    load.recall = 0.3;
    load.deallocate = 0.1;
    load.batch = 0.1;
    sim_workload without = plan(&load, NULL, 0);
    load.spread = 0.2;
    sim_workload with = plan(&load, NULL, 0);
    uint32_t replaced = 0;
    for (uint32_t i = 0; i < with.count; i++) {
        const sim_request_plan *old = &without.requests[i];
        const sim_request_plan *now = &with.requests[i];
        assert_true(old->at_ns == now->at_ns && old->host == now->host);
        assert_int_equal(old->client, now->client);
        if (now->kind == SIM_REQUEST_SPREAD) {
            assert_int_equal(old->kind, SIM_REQUEST_ALLOCATE);
            replaced++;
        } else if (old->kind == SIM_REQUEST_RECALL) {
            assert_int_equal(now->kind, SIM_REQUEST_RECALL);
        }
    }
    assert_in_range(replaced, 680, 920);
    sim_workload_deinit(&without);
    sim_workload_deinit(&with);
}

static void test_phases(void **state) {
    (void)state;
    sim_load_options load = load_of(0.0);
    load.rate_hz = 1000.0;
    sim_load_phase phase = {0};
    cg_error error;
    for (size_t field = 0; field < SIM_LOAD_PHASE_FIELDS; field++) {
        if (strcmp(sim_load_phase_fields[field], "at") == 0) {
            assert_ok(sim_load_phase_set(&phase, field, "2s", &error), error);
        } else if (strcmp(sim_load_phase_fields[field], "spread") == 0) {
            assert_ok(sim_load_phase_set(&phase, field, "1", &error), error);
        }
    }
    sim_workload workload = plan(&load, &phase, 1);
    for (uint32_t i = 0; i < workload.count; i++) {
        bool late = workload.requests[i].at_ns >= UINT64_C(2000000000);
        assert_int_equal(workload.requests[i].kind == SIM_REQUEST_SPREAD, late);
    }
    sim_workload_deinit(&workload);
}

/* --- what cannot be --------------------------------------------------------------------------- */

typedef struct mistake {
    const char *settings[8][2];
    const char *part;
} mistake;

static void test_mistakes(void **state) {
    (void)state;
    static const mistake mistakes[] = {
        {{{"load.recall", "0.5"}, {"load.spread", "0.6"}}, "more than all of them"},
        {{{"load.spread", "1"}, {"load.keys", "1025"}}, "the most is 1024"},
        {{{"load.spread", "1"}, {"load.keys", "513"}, {"load.keys_spread", "uniform"}},
         "the most is 512"},
        {{{"graph.source", "synthetic"}, {"graph.nodes", "1K"}, {"load.spread", "0.5"}},
         "must add up to 1"},
        {{{"graph.source", "synthetic"}, {"load.spread", "1"}}, "there are not \"all\""},
        {{{"graph.source", "triples"}, {"load.spread", "1"}}, "say which one"},
        {{{"graph.source", "synthetic"},
          {"graph.nodes", "1K"},
          {"load.spread", "1"},
          {"load.facts_from", "gloss"}},
         "texts that facts could be"},
        {{{"graph.source", "triples"}, {"load.spread", "1"}, {"load.ask", "gloss"}},
         "only WordNet has texts to ask with"},
        {{{"graph.source", "synthetic"},
          {"graph.nodes", "1K"},
          {"load.spread", "1"},
          {"cluster.hosts", "2"}},
         "one host"},
        {{{"graph.source", "synthetic"},
          {"graph.nodes", "1K"},
          {"load.spread", "1"},
          {"engine.consolidate", "1s"}},
         "only WordNet has a log"},
        {{{"graph.source", "keys"},
          {"graph.nodes", "1K"},
          {"load.spread", "0.5"},
          {"load.recall", "0.5"}},
         "keys have no content"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        sim_options options;
        cg_error error;
        sim_options_default(&options);
        for (size_t j = 0; j < 8 && mistakes[i].settings[j][0]; j++) {
            assert_ok(sim_options_set(&options, mistakes[i].settings[j][0],
                                      mistakes[i].settings[j][1], &error),
                      error);
        }
        assert_status(sim_options_check(&options, &error), CG_ERROR_INVALID, error,
                      mistakes[i].part);
    }
    sim_options options;
    cg_error error;
    sim_options_default(&options);
    options.graph.source = SIM_GRAPH_SYNTHETIC;
    options.graph.nodes = 1000;
    options.load.spread = 0.5;
    options.load.recall = 0.5;
    assert_ok(sim_options_check(&options, &error), error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_distinct),
        cmocka_unit_test(test_more_rows_than_there_are),
        cmocka_unit_test(test_texts_are_about_one_concept),
        cmocka_unit_test(test_others_are_as_before),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
