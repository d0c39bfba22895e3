/* Search in a segment: as in hnsw_search.c and search.c, with lists of links decoded hop by hop
 * and nobody writing meanwhile.
 *
 * Invariant of the beam: the candidates are ascending, and everything before `cursor` is
 * expanded.
 */
#include "engine/index/segment_internal.h"

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

enum { CACHE_LINE_BYTES = 64, DISTANCES_A_PLACE = 20, RERANK_MORE = 10 };

typedef struct search {
    const cg_segment *segment;
    const cg_segment_probe *probe;
    const cg_segment_rows *allowed; /* NULL: all */
    cg_segment_scratch *scratch;
    cg_link_code code; /* of level 0 */
    cg_work *work;
} search;

static bool is_allowed(const search *self, uint32_t row) {
    return !self->allowed || (self->allowed->bits[row / 64] >> (row % 64) & 1u);
}

static uint32_t links_of(const search *self, uint32_t row, uint32_t *links) {
    uint32_t count =
        cg_link_decode(&self->code, cg_segment_list_at(self->segment, 0, row), row, links);
    return count == CG_LINK_CODE_BROKEN ? 0 : count; /* the bytes were changed under us */
}

static void prefetch_list(const search *self, uint32_t row) {
    const uint8_t *bytes = self->code.bytes + cg_segment_list_at(self->segment, 0, row);
    PREFETCH(bytes);
    PREFETCH(bytes + CACHE_LINE_BYTES);
}

/* The place among a level's rows of a row that is one of them. */
static uint32_t place_of(const cg_segment *segment, uint32_t level, uint32_t row) {
    if (level == 0) {
        return row;
    }
    const uint32_t *rows = cg_segment_level_rows(segment, level);
    uint32_t first = 0;
    for (uint32_t left = segment->header.level_rows[level] - 1; left > 0;) {
        uint32_t half = (left + 1) / 2;
        bool is_right = rows[first + half] <= row;
        first += is_right ? half : 0;
        left = is_right ? left - half : half - 1;
    }
    return first;
}

/* Greedy at one level above 0, from a place to a place. Returns the key there. */
static uint64_t descend(const search *self, uint32_t level, uint32_t *place, uint64_t best) {
    const cg_segment *segment = self->segment;
    const uint32_t *level_rows = cg_segment_level_rows(segment, level);
    const cg_link_code code = cg_segment_link_code(segment, level);
    uint64_t hops = 0;
    uint64_t links_read = 0;
    for (uint64_t from = 0; from != best;) {
        uint32_t links[CG_LINK_CODE_LINKS_ROOM];
        uint32_t rows[CG_INDEX_LINKS_MAX];
        uint64_t keys[CG_INDEX_LINKS_MAX];
        from = best;
        uint32_t count =
            cg_link_decode(&code, cg_segment_list_at(segment, level, *place), *place, links);
        count = count == CG_LINK_CODE_BROKEN ? 0 : count;
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = level_rows[links[i]];
        }
        cg_segment_prefetch(segment, rows, count);
        cg_segment_keys(segment, self->probe, self->scratch, rows, count, keys, self->work);
        for (uint32_t i = 0; i < count; i++) {
            best = keys[i] < best ? keys[i] : best;
        }
        if (best != from) {
            *place = place_of(segment, level, cg_key_row(best));
        }
        hops++;
        links_read += count;
    }
    cg_work_count(self->work, CG_WORK_INDEX_HOP, hops, links_read);
    return best;
}

static uint64_t find_start(const search *self) {
    const cg_segment *segment = self->segment;
    const cg_segment_header *header = &segment->header;
    uint32_t place = header->entry;
    uint32_t row =
        header->levels > 1 ? cg_segment_level_rows(segment, header->levels - 1)[place] : place;
    uint64_t key = 0;
    cg_segment_keys(segment, self->probe, self->scratch, &row, 1, &key, self->work);
    for (uint32_t level = header->levels - 1; level > 0; level--) {
        key = descend(self, level, &place, key);
        place = place_of(segment, level - 1, cg_key_row(key));
    }
    return key;
}

/* Rows linked to and not visited yet, now marked as visited. */
static uint32_t gather(const search *self, uint32_t row, uint32_t *rows, uint64_t *links_read) {
    uint16_t *marks = self->scratch->visited.marks;
    const uint16_t epoch = self->scratch->visited.epoch;
    uint32_t *links = self->scratch->links;
    const uint32_t linked = links_of(self, row, links);
    uint32_t count = 0;
    for (uint32_t i = 0; i < linked; i++) {
        rows[count] = links[i];
        count += marks[links[i]] != epoch;
        marks[links[i]] = epoch;
    }
    *links_read += linked;
    return count;
}

/* The nearest of a beam of width ef into the scratch's keys. Returns how many. */
static uint32_t run_beam(const search *self, uint32_t ef) {
    cg_candidates candidates = {.keys = self->scratch->keys, .limit = ef};
    uint64_t start = find_start(self);
    cg_visited_begin(&self->scratch->visited);
    (void)cg_visited_add(&self->scratch->visited, cg_key_row(start));
    cg_candidates_insert(&candidates, start);
    uint64_t hops = 0;
    uint64_t links_read = 0;
    for (uint32_t cursor = 0; cursor < candidates.count;
         cursor = cg_candidates_next(&candidates, cursor)) {
        uint32_t rows[CG_INDEX_LINKS_MAX];
        uint64_t keys[CG_INDEX_LINKS_MAX];
        uint64_t from = candidates.keys[cursor];
        candidates.keys[cursor] |= 1u;
        uint32_t count = gather(self, cg_key_row(from), rows, &links_read);
        cg_segment_prefetch(self->segment, rows, count);
        uint32_t following = cg_candidates_next(&candidates, cursor);
        if (following < candidates.count) {
            prefetch_list(self, cg_key_row(candidates.keys[following]));
        }
        cg_segment_keys(self->segment, self->probe, self->scratch, rows, count, keys,
                        self->work);
        count = cg_candidates_keep_better(&candidates, keys, count);
        uint32_t place = cg_candidates_merge(&candidates, keys, count);
        if (place <= cursor) { /* the nearest one not expanded, so far */
            cursor = place;
            prefetch_list(self, cg_key_row(candidates.keys[place]));
        }
        hops++;
    }
    cg_work_count(self->work, CG_WORK_INDEX_HOP, hops, links_read);
    return candidates.count;
}

/* All rows that may be found, one by one. */
static uint32_t run_flat(const search *self, uint32_t wanted) {
    const uint32_t row_count = self->segment->header.rows;
    uint64_t *heap = self->scratch->keys;
    uint32_t held = 0;
    for (uint32_t row = 0; row < row_count;) {
        uint32_t rows[CG_INDEX_BLOCK_ROWS];
        uint64_t keys[CG_INDEX_BLOCK_ROWS];
        uint32_t count = 0;
        for (; row < row_count && count < CG_INDEX_BLOCK_ROWS; row++) {
            if (row % 64 == 0 && self->allowed && self->allowed->bits[row / 64] == 0) {
                row += 63;
            } else if (is_allowed(self, row)) {
                rows[count++] = row;
            }
        }
        cg_segment_prefetch(self->segment, rows, count);
        cg_segment_keys(self->segment, self->probe, self->scratch, rows, count, keys,
                        self->work);
        for (uint32_t i = 0; i < count; i++) {
            held = cg_keys_keep_nearest(heap, held, wanted, keys[i]);
        }
    }
    cg_keys_sort(heap, held);
    return held;
}

typedef struct plan {
    uint32_t wanted;
    uint32_t width;
    uint32_t allowed;
    bool is_flat;
} plan;

static uint32_t at_most(uint64_t value, uint32_t most) {
    return value < most ? (uint32_t)value : most;
}

/* As in search.c. Scores of f32 and f16 rows are rounded, and any number of them may be equal:
 * where there are such rows, all of the beam is re-ranked. */
static plan plan_of(const cg_segment *segment, const cg_segment_query *query) {
    const cg_index_query *asked = &query->index;
    const cg_segment_header *header = &segment->header;
    const uint32_t rows = header->rows;
    const bool has_floats = header->class_first[CG_PRECISION_I8] > 0;
    const bool is_reranked = header->fuller != CG_PRECISION_COUNT || has_floats;
    plan result = {.wanted = asked->k, .allowed = rows};
    uint64_t ef = asked->ef > asked->k ? asked->ef : asked->k;
    if (is_reranked && asked->rerank > asked->k) {
        result.wanted = asked->rerank;
        ef = ef > asked->rerank ? ef : asked->rerank;
    } else if (is_reranked && asked->rerank == 0) {
        result.wanted = at_most(2 * (uint64_t)asked->k + RERANK_MORE, at_most(ef, rows));
    }
    if (query->rows) {
        uint64_t passing = query->rows->count;
        result.allowed = query->rows->count;
        result.is_flat = passing * passing <
                         DISTANCES_A_PLACE * (uint64_t)rows * (ef + 2 * (uint64_t)asked->k);
        ef += passing > 0 ? 2 * (uint64_t)asked->k * (rows - passing) / passing : 0;
    }
    result.width = at_most(ef, rows);
    result.wanted = has_floats ? result.width : at_most(result.wanted, rows);
    return result;
}

static uint32_t keep_allowed(const search *self, uint32_t count, uint32_t most) {
    uint64_t *keys = self->scratch->keys;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && kept < most; i++) {
        uint64_t key = keys[i] & ~UINT64_C(1);
        if (is_allowed(self, cg_key_row(key))) {
            keys[kept++] = key;
        }
    }
    return kept;
}

static cg_status find_candidates(const search *self, plan how, uint32_t k, uint32_t *count,
                                 cg_error *error) {
    const uint32_t rows = self->segment->header.rows;
    if (how.is_flat) {
        *count = run_flat(self, how.wanted);
        return CG_OK;
    }
    for (;;) {
        *count = keep_allowed(self, run_beam(self, how.width), how.wanted);
        if (*count >= at_most(k, how.allowed) || how.width >= rows) {
            return CG_OK;
        }
        how.width = how.width > rows / 2 ? rows : 2 * how.width;
        cg_status status =
            cg_segment_scratch_reserve(self->scratch, self->segment, how.width, error);
        if (status != CG_OK) {
            return status;
        }
    }
}

static cg_status check_query(const cg_segment *segment, const cg_index_query *query,
                             cg_error *error) {
    const cg_index like = {.options = segment->header.options, .kernels = segment->kernels};
    if (query->k == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query asks for k = 0 results; k must be at least 1");
    }
    if (query->rows) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query's row set was made for an index, not for a segment");
    }
    cg_status status = cg_index_check_vector(&like, query->vector, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "the query: ");
    }
    return status;
}

static cg_index_hit hit_of(const cg_segment *segment, const cg_index_query *query,
                           uint64_t key) {
    const cg_index_options *options = &segment->header.options;
    uint32_t row = cg_key_row(key);
    uint64_t id = cg_segment_id(segment, row);
    if (query->id_of) {
        uint32_t named = options->has_ids ? row : (uint32_t)(id - options->first_id);
        id = query->id_of(query->id_context, named);
    }
    return (cg_index_hit){.id = id, .row = row, .distance = cg_key_distance(key)};
}

cg_status cg_segment_search(const cg_segment *segment, const cg_segment_query *query,
                            cg_segment_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                            cg_work *work, cg_error *error) {
    const cg_index_query *asked = &query->index;
    cg_status status = check_query(segment, asked, error);
    if (status != CG_OK) {
        return status;
    }
    if (segment->header.rows == 0 || (query->rows && query->rows->count == 0)) {
        *found = 0;
        return CG_OK;
    }
    plan how = plan_of(segment, query);
    uint32_t room = how.width > how.wanted ? how.width : how.wanted;
    status = cg_segment_scratch_reserve(scratch, segment, room, error);
    if (status != CG_OK) {
        return status;
    }
    cg_segment_probe probe = cg_segment_probe_of(segment, asked, scratch);
    search self = {.segment = segment,
                   .probe = &probe,
                   .allowed = query->rows,
                   .scratch = scratch,
                   .code = cg_segment_link_code(segment, 0),
                   .work = work};
    uint32_t count = 0;
    status = find_candidates(&self, how, asked->k, &count, error);
    if (status != CG_OK) {
        return status;
    }
    cg_segment_rerank(segment, &probe, scratch->keys, count, work);
    count = at_most(asked->k, count);
    for (uint32_t i = 0; i < count; i++) {
        hits[i] = hit_of(segment, asked, scratch->keys[i]);
    }
    *found = count;
    return CG_OK;
}

cg_status cg_segment_scratch_alloc(cg_allocator allocator, cg_segment_scratch **out,
                                   cg_error *error) {
    cg_segment_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for a search scratch of %zu bytes", sizeof *scratch);
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

void cg_segment_scratch_free(cg_segment_scratch *scratch) {
    if (!scratch) {
        return;
    }
    cg_allocator allocator = scratch->allocator;
    cg_deallocate(&allocator, scratch->keys, scratch->key_capacity, sizeof *scratch->keys);
    cg_visited_deinit(&scratch->visited, &allocator);
    cg_deallocate_aligned(&allocator, scratch->vectors, scratch->vectors_bytes);
    cg_deallocate(&allocator, scratch->groups, scratch->group_capacity,
                  sizeof *scratch->groups);
    cg_deallocate_aligned(&allocator, scratch->group_codes, scratch->group_codes_bytes);
    cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
}
