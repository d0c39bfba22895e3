/* Paying a step: core, then disk; then its outputs are released, in order.
 *
 * Writes reach the disk in the order in which their steps began, whatever each step costs: a short step
 * that overtakes a long one on another core waits with its writes until the long one is paid. So a durable
 * write means that all before it are durable, as engine/node/event.h promises.
 */
#include <string.h>

#include "sim/host/host_internal.h"

static cg_status release_alert(sim_host *host, const cg_output *output, const uint8_t *bytes,
                               cg_error *error) {
    char text[CG_ERROR_MESSAGE_BYTES];
    size_t length = output->size_bytes < sizeof text ? output->size_bytes : sizeof text - 1;
    const sim_observer *observer = host->sink.observer;
    if (length > 0) {
        CG_ASSERT(bytes);
        memcpy(text, bytes, length);
    }
    text[length] = '\0';
    if (observer && observer->alerted) {
        observer->alerted(observer->context, host->options.host, host->now_ns, output->severity,
                          text);
    }
    if (!host->sink.alert) {
        return CG_OK;
    }
    return host->sink.alert(host->sink.context, host->options.host, host->now_ns,
                            output->severity, text, error);
}

static void tell_sent(const sim_host *host, const sim_delivery *own) {
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->sent) {
        sim_observed_message message = {.from = host->options.host,
                                        .to = host->options.host,
                                        .sequence = own->sequence,
                                        .time_ns = host->now_ns,
                                        .bytes = own->bytes,
                                        .size_bytes = own->size_bytes,
                                        .request_id = own->ledger.request_id};
        observer->sent(observer->context, &message);
    }
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
                            .due_ns = sim_host_later(host->now_ns, 1),
                            .bytes = bytes,
                            .size_bytes = output->size_bytes,
                            .ledger = *ledger};
        cg_status status = sim_host_deliver_own(host, &own, error);
        if (status == CG_OK) {
            tell_sent(host, &own);
        }
        return status;
    }
    CG_ASSERT(host->transport.send);
    return host->transport.send(host->transport.context, from, output->to, host->now_ns, bytes,
                                output->size_bytes, ledger, error);
}

static cg_status release_reply(sim_host *host, const cg_reply *reply, const sim_ledger *ledger,
                               cg_error *error) {
    sim_ledger own = *ledger;
    sim_open_request open;
    if (sim_open_take(host, reply->request_id, &open)) {
        if (ledger->request_id == reply->request_id) {
            sim_ledger_rebase(&own, open.due_ns);
        } else { /* another request's step answers it */
            own = sim_ledger_join(&open.known, ledger);
        }
    } else if (sim_open_was_reset(host, reply->request_id)) {
        host->statistics.late_replies++;
        return CG_OK;
    }
    host->statistics.replies++;
    if (reply->request == CG_REQUEST_SPREAD) { /* leaves no trace in any state */
        cg_hasher_add_u64(&host->hasher, reply->digest);
    }
    return sim_host_answer(host, host->now_ns, reply, &own, error);
}

static cg_status release(sim_host *host, const sim_job *paid, cg_error *error) {
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
            status = sim_host_deliver_own(host, &timer, error);
            break;
        }
        case CG_OUTPUT_WRITE: /* in their own order: release_writers */
            break;
        case CG_OUTPUT_TRUNCATE:
            sim_disk_truncate(host, output);
            break;
        case CG_OUTPUT_READ:
            status = sim_disk_read(host, output, &paid->ledger, error);
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
        sim_job *writer = host->first_writer;
        for (size_t i = 0; i < writer->outputs.count && status == CG_OK; i++) {
            const cg_output *output = &writer->outputs.items[i];
            if (output->kind == CG_OUTPUT_WRITE) {
                status = sim_disk_write(host, output, writer->outputs.bytes + output->offset,
                                        &writer->ledger, error);
            }
        }
        host->first_writer = writer->next_writer;
        sim_job_give(host, writer);
    }
    return status;
}

cg_status sim_host_finish(sim_host *host, sim_job *paid, cg_error *error) {
    host->running--;
    host->starting = host->starting && !paid->starts;
    paid->paid = true;
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->released) {
        observer->released(observer->context, host->options.host, paid->observed,
                           paid->began_ns, paid->cost.core_ns);
    }
    sim_open_note(host, &paid->ledger);
    cg_status status = release(host, paid, error);
    if (!sim_job_has_writes(paid)) {
        sim_job_give(host, paid);
        return status;
    }
    return status == CG_OK ? release_writers(host, error) : status;
}

/* The share of tier reads first, then whatever else it was. */
static void charge_tier(sim_ledger *ledger, uint64_t tier_ns, uint64_t end_ns) {
    uint64_t until_ns = sim_host_later(ledger->mark_ns, tier_ns);
    sim_ledger_charge(ledger, SIM_LEDGER_TIER, until_ns < end_ns ? until_ns : end_ns);
}

cg_status sim_host_core_done(sim_host *host, sim_job *running, cg_error *error) {
    host->cores_busy--;
    host->bus_bytes_per_s -= running->bus_bytes_per_s;
    const sim_cost *cost = &running->cost;
    charge_tier(&running->ledger, cost->tier_core_ns, host->now_ns);
    sim_ledger_charge(&running->ledger, SIM_LEDGER_COMPUTE, host->now_ns);
    if (cost->disk_ns == 0) {
        return sim_host_finish(host, running, error);
    }
    sim_disk_demand demand = {.use = SIM_DISK_STEP, .service_ns = cost->disk_ns};
    uint64_t done_ns = sim_disk_take(host, &demand, &running->ledger);
    charge_tier(&running->ledger, sim_host_scaled(cost->tier_disk_ns, host->disk_factor),
                done_ns);
    sim_ledger_charge(&running->ledger, SIM_LEDGER_DISK, done_ns);
    return sim_host_schedule(host, running, done_ns, SIM_CLASS_DISK_DONE, error);
}
