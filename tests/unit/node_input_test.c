/* Goal: whatever is wrong with a fact gets a status and a sentence that says what, and leaves the
 * node's state as it was: texts at the gateway, vectors and records in messages and in the log.
 */
#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "tests/support/facts.h"
#include "tests/support/group_forge.h"

/* Of both partitions of a host. */
typedef struct hashes {
    uint64_t of[2];
} hashes;

static hashes hashes_of(const rig *used, uint32_t host) {
    return (hashes){{hash_of(used, host, 0), hash_of(used, host, 1)}};
}

static void assert_unchanged(const rig *used, uint32_t host, const hashes *before) {
    hashes now = hashes_of(used, host);
    assert_true(now.of[0] == before->of[0] && now.of[1] == before->of[1]);
}

/* Some facts, one with a lesson, so that there is a state to spoil. */
static rig rig_with_facts(void) {
    rig used = make_rig(2);
    for (uint32_t i = 0; i < 4; i++) {
        cg_event event = {.kind = CG_EVENT_REQUEST,
                          .id = id_in(0, 2, i + 1),
                          .flags = i == 2 ? CG_REQUEST_LABELLED : 0,
                          .label = 20,
                          .bytes = (const uint8_t *)"fact, of w20a w20b",
                          .size_bytes = 18};
        taken write = take(step(&used, 0, event), CG_OUTPUT_WRITE);
        taken append = take(&used.outputs[0], CG_OUTPUT_SEND);
        storage_done(&used, 0, write.output.id);
        message(&used, 1, append.bytes, append.output.size_bytes);
        free(write.bytes);
        free(append.bytes);
    }
    return used;
}

/* --- at the gateway -------------------------------------------------------------------------
 */

/* Goal: a request that cannot be a fact is answered at once with a status, the step's error says
 * why and names the request, and nothing is changed, whoever would be its primary. */
static void test_bad_requests(void **state) {
    (void)state;
    enum { MB = 1 << 20 };
    char *big = malloc(MB + 1);
    assert_non_null(big);
    memset(big, 'x', MB + 1);
    const struct {
        const char *text;
        size_t size_bytes;
        uint32_t flags, label;
        const char *sentence;
    } cases[] = {
        {"", 0, 0, 0, "the text is empty"},
        {NULL, 0, 0, 0, "the text is empty"},
        {" ... !? \n", 9, 0, 0, "no letter and no digit"},
        {"\xff", 1, 0, 0, "not UTF-8 at byte offset 0 (byte 0xff)"},
        {"bad \xff byte", 10, 0, 0, "not UTF-8 at byte offset 4"},
        {"cut \xc3", 5, 0, 0, "not UTF-8 at byte offset 4"},
        {"half \xed\xa0\x80 pair", 13, 0, 0, "not UTF-8 at byte offset 5"},
        {"long \xc0\x80 zero", 12, 0, 0, "not UTF-8 at byte offset 5"},
        {big, CG_POOL_BLOCK_BYTES + 1, 0, 0, "65537 bytes; at most 65536"},
        {big, MB, 0, 0, "1048576 bytes; at most 65536"},
        {big, MB + 1, 0, 0, "1048577 bytes; at most 65536"},
        {"zyxw", 4, 0, 0, "knows none of the text's words"},
        {"w20a", 4, CG_REQUEST_LABELLED, SUPPORT_CONCEPTS, "label 200 is no concept"},
        {"w20a", 4, CG_REQUEST_LABELLED, UINT32_MAX, "label 4294967295 is no concept"},
        {"", 0, CG_REQUEST_LABELLED | CG_REQUEST_AUDIT, 20, "the text is empty"},
    };
    rig used = rig_with_facts();
    hashes before = hashes_of(&used, 0);
    uint64_t vocabulary = cg_node_vocabulary_version(used.nodes[0], 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint32_t primary = 0; primary < 2; primary++) {
            uint64_t id = id_in(primary, 2, 100);
            char named[64];
            (void)snprintf(named, sizeof named, "request %llu: ", (unsigned long long)id);
            cg_event event = {.kind = CG_EVENT_REQUEST,
                              .id = id,
                              .now_ns = used.now_ns,
                              .flags = cases[i].flags,
                              .label = cases[i].label,
                              .bytes = (const uint8_t *)cases[i].text,
                              .size_bytes = cases[i].size_bytes};
            cg_error error = {0};
            assert_int_equal(cg_node_step(used.nodes[0], &event, &used.outputs[0], &error),
                             CG_OK);
            assert_int_equal(used.outputs[0].count, 1);
            cg_reply reply = take_reply(&used.outputs[0]);
            assert_int_equal(reply.request_id, id);
            assert_status(reply.status, CG_ERROR_INVALID, error, cases[i].sentence);
            assert_status(error.status, CG_ERROR_INVALID, error, named);
            assert_unchanged(&used, 0, &before);
            assert_int_equal(cg_node_step(used.nodes[0], &event, &used.outputs[0], NULL),
                             CG_OK); /* who wants no sentence gets the same answer */
            assert_int_equal(take_reply(&used.outputs[0]).status, CG_ERROR_INVALID);
        }
    }
    assert_true(cg_node_vocabulary_version(used.nodes[0], 0) == vocabulary);
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).allocations, 4);
    free(big);
    free_rig(&used);
}

/* Goal: an id that is none, one that is taken and one that was turned down have their sentences
 * too. */
static void test_bad_ids(void **state) {
    (void)state;
    rig used = rig_with_facts();
    cg_error error = {0};
    cg_event event = {.kind = CG_EVENT_REQUEST,
                      .id = UINT64_C(1) << 48,
                      .now_ns = used.now_ns,
                      .bytes = (const uint8_t *)"w20a",
                      .size_bytes = 4};
    hashes before = hashes_of(&used, 0);
    assert_int_equal(cg_node_step(used.nodes[0], &event, &used.outputs[0], &error), CG_OK);
    assert_status(take_reply(&used.outputs[0]).status, CG_ERROR_INVALID, error, "48 bits");
    assert_unchanged(&used, 0, &before);
    for (uint32_t primary = 0; primary < 2; primary++) {
        event.id = id_in(primary, 2, 50);
        assert_int_equal(cg_node_step(used.nodes[0], &event, &used.outputs[0], &error), CG_OK);
        assert_int_equal(count_of(&used.outputs[0], CG_OUTPUT_REPLY), 0);
        before = hashes_of(&used, 0);
        assert_int_equal(cg_node_step(used.nodes[0], &event, &used.outputs[0], &error), CG_OK);
        assert_status(take_reply(&used.outputs[0]).status, CG_ERROR_EXISTS, error, "is open");
        assert_unchanged(&used, 0, &before);
    }
    free_rig(&used);

    cg_node_options options = options_for(1, 0);
    options.pools = (cg_pool_options){CG_POOL_BLOCK_BYTES, 0};
    rig small = make_rig_with(1, &options);
    static char text[CG_POOL_BLOCK_BYTES];
    memset(text, 'x', sizeof text);
    memcpy(text, "w20a ", 5); /* a word that is known */
    event.bytes = (const uint8_t *)text;
    event.size_bytes = sizeof text;
    for (event.id = 1; event.id <= 2; event.id++) {
        assert_int_equal(cg_node_step(small.nodes[0], &event, &small.outputs[0], &error),
                         CG_OK);
    }
    assert_status(take_reply(&small.outputs[0]).status, CG_ERROR_FULL, error, "");
    assert_true(error.status == CG_ERROR_FULL && error.message[0] != 0);
    uint64_t hash = hash_of(&small, 0, 0);
    event.id = 2;
    error = (cg_error){0};
    assert_int_equal(cg_node_step(small.nodes[0], &event, &small.outputs[0], &error), CG_OK);
    assert_status(take_reply(&small.outputs[0]).status, CG_ERROR_FULL, error,
                  "request 2 was turned down before");
    assert_true(hash_of(&small, 0, 0) == hash);
    free_rig(&small);
}

/* --- from other hosts -----------------------------------------------------------------------
 */

/* A request as host 0 would forward it to host 1, with other vectors. */
static void assert_vectors_ignored(rig *used, const support_fact *fact) {
    cg_message_allocate made = {.request_id = id_in(1, 2, 1),
                                .dims = fact->dims,
                                .dense = fact->dense,
                                .sparse = support_fact_sparse(fact),
                                .text = "fact",
                                .text_bytes = 4};
    size_t size = CG_WIRE_HEADER_BYTES + cg_message_allocate_bytes(&made);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    cg_message_allocate_encode(&made, bytes + CG_WIRE_HEADER_BYTES);
    seal(bytes, size, CG_MESSAGE_ALLOCATE, 0, 1);
    hashes before = hashes_of(used, 1);
    assert_ignored(used, 1, bytes, size);
    assert_unchanged(used, 1, &before);
    free(bytes);
}

/* Goal: vectors of another length, of zeros, of what is no number, and huge ones: none is decided
 * on. (The sentences are those of the decoders, see message_test and replica_test.) */
static void test_bad_vectors(void **state) {
    (void)state;
    static const uint32_t lengths[] = {48, 64, 1024};
    static const float values[] = {0.0f, 3.0f, 1e38f, -1e38f};
    rig used = rig_with_facts();
    cg_stream stream = cg_stream_init(3, "node.vectors", 0);
    static support_fact fact;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        support_fact_fill(&fact, &stream, lengths[i], 3);
        assert_vectors_ignored(&used, &fact);
    }
    const float none[] = {(float)cg_sqrt(-1.0), 1e38f * 10.0f, -1e38f * 10.0f};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        support_fact_fill(&fact, &stream, 32, 3);
        fact.dense[5] = none[i];
        assert_vectors_ignored(&used, &fact);
        support_fact_fill(&fact, &stream, 32, 3);
        fact.weights[1] = none[i];
        assert_vectors_ignored(&used, &fact);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        support_fact_fill(&fact, &stream, 32, 3);
        for (uint32_t d = 0; d < 32; d++) {
            fact.dense[d] = values[i];
        }
        assert_vectors_ignored(&used, &fact);
        support_fact_fill(&fact, &stream, 32, 3);
        for (uint32_t e = 0; e < 3; e++) {
            fact.weights[e] = values[i];
        }
        assert_vectors_ignored(&used, &fact);
    }
    support_fact_fill(&fact, &stream, 32, 3); /* and as it should be */
    cg_message_allocate made = {.request_id = id_in(1, 2, 1),
                                .dims = 32,
                                .dense = fact.dense,
                                .sparse = support_fact_sparse(&fact),
                                .text = "fact",
                                .text_bytes = 4};
    uint8_t bytes[CG_WIRE_HEADER_BYTES + 512];
    size_t size = CG_WIRE_HEADER_BYTES + cg_message_allocate_bytes(&made);
    cg_message_allocate_encode(&made, bytes + CG_WIRE_HEADER_BYTES);
    seal(bytes, size, CG_MESSAGE_ALLOCATE, 0, 1);
    assert_int_equal(count_of(message(&used, 1, bytes, size), CG_OUTPUT_WRITE), 1);
    free_rig(&used);
}

/* --- in the log -----------------------------------------------------------------------------
 */

/* Goal: a record that goes to no concept, or is of a type that there is not, or has another
 * length, or no text that fits, is refused by the partition with a sentence, and by a replica
 * that gets it in a message; both stay as they were. */
static void test_bad_records(void **state) {
    (void)state;
    rig used = rig_with_facts();
    static char text[CG_POOL_BLOCK_BYTES + 1];
    memset(text, 'x', sizeof text);
    memcpy(text, "w20a ", 5); /* a word that is known */
    static support_fact short_fact;
    static support_fact long_fact;
    cg_stream stream = cg_stream_init(4, "node.records", 0);
    support_fact_fill(&short_fact, &stream, 32, 3);
    support_fact_fill(&long_fact, &stream, 48, 3);
    cg_partition *copy = &used.nodes[1]->spaces[0].holdings[1].partition;
    uint32_t concepts = cg_graph_concept_count(copy->graph);
    const struct {
        uint64_t number; /* of the record, which is to be the log's fifth */
        uint64_t target;
        uint32_t type, text_bytes;
        const support_fact *fact;
        const char *sentence;
    } cases[] = {
        {5, concepts, 3, 4, &short_fact, "which does not exist"},
        {5, UINT32_MAX, 3, 4, &short_fact, "concept ffffffff of type 3"},
        {5, cg_fact_id(id_in(0, 2, 9)), 3, 4, &short_fact, "which does not exist"},
        {5, 20, CG_CONCEPT_TYPES, 4, &short_fact, "of type 64, which does not exist"},
        {5, 20, UINT32_MAX, 4, &short_fact, "of type 4294967295"},
        {5, 20, 3, 4, &long_fact, "48 dims instead of 32"},
        {5, 20, 3, 0, &short_fact, "a text of 0 bytes"},
        {5, 20, 3, CG_POOL_BLOCK_BYTES + 1, &short_fact, "a text of 65537 bytes"},
        {4, 20, 3, 4, &short_fact, "cannot follow (1, 4, 0)"},
        {3, 20, 3, 4, &short_fact, "cannot follow (1, 4, 0)"},
        {5, 20, 3, 4, &short_fact, NULL}, /* as it should be */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cg_log_record record = {.id = {.epoch = 1, .number = cases[i].number},
                                .request_id = id_in(0, 2, 77),
                                .target = cases[i].target,
                                .concept_type = cases[i].type,
                                .has_learned = true,
                                .learned = cg_learned_init(),
                                .dims = cases[i].fact->dims,
                                .dense = cases[i].fact->dense,
                                .sparse = support_fact_sparse(cases[i].fact),
                                .text = text,
                                .text_bytes = cases[i].text_bytes};
        size_t record_bytes = cg_log_record_bytes(&record);
        uint8_t *encoded = malloc(record_bytes);
        uint8_t *bytes = malloc(FORGE_RECORDS_AT + record_bytes);
        assert_non_null(encoded);
        assert_non_null(bytes);
        cg_log_record_encode(&record, encoded);
        forged_append append = {.previous = 4,
                                .previous_chain = cg_log_chain(copy->log, 4),
                                .count = 1,
                                .records = encoded,
                                .records_bytes = record_bytes};
        size_t size = forge_append(&append, 0, 1, bytes);
        hashes before = hashes_of(&used, 1);
        cg_error error = {0};
        if (cases[i].sentence) {
            assert_status(cg_partition_apply(copy, &record,
                                             (cg_encoded_record){encoded, record_bytes}, NULL,
                                             NULL, &error),
                          CG_ERROR_CORRUPT, error, cases[i].sentence);
            assert_unchanged(&used, 1, &before);
        }
        cg_node_statistics was = cg_node_statistics_of(used.nodes[1]);
        const cg_outputs *outputs = message(&used, 1, bytes, size);
        cg_node_statistics is = cg_node_statistics_of(used.nodes[1]);
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), cases[i].sentence ? 0 : 1);
        if (cases[i].sentence) {
            assert_int_equal(is.messages_refused - was.messages_refused, 1);
            assert_int_equal(is.groups.refused - was.groups.refused, 1);
            assert_unchanged(&used, 1, &before);
        } else {
            assert_true(hash_of(&used, 1, 0) != before.of[0]);
        }
        free(encoded);
        free(bytes);
    }
    free_rig(&used);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_bad_ids),
        cmocka_unit_test(test_bad_vectors),
        cmocka_unit_test(test_bad_records),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
