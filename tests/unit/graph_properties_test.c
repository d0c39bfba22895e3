/* Goal: properties by type and form, what layers share and keep to themselves, refusals, hash and
 * memory, and each allocation failing once. (E1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/graph_merge.h"
#include "engine/graph/properties.h"

static cg_graph *graph_of(const cg_graph *base, uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "", &row, &error), error);
    }
    return graph;
}

static uint32_t define(cg_graph *graph, const char *name, cg_property_type type,
                       cg_property_form form) {
    cg_error error = {0};
    uint32_t column = 0;
    cg_property property = {.name = name, .type = type, .form = form};
    assert_ok(cg_graph_define_property(graph, &property, &column, &error), error);
    return column;
}

static cg_property_value number(uint64_t value) {
    return (cg_property_value){.type = CG_PROPERTY_U64, .u64 = value};
}

static cg_property_value text(const char *value) {
    return (cg_property_value){.type = CG_PROPERTY_TEXT, .text = value};
}

static void put(cg_graph *graph, uint32_t column, uint32_t row, cg_property_value value) {
    cg_error error = {0};
    assert_ok(cg_graph_set_property(graph, column, row, value, &error), error);
}

static void assert_number(const cg_graph *graph, uint32_t column, uint32_t row,
                          uint64_t expected) {
    cg_property_value value = {0};
    assert_true(cg_graph_get_property(graph, column, row, &value));
    assert_int_equal(value.type, CG_PROPERTY_U64);
    assert_int_equal(value.u64, expected);
}

static void assert_text(const cg_graph *graph, uint32_t column, uint32_t row,
                        const char *expected) {
    cg_property_value value = {0};
    assert_true(cg_graph_get_property(graph, column, row, &value));
    assert_int_equal(value.type, CG_PROPERTY_TEXT);
    assert_string_equal(value.text, expected);
}

static void test_values(void **state) {
    (void)state;
    cg_property_value value = {0};
    cg_graph *graph = graph_of(NULL, 200);
    uint32_t born = define(graph, "born", CG_PROPERTY_U64, CG_PROPERTY_SPARSE);
    uint32_t mass = define(graph, "mass", CG_PROPERTY_F64, CG_PROPERTY_DENSE);
    uint32_t gloss = define(graph, "gloss", CG_PROPERTY_TEXT, CG_PROPERTY_DENSE);
    assert_int_equal(cg_graph_property_count(graph), 3);
    assert_false(cg_graph_get_property(graph, born, 199, &value));
    assert_false(cg_graph_get_property(graph, mass, 199, &value));
    put(graph, born, 199, number(UINT64_MAX));
    assert_number(graph, born, 199, UINT64_MAX);
    put(graph, mass, 130, (cg_property_value){.type = CG_PROPERTY_F64, .f64 = -2.5});
    assert_true(cg_graph_get_property(graph, mass, 130, &value));
    assert_true(value.f64 == -2.5);
    assert_false(cg_graph_get_property(graph, mass, 129, &value));
    assert_false(cg_graph_get_property(graph, mass, 199, &value));
    put(graph, mass, 130, (cg_property_value){.type = CG_PROPERTY_F64, .f64 = -0.0});
    assert_true(cg_graph_get_property(graph, mass, 130, &value));
    assert_false(signbit(value.f64));
    put(graph, gloss, 0, text("a thing"));
    put(graph, gloss, 0, text("another"));
    assert_text(graph, gloss, 0, "another");
    uint32_t column = 99;
    assert_true(cg_graph_find_property(graph, "mass", &column));
    assert_int_equal(column, mass);
    assert_false(cg_graph_find_property(graph, "mas", &column));
    cg_property property = cg_graph_property(graph, gloss);
    assert_string_equal(property.name, "gloss");
    assert_int_equal(property.type, CG_PROPERTY_TEXT);
    assert_int_equal(property.form, CG_PROPERTY_DENSE);
    cg_graph_free(graph);
}

static void test_refusals(void **state) {
    (void)state;
    cg_error error = {0};
    uint32_t column = 77;
    cg_graph *graph = graph_of(NULL, 2);
    char *longest = calloc(1, CG_PROPERTY_TEXT_BYTES_MAX + 2);
    assert_non_null(longest);
    uint32_t mass = define(graph, "mass", CG_PROPERTY_F64, CG_PROPERTY_SPARSE);
    uint32_t gloss = define(graph, "gloss", CG_PROPERTY_TEXT, CG_PROPERTY_SPARSE);
    cg_property property = {.name = "mass"};
    assert_status(cg_graph_define_property(graph, &property, &column, &error), CG_ERROR_EXISTS,
                  error, "'mass'");
    property.name = "";
    assert_status(cg_graph_define_property(graph, &property, &column, &error), CG_ERROR_INVALID,
                  error, "0 bytes");
    property = (cg_property){.name = "x", .type = (cg_property_type)3};
    assert_status(cg_graph_define_property(graph, &property, &column, &error), CG_ERROR_INVALID,
                  error, "type 3");
    assert_int_equal(column, 77);
    uint64_t hash = cg_graph_hash(graph);
    assert_status(cg_graph_set_property(graph, 2, 0, number(1), &error), CG_ERROR_INVALID,
                  error, "2 properties");
    assert_status(cg_graph_set_property(graph, mass, 2, number(1), &error), CG_ERROR_INVALID,
                  error, "2 rows");
    assert_status(cg_graph_set_property(graph, mass, 1, number(1), &error), CG_ERROR_INVALID,
                  error, "type 0");
    cg_property_value nan_value = {.type = CG_PROPERTY_F64, .f64 = (double)NAN};
    assert_status(cg_graph_set_property(graph, mass, 1, nan_value, &error), CG_ERROR_INVALID,
                  error, "not a number");
    memset(longest, 't', CG_PROPERTY_TEXT_BYTES_MAX + 1);
    assert_status(cg_graph_set_property(graph, gloss, 1, text(longest), &error),
                  CG_ERROR_INVALID, error, "65536 bytes");
    assert_int_equal(cg_graph_hash(graph), hash);
    longest[CG_PROPERTY_TEXT_BYTES_MAX] = 0;
    put(graph, gloss, 1, text(longest));
    assert_text(graph, gloss, 1, longest);
    for (uint32_t i = 2; i < CG_PROPERTIES_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", i);
        assert_int_equal(define(graph, name, CG_PROPERTY_U64, CG_PROPERTY_DENSE), i);
    }
    property = (cg_property){.name = "x"};
    assert_status(cg_graph_define_property(graph, &property, &column, &error), CG_ERROR_FULL,
                  error, "'x'");
    free(longest);
    cg_graph_free(graph);
}

static void test_layers(void **state) {
    (void)state;
    cg_error error = {0};
    cg_property_value value = {0};
    cg_graph *base = graph_of(NULL, 3);
    uint32_t rank = define(base, "rank", CG_PROPERTY_U64, CG_PROPERTY_DENSE);
    uint32_t gloss = define(base, "gloss", CG_PROPERTY_TEXT, CG_PROPERTY_SPARSE);
    put(base, rank, 0, number(7));
    put(base, rank, 1, number(5));
    put(base, gloss, 2, text("below"));
    uint64_t hash = cg_graph_hash(base);
    cg_graph *over = graph_of(base, 2);
    uint64_t over_hash = cg_graph_hash(over);
    uint32_t own = define(over, "own", CG_PROPERTY_TEXT, CG_PROPERTY_SPARSE);
    assert_int_equal(own, 2);
    put(over, rank, 0, number(8));
    put(over, rank, 4, number(4));
    put(over, own, 1, text("above"));
    assert_number(base, rank, 0, 7);
    assert_number(over, rank, 0, 8);
    assert_number(over, rank, 1, 5);
    assert_number(over, rank, 4, 4);
    assert_text(over, gloss, 2, "below");
    assert_text(over, own, 1, "above");
    assert_false(cg_graph_get_property(over, rank, 3, &value));
    assert_false(cg_graph_get_property(over, own, 2, &value));
    assert_int_equal(cg_graph_property_count(base), 2);
    assert_int_equal(cg_graph_hash(base), hash);
    assert_int_not_equal(cg_graph_hash(over), over_hash);
    cg_graph *merged = NULL;
    assert_ok(cg_graph_merge(over, cg_allocator_heap(), &merged, &error), error);
    assert_number(merged, rank, 0, 8);
    assert_number(merged, rank, 4, 4);
    assert_text(merged, gloss, 2, "below");
    assert_text(merged, own, 1, "above");

    /* On a base with more or fewer properties the columns would be others. */
    cg_graph *wrong = graph_of(NULL, 3);
    assert_status(cg_graph_rebase(over, wrong, &error), CG_ERROR_INVALID, error,
                  "0 properties");
    uint16_t type = 0;
    assert_ok(cg_graph_add_relation(wrong, "knows", &type, &error), error);
    assert_status(cg_graph_rebase(over, wrong, &error), CG_ERROR_INVALID, error,
                  "28 relations");
    cg_graph_free(wrong);
    wrong = graph_of(NULL, 4);
    assert_status(cg_graph_rebase(over, wrong, &error), CG_ERROR_INVALID, error, "4 concepts");
    assert_status(cg_graph_rebase(base, wrong, &error), CG_ERROR_INVALID, error,
                  "without a base");
    assert_number(over, rank, 1, 5);
    cg_graph_free(wrong);
    cg_graph_free(merged);
    cg_graph_free(over);
    cg_graph_free(base);
}

/* The order in which rows get their values does not show in the hash. */
static void test_hash(void **state) {
    (void)state;
    cg_graph *left = graph_of(NULL, 100);
    cg_graph *right = graph_of(NULL, 100);
    for (uint32_t c = 0; c < 2; c++) {
        define(left, c ? "a" : "b", CG_PROPERTY_TEXT, (cg_property_form)c);
        define(right, c ? "a" : "b", CG_PROPERTY_TEXT, (cg_property_form)c);
        for (uint32_t i = 0; i < 100; i++) {
            char name[8];
            (void)snprintf(name, sizeof name, "%u", i);
            put(left, c, i, text(name));
            (void)snprintf(name, sizeof name, "%u", 99 - i);
            put(right, c, 99 - i, text(name));
        }
    }
    assert_int_equal(cg_graph_hash(left), cg_graph_hash(right));
    put(left, 0, 4, text("4 "));
    assert_int_not_equal(cg_graph_hash(left), cg_graph_hash(right));
    cg_graph_free(left);
    cg_graph_free(right);
}

/* A dense column costs about 8 bytes a row; what is said of bytes is what is held. */
static void test_memory(void **state) {
    (void)state;
    enum { ROWS = 4096 };
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_counting_allocator_view(&counting), &graph, &error),
              error);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "", &row, &error), error);
    }
    uint32_t dense = define(graph, "dense", CG_PROPERTY_U64, CG_PROPERTY_DENSE);
    uint32_t sparse = define(graph, "sparse", CG_PROPERTY_U64, CG_PROPERTY_SPARSE);
    put(graph, dense, 0, number(0));
    put(graph, sparse, 0, number(0));
    uint64_t before = counting.live_bytes;
    for (uint32_t i = 0; i < ROWS; i++) {
        put(graph, dense, i, number(i));
    }
    assert_true(counting.live_bytes - before <= UINT64_C(8) * ROWS + ROWS / 8);
    before = counting.live_bytes;
    for (uint32_t i = 0; i < ROWS; i++) {
        put(graph, sparse, i, number(i));
    }
    assert_true(counting.live_bytes - before <= UINT64_C(50) * ROWS);
    cg_graph_free(graph);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_allocation_failure(void **state) {
    (void)state;
    uint64_t failures = 0;
    for (uint64_t fail_at = 1; fail_at < 60; fail_at++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_error error = {0};
        cg_graph *graph = NULL;
        assert_ok(cg_graph_alloc(NULL, cg_counting_allocator_view(&counting), &graph, &error),
                  error);
        for (uint32_t i = 0; i < 100; i++) {
            uint32_t row = 0;
            assert_ok(cg_graph_add_concept(graph, i, 0, "", &row, &error), error);
        }
        counting.fail_at = fail_at;
        for (uint32_t c = 0; c < 6; c++) {
            char name[2] = {(char)('a' + c), 0};
            cg_property property = {.name = name,
                                    .type = c % 2 ? CG_PROPERTY_U64 : CG_PROPERTY_TEXT,
                                    .form = (cg_property_form)(c / 3)};
            uint32_t column = 0;
            cg_status status = cg_graph_define_property(graph, &property, &column, &error);
            if (status == CG_ERROR_MEMORY) {
                failures++;
                assert_int_equal(cg_graph_property_count(graph), c);
                status = cg_graph_define_property(graph, &property, &column, &error);
            }
            assert_ok(status, error);
            for (uint32_t row = 0; row < 100; row += 9) {
                cg_property_value value = c % 2 ? number(row) : text("some text or other");
                uint64_t hash = cg_graph_hash(graph);
                status = cg_graph_set_property(graph, c, row, value, &error);
                if (status == CG_ERROR_MEMORY) {
                    failures++;
                    assert_int_equal(cg_graph_hash(graph), hash);
                    status = cg_graph_set_property(graph, c, row, value, &error);
                }
                assert_ok(status, error);
            }
        }
        cg_graph_free(graph);
        assert_int_equal(counting.live_bytes, 0);
    }
    assert_true(failures > 20 && failures < 59);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_layers), cmocka_unit_test(test_hash),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
