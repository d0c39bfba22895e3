/* Goal: searches of a divided index find what one host finds, facts get the same place whether the index
 * is divided or not, and a gather ends, with who is missing named, whatever is lost, doubled, cut off,
 * dead or altered. (C7, F2, F3) */
#include "tests/support/gather_net.h"

enum { REQUESTS = 48 };

static const cg_distribution divided[] = {CG_DISTRIBUTION_SHARDED, CG_DISTRIBUTION_HYBRID};

static cg_node_statistics sum_of(const gather_net *net) {
    cg_node_statistics sum = {0};
    for (uint32_t host = 0; host < net->hosts; host++) {
        cg_node_statistics one = cg_node_statistics_of(net->nodes[host]);
        sum.searches += one.searches;
        sum.gathers += one.gathers;
        sum.gather_shards += one.gather_shards;
        sum.gather_retries += one.gather_retries;
        sum.gather_partial += one.gather_partial;
        sum.gather_late += one.gather_late;
        sum.messages_refused += one.messages_refused;
    }
    return sum;
}

static void assert_rest(const gather_net *net) {
    for (uint32_t host = 0; host < net->hosts; host++) {
        assert_true(net->is_silent[host] || cg_node_idle(net->nodes[host]));
    }
}

static void test_search_equals_one_host(void **state) {
    (void)state;
    gather_net *alone = net_alloc(net_options(NULL, 1), 1);
    net_ask(alone, CG_REQUEST_SEARCH, REQUESTS);
    static const uint32_t hosts[] = {1, 3, 16};
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t h = 0; h < 3; h++) {
            cg_shards *shards = net_divide(divided[kind], hosts[h]);
            gather_net *net = net_alloc(net_options(shards, hosts[h]), 1);
            net_ask(net, CG_REQUEST_SEARCH, REQUESTS);
            uint32_t right = 0;
            for (uint32_t i = 1; i <= REQUESTS; i++) {
                const cg_reply *one = net_reply(alone, i);
                const cg_reply *other = net_reply(net, i);
                assert_int_equal(one->status, CG_OK);
                assert_int_equal(one->count, 10);
                assert_int_equal(one->reached, 10); /* its width reaches all */
                assert_int_equal(other->status, CG_OK);
                assert_int_equal(other->request, CG_REQUEST_SEARCH);
                assert_int_equal(other->coverage_q16, 65536);
                assert_int_equal(other->hops, hosts[h]);
                right += other->reached;
                if (divided[kind] == CG_DISTRIBUTION_SHARDED) {
                    assert_true(other->digest == one->digest);
                    assert_int_equal(other->winner, one->winner);
                    assert_int_equal(other->agreed, 1);
                }
            }
            print_message("%s, %u hosts: %.1f%% of the nearest\n",
                          cg_distribution_name(divided[kind]), hosts[h],
                          100.0 * right / (REQUESTS * 10));
            assert_true(right > REQUESTS * 10 * 9 / 10);
            cg_node_statistics sum = sum_of(net);
            assert_int_equal(sum.gathers, REQUESTS);
            assert_int_equal(sum.gather_shards, REQUESTS * hosts[h]);
            assert_int_equal(sum.gather_late + sum.gather_partial + sum.gather_retries, 0);
            assert_rest(net);
            net_free(net);
            cg_shards_free(shards);
        }
    }
    net_free(alone);
}

/* Candidates from all shards compete again at the primary. */
static void test_facts_get_the_same_place(void **state) {
    (void)state;
    for (uint32_t hosts = 1; hosts <= 16; hosts += 3 + 3 * (hosts / 4)) {
        gather_net *whole = net_alloc(net_options(NULL, hosts), 2);
        cg_shards *shards = net_divide(CG_DISTRIBUTION_SHARDED, hosts);
        gather_net *net = net_alloc(net_options(shards, hosts), 2);
        net_ask(whole, CG_REQUEST_ALLOCATE, REQUESTS);
        net_ask(net, CG_REQUEST_ALLOCATE, REQUESTS);
        for (uint32_t i = 1; i <= REQUESTS; i++) {
            const cg_reply *one = net_reply(whole, i);
            const cg_reply *other = net_reply(net, i);
            assert_int_equal(one->status, CG_OK);
            assert_int_equal(other->status, CG_OK);
            assert_int_equal(other->winner, one->winner);
            assert_int_equal(other->host, one->host);
            assert_memory_equal(other->alternatives, one->alternatives,
                                sizeof one->alternatives);
            assert_int_equal(other->confidence_q16, one->confidence_q16);
        }
        for (uint32_t partition = 0; partition < hosts; partition++) {
            assert_true(cg_node_partition(whole->nodes[partition], partition).last_sequence ==
                        cg_node_partition(net->nodes[partition], partition).last_sequence);
        }
        assert_int_equal(sum_of(net).gathers, REQUESTS);
        assert_int_equal(sum_of(whole).gathers, 0);
        assert_rest(net);
        net_free(whole);
        net_free(net);
        cg_shards_free(shards);
    }
}

/* What was gathered is what the primary decides from: of shards without regions one has but a few of the nearest. */
static void test_only_what_was_gathered_competes(void **state) {
    (void)state;
    uint32_t owners[SUPPORT_CONCEPTS];
    for (uint32_t row = 0; row < SUPPORT_CONCEPTS; row++) {
        owners[row] = row % 16;
    }
    cg_shards *shards = NULL;
    cg_error error = {0};
    const cg_runner runner = cg_runner_serial();
    cg_shards_options scattered = cg_shards_options_default(CG_DISTRIBUTION_HYBRID, 16);
    scattered.owners = owners;
    assert_ok(cg_shards_build(&scattered, net_corpus.index, &runner, cg_allocator_heap(),
                              &shards, &error),
              error);
    cg_node_options options = net_options(shards, 16);
    options.cascade.neighbours = 12;
    gather_net *wide = net_alloc(options, 2);
    options.gather.slack = 0.0;
    gather_net *narrow = net_alloc(options, 2);
    net_ask(wide, CG_REQUEST_ALLOCATE, REQUESTS);
    net_ask(narrow, CG_REQUEST_ALLOCATE, REQUESTS);
    uint32_t others = 0;
    for (uint32_t i = 1; i <= REQUESTS; i++) {
        assert_int_equal(net_reply(narrow, i)->status, CG_OK);
        const cg_reply *one = net_reply(wide, i);
        const cg_reply *other = net_reply(narrow, i);
        others += memcmp(one->votes_q16, other->votes_q16, sizeof one->votes_q16) != 0 ||
                  one->stage_out[CG_STAGE_COARSE] != other->stage_out[CG_STAGE_COARSE] ||
                  memcmp(one->alternatives, other->alternatives, sizeof one->alternatives) != 0;
    }
    print_message("others compete in %u of %u decisions\n", others, REQUESTS);
    assert_true(others > 0);
    assert_int_equal(sum_of(narrow).gather_shards, REQUESTS);
    net_free(wide);
    net_free(narrow);
    cg_shards_free(shards);
}

static void test_loss_and_doubles(void **state) {
    (void)state;
    const uint64_t seed = support_seed(81);
    cg_shards *shards = net_divide(CG_DISTRIBUTION_SHARDED, 3);
    gather_net *sound = net_alloc(net_options(shards, 3), seed);
    net_ask(sound, CG_REQUEST_SEARCH, REQUESTS);
    for (int doubles = 0; doubles < 2; doubles++) {
        for (int lost = 0; lost < 3; lost++) {
            gather_net *net = net_alloc(net_options(shards, 3), seed);
            net->loss = 0.35 * lost;
            net->doubles = doubles == 1;
            net_ask(net, CG_REQUEST_SEARCH, REQUESTS);
            uint32_t partial = 0;
            for (uint32_t i = 1; i <= REQUESTS; i++) {
                const cg_reply *reply = net_reply(net, i);
                assert_true(reply->status == CG_OK || reply->status == CG_ERROR_PARTIAL);
                assert_int_equal(reply->status == CG_OK, reply->missing_hosts == 0);
                assert_int_equal(reply->status == CG_OK, reply->coverage_q16 == 65536);
                assert_true(reply->status != CG_OK ||
                            reply->digest == net_reply(sound, i)->digest);
                partial += reply->status != CG_OK;
            }
            cg_node_statistics sum = sum_of(net);
            assert_int_equal(sum.gather_partial, partial);
            assert_true(partial > 0 || lost < 2);
            assert_int_equal(sum.gather_retries > 0, lost > 0);
            assert_true(doubles == 0 || sum.gather_late > 0);
            assert_true(lost > 0 || partial == 0);
            assert_rest(net);
            net_free(net);
        }
    }
    net_free(sound);
    cg_shards_free(shards);
}

/* Cut in two, each side answers from what it reaches, and says so; healed, all is as before. */
static void test_partition_and_a_dead_host(void **state) {
    (void)state;
    cg_shards *shards = net_divide(CG_DISTRIBUTION_HYBRID, 16);
    gather_net *net = net_alloc(net_options(shards, 16), 3);
    for (uint32_t host = 0; host < 16; host++) {
        net->side[host] = host < 6;
    }
    net_ask(net, CG_REQUEST_SEARCH, 16);
    for (uint32_t i = 1; i <= 16; i++) {
        const cg_reply *reply = net_reply(net, i);
        assert_int_equal(reply->status, CG_ERROR_PARTIAL);
        assert_true(reply->missing_hosts == (i - 1 < 6 ? 0xffc0u : 0x3fu));
        assert_int_equal(reply->coverage_q16, 65536 * (i - 1 < 6 ? 6 : 10) / 16);
    }
    memset(net->side, 0, sizeof net->side);
    net->reply_count = 0;
    net->is_silent[5] = true;
    char text[SUPPORT_TEXT_BYTES];
    support_concept_text(17, text);
    const uint64_t began_ns = net->now_ns;
    net_request(net, 0, CG_REQUEST_SEARCH, 100, text, 0);
    net_run(net, UINT64_MAX);
    assert_true(net_reply(net, 100)->missing_hosts == 1u << 5);
    assert_true(net->now_ns - began_ns >= 3 * UINT64_C(1000000)); /* three tries */
    net_request(net, 0, CG_REQUEST_ALLOCATE, 101, text, 0);
    net_run(net, net->now_ns + 50 * UINT64_C(1000000));
    cg_status status = CG_ERROR_TIMEOUT; /* where the fact's primary is the dead host */
    for (uint32_t i = 0; i < net->reply_count; i++) {
        status = net->replies[i].request_id == 101 ? net->replies[i].status : status;
    }
    assert_int_equal(status == CG_OK,
                     cg_node_primary_of(cg_node_partition_of(101, 16), 16) != 5);
    net_free(net);
    cg_shards_free(shards);
}

/* Nobody but the own shard is asked where that alone is near: no message at all. */
static void test_own_shard_takes_no_message(void **state) {
    (void)state;
    cg_shards *shards = net_divide(CG_DISTRIBUTION_SHARDED, 3);
    cg_node_options options = net_options(shards, 3);
    options.gather.slack = 0.0;
    gather_net *net = net_alloc(options, 4);
    uint32_t local = 0;
    for (uint32_t row = 0; row < SUPPORT_CONCEPTS; row++) {
        char text[SUPPORT_TEXT_BYTES];
        support_concept_text(row, text);
        uint64_t before = net->sent[CG_GATHER_ASK];
        net_request(net, 1, CG_REQUEST_SEARCH, row + 1, text, 0);
        net_run(net, UINT64_MAX);
        assert_int_equal(net_reply(net, row + 1)->hops, 1);
        local += net->sent[CG_GATHER_ASK] == before;
    }
    assert_true(local > SUPPORT_CONCEPTS / 10 && local < SUPPORT_CONCEPTS);
    net_free(net);
    cg_shards_free(shards);
}

/* What crosses the network is candidates. */
static void test_bytes_against_whole_records(void **state) {
    (void)state;
    cg_shards *shards = net_divide(CG_DISTRIBUTION_SHARDED, 16);
    uint64_t bytes[2];
    for (int whole = 0; whole < 2; whole++) {
        cg_node_options options = net_options(shards, 16);
        options.gather.whole_records = whole == 1;
        options.gather.slack = 0.15;
        gather_net *net = net_alloc(options, 5);
        net_ask(net, CG_REQUEST_SEARCH, REQUESTS);
        bytes[whole] = net->sent[0] + net->sent[1] + net->sent[2];
        assert_int_equal(net->sent[1] > 0, whole == 0);
        assert_int_equal(net->sent[2] > 0, whole == 1);
        assert_int_equal(sum_of(net).messages_refused, 0);
        for (uint32_t i = 1; whole && i <= REQUESTS; i++) {
            assert_int_equal(net_reply(net, i)->hops, 16);
        }
        net_free(net);
    }
    print_message("%llu bytes of candidates, %llu of records\n", (unsigned long long)bytes[0],
                  (unsigned long long)bytes[1]);
    assert_true(bytes[0] * 100 < bytes[1] * 27);
    cg_shards_free(shards);
}

/* --- altered messages --- */

static void deliver(gather_net *net, uint32_t from, uint16_t type, const uint8_t *payload,
                    size_t bytes) {
    static uint8_t message[1 << 16];
    assert_true(CG_WIRE_HEADER_BYTES + bytes <= sizeof message);
    if (bytes > 0) {
        memcpy(message + CG_WIRE_HEADER_BYTES, payload, bytes);
    }
    const cg_wire_header header = {
        .type =
            (uint16_t)(CG_MESSAGE_PROTOCOLS + CG_PROTOCOL_GATHER * CG_PROTOCOL_TYPES + type),
        .from = from,
        .to = 0,
        .payload_bytes = (uint32_t)bytes};
    cg_wire_seal(&header, message);
    const cg_event event = {.kind = CG_EVENT_MESSAGE,
                            .now_ns = net->now_ns,
                            .bytes = message,
                            .size_bytes = CG_WIRE_HEADER_BYTES + bytes};
    net_step(net, 0, &event);
}

static void test_malformed_messages(void **state) {
    (void)state;
    cg_shards *shards = net_divide(CG_DISTRIBUTION_HYBRID, 3);
    gather_net *net = net_alloc(net_options(shards, 3), 6);
    const uint32_t dims = cg_features_dims(net_corpus.features);
    const float *vector = cg_features_row(net_corpus.features, 3).dense;
    const uint32_t entries[] = {3, 199, UINT32_MAX}; /* others', or none: passed over */
    const cg_gather_ask ask = {.token = 9, .k = 5, .ef = 20, .dims = dims, .entry_count = 3};
    uint8_t payload[4096];
    const size_t bytes = cg_gather_ask_bytes(dims, 3);
    cg_gather_ask_encode(&ask, vector, entries, payload);
    deliver(net, 1, CG_GATHER_ASK, payload, bytes);
    assert_int_equal(sum_of(net).messages_refused, 0);
    assert_true(net->sent[CG_GATHER_CANDIDATES] > 0);
    uint64_t refused = 0;
    for (size_t cut = 0; cut < bytes; cut++) { /* no shorter one, and no longer one */
        deliver(net, 1, CG_GATHER_ASK, payload, cut);
        assert_int_equal(sum_of(net).messages_refused, ++refused);
    }
    deliver(net, 1, CG_GATHER_ASK, payload, bytes + 1);
    assert_int_equal(sum_of(net).messages_refused, ++refused);
    static const size_t fields[] = {8, 12, 16, 20, 24}; /* absurd sizes and flags */
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint8_t bad[4096];
        memcpy(bad, payload, bytes);
        memset(bad + fields[i], 0xff, 4);
        deliver(net, 1, CG_GATHER_ASK, bad, bytes);
        assert_int_equal(sum_of(net).messages_refused, ++refused);
    }
    uint8_t no_vector[4096];
    memcpy(no_vector, payload, bytes);
    memset(no_vector + 28, 0, 4 * (size_t)dims);
    deliver(net, 1, CG_GATHER_ASK, no_vector, bytes);
    assert_int_equal(sum_of(net).messages_refused, ++refused);
    /* Answers: rows that are not the sender's, not ascending, of no gather. */
    uint32_t own = 0;
    while (cg_shards_owner(shards, own) != 1) {
        own++;
    }
    uint32_t foreign = 0;
    while (cg_shards_owner(shards, foreign) == 1) {
        foreign++;
    }
    const cg_index_hit answers[][2] = {{{own, own, 0.1f}, {foreign, foreign, 0.2f}},
                                       {{own, own, 0.2f}, {own, own, 0.1f}},
                                       {{own, own, 0.1f}, {own, own, 0.1f}},
                                       {{own, own, 0.1f}, {5000, 5000, 0.2f}}};
    for (size_t i = 0; i < 4; i++) {
        cg_gather_found_encode(1, answers[i], 2, NULL, payload);
        deliver(net, 1, CG_GATHER_CANDIDATES, payload,
                cg_gather_found_bytes(answers[i], 2, NULL));
        assert_int_equal(sum_of(net).messages_refused, ++refused);
    }
    cg_gather_found_encode(77, answers[0], 1, NULL, payload);
    deliver(net, 1, CG_GATHER_CANDIDATES, payload, cg_gather_found_bytes(answers[0], 1, NULL));
    assert_int_equal(sum_of(net).messages_refused, refused);
    assert_int_equal(sum_of(net).gather_late, 1);
    deliver(net, 1, 3, payload, 0); /* no such type */
    assert_int_equal(sum_of(net).messages_refused, ++refused);
    net_free(net);
    /* A node whose index is whole has no gathers. */
    net = net_alloc(net_options(NULL, 3), 6);
    deliver(net, 1, CG_GATHER_ASK, payload, bytes);
    assert_int_equal(sum_of(net).messages_refused, 1);
    net_free(net);
    cg_shards_free(shards);
}

/* Any bytes at all. */
static void test_random_payloads(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(82), "payload", 0);
    cg_shards *shards = net_divide(CG_DISTRIBUTION_SHARDED, 3);
    gather_net *net = net_alloc(net_options(shards, 3), 7);
    uint8_t payload[2048];
    const float *vector = cg_features_row(net_corpus.features, 3).dense;
    const cg_gather_ask ask = {
        .token = 9, .k = 5, .ef = 20, .dims = cg_features_dims(net_corpus.features)};
    for (int run = 0; run < 4000; run++) {
        size_t bytes = cg_gather_ask_bytes(ask.dims, 0);
        uint16_t type = (uint16_t)cg_stream_next_below(&stream, 3);
        cg_gather_ask_encode(&ask, vector, NULL, payload);
        for (uint64_t i = cg_stream_next_below(&stream, 4); i > 0; i--) {
            payload[cg_stream_next_below(&stream, bytes)] = (uint8_t)cg_stream_next(&stream);
        }
        bytes = cg_stream_next_below(&stream, 3) ? bytes : cg_stream_next_below(&stream, bytes);
        deliver(net, 1, type, payload, bytes);
        for (uint32_t i = 0; i < net->event_count; i++) {
            free(net->events[i].bytes);
        }
        net->event_count = 0;
    }
    net_free(net);
    cg_shards_free(shards);
}

static void test_allocations_fail(void **state) {
    (void)state;
    cg_shards *shards = net_divide(CG_DISTRIBUTION_HYBRID, 3);
    static const cg_request_kind kinds[] = {CG_REQUEST_SEARCH, CG_REQUEST_ALLOCATE};
    for (size_t kind = 0; kind < 2; kind++) {
        bool is_done = false;
        uint32_t failures = 0;
        for (uint64_t n = 1; !is_done; n++) {
            cg_counting_allocator counting;
            cg_counting_allocator_init(&counting, cg_allocator_heap());
            cg_error error = {0};
            cg_node_options options = net_options(shards, 3);
            cg_node *node = NULL;
            cg_outputs outputs;
            char text[SUPPORT_TEXT_BYTES];
            support_concept_text(21, text);
            assert_ok(cg_node_alloc(&options, &net_corpus,
                                    cg_counting_allocator_view(&counting), &node, &error),
                      error);
            cg_outputs_init(&outputs, cg_counting_allocator_view(&counting));
            counting.fail_at = n;
            const cg_event event = {.kind = CG_EVENT_REQUEST,
                                    .request = kinds[kind],
                                    .now_ns = 1,
                                    .id = 5,
                                    .bytes = (const uint8_t *)text,
                                    .size_bytes = strlen(text)};
            cg_status status = cg_node_step(node, &event, &outputs, &error);
            is_done = counting.fail_at != 0;
            assert_int_equal(status, is_done ? CG_OK : CG_ERROR_MEMORY);
            failures += status != CG_OK;
            counting.fail_at = 0;
            cg_node_free(node);
            cg_outputs_deinit(&outputs);
            assert_int_equal(counting.live_blocks, 0);
        }
        assert_true(failures > 5);
    }
    cg_shards_free(shards);
}

static void test_options(void **state) {
    (void)state;
    cg_shards *shards = net_divide(CG_DISTRIBUTION_SHARDED, 4);
    cg_node *node = NULL;
    cg_error error = {0};
    cg_node_options options = net_options(shards, 3);
    assert_status(cg_node_alloc(&options, &net_corpus, cg_allocator_heap(), &node, &error),
                  CG_ERROR_INVALID, error, "4 shards for 3 hosts");
    options = net_options(NULL, 1);
    options.gather.k = CG_GATHER_K_MAX + 1;
    assert_status(cg_node_alloc(&options, &net_corpus, cg_allocator_heap(), &node, &error),
                  CG_ERROR_INVALID, error, "searches of 257 concepts");
    options = net_options(NULL, 1);
    options.gather.tries = 0;
    assert_status(cg_node_alloc(&options, &net_corpus, cg_allocator_heap(), &node, &error),
                  CG_ERROR_INVALID, error, "0 tries");
    cg_shards_free(shards);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_equals_one_host),
        cmocka_unit_test(test_facts_get_the_same_place),
        cmocka_unit_test(test_only_what_was_gathered_competes),
        cmocka_unit_test(test_loss_and_doubles),
        cmocka_unit_test(test_partition_and_a_dead_host),
        cmocka_unit_test(test_own_shard_takes_no_message),
        cmocka_unit_test(test_bytes_against_whole_records),
        cmocka_unit_test(test_malformed_messages),
        cmocka_unit_test(test_random_payloads),
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, gather_set_up, gather_tear_down);
}
