/* Faults of a host: crash, restart, and a clock that is wrong. The laws are in host_fault.h.
 *
 * The wall clock was set at s to s + skew; since then it runs at 1 + drift, where drift is in
 * parts per million:
 *
 *     wall(t) = max(0, t + skew + (t - s) * drift / 10^6),  the last term rounded toward zero.
 *
 * Known value (host_fault_test.c): 50 ppm over 10^9 ns are 50,000 ns.
 */
#include "engine/service/pool.h"
#include "sim/host/host_internal.h"

enum { DRIFT_MAX_PPM = 1000000, CORRUPT_WRITES_MAX = 1000000 };

const char *sim_host_fault_name(sim_host_fault_kind kind) {
    static const char *const names[] = {"crash",     "restart",   "disk_loss", "corrupt",
                                        "slow_disk", "slow_host", "clock"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

/* --- asking for faults ------------------------------------------------------ */

static cg_status check_journal(const sim_host *host, const sim_host_fault *fault,
                               cg_error *error) {
    bool needs_journal =
        fault->torn || fault->kind == SIM_HOST_RESTART || fault->kind == SIM_HOST_CORRUPT;
    if (fault->kind == SIM_HOST_RESTART && !host->machine.restart) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "host %u cannot restart: its machine makes no new node",
                            host->options.host);
    }
    if (needs_journal && !host->options.keeps_journal) {
        return cg_error_set(error, CG_ERROR_INVALID, "host %u keeps no journal, which %s needs",
                            host->options.host,
                            fault->torn ? "a torn write" : sim_host_fault_name(fault->kind));
    }
    return CG_OK;
}

static cg_status check(const sim_host *host, const sim_host_fault *fault, cg_error *error) {
    uint32_t number = host->options.host;
    switch (fault->kind) {
    case SIM_HOST_CRASH:
    case SIM_HOST_RESTART:
    case SIM_HOST_DISK_LOSS:
        break;
    case SIM_HOST_CORRUPT:
        if (!fault->at_rest && (fault->writes < 1 || fault->writes > CORRUPT_WRITES_MAX)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "host %u: %u writes to corrupt; right are 1 to %d", number,
                                fault->writes, CORRUPT_WRITES_MAX);
        }
        break;
    case SIM_HOST_SLOW_DISK:
    case SIM_HOST_SLOW_CORES:
        if (!(fault->factor >= SIM_HOST_FACTOR_MIN && fault->factor <= SIM_HOST_FACTOR_MAX)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "host %u: %s by a factor of %g; right are %g to %g", number,
                                sim_host_fault_name(fault->kind), fault->factor,
                                SIM_HOST_FACTOR_MIN, SIM_HOST_FACTOR_MAX);
        }
        break;
    case SIM_HOST_CLOCK:
        if (fault->drift_ppm < -DRIFT_MAX_PPM || fault->drift_ppm > DRIFT_MAX_PPM) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "host %u: a clock that drifts by %d ppm; right are %d to %d",
                                number, (int)fault->drift_ppm, -DRIFT_MAX_PPM, DRIFT_MAX_PPM);
        }
        break;
    default:
        return cg_error_set(error, CG_ERROR_INVALID, "host %u: %d is no kind of fault", number,
                            (int)fault->kind);
    }
    return check_journal(host, fault, error);
}

cg_status sim_host_fault_at(sim_host *host, const sim_host_fault *fault, cg_error *error) {
    CG_ASSERT(fault->at_ns >= host->now_ns);
    cg_status status = check(host, fault, error);
    if (status != CG_OK) {
        return status;
    }
    sim_delivery delivery = {.due_ns = fault->at_ns,
                             .sequence = host->fault_sequence,
                             .bytes = (const uint8_t *)fault,
                             .size_bytes = sizeof *fault};
    sim_parcel *taken = sim_parcel_take(host, &delivery, error);
    if (!taken) {
        return CG_ERROR_MEMORY;
    }
    status = sim_host_push(host, taken, SIM_CLASS_FAULT, error);
    host->fault_sequence += status == CG_OK;
    return status;
}

/* --- crash ------------------------------------------------------------------ */

static bool survives(const sim_host *host, const cg_heap_entry *entry) {
    switch ((sim_host_class)(entry->sender >> 32)) {
    case SIM_CLASS_FAULT:
    case SIM_CLASS_REQUEST: /* not come yet */
    case SIM_CLASS_REFUSAL:
        return true;
    case SIM_CLASS_MESSAGE: /* still in the network, unless it is one to itself */
        return (uint32_t)entry->sender != host->options.host;
    default:
        return false;
    }
}

/* Keeps what survives, without an allocation: what is put again is never more than there was,
 * and goes below the place that is read. */
static void empty_heap(sim_host *host) {
    cg_heap *heap = &host->heap;
    size_t count = heap->count;
    heap->count = 0;
    for (size_t i = 0; i < count; i++) {
        cg_heap_entry entry = heap->entries[i];
        sim_host_class class = (sim_host_class)(entry.sender >> 32);
        if (survives(host, &entry)) {
            cg_status status = cg_heap_push(heap, entry, NULL);
            CG_ASSERT(status == CG_OK);
        } else if (class != SIM_CLASS_CORE_DONE && class != SIM_CLASS_DISK_DONE) {
            sim_parcel_give(host, entry.payload); /* jobs: sim_jobs_give_all */
        }
    }
}

static void empty_queue(sim_host *host) {
    while (host->queue_first) {
        sim_parcel *dropped = host->queue_first;
        host->queue_first = dropped->next;
        host->statistics.lost_messages += dropped->delivery.kind == CG_EVENT_MESSAGE;
        sim_host_tell_dropped(host, &dropped->delivery, "host crashed");
        sim_parcel_give(host, dropped);
    }
    host->queue_last = NULL;
    host->waiting = 0;
}

static cg_reply unreachable(const sim_host *host, uint64_t request_id,
                            cg_request_kind request) {
    return (cg_reply){.request_id = request_id,
                      .status = CG_ERROR_UNREACHABLE,
                      .host = host->options.host,
                      .request = (uint8_t)request,
                      .slot = CG_SLOT_NONE};
}

static cg_status reset_clients(sim_host *host, cg_error *error) {
    cg_status status = CG_OK;
    sim_open_request open;
    while (status == CG_OK && sim_open_reset_first(host, &open)) {
        cg_reply reply = unreachable(host, open.id, open.request);
        sim_ledger ledger = sim_ledger_begin(open.due_ns);
        sim_ledger_charge(&ledger, SIM_LEDGER_QUEUE, host->now_ns);
        cg_hasher_add_u64(&host->hasher, open.id);
        host->statistics.resets++;
        status = sim_host_answer(host, host->now_ns, &reply, &ledger, error);
    }
    return status;
}

static cg_status crash(sim_host *host, bool torn, cg_error *error) {
    host->down = true;
    host->statistics.crashes++;
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->crashed) {
        observer->crashed(observer->context, host->options.host, host->now_ns);
    }
    sim_disk_crash(host, torn);
    empty_heap(host);
    empty_queue(host);
    sim_jobs_give_all(host);
    host->first_writer = NULL;
    host->last_writer = NULL;
    host->bus_bytes_per_s = 0;
    host->running = 0;
    host->cores_busy = 0;
    host->starting = false;
    return reset_clients(host, error);
}

cg_status sim_host_refuse(sim_host *host, sim_parcel *refused, cg_error *error) {
    host->statistics.refused++;
    cg_hasher_add_u64(&host->hasher, refused->delivery.id);
    refused->delivery.ledger = sim_ledger_begin(refused->delivery.due_ns);
    refused->delivery.due_ns = sim_host_later(host->now_ns, 1);
    return sim_host_push(host, refused, SIM_CLASS_REFUSAL, error);
}

cg_status sim_host_refused(sim_host *host, sim_parcel *refused, cg_error *error) {
    sim_delivery request = refused->delivery;
    cg_reply reply = unreachable(host, request.id, request.request);
    sim_parcel_give(host, refused);
    sim_ledger_charge(&request.ledger, SIM_LEDGER_WIRE, host->now_ns);
    return sim_host_answer(host, host->now_ns, &reply, &request.ledger, error);
}

/* --- restart ---------------------------------------------------------------- */

static cg_status restart(sim_host *host, cg_error *error) {
    cg_status status = host->machine.restart(host->machine.context, host->life + 1, error);
    if (status != CG_OK) {
        return status;
    }
    host->down = false;
    host->life++;
    host->statistics.restarts++;
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->restarted) {
        observer->restarted(observer->context, host->options.host, host->now_ns);
    }
    host->core_busy_before_ns = host->statistics.core_busy_ns;
    host->disk_busy_before_ns = host->statistics.disk_busy_ns;
    sim_delivery start = {.kind = CG_EVENT_START,
                          .sender = host->options.host,
                          .due_ns = host->now_ns,
                          .sequence = host->sequence++,
                          .id = host->life,
                          .flags = host->journal.lost ? CG_START_DISK_LOST : 0,
                          .borrowed = true, /* it is stepped at once */
                          .bytes = host->journal.bytes,
                          .size_bytes = (size_t)host->journal.durable_bytes};
    sim_parcel *taken = sim_parcel_take(host, &start, error);
    return taken ? sim_host_enqueue(host, taken, error) : CG_ERROR_MEMORY;
}

/* --- the clock -------------------------------------------------------------- */

static uint64_t less(uint64_t value, uint64_t taken) {
    return value > taken ? value - taken : 0;
}

uint64_t sim_host_wall_ns(const sim_host *host, uint64_t at_ns) {
    const sim_wall_clock *clock = &host->clock;
    uint64_t run_ns = less(at_ns, clock->since_ns);
    uint64_t ppm = (uint64_t)(clock->drift_ppm < 0 ? -(int64_t)clock->drift_ppm
                                                   : (int64_t)clock->drift_ppm);
    uint64_t drift_ns =
        run_ns / DRIFT_MAX_PPM * ppm + run_ns % DRIFT_MAX_PPM * ppm / DRIFT_MAX_PPM;
    /* -skew does not overflow in unsigned arithmetic. */
    uint64_t skew_ns =
        clock->skew_ns < 0 ? UINT64_C(0) - (uint64_t)clock->skew_ns : (uint64_t)clock->skew_ns;
    /* What is added comes first, so that only the sum is cut at 0. */
    uint64_t wall_ns = at_ns;
    wall_ns = clock->skew_ns > 0 ? sim_host_later(wall_ns, skew_ns) : wall_ns;
    wall_ns = clock->drift_ppm > 0 ? sim_host_later(wall_ns, drift_ns) : wall_ns;
    wall_ns = clock->skew_ns < 0 ? less(wall_ns, skew_ns) : wall_ns;
    return clock->drift_ppm < 0 ? less(wall_ns, drift_ns) : wall_ns;
}

/* --- what comes ------------------------------------------------------------- */

static cg_status suffer_death(sim_host *host, const sim_host_fault *fault, cg_error *error) {
    cg_status status = CG_OK;
    if (fault->kind == SIM_HOST_RESTART && fault->if_down && !host->down) {
        return CG_OK;
    }
    if (!host->down) {
        status = crash(host, fault->torn, error);
    } else {
        host->statistics.ignored_faults += fault->kind == SIM_HOST_CRASH;
    }
    if (fault->kind == SIM_HOST_DISK_LOSS) {
        sim_disk_replace(host);
    }
    return status == CG_OK && fault->kind == SIM_HOST_RESTART ? restart(host, error) : status;
}

cg_status sim_host_suffer(sim_host *host, const sim_host_fault *fault, cg_error *error) {
    cg_status status = CG_OK;
    cg_hasher_add_u64(&host->hasher, host->now_ns);
    cg_hasher_add_u64(&host->hasher, UINT64_C(1) << 63 | (uint64_t)fault->kind);
    switch (fault->kind) {
    case SIM_HOST_CRASH:
    case SIM_HOST_RESTART:
    case SIM_HOST_DISK_LOSS:
        status = suffer_death(host, fault, error);
        break;
    case SIM_HOST_CORRUPT:
        sim_disk_corrupt(host, fault);
        break;
    case SIM_HOST_SLOW_DISK:
        host->disk_factor = fault->factor;
        break;
    case SIM_HOST_SLOW_CORES:
        host->core_factor = host->options.pace * fault->factor;
        break;
    case SIM_HOST_CLOCK:
        host->clock = (sim_wall_clock){host->now_ns, fault->skew_ns, fault->drift_ppm};
        break;
    }
    cg_hasher_add_bytes(&host->hasher, host->journal.bytes,
                        (size_t)host->journal.durable_bytes);
    return status;
}
