/* Debian's hnswlib behind a C interface, squared Euclidean distance; NULL and false mean
 * failure. Where it is not installed, peer_none.c stands for it.
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
    const float *rows; /* float[count * dims], copied */
    uint32_t count;
    uint32_t dims;
} peer_rows;

typedef struct peer_index peer_index;

bool peer_hnswlib_is_there(void);

/* m 0: exhaustive search. */
peer_index *peer_hnswlib_build(const peer_rows *rows, uint32_t m, uint32_t ef_construction,
                               uint32_t threads);
void peer_hnswlib_free(peer_index *index);

/* rows[k]: the nearest first; UINT32_MAX where there are fewer. */
bool peer_hnswlib_search(peer_index *index, const float *query, uint32_t k, uint32_t ef,
                         uint32_t *rows);

/* What its building took from the heap and keeps. */
uint64_t peer_hnswlib_bytes(const peer_index *index);

#ifdef __cplusplus
}
#endif

#endif
