/* A host's spreads over hosts: life, messages in and out, timers. What the messages are about is in
 * distributed_take.c and distributed_go.c (a host's part), distributed_fire.c (passing on),
 * distributed_lead.c, distributed_gather.c and distributed_answer.c (the coordinator).
 *
 * What is sent to this host itself waits in a queue until the call's own work is done, and is worked
 * off before the call returns: nothing re-enters.
 */
#include <string.h>

#include "engine/spread/distributed_internal.h"

enum { MESSAGE_BYTES_MIN = 1024, MESSAGE_BYTES_MAX = 1 << 26, SPREADS_MAX = 65536 };
#define RECORDS_MAX (UINT32_C(1) << 30)

cg_distributed_query cg_distributed_query_default(void) {
    return (cg_distributed_query){
        .spread = cg_spread_query_default(), .timeout_ns = 1000000000, .window_ns = 100000};
}

cg_distributed_options cg_distributed_options_default(void) {
    return (cg_distributed_options){
        .hosts = 1, .message_bytes_max = 65536, .spreads_max = 4096, .records_max = 1u << 24};
}

/* --- life --- */

static cg_status check_options(const cg_distributed_options *options, cg_error *error) {
    if (options->hosts < 1 || options->hosts > CG_DISTRIBUTED_HOSTS_MAX ||
        options->host >= options->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "host %u of %u spreads; hosts must be 1..%d, and host below that",
                            options->host, options->hosts, CG_DISTRIBUTED_HOSTS_MAX);
    }
    if (!options->graph || (!options->owners && !options->owner) || !options->finished ||
        !options->port.send || !options->port.timer) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "spreading over hosts needs a graph, owners, a port and somebody to "
            "give results to");
    }
    if (options->message_bytes_max < MESSAGE_BYTES_MIN ||
        options->message_bytes_max > MESSAGE_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "spreading with message_bytes_max %u; it must be %d..%d",
                            options->message_bytes_max, MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX);
    }
    if (options->spreads_max < 1 || options->spreads_max > SPREADS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "spreading with spreads_max %u; it must be 1..%d",
                            options->spreads_max, SPREADS_MAX);
    }
    if (options->records_max < 1 || options->records_max > RECORDS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "spreading with records_max %u; it must be 1..%u",
                            options->records_max, RECORDS_MAX);
    }
    return CG_OK;
}

cg_status cg_distributed_alloc(const cg_distributed_options *options, cg_allocator allocator,
                               cg_distributed **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_distributed *d = cg_allocate(&allocator, 1, sizeof *d);
    if (!d) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes to spread over hosts", sizeof *d);
    }
    d->allocator = allocator;
    d->options = *options;
    d->hooks = options->hooks ? *options->hooks : (cg_spread_tiers){0};
    d->rows = cg_graph_concept_count(options->graph);
    status = cg_table_alloc(allocator, &d->part_slots, error);
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &d->lead_slots, error);
    }
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &d->ended_places, error);
    }
    if (status == CG_OK) {
        status = cg_spread_scratch_alloc(allocator, &d->judge, error);
    }
    if (status != CG_OK) {
        cg_distributed_free(d);
        return status;
    }
    *out = d;
    return CG_OK;
}

void cg_distributed_free(cg_distributed *d) {
    if (!d) {
        return;
    }
    cg_allocator allocator = d->allocator;
    for (uint32_t i = 0; i < d->part_count; i++) {
        cg_dist_free_part(d, d->parts[i].part);
    }
    for (uint32_t i = 0; i < d->lead_count; i++) {
        cg_dist_free_lead(d, d->leads[i].lead);
    }
    cg_deallocate(&allocator, d->parts, d->part_capacity, sizeof *d->parts);
    cg_deallocate(&allocator, d->leads, d->lead_capacity, sizeof *d->leads);
    cg_table_free(d->part_slots);
    cg_table_free(d->lead_slots);
    cg_table_free(d->ended_places);
    cg_deallocate(&allocator, d->queue, d->queue_capacity, sizeof *d->queue);
    cg_deallocate(&allocator, d->queue_bytes, d->queue_bytes_capacity, 1);
    cg_deallocate(&allocator, d->buffer, d->buffer_capacity, 1);
    cg_deallocate(&allocator, d->orders, d->order_capacity, sizeof *d->orders);
    cg_deallocate(&allocator, d->firings, d->firing_capacity, sizeof *d->firings);
    cg_deallocate(&allocator, d->outs, d->out_capacity, sizeof *d->outs);
    cg_dist_index_free(&d->out_places, &allocator);
    cg_deallocate(&allocator, d->missing, d->missing_capacity, sizeof *d->missing);
    cg_spread_scratch_free(d->judge);
    cg_deallocate(&allocator, d, 1, sizeof *d);
}

/* --- who --- */

uint32_t cg_dist_owner(const cg_distributed *d, uint32_t row) {
    return d->options.owners ? d->options.owners[row]
                             : d->options.owner(d->options.owner_context, row);
}

bool cg_dist_reachable(const cg_distributed *d, uint32_t host) {
    return host == d->options.host || !d->options.reachable ||
           d->options.reachable(d->options.reachable_context, host);
}

dist_part *cg_dist_find_part(const cg_distributed *d, uint64_t spread) {
    uint64_t slot = 0;
    return cg_table_get(d->part_slots, spread, &slot) ? d->parts[slot].part : NULL;
}

dist_lead *cg_dist_find_lead(const cg_distributed *d, uint64_t spread) {
    uint64_t slot = 0;
    return cg_table_get(d->lead_slots, spread, &slot) ? d->leads[slot].lead : NULL;
}

bool cg_dist_has_ended(const cg_distributed *d, uint64_t spread) {
    uint64_t place = 0;
    return cg_table_get(d->ended_places, spread, &place);
}

cg_status cg_dist_note_end(cg_distributed *d, uint64_t spread, cg_error *error) {
    if (cg_dist_has_ended(d, spread)) {
        return CG_OK;
    }
    uint64_t *place = &d->ended[d->ended_count % DIST_ENDED_MAX];
    if (d->ended_count >= DIST_ENDED_MAX) {
        cg_table_remove(d->ended_places, *place);
    }
    *place = spread;
    d->ended_count =
        d->ended_count + 1 < 2 * DIST_ENDED_MAX ? d->ended_count + 1 : (uint32_t)DIST_ENDED_MAX;
    return cg_table_put(d->ended_places, spread, 1, error);
}

/* --- messages out --- */

cg_status cg_dist_room(cg_distributed *d, size_t bytes, cg_error *error) {
    cg_status status = CG_GROW(&d->allocator, d->buffer, d->buffer_capacity,
                               d->writer.used_bytes + bytes, error);
    d->writer.bytes = d->buffer;
    d->writer.capacity_bytes = d->buffer_capacity;
    return status;
}

cg_status cg_dist_begin(cg_distributed *d, uint64_t spread, uint32_t coordinator,
                        cg_error *error) {
    d->writer = cg_writer_init(d->buffer, 0);
    cg_status status = cg_dist_room(d, DIST_HEADER_BYTES, error);
    if (status == CG_OK) {
        dist_header header = {.spread = spread,
                              .lamport = cg_lamport_tick(&d->lamport),
                              .coordinator = coordinator};
        cg_dist_write_header(&d->writer, &header);
    }
    return status;
}

static cg_status send_local(cg_distributed *d, dist_type type, cg_error *error) {
    size_t size_bytes = d->writer.used_bytes;
    cg_status status =
        CG_GROW(&d->allocator, d->queue, d->queue_capacity, d->queue_count + 1, error);
    if (status == CG_OK) {
        status = CG_GROW(&d->allocator, d->queue_bytes, d->queue_bytes_capacity,
                         d->queue_bytes_used + size_bytes, error);
    }
    if (status != CG_OK) {
        return status;
    }
    memcpy(d->queue_bytes + d->queue_bytes_used, d->buffer, size_bytes);
    d->queue[d->queue_count++] = (dist_local){
        .first = d->queue_bytes_used, .size_bytes = size_bytes, .type = (uint16_t)type};
    d->queue_bytes_used += size_bytes;
    return CG_OK;
}

cg_status cg_dist_send(cg_distributed *d, uint32_t to, dist_type type, cg_error *error) {
    CG_ASSERT(!d->writer.failed);
    if (to == d->options.host) {
        return send_local(d, type, error);
    }
    d->statistics.sent++;
    d->statistics.sent_bytes += d->writer.used_bytes;
    return d->options.port.send(d->options.port.context, to, (uint16_t)type, d->buffer,
                                d->writer.used_bytes, error);
}

cg_status cg_dist_arm(cg_distributed *d, uint64_t *armed_ns, uint32_t number, uint64_t at_ns,
                      cg_error *error) {
    if (*armed_ns != 0 && *armed_ns <= at_ns) {
        return CG_OK;
    }
    *armed_ns = at_ns;
    return d->options.port.timer(d->options.port.context, number, at_ns, error);
}

/* --- messages in --- */

static cg_status on_end(cg_distributed *d, const dist_header *header, uint32_t from,
                        const cg_reader *reader, cg_error *error) {
    if (cg_reader_left(reader) > 0 || from != header->coordinator) {
        return dist_corrupt(d, "end", from, error);
    }
    dist_part *part = cg_dist_find_part(d, header->spread);
    if (part && part->coordinator != from) {
        return dist_corrupt(d, "end", from, error);
    }
    cg_lamport_receive(&d->lamport, header->lamport);
    if (part) {
        cg_dist_give_part(d, part);
    }
    return cg_dist_note_end(d, header->spread, error);
}

static cg_status dispatch(cg_distributed *d, uint32_t from, uint16_t type, cg_reader reader,
                          cg_error *error) {
    dist_header header;
    if (!cg_dist_read_header(&reader, &header) || header.coordinator >= d->options.hosts) {
        return dist_corrupt(d, "message", from, error);
    }
    switch (type) {
    case DIST_START:
        return cg_dist_on_start(d, &header, from, &reader, error);
    case DIST_PASS:
        return cg_dist_on_pass(d, &header, from, &reader, error);
    case DIST_REPORT:
        return cg_dist_on_report(d, &header, from, &reader, error);
    case DIST_ASK:
        return from == header.coordinator ? cg_dist_on_ask(d, &header, &reader, error)
                                          : dist_corrupt(d, "question", from, error);
    case DIST_RECORDS:
        return cg_dist_on_records(d, &header, from, &reader, error);
    case DIST_END:
        return on_end(d, &header, from, &reader, error);
    case DIST_BORROW:
        return cg_dist_on_borrow(d, &header, from, &reader, error);
    case DIST_GRANT:
        return from == header.coordinator ? cg_dist_on_grant(d, &header, &reader, error)
                                          : dist_corrupt(d, "grant", from, error);
    default:
        return dist_corrupt(d, "message", from, error);
    }
}

/* The bytes may move while one is worked off, so each is taken out of the queue's first. */
cg_status cg_dist_work_off(cg_distributed *d, cg_error *error) {
    cg_status status = CG_OK;
    uint8_t *bytes = NULL;
    size_t capacity = 0;
    while (status == CG_OK && d->queue_head < d->queue_count) {
        dist_local local = d->queue[d->queue_head++];
        status = CG_GROW(&d->allocator, bytes, capacity, local.size_bytes, error);
        if (status == CG_OK) {
            memcpy(bytes, d->queue_bytes + local.first, local.size_bytes);
            status = dispatch(d, d->options.host, local.type,
                              cg_reader_init(bytes, local.size_bytes), error);
        }
        /* After an altered message from another host what this one makes of it may be refused. */
        status = status == CG_ERROR_CORRUPT ? CG_OK : status;
    }
    cg_deallocate(&d->allocator, bytes, capacity, 1);
    d->queue_head = 0;
    d->queue_count = 0;
    d->queue_bytes_used = 0;
    return status;
}

cg_status cg_distributed_message(cg_distributed *d, uint64_t now_ns, uint32_t from,
                                 uint16_t type, const uint8_t *payload, size_t size_bytes,
                                 cg_error *error) {
    d->now_ns = now_ns;
    if (from >= d->options.hosts || from == d->options.host) {
        return dist_corrupt(d, "message", from, error);
    }
    cg_status status = dispatch(d, from, type, cg_reader_init(payload, size_bytes), error);
    d->statistics.received += status == CG_OK;
    return status == CG_OK ? cg_dist_work_off(d, error) : status;
}

cg_status cg_distributed_timer(cg_distributed *d, uint64_t now_ns, uint64_t timer,
                               cg_error *error) {
    d->now_ns = now_ns;
    uint64_t slot = timer / 2;
    cg_status status = CG_OK;
    if (timer % 2 == 0 && slot < d->part_count && d->parts[slot].part->is_used) {
        dist_part *part = d->parts[slot].part;
        if (part->armed_ns <= now_ns) {
            part->armed_ns = 0;
            status = cg_dist_part_timer(d, part, error);
        }
    } else if (timer % 2 == 1 && slot < d->lead_count && d->leads[slot].lead->is_used) {
        dist_lead *lead = d->leads[slot].lead;
        if (lead->armed_ns <= now_ns) {
            lead->armed_ns = 0;
            status = cg_dist_lead_timer(d, lead, error);
        }
    }
    return status == CG_OK ? cg_dist_work_off(d, error) : status;
}

/* --- inspection --- */

cg_distributed_statistics cg_distributed_get_statistics(const cg_distributed *d) {
    return d->statistics;
}

uint64_t cg_distributed_lamport(const cg_distributed *d) {
    return d->lamport.time;
}

uint32_t cg_distributed_underway(const cg_distributed *d) {
    uint32_t count = d->parts_used;
    for (uint32_t i = 0; i < d->lead_count; i++) {
        count += d->leads[i].lead->is_used && !cg_dist_find_part(d, d->leads[i].lead->spread);
    }
    return count;
}

uint64_t cg_distributed_bytes(const cg_distributed *d) {
    uint64_t bytes =
        sizeof *d + cg_table_bytes(d->part_slots) + cg_table_bytes(d->lead_slots) +
        cg_table_bytes(d->ended_places) +
        (d->part_capacity + d->lead_capacity) * sizeof(void *) +
        d->queue_capacity * sizeof *d->queue + d->queue_bytes_capacity + d->buffer_capacity +
        d->order_capacity * sizeof *d->orders + d->firing_capacity * sizeof *d->firings +
        d->out_capacity * sizeof *d->outs +
        d->out_places.capacity * sizeof *d->out_places.slots +
        d->missing_capacity * sizeof *d->missing + cg_spread_scratch_bytes(d->judge);
    for (uint32_t i = 0; i < d->part_count; i++) {
        bytes += cg_dist_part_bytes(d->parts[i].part);
    }
    for (uint32_t i = 0; i < d->lead_count; i++) {
        bytes += cg_dist_lead_bytes(d->leads[i].lead);
    }
    return bytes;
}
