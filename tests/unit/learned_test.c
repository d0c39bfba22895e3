/* Goal: what was learned survives being written and read to the bit, and bytes that cannot have
 * been written are refused without a trace. (Spec A5.) */
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

#include "engine/column/learned.h"
#include "tests/support/learned.h"

enum {
    WEIGHTS = CG_PATHWAY_COUNT * CG_LINES + CG_COLUMN_COUNT,
    NUMBERS = CG_CALIBRATION_TERMS * (1 + CG_CALIBRATION_TERMS)
};

static cg_error error;

static cg_learned any_learned(cg_stream *stream) {
    cg_learned learned = support_learned_any(stream);
    for (int i = 0; i < 200; i++) {
        cg_lead lead = {.margin = cg_stream_next_exponential(stream, 1.0),
                        .distance = cg_stream_next_exponential(stream, 2.0),
                        .recognised = cg_stream_next_below(stream, 2) == 0};
        cg_calibration_learn(&learned.calibration, &lead, cg_stream_next_below(stream, 2));
    }
    learned.lessons = cg_stream_next(stream);
    return learned;
}

static void write(const cg_learned *learned, uint8_t bytes[CG_LEARNED_BYTES]) {
    cg_writer writer = cg_writer_init(bytes, CG_LEARNED_BYTES);
    cg_learned_write(&writer, learned);
    assert_false(writer.failed);
    assert_int_equal(writer.used_bytes, CG_LEARNED_BYTES);
}

static void assert_equal(const cg_learned *left, const cg_learned *right) {
    assert_memory_equal(&left->synapses, &right->synapses, sizeof left->synapses);
    assert_memory_equal(&left->calibration, &right->calibration, sizeof left->calibration);
    assert_int_equal(left->lessons, right->lessons);
    assert_int_equal(cg_learned_hash(left), cg_learned_hash(right));
}

static void nothing_learned(void **state) {
    (void)state;
    cg_learned learned = cg_learned_init();
    assert_int_equal(learned.lessons, 0);
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            assert_int_equal(learned.synapses.weight_q16[p][line], 32768);
        }
    }
    for (uint32_t c = 0; c < CG_COLUMN_COUNT; c++) {
        assert_int_equal(learned.synapses.expertise_q16[c], 32768);
    }
    uint8_t bytes[CG_LEARNED_BYTES];
    write(&learned, bytes);
    for (uint32_t i = 0; i < WEIGHTS; i++) { /* 32767, little-endian */
        assert_int_equal(bytes[2 * i], 0xff);
        assert_int_equal(bytes[2 * i + 1], 0x7f);
    }
    double mean = -1.0;
    uint64_t bits;
    memcpy(&bits, &mean, sizeof bits);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(bytes[2 * WEIGHTS + i], (uint8_t)(bits >> 8 * i));
    }
}

static void what_is_written_is_read(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(61), "test.learned", 0);
    for (int round = 0; round < 200; round++) {
        cg_learned learned = any_learned(&stream);
        learned.synapses.weight_q16[round % CG_PATHWAY_COUNT][0] = 66;
        learned.synapses.weight_q16[round % CG_PATHWAY_COUNT][6] = 65536;
        uint8_t bytes[CG_LEARNED_BYTES];
        write(&learned, bytes);
        cg_learned read = cg_learned_init();
        cg_reader reader = cg_reader_init(bytes, sizeof bytes);
        assert_ok(cg_learned_read(&reader, &read, &error), error);
        assert_int_equal(cg_reader_left(&reader), 0);
        assert_equal(&read, &learned);
    }
}

/* Each byte counts for the hash. */
static void the_hash_sees_every_number(void **state) {
    (void)state;
    cg_learned learned = cg_learned_init();
    uint64_t hash = cg_learned_hash(&learned);
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            learned.synapses.weight_q16[p][line]++;
            assert_int_not_equal(cg_learned_hash(&learned), hash);
            learned.synapses.weight_q16[p][line]--;
        }
    }
    for (uint32_t c = 0; c < CG_COLUMN_COUNT; c++) {
        learned.synapses.expertise_q16[c]--;
        assert_int_not_equal(cg_learned_hash(&learned), hash);
        learned.synapses.expertise_q16[c]++;
    }
    for (uint32_t i = 0; i < CG_CALIBRATION_TERMS; i++) {
        learned.calibration.mean[i] += 1e-9;
        assert_int_not_equal(cg_learned_hash(&learned), hash);
        learned.calibration.mean[i] = cg_calibration_init().mean[i];
        for (uint32_t j = 0; j < CG_CALIBRATION_TERMS; j++) {
            learned.calibration.covariance[i][j] += 1e-9;
            assert_int_not_equal(cg_learned_hash(&learned), hash);
            learned.calibration.covariance[i][j] = i == j ? 4.0 : 0.0;
        }
    }
    learned.lessons++;
    assert_int_not_equal(cg_learned_hash(&learned), hash);
    learned.lessons--;
    assert_int_equal(cg_learned_hash(&learned), hash);
}

static void refused(const uint8_t *bytes, size_t size_bytes) {
    cg_learned learned;
    cg_learned before;
    memset(&learned, 0x5a, sizeof learned);
    memset(&before, 0x5a, sizeof before);
    cg_reader reader = cg_reader_init(bytes, size_bytes);
    memset(&error, 0, sizeof error);
    assert_status(cg_learned_read(&reader, &learned, &error), CG_ERROR_CORRUPT, error,
                  "out of their range");
    assert_memory_equal(&learned, &before, sizeof before);
}

static void cuts_are_refused(void **state) {
    (void)state;
    cg_learned learned = cg_learned_init();
    uint8_t bytes[CG_LEARNED_BYTES];
    write(&learned, bytes);
    for (size_t size = 0; size < CG_LEARNED_BYTES; size++) {
        refused(bytes, size);
    }
}

static void weights_out_of_range_are_refused(void **state) {
    (void)state;
    cg_learned learned = cg_learned_init();
    uint8_t bytes[CG_LEARNED_BYTES];
    write(&learned, bytes);
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        static const uint8_t low[] = {0, 1, 64};
        for (uint32_t l = 0; l < sizeof low; l++) {
            bytes[2 * i] = low[l];
            bytes[2 * i + 1] = 0;
            refused(bytes, sizeof bytes);
        }
        bytes[2 * i] = i % 2 ? 65 : 0xff; /* 66 and 65536 are fine */
        bytes[2 * i + 1] = i % 2 ? 0 : 0xff;
    }
    cg_reader reader = cg_reader_init(bytes, sizeof bytes);
    assert_ok(cg_learned_read(&reader, &learned, &error), error);
    assert_int_equal(learned.synapses.weight_q16[0][0], 65536);
    assert_int_equal(learned.synapses.weight_q16[0][1], 66);
}

static void put(uint8_t *bytes, uint32_t number, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (uint32_t i = 0; i < 8; i++) {
        bytes[2 * WEIGHTS + 8 * number + i] = (uint8_t)(bits >> 8 * i);
    }
}

static void numbers_that_are_none_are_refused(void **state) {
    (void)state;
    static const double none[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    cg_learned learned = cg_learned_init();
    for (uint32_t number = 0; number < NUMBERS; number++) {
        for (uint32_t i = 0; i < 3; i++) {
            uint8_t bytes[CG_LEARNED_BYTES];
            write(&learned, bytes);
            put(bytes, number, none[i]);
            refused(bytes, sizeof bytes);
        }
    }
}

/* Whatever is read gives probabilities: bytes that no calibration can have are refused. */
static void what_is_read_can_be_used(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(62), "test.hostile", 0);
    static const double values[] = {-1e308, -1e9, -4.0, -1e-9, 0.0, 5.0, 1e9, 1e308};
    static const cg_lead leads[] = {
        {0.0, 0.0, false}, {1e6, 1e6, false}, {1e6, 1e6, true}, {0.3, 2.0, false}};
    uint32_t accepted = 0;
    for (int round = 0; round < 5000; round++) {
        cg_learned learned = any_learned(&stream);
        uint8_t bytes[CG_LEARNED_BYTES];
        write(&learned, bytes);
        for (uint64_t changes = cg_stream_next_below(&stream, 4); changes > 0; changes--) {
            put(bytes, (uint32_t)cg_stream_next_below(&stream, NUMBERS),
                values[cg_stream_next_below(&stream, sizeof values / sizeof *values)]);
        }
        cg_reader reader = cg_reader_init(bytes, sizeof bytes);
        if (cg_learned_read(&reader, &learned, &error) != CG_OK) {
            continue;
        }
        accepted++;
        for (uint32_t i = 0; i < sizeof leads / sizeof *leads; i++) {
            double confidence = cg_calibration_confidence(&learned.calibration, &leads[i]);
            assert_true(confidence >= 0.0 && confidence <= 1.0);
        }
    }
    assert_true(accepted > 1000); /* those without a change, at least */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_learned),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_hash_sees_every_number),
        cmocka_unit_test(cuts_are_refused),
        cmocka_unit_test(weights_out_of_range_are_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(what_is_read_can_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
