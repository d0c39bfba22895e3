/* From a growing index to the bytes of a segment: rows get their order, then each section is
 * written once, in a block of the final size. */
#include "engine/index/locality.h"
#include "engine/index/segment_internal.h"

enum { SAMPLE_MAX = CG_CODEC_SAMPLE_MAX };
static const float importance_above[] = {0.9f, 0.7f, 0.5f, 0.3f}; /* f32, f16, i8, i4 */

typedef struct encoder {
    const cg_index *index;
    const cg_freeze_options *options;
    cg_allocator allocator;
    cg_segment_header header;
    cg_codec codec;       /* its own, unless the index has one */
    uint32_t row_limit;   /* of the index */
    uint32_t *live;       /* [rows] rows of the index that are in use, ascending */
    uint32_t *place;      /* [row_limit] of a row of the index: into live; then its new row */
    uint32_t *order;      /* [rows] into live, by locality */
    uint32_t *rows;       /* [rows] rows of the index in the segment's order */
    uint8_t *is_first;    /* [rows] of `order`, then of `rows`: a community begins */
    uint32_t *ordinals;   /* [row_limit] of a row of the index at the level being written */
    uint32_t *level_rows; /* [upper rows] as in the section */
    size_t upper_count;
    uint8_t *lists; /* [list_bytes of list_capacity] */
    size_t list_bytes;
    size_t list_capacity;
    uint64_t *list_at; /* [all lists] */
    size_t list_count;
} encoder;

static cg_status check(const cg_index *index, const cg_freeze_options *options,
                       cg_error *error) {
    const cg_index_options *has = &index->options;
    if (has->kind != CG_INDEX_HNSW) {
        return cg_error_set(error, CG_ERROR_INVALID, "a flat index cannot be frozen; use HNSW");
    }
    if (index->removed_count > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u removed rows are still in the graph; repair the index first",
                            (uint32_t)index->removed_count);
    }
    if (!options->importance && (uint32_t)options->codes >= (uint32_t)CG_PRECISION_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the codes to freeze to are %d; they must be in [0, %d]",
                            (int)options->codes, CG_PRECISION_COUNT - 1);
    }
    if (options->has_fuller && (uint32_t)options->fuller > (uint32_t)CG_PRECISION_F16) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the fuller form to freeze is %d; it must be f32 (0) or f16 (1)",
                            (int)options->fuller);
    }
    if (options->has_fuller && options->fuller < has->fuller) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a fuller form of precision %s cannot be made from %s",
                            cg_precision_name(options->fuller), cg_precision_name(has->fuller));
    }
    for (uint32_t row = 0; options->importance && row < cg_index_row_limit(index); row++) {
        float importance = options->importance[row];
        if (!cg_index_is_removed(index, row) && !(importance >= 0.0f && importance <= 1.0f)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "the importance of row %u is %g; it must be in [0, 1]", row,
                                (double)importance);
        }
    }
    return CG_OK;
}

static uint32_t class_of(const encoder *self, uint32_t row) {
    if (!self->options->importance) {
        return (uint32_t)self->options->codes;
    }
    uint32_t precision = 0;
    while (precision < CG_PRECISION_I1 &&
           !(self->options->importance[row] > importance_above[precision])) {
        precision++;
    }
    return precision;
}

static cg_status out_of_memory(const encoder *self, cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY, "no memory to freeze an index of %u rows",
                        self->header.rows);
}

static cg_status list_live_rows(encoder *self, cg_error *error) {
    const cg_index *index = self->index;
    const uint32_t rows = cg_index_rows_in_use(index);
    self->row_limit = cg_index_row_limit(index);
    self->header.rows = rows;
    self->live = cg_allocate(&self->allocator, rows, sizeof *self->live);
    self->place = cg_allocate(&self->allocator, self->row_limit, sizeof *self->place);
    self->order = cg_allocate(&self->allocator, rows, sizeof *self->order);
    self->rows = cg_allocate(&self->allocator, rows, sizeof *self->rows);
    self->is_first = cg_allocate(&self->allocator, rows, sizeof *self->is_first);
    self->ordinals = cg_allocate(&self->allocator, self->row_limit, sizeof *self->ordinals);
    if (rows > 0 && !(self->live && self->place && self->order && self->rows &&
                      self->is_first && self->ordinals)) {
        return out_of_memory(self, error);
    }
    uint32_t count = 0;
    for (uint32_t row = 0; row < self->row_limit; row++) {
        if (!cg_index_is_removed(index, row)) {
            self->place[row] = count;
            self->live[count++] = row;
        }
    }
    CG_ASSERT(count == rows);
    return CG_OK;
}

static uint32_t links_of(const encoder *self, uint32_t row, uint32_t level, uint32_t *links) {
    uint32_t found[CG_INDEX_LINKS_MAX];
    uint32_t count = cg_hnsw_copy_links(self->index, row, level, found);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (found[i] != row) { /* the root's link to itself */
            links[kept++] = found[i];
        }
    }
    return kept;
}

/* self->order and self->is_first by locality. */
static cg_status order_rows(encoder *self, cg_error *error) {
    const uint32_t rows = self->header.rows;
    uint32_t found[CG_INDEX_LINKS_MAX];
    uint64_t *starts = cg_allocate(&self->allocator, (size_t)rows + 1, sizeof *starts);
    if (!starts) {
        return out_of_memory(self, error);
    }
    for (uint32_t i = 0; i < rows; i++) {
        starts[i + 1] = starts[i] + links_of(self, self->live[i], 0, found);
    }
    const size_t link_count = (size_t)starts[rows];
    uint32_t *links = cg_allocate(&self->allocator, link_count + 1, sizeof *links);
    cg_status status = CG_OK;
    if (!links) {
        status = out_of_memory(self, error);
    } else {
        for (uint32_t i = 0; i < rows; i++) {
            uint32_t count = links_of(self, self->live[i], 0, found);
            for (uint32_t j = 0; j < count; j++) {
                links[starts[i] + j] = self->place[found[j]];
            }
        }
        cg_locality_graph graph = {.starts = starts, .links = links, .rows = rows};
        status =
            cg_locality_order(&graph, &self->allocator, self->order, self->is_first, error);
    }
    cg_deallocate(&self->allocator, links, link_count + 1, sizeof *links);
    cg_deallocate(&self->allocator, starts, (size_t)rows + 1, sizeof *starts);
    return status;
}

/* Rows by (precision, locality): self->rows, self->place, and is_first along with them. The
 * communities' numbers need a home for a moment: self->ordinals. */
static void place_rows(encoder *self) {
    cg_segment_header *header = &self->header;
    uint32_t community = 0;
    for (uint32_t i = 0; i < header->rows; i++) {
        community += self->is_first[i];
        self->ordinals[self->live[self->order[i]]] = community;
    }
    uint32_t placed = 0;
    for (uint32_t precision = 0; precision < CG_PRECISION_COUNT; precision++) {
        header->class_first[precision] = placed;
        for (uint32_t i = 0; i < header->rows; i++) {
            uint32_t row = self->live[self->order[i]];
            if (class_of(self, row) == precision) {
                self->place[row] = placed;
                self->rows[placed++] = row;
            }
        }
    }
    header->class_first[CG_PRECISION_COUNT] = placed;
    for (uint32_t i = 0; i < header->rows; i++) {
        self->is_first[i] =
            i == 0 || self->ordinals[self->rows[i]] != self->ordinals[self->rows[i - 1]];
    }
}

static cg_status write_list(encoder *self, uint32_t row, uint32_t level, uint32_t owner,
                            cg_error *error) {
    const uint32_t *numbers = level == 0 ? self->place : self->ordinals;
    const uint32_t parent = cg_hnsw_parent(self->index, row);
    cg_link_list list = {.owner = owner};
    uint32_t found[CG_INDEX_LINKS_MAX];
    list.count = links_of(self, row, level, found);
    list.mark = list.count;
    for (uint32_t i = 0; i < list.count; i++) { /* by insertion: short, and sorted in runs */
        uint32_t link = numbers[found[i]];
        uint32_t at = i;
        for (; at > 0 && list.links[at - 1] > link; at--) {
            list.links[at] = list.links[at - 1];
        }
        list.links[at] = link;
    }
    for (uint32_t i = 0; i < list.count && level == 0 && parent != row; i++) {
        list.mark = list.links[i] == numbers[parent] ? i : list.mark;
    }
    cg_status status = CG_GROW(&self->allocator, self->lists, self->list_capacity,
                               self->list_bytes + CG_LINK_CODE_BYTES_MAX, error);
    if (status == CG_OK) {
        self->list_at[self->list_count++] = self->list_bytes;
        self->list_bytes += cg_link_encode(&list, cg_hnsw_width(self->index, level),
                                           self->lists + self->list_bytes);
    }
    return status;
}

static cg_status count_levels(encoder *self, cg_error *error) {
    cg_segment_header *header = &self->header;
    const uint8_t *levels = self->index->hnsw.levels;
    size_t all = 0;
    for (uint32_t i = 0; i < header->rows; i++) {
        for (uint32_t level = 0; level <= levels[self->rows[i]]; level++) {
            header->level_rows[level]++;
            all++;
        }
    }
    while (header->levels < CG_SEGMENT_LEVELS_MAX && header->level_rows[header->levels] > 0) {
        header->levels++;
    }
    self->upper_count = all - header->rows;
    self->list_at = cg_allocate(&self->allocator, all + 1, sizeof *self->list_at);
    self->level_rows =
        cg_allocate(&self->allocator, self->upper_count + 1, sizeof *self->level_rows);
    return self->list_at && self->level_rows ? CG_OK : out_of_memory(self, error);
}

static cg_status write_graph(encoder *self, cg_error *error) {
    cg_segment_header *header = &self->header;
    const uint8_t *levels = self->index->hnsw.levels;
    cg_status status = count_levels(self, error);
    uint32_t *level_rows = self->level_rows;
    for (uint32_t level = 0; status == CG_OK && level < header->levels; level++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < header->rows; i++) {
            if (levels[self->rows[i]] >= level) {
                if (level > 0) {
                    level_rows[count] = i;
                }
                self->ordinals[self->rows[i]] = count++;
            }
        }
        for (uint32_t i = 0; status == CG_OK && i < count; i++) {
            uint32_t row = self->rows[level == 0 ? i : level_rows[i]];
            status = write_list(self, row, level, i, error);
        }
        level_rows += level > 0 ? count : 0;
    }
    if (status == CG_OK && header->levels > 0) {
        uint32_t entry = cg_segment_entry_of(self->index);
        header->entry = self->ordinals[entry]; /* of the last level written, the highest */
        header->section_bytes[CG_SECTION_LISTS] = self->list_bytes + CG_LINK_CODE_SLACK_BYTES;
    }
    return status;
}

/* The codec that codes are made with and scores are in units of: the index's, or a new one. */
static cg_status find_codec(encoder *self, cg_error *error) {
    const cg_index *index = self->index;
    const uint32_t dims = index->options.dims;
    const uint32_t rows = self->header.rows;
    cg_status status = cg_codec_init(&self->codec, dims, &self->allocator, error);
    if (status != CG_OK || rows == 0) {
        self->codec.step = 1.0f;
        return status;
    }
    if (cg_index_has_integers(index)) {
        memcpy(self->codec.centre, index->codec.centre, dims * sizeof *self->codec.centre);
        self->codec.step = index->codec.step;
        return CG_OK;
    }
    const uint32_t taken = rows < SAMPLE_MAX ? rows : SAMPLE_MAX;
    float *sample = cg_allocate(&self->allocator, (size_t)taken * dims, sizeof *sample);
    if (!sample) {
        return out_of_memory(self, error);
    }
    for (uint32_t i = 0; i < taken; i++) {
        uint32_t row = self->live[(uint64_t)i * rows / taken];
        cg_index_vector(index, row, sample + (size_t)i * dims);
    }
    status = cg_codec_train(&self->codec, sample, taken,
                            index->options.metric != CG_METRIC_INNER_PRODUCT, &self->allocator,
                            error);
    cg_deallocate(&self->allocator, sample, (size_t)taken * dims, sizeof *sample);
    return status;
}

static uint64_t packed_id(const encoder *self, uint32_t row) {
    return cg_index_id(self->index, self->rows[row]);
}

static void measure_ids(encoder *self) {
    cg_segment_header *header = &self->header;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (uint32_t row = 0; row < header->rows; row++) {
        uint64_t id = packed_id(self, row);
        least = id < least ? id : least;
        most = id > most ? id : most;
    }
    /* Computed ids may wrap around; from first_id on they never do. */
    if (!header->options.has_ids) {
        least = header->options.first_id;
        most = least + (header->rows > 0 ? header->rows - 1 : 0);
    }
    header->id_base = header->rows > 0 ? least : 0;
    for (uint64_t range = header->rows > 0 ? most - least : 0; range > 0; range >>= 1) {
        header->id_bits++;
    }
}

static void write_ids(const encoder *self, uint8_t *out) {
    const cg_segment_header *header = &self->header;
    uint64_t at = 0;
    for (uint32_t row = 0; row < header->rows; row++) {
        uint64_t value = packed_id(self, row) - header->id_base;
        for (uint32_t bit = 0; bit < header->id_bits; bit++, at++) {
            out[at / 8] = (uint8_t)(out[at / 8] | (value >> bit & 1u) << at % 8);
        }
    }
}

static void write_list_places(const encoder *self, uint8_t *const *sections) {
    uint64_t *bases = (uint64_t *)(void *)sections[CG_SECTION_LIST_BASES];
    uint16_t *starts = (uint16_t *)(void *)sections[CG_SECTION_LIST_STARTS];
    size_t first = 0;
    for (uint32_t level = 0; level < self->header.levels; level++) {
        for (uint32_t i = 0; i < self->header.level_rows[level]; i++) {
            if (i % CG_SEGMENT_LISTS_A_BASE == 0) {
                *bases++ = self->list_at[first + i];
            }
            starts[first + i] = (uint16_t)(self->list_at[first + i] - bases[-1]);
        }
        first += self->header.level_rows[level];
    }
}

/* What cg_segment_open would call corrupt: the codec's and the 1-bit rows' numbers, from rows
 * that are finite and yet too large, too small or too far apart. */
static cg_status check_scale(const encoder *self, cg_error *error) {
    const cg_codec *codec = &self->codec;
    const uint32_t axis = cg_segment_wrong_axis(codec->centre, codec->dims);
    if (axis < codec->dims) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the rows cannot be frozen: the centre of their codec is %g on "
                            "axis %u; it must be in (-1e17, 1e17)",
                            (double)codec->centre[axis], axis);
    }
    float value = 0.0f;
    const char *wrong = cg_segment_wrong_unit(&self->header, &value);
    if (wrong) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the rows cannot be frozen: the %s is %g; it must be in "
                            "(1e-30, 1e30)",
                            wrong, (double)value);
    }
    return CG_OK;
}

static cg_status write_sections(encoder *self, uint8_t *bytes, cg_error *error) {
    cg_segment_header *header = &self->header;
    uint8_t *sections[CG_SECTION_COUNT];
    for (uint32_t i = 0; i < CG_SECTION_COUNT; i++) {
        sections[i] = bytes + cg_segment_section_at(header, i);
    }
    cg_segment_source source = {.index = self->index,
                                .rows = self->rows,
                                .is_first = self->is_first,
                                .codec = &self->codec,
                                .allocator = &self->allocator};
    cg_status status = cg_segment_write_codes(&source, header, sections, error);
    status = status == CG_OK ? check_scale(self, error) : status;
    if (status != CG_OK) {
        return status;
    }
    write_ids(self, sections[CG_SECTION_IDS]);
    if (self->upper_count > 0) {
        memcpy(sections[CG_SECTION_LEVEL_ROWS], self->level_rows,
               self->upper_count * sizeof *self->level_rows);
    }
    write_list_places(self, sections);
    if (self->list_bytes > 0) {
        memcpy(sections[CG_SECTION_LISTS], self->lists, self->list_bytes);
    }
    for (uint32_t i = 0; i < CG_SECTION_COUNT; i++) {
        header->checksums[i] = cg_segment_checksum(bytes, header, i);
    }
    cg_segment_header_write(header, bytes);
    return CG_OK;
}

static cg_status encode(encoder *self, uint8_t **bytes, size_t *size_bytes, cg_error *error) {
    cg_segment_header *header = &self->header;
    cg_status status = list_live_rows(self, error);
    status = status == CG_OK ? order_rows(self, error) : status;
    if (status == CG_OK) {
        place_rows(self);
        status = write_graph(self, error);
    }
    status = status == CG_OK ? find_codec(self, error) : status;
    if (status != CG_OK) {
        return status;
    }
    cg_segment_source source = {.is_first = self->is_first};
    header->groups = cg_segment_group_rows(&source, header, NULL);
    header->step = self->codec.step;
    measure_ids(self);
    cg_segment_header_sizes(header);
    header->size_bytes = cg_segment_section_at(header, CG_SECTION_COUNT);
    uint8_t *block = cg_allocate_aligned(&self->allocator, (size_t)header->size_bytes);
    if (!block) {
        return out_of_memory(self, error);
    }
    status = write_sections(self, block, error);
    if (status != CG_OK) {
        cg_deallocate_aligned(&self->allocator, block, (size_t)header->size_bytes);
        return status;
    }
    *bytes = block;
    *size_bytes = (size_t)header->size_bytes;
    return CG_OK;
}

static void release(encoder *self) {
    const cg_allocator *allocator = &self->allocator;
    const size_t rows = self->header.rows;
    const size_t row_limit = self->row_limit;
    cg_codec_deinit(&self->codec, allocator);
    cg_deallocate(allocator, self->lists, self->list_capacity, 1);
    cg_deallocate(allocator, self->list_at, rows + self->upper_count + 1,
                  sizeof *self->list_at);
    cg_deallocate(allocator, self->level_rows, self->upper_count + 1, sizeof *self->level_rows);
    cg_deallocate(allocator, self->ordinals, row_limit, sizeof *self->ordinals);
    cg_deallocate(allocator, self->is_first, rows, sizeof *self->is_first);
    cg_deallocate(allocator, self->rows, rows, sizeof *self->rows);
    cg_deallocate(allocator, self->order, rows, sizeof *self->order);
    cg_deallocate(allocator, self->place, row_limit, sizeof *self->place);
    cg_deallocate(allocator, self->live, rows, sizeof *self->live);
}

cg_status cg_segment_encode(const cg_index *index, const cg_freeze_options *options,
                            cg_allocator allocator, uint8_t **bytes, size_t *size_bytes,
                            cg_error *error) {
    cg_status status = check(index, options, error);
    if (status != CG_OK) {
        return status;
    }
    encoder self = {.index = index, .options = options, .allocator = allocator};
    self.header.options = index->options;
    self.header.fuller = options->has_fuller ? (uint32_t)options->fuller : CG_PRECISION_COUNT;
    status = encode(&self, bytes, size_bytes, error);
    release(&self);
    return status;
}
