/* Search over all parts of a collection, and filters for it. */
#include "engine/index/collection_internal.h"

cg_status cg_collection_filter_alloc(const cg_collection *collection, cg_id_predicate passes,
                                     void *context, cg_allocator allocator,
                                     cg_collection_filter **out, cg_error *error) {
    cg_collection_filter *filter = cg_allocate(&allocator, 1, sizeof *filter);
    if (!filter) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a filter of %zu bytes",
                            sizeof *filter);
    }
    filter->collection = collection;
    filter->allocator = allocator;
    filter->changes = collection->changes;
    cg_status status = cg_row_set_alloc(collection->growing, passes, context, allocator,
                                        &filter->growing, error);
    for (uint32_t i = 0; status == CG_OK && i < collection->part_count; i++) {
        const cg_collection_part *part = &collection->parts[i];
        const uint32_t rows = cg_segment_count(part->segment);
        uint64_t *bits = cg_allocate(&allocator, cg_collection_words(rows), sizeof *bits);
        filter->parts[i] = (cg_segment_rows){.bits = bits};
        filter->words[i] = cg_collection_words(rows);
        filter->part_count = i + 1;
        if (!bits && rows > 0) {
            status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to filter %u rows", rows);
        }
        for (uint32_t row = 0; status == CG_OK && row < rows; row++) {
            if (cg_collection_is_live(part, row) &&
                passes(context, cg_segment_id(part->segment, row))) {
                bits[row / 64] |= UINT64_C(1) << (row % 64);
                filter->parts[i].count++;
            }
        }
    }
    if (status != CG_OK) {
        cg_collection_filter_free(filter);
        return status;
    }
    *out = filter;
    return CG_OK;
}

void cg_collection_filter_free(cg_collection_filter *filter) {
    if (filter) {
        cg_allocator allocator = filter->allocator;
        for (uint32_t i = 0; i < filter->part_count; i++) {
            cg_deallocate(&allocator, (void *)(uintptr_t)filter->parts[i].bits,
                          filter->words[i], sizeof *filter->parts[i].bits);
        }
        cg_row_set_free(filter->growing);
        cg_deallocate(&allocator, filter, 1, sizeof *filter);
    }
}

cg_status cg_collection_scratch_alloc(cg_allocator allocator, cg_collection_scratch **out,
                                      cg_error *error) {
    cg_collection_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for a search scratch of %zu bytes", sizeof *scratch);
    }
    scratch->allocator = allocator;
    cg_status status = cg_index_scratch_alloc(allocator, &scratch->growing, error);
    if (status == CG_OK) {
        status = cg_segment_scratch_alloc(allocator, &scratch->segment, error);
    }
    if (status != CG_OK) {
        cg_collection_scratch_free(scratch);
        return status;
    }
    *out = scratch;
    return CG_OK;
}

void cg_collection_scratch_free(cg_collection_scratch *scratch) {
    if (scratch) {
        cg_allocator allocator = scratch->allocator;
        cg_index_scratch_free(scratch->growing);
        cg_segment_scratch_free(scratch->segment);
        cg_deallocate(&allocator, scratch->hits, scratch->hit_capacity, sizeof *scratch->hits);
        cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
    }
}

static bool is_before(const cg_index_hit *left, const cg_index_hit *right) {
    return left->distance < right->distance ||
           (left->distance == right->distance && left->id < right->id);
}

/* The k best of `best` and `more`, into best. By insertion: k is small, and what does not get
 * in costs one comparison. Within a part, equal distances come by row, so both sides count as
 * unordered. */
static uint32_t take_best(cg_index_hit *best, uint32_t count, uint32_t k,
                          const cg_index_hit *more, uint32_t more_count) {
    for (uint32_t i = 0; i < more_count; i++) {
        if (count == k && !is_before(&more[i], &best[k - 1])) {
            continue;
        }
        uint32_t at = count < k ? count++ : k - 1;
        for (; at > 0 && is_before(&more[i], &best[at - 1]); at--) {
            best[at] = best[at - 1];
        }
        best[at] = more[i];
    }
    return count;
}

static cg_status search_part(const cg_collection *collection, const cg_collection_query *query,
                             uint32_t i, cg_collection_scratch *scratch, uint32_t *found,
                             cg_work *work, cg_error *error) {
    const cg_collection_part *part = &collection->parts[i];
    const cg_segment_rows live = {.bits = part->live, .count = part->live_count};
    cg_segment_query asked = {.index = query->index};
    if (query->filter) {
        asked.rows = &query->filter->parts[i];
    } else if (part->live_count < cg_segment_count(part->segment)) {
        asked.rows = &live;
    }
    return cg_segment_search(part->segment, &asked, scratch->segment,
                             scratch->hits + query->index.k, found, work, error);
}

static cg_status check_query(const cg_collection *collection, const cg_collection_query *query,
                             cg_error *error) {
    if (query->index.k == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query asks for k = 0 results; k must be at least 1");
    }
    if (query->index.rows || query->index.id_of) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query's rows or ids are of an index, not of a collection");
    }
    if (query->filter && (query->filter->collection != collection ||
                          query->filter->changes != collection->changes)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the query's filter was made for another collection, or before "
                            "the last change of this one");
    }
    return cg_index_check_vector(collection->growing, query->index.vector, error);
}

cg_status cg_collection_search(const cg_collection *collection,
                               const cg_collection_query *query, cg_collection_scratch *scratch,
                               cg_index_hit *hits, uint32_t *found, cg_work *work,
                               cg_error *error) {
    cg_status status = check_query(collection, query, error);
    if (status != CG_OK) {
        return status;
    }
    const uint32_t k = query->index.k;
    status = CG_GROW(&scratch->allocator, scratch->hits, scratch->hit_capacity, 2 * (size_t)k,
                     error);
    if (status != CG_OK) {
        return status;
    }
    cg_index_query asked = query->index;
    asked.rows = query->filter ? query->filter->growing : NULL;
    cg_index_hit *best = scratch->hits;
    cg_index_hit *more = best + k;
    uint32_t more_count = 0;
    status = cg_index_search(collection->growing, &asked, scratch->growing, more, &more_count,
                             work, error);
    uint32_t count = status == CG_OK ? take_best(best, 0, k, more, more_count) : 0;
    for (uint32_t i = 0; status == CG_OK && i < collection->part_count; i++) {
        status = search_part(collection, query, i, scratch, &more_count, work, error);
        if (status == CG_OK) {
            count = take_best(best, count, k, more, more_count);
        }
    }
    if (status == CG_OK) {
        memcpy(hits, best, count * sizeof *hits);
        *found = count;
    }
    return status;
}
