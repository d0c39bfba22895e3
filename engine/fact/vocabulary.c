/* Frequencies on top of a frozen embedder's.
 *
 * A hash table with open addressing and linear probing holds the counts added, by feature.
 * Nothing reads it in its own order but a sum, which has none. A document is tallied, room is
 * made for all its features, and only then it is counted: so it counts whole or not at all.
 */
#include "engine/fact/vocabulary.h"

#include "engine/base/hash.h"
#include "engine/fact/embed_internal.h"

enum { SLOTS_MIN = 64 };

typedef struct count_slot {
    uint32_t feature;
    uint32_t count; /* documents added; 0: the slot is empty */
} count_slot;

struct cg_vocabulary {
    const cg_embedder *base;
    cg_allocator allocator;
    count_slot *slots; /* [slot_count], a power of two or 0; at most three quarters are taken */
    uint32_t slot_count;
    uint32_t taken;
    uint64_t documents; /* added */
    uint64_t sum;       /* of count_hash over all slots taken */
};

cg_status cg_vocabulary_alloc(const cg_embedder *base, cg_allocator allocator,
                              cg_vocabulary **out, cg_error *error) {
    if (!base->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an embedder must be frozen to carry a vocabulary");
    }
    cg_vocabulary *vocabulary = cg_allocate(&allocator, 1, sizeof *vocabulary);
    if (!vocabulary) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a vocabulary");
    }
    vocabulary->base = base;
    vocabulary->allocator = allocator;
    *out = vocabulary;
    return CG_OK;
}

void cg_vocabulary_free(cg_vocabulary *vocabulary) {
    if (vocabulary) {
        cg_allocator allocator = vocabulary->allocator;
        cg_deallocate(&allocator, vocabulary->slots, vocabulary->slot_count,
                      sizeof *vocabulary->slots);
        cg_deallocate(&allocator, vocabulary, 1, sizeof *vocabulary);
    }
}

/* --- The table. --- */

static uint64_t count_hash(count_slot slot) {
    return cg_hash_u64((uint64_t)slot.feature << 32 | slot.count, 0);
}

/* The feature's slot, or the empty one where it would go. Needs slots. */
static count_slot *slot_of(count_slot *slots, uint32_t slot_count, uint32_t feature) {
    uint32_t mask = slot_count - 1;
    uint32_t at = feature & mask; /* features are hashes already */
    while (slots[at].count != 0 && slots[at].feature != feature) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static uint32_t count_of(const cg_vocabulary *vocabulary, uint32_t feature) {
    return vocabulary->slot_count == 0
               ? 0
               : slot_of(vocabulary->slots, vocabulary->slot_count, feature)->count;
}

uint32_t cg_vocabulary_frequency(const cg_vocabulary *vocabulary, uint32_t feature) {
    uint32_t base = vocabulary->base->frequencies[feature];
    uint32_t added = count_of(vocabulary, feature);
    return added > UINT32_MAX - base ? UINT32_MAX : base + added;
}

/* Room for `fresh` more features; there are at most 2^24. */
static cg_status reserve(cg_vocabulary *vocabulary, uint32_t fresh, cg_error *error) {
    uint32_t needed = vocabulary->taken + fresh;
    uint32_t slot_count = vocabulary->slot_count > 0 ? vocabulary->slot_count : SLOTS_MIN;
    while (slot_count - slot_count / 4 < needed) {
        slot_count *= 2;
    }
    if (slot_count == vocabulary->slot_count) {
        return CG_OK;
    }
    count_slot *slots = cg_allocate(&vocabulary->allocator, slot_count, sizeof *slots);
    if (!slots) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for a vocabulary of %u features", needed);
    }
    for (uint32_t i = 0; i < vocabulary->slot_count; i++) {
        if (vocabulary->slots[i].count > 0) {
            *slot_of(slots, slot_count, vocabulary->slots[i].feature) = vocabulary->slots[i];
        }
    }
    cg_deallocate(&vocabulary->allocator, vocabulary->slots, vocabulary->slot_count,
                  sizeof *slots);
    vocabulary->slots = slots;
    vocabulary->slot_count = slot_count;
    return CG_OK;
}

/* --- Counting. --- */

static uint32_t count_fresh(const cg_vocabulary *vocabulary, const cg_tally *counts) {
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < counts->slot_count; i++) {
        int32_t feature = counts->slots[i].feature;
        fresh += feature != CG_TALLY_NO_FEATURE && count_of(vocabulary, (uint32_t)feature) == 0;
    }
    return fresh;
}

static void count_range(cg_vocabulary *vocabulary, const cg_tally *counts) {
    for (uint32_t i = 0; i < counts->slot_count; i++) {
        if (counts->slots[i].feature == CG_TALLY_NO_FEATURE) {
            continue;
        }
        uint32_t feature = (uint32_t)counts->slots[i].feature;
        count_slot *slot = slot_of(vocabulary->slots, vocabulary->slot_count, feature);
        if (slot->count == 0) {
            slot->feature = feature;
            vocabulary->taken++;
        } else {
            vocabulary->sum -= count_hash(*slot);
        }
        slot->count += slot->count < UINT32_MAX;
        vocabulary->sum += count_hash(*slot);
    }
}

cg_status cg_vocabulary_add(cg_vocabulary *vocabulary, const char *text, size_t text_bytes,
                            cg_error *error) {
    cg_status status = cg_embed_check_text(text, text_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_tally_source source = cg_embedder_source(vocabulary->base, text, text_bytes);
    cg_tally counts;
    uint32_t fresh = 0;
    cg_tally_init(&counts, &source);
    while (cg_tally_next(&counts)) {
        fresh += count_fresh(vocabulary, &counts);
    }
    if (counts.tokens == 0) {
        return cg_embed_refuse_tokenless(text_bytes, error);
    }
    status = reserve(vocabulary, fresh, error);
    if (status != CG_OK) {
        return status;
    }
    if (counts.width == source.feature_count) { /* one range: the slots hold the whole text */
        count_range(vocabulary, &counts);
    } else {
        cg_tally_init(&counts, &source);
        while (cg_tally_next(&counts)) {
            count_range(vocabulary, &counts);
        }
    }
    vocabulary->documents++;
    return CG_OK;
}

cg_status cg_embed_with(const cg_vocabulary *vocabulary, const char *text, size_t text_bytes,
                        cg_embedding *out, cg_work *work, cg_error *error) {
    cg_embed_counts counts = {.embedder = vocabulary->base,
                              .documents = cg_vocabulary_documents(vocabulary),
                              .vocabulary = vocabulary};
    return cg_embed_text(&counts, text, text_bytes, out, work, error);
}

/* --- Inspection. --- */

static uint64_t version_of(const cg_vocabulary *vocabulary, uint64_t sum) {
    if (vocabulary->documents == 0) {
        return vocabulary->base->version;
    }
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, vocabulary->base->version);
    cg_hasher_add_u64(&hasher, vocabulary->documents);
    cg_hasher_add_u64(&hasher, sum);
    return cg_hasher_value(&hasher);
}

uint64_t cg_vocabulary_version(const cg_vocabulary *vocabulary) {
    return version_of(vocabulary, vocabulary->sum);
}

uint64_t cg_vocabulary_documents(const cg_vocabulary *vocabulary) {
    return vocabulary->base->documents + vocabulary->documents;
}

uint64_t cg_vocabulary_bytes(const cg_vocabulary *vocabulary) {
    return sizeof *vocabulary + vocabulary->slot_count * (uint64_t)sizeof *vocabulary->slots;
}

uint64_t cg_vocabulary_hash(const cg_vocabulary *vocabulary) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < vocabulary->slot_count; i++) {
        sum += vocabulary->slots[i].count > 0 ? count_hash(vocabulary->slots[i]) : 0;
    }
    return version_of(vocabulary, sum);
}
