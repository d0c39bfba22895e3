/* Philox4x32-10 and the distributions on top of it.
 *
 * A block cipher with a weak, fast round, run over a counter: ten rounds of two 32x32-bit
 * multiplications, the key stepped by Weyl constants between rounds. Source: Salmon et al., SC
 * 2011, section 3.3. Known value: counter 0, key 0 gives 6627e8d5 e169c58d bc57ac4c 9b00dbd8;
 * the others of Random123's kat_vectors are in the test.
 *
 * A draw takes the first two words of block (counter low, counter high, entity low, entity
 * high) under the key XXH64(name, seed). The other two words stay unused: then draw n of a
 * stream is block n, and no draw depends on whether the one before it took the first or the
 * second half.
 */
#include "engine/base/prng.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/base/status.h"
#include "engine/base/wide.h"

enum { PHILOX_ROUNDS = 10 };

void cg_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t x[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t first = (uint64_t)x[0] * UINT32_C(0xd2511f53);
        uint64_t second = (uint64_t)x[2] * UINT32_C(0xcd9e8d57);
        x[0] = (uint32_t)(second >> 32) ^ x[1] ^ k0;
        x[1] = (uint32_t)second;
        x[2] = (uint32_t)(first >> 32) ^ x[3] ^ k1;
        x[3] = (uint32_t)first;
        k0 += UINT32_C(0x9e3779b9);
        k1 += UINT32_C(0xbb67ae85);
    }
    memcpy(out, x, sizeof x);
}

cg_stream cg_stream_init(uint64_t seed, const char *name, uint64_t entity) {
    return (cg_stream){.key = cg_hash_bytes(name, strlen(name), seed), .entity = entity};
}

uint64_t cg_stream_at(const cg_stream *stream, uint64_t counter) {
    const uint32_t block[4] = {(uint32_t)counter, (uint32_t)(counter >> 32),
                               (uint32_t)stream->entity, (uint32_t)(stream->entity >> 32)};
    const uint32_t key[2] = {(uint32_t)stream->key, (uint32_t)(stream->key >> 32)};
    uint32_t out[4];
    cg_philox4x32(block, key, out);
    return (uint64_t)out[0] | (uint64_t)out[1] << 32;
}

uint64_t cg_stream_next(cg_stream *stream) {
    return cg_stream_at(stream, stream->counter++);
}

double cg_stream_next_unit(cg_stream *stream) {
    return (double)(cg_stream_next(stream) >> 11) * 0x1p-53;
}

/* Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 2019, algorithm 5: the
 * high word of draw * n is the result; the 2^64 mod n lowest low words are refused, so that
 * each result has as many draws as any other. */
uint64_t cg_stream_next_below(cg_stream *stream, uint64_t n) {
    CG_ASSERT(n > 0);
    cg_wide product = cg_multiply_wide(cg_stream_next(stream), n);
    if (product.low < n) {
        uint64_t refused = (UINT64_C(0) - n) % n;
        while (product.low < refused) {
            product = cg_multiply_wide(cg_stream_next(stream), n);
        }
    }
    return product.high;
}

double cg_stream_next_exponential(cg_stream *stream, double mean) {
    /* 1 - u is in (0, 1] and exact, so the logarithm is finite. */
    return -mean * cg_log(1.0 - cg_stream_next_unit(stream));
}

/* Box and Muller (1958), the cosine only: always two draws, no state between calls. */
double cg_stream_next_normal(cg_stream *stream) {
    double radius = cg_sqrt(-2.0 * cg_log(1.0 - cg_stream_next_unit(stream)));
    double sine = 0.0;
    double cosine = 0.0;
    cg_sincos_turn(cg_stream_next_unit(stream), &sine, &cosine);
    return radius * cosine;
}

void cg_stream_shuffle_u32(cg_stream *stream, uint32_t *values, uint32_t count) {
    for (uint32_t left = count; left > 1; left--) {
        uint32_t chosen = (uint32_t)cg_stream_next_below(stream, left);
        uint32_t value = values[chosen];
        values[chosen] = values[left - 1];
        values[left - 1] = value;
    }
}
