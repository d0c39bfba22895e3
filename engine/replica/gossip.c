/* Whom to talk to, and when. What is said is in gossip_message.c. */
#include "engine/replica/gossip.h"

#include "engine/replica/gossip_internal.h"

enum {
    PERIOD_NS = 1000000000,
    MESSAGE_BYTES = 65536,
    MESSAGE_BYTES_MIN = 1024,
    MESSAGE_BYTES_MAX = 1 << 23,
    PROBE_EVERY = 4
};

static cg_status check_options(const cg_gossip_options *options, const cg_edge_set *set,
                               cg_error *error) {
    if (options->hosts < 1 || options->hosts > CG_GOSSIP_HOSTS_MAX ||
        options->host >= options->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "gossip of host %u of %u: there are 1..%d hosts, from 0",
                            options->host, options->hosts, CG_GOSSIP_HOSTS_MAX);
    }
    if (cg_replica_id_host(cg_edge_set_replica(set)) != options->host) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "gossip of host %u has the edges of host %u", options->host,
                            cg_replica_id_host(cg_edge_set_replica(set)));
    }
    if (options->message_bytes_max != 0 && (options->message_bytes_max < MESSAGE_BYTES_MIN ||
                                            options->message_bytes_max > MESSAGE_BYTES_MAX)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "message_bytes_max of gossip is %u, not in %d..%d",
                            options->message_bytes_max, MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX);
    }
    if (!options->deliver) {
        return cg_error_set(error, CG_ERROR_INVALID, "gossip has nobody to deliver deltas to");
    }
    return CG_OK;
}

static void set_defaults(cg_gossip_options *options) {
    options->period_ns = options->period_ns ? options->period_ns : PERIOD_NS;
    options->message_bytes_max =
        options->message_bytes_max ? options->message_bytes_max : MESSAGE_BYTES;
    options->probe_every = options->probe_every ? options->probe_every : PROBE_EVERY;
}

cg_status cg_gossip_alloc(const cg_gossip_options *options, cg_edge_set *set, cg_port port,
                          cg_allocator allocator, cg_gossip **out, cg_error *error) {
    cg_status status = check_options(options, set, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t hosts = options->hosts;
    cg_gossip *gossip = cg_allocate(&allocator, 1, sizeof *gossip);
    if (gossip) {
        gossip->allocator = allocator;
        gossip->options = *options;
        set_defaults(&gossip->options);
        gossip->port = port;
        gossip->set = set;
        gossip->stream = cg_stream_init(options->seed, "gossip.peer", options->host);
        gossip->turns = cg_allocate(&allocator, hosts, sizeof *gossip->turns);
        gossip->peers = cg_allocate(&allocator, hosts, sizeof *gossip->peers);
        gossip->members = cg_allocate(&allocator, hosts, sizeof *gossip->members);
        cg_version_vector_init(&gossip->coming.upto, allocator);
        cg_version_vector_init(&gossip->mark, allocator);
        cg_version_vector_init(&gossip->own, allocator);
        cg_version_vector_init(&gossip->other, allocator);
    }
    if (!gossip || !gossip->turns || !gossip->peers || !gossip->members) {
        cg_gossip_free(gossip);
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for gossip of %u hosts",
                            hosts);
    }
    for (uint32_t i = 0; i < hosts; i++) {
        gossip->turns[i] = i;
        gossip->peers[i].replica = UINT64_MAX;
    }
    gossip->turn = hosts; /* all through: shuffle first */
    gossip->due_ns = UINT64_MAX;
    *out = gossip;
    return CG_OK;
}

void cg_gossip_free(cg_gossip *gossip) {
    if (!gossip) {
        return;
    }
    cg_allocator heap = gossip->allocator;
    cg_deallocate(&heap, gossip->turns, gossip->options.hosts, sizeof *gossip->turns);
    cg_deallocate(&heap, gossip->peers, gossip->options.hosts, sizeof *gossip->peers);
    cg_deallocate(&heap, gossip->members, gossip->options.hosts, sizeof *gossip->members);
    cg_version_vector_deinit(&gossip->coming.upto);
    cg_version_vector_deinit(&gossip->mark);
    cg_version_vector_deinit(&gossip->own);
    cg_version_vector_deinit(&gossip->other);
    cg_deallocate(&heap, gossip->bytes, gossip->byte_capacity, 1);
    cg_deallocate(&heap, gossip, 1, sizeof *gossip);
}

static cg_status set_timer(cg_gossip *gossip, uint64_t at_ns, cg_error *error) {
    gossip->due_ns = at_ns;
    return gossip->port.timer(gossip->port.context, 0, at_ns, error);
}

cg_status cg_gossip_start(cg_gossip *gossip, uint64_t now_ns, cg_error *error) {
    uint64_t offset = cg_stream_next_below(&gossip->stream, gossip->options.period_ns);
    return set_timer(gossip, now_ns + offset, error);
}

static bool is_reachable(const cg_gossip *gossip, uint32_t host) {
    return !gossip->options.is_reachable ||
           gossip->options.is_reachable(gossip->options.context, host);
}

/* The next of the shuffle that is held to be reachable; the own host when there is none. */
static uint32_t next_peer(cg_gossip *gossip) {
    uint32_t hosts = gossip->options.hosts;
    for (uint32_t i = 0; i < 2 * hosts;
         i++) { /* the rest of this shuffle and all of the next */
        if (gossip->turn == hosts) {
            cg_stream_shuffle_u32(&gossip->stream, gossip->turns, hosts);
            gossip->turn = 0;
        }
        uint32_t host = gossip->turns[gossip->turn++];
        if (host != gossip->options.host && is_reachable(gossip, host)) {
            return host;
        }
    }
    return gossip->options.host;
}

/* The next host, by number, that is held not to be reachable; the own host when there is none. */
static uint32_t next_probe(cg_gossip *gossip) {
    uint32_t hosts = gossip->options.hosts;
    for (uint32_t i = 0; i < hosts; i++) {
        gossip->probe = (gossip->probe + 1) % hosts;
        uint32_t host = gossip->probe;
        if (host != gossip->options.host && !is_reachable(gossip, host)) {
            return host;
        }
    }
    return gossip->options.host;
}

static cg_status greet(cg_gossip *gossip, uint32_t host, cg_error *error) {
    return host == gossip->options.host
               ? CG_OK
               : cg_gossip_send_digest(gossip, host, GOSSIP_ASKS, error);
}

/* While parts come in nobody is asked for more; what does not come is asked for again. */
static cg_status go_on(cg_gossip *gossip, uint64_t now_ns, cg_error *error) {
    gossip_transfer *coming = &gossip->coming;
    if (now_ns - coming->asked_ns < gossip->options.period_ns) {
        return CG_OK;
    }
    if (coming->tries < CG_GOSSIP_TRIES_MAX) {
        coming->tries++;
        return cg_gossip_send_more(gossip, now_ns, error);
    }
    coming->is_active = false;
    gossip->statistics.abandoned++;
    return CG_OK;
}

cg_status cg_gossip_timer(cg_gossip *gossip, uint64_t timer, uint64_t now_ns, cg_error *error) {
    if (timer != 0 || now_ns < gossip->due_ns) {
        return CG_OK;
    }
    cg_status status = set_timer(gossip, now_ns + gossip->options.period_ns, error);
    if (status == CG_OK) {
        status = cg_gossip_mark(gossip, error);
    }
    if (status == CG_OK && gossip->coming.is_active) {
        status = go_on(gossip, now_ns, error);
    }
    uint64_t period = gossip->statistics.periods++;
    if (status == CG_OK && !gossip->coming.is_active) {
        status = greet(gossip, next_peer(gossip), error);
    }
    if (status == CG_OK && !gossip->coming.is_active &&
        period % gossip->options.probe_every == gossip->options.probe_every - 1) {
        status = greet(gossip, next_probe(gossip), error);
    }
    return status;
}

cg_gossip_statistics cg_gossip_statistics_now(const cg_gossip *gossip) {
    return gossip->statistics;
}
