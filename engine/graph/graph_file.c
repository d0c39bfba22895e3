/* A graph's bytes: how many, and writing them. The format is the header's; reading is in
 * graph_open.c.
 *
 * Invariant: what is written depends on what the graph holds alone: texts that were replaced are
 * left out, and values come by column and row.
 * Known value: an empty graph has 448 bytes: the header, and one row start with its zeros.
 */
#include "engine/graph/graph_file.h"

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/graph/graph_image.h"
#include "engine/graph/graph_layout.h"

const uint8_t cg_image_magic[8] = {'C', 'G', 'G', 'R', 'P', 'H', '1', '\n'};

uint64_t cg_image_checksum(const uint8_t *bytes, const cg_image_header *header,
                           uint32_t section) {
    const cg_image_place *place = &header->places[section];
    return cg_hash_bytes(bytes + place->at, (size_t)cg_image_padded(place->size_bytes),
                         section + 1);
}

static bool can_be_saved(const cg_graph *graph) {
    return !graph->base && graph->frozen_count == graph->concept_count &&
           cg_chains_live(&graph->growing) == 0 && cg_chains_live(&graph->reweighted) == 0;
}

static uint64_t value_count(const cg_graph *graph, uint32_t column, uint64_t *text_bytes) {
    uint64_t count = 0;
    for (uint32_t row = 0; cg_properties_next(graph, column, &row); row++) {
        cg_property_value value;
        count++;
        if (cg_graph_get_property(graph, column, row, &value) &&
            value.type == CG_PROPERTY_TEXT) {
            *text_bytes += strlen(value.text) + 1;
        }
    }
    return count;
}

static void lay_out(const cg_graph *graph, cg_image_header *header) {
    const uint64_t rows = graph->concept_count;
    cg_image_place *places = header->places;
    *header = (cg_image_header){.rows = graph->concept_count,
                                .relations = graph->relations.count,
                                .edges = graph->frozen_edge_count,
                                .columns = graph->properties.count};
    uint64_t values = 0;
    for (uint32_t c = 0; c < header->columns; c++) {
        values += value_count(graph, c, &places[CG_IMAGE_TEXTS].size_bytes);
    }
    places[CG_IMAGE_CONCEPTS].size_bytes = rows * CG_IMAGE_CONCEPT_BYTES;
    places[CG_IMAGE_NAMES].size_bytes = graph->names.used_bytes;
    places[CG_IMAGE_ROW_STARTS].size_bytes = (rows + 1) * sizeof(uint64_t);
    places[CG_IMAGE_EDGES].size_bytes = header->edges * sizeof(cg_edge);
    places[CG_IMAGE_REMOVED].size_bytes =
        graph->removed_count > 0 ? (rows + ROWS_A_WORD - 1) / ROWS_A_WORD * sizeof(uint64_t)
                                 : 0;
    places[CG_IMAGE_RELATIONS].size_bytes = graph->relations.names.used_bytes;
    places[CG_IMAGE_COLUMNS].size_bytes = header->columns * (uint64_t)CG_IMAGE_COLUMN_BYTES;
    places[CG_IMAGE_COLUMN_NAMES].size_bytes = graph->properties.names.used_bytes;
    places[CG_IMAGE_VALUES].size_bytes = values * CG_IMAGE_VALUE_BYTES;
    uint64_t at = CG_IMAGE_HEADER_BYTES;
    for (uint32_t i = 0; i < CG_IMAGE_SECTIONS; i++) {
        places[i].at = at;
        at += cg_image_padded(places[i].size_bytes);
    }
    header->size_bytes = at;
}

uint64_t cg_graph_image_bytes(const cg_graph *graph) {
    cg_image_header header;
    if (!can_be_saved(graph)) {
        return 0;
    }
    lay_out(graph, &header);
    return header.size_bytes;
}

static cg_writer writer_of(const cg_image_header *header, uint32_t section, uint8_t *bytes) {
    const cg_image_place *place = &header->places[section];
    return cg_writer_init(bytes + place->at, (size_t)place->size_bytes);
}

static void write_heap(const cg_image_header *header, uint32_t section, const text_heap *texts,
                       uint8_t *bytes) {
    cg_writer writer = writer_of(header, section, bytes);
    if (texts->used_bytes > 0) {
        cg_write_bytes(&writer, texts->bytes, texts->used_bytes);
    }
}

static void write_concepts(const cg_graph *graph, const cg_image_header *header,
                           uint8_t *bytes) {
    cg_writer writer = writer_of(header, CG_IMAGE_CONCEPTS, bytes);
    for (uint32_t row = 0; row < graph->concept_count; row++) {
        const graph_concept *held = &graph->concepts[row];
        cg_write_u64(&writer, held->id);
        cg_write_u64(&writer, held->name_start);
        cg_write_u32(&writer, held->depth);
        cg_write_u32(&writer, held->type);
    }
    CG_ASSERT(!writer.failed);
}

static void write_edges(const cg_graph *graph, const cg_image_header *header, uint8_t *bytes) {
    cg_writer starts = writer_of(header, CG_IMAGE_ROW_STARTS, bytes);
    for (uint64_t row = 0; row <= graph->concept_count; row++) {
        cg_write_u64(&starts, graph->row_starts ? graph->row_starts[row] : 0);
    }
    cg_writer edges = writer_of(header, CG_IMAGE_EDGES, bytes);
    for (uint64_t i = 0; i < graph->frozen_edge_count; i++) {
        cg_write_u32(&edges, graph->frozen_edges[i].target);
        cg_write_u16(&edges, graph->frozen_edges[i].type);
        cg_write_u8(&edges, graph->frozen_edges[i].weight);
        cg_write_u8(&edges, 0);
    }
    cg_writer removed = writer_of(header, CG_IMAGE_REMOVED, bytes);
    for (uint64_t word = 0; word * sizeof word < removed.capacity_bytes; word++) {
        cg_write_u64(&removed, word < graph->removed_capacity ? graph->removed[word] : 0);
    }
    CG_ASSERT(!starts.failed && !edges.failed && !removed.failed);
}

static void write_column(const cg_graph *graph, uint32_t column, cg_writer *values,
                         cg_writer *texts) {
    for (uint32_t row = 0; cg_properties_next(graph, column, &row); row++) {
        uint64_t bits = 0;
        (void)cg_properties_own(graph, column, row, &bits);
        if (cg_graph_property(graph, column).type == CG_PROPERTY_TEXT) {
            const char *text = graph->properties.texts.bytes + bits;
            bits = texts->used_bytes;
            cg_write_bytes(texts, text, strlen(text) + 1);
        }
        cg_write_u32(values, row);
        cg_write_u32(values, 0);
        cg_write_u64(values, bits);
    }
}

static void write_properties(const cg_graph *graph, const cg_image_header *header,
                             uint8_t *bytes) {
    cg_writer columns = writer_of(header, CG_IMAGE_COLUMNS, bytes);
    cg_writer values = writer_of(header, CG_IMAGE_VALUES, bytes);
    cg_writer texts = writer_of(header, CG_IMAGE_TEXTS, bytes);
    for (uint32_t c = 0; c < header->columns; c++) {
        size_t before = values.used_bytes;
        write_column(graph, c, &values, &texts);
        cg_write_u32(&columns, (uint32_t)cg_graph_property(graph, c).type);
        cg_write_u32(&columns, (uint32_t)cg_graph_property(graph, c).form);
        cg_write_u64(&columns, (values.used_bytes - before) / CG_IMAGE_VALUE_BYTES);
    }
    CG_ASSERT(!columns.failed && !values.failed && !texts.failed);
}

static void write_header(const cg_image_header *header, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes, CG_IMAGE_HEADER_BYTES);
    cg_write_bytes(&writer, cg_image_magic, sizeof cg_image_magic);
    cg_write_u32(&writer, CG_IMAGE_VERSION);
    cg_write_u32(&writer, CG_IMAGE_BYTE_ORDER);
    cg_write_u64(&writer, header->size_bytes);
    cg_write_u32(&writer, header->rows);
    cg_write_u32(&writer, header->relations);
    cg_write_u64(&writer, header->edges);
    cg_write_u32(&writer, header->columns);
    cg_write_u32(&writer, 0);
    for (uint32_t i = 0; i < CG_IMAGE_SECTIONS; i++) {
        cg_write_u64(&writer, header->places[i].at);
        cg_write_u64(&writer, header->places[i].size_bytes);
        cg_write_u64(&writer, header->places[i].checksum);
    }
    writer.used_bytes = CG_IMAGE_HEADER_HASHED;
    cg_write_u64(&writer, cg_hash_bytes(bytes, CG_IMAGE_HEADER_HASHED, 0));
    CG_ASSERT(!writer.failed);
}

cg_status cg_graph_save(const cg_graph *graph, uint8_t *bytes, size_t size_bytes,
                        cg_error *error) {
    cg_image_header header;
    if (!can_be_saved(graph)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "only a frozen graph without a base can be saved");
    }
    lay_out(graph, &header);
    if (header.size_bytes != size_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%zu bytes to save a graph that takes %llu", size_bytes,
                            (unsigned long long)header.size_bytes);
    }
    memset(bytes, 0, size_bytes);
    write_concepts(graph, &header, bytes);
    write_heap(&header, CG_IMAGE_NAMES, &graph->names, bytes);
    write_edges(graph, &header, bytes);
    write_heap(&header, CG_IMAGE_RELATIONS, &graph->relations.names, bytes);
    write_heap(&header, CG_IMAGE_COLUMN_NAMES, &graph->properties.names, bytes);
    write_properties(graph, &header, bytes);
    for (uint32_t i = 0; i < CG_IMAGE_SECTIONS; i++) {
        header.places[i].checksum = cg_image_checksum(bytes, &header, i);
    }
    write_header(&header, bytes);
    return CG_OK;
}
