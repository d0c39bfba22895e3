/* Goal: the ledger of a request that another's step answers is the request's own up to where it got
 * and the other's from there on; the parts add up to the latency for any two of them. */
#include "engine/base/prng.h"
#include "sim/trace/ledger.h"
#include "tests/support/support.h"

/* Began at 100, in queue until 110, computed until 150; the other began at 130, was on the wire until
 * 170, waited for a timer until 260 and then for the disk until 300. What the other did before 150 is
 * taken off, from waiting for a timer first. */
static void test_known_values(void **state) {
    (void)state;
    sim_ledger own = sim_ledger_begin(100);
    own.request_id = 7;
    sim_ledger_charge(&own, SIM_LEDGER_QUEUE, 110);
    sim_ledger_charge(&own, SIM_LEDGER_COMPUTE, 150);
    sim_ledger cause = sim_ledger_begin(130);
    cause.request_id = 8;
    sim_ledger_charge(&cause, SIM_LEDGER_WIRE, 170);
    sim_ledger_charge(&cause, SIM_LEDGER_RETRY, 260);
    sim_ledger_charge(&cause, SIM_LEDGER_DISK, 300);
    sim_ledger joined = sim_ledger_join(&own, &cause);
    assert_int_equal(joined.request_id, 7);
    assert_int_equal(joined.start_ns, 100);
    assert_int_equal(joined.mark_ns, 300);
    assert_int_equal(joined.queue_ns, 10);
    assert_int_equal(joined.compute_ns, 40);
    assert_int_equal(joined.wire_ns, 40);
    assert_int_equal(joined.retry_ns, 70);
    assert_int_equal(joined.disk_ns, 40);
    /* One that began after it: the time between is waiting. */
    cause = sim_ledger_begin(200);
    sim_ledger_charge(&cause, SIM_LEDGER_TIER, 205);
    joined = sim_ledger_join(&own, &cause);
    assert_int_equal(joined.queue_ns, 10 + 50);
    assert_int_equal(joined.tier_ns, 5);
    assert_int_equal(joined.mark_ns, 205);
}

static sim_ledger random_ledger(cg_stream *draws, uint64_t until_ns) {
    uint64_t at_ns = cg_stream_next_below(draws, until_ns + 1);
    sim_ledger made = sim_ledger_begin(at_ns);
    while (at_ns < until_ns && cg_stream_next_below(draws, 8) > 0) {
        at_ns += cg_stream_next_below(draws, until_ns - at_ns + 1);
        sim_ledger_part part =
            (sim_ledger_part)cg_stream_next_below(draws, SIM_LEDGER_PART_COUNT);
        sim_ledger_charge(&made, part, at_ns);
    }
    return made;
}

static void test_sums(void **state) {
    (void)state;
    cg_stream draws = cg_stream_init(support_seed(3), "ledger.join", 0);
    for (int i = 0; i < 20000; i++) {
        sim_ledger own = random_ledger(&draws, 1000);
        sim_ledger cause = random_ledger(&draws, 2000);
        sim_ledger_charge(&cause, SIM_LEDGER_WIRE, 2000);
        sim_ledger joined = sim_ledger_join(&own, &cause);
        assert_int_equal(joined.mark_ns, 2000);
        assert_int_equal(joined.start_ns, own.start_ns);
        assert_int_equal(sim_ledger_total_ns(&joined), 2000 - own.start_ns);
        for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
            assert_true(sim_ledger_part_ns(&joined, (sim_ledger_part)part) >=
                        sim_ledger_part_ns(&own, (sim_ledger_part)part));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
