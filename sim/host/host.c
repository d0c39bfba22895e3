/* One heap holds all that will happen at a host, in the order (time, class, sender, sequence);
 * the classes are those of host_internal.h, in their order.
 *
 * A parcel that is due joins the queue; whenever a core is free the first of the queue is
 * stepped and becomes a job: core, then disk, then its outputs are released. Since what ends
 * comes before what arrives, a core that is freed at t serves what arrives at t.
 *
 * Cores of equal speed and one queue in order make the host a G/G/c queue, and the disk a G/G/1
 * queue, both first come first served (known values: D/D/c and M/D/1 in host_test.c).
 */
#include "sim/host/host_internal.h"

/* --- life cycle ------------------------------------------------------------ */

static cg_status set_up(sim_host *host, cg_error *error) {
    const sim_host_options *options = &host->options;
    host->hasher = cg_hasher_init();
    host->disk_factor = 1.0;
    if (host->options.pace == 0.0) {
        host->options.pace = 1.0;
    }
    host->core_factor = options->pace;
    host->journal.torn = cg_stream_init(options->seed, "host.torn", options->host);
    host->journal.corrupt = cg_stream_init(options->seed, "host.corrupt", options->host);
    host->open.free = SIM_OPEN_NONE;
    host->open.first = SIM_OPEN_NONE;
    host->open.last = SIM_OPEN_NONE;
    cg_heap_init(&host->heap, host->allocator);
    cg_status status = cg_table_alloc(host->allocator, &host->open.place_of, error);
    if (status == CG_OK && options->starts) {
        sim_delivery start = {.kind = CG_EVENT_START};
        status = sim_host_deliver_own(host, &start, error);
    }
    return status;
}

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
    cg_status status = set_up(host, error);
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
        sim_parcel *made = host->made_parcels;
        host->made_parcels = made->next_made;
        cg_deallocate(&allocator, made->buffer, made->buffer_bytes, 1);
        cg_deallocate(&allocator, made, 1, sizeof *made);
    }
    while (host->made_jobs) {
        sim_job *made = host->made_jobs;
        host->made_jobs = made->next_made;
        cg_outputs_deinit(&made->outputs);
        cg_deallocate(&allocator, made, 1, sizeof *made);
    }
    cg_table_free(host->open.place_of);
    cg_deallocate(&allocator, host->open.places, host->open.capacity,
                  sizeof *host->open.places);
    cg_deallocate(&allocator, host->journal.bytes, host->journal.capacity, 1);
    cg_heap_deinit(&host->heap);
    cg_deallocate(&allocator, host, 1, sizeof *host);
}

void sim_host_attach(sim_host *host, const sim_transport *transport) {
    host->transport = *transport;
}

/* --- deliveries ------------------------------------------------------------ */

static sim_host_class class_of(cg_event_kind kind) {
    switch (kind) {
    case CG_EVENT_START:
        return SIM_CLASS_START;
    case CG_EVENT_MESSAGE:
        return SIM_CLASS_MESSAGE;
    case CG_EVENT_STORAGE_DONE:
    case CG_EVENT_READ_DONE:
        return SIM_CLASS_STORAGE;
    case CG_EVENT_TIMER:
        return SIM_CLASS_TIMER;
    case CG_EVENT_REQUEST:
        return SIM_CLASS_REQUEST;
    case CG_EVENT_KIND_COUNT:
        break;
    }
    CG_ASSERT(kind < CG_EVENT_KIND_COUNT);
    return SIM_CLASS_FAULT;
}

cg_status sim_host_push(sim_host *host, sim_parcel *pushed, sim_host_class class,
                        cg_error *error) {
    cg_heap_entry entry = {.time_ns = pushed->delivery.due_ns,
                           .sender = (uint64_t) class << 32 | pushed->delivery.sender,
                           .sequence = pushed->delivery.sequence,
                           .payload = pushed};
    cg_status status = cg_heap_push(&host->heap, entry, error);
    if (status != CG_OK) {
        sim_parcel_give(host, pushed);
    }
    return status;
}

static cg_status deliver(sim_host *host, const sim_delivery *delivery, uint64_t journal_end,
                         cg_error *error) {
    CG_ASSERT(delivery->due_ns >= host->now_ns);
    sim_parcel *taken = sim_parcel_take(host, delivery, error);
    if (!taken) {
        return CG_ERROR_MEMORY;
    }
    taken->journal_end = journal_end;
    return sim_host_push(host, taken, class_of(delivery->kind), error);
}

cg_status sim_host_deliver(sim_host *host, const sim_delivery *delivery, cg_error *error) {
    CG_ASSERT(delivery->kind != CG_EVENT_START); /* the host's own */
    return deliver(host, delivery, 0, error);
}

cg_status sim_host_deliver_own(sim_host *host, sim_delivery *delivery, cg_error *error) {
    delivery->sender = host->options.host;
    delivery->sequence = host->sequence++;
    return deliver(host, delivery, host->journal.issued_bytes, error);
}

cg_status sim_host_schedule(sim_host *host, sim_job *running, uint64_t at_ns,
                            sim_host_class class, cg_error *error) {
    cg_heap_entry entry = {.time_ns = at_ns,
                           .sender = (uint64_t) class << 32,
                           .sequence = host->sequence++,
                           .payload = running};
    return cg_heap_push(&host->heap, entry, error);
}

cg_status sim_host_answer(sim_host *host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->replied) {
        observer->replied(observer->context, host->options.host, now_ns, reply, ledger);
    }
    if (!host->sink.reply) {
        return CG_OK;
    }
    return host->sink.reply(host->sink.context, host->options.host, now_ns, reply, ledger,
                            error);
}

uint64_t sim_host_next_ns(const sim_host *host) {
    cg_heap_entry entry;
    return cg_heap_peek(&host->heap, &entry) ? entry.time_ns : UINT64_MAX;
}

/* --- the loop -------------------------------------------------------------- */

static bool is_from_network(const sim_host *host, const sim_delivery *delivery) {
    return delivery->kind == CG_EVENT_MESSAGE && delivery->sender != host->options.host;
}

void sim_host_tell_dropped(const sim_host *host, const sim_delivery *message,
                           const char *reason) {
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->dropped && message->kind == CG_EVENT_MESSAGE) {
        sim_observed_message dropped = {.from = message->sender,
                                        .to = host->options.host,
                                        .sequence = message->sequence,
                                        .time_ns = host->now_ns,
                                        .bytes = message->bytes,
                                        .size_bytes = message->size_bytes,
                                        .request_id = message->ledger.request_id};
        observer->dropped(observer->context, &dropped, reason);
    }
}

static cg_status arrive(sim_host *host, sim_parcel *arrived, cg_error *error) {
    const sim_delivery *delivery = &arrived->delivery;
    if (is_from_network(host, delivery) && host->transport.arrive &&
        !host->transport.arrive(host->transport.context, delivery->sender, host->options.host,
                                host->now_ns, delivery->size_bytes)) {
        host->statistics.dropped++;
        sim_host_tell_dropped(host, delivery, "cut when due");
        sim_parcel_give(host, arrived);
        return CG_OK;
    }
    if (host->down && delivery->kind == CG_EVENT_REQUEST) {
        return sim_host_refuse(host, arrived, error);
    }
    if (host->down) {
        host->statistics.lost_messages += delivery->kind == CG_EVENT_MESSAGE;
        sim_host_tell_dropped(host, delivery, "host down");
        sim_parcel_give(host, arrived);
        return CG_OK;
    }
    if (delivery->kind == CG_EVENT_STORAGE_DONE) {
        sim_disk_durable(host, arrived->journal_end);
    } else if (delivery->kind == CG_EVENT_REQUEST) {
        cg_status status = sim_open_put(host, delivery, error);
        if (status != CG_OK) {
            sim_parcel_give(host, arrived);
            return status;
        }
    }
    return sim_host_enqueue(host, arrived, error);
}

static cg_status suffer(sim_host *host, sim_parcel *come, cg_error *error) {
    const void *bytes = come->delivery.bytes;
    const sim_host_fault fault = *(const sim_host_fault *)bytes;
    sim_parcel_give(host, come);
    return sim_host_suffer(host, &fault, error);
}

cg_status sim_host_advance(sim_host *host, uint64_t now_ns, cg_error *error) {
    cg_heap_entry entry;
    cg_status status = CG_OK;
    while (status == CG_OK && cg_heap_peek(&host->heap, &entry) && entry.time_ns <= now_ns) {
        (void)cg_heap_pop(&host->heap, &entry);
        host->now_ns = entry.time_ns;
        switch ((sim_host_class)(entry.sender >> 32)) {
        case SIM_CLASS_FAULT:
            status = suffer(host, entry.payload, error);
            continue;
        case SIM_CLASS_REFUSAL:
            status = sim_host_refused(host, entry.payload, error);
            continue;
        case SIM_CLASS_CORE_DONE:
            status = sim_host_core_done(host, entry.payload, error);
            break;
        case SIM_CLASS_DISK_DONE:
            status = sim_host_finish(host, entry.payload, error);
            break;
        default:
            status = arrive(host, entry.payload, error);
            continue;
        }
        if (status == CG_OK) {
            status = sim_host_step_waiting(host, error);
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

uint32_t sim_host_cores(const sim_host *host) {
    return host->options.cores;
}

bool sim_host_is_up(const sim_host *host) {
    return !host->down;
}

uint64_t sim_host_life(const sim_host *host) {
    return host->life;
}

uint64_t sim_host_fingerprint(const sim_host *host) {
    return cg_hasher_value(&host->hasher);
}
