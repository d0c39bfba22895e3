/* Goal: nodes among each other: messages altered, misaddressed or absurd are counted and change
 * nothing; a replica follows its primary, whatever it misses or hears twice.
 */
#include "engine/base/hash.h"
#include "tests/support/rig.h"

/* --- messages that are not what they should be ----------------------------------------------
 */

static void test_bad_messages(void **state) {
    (void)state;
    rig used = make_rig(3);
    uint64_t id = id_in(1, 3, 1);
    taken sent = take(request(&used, 0, id, "fact of w20a"), CG_OUTPUT_SEND);
    size_t size = sent.output.size_bytes;
    uint64_t hash = hash_of(&used, 1, 1);
    for (size_t at = 0; at < size; at++) {
        sent.bytes[at] ^= 0x10;
        assert_ignored(&used, 1, sent.bytes, size);
        sent.bytes[at] ^= 0x10;
        assert_ignored(&used, 1, sent.bytes, at);
    }
    assert_ignored(&used, 1, NULL, 0);
    assert_ignored(&used, 0, sent.bytes, size); /* for host 1 */
    assert_ignored(&used, 2, sent.bytes, size);
    static const struct {
        uint16_t type;
        uint32_t from, to;
    } cases[] = {{0, 0, 1},  {5, 0, 1}, {UINT16_MAX, 0, 1}, {1, 1, 1},         {1, 3, 1},
                 {1, 99, 1}, {2, 0, 1}, {3, 0, 1},          {4, 2, 1},         {4, 0, 1},
                 {1, 0, 2},  {1, 0, 3}, {1, UINT32_MAX, 1}, {1, 0, UINT32_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        seal(sent.bytes, size, cases[i].type, cases[i].from, cases[i].to);
        assert_ignored(&used, cases[i].to == 2 ? 2 : 1, sent.bytes, size);
    }
    assert_int_equal(hash_of(&used, 1, 1), hash);
    seal(sent.bytes, size, CG_MESSAGE_ALLOCATE, 0, 1); /* and as it should be */
    assert_int_equal(count_of(message(&used, 1, sent.bytes, size), CG_OUTPUT_WRITE), 1);
    free(sent.bytes);
    free_rig(&used);
}

/* Goal: an answer counts only when it comes from the primary that was asked. */
static void test_answer_from_a_stranger(void **state) {
    (void)state;
    rig used = make_rig(3);
    uint64_t id = id_in(1, 3, 1);
    request(&used, 0, id, "fact of w20a");
    for (uint32_t from = 1; from <= 2; from++) {
        for (uint32_t host = 1; host <= 2; host++) {
            if (from == 1 && host == 1) {
                continue;
            }
            cg_reply reply = {.request_id = id, .status = CG_OK, .host = host};
            uint8_t bytes[CG_WIRE_HEADER_BYTES + CG_MESSAGE_ANSWER_BYTES_MAX];
            size_t size = CG_WIRE_HEADER_BYTES +
                          cg_message_answer_encode(&reply, bytes + CG_WIRE_HEADER_BYTES);
            seal(bytes, size, CG_MESSAGE_ANSWER, from, 0);
            assert_ignored(&used, 0, bytes, size);
        }
    }
    assert_false(cg_node_idle(used.nodes[0]));
    free_rig(&used);
}

/* Goal: whatever a message with a right checksum says, the node goes on: no byte of any kind of
 * message can make a step fail. */
static void test_altered_payloads(void **state) {
    (void)state;
    rig used = make_rig(2);
    uint64_t own = id_in(1, 2, 1);
    taken allocate = take(request(&used, 0, own, "fact of w20a"), CG_OUTPUT_SEND);
    uint64_t next = id_in(0, 2, 1);
    taken write = take(request(&used, 0, next, "fact of w21a"), CG_OUTPUT_WRITE);
    taken append = take(storage_done(&used, 0, write.output.id), CG_OUTPUT_SEND);
    assert_int_equal(type_of(&append), CG_MESSAGE_APPEND);
    const taken *sent[] = {&allocate, &append};
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    for (size_t m = 0; m < 2; m++) {
        size_t size = sent[m]->output.size_bytes;
        uint8_t *bytes = malloc(size);
        assert_non_null(bytes);
        for (size_t at = CG_WIRE_HEADER_BYTES; at < size; at++) {
            for (size_t mask = 0; mask < sizeof masks; mask++) {
                memcpy(bytes, sent[m]->bytes, size);
                bytes[at] ^= masks[mask];
                if (m == 1) { /* the record in it has a checksum of its own */
                    uint8_t *record = bytes + CG_WIRE_HEADER_BYTES + 8;
                    cg_writer writer = cg_writer_init(record + 4, 4);
                    cg_write_u32(&writer,
                                 cg_crc32c(record + 8, size - CG_WIRE_HEADER_BYTES - 16));
                }
                seal(bytes, size, (uint16_t)(m == 0 ? CG_MESSAGE_ALLOCATE : CG_MESSAGE_APPEND),
                     0, 1);
                message(&used, 1, bytes, size);
            }
        }
        free(bytes);
    }
    /* A text of no byte, and one that no slot holds. */
    static const uint32_t sizes[] = {0, CG_POOL_BLOCK_BYTES + 1};
    for (size_t i = 0; i < 2; i++) {
        static cg_log_buffers buffers;
        static char text[CG_POOL_BLOCK_BYTES + 1];
        cg_message_allocate read;
        assert_int_equal(
            cg_message_allocate_decode(allocate.bytes + CG_WIRE_HEADER_BYTES,
                                       allocate.output.size_bytes - CG_WIRE_HEADER_BYTES,
                                       &buffers, &read, NULL),
            CG_OK);
        memset(text, 'x', sizeof text);
        read.text = text;
        read.text_bytes = sizes[i];
        size_t size = CG_WIRE_HEADER_BYTES + cg_message_allocate_bytes(&read);
        uint8_t *bytes = malloc(size);
        assert_non_null(bytes);
        cg_message_allocate_encode(&read, bytes + CG_WIRE_HEADER_BYTES);
        seal(bytes, size, CG_MESSAGE_ALLOCATE, 0, 1);
        assert_ignored(&used, 1, bytes, size);
        free(bytes);
    }
    free(allocate.bytes);
    free(write.bytes);
    free(append.bytes);
    free_rig(&used);
}

/* --- replication ----------------------------------------------------------------------------
 */

/* Goal: with acknowledgement ALL the client waits for the replica, with PRIMARY it does not;
 * and primary and replica have the same hash after the same record. */
static void test_acknowledgement(void **state) {
    (void)state;
    for (int all = 0; all <= 1; all++) {
        cg_node_options options = options_for(2, 0);
        options.acknowledge = all ? CG_ACKNOWLEDGE_ALL : CG_ACKNOWLEDGE_PRIMARY;
        rig used = make_rig_with(2, &options);
        uint64_t id = id_in(0, 2, 1);
        taken write = take(request(&used, 0, id, "fact of w20a"), CG_OUTPUT_WRITE);
        const cg_outputs *outputs = storage_done(&used, 0, write.output.id);
        assert_int_equal(count_of(outputs, CG_OUTPUT_REPLY), all ? 0 : 1);
        taken append = take(outputs, CG_OUTPUT_SEND);
        assert_int_equal(append.output.to, 1);
        assert_int_equal(cg_node_backlog(used.nodes[0]), 1);
        taken copy =
            take(message(&used, 1, append.bytes, append.output.size_bytes), CG_OUTPUT_WRITE);
        assert_int_equal(used.outputs[1].count, 1); /* nothing before it is durable there */
        assert_int_equal(hash_of(&used, 0, 0), hash_of(&used, 1, 0));
        uint64_t sequence = 0;
        assert_false(cg_node_has_request(used.nodes[1], 0, id, &sequence));
        taken told = take(storage_done(&used, 1, copy.output.id), CG_OUTPUT_SEND);
        assert_true(cg_node_has_request(used.nodes[1], 0, id, &sequence));
        outputs = message(&used, 0, told.bytes, told.output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_REPLY), all ? 1 : 0);
        assert_int_equal(outputs->count, all ? 1 : 0);
        assert_int_equal(cg_node_backlog(used.nodes[0]), 0);
        assert_true(cg_node_idle(used.nodes[0]));
        assert_int_equal(message(&used, 0, told.bytes, told.output.size_bytes)->count, 0);
        /* An acknowledgement of what was never sent is refused. */
        cg_message_appended absurd = {0, 2};
        cg_message_appended_encode(&absurd, told.bytes + CG_WIRE_HEADER_BYTES);
        seal(told.bytes, told.output.size_bytes, CG_MESSAGE_APPENDED, 1, 0);
        assert_ignored(&used, 0, told.bytes, told.output.size_bytes);
        free(write.bytes);
        free(append.bytes);
        free(copy.bytes);
        free(told.bytes);
        free_rig(&used);
    }
}

/* Makes `count` facts durable at host 0 and forgets the messages that ship them. */
static void store_facts(rig *used, uint32_t count) {
    cg_stream stream = cg_stream_init(8, "node.store", 0);
    for (uint32_t i = 0; i < count; i++) {
        char text[SUPPORT_TEXT_BYTES];
        support_fact_text(&stream, text);
        taken write = take(request(used, 0, id_in(0, 2, i + 1), text), CG_OUTPUT_WRITE);
        storage_done(used, 0, write.output.id);
        free(write.bytes);
    }
}

/* Goal: a replica that heard nothing catches up from timers alone, in order, by as many records
 * a message as stand in the header; waits double while it is silent, and start again when it is
 * back. Records that leave a gap are not applied; repeated ones change nothing. */
static void test_replica_catches_up(void **state) {
    (void)state;
    enum { COUNT = 150 };
    cg_node_options options = options_for(2, 0);
    options.replicate_retry_ns = 1000;
    rig used = make_rig_with(2, &options);
    store_facts(&used, COUNT);
    assert_int_equal(cg_node_backlog(used.nodes[0]), COUNT);
    static const uint64_t waits[] = {2000, 4000, 8000, 16000, 16000};
    taken resent = {.bytes = NULL};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        used.now_ns += 100000;
        const cg_outputs *outputs = timer(&used, 0, UINT64_C(1) << 63);
        assert_int_equal(outputs->count, 2);
        free(resent.bytes);
        resent = take(outputs, CG_OUTPUT_SEND);
        taken wake = take(outputs, CG_OUTPUT_TIMER);
        assert_int_equal(wake.output.at_ns, used.now_ns + waits[i]);
        free(wake.bytes);
    }
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).records_resent, 5 * 32);
    /* Back again: each acknowledgement brings the next messages. */
    uint32_t rounds = 0;
    taken queue[16] = {{.bytes = NULL}};
    uint32_t queued = 1;
    queue[0] = resent;
    while (queued > 0) {
        assert_true(++rounds < 50);
        taken first = queue[0];
        memmove(queue, queue + 1, --queued * sizeof *queue);
        const cg_outputs *outputs = message(&used, 1, first.bytes, first.output.size_bytes);
        free(first.bytes);
        if (count_of(outputs, CG_OUTPUT_WRITE) == 0) {
            continue; /* what it had: it tells where it is, which is no news */
        }
        taken write = take(outputs, CG_OUTPUT_WRITE);
        taken told = take(storage_done(&used, 1, write.output.id), CG_OUTPUT_SEND);
        outputs = message(&used, 0, told.bytes, told.output.size_bytes);
        for (size_t i = 0; i < outputs->count; i++) {
            if (outputs->items[i].kind == CG_OUTPUT_SEND) {
                assert_true(queued < 16);
                size_t size = outputs->items[i].size_bytes;
                queue[queued] = (taken){outputs->items[i], malloc(size)};
                assert_non_null(queue[queued].bytes);
                memcpy(queue[queued++].bytes, outputs->bytes + outputs->items[i].offset, size);
            }
        }
        free(write.bytes);
        free(told.bytes);
    }
    assert_int_equal(cg_node_backlog(used.nodes[0]), 0);
    assert_int_equal(cg_node_partition(used.nodes[1], 0).durable_sequence, COUNT);
    assert_int_equal(hash_of(&used, 0, 0), hash_of(&used, 1, 0));
    assert_int_equal(timer(&used, 0, UINT64_C(1) << 63)->count, 0);
    free_rig(&used);
}

static void test_gap_and_repeat(void **state) {
    (void)state;
    rig used = make_rig(2);
    taken appends[3];
    for (uint32_t i = 0; i < 3; i++) {
        taken write =
            take(request(&used, 0, id_in(0, 2, i + 1), "fact of w20a"), CG_OUTPUT_WRITE);
        appends[i] = take(storage_done(&used, 0, write.output.id), CG_OUTPUT_SEND);
        free(write.bytes);
    }
    uint64_t hash = hash_of(&used, 1, 0);
    const cg_outputs *outputs =
        message(&used, 1, appends[2].bytes, appends[2].output.size_bytes);
    assert_int_equal(outputs->count, 1);
    assert_int_equal(outputs->items[0].kind, CG_OUTPUT_SEND); /* says where it is: nowhere */
    assert_int_equal(cg_node_statistics_of(used.nodes[1]).records_gap, 1);
    assert_int_equal(hash_of(&used, 1, 0), hash);
    for (uint32_t i = 0; i < 3; i++) {
        outputs = message(&used, 1, appends[i].bytes, appends[i].output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 1);
        outputs = message(&used, 1, appends[i].bytes, appends[i].output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 0);
        free(appends[i].bytes);
    }
    assert_int_equal(hash_of(&used, 1, 0), hash_of(&used, 0, 0));
    free_rig(&used);
}

/* Goal: an append message counts as far as it makes sense: the records before the place where
 * it stops to are applied and written, and nothing else. */
static void test_append_that_goes_wrong(void **state) {
    (void)state;
    enum { SPARE, REPEATED, CASES };
    for (int wrong = 0; wrong < CASES; wrong++) {
        rig used = make_rig(2);
        uint8_t bytes[8192];
        size_t records_at = CG_WIRE_HEADER_BYTES + CG_MESSAGE_APPEND_PREFIX_BYTES;
        size_t end = records_at;
        size_t first_bytes = 0;
        for (uint32_t i = 0; i < 2; i++) {
            taken write =
                take(request(&used, 0, id_in(0, 2, i + 1), "fact of w20a"), CG_OUTPUT_WRITE);
            memcpy(bytes + end, write.bytes, write.output.size_bytes);
            end += write.output.size_bytes;
            first_bytes = i == 0 ? write.output.size_bytes : first_bytes;
            free(write.bytes);
        }
        size_t good_end = end;
        if (wrong == SPARE) {
            bytes[end++] = 0;
        } else {
            memcpy(bytes + end, bytes + records_at, first_bytes);
            end += first_bytes;
        }
        cg_message_append_encode_prefix(0, wrong == SPARE ? 2 : 3,
                                        bytes + CG_WIRE_HEADER_BYTES);
        seal(bytes, end, CG_MESSAGE_APPEND, 0, 1);
        taken written = take(message(&used, 1, bytes, end), CG_OUTPUT_WRITE);
        assert_int_equal(used.outputs[1].count, 1);
        assert_int_equal(cg_node_statistics_of(used.nodes[1]).messages_refused, 1);
        assert_int_equal(written.output.size_bytes, good_end - records_at);
        assert_memory_equal(written.bytes, bytes + records_at, good_end - records_at);
        assert_int_equal(hash_of(&used, 1, 0), hash_of(&used, 0, 0));
        free(written.bytes);
        free_rig(&used);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_messages),
        cmocka_unit_test(test_answer_from_a_stranger),
        cmocka_unit_test(test_altered_payloads),
        cmocka_unit_test(test_acknowledgement),
        cmocka_unit_test(test_replica_catches_up),
        cmocka_unit_test(test_gap_and_repeat),
        cmocka_unit_test(test_append_that_goes_wrong),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
