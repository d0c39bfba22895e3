/* Morphy: forms to lemmas; the order of attempts is in lemma.h.
 *
 * The rules of detachment are WordNet 3.0's (lib/morph.c, tables "sufx" and "addr"), in its
 * order. Known values: "churches" -> "church" by "ches" -> "ch", since "s" -> "" leads to the
 * unknown "churche"; "boxesful" -> "boxful".
 */
#include "engine/fact/lemma.h"

#include <string.h>

#include "engine/fact/lemma_internal.h"

typedef struct rule {
    uint8_t ending_bytes; /* 0: no rule */
    uint8_t replacement_bytes;
    char ending[5];
    char replacement[4];
} rule;

enum { RULES_MAX = 8 };

#define RULE(ending, replacement)                                                              \
    { sizeof(ending) - 1, sizeof(replacement) - 1, ending, replacement }

static const rule rules[CG_PARTS_OF_SPEECH][RULES_MAX] = {
    [CG_NOUN] = {RULE("s", ""), RULE("ses", "s"), RULE("xes", "x"), RULE("zes", "z"),
                 RULE("ches", "ch"), RULE("shes", "sh"), RULE("men", "man"), RULE("ies", "y")},
    [CG_VERB] = {RULE("s", ""), RULE("ies", "y"), RULE("es", "e"), RULE("es", ""),
                 RULE("ed", "e"), RULE("ed", ""), RULE("ing", "e"), RULE("ing", "")},
    [CG_ADJECTIVE] = {RULE("er", ""), RULE("est", ""), RULE("er", "e"), RULE("est", "e")},
};

static bool ends_with(const char *bytes, size_t size, const char *ending, size_t ending_bytes) {
    return size >= ending_bytes && bytes[size - 1] == ending[ending_bytes - 1] &&
           memcmp(bytes + size - ending_bytes, ending, ending_bytes) == 0;
}

static void copy_record(const cg_lemmas *lemmas, uint32_t record, cg_lemma_word *out) {
    const uint8_t *bytes = lemmas->records + record;
    memcpy(out->bytes, bytes + CG_LEMMA_RECORD_HEAD_BYTES, bytes[1]);
    out->bytes[bytes[1]] = '\0';
    out->size_bytes = bytes[1];
}

/* The first known base in the exception list. */
static bool by_exception(const cg_lemmas *lemmas, unsigned part, uint32_t form,
                         cg_lemma_word *out) {
    if (!cg_lemma_irregular(lemmas, form, part)) {
        return false;
    }
    uint32_t bases[CG_LEMMA_BASES_MAX];
    uint32_t count = cg_lemma_bases(lemmas, form, part, bases);
    for (uint32_t i = 0; i < count; i++) {
        if (cg_lemma_known(lemmas, bases[i], part)) {
            copy_record(lemmas, bases[i], out);
            return true;
        }
    }
    return false;
}

/* The first known result of a rule. No replacement is longer than its ending. */
static bool by_rule(const cg_lemmas *lemmas, unsigned part, const cg_lemma_word *form,
                    cg_lemma_word *out) {
    size_t size = form->size_bytes;
    size_t kept = 0;
    if (part == CG_NOUN && ends_with(form->bytes, size, "ful", 3)) {
        kept = 3;
        size -= kept;
    } else if (part == CG_NOUN && (size <= 2 || ends_with(form->bytes, size, "ss", 2))) {
        return false;
    }
    for (unsigned i = 0; i < RULES_MAX && rules[part][i].ending_bytes > 0; i++) {
        const rule *r = &rules[part][i];
        if (size <= r->ending_bytes ||
            !ends_with(form->bytes, size, r->ending, r->ending_bytes)) {
            continue;
        }
        cg_lemma_word result;
        size_t at = size - r->ending_bytes;
        memcpy(result.bytes, form->bytes, at);
        memcpy(result.bytes + at, r->replacement, r->replacement_bytes);
        at += r->replacement_bytes;
        memcpy(result.bytes + at, form->bytes + size, kept);
        at += kept;
        result.bytes[at] = '\0';
        result.size_bytes = at;
        if (cg_lemma_known(lemmas, cg_lemma_find(lemmas, result.bytes, at), part)) {
            *out = result;
            return true;
        }
    }
    return false;
}

/* By the exception list, as it is, or by a rule. `form` and `out` may be the same. */
static bool whole(const cg_lemmas *lemmas, unsigned part, const cg_lemma_word *form,
                  cg_lemma_word *out) {
    uint32_t record = cg_lemma_find(lemmas, form->bytes, form->size_bytes);
    if (by_exception(lemmas, part, record, out)) {
        return true;
    }
    if (cg_lemma_known(lemmas, record, part)) {
        *out = *form;
        return true;
    }
    return by_rule(lemmas, part, form, out);
}

/* --- Phrases. --- */

enum { CHANGE_FIRST = 1, CHANGE_INNER = 2, CHANGE_LAST = 4 };

static bool joins(char byte) {
    return byte == '_' || byte == '-';
}

/* The phrase with the words `changes` names replaced by their lemmas; false when it would be
 * too long. */
static bool change_words(const cg_lemmas *lemmas, unsigned part, const cg_lemma_word *phrase,
                         unsigned changes, cg_lemma_word *out) {
    size_t used = 0;
    for (size_t at = 0; at < phrase->size_bytes;) {
        cg_lemma_word word = {.size_bytes = 0};
        size_t start = at;
        for (; at < phrase->size_bytes && !joins(phrase->bytes[at]); at++) {
            word.bytes[word.size_bytes++] = phrase->bytes[at];
        }
        unsigned place = start == 0                 ? CHANGE_FIRST
                         : at == phrase->size_bytes ? CHANGE_LAST
                                                    : CHANGE_INNER;
        if (word.size_bytes > 0 && (changes & place)) {
            (void)whole(lemmas, part, &word, &word); /* stays as it is without a lemma */
        }
        bool joined = at < phrase->size_bytes;
        if (used + word.size_bytes + joined >= CG_LEMMA_BYTES_MAX) {
            return false;
        }
        memcpy(out->bytes + used, word.bytes, word.size_bytes);
        used += word.size_bytes;
        if (joined) {
            out->bytes[used++] = phrase->bytes[at++];
        }
    }
    out->bytes[used] = '\0';
    out->size_bytes = used;
    return true;
}

static bool is_phrase(const cg_lemma_word *form) {
    for (size_t i = 0; i < form->size_bytes; i++) {
        if (joins(form->bytes[i])) {
            return true;
        }
    }
    return false;
}

static bool by_words(const cg_lemmas *lemmas, unsigned part, const cg_lemma_word *phrase,
                     cg_lemma_word *out) {
    static const unsigned attempts[] = {CHANGE_FIRST, CHANGE_LAST,
                                        CHANGE_FIRST | CHANGE_INNER | CHANGE_LAST};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        cg_lemma_word changed;
        if (change_words(lemmas, part, phrase, attempts[i], &changed) &&
            cg_lemma_known(lemmas, cg_lemma_find(lemmas, changed.bytes, changed.size_bytes),
                           part)) {
            *out = changed;
            return true;
        }
    }
    return false;
}

/* --- What the header promises. --- */

static size_t give(const cg_lemma_word *word, char out[CG_LEMMA_BYTES_MAX]) {
    memcpy(out, word->bytes, word->size_bytes + 1);
    return word->size_bytes;
}

size_t cg_lemma(const cg_lemmas *lemmas, cg_part_of_speech part, const char *form,
                size_t size_bytes, char out[CG_LEMMA_BYTES_MAX]) {
    CG_ASSERT((unsigned)part < CG_PARTS_OF_SPEECH);
    cg_lemma_word folded;
    cg_lemma_word found;
    if (!cg_lemma_fold(form, size_bytes, &folded)) {
        return 0;
    }
    bool any = whole(lemmas, part, &folded, &found) ||
               (is_phrase(&folded) && by_words(lemmas, part, &folded, &found));
    return any ? give(&found, out) : 0;
}

static bool whole_of_any(const cg_lemmas *lemmas, const cg_lemma_word *form,
                         cg_lemma_word *out) {
    uint32_t record = cg_lemma_find(lemmas, form->bytes, form->size_bytes);
    if (by_exception(lemmas, CG_NOUN, record, out)) {
        return true;
    }
    for (unsigned part = 0; part < CG_PARTS_OF_SPEECH; part++) {
        if (cg_lemma_known(lemmas, record, part)) {
            *out = *form;
            return true;
        }
    }
    for (unsigned part = CG_VERB; part < CG_PARTS_OF_SPEECH; part++) {
        if (by_exception(lemmas, part, record, out)) {
            return true;
        }
    }
    for (unsigned part = 0; part < CG_PARTS_OF_SPEECH; part++) {
        if (by_rule(lemmas, part, form, out)) {
            return true;
        }
    }
    return false;
}

size_t cg_lemma_any(const cg_lemmas *lemmas, const char *form, size_t size_bytes,
                    char out[CG_LEMMA_BYTES_MAX]) {
    cg_lemma_word folded;
    cg_lemma_word found;
    if (!cg_lemma_fold(form, size_bytes, &folded)) {
        return 0;
    }
    bool any = whole_of_any(lemmas, &folded, &found);
    bool phrase = !any && is_phrase(&folded);
    for (unsigned part = 0; phrase && !any && part < CG_PARTS_OF_SPEECH; part++) {
        any = by_words(lemmas, part, &folded, &found);
    }
    return any ? give(&found, out) : 0;
}
