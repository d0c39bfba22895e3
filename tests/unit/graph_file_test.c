/* Goal: a graph saved and opened is the same graph; each byte altered, each length cut off, and
 * each promise broken under checksums made right is a status that says where, with nothing left
 * behind. (E1) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/graph_file.h"
#include "engine/graph/graph_merge.h"
#include "engine/graph/properties.h"
#include "tests/support/graph_forge.h"

enum {
    CONCEPTS,
    NAMES,
    STARTS,
    EDGES,
    REMOVED,
    RELATIONS,
    COLUMNS,
    COLUMN_NAMES,
    VALUES,
    TEXTS
};

static void define(cg_graph *graph, const char *name, cg_property_type type,
                   cg_property_form form) {
    cg_error error = {0};
    uint32_t column = 0;
    cg_property property = {.name = name, .type = type, .form = form};
    assert_ok(cg_graph_define_property(graph, &property, &column, &error), error);
}

static void put(cg_graph *graph, uint32_t column, uint32_t row, cg_property_value value) {
    cg_error error = {0};
    assert_ok(cg_graph_set_property(graph, column, row, value, &error), error);
}

static void fill(cg_graph *graph, uint32_t rows) {
    cg_error error = {0};
    uint16_t type = 0;
    for (uint32_t i = 0; i < rows; i++) {
        char name[16];
        uint32_t row = 0;
        (void)snprintf(name, sizeof name, "n%u", i);
        assert_ok(cg_graph_add_concept(graph, 100 + i, i % 45, name, &row, &error), error);
    }
    assert_ok(cg_graph_add_relation(graph, "knows", &type, &error), error);
    assert_ok(cg_graph_add_relation(graph, "likes", &type, &error), error);
    for (uint32_t i = 1; i < rows; i++) {
        cg_edge edge = {.target = i / 2, .type = CG_EDGE_HYPERNYM, .weight = (uint8_t)i};
        assert_ok(cg_graph_add_edge(graph, i, edge, &error), error);
        edge = (cg_edge){.target = i - 1, .type = type, .weight = 7};
        assert_ok(cg_graph_add_edge(graph, i, edge, &error), error);
    }
    define(graph, "born", CG_PROPERTY_U64, CG_PROPERTY_SPARSE);
    define(graph, "mass", CG_PROPERTY_F64, CG_PROPERTY_DENSE);
    define(graph, "gloss", CG_PROPERTY_TEXT, CG_PROPERTY_SPARSE);
    put(graph, 0, 3, (cg_property_value){.type = CG_PROPERTY_U64, .u64 = 1931});
    put(graph, 0, 1, (cg_property_value){.type = CG_PROPERTY_U64, .u64 = 1897});
    put(graph, 1, 2, (cg_property_value){.type = CG_PROPERTY_F64, .f64 = 0.5});
    put(graph, 1, 4, (cg_property_value){.type = CG_PROPERTY_F64, .f64 = -3.0});
    put(graph, 2, 0, (cg_property_value){.type = CG_PROPERTY_TEXT, .text = "first try"});
    put(graph, 2, 0, (cg_property_value){.type = CG_PROPERTY_TEXT, .text = "the root"});
    put(graph, 2, 4, (cg_property_value){.type = CG_PROPERTY_TEXT, .text = ""});
}

/* A merged graph of two layers, with one concept removed. */
static cg_graph *sample(void) {
    cg_error error = {0};
    cg_graph *base = NULL;
    cg_graph *over = NULL;
    cg_graph *merged = NULL;
    uint32_t row = 0;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &base, &error), error);
    fill(base, 7);
    assert_ok(cg_graph_freeze(base, &error), error);
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &over, &error), error);
    assert_ok(cg_graph_add_concept(over, 5, 0, "gone", &row, &error), error);
    assert_ok(cg_graph_remove_concept(over, row, &error), error);
    assert_ok(cg_graph_merge(over, cg_allocator_heap(), &merged, &error), error);
    cg_graph_free(over);
    cg_graph_free(base);
    return merged;
}

typedef struct image {
    uint8_t *bytes;
    size_t size_bytes;
} image;

static image save(const cg_graph *graph) {
    cg_error error = {0};
    cg_allocator heap = cg_allocator_heap();
    image out = {.size_bytes = (size_t)cg_graph_image_bytes(graph)};
    out.bytes = cg_allocate_aligned(&heap, out.size_bytes);
    assert_non_null(out.bytes);
    assert_ok(cg_graph_save(graph, out.bytes, out.size_bytes, &error), error);
    return out;
}

static void drop(image *self) {
    cg_allocator heap = cg_allocator_heap();
    cg_deallocate_aligned(&heap, self->bytes, self->size_bytes);
}

static void test_same_again(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = sample();
    image held = save(graph);
    cg_graph *opened = NULL;
    assert_ok(cg_graph_open(held.bytes, held.size_bytes, cg_allocator_heap(), &opened, &error),
              error);
    assert_int_equal(cg_graph_hash(opened), cg_graph_hash(graph));
    assert_int_equal(cg_graph_live_count(opened), 7);
    assert_true(cg_graph_is_removed(opened, 7));
    assert_int_equal(cg_graph_depth(opened, 6), 3);
    /* The edges lie in the bytes. */
    const uint8_t *edges = (const void *)cg_graph_frozen_edges(opened, 1).edges;
    assert_ptr_equal(edges, held.bytes + graph_forge_at(held.bytes, EDGES));
    assert_true(cg_graph_bytes(opened) < cg_graph_bytes(graph));
    uint64_t hash = cg_hash_bytes(held.bytes, held.size_bytes, 0);
    /* It grows as any other, and does not touch the bytes. */
    uint32_t row = 0;
    assert_ok(cg_graph_set_weight(opened, 1, CG_EDGE_HYPERNYM, 0, 99, &error), error);
    assert_int_equal(cg_graph_image_bytes(opened), 0);
    assert_status(cg_graph_save(opened, held.bytes, held.size_bytes, &error), CG_ERROR_INVALID,
                  error, "frozen");
    assert_ok(cg_graph_add_concept(opened, 5, 0, "new", &row, &error), error);
    assert_ok(cg_graph_add_edge(opened, row, (cg_edge){.target = 1}, &error), error);
    assert_ok(cg_graph_freeze(opened, &error), error);
    assert_int_equal(cg_graph_frozen_edges(opened, 1).edges[0].weight, 99);
    assert_int_equal(cg_hash_bytes(held.bytes, held.size_bytes, 0), hash);
    image grown = save(opened);
    assert_true(grown.size_bytes >= held.size_bytes);
    drop(&grown);
    cg_graph_free(opened);
    assert_status(cg_graph_save(graph, held.bytes, held.size_bytes - 1, &error),
                  CG_ERROR_INVALID, error, "bytes");
    assert_status(cg_graph_open(held.bytes + 8, held.size_bytes - 8, cg_allocator_heap(),
                                &opened, &error),
                  CG_ERROR_INVALID, error, "multiple");
    cg_graph_free(graph);
    drop(&held);
}

static void test_empty(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = NULL;
    cg_graph *opened = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    image held = save(graph);
    assert_int_equal(held.size_bytes, 448);
    assert_ok(cg_graph_open(held.bytes, held.size_bytes, cg_allocator_heap(), &opened, &error),
              error);
    assert_int_equal(cg_graph_concept_count(opened), 0);
    assert_ok(cg_graph_freeze(opened, &error), error);
    cg_graph_free(opened);
    cg_graph_free(graph);
    drop(&held);
}

static cg_status open_counted(const uint8_t *bytes, size_t size_bytes, cg_error *error) {
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_graph *graph = NULL;
    cg_status status =
        cg_graph_open(bytes, size_bytes, cg_counting_allocator_view(&counting), &graph, error);
    if (status == CG_OK) {
        cg_graph_free(graph);
    } else {
        assert_null(graph);
    }
    assert_int_equal(counting.live_bytes, 0);
    return status;
}

static void test_altered(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = sample();
    image held = save(graph);
    for (size_t at = 0; at < held.size_bytes; at++) {
        for (uint32_t bit = 0; bit < 8; bit += 3) {
            held.bytes[at] ^= (uint8_t)(1u << bit);
            assert_status(open_counted(held.bytes, held.size_bytes, &error), CG_ERROR_CORRUPT,
                          error, "at offset ");
            held.bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    for (size_t size = 0; size < held.size_bytes; size++) {
        assert_status(open_counted(held.bytes, size, &error), CG_ERROR_CORRUPT, error,
                      "at offset ");
    }
    assert_ok(open_counted(held.bytes, held.size_bytes, &error), error);
    held.bytes[graph_forge_at(held.bytes, EDGES) + 3] ^= 1;
    assert_status(open_counted(held.bytes, held.size_bytes, &error), CG_ERROR_CORRUPT, error,
                  "section 3 (edges)");
    cg_graph_free(graph);
    drop(&held);
}

/* Broken promises under right checksums. Values are written at an offset into a section, or into
 * the whole where the section is -1. */
typedef struct forgery {
    int section;
    uint32_t at;
    uint32_t bytes;
    cg_status status;
    uint64_t value;
    const char *says;
} forgery;

static const forgery forgeries[] = {
    {-1, 8, 4, CG_ERROR_VERSION, 2, "version 2"},
    {-1, 12, 4, CG_ERROR_VERSION, 0x04030201, "little-endian"},
    {-1, 16, 8, CG_ERROR_CORRUPT, 64, "ends at offset"},
    {-1, 24, 4, CG_ERROR_CORRUPT, UINT32_MAX, "more concepts"},
    {-1, 24, 4, CG_ERROR_CORRUPT, 9, "implies"},
    {-1, 28, 4, CG_ERROR_CORRUPT, 65536, "more relations"},
    {-1, 28, 4, CG_ERROR_CORRUPT, 3, "section 5"},
    {-1, 28, 4, CG_ERROR_CORRUPT, 1, "belong to nothing"},
    {-1, 32, 8, CG_ERROR_CORRUPT, UINT64_MAX / 2, "implies"},
    {-1, 32, 8, CG_ERROR_CORRUPT, UINT64_C(1) << 61, "implies"},
    {-1, 40, 4, CG_ERROR_CORRUPT, 1025, "more properties"},
    {-1, 44, 4, CG_ERROR_CORRUPT, 1, "not zero"},
    {-1, 48, 8, CG_ERROR_CORRUPT, 448, "begins at"},
    {-1, 48 + 24 + 8, 8, CG_ERROR_CORRUPT, UINT64_MAX - 5, "cut off"},
    {-1, 300, 1, CG_ERROR_CORRUPT, 1, "not zero"},
    {CONCEPTS, 8, 8, CG_ERROR_CORRUPT, 1, "cannot be"},
    {CONCEPTS, 16, 4, CG_ERROR_CORRUPT, 8, "cannot be"},
    {CONCEPTS, 20, 4, CG_ERROR_CORRUPT, 64, "cannot be"},
    {NAMES, 2, 1, CG_ERROR_CORRUPT, 'x', "cannot be"},
    {STARTS, 0, 8, CG_ERROR_CORRUPT, 1, "begin at 0"},
    {STARTS, 24, 8, CG_ERROR_CORRUPT, 1, "ends before"},
    {STARTS, 16, 8, CG_ERROR_CORRUPT, UINT64_MAX, "behind the last"},
    {STARTS, 64, 8, CG_ERROR_CORRUPT, 11, "ends before"},
    {EDGES, 0, 4, CG_ERROR_CORRUPT, 8, "not there"},
    {EDGES, 0, 4, CG_ERROR_CORRUPT, 1, "to itself"},
    {EDGES, 4, 2, CG_ERROR_CORRUPT, 29, "of a type"},
    {EDGES, 7, 1, CG_ERROR_CORRUPT, 1, "of a type"},
    {EDGES, 4, 2, CG_ERROR_CORRUPT, 28, "twice or out of order"},
    {REMOVED, 1, 1, CG_ERROR_CORRUPT, 1, "never there"},
    {REMOVED, 0, 1, CG_ERROR_CORRUPT, 0, "no concept was removed"},
    {RELATIONS, 0, 1, CG_ERROR_CORRUPT, 0, "empty"},
    {RELATIONS, 6, 5, CG_ERROR_CORRUPT, 0x73776F6E6B, "there already"}, /* "knows" */
    {RELATIONS, 11, 1, CG_ERROR_CORRUPT, 'x', "does not end"},
    {COLUMNS, 0, 4, CG_ERROR_CORRUPT, 3, "refuses"},
    {COLUMNS, 4, 4, CG_ERROR_CORRUPT, 2, "refuses"},
    {COLUMNS, 8, 8, CG_ERROR_CORRUPT, 1, "section 8"},
    {COLUMNS, 8, 8, CG_ERROR_CORRUPT, UINT64_MAX, "section 8"},
    {COLUMN_NAMES, 0, 1, CG_ERROR_CORRUPT, 0, "section"},
    {COLUMN_NAMES, 5, 4, CG_ERROR_CORRUPT, 0x6E726F62, "refuses"}, /* "born" */
    {VALUES, 0, 4, CG_ERROR_CORRUPT, 8, "row cannot be"},
    {VALUES, 0, 4, CG_ERROR_CORRUPT, 3, "row cannot be"},
    {VALUES, 4, 4, CG_ERROR_CORRUPT, 1, "row cannot be"},
    {VALUES, 40, 8, CG_ERROR_CORRUPT, UINT64_C(0x7FF8000000000000), "refuses"},
    {VALUES, 40, 8, CG_ERROR_CORRUPT, UINT64_C(1) << 63, "sign"},
    {VALUES, 72, 8, CG_ERROR_CORRUPT, 1, "begins elsewhere"},
    {TEXTS, 9, 1, CG_ERROR_CORRUPT, 'x', "does not end"},
    {TEXTS, 2, 1, CG_ERROR_CORRUPT, 0, "begins elsewhere"},
    {TEXTS, 20, 1, CG_ERROR_CORRUPT, 1, "filled up"},
};

static void test_forged(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = sample();
    image held = save(graph);
    uint8_t *copy = malloc(held.size_bytes);
    assert_non_null(copy);
    memcpy(copy, held.bytes, held.size_bytes);
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        const forgery *one = &forgeries[i];
        uint64_t at =
            one->at + (one->section < 0 ? 0 : graph_forge_at(copy, (uint32_t)one->section));
        memcpy(held.bytes, copy, held.size_bytes);
        memcpy(held.bytes + at, &one->value, one->bytes);
        graph_forge_seal(held.bytes, held.size_bytes);
        cg_status status = open_counted(held.bytes, held.size_bytes, &error);
        if (status != one->status || !support_contains(error.message, one->says)) {
            fail_msg("forgery %zu: %s: %s", i, cg_status_name(status), error.message);
        }
    }
    free(copy);
    cg_graph_free(graph);
    drop(&held);
}

/* Every allocation of opening and of merging fails once. */
static void test_allocation_failure(void **state) {
    (void)state;
    cg_graph *graph = sample();
    image held = save(graph);
    for (uint32_t which = 0; which < 2; which++) {
        cg_status status = CG_ERROR_MEMORY;
        uint64_t fail_at = 0;
        while (status == CG_ERROR_MEMORY) {
            cg_counting_allocator counting;
            cg_counting_allocator_init(&counting, cg_allocator_heap());
            cg_allocator allocator = cg_counting_allocator_view(&counting);
            cg_error error = {0};
            cg_graph *made = NULL;
            counting.fail_at = ++fail_at;
            status = which == 0
                         ? cg_graph_open(held.bytes, held.size_bytes, allocator, &made, &error)
                         : cg_graph_merge(graph, allocator, &made, &error);
            if (status == CG_OK) {
                assert_int_equal(cg_graph_hash(made), cg_graph_hash(graph));
                cg_graph_free(made);
            } else {
                assert_int_equal(status, CG_ERROR_MEMORY);
                assert_true(error.message[0] != 0);
                assert_null(made);
            }
            assert_int_equal(counting.live_bytes, 0);
        }
        assert_true(fail_at > 15);
    }
    cg_graph_free(graph);
    drop(&held);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
