#include "engine/index/index.h"

#include "engine/base/hash.h"
#include "engine/index/index_internal.h"

/* Squares of the length of a float vector that was normalised stay far within this of 1. */
static const float unit_length_tolerance = 1e-3f;

cg_index_options cg_index_options_default(cg_index_kind kind, uint32_t dims) {
    return (cg_index_options){
        .kind = kind,
        .metric = CG_METRIC_COSINE,
        .dims = dims,
        .m = 16,
        .ef_construction = 100,
        .seed = 1,
    };
}

static cg_status check_options(const cg_index_options *options, cg_error *error) {
    if (options->kind != CG_INDEX_FLAT && options->kind != CG_INDEX_HNSW) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index kind is %d; it must be flat (0) or HNSW (1)",
                            (int)options->kind);
    }
    if (options->metric != CG_METRIC_COSINE && options->metric != CG_METRIC_L2) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index metric is %d; it must be cosine (0) or L2 (1)",
                            (int)options->metric);
    }
    if (options->dims < CG_INDEX_DIMS_MIN || options->dims > CG_INDEX_DIMS_MAX ||
        options->dims % 16 != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index dims are %u; they must be a multiple of 16 in [%d, %d]",
                            options->dims, CG_INDEX_DIMS_MIN, CG_INDEX_DIMS_MAX);
    }
    if (options->kind == CG_INDEX_FLAT) {
        return CG_OK;
    }
    if (options->m < CG_INDEX_M_MIN || options->m > CG_INDEX_M_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index m is %u; it must be in [%d, %d]", options->m,
                            CG_INDEX_M_MIN, CG_INDEX_M_MAX);
    }
    if (options->ef_construction < options->m ||
        options->ef_construction > CG_INDEX_EF_CONSTRUCTION_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index ef_construction is %u; it must be in [m = %u, %d]",
                            options->ef_construction, options->m, CG_INDEX_EF_CONSTRUCTION_MAX);
    }
    return CG_OK;
}

cg_status cg_index_alloc(const cg_index_options *options, cg_allocator allocator,
                         cg_index **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_index *index = cg_allocate(&allocator, 1, sizeof *index);
    if (!index) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for an index of %zu bytes",
                            sizeof *index);
    }
    index->options = *options;
    index->allocator = allocator;
    index->kernels = cg_kernels_best();
    *out = index;
    return CG_OK;
}

static size_t vectors_bytes(const cg_index *index, uint32_t rows) {
    return (size_t)rows * index->options.dims * sizeof(float);
}

void cg_index_free(cg_index *index) {
    if (!index) {
        return;
    }
    cg_hnsw_deinit(index);
    if (index->vectors) {
        cg_deallocate_aligned(&index->allocator, index->vectors,
                              vectors_bytes(index, index->capacity));
    }
    cg_allocator allocator = index->allocator;
    cg_deallocate(&allocator, index, 1, sizeof *index);
}

/* Exactly what is needed at first (most indexes are built at once), then by half as much
 * again. */
static uint32_t grown_capacity(uint32_t capacity, uint32_t needed, uint32_t limit) {
    uint32_t more = capacity > limit - capacity / 2 ? limit : capacity + capacity / 2;
    if (needed <= capacity) {
        return capacity;
    }
    return needed > more ? needed : more;
}

cg_status cg_index_reserve(cg_index *index, uint32_t rows, uint32_t blocks, cg_error *error) {
    uint32_t row_capacity = grown_capacity(index->capacity, rows, CG_INDEX_ROWS_MAX);
    uint32_t block_capacity =
        grown_capacity(index->hnsw.block_capacity, blocks, CG_INDEX_ROWS_MAX);
    size_t new_bytes = vectors_bytes(index, row_capacity);
    float *vectors = index->vectors;
    if (row_capacity > index->capacity) {
        vectors = cg_allocate_aligned(&index->allocator, new_bytes);
        if (!vectors) {
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "no memory for %zu bytes of vectors of %u rows; add fewer rows",
                                new_bytes, row_capacity);
        }
    }
    if (index->options.kind == CG_INDEX_HNSW) {
        cg_status status = cg_hnsw_reserve(index, row_capacity, block_capacity, error);
        if (status != CG_OK) {
            if (vectors != index->vectors) {
                cg_deallocate_aligned(&index->allocator, vectors, new_bytes);
            }
            return status;
        }
    }
    if (vectors != index->vectors && index->vectors) {
        memcpy(vectors, index->vectors, vectors_bytes(index, index->count));
        cg_deallocate_aligned(&index->allocator, index->vectors,
                              vectors_bytes(index, index->capacity));
    }
    index->vectors = vectors;
    index->capacity = row_capacity;
    return CG_OK;
}

static cg_status check_vector(const cg_index *index, const float *vector, cg_error *error) {
    const cg_index_options *options = &index->options;
    if (!cg_vector_is_finite(vector, options->dims)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the vector has an element that is not finite; all %u must be finite",
            options->dims);
    }
    if (options->metric == CG_METRIC_COSINE) {
        float square = index->kernels->dot_f32(vector, vector, options->dims);
        if (!(square > 1.0f - unit_length_tolerance && square < 1.0f + unit_length_tolerance)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "the vector's squared length is %g; under the cosine metric it "
                                "must be 1",
                                (double)square);
        }
    }
    return CG_OK;
}

cg_status cg_index_add(cg_index *index, const float *vectors, uint32_t count,
                       const cg_runner *runner, cg_work *work, cg_error *error) {
    if (count == 0) {
        return CG_OK;
    }
    if (count > CG_INDEX_ROWS_MAX - index->count) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "%u rows cannot be added to %u; an index holds at most %u", count,
                            index->count, CG_INDEX_ROWS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        const float *vector = vectors + (size_t)i * index->options.dims;
        cg_status status = check_vector(index, vector, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "row %u (%u of %u added): ", index->count + i, i, count);
            return status;
        }
    }
    if (index->options.kind == CG_INDEX_HNSW) {
        return cg_hnsw_add(index, vectors, count, runner, work, error);
    }
    cg_status status = cg_index_reserve(index, index->count + count, 0, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(index->vectors + (size_t)index->count * index->options.dims, vectors,
           vectors_bytes(index, count));
    index->count += count;
    return CG_OK;
}

cg_status cg_index_search(const cg_index *index, const cg_index_query *query,
                          cg_index_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                          cg_work *work, cg_error *error) {
    const cg_index_options *options = &index->options;
    if (query->k == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query asks for k = 0 results; k must be at least 1");
    }
    cg_status status = check_vector(index, query->vector, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "the query: ");
        return status;
    }
    if (index->count == 0) {
        *found = 0;
        return CG_OK;
    }
    bool is_hnsw = options->kind == CG_INDEX_HNSW;
    uint32_t width = is_hnsw && query->ef > query->k ? query->ef : query->k;
    width = width < index->count ? width : index->count;
    status = cg_index_scratch_reserve(scratch, is_hnsw ? index->capacity : 0, width, error);
    if (status != CG_OK) {
        return status;
    }
    const float *vector = query->vector;
    if (query->flip_bits) {
        cg_vector_flip(vector, options->dims, query->flip_bits, scratch->flipped);
        vector = scratch->flipped;
    }
    uint32_t count = is_hnsw ? cg_hnsw_search(index, vector, width, scratch, work)
                             : cg_flat_search(index, vector, width, scratch, work);
    count = count < query->k ? count : query->k;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = cg_key_row(scratch->keys[i]);
        hits[i] = (cg_index_hit){
            .id = query->id_of ? query->id_of(query->id_context, row) : options->first_id + row,
            .row = row,
            .distance = cg_key_distance(scratch->keys[i]),
        };
    }
    *found = count;
    return CG_OK;
}

cg_status cg_index_scratch_alloc(cg_allocator allocator, cg_index_scratch **out,
                                 cg_error *error) {
    cg_index_scratch *scratch = cg_allocate_aligned(&allocator, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for a search scratch of %zu bytes", sizeof *scratch);
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

void cg_index_scratch_free(cg_index_scratch *scratch) {
    if (!scratch) {
        return;
    }
    cg_allocator allocator = scratch->allocator;
    cg_deallocate(&allocator, scratch->keys, scratch->key_capacity, sizeof *scratch->keys);
    cg_deallocate(&allocator, scratch->marks, scratch->mark_capacity, sizeof *scratch->marks);
    cg_deallocate_aligned(&allocator, scratch, sizeof *scratch);
}

uint64_t cg_index_scratch_bytes(const cg_index_scratch *scratch) {
    return sizeof *scratch + scratch->key_capacity * (uint64_t)sizeof *scratch->keys +
           scratch->mark_capacity * (uint64_t)sizeof *scratch->marks;
}

cg_status cg_index_scratch_reserve(cg_index_scratch *scratch, size_t rows, size_t keys,
                                   cg_error *error) {
    if (rows > scratch->mark_capacity) {
        uint16_t *marks = cg_allocate(&scratch->allocator, rows, sizeof *marks);
        if (!marks) {
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "no memory for the visited marks of a search over %zu rows",
                                rows);
        }
        cg_deallocate(&scratch->allocator, scratch->marks, scratch->mark_capacity,
                      sizeof *marks);
        scratch->marks = marks;
        scratch->mark_capacity = rows;
        scratch->epoch = 0;
    }
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->keys, scratch->key_capacity, keys, error);
    return status;
}

uint32_t cg_index_count(const cg_index *index) {
    return index->count;
}

const cg_index_options *cg_index_options_of(const cg_index *index) {
    return &index->options;
}

const float *cg_index_vector(const cg_index *index, uint32_t row) {
    CG_ASSERT(row < index->count);
    return cg_index_row(index, row);
}

uint64_t cg_index_hash(const cg_index *index) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, index->count);
    for (size_t i = 0; i < (size_t)index->count * index->options.dims; i++) {
        cg_hasher_add_f32(&hasher, index->vectors[i]);
    }
    uint64_t value = cg_hasher_value(&hasher);
    return index->options.kind == CG_INDEX_HNSW ? cg_hnsw_hash(index, value) : value;
}

uint64_t cg_index_bytes(const cg_index *index) {
    return sizeof *index + vectors_bytes(index, index->capacity) + cg_hnsw_bytes(index);
}

uint32_t cg_index_reachable(const cg_index *index, cg_allocator allocator) {
    return index->options.kind == CG_INDEX_HNSW ? cg_hnsw_reachable(index, allocator)
                                                : index->count;
}
