/* SWIM's life cycle, periods and messages: see swim.h for what it does and why. */
#include "engine/replica/swim.h"

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/replica/swim_internal.h"

/* --- options --- */

cg_swim_options cg_swim_options_default(void) {
    return (cg_swim_options){
        .host = 0,
        .hosts = 1,
        .seed = 1,
        .period_ns = UINT64_C(1000000000),
        .ack_timeout_ns = UINT64_C(500000000),
        .suspicion_ns = UINT64_C(5000000000),
        .indirect = 3,
        .retransmit = 3,
        .updates_max = 32,
    };
}

uint64_t cg_swim_suspicion_ns(const cg_swim_options *options) {
    if (options->hosts <= 10) {
        return options->suspicion_ns;
    }
    double log10_hosts = cg_log((double)options->hosts) / cg_log(10.0);
    return (uint64_t)((double)options->suspicion_ns * log10_hosts + 0.5);
}

uint64_t cg_swim_detect_ns(const cg_swim_options *options) {
    return UINT64_C(2) * options->hosts * options->period_ns + cg_swim_suspicion_ns(options);
}

uint64_t cg_swim_settle_ns(const cg_swim_options *options) {
    return 2 * cg_swim_detect_ns(options);
}

static cg_status check_range(const char *name, uint64_t value, uint64_t least, uint64_t most,
                             cg_error *error) {
    if (value >= least && value <= most) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "swim option %s is %llu, must be %llu to %llu",
                        name, (unsigned long long)value, (unsigned long long)least,
                        (unsigned long long)most);
}

static cg_status check_options(const cg_swim_options *options, cg_error *error) {
    const struct {
        const char *name;
        uint64_t value, least, most;
    } ranges[] = {
        {"hosts", options->hosts, 1, CG_SWIM_HOSTS_MAX},
        {"host", options->host, 0, (uint64_t)options->hosts - 1},
        {"period_ns", options->period_ns, 2, CG_SWIM_TIME_NS_MAX},
        {"ack_timeout_ns", options->ack_timeout_ns, 1, options->period_ns - 1},
        {"suspicion_ns", options->suspicion_ns, 1, CG_SWIM_TIME_NS_MAX},
        {"indirect", options->indirect, 0, CG_SWIM_INDIRECT_MAX},
        {"retransmit", options->retransmit, 1, CG_SWIM_RETRANSMIT_MAX},
        {"updates_max", options->updates_max, 1, CG_SWIM_UPDATES_MAX},
    };
    cg_status status = CG_OK;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && status == CG_OK; i++) {
        status = check_range(ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].most,
                             error);
    }
    return status;
}

/* --- life cycle --- */

cg_status cg_swim_alloc(const cg_swim_options *options, const cg_port *port,
                        cg_allocator allocator, cg_swim **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_swim *swim = cg_allocate(&allocator, 1, sizeof *swim);
    if (!swim) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the membership");
    }
    size_t hosts = options->hosts;
    swim->options = *options;
    swim->port = *port;
    swim->allocator = allocator;
    swim->members = cg_allocate(&allocator, hosts, sizeof *swim->members);
    swim->live.hosts = cg_allocate(&allocator, hosts, sizeof *swim->live.hosts);
    swim->dead.hosts = cg_allocate(&allocator, hosts, sizeof *swim->dead.hosts);
    swim->news = cg_allocate(&allocator, hosts, sizeof *swim->news);
    if (!swim->members || !swim->live.hosts || !swim->dead.hosts || !swim->news) {
        cg_swim_free(swim);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the membership of %zu hosts",
                            hosts);
    }
    swim->sent_limit = options->retransmit * (cg_log2_floor(hosts) + 1);
    swim->suspicion_ns = cg_swim_suspicion_ns(options);
    *out = swim;
    return CG_OK;
}

void cg_swim_free(cg_swim *swim) {
    if (!swim) {
        return;
    }
    cg_allocator allocator = swim->allocator;
    size_t hosts = swim->options.hosts;
    cg_deallocate(&allocator, swim->members, hosts, sizeof *swim->members);
    cg_deallocate(&allocator, swim->live.hosts, hosts, sizeof *swim->live.hosts);
    cg_deallocate(&allocator, swim->dead.hosts, hosts, sizeof *swim->dead.hosts);
    cg_deallocate(&allocator, swim->news, hosts, sizeof *swim->news);
    cg_deallocate(&allocator, swim, 1, sizeof *swim);
}

static cg_status set_timer(const cg_swim *swim, uint64_t timer, uint64_t at_ns,
                           cg_error *error) {
    return swim->port.timer(swim->port.context, timer, at_ns, error);
}

cg_status cg_swim_begin(cg_swim *swim, uint64_t now_ns, cg_error *error) {
    uint32_t self = swim->options.host;
    uint64_t seed = swim->options.seed;
    cg_swim_ring_init(&swim->live, seed, "swim.order", self);
    cg_swim_ring_init(&swim->dead, seed, "swim.reconnect", self);
    swim->helper_stream = cg_stream_init(seed, "swim.helper", self);
    for (uint32_t host = 0; host < swim->options.hosts; host++) {
        swim->members[host] = (swim_member){.spot = SWIM_NOWHERE};
        if (host != self) {
            cg_swim_ring_insert(&swim->live, swim->members, host);
        }
    }
    swim->news_count = 0;
    swim->counts[CG_SWIM_ALIVE] = swim->options.hosts;
    swim->counts[CG_SWIM_SUSPECT] = 0;
    swim->counts[CG_SWIM_DEAD] = 0;
    swim->probe = (swim_probe){0};
    swim->is_waiting = false;
    swim->has_asked = false;
    swim->ack_at_ns = now_ns;
    swim->asks_left = 2 + swim->options.hosts / swim->options.updates_max;
    swim->tell_next = 0;
    /* An answer to a probe of an earlier life is none to this life's. */
    swim->sequence = (uint32_t)cg_hash_u64(now_ns, seed);
    cg_stream phase = cg_stream_init(seed, "swim.phase", self);
    swim->period_at_ns = now_ns + cg_stream_next_below(&phase, swim->options.period_ns);
    return set_timer(swim, SWIM_TIMER_PERIOD, swim->period_at_ns, error);
}

/* --- messages --- */

/* is_told: the answer to one who asked who is dead. */
static cg_status send_answer(cg_swim *swim, uint32_t to, cg_swim_message_type type,
                             swim_probe probe, bool is_told, cg_error *error) {
    const swim_member *receiver = &swim->members[to];
    swim_message message;
    message.type = (uint16_t)type;
    message.probe = probe;
    message.incarnation = swim->members[swim->options.host].incarnation;
    message.receiver = (swim_claim){receiver->incarnation, receiver->liveness};
    message.is_asking = type == CG_SWIM_PING && swim->asks_left > 0;
    message.update_count = cg_swim_news_take(swim, to, is_told, message.updates);
    uint8_t bytes[CG_SWIM_PAYLOAD_BYTES_MAX];
    size_t size_bytes = cg_swim_encode(&message, bytes);
    swim->statistics.sent[type]++;
    swim->statistics.sent_bytes += size_bytes;
    swim->statistics.updates += message.update_count;
    return swim->port.send(swim->port.context, to, (uint16_t)type, bytes, size_bytes, error);
}

static cg_status send(cg_swim *swim, uint32_t to, cg_swim_message_type type, swim_probe probe,
                      cg_error *error) {
    return send_answer(swim, to, type, probe, false, error);
}

static cg_status learn_all(cg_swim *swim, uint32_t from, const swim_message *message,
                           uint64_t now_ns, cg_error *error) {
    cg_status status = cg_swim_hear(swim, message->receiver, now_ns, error);
    if (status == CG_OK) {
        swim_claim sender = {message->incarnation, CG_SWIM_ALIVE};
        status = cg_swim_learn(swim, from, sender, now_ns, error);
    }
    if (swim->members[from].liveness == CG_SWIM_DEAD) {
        return status; /* he was cut off: what he says of others is worth nothing */
    }
    for (uint32_t i = 0; i < message->update_count && status == CG_OK; i++) {
        const swim_update *update = &message->updates[i];
        status = cg_swim_learn(swim, update->host, update->claim, now_ns, error);
    }
    return status;
}

cg_status cg_swim_receive(cg_swim *swim, uint32_t from, uint16_t type, const uint8_t *payload,
                          size_t size_bytes, uint64_t now_ns, cg_error *error) {
    swim_message message;
    cg_status status = cg_swim_decode(swim, from, type, payload, size_bytes, &message, error);
    if (status == CG_OK) {
        status = learn_all(swim, from, &message, now_ns, error);
    }
    if (status != CG_OK) {
        return status;
    }
    const swim_probe *probe = &message.probe;
    if (type == CG_SWIM_PING) {
        return send_answer(swim, from, CG_SWIM_ACK, *probe, message.is_asking, error);
    }
    if (type == CG_SWIM_PING_REQ) {
        return send(swim, probe->target, CG_SWIM_PING, *probe, error);
    }
    if (probe->origin != swim->options.host) {
        return send(swim, probe->origin, CG_SWIM_ACK, *probe, error);
    }
    swim->asks_left -= swim->asks_left > 0;
    if (probe->sequence == swim->probe.sequence && probe->target == swim->probe.target) {
        swim->is_waiting = false;
    }
    return CG_OK;
}

/* --- periods --- */

static cg_status end_probe(cg_swim *swim, uint64_t now_ns, cg_error *error) {
    const swim_member *target = &swim->members[swim->probe.target];
    if (!swim->is_waiting || target->liveness != CG_SWIM_ALIVE) {
        return CG_OK;
    }
    swim->statistics.suspicions++;
    swim_claim claim = {target->incarnation, CG_SWIM_SUSPECT};
    return cg_swim_learn(swim, swim->probe.target, claim, now_ns, error);
}

static cg_status begin_probe(cg_swim *swim, uint64_t now_ns, cg_error *error) {
    swim->is_waiting = swim->live.count > 0;
    swim->has_asked = false;
    if (!swim->is_waiting) {
        return CG_OK;
    }
    swim->probe = (swim_probe){swim->options.host, swim->sequence++,
                               cg_swim_ring_next(&swim->live, swim->members)};
    swim->ack_at_ns = now_ns + swim->options.ack_timeout_ns;
    cg_status status = send(swim, swim->probe.target, CG_SWIM_PING, swim->probe, error);
    return status != CG_OK ? status : set_timer(swim, SWIM_TIMER_ACK, swim->ack_at_ns, error);
}

static cg_status reconnect(cg_swim *swim, cg_error *error) {
    if (swim->dead.count == 0) {
        return CG_OK;
    }
    swim->statistics.reconnects++;
    swim_probe probe = {swim->options.host, swim->sequence++,
                        cg_swim_ring_next(&swim->dead, swim->members)};
    return send(swim, probe.target, CG_SWIM_PING, probe, error);
}

static cg_status on_period(cg_swim *swim, uint64_t now_ns, cg_error *error) {
    if (now_ns < swim->period_at_ns) {
        return CG_OK;
    }
    cg_status status = end_probe(swim, now_ns, error);
    if (status == CG_OK) {
        status = begin_probe(swim, now_ns, error);
    }
    if (status == CG_OK) {
        status = reconnect(swim, error);
    }
    if (status != CG_OK) {
        return status;
    }
    swim->period_at_ns = now_ns + swim->options.period_ns;
    return set_timer(swim, SWIM_TIMER_PERIOD, swim->period_at_ns, error);
}

static cg_status on_ack_timeout(cg_swim *swim, uint64_t now_ns, cg_error *error) {
    if (!swim->is_waiting || swim->has_asked || now_ns < swim->ack_at_ns) {
        return CG_OK;
    }
    swim->has_asked = true;
    uint32_t helpers[CG_SWIM_INDIRECT_MAX];
    uint32_t count = cg_swim_helpers(swim, swim->probe.target, helpers);
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        status = send(swim, helpers[i], CG_SWIM_PING_REQ, swim->probe, error);
    }
    return status;
}

cg_status cg_swim_timer(cg_swim *swim, uint64_t timer, uint64_t now_ns, cg_error *error) {
    if (timer == SWIM_TIMER_PERIOD) {
        return on_period(swim, now_ns, error);
    }
    if (timer == SWIM_TIMER_ACK) {
        return on_ack_timeout(swim, now_ns, error);
    }
    uint64_t host = timer - SWIM_TIMER_SUSPICION;
    if (host >= swim->options.hosts) {
        return CG_OK;
    }
    return cg_swim_suspicion_over(swim, (uint32_t)host, now_ns, error);
}

/* --- inspection --- */

cg_swim_liveness cg_swim_state(const cg_swim *swim, uint32_t host) {
    return (cg_swim_liveness)swim->members[host].liveness;
}

uint32_t cg_swim_incarnation(const cg_swim *swim, uint32_t host) {
    return swim->members[host].incarnation;
}

uint32_t cg_swim_count(const cg_swim *swim, cg_swim_liveness liveness) {
    return swim->counts[liveness];
}

uint64_t cg_swim_bytes(const cg_swim *swim) {
    uint64_t host_bytes = sizeof *swim->members + sizeof *swim->live.hosts +
                          sizeof *swim->dead.hosts + sizeof *swim->news;
    return sizeof *swim + swim->options.hosts * host_bytes;
}

cg_swim_statistics cg_swim_statistics_of(const cg_swim *swim) {
    return swim->statistics;
}

static void hash_ring(cg_hasher *hasher, const swim_ring *ring) {
    cg_hasher_add_u64(hasher, ring->count);
    cg_hasher_add_u64(hasher, ring->next);
    cg_hasher_add_u64(hasher, ring->stream.counter);
    for (uint32_t i = 0; i < ring->count; i++) {
        cg_hasher_add_u64(hasher, ring->hosts[i]);
    }
}

uint64_t cg_swim_hash(const cg_swim *swim) {
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t host = 0; host < swim->options.hosts; host++) {
        const swim_member *member = &swim->members[host];
        cg_hasher_add_u64(&hasher, member->incarnation);
        cg_hasher_add_u64(&hasher, member->liveness);
        cg_hasher_add_u64(&hasher, member->deadline_ns);
        cg_hasher_add_u64(&hasher, member->has_timer);
        cg_hasher_add_u64(&hasher, member->sent);
    }
    hash_ring(&hasher, &swim->live);
    hash_ring(&hasher, &swim->dead);
    cg_hasher_add_u64(&hasher, swim->news_count);
    for (uint32_t i = 0; i < swim->news_count; i++) {
        cg_hasher_add_u64(&hasher, swim->news[i]);
    }
    cg_hasher_add_u64(&hasher, swim->helper_stream.counter);
    cg_hasher_add_u64(&hasher, swim->period_at_ns);
    cg_hasher_add_u64(&hasher, swim->ack_at_ns);
    cg_hasher_add_u64(&hasher, swim->probe.sequence);
    cg_hasher_add_u64(&hasher, swim->probe.target);
    cg_hasher_add_u64(&hasher, swim->is_waiting);
    cg_hasher_add_u64(&hasher, swim->has_asked);
    cg_hasher_add_u64(&hasher, swim->sequence);
    cg_hasher_add_u64(&hasher, swim->asks_left);
    cg_hasher_add_u64(&hasher, swim->tell_next);
    return cg_hasher_value(&hasher);
}
