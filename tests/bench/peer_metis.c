#include "tests/bench/peer_metis.h"

#include <math.h>
#include <metis.h>
#include <stdlib.h>

bool peer_metis_is_there(void) {
    return true;
}

typedef struct metis_graph {
    idx_t *starts;
    idx_t *targets;
    idx_t *weights;
    idx_t *part_of;
} metis_graph;

static bool copy(const cg_cut_graph *graph, metis_graph *out) {
    out->starts = malloc((graph->rows + 1) * sizeof *out->starts);
    out->targets = malloc((graph->arc_count + 1) * sizeof *out->targets);
    out->weights = malloc((graph->arc_count + 1) * sizeof *out->weights);
    out->part_of = malloc((graph->rows + 1) * sizeof *out->part_of);
    if (!out->starts || !out->targets || !out->weights || !out->part_of) {
        return false;
    }
    for (uint32_t row = 0; row <= graph->rows; row++) {
        out->starts[row] = (idx_t)graph->starts[row];
    }
    for (uint64_t i = 0; i < graph->arc_count; i++) {
        out->targets[i] = (idx_t)graph->arcs[i].target;
        out->weights[i] = (idx_t)graph->arcs[i].weight;
    }
    return true;
}

static bool run(const metis_graph *graph, idx_t rows, idx_t parts, peer_metis_method method,
                int seed) {
    idx_t options[METIS_NOPTIONS];
    idx_t constraints = 1;
    idx_t objective = 0;
    (void)METIS_SetDefaultOptions(options);
    options[METIS_OPTION_SEED] = seed;
    options[METIS_OPTION_UFACTOR] = 30;
    if (method == PEER_METIS_RECURSIVE) {
        /* It holds for each bisection. */
        const double levels = ceil(log2((double)parts));
        options[METIS_OPTION_UFACTOR] = (idx_t)(1000.0 * (pow(1.03, 1.0 / levels) - 1.0));
        return METIS_PartGraphRecursive(&rows, &constraints, graph->starts, graph->targets,
                                        NULL, NULL, graph->weights, &parts, NULL, NULL, options,
                                        &objective, graph->part_of) == METIS_OK;
    }
    if (method == PEER_METIS_BEST_OF_10) {
        options[METIS_OPTION_NCUTS] = 10;
        options[METIS_OPTION_NITER] = 50;
    }
    if (method == PEER_METIS_VOLUME) {
        options[METIS_OPTION_OBJTYPE] = METIS_OBJTYPE_VOL;
    }
    return METIS_PartGraphKway(&rows, &constraints, graph->starts, graph->targets, NULL, NULL,
                               method == PEER_METIS_VOLUME ? NULL : graph->weights, &parts,
                               NULL, NULL, options, &objective, graph->part_of) == METIS_OK;
}

bool peer_metis_partition(const cg_cut_graph *graph, uint32_t parts, peer_metis_method method,
                          int seed, uint32_t *part_of) {
    metis_graph copied = {0};
    bool is_fine =
        copy(graph, &copied) && run(&copied, (idx_t)graph->rows, (idx_t)parts, method, seed);
    for (uint32_t row = 0; row < graph->rows && is_fine; row++) {
        part_of[row] = (uint32_t)copied.part_of[row];
    }
    free(copied.starts);
    free(copied.targets);
    free(copied.weights);
    free(copied.part_of);
    return is_fine;
}
