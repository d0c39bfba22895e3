/* Goal: on any bytes, cues keep the promises of cue.h; on texts that are drawn from their parts,
 * they are those that a naive reading of cue.h gives for the parts. (A3) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/fact/cue.h"
#include "tests/support/cues.h"

enum {
    CASES = 4000,
    BYTES_CASES = 6000,
    TEXT_BYTES = 4096,
    PHRASES = 7,
    NAMES = 12,
    WORDS = 6
};

static uint64_t seed;

/* A word's forms and what is known of them. */
typedef struct word {
    const char *form;
    const char *lemma; /* NULL: no noun */
    bool is_participle;
} word;

static const word words[] = {
    {"dogs", "dog", false},
    {"dog", "dog", false},
    {"churches", "church", false},
    {"breed", "breed", false},
    {"barking", "barking", true},
    {"hunting", "hunting", true},
    {"loudly", NULL, false},
    {"big", NULL, false},
    {"u.s", NULL, false},
    {"running", NULL, true},
    {"d\xc3\xa9j\xc3\xa0-vu", NULL, false},
    {"oak-tree", "oak-tree", false},
    {"elephant", "elephant", false},
};

/* A phrase or a name: what it is made of. */
typedef struct part {
    const word *list[WORDS];
    int count;
} part;

static cg_lemmas *new_lemmas(void) {
    cg_lemmas *lemmas = NULL;
    cg_error error = {0};
    assert_ok(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, &error), error);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *lemma = words[i].lemma;
        if (lemma) {
            assert_ok(cg_lemmas_add_word(lemmas, CG_NOUN, lemma, strlen(lemma), &error), error);
        }
    }
    assert_ok(cg_lemmas_freeze(lemmas, &error), error);
    return lemmas;
}

static uint64_t below(cg_stream *stream, uint64_t limit) {
    return cg_stream_next_below(stream, limit);
}

/* --- The naive reading. --- */

/* Appends a cue unless the kind has it; `first` and `count` say which words of the part.
 * Returns the cue, or NULL. */
static cg_cue *expect(cg_cues *cues, cg_cue_kind kind, int group, const part *p, int first,
                      int count) {
    char text[256];
    int size = 0;
    for (int i = first; i < first + count; i++) {
        const word *w = p->list[i];
        size += snprintf(text + size, sizeof text - (size_t)size, "%s%s", i > first ? " " : "",
                         i + 1 == first + count && w->lemma ? w->lemma : w->form);
    }
    uint64_t phrase = cg_hash_bytes(text, (size_t)size, 0);
    for (uint32_t i = 0; i < cues->count; i++) {
        if (cues->list[i].kind == kind && cues->list[i].phrase == phrase) {
            return NULL;
        }
    }
    cues->list[cues->count] = (cg_cue){.phrase = phrase,
                                       .kind = (uint8_t)kind,
                                       .group = (uint8_t)group,
                                       .words = (uint8_t)(count < 4 ? count : 4)};
    return &cues->list[cues->count++];
}

static int groups_of(const cg_cues *cues, cg_cue_kind kind) {
    int groups = 0;
    for (uint32_t i = 0; i < cues->count; i++) {
        groups = cues->list[i].kind == kind ? cues->list[i].group + 1 : groups;
    }
    return groups;
}

static void expect_ends(cg_cues *cues, cg_cue_kind kind, const part *p, int longest) {
    int group = groups_of(cues, kind);
    for (int count = longest; count > 0; count--) {
        expect(cues, kind, group, p, p->count - count, count);
    }
}

static part trimmed(part p) {
    for (int strict = 1; strict >= 0; strict--) {
        for (int count = p.count; count > 0; count--) {
            const word *w = p.list[count - 1];
            bool inside = count > 1 && count < p.count;
            if (w->lemma && !(strict && inside && w->is_participle)) {
                p.count = count;
                return p;
            }
        }
    }
    p.count = 1;
    return p;
}

static void expect_endings(cg_cues *cues, const part *name) {
    const char *form = name->list[0]->form;
    int group = groups_of(cues, CG_CUE_ENDING);
    int left = 0; /* letters from here on */
    for (const char *at = form; *at; at++) {
        left += ((unsigned char)*at & 0xc0) != 0x80;
    }
    for (bool is_long = left >= 6; is_long && *form; form++) {
        if (((unsigned char)*form & 0xc0) != 0x80) {
            word end = {form, NULL, false};
            part p = {{&end}, 1};
            bool is_ending = form > name->list[0]->form && left >= 3 && left <= 6;
            cg_cue *cue = is_ending ? expect(cues, CG_CUE_ENDING, group, &p, 0, 1) : NULL;
            if (cue) {
                cue->words = (uint8_t)left;
            }
            left--;
        }
    }
}

static cg_cues naive(const part *names, int name_count, const part *phrases, int phrase_count) {
    static cg_cues all; /* names without limit: the first pass */
    cg_cues cues;
    int order[NAMES];
    int distinct = 0;
    memset(&all, 0, sizeof all);
    memset(&cues, 0, sizeof cues);
    for (int i = 0; i < name_count; i++) {
        uint32_t before = all.count;
        expect(&all, CG_CUE_NAME, 0, &names[i], 0, names[i].count);
        if (all.count > before) {
            order[distinct++] = i;
        }
    }
    cues.names = all.count;
    distinct = distinct < CG_CUE_NAMES_MAX ? distinct : CG_CUE_NAMES_MAX;
    for (int pass = 0; pass < 4; pass++) {
        for (int i = 0; i < distinct; i++) {
            const part *name = &names[order[i]];
            int longest = name->count - 1 < 3 ? name->count - 1 : 3;
            if (pass == 0) {
                expect(&cues, CG_CUE_NAME, i, name, 0, name->count);
            } else if (pass == 1 && name->count > 1) {
                expect_ends(&cues, CG_CUE_HEAD, name, longest);
            } else if (pass == 2 && name->count > 1) {
                expect(&cues, CG_CUE_FIRST, groups_of(&cues, CG_CUE_FIRST), name, 0, 1);
            } else if (pass == 3 && name->count == 1) {
                expect_endings(&cues, name);
            }
        }
    }
    for (int i = 0; i < phrase_count && i < 4; i++) {
        part p = trimmed(phrases[i]);
        cg_cue_kind kind = i == 0 ? CG_CUE_GENUS : i == 1 ? CG_CUE_SECOND : CG_CUE_LATER;
        expect_ends(&cues, kind, &p, p.count < 4 ? p.count : 4);
    }
    return cues;
}

/* --- Drawing. --- */

static void append(char *text, const char *more) {
    size_t size = strlen(text);
    assert_true(size + strlen(more) < TEXT_BYTES);
    snprintf(text + size, TEXT_BYTES - size, "%s", more);
}

static void append_part(cg_stream *stream, char *text, const part *p, const char *between) {
    for (int i = 0; i < p->count; i++) {
        append(text, i > 0 ? " " : "");
        append(text, i > 0 && below(stream, 6) == 0 ? between : "");
        size_t at = strlen(text);
        append(text, p->list[i]->form);
        if (below(stream, 4) == 0) {
            for (; text[at]; at++) {
                text[at] =
                    text[at] >= 'a' && text[at] <= 'z' ? (char)(text[at] - 32) : text[at];
            }
        }
    }
}

static part draw_part(cg_stream *stream) {
    part p = {.count = 1 + (int)below(stream, WORDS)};
    for (int i = 0; i < p.count; i++) {
        p.list[i] = &words[below(stream, sizeof words / sizeof *words)];
    }
    return p;
}

static void compare(const cg_cues *found, const cg_cues *expected, const char *text) {
    const char *fault = support_cues_fault(found);
    if (fault) {
        fail_msg("\"%s\": %s", text, fault);
    }
    if (found->count != expected->count || found->names != expected->names) {
        fail_msg("\"%s\": %u cues and %u names, expected %u and %u", text, found->count,
                 found->names, expected->count, expected->names);
    }
    for (uint32_t i = 0; i < found->count; i++) {
        const cg_cue *a = &found->list[i];
        const cg_cue *b = &expected->list[i];
        if (a->phrase != b->phrase || a->kind != b->kind || a->group != b->group ||
            a->words != b->words) {
            fail_msg("\"%s\": cue %u, %s of group %u, is not the expected %s of group %u", text,
                     i, cg_cue_kind_name((cg_cue_kind)a->kind), a->group,
                     cg_cue_kind_name((cg_cue_kind)b->kind), b->group);
        }
    }
}

static void test_parts(void **state) {
    (void)state;
    static const char *const cuts[] = {" of the ",    ", ",      " (see; dogs) ", " -- ",
                                       " such as a ", ": ",      " who ",         "! ",
                                       " ,, ",        " of (a) "};
    static const char *const tails[] = {"",        "; a big dog", ".",
                                        " of the", " (dogs)",     " \"dogs"};
    static char text[TEXT_BYTES];
    cg_lemmas *lemmas = new_lemmas();
    for (uint64_t number = 0; number < CASES; number++) {
        cg_stream stream = cg_stream_init(seed, "property.cues", number);
        part names[NAMES];
        part phrases[PHRASES];
        int name_count = (int)below(&stream, NAMES + 1);
        int phrase_count = 1 + (int)below(&stream, PHRASES);
        text[0] = '\0';
        for (int i = 0; i < name_count; i++) {
            names[i] = draw_part(&stream);
            append(text, i > 0 ? ", " : "");
            append_part(&stream, text, &names[i], " ");
        }
        append(text, below(&stream, 2) ? ": " : ": the ");
        for (int i = 0; i < phrase_count; i++) {
            phrases[i] = draw_part(&stream);
            append(text, i > 0 ? cuts[below(&stream, sizeof cuts / sizeof *cuts)] : "");
            append_part(&stream, text, &phrases[i], "\"cat, (a); \" ");
        }
        append(text, tails[below(&stream, sizeof tails / sizeof *tails)]);
        cg_cues expected = naive(names, name_count, phrases, phrase_count);
        cg_cues found;
        cg_cues_find(lemmas, text, strlen(text), &found, NULL);
        compare(&found, &expected, text);
    }
    cg_lemmas_free(lemmas);
}

/* Bytes of all kinds, and pieces that mean something, in a block of just their size. */
static void test_bytes(void **state) {
    (void)state;
    static const char *const pieces[] = {": ",  ", ",  "; ", "(", ")",    "\"",
                                         "'",   "-",   ".",  " ", "a ",   "of",
                                         "dog", "ing", "X",  "_", "\xc3", "\xa9"};
    cg_lemmas *lemmas = new_lemmas();
    uint64_t cues_found = 0;
    for (uint64_t number = 0; number < BYTES_CASES; number++) {
        cg_stream stream = cg_stream_init(seed, "property.cue_bytes", number);
        char text[1024];
        size_t size = 0;
        size_t wanted = below(&stream, sizeof text - 8);
        uint64_t wildness = below(&stream, 4);
        while (size < wanted) {
            const char *piece = pieces[below(&stream, sizeof pieces / sizeof *pieces)];
            if (below(&stream, 8) < wildness) {
                text[size++] = (char)below(&stream, 256);
            } else {
                for (const char *at = piece; *at; at++) {
                    text[size++] = *at;
                }
            }
        }
        char *exact = malloc(size > 0 ? size : 1);
        assert_non_null(exact);
        memcpy(exact, text, size);
        cg_cues cues;
        cg_work work = {{0}, {0}};
        cg_cues_find(number % 2 ? lemmas : NULL, exact, size, &cues, &work);
        const char *fault = support_cues_fault(&cues);
        if (fault) {
            fail_msg("case %llu: %s", (unsigned long long)number, fault);
        }
        assert_true(work.units[CG_WORK_TOKENISE] <= size);
        (void)cg_cue_phrase(lemmas, exact, size);
        cues_found += cues.count;
        free(exact);
    }
    assert_true(cues_found > BYTES_CASES); /* the draw is worth the test */
    cg_lemmas_free(lemmas);
}

int main(void) {
    seed = support_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
