/* Goal: admission gives, queues and sheds as its header says, on cases worked out by hand;
 * refuses bad input; and survives every failing allocation.
 */
#include <string.h>

#include "engine/service/admission.h"
#include "tests/support/support.h"

static cg_admission_options small(uint32_t permits, uint32_t queue_max) {
    cg_admission_options options = cg_admission_options_default();
    options.permits = permits;
    options.queue_max = queue_max;
    options.age_ns = CG_ADMISSION_AGE_NS_MAX;
    return options;
}

static cg_admission *make(const cg_admission_options *options) {
    cg_error error = {0};
    cg_admission *admission = NULL;
    assert_ok(cg_admission_alloc(options, cg_allocator_heap(), &admission, &error), error);
    return admission;
}

static cg_admission_verdict offer_at(cg_admission *admission, uint64_t id, uint32_t client,
                                     cg_priority priority, uint32_t cost, uint64_t now_ns) {
    cg_ticket ticket = {id, client, cost, (uint8_t)priority};
    cg_error error = {0};
    cg_admission_verdict verdict = CG_ADMISSION_SHED;
    assert_ok(cg_admission_offer(admission, &ticket, now_ns, &verdict, &error), error);
    return verdict;
}

static cg_admission_verdict offer(cg_admission *admission, uint64_t id, uint32_t client,
                                  cg_priority priority) {
    return offer_at(admission, id, client, priority, 1, 0);
}

/* The ids in the order in which they go, one permit after the other. */
static void assert_order(cg_admission *admission, const char *ids, uint64_t now_ns) {
    for (; *ids; ids++) {
        cg_admission_done(admission, now_ns, 10);
        uint64_t id = 0;
        assert_true(cg_admission_next(admission, now_ns, &id));
        assert_int_equal(id, *ids);
    }
}

static void test_bad_options(void **state) {
    (void)state;
    struct {
        cg_admission_options options;
        const char *part;
    } cases[10];
    for (uint32_t i = 0; i < 10; i++) {
        cases[i].options = cg_admission_options_default();
    }
    cases[0].options.permits = 0;
    cases[0].part = "permits is 0, not in 1..65536";
    cases[1].options.permits = 65537;
    cases[1].part = "permits is 65537, not in 1..65536";
    cases[2].options.queue_max = 1048577;
    cases[2].part = "queue_max is 1048577, not in 0..1048576";
    cases[3].options.age_ns = 0;
    cases[3].part = "age_ns is 0, not in 1..1152921504606846976";
    cases[4].options.age_ns = CG_ADMISSION_AGE_NS_MAX + 1;
    cases[4].part = "age_ns is 1152921504606846977";
    cases[5].options.share_percent[CG_PRIORITY_URGENT] = 99;
    cases[5].part = "share_percent of priority urgent is 99, not in 100..100";
    cases[6].options.share_percent[CG_PRIORITY_HIGH] = 84;
    cases[6].part = "share_percent of priority high is 84, not in 85..100";
    cases[7].options.share_percent[CG_PRIORITY_LOW] = 101;
    cases[7].part = "share_percent of priority low is 101, not in 0..100";
    cases[8].options.share_percent[CG_PRIORITY_NORMAL] = 0;
    cases[8].part = "share_percent of priority normal is 0, not in 70..100";
    cases[9].options.share_percent[CG_PRIORITY_URGENT] = 101;
    cases[9].part = "urgent is 101";
    for (uint32_t i = 0; i < 10; i++) {
        cg_error error = {0};
        cg_admission *admission = NULL;
        assert_status(
            cg_admission_alloc(&cases[i].options, cg_allocator_heap(), &admission, &error),
            CG_ERROR_INVALID, error, cases[i].part);
        assert_null(admission);
    }
    cg_admission_options most = {
        65536, 1048576, UINT32_MAX, UINT64_MAX, CG_ADMISSION_AGE_NS_MAX, {0, 0, 0, 100}};
    cg_admission_free(make(&most));
    cg_admission_free(NULL);
}

static void test_bad_tickets(void **state) {
    (void)state;
    cg_admission_options options = small(1, 8);
    cg_admission *admission = make(&options);
    assert_int_equal(offer(admission, 1, 1, CG_PRIORITY_LOW), CG_ADMISSION_RUN);
    assert_int_equal(offer(admission, 1, 1, CG_PRIORITY_LOW), CG_ADMISSION_WAIT);
    cg_admission_statistics before = cg_admission_statistics_of(admission);
    cg_error error = {0};
    cg_admission_verdict verdict = (cg_admission_verdict)9;
    cg_ticket ticket = {2, 1, 1, CG_PRIORITY_COUNT};
    assert_status(cg_admission_offer(admission, &ticket, 0, &verdict, &error), CG_ERROR_INVALID,
                  error, "priority of request 2 is 4, not in 0..3");
    ticket.priority = CG_PRIORITY_LOW;
    ticket.cost = 0;
    assert_status(cg_admission_offer(admission, &ticket, 0, &verdict, &error), CG_ERROR_INVALID,
                  error, "cost of request 2 is 0, not in 1..4294967295");
    ticket.cost = 1;
    ticket.id = 1;
    assert_status(cg_admission_offer(admission, &ticket, 0, &verdict, &error), CG_ERROR_EXISTS,
                  error, "request 1 waits already");
    assert_status(cg_admission_set_permits(admission, 0, &error), CG_ERROR_INVALID, error,
                  "permits is 0, not in 1..65536");
    assert_status(cg_admission_set_permits(admission, 65537, &error), CG_ERROR_INVALID, error,
                  "permits is 65537, not in 1..65536");
    assert_int_equal(verdict, 9);
    cg_admission_statistics after = cg_admission_statistics_of(admission);
    assert_memory_equal(&before, &after, sizeof before);
    assert_string_equal(cg_priority_name(CG_PRIORITY_URGENT), "urgent");
    assert_string_equal(cg_priority_name(CG_PRIORITY_LOW), "low");
    assert_null(cg_priority_name(CG_PRIORITY_COUNT));
    cg_admission_free(admission);
}

/* Goal: the highest priority first, whatever came first, and one permit is one at a time. */
static void test_strict_priority(void **state) {
    (void)state;
    cg_admission_options options = small(1, 20);
    cg_admission *admission = make(&options);
    uint64_t id = 77;
    assert_false(cg_admission_next(admission, 0, &id));
    offer(admission, 'x', 1, CG_PRIORITY_LOW);
    const char *ids = "lLnNhHuU";
    for (uint32_t i = 0; i < 8; i++) {
        cg_admission_verdict verdict =
            offer(admission, (uint64_t)ids[i], i, (cg_priority)(i / 2));
        assert_int_equal(verdict, CG_ADMISSION_WAIT);
    }
    assert_false(cg_admission_next(admission, 0, &id));
    assert_int_equal(id, 77);
    assert_order(admission, "uUhHnNlL", UINT64_MAX / 4);
    cg_admission_done(admission, 0, 1);
    assert_false(cg_admission_next(admission, 0, &id));
    cg_admission_free(admission);
}

/* Goal: start tags 0 3 6 and 0 1 2, by hand; what is withdrawn is not charged; ties by arrival.
 */
static void test_fair_order(void **state) {
    (void)state;
    cg_admission_options options = small(1, 40);
    cg_admission *admission = make(&options);
    offer(admission, 'x', 9, CG_PRIORITY_URGENT);
    for (uint32_t i = 0; i < 3; i++) {
        offer_at(admission, 'a' + i, 1, CG_PRIORITY_NORMAL, 3, 0);
    }
    for (uint32_t i = 0; i < 3; i++) {
        offer_at(admission, 'p' + i, 2, CG_PRIORITY_NORMAL, 1, 0);
    }
    assert_order(admission, "apqrbc", 0);
    /* Client 1 has finish tag 9, virtual time is 6: a newcomer goes first, three times. */
    offer_at(admission, 'd', 1, CG_PRIORITY_NORMAL, 1, 0);
    for (uint32_t i = 0; i < 5; i++) {
        offer_at(admission, 's' + i, 3, CG_PRIORITY_NORMAL, 1, 0);
    }
    assert_order(admission, "studvw", 0);
    cg_admission_done(admission, 0, 1); /* the busy period ends: debts are over */
    offer(admission, 'x', 9, CG_PRIORITY_URGENT);
    offer_at(admission, 'a', 1, CG_PRIORITY_NORMAL, 3, 0);
    offer_at(admission, 'b', 1, CG_PRIORITY_NORMAL, 3, 0);
    offer_at(admission, 'p', 2, CG_PRIORITY_NORMAL, 1, 0);
    offer_at(admission, 'q', 2, CG_PRIORITY_NORMAL, 1, 0);
    assert_true(cg_admission_withdraw(admission, 'a'));
    assert_false(cg_admission_withdraw(admission, 'a'));
    assert_false(cg_admission_withdraw(admission, 'x')); /* runs */
    assert_order(admission, "bpq", 0); /* b has the tag of a, 0, and came before p */
    cg_admission_free(admission);
}

/* Goal: one client's permits count against it before anybody waits. */
static void test_running_is_charged(void **state) {
    (void)state;
    cg_admission_options options = small(2, 10);
    cg_admission *admission = make(&options);
    assert_int_equal(offer_at(admission, 1, 1, CG_PRIORITY_NORMAL, 5, 0), CG_ADMISSION_RUN);
    assert_int_equal(offer_at(admission, 2, 1, CG_PRIORITY_NORMAL, 5, 0), CG_ADMISSION_RUN);
    offer(admission, 'a', 1, CG_PRIORITY_NORMAL); /* start tag 10; virtual time is 5 */
    offer(admission, 'b', 2, CG_PRIORITY_NORMAL);
    assert_order(admission, "ba", 0);
    cg_admission_free(admission);
}

/* Goal: an endless stream of new urgent clients, and the low one still runs, exactly when it
 * must: overdue at 4 ages, then the grant after at most three others. */
static void test_ageing(void **state) {
    (void)state;
    cg_admission_options options = small(1, 10);
    options.age_ns = 100;
    cg_admission *admission = make(&options);
    offer(admission, 0, 0, CG_PRIORITY_URGENT);
    offer(admission, 1, 1, CG_PRIORITY_LOW); /* overdue from 400 on */
    uint32_t grants = 0;
    for (uint64_t id = 2;; id++) {
        uint64_t now = 10 * id;
        assert_int_equal(offer_at(admission, id, (uint32_t)id, CG_PRIORITY_URGENT, 1, now),
                         CG_ADMISSION_WAIT);
        cg_admission_done(admission, now, 10);
        uint64_t got = 0;
        assert_true(cg_admission_next(admission, now, &got));
        grants += now >= 400;
        if (got == 1) {
            assert_int_equal(now, 400); /* three in order went before: it is the fourth */
            assert_int_equal(grants, 1);
            break;
        }
        assert_int_equal(got, id);
    }
    cg_admission_statistics statistics = cg_admission_statistics_of(admission);
    assert_int_equal(statistics.overdue, 1);
    assert_int_equal(statistics.longest_wait_ns, 400);
    /* All are overdue: every fourth goes by the time of becoming so, the rest by priority. */
    assert_true(cg_admission_withdraw(admission, 40));
    for (uint64_t i = 0; i < 3; i++) {
        offer_at(admission, 'a' + i, 1, CG_PRIORITY_LOW, 1, 500);
    }
    for (uint64_t i = 0; i < 4; i++) {
        offer_at(admission, 'p' + i, 2, CG_PRIORITY_HIGH, 1, 1000);
    }
    assert_order(admission, "pqrasbc", 5000);
    cg_admission_free(admission);
}

/* Goal: whoever is first in order and first overdue at once counts as both; time never falls.
 */
static void test_overdue_in_order(void **state) {
    (void)state;
    cg_admission_options options = small(1, 20);
    options.age_ns = 1;
    cg_admission *admission = make(&options);
    offer_at(admission, 'x', 1, CG_PRIORITY_LOW, 1, 50);
    for (uint64_t i = 0; i < 6; i++) {
        offer_at(admission, 'a' + i, 1, CG_PRIORITY_LOW, 1, 0); /* counts as 50 */
    }
    assert_order(admission, "abcdef", 54);
    assert_int_equal(cg_admission_statistics_of(admission).overdue, 0);
    assert_int_equal(cg_admission_statistics_of(admission).longest_wait_ns, 4);
    offer_at(admission, 'h', 1, CG_PRIORITY_LOW, 1, 54);
    assert_order(admission, "h", UINT64_MAX); /* counts as 2^63 - 1 */
    assert_int_equal(cg_admission_statistics_of(admission).longest_wait_ns,
                     UINT64_MAX / 2 - 54);
    offer_at(admission, 'g', 1, CG_PRIORITY_LOW, 1, UINT64_MAX);
    offer_at(admission, 'u', 1, CG_PRIORITY_URGENT, 1, 7);
    assert_order(admission, "ug", UINT64_MAX);
    cg_admission_free(admission);
}

/* Goal: each priority may fill its share, rounded down, of all that wait. */
static void test_shares(void **state) {
    (void)state;
    cg_admission_options options = small(1, 20);
    cg_admission *admission = make(&options);
    offer(admission, 1000, 1, CG_PRIORITY_LOW);
    const uint32_t limits[CG_PRIORITY_COUNT] = {14, 17, 19, 20};
    uint64_t id = 0;
    for (uint32_t p = 0; p < CG_PRIORITY_COUNT; p++) {
        while (offer(admission, id, 1, (cg_priority)p) == CG_ADMISSION_WAIT) {
            id++;
        }
        assert_int_equal(id, limits[p]);
        for (uint32_t below = 0; below <= p; below++) {
            assert_int_equal(offer(admission, 999, 2, (cg_priority)below), CG_ADMISSION_SHED);
        }
    }
    cg_admission_statistics statistics = cg_admission_statistics_of(admission);
    const uint64_t shed[CG_PRIORITY_COUNT] = {5, 4, 3, 2};
    assert_memory_equal(statistics.shed_by_priority, shed, sizeof shed);
    assert_int_equal(statistics.shed_queue, 14);
    assert_int_equal(statistics.waiting, 20);
    cg_admission_free(admission);

    options = small(1, 1);
    admission = make(&options);
    offer(admission, 1, 1, CG_PRIORITY_LOW);
    assert_int_equal(offer(admission, 2, 1, CG_PRIORITY_HIGH), CG_ADMISSION_SHED);
    assert_int_equal(offer(admission, 3, 1, CG_PRIORITY_URGENT), CG_ADMISSION_WAIT);
    assert_int_equal(offer(admission, 4, 1, CG_PRIORITY_URGENT), CG_ADMISSION_SHED);
    cg_admission_free(admission);

    options = small(2, 0);
    admission = make(&options);
    assert_int_equal(offer(admission, 1, 1, CG_PRIORITY_LOW), CG_ADMISSION_RUN);
    assert_int_equal(offer(admission, 2, 1, CG_PRIORITY_LOW), CG_ADMISSION_RUN);
    assert_int_equal(offer(admission, 3, 1, CG_PRIORITY_URGENT), CG_ADMISSION_SHED);
    cg_admission_done(admission, 0, 5);
    assert_int_equal(offer(admission, 3, 1, CG_PRIORITY_LOW), CG_ADMISSION_RUN);
    cg_admission_free(admission);
}

/* Goal: the forecast by hand, its mean, and shedding by it: who sends little still gets in. */
static void test_forecast(void **state) {
    (void)state;
    cg_admission_options options = small(2, 100);
    options.wait_max_ns = 4000;
    cg_admission *admission = make(&options);
    assert_int_equal(cg_admission_wait_forecast_ns(admission, CG_PRIORITY_LOW), 0);
    offer(admission, 900, 1, CG_PRIORITY_LOW);
    cg_admission_done(admission, 0, 800); /* the first is the mean: 800 */
    offer(admission, 900, 1, CG_PRIORITY_LOW);
    cg_admission_done(admission, 0, 1600); /* 800 + 800 / 8 */
    assert_int_equal(cg_admission_statistics_of(admission).mean_service_ns, 900);
    offer(admission, 900, 1, CG_PRIORITY_LOW);
    cg_admission_done(admission, 0, 1700); /* 900 + 100 */
    assert_int_equal(cg_admission_statistics_of(admission).mean_service_ns, 1000);
    offer(admission, 900, 1, CG_PRIORITY_LOW);
    assert_int_equal(cg_admission_wait_forecast_ns(admission, CG_PRIORITY_LOW), 0);
    offer(admission, 901, 1, CG_PRIORITY_LOW);
    assert_int_equal(cg_admission_wait_forecast_ns(admission, CG_PRIORITY_LOW), 500);
    uint64_t id = 0;
    while (offer(admission, id, 1, CG_PRIORITY_NORMAL) == CG_ADMISSION_WAIT) {
        id++;
    }
    assert_int_equal(id, 8); /* with 8 before, (8 + 1) * 1000 / 2 is above 4000 */
    assert_int_equal(cg_admission_wait_forecast_ns(admission, CG_PRIORITY_LOW), 4500);
    assert_int_equal(cg_admission_wait_forecast_ns(admission, CG_PRIORITY_HIGH), 500);
    assert_int_equal(cg_admission_client_forecast_ns(admission, CG_PRIORITY_NORMAL, 1), 4500);
    assert_int_equal(cg_admission_client_forecast_ns(admission, CG_PRIORITY_NORMAL, 2), 1000);
    assert_int_equal(offer(admission, 50, 2, CG_PRIORITY_NORMAL), CG_ADMISSION_WAIT);
    assert_int_equal(cg_admission_client_forecast_ns(admission, CG_PRIORITY_NORMAL, 2), 2000);
    assert_int_equal(cg_admission_statistics_of(admission).shed_wait, 1);
    cg_error error = {0};
    assert_ok(cg_admission_set_permits(admission, 1, &error), error);
    /* 2 run and 1 may: one more to be done before. */
    assert_int_equal(cg_admission_wait_forecast_ns(admission, CG_PRIORITY_HIGH), 2000);
    cg_admission_done(admission, 0, UINT64_MAX); /* counts as 2^42 */
    assert_int_equal(cg_admission_statistics_of(admission).mean_service_ns,
                     1000 + ((UINT64_C(1) << 42) - 1000) / 8);
    cg_admission_free(admission);
}

/* Goal: a client's bound is its own, and of one priority. */
static void test_client_bound(void **state) {
    (void)state;
    cg_admission_options options = small(1, 100);
    options.client_max = 2;
    cg_admission *admission = make(&options);
    offer(admission, 'x', 1, CG_PRIORITY_LOW);
    assert_int_equal(offer(admission, 1, 1, CG_PRIORITY_LOW), CG_ADMISSION_WAIT);
    assert_int_equal(offer(admission, 2, 1, CG_PRIORITY_LOW), CG_ADMISSION_WAIT);
    assert_int_equal(offer(admission, 3, 1, CG_PRIORITY_LOW), CG_ADMISSION_SHED);
    assert_int_equal(offer(admission, 3, 1, CG_PRIORITY_HIGH), CG_ADMISSION_WAIT);
    assert_int_equal(offer(admission, 4, 2, CG_PRIORITY_LOW), CG_ADMISSION_WAIT);
    assert_int_equal(cg_admission_statistics_of(admission).shed_client, 1);
    cg_admission_free(admission);
}

/* Goal: fewer permits than run: none is given until enough came back; more: at once. */
static void test_set_permits(void **state) {
    (void)state;
    cg_admission_options options = small(3, 10);
    cg_admission *admission = make(&options);
    for (uint64_t id = 0; id < 6; id++) {
        offer(admission, id, 1, CG_PRIORITY_LOW);
    }
    cg_error error = {0};
    uint64_t id = 0;
    assert_ok(cg_admission_set_permits(admission, 1, &error), error);
    for (uint32_t i = 0; i < 2; i++) {
        cg_admission_done(admission, 0, 1);
        assert_false(cg_admission_next(admission, 0, &id));
    }
    cg_admission_done(admission, 0, 1);
    assert_true(cg_admission_next(admission, 0, &id));
    assert_int_equal(id, 3);
    assert_false(cg_admission_next(admission, 0, &id));
    assert_ok(cg_admission_set_permits(admission, 2, &error), error);
    /* A permit is free, but someone waits: no newcomer passes him. */
    assert_int_equal(offer(admission, 9, 2, CG_PRIORITY_URGENT), CG_ADMISSION_WAIT);
    assert_true(cg_admission_next(admission, 0, &id));
    assert_int_equal(id, 9);
    assert_false(cg_admission_next(admission, 0, &id));
    cg_admission_free(admission);
}

/* A fixed program: fills, drains by half, withdraws. The first that fails ends it. */
static cg_status exercise(cg_admission *admission, uint64_t *failed_at) {
    cg_error error = {0};
    for (uint64_t i = *failed_at; i < 120; i++) {
        cg_ticket ticket = {i, (uint32_t)(i % 37), 1 + (uint32_t)(i % 5), (uint8_t)(i % 4)};
        cg_admission_verdict verdict = CG_ADMISSION_SHED;
        cg_status status = cg_admission_offer(admission, &ticket, i, &verdict, &error);
        if (status != CG_OK) {
            *failed_at = i;
            return status;
        }
        assert_int_not_equal(verdict, CG_ADMISSION_SHED);
    }
    return CG_OK;
}

/* Goal: with the n-th allocation failing, whatever n, the offer changes nothing; offered again
 * it goes through, and all come out in the same order as without failures. */
static void test_failing_allocations(void **state) {
    (void)state;
    cg_admission_options options = small(2, 200);
    uint64_t expected[118] = {0};
    uint32_t failures = 0;
    for (uint64_t n = 0;; n++) { /* 0: none fails */
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_admission *admission = NULL;
        cg_error error = {0};
        cg_allocator view = cg_counting_allocator_view(&counting);
        if (cg_admission_alloc(&options, view, &admission, &error) != CG_OK) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_null(admission);
            assert_int_equal(counting.live_bytes, 0);
            failures++;
            continue;
        }
        uint64_t at = 0;
        if (exercise(admission, &at) != CG_OK) {
            failures++;
            cg_admission_statistics statistics = cg_admission_statistics_of(admission);
            assert_int_equal(statistics.running + statistics.waiting, at);
            assert_int_equal(exercise(admission, &at), CG_OK);
        }
        for (uint32_t i = 0; i < 118; i++) {
            cg_admission_done(admission, 200, 10);
            uint64_t id = 0;
            assert_true(cg_admission_next(admission, 200, &id));
            expected[i] = n == 0 ? id : expected[i];
            assert_int_equal(id, expected[i]);
        }
        bool all = n > 0 && counting.fail_at > 0;
        cg_admission_free(admission);
        assert_int_equal(counting.live_bytes, 0);
        if (all) {
            break;
        }
    }
    assert_true(failures > 25);
}

/* Goal: nothing is allocated once as many have waited, and memory is bounded however many
 * clients there are and however long they are charged for. */
static void test_memory(void **state) {
    (void)state;
    cg_admission_options options = small(4, 100);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_admission *admission = NULL;
    cg_error error = {0};
    assert_ok(
        cg_admission_alloc(&options, cg_counting_allocator_view(&counting), &admission, &error),
        error);
    uint64_t warm = 0;
    for (uint64_t i = 0; i < 40000; i++) {
        warm = i == 20000 ? counting.calls : warm;
        offer_at(admission, i, (uint32_t)(i * 2654435761u), (cg_priority)(i / 64 % 4),
                 1 + (uint32_t)(i % 7) * 400000000, i);
        uint64_t id = 0;
        if (i % 500 >= 130) {
            cg_admission_done(admission, i, 10);
            cg_admission_next(admission, i, &id);
        }
        if (i % 3 == 0) {
            cg_admission_withdraw(admission, i - 2);
        }
    }
    assert_int_equal(counting.calls, warm);
    assert_int_equal(cg_admission_bytes(admission), counting.live_bytes);
    assert_true(counting.live_bytes < 65536);
    cg_admission_free(admission);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_tickets),
        cmocka_unit_test(test_strict_priority),
        cmocka_unit_test(test_fair_order),
        cmocka_unit_test(test_running_is_charged),
        cmocka_unit_test(test_ageing),
        cmocka_unit_test(test_overdue_in_order),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_client_bound),
        cmocka_unit_test(test_set_permits),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
