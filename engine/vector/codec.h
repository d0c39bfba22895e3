/* Scalar quantisation about a centre (spec C3).
 *
 * A codec has one centre and one step for all dims, so that distances between codes are integers
 * and a mirror image of a code is the code of the mirror image:
 *
 *   8 bits   v = round((x - c) / step), clipped to [-127, 127]
 *   4 bits   round(v / 18), clipped to [-7, 7]; it stands for 18 times itself in 8 bits
 *   1 bit    the sign of v; 0 counts as positive
 *
 * round: to nearest, ties to even, in the processor's own arithmetic. One step for all dims is
 * what minimises the error of a Euclidean distance where the rate is high, whatever the dims'
 * variances. Codes have `code_dims` entries, a multiple of 64; those beyond dims are 0.
 *
 * Codes are symmetric about the centre: no zero point, never -128.
 */
#ifndef CG_ENGINE_VECTOR_CODEC_H
#define CG_ENGINE_VECTOR_CODEC_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"

typedef enum cg_precision {
    CG_PRECISION_F32,
    CG_PRECISION_F16,
    CG_PRECISION_I8,
    CG_PRECISION_I4,
    CG_PRECISION_I1,
    CG_PRECISION_COUNT
} cg_precision;

enum {
    CG_CODE_MAX = 127,
    CG_CODE_I4_MAX = 7,
    CG_CODE_I4_UNIT = 18, /* one unit of a 4-bit code in steps */
    CG_CODE_BLOCK = 64    /* code_dims is a multiple */
};

const char *cg_precision_name(cg_precision precision); /* "f32", "f16", "i8", "i4", "i1" */

/* What a distance on it counts as. */
cg_work_kind cg_precision_work(cg_precision precision);

typedef struct cg_codec {
    uint32_t dims;
    uint32_t code_dims;
    float step;    /* 0: not trained */
    float *centre; /* [dims], owned */
} cg_codec;

/* Bytes of one row in a table of this precision; the entries of a row beyond dims are zero. */
size_t cg_precision_row_bytes(cg_precision precision, uint32_t dims);

/* An untrained codec; cg_codec_deinit frees it. Error: CG_ERROR_MEMORY. */
cg_status cg_codec_init(cg_codec *codec, uint32_t dims, const cg_allocator *allocator,
                        cg_error *error);
void cg_codec_deinit(cg_codec *codec, const cg_allocator *allocator); /* zeroed is fine */

/* Learns centre and step from sample[count * dims], finite, count >= 1: the centre is the mean,
 * or 0 when not is_centred (inner products); the step is such that one entry in 2,000 is
 * clipped. Of more than CG_CODEC_SAMPLE_MAX rows, so many are taken, evenly spread. Fewer than
 * CG_CODEC_SAMPLE_MIN, or all equal, say little about what is to come: then the centre is 0 and
 * there is room for twice the largest entry. On failure (CG_ERROR_MEMORY) the codec is as it was. */
enum { CG_CODEC_SAMPLE_MIN = 64, CG_CODEC_SAMPLE_MAX = 4096 };
cg_status cg_codec_train(cg_codec *codec, const float *sample, uint32_t count, bool is_centred,
                         const cg_allocator *allocator, cg_error *error);

/* vector: float[dims]. Each out is a whole row of code_dims entries. */
void cg_codec_encode_i8(const cg_codec *codec, const float *vector, int8_t *out);
void cg_codec_pack_i4(const int8_t *code, uint32_t code_dims, uint8_t *out);
void cg_codec_pack_i1(const int8_t *code, uint32_t code_dims, uint8_t *out);
/* The approximation that a code stands for, in steps about the centre, as a query of the
 * kernels. */
void cg_codec_unpack_i4(const uint8_t *row, uint32_t code_dims, int8_t *out);
void cg_codec_decode_i8(const cg_codec *codec, const int8_t *code, float *out);

#endif
