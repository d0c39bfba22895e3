/* Messages to a host's part of a spread. Each is checked whole before anything changes. */
#include <string.h>

#include "engine/spread/distributed_internal.h"

/* --- START --- */

typedef struct dist_start {
    dist_terms terms;
    uint64_t credit;
    const uint8_t *active;
    cg_reader seeds;
    uint32_t seed_count;
} dist_start;

static bool read_start(const cg_distributed *d, cg_reader *reader, dist_start *start) {
    uint32_t hosts = d->options.hosts;
    if (!cg_dist_read_terms(reader, &start->terms)) {
        return false;
    }
    start->credit = cg_read_u64(reader);
    start->active = cg_read_bytes(reader, (hosts + 7) / 8);
    start->seed_count = cg_read_u32(reader);
    start->seeds = *reader;
    uint64_t next = 0;
    for (uint32_t i = 0; i < start->seed_count; i++) {
        dist_seed seed;
        if (!cg_dist_read_seed(reader, &seed) || seed.row < next || seed.row >= d->rows ||
            cg_dist_owner(d, seed.row) != d->options.host) {
            return false;
        }
        next = (uint64_t)seed.row + 1;
    }
    return !reader->failed && cg_reader_left(reader) == 0 && start->credit <= DIST_CREDIT;
}

/* The part of a message's spread, a new one where there is none; NULL: it is to be ignored. */
static cg_status part_for(cg_distributed *d, const dist_header *header, dist_part **part,
                          cg_error *error) {
    *part = NULL;
    if (cg_dist_has_ended(d, header->spread)) {
        d->statistics.late++;
        return CG_OK;
    }
    *part = cg_dist_find_part(d, header->spread);
    if (!*part) {
        return cg_dist_take_part(d, header, part, error);
    }
    if ((*part)->coordinator != header->coordinator) {
        *part = NULL;
    }
    return CG_OK;
}

static void set_terms(cg_distributed *d, dist_part *part, const dist_terms *terms) {
    if (!part->has_terms) {
        part->has_terms = true;
        part->terms = *terms;
        part->began_ns = d->now_ns;
        part->expires_ns = d->now_ns + 2 * terms->timeout_ns;
    }
}

static cg_status add_seeds(cg_distributed *d, dist_part *part, const dist_start *start,
                           uint32_t from, cg_error *error) {
    dist_tally *tally = NULL;
    cg_status status = cg_dist_tally(d, part, 0, from, &tally, error);
    cg_reader reader = start->seeds;
    for (uint32_t i = 0; i < start->seed_count && status == CG_OK; i++) {
        dist_seed seed = {0};
        dist_record *record = NULL;
        cg_dist_read_seed(&reader, &seed);
        status = cg_dist_add(d, part, dist_place(0, seed.row), seed.level, &record, error);
        if (record) {
            cg_dist_keep(&record->strongest, seed.strongest, CG_SPREAD_NONE, 0);
            tally->received = dist_add(tally->received, dist_mass(seed.level));
        }
    }
    return status;
}

cg_status cg_dist_on_start(cg_distributed *d, const dist_header *header, uint32_t from,
                           cg_reader *reader, cg_error *error) {
    dist_start start;
    if (from != header->coordinator || !read_start(d, reader, &start)) {
        return dist_corrupt(d, "start", from, error);
    }
    dist_part *part = NULL;
    cg_status status = part_for(d, header, &part, error);
    if (status != CG_OK || !part) {
        return status;
    }
    if (part->has_start) {
        d->statistics.duplicates++;
        return CG_OK;
    }
    if (part->has_terms && part->terms.mode != start.terms.mode) {
        return dist_corrupt(d, "start", from, error);
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    set_terms(d, part, &start.terms);
    part->has_start = true;
    part->credit += start.credit;
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        bool is_active = (start.active[host / 8] >> (host % 8) & 1) != 0;
        part->hosts[host] |= (uint8_t)(is_active ? DIST_HOST_ACTIVE : 0);
    }
    status = add_seeds(d, part, &start, from, error);
    return status == CG_OK ? cg_dist_go(d, part, true, error) : status;
}

/* --- PASS --- */

typedef struct dist_pass {
    dist_terms terms; /* async */
    uint64_t credit;  /* async */
    uint64_t edges;   /* exact */
    cg_reader sections;
    uint32_t sequence;
    uint32_t messages; /* exact */
    uint8_t mode;
    uint8_t hop; /* exact */
} dist_pass;

static bool check_section(const cg_distributed *d, cg_reader *reader, uint32_t from,
                          uint32_t *count) {
    *count = cg_read_u32(reader);
    uint64_t next = 0;
    for (uint32_t i = 0; i < *count; i++) {
        dist_entry entry;
        if (!cg_dist_read_entry(reader, &entry) || entry.row < next || entry.row >= d->rows ||
            cg_dist_owner(d, entry.row) != d->options.host) {
            return false;
        }
        for (uint32_t kept = 0; kept < cg_dist_kept(&entry.strongest); kept++) {
            uint32_t source = entry.strongest.sources[kept];
            if (source >= d->rows || cg_dist_owner(d, source) != from) {
                return false;
            }
        }
        next = (uint64_t)entry.row + 1;
    }
    return *count > 0 && !reader->failed;
}

static bool check_sections(const cg_distributed *d, cg_reader reader, uint32_t from,
                           const dist_pass *pass) {
    uint32_t last = 0;
    while (cg_reader_left(&reader) > 0) {
        uint32_t hop = cg_read_u8(&reader);
        uint32_t count = 0;
        bool is_exact = pass->mode == CG_DISTRIBUTED_EXACT;
        if (hop <= last || hop > (is_exact ? CG_SPREAD_HOPS_MAX : pass->terms.max_hops) ||
            (is_exact && hop != pass->hop) || !check_section(d, &reader, from, &count)) {
            return false;
        }
        last = hop;
    }
    return !reader.failed;
}

static bool read_pass(const cg_distributed *d, cg_reader *reader, uint32_t from,
                      dist_pass *pass) {
    *pass = (dist_pass){.mode = cg_read_u8(reader)};
    pass->sequence = cg_read_u32(reader);
    if (pass->mode == CG_DISTRIBUTED_EXACT) {
        pass->hop = cg_read_u8(reader);
        pass->messages = cg_read_u32(reader);
        pass->edges = cg_read_u64(reader);
        if (pass->hop < 1 || pass->hop > CG_SPREAD_HOPS_MAX || pass->messages < 1 ||
            pass->edges > CG_SPREAD_LEVEL_MAX) {
            return false;
        }
    } else {
        if (!cg_dist_read_terms(reader, &pass->terms) ||
            pass->terms.mode != CG_DISTRIBUTED_ASYNC) {
            return false;
        }
        pass->credit = cg_read_u64(reader);
    }
    pass->sections = *reader;
    return !reader->failed && pass->mode < CG_DISTRIBUTED_MODE_COUNT && pass->sequence >= 1 &&
           pass->credit <= DIST_CREDIT && check_sections(d, *reader, from, pass);
}

/* Contributions to hops that are over here are late: they count as lost. */
static cg_status add_sections(cg_distributed *d, dist_part *part, uint32_t from,
                              cg_reader reader, cg_error *error) {
    cg_status status = CG_OK;
    while (status == CG_OK && cg_reader_left(&reader) > 0) {
        uint32_t hop = cg_read_u8(&reader);
        uint32_t count = cg_read_u32(&reader);
        bool is_late = part->is_done || hop <= part->closed ||
                       (part->has_terms && hop > part->terms.max_hops);
        dist_tally *tally = NULL;
        status = cg_dist_tally(d, part, hop, from, &tally, error);
        for (uint32_t i = 0; i < count && status == CG_OK; i++) {
            dist_entry entry;
            dist_record *record = NULL;
            cg_dist_read_entry(&reader, &entry);
            if (is_late) {
                d->statistics.late++;
                continue;
            }
            status =
                cg_dist_add(d, part, dist_place(hop, entry.row), entry.sum, &record, error);
            if (!record) {
                continue;
            }
            tally->received = dist_add(tally->received, dist_mass(entry.sum));
            for (uint32_t kept = 0; kept < cg_dist_kept(&entry.strongest); kept++) {
                cg_dist_keep(&record->strongest, entry.strongest.amounts[kept],
                             entry.strongest.sources[kept], entry.strongest.tiers[kept]);
            }
        }
    }
    return status;
}

/* A message of the wrong kind for what is known of the spread. */
static bool is_strange(const cg_distributed *d, const dist_part *part, uint32_t from,
                       const dist_pass *pass) {
    if (part->has_terms && part->terms.mode != pass->mode) {
        return true;
    }
    if (pass->mode != CG_DISTRIBUTED_EXACT || pass->hop >= part->tally_hops) {
        return false;
    }
    const dist_tally *tally = &part->tallies[(size_t)pass->hop * d->options.hosts + from];
    return tally->of != 0 && (tally->of != pass->messages || tally->got >= tally->of);
}

static cg_status count_exact(cg_distributed *d, dist_part *part, uint32_t from,
                             const dist_pass *pass, cg_error *error) {
    dist_tally *tally = NULL;
    cg_status status = cg_dist_tally(d, part, pass->hop, from, &tally, error);
    if (status == CG_OK) {
        part->peer_edges[pass->hop] = tally->of
                                          ? part->peer_edges[pass->hop]
                                          : dist_add(part->peer_edges[pass->hop], pass->edges);
        tally->of = pass->messages;
        tally->got++;
    }
    return status;
}

cg_status cg_dist_on_pass(cg_distributed *d, const dist_header *header, uint32_t from,
                          cg_reader *reader, cg_error *error) {
    dist_pass pass;
    uint32_t unused = 0;
    if (from == d->options.host || !read_pass(d, reader, from, &pass)) {
        return dist_corrupt(d, "contributions", from, error);
    }
    dist_part *part = NULL;
    cg_status status = part_for(d, header, &part, error);
    if (status != CG_OK || !part) {
        return status;
    }
    uint64_t place = (uint64_t)from << 32 | pass.sequence;
    if (cg_dist_index_get(&part->seen, place, &unused)) {
        d->statistics.duplicates++;
        return CG_OK;
    }
    if (is_strange(d, part, from, &pass)) {
        return dist_corrupt(d, "contributions", from, error);
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    status = cg_dist_index_put(&part->seen, &d->allocator, place, 0, error);
    if (status == CG_OK && pass.mode == CG_DISTRIBUTED_EXACT) {
        status = count_exact(d, part, from, &pass, error);
    } else if (status == CG_OK) {
        set_terms(d, part, &pass.terms);
        part->credit += pass.credit;
    }
    part->hosts[from] |= DIST_HOST_HEARD;
    if (status == CG_OK) {
        status = add_sections(d, part, from, pass.sections, error);
    }
    return status == CG_OK ? cg_dist_go(d, part, false, error) : status;
}

/* --- ASK and GRANT --- */

static bool check_ask(const cg_distributed *d, cg_reader reader) {
    uint32_t count = cg_read_u32(&reader);
    uint64_t next = 0;
    for (uint32_t i = 0; i < count && !reader.failed; i++) {
        uint32_t hop = cg_read_u8(&reader);
        uint64_t place = dist_place(hop, cg_read_u32(&reader));
        if (hop >= DIST_HOPS || place < next || (uint32_t)place >= d->rows) {
            return false;
        }
        next = place + 1;
    }
    return !reader.failed && cg_reader_left(&reader) == 0;
}

cg_status cg_dist_on_ask(cg_distributed *d, const dist_header *header, cg_reader *reader,
                         cg_error *error) {
    uint32_t round = cg_read_u32(reader);
    if (round == 0 || !check_ask(d, *reader)) {
        return dist_corrupt(d, "question", header->coordinator, error);
    }
    const dist_part *part = cg_dist_find_part(d, header->spread);
    if (!part || part->coordinator != header->coordinator) {
        d->statistics.late++;
        return CG_OK;
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    uint32_t wanted = cg_read_u32(reader);
    cg_status status = cg_dist_begin(d, header->spread, header->coordinator, error);
    if (status == CG_OK) {
        status = cg_dist_room(d, 8 + (size_t)wanted * (4 + DIST_BODY_BYTES), error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_write_u32(&d->writer, round);
    cg_writer count_at = cg_writer_init(d->writer.bytes + d->writer.used_bytes, 4);
    cg_write_u32(&d->writer, 0);
    uint32_t count = 0;
    for (uint32_t i = 0; i < wanted; i++) {
        uint32_t hop = cg_read_u8(reader);
        const dist_record *record = cg_dist_record_at(part, hop, cg_read_u32(reader));
        if (record) {
            dist_body body = cg_dist_body_of(record);
            cg_write_u32(&d->writer, body.row);
            cg_dist_write_body(&d->writer, &body);
            count++;
        }
    }
    cg_write_u32(&count_at, count);
    return cg_dist_send(d, header->coordinator, DIST_RECORDS, error);
}

cg_status cg_dist_on_grant(cg_distributed *d, const dist_header *header, cg_reader *reader,
                           cg_error *error) {
    uint32_t sequence = cg_read_u32(reader);
    uint64_t credit = cg_read_u64(reader);
    if (reader->failed || cg_reader_left(reader) > 0 || credit > DIST_CREDIT || sequence == 0) {
        return dist_corrupt(d, "grant", header->coordinator, error);
    }
    dist_part *part = cg_dist_find_part(d, header->spread);
    if (!part || part->coordinator != header->coordinator || !part->is_borrowing ||
        part->borrowed != sequence) {
        d->statistics.late++;
        return CG_OK;
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    part->is_borrowing = false;
    part->credit += credit;
    return cg_dist_go(d, part, true, error);
}
