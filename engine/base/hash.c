/* XXH64, CRC-32C and the mixer.
 *
 * XXH64: four lanes of 64 bits, each lane <- rotl(lane + word * P2, 31) * P1, merged, then the
 * tail of fewer than 32 bytes and an avalanche. Source: Y. Collet, "xxHash fast digest
 * algorithm" specification, section "XXH64 algorithm description".
 * Known values: XXH64("", 0) = ef46db3751d8e999, XXH64("abc", 0) = 44bc2cf5ad770999.
 *
 * CRC-32C: polynomial 1edc6f41, reflected 82f63b78, start and final xor ffffffff; eight bytes
 * at a step by "slicing" (Kounavis and Berry, 2008): slice[k][b] is the CRC register after byte
 * b and k zero bytes.
 * Known values: RFC 3720, section B.4, and crc32c("123456789") = e3069283.
 *
 * Words are read byte by byte in little-endian order, so a result does not depend on the
 * machine.
 */
#include "engine/base/hash.h"

#include <string.h>

#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t rotate_left(uint64_t x, unsigned bits) {
    return (x << bits) | (x >> (64 - bits));
}

static uint32_t load_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t load_u64(const uint8_t *p) {
    return (uint64_t)load_u32(p) | (uint64_t)load_u32(p + 4) << 32;
}

static uint64_t xxh_round(uint64_t lane, uint64_t word) {
    return rotate_left(lane + word * P2, 31) * P1;
}

static uint64_t xxh_merge(uint64_t hash, uint64_t lane) {
    return (hash ^ xxh_round(0, lane)) * P1 + P4;
}

static uint64_t xxh_finish(uint64_t hash, const uint8_t *p, size_t left) {
    for (; left >= 8; left -= 8, p += 8) {
        hash = rotate_left(hash ^ xxh_round(0, load_u64(p)), 27) * P1 + P4;
    }
    if (left >= 4) {
        hash = rotate_left(hash ^ load_u32(p) * P1, 23) * P2 + P3;
        left -= 4;
        p += 4;
    }
    for (; left > 0; left--, p++) {
        hash = rotate_left(hash ^ *p * P5, 11) * P1;
    }
    hash = (hash ^ (hash >> 33)) * P2;
    hash = (hash ^ (hash >> 29)) * P3;
    return hash ^ (hash >> 32);
}

uint64_t cg_hash_bytes(const void *bytes, size_t size_bytes, uint64_t seed) {
    const uint8_t *p = bytes;
    size_t left = size_bytes;
    uint64_t hash = seed + P5;
    if (left >= 32) {
        uint64_t lanes[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
        for (; left >= 32; left -= 32, p += 32) {
            lanes[0] = xxh_round(lanes[0], load_u64(p));
            lanes[1] = xxh_round(lanes[1], load_u64(p + 8));
            lanes[2] = xxh_round(lanes[2], load_u64(p + 16));
            lanes[3] = xxh_round(lanes[3], load_u64(p + 24));
        }
        hash = rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) + rotate_left(lanes[2], 12) +
               rotate_left(lanes[3], 18);
        for (int i = 0; i < 4; i++) {
            hash = xxh_merge(hash, lanes[i]);
        }
    }
    return xxh_finish(hash + size_bytes, p, left);
}

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014, with Stafford's "Mix13" constants):
 * a bijection in which every input bit flips every output bit with probability close to a
 * half. */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t cg_hash_u64(uint64_t value, uint64_t seed) {
    /* The odd constant keeps (0, 0) off the mixer's fixed point 0. */
    return mix(value ^ mix(seed + UINT64_C(0x9e3779b97f4a7c15)));
}

/* A CRC register is linear in its input byte: the entry of a byte is the xor of the entries of
 * its bits. So a slice of 256 words follows, at compile time, from its eight words for the
 * bytes 1, 2, 4 ... 128. */
#define BIT(n, k, word) ((((n) >> (k)) & 1u) * UINT32_C(word))
#define WORD(n, a, b, c, d, e, f, g, h)                                                        \
    (BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ \
     BIT(n, 6, g) ^ BIT(n, 7, h))
#define WORD4(n, ...)                                                                          \
    WORD(n, __VA_ARGS__), WORD((n) + 1u, __VA_ARGS__), WORD((n) + 2u, __VA_ARGS__),            \
        WORD((n) + 3u, __VA_ARGS__)
#define WORD16(n, ...)                                                                         \
    WORD4(n, __VA_ARGS__), WORD4((n) + 4u, __VA_ARGS__), WORD4((n) + 8u, __VA_ARGS__),         \
        WORD4((n) + 12u, __VA_ARGS__)
#define WORD64(n, ...)                                                                         \
    WORD16(n, __VA_ARGS__), WORD16((n) + 16u, __VA_ARGS__), WORD16((n) + 32u, __VA_ARGS__),    \
        WORD16((n) + 48u, __VA_ARGS__)
#define SLICE(...)                                                                             \
    {                                                                                          \
        WORD64(0u, __VA_ARGS__), WORD64(64u, __VA_ARGS__), WORD64(128u, __VA_ARGS__),          \
            WORD64(192u, __VA_ARGS__)                                                          \
    }

static const uint32_t crc_slice[8][256] = {
    SLICE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
          0x82f63b78),
    SLICE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
          0xfbc3faf9),
    SLICE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
          0x8b277743),
    SLICE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
          0x52a0c93f),
    SLICE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
          0x6ea2d55c),
    SLICE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
          0x1c08b7d6),
    SLICE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
          0xf56e0ef4),
    SLICE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
          0x34019664),
};

uint32_t cg_crc32c(const void *bytes, size_t size_bytes) {
    const uint8_t *p = bytes;
    size_t left = size_bytes;
    uint32_t crc = UINT32_C(0xffffffff);
    for (; left >= 8; left -= 8, p += 8) {
        uint32_t first = crc ^ load_u32(p);
        uint32_t second = load_u32(p + 4);
        crc = crc_slice[7][first & 0xffu] ^ crc_slice[6][(first >> 8) & 0xffu] ^
              crc_slice[5][(first >> 16) & 0xffu] ^ crc_slice[4][first >> 24] ^
              crc_slice[3][second & 0xffu] ^ crc_slice[2][(second >> 8) & 0xffu] ^
              crc_slice[1][(second >> 16) & 0xffu] ^ crc_slice[0][second >> 24];
    }
    for (; left > 0; left--, p++) {
        crc = crc_slice[0][(crc ^ *p) & 0xffu] ^ (crc >> 8);
    }
    return ~crc;
}

cg_hasher cg_hasher_init(void) {
    return (cg_hasher){.state = P5};
}

void cg_hasher_add_u64(cg_hasher *hasher, uint64_t value) {
    hasher->state = cg_hash_u64(value, hasher->state);
}

void cg_hasher_add_f32(cg_hasher *hasher, float value) {
    uint32_t bits = 0;
    if (value != 0.0f) {
        memcpy(&bits, &value, sizeof bits);
    }
    cg_hasher_add_u64(hasher, bits);
}

void cg_hasher_add_f64(cg_hasher *hasher, double value) {
    uint64_t bits = 0;
    if (value != 0.0) {
        memcpy(&bits, &value, sizeof bits);
    }
    cg_hasher_add_u64(hasher, bits);
}

void cg_hasher_add_bytes(cg_hasher *hasher, const void *bytes, size_t size_bytes) {
    cg_hasher_add_u64(hasher, size_bytes);
    cg_hasher_add_u64(hasher, cg_hash_bytes(bytes, size_bytes, hasher->state));
}

uint64_t cg_hasher_value(const cg_hasher *hasher) {
    return hasher->state;
}
