/* Goal: every instruction set gives the bits of the scalar definition, and the operations on
 * one vector are exact where they claim to be. */
#include "tests/support/support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/vector/kernel.h"

enum { DIMS_MAX = 1024 };

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Normal numbers, wide exponents, denormals, huge ones, zeros of both signs. */
static float draw(cg_stream *stream, uint64_t kind) {
    float value = (float)(cg_stream_next_unit(stream) * 2.0 - 1.0);
    switch (kind) {
    case 0:
        return value;
    case 1:
        return ldexpf(value, (int)cg_stream_next_below(stream, 60) - 30);
    case 2:
        return ldexpf(value, -130);
    case 3:
        return ldexpf(value, 60);
    case 4:
        return ldexpf(value, (int)cg_stream_next_below(stream, 250) - 140);
    default:
        return cg_stream_next_below(stream, 2) ? 0.0f : -0.0f;
    }
}

static void test_kernels_agree_to_the_bit(void **state) {
    (void)state;
    const cg_kernels *scalar = cg_kernels_of(CG_ISA_SCALAR);
    assert_non_null(scalar);
    assert_string_equal(scalar->name, "scalar");
    cg_stream stream = cg_stream_init(support_seed(1), "vector_test", 0);
    static float left[DIMS_MAX + 1];
    static float right[DIMS_MAX + 1];
    for (int isa = 1; isa < CG_ISA_COUNT; isa++) {
        const cg_kernels *other = cg_kernels_of((cg_isa)isa);
        if (!other) {
            print_message("this machine cannot run instruction set %d\n", isa);
            continue;
        }
        assert_int_equal(other->isa, isa);
        for (uint32_t round = 0; round < 3000; round++) {
            uint32_t dims = 16 * (1 + (uint32_t)cg_stream_next_below(&stream, DIMS_MAX / 16));
            uint32_t shift = round % 2; /* unaligned, too */
            uint64_t kind = cg_stream_next_below(&stream, 7);
            for (uint32_t d = 0; d < dims; d++) {
                uint64_t each = kind < 6 ? kind : cg_stream_next_below(&stream, 6);
                left[shift + d] = draw(&stream, each);
                right[shift + d] = draw(&stream, each);
            }
            const float *a = left + shift;
            const float *b = right + shift;
            assert_int_equal(bits_of(scalar->dot_f32(a, b, dims)),
                             bits_of(other->dot_f32(a, b, dims)));
            assert_int_equal(bits_of(scalar->square_distance_f32(a, b, dims)),
                             bits_of(other->square_distance_f32(a, b, dims)));
        }
    }
}

static void test_known_sums(void **state) {
    (void)state;
    /* Lanes 0 and 8 cancel before lane 1 joins; from left to right the 1 would be lost. */
    float values[16] = {[0] = 1e8f, [1] = 1.0f, [8] = -1e8f};
    float ones[32];
    float twos[32];
    for (int d = 0; d < 32; d++) {
        ones[d] = 1.0f;
        twos[d] = 2.0f;
    }
    for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
        const cg_kernels *kernels = cg_kernels_of((cg_isa)isa);
        if (kernels) {
            assert_true(kernels->dot_f32(values, ones, 16) == 1.0f);
            assert_true(kernels->dot_f32(ones, twos, 32) == 64.0f);
            assert_true(kernels->square_distance_f32(ones, twos, 32) == 32.0f);
            /* Fused: (1 + 2^-12)^2 - 1 keeps the last bit that a rounded product would drop. */
            float fused[32] = {[0] = 1.0f, [16] = 1.0f + 0x1p-12f};
            float factor[32] = {[0] = -1.0f, [16] = 1.0f + 0x1p-12f};
            assert_true(kernels->dot_f32(fused, factor, 32) == 0x1p-11f + 0x1p-24f);
        }
    }
    assert_null(cg_kernels_of(CG_ISA_COUNT));
    assert_non_null(cg_kernels_best());
}

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_agree_to_the_bit),
        cmocka_unit_test(test_known_sums),
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_flip_and_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
