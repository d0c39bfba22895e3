/* Goal: the group's known values and bounds: options that are refused, messages that are refused and
 * change nothing, the time of a fail-over, a union of two long halves, and memory that runs out. */
#include "tests/support/group_checks.h"

static void act_nothing(world *w, uint64_t action) {
    (void)w;
    (void)action;
}

static cg_group_options options_of(uint32_t voters, cg_acknowledge acknowledge) {
    cg_group_options options = cg_group_options_default();
    options.number = 3;
    options.voter_count = voters;
    options.acknowledge = acknowledge;
    return options;
}

static void begin(world *w, const cg_group_options *options, uint64_t seed) {
    world_init(w, options, seed);
    w->act = act_nothing;
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        world_start(w, &w->hosts[h]);
    }
    world_run(w, WORLD_S);
}

static void assert_sound(const world *w) {
    if (w->has_failed) {
        fail_msg("%s", w->failure);
    }
}

static void bad_options_are_refused(void **state) {
    (void)state;
    static world w;
    cg_group_options options = options_of(3, CG_ACKNOWLEDGE_QUORUM);
    world_init(&w, &options, 1);
    cg_port port = {world_send, world_timer, &w.hosts[0]};
    cg_group_machine machine = {.context = &w.hosts[0]};
    cg_group *group = NULL;
    cg_error error;
    options = w.options;
    options.voters[1] = 0;
    assert_status(cg_group_alloc(&options, &port, &machine, w.allocator, &group, &error),
                  CG_ERROR_INVALID, error, "two voices");
    options = w.options;
    options.host = 9;
    assert_status(cg_group_alloc(&options, &port, &machine, w.allocator, &group, &error),
                  CG_ERROR_INVALID, error, "host 9 is none");
    options = w.options;
    options.voter_count = 4;
    assert_status(cg_group_alloc(&options, &port, &machine, w.allocator, &group, &error),
                  CG_ERROR_INVALID, error, "4 voters");
    options = w.options;
    options.voter_count = 2;
    options.has_witness = true;
    assert_status(cg_group_alloc(&options, &port, &machine, w.allocator, &group, &error),
                  CG_ERROR_INVALID, error, "witness");
    options = w.options;
    options.election_ns = options.heartbeat_ns;
    assert_status(cg_group_alloc(&options, &port, &machine, w.allocator, &group, &error),
                  CG_ERROR_INVALID, error, "longer than a heartbeat");
    assert_null(group);
    world_deinit(&w);
}

static int order(const void *left, const void *right) {
    uint64_t one = *(const uint64_t *)left;
    uint64_t other = *(const uint64_t *)right;
    return (one > other) - (one < other);
}

/* group.h: at most 2 election_ns + 4 latencies + the disk's time (here 2 latencies and 3 ms), unless votes
 * are split: of 200, those that are not. */
static void failing_over_takes_as_long_as_stated(void **state) {
    (void)state;
    enum { RUNS = 200 };
    static world w;
    uint64_t times[RUNS];
    uint32_t late = 0;
    for (uint32_t run = 0; run < RUNS; ++run) {
        cg_group_options options = options_of(3, CG_ACKNOWLEDGE_QUORUM);
        begin(&w, &options, run + 1);
        world_run(&w, w.now_ns + run * 7 * WORLD_MS);
        world_crash(&w, &w.hosts[0]);
        uint64_t died = w.now_ns;
        while (!world_primary(&w) && w.now_ns < died + 20 * WORLD_S) {
            world_run(&w, w.now_ns + WORLD_MS);
        }
        times[run] = w.now_ns - died;
        late += times[run] > 2 * options.election_ns + 4 * 2 * WORLD_MS + 8 * WORLD_MS;
        assert_sound(&w);
        world_deinit(&w);
    }
    qsort(times, RUNS, sizeof *times, order);
    (void)fprintf(stderr, "fail-over: median %.3f s, most %.3f s, %u of %d by split votes\n",
                  (double)times[RUNS / 2] / (double)WORLD_S,
                  (double)times[RUNS - 1] / (double)WORLD_S, late, RUNS);
    assert_true(late <= RUNS / 20);
    assert_true(times[RUNS - 1] < 8 * WORLD_S);
}

/* Both sides of a split write 3,000 records each; then they meet. */
static void long_halves_are_united(void **state) {
    (void)state;
    enum { EACH = 3000 };
    static world w;
    cg_group_options options = options_of(2, CG_ACKNOWLEDGE_PRIMARY);
    begin(&w, &options, 5);
    w.is_blocked[0][1] = w.is_blocked[1][0] = true;
    world_run(&w, w.now_ns + 10 * WORLD_S);
    assert_true(world_serves(&w.hosts[0]) && world_serves(&w.hosts[1]));
    for (uint32_t i = 0; i < EACH; ++i) {
        world_ask(&w, &w.hosts[0]);
        world_ask(&w, &w.hosts[1]);
    }
    world_run(&w, w.now_ns + 30 * WORLD_S);
    memset(w.is_blocked, 0, sizeof w.is_blocked);
    uint64_t healed = w.now_ns;
    uint64_t sent = w.counts.messages;
    while (!world_is_level(&w) && w.now_ns < healed + 20 * WORLD_S && !w.has_failed) {
        world_run(&w, w.now_ns + 10 * WORLD_MS);
    }
    (void)fprintf(stderr, "union of 2 times %d records: %.3f s, %llu messages\n", EACH,
                  (double)(w.now_ns - healed) / (double)WORLD_S,
                  (unsigned long long)(w.counts.messages - sent));
    check_end(&w);
    assert_sound(&w);
    const world_host *primary = world_primary(&w);
    assert_ptr_equal(primary, &w.hosts[1]); /* of the later epoch */
    cg_group_statistics s = cg_group_statistics_of(primary->group);
    assert_int_equal(s.unions, 1);
    assert_int_equal(s.records_united, EACH);
    assert_int_equal(w.counts.acked, 2 * EACH);
    assert_true(w.now_ns - healed < 5 * WORLD_S);
    world_deinit(&w);
}

/* Every message of a short run, cut anywhere, with a byte altered or appended: refused, or heeded; but a
 * refused one has changed nothing. */
static void what_is_no_message_is_refused(void **state) {
    (void)state;
    static world w;
    cg_group_options options = options_of(3, CG_ACKNOWLEDGE_QUORUM);
    begin(&w, &options, 9);
    world_ask(&w, &w.hosts[0]);
    cg_heap_entry entry;
    cg_error error;
    uint64_t tried = 0;
    while (cg_heap_pop(&w.heap, &entry)) {
        world_event *event = entry.payload;
        cg_group *group = w.hosts[event->host].group;
        for (size_t cut = 0; event->kind == WORLD_MESSAGE && cut < event->size_bytes; ++cut) {
            uint64_t before = cg_group_hash(group);
            cg_status status = cg_group_receive(group, event->from, event->type, event->bytes,
                                                cut, w.now_ns, &error);
            assert_int_equal(status, CG_ERROR_CORRUPT);
            status = cg_group_receive(group, 17, event->type, event->bytes, event->size_bytes,
                                      w.now_ns, &error);
            assert_status(status, CG_ERROR_CORRUPT, error, "no other voter");
            status = cg_group_receive(group, event->from, CG_GROUP_MESSAGE_COUNT, event->bytes,
                                      event->size_bytes, w.now_ns, &error);
            assert_status(status, CG_ERROR_CORRUPT, error, "of type 7");
            assert_true(before == cg_group_hash(group));
            tried++;
        }
        free(event->bytes);
        free(event);
    }
    assert_true(tried > 100);
    world_deinit(&w);
}

/* The n-th allocation of a group fails, for each n: its host dies, and all else goes on. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    static world w;
    uint64_t died = 0;
    for (uint64_t n = 1; n <= 60; ++n) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_group_options options =
            options_of(3, n % 2 ? CG_ACKNOWLEDGE_PRIMARY : CG_ACKNOWLEDGE_QUORUM);
        world_init(&w, &options, n);
        w.act = act_nothing;
        w.allocator = cg_counting_allocator_view(&counting);
        w.tolerates_memory = true;
        counting.fail_at = n;
        for (uint32_t h = 0; h < 3; ++h) {
            world_start(&w, &w.hosts[h]);
        }
        for (uint32_t round = 0; round < 6; ++round) {
            world_run(&w, w.now_ns + 2 * WORLD_S);
            w.is_blocked[0][1] = w.is_blocked[1][0] = round == 1;
            w.is_blocked[0][2] = w.is_blocked[2][0] = round == 1;
            for (uint32_t h = 0; h < 3 && round < 4; ++h) {
                for (uint32_t i = 0; i < 20 && world_serves(&w.hosts[h]); ++i) {
                    world_ask(&w, &w.hosts[h]);
                }
            }
            for (uint32_t h = 0; h < 3; ++h) {
                died += !w.hosts[h].is_up;
                if (!w.hosts[h].is_up) {
                    world_restart(&w, &w.hosts[h]);
                }
            }
        }
        world_run(&w, w.now_ns + 10 * WORLD_S);
        check_end(&w);
        assert_sound(&w);
        world_deinit(&w);
        assert_int_equal(counting.live_blocks, 0);
    }
    assert_true(died >= 20);
}

/* group_recover.c's: 7 and (7, 1) of epochs 4 and 7 and last records (4, 9) and (7, 1). Here by what such a
 * host does: with an empty log it votes for nobody whose log ends before the others'. */
static void a_lost_disk_recovers(void **state) {
    (void)state;
    static world w;
    cg_group_options options = options_of(3, CG_ACKNOWLEDGE_QUORUM);
    begin(&w, &options, 4);
    for (uint32_t i = 0; i < 10; ++i) {
        world_ask(&w, &w.hosts[0]);
    }
    world_run(&w, w.now_ns + WORLD_S);
    world_crash(&w, &w.hosts[1]);
    w.hosts[1].journal_bytes = 0;
    w.hosts[1].disk_life = UINT64_MAX;
    w.hosts[1].forgot = true;
    w.is_blocked[2][1] = true; /* one answer is missing */
    world_restart(&w, &w.hosts[1]);
    world_run(&w, w.now_ns + 5 * WORLD_S);
    assert_true(cg_group_is_recovering(w.hosts[1].group));
    assert_int_equal(cg_log_last(w.hosts[1].log), 10);
    world_crash(&w, &w.hosts[0]); /* so nobody can be elected */
    world_run(&w, w.now_ns + 10 * WORLD_S);
    assert_null(world_primary(&w));
    world_restart(&w, &w.hosts[0]);
    w.is_blocked[2][1] = false;
    world_run(&w, w.now_ns + 10 * WORLD_S);
    assert_false(cg_group_is_recovering(w.hosts[1].group));
    assert_int_equal(cg_group_statistics_of(w.hosts[1].group).recoveries, 1);
    check_end(&w);
    assert_sound(&w);
    world_deinit(&w);
}

/* Every count is added, whatever counts there are. */
static void sums_take_in_every_count(void **state) {
    (void)state;
    enum { COUNTS = sizeof(cg_group_statistics) / sizeof(uint64_t) };
    uint64_t words[COUNTS];
    for (uint64_t i = 0; i < COUNTS; ++i) {
        words[i] = 100 + i;
    }
    cg_group_statistics one;
    memcpy(&one, words, sizeof one);
    cg_group_statistics sum = {0};
    cg_group_statistics_add(&sum, &one);
    cg_group_statistics_add(&sum, &one);
    memcpy(words, &sum, sizeof sum);
    for (uint64_t i = 0; i < COUNTS; ++i) {
        assert_int_equal(words[i], 2 * (100 + i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(failing_over_takes_as_long_as_stated),
        cmocka_unit_test(long_halves_are_united),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(a_lost_disk_recovers),
        cmocka_unit_test(sums_take_in_every_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
