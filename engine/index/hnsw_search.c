/* Search in the graph (Malkov & Yashunin 2018, algorithms 2 and 5).
 *
 * The paper's two heaps are one sorted, bounded array of keys whose lowest bit says "expanded":
 * the next row to expand is the first without it, and what falls off the end is what the
 * paper's stop rule never looks at. All unvisited neighbours of a hop are gathered and their
 * codes asked for before the first distance is computed, so the misses of a hop overlap, and
 * then they are compared in one call.
 *
 * Rows that a writer is adding meanwhile lie at or beyond the row limit that the walk began
 * with, and are passed over. Links are read from back to front (hnsw.h).
 *
 * Invariant: the candidates are ascending, and everything before `cursor` is expanded.
 */
#include "engine/index/index_internal.h"

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

enum { CACHE_LINE_BYTES = 64 };

static void prefetch_links(const cg_index *index, uint32_t row, uint32_t level) {
    const char *bytes = (const char *)cg_hnsw_links(index, row, level);
    size_t size_bytes = cg_hnsw_width(index, level) * sizeof(cg_link);
    for (size_t i = 0; i < size_bytes; i += CACHE_LINE_BYTES) {
        PREFETCH(bytes + i);
    }
}

uint64_t cg_hnsw_start(const cg_index *index, const cg_probe *probe, cg_work *work) {
    uint32_t row = (uint32_t)(probe->view.entry >> CG_HNSW_ENTRY_LEVEL_BITS);
    uint64_t key = 0;
    cg_index_keys(index, probe, &row, 1, &key, work);
    return key;
}

uint64_t cg_hnsw_descend(const cg_index *index, const cg_probe *probe, uint64_t start,
                         uint32_t level, cg_work *work) {
    const uint32_t row_limit = probe->view.row_limit;
    const uint32_t width = cg_hnsw_width(index, level);
    uint64_t best = start;
    uint64_t hops = 0;
    uint64_t links_read = 0;
    for (uint64_t from = best;; from = best) {
        const cg_link *links = cg_hnsw_links(index, cg_key_row(from), level);
        uint32_t rows[CG_INDEX_LINKS_MAX];
        uint64_t keys[CG_INDEX_LINKS_MAX];
        uint32_t count = 0;
        for (uint32_t i = width; i-- > 0;) {
            uint32_t row = cg_link_get(links + i);
            if (row < row_limit) {
                rows[count++] = row;
            }
        }
        cg_index_prefetch(index, rows, count);
        cg_index_keys(index, probe, rows, count, keys, work);
        for (uint32_t i = 0; i < count; i++) {
            best = keys[i] < best ? keys[i] : best;
        }
        hops++;
        links_read += count;
        if (best == from) {
            break;
        }
    }
    cg_work_count(work, CG_WORK_INDEX_HOP, hops, links_read);
    return best;
}

/* Rows that `from` links to and that are not visited yet, now marked as visited. Whether one is
 * visited is as good as random, so nothing branches on it: every link is written, and the count
 * goes on or not. An unused link is taken for `from` itself, which is visited. Inlined into the
 * beam it would run out of registers and keep the count in memory. */
__attribute__((noinline)) static uint32_t gather(const cg_link *links, uint32_t width,
                                                 uint32_t from, uint32_t row_limit,
                                                 cg_index_scratch *scratch, uint32_t *rows) {
    uint16_t *marks = scratch->visited.marks;
    const uint16_t epoch = scratch->visited.epoch;
    uint32_t count = 0;
    for (uint32_t i = width; i-- > 0;) {
        uint32_t link = cg_link_get(links + i);
        uint32_t is_used = link < row_limit;
        uint32_t row = (link & (0u - is_used)) | (from & (is_used - 1u));
        rows[count] = row;
        count += marks[row] != epoch;
        marks[row] = epoch;
    }
    return count;
}

uint32_t cg_hnsw_beam(const cg_index *index, const cg_probe *probe, uint64_t start,
                      uint32_t level, uint32_t ef, cg_index_scratch *scratch, cg_work *work) {
    const uint32_t row_limit = probe->view.row_limit;
    const uint32_t width = cg_hnsw_width(index, level);
    cg_candidates candidates = {.keys = scratch->keys, .limit = ef};
    cg_visited_begin(&scratch->visited);
    (void)cg_visited_add(&scratch->visited, cg_key_row(start));
    cg_candidates_insert(&candidates, start);
    uint64_t hops = 0;
    uint64_t links_read = 0;
    for (uint32_t cursor = 0; cursor < candidates.count;
         cursor = cg_candidates_next(&candidates, cursor)) {
        uint32_t rows[CG_INDEX_LINKS_MAX];
        uint64_t keys[CG_INDEX_LINKS_MAX];
        uint64_t from = candidates.keys[cursor];
        candidates.keys[cursor] |= 1u;
        const cg_link *links = cg_hnsw_links(index, cg_key_row(from), level);
        uint32_t count = gather(links, width, cg_key_row(from), row_limit, scratch, rows);
        cg_index_prefetch(index, rows, count);
        uint32_t following = cg_candidates_next(&candidates, cursor);
        if (following < candidates.count) {
            prefetch_links(index, cg_key_row(candidates.keys[following]), level);
        }
        cg_index_keys(index, probe, rows, count, keys, work);
        hops++;
        links_read += count;
        count = cg_candidates_keep_better(&candidates, keys, count);
        uint32_t place = cg_candidates_merge(&candidates, keys, count);
        if (place <= cursor) {
            cursor = place;
            prefetch_links(index, cg_key_row(candidates.keys[place]), level);
        }
    }
    cg_work_count(work, CG_WORK_INDEX_HOP, hops, links_read);
    return candidates.count;
}

uint32_t cg_hnsw_search(const cg_index *index, const cg_probe *probe, uint32_t ef,
                        cg_index_scratch *scratch, cg_work *work) {
    uint64_t start = cg_hnsw_start(index, probe, work);
    for (uint32_t level = index->hnsw.levels[cg_key_row(start)]; level > 0; level--) {
        start = cg_hnsw_descend(index, probe, start, level, work);
    }
    return cg_hnsw_beam(index, probe, start, 0, ef, scratch, work);
}
