/* A search, from query to hits: candidates on the codes, then the few nearest of those that may
 * be found, ordered by the fuller form.
 *
 * Which rows may be found is not the graph's business: removed rows and rows outside the query's
 * set lead on like any other. With a share s of the rows allowed, the k nearest allowed ones are
 * among the k / s nearest on average, so the beam is widened by 2k (1 / s - 1). Where few are
 * allowed it is cheaper to compare them one by one: a beam over a graph of n rows takes some 20
 * distances for each of its ef + 2k n / p places, and p of them cost less where p is below
 * sqrt(20 n (ef + 2k)).
 */
#include "engine/index/index_internal.h"

enum { DISTANCES_A_PLACE = 20, RERANK_MORE = 10, FLOAT_LANES = 16 };

/* Squares of the length of a float vector that was normalised stay far within this of 1. */
static const float unit_length_tolerance = 1e-3f;

cg_status cg_index_check_vector(const cg_index *index, const float *vector, cg_error *error) {
    const cg_index_options *options = &index->options;
    if (!cg_vector_is_finite(vector, options->dims)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the vector has an element that is not finite; all %u must be finite",
            options->dims);
    }
    if (options->metric == CG_METRIC_COSINE) {
        const uint32_t whole = options->dims / FLOAT_LANES * FLOAT_LANES;
        float square = index->kernels->dot_f32(vector, vector, whole);
        for (uint32_t d = whole; d < options->dims; d++) {
            square += vector[d] * vector[d];
        }
        if (!(square > 1.0f - unit_length_tolerance && square < 1.0f + unit_length_tolerance)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "the vector's squared length is %g; under the cosine metric it "
                                "must be 1",
                                (double)square);
        }
    }
    return CG_OK;
}

static cg_status check_query(const cg_index *index, const cg_index_query *query,
                             cg_error *error) {
    if (query->k == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query asks for k = 0 results; k must be at least 1");
    }
    if (query->rows && query->rows->index != index) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query's row set was made for another index");
    }
    if (query->rows && query->rows->reuses != index->reuses) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query's row set is out of date: places of removed rows have "
                            "been given to others since it was made");
    }
    cg_status status = cg_index_check_vector(index, query->vector, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "the query: ");
    }
    return status;
}

static bool may_be_found(const cg_index *index, const cg_row_set *rows, uint32_t row) {
    return !cg_index_is_removed(index, row) && (!rows || cg_row_set_has(rows, row));
}

/* Drops what may not be found; at most `most` are kept. */
static uint32_t keep_allowed(const cg_index *index, const cg_row_set *rows, uint64_t *keys,
                             uint32_t count, uint32_t most) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && kept < most; i++) {
        uint64_t key = keys[i] & ~UINT64_C(1);
        if (may_be_found(index, rows, cg_key_row(key))) {
            keys[kept++] = key;
        }
    }
    return kept;
}

typedef struct plan {
    uint32_t wanted;  /* candidates that may be found */
    uint32_t width;   /* of the beam */
    uint32_t allowed; /* rows that may be found, at most */
    bool is_flat;
} plan;

static uint32_t at_most(uint64_t value, uint32_t most) {
    return value < most ? (uint32_t)value : most;
}

static plan plan_of(const cg_index *index, const cg_index_query *query, uint32_t row_limit) {
    plan result = {.wanted = query->k, .allowed = at_most(cg_index_count(index), row_limit)};
    uint64_t ef = query->ef > query->k ? query->ef : query->k;
    if (index->fuller && query->rerank > query->k) {
        result.wanted = query->rerank;
        ef = ef > query->rerank ? ef : query->rerank;
    } else if (index->fuller && query->rerank == 0) {
        result.wanted = at_most(2 * (uint64_t)query->k + RERANK_MORE, at_most(ef, UINT32_MAX));
    }
    result.is_flat = index->options.kind == CG_INDEX_FLAT;
    if (query->rows) {
        uint64_t rows = row_limit;
        uint64_t passing = query->rows->count;
        result.allowed = query->rows->count;
        result.is_flat =
            result.is_flat ||
            passing * passing < DISTANCES_A_PLACE * rows * (ef + 2 * (uint64_t)query->k);
        ef += passing > 0 ? 2 * (uint64_t)query->k * (rows - passing) / passing : 0;
    }
    uint32_t removed = index->removed_count;
    ef += removed > 0 ? ef * removed / (row_limit - removed + 1) : 0;
    result.width = at_most(ef, row_limit);
    result.wanted = at_most(result.wanted, row_limit);
    return result;
}

/* Candidates on the codes, ascending, into the scratch's keys; *count of them. */
static cg_status find_candidates(const cg_index *index, const cg_index_query *query,
                                 const cg_probe *probe, plan how, cg_index_scratch *scratch,
                                 uint32_t *count, cg_work *work, cg_error *error) {
    if (how.is_flat) {
        *count = cg_flat_search(index, probe, how.wanted, query->rows, scratch, work);
        return CG_OK;
    }
    const uint32_t most = probe->view.row_limit;
    for (;;) {
        *count = cg_hnsw_search(index, probe, how.width, scratch, work);
        *count = keep_allowed(index, query->rows, scratch->keys, *count, how.wanted);
        if (*count >= at_most(query->k, how.allowed) || how.width >= most) {
            return CG_OK;
        }
        how.width = how.width > most / 2 ? most : 2 * how.width;
        cg_status status = cg_index_scratch_reserve(scratch, index, 0, how.width, error);
        if (status != CG_OK) {
            return status;
        }
    }
}

static uint64_t id_of(const cg_index *index, const cg_index_query *query, uint32_t row) {
    return query->id_of ? query->id_of(query->id_context, row) : cg_index_id(index, row);
}

cg_status cg_index_search(const cg_index *index, const cg_index_query *query,
                          cg_index_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                          cg_work *work, cg_error *error) {
    cg_status status = check_query(index, query, error);
    if (status != CG_OK) {
        return status;
    }
    if (cg_index_rows_in_use(index) == 0) {
        *found = 0;
        return CG_OK;
    }
    status = cg_index_scratch_reserve(scratch, index, 0, 0, error);
    if (status != CG_OK) {
        return status;
    }
    cg_probe probe = cg_probe_of_query(index, query, scratch);
    plan how = plan_of(index, query, probe.view.row_limit);
    uint32_t room = how.width > how.wanted ? how.width : how.wanted;
    status = cg_index_scratch_reserve(scratch, index, how.is_flat ? 0 : index->capacity, room,
                                      error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t count = 0;
    status = find_candidates(index, query, &probe, how, scratch, &count, work, error);
    if (status != CG_OK) {
        return status;
    }
    if (index->fuller) {
        cg_index_rerank(index, scratch->vector, scratch->keys, count, work);
    }
    count = at_most(query->k, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = scratch->keys[i];
        hits[i] = (cg_index_hit){
            .id = id_of(index, query, cg_key_row(key)),
            .row = cg_key_row(key),
            .distance = index->fuller ? cg_key_distance(key)
                                      : cg_index_key_distance(index, &probe, key),
        };
    }
    *found = count;
    return CG_OK;
}

cg_status cg_index_scratch_alloc(cg_allocator allocator, cg_index_scratch **out,
                                 cg_error *error) {
    cg_index_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
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
    cg_visited_deinit(&scratch->visited, &allocator);
    cg_deallocate_aligned(&allocator, scratch->vector, scratch->vector_bytes);
    cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
}

uint64_t cg_index_scratch_bytes(const cg_index_scratch *scratch) {
    return sizeof *scratch + scratch->key_capacity * (uint64_t)sizeof *scratch->keys +
           cg_visited_bytes(&scratch->visited) + scratch->vector_bytes;
}

cg_status cg_index_scratch_reserve(cg_index_scratch *scratch, const cg_index *index,
                                   size_t rows, size_t keys, cg_error *error) {
    const cg_allocator *allocator = &scratch->allocator;
    const size_t vector_bytes =
        cg_index_padded_dims(index) * sizeof(float) +
        cg_precision_row_bytes(CG_PRECISION_I8, index->options.dims); /* the query's code */
    if (vector_bytes > scratch->vector_bytes) {
        float *vector = cg_allocate_aligned(allocator, vector_bytes);
        if (!vector) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a query of %u dims",
                                index->options.dims);
        }
        cg_deallocate_aligned(allocator, scratch->vector, scratch->vector_bytes);
        scratch->vector = vector;
        scratch->vector_bytes = vector_bytes;
    }
    cg_status status = cg_visited_reserve(&scratch->visited, allocator, rows, error);
    if (status != CG_OK) {
        return status;
    }
    return CG_GROW(allocator, scratch->keys, scratch->key_capacity, keys, error);
}
