/* Goal: the operations on one vector are exact where they claim to be, and half precision is that
 * of IEEE 754, every value and every tie of it. */
#include "tests/support/support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/vector/vector.h"

static void test_normalise(void **state) {
    (void)state;
    float vector[16] = {3.0f, 4.0f};
    assert_true(cg_vector_normalise(vector, 16));
    assert_true(vector[0] == 0.6f && vector[1] == 0.8f && vector[2] == 0.0f);
    float tiny[16] = {[5] = -FLT_TRUE_MIN};
    assert_true(cg_vector_normalise(tiny, 16));
    assert_true(tiny[5] == -1.0f);
    float huge[16];
    for (int d = 0; d < 16; d++) {
        huge[d] = FLT_MAX;
    }
    assert_true(cg_vector_normalise(huge, 16));
    assert_true(huge[7] == 0.25f);
    float bad[3][16] = {{0.0f}, {1.0f, NAN}, {1.0f, INFINITY}};
    for (int i = 0; i < 3; i++) {
        float before[16];
        memcpy(before, bad[i], sizeof before);
        assert_false(cg_vector_normalise(bad[i], 16));
        assert_memory_equal(before, bad[i], sizeof before);
    }
}

static void test_flip_and_finite(void **state) {
    (void)state;
    float vector[80];
    float flipped[80];
    for (int d = 0; d < 80; d++) {
        vector[d] = (float)d + 0.5f;
    }
    uint64_t bits[2] = {1u | 1ull << 63, 1u << 1};
    cg_vector_flip(vector, 80, bits, flipped);
    for (int d = 0; d < 80; d++) {
        bool is_flipped = d == 0 || d == 63 || d == 65;
        assert_true(flipped[d] == (is_flipped ? -vector[d] : vector[d]));
    }
    cg_vector_flip(flipped, 80, bits, flipped); /* in place, and its own inverse */
    assert_memory_equal(flipped, vector, sizeof vector);
    assert_true(cg_vector_is_finite(vector, 80));
    vector[79] = -INFINITY;
    assert_false(cg_vector_is_finite(vector, 80));
    assert_true(cg_vector_is_finite(vector, 64));
    vector[0] = NAN;
    assert_false(cg_vector_is_finite(vector, 64));
}

/* From the fields' meaning, in double precision. */
static double half_value(uint32_t half) {
    int exponent = (int)(half >> 10) & 31;
    int fraction = (int)half & 1023;
    double size = exponent ? ldexp(fraction + 1024, exponent - 25) : ldexp(fraction, -24);
    return half >> 15 ? -size : size;
}

static void test_every_half_to_float_and_back(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 65536; half++) {
        float value = cg_f16_to_f32((uint16_t)half);
        assert_int_equal(signbit(value) != 0, half >> 15);
        if ((half & 0x7fff) == 0x7c00) {
            assert_true(isinf(value));
            assert_int_equal(cg_f16_from_f32(value), half - 1); /* 65,504 of the same sign */
        } else if ((half & 0x7fff) > 0x7c00) {
            assert_true(isnan(value));
        } else {
            assert_true((double)value == half_value(half));
            assert_int_equal(cg_f16_from_f32(value), half);
        }
    }
}

static void test_rounding_between_all_neighbours(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x7bff; half++) {
        float middle = (float)(0.5 * (half_value(half) + half_value(half + 1))); /* exact */
        uint32_t even = half + half % 2;
        for (uint32_t sign = 0; sign <= 0x8000; sign += 0x8000) {
            float signed_middle = sign ? -middle : middle;
            float below = nextafterf(signed_middle, 0.0f);
            float above = nextafterf(signed_middle, sign ? -INFINITY : INFINITY);
            assert_int_equal(cg_f16_from_f32(signed_middle), sign | even);
            assert_int_equal(cg_f16_from_f32(below), sign | half);
            assert_int_equal(cg_f16_from_f32(above), sign | (half + 1));
        }
    }
    assert_int_equal(cg_f16_from_f32(FLT_TRUE_MIN), 0);
    assert_int_equal(cg_f16_from_f32(-FLT_MIN), 0x8000);
}

static void test_saturation(void **state) {
    (void)state;
    static const float beyond[] = {65504.0f, 65519.99f, 65520.0f, 65536.0f,
                                   1e9f,     FLT_MAX,   INFINITY};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        assert_int_equal(cg_f16_from_f32(beyond[i]), 0x7bff);
        assert_int_equal(cg_f16_from_f32(-beyond[i]), 0xfbff);
    }
    assert_int_equal(cg_f16_from_f32(65488.0f), 0x7bfe); /* a tie */
    assert_int_equal(cg_f16_from_f32(65487.99f), 0x7bfe);
}

static void test_encode_and_decode(void **state) {
    (void)state;
    float vector[19];
    uint16_t halves[20] = {[19] = 0x1234};
    float back[20] = {[19] = 5.0f};
    for (int d = 0; d < 19; d++) {
        vector[d] = (float)(d - 9) / 7.0f;
    }
    cg_f16_encode(vector, 19, halves);
    cg_f16_decode(halves, 19, back);
    for (int d = 0; d < 19; d++) {
        assert_int_equal(halves[d], cg_f16_from_f32(vector[d]));
        assert_true(back[d] == cg_f16_to_f32(halves[d]));
        assert_true(fabsf(back[d] - vector[d]) <= 0x1p-11f * fabsf(vector[d]));
    }
    assert_int_equal(halves[19], 0x1234);
    assert_true(back[19] == 5.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_flip_and_finite),
        cmocka_unit_test(test_every_half_to_float_and_back),
        cmocka_unit_test(test_rounding_between_all_neighbours),
        cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_encode_and_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
