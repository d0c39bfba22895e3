/* Goal: arrivals have the rate, the law and the independence that were asked for, to the byte
 * each time. */
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/hash.h"
#include "sim/scenario/load_phase.h"
#include "sim/workload/arrival.h"
#include "sim/workload/workload.h"

static sim_workload plan(sim_load_options options, uint32_t available, uint32_t hosts,
                         uint64_t seed) {
    sim_workload workload;
    cg_error error;
    sim_workload_input input = {
        .load = &options, .facts = available, .hosts = hosts, .seed = seed};
    assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &workload, &error), error);
    return workload;
}

/* k-th arrival at start + k / rate, rounded: no drift over a million at 3 Hz. */
static void test_constant(void **state) {
    (void)state;
    sim_load_options options = {
        .arrival = SIM_ARRIVAL_CONSTANT, .rate_hz = 3.0, .facts = 100000, .start_ns = 5};
    sim_workload workload = plan(options, 100000, 1, 1);
    assert_int_equal(workload.requests[0].at_ns, 5);
    assert_int_equal(workload.requests[1].at_ns, 5 + 333333333);
    assert_int_equal(workload.requests[2].at_ns, 5 + 666666667);
    assert_int_equal(workload.requests[99999].at_ns, 5 + UINT64_C(33333000000000));
    sim_workload_deinit(&workload);
}

/* Exponential gaps: mean 1/rate, deviation 1/rate, and a share 1/e beyond the mean. */
static void test_poisson(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    sim_load_options options = {
        .arrival = SIM_ARRIVAL_POISSON, .rate_hz = 1000.0, .facts = COUNT};
    sim_workload workload = plan(options, COUNT, 4, 5);
    double squares = 0.0;
    uint32_t beyond = 0;
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(workload.requests[i].at_ns >= last_ns);
        double gap_ns = (double)(workload.requests[i].at_ns - last_ns);
        squares += gap_ns * gap_ns;
        beyond += gap_ns > 1e6;
        last_ns = workload.requests[i].at_ns;
    }
    double mean_ns = (double)last_ns / COUNT;
    assert_true(mean_ns > 0.987e6 && mean_ns < 1.013e6); /* 4 standard errors */
    assert_true(squares / COUNT > 1.93e12 && squares / COUNT < 2.07e12);
    assert_in_range(beyond, 36000, 37600);
    sim_workload_deinit(&workload);
}

/* Each fact at most once, in an order that the seed decides; gateways even; audits evenly
 * spread. */
static void test_facts(void **state) {
    (void)state;
    enum { AVAILABLE = 5000, COUNT = 4000, HOSTS = 4, AUDITS = 100 };
    sim_load_options options = {.rate_hz = 10.0, .facts = COUNT, .audits = AUDITS};
    sim_workload workload = plan(options, AVAILABLE, HOSTS, 8);
    assert_int_equal(workload.count, COUNT);
    static bool seen[AVAILABLE];
    memset(seen, 0, sizeof seen);
    uint32_t by_host[HOSTS] = {0};
    uint32_t audits = 0;
    uint32_t in_place = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        const sim_request_plan *request = &workload.requests[i];
        assert_true(request->fact < AVAILABLE && !seen[request->fact]);
        seen[request->fact] = true;
        by_host[request->host]++;
        audits += request->audit;
        in_place += request->fact == i;
        if ((i + 1) % (COUNT / AUDITS) == 0) {
            assert_int_equal(audits, (i + 1) / (COUNT / AUDITS));
        }
    }
    assert_true(in_place < 10);
    for (uint32_t host = 0; host < HOSTS; host++) {
        assert_in_range(by_host[host], 880, 1120);
    }
    sim_workload_deinit(&workload);
    options.facts = 1000000; /* more than there are */
    options.audits = 1000000;
    workload = plan(options, 10, 1, 8);
    assert_int_equal(workload.count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(workload.requests[i].audit);
        assert_int_equal(workload.requests[i].host, 0);
    }
    sim_workload_deinit(&workload);
}

/* Streams by name: another number of hosts moves no arrival and no fact; another seed moves
 * all. */
static void test_streams(void **state) {
    (void)state;
    sim_load_options options = {.rate_hz = 100.0, .facts = 500};
    sim_workload one = plan(options, 500, 1, 1);
    sim_workload many = plan(options, 500, 16, 1);
    sim_workload other = plan(options, 500, 16, 2);
    uint32_t same = 0;
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(one.requests[i].at_ns, many.requests[i].at_ns);
        assert_int_equal(one.requests[i].fact, many.requests[i].fact);
        same += many.requests[i].at_ns == other.requests[i].at_ns;
    }
    assert_true(same < 5);
    sim_workload_deinit(&one);
    sim_workload_deinit(&many);
    sim_workload_deinit(&other);
}

/* What loads of allocations alone were before there were other kinds, to the byte. */
static uint64_t hash_of(const sim_load_options *options, uint32_t available, uint32_t hosts,
                        uint64_t seed) {
    sim_workload workload = plan(*options, available, hosts, seed);
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < workload.count; i++) {
        const sim_request_plan *request = &workload.requests[i];
        assert_int_equal(request->kind, SIM_REQUEST_ALLOCATE);
        assert_int_equal(request->client, 0);
        assert_int_equal(request->priority, 1);
        cg_hasher_add_u64(&hasher, request->at_ns);
        cg_hasher_add_u64(&hasher, request->fact);
        cg_hasher_add_u64(&hasher, request->host);
        cg_hasher_add_u64(&hasher, (uint64_t)request->audit * 2 + request->labelled);
    }
    sim_workload_deinit(&workload);
    return cg_hasher_value(&hasher);
}

static void test_pinned(void **state) {
    (void)state;
    sim_options options;
    sim_options_default(&options);
    assert_true(hash_of(&options.load, 1000, 1, 7) == UINT64_C(0x885b80622e0c7915));
    options.load.labels = 33;
    options.load.start_ns = 12345;
    options.load.rate_hz = 123.5;
    assert_true(hash_of(&options.load, 700, 16, 99) == UINT64_C(0x7c127f76a910a972));
    options.load.arrival = SIM_ARRIVAL_CONSTANT;
    assert_true(hash_of(&options.load, 2000, 3, 5) == UINT64_C(0x245ae119f1aa5c66));
}

/* 100,000 requests of every kind, from the defaults on. */
static sim_load_options mixed(void) {
    sim_options options;
    sim_options_default(&options);
    sim_load_options load = options.load;
    load.facts = 1000;
    load.requests = 100000;
    load.repeat = SIM_REPEAT_POPULARITY;
    load.recall = 0.5;
    load.deallocate = 0.1;
    load.batch = 0.05;
    load.batch_size = 7;
    load.keys = 4;
    load.hops = 2;
    return load;
}

static sim_workload plan_mixed(const sim_load_options *load, const sim_load_phase *phases,
                               uint32_t phase_count) {
    sim_workload workload;
    cg_error error;
    sim_workload_input input = {.load = load,
                                .phases = phases,
                                .phase_count = phase_count,
                                .facts = 1000,
                                .keys = 5000,
                                .hosts = 4,
                                .seed = 3};
    assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &workload, &error), error);
    return workload;
}

/* Shares of kinds within four standard errors; what a kind holds is what was asked for. */
static void test_kinds(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.keys_spread = SIM_SPREAD_UNIFORM;
    sim_workload workload = plan_mixed(&load, NULL, 0);
    uint32_t by_kind[4] = {0};
    uint32_t by_key_count[8] = {0};
    for (uint32_t i = 0; i < workload.count; i++) {
        const sim_request_plan *request = &workload.requests[i];
        by_kind[request->kind]++;
        if (request->kind == SIM_REQUEST_RECALL) {
            assert_in_range(request->key_count, 1, 7);
            assert_int_equal(request->hops, 2);
            by_key_count[request->key_count]++;
        } else if (request->kind == SIM_REQUEST_BATCH) {
            assert_int_equal(request->fact_count, 7);
        }
    }
    assert_in_range(by_kind[SIM_REQUEST_RECALL], 49360, 50640);
    assert_in_range(by_kind[SIM_REQUEST_DEALLOCATE], 9620, 10380);
    assert_in_range(by_kind[SIM_REQUEST_BATCH], 4720, 5280);
    for (uint32_t keys = 1; keys <= 7; keys++) {
        assert_in_range(by_key_count[keys], 6800, 7490);
    }
    sim_workload_deinit(&workload);
}

/* Another share of recalls changes no time, gateway, client or priority, and no key of what is
 * recalled both times; a later request sees nothing of whether one was added before it. */
static void test_kinds_are_apart(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.clients = 50;
    load.urgent = 0.2;
    load.low = 0.3;
    sim_workload one = plan_mixed(&load, NULL, 0);
    load.recall = 0.8;
    sim_workload more = plan_mixed(&load, NULL, 0);
    for (uint32_t i = 0; i < one.count; i++) {
        const sim_request_plan *a = &one.requests[i];
        const sim_request_plan *b = &more.requests[i];
        assert_int_equal(a->at_ns, b->at_ns);
        assert_int_equal(a->host, b->host);
        assert_int_equal(a->client, b->client);
        assert_int_equal(a->priority, b->priority);
        if (a->kind == SIM_REQUEST_RECALL) {
            assert_int_equal(b->kind, SIM_REQUEST_RECALL);
            assert_memory_equal(one.keys + a->first_key, more.keys + b->first_key,
                                4 * sizeof *one.keys);
        } else if (a->kind == SIM_REQUEST_ALLOCATE && b->kind == SIM_REQUEST_ALLOCATE) {
            assert_int_equal(a->fact, b->fact);
        }
    }
    sim_workload_deinit(&one);
    sim_workload_deinit(&more);
}

static void test_senders(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.clients = 11;
    load.greedy = 0.5;
    load.urgent = 0.2;
    load.low = 0.3;
    sim_workload workload = plan_mixed(&load, NULL, 0);
    uint32_t by_client[11] = {0};
    uint32_t by_priority[4] = {0};
    for (uint32_t i = 0; i < workload.count; i++) {
        by_client[workload.requests[i].client]++;
        by_priority[workload.requests[i].priority]++;
    }
    assert_in_range(by_client[0], 49360, 50640);
    for (uint32_t client = 1; client < 11; client++) {
        assert_in_range(by_client[client], 4720, 5280);
    }
    assert_in_range(by_priority[3], 19490, 20510);
    assert_in_range(by_priority[0], 29420, 30580);
    assert_int_equal(by_priority[2], 0);
    sim_workload_deinit(&workload);
    load.greedy = 0.0; /* all alike */
    workload = plan_mixed(&load, NULL, 0);
    memset(by_client, 0, sizeof by_client);
    for (uint32_t i = 0; i < workload.count; i++) {
        by_client[workload.requests[i].client]++;
    }
    for (uint32_t client = 0; client < 11; client++) {
        assert_in_range(by_client[client], 8720, 9460);
    }
    sim_workload_deinit(&workload);
}

/* Chains: the first key of a recall follows the last of its client's recall before, by a map in
 * which each key has one successor, as often as was asked for. */
static void test_chains(void **state) {
    (void)state;
    enum { KEYS = 5000, CLIENTS = 10 };
    static uint64_t successor[KEYS];
    sim_load_options load = mixed();
    load.clients = CLIENTS;
    load.recall = 1.0;
    load.deallocate = load.batch = 0.0;
    load.keys = 2;
    load.popularity = SIM_LAW_UNIFORM;
    load.chain = 1.0;
    sim_workload all = plan_mixed(&load, NULL, 0);
    load.chain = 0.25;
    sim_workload some = plan_mixed(&load, NULL, 0);
    uint64_t last[CLIENTS];
    memset(successor, 0xff, sizeof successor);
    memset(last, 0xff, sizeof last);
    for (uint32_t i = 0; i < all.count; i++) {
        const uint64_t *keys = all.keys + all.requests[i].first_key;
        const uint64_t before = last[all.requests[i].client];
        if (before != UINT64_MAX) {
            assert_true(successor[before] == UINT64_MAX || successor[before] == keys[0]);
            successor[before] = keys[0];
        }
        last[all.requests[i].client] = keys[1];
    }
    uint32_t followed = 0;
    memset(last, 0xff, sizeof last);
    for (uint32_t i = 0; i < some.count; i++) {
        const uint64_t *keys = some.keys + some.requests[i].first_key;
        const uint64_t before = last[some.requests[i].client];
        followed += before != UINT64_MAX && successor[before] == keys[0];
        last[some.requests[i].client] = keys[1];
    }
    assert_in_range(followed, 24450, 25600); /* 0.02% by chance */
    sim_workload_deinit(&all);
    sim_workload_deinit(&some);
}

/* A phase changes what it names from its time on, and only that. */
static void test_phases(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.arrival = SIM_ARRIVAL_CONSTANT;
    load.rate_hz = 1000.0;
    load.requests = 10000;
    const uint64_t second_ns = 1000000000;
    sim_load_phase phases[2] = {{.at_ns = 2 * second_ns}, {.at_ns = 4 * second_ns}};
    static const char *const values[][3] = {{"0", "1", "2000"}, {"0", "2", "1"},
                                            {"0", "5", "9"},    {"0", "6", "0"},
                                            {"1", "1", "500"},  {"1", "9", "0.5"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        cg_error error;
        sim_load_phase *phase = &phases[values[i][0][0] - '0'];
        assert_ok(
            sim_load_phase_set(phase, (size_t)(values[i][1][0] - '0'), values[i][2], &error),
            error);
    }
    sim_workload workload = plan_mixed(&load, phases, 2);
    uint32_t recalls = 0;
    for (uint32_t i = 0; i < workload.count; i++) {
        const sim_request_plan *request = &workload.requests[i];
        const uint64_t expected_ns = i < 2000 ? i * (second_ns / 1000)
                                     : i < 6000
                                         ? 2 * second_ns + (i - 2000) * (second_ns / 2000)
                                         : 4 * second_ns + (i - 6000) * (second_ns / 500);
        assert_int_equal(request->at_ns, expected_ns);
        recalls += i < 2000 && request->kind == SIM_REQUEST_RECALL;
        assert_true(i < 2000 || request->kind == SIM_REQUEST_RECALL);
        if (request->kind == SIM_REQUEST_RECALL) {
            assert_int_equal(request->key_count, i < 2000 ? 4 : 9);
            assert_int_equal(request->hops, i < 2000 ? 2 : 0);
        }
    }
    assert_in_range(recalls, 900, 1100);
    sim_workload_deinit(&workload);
}

/* How often the most popular of 5,000 keys was asked for in [from, to), and which it is. */
static uint32_t top_of(const sim_workload *workload, uint32_t from, uint32_t to,
                       uint32_t *top) {
    static uint32_t counts[5000];
    memset(counts, 0, sizeof counts);
    for (uint32_t i = from; i < to; i++) {
        counts[workload->keys[workload->requests[i].first_key]]++;
    }
    *top = 0;
    for (uint32_t key = 1; key < 5000; key++) {
        *top = counts[key] > counts[*top] ? key : *top;
    }
    return counts[*top];
}

/* The hot set moves with rotate, and comes back; a phase's zipf makes it hotter. */
static void test_popularity_over_time(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.arrival = SIM_ARRIVAL_CONSTANT;
    load.recall = 1.0;
    load.deallocate = load.batch = 0.0;
    load.keys = 1;
    load.requests = 50000;
    const uint64_t second_ns = 1000000000;
    sim_load_phase phases[4] = {{.at_ns = 10 * second_ns, .given = 1u << 9, .rotate = 0.5},
                                {.at_ns = 20 * second_ns, .given = 1u << 9, .rotate = 0.0},
                                {.at_ns = 30 * second_ns, .given = 1u << 7, .zipf = 2.0},
                                {.at_ns = 40 * second_ns, .given = 1u << 7, .zipf = 0.99}};
    sim_workload workload = plan_mixed(&load, phases, 4);
    uint32_t tops[5];
    uint32_t counts[5];
    for (uint32_t i = 0; i < 5; i++) {
        counts[i] = top_of(&workload, i * 10000, (i + 1) * 10000, &tops[i]);
    }
    assert_int_equal(tops[0], tops[2]);
    assert_int_equal(tops[0], tops[3]);
    assert_int_not_equal(tops[0], tops[1]);
    /* 1 / (sum of r^-0.99 over 5,000) = 0.1063, and 6 / pi^2 = 0.608 to four digits */
    for (uint32_t i = 0; i < 5; i++) {
        assert_in_range(counts[i], i == 3 ? 5880 : 940, i == 3 ? 6280 : 1190);
    }
    sim_workload_deinit(&workload);
}

/* Facts that come again do so by the same law, alone and in batches; with the phase's rotate
 * others are popular. */
static void test_repeats(void **state) {
    (void)state;
    enum { FACTS = 100 };
    sim_load_options load = mixed();
    load.arrival = SIM_ARRIVAL_CONSTANT;
    load.facts = FACTS;
    load.requests = 40000;
    load.recall = load.deallocate = 0.0;
    load.batch = 0.5;
    load.batch_size = 1;
    sim_load_phase phases[1] = {
        {.at_ns = UINT64_C(20000000000), .given = 1u << 9, .rotate = 0.5}};
    sim_workload workload = plan_mixed(&load, phases, 1);
    static uint32_t counts[4][1000];
    uint32_t tops[4] = {0};
    uint32_t sums[4] = {0};
    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < workload.count; i++) {
        const sim_request_plan *request = &workload.requests[i];
        const bool batch = request->kind == SIM_REQUEST_BATCH;
        const uint32_t cell = (i < 20000 ? 0u : 2u) + (batch ? 1u : 0u);
        sums[cell]++;
        counts[cell][batch ? workload.facts[request->first_fact] : request->fact]++;
    }
    for (uint32_t cell = 0; cell < 4; cell++) {
        uint32_t different = 0;
        for (uint32_t fact = 0; fact < 1000; fact++) {
            tops[cell] = counts[cell][fact] > counts[cell][tops[cell]] ? fact : tops[cell];
            different += counts[cell][fact] > 0;
        }
        assert_int_equal(different, FACTS);
        /* 1 / (sum of r^-0.99 over 100) = 0.1891 */
        assert_in_range(counts[cell][tops[cell]] * 1000 / sums[cell], 173, 205);
    }
    assert_int_equal(tops[0], tops[1]);
    assert_int_equal(tops[2], tops[3]);
    assert_int_not_equal(tops[0], tops[2]);
    sim_workload_deinit(&workload);
}

/* Poisson with a phase: so many arrivals in each part as its rate says, to four deviations. */
static void test_poisson_with_phases(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.start_ns = 500000000;
    sim_load_phase phases[1] = {
        {.at_ns = UINT64_C(10500000000), .given = 1u << 1, .rate_hz = 4000.0}};
    sim_workload workload = plan_mixed(&load, phases, 1);
    uint32_t before = 0;
    uint32_t after = 0;
    for (uint32_t i = 0; i < workload.count; i++) {
        assert_true(i == 0 || workload.requests[i].at_ns >= workload.requests[i - 1].at_ns);
        before += workload.requests[i].at_ns < phases[0].at_ns;
        after += workload.requests[i].at_ns >= phases[0].at_ns &&
                 workload.requests[i].at_ns < phases[0].at_ns + UINT64_C(10000000000);
    }
    assert_in_range(before, 9600, 10400);
    assert_in_range(after, 39200, 40800);
    /* The same arrivals as without the phase, the later ones on a clock four times as fast. */
    sim_workload plain = plan_mixed(&load, NULL, 0);
    for (uint32_t i = 0; i < workload.count; i++) {
        const uint64_t at_ns = plain.requests[i].at_ns;
        const uint64_t past_ns = at_ns > phases[0].at_ns ? at_ns - phases[0].at_ns : 0;
        const uint64_t expected_ns = at_ns - past_ns + past_ns / 4;
        assert_in_range(workload.requests[i].at_ns, expected_ns - 1, expected_ns + 2);
    }
    sim_workload_deinit(&plain);
    sim_workload_deinit(&workload);
}

/* Bursts: the mean rate is the rate, but counts of equal times spread far more than Poisson's;
 * a factor of 1 is Poisson. */
static void test_bursts(void **state) {
    (void)state;
    enum { SLOTS = 1000 };
    static uint32_t counts[SLOTS];
    sim_load_options load = mixed();
    load.arrival = SIM_ARRIVAL_BURST;
    load.burst_share = 0.2; /* nothing comes between bursts */
    load.burst_period_ns = 100000000;
    for (uint32_t round = 0; round < 2; round++) {
        load.burst = round == 0 ? 5.0 : 1.0;
        sim_workload workload = plan_mixed(&load, NULL, 0);
        const uint64_t end_ns = workload.requests[workload.count - 1].at_ns + 1;
        /* 1,000 periods: the mean is known to 1 / sqrt(1,000) and a bit. */
        assert_in_range(end_ns / 1000000000, 85, 117);
        memset(counts, 0, sizeof counts);
        for (uint32_t i = 0; i < workload.count; i++) {
            counts[workload.requests[i].at_ns / (end_ns / SLOTS + 1)]++;
        }
        double squares = 0.0;
        for (uint32_t i = 0; i < SLOTS; i++) {
            squares += ((double)counts[i] - 100.0) * ((double)counts[i] - 100.0);
        }
        const double dispersion = squares / SLOTS / 100.0;
        assert_true(round == 0 ? dispersion > 20.0 : dispersion > 0.8 && dispersion < 1.2);
        sim_workload_deinit(&workload);
    }
}

/* A day's rate: its mean is the rate over whole days, and each quarter of the day has its share,
 * (1/4 -+ swing / pi * sqrt(1/2)) around trough and peak. */
static void test_diurnal(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.arrival = SIM_ARRIVAL_DIURNAL;
    load.day_ns = 10000000000;
    for (uint32_t round = 0; round < 3; round++) {
        load.swing = 0.5 * round;
        sim_workload workload = plan_mixed(&load, NULL, 0);
        const uint64_t days = workload.requests[workload.count - 1].at_ns / load.day_ns;
        uint32_t eighths[8] = {0};
        uint32_t count = 0;
        for (; workload.requests[count].at_ns < days * load.day_ns; count++) {
            eighths[workload.requests[count].at_ns % load.day_ns * 8 / load.day_ns]++;
        }
        assert_true(days >= 5);
        const double mean = (double)days * 10.0 * load.rate_hz;
        const double trough = eighths[7] + eighths[0];
        const double peak = eighths[3] + eighths[4];
        const double share = load.swing * 0.2250791; /* sqrt(1/2) / pi */
        const double off[] = {(double)count - mean, trough - mean * (0.25 - share),
                              peak - mean * (0.25 + share)};
        for (uint32_t i = 0; i < 3; i++) { /* five standard deviations of the larger count */
            assert_true(off[i] * off[i] < 25.0 * mean * (i == 0 ? 1.0 : 0.5));
        }
        sim_workload_deinit(&workload);
    }
}

static const char recorded[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                               "2023-12-31 23:59:59.9799600,4808,10\n"
                               "2024-01-01 00:00:00.0319600,3180,8\r\n"
                               "2024-02-29 12:00:00,110,27\n"
                               "2024-03-01T12:00:00,7433,14";

static void test_recorded(void **state) {
    (void)state;
    sim_request_plan requests[5] = {{0}};
    sim_workload workload = {.requests = requests, .count = 2};
    sim_load_options load = {.speed = 1.0, .start_ns = 7, .arrival_file = "a.csv"};
    cg_error error;
    assert_ok(sim_arrival_parse(&load, recorded, strlen(recorded), &workload, &error), error);
    assert_int_equal(requests[0].at_ns, 7);
    assert_int_equal(requests[1].at_ns, 7 + 52000000);
    workload.count = 4;
    assert_status(sim_arrival_parse(&load, recorded, strlen(recorded), &workload, &error),
                  CG_ERROR_INVALID, error, "a.csv, line 4: more than 72h after the first");
    load.speed = 1000.0;
    assert_ok(sim_arrival_parse(&load, recorded, strlen(recorded), &workload, &error), error);
    /* 59 days, 12 hours and 0.02004 s; and a leap day more */
    assert_int_equal(requests[2].at_ns, 7 + UINT64_C(5140800020040));
    assert_int_equal(requests[3].at_ns - requests[2].at_ns, UINT64_C(86400000000));
    workload.count = 5;
    assert_status(sim_arrival_parse(&load, recorded, strlen(recorded), &workload, &error),
                  CG_ERROR_INVALID, error, "a.csv: 4 arrivals for 5 requests");
    static const char century[] = "2100-02-28 00:00:00\n2100-03-01 00:00:00\n"
                                  "2100-03-01 00:00:00\n";
    workload.count = 3;
    assert_ok(sim_arrival_parse(&load, century, strlen(century), &workload, &error), error);
    assert_int_equal(requests[1].at_ns, 7 + UINT64_C(86400000000)); /* no leap day */
    assert_int_equal(requests[2].at_ns, requests[1].at_ns);
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"0.5\n0.75\n0.7\n", "line 3: it is before the line above"},
        {"0.5\nsoon,1\n", "line 2: it begins with no time"},
        {"t\n\n", "line 2: it begins with no time"},
        {"1\n2024-13-01 00:00:00\n", "line 2: it begins with no time"},
        {"1\n2024-12-01 00:00:61\n", "line 2: it begins with no time"},
        {"1\n2024-12-01 00-00:01\n", "line 2: it begins with no time"},
        {"", "0 arrivals for 3"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(
            sim_arrival_parse(&load, bad[i].text, strlen(bad[i].text), &workload, &error),
            CG_ERROR_INVALID, error, bad[i].says);
    }
    sim_load_options from_file = mixed();
    from_file.arrival = SIM_ARRIVAL_RECORDED;
    from_file.requests = 3;
    snprintf(from_file.arrival_file, sizeof from_file.arrival_file,
             "tests/support/data/arrivals.csv");
    workload = plan_mixed(&from_file, NULL, 0);
    assert_int_equal(workload.requests[2].at_ns, 1500000000);
    sim_workload_deinit(&workload);
}

static void refuse(const sim_workload_input *input, const char *says) {
    sim_workload workload;
    cg_error error = {.message = "none"};
    assert_status(sim_workload_plan(input, cg_allocator_heap(), &workload, &error),
                  CG_ERROR_INVALID, error, says);
}

static void test_refused(void **state) {
    (void)state;
    sim_load_options options = {.rate_hz = 100.0, .facts = 5};
    sim_workload_input input = {.load = &options, .hosts = 1, .seed = 1};
    refuse(&input, "5 facts wanted of 0");
    input.facts = 5;
    input.hosts = 0;
    refuse(&input, "5 facts wanted of 5 that there are, for 0 hosts");
    input.hosts = 1;
    options.rate_hz = 0.0;
    refuse(&input, "rate 0/s");
    options.rate_hz = 1e-9;
    refuse(&input, "after 72h");
    options.rate_hz = 100.0;
    options.requests = 6;
    refuse(&input, "load: 6 requests take 6 facts, but there are 5 of the 5 that load.facts");
    options.requests = 5;
    options.batch = 1.0;
    options.batch_size = 2;
    refuse(&input, "load: 5 requests take 10 facts");
    options.batch = 0.0;
    options.recall = 1.0;
    refuse(&input, "load.recall: there is no key to recall");
    input.keys = 10;
    options.requests = 10000;
    options.keys = 65536;
    refuse(&input, "load: the first 2049 of 10000 requests ask for more than 134217728 keys");
    options.keys = 1;
    options.popularity = SIM_LAW_FILE;
    snprintf(options.popularity_file, sizeof options.popularity_file, "/no/such.json");
    sim_workload workload;
    cg_error error;
    assert_status(sim_workload_plan(&input, cg_allocator_heap(), &workload, &error),
                  CG_ERROR_NOT_FOUND, error, "load.popularity_file");
}

/* Recalls need no facts, and are as many as load.facts says. */
static void test_recalls_alone(void **state) {
    (void)state;
    sim_load_options options = {.rate_hz = 100.0,
                                .facts = 50,
                                .recall = 1.0,
                                .keys = 3,
                                .zipf = 1.0,
                                .popularity = SIM_LAW_ZIPF};
    sim_workload_input input = {.load = &options, .keys = 4000000000, .hosts = 1, .seed = 1};
    sim_workload workload;
    cg_error error;
    assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &workload, &error), error);
    assert_int_equal(workload.count, 50);
    assert_int_equal(workload.key_count, 150);
    uint32_t high = 0;
    for (size_t i = 0; i < workload.key_count; i++) {
        assert_true(workload.keys[i] < input.keys);
        high += workload.keys[i] >= input.keys / 2;
    }
    assert_in_range(high, 30, 120); /* ranks lie anywhere */
    sim_workload_deinit(&workload);
}

/* Wherever memory runs out, nothing leaks. */
static void test_memory(void **state) {
    (void)state;
    sim_load_options load = mixed();
    load.requests = 100;
    load.popularity = SIM_LAW_FILE;
    snprintf(load.popularity_file, sizeof load.popularity_file,
             "tests/support/data/popularity.json");
    sim_workload_input input = {
        .load = &load, .facts = 1000, .keys = 5000, .hosts = 4, .seed = 3};
    for (uint64_t n = 1;; n++) {
        sim_workload workload;
        cg_error error;
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_status status =
            sim_workload_plan(&input, cg_counting_allocator_view(&counting), &workload, &error);
        if (status == CG_OK) {
            assert_true(n > 7);
            sim_workload_deinit(&workload);
            assert_int_equal(counting.live_blocks, 0);
            return;
        }
        assert_status(status, CG_ERROR_MEMORY, error, "memory");
        assert_int_equal(counting.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_kinds_are_apart),
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_popularity_over_time),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_poisson_with_phases),
        cmocka_unit_test(test_bursts),
        cmocka_unit_test(test_diurnal),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_recalls_alone),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
