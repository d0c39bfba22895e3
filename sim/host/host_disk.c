/* The disk: a queue of one server, first come first served, and the bytes that it keeps.
 *
 * The journal is one array: bytes [0, durable_bytes) are durable, and [durable_bytes,
 * issued_bytes) are at the disk. Since the disk serves in order, writes become durable in the
 * order in which they were issued, and each STORAGE_DONE moves durable_bytes to the end of its
 * write. Torn (law): of k bytes at the disk a crash leaves u, uniform over {0 .. k}, so it loses k / 2 in
 * the mean (known value: host_fault_test.c).
 */
#include <string.h>

#include "sim/host/host_internal.h"

uint64_t sim_host_scaled(uint64_t time_ns, double factor) {
    if (factor == 1.0) {
        return time_ns; /* to the bit, also above 2^53 */
    }
    double scaled_ns = (double)time_ns * factor + 0.5;
    return scaled_ns >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)scaled_ns;
}

uint64_t sim_disk_take(sim_host *host, const sim_disk_demand *demand, sim_ledger *ledger) {
    uint64_t start_ns = host->now_ns > host->disk_free_ns ? host->now_ns : host->disk_free_ns;
    uint64_t slow_ns = sim_host_scaled(demand->service_ns, host->disk_factor);
    sim_ledger_charge(ledger, SIM_LEDGER_QUEUE, start_ns);
    host->disk_free_ns = sim_host_later(start_ns, slow_ns);
    host->statistics.disk_busy_ns += slow_ns;
    const sim_observer *observer = host->sink.observer;
    if (observer && observer->disk) {
        sim_observed_disk taken = {.host = host->options.host,
                                   .use = demand->use,
                                   .told_ns = host->now_ns,
                                   .begin_ns = start_ns,
                                   .end_ns = host->disk_free_ns,
                                   .size_bytes = demand->size_bytes,
                                   .request_id = ledger->request_id};
        observer->disk(observer->context, &taken);
    }
    return host->disk_free_ns;
}

/* --- the journal ------------------------------------------------------------ */

/* Changes one byte of bytes[0, size_bytes), and never to what it was. */
static void alter(sim_host *host, uint8_t *bytes, uint64_t size_bytes) {
    cg_stream *draws = &host->journal.corrupt;
    uint64_t place = cg_stream_next_below(draws, size_bytes);
    bytes[place] ^= (uint8_t)(1 + cg_stream_next_below(draws, 255));
    host->statistics.corrupted_bytes++;
}

static cg_status journal_append(sim_host *host, const uint8_t *bytes, size_t size_bytes,
                                cg_error *error) {
    sim_journal *journal = &host->journal;
    if (!host->options.keeps_journal || size_bytes == 0) {
        return CG_OK;
    }
    cg_status status = CG_GROW(&host->allocator, journal->bytes, journal->capacity,
                               (size_t)journal->issued_bytes + size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    uint8_t *place = journal->bytes + journal->issued_bytes;
    memcpy(place, bytes, size_bytes);
    journal->issued_bytes += size_bytes;
    if (journal->corrupt_writes > 0) {
        journal->corrupt_writes--;
        alter(host, place, size_bytes);
    }
    return CG_OK;
}

void sim_disk_truncate(sim_host *host, const cg_output *output) {
    sim_journal *journal = &host->journal;
    if (host->options.keeps_journal) {
        CG_ASSERT(output->size_bytes <= journal->durable_bytes &&
                  journal->durable_bytes == journal->issued_bytes);
        journal->durable_bytes = journal->issued_bytes = output->size_bytes;
    }
    if (output->id > 0) {
        journal->disk_life = output->id;
    }
}

void sim_disk_durable(sim_host *host, uint64_t journal_end) {
    CG_ASSERT(journal_end <= host->journal.issued_bytes);
    host->journal.lost = false; /* a whole write, in which the node can say so itself */
    if (journal_end > host->journal.durable_bytes) {
        host->journal.durable_bytes = journal_end;
    }
}

static bool ends_a_write(const sim_host *host, uint64_t journal_end) {
    for (size_t i = 0; i < host->heap.count; i++) {
        const cg_heap_entry *entry = &host->heap.entries[i];
        const sim_parcel *pending = entry->payload;
        if (entry->sender >> 32 == SIM_CLASS_STORAGE &&
            pending->delivery.kind == CG_EVENT_STORAGE_DONE &&
            pending->journal_end == journal_end) {
            return true;
        }
    }
    return false;
}

void sim_disk_crash(sim_host *host, bool torn) {
    sim_journal *journal = &host->journal;
    uint64_t open_bytes = journal->issued_bytes - journal->durable_bytes;
    if (torn && open_bytes > 0) {
        uint64_t kept_bytes = cg_stream_next_below(&journal->torn, open_bytes + 1);
        journal->durable_bytes += kept_bytes;
        open_bytes -= kept_bytes;
        host->statistics.torn_tails +=
            kept_bytes > 0 && !ends_a_write(host, journal->durable_bytes);
    }
    host->statistics.lost_bytes += open_bytes;
    journal->issued_bytes = journal->durable_bytes;
    host->disk_free_ns = host->now_ns;
}

void sim_disk_replace(sim_host *host) {
    sim_journal *journal = &host->journal;
    host->statistics.disk_losses++;
    host->statistics.disk_lost_bytes += journal->durable_bytes;
    journal->durable_bytes = 0;
    journal->issued_bytes = 0;
    journal->corrupt_writes = 0;
    journal->lost = true;
    journal->disk_life = host->life + 1; /* the next to start */
}

void sim_disk_corrupt(sim_host *host, const sim_host_fault *fault) {
    sim_journal *journal = &host->journal;
    if (!fault->at_rest) {
        uint32_t room = UINT32_MAX - journal->corrupt_writes;
        journal->corrupt_writes += fault->writes < room ? fault->writes : room;
    } else if (journal->durable_bytes > 0) {
        alter(host, journal->bytes, journal->durable_bytes);
    }
}

const uint8_t *sim_host_journal(const sim_host *host, size_t *size_bytes) {
    *size_bytes = (size_t)host->journal.durable_bytes;
    return host->journal.bytes;
}

/* --- outputs ---------------------------------------------------------------- */

cg_status sim_disk_write(sim_host *host, const cg_output *output, const uint8_t *bytes,
                         const sim_ledger *ledger, cg_error *error) {
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_DISK_WRITE, 1, output->size_bytes);
    sim_cost cost = sim_profile_cost(&host->profile, &work);
    cg_work_add(&host->statistics.work, &work);
    host->statistics.writes++;
    host->statistics.write_bytes += output->size_bytes;
    host->statistics.energy_pj += cost.energy_pj;
    cg_status status = journal_append(host, bytes, output->size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    sim_delivery done = {.kind = CG_EVENT_STORAGE_DONE, .id = output->id, .ledger = *ledger};
    /* A profile may put disk_write on the core: then it is the device's time all the same. */
    sim_disk_demand demand = {SIM_DISK_WRITE, output->size_bytes,
                              sim_host_later(cost.core_ns, cost.disk_ns)};
    done.due_ns = sim_disk_take(host, &demand, &done.ledger);
    sim_ledger_charge(&done.ledger, SIM_LEDGER_DISK, done.due_ns);
    return sim_host_deliver_own(host, &done, error);
}

/* The record is on its way; it waits for the disk like everybody, and nobody waits for it. */
cg_status sim_disk_read(sim_host *host, const cg_output *output, const sim_ledger *ledger,
                        cg_error *error) {
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_TIER_STORE, 1, output->read_bytes);
    sim_cost cost = sim_profile_cost(&host->profile, &work);
    cg_work_add(&host->statistics.work, &work);
    host->statistics.reads++;
    host->statistics.energy_pj += cost.energy_pj;
    sim_delivery done = {.kind = CG_EVENT_READ_DONE, .id = output->id, .ledger = *ledger};
    sim_disk_demand demand = {SIM_DISK_READ, output->read_bytes,
                              sim_host_later(cost.core_ns, cost.disk_ns)};
    done.due_ns = sim_disk_take(host, &demand, &done.ledger);
    sim_ledger_charge(&done.ledger, SIM_LEDGER_TIER, done.due_ns);
    return sim_host_deliver_own(host, &done, error);
}
