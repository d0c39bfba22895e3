/* Goal: triples become the graph that they state: rows and relations in order of appearance,
 * inverses, weights, duplicates and self edges as the header says; and whatever is no triple is
 * refused with source, line and field named, and nothing left behind. (E1) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/triples.h"

typedef struct loaded {
    cg_graph *graph;
    cg_triples_report report;
} loaded;

static loaded load(const char *text, bool inverse) {
    const cg_triples_source source = {"a.tsv", (const uint8_t *)text, strlen(text)};
    const cg_triples_options options = {inverse};
    cg_error error = {0};
    loaded result = {0};
    assert_ok(cg_triples_parse(&source, 1, &options, cg_allocator_heap(), &result.graph,
                               &result.report, &error),
              error);
    return result;
}

/* The graph's edges as "a>b:r/255 ..." by row. */
static const char *edges_of(const cg_graph *graph, char text[1024]) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t row = 0; row < cg_graph_concept_count(graph); row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        cg_edge edge;
        while (cg_graph_next_edge(&cursor, &edge)) {
            used +=
                (size_t)snprintf(text + used, 1024 - used, "%s>%s:%s/%u ",
                                 cg_graph_name(graph, row), cg_graph_name(graph, edge.target),
                                 cg_graph_relation_name(graph, edge.type), edge.weight);
            assert_true(used < 1024);
        }
    }
    return text;
}

static void expect_edges(const char *input, bool inverse, const char *edges) {
    char text[1024];
    loaded result = load(input, inverse);
    assert_string_equal(edges_of(result.graph, text), edges);
    cg_graph_free(result.graph);
}

static void known_graph(void **state) {
    (void)state;
    loaded result = load("a\tr\tb\nb\tr\tc\na\tr\tb\nc\tis in\tc\n", false);
    char text[1024];
    assert_int_equal(cg_graph_concept_count(result.graph), 3);
    assert_string_equal(cg_graph_name(result.graph, 0), "a");
    assert_string_equal(cg_graph_name(result.graph, 2), "c");
    for (uint32_t row = 0; row < 3; row++) {
        assert_int_equal(cg_graph_id(result.graph, row), row + 1);
        assert_int_equal(cg_graph_type(result.graph, row), 0);
    }
    assert_string_equal(edges_of(result.graph, text), "a>b:r/255 b>c:r/255 ");
    assert_int_equal(result.report.lines, 4);
    assert_int_equal(result.report.duplicates, 1);
    assert_int_equal(result.report.self_edges, 1);
    assert_int_equal(result.report.relations, 2);
    assert_int_equal(cg_graph_relation_count(result.graph), CG_EDGE_TYPE_COUNT + 2);
    assert_true(cg_graph_row_is_plain(result.graph, 0)); /* frozen */
    cg_graph_free(result.graph);
}

static void inverses(void **state) {
    (void)state;
    loaded result = load("a\tr\tb\t0.5\nb\tr\tc\na\tr\tb\nc\tis in\tc\n", true);
    char text[1024];
    assert_string_equal(edges_of(result.graph, text),
                        "a>b:r/255 b>c:r/255 b>a:inverse of r/255 c>b:inverse of r/255 ");
    assert_int_equal(result.report.duplicates, 2);
    assert_int_equal(result.report.self_edges, 1);
    assert_int_equal(result.report.relations, 4);
    cg_graph_free(result.graph);
    /* A file may state inverses itself: they are the same relation. */
    result = load("a\tr\tb\nb\tinverse of r\ta\n", true);
    assert_int_equal(result.report.relations, 3); /* and the inverse of that */
    assert_int_equal(result.report.duplicates, 1);
    cg_graph_free(result.graph);
}

/* Line ends, a byte order mark, empty lines, a last line that is cut; names as they are. */
static void forms_of_text(void **state) {
    (void)state;
    loaded result = load("\xef\xbb\xbf"
                         "a\tr\tb\r\n\n\r\n# x\t\"r\"\t \xc3\xb6 ",
                         false);
    char text[1024];
    assert_string_equal(edges_of(result.graph, text), "a>b:r/255 # x> \xc3\xb6 :\"r\"/255 ");
    assert_int_equal(result.report.empty_lines, 2);
    assert_int_equal(result.report.lines, 2);
    cg_graph_free(result.graph);
    expect_edges("a\tr\tb", false, "a>b:r/255 ");
    /* WordNet's relations keep their types, so there is a hierarchy. */
    result = load("dog\thypernym\tanimal\nanimal\thypernym\tthing\n", false);
    assert_int_equal(result.report.relations, 0);
    assert_int_equal(cg_graph_depth(result.graph, 0), 2);
    cg_graph_free(result.graph);
}

static void weights(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t weight;
    } cases[] = {
        {"1", 255},
        {"1.0", 255},
        {"0.5", 127},
        {".25", 63},
        {"5e-1", 127},
        {"50.00E-2", 127},
        {"0.00390625", 0},
        {"0.000001", 0},
        {"1e-4000", 0},
        {"0.0058594", 1},
        {"10e-1", 255},
        {"0.99999999999999999999999", 255},
        {"0.0000000000000000000000005e24", 127},
        {"1000000000000000000000e-21", 255},
        {"0.99", 252},
        {"00.5", 127},
        {"1.", 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[128];
        char expected[64];
        snprintf(line, sizeof line, "a\tr\tb\t%s\n", cases[i].text);
        snprintf(expected, sizeof expected, "a>b:r/%u ", cases[i].weight);
        expect_edges(line, false, expected);
    }
    /* The greatest of duplicates stays. */
    expect_edges("a\tr\tb\t0.25\na\tr\tb\t0.75\na\tr\tb\t0.5\n", false, "a>b:r/191 ");
}

static void several_sources(void **state) {
    (void)state;
    const cg_triples_source sources[] = {
        {"train", (const uint8_t *)"a\tr\tb", 5},
        {"empty", NULL, 0},
        {"valid", (const uint8_t *)"b\tr\ta\na\tr\tb\n", 12},
    };
    const cg_triples_options options = {false};
    cg_triples_report report;
    cg_graph *graph = NULL;
    cg_error error = {0};
    char text[1024];
    assert_ok(
        cg_triples_parse(sources, 3, &options, cg_allocator_heap(), &graph, &report, &error),
        error);
    assert_string_equal(edges_of(graph, text), "a>b:r/255 b>a:r/255 ");
    assert_int_equal(report.duplicates, 1);
    cg_graph_free(graph);
    const cg_triples_source bad[] = {sources[0], {"test", (const uint8_t *)"\nb\tr\n", 5}};
    graph = NULL;
    assert_status(cg_triples_parse(bad, 2, &options, cg_allocator_heap(), &graph, NULL, &error),
                  CG_ERROR_CORRUPT, error, "test line 2: 2 fields");
    assert_null(graph);
    assert_status(
        cg_triples_parse(NULL, 0, &options, cg_allocator_heap(), &graph, NULL, &error),
        CG_ERROR_CORRUPT, error, "there is no triple");
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "a.tsv: there is no triple"},
        {"\n\r\n", "a.tsv: there is no triple"},
        {"a\tr\tb\na b c\n", "a.tsv line 2: 1 field separated by tabs; there must be 3"},
        {"a\tr\n", "a.tsv line 1: 2 fields"},
        {"a\tr\tb\t1\tx\n", "5 fields"},
        {"a\tr\tb\t1\t\n", "5 fields"},
        {"\tr\tb\n", "the head in field 1 has 0 bytes; it must have 1 to 255"},
        {"a\t\tb\n", "the relation in field 2 has 0 bytes"},
        {"a\tr\t\n", "the tail in field 3 has 0 bytes"},
        {"a\tr\t\r\n", "the tail in field 3 has 0 bytes"},
        {"a\tr\tb\t\n", "the weight in field 4 is \"\""},
        {"a\tr\tb\t0\n", "the weight in field 4 is \"0\"; it must be a number above 0 and"},
        {"a\tr\tb\t0.000\n", "the weight in field 4"},
        {"a\tr\tb\t-0.5\n", "the weight in field 4"},
        {"a\tr\tb\t1.0000000000000000000000001\n", "the weight in field 4"},
        {"a\tr\tb\t1e1\n", "the weight in field 4"},
        {"a\tr\tb\t2\n", "the weight in field 4"},
        {"a\tr\tb\tnan\n", "the weight in field 4 is \"nan\""},
        {"a\tr\tb\tinf\n", "the weight in field 4"},
        {"a\tr\tb\t0.5x\n", "the weight in field 4"},
        {"a\tr\tb\t.\n", "the weight in field 4"},
        {"a\tr\tb\t1e-\n", "the weight in field 4"},
        {"a\tr\tb\t 1\n", "the weight in field 4"},
        {"a\tr\tb\t0.5e99999999999\n", "the weight in field 4"},
        {"a\tr\xff\tb\n", "column 4 holds the byte 0xff"},
        {"a\tr\tb\xc3\n", "column 6 holds the byte 0xc3"},
        {"a\tr\tb\na\tr\t\xed\xa0\x80\n", "line 2: column 5 holds the byte 0xed"},
    };
    const cg_triples_options options = {false};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cg_triples_source source = {"a.tsv", (const uint8_t *)cases[i].text,
                                          strlen(cases[i].text)};
        cg_graph *graph = NULL;
        cg_error error = {0};
        cg_status status =
            cg_triples_parse(&source, 1, &options, cg_allocator_heap(), &graph, NULL, &error);
        assert_status(status, CG_ERROR_CORRUPT, error, cases[i].says);
        assert_null(graph);
    }
    const cg_triples_source nul = {NULL, (const uint8_t *)"a\tr\tb\0c\n", 8};
    cg_graph *graph = NULL;
    cg_error error = {0};
    assert_status(
        cg_triples_parse(&nul, 1, &options, cg_allocator_heap(), &graph, NULL, &error),
        CG_ERROR_CORRUPT, error, "line 1: column 6 holds the byte 0x00");
}

static void longest_names(void **state) {
    (void)state;
    for (int part = 0; part < 3; part++) {
        for (uint32_t inverse = 0; inverse < 2; inverse++) {
            size_t most = part == 1 && inverse ? 244 : 255;
            for (size_t bytes = most; bytes <= most + 1; bytes++) {
                char name[257];
                char line[1024];
                memset(name, 'x', bytes);
                name[bytes] = '\0';
                snprintf(line, sizeof line, "%s\t%s\t%s\n", part == 0 ? name : "a",
                         part == 1 ? name : "r", part == 2 ? name : "b");
                const cg_triples_source source = {NULL, (const uint8_t *)line, strlen(line)};
                const cg_triples_options options = {inverse};
                cg_graph *graph = NULL;
                cg_error error = {0};
                cg_status status = cg_triples_parse(&source, 1, &options, cg_allocator_heap(),
                                                    &graph, NULL, &error);
                if (bytes == most) {
                    assert_ok(status, error);
                } else {
                    assert_status(status, CG_ERROR_CORRUPT, error, " bytes; it must have 1 to");
                }
                cg_graph_free(graph);
            }
        }
    }
}

/* A million relations: as many as a graph has types are taken, the next one is refused. */
static void relations_at_most(void **state) {
    (void)state;
    enum { LINES = 70000, LINE_BYTES = 24 };
    char *text = malloc((size_t)LINES * LINE_BYTES);
    assert_non_null(text);
    size_t used = 0;
    size_t fits = 0;
    for (uint32_t i = 0; i < LINES; i++) {
        used += (size_t)snprintf(text + used, LINE_BYTES, "a\tr%u\tb\n", i);
        fits = i + 1 == CG_RELATIONS_MAX - CG_EDGE_TYPE_COUNT ? used : fits;
    }
    const cg_triples_options options = {false};
    cg_triples_source source = {NULL, (const uint8_t *)text, used};
    cg_graph *graph = NULL;
    cg_error error = {0};
    char line[32];
    snprintf(line, sizeof line, "line %d: ", CG_RELATIONS_MAX - CG_EDGE_TYPE_COUNT + 1);
    assert_status(
        cg_triples_parse(&source, 1, &options, cg_allocator_heap(), &graph, NULL, &error),
        CG_ERROR_FULL, error, line);
    source.size_bytes = fits;
    assert_ok(cg_triples_parse(&source, 1, &options, cg_allocator_heap(), &graph, NULL, &error),
              error);
    assert_int_equal(cg_graph_edge_count(graph), CG_RELATIONS_MAX - CG_EDGE_TYPE_COUNT);
    cg_graph_free(graph);
    free(text);
}

/* Each allocation fails once: an error, nothing leaked, *out untouched. */
static void out_of_memory(void **state) {
    (void)state;
    static const char text[] = "a\tr\tb\nb\tq\tc\na\tr\tb\nd\tr\ta\n";
    const cg_triples_source source = {NULL, (const uint8_t *)text, sizeof text - 1};
    const cg_triples_options options = {true};
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_graph *graph = NULL;
        cg_error error = {0};
        cg_status status = cg_triples_parse(
            &source, 1, &options, cg_counting_allocator_view(&counting), &graph, NULL, &error);
        failed = status != CG_OK;
        if (failed) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_true(error.message[0] != '\0');
            assert_null(graph);
        } else {
            assert_true(n > 10);
        }
        cg_graph_free(graph);
        assert_int_equal(counting.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_graph),     cmocka_unit_test(inverses),
        cmocka_unit_test(forms_of_text),   cmocka_unit_test(weights),
        cmocka_unit_test(several_sources), cmocka_unit_test(refusals),
        cmocka_unit_test(longest_names),   cmocka_unit_test(relations_at_most),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
