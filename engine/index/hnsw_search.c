/* Search in the graph (Malkov & Yashunin 2018, algorithms 2 and 5).
 *
 * The paper's two heaps are one sorted, bounded array of keys whose lowest bit says "expanded":
 * the next row to expand is the first without it, and what falls off the end is what the
 * paper's stop rule never looks at. All unvisited neighbours of a hop are gathered and their
 * vectors asked for before the first distance is computed, so the misses of a hop overlap.
 *
 * Invariant: the candidates are ascending, and everything before `cursor` is expanded.
 */
#include "engine/index/index_internal.h"

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

enum {
    CACHE_LINE_BYTES = 64,
    PREFETCH_BYTES_MAX = 1024 /* the processor itself follows from there */
};

static void prefetch_vector(const cg_index *index, uint32_t row) {
    const char *bytes = (const char *)cg_index_row(index, row);
    size_t size_bytes = index->options.dims * sizeof(float);
    size_t ahead_bytes = size_bytes < PREFETCH_BYTES_MAX ? size_bytes : PREFETCH_BYTES_MAX;
    for (size_t i = 0; i < ahead_bytes; i += CACHE_LINE_BYTES) {
        PREFETCH(bytes + i);
    }
}

static void prefetch_links(const cg_index *index, uint32_t row, uint32_t level) {
    const char *bytes = (const char *)cg_hnsw_links(index, row, level);
    size_t size_bytes = cg_hnsw_width(index, level) * sizeof(uint32_t);
    for (size_t i = 0; i < size_bytes; i += CACHE_LINE_BYTES) {
        PREFETCH(bytes + i);
    }
}

static void new_epoch(cg_index_scratch *scratch) {
    scratch->epoch++;
    if (scratch->epoch == 0) { /* marks of 65,536 searches ago would look fresh */
        memset(scratch->marks, 0, scratch->mark_capacity * sizeof *scratch->marks);
        scratch->epoch = 1;
    }
}

uint64_t cg_hnsw_start(const cg_index *index, const float *query, cg_work *work) {
    uint32_t row = index->hnsw.entry_point;
    cg_work_count(work, CG_WORK_DISTANCE_F32, 1, index->options.dims);
    return cg_key(cg_index_distance(index, query, cg_index_row(index, row)), row);
}

uint64_t cg_hnsw_descend(const cg_index *index, const float *query, uint64_t start,
                         uint32_t level, cg_work *work) {
    uint32_t width = cg_hnsw_width(index, level);
    uint64_t best = start;
    uint64_t hops = 0;
    uint64_t distances = 0;
    for (uint64_t from = best;; from = best) {
        const uint32_t *links = cg_hnsw_links(index, cg_key_row(from), level);
        uint32_t count = cg_hnsw_link_count(links, width);
        for (uint32_t i = 0; i < count; i++) {
            prefetch_vector(index, links[i]);
        }
        for (uint32_t i = 0; i < count; i++) {
            float distance = cg_index_distance(index, query, cg_index_row(index, links[i]));
            uint64_t key = cg_key(distance, links[i]);
            best = key < best ? key : best;
        }
        hops++;
        distances += count;
        if (best == from) {
            break;
        }
    }
    cg_work_count(work, CG_WORK_INDEX_HOP, hops, distances);
    cg_work_count(work, CG_WORK_DISTANCE_F32, distances, distances * index->options.dims);
    return best;
}

static uint32_t gather_unvisited(const cg_index *index, const uint32_t *links, uint32_t count,
                                 cg_index_scratch *scratch) {
    uint32_t gathered = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = links[i];
        if (scratch->marks[row] != scratch->epoch) {
            scratch->marks[row] = scratch->epoch;
            scratch->gathered[gathered++] = row;
            prefetch_vector(index, row);
        }
    }
    return gathered;
}

uint32_t cg_hnsw_beam(const cg_index *index, const float *query, uint64_t start, uint32_t level,
                      uint32_t ef, cg_index_scratch *scratch, cg_work *work) {
    uint32_t width = cg_hnsw_width(index, level);
    cg_candidates candidates = {.keys = scratch->keys, .limit = ef};
    new_epoch(scratch);
    scratch->marks[cg_key_row(start)] = scratch->epoch;
    cg_candidates_insert(&candidates, start);
    uint64_t hops = 0;
    uint64_t links_read = 0;
    uint64_t distances = 0;
    uint32_t cursor = 0;
    while (cursor < candidates.count) {
        uint64_t key = candidates.keys[cursor];
        if (key & 1u) {
            cursor++;
            continue;
        }
        candidates.keys[cursor] |= 1u;
        const uint32_t *links = cg_hnsw_links(index, cg_key_row(key), level);
        uint32_t count = cg_hnsw_link_count(links, width);
        uint32_t gathered = gather_unvisited(index, links, count, scratch);
        if (cursor + 1 < candidates.count) {
            prefetch_links(index, cg_key_row(candidates.keys[cursor + 1]), level);
        }
        for (uint32_t i = 0; i < gathered; i++) {
            uint32_t row = scratch->gathered[i];
            float distance = cg_index_distance(index, query, cg_index_row(index, row));
            uint32_t place = cg_candidates_insert(&candidates, cg_key(distance, row));
            if (place <=
                cursor) { /* the nearest one not expanded, so far: likely the next hop */
                cursor = place;
                prefetch_links(index, row, level);
            }
        }
        hops++;
        links_read += count;
        distances += gathered;
    }
    cg_work_count(work, CG_WORK_INDEX_HOP, hops, links_read);
    cg_work_count(work, CG_WORK_DISTANCE_F32, distances, distances * index->options.dims);
    return candidates.count;
}

uint32_t cg_hnsw_search(const cg_index *index, const float *query, uint32_t ef,
                        cg_index_scratch *scratch, cg_work *work) {
    uint64_t start = cg_hnsw_start(index, query, work);
    for (uint32_t level = index->hnsw.top_level; level > 0; level--) {
        start = cg_hnsw_descend(index, query, start, level, work);
    }
    return cg_hnsw_beam(index, query, start, 0, ef, scratch, work);
}
