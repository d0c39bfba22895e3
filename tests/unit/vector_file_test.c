/* Goal: every format reads back what was written, to the bit; known bytes give known vectors;
 * and no file that is cut, longer, or states other counts or dims than it has is opened. (E1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vector/vector_file.h"

enum { ROWS = 3, DIMS = 4 };

static const float sample[ROWS * DIMS] = {0, 1, 2, 127, 5, 6, 7, 8, 100, 0, 50, 3};

static uint8_t *written(cg_vector_format format, size_t *size_bytes) {
    const cg_vector_file shape = {.format = format, .count = ROWS, .dims = DIMS};
    cg_error error = {0};
    *size_bytes = (size_t)cg_vector_file_bytes(format, ROWS, DIMS);
    uint8_t *bytes = malloc(*size_bytes);
    assert_non_null(bytes);
    assert_ok(cg_vector_file_write(&shape, sample, bytes, *size_bytes, &error), error);
    return bytes;
}

static void known_bytes(void **state) {
    (void)state;
    static const uint8_t fvecs[] = {2, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40};
    static const uint8_t bvecs[] = {2, 0, 0, 0, 7, 255, 2, 0, 0, 0, 0, 9};
    static const uint8_t ivecs[] = {1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff};
    static const uint8_t u8bin[] = {2, 0, 0, 0, 1, 0, 0, 0, 200, 3};
    static const uint8_t i8bin[] = {1, 0, 0, 0, 3, 0, 0, 0, 0xff, 0x80, 0x7f};
    static const struct {
        const uint8_t *bytes;
        size_t size_bytes;
        cg_vector_format format;
        uint32_t count;
        uint32_t dims;
        float last[3];
    } cases[] = {
        {fvecs, sizeof fvecs, CG_VECTORS_FVECS, 1, 2, {1, 2}},
        {bvecs, sizeof bvecs, CG_VECTORS_BVECS, 2, 2, {0, 9}},
        {ivecs, sizeof ivecs, CG_VECTORS_IVECS, 1, 1, {-2}},
        {u8bin, sizeof u8bin, CG_VECTORS_U8BIN, 2, 1, {3}},
        {i8bin, sizeof i8bin, CG_VECTORS_I8BIN, 1, 3, {-1, -128, 127}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_vector_file file;
        cg_error error = {0};
        float row[3] = {0};
        assert_ok(cg_vector_file_open(cases[i].format, cases[i].bytes, cases[i].size_bytes,
                                      &file, &error),
                  error);
        assert_int_equal(file.count, cases[i].count);
        assert_int_equal(file.dims, cases[i].dims);
        assert_ok(cg_vector_file_row(&file, file.count - 1, row, &error), error);
        assert_memory_equal(row, cases[i].last, file.dims * sizeof(float));
    }
    assert_string_equal(cg_vector_format_name(CG_VECTORS_U8BIN), "u8bin");
}

static void every_format_and_back(void **state) {
    (void)state;
    for (int f = 0; f < CG_VECTOR_FORMATS; f++) {
        size_t size = 0;
        uint8_t *bytes = written((cg_vector_format)f, &size);
        cg_vector_file file;
        cg_error error = {0};
        float row[DIMS];
        assert_ok(cg_vector_file_open((cg_vector_format)f, bytes, size, &file, &error), error);
        assert_int_equal(file.count, ROWS);
        for (uint32_t r = 0; r < ROWS; r++) {
            assert_ok(cg_vector_file_row(&file, r, row, &error), error);
            assert_memory_equal(row, sample + (size_t)r * DIMS, sizeof row);
        }
        free(bytes);
    }
}

/* Cut anywhere, but where *vecs lose whole rows, or longer: refused, naming the format. */
static void other_sizes(void **state) {
    (void)state;
    for (int f = 0; f < CG_VECTOR_FORMATS; f++) {
        const cg_vector_format format = (cg_vector_format)f;
        size_t size = 0;
        uint8_t *whole = written(format, &size);
        const bool vecs = f <= CG_VECTORS_IVECS;
        const size_t row_bytes = vecs ? size / ROWS : size;
        uint8_t *bytes = calloc(size + 1, 1);
        assert_non_null(bytes);
        memcpy(bytes, whole, size);
        for (size_t cut = 0; cut <= size + 1; cut++) {
            cg_vector_file file = {.count = 77};
            cg_error error = {0};
            cg_status status = cg_vector_file_open(format, bytes, cut, &file, &error);
            if (cut > 0 && cut <= size && cut % row_bytes == 0) {
                assert_ok(status, error);
                assert_int_equal(file.count, vecs ? cut / row_bytes : ROWS);
            } else {
                assert_status(status, CG_ERROR_CORRUPT, error, cg_vector_format_name(format));
                assert_int_equal(file.count, 77);
            }
        }
        free(bytes);
        free(whole);
    }
}

static void expect_corrupt(cg_vector_format format, const uint8_t *bytes, size_t size,
                           const char *says) {
    cg_vector_file file;
    cg_error error = {0};
    assert_status(cg_vector_file_open(format, bytes, size, &file, &error), CG_ERROR_CORRUPT,
                  error, says);
}

static void altered_headers(void **state) {
    (void)state;
    size_t size = 0;
    uint8_t *bytes = written(CG_VECTORS_FVECS, &size);
    bytes[0] = 0;
    expect_corrupt(CG_VECTORS_FVECS, bytes, size,
                   "the dims at byte 0 are 0; they must be 1 to");
    bytes[0] = DIMS;
    bytes[3] = 0x80; /* negative */
    expect_corrupt(CG_VECTORS_FVECS, bytes, size, "the dims at byte 0 are 2147483652");
    bytes[3] = 0;
    bytes[2 * size / ROWS] = 5;
    expect_corrupt(CG_VECTORS_FVECS, bytes, size, "row 2, at byte 40, has 5 dims; row 0 has 4");
    free(bytes);
    bytes = written(CG_VECTORS_U8BIN, &size);
    bytes[0] = 0;
    expect_corrupt(CG_VECTORS_U8BIN, bytes, size, "the count at byte 0 is 0");
    bytes[0] = ROWS + 1;
    expect_corrupt(CG_VECTORS_U8BIN, bytes, size,
                   "the file has 20 bytes; the header's 4 rows of 4 dims take 24 (3 rows are");
    memset(bytes, 0xff, 4);
    bytes[4] = DIMS;
    expect_corrupt(CG_VECTORS_U8BIN, bytes, size, "4294967295 rows");
    bytes[4] = 0;
    expect_corrupt(CG_VECTORS_U8BIN, bytes, size, "the dims at byte 4 are 0");
    bytes[7] = 0x7f;
    expect_corrupt(CG_VECTORS_FBIN, bytes, size, "the dims at byte 4 are 2130706432");
    free(bytes);
    expect_corrupt(CG_VECTORS_FBIN, NULL, 0, "the file has 0 bytes; its header alone takes 8");
    expect_corrupt(CG_VECTORS_FVECS, NULL, 0, "the file has 0 bytes; the dims of row 0");
}

static void not_finite(void **state) {
    (void)state;
    static const uint8_t nan_bytes[] = {0, 0, 0xc0, 0x7f};
    static const uint8_t infinity_bytes[] = {0, 0, 0x80, 0xff};
    size_t size = 0;
    uint8_t *bytes = written(CG_VECTORS_FVECS, &size);
    float row[DIMS] = {9, 9, 9, 9};
    cg_vector_file file;
    cg_error error = {0};
    memcpy(bytes + 32, nan_bytes, 4); /* row 1: 20 + 4 + 2 * 4 */
    assert_ok(cg_vector_file_open(CG_VECTORS_FVECS, bytes, size, &file, &error), error);
    assert_ok(cg_vector_file_row(&file, 2, row, &error), error);
    row[0] = 9;
    assert_status(cg_vector_file_row(&file, 1, row, &error), CG_ERROR_CORRUPT, error,
                  "fvecs: row 1 holds NaN at byte 32 (dimension 2)");
    assert_true(row[0] == 9.0f);
    memcpy(bytes + 32, infinity_bytes, 4);
    assert_status(cg_vector_file_row(&file, 1, row, &error), CG_ERROR_CORRUPT, error,
                  "row 1 holds infinity at byte 32");
    free(bytes);
}

static void what_cannot_be_written(void **state) {
    (void)state;
    static const struct {
        cg_vector_format format;
        float value;
    } cases[] = {
        {CG_VECTORS_U8BIN, 256.0f}, {CG_VECTORS_BVECS, -1.0f},   {CG_VECTORS_U8BIN, 0.5f},
        {CG_VECTORS_I8BIN, 128.0f}, {CG_VECTORS_I8BIN, -129.0f}, {CG_VECTORS_IBIN, 1e10f},
        {CG_VECTORS_IVECS, -1e10f}, {CG_VECTORS_FBIN, INFINITY}, {CG_VECTORS_FVECS, NAN},
        {CG_VECTORS_IVECS, NAN},
    };
    uint8_t bytes[64];
    cg_error error = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cg_vector_file shape = {.format = cases[i].format, .count = 1, .dims = 2};
        const float vector[2] = {1.0f, cases[i].value};
        assert_status(cg_vector_file_write(&shape, vector, bytes, sizeof bytes, &error),
                      CG_ERROR_INVALID, error, "row 0 in dimension 1");
    }
    cg_vector_file shape = {.format = CG_VECTORS_FBIN, .count = 15, .dims = 1};
    assert_status(cg_vector_file_write(&shape, sample, bytes, sizeof bytes, &error),
                  CG_ERROR_INVALID, error, "15 rows of 1 dims take 68 bytes");
    shape.count = 0;
    assert_status(cg_vector_file_write(&shape, sample, bytes, sizeof bytes, &error),
                  CG_ERROR_INVALID, error, "there must be a row");
    assert_true(cg_vector_file_bytes(CG_VECTORS_FBIN, 1, CG_VECTOR_FILE_DIMS_MAX + 1) ==
                UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes), cmocka_unit_test(every_format_and_back),
        cmocka_unit_test(other_sizes), cmocka_unit_test(altered_headers),
        cmocka_unit_test(not_finite),  cmocka_unit_test(what_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
