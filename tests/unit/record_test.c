/* Goal: a log record has exactly the bytes that log.h describes, with what was learned and without,
 * of a fact and of a removal (of new weights: record_weights_test.c);
 * whatever is cut, altered or absurd is refused with a status and changes nothing.
 */
#include <math.h>
#include <stdio.h>

#include "engine/base/hash.h"
#include "tests/support/records.h"

static void assert_same_record(const cg_log_record *left, const cg_log_record *right) {
    assert_int_equal(left->kind, right->kind);
    assert_int_equal(cg_log_id_compare(&left->id, &right->id), 0);
    assert_int_equal(left->request_id, right->request_id);
    assert_int_equal(cg_hlc_compare(left->clock, right->clock), 0);
    assert_int_equal(left->target, right->target);
    assert_int_equal(left->concept_type, right->concept_type);
    assert_int_equal(left->has_learned, right->has_learned);
    if (left->has_learned) {
        assert_memory_equal(&left->learned, &right->learned, sizeof left->learned);
    }
    assert_int_equal(left->dims, right->dims);
    assert_memory_equal(left->dense, right->dense, left->dims * sizeof(float));
    assert_int_equal(left->sparse.count, right->sparse.count);
    if (left->sparse.count > 0) {
        assert_memory_equal(left->sparse.features, right->sparse.features,
                            left->sparse.count * sizeof(uint32_t));
        assert_memory_equal(left->sparse.weights, right->sparse.weights,
                            left->sparse.count * sizeof(float));
    }
    assert_int_equal(left->text_bytes, right->text_bytes);
    if (left->text_bytes > 0) {
        assert_memory_equal(left->text, right->text, left->text_bytes);
    }
}

static void put_f32(uint8_t *bytes, float value) {
    cg_writer writer = cg_writer_init(bytes, 4);
    cg_write_f32(&writer, value);
}

static cg_log_buffers buffers;

static cg_status decode(const uint8_t *bytes, size_t size_bytes, cg_log_record *record,
                        size_t *used, cg_error *error) {
    return cg_log_record_decode(bytes, size_bytes, &buffers, record, used, error);
}

/* Goal: a record comes back as it was, with what was learned and without; and only a record that
 * was learned from carries it. */
static void test_record_round_trip(void **state) {
    (void)state;
    static const uint32_t shapes[][2] = {{32, 0}, {32, 1}, {128, 17}, {1024, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int learned = 0; learned <= 1; learned++) {
            sample *made = make_sample_of(learned, 5, shapes[i][0], shapes[i][1], i + 1);
            assert_int_equal(made->size_bytes,
                             LEARNED_PART_AT + (learned ? (size_t)CG_LEARNED_BYTES : 0) +
                                 4 * (size_t)shapes[i][0] + 8 * (size_t)shapes[i][1] +
                                 made->record.text_bytes);
            cg_reader field = cg_reader_init(made->bytes + LEARNED_AT, 4);
            assert_int_equal(cg_read_u32(&field), learned ? CG_LEARNED_BYTES : 0);
            cg_error error = {0};
            cg_log_record record;
            memset(&record, 0xa5, sizeof record);
            size_t used = 0;
            assert_ok(decode(made->bytes, made->size_bytes, &record, &used, &error), error);
            assert_int_equal(used, made->size_bytes);
            assert_same_record(&record, &made->record);
            free_sample(made);
        }
    }
}

/* Goal: every altered byte and every cut is refused, and the record stays as it was; bytes
 * after the record are the next one's. */
static void test_record_altered_and_cut(void **state) {
    (void)state;
    for (int learned = 0; learned <= 1; learned++) {
        sample *made = make_sample_of(learned, 6, 32, 3, 1);
        cg_log_record record = {.request_id = 99};
        size_t used = 98;
        for (size_t at = 0; at < made->size_bytes; at++) {
            for (uint32_t flip = 1; flip < 256; flip += learned ? 41 : 1) {
                cg_error error = {0};
                made->bytes[at] ^= (uint8_t)flip;
                assert_int_equal(decode(made->bytes, made->size_bytes, &record, &used, &error),
                                 CG_ERROR_CORRUPT);
                assert_true(error.message[0] != 0);
                made->bytes[at] ^= (uint8_t)flip;
            }
        }
        for (size_t size = 0; size < made->size_bytes; size++) {
            uint8_t *cut = malloc(size + 1); /* of its own, so that a read beyond it shows */
            assert_non_null(cut);
            memcpy(cut, made->bytes, size);
            assert_int_equal(decode(cut, size, &record, &used, NULL), CG_ERROR_CORRUPT);
            free(cut);
        }
        assert_int_equal(record.request_id, 99);
        assert_int_equal(used, 98);
        free_sample(made);
    }
}

/* Goal: what a right checksum covers is checked too: counts that do not fit, and vectors that
 * no embedder makes. */
static void test_record_absurd_fields(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
    } counts[] = {{DIMS_AT, 0},          {DIMS_AT, 31},          {DIMS_AT, 33},
                  {DIMS_AT, 1025},       {DIMS_AT, UINT32_MAX},  {ENTRIES_AT, 0},
                  {ENTRIES_AT, 257},     {ENTRIES_AT, 1u << 29}, {ENTRIES_AT, UINT32_MAX},
                  {TEXT_AT, UINT32_MAX}, {TEXT_AT, 1u << 20}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        sample *made = make_sample(7, 32, 3, 1);
        cg_log_record record;
        size_t used = 0;
        cg_error error = {0};
        put_u32(made->bytes + counts[i].at, counts[i].value);
        reseal(made->bytes, made->size_bytes);
        assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                      CG_ERROR_CORRUPT, error, "do not fit");
        free_sample(made);
    }
    static const float values[] = {NAN, INFINITY, -INFINITY, 1e30f, 3.0f, 0.0f};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        for (int place = 0; place < 3; place++) {
            sample *made = make_sample(8, 32, 3, 1);
            cg_log_record record;
            size_t used = 0;
            cg_error error = {0};
            uint8_t *vectors = made->bytes + LEARNED_PART_AT;
            if (place == 0) {
                for (size_t d = 0; d < 32; d++) {
                    put_f32(vectors + 4 * d, values[i]);
                }
            } else if (place == 1) {
                put_f32(vectors + 128 + 12 + 8, values[i]); /* the last weight */
            } else {
                put_u32(vectors + 128 + 8, 0); /* the last feature: no longer ascending */
            }
            reseal(made->bytes, made->size_bytes);
            assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                          CG_ERROR_CORRUPT, error, place == 0 ? "unit length" : "");
            free_sample(made);
        }
    }
}

/* Goal: a cut behind a right length and a right checksum is refused too, wherever it is. */
static void test_record_cut_and_sealed(void **state) {
    (void)state;
    for (int learned = 0; learned <= 1; learned++) {
        sample *made = make_sample_of(learned, 12, 32, 3, 1);
        cg_log_record record = {.request_id = 99};
        size_t used = 98;
        for (size_t size = 8; size < made->size_bytes; size++) {
            uint8_t *cut = malloc(size);
            assert_non_null(cut);
            memcpy(cut, made->bytes, size);
            reseal(cut, size);
            cg_error error = {0};
            assert_status(decode(cut, size, &record, &used, &error), CG_ERROR_CORRUPT, error,
                          size < LEARNED_PART_AT ? "is cut" : "do not fit");
            free(cut);
        }
        assert_int_equal(record.request_id, 99);
        assert_int_equal(used, 98);
        free_sample(made);
    }
}

/* Goal: the length of what was learned is 0 or the one that there is, and nothing else, even
 * where the record's other lengths make up for it; the message names the length. */
static void test_record_learned_length(void **state) {
    (void)state;
    enum { DIMS = 1024 };
    static const uint32_t lengths[] = {1,
                                       2,
                                       4,
                                       CG_LEARNED_BYTES - 4,
                                       CG_LEARNED_BYTES - 1,
                                       CG_LEARNED_BYTES + 1,
                                       CG_LEARNED_BYTES + 4,
                                       2 * CG_LEARNED_BYTES,
                                       UINT32_MAX - 3,
                                       UINT32_MAX};
    cg_log_record record = {.request_id = 99};
    size_t used = 98;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int learned = 0; learned <= 1; learned++) {
            sample *made = make_sample_of(learned, 13, DIMS, 0, 1);
            uint32_t was = learned ? CG_LEARNED_BYTES : 0;
            cg_error error = {0};
            char named[64];
            (void)snprintf(named, sizeof named, ": %u learned bytes, ", lengths[i]);
            put_u32(made->bytes + LEARNED_AT, lengths[i]);
            reseal(made->bytes, made->size_bytes);
            assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                          CG_ERROR_CORRUPT, error, named);
            /* The text as much longer, so that the sum is right. */
            put_u32(made->bytes + TEXT_AT, made->record.text_bytes + was - lengths[i]);
            reseal(made->bytes, made->size_bytes);
            assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                          CG_ERROR_CORRUPT, error, named);
            free_sample(made);
        }
    }
    /* What was learned read as text, and the other way round. */
    sample *made = make_sample_of(true, 13, DIMS, 0, 1);
    put_u32(made->bytes + LEARNED_AT, 0);
    put_u32(made->bytes + TEXT_AT, made->record.text_bytes + CG_LEARNED_BYTES);
    reseal(made->bytes, made->size_bytes);
    assert_int_equal(decode(made->bytes, made->size_bytes, &record, &used, NULL),
                     CG_ERROR_CORRUPT); /* no vector of unit length begins there */
    free_sample(made);
    assert_int_equal(record.request_id, 99);
    assert_int_equal(used, 98);
}

/* Goal: weights outside of what plasticity can reach, numbers that are none and such as no belief has are refused, in
 * every place; the bounds themselves are not. */
static void test_record_learned_values(void **state) {
    (void)state;
    const size_t weights = (size_t)CG_PATHWAY_COUNT * CG_LINES + CG_COLUMN_COUNT;
    const size_t numbers = (size_t)CG_CALIBRATION_TERMS * (1 + CG_CALIBRATION_TERMS);
    sample *made = make_sample_of(true, 14, 32, 3, 1);
    uint8_t *part = made->bytes + LEARNED_PART_AT;
    for (size_t i = 0; i < weights; i++) {
        static const uint16_t stored[] = {0, WEIGHT_LEAST - 2, WEIGHT_LEAST - 1, UINT16_MAX};
        for (size_t value = 0; value < 4; value++) {
            cg_log_record record = {.request_id = 99};
            size_t used = 0;
            cg_error error = {0};
            uint8_t kept[2];
            memcpy(kept, part + 2 * i, 2);
            cg_writer writer = cg_writer_init(part + 2 * i, 2);
            cg_write_u16(&writer, stored[value]);
            reseal(made->bytes, made->size_bytes);
            cg_status status = decode(made->bytes, made->size_bytes, &record, &used, &error);
            if (value < 2) {
                assert_status(status, CG_ERROR_CORRUPT, error, "range");
                assert_int_equal(record.request_id, 99);
            } else {
                assert_ok(status, error);
            }
            memcpy(part + 2 * i, kept, 2);
        }
    }
    for (size_t i = 0; i < numbers; i++) {
        static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY,
                                        -1e300};
        for (size_t value = 0; value < 4; value++) {
            cg_log_record record = {.request_id = 99};
            size_t used = 0;
            cg_error error = {0};
            uint8_t kept[8];
            uint64_t bits = 0;
            memcpy(kept, part + 2 * weights + 8 * i, 8);
            memcpy(&bits, &values[value], 8);
            cg_writer writer = cg_writer_init(part + 2 * weights + 8 * i, 8);
            cg_write_u64(&writer, bits);
            reseal(made->bytes, made->size_bytes);
            assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                          CG_ERROR_CORRUPT, error, "range");
            assert_int_equal(record.request_id, 99);
            memcpy(part + 2 * weights + 8 * i, kept, 8);
        }
    }
    free_sample(made);
}

/* Made outside of this program from the table in log.h; the CRC by the bitwise algorithm. */
static const uint8_t known_removal[] = {
    0x35, 0x00, 0x00, 0x00, 0x53, 0xe1, 0x0b, 0x62, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x03, 0x00, 0x88, 0x77,
    0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x88, 0x13, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06,
    0x00, 0x00, 0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80};

static void test_removal_known_bytes(void **state) {
    (void)state;
    cg_log_record removal = {.kind = CG_RECORD_REMOVE,
                             .id = {.epoch = 7, .number = 9, .replica = 0x30002},
                             .request_id = UINT64_C(0x1122334455667788),
                             .clock = {5000, 6},
                             .removed = cg_fact_id(4)};
    uint8_t bytes[sizeof known_removal + 1] = {0};
    assert_int_equal(cg_log_record_bytes(&removal), sizeof known_removal);
    cg_log_record_encode(&removal, bytes);
    assert_memory_equal(bytes, known_removal, sizeof known_removal);
    cg_log_record got;
    memset(&got, 0xa5, sizeof got);
    size_t used = 0;
    cg_error error = {0};
    assert_ok(decode(bytes, sizeof bytes, &got, &used, &error), error); /* one to spare */
    assert_int_equal(used, sizeof known_removal);
    assert_int_equal(got.kind, CG_RECORD_REMOVE);
    assert_int_equal(cg_log_id_compare(&got.id, &removal.id), 0);
    assert_int_equal(got.request_id, removal.request_id);
    assert_int_equal(cg_hlc_compare(got.clock, removal.clock), 0);
    assert_true(got.removed == cg_fact_id(4));
    assert_false(got.has_learned);
    assert_int_equal(got.text_bytes, 0);
}

/* Goal: of a removal every altered byte is refused and every cut, sealed or not; and behind a
 * right checksum what is longer than a removal, and one of what is no fact. */
static void test_removal_absurd(void **state) {
    (void)state;
    sample *made = make_removal(15, 9, 4);
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
    for (size_t size = 8; size <= made->size_bytes + 3; size++) {
        uint8_t *other = calloc(1, size);
        assert_non_null(other);
        memcpy(other, made->bytes, size < made->size_bytes ? size : made->size_bytes);
        assert_int_equal(
            decode(other, size < made->size_bytes ? size : 0, &record, &used, NULL),
            CG_ERROR_CORRUPT);
        reseal(other, size);
        if (size != made->size_bytes) {
            assert_status(decode(other, size, &record, &used, &error), CG_ERROR_CORRUPT, error,
                          size < REMOVED_AT ? "is cut" : "a removal has 57");
        }
        free(other);
    }
    static const uint64_t removed[] = {0, 9, 10, INT64_MAX};
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
        cg_writer writer = cg_writer_init(made->bytes + REMOVED_AT, 8);
        cg_write_u64(&writer, removed[i]);
        reseal(made->bytes, made->size_bytes);
        assert_status(decode(made->bytes, made->size_bytes, &record, &used, &error),
                      CG_ERROR_CORRUPT, error, "no fact");
    }
    free_sample(made);
    assert_int_equal(record.request_id, 99);
    assert_int_equal(used, 98);
}

/* Goal: a kind that is not known is refused, and a record taken for one of another kind. */
static void test_record_kinds(void **state) {
    (void)state;
    sample *samples[] = {make_sample(16, 32, 3, 5), make_removal(16, 5, 4),
                         make_weights(16, 5, 2), make_epoch(16, 5)};
    for (uint32_t which = 0; which < 4; which++) {
        sample *made = samples[which];
        assert_int_equal(made->bytes[KIND_AT], which);
        for (uint32_t kind = 0; kind < 256; kind++) {
            cg_log_record record = {.request_id = 99};
            size_t used = 0;
            cg_error error = {0};
            made->bytes[KIND_AT] = (uint8_t)kind;
            reseal(made->bytes, made->size_bytes);
            cg_status status = decode(made->bytes, made->size_bytes, &record, &used, &error);
            if (kind == which) {
                assert_ok(status, error);
            } else {
                assert_status(status, CG_ERROR_CORRUPT, error,
                              kind > 3    ? "which is not known"
                              : kind == 2 ? "new weights"
                                          : "bytes");
                assert_int_equal(record.request_id, 99);
            }
        }
        free_sample(made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removal_known_bytes),
        cmocka_unit_test(test_removal_absurd),
        cmocka_unit_test(test_record_kinds),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_altered_and_cut),
        cmocka_unit_test(test_record_absurd_fields),
        cmocka_unit_test(test_record_cut_and_sealed),
        cmocka_unit_test(test_record_learned_length),
        cmocka_unit_test(test_record_learned_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
