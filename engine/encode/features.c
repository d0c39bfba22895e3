/* Features by row: three arrays that grow by doubling.
 *
 * Dense vectors and spike patterns have a fixed stride and lie in 64-byte aligned blocks, since
 * decisions stream over them. Sparse entries of all rows lie one after another in two pools,
 * found by offsets: row r has entries offsets[r] .. offsets[r + 1] - 1.
 *
 * Invariant: capacities may run ahead of the count; what a failed append has grown is only
 * room.
 */
#include "engine/encode/features.h"

#include <string.h>

#include "engine/vector/vector.h"

enum { FIRST_ROWS = 16, DIMS_MULTIPLE = 16, DIMS_LIMIT = 1024 };

enum { CACHE_LINE_BYTES = 64 };

struct cg_features {
    cg_allocator allocator;
    cg_ttfs_options encoding;
    const cg_features *base;
    uint32_t base_count;
    uint32_t dims;
    uint32_t count;    /* own rows */
    size_t capacity;   /* own rows that dense and spikes have room for */
    float *dense;      /* [capacity * dims], aligned */
    int32_t *spikes;   /* [capacity * dims], aligned */
    uint64_t *offsets; /* [offset_capacity], count + 1 used */
    size_t offset_capacity;
    uint32_t *sparse_features; /* [feature_capacity] */
    size_t feature_capacity;
    float *sparse_weights; /* [weight_capacity] */
    size_t weight_capacity;
    cg_postings *postings; /* of own rows */
};

cg_status cg_features_alloc(uint32_t dims, const cg_ttfs_options *encoding,
                            const cg_features *base, cg_allocator allocator, cg_features **out,
                            cg_error *error) {
    if (dims == 0 || dims % DIMS_MULTIPLE != 0 || dims > DIMS_LIMIT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "features have %u dims; it must be a multiple of %d up to %d", dims,
                            DIMS_MULTIPLE, DIMS_LIMIT);
    }
    cg_status status = cg_ttfs_options_check(encoding, error);
    if (status != CG_OK) {
        return status;
    }
    if (base && (base->dims != dims || !cg_ttfs_options_equal(&base->encoding, encoding))) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "features of %u dims cannot stand on a base of %u dims or of another "
            "encoding; both must be the same",
            dims, base->dims);
    }
    cg_features *features = cg_allocate(&allocator, 1, sizeof *features);
    if (!features) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a store of features");
    }
    features->allocator = allocator;
    features->encoding = *encoding;
    features->base = base;
    features->base_count = base ? cg_features_count(base) : 0;
    features->dims = dims;
    status = cg_postings_alloc(allocator, &features->postings, error);
    if (status != CG_OK) {
        cg_deallocate(&allocator, features, 1, sizeof *features);
        return status;
    }
    *out = features;
    return CG_OK;
}

void cg_features_free(cg_features *features) {
    if (!features) {
        return;
    }
    cg_allocator allocator = features->allocator;
    size_t block_bytes = features->capacity * features->dims * sizeof(float);
    cg_deallocate_aligned(&allocator, features->dense, block_bytes);
    cg_deallocate_aligned(&allocator, features->spikes, block_bytes);
    cg_deallocate(&allocator, features->offsets, features->offset_capacity,
                  sizeof *features->offsets);
    cg_deallocate(&allocator, features->sparse_features, features->feature_capacity,
                  sizeof *features->sparse_features);
    cg_deallocate(&allocator, features->sparse_weights, features->weight_capacity,
                  sizeof *features->sparse_weights);
    cg_postings_free(features->postings);
    cg_deallocate(&allocator, features, 1, sizeof *features);
}

/* Room for one more row in both aligned blocks, which grow together or not at all. */
static cg_status grow_blocks(cg_features *features, cg_error *error) {
    if (features->count < features->capacity) {
        return CG_OK;
    }
    size_t grown = features->capacity ? features->capacity * 2 : FIRST_ROWS;
    size_t row_bytes = features->dims * sizeof(float);
    float *dense = cg_allocate_aligned(&features->allocator, grown * row_bytes);
    int32_t *spikes =
        dense ? cg_allocate_aligned(&features->allocator, grown * row_bytes) : NULL;
    if (!spikes) {
        cg_deallocate_aligned(&features->allocator, dense, grown * row_bytes);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory growing features from %zu to %zu rows",
                            features->capacity, grown);
    }
    if (features->count > 0) {
        memcpy(dense, features->dense, features->count * row_bytes);
        memcpy(spikes, features->spikes, features->count * row_bytes);
    }
    cg_deallocate_aligned(&features->allocator, features->dense,
                          features->capacity * row_bytes);
    cg_deallocate_aligned(&features->allocator, features->spikes,
                          features->capacity * row_bytes);
    features->dense = dense;
    features->spikes = spikes;
    features->capacity = grown;
    return CG_OK;
}

/* Room for one more row with `entries` sparse entries, and one spare, so that no pool is
 * NULL. */
static cg_status reserve(cg_features *features, uint32_t entries, cg_error *error) {
    size_t needed = (size_t)(features->offsets ? features->offsets[features->count] : 0);
    needed += (size_t)entries + 1;
    const cg_allocator *allocator = &features->allocator;
    cg_status status = CG_GROW(allocator, features->offsets, features->offset_capacity,
                               (size_t)features->count + 2, error);
    if (status == CG_OK) {
        status = CG_GROW(allocator, features->sparse_features, features->feature_capacity,
                         needed, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(allocator, features->sparse_weights, features->weight_capacity, needed,
                         error);
    }
    return status == CG_OK ? grow_blocks(features, error) : status;
}

cg_status cg_features_append(cg_features *features, const float *dense, cg_sparse sparse,
                             uint32_t *row, cg_work *work, cg_error *error) {
    uint32_t next = cg_features_count(features);
    if (next == UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "features hold %u rows and can hold no more",
                            next);
    }
    if (!cg_vector_is_finite(dense, features->dims)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the dense vector of row %u holds a NaN or an infinity; every "
                            "component must be finite",
                            next);
    }
    cg_status status = cg_sparse_check(sparse, "the sparse form of a row of features", error);
    if (status == CG_OK) {
        status = reserve(features, sparse.count, error);
    }
    if (status == CG_OK) {
        status = cg_postings_reserve(features->postings, sparse, error);
    }
    if (status != CG_OK) {
        return status;
    }
    size_t at = (size_t)features->count * features->dims;
    memcpy(features->dense + at, dense, features->dims * sizeof *dense);
    (void)cg_ttfs_encode(&features->encoding, dense, features->dims, features->spikes + at,
                         work);
    uint64_t from = features->offsets[features->count];
    if (sparse.count > 0) {
        memcpy(features->sparse_features + from, sparse.features,
               sparse.count * sizeof *sparse.features);
        memcpy(features->sparse_weights + from, sparse.weights,
               sparse.count * sizeof *sparse.weights);
    }
    features->offsets[features->count + 1] = from + sparse.count;
    cg_postings_add(features->postings, next, sparse);
    features->count++;
    *row = next;
    return CG_OK;
}

void cg_features_withdraw(cg_features *features, uint32_t row) {
    CG_ASSERT(row >= features->base_count);
    cg_postings_remove(features->postings, row, cg_features_row(features, row).sparse);
}

uint32_t cg_features_count(const cg_features *features) {
    return features->base_count + features->count;
}

uint32_t cg_features_dims(const cg_features *features) {
    return features->dims;
}

const cg_ttfs_options *cg_features_encoding(const cg_features *features) {
    return &features->encoding;
}

cg_feature_row cg_features_row(const cg_features *features, uint32_t row) {
    while (row < features->base_count) {
        features = features->base;
    }
    uint32_t own = row - features->base_count;
    CG_ASSERT(own < features->count);
    uint64_t from = features->offsets[own];
    return (cg_feature_row){
        .dense = features->dense + (size_t)own * features->dims,
        .spikes = features->spikes + (size_t)own * features->dims,
        .sparse = {.features = features->sparse_features + from,
                   .weights = features->sparse_weights + from,
                   .count = (uint32_t)(features->offsets[own + 1] - from)},
    };
}

static void prefetch(const void *from, size_t bytes) {
    const char *line = from;
    for (size_t at = 0; at < bytes; at += CACHE_LINE_BYTES) {
        __builtin_prefetch(line + at);
    }
}

void cg_features_prefetch_sparse(const cg_features *features, uint32_t row) {
    cg_sparse sparse = cg_features_row(features, row).sparse;
    prefetch(sparse.features, sparse.count * sizeof *sparse.features);
    prefetch(sparse.weights, sparse.count * sizeof *sparse.weights);
}

void cg_features_prefetch(const cg_features *features, uint32_t row) {
    cg_feature_row held = cg_features_row(features, row);
    prefetch(held.dense, features->dims * sizeof *held.dense);
    prefetch(held.spikes, features->dims * sizeof *held.spikes);
    cg_features_prefetch_sparse(features, row);
}

uint64_t cg_features_bytes(const cg_features *features) {
    return sizeof *features + features->capacity * features->dims * 2 * sizeof(float) +
           features->offset_capacity * sizeof *features->offsets +
           features->feature_capacity * sizeof *features->sparse_features +
           features->weight_capacity * sizeof *features->sparse_weights +
           cg_postings_bytes(features->postings);
}

uint32_t cg_features_frequency(const cg_features *features, uint32_t feature) {
    uint32_t count = 0;
    for (; features; features = features->base) {
        count += cg_postings_frequency(features->postings, feature);
    }
    return count;
}

void cg_features_each_holder(const cg_features *features, uint32_t feature,
                             cg_postings_visit visit, void *context) {
    for (; features; features = features->base) {
        cg_postings_each(features->postings, feature, visit, context);
    }
}
