/* Goal: whatever the network does, SWIM ends with everybody seeing exactly the living alive,
 * within the bounds of swim.h; it accuses nobody where nothing is lost; its load does not grow
 * with the cluster, and its news needs a time that grows with the logarithm. The network
 * (swim_net.h) checks each step.
 */
#include <stdio.h>

#include "tests/support/swim_net.h"

static double seconds(uint64_t time_ns) {
    return (double)time_ns / 1e9;
}

/* --- completeness --- */

/* When everybody who is up sees `host` so at least; the time stays there. */
static uint64_t run_until_all_see(net *world, uint32_t host, cg_swim_liveness liveness,
                                  uint64_t until_ns) {
    for (;;) {
        bool all = true;
        for (uint32_t i = 0; i < world->count && all; i++) {
            const cg_swim *swim = world->hosts[i].swim;
            all = !swim || i == host || cg_swim_state(swim, host) >= liveness;
        }
        if (all || world->now_ns >= until_ns) {
            assert_true(all);
            return world->now_ns;
        }
        net_run(world, world->now_ns + 20 * NET_MS);
    }
}

static bool is_seen_by_any(const net *world, uint32_t host, cg_swim_liveness liveness) {
    for (uint32_t i = 0; i < world->count; i++) {
        const cg_swim *swim = world->hosts[i].swim;
        if (swim && i != host && cg_swim_state(swim, host) >= liveness) {
            return true;
        }
    }
    return false;
}

typedef struct crash_times {
    uint64_t suspected_ns; /* by the first, after the crash */
    uint64_t spread_ns;    /* until all suspect, after that */
    uint64_t dead_ns;      /* everywhere, after the crash */
} crash_times;

static crash_times crash_once(uint32_t hosts, uint64_t seed) {
    net *world = net_alloc(hosts, seed);
    net_start_all(world);
    net_run(world, 5 * NET_SECOND + cg_stream_next_below(&world->stream, 20 * NET_SECOND));
    uint32_t victim = (uint32_t)cg_stream_next_below(&world->stream, hosts);
    uint64_t from_ns = world->now_ns;
    uint64_t until_ns = from_ns + cg_swim_detect_ns(&world->options) + NET_SECOND;
    net_crash(world, victim);
    while (!is_seen_by_any(world, victim, CG_SWIM_SUSPECT) && world->now_ns < until_ns) {
        net_run(world, world->now_ns + 20 * NET_MS);
    }
    crash_times times = {.suspected_ns = world->now_ns - from_ns};
    times.spread_ns = run_until_all_see(world, victim, CG_SWIM_SUSPECT, until_ns) - from_ns -
                      times.suspected_ns;
    times.dead_ns = run_until_all_see(world, victim, CG_SWIM_DEAD, until_ns) - from_ns;
    assert_true(net_is_settled(world));
    assert_int_equal(world->false_deaths, 0);
    /* Suspected by everybody, dead to everybody, and no other change. */
    assert_int_equal(world->suspected, hosts - 1);
    assert_int_equal(world->changes, 2 * (hosts - 1));
    net_free(world);
    return times;
}

static void test_crash_is_seen_everywhere(void **state) {
    (void)state;
    uint64_t seed = support_seed(11);
    static const uint32_t sizes[] = {2, 5, 16, 64, 256};
    uint64_t spread_ns[5] = {0};
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t runs = sizes[i] > 64 ? 5 : 20;
        crash_times sum = {0};
        uint64_t worst_ns = 0;
        for (uint32_t run = 0; run < runs; run++) {
            crash_times times = crash_once(sizes[i], seed + run);
            sum.suspected_ns += times.suspected_ns;
            sum.spread_ns += times.spread_ns;
            sum.dead_ns += times.dead_ns;
            worst_ns = times.dead_ns > worst_ns ? times.dead_ns : worst_ns;
        }
        spread_ns[i] = sum.spread_ns / runs;
        printf(
            "  %3u hosts: suspected after %.2f s, by all %.2f s later; dead everywhere after "
            "%.2f s, at most %.2f s\n",
            sizes[i], seconds(sum.suspected_ns / runs), seconds(spread_ns[i]),
            seconds(sum.dead_ns / runs), seconds(worst_ns));
    }
    /* 16 times the hosts: log2 doubles; linear growth would be 16 times. */
    assert_true(spread_ns[4] < 3 * spread_ns[2]);
}

static void test_many_crashes_at_once(void **state) {
    (void)state;
    uint64_t seed = support_seed(12);
    for (uint32_t run = 0; run < 10; run++) {
        net *world = net_alloc(40, seed + run);
        net_start_all(world);
        net_run(world, 7 * NET_SECOND);
        for (uint32_t i = 0; i < 10 + 3 * run; i++) {
            net_crash(world, i);
        }
        uint64_t until_ns = world->now_ns + cg_swim_detect_ns(&world->options) + NET_SECOND;
        while (!net_is_settled(world) && world->now_ns < until_ns) {
            net_run(world, world->now_ns + NET_SECOND / 4);
        }
        assert_true(net_is_settled(world));
        assert_int_equal(world->false_deaths, 0);
        net_free(world);
    }
}

/* --- accuracy --- */

static void test_nobody_is_accused_without_loss(void **state) {
    (void)state;
    uint64_t seed = support_seed(13);
    for (uint32_t hosts = 1; hosts <= 33; hosts = 2 * hosts - (hosts > 1)) {
        net *world = net_alloc(hosts, seed);
        world->jitter_ns = 245 * NET_MS; /* a round trip is within the ack timeout */
        world->duplication = 0.2;
        net_start_all(world);
        net_run(world, 200 * NET_SECOND);
        assert_int_equal(world->changes, 0);
        assert_int_equal(net_statistics(world).sent[CG_SWIM_PING_REQ], 0);
        net_free(world);
    }
}

static void test_loss_accuses_rarely(void **state) {
    (void)state;
    uint64_t seed = support_seed(14);
    uint64_t false_deaths = 0;
    cg_swim_statistics sum = {0};
    enum { RUNS = 5, HOSTS = 5, SECONDS = 2000 };
    for (uint32_t run = 0; run < RUNS; run++) {
        net *world = net_alloc(HOSTS, seed + run);
        world->loss = 0.1;
        net_start_all(world);
        net_run(world, SECONDS * NET_SECOND);
        false_deaths += world->false_deaths;
        cg_swim_statistics some = net_statistics(world);
        sum.suspicions += some.suspicions;
        sum.refutations += some.refutations;
        world->loss = 0;
        net_run(world, world->now_ns + 20 * NET_SECOND);
        assert_true(net_is_settled(world));
        net_free(world);
    }
    printf(
        "  10%% loss, 5 hosts, %d s: %llu probes failed, %llu refutations, %llu false deaths\n",
        RUNS * SECONDS, (unsigned long long)sum.suspicions, (unsigned long long)sum.refutations,
        (unsigned long long)false_deaths);
    /* A probe fails when the ping or its ack is lost, and all three ways round:
     * (1 - 0.9^2) * (1 - 0.9^4)^3 = 0.77%, of 50,000 probes 386. */
    assert_true(sum.suspicions > 250 && sum.suspicions < 550);
    assert_true(sum.refutations > sum.suspicions / 2);
    assert_true(false_deaths <= 4);
}

/* --- load --- */

static void test_load_does_not_grow(void **state) {
    (void)state;
    uint64_t seed = support_seed(15);
    for (uint32_t hosts = 8; hosts <= 256; hosts *= 2) {
        net *world = net_alloc(hosts, seed);
        net_start_all(world);
        enum { SECONDS = 30 };
        net_run(world, SECONDS * NET_SECOND);
        cg_swim_statistics calm = net_statistics(world);
        uint64_t calm_sent = calm.sent[CG_SWIM_PING] + calm.sent[CG_SWIM_ACK];
        assert_in_range(calm_sent, (uint64_t)2 * hosts * (SECONDS - 1),
                        (uint64_t)2 * hosts * SECONDS);
        assert_int_equal(calm.sent[CG_SWIM_PING_REQ], 0);
        for (uint32_t from = 0; from < hosts; from++) { /* two halves */
            for (uint32_t to = 0; to < hosts; to++) {
                world->cut[from * hosts + to] = from % 2 != to % 2;
            }
        }
        net_run(world, world->now_ns + SECONDS * NET_SECOND);
        cg_swim_statistics split = net_statistics(world);
        uint64_t split_sent = 0;
        for (uint32_t i = 0; i < CG_SWIM_MESSAGE_COUNT; i++) {
            split_sent += split.sent[i] - calm.sent[i];
        }
        double host_seconds = (double)hosts * SECONDS;
        printf(
            "  %3u hosts: %.2f messages a host and second, %.0f bytes; in halves %.2f, %.0f\n",
            hosts, (double)calm_sent / host_seconds, (double)calm.sent_bytes / host_seconds,
            (double)split_sent / host_seconds,
            (double)(split.sent_bytes - calm.sent_bytes) / host_seconds);
        /* At most a ping, three requests, and a reconnecting ping a period; requests make as
         * many pings; a ping makes an ack, and that of a request is passed on. */
        uint64_t periods = (uint64_t)hosts * SECONDS;
        assert_true(split.sent[CG_SWIM_PING_REQ] <= 3 * periods);
        assert_true(split.reconnects <= periods);
        assert_true(split.sent[CG_SWIM_PING] <=
                    2 * periods + split.reconnects + split.sent[CG_SWIM_PING_REQ]);
        assert_true(split.sent[CG_SWIM_ACK] <=
                    split.sent[CG_SWIM_PING] + split.sent[CG_SWIM_PING_REQ]);
        net_free(world);
    }
}

/* --- the cut off --- */

static void cut_off(net *world, uint32_t host, bool is_cut) {
    for (uint32_t other = 0; other < world->count; other++) {
        world->cut[host * world->count + other] = is_cut;
        world->cut[other * world->count + host] = is_cut;
    }
}

/* Who was alone long enough to believe all others dead comes back, and takes nobody with him:
 * no third host is thought dead by anyone, not even for a moment. */
static void test_who_returns_slays_nobody(void **state) {
    (void)state;
    uint64_t seed = support_seed(16);
    for (uint32_t run = 0; run < 60; run++) {
        uint32_t hosts = 3 + run % 14;
        net *world = net_alloc(hosts, seed + run);
        net_start_all(world);
        net_run(world, 5 * NET_SECOND);
        cut_off(world, 0, true);
        uint64_t alone_ns = 20 * NET_SECOND;
        alone_ns += cg_stream_next_below(&world->stream, 20 * NET_SECOND);
        net_run(world, world->now_ns + alone_ns);
        assert_true(cg_swim_count(world->hosts[1].swim, CG_SWIM_DEAD) == 1);
        uint64_t deaths = world->false_deaths;
        cut_off(world, 0, false);
        uint64_t dead_there = cg_swim_count(world->hosts[0].swim, CG_SWIM_DEAD);
        assert_true(dead_there > 0);
        net_run(world, world->now_ns + 30 * NET_SECOND);
        assert_true(net_is_settled(world));
        assert_int_equal(world->false_deaths, deaths);
        net_free(world);
    }
}

/* --- random faults --- */

static uint32_t below(net *world, uint32_t limit) {
    return (uint32_t)cg_stream_next_below(&world->stream, limit);
}

static void cut_groups(net *world, uint32_t groups, bool is_one_way) {
    uint8_t group[NET_HOSTS_MAX];
    for (uint32_t i = 0; i < world->count; i++) {
        group[i] = (uint8_t)below(world, groups);
    }
    for (uint32_t from = 0; from < world->count; from++) {
        for (uint32_t to = 0; to < world->count; to++) {
            bool is_cut = is_one_way ? group[from] < group[to] : group[from] != group[to];
            world->cut[from * world->count + to] = is_cut;
        }
    }
}

static void heal(net *world) {
    memset(world->cut, 0, (size_t)world->count * world->count * sizeof *world->cut);
}

static void draw_fault(net *world) {
    uint32_t host = below(world, world->count);
    uint32_t other = below(world, world->count);
    switch (below(world, 10)) {
    case 0:
        cut_groups(world, 2 + below(world, 2), false);
        break;
    case 1:
        cut_groups(world, 2, true);
        break;
    case 2:
        cut_off(world, host, true);
        break;
    case 3:
        world->cut[host * world->count + other] = true; /* one way of one pair */
        break;
    case 4:
        heal(world);
        break;
    case 5:
    case 6:
        if (world->hosts[host].swim) {
            net_crash(world, host);
        } else {
            net_start(world, host);
        }
        break;
    case 7:
        world->loss = 0.6 * cg_stream_next_unit(&world->stream);
        break;
    case 8:
        world->latency_ns = below(world, 700) * NET_MS;
        world->jitter_ns = below(world, 700) * NET_MS;
        break;
    default:
        world->duplication = 0.5 * cg_stream_next_unit(&world->stream);
        world->reordering = 0.3 * cg_stream_next_unit(&world->stream);
        break;
    }
}

static void hurt(net *world) {
    net_start_all(world);
    uint64_t until_ns = (20 + below(world, 60)) * NET_SECOND;
    while (world->now_ns < until_ns) {
        draw_fault(world);
        net_run(world, world->now_ns + below(world, 8000) * NET_MS);
    }
    heal(world);
    world->loss = 0;
    world->duplication = 0;
    world->reordering = 0;
    world->latency_ns = 1 * NET_MS;
    world->jitter_ns = 20 * NET_MS;
    if (!world->hosts[0].swim) { /* somebody is up */
        net_start(world, 0);
    }
}

/* How long after healing it was last unsettled: it must stay settled for long after that. */
static uint64_t settle(net *world) {
    uint64_t healed_ns = world->now_ns;
    uint64_t unsettled_ns = healed_ns;
    uint64_t calm_ns = 2 * cg_swim_suspicion_ns(&world->options) + 10 * NET_SECOND;
    while (world->now_ns < unsettled_ns + calm_ns) {
        net_run(world, world->now_ns + NET_SECOND / 4);
        if (!net_is_settled(world)) {
            unsettled_ns = world->now_ns;
            assert_true(unsettled_ns - healed_ns <= cg_swim_settle_ns(&world->options));
        }
    }
    return unsettled_ns - healed_ns;
}

static void test_settles_after_any_faults(void **state) {
    (void)state;
    uint64_t seed = support_seed(17);
    enum { RUNS = 200 };
    uint64_t sum_ns = 0;
    uint64_t worst_ns = 0;
    double worst_share = 0;
    cg_swim_statistics sum = {0};
    uint64_t false_deaths = 0;
    for (uint32_t run = 0; run < RUNS; run++) {
        net *world = net_alloc(2 + run % 39, seed + run);
        hurt(world);
        uint64_t time_ns = settle(world);
        sum_ns += time_ns;
        worst_ns = time_ns > worst_ns ? time_ns : worst_ns;
        double share = (double)time_ns / (double)cg_swim_settle_ns(&world->options);
        worst_share = share > worst_share ? share : worst_share;
        cg_swim_statistics some = net_statistics(world);
        sum.returns += some.returns;
        sum.refutations += some.refutations;
        false_deaths += world->false_deaths;
        net_free(world);
    }
    printf(
        "  %d schedules: settled after %.2f s, at most %.2f s, %.0f%% of the bound; %llu false "
        "deaths, %llu returns, %llu refutations\n",
        RUNS, seconds(sum_ns / RUNS), seconds(worst_ns), 100 * worst_share,
        (unsigned long long)false_deaths, (unsigned long long)sum.returns,
        (unsigned long long)sum.refutations);
    assert_true(sum.returns > 1000 && sum.refutations > 1000); /* something happened */
    assert_true(sum_ns / RUNS < 20 * NET_SECOND);
}

static uint64_t hash_of_run(uint64_t seed) {
    net *world = net_alloc(12, seed);
    hurt(world);
    net_run(world, world->now_ns + 10 * NET_SECOND);
    uint64_t hash = cg_hasher_value(&world->hasher);
    for (uint32_t i = 0; i < world->count; i++) {
        hash ^= world->hosts[i].swim ? cg_swim_hash(world->hosts[i].swim) : 0;
    }
    net_free(world);
    return hash;
}

static void test_same_inputs_same_bytes(void **state) {
    (void)state;
    uint64_t seed = support_seed(18);
    uint64_t last = 0;
    for (uint32_t run = 0; run < 10; run++) {
        uint64_t hash = hash_of_run(seed + run);
        assert_int_equal(hash_of_run(seed + run), hash);
        assert_int_not_equal(hash, last);
        last = hash;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_is_seen_everywhere),
        cmocka_unit_test(test_many_crashes_at_once),
        cmocka_unit_test(test_nobody_is_accused_without_loss),
        cmocka_unit_test(test_loss_accuses_rarely),
        cmocka_unit_test(test_load_does_not_grow),
        cmocka_unit_test(test_who_returns_slays_nobody),
        cmocka_unit_test(test_settles_after_any_faults),
        cmocka_unit_test(test_same_inputs_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
