#include "engine/tile/tiling.h"

#include <math.h>

#include "engine/base/math.h"
#include "engine/vector/vector.h"

enum { ROWS_A_TASK = 256 };
#define SHARD_NODES_MAX UINT32_C(0x7fffffff) /* what an index holds */

static bool is_negative(float value) {
    return signbit(value) != 0;
}

static cg_status check(const cg_tiling *tiling, cg_error *error) {
    if (tiling->metric != CG_METRIC_L2 && tiling->metric != CG_METRIC_COSINE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a tiling has metric %d; it must be cosine (%d) or L2 (%d)",
                            (int)tiling->metric, (int)CG_METRIC_COSINE, (int)CG_METRIC_L2);
    }
    if (tiling->metric == CG_METRIC_COSINE && !tiling->law.is_normalised) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a tiling has the metric cosine and vectors of any length; its law "
                            "must be normalised");
    }
    if (tiling->axes > CG_TILE_AXES_MAX || tiling->axes > tiling->law.dims) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a tiling has %u partition axes; it can have %d at most, and no "
                            "more than its vectors' %u dims",
                            tiling->axes, CG_TILE_AXES_MAX, tiling->law.dims);
    }
    if (tiling->nodes_a_shard < 1 || tiling->nodes_a_shard > SHARD_NODES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a tiling has %u nodes a shard; it must have 1 to %u",
                            tiling->nodes_a_shard, SHARD_NODES_MAX);
    }
    if ((uint32_t)tiling->bases > (uint32_t)CG_TILE_SINGLE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a tiling has its bases by rule %d; it must be in [0, %d]",
                            (int)tiling->bases, (int)CG_TILE_SINGLE);
    }
    return CG_OK;
}

/* The least r with 2^r - 1 >= axes. */
static uint32_t syndrome_bits(uint32_t axes) {
    return axes == 0 ? 0 : cg_log2_floor(axes) + 1;
}

cg_status cg_tiling_init(cg_tiling *tiling, cg_error *error) {
    cg_tile_law law = tiling->law;
    cg_status status = cg_tile_law_init(&law, error);
    if (status == CG_OK) {
        status = check(tiling, error);
    }
    if (status != CG_OK) {
        return status;
    }
    tiling->law = law;
    tiling->shard_count = UINT32_C(1) << tiling->axes;
    tiling->base_count = tiling->bases == CG_TILE_DISTINCT ? tiling->shard_count
                         : tiling->bases == CG_TILE_SINGLE
                             ? 1
                             : UINT32_C(1) << syndrome_bits(tiling->axes);
    tiling->node_count = (uint64_t)tiling->shard_count * tiling->nodes_a_shard;
    return CG_OK;
}

/* Between k and k + 1 lies n = 2^k sqrt(2) m, so n / m and 2^k are compared by their squares. */
cg_status cg_tiling_fit(cg_tiling *tiling, uint64_t n, cg_error *error) {
    if (n == 0 || tiling->nodes_a_shard == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a tiling of %llu nodes in shards of about %u; both must be at "
                            "least 1",
                            (unsigned long long)n, tiling->nodes_a_shard);
    }
    cg_tiling fitted = *tiling;
    const double shards = (double)n / (double)tiling->nodes_a_shard;
    fitted.axes = 0;
    while (fitted.axes <= CG_TILE_AXES_MAX &&
           shards * shards > 2.0 * (double)(UINT64_C(1) << (2 * fitted.axes))) {
        fitted.axes++;
    }
    uint64_t nodes = n >> fitted.axes;
    nodes += fitted.axes > 0 ? (n >> (fitted.axes - 1)) & 1u : 0;
    fitted.nodes_a_shard = nodes < UINT32_MAX ? (uint32_t)nodes : UINT32_MAX;
    cg_status status = cg_tiling_init(&fitted, error);
    if (status == CG_OK) {
        *tiling = fitted;
    }
    return status;
}

uint32_t cg_tiling_base_of(const cg_tiling *tiling, uint32_t shard) {
    CG_ASSERT(shard < tiling->shard_count);
    if (tiling->bases != CG_TILE_BY_SYNDROME) {
        return tiling->bases == CG_TILE_DISTINCT ? shard : 0;
    }
    uint32_t syndrome = 0;
    for (uint32_t axis = 0; axis < tiling->axes; axis++) {
        syndrome ^= (shard >> axis) & 1u ? axis + 1 : 0;
    }
    return syndrome;
}

cg_tile_mask cg_tiling_mask_of(const cg_tiling *tiling, uint32_t shard) {
    CG_ASSERT(shard < tiling->shard_count);
    const cg_stream stream = cg_stream_init(tiling->seed, "tile.mask", shard);
    const uint32_t dims = tiling->law.dims;
    cg_tile_mask mask = {{0}};
    for (uint32_t word = 0; 64 * word < dims; word++) {
        uint32_t left = dims - 64 * word;
        uint64_t used = left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
        mask.bits[word] = cg_stream_at(&stream, word) & used;
    }
    uint64_t partition = (UINT64_C(1) << tiling->axes) - 1;
    mask.bits[0] = (mask.bits[0] & ~partition) | shard;
    return mask;
}

uint32_t cg_tiling_shard_of(const cg_tiling *tiling, const float *vector) {
    uint32_t shard = 0;
    for (uint32_t axis = 0; axis < tiling->axes; axis++) {
        shard |= (uint32_t)is_negative(vector[axis]) << axis;
    }
    return shard;
}

uint64_t cg_tiling_id(const cg_tiling *tiling, cg_tile_node node) {
    CG_ASSERT(node.shard < tiling->shard_count && node.row < tiling->nodes_a_shard);
    return (uint64_t)node.shard * tiling->nodes_a_shard + node.row;
}

cg_tile_node cg_tiling_node(const cg_tiling *tiling, uint64_t id) {
    CG_ASSERT(id < tiling->node_count);
    return (cg_tile_node){.shard = (uint32_t)(id / tiling->nodes_a_shard),
                          .row = (uint32_t)(id % tiling->nodes_a_shard)};
}

void cg_tiling_base_vector(const cg_tiling *tiling, uint32_t base, uint32_t row, float *out) {
    CG_ASSERT(base < tiling->base_count && row < tiling->nodes_a_shard);
    uint64_t entity = (uint64_t)base << 32 | row;
    cg_stream stream = cg_stream_init(tiling->seed, "tile.node", entity);
    cg_tile_law_draw(&tiling->law, &stream, out);
    for (uint32_t axis = 0; axis < tiling->axes; axis++) {
        out[axis] = is_negative(out[axis]) ? -out[axis] : out[axis];
    }
}

void cg_tiling_vector(const cg_tiling *tiling, cg_tile_node node, float *out) {
    const cg_tile_mask mask = cg_tiling_mask_of(tiling, node.shard);
    cg_tiling_base_vector(tiling, cg_tiling_base_of(tiling, node.shard), node.row, out);
    cg_vector_flip(out, tiling->law.dims, mask.bits, out);
}

typedef struct drawing {
    const cg_tiling *tiling;
    uint32_t base;
    cg_tile_points points;
} drawing;

static void draw_rows(void *argument, uint32_t index, uint32_t worker) {
    const drawing *self = argument;
    const uint32_t count = self->tiling->nodes_a_shard;
    const uint32_t first = index * ROWS_A_TASK;
    (void)worker;
    for (uint32_t row = first; row < count && row - first < ROWS_A_TASK; row++) {
        cg_tiling_base_vector(self->tiling, self->base, row,
                              self->points.vectors + row * self->points.stride);
    }
}

void cg_tiling_draw_base(const cg_tiling *tiling, uint32_t base, const cg_runner *runner,
                         cg_tile_points points) {
    drawing self = {.tiling = tiling, .base = base, .points = points};
    uint32_t tasks = (tiling->nodes_a_shard - 1) / ROWS_A_TASK + 1;
    cg_runner_run(runner, tasks, draw_rows, &self);
}

double cg_tiling_bound(const cg_tiling *tiling, const float *query, uint32_t shard) {
    double bound = 0.0;
    for (uint32_t axis = 0; axis < tiling->axes; axis++) {
        bool differs = is_negative(query[axis]) != (((shard >> axis) & 1u) != 0);
        bound += differs ? (double)query[axis] * (double)query[axis] : 0.0;
    }
    return bound;
}

double cg_tiling_bound_distance(const cg_tiling *tiling, double squared_length, double bound) {
    if (tiling->metric == CG_METRIC_L2) {
        return bound;
    }
    double left = squared_length - bound;
    return 1.0 - cg_sqrt(left > 0.0 ? left : 0.0);
}
