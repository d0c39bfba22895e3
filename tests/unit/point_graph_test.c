/* Goal: a point with a graph that has no texts - drawn, of triples, of vectors, saved - is run over
 * that graph: its figures are sums over its answers, which are those of spreads run alone; it is
 * the same at every run and another with another seed or another file; and what cannot be is
 * refused in a sentence. (B4, D1, D5, D6, E1, E2)
 */
#include "tests/support/point_world.h"

#include <unistd.h>

#include "engine/graph/synthetic.h"
#include "sim/graphs/source.h"

#define LOAD                                                                                   \
    "load.recall", "0.3", "load.spread", "0.7", "load.keys", "4", "load.requests", "300",      \
        "load.rate", "2K", "load.audits", "0", "load.facts", "1"

static char folder[] = "/tmp/point_graph_XXXXXX";
static char triples_path[64];
static char weights_path[64]; /* the same triples but for one weight */
static char names_path[64];   /* the same but for one entity's name */
static char vectors_path[64];
static char moved_path[64]; /* the same vectors but for one value */
static char saved_path[64];
static char torn_path[64]; /* a saved graph without its end */
static char wrong_path[64];

/* --- files ------------------------------------------------------------------------------- */

enum { ENTITIES = 120, LINES = 600, VECTORS = 150, DIMS = 8 };

static void write_triples(const char *path, const char *weight, const char *name) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    cg_stream stream = cg_stream_init(5, "test.triples", 0);
    fprintf(file, "%s\tknows\te1\t%s\n", name, weight);
    for (uint32_t i = 0; i < LINES; i++) {
        uint64_t head = 1 + cg_stream_next_below(&stream, ENTITIES - 1);
        uint64_t tail = 1 + cg_stream_next_below(&stream, ENTITIES - 1);
        fprintf(file, "e%u\tr%u\te%u\n", (unsigned)head, i % 3, (unsigned)tail);
    }
    assert_int_equal(fclose(file), 0);
}

/* fvecs: of each vector its length (int32), then its values; little-endian as this machine. */
static void write_vectors(const char *path, float first) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    cg_stream stream = cg_stream_init(6, "test.vectors", 0);
    for (uint32_t i = 0; i < VECTORS; i++) {
        int32_t dims = DIMS;
        float values[DIMS];
        for (int j = 0; j < DIMS; j++) {
            values[j] = (float)cg_stream_next_unit(&stream);
        }
        values[0] = i == 0 ? first : values[0];
        assert_int_equal(fwrite(&dims, sizeof dims, 1, file), 1);
        assert_int_equal(fwrite(values, sizeof values, 1, file), 1);
    }
    assert_int_equal(fclose(file), 0);
}

static void save_synthetic(void) {
    const char *const settings[] = {"graph.source", "synthetic", "graph.nodes",
                                    "1000",         LOAD,        NULL};
    static sim_options options;
    cg_error error = {0};
    point_options(&options, settings);
    sim_ground *ground = point_ground(&options);
    assert_ok(sim_graph_save(sim_ground_graph(ground), saved_path, &error), error);
    sim_ground_free(ground);
    size_t size_bytes = 0;
    uint8_t *bytes = support_read_file(saved_path, &size_bytes);
    FILE *file = fopen(torn_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes / 2, file), size_bytes / 2);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

static const struct {
    char *path;
    const char *name;
} files[] = {{triples_path, "a.tsv"},   {weights_path, "b.tsv"},  {names_path, "c.tsv"},
             {vectors_path, "a.fvecs"}, {moved_path, "b.fvecs"},  {saved_path, "a.cggraph"},
             {torn_path, "b.cggraph"},  {wrong_path, "a.vectors"}};

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(files[i].path, sizeof triples_path, "%s/%s", folder, files[i].name);
    }
    write_triples(triples_path, "1", "first");
    write_triples(weights_path, "0.5", "first");
    write_triples(names_path, "1", "other");
    write_vectors(vectors_path, 0.25F);
    write_vectors(moved_path, 0.75F);
    write_vectors(wrong_path, 0.25F);
    save_synthetic();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)remove(files[i].path);
    }
    return rmdir(folder);
}

/* --- points ------------------------------------------------------------------------------ */

static sim_options options_of(const char *source, const char *path) {
    const char *const settings[] = {"graph.source", source,        "graph.path", path,
                                    LOAD,           "graph.nodes", "1000",       NULL};
    sim_options options;
    point_options(&options, settings);
    return options;
}

static void set(sim_options *options, const char *name, const char *value) {
    cg_error error = {0};
    assert_ok(sim_options_set(options, name, value, &error), error);
    assert_ok(sim_options_check(options, &error), error);
}

static uint64_t fingerprint_of(const sim_options *options) {
    uint64_t fingerprint = 0;
    sim_ground *ground = point_ground(options);
    free(point_run(options, ground, SIM_LOOP_BARE, &fingerprint));
    sim_ground_free(ground);
    return fingerprint;
}

typedef struct sums {
    uint64_t spreads;
    uint64_t edges;
    uint64_t hits;
    uint64_t keys;
    uint64_t reached;
    uint64_t visits;
    uint64_t records;
} sums;

/* Over all answers; each spread's is that of cg_spread_run. Confidence is discounted by the tier
 * that a concept lies in, and so is all of the digest only known where one tier holds them all. */
static sums add_up(const point_world *world) {
    cg_spread_scratch *scratch = NULL;
    cg_error error = {0};
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    sums sum = {0};
    for (uint32_t i = 0; i < world->workload.count; i++) {
        const cg_reply *reply = &world->answers[i].reply;
        assert_int_equal(world->answers[i].replies, 1);
        assert_int_equal(reply->status, CG_OK);
        if (!point_world_is_spread(world, i)) {
            sum.keys += reply->count;
            continue;
        }
        cg_spread_result result;
        uint64_t digest =
            point_world_oracle(world, i, sim_ground_graph(world->ground), scratch, &result);
        assert_true(reply->digest == digest || world->options->engine.tier_levels > 2);
        assert_int_equal(reply->edges, result.edges);
        assert_int_equal(reply->reached, result.reached);
        assert_int_equal(reply->hops, result.hops);
        assert_int_equal(reply->count, result.hit_count);
        sum.spreads++;
        sum.edges += reply->edges;
        sum.hits += reply->count;
        sum.reached += reply->reached;
        sum.visits += result.visits;
        sum.records += result.records;
    }
    cg_spread_scratch_free(scratch);
    return sum;
}

static void assert_mean(const char *text, const char *name, uint64_t sum, uint64_t count) {
    double mean = (double)sum / (double)count;
    assert_near(point_figure(text, name, "mean"), mean, 1e-12 * mean);
}

static void assert_figures(const char *text, const point_world *world) {
    const cg_graph *graph = sim_ground_graph(world->ground);
    const sums sum = add_up(world);
    assert_true(sum.spreads > 150 && sum.edges > sum.spreads && sum.hits > sum.spreads);
    assert_int_equal(point_total(text, "graph.concepts"), cg_graph_concept_count(graph));
    assert_int_equal(point_total(text, "graph.edges"), cg_graph_edge_count(graph));
    assert_int_equal(point_total(text, "requests.answered"), world->workload.count);
    assert_int_equal(point_total(text, "spread.edges"), sum.edges);
    assert_mean(text, "spread.edges", sum.edges, sum.spreads);
    assert_mean(text, "spread.visits", sum.visits, sum.spreads);
    assert_mean(text, "spread.reached", sum.reached, sum.spreads);
    assert_int_equal(point_total(text, "operations.spread"), sum.hits);
    assert_int_equal(point_total(text, "operations.recall"), sum.keys);
    assert_int_equal(point_total(text, "operations.allocate"), 0);
    double seconds =
        (double)point_total(text, "requests.answered") /
        point_figure(text, "throughput", "mean"); /* first arrival to last answer */
    assert_near(point_figure(text, "spread.activations", "mean") * seconds / (double)sum.edges,
                1.0, 1e-9);
    cg_histogram latency = point_histogram(text, "latency.spread", "ns");
    assert_int_equal(latency.total, sum.spreads);
    cg_histogram_deinit(&latency);
    /* Records come in blocks of 256, and what was taken twice was allocated once. */
    assert_int_equal(point_total(text, "activation.records"), sum.records);
    uint64_t blocks = point_total(text, "activation.blocks");
    double reused = point_figure(text, "activation.reused", "share") / 100.0;
    double most = point_figure(text, "activation.in_use", "max");
    assert_true(most > 0.0 && most <= 256.0 * (double)blocks);
    assert_true((1.0 - reused) * (double)sum.records <= 256.0 * (double)blocks + 1e-6);
    assert_true(reused > 0.5 && reused < 1.0);
    /* The graph begins in memory, all of it. */
    assert_near(point_figure(text, "tier.memory", "share"), 100.0, 1e-9);
    assert_true(point_figure(text, "tier.l3", "share") < 1e-9);
    assert_true(point_figure(text, "tier.l1", "share") > 0.0);
    assert_true(point_figure(text, "tier.l2", "share") > 0.0);
    assert_null(strstr(text, "\tcpu.hot."));
    assert_null(strstr(text, "\tcpu.all."));
    assert_null(strstr(text, "\tconsolidation"));
    assert_null(strstr(text, "graph.held_out"));
}

/* With one tier before the store. */
static void check_digests(const char *source, const char *path) {
    sim_options options = options_of(source, path);
    set(&options, "engine.tiers.levels", "2");
    sim_ground *ground = point_ground(&options);
    point_world *world = point_world_run(&options, ground, SIM_LOOP_BARE);
    assert_true(add_up(world).spreads > 150);
    point_world_free(world);
    sim_ground_free(ground);
}

/* Runs it as a point and from within, which is the same run. */
static uint64_t check_source(const char *source, const char *path, uint32_t concepts) {
    const sim_options options = options_of(source, path);
    uint64_t fingerprint = 0;
    uint64_t again = 0;
    sim_ground *ground = point_ground(&options);
    assert_null(sim_ground_corpus(ground));
    assert_int_equal(sim_ground_fact_count(ground), 0);
    assert_int_equal(sim_ground_lesson_count(ground), 0);
    assert_int_equal(cg_graph_concept_count(sim_ground_graph(ground)), concepts);
    char *text = point_run(&options, ground, SIM_LOOP_BARE, &fingerprint);
    point_world *world = point_world_run(&options, ground, SIM_LOOP_BARE);
    assert_true(point_world_fingerprint(world) == fingerprint);
    assert_figures(text, world);
    point_world_free(world);
    free(text);
    free(point_run(&options, ground, SIM_LOOP_BARE, &again));
    assert_true(again == fingerprint);
    sim_ground_free(ground);
    assert_true(fingerprint_of(&options) == fingerprint); /* another ground, the same graph */
    sim_options other = options;
    other.seed++;
    assert_true(fingerprint_of(&other) != fingerprint);
    check_digests(source, path);
    return fingerprint;
}

static void test_drawn(void **state) {
    (void)state;
    uint64_t drawn = check_source("synthetic", "none", 1000);
    sim_options other = options_of("synthetic", "none");
    set(&other, "graph.seed", "2");
    assert_true(fingerprint_of(&other) != drawn);
    /* A saved graph is the graph that was saved. */
    uint64_t saved = check_source("saved", saved_path, 1000);
    assert_true(saved == drawn);
}

static void test_triples(void **state) {
    (void)state;
    uint64_t one = check_source("triples", triples_path, ENTITIES);
    sim_options other = options_of("triples", weights_path);
    assert_true(fingerprint_of(&other) != one);
    other = options_of("triples", names_path);
    assert_true(fingerprint_of(&other) != one);
    /* Edges back are the options' choice. */
    other = options_of("triples", triples_path);
    set(&other, "graph.inverse", "false");
    sim_ground *ground = point_ground(&other);
    uint64_t edges = cg_graph_edge_count(sim_ground_graph(ground));
    sim_ground_free(ground);
    other = options_of("triples", triples_path);
    set(&other, "graph.inverse", "true");
    ground = point_ground(&other);
    assert_int_equal(cg_graph_edge_count(sim_ground_graph(ground)), 2 * edges);
    sim_ground_free(ground);
}

static void test_vectors(void **state) {
    (void)state;
    uint64_t one = check_source("vectors", vectors_path, VECTORS);
    sim_options other = options_of("vectors", moved_path);
    assert_true(fingerprint_of(&other) != one);
    other = options_of("vectors", vectors_path);
    set(&other, "graph.neighbours", "3");
    sim_ground *ground = point_ground(&other);
    uint64_t edges = cg_graph_edge_count(sim_ground_graph(ground));
    assert_in_range(edges, 3 * VECTORS, 6 * VECTORS); /* there and back */
    sim_ground_free(ground);
}

/* Goal: what no tier in memory can hold is read from the store. */
static void test_tiers(void **state) {
    (void)state;
    sim_options options = options_of("synthetic", "none");
    set(&options, "engine.tiers.l1", "10");
    set(&options, "engine.tiers.l2", "100");
    sim_ground *ground = point_ground(&options);
    uint64_t fingerprint = 0;
    char *text = point_run(&options, ground, SIM_LOOP_BARE, &fingerprint);
    double store = point_figure(text, "tier.l3", "share");
    assert_true(store > 10.0);
    assert_near(point_figure(text, "tier.memory", "share"), 100.0 - store, 1e-9);
    free(text);
    sim_ground_free(ground);
}

/* Goal: the modelled caches count lines and nothing else: every line that one level lacks is asked
 * of the next, and a larger layout touches more memory but walks the same edges. */
static void test_cpu(void **state) {
    (void)state;
    static const char *const levels[] = {"l1", "l2", "llc"};
    static const char *const parts[] = {"hot", "all"};
    sim_options options = options_of("synthetic", "none");
    sim_ground *ground = point_ground(&options);
    uint64_t plain = 0;
    char *text = point_run(&options, ground, SIM_LOOP_BARE, &plain);
    uint64_t edges = point_total(text, "spread.edges");
    free(text);
    set(&options, "engine.cpu.modelled", "true");
    set(&options, "engine.cpu.l1", "4KiB");
    set(&options, "engine.cpu.l2", "16KiB");
    double misses[2] = {0};
    for (int layout = 0; layout < 2; layout++) {
        set(&options, "engine.cpu.layout", layout == 0 ? "split" : "whole");
        uint64_t fingerprint = 0;
        text = point_run(&options, ground, SIM_LOOP_BARE, &fingerprint);
        assert_true(fingerprint == plain); /* counts only */
        assert_int_equal(point_total(text, "spread.edges"), edges);
        assert_true(point_total(text, "cpu.hot.accesses") > edges);
        assert_true(point_total(text, "cpu.all.accesses") >
                    point_total(text, "cpu.hot.accesses"));
        for (int part = 0; part < 2; part++) {
            double above = 100.0;
            for (int level = 0; level < 3; level++) {
                char name[64];
                snprintf(name, sizeof name, "cpu.%s.%s.misses", parts[part], levels[level]);
                double missed = point_figure(text, name, "share");
                snprintf(name, sizeof name, "cpu.%s.%s.local_misses", parts[part],
                         levels[level]);
                assert_near(point_figure(text, name, "share") * above / 100.0, missed, 1e-9);
                assert_true(missed > 0.0 && missed < above);
                above = missed;
            }
        }
        misses[layout] = point_figure(text, "cpu.hot.l2.misses", "share");
        free(text);
    }
    print_message("hot lines that L2 lacks: split %.1f%%, whole %.1f%%\n", misses[0],
                  misses[1]);
    assert_true(misses[1] > misses[0]); /* 250 KiB of records, or 62 KiB of lines */
    sim_ground_free(ground);
}

/* --- what cannot be ---------------------------------------------------------------------- */

/* The file is looked at before anything is built, and again when it is. */
static void assert_no_ground(const sim_options *options, cg_status expected, bool is_seen_first,
                             const char *says) {
    cg_runner serial = cg_runner_serial();
    cg_error error = {0};
    sim_ground *ground = NULL;
    if (is_seen_first) {
        assert_status(sim_ground_check_files(options, &error), expected, error, says);
    } else {
        assert_ok(sim_ground_check_files(options, &error), error);
    }
    assert_status(sim_ground_build(options, &serial, NULL, NULL, &ground, &error), expected,
                  error, says);
    assert_null(ground);
}

static void test_files(void **state) {
    (void)state;
    static const char *const sources[] = {"triples", "vectors", "saved"};
    static const char *const missing[] = {"/nowhere/a.tsv", "/nowhere/a.fvecs",
                                          "/nowhere/a.cggraph"};
    for (int i = 0; i < 3; i++) {
        char says[96];
        snprintf(says, sizeof says, "cannot read %s: No such file or directory", missing[i]);
        sim_options options = options_of(sources[i], missing[i]);
        assert_no_ground(&options, CG_ERROR_NOT_FOUND, true, says);
    }
    sim_options options = options_of("vectors", wrong_path);
    assert_no_ground(&options, CG_ERROR_INVALID, true,
                     "a.vectors names no format of vectors; there are .fvecs");
    options = options_of("triples", vectors_path);
    assert_no_ground(&options, CG_ERROR_CORRUPT, false, "a.fvecs");
    options = options_of("saved", torn_path);
    assert_no_ground(&options, CG_ERROR_CORRUPT, false, "b.cggraph");
    options = options_of("saved", triples_path);
    assert_no_ground(&options, CG_ERROR_CORRUPT, false, "a.tsv");
    options = options_of("synthetic", "/nowhere");
    cg_error error = {0};
    assert_ok(sim_ground_check_files(&options, &error), error);
}

static void assert_refused(const char *const settings[5], const char *says) {
    sim_options options = options_of("synthetic", "none");
    cg_error error = {0};
    for (int i = 0; i < 4 && settings[i]; i += 2) {
        assert_ok(sim_options_set(&options, settings[i], settings[i + 1], &error), error);
    }
    assert_status(sim_options_check(&options, &error), CG_ERROR_INVALID, error, says);
}

static void test_options(void **state) {
    (void)state;
    static const struct {
        const char *settings[5];
        const char *says;
    } cases[] = {
        {{"graph.nodes", "all"},
         "graph.source: of keys and of what is drawn there are not \"all\"; say with "
         "graph.nodes how many there are"},
        {{"load.spread", "0.6"}, "load.recall and load.spread are 0.3 and 0.6 and must add up"},
        {{"load.ask", "gloss"}, "load.ask: only WordNet has texts to ask with; use rows"},
        {{"engine.consolidate", "50ms"}, "engine.consolidate: what it changes is logged"},
        {{"cluster.hosts", "2"}, "served by one host; cluster.hosts is 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(cases[i].settings, cases[i].says);
    }
    /* Of a file "all" is what there is. */
    sim_options options = options_of("triples", triples_path);
    set(&options, "graph.nodes", "all");
    sim_options usual = options_of("triples", triples_path);
    assert_true(fingerprint_of(&options) == fingerprint_of(&usual));
}

/* Goal: a graph that a host has no room for is refused before it is drawn; one that is let in
 * takes no more than was reckoned with. */
static void test_memory(void **state) {
    (void)state;
    sim_options options = options_of("synthetic", "none");
    cg_error error = {0};
    set(&options, "cluster.memory", "1MiB");
    assert_ok(sim_ground_check_memory(&options, &error), error);
    set(&options, "graph.nodes", "10K");
    assert_status(
        sim_ground_check_memory(&options, &error), CG_ERROR_INVALID, error,
        "cluster.memory: a graph of 10000 concepts takes about 1 MB a host, which has "
        "1 MB; use a smaller graph.nodes or more memory");
    set(&options, "cluster.memory", "2MiB");
    assert_ok(sim_ground_check_memory(&options, &error), error);
    sim_ground *ground = point_ground(&options);
    uint64_t bytes = cg_graph_bytes(sim_ground_graph(ground));
    print_message("10,000 concepts: %llu bytes\n", (unsigned long long)bytes);
    assert_in_range(bytes, 1 << 20, 2 << 20);
    sim_ground_free(ground);
    /* Edges count, and more concepts than WordNet has. */
    set(&options, "graph.degree", "50");
    assert_status(sim_ground_check_memory(&options, &error), CG_ERROR_INVALID, error,
                  "a graph of 10000 concepts takes about 5 MB");
    set(&options, "graph.nodes", "1G");
    set(&options, "cluster.memory", "64GiB");
    assert_status(sim_ground_check_memory(&options, &error), CG_ERROR_INVALID, error,
                  "a graph of 1000000000 concepts takes about 504000 MB a host");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawn),   cmocka_unit_test(test_triples),
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_cpu),     cmocka_unit_test(test_files),
        cmocka_unit_test(test_options), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
