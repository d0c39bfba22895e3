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
 * instead of by word: the frequencies then take a fixed size.
 *
 * Known value: with no document counted, "dog dog cat" weighs dog : cat as 1 + ln 2 : 1.
 */
#include "engine/fact/embed.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/fact/embed_internal.h"
#include "engine/fact/heaviest.h"

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

/* --- Document frequencies. --- */

cg_status cg_embedder_use_lemmas(cg_embedder *embedder, const cg_lemmas *lemmas,
                                 cg_error *error) {
    if (embedder->frozen || embedder->documents > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "lemmas must be given before the first document and the freezing");
    }
    if (!cg_lemmas_frozen(lemmas)) {
        return cg_error_set(error, CG_ERROR_INVALID, "lemmas must be frozen to embed with");
    }
    embedder->lemmas = lemmas;
    return CG_OK;
}

cg_status cg_embedder_add_document(cg_embedder *embedder, const char *text, size_t text_bytes,
                                   cg_error *error) {
    if (embedder->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a frozen embedder takes no more documents");
    }
    cg_status status = cg_tally_check_text(text, text_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_tally_source source = cg_embedder_source(embedder, text, text_bytes);
    cg_tally counts;
    cg_tally_init(&counts, &source);
    while (cg_tally_next(&counts)) {
        for (uint32_t i = 0; i < counts.slot_count; i++) {
            int32_t feature = counts.slots[i].feature;
            if (feature != CG_TALLY_NO_FEATURE && embedder->frequencies[feature] < UINT32_MAX) {
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
    if (embedder->lemmas) {
        cg_hasher_add_u64(&hasher, cg_lemmas_hash(embedder->lemmas));
    }
    embedder->version = cg_hasher_value(&hasher);
    embedder->frozen = true;
    return CG_OK;
}

/* --- Embedding. --- */

static double weight_of(const cg_embed_counts *counts, uint32_t feature, int32_t sum) {
    double count = sum < 0 ? -(double)sum : (double)sum;
    double frequency =
        (double)(counts->vocabulary ? cg_vocabulary_frequency(counts->vocabulary, feature)
                                    : counts->embedder->frequencies[feature]);
    double rarity = cg_log((1.0 + (double)counts->documents) / (1.0 + frequency)) + 1.0;
    double weight = (1.0 + cg_log(count)) * rarity;
    return sum < 0 ? -weight : weight;
}

/* Fills kept with the text's heaviest features in ascending order; returns the number of
 * tokens. */
static uint64_t weigh_text(const cg_embed_counts *counts, const char *text, size_t text_bytes,
                           cg_heaviest *kept) {
    cg_tally_source source = cg_embedder_source(counts->embedder, text, text_bytes);
    cg_tally sums;
    cg_tally_init(&sums, &source);
    kept->count = 0;
    while (cg_tally_next(&sums)) {
        for (uint32_t i = 0; i < sums.slot_count; i++) {
            cg_tally_slot slot = sums.slots[i];
            if (slot.feature != CG_TALLY_NO_FEATURE && slot.sum != 0) {
                uint32_t feature = (uint32_t)slot.feature;
                cg_heaviest_offer(kept,
                                  (cg_weighed){feature, weight_of(counts, feature, slot.sum)});
            }
        }
    }
    cg_heaviest_sort(kept);
    return sums.tokens;
}

static void scale_to_unit(const cg_heaviest *kept, cg_embedding *out) {
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

cg_status cg_embed_check_text(const char *text, size_t text_bytes, cg_error *error) {
    if (text_bytes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "the text is empty");
    }
    return cg_tally_check_text(text, text_bytes, error);
}

cg_status cg_embed_refuse_tokenless(size_t text_bytes, cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID,
                        "the text of %zu bytes has no letter and no digit", text_bytes);
}

cg_status cg_embed_text(const cg_embed_counts *counts, const char *text, size_t text_bytes,
                        cg_embedding *out, cg_work *work, cg_error *error) {
    cg_status status = cg_embed_check_text(text, text_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_heaviest kept;
    uint64_t tokens = weigh_text(counts, text, text_bytes, &kept);
    cg_work_count(work, CG_WORK_TOKENISE, 1, text_bytes);
    if (tokens == 0) {
        return cg_embed_refuse_tokenless(text_bytes, error);
    }
    if (kept.count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "all words of the text of %zu bytes cancel out", text_bytes);
    }
    memset(out, 0, sizeof *out);
    scale_to_unit(&kept, out);
    cg_embed_project(counts->embedder, cg_embedding_sparse(out), out->dense, work);
    return CG_OK;
}

cg_status cg_embed(const cg_embedder *embedder, const char *text, size_t text_bytes,
                   cg_embedding *out, cg_work *work, cg_error *error) {
    if (!embedder->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID, "an embedder must be frozen to embed");
    }
    cg_embed_counts counts = {.embedder = embedder, .documents = embedder->documents};
    return cg_embed_text(&counts, text, text_bytes, out, work, error);
}
