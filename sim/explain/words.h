/* Words for hashes: what of a fact's text has the features and cues that the engine saw. */
#ifndef SIM_EXPLAIN_WORDS_H
#define SIM_EXPLAIN_WORDS_H

#include "engine/fact/cue.h"
#include "engine/fact/embed.h"
#include "engine/node/corpus.h"

enum { SIM_EXPLAIN_WORD_BYTES = 64, SIM_EXPLAIN_WORDS = 6 };
#define SIM_EXPLAIN_NOBODY UINT32_MAX

typedef struct sim_explain_word {
    char text[SIM_EXPLAIN_WORD_BYTES]; /* as in the fact, lower case; cut when longer */
    double weight;                     /* in the exact form, [0, 1] */
    uint32_t concepts;                 /* whose texts have it */
} sim_explain_word;

typedef struct sim_explain_words {
    uint64_t tokens;
    uint32_t features; /* kept in the exact form */
    uint32_t known;    /* of them: some concept's text has it */
    sim_explain_word heaviest[SIM_EXPLAIN_WORDS];
    uint32_t heaviest_count;
    char unknown[SIM_EXPLAIN_WORDS][SIM_EXPLAIN_WORD_BYTES]; /* the first */
    uint32_t unknown_count;
} sim_explain_words;

/* What the lexicon says of one cue, as far as the columns ask (engine/column/lexical.c). */
typedef struct sim_explain_cue {
    cg_cue_kind kind;
    char text[SIM_EXPLAIN_WORD_BYTES]; /* empty when no run of the text has the hash */
    uint32_t named;                    /* concepts that bear the phrase as a name */
    uint32_t named_row;                /* the first of them, or SIM_EXPLAIN_NOBODY */
    uint32_t habit;                    /* times that concepts with the cue hang somewhere */
    uint32_t habit_row;                /* where most do, or SIM_EXPLAIN_NOBODY */
    uint32_t habit_most;               /* how many these are */
} sim_explain_cue;

/* Reads the first 2,000 tokens for the lists. text: valid UTF-8 that gave the embedding. */
cg_status sim_explain_find_words(const cg_corpus *corpus, const char *text, size_t text_bytes,
                                 const cg_embedding *embedding, sim_explain_words *out,
                                 cg_error *error);

/* list[cues->count]. Cost: up to 48 hashes for each token until every cue has its words. */
void sim_explain_find_cues(const cg_corpus *corpus, const char *text, size_t text_bytes,
                           const cg_cues *cues, sim_explain_cue *list);

#endif
