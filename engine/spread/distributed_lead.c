/* A spread at its coordinator: reports come in until nothing more can, then the records behind the
 * best hits are gathered, then it is answered.
 *
 * Collecting is over, in exact, when each host has reported, or is unreachable, or was given up by
 * this host's own part without a single message from it; in async, when all credit is home; and in
 * both at began + (max_hops + 1) * timeout / (max_hops + 2). What is left is for gathering.
 */
#include <string.h>

#include "engine/spread/distributed_internal.h"

/* --- life --- */

void cg_dist_give_lead(cg_distributed *d, dist_lead *lead) {
    cg_table_remove(d->lead_slots, lead->spread);
    cg_dist_index_clear(&lead->seen);
    cg_dist_index_clear(&lead->places);
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        dist_letter *letter = &lead->letters[host];
        *letter = (dist_letter){.bytes = letter->bytes, .capacity = letter->capacity};
    }
    *lead = (dist_lead){
        .seeds = lead->seeds,
        .seed_capacity = lead->seed_capacity,
        .seen = lead->seen,
        .letters = lead->letters,
        .letter_capacity = lead->letter_capacity,
        .known = lead->known,
        .known_capacity = lead->known_capacity,
        .places = lead->places,
        .hits = lead->hits,
        .hit_capacity = lead->hit_capacity,
    };
    d->leads_used--;
}

void cg_dist_free_lead(const cg_distributed *d, dist_lead *lead) {
    const cg_allocator *allocator = &d->allocator;
    for (size_t host = 0; host < lead->letter_capacity; host++) {
        cg_deallocate(allocator, lead->letters[host].bytes, lead->letters[host].capacity, 1);
    }
    cg_deallocate(allocator, lead->letters, lead->letter_capacity, sizeof *lead->letters);
    cg_deallocate(allocator, lead->seeds, lead->seed_capacity, sizeof *lead->seeds);
    cg_deallocate(allocator, lead->known, lead->known_capacity, sizeof *lead->known);
    cg_deallocate(allocator, lead->hits, lead->hit_capacity, sizeof *lead->hits);
    cg_dist_index_free(&lead->seen, allocator);
    cg_dist_index_free(&lead->places, allocator);
    cg_deallocate(allocator, lead, 1, sizeof *lead);
}

uint64_t cg_dist_lead_bytes(const dist_lead *lead) {
    uint64_t bytes = sizeof *lead + lead->letter_capacity * sizeof *lead->letters +
                     lead->seed_capacity * sizeof *lead->seeds +
                     lead->known_capacity * sizeof *lead->known +
                     lead->hit_capacity * sizeof *lead->hits +
                     (lead->seen.capacity + lead->places.capacity) * sizeof(dist_slot);
    for (size_t host = 0; host < lead->letter_capacity; host++) {
        bytes += lead->letters[host].capacity;
    }
    return bytes;
}

/* --- when collecting is over --- */

static bool is_given_up(const cg_distributed *d, const dist_lead *lead, uint32_t host) {
    const dist_part *part = cg_dist_find_part(d, lead->spread);
    return part && part->is_done && (part->hosts[host] & DIST_HOST_SILENT) &&
           !(part->hosts[host] & DIST_HOST_HEARD);
}

static bool is_collected(const cg_distributed *d, const dist_lead *lead) {
    if (lead->terms.mode == CG_DISTRIBUTED_ASYNC) {
        return lead->outstanding == 0;
    }
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        if (lead->letters[host].version == 0 && cg_dist_reachable(d, host) &&
            !is_given_up(d, lead, host)) {
            return false;
        }
    }
    return true;
}

static cg_status go_on(cg_distributed *d, dist_lead *lead, cg_error *error) {
    cg_status status = CG_OK;
    if (lead->terms.wants_records) {
        status = cg_dist_gather(d, lead, error);
    }
    return status == CG_OK && lead->asked == 0 ? cg_dist_answer(d, lead, error) : status;
}

static cg_status end_collecting(cg_distributed *d, dist_lead *lead, cg_error *error) {
    lead->is_gathering = true;
    cg_status status = cg_dist_rank(d, lead, error);
    return status == CG_OK ? go_on(d, lead, error) : status;
}

cg_status cg_dist_lead_check(cg_distributed *d, dist_lead *lead, cg_error *error) {
    return !lead->is_gathering && is_collected(d, lead) ? end_collecting(d, lead, error)
                                                        : CG_OK;
}

cg_status cg_dist_lead_timer(cg_distributed *d, dist_lead *lead, cg_error *error) {
    uint64_t end_ns = lead->began_ns + lead->terms.timeout_ns;
    if (d->now_ns >= end_ns) {
        lead->is_timed_out = true;
        cg_status status = lead->is_gathering ? CG_OK : cg_dist_rank(d, lead, error);
        return status == CG_OK ? cg_dist_answer(d, lead, error) : status;
    }
    /* Armed before the lead may end: then the timer is stale. */
    cg_status status = cg_dist_arm(d, &lead->armed_ns, 2 * lead->slot + 1, end_ns, error);
    if (status == CG_OK && !lead->is_gathering) {
        lead->is_timed_out = true;
        status = end_collecting(d, lead, error);
    }
    return status;
}

/* --- reports --- */

dist_report cg_dist_report_of(const cg_distributed *d, const dist_letter *letter) {
    dist_report report;
    cg_reader reader = cg_reader_init(letter->bytes, letter->size_bytes);
    bool is_right = cg_dist_read_report(&reader, d->options.hosts, &report);
    CG_ASSERT(is_right);
    return report;
}

bool cg_dist_is_body_of(const cg_distributed *d, const dist_body *body, uint32_t host,
                        uint32_t max_hops) {
    bool is_right =
        body->row < d->rows && cg_dist_owner(d, body->row) == host && body->hop <= max_hops;
    for (uint32_t i = 0; i < cg_dist_kept(&body->strongest) && body->hop > 0; i++) {
        is_right = is_right && body->strongest.sources[i] < d->rows;
    }
    return is_right;
}

static bool check_report(const cg_distributed *d, const dist_lead *lead, uint32_t from,
                         const dist_report *report) {
    dist_body bodies[DIST_HOPS];
    cg_reader hits = report->hits;
    for (uint32_t i = 0; i < report->hit_count; i++) {
        uint32_t count = cg_dist_read_hit(&hits, bodies);
        for (uint32_t body = 0; body < count; body++) {
            if (!cg_dist_is_body_of(d, &bodies[body], from, lead->terms.max_hops)) {
                return false;
            }
        }
    }
    return report->hop_count == lead->terms.max_hops + 1u &&
           report->hit_count <= lead->terms.hits_max && report->credit <= lead->outstanding;
}

static cg_status keep_letter(cg_distributed *d, dist_letter *letter, const dist_report *report,
                             const cg_reader *reader, cg_error *error) {
    if (report->version <= letter->version) {
        return CG_OK;
    }
    size_t size_bytes = cg_reader_left(reader);
    cg_status status =
        CG_GROW(&d->allocator, letter->bytes, letter->capacity, size_bytes, error);
    if (status == CG_OK) {
        memcpy(letter->bytes, reader->bytes + reader->used_bytes, size_bytes);
        letter->size_bytes = size_bytes;
        letter->accounts_at = report->accounts.used_bytes - reader->used_bytes;
        letter->account_count = report->account_count;
        letter->version = report->version;
    }
    return status;
}

/* The lead of a message, unless it is late or came before. */
static dist_lead *lead_for(cg_distributed *d, const dist_header *header, uint64_t place) {
    uint32_t unused = 0;
    dist_lead *lead = cg_dist_find_lead(d, header->spread);
    if (!lead) {
        d->statistics.late++;
        return NULL;
    }
    if (cg_dist_index_get(&lead->seen, place, &unused)) {
        d->statistics.duplicates++;
        return NULL;
    }
    return lead;
}

static uint64_t seen_place(dist_type type, uint32_t from, uint32_t sequence) {
    return (uint64_t)type << 48 | (uint64_t)from << 32 | sequence;
}

cg_status cg_dist_on_report(cg_distributed *d, const dist_header *header, uint32_t from,
                            cg_reader *reader, cg_error *error) {
    dist_report report;
    cg_reader whole = *reader;
    if (header->coordinator != d->options.host ||
        !cg_dist_read_report(reader, d->options.hosts, &report)) {
        return dist_corrupt(d, "report", from, error);
    }
    uint64_t place = seen_place(DIST_REPORT, from, report.version);
    dist_lead *lead = lead_for(d, header, place);
    if (!lead) {
        return CG_OK;
    }
    if (!check_report(d, lead, from, &report)) {
        return dist_corrupt(d, "report", from, error);
    }
    if (lead->is_gathering) {
        d->statistics.late++;
        return CG_OK;
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    cg_status status = cg_dist_index_put(&lead->seen, &d->allocator, place, 0, error);
    if (status == CG_OK) {
        status = keep_letter(d, &lead->letters[from], &report, &whole, error);
    }
    if (status != CG_OK) {
        return status;
    }
    lead->outstanding -= report.credit;
    return cg_dist_lead_check(d, lead, error);
}

/* --- records that were asked for --- */

static bool check_records(const cg_distributed *d, const dist_lead *lead, uint32_t from,
                          cg_reader reader) {
    uint32_t count = cg_read_u32(&reader);
    uint64_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        dist_body body = {.row = cg_read_u32(&reader)};
        if (!cg_dist_read_body(&reader, &body) ||
            !cg_dist_is_body_of(d, &body, from, lead->terms.max_hops) ||
            dist_place(body.hop, body.row) < next) {
            return false;
        }
        next = dist_place(body.hop, body.row) + 1;
    }
    return !reader.failed && cg_reader_left(&reader) == 0;
}

cg_status cg_dist_on_records(cg_distributed *d, const dist_header *header, uint32_t from,
                             cg_reader *reader, cg_error *error) {
    uint32_t round = cg_read_u32(reader);
    if (header->coordinator != d->options.host || round == 0) {
        return dist_corrupt(d, "answer", from, error);
    }
    dist_lead *lead = cg_dist_find_lead(d, header->spread);
    if (!lead || lead->letters[from].round != round) {
        d->statistics.late++;
        return CG_OK;
    }
    if (!check_records(d, lead, from, *reader)) {
        return dist_corrupt(d, "answer", from, error);
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    lead->letters[from].round = 0;
    lead->asked--;
    uint32_t count = cg_read_u32(reader);
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        dist_body body = {.row = cg_read_u32(reader)};
        cg_dist_read_body(reader, &body);
        status = cg_dist_know(d, lead, &body, error);
    }
    return status == CG_OK && lead->asked == 0 ? go_on(d, lead, error) : status;
}

/* --- credit --- */

cg_status cg_dist_on_borrow(cg_distributed *d, const dist_header *header, uint32_t from,
                            cg_reader *reader, cg_error *error) {
    uint32_t sequence = cg_read_u32(reader);
    if (header->coordinator != d->options.host || sequence == 0 || reader->failed ||
        cg_reader_left(reader) > 0) {
        return dist_corrupt(d, "loan", from, error);
    }
    uint64_t place = seen_place(DIST_BORROW, from, sequence);
    dist_lead *lead = lead_for(d, header, place);
    if (!lead || lead->is_gathering || lead->terms.mode != CG_DISTRIBUTED_ASYNC ||
        lead->grants >= DIST_GRANTS_MAX) {
        return CG_OK;
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    cg_status status = cg_dist_index_put(&lead->seen, &d->allocator, place, 0, error);
    if (status == CG_OK) {
        status = cg_dist_begin(d, header->spread, d->options.host, error);
    }
    if (status == CG_OK) {
        status = cg_dist_room(d, 12, error);
    }
    if (status != CG_OK) {
        return status;
    }
    lead->grants++;
    lead->outstanding += DIST_CREDIT;
    cg_write_u32(&d->writer, sequence);
    cg_write_u64(&d->writer, DIST_CREDIT);
    return cg_dist_send(d, from, DIST_GRANT, error);
}
