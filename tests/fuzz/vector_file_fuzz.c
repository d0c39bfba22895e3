/* Vector files: the first byte is the format. A file that opens must have exactly the bytes
 * that its count and dims take; its rows are read, and what was read is written and gives the
 * same bytes, but for integers that a float cannot hold. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vector/vector_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

/* False when a row holds NaN or infinity. */
static int read_all(const cg_vector_file *file, float *vectors) {
    for (uint32_t row = 0; row < file->count; row++) {
        cg_error error = {0};
        const cg_status status =
            cg_vector_file_row(file, row, vectors + (size_t)row * file->dims, &error);
        if (status != CG_OK) {
            require(status == CG_ERROR_CORRUPT && strstr(error.message, " at byte ") != NULL);
            return 0;
        }
    }
    return 1;
}

static void check_file(const cg_vector_file *file) {
    require(file->count > 0 && file->dims > 0 && file->dims <= CG_VECTOR_FILE_DIMS_MAX);
    require(cg_vector_file_bytes(file->format, file->count, file->dims) == file->size_bytes);
    float *vectors = malloc((size_t)file->count * file->dims * sizeof *vectors);
    uint8_t *bytes = malloc(file->size_bytes);
    require(vectors != NULL && bytes != NULL);
    if (read_all(file, vectors)) {
        const cg_status status =
            cg_vector_file_write(file, vectors, bytes, file->size_bytes, NULL);
        const int wide = file->format == CG_VECTORS_IVECS || file->format == CG_VECTORS_IBIN;
        require(status == CG_OK || wide);
        require(wide || memcmp(bytes, file->bytes, file->size_bytes) == 0);
    }
    free(bytes);
    free(vectors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const cg_vector_format format = (cg_vector_format)(data[0] % CG_VECTOR_FORMATS);
    cg_vector_file file;
    cg_error error = {0};
    const cg_status status = cg_vector_file_open(format, data + 1, size - 1, &file, &error);
    if (status == CG_OK) {
        check_file(&file);
    } else {
        require(status == CG_ERROR_CORRUPT);
        require(strstr(error.message, cg_vector_format_name(format)) == error.message);
    }
    return 0;
}
