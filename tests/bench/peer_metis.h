/* Debian's METIS 5.1 on a symmetric graph; false means failure. Where it is not installed,
 * peer_no_metis.c stands for it.
 */
#ifndef CG_TESTS_BENCH_PEER_METIS_H
#define CG_TESTS_BENCH_PEER_METIS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/graph/partition/cut_graph.h"

typedef enum peer_metis_method {
    PEER_METIS_KWAY,       /* METIS_PartGraphKway, ufactor 30, otherwise its defaults */
    PEER_METIS_RECURSIVE,  /* METIS_PartGraphRecursive, ufactor 30 in all */
    PEER_METIS_BEST_OF_10, /* Kway with ncuts 10, niter 50 */
    PEER_METIS_VOLUME,     /* Kway for communication volume: sum of lambda - 1 */
    PEER_METIS_METHOD_COUNT
} peer_metis_method;

bool peer_metis_is_there(void);
bool peer_metis_partition(const cg_cut_graph *graph, uint32_t parts, peer_metis_method method,
                          int seed, uint32_t *part_of);

#endif
