/* How lemmas are stored; for lemma*.c alone.
 *
 * A record is two bytes and a word: kinds (bit p: known in part of speech p; bit 4 + p: a form
 * with exceptions there), size, and the word's bytes, folded. Records follow each other in the
 * order of their arrival and are never removed; a word has one record, and is named by the
 * record's offset.
 *
 * Two tables with open addressing and linear probing lead to records and exceptions. A word's
 * slot has a tag of the word's hash beside the offset, so that most slots of other words are
 * passed over without reading the record; what the tag lets through is compared byte by byte.
 * An exception's key is (form, part of speech), a pair of integers; its bases are exceptions of
 * the same key, which a probe meets in the order of their arrival, as nothing is removed and
 * growing inserts them again in that order.
 *
 * Invariant: at most three quarters of a table's slots are taken, so that a probe ends.
 */
#ifndef CG_ENGINE_FACT_LEMMA_INTERNAL_H
#define CG_ENGINE_FACT_LEMMA_INTERNAL_H

#include "engine/fact/lemma.h"

enum { CG_LEMMA_EXCEPTION_BIT = 4, CG_LEMMA_RECORD_HEAD_BYTES = 2 };

#define CG_LEMMA_NO_RECORD UINT32_MAX

typedef struct cg_lemma_exception {
    uint32_t form; /* records */
    uint32_t base;
    uint32_t part;
} cg_lemma_exception;

struct cg_lemmas {
    cg_allocator allocator;
    uint8_t *records; /* [record_capacity], record_bytes used */
    size_t record_bytes;
    size_t record_capacity;
    uint8_t *tags;   /* [slot_count]; 0: empty */
    uint32_t *slots; /* [slot_count] records */
    size_t slot_count;
    size_t word_count;
    cg_lemma_exception *exceptions; /* [exception_capacity] */
    size_t exception_count;
    size_t exception_capacity;
    uint32_t *exception_slots; /* [exception_slot_count] index + 1; 0: empty */
    size_t exception_slot_count;
    bool frozen;
};

/* A word in folded form. */
typedef struct cg_lemma_word {
    char bytes[CG_LEMMA_BYTES_MAX]; /* NUL-terminated */
    size_t size_bytes;
} cg_lemma_word;

/* ASCII letters to lower case, space to underscore; false when it is empty or too long. */
bool cg_lemma_fold(const char *bytes, size_t size_bytes, cg_lemma_word *out);

/* Room for so many more words of so many bytes in all, and exceptions: the inserts below cannot
 * fail then. */
cg_status cg_lemma_reserve(cg_lemmas *lemmas, size_t words, size_t word_bytes,
                           size_t exceptions, cg_error *error);
uint32_t cg_lemma_intern(cg_lemmas *lemmas, const cg_lemma_word *word); /* the word's record */
void cg_lemma_insert_exception(cg_lemmas *lemmas, cg_lemma_exception exception);

uint32_t cg_lemma_find(const cg_lemmas *lemmas, const char *bytes, size_t size_bytes);

static inline bool cg_lemma_known(const cg_lemmas *lemmas, uint32_t record, unsigned part) {
    return record != CG_LEMMA_NO_RECORD && (lemmas->records[record] >> part & 1) != 0;
}

static inline bool cg_lemma_irregular(const cg_lemmas *lemmas, uint32_t record, unsigned part) {
    return cg_lemma_known(lemmas, record, CG_LEMMA_EXCEPTION_BIT + part);
}

/* The form's bases in the list's order; returns how many. */
uint32_t cg_lemma_bases(const cg_lemmas *lemmas, uint32_t form, unsigned part,
                        uint32_t bases[CG_LEMMA_BASES_MAX]);

#endif
