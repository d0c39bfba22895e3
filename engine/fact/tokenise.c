/* UTF-8 and tokens.
 *
 * A sequence is checked by its first byte, which gives the length and, for e0, ed, f0 and f4, a
 * narrower range for the second byte: that alone excludes overlong forms, surrogates and values
 * beyond U+10FFFF. Source: The Unicode Standard, table 3-7. Known values: ed a0 80 (a
 * surrogate) and c0 80 (an overlong NUL) are refused, f4 8f bf bf is accepted.
 */
#include "engine/fact/tokenise.h"

#include "engine/base/hash.h"

enum { HASH_BLOCK_BYTES = 64 };

/* Length of the sequence at text[0], or 0 when it is bad or cut short. */
static size_t utf8_sequence(const uint8_t *text, size_t left) {
    uint8_t first = text[0];
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < length) {
        return 0;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool cg_utf8_check(const char *text, size_t text_bytes, size_t *offset) {
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t at = 0; at < text_bytes;) {
        size_t length = utf8_sequence(bytes + at, text_bytes - at);
        if (length == 0) {
            *offset = at;
            return false;
        }
        at += length;
    }
    return true;
}

static bool in_token(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte >= 0x80;
}

cg_token_cursor cg_token_cursor_init(const char *text, size_t text_bytes) {
    return (cg_token_cursor){.text = (const uint8_t *)text, .text_bytes = text_bytes};
}

bool cg_token_next(cg_token_cursor *cursor, cg_token *token) {
    size_t at = cursor->position;
    while (at < cursor->text_bytes && !in_token(cursor->text[at])) {
        at++;
    }
    size_t start = at;
    while (at < cursor->text_bytes && in_token(cursor->text[at])) {
        at++;
    }
    cursor->position = at;
    if (at == start) {
        return false;
    }
    *token = (cg_token){.bytes = cursor->text + start, .size_bytes = at - start};
    return true;
}

uint64_t cg_token_hash(cg_token token, uint64_t seed) {
    uint8_t block[HASH_BLOCK_BYTES];
    uint64_t hash = seed;
    size_t at = 0;
    do {
        size_t size = 0;
        for (; size < sizeof block && at < token.size_bytes; size++, at++) {
            uint8_t byte = token.bytes[at];
            block[size] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
        }
        hash = cg_hash_bytes(block, size, hash);
    } while (at < token.size_bytes);
    return hash;
}
