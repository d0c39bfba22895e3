/* Parts into the bytes of one segment, and that segment into their place. */
#include "engine/index/collection_internal.h"

enum { ROWS_A_BATCH = 4096 };

typedef struct merge {
    cg_collection *collection;
    const cg_collection_merge_options *options;
    const cg_runner *runner;
    cg_index *index;   /* what is encoded; owned, unless it is the growing one */
    uint64_t segments; /* bit i: parts[i] is merged */
    float *vectors;    /* [ROWS_A_BATCH * dims] */
    uint64_t *ids;     /* [ROWS_A_BATCH] */
    uint32_t count;    /* in them */
} merge;

static cg_status choose_segments(merge *self, cg_error *error) {
    const cg_collection *collection = self->collection;
    const cg_collection_merge_options *options = self->options;
    for (uint32_t i = 0; !options->segments && i < collection->part_count; i++) {
        self->segments |= UINT64_C(1) << i;
    }
    for (uint32_t i = 0; options->segments && i < options->segment_count; i++) {
        uint32_t part = 0;
        while (part < collection->part_count &&
               collection->parts[part].segment != options->segments[i]) {
            part++;
        }
        if (part == collection->part_count) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND,
                                "segment %u of the %u to merge is not attached", i,
                                options->segment_count);
        }
        self->segments |= UINT64_C(1) << part;
    }
    return CG_OK;
}

/* The part to thaw: that with the most live rows; the part count: none. */
static uint32_t largest_part(const merge *self) {
    const cg_collection *collection = self->collection;
    uint32_t largest = collection->part_count;
    for (uint32_t i = 0; i < collection->part_count; i++) {
        if ((self->segments >> i & 1u) &&
            (largest == collection->part_count ||
             collection->parts[i].live_count > collection->parts[largest].live_count)) {
            largest = i;
        }
    }
    return largest;
}

static cg_status flush(merge *self, cg_error *error) {
    cg_index_rows rows = {.vectors = self->vectors, .ids = self->ids, .count = self->count};
    self->count = 0;
    return cg_index_add(self->index, &rows, self->runner, NULL, error);
}

/* The row's room for a vector; flushes when there is none left. */
static cg_status next_room(merge *self, uint64_t id, float **vector, cg_error *error) {
    cg_status status = self->count == ROWS_A_BATCH ? flush(self, error) : CG_OK;
    if (status == CG_OK) {
        self->ids[self->count] = id;
        *vector = self->vectors + (size_t)self->count * self->collection->options.dims;
        self->count++;
    }
    return status;
}

static cg_status remove_dead(merge *self, const cg_collection_part *part, cg_error *error) {
    const uint32_t rows = cg_segment_count(part->segment);
    cg_status status = CG_OK;
    for (uint32_t row = 0; status == CG_OK && row < rows;) {
        uint32_t count = 0;
        for (; row < rows && count < ROWS_A_BATCH; row++) {
            if (!cg_collection_is_live(part, row)) {
                self->ids[count++] = cg_segment_id(part->segment, row);
            }
        }
        if (count > 0) {
            status = cg_index_remove(self->index, self->ids, count, self->runner, NULL, error);
        }
    }
    return status == CG_OK ? cg_index_repair(self->index, self->runner, NULL, error) : status;
}

/* A form that was rounded is a little off unit length; that much is forgiven (search.c), but
 * codes of a few bits are off by more. What decodes to zero has lost its direction; the vector
 * stays, so it gets one, always the same. vector: finite. */
static void make_acceptable(const merge *self, float *vector) {
    const uint32_t dims = self->collection->options.dims;
    if (cg_index_check_vector(self->index, vector, NULL) != CG_OK &&
        !cg_vector_normalise(vector, dims)) {
        memset(vector, 0, dims * sizeof *vector);
        vector[0] = 1.0f;
    }
}

static cg_status read_row(const merge *self, const cg_segment *segment, uint32_t row,
                          float *vector, cg_error *error) {
    cg_segment_vector(segment, row, vector);
    if (!cg_vector_is_finite(vector, self->collection->options.dims)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "row %u of the segment has an element that is not finite; it "
                            "cannot be merged",
                            row);
    }
    make_acceptable(self, vector);
    return CG_OK;
}

static cg_status add_part(merge *self, const cg_collection_part *part, cg_error *error) {
    cg_status status = cg_segment_check_fuller(part->segment, error);
    for (uint32_t row = 0; status == CG_OK && row < cg_segment_count(part->segment); row++) {
        if (cg_collection_is_live(part, row)) {
            float *vector = NULL;
            status = next_room(self, cg_segment_id(part->segment, row), &vector, error);
            if (status == CG_OK) {
                status = read_row(self, part->segment, row, vector, error);
            }
        }
    }
    return status;
}

static cg_status add_growing(merge *self, cg_error *error) {
    const cg_index *growing = self->collection->growing;
    cg_status status = CG_OK;
    for (uint32_t row = 0; status == CG_OK && row < cg_index_row_limit(growing); row++) {
        if (!cg_index_is_removed(growing, row)) {
            float *vector = NULL;
            status = next_room(self, cg_index_id(growing, row), &vector, error);
            if (status == CG_OK) {
                cg_index_vector(growing, row, vector);
                make_acceptable(self, vector);
            }
        }
    }
    return status;
}

/* self->index with the rows of all parts. */
static cg_status gather(merge *self, cg_error *error) {
    const cg_collection *collection = self->collection;
    const uint32_t largest = largest_part(self);
    const cg_collection_part *first = &collection->parts[largest];
    cg_status status =
        cg_segment_thaw(first->segment, collection->allocator, &self->index, error);
    if (status == CG_OK) {
        status = remove_dead(self, first, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < collection->part_count; i++) {
        if (i != largest && (self->segments >> i & 1u)) {
            status = add_part(self, &collection->parts[i], error);
        }
    }
    if (status == CG_OK && self->options->has_growing) {
        status = add_growing(self, error);
    }
    return status == CG_OK ? flush(self, error) : status;
}

static cg_status encode(const merge *self, uint8_t **bytes, size_t *size_bytes,
                        cg_error *error) {
    const cg_collection_merge_options *options = self->options;
    const cg_allocator allocator = self->collection->allocator;
    const uint32_t row_limit = cg_index_row_limit(self->index);
    cg_freeze_options form = options->form;
    float *importance = NULL;
    if (options->importance_of && row_limit > 0) {
        importance = cg_allocate(&allocator, row_limit, sizeof *importance);
        if (!importance) {
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "no memory for the importance of %u rows", row_limit);
        }
        for (uint32_t row = 0; row < row_limit; row++) {
            if (!cg_index_is_removed(self->index, row)) {
                importance[row] = options->importance_of(options->importance_context,
                                                         cg_index_id(self->index, row));
            }
        }
    }
    form.importance = importance;
    cg_status status =
        cg_segment_encode(self->index, &form, allocator, bytes, size_bytes, error);
    cg_deallocate(&allocator, importance, row_limit, sizeof *importance);
    return status;
}

static cg_status remember(merge *self, const uint8_t *bytes, size_t size_bytes,
                          cg_error *error) {
    cg_segment_header header;
    cg_status status = cg_segment_header_read(bytes, size_bytes, &header, error);
    if (status == CG_OK) {
        cg_collection_pending *pending = &self->collection->pending;
        *pending = (cg_collection_pending){.is_there = true,
                                           .has_growing = self->options->has_growing,
                                           .segments = self->segments,
                                           .changes = self->collection->changes};
        memcpy(pending->checksums, header.checksums, sizeof pending->checksums);
    }
    return status;
}

static cg_status collect(merge *self, cg_error *error) {
    const cg_collection *collection = self->collection;
    const size_t dims = collection->options.dims;
    if (self->segments == 0 && self->options->has_growing) {
        self->index = collection->growing;
        return cg_index_repair(self->index, self->runner, NULL, error);
    }
    if (self->segments == 0) {
        return cg_index_alloc(&collection->options, collection->allocator, &self->index, error);
    }
    self->vectors =
        cg_allocate(&collection->allocator, ROWS_A_BATCH * dims, sizeof *self->vectors);
    self->ids = cg_allocate(&collection->allocator, ROWS_A_BATCH, sizeof *self->ids);
    return self->vectors && self->ids
               ? gather(self, error)
               : cg_error_set(error, CG_ERROR_MEMORY, "no memory to merge vectors of %zu dims",
                              dims);
}

cg_status cg_collection_merge(cg_collection *collection,
                              const cg_collection_merge_options *options,
                              const cg_runner *runner, uint8_t **bytes, size_t *size_bytes,
                              cg_error *error) {
    merge self = {.collection = collection, .options = options, .runner = runner};
    uint8_t *made = NULL;
    size_t made_bytes = 0;
    cg_status status = choose_segments(&self, error);
    status = status == CG_OK ? collect(&self, error) : status;
    status = status == CG_OK ? encode(&self, &made, &made_bytes, error) : status;
    status = status == CG_OK ? remember(&self, made, made_bytes, error) : status;
    const cg_allocator *allocator = &collection->allocator;
    cg_deallocate(allocator, self.ids, ROWS_A_BATCH, sizeof *self.ids);
    cg_deallocate(allocator, self.vectors, ROWS_A_BATCH * (size_t)collection->options.dims,
                  sizeof *self.vectors);
    if (self.index != collection->growing) {
        cg_index_free(self.index);
    }
    if (status != CG_OK) {
        cg_deallocate_aligned(allocator, made, made_bytes);
        return status;
    }
    *bytes = made;
    *size_bytes = made_bytes;
    return CG_OK;
}

cg_status cg_collection_replace(cg_collection *collection, cg_segment *segment,
                                cg_segment **detached, uint32_t *detached_count,
                                cg_error *error) {
    const cg_collection_pending *pending = &collection->pending;
    if (!pending->is_there || pending->changes != collection->changes ||
        memcmp(pending->checksums, segment->header.checksums, sizeof pending->checksums) != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the segment is not what was merged last, or the collection "
                            "changed since; merge again");
    }
    if (pending->segments == 0 && collection->part_count == CG_COLLECTION_SEGMENTS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "the collection has %d segments already; merge some first",
                            CG_COLLECTION_SEGMENTS_MAX);
    }
    cg_collection_part part;
    cg_status status = cg_collection_part_init(collection, segment, &part, error);
    cg_index *growing = NULL;
    if (status == CG_OK && pending->has_growing) {
        status = cg_index_alloc(&collection->options, collection->allocator, &growing, error);
        if (status == CG_OK) { /* codes vectors as before */
            status = cg_index_train_like(growing, collection->growing, error);
        }
        if (status != CG_OK) {
            cg_index_free(growing);
            cg_collection_part_deinit(collection, &part);
        }
    }
    if (status != CG_OK) {
        return status;
    }
    if (growing) {
        cg_index_free(collection->growing);
        collection->growing = growing;
    }
    uint32_t kept = 0;
    *detached_count = 0;
    for (uint32_t i = 0; i < collection->part_count; i++) {
        if (pending->segments >> i & 1u) {
            detached[(*detached_count)++] = collection->parts[i].segment;
            cg_collection_part_deinit(collection, &collection->parts[i]);
        } else {
            collection->parts[kept++] = collection->parts[i];
        }
    }
    collection->parts[kept++] = part;
    collection->part_count = kept;
    collection->pending.is_there = false;
    collection->changes++;
    return CG_OK;
}
