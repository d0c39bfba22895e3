/* Actors of the world over SimGrid.
 *
 * A host has two actors. Its receiver, a daemon, gets messages from the host's mailbox when
 * their transfer has ended, and puts them into the host's heap with the time at which they are
 * due: end of the transfer plus the fabric's delay. Its driver sleeps until the host's next
 * time, advances it, and posts what it sends. A receiver whose message is due before its driver
 * would wake wakes it through a semaphore (a wait with a timeout on a message itself would
 * cancel both sides).
 *
 * Inside one instant the order in which SimGrid runs actors has no meaning, and nothing here
 * depends on it: the fabric's delay is at least 1 ns, so all that is due at t was put into the
 * heap before t; changes made at t hold from t + 1; and the director acts at t + 0.4 ns, which
 * is still t when rounded, but after everything that the hosts did at t.
 *
 * SimGrid's clock is a double in seconds. It is converted in now_ns and seconds_until, nowhere
 * else; sleeps go from the clock to an absolute time, so that rounding errors never add up. A
 * sleep rounds at most four times by half a unit of the clock's last place, now_ns twice by
 * half a unit of the nanoseconds' last place. At SIM_TIME_MAX_NS (< 2^18 s < 2^48 ns) these
 * units are 2^-35 s and 2^-5 ns. So hosts act within 0.06 ns of their instant, and all errors
 * together stay below 0.09 ns: less than the 0.1 ns by which t + 0.4 ns may err before it is
 * t + 1. The director acts 0.1 ns early at most (director_main), and so still after the hosts:
 * 0.4 - 0.1 - 0.06 > 0.06. Known value (cluster_test.c, test_long_run): over 72 h no latency
 * is off by a nanosecond.
 */
#include "sim/cluster/cluster.h"

#include <stdio.h>
#include <string.h>

#include <simgrid/actor.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/mailbox.h>
#include <simgrid/semaphore.h>

#include "sim/cluster/platform.h"

static const double director_delay_s = 0.4e-9; /* after an instant, and still rounded to it */

/* From send to receiver; in a list, so that none is lost when a run ends early. */
typedef struct message {
    struct message *previous;
    struct message *next;
    uint32_t from;
    uint32_t to;
    sim_flight flight;
    sim_ledger ledger;
    size_t size_bytes;
    uint8_t bytes[];
} message;

/* What a host's two actors share. */
typedef struct station {
    struct cluster *cluster;
    sim_host *host;
    sg_mailbox_t mailbox;
    sg_sem_t semaphore;
    uint64_t wake_ns; /* the driver sleeps until then */
    bool sleeping;    /* and has not been woken yet */
    message *outbox_first;
    message *outbox_last;
} station;

typedef struct cluster {
    const sim_world *world;
    cg_allocator allocator;
    station *stations; /* [world->host_count] */
    sg_sem_t director_semaphore;
    bool director_sleeping;
    bool asked; /* the director is to ask whether all is finished, after asked_ns */
    uint64_t asked_ns;
    uint64_t last_ns;        /* the last instant in which something happened */
    uint64_t flying;         /* messages that SimGrid has */
    uint32_t receiver_count; /* that have taken their mailboxes */
    message *messages;
    bool stopping;
    bool ended;
    sim_outcome outcome;
    uint64_t ended_ns;
    cg_status status; /* the first failure */
    cg_error error;
} cluster;

/* --- time ------------------------------------------------------------------ */

static uint64_t now_ns(void) {
    return (uint64_t)(simgrid_get_clock() * 1e9 + 0.5);
}

static double seconds_until(uint64_t at_ns, double delay_s) {
    return (double)at_ns / 1e9 + delay_s - simgrid_get_clock();
}

/* --- ending ---------------------------------------------------------------- */

static void wake(station *sleeper) {
    if (sleeper->sleeping) {
        sleeper->sleeping = false;
        sg_sem_release(sleeper->semaphore);
    }
}

static void wake_director(cluster *all) {
    if (all->director_sleeping) {
        all->director_sleeping = false;
        sg_sem_release(all->director_semaphore);
    }
}

static void stop(cluster *all) {
    if (all->stopping) {
        return;
    }
    all->stopping = true;
    for (uint32_t i = 0; i < all->world->host_count; i++) {
        wake(&all->stations[i]);
    }
    wake_director(all);
}

static void fail(cluster *all, cg_status status, const cg_error *error) {
    if (all->status == CG_OK) {
        all->status = status;
        all->error = *error;
    }
    stop(all);
}

/* --- messages -------------------------------------------------------------- */

static void message_free(cluster *all, message *freed) {
    if (freed->previous) {
        freed->previous->next = freed->next;
    } else {
        all->messages = freed->next;
    }
    if (freed->next) {
        freed->next->previous = freed->previous;
    }
    cg_deallocate(&all->allocator, freed, 1, sizeof *freed + freed->size_bytes);
}

/* Called while a host is advanced: nothing of SimGrid is called here, since that could run
 * other actors in the middle of it. The driver posts the outbox afterwards. */
static cg_status cluster_send(void *context, uint32_t from, uint32_t to, uint64_t sent_ns,
                              const uint8_t *bytes, size_t size_bytes, const sim_ledger *ledger,
                              cg_error *error) {
    cluster *all = context;
    sim_flight flight;
    cg_status status =
        sim_fabric_send(all->world->fabric, from, to, sent_ns, size_bytes, &flight, error);
    if (status == CG_OK) {
        sim_observed_message observed = {
            from, to, 0, sent_ns, bytes, size_bytes, ledger->request_id};
        sim_world_tell_sent(all->world, &observed, &flight);
    }
    if (status != CG_OK || flight.cut) {
        return status;
    }
    message *made = cg_allocate(&all->allocator, 1, sizeof *made + size_bytes);
    if (!made) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a message of %zu bytes",
                            size_bytes);
    }
    made->from = from;
    made->to = to;
    made->flight = flight;
    made->ledger = *ledger;
    made->size_bytes = size_bytes;
    if (size_bytes > 0) {
        memcpy(made->bytes, bytes, size_bytes);
    }
    station *sender = &all->stations[from];
    if (sender->outbox_last) {
        sender->outbox_last->next = made;
    } else {
        sender->outbox_first = made;
    }
    sender->outbox_last = made;
    return CG_OK;
}

static bool cluster_arrive(void *context, uint32_t from, uint32_t to, uint64_t due_ns,
                           size_t size_bytes) {
    cluster *all = context;
    return sim_fabric_arrive(all->world->fabric, from, to, due_ns, size_bytes);
}

static void post_outbox(station *sender) {
    cluster *all = sender->cluster;
    while (sender->outbox_first) {
        message *posted = sender->outbox_first;
        sender->outbox_first = posted->next;
        posted->previous = NULL;
        posted->next = all->messages;
        if (all->messages) {
            all->messages->previous = posted;
        }
        all->messages = posted;
        all->flying++;
        long size_bytes = posted->size_bytes > 0 ? (long)posted->size_bytes : 1;
        sg_comm_detach(
            sg_mailbox_put_init(all->stations[posted->to].mailbox, posted, size_bytes), NULL);
    }
    sender->outbox_last = NULL;
}

static void receive(station *receiver, message *received) {
    cluster *all = receiver->cluster;
    uint64_t ended_ns = now_ns();
    cg_error error = {CG_OK, ""};
    for (uint32_t i = 0; i < received->flight.copies; i++) {
        sim_delivery delivery = {.kind = CG_EVENT_MESSAGE,
                                 .sender = received->from,
                                 .due_ns = ended_ns + received->flight.delay_ns[i],
                                 .sequence = received->flight.sequence[i],
                                 .bytes = received->bytes,
                                 .size_bytes = received->size_bytes,
                                 .ledger = received->ledger};
        cg_status status = sim_fabric_carry(all->world->fabric, &received->flight, i,
                                            &delivery.bytes, received->size_bytes, &error);
        if (status == CG_OK) {
            status = sim_host_deliver(receiver->host, &delivery, &error);
        }
        if (status != CG_OK) {
            fail(all, status, &error);
            break;
        }
    }
    all->flying--;
    message_free(all, received);
    if (receiver->sleeping && sim_host_next_ns(receiver->host) < receiver->wake_ns) {
        wake(receiver);
    }
}

/* --- actors ---------------------------------------------------------------- */

static void receiver_main(int argc, char *argv[]) {
    (void)argc;
    (void)argv;
    station *own = sg_actor_self_get_data();
    /* Without a permanent receiver a transfer would only start when the one before it has
     * ended. */
    sg_mailbox_set_receiver(sg_mailbox_get_name(own->mailbox));
    own->cluster->receiver_count++;
    for (;;) {
        receive(own, sg_mailbox_get(own->mailbox));
    }
}

static void advance(station *own, uint64_t at_ns) {
    cluster *all = own->cluster;
    cg_error error = {CG_OK, ""};
    all->last_ns = at_ns;
    cg_status status = sim_host_advance(own->host, at_ns, &error);
    if (status != CG_OK) {
        fail(all, status, &error);
        return;
    }
    post_outbox(own);
    if (sim_world_finished(all->world) && !(all->asked && all->asked_ns == at_ns)) {
        all->asked = true;
        all->asked_ns = at_ns;
        wake_director(all);
    }
}

static void driver_main(int argc, char *argv[]) {
    (void)argc;
    (void)argv;
    station *own = sg_actor_self_get_data();
    cluster *all = own->cluster;
    while (all->receiver_count < all->world->host_count) {
        sg_actor_yield(); /* what is sent before a receiver has its mailbox starts late */
    }
    while (!all->stopping) {
        uint64_t at_ns = now_ns();
        uint64_t next_ns = sim_host_next_ns(own->host);
        if (next_ns <= at_ns) {
            advance(own, at_ns);
            continue;
        }
        own->wake_ns = next_ns;
        own->sleeping = true;
        if (next_ns > all->world->end_ns) {
            sg_sem_acquire(own->semaphore);
        } else {
            (void)sg_sem_acquire_timeout(own->semaphore, seconds_until(next_ns, 0.0));
        }
        own->sleeping = false;
    }
}

static bool at_rest(const cluster *all) {
    bool rest = all->flying == 0 && sim_world_next_ns(all->world) == UINT64_MAX;
    for (uint32_t i = 0; rest && i < all->world->host_count; i++) {
        rest = sim_host_next_ns(all->stations[i].host) == UINT64_MAX;
    }
    return rest;
}

static void end(cluster *all, sim_outcome outcome, uint64_t at_ns) {
    all->ended = true;
    all->outcome = outcome;
    all->ended_ns = at_ns;
    stop(all);
}

/* All that the director does at the end of instant at_ns. */
static void direct(cluster *all, uint64_t at_ns) {
    bool ask = all->asked && all->asked_ns <= at_ns;
    if (ask) {
        all->asked = false;
    }
    if (sim_world_next_ns(all->world) <= at_ns) {
        cg_error error = {CG_OK, ""};
        all->last_ns = at_ns;
        cg_status status = sim_world_act(all->world, at_ns, &error);
        if (status != CG_OK) {
            fail(all, status, &error);
            return;
        }
        ask = true;
        for (uint32_t i = 0; i < all->world->host_count; i++) {
            station *host = &all->stations[i];
            if (host->sleeping && sim_host_next_ns(host->host) < host->wake_ns) {
                wake(host);
            }
        }
    }
    if (ask && sim_world_finished(all->world)) {
        end(all, SIM_OUTCOME_FINISHED, at_ns);
    } else if (at_ns >= all->world->end_ns) {
        bool rest = at_rest(all);
        end(all, rest ? SIM_OUTCOME_AT_REST : SIM_OUTCOME_END,
            rest ? all->last_ns : all->world->end_ns);
    }
}

static void director_main(int argc, char *argv[]) {
    (void)argc;
    (void)argv;
    cluster *all = sg_actor_self_get_data();
    while (!all->stopping) {
        uint64_t due_ns = sim_world_next_ns(all->world);
        if (due_ns > all->world->end_ns) {
            due_ns = all->world->end_ns;
        }
        if (all->asked && all->asked_ns < due_ns) {
            due_ns = all->asked_ns;
        }
        double wait_s = seconds_until(due_ns, director_delay_s);
        if (wait_s <= director_delay_s / 4) {
            direct(all, due_ns);
            continue;
        }
        all->director_sleeping = true;
        (void)sg_sem_acquire_timeout(all->director_semaphore, wait_s);
        all->director_sleeping = false;
    }
}

/* --- the run --------------------------------------------------------------- */

static void start_actor(const char *kind, uint32_t number, sg_host_t where,
                        xbt_main_func_t code, void *data, bool daemon) {
    char name[32];
    (void)snprintf(name, sizeof name, "%s%lu", kind, (unsigned long)number);
    sg_actor_t actor = sg_actor_init(name, where);
    sg_actor_set_data(actor, data);
    sg_actor_start(actor, code, 0, NULL);
    if (daemon) {
        sg_actor_daemonize(actor);
    }
}

static cg_status set_up(cluster *all, const sim_topology *topology, cg_error *error) {
    const sim_world *world = all->world;
    sim_transport transport = {.send = cluster_send, .arrive = cluster_arrive, .context = all};
    all->director_semaphore = sg_sem_init(0);
    for (uint32_t i = 0; i < world->host_count; i++) {
        char name[SIM_HOST_NAME_BYTES];
        sim_platform_host_name(topology, i, name);
        sg_host_t where = sg_host_by_name(name);
        if (!where) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND, "SimGrid has no host %s", name);
        }
        station *own = &all->stations[i];
        own->cluster = all;
        own->host = world->hosts[i];
        own->mailbox = sg_mailbox_by_name(name);
        own->semaphore = sg_sem_init(0);
        sim_host_attach(own->host, &transport);
        start_actor("receiver", i, where, receiver_main, own, true);
        start_actor("driver", i, where, driver_main, own, false);
        if (i == 0) {
            start_actor("director", 0, where, director_main, all, false);
        }
    }
    return CG_OK;
}

static void tear_down(cluster *all) {
    for (uint32_t i = 0; i < all->world->host_count; i++) {
        while (all->stations[i].outbox_first) {
            message *unsent = all->stations[i].outbox_first;
            all->stations[i].outbox_first = unsent->next;
            cg_deallocate(&all->allocator, unsent, 1, sizeof *unsent + unsent->size_bytes);
        }
        if (all->stations[i].semaphore) {
            sg_sem_destroy(all->stations[i].semaphore);
        }
    }
    while (all->messages) {
        message_free(all, all->messages);
    }
    if (all->director_semaphore) {
        sg_sem_destroy(all->director_semaphore);
    }
}

const char *sim_cluster_settings(void) {
    return sim_platform_settings();
}

const char *sim_cluster_version(void) {
    return sim_platform_version();
}

cg_status sim_cluster_run(const sim_world *world, cg_allocator allocator, sim_run_result *out,
                          cg_error *error) {
    static bool used = false;
    CG_ASSERT(!used); /* one simulation a process */
    cg_status status = sim_world_check(world, error);
    if (status != CG_OK) {
        return status;
    }
    const sim_topology star = {.kind = SIM_TOPOLOGY_STAR,
                               .hosts = world->host_count,
                               .bandwidth_bits_per_s = world->bandwidth_bits_per_s};
    const sim_topology *topology = world->topology ? world->topology : &star;
    CG_ASSERT(topology->hosts == world->host_count);
    status = sim_topology_check(topology, error);
    if (status != CG_OK) {
        return status;
    }
    cluster all = {.world = world, .allocator = allocator};
    all.stations = cg_allocate(&allocator, world->host_count, sizeof *all.stations);
    if (!all.stations) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a cluster of %u hosts",
                            world->host_count);
    }
    used = true;
    status = sim_platform_load(topology, error);
    if (status == CG_OK) {
        status = set_up(&all, topology, error);
    }
    if (status == CG_OK) {
        simgrid_run();
        if (all.status != CG_OK) {
            if (error) {
                *error = all.error;
            }
            status = all.status;
        } else if (!all.ended) {
            status = cg_error_set(error, CG_ERROR_INVALID,
                                  "the simulation came to a deadlock at %llu ns",
                                  (unsigned long long)now_ns());
        }
    }
    tear_down(&all);
    cg_deallocate(&allocator, all.stations, world->host_count, sizeof *all.stations);
    if (status == CG_OK) {
        *out = sim_world_result(world, all.outcome, all.ended_ns);
    }
    return status;
}
