/* Goal: a scenario becomes the plan it describes, and a mistake in one becomes a sentence that
 * names the place. */
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/scenario/evaluate.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/scenario.h"

static char folder[64];
static char script[128];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/scenario_test_XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(script, sizeof script, "%s/s.lua", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"s.lua", "clusters.lua", "broken.lua", "loop.lua",
                                        "none.lua"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static void write_file(const char *name, const char *text) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static cg_status plan_with(const char *text, const char *library, sim_plan **out,
                           cg_error *error) {
    write_file("s.lua", text);
    sim_scenario_request request = {.file = script, .library = library, .seed = 42};
    return sim_scenario_plan(&request, out, error);
}

static cg_status plan_text(const char *text, const sim_scenario_setting *settings,
                           uint32_t count, sim_plan **out, cg_error *error) {
    write_file("s.lua", text);
    sim_scenario_request request = {.file = script,
                                    .library = folder,
                                    .settings = settings,
                                    .setting_count = count,
                                    .seed = 42};
    return sim_scenario_plan(&request, out, error);
}

static const char whole[] =
    "-- Does it scale?\n"
    "-- And how far?\n"
    "\n"
    "local sizes = { \"1K\", 10000, \"all\" }\n"
    "return {\n"
    "  name = \"whole-1\",\n"
    "  factors = { { \"nodes\", sizes }, { \"hosts\", { 1, 4 } } },\n"
    "  repetitions = 3,\n"
    "  point = function(factor)\n"
    "    local hosts = factor.hosts\n"
    "    assert(math.type(hosts) == \"integer\")\n"
    "    assert(factor.repetition >= 1 and factor.repetition <= 3)\n"
    "    return {\n"
    "      cluster = { hosts = hosts, network = { latency = \"50us\", jitter = 0.000001, loss "
    "= \"5%\" } },\n"
    "      graph = { nodes = factor.nodes },\n"
    "      engine = { columns = { temporal = false }, tiers = { l1 = \"2K\" } },\n"
    "      load = { rate = \"2K\" },\n"
    "      stop = \"10s\",\n"
    "      faults = hosts > 1 and {\n"
    "        { at = \"1s\", action = \"partition\", hosts = { hosts - 1 } },\n"
    "        { at = \"2s\", action = \"heal\" },\n"
    "        { at = \"3s\", action = \"loss\", value = \"10%\" },\n"
    "      } or nil,\n"
    "    }\n"
    "  end,\n"
    "  tables = { { name = \"t\", title = \"A table\", columns = { \"latency:p99\", "
    "\"tier.l1:mean\" } } },\n"
    "  plots = {\n"
    "    { name = \"c\", x = \"nodes\", y = \"latency:p50\", series = \"hosts\", log = \"xy\" "
    "},\n"
    "    { name = \"l\", y = \"latency:p99\", kind = \"timeline\", where = { hosts = 4, nodes "
    "= \"1K\" } },\n"
    "    { name = \"r\", kind = \"reliability\", series = \"hosts\" },\n"
    "  },\n"
    "  claims = {\n"
    "    { id = \"CL-33\", metric = \"tier.l1:share\", where = { nodes = 10000, hosts = 4 }, "
    "op = "
    "\">\",\n"
    "      bound = 80, unit = \"%\", aim = 90.5, note = \"default tiers\" },\n"
    "    { id = \"CL-37\", metric = \"throughput:mean\", where = { hosts = 4 }, over = { hosts "
    "= 1 "
    "},\n"
    "      op = \"<=\", bound = -0.0 },\n"
    "    { id = \"CL-51\", metric = \"batch:max\", op = \"=\", bound = 3 },\n"
    "  },\n"
    "}\n";

static void a_scenario_becomes_its_plan(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    cg_error error;
    assert_ok(plan_text(whole, NULL, 0, &plan, &error), error);
    assert_string_equal(plan->name, "whole-1");
    assert_string_equal(plan->question, "Does it scale? And how far?");
    assert_string_equal(plan->source, whole);
    assert_string_equal(plan->file, script);
    assert_int_equal(plan->factor_count, 2);
    assert_string_equal(plan->factors[0].name, "nodes");
    assert_string_equal(plan->factors[0].values[1], "10000");
    assert_string_equal(plan->factors[1].values[1], "4");
    assert_int_equal(plan->point_count, 18);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        sim_point_plan *point = &plan->points[i];
        sim_options options;
        assert_int_equal(point->index, i);
        assert_int_equal(point->repetition, i % 3 + 1);
        assert_int_equal(point->value_index[1], i / 3 % 2);
        assert_int_equal(point->value_index[0], i / 6);
        assert_ok(sim_options_parse(point->options_text, &options, &error), error);
        assert_int_equal(options.cluster.hosts, i / 3 % 2 ? 4 : 1);
        assert_int_equal(options.graph.nodes, i / 6 == 0 ? 1000 : i / 6 == 1 ? 10000 : 0);
        assert_int_equal(options.cluster.network.jitter_ns, 1000);
        assert_false(options.engine.columns[2]);
        assert_true(options.engine.columns[1]);
        assert_int_equal(options.engine.tiers[0].capacity, 2000);
        assert_int_equal(options.fault_count, i / 3 % 2 ? 3 : 0);
        if (options.fault_count > 0) {
            assert_int_equal(options.faults[0].hosts[0], 3);
            assert_int_equal(options.faults[1].at_ns, 2000000000);
        }
        assert_true(options.seed == sim_plan_seed(42, i % 3 + 1));
    }
    assert_int_equal(plan->view_count, 4);
    assert_false(plan->views[0].is_plot);
    assert_string_equal(plan->views[0].title, "A table");
    assert_string_equal(plan->views[0].text, "latency:p99\ntier.l1:mean\n");
    assert_true(plan->views[1].is_plot);
    assert_string_equal(plan->views[1].title, "c");
    assert_string_equal(plan->views[1].text,
                        "kind=curve\nx=nodes\ny=latency:p50\nseries=hosts\nlog=xy\n");
    assert_string_equal(plan->views[2].text,
                        "kind=timeline\ny=latency:p99\nwhere.nodes=1K\nwhere.hosts=4\n");
    assert_string_equal(plan->views[3].text, "kind=reliability\nseries=hosts\n");
    assert_int_equal(plan->claim_count, 3);
    const sim_claim_plan *claim = &plan->claims[0];
    assert_string_equal(claim->name, "CL-33");
    assert_string_equal(claim->column, "tier.l1:share");
    assert_string_equal(claim->selector, "nodes=10000\nhosts=4");
    assert_null(claim->over);
    assert_string_equal(claim->unit, "%");
    assert_string_equal(claim->note, "default tiers");
    assert_true(claim->op == CG_CLAIM_MORE && claim->bound == 80 && claim->has_aim &&
                claim->aim == 90.5);
    claim++;
    assert_string_equal(claim->selector, "hosts=4");
    assert_string_equal(claim->over, "hosts=1");
    assert_string_equal(claim->unit, "x");
    assert_string_equal(claim->note, "");
    assert_true(claim->op == CG_CLAIM_AT_MOST && !claim->has_aim && !signbit(claim->bound));
    claim++;
    assert_string_equal(claim->selector, "");
    assert_string_equal(claim->unit, "1");
    assert_true(claim->op == CG_CLAIM_EQUAL && claim->bound == 3);
    sim_plan_free(plan);
}

static void settings_come_last(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    cg_error error;
    sim_options options;
    sim_scenario_setting settings[] = {{"cluster.network.latency", "1ms"},
                                       {"cluster.network.latency", "2ms"},
                                       {"load.facts", "7"}};
    assert_ok(plan_text(whole, settings, 3, &plan, &error), error);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        assert_ok(sim_options_parse(plan->points[i].options_text, &options, &error), error);
        assert_int_equal(options.cluster.network.latency_ns, 2000000);
        assert_int_equal(options.load.facts, 7);
    }
    sim_plan_free(plan);
    sim_scenario_setting bad[] = {{"cluster.hots", "4"}};
    assert_status(plan_text(whole, bad, 1, &plan, &error), CG_ERROR_INVALID, error,
                  "--set: unknown option \"cluster.hots\"; do you mean \"cluster.hosts\"?");
    /* What only fails together with the scenario names the point. */
    sim_scenario_setting hosts[] = {{"cluster.hosts", "2"}};
    assert_status(
        plan_text(whole, hosts, 1, &plan, &error), CG_ERROR_INVALID, error,
        "s.lua: point 3 (nodes=1K, hosts=4, repetition 1): faults[1].hosts: host 3 does "
        "not exist; cluster.hosts is 2, so hosts are 0 to 1");
}

/* The same text gives the same plan, and another run's seed changes only seeds. */
static void plans_repeat(void **state) {
    (void)state;
    sim_plan *first = NULL;
    sim_plan *second = NULL;
    cg_error error;
    static const char sorted[] =
        "local t = { zeta = 1, alpha = 2, mid = 3, [10] = 4, [2] = 5, [true] = 6 }\n"
        "local order = \"\"\n"
        "for key in pairs(t) do order = order .. tostring(key) .. \"_\" end\n"
        "return { name = \"p\", factors = { { \"f\", { order, tostring({}), "
        "string.format(\"%s!\", {}) } } },\n"
        "point = function() return {} end }";
    assert_ok(plan_text(sorted, NULL, 0, &first, &error), error);
    assert_string_equal(first->factors[0].values[0], "true_2_10_alpha_mid_zeta_");
    assert_string_equal(first->factors[0].values[1], "table");
    assert_string_equal(first->factors[0].values[2], "table!");
    assert_ok(plan_text(sorted, NULL, 0, &second, &error), error);
    assert_true(first->source_hash == second->source_hash);
    assert_string_equal(first->points[0].options_text, second->points[0].options_text);
    sim_plan_free(first);
    sim_plan_free(second);
    assert_true(sim_plan_seed(1, 1) != sim_plan_seed(2, 1));
    assert_true(sim_plan_seed(1, 1) != sim_plan_seed(1, 2));
}

static void modules_are_loaded(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    cg_error error;
    sim_options options;
    static const char text[] =
        "local clusters = require \"scenarios.lib.clusters\"\n"
        "assert(clusters == require \"scenarios.lib.clusters\")\n"
        "return { name = \"m\", point = function() return { cluster = clusters.small } end }";
    write_file("clusters.lua", "return { small = { hosts = 3 } }");
    assert_ok(plan_text(text, NULL, 0, &plan, &error), error);
    uint64_t hash = plan->source_hash;
    assert_ok(sim_options_parse(plan->points[0].options_text, &options, &error), error);
    assert_int_equal(options.cluster.hosts, 3);
    sim_plan_free(plan);
    write_file("clusters.lua", "return { small = { hosts = 3 } } -- changed");
    assert_ok(plan_text(text, NULL, 0, &plan, &error), error);
    assert_true(plan->source_hash != hash);
    sim_plan_free(plan);
    write_file("broken.lua", "local x = 1\nreturn x +\n");
    write_file("loop.lua", "return require \"scenarios.lib.loop\"");
    write_file("none.lua", "local x = 1");
}

/* The clusters of the committed library are those that the claims name for each size; sizes
 * come as numbers and as texts. */
static void default_clusters_are_those_of_the_claims(void **state) {
    (void)state;
    static const struct {
        const char *nodes;
        uint32_t hosts;
        uint32_t cores;
    } sizes[] = {
        {"\"1K\"", 1, 16},   {"\"10K\"", 1, 16},  {"\"100K\"", 1, 16}, {"\"1M\"", 1, 16},
        {"\"10M\"", 1, 16},  {"\"100M\"", 4, 16}, {"\"1B\"", 16, 16},  {"\"10B\"", 128, 32},
        {"\"1G\"", 16, 16},  {"\"all\"", 1, 16},  {"1000", 1, 16},     {"10000000", 1, 16},
        {"10000001", 4, 16}, {"\"2.5M\"", 1, 16}, {"10e9", 128, 32},
    };
    cg_error error;
    sim_plan *plan = NULL;
    sim_options options;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "local clusters = require \"scenarios.lib.clusters\"\n"
                 "return { name = \"m\", point = function()\n"
                 "  return { cluster = clusters.for_nodes(%s) } end }",
                 sizes[i].nodes);
        assert_ok(plan_with(text, "scenarios/lib", &plan, &error), error);
        assert_ok(sim_options_parse(plan->points[0].options_text, &options, &error), error);
        sim_plan_free(plan);
        assert_int_equal(options.cluster.hosts, sizes[i].hosts);
        assert_int_equal(options.cluster.cores, sizes[i].cores);
        assert_true(options.cluster.memory_bytes == UINT64_C(64) << 30);
        assert_int_equal(options.cluster.network.latency_ns, 50000);
        assert_true(options.cluster.network.bandwidth_bits_per_s == UINT64_C(10000000000));
    }
    static const char *const bad[][2] = {
        {"\"10Q\"", "\"10Q\" is no number of nodes"},
        {"nil", "\"nil\" is no number of nodes"},
        {"\"11B\"", "no default cluster holds 11B nodes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "return { name = \"m\", point = function() return { cluster =\n"
                 "  (require \"scenarios.lib.clusters\").for_nodes(%s) } end }",
                 bad[i][0]);
        assert_status(plan_with(text, "scenarios/lib", &plan, &error), CG_ERROR_INVALID, error,
                      bad[i][1]);
    }
}

/* Regions and racks of the committed library: groups cover all hosts, each pair of them once,
 * half of a round trip one way. */
static void topologies_are_faults(void **state) {
    (void)state;
    cg_error error;
    sim_plan *plan = NULL;
    sim_options options;
    assert_ok(
        plan_with("local topology = require \"scenarios.lib.topology\"\n"
                  "return { name = \"m\", point = function() return {\n"
                  "  cluster = { hosts = 10 }, faults = topology.join(topology.regions(10,\n"
                  "  { \"us-east1\", \"europe-west4\", \"asia-east1\" }),\n"
                  "  { { at = 1, partition = { 0 } } }) } end }",
                  "scenarios/lib", &plan, &error),
        error);
    assert_ok(sim_options_parse(plan->points[0].options_text, &options, &error), error);
    sim_plan_free(plan);
    assert_int_equal(options.fault_count, 7);
    assert_int_equal(options.faults[0].duration_ns, 143500);
    assert_int_equal(options.faults[1].duration_ns, 47002500);
    assert_int_equal(options.faults[1].from.ranges[0].last, 2);
    assert_int_equal(options.faults[1].to.ranges[0].first, 3);
    assert_int_equal(options.faults[4].duration_ns, 126667000);
    assert_int_equal(options.faults[4].to.ranges[0].last, 9);
    assert_int_equal(options.faults[6].action, SIM_FAULT_PARTITION);
    static const char *const bad[][2] = {
        {"regions(4, { \"us-east1\", \"moon\" })",
         "no round trip is known between us-east1 and moon"},
        {"racks(2, 3, \"5us\")", "2 hosts are too few for 3 groups"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "return { name = \"m\", point = function() return { faults =\n"
                 "  (require \"scenarios.lib.topology\").%s } end }",
                 bad[i][0]);
        assert_status(plan_with(text, "scenarios/lib", &plan, &error), CG_ERROR_INVALID, error,
                      bad[i][1]);
    }
}

typedef struct bad_script {
    const char *text;
    const char *says; /* behind the script's name and what comes with it */
} bad_script;

#define POINT(body)    "return { name = \"s\", point = function(factor) return " body " end }"
#define SCENARIO(more) "return { name = \"s\", point = function() return {} end, " more " }"
#define CLAIM(body)    SCENARIO(FACTORS "claims = { { " body " } }")
#define COLUMN         "id = \"CL-1\", metric = \"a:b\", "
#define FACTORS        "factors = { { \"hosts\", { 1, 4 } } }, "

static const bad_script bad_scripts[] = {
    {"local x = = 1", "s.lua:1: unexpected symbol near '='"},
    {"local x = {}\nlocal y = x.a.b", "s.lua:2: attempt to index a nil value (field 'a')"},
    {"error(\"no\")", "s.lua:1: no"},
    {"error(\"no\", 0)", "s.lua: no"},
    {"error({})", "s.lua: the script raised an error that is a table, not a text"},
    {"", "s.lua: a scenario must return a table, not a nil"},
    {"return 5", "s.lua: a scenario must return a table, not a number"},
    {"return { name = \"x\", repetition = 2 }",
     "s.lua: unknown key \"repetition\" in the scenario; do you mean \"repetitions\"?"},
    {"return { zz = 1, aa = 2, name = \"x\" }", "unknown key \"aa\" in the scenario"},
    {"return { name = \"x\", 7 }",
     "the scenario holds a number without a name; its keys are names such as \"name\""},
    {"return {}", "name must be a text such as \"quickstart\", not a nil"},
    {"return { name = \"A b\" }", "name: \"A b\" may only hold a-z, 0-9, _ and -"},
    {"return { name = \"x\" }",
     "point must be a function from a factor table to options, not a nil"},
    {"local point = 1\nfactor = 2", "s.lua:2: a scenario cannot assign the global \"factor\""},
    {"local x = 1\nlocal y = pint",
     "s.lua:2: there is no global \"pint\"; declare it with local"},
    {SCENARIO("repetitions = 0"), "repetitions: \"0\" is too small; the least is 1"},
    {SCENARIO("repetitions = 0/0"), "is not a whole number"},
    {SCENARIO("repetitions = 1e9"),
     "repetitions: \"1e+09\" is too large; the greatest is 10000"},
    {SCENARIO("factors = 3"), "factors must be a list, not a number"},
    {SCENARIO("factors = { { \"a\", {} } }"), "factor \"a\" has no values"},
    {SCENARIO("factors = { { \"a\", { 1, \"1\" } } }"),
     "value 2 of factor \"a\", \"1\", is there twice"},
    {SCENARIO("factors = { { \"a\", { 0/0 } } }"), "value 1 of factor \"a\" is no number"},
    {SCENARIO("factors = { { \"a\", { {} } } }"),
     "value 1 of factor \"a\" must be a text, number or boolean, not a table"},
    {SCENARIO("factors = { { \"a\" } }"),
     "factors[1] must be { \"name\", { value, value, ... } }"},
    {SCENARIO("factors = { a = { 1 } }"), "factors must be a plain list"},
    {SCENARIO("factors = { { \"repetition\", { 1 } } }"), "set repetitions instead"},
    {SCENARIO("factors = { { \"a\", { 1 } }, { \"a\", { 1 } } }"),
     "factors[2]: the factor \"a\" is there twice"},
    {"local v = {}\nfor i = 1, 1000 do v[i] = i end\n" SCENARIO(
         "factors = { { \"a\", v }, { \"b\", v } }"),
     "factors and repetitions make more than 20000 points"},
    {SCENARIO("tables = { { name = \"t\", colums = {} } }"),
     "unknown key \"colums\" in tables[1]; do you mean \"columns\"?"},
    {SCENARIO("tables = { { name = \"t\", columns = { \"p99\" } } }"),
     "tables[1].columns: \"p99\" is not of the form \"metric:statistic\""},
    {SCENARIO("tables = { { name = \"t\", columns = {} } }"), "tables[1].columns is empty"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", x = \"host\", y = \"a:b\" } }"),
     "plots[1].x: there is no factor \"host\"; do you mean \"hosts\"?"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", y = \"a:b\" } }"),
     "plots[1].x: a curve needs a factor for x"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", x = \"hosts\" } }"),
     "plots[1].y: a plot needs"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", x = \"hosts\", y = \"a:b\", log = \"z\" } }"),
     "plots[1].log: \"z\" is not one of x, y and xy"},
    {SCENARIO(FACTORS
              "plots = { { name = \"p\", kind = \"timeline\", y = \"a:b\", where = { hosts = 3 "
              "} } }"),
     "plots[1].where.hosts: \"3\" is not one of 1 and 4"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", kind = \"reliability\", x = \"hosts\" } }"),
     "plots[1].x: a reliability diagram has confidence there and takes no x"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", kind = \"reliability\", y = \"a:b\" } }"),
     "plots[1].y: a reliability diagram has the share of right decisions there"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", kind = \"reliability\", log = \"x\" } }"),
     "plots[1].log: a reliability diagram's axes are linear"},
    {SCENARIO(FACTORS "plots = { { name = \"p\", kind = \"reliable\", y = \"a:b\" } }"),
     "plots[1].kind: \"reliable\" is not one of curve, timeline and reliability"},
    {SCENARIO("plots = { { name = \"t\", x = \"a\", y = \"a:b\" } }"),
     "as the scenario has none"},
    {SCENARIO(FACTORS
              "tables = { { name = \"t\", columns = { \"a:b\" } } }, plots = { { name = \"t\", "
              "x = \"hosts\", y = \"a:b\" } }"),
     "plots[1].name: there is another table or plot \"t\""},
    {SCENARIO("tables = { { name = \"claims\", columns = { \"a:b\" } } }"),
     "tables[1].name: \"claims\" is the table of the scenario's claims"},
    {SCENARIO("claims = { id = \"CL-1\" }"), "claims must be a plain list"},
    {SCENARIO("claims = { 4 }"), "claims[1] must be a table, not a number"},
    {SCENARIO("claims = { { id = \"CL-1\", metrik = \"a:b\" } }"),
     "unknown key \"metrik\" in claims[1]; do you mean \"metric\"?"},
    {SCENARIO("claims = { { metric = \"a:b\" } }"),
     "claims[1].id is missing; give one such as \"CL-33\""},
    {CLAIM("id = \"cl33\""), "claims[1].id: \"cl33\" is not of the form \"CL-33\" or"},
    {CLAIM("id = 33"), "claims[1].id must be a text, not a number"},
    {SCENARIO("claims = { { id = \"CL-1\", metric = \"a:b\", op = \"<\", bound = 1 }, { id = "
              "\"CL-1\", metric = \"a:b\", op = \"<\", bound = 1 } }"),
     "claims[2].id: there is another claim \"CL-1\""},
    {CLAIM("id = \"CL-1\""), "claims[1].metric: \"\" is not of the form \"metric:statistic\""},
    {CLAIM("id = \"CL-1\", metric = \"p99\""),
     "claims[1].metric: \"p99\" is not of the form \"metric:statistic\""},
    {CLAIM(COLUMN "where = { host = 1 }"),
     "unknown key \"host\" in claims[1].where; do you mean \"hosts\"?"},
    {CLAIM(COLUMN "where = { hosts = 2 }"),
     "claims[1].where.hosts: \"2\" is not one of 1 and 4"},
    {CLAIM(COLUMN "where = { hosts = {} }"),
     "claims[1].where must be a text, number or boolean, not a table"},
    {CLAIM(COLUMN "where = \"hosts=1\""),
     "claims[1].where must be a table { factor = value } of the scenario's factors"},
    {SCENARIO("claims = { { id = \"CL-1\", metric = \"a:b\", where = { hosts = 1 } } }"),
     "claims[1].where must be a table { factor = value } of the scenario's factors"},
    {CLAIM(COLUMN "over = { hosts = 1 }"), "claims[1].over.hosts: where must name hosts too"},
    {CLAIM(COLUMN "where = { hosts = 1 }, over = { hosts = 1 }"),
     "claims[1].over must name a factor with another value than in where"},
    {CLAIM(COLUMN "where = { hosts = 1 }, over = {}"),
     "claims[1].over must name a factor with another value than in where"},
    {CLAIM(COLUMN "where = { hosts = 1 }, over = { hosts = 3 }"),
     "claims[1].over.hosts: \"3\" is not one of 1 and 4"},
    {CLAIM(COLUMN ""), "claims[1].op is missing; it is one of <, <=, >, >= and ="},
    {CLAIM(COLUMN "op = \"==\""), "claims[1].op: \"==\" is not one of <, <=, >, >= and ="},
    {CLAIM(COLUMN "op = \"<\""), "claims[1].bound is missing"},
    {CLAIM(COLUMN "op = \"<\", bound = \"80\""),
     "claims[1].bound must be a finite number, its unit apart, not a string"},
    {CLAIM(COLUMN "op = \"<\", bound = 0/0"), "not a number without end"},
    {CLAIM(COLUMN "op = \"<\", bound = 1, aim = -1/0"),
     "claims[1].aim must be a finite number, its unit apart, not a number without end"},
    {CLAIM(COLUMN "op = \"<\", bound = 1, unit = \"msec\""),
     "claims[1].unit: \"msec\" is no unit of a claim; do you mean \"ms\"?"},
    {CLAIM(COLUMN "where = { hosts = 4 }, over = { hosts = 1 }, op = \"<\", bound = 1, unit = "
                  "\"ms\""),
     "claims[1].unit: with over the value is a ratio, in x or %, not in ms"},
    {CLAIM(COLUMN "op = \">\", bound = 80, aim = 80"),
     "claims[1].aim: 80 is not beyond the bound, > 80"},
    {CLAIM(COLUMN "op = \"<=\", bound = 8, aim = 9"),
     "claims[1].aim: 9 is not beyond the bound, <= 8"},
    {CLAIM(COLUMN "op = \"=\", bound = 8, aim = 9"),
     "claims[1].aim: beyond an = there is nothing to aim at"},
    {CLAIM(COLUMN "op = \"<\", bound = 1, note = \"a\\nb\""),
     "claims[1].note holds a control character or is not UTF-8"},
    {"local c = {}\nfor i = 1, 65 do c[i] = {} end\n" SCENARIO("claims = c"),
     "claims has 65 entries; the most is 64"},
    {POINT("nil"), "the point function must return a table of options, not a nil"},
    {POINT("{ cluster = { network = { latencey = \"1ms\" } } }"),
     "s.lua: point 0 (repetition 1): unknown key \"latencey\" in cluster.network; do you mean "
     "\"latency\"?"},
    {POINT("{ clutser = {} }"),
     "unknown key \"clutser\" in the point's options; do you mean \"cluster\"?"},
    {POINT("{ cluster = 4 }"),
     "cluster must be a table with keys such as \"hosts\", not a number"},
    {POINT("{ cluster = { hosts = {} } }"),
     "cluster.hosts must be a text, number or boolean, not a table"},
    {POINT("{ cluster = { hosts = 0/0 } }"), "cluster.hosts: \"nan\" is not a whole number"},
    {POINT("{ cluster = { hosts = 1e308 * 10 } }"),
     "cluster.hosts: \"inf\" is not a whole number"},
    {POINT("{ cluster = { hosts = -1 } }"),
     "cluster.hosts: \"-1\" is too small; the least is 1"},
    {POINT("{ cluster = { hosts = 2^53 } }"), "is too large; the greatest is 4096"},
    {POINT("{ cluster = { network = { latency = \"50 parsecs\" } } }"),
     "cluster.network.latency: \"50 parsecs\" is not a duration; use ns, us, ms, s, min or h"},
    {POINT("{ seed = 4 }"), "choose that with --seed"},
    {POINT("{ profile = \"a\\0b\" }"), "profile holds a control character or is not UTF-8"},
    {POINT("{ profile = \"\\xff\" }"), "profile holds a control character or is not UTF-8"},
    {"return { name = \"s\", " FACTORS "point = function(factor)\n"
     "  return { cluster = { hosts = factor.host } }\nend }",
     "s.lua:2: unknown factor \"host\"; do you mean \"hosts\"?"},
    {POINT("{ faults = { { at = \"1s\", action = \"heal\" } } }"),
     "faults[1].action: there is no partition to heal at 1s"},
    {POINT("{ faults = { { at = \"1s\", action = \"partition\", hosts = { 0 } } } }"),
     "faults[1].hosts: a partition needs at least 2 hosts, but cluster.hosts is 1"},
    {POINT("{ cluster = { hosts = 4 }, faults = { { at = \"1s\", action = \"partition\", hosts "
           "= { 4 } "
           "} } }"),
     "faults[1].hosts: host 4 does not exist; cluster.hosts is 4, so hosts are 0 to 3"},
    {POINT("{ cluster = { hosts = 4 }, faults = { { at = \"1s\", action = \"partition\", hosts "
           "= { "
           "\"a\" } } } }"),
     "faults[1].hosts: entry 1 is not a host's number"},
    {POINT("{ faults = { { at = \"1s\", action = \"partiton\" } } }"),
     "faults[1].action: \"partiton\" is not one of partition, heal, latency, jitter, loss, "},
    {POINT("{ faults = { { at = \"1s\", action = \"partiton\" } } }"),
     "do you mean \"partition\"?"},
    {POINT("{ faults = { { at = \"1s\", action = \"loss\" } } }"),
     "faults[1].value is missing"},
    {POINT("{ faults = { { action = \"loss\", value = 1 } } }"), "faults[1].at is missing"},
    {POINT("{ faults = { { at = 1, action = \"heal\", value = 1 } } }"),
     "faults[1].value: the action heal takes no value"},
    {POINT("{ faults = { { at = 1, action = \"heal\", host = 1 } } }"),
     "unknown key \"host\" in faults[1]; do you mean \"hosts\"?"},
    {POINT("{ faults = { { at = \"700s\", action = \"loss\", value = 0.5 } } }"),
     "faults[1].at: 700s is after the run's stop at 10min"},
    {POINT("{ hooks = { { at = \"1s\" } } }"), "hooks[1].run must be a function, not a nil"},
    {POINT("{ hooks = { { run = error } } }"), "hooks[1] needs either at or when"},
    {POINT("{ hooks = { { at = 1, every = 1, run = error } } }"),
     "hooks[1]: every and times go with when, not with at"},
    {POINT("{ hooks = { { at = \"1h\", run = error } } }"),
     "hooks[1].at: 1h is after the run's stop at 10min"},
    {POINT("{ hooks = { { when = error, evry = 1, run = error } } }"),
     "unknown key \"evry\" in hooks[1]; do you mean \"every\"?"},
    {"require \"os\"",
     "s.lua:1: require \"os\": only modules named scenarios.lib.NAME can be loaded"},
    {"require \"scenarios.lib...x\"", "only modules named scenarios.lib.NAME"},
    {"require \"scenarios.lib.clutsers\"",
     "s.lua:1: there is no module \"scenarios.lib.clutsers\""},
    {"require \"scenarios.lib.broken\"",
     "scenarios/lib/broken.lua:3: unexpected symbol near <eof>"},
    {"require \"scenarios.lib.loop\"",
     "scenarios/lib/loop.lua:1: the module \"scenarios.lib.loop\" requires itself"},
    {"require \"scenarios.lib.none\"", "must return a table or function, not a nil"},
};

static void bad_scripts_get_their_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_scripts / sizeof bad_scripts[0]; i++) {
        sim_plan *plan = NULL;
        cg_error error = {.message = "none"};
        cg_status status = plan_text(bad_scripts[i].text, NULL, 0, &plan, &error);
        if (status == CG_OK) {
            fail_msg("accepted: %s", bad_scripts[i].text);
        }
        if (!support_contains(error.message, bad_scripts[i].says) ||
            !support_contains(error.message,
                              strstr(bad_scripts[i].text, "require") ? ".lua" : "s.lua")) {
            fail_msg("script %s\nmessage \"%s\" lacks \"%s\"", bad_scripts[i].text,
                     error.message, bad_scripts[i].says);
        }
    }
    sim_plan *plan = NULL;
    cg_error error;
    sim_scenario_request request = {.file = "/no/such.lua"};
    assert_status(sim_scenario_plan(&request, &plan, &error), CG_ERROR_NOT_FOUND, error,
                  "cannot open the scenario /no/such.lua: No such file or directory");
    request.file = folder;
    assert_status(sim_scenario_plan(&request, &plan, &error), CG_ERROR_INVALID, error,
                  "cannot read");
}

/* What comes from the child is taken apart with distrust: any cut or changed byte is refused or
 * is another valid plan, never a crash. */
static void damaged_plans_are_refused(void **state) {
    (void)state;
    cg_error error;
    sim_plan *plan = NULL;
    sim_plan *back = NULL;
    uint64_t hash = 0;
    sim_bytes bytes = {0};
    assert_ok(
        plan_text("-- Q\n" SCENARIO(
                      FACTORS
                      "tables = { { name = \"t\", columns = { \"a:b\" } } }, claims = { { id = "
                      "\"CL-1\", metric = \"a:b\", where = { hosts = 4 }, over = { "
                      "hosts = 1 }, op = \">\", bound = 2, aim = 3 } }"),
                  NULL, 0, &plan, &error),
        error);
    assert_ok(sim_plan_encode(plan, 7, &bytes, &error), error);
    assert_ok(sim_plan_decode(bytes.bytes, bytes.used, 42, &back, &hash, &error), error);
    assert_true(hash == 7);
    assert_string_equal(back->points[1].options_text, plan->points[1].options_text);
    sim_plan_free(back);
    assert_status(sim_plan_decode(bytes.bytes, bytes.used, 43, &back, &hash, &error),
                  CG_ERROR_CORRUPT, error, "damaged");
    for (size_t cut = 0; cut < bytes.used; cut += 3) {
        assert_int_not_equal(sim_plan_decode(bytes.bytes, cut, 42, &back, &hash, &error),
                             CG_OK);
    }
    cg_stream stream = cg_stream_init(support_seed(5), "scenario_test", 0);
    for (int i = 0; i < 2000; i++) {
        size_t at = (size_t)cg_stream_next_below(&stream, bytes.used);
        uint8_t kept = bytes.bytes[at];
        bytes.bytes[at] = (uint8_t)cg_stream_next(&stream);
        back = NULL;
        if (sim_plan_decode(bytes.bytes, bytes.used, 42, &back, &hash, &error) == CG_OK) {
            sim_plan_free(back);
        }
        bytes.bytes[at] = kept;
    }
    sim_bytes_free(&bytes);
    sim_plan_free(plan);
}

/* With every limit of memory, evaluating ends in the plan or in a sentence, and leaks nothing
 * (seen by ASan). */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    bool succeeded = false;
    unsigned failures = 0;
    for (uint64_t limit_bytes = 1000; limit_bytes < 60000; limit_bytes += 97) {
        sim_evaluation evaluation = {.file = "s.lua",
                                     .source = whole,
                                     .source_bytes = strlen(whole),
                                     .seed = 42,
                                     .limits = {limit_bytes, 1000000}};
        sim_plan *plan = NULL;
        uint64_t hash = 0;
        cg_error error = {.message = ""};
        cg_status status = sim_evaluate(&evaluation, &plan, &hash, &error);
        succeeded = status == CG_OK;
        if (succeeded) {
            sim_plan_free(plan);
        } else {
            failures++;
            assert_true(support_contains(error.message, "memory"));
        }
    }
    assert_true(succeeded);
    assert_true(failures > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scenario_becomes_its_plan),
        cmocka_unit_test(settings_come_last),
        cmocka_unit_test(plans_repeat),
        cmocka_unit_test(modules_are_loaded),
        cmocka_unit_test(default_clusters_are_those_of_the_claims),
        cmocka_unit_test(topologies_are_faults),
        cmocka_unit_test(bad_scripts_get_their_sentence),
        cmocka_unit_test(damaged_plans_are_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
