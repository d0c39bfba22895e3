/* What a host tells the coordinator: its best rows with their records, its counts, and the mass that
 * went to and fro. */
#include "engine/spread/distributed_internal.h"

enum { REPORT_HEAD_BYTES = 30 + 8 * CG_TIER_LEVELS_MAX };

static uint64_t saturated(uint64_t total) {
    return total < CG_SPREAD_ONE ? total : CG_SPREAD_ONE;
}

/* The best rows into d->orders, by (answer descending, row); masses by hop. */
static cg_status rank_rows(cg_distributed *d, dist_part *part, uint32_t *count,
                           cg_error *error) {
    uint32_t most =
        part->terms.hits_max < part->row_count ? part->terms.hits_max : part->row_count;
    cg_status status = CG_GROW(&d->allocator, d->orders, d->order_capacity, most, error);
    *count = 0;
    for (uint32_t hop = 0; hop < DIST_HOPS; hop++) {
        part->hops[hop].mass = 0;
        part->hops[hop].answered = 0;
    }
    for (uint32_t i = 0; i < part->record_count && status == CG_OK; i++) {
        if (!(part->records[i].flags & DIST_FIRST)) {
            continue;
        }
        uint64_t total = 0;
        for (uint32_t at = i; at != CG_SPREAD_NONE; at = part->records[at].next) {
            const dist_record *record = &part->records[at];
            uint64_t sum = dist_add(total, record->level);
            uint64_t answered = (saturated(sum) - saturated(total)) >> DIST_MASS_SHIFT;
            dist_hop *hop = &part->hops[record->hop];
            hop->mass = dist_add(hop->mass, dist_mass(record->level));
            hop->answered = dist_add(hop->answered, answered);
            total = sum;
        }
        cg_dist_offer(
            d->orders, count, most,
            (dist_order){.key = ~saturated(total), .tie = part->records[i].row, .value = i});
    }
    if (status == CG_OK) {
        cg_dist_sort(d->orders, *count);
    }
    return status;
}

static cg_status write_head(cg_distributed *d, dist_part *part, cg_error *error) {
    cg_status status =
        cg_dist_room(d, REPORT_HEAD_BYTES + (size_t)DIST_HOPS * DIST_HOP_BYTES, error);
    if (status != CG_OK) {
        return status;
    }
    cg_writer *writer = &d->writer;
    cg_write_u32(writer, ++part->version);
    cg_write_u64(writer, part->credit);
    part->credit = 0;
    cg_write_u8(writer, part->is_cut ? 1 : 0);
    cg_write_u32(writer, part->row_count);
    cg_write_u32(writer, part->record_count);
    cg_write_u64(writer, part->faded);
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        cg_write_u64(writer, part->tier_visits[tier]);
    }
    uint8_t hops = (uint8_t)(part->terms.max_hops + 1);
    cg_write_u8(writer, hops);
    for (uint32_t hop = 0; hop < hops; hop++) {
        cg_dist_write_hop(writer, &part->hops[hop]);
    }
    return CG_OK;
}

static dist_account account_of(const cg_distributed *d, const dist_part *part, uint32_t host,
                               uint32_t hop) {
    const dist_tally *tally = &part->tallies[(size_t)hop * d->options.hosts + host];
    return (dist_account){
        .sent = tally->sent, .received = tally->received, .peer = host, .hop = (uint8_t)hop};
}

static cg_status write_accounts(cg_distributed *d, const dist_part *part, cg_error *error) {
    uint32_t count = 0;
    for (uint32_t place = 0; place < part->tally_hops * d->options.hosts; place++) {
        count += part->tallies[place].sent != 0 || part->tallies[place].received != 0;
    }
    cg_status status = cg_dist_room(d, 4 + (size_t)count * DIST_ACCOUNT_BYTES, error);
    if (status != CG_OK) {
        return status;
    }
    cg_write_u32(&d->writer, count);
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        for (uint32_t hop = 0; hop < part->tally_hops; hop++) {
            dist_account account = account_of(d, part, host, hop);
            if (account.sent != 0 || account.received != 0) {
                cg_dist_write_account(&d->writer, &account);
            }
        }
    }
    return CG_OK;
}

static cg_status write_hits(cg_distributed *d, const dist_part *part, uint32_t count,
                            cg_error *error) {
    cg_status status = cg_dist_room(d, 4, error);
    cg_write_u32(&d->writer, count);
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        uint32_t first = d->orders[i].value;
        uint8_t bodies = 0;
        for (uint32_t at = first; at != CG_SPREAD_NONE; at = part->records[at].next) {
            bodies++;
        }
        status = cg_dist_room(d, 5 + (size_t)bodies * DIST_BODY_BYTES, error);
        if (status != CG_OK) {
            return status;
        }
        cg_write_u32(&d->writer, part->records[first].row);
        cg_write_u8(&d->writer, bodies);
        for (uint32_t at = first; at != CG_SPREAD_NONE; at = part->records[at].next) {
            dist_body body = cg_dist_body_of(&part->records[at]);
            cg_dist_write_body(&d->writer, &body);
        }
    }
    return status;
}

cg_status cg_dist_send_report(cg_distributed *d, dist_part *part, cg_error *error) {
    uint32_t hits = 0;
    cg_status status = rank_rows(d, part, &hits, error);
    if (status == CG_OK) {
        status = cg_dist_begin(d, part->spread, part->coordinator, error);
    }
    if (status == CG_OK) {
        status = write_head(d, part, error);
    }
    if (status == CG_OK) {
        status = write_accounts(d, part, error);
    }
    if (status == CG_OK) {
        status = write_hits(d, part, hits, error);
    }
    return status == CG_OK ? cg_dist_send(d, part->coordinator, DIST_REPORT, error) : status;
}
