/* Dividing an index: who has which row, and what each host would hold.
 *
 * Sharded: codes of all shards are of the codec of the whole index, so distances are those of the
 * whole one, and can be compared between shards. */
#include "engine/index/shard.h"

#include "engine/base/hash.h"
#include "engine/index/shard_internal.h"

enum { OWNER_BYTES = 2, ROW_ID_BYTES = 4 };

const char *cg_distribution_name(cg_distribution distribution) {
    static const char *const names[CG_DISTRIBUTION_COUNT] = {"replicated", "sharded", "hybrid"};
    CG_ASSERT((unsigned)distribution < CG_DISTRIBUTION_COUNT);
    return names[distribution];
}

cg_shards_options cg_shards_options_default(cg_distribution distribution, uint32_t shards) {
    return (cg_shards_options){.distribution = distribution, .shards = shards, .centroids = 8};
}

static cg_status check(const cg_shards_options *options, const cg_index *index,
                       cg_error *error) {
    const uint32_t rows = cg_index_count(index);
    if (options->distribution != CG_DISTRIBUTION_SHARDED &&
        options->distribution != CG_DISTRIBUTION_HYBRID) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "distribution %u divides nothing; sharded and hybrid ones do",
                            (unsigned)options->distribution);
    }
    if (index->options.kind != CG_INDEX_HNSW || index->options.has_ids || rows == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s index of %u rows%s cannot be divided; it takes an HNSW index with "
            "rows, and without stored ids",
            index->options.kind == CG_INDEX_HNSW ? "an HNSW" : "a flat", rows,
            index->options.has_ids ? " with ids" : "");
    }
    if (options->shards < 1 || options->shards > CG_SHARDS_MAX || options->shards > rows ||
        options->centroids < 1 || options->centroids > CG_SHARD_CENTROIDS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%u shards with %u centroids each of %u rows; it takes 1 to %d shards, no "
            "more than rows, and 1 to %d centroids",
            options->shards, options->centroids, rows, (int)CG_SHARDS_MAX,
            (int)CG_SHARD_CENTROIDS_MAX);
    }
    for (uint32_t row = 0; options->owners && row < rows; ++row) {
        if (options->owners[row] >= options->shards) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "row %u belongs to shard %u; there are %u, from 0", row,
                                options->owners[row], options->shards);
        }
    }
    return CG_OK;
}

/* --- the table of all vectors, for the build alone --- */

static void fill_table(const cg_shards *shards, const cg_shards_options *options,
                       float *table) {
    const uint32_t dims = shards->index->options.dims;
    for (uint32_t row = 0; row < shards->rows; ++row) {
        float *to = table + (size_t)row * shards->padded;
        if (options->vector) {
            memcpy(to, options->vector(options->vector_context, row), dims * sizeof *to);
        } else {
            cg_index_vector(shards->index, row, to);
        }
    }
}

/* --- who has which row --- */

static cg_status choose_owners(cg_shards *shards, const cg_cluster_table *table,
                               const cg_runner *runner, cg_error *error) {
    const uint32_t count = shards->options.shards;
    const cg_allocator *allocator = &shards->allocator;
    const size_t bytes = cg_cluster_bytes(count, shards->padded);
    float *centroids = cg_allocate_aligned(allocator, bytes);
    if (!centroids) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u centroids", count);
    }
    cg_status status = cg_cluster_centroids(table, count, shards->options.seed, runner,
                                            allocator, centroids, error);
    if (status == CG_OK) {
        status = cg_cluster_divide(table, centroids, count, runner, allocator, shards->owners,
                                   error);
    }
    cg_deallocate_aligned(allocator, centroids, bytes);
    return status;
}

/* Counting sort by owner. */
static void list_members(cg_shards *shards) {
    const uint32_t count = shards->options.shards;
    for (uint32_t row = 0; row < shards->rows; ++row) {
        shards->first[shards->owners[row] + 1]++;
    }
    for (uint32_t shard = 0; shard < count; ++shard) {
        shards->first[shard + 1] += shards->first[shard];
    }
    for (uint32_t row = 0; row < shards->rows; ++row) {
        shards->members[shards->first[shards->owners[row]]++] = row;
    }
    for (uint32_t shard = count; shard > 0; --shard) { /* back by one place */
        shards->first[shard] = shards->first[shard - 1];
    }
    shards->first[0] = 0;
}

/* --- sharded --- */

static cg_status build_part(cg_shards *shards, uint32_t shard, const cg_cluster_table *table,
                            const cg_runner *runner, cg_error *error) {
    const cg_allocator *allocator = &shards->allocator;
    const uint32_t count = cg_shards_rows(shards, shard);
    const uint32_t *rows = shards->members + shards->first[shard];
    const uint32_t dims = shards->index->options.dims;
    const uint32_t k = count < shards->options.centroids ? count : shards->options.centroids;
    float *centroids =
        shards->centroids + (size_t)shard * shards->options.centroids * shards->padded;
    const size_t own_bytes = cg_cluster_bytes(count, shards->padded);
    if (count == 0) { /* such a shard is never nearest: it has nothing */
        return cg_index_alloc(&shards->index->options, *allocator, &shards->parts[shard],
                              error);
    }
    float *own = cg_allocate_aligned(allocator, own_bytes);
    float *packed = cg_allocate(allocator, (size_t)count * dims, sizeof *packed);
    cg_status status = CG_OK;
    if (!own || !packed) {
        status =
            cg_error_set(error, CG_ERROR_MEMORY, "no memory for a shard of %u rows", count);
    }
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        const float *from = table->vectors + (size_t)rows[i] * shards->padded;
        memcpy(own + (size_t)i * shards->padded, from, shards->padded * sizeof *own);
        memcpy(packed + (size_t)i * dims, from, dims * sizeof *packed);
    }
    const cg_cluster_table region = {own, count, shards->padded};
    if (status == CG_OK) {
        status = cg_cluster_centroids(&region, k, shards->options.seed + 1 + shard, runner,
                                      allocator, centroids, error);
    }
    for (uint32_t c = k; status == CG_OK && c < shards->options.centroids; ++c) {
        memcpy(centroids + (size_t)c * shards->padded, centroids, shards->padded * sizeof *own);
    }
    cg_index_options options = shards->index->options;
    options.capacity = 0;
    if (status == CG_OK) {
        status = cg_index_alloc(&options, *allocator, &shards->parts[shard], error);
    }
    if (status == CG_OK && cg_index_has_integers(shards->index)) {
        status = cg_index_train_like(shards->parts[shard], shards->index, error);
    }
    if (status == CG_OK) {
        const cg_index_rows added = {.vectors = packed, .count = count};
        status = cg_index_add(shards->parts[shard], &added, runner, NULL, error);
    }
    cg_deallocate_aligned(allocator, own, own_bytes);
    cg_deallocate(allocator, packed, packed ? (size_t)count * dims : 0, sizeof *packed);
    return status;
}

static cg_status build_sharded(cg_shards *shards, const cg_cluster_table *table,
                               const cg_runner *runner, cg_error *error) {
    const uint32_t count = shards->options.shards;
    shards->parts = cg_allocate(&shards->allocator, count, sizeof(cg_index *));
    shards->centroids = cg_allocate_aligned(
        &shards->allocator,
        cg_cluster_bytes(count * shards->options.centroids, shards->padded));
    if (!shards->parts || !shards->centroids) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u shards", count);
    }
    cg_status status = CG_OK;
    for (uint32_t shard = 0; status == CG_OK && shard < count; ++shard) {
        status = build_part(shards, shard, table, runner, error);
    }
    return status;
}

/* --- hybrid --- */

static cg_status build_hybrid(cg_shards *shards, cg_error *error) {
    const uint32_t count = shards->options.shards;
    const uint8_t *levels = shards->index->hnsw.levels;
    shards->tops = cg_allocate(&shards->allocator, count, sizeof *shards->tops);
    if (!shards->tops) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u shards", count);
    }
    for (uint32_t shard = 0; shard < count; ++shard) {
        shards->tops[shard] = CG_NO_ROW;
        for (uint32_t i = shards->first[shard]; i < shards->first[shard + 1]; ++i) {
            uint32_t row = shards->members[i];
            if (shards->tops[shard] == CG_NO_ROW || levels[row] > levels[shards->tops[shard]]) {
                shards->tops[shard] = row;
            }
        }
    }
    return CG_OK;
}

/* --- the life of all of it --- */

static cg_status build(cg_shards *shards, const cg_shards_options *options,
                       const cg_runner *runner, cg_error *error) {
    const cg_allocator *allocator = &shards->allocator;
    const size_t table_bytes = cg_cluster_bytes(shards->rows, shards->padded);
    bool needs_table = !options->owners || options->distribution == CG_DISTRIBUTION_SHARDED;
    float *vectors = needs_table ? cg_allocate_aligned(allocator, table_bytes) : NULL;
    shards->owners = cg_allocate(allocator, shards->rows, sizeof *shards->owners);
    shards->members = cg_allocate(allocator, shards->rows, sizeof *shards->members);
    shards->first = cg_allocate(allocator, options->shards + 1, sizeof *shards->first);
    cg_status status = CG_OK;
    if ((needs_table && !vectors) || !shards->owners || !shards->members || !shards->first) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to divide an index of %u rows",
                              shards->rows);
    }
    if (status == CG_OK && needs_table) {
        fill_table(shards, options, vectors);
    }
    const cg_cluster_table table = {vectors, shards->rows, shards->padded};
    if (status == CG_OK && options->owners) {
        memcpy(shards->owners, options->owners, shards->rows * sizeof *shards->owners);
    } else if (status == CG_OK) {
        status = choose_owners(shards, &table, runner, error);
    }
    if (status == CG_OK) {
        list_members(shards);
        status = options->distribution == CG_DISTRIBUTION_SHARDED
                     ? build_sharded(shards, &table, runner, error)
                     : build_hybrid(shards, error);
    }
    cg_deallocate_aligned(allocator, vectors, table_bytes);
    return status;
}

cg_status cg_shards_build(const cg_shards_options *options, const cg_index *index,
                          const cg_runner *runner, cg_allocator allocator, cg_shards **out,
                          cg_error *error) {
    cg_status status = check(options, index, error);
    if (status != CG_OK) {
        return status;
    }
    cg_shards *shards = cg_allocate(&allocator, 1, sizeof *shards);
    if (!shards) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a divided index");
    }
    shards->options = *options;
    shards->options.owners = NULL;
    shards->options.vector = NULL;
    shards->options.vector_context = NULL;
    shards->index = index;
    shards->allocator = allocator;
    shards->kernels = cg_kernels_best();
    shards->rows = cg_index_count(index);
    shards->padded = (uint32_t)cg_index_padded_dims(index);
    status = build(shards, options, runner, error);
    if (status != CG_OK) {
        cg_shards_free(shards);
        return status;
    }
    *out = shards;
    return CG_OK;
}

void cg_shards_free(cg_shards *shards) {
    if (!shards) {
        return;
    }
    cg_allocator allocator = shards->allocator;
    const uint32_t count = shards->options.shards;
    for (uint32_t shard = 0; shards->parts && shard < count; ++shard) {
        cg_index_free(shards->parts[shard]);
    }
    cg_deallocate(&allocator, shards->parts, shards->parts ? count : 0, sizeof(cg_index *));
    cg_deallocate_aligned(&allocator, shards->centroids,
                          cg_cluster_bytes(count * shards->options.centroids, shards->padded));
    cg_deallocate(&allocator, shards->tops, shards->tops ? count : 0, sizeof *shards->tops);
    cg_deallocate(&allocator, shards->owners, shards->owners ? shards->rows : 0,
                  sizeof *shards->owners);
    cg_deallocate(&allocator, shards->members, shards->members ? shards->rows : 0,
                  sizeof *shards->members);
    cg_deallocate(&allocator, shards->first, shards->first ? count + 1 : 0,
                  sizeof *shards->first);
    cg_deallocate(&allocator, shards, 1, sizeof *shards);
}

/* --- inspection --- */

const cg_shards_options *cg_shards_options_of(const cg_shards *shards) {
    return &shards->options;
}

const cg_index *cg_shards_index(const cg_shards *shards) {
    return shards->index;
}

uint32_t cg_shards_owner(const cg_shards *shards, uint32_t row) {
    return shards->owners[row];
}

uint32_t cg_shards_rows(const cg_shards *shards, uint32_t shard) {
    return shards->first[shard + 1] - shards->first[shard];
}

uint64_t cg_shards_hash(const cg_shards *shards) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, (uint64_t)shards->options.distribution);
    cg_hasher_add_u64(&hasher, shards->options.shards);
    cg_hasher_add_u64(&hasher, cg_index_hash(shards->index));
    cg_hasher_add_bytes(&hasher, shards->owners, shards->rows * sizeof *shards->owners);
    for (uint32_t shard = 0; shards->parts && shard < shards->options.shards; ++shard) {
        cg_hasher_add_u64(&hasher, cg_index_hash(shards->parts[shard]));
    }
    if (shards->centroids) {
        cg_hasher_add_bytes(&hasher, shards->centroids,
                            cg_cluster_bytes(shards->options.shards * shards->options.centroids,
                                             shards->padded));
    }
    return cg_hasher_value(&hasher);
}

uint64_t cg_shards_bytes(const cg_shards *shards) {
    uint64_t bytes = sizeof *shards + 2 * (uint64_t)shards->rows * sizeof(uint32_t) +
                     (shards->options.shards + 1) * sizeof *shards->first;
    for (uint32_t shard = 0; shards->parts && shard < shards->options.shards; ++shard) {
        bytes += cg_index_bytes(shards->parts[shard]);
    }
    if (shards->centroids) {
        bytes += cg_cluster_bytes(shards->options.shards * shards->options.centroids,
                                  shards->padded);
    }
    return bytes + (shards->tops ? shards->options.shards * sizeof *shards->tops : 0);
}

/* --- what a host would hold --- */

/* Codes of a row, in all forms. */
static uint64_t code_bytes(const cg_index *index) {
    return index->code_bytes + index->fuller_bytes +
           (cg_index_has_integers(index) ? sizeof *index->biases : 0);
}

/* Links of level 0, and the row's place in the graph. */
static uint64_t row_bytes(const cg_index *index) {
    return 2 * (uint64_t)index->options.m * sizeof(cg_link) + sizeof *index->hnsw.first_block +
           sizeof *index->hnsw.children + sizeof *index->hnsw.levels;
}

static uint64_t block_bytes(const cg_index *index) {
    return (uint64_t)index->options.m * sizeof(cg_link);
}

uint64_t cg_shards_replicated_bytes(const cg_index *index) {
    return cg_index_rows_in_use(index) * (code_bytes(index) + row_bytes(index)) +
           index->hnsw.block_count * block_bytes(index);
}

/* The rows above level 0: their codes and links, and whose they are; then the links of its own rows,
 * and the codes of those that are not above it. */
static uint64_t hybrid_bytes(const cg_shards *shards, uint32_t shard) {
    const cg_index *index = shards->index;
    uint64_t upper = 0;
    uint64_t own_upper = 0;
    for (uint32_t row = 0; row < shards->rows; ++row) {
        upper += index->hnsw.levels[row] > 0;
        own_upper += index->hnsw.levels[row] > 0 && shards->owners[row] == shard;
    }
    const uint64_t own = cg_shards_rows(shards, shard);
    return upper * (code_bytes(index) + ROW_ID_BYTES + OWNER_BYTES +
                    sizeof *index->hnsw.first_block + sizeof *index->hnsw.levels) +
           index->hnsw.block_count * block_bytes(index) +
           own * (row_bytes(index) + ROW_ID_BYTES) + (own - own_upper) * code_bytes(index);
}

uint64_t cg_shards_host_bytes(const cg_shards *shards, uint32_t shard) {
    if (shards->options.distribution == CG_DISTRIBUTION_HYBRID) {
        return hybrid_bytes(shards, shard);
    }
    return cg_shards_replicated_bytes(shards->parts[shard]) +
           (uint64_t)cg_shards_rows(shards, shard) * ROW_ID_BYTES +
           cg_cluster_bytes(shards->options.shards * shards->options.centroids, shards->padded);
}
