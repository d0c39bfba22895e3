/* One heap holds all that will happen at a host, in the order (time, class, sender, sequence):
 *
 *   class 0  a step's core time is over     payload: job
 *   class 1  a step's disk time is over     payload: job
 *   class 2  message                        payload: parcel
 *   class 3  durable write, record read     payload: parcel
 *   class 4  timer                          payload: parcel
 *   class 5  request                        payload: parcel
 *
 * A parcel that is due joins the queue; whenever a core is free the first of the queue is
 * stepped and becomes a job: core, then disk, then its outputs are released. Since what ends
 * comes before what arrives, a core that is freed at t serves what arrives at t.
 *
 * Writes reach the disk in the order in which their steps began, whatever each step costs: a short step
 * that overtakes a long one on another core waits with its writes until the long one is paid. So a durable
 * write means that all before it are durable, as engine/node/event.h promises.
 *
 * Cores of equal speed and one queue in order make the host a G/G/c queue, and the disk a G/G/1
 * queue, both first come first served (known values: D/D/c and M/D/1 in host_test.c).
 */
#include "sim/host/host.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/heap.h"
#include "engine/base/map.h"

enum {
    CLASS_CORE_DONE,
    CLASS_DISK_DONE,
    CLASS_MESSAGE,
    CLASS_STORAGE,
    CLASS_TIMER,
    CLASS_REQUEST
};

typedef struct parcel { /* a delivery in the heap, in the queue, or in the pool */
    struct parcel *next;
    struct parcel *next_made; /* all parcels ever made */
    sim_delivery delivery;
    uint8_t *buffer;
    size_t buffer_bytes;
} parcel;

typedef struct job { /* a step that is being paid, or in the pool */
    struct job *next;
    struct job *next_made;
    struct job *next_writer; /* the next step that has writes */
    bool paid;
    cg_outputs outputs;
    sim_cost cost;
    sim_ledger ledger;
} job;

struct sim_host {
    sim_host_options options;
    sim_machine machine;
    sim_profile profile;
    sim_host_sink sink;
    sim_transport transport;
    cg_allocator allocator;
    cg_heap heap;
    cg_table *open; /* request id -> due time */
    parcel *queue_first;
    parcel *queue_last;
    parcel *free_parcels;
    parcel *made_parcels;
    job *
        first_writer; /* steps with writes that are not at the disk yet, in the order stepped */
    job *last_writer;
    job *free_jobs;
    job *made_jobs;
    uint64_t now_ns;
    uint64_t disk_free_ns; /* the disk has nothing to do from here on */
    uint64_t sequence;     /* of jobs and of what the host delivers to itself */
    uint64_t waiting;
    uint64_t running;
    uint32_t cores_busy;
    cg_hasher hasher;
    sim_host_statistics statistics;
};

static uint64_t later(uint64_t time_ns, uint64_t delay_ns) {
    return delay_ns > UINT64_MAX - time_ns ? UINT64_MAX : time_ns + delay_ns;
}

/* --- life cycle ------------------------------------------------------------ */

cg_status sim_host_alloc(const sim_host_options *options, const sim_machine *machine,
                         const sim_profile *profile, const sim_host_sink *sink,
                         cg_allocator allocator, sim_host **out, cg_error *error) {
    if (options->cores == 0 || options->host >= options->hosts) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "host %u of %u with %u cores; a host needs a core and a number below "
            "the number of hosts",
            options->host, options->hosts, options->cores);
    }
    sim_host *host = cg_allocate(&allocator, 1, sizeof *host);
    if (!host) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for host %u", options->host);
    }
    host->options = *options;
    host->machine = *machine;
    host->profile = *profile;
    host->sink = *sink;
    host->allocator = allocator;
    host->hasher = cg_hasher_init();
    cg_heap_init(&host->heap, allocator);
    cg_status status = cg_table_alloc(allocator, &host->open, error);
    if (status != CG_OK) {
        sim_host_free(host);
        return status;
    }
    *out = host;
    return CG_OK;
}

void sim_host_free(sim_host *host) {
    if (!host) {
        return;
    }
    cg_allocator allocator = host->allocator;
    while (host->made_parcels) {
        parcel *made = host->made_parcels;
        host->made_parcels = made->next_made;
        cg_deallocate(&allocator, made->buffer, made->buffer_bytes, 1);
        cg_deallocate(&allocator, made, 1, sizeof *made);
    }
    while (host->made_jobs) {
        job *made = host->made_jobs;
        host->made_jobs = made->next_made;
        cg_outputs_deinit(&made->outputs);
        cg_deallocate(&allocator, made, 1, sizeof *made);
    }
    cg_table_free(host->open);
    cg_heap_deinit(&host->heap);
    cg_deallocate(&allocator, host, 1, sizeof *host);
}

void sim_host_attach(sim_host *host, const sim_transport *transport) {
    host->transport = *transport;
}

/* --- pools ----------------------------------------------------------------- */

static void parcel_give(sim_host *host, parcel *given) {
    given->next = host->free_parcels;
    host->free_parcels = given;
}

/* NULL, with the error filled, when memory is out. */
static parcel *parcel_take(sim_host *host, const sim_delivery *delivery, cg_error *error) {
    parcel *taken = host->free_parcels;
    if (taken) {
        host->free_parcels = taken->next;
    } else {
        taken = cg_allocate(&host->allocator, 1, sizeof *taken);
        if (!taken) {
            (void)cg_error_set(error, CG_ERROR_MEMORY, "no memory for a delivery to host %u",
                               host->options.host);
            return NULL;
        }
        taken->next_made = host->made_parcels;
        host->made_parcels = taken;
    }
    taken->next = NULL;
    taken->delivery = *delivery;
    if (!delivery->borrowed && delivery->size_bytes > 0) {
        CG_ASSERT(delivery->bytes);
        void *buffer = taken->buffer;
        if (cg_grow(&host->allocator, &buffer, &taken->buffer_bytes, delivery->size_bytes, 1,
                    error) != CG_OK) {
            parcel_give(host, taken);
            return NULL;
        }
        taken->buffer = buffer;
        memcpy(taken->buffer, delivery->bytes, delivery->size_bytes);
        taken->delivery.bytes = taken->buffer;
    }
    return taken;
}

static job *job_take(sim_host *host) {
    job *taken = host->free_jobs;
    if (taken) {
        host->free_jobs = taken->next;
        return taken;
    }
    taken = cg_allocate(&host->allocator, 1, sizeof *taken);
    if (taken) {
        cg_outputs_init(&taken->outputs, host->allocator);
        taken->next_made = host->made_jobs;
        host->made_jobs = taken;
    }
    return taken;
}

static void job_give(sim_host *host, job *given) {
    given->next = host->free_jobs;
    host->free_jobs = given;
}

/* --- deliveries ------------------------------------------------------------ */

static uint64_t class_of(cg_event_kind kind) {
    switch (kind) {
    case CG_EVENT_MESSAGE:
        return CLASS_MESSAGE;
    case CG_EVENT_STORAGE_DONE:
    case CG_EVENT_READ_DONE:
        return CLASS_STORAGE;
    case CG_EVENT_TIMER:
        return CLASS_TIMER;
    case CG_EVENT_REQUEST:
        return CLASS_REQUEST;
    case CG_EVENT_KIND_COUNT:
        break;
    }
    CG_ASSERT(kind < CG_EVENT_KIND_COUNT);
    return 0;
}

cg_status sim_host_deliver(sim_host *host, const sim_delivery *delivery, cg_error *error) {
    CG_ASSERT(delivery->due_ns >= host->now_ns);
    parcel *taken = parcel_take(host, delivery, error);
    if (!taken) {
        return CG_ERROR_MEMORY;
    }
    cg_heap_entry entry = {.time_ns = delivery->due_ns,
                           .sender = class_of(delivery->kind) << 32 | delivery->sender,
                           .sequence = delivery->sequence,
                           .payload = taken};
    cg_status status = cg_heap_push(&host->heap, entry, error);
    if (status != CG_OK) {
        parcel_give(host, taken);
    }
    return status;
}

/* A delivery from the host to itself. */
static cg_status deliver_own(sim_host *host, sim_delivery *delivery, cg_error *error) {
    delivery->sender = host->options.host;
    delivery->sequence = host->sequence++;
    return sim_host_deliver(host, delivery, error);
}

uint64_t sim_host_next_ns(const sim_host *host) {
    cg_heap_entry entry;
    return cg_heap_peek(&host->heap, &entry) ? entry.time_ns : UINT64_MAX;
}

/* --- stepping -------------------------------------------------------------- */

/* The time between cause and step, under the heading of what the event waited for. */
static sim_ledger ledger_of(const sim_host *host, const sim_delivery *delivery) {
    if (delivery->kind == CG_EVENT_REQUEST) {
        sim_ledger fresh = sim_ledger_begin(delivery->due_ns);
        sim_ledger_charge(&fresh, SIM_LEDGER_QUEUE, host->now_ns);
        return fresh;
    }
    sim_ledger ledger = delivery->ledger;
    sim_ledger_part part = delivery->kind == CG_EVENT_MESSAGE ? SIM_LEDGER_WIRE
                           : delivery->kind == CG_EVENT_TIMER ? SIM_LEDGER_RETRY
                                                              : SIM_LEDGER_DISK;
    sim_ledger_charge(&ledger, part, delivery->due_ns);
    sim_ledger_charge(&ledger, SIM_LEDGER_QUEUE, host->now_ns);
    return ledger;
}

static void fingerprint_add(sim_host *host, const sim_delivery *delivery) {
    cg_hasher *hasher = &host->hasher;
    cg_hasher_add_u64(hasher, host->now_ns);
    cg_hasher_add_u64(hasher, delivery->due_ns);
    cg_hasher_add_u64(hasher, (uint64_t)delivery->kind << 32 | delivery->sender);
    cg_hasher_add_u64(hasher, delivery->sequence);
    cg_hasher_add_u64(hasher, delivery->id);
    cg_hasher_add_u64(hasher, delivery->flags);
    cg_hasher_add_u64(hasher, delivery->label);
    cg_hasher_add_bytes(hasher, delivery->bytes, delivery->size_bytes);
    if (delivery->kind == CG_EVENT_REQUEST) {
        cg_hasher_add_u64(hasher, (uint64_t)delivery->space << 48 |
                                      (uint64_t)delivery->request << 32 | delivery->client);
        cg_hasher_add_u64(hasher, (uint64_t)delivery->priority << 32 | delivery->hops);
        cg_hasher_add_u64(hasher, delivery->target);
    }
}

static cg_status job_schedule(sim_host *host, job *running, uint64_t at_ns, uint64_t class,
                              cg_error *error) {
    cg_heap_entry entry = {.time_ns = at_ns,
                           .sender = class << 32,
                           .sequence = host->sequence++,
                           .payload = running};
    return cg_heap_push(&host->heap, entry, error);
}

static bool has_writes(const job *of) {
    for (size_t i = 0; i < of->outputs.count; i++) {
        if (of->outputs.items[i].kind == CG_OUTPUT_WRITE) {
            return true;
        }
    }
    return false;
}

static void queue_writer(sim_host *host, job *started) {
    started->paid = false;
    started->next_writer = NULL;
    if (!has_writes(started)) {
        return;
    }
    if (host->first_writer) {
        host->last_writer->next_writer = started;
    } else {
        host->first_writer = started;
    }
    host->last_writer = started;
}

static cg_status step(sim_host *host, const sim_delivery *delivery, cg_error *error) {
    cg_event event = {.kind = delivery->kind,
                      .now_ns = host->now_ns,
                      .id = delivery->id,
                      .bytes = delivery->bytes,
                      .size_bytes = delivery->size_bytes,
                      .flags = delivery->flags,
                      .label = delivery->label,
                      .request = delivery->request,
                      .client = delivery->client,
                      .space = delivery->space,
                      .hops = delivery->hops,
                      .priority = delivery->priority,
                      .target = delivery->target};
    if (event.kind == CG_EVENT_TIMER) {
        event.core_busy_ns = host->statistics.core_busy_ns;
        event.disk_busy_ns = host->statistics.disk_busy_ns;
    }
    job *started = job_take(host);
    if (!started) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a step");
    }
    started->ledger = ledger_of(host, delivery);
    fingerprint_add(host, delivery);
    cg_outputs_reset(&started->outputs);
    cg_status status =
        host->machine.step(host->machine.context, &event, &started->outputs, error);
    if (status != CG_OK) {
        job_give(host, started);
        return status;
    }
    queue_writer(host, started);
    cg_work *work = &started->outputs.work;
    work->operations[CG_WORK_DISK_WRITE] = 0; /* paid with the WRITE outputs */
    work->units[CG_WORK_DISK_WRITE] = 0;
    started->cost = sim_profile_cost(&host->profile, work);
    host->cores_busy++;
    host->running++;
    host->statistics.events[event.kind]++;
    host->statistics.core_busy_ns += started->cost.core_ns;
    host->statistics.energy_pj += started->cost.energy_pj;
    cg_work_add(&host->statistics.work, work);
    if (host->sink.stepped) {
        host->sink.stepped(host->sink.context, host->options.host, &event, &started->cost);
    }
    status = job_schedule(host, started, later(host->now_ns, started->cost.core_ns),
                          CLASS_CORE_DONE, error);
    if (status != CG_OK) {
        job_give(host, started);
    }
    return status;
}

static cg_status step_waiting(sim_host *host, cg_error *error) {
    while (host->queue_first && host->cores_busy < host->options.cores) {
        parcel *first = host->queue_first;
        host->queue_first = first->next;
        if (!host->queue_first) {
            host->queue_last = NULL;
        }
        host->waiting--;
        cg_status status = step(host, &first->delivery, error);
        parcel_give(host, first);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

/* --- paying ---------------------------------------------------------------- */

/* Takes the disk for service_ns after all that came before; charges the ledger for waiting. */
static uint64_t disk_take(sim_host *host, uint64_t service_ns, sim_ledger *ledger) {
    uint64_t start_ns = host->now_ns > host->disk_free_ns ? host->now_ns : host->disk_free_ns;
    sim_ledger_charge(ledger, SIM_LEDGER_QUEUE, start_ns);
    host->disk_free_ns = later(start_ns, service_ns);
    host->statistics.disk_busy_ns += service_ns;
    return host->disk_free_ns;
}

static cg_status release_write(sim_host *host, const cg_output *output,
                               const sim_ledger *ledger, cg_error *error) {
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_DISK_WRITE, 1, output->size_bytes);
    sim_cost cost = sim_profile_cost(&host->profile, &work);
    cg_work_add(&host->statistics.work, &work);
    host->statistics.writes++;
    host->statistics.write_bytes += output->size_bytes;
    host->statistics.energy_pj += cost.energy_pj;
    sim_delivery done = {.kind = CG_EVENT_STORAGE_DONE, .id = output->id, .ledger = *ledger};
    /* A profile may put disk_write on the core: then it is the device's time all the same. */
    done.due_ns = disk_take(host, later(cost.core_ns, cost.disk_ns), &done.ledger);
    sim_ledger_charge(&done.ledger, SIM_LEDGER_DISK, done.due_ns);
    return deliver_own(host, &done, error);
}

/* The record is on its way; it waits for the disk like everybody, and nobody waits for it. */
static cg_status release_read(sim_host *host, const cg_output *output, const sim_ledger *ledger,
                              cg_error *error) {
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_TIER_STORE, 1, output->read_bytes);
    sim_cost cost = sim_profile_cost(&host->profile, &work);
    cg_work_add(&host->statistics.work, &work);
    host->statistics.reads++;
    host->statistics.energy_pj += cost.energy_pj;
    sim_delivery done = {.kind = CG_EVENT_READ_DONE, .id = output->id, .ledger = *ledger};
    done.due_ns = disk_take(host, later(cost.core_ns, cost.disk_ns), &done.ledger);
    sim_ledger_charge(&done.ledger, SIM_LEDGER_TIER, done.due_ns);
    return deliver_own(host, &done, error);
}

static cg_status release_alert(sim_host *host, const cg_output *output, const uint8_t *bytes,
                               cg_error *error) {
    char text[CG_ERROR_MESSAGE_BYTES];
    size_t length = output->size_bytes < sizeof text ? output->size_bytes : sizeof text - 1;
    if (!host->sink.alert) {
        return CG_OK;
    }
    memcpy(text, bytes, length);
    text[length] = '\0';
    return host->sink.alert(host->sink.context, host->options.host, host->now_ns,
                            output->severity, text, error);
}

static cg_status release_send(sim_host *host, const cg_output *output, const uint8_t *bytes,
                              const sim_ledger *ledger, cg_error *error) {
    uint32_t from = host->options.host;
    if (output->to >= host->options.hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the node sends to host %u, but there are %u hosts", output->to,
                            host->options.hosts);
    }
    host->statistics.sent++;
    host->statistics.sent_bytes += output->size_bytes;
    if (output->to == from) {
        sim_delivery own = {.kind = CG_EVENT_MESSAGE,
                            .due_ns = later(host->now_ns, 1),
                            .bytes = bytes,
                            .size_bytes = output->size_bytes,
                            .ledger = *ledger};
        return deliver_own(host, &own, error);
    }
    CG_ASSERT(host->transport.send);
    return host->transport.send(host->transport.context, from, output->to, host->now_ns, bytes,
                                output->size_bytes, ledger, error);
}

static cg_status release_reply(sim_host *host, const cg_reply *reply, const sim_ledger *ledger,
                               cg_error *error) {
    sim_ledger own = *ledger;
    uint64_t start_ns;
    if (cg_table_get(host->open, reply->request_id, &start_ns)) {
        (void)cg_table_remove(host->open, reply->request_id);
        sim_ledger_rebase(&own, start_ns);
    }
    host->statistics.replies++;
    if (reply->request == CG_REQUEST_SPREAD) { /* leaves no trace in any state */
        cg_hasher_add_u64(&host->hasher, reply->digest);
    }
    if (!host->sink.reply) {
        return CG_OK;
    }
    return host->sink.reply(host->sink.context, host->options.host, host->now_ns, reply, &own,
                            error);
}

static cg_status release(sim_host *host, const job *paid, cg_error *error) {
    const cg_outputs *outputs = &paid->outputs;
    cg_status status = CG_OK;
    for (size_t i = 0; i < outputs->count && status == CG_OK; i++) {
        const cg_output *output = &outputs->items[i];
        switch (output->kind) {
        case CG_OUTPUT_SEND:
            status = release_send(host, output,
                                  outputs->bytes ? outputs->bytes + output->offset : NULL,
                                  &paid->ledger, error);
            break;
        case CG_OUTPUT_TIMER: {
            sim_delivery timer = {.kind = CG_EVENT_TIMER,
                                  .due_ns = output->at_ns > host->now_ns ? output->at_ns
                                                                         : host->now_ns,
                                  .id = output->id,
                                  .ledger = paid->ledger};
            status = deliver_own(host, &timer, error);
            break;
        }
        case CG_OUTPUT_WRITE: /* in their own order: release_writers */
            break;
        case CG_OUTPUT_READ:
            status = release_read(host, output, &paid->ledger, error);
            break;
        case CG_OUTPUT_ALERT:
            status = release_alert(host, output, outputs->bytes + output->offset, error);
            break;
        case CG_OUTPUT_REPLY:
            status = release_reply(host, &output->reply, &paid->ledger, error);
            break;
        default:
            CG_ASSERT(output->kind <= CG_OUTPUT_ALERT);
        }
    }
    return status;
}

/* The writes of all steps that are paid and have no unpaid writer before them. */
static cg_status release_writers(sim_host *host, cg_error *error) {
    cg_status status = CG_OK;
    while (status == CG_OK && host->first_writer && host->first_writer->paid) {
        job *writer = host->first_writer;
        for (size_t i = 0; i < writer->outputs.count && status == CG_OK; i++) {
            const cg_output *output = &writer->outputs.items[i];
            if (output->kind == CG_OUTPUT_WRITE) {
                status = release_write(host, output, &writer->ledger, error);
            }
        }
        host->first_writer = writer->next_writer;
        job_give(host, writer);
    }
    return status;
}

static cg_status finish(sim_host *host, job *paid, cg_error *error) {
    host->running--;
    paid->paid = true;
    cg_status status = release(host, paid, error);
    if (!has_writes(paid)) {
        job_give(host, paid);
        return status;
    }
    return status == CG_OK ? release_writers(host, error) : status;
}

/* The share of tier reads first, then whatever else it was. */
static void charge_tier(sim_ledger *ledger, uint64_t tier_ns, uint64_t end_ns) {
    uint64_t until_ns = later(ledger->mark_ns, tier_ns);
    sim_ledger_charge(ledger, SIM_LEDGER_TIER, until_ns < end_ns ? until_ns : end_ns);
}

static cg_status core_done(sim_host *host, job *running, cg_error *error) {
    host->cores_busy--;
    const sim_cost *cost = &running->cost;
    charge_tier(&running->ledger, cost->tier_core_ns, host->now_ns);
    sim_ledger_charge(&running->ledger, SIM_LEDGER_COMPUTE, host->now_ns);
    if (cost->disk_ns == 0) {
        return finish(host, running, error);
    }
    uint64_t done_ns = disk_take(host, cost->disk_ns, &running->ledger);
    charge_tier(&running->ledger, cost->tier_disk_ns, done_ns);
    sim_ledger_charge(&running->ledger, SIM_LEDGER_DISK, done_ns);
    return job_schedule(host, running, done_ns, CLASS_DISK_DONE, error);
}

/* --- the loop -------------------------------------------------------------- */

static cg_status arrive(sim_host *host, parcel *arrived, cg_error *error) {
    const sim_delivery *delivery = &arrived->delivery;
    cg_status status = CG_OK;
    if (delivery->kind == CG_EVENT_MESSAGE && delivery->sender != host->options.host &&
        host->transport.arrive &&
        !host->transport.arrive(host->transport.context, delivery->sender, host->options.host,
                                host->now_ns, delivery->size_bytes)) {
        host->statistics.dropped++;
        parcel_give(host, arrived);
        return CG_OK;
    }
    if (delivery->kind == CG_EVENT_REQUEST) {
        status = cg_table_put(host->open, delivery->id, delivery->due_ns, error);
        if (status != CG_OK) {
            parcel_give(host, arrived);
            return status;
        }
    }
    arrived->next = NULL;
    if (host->queue_last) {
        host->queue_last->next = arrived;
    } else {
        host->queue_first = arrived;
    }
    host->queue_last = arrived;
    host->waiting++;
    status = step_waiting(host, error);
    if (host->waiting > host->statistics.queue_max) {
        host->statistics.queue_max = host->waiting;
    }
    return status;
}

cg_status sim_host_advance(sim_host *host, uint64_t now_ns, cg_error *error) {
    cg_heap_entry entry;
    cg_status status = CG_OK;
    while (status == CG_OK && cg_heap_peek(&host->heap, &entry) && entry.time_ns <= now_ns) {
        (void)cg_heap_pop(&host->heap, &entry);
        host->now_ns = entry.time_ns;
        switch (entry.sender >> 32) {
        case CLASS_CORE_DONE:
            status = core_done(host, entry.payload, error);
            break;
        case CLASS_DISK_DONE:
            status = finish(host, entry.payload, error);
            break;
        default:
            status = arrive(host, entry.payload, error);
            continue;
        }
        if (status == CG_OK) {
            status = step_waiting(host, error);
        }
    }
    if (status != CG_OK) {
        (void)cg_error_prefix(error, "host %u at %llu ns: ", host->options.host,
                              (unsigned long long)host->now_ns);
    }
    return status;
}

/* --- inspection ------------------------------------------------------------ */

const sim_host_statistics *sim_host_statistics_of(const sim_host *host) {
    return &host->statistics;
}

uint64_t sim_host_waiting(const sim_host *host) {
    return host->waiting;
}

uint64_t sim_host_running(const sim_host *host) {
    return host->running;
}

uint64_t sim_host_fingerprint(const sim_host *host) {
    return cg_hasher_value(&host->hasher);
}
