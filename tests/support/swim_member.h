/* One SWIM member without a network, for tests: what it sends and which timers it sets is kept,
 * and messages to it are made field by field.
 */
#ifndef CG_TESTS_SUPPORT_SWIM_MEMBER_H
#define CG_TESTS_SUPPORT_SWIM_MEMBER_H

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/replica/swim.h"
#include "tests/support/support.h"

#define SECOND_NS UINT64_C(1000000000)

enum { HOSTS = 8, SELF = 3, SENT_MAX = 16, TIMERS_MAX = 64, HEADER = CG_SWIM_HEADER_BYTES };

typedef struct sent {
    uint32_t to;
    uint16_t type;
    size_t size_bytes;
    uint8_t payload[CG_SWIM_PAYLOAD_BYTES_MAX];
} sent;

/* One member, and what it did in the last step. */
typedef struct member {
    cg_swim *swim;
    sent sent[SENT_MAX];
    uint32_t sent_count;
    uint64_t timers[TIMERS_MAX]; /* number << 48 | time */
    uint32_t timer_count;
    uint32_t changes;
    cg_status answer; /* of the port and of changed */
} member;

static inline cg_status on_send(void *context, uint32_t to, uint16_t type,
                                const uint8_t *payload, size_t size_bytes, cg_error *error) {
    member *self = context;
    assert_true(self->sent_count < SENT_MAX && size_bytes <= CG_SWIM_PAYLOAD_BYTES_MAX);
    sent *message = &self->sent[self->sent_count++];
    *message = (sent){.to = to, .type = type, .size_bytes = size_bytes};
    memcpy(message->payload, payload, size_bytes);
    return self->answer == CG_OK ? CG_OK : cg_error_set(error, self->answer, "no");
}

static inline cg_status on_timer(void *context, uint64_t timer, uint64_t at_ns,
                                 cg_error *error) {
    member *self = context;
    assert_true(self->timer_count < TIMERS_MAX);
    self->timers[self->timer_count++] = timer << 48 | at_ns;
    return self->answer == CG_OK ? CG_OK : cg_error_set(error, self->answer, "no");
}

static inline cg_status on_change(void *context, uint32_t host, cg_swim_liveness liveness,
                                  uint32_t incarnation, cg_error *error) {
    member *self = context;
    assert_int_equal(cg_swim_state(self->swim, host), liveness);
    assert_int_equal(cg_swim_incarnation(self->swim, host), incarnation);
    self->changes++;
    return self->answer == CG_OK ? CG_OK : cg_error_set(error, self->answer, "no");
}

static inline cg_swim_options options_of(member *self, uint32_t hosts) {
    cg_swim_options options = cg_swim_options_default();
    options.host = SELF;
    options.hosts = hosts;
    options.changed = on_change;
    options.context = self;
    return options;
}

static inline void start(member *self, uint32_t hosts) {
    *self = (member){0};
    cg_swim_options options = options_of(self, hosts);
    cg_port port = {on_send, on_timer, self};
    cg_error error = {0};
    assert_ok(cg_swim_alloc(&options, &port, cg_allocator_heap(), &self->swim, &error), error);
    assert_ok(cg_swim_begin(self->swim, 0, &error), error);
}

/* Runs the earliest timer, of those of one time the oldest; what was sent before is forgotten.
 * Returns the time. */
static inline uint64_t run_next_timer(member *self) {
    uint32_t first = 0;
    for (uint32_t i = 1; i < self->timer_count; i++) {
        uint64_t at_ns = self->timers[i] << 16 >> 16;
        first = at_ns < self->timers[first] << 16 >> 16 ? i : first;
    }
    uint64_t number = self->timers[first] >> 48;
    uint64_t at_ns = self->timers[first] << 16 >> 16;
    self->timers[first] = self->timers[--self->timer_count];
    self->sent_count = 0;
    self->changes = 0;
    cg_error error = {0};
    assert_ok(cg_swim_timer(self->swim, number, at_ns, &error), error);
    return at_ns;
}

typedef struct message {
    uint32_t sequence, origin, target, incarnation, known;
    uint8_t liveness, asks, count;
    uint32_t update_host, update_incarnation; /* the first */
    uint8_t update_liveness;
} message;

static inline size_t encode(const message *from, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes, CG_SWIM_PAYLOAD_BYTES_MAX);
    cg_write_u32(&writer, from->sequence);
    cg_write_u32(&writer, from->origin);
    cg_write_u32(&writer, from->target);
    cg_write_u32(&writer, from->incarnation);
    cg_write_u32(&writer, from->known);
    cg_write_u8(&writer, from->liveness);
    cg_write_u8(&writer, from->asks);
    cg_write_u8(&writer, from->count);
    if (from->count > 0) {
        cg_write_u32(&writer, from->update_host);
        cg_write_u32(&writer, from->update_incarnation);
        cg_write_u8(&writer, from->update_liveness);
    }
    return writer.used_bytes;
}

static inline message decode(const sent *from) {
    cg_reader reader = cg_reader_init(from->payload, from->size_bytes);
    message to = {.sequence = cg_read_u32(&reader)};
    to.origin = cg_read_u32(&reader);
    to.target = cg_read_u32(&reader);
    to.incarnation = cg_read_u32(&reader);
    to.known = cg_read_u32(&reader);
    to.liveness = cg_read_u8(&reader);
    to.asks = cg_read_u8(&reader);
    to.count = cg_read_u8(&reader);
    if (to.count > 0) {
        to.update_host = cg_read_u32(&reader);
        to.update_incarnation = cg_read_u32(&reader);
        to.update_liveness = cg_read_u8(&reader);
    }
    return to;
}

static inline cg_status receive(member *self, uint32_t from, uint16_t type, const message *what,
                                cg_error *error) {
    uint8_t bytes[CG_SWIM_PAYLOAD_BYTES_MAX];
    size_t size_bytes = encode(what, bytes);
    self->sent_count = 0;
    self->changes = 0;
    return cg_swim_receive(self->swim, from, type, bytes, size_bytes, 1, error);
}

static inline message receive_ok(member *self, uint32_t from, uint16_t type, message what) {
    cg_error error = {0};
    assert_ok(receive(self, from, type, &what, &error), error);
    return self->sent_count > 0 ? decode(&self->sent[0]) : (message){0};
}

static inline message ping_from(uint32_t from) {
    return (message){.sequence = 5, .origin = from, .target = SELF};
}

#endif
