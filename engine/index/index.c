#include "engine/index/index.h"

#include "engine/base/hash.h"
#include "engine/index/index_internal.h"

/* A repair when one in so many rows of the graph is a removed one. */
enum { REMOVED_SHARE = 5 };

/* One row in m - 1 has a block for each level above 0, on average; six deviations more. */
static uint32_t blocks_for(const cg_index_options *options) {
    uint64_t rows = options->capacity;
    uint64_t deviation = 1;
    while (deviation * deviation < rows) {
        deviation++;
    }
    return options->kind == CG_INDEX_HNSW
               ? (uint32_t)(rows / (options->m - 1) + 6 * deviation + CG_HNSW_LEVEL_MAX)
               : 0;
}

static cg_status alloc_parts(cg_index *index, cg_error *error) {
    const cg_index_options *options = &index->options;
    cg_status status = CG_OK;
    if (cg_index_has_integers(index)) {
        status = cg_codec_init(&index->codec, options->dims, &index->allocator, error);
    }
    if (status == CG_OK && options->has_ids) {
        status = cg_table_alloc(index->allocator, &index->row_of, error);
    }
    if (status == CG_OK && options->capacity > 0) {
        status = cg_index_reserve(index, options->capacity, blocks_for(options), error);
    }
    return status;
}

cg_status cg_index_alloc(const cg_index_options *options, cg_allocator allocator,
                         cg_index **out, cg_error *error) {
    cg_status status = cg_index_check_options(options, error);
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
    index->code_bytes = cg_precision_row_bytes(options->codes, options->dims);
    index->fuller_bytes = options->fuller == options->codes
                              ? 0
                              : cg_precision_row_bytes(options->fuller, options->dims);
    for (uint32_t level = 0; level <= CG_HNSW_LEVEL_MAX; level++) {
        index->hnsw.free_blocks[level] = CG_NO_ROW;
    }
    status = alloc_parts(index, error);
    if (status != CG_OK) {
        cg_index_free(index);
        return status;
    }
    *out = index;
    return CG_OK;
}

void cg_index_free(cg_index *index) {
    if (!index) {
        return;
    }
    cg_allocator allocator = index->allocator;
    cg_index_release(index);
    cg_index_scratch_free(index->writer);
    cg_table_free(index->row_of);
    cg_codec_deinit(&index->codec, &allocator);
    cg_deallocate(&allocator, index->free_rows, index->free_capacity, sizeof *index->free_rows);
    cg_deallocate(&allocator, index, 1, sizeof *index);
}

static cg_status check_rows(const cg_index *index, const float *vectors, uint32_t count,
                            cg_error *error) {
    for (uint32_t i = 0; i < count; i++) {
        const float *vector = vectors + (size_t)i * index->options.dims;
        cg_status status = cg_index_check_vector(index, vector, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "row %u of the %u given: ", i, count);
            return status;
        }
    }
    return CG_OK;
}

cg_status cg_index_train(cg_index *index, const float *sample, uint32_t count,
                         cg_error *error) {
    if (cg_index_row_limit(index) > 0 || count == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a sample of %u rows for an index of %u; training needs a sample of "
            "at least 1 and an empty index",
            count, cg_index_row_limit(index));
    }
    cg_status status = check_rows(index, sample, count, error);
    if (status == CG_OK && cg_index_has_integers(index)) {
        status = cg_codec_train(&index->codec, sample, count,
                                index->options.metric != CG_METRIC_INNER_PRODUCT,
                                &index->allocator, error);
    }
    return status;
}

cg_status cg_index_train_like(cg_index *index, const cg_index *trained, cg_error *error) {
    const cg_index_options *ours = &index->options;
    const cg_index_options *theirs = &trained->options;
    if (cg_index_row_limit(index) > 0 || ours->dims != theirs->dims ||
        ours->codes != theirs->codes || ours->metric != theirs->metric) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a codec of %u dims, %s codes and metric %d for an index of %u rows, "
            "%u dims, %s codes and metric %d; it needs an empty index of the "
            "same kind",
            theirs->dims, cg_precision_name(theirs->codes), (int)theirs->metric,
            cg_index_row_limit(index), ours->dims, cg_precision_name(ours->codes),
            (int)ours->metric);
    }
    if (cg_index_has_integers(index)) {
        index->codec.step = trained->codec.step;
        memcpy(index->codec.centre, trained->codec.centre,
               ours->dims * sizeof *index->codec.centre);
    }
    return CG_OK;
}

/* An addition under way: what it needs, got before anything changes. */
typedef struct addition {
    const cg_index_rows *given;
    uint32_t *rows; /* [given->count] where they go */
    cg_hnsw_need need;
    cg_hnsw_build *build;
    bool is_first_sample; /* the codec was trained for this */
} addition;

static cg_status find_room(cg_index *index, addition *add, cg_error *error) {
    const uint32_t count = add->given->count;
    const uint32_t limit =
        index->options.capacity > 0 ? index->options.capacity : CG_INDEX_ROWS_MAX;
    const uint32_t row_limit = cg_index_row_limit(index);
    const uint32_t free_count = index->free_count;
    if (count > limit - row_limit && count - (limit - row_limit) > free_count) {
        return cg_error_set(
            error, CG_ERROR_FULL, "%u rows cannot be added to %u; the index holds at most %u%s",
            count, row_limit - free_count, limit,
            index->removed_count > 0 ? ", removed ones not yet repaired among them" : "");
    }
    if (index->options.kind == CG_INDEX_HNSW) {
        add->need = cg_hnsw_needs(index, add->given->ids, count);
    } else {
        add->need.rows = row_limit + (count > free_count ? count - free_count : 0);
    }
    if (index->options.capacity > 0 && add->need.blocks > index->hnsw.block_capacity) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "the ids of %u rows ask for more upper levels than an index of "
                            "capacity %u has room for; ids spread by chance do not",
                            count, index->options.capacity);
    }
    add->rows = cg_allocate(&index->allocator, count, sizeof *add->rows);
    if (!add->rows) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to add %u rows", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        add->rows[i] =
            i < free_count ? index->free_rows[free_count - 1 - i] : row_limit + i - free_count;
    }
    return CG_OK;
}

static void forget_training(cg_index *index) {
    index->codec.step = 0.0f;
    memset(index->codec.centre, 0, index->codec.dims * sizeof *index->codec.centre);
}

/* Everything that can fail. */
static cg_status prepare(cg_index *index, addition *add, const cg_runner *runner,
                         cg_error *error) {
    cg_status status = check_rows(index, add->given->vectors, add->given->count, error);
    if (status == CG_OK) {
        status = find_room(index, add, error);
    }
    if (status == CG_OK && cg_index_has_integers(index) && index->codec.step <= 0.0f) {
        status = cg_codec_train(&index->codec, add->given->vectors, add->given->count,
                                index->options.metric != CG_METRIC_INNER_PRODUCT,
                                &index->allocator, error);
        add->is_first_sample = status == CG_OK;
    }
    if (status == CG_OK && index->options.kind == CG_INDEX_HNSW) {
        status = cg_hnsw_build_alloc(index, &add->need, runner, &add->build, error);
    }
    if (status == CG_OK) {
        status = cg_index_reserve(index, add->need.rows, add->need.blocks, error);
    }
    if (status != CG_OK && add->is_first_sample) {
        forget_training(index);
    }
    return status;
}

static void finish(cg_index *index, const addition *add) {
    cg_hnsw_build_free(add->build);
    cg_deallocate(&index->allocator, add->rows, add->given->count, sizeof *add->rows);
}

static void store_and_link(cg_index *index, const addition *add, const cg_runner *runner,
                           cg_work *work) {
    const uint32_t count = add->given->count;
    const uint32_t used = count < index->free_count ? count : index->free_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = add->rows[i];
        cg_index_store(index, row, add->given->vectors + (size_t)i * index->options.dims);
        if (index->ids) {
            index->ids[row] = add->given->ids[i];
            cg_index_set_removed(index, row, false);
        }
    }
    if (add->build) {
        cg_hnsw_build_run(add->build, add->rows, count, runner, work);
    } else {
        atomic_store_explicit(&index->row_limit, cg_index_row_limit(index) + count - used,
                              memory_order_release);
    }
    index->free_count -= used;
    index->reuses += used > 0;
}

static void forget_ids(cg_index *index, const uint64_t *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        (void)cg_table_remove(index->row_of, ids[i]);
    }
}

/* On failure none is kept. */
static cg_status take_new_ids(cg_index *index, const addition *add, cg_error *error) {
    const uint64_t *ids = add->given->ids;
    for (uint32_t i = 0; i < add->given->count; i++) {
        uint64_t row = 0;
        cg_status status = CG_OK;
        if (cg_table_get(index->row_of, ids[i], &row)) {
            status = cg_error_set(error, CG_ERROR_EXISTS,
                                  "row %u of the %u given: id %llu is in the index already, or "
                                  "comes twice",
                                  i, add->given->count, (unsigned long long)ids[i]);
        } else {
            status = cg_table_put(index->row_of, ids[i], add->rows[i], error);
        }
        if (status != CG_OK) {
            forget_ids(index, ids, i);
            return status;
        }
    }
    return CG_OK;
}

static void unmark(cg_index *index, const uint64_t *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t row = 0;
        bool is_held = cg_table_get(index->row_of, ids[i], &row);
        CG_ASSERT(is_held);
        cg_index_set_removed(index, (uint32_t)row, false);
    }
    index->removed_count -= count;
}

/* Marks the rows of these ids as removed, still under their ids; all or none. */
static cg_status mark_held(cg_index *index, const uint64_t *ids, uint32_t count,
                           cg_error *error) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t row = 0;
        bool is_held = cg_table_get(index->row_of, ids[i], &row);
        if (!is_held || cg_index_is_removed(index, (uint32_t)row)) {
            unmark(index, ids, i);
            return cg_error_set(error, CG_ERROR_NOT_FOUND, "id %llu (%u of the %u given) %s",
                                (unsigned long long)ids[i], i, count,
                                is_held ? "comes twice" : "is not in the index");
        }
        cg_index_set_removed(index, (uint32_t)row, true);
        index->removed_count++;
    }
    return CG_OK;
}

/* Gives removed rows' places back when there are many. Without memory for it they stay as they
 * are, out of sight, and the next removal tries again. */
static void repair_if_due(cg_index *index, const cg_runner *runner, cg_work *work) {
    uint64_t removed = index->removed_count;
    if (removed > 0 && removed * REMOVED_SHARE >= cg_index_rows_in_use(index)) {
        (void)cg_index_repair(index, runner, work, NULL);
    }
}

static cg_status check_ids_wanted(const cg_index *index, bool are_given, cg_error *error) {
    if (are_given == index->options.has_ids) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        are_given
                            ? "ids are given, but this index computes them; leave them out"
                            : "this index stores ids, but none are given");
}

cg_status cg_index_add(cg_index *index, const cg_index_rows *rows, const cg_runner *runner,
                       cg_work *work, cg_error *error) {
    if (rows->count == 0) {
        return CG_OK;
    }
    cg_status status = check_ids_wanted(index, rows->ids != NULL, error);
    if (status != CG_OK) {
        return status;
    }
    addition add = {.given = rows};
    status = prepare(index, &add, runner, error);
    if (status == CG_OK && rows->ids) {
        status = take_new_ids(index, &add, error);
    }
    if (status == CG_OK) {
        store_and_link(index, &add, runner, work);
    } else if (add.is_first_sample) {
        forget_training(index);
    }
    finish(index, &add);
    return status;
}

cg_status cg_index_update(cg_index *index, const cg_index_rows *rows, const cg_runner *runner,
                          cg_work *work, cg_error *error) {
    if (rows->count == 0) {
        return CG_OK;
    }
    if (!index->options.has_ids || !rows->ids) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an update needs ids, and an index that stores them");
    }
    cg_status status = mark_held(index, rows->ids, rows->count, error);
    if (status != CG_OK) {
        return status;
    }
    addition add = {.given = rows};
    status = prepare(index, &add, runner, error);
    if (status == CG_OK) {
        store_and_link(index, &add, runner, work);
        for (uint32_t i = 0; i < rows->count; i++) { /* the id is there: needs no memory */
            (void)cg_table_put(index->row_of, rows->ids[i], add.rows[i], NULL);
        }
    } else {
        unmark(index, rows->ids, rows->count);
    }
    finish(index, &add);
    if (status == CG_OK) {
        repair_if_due(index, runner, work);
    }
    return status;
}

cg_status cg_index_remove(cg_index *index, const uint64_t *ids, uint32_t count,
                          const cg_runner *runner, cg_work *work, cg_error *error) {
    if (!index->options.has_ids) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a removal needs an index that stores ids; this one computes them");
    }
    cg_status status = mark_held(index, ids, count, error);
    if (status == CG_OK) {
        forget_ids(index, ids, count);
        repair_if_due(index, runner, work);
    }
    return status;
}

cg_status cg_index_repair(cg_index *index, const cg_runner *runner, cg_work *work,
                          cg_error *error) {
    const uint32_t removed = index->removed_count;
    if (removed == 0) {
        return CG_OK;
    }
    size_t free_capacity = index->free_capacity;
    cg_status status = CG_GROW(&index->allocator, index->free_rows, free_capacity,
                               (size_t)index->free_count + removed, error);
    index->free_capacity = free_capacity;
    if (status == CG_OK && index->options.kind == CG_INDEX_HNSW) {
        status = cg_hnsw_repair(index, runner, work, error);
    }
    if (status != CG_OK) {
        return status;
    }
    uint32_t free_count = 0;
    for (uint32_t row = cg_index_row_limit(index); row-- > 0;) {
        if (cg_index_is_removed(index, row)) {
            index->free_rows[free_count++] = row;
        }
    }
    CG_ASSERT(free_count == index->free_count + removed);
    index->removed_count = 0;
    index->free_count = free_count;
    return CG_OK;
}

uint32_t cg_index_rows_in_use(const cg_index *index) {
    return cg_index_row_limit(index) - index->free_count;
}

uint32_t cg_index_count(const cg_index *index) {
    return cg_index_rows_in_use(index) - index->removed_count;
}

bool cg_index_has(const cg_index *index, uint64_t id) {
    uint64_t row = 0;
    return index->row_of && cg_table_get(index->row_of, id, &row);
}

const cg_index_options *cg_index_options_of(const cg_index *index) {
    return &index->options;
}

void cg_index_vector(const cg_index *index, uint32_t row, float *out) {
    CG_ASSERT(row < cg_index_row_limit(index));
    const uint32_t dims = index->options.dims;
    const cg_precision form = index->fuller ? index->options.fuller : index->options.codes;
    const uint8_t *bytes = index->fuller ? index->fuller + (size_t)row * index->fuller_bytes
                                         : index->codes + (size_t)row * index->code_bytes;
    if (form == CG_PRECISION_F32) {
        memcpy(out, bytes, dims * sizeof *out);
    } else if (form == CG_PRECISION_F16) {
        cg_f16_decode((const uint16_t *)(const void *)bytes, dims, out);
    } else {
        cg_codec_decode_i8(&index->codec, (const int8_t *)bytes, out);
    }
}

uint64_t cg_index_hash(const cg_index *index) {
    const uint32_t row_limit = cg_index_row_limit(index);
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, cg_index_count(index));
    for (uint32_t d = 0; d < index->codec.dims; d++) {
        cg_hasher_add_f32(&hasher, index->codec.centre[d]);
    }
    cg_hasher_add_f32(&hasher, index->codec.step);
    for (uint32_t row = 0; row < row_limit; row++) {
        if (cg_index_is_removed(index, row)) {
            cg_hasher_add_u64(&hasher, UINT64_MAX);
            continue;
        }
        cg_hasher_add_u64(&hasher, cg_index_id(index, row));
        cg_hasher_add_bytes(&hasher, index->codes + (size_t)row * index->code_bytes,
                            index->code_bytes);
        if (index->fuller) {
            cg_hasher_add_bytes(&hasher, index->fuller + (size_t)row * index->fuller_bytes,
                                index->fuller_bytes);
        }
    }
    uint64_t value = cg_hasher_value(&hasher);
    return index->options.kind == CG_INDEX_HNSW ? cg_hnsw_hash(index, value) : value;
}

uint64_t cg_index_bytes(const cg_index *index) {
    return sizeof *index + cg_index_rows_bytes(index) +
           index->free_capacity * (uint64_t)sizeof *index->free_rows +
           index->codec.dims * (uint64_t)sizeof(float) +
           (index->row_of ? cg_table_bytes(index->row_of) : 0) +
           (index->writer ? cg_index_scratch_bytes(index->writer) : 0);
}

uint32_t cg_index_reachable(const cg_index *index, cg_allocator allocator) {
    return index->options.kind == CG_INDEX_HNSW ? cg_hnsw_reachable(index, allocator)
                                                : cg_index_rows_in_use(index);
}
