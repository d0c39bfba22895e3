/* A host's part of a spread: its slot, its records, and what went to and fro. */
#include <string.h>

#include "engine/spread/distributed_internal.h"

enum { KEPT_RECORDS = 65536 }; /* that a free slot keeps room for */

static bool has_free(const cg_distributed *d) {
    return d->parts_used < d->part_count;
}

static cg_status new_slot(cg_distributed *d, cg_error *error) {
    cg_status status =
        CG_GROW(&d->allocator, d->parts, d->part_capacity, d->part_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    dist_part *part = cg_allocate(&d->allocator, 1, sizeof *part);
    if (!part) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of a spread over hosts", sizeof *part);
    }
    d->parts[d->part_count++].part = part;
    return CG_OK;
}

static uint32_t free_slot(const cg_distributed *d) {
    uint32_t slot = 0;
    while (d->parts[slot].part->is_used) {
        slot++;
    }
    return slot;
}

/* Room for what has an entry a host. */
static cg_status reserve_hosts(cg_distributed *d, dist_part *part, cg_error *error) {
    uint32_t hosts = d->options.hosts;
    cg_status status = CG_GROW(&d->allocator, part->hosts, part->host_capacity, hosts, error);
    if (status == CG_OK) {
        status = CG_GROW(&d->allocator, part->sequences, part->sequence_capacity, hosts, error);
    }
    if (status == CG_OK) {
        memset(part->hosts, 0, hosts);
        memset(part->sequences, 0, hosts * sizeof *part->sequences);
    }
    return status;
}

cg_status cg_dist_take_part(cg_distributed *d, const dist_header *header, dist_part **out,
                            cg_error *error) {
    *out = NULL;
    if (d->parts_used >= d->options.spreads_max) {
        return CG_OK;
    }
    cg_status status = has_free(d) ? CG_OK : new_slot(d, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t slot = free_slot(d);
    dist_part *part = d->parts[slot].part;
    status = reserve_hosts(d, part, error);
    if (status == CG_OK) {
        status = cg_table_put(d->part_slots, header->spread, slot, error);
    }
    if (status != CG_OK) {
        return status;
    }
    part->slot = slot;
    part->spread = header->spread;
    part->coordinator = header->coordinator;
    part->began_ns = d->now_ns;
    part->expires_ns = d->now_ns + DIST_ORPHAN_NS;
    part->is_used = true;
    for (uint32_t hop = 0; hop < DIST_HOPS; hop++) {
        part->due[hop] = CG_SPREAD_NONE;
    }
    d->parts_used++;
    *out = part;
    return cg_dist_arm(d, &part->armed_ns, 2 * slot, part->expires_ns, error);
}

static void free_records(const cg_distributed *d, dist_part *part) {
    cg_deallocate(&d->allocator, part->records, part->record_capacity, sizeof *part->records);
    cg_dist_index_free(&part->index, &d->allocator);
    part->records = NULL;
    part->record_capacity = 0;
}

/* The slot keeps its arrays, unless they are very large. */
void cg_dist_give_part(cg_distributed *d, dist_part *part) {
    if (part->record_capacity > KEPT_RECORDS) {
        free_records(d, part);
    }
    cg_dist_index_clear(&part->index);
    cg_dist_index_clear(&part->seen);
    cg_table_remove(d->part_slots, part->spread);
    *part = (dist_part){
        .records = part->records,
        .record_capacity = part->record_capacity,
        .index = part->index,
        .seen = part->seen,
        .hosts = part->hosts,
        .host_capacity = part->host_capacity,
        .sequences = part->sequences,
        .sequence_capacity = part->sequence_capacity,
        .tallies = part->tallies,
        .tally_capacity = part->tally_capacity,
    };
    d->parts_used--;
}

void cg_dist_free_part(const cg_distributed *d, dist_part *part) {
    free_records(d, part);
    cg_dist_index_free(&part->seen, &d->allocator);
    cg_deallocate(&d->allocator, part->hosts, part->host_capacity, 1);
    cg_deallocate(&d->allocator, part->sequences, part->sequence_capacity,
                  sizeof *part->sequences);
    cg_deallocate(&d->allocator, part->tallies, part->tally_capacity, sizeof *part->tallies);
    cg_deallocate(&d->allocator, part, 1, sizeof *part);
}

uint64_t cg_dist_part_bytes(const dist_part *part) {
    return sizeof *part + part->record_capacity * sizeof *part->records +
           (part->index.capacity + part->seen.capacity) * sizeof(dist_slot) +
           part->host_capacity + part->sequence_capacity * sizeof *part->sequences +
           part->tally_capacity * sizeof *part->tallies;
}

/* --- records --- */

/* The row's record of that hop; *before: that of the hop before it, or CG_SPREAD_NONE. */
static uint32_t find(const dist_part *part, uint32_t first, uint32_t hop, uint32_t *before) {
    *before = CG_SPREAD_NONE;
    while (first != CG_SPREAD_NONE && part->records[first].hop < hop) {
        *before = first;
        first = part->records[first].next;
    }
    return first != CG_SPREAD_NONE && part->records[first].hop == hop ? first : CG_SPREAD_NONE;
}

static uint32_t first_of(const dist_part *part, uint32_t row) {
    uint32_t first = CG_SPREAD_NONE;
    return cg_dist_index_get(&part->index, row, &first) ? first : CG_SPREAD_NONE;
}

const dist_record *cg_dist_record_at(const dist_part *part, uint32_t hop, uint32_t row) {
    uint32_t before = 0;
    uint32_t number = find(part, first_of(part, row), hop, &before);
    return number == CG_SPREAD_NONE ? NULL : &part->records[number];
}

dist_body cg_dist_body_of(const dist_record *record) {
    return (dist_body){.strongest = record->strongest,
                       .level = record->level,
                       .row = record->row,
                       .hop = record->hop,
                       .tier = record->tier};
}

/* A record of a row that has none of that hop. */
static cg_status new_record(cg_distributed *d, dist_part *part, uint32_t hop, uint32_t row,
                            uint32_t *number, cg_error *error) {
    cg_status status = CG_GROW(&d->allocator, part->records, part->record_capacity,
                               part->record_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t before = CG_SPREAD_NONE;
    uint32_t next = first_of(part, row);
    part->row_count += next == CG_SPREAD_NONE;
    find(part, next, hop, &before);
    *number = part->record_count++;
    if (before == CG_SPREAD_NONE) {
        status = cg_dist_index_put(&part->index, &d->allocator, row, *number, error);
        if (next != CG_SPREAD_NONE) {
            part->records[next].flags &= (uint8_t)~DIST_FIRST;
        }
    } else {
        next = part->records[before].next;
        part->records[before].next = *number;
    }
    part->records[*number] = (dist_record){.row = row,
                                           .hop = (uint8_t)hop,
                                           .next = next,
                                           .next_due = CG_SPREAD_NONE,
                                           .flags = before == CG_SPREAD_NONE ? DIST_FIRST : 0};
    part->hops[hop].reached++;
    return status;
}

cg_status cg_dist_add(cg_distributed *d, dist_part *part, uint64_t place, uint64_t sum,
                      dist_record **out, cg_error *error) {
    uint32_t hop = (uint32_t)(place >> 32);
    uint32_t row = (uint32_t)place;
    uint32_t before = 0;
    uint32_t number = find(part, first_of(part, row), hop, &before);
    *out = NULL;
    if (number == CG_SPREAD_NONE) {
        if (part->record_count >= d->options.records_max) {
            part->is_cut = true;
            return CG_OK;
        }
        cg_status status = new_record(d, part, hop, row, &number, error);
        if (status != CG_OK) {
            return status;
        }
    }
    dist_record *record = &part->records[number];
    record->level = dist_add(record->level, sum);
    if (!(record->flags & DIST_DUE)) {
        record->flags |= DIST_DUE;
        record->next_due = part->due[hop];
        part->due[hop] = number;
    }
    *out = record;
    return CG_OK;
}

/* --- tallies --- */

cg_status cg_dist_tally(cg_distributed *d, dist_part *part, uint32_t hop, uint32_t host,
                        dist_tally **tally, cg_error *error) {
    size_t hosts = d->options.hosts;
    if (hop >= part->tally_hops) {
        cg_status status = CG_GROW(&d->allocator, part->tallies, part->tally_capacity,
                                   (hop + 1) * hosts, error);
        if (status != CG_OK) {
            return status;
        }
        memset(part->tallies + part->tally_hops * hosts, 0,
               (hop + 1 - part->tally_hops) * hosts * sizeof *part->tallies);
        part->tally_hops = hop + 1;
    }
    *tally = &part->tallies[hop * hosts + host];
    return CG_OK;
}
