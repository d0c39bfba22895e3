/* Debian's hnswlib behind a C interface, inner product as 1 - dot; NULL and false mean failure.
 */
#ifndef CG_TESTS_BENCH_PEER_HNSWLIB_H
#define CG_TESTS_BENCH_PEER_HNSWLIB_H

#ifdef __cplusplus
#include <cstdint>
extern "C" {
#else
#include <stdbool.h>
#include <stdint.h>
#endif

typedef struct peer_rows {
    const float *rows; /* float[count * dims] */
    uint32_t count;
    uint32_t dims;
} peer_rows;

typedef struct peer_index peer_index;

/* m 0: exhaustive search. */
peer_index *peer_hnswlib_build(const peer_rows *rows, uint32_t m, uint32_t ef_construction,
                               uint32_t threads);
bool peer_hnswlib_search(peer_index *index, const float *query, uint32_t k, uint32_t ef,
                         float *distances);
void peer_hnswlib_free(peer_index *index);

#ifdef __cplusplus
}
#endif

#endif
