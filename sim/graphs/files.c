#include "sim/graphs/files.h"

#include "engine/base/hash.h"

cg_status sim_graph_files_map(sim_graph_files *files, const char *path, cg_error *error) {
    if (files->count == SIM_GRAPH_FILES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "more than %d files for one graph",
                            (int)SIM_GRAPH_FILES_MAX);
    }
    sim_file_view *view = &files->views[files->count];
    cg_status status = sim_file_map(path, view, error);
    if (status != CG_OK) {
        return status;
    }
    files->count++;
    files->size_bytes += view->size_bytes;
    files->hash = cg_hash_bytes(view->bytes, view->size_bytes, files->hash);
    return CG_OK;
}

void sim_graph_files_unmap(sim_graph_files *files) {
    for (uint32_t i = 0; i < files->count; ++i) {
        sim_file_unmap(&files->views[i]);
    }
    *files = (sim_graph_files){0};
}
