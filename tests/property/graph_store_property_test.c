/* Goal: a graph in up to three layers does what one naive list of edges does, over random
 * programs of concepts, edges, relations, weights, properties, removals, freezes, merges, new
 * bases, and bytes and back, with allocations that fail on the way: a call that fails changes
 * nothing. (E1, E6) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/graph_file.h"
#include "engine/graph/graph_merge.h"
#include "engine/graph/properties.h"

enum {
    LAYERS_MAX = 3,
    ROWS_MAX = 160,
    EDGES_MAX = 3000,
    RELATIONS_MAX = 140, /* more than an edge's 64 types in one word */
    COLUMNS_MAX = 6,
    PROGRAMS = 50,
    STEPS = 700,
    OWN_TYPES = CG_EDGE_TYPE_COUNT
};

typedef struct naive_edge {
    uint32_t from;
    uint32_t layer;
    cg_edge edge;
} naive_edge;

typedef struct naive_value {
    bool is_set;
    uint64_t number; /* of a text: text %llu */
} naive_value;

/* Edges in the order they must come out within a row. */
typedef struct naive {
    naive_edge edges[EDGES_MAX];
    uint32_t edge_count;
    uint32_t row_count;
    bool is_removed[ROWS_MAX];
    uint32_t first_row[LAYERS_MAX];
    uint32_t relation_count;
    uint32_t column_count;
    cg_property columns[COLUMNS_MAX];
    naive_value values[COLUMNS_MAX][ROWS_MAX];
} naive;

typedef struct world {
    cg_counting_allocator counting;
    cg_allocator allocator;
    cg_graph *layers[LAYERS_MAX];
    uint32_t layer_count;
    uint8_t *bytes; /* layers[0] was opened on them, or NULL */
    size_t size_bytes;
    cg_stream stream;
    naive model;
    uint32_t failures;
} world;

static uint64_t draw(world *self, uint64_t below) {
    return cg_stream_next_below(&self->stream, below);
}

static cg_graph *top_of(const world *self) {
    return self->layers[self->layer_count - 1];
}

/* CALL, at times with an allocation failing first, which must change nothing in `watched`. */
#define TRIED(self, status, watched, CALL)                                                     \
    do {                                                                                       \
        uint64_t hash_before = cg_graph_hash(watched);                                         \
        (self)->counting.fail_at = draw((self), 3) == 0 ? 1 + draw((self), 10) : 0;            \
        (status) = (CALL);                                                                     \
        (self)->counting.fail_at = 0;                                                          \
        if ((status) == CG_ERROR_MEMORY) {                                                     \
            (self)->failures++;                                                                \
            assert_int_equal(cg_graph_hash(watched), hash_before);                             \
            (status) = (CALL);                                                                 \
        }                                                                                      \
    } while (0)

/* --- Checks. --- */

static naive_edge *find_edge(naive *model, uint32_t from, uint32_t type, uint32_t target) {
    for (uint32_t i = 0; i < model->edge_count; i++) {
        naive_edge *held = &model->edges[i];
        if (held->from == from && held->edge.target == target && held->edge.type == type) {
            return held;
        }
    }
    return NULL;
}

static void check_row(const cg_graph *graph, const naive *model, uint32_t row) {
    cg_edge_cursor cursor = cg_graph_edges(graph, row);
    cg_edge_span span = cg_graph_frozen_edges(graph, row);
    bool is_plain = cg_graph_row_is_plain(graph, row);
    cg_edge edge;
    uint32_t degree = 0;
    uint32_t hyponyms = 0;
    for (uint32_t i = 0; i < model->edge_count; i++) {
        if (model->edges[i].from == row) {
            cg_edge expected = model->edges[i].edge;
            assert_true(cg_graph_next_edge(&cursor, &edge));
            assert_memory_equal(&edge, &expected, sizeof edge);
            if (is_plain) {
                assert_true(degree < span.count);
                assert_memory_equal(&span.edges[degree], &expected, sizeof edge);
            }
            degree++;
            hyponyms += expected.type == CG_EDGE_HYPONYM;
        }
    }
    assert_false(cg_graph_next_edge(&cursor, &edge));
    assert_int_equal(cg_graph_degree(graph, row), degree);
    assert_int_equal(cg_graph_degree_of_type(graph, row, CG_EDGE_HYPONYM), hyponyms);
    assert_true(!is_plain || span.count == degree);
}

static void check_properties(const cg_graph *graph, const naive *model, uint32_t row) {
    for (uint32_t c = 0; c < model->column_count; c++) {
        cg_property_value value;
        naive_value expected = model->values[c][row];
        char text[32];
        assert_int_equal(cg_graph_get_property(graph, c, row, &value), expected.is_set);
        if (!expected.is_set) {
            continue;
        }
        (void)snprintf(text, sizeof text, "text %llu", (unsigned long long)expected.number);
        switch (model->columns[c].type) {
        case CG_PROPERTY_U64:
            assert_int_equal(value.u64, expected.number);
            break;
        case CG_PROPERTY_F64:
            assert_true(value.f64 == (double)expected.number);
            break;
        default:
            assert_string_equal(value.text, text);
        }
    }
}

static void name_of(char *out, size_t bytes, const char *what, uint64_t number) {
    (void)snprintf(out, bytes, "%s %llu", what, (unsigned long long)number);
}

static void check_all(const world *self, const cg_graph *graph) {
    const naive *model = &self->model;
    char name[32];
    uint32_t live = 0;
    assert_int_equal(cg_graph_concept_count(graph), model->row_count);
    assert_int_equal(cg_graph_edge_count(graph), model->edge_count);
    for (uint32_t row = 0; row < model->row_count; row++) {
        name_of(name, sizeof name, "concept", row);
        assert_string_equal(cg_graph_name(graph, row), name);
        assert_int_equal(cg_graph_id(graph, row), 7 * row);
        assert_int_equal(cg_graph_type(graph, row), row % CG_CONCEPT_TYPES);
        assert_int_equal(cg_graph_is_removed(graph, row), model->is_removed[row]);
        live += !model->is_removed[row];
        check_row(graph, model, row);
        check_properties(graph, model, row);
    }
    assert_int_equal(cg_graph_live_count(graph), live);
    assert_int_equal(cg_graph_relation_count(graph), OWN_TYPES + model->relation_count);
    for (uint32_t i = 0; i < model->relation_count; i++) {
        name_of(name, sizeof name, "relation", i);
        assert_string_equal(cg_graph_relation_name(graph, OWN_TYPES + i), name);
    }
    assert_int_equal(cg_graph_property_count(graph), model->column_count);
    for (uint32_t c = 0; c < model->column_count; c++) {
        name_of(name, sizeof name, "property", c);
        cg_property property = cg_graph_property(graph, c);
        assert_string_equal(property.name, name);
        assert_int_equal(property.type, model->columns[c].type);
        assert_int_equal(property.form, model->columns[c].form);
    }
}

/* --- Steps that grow the top. --- */

static void add_concept(world *self) {
    naive *model = &self->model;
    if (model->row_count == ROWS_MAX) {
        return;
    }
    char name[32];
    uint32_t row = 0;
    cg_error error = {0};
    cg_status status = CG_OK;
    name_of(name, sizeof name, "concept", model->row_count);
    TRIED(self, status, top_of(self),
          cg_graph_add_concept(top_of(self), UINT64_C(7) * model->row_count,
                               model->row_count % CG_CONCEPT_TYPES, name, &row, &error));
    assert_ok(status, error);
    assert_int_equal(row, model->row_count);
    model->row_count++;
}

static uint32_t draw_row(world *self) {
    uint64_t rows = self->model.row_count;
    return (uint32_t)(draw(self, 4) == 0 ? draw(self, rows < 3 ? rows : 3) : draw(self, rows));
}

static void add_edge(world *self) {
    naive *model = &self->model;
    if (model->row_count == 0 || model->edge_count == EDGES_MAX) {
        return;
    }
    uint32_t from = draw_row(self);
    cg_edge edge = {
        .target = draw_row(self),
        .type = (uint16_t)draw(self, draw(self, 2) ? 4 : OWN_TYPES + 1 + model->relation_count),
        .weight = (uint8_t)draw(self, 256),
        .unused = draw(self, 50) == 0};
    cg_error error = {0};
    cg_status status = CG_OK;
    TRIED(self, status, top_of(self), cg_graph_add_edge(top_of(self), from, edge, &error));
    if (from == edge.target || edge.unused != 0 ||
        edge.type >= OWN_TYPES + model->relation_count || model->is_removed[from] ||
        model->is_removed[edge.target]) {
        assert_int_equal(status, CG_ERROR_INVALID);
    } else if (find_edge(model, from, edge.type, edge.target)) {
        assert_int_equal(status, CG_ERROR_EXISTS);
    } else {
        assert_ok(status, error);
        model->edges[model->edge_count++] =
            (naive_edge){.from = from, .layer = self->layer_count - 1, .edge = edge};
    }
}

static void set_weight(world *self) {
    naive *model = &self->model;
    if (model->edge_count == 0) {
        return;
    }
    naive_edge wanted = model->edges[draw(self, model->edge_count)];
    if (draw(self, 8) == 0) { /* mostly one that is not there */
        wanted.edge.target = draw_row(self);
        wanted.edge.type = (uint16_t)draw(self, OWN_TYPES + 10);
    }
    naive_edge *held = find_edge(model, wanted.from, wanted.edge.type, wanted.edge.target);
    uint8_t weight = (uint8_t)draw(self, 256);
    cg_error error = {0};
    cg_status status = CG_OK;
    TRIED(self, status, top_of(self),
          cg_graph_set_weight(top_of(self), wanted.from, wanted.edge.type, wanted.edge.target,
                              weight, &error));
    if (held) {
        assert_ok(status, error);
        held->edge.weight = weight;
    } else {
        assert_int_equal(status, CG_ERROR_NOT_FOUND);
    }
}

static void add_relation(world *self) {
    naive *model = &self->model;
    char name[32];
    uint16_t type = 7777;
    cg_error error = {0};
    cg_status status = CG_OK;
    uint32_t number = (uint32_t)draw(self, model->relation_count + 1);
    if (number == RELATIONS_MAX) {
        return;
    }
    name_of(name, sizeof name, "relation", number);
    TRIED(self, status, top_of(self), cg_graph_add_relation(top_of(self), name, &type, &error));
    if (number < model->relation_count || self->layer_count == 1) {
        assert_ok(status, error);
        assert_int_equal(type, OWN_TYPES + number);
        model->relation_count += number == model->relation_count;
    } else {
        assert_int_equal(status, CG_ERROR_INVALID);
        assert_int_equal(type, 7777);
    }
}

static void define_property(world *self) {
    naive *model = &self->model;
    if (model->column_count == COLUMNS_MAX) {
        return;
    }
    char name[32];
    uint32_t column = 0;
    cg_error error = {0};
    cg_status status = CG_OK;
    name_of(name, sizeof name, "property", model->column_count);
    cg_property property = {.name = name,
                            .type = (cg_property_type)draw(self, 3),
                            .form = (cg_property_form)draw(self, 2)};
    TRIED(self, status, top_of(self),
          cg_graph_define_property(top_of(self), &property, &column, &error));
    assert_ok(status, error);
    assert_int_equal(column, model->column_count);
    model->columns[model->column_count++] = property;
    assert_int_equal(cg_graph_define_property(top_of(self), &property, &column, &error),
                     CG_ERROR_EXISTS);
}

static void set_property(world *self) {
    naive *model = &self->model;
    if (model->column_count == 0 || model->row_count == 0) {
        return;
    }
    uint32_t column = (uint32_t)draw(self, model->column_count);
    uint32_t row = draw_row(self);
    uint64_t number = draw(self, 1000);
    char text[32];
    name_of(text, sizeof text, "text", number);
    cg_property_value value = {.type = model->columns[column].type, .u64 = number};
    if (value.type == CG_PROPERTY_F64) {
        value.f64 = (double)number;
    } else if (value.type == CG_PROPERTY_TEXT) {
        value.text = text;
    }
    cg_error error = {0};
    cg_status status = CG_OK;
    TRIED(self, status, top_of(self),
          cg_graph_set_property(top_of(self), column, row, value, &error));
    if (model->is_removed[row]) {
        assert_int_equal(status, CG_ERROR_INVALID);
    } else {
        assert_ok(status, error);
        model->values[column][row] = (naive_value){.is_set = true, .number = number};
    }
}

/* The model forgets the edges of `row`, and all that lead back from where they lead. */
static void forget_edges(naive *model, uint32_t row) {
    bool leads_to[ROWS_MAX] = {false};
    for (uint32_t i = 0; i < model->edge_count; i++) {
        if (model->edges[i].from == row) {
            leads_to[model->edges[i].edge.target] = true;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model->edge_count; i++) {
        naive_edge held = model->edges[i];
        if (held.from != row && !(held.edge.target == row && leads_to[held.from])) {
            model->edges[kept++] = held;
        }
    }
    model->edge_count = kept;
}

static void remove_concept(world *self) {
    naive *model = &self->model;
    uint32_t row = (uint32_t)draw(self, model->row_count + UINT64_C(1));
    uint32_t below = 0;
    for (uint32_t i = 0; i < model->edge_count; i++) {
        below += model->edges[i].from == row && cg_edge_is_child(model->edges[i].edge.type);
    }
    cg_error error = {0};
    cg_status status = CG_OK;
    TRIED(self, status, top_of(self), cg_graph_remove_concept(top_of(self), row, &error));
    if (row == model->row_count || model->is_removed[row]) {
        assert_int_equal(status, CG_ERROR_NOT_FOUND);
    } else if (self->layer_count == 1 || row < model->first_row[self->layer_count - 1]) {
        assert_int_equal(status, CG_ERROR_INVALID);
    } else if (below > 0) {
        assert_int_equal(status, CG_ERROR_CONFLICT);
    } else {
        assert_ok(status, error);
        model->is_removed[row] = true;
        forget_edges(model, row);
    }
}

/* --- Steps that change the layers. --- */

static void free_lowest(world *self, uint32_t count) {
    for (uint32_t i = count; i > 0; i--) {
        cg_graph_free(self->layers[i - 1]);
    }
    cg_deallocate_aligned(&self->allocator, self->bytes, self->size_bytes);
    self->bytes = NULL;
}

static int compare_edges(const void *left, const void *right) {
    const naive_edge *l = left;
    const naive_edge *r = right;
    uint64_t l_key = (uint64_t)l->from << 50 | (uint64_t)l->edge.type << 32 | l->edge.target;
    uint64_t r_key = (uint64_t)r->from << 50 | (uint64_t)r->edge.type << 32 | r->edge.target;
    if (l->layer != r->layer) {
        return l->layer < r->layer ? -1 : 1;
    }
    return l_key < r_key ? -1 : l_key > r_key;
}

/* The layers below `count` are one now. */
static void freeze_model(naive *model, uint32_t count) {
    for (uint32_t i = 0; i < model->edge_count; i++) {
        uint32_t *layer = &model->edges[i].layer;
        *layer = *layer < count ? 0 : 1;
    }
    uint32_t frozen = 0;
    while (frozen < model->edge_count && model->edges[frozen].layer == 0) {
        frozen++;
    }
    qsort(model->edges, frozen, sizeof *model->edges, compare_edges);
}

static void freeze(world *self) {
    cg_error error = {0};
    cg_status status = CG_OK;
    TRIED(self, status, top_of(self), cg_graph_freeze(top_of(self), &error));
    if (self->layer_count > 1) {
        assert_int_equal(status, CG_ERROR_INVALID);
    } else {
        assert_ok(status, error);
        freeze_model(&self->model, 1);
    }
}

static void push_layer(world *self) {
    cg_error error = {0};
    if (self->layer_count < LAYERS_MAX) {
        assert_ok(cg_graph_alloc(top_of(self), self->allocator,
                                 &self->layers[self->layer_count], &error),
                  error);
        self->model.first_row[self->layer_count++] = self->model.row_count;
    }
}

static void check_depths(const cg_graph *merged, const cg_graph *layered) {
    for (uint32_t row = 0; row < cg_graph_concept_count(merged); row++) {
        assert_int_equal(cg_graph_depth(merged, row), cg_graph_depth(layered, row));
    }
}

/* Merges the lowest `count` layers into one, and puts what is on them, if anything, on it. */
static void merge(world *self, uint32_t count) {
    cg_graph *from = self->layers[count - 1];
    cg_graph *merged = NULL;
    cg_error error = {0};
    cg_status status = CG_OK;
    TRIED(self, status, from, cg_graph_merge(from, self->allocator, &merged, &error));
    assert_ok(status, error);
    check_depths(merged, from);
    if (count < self->layer_count) {
        cg_graph *over = self->layers[count];
        uint64_t hash = cg_graph_hash(over);
        assert_ok(cg_graph_rebase(over, merged, &error), error);
        assert_int_equal(cg_graph_hash(over), hash);
        self->layers[1] = over;
    }
    cg_graph *above = count < self->layer_count ? self->layers[1] : NULL;
    if (count == 1 || !above) {
        free_lowest(self, count);
    } else { /* layers[1] is the one above now: free by hand */
        cg_graph_free(from);
        free_lowest(self, 1);
    }
    self->layers[0] = merged;
    self->model.first_row[1] = above ? self->model.first_row[count] : 0;
    self->layer_count = above ? 2 : 1;
    freeze_model(&self->model, count);
}

static void merge_some(world *self) {
    if (self->layer_count > 1 && draw(self, 2) == 0) {
        merge(self, self->layer_count - 1);
    } else {
        merge(self, self->layer_count);
    }
}

static void save_and_open(world *self) {
    cg_error error = {0};
    cg_graph *graph = self->layers[0];
    cg_graph *opened = NULL;
    if (self->layer_count > 1) {
        assert_int_equal(cg_graph_image_bytes(top_of(self)), 0);
        return;
    }
    freeze(self);
    size_t size_bytes = (size_t)cg_graph_image_bytes(graph);
    uint8_t *bytes = cg_allocate_aligned(&self->allocator, size_bytes);
    uint8_t *again = cg_allocate_aligned(&self->allocator, size_bytes);
    assert_non_null(bytes);
    assert_non_null(again);
    assert_ok(cg_graph_save(graph, bytes, size_bytes, &error), error);
    cg_status status = CG_OK;
    TRIED(self, status, graph,
          cg_graph_open(bytes, size_bytes, self->allocator, &opened, &error));
    assert_ok(status, error);
    assert_int_equal(cg_graph_hash(opened), cg_graph_hash(graph));
    check_depths(opened, graph);
    assert_int_equal(cg_graph_image_bytes(opened), size_bytes);
    assert_ok(cg_graph_save(opened, again, size_bytes, &error), error);
    assert_memory_equal(bytes, again, size_bytes);
    cg_deallocate_aligned(&self->allocator, again, size_bytes);
    free_lowest(self, 1);
    self->layers[0] = opened;
    self->bytes = bytes;
    self->size_bytes = size_bytes;
}

static void step(world *self) {
    uint64_t what = draw(self, 1000);
    if (what < 120) {
        add_concept(self);
    } else if (what < 640) {
        add_edge(self);
    } else if (what < 760) {
        set_weight(self);
    } else if (what < 850) {
        add_relation(self);
    } else if (what < 860) {
        define_property(self);
    } else if (what < 940) {
        set_property(self);
    } else if (what < 970) {
        remove_concept(self);
    } else {
        static void (*const rare[])(world *) = {freeze, push_layer, merge_some, save_and_open};
        rare[what % 4](self);
        check_all(self, top_of(self));
    }
}

static void test_programs(void **state) {
    (void)state;
    uint64_t seed = support_seed(20250311);
    world *self = calloc(1, sizeof *self);
    uint32_t failures = 0;
    assert_non_null(self);
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        cg_error error = {0};
        memset(self, 0, sizeof *self);
        self->stream = cg_stream_init(seed, "test.graph_store", program);
        cg_counting_allocator_init(&self->counting, cg_allocator_heap());
        self->allocator = cg_counting_allocator_view(&self->counting);
        assert_ok(cg_graph_alloc(NULL, self->allocator, &self->layers[0], &error), error);
        self->layer_count = 1;
        for (uint32_t i = 0; i < STEPS; i++) {
            step(self);
        }
        check_all(self, top_of(self));
        failures += self->failures;
        for (; self->layer_count > 1; self->layer_count--) {
            cg_graph_free(top_of(self));
        }
        free_lowest(self, 1);
        assert_int_equal(self->counting.live_bytes, 0);
        assert_int_equal(self->counting.live_blocks, 0);
    }
    assert_true(failures > PROGRAMS);
    free(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
