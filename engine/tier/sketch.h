/* A count-min sketch of 4-bit counters (internal to engine/tier).
 *
 * Cormode and Muthukrishnan, "An Improved Data Stream Summary: The Count-Min Sketch and its
 * Applications", Journal of Algorithms 55(1), 2005, with conservative update (Estan and
 * Varghese, "New Directions in Traffic Measurement and Accounting", SIGCOMM 2002): only the
 * counters that hold the least of the key's four rise. The four rows lie in blocks of 64 bytes,
 * 32 counters a row, and all counters of a key in one block: one cache line an operation.
 *
 * Invariant: until a halving, an estimate is at least min(15, times added), and it never falls.
 * A key is given by a hash of 64 well mixed bits.
 */
#ifndef CG_ENGINE_TIER_SKETCH_H
#define CG_ENGINE_TIER_SKETCH_H

#include <stdint.h>

enum { CG_SKETCH_BLOCK_WORDS = 8, CG_SKETCH_BLOCK_BYTES = 64, CG_SKETCH_MOST = 15 };

/* words: uint64_t[blocks * CG_SKETCH_BLOCK_WORDS], zeroed at the start; blocks: a power of two.
 */
void cg_sketch_add(uint64_t *words, uint32_t blocks, uint64_t hash);
uint32_t cg_sketch_estimate(const uint64_t *words, uint32_t blocks, uint64_t hash); /* 0..15 */
/* Aging: every counter becomes its half, rounded down. */
void cg_sketch_halve(uint64_t *words, uint32_t blocks);
/* Into a zeroed sketch of another number of blocks. In a larger one every estimate is what it
 * was; in a smaller one it is at least that. */
void cg_sketch_copy(const uint64_t *from, uint32_t from_blocks, uint64_t *to,
                    uint32_t to_blocks);

#endif
