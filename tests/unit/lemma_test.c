/* Goal: lemmas are WordNet's, by known values from its own lists and index; what comes in is
 * checked to the byte and goes in whole or not at all. Real input: the exception lists and
 * index files of Debian's wordnet-base. (A1) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fact/lemma.h"

static cg_lemmas *wordnet; /* all of WordNet 3.0 */

static cg_lemmas *new_lemmas(cg_allocator allocator) {
    cg_lemmas *lemmas = NULL;
    cg_error error = {0};
    assert_ok(cg_lemmas_alloc(allocator, &lemmas, &error), error);
    return lemmas;
}

static void know(cg_lemmas *lemmas, cg_part_of_speech part, const char *word) {
    cg_error error = {0};
    assert_ok(cg_lemmas_add_word(lemmas, part, word, strlen(word), &error), error);
}

static void except(cg_lemmas *lemmas, cg_part_of_speech part, const char *list) {
    cg_error error = {0};
    assert_ok(cg_lemmas_add_exceptions(lemmas, part, list, strlen(list), &error), error);
}

/* An index file: a licence whose lines begin with a space, then a lemma a line. */
static void add_index(cg_lemmas *lemmas, cg_part_of_speech part, const char *bytes,
                      size_t size) {
    cg_error error = {0};
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(bytes + at, '\n', size - at);
        const char *blank = memchr(bytes + at, ' ', size - at);
        assert_non_null(newline);
        assert_non_null(blank);
        size_t length = (size_t)(blank - bytes) - at;
        if (length > 0) {
            assert_ok(cg_lemmas_add_word(lemmas, part, bytes + at, length, &error), error);
        }
        at = (size_t)(newline - bytes) + 1;
    }
}

static int load(void **state) {
    (void)state;
    static const char *const names[] = {"noun", "verb", "adj", "adv"};
    cg_error error = {0};
    wordnet = new_lemmas(cg_allocator_heap());
    for (unsigned part = 0; part < CG_PARTS_OF_SPEECH; part++) {
        char path[64];
        size_t size = 0;
        snprintf(path, sizeof path, "/usr/share/wordnet/%s.exc", names[part]);
        uint8_t *list = support_read_file(path, &size);
        assert_ok(cg_lemmas_add_exceptions(wordnet, part, (char *)list, size, &error), error);
        free(list);
        snprintf(path, sizeof path, "/usr/share/wordnet/index.%s", names[part]);
        uint8_t *index = support_read_file(path, &size);
        add_index(wordnet, part, (char *)index, size);
        free(index);
    }
    assert_ok(cg_lemmas_freeze(wordnet, &error), error);
    return 0;
}

static int unload(void **state) {
    (void)state;
    cg_lemmas_free(wordnet);
    cg_lemmas_free(NULL);
    return 0;
}

static void assert_lemma(cg_part_of_speech part, const char *form, const char *expected) {
    char out[CG_LEMMA_BYTES_MAX] = "";
    size_t size = cg_lemma(wordnet, part, form, strlen(form), out);
    if (size != strlen(expected) || strcmp(size > 0 ? out : "", expected) != 0) {
        fail_msg("%s as part of speech %u: \"%s\" (%zu), not \"%s\"", form, (unsigned)part, out,
                 size, expected);
    }
}

static void test_known_values(void **state) {
    (void)state;
    static const struct {
        cg_part_of_speech part;
        const char *form;
        const char *lemma; /* "": none */
    } cases[] = {
        /* Exceptions, in the list's order ("axes ax axis", "better good well"). */
        {CG_NOUN, "geese", "goose"},
        {CG_NOUN, "men", "man"},
        {CG_NOUN, "children", "child"},
        {CG_NOUN, "axes", "ax"},
        {CG_NOUN, "leaves", "leaf"},
        {CG_VERB, "ran", "run"},
        {CG_VERB, "saw", "see"},
        {CG_VERB, "Was", "be"},
        {CG_ADJECTIVE, "better", "good"},
        {CG_ADJECTIVE, "airiest", "airy"},
        {CG_ADVERB, "better", "well"},
        {CG_ADVERB, "best", "well"},
        {CG_NOUN, "aardwolves", "aardwolf"},
        /* In the list, but with a base that WordNet does not know. */
        {CG_NOUN, "aboideaux", ""},
        /* Rules. */
        {CG_NOUN, "dogs", "dog"},
        {CG_NOUN, "DOGS", "dog"},
        {CG_NOUN, "churches", "church"},
        {CG_NOUN, "boxes", "box"},
        {CG_NOUN, "ponies", "pony"},
        {CG_NOUN, "policewomen", "policewoman"},
        {CG_NOUN, "boxesful", "boxful"},
        {CG_VERB, "dogs", "dog"},
        {CG_VERB, "hoping", "hope"},
        {CG_VERB, "jumping", "jump"},
        {CG_VERB, "tried", "try"},
        {CG_ADJECTIVE, "taller", "tall"},
        {CG_ADJECTIVE, "finest", "fine"},
        /* Known as they are. */
        {CG_NOUN, "dog", "dog"},
        {CG_NOUN, "bus", "bus"},
        {CG_NOUN, "glass", "glass"},
        {CG_NOUN, "species", "species"},
        {CG_NOUN, "saw", "saw"},
        {CG_ADVERB, "quickly", "quickly"},
        /* Of another part of speech, or of none. */
        {CG_ADVERB, "dogs", ""},
        {CG_ADVERB, "sooner", "sooner"},
        {CG_NOUN, "xyzzys", ""},
        {CG_NOUN, "s", "s"},
        {CG_NOUN, "zzss", ""},
        {CG_VERB, "ing", ""},
        {CG_NOUN, "sful", ""},
        {CG_NOUN, "", ""},
        {CG_NOUN, "\xff\xfe", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_lemma(cases[i].part, cases[i].form, cases[i].lemma);
    }
}

static void test_phrases(void **state) {
    (void)state;
    assert_lemma(CG_NOUN, "Domestic dog", "domestic_dog");
    assert_lemma(CG_NOUN, "attorneys_general", "attorney_general"); /* in noun.exc */
    assert_lemma(CG_NOUN, "dogs of war", "");                       /* no such phrase */
    assert_lemma(CG_NOUN, "men_of_letters", "man_of_letters");
    assert_lemma(CG_NOUN, "battle-axes", "battle-axe");
    assert_lemma(CG_NOUN, "fathers-in-law", "father-in-law");
    assert_lemma(CG_NOUN, "swimming pools", "swimming_pool");
    assert_lemma(CG_VERB, "took care", "take_care");
    assert_lemma(CG_VERB, "puts on airs", "put_on_airs");
    assert_lemma(CG_VERB, "gave_up", "give_up");
    assert_lemma(CG_NOUN, "_", "");
    assert_lemma(CG_NOUN, "-dogs-", "");
    char out[CG_LEMMA_BYTES_MAX];
    assert_int_equal(cg_lemma_any(wordnet, "took place", 10, out), 10);
    assert_string_equal(out, "take_place");
}

static void test_any(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"men", "man"},
        {"axes", "ax"},
        {"saw", "saw"},
        {"left", "left"},
        {"better", "better"},
        {"running", "running"},
        {"glasses", "glasses"},
        {"species", "species"},
        {"ran", "run"},
        {"has", "have"},
        {"was", "be"},
        {"runs", "run"},
        {"Dogs", "dog"},
        {"domesticated", "domesticated"},
        {"hunted", "hunted"},
        {"jumped", "jump"},
        {"smallest", "small"},
        {"quickly", "quickly"},
        {"the", ""},
        {"xyzzys", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[CG_LEMMA_BYTES_MAX] = "";
        size_t size = cg_lemma_any(wordnet, cases[i][0], strlen(cases[i][0]), out);
        assert_int_equal(size, strlen(cases[i][1]));
        assert_string_equal(size > 0 ? out : "", cases[i][1]);
    }
}

/* The first word before the last, either before all. */
static void test_phrase_order(void **state) {
    (void)state;
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    char out[CG_LEMMA_BYTES_MAX];
    know(lemmas, CG_NOUN, "b");
    except(lemmas, CG_NOUN, "a b\n");
    assert_int_equal(cg_lemma(lemmas, CG_NOUN, "a_a_a", 5, out), 0);
    static const char *const known[] = {"b_b_b", "a_a_b", "b_a_a"};
    for (size_t i = 0; i < 3; i++) {
        know(lemmas, CG_NOUN, known[i]);
        assert_int_equal(cg_lemma(lemmas, CG_NOUN, "a_a_a", 5, out), 5);
        assert_string_equal(out, known[i]);
    }
    cg_lemmas_free(lemmas);
}

/* Of every rule for unknown parts of speech, the one that decides and one that does not. */
static void test_any_order(void **state) {
    (void)state;
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    char out[CG_LEMMA_BYTES_MAX];
    know(lemmas, CG_NOUN, "ab");
    know(lemmas, CG_VERB, "abs"); /* known beats rules: not the noun "ab" */
    assert_int_equal(cg_lemma_any(lemmas, "abs", 3, out), 3);
    know(lemmas, CG_VERB, "zed");
    except(lemmas, CG_VERB, "cd zed\nabs zed\n");
    know(lemmas, CG_NOUN, "c");
    assert_int_equal(cg_lemma_any(lemmas, "abs", 3, out), 3); /* known beats irregular verbs */
    assert_string_equal(out, "abs");
    assert_int_equal(cg_lemma_any(lemmas, "cd", 2, out), 3);
    assert_string_equal(out, "zed");
    except(lemmas, CG_NOUN, "abs ab\n"); /* irregular nouns beat known words */
    assert_int_equal(cg_lemma_any(lemmas, "abs", 3, out), 2);
    know(lemmas, CG_VERB, "play");
    know(lemmas, CG_ADJECTIVE, "playing");
    assert_int_equal(cg_lemma_any(lemmas, "playing", 7, out), 7);
    assert_int_equal(cg_lemma_any(lemmas, "plays", 5, out), 4); /* by the verb's rule */
    know(lemmas, CG_NOUN, "\xc3\xa9t\xc3\xa9");
    assert_int_equal(cg_lemma_any(lemmas, "\xc3\xa9t\xc3\xa9s", 6, out), 5);
    cg_lemmas_free(lemmas);
}

static void test_sizes(void **state) {
    (void)state;
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    cg_error error = {0};
    char word[CG_LEMMA_BYTES_MAX + 1];
    char out[CG_LEMMA_BYTES_MAX];
    memset(word, 'w', sizeof word);
    assert_ok(cg_lemmas_add_word(lemmas, CG_NOUN, word, CG_LEMMA_BYTES_MAX - 1, &error), error);
    assert_int_equal(cg_lemma(lemmas, CG_NOUN, word, CG_LEMMA_BYTES_MAX - 1, out),
                     CG_LEMMA_BYTES_MAX - 1);
    assert_int_equal(out[CG_LEMMA_BYTES_MAX - 1], 0);
    assert_int_equal(cg_lemma(lemmas, CG_NOUN, word, CG_LEMMA_BYTES_MAX, out), 0);
    assert_int_equal(cg_lemma_any(lemmas, word, sizeof word, out), 0);
    /* A phrase that its words' bases make too long. */
    except(lemmas, CG_NOUN, "x wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww\n");
    know(lemmas, CG_NOUN, "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww");
    assert_int_equal(cg_lemma(lemmas, CG_NOUN, "x_x_x_x_x_x", 11, out), 0);
    cg_lemmas_free(lemmas);
}

static void test_bad_words(void **state) {
    (void)state;
    static const struct {
        const char *word;
        size_t size;
        const char *message;
    } cases[] = {
        {"", 0, "0 bytes is empty"},
        {"a\nb", 3, "control"},
        {"a\0b", 3, "control"},
        {"a\x7f", 2, "control"},
        {"a\xc3", 2, "UTF-8"},
        {"_a", 2, "joins no words"},
        {"a ", 2, "joins no words"},
        {"a_ b", 4, "joins no words"},
        {"a b c d e f g h i j", 19, "9 words"},
    };
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    cg_error error = {0};
    char large[CG_LEMMA_BYTES_MAX];
    know(lemmas, CG_NOUN, "a b c d e f g h i");
    uint64_t before = cg_lemmas_hash(lemmas);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(cg_lemmas_add_word(lemmas, CG_NOUN, cases[i].word, cases[i].size, &error),
                      CG_ERROR_INVALID, error, cases[i].message);
    }
    memset(large, 'a', sizeof large);
    assert_status(cg_lemmas_add_word(lemmas, CG_NOUN, large, sizeof large, &error),
                  CG_ERROR_INVALID, error, "128 bytes is longer than 127");
    assert_status(cg_lemmas_add_word(lemmas, CG_PARTS_OF_SPEECH, "a", 1, &error),
                  CG_ERROR_INVALID, error, "part of speech 4");
    assert_int_equal(cg_lemmas_hash(lemmas), before);
    cg_lemmas_free(lemmas);
}

static void test_bad_lists(void **state) {
    (void)state;
    static const struct {
        const char *list;
        size_t size;
        const char *message;
    } cases[] = {
        {"men man\ngeese\n", 14, "verb.exc line 2 has 1 words"},
        {"men man\n\ngeese goose\n", 21, "verb.exc line 2 has 0 words"},
        {"men man\n \t\r\n", 12, "verb.exc line 2 has 0 words"},
        {"men man\ngeese \xc3(\n", 17,
         "verb.exc line 2 column 7: a word of 2 bytes is not UTF-8"},
        {"a \0\n", 4, "verb.exc line 1 column 3: a word of 1 bytes has a control"},
        {"a b\rc\n", 6, "verb.exc line 1 column 3"},
        {"a b\r", 4, "verb.exc line 1 column 3"},
        {"a __b\n", 6, "verb.exc line 1 column 3: a word of 3 bytes has an underscore"},
        {"f 1 2 3 4 5 6 7 8 9", 19, "verb.exc line 1 has more than 8 bases"},
    };
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    cg_error error = {0};
    except(lemmas, CG_VERB, "ran run\n");
    know(lemmas, CG_VERB, "run");
    uint64_t before = cg_lemmas_hash(lemmas);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(
            cg_lemmas_add_exceptions(lemmas, CG_VERB, cases[i].list, cases[i].size, &error),
            CG_ERROR_CORRUPT, error, cases[i].message);
    }
    char *large = malloc(CG_LEMMA_LIST_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'a', CG_LEMMA_LIST_BYTES_MAX + 1);
    assert_status(
        cg_lemmas_add_exceptions(lemmas, CG_VERB, large, CG_LEMMA_LIST_BYTES_MAX + 1, &error),
        CG_ERROR_CORRUPT, error, "16777217 bytes");
    free(large);
    assert_status(cg_lemmas_add_exceptions(lemmas, CG_PARTS_OF_SPEECH, "a b", 3, &error),
                  CG_ERROR_INVALID, error, "part of speech 4");
    assert_int_equal(cg_lemmas_hash(lemmas), before);
    /* What looks odd and is fine: nothing, tabs, carriage returns, no newline at the end. */
    assert_ok(cg_lemmas_add_exceptions(lemmas, CG_VERB, NULL, 0, &error), error);
    assert_int_equal(cg_lemmas_hash(lemmas), before);
    except(lemmas, CG_VERB, "\tA \t run \r\nb run");
    char out[CG_LEMMA_BYTES_MAX];
    assert_int_equal(cg_lemma(lemmas, CG_VERB, "a", 1, out), 3);
    assert_int_equal(cg_lemma(lemmas, CG_VERB, "b", 1, out), 3);
    cg_lemmas_free(lemmas);
}

/* A form's bases: in order over several lines and lists, each once, eight at most. */
static void test_bases(void **state) {
    (void)state;
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    char out[CG_LEMMA_BYTES_MAX];
    except(lemmas, CG_NOUN, "f b1 b2\nf b2 b3 b4 b5\n");
    except(lemmas, CG_NOUN, "f b1 b6 b7 b8 b9\n");
    except(lemmas, CG_VERB, "f b9\n");
    assert_int_equal(cg_lemma(lemmas, CG_NOUN, "f", 1, out), 0);
    for (char digit = '9'; digit >= '1'; digit--) {
        const char base[] = {'b', digit, '\0'};
        know(lemmas, CG_NOUN, base);
        if (digit == '9') { /* the ninth was dropped */
            assert_int_equal(cg_lemma(lemmas, CG_NOUN, "f", 1, out), 0);
            assert_int_equal(cg_lemma(lemmas, CG_VERB, "f", 1, out), 0);
        } else {
            assert_int_equal(cg_lemma(lemmas, CG_NOUN, "f", 1, out), 2);
            assert_string_equal(out, base);
        }
    }
    cg_lemmas_free(lemmas);
}

static uint64_t hash_of(const char *const words[2], const char *verbs, const char *list) {
    cg_lemmas *lemmas = new_lemmas(cg_allocator_heap());
    know(lemmas, CG_NOUN, words[0]);
    except(lemmas, CG_NOUN, list);
    know(lemmas, CG_NOUN, words[1]);
    know(lemmas, CG_VERB, verbs);
    uint64_t hash = cg_lemmas_hash(lemmas);
    cg_error error = {0};
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
    assert_int_equal(cg_lemmas_hash(lemmas), hash);
    cg_lemmas_free(lemmas);
    return hash;
}

static void test_hash(void **state) {
    (void)state;
    static const char *const words[] = {"ax", "axis"};
    static const char *const swapped[] = {"Axis", "AX"};
    uint64_t hash = hash_of(words, "run", "axes ax axis\nmen man\n");
    assert_int_equal(hash, hash_of(swapped, "run", "men man\naxes ax axis"));
    assert_int_not_equal(hash, hash_of(words, "run", "axes axis ax\nmen man\n"));
    assert_int_not_equal(hash, hash_of(words, "run", "axes ax\nmen man axis\n"));
    assert_int_not_equal(hash, hash_of(words, "run", "axes ax axis\n"));
    assert_int_not_equal(hash, hash_of(words, "ax", "axes ax axis\nmen man\n"));
}

static void test_freeze(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_lemmas *lemmas = new_lemmas(cg_counting_allocator_view(&counting));
    cg_error error = {0};
    char out[CG_LEMMA_BYTES_MAX];
    assert_int_equal(cg_lemma_any(lemmas, "dogs", 4, out), 0); /* nothing known yet */
    assert_int_equal(cg_lemmas_bytes(lemmas), counting.live_bytes);
    know(lemmas, CG_NOUN, "dog");
    except(lemmas, CG_NOUN, "men man\ngeese goose\n");
    assert_int_equal(cg_lemmas_bytes(lemmas), counting.live_bytes);
    uint64_t before = counting.live_bytes;
    assert_false(cg_lemmas_frozen(lemmas));
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
    assert_true(cg_lemmas_frozen(lemmas));
    assert_int_equal(cg_lemmas_bytes(lemmas), counting.live_bytes);
    assert_true(counting.live_bytes < before);
    assert_int_equal(cg_lemma_any(lemmas, "dogs", 4, out), 3);
    assert_status(cg_lemmas_freeze(lemmas, &error), CG_ERROR_INVALID, error, "frozen");
    assert_status(cg_lemmas_add_word(lemmas, CG_NOUN, "a", 1, &error), CG_ERROR_INVALID, error,
                  "frozen");
    assert_status(cg_lemmas_add_exceptions(lemmas, CG_NOUN, "a b", 3, &error), CG_ERROR_INVALID,
                  error, "frozen");
    cg_lemmas_free(lemmas);
    assert_int_equal(counting.live_blocks, 0);
}

/* Adds a word (even i) or an exception (odd i), a second time when memory was out. */
static void add_stubbornly(cg_lemmas *lemmas, int i) {
    cg_error error = {0};
    char text[32];
    int written =
        snprintf(text, sizeof text, i % 2 ? "form%d word%d\n" : "word%d", i / 2, i / 2);
    size_t size = (size_t)written;
    uint64_t before = cg_lemmas_hash(lemmas);
    cg_status status = CG_ERROR_MEMORY;
    for (int attempt = 0; attempt < 2 && status == CG_ERROR_MEMORY; attempt++) {
        assert_int_equal(cg_lemmas_hash(lemmas), before);
        status = i % 2 ? cg_lemmas_add_exceptions(lemmas, CG_VERB, text, size, &error)
                       : cg_lemmas_add_word(lemmas, CG_VERB, text, size, &error);
    }
    assert_ok(status, error);
}

/* Every allocation fails once, at whatever step it comes; the step leaves no trace and works
 * when it is done again. */
static void test_allocation_failures(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    uint64_t n = 0;
    do {
        cg_error error = {0};
        cg_lemmas *lemmas = NULL;
        counting.fail_at = ++n;
        if (cg_lemmas_alloc(allocator, &lemmas, &error) != CG_OK) {
            assert_int_equal(n, 1);
            assert_null(lemmas);
            lemmas = new_lemmas(allocator);
        }
        for (int i = 0; i < 300; i++) {
            add_stubbornly(lemmas, i);
            assert_int_equal(cg_lemmas_bytes(lemmas), counting.live_bytes);
        }
        assert_ok(cg_lemmas_freeze(lemmas, &error), error); /* shrinking may fail unseen */
        assert_int_equal(cg_lemmas_bytes(lemmas), counting.live_bytes);
        char out[CG_LEMMA_BYTES_MAX];
        assert_int_equal(cg_lemma(lemmas, CG_VERB, "form77", 6, out), 6);
        assert_string_equal(out, "word77");
        cg_lemmas_free(lemmas);
        assert_int_equal(counting.live_blocks, 0);
    } while (counting.fail_at == 0);
    assert_true(n > 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values), cmocka_unit_test(test_phrases),
        cmocka_unit_test(test_phrase_order), cmocka_unit_test(test_any),
        cmocka_unit_test(test_any_order),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bad_words),    cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_bases),        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_freeze),       cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
