/* Randomness as a function.
 *
 * A draw is a function of (seed, stream name, entity, counter) and of nothing else, so adding
 * an entity or a stream changes no other draw (spec G9). The function is Philox4x32-10 (Salmon
 * et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): key from seed and stream
 * name, counter from entity and counter.
 * Known value: philox4x32-10 of counter 0 and key 0 is 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
 */
#ifndef CG_ENGINE_BASE_PRNG_H
#define CG_ENGINE_BASE_PRNG_H

#include <stdint.h>

/* One Philox4x32-10 block. */
void cg_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

typedef struct cg_stream {
    uint64_t key;     /* from seed and name */
    uint64_t entity;  /* host, pair, client ... */
    uint64_t counter; /* of the next draw */
} cg_stream;

/* `name` is a NUL-terminated constant such as "fabric.latency". */
cg_stream cg_stream_init(uint64_t seed, const char *name, uint64_t entity);

/* The draw at an explicit counter; the stream is not advanced. */
uint64_t cg_stream_at(const cg_stream *stream, uint64_t counter);

uint64_t cg_stream_next(cg_stream *stream);    /* uniform over 64 bits */
double cg_stream_next_unit(cg_stream *stream); /* [0, 1), 53 bits */
/* [0, n), unbiased (Lemire 2019); n > 0. */
uint64_t cg_stream_next_below(cg_stream *stream, uint64_t n);
double cg_stream_next_exponential(cg_stream *stream, double mean);
double cg_stream_next_normal(cg_stream *stream); /* mean 0, deviation 1; by cg_log, cg_sincos */

/* Fisher-Yates. */
void cg_stream_shuffle_u32(cg_stream *stream, uint32_t *values, uint32_t count);

#endif
