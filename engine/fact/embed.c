/* Text to vectors.
 *
 *   hashing     phi_f = sum over tokens t with h(t) = f of sign(t)
 *   weight      w_f = sign(phi_f) * (1 + ln|phi_f|) * (ln((1 + N) / (1 + df_f)) + 1)
 *   projection  y_d = sum over f of r(f, d) * w_f, r = +-1
 *
 * w and y are scaled to unit length. Signs keep inner products unbiased under collisions
 * (Weinberger et al., ICML 2009, section 2); the projection is Achlioptas's (PODS 2001, theorem
 * 1.1). r(f, d) is bit d mod 64 of draw d / 64 of the stream (seed, "fact.project", f): a
 * function, so no matrix is kept.
 *
 * All in double, in ascending order of feature (and of axis for the length), rounded to float
 * once at the end. We differ from Weinberger et al. in counting document frequencies by feature
 * instead of by word: the vocabulary then has a fixed size.
 *
 * Counting must not allocate, so a text is tallied in a table of fixed size over a range of
 * features; when the table fills up, the range is halved and the text read again. Invariant:
 * the ranges of one text follow each other without gap or overlap.
 *
 * Known value: with no document counted, "dog dog cat" weighs dog : cat as 1 + ln 2 : 1.
 */
#include "engine/fact/embed.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/fact/tokenise.h"

enum { TALLY_SLOTS = 8192, NO_FEATURE = -1 };

struct cg_embedder {
    cg_embed_options options;
    cg_allocator allocator;
    cg_stream projection; /* entity is set to the feature */
    uint64_t documents;
    uint32_t *frequencies; /* [feature_count]: documents that have the feature */
    uint32_t feature_count;
    bool frozen;
    uint64_t version;
};

cg_embed_options cg_embed_options_default(void) {
    return (cg_embed_options){.dims = 128, .feature_bits = 20, .seed = 1};
}

cg_status cg_embedder_alloc(const cg_embed_options *options, cg_allocator allocator,
                            cg_embedder **out, cg_error *error) {
    if (options->dims < CG_DIMS_MIN || options->dims > CG_DIMS_MAX || options->dims % 16 != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u dimensions; a multiple of 16 from %d to %d is needed",
                            options->dims, (int)CG_DIMS_MIN, (int)CG_DIMS_MAX);
    }
    if (options->feature_bits < 10 || options->feature_bits > 24) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u feature bits; 10 to 24 are possible",
                            options->feature_bits);
    }
    cg_embedder *embedder = cg_allocate(&allocator, 1, sizeof *embedder);
    if (!embedder) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for an embedder");
    }
    embedder->options = *options;
    embedder->allocator = allocator;
    embedder->projection = cg_stream_init(options->seed, "fact.project", 0);
    embedder->feature_count = UINT32_C(1) << options->feature_bits;
    embedder->frequencies = cg_allocate(&allocator, embedder->feature_count, sizeof(uint32_t));
    if (!embedder->frequencies) {
        cg_deallocate(&allocator, embedder, 1, sizeof *embedder);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the document frequencies of 2^%u features",
                            options->feature_bits);
    }
    *out = embedder;
    return CG_OK;
}

void cg_embedder_free(cg_embedder *embedder) {
    if (embedder) {
        cg_allocator allocator = embedder->allocator;
        cg_deallocate(&allocator, embedder->frequencies, embedder->feature_count,
                      sizeof(uint32_t));
        cg_deallocate(&allocator, embedder, 1, sizeof *embedder);
    }
}

uint64_t cg_embedder_bytes(const cg_embedder *embedder) {
    return sizeof *embedder + embedder->feature_count * (uint64_t)sizeof *embedder->frequencies;
}

uint64_t cg_embedder_version(const cg_embedder *embedder) {
    return embedder->version;
}

const cg_embed_options *cg_embedder_options(const cg_embedder *embedder) {
    return &embedder->options;
}

/* --- Tally: signed counts of the features of a text, range by range. --- */

typedef struct tally_slot {
    int32_t feature; /* NO_FEATURE: empty */
    int32_t sum;
} tally_slot;

typedef struct tally {
    const cg_embedder *embedder;
    const char *text;
    size_t text_bytes;
    uint32_t low; /* the range counted now is low .. low + width - 1 */
    uint32_t width;
    uint32_t slot_count; /* a power of two; at most three quarters are taken */
    uint64_t tokens;     /* all of the text */
    tally_slot slots[TALLY_SLOTS];
} tally;

static void tally_init(tally *counts, const cg_embedder *embedder, const char *text,
                       size_t text_bytes) {
    counts->embedder = embedder;
    counts->text = text;
    counts->text_bytes = text_bytes;
    counts->low = 0;
    counts->width = 0;
    counts->tokens = 0;
    counts->slot_count = 64;
    /* n bytes hold at most (n + 1) / 2 tokens: a short text gets a small table. */
    while (counts->slot_count < TALLY_SLOTS && counts->slot_count < text_bytes) {
        counts->slot_count *= 2;
    }
}

/* Counts the text's features in the range; false when the table is full. */
static bool tally_range(tally *counts) {
    uint32_t mask = counts->slot_count - 1;
    uint32_t room = counts->slot_count - counts->slot_count / 4;
    for (uint32_t i = 0; i < counts->slot_count; i++) {
        counts->slots[i] = (tally_slot){.feature = NO_FEATURE};
    }
    counts->tokens = 0;
    cg_token_cursor cursor = cg_token_cursor_init(counts->text, counts->text_bytes);
    cg_token token;
    while (cg_token_next(&cursor, &token)) {
        uint64_t hash = cg_token_hash(token, counts->embedder->options.seed);
        uint32_t feature = (uint32_t)hash & (counts->embedder->feature_count - 1);
        counts->tokens++;
        if (feature - counts->low >= counts->width) {
            continue;
        }
        uint32_t at = feature & mask;
        while (counts->slots[at].feature != NO_FEATURE &&
               counts->slots[at].feature != (int32_t)feature) {
            at = (at + 1) & mask;
        }
        if (counts->slots[at].feature == NO_FEATURE) {
            if (room-- == 0) {
                return false;
            }
            counts->slots[at].feature = (int32_t)feature;
        }
        counts->slots[at].sum += hash >> 63 ? -1 : 1;
    }
    return true;
}

/* The next range into the slots; false when all were counted. */
static bool tally_next(tally *counts) {
    uint32_t feature_count = counts->embedder->feature_count;
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

static cg_status check_text(const char *text, size_t text_bytes, cg_error *error) {
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

/* --- Document frequencies. --- */

cg_status cg_embedder_add_document(cg_embedder *embedder, const char *text, size_t text_bytes,
                                   cg_error *error) {
    if (embedder->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a frozen embedder takes no more documents");
    }
    cg_status status = check_text(text, text_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    tally counts;
    tally_init(&counts, embedder, text, text_bytes);
    while (tally_next(&counts)) {
        for (uint32_t i = 0; i < counts.slot_count; i++) {
            int32_t feature = counts.slots[i].feature;
            if (feature != NO_FEATURE && embedder->frequencies[feature] < UINT32_MAX) {
                embedder->frequencies[feature]++;
            }
        }
    }
    embedder->documents++;
    return CG_OK;
}

cg_status cg_embedder_freeze(cg_embedder *embedder, cg_error *error) {
    if (embedder->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID, "the embedder is frozen already");
    }
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, embedder->options.dims);
    cg_hasher_add_u64(&hasher, embedder->options.feature_bits);
    cg_hasher_add_u64(&hasher, embedder->options.seed);
    cg_hasher_add_u64(&hasher, embedder->documents);
    for (uint32_t f = 0; f < embedder->feature_count; f++) {
        if (embedder->frequencies[f] > 0) {
            cg_hasher_add_u64(&hasher, (uint64_t)f << 32 | embedder->frequencies[f]);
        }
    }
    embedder->version = cg_hasher_value(&hasher);
    embedder->frozen = true;
    return CG_OK;
}

/* --- The heaviest features: a heap with the lightest of those kept on top. --- */

typedef struct weighed {
    uint32_t feature;
    double weight;
} weighed;

typedef struct heaviest {
    weighed items[CG_SPARSE_ENTRIES_MAX];
    uint32_t count;
} heaviest;

static bool lighter(weighed left, weighed right) {
    double left_size = left.weight < 0.0 ? -left.weight : left.weight;
    double right_size = right.weight < 0.0 ? -right.weight : right.weight;
    return left_size < right_size || (left_size == right_size && left.feature > right.feature);
}

static bool later(weighed left, weighed right) {
    return left.feature > right.feature;
}

/* Lets items[at] sink below those that come `before` it, in the heap items[count]. */
static void sink(weighed *items, uint32_t count, uint32_t at,
                 bool (*before)(weighed, weighed)) {
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && before(items[child + 1], items[child])) {
            child++;
        }
        if (!before(items[child], items[at])) {
            return;
        }
        weighed item = items[at];
        items[at] = items[child];
        items[child] = item;
        at = child;
    }
}

static void make_heap(weighed *items, uint32_t count, bool (*before)(weighed, weighed)) {
    for (uint32_t i = count / 2; i > 0; i--) {
        sink(items, count, i - 1, before);
    }
}

static void keep_heaviest(heaviest *kept, weighed item) {
    if (kept->count < CG_SPARSE_ENTRIES_MAX) {
        kept->items[kept->count++] = item;
        if (kept->count == CG_SPARSE_ENTRIES_MAX) {
            make_heap(kept->items, kept->count, lighter);
        }
    } else if (lighter(kept->items[0], item)) {
        kept->items[0] = item;
        sink(kept->items, kept->count, 0, lighter);
    }
}

static void sort_by_feature(heaviest *kept) {
    make_heap(kept->items, kept->count, later);
    for (uint32_t left = kept->count; left > 1; left--) {
        weighed last = kept->items[0];
        kept->items[0] = kept->items[left - 1];
        kept->items[left - 1] = last;
        sink(kept->items, left - 1, 0, later);
    }
}

/* --- Embedding. --- */

static double weight_of(const cg_embedder *embedder, uint32_t feature, int32_t sum) {
    double count = sum < 0 ? -(double)sum : (double)sum;
    double frequency = (double)embedder->frequencies[feature];
    double rarity = cg_log((1.0 + (double)embedder->documents) / (1.0 + frequency)) + 1.0;
    double weight = (1.0 + cg_log(count)) * rarity;
    return sum < 0 ? -weight : weight;
}

/* Fills kept with the text's heaviest features in ascending order; returns the number of
 * tokens. */
static uint64_t weigh_text(const cg_embedder *embedder, const char *text, size_t text_bytes,
                           heaviest *kept) {
    tally counts;
    tally_init(&counts, embedder, text, text_bytes);
    kept->count = 0;
    while (tally_next(&counts)) {
        for (uint32_t i = 0; i < counts.slot_count; i++) {
            tally_slot slot = counts.slots[i];
            if (slot.feature != NO_FEATURE && slot.sum != 0) {
                uint32_t feature = (uint32_t)slot.feature;
                keep_heaviest(kept, (weighed){feature, weight_of(embedder, feature, slot.sum)});
            }
        }
    }
    sort_by_feature(kept);
    return counts.tokens;
}

static void scale_to_unit(const heaviest *kept, cg_embedding *out) {
    double squares = 0.0;
    for (uint32_t i = 0; i < kept->count; i++) {
        squares += kept->items[i].weight * kept->items[i].weight;
    }
    double length = cg_sqrt(squares);
    for (uint32_t i = 0; i < kept->count; i++) {
        out->features[i] = kept->items[i].feature;
        out->weights[i] = (float)(kept->items[i].weight / length);
    }
    out->count = kept->count;
}

void cg_embed_project(const cg_embedder *embedder, cg_sparse sparse, float *dense,
                      cg_work *work) {
    uint32_t dims = embedder->options.dims;
    cg_stream signs = embedder->projection;
    double sums[CG_DIMS_MAX];
    memset(sums, 0, dims * sizeof *sums);
    for (uint32_t i = 0; i < sparse.count; i++) {
        double weight = (double)sparse.weights[i];
        signs.entity = sparse.features[i];
        for (uint32_t block = 0; block < dims; block += 64) {
            uint64_t bits = cg_stream_at(&signs, block / 64);
            uint32_t end = dims - block < 64 ? dims - block : 64;
            for (uint32_t d = 0; d < end; d++) {
                sums[block + d] += (bits >> d) & 1 ? weight : -weight;
            }
        }
    }
    double squares = 0.0;
    for (uint32_t d = 0; d < dims; d++) {
        squares += sums[d] * sums[d];
    }
    double length = cg_sqrt(squares);
    for (uint32_t d = 0; d < dims; d++) {
        dense[d] = length > 0.0 ? (float)(sums[d] / length) : 0.0f;
    }
    if (length == 0.0 && sparse.count > 0) {
        dense[0] = 1.0f; /* a vector of length zero would have no direction to compare */
    }
    cg_work_count(work, CG_WORK_PROJECT, 1, (uint64_t)sparse.count * dims);
}

cg_status cg_embed(const cg_embedder *embedder, const char *text, size_t text_bytes,
                   cg_embedding *out, cg_work *work, cg_error *error) {
    if (!embedder->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID, "an embedder must be frozen to embed");
    }
    if (text_bytes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "the text is empty");
    }
    cg_status status = check_text(text, text_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    heaviest kept;
    uint64_t tokens = weigh_text(embedder, text, text_bytes, &kept);
    cg_work_count(work, CG_WORK_TOKENISE, 1, text_bytes);
    if (kept.count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            tokens == 0 ? "the text of %zu bytes has no letter and no digit"
                                        : "all words of the text of %zu bytes cancel out",
                            text_bytes);
    }
    memset(out, 0, sizeof *out);
    scale_to_unit(&kept, out);
    cg_embed_project(embedder, cg_embedding_sparse(out), out->dense, work);
    return CG_OK;
}
