#include <inttypes.h>
#include <string.h>

#include "sim/graphs/print.h"

enum { RELATIONS_SHOWN = 12, RELATION_COLUMNS = 32 };

/* Text with control characters as spaces, cut at a character's end with "..." and filled up to
 * `columns`; 0: whole. */
static void put_cell(FILE *file, const char *text, size_t columns) {
    size_t characters = 0;
    for (const char *at = text; *at; ++at) {
        characters += ((unsigned char)*at & 0xc0) != 0x80;
    }
    size_t shown = columns > 0 && characters > columns ? columns - 3 : characters;
    size_t used = 0;
    for (const char *at = text; *at; ++at) {
        unsigned char byte = (unsigned char)*at;
        bool first = (byte & 0xc0) != 0x80;
        if (first && used == shown) {
            break;
        }
        used += first;
        bool control = byte < 0x20 || byte == 0x7f;
        bool control_c1 = byte == 0xc2 && (unsigned char)at[1] < 0xa0;
        fputc(control || control_c1 ? ' ' : byte, file);
        at += control_c1;
    }
    if (shown < characters) {
        fputs("...", file);
        used += 3;
    }
    for (; used < columns; ++used) {
        fputc(' ', file);
    }
}

static const char *plural(uint64_t count, const char *one, const char *many) {
    return count == 1 ? one : many;
}

static void put_source(const sim_graph_sheet *sheet, FILE *file) {
    const sim_graph_facts *facts = &sheet->facts;
    fputs("graph         ", file);
    for (uint32_t i = 0; i < sheet->source_count; ++i) {
        fputs(i > 0 ? ", " : "", file);
        put_cell(file, sheet->sources[i], 0);
    }
    fprintf(file, "\n  source      %s", sim_graph_kind_name(facts->kind));
    switch (facts->kind) {
    case SIM_GRAPH_KIND_TRIPLES:
        fprintf(file, ": %" PRIu64 " %s", facts->triples,
                plural(facts->triples, "triple", "triples"));
        break;
    case SIM_GRAPH_KIND_VECTORS:
        fprintf(file, ": %u of %u dims", facts->vectors, facts->dims);
        break;
    default:
        break;
    }
    if (facts->size_bytes > 0) {
        fprintf(file, ", %" PRIu64 " bytes", facts->size_bytes);
    }
    fprintf(file, "\n  contents    %016" PRIx64 "\n", facts->content_hash);
}

static void put_counts(const sim_graph_sheet *sheet, FILE *file) {
    const cg_graph_summary *summary = sheet->summary;
    double concepts = summary->concepts;
    fprintf(file, "\nconcepts      %u, of which %u without any edge\n", summary->concepts,
            summary->isolated);
    fprintf(file, "edges         %" PRIu64, summary->edges);
    if (summary->edges > 0) {
        fprintf(file, ", %.2f from a concept; their mean weight is %.3f",
                (double)summary->edges / concepts, summary->weight_mean);
    }
    fputc('\n', file);
    if (sim_graph_states_edges(sheet->facts.kind)) {
        fprintf(file,
                "  merged      %" PRIu64
                " that the source has more than once; dropped: %" PRIu64
                " from a concept to itself\n",
                sheet->facts.duplicates, sheet->facts.self_edges);
    }
}

static void put_degree_line(const char *name, const cg_degree_summary *degrees, FILE *file) {
    fprintf(file, "  %-10s%8u%8u%8u%8u%8u%10u%10.2f", name, degrees->least, degrees->tenth,
            degrees->median, degrees->ninth, degrees->p99, degrees->most, degrees->mean);
    if (degrees->exponent > 0.0) {
        fprintf(file, "  %.2f from %u on (%u concepts)", degrees->exponent,
                degrees->exponent_from, degrees->exponent_rows);
    } else {
        fputs("  none fits", file);
    }
    fputc('\n', file);
}

static void put_structure(const sim_graph_sheet *sheet, FILE *file) {
    const cg_graph_summary *summary = sheet->summary;
    fputs("\ndegrees          least     10%  median     90%     99%      most      mean  "
          "power law's exponent\n",
          file);
    put_degree_line("out", &summary->out, file);
    put_degree_line("in", &summary->in, file);
    fprintf(file, "\nreciprocity   %.3f of edges have one back\n", summary->reciprocity);
    fprintf(file, "components    %u, weakly connected; the largest has %u %s\n",
            summary->components, summary->component_most,
            plural(summary->component_most, "concept", "concepts"));
    if (summary->roots > 0 || summary->depth_most > 0) {
        fprintf(file, "hierarchy     %u %s; the deepest concept is %u below one\n",
                summary->roots, plural(summary->roots, "root", "roots"), summary->depth_most);
    } else {
        fputs("hierarchy     none\n", file);
    }
    fprintf(file, "memory        %" PRIu64 " bytes", summary->bytes);
    if (summary->edges > 0) {
        fprintf(file, ", %.1f an edge, concepts and names included",
                (double)summary->bytes / (double)summary->edges);
    }
    fprintf(file, "\nhash          %016" PRIx64 "\n", summary->hash);
}

static void put_relations(const sim_graph_sheet *sheet, FILE *file) {
    const cg_graph_summary *summary = sheet->summary;
    uint64_t rest = summary->edges;
    if (summary->relation_count == 0) {
        fputs("\nrelations     none\n", file);
        return;
    }
    fprintf(file, "\nrelations     %u\n  %-*s%14s   share\n", summary->relation_count,
            RELATION_COLUMNS, "name", "edges");
    uint32_t shown = summary->relation_count;
    if (shown > RELATIONS_SHOWN + 1) {
        shown = RELATIONS_SHOWN; /* a line for the others; not for one other */
    }
    for (uint32_t i = 0; i < shown; ++i) {
        const cg_relation_count *relation = &summary->relations[i];
        fputs("  ", file);
        put_cell(file, cg_graph_relation_name(sheet->graph, relation->type), RELATION_COLUMNS);
        fprintf(file, "%14" PRIu64 "   %.3f\n", relation->edges,
                (double)relation->edges / (double)summary->edges);
        rest -= relation->edges;
    }
    if (shown < summary->relation_count) {
        char name[RELATION_COLUMNS];
        snprintf(name, sizeof name, "%u others", summary->relation_count - shown);
        fprintf(file, "  %-*s%14" PRIu64 "   %.3f\n", RELATION_COLUMNS, name, rest,
                (double)rest / (double)summary->edges);
    }
}

static void put_division(const char *how, const sim_graph_sheet *sheet,
                         const cg_partitioning_report *report, FILE *file) {
    const uint32_t concepts = sheet->summary->concepts;
    const double edges = report->edges > 0 ? (double)report->edges : 1.0;
    fprintf(file, "  %-10s%12" PRIu64 "   %.3f%15.3f%13.1f%%%11.3f\n", how, report->cut_edges,
            (double)report->cut_edges / edges,
            concepts > 0 ? (double)report->connectivity / concepts : 0.0,
            100.0 * report->imbalance,
            concepts > 0 ? (double)report->boundary_rows / concepts : 0.0);
}

static void put_parts(const sim_graph_sheet *sheet, FILE *file) {
    if (sheet->parts == 0) {
        return;
    }
    fprintf(file,
            "\nparts         %u\n  by           edges cut   share   connectivity   imbalance   "
            "boundary\n",
            sheet->parts);
    put_division("spectrum", sheet, &sheet->spectral, file);
    put_division("hash", sheet, &sheet->hashed, file);
}

void sim_graph_print_text(const sim_graph_sheet *sheet, FILE *file) {
    put_source(sheet, file);
    put_counts(sheet, file);
    put_structure(sheet, file);
    put_parts(sheet, file);
    put_relations(sheet, file);
}
