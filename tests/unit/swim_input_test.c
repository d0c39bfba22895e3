/* Goal: SWIM's messages have exactly the bytes of swim.h's table; whatever is malformed is
 * refused and changes nothing, and so are options; memory may run out, and failures are passed
 * on.
 */
#include "tests/support/swim_member.h"

/* --- options --- */

static void test_suspicion_grows_with_log10(void **state) {
    (void)state;
    cg_swim_options options = cg_swim_options_default();
    static const struct {
        uint32_t hosts;
        uint64_t suspicion_ns;
    } known[] = {{1, 5 * SECOND_NS},     {10, 5 * SECOND_NS},           {100, 10 * SECOND_NS},
                 {1000, 15 * SECOND_NS}, {1024, UINT64_C(15051499783)}, /* 5e9 * 3.0102999566 */
                 {10000, 20 * SECOND_NS}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        options.hosts = known[i].hosts;
        assert_in_range(cg_swim_suspicion_ns(&options), known[i].suspicion_ns - 1,
                        known[i].suspicion_ns + 1);
    }
    options.hosts = 5;
    assert_int_equal(cg_swim_detect_ns(&options), 15 * SECOND_NS);
    assert_int_equal(cg_swim_settle_ns(&options), 30 * SECOND_NS);
}

static void assert_refused(const cg_swim_options *options, const char *part) {
    cg_port port = {on_send, on_timer, NULL};
    cg_swim *swim = NULL;
    cg_error error = {0};
    cg_status status = cg_swim_alloc(options, &port, cg_allocator_heap(), &swim, &error);
    assert_status(status, CG_ERROR_INVALID, error, part);
    assert_null(swim);
}

static void test_bad_options(void **state) {
    (void)state;
    const cg_swim_options good = cg_swim_options_default();
#define REFUSED(member, value, part)                                                           \
    do {                                                                                       \
        cg_swim_options bad = good;                                                            \
        bad.member = (value);                                                                  \
        assert_refused(&bad, part);                                                            \
    } while (0)
    REFUSED(hosts, 0, "hosts is 0");
    REFUSED(hosts, CG_SWIM_HOSTS_MAX + 1, "must be 1 to 65536");
    REFUSED(host, 1, "host is 1, must be 0 to 0");
    REFUSED(period_ns, 1, "period_ns");
    REFUSED(period_ns, CG_SWIM_TIME_NS_MAX + 1, "period_ns");
    REFUSED(ack_timeout_ns, 0, "ack_timeout_ns");
    REFUSED(ack_timeout_ns, good.period_ns, "must be 1 to 999999999");
    REFUSED(suspicion_ns, 0, "suspicion_ns");
    REFUSED(suspicion_ns, UINT64_MAX, "suspicion_ns");
    REFUSED(indirect, CG_SWIM_INDIRECT_MAX + 1, "indirect is 17");
    REFUSED(retransmit, 0, "retransmit");
    REFUSED(retransmit, CG_SWIM_RETRANSMIT_MAX + 1, "retransmit");
    REFUSED(updates_max, 0, "updates_max");
    REFUSED(updates_max, CG_SWIM_UPDATES_MAX + 1, "updates_max is 65");
#undef REFUSED
}

static void test_nth_allocation_fails(void **state) {
    (void)state;
    member self = {0};
    cg_swim_options options = options_of(&self, HOSTS);
    cg_port port = {on_send, on_timer, &self};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_swim *swim = NULL;
    uint64_t nth = 1;
    for (;; nth++) {
        cg_error error = {0};
        counting.fail_at = nth;
        cg_status status = cg_swim_alloc(&options, &port, cg_counting_allocator_view(&counting),
                                         &swim, &error);
        if (status == CG_OK) {
            break;
        }
        assert_status(status, CG_ERROR_MEMORY, error, "no memory for the membership");
        assert_null(swim);
        assert_int_equal(counting.live_blocks, 0);
    }
    assert_int_equal(nth, 6);
    assert_int_equal(counting.live_bytes, cg_swim_bytes(swim));
    cg_swim_free(swim);
    assert_int_equal(counting.live_bytes, 0);
    cg_swim_free(NULL);
}

/* --- bytes --- */

static void test_known_bytes(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    static const uint8_t ping[] = {0x44, 0x33, 0x22, 0x11, 1, 0, 0, 0, 3, 0, 0, 0, 9, 0,
                                   0,    0,    2,    1,    0, 0, 1, 1, 2, 0, 0, 0, 0, 5,
                                   0,    0,    0,    2,    6, 0, 0, 0, 0, 4, 0, 0, 1};
    static const uint8_t ack[] = {0x44, 0x33, 0x22, 0x11, 1, 0, 0, 0, 3, 0, 0, 0, 3, 1,
                                  0,    0,    9,    0,    0, 0, 0, 0, 2, 0, 0, 0, 0, 5,
                                  0,    0,    0,    2,    6, 0, 0, 0, 0, 4, 0, 0, 1};
    cg_error error = {0};
    assert_ok(cg_swim_receive(self.swim, 1, CG_SWIM_PING, ping, sizeof ping, 1, &error), error);
    assert_int_equal(cg_swim_incarnation(self.swim, 1), 9);
    assert_int_equal(cg_swim_incarnation(self.swim, SELF), 0x103);
    assert_int_equal(cg_swim_state(self.swim, 0), CG_SWIM_DEAD);
    assert_int_equal(cg_swim_incarnation(self.swim, 6), 0x400);
    assert_true(self.sent[0].to == 1 && self.sent[0].type == CG_SWIM_ACK);
    assert_int_equal(self.sent[0].size_bytes, sizeof ack);
    assert_memory_equal(self.sent[0].payload, ack, sizeof ack);
    cg_swim_free(self.swim);
}

static void assert_corrupt(member *self, uint32_t from, uint16_t type, const message *what,
                           const char *part) {
    uint64_t hash = cg_swim_hash(self->swim);
    cg_error error = {0};
    cg_status status = receive(self, from, type, what, &error);
    assert_status(status, CG_ERROR_CORRUPT, error, part);
    assert_int_equal(cg_swim_hash(self->swim), hash);
    assert_int_equal(self->sent_count + self->changes, 0);
}

static void test_malformed(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    run_next_timer(&self);
    const message ping = {.sequence = 1,
                          .origin = 1,
                          .target = SELF,
                          .incarnation = 4,
                          .liveness = 1,
                          .count = 1,
                          .update_host = 2,
                          .update_incarnation = 3,
                          .update_liveness = 2};
    message bad = ping;
    assert_corrupt(&self, 1, CG_SWIM_MESSAGE_COUNT, &bad, "type 3");
    assert_corrupt(&self, HOSTS, CG_SWIM_PING, &bad, "comes from host 8");
    assert_corrupt(&self, SELF, CG_SWIM_PING, &bad, "comes from host 3");
#define CORRUPT(member, value, type, part)                                                     \
    do {                                                                                       \
        bad = ping;                                                                            \
        bad.member = (value);                                                                  \
        assert_corrupt(&self, 1, type, &bad, part);                                            \
    } while (0)
    CORRUPT(origin, HOSTS, CG_SWIM_PING, "names a host that is none");
    CORRUPT(target, HOSTS, CG_SWIM_PING, "names a host that is none");
    CORRUPT(origin, SELF, CG_SWIM_PING, "probe of its own origin");
    CORRUPT(target, 2, CG_SWIM_PING, "a ping for another host");
    CORRUPT(target, SELF, CG_SWIM_PING_REQ, "to ping its receiver");
    CORRUPT(origin, 2, CG_SWIM_PING_REQ, "in another host's name");
    CORRUPT(target, SELF, CG_SWIM_ACK, "this host's own answer");
    bad = ping;
    bad.origin = 2;
    bad.target = 4;
    assert_corrupt(&self, 1, CG_SWIM_ACK, &bad, "another host's answer");
    CORRUPT(incarnation, CG_SWIM_INCARNATION_MAX + 1, CG_SWIM_PING, "sender's incarnation");
    CORRUPT(known, CG_SWIM_INCARNATION_MAX + 1, CG_SWIM_PING, "incarnation 2147483648");
    CORRUPT(liveness, 3, CG_SWIM_PING, "liveness 3");
    CORRUPT(asks, 2, CG_SWIM_PING, "question");
    bad = ping;
    bad.target = 2;
    bad.asks = 1;
    assert_corrupt(&self, 1, CG_SWIM_PING_REQ, &bad, "question");
    CORRUPT(count, 2, CG_SWIM_PING, "must have 41");
    CORRUPT(count, CG_SWIM_UPDATES_MAX + 1, CG_SWIM_PING, "65 updates");
    CORRUPT(update_host, HOSTS, CG_SWIM_PING, "about host 8");
    CORRUPT(update_host, 1, CG_SWIM_PING, "neither sender nor receiver");
    CORRUPT(update_host, SELF, CG_SWIM_PING, "neither sender nor receiver");
    CORRUPT(update_incarnation, UINT32_MAX, CG_SWIM_PING, "incarnation 4294967295");
    CORRUPT(update_liveness, 3, CG_SWIM_PING, "liveness 3");
#undef CORRUPT
    cg_swim_free(self.swim);
}

/* A ping with two updates, each byte replaced by each value, cut, and with bytes behind: what
 * is taken does not crash, what is refused changes nothing; updates twice or out of order
 * are. */
static void test_altered_and_cut(void **state) {
    (void)state;
    static const uint8_t good[] = {5, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 9, 0,
                                   0, 0, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 5,
                                   0, 0, 0, 2, 4, 0, 0, 0, 4, 0, 0, 0, 1};
    uint32_t refused = 0;
    for (size_t at = 0; at <= sizeof good; at++) {
        for (uint32_t value = 0; value < 256; value++) {
            uint8_t bytes[sizeof good + 1] = {0};
            memcpy(bytes, good, sizeof good);
            bytes[at] = (uint8_t)value;
            size_t size_bytes = sizeof good + (at == sizeof good);
            if (value == 0 && at < sizeof good) {
                size_bytes = at; /* cut */
            }
            member self;
            start(&self, HOSTS);
            uint64_t hash = cg_swim_hash(self.swim);
            cg_error error = {0};
            cg_status status =
                cg_swim_receive(self.swim, 1, CG_SWIM_PING, bytes, size_bytes, 1, &error);
            assert_true(status == CG_OK || status == CG_ERROR_CORRUPT);
            assert_true(status == CG_OK || cg_swim_hash(self.swim) == hash);
            assert_true(status == CG_OK || error.message[0] != 0);
            assert_int_equal(self.sent_count, status == CG_OK);
            assert_true(status == CG_ERROR_CORRUPT || size_bytes == sizeof good);
            /* The hosts of the updates: 2 before 4. */
            bool is_first = at == HEADER && (value == 0 || value == 2);
            bool is_second = at == HEADER + CG_SWIM_UPDATE_BYTES && value >= 4 && value < HOSTS;
            if (value > 0 && (at == HEADER || at == HEADER + CG_SWIM_UPDATE_BYTES)) {
                assert_int_equal(status == CG_OK, is_first || is_second);
            }
            refused += status != CG_OK;
            cg_swim_free(self.swim);
        }
    }
    assert_true(refused > 2000);
}

/* What port and `changed` answer is what the step answers. */
static void test_failures_are_passed_on(void **state) {
    (void)state;
    member self;
    start(&self, HOSTS);
    self.answer = CG_ERROR_MEMORY;
    cg_error error = {0};
    assert_int_equal(cg_swim_timer(self.swim, 0, SECOND_NS, &error), CG_ERROR_MEMORY);
    assert_int_equal(cg_swim_begin(self.swim, 0, &error), CG_ERROR_MEMORY);
    message ping = ping_from(1);
    assert_int_equal(receive(&self, 1, CG_SWIM_PING, &ping, &error), CG_ERROR_MEMORY);
    assert_true(self.sent_count == 1 && self.changes == 0);
    ping.known = 1; /* changed is asked first, and nothing is sent */
    assert_int_equal(receive(&self, 1, CG_SWIM_PING, &ping, &error), CG_ERROR_MEMORY);
    assert_true(self.sent_count == 0 && self.changes == 1);
    cg_swim_free(self.swim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspicion_grows_with_log10),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_known_bytes),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_altered_and_cut),
        cmocka_unit_test(test_failures_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
