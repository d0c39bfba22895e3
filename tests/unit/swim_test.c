/* Goal: one SWIM member does, message by message and timer by timer, what swim.h says: a
 * probe's way from ping to death, the part of a helper, refutation, which claim wins, what
 * becomes of the dead and what beginners are told of them.
 */
#include "tests/support/swim_member.h"

/* --- a probe's way --- */

static void test_from_ping_to_death(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    assert_int_equal(self.timer_count, 1);
    uint64_t begin_ns = run_next_timer(&self);
    assert_true(begin_ns < SECOND_NS);
    assert_int_equal(self.sent_count, 1);
    assert_int_equal(self.sent[0].type, CG_SWIM_PING);
    message ping = decode(&self.sent[0]);
    uint32_t target = self.sent[0].to;
    assert_true(ping.origin == SELF && ping.target == target && ping.asks == 1);
    /* Stale and unknown timers do nothing. */
    uint64_t hash = cg_swim_hash(self.swim);
    cg_error error = {0};
    assert_ok(cg_swim_timer(self.swim, 0, begin_ns, &error), error);
    assert_ok(cg_swim_timer(self.swim, 1, begin_ns, &error), error);
    assert_ok(cg_swim_timer(self.swim, 2 + target, begin_ns, &error), error);
    assert_ok(cg_swim_timer(self.swim, 2 + HOSTS, begin_ns, &error), error);
    assert_ok(cg_swim_timer(self.swim, UINT64_MAX, begin_ns, &error), error);
    assert_int_equal(cg_swim_hash(self.swim), hash);
    assert_int_equal(self.sent_count, 1);
    /* Three helpers are asked. */
    assert_int_equal(run_next_timer(&self), begin_ns + SECOND_NS / 2);
    assert_int_equal(self.sent_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const sent *request = &self.sent[i];
        assert_int_equal(request->type, CG_SWIM_PING_REQ);
        assert_true(request->to != target && request->to != SELF);
        assert_true(request->to != self.sent[(i + 1) % 3].to);
        assert_int_equal(decode(request).sequence, ping.sequence);
        assert_int_equal(decode(request).target, target);
    }
    assert_ok(cg_swim_timer(self.swim, 1, begin_ns + SECOND_NS / 2, &error), error);
    assert_int_equal(self.sent_count, 3); /* once */
    /* Suspicion, and the next probe, which says so. */
    assert_int_equal(run_next_timer(&self), begin_ns + SECOND_NS);
    assert_int_equal(cg_swim_state(self.swim, target), CG_SWIM_SUSPECT);
    assert_int_equal(cg_swim_count(self.swim, CG_SWIM_SUSPECT), 1);
    assert_int_equal(cg_swim_count(self.swim, CG_SWIM_ALIVE), HOSTS - 1);
    assert_int_equal(self.changes, 1);
    message next = decode(&self.sent[0]);
    assert_true(self.sent[0].to != target && next.count == 1 && next.update_host == target);
    assert_int_equal(next.update_liveness, CG_SWIM_SUSPECT);
    /* Death, five seconds after, to the nanosecond. */
    while (cg_swim_state(self.swim, target) != CG_SWIM_DEAD) {
        uint64_t now_ns = run_next_timer(&self);
        assert_true(now_ns <= begin_ns + 6 * SECOND_NS);
        assert_int_equal(cg_swim_state(self.swim, target) == CG_SWIM_DEAD,
                         now_ns == begin_ns + 6 * SECOND_NS && self.changes > 0 &&
                             cg_swim_count(self.swim, CG_SWIM_DEAD) == 1);
    }
    cg_swim_free(self.swim);
}

/* By the target, or by a helper; but not an answer to another probe, or of another host. */
static void test_an_ack_ends_the_probe(void **state) {
    (void)state;
    for (uint32_t way = 0; way < 4; way++) {
        member self;
        start(&self, HOSTS);
        run_next_timer(&self);
        uint32_t target = self.sent[0].to;
        message ack = decode(&self.sent[0]);
        ack.asks = 0;
        uint32_t helper =
            (target + 1) % HOSTS == SELF ? (target + 2) % HOSTS : (target + 1) % HOSTS;
        ack.sequence += way == 2;
        ack.target = way == 3 ? helper : target;
        receive_ok(&self, way == 0 || way == 2 ? target : helper, CG_SWIM_ACK, ack);
        assert_int_equal(self.sent_count, 0);
        run_next_timer(&self);
        assert_int_equal(self.sent_count, way < 2 ? 0 : 3);
        run_next_timer(&self);
        assert_int_equal(cg_swim_state(self.swim, target),
                         way < 2 ? CG_SWIM_ALIVE : CG_SWIM_SUSPECT);
        cg_swim_free(self.swim);
    }
}

static void test_a_helpers_part(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    message probe = {.sequence = 77, .origin = 1, .target = 6};
    message ping = receive_ok(&self, 1, CG_SWIM_PING_REQ, probe);
    assert_int_equal(self.sent_count, 1);
    assert_true(self.sent[0].to == 6 && self.sent[0].type == CG_SWIM_PING);
    assert_true(ping.sequence == 77 && ping.origin == 1 && ping.target == 6);
    message ack = receive_ok(&self, 6, CG_SWIM_ACK, probe);
    assert_int_equal(self.sent_count, 1);
    assert_true(self.sent[0].to == 1 && self.sent[0].type == CG_SWIM_ACK);
    assert_true(ack.sequence == 77 && ack.origin == 1 && ack.target == 6);
    cg_swim_free(self.swim);
}

/* A beginner asks until it had 2 + 8 / 32 answers to its own probes. */
static void test_a_beginner_asks(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    for (uint32_t answers = 0; answers < 4; answers++) {
        do {
            run_next_timer(&self);
        } while (self.sent_count == 0);
        message ping = decode(&self.sent[0]);
        assert_int_equal(ping.asks, answers < 2);
        ping.asks = 0;
        receive_ok(&self, self.sent[0].to, CG_SWIM_ACK, ping);
    }
    cg_swim_free(self.swim);
}

/* --- views --- */

static void test_refutes(void **state) {
    (void)state;
    static const struct {
        uint32_t known;
        uint8_t liveness;
        uint32_t after;
    } claims[] = {{0, CG_SWIM_ALIVE, 0},   {0, CG_SWIM_SUSPECT, 1}, {0, CG_SWIM_DEAD, 1},
                  {1, CG_SWIM_DEAD, 2},    {7, CG_SWIM_ALIVE, 7},   {6, CG_SWIM_DEAD, 7},
                  {9, CG_SWIM_SUSPECT, 10}};
    member self;
    start(&self, HOSTS);
    uint32_t before = 0;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        message ping = ping_from(1);
        ping.known = claims[i].known;
        ping.liveness = claims[i].liveness;
        message ack = receive_ok(&self, 1, CG_SWIM_PING, ping);
        assert_int_equal(ack.incarnation, claims[i].after);
        assert_int_equal(self.changes, claims[i].after != before);
        assert_int_equal(cg_swim_state(self.swim, SELF), CG_SWIM_ALIVE);
        before = claims[i].after;
    }
    message last = ping_from(1); /* as high as it goes: the end of refuting, but not of order */
    last.known = CG_SWIM_INCARNATION_MAX;
    last.liveness = CG_SWIM_DEAD;
    assert_int_equal(receive_ok(&self, 1, CG_SWIM_PING, last).incarnation, before);
    last.known--;
    assert_int_equal(receive_ok(&self, 1, CG_SWIM_PING, last).incarnation,
                     CG_SWIM_INCARNATION_MAX);
    cg_swim_free(self.swim);
}

/* All pairs of claims, in both orders: the greater wins, and is told once. */
static void test_the_greater_claim_wins(void **state) {
    (void)state;
    for (uint32_t pair = 0; pair < 81; pair++) {
        uint32_t a = pair / 9;
        uint32_t b = pair % 9;
        member self;
        start(&self, HOSTS);
        message ping = ping_from(1);
        ping.count = 1;
        ping.update_host = 5;
        ping.update_incarnation = a / 3;
        ping.update_liveness = (uint8_t)(a % 3);
        receive_ok(&self, 1, CG_SWIM_PING, ping);
        assert_int_equal(self.changes, a > 0);
        ping.update_incarnation = b / 3;
        ping.update_liveness = (uint8_t)(b % 3);
        receive_ok(&self, 1, CG_SWIM_PING, ping);
        assert_int_equal(self.changes, b > a);
        uint32_t most = a > b ? a : b;
        assert_int_equal(cg_swim_incarnation(self.swim, 5), most / 3);
        assert_int_equal(cg_swim_state(self.swim, 5), most % 3);
        assert_int_equal(cg_swim_count(self.swim, CG_SWIM_DEAD), most % 3 == CG_SWIM_DEAD);
        cg_swim_free(self.swim);
    }
}

/* The dead get their news, are not believed, and come back by a higher incarnation alone. */
static void test_the_dead(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    message ping = ping_from(1);
    ping.count = 1;
    ping.update_host = 5;
    ping.update_liveness = CG_SWIM_DEAD;
    receive_ok(&self, 1, CG_SWIM_PING, ping);
    message from_dead = ping_from(5);
    from_dead.count = 1;
    from_dead.update_host = 6;
    from_dead.update_liveness = CG_SWIM_DEAD;
    message ack = receive_ok(&self, 5, CG_SWIM_PING, from_dead);
    assert_true(self.sent[0].to == 5 && ack.known == 0 && ack.liveness == CG_SWIM_DEAD);
    assert_int_equal(cg_swim_state(self.swim, 5), CG_SWIM_DEAD);
    assert_int_equal(cg_swim_state(self.swim, 6), CG_SWIM_ALIVE);
    /* It is what a beginner is told, as a suspicion. News of it is worn out first: 3 * 4
     * messages, one of which answered the first. */
    message asking = ping_from(1);
    for (uint32_t i = 0; i < 11; i++) {
        ack = receive_ok(&self, 1, CG_SWIM_PING, asking);
        assert_true(ack.count == 1 && ack.update_host == 5);
        assert_int_equal(ack.update_liveness, CG_SWIM_DEAD);
    }
    assert_int_equal(receive_ok(&self, 1, CG_SWIM_PING, asking).count, 0);
    asking.asks = 1;
    ack = receive_ok(&self, 1, CG_SWIM_PING, asking);
    assert_true(ack.count == 1 && ack.update_host == 5);
    assert_int_equal(ack.update_liveness, CG_SWIM_SUSPECT);
    /* Each period, besides the probe, a ping goes to the dead. */
    run_next_timer(&self);
    assert_int_equal(self.sent_count, 2);
    assert_true(self.sent[0].to != 5 && self.sent[1].to == 5);
    assert_int_equal(decode(&self.sent[1]).liveness, CG_SWIM_DEAD);
    from_dead.incarnation = 1;
    receive_ok(&self, 5, CG_SWIM_PING, from_dead);
    assert_int_equal(cg_swim_state(self.swim, 5), CG_SWIM_ALIVE);
    assert_int_equal(cg_swim_state(self.swim, 6), CG_SWIM_DEAD);
    /* Who learns that he was dead keeps his claims to himself. */
    message death = ping_from(5);
    death.incarnation = 1;
    death.liveness = CG_SWIM_DEAD;
    ack = receive_ok(&self, 5, CG_SWIM_PING, death);
    assert_int_equal(ack.count, 0);
    assert_int_equal(cg_swim_state(self.swim, 6), CG_SWIM_DEAD);
    cg_swim_free(self.swim);
}

/* News sent least goes first, ties by host: with room for two, 4 to 7 take turns, and 2, which
 * is newer, goes first until it was sent as often. */
static void test_newest_news_first(void **state) {
    (void)state;
    member self = {0};
    cg_swim_options options = options_of(&self, HOSTS);
    options.updates_max = 2;
    cg_port port = {on_send, on_timer, &self};
    cg_error error = {0};
    assert_ok(cg_swim_alloc(&options, &port, cg_allocator_heap(), &self.swim, &error), error);
    assert_ok(cg_swim_begin(self.swim, 0, &error), error);
    static const struct {
        uint32_t of; /* what is learned, before the answer; 0: nothing */
        uint32_t first, second;
    } steps[] = {{7, 7, 0}, {6, 6, 7}, {5, 5, 6}, {4, 4, 5}, {0, 4, 5}, {0, 4, 6},
                 {2, 2, 7}, {0, 2, 4}, {0, 2, 5}, {0, 2, 6}, {0, 2, 7}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        message ping = ping_from(1);
        ping.count = steps[i].of > 0;
        ping.update_host = steps[i].of;
        ping.update_liveness = CG_SWIM_SUSPECT;
        message ack = receive_ok(&self, 1, CG_SWIM_PING, ping);
        uint32_t second = 0;
        if (ack.count == 2) {
            second = self.sent[0].payload[HEADER + CG_SWIM_UPDATE_BYTES];
        }
        if (ack.update_host != steps[i].first || second != steps[i].second) {
            fail_msg("step %zu carries %u and %u", i, ack.update_host, second);
        }
    }
    cg_swim_free(self.swim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_ping_to_death),
        cmocka_unit_test(test_an_ack_ends_the_probe),
        cmocka_unit_test(test_a_helpers_part),
        cmocka_unit_test(test_a_beginner_asks),
        cmocka_unit_test(test_newest_news_first),
        cmocka_unit_test(test_refutes),
        cmocka_unit_test(test_the_greater_claim_wins),
        cmocka_unit_test(test_the_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
