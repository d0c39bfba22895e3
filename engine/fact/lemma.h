/* Words to their base forms: Morphy, WordNet's morphological processor (spec A1).
 *
 * The lemma of a form in a part of speech is the first of these that is a known word:
 *
 *   1. its bases in the exception list, in the list's order ("geese": "goose"; "axes": "ax",
 *      then "axis");
 *   2. the form itself ("species", not "specie");
 *   3. the results of the rules of detachment, in WordNet's order ("ponies": "pony"); adverbs
 *      have none, nouns in "ss" and of one or two letters neither; of a noun in "ful" the rest
 *      is detached ("boxesful": "boxful");
 *   4. of a phrase, the phrase with its first word changed by 1 to 3, with its last, with all
 *      ("took_care_of": "take_care_of").
 *
 * Invariant: a lemma is a known word; what leads to none has no lemma ("xyzzys"). Letters are
 * folded to lower case for ASCII only, as in tokenise.h; a space counts as an underscore.
 *
 * Source: WordNet 3.0, morphy(7WN) and lib/morph.c. We differ in choosing one lemma where
 * WordNet lists all, in trusting exceptions no more than rules, and in rule 4, where WordNet
 * looks for a verb's preposition. The engine reads bytes: opening noun.exc and its like is the
 * caller's.
 */
#ifndef CG_ENGINE_FACT_LEMMA_H
#define CG_ENGINE_FACT_LEMMA_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef enum cg_part_of_speech {
    CG_NOUN,
    CG_VERB,
    CG_ADJECTIVE,
    CG_ADVERB,
    CG_PARTS_OF_SPEECH
} cg_part_of_speech;

enum {
    CG_LEMMA_BYTES_MAX = 128, /* of a word with its NUL */
    CG_LEMMA_WORDS_MAX = 9,   /* of a phrase: the longest in WordNet 3.0 */
    CG_LEMMA_BASES_MAX = 8,   /* of a form in one part of speech; further ones are dropped */
    CG_LEMMA_LIST_BYTES_MAX = 1 << 24
};

/* Known words and exceptions. Filled, then frozen; a frozen one is read-only, and any number of
 * threads may ask it. */
typedef struct cg_lemmas cg_lemmas;

cg_status cg_lemmas_alloc(cg_allocator allocator, cg_lemmas **out, cg_error *error);
void cg_lemmas_free(cg_lemmas *lemmas); /* NULL is fine */

/* Both leave the lemmas unchanged when they fail, and fail with CG_ERROR_INVALID on frozen
 * ones, CG_ERROR_MEMORY, and CG_ERROR_FULL beyond 4 GiB of words. Nothing is borrowed.
 *
 * add_word makes word[size_bytes] known in the part of speech; twice is fine. A word is UTF-8
 * of 1 to CG_LEMMA_BYTES_MAX - 1 bytes without control characters; a phrase joins at most
 * CG_LEMMA_WORDS_MAX words by single underscores or spaces. Otherwise CG_ERROR_INVALID.
 *
 * add_exceptions reads an exception list (bytes[size_bytes], at most CG_LEMMA_LIST_BYTES_MAX):
 * a line is a form and 1 to CG_LEMMA_BASES_MAX bases, separated by spaces or tabs and ended by
 * a newline, or a carriage return and a newline. Otherwise CG_ERROR_CORRUPT, naming the list
 * ("noun.exc") and the line. Bases become words only by add_word, in any order of calls. */
cg_status cg_lemmas_add_word(cg_lemmas *lemmas, cg_part_of_speech part, const char *word,
                             size_t size_bytes, cg_error *error);
cg_status cg_lemmas_add_exceptions(cg_lemmas *lemmas, cg_part_of_speech part, const char *bytes,
                                   size_t size_bytes, cg_error *error);

/* Gives unused memory back; fails only when frozen already (CG_ERROR_INVALID). */
cg_status cg_lemmas_freeze(cg_lemmas *lemmas, cg_error *error);
bool cg_lemmas_frozen(const cg_lemmas *lemmas);
uint64_t cg_lemmas_bytes(const cg_lemmas *lemmas); /* memory held */
/* Of words and exceptions, not of the order in which words came. Cost: linear in them. */
uint64_t cg_lemmas_hash(const cg_lemmas *lemmas);

/* Puts the lemma of form[size_bytes] into out, NUL-terminated, and returns its length; 0 when
 * there is none (out is then undefined). Any bytes are fine. Cost: a few hash lookups. */
size_t cg_lemma(const cg_lemmas *lemmas, cg_part_of_speech part, const char *form,
                size_t size_bytes, char out[CG_LEMMA_BYTES_MAX]);

/* The same for a form whose part of speech is not known, as in a text. The first of these:
 *
 *   1. the base of an irregular noun ("men": "man", though "men" is a known noun too);
 *   2. the form itself, when known in any part of speech ("saw", "better", "left");
 *   3. the base of an irregular verb, adjective or adverb ("ran": "run", "has": "have");
 *   4. by the rules for nouns, verbs, adjectives, in this order ("runs": the noun "run");
 *   5. of a phrase, the lemma as a noun, verb, adjective, adverb.
 *
 * Known words stand before irregular verbs because texts have more nouns, and before rules
 * because an unknown base is a worse mistake than an inflected one that stays. */
size_t cg_lemma_any(const cg_lemmas *lemmas, const char *form, size_t size_bytes,
                    char out[CG_LEMMA_BYTES_MAX]);

#endif
