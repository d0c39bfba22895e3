/* Triples: the first byte says whether there are inverses and where the text is cut into two
 * sources. What is accepted must keep the promises of triples.h; what is refused names a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/summary.h"
#include "engine/graph/triples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t count_newlines(const uint8_t *data, size_t size) {
    uint64_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += data[i] == '\n';
    }
    return count;
}

static void check_graph(const cg_graph *graph, const cg_triples_report *report, bool inverse) {
    cg_graph_summary summary;
    const uint32_t rows = cg_graph_concept_count(graph);
    require(rows > 0 && rows <= 2 * report->lines);
    for (uint32_t row = 0; row < rows; row++) {
        require(cg_graph_id(graph, row) == (uint64_t)row + 1);
        const size_t bytes = strlen(cg_graph_name(graph, row));
        require(bytes > 0 && bytes <= CG_NAME_BYTES_MAX);
    }
    const uint64_t stated = (report->lines - report->self_edges) * (inverse ? 2 : 1);
    require(cg_graph_edge_count(graph) == stated - report->duplicates);
    require(cg_graph_relation_count(graph) == CG_EDGE_TYPE_COUNT + report->relations);
    require(cg_graph_summarise(graph, cg_allocator_heap(), &summary, NULL) == CG_OK);
    require(summary.concepts == rows && summary.edges == cg_graph_edge_count(graph));
    require(summary.components >= 1 && summary.component_most <= rows);
    require(summary.reciprocity >= 0.0 && summary.reciprocity <= 1.0);
    cg_graph_summary_free(&summary, cg_allocator_heap());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const cg_triples_options options = {.inverse = (data[0] & 1) != 0};
    const size_t text_bytes = size - 1;
    const size_t cut = text_bytes * (data[0] >> 1) / 128;
    const cg_triples_source sources[] = {{"first", data + 1, cut},
                                         {"second", data + 1 + cut, text_bytes - cut}};
    cg_graph *graph = NULL;
    cg_triples_report report = {0};
    cg_error error = {0};
    const cg_status status =
        cg_triples_parse(sources, 2, &options, cg_allocator_heap(), &graph, &report, &error);
    if (status == CG_OK) {
        require(report.lines + report.empty_lines <= count_newlines(data + 1, text_bytes) + 2);
        check_graph(graph, &report, options.inverse);
    } else {
        require(status == CG_ERROR_CORRUPT && graph == NULL);
        require(strstr(error.message, " line ") != NULL ||
                strstr(error.message, "there is no triple") != NULL);
    }
    cg_graph_free(graph);
    return 0;
}
