/* Goal: lemmas and further documents change what texts embed to exactly as the headers say;
 * what is refused leaves a vocabulary as it was. (A1) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/fact/embed.h"
#include "engine/fact/vocabulary.h"

static cg_lemmas *new_lemmas(bool empty) {
    cg_lemmas *lemmas = NULL;
    cg_error error = {0};
    assert_ok(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, &error), error);
    if (!empty) {
        assert_ok(cg_lemmas_add_word(lemmas, CG_NOUN, "dog", 3, &error), error);
        assert_ok(cg_lemmas_add_word(lemmas, CG_VERB, "run", 3, &error), error);
        assert_ok(cg_lemmas_add_exceptions(lemmas, CG_VERB, "ran run\n", 8, &error), error);
    }
    return lemmas;
}

/* Frozen after these documents; lemmas NULL: none. */
static cg_embedder *embedder_of(const cg_lemmas *lemmas, const char *const *documents,
                                size_t count) {
    cg_embed_options options = cg_embed_options_default();
    cg_embedder *embedder = NULL;
    cg_error error = {0};
    assert_ok(cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, &error), error);
    if (lemmas) {
        assert_ok(cg_embedder_use_lemmas(embedder, lemmas, &error), error);
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(documents[i]);
        assert_ok(cg_embedder_add_document(embedder, documents[i], size, &error), error);
    }
    assert_ok(cg_embedder_freeze(embedder, &error), error);
    return embedder;
}

static cg_vocabulary *vocabulary_on(const cg_embedder *base, cg_allocator allocator) {
    cg_vocabulary *vocabulary = NULL;
    cg_error error = {0};
    assert_ok(cg_vocabulary_alloc(base, allocator, &vocabulary, &error), error);
    return vocabulary;
}

static void add(cg_vocabulary *vocabulary, const char *text) {
    cg_error error = {0};
    assert_ok(cg_vocabulary_add(vocabulary, text, strlen(text), &error), error);
}

static cg_embedding embed(const cg_embedder *embedder, const char *text) {
    cg_error error = {0};
    cg_embedding out;
    assert_ok(cg_embed(embedder, text, strlen(text), &out, NULL, &error), error);
    return out;
}

static cg_embedding embed_with(const cg_vocabulary *vocabulary, const char *text) {
    cg_error error = {0};
    cg_embedding out;
    assert_ok(cg_embed_with(vocabulary, text, strlen(text), &out, NULL, &error), error);
    return out;
}

/* By their lemmas two texts are one; where no token has a lemma, a text is what it is without.
 */
static void test_lemmas(void **state) {
    (void)state;
    static const char *const documents[] = {"the dogs ran", "the cats"};
    cg_lemmas *lemmas = new_lemmas(false);
    cg_lemmas *none = new_lemmas(true);
    cg_error error = {0};
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
    assert_ok(cg_lemmas_freeze(none, &error), error);
    cg_embedder *with = embedder_of(lemmas, documents, 2);
    cg_embedder *without = embedder_of(NULL, documents, 2);
    cg_embedder *idle = embedder_of(none, documents, 2);
    cg_embedding a = embed(with, "Dogs ran, cats!");
    cg_embedding b = embed(with, "dog run cats");
    cg_embedding plain = embed(without, "dogs ran cats");
    cg_embedding same = embed(idle, "dogs ran cats");
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &plain, sizeof a);
    assert_memory_equal(&same, &plain, sizeof plain);
    assert_int_not_equal(cg_embedder_version(with), cg_embedder_version(without));
    assert_int_not_equal(cg_embedder_version(with), cg_embedder_version(idle));
    assert_int_not_equal(cg_embedder_version(without), cg_embedder_version(idle));
    assert_status(cg_embedder_use_lemmas(without, lemmas, &error), CG_ERROR_INVALID, error,
                  "before the first document");
    cg_embedder_free(with);
    cg_embedder_free(without);
    cg_embedder_free(idle);
    cg_lemmas_free(lemmas);
    cg_lemmas_free(none);
}

static void test_lemmas_refused(void **state) {
    (void)state;
    cg_lemmas *lemmas = new_lemmas(false);
    cg_embed_options options = cg_embed_options_default();
    cg_embedder *embedder = NULL;
    cg_vocabulary *vocabulary = NULL;
    cg_error error = {0};
    assert_ok(cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, &error), error);
    assert_status(cg_embedder_use_lemmas(embedder, lemmas, &error), CG_ERROR_INVALID, error,
                  "frozen");
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
    assert_ok(cg_embedder_add_document(embedder, "", 0, &error), error);
    assert_status(cg_embedder_use_lemmas(embedder, lemmas, &error), CG_ERROR_INVALID, error,
                  "before the first document");
    assert_status(cg_vocabulary_alloc(embedder, cg_allocator_heap(), &vocabulary, &error),
                  CG_ERROR_INVALID, error, "frozen");
    assert_null(vocabulary);
    cg_embedder_free(embedder);
    cg_lemmas_free(lemmas);
}

/* Two documents before and one after the freezing weigh like three before it. */
static void test_counts(void **state) {
    (void)state;
    static const char *const documents[] = {"the dog", "the cat the", "the ant"};
    cg_embedder *all = embedder_of(NULL, documents, 3);
    cg_embedder *base = embedder_of(NULL, documents, 2);
    cg_vocabulary *vocabulary = vocabulary_on(base, cg_allocator_heap());
    cg_embedding before = embed_with(vocabulary, "the cat newt ant");
    cg_embedding of_base = embed(base, "the cat newt ant");
    assert_memory_equal(&before, &of_base, sizeof before);
    assert_int_equal(cg_vocabulary_version(vocabulary), cg_embedder_version(base));
    assert_int_equal(cg_vocabulary_documents(vocabulary), 2);
    uint64_t small = cg_vocabulary_bytes(vocabulary);
    add(vocabulary, "the ant");
    cg_embedding after = embed_with(vocabulary, "the cat newt ant");
    cg_embedding of_all = embed(all, "the cat newt ant");
    assert_memory_equal(&after, &of_all, sizeof after);
    assert_memory_not_equal(&after, &before, sizeof after);
    assert_int_equal(cg_vocabulary_documents(vocabulary), 3);
    assert_true(cg_vocabulary_bytes(vocabulary) > small);
    assert_true(cg_vocabulary_bytes(vocabulary) < 2048);
    cg_vocabulary_free(vocabulary);
    cg_vocabulary_free(NULL);
    cg_embedder_free(base);
    cg_embedder_free(all);
}

static uint64_t version_after(const cg_embedder *base, const char *const *texts, size_t count) {
    cg_vocabulary *vocabulary = vocabulary_on(base, cg_allocator_heap());
    for (size_t i = 0; i < count; i++) {
        uint64_t before = cg_vocabulary_version(vocabulary);
        add(vocabulary, texts[i]);
        assert_int_not_equal(cg_vocabulary_version(vocabulary), before);
    }
    uint64_t version = cg_vocabulary_version(vocabulary);
    assert_int_equal(version, cg_vocabulary_hash(vocabulary));
    cg_vocabulary_free(vocabulary);
    return version;
}

static void test_version(void **state) {
    (void)state;
    static const char *const texts[] = {"a dog", "a cat", "a dog"};
    static const char *const swapped[] = {"a dog", "a dog", "a cat"};
    static const char *const others[] = {"a dog", "a cat", "a cat"};
    static const char *const joined[] = {"a dog cat", "a", "a dog"};
    cg_embedder *base = embedder_of(NULL, texts, 1);
    cg_embedder *other = embedder_of(NULL, others, 2);
    uint64_t version = version_after(base, texts, 3);
    assert_int_equal(version, version_after(base, texts, 3));
    assert_int_equal(version, version_after(base, swapped, 3));
    assert_int_equal(version, version_after(base, joined, 3)); /* the same frequencies */
    assert_int_not_equal(version, version_after(base, others, 3));
    assert_int_not_equal(version, version_after(base, texts, 2));
    assert_int_not_equal(version, version_after(other, texts, 3));
    cg_embedder_free(base);
    cg_embedder_free(other);
}

typedef struct state_of {
    uint64_t version;
    uint64_t hash;
    uint64_t documents;
    cg_embedding embedding;
} state_of;

static state_of look(const cg_vocabulary *vocabulary) {
    state_of seen;
    memset(&seen, 0, sizeof seen);
    seen.version = cg_vocabulary_version(vocabulary);
    seen.hash = cg_vocabulary_hash(vocabulary);
    seen.documents = cg_vocabulary_documents(vocabulary);
    seen.embedding = embed_with(vocabulary, "the dog word");
    return seen;
}

static void test_refusals(void **state) {
    (void)state;
    cg_error error = {0};
    cg_embedder *base = embedder_of(NULL, NULL, 0);
    cg_vocabulary *vocabulary = vocabulary_on(base, cg_allocator_heap());
    char *large = malloc(CG_TEXT_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'a', CG_TEXT_BYTES_MAX + 1);
    const struct {
        const char *text;
        size_t size;
        const char *message;
    } cases[] = {
        {"", 0, "empty"},
        {" -;- ", 5, "no letter"},
        {"word \xc3(", 7, "byte offset 5"},
        {large, CG_TEXT_BYTES_MAX + 1, "1048576"},
    };
    add(vocabulary, "the dog");
    state_of before = look(vocabulary);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(cg_vocabulary_add(vocabulary, cases[i].text, cases[i].size, &error),
                      CG_ERROR_INVALID, error, cases[i].message);
        cg_embedding out;
        cg_embedding untouched;
        memset(&out, 0x5a, sizeof out);
        memset(&untouched, 0x5a, sizeof untouched);
        assert_status(
            cg_embed_with(vocabulary, cases[i].text, cases[i].size, &out, NULL, &error),
            CG_ERROR_INVALID, error, cases[i].message);
        assert_memory_equal(&out, &untouched, sizeof out);
        state_of after = look(vocabulary);
        assert_memory_equal(&after, &before, sizeof after);
    }
    assert_ok(cg_vocabulary_add(vocabulary, large, CG_TEXT_BYTES_MAX, &error), error);
    assert_int_equal(cg_vocabulary_documents(vocabulary), 2);
    free(large);
    cg_vocabulary_free(vocabulary);
    cg_embedder_free(base);
}

/* Every allocation fails once; a document that found no memory leaves no trace and counts when
 * it is added again. */
static void test_allocation_failures(void **state) {
    (void)state;
    cg_embedder *base = embedder_of(NULL, NULL, 0);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    uint64_t n = 0;
    uint64_t version = 0;
    do {
        cg_error error = {0};
        cg_vocabulary *vocabulary = NULL;
        counting.fail_at = ++n;
        if (cg_vocabulary_alloc(base, allocator, &vocabulary, &error) != CG_OK) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_null(vocabulary);
            vocabulary = vocabulary_on(base, allocator);
        }
        for (int i = 0; i < 120; i++) {
            char text[] = {'t', 'h', 'e', ' ', (char)('a' + i % 11), (char)('a' + i / 11)};
            state_of before = look(vocabulary);
            if (cg_vocabulary_add(vocabulary, text, sizeof text, &error) != CG_OK) {
                assert_int_equal(error.status, CG_ERROR_MEMORY);
                state_of after = look(vocabulary);
                assert_memory_equal(&after, &before, sizeof after);
                assert_ok(cg_vocabulary_add(vocabulary, text, sizeof text, &error), error);
            }
            assert_int_equal(cg_vocabulary_bytes(vocabulary), counting.live_bytes);
        }
        assert_true(n == 1 || cg_vocabulary_version(vocabulary) == version);
        version = cg_vocabulary_version(vocabulary);
        cg_vocabulary_free(vocabulary);
        assert_int_equal(counting.live_blocks, 0);
    } while (counting.fail_at == 0);
    assert_int_equal(n, 5); /* the vocabulary and tables of 64, 128 and 256 slots */
    cg_embedder_free(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lemmas),   cmocka_unit_test(test_lemmas_refused),
        cmocka_unit_test(test_counts),   cmocka_unit_test(test_version),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
