/* Lexical cues: what a text calls itself, and what it says it is (spec A3, semantic evidence).
 *
 * A definition names its genus: "a small breed of dog with ..." is a breed, and a dog. And a
 * compound names its head: an English setter is a setter. A cue is a phrase found at such a
 * place, as a hash, so that a lexicon can be asked which concepts bear that name and where
 * facts with the same cue went.
 *
 * A text is "name, name: gloss", or only one of both: what stands before the first ": " are
 * names; a text without it that is a list of at most CG_CUE_NAMES_MAX pieces of at most four
 * words each, and nothing else, counts as names too, and as a gloss as well. Names are
 * separated by ", ".
 *
 * A word is a run of ASCII letters, ASCII digits and bytes >= 0x80, and of single apostrophes,
 * hyphens and full stops between them ("cat-o'-nine-tails", "U.S", "St" of "St. Louis"), in
 * names as in glosses. Case is folded for ASCII only.
 *
 * Noun phrases of the gloss are cut at function words, commas, colons, brackets and the ends of
 * sentences (a shallow parse); brackets, quotations, and what stands after the first semicolon,
 * are examples and additions, and are left out. Of each phrase the last word that can be a noun
 * is the head, and counts as its lemma ("breeds" as "breed"); what stands behind it is dropped.
 * A phrase makes a cue for each of its ends, the longest first: "sea breeze", then "breeze".
 * A name of several words does so too, but for itself; with "of", "in", "for", "the" or "and"
 * inside it, its head stands in front: "republic" of "Republic of Mali".
 *
 * Sources: the first noun phrase of a definition as its genus: Amsler, "A taxonomy for English
 * nouns and verbs", ACL 1981; Chodorow, Byrd & Heidorn, "Extracting semantic hierarchies from a
 * large on-line dictionary", ACL 1985 (heads, and empty heads such as "kind of"). Endings as
 * hints at a class: Mikheev, "Automatic rule induction for unknown-word guessing", CL 23, 1997.
 */
#ifndef CG_ENGINE_FACT_CUE_H
#define CG_ENGINE_FACT_CUE_H

#include <stdbool.h>

#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/fact/lemma.h"

typedef enum cg_cue_kind {
    CG_CUE_NAME,   /* a whole name: "english setter" */
    CG_CUE_HEAD,   /* ends of a name of several words, at most three: "setter" */
    CG_CUE_FIRST,  /* the first word of such a name: "genus" of "genus Acer" */
    CG_CUE_ENDING, /* the last 6, 5, 4, 3 letters of a name of one word, if it has more, and at
                      least 6; as they are: "ectomy" */
    CG_CUE_GENUS,  /* ends of the gloss's first noun phrase */
    CG_CUE_SECOND, /* of the second */
    CG_CUE_LATER,  /* of the third and fourth, in groups of their own */
    CG_CUE_DOMAIN, /* the bracket in front of the gloss: "football" */
    CG_CUE_KINDS
} cg_cue_kind;

const char *cg_cue_kind_name(cg_cue_kind kind); /* "genus" */

enum { CG_CUES_MAX = 64, CG_CUE_NAMES_MAX = 8, CG_CUE_WORDS_MAX = 4 };

typedef struct cg_cue {
    uint64_t phrase; /* hash of the words, lower case, one space between, the last as its noun
                        lemma where it has one; the same for every kind */
    uint8_t kind;    /* cg_cue_kind */
    uint8_t group;   /* cues of one phrase, name or word have the same; counts up from 0 within
                        a kind, over those that have a cue of it */
    uint8_t words;   /* 1..CG_CUE_WORDS_MAX, which also stands for more in names and domains;
                        for an ending its letters, 3..6 */
    uint8_t offset;  /* words in front of it, at most 255: of the gloss (function words too, but
                        not what is left out) for GENUS, SECOND and LATER, of its name for HEAD;
                        0 for the others */
} cg_cue;

typedef struct cg_cues {
    cg_cue list[CG_CUES_MAX]; /* by kind, then group, then longest first; distinct within a
                                 kind: the first of equals stays. The rest is zero */
    uint32_t count;           /* all cues of the first CG_CUE_NAMES_MAX names fit */
    uint32_t names; /* distinct whole names in the text, also those beyond CG_CUE_NAMES_MAX;
                       at most CG_CUES_MAX are counted */
    bool proper;    /* the first name begins with an ASCII capital letter */
} cg_cues;

/* Finds the cues of text[text_bytes], valid UTF-8. lemmas: frozen, or NULL (then nothing is
 * known to be a noun: the last word of a phrase is its head, and words are their own lemmas).
 * Any text is fine, and at worst gives none; bytes that are not UTF-8 do no harm. Of a name
 * 32 words count, and a longer run of words without a cut is several phrases. Cost: linear in
 * the names and in the gloss up to its fourth phrase, with a few lemma lookups each (about 2 us
 * for a WordNet synset); without a ": " the whole text is searched for one. Allocates nothing.
 * Work: one CG_WORK_TOKENISE of the bytes up to where the gloss was read. */
void cg_cues_find(const cg_lemmas *lemmas, const char *text, size_t text_bytes, cg_cues *out,
                  cg_work *work);

/* The hash that a phrase has in cg_cue: of a single name as a concept bears it. Equals the
 * NAME cue of that name, and a GENUS cue of the same words; XXH64 of nothing when it has no
 * words. */
uint64_t cg_cue_phrase(const cg_lemmas *lemmas, const char *name, size_t name_bytes);

#endif
