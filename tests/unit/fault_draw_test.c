/* Goal: faults drawn at random come as often and last as long as wished, say nothing that a
 * scenario could not say, are over at the end, and follow from the seed alone. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "sim/scenario/fault_draw.h"
#include "sim/scenario/fault_text.h"

static const uint64_t second_ns = UINT64_C(1000000000);

static sim_options *options_of(uint64_t seed, uint32_t hosts) {
    sim_options *options = malloc(sizeof *options);
    assert_non_null(options);
    sim_options_default(options);
    options->seed = seed;
    options->cluster.hosts = hosts;
    return options;
}

static void draw(const sim_fault_wish *wishes, uint32_t count, sim_options *options) {
    cg_error error;
    assert_ok(sim_fault_draw(wishes, count, options, &error), error);
    assert_ok(sim_options_check(options, &error), error);
}

/* Everything that can be drawn: in order, inside its time, and sound as a list of faults; the
 * text reads back. */
static void test_sound(void **state) {
    (void)state;
    uint64_t seed = support_seed(4);
    for (uint64_t turn = 0; turn < 40; turn++) {
        sim_fault_wish wishes[SIM_FAULT_ACTIONS];
        uint32_t count = 0;
        for (int action = 0; action < SIM_FAULT_ACTIONS; action++) {
            if (sim_fault_drawn((sim_fault_action)action)) {
                wishes[count++] = (sim_fault_wish){.action = (sim_fault_action)action,
                                                   .from_ns = second_ns,
                                                   .until_ns = 20 * second_ns,
                                                   .mean_ns = 5 * second_ns,
                                                   .length_ns = second_ns};
            }
        }
        assert_int_equal(count, 14);
        sim_options *options = options_of(seed + turn, 2 + (uint32_t)turn % 9);
        draw(wishes, count, options);
        assert_true(options->fault_count > 14);
        for (uint32_t i = 0; i < options->fault_count; i++) {
            const sim_fault *fault = &options->faults[i];
            assert_true(fault->at_ns > second_ns && fault->at_ns <= 20 * second_ns);
            assert_true(fault->at_ns + fault->down_ns <= 20 * second_ns);
            assert_true(fault->ends_ns <= 20 * second_ns);
            bool comes_back =
                fault->action == SIM_FAULT_CRASH || fault->action == SIM_FAULT_DISK_LOSS;
            assert_true(comes_back == (fault->down_ns > 0));
            assert_true((fault->action == SIM_FAULT_PARTITION) == (fault->ends_ns > 0));
        }
        char *text = NULL;
        sim_options *again = malloc(sizeof *again);
        cg_error error;
        assert_ok(sim_options_format(options, &text, &error), error);
        assert_ok(sim_options_parse(text, again, &error), error);
        assert_int_equal(again->fault_count, options->fault_count);
        free(text);
        free(again);
        free(options);
    }
}

/* At the end every setting is what it was: the last word on each. */
static void test_over(void **state) {
    (void)state;
    const sim_fault_wish wishes[] = {
        {SIM_FAULT_SLOW_DISK, 0, 9 * second_ns, second_ns, second_ns},
        {SIM_FAULT_CLOCK, 0, 9 * second_ns, second_ns, second_ns},
        {SIM_FAULT_LATENCY, 0, 9 * second_ns, second_ns, second_ns},
        {SIM_FAULT_LOSS, 0, 9 * second_ns, second_ns, second_ns}};
    sim_options *options = options_of(7, 1);
    options->cluster.network.loss = 0.01;
    draw(wishes, 4, options);
    uint64_t latency_ns = 0;
    double loss = 0.0;
    double factor = 0.0;
    int64_t skew_ns = 1;
    uint32_t clocks_wrong = 0;
    for (uint32_t i = 0; i < options->fault_count; i++) {
        const sim_fault *fault = &options->faults[i];
        latency_ns = fault->action == SIM_FAULT_LATENCY ? fault->duration_ns : latency_ns;
        loss = fault->action == SIM_FAULT_LOSS ? fault->probability : loss;
        factor = fault->action == SIM_FAULT_SLOW_DISK ? fault->factor : factor;
        skew_ns = fault->action == SIM_FAULT_CLOCK ? fault->skew_ns : skew_ns;
        clocks_wrong += fault->action == SIM_FAULT_CLOCK && fault->skew_ns != 0;
    }
    assert_int_equal(latency_ns, options->cluster.network.latency_ns);
    assert_true(loss == 0.01 && factor == 1.0 && skew_ns == 0 && clocks_wrong > 2);
    free(options);
}

/* A Poisson process: n faults in T with n / T = 1 / mean, and lengths of the mean wished, both
 * within four deviations. */
static void test_rates(void **state) {
    (void)state;
    double faults = 0.0;
    double length_s = 0.0;
    const sim_fault_wish wish = {SIM_FAULT_CRASH, 0, 200 * second_ns, 2 * second_ns,
                                 second_ns / 4};
    uint32_t torn = 0;
    uint32_t on_host[4] = {0};
    for (uint64_t seed = 0; seed < 40; seed++) {
        sim_options *options = options_of(seed, 4);
        draw(&wish, 1, options);
        for (uint32_t i = 0; i < options->fault_count; i++) {
            faults += 1.0;
            length_s += (double)options->faults[i].down_ns / 1e9;
            torn += options->faults[i].torn;
            on_host[options->faults[i].hosts[0]]++;
        }
        free(options);
    }
    assert_true(faults > 4000.0 - 4.0 * 63.3 && faults < 4000.0 + 4.0 * 63.3);
    assert_true(length_s / faults > 0.25 - 0.016 && length_s / faults < 0.25 + 0.016);
    assert_in_range(torn, 1870, 2130);
    for (int i = 0; i < 4; i++) {
        assert_in_range(on_host[i], 880, 1120);
    }
}

static bool is_same(const sim_fault *left, const sim_fault *right) {
    return left->at_ns == right->at_ns && left->action == right->action &&
           left->host_count == right->host_count && left->hosts[0] == right->hosts[0] &&
           left->down_ns == right->down_ns && left->torn == right->torn;
}

/* A wish more changes nothing in those before it; the seed changes all; what is listed stays. */
static void test_streams(void **state) {
    (void)state;
    const sim_fault_wish wishes[] = {
        {SIM_FAULT_CRASH, 0, 20 * second_ns, second_ns, second_ns},
        {SIM_FAULT_PARTITION, 0, 20 * second_ns, second_ns, second_ns}};
    sim_options *one = options_of(3, 5);
    sim_options *both = options_of(3, 5);
    sim_options *other = options_of(4, 5);
    sim_fault listed = {
        .at_ns = 2 * second_ns, .action = SIM_FAULT_BIT_ROT, .host_count = 1, .hosts = {2}};
    both->faults[both->fault_count++] = listed;
    draw(wishes, 1, one);
    draw(wishes, 2, both);
    draw(wishes, 1, other);
    uint32_t next = 0;
    bool kept = false;
    for (uint32_t i = 0; i < both->fault_count; i++) {
        if (both->faults[i].action == SIM_FAULT_CRASH) {
            assert_true(is_same(&both->faults[i], &one->faults[next]));
            next++;
        }
        kept = kept || is_same(&both->faults[i], &listed);
    }
    assert_int_equal(next, one->fault_count);
    assert_true(kept && next > 5);
    assert_true(other->faults[0].at_ns != one->faults[0].at_ns);
    free(one);
    free(both);
    free(other);
}

static void test_input(void **state) {
    (void)state;
    cg_error error;
    sim_options *options = options_of(1, 1);
    sim_fault_wish wish = {SIM_FAULT_HEAL, 0, second_ns, second_ns, second_ns};
    assert_status(sim_fault_draw(&wish, 1, options, &error), CG_ERROR_INVALID, error,
                  "random[1]: a heal is not drawn; crash, disk_loss");
    wish.action = SIM_FAULT_PARTITION;
    assert_status(sim_fault_draw(&wish, 1, options, &error), CG_ERROR_INVALID, error,
                  "random[1]: a partition needs at least 2 hosts, but cluster.hosts is 1");
    wish.action = SIM_FAULT_CRASH;
    wish.mean_ns = 1000;
    assert_status(sim_fault_draw(&wish, 1, options, &error), CG_ERROR_INVALID, error,
                  "random[1]: more than 256 faults are drawn and listed");
    assert_int_equal(options->fault_count, 0);
    wish.from_ns = 2 * second_ns; /* after its end: nothing */
    assert_ok(sim_fault_draw(&wish, 1, options, &error), error);
    assert_int_equal(options->fault_count, 0);
    free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound), cmocka_unit_test(test_over),
        cmocka_unit_test(test_rates), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
