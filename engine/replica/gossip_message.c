/* What peers say to each other, and what is made of it. */
#include "engine/base/bug.h"
#include "engine/replica/gossip_internal.h"

enum { DIGEST_BYTES = 17, DELTA_BYTES = 8, MORE_BYTES = 21 };

static cg_status send(cg_gossip *gossip, uint32_t to, cg_gossip_message_type type,
                      size_t size_bytes, cg_error *error) {
    gossip->statistics.sent[type]++;
    gossip->statistics.sent_bytes[type] += size_bytes;
    return gossip->port.send(gossip->port.context, to, (uint16_t)type, gossip->bytes,
                             size_bytes, error);
}

static cg_status make_room(cg_gossip *gossip, size_t size_bytes, cg_error *error) {
    return CG_GROW(&gossip->allocator, gossip->bytes, gossip->byte_capacity, size_bytes, error);
}

cg_status cg_gossip_send_digest(cg_gossip *gossip, uint32_t to, uint8_t flags,
                                cg_error *error) {
    cg_status status = cg_edge_set_vector(gossip->set, &gossip->own, error);
    size_t size_bytes = DIGEST_BYTES + cg_version_vector_bytes(&gossip->own);
    if (status == CG_OK) {
        status = make_room(gossip, size_bytes, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_replica_id own = cg_edge_set_replica(gossip->set);
    cg_writer writer = cg_writer_init(gossip->bytes, size_bytes);
    cg_write_u64(&writer, own);
    cg_write_u8(&writer, flags);
    cg_write_u64(&writer,
                 cg_edge_set_seen(gossip->set, own) + cg_edge_set_pending(gossip->set));
    cg_version_vector_write(&gossip->own, &writer);
    return send(gossip, to, CG_GOSSIP_DIGEST, size_bytes, error);
}

cg_status cg_gossip_send_more(cg_gossip *gossip, uint64_t now_ns, cg_error *error) {
    gossip_transfer *coming = &gossip->coming;
    size_t size_bytes = MORE_BYTES + cg_version_vector_bytes(&coming->upto);
    cg_status status = make_room(gossip, size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_writer writer = cg_writer_init(gossip->bytes, size_bytes);
    cg_write_u64(&writer, coming->transfer);
    cg_write_u32(&writer, coming->next_part);
    cg_write_u8(&writer, coming->is_whole);
    cg_write_u64(&writer, coming->collections);
    cg_version_vector_write(&coming->upto, &writer);
    coming->asked_ns = now_ns;
    return send(gossip, coming->peer, CG_GOSSIP_MORE, size_bytes, error);
}

/* *is_sent: the peer lacked something. */
static cg_status send_delta(cg_gossip *gossip, uint32_t to, const cg_edge_delta_wanted *wanted,
                            bool *is_sent, cg_error *error) {
    cg_edge_record record;
    cg_status status = cg_edge_set_delta(gossip->set, wanted, &record, error);
    if (status != CG_OK || record.size_bytes == 0) {
        return status;
    }
    status = make_room(gossip, DELTA_BYTES + record.size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_writer writer = cg_writer_init(gossip->bytes, DELTA_BYTES + record.size_bytes);
    cg_write_u64(&writer, cg_edge_set_collections(gossip->set));
    cg_write_bytes(&writer, record.bytes, record.size_bytes);
    *is_sent = true;
    return send(gossip, to, CG_GOSSIP_DELTA, writer.used_bytes, error);
}

static cg_status read_end(const cg_reader *reader, const char *what, cg_error *error) {
    if (reader->failed || cg_reader_left(reader) > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s of %zu bytes has %zu too %s", what,
                            reader->size_bytes, cg_reader_left(reader),
                            reader->failed ? "few" : "many");
    }
    return CG_OK;
}

/* Reads the vector that ends a message into gossip->other. */
static cg_status read_vector(cg_gossip *gossip, cg_reader *reader, const char *what,
                             cg_error *error) {
    cg_status status = cg_version_vector_read(&gossip->other, reader, what, error);
    return status == CG_OK ? read_end(reader, what, error) : status;
}

/* A life that a later one of the same host has ended. */
static bool is_past(const cg_gossip *gossip, cg_replica_id replica) {
    cg_replica_id known = gossip->peers[cg_replica_id_host(replica)].replica;
    return known != UINT64_MAX && cg_replica_id_life(replica) < cg_replica_id_life(known);
}

static cg_status receive_digest(cg_gossip *gossip, uint32_t from, cg_reader *reader,
                                cg_error *error) {
    cg_replica_id replica = cg_read_u64(reader);
    uint8_t flags = cg_read_u8(reader);
    uint64_t made = cg_read_u64(reader);
    cg_status status = read_vector(gossip, reader, "a digest", error);
    if (status != CG_OK) {
        return status;
    }
    if (cg_replica_id_host(replica) != from || flags > (GOSSIP_ASKS | GOSSIP_VOID) ||
        made < cg_version_vector_seen(&gossip->other, replica)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a digest from host %u is of replica %llu, with flags %u and %llu "
                            "changes made",
                            from, (unsigned long long)replica, flags, (unsigned long long)made);
    }
    if (is_past(gossip, replica)) {
        gossip->statistics.ignored++;
        return CG_OK;
    }
    cg_gossip_note(gossip, from, replica, made);
    gossip_transfer *coming = &gossip->coming;
    if ((flags & GOSSIP_VOID) && coming->is_active && coming->peer == from) {
        coming->is_active = false;
        gossip->statistics.abandoned++;
    }
    cg_edge_delta_wanted wanted = {.seen = &gossip->other,
                                   .transfer = ++gossip->transfers_begun,
                                   .bytes_max = gossip->options.message_bytes_max};
    bool is_sent = false;
    status = send_delta(gossip, from, &wanted, &is_sent, error);
    if (status == CG_OK) {
        status = cg_edge_set_vector(gossip->set, &gossip->own, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_order order = cg_version_vector_compare(&gossip->own, &gossip->other);
    bool lacks = order == CG_ORDER_BEFORE || order == CG_ORDER_CONCURRENT;
    if (lacks && (flags & (GOSSIP_ASKS | GOSSIP_VOID)) && !coming->is_active) {
        return cg_gossip_send_digest(gossip, from, 0, error);
    }
    return cg_gossip_mark(gossip, error);
}

/* Whether any of the delta's changes was not seen. The first part of a whole delta may tell what
 * is known, and another what is not. */
static bool brings_news(const cg_gossip *gossip, const cg_edge_delta *delta) {
    if (delta->flags == (CG_EDGE_DELTA_MORE | CG_EDGE_DELTA_WHOLE)) {
        return true;
    }
    for (uint32_t i = 0; i < delta->range_count; i++) {
        cg_edge_range range = cg_edge_delta_range(delta, i);
        if (range.upto > cg_edge_set_seen(gossip->set, range.replica)) {
            return true;
        }
    }
    return false;
}

/* Part 0 of a delta in parts: from here on the next is awaited. */
static cg_status begin_transfer(cg_gossip *gossip, uint32_t from, const cg_edge_delta *delta,
                                uint64_t collections, cg_error *error) {
    gossip_transfer *coming = &gossip->coming;
    bool is_whole = delta->flags & CG_EDGE_DELTA_WHOLE;
    cg_version_vector_clear(&coming->upto);
    cg_status status = is_whole ? CG_OK : cg_edge_set_vector(gossip->set, &coming->upto, error);
    if (status == CG_OK) {
        coming->is_active = true;
        coming->is_whole = is_whole;
        coming->peer = from;
        coming->next_part = 0;
        coming->transfer = delta->transfer;
        coming->collections = collections;
        coming->tries = 0;
    }
    return status;
}

static bool is_awaited(const gossip_transfer *coming, uint32_t from, const cg_edge_delta *delta,
                       uint64_t collections) {
    return coming->is_active && coming->peer == from && coming->transfer == delta->transfer &&
           coming->next_part == delta->part && coming->collections == collections &&
           coming->is_whole == ((delta->flags & CG_EDGE_DELTA_WHOLE) != 0);
}

/* One part more: asks for the next, or is through. */
static cg_status advance(cg_gossip *gossip, const cg_edge_delta *delta, uint64_t now_ns,
                         cg_error *error) {
    gossip_transfer *coming = &gossip->coming;
    for (uint32_t i = 0; i < delta->range_count; i++) {
        cg_edge_range range = cg_edge_delta_range(delta, i);
        cg_status status =
            cg_version_vector_raise(&coming->upto, range.replica, range.upto, error);
        if (status != CG_OK) {
            coming->is_active = false;
            return status;
        }
    }
    coming->next_part++;
    coming->tries = 0;
    if (delta->flags & CG_EDGE_DELTA_MORE) {
        return cg_gossip_send_more(gossip, now_ns, error);
    }
    coming->is_active = false;
    gossip->statistics.transfers++;
    return CG_OK;
}

static cg_status receive_delta(cg_gossip *gossip, uint32_t from, cg_reader *reader,
                               uint64_t now_ns, cg_error *error) {
    uint64_t collections = cg_read_u64(reader);
    size_t size_bytes = cg_reader_left(reader);
    const uint8_t *bytes = cg_read_bytes(reader, size_bytes);
    cg_edge_delta delta;
    cg_status status = read_end(reader, "a delta", error);
    if (status == CG_OK) {
        status = cg_edge_delta_open(bytes, size_bytes, &delta, error);
    }
    if (status == CG_OK && delta.transfer == 0) {
        status =
            cg_error_set(error, CG_ERROR_CORRUPT, "host %u sent a delta of transfer 0", from);
    }
    if (status != CG_OK) {
        return status;
    }
    bool is_first = delta.part == 0;
    bool is_in_parts = !is_first || (delta.flags & CG_EDGE_DELTA_MORE);
    if (is_first && !brings_news(gossip, &delta) && !CG_BUG(EDGE_REDELIVERY)) {
        gossip->statistics.duplicates++;
        return CG_OK;
    }
    if (is_first && is_in_parts && !gossip->coming.is_active) {
        status = begin_transfer(gossip, from, &delta, collections, error);
    }
    if (status != CG_OK) {
        return status;
    }
    if (is_in_parts && !is_awaited(&gossip->coming, from, &delta, collections)) {
        gossip->statistics.ignored++;
        return CG_OK;
    }
    gossip->statistics.delivered++;
    status = gossip->options.deliver(gossip->options.context, bytes, size_bytes, error);
    if (status == CG_OK && is_in_parts) {
        status = advance(gossip, &delta, now_ns, error);
    }
    return status;
}

static cg_status receive_more(cg_gossip *gossip, uint32_t from, cg_reader *reader,
                              cg_error *error) {
    cg_edge_delta_wanted wanted = {.transfer = cg_read_u64(reader)};
    wanted.part = cg_read_u32(reader);
    uint8_t whole = cg_read_u8(reader);
    uint64_t collections = cg_read_u64(reader);
    cg_status status = read_vector(gossip, reader, "a request for more", error);
    if (status != CG_OK) {
        return status;
    }
    if (wanted.transfer == 0 || wanted.part == 0 || whole > 1) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "host %u asks for part %u of transfer %llu, whole %u", from,
                            wanted.part, (unsigned long long)wanted.transfer, whole);
    }
    wanted.seen = &gossip->other;
    wanted.whole = whole;
    wanted.bytes_max = gossip->options.message_bytes_max;
    bool is_sent = false;
    if (collections == cg_edge_set_collections(gossip->set)) {
        status = send_delta(gossip, from, &wanted, &is_sent, error);
    }
    return status == CG_OK && !is_sent ? cg_gossip_send_digest(gossip, from, GOSSIP_VOID, error)
                                       : status;
}

cg_status cg_gossip_receive(cg_gossip *gossip, const cg_gossip_message *message,
                            uint64_t now_ns, cg_error *error) {
    if (message->from >= gossip->options.hosts || message->from == gossip->options.host) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "gossip of host %u of %u from host %u, which is not another",
                            gossip->options.host, gossip->options.hosts, message->from);
    }
    cg_reader reader = cg_reader_init(message->payload, message->size_bytes);
    switch (message->type) {
    case CG_GOSSIP_DIGEST:
        return receive_digest(gossip, message->from, &reader, error);
    case CG_GOSSIP_DELTA:
        return receive_delta(gossip, message->from, &reader, now_ns, error);
    case CG_GOSSIP_MORE:
        return receive_more(gossip, message->from, &reader, error);
    default:
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "gossip of type %u from host %u; there are %d types", message->type,
                            message->from, CG_GOSSIP_MESSAGE_COUNT);
    }
}
