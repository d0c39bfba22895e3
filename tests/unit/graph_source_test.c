/* Goal: every kind of source becomes its graph, by name or extension; neighbours are the nearest,
 * with weights by the formula and the same for any runner; a saved graph comes back the same;
 * contents have a hash that tells them apart; and what is wrong with a file names it. (E1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/graph/wordnet.h"
#include "engine/node/neighbour_graph.h"
#include "sim/graphs/source.h"
#include "tests/support/runner.h"

static char folder[] = "/tmp/graph_source_XXXXXX";
static char start[512];

static int set_up(void **state) {
    (void)state;
    return getcwd(start, sizeof start) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const names[] = {"a.tsv",     "b.tsv",    "bad.tsv",   "a.fvecs",
                                        "a.u8bin",   "cut.fbin", "a.cggraph", "renamed",
                                        "b.cggraph", "empty.txt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)remove(names[i]);
    }
    return chdir(start) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_file(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

static sim_graph_options options_of(sim_graph_kind kind, const char *const *paths,
                                    uint32_t count) {
    sim_graph_options options = sim_graph_options_default(kind);
    options.paths = paths;
    options.path_count = count;
    return options;
}

static sim_graph *build(const sim_graph_options *options, const cg_runner *runner) {
    const sim_graph_build_how how = {.runner = runner};
    cg_error error = {0};
    sim_graph *graph = NULL;
    assert_ok(sim_graph_build(options, &how, &graph, &error), error);
    return graph;
}

static void expect_failure(const sim_graph_options *options, cg_status expected,
                           const char *says) {
    const sim_graph_build_how how = {.runner = NULL};
    cg_error error = {0};
    sim_graph *graph = NULL;
    assert_status(sim_graph_build(options, &how, &graph, &error), expected, error, says);
    assert_null(graph);
}

static void names_and_extensions(void **state) {
    (void)state;
    static const struct {
        const char *source;
        sim_graph_kind kind;
    } cases[] = {
        {"wordnet", SIM_GRAPH_KIND_WORDNET},    {"synthetic", SIM_GRAPH_KIND_SYNTHETIC},
        {"a/b.tsv", SIM_GRAPH_KIND_TRIPLES},    {"x.TXT", SIM_GRAPH_KIND_TRIPLES},
        {"base.u8bin", SIM_GRAPH_KIND_VECTORS}, {"a.fvecs", SIM_GRAPH_KIND_VECTORS},
        {"a.b.ivecs", SIM_GRAPH_KIND_VECTORS},  {"x.BVECS", SIM_GRAPH_KIND_VECTORS},
        {"x.fbin", SIM_GRAPH_KIND_VECTORS},     {"x.i8bin", SIM_GRAPH_KIND_VECTORS},
        {"x.cggraph", SIM_GRAPH_KIND_SAVED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_error error = {0};
        sim_graph_kind kind = SIM_GRAPH_KINDS;
        assert_ok(sim_graph_kind_of(cases[i].source, &kind, &error), error);
        assert_int_equal(kind, cases[i].kind);
    }
    static const char *const unknown[] = {"", "wordnets", "a.csv", "tsv", "a.tsv/b", "a.", "."};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        cg_error error = {0};
        sim_graph_kind kind = SIM_GRAPH_KINDS;
        assert_status(sim_graph_kind_of(unknown[i], &kind, &error), CG_ERROR_INVALID, error,
                      "is no graph: it must be wordnet, synthetic");
        assert_int_equal(kind, SIM_GRAPH_KINDS);
    }
    assert_string_equal(sim_graph_kind_name(SIM_GRAPH_KIND_SAVED), "saved");
}

static void wordnet(void **state) {
    (void)state;
    const sim_graph_options options = options_of(SIM_GRAPH_KIND_WORDNET, NULL, 0);
    sim_graph *graph = build(&options, NULL);
    assert_int_equal(cg_graph_concept_count(sim_graph_view(graph)), CG_WORDNET_SYNSETS);
    assert_int_equal(cg_graph_edge_count(sim_graph_view(graph)), 364543);
    assert_null(sim_graph_synthetic(graph));
    sim_graph_free(graph);
    sim_graph_free(NULL);
    const char *const none[] = {"nowhere"};
    const sim_graph_options missing = options_of(SIM_GRAPH_KIND_WORDNET, none, 1);
    expect_failure(
        &missing, CG_ERROR_NOT_FOUND,
        "cannot read nowhere/data.noun: No such file or directory; install Debian's");
}

static void triples_of_files(void **state) {
    (void)state;
    write_text("a.tsv", "a\tr\tb\nb\tr\tc\n");
    write_text("b.tsv", "a\tr\tb\nc\tr\tc\n");
    const char *const paths[] = {"a.tsv", "b.tsv"};
    const char *const swapped[] = {"b.tsv", "a.tsv"};
    sim_graph_options options = options_of(SIM_GRAPH_KIND_TRIPLES, paths, 2);
    sim_graph *graph = build(&options, NULL);
    const sim_graph_facts facts = sim_graph_facts_of(graph);
    assert_int_equal(cg_graph_edge_count(sim_graph_view(graph)), 2);
    assert_int_equal(facts.triples, 4);
    assert_int_equal(facts.duplicates, 1);
    assert_int_equal(facts.self_edges, 1);
    assert_int_equal(facts.size_bytes, 24);
    cg_graph *taken = sim_graph_take(graph);
    sim_graph_free(graph);
    assert_string_equal(cg_graph_name(taken, 2), "c");
    cg_graph_free(taken);
    options.inverse = true;
    graph = build(&options, NULL);
    assert_int_equal(cg_graph_edge_count(sim_graph_view(graph)), 4);
    assert_true(sim_graph_facts_of(graph).content_hash == facts.content_hash);
    sim_graph_free(graph);
    options.paths = swapped;
    graph = build(&options, NULL);
    assert_true(sim_graph_facts_of(graph).content_hash != facts.content_hash);
    sim_graph_free(graph);
    options.path_count = 0;
    expect_failure(&options, CG_ERROR_INVALID,
                   "a graph of source \"triples\" takes 1 to 64 paths, not 0");
    write_text("bad.tsv", "a\tr\tb\na\tr\n");
    const char *const bad[] = {"a.tsv", "bad.tsv"};
    options = options_of(SIM_GRAPH_KIND_TRIPLES, bad, 2);
    expect_failure(&options, CG_ERROR_CORRUPT, "bad.tsv line 2: 2 fields");
    write_text("empty.txt", "");
    const char *const empty[] = {"empty.txt"};
    options = options_of(SIM_GRAPH_KIND_TRIPLES, empty, 1);
    expect_failure(&options, CG_ERROR_CORRUPT, "empty.txt: there is no triple");
}

static void synthetic(void **state) {
    (void)state;
    sim_graph_options options = options_of(SIM_GRAPH_KIND_SYNTHETIC, NULL, 0);
    options.synthetic.nodes = 1000;
    options.synthetic.communities = 4;
    sim_graph *graph = build(&options, NULL);
    const uint64_t hash = cg_graph_hash(sim_graph_view(graph));
    const uint64_t contents = sim_graph_facts_of(graph).content_hash;
    assert_int_equal(cg_synthetic_community_size(sim_graph_synthetic(graph), 3), 250);
    sim_graph_free(graph);
    options.seed = 2;
    graph = build(&options, NULL);
    assert_true(cg_graph_hash(sim_graph_view(graph)) != hash);
    assert_true(sim_graph_facts_of(graph).content_hash != contents);
    sim_graph_free(graph);
    options.synthetic.communities = 501;
    expect_failure(&options, CG_ERROR_INVALID, "communities is 501");
}

/* --- Vectors. --- */

static cg_vector_file file_of(const float *vectors, uint32_t count, uint32_t dims,
                              uint8_t **bytes) {
    const cg_vector_file shape = {.format = CG_VECTORS_FVECS, .count = count, .dims = dims};
    const size_t size = (size_t)cg_vector_file_bytes(shape.format, count, dims);
    cg_vector_file file;
    cg_error error = {0};
    *bytes = malloc(size);
    assert_non_null(*bytes);
    assert_ok(cg_vector_file_write(&shape, vectors, *bytes, size, &error), error);
    assert_ok(cg_vector_file_open(shape.format, *bytes, size, &file, &error), error);
    return file;
}

static cg_graph *neighbours_of(const cg_vector_file *file, const cg_neighbour_options *options,
                               const cg_runner *runner) {
    const cg_neighbour_build how = {.runner = runner, .allocator = cg_allocator_heap()};
    cg_graph *graph = NULL;
    cg_error error = {0};
    assert_ok(cg_neighbour_graph(file, options, &how, &graph, NULL, &error), error);
    return graph;
}

static void expect_edge(const cg_graph *graph, uint32_t row, uint32_t target, uint32_t weight) {
    cg_edge_cursor cursor = cg_graph_edges(graph, row);
    cg_edge edge;
    while (cg_graph_next_edge(&cursor, &edge)) {
        if (edge.target == target) {
            assert_int_equal(edge.weight, weight);
            assert_string_equal(cg_graph_relation_name(graph, edge.type), "near");
            return;
        }
    }
    fail_msg("no edge from %u to %u", row, target);
}

static void known_neighbours(void **state) {
    (void)state;
    static const float line[] = {0, 1, 3};
    uint8_t *bytes = NULL;
    const cg_vector_file file = file_of(line, 3, 1, &bytes);
    const cg_runner serial = cg_runner_serial();
    cg_neighbour_options options = cg_neighbour_options_default();
    options.neighbours = 1;
    cg_graph *graph = neighbours_of(&file, &options, &serial);
    assert_int_equal(cg_graph_edge_count(graph), 3);
    expect_edge(graph, 0, 1, 170); /* 2/3 is 170.67 steps of 1/256: 171 of them */
    expect_edge(graph, 1, 0, 170);
    expect_edge(graph, 2, 1, 84); /* 1/3: 85 */
    cg_graph_free(graph);
    options.inverse = true;
    graph = neighbours_of(&file, &options, &serial);
    assert_int_equal(cg_graph_edge_count(graph), 4);
    expect_edge(graph, 1, 2, 84);
    cg_graph_free(graph);
    free(bytes);
    /* All equal: each is near others, with weight 1. */
    static const float equal[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const cg_vector_file same = file_of(equal, 6, 2, &bytes);
    options.neighbours = 3;
    options.inverse = false;
    graph = neighbours_of(&same, &options, &serial);
    assert_int_equal(cg_graph_edge_count(graph), 18);
    expect_edge(graph, 0, 1, 255);
    expect_edge(graph, 5, 0, 255);
    cg_graph_free(graph);
    free(bytes);
}

static float *random_vectors(uint32_t count, uint32_t dims) {
    float *vectors = malloc((size_t)count * dims * sizeof *vectors);
    assert_non_null(vectors);
    cg_stream stream = cg_stream_init(1, "source.vectors", 0);
    for (size_t i = 0; i < (size_t)count * dims; i++) {
        vectors[i] = (float)cg_stream_next_normal(&stream);
    }
    return vectors;
}

static float distance(const float *a, const float *b, uint32_t dims) {
    float sum = 0.0f;
    for (uint32_t d = 0; d < dims; d++) {
        sum += (a[d] - b[d]) * (a[d] - b[d]);
    }
    return sum;
}

/* Exactly the nearest by plain search, nearer ones with no less weight; HNSW finds nearly all
 * of them, and both are the same for any runner. */
static void nearest_of_many(void **state) {
    (void)state;
    enum { COUNT = 600, DIMS = 6, K = 5 };
    float *vectors = random_vectors(COUNT, DIMS);
    uint8_t *bytes = NULL;
    const cg_vector_file file = file_of(vectors, COUNT, DIMS, &bytes);
    const cg_runner serial = cg_runner_serial();
    uint32_t workers = 3;
    const cg_runner threads = support_threads(&workers);
    support_disorder disorder;
    const cg_runner disordered = support_disordered(&disorder, 5, 4);
    for (int exact = 1; exact >= 0; exact--) {
        cg_neighbour_options options = cg_neighbour_options_default();
        options.neighbours = K;
        options.exact_rows_max = exact ? COUNT : 0;
        cg_graph *graph = neighbours_of(&file, &options, &serial);
        uint32_t right = 0;
        for (uint32_t row = 0; row < COUNT; row++) {
            float most = 0.0f;
            cg_edge_cursor cursor = cg_graph_edges(graph, row);
            cg_edge edge;
            while (cg_graph_next_edge(&cursor, &edge)) {
                const float d = distance(vectors + (size_t)row * DIMS,
                                         vectors + (size_t)edge.target * DIMS, DIMS);
                most = d > most ? d : most;
            }
            assert_int_equal(cg_graph_degree(graph, row), K);
            uint32_t nearer = 0;
            for (uint32_t other = 0; other < COUNT; other++) {
                nearer += other != row &&
                          distance(vectors + (size_t)row * DIMS, vectors + (size_t)other * DIMS,
                                   DIMS) < most * 0.99999f;
            }
            right += nearer < K;
        }
        assert_true(right >= (exact ? COUNT : COUNT * 95 / 100));
        const uint64_t hash = cg_graph_hash(graph);
        cg_graph_free(graph);
        graph = neighbours_of(&file, &options, &threads);
        assert_true(cg_graph_hash(graph) == hash);
        cg_graph_free(graph);
        graph = neighbours_of(&file, &options, &disordered);
        assert_true(cg_graph_hash(graph) == hash);
        cg_graph_free(graph);
    }
    free(bytes);
    free(vectors);
}

static void vectors_out_of_range(void **state) {
    (void)state;
    static const float line[] = {1, 0, 0, 0, 3, 1};
    static const struct {
        uint32_t neighbours;
        cg_metric metric;
        const char *says;
    } cases[] = {
        {0, CG_METRIC_L2, "neighbours is 0; it must be 1 to 1000"},
        {1001, CG_METRIC_L2, "neighbours is 1001"},
        {3, CG_METRIC_L2, "of 3 vectors, each has 2 others"},
        {1, CG_METRIC_INNER_PRODUCT, "the metric is 2"},
        {1, CG_METRIC_COSINE, "row 1 has no direction"},
    };
    uint8_t *bytes = NULL;
    const cg_vector_file file = file_of(line, 3, 2, &bytes);
    const cg_runner serial = cg_runner_serial();
    const cg_neighbour_build how = {.runner = &serial, .allocator = cg_allocator_heap()};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_neighbour_options options = cg_neighbour_options_default();
        options.neighbours = cases[i].neighbours;
        options.metric = cases[i].metric;
        cg_graph *graph = NULL;
        cg_error error = {0};
        assert_status(cg_neighbour_graph(&file, &options, &how, &graph, NULL, &error),
                      CG_ERROR_INVALID, error, cases[i].says);
        assert_null(graph);
    }
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        const cg_neighbour_build counted = {.runner = &serial,
                                            .allocator = cg_counting_allocator_view(&counting)};
        cg_neighbour_options options = cg_neighbour_options_default();
        options.neighbours = 2;
        options.exact_rows_max = n % 2 ? 3 : 0; /* both indexes */
        cg_graph *graph = NULL;
        cg_error error = {0};
        const cg_status status =
            cg_neighbour_graph(&file, &options, &counted, &graph, NULL, &error);
        failed = status != CG_OK;
        assert_true(!failed || (status == CG_ERROR_MEMORY && error.message[0] != '\0'));
        cg_graph_free(graph);
        assert_int_equal(counting.live_blocks, 0);
    }
    free(bytes);
}

static void vectors_of_a_file(void **state) {
    (void)state;
    static const uint8_t u8bin[] = {3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3};
    write_file("a.u8bin", u8bin, sizeof u8bin);
    write_file("cut.fbin", u8bin, sizeof u8bin);
    const char *const paths[] = {"a.u8bin"};
    sim_graph_options options = options_of(SIM_GRAPH_KIND_VECTORS, paths, 1);
    options.neighbours = 1;
    sim_graph *graph = build(&options, NULL);
    expect_edge(sim_graph_view(graph), 2, 1, 84);
    assert_int_equal(sim_graph_facts_of(graph).vectors, 3);
    assert_int_equal(sim_graph_facts_of(graph).dims, 1);
    sim_graph_free(graph);
    options.neighbours = 3;
    expect_failure(&options, CG_ERROR_INVALID, "a.u8bin: neighbours is 3");
    const char *const cut[] = {"cut.fbin"};
    options = options_of(SIM_GRAPH_KIND_VECTORS, cut, 1);
    expect_failure(&options, CG_ERROR_CORRUPT, "cut.fbin: fbin: the file has 11 bytes");
    const char *const other[] = {"a.tsv"};
    options = options_of(SIM_GRAPH_KIND_VECTORS, other, 1);
    expect_failure(&options, CG_ERROR_INVALID, "a.tsv names no format of vectors");
    const char *const none[] = {"none.fvecs"};
    options = options_of(SIM_GRAPH_KIND_VECTORS, none, 1);
    expect_failure(&options, CG_ERROR_NOT_FOUND, "cannot read none.fvecs: No such file");
}

/* --- Saved graphs. --- */

static void saved_and_back(void **state) {
    (void)state;
    sim_graph_options options = options_of(SIM_GRAPH_KIND_SYNTHETIC, NULL, 0);
    options.synthetic.nodes = 500;
    options.synthetic.communities = 4;
    sim_graph *graph = build(&options, NULL);
    const uint64_t hash = cg_graph_hash(sim_graph_view(graph));
    cg_error error = {0};
    assert_status(sim_graph_save(sim_graph_view(graph), "a.graph", &error), CG_ERROR_INVALID,
                  error, "a saved graph's name ends with .cggraph; \"a.graph\" does not");
    assert_ok(sim_graph_save(sim_graph_view(graph), "a.cggraph", &error), error);
    sim_graph_free(graph);
    const char *const paths[] = {"a.cggraph"};
    options = options_of(SIM_GRAPH_KIND_SAVED, paths, 1);
    graph = build(&options, NULL);
    assert_true(cg_graph_hash(sim_graph_view(graph)) == hash);
    assert_null(sim_graph_take(graph));
    assert_non_null(sim_graph_view(graph));
    sim_graph_free(graph);
    /* By its first bytes, whatever it is called. */
    assert_int_equal(rename("a.cggraph", "renamed"), 0);
    sim_graph_kind kind = SIM_GRAPH_KINDS;
    assert_ok(sim_graph_kind_of("renamed", &kind, &error), error);
    assert_int_equal(kind, SIM_GRAPH_KIND_SAVED);
    write_text("b.cggraph", "no graph at all");
    const char *const bad[] = {"b.cggraph"};
    options = options_of(SIM_GRAPH_KIND_SAVED, bad, 1);
    expect_failure(&options, CG_ERROR_CORRUPT, "b.cggraph: ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_extensions), cmocka_unit_test(wordnet),
        cmocka_unit_test(triples_of_files),     cmocka_unit_test(synthetic),
        cmocka_unit_test(known_neighbours),     cmocka_unit_test(nearest_of_many),
        cmocka_unit_test(vectors_out_of_range), cmocka_unit_test(vectors_of_a_file),
        cmocka_unit_test(saved_and_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
