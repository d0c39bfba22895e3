/* The invariants of an index and its graph (engine/index/hnsw.h), checked row by row. */
#ifndef CG_TESTS_SUPPORT_INDEX_CHECK_H
#define CG_TESTS_SUPPORT_INDEX_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "engine/index/index_internal.h"
#include "tests/support/support.h"

static inline bool check_is_in_graph(const cg_index *index, uint32_t row) {
    return cg_hnsw_parent(index, row) != CG_NO_ROW;
}

/* One list: what is used comes first, names no row twice and only rows that may be there. */
static inline void check_list(const cg_index *index, uint32_t row, uint32_t level,
                              uint32_t *last_seen) {
    const cg_hnsw *hnsw = &index->hnsw;
    const uint32_t row_limit = cg_index_row_limit(index);
    const uint32_t stamp = row * (CG_HNSW_LEVEL_MAX + 1) + level;
    const cg_link *links = cg_hnsw_links(index, row, level);
    bool has_ended = false;
    for (uint32_t i = 0; i < cg_hnsw_width(index, level); i++) {
        uint32_t link = cg_link_get(links + i);
        has_ended = has_ended || link == CG_NO_ROW;
        if (has_ended) {
            assert_int_equal(link, CG_NO_ROW);
            continue;
        }
        assert_true(link < row_limit);
        assert_true(check_is_in_graph(index, link));
        assert_true(hnsw->levels[link] >= level);
        assert_true(link != row || (level == 0 && i == 0)); /* the root */
        assert_true(last_seen[link] != stamp);
        last_seen[link] = stamp;
    }
}

/* Every row has the root above it, mutual links on the way, and no more children than allowed.
 * below: uint32_t[row_limit], zeroed. */
static inline void check_tree(const cg_index *index, uint32_t *below) {
    const uint32_t row_limit = cg_index_row_limit(index);
    uint32_t roots = 0;
    for (uint32_t row = 0; row < row_limit; row++) {
        if (!check_is_in_graph(index, row)) {
            continue;
        }
        uint32_t parent = cg_hnsw_parent(index, row);
        roots += parent == row;
        uint32_t links[CG_INDEX_LINKS_MAX];
        uint32_t count = cg_hnsw_copy_links(index, parent, 0, links);
        uint32_t place = 0;
        while (place < count && links[place] != row) {
            place++;
        }
        assert_true(place < count);
        below[parent] += parent != row;
        uint32_t steps = 0;
        for (uint32_t at = row; at != cg_hnsw_parent(index, at);) {
            at = cg_hnsw_parent(index, at);
            assert_true(++steps < row_limit);
        }
    }
    assert_int_equal(roots, cg_index_rows_in_use(index) > 0);
    for (uint32_t row = 0; row < row_limit; row++) {
        if (check_is_in_graph(index, row)) {
            assert_int_equal(index->hnsw.children[row], below[row]);
            assert_true(below[row] <= index->options.m / 2);
        }
    }
}

/* Upper blocks belong to one row each, or are free. */
static inline void check_blocks(const cg_index *index) {
    const cg_hnsw *hnsw = &index->hnsw;
    uint8_t *owners = calloc(hnsw->block_count + 1u, 1);
    assert_non_null(owners);
    for (uint32_t row = 0; row < cg_index_row_limit(index); row++) {
        for (uint32_t l = 0; check_is_in_graph(index, row) && l < hnsw->levels[row]; l++) {
            assert_true(hnsw->first_block[row] + l < hnsw->block_count);
            owners[hnsw->first_block[row] + l]++;
        }
    }
    for (uint32_t level = 1; level <= CG_HNSW_LEVEL_MAX; level++) {
        for (uint32_t block = hnsw->free_blocks[level]; block != CG_NO_ROW;
             block = cg_link_get(hnsw->blocks + (size_t)block * index->options.m)) {
            for (uint32_t l = 0; l < level; l++) {
                assert_true(block + l < hnsw->block_count);
                owners[block + l]++;
            }
        }
    }
    for (uint32_t block = 0; block < hnsw->block_count; block++) {
        assert_int_equal(owners[block], 1);
    }
    free(owners);
}

static inline void check_entry(const cg_index *index) {
    uint64_t entry = atomic_load(&index->hnsw.entry);
    uint32_t row = (uint32_t)(entry >> 8);
    uint32_t top_level = 0;
    for (uint32_t i = 0; i < cg_index_row_limit(index); i++) {
        if (check_is_in_graph(index, i) && index->hnsw.levels[i] > top_level) {
            top_level = index->hnsw.levels[i];
        }
    }
    assert_true(row < cg_index_row_limit(index) && check_is_in_graph(index, row));
    assert_int_equal(index->hnsw.levels[row], top_level);
    assert_int_equal(entry & 0xff, top_level);
}

static inline void check_free_rows(const cg_index *index) {
    uint32_t removed = 0;
    uint32_t outside = 0;
    for (uint32_t row = 0; row < cg_index_row_limit(index); row++) {
        bool is_in_graph = check_is_in_graph(index, row);
        outside += !is_in_graph;
        removed += cg_index_is_removed(index, row);
        assert_true(is_in_graph || cg_index_is_removed(index, row));
        for (uint32_t i = 0; !is_in_graph && i < cg_hnsw_width(index, 0); i++) {
            assert_int_equal(cg_link_get(cg_hnsw_links(index, row, 0) + i), CG_NO_ROW);
        }
    }
    assert_int_equal(outside, index->free_count);
    assert_int_equal(removed, index->free_count + index->removed_count);
    for (uint32_t i = 0; i < index->free_count; i++) {
        assert_false(check_is_in_graph(index, index->free_rows[i]));
        assert_true(i == 0 || index->free_rows[i - 1] > index->free_rows[i]);
    }
}

static inline void check_graph(const cg_index *index) {
    const uint32_t row_limit = cg_index_row_limit(index);
    uint32_t *marks = malloc((row_limit + 1u) * sizeof *marks);
    assert_non_null(marks);
    memset(marks, 0xff, (row_limit + 1u) * sizeof *marks);
    for (uint32_t row = 0; row < row_limit; row++) {
        if (check_is_in_graph(index, row)) {
            for (uint32_t level = 0; level <= index->hnsw.levels[row]; level++) {
                check_list(index, row, level, marks);
            }
        }
    }
    memset(marks, 0, (row_limit + 1u) * sizeof *marks);
    check_tree(index, marks);
    free(marks);
    check_free_rows(index);
    check_blocks(index);
    if (cg_index_rows_in_use(index) > 0) {
        check_entry(index);
    }
    assert_int_equal(cg_index_reachable(index, cg_allocator_heap()),
                     cg_index_rows_in_use(index));
}

#endif
