/* Words and phrases; for cue*.c alone.
 *
 * A word is a run of ASCII letters, ASCII digits and bytes >= 0x80, and of single apostrophes,
 * hyphens and full stops inside it: "cat-o'-nine-tails", "u.s", but "dog--cat" is two words.
 * Names and glosses are read by the same rule, so that the same words have the same hash.
 */
#ifndef CG_ENGINE_FACT_CUE_INTERNAL_H
#define CG_ENGINE_FACT_CUE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/fact/lemma.h"

/* Of a name or phrase. A name's further words are not read; a run of more words without any
 * function word counts as several phrases. */
enum { CG_CUE_RUN_MAX = 32 };

typedef struct cg_cue_word { /* borrowed from the text, or a lemma */
    const char *bytes;
    size_t size_bytes;
} cg_cue_word;

typedef struct cg_cue_run {
    cg_cue_word words[CG_CUE_RUN_MAX];
    uint32_t count;
    uint32_t offset; /* words of the gloss before it */
} cg_cue_run;

typedef struct cg_cue_reader {
    const char *text;
    size_t text_bytes;
    size_t position;
    uint32_t words;   /* read so far */
    bool no_brackets; /* no closing one is left */
} cg_cue_reader;

cg_cue_reader cg_cue_reader_init(const char *text, size_t text_bytes);

/* The next word, whatever is before it; false at the end. */
bool cg_cue_next_word(cg_cue_reader *reader, cg_cue_word *out);

/* The next noun phrase of a gloss, untrimmed; false at the end or at a semicolon. */
bool cg_cue_next_phrase(cg_cue_reader *reader, cg_cue_run *out);

/* The whole of a text as one run. */
void cg_cue_read_run(const char *text, size_t text_bytes, cg_cue_run *out);

/* Cuts a phrase behind its head, the last word that can be a noun, and returns the head's
 * lemma. A word in "ing" inside a phrase is a participle before it is a noun ("dog barking
 * loudly"). Without any noun the first word is kept, without lemmas the whole. The phrase has a
 * word. */
cg_cue_word cg_cue_trim(const cg_lemmas *lemmas, cg_cue_run *phrase,
                        char lemma[CG_LEMMA_BYTES_MAX]);

/* The word as a noun's lemma, or as it is. */
cg_cue_word cg_cue_lemma(const cg_lemmas *lemmas, cg_cue_word word,
                         char lemma[CG_LEMMA_BYTES_MAX]);

/* Of words[count], count > 0, in lower case with a space between, the last replaced by `last`:
 * XXH64; beyond 64 bytes, each block's hash seeds the next's. */
uint64_t cg_cue_hash(const cg_cue_word *words, uint32_t count, cg_cue_word last);

/* Whether the word is `other` (lower case, NUL-terminated), case apart. */
bool cg_cue_word_is(cg_cue_word word, const char *other);

#endif
