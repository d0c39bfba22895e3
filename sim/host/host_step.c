/* The queue for cores, and stepping the node. */
#include "engine/base/math.h"
#include "sim/host/host_internal.h"
#include "sim/host/traffic.h"

/* The time between cause and step, under the heading of what the event waited for. */
static sim_ledger ledger_of(const sim_host *host, const sim_delivery *delivery) {
    if (delivery->kind == CG_EVENT_REQUEST || delivery->kind == CG_EVENT_START) {
        sim_ledger fresh = sim_ledger_begin(delivery->due_ns);
        fresh.request_id = delivery->kind == CG_EVENT_REQUEST ? delivery->id : 0;
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
        if (delivery->after > 0) {
            cg_hasher_add_u64(hasher, delivery->after);
        }
    }
}

bool sim_job_has_writes(const sim_job *of) {
    for (size_t i = 0; i < of->outputs.count; i++) {
        if (of->outputs.items[i].kind == CG_OUTPUT_WRITE) {
            return true;
        }
    }
    return false;
}

static void queue_writer(sim_host *host, sim_job *started) {
    started->paid = false;
    started->next_writer = NULL;
    if (!sim_job_has_writes(started)) {
        return;
    }
    if (host->first_writer) {
        host->last_writer->next_writer = started;
    } else {
        host->first_writer = started;
    }
    host->last_writer = started;
}

static cg_event event_of(const sim_host *host, const sim_delivery *delivery) {
    cg_event event = {.kind = delivery->kind,
                      .now_ns = host->now_ns,
                      .wall_ns = sim_host_wall_ns(host, host->now_ns),
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
                      .target = delivery->target,
                      .after = delivery->after};
    if (event.kind == CG_EVENT_START) {
        event.disk_life = host->journal.disk_life;
    }
    if (event.kind == CG_EVENT_TIMER) {
        event.core_busy_ns = host->statistics.core_busy_ns - host->core_busy_before_ns;
        event.disk_busy_ns = host->statistics.disk_busy_ns - host->disk_busy_before_ns;
    }
    return event;
}

static sim_cost cost_of(const sim_host *host, const cg_work *work) {
    sim_cost cost = sim_profile_cost(&host->profile, work);
    cost.core_ns = sim_host_scaled(cost.core_ns, host->core_factor);
    cost.tier_core_ns = sim_host_scaled(cost.tier_core_ns, host->core_factor);
    return cost;
}

/* What the step moves over the memory bus, evenly over its own time; and how long its core is held beyond
 * that, where all running steps together want more than the bus has. */
static uint64_t stall_ns(sim_host *host, sim_job *started, uint64_t core_ns) {
    const uint64_t most = host->options.memory_bytes_per_s;
    const uint64_t bytes = sim_traffic_bytes(&started->outputs.work);
    host->statistics.bus_bytes += bytes;
    started->bus_bytes_per_s = 0;
    if (most == 0 || core_ns == 0) {
        return 0;
    }
    started->bus_bytes_per_s = cg_mul_div(bytes, 1000000000, core_ns);
    host->bus_bytes_per_s += started->bus_bytes_per_s;
    return host->bus_bytes_per_s > most
               ? cg_mul_div(core_ns, host->bus_bytes_per_s, most) - core_ns
               : 0;
}

static uint32_t tell(const sim_host *host, const sim_delivery *delivery, const cg_event *event,
                     const sim_job *started) {
    const sim_observer *observer = host->sink.observer;
    if (!observer || !observer->stepped) {
        return 0;
    }
    bool fresh = event->kind == CG_EVENT_REQUEST || event->kind == CG_EVENT_START;
    sim_observed_step observed = {
        .host = host->options.host,
        .sender = delivery->sender,
        .sequence = delivery->sequence,
        .event = event,
        .caused_ns = fresh ? delivery->due_ns : delivery->ledger.mark_ns,
        .due_ns = delivery->due_ns,
        .core_ns = started->cost.core_ns,
        .tier_core_ns = started->cost.tier_core_ns,
        .disk_ns = started->cost.disk_ns,
        .tier_disk_ns = started->cost.tier_disk_ns,
        .work = &started->outputs.work,
        .ledger = &started->ledger,
    };
    return observer->stepped(observer->context, &observed);
}

static cg_status step(sim_host *host, const sim_delivery *delivery, cg_error *error) {
    cg_event event = event_of(host, delivery);
    sim_job *started = sim_job_take(host);
    if (!started) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a step");
    }
    started->ledger = ledger_of(host, delivery);
    fingerprint_add(host, delivery);
    cg_outputs_reset(&started->outputs);
    cg_status status =
        host->machine.step(host->machine.context, &event, &started->outputs, error);
    if (status != CG_OK) {
        sim_job_give(host, started);
        return status;
    }
    queue_writer(host, started);
    cg_work *work = &started->outputs.work;
    work->operations[CG_WORK_DISK_WRITE] = 0; /* paid with the WRITE outputs */
    work->units[CG_WORK_DISK_WRITE] = 0;
    started->cost = cost_of(host, work);
    const uint64_t stalled_ns = stall_ns(host, started, started->cost.core_ns);
    started->cost.core_ns += stalled_ns;
    host->statistics.stalled_ns += stalled_ns;
    started->starts = event.kind == CG_EVENT_START;
    host->starting = host->starting || started->starts;
    host->cores_busy++;
    host->running++;
    host->statistics.events[event.kind]++;
    host->statistics.core_busy_ns += started->cost.core_ns;
    host->statistics.energy_pj += started->cost.energy_pj;
    cg_work_add(&host->statistics.work, work);
    started->began_ns = host->now_ns;
    started->observed = tell(host, delivery, &event, started);
    status =
        sim_host_schedule(host, started, sim_host_later(host->now_ns, started->cost.core_ns),
                          SIM_CLASS_CORE_DONE, error);
    if (status != CG_OK) {
        sim_job_give(host, started);
    }
    return status;
}

cg_status sim_host_step_waiting(sim_host *host, cg_error *error) {
    while (host->queue_first && host->cores_busy < host->options.cores && !host->starting) {
        sim_parcel *first = host->queue_first;
        host->queue_first = first->next;
        if (!host->queue_first) {
            host->queue_last = NULL;
        }
        host->waiting--;
        cg_status status = step(host, &first->delivery, error);
        sim_parcel_give(host, first);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

cg_status sim_host_enqueue(sim_host *host, sim_parcel *arrived, cg_error *error) {
    arrived->next = NULL;
    if (host->queue_last) {
        host->queue_last->next = arrived;
    } else {
        host->queue_first = arrived;
    }
    host->queue_last = arrived;
    host->waiting++;
    cg_status status = sim_host_step_waiting(host, error);
    if (host->waiting > host->statistics.queue_max) {
        host->statistics.queue_max = host->waiting;
    }
    return status;
}
