/* Draws of the law. Known value: the first coordinates of seed 1 are in the test. */
#include "engine/tile/tile_law.h"

#include "engine/base/math.h"
#include "engine/vector/vector.h"

enum { SEPARATION_MAX = 100, DECAY_MAX = 8, TRAILING_DEFAULT = 4, LEADING_DEFAULT_MAX = 31 };

cg_tile_law cg_tile_law_default(uint32_t dims) {
    uint32_t leading = dims > TRAILING_DEFAULT ? dims - TRAILING_DEFAULT : 1;
    return (cg_tile_law){
        .dims = dims,
        .leading = leading < LEADING_DEFAULT_MAX ? leading : LEADING_DEFAULT_MAX,
        .decay = 0.5,
    };
}

static cg_status check(const cg_tile_law *law, cg_error *error) {
    if (law->dims < 2 || law->dims > CG_TILE_DIMS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the law of the vectors has %u dims; it must have 2 to %d",
                            law->dims, CG_TILE_DIMS_MAX);
    }
    if (law->leading < 1 || law->leading > law->dims) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the law of the vectors has %u leading axes; it must have 1 to its "
                            "%u dims",
                            law->leading, law->dims);
    }
    if (!(law->separation >= 0.0 && law->separation <= SEPARATION_MAX)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the vectors' separation is %g; it must be in [0, %d]",
                            law->separation, SEPARATION_MAX);
    }
    if (!(law->decay >= 0.0 && law->decay <= DECAY_MAX)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the decay of the vectors' spectrum is %g; it must be in [0, %d]",
                            law->decay, DECAY_MAX);
    }
    return CG_OK;
}

cg_status cg_tile_law_init(cg_tile_law *law, cg_error *error) {
    cg_status status = check(law, error);
    if (status != CG_OK) {
        return status;
    }
    double squares = 0.0;
    for (uint32_t d = 0; d < CG_TILE_DIMS_MAX; d++) {
        double rank = (double)(d + 1) / (double)law->leading;
        double deviation = d < law->leading ? 1.0 : cg_pow(rank, -law->decay);
        law->deviations[d] = d < law->dims ? deviation : 0.0;
        squares += law->deviations[d] * law->deviations[d];
        squares += d < law->leading ? law->separation * law->separation : 0.0;
    }
    law->length = cg_sqrt(squares);
    return CG_OK;
}

/* A length of 0 takes every coordinate being 0, at odds of 2^-53 each. */
static void normalise(const cg_tile_law *law, float *vector) {
    if (law->is_normalised && !cg_vector_normalise(vector, law->dims)) {
        vector[0] = 1.0f;
    }
}

void cg_tile_law_draw(const cg_tile_law *law, cg_stream *stream, float *out) {
    uint64_t signs = 0;
    for (uint32_t d = 0; d < law->dims; d++) {
        if (d % 64 == 0 && d < law->leading) {
            signs = cg_stream_next(stream);
        }
        double value = law->deviations[d] * cg_stream_next_normal(stream);
        if (d < law->leading) {
            value += law->separation;
            value = (signs >> (d % 64)) & 1u ? -value : value;
        }
        out[d] = (float)value;
    }
    normalise(law, out);
}

void cg_tile_law_draw_near(const cg_tile_law *law, cg_stream *stream, double noise,
                           const float *near, float *out) {
    const double unit = law->is_normalised ? noise / law->length : noise;
    for (uint32_t d = 0; d < law->dims; d++) {
        double added = unit * law->deviations[d] * cg_stream_next_normal(stream);
        out[d] = (float)((double)near[d] + added);
    }
    normalise(law, out);
}
