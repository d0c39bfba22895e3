/* Goal: once an interval a node says what is wrong, and changes its settings for what it has measured.
 * (B6, D8)
 */
#include "tests/support/service.h"

static cg_node_statistics statistics_of(const rig *used) {
    return cg_node_statistics_of(used->nodes[0]);
}

static const cg_outputs *tick(rig *used, uint64_t id, uint64_t core_busy_ns,
                              uint64_t disk_busy_ns) {
    return step(used, 0,
                (cg_event){.kind = CG_EVENT_TIMER,
                           .id = id,
                           .core_busy_ns = core_busy_ns,
                           .disk_busy_ns = disk_busy_ns});
}

static void assert_alert(const cg_outputs *outputs, cg_severity severity, const char *part) {
    taken alert = take(outputs, CG_OUTPUT_ALERT);
    alert.bytes[alert.output.size_bytes] = 0;
    assert_int_equal(alert.output.severity, severity);
    if (!support_contains((const char *)alert.bytes, part)) {
        fail_msg("alert \"%s\" lacks \"%s\"", (const char *)alert.bytes, part);
    }
    free(alert.bytes);
}

/* Goal: intervals begin with a request and end with the last one; an alert is raised once and cleared
 * once; a tick of an interval that has ended is none. */
static void test_alerts(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    options.service.permits = 1;
    options.service.interval_ns = 10 * MS;
    options.service.memory_bytes = 1;
    rig used = keys_rig(&options);
    uint8_t bytes[8];
    const uint64_t key = 7;
    step(&used, 0, recall_of(1, &key, 1, 0, bytes));
    cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    cg_output beat = timer_of(&used.outputs[0], CG_TIMER_TICK);
    assert_int_equal(beat.at_ns, used.now_ns + 10 * MS);
    assert_int_equal(step(&used, 0, recall_of(2, &key, 1, 0, bytes))->count, 1); /* shed */
    assert_int_equal(tick(&used, beat.id, 1, 1)->count, 0); /* before its time */
    for (uint32_t interval = 1; interval <= 4; interval++) {
        used.now_ns += 10 * MS;
        const cg_outputs *outputs = tick(&used, beat.id, interval * MS, 0);
        if (interval == 1) {
            assert_alert(outputs, CG_CRITICAL, "memory_budget");
        } else if (interval == 2) {
            assert_alert(outputs, CG_WARNING, "shed: shed share is 100.0%");
        } else if (interval == 4) {
            assert_alert(outputs, CG_WARNING, "no longer above");
        } else {
            assert_int_equal(count_of(outputs, CG_OUTPUT_ALERT), 0);
        }
        beat = timer_of(outputs, CG_TIMER_TICK);
        assert_int_equal(tick(&used, beat.id, interval * MS, 0)->count, 0); /* twice */
        if (interval < 3) {
            assert_int_equal(step(&used, 0, recall_of(2, &key, 1, 0, bytes))->count, 1);
        } else if (interval == 3) {
            timer(&used, 0, done.id);
            step(&used, 0, recall_of(3, &key, 1, 0, bytes));
            done = timer_of(&used.outputs[0], CG_TIMER_DONE);
        }
    }
    timer(&used, 0, done.id);
    used.now_ns += 10 * MS;
    assert_int_equal(tick(&used, beat.id, 5 * MS, 0)->count, 0); /* the last one */
    used.now_ns += 90 * MS;
    assert_int_equal(tick(&used, beat.id, 5 * MS, 0)->count, 0);
    step(&used, 0, recall_of(4, &key, 1, 0, bytes));
    beat = timer_of(&used.outputs[0], CG_TIMER_TICK);
    assert_int_equal(beat.at_ns, used.now_ns + 10 * MS);
    /* What cores did before is not done in this interval. */
    assert_int_equal(used.nodes[0]->tune.core_busy_ns, 5 * MS);
    free_rig(&used);
}

/* Goal: where the predictor is right and the disk idle, keys are fetched further ahead; where
 * requests wait longer than they take and cores are idle, there are more permits, at once. */
static void test_adapts(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    options.service.permits = 1;
    options.service.queue_max = 1000;
    options.service.cores = 4;
    options.service.successors = 64;
    options.service.interval_ns = 10 * MS;
    options.service.adapts = true;
    rig used = keys_rig(&options);
    world around = world_of(&used);
    cg_output beat = {0};
    uint64_t id = 0;
    for (uint32_t interval = 0; interval < 6; interval++) {
        for (uint32_t i = 0; i < 30; i++) {
            uint8_t bytes[8];
            const uint64_t key = i % 3;
            world_ask(&around, 0, recall_of(++id, &key, 1, 0, bytes));
        }
        for (size_t i = around.count; i-- > 0;) { /* the tick comes at its time */
            const delivery *next = &around.queue[i];
            if (cg_timer_kind_of(next->event.id) == CG_TIMER_TICK) {
                beat.id = world_pull(&around, i).event.id;
            }
        }
        for (uint32_t i = 0; i < 25; i++) { /* some wait beyond the interval */
            used.now_ns += MS / 4;
            world_deliver(&around, 0);
        }
        used.now_ns += 10 * MS;
        uint64_t running = statistics_of(&used).admission.running;
        uint64_t permits = statistics_of(&used).admission.permits;
        const cg_outputs *outputs = tick(&used, beat.id, interval * MS + 1, 0);
        uint64_t now = statistics_of(&used).admission.permits;
        assert_int_equal(statistics_of(&used).admission.running, running);
        assert_int_equal(count_of(outputs, CG_OUTPUT_TIMER), 1 + now - permits);
        world_keep(&around, 0);
    }
    cg_node_statistics statistics = statistics_of(&used);
    assert_true(statistics.prefetch >= 1);
    assert_true(statistics.admission.permits > 1);
    assert_true(statistics.settings_changed >= 2);
    world_run(&around);
    assert_int_equal(around.reply_count, id);
    assert_true(cg_node_idle(used.nodes[0]));
    world_free(&around);
    free_rig(&used);
}

/* Goal: whatever permits a node begins with, rules never ask for more than there can be. */
static void test_most_permits(void **state) {
    (void)state;
    static const uint32_t firsts[] = {1, 4096, 4097, CG_ADMISSION_PERMITS_MAX};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        cg_node_options options = keys_options();
        options.service.permits = firsts[i];
        cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS];
        cg_adapt_options adapt = cg_tune_settings(&options, settings);
        assert_in_range(adapt.settings[CG_ADAPT_PERMITS].max, firsts[i],
                        CG_ADMISSION_PERMITS_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_adapts),
        cmocka_unit_test(test_most_permits),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
