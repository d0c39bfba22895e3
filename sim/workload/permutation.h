/* A seeded order of any number of things, without a table.
 *
 * Which key has which rank of popularity, and which key follows which, must be fixed and look
 * random for up to 4 billion keys, of which a run touches few.
 */
#ifndef SIM_WORKLOAD_PERMUTATION_H
#define SIM_WORKLOAD_PERMUTATION_H

#include <stdint.h>

enum { SIM_PERMUTATION_ROUNDS = 6 };

typedef struct sim_permutation { /* a value */
    uint64_t count;
    uint32_t half_bits; /* of the smallest even number of bits that holds count - 1 */
    uint64_t keys[SIM_PERMUTATION_ROUNDS];
} sim_permutation;

/* Of 0..count-1, by the seed and the stream `name`; 1 <= count <= 2^62. */
sim_permutation sim_permutation_init(uint64_t count, uint64_t seed, const char *name);

/* The image of index < count, and the index of an image. Cost: on average at most four walks of
 * six hashes each. */
uint64_t sim_permutation_at(const sim_permutation *permutation, uint64_t index);
uint64_t sim_permutation_find(const sim_permutation *permutation, uint64_t image);

/* What follows `value` when the images of 0, 1, 2, ... are a ring: a successor map that is one
 * cycle through all values, so none follows itself unless it is alone. */
uint64_t sim_permutation_next(const sim_permutation *permutation, uint64_t value);

#endif
