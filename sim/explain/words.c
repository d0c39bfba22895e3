/* Words for hashes.
 *
 * A feature: each token is embedded alone, which gives its one feature. A cue: the hash of every
 * run of tokens is compared with it; that of a run is what cg_cue_phrase says, so lemmas and the
 * rule of what a word is stay the engine's.
 */
#include "sim/explain/words.h"

#include <string.h>

#include "engine/fact/tokenise.h"

enum {
    TOKENS_READ_MAX = 2000,
    RUN_TOKENS = 8,       /* of a cue of up to CG_CUE_WORDS_MAX words: "cat-o'-nine-tails" */
    RUN_TOKENS_LONG = 48, /* of a name, which may have more words */
    ENDING_BYTES_MAX = 24 /* six letters in UTF-8 */
};

/* --- Features. --- */

/* In lower case, spaces for what separates words; cut between characters. */
static void copy_words(const char *bytes, size_t size_bytes, char out[SIM_EXPLAIN_WORD_BYTES]) {
    size_t used = 0;
    size_t at = 0;
    for (; at < size_bytes && used + 1 < SIM_EXPLAIN_WORD_BYTES; at++) {
        char byte = bytes[at];
        bool space = (unsigned char)byte <= ' ' || byte == '_' || byte == 0x7f;
        if (space && (used == 0 || out[used - 1] == ' ')) {
            continue;
        }
        byte = byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
        out[used++] = space ? ' ' : byte;
    }
    while (at < size_bytes && used > 0 && ((unsigned char)bytes[at] & 0xc0) == 0x80) {
        used--; /* a character that does not fit whole */
        at--;
    }
    out[used] = '\0';
}

static double weight_of(const cg_embedding *embedding, uint32_t feature) {
    for (uint32_t i = 0; i < embedding->count; i++) {
        if (embedding->features[i] == feature) {
            double weight = (double)embedding->weights[i];
            return weight < 0.0 ? -weight : weight;
        }
    }
    return 0.0;
}

/* Puts it where it belongs among the heaviest, unless it is there (as another form of it). */
static void offer_heaviest(sim_explain_words *words, uint32_t *features, uint32_t feature,
                           const sim_explain_word *word) {
    uint32_t at = words->heaviest_count;
    for (uint32_t i = 0; i < words->heaviest_count; i++) {
        if (features[i] == feature) {
            return;
        }
    }
    if (at == SIM_EXPLAIN_WORDS) {
        if (word->weight <= words->heaviest[at - 1].weight) {
            return;
        }
        at--;
    } else {
        words->heaviest_count++;
    }
    for (; at > 0 && words->heaviest[at - 1].weight < word->weight; at--) {
        words->heaviest[at] = words->heaviest[at - 1];
        features[at] = features[at - 1];
    }
    words->heaviest[at] = *word;
    features[at] = feature;
}

static void offer_unknown(sim_explain_words *words, const sim_explain_word *word) {
    for (uint32_t i = 0; i < words->unknown_count; i++) {
        if (strcmp(words->unknown[i], word->text) == 0) {
            return;
        }
    }
    if (words->unknown_count < SIM_EXPLAIN_WORDS) {
        memcpy(words->unknown[words->unknown_count++], word->text, SIM_EXPLAIN_WORD_BYTES);
    }
}

cg_status sim_explain_find_words(const cg_corpus *corpus, const char *text, size_t text_bytes,
                                 const cg_embedding *embedding, sim_explain_words *out,
                                 cg_error *error) {
    uint32_t features[SIM_EXPLAIN_WORDS] = {0};
    cg_token_cursor cursor = cg_token_cursor_init(text, text_bytes);
    cg_token token;
    cg_status status = CG_OK;
    memset(out, 0, sizeof *out);
    out->features = embedding->count;
    for (uint32_t i = 0; i < embedding->count; i++) {
        out->known += cg_features_frequency(corpus->features, embedding->features[i]) > 0;
    }
    while (status == CG_OK && cg_token_next(&cursor, &token)) {
        cg_embedding alone;
        if (++out->tokens > TOKENS_READ_MAX) {
            continue; /* counted only */
        }
        status = cg_embed(corpus->embedder, (const char *)token.bytes, token.size_bytes, &alone,
                          NULL, error);
        if (status == CG_OK) {
            uint32_t feature = alone.features[0];
            sim_explain_word word = {.weight = weight_of(embedding, feature),
                                     .concepts =
                                         cg_features_frequency(corpus->features, feature)};
            copy_words((const char *)token.bytes, token.size_bytes, word.text);
            if (word.weight > 0.0) {
                offer_heaviest(out, features, feature, &word);
            }
            if (word.concepts == 0) {
                offer_unknown(out, &word);
            }
        }
    }
    return status;
}

/* --- Cues. --- */

/* Which questions the columns ask of a cue. */
static bool asks_names(cg_cue_kind kind) {
    return kind != CG_CUE_FIRST && kind != CG_CUE_ENDING && kind != CG_CUE_DOMAIN;
}

static bool asks_habit(cg_cue_kind kind) {
    return kind != CG_CUE_NAME && kind != CG_CUE_LATER;
}

static void see_named(void *context, uint32_t row, uint32_t count) {
    sim_explain_cue *cue = context;
    cue->named += count;
    cue->named_row = row < cue->named_row ? row : cue->named_row;
}

static void see_parent(void *context, uint32_t row, uint32_t count) {
    sim_explain_cue *cue = context;
    cue->habit += count;
    if (count > cue->habit_most || (count == cue->habit_most && row < cue->habit_row)) {
        cue->habit_most = count;
        cue->habit_row = row;
    }
}

/* Gives the words to the cues that have this hash and none yet. Returns how many. */
static uint32_t name_cues(const cg_cues *cues, uint64_t phrase, bool ending, const char *bytes,
                          size_t size_bytes, sim_explain_cue *list) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < cues->count; i++) {
        if (cues->list[i].phrase == phrase && list[i].text[0] == '\0' &&
            (cues->list[i].kind == CG_CUE_ENDING) == ending) {
            copy_words(bytes, size_bytes, list[i].text);
            found++;
        }
    }
    return found;
}

static uint32_t try_endings(const cg_cues *cues, const char *text, cg_token token,
                            sim_explain_cue *list) {
    uint32_t found = 0;
    const char *end = (const char *)token.bytes + token.size_bytes;
    size_t most = (size_t)(end - text);
    most = most < ENDING_BYTES_MAX ? most : (size_t)ENDING_BYTES_MAX;
    for (size_t size = 3; size <= most; size++) {
        found += name_cues(cues, cg_cue_phrase(NULL, end - size, size), true, end - size, size,
                           list);
    }
    return found;
}

/* All runs that begin with the token. */
static uint32_t try_runs(const cg_corpus *corpus, const cg_cues *cues, cg_token first,
                         cg_token_cursor cursor, sim_explain_cue *list) {
    uint32_t found = 0;
    cg_token last = first;
    bool more = true;
    bool long_runs = false;
    for (uint32_t i = 0; i < cues->count; i++) {
        bool whole = list[i].kind == CG_CUE_NAME || list[i].kind == CG_CUE_DOMAIN;
        long_runs = long_runs || (whole && list[i].text[0] == '\0' &&
                                  cues->list[i].words == CG_CUE_WORDS_MAX);
    }
    uint32_t most = long_runs ? RUN_TOKENS_LONG : RUN_TOKENS;
    for (uint32_t tokens = 0; more && tokens < most; tokens++) {
        const char *start = (const char *)first.bytes;
        size_t size = (size_t)(last.bytes + last.size_bytes - first.bytes);
        uint64_t phrase = cg_cue_phrase(corpus->lemmas, start, size);
        found += name_cues(cues, phrase, false, start, size, list);
        more = cg_token_next(&cursor, &last);
    }
    return found;
}

void sim_explain_find_cues(const cg_corpus *corpus, const char *text, size_t text_bytes,
                           const cg_cues *cues, sim_explain_cue *list) {
    for (uint32_t i = 0; i < cues->count; i++) {
        cg_cue_kind kind = (cg_cue_kind)cues->list[i].kind;
        uint64_t phrase = cues->list[i].phrase;
        list[i] = (sim_explain_cue){
            .kind = kind, .named_row = SIM_EXPLAIN_NOBODY, .habit_row = SIM_EXPLAIN_NOBODY};
        if (asks_names(kind)) {
            (void)cg_lexicon_each_named(corpus->lexicon, phrase, see_named, &list[i]);
        }
        if (asks_habit(kind)) {
            (void)cg_lexicon_each_parent(corpus->lexicon, kind, phrase, see_parent, &list[i]);
        }
    }
    cg_token_cursor cursor = cg_token_cursor_init(text, text_bytes);
    cg_token token;
    for (uint32_t found = 0; found < cues->count && cg_token_next(&cursor, &token);) {
        found += try_endings(cues, text, token, list);
        found += try_runs(corpus, cues, token, cursor, list);
    }
}
