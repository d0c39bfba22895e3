/* A tiling: n = 2^k * m nodes that exist without being stored (design.md, "Ten billion nodes").
 *
 * The first k axes of the law are the *partition axes*, all others the *free axes*. A *shard* is an
 * orthant of the partition axes: bit i of its number says that its vectors are negative (a set sign
 * bit: -0 is negative) on axis i. Every shard has m nodes.
 *
 * Only *bases* are built. A base has m vectors that are positive on all partition axes. Shard s is
 * its base's mirror image under the *mask* of s: a bit for each axis that is to be negated. On the
 * partition axes that is s itself; on the free axes, where it leaves the orthant as it is, it is a
 * hash of s and the seed. So node (s, row) has the vector flip(vector of row in base_of(s),
 * mask_of(s)). Flips are exact and keep every distance: whatever graph links the base's vectors by
 * their distances links the shard's vectors, too, and to search shard s is to search its base for
 * the flipped query.
 *
 * Which base. By syndrome, the default, axis i contributes the r-bit number i + 1 where the shard
 * is negative on it, and the base is the exclusive or of these: the syndrome of the shard's bits
 * under the Hamming code (Hamming, Bell System Technical Journal 29, 1950), r the least with 2^r -
 * 1 >= k. Invariant: two shards of one base differ in at least three axes, so no node has a twin of
 * itself in a neighbouring shard; and every base serves 2^(k - r) shards. Known values: k = 4: r =
 * 3, shard 1111b has base 1 ^ 2 ^ 3 ^ 4 = 4; k = 17: r = 5.
 *
 * Distances. The squared Euclidean distance from a query q to any point of shard s is at least
 *
 *   bound(q, s) = sum of q_i^2 over the partition axes on which q and s differ in sign
 *
 * and no larger number has that property. Lengths are kept by flips, so tilings of unit vectors are
 * as good as others; there 1 - dot is at least 1 - sqrt(1 - bound) for a unit query, since no
 * unit vector of the orthant has a larger dot product with q than the length of q without those axes.
 * Inner products of vectors of any length have no such bound.
 */
#ifndef CG_ENGINE_TILE_TILING_H
#define CG_ENGINE_TILE_TILING_H

#include "engine/index/index.h"
#include "engine/tile/tile_law.h"

enum { CG_TILE_AXES_MAX = 31, CG_TILE_MASK_WORDS = CG_TILE_DIMS_MAX / 64 };

typedef enum cg_tile_bases {
    CG_TILE_BY_SYNDROME,
    CG_TILE_DISTINCT, /* shard s has base s, as if all nodes were drawn: what tiling is compared with */
    CG_TILE_SINGLE /* one base for all shards: to see what the colouring is good for */
} cg_tile_bases;

typedef struct cg_tiling { /* a value; cg_tiling_init makes it */
    cg_tile_law law;
    cg_metric metric;       /* COSINE, with a normalised law, or L2 */
    uint64_t seed;          /* of the vectors and of the masks */
    uint32_t axes;          /* k */
    uint32_t nodes_a_shard; /* m */
    cg_tile_bases bases;
    /* Computed: */
    uint32_t shard_count; /* 2^k */
    uint32_t base_count;  /* 2^r; by DISTINCT 2^k, by SINGLE 1 */
    uint64_t node_count;  /* n */
} cg_tiling;

typedef struct cg_tile_mask {          /* a value */
    uint64_t bits[CG_TILE_MASK_WORDS]; /* as cg_index_query.flip_bits takes them */
} cg_tile_mask;

typedef struct cg_tile_node { /* a value */
    uint32_t shard;
    uint32_t row; /* of the base, as drawn: below m */
} cg_tile_node;

/* Checks the fields from law to bases and computes the others. Errors: CG_ERROR_INVALID for a law
 * that is refused, more than CG_TILE_AXES_MAX axes or than law.dims, a shard of 0 or of more than
 * 2^31 - 1 nodes, and a metric that does not go with the law. */
cg_status cg_tiling_init(cg_tiling *tiling, cg_error *error);

/* The tiling of n nodes or the nearest number to it, of shards of about m: k = log2(n / m) rounded,
 * then m = n / 2^k rounded. Error as cg_tiling_init. */
cg_status cg_tiling_fit(cg_tiling *tiling, uint64_t n, cg_error *error);

uint32_t cg_tiling_base_of(const cg_tiling *tiling, uint32_t shard);
cg_tile_mask cg_tiling_mask_of(const cg_tiling *tiling, uint32_t shard);
/* The orthant that a vector lies in. vector: float[dims]. */
uint32_t cg_tiling_shard_of(const cg_tiling *tiling, const float *vector);

/* Ids are 0..n - 1: shard * m + row. */
uint64_t cg_tiling_id(const cg_tiling *tiling, cg_tile_node node);
cg_tile_node cg_tiling_node(const cg_tiling *tiling, uint64_t id); /* id below n */

/* The vector of a base's row, and of a node, computed from the seed: as cg_tile_law_draw with a
 * stream of its own for each row of each base, folded into the positive orthant of the partition
 * axes. Tilings that differ in k, m or bases alone are made from the same draws; give them seeds of
 * their own where that matters. out: float[dims]. */
void cg_tiling_base_vector(const cg_tiling *tiling, uint32_t base, uint32_t row, float *out);
void cg_tiling_vector(const cg_tiling *tiling, cg_tile_node node, float *out);

/* All vectors of a base, stride floats from each to the next (stride >= dims; what is between is not
 * touched). */
typedef struct cg_tile_points {
    float *vectors; /* [m * stride] */
    size_t stride;
} cg_tile_points;
void cg_tiling_draw_base(const cg_tiling *tiling, uint32_t base, const cg_runner *runner,
                         cg_tile_points points);

/* bound(q, s) above, summed from axis 0 on. query: float[dims], finite. */
double cg_tiling_bound(const cg_tiling *tiling, const float *query, uint32_t shard);
/* The least distance, as cg_index_search reports it for the tiling's metric, that a node can have
 * where the bound is this, for a query of that squared length (1 for cosine; L2 does not look). No
 * allowance for the roundings of a computed distance. */
double cg_tiling_bound_distance(const cg_tiling *tiling, double squared_length, double bound);

#endif
