/* Goal: a text has the cues that cue.h describes: known values on WordNet's own entries, with
 * its lemmas, and one small text for each rule. (A3) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/fact/cue.h"
#include "tests/support/cues.h"

static cg_lemmas *wordnet; /* the nouns of WordNet 3.0 */

/* An index file: a licence whose lines begin with a space, then a lemma a line. */
static void add_index(const char *bytes, size_t size) {
    cg_error error = {0};
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(bytes + at, '\n', size - at);
        const char *blank = memchr(bytes + at, ' ', size - at);
        assert_non_null(newline);
        assert_non_null(blank);
        size_t length = (size_t)(blank - bytes) - at;
        if (length > 0) {
            assert_ok(cg_lemmas_add_word(wordnet, CG_NOUN, bytes + at, length, &error), error);
        }
        at = (size_t)(newline - bytes) + 1;
    }
}

static int load(void **state) {
    (void)state;
    cg_error error = {0};
    size_t size = 0;
    assert_ok(cg_lemmas_alloc(cg_allocator_heap(), &wordnet, &error), error);
    uint8_t *list = support_read_file("/usr/share/wordnet/noun.exc", &size);
    assert_ok(cg_lemmas_add_exceptions(wordnet, CG_NOUN, (char *)list, size, &error), error);
    free(list);
    uint8_t *index = support_read_file("/usr/share/wordnet/index.noun", &size);
    add_index((char *)index, size);
    free(index);
    assert_ok(cg_lemmas_freeze(wordnet, &error), error);
    return 0;
}

static int unload(void **state) {
    (void)state;
    cg_lemmas_free(wordnet);
    return 0;
}

static void append(char *text, size_t text_bytes, const char *more) {
    size_t used = strlen(text);
    snprintf(text + used, text_bytes - used, "%s", more);
}

static cg_cues find(const cg_lemmas *lemmas, const char *text) {
    cg_cues cues;
    cg_cues_find(lemmas, text, strlen(text), &cues, NULL);
    const char *fault = support_cues_fault(&cues);
    if (fault) {
        fail_msg("\"%s\": %s", text, fault);
    }
    return cues;
}

/* expected: "KIND phrase/phrase KIND ..." as in the calls below: after a kind's name, its groups
 * separated by "|", a group's phrases by "/", and a kind ends with ";". Phrases are at most 64
 * bytes, so that their hash is XXH64. */
static void check(const cg_lemmas *lemmas, const char *text, const char *expected) {
    cg_cues cues = find(lemmas, text);
    const char *at = expected;
    uint32_t count = 0;
    while (*at) {
        size_t kind = strcspn(at, " ");
        uint8_t group = 0;
        const char *name = at;
        at += kind;
        while (*at && *at != ';') {
            group = (uint8_t)(group + (*at == '|'));
            at++;
            size_t size = strcspn(at, "/|;");
            const cg_cue *cue = &cues.list[count++];
            if (count > cues.count || cue->phrase != cg_hash_bytes(at, size, 0) ||
                cue->group != group ||
                strlen(cg_cue_kind_name((cg_cue_kind)cue->kind)) != kind ||
                strncmp(cg_cue_kind_name((cg_cue_kind)cue->kind), name, kind) != 0) {
                fail_msg("\"%s\": cue %u is not the %.*s \"%.*s\" of group %u", text, count - 1,
                         (int)kind, name, (int)size, at, group);
            }
            at += size;
        }
        at += strspn(at, "; ");
    }
    if (cues.count != count) {
        fail_msg("\"%s\": %u cues, expected %u", text, cues.count, count);
    }
}

static void test_wordnet(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"English setter: an English breed having a plumed tail and a soft silky coat that is "
         "chiefly white",
         "name english setter; head setter; first english; genus english breed/breed; "
         "second plumed tail/tail; later soft silky coat/silky coat/coat|chiefly white/white"},
        {"sea breeze: a cooling breeze from the sea (during the daytime)",
         "name sea breeze; head breeze; first sea; genus cooling breeze/breeze; second sea"},
        {"punt, punting: (football) a kick in which the football is dropped from the hands and "
         "kicked before it touches the ground; \"the punt traveled 50 yards\"",
         "name punt|punting; ending unting/nting/ting/ing; genus kick; second football; "
         "later dropped|hands; domain football"},
        {"tackle: (American football) grasping an opposing player with the intention of "
         "stopping by throwing to the ground",
         "name tackle; ending ackle/ckle/kle; genus grasping; second opposing player/player; "
         "later intention|stopping; domain american football"},
        {"Mali, Republic of Mali, French Sudan: a landlocked republic in northwestern Africa; "
         "achieved independence from France in 1960",
         "name mali|republic of mali|french sudan; head republic|sudan; first republic|french; "
         "genus landlocked republic/republic; second northwestern africa/africa"},
        {"appendectomy, appendicectomy: surgical removal of the vermiform appendix",
         "name appendectomy|appendicectomy; ending ectomy/ctomy/tomy/omy; "
         "genus surgical removal/removal; second vermiform appendix/appendix"},
        {"Chihuahua: an old breed of tiny short-haired dog with protruding eyes from Mexico "
         "held to antedate Aztec civilization",
         "name chihuahua; ending huahua/uahua/ahua/hua; genus old breed/breed; "
         "second tiny short-haired dog/short-haired dog/dog; "
         "later protruding eyes/eyes|mexico"},
        {"Acer, genus Acer: type genus of the Aceraceae; trees or shrubs having winged fruit",
         "name acer|genus acer; head acer; first genus; genus type genus/genus; "
         "second aceraceae"},
        {"satang: 100 satangs equal 1 baht in Thailand",
         "name satang; ending atang/tang/ang; "
         "genus satangs equal 1 baht/equal 1 baht/1 baht/baht; second thailand"},
        {"demon: someone extremely diligent or skillful; \"he worked like a demon to finish\"",
         "name demon; genus someone; second skillful"},
        {"Phoenicurus, genus Phoenicurus: Old World thrushes",
         "name phoenicurus|genus phoenicurus; head phoenicurus; first genus; "
         "ending icurus/curus/urus/rus; genus old world thrush/world thrush/thrush"},
        {"marquis, marquess: nobleman (in various countries) ranking above a count",
         "name marquis|marquess; ending arquis/rquis/quis/uis|rquess/quess/uess/ess; "
         "genus nobleman; second ranking; later count"},
        {"Shrovetide: immediately preceding Lent",
         "name shrovetide; ending vetide/etide/tide/ide; "
         "genus immediately preceding lent/preceding lent/lent"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(wordnet, cases[i][0], cases[i][1]);
    }
}

/* Where phrases are cut, and what of a gloss is left out. */
static void test_gloss(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {": a dog", "genus dog"},
        {": A small, wild DOG: the best", "genus small; second wild dog/dog; later best"},
        {": dogs; a cat", "genus dog"},
        {": dog hunting quickly", "genus dog"}, /* though "hunting" is a noun */
        {": loudly hunting", "genus loudly hunting/hunting"},
        {": hunting quickly", "genus hunting"},
        {": the quickly", "genus quickly"}, /* no noun: the first word */
        {": quickly and loudly", "genus quickly; second loudly"},
        {": big \"bad; black\" dog", "genus big dog/dog"},
        {": dog \"without an end; cat", "genus dog"},
        {": dog (or wolf; fox) house", "genus dog; second house"},
        {": dog (without an end", "genus dog; second end"},
        {": dog -- cat--rat", "genus dog; second cat; later rat"},
        {": mother-in-law's 'dog'", "genus mother-in-law's dog/dog"},
        {": a dog of St. Bernard", "genus dog; second st bernard/bernard"},
        {": a dog. Cats", "genus dog; second cat"},
        {": kind of dog", "genus kind; second dog"},
        {": dog, cat, rat, fox, wolf", "genus dog; second cat; later rat|fox"},
        {": dog, dogs of cat, Cats",
         "genus dog; second dog; later cat"}, /* distinct in a kind */
        {": one big old wild black dog",
         "genus old wild black dog/wild black dog/black dog/dog"},
        {": (chess) a pawn", "genus pawn; domain chess"},
        {": (of Persons)(rare) a pawn", "genus pawn; domain of person"},
        {": () a pawn", "genus pawn"},
        {": ( - ) a pawn", "genus pawn"},
        {": a (chess) pawn", "genus pawn"},
        {":  (chess) a pawn", "genus pawn; domain chess"},
        {":  (chess a pawn", "genus chess; second pawn"},
        {": (one two three four five six)", "domain one two three four five six"},
        {": ", ""},
        {": the of, -- ' . ()", ""},
        {": the", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(wordnet, cases[i][0], cases[i][1]);
    }
    cg_cues cues = find(wordnet, ": (one two three four five six) the cat and a big black dog");
    assert_int_equal(cues.count, 5);
    assert_int_equal(cues.list[0].offset, 1); /* cat */
    assert_int_equal(cues.list[1].offset, 4); /* big black dog */
    assert_int_equal(cues.list[3].offset, 6); /* dog */
    assert_int_equal(cues.list[3].words, 1);
    assert_int_equal(cues.list[4].words, CG_CUE_WORDS_MAX);
    assert_int_equal(cues.list[4].offset, 0);
}

static void test_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"Dogs, DOG, dog: ", "name dog"},
        {"the Great War: ", "name the great war; head great war/war; first the"},
        {"Knights of the Round Table: ", "name knights of the round table; head knight; "
                                         "first knight"},
        {"big old wild black dogs: ", "name big old wild black dog; "
                                      "head wild black dog/black dog/dog; first big"},
        {"big black dog of Mali: ", "name big black dog of mali; "
                                    "head big black dog/black dog/dog; first big"},
        {"English setter, Irish setter: ", "name english setter|irish setter; head setter; "
                                           "first english|irish"},
        {"St. Louis, U.S.: ", "name st louis|u.s; head louis; first st"},
        {"doggy: ", "name doggy"},
        {"doggie: ", "name doggie; ending oggie/ggie/gie"},
        {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9: ",
         "name \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"},
        {"a\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9: ",
         "name a\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9; "
         "ending \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9/\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9/"
         "\xc3\xa9\xc3\xa9\xc3\xa9"},
        {"12:30, dog:cat: ", "name 12 30|dog cat; head 30|cat; first 12|dog"},
        {", , -: a dog", "genus dog"},
        /* A text without ": " is a gloss, and names when it can be. */
        {"dogs", "name dog; genus dog"},
        {"black dogs, cat,", "name black dog|cat; head dog; first black; "
                             "genus black dog/dog; second cat"},
        {"the big old black dog", "genus big old black dog/old black dog/black dog/dog"},
        {"big old black dog", "name big old black dog; head old black dog/black dog/dog; "
                              "first big; genus big old black dog/old black dog/black dog/dog"},
        {"dog; cat", "genus dog"},
        {"dog (cat)", "genus dog"},
        {"dog \"cat\"", "genus dog"},
        {"a, b, c, d, e, f, g, h, i", "genus b; second c; later d|e"},
        {"", ""},
        {":", ""},
        {"...", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(wordnet, cases[i][0], cases[i][1]);
    }
}

static void test_counts(void **state) {
    (void)state;
    cg_cues cues = find(wordnet, "a1, a2, a3, a4, a5, a6, a7, a8, A8, a9, a10: ");
    assert_int_equal(cues.names, 10);
    assert_int_equal(cues.count, CG_CUE_NAMES_MAX);
    assert_true(cues.list[7].phrase == cg_cue_phrase(NULL, "a8", 2));
    assert_false(cues.proper);
    assert_true(find(NULL, "Dog, cat: ").proper);
    assert_true(find(NULL, "'Dog: ").proper);
    assert_false(find(NULL, "dog, Cat: ").proper);
    assert_false(find(NULL, ": Dog").proper);
    char many[4096] = "";
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d, ", i);
        append(many, sizeof many, name);
    }
    append(many, sizeof many, ": a dog");
    cues = find(wordnet, many);
    assert_int_equal(cues.names, CG_CUES_MAX);
    assert_int_equal(cues.list[cues.count - 1].kind, CG_CUE_GENUS);
}

/* The fullest list: every name and phrase makes all the cues it can. */
static void test_fullest(void **state) {
    (void)state;
    char text[1024] = "";
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "%sendings%d%d%d", i ? ", " : "", i, i, i);
        append(text, sizeof text, name);
    }
    append(text, sizeof text, ": (x) a1 b1 c1 d1, a2 b2 c2 d2, a3 b3 c3 d3, a4 b4 c4 d4");
    assert_int_equal(find(NULL, text).count, 8 + 8 * 4 + 4 * 4 + 1);
}

static void test_without_lemmas(void **state) {
    (void)state;
    check(NULL, "English Setters: dogs barking loudly in herds",
          "name english setters; head setters; first english; "
          "genus dogs barking loudly/barking loudly/loudly; second herds");
}

/* A lemma of several words has spaces in a phrase. */
static void test_lemma_of_words(void **state) {
    (void)state;
    cg_lemmas *lemmas = NULL;
    cg_error error = {0};
    assert_ok(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, &error), error);
    assert_ok(cg_lemmas_add_word(lemmas, CG_NOUN, "hot dog", 7, &error), error);
    assert_ok(cg_lemmas_add_exceptions(lemmas, CG_NOUN, "hotdogs hot_dog\n", 16, &error),
              error);
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
    check(lemmas, ": the HotDogs", "genus hot dog");
    cg_lemmas_free(lemmas);
}

static void test_limits(void **state) {
    (void)state;
    /* A run of 40 words is two phrases; a name counts with 32. */
    char text[512] = ": ";
    for (int i = 0; i < 40; i++) {
        char word[16];
        snprintf(word, sizeof word, "w%d ", i);
        append(text, sizeof text, word);
    }
    check(NULL, text,
          "genus w28 w29 w30 w31/w29 w30 w31/w30 w31/w31; "
          "second w36 w37 w38 w39/w37 w38 w39/w38 w39/w39");
    uint64_t whole = cg_cue_phrase(NULL, text + 2, strlen(text + 2));
    assert_true(whole ==
                cg_cue_phrase(NULL, text + 2, (size_t)(strstr(text, "w32") - text) - 2));
    assert_true(whole !=
                cg_cue_phrase(NULL, text + 2, (size_t)(strstr(text, "w31") - text) - 2));
    /* Offsets stop at 255. */
    char far[2048] = ": ";
    for (int i = 0; i < 300; i++) {
        append(far, sizeof far, "the ");
    }
    append(far, sizeof far, "big dog");
    cg_cues cues = find(wordnet, far);
    assert_int_equal(cues.count, 2);
    assert_int_equal(cues.list[0].offset, 255);
    assert_int_equal(cues.list[1].offset, 255);
    /* Work: up to where the gloss was read. */
    cg_work work = {{0}, {0}};
    cg_cues_find(wordnet, "dog: a cat; and more", 20, &cues, &work);
    assert_int_equal(work.operations[CG_WORK_TOKENISE], 1);
    assert_int_equal(work.units[CG_WORK_TOKENISE], 10);
    cg_cues_find(wordnet, NULL, 0, &cues, &work);
    assert_int_equal(cues.count, 0);
    assert_int_equal(work.operations[CG_WORK_TOKENISE], 2);
}

static void test_phrase(void **state) {
    (void)state;
    static const char sea[] = "sea breeze";
    uint64_t phrase = cg_hash_bytes(sea, sizeof sea - 1, 0);
    assert_true(cg_cue_phrase(wordnet, "Sea Breezes", 11) == phrase);
    assert_true(cg_cue_phrase(wordnet, " sea_breeze ", 12) == phrase);
    assert_true(cg_cue_phrase(NULL, "Sea Breezes", 11) != phrase);
    assert_true(find(wordnet, ": the sea breezes").list[0].phrase == phrase);
    assert_true(find(wordnet, "sea breeze: ").list[0].phrase == phrase);
    assert_true(cg_cue_phrase(wordnet, "...", 3) == UINT64_C(0xef46db3751d8e999));
    /* Beyond 64 bytes, each block's hash seeds the next's. */
    char text[130];
    memset(text, 'x', sizeof text);
    uint64_t expected = cg_hash_bytes(text, 64, 0);
    expected = cg_hash_bytes(text, 64, expected);
    expected = cg_hash_bytes(text, 2, expected);
    assert_true(cg_cue_phrase(wordnet, text, sizeof text) == expected);
}

static void test_kind_names(void **state) {
    (void)state;
    assert_string_equal(cg_cue_kind_name(CG_CUE_NAME), "name");
    assert_string_equal(cg_cue_kind_name(CG_CUE_DOMAIN), "domain");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wordnet),    cmocka_unit_test(test_gloss),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_counts),
        cmocka_unit_test(test_fullest),    cmocka_unit_test(test_without_lemmas),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_phrase),
        cmocka_unit_test(test_kind_names), cmocka_unit_test(test_lemma_of_words),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
