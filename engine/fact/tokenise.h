/* Text to tokens: UTF-8 checking and a walk over the words.
 *
 * A token is a maximal run of ASCII letters, ASCII digits and bytes >= 0x80; so a word in any
 * script stays whole, and everything else in ASCII separates. Case is folded for ASCII only.
 */
#ifndef CG_ENGINE_FACT_TOKENISE_H
#define CG_ENGINE_FACT_TOKENISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when text[text_bytes] is UTF-8 (RFC 3629: no overlong form, no surrogate, at most
 * U+10FFFF). Otherwise *offset is that of the first byte of the first bad sequence. */
bool cg_utf8_check(const char *text, size_t text_bytes, size_t *offset);

typedef struct cg_token { /* borrowed from the text */
    const uint8_t *bytes;
    size_t size_bytes;
} cg_token;

typedef struct cg_token_cursor {
    const uint8_t *text;
    size_t text_bytes;
    size_t position;
} cg_token_cursor;

cg_token_cursor cg_token_cursor_init(const char *text, size_t text_bytes);
bool cg_token_next(cg_token_cursor *cursor, cg_token *token);

/* XXH64 of the token in ASCII lower case; beyond 64 bytes, each block's hash seeds the
 * next's. */
uint64_t cg_token_hash(cg_token token, uint64_t seed);

#endif
