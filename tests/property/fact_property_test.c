/* Goal: on random input, a vocabulary on a frozen embedder is, bit for bit, an embedder that
 * counted everything; and lemmas are those of a naive reading of lemma.h over plain lists. (A1)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fact/embed.h"
#include "engine/fact/vocabulary.h"
#include "tests/support/support.h"

static uint64_t seed;

/* --- Lemmas against lists. --- */

enum { WORD_BYTES = 16, KNOWN_MAX = 160, EXCEPTIONS_MAX = 60, LEXICONS = 60, FORMS = 1500 };

typedef struct lexicon {
    char known[CG_PARTS_OF_SPEECH][KNOWN_MAX][WORD_BYTES];
    int known_count[CG_PARTS_OF_SPEECH];
    char exceptions[CG_PARTS_OF_SPEECH][EXCEPTIONS_MAX][2][WORD_BYTES]; /* form, base */
    int exception_count[CG_PARTS_OF_SPEECH];
} lexicon;

/* One to four pieces of words, so that endings, bases and clashes are frequent. */
static void draw_word(cg_stream *stream, char *word, bool is_upper) {
    static const char *const pieces[] = {"a",   "b",   "s",   "es", "ies", "y",   "e",  "ed",
                                         "ing", "men", "man", "ch", "x",   "ful", "er", "est"};
    size_t used = 0;
    for (uint64_t n = 1 + cg_stream_next_below(stream, 4); n > 0; n--) {
        const char *piece = pieces[cg_stream_next_below(stream, 16)];
        if (used + strlen(piece) < WORD_BYTES) {
            memcpy(word + used, piece, strlen(piece));
            used += strlen(piece);
        }
    }
    word[used] = '\0';
    if (is_upper && cg_stream_next_below(stream, 3) == 0) {
        word[0] = (char)(word[0] - 'a' + 'A');
    }
}

static bool knows(const lexicon *lists, unsigned part, const char *word) {
    for (int i = 0; i < lists->known_count[part]; i++) {
        if (strcmp(lists->known[part][i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool naive_exception(const lexicon *lists, unsigned part, const char *form, char *out) {
    for (int i = 0; i < lists->exception_count[part]; i++) {
        const char *base = lists->exceptions[part][i][1];
        if (strcmp(lists->exceptions[part][i][0], form) == 0 && knows(lists, part, base)) {
            snprintf(out, WORD_BYTES, "%s", base);
            return true;
        }
    }
    return false;
}

static bool naive_rule(const lexicon *lists, unsigned part, const char *form, char *out) {
    static const char *const rules[CG_PARTS_OF_SPEECH][8][2] = {
        {{"s", ""},
         {"ses", "s"},
         {"xes", "x"},
         {"zes", "z"},
         {"ches", "ch"},
         {"shes", "sh"},
         {"men", "man"},
         {"ies", "y"}},
        {{"s", ""},
         {"ies", "y"},
         {"es", "e"},
         {"es", ""},
         {"ed", "e"},
         {"ed", ""},
         {"ing", "e"},
         {"ing", ""}},
        {{"er", ""}, {"est", ""}, {"er", "e"}, {"est", "e"}},
        {{0}},
    };
    int size = (int)strlen(form);
    const char *kept = "";
    if (part == CG_NOUN && size >= 3 && strcmp(form + size - 3, "ful") == 0) {
        kept = "ful";
        size -= 3;
    } else if (part == CG_NOUN && (size < 3 || strcmp(form + size - 2, "ss") == 0)) {
        return false;
    }
    for (int r = 0; r < 8 && rules[part][r][0]; r++) {
        int ending = (int)strlen(rules[part][r][0]);
        if (size > ending &&
            strncmp(form + size - ending, rules[part][r][0], (size_t)ending) == 0) {
            char result[2 * WORD_BYTES];
            snprintf(result, sizeof result, "%.*s%s%s", size - ending, form, rules[part][r][1],
                     kept);
            if (knows(lists, part, result)) {
                snprintf(out, WORD_BYTES, "%.*s", WORD_BYTES - 1, result);
                return true;
            }
        }
    }
    return false;
}

static void naive_lemma(const lexicon *lists, unsigned part, const char *form, char *out) {
    out[0] = '\0';
    if (naive_exception(lists, part, form, out)) {
        return;
    }
    if (knows(lists, part, form)) {
        snprintf(out, WORD_BYTES, "%s", form);
    } else {
        naive_rule(lists, part, form, out);
    }
}

static void naive_any(const lexicon *lists, const char *form, char *out) {
    out[0] = '\0';
    if (naive_exception(lists, CG_NOUN, form, out)) {
        return;
    }
    if (knows(lists, CG_NOUN, form) || knows(lists, CG_VERB, form) ||
        knows(lists, CG_ADJECTIVE, form) || knows(lists, CG_ADVERB, form)) {
        snprintf(out, WORD_BYTES, "%s", form);
        return;
    }
    if (naive_exception(lists, CG_VERB, form, out) ||
        naive_exception(lists, CG_ADJECTIVE, form, out) ||
        naive_exception(lists, CG_ADVERB, form, out)) {
        return;
    }
    (void)(naive_rule(lists, CG_NOUN, form, out) || naive_rule(lists, CG_VERB, form, out) ||
           naive_rule(lists, CG_ADJECTIVE, form, out));
}

static void draw_lexicon(cg_stream *stream, lexicon *lists, cg_lemmas *lemmas) {
    cg_error error = {0};
    memset(lists, 0, sizeof *lists);
    for (int i = 0; i < KNOWN_MAX; i++) {
        unsigned part = (unsigned)cg_stream_next_below(stream, CG_PARTS_OF_SPEECH);
        char *word = lists->known[part][lists->known_count[part]++];
        draw_word(stream, word, true);
        assert_ok(cg_lemmas_add_word(lemmas, part, word, strlen(word), &error), error);
        word[0] = (char)(word[0] | 0x20);
        if (i % 3 == 0) {
            char line[2 * WORD_BYTES + 2];
            int at = lists->exception_count[part]++;
            draw_word(stream, lists->exceptions[part][at][0], false);
            draw_word(stream, lists->exceptions[part][at][1], false);
            int size = snprintf(line, sizeof line, "%s %s\n", lists->exceptions[part][at][0],
                                lists->exceptions[part][at][1]);
            assert_ok(cg_lemmas_add_exceptions(lemmas, part, line, (size_t)size, &error),
                      error);
        }
    }
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
}

static void test_lemmas(void **state) {
    (void)state;
    static lexicon lists;
    int found = 0;
    for (uint64_t round = 0; round < LEXICONS; round++) {
        cg_stream stream = cg_stream_init(seed, "property.lemmas", round);
        cg_lemmas *lemmas = NULL;
        cg_error error = {0};
        assert_ok(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, &error), error);
        draw_lexicon(&stream, &lists, lemmas);
        for (int i = 0; i < FORMS; i++) {
            char form[WORD_BYTES];
            char expected[WORD_BYTES];
            char out[CG_LEMMA_BYTES_MAX] = "";
            draw_word(&stream, form, false);
            for (unsigned part = 0; part < CG_PARTS_OF_SPEECH; part++) {
                naive_lemma(&lists, part, form, expected);
                size_t size = cg_lemma(lemmas, part, form, strlen(form), out);
                assert_string_equal(size > 0 ? out : "", expected);
                found += size > 0;
            }
            naive_any(&lists, form, expected);
            size_t size = cg_lemma_any(lemmas, form, strlen(form), out);
            assert_string_equal(size > 0 ? out : "", expected);
        }
        cg_lemmas_free(lemmas);
    }
    assert_true(found > LEXICONS * FORMS / 20); /* the draw is worth the test */
}

/* --- Vocabularies against embedders. --- */

enum {
    CASES = 60,
    DOCUMENTS_MAX = 40,
    TEXT_BYTES = 400,
    LARGE_TEXT_BYTES = 1 << 18,
    PROBES = 12
};

/* Words of pieces; in a numbered text most words differ. text: char[size_max]. */
static size_t draw_text(cg_stream *stream, char *text, size_t size_max, bool is_numbered) {
    size_t words = is_numbered ? SIZE_MAX : 1 + cg_stream_next_below(stream, 30);
    size_t used = 0;
    for (size_t i = 0; i < words; i++) {
        char word[WORD_BYTES + 8];
        draw_word(stream, word, true);
        if (is_numbered) {
            size_t size = strlen(word);
            snprintf(word + size, sizeof word - size, "%05u",
                     (unsigned)cg_stream_next_below(stream, 50000));
        }
        if (used + strlen(word) + 1 > size_max) {
            break;
        }
        for (const char *c = word; *c; c++) {
            text[used++] = *c;
        }
        text[used++] = i % 2 ? ' ' : ',';
    }
    return used;
}

static cg_embedder *new_embedder(const cg_embed_options *options, const cg_lemmas *lemmas) {
    cg_embedder *embedder = NULL;
    cg_error error = {0};
    assert_ok(cg_embedder_alloc(options, cg_allocator_heap(), &embedder, &error), error);
    if (lemmas) {
        assert_ok(cg_embedder_use_lemmas(embedder, lemmas, &error), error);
    }
    return embedder;
}

typedef struct pair {
    cg_embedder *all;
    cg_embedder *base;
    cg_vocabulary *vocabulary;
    cg_vocabulary *twin; /* gets the same documents */
} pair;

/* Text to all; to the base while there is no vocabulary, to vocabularies then. */
static void add_document(pair *counted, const char *text, size_t size) {
    cg_error error = {0};
    assert_ok(cg_embedder_add_document(counted->all, text, size, &error), error);
    if (!counted->vocabulary) {
        assert_ok(cg_embedder_add_document(counted->base, text, size, &error), error);
        return;
    }
    assert_ok(cg_vocabulary_add(counted->vocabulary, text, size, &error), error);
    assert_ok(cg_vocabulary_add(counted->twin, text, size, &error), error);
    uint64_t version = cg_vocabulary_version(counted->vocabulary);
    assert_int_equal(version, cg_vocabulary_version(counted->twin));
    assert_int_equal(version, cg_vocabulary_hash(counted->vocabulary));
}

static void assert_same_embeddings(const pair *counted, cg_stream *stream) {
    for (int i = 0; i < PROBES; i++) {
        char text[TEXT_BYTES];
        cg_embedding left;
        cg_embedding right;
        cg_error error = {0};
        size_t size = draw_text(stream, text, sizeof text, i % 2);
        cg_status status = cg_embed(counted->all, text, size, &left, NULL, &error);
        cg_status with = cg_embed_with(counted->vocabulary, text, size, &right, NULL, &error);
        assert_int_equal(status, with);
        if (status == CG_OK) {
            assert_memory_equal(&left, &right, sizeof left);
        }
    }
}

static void run_case(uint64_t number, const cg_lemmas *lemmas, char *large) {
    cg_stream stream = cg_stream_init(seed, "property.vocabulary", number);
    cg_embed_options options = {.dims = 32, .feature_bits = 10, .seed = number};
    options.feature_bits += (uint32_t)cg_stream_next_below(&stream, 8);
    lemmas = number % 2 ? lemmas : NULL;
    pair counted = {.all = new_embedder(&options, lemmas),
                    .base = new_embedder(&options, lemmas)};
    uint64_t before = cg_stream_next_below(&stream, DOCUMENTS_MAX);
    uint64_t count = before + cg_stream_next_below(&stream, DOCUMENTS_MAX);
    cg_error error = {0};
    for (uint64_t i = 0; i <= count; i++) {
        if (i == before) {
            assert_ok(cg_embedder_freeze(counted.base, &error), error);
            assert_ok(cg_vocabulary_alloc(counted.base, cg_allocator_heap(),
                                          &counted.vocabulary, &error),
                      error);
            assert_ok(
                cg_vocabulary_alloc(counted.base, cg_allocator_heap(), &counted.twin, &error),
                error);
        }
        if (i == count) {
            break;
        }
        char text[TEXT_BYTES];
        /* Few, but more words than one tally holds, at both sides of the freezing. */
        bool is_large = number % 8 < 2 && (i + 1 == before || i == before + 2);
        size_t size = is_large ? draw_text(&stream, large, LARGE_TEXT_BYTES, true)
                               : draw_text(&stream, text, sizeof text, i % 2);
        add_document(&counted, is_large ? large : text, size);
    }
    assert_ok(cg_embedder_freeze(counted.all, &error), error);
    assert_int_equal(cg_vocabulary_documents(counted.vocabulary), count);
    assert_same_embeddings(&counted, &stream);
    cg_vocabulary_free(counted.vocabulary);
    cg_vocabulary_free(counted.twin);
    cg_embedder_free(counted.base);
    cg_embedder_free(counted.all);
}

static void test_vocabularies(void **state) {
    (void)state;
    static lexicon lists;
    cg_stream stream = cg_stream_init(seed, "property.lemmas", LEXICONS);
    cg_lemmas *lemmas = NULL;
    cg_error error = {0};
    char *large = malloc(LARGE_TEXT_BYTES);
    assert_non_null(large);
    assert_ok(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, &error), error);
    draw_lexicon(&stream, &lists, lemmas);
    for (uint64_t number = 0; number < CASES; number++) {
        run_case(number, lemmas, large);
    }
    cg_lemmas_free(lemmas);
    free(large);
}

int main(void) {
    seed = support_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lemmas),
        cmocka_unit_test(test_vocabularies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
