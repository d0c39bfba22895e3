/* Hashes: XXH64 for tables, features, fingerprints and state; CRC-32C for bytes on wire and
 * disk.
 *
 * XXH64 follows Y. Collet's specification; XXH64("", 0) = ef46db3751d8e999.
 * CRC-32C is the Castagnoli polynomial, reflected; crc32c("123456789") = e3069283.
 */
#ifndef CG_ENGINE_BASE_HASH_H
#define CG_ENGINE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64. */
uint64_t cg_hash_bytes(const void *bytes, size_t size_bytes, uint64_t seed);
/* Mixes one word; cheap, not XXH64. */
uint64_t cg_hash_u64(uint64_t value, uint64_t seed);
uint32_t cg_crc32c(const void *bytes, size_t size_bytes);

/* A rolling 64-bit hash over a sequence of words and byte strings: the order counts. Start from
 * cg_hasher_init; floats are added by their bits, and -0.0 counts as 0.0. */
typedef struct cg_hasher {
    uint64_t state;
} cg_hasher;
cg_hasher cg_hasher_init(void);
void cg_hasher_add_u64(cg_hasher *hasher, uint64_t value);
void cg_hasher_add_f32(cg_hasher *hasher, float value);
void cg_hasher_add_f64(cg_hasher *hasher, double value);
/* The length counts too. */
void cg_hasher_add_bytes(cg_hasher *hasher, const void *bytes, size_t size_bytes);
uint64_t cg_hasher_value(const cg_hasher *hasher);

#endif
