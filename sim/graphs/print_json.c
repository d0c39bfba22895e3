#include <inttypes.h>

#include "sim/graphs/print.h"

static void put_string(FILE *file, const char *text) {
    fputc('"', file);
    for (const unsigned char *at = (const unsigned char *)text; *at; ++at) {
        if (*at == '"' || *at == '\\') {
            fprintf(file, "\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7f) {
            fprintf(file, "\\u%04x", *at);
        } else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) { /* U+0080 to U+009F */
            fprintf(file, "\\u%04x", *++at);
        } else {
            fputc(*at, file);
        }
    }
    fputc('"', file);
}

static void put_degrees(const char *name, const cg_degree_summary *degrees, FILE *file) {
    fprintf(file,
            "  \"%s\": {\n    \"least\": %u,\n    \"p10\": %u,\n    \"median\": %u,\n"
            "    \"p90\": %u,\n    \"p99\": %u,\n    \"most\": %u,\n    \"mean\": %.6f,\n",
            name, degrees->least, degrees->tenth, degrees->median, degrees->ninth, degrees->p99,
            degrees->most, degrees->mean);
    if (degrees->exponent > 0.0) {
        fprintf(file,
                "    \"exponent\": %.6f,\n    \"exponent_from\": %u,\n    "
                "\"exponent_concepts\": %u,\n    \"exponent_distance\": %.6f\n  },\n",
                degrees->exponent, degrees->exponent_from, degrees->exponent_rows,
                degrees->exponent_distance);
    } else {
        fputs("    \"exponent\": null\n  },\n", file);
    }
}

static void put_facts(const sim_graph_sheet *sheet, FILE *file) {
    const sim_graph_facts *facts = &sheet->facts;
    fputs("{\n  \"sources\": [", file);
    for (uint32_t i = 0; i < sheet->source_count; ++i) {
        fputs(i > 0 ? ", " : "", file);
        put_string(file, sheet->sources[i]);
    }
    fprintf(file, "],\n  \"kind\": \"%s\",\n", sim_graph_kind_name(facts->kind));
    if (facts->kind == SIM_GRAPH_KIND_TRIPLES) {
        fprintf(file, "  \"triples\": %" PRIu64 ",\n", facts->triples);
    }
    if (facts->kind == SIM_GRAPH_KIND_VECTORS) {
        fprintf(file, "  \"vectors\": %u,\n  \"dims\": %u,\n", facts->vectors, facts->dims);
    }
    if (sim_graph_states_edges(facts->kind)) {
        fprintf(file, "  \"duplicates\": %" PRIu64 ",\n  \"self_edges\": %" PRIu64 ",\n",
                facts->duplicates, facts->self_edges);
    }
    fprintf(file, "  \"size_bytes\": %" PRIu64 ",\n  \"content_hash\": \"%016" PRIx64 "\",\n",
            facts->size_bytes, facts->content_hash);
}

static void put_division(const char *how, const cg_partitioning_report *report, FILE *file) {
    fprintf(file,
            "    \"%s\": {\"cut_edges\": %" PRIu64 ", \"connectivity\": %" PRIu64
            ", \"boundary\": %u, \"largest\": %u, \"smallest\": %u, \"imbalance\": %.6f}",
            how, report->cut_edges, report->connectivity, report->boundary_rows,
            report->largest_part, report->smallest_part, report->imbalance);
}

static void put_parts(const sim_graph_sheet *sheet, FILE *file) {
    if (sheet->parts == 0) {
        return;
    }
    fprintf(file, "  \"parts\": {\n    \"count\": %u,\n", sheet->parts);
    put_division("spectrum", &sheet->spectral, file);
    fputs(",\n", file);
    put_division("hash", &sheet->hashed, file);
    fputs("\n  },\n", file);
}

void sim_graph_print_json(const sim_graph_sheet *sheet, FILE *file) {
    const cg_graph_summary *summary = sheet->summary;
    put_facts(sheet, file);
    fprintf(file,
            "  \"concepts\": %u,\n  \"isolated\": %u,\n  \"edges\": %" PRIu64
            ",\n  \"weight_mean\": %.6f,\n",
            summary->concepts, summary->isolated, summary->edges, summary->weight_mean);
    put_degrees("out_degree", &summary->out, file);
    put_degrees("in_degree", &summary->in, file);
    fprintf(file,
            "  \"reciprocity\": %.6f,\n  \"components\": %u,\n  \"component_most\": %u,\n"
            "  \"roots\": %u,\n  \"depth_most\": %u,\n",
            summary->reciprocity, summary->components, summary->component_most, summary->roots,
            summary->depth_most);
    fprintf(file, "  \"memory_bytes\": %" PRIu64 ",\n  \"hash\": \"%016" PRIx64 "\",\n",
            summary->bytes, summary->hash);
    put_parts(sheet, file);
    fputs("  \"relations\": [", file);
    for (uint32_t i = 0; i < summary->relation_count; ++i) {
        fputs(i > 0 ? ",\n    {\"name\": " : "\n    {\"name\": ", file);
        put_string(file, cg_graph_relation_name(sheet->graph, summary->relations[i].type));
        fprintf(file, ", \"edges\": %" PRIu64 "}", summary->relations[i].edges);
    }
    fputs(summary->relation_count > 0 ? "\n  ]\n}" : "]\n}", file);
}
