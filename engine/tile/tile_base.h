/* Bases: the indexes that a tiling really builds (tiling.h says what a base, a shard and a mask are).
 *
 * A base is a frozen segment (engine/index/segment.h) over the base's vectors in the order of their
 * rows, ids computed, so that a search can name nodes of whatever shard the base stands for. Its
 * codec is centred on the base's own mean: in an orthant all vectors lie to one side of the origin,
 * and signs about the origin would say nothing. The query is flipped into the base's frame before
 * it is encoded about that centre, so codes of every precision are those of the shard's own vectors
 * about the shard's own mean, mirrored; 1-bit codes as far as no coordinate is exactly on its
 * centre, where a mirror image would round the other way.
 */
#ifndef CG_ENGINE_TILE_TILE_BASE_H
#define CG_ENGINE_TILE_TILE_BASE_H

#include "engine/index/segment.h"
#include "engine/tile/tiling.h"

typedef struct cg_tile_base_options { /* a value */
    uint32_t m;                       /* of HNSW, as in cg_index_options */
    uint32_t ef_construction;
    cg_precision codes; /* that the graph is built on: F32, F16 or I8 */
    bool has_fuller;
    cg_precision fuller; /* F32 or F16, held in the segment where has_fuller */
    /* Percentages of the rows whose codes in the segment have each precision, 0..100 and 100 in
     * all. Which rows is a hash of the seed, the base and the row: stands for an importance that
     * does not follow the geometry. */
    uint32_t percent[CG_PRECISION_COUNT];
} cg_tile_base_options;

/* m 16, ef_construction 100, built on 8-bit codes, fuller form f32, all rows in 8 bits. */
cg_tile_base_options cg_tile_base_options_default(void);

typedef struct cg_tile_base_input {
    const cg_tiling *tiling;
    const cg_tile_base_options *options;
    uint32_t base;
    const cg_runner *runner;
} cg_tile_base_input;

/* Builds a base: vectors, index, segment. *bytes is 64-byte aligned and freed with
 * cg_deallocate_aligned(&allocator, *bytes, *size_bytes). The same input gives the same bytes on
 * any number of workers. Errors: CG_ERROR_INVALID for a base that the tiling has not and for
 * options out of range; as cg_index_add and cg_segment_encode. Cost: some 115 us of processor time a
 * row by the default options, at 24 dims as at 48. */
cg_status cg_tile_base_build(const cg_tile_base_input *input, cg_allocator allocator,
                             uint8_t **bytes, size_t *size_bytes, cg_error *error);

/* All that the bytes of a base follow from: law, seed, metric, k, m, options and number (not by
 * which rule shards choose bases). What is equal here gives equal bases. */
enum { CG_TILE_RECIPE_VERSION = 1, CG_TILE_RECIPE_BYTES = 160 };
typedef struct cg_tile_recipe {
    uint8_t bytes[CG_TILE_RECIPE_BYTES];
} cg_tile_recipe;
cg_tile_recipe cg_tile_recipe_of(const cg_tiling *tiling, const cg_tile_base_options *options,
                                 uint32_t base);

/* CG_ERROR_CORRUPT where a segment cannot be a base of the tiling: other dims, metric or number of
 * rows. */
cg_status cg_tile_base_check(const cg_tiling *tiling, const cg_segment *base, cg_error *error);

/* A shard, as a search of its base sees it. */
typedef struct cg_tile_shard { /* a value */
    cg_tile_mask mask;
    uint64_t first_id; /* of row 0 */
    uint32_t number;
    uint32_t base;
} cg_tile_shard;
cg_tile_shard cg_tile_shard_of(const cg_tiling *tiling, uint32_t number);

/* Makes of a query in the frame of the tiling one that cg_segment_search answers in the base's
 * segment as the shard would: sets its flip_bits, id_of and id_context. Hits then have the tiling's
 * ids; their rows are the segment's, not the id's. The shard must stay where it is as long as the
 * query is used. */
void cg_tile_aim(const cg_tile_shard *shard, cg_index_query *query);

/* The vector of a segment's row as the shard has it, in the best form that the segment holds. out:
 * float[dims]. */
void cg_tile_shard_vector(const cg_tile_shard *shard, const cg_segment *base, uint32_t row,
                          float *out);

#endif
