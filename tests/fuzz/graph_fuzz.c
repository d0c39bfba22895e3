/* cg_graph_open on any bytes, their checksums as they are or made right: a status, or a graph
 * that can be read, changed, merged and saved again to the same bytes. The first byte says
 * which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/graph_file.h"
#include "engine/graph/graph_merge.h"
#include "engine/graph/properties.h"
#include "tests/support/graph_forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_USED_MAX = 300 };

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t walk(const cg_graph *graph) {
    uint32_t rows = cg_graph_concept_count(graph);
    uint64_t walked = 0;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t path[CG_PATH_MAX];
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        cg_edge edge;
        require(strlen(cg_graph_name(graph, row)) <= CG_NAME_BYTES_MAX);
        require(cg_graph_depth(graph, row) < rows);
        require(cg_graph_row_is_plain(graph, row));
        while (cg_graph_next_edge(&cursor, &edge)) {
            require(edge.target < rows && edge.target != row);
            require(strlen(cg_graph_relation_name(graph, edge.type)) > 0);
            walked++;
        }
        require(cg_graph_path_to_root(graph, row, path) >= 1);
        for (uint32_t c = 0; c < cg_graph_property_count(graph) && row < ROWS_USED_MAX; c++) {
            cg_property_value value;
            if (cg_graph_get_property(graph, c, row, &value) &&
                value.type == CG_PROPERTY_TEXT) {
                require(strlen(value.text) <= CG_PROPERTY_TEXT_BYTES_MAX);
            }
        }
    }
    return walked;
}

static void save_again(const cg_graph *graph, const uint8_t *bytes, size_t size) {
    cg_allocator heap = cg_allocator_heap();
    require(cg_graph_image_bytes(graph) == size);
    uint8_t *again = cg_allocate_aligned(&heap, size);
    require(again != NULL);
    require(cg_graph_save(graph, again, size, NULL) == CG_OK);
    require(memcmp(again, bytes, size) == 0);
    cg_deallocate_aligned(&heap, again, size);
}

static void change(cg_graph *graph) {
    uint32_t row = 0;
    cg_graph *merged = NULL;
    require(cg_graph_merge(graph, cg_allocator_heap(), &merged, NULL) == CG_OK);
    require(cg_graph_hash(merged) == cg_graph_hash(graph));
    cg_graph_free(merged);
    require(cg_graph_add_concept(graph, 1, 0, "new", &row, NULL) == CG_OK);
    if (row > 0) {
        (void)cg_graph_add_edge(graph, row, (cg_edge){.target = 0}, NULL);
        cg_edge_span span = cg_graph_frozen_edges(graph, 0);
        if (span.count > 0) {
            require(cg_graph_set_weight(graph, 0, span.edges[0].type, span.edges[0].target, 9,
                                        NULL) == CG_OK);
        }
    }
    uint64_t edges = cg_graph_edge_count(graph);
    require(cg_graph_freeze(graph, NULL) == CG_OK);
    require(cg_graph_edge_count(graph) == edges);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cg_allocator heap = cg_allocator_heap();
    if (size == 0) {
        return 0;
    }
    uint8_t *bytes = cg_allocate_aligned(&heap, size);
    require(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1u) {
        graph_forge_seal(bytes, size - 1);
    }
    cg_graph *graph = NULL;
    cg_error error = {0};
    cg_status status = cg_graph_open(bytes, size - 1, heap, &graph, &error);
    if (status == CG_OK) {
        require(walk(graph) == cg_graph_edge_count(graph));
        save_again(graph, bytes, size - 1);
        change(graph);
        cg_graph_free(graph);
    } else {
        require(status == CG_ERROR_CORRUPT || status == CG_ERROR_VERSION);
        require(error.message[0] != '\0');
    }
    cg_deallocate_aligned(&heap, bytes, size);
    return 0;
}
