/* Signed counts of a text's features; for engine/fact alone.
 *
 * Counting must not allocate, so a text is tallied in a table of fixed size over a range of
 * features; when the table fills up, the range is halved and the text read again. Invariant:
 * the ranges of one text follow each other without gap or overlap.
 */
#ifndef CG_ENGINE_FACT_TALLY_H
#define CG_ENGINE_FACT_TALLY_H

#include "engine/fact/lemma.h"

enum { CG_TALLY_SLOTS = 8192, CG_TALLY_NO_FEATURE = -1 };

typedef struct cg_tally_source {
    const char *text;
    size_t text_bytes;
    uint64_t seed;           /* of the hash */
    uint32_t feature_count;  /* a power of two */
    const cg_lemmas *lemmas; /* of the tokens that have one; NULL: tokens as they are */
} cg_tally_source;

typedef struct cg_tally_slot {
    int32_t feature; /* CG_TALLY_NO_FEATURE: empty */
    int32_t sum;
} cg_tally_slot;

typedef struct cg_tally {
    cg_tally_source source;
    uint32_t low; /* the range counted now is low .. low + width - 1 */
    uint32_t width;
    uint32_t slot_count; /* a power of two; at most three quarters are taken */
    uint64_t tokens;     /* all of the text */
    cg_tally_slot slots[CG_TALLY_SLOTS];
} cg_tally;

void cg_tally_init(cg_tally *counts, const cg_tally_source *source);
/* The next range into the slots; false when all were counted, and the slots are those of the
 * last range then. */
bool cg_tally_next(cg_tally *counts);

/* CG_ERROR_INVALID for more than CG_TEXT_BYTES_MAX bytes and for invalid UTF-8. */
cg_status cg_tally_check_text(const char *text, size_t text_bytes, cg_error *error);

#endif
