/* Goal: phases that a scenario lists become the phases of its points, and a mistake in one the
 * sentence that names it. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/scenario/load_phase.h"
#include "sim/scenario/scenario.h"

static char script[64];

static int make_script(void **state) {
    (void)state;
    snprintf(script, sizeof script, "/tmp/load_phase_test_XXXXXX");
    int descriptor = mkstemp(script);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_script(void **state) {
    (void)state;
    return unlink(script);
}

/* The plan of one point whose options are the table `point`. */
static cg_status plan_point(const char *point, sim_plan **out, cg_error *error) {
    FILE *file = fopen(script, "wb");
    assert_non_null(file);
    fprintf(file, "return { name = \"p\", point = function(factor) return %s end }\n", point);
    assert_int_equal(fclose(file), 0);
    sim_scenario_request request = {.file = script, .library = "/tmp", .seed = 42};
    return sim_scenario_plan(&request, out, error);
}

static void phases_are_read(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    cg_error error;
    assert_ok(
        plan_point("{ load = { recall = 0.5 }, graph = { source = \"wordnet\" }, phases = {"
                   " { at = \"2s\", rate = 5000, zipf = 1.1, chain = 0.9, recall = 1.0, "
                   "rotate = 0.5, keys = 8, hops = 2 }, { at = 3, keys = \"1K\" } } }",
                   &plan, &error),
        error);
    static sim_options options;
    assert_ok(sim_options_parse(plan->points[0].options_text, &options, &error), error);
    assert_int_equal(options.phase_count, 2);
    const sim_load_phase *phase = options.phases;
    assert_int_equal(phase[0].at_ns, 2000000000);
    assert_true(phase[0].rate_hz > 4999.9 && phase[0].rate_hz < 5000.1);
    assert_true(phase[0].zipf > 1.09 && phase[0].zipf < 1.11);
    assert_true(phase[0].chain > 0.89 && phase[0].chain < 0.91);
    assert_true(phase[0].recall > 0.99 && phase[0].rotate > 0.49 && phase[0].rotate < 0.51);
    assert_int_equal(phase[0].keys, 8);
    assert_int_equal(phase[0].hops, 2);
    assert_false(sim_load_phase_gives(&phase[0], "batch"));
    assert_int_equal(phase[1].at_ns, 3000000000);
    assert_int_equal(phase[1].keys, 1000);
    assert_false(sim_load_phase_gives(&phase[1], "hops"));
    sim_plan_free(plan);
}

static void bad_phases_get_their_sentence(void **state) {
    (void)state;
    static const struct {
        const char *point;
        const char *says;
    } bad[] = {
        {"{ phases = 3 }", "phases must be a list, not a number"},
        {"{ phases = { 3 } }",
         "phases[1] must be a table such as { at = \"2s\", rate = \"5K\" }, not a number"},
        {"{ phases = { { rate = 5 } } }", "phases[1].at is missing"},
        {"{ phases = { { at = 0, rotat = 5 } } }",
         "unknown key \"rotat\" in phases[1]; do you mean \"rotate\"?"},
        {"{ phases = { { at = 0, keys = 0 } } }",
         "phases[1].keys: \"0\" is too small; the least is 1"},
        {"{ phases = { { at = 0, rotate = \"120%\" } } }",
         "phases[1].rotate: \"120%\" is too large; the greatest is 1"},
        {"{ phases = { { at = 0, keys = {} } } }",
         "phases[1].keys must be a text, number or boolean, not a table"},
        {"{ phases = { { at = 2, keys = 1 }, { at = 1, keys = 2 } } }",
         "phases[2]: at 1s is not after the phase above it, at 2s"},
        {"{ phases = { { at = 2 } } }", "phases[1]: it changes nothing"},
        {"{ load = { phases = { { at = 2 } } } }", "unknown key \"phases\" in load"},
        {"{ phase = {} }",
         "unknown key \"phase\" in the point's options; do you mean \"phases\"?"},
        {"(function() local l = {} for i = 1, 17 do l[i] = { at = i, keys = i } end return { "
         "phases = l } end)()",
         "phases has 17 entries; the most is 16"},
        {"{ graph = { source = \"keys\", nodes = 100 } }",
         "graph.source: keys have no content, so they can only be recalled"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sim_plan *plan = NULL;
        cg_error error = {.message = "none"};
        assert_status(plan_point(bad[i].point, &plan, &error), CG_ERROR_INVALID, error,
                      bad[i].says);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_are_read),
        cmocka_unit_test(bad_phases_get_their_sentence),
    };
    return cmocka_run_group_tests(tests, make_script, remove_script);
}
