/* A growing index from a segment: rows, ids, levels and links as they stand, so that merging
 * need not link anew what is linked already. */
#include "engine/index/segment_internal.h"

typedef struct thaw {
    const cg_segment *segment;
    cg_index *index;
    uint32_t *row_of; /* [rows] of the growing index, by the segment's row */
} thaw;

static cg_status corrupt(cg_error *error, const char *what, uint32_t row) {
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "row %u of the segment %s; it cannot be thawed", row, what);
}

static cg_status alloc_index(thaw *self, cg_allocator allocator, cg_error *error) {
    const cg_segment_header *header = &self->segment->header;
    cg_index_options options = header->options;
    options.capacity = 0;
    cg_status status = cg_index_alloc(&options, allocator, &self->index, error);
    if (status != CG_OK || header->rows == 0) {
        return status;
    }
    if (cg_index_has_integers(self->index)) {
        memcpy(self->index->codec.centre, self->segment->codec.centre,
               options.dims * sizeof *self->index->codec.centre);
        self->index->codec.step = header->step;
    }
    uint64_t blocks = 0;
    for (uint32_t level = 1; level < header->levels; level++) {
        blocks += header->level_rows[level];
    }
    if (blocks > CG_INDEX_ROWS_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment has %llu lists above level 0; it cannot be thawed",
                            (unsigned long long)blocks);
    }
    status = cg_index_reserve(self->index, header->rows, (uint32_t)blocks, error);
    if (status != CG_OK) {
        return status;
    }
    self->row_of = cg_allocate(&allocator, header->rows, sizeof *self->row_of);
    return self->row_of ? CG_OK
                        : cg_error_set(error, CG_ERROR_MEMORY, "no memory to thaw %u rows",
                                       header->rows);
}

/* Codes as they are where the growing index has the same, else made anew. */
static cg_status copy_vector(const thaw *self, uint32_t from, uint32_t to, float *vector,
                             cg_error *error) {
    cg_index *index = self->index;
    cg_segment_vector(self->segment, from, vector);
    if (!cg_vector_is_finite(vector, index->options.dims)) {
        return corrupt(error, "has an element that is not finite", from);
    }
    cg_index_store(index, to, vector);
    uint32_t precision = cg_segment_class(self->segment, from);
    if (precision == (uint32_t)index->options.codes) {
        memcpy(index->codes + (size_t)to * index->code_bytes,
               cg_segment_code(self->segment, precision, from), index->code_bytes);
        if (index->biases && index->options.metric != CG_METRIC_INNER_PRODUCT) {
            index->biases[to] = cg_segment_biases(
                self->segment)[from - self->segment->header.class_first[CG_PRECISION_I8]];
        }
    }
    return CG_OK;
}

static cg_status copy_rows(thaw *self, float *vector, cg_error *error) {
    const cg_segment *segment = self->segment;
    const cg_index_options *options = &segment->header.options;
    cg_index *index = self->index;
    cg_status status = cg_segment_check_fuller(segment, error);
    for (uint32_t row = 0; status == CG_OK && row < segment->header.rows; row++) {
        uint64_t id = cg_segment_id(segment, row);
        self->row_of[row] = options->has_ids ? row : (uint32_t)(id - options->first_id);
        status = copy_vector(self, row, self->row_of[row], vector, error);
        if (status == CG_OK && options->has_ids) {
            uint64_t held = 0;
            if (cg_table_get(index->row_of, id, &held)) {
                return corrupt(error, "has an id that another row has, too", row);
            }
            status = cg_table_put(index->row_of, id, row, error);
            index->ids[row] = id;
        }
    }
    return status;
}

/* Levels, by counting in how many of them a row stands. hnsw.levels is zero so far. */
static void count_levels(const thaw *self) {
    const cg_segment_header *header = &self->segment->header;
    for (uint32_t level = 1; level < header->levels; level++) {
        const uint32_t *rows = cg_segment_level_rows(self->segment, level);
        for (uint32_t place = 0; place < header->level_rows[level]; place++) {
            self->index->hnsw.levels[self->row_of[rows[place]]] = (uint8_t)level;
        }
    }
}

/* One level's lists; at level 0 the parent first (hnsw.h). */
static cg_status copy_links(const thaw *self, uint32_t level, cg_error *error) {
    const cg_segment *segment = self->segment;
    const cg_link_code code = cg_segment_link_code(segment, level);
    const uint32_t *level_rows = level > 0 ? cg_segment_level_rows(segment, level) : NULL;
    const uint32_t width = code.links_max;
    size_t at = cg_segment_list_at(segment, level, 0);
    for (uint32_t place = 0; place < segment->header.level_rows[level]; place++) {
        cg_link_list list;
        if (!cg_link_decode_list(&code, &at, place, &list)) {
            return corrupt(error, "has links that cannot be", place);
        }
        uint32_t row = self->row_of[level > 0 ? level_rows[place] : place];
        cg_link *links = cg_hnsw_links(self->index, row, level);
        uint32_t count = 0;
        if (level == 0) {
            bool is_root = list.mark >= list.count;
            uint32_t parent = is_root ? row : self->row_of[list.links[list.mark]];
            cg_link_set(links + count++, parent);
        }
        for (uint32_t i = 0; i < list.count; i++) {
            uint32_t to = list.links[i];
            if (level == 0 && i == list.mark) {
                continue;
            }
            if (count == width) {
                return corrupt(error, "has a link too many", place);
            }
            cg_link_set(links + count++, self->row_of[level > 0 ? level_rows[to] : to]);
        }
    }
    return CG_OK;
}

/* Rows that the tree of hnsw.h reaches from its root. queue: uint32_t[rows]. */
static uint32_t count_below(const cg_index *index, uint32_t root, uint32_t *queue) {
    uint32_t reached = 0;
    queue[reached++] = root;
    for (uint32_t next = 0; next < reached; next++) {
        uint32_t links[CG_INDEX_LINKS_MAX];
        uint32_t count = cg_hnsw_copy_links(index, queue[next], 0, links);
        for (uint32_t i = 0; i < count; i++) {
            if (cg_hnsw_is_child(index, queue[next], links[i])) {
                queue[reached++] = links[i]; /* once only: a row has one parent */
            }
        }
    }
    return reached;
}

/* One root; each parent links to its children, no more than m / 2; no circles. */
static cg_status check_tree(const thaw *self, cg_error *error) {
    cg_index *index = self->index;
    const uint32_t rows = self->segment->header.rows;
    uint32_t root = CG_NO_ROW;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t parent = cg_hnsw_parent(index, row);
        if (parent == row) {
            if (root != CG_NO_ROW) {
                return corrupt(error, "is a second root of the graph's tree", row);
            }
            root = row;
        } else if (++index->hnsw.children[parent] > index->options.m / 2) {
            return corrupt(error, "has too many children in the graph's tree", parent);
        }
    }
    if (root == CG_NO_ROW) {
        return corrupt(error, "is in a graph whose tree has no root", 0);
    }
    uint32_t *queue = cg_allocate(&index->allocator, rows, sizeof *queue);
    if (!queue) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to thaw %u rows", rows);
    }
    uint32_t reached = count_below(index, root, queue);
    cg_deallocate(&index->allocator, queue, rows, sizeof *queue);
    return reached == rows ? CG_OK
                           : corrupt(error, "roots a tree that does not reach all rows", root);
}

static cg_status link_rows(const thaw *self, cg_error *error) {
    const cg_segment_header *header = &self->segment->header;
    cg_index *index = self->index;
    count_levels(self);
    for (uint32_t row = 0; row < header->rows; row++) {
        cg_hnsw_place_row(index, row, index->hnsw.levels[row]);
    }
    cg_status status = CG_OK;
    for (uint32_t level = 0; status == CG_OK && level < header->levels; level++) {
        status = copy_links(self, level, error);
    }
    if (status == CG_OK) {
        status = check_tree(self, error);
    }
    if (status == CG_OK) {
        uint32_t top = header->levels - 1;
        uint32_t entry =
            top > 0 ? cg_segment_level_rows(self->segment, top)[header->entry] : header->entry;
        cg_hnsw_set_entry(index, self->row_of[entry]);
        atomic_store_explicit(&index->row_limit, header->rows, memory_order_release);
    }
    return status;
}

cg_status cg_segment_thaw(const cg_segment *segment, cg_allocator allocator, cg_index **out,
                          cg_error *error) {
    const uint32_t rows = segment->header.rows;
    const uint32_t dims = segment->header.options.dims;
    thaw self = {.segment = segment};
    cg_status status = alloc_index(&self, allocator, error);
    float *vector = NULL;
    if (status == CG_OK && rows > 0) {
        vector = cg_allocate(&allocator, dims, sizeof *vector);
        status = vector ? copy_rows(&self, vector, error)
                        : cg_error_set(error, CG_ERROR_MEMORY,
                                       "no memory for a vector of %u dims", dims);
        status = status == CG_OK ? link_rows(&self, error) : status;
    }
    cg_deallocate(&allocator, vector, dims, sizeof *vector);
    cg_deallocate(&allocator, self.row_of, rows, sizeof *self.row_of);
    if (status != CG_OK) {
        cg_index_free(self.index);
        return status;
    }
    *out = self.index;
    return CG_OK;
}
