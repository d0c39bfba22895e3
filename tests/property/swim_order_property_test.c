/* Goal: in each round of a ring everybody who stays has one turn, however others come and go;
 * rounds differ; who comes waits for a place drawn among all; and helpers are drawn evenly.
 */
#include <string.h>

#include "engine/replica/swim_internal.h"
#include "tests/support/support.h"

enum { HOSTS = 50, STEPS = 200000 };

typedef struct model {
    bool is_in[HOSTS];
    bool had_turn[HOSTS]; /* of who is in */
    bool is_new[HOSTS];   /* came in this round: its turn may be drawn as past */
    uint32_t count;
} model;

static void begin_round(model *oracle) {
    memset(oracle->had_turn, 0, sizeof oracle->had_turn);
    memset(oracle->is_new, 0, sizeof oracle->is_new);
}

static void check_turn(model *oracle, const swim_ring *ring, uint32_t before, uint32_t host) {
    if (before == ring->count) { /* the round before is over: nobody was left out */
        for (uint32_t i = 0; i < HOSTS; i++) {
            assert_true(!oracle->is_in[i] || oracle->had_turn[i] || oracle->is_new[i]);
        }
        begin_round(oracle);
    }
    assert_true(oracle->is_in[host] && !oracle->had_turn[host]);
    oracle->had_turn[host] = true;
}

static void test_one_turn_a_round(void **state) {
    (void)state;
    uint64_t seed = support_seed(21);
    cg_stream stream = cg_stream_init(seed, "test.order", 0);
    uint32_t hosts[HOSTS];
    swim_member members[HOSTS] = {0};
    swim_ring ring = {.hosts = hosts};
    cg_swim_ring_init(&ring, seed, "swim.order", 0);
    model oracle = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t host = (uint32_t)cg_stream_next_below(&stream, HOSTS);
        uint64_t action = cg_stream_next_below(&stream, 12);
        if (action == 0 && !oracle.is_in[host]) {
            cg_swim_ring_insert(&ring, members, host);
            oracle.is_in[host] = true;
            oracle.is_new[host] = true;
            oracle.had_turn[host] = members[host].place < ring.next;
            oracle.count++;
        } else if (action == 1 && oracle.is_in[host]) {
            cg_swim_ring_remove(&ring, members, host);
            oracle.is_in[host] = false;
            oracle.count--;
        } else if (oracle.count > 0) {
            uint32_t before = ring.next;
            check_turn(&oracle, &ring, before, cg_swim_ring_next(&ring, members));
        }
        assert_int_equal(ring.count, oracle.count);
    }
}

static void test_rounds_differ(void **state) {
    (void)state;
    uint32_t hosts[HOSTS];
    swim_member members[HOSTS] = {0};
    swim_ring ring = {.hosts = hosts};
    cg_swim_ring_init(&ring, support_seed(22), "swim.order", 0);
    for (uint32_t i = 0; i < HOSTS; i++) {
        cg_swim_ring_insert(&ring, members, i);
    }
    uint32_t same = 0;
    uint32_t last[HOSTS] = {0};
    for (uint32_t turn = 0; turn < 20 * HOSTS; turn++) {
        uint32_t host = cg_swim_ring_next(&ring, members);
        same += turn >= HOSTS && last[turn % HOSTS] == host;
        last[turn % HOSTS] = host;
    }
    assert_true(same < 60); /* 19 expected of 950 */
}

/* Of 50 hosts 20 had their turn: who comes now is one of these 21 in 51 times. */
static void test_who_comes_is_placed_evenly(void **state) {
    (void)state;
    uint64_t seed = support_seed(23);
    uint32_t past = 0;
    enum { RUNS = 5100 };
    for (uint32_t run = 0; run < RUNS; run++) {
        uint32_t hosts[HOSTS + 1];
        swim_member members[HOSTS + 1] = {0};
        swim_ring ring = {.hosts = hosts};
        cg_swim_ring_init(&ring, seed, "swim.order", run);
        for (uint32_t i = 0; i < HOSTS; i++) {
            cg_swim_ring_insert(&ring, members, i);
        }
        for (uint32_t i = 0; i < 20; i++) {
            cg_swim_ring_next(&ring, members);
        }
        cg_swim_ring_insert(&ring, members, HOSTS);
        past += members[HOSTS].place < ring.next;
    }
    assert_in_range(past, 1850, 2150); /* 2,000 expected of 20 in 51, deviation 35 */
}

static void test_helpers_are_drawn_evenly(void **state) {
    (void)state;
    uint64_t seed = support_seed(24);
    uint32_t hosts[10];
    swim_member members[10] = {0};
    cg_swim swim = {.members = members, .live = {.hosts = hosts}};
    swim.helper_stream = cg_stream_init(seed, "swim.helper", 0);
    cg_swim_ring_init(&swim.live, seed, "swim.order", 0);
    for (uint32_t i = 1; i < 10; i++) { /* host 0 is this one */
        cg_swim_ring_insert(&swim.live, members, i);
    }
    for (uint32_t indirect = 0; indirect <= 12; indirect++) {
        swim.options.indirect = indirect;
        uint32_t drawn[10] = {0};
        uint32_t expected = indirect < 8 ? indirect : 8;
        for (uint32_t run = 0; run < 8000; run++) {
            uint32_t helpers[CG_SWIM_INDIRECT_MAX];
            assert_int_equal(cg_swim_helpers(&swim, 4, helpers), expected);
            uint32_t seen = 0;
            for (uint32_t i = 0; i < expected; i++) {
                assert_true(helpers[i] >= 1 && helpers[i] < 10 && helpers[i] != 4);
                assert_false(seen >> helpers[i] & 1);
                seen |= UINT32_C(1) << helpers[i];
                drawn[helpers[i]]++;
            }
        }
        for (uint32_t i = 1; i < 10; i++) {
            uint32_t mean = i == 4 ? 0 : 1000 * expected;
            assert_in_range(drawn[i], mean - (mean < 200 ? mean : 200), mean + 200);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_turn_a_round),
        cmocka_unit_test(test_rounds_differ),
        cmocka_unit_test(test_who_comes_is_placed_evenly),
        cmocka_unit_test(test_helpers_are_drawn_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
