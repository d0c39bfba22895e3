/* Goal: each guarantee of each mode is judged as its header says, with the fault that excuses a
 * loss and without it, and each violation is one sentence that names who and when. */
#include "sim/check/guarantees.h"

#include "tests/support/histories.h"

enum { HOSTS = 3 };

/* A cluster of three hosts of one group, host 0 first, that has one fact. */
typedef struct scene {
    sim_final_fact at[HOSTS];
    sim_holder holders[4];
    uint32_t holder_count;
    sim_harm harms[4];
    sim_guarantee_options options;
    sim_guarantee_report report;
    sim_history *history;
    cg_error error;
    uint32_t members;
    bool no_holders;
} scene;

static uint32_t members(void *context, uint64_t key, const sim_operation *operation,
                        uint32_t hosts[SIM_MEMBERS_MAX]) {
    const scene *one = context;
    (void)key;
    (void)operation;
    for (uint32_t i = 0; i < HOSTS; ++i) {
        hosts[i] = i;
    }
    return one->members;
}

static sim_final_fact look(void *context, uint64_t key, const sim_operation *operation,
                           uint32_t host) {
    const scene *one = context;
    (void)key;
    (void)operation;
    return one->at[host];
}

static uint32_t holders(void *context, uint64_t key, const sim_operation *operation,
                        sim_holder out[SIM_HOLDERS_MAX]) {
    const scene *one = context;
    (void)key;
    (void)operation;
    for (uint32_t i = 0; i < one->holder_count; ++i) {
        out[i] = one->holders[i];
    }
    return one->holder_count;
}

static const sim_final_fact absent = {.presence = SIM_PRESENCE_ABSENT};
static const sim_final_fact removed = {.presence = SIM_PRESENCE_REMOVED};
static const sim_final_fact present = {
    .presence = SIM_PRESENCE_PRESENT, .copies = 1, .value = 70, .has_value = true};

static sim_operation allocated(sim_mode mode) {
    sim_operation operation =
        history_value(history_ok(SIM_OPERATION_ALLOCATE, 7, 7, 1, 5, 10), 70);
    operation.acknowledge = mode;
    operation.fact_id = 70;
    return operation;
}

static scene begin(sim_mode mode, sim_final_fact everywhere) {
    scene one = {.history = history_new(),
                 .members = HOSTS,
                 .at = {everywhere, everywhere, everywhere},
                 .options = {.settled = true}};
    if (mode != SIM_MODE_NONE) {
        history_put(one.history, allocated(mode));
    }
    return one;
}

static cg_status judge(scene *one) {
    sim_final_state state = {.context = one, .members = members, .look = look};
    state.holders = one->no_holders ? NULL : holders;
    one->options.harms = one->harms;
    return sim_check_guarantees(cg_allocator_heap(), one->history, &state, &one->options,
                                &one->report, &one->error);
}

static void fine(scene one) {
    assert_ok(judge(&one), one.error);
    assert_int_equal(one.report.violations, 0);
    sim_history_free(one.history);
}

static sim_guarantee_report wrong(scene one, const char *says) {
    assert_status(judge(&one), CG_ERROR_CORRUPT, one.error, says);
    assert_true(one.report.violations > 0);
    sim_history_free(one.history);
    return one.report;
}

static scene harmed(scene one, uint32_t host, uint64_t at_ns) {
    one.harms[one.options.harm_count++] = (sim_harm){.at_ns = at_ns, .host = host};
    return one;
}

static scene held(scene one, uint32_t host, uint64_t since_ns) {
    one.holders[one.holder_count++] = (sim_holder){.since_ns = since_ns, .host = host};
    return one;
}

static void acknowledged_facts_stay(void **state) {
    (void)state;
    for (int mode = SIM_MODE_PRIMARY; mode < SIM_MODE_COUNT; ++mode) {
        fine(begin((sim_mode)mode, present));
        assert_int_equal(
            wrong(begin((sim_mode)mode, absent), "but host 0 does not have the fact in the end")
                .modes[mode]
                .lost,
            1);
    }
    (void)wrong(begin(SIM_MODE_QUORUM, absent),
                "key 7: operation 7 (allocate = 70, client 1, by host 0, 5..10 ns, ok) was "
                "acknowledged at quorum, but host 0 does not have the fact in the end");
}

static void quorum_and_all_tolerate_some_lost_disks(void **state) {
    (void)state;
    (void)wrong(harmed(begin(SIM_MODE_QUORUM, absent), 0, 20), "acknowledged at quorum");
    (void)wrong(harmed(harmed(begin(SIM_MODE_QUORUM, absent), 0, 20), 0, 30),
                "acknowledged at quorum");
    (void)wrong(harmed(harmed(begin(SIM_MODE_QUORUM, absent), 0, 20), 1, 4),
                "acknowledged at quorum");
    fine(harmed(harmed(begin(SIM_MODE_QUORUM, absent), 0, 20), 1, 30));
    /* Two members: any lost disk is too much, but not with a witness. */
    scene two = harmed(begin(SIM_MODE_QUORUM, absent), 0, 20);
    two.members = 2;
    fine(two);
    two = harmed(begin(SIM_MODE_QUORUM, absent), 0, 20);
    two.members = 2;
    two.options.witnesses = 1;
    (void)wrong(two, "acknowledged at quorum");
    scene all = harmed(harmed(begin(SIM_MODE_ALL, absent), 0, 20), 1, 30);
    (void)wrong(all, "acknowledged at all");
    all = harmed(harmed(harmed(begin(SIM_MODE_ALL, absent), 0, 20), 1, 30), 2, 5);
    assert_ok(judge(&all), all.error);
    assert_int_equal(all.report.modes[SIM_MODE_ALL].lost_beyond, 1);
    sim_history_free(all.history);
}

/* Whether reads of the fact, which is there in the end, bind nobody. */
static bool undone_for_a_while(scene one) {
    uint64_t change = 0;
    assert_ok(cg_table_alloc(cg_allocator_heap(), &one.options.excused, &one.error), one.error);
    assert_ok(judge(&one), one.error);
    bool found = cg_table_get(one.options.excused, 7, &change);
    cg_table_free(one.options.excused);
    sim_history_free(one.history);
    return found;
}

static scene begin_unanswered(sim_mode mode) {
    scene one = begin(SIM_MODE_NONE, present);
    sim_operation operation = allocated(mode);
    operation.outcome = SIM_EFFECT_UNKNOWN;
    operation.has_answer = false;
    history_put(one.history, operation);
    return one;
}

static void what_comes_back_was_away(void **state) {
    (void)state;
    for (int i = SIM_MODE_PRIMARY; i < SIM_MODE_COUNT; ++i) {
        sim_mode mode = (sim_mode)i;
        assert_false(undone_for_a_while(begin(mode, present)));
        assert_false(undone_for_a_while(begin_unanswered(mode)));
        assert_false(undone_for_a_while(harmed(begin_unanswered(mode), 2, 4)));
    }
    assert_true(undone_for_a_while(harmed(begin(SIM_MODE_PRIMARY, present), 0, 20)));
    assert_false(undone_for_a_while(harmed(begin(SIM_MODE_PRIMARY, present), 1, 20)));
    assert_true(undone_for_a_while(harmed(begin_unanswered(SIM_MODE_PRIMARY), 1, 20)));
    scene quorum = harmed(begin(SIM_MODE_QUORUM, present), 0, 20);
    assert_false(undone_for_a_while(quorum));
    quorum = harmed(harmed(begin(SIM_MODE_QUORUM, present), 0, 20), 2, 30);
    assert_true(undone_for_a_while(quorum));
    quorum = harmed(harmed(begin_unanswered(SIM_MODE_QUORUM), 0, 20), 2, 30);
    assert_true(undone_for_a_while(quorum));
}

static void window_is(scene one, uint64_t window_ns) {
    uint64_t change = 0;
    assert_ok(cg_table_alloc(cg_allocator_heap(), &one.options.excused, &one.error), one.error);
    assert_ok(judge(&one), one.error);
    assert_true(cg_table_get(one.options.excused, 7, &change));
    assert_true(change == 7 || change == 8);
    assert_int_equal(cg_table_count(one.options.excused), 1);
    cg_table_free(one.options.excused);
    assert_int_equal(one.report.modes[SIM_MODE_PRIMARY].lost_in_window, 1);
    assert_int_equal(one.report.modes[SIM_MODE_PRIMARY].window_ns, window_ns);
    sim_history_free(one.history);
}

/* Acknowledged at 10 by host 0. */
static void primary_has_a_window(void **state) {
    (void)state;
#define LOST held(begin(SIM_MODE_PRIMARY, absent), 0, 8)
    window_is(harmed(LOST, 0, 25), 15);
    window_is(harmed(harmed(LOST, 0, 40), 0, 25), 15);
    window_is(harmed(harmed(LOST, 0, 25), 0, 40), 15);
    window_is(harmed(LOST, 0, 9), 0);
    window_is(held(harmed(LOST, 0, 25), 1, 26), 15);
    (void)wrong(held(harmed(LOST, 0, 25), 1, 25), "acknowledged at primary");
    (void)wrong(harmed(LOST, 0, 4), "acknowledged at primary");
    (void)wrong(harmed(LOST, 1, 25), "acknowledged at primary");
    scene beyond = harmed(held(harmed(LOST, 0, 25), 1, 20), 1, 30);
    assert_ok(judge(&beyond), beyond.error);
    assert_int_equal(beyond.report.modes[SIM_MODE_PRIMARY].lost_beyond, 1);
    sim_history_free(beyond.history);
    scene blind = harmed(LOST, 0, 25);
    blind.no_holders = true;
    window_is(blind, 15);
    scene corrupt = harmed(LOST, 0, 25);
    corrupt.harms[0].kind = SIM_HARM_JOURNAL_CORRUPT;
    window_is(corrupt, 15);
#undef LOST
}

static void removals_hold(void **state) {
    (void)state;
    scene gone = begin(SIM_MODE_QUORUM, removed);
    sim_operation remove = history_ok(SIM_OPERATION_DEALLOCATE, 8, 7, 1, 20, 30);
    remove.acknowledge = SIM_MODE_QUORUM;
    history_put(gone.history, remove);
    gone.at[1] = absent; /* it has forgotten the removal */
    fine(gone);
    scene back = begin(SIM_MODE_QUORUM, present);
    history_put(back.history, remove);
    assert_int_equal(wrong(back,
                           "operation 8 (deallocate, client 1, by host 0, 20..30 ns, ok) "
                           "was acknowledged at quorum, but host 0 has the fact in the end")
                         .returned,
                     1);
    /* Not acknowledged: either way. Never asked for: it must be there. */
    scene either = begin(SIM_MODE_QUORUM, present);
    history_put(either.history, history_unknown(remove));
    fine(either);
    either = begin(SIM_MODE_QUORUM, absent);
    history_put(either.history, history_unknown(remove));
    fine(either);
    scene refused = begin(SIM_MODE_QUORUM, absent);
    history_put(refused.history, history_failed(remove, CG_ERROR_OVERLOADED));
    (void)wrong(refused, "does not have the fact");
    assert_int_equal(wrong(begin(SIM_MODE_QUORUM, removed), "which nobody asked for").vanished,
                     1);
    /* A removal in the loss window of primary may be lost with its record. */
    scene lost = held(harmed(begin(SIM_MODE_ALL, present), 0, 35), 0, 25);
    remove.acknowledge = SIM_MODE_PRIMARY;
    history_put(lost.history, remove);
    window_is(lost, 5);
}

static void facts_are_there_once_and_as_acknowledged(void **state) {
    (void)state;
    scene twice = begin(SIM_MODE_ALL, present);
    twice.at[2].copies = 2;
    assert_int_equal(wrong(twice, "key 7: host 2 has the fact of operation 7").twice, 1);
    scene altered = begin(SIM_MODE_ALL, present);
    altered.at[0].value = altered.at[1].value = altered.at[2].value = 71;
    assert_int_equal(wrong(altered, "host 0 has value 71, but operation 7").altered, 3);
    scene diverged = begin(SIM_MODE_ALL, present);
    diverged.at[2] = absent;
    assert_int_equal(
        wrong(diverged, "hosts 0 and 2 differ about the fact of operation 7").diverged, 1);
    diverged = begin(SIM_MODE_ALL, present);
    diverged.at[2] = absent;
    diverged.options.settled = false;
    fine(diverged);
    scene again = begin(SIM_MODE_ALL, present);
    sim_operation second = allocated(SIM_MODE_ALL);
    second.id = 9;
    second.fact_id = 90;
    history_put(again.history, second);
    assert_int_equal(wrong(again, "key 7 was allocated 2 times with acknowledgement").twice, 1);
}

static void two_requests_share_nothing(void **state) {
    (void)state;
    scene one = begin(SIM_MODE_ALL, present);
    sim_operation other = allocated(SIM_MODE_ALL);
    other.id = other.key = 9;
    history_put(one.history, other);
    assert_int_equal(wrong(one, "fact 70 was given to operation 7 (allocate = 70").shared, 1);
    /* An id that was lost with its fact, in the window, may be given again. */
    scene lost = harmed(begin(SIM_MODE_PRIMARY, absent), 0, 25);
    lost.no_holders = true;
    other.acknowledge = SIM_MODE_PRIMARY;
    history_put(lost.history, other);
    fine(lost);
    for (uint32_t space = 0; space < 2; ++space) {
        scene slots = begin(SIM_MODE_NONE, present);
        sim_operation first = allocated(SIM_MODE_ALL);
        first.has_slot = true;
        first.slot = 3;
        other = first;
        other.id = other.key = 9;
        other.fact_id = 90;
        other.space = space;
        history_put(slots.history, first);
        history_put(slots.history, other);
        if (space == 0) {
            assert_int_equal(wrong(slots, "slot 3 was given to operation 7 (").shared, 1);
        } else {
            fine(slots);
        }
    }
}

static void refused_facts_are_not_there(void **state) {
    (void)state;
    scene one = begin(SIM_MODE_NONE, present);
    history_put(one.history, history_failed(allocated(SIM_MODE_NONE), CG_ERROR_OVERLOADED));
    assert_int_equal(wrong(one, "was refused with overloaded, but host 0 has its fact").refused,
                     1);
    for (int there = 0; there < 2; ++there) {
        one = begin(SIM_MODE_NONE, there ? present : absent);
        history_put(one.history, history_unknown(allocated(SIM_MODE_NONE)));
        fine(one);
    }
}

static void operations_end_within_bounds(void **state) {
    (void)state;
    scene one = begin(SIM_MODE_ALL, present); /* 5..10 */
    one.options.within_ns = 5;
    fine(one);
    one = begin(SIM_MODE_ALL, present);
    one.options.within_ns = 4;
    assert_int_equal(wrong(one, "is not complete within 4 ns of 5 ns, its invocation").late, 1);
    /* In flight at the heal at 7: 3 ns after it. */
    one = begin(SIM_MODE_ALL, present);
    one.options.last_heal_ns = 7;
    one.options.healed_within_ns = 2;
    (void)wrong(one, "is not complete within 2 ns of 7 ns, its last heal");
    one = begin(SIM_MODE_ALL, present);
    one.options.last_heal_ns = 8;
    one.options.healed_within_ns = 2;
    fine(one);
    one = begin(SIM_MODE_ALL, present);
    one.options.last_heal_ns = 3;
    one.options.healed_within_ns = 5;
    fine(one);
    for (uint64_t end_ns = 24; end_ns <= 25; ++end_ns) {
        one = begin(SIM_MODE_ALL, present);
        sim_operation open = history_ok(SIM_OPERATION_GET, 9, 7, 1, 20, SIM_TIME_NONE);
        open.outcome = SIM_EFFECT_OPEN;
        history_put(one.history, open);
        one.options.within_ns = 5;
        one.options.end_ns = end_ns;
        fine(one);
        one = begin(SIM_MODE_ALL, present);
        history_put(one.history, open);
        one.options.within_ns = 5;
        one.options.end_ns = end_ns + 2;
        (void)wrong(one, "operation 9 (get, client 1, by host 0, 20..open ns, open)");
    }
    one = begin(SIM_MODE_ALL, present);
    history_put(one.history, history_unknown(history_ok(SIM_OPERATION_GET, 9, 7, 1, 20, 21)));
    one.options.known_from_ns = 20;
    assert_int_equal(
        wrong(one, "ended with timeout, but from 20 ns on all have an answer").left_unknown, 1);
}

static uint64_t group(void *context, uint64_t key, const sim_operation *operation) {
    (void)context;
    (void)operation;
    return key >= 100;
}

/* Two changes: of which keys, by which hosts, in which epochs. */
static void epochs(uint64_t key, uint32_t host, uint64_t epoch, sim_mode mode,
                   const char *says) {
    scene one = begin(SIM_MODE_NONE, present);
    sim_operation first = allocated(SIM_MODE_QUORUM);
    first.epoch = 4;
    sim_operation other = first;
    other.id = other.key = key;
    other.fact_id = key;
    other.epoch = epoch;
    other.host_answered = host;
    other.acknowledge = mode;
    history_put(one.history, first);
    history_put(one.history, other);
    sim_final_state state = {.context = &one, .members = members, .look = look, .group = group};
    cg_status status = sim_check_guarantees(cg_allocator_heap(), one.history, &state,
                                            &one.options, &one.report, &one.error);
    assert_int_equal(one.report.usurped, says != NULL);
    if (says) {
        assert_status(status, CG_ERROR_CORRUPT, one.error, says);
    } else {
        assert_ok(status, one.error);
    }
    sim_history_free(one.history);
}

static void one_host_acknowledges_in_an_epoch(void **state) {
    (void)state;
    epochs(8, 2, 4, SIM_MODE_QUORUM,
           "in epoch 4 of group 0 hosts 0 and 2 both acknowledged: operations 7 (");
    epochs(8, 2, 4, SIM_MODE_ALL, "in epoch 4");
    epochs(8, 2, 4, SIM_MODE_PRIMARY, NULL);
    epochs(8, 2, 5, SIM_MODE_QUORUM, NULL);
    epochs(8, 0, 4, SIM_MODE_QUORUM, NULL);
    epochs(108, 2, 4, SIM_MODE_QUORUM, NULL);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    scene one = begin(SIM_MODE_ALL, present);
    one.members = 0;
    assert_status(judge(&one), CG_ERROR_INVALID, one.error, "key 7 has 0 members: 1..32");
    one.members = SIM_MEMBERS_MAX + 1;
    assert_status(judge(&one), CG_ERROR_INVALID, one.error, "33 members");
    one.members = HOSTS;
    one = harmed(one, 2, 30);
    one.harms[0].kind = SIM_HARM_KIND_COUNT;
    assert_status(judge(&one), CG_ERROR_INVALID, one.error,
                  "harm 0, of host 2 at 30 ns, has kind 2");
    sim_final_state state_without = {.context = &one};
    assert_status(sim_check_guarantees(cg_allocator_heap(), one.history, &state_without,
                                       &(sim_guarantee_options){0}, &one.report, &one.error),
                  CG_ERROR_INVALID, one.error, "no callback for the members");
    assert_ok(sim_check_guarantees(cg_allocator_heap(), one.history, NULL,
                                   &(sim_guarantee_options){0}, &one.report, &one.error),
              one.error);
    sim_final_state whole = {.context = &one, .members = members, .look = look, .group = group};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_status status = CG_ERROR_MEMORY;
    for (uint64_t fail_at = 1; status != CG_OK; ++fail_at) {
        counting.fail_at = fail_at;
        one.report.facts = 42;
        status =
            sim_check_guarantees(cg_counting_allocator_view(&counting), one.history, &whole,
                                 &(sim_guarantee_options){0}, &one.report, &one.error);
        assert_int_equal(counting.live_blocks, 0);
        assert_int_equal(status, fail_at <= 3 ? CG_ERROR_MEMORY : CG_OK);
        assert_int_equal(one.report.facts, fail_at <= 3 ? 42 : 1);
    }
    sim_history_free(one.history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_facts_stay),
        cmocka_unit_test(quorum_and_all_tolerate_some_lost_disks),
        cmocka_unit_test(primary_has_a_window),
        cmocka_unit_test(what_comes_back_was_away),
        cmocka_unit_test(removals_hold),
        cmocka_unit_test(facts_are_there_once_and_as_acknowledged),
        cmocka_unit_test(two_requests_share_nothing),
        cmocka_unit_test(refused_facts_are_not_there),
        cmocka_unit_test(operations_end_within_bounds),
        cmocka_unit_test(one_host_acknowledges_in_an_epoch),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
