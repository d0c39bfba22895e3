/* Popularity: which of n things is asked for, by rank from 0, the most popular.
 *
 * uniform  each as often as any other
 * zipf     rank r (from 0) in proportion to (r + 1)^-exponent; exponent 0..4
 * measured weights from a file, over the shares of the things: the first bucket's keys are the
 *          first ranks, and so on, scaled from the keys of the file to n (as CacheLib's
 *          cachebench does), all of one bucket alike. A share of the draws, `once`, are reads
 *          of keys that are read only once: they take the last ranks, one after another.
 *
 * A draw takes its randomness from the caller's stream, so it is a function of that; only what
 * is read once depends on how many such reads there were before.
 */
#ifndef SIM_WORKLOAD_POPULARITY_H
#define SIM_WORKLOAD_POPULARITY_H

#include "engine/base/memory.h"
#include "engine/base/prng.h"
#include "engine/base/status.h"
#include "sim/scenario/options.h"

enum { SIM_WEIGHTS_MAX = 1 << 20 };

/* Measured weights. Cumulative: keys[i] and reads[i] are the sums over the buckets 0..i. */
typedef struct sim_weights {
    double *keys;
    double *reads;
    uint32_t count;
    double once;
    cg_allocator allocator;
} sim_weights;

/* Reads CacheLib's JSON: an object of popularityWeights (reads of each bucket of keys, all
 * together), popularityBuckets (how many keys each bucket has; absent: one each) and oneHits
 * (share of all reads that go to keys read once; absent: 0). Errors: CG_ERROR_NOT_FOUND,
 * CG_ERROR_IO, CG_ERROR_MEMORY, and CG_ERROR_INVALID with the byte at which the file is not
 * that. */
cg_status sim_weights_read(const char *path, cg_allocator allocator, sim_weights *out,
                           cg_error *error);
/* The same from text; `name` is for sentences. */
cg_status sim_weights_parse(const char *text, size_t text_bytes, const char *name,
                            cg_allocator allocator, sim_weights *out, cg_error *error);
void sim_weights_deinit(sim_weights *weights);

typedef struct sim_popularity {
    sim_law law;
    uint64_t count;
    const sim_weights *weights; /* measured only; borrowed for as long as this is used */
    uint64_t reserved;          /* last ranks, for what is read once */
    uint64_t once_count;        /* such reads so far */
    double exponent;            /* zipf only, as the next three */
    double area_first;          /* where the area of rank 0 begins */
    double area_last;           /* where the area of the last rank ends */
    double sure;                /* so close behind its point a rank is sure to be taken */
} sim_popularity;

/* count >= 1. */
sim_popularity sim_popularity_uniform(uint64_t count);
/* exponent 0..4. */
sim_popularity sim_popularity_zipf(uint64_t count, double exponent);
/* `draws` is how many draws are expected: the last ranks are reserved for as many reads of keys
 * that are read once as there will hardly be more of, but never more than half of all ranks;
 * when they are used up, they come again. */
sim_popularity sim_popularity_measured(uint64_t count, const sim_weights *weights,
                                       uint64_t draws);

/* A rank, 0..count-1. Cost: O(1) for uniform and zipf, O(log buckets) for measured. */
uint64_t sim_popularity_draw(sim_popularity *popularity, cg_stream *stream);

#endif
