/* Goal: S spaces in one cluster answer as S clusters do that have one space each.
 *
 * Programs of random requests of all kinds, in random spaces, many of them about what another space
 * holds, run in one cluster; the oracle is a cluster for each space that sees only that space's
 * requests, at the same times. Request by request the status, the whole decision, the count, the
 * slot, the number of records read and the fact's id (but for the number of its partition) are
 * the same; at the end so are the indexes, lexicons, pools, frequencies and what was learned, and
 * each replica equals its primary.
 */
#include "tests/support/service.h"

enum { SPACES_MAX = 4, REQUESTS = 90, RUNS = 24, TEXTS = 4 };

typedef struct run {
    cg_stream stream;
    uint32_t hosts;
    uint32_t spaces;
    rig all;
    world around_all;
    rig alone[SPACES_MAX];
    world around_alone[SPACES_MAX];
    uint32_t by_status[CG_STATUS_COUNT];
    uint32_t cached;
} run;

static uint64_t below(run *self, uint64_t n) {
    return cg_stream_next_below(&self->stream, n);
}

/* Host h of the cluster does for space s what host h - s of that space's own one does. */
static uint32_t host_alone(const run *self, uint32_t space, uint32_t host) {
    return (host + self->hosts - space % self->hosts) % self->hosts;
}

static void make_clusters(run *self) {
    cg_node_options options = options_for(self->hosts, 0);
    options.spaces = self->spaces;
    options.acknowledge = below(self, 2) ? CG_ACKNOWLEDGE_ALL : CG_ACKNOWLEDGE_PRIMARY;
    options.service.cache_entries = 8 * self->spaces;
    /* Not chosen by what the tiers hold, which are shared: node_space_test.c. */
    options.service.placement = CG_PLACEMENT_BALANCED;
    options.tiers[0].capacity = 16;
    options.tiers[1].capacity = 64;
    if (below(self, 2)) { /* a block each: spaces get full */
        options.pools = (cg_pool_options){CG_POOL_USUAL_BYTES * self->spaces, 0};
    }
    self->all = make_rig_with(self->hosts, &options);
    self->around_all = world_of(&self->all);
    options.pools.quota_bytes /= self->spaces;
    options.pools.shared_quota_bytes /= self->spaces;
    options.service.cache_entries = 8;
    options.spaces = 1;
    for (uint32_t space = 0; space < self->spaces; space++) {
        self->alone[space] = make_rig_with(self->hosts, &options);
        self->around_alone[space] = world_of(&self->alone[space]);
    }
}

static void free_clusters(run *self) {
    world_free(&self->around_all);
    free_rig(&self->all);
    for (uint32_t space = 0; space < self->spaces; space++) {
        world_free(&self->around_alone[space]);
        free_rig(&self->alone[space]);
    }
}

/* Texts come again, in all spaces, each with words of its own. */
static uint32_t draw_text(run *self, char text[SUPPORT_TEXT_BYTES]) {
    cg_stream stream = cg_stream_init(below(self, TEXTS), "space.text", 0);
    return support_fact_text(below(self, 4) ? &stream : &self->stream, text);
}

static cg_event draw_request(run *self, uint64_t id, uint8_t *bytes, size_t capacity) {
    char text[3][SUPPORT_TEXT_BYTES];
    const char *const texts[] = {text[0], text[1], text[2]};
    const uint64_t keys[] = {below(self, SUPPORT_CONCEPTS), below(self, SUPPORT_CONCEPTS)};
    for (int i = 0; i < 3; i++) {
        text[i][draw_text(self, text[i])] = '\0';
    }
    cg_event event;
    switch (below(self, 8)) {
    case 0:
    case 1:
        return removal_of(id, below(self, id) + 1);
    case 2:
        return batch_of(id, bytes, batch_bytes(texts, 3, bytes, capacity));
    case 3:
    case 4:
        return recall_of(id, keys, 2, (uint32_t)below(self, 3), bytes);
    default:
        memcpy(bytes, text[0], sizeof text[0]);
        event = allocate_of(id, (const char *)bytes);
        event.flags = below(self, 4) == 0 ? CG_REQUEST_AUDIT : 0;
        if (below(self, 10) == 0) {
            event.flags |= CG_REQUEST_LABELLED;
            event.label = (uint32_t)below(self, SUPPORT_CONCEPTS);
        }
        return event;
    }
}

static uint64_t reads_of(const rig *used) {
    uint64_t reads = 0;
    for (uint32_t host = 0; host < used->hosts; host++) {
        cg_tier_statistics tiers = cg_node_statistics_of(used->nodes[host]).tiers;
        for (int level = 0; level < CG_TIER_LEVELS_MAX; level++) {
            reads += tiers.reads[level];
        }
    }
    return reads;
}

/* One request and all that comes of it; the records that were read for it. */
static cg_reply ask(world *around, uint32_t host, cg_event event, uint64_t at_ns,
                    uint64_t *reads) {
    uint64_t before = reads_of(around->nodes);
    around->nodes->now_ns = at_ns;
    cg_reply reply = world_reply(around, host, event);
    *reads = reads_of(around->nodes) - before;
    return reply;
}

/* The reply of the cluster of all, as the space's own one would put it. */
static cg_reply as_alone(const run *self, uint32_t space, cg_reply reply) {
    reply.host = host_alone(self, space, reply.host);
    return reply;
}

static void assert_same_reply(const cg_reply *one, const cg_reply *two) {
    assert_int_equal(one->request_id, two->request_id);
    assert_int_equal(one->status, two->status);
    assert_int_equal(one->host, two->host);
    assert_int_equal(one->tries, two->tries);
    assert_true(one->fact_id == two->fact_id);
    assert_true(one->slot == two->slot);
    assert_int_equal(one->winner, two->winner);
    assert_int_equal(one->alternative_count, two->alternative_count);
    assert_memory_equal(one->alternatives, two->alternatives,
                        one->alternative_count * sizeof *one->alternatives);
    if (one->winner < SUPPORT_CONCEPTS) { /* else a fact's id is part of it */
        assert_true(one->pathway_id == two->pathway_id);
    }
    assert_memory_equal(one->votes_q16, two->votes_q16, sizeof one->votes_q16);
    assert_int_equal(one->confidence_q16, two->confidence_q16);
    assert_memory_equal(one->stage_in, two->stage_in, sizeof one->stage_in);
    assert_memory_equal(one->stage_out, two->stage_out, sizeof one->stage_out);
    assert_int_equal(one->strategy, two->strategy);
    assert_int_equal(one->winning_column, two->winning_column);
    assert_int_equal(one->audited, two->audited);
    assert_int_equal(one->agreed, two->agreed);
    assert_int_equal(one->cached, two->cached);
    assert_int_equal(one->count, two->count);
}

static void run_requests(run *self) {
    static uint8_t bytes[4 * SUPPORT_TEXT_BYTES];
    uint64_t id = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        bool again = id > 0 && below(self, 12) == 0; /* an id that came, wherever it came */
        cg_event event =
            draw_request(self, again ? below(self, id) + 1 : ++id, bytes, sizeof bytes);
        uint32_t host = (uint32_t)below(self, self->hosts);
        uint32_t space = (uint32_t)below(self, self->spaces);
        uint64_t at_ns = (i + 1) * 10000 * MS;
        uint64_t reads = 0;
        uint64_t expected_reads = 0;
        cg_reply expected = ask(&self->around_alone[space], host_alone(self, space, host),
                                event, at_ns, &expected_reads);
        event.space = space;
        cg_reply reply =
            as_alone(self, space, ask(&self->around_all, host, event, at_ns, &reads));
        assert_same_reply(&reply, &expected);
        assert_int_equal(reads, expected_reads);
        self->by_status[reply.status]++;
        self->cached += reply.cached;
    }
}

static void assert_same_partition(const cg_partition *one, const cg_partition *two) {
    assert_int_equal(cg_log_last(one->log), cg_log_last(two->log));
    assert_int_equal(cg_partition_live_facts(one), cg_partition_live_facts(two));
    assert_true(cg_index_hash(one->index) == cg_index_hash(two->index));
    assert_true(cg_lexicon_hash(one->lexicon) == cg_lexicon_hash(two->lexicon));
    assert_true(cg_learned_hash(&one->learned) == cg_learned_hash(&two->learned));
    assert_true(cg_pools_hash(one->pools) == cg_pools_hash(two->pools));
    assert_int_equal(one->recent.count, two->recent.count);
    assert_memory_equal(one->recent.rows, two->recent.rows, sizeof one->recent.rows);
}

static void assert_same_ends(const run *self) {
    for (uint32_t space = 0; space < self->spaces; space++) {
        for (uint32_t host = 0; host < self->hosts; host++) {
            const cg_node *node = self->all.nodes[host];
            const cg_node *other = self->alone[space].nodes[host_alone(self, space, host)];
            const cg_space *one = &node->spaces[space];
            const cg_space *two = &other->spaces[0];
            assert_true(cg_node_idle(node) && cg_node_idle(other));
            assert_int_equal(one->holding_count, self->hosts > 1 ? 2 : 1);
            assert_int_equal(two->holding_count, one->holding_count);
            for (uint32_t i = 0; i < one->holding_count; i++) {
                const cg_holding *here = &one->holdings[i];
                const cg_holding *there = &two->holdings[i];
                assert_same_partition(&here->partition, &there->partition);
                assert_int_equal(here->number, space * self->hosts + there->number);
                assert_int_equal(cg_group_durable_sequence(here->group),
                                 cg_group_durable_sequence(there->group));
                assert_int_equal(cg_group_durable_sequence(here->group),
                                 cg_log_last(here->partition.log));
            }
            assert_true(cg_node_vocabulary_version(node, space) ==
                        cg_node_vocabulary_version(other, 0));
            assert_int_equal(one->allocations, other->statistics.allocations);
            assert_int_equal(one->removals, other->statistics.removals);
        }
    }
    for (uint32_t number = 0; self->hosts > 1 && number < self->hosts * self->spaces;
         number++) {
        uint32_t primary = cg_node_primary_of(number, self->hosts);
        assert_true(hash_of(&self->all, primary, number) ==
                    hash_of(&self->all, (primary + 1) % self->hosts, number));
    }
}

static void test_spaces_are_clusters_of_their_own(void **state) {
    (void)state;
    uint64_t first = support_seed(1);
    uint32_t by_status[CG_STATUS_COUNT] = {0};
    uint32_t cached = 0;
    for (uint64_t seed = first; seed < first + RUNS; seed++) {
        run self = {.stream = cg_stream_init(seed, "space.property", 0)};
        self.hosts = 1 + (uint32_t)below(&self, 3);
        self.spaces = 1 + (uint32_t)below(&self, SPACES_MAX);
        make_clusters(&self);
        run_requests(&self);
        assert_same_ends(&self);
        free_clusters(&self);
        cached += self.cached;
        for (int status = 0; status < CG_STATUS_COUNT; status++) {
            by_status[status] += self.by_status[status];
        }
    }
    print_message("%u OK, %u not found, %u full, %u in part, %u cached\n", by_status[CG_OK],
                  by_status[CG_ERROR_NOT_FOUND], by_status[CG_ERROR_FULL],
                  by_status[CG_ERROR_PARTIAL], cached);
    /* All of it was really there. */
    assert_true(by_status[CG_OK] > 500 && by_status[CG_ERROR_NOT_FOUND] > 100);
    assert_true(by_status[CG_ERROR_FULL] + by_status[CG_ERROR_PARTIAL] > 20);
    assert_true(cached > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spaces_are_clusters_of_their_own),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
