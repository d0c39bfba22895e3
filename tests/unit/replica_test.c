/* Goal: the envelope and the log record have exactly the bytes that their headers describe, and
 * whatever is cut, altered or out of order is refused with a status and changes nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/replica/log.h"
#include "engine/replica/wire.h"
#include "tests/support/facts.h"
#include "tests/support/support.h"

/* Made outside of this program from the table in wire.h; the CRCs by the bitwise algorithm. */
static const uint8_t known_message[] = {
    0x43, 0x47, 0x57, 0x31, 0x01, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02,
    0x00, 0x00, 0x00, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x09, 0x00,
    0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x6c, 0x20, 0xae, 0x61, 0x62, 0x63};
static const cg_wire_header known_header = {.type = 3,
                                            .from = 1,
                                            .to = 2,
                                            .clock = {UINT64_C(0x1122334455667788), 9},
                                            .epoch = 7,
                                            .payload_bytes = 3};

static void test_wire_known_bytes(void **state) {
    (void)state;
    uint8_t bytes[sizeof known_message] = {0};
    memcpy(bytes + CG_WIRE_HEADER_BYTES, known_message + CG_WIRE_HEADER_BYTES, 3); /* "abc" */
    cg_wire_seal(&known_header, bytes);
    assert_memory_equal(bytes, known_message, sizeof known_message);

    cg_error error = {0};
    cg_wire_header header = {0};
    const uint8_t *payload = NULL;
    assert_ok(cg_wire_open(bytes, sizeof bytes, &header, &payload, &error), error);
    assert_int_equal(header.type, 3);
    assert_int_equal(header.from, 1);
    assert_int_equal(header.to, 2);
    assert_int_equal(header.clock.physical_ns, UINT64_C(0x1122334455667788));
    assert_int_equal(header.clock.logical, 9);
    assert_int_equal(header.epoch, 7);
    assert_int_equal(header.payload_bytes, 3);
    assert_ptr_equal(payload, bytes + CG_WIRE_HEADER_BYTES);
}

/* Goal: no single altered bit gets through, whichever byte it is in, nor does a message that is
 * shorter or longer than it says; out-parameters stay as they were. */
static void test_wire_altered_and_cut(void **state) {
    (void)state;
    uint8_t bytes[sizeof known_message + 1];
    memcpy(bytes, known_message, sizeof known_message);
    bytes[sizeof known_message] = 0;
    cg_wire_header header = {.type = 77};
    const uint8_t *payload = NULL;
    for (size_t at = 0; at < sizeof known_message; at++) {
        for (uint32_t flip = 1; flip < 256; flip++) {
            cg_error error = {0};
            bytes[at] = (uint8_t)(known_message[at] ^ flip);
            cg_status status =
                cg_wire_open(bytes, sizeof known_message, &header, &payload, &error);
            assert_int_equal(status, at == 4 || at == 5 ? CG_ERROR_VERSION : CG_ERROR_CORRUPT);
            assert_true(error.message[0] != 0);
        }
        bytes[at] = known_message[at];
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        if (size != sizeof known_message) {
            cg_error error = {0};
            assert_status(cg_wire_open(bytes, size, &header, &payload, &error),
                          CG_ERROR_CORRUPT, error, size < 48 ? "shorter" : "announces");
        }
    }
    assert_int_equal(cg_wire_open(NULL, 0, &header, &payload, NULL), CG_ERROR_CORRUPT);
    assert_int_equal(header.type, 77);
    assert_null(payload);
}

/* --- log records ----------------------------------------------------------------------------
 */

typedef struct sample {
    support_fact fact;
    char text[4096];
    cg_log_record record;
    uint8_t *bytes;
    size_t size_bytes;
} sample;

static sample *make_sample(uint64_t seed, uint32_t dims, uint32_t entries, uint64_t sequence) {
    sample *made = calloc(1, sizeof *made);
    assert_non_null(made);
    cg_stream stream = cg_stream_init(seed, "replica.sample", sequence);
    support_fact_fill(&made->fact, &stream, dims, entries);
    uint32_t text_bytes = (uint32_t)cg_stream_next_below(&stream, 40);
    for (uint32_t i = 0; i < text_bytes; i++) {
        made->text[i] = (char)('a' + cg_stream_next_below(&stream, 26));
    }
    made->record = (cg_log_record){
        .sequence = sequence,
        .epoch = cg_stream_next(&stream),
        .request_id = cg_stream_next(&stream),
        .clock = {cg_stream_next(&stream), (uint32_t)cg_stream_next(&stream)},
        .target = (uint32_t)cg_stream_next(&stream),
        .concept_type = (uint32_t)cg_stream_next(&stream),
        .column_weights = {{1, 2, (uint32_t)cg_stream_next(&stream), UINT32_MAX}},
        .dims = dims,
        .dense = made->fact.dense,
        .sparse = support_fact_sparse(&made->fact),
        .text = made->text,
        .text_bytes = text_bytes,
    };
    made->size_bytes = cg_log_record_bytes(&made->record);
    made->bytes = malloc(made->size_bytes);
    assert_non_null(made->bytes);
    cg_log_record_encode(&made->record, made->bytes);
    return made;
}

static void free_sample(sample *made) {
    free(made->bytes);
    free(made);
}

static void assert_same_record(const cg_log_record *left, const cg_log_record *right) {
    assert_int_equal(left->sequence, right->sequence);
    assert_int_equal(left->epoch, right->epoch);
    assert_int_equal(left->request_id, right->request_id);
    assert_int_equal(cg_hlc_compare(left->clock, right->clock), 0);
    assert_int_equal(left->target, right->target);
    assert_int_equal(left->concept_type, right->concept_type);
    assert_memory_equal(&left->column_weights, &right->column_weights,
                        sizeof left->column_weights);
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

static cg_log_buffers buffers;

static cg_status decode(const uint8_t *bytes, size_t size_bytes, cg_log_record *record,
                        size_t *used, cg_error *error) {
    return cg_log_record_decode(bytes, size_bytes, &buffers, record, used, error);
}

static void test_record_round_trip(void **state) {
    (void)state;
    static const uint32_t shapes[][2] = {{32, 0}, {32, 1}, {128, 17}, {1024, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        sample *made = make_sample(5, shapes[i][0], shapes[i][1], i + 1);
        assert_int_equal(made->size_bytes,
                         80 + 4 * shapes[i][0] + 8 * shapes[i][1] + made->record.text_bytes);
        cg_error error = {0};
        cg_log_record record;
        size_t used = 0;
        assert_ok(decode(made->bytes, made->size_bytes, &record, &used, &error), error);
        assert_int_equal(used, made->size_bytes);
        assert_same_record(&record, &made->record);
        free_sample(made);
    }
}

/* Goal: every altered byte and every cut is refused, and the record stays as it was; bytes
 * after the record are the next one's. */
static void test_record_altered_and_cut(void **state) {
    (void)state;
    sample *made = make_sample(6, 32, 3, 1);
    cg_log_record record = {.sequence = 99};
    size_t used = 98;
    for (size_t at = 0; at < made->size_bytes; at++) {
        for (uint32_t flip = 1; flip < 256; flip++) {
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
    assert_int_equal(record.sequence, 99);
    assert_int_equal(used, 98);
    free_sample(made);
}

/* Puts a right checksum on altered bytes, so that the fields behind it are reached. */
static void reseal(uint8_t *bytes, size_t size_bytes) {
    cg_writer writer = cg_writer_init(bytes, 8);
    cg_write_u32(&writer, (uint32_t)(size_bytes - 4));
    cg_write_u32(&writer, cg_crc32c(bytes + 8, size_bytes - 8));
}

static void put_u32(uint8_t *bytes, uint32_t value) {
    cg_writer writer = cg_writer_init(bytes, 4);
    cg_write_u32(&writer, value);
}

static void put_f32(uint8_t *bytes, float value) {
    cg_writer writer = cg_writer_init(bytes, 4);
    cg_write_f32(&writer, value);
}

enum { DIMS_AT = 68, ENTRIES_AT = 72, TEXT_AT = 76, VECTORS_AT = 80 };

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
            uint8_t *vectors = made->bytes + VECTORS_AT;
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

/* --- the log --------------------------------------------------------------------------------
 */

static void test_log_append(void **state) {
    (void)state;
    cg_error error = {0};
    cg_log_store *log = NULL;
    assert_ok(cg_log_alloc(cg_allocator_heap(), &log, &error), error);
    assert_int_equal(cg_log_last(log), 0);
    enum { COUNT = 200 };
    sample *samples[COUNT + 2];
    for (uint32_t i = 0; i < COUNT + 2; i++) {
        samples[i] = make_sample(9, 32, i % 5, i + 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        sample *next = samples[i];
        sample *gap = samples[i + 1];
        assert_status(cg_log_append(log, gap->bytes, gap->size_bytes, &error), CG_ERROR_INVALID,
                      error, "the next one is");
        assert_status(cg_log_append(log, next->bytes, next->size_bytes - 1, &error),
                      CG_ERROR_CORRUPT, error, "cut or altered");
        next->bytes[next->size_bytes - 1] ^= 1;
        assert_status(cg_log_append(log, next->bytes, next->size_bytes, &error),
                      CG_ERROR_CORRUPT, error, "cut or altered");
        next->bytes[next->size_bytes - 1] ^= 1;
        assert_int_equal(cg_log_last(log), i);
        assert_ok(cg_log_append(log, next->bytes, next->size_bytes, &error), error);
        assert_status(cg_log_append(log, next->bytes, next->size_bytes, &error),
                      CG_ERROR_INVALID, error, "the next one is"); /* twice */
        assert_int_equal(cg_log_last(log), i + 1);
    }
    size_t total_bytes = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        size_t size_bytes = 0;
        const uint8_t *bytes = cg_log_bytes(log, i + 1, &size_bytes);
        assert_int_equal(size_bytes, samples[i]->size_bytes);
        assert_memory_equal(bytes, samples[i]->bytes, size_bytes);
        total_bytes += size_bytes;
    }
    assert_true(cg_log_held_bytes(log) > total_bytes);
    for (uint32_t i = 0; i < COUNT + 2; i++) {
        free_sample(samples[i]);
    }
    cg_log_free(log);
    cg_log_free(NULL);
}

/* Goal: a scan finds exactly the whole records in front of a tear, wherever it is, of one that
 * is altered, and of one that is out of order. */
static void test_log_scan(void **state) {
    (void)state;
    enum { COUNT = 5 };
    size_t ends[COUNT + 1] = {0};
    uint8_t image[8192];
    sample *samples[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        samples[i] = make_sample(10, 32, i, i + 1);
        memcpy(image + ends[i], samples[i]->bytes, samples[i]->size_bytes);
        ends[i + 1] = ends[i] + samples[i]->size_bytes;
    }
    size_t valid = 0;
    for (size_t size = 0; size <= ends[COUNT]; size++) {
        uint64_t whole = 0;
        while (whole < COUNT && ends[whole + 1] <= size) {
            whole++;
        }
        assert_int_equal(cg_log_scan(image, size, &valid), whole);
        assert_int_equal(valid, ends[whole]);
    }
    for (size_t at = 0; at < ends[COUNT]; at++) {
        uint64_t whole = 0;
        while (ends[whole + 1] <= at) {
            whole++;
        }
        image[at] ^= 0x40;
        assert_int_equal(cg_log_scan(image, ends[COUNT], &valid), whole);
        assert_int_equal(valid, ends[whole]);
        image[at] ^= 0x40;
    }
    memcpy(image + ends[COUNT], samples[2]->bytes, samples[2]->size_bytes); /* an old one */
    assert_int_equal(cg_log_scan(image, ends[COUNT] + samples[2]->size_bytes, &valid), COUNT);
    assert_int_equal(valid, ends[COUNT]);
    assert_int_equal(cg_log_scan(NULL, 0, &valid), 0);
    assert_int_equal(valid, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        free_sample(samples[i]);
    }
}

/* Goal: whichever allocation fails, the log stays as it was, and the next try succeeds. */
static void test_log_memory(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_error error = {0};
    cg_log_store *log = NULL;
    uint32_t fails = 0;
    for (uint64_t nth = 1; !log; nth++) {
        counting.fail_at = nth;
        if (cg_log_alloc(cg_counting_allocator_view(&counting), &log, &error) != CG_OK) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_int_equal(counting.live_bytes, 0);
            fails++;
        }
    }
    assert_true(fails >= 2);
    for (uint64_t sequence = 1; sequence <= 40; sequence++) {
        sample *made = make_sample(11, 32, 2, sequence);
        counting.fail_at = 1;
        while (cg_log_append(log, made->bytes, made->size_bytes, &error) != CG_OK) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_int_equal(cg_log_last(log), sequence - 1);
            fails++;
            counting.fail_at = 0;
        }
        free_sample(made);
    }
    assert_true(fails > 5);
    counting.fail_at = 0;
    cg_log_free(log);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_known_bytes),
        cmocka_unit_test(test_wire_altered_and_cut),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_altered_and_cut),
        cmocka_unit_test(test_record_absurd_fields),
        cmocka_unit_test(test_log_append),
        cmocka_unit_test(test_log_scan),
        cmocka_unit_test(test_log_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
