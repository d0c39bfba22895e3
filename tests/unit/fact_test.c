/* Goal: the text embedding does what its header says, to the bit. Tokens and UTF-8 by known
 * values, the weights by their closed form, the projection by its defining draws, and one
 * golden hash. (A1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/fact/embed.h"
#include "engine/fact/tokenise.h"

static const char gloss[] =
    "dog, domestic dog, Canis familiaris: a member of the genus Canis that has "
    "been domesticated by man since";

static cg_embedder *embedder_of(uint32_t dims, uint64_t seed, const char *const *documents,
                                size_t count) {
    cg_error error = {0};
    cg_embed_options options = cg_embed_options_default();
    options.dims = dims;
    options.seed = seed;
    cg_embedder *embedder = NULL;
    assert_ok(cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, &error), error);
    for (size_t i = 0; i < count; i++) {
        assert_ok(
            cg_embedder_add_document(embedder, documents[i], strlen(documents[i]), &error),
            error);
    }
    assert_ok(cg_embedder_freeze(embedder, &error), error);
    return embedder;
}

static cg_embedding embed(const cg_embedder *embedder, const char *text) {
    cg_error error = {0};
    cg_embedding out;
    assert_ok(cg_embed(embedder, text, strlen(text), &out, NULL, &error), error);
    return out;
}

static uint32_t feature_of(const char *word, uint64_t seed, int *sign) {
    uint64_t hash = cg_hash_bytes(word, strlen(word), seed);
    *sign = hash >> 63 ? -1 : 1;
    return (uint32_t)(hash & 0xfffff);
}

static float weight_in(const cg_embedding *embedding, const char *word, uint64_t seed) {
    int sign = 0;
    uint32_t feature = feature_of(word, seed, &sign);
    for (uint32_t i = 0; i < embedding->count; i++) {
        if (embedding->features[i] == feature) {
            return (float)sign * embedding->weights[i];
        }
    }
    return 0.0f;
}

static void test_sparse_dot(void **state) {
    (void)state;
    const uint32_t left_features[] = {1, 3};
    const float left_weights[] = {0.5f, 2.0f};
    const uint32_t right_features[] = {1, 2, 3};
    const float right_weights[] = {2.0f, 9.0f, 0.25f};
    cg_sparse left = {left_features, left_weights, 2};
    cg_sparse right = {right_features, right_weights, 3};
    cg_sparse empty = {NULL, NULL, 0};
    assert_true(cg_sparse_dot(left, right) == 1.5f);
    assert_true(cg_sparse_dot(right, left) == 1.5f);
    assert_true(cg_sparse_dot(left, empty) == 0.0f);
}

static void test_sparse_check(void **state) {
    (void)state;
    cg_error error = {0};
    uint32_t features[CG_SPARSE_ENTRIES_MAX + 1] = {1, 5};
    float weights[CG_SPARSE_ENTRIES_MAX + 1] = {1.0f, -0.5f};
    cg_sparse sparse = {features, weights, 2};
    assert_ok(cg_sparse_check(sparse, "the query", &error), error);
    assert_ok(cg_sparse_check((cg_sparse){NULL, NULL, 0}, "nothing", &error), error);
    features[1] = 1;
    assert_status(cg_sparse_check(sparse, "the query", &error), CG_ERROR_INVALID, error,
                  "the query");
    features[1] = 5;
    const float bad[] = {0.0f, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 4; i++) {
        weights[1] = bad[i];
        assert_status(cg_sparse_check(sparse, "the query", &error), CG_ERROR_INVALID, error,
                      "feature 5");
    }
    sparse.count = CG_SPARSE_ENTRIES_MAX + 1;
    assert_status(cg_sparse_check(sparse, "the query", &error), CG_ERROR_INVALID, error, "256");
}

/* Cases from the Unicode Standard, table 3-7, and RFC 3629; offset -1 means valid. */
static void test_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int offset;
    } cases[] = {
        {"", -1},
        {"plain", -1},
        {"caf\xc3\xa9", -1},
        {"\xe2\x82\xac", -1},
        {"\xf4\x8f\xbf\xbf", -1},
        {"\xed\x9f\xbf\xee\x80\x80", -1},
        {"ab\x80", 2},
        {"a\xc0\x80", 1},
        {"\xc1\xbf", 0},
        {"abc\xe0\x9f\xbf", 3},
        {"x\xed\xa0\x80", 1},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"abcd\xe2\x82", 4},
        {"\xc3", 0},
        {"\xe2\x28\xa1", 0},
        {"\xff", 0},
        {"ab\xe2\x82(", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t offset = 99;
        bool good = cg_utf8_check(cases[i].text, strlen(cases[i].text), &offset);
        assert_int_equal(good, cases[i].offset < 0);
        assert_int_equal(offset, good ? 99 : cases[i].offset);
    }
}

static void test_tokens(void **state) {
    (void)state;
    static const char *const expected[] = {"It", "s", "caf\xc3\xa9", "No9", "x"};
    const char text[] = "  It's caf\xc3\xa9_No9\n(x)";
    cg_token_cursor cursor = cg_token_cursor_init(text, strlen(text));
    cg_token token;
    for (size_t i = 0; i < 5; i++) {
        assert_true(cg_token_next(&cursor, &token));
        assert_int_equal(token.size_bytes, strlen(expected[i]));
        assert_memory_equal(token.bytes, expected[i], token.size_bytes);
    }
    assert_false(cg_token_next(&cursor, &token));
    assert_false(cg_token_next(&cursor, &token));
    cg_token upper = {(const uint8_t *)"CAT", 3};
    assert_int_equal(cg_token_hash(upper, 5), cg_hash_bytes("cat", 3, 5));
    /* Two blocks: the first one's hash seeds the second. */
    uint8_t longer[65];
    memset(longer, 'z', sizeof longer);
    uint64_t first = cg_hash_bytes(longer, 64, 5);
    assert_int_equal(cg_token_hash((cg_token){longer, 65}, 5), cg_hash_bytes(longer, 1, first));
    assert_int_equal(cg_token_hash((cg_token){longer, 64}, 5), first);
}

/* With no document counted every idf is 1: "dog dog cat" weighs (1 + ln 2) : 1. */
static void test_weights_without_documents(void **state) {
    (void)state;
    cg_embedder *embedder = embedder_of(128, 1, NULL, 0);
    cg_embedding got = embed(embedder, "Dog dog, CAT");
    double dog = 1.0 + cg_log(2.0);
    double length = cg_sqrt(dog * dog + 1.0);
    assert_int_equal(got.count, 2);
    assert_true(weight_in(&got, "dog", 1) == (float)(dog / length));
    assert_true(weight_in(&got, "cat", 1) == (float)(1.0 / length));
    cg_embedder_free(embedder);
}

/* Three documents, "the" in all of them and twice in one, "cat" in one: idf 1, and 1 + ln 2; a
 * word that was in none has 1 + ln 4. */
static void test_document_frequencies(void **state) {
    (void)state;
    static const char *const documents[] = {"the dog", "the cat the", "the ant"};
    cg_embedder *embedder = embedder_of(128, 7, documents, 3);
    cg_embedding got = embed(embedder, "the cat newt");
    double cat = 1.0 + cg_log(2.0);
    double newt = 1.0 + cg_log(4.0);
    /* The engine adds squares in the order of features; any order is near enough here. */
    double length = cg_sqrt(1.0 + cat * cat + newt * newt);
    assert_int_equal(got.count, 3);
    assert_true(fabs((double)weight_in(&got, "the", 7) - 1.0 / length) < 1e-7);
    assert_true(fabs((double)weight_in(&got, "cat", 7) - cat / length) < 1e-7);
    assert_true(fabs((double)weight_in(&got, "newt", 7) - newt / length) < 1e-7);
    cg_embedder_free(embedder);
}

static double dense_length(const cg_embedding *embedding) {
    double squares = 0.0;
    for (uint32_t d = 0; d < CG_DIMS_MAX; d++) {
        squares += (double)embedding->dense[d] * (double)embedding->dense[d];
    }
    return sqrt(squares);
}

static void test_unit_length_and_padding(void **state) {
    (void)state;
    static const uint32_t dims[] = {32, 48, 128, 1024};
    for (size_t i = 0; i < 4; i++) {
        cg_embedder *embedder = embedder_of(dims[i], 3, NULL, 0);
        cg_embedding got = embed(embedder, gloss);
        cg_error error = {0};
        cg_sparse sparse = cg_embedding_sparse(&got);
        assert_ok(cg_sparse_check(sparse, "the gloss", &error), error);
        assert_true(fabs(dense_length(&got) - 1.0) < 1e-6);
        assert_true(fabs((double)cg_sparse_dot(sparse, sparse) - 1.0) < 1e-6);
        for (uint32_t d = dims[i]; d < CG_DIMS_MAX; d++) {
            assert_true(got.dense[d] == 0.0f);
        }
        cg_embedder_free(embedder);
    }
}

/* One feature alone projects to its row of signs over sqrt(dims); the signs are the stream's
 * bits. */
static void test_projection_signs(void **state) {
    (void)state;
    cg_embedder *embedder = embedder_of(144, 11, NULL, 0);
    for (uint32_t feature = 0; feature < 50; feature++) {
        const float weight = feature % 2 ? -1.0f : 1.0f;
        float dense[144];
        cg_stream stream = cg_stream_init(11, "fact.project", feature);
        cg_work work = {0};
        cg_embed_project(embedder, (cg_sparse){&feature, &weight, 1}, dense, &work);
        for (uint32_t d = 0; d < 144; d++) {
            float sign = (cg_stream_at(&stream, d / 64) >> (d % 64)) & 1 ? weight : -weight;
            assert_true(dense[d] == sign * (1.0f / 12.0f));
        }
        assert_int_equal(work.operations[CG_WORK_PROJECT], 1);
        assert_int_equal(work.units[CG_WORK_PROJECT], 144);
    }
    float dense[144];
    memset(dense, 0x55, sizeof dense);
    cg_embed_project(embedder, (cg_sparse){NULL, NULL, 0}, dense, NULL);
    for (uint32_t d = 0; d < 144; d++) {
        assert_true(dense[d] == 0.0f);
    }
    cg_embedder_free(embedder);
}

/* Two opposite copies of one row cancel everywhere: the first axis stands in. */
static void test_projection_cancels(void **state) {
    (void)state;
    cg_embedder *embedder = embedder_of(32, 1, NULL, 0);
    const uint32_t features[] = {5, 5};
    const float weights[] = {0.5f, -0.5f};
    float dense[32];
    cg_embed_project(embedder, (cg_sparse){features, weights, 2}, dense, NULL);
    assert_true(dense[0] == 1.0f);
    for (uint32_t d = 1; d < 32; d++) {
        assert_true(dense[d] == 0.0f);
    }
    cg_embedder_free(embedder);
}

/* Related texts come out nearer than unrelated ones, in both forms. */
static void test_similarity(void **state) {
    (void)state;
    cg_embedder *embedder = embedder_of(512, 1, NULL, 0);
    cg_embedding a = embed(embedder, "a small domestic dog bred for hunting foxes");
    cg_embedding b = embed(embedder, "a large dog bred for hunting boars");
    cg_embedding c = embed(embedder, "monetary policy under floating exchange rates");
    float near_dot = 0.0f;
    float far_dot = 0.0f;
    for (uint32_t d = 0; d < 512; d++) {
        near_dot += a.dense[d] * b.dense[d];
        far_dot += a.dense[d] * c.dense[d];
    }
    assert_true(cg_sparse_dot(cg_embedding_sparse(&a), cg_embedding_sparse(&b)) > 0.5f);
    assert_true(cg_sparse_dot(cg_embedding_sparse(&a), cg_embedding_sparse(&c)) == 0.0f);
    assert_true(near_dot > 0.45f);
    assert_true(fabsf(far_dot) < 0.2f); /* deviation 1 / sqrt(512) = 0.044 */
    cg_embedder_free(embedder);
}

/* Every bit of an embedding is fixed: a change here means a new version of every stored vector.
 */
static void test_golden(void **state) {
    (void)state;
    static const char *const documents[] = {gloss, "a cat", "a member of a club"};
    cg_embedder *embedder = embedder_of(128, 1, documents, 3);
    cg_work work = {0};
    cg_error error = {0};
    cg_embedding got;
    assert_ok(cg_embed(embedder, gloss, strlen(gloss), &got, &work, &error), error);
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < got.count; i++) {
        cg_hasher_add_u64(&hasher, got.features[i]);
        cg_hasher_add_f32(&hasher, got.weights[i]);
    }
    for (uint32_t d = 0; d < 128; d++) {
        cg_hasher_add_f32(&hasher, got.dense[d]);
    }
    assert_int_equal(got.count, 16);
    assert_int_equal(work.operations[CG_WORK_TOKENISE], 1);
    assert_int_equal(work.units[CG_WORK_TOKENISE], strlen(gloss));
    assert_int_equal(work.units[CG_WORK_PROJECT], 16 * 128);
    assert_int_equal(cg_hasher_value(&hasher), UINT64_C(0x61986c0034a7658f));
    assert_int_equal(cg_embedder_version(embedder), UINT64_C(0x2ce72c7a6919cb07));
    cg_embedder_free(embedder);
}

static void test_version(void **state) {
    (void)state;
    static const char *const documents[] = {"a dog", "a cat"};
    static const char *const swapped[] = {"a cat", "a dog"};
    cg_embedder *embedders[] = {
        embedder_of(128, 1, documents, 2), embedder_of(128, 1, swapped, 2),
        embedder_of(128, 1, documents, 1), embedder_of(128, 2, documents, 2),
        embedder_of(64, 1, documents, 2),
    };
    uint64_t version = cg_embedder_version(embedders[0]);
    assert_int_equal(version, cg_embedder_version(embedders[1]));
    for (size_t i = 2; i < 5; i++) {
        assert_int_not_equal(version, cg_embedder_version(embedders[i]));
    }
    for (size_t i = 0; i < 5; i++) {
        cg_embedder_free(embedders[i]);
    }
}

static void test_refusals(void **state) {
    (void)state;
    cg_error error = {0};
    cg_embedder *embedder = embedder_of(128, 1, NULL, 0);
    cg_embedding out;
    cg_embedding before;
    memset(&out, 0x5a, sizeof out);
    memset(&before, 0x5a, sizeof before);
    assert_status(cg_embed(embedder, "", 0, &out, NULL, &error), CG_ERROR_INVALID, error,
                  "empty");
    assert_status(cg_embed(embedder, " -;- ", 5, &out, NULL, &error), CG_ERROR_INVALID, error,
                  "no letter");
    assert_status(cg_embed(embedder, "word \xc3(", 7, &out, NULL, &error), CG_ERROR_INVALID,
                  error, "byte offset 5");
    char *large = malloc(CG_TEXT_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'a', CG_TEXT_BYTES_MAX + 1);
    assert_status(cg_embed(embedder, large, CG_TEXT_BYTES_MAX + 1, &out, NULL, &error),
                  CG_ERROR_INVALID, error, "1048576");
    assert_memory_equal(&out, &before, sizeof out);
    assert_ok(cg_embed(embedder, large, CG_TEXT_BYTES_MAX, &out, NULL, &error), error);
    assert_int_equal(out.count, 1);
    free(large);
    assert_status(cg_embedder_add_document(embedder, "x", 1, &error), CG_ERROR_INVALID, error,
                  "frozen");
    assert_status(cg_embedder_freeze(embedder, &error), CG_ERROR_INVALID, error, "frozen");
    cg_embedder_free(embedder);
    cg_embedder_free(NULL);

    cg_embed_options options = cg_embed_options_default();
    assert_ok(cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, &error), error);
    assert_status(cg_embed(embedder, "x", 1, &out, NULL, &error), CG_ERROR_INVALID, error,
                  "frozen");
    assert_status(cg_embedder_add_document(embedder, "\xff", 1, &error), CG_ERROR_INVALID,
                  error, "byte offset 0");
    cg_embedder_free(embedder);
}

static void test_options(void **state) {
    (void)state;
    static const cg_embed_options bad[] = {
        {.dims = 16, .feature_bits = 20},   {.dims = 40, .feature_bits = 20},
        {.dims = 1040, .feature_bits = 20}, {.dims = 128, .feature_bits = 9},
        {.dims = 128, .feature_bits = 25},
    };
    for (size_t i = 0; i < 5; i++) {
        cg_error error = {0};
        cg_embedder *embedder = NULL;
        assert_int_equal(cg_embedder_alloc(&bad[i], cg_allocator_heap(), &embedder, &error),
                         CG_ERROR_INVALID);
        assert_null(embedder);
    }
}

/* A text of 1 MB with some 125,000 different words, more than the tally holds at a time, in few
 * features (2^14) so that sums collide: against a naive count over all features, then the
 * heaviest 256 by a sort. */
typedef struct oracle_entry {
    double size;
    uint32_t feature;
} oracle_entry;

static int compare_entries(const void *left, const void *right) {
    const oracle_entry *l = left;
    const oracle_entry *r = right;
    if (l->size != r->size) {
        return l->size > r->size ? -1 : 1;
    }
    return l->feature < r->feature ? -1 : 1;
}

static void test_large_text(void **state) {
    (void)state;
    enum { FEATURES = 1 << 14 };
    char *text = malloc(CG_TEXT_BYTES_MAX);
    oracle_entry *entries = calloc(FEATURES, sizeof *entries);
    int *sums = calloc(FEATURES, sizeof *sums);
    assert_non_null(text);
    assert_non_null(entries);
    assert_non_null(sums);
    cg_stream stream = cg_stream_init(support_seed(1), "test.large_text", 0);
    size_t size = 0;
    while (size + 8 <= CG_TEXT_BYTES_MAX) {
        char word[8];
        uint64_t value = cg_stream_next_below(&stream, 400000);
        for (int i = 0; i < 6; i++, value /= 26) {
            word[i] = (char)('a' + value % 26);
        }
        word[6] = ' ';
        uint64_t hash = cg_hash_bytes(word, 6, 1);
        sums[hash & (FEATURES - 1)] += hash >> 63 ? -1 : 1;
        memcpy(text + size, word, 7);
        size += 7;
    }
    cg_error error = {0};
    cg_embed_options options = {.dims = 32, .feature_bits = 14, .seed = 1};
    cg_embedder *embedder = NULL;
    assert_ok(cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, &error), error);
    assert_ok(cg_embedder_add_document(embedder, text, size, &error), error);
    assert_ok(cg_embedder_freeze(embedder, &error), error);
    cg_embedding got;
    assert_ok(cg_embed(embedder, text, size, &got, NULL, &error), error);
    /* All features are in the one document: idf = 1 for each. */
    for (uint32_t f = 0; f < FEATURES; f++) {
        entries[f].feature = f;
        entries[f].size = sums[f] == 0 ? 0.0 : 1.0 + cg_log((double)abs(sums[f]));
    }
    qsort(entries, FEATURES, sizeof *entries, compare_entries);
    assert_int_equal(got.count, CG_SPARSE_ENTRIES_MAX);
    for (uint32_t i = 0; i < got.count; i++) {
        uint32_t rank = 0;
        while (rank < got.count && entries[rank].feature != got.features[i]) {
            rank++;
        }
        assert_true(rank < got.count);
        assert_true((got.weights[i] < 0.0f) == (sums[got.features[i]] < 0));
        assert_true(i == 0 || got.features[i] > got.features[i - 1]);
    }
    cg_embedder_free(embedder);
    free(sums);
    free(entries);
    free(text);
}

static void test_allocation_failure(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_embed_options options = cg_embed_options_default();
    for (uint64_t n = 1; n <= 2; n++) {
        cg_error error = {0};
        cg_embedder *embedder = NULL;
        counting.fail_at = n;
        assert_status(cg_embedder_alloc(&options, cg_counting_allocator_view(&counting),
                                        &embedder, &error),
                      CG_ERROR_MEMORY, error, "out of memory");
        assert_null(embedder);
        assert_int_equal(counting.live_blocks, 0);
    }
    cg_error error = {0};
    cg_embedder *embedder = NULL;
    assert_ok(
        cg_embedder_alloc(&options, cg_counting_allocator_view(&counting), &embedder, &error),
        error);
    assert_int_equal(cg_embedder_bytes(embedder), counting.live_bytes);
    cg_embedder_free(embedder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sparse_dot),
        cmocka_unit_test(test_sparse_check),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_weights_without_documents),
        cmocka_unit_test(test_document_frequencies),
        cmocka_unit_test(test_unit_length_and_padding),
        cmocka_unit_test(test_projection_signs),
        cmocka_unit_test(test_projection_cancels),
        cmocka_unit_test(test_similarity),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_large_text),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
