#include "engine/index/collection_internal.h"

cg_status cg_collection_alloc(const cg_index_options *options, cg_allocator allocator,
                              cg_collection **out, cg_error *error) {
    if (options->kind != CG_INDEX_HNSW || !options->has_ids) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a collection's index must be HNSW with stored ids");
    }
    cg_index *growing = NULL;
    cg_status status = cg_index_alloc(options, allocator, &growing, error);
    if (status != CG_OK) {
        return status;
    }
    cg_collection *collection = cg_allocate(&allocator, 1, sizeof *collection);
    if (!collection) {
        cg_index_free(growing);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a collection of %zu bytes",
                            sizeof *collection);
    }
    collection->allocator = allocator;
    collection->options = *options;
    collection->growing = growing;
    *out = collection;
    return CG_OK;
}

void cg_collection_free(cg_collection *collection) {
    if (collection) {
        cg_allocator allocator = collection->allocator;
        for (uint32_t i = 0; i < collection->part_count; i++) {
            cg_collection_part_deinit(collection, &collection->parts[i]);
        }
        cg_index_free(collection->growing);
        cg_deallocate(&allocator, collection, 1, sizeof *collection);
    }
}

/* --- parts ----------------------------------------------------------------------------------
 */

static void sift_down(const cg_segment *segment, uint32_t *heap, uint32_t place,
                      uint32_t count) {
    const uint32_t row = heap[place];
    const uint64_t id = cg_segment_id(segment, row);
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count &&
            cg_segment_id(segment, heap[child + 1]) > cg_segment_id(segment, heap[child])) {
            child++;
        }
        if (cg_segment_id(segment, heap[child]) <= id) {
            break;
        }
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = row;
}

/* Heap sort: in place, and n log n whatever the ids. */
static void sort_by_id(const cg_segment *segment, uint32_t *rows, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_down(segment, rows, i, count);
    }
    for (uint32_t left = count; left-- > 1;) {
        uint32_t greatest = rows[0];
        rows[0] = rows[left];
        rows[left] = greatest;
        sift_down(segment, rows, 0, left);
    }
}

static cg_status check_part(const cg_collection *collection, const cg_segment *segment,
                            cg_error *error) {
    const cg_index_options *has = &collection->options;
    const cg_index_options *given = cg_segment_options_of(segment);
    if (given->dims != has->dims || given->metric != has->metric || !given->has_ids) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a segment of %u dims under metric %d%s does not fit a collection "
                            "of %u dims under metric %d with stored ids",
                            given->dims, (int)given->metric,
                            given->has_ids ? "" : " without stored ids", has->dims,
                            (int)has->metric);
    }
    return CG_OK;
}

cg_status cg_collection_part_init(const cg_collection *collection, cg_segment *segment,
                                  cg_collection_part *out, cg_error *error) {
    const uint32_t rows = cg_segment_count(segment);
    cg_status status = check_part(collection, segment, error);
    if (status != CG_OK) {
        return status;
    }
    cg_collection_part part = {.segment = segment, .live_count = rows};
    part.by_id = cg_allocate(&collection->allocator, rows, sizeof *part.by_id);
    part.live =
        cg_allocate(&collection->allocator, cg_collection_words(rows), sizeof *part.live);
    if (rows > 0 && (!part.by_id || !part.live)) {
        cg_collection_part_deinit(collection, &part);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to attach a segment of %u rows",
                            rows);
    }
    for (uint32_t row = 0; row < rows; row++) {
        part.by_id[row] = row;
        part.live[row / 64] |= UINT64_C(1) << (row % 64);
    }
    sort_by_id(segment, part.by_id, rows);
    for (uint32_t i = 1; i < rows; i++) {
        uint64_t id = cg_segment_id(segment, part.by_id[i]);
        if (id == cg_segment_id(segment, part.by_id[i - 1])) {
            cg_collection_part_deinit(collection, &part);
            return cg_error_set(error, CG_ERROR_CORRUPT, "id %llu comes twice in the segment",
                                (unsigned long long)id);
        }
    }
    *out = part;
    return CG_OK;
}

void cg_collection_part_deinit(const cg_collection *collection, cg_collection_part *part) {
    const uint32_t rows = cg_segment_count(part->segment);
    cg_deallocate(&collection->allocator, part->live, cg_collection_words(rows),
                  sizeof *part->live);
    cg_deallocate(&collection->allocator, part->by_id, rows, sizeof *part->by_id);
    *part = (cg_collection_part){0};
}

uint32_t cg_collection_find(const cg_collection_part *part, uint64_t id) {
    uint32_t first = 0;
    uint32_t end = cg_segment_count(part->segment);
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        uint64_t there = cg_segment_id(part->segment, part->by_id[middle]);
        if (there == id) {
            uint32_t row = part->by_id[middle];
            return cg_collection_is_live(part, row) ? row : CG_NO_ROW;
        }
        if (there < id) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return CG_NO_ROW;
}

/* The part whose live row has the id; *row of it. NULL: none. */
static cg_collection_part *part_of(cg_collection *collection, uint64_t id, uint32_t *row) {
    for (uint32_t i = 0; i < collection->part_count; i++) {
        *row = cg_collection_find(&collection->parts[i], id);
        if (*row != CG_NO_ROW) {
            return &collection->parts[i];
        }
    }
    return NULL;
}

cg_status cg_collection_attach(cg_collection *collection, cg_segment *segment,
                               cg_error *error) {
    if (collection->part_count == CG_COLLECTION_SEGMENTS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "the collection has %d segments already; merge some first",
                            CG_COLLECTION_SEGMENTS_MAX);
    }
    cg_collection_part part;
    cg_status status = cg_collection_part_init(collection, segment, &part, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t row = 0; row < cg_segment_count(segment); row++) {
        uint64_t id = cg_segment_id(segment, row);
        if (cg_collection_has(collection, id)) {
            cg_collection_part_deinit(collection, &part);
            return cg_error_set(error, CG_ERROR_EXISTS,
                                "id %llu of the segment is in the collection already",
                                (unsigned long long)id);
        }
    }
    collection->parts[collection->part_count++] = part;
    collection->changes++;
    return CG_OK;
}

/* --- changes --------------------------------------------------------------------------------
 */

cg_status cg_collection_add(cg_collection *collection, const cg_index_rows *rows,
                            const cg_runner *runner, cg_work *work, cg_error *error) {
    for (uint32_t i = 0; rows->ids && i < rows->count; i++) {
        uint32_t row = 0;
        if (part_of(collection, rows->ids[i], &row)) {
            return cg_error_set(error, CG_ERROR_EXISTS,
                                "row %u of the %u given: id %llu is in the collection already",
                                i, rows->count, (unsigned long long)rows->ids[i]);
        }
    }
    cg_status status = cg_index_add(collection->growing, rows, runner, work, error);
    collection->changes += status == CG_OK && rows->count > 0;
    return status;
}

static void set_live(cg_collection_part *part, uint32_t row, bool is_live) {
    uint64_t bit = UINT64_C(1) << (row % 64);
    if (is_live) {
        part->live[row / 64] |= bit;
        part->live_count++;
    } else {
        part->live[row / 64] &= ~bit;
        part->live_count--;
    }
}

/* Some ids of a call, sorted out by where they are. */
typedef struct sorted_ids {
    uint32_t *places;  /* [count] of the frozen ones in the call, then of the growing ones */
    uint64_t *growing; /* [count] ids */
    uint64_t *marks;   /* [count] part << 32 | row of the frozen ones, dead from now on */
    uint32_t count;
    uint32_t frozen_count;
    uint32_t growing_count;
} sorted_ids;

static void forget(cg_collection *collection, sorted_ids *sorted) {
    const cg_allocator *allocator = &collection->allocator;
    cg_deallocate(allocator, sorted->places, sorted->count, sizeof *sorted->places);
    cg_deallocate(allocator, sorted->growing, sorted->count, sizeof *sorted->growing);
    cg_deallocate(allocator, sorted->marks, sorted->count, sizeof *sorted->marks);
}

static void revive(cg_collection *collection, const sorted_ids *sorted) {
    for (uint32_t i = 0; i < sorted->frozen_count; i++) {
        set_live(&collection->parts[sorted->marks[i] >> 32], (uint32_t)sorted->marks[i], true);
    }
}

/* Frozen rows of the ids die at once; revive brings them back. So an id that comes twice is not
 * found the second time. On failure nothing is dead and nothing is held. */
static cg_status sort_out(cg_collection *collection, const uint64_t *ids, uint32_t count,
                          sorted_ids *out, cg_error *error) {
    const cg_allocator *allocator = &collection->allocator;
    *out = (sorted_ids){.count = count};
    out->places = cg_allocate(allocator, count, sizeof *out->places);
    out->growing = cg_allocate(allocator, count, sizeof *out->growing);
    out->marks = cg_allocate(allocator, count, sizeof *out->marks);
    cg_status status = CG_OK;
    if (count > 0 && !(out->places && out->growing && out->marks)) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u ids", count);
    }
    for (uint32_t i = 0; status == CG_OK && i < count; i++) {
        uint32_t row = 0;
        cg_collection_part *part = part_of(collection, ids[i], &row);
        if (part) {
            set_live(part, row, false);
            out->places[out->frozen_count] = i;
            out->marks[out->frozen_count++] = (uint64_t)(part - collection->parts) << 32 | row;
        } else if (cg_index_has(collection->growing, ids[i])) {
            out->growing[out->growing_count++] = ids[i];
        } else {
            status = cg_error_set(error, CG_ERROR_NOT_FOUND,
                                  "id %llu (%u of the %u given) is not in the collection, or "
                                  "comes twice",
                                  (unsigned long long)ids[i], i, count);
        }
    }
    uint32_t growing_place = out->frozen_count;
    for (uint32_t i = 0, frozen = 0; status == CG_OK && i < count; i++) {
        if (frozen < out->frozen_count && out->places[frozen] == i) {
            frozen++;
        } else {
            out->places[growing_place++] = i;
        }
    }
    if (status != CG_OK) {
        revive(collection, out);
        forget(collection, out);
    }
    return status;
}

cg_status cg_collection_remove(cg_collection *collection, const uint64_t *ids, uint32_t count,
                               const cg_runner *runner, cg_work *work, cg_error *error) {
    sorted_ids sorted;
    cg_status status = sort_out(collection, ids, count, &sorted, error);
    if (status != CG_OK) {
        return status;
    }
    if (sorted.growing_count > 0) {
        status = cg_index_remove(collection->growing, sorted.growing, sorted.growing_count,
                                 runner, work, error);
    }
    if (status != CG_OK) {
        revive(collection, &sorted);
    }
    forget(collection, &sorted);
    collection->changes += status == CG_OK && count > 0;
    return status;
}

/* The rows at some places of a call, in memory of their own. */
static cg_status gather(const cg_collection *collection, const cg_index_rows *rows,
                        const uint32_t *places, cg_index_rows *out, cg_error *error) {
    const size_t dims = collection->options.dims;
    float *vectors = cg_allocate(&collection->allocator, out->count * dims, sizeof *vectors);
    uint64_t *ids = cg_allocate(&collection->allocator, out->count, sizeof *ids);
    out->vectors = vectors;
    out->ids = ids;
    if (out->count > 0 && (!vectors || !ids)) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u vectors", out->count);
    }
    for (uint32_t i = 0; i < out->count; i++) {
        memcpy(vectors + i * dims, rows->vectors + places[i] * dims, dims * sizeof *vectors);
        ids[i] = rows->ids[places[i]];
    }
    return CG_OK;
}

static void drop(const cg_collection *collection, const cg_index_rows *rows) {
    cg_deallocate(&collection->allocator, (void *)(uintptr_t)rows->ids, rows->count,
                  sizeof *rows->ids);
    cg_deallocate(&collection->allocator, (void *)(uintptr_t)rows->vectors,
                  (size_t)rows->count * collection->options.dims, sizeof *rows->vectors);
}

cg_status cg_collection_update(cg_collection *collection, const cg_index_rows *rows,
                               const cg_runner *runner, cg_work *work, cg_error *error) {
    if (!rows->ids) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an update of a collection needs ids, but none are given");
    }
    sorted_ids sorted;
    cg_status status = sort_out(collection, rows->ids, rows->count, &sorted, error);
    if (status != CG_OK) {
        return status;
    }
    cg_index *growing = collection->growing;
    cg_index_rows moved = {.count = sorted.frozen_count};
    cg_index_rows kept = {.count = sorted.growing_count};
    status = gather(collection, rows, sorted.places, &moved, error);
    if (status == CG_OK) {
        status = gather(collection, rows, sorted.places + moved.count, &kept, error);
    }
    if (status == CG_OK && moved.count > 0) {
        status = cg_index_add(growing, &moved, runner, work, error);
    }
    bool has_moved = status == CG_OK && moved.count > 0;
    if (status == CG_OK && kept.count > 0) {
        status = cg_index_update(growing, &kept, runner, work, error);
    }
    if (status != CG_OK) {
        if (has_moved) { /* ids that are held: only memory can fail, and none is needed */
            (void)cg_index_remove(growing, moved.ids, moved.count, runner, work, NULL);
        }
        revive(collection, &sorted);
    }
    drop(collection, &kept);
    drop(collection, &moved);
    forget(collection, &sorted);
    collection->changes += status == CG_OK && rows->count > 0;
    return status;
}

/* --- inspection -----------------------------------------------------------------------------
 */

uint64_t cg_collection_count(const cg_collection *collection) {
    uint64_t count = cg_index_count(collection->growing);
    for (uint32_t i = 0; i < collection->part_count; i++) {
        count += collection->parts[i].live_count;
    }
    return count;
}

bool cg_collection_has(const cg_collection *collection, uint64_t id) {
    for (uint32_t i = 0; i < collection->part_count; i++) {
        if (cg_collection_find(&collection->parts[i], id) != CG_NO_ROW) {
            return true;
        }
    }
    return cg_index_has(collection->growing, id);
}

const cg_index *cg_collection_growing(const cg_collection *collection) {
    return collection->growing;
}

uint32_t cg_collection_segment_count(const cg_collection *collection) {
    return collection->part_count;
}

uint64_t cg_collection_bytes(const cg_collection *collection) {
    uint64_t bytes = sizeof *collection + cg_index_bytes(collection->growing);
    for (uint32_t i = 0; i < collection->part_count; i++) {
        const cg_collection_part *part = &collection->parts[i];
        uint32_t rows = cg_segment_count(part->segment);
        bytes += rows * (uint64_t)sizeof *part->by_id +
                 cg_collection_words(rows) * sizeof *part->live;
    }
    return bytes;
}
