/* Goal: payloads come back as they were sent; whatever is cut, too long or has absurd counts is
 * refused with a status, and the out-parameters stay as they were.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/node/message.h"
#include "engine/service/admission.h"
#include "engine/service/pool.h"
#include "tests/support/facts.h"
#include "tests/support/support.h"

static cg_log_buffers buffers;

static cg_status decode_allocate(const uint8_t *bytes, size_t size_bytes,
                                 cg_message_allocate *out, cg_error *error) {
    return cg_message_allocate_decode(bytes, size_bytes, &buffers, out, error);
}

static cg_message_allocate make_allocate(support_fact *fact, uint32_t dims, uint32_t entries,
                                         const char *text) {
    cg_stream stream = cg_stream_init(3, "message.fact", dims);
    support_fact_fill(fact, &stream, dims, entries);
    return (cg_message_allocate){.request_id = UINT64_C(0xfedcba987654),
                                 .flags = CG_REQUEST_AUDIT,
                                 .label = 77,
                                 .dims = dims,
                                 .dense = fact->dense,
                                 .sparse = support_fact_sparse(fact),
                                 .text = text,
                                 .text_bytes = (uint32_t)strlen(text)};
}

static uint8_t *encode_allocate(const cg_message_allocate *message, size_t *size_bytes) {
    *size_bytes = cg_message_allocate_bytes(message);
    uint8_t *bytes = malloc(*size_bytes);
    assert_non_null(bytes);
    cg_message_allocate_encode(message, bytes);
    return bytes;
}

static void test_allocate_round_trip(void **state) {
    (void)state;
    static const uint32_t shapes[][2] = {{32, 0}, {128, 9}, {1024, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        support_fact fact;
        cg_message_allocate sent =
            make_allocate(&fact, shapes[i][0], shapes[i][1], "a cat is a mammal");
        size_t size_bytes = 0;
        uint8_t *bytes = encode_allocate(&sent, &size_bytes);
        assert_int_equal(size_bytes, 36 + 4 * shapes[i][0] + 8 * shapes[i][1] + 17);
        cg_message_allocate got;
        cg_error error = {0};
        assert_ok(decode_allocate(bytes, size_bytes, &got, &error), error);
        assert_int_equal(got.request_id, sent.request_id);
        assert_int_equal(got.flags, CG_REQUEST_AUDIT);
        assert_int_equal(got.label, 77);
        assert_int_equal(got.dims, sent.dims);
        assert_memory_equal(got.dense, sent.dense, sent.dims * sizeof(float));
        assert_int_equal(got.sparse.count, sent.sparse.count);
        for (uint32_t e = 0; e < sent.sparse.count; e++) {
            assert_int_equal(got.sparse.features[e], sent.sparse.features[e]);
            assert_true(got.sparse.weights[e] == sent.sparse.weights[e]);
        }
        assert_int_equal(got.text_bytes, 17);
        assert_memory_equal(got.text, "a cat is a mammal", 17);
        free(bytes);
    }
}

static void put_u32(uint8_t *bytes, uint32_t value) {
    cg_writer writer = cg_writer_init(bytes, 4);
    cg_write_u32(&writer, value);
}

static void test_allocate_cut_and_absurd(void **state) {
    (void)state;
    support_fact fact;
    cg_message_allocate sent = make_allocate(&fact, 32, 4, "text");
    size_t size_bytes = 0;
    uint8_t *bytes = encode_allocate(&sent, &size_bytes);
    cg_message_allocate got = {.request_id = 5};
    for (size_t size = 0; size < size_bytes; size++) {
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut, bytes, size);
        assert_int_equal(decode_allocate(cut, size, &got, NULL), CG_ERROR_CORRUPT);
        free(cut);
    }
    static const uint32_t values[] = {0, 1, 31, 33, 255, 257, 1025, 1u << 20, UINT32_MAX};
    for (size_t at = 16; at <= 24; at += 4) { /* dims, entries, text bytes */
        uint8_t kept[4];
        memcpy(kept, bytes + at, 4);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            cg_error error = {0};
            put_u32(bytes + at, values[i]);
            assert_status(decode_allocate(bytes, size_bytes, &got, &error), CG_ERROR_CORRUPT,
                          error, "allocate message");
        }
        memcpy(bytes + at, kept, 4);
    }
    static const uint32_t bits[] = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0x40000000};
    for (size_t at = 36; at < 36 + 4 * 32; at += 4) { /* NaN, infinities, huge, 2.0 */
        uint8_t kept[4];
        memcpy(kept, bytes + at, 4);
        for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
            cg_error error = {0};
            put_u32(bytes + at, bits[i]);
            assert_status(decode_allocate(bytes, size_bytes, &got, &error), CG_ERROR_CORRUPT,
                          error, "unit length");
        }
        memcpy(bytes + at, kept, 4);
    }
    assert_int_equal(decode_allocate(NULL, 0, &got, NULL), CG_ERROR_CORRUPT);
    assert_int_equal(got.request_id, 5);
    free(bytes);
}

static cg_reply make_reply(uint32_t alternatives) {
    cg_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.request_id = UINT64_C(0x123456789abc);
    reply.status = CG_ERROR_FULL;
    reply.host = 3;
    reply.tries = 4;
    reply.fact_id = UINT64_C(1) << 41 | 7;
    reply.slot = CG_SLOT_NONE;
    reply.winner = 11;
    reply.alternative_count = alternatives;
    for (uint32_t i = 0; i < alternatives; i++) {
        reply.alternatives[i] = 100 + i;
    }
    reply.pathway_id = UINT64_C(0x8899aabbccddeeff);
    for (uint32_t i = 0; i < CG_COLUMN_COUNT; i++) {
        reply.votes_q16[i] = 200 + i;
    }
    reply.confidence_q16 = 65536;
    for (uint32_t i = 0; i < CG_STAGE_COUNT; i++) {
        reply.stage_in[i] = 300 + i;
        reply.stage_out[i] = 400 + i;
    }
    reply.strategy = CG_STRATEGY_COUNT - 1;
    reply.winning_column = CG_COLUMN_COUNT - 1;
    reply.audited = 1;
    reply.agreed = 1;
    reply.request = CG_REQUEST_KIND_COUNT - 1;
    reply.cached = 1;
    reply.count = 1024;
    reply.version = UINT64_C(0x0123456789abcdef);
    reply.stale_ns = UINT64_C(0xfedcba9876543210);
    return reply;
}

static void test_answer_round_trip_and_cut(void **state) {
    (void)state;
    for (uint32_t alternatives = 0; alternatives <= CG_ALTERNATIVES; alternatives++) {
        cg_reply sent = make_reply(alternatives);
        uint8_t bytes[CG_MESSAGE_ANSWER_BYTES_MAX + 1] = {0};
        size_t size_bytes = cg_message_answer_encode(&sent, bytes);
        assert_true(size_bytes <= CG_MESSAGE_ANSWER_BYTES_MAX);
        cg_reply got;
        cg_error error = {0};
        memset(&got, 0, sizeof got);
        for (size_t size = 0; size <= size_bytes + 1; size++) {
            if (size != size_bytes) {
                assert_status(cg_message_answer_decode(bytes, size, &got, &error),
                              CG_ERROR_CORRUPT, error, "answer message");
            }
        }
        assert_int_equal(got.request_id, 0);
        assert_ok(cg_message_answer_decode(bytes, size_bytes, &got, &error), error);
        assert_int_equal(got.request_id, sent.request_id);
        assert_int_equal(got.status, sent.status);
        assert_int_equal(got.host, sent.host);
        assert_int_equal(got.tries, sent.tries);
        assert_int_equal(got.fact_id, sent.fact_id);
        assert_int_equal(got.slot, sent.slot);
        assert_int_equal(got.winner, sent.winner);
        assert_int_equal(got.alternative_count, alternatives);
        assert_memory_equal(got.alternatives, sent.alternatives, sizeof got.alternatives);
        assert_int_equal(got.pathway_id, sent.pathway_id);
        assert_memory_equal(got.votes_q16, sent.votes_q16, sizeof got.votes_q16);
        assert_int_equal(got.confidence_q16, sent.confidence_q16);
        assert_memory_equal(got.stage_in, sent.stage_in, sizeof got.stage_in);
        assert_memory_equal(got.stage_out, sent.stage_out, sizeof got.stage_out);
        assert_int_equal(got.strategy, sent.strategy);
        assert_int_equal(got.winning_column, sent.winning_column);
        assert_int_equal(got.audited, 1);
        assert_int_equal(got.agreed, 1);
        assert_int_equal(got.request, sent.request);
        assert_int_equal(got.cached, 1);
        assert_int_equal(got.count, 1024);
        assert_int_equal(got.version, sent.version);
        assert_int_equal(got.stale_ns, sent.stale_ns);
    }
}

static void test_answer_absurd(void **state) {
    (void)state;
    cg_reply sent = make_reply(2);
    uint8_t good[CG_MESSAGE_ANSWER_BYTES_MAX];
    size_t size_bytes = cg_message_answer_encode(&sent, good);
    const struct {
        size_t at;
        uint32_t value;
    } cases[] = {
        {8, CG_STATUS_COUNT},
        {8, UINT32_MAX},
        {40, CG_ALTERNATIVES + 1},
        {40, UINT32_MAX},
        {40, 1},
        {size_bytes - 26, CG_STRATEGY_COUNT},
        {size_bytes - 26, CG_COLUMN_COUNT << 8},
        {size_bytes - 22, CG_REQUEST_KIND_COUNT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[CG_MESSAGE_ANSWER_BYTES_MAX];
        memcpy(bytes, good, sizeof bytes);
        put_u32(bytes + cases[i].at, cases[i].value);
        cg_reply got = {.request_id = 1};
        cg_error error = {0};
        assert_status(cg_message_answer_decode(bytes, size_bytes, &got, &error),
                      CG_ERROR_CORRUPT, error, "answer message");
        assert_int_equal(got.request_id, 1);
    }
}

/* Goal: what a removal and a get are about comes back whole; another length, or a priority that there is
 * not, is refused. */
static void test_about(void **state) {
    (void)state;
    uint8_t bytes[CG_MESSAGE_ABOUT_BYTES + 1] = {0};
    cg_error error = {0};
    cg_message_about sent = {.request_id = UINT64_C(0x665544332211),
                             .target = UINT64_C(0x8000aabbccddeeff),
                             .after = UINT64_C(0x123456789abc),
                             .client = UINT32_C(0x01020304),
                             .priority = CG_PRIORITY_COUNT - 1,
                             .space = 0xfedc,
                             .flags = CG_REQUEST_NEAR};
    cg_message_about_encode(&sent, bytes);
    cg_message_about got = {.request_id = 9};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        if (size != CG_MESSAGE_ABOUT_BYTES) {
            assert_status(cg_message_about_decode(bytes, size, &got, &error), CG_ERROR_CORRUPT,
                          error, "message of");
        }
    }
    bytes[20] = CG_PRIORITY_COUNT;
    assert_status(cg_message_about_decode(bytes, CG_MESSAGE_ABOUT_BYTES, &got, &error),
                  CG_ERROR_CORRUPT, error, "priorities below");
    assert_int_equal(got.request_id, 9);
    bytes[20] = CG_PRIORITY_COUNT - 1;
    assert_ok(cg_message_about_decode(bytes, CG_MESSAGE_ABOUT_BYTES, &got, &error), error);
    assert_int_equal(got.request_id, sent.request_id);
    assert_true(got.target == sent.target);
    assert_int_equal(got.after, sent.after);
    assert_int_equal(got.client, sent.client);
    assert_int_equal(got.priority, sent.priority);
    assert_int_equal(got.space, sent.space);
    assert_int_equal(got.flags, sent.flags);
}

/* Goal: whose fields lie where message.h says, and come back; not a byte less or more will do. */
static void test_redirect(void **state) {
    (void)state;
    uint8_t bytes[CG_MESSAGE_REDIRECT_BYTES + 1] = {0};
    cg_error error = {0};
    cg_message_redirect sent = {.request_id = UINT64_C(0x0000665544332211),
                                .partition = UINT32_C(0xbbaa9988),
                                .primary = UINT32_MAX,
                                .epoch = UINT64_C(0x1122334455667788)};
    cg_message_redirect_encode(&sent, bytes);
    static const uint8_t expected[CG_MESSAGE_REDIRECT_BYTES] = {
        0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0,    0,    0x88, 0x99, 0xaa, 0xbb,
        0xff, 0xff, 0xff, 0xff, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    assert_memory_equal(bytes, expected, sizeof expected);
    cg_message_redirect got = {.partition = 9};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        if (size != CG_MESSAGE_REDIRECT_BYTES) {
            assert_status(cg_message_redirect_decode(bytes, size, &got, &error),
                          CG_ERROR_CORRUPT, error, "redirect message");
        }
    }
    assert_int_equal(got.partition, 9);
    assert_ok(cg_message_redirect_decode(bytes, CG_MESSAGE_REDIRECT_BYTES, &got, &error),
              error);
    assert_int_equal(got.request_id, sent.request_id);
    assert_int_equal(got.partition, sent.partition);
    assert_int_equal(got.primary, sent.primary);
    assert_int_equal(got.epoch, sent.epoch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocate_round_trip),
        cmocka_unit_test(test_allocate_cut_and_absurd),
        cmocka_unit_test(test_answer_round_trip_and_cut),
        cmocka_unit_test(test_answer_absurd),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_redirect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
