/* Properties of concepts: named columns of numbers or texts over a graph's rows (spec E1).
 *
 * A column holds one value a row, or none. A sparse one costs some 50 bytes a value; a dense one
 * costs 8 bytes and a bit for each row of its graph up to the last that has a value. Texts cost
 * their bytes beside that, and one that is replaced is given back when the graph is merged.
 *
 * A graph on a base has the base's columns, and its own after them. What it sets, for its rows or
 * the base's, it keeps to itself; where it set nothing the base's value is seen.
 */
#ifndef CG_ENGINE_GRAPH_PROPERTIES_H
#define CG_ENGINE_GRAPH_PROPERTIES_H

#include "engine/graph/graph.h"

enum { CG_PROPERTIES_MAX = 1024, CG_PROPERTY_TEXT_BYTES_MAX = 65535 };

typedef enum cg_property_type {
    CG_PROPERTY_U64,
    CG_PROPERTY_F64, /* no NaN */
    CG_PROPERTY_TEXT
} cg_property_type;

typedef enum cg_property_form { CG_PROPERTY_SPARSE, CG_PROPERTY_DENSE } cg_property_form;

typedef struct cg_property {
    const char *name; /* 1 to CG_NAME_BYTES_MAX bytes */
    cg_property_type type;
    cg_property_form form;
} cg_property;

typedef struct cg_property_value {
    cg_property_type type;
    union {
        uint64_t u64;
        double f64;
        const char *text;
    };
} cg_property_value;

/* A new column, whose name is copied. Errors, with the graph unchanged: CG_ERROR_INVALID,
 * CG_ERROR_EXISTS for a name that is there, CG_ERROR_FULL, CG_ERROR_MEMORY. */
cg_status cg_graph_define_property(cg_graph *graph, const cg_property *property,
                                   uint32_t *column, cg_error *error);
/* Replaces what was there; texts are copied. Errors, with the graph unchanged: CG_ERROR_INVALID
 * for a row or column that is not there, a removed concept, a value of another type than the
 * column's, NaN, a text that is too long; CG_ERROR_MEMORY. */
cg_status cg_graph_set_property(cg_graph *graph, uint32_t column, uint32_t row,
                                cg_property_value value, cg_error *error);
/* False when the row has no value. A text is borrowed until a property of this graph or one
 * below it is set. column < cg_graph_property_count, row < concepts. */
bool cg_graph_get_property(const cg_graph *graph, uint32_t column, uint32_t row,
                           cg_property_value *value);

uint32_t cg_graph_property_count(const cg_graph *graph); /* columns, with the base's */
/* The name is borrowed until a property is defined. column < cg_graph_property_count. */
cg_property cg_graph_property(const cg_graph *graph, uint32_t column);
bool cg_graph_find_property(const cg_graph *graph, const char *name, uint32_t *column);
uint64_t cg_graph_property_bytes(const cg_graph *graph); /* own part; in cg_graph_bytes too */

#endif
