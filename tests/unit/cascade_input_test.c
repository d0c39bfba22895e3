/* Goal: what a decision cannot use is refused with a sentence that says what is wrong, where, and
 * what would be right; and a refusal leaves no trace in anything. (Spec A6; A1's bad facts.) */
#include "tests/support/cascade_world.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/hash.h"

enum { PARTS_MAX = 3 };

typedef struct sentence { /* what each must be said in the message */
    const char *parts[PARTS_MAX];
} sentence;

static void expect_sentence(sentence expected) {
    for (int i = 0; i < PARTS_MAX && expected.parts[i]; i++) {
        if (!support_contains(error.message, expected.parts[i])) {
            fail_msg("message \"%s\" lacks \"%s\"", error.message, expected.parts[i]);
        }
    }
}

static cg_cascade_options asked;

static void refused_options(sentence expected) {
    memset(&error, 0, sizeof error);
    assert_int_equal(cg_cascade_options_check(&asked, &error), CG_ERROR_INVALID);
    expect_sentence(expected);
    asked = cg_cascade_options_default();
}

static void options_are_checked(void **state) {
    (void)state;
    asked = cg_cascade_options_default();
    assert_ok(cg_cascade_options_check(&asked, &error), error);
    assert_int_equal(asked.strategy, CG_STRATEGY_AUTO);
    assert_int_equal(asked.neighbours, 32);
    assert_int_equal(asked.structural.at_least, 4);
    assert_int_equal(asked.column_mask, 15);
    assert_true(asked.semantic.share == 0.1 && asked.structural.share == 0.2);
    assert_true(asked.stop_confidence == 1.0);
    asked.neighbours = 0;
    refused_options((sentence){{"0 neighbours", "1 to 256"}});
    asked.neighbours = CG_NEIGHBOURS_MAX + 1;
    refused_options((sentence){{"257 neighbours", "1 to 256"}});
    asked.ef = 0;
    refused_options((sentence){{"ef is 0", "1 to 10000"}});
    asked.ef = 10001;
    refused_options((sentence){{"ef is 10001", "1 to 10000"}});
    asked.semantic.share = (double)NAN;
    refused_options((sentence){{"semantic filter", "nan", "above 0 and at most 1"}});
    asked.semantic.share = 1.01;
    refused_options((sentence){{"semantic filter", "1.01", "at most 1"}});
    asked.structural.share = 0.0;
    refused_options((sentence){{"structural filter", "share of 0", "above 0"}});
    asked.structural.at_least = 0;
    refused_options((sentence){{"structural filter", "at least 0", "1 or more"}});
    asked.column_mask = 0;
    refused_options((sentence){{"column mask is 0", "lowest 4 bits"}});
    asked.column_mask = 16;
    refused_options((sentence){{"column mask is 16", "no other"}});
    asked.stop_confidence = 1.5;
    refused_options((sentence){{"confidence", "1.5", "0 to 1"}});
    asked.stop_confidence = (double)NAN;
    refused_options((sentence){{"confidence", "nan", "0 to 1"}});
    asked.strategy = CG_STRATEGY_COUNT;
    refused_options((sentence){{"strategy 3", "auto, direct or hierarchical"}});
    asked.neighbours = CG_NEIGHBOURS_MAX;
    asked.ef = 10000;
    asked.semantic.share = 1.0;
    asked.stop_confidence = 0.0;
    assert_ok(cg_cascade_options_check(&asked, &error), error);
}

static void names_are_known(void **state) {
    (void)state;
    static const char *const strategies[] = {"auto", "direct", "hierarchical", "unknown"};
    static const char *const stages[] = {"coarse", "semantic", "structural", "inhibition",
                                         "unknown"};
    for (int i = 0; i <= CG_STRATEGY_COUNT; i++) {
        assert_string_equal(cg_strategy_name((cg_strategy)i), strategies[i]);
    }
    for (int i = 0; i <= CG_STAGE_COUNT; i++) {
        assert_string_equal(cg_stage_name((cg_stage)i), stages[i]);
    }
}

/* All that a decision could change by mistake. */
static uint64_t state_hash(void) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, cg_graph_hash(made.graph));
    cg_hasher_add_u64(&hasher, cg_lexicon_hash(made.lexicon));
    cg_hasher_add_u64(&hasher, cg_learned_hash(&made.learned));
    cg_hasher_add_u64(&hasher, cg_index_count(made.index));
    uint32_t dims = cg_features_dims(made.features);
    for (uint32_t row = 0; row < cg_features_count(made.features); row++) {
        cg_feature_row features = cg_features_row(made.features, row);
        cg_hasher_add_bytes(&hasher, features.dense, dims * sizeof *features.dense);
        cg_hasher_add_bytes(&hasher, features.spikes, dims * sizeof *features.spikes);
        cg_hasher_add_bytes(&hasher, features.sparse.features,
                            features.sparse.count * sizeof *features.sparse.features);
        cg_hasher_add_bytes(&hasher, features.sparse.weights,
                            features.sparse.count * sizeof *features.sparse.weights);
    }
    return cg_hasher_value(&hasher);
}

static void refused(const cg_fact_view *fact, cg_status status, sentence expected) {
    for (int strategy = CG_STRATEGY_DIRECT; strategy < CG_STRATEGY_COUNT; strategy++) {
        cg_cascade_options options = hierarchical();
        options.strategy = (cg_strategy)strategy;
        uint64_t before_hash = state_hash();
        cg_decision decision;
        cg_decision before;
        memset(&decision, 0x5a, sizeof decision);
        memset(&before, 0x5a, sizeof before);
        memset(&error, 0, sizeof error);
        assert_int_equal(cg_cascade_decide(&options, &made.knowledge, fact, made.scratch,
                                           &decision, NULL, &error),
                         status);
        expect_sentence(expected);
        assert_memory_equal(&decision, &before, sizeof before);
        assert_int_equal(state_hash(), before_hash);
    }
}

static void vectors_that_are_none(void **state) {
    (void)state;
    float dense[DIMS] = {0};
    cg_fact_view fact = fact_of(9);
    fact.dense = dense;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"64 components", "zero", "unit length"}});
    for (uint32_t d = 0; d < DIMS; d += DIMS - 1) {
        dense[d] = NAN;
        refused(&fact, CG_ERROR_INVALID, (sentence){{"NaN", "64 components", "finite"}});
        dense[d] = INFINITY;
        refused(&fact, CG_ERROR_INVALID, (sentence){{"infinity", "finite"}});
        dense[d] = -INFINITY;
        refused(&fact, CG_ERROR_INVALID, (sentence){{"infinity", "finite"}});
        dense[d] = 0.0f;
    }
    dense[3] = -0.0f;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"zero"}});
}

/* Products with a huge vector overflow to infinities, whose differences are NaN. */
static void vectors_that_are_huge(void **state) {
    (void)state;
    float dense[DIMS] = {0};
    cg_fact_view fact = fact_of(9);
    fact.dense = dense;
    dense[kind_of(9)] = 3e38f;
    dense[KINDS + 1 + 9] = 3e38f;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"fact's vector", "length"}});
    dense[KINDS + 1 + 9] = -3e38f;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"fact's vector", "length"}});
    cg_fact_view sparse = fact_of(9);
    uint32_t words[2] = {1, 109};
    float weights[2] = {3e38f, -3e38f};
    sparse.sparse = (cg_sparse){words, weights, 2};
    refused(&sparse, CG_ERROR_INVALID, (sentence){{"sparse form", "length"}});
    weights[0] = 1e-30f;
    weights[1] = 1e-30f;
    refused(&sparse, CG_ERROR_INVALID, (sentence){{"sparse form", "length"}});
}

static void types_and_teachers_that_are_none(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(9);
    fact.type = CG_CONCEPT_TYPES;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"concept type is 64", "below 64"}});
    fact.type = UINT32_MAX - 1;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"concept type", "unknown"}});
    fact = fact_of(9);
    fact.teacher = CONCEPTS; /* nobody looks at it */
    cg_cascade_options options = hierarchical();
    (void)decide(&options, &fact);
    fact.has_teacher = true;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"row 55", "55 concepts"}});
    fact.teacher = UINT32_MAX;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"row 4294967295", "55 concepts"}});
    fact.teacher = CONCEPTS - 1;
    (void)decide(&options, &fact);
    assert_non_null(cg_cascade_lesson(made.scratch));
}

static void sparse_forms_that_are_none(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(9);
    uint32_t words[CG_SPARSE_ENTRIES_MAX + 1] = {9, 8};
    float weights[CG_SPARSE_ENTRIES_MAX + 1] = {0.6f, 0.8f};
    fact.sparse = (cg_sparse){words, weights, 2};
    refused(&fact, CG_ERROR_INVALID, (sentence){{"entry 1", "sparse form", "ascend"}});
    words[1] = 9;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"feature 9 after feature 9", "ascend"}});
    words[1] = 10;
    weights[1] = 0.0f;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"feature 10", "not zero"}});
    weights[1] = NAN;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"feature 10", "finite"}});
    weights[1] = -INFINITY;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"feature 10", "finite"}});
    for (uint32_t i = 0; i <= CG_SPARSE_ENTRIES_MAX; i++) {
        words[i] = i;
        weights[i] = 0.06f;
    }
    fact.sparse.count = CG_SPARSE_ENTRIES_MAX + 1;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"257 entries", "256"}});
}

static void knowledge_that_does_not_fit(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(9);
    cg_cascade_options options = hierarchical();
    cg_decision before = decide(&options, &fact);
    made.knowledge.index_first_row[0] = 1;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"index 0", "rows up to 56", "55 rows"}});
    made.knowledge.index_first_row[0] = UINT32_MAX;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"index 0", "rows up to 4294967350"}});
    made.knowledge.index_first_row[0] = 0;
    made.knowledge.index_count = CG_CASCADE_INDEXES_MAX + 1;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"5 indexes", "at most 4"}});
    made.knowledge.index_count = 1;
    cg_index_options narrow = cg_index_options_default(CG_INDEX_FLAT, DIMS / 2);
    cg_index *index = NULL;
    assert_ok(cg_index_alloc(&narrow, cg_allocator_heap(), &index, &error), error);
    made.knowledge.indexes[0] = index;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"index 0", "32 dims", "64 dims"}});
    made.knowledge.indexes[0] = made.index;
    cg_index_free(index);
    cg_decision after = decide(&options, &fact);
    assert_memory_equal(after.alternatives, before.alternatives, sizeof before.alternatives);
    assert_true(after.confidence == before.confidence);
}

static void an_empty_world_has_no_place(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_graph *graph;
    cg_features *features;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_graph_alloc(NULL, heap, &graph, &error), error);
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &features, &error), error);
    cg_fact_view fact = fact_of(9);
    made.knowledge.graph = graph;
    refused(&fact, CG_ERROR_INVALID, (sentence){{"0 concepts", "55 rows", "as many"}});
    made.knowledge.features = features;
    made.knowledge.index_count = 0;
    refused(&fact, CG_ERROR_NOT_FOUND, (sentence){{"no concepts", "add one"}});
    cg_features_free(features);
    cg_graph_free(graph);
}

/* An index without rows, and a text without a word that any concept has. */
static void nothing_found(void **state) {
    (void)state;
    cg_index_options empty = cg_index_options_default(CG_INDEX_FLAT, DIMS);
    cg_index *index = NULL;
    assert_ok(cg_index_alloc(&empty, cg_allocator_heap(), &index, &error), error);
    made.knowledge.indexes[0] = index;
    cg_fact_view fact = fact_of(9);
    fact.sparse.count = 0;
    cg_cascade_options options = hierarchical();
    cg_decision decision = {.winner = 12345};
    uint64_t before_hash = state_hash();
    memset(&error, 0, sizeof error);
    assert_int_equal(cg_cascade_decide(&options, &made.knowledge, &fact, made.scratch,
                                       &decision, NULL, &error),
                     CG_ERROR_NOT_FOUND);
    expect_sentence((sentence){{"1 indexes", "55 concepts", "decide directly"}});
    assert_int_equal(decision.winner, 12345);
    assert_int_equal(state_hash(), before_hash);
    options.strategy = CG_STRATEGY_DIRECT;
    assert_int_equal(decide(&options, &fact).stage_out[CG_STAGE_COARSE], CONCEPTS);
    cg_index_free(index);
}

/* Any text is fine for cues: no words, no UTF-8, zeros inside, a megabyte. */
static void texts_without_sense_do_no_harm(void **state) {
    (void)state;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    assert_non_null(text);
    cg_stream stream = cg_stream_init(support_seed(31), "test.texts", 0);
    made.knowledge.lexicon = made.lexicon;
    cg_cascade_options options = hierarchical();
    cg_fact_view fact = fact_of(9);
    uint64_t before = state_hash();
    static const uint32_t sizes[] = {0, 1, 2, 7, 100, 5000, LONG};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (uint32_t kind = 0; kind < 3; kind++) {
            for (uint32_t at = 0; at < sizes[i]; at++) {
                uint32_t drawn = (uint32_t)cg_stream_next_below(&stream, 256);
                text[at] = kind == 0 ? (char)(uint8_t)drawn : kind == 1 ? ',' : '\0';
            }
            fact.text = text;
            fact.text_bytes = sizes[i];
            /* The exact form is known; the cues of noise take nothing away from it. */
            assert_int_equal(decide(&options, &fact).winner, 9);
        }
    }
    assert_int_equal(state_hash(), before);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(names_are_known),
        IN_WORLD(vectors_that_are_none),
        IN_WORLD(vectors_that_are_huge),
        IN_WORLD(types_and_teachers_that_are_none),
        IN_WORLD(sparse_forms_that_are_none),
        IN_WORLD(knowledge_that_does_not_fit),
        IN_WORLD(an_empty_world_has_no_place),
        IN_WORLD(nothing_found),
        IN_WORLD(texts_without_sense_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
