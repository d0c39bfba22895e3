/* Triples to a graph, in two passes over their text.
 *
 * The first pass checks every line, gives rows and types to names as they appear, and counts
 * the edges of each row; the second looks the names up again and puts the edges in their
 * places. So nothing is held but the graph and, for names, tables from hash to row and type.
 *
 * Names that share a hash are told apart by the names themselves: the table's key is the
 * name's XXH64 with seed 0, then 1, and so on to the first that is free or leads to the name.
 *
 * Known value: the lines "a r b", "b r c", "a r b" give rows a, b, c, two edges, one
 * duplicate; with inverses four edges and two duplicates.
 */
#include "engine/graph/triples.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/map.h"
#include "engine/graph/bulk.h"
#include "engine/graph/triples_text.h"

enum { BACK_SHIFT = 16 }; /* of the inverse's type, beside the relation's in a table's value */

typedef struct loader {
    const cg_triples_options *options;
    cg_allocator allocator;
    cg_graph *graph;
    cg_table *rows;  /* hash of an entity's name -> row */
    cg_table *types; /* hash of a relation's name -> type, and its inverse's */
    uint32_t *degrees;
    size_t degree_capacity;
    cg_triples_report report;
} loader;

typedef struct ends {
    uint32_t head;
    uint32_t tail;
    uint16_t type;
    uint16_t inverse;
} ends;

static const char *entity_name(const cg_graph *graph, uint64_t value) {
    return cg_graph_name(graph, (uint32_t)value);
}

static const char *relation_name(const cg_graph *graph, uint64_t value) {
    return cg_graph_relation_name(graph, (uint32_t)(value & UINT16_MAX));
}

/* The value that a table holds for a name; otherwise false, and the key under which it would
 * be. */
static bool find(const loader *self, const triple_line *line, triple_part part, uint64_t *value,
                 uint64_t *key) {
    const cg_table *table = part == PART_RELATION ? self->types : self->rows;
    size_t bytes = line->bytes[part];
    for (uint64_t seed = 0;; seed++) {
        *key = cg_hash_bytes(line->text[part], bytes, seed);
        if (!cg_table_get(table, *key, value)) {
            return false;
        }
        const char *name = part == PART_RELATION ? relation_name(self->graph, *value)
                                                 : entity_name(self->graph, *value);
        if (strlen(name) == bytes && memcmp(name, line->text[part], bytes) == 0) {
            return true;
        }
    }
}

static cg_status meet_entity(loader *self, const triple_line *line, triple_part part,
                             uint32_t *row, cg_error *error) {
    char name[CG_NAME_BYTES_MAX + 1];
    uint64_t value = 0;
    uint64_t key = 0;
    if (find(self, line, part, &value, &key)) {
        *row = (uint32_t)value;
        return CG_OK;
    }
    memcpy(name, line->text[part], line->bytes[part]);
    name[line->bytes[part]] = '\0';
    uint64_t id = (uint64_t)cg_graph_concept_count(self->graph) + 1;
    cg_status status = cg_graph_add_concept(self->graph, id, 0, name, row, error);
    if (status == CG_OK) {
        status = CG_GROW(&self->allocator, self->degrees, self->degree_capacity,
                         (size_t)*row + 1, error);
    }
    return status == CG_OK ? cg_table_put(self->rows, key, *row, error) : status;
}

static cg_status meet_relation(loader *self, const triple_line *line, cg_error *error) {
    enum { MARK_BYTES = 11 }; /* of "inverse of " */
    char name[MARK_BYTES + CG_NAME_BYTES_MAX + 1];
    uint64_t value = 0;
    uint64_t key = 0;
    uint16_t type = 0;
    uint16_t inverse = 0;
    if (find(self, line, PART_RELATION, &value, &key)) {
        return CG_OK;
    }
    memcpy(name, cg_triples_inverse, MARK_BYTES);
    memcpy(name + MARK_BYTES, line->text[PART_RELATION], line->bytes[PART_RELATION]);
    name[MARK_BYTES + line->bytes[PART_RELATION]] = '\0';
    cg_status status = cg_graph_add_relation(self->graph, name + MARK_BYTES, &type, error);
    if (status == CG_OK && self->options->inverse) {
        status = cg_graph_add_relation(self->graph, name, &inverse, error);
    }
    if (status != CG_OK) {
        return status;
    }
    return cg_table_put(self->types, key, type | (uint64_t)inverse << BACK_SHIFT, error);
}

static cg_status meet_line(loader *self, const triple_line *line, cg_error *error) {
    uint32_t head = 0;
    uint32_t tail = 0;
    cg_status status = meet_entity(self, line, PART_HEAD, &head, error);
    if (status == CG_OK) {
        status = meet_relation(self, line, error);
    }
    if (status == CG_OK) {
        status = meet_entity(self, line, PART_TAIL, &tail, error);
    }
    if (status != CG_OK) {
        return status;
    }
    self->report.lines++;
    if (head == tail) {
        self->report.self_edges++;
        return CG_OK;
    }
    if (self->degrees[head] == UINT32_MAX - 2 || self->degrees[tail] == UINT32_MAX - 2) {
        return cg_error_set(error, CG_ERROR_FULL, "an entity is in more than %u triples",
                            UINT32_MAX - 2);
    }
    self->degrees[head]++;
    self->degrees[tail] += self->options->inverse;
    return CG_OK;
}

static cg_status first_pass(loader *self, triple_reader reader, cg_error *error) {
    triple_line line;
    bool found = false;
    cg_status status = cg_triples_next(&reader, &line, &found, error);
    while (status == CG_OK && found) {
        status = meet_line(self, &line, error);
        if (status != CG_OK) {
            return cg_triples_where(&reader, status, error);
        }
        status = cg_triples_next(&reader, &line, &found, error);
    }
    self->report.empty_lines = reader.empty_lines;
    self->report.relations = cg_graph_relation_count(self->graph) - CG_EDGE_TYPE_COUNT;
    if (status == CG_OK && self->report.lines == 0) {
        const char *name = reader.source_count > 0 ? reader.sources[0].name : NULL;
        return cg_error_set(error, CG_ERROR_CORRUPT, "%.200s%sthere is no triple",
                            name ? name : "", name ? ": " : "");
    }
    return status;
}

static ends ends_of(const loader *self, const triple_line *line) {
    uint64_t head = 0;
    uint64_t tail = 0;
    uint64_t types = 0;
    uint64_t key = 0;
    bool known = find(self, line, PART_HEAD, &head, &key) &&
                 find(self, line, PART_TAIL, &tail, &key) &&
                 find(self, line, PART_RELATION, &types, &key);
    CG_ASSERT(known); /* the first pass met them */
    return (ends){.head = (uint32_t)head,
                  .tail = (uint32_t)tail,
                  .type = (uint16_t)(types & UINT16_MAX),
                  .inverse = (uint16_t)(types >> BACK_SHIFT)};
}

static cg_status add_line(const loader *self, cg_bulk *bulk, const triple_line *line,
                          cg_error *error) {
    ends at = ends_of(self, line);
    if (at.head == at.tail) {
        return CG_OK;
    }
    cg_edge edge = {.target = at.tail, .type = at.type, .weight = line->weight};
    cg_status status = cg_bulk_add(bulk, at.head, edge, error);
    if (status == CG_OK && self->options->inverse) {
        edge.target = at.head;
        edge.type = at.inverse;
        status = cg_bulk_add(bulk, at.tail, edge, error);
    }
    return status;
}

static cg_status second_pass(loader *self, triple_reader reader, cg_error *error) {
    cg_bulk *bulk = NULL;
    cg_bulk_report report = {0};
    triple_line line;
    bool found = true;
    cg_status status = cg_bulk_alloc(self->graph, self->allocator, &bulk, error);
    uint32_t rows = cg_graph_concept_count(self->graph);
    for (uint32_t row = 0; status == CG_OK && row < rows; row++) {
        status = cg_bulk_count(bulk, row, self->degrees[row], error);
    }
    if (status == CG_OK) {
        status = cg_bulk_place(bulk, error);
    }
    while (status == CG_OK && found) {
        status = cg_triples_next(&reader, &line, &found, error);
        if (status == CG_OK && found) {
            status = add_line(self, bulk, &line, error);
        }
    }
    if (status == CG_OK) {
        status = cg_bulk_finish(bulk, &report, error);
    }
    self->report.duplicates = report.duplicates;
    cg_bulk_free(bulk);
    return status;
}

cg_status cg_triples_parse(const cg_triples_source *sources, uint32_t source_count,
                           const cg_triples_options *options, cg_allocator allocator,
                           cg_graph **out, cg_triples_report *report, cg_error *error) {
    loader self = {.options = options, .allocator = allocator};
    triple_reader reader = cg_triples_reader(sources, source_count, options->inverse);
    cg_status status = cg_graph_alloc(NULL, allocator, &self.graph, error);
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &self.rows, error);
    }
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &self.types, error);
    }
    if (status == CG_OK) {
        status = first_pass(&self, reader, error);
    }
    if (status == CG_OK) {
        status = second_pass(&self, reader, error);
    }
    cg_table_free(self.rows);
    cg_table_free(self.types);
    cg_deallocate(&allocator, self.degrees, self.degree_capacity, sizeof *self.degrees);
    if (status != CG_OK) {
        cg_graph_free(self.graph);
        return status;
    }
    *out = self.graph;
    if (report) {
        *report = self.report;
    }
    return CG_OK;
}
