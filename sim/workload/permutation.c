/* A balanced Feistel network on an even number of bits, and cycle walking: an image that is
 * count or more is taken through the network again, until it is below count (Black and Rogaway,
 * "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, section 4). The domain is at most four
 * times as large as count, so that takes four walks on average at most. Each round maps (left,
 * right) to (right, left xor f(right)), which is undone by running the rounds backwards,
 * whatever f is; so the whole is a permutation by construction.
 */
#include "sim/workload/permutation.h"

#include "engine/base/hash.h"
#include "engine/base/prng.h"
#include "engine/base/status.h"

sim_permutation sim_permutation_init(uint64_t count, uint64_t seed, const char *name) {
    CG_ASSERT(count > 0 && count <= UINT64_C(1) << 62);
    sim_permutation permutation = {.count = count, .half_bits = 1};
    while ((UINT64_C(1) << (2 * permutation.half_bits)) < count) {
        permutation.half_bits++;
    }
    cg_stream stream = cg_stream_init(seed, name, 0);
    for (uint32_t i = 0; i < SIM_PERMUTATION_ROUNDS; i++) {
        permutation.keys[i] = cg_stream_next(&stream);
    }
    return permutation;
}

static uint64_t walk(const sim_permutation *permutation, uint64_t value) {
    const uint32_t bits = permutation->half_bits;
    const uint64_t mask = (UINT64_C(1) << bits) - 1;
    uint64_t left = value >> bits;
    uint64_t right = value & mask;
    for (uint32_t i = 0; i < SIM_PERMUTATION_ROUNDS; i++) {
        const uint64_t mixed = left ^ (cg_hash_u64(right, permutation->keys[i]) & mask);
        left = right;
        right = mixed;
    }
    return left << bits | right;
}

static uint64_t walk_back(const sim_permutation *permutation, uint64_t value) {
    const uint32_t bits = permutation->half_bits;
    const uint64_t mask = (UINT64_C(1) << bits) - 1;
    uint64_t left = value >> bits;
    uint64_t right = value & mask;
    for (uint32_t i = SIM_PERMUTATION_ROUNDS; i > 0; i--) {
        const uint64_t mixed = right ^ (cg_hash_u64(left, permutation->keys[i - 1]) & mask);
        right = left;
        left = mixed;
    }
    return left << bits | right;
}

uint64_t sim_permutation_at(const sim_permutation *permutation, uint64_t index) {
    CG_ASSERT(index < permutation->count);
    do {
        index = walk(permutation, index);
    } while (index >= permutation->count);
    return index;
}

uint64_t sim_permutation_find(const sim_permutation *permutation, uint64_t image) {
    CG_ASSERT(image < permutation->count);
    do {
        image = walk_back(permutation, image);
    } while (image >= permutation->count);
    return image;
}

uint64_t sim_permutation_next(const sim_permutation *permutation, uint64_t value) {
    const uint64_t index = sim_permutation_find(permutation, value);
    return sim_permutation_at(permutation, index + 1 < permutation->count ? index + 1 : 0);
}
