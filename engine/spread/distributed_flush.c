/* What a host passed on to others goes out: sorted, cut into messages, counted. */
#include "engine/spread/distributed_internal.h"

enum { PASS_HEAD_BYTES = 32, SECTION_BYTES = 5 };

/* d->orders: d->outs by (host, hop, row). */
static cg_status sort_outs(cg_distributed *d, cg_error *error) {
    cg_status status =
        CG_GROW(&d->allocator, d->orders, d->order_capacity, d->out_count, error);
    for (uint32_t i = 0; i < d->out_count && status == CG_OK; i++) {
        const dist_out *out = &d->outs[i];
        d->orders[i] = (dist_order){
            .key = (uint64_t)out->host << 8 | out->hop, .tie = out->entry.row, .value = i};
    }
    if (status == CG_OK) {
        cg_dist_sort(d->orders, d->out_count);
    }
    return status;
}

static const dist_out *out_at(const cg_distributed *d, uint32_t place) {
    return &d->outs[d->orders[place].value];
}

/* The end of what goes to the host of that place. */
static uint32_t end_of_host(const cg_distributed *d, uint32_t place) {
    uint32_t end = place;
    while (end < d->out_count && out_at(d, end)->host == out_at(d, place)->host) {
        end++;
    }
    return end;
}

static uint32_t per_message(const cg_distributed *d) {
    return d->options.message_bytes_max / DIST_ENTRY_BYTES;
}

static uint32_t messages_of(const cg_distributed *d, uint32_t entries) {
    return (entries + per_message(d) - 1) / per_message(d);
}

static cg_status account(cg_distributed *d, dist_part *part, cg_error *error) {
    for (uint32_t i = 0; i < d->out_count; i++) {
        const dist_out *out = out_at(d, i);
        dist_tally *tally = NULL;
        cg_status status = cg_dist_tally(d, part, out->hop, out->host, &tally, error);
        if (status != CG_OK) {
            return status;
        }
        tally->sent = dist_add(tally->sent, dist_mass(out->entry.sum));
    }
    return CG_OK;
}

/* Entries from..end, in a section a hop. */
static void write_sections(cg_distributed *d, uint32_t from, uint32_t end) {
    while (from < end) {
        uint8_t hop = out_at(d, from)->hop;
        uint32_t last = from;
        while (last < end && out_at(d, last)->hop == hop) {
            last++;
        }
        cg_write_u8(&d->writer, hop);
        cg_write_u32(&d->writer, last - from);
        for (; from < last; from++) {
            cg_dist_write_entry(&d->writer, &out_at(d, from)->entry);
        }
    }
}

static cg_status begin_pass(cg_distributed *d, dist_part *part, uint32_t to, uint32_t entries,
                            cg_error *error) {
    cg_status status = cg_dist_begin(d, part->spread, part->coordinator, error);
    if (status == CG_OK) {
        status = cg_dist_room(d,
                              PASS_HEAD_BYTES + DIST_TERMS_BYTES + DIST_HOPS * SECTION_BYTES +
                                  (size_t)entries * DIST_ENTRY_BYTES,
                              error);
    }
    if (status == CG_OK) {
        cg_write_u8(&d->writer, part->terms.mode);
        cg_write_u32(&d->writer, ++part->sequences[to]);
    }
    return status;
}

/* All of a hop to one host: places from..end, perhaps none. */
static cg_status send_hop(cg_distributed *d, dist_part *part, uint32_t hop, uint32_t to,
                          dist_span span, cg_error *error) {
    uint32_t from = span.from;
    uint32_t end = span.end;
    uint32_t messages = end > from ? messages_of(d, end - from) : 1;
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < messages && status == CG_OK; i++) {
        uint32_t count = end - from < per_message(d) ? end - from : per_message(d);
        status = begin_pass(d, part, to, count, error);
        if (status == CG_OK) {
            cg_write_u8(&d->writer, (uint8_t)hop);
            cg_write_u32(&d->writer, messages);
            cg_write_u64(&d->writer, part->hops[hop].edges);
            write_sections(d, from, from + count);
            status = cg_dist_send(d, to, DIST_PASS, error);
        }
        from += count;
    }
    return status;
}

/* To each host: those that nothing goes to are told so. */
static cg_status flush_exact(cg_distributed *d, dist_part *part, uint32_t hop,
                             cg_error *error) {
    uint32_t place = 0;
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        uint32_t from = place;
        if (from < d->out_count && out_at(d, from)->host == host) {
            place = end_of_host(d, from);
        }
        if (host == d->options.host || !cg_dist_reachable(d, host)) {
            continue;
        }
        cg_status status = send_hop(d, part, hop, host, (dist_span){from, place}, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

/* Each message takes an equal share of the credit, and as much stays here. */
static cg_status flush_async(cg_distributed *d, dist_part *part, cg_error *error) {
    uint64_t messages = 0;
    for (uint32_t i = 0; i < d->out_count; i = end_of_host(d, i)) {
        messages += cg_dist_reachable(d, out_at(d, i)->host)
                        ? messages_of(d, end_of_host(d, i) - i)
                        : 0;
    }
    uint64_t share = part->credit / (messages + 1);
    CG_ASSERT(share > 0 || messages == 0);
    for (uint32_t i = 0; i < d->out_count;) {
        uint32_t host = out_at(d, i)->host;
        uint32_t end = end_of_host(d, i);
        bool is_reachable = cg_dist_reachable(d, host);
        for (; is_reachable && i < end;) {
            uint32_t count = end - i < per_message(d) ? end - i : per_message(d);
            cg_status status = begin_pass(d, part, host, count, error);
            if (status == CG_OK) {
                cg_dist_write_terms(&d->writer, &part->terms);
                cg_write_u64(&d->writer, share);
                write_sections(d, i, i + count);
                part->credit -= share;
                status = cg_dist_send(d, host, DIST_PASS, error);
            }
            if (status != CG_OK) {
                return status;
            }
            i += count;
        }
        i = end;
    }
    return CG_OK;
}

cg_status cg_dist_flush(cg_distributed *d, dist_part *part, uint32_t hop, cg_error *error) {
    cg_status status = sort_outs(d, error);
    if (status == CG_OK) {
        status = account(d, part, error);
    }
    if (status == CG_OK) {
        status = part->terms.mode == CG_DISTRIBUTED_EXACT ? flush_exact(d, part, hop, error)
                                                          : flush_async(d, part, error);
    }
    d->out_count = 0;
    cg_dist_index_clear(&d->out_places);
    return status;
}
