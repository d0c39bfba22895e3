/* Opening a graph's bytes: everything is verified, then rows and edges are used where they lie,
 * and the rest is copied by the same functions that make a graph.
 *
 * Invariant: a graph that was opened keeps every promise of graph.h, whoever wrote the bytes; and
 * saved again, unless it changed, it gives the same bytes.
 */
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/graph/bulk.h"
#include "engine/graph/graph_file.h"
#include "engine/graph/graph_image.h"
#include "engine/graph/graph_layout.h"

typedef struct opening {
    const uint8_t *bytes;
    cg_image_header header;
    cg_graph *graph;
    cg_error *error;
} opening;

/* at: bytes from the section's beginning. */
static cg_status corrupt(const opening *work, uint32_t section, uint64_t at, const char *what) {
    return cg_error_set(work->error, CG_ERROR_CORRUPT,
                        "section %u (%s) of the graph, at offset %llu: %s", section,
                        cg_image_section_name(section),
                        (unsigned long long)(work->header.places[section].at + at), what);
}

/* What a function that makes graphs said: only memory is not the bytes' fault. */
static cg_status blame(const opening *work, cg_status status, uint32_t section, uint64_t at) {
    return status == CG_OK || status == CG_ERROR_MEMORY
               ? status
               : corrupt(work, section, at, "the graph refuses it");
}

static cg_reader reader_of(const opening *work, uint32_t section) {
    const cg_image_place *place = &work->header.places[section];
    return cg_reader_init(work->bytes + place->at, (size_t)place->size_bytes);
}

/* The text where the reader stands, which moves behind its NUL; NULL if it has no NUL, or more
 * bytes than `most`. */
static const char *read_text(cg_reader *reader, size_t most) {
    size_t left = cg_reader_left(reader);
    const uint8_t *text = reader->bytes + reader->used_bytes;
    const uint8_t *end = left > 0 ? memchr(text, 0, left <= most ? left : most + 1) : NULL;
    if (!end) {
        return NULL;
    }
    reader->used_bytes += (size_t)(end - text) + 1;
    return (const char *)text;
}

static cg_status check_end(const opening *work, const cg_reader *reader, uint32_t section) {
    return cg_reader_left(reader) == 0
               ? CG_OK
               : corrupt(work, section, reader->used_bytes, "bytes that belong to nothing");
}

static cg_status open_concepts(opening *work) {
    const uint32_t rows = work->header.rows;
    cg_reader reader = reader_of(work, CG_IMAGE_CONCEPTS);
    cg_reader names = reader_of(work, CG_IMAGE_NAMES);
    cg_status status = cg_bulk_reserve(work->graph, rows, names.size_bytes, work->error);
    for (uint32_t row = 0; row < rows && status == CG_OK; row++) {
        size_t at = reader.used_bytes;
        size_t name_at = names.used_bytes;
        uint64_t id = cg_read_u64(&reader);
        uint64_t name_start = cg_read_u64(&reader);
        uint32_t depth = cg_read_u32(&reader);
        uint32_t type = cg_read_u32(&reader);
        const char *name = read_text(&names, CG_NAME_BYTES_MAX);
        if (!name) {
            return corrupt(work, CG_IMAGE_NAMES, name_at,
                           "a name that does not end, or is too long");
        }
        if (name_start != name_at || depth >= rows || type >= CG_CONCEPT_TYPES) {
            return corrupt(work, CG_IMAGE_CONCEPTS, at,
                           "a concept whose name, depth or type cannot be");
        }
        uint32_t added = 0;
        status = cg_graph_add_concept(work->graph, id, type, name, &added, work->error);
        if (status == CG_OK) {
            work->graph->concepts[row].depth = depth;
        }
    }
    return status == CG_OK ? check_end(work, &names, CG_IMAGE_NAMES) : status;
}

static cg_status open_relations(opening *work) {
    cg_reader reader = reader_of(work, CG_IMAGE_RELATIONS);
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < work->header.relations && status == CG_OK; i++) {
        uint16_t type = 0;
        size_t at = reader.used_bytes;
        const char *name = read_text(&reader, CG_NAME_BYTES_MAX);
        if (!name || name[0] == 0) {
            return corrupt(work, CG_IMAGE_RELATIONS, at,
                           "a name that is empty, does not end, or is too long");
        }
        status = blame(work, cg_graph_add_relation(work->graph, name, &type, work->error),
                       CG_IMAGE_RELATIONS, at);
        if (status == CG_OK && type != CG_EDGE_TYPE_COUNT + i) {
            return corrupt(work, CG_IMAGE_RELATIONS, at, "a relation that was there already");
        }
    }
    return status == CG_OK ? check_end(work, &reader, CG_IMAGE_RELATIONS) : status;
}

/* What is wrong with a row's edges, or NULL. */
static const char *wrong_row(const opening *work, uint32_t row, const cg_edge *edges,
                             uint64_t count, uint64_t *at) {
    const uint32_t types = CG_EDGE_TYPE_COUNT + work->header.relations;
    for (uint64_t i = 0; i < count; i++) {
        *at = i;
        if (edges[i].target >= work->header.rows) {
            return "an edge to a row that is not there";
        }
        if (edges[i].target == row) {
            return "an edge from a row to itself";
        }
        if (edges[i].type >= types || edges[i].unused != 0) {
            return "an edge of a type that is not there";
        }
        if (i > 0 && !cg_edge_comes_before(edges[i - 1], edges[i])) {
            return "an edge that comes twice or out of order";
        }
    }
    return NULL;
}

static cg_status open_edges(opening *work) {
    const cg_image_header *header = &work->header;
    const void *starts_at = work->bytes + header->places[CG_IMAGE_ROW_STARTS].at;
    const void *edges_at = work->bytes + header->places[CG_IMAGE_EDGES].at;
    const uint64_t *starts = starts_at;
    const cg_edge *edges = edges_at;
    if (starts[0] != 0) {
        return corrupt(work, CG_IMAGE_ROW_STARTS, 0, "the first row does not begin at 0");
    }
    for (uint32_t row = 0; row < header->rows; row++) {
        if (starts[row + 1] < starts[row] || starts[row + 1] > header->edges) {
            return corrupt(work, CG_IMAGE_ROW_STARTS, (row + UINT64_C(1)) * sizeof *starts,
                           "a row that ends before it begins, or behind the last edge");
        }
        uint64_t at = 0;
        const char *wrong =
            wrong_row(work, row, edges + starts[row], starts[row + 1] - starts[row], &at);
        if (wrong) {
            return corrupt(work, CG_IMAGE_EDGES, (starts[row] + at) * sizeof *edges, wrong);
        }
    }
    if (starts[header->rows] != header->edges) {
        return corrupt(work, CG_IMAGE_ROW_STARTS, header->rows * (uint64_t)sizeof *starts,
                       "the last row does not end at the last edge");
    }
    work->graph->row_starts = starts;
    work->graph->frozen_edges = header->edges > 0 ? edges : NULL;
    work->graph->frozen_edge_count = header->edges;
    work->graph->frozen_count = header->rows;
    return CG_OK;
}

static cg_status open_removed(opening *work) {
    cg_graph *graph = work->graph;
    cg_reader reader = reader_of(work, CG_IMAGE_REMOVED);
    size_t words = reader.size_bytes / sizeof(uint64_t);
    if (words == 0) {
        return CG_OK;
    }
    cg_status status =
        CG_GROW(&graph->allocator, graph->removed, graph->removed_capacity, words, work->error);
    for (size_t word = 0; word < words && status == CG_OK; word++) {
        uint64_t bits = cg_read_u64(&reader);
        graph->removed[word] = bits;
        for (; bits != 0; bits &= bits - 1) {
            graph->removed_count++;
        }
    }
    uint32_t beyond = graph->concept_count % ROWS_A_WORD;
    if (status == CG_OK && beyond != 0 && graph->removed[words - 1] >> beyond != 0) {
        return corrupt(work, CG_IMAGE_REMOVED, (words - 1) * sizeof(uint64_t),
                       "a removed concept that was never there");
    }
    if (status == CG_OK && graph->removed_count == 0) {
        return corrupt(work, CG_IMAGE_REMOVED, 0, "it says that no concept was removed");
    }
    return status;
}

/* Where the values and texts of a property begin is where the last one's end. */
static cg_status open_column(opening *work, uint32_t column, uint64_t count, cg_reader *values,
                             cg_reader *texts) {
    const cg_property_type type = cg_graph_property(work->graph, column).type;
    uint64_t least_row = 0;
    for (uint64_t i = 0; i < count; i++) {
        size_t at = values->used_bytes;
        uint32_t row = cg_read_u32(values);
        uint32_t zero = cg_read_u32(values);
        cg_property_value value = {.type = type, .u64 = cg_read_u64(values)};
        if (values->failed || zero != 0 || row < least_row || row >= work->header.rows) {
            return corrupt(work, CG_IMAGE_VALUES, at,
                           "a value whose row cannot be, or fewer values than were promised");
        }
        least_row = row + UINT64_C(1);
        if (type == CG_PROPERTY_TEXT) {
            size_t text_at = texts->used_bytes;
            bool fits = value.u64 == text_at;
            value.text = read_text(texts, CG_PROPERTY_TEXT_BYTES_MAX);
            if (!fits || !value.text) {
                return corrupt(work, CG_IMAGE_TEXTS, text_at,
                               "a text that begins elsewhere, does not end, or is too long");
            }
        } else if (type == CG_PROPERTY_F64) {
            uint64_t bits = value.u64;
            memcpy(&value.f64, &bits, sizeof bits);
            if (bits == UINT64_C(1) << 63) {
                return corrupt(work, CG_IMAGE_VALUES, at, "a zero with a sign");
            }
        }
        cg_status status =
            blame(work, cg_graph_set_property(work->graph, column, row, value, work->error),
                  CG_IMAGE_VALUES, at);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

static cg_status open_properties(opening *work) {
    cg_reader columns = reader_of(work, CG_IMAGE_COLUMNS);
    cg_reader names = reader_of(work, CG_IMAGE_COLUMN_NAMES);
    cg_reader values = reader_of(work, CG_IMAGE_VALUES);
    cg_reader texts = reader_of(work, CG_IMAGE_TEXTS);
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < work->header.columns && status == CG_OK; i++) {
        size_t at = columns.used_bytes;
        size_t name_at = names.used_bytes;
        uint32_t column = 0;
        uint32_t type = cg_read_u32(&columns);
        uint32_t form = cg_read_u32(&columns);
        uint64_t count = cg_read_u64(&columns);
        cg_property property = {.name = read_text(&names, CG_NAME_BYTES_MAX),
                                .type = (cg_property_type)type,
                                .form = (cg_property_form)form};
        if (!property.name) {
            return corrupt(work, CG_IMAGE_COLUMN_NAMES, name_at,
                           "a name that does not end, or is too long");
        }
        status =
            blame(work, cg_graph_define_property(work->graph, &property, &column, work->error),
                  CG_IMAGE_COLUMNS, at);
        if (status == CG_OK) {
            status = open_column(work, column, count, &values, &texts);
        }
    }
    status = status == CG_OK ? check_end(work, &names, CG_IMAGE_COLUMN_NAMES) : status;
    status = status == CG_OK ? check_end(work, &values, CG_IMAGE_VALUES) : status;
    return status == CG_OK ? check_end(work, &texts, CG_IMAGE_TEXTS) : status;
}

cg_status cg_graph_open(const uint8_t *bytes, size_t size_bytes, cg_allocator allocator,
                        cg_graph **out, cg_error *error) {
    opening work = {.bytes = bytes, .error = error};
    if ((uintptr_t)bytes % CG_IMAGE_ALIGNMENT != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the bytes of a graph must lie at a multiple of %d",
                            CG_IMAGE_ALIGNMENT);
    }
    cg_status status = cg_image_header_read(bytes, size_bytes, &work.header, error);
    if (status == CG_OK) {
        status = cg_graph_alloc(NULL, allocator, &work.graph, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_status (*const steps[])(opening *) = {open_concepts, open_relations, open_edges,
                                             open_properties, open_removed};
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == CG_OK; i++) {
        status = steps[i](&work);
    }
    if (status != CG_OK) {
        cg_graph_free(work.graph);
        return status;
    }
    *out = work.graph;
    return CG_OK;
}
