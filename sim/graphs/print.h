/* A graph's summary as text and as JSON. */
#ifndef SIM_GRAPHS_PRINT_H
#define SIM_GRAPHS_PRINT_H

#include <stdio.h>

#include "engine/graph/partition/partitioner.h"
#include "engine/graph/summary.h"
#include "sim/graphs/source.h"

typedef struct sim_graph_sheet { /* what is to be printed; all borrowed */
    const char *const *sources;  /* names or paths */
    uint32_t source_count;
    sim_graph_facts facts;
    const cg_graph *graph;
    const cg_graph_summary *summary;
    uint32_t parts; /* that the graph was divided into; 0: it was not */
    cg_partitioning_report spectral;
    cg_partitioning_report hashed;
} sim_graph_sheet;

/* One line an aspect, without colours or anything that depends on the terminal or the machine. */
void sim_graph_print_text(const sim_graph_sheet *sheet, FILE *file);
/* One object, indented by two, without a newline at the end. */
void sim_graph_print_json(const sim_graph_sheet *sheet, FILE *file);

#endif
