/* The law of the synthetic vectors that large graphs are made of (spec G7; design.md, "Ten billion
 * nodes").
 *
 * The spectrum is a power law with a levelled head. The first `leading` axes have equal variance:
 * coordinate s (mu + z), with z standard normal, s a fair sign and mu the separation, so the density
 * has modes at -mu and +mu once mu > 1. Axis i beyond them (i counts from 1) has the coordinate
 * (i / leading)^-decay z. All axes are independent.
 *
 * Invariant: the law is unchanged by a change of sign of any set of axes. So the median of every axis
 * is exactly 0, a cut at 0 halves the nodes, and a mirror image of a set of draws is a set of draws. A
 * law does not depend on how many nodes there are: a graph of more nodes is denser, not wider.
 *
 * With is_normalised a draw is then scaled to unit length, which keeps the symmetry; for cosine.
 */
#ifndef CG_ENGINE_TILE_TILE_LAW_H
#define CG_ENGINE_TILE_TILE_LAW_H

#include "engine/base/prng.h"
#include "engine/base/status.h"

enum { CG_TILE_DIMS_MAX = 256 };

typedef struct cg_tile_law { /* a value; cg_tile_law_init makes it */
    uint32_t dims;           /* 2..CG_TILE_DIMS_MAX */
    uint32_t leading;        /* 1..dims; good partition axes, being equal */
    double separation;       /* mu, 0..100, in deviations of one mode */
    double decay;            /* 0..8, of deviations */
    bool is_normalised;
    /* Computed: */
    double
        deviations[CG_TILE_DIMS_MAX]; /* of z's coefficient: 1 on leading axes, then decaying */
    double length;                    /* root of the mean squared length, before normalising */
} cg_tile_law;

/* All dims leading but four, 31 at most; separation 0, decay 0.5, not normalised. */
cg_tile_law cg_tile_law_default(uint32_t dims);

/* Checks the fields and computes the others. Error: CG_ERROR_INVALID, naming the first field out of
 * range. */
cg_status cg_tile_law_init(cg_tile_law *law, cg_error *error);

/* One draw into float[dims]. Takes 2 * dims draws of the stream and one for each 64 leading axes,
 * always. Cost: some 50 ns a dim. */
void cg_tile_law_draw(const cg_tile_law *law, cg_stream *stream, float *out);

/* A vector near another one: adds noise * deviation * z on each axis, so that a noise means the
 * same on every axis and with any separation; of normalised laws in units of the length before, and
 * the result is normalised. near, out: float[dims]; they may be one. Takes 2 * dims draws. */
void cg_tile_law_draw_near(const cg_tile_law *law, cg_stream *stream, double noise,
                           const float *near, float *out);

#endif
