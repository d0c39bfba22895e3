/* Vectors as others publish them: fvecs, bvecs and ivecs (TEXMEX), fbin, u8bin, i8bin and ibin
 * (BIGANN).
 *
 *     *vecs  row: int32 dims, then dims values     (every row states its dims again)
 *     *bin   uint32 count, uint32 dims, then count rows of dims values
 *
 * All little-endian; values are float32 (f), uint8 (b, u8), int8 (i8) or int32 (i). The reader
 * takes bytes in memory and copies none; opening files is not engine's business. It trusts
 * nothing: counts and dims must fit the size exactly, every row of *vecs must have the dims of
 * the first. Sources: http://corpus-texmex.irisa.fr, https://big-ann-benchmarks.com.
 */
#ifndef CG_ENGINE_VECTOR_VECTOR_FILE_H
#define CG_ENGINE_VECTOR_VECTOR_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"

enum { CG_VECTOR_FILE_DIMS_MAX = 65536 };

typedef enum cg_vector_format {
    CG_VECTORS_FVECS,
    CG_VECTORS_BVECS,
    CG_VECTORS_IVECS,
    CG_VECTORS_FBIN,
    CG_VECTORS_U8BIN,
    CG_VECTORS_I8BIN,
    CG_VECTORS_IBIN,
    CG_VECTOR_FORMATS
} cg_vector_format;

const char *cg_vector_format_name(cg_vector_format format); /* "fvecs": also the extension */

typedef struct cg_vector_file { /* a value; fields to be read, not written */
    cg_vector_format format;
    const uint8_t *bytes; /* borrowed */
    size_t size_bytes;
    uint32_t count; /* rows, >= 1 */
    uint32_t dims;  /* 1..CG_VECTOR_FILE_DIMS_MAX */
} cg_vector_file;

/* The bytes must outlive *out. Errors: CG_ERROR_CORRUPT naming row and byte offset where the
 * size, a count or dims are not what they should be; a file without rows is one. Cost: constant
 * for *bin; linear in rows for *vecs. */
cg_status cg_vector_file_open(cg_vector_format format, const uint8_t *bytes, size_t size_bytes,
                              cg_vector_file *out, cg_error *error);

/* Row `row` < count as floats (int32 values rounded to the nearest float). out: float[dims],
 * untouched on failure. Error: CG_ERROR_CORRUPT naming row and offset of a NaN or infinity. */
cg_status cg_vector_file_row(const cg_vector_file *file, uint32_t row, float *out,
                             cg_error *error);

/* Bytes of such a file; UINT64_MAX when dims are beyond the limit. */
uint64_t cg_vector_file_bytes(cg_vector_format format, uint32_t count, uint32_t dims);
/* Writes a file of the format, count and dims of `shape` (its bytes are not used). vectors:
 * float[count * dims]; bytes: at least cg_vector_file_bytes. Errors: CG_ERROR_INVALID for count
 * or dims out of range and for too little room; for a value that the format cannot hold (NaN,
 * infinity; for integers what is not whole or out of range), naming row and dimension, with
 * bytes then undefined. */
cg_status cg_vector_file_write(const cg_vector_file *shape, const float *vectors,
                               uint8_t *bytes, size_t capacity_bytes, cg_error *error);

#endif
