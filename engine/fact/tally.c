/* Signed counts of a text's features, range by range. */
#include "engine/fact/tally.h"

#include "engine/fact/embed.h"
#include "engine/fact/tokenise.h"

void cg_tally_init(cg_tally *counts, const cg_tally_source *source) {
    counts->source = *source;
    counts->low = 0;
    counts->width = 0;
    counts->tokens = 0;
    counts->slot_count = 64;
    /* n bytes hold at most (n + 1) / 2 tokens: a short text gets a small table. */
    while (counts->slot_count < CG_TALLY_SLOTS && counts->slot_count < source->text_bytes) {
        counts->slot_count *= 2;
    }
}

/* Of the token's lemma where it has one. */
static uint64_t hash_of(const cg_tally_source *source, cg_token token) {
    char lemma[CG_LEMMA_BYTES_MAX];
    size_t size = source->lemmas ? cg_lemma_any(source->lemmas, (const char *)token.bytes,
                                                token.size_bytes, lemma)
                                 : 0;
    if (size > 0) {
        token = (cg_token){.bytes = (const uint8_t *)lemma, .size_bytes = size};
    }
    return cg_token_hash(token, source->seed);
}

/* Counts the text's features in the range; false when the table is full. */
static bool tally_range(cg_tally *counts) {
    uint32_t mask = counts->slot_count - 1;
    uint32_t room = counts->slot_count - counts->slot_count / 4;
    for (uint32_t i = 0; i < counts->slot_count; i++) {
        counts->slots[i] = (cg_tally_slot){.feature = CG_TALLY_NO_FEATURE};
    }
    counts->tokens = 0;
    const cg_tally_source *source = &counts->source;
    cg_token_cursor cursor = cg_token_cursor_init(source->text, source->text_bytes);
    cg_token token;
    while (cg_token_next(&cursor, &token)) {
        uint64_t hash = hash_of(source, token);
        uint32_t feature = (uint32_t)hash & (source->feature_count - 1);
        counts->tokens++;
        if (feature - counts->low >= counts->width) {
            continue;
        }
        uint32_t at = feature & mask;
        while (counts->slots[at].feature != CG_TALLY_NO_FEATURE &&
               counts->slots[at].feature != (int32_t)feature) {
            at = (at + 1) & mask;
        }
        if (counts->slots[at].feature == CG_TALLY_NO_FEATURE) {
            if (room-- == 0) {
                return false;
            }
            counts->slots[at].feature = (int32_t)feature;
        }
        counts->slots[at].sum += hash >> 63 ? -1 : 1;
    }
    return true;
}

bool cg_tally_next(cg_tally *counts) {
    uint32_t feature_count = counts->source.feature_count;
    counts->low += counts->width;
    if (counts->low >= feature_count) {
        return false;
    }
    if (counts->width == 0 || counts->width > feature_count - counts->low) {
        counts->width = feature_count - counts->low;
    }
    while (!tally_range(counts)) {
        counts->width /= 2; /* one feature always fits, so the width stays above 0 */
    }
    return true;
}

cg_status cg_tally_check_text(const char *text, size_t text_bytes, cg_error *error) {
    size_t offset = 0;
    if (text_bytes > CG_TEXT_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the text has %zu bytes; at most %d are allowed", text_bytes,
                            (int)CG_TEXT_BYTES_MAX);
    }
    if (!cg_utf8_check(text, text_bytes, &offset)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the text is not UTF-8 at byte offset %zu (byte 0x%02x)", offset,
                            (unsigned)(uint8_t)text[offset]);
    }
    return CG_OK;
}
