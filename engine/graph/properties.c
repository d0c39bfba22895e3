/* Properties: a list of definitions, and for each column a map by row and, if it is dense, an
 * array of own rows. See the header.
 *
 * Invariant: a row's value lies in the map or in the array, never in both; a dense column has own
 * rows in the array alone.
 * Known value: of a column set to 7 in a base and to 8 above it, the base shows 7 and the graph
 * above 8.
 */
#include "engine/graph/properties.h"

#include <string.h>

#include "engine/graph/graph_layout.h"

enum { MAP_ENTRY_BYTES = 32 };

void cg_properties_deinit(graph_properties *properties, const cg_allocator *allocator) {
    for (size_t c = 0; c < properties->column_capacity; c++) {
        property_column *column = &properties->columns[c];
        cg_map_free(column->sparse);
        cg_deallocate(allocator, column->dense, column->dense_capacity, sizeof(uint64_t));
        cg_deallocate(allocator, column->present, column->present_capacity, sizeof(uint64_t));
    }
    cg_deallocate(allocator, properties->columns, properties->column_capacity,
                  sizeof(property_column));
    cg_deallocate(allocator, properties->definitions, properties->definition_capacity,
                  sizeof(property_definition));
    cg_texts_deinit(&properties->names, allocator);
    cg_texts_deinit(&properties->texts, allocator);
    *properties = (graph_properties){0};
}

uint64_t cg_graph_property_bytes(const cg_graph *graph) {
    const graph_properties *held = &graph->properties;
    uint64_t bytes = held->definition_capacity * sizeof(property_definition) +
                     held->column_capacity * sizeof(property_column) + held->names.capacity +
                     held->texts.capacity;
    for (size_t c = 0; c < held->column_capacity; c++) {
        const property_column *column = &held->columns[c];
        bytes += (column->dense_capacity + column->present_capacity) * sizeof(uint64_t);
        bytes += column->sparse ? cg_map_count(column->sparse) * MAP_ENTRY_BYTES : 0;
    }
    return bytes;
}

/* --- Columns. --- */

uint32_t cg_graph_property_count(const cg_graph *graph) {
    return graph->properties.first + graph->properties.count;
}

static const property_definition *definition_of(const cg_graph *graph, uint32_t column,
                                                const cg_graph **owner) {
    CG_ASSERT(column < cg_graph_property_count(graph));
    while (column < graph->properties.first) {
        graph = graph->base;
    }
    *owner = graph;
    return &graph->properties.definitions[column - graph->properties.first];
}

cg_property cg_graph_property(const cg_graph *graph, uint32_t column) {
    const cg_graph *owner = NULL;
    const property_definition *held = definition_of(graph, column, &owner);
    return (cg_property){.name = owner->properties.names.bytes + held->name_start,
                         .type = held->type,
                         .form = held->form};
}

bool cg_graph_find_property(const cg_graph *graph, const char *name, uint32_t *column) {
    for (uint32_t c = 0; c < cg_graph_property_count(graph); c++) {
        if (strcmp(cg_graph_property(graph, c).name, name) == 0) {
            *column = c;
            return true;
        }
    }
    return false;
}

static cg_status check_property(const cg_graph *graph, const cg_property *property,
                                cg_error *error) {
    size_t bytes = strlen(property->name);
    uint32_t column = 0;
    if (bytes == 0 || bytes > CG_NAME_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the name of a property has %zu bytes; 1 to %d are allowed", bytes,
                            (int)CG_NAME_BYTES_MAX);
    }
    if ((uint32_t)property->type > CG_PROPERTY_TEXT ||
        (uint32_t)property->form > CG_PROPERTY_DENSE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "property '%s' has type %u and form %u; there are 0 to %d and 0 "
                            "to %d",
                            property->name, (uint32_t)property->type, (uint32_t)property->form,
                            (int)CG_PROPERTY_TEXT, (int)CG_PROPERTY_DENSE);
    }
    if (cg_graph_find_property(graph, property->name, &column)) {
        return cg_error_set(error, CG_ERROR_EXISTS, "there is a property '%s' already",
                            property->name);
    }
    if (cg_graph_property_count(graph) == CG_PROPERTIES_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "no room for property '%s': a graph has at most %d", property->name,
                            (int)CG_PROPERTIES_MAX);
    }
    return CG_OK;
}

cg_status cg_graph_define_property(cg_graph *graph, const cg_property *property,
                                   uint32_t *column, cg_error *error) {
    graph_properties *held = &graph->properties;
    cg_status status = check_property(graph, property, error);
    if (status == CG_OK) {
        status = cg_texts_reserve(&held->names, &graph->allocator, strlen(property->name) + 1,
                                  error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&graph->allocator, held->definitions, held->definition_capacity,
                         (size_t)held->count + 1, error);
    }
    if (status != CG_OK) {
        return status;
    }
    *column = held->first + held->count;
    held->definitions[held->count++] =
        (property_definition){.name_start = cg_texts_append(&held->names, property->name),
                              .type = property->type,
                              .form = property->form};
    return CG_OK;
}

/* --- Values. --- */

static cg_status check_value(const cg_graph *graph, uint32_t column, uint32_t row,
                             const cg_property_value *value, cg_error *error) {
    if (column >= cg_graph_property_count(graph) || row >= cg_graph_concept_count(graph)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "property %u of row %u; the graph has %u properties and %u rows",
                            column, row, cg_graph_property_count(graph),
                            cg_graph_concept_count(graph));
    }
    cg_property property = cg_graph_property(graph, column);
    if (cg_graph_is_removed(graph, row)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "property '%s' of the concept in row %u, which was removed",
                            property.name, row);
    }
    if (value->type != property.type) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a value of type %u for property '%s' of row %u, which has type %u",
                            (uint32_t)value->type, property.name, row, (uint32_t)property.type);
    }
    if (value->type == CG_PROPERTY_F64 && value->f64 != value->f64) {
        return cg_error_set(error, CG_ERROR_INVALID, "property '%s' of row %u is not a number",
                            property.name, row);
    }
    if (value->type == CG_PROPERTY_TEXT && strlen(value->text) > CG_PROPERTY_TEXT_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "property '%s' of row %u has %zu bytes; at most %d are allowed",
                            property.name, row, strlen(value->text),
                            (int)CG_PROPERTY_TEXT_BYTES_MAX);
    }
    return CG_OK;
}

static bool is_in_array(const cg_graph *layer, uint32_t column, uint32_t row) {
    return row >= layer->first_row &&
           cg_graph_property(layer, column).form == CG_PROPERTY_DENSE;
}

static cg_status put_value(cg_graph *graph, uint32_t number, uint32_t row, uint64_t bits,
                           cg_error *error) {
    property_column *column = &graph->properties.columns[number];
    const cg_allocator *allocator = &graph->allocator;
    if (!is_in_array(graph, number, row)) {
        cg_status status =
            column->sparse ? CG_OK : cg_map_alloc(*allocator, &column->sparse, error);
        return status == CG_OK ? cg_map_put(column->sparse, row, bits, error) : status;
    }
    size_t own = row - graph->first_row;
    cg_status status =
        CG_GROW(allocator, column->dense, column->dense_capacity, own + 1, error);
    if (status == CG_OK) {
        status = CG_GROW(allocator, column->present, column->present_capacity,
                         own / ROWS_A_WORD + 1, error);
    }
    if (status == CG_OK) {
        column->dense[own] = bits;
        column->present[own / ROWS_A_WORD] |= UINT64_C(1) << own % ROWS_A_WORD;
    }
    return status;
}

cg_status cg_graph_set_property(cg_graph *graph, uint32_t column, uint32_t row,
                                cg_property_value value, cg_error *error) {
    graph_properties *held = &graph->properties;
    cg_status status = check_value(graph, column, row, &value, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t bits = value.u64;
    if (value.type == CG_PROPERTY_TEXT) {
        bits = held->texts.used_bytes;
        status =
            cg_texts_reserve(&held->texts, &graph->allocator, strlen(value.text) + 1, error);
    } else if (value.type == CG_PROPERTY_F64) {
        double number = value.f64 == 0.0 ? 0.0 : value.f64; /* no -0.0 */
        memcpy(&bits, &number, sizeof bits);
    }
    if (status == CG_OK) {
        status = CG_GROW(&graph->allocator, held->columns, held->column_capacity,
                         (size_t)column + 1, error);
    }
    if (status == CG_OK) {
        status = put_value(graph, column, row, bits, error);
    }
    if (status == CG_OK && value.type == CG_PROPERTY_TEXT) {
        (void)cg_texts_append(&held->texts, value.text);
    }
    return status;
}

bool cg_properties_own(const cg_graph *layer, uint32_t number, uint32_t row, uint64_t *bits) {
    const graph_properties *held = &layer->properties;
    if (number >= held->column_capacity) {
        return false;
    }
    const property_column *column = &held->columns[number];
    if (!is_in_array(layer, number, row)) {
        return column->sparse && cg_map_get(column->sparse, row, bits);
    }
    size_t own = row - layer->first_row;
    size_t word = own / ROWS_A_WORD;
    if (word >= column->present_capacity ||
        (column->present[word] >> own % ROWS_A_WORD & 1) == 0) {
        return false;
    }
    *bits = column->dense[own];
    return true;
}

bool cg_graph_get_property(const cg_graph *graph, uint32_t column, uint32_t row,
                           cg_property_value *value) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    cg_property_type type = cg_graph_property(graph, column).type;
    uint64_t bits = 0;
    const cg_graph *layer = graph;
    /* Below the layer that defines a column, nobody has values of it. */
    while (!cg_properties_own(layer, column, row, &bits)) {
        if (column >= layer->properties.first) {
            return false;
        }
        layer = layer->base;
    }
    value->type = type;
    if (type == CG_PROPERTY_TEXT) {
        value->text = layer->properties.texts.bytes + bits;
    } else if (type == CG_PROPERTY_F64) {
        memcpy(&value->f64, &bits, sizeof bits);
    } else {
        value->u64 = bits;
    }
    return true;
}

/* --- Walking a column. --- */

/* Moves *own to the first own row from there on that the array has a value of. */
static bool next_in_array(const property_column *column, uint32_t *own) {
    for (size_t word = *own / ROWS_A_WORD; word < column->present_capacity; word++) {
        uint64_t bits = column->present[word] >> *own % ROWS_A_WORD;
        if (bits != 0) {
            for (; (bits & 1) == 0; bits >>= 1) {
                (*own)++;
            }
            return true;
        }
        *own = (uint32_t)((word + 1) * ROWS_A_WORD);
    }
    return false;
}

/* Moves *row to the first row from there on that this layer has a value of. */
static bool next_own(const cg_graph *layer, uint32_t number, uint32_t *row) {
    if (number >= layer->properties.column_capacity) {
        return false;
    }
    const property_column *column = &layer->properties.columns[number];
    uint64_t in_map = 0;
    uint64_t value = 0;
    if (column->sparse && cg_map_next(column->sparse, *row, &in_map, &value)) {
        *row = (uint32_t)in_map; /* before all in the array, which has own rows alone */
        return true;
    }
    uint32_t own = *row > layer->first_row ? *row - layer->first_row : 0;
    bool has_more = next_in_array(column, &own);
    *row = has_more ? layer->first_row + own : *row;
    return has_more;
}

bool cg_properties_next(const cg_graph *graph, uint32_t column, uint32_t *row) {
    uint32_t least = UINT32_MAX;
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        uint32_t here = *row;
        if (next_own(layer, column, &here) && here < least) {
            least = here;
        }
    }
    *row = least != UINT32_MAX ? least : *row;
    return least != UINT32_MAX;
}

/* --- Hash and copy. --- */

static void hash_value(const cg_graph *layer, uint32_t column, uint32_t row, uint64_t bits,
                       cg_hasher *hasher) {
    cg_hasher_add_u64(hasher, (uint64_t)column << 32 | row);
    if (cg_graph_property(layer, column).type == CG_PROPERTY_TEXT) {
        const char *text = layer->properties.texts.bytes + bits;
        cg_hasher_add_bytes(hasher, text, strlen(text));
    } else {
        cg_hasher_add_u64(hasher, bits);
    }
}

static void hash_column(const cg_graph *layer, uint32_t number, cg_hasher *hasher) {
    uint64_t bits = 0;
    for (uint32_t row = 0; next_own(layer, number, &row); row++) {
        (void)cg_properties_own(layer, number, row, &bits);
        hash_value(layer, number, row, bits, hasher);
    }
}

void cg_properties_hash(const cg_graph *layer, cg_hasher *hasher) {
    const graph_properties *held = &layer->properties;
    for (uint32_t c = 0; c < held->count; c++) {
        cg_property property = cg_graph_property(layer, held->first + c);
        cg_hasher_add_bytes(hasher, property.name, strlen(property.name));
        cg_hasher_add_u64(hasher, (uint64_t)property.type << 32 | (uint64_t)property.form);
    }
    for (uint32_t c = 0; c < cg_graph_property_count(layer); c++) {
        hash_column(layer, c, hasher);
    }
}

static cg_status copy_column(cg_graph *to, const cg_graph *from, uint32_t column,
                             cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t row = 0; status == CG_OK && cg_properties_next(from, column, &row); row++) {
        cg_property_value value;
        (void)cg_graph_get_property(from, column, row, &value);
        status = cg_graph_set_property(to, column, row, value, error);
    }
    return status;
}

cg_status cg_properties_copy(cg_graph *to, const cg_graph *from, cg_error *error) {
    uint32_t count = cg_graph_property_count(from);
    cg_status status = CG_OK;
    for (uint32_t c = 0; c < count && status == CG_OK; c++) {
        cg_property property = cg_graph_property(from, c);
        uint32_t column = 0;
        status = cg_graph_define_property(to, &property, &column, error);
    }
    for (uint32_t c = 0; c < count && status == CG_OK; c++) {
        status = copy_column(to, from, c, error);
    }
    return status;
}
