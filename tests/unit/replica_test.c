/* Goal: the envelope has exactly the bytes that its header describes, and of envelopes and logs
 * whatever is cut, altered or out of order is refused with a status and changes nothing.
 */
#include "engine/replica/wire.h"
#include "tests/support/records.h"

/* Made outside of this program from the table in wire.h; the CRCs by the bitwise algorithm. */
static const uint8_t known_message[] = {
    0x43, 0x47, 0x57, 0x31, 0x04, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02,
    0x00, 0x00, 0x00, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x09, 0x00,
    0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x34, 0x05, 0xad, 0xc2, 0x61, 0x62, 0x63};
static const cg_wire_header known_header = {.type = 3,
                                            .from = 1,
                                            .to = 2,
                                            .clock = {UINT64_C(0x1122334455667788), 9},
                                            .owner = 7,
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
    assert_int_equal(header.owner, 7);
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
        samples[i] = i % 7 == 6 ? make_removal(9, i + 1, 1 + i / 2)
                                : make_sample_of(i % 3 == 0, 9, 32, i % 5, i + 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        sample *next = samples[i];
        assert_status(cg_log_append(log, next->bytes, next->size_bytes - 1, &error),
                      CG_ERROR_CORRUPT, error, "");
        next->bytes[next->size_bytes - 1] ^= 1;
        assert_status(cg_log_append(log, next->bytes, next->size_bytes, &error),
                      CG_ERROR_CORRUPT, error, "");
        next->bytes[next->size_bytes - 1] ^= 1;
        assert_int_equal(cg_log_last(log), i);
        assert_ok(cg_log_append(log, next->bytes, next->size_bytes, &error), error);
        assert_status(cg_log_append(log, next->bytes, next->size_bytes, &error),
                      CG_ERROR_CORRUPT, error, "cannot follow"); /* twice */
        assert_int_equal(cg_log_last(log), i + 1);
    }
    size_t total_bytes = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        size_t size_bytes = 0;
        const uint8_t *bytes = cg_log_bytes(log, i + 1, &size_bytes);
        assert_int_equal(size_bytes, samples[i]->size_bytes);
        assert_memory_equal(bytes, samples[i]->bytes, size_bytes);
        assert_int_equal(cg_log_time_ns(log, i + 1), samples[i]->record.clock.physical_ns);
        assert_int_equal(cg_log_request_id(log, i + 1), samples[i]->record.request_id);
        cg_log_id id = cg_log_id_of(log, i + 1);
        assert_int_equal(cg_log_id_compare(&id, &samples[i]->record.id), 0);
        assert_true(cg_log_chain(log, i + 1) == cg_log_chain_next(cg_log_chain(log, i), &id));
        total_bytes += size_bytes;
    }
    assert_true(cg_log_held_bytes(log) > total_bytes);
    for (uint32_t i = 0; i < COUNT + 2; i++) {
        free_sample(samples[i]);
    }
    cg_log_free(log);
    cg_log_free(NULL);
}

/* Goal: what was cut off is gone, and the log goes on from there as if it never had it. */
static void test_log_cut(void **state) {
    (void)state;
    enum { COUNT = 20 };
    cg_error error = {0};
    sample *samples[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        samples[i] = i % 2 ? make_removal(10, i + 1, i) : make_sample(10, 32, i % 3, i + 1);
    }
    for (uint32_t cut = 0; cut <= COUNT; cut++) {
        cg_log_store *log = NULL;
        cg_log_store *fresh = NULL;
        assert_ok(cg_log_alloc(cg_allocator_heap(), &log, &error), error);
        assert_ok(cg_log_alloc(cg_allocator_heap(), &fresh, &error), error);
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_ok(cg_log_append(log, samples[i]->bytes, samples[i]->size_bytes, &error),
                      error);
        }
        cg_log_cut(log, cut);
        for (uint32_t i = 0; i < COUNT; i++) {
            if (i < cut || i % 3 == 0) { /* another way on */
                cg_log_store *into[2] = {fresh, i < cut ? NULL : log};
                for (int k = 0; k < 2 && into[k]; k++) {
                    assert_ok(cg_log_append(into[k], samples[i]->bytes, samples[i]->size_bytes,
                                            &error),
                              error);
                }
            }
        }
        assert_int_equal(cg_log_last(log), cg_log_last(fresh));
        for (uint64_t i = 0; i <= cg_log_last(log); i++) {
            assert_true(cg_log_chain(log, i) == cg_log_chain(fresh, i));
        }
        cg_log_free(log);
        cg_log_free(fresh);
    }
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
        cmocka_unit_test(test_wire_known_bytes), cmocka_unit_test(test_wire_altered_and_cut),
        cmocka_unit_test(test_log_append),       cmocka_unit_test(test_log_cut),
        cmocka_unit_test(test_log_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
