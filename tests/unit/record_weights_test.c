/* Goal: a log record of new weights has exactly the bytes that log.h describes; whatever is cut,
 * altered or absurd is refused with a status and changes nothing.
 */
#include "tests/support/records.h"

static cg_log_buffers buffers;

static cg_status decode(const uint8_t *bytes, size_t size_bytes, cg_log_record *record,
                        size_t *used, cg_error *error) {
    return cg_log_record_decode(bytes, size_bytes, &buffers, record, used, error);
}

static void assert_same_weight(const cg_log_weight *left, const cg_log_weight *right) {
    assert_true(left->from == right->from && left->to == right->to);
    assert_int_equal(left->type, right->type);
    assert_int_equal(left->weight, right->weight);
}

/* Made outside of this program from the table in log.h; the CRC by the bitwise algorithm. */
static const uint8_t known_weights[] = {
    0x6a, 0x00, 0x00, 0x00, 0x33, 0xdd, 0x4d, 0x9a, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x03, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x88, 0x13, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x02, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x17, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xc8, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x18, 0x00, 0x04, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x70, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff};

static void test_weights_known_bytes(void **state) {
    (void)state;
    cg_log_weight weights[3];
    weights[0] = (cg_log_weight){.from = 1, .to = 2, .type = 23, .weight = 200};
    weights[1] = (cg_log_weight){.from = 1, .to = cg_fact_id(4), .type = 24, .weight = 0};
    weights[2] = (cg_log_weight){.from = 70000, .to = 5, .type = 0, .weight = 255};
    cg_log_record changed = {.kind = CG_RECORD_WEIGHTS,
                             .id = {.epoch = 7, .number = 9, .replica = 0x30002},
                             .clock = {5000, 6},
                             .weights = weights,
                             .weight_count = 3};
    uint8_t bytes[sizeof known_weights + 1] = {0};
    assert_int_equal(cg_log_record_bytes(&changed), sizeof known_weights);
    cg_log_record_encode(&changed, bytes);
    assert_memory_equal(bytes, known_weights, sizeof known_weights);
    cg_log_record got;
    memset(&got, 0xa5, sizeof got);
    memset(&buffers, 0xa5, sizeof buffers);
    size_t used = 0;
    cg_error error = {0};
    assert_ok(decode(bytes, sizeof bytes, &got, &used, &error), error); /* one to spare */
    assert_int_equal(used, sizeof known_weights);
    assert_int_equal(got.kind, CG_RECORD_WEIGHTS);
    assert_int_equal(cg_log_id_compare(&got.id, &changed.id), 0);
    assert_int_equal(got.request_id, 0);
    assert_int_equal(cg_hlc_compare(got.clock, changed.clock), 0);
    assert_int_equal(got.weight_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_same_weight(&got.weights[i], &weights[i]);
    }
    assert_int_equal(got.removed, 0);
    assert_int_equal(got.text_bytes, 0);
}

/* Goal: of one weight and of as many as fit comes back what went in. */
static void test_weights_round_trip(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, CG_RECORD_WEIGHTS_MAX};
    for (size_t i = 0; i < 3; i++) {
        sample *made = make_weights(17, 3, counts[i]);
        assert_int_equal(made->size_bytes, WEIGHTS_AT + WEIGHT_STRIDE * counts[i]);
        cg_log_record record;
        size_t used = 0;
        cg_error error = {0};
        assert_ok(decode(made->bytes, made->size_bytes, &record, &used, &error), error);
        assert_int_equal(record.weight_count, counts[i]);
        for (uint32_t edge = 0; edge < counts[i]; edge++) {
            assert_same_weight(&record.weights[edge], &made->weights[edge]);
        }
        free_sample(made);
    }
}

/* Goal: of new weights every altered byte is refused and every cut, sealed or not; and behind a
 * right checksum other counts, a request, edges out of order, twice or of no two concepts. */
static void test_weights_absurd(void **state) {
    (void)state;
    sample *made = make_weights(18, 9, 3);
    cg_log_record record = {.request_id = 99};
    size_t used = 98;
    cg_error error = {0};
    for (size_t at = 0; at < made->size_bytes; at++) {
        for (uint32_t flip = 1; flip < 256; flip++) {
            made->bytes[at] ^= (uint8_t)flip;
            assert_int_equal(decode(made->bytes, made->size_bytes, &record, &used, NULL),
                             CG_ERROR_CORRUPT);
            made->bytes[at] ^= (uint8_t)flip;
        }
    }
    for (size_t size = 8; size <= made->size_bytes + WEIGHT_STRIDE; size++) {
        uint8_t *other = calloc(1, size);
        assert_non_null(other);
        memcpy(other, made->bytes, size < made->size_bytes ? size : made->size_bytes);
        reseal(other, size);
        if (size != made->size_bytes) {
            assert_status(decode(other, size, &record, &used, &error), CG_ERROR_CORRUPT, error,
                          size < WEIGHT_COUNT_AT ? "is cut" : "new weights in");
        }
        free(other);
    }
    static const uint32_t counts[] = {0, 2, 4, 257, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        put_u32(made->bytes + WEIGHT_COUNT_AT, counts[i]);
        reseal(made->bytes, made->size_bytes);
        assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                      CG_ERROR_CORRUPT, error, "it may have 1..256");
    }
    put_u32(made->bytes + WEIGHT_COUNT_AT, 3);
    static const uint32_t fitting[] = {0, CG_RECORD_WEIGHTS_MAX + 1}; /* as long as they say */
    for (size_t i = 0; i < 2; i++) {
        size_t size = WEIGHTS_AT + (size_t)WEIGHT_STRIDE * fitting[i];
        uint8_t *other = calloc(1, size);
        assert_non_null(other);
        memcpy(other, made->bytes, WEIGHTS_AT);
        put_u32(other + WEIGHT_COUNT_AT, fitting[i]);
        for (uint32_t edge = 0; edge < fitting[i]; edge++) {
            put_u32(other + WEIGHTS_AT + (size_t)WEIGHT_STRIDE * edge, edge + 1); /* to 0 */
        }
        reseal(other, size);
        assert_status(decode(other, size, &record, &used, &error), CG_ERROR_CORRUPT, error,
                      "it may have 1..256");
        free(other);
    }
    static const struct {
        size_t at;
        uint32_t value;
    } altered[] = {{WEIGHTS_AT, 1},                       /* from 1 to 1 */
                   {WEIGHTS_AT, 10},                      /* from 10, of a lower type */
                   {WEIGHTS_AT, 11},                      /* beyond the next */
                   {WEIGHTS_AT + 2 * WEIGHT_STRIDE, 10}}; /* as the one before, type 2 */
    for (size_t i = 0; i < sizeof altered / sizeof *altered; i++) {
        uint8_t kept[4];
        memcpy(kept, made->bytes + altered[i].at, 4);
        put_u32(made->bytes + altered[i].at, altered[i].value);
        reseal(made->bytes, made->size_bytes);
        cg_status status = decode(made->bytes, made->size_bytes, &record, &used, &error);
        if (i % 2 == 1) { /* other edges, and in order */
            assert_ok(status, error);
            record = (cg_log_record){.request_id = 99};
            used = 98;
        } else {
            assert_status(status, CG_ERROR_CORRUPT, error, "out of order, there twice, or of");
        }
        memcpy(made->bytes + altered[i].at, kept, 4);
    }
    memcpy(made->bytes + WEIGHTS_AT + WEIGHT_STRIDE, made->bytes + WEIGHTS_AT,
           WEIGHT_STRIDE - 1); /* twice */
    reseal(made->bytes, made->size_bytes);
    assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                  CG_ERROR_CORRUPT, error,
                  "new weight 1, of the edge of type 0 from concept 0 to");
    free_sample(made);
    made = make_weights(18, 9, 3);
    made->bytes[REQUEST_AT] = 1; /* its request */
    reseal(made->bytes, made->size_bytes);
    assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                  CG_ERROR_CORRUPT, error, "for request 1; nobody asks");
    free_sample(made);
    assert_int_equal(record.request_id, 99);
    assert_int_equal(used, 98);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_known_bytes),
        cmocka_unit_test(test_weights_round_trip),
        cmocka_unit_test(test_weights_absurd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
