#include "engine/tile/tile_base.h"

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/vector/vector.h"

/* In the middle of what cg_freeze_options takes for each precision. */
static const float importance_of[CG_PRECISION_COUNT] = {0.95f, 0.8f, 0.6f, 0.4f, 0.1f};

cg_tile_base_options cg_tile_base_options_default(void) {
    return (cg_tile_base_options){.m = 16,
                                  .ef_construction = 100,
                                  .codes = CG_PRECISION_I8,
                                  .has_fuller = true,
                                  .fuller = CG_PRECISION_F32,
                                  .percent[CG_PRECISION_I8] = 100};
}

static cg_status check(const cg_tiling *tiling, const cg_tile_base_options *options,
                       uint32_t base, cg_error *error) {
    uint64_t sum = 0;
    for (int p = 0; p < CG_PRECISION_COUNT; p++) {
        sum += options->percent[p];
    }
    if (sum != 100) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the shares of a base's rows by precision add up to %llu%%; they "
                            "must be 100%%",
                            (unsigned long long)sum);
    }
    if (base >= tiling->base_count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "base %u of a tiling that has %u; it must be in [0, %u]", base,
                            tiling->base_count, tiling->base_count - 1);
    }
    return CG_OK;
}

/* What is held while a base is made. */
typedef struct making {
    const cg_tiling *tiling;
    const cg_tile_base_options *options;
    uint32_t base;
    const cg_runner *runner;
    cg_allocator allocator;
    float *vectors;    /* [m * dims] until the index has them */
    float *importance; /* [m] where rows differ in precision */
    cg_index *index;
} making;

static cg_status no_memory(const making *self, const char *what, cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the %s of a base of %u rows",
                        what, self->tiling->nodes_a_shard);
}

static cg_status make_index(making *self, cg_error *error) {
    const cg_tiling *tiling = self->tiling;
    const uint32_t rows = tiling->nodes_a_shard;
    const uint32_t dims = tiling->law.dims;
    cg_index_options wanted = cg_index_options_default(CG_INDEX_HNSW, dims);
    wanted.metric = tiling->metric;
    wanted.m = self->options->m;
    wanted.ef_construction = self->options->ef_construction;
    wanted.seed = cg_hash_u64(self->base, tiling->seed);
    wanted.codes = self->options->codes;
    cg_status status = cg_index_alloc(&wanted, self->allocator, &self->index, error);
    if (status != CG_OK) {
        return status;
    }
    self->vectors = cg_allocate(&self->allocator, rows, dims * sizeof *self->vectors);
    if (!self->vectors) {
        return no_memory(self, "vectors", error);
    }
    cg_tiling_draw_base(tiling, self->base, self->runner,
                        (cg_tile_points){.vectors = self->vectors, .stride = dims});
    cg_index_rows given = {.vectors = self->vectors, .count = rows};
    status = cg_index_add(self->index, &given, self->runner, NULL, error);
    cg_deallocate(&self->allocator, self->vectors, rows, dims * sizeof *self->vectors);
    self->vectors = NULL;
    return status;
}

/* The precision that all rows have, or CG_PRECISION_COUNT. */
static cg_precision only_precision(const cg_tile_base_options *options) {
    uint32_t p = 0;
    while (p < CG_PRECISION_COUNT && options->percent[p] != 100) {
        p++;
    }
    return (cg_precision)p;
}

static cg_status draw_importance(making *self, cg_error *error) {
    const uint32_t rows = self->tiling->nodes_a_shard;
    self->importance = cg_allocate(&self->allocator, rows, sizeof *self->importance);
    if (!self->importance) {
        return no_memory(self, "rows' precisions", error);
    }
    const cg_stream stream = cg_stream_init(self->tiling->seed, "tile.precision", self->base);
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t percent = (cg_stream_at(&stream, row) >> 32) * 100 >> 32;
        uint32_t p = 0;
        for (uint64_t below = self->options->percent[0]; percent >= below;
             below += self->options->percent[p]) {
            p++;
        }
        self->importance[row] = importance_of[p];
    }
    return CG_OK;
}

static cg_status freeze(making *self, uint8_t **bytes, size_t *size_bytes, cg_error *error) {
    cg_freeze_options how = {.codes = only_precision(self->options),
                             .has_fuller = self->options->has_fuller,
                             .fuller = self->options->fuller};
    if (how.codes == CG_PRECISION_COUNT) {
        cg_status status = draw_importance(self, error);
        if (status != CG_OK) {
            return status;
        }
        how.importance = self->importance;
    }
    return cg_segment_encode(self->index, &how, self->allocator, bytes, size_bytes, error);
}

cg_status cg_tile_base_build(const cg_tile_base_input *input, cg_allocator allocator,
                             uint8_t **bytes, size_t *size_bytes, cg_error *error) {
    const cg_tiling *tiling = input->tiling;
    const uint32_t rows = tiling->nodes_a_shard;
    making self = {.tiling = tiling,
                   .options = input->options,
                   .base = input->base,
                   .runner = input->runner,
                   .allocator = allocator};
    cg_status status = check(tiling, self.options, self.base, error);
    if (status == CG_OK) {
        status = make_index(&self, error);
    }
    if (status == CG_OK) {
        status = freeze(&self, bytes, size_bytes, error);
    }
    cg_index_free(self.index);
    cg_deallocate(&allocator, self.vectors, rows, tiling->law.dims * sizeof *self.vectors);
    cg_deallocate(&allocator, self.importance, rows, sizeof *self.importance);
    return status;
}

static void write_f64(cg_writer *writer, double value) {
    double positive_zero = value + 0.0;
    uint64_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    cg_write_u64(writer, bits);
}

cg_tile_recipe cg_tile_recipe_of(const cg_tiling *tiling, const cg_tile_base_options *options,
                                 uint32_t base) {
    cg_tile_recipe recipe = {{0}};
    cg_writer writer = cg_writer_init(recipe.bytes, sizeof recipe.bytes);
    cg_write_u32(&writer, CG_TILE_RECIPE_VERSION);
    cg_write_u32(&writer, tiling->law.dims);
    cg_write_u32(&writer, tiling->law.leading);
    cg_write_u32(&writer, tiling->law.is_normalised);
    write_f64(&writer, tiling->law.separation);
    write_f64(&writer, tiling->law.decay);
    cg_write_u64(&writer, tiling->seed);
    cg_write_u32(&writer, (uint32_t)tiling->metric);
    cg_write_u32(&writer, tiling->axes);
    cg_write_u32(&writer, tiling->nodes_a_shard);
    cg_write_u32(&writer, base);
    cg_write_u32(&writer, options->m);
    cg_write_u32(&writer, options->ef_construction);
    cg_write_u32(&writer, (uint32_t)options->codes);
    cg_write_u32(&writer, options->has_fuller);
    cg_write_u32(&writer, options->has_fuller ? (uint32_t)options->fuller : 0);
    for (int p = 0; p < CG_PRECISION_COUNT; p++) {
        cg_write_u32(&writer, options->percent[p]);
    }
    CG_ASSERT(!writer.failed);
    return recipe;
}

cg_status cg_tile_base_check(const cg_tiling *tiling, const cg_segment *base, cg_error *error) {
    const cg_index_options *has = cg_segment_options_of(base);
    if (has->dims != tiling->law.dims || has->metric != tiling->metric || has->has_ids ||
        has->first_id != 0 || cg_segment_count(base) != tiling->nodes_a_shard) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a segment of %u rows, %u dims and metric %d%s is no base of a "
                            "tiling with %u rows, %u dims and metric %d",
                            cg_segment_count(base), has->dims, (int)has->metric,
                            has->has_ids || has->first_id != 0 ? " with ids of its own" : "",
                            tiling->nodes_a_shard, tiling->law.dims, (int)tiling->metric);
    }
    return CG_OK;
}

cg_tile_shard cg_tile_shard_of(const cg_tiling *tiling, uint32_t number) {
    return (cg_tile_shard){
        .mask = cg_tiling_mask_of(tiling, number),
        .first_id = cg_tiling_id(tiling, (cg_tile_node){.shard = number}),
        .number = number,
        .base = cg_tiling_base_of(tiling, number),
    };
}

static uint64_t id_of(void *context, uint32_t row) {
    const cg_tile_shard *shard = context;
    return shard->first_id + row;
}

void cg_tile_aim(const cg_tile_shard *shard, cg_index_query *query) {
    query->flip_bits = shard->mask.bits;
    query->id_of = id_of;
    query->id_context = (void *)(uintptr_t)shard; /* only read */
}

void cg_tile_shard_vector(const cg_tile_shard *shard, const cg_segment *base, uint32_t row,
                          float *out) {
    cg_segment_vector(base, row, out);
    cg_vector_flip(out, cg_segment_options_of(base)->dims, shard->mask.bits, out);
}
