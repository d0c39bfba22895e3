/* Goal: messages take the latency that was set: to the nanosecond where it is constant or a
 * trace, and by the law otherwise: 10^5 draws through the fabric against the closed form, by
 * Kolmogorov and Smirnov. The critical value at 0.001 is 1.9495 / sqrt(n) (Smirnov, Ann. Math.
 * Stat. 19, 1948), and the seed is fixed. */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cluster/fabric.h"
#include "sim/scenario/time_limit.h"

enum { DRAWS = 100000 };

static const double half_root = 0.70710678118654752; /* sqrt(1/2) */
static const double critical = 1.9495;               /* at 0.001, over sqrt(n) */

static sim_fabric *make(const sim_delay *law, uint64_t jitter_ns) {
    sim_fabric *fabric = NULL;
    cg_error error;
    sim_fabric_options options = {
        .hosts = 300, .seed = 11, .delay = law, .jitter_ns = jitter_ns};
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    return fabric;
}

/* P(latency <= x). */
static double distribution(const sim_delay *law, double x) {
    double place = (double)law->place_ns;
    double spread = (double)law->spread_ns;
    double over = x - (double)law->least_ns;
    switch (law->kind) {
    case SIM_DELAY_UNIFORM:
        return x >= spread ? 1.0 : (x - place + 1.0) / (spread - place + 1.0);
    case SIM_DELAY_NORMAL: {
        double below = 0.5 * erfc(place / spread * half_root);
        return (0.5 * erfc((place - x) / spread * half_root) - below) / (1.0 - below);
    }
    case SIM_DELAY_LOGNORMAL:
        return 0.5 * erfc(-log(x / place) / law->shape * half_root);
    case SIM_DELAY_EXPONENTIAL:
        return 1.0 - exp(-over / place);
    case SIM_DELAY_PARETO:
        return 1.0 - pow(1.0 + over / place, -law->shape);
    case SIM_DELAY_CONSTANT:
    case SIM_DELAY_TRACE:
    case SIM_DELAY_CYCLE:
        break;
    }
    fail();
    return 0.0;
}

static int by_value(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* sup |F_n - F|; steps of a nanosecond are far below the critical value. */
static double distance(const sim_delay *law, uint64_t *drawn_ns) {
    double most = 0.0;
    qsort(drawn_ns, DRAWS, sizeof *drawn_ns, by_value);
    for (int i = 0; i < DRAWS; i++) {
        double at = distribution(law, (double)drawn_ns[i]);
        double above = (double)(i + 1) / DRAWS - at;
        double below = at - (double)i / DRAWS;
        most = above > most ? above : most;
        most = below > most ? below : most;
    }
    return most;
}

/* Over many pairs, so that pairs are independent of each other too. */
static void draw_all(const sim_delay *law, uint64_t *drawn_ns) {
    sim_fabric *fabric = make(law, 0);
    cg_error error;
    for (uint32_t i = 0; i < DRAWS; i++) {
        sim_flight flight;
        uint32_t from = i % 100;
        assert_ok(sim_fabric_send(fabric, from, 100 + i % 200, i, 1, &flight, &error), error);
        drawn_ns[i] = flight.delay_ns[0];
    }
    sim_fabric_free(fabric);
}

static void test_distributions(void **state) {
    (void)state;
    static const sim_delay laws[] = {
        {.kind = SIM_DELAY_UNIFORM, .place_ns = 50000, .spread_ns = 150000},
        {.kind = SIM_DELAY_NORMAL, .place_ns = 1000000, .spread_ns = 100000},
        {.kind = SIM_DELAY_NORMAL, .place_ns = 1000000, .spread_ns = 3000000}, /* cut at 0 */
        {.kind = SIM_DELAY_LOGNORMAL, .place_ns = 1000000, .shape = 0.5},
        {.kind = SIM_DELAY_EXPONENTIAL, .place_ns = 1000000},
        {.kind = SIM_DELAY_EXPONENTIAL, .place_ns = 1000000, .least_ns = 70000},
        {.kind = SIM_DELAY_PARETO, .place_ns = 1000000, .shape = 1.5},
        {.kind = SIM_DELAY_PARETO, .place_ns = 100000, .shape = 2.5, .least_ns = 100000},
    };
    uint64_t *drawn_ns = malloc(DRAWS * sizeof *drawn_ns);
    assert_non_null(drawn_ns);
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        draw_all(&laws[i], drawn_ns);
        double apart = distance(&laws[i], drawn_ns) * sqrt(DRAWS);
        if (!(apart < critical)) {
            fail_msg("law %zu: %.4f is not below %.4f", i, apart, critical);
        }
        /* The test can fail: a law that is 2% off is told apart. */
        sim_delay off = laws[i];
        off.place_ns = off.place_ns / 50 * 51;
        if (off.kind != SIM_DELAY_NORMAL || off.spread_ns < off.place_ns) {
            assert_true(distance(&off, drawn_ns) * sqrt(DRAWS) > critical);
        }
    }
    free(drawn_ns);
}

static void test_constants_and_traces(void **state) {
    (void)state;
    const sim_delay constant = {.place_ns = 123457};
    const sim_delay cycle = {
        .kind = SIM_DELAY_CYCLE, .trace_count = 3, .trace_ns = {5, 7, 1000000}};
    const sim_delay trace = {
        .kind = SIM_DELAY_TRACE, .trace_count = 4, .trace_ns = {10, 20, 30, 40}};
    sim_fabric *fixed = make(&constant, 0);
    sim_fabric *turns = make(&cycle, 0);
    sim_fabric *drawn = make(&trace, 0);
    uint32_t seen[5] = {0};
    cg_error error;
    for (uint32_t i = 0; i < 40000; i++) {
        sim_flight flight;
        assert_ok(sim_fabric_send(fixed, 0, 1 + i % 7, i, 1, &flight, &error), error);
        assert_int_equal(flight.delay_ns[0], 123457);
        assert_ok(sim_fabric_send(turns, 3, 4, i, 1, &flight, &error), error);
        assert_int_equal(flight.delay_ns[0], cycle.trace_ns[i % 3]);
        assert_ok(sim_fabric_send(drawn, 3, 4, i, 1, &flight, &error), error);
        assert_true(flight.delay_ns[0] % 10 == 0 && flight.delay_ns[0] <= 40);
        seen[flight.delay_ns[0] / 10]++;
    }
    assert_int_equal(seen[0], 0);
    for (int i = 1; i <= 4; i++) {
        assert_in_range(seen[i], 9600, 10400); /* 4.6 standard deviations */
    }
    sim_fabric_free(fixed);
    sim_fabric_free(turns);
    sim_fabric_free(drawn);
}

/* Copies of one message are drawn each for itself, and jitter is added to what was drawn. */
static void test_copies_and_jitter(void **state) {
    (void)state;
    const sim_delay law = {
        .kind = SIM_DELAY_EXPONENTIAL, .place_ns = 1000000, .least_ns = 1000};
    sim_fabric_options options = {
        .hosts = 2, .seed = 4, .delay = &law, .duplicate = 1.0, .copies = 4};
    sim_fabric *fabric = NULL;
    cg_error error;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    options.jitter_ns = 100;
    sim_fabric *shaken = NULL;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &shaken, &error), error);
    uint32_t counts[5] = {0};
    for (uint32_t i = 0; i < 30000; i++) {
        sim_flight plain;
        sim_flight more;
        assert_ok(sim_fabric_send(fabric, 0, 1, i, 1, &plain, &error), error);
        assert_ok(sim_fabric_send(shaken, 0, 1, i, 1, &more, &error), error);
        assert_int_equal(plain.copies, more.copies);
        counts[plain.copies]++;
        for (uint32_t a = 0; a < plain.copies; a++) {
            assert_in_range(more.delay_ns[a] - plain.delay_ns[a], 0, 100);
            for (uint32_t b = 0; b < a; b++) {
                assert_true(plain.sequence[a] != plain.sequence[b]);
                assert_true(plain.delay_ns[a] != plain.delay_ns[b]); /* once in 10^6 */
            }
        }
    }
    for (int i = 2; i <= 4; i++) {
        assert_in_range(counts[i], 9600, 10400); /* all of 2..4 as likely */
    }
    sim_fabric_free(fabric);
    sim_fabric_free(shaken);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        sim_delay law;
        const char *sentence;
    } cases[] = {
        {{.kind = SIM_DELAY_UNIFORM, .place_ns = 2, .spread_ns = 1},
         "put the smaller one first"},
        {{.kind = SIM_DELAY_LOGNORMAL, .shape = -1.0}, "shape of the law of latency is -1"},
        {{.kind = SIM_DELAY_PARETO, .place_ns = 1}, "lies between 0.1 and 1000"},
        {{.kind = SIM_DELAY_TRACE}, "a trace of latency has 0 values; it takes 1 to 32"},
        {{.kind = SIM_DELAY_CYCLE, .trace_count = 33}, "has 33 values"},
        {{.kind = SIM_DELAY_CYCLE, .trace_count = 1, .trace_ns = {SIM_TIME_MAX_NS + 1}},
         "the most is"},
        {{.kind = SIM_DELAY_NORMAL, .spread_ns = UINT64_MAX}, "the most is"},
        {{.kind = SIM_DELAY_EXPONENTIAL, .least_ns = UINT64_MAX}, "the most is"},
        {{.kind = (sim_delay_kind)77}, "77 is no law of latency"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sim_fabric *fabric = NULL;
        cg_error error;
        sim_fabric_options options = {.hosts = 2, .delay = &cases[i].law};
        assert_status(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error),
                      CG_ERROR_INVALID, error, cases[i].sentence);
        assert_null(fabric);
    }
}

/* Laws at their bounds stay within the greatest time. */
static void test_bounds(void **state) {
    (void)state;
    static const sim_delay laws[] = {
        {.kind = SIM_DELAY_PARETO, .place_ns = SIM_TIME_MAX_NS, .shape = 0.1},
        {.kind = SIM_DELAY_LOGNORMAL, .place_ns = SIM_TIME_MAX_NS, .shape = 10.0},
        {.kind = SIM_DELAY_NORMAL, .spread_ns = SIM_TIME_MAX_NS},
        {.kind = SIM_DELAY_UNIFORM, .spread_ns = SIM_TIME_MAX_NS},
        {.kind = SIM_DELAY_EXPONENTIAL, .place_ns = SIM_TIME_MAX_NS},
        {.kind = SIM_DELAY_LOGNORMAL},
    };
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        cg_stream stream = cg_stream_init(1, "test", 2);
        for (uint64_t n = 0; n < 10000; n++) {
            assert_true(sim_delay_draw(&laws[i], &stream, n, n) <= SIM_TIME_MAX_NS);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_constants_and_traces),
        cmocka_unit_test(test_copies_and_jitter),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
