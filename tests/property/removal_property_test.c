/* Goal: over random programs of additions and removals, a replica that applies the primary's log
 * has the primary's hash at every sequence, and so has a partition recovered from the bytes of a
 * log; a partition from which facts were removed decides as one to which they never were added; a
 * removed fact is never named by a decision; and when all are removed all slots are back. (B4)
 */
#include "engine/replica/journal.h"
#include "tests/support/removal.h"

enum { PROBES = 40 };

static plan drawn;
static cg_partition primary;
static cg_partition copy;
static cg_partition oracle;
static cg_cascade_scratch *scratch;

static void start(uint64_t seed, uint64_t round) {
    drawn.stream = cg_stream_init(seed, "test.removal", round);
    drawn.count = 0;
    drawn.live = 0;
    drawn.requests = 0;
    make_partition(&primary, 3);
}

/* Phases of growing and shrinking, so that lists and blocks pass their borders both ways. */
static void run_step(uint32_t step, uint32_t phase) {
    uint64_t chance = step / phase % 2 == 0 ? 1 : 6;
    if (cg_stream_next_below(&drawn.stream, 8) >= chance || !remove_next(&drawn, &primary)) {
        add_next(&drawn, &primary);
    }
}

static void test_replica_and_recovery(void **state) {
    (void)state;
    uint64_t seed = support_seed(71);
    for (uint32_t round = 0; round < 4; round++) {
        start(seed, round);
        make_partition(&copy, 3);
        for (uint32_t step = 0; step < 500; step++) {
            run_step(step, 60);
            follow(&copy, &primary);
            assert_int_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
            assert_int_equal(cg_partition_live_facts(&primary), drawn.live);
        }
        cg_partition_deinit(&copy);

        size_t size_bytes = 0; /* the log as a journal keeps it, with a torn tail */
        size_t image_bytes = 0;
        for (uint64_t sequence = 1; sequence <= cg_log_last(primary.log); sequence++) {
            (void)cg_log_bytes(primary.log, sequence, &size_bytes);
            image_bytes += cg_frame_bytes(size_bytes);
        }
        uint8_t *image = malloc(image_bytes + 9);
        assert_non_null(image);
        size_t at = 0;
        for (uint64_t sequence = 1; sequence <= cg_log_last(primary.log); sequence++) {
            const uint8_t *bytes = cg_log_bytes(primary.log, sequence, &size_bytes);
            memcpy(image + at + CG_FRAME_HEAD_BYTES, bytes, size_bytes);
            cg_frame_seal(CG_FRAME_RECORD, 3, size_bytes, image + at);
            at += cg_frame_bytes(size_bytes);
        }
        memcpy(image + at, image, 9);
        make_partition(&copy, 3);
        static cg_log_buffers buffers;
        cg_frame frame;
        at = 0;
        while (cg_frame_next(image, image_bytes + 9, &at, &frame)) {
            cg_log_record record;
            cg_error error = {0};
            assert_ok(cg_log_record_decode(frame.payload, frame.payload_bytes, &buffers,
                                           &record, &size_bytes, &error),
                      error);
            assert_int_equal(size_bytes, frame.payload_bytes);
            assert_ok(cg_partition_apply(&copy, &record,
                                         (cg_encoded_record){frame.payload, size_bytes}, NULL,
                                         NULL, &error),
                      error);
        }
        assert_int_equal(at, image_bytes);
        assert_false(cg_journal_resume(image, image_bytes + 9, &at));
        free(image);
        assert_int_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
        cg_partition_deinit(&copy);
        cg_partition_deinit(&primary);
    }
}

/* The oracle, and where the rows of the one are in the other. */
static uint32_t row_in_oracle[SUPPORT_CONCEPTS + PLAN_FACTS_MAX];

static void make_oracle(void) {
    make_partition(&oracle, 3);
    for (uint32_t row = 0; row < SUPPORT_CONCEPTS; row++) {
        row_in_oracle[row] = row;
    }
    for (uint32_t i = 0; i < drawn.count; i++) {
        const planned_fact *fact = &drawn.facts[i];
        uint32_t row = row_of_fact(&primary, fact);
        assert_int_equal(row, SUPPORT_CONCEPTS + i);
        row_in_oracle[row] = UINT32_MAX;
        assert_int_equal(cg_partition_is_removed(&primary, row), fact->removed);
        if (fact->removed) {
            continue;
        }
        uint32_t target = fact->below == NO_FACT
                              ? fact->corpus_row
                              : row_in_oracle[SUPPORT_CONCEPTS + (uint32_t)fact->below];
        cg_error error = {0};
        row_in_oracle[row] = cg_graph_concept_count(oracle.graph);
        assert_ok(apply_fact_at(&oracle, fact, target, &error), error);
    }
}

/* A decision speaks of live concepts alone, wherever it speaks of concepts. */
static void check_live(const cg_decision *made) {
    for (uint32_t i = 0; i < made->alternative_count; i++) {
        assert_false(cg_partition_is_removed(&primary, made->alternatives[i]));
    }
    for (uint32_t i = 0; i < made->path_length; i++) {
        assert_false(cg_partition_is_removed(&primary, made->path[i]));
    }
}

static void check_same(const cg_decision *made, const cg_decision *expected) {
    check_live(made);
    assert_int_equal(row_in_oracle[made->winner], expected->winner);
    assert_int_equal(made->alternative_count, expected->alternative_count);
    for (uint32_t i = 0; i < made->alternative_count; i++) {
        assert_int_equal(row_in_oracle[made->alternatives[i]], expected->alternatives[i]);
    }
    assert_int_equal(made->path_length, expected->path_length);
    for (uint32_t i = 0; i < made->path_length; i++) {
        assert_int_equal(row_in_oracle[made->path[i]], expected->path[i]);
    }
    assert_memory_equal(made->votes, expected->votes, sizeof made->votes);
    assert_memory_equal(made->stage_in, expected->stage_in, sizeof made->stage_in);
    assert_memory_equal(made->stage_out, expected->stage_out, sizeof made->stage_out);
    assert_true(made->confidence >= expected->confidence &&
                made->confidence <= expected->confidence);
    assert_int_equal(made->winning_column, expected->winning_column);
    assert_int_equal(made->winner_spike_ticks, expected->winner_spike_ticks);
    assert_int_equal(made->strategy, expected->strategy);
}

/* Texts of facts that are there, that were removed, and new ones. */
static uint32_t probe_text(char text[SUPPORT_TEXT_BYTES]) {
    if (drawn.count == 0 || cg_stream_next_below(&drawn.stream, 3) == 0) {
        return plan_text(&drawn.stream, text);
    }
    uint32_t at = (uint32_t)cg_stream_next_below(&drawn.stream, drawn.count);
    memcpy(text, drawn.facts[at].text, SUPPORT_TEXT_BYTES);
    return drawn.facts[at].text_bytes;
}

/* Goal: exactly so, as long as the search of the partition's index is exhaustive, which it is for
 * 64 rows of its graph or fewer; and the exhaustive strategy always. */
static void test_as_if_never_added(void **state) {
    (void)state;
    uint64_t seed = support_seed(72);
    uint32_t compared = 0;
    for (uint32_t round = 0; round < 60; round++) {
        start(seed, 100 + round);
        uint32_t steps = 1 + (uint32_t)cg_stream_next_below(&drawn.stream, 200);
        for (uint32_t step = 0; step < steps; step++) {
            run_step(step, 1 + round % 50);
        }
        make_oracle();
        bool exhaustive = cg_index_rows_in_use(primary.index) <= 64;
        for (uint32_t i = 0; i < PROBES; i++) {
            char text[SUPPORT_TEXT_BYTES];
            uint32_t bytes = probe_text(text);
            uint64_t now_ns = plan_start_ns + drawn.requests * UINT64_C(50000000);
            for (int strategy = CG_STRATEGY_AUTO; strategy < CG_STRATEGY_COUNT; strategy++) {
                if (strategy == CG_STRATEGY_HIERARCHICAL && !exhaustive) {
                    continue;
                }
                cg_decision made =
                    decide_in(&primary, (cg_strategy)strategy, text, bytes, now_ns, scratch);
                cg_decision expected =
                    decide_in(&oracle, (cg_strategy)strategy, text, bytes, now_ns, scratch);
                check_same(&made, &expected);
                compared++;
            }
        }
        assert_int_equal(cg_pools_statistics(primary.pools).slots_taken, drawn.live);
        assert_int_equal(cg_pools_statistics(primary.pools).requested_bytes,
                         cg_pools_statistics(oracle.pools).requested_bytes);
        assert_int_equal(cg_graph_edge_count(primary.graph), cg_graph_edge_count(oracle.graph));
        assert_int_equal(cg_index_count(primary.index), cg_index_count(oracle.index));
        cg_partition_deinit(&oracle);
        cg_partition_deinit(&primary);
    }
    assert_true(compared > 5000);
}

/* Goal: beyond that, where the graph of links is another one, winners are equal in 99 of 100. */
static void test_beyond_exhaustive_search(void **state) {
    (void)state;
    uint64_t seed = support_seed(73);
    start(seed, 1000);
    for (uint32_t step = 0; step < 3500; step++) {
        run_step(step, 700);
    }
    make_oracle();
    assert_true(drawn.live > 500 && cg_index_rows_in_use(primary.index) > 500);
    uint32_t equal = 0;
    uint32_t alternatives = 0;
    enum { COUNT = 1000 };
    for (uint32_t i = 0; i < COUNT; i++) {
        char text[SUPPORT_TEXT_BYTES];
        uint32_t bytes = probe_text(text);
        uint64_t now_ns = plan_start_ns + drawn.requests * UINT64_C(50000000);
        cg_decision made =
            decide_in(&primary, CG_STRATEGY_HIERARCHICAL, text, bytes, now_ns, scratch);
        cg_decision expected =
            decide_in(&oracle, CG_STRATEGY_HIERARCHICAL, text, bytes, now_ns, scratch);
        check_live(&made);
        equal += row_in_oracle[made.winner] == expected.winner;
        bool all = made.alternative_count == expected.alternative_count;
        for (uint32_t k = 0; all && k < made.alternative_count; k++) {
            all = row_in_oracle[made.alternatives[k]] == expected.alternatives[k];
        }
        alternatives += all;
    }
    print_message("winners equal in %u of %u, all alternatives in %u\n", equal, (unsigned)COUNT,
                  alternatives);
    assert_true(equal >= COUNT - COUNT / 100);
    cg_partition_deinit(&oracle);
    cg_partition_deinit(&primary);
}

/* Goal: when all are removed, again and again, nothing is left but rows; and memory does not grow
 * but by them. */
static void test_all_removed(void **state) {
    (void)state;
    uint64_t seed = support_seed(74);
    start(seed, 2000);
    make_partition(&oracle, 3);
    uint64_t empty_blocks = cg_pools_statistics(oracle.pools).block_bytes;
    uint64_t lexicon = cg_lexicon_hash(oracle.lexicon);
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            add_next(&drawn, &primary);
        }
        while (remove_next(&drawn, &primary)) {
        }
        assert_int_equal(drawn.live, 0);
        assert_int_equal(cg_partition_live_facts(&primary), 0);
        cg_pool_statistics pools = cg_pools_statistics(primary.pools);
        assert_int_equal(pools.slots_taken, 0);
        assert_int_equal(pools.requested_bytes, 0);
        assert_int_equal(pools.slot_bytes, 0);
        assert_true(pools.block_bytes >= empty_blocks);
        assert_int_equal(cg_graph_edge_count(primary.graph), cg_graph_edge_count(corpus.graph));
        assert_int_equal(cg_index_count(primary.index), 0);
        assert_int_equal(cg_lexicon_hash(primary.lexicon), lexicon);
        assert_int_equal(primary.recent.count, 0);
        for (uint32_t feature = 0; feature < 1u << 12; feature++) {
            assert_int_equal(cg_features_frequency(primary.features, feature),
                             cg_features_frequency(corpus.features, feature));
        }
        for (uint64_t sequence = 0; sequence <= cg_log_last(primary.log) + 1; sequence++) {
            assert_true(cg_partition_slot(&primary, sequence) == CG_SLOT_NONE);
        }
    }
    cg_partition_deinit(&oracle);
    cg_partition_deinit(&primary);
}

static int set_up(void **state) {
    cg_error error = {0};
    return corpus_set_up(state) != 0 ||
           cg_cascade_scratch_alloc(cg_allocator_heap(), &scratch, &error) != CG_OK;
}

static int tear_down(void **state) {
    cg_cascade_scratch_free(scratch);
    return corpus_tear_down(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replica_and_recovery),
        cmocka_unit_test(test_as_if_never_added),
        cmocka_unit_test(test_beyond_exhaustive_search),
        cmocka_unit_test(test_all_removed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
