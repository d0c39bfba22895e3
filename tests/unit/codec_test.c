/* Goal: codes are what codec.h says: rounded to nearest even, clipped, symmetric about the
 * centre, packed so that the kernels read them; and training finds centre and range. */
#include "tests/support/support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vector/codec.h"
#include "engine/vector/kernel.h"
#include "tests/support/support.h"

enum { DIMS = 70, CODE_DIMS = 128, ROWS = 5000 };

static float sample[ROWS * DIMS];

static cg_codec new_codec(uint32_t dims) {
    cg_codec codec;
    cg_allocator allocator = cg_allocator_heap();
    cg_error error;
    assert_ok(cg_codec_init(&codec, dims, &allocator, &error), error);
    return codec;
}

static void train(cg_codec *codec, uint32_t count, bool is_centred) {
    cg_allocator allocator = cg_allocator_heap();
    cg_error error;
    assert_ok(cg_codec_train(codec, sample, count, is_centred, &allocator, &error), error);
}

static void free_codec(cg_codec *codec) {
    cg_allocator allocator = cg_allocator_heap();
    cg_codec_deinit(codec, &allocator);
}

static void draw_sample(double centre) {
    cg_stream stream = cg_stream_init(support_seed(1), "codec_test", 0);
    for (uint32_t i = 0; i < ROWS * DIMS; i++) {
        sample[i] = (float)(centre + cg_stream_next_normal(&stream));
    }
}

static void test_known_codes(void **state) {
    (void)state;
    cg_codec codec = new_codec(DIMS);
    assert_int_equal(codec.code_dims, CODE_DIMS);
    codec.step = 0.5f;
    codec.centre[1] = 10.0f;
    /* In steps: 0, 1 (about 10), 2.5 and 3.5 to even, -2.5, and both ends clipped. */
    const float vector[DIMS] = {0.0f, 10.5f, 1.25f, 1.75f, -1.25f, 1e30f, -1e30f, 63.4f};
    const int8_t expected[8] = {0, 1, 2, 4, -2, 127, -127, 127};
    int8_t code[CODE_DIMS];
    memset(code, 99, sizeof code);
    cg_codec_encode_i8(&codec, vector, code);
    assert_memory_equal(code, expected, sizeof expected);
    for (uint32_t d = DIMS; d < CODE_DIMS; d++) {
        assert_int_equal(code[d], 0); /* padding */
    }
    float back[DIMS];
    cg_codec_decode_i8(&codec, code, back);
    assert_true(back[1] == 10.5f && back[2] == 1.0f && back[5] == 63.5f);
    free_codec(&codec);
}

static void test_mirrored_codes_are_codes_of_the_mirrored(void **state) {
    (void)state;
    draw_sample(0.0);
    cg_codec codec = new_codec(DIMS);
    train(&codec, ROWS, false);
    for (uint32_t i = 0; i < 500; i++) {
        float mirrored[DIMS];
        int8_t code[CODE_DIMS];
        int8_t other[CODE_DIMS];
        for (uint32_t d = 0; d < DIMS; d++) {
            mirrored[d] = -sample[i * DIMS + d];
        }
        cg_codec_encode_i8(&codec, sample + (size_t)i * DIMS, code);
        cg_codec_encode_i8(&codec, mirrored, other);
        for (uint32_t d = 0; d < CODE_DIMS; d++) {
            assert_int_equal(code[d], -other[d]);
            assert_in_range(code[d] + 127, 0, 254);
        }
    }
    free_codec(&codec);
}

/* Each entry is within half a unit of what it stands for, unless clipped. */
static void test_packed_codes_stand_for_themselves(void **state) {
    (void)state;
    const cg_kernels *scalar = cg_kernels_of(CG_ISA_SCALAR);
    cg_stream stream = cg_stream_init(support_seed(2), "codec_test.pack", 0);
    for (uint32_t round = 0; round < 300; round++) {
        int8_t code[CODE_DIMS];
        int8_t four_bits[CODE_DIMS];
        uint8_t packed[CODE_DIMS / 2];
        uint8_t signs[CODE_DIMS / 8];
        int8_t query[CODE_DIMS];
        int64_t dot_i4 = 0;
        int64_t dot_i1 = 0;
        for (uint32_t d = 0; d < CODE_DIMS; d++) {
            code[d] = (int8_t)((int)cg_stream_next_below(&stream, 255) - 127);
            query[d] = (int8_t)((int)cg_stream_next_below(&stream, 255) - 127);
        }
        cg_codec_pack_i4(code, CODE_DIMS, packed);
        cg_codec_unpack_i4(packed, CODE_DIMS, four_bits);
        cg_codec_pack_i1(code, CODE_DIMS, signs);
        for (uint32_t d = 0; d < CODE_DIMS; d++) {
            assert_int_equal(four_bits[d] % CG_CODE_I4_UNIT, 0);
            assert_true(abs(four_bits[d] - code[d]) <= CG_CODE_I4_UNIT / 2);
            dot_i4 += (int64_t)query[d] * four_bits[d] / CG_CODE_I4_UNIT;
            dot_i1 += code[d] >= 0 ? query[d] : -query[d];
        }
        assert_int_equal(scalar->dot_i4(query, packed, CODE_DIMS), dot_i4);
        assert_int_equal(scalar->dot_i1(query, signs, CODE_DIMS), dot_i1);
    }
}

static void test_training_finds_centre_and_range(void **state) {
    (void)state;
    draw_sample(5.0);
    cg_codec codec = new_codec(DIMS);
    train(&codec, ROWS, true);
    uint32_t clipped = 0;
    for (uint32_t d = 0; d < DIMS; d++) {
        assert_true(fabsf(codec.centre[d] - 5.0f) < 0.1f);
    }
    for (uint32_t i = 0; i < ROWS * DIMS; i++) {
        clipped += fabsf(sample[i] - codec.centre[i % DIMS]) > codec.step * 127.5f;
    }
    /* One in 2,000 is 3.48 deviations of a normal law. */
    assert_true(fabsf(codec.step * 127.0f - 3.48f) < 0.15f);
    assert_in_range(clipped, ROWS * DIMS / 3000, ROWS * DIMS / 1400);
    train(&codec, ROWS, false);
    assert_true(codec.centre[0] == 0.0f && codec.step * 127.0f > 5.0f);
    free_codec(&codec);
}

static void test_training_on_little(void **state) {
    (void)state;
    draw_sample(0.0);
    cg_codec codec = new_codec(DIMS);
    train(&codec, 1, true);
    float largest = 0.0f;
    for (uint32_t d = 0; d < DIMS; d++) {
        assert_true(codec.centre[d] == 0.0f);
        largest = fmaxf(largest, fabsf(sample[d]));
    }
    assert_true(fabsf(codec.step * 127.0f - 2.0f * largest) < 1e-4f);
    for (uint32_t i = 0; i < ROWS * DIMS; i++) {
        sample[i] = i % DIMS == 3 ? -0.5f : 0.25f; /* all equal: no spread to learn from */
    }
    train(&codec, ROWS, true);
    assert_true(codec.centre[3] == 0.0f && fabsf(codec.step * 127.0f - 1.0f) < 1e-6f);
    memset(sample, 0, sizeof sample); /* any step will do */
    train(&codec, ROWS, true);
    assert_true(codec.step > 0.0f);
    sample[0] = FLT_MIN / 1024; /* the step's inverse stays finite */
    train(&codec, 1, false);
    assert_true(isfinite(1.0f / codec.step));
    free_codec(&codec);
}

static void test_failed_allocation_changes_nothing(void **state) {
    (void)state;
    draw_sample(1.0);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cg_error error;
    cg_codec codec = {0};
    counting.fail_at = 1;
    assert_status(cg_codec_init(&codec, DIMS, &allocator, &error), CG_ERROR_MEMORY, error,
                  "no memory");
    counting.fail_at = 0;
    assert_ok(cg_codec_init(&codec, DIMS, &allocator, &error), error);
    counting.fail_at = 1;
    assert_status(cg_codec_train(&codec, sample, ROWS, true, &allocator, &error),
                  CG_ERROR_MEMORY, error, "no memory");
    assert_true(codec.step == 0.0f && codec.centre[0] == 0.0f);
    counting.fail_at = 0;
    cg_codec_deinit(&codec, &allocator);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_codes),
        cmocka_unit_test(test_mirrored_codes_are_codes_of_the_mirrored),
        cmocka_unit_test(test_packed_codes_stand_for_themselves),
        cmocka_unit_test(test_training_finds_centre_and_range),
        cmocka_unit_test(test_training_on_little),
        cmocka_unit_test(test_failed_allocation_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
