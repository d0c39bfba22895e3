/* Goal: nodes among each other: messages altered, misaddressed or absurd are counted and change
 * nothing; a replica follows its primary, whatever it misses or hears twice.
 */
#include "engine/base/hash.h"
#include "tests/support/group_forge.h"
#include "tests/support/service.h"

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
    } cases[] = {{0, 0, 1},  {5, 0, 1},  {UINT16_MAX, 0, 1}, {1, 3, 1},
                 {1, 99, 1}, {2, 0, 1},  {3, 0, 1},          {4, 2, 1},
                 {4, 0, 1},  {1, 0, 3},  {1, UINT32_MAX, 1}, {1, 0, UINT32_MAX},
                 {6, 0, 1},  {7, 0, 1},  {31, 0, 1},         {32, 0, 1},
                 {33, 0, 1}, {34, 0, 1}, {35, 0, 1},         {36, 0, 1},
                 {37, 0, 1}, {38, 0, 1}, {39, 0, 1},         {63, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        seal(sent.bytes, size, cases[i].type, cases[i].from, cases[i].to);
        assert_ignored(&used, 1, sent.bytes, size);
    }
    uint64_t copied = hash_of(&used, 2, 1);
    seal(sent.bytes, size, CG_MESSAGE_ALLOCATE, 0,
         2); /* which keeps the partition, but for another */
    assert_redirected(&used, 2, sent.bytes, size);
    assert_int_equal(hash_of(&used, 2, 1), copied);
    assert_int_equal(hash_of(&used, 1, 1), hash);
    seal(sent.bytes, size, CG_MESSAGE_ALLOCATE, 0, 1); /* and as it should be */
    assert_int_equal(count_of(message(&used, 1, sent.bytes, size), CG_OUTPUT_WRITE), 1);
    free(sent.bytes);
    free_rig(&used);
}

/* Goal: an answer counts only when it comes from a host that keeps the request's partition, and that says
 * it decided. */
static void test_answer_from_a_stranger(void **state) {
    (void)state;
    for (int fails_over = 0; fails_over <= 1; fails_over++) {
        cg_node_options options = options_for(4, 0);
        options.fails_over = fails_over;
        rig used = make_rig_with(4, &options);
        if (fails_over) {
            step(&used, 0, (cg_event){.kind = CG_EVENT_START});
        }
        uint64_t id = id_in(1, 4, 1); /* kept by hosts 1 and 2 */
        request(&used, 0, id, "fact of w20a");
        for (uint32_t from = 1; from <= 3; from++) {
            for (uint32_t host = 0; host <= 4; host++) {
                if (from == host && from <= 2) {
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
    taken append = take(&used.outputs[0], CG_OUTPUT_SEND);
    assert_int_equal(type_of(&append), group_type(CG_GROUP_APPEND));
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
                    uint8_t *record = bytes + FORGE_RECORDS_AT;
                    cg_writer writer = cg_writer_init(record + 4, 4);
                    cg_write_u32(&writer, cg_crc32c(record + 8, size - FORGE_RECORDS_AT - 8));
                }
                seal(bytes, size, type_of(sent[m]), 0, 1);
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

/* Goal: with acknowledgement ALL and, of two, QUORUM the client waits for the replica, with PRIMARY it
 * does not; an answer is believed only as far as the log is the same; and primary and replica have the
 * same hash after the same record. */
static void test_acknowledgement(void **state) {
    (void)state;
    for (int mode = 0; mode < CG_ACKNOWLEDGE_COUNT; mode++) {
        bool waits = mode != CG_ACKNOWLEDGE_PRIMARY;
        cg_node_options options = options_for(2, 0);
        options.acknowledge = (cg_acknowledge)mode;
        rig used = make_rig_with(2, &options);
        uint64_t id = id_in(0, 2, 1);
        taken write = take(request(&used, 0, id, "fact of w20a"), CG_OUTPUT_WRITE);
        taken append = take(&used.outputs[0], CG_OUTPUT_SEND);
        assert_int_equal(append.output.to, 1);
        const cg_outputs *outputs = storage_done(&used, 0, write.output.id);
        assert_int_equal(count_of(outputs, CG_OUTPUT_REPLY), waits ? 0 : 1);
        assert_int_equal(cg_node_backlog(used.nodes[0]), 1);
        taken copy =
            take(message(&used, 1, append.bytes, append.output.size_bytes), CG_OUTPUT_WRITE);
        assert_int_equal(used.outputs[1].count, 1); /* nothing before it is durable there */
        assert_int_equal(hash_of(&used, 0, 0), hash_of(&used, 1, 0));
        uint64_t sequence = 0;
        assert_false(cg_node_has_request(used.nodes[1], 0, id, &sequence));
        /* What was never sent, and what is not this log, is not acknowledged by saying so. */
        const cg_log_store *log = used.nodes[0]->spaces[0].holdings[0].partition.log;
        for (uint64_t absurd = 1; absurd <= 3; absurd++) {
            uint8_t bytes[FORGE_APPENDED_BYTES];
            uint64_t chain = cg_log_chain(log, 1) + (absurd == 1);
            forge_appended(0, absurd, chain, 1, 0, bytes);
            outputs = message(&used, 0, bytes, sizeof bytes);
            assert_int_equal(count_of(outputs, CG_OUTPUT_REPLY), 0);
            assert_int_equal(cg_node_backlog(used.nodes[0]), 1);
        }
        taken answer = take(storage_done(&used, 1, copy.output.id), CG_OUTPUT_SEND);
        assert_true(cg_node_has_request(used.nodes[1], 0, id, &sequence));
        outputs = message(&used, 0, answer.bytes, answer.output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_REPLY), waits ? 1 : 0);
        assert_int_equal(cg_node_backlog(used.nodes[0]), 0);
        assert_true(cg_node_idle(used.nodes[0]));
        assert_int_equal(message(&used, 0, answer.bytes, answer.output.size_bytes)->count, 0);
        free(write.bytes);
        free(append.bytes);
        free(copy.bytes);
        free(answer.bytes);
        free_rig(&used);
    }
}

/* Makes `count` facts durable at host 0 and forgets the messages that ship them; *due: the timer that
 * their group has set. */
static void store_facts(rig *used, uint32_t count, cg_output *due) {
    cg_stream stream = cg_stream_init(8, "node.store", 0);
    for (uint32_t i = 0; i < count; i++) {
        char text[SUPPORT_TEXT_BYTES];
        support_fact_text(&stream, text);
        const cg_outputs *outputs = request(used, 0, id_in(0, 2, i + 1), text);
        assert_int_equal(count_of(outputs, CG_OUTPUT_TIMER), i == 0 ? 1 : 0);
        if (i == 0) {
            *due = timer_of(outputs, CG_TIMER_PROTOCOL);
        }
        taken write = take(outputs, CG_OUTPUT_WRITE);
        storage_done(used, 0, write.output.id);
        free(write.bytes);
    }
}

/* Goal: a replica that heard nothing catches up from timers alone, by as many records a message as stand
 * in the header, and no more than the window under way; its primary waits double while it is silent. A
 * timer that is not due, or not the last one, does nothing. */
static void test_replica_catches_up(void **state) {
    (void)state;
    enum { COUNT = 150 };
    cg_node_options options = options_for(2, 0);
    options.replicate_retry_ns = 1000;
    rig used = make_rig_with(2, &options);
    cg_output due = {0};
    store_facts(&used, COUNT, &due);
    assert_int_equal(due.at_ns, used.now_ns + 1000);
    assert_int_equal(cg_node_backlog(used.nodes[0]), COUNT);
    static const uint64_t waits[] = {2000, 4000, 8000, 16000, 16000};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(timer(&used, 0, due.id)->count, 0); /* not yet */
        used.now_ns = due.at_ns;
        assert_int_equal(timer(&used, 0, due.id + 1)->count, 0);
        const cg_outputs *outputs = timer(&used, 0, due.id);
        assert_int_equal(outputs->count, 3); /* a window, and the next timer */
        assert_int_equal(count_of(outputs, CG_OUTPUT_SEND),
                         CG_GROUP_SHIP_WINDOW / CG_GROUP_SHIP_RECORDS);
        due = timer_of(outputs, CG_TIMER_PROTOCOL);
        assert_int_equal(due.at_ns, used.now_ns + waits[i]);
    }
    cg_group_statistics counts = cg_node_statistics_of(used.nodes[0]).groups;
    assert_int_equal(counts.records_resent, 5 * CG_GROUP_SHIP_RECORDS);
    /* Back again: each acknowledgement brings the next messages. */
    world around = world_of(&used);
    world_keep(&around, 0);
    uint64_t first = cg_node_partition(used.nodes[1], 0).last_sequence;
    assert_int_equal(first, 0);
    for (uint32_t rounds = 0; around.count > 0; rounds++) {
        assert_true(rounds < 60);
        uint64_t known = cg_node_partition(used.nodes[0], 0).acknowledged_sequence;
        world_deliver(&around, world_next(&around));
        uint64_t last = cg_node_partition(used.nodes[1], 0).last_sequence;
        assert_true(last <= known + CG_GROUP_SHIP_WINDOW + CG_GROUP_SHIP_RECORDS);
        assert_true(last <= first + CG_GROUP_SHIP_RECORDS); /* of one message */
        first = last;
    }
    assert_int_equal(cg_node_backlog(used.nodes[0]), 0);
    assert_int_equal(cg_node_partition(used.nodes[1], 0).durable_sequence, COUNT);
    assert_int_equal(hash_of(&used, 0, 0), hash_of(&used, 1, 0));
    counts = cg_node_statistics_of(used.nodes[0]).groups;
    assert_int_equal(counts.catch_ups, 1);
    assert_int_equal(counts.records_dropped, 0);
    used.now_ns += 100 * MS;
    assert_int_equal(timer(&used, 0, due.id)->count, 0);
    world_free(&around);
    free_rig(&used);
}

/* Goal: records that leave a gap are not applied, and answered by where the replica is; repeated ones
 * change nothing. */
static void test_gap_and_repeat(void **state) {
    (void)state;
    rig used = make_rig(2);
    taken appends[3];
    for (uint32_t i = 0; i < 3; i++) {
        const cg_outputs *made = request(&used, 0, id_in(0, 2, i + 1), "fact of w20a");
        appends[i] = take(made, CG_OUTPUT_SEND);
        taken write = take(made, CG_OUTPUT_WRITE);
        storage_done(&used, 0, write.output.id);
        free(write.bytes);
    }
    uint64_t hash = hash_of(&used, 1, 0);
    const cg_outputs *outputs =
        message(&used, 1, appends[2].bytes, appends[2].output.size_bytes);
    assert_int_equal(outputs->count, 1);
    assert_int_equal(outputs->items[0].kind, CG_OUTPUT_SEND); /* says where it is: nowhere */
    assert_int_equal(hash_of(&used, 1, 0), hash);
    for (uint32_t i = 0; i < 3; i++) {
        outputs = message(&used, 1, appends[i].bytes, appends[i].output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 1);
        outputs = message(&used, 1, appends[i].bytes, appends[i].output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 0);
    }
    hash = hash_of(&used, 1, 0);
    assert_int_equal(hash, hash_of(&used, 0, 0));
    for (uint32_t i = 0; i < 3; i++) { /* late, in any order: nothing is taken back */
        outputs = message(&used, 1, appends[2 - i].bytes, appends[2 - i].output.size_bytes);
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 0);
        assert_int_equal(hash_of(&used, 1, 0), hash);
        free(appends[2 - i].bytes);
    }
    assert_int_equal(cg_node_statistics_of(used.nodes[1]).messages_refused, 0);
    free_rig(&used);
}

/* Goal: an append that is not whole records in order and nothing else is refused as a whole. Of one whose
 * records are sound, but one cannot be applied, those before it are applied and written. */
static void test_append_that_goes_wrong(void **state) {
    (void)state;
    enum { SPARE, REPEATED, LATER, UNFIT, CASES };
    for (int wrong = 0; wrong < CASES; wrong++) {
        rig used = make_rig(2);
        static uint8_t records[8192];
        static uint8_t bytes[FORGE_RECORDS_AT + sizeof records];
        static cg_log_buffers buffers;
        size_t end = 0;
        size_t first_bytes = 0;
        for (uint32_t i = 0; i < 2; i++) {
            taken write =
                take(request(&used, 0, id_in(0, 2, i + 1), "fact of w20a"), CG_OUTPUT_WRITE);
            cg_log_record record = record_in(&write, 0, 0, &buffers);
            cg_log_record_encode(&record, records + end);
            end += cg_log_record_bytes(&record);
            first_bytes = i == 0 ? end : first_bytes;
            if (i == 1 && (wrong == LATER || wrong == UNFIT)) { /* a third one */
                record.id.epoch += wrong == LATER;
                record.id.number++;
                record.request_id = id_in(0, 2, 9);
                record.target = wrong == UNFIT ? cg_fact_id(999) : record.target;
                cg_log_record_encode(&record, records + end);
                end += cg_log_record_bytes(&record);
            }
            free(write.bytes);
        }
        if (wrong == SPARE) {
            records[end++] = 0;
        } else if (wrong == REPEATED) {
            memcpy(records + end, records, first_bytes);
            end += first_bytes;
        }
        forged_append made = {.count = wrong == SPARE ? 2 : 3,
                              .previous_chain = 0,
                              .records = records,
                              .records_bytes = end};
        uint64_t hash = hash_of(&used, 1, 0);
        const cg_outputs *outputs = message(&used, 1, bytes, forge_append(&made, 0, 1, bytes));
        assert_int_equal(cg_node_statistics_of(used.nodes[1]).messages_refused, 1);
        assert_int_equal(outputs->count, wrong == UNFIT ? 1 : 0);
        assert_true(wrong == UNFIT || hash_of(&used, 1, 0) == hash);
        if (wrong == UNFIT) {
            taken written = take(outputs, CG_OUTPUT_WRITE);
            assert_int_equal(frames_in(&written), 2);
            assert_int_equal(hash_of(&used, 1, 0), hash_of(&used, 0, 0));
            free(written.bytes);
        }
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
