/* The words and exceptions of a cg_lemmas; see lemma_internal.h for the tables. */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/fact/lemma_internal.h"

enum { SLOTS_MIN = 64 };

cg_status cg_lemmas_alloc(cg_allocator allocator, cg_lemmas **out, cg_error *error) {
    cg_lemmas *lemmas = cg_allocate(&allocator, 1, sizeof *lemmas);
    if (!lemmas) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for lemmas");
    }
    lemmas->allocator = allocator;
    *out = lemmas;
    return CG_OK;
}

void cg_lemmas_free(cg_lemmas *lemmas) {
    if (lemmas) {
        cg_allocator allocator = lemmas->allocator;
        cg_deallocate(&allocator, lemmas->records, lemmas->record_capacity, 1);
        cg_deallocate(&allocator, lemmas->tags, lemmas->slot_count, 1);
        cg_deallocate(&allocator, lemmas->slots, lemmas->slot_count, sizeof *lemmas->slots);
        cg_deallocate(&allocator, lemmas->exceptions, lemmas->exception_capacity,
                      sizeof *lemmas->exceptions);
        cg_deallocate(&allocator, lemmas->exception_slots, lemmas->exception_slot_count,
                      sizeof *lemmas->exception_slots);
        cg_deallocate(&allocator, lemmas, 1, sizeof *lemmas);
    }
}

uint64_t cg_lemmas_bytes(const cg_lemmas *lemmas) {
    return sizeof *lemmas + lemmas->record_capacity +
           lemmas->slot_count * (sizeof *lemmas->tags + sizeof *lemmas->slots) +
           lemmas->exception_capacity * sizeof *lemmas->exceptions +
           lemmas->exception_slot_count * sizeof *lemmas->exception_slots;
}

bool cg_lemmas_frozen(const cg_lemmas *lemmas) {
    return lemmas->frozen;
}

/* --- Words. --- */

static uint8_t tag_of(uint64_t hash) {
    return (uint8_t)(hash >> 57 | 0x80);
}

static uint64_t record_hash(const cg_lemmas *lemmas, size_t record) {
    const uint8_t *bytes = lemmas->records + record;
    return cg_hash_bytes(bytes + CG_LEMMA_RECORD_HEAD_BYTES, bytes[1], 0);
}

static size_t record_size(const cg_lemmas *lemmas, size_t record) {
    return CG_LEMMA_RECORD_HEAD_BYTES + (size_t)lemmas->records[record + 1];
}

uint32_t cg_lemma_find(const cg_lemmas *lemmas, const char *bytes, size_t size_bytes) {
    if (lemmas->slot_count == 0) {
        return CG_LEMMA_NO_RECORD;
    }
    uint64_t hash = cg_hash_bytes(bytes, size_bytes, 0);
    size_t mask = lemmas->slot_count - 1;
    for (size_t at = (size_t)hash & mask; lemmas->tags[at] != 0; at = (at + 1) & mask) {
        if (lemmas->tags[at] == tag_of(hash)) {
            const uint8_t *record = lemmas->records + lemmas->slots[at];
            if (record[1] == size_bytes &&
                memcmp(record + CG_LEMMA_RECORD_HEAD_BYTES, bytes, size_bytes) == 0) {
                return lemmas->slots[at];
            }
        }
    }
    return CG_LEMMA_NO_RECORD;
}

static void insert_record(cg_lemmas *lemmas, uint32_t record) {
    uint64_t hash = record_hash(lemmas, record);
    size_t mask = lemmas->slot_count - 1;
    size_t at = (size_t)hash & mask;
    while (lemmas->tags[at] != 0) {
        at = (at + 1) & mask;
    }
    lemmas->tags[at] = tag_of(hash);
    lemmas->slots[at] = record;
}

uint32_t cg_lemma_intern(cg_lemmas *lemmas, const cg_lemma_word *word) {
    uint32_t record = cg_lemma_find(lemmas, word->bytes, word->size_bytes);
    if (record == CG_LEMMA_NO_RECORD) {
        record = (uint32_t)lemmas->record_bytes;
        uint8_t *bytes = lemmas->records + record;
        bytes[0] = 0;
        bytes[1] = (uint8_t)word->size_bytes;
        memcpy(bytes + CG_LEMMA_RECORD_HEAD_BYTES, word->bytes, word->size_bytes);
        lemmas->record_bytes += CG_LEMMA_RECORD_HEAD_BYTES + word->size_bytes;
        lemmas->word_count++;
        insert_record(lemmas, record);
    }
    return record;
}

/* --- Exceptions. --- */

static size_t exception_home(const cg_lemmas *lemmas, uint32_t form, unsigned part) {
    uint64_t key = (uint64_t)form << 8 | part;
    return (size_t)cg_hash_u64(key, 0) & (lemmas->exception_slot_count - 1);
}

uint32_t cg_lemma_bases(const cg_lemmas *lemmas, uint32_t form, unsigned part,
                        uint32_t bases[CG_LEMMA_BASES_MAX]) {
    uint32_t count = 0;
    size_t mask = lemmas->exception_slot_count - 1;
    size_t at = exception_home(lemmas, form, part);
    for (; lemmas->exception_slots[at] != 0; at = (at + 1) & mask) {
        const cg_lemma_exception *met = &lemmas->exceptions[lemmas->exception_slots[at] - 1];
        if (met->form == form && met->part == part) {
            bases[count++] = met->base;
        }
    }
    return count;
}

static void link_exception(cg_lemmas *lemmas, size_t index) {
    const cg_lemma_exception *exception = &lemmas->exceptions[index];
    size_t mask = lemmas->exception_slot_count - 1;
    size_t at = exception_home(lemmas, exception->form, exception->part);
    while (lemmas->exception_slots[at] != 0) {
        at = (at + 1) & mask;
    }
    lemmas->exception_slots[at] = (uint32_t)index + 1;
}

void cg_lemma_insert_exception(cg_lemmas *lemmas, cg_lemma_exception exception) {
    uint32_t bases[CG_LEMMA_BASES_MAX];
    uint32_t count = cg_lemma_bases(lemmas, exception.form, exception.part, bases);
    bool here = count == CG_LEMMA_BASES_MAX;
    for (uint32_t i = 0; i < count && !here; i++) {
        here = bases[i] == exception.base;
    }
    if (!here) {
        lemmas->records[exception.form] |=
            (uint8_t)(1u << (CG_LEMMA_EXCEPTION_BIT + exception.part));
        lemmas->exceptions[lemmas->exception_count] = exception;
        link_exception(lemmas, lemmas->exception_count++);
    }
}

/* --- Room. --- */

/* The power of two that holds `needed` in three quarters of its slots. */
static size_t slots_for(size_t needed, size_t now) {
    size_t slots = now < SLOTS_MIN ? SLOTS_MIN : now;
    while (slots - slots / 4 < needed) {
        slots *= 2;
    }
    return slots;
}

static cg_status grow_words(cg_lemmas *lemmas, size_t needed, cg_error *error) {
    size_t slot_count = slots_for(needed, lemmas->slot_count);
    if (slot_count == lemmas->slot_count) {
        return CG_OK;
    }
    cg_allocator *allocator = &lemmas->allocator;
    uint8_t *tags = cg_allocate(allocator, slot_count, sizeof *tags);
    uint32_t *slots = cg_allocate(allocator, slot_count, sizeof *slots);
    if (!tags || !slots) {
        cg_deallocate(allocator, tags, slot_count, sizeof *tags);
        cg_deallocate(allocator, slots, slot_count, sizeof *slots);
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a table of %zu words",
                            needed);
    }
    cg_deallocate(allocator, lemmas->tags, lemmas->slot_count, sizeof *tags);
    cg_deallocate(allocator, lemmas->slots, lemmas->slot_count, sizeof *slots);
    lemmas->tags = tags;
    lemmas->slots = slots;
    lemmas->slot_count = slot_count;
    for (size_t at = 0; at < lemmas->record_bytes; at += record_size(lemmas, at)) {
        insert_record(lemmas, (uint32_t)at);
    }
    return CG_OK;
}

static cg_status grow_exceptions(cg_lemmas *lemmas, size_t needed, cg_error *error) {
    size_t slot_count = slots_for(needed, lemmas->exception_slot_count);
    if (slot_count == lemmas->exception_slot_count) {
        return CG_OK;
    }
    cg_allocator *allocator = &lemmas->allocator;
    uint32_t *slots = cg_allocate(allocator, slot_count, sizeof *slots);
    if (!slots) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for a table of %zu exceptions", needed);
    }
    cg_deallocate(allocator, lemmas->exception_slots, lemmas->exception_slot_count,
                  sizeof *slots);
    lemmas->exception_slots = slots;
    lemmas->exception_slot_count = slot_count;
    for (size_t i = 0; i < lemmas->exception_count; i++) {
        link_exception(lemmas, i);
    }
    return CG_OK;
}

cg_status cg_lemma_reserve(cg_lemmas *lemmas, size_t words, size_t word_bytes,
                           size_t exceptions, cg_error *error) {
    size_t record_bytes =
        lemmas->record_bytes + words * CG_LEMMA_RECORD_HEAD_BYTES + word_bytes;
    size_t exception_count = lemmas->exception_count + exceptions;
    if (record_bytes > UINT32_MAX || exception_count > UINT32_MAX / 2) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "%zu bytes of words and %zu exceptions; at most %u and %u fit",
                            record_bytes, exception_count, UINT32_MAX, UINT32_MAX / 2);
    }
    const cg_allocator *allocator = &lemmas->allocator;
    cg_status status =
        CG_GROW(allocator, lemmas->records, lemmas->record_capacity, record_bytes, error);
    if (status == CG_OK) {
        status = grow_words(lemmas, lemmas->word_count + words, error);
    }
    if (status == CG_OK && exceptions > 0) {
        status = CG_GROW(allocator, lemmas->exceptions, lemmas->exception_capacity,
                         exception_count, error);
        if (status == CG_OK) {
            status = grow_exceptions(lemmas, exception_count, error);
        }
    }
    return status;
}

/* --- Freezing. --- */

/* An allocator that cannot shrink a block leaves it as it is: nothing is lost but room. */
static void *trimmed(const cg_allocator *allocator, void *block, size_t *capacity, size_t used,
                     size_t size) {
    if (used == 0 || used == *capacity) {
        return block;
    }
    void *smaller =
        allocator->reallocate(allocator->context, block, *capacity * size, used * size);
    if (!smaller) {
        return block;
    }
    *capacity = used;
    return smaller;
}

cg_status cg_lemmas_freeze(cg_lemmas *lemmas, cg_error *error) {
    if (lemmas->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID, "the lemmas are frozen already");
    }
    lemmas->records = trimmed(&lemmas->allocator, lemmas->records, &lemmas->record_capacity,
                              lemmas->record_bytes, 1);
    lemmas->exceptions =
        trimmed(&lemmas->allocator, lemmas->exceptions, &lemmas->exception_capacity,
                lemmas->exception_count, sizeof *lemmas->exceptions);
    lemmas->frozen = true;
    return CG_OK;
}

/* Sums of hashes, so that the order of arrival does not count; an exception's hash has its rank
 * among the bases of its form, whose order does. */
uint64_t cg_lemmas_hash(const cg_lemmas *lemmas) {
    uint64_t words = 0;
    uint64_t exceptions = 0;
    for (size_t at = 0; at < lemmas->record_bytes; at += record_size(lemmas, at)) {
        uint64_t form_hash = record_hash(lemmas, at);
        unsigned known = lemmas->records[at] & ((1u << CG_PARTS_OF_SPEECH) - 1);
        words += known ? cg_hash_u64(form_hash, known) : 0;
        for (unsigned part = 0; part < CG_PARTS_OF_SPEECH; part++) {
            uint32_t bases[CG_LEMMA_BASES_MAX];
            uint32_t count = cg_lemma_irregular(lemmas, (uint32_t)at, part)
                                 ? cg_lemma_bases(lemmas, (uint32_t)at, part, bases)
                                 : 0;
            for (uint32_t i = 0; i < count; i++) {
                uint64_t key = form_hash + (uint64_t)part * CG_LEMMA_BASES_MAX + i;
                exceptions += cg_hash_u64(record_hash(lemmas, bases[i]), key);
            }
        }
    }
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, words);
    cg_hasher_add_u64(&hasher, exceptions);
    return cg_hasher_value(&hasher);
}
