/* Storage of an index: one block of memory for each array, all grown together or not at all. */
#include "engine/index/index_internal.h"

enum {
    CODES,
    BIASES,
    FULLER,
    IDS,
    REMOVED,
    LINKS,
    FIRST_BLOCK,
    CHILDREN,
    LEVELS,
    BLOCKS, /* the one that is sized by blocks, not by rows */
    ARRAYS
};

typedef struct arrays {
    void *at[ARRAYS];
} arrays;

static size_t array_bytes(const cg_index *index, int array, uint32_t rows, uint32_t blocks) {
    const bool is_hnsw = index->options.kind == CG_INDEX_HNSW;
    const size_t m = index->options.m;
    const size_t count = rows;
    switch (array) {
    case CODES:
        return count * index->code_bytes;
    case BIASES:
        return cg_index_has_integers(index) ? count * sizeof *index->biases : 0;
    case FULLER:
        return count * index->fuller_bytes;
    case IDS:
        return index->options.has_ids ? count * sizeof *index->ids : 0;
    case REMOVED:
        return index->options.has_ids ? (count + 63) / 64 * sizeof *index->removed : 0;
    case LINKS:
        return is_hnsw ? count * 2 * m * sizeof *index->hnsw.links : 0;
    case FIRST_BLOCK:
        return is_hnsw ? count * sizeof *index->hnsw.first_block : 0;
    case CHILDREN:
        return is_hnsw ? count * sizeof *index->hnsw.children : 0;
    case LEVELS:
        return is_hnsw ? count * sizeof *index->hnsw.levels : 0;
    case BLOCKS:
        return (size_t)blocks * m * sizeof *index->hnsw.blocks;
    default:
        return 0;
    }
}

static arrays arrays_of(const cg_index *index) {
    return (arrays){{
        [CODES] = index->codes,
        [BIASES] = index->biases,
        [FULLER] = index->fuller,
        [IDS] = index->ids,
        [REMOVED] = index->removed,
        [LINKS] = index->hnsw.links,
        [FIRST_BLOCK] = index->hnsw.first_block,
        [CHILDREN] = index->hnsw.children,
        [LEVELS] = index->hnsw.levels,
        [BLOCKS] = index->hnsw.blocks,
    }};
}

static void set_arrays(cg_index *index, const arrays *grown) {
    index->codes = grown->at[CODES];
    index->biases = grown->at[BIASES];
    index->fuller = grown->at[FULLER];
    index->ids = grown->at[IDS];
    index->removed = grown->at[REMOVED];
    index->hnsw.links = grown->at[LINKS];
    index->hnsw.first_block = grown->at[FIRST_BLOCK];
    index->hnsw.children = grown->at[CHILDREN];
    index->hnsw.levels = grown->at[LEVELS];
    index->hnsw.blocks = grown->at[BLOCKS];
}

/* Frees those given that are not among the kept. */
static void free_arrays(cg_index *index, const arrays *given, const arrays *kept, uint32_t rows,
                        uint32_t blocks) {
    for (int i = 0; i < ARRAYS; i++) {
        if (given->at[i] && given->at[i] != kept->at[i]) {
            cg_deallocate_aligned(&index->allocator, given->at[i],
                                  array_bytes(index, i, rows, blocks));
        }
    }
}

/* Exactly what is needed at first (most indexes are built at once), then by half as much
 * again. */
static uint32_t grown_capacity(const cg_index *index, uint32_t capacity, uint32_t needed) {
    const uint32_t limit = CG_INDEX_ROWS_MAX;
    uint32_t more = capacity > limit - capacity / 2 ? limit : capacity + capacity / 2;
    if (needed <= capacity) {
        return capacity;
    }
    return needed > more || index->options.capacity > 0 ? needed : more;
}

cg_status cg_index_reserve(cg_index *index, uint32_t rows, uint32_t blocks, cg_error *error) {
    const uint32_t old_rows = index->capacity;
    const uint32_t old_blocks = index->hnsw.block_capacity;
    const uint32_t new_rows = grown_capacity(index, old_rows, rows);
    const uint32_t new_blocks = grown_capacity(index, old_blocks, blocks);
    if (new_rows == old_rows && new_blocks == old_blocks) {
        return CG_OK; /* and nothing is written: searches may be reading it */
    }
    const arrays old = arrays_of(index);
    arrays grown = old;
    for (int i = 0; i < ARRAYS; i++) {
        size_t bytes = array_bytes(index, i, new_rows, new_blocks);
        if (bytes == array_bytes(index, i, old_rows, old_blocks)) {
            continue;
        }
        grown.at[i] = cg_allocate_aligned(&index->allocator, bytes);
        if (!grown.at[i]) {
            grown.at[i] = old.at[i];
            free_arrays(index, &grown, &old, new_rows, new_blocks);
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "no memory for %zu bytes of an index of %u rows", bytes,
                                new_rows);
        }
    }
    for (int i = 0; i < ARRAYS; i++) {
        if (grown.at[i] != old.at[i] && old.at[i]) {
            memcpy(grown.at[i], old.at[i], array_bytes(index, i, old_rows, old_blocks));
        }
    }
    free_arrays(index, &old, &grown, old_rows, old_blocks);
    set_arrays(index, &grown);
    index->capacity = new_rows;
    index->hnsw.block_capacity = new_blocks;
    return CG_OK;
}

void cg_index_release(cg_index *index) {
    const arrays old = arrays_of(index);
    const arrays none = {{0}};
    free_arrays(index, &old, &none, index->capacity, index->hnsw.block_capacity);
    set_arrays(index, &none);
}

uint64_t cg_index_rows_bytes(const cg_index *index) {
    uint64_t total_bytes = 0;
    for (int i = 0; i < ARRAYS; i++) {
        total_bytes += array_bytes(index, i, index->capacity, index->hnsw.block_capacity);
    }
    return total_bytes;
}

static void store_form(cg_precision precision, const float *vector, uint32_t dims,
                       uint8_t *out) {
    if (precision == CG_PRECISION_F32) {
        memcpy(out, vector, dims * sizeof *vector);
    } else {
        cg_f16_encode(vector, dims, (uint16_t *)(void *)out);
    }
}

/* The padding of a row was zeroed with its array and is never written. */
void cg_index_store(cg_index *index, uint32_t row, const float *vector) {
    const cg_index_options *options = &index->options;
    uint8_t *code = index->codes + (size_t)row * index->code_bytes;
    if (!cg_index_has_integers(index)) {
        store_form(options->codes, vector, options->dims, code);
    } else {
        const int8_t *codes = (const int8_t *)code;
        cg_codec_encode_i8(&index->codec, vector, (int8_t *)code);
        index->biases[row] = options->metric == CG_METRIC_INNER_PRODUCT
                                 ? 0
                                 : index->kernels->dot_i8(codes, codes, index->codec.code_dims);
    }
    if (index->fuller) {
        store_form(options->fuller, vector, options->dims,
                   index->fuller + (size_t)row * index->fuller_bytes);
    }
}
