/* A tournament: leaf i holds the next time of host i, and each inner node the number of the
 * host that comes first below it, in the order (next time, number).
 *
 * An event of a host at t changes the next time of that host, and, through messages, of others:
 * a message due at d makes the receiver's leaf the smaller of its own and d. Invariant: a leaf
 * is its host's sim_host_next_ns.
 */
#include "sim/cluster/bare.h"

typedef struct bare {
    const sim_world *world;
    cg_allocator allocator;
    uint64_t *next_ns; /* [leaf_count] */
    uint32_t *first;   /* [2 * leaf_count]: [1] is the root, leaves from leaf_count on */
    uint32_t leaf_count;
} bare;

static uint32_t earlier(const bare *loop, uint32_t left, uint32_t right) {
    return loop->next_ns[right] < loop->next_ns[left] ? right
                                                      : left; /* left has the lower number */
}

static void update(bare *loop, uint32_t host) {
    uint64_t next_ns = sim_host_next_ns(loop->world->hosts[host]);
    if (next_ns == loop->next_ns[host]) {
        return;
    }
    loop->next_ns[host] = next_ns;
    for (uint32_t node = (loop->leaf_count + host) / 2; node >= 1; node /= 2) {
        loop->first[node] =
            earlier(loop, loop->first[(size_t)2 * node], loop->first[(size_t)2 * node + 1]);
    }
}

static cg_status bare_send(void *context, uint32_t from, uint32_t to, uint64_t now_ns,
                           const uint8_t *bytes, size_t size_bytes, const sim_ledger *ledger,
                           cg_error *error) {
    bare *loop = context;
    sim_flight flight;
    cg_status status =
        sim_fabric_send(loop->world->fabric, from, to, now_ns, size_bytes, &flight, error);
    if (status == CG_OK) {
        sim_observed_message message = {
            from, to, 0, now_ns, bytes, size_bytes, ledger->request_id};
        sim_world_tell_sent(loop->world, &message, &flight);
    }
    for (uint32_t i = 0; status == CG_OK && i < flight.copies; i++) {
        sim_delivery delivery = {.kind = CG_EVENT_MESSAGE,
                                 .sender = from,
                                 .due_ns = now_ns + flight.delay_ns[i],
                                 .sequence = flight.sequence[i],
                                 .bytes = bytes,
                                 .size_bytes = size_bytes,
                                 .ledger = *ledger};
        status = sim_fabric_carry(loop->world->fabric, &flight, i, &delivery.bytes, size_bytes,
                                  error);
        if (status == CG_OK) {
            status = sim_host_deliver(loop->world->hosts[to], &delivery, error);
        }
        update(loop, to);
    }
    return status;
}

static bool bare_arrive(void *context, uint32_t from, uint32_t to, uint64_t now_ns,
                        size_t size_bytes) {
    bare *loop = context;
    return sim_fabric_arrive(loop->world->fabric, from, to, now_ns, size_bytes);
}

static cg_status set_up(bare *loop, cg_error *error) {
    const sim_world *world = loop->world;
    loop->leaf_count = 1;
    while (loop->leaf_count < world->host_count) {
        loop->leaf_count *= 2;
    }
    loop->next_ns = cg_allocate(&loop->allocator, loop->leaf_count, sizeof *loop->next_ns);
    loop->first =
        cg_allocate(&loop->allocator, (size_t)2 * loop->leaf_count, sizeof *loop->first);
    if (!loop->next_ns || !loop->first) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a loop over %u hosts",
                            world->host_count);
    }
    for (uint32_t host = 0; host < loop->leaf_count; host++) {
        loop->next_ns[host] = UINT64_MAX;
        loop->first[loop->leaf_count + host] = host;
    }
    for (uint32_t node = loop->leaf_count - 1; node >= 1; node--) {
        loop->first[node] =
            earlier(loop, loop->first[(size_t)2 * node], loop->first[(size_t)2 * node + 1]);
    }
    sim_transport transport = {.send = bare_send, .arrive = bare_arrive, .context = loop};
    for (uint32_t host = 0; host < world->host_count; host++) {
        sim_host_attach(world->hosts[host], &transport);
        update(loop, host);
    }
    return CG_OK;
}

/* One instant after the other: hosts, then the director. */
static cg_status run(bare *loop, sim_outcome *outcome, uint64_t *ended_ns, cg_error *error) {
    const sim_world *world = loop->world;
    uint64_t last_ns = 0; /* in which something happened */
    for (;;) {
        uint64_t host_ns = loop->next_ns[loop->first[1]];
        uint64_t director_ns = sim_world_next_ns(world);
        uint64_t now_ns = host_ns < director_ns ? host_ns : director_ns;
        if (now_ns == UINT64_MAX || now_ns > world->end_ns) {
            *outcome = now_ns == UINT64_MAX ? SIM_OUTCOME_AT_REST : SIM_OUTCOME_END;
            *ended_ns = now_ns == UINT64_MAX ? last_ns : world->end_ns;
            return CG_OK;
        }
        last_ns = now_ns;
        for (uint32_t host = loop->first[1]; loop->next_ns[host] == now_ns;
             host = loop->first[1]) {
            cg_status status = sim_host_advance(world->hosts[host], now_ns, error);
            if (status != CG_OK) {
                return status;
            }
            update(loop, host);
        }
        if (director_ns == now_ns) {
            cg_status status = sim_world_act(world, now_ns, error);
            if (status != CG_OK) {
                return status;
            }
            for (uint32_t host = 0; host < world->host_count; host++) {
                update(loop, host); /* the director may have delivered something */
            }
        }
        if (sim_world_finished(world)) {
            *outcome = SIM_OUTCOME_FINISHED;
            *ended_ns = now_ns;
            return CG_OK;
        }
    }
}

cg_status sim_bare_run(const sim_world *world, cg_allocator allocator, sim_run_result *out,
                       cg_error *error) {
    cg_status status = sim_world_check(world, error);
    if (status != CG_OK) {
        return status;
    }
    bare loop = {.world = world, .allocator = allocator};
    sim_outcome outcome = SIM_OUTCOME_END;
    uint64_t ended_ns = 0;
    status = set_up(&loop, error);
    if (status == CG_OK) {
        status = run(&loop, &outcome, &ended_ns, error);
    }
    cg_deallocate(&allocator, loop.next_ns, loop.leaf_count, sizeof *loop.next_ns);
    cg_deallocate(&allocator, loop.first, (size_t)2 * loop.leaf_count, sizeof *loop.first);
    if (status == CG_OK) {
        *out = sim_world_result(world, outcome, ended_ns);
    }
    return status;
}
