/* In place of a peer that is not installed: there is none, and nothing is compared. */
#include <stddef.h>

#include "tests/bench/peer_hnswlib.h"

bool peer_hnswlib_is_there(void) {
    return false;
}

peer_index *peer_hnswlib_build(const peer_rows *rows, uint32_t m, uint32_t ef_construction,
                               uint32_t threads) {
    (void)rows;
    (void)m;
    (void)ef_construction;
    (void)threads;
    return NULL;
}

void peer_hnswlib_free(peer_index *index) {
    (void)index;
}

bool peer_hnswlib_search(peer_index *index, const float *query, uint32_t k, uint32_t ef,
                         uint32_t *rows) {
    (void)index;
    (void)query;
    (void)k;
    (void)ef;
    (void)rows;
    return false;
}

uint64_t peer_hnswlib_bytes(const peer_index *index) {
    (void)index;
    return 0;
}
