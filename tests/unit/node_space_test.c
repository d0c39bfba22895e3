/* Goal: memory spaces are apart. Spaces, shares, requests and messages that cannot be are refused
 * with a sentence or counted; no fact, decision, word, quota or removal of one space shows in what
 * another answers. One test each for what would leak if it were shared.
 */
#include "tests/support/group_forge.h"
#include "tests/support/service.h"

static cg_node_options spaces_options(uint32_t hosts, uint32_t spaces) {
    cg_node_options options = options_for(hosts, 0);
    options.spaces = spaces;
    return options;
}

static rig spaces_rig(uint32_t hosts, uint32_t spaces) {
    cg_node_options options = spaces_options(hosts, spaces);
    return make_rig_with(hosts, &options);
}

static cg_event in_space(uint32_t space, cg_event event) {
    event.space = space;
    return event;
}

static cg_reply told_of(rig *used, world *around, uint32_t space, cg_event event) {
    used->now_ns += 1000 * MS;
    return world_reply(around, 0, in_space(space, event));
}

static uint64_t hash_in(const rig *used, uint32_t number) {
    return hash_of(used, cg_node_primary_of(number, used->hosts), number);
}

/* --- what cannot be -------------------------------------------------------------------------
 */

static void refuse_options(const cg_node_options *options, const char *part) {
    cg_error error = {0};
    cg_node *node = NULL;
    assert_status(cg_node_alloc(options, &corpus, cg_allocator_heap(), &node, &error),
                  CG_ERROR_INVALID, error, part);
    assert_null(node);
}

static void test_bad_options(void **state) {
    (void)state;
    cg_node_options options = spaces_options(1, 0);
    refuse_options(&options, "0 memory spaces; it takes 1 to 64");
    options.spaces = CG_NODE_SPACES_MAX + 1;
    refuse_options(&options, "65 memory spaces; it takes 1 to 64");
    options = spaces_options(32769, 2);
    refuse_options(&options, "a cluster of 32769 hosts with 2 memory spaces; at most 65534");
    options = spaces_options(1, 3);
    options.pool_shares[1] = 1;
    refuse_options(&options, "memory space 0 has 0 shares of the pools; it takes 1 to 1048576");
    options.pool_shares[0] = (1 << 20) + 1;
    options.pool_shares[2] = 1;
    refuse_options(&options, "memory space 0 has 1048577 shares");
    options = spaces_options(1, 2);
    options.pools.quota_bytes = 2 * 4096 - 1;
    refuse_options(&options, "memory space 0, with its share of the host's pools: ");
    options.pools.quota_bytes = 2 * 4096;
    cg_error error = {0};
    cg_node *node = NULL;
    assert_ok(cg_node_alloc(&options, &corpus, cg_allocator_heap(), &node, &error), error);
    cg_node_free(node);
}

/* Goal: a request in a space that is not, of whatever kind, is told so and changes nothing. */
static void test_bad_requests(void **state) {
    (void)state;
    uint8_t bytes[64];
    static const char *const texts[] = {"w17a"};
    const uint64_t key = 17;
    for (uint32_t spaces = 1; spaces <= 2; spaces++) {
        rig used = spaces_rig(1, spaces);
        uint64_t hash = hash_in(&used, 0);
        const uint32_t wrong[] = {spaces, spaces + 1, 65536, UINT32_MAX};
        for (size_t i = 0; i < 4; i++) {
            cg_event events[CG_REQUEST_KIND_COUNT] = {
                allocate_of(1, "w17a"), batch_of(2, bytes, batch_bytes(texts, 1, bytes, 32)),
                removal_of(3, 1), recall_of(4, &key, 1, 0, bytes + 32),
                recall_of(5, &key, 1, 1, bytes + 48)};
            events[4].request = CG_REQUEST_SPREAD;
            for (size_t kind = 0; kind < CG_REQUEST_KIND_COUNT; kind++) {
                assert_refused(&used, 0, in_space(wrong[i], events[kind]), CG_ERROR_INVALID,
                               spaces == 1 ? "does not exist; there are 1, from 0"
                                           : "does not exist; there are 2, from 0");
            }
        }
        assert_true(hash_in(&used, 0) == hash);
        assert_true(cg_node_idle(used.nodes[0]));
        assert_int_equal(cg_node_space_statistics(used.nodes[0], 0).requests, 0);
        assert_int_equal(cg_node_space_statistics(used.nodes[0], spaces).requests, 0);
        assert_int_equal(cg_node_vocabulary_version(used.nodes[0], spaces), 0);
        free_rig(&used);
    }
}

/* An allocate message as a gateway makes it, with its envelope. */
static taken sent_by(rig *used, uint32_t space, uint64_t id, uint32_t host) {
    return take(step(used, host, in_space(space, allocate_of(id, "w17a w17b"))),
                CG_OUTPUT_SEND);
}

static void set_space(taken *sent, size_t offset, uint16_t space, uint32_t from, uint32_t to) {
    cg_writer writer = cg_writer_init(sent->bytes + CG_WIRE_HEADER_BYTES + offset, 2);
    cg_write_u16(&writer, space);
    seal(sent->bytes, sent->output.size_bytes, type_of(sent), from, to);
}

/* Refused, or, of a partition that the host keeps for another, redirected; nothing is done about it. */
static void assert_not_taken(rig *used, const uint8_t *bytes, size_t size) {
    cg_node_statistics was = cg_node_statistics_of(used->nodes[1]);
    const cg_outputs *outputs = message(used, 1, bytes, size);
    cg_node_statistics is = cg_node_statistics_of(used->nodes[1]);
    uint64_t redirects = is.redirects - was.redirects;
    assert_int_equal(is.messages_refused - was.messages_refused + redirects, 1);
    assert_int_equal(outputs->count, redirects);
    assert_int_equal(count_of(outputs, CG_OUTPUT_SEND), redirects);
    assert_int_equal(is.allocations, was.allocations);
    assert_int_equal(is.removals, was.removals);
}

/* Goal: work for a space that is not, for a partition of another primary, or a batch of several
 * spaces is counted and refused. */
static void test_forged_work(void **state) {
    (void)state;
    rig used = spaces_rig(2, 2);
    /* In space 0 host 1 is the primary of partition 1, in space 1 of partition 0. */
    uint64_t id = id_in(1, 2, 1);
    taken sent = sent_by(&used, 0, id, 0);
    assert_int_equal(sent.output.to, 1);
    const uint16_t wrong[] = {1, 2, 3, UINT16_MAX};
    for (size_t i = 0; i < 4; i++) {
        set_space(&sent, 34, wrong[i], 0, 1);
        assert_not_taken(&used, sent.bytes, sent.output.size_bytes);
    }
    set_space(&sent, 34, 0, 0, 1);
    assert_int_equal(
        count_of(message(&used, 1, sent.bytes, sent.output.size_bytes), CG_OUTPUT_WRITE), 1);
    free(sent.bytes);

    uint8_t bytes[64];
    static const char *const texts[] = {"w17a"};
    id = id_in(1, 2, 2);
    sent = take(step(&used, 0, batch_of(id, bytes, batch_bytes(texts, 1, bytes, 64))),
                CG_OUTPUT_SEND);
    set_space(&sent, 14, 1, 0, 1);
    assert_not_taken(&used, sent.bytes, sent.output.size_bytes);
    set_space(&sent, 14, 0, 0, 1);
    set_space(&sent, CG_MESSAGE_BATCH_PREFIX_BYTES + 4 + 34, 1, 0, 1);
    assert_not_taken(&used, sent.bytes, sent.output.size_bytes);
    free(sent.bytes);

    sent = take(step(&used, 0, removal_of(id_in(0, 2, 9), id)), CG_OUTPUT_SEND);
    for (size_t i = 0; i < 4; i++) {
        set_space(&sent, 22, wrong[i], 0, 1);
        assert_not_taken(&used, sent.bytes, sent.output.size_bytes);
    }
    free(sent.bytes);
    free_rig(&used);
}

/* Goal: what comes to a host of the group of a partition in which it has no voice, or from one that has
 * none, is counted and refused; writes and timers of partitions that are not here are nobody's. An append
 * to the primary itself, and an answer to who is none, change nothing. */
static void test_forged_partitions(void **state) {
    (void)state;
    /* Of three hosts with two spaces, host 1 is home of partitions 1 and 3, and follows 0 and 5. */
    rig used = spaces_rig(3, 2);
    const struct {
        uint32_t partition, from;
        bool has_voices; /* both hosts */
    } cases[] = {{2, 0, false},     {4, 0, false},          {6, 0, false}, {7, 2, false},
                 {65535, 0, false}, {UINT32_MAX, 0, false}, {0, 2, false}, {5, 0, false},
                 {1, 0, false},     {3, 0, false},          {1, 2, true},  {0, 0, true}};
    uint64_t hashes[6];
    for (uint32_t partition = 0; partition < 6; partition++) {
        hashes[partition] = hash_of(&used, 1, partition);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[FORGE_RECORDS_AT + FORGE_APPENDED_BYTES];
        forged_append append = {.partition = cases[i].partition, .replica = cases[i].from};
        for (int answers = 0; answers <= 1; answers++) {
            size_t size = FORGE_APPENDED_BYTES;
            if (answers) {
                forge_appended(cases[i].partition, 0, 0, cases[i].from, 1, bytes);
            } else {
                size = forge_append(&append, cases[i].from, 1, bytes);
            }
            if (cases[i].has_voices) {
                const cg_outputs *outputs = message(&used, 1, bytes, size);
                assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 0);
            } else {
                assert_ignored(&used, 1, bytes, size);
            }
        }
    }
    for (uint32_t partition = 0; partition < 8; partition++) {
        assert_int_equal(storage_done(&used, 1, cg_write_token(partition, 1))->count, 0);
        assert_int_equal(timer(&used, 1, group_timer_id(partition, 0))->count, 0);
        assert_int_equal(timer(&used, 1, group_timer_id(partition, 1))->count, 0);
    }
    assert_int_equal(storage_done(&used, 1, UINT64_MAX)->count, 0);
    assert_int_equal(timer(&used, 1, group_timer_id(65535, UINT32_MAX))->count, 0);
    for (uint32_t partition = 0; partition < 6; partition++) {
        assert_true(hash_of(&used, 1, partition) == hashes[partition]);
        uint64_t epoch = 0;
        bool is_home = partition == 1 || partition == 3;
        assert_true(cg_node_is_primary(used.nodes[1], partition, &epoch) == is_home);
    }
    free_rig(&used);
}

/* Goal: that a write of a partition that is not here is durable says nothing of one that is. */
static void test_strange_writes(void **state) {
    (void)state;
    rig used = spaces_rig(3, 2);
    uint64_t id = id_in(1, 3, 1);
    taken write = take(step(&used, 1, allocate_of(id, "w17a w17b")), CG_OUTPUT_WRITE);
    for (uint32_t partition = 0; partition < 7; partition++) {
        if (partition != 1) {
            assert_int_equal(storage_done(&used, 1, cg_write_token(partition, 1))->count, 0);
            assert_int_equal(cg_node_partition(used.nodes[1], 1).durable_sequence, 0);
        }
    }
    assert_int_equal(take_reply(storage_done(&used, 1, write.output.id)).status, CG_OK);
    free(write.bytes);
    free_rig(&used);
}

/* Goal: 16 bits of a space travel with each message that asks for work. */
static void test_space_travels(void **state) {
    (void)state;
    cg_message_about made = {.request_id = 7, .target = 9, .client = 3, .priority = 2};
    for (uint32_t space = 0; space <= UINT16_MAX; space += 13107) {
        uint8_t bytes[CG_MESSAGE_ABOUT_BYTES];
        cg_message_about read;
        cg_error error = {0};
        made.space = space;
        cg_message_about_encode(&made, bytes);
        assert_ok(cg_message_about_decode(bytes, sizeof bytes, &read, &error), error);
        assert_int_equal(read.space, space);
        assert_int_equal(read.priority, 2);
    }
}

/* --- where things are -----------------------------------------------------------------------
 */

/* Goal: each host is the primary of one partition of each space, and copies that of the host before
 * it. */
static void test_every_partition_has_its_hosts(void **state) {
    (void)state;
    for (uint32_t hosts = 1; hosts <= HOSTS_MAX; hosts++) {
        for (uint32_t spaces = 1; spaces <= 5; spaces += 2) {
            rig used = spaces_rig(hosts, spaces);
            for (uint32_t number = 0; number < hosts * spaces + 3; number++) {
                uint32_t space = number / hosts;
                uint32_t primary = (number % hosts + space) % hosts;
                assert_int_equal(cg_node_primary_of(number, hosts), primary);
                assert_int_equal(cg_node_keeper_of(number, hosts, 0), primary);
                assert_int_equal(cg_node_keeper_of(number, hosts, 1), (primary + 1) % hosts);
                for (uint32_t host = 0; host < hosts; host++) {
                    cg_partition_state it = cg_node_partition(used.nodes[host], number);
                    bool is_copy = hosts > 1 && host == (primary + 1) % hosts;
                    assert_true(it.primary == (space < spaces && host == primary));
                    assert_true(it.present == (space < spaces && (host == primary || is_copy)));
                }
            }
            free_rig(&used);
        }
    }
    assert_int_equal(cg_node_partition_number(77, 3, 4), 12 + cg_node_partition_of(77, 4));
}

/* --- what would leak ------------------------------------------------------------------------
 */

/* Goal: what is done in one space leaves the other's state as it is, and its facts are nothing to
 * the other: not to deallocate, and no recall reads them. */
static void test_facts(void **state) {
    (void)state;
    rig used = spaces_rig(1, 2);
    world around = world_of(&used);
    uint8_t bytes[8];
    const uint64_t key = 17;
    const cg_reply first = told_of(&used, &around, 0, allocate_of(1, "w17a w17b"));
    assert_int_equal(first.status, CG_OK);
    assert_int_equal(first.winner, 17);
    uint64_t hash = hash_in(&used, 0);
    cg_reply reply = told_of(&used, &around, 1, allocate_of(2, "w17a w17b"));
    assert_int_equal(reply.winner, 17);
    assert_int_equal(reply.fact_id, cg_fact_id(2));
    assert_int_equal(first.fact_id, cg_fact_id(1));
    assert_int_equal(told_of(&used, &around, 1, removal_of(3, 1)).status, CG_ERROR_NOT_FOUND);
    assert_int_equal(told_of(&used, &around, 0, removal_of(4, 2)).status, CG_ERROR_NOT_FOUND);
    assert_true(hash_in(&used, 0) == hash);
    assert_int_equal(told_of(&used, &around, 1, removal_of(5, 2)).status, CG_OK);
    assert_true(hash_in(&used, 0) == hash);
    /* One fact is below the key in the first space, none is in the second. */
    for (uint32_t space = 0; space < 2; space++) {
        cg_tier_statistics before = cg_node_statistics_of(used.nodes[0]).tiers;
        reply = told_of(&used, &around, space, recall_of(6 + space, &key, 1, 0, bytes));
        assert_int_equal(reply.count, 1);
        cg_tier_statistics after = cg_node_statistics_of(used.nodes[0]).tiers;
        uint64_t reads = 0;
        for (int level = 0; level < CG_TIER_LEVELS_MAX; level++) {
            reads += after.reads[level] - before.reads[level];
        }
        assert_int_equal(reads, 2 - space);
    }
    /* The same id again, in each space, is a request of that space. */
    assert_int_equal(told_of(&used, &around, 0, allocate_of(1, "w17a w17b")).fact_id,
                     first.fact_id);
    assert_int_equal(told_of(&used, &around, 1, allocate_of(1, "w17a w17b")).fact_id,
                     cg_fact_id(1));
    assert_int_equal(cg_node_space_statistics(used.nodes[0], 0).allocations, 1);
    assert_int_equal(cg_node_space_statistics(used.nodes[0], 1).allocations, 2);
    assert_int_equal(cg_node_space_statistics(used.nodes[0], 1).removals, 1);
    world_free(&around);
    free_rig(&used);
}

/* How many of these a space takes until it is full. */
static uint32_t fill(rig *used, world *around, uint32_t space, uint64_t first_id) {
    for (uint32_t count = 0;; count++) {
        cg_reply reply =
            told_of(used, around, space, allocate_of(first_id + count, "w17a w17b"));
        if (reply.status != CG_OK) {
            assert_int_equal(reply.status, CG_ERROR_FULL);
            return count;
        }
    }
}

/* Goal: a space that is full refuses what comes, and the others go on up to their own shares. */
static void test_quotas(void **state) {
    (void)state;
    cg_node_options options = spaces_options(1, 3);
    options.pools = (cg_pool_options){6 * 4096, 0};
    options.pool_shares[0] = 1;
    options.pool_shares[1] = 3;
    options.pool_shares[2] = 2;
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    uint32_t one = fill(&used, &around, 0, 1000);
    assert_true(one > 100); /* of 16 bytes each */
    uint64_t hash = hash_in(&used, 0);
    assert_int_equal(fill(&used, &around, 1, 10000), 3 * one);
    assert_int_equal(fill(&used, &around, 2, 20000), 2 * one);
    assert_true(hash_in(&used, 0) == hash);
    for (uint32_t space = 0; space < 3; space++) {
        cg_space_statistics it = cg_node_space_statistics(used.nodes[0], space);
        assert_int_equal(it.pools.slots_taken, options.pool_shares[space] * one);
    }
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).pools.slots_taken, 6 * one);
    world_free(&around);
    free_rig(&used);
}

/* Goal: a decision that one space remembers is none of another, and neither a lesson, nor many
 * texts, in one space drop what another remembers. */
static void test_decision_caches(void **state) {
    (void)state;
    cg_node_options options = spaces_options(1, 2);
    options.service.cache_entries = 4;
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    static const char text[] = "w17a w17b";
    assert_int_equal(told_of(&used, &around, 0, allocate_of(1, text)).cached, 0);
    assert_int_equal(told_of(&used, &around, 1, allocate_of(2, text)).cached, 0);
    assert_int_equal(told_of(&used, &around, 1, allocate_of(3, text)).cached, 1);
    cg_event lesson = allocate_of(4, "w30a w30b");
    lesson.flags = CG_REQUEST_LABELLED;
    lesson.label = 30;
    assert_int_equal(told_of(&used, &around, 1, lesson).status, CG_OK);
    assert_int_equal(told_of(&used, &around, 0, allocate_of(5, text)).cached, 1);
    for (uint32_t i = 0; i < 8; i++) {
        char other[32];
        snprintf(other, sizeof other, "w%ua w%ub", 40 + i, 40 + i);
        assert_int_equal(told_of(&used, &around, 1, allocate_of(10 + i, other)).status, CG_OK);
    }
    assert_int_equal(told_of(&used, &around, 0, allocate_of(30, text)).cached, 1);
    assert_int_equal(cg_node_space_statistics(used.nodes[0], 0).cache.capacity, 2);
    assert_int_equal(cg_node_space_statistics(used.nodes[0], 0).cache.hits, 2);
    assert_int_equal(cg_node_space_statistics(used.nodes[0], 1).cache.hits, 1);
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).cache.hits, 3);
    world_free(&around);
    free_rig(&used);
}

/* Goal: a word that one space has read is unknown in another, and its document frequencies, on
 * which vectors depend, stay what they were. */
static void test_vocabularies(void **state) {
    (void)state;
    rig used = spaces_rig(1, 2);
    world around = world_of(&used);
    uint64_t version = cg_node_vocabulary_version(used.nodes[0], 1);
    assert_int_equal(
        told_of(&used, &around, 0, allocate_of(1, "xylograph, of w17a w17b")).status, CG_OK);
    assert_true(cg_node_vocabulary_version(used.nodes[0], 0) != version);
    assert_true(cg_node_vocabulary_version(used.nodes[0], 1) == version);
    used.now_ns += MS;
    assert_refused(&used, 0, in_space(1, allocate_of(2, "xylograph")), CG_ERROR_INVALID,
                   "the graph knows none of the text's words");
    assert_int_equal(told_of(&used, &around, 0, allocate_of(3, "xylograph")).status, CG_OK);
    world_free(&around);
    free_rig(&used);
}

/* A text about concept 17 of more than 1,000 bytes and 64 words, which count as rich. */
static void rich_text(char text[2048]) {
    int used = snprintf(text, 2048, "w17a w17b");
    for (int i = 0; i < 80; i++) {
        used += snprintf(text + used, 2048 - (size_t)used, " richness%04d", i);
    }
}

/* Goal: where a fact lies in its pool does not depend on what another space has brought into the memory
 * tiers, though those are shared. A rich fact goes where most is free unless its target, in the
 * first tier, says that it will be read at once. */
static void test_slots(void **state) {
    (void)state;
    cg_pool_place places[2];
    char text[2048];
    rich_text(text);
    for (uint32_t busy = 0; busy < 2; busy++) {
        cg_node_options options = spaces_options(1, 2);
        options.tiers[0].capacity = 4;
        options.tiers[1].capacity = 8;
        options.service.cache_entries = 8;
        rig used = make_rig_with(1, &options);
        world around = world_of(&used);
        for (uint32_t i = 0; i < 60; i++) { /* three a block */
            cg_reply reply = told_of(&used, &around, 0, allocate_of(10 + i, text));
            assert_int_equal(reply.winner, 17);
        }
        static const uint64_t holes[] = {10, 11,
                                         17}; /* two in the first block, one in the last */
        for (uint32_t i = 0; i < 3; i++) {
            cg_event removal = removal_of(90 + i, holes[i]);
            assert_int_equal(told_of(&used, &around, 0, removal).status, CG_OK);
        }
        uint8_t bytes[8];
        for (uint64_t key = 100; key < 120; key++) { /* nothing else is in the tiers */
            (void)told_of(&used, &around, 0, recall_of(key, &key, 1, 0, bytes));
        }
        const uint64_t target = 17;
        for (uint64_t i = 0; busy && i < 5; i++) {
            (void)told_of(&used, &around, 1, recall_of(200 + i, &target, 1, 0, bytes));
        }
        uint64_t key = cg_node_tier_key(used.nodes[0], 0, 17);
        assert_true((cg_tiers_where(used.nodes[0]->tiers, key, 0) == 0) == (busy == 1));
        cg_event event = allocate_of(300, text);
        event.priority = CG_PRIORITY_URGENT;
        cg_reply reply = told_of(&used, &around, 0, event);
        assert_int_equal(reply.cached, 1); /* so it reads nothing by itself */
        assert_true(cg_pools_place(used.nodes[0]->spaces[0].holdings[0].partition.pools,
                                   reply.slot, &places[busy]));
        world_free(&around);
        free_rig(&used);
    }
    assert_int_equal(places[0].block, places[1].block);
    assert_int_equal(places[0].position, places[1].position);
}

/* Goal: concepts of the corpus are in the tiers once for all spaces, facts never for another. */
static void test_tier_keys(void **state) {
    (void)state;
    rig used = spaces_rig(3, 4);
    for (uint32_t one = 0; one < 4; one++) {
        for (uint32_t two = 0; two < one; two++) {
            for (uint32_t i = 0; i < 2; i++) { /* at home, and as a replica */
                const cg_node *node = used.nodes[1];
                uint32_t left = node->spaces[one].holdings[i].number;
                uint32_t right = node->spaces[two].holdings[i].number;
                assert_true(cg_node_tier_key(node, left, 17) ==
                            cg_node_tier_key(node, right, 17));
                for (uint32_t row = SUPPORT_CONCEPTS; row < SUPPORT_CONCEPTS + 3; row++) {
                    assert_true(cg_node_tier_key(node, left, row) !=
                                cg_node_tier_key(node, right, row));
                }
            }
        }
    }
    free_rig(&used);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_forged_work),
        cmocka_unit_test(test_forged_partitions),
        cmocka_unit_test(test_space_travels),
        cmocka_unit_test(test_every_partition_has_its_hosts),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_decision_caches),
        cmocka_unit_test(test_vocabularies),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_tier_keys),
        cmocka_unit_test(test_strange_writes),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
