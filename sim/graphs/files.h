/* Files mapped for a while, and the hash of what they hold. */
#ifndef SIM_GRAPHS_FILES_H
#define SIM_GRAPHS_FILES_H

#include "sim/store/file.h"

enum { SIM_GRAPH_FILES_MAX = 64 };

typedef struct sim_graph_files {
    sim_file_view views[SIM_GRAPH_FILES_MAX];
    uint32_t count;
    uint64_t hash;       /* XXH64 of each file, seeded by the hash of those before */
    uint64_t size_bytes; /* of all */
} sim_graph_files;

/* Appends a file. Errors as sim_file_map, naming it; CG_ERROR_INVALID for one too many. */
cg_status sim_graph_files_map(sim_graph_files *files, const char *path, cg_error *error);
void sim_graph_files_unmap(sim_graph_files *files);

#endif
