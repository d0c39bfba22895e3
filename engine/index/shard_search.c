/* Whom to ask, and what each asked shard finds.
 *
 * Sharded. A shard is as far as its nearest centroid. Near the border of two regions the neighbours
 * lie on both sides, and the distances of the shards are alike; in the middle of one they are not:
 * so shards are asked up to (1 + slack) times the nearest one's distance (after the adaptive
 * probing of Li et al., "Improving approximate nearest neighbor search through learned adaptive early
 * termination", SIGMOD 2020, without the learning).
 *
 * Hybrid. The upper levels are walked as in the paper (hnsw_search.c), and level 1 with a beam of
 * `entries`. These rows name the shards, as far as they are not farther than (1 + slack) times the
 * nearest; a shard begins at those that are its own and walks level 0 among its own rows, as if
 * others' did not exist.
 *
 * Invariant of the walk: as in hnsw_search.c.
 */
#include "engine/index/shard_internal.h"

cg_status cg_shard_scratch_alloc(cg_allocator allocator, cg_shard_scratch **out,
                                 cg_error *error) {
    cg_shard_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a scratch of shards");
    }
    scratch->allocator = allocator;
    cg_status status = cg_index_scratch_alloc(allocator, &scratch->index, error);
    if (status != CG_OK) {
        cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
        return status;
    }
    *out = scratch;
    return CG_OK;
}

void cg_shard_scratch_free(cg_shard_scratch *scratch) {
    if (!scratch) {
        return;
    }
    cg_allocator allocator = scratch->allocator;
    cg_index_scratch_free(scratch->index);
    cg_deallocate(&allocator, scratch->distances, scratch->distances_capacity,
                  sizeof *scratch->distances);
    cg_deallocate(&allocator, scratch->hits, scratch->hits_capacity, sizeof *scratch->hits);
    cg_deallocate(&allocator, scratch->route, scratch->route ? 1 : 0, sizeof *scratch->route);
    cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
}

uint64_t cg_shard_scratch_bytes(const cg_shard_scratch *scratch) {
    return sizeof *scratch + cg_index_scratch_bytes(scratch->index) +
           scratch->distances_capacity * sizeof *scratch->distances +
           scratch->hits_capacity * sizeof *scratch->hits +
           (scratch->route ? sizeof *scratch->route : 0);
}

static cg_status check(const cg_shards *shards, const cg_shard_query *query, cg_error *error) {
    bool is_hybrid = shards->options.distribution == CG_DISTRIBUTION_HYBRID;
    if (query->k < 1 || query->k > CG_SHARD_K_MAX || !(query->slack >= 0.0) ||
        (is_hybrid && (query->entries < 1 || query->entries > CG_SHARD_ENTRIES_MAX))) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a query of %u results, slack %g, from %u entries; it takes 1 to %d "
            "results, no negative slack and 1 to %d entries",
            query->k, query->slack, query->entries, (int)CG_SHARD_K_MAX,
            (int)CG_SHARD_ENTRIES_MAX);
    }
    cg_status status = cg_index_check_vector(shards->index, query->vector, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "the query: ");
    }
    return status;
}

/* --- whom to ask --- */

/* By (distance, shard), from the distances of all, up to (1 + slack) times the nearest. */
static void choose(const cg_shards *shards, double slack, const float *distances,
                   cg_shard_route *route) {
    const uint32_t count = shards->options.shards;
    uint64_t keys[CG_SHARDS_MAX];
    uint32_t used = 0;
    for (uint32_t shard = 0; shard < count; ++shard) {
        if (cg_shards_rows(shards, shard) > 0) {
            keys[used++] = cg_key(distances[shard], shard);
        }
    }
    cg_keys_sort(keys, used);
    const double limit = (double)cg_key_distance(keys[0]) * (1.0 + slack);
    for (uint32_t i = 0; i < used; ++i) {
        if (i > 0 && slack < CG_SHARD_SLACK_ALL && (double)cg_key_distance(keys[i]) > limit) {
            break;
        }
        route->shards[route->count++] = cg_key_row(keys[i]);
    }
}

static void measure_centroids(const cg_shards *shards, const float *vector, float *distances,
                              cg_work *work) {
    const uint32_t a_shard = shards->options.centroids;
    cg_work_count(work, cg_precision_work(CG_PRECISION_F32),
                  (uint64_t)shards->options.shards * a_shard,
                  (uint64_t)shards->options.shards * a_shard * shards->padded);
    for (uint32_t shard = 0; shard < shards->options.shards; ++shard) {
        uint32_t rows[CG_SHARD_CENTROIDS_MAX];
        float found[CG_SHARD_CENTROIDS_MAX];
        for (uint32_t i = 0; i < a_shard; ++i) {
            rows[i] = shard * a_shard + i;
        }
        const cg_row_batch batch = {.table = shards->centroids,
                                    .stride_bytes = shards->padded * sizeof(float),
                                    .rows = rows,
                                    .count = a_shard,
                                    .dims = shards->padded};
        shards->kernels->square_distance_f32_many(vector, &batch, found);
        distances[shard] = found[0];
        for (uint32_t i = 1; i < a_shard; ++i) {
            distances[shard] = found[i] < distances[shard] ? found[i] : distances[shard];
        }
    }
}

static cg_probe probe_of(const cg_shards *shards, const cg_shard_query *query,
                         cg_shard_scratch *scratch) {
    const cg_index_query plain = {.vector = query->vector, .k = query->k, .ef = query->ef};
    return cg_probe_of_query(shards->index, &plain, scratch->index);
}

static float key_distance(const cg_shards *shards, const cg_probe *probe, uint64_t key) {
    return cg_index_key_distance(shards->index, probe, key & ~UINT64_C(1));
}

/* Entries of level 1 into the route; none where there is no level 1. */
static cg_status find_entries(const cg_shards *shards, const cg_shard_query *query,
                              cg_shard_scratch *scratch, cg_shard_route *route, cg_work *work,
                              cg_error *error) {
    const cg_index *index = shards->index;
    cg_status status =
        cg_index_scratch_reserve(scratch->index, index, index->capacity, query->entries, error);
    if (status != CG_OK) {
        return status;
    }
    const cg_probe probe = probe_of(shards, query, scratch);
    uint64_t start = cg_hnsw_start(index, &probe, work);
    uint32_t top = index->hnsw.levels[cg_key_row(start)];
    for (uint32_t level = top; level > 1; --level) {
        start = cg_hnsw_descend(index, &probe, start, level, work);
    }
    route->entry_count =
        top > 0 ? cg_hnsw_beam(index, &probe, start, 1, query->entries, scratch->index, work)
                : 0;
    for (uint32_t i = 0; i < route->entry_count; ++i) {
        uint64_t key = scratch->index->keys[i] & ~UINT64_C(1);
        route->entries[i] = (cg_index_hit){.id = cg_key_row(key),
                                           .row = cg_key_row(key),
                                           .distance = key_distance(shards, &probe, key)};
    }
    return CG_OK;
}

/* A shard is as far as its nearest entry; without entries all are asked. */
static void route_by_entries(const cg_shards *shards, double slack, cg_shard_route *route) {
    bool is_taken[CG_SHARDS_MAX] = {false};
    if (route->entry_count == 0 || slack >= CG_SHARD_SLACK_ALL) {
        for (uint32_t shard = 0; shard < shards->options.shards; ++shard) {
            if (cg_shards_rows(shards, shard) > 0) {
                route->shards[route->count++] = shard;
            }
        }
        return;
    }
    double nearest = (double)route->entries[0].distance;
    nearest = nearest > 0.0 ? nearest : 0.0;
    for (uint32_t i = 0; i < route->entry_count; ++i) {
        uint32_t shard = shards->owners[route->entries[i].row];
        if (!is_taken[shard] &&
            (i == 0 || (double)route->entries[i].distance <= nearest * (1.0 + slack))) {
            is_taken[shard] = true;
            route->shards[route->count++] = shard;
        }
    }
}

cg_status cg_shards_route(const cg_shards *shards, const cg_shard_query *query,
                          cg_shard_scratch *scratch, cg_shard_route *route, cg_work *work,
                          cg_error *error) {
    cg_status status = check(shards, query, error);
    if (status != CG_OK) {
        return status;
    }
    const size_t room = shards->options.shards + (size_t)shards->padded;
    status = CG_GROW(&scratch->allocator, scratch->distances, scratch->distances_capacity, room,
                     error);
    if (status != CG_OK) {
        return status;
    }
    route->count = 0;
    route->entry_count = 0;
    if (shards->options.distribution == CG_DISTRIBUTION_HYBRID) {
        status = find_entries(shards, query, scratch, route, work, error);
        if (status == CG_OK) {
            route_by_entries(shards, query->slack, route);
        }
        return status;
    }
    status = cg_index_scratch_reserve(scratch->index, shards->index, 0, 0, error);
    if (status == CG_OK) {
        const cg_probe probe = probe_of(shards, query, scratch);
        (void)probe; /* the scratch's vector is the query, padded */
        measure_centroids(shards, scratch->index->vector, scratch->distances, work);
        choose(shards, query->slack, scratch->distances, route);
    }
    return status;
}

/* --- what a shard finds --- */

/* Own rows that `from` links to at level 0 and that are not visited yet, now marked. */
static uint32_t gather_own(const cg_shards *shards, uint32_t shard, uint32_t from,
                           cg_visited *visited, uint32_t *rows, uint64_t *links_read) {
    const cg_link *links = cg_hnsw_links(shards->index, from, 0);
    uint32_t count = 0;
    for (uint32_t i = 2 * shards->index->options.m; i-- > 0;) {
        uint32_t row = cg_link_get(links + i);
        if (row < shards->rows && shards->owners[row] == shard &&
            cg_visited_add(visited, row)) {
            rows[count++] = row;
        }
        *links_read += row < shards->rows;
    }
    return count;
}

/* The beam of hnsw_search.c, from several rows at once, over the rows of one shard. */
static uint32_t walk(const cg_shards *shards, uint32_t shard, const cg_probe *probe,
                     cg_candidates *candidates, cg_index_scratch *scratch, cg_work *work) {
    const cg_index *index = shards->index;
    uint64_t hops = 0;
    uint64_t links_read = 0;
    for (uint32_t cursor = 0; cursor < candidates->count;
         cursor = cg_candidates_next(candidates, cursor)) {
        uint32_t rows[CG_INDEX_LINKS_MAX];
        uint64_t keys[CG_INDEX_LINKS_MAX];
        uint32_t from = cg_key_row(candidates->keys[cursor]);
        candidates->keys[cursor] |= 1u;
        uint32_t count = gather_own(shards, shard, from, &scratch->visited, rows, &links_read);
        cg_index_prefetch(index, rows, count);
        cg_index_keys(index, probe, rows, count, keys, work);
        hops++;
        count = cg_candidates_keep_better(candidates, keys, count);
        uint32_t place = cg_candidates_merge(candidates, keys, count);
        cursor = place < cursor ? place : cursor;
    }
    cg_work_count(work, CG_WORK_INDEX_HOP, hops, links_read);
    return candidates->count;
}

static void begin_at(const cg_index *index, const cg_probe *probe, uint32_t row,
                     cg_index_scratch *scratch, cg_candidates *candidates, cg_work *work) {
    uint64_t key = 0;
    if (cg_visited_add(&scratch->visited, row)) {
        cg_index_keys(index, probe, &row, 1, &key, work);
        (void)cg_candidates_insert(candidates, key);
    }
}

static cg_status search_hybrid(const cg_shards *shards, uint32_t shard,
                               const cg_shard_query *query, cg_shard_entries entries,
                               cg_shard_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                               cg_work *work, cg_error *error) {
    const cg_index *index = shards->index;
    const uint32_t own = cg_shards_rows(shards, shard);
    uint32_t ef = query->ef > query->k ? query->ef : query->k;
    ef = ef < own ? ef : own;
    cg_status status =
        cg_index_scratch_reserve(scratch->index, index, index->capacity, ef, error);
    if (status != CG_OK) {
        return status;
    }
    const cg_probe probe = probe_of(shards, query, scratch);
    cg_candidates candidates = {.keys = scratch->index->keys, .limit = ef};
    cg_visited_begin(&scratch->index->visited);
    for (uint32_t i = 0; i < entries.count; ++i) {
        uint32_t row = entries.rows[i];
        if (row < shards->rows && shards->owners[row] == shard) {
            begin_at(index, &probe, row, scratch->index, &candidates, work);
        }
    }
    if (candidates.count == 0) {
        begin_at(index, &probe, shards->tops[shard], scratch->index, &candidates, work);
    }
    uint32_t count = walk(shards, shard, &probe, &candidates, scratch->index, work);
    for (uint32_t i = 0; i < count; ++i) {
        scratch->index->keys[i] &= ~UINT64_C(1);
    }
    if (index->fuller) {
        cg_index_rerank(index, scratch->index->vector, scratch->index->keys, count, work);
    }
    *found = count < query->k ? count : query->k;
    for (uint32_t i = 0; i < *found; ++i) {
        uint64_t key = scratch->index->keys[i];
        hits[i] = (cg_index_hit){.id = cg_key_row(key),
                                 .row = cg_key_row(key),
                                 .distance = index->fuller ? cg_key_distance(key)
                                                           : key_distance(shards, &probe, key)};
    }
    return CG_OK;
}

cg_status cg_shards_search(const cg_shards *shards, uint32_t shard, const cg_shard_query *query,
                           cg_shard_entries entries, cg_shard_scratch *scratch,
                           cg_index_hit *hits, uint32_t *found, cg_work *work,
                           cg_error *error) {
    cg_status status = check(shards, query, error);
    if (status == CG_OK && shard >= shards->options.shards) {
        status = cg_error_set(error, CG_ERROR_INVALID, "shard %u does not exist; there are %u",
                              shard, shards->options.shards);
    }
    if (status != CG_OK) {
        return status;
    }
    if (cg_shards_rows(shards, shard) == 0) {
        *found = 0;
        return CG_OK;
    }
    if (shards->options.distribution == CG_DISTRIBUTION_HYBRID) {
        return search_hybrid(shards, shard, query, entries, scratch, hits, found, work, error);
    }
    const cg_index_query plain = {.vector = query->vector, .k = query->k, .ef = query->ef};
    uint32_t count = 0;
    status = cg_index_search(shards->parts[shard], &plain, scratch->index, hits, &count, work,
                             error);
    if (status != CG_OK) {
        return status;
    }
    const uint32_t *rows = shards->members + shards->first[shard];
    for (uint32_t i = 0; i < count; ++i) { /* own rows ascend like those of the whole */
        hits[i].row = rows[hits[i].row];
        hits[i].id = hits[i].row;
    }
    *found = count;
    return CG_OK;
}

/* --- all at once --- */

static bool is_before(const cg_index_hit *a, const cg_index_hit *b) {
    return cg_key(a->distance, a->row) < cg_key(b->distance, b->row);
}

void cg_shard_hits_merge(cg_index_hit *held, uint32_t *held_count, uint32_t k,
                         const cg_index_hit *hits, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t at = *held_count;
        bool is_known = false;
        for (uint32_t j = 0; j < *held_count; ++j) {
            is_known = is_known || held[j].row == hits[i].row;
        }
        if (is_known || (at == k && !is_before(&hits[i], &held[k - 1]))) {
            continue;
        }
        at = at == k ? k - 1 : at;
        for (; at > 0 && is_before(&hits[i], &held[at - 1]); --at) {
            held[at] = held[at - 1];
        }
        held[at] = hits[i];
        *held_count += *held_count < k;
    }
}

cg_status cg_shards_search_all(const cg_shards *shards, const cg_shard_query *query,
                               cg_shard_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                               uint32_t *asked, cg_work *work, cg_error *error) {
    if (!scratch->route) {
        scratch->route = cg_allocate(&scratch->allocator, 1, sizeof *scratch->route);
        if (!scratch->route) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a route");
        }
    }
    cg_shard_route *route = scratch->route;
    cg_status status = cg_shards_route(shards, query, scratch, route, work, error);
    if (status == CG_OK) {
        status = CG_GROW(&scratch->allocator, scratch->hits, scratch->hits_capacity, query->k,
                         error);
    }
    if (status != CG_OK) {
        return status;
    }
    uint32_t rows[CG_SHARD_ENTRIES_MAX];
    for (uint32_t i = 0; i < route->entry_count; ++i) {
        rows[i] = route->entries[i].row;
    }
    uint32_t held = 0;
    for (uint32_t i = 0; status == CG_OK && i < route->count; ++i) {
        uint32_t count = 0;
        status = cg_shards_search(shards, route->shards[i], query,
                                  (cg_shard_entries){rows, route->entry_count}, scratch,
                                  scratch->hits, &count, work, error);
        if (status == CG_OK) {
            cg_shard_hits_merge(hits, &held, query->k, scratch->hits, count);
        }
    }
    if (status == CG_OK) {
        *found = held;
        if (asked) {
            *asked = route->count;
        }
    }
    return status;
}
