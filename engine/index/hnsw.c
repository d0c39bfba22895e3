/* Storage and inspection of the HNSW graph.
 *
 * Level: the paper draws floor(-ln(u) / ln(m)); here u is a hash of the shard-local id, and the
 * comparison of u with m^-1, m^-2 ... needs no logarithm. The same id always has the same level.
 */
#include "engine/base/bug.h"
#include "engine/base/hash.h"
#include "engine/index/index_internal.h"

uint32_t cg_hnsw_level(const cg_index_options *options, uint64_t id) {
    uint64_t draw = cg_hash_u64(id, options->seed);
#ifdef CORTIGRID_BUGS
    if (CG_BUG(LEVEL_BY_INSERTION)) {
        draw = cg_hash_u64(cg_bug_count(), options->seed);
    }
#endif
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

static cg_link *block_links(const cg_index *index, uint32_t block) {
    return index->hnsw.blocks + (size_t)block * index->options.m;
}

cg_link *cg_hnsw_links(const cg_index *index, uint32_t row, uint32_t level) {
    const cg_hnsw *hnsw = &index->hnsw;
    if (level == 0) {
        return hnsw->links + (size_t)row * 2 * index->options.m;
    }
    return block_links(index, hnsw->first_block[row] + level - 1);
}

uint32_t cg_hnsw_copy_links(const cg_index *index, uint32_t row, uint32_t level,
                            uint32_t *links) {
    const cg_link *from = cg_hnsw_links(index, row, level);
    uint32_t width = cg_hnsw_width(index, level);
    uint32_t count = 0;
    while (count < width && (links[count] = cg_link_get(from + count)) != CG_NO_ROW) {
        count++;
    }
    return count;
}

uint32_t cg_hnsw_parent(const cg_index *index, uint32_t row) {
    return cg_link_get(cg_hnsw_links(index, row, 0));
}

bool cg_hnsw_is_child(const cg_index *index, uint32_t row, uint32_t child) {
    return child != row && cg_hnsw_parent(index, child) == row;
}

uint32_t cg_hnsw_top_level(const cg_index *index) {
    return (uint32_t)(atomic_load_explicit(&index->hnsw.entry, memory_order_acquire) &
                      ((1u << CG_HNSW_ENTRY_LEVEL_BITS) - 1));
}

void cg_hnsw_set_entry(cg_index *index, uint32_t row) {
    uint64_t entry = (uint64_t)row << CG_HNSW_ENTRY_LEVEL_BITS | index->hnsw.levels[row];
    atomic_store_explicit(&index->hnsw.entry, entry, memory_order_release);
}

void cg_hnsw_place_row(cg_index *index, uint32_t row, uint32_t level) {
    cg_hnsw *hnsw = &index->hnsw;
    hnsw->levels[row] = (uint8_t)level;
    hnsw->children[row] = 0;
    hnsw->first_block[row] = hnsw->block_count;
    if (level > 0 && hnsw->free_blocks[level] != CG_NO_ROW) {
        hnsw->first_block[row] = hnsw->free_blocks[level];
        hnsw->free_blocks[level] = cg_link_get(block_links(index, hnsw->first_block[row]));
        hnsw->free_block_count[level]--;
    } else {
        CG_ASSERT(level <= hnsw->block_capacity - hnsw->block_count);
        hnsw->block_count += level;
    }
    for (uint32_t l = 0; l <= level; l++) {
        cg_link *links = cg_hnsw_links(index, row, l);
        for (uint32_t i = 0; i < cg_hnsw_width(index, l); i++) {
            cg_link_set(links + i, CG_NO_ROW);
        }
    }
}

void cg_hnsw_free_blocks(cg_index *index, uint32_t row) {
    cg_hnsw *hnsw = &index->hnsw;
    uint32_t level = hnsw->levels[row];
    if (level > 0) {
        cg_link_set(block_links(index, hnsw->first_block[row]), hnsw->free_blocks[level]);
        hnsw->free_blocks[level] = hnsw->first_block[row];
        hnsw->free_block_count[level]++;
        hnsw->levels[row] = 0;
    }
}

static bool is_in_graph(const cg_index *index, uint32_t row) {
    return cg_hnsw_parent(index, row) != CG_NO_ROW;
}

uint64_t cg_hnsw_hash(const cg_index *index, uint64_t seed) {
    const cg_hnsw *hnsw = &index->hnsw;
    const uint32_t row_limit = cg_index_row_limit(index);
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, seed);
    if (cg_index_rows_in_use(index) > 0) {
        cg_hasher_add_u64(&hasher, atomic_load(&hnsw->entry));
    }
    for (uint32_t row = 0; row < row_limit; row++) {
        cg_hasher_add_u64(&hasher, hnsw->levels[row]);
        for (uint32_t level = 0; level <= hnsw->levels[row]; level++) {
            uint32_t links[CG_INDEX_LINKS_MAX];
            uint32_t count = cg_hnsw_copy_links(index, row, level, links);
            cg_hasher_add_u64(&hasher, count);
            for (uint32_t i = 0; i < count; i++) {
                cg_hasher_add_u64(&hasher, links[i]);
            }
        }
    }
    return cg_hasher_value(&hasher);
}

uint32_t cg_hnsw_reachable(const cg_index *index, cg_allocator allocator) {
    const uint32_t row_limit = cg_index_row_limit(index);
    if (cg_index_rows_in_use(index) == 0) {
        return 0;
    }
    uint32_t reached = 0;
    uint32_t *queue = cg_allocate(&allocator, row_limit, sizeof *queue);
    uint8_t *seen = cg_allocate(&allocator, row_limit, sizeof *seen);
    if (queue && seen) {
        uint32_t entry =
            (uint32_t)(atomic_load(&index->hnsw.entry) >> CG_HNSW_ENTRY_LEVEL_BITS);
        queue[reached++] = entry;
        seen[entry] = 1;
        for (uint32_t next = 0; next < reached; next++) {
            uint32_t links[CG_INDEX_LINKS_MAX];
            uint32_t count = cg_hnsw_copy_links(index, queue[next], 0, links);
            for (uint32_t i = 0; i < count; i++) {
                CG_ASSERT(is_in_graph(index, links[i]));
                if (!seen[links[i]]) {
                    seen[links[i]] = 1;
                    queue[reached++] = links[i];
                }
            }
        }
    }
    cg_deallocate(&allocator, seen, row_limit, sizeof *seen);
    cg_deallocate(&allocator, queue, row_limit, sizeof *queue);
    return reached;
}
