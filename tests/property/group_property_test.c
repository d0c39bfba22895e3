/* Goal: whatever happens to hosts, disks and network, a replication group keeps what its mode of
 * acknowledgement promises, and comes to rest with one log when all is healed. Each schedule is drawn from
 * a seed; CORTIGRID_GROUP_SCHEDULES says how many (default: a few hundred), CORTIGRID_TEST_SEED from which
 * on, CORTIGRID_BUG which mistake a build with CORTIGRID_BUGS makes. */
#include "engine/base/bug.h"
#include "tests/support/group_schedule.h"

typedef struct totals {
    world_counts counts;
    cg_group_statistics statistics;
    uint64_t failures;
    uint64_t steps;
} totals;

static void add(totals *sum, world *w) {
    uint64_t *to = (uint64_t *)&sum->counts;
    const uint64_t *from = (const uint64_t *)&w->counts;
    for (size_t i = 0; i < sizeof sum->counts / sizeof *to; ++i) {
        to[i] += from[i];
    }
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        world_die(&w->hosts[h]);
        cg_group_statistics_add(&sum->statistics, &w->hosts[h].before);
    }
}

static bool run_one(uint64_t seed, totals *sum, bool is_loud) {
    static world w;
    cg_group_options options = schedule_options(seed);
    world_init(&w, &options, seed);
    schedule_run(&w, (10 + seed % 3 * 15) * options.election_ns);
    bool has_failed = w.has_failed;
    if (has_failed && is_loud) {
        (void)fprintf(stderr,
                      "schedule %llu (%u voters%s, acknowledge %d, %s): %s\n"
                      "repeat: CORTIGRID_TEST_SEED=%llu CORTIGRID_GROUP_SCHEDULES=1 "
                      "group_property_test\n",
                      (unsigned long long)seed, options.voter_count,
                      options.has_witness ? ", a witness" : "", (int)options.acknowledge,
                      options.fails_over ? "fails over" : "primary for good", w.failure,
                      (unsigned long long)seed);
    }
    add(sum, &w);
    world_deinit(&w);
    return !has_failed;
}

static uint64_t number_of(const char *name, uint64_t fallback) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static void print(const totals *sum, uint64_t count) {
    const cg_group_statistics *s = &sum->statistics;
    (void)fprintf(
        stderr,
        "%llu schedules, %llu failed: %llu steps, %llu messages, %llu made, %llu acked, "
        "%llu reads (%llu refused), %llu crashes, %llu torn, %llu disks lost, %llu "
        "altered\n  %llu elections, %llu epochs, %llu alone, %llu deposed, %llu split "
        "brains, %llu unions of %llu, %llu dropped, %llu resent, %llu catch-ups, %llu "
        "lags, %llu lag drops, %llu recoveries\n",
        (unsigned long long)count, (unsigned long long)sum->failures,
        (unsigned long long)sum->counts.steps, (unsigned long long)sum->counts.messages,
        (unsigned long long)sum->counts.made, (unsigned long long)sum->counts.acked,
        (unsigned long long)sum->counts.reads_good, (unsigned long long)sum->counts.reads_bad,
        (unsigned long long)sum->counts.crashes, (unsigned long long)sum->counts.torn,
        (unsigned long long)sum->counts.losses, (unsigned long long)sum->counts.altered,
        (unsigned long long)s->elections, (unsigned long long)s->epochs,
        (unsigned long long)s->epochs_alone, (unsigned long long)s->deposed,
        (unsigned long long)s->split_brains, (unsigned long long)s->unions,
        (unsigned long long)s->records_united, (unsigned long long)s->records_dropped,
        (unsigned long long)s->records_resent, (unsigned long long)s->catch_ups,
        (unsigned long long)s->lag_warnings, (unsigned long long)s->lag_drops,
        (unsigned long long)s->recoveries);
}

static void schedules_keep_what_is_promised(void **state) {
    (void)state;
    uint64_t first = support_seed(1);
    uint64_t count = number_of("CORTIGRID_GROUP_SCHEDULES", 300);
    const char *bug = getenv("CORTIGRID_BUG");
    if (bug) {
        assert_true(cg_bug_compiled() && cg_bug_by_name(bug) < CG_BUG_COUNT);
        cg_bug_set(cg_bug_by_name(bug));
    }
    totals sum = {0};
    for (uint64_t i = 0; i < count; ++i) {
        sum.failures += !run_one(first + i, &sum, sum.failures < 3);
    }
    print(&sum, count);
    if (bug) {
        return;
    }
    assert_int_equal(sum.failures, 0);
    if (count < 200) {
        return;
    }
    const cg_group_statistics *s = &sum.statistics;
    assert_true(sum.counts.torn > count / 10 && sum.counts.losses > count / 20);
    assert_true(sum.counts.altered > count / 20 && sum.counts.reads_good > count);
    assert_true(s->epochs > count / 2 && s->epochs_alone > count / 10 &&
                s->deposed > count / 4);
    assert_true(s->split_brains > count / 20 && s->unions > count / 10);
    assert_true(s->records_dropped > count / 4 && s->catch_ups > count / 2);
    assert_true(s->recoveries > count / 20 && s->lag_warnings > count / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_keep_what_is_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
