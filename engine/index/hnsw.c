/* Storage and inspection of the HNSW graph.
 *
 * Level: the paper draws floor(-ln(u) / ln(m)); here u is a hash of the row, and the comparison
 * of u with m^-1, m^-2 ... needs no logarithm. The same row always has the same level.
 */
#include "engine/base/hash.h"
#include "engine/index/index_internal.h"

uint32_t cg_hnsw_level(const cg_index_options *options, uint32_t row) {
    uint64_t draw = cg_hash_u64(row, options->seed);
    uint64_t bound = UINT64_MAX / options->m;
    uint32_t level = 0;
    while (level < CG_HNSW_LEVEL_MAX && draw < bound) {
        level++;
        bound /= options->m;
    }
    return level;
}

uint32_t cg_hnsw_width(const cg_index *index, uint32_t level) {
    return level == 0 ? 2 * index->options.m : index->options.m;
}

uint32_t *cg_hnsw_links(const cg_index *index, uint32_t row, uint32_t level) {
    const cg_hnsw *hnsw = &index->hnsw;
    if (level == 0) {
        return hnsw->links + (size_t)row * 2 * index->options.m;
    }
    return hnsw->blocks + ((size_t)hnsw->first_block[row] + level - 1) * index->options.m;
}

uint32_t cg_hnsw_link_count(const uint32_t *links, uint32_t width) {
    uint32_t count = 0;
    while (count < width && links[count] != CG_NO_ROW) {
        count++;
    }
    return count;
}

/* One array of the graph while it grows: old and new, so that either all change or none. */
typedef struct growth {
    void *old;
    void *grown;
    size_t used_bytes;
    size_t old_bytes;
    size_t new_bytes;
} growth;

enum { LINKS, BLOCKS, FIRST_BLOCK, PARENTS, CHILDREN, LEVELS, ARRAYS };

static void describe(const cg_index *index, uint32_t rows, uint32_t blocks, growth *arrays) {
    const cg_hnsw *hnsw = &index->hnsw;
    const size_t m = index->options.m;
    const size_t count = index->count;
    const size_t capacity = index->capacity;
    const size_t row_bytes[ARRAYS] = {
        [LINKS] = 2 * m * sizeof(uint32_t),  [BLOCKS] = m * sizeof(uint32_t),
        [FIRST_BLOCK] = sizeof(uint32_t),    [PARENTS] = sizeof(uint32_t),
        [CHILDREN] = sizeof *hnsw->children, [LEVELS] = sizeof *hnsw->levels,
    };
    void *const old[ARRAYS] = {
        [LINKS] = hnsw->links,
        [BLOCKS] = hnsw->blocks,
        [FIRST_BLOCK] = hnsw->first_block,
        [PARENTS] = hnsw->parents,
        [CHILDREN] = hnsw->children,
        [LEVELS] = hnsw->levels,
    };
    for (int i = 0; i < ARRAYS; i++) {
        bool is_block = i == BLOCKS;
        arrays[i] = (growth){
            .old = old[i],
            .used_bytes = (is_block ? hnsw->block_count : count) * row_bytes[i],
            .old_bytes = (is_block ? hnsw->block_capacity : capacity) * row_bytes[i],
            .new_bytes = (is_block ? blocks : rows) * row_bytes[i],
        };
    }
}

cg_status cg_hnsw_reserve(cg_index *index, uint32_t rows, uint32_t blocks, cg_error *error) {
    growth arrays[ARRAYS];
    describe(index, rows, blocks, arrays);
    for (int i = 0; i < ARRAYS; i++) {
        if (arrays[i].new_bytes <= arrays[i].old_bytes) {
            arrays[i].grown = arrays[i].old;
            continue;
        }
        arrays[i].grown = cg_allocate_aligned(&index->allocator, arrays[i].new_bytes);
        if (arrays[i].grown) {
            continue;
        }
        for (int j = 0; j < i; j++) {
            if (arrays[j].grown != arrays[j].old) {
                cg_deallocate_aligned(&index->allocator, arrays[j].grown, arrays[j].new_bytes);
            }
        }
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of HNSW links of %u rows; add fewer rows",
                            arrays[i].new_bytes, rows);
    }
    for (int i = 0; i < ARRAYS; i++) {
        if (arrays[i].grown != arrays[i].old && arrays[i].old) {
            memcpy(arrays[i].grown, arrays[i].old, arrays[i].used_bytes);
            cg_deallocate_aligned(&index->allocator, arrays[i].old, arrays[i].old_bytes);
        }
    }
    cg_hnsw *hnsw = &index->hnsw;
    hnsw->links = arrays[LINKS].grown;
    hnsw->blocks = arrays[BLOCKS].grown;
    hnsw->first_block = arrays[FIRST_BLOCK].grown;
    hnsw->parents = arrays[PARENTS].grown;
    hnsw->children = arrays[CHILDREN].grown;
    hnsw->levels = arrays[LEVELS].grown;
    hnsw->block_capacity = blocks > hnsw->block_capacity ? blocks : hnsw->block_capacity;
    return CG_OK;
}

void cg_hnsw_deinit(cg_index *index) {
    growth arrays[ARRAYS];
    describe(index, 0, 0, arrays);
    for (int i = 0; i < ARRAYS; i++) {
        if (arrays[i].old) {
            cg_deallocate_aligned(&index->allocator, arrays[i].old, arrays[i].old_bytes);
        }
    }
}

uint64_t cg_hnsw_bytes(const cg_index *index) {
    growth arrays[ARRAYS];
    describe(index, 0, 0, arrays);
    uint64_t total_bytes = 0;
    for (int i = 0; i < ARRAYS; i++) {
        total_bytes += arrays[i].old_bytes;
    }
    return total_bytes;
}

uint64_t cg_hnsw_hash(const cg_index *index, uint64_t seed) {
    const cg_hnsw *hnsw = &index->hnsw;
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, seed);
    if (index->count > 0) {
        cg_hasher_add_u64(&hasher, hnsw->entry_point);
        cg_hasher_add_u64(&hasher, hnsw->top_level);
    }
    for (uint32_t row = 0; row < index->count; row++) {
        cg_hasher_add_u64(&hasher, hnsw->levels[row]);
        cg_hasher_add_u64(&hasher, hnsw->parents[row]);
        for (uint32_t level = 0; level <= hnsw->levels[row]; level++) {
            const uint32_t *links = cg_hnsw_links(index, row, level);
            uint32_t count = cg_hnsw_link_count(links, cg_hnsw_width(index, level));
            cg_hasher_add_u64(&hasher, count);
            for (uint32_t i = 0; i < count; i++) {
                cg_hasher_add_u64(&hasher, links[i]);
            }
        }
    }
    return cg_hasher_value(&hasher);
}

uint32_t cg_hnsw_reachable(const cg_index *index, cg_allocator allocator) {
    if (index->count == 0) {
        return 0;
    }
    uint32_t reached = 0;
    uint32_t *queue = cg_allocate(&allocator, index->count, sizeof *queue);
    uint8_t *seen = cg_allocate(&allocator, index->count, sizeof *seen);
    if (queue && seen) {
        uint32_t width = cg_hnsw_width(index, 0);
        queue[reached++] = index->hnsw.entry_point;
        seen[index->hnsw.entry_point] = 1;
        for (uint32_t next = 0; next < reached; next++) {
            const uint32_t *links = cg_hnsw_links(index, queue[next], 0);
            uint32_t count = cg_hnsw_link_count(links, width);
            for (uint32_t i = 0; i < count; i++) {
                if (!seen[links[i]]) {
                    seen[links[i]] = 1;
                    queue[reached++] = links[i];
                }
            }
        }
    }
    cg_deallocate(&allocator, seen, index->count, sizeof *seen);
    cg_deallocate(&allocator, queue, index->count, sizeof *queue);
    return reached;
}
