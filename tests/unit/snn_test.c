/* Goal: integer neurons fire when the closed form says, the competition is an exact argmax with
 * ties by id, groups compete as one, soft inhibition has its known values, a routed spike charges
 * what it should, and plasticity follows its curve. (Spec A4, A5, A8.) */
#include "tests/support/support.h"

#include <float.h>
#include <math.h>

#include "engine/snn/lif.h"
#include "engine/snn/route.h"
#include "engine/snn/soft.h"
#include "engine/snn/stdp.h"
#include "engine/snn/wta.h"

static void first_spike_follows_the_closed_form(void **state) {
    (void)state;
    assert_int_equal(cg_lif_first_spike(131072, 65536), 139); /* 200 ln 2 = 138.63 */
    for (uint32_t drive = 66847; drive < 50 * 65536; drive += drive / 20) {
        double exact = 200.0 * log((double)drive / ((double)drive - 65536.0));
        /* Euler's own closed form: the step n where 1 - (1 - 1/200)^n passes threshold / drive.
         */
        double euler = ceil(log(1.0 - 65536.0 / (double)drive) / log(1.0 - 1.0 / 200.0));
        uint32_t step = cg_lif_first_spike(drive, 65536);
        assert_true(fabs((double)step - euler) <= 1.0);
        assert_true(fabs((double)step - exact) <= 1.0 + exact / 300.0);
    }
    uint32_t last = 0;
    for (uint32_t drive = 400000; drive > 65536; drive -= 777) {
        uint32_t step = cg_lif_first_spike(drive, 65536);
        assert_true(step >= last);
        last = step;
    }
    assert_int_equal(cg_lif_first_spike(65536, 65536), CG_LIF_STEPS_MAX);
    assert_int_equal(cg_lif_first_spike(0, 0), CG_LIF_STEPS_MAX);
    assert_int_equal(cg_lif_first_spike(UINT32_MAX, UINT32_MAX / 2), 139);
}

static void first_spikes_have_known_times(void **state) {
    (void)state;
    /* tau ln(r / (r - 1)) for r = drive / threshold, tau = 200 steps */
    static const struct {
        uint32_t drive;
        double exact_steps;
    } known[] = {
        {101, 923.024}, {105, 608.904},  {110, 479.579},  {125, 321.888},
        {150, 219.722}, {200, 138.629},  {300, 81.0930},  {400, 57.5364},
        {500, 44.6287}, {1000, 21.0721}, {2000, 10.2587}, {10000, 2.01007},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double exact = known[i].exact_steps;
        for (uint32_t unit = 1; unit <= 400000; unit = unit * 7 + 3) { /* only ratios count */
            double step = cg_lif_first_spike(known[i].drive * unit, 100 * unit);
            assert_true(step >= exact * (1.0 - 1.0 / 300.0) && step <= exact + 1.0);
        }
    }
}

enum { NEURONS = 300 };

static void competition_is_argmax_with_ties_by_id(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(8), "test.lif", 0);
    for (int round = 0; round < 600; round++) {
        uint32_t count = 1 + (uint32_t)cg_stream_next_below(&stream, NEURONS);
        uint64_t range = round % 3 == 0 ? 5 : round % 3 == 1 ? 1000 : UINT64_C(1) << 32;
        uint32_t drives[NEURONS] = {0};
        uint32_t ids[NEURONS];
        for (uint32_t i = 0; i < count; i++) {
            drives[i] = (uint32_t)cg_stream_next_below(&stream, range);
            if (round % 3 == 2) {
                drives[i] = UINT32_MAX - drives[i] % 7; /* as near as drives can be */
            }
            ids[i] = i;
        }
        cg_stream_shuffle_u32(&stream, ids, count);
        uint32_t best = 0;
        uint32_t second = count;
        for (uint32_t i = 1; i < count; i++) {
            if (drives[i] > drives[best] || (drives[i] == drives[best] && ids[i] < ids[best])) {
                best = i;
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            if (i != best && (second == count || drives[i] > drives[second] ||
                              (drives[i] == drives[second] && ids[i] < ids[second]))) {
                second = i;
            }
        }
        cg_work work = {0};
        cg_lif_result result = cg_lif_compete(drives, ids, count, &work);
        assert_int_equal(result.winner, best);
        assert_int_equal(result.runner_up, count == 1 ? best : second);
        assert_int_equal(result.spike_step, drives[best] == 0 ? CG_LIF_STEPS_MAX : 139);
        assert_int_equal(work.units[CG_WORK_LIF_STEP], count + (drives[best] == 0 ? 0 : 139));
    }
}

static void votes_become_drives(void **state) {
    (void)state;
    const double votes[] = {0.5, 1.0, 0.0, -3.0, (double)NAN, 1e-12, 1.0 - DBL_EPSILON / 2};
    uint32_t drives[7];
    assert_true(cg_wta_largest_vote(votes, 7) == 1.0);
    cg_wta_drives(votes, 7, 1.0, drives);
    const uint32_t expected[] = {1073741823, 2147483647, 0, 0, 0, 0, 2147483645};
    assert_memory_equal(drives, expected, sizeof drives);
    cg_wta_drives(votes, 2, 2.0, drives); /* the largest vote is on another host */
    assert_int_equal(drives[1], 1073741823);
    cg_wta_drives(votes, 2, 0.25, drives); /* and here it is a lie */
    assert_int_equal(drives[0], CG_WTA_DRIVE_LARGEST);
    cg_wta_drives(votes, 2, cg_wta_largest_vote(votes, 0), drives);
    assert_int_equal(drives[0] | drives[1], 0);
    const double endless[] = {(double)INFINITY, 1.0};
    cg_wta_drives(endless, 2, cg_wta_largest_vote(endless, 2), drives);
    assert_int_equal(drives[0], CG_WTA_DRIVE_LARGEST);
    assert_int_equal(drives[1], 0);
}

/* Group 1 has both of the first two; groups 0 and 4 are empty; ids decide the tie, above 32 bits.
 */
static void groups_compete_again(void **state) {
    (void)state;
    const uint32_t drives[] = {7, 9, 9, 1, 8};
    const uint64_t ids[] = {1, (UINT64_C(2) << 32) | 0, (UINT64_C(1) << 32) | 5, 4, 3};
    const uint32_t offsets[] = {0, 0, 3, 4, 5, 5};
    cg_work work = {0};
    cg_wta_result result =
        cg_wta_compete_groups(&(cg_wta_groups){drives, ids, offsets, 5}, &work);
    assert_true(result.champions.winner.id == ids[2]);
    assert_true(result.champions.runner_up.id == ids[1]);
    assert_int_equal(result.champions.winner.source, 1);
    assert_int_equal(result.champions.winner.drive, 9);
    assert_int_equal(result.champions.places, 2);
    assert_int_equal(result.spike_step, 139);
    /* Three groups look at five neurons and step their best; then the best of all. */
    assert_int_equal(work.operations[CG_WORK_LIF_STEP], 3 + 4 * 139);
    assert_int_equal(work.units[CG_WORK_LIF_STEP], 5 + 4 * 139);
    const uint32_t silent[] = {0, 0};
    const uint32_t halves[] = {0, 1, 2};
    result = cg_wta_compete_groups(&(cg_wta_groups){silent, ids + 3, halves, 2}, NULL);
    assert_int_equal(result.champions.winner.id, 3);
    assert_int_equal(result.champions.runner_up.id, 4);
    assert_int_equal(result.spike_step, CG_LIF_STEPS_MAX);
    cg_champions one = cg_wta_champions(drives, ids, 1, 6, NULL);
    assert_int_equal(one.places, 1);
    assert_int_equal(one.runner_up.id, 1);
    assert_int_equal(one.runner_up.source, 6);
}

static cg_soft_result soft_of(const cg_soft_options *options, const uint32_t *drives,
                              const uint32_t *positions, uint32_t count, double *activity) {
    cg_soft *soft = NULL;
    cg_error error = {0};
    assert_ok(cg_soft_alloc(options, 100, cg_allocator_heap(), &soft, &error), error);
    cg_work work = {0};
    cg_soft_result result = cg_soft_settle(soft, drives, positions, count, activity, &work);
    assert_true(work.operations[CG_WORK_LIF_STEP] >= result.steps);
    assert_true(result.tries > 1 || work.operations[CG_WORK_LIF_STEP] == result.steps);
    assert_int_equal(work.units[CG_WORK_LIF_STEP], work.operations[CG_WORK_LIF_STEP] * count);
    cg_soft_free(soft);
    return result;
}

static void soft_inhibition_has_known_values(void **state) {
    (void)state;
    cg_soft_options options = cg_soft_options_default();
    options.tolerance = 1e-10;
    const uint32_t drives[] = {900, 1000};
    const uint32_t together[] = {7, 7};
    const uint32_t near[] = {11, 7}; /* one sigma apart: K = exp(-1/2) */
    const uint32_t far[] = {0, 99};
    double a[4];
    cg_soft_result result = soft_of(&options, drives, together, 2, a);
    assert_true(fabs(a[0] - 0.533333333) < 1e-9 && fabs(a[1] - 0.733333333) < 1e-9);
    assert_true(result.converged && result.winner == 1 && result.active == 2);
    assert_true(fabs(result.contrast - 0.733333333 / 1.266666667) < 1e-9);
    result = soft_of(&options, drives, near, 2, a);
    assert_true(result.converged);
    assert_true(fabs(a[0] - 0.657174959) < 1e-9 && fabs(a[1] - 0.800701619) < 1e-9);
    result = soft_of(&options, drives, far, 2, a); /* out of each other's sight */
    assert_true(result.converged);
    assert_true(fabs(a[0] - 0.9) < 1e-9 && fabs(a[1] - 1.0) < 1e-9);
    options.gain = 0.95;
    result = soft_of(&options, drives, together, 2, a); /* 0.9 < 0.95: silenced */
    assert_true(a[0] == 0.0 && fabs(a[1] - 1.0) < 1e-9);
    assert_true(result.contrast == 1.0 && result.active == 1);
    options.steps_max = 1;
    result = soft_of(&options, drives, together, 2, a);
    assert_true(!result.converged && result.steps == 1 && result.residual > 0.01);
    const uint32_t silence[] = {0, 0};
    result = soft_of(&options, silence, NULL, 2, a);
    assert_true(result.converged && result.contrast == 0.0 && a[0] + a[1] == 0.0);
}

/* Three at 50 hold each other down, and 990 sits alone at 0. */
static void soft_inhibition_keeps_the_winner(void **state) {
    (void)state;
    cg_soft_options options = cg_soft_options_default();
    options.steps_max = 100000;
    const uint32_t drives[] = {1000, 995, 995, 990};
    const uint32_t positions[] = {50, 50, 50, 0};
    double a[4];
    options.keeps_winner = false;
    cg_soft_result result = soft_of(&options, drives, positions, 4, a);
    assert_int_equal(result.winner, 3);
    assert_true(result.gain == 0.5);
    options.keeps_winner = true;
    result = soft_of(&options, drives, positions, 4, a);
    assert_int_equal(result.winner, 0);
    /* 15/16 of (1 - 0.99) / (0.995 + 0.995) */
    assert_true(fabs(result.gain - 0.00471105528) < 1e-9);
    assert_int_equal(result.tries, 8);
    /* At gain 0.25 the best of the three has (1 - 0.25 * 2.8 / 1.5) / 0.75 = 0.711, at 0.125
     * 0.823. */
    const uint32_t clearer[] = {1000, 900, 900, 800};
    result = soft_of(&options, clearer, positions, 4, a);
    assert_true(result.gain == 0.125 && result.tries == 3 && result.winner == 0);
    assert_true(fabs(a[0] - 0.822857143) < 1e-5);
}

static void soft_options_are_checked(void **state) {
    (void)state;
    const cg_soft_options good = cg_soft_options_default();
    cg_soft *soft = NULL;
    cg_error error = {0};
#define REFUSED(part)                                                                          \
    assert_status(cg_soft_alloc(&options, 10, cg_allocator_heap(), &soft, &error),             \
                  CG_ERROR_INVALID, error, part)
    cg_soft_options options = good;
    options.gain = 1.0;
    REFUSED("gain");
    options.gain = (double)NAN;
    REFUSED("gain");
    options = good;
    options.sigma = 0.0;
    REFUSED("sigma");
    options = good;
    options.tolerance = 0.0;
    REFUSED("tolerance");
    options = good;
    options.steps_max = 0;
    REFUSED("steps_max");
    assert_status(cg_soft_alloc(&good, 0, cg_allocator_heap(), &soft, &error), CG_ERROR_INVALID,
                  error, "positions");
    for (uint64_t fail_at = 1; fail_at <= 3; fail_at++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = fail_at;
        assert_status(
            cg_soft_alloc(&good, 10, cg_counting_allocator_view(&counting), &soft, &error),
            CG_ERROR_MEMORY, error, "positions");
        assert_int_equal(counting.live_bytes, 0);
    }
    assert_null(soft);
}

/* Two hosts of two cores; channel 1 has synapses on core 1 alone, channel 0 on cores 1 and 3. */
static void spikes_go_where_they_are_wanted(void **state) {
    (void)state;
    const uint32_t neurons[] = {1, 2, 1, 1};
    const cg_synapse synapses[] = {
        {0, 3, 0, 65536}, {1, 1, 1, 65536}, {0, 1, 1, 32768}, {0, 1, 0, 100}};
    const cg_route_options options = {.channel_count = 3,
                                      .core_count = 4,
                                      .cores_per_host = 2,
                                      .neuron_counts = neurons,
                                      .window_ticks = 100000};
    const cg_spike spikes[] = {{0, 0}, {2, 50}, {1, 99999}};
    cg_error error = {0};
    cg_route *route = NULL;
    cg_route_batch hosts;
    cg_route_batch cores;
    cg_route_batch_init(&hosts, cg_allocator_heap());
    cg_route_batch_init(&cores, cg_allocator_heap());
    assert_ok(cg_route_alloc(&options, synapses, 4, cg_allocator_heap(), &route, &error),
              error);
    assert_int_equal(cg_route_host_count(route), 2);
    assert_ok(cg_route_to_hosts(route, (cg_spikes){spikes, 3}, &hosts, &error), error);
    assert_int_equal(hosts.counts.spikes, 3);
    assert_int_equal(hosts.counts.deliveries, 3);
    assert_int_equal(hosts.counts.saved, 3);
    assert_int_equal(cg_route_batch_spikes(&hosts, 0).count, 2);
    assert_int_equal(cg_route_batch_spikes(&hosts, 1).count, 1);
    assert_ok(cg_route_to_cores(route, 0, cg_route_batch_spikes(&hosts, 0), &cores, &error),
              error);
    assert_int_equal(cg_route_batch_spikes(&cores, 0).count, 0);
    uint64_t currents[2] = {0};
    cg_route_integrate(route, &cores, 1, currents, NULL);
    assert_true(currents[0] == 10000000 && currents[1] == 3276865536);
    const uint64_t sums[] = {UINT64_C(1) << 40, (UINT64_C(1) << 40) - 1, 512, 0};
    uint32_t drives[4];
    cg_route_drives(sums, 4, cg_route_largest_current(sums, 4), drives);
    const uint32_t expected[] = {UINT32_C(1) << 31, (UINT32_C(1) << 31) - 1, 1, 0};
    assert_memory_equal(drives, expected, sizeof drives);
    cg_route_batch_deinit(&hosts);
    cg_route_batch_deinit(&cores);
    cg_route_free(route);
}

static void plasticity_has_known_values(void **state) {
    (void)state;
    /* 32768 + 327.68 exp(-t / 16.8 ms), and 32768 - 261.616 exp(t / 33.7 ms) before */
    static const struct {
        int64_t delay_ns;
        uint32_t weight_q16;
    } known[] = {
        {-200000000, 32767}, {-100000000, 32755}, {-50000000, 32709}, {-33700000, 32672},
        {-20000000, 32623},  {-10000000, 32574},  {-1000000, 32514},  {-10000, 32506},
        {0, 32768},          {10000, 33095},      {1000000, 33077},   {5000000, 33011},
        {10000000, 32949},   {16800000, 32889},   {20000000, 32868},  {50000000, 32785},
        {100000000, 32769},  {200000000, 32768},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t pre = 1000000000;
        uint64_t post = pre + (uint64_t)known[i].delay_ns;
        assert_int_equal(cg_stdp_update(32768, pre, post, NULL), known[i].weight_q16);
    }
}

static void weights_stay_within_their_bounds(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(9), "test.stdp", 0);
    uint32_t weight = 32768;
    for (uint32_t update = 0; update < 1000000; update++) {
        uint64_t draw = cg_stream_next(&stream);
        if (draw % 1000 == 0) { /* from anywhere, the bounds included */
            weight = draw % 3000 ? (uint32_t)(draw >> 32) % 65537 : (draw >> 63 ? 66u : 65536u);
        }
        uint64_t pre = draw >> 36;
        uint64_t post = (draw >> 8) & 0xfffffff;
        uint32_t next = cg_stdp_update(weight, pre, post, NULL);
        bool bounded = next >= CG_STDP_WEIGHT_MIN_Q16 && next <= CG_STDP_WEIGHT_MAX_Q16;
        bool inside = weight >= CG_STDP_WEIGHT_MIN_Q16;
        bool directed = post > pre ? next >= weight : post < pre ? next <= weight : true;
        assert_true(bounded && (!inside || directed));
        weight = next;
    }
}

static void plasticity_follows_its_curve(void **state) {
    (void)state;
    const uint64_t now = 1000000000;
    assert_int_equal(cg_stdp_update(32768, now, now + 16800000, NULL), 32889);
    assert_int_equal(cg_stdp_update(32768, now, now, NULL), 32768);
    for (uint32_t weight = CG_STDP_WEIGHT_MIN_Q16; weight <= CG_STDP_WEIGHT_MAX_Q16;
         weight += 501) {
        for (uint64_t gap_ns = 100000; gap_ns < 400000000; gap_ns = gap_ns * 3 / 2) {
            double gap_ms = (double)gap_ns / 1e6;
            double up = weight + 0.01 * (65536.0 - weight) * exp(-gap_ms / 16.8);
            double down = weight - 0.008 * (weight - 66.0) * exp(-gap_ms / 33.7);
            assert_true(fabs(cg_stdp_update(weight, now, now + gap_ns, NULL) - up) <= 0.5001);
            assert_true(fabs(cg_stdp_update(weight, now, now - gap_ns, NULL) - down) <= 0.5001);
        }
    }
    assert_int_equal(cg_stdp_update(0, now, now, NULL), CG_STDP_WEIGHT_MIN_Q16);
    assert_int_equal(cg_stdp_update(UINT32_MAX, now, now, NULL), CG_STDP_WEIGHT_MAX_Q16);
    cg_work work = {0};
    (void)cg_stdp_update(5000, now, now + 1, &work);
    assert_int_equal(work.operations[CG_WORK_STDP_UPDATE], 1);
}

static void repeated_pairs_approach_the_bounds(void **state) {
    (void)state;
    uint32_t up = CG_STDP_WEIGHT_MIN_Q16;
    uint32_t down = CG_STDP_WEIGHT_MAX_Q16;
    for (int pair = 0; pair < 5000; pair++) {
        uint32_t next = cg_stdp_update(up, 1000, 2000, NULL);
        assert_true(next >= up);
        up = next;
        next = cg_stdp_update(down, 2000, 1000, NULL);
        assert_true(next <= down);
        down = next;
    }
    assert_true(up > 65536 * 99 / 100);
    assert_true(down < 65536 / 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_spike_follows_the_closed_form),
        cmocka_unit_test(first_spikes_have_known_times),
        cmocka_unit_test(competition_is_argmax_with_ties_by_id),
        cmocka_unit_test(votes_become_drives),
        cmocka_unit_test(groups_compete_again),
        cmocka_unit_test(soft_inhibition_has_known_values),
        cmocka_unit_test(soft_inhibition_keeps_the_winner),
        cmocka_unit_test(soft_options_are_checked),
        cmocka_unit_test(spikes_go_where_they_are_wanted),
        cmocka_unit_test(plasticity_has_known_values),
        cmocka_unit_test(weights_stay_within_their_bounds),
        cmocka_unit_test(plasticity_follows_its_curve),
        cmocka_unit_test(repeated_pairs_approach_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
