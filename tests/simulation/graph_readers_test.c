/* Goal: while layers are merged into one graph, others walk them, and one adds to a graph on top of
 * them; then what grew on top is put on the merged graph, and nothing is lost. Round after round,
 * so that each merged graph is the next round's base. Run under ThreadSanitizer, too. (E1) */
#include "tests/support/support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "engine/graph/graph_merge.h"
#include "engine/graph/properties.h"

enum { ROWS = 1500, DEGREE = 6, READERS = 2, ROUNDS = 6, ADDED = 600, ROWS_ADDED = 40 };

typedef struct stage {
    cg_graph *base;  /* frozen */
    cg_graph *layer; /* on the base; no longer changes in this round */
    cg_graph *top;   /* on the layer; the writer's */
    cg_graph *merged;
    uint64_t walked;        /* what a walk over the layer gives */
    atomic_bool is_written; /* the writer is done */
    atomic_bool is_merged;
    uint32_t merges;
    cg_status merge_status;
} stage;

typedef struct reader {
    pthread_t thread;
    stage *on;
    uint32_t walks;
    const char *trouble;
} reader;

static cg_graph *graph_on(const cg_graph *base) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    return graph;
}

/* A sum over all edges, each with its row and weight, and all property values. */
static uint64_t walk(const cg_graph *graph) {
    uint64_t sum = 0;
    for (uint32_t row = 0; row < cg_graph_concept_count(graph); row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        cg_property_value value;
        cg_edge edge;
        while (cg_graph_next_edge(&cursor, &edge)) {
            sum += (row + UINT64_C(3)) * (edge.target + UINT64_C(7)) * (edge.type + 1u) *
                   (edge.weight + 1u);
        }
        sum += (uint64_t)cg_graph_name(graph, row)[0] * row;
        sum += cg_graph_get_property(graph, 0, row, &value) ? value.u64 : 0;
    }
    return sum;
}

static void *read_all(void *argument) {
    reader *self = argument;
    bool is_last = false;
    while (!self->trouble && !is_last) {
        is_last = atomic_load(&self->on->is_merged);
        if (walk(self->on->layer) != self->on->walked) {
            self->trouble = "a walk gave something else";
        }
        self->walks++;
        (void)sched_yield();
    }
    return NULL;
}

/* Again and again until the writer is done, so that all it does happens meanwhile. */
static void *merge_all(void *argument) {
    stage *self = argument;
    bool is_last = false;
    while (!is_last && self->merge_status == CG_OK) {
        is_last = atomic_load(&self->is_written);
        cg_graph_free(self->merged);
        self->merged = NULL;
        self->merge_status =
            cg_graph_merge(self->layer, cg_allocator_heap(), &self->merged, NULL);
        self->merges++;
    }
    atomic_store(&self->is_merged, true);
    return NULL;
}

static void add_concepts(cg_graph *graph, uint32_t count) {
    cg_error error = {0};
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        uint32_t row = cg_graph_concept_count(graph);
        (void)snprintf(name, sizeof name, "%u", row);
        assert_ok(cg_graph_add_concept(graph, row, 0, name, &row, &error), error);
    }
}

/* Edges, weights and values at any rows. Duplicates and self edges are refused and forgotten. */
static void grow(cg_graph *graph, cg_stream *stream, uint32_t count) {
    cg_error error = {0};
    uint32_t rows = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = cg_stream_next(stream);
        uint32_t from = (uint32_t)(bits % rows);
        cg_edge edge = {.target = (uint32_t)((bits >> 20) % rows),
                        .type = (uint16_t)((bits >> 40) % CG_EDGE_TYPE_COUNT),
                        .weight = (uint8_t)(bits >> 48)};
        cg_edge_cursor cursor = cg_graph_edges(graph, from);
        (void)cg_graph_add_edge(graph, from, edge, NULL);
        if (i % 4 == 0 && cg_graph_next_edge(&cursor, &edge)) {
            assert_ok(cg_graph_set_weight(graph, from, edge.type, edge.target,
                                          (uint8_t)(bits >> 56), &error),
                      error);
        }
        if (i % 8 == 0) {
            cg_property_value value = {.type = CG_PROPERTY_U64, .u64 = bits};
            assert_ok(cg_graph_set_property(graph, 0, from, value, &error), error);
        }
    }
}

static void run_round(stage *self, cg_stream *stream) {
    cg_error error = {0};
    reader readers[READERS];
    pthread_t merger;
    self->walked = walk(self->layer);
    self->merged = NULL;
    atomic_store(&self->is_written, false);
    atomic_store(&self->is_merged, false);
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i] = (reader){.on = self};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    assert_int_equal(pthread_create(&merger, NULL, merge_all, self), 0);
    add_concepts(self->top, ROWS_ADDED);
    for (uint32_t i = 0; i < ADDED; i += 10) {
        grow(self->top, stream, 10);
        (void)sched_yield();
    }
    uint64_t before = walk(self->top);
    atomic_store(&self->is_written, true);
    pthread_join(merger, NULL);
    /* Readers may still be on the old layers while the top goes over to the new base. */
    assert_int_equal(self->merge_status, CG_OK);
    assert_int_equal(walk(self->merged), self->walked);
    assert_ok(cg_graph_rebase(self->top, self->merged, &error), error);
    assert_int_equal(walk(self->top), before);
    for (uint32_t i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        if (readers[i].trouble) {
            fail_msg("reader %u, walk %u: %s", i, readers[i].walks, readers[i].trouble);
        }
    }
    cg_graph_free(self->layer);
    cg_graph_free(self->base);
    self->base = self->merged;
    self->layer = self->top;
    self->top = graph_on(self->layer);
}

static void test_merge_while_reading(void **state) {
    (void)state;
    uint64_t seed = support_seed(20250313);
    cg_stream stream = cg_stream_init(seed, "test.graph_readers", 0);
    cg_error error = {0};
    cg_property property = {"score", CG_PROPERTY_U64, CG_PROPERTY_DENSE};
    uint32_t column = 0;
    stage self = {.base = graph_on(NULL)};
    add_concepts(self.base, ROWS);
    assert_ok(cg_graph_define_property(self.base, &property, &column, &error), error);
    grow(self.base, &stream, ROWS * DEGREE);
    assert_ok(cg_graph_freeze(self.base, &error), error);
    self.layer = graph_on(self.base);
    grow(self.layer, &stream, ADDED);
    self.top = graph_on(self.layer);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        run_round(&self, &stream);
    }
    print_message("%u merges in %d rounds\n", self.merges, ROUNDS);
    assert_int_equal(cg_graph_concept_count(self.top), ROWS + ROUNDS * ROWS_ADDED);
    cg_graph_free(self.top);
    cg_graph_free(self.layer);
    cg_graph_free(self.base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_while_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
