/* Graphs by name or file: what engine builds from bytes and settings, with the files opened.
 *
 *     wordnet                              WordNet 3.0, whole, from a folder
 *     synthetic                            engine/graph/synthetic.h
 *     *.tsv *.txt                          triples, engine/graph/triples.h; several are one graph
 *     *.fvecs *.bvecs *.ivecs *.fbin *.u8bin *.i8bin *.ibin   engine/node/neighbour_graph.h
 *     *.cggraph                            saved, engine/graph/graph_file.h: mapped, not read
 */
#ifndef SIM_GRAPHS_SOURCE_H
#define SIM_GRAPHS_SOURCE_H

#include "engine/base/parallel.h"
#include "engine/graph/graph.h"
#include "engine/graph/synthetic.h"
#include "engine/vector/vector_file.h"

typedef enum sim_graph_kind {
    SIM_GRAPH_KIND_WORDNET,
    SIM_GRAPH_KIND_SYNTHETIC,
    SIM_GRAPH_KIND_TRIPLES,
    SIM_GRAPH_KIND_VECTORS,
    SIM_GRAPH_KIND_SAVED,
    SIM_GRAPH_KINDS
} sim_graph_kind;

const char *sim_graph_kind_name(sim_graph_kind kind); /* "triples" */

enum { SIM_GRAPH_PATHS_MAX = 64 };
#define SIM_GRAPH_EXTENSION      ".cggraph"
#define SIM_GRAPH_WORDNET_FOLDER "/usr/share/wordnet"

typedef struct sim_graph_options {
    sim_graph_kind kind;
    const char *const *paths; /* borrowed; WordNet: its folder, or none for Debian's */
    uint32_t path_count;
    cg_synthetic_options synthetic;
    uint32_t neighbours; /* vectors */
    bool inverse;        /* triples and vectors: edges back */
    uint64_t seed;       /* synthetic and vectors; stands for synthetic.seed */
} sim_graph_options;

/* Of a kind, without paths: synthetic as cg_synthetic_options_default, 10 neighbours, no edges
 * back, seed 1. */
sim_graph_options sim_graph_options_default(sim_graph_kind kind);

/* What a name on the command line means: "wordnet", "synthetic", or a path by its extension
 * (in either case of letters). Error: CG_ERROR_INVALID naming the extensions that there are. The file is
 * not looked at. */
cg_status sim_graph_kind_of(const char *source, sim_graph_kind *out, cg_error *error);
/* Fails when a file is missing or cannot be read: CG_ERROR_NOT_FOUND naming it; CG_ERROR_INVALID
 * for no path or too many, and for options out of range. Before anything is built. */
cg_status sim_graph_check(const sim_graph_options *options, cg_error *error);

typedef struct sim_graph sim_graph;

/* The share that is built; false stops with CG_ERROR_INTERRUPTED. */
typedef bool (*sim_graph_progress)(void *context, double share);
typedef struct sim_graph_build_how {
    const cg_runner *runner;     /* NULL: serial */
    sim_graph_progress progress; /* or NULL */
    void *progress_context;
} sim_graph_build_how;

/* The frozen graph; the same bytes for any runner. Errors name the file: CG_ERROR_NOT_FOUND,
 * CG_ERROR_IO, CG_ERROR_CORRUPT, CG_ERROR_VERSION, CG_ERROR_INVALID, CG_ERROR_FULL, CG_ERROR_MEMORY,
 * CG_ERROR_INTERRUPTED. */
cg_status sim_graph_build(const sim_graph_options *options, const sim_graph_build_how *how,
                          sim_graph **out, cg_error *error);
void sim_graph_free(sim_graph *graph); /* NULL is fine */

const cg_graph *sim_graph_view(const sim_graph *graph); /* borrowed, never changed */
/* Gives the graph to the caller, who frees it with cg_graph_free. NULL for a saved one, which
 * lies in the mapped file and stays. */
cg_graph *sim_graph_take(sim_graph *graph);
/* The generator, for its planted communities; NULL unless synthetic. Borrowed. */
const cg_synthetic *sim_graph_synthetic(const sim_graph *graph);

typedef struct sim_graph_facts {
    sim_graph_kind kind;
    uint64_t
        content_hash;    /* XXH64 over the files' bytes, in order; synthetic: over the options.
                            * For provenance */
    uint64_t size_bytes; /* of the files */
    uint64_t duplicates; /* edges that the source states more than once */
    uint64_t self_edges;
    uint64_t triples; /* lines */
    uint32_t vectors;
    uint32_t dims;
} sim_graph_facts;
/* Whether duplicates and self edges are counted: not of WordNet's pointers, of which several
 * between two synsets are the rule, and not of saved graphs, which have none. */
bool sim_graph_states_edges(sim_graph_kind kind);
sim_graph_facts sim_graph_facts_of(const sim_graph *graph);

/* Fails unless a graph may be saved under that name: CG_ERROR_INVALID for another extension than
 * SIM_GRAPH_EXTENSION. */
cg_status sim_graph_check_name(const char *path, cg_error *error);
/* Saves so that "PATH.cggraph" is a source. Errors: CG_ERROR_INVALID for another extension, CG_ERROR_IO,
 * CG_ERROR_MEMORY. */
cg_status sim_graph_save(const cg_graph *graph, const char *path, cg_error *error);

#endif
