/* Goal: integer neurons fire when the closed form says, the competition is an exact argmax with
 * ties by id, and plasticity follows its curve. (Spec A4, A5.) */
#include "tests/support/support.h"

#include <math.h>

#include "engine/snn/lif.h"
#include "engine/snn/stdp.h"

static void first_spike_follows_the_closed_form(void **state) {
    (void)state;
    assert_int_equal(cg_lif_first_spike(131072, 65536), 139); /* 200 ln 2 = 138.63 */
    for (double ratio = 1.02; ratio < 50.0; ratio *= 1.05) {
        uint32_t drive = (uint32_t)(65536.0 * ratio);
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

enum { NEURONS = 300 };

static void competition_is_argmax_with_ties_by_id(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(8), "test.lif", 0);
    for (int round = 0; round < 600; round++) {
        uint32_t count = 1 + (uint32_t)cg_stream_next_below(&stream, NEURONS);
        uint64_t range = round % 3 == 0 ? 5 : round % 3 == 1 ? 1000 : UINT64_C(1) << 32;
        uint32_t drives[NEURONS];
        uint32_t ids[NEURONS];
        uint32_t potentials[NEURONS];
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
        cg_lif_result result = cg_lif_compete(drives, ids, count, potentials, &work);
        assert_int_equal(result.winner, best);
        assert_int_equal(result.runner_up, count == 1 ? best : second);
        assert_int_equal(result.spike_step, drives[best] == 0 ? CG_LIF_STEPS_MAX : 139);
        assert_int_equal(work.units[CG_WORK_LIF_STEP], (uint64_t)result.steps * count);
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
        cmocka_unit_test(competition_is_argmax_with_ties_by_id),
        cmocka_unit_test(plasticity_follows_its_curve),
        cmocka_unit_test(repeated_pairs_approach_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
