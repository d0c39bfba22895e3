/* A graph and what it came from; for sim/graphs alone. */
#ifndef SIM_GRAPHS_SOURCE_INTERNAL_H
#define SIM_GRAPHS_SOURCE_INTERNAL_H

#include "sim/graphs/files.h"
#include "sim/graphs/source.h"

struct sim_graph {
    cg_allocator allocator;
    cg_graph *graph;
    cg_synthetic *synthetic;
    sim_graph_files files; /* mapped while building; a saved graph's stays */
    sim_graph_facts facts;
};

/* The vector format that a path's extension names; false when it names none. */
bool sim_graph_vector_format(const char *path, cg_vector_format *out);

#endif
