/* In place of METIS where it is not installed. */
#include "tests/bench/peer_metis.h"

bool peer_metis_is_there(void) {
    return false;
}

bool peer_metis_partition(const cg_cut_graph *graph, uint32_t parts, peer_metis_method method,
                          int seed, uint32_t *part_of) {
    (void)graph;
    (void)parts;
    (void)method;
    (void)seed;
    (void)part_of;
    return false;
}
