/* The payloads of swim.h, byte by byte. */
#include "engine/base/bytes.h"
#include "engine/replica/swim_internal.h"

static void write_claim(cg_writer *writer, swim_claim claim) {
    cg_write_u32(writer, claim.incarnation);
    cg_write_u8(writer, claim.liveness);
}

size_t cg_swim_encode(const swim_message *message, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes, CG_SWIM_PAYLOAD_BYTES_MAX);
    cg_write_u32(&writer, message->probe.sequence);
    cg_write_u32(&writer, message->probe.origin);
    cg_write_u32(&writer, message->probe.target);
    cg_write_u32(&writer, message->incarnation);
    write_claim(&writer, message->receiver);
    cg_write_u8(&writer, message->is_asking);
    cg_write_u8(&writer, (uint8_t)message->update_count);
    for (uint32_t i = 0; i < message->update_count; i++) {
        cg_write_u32(&writer, message->updates[i].host);
        write_claim(&writer, message->updates[i].claim);
    }
    CG_ASSERT(!writer.failed);
    return writer.used_bytes;
}

/* Who may send whom which message about which probe. NULL: it is right. */
static const char *probe_fault(const cg_swim *swim, uint32_t from, uint16_t type,
                               const swim_probe *probe) {
    uint32_t self = swim->options.host;
    if (probe->origin >= swim->options.hosts || probe->target >= swim->options.hosts) {
        return "names a host that is none";
    }
    if (probe->origin == probe->target) {
        return "is a probe of its own origin";
    }
    switch (type) {
    case CG_SWIM_PING:
        return probe->target != self ? "is a ping for another host" : NULL;
    case CG_SWIM_PING_REQ:
        return probe->origin != from   ? "is a request in another host's name"
               : probe->target == self ? "is a request to ping its receiver"
                                       : NULL;
    default:
        return probe->target == self                            ? "is this host's own answer"
               : probe->origin != self && probe->target != from ? "is another host's answer"
                                                                : NULL;
    }
}

static cg_status read_claim(cg_reader *reader, swim_claim *claim, cg_error *error) {
    claim->incarnation = cg_read_u32(reader);
    claim->liveness = cg_read_u8(reader);
    if (claim->incarnation > CG_SWIM_INCARNATION_MAX) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT, "swim message has incarnation %lu, limit is %lu",
            (unsigned long)claim->incarnation, (unsigned long)CG_SWIM_INCARNATION_MAX);
    }
    if (claim->liveness >= CG_SWIM_LIVENESS_COUNT) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message has liveness %u, known are 0 to 2",
                            (unsigned)claim->liveness);
    }
    return CG_OK;
}

static cg_status read_updates(const cg_swim *swim, uint32_t from, cg_reader *reader,
                              swim_message *message, cg_error *error) {
    uint32_t least = 0;
    for (uint32_t i = 0; i < message->update_count; i++) {
        swim_update *update = &message->updates[i];
        update->host = cg_read_u32(reader);
        cg_status status = read_claim(reader, &update->claim, error);
        if (status != CG_OK) {
            return status;
        }
        if (update->host < least || update->host >= swim->options.hosts ||
            update->host == from || update->host == swim->options.host) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "swim update %lu is about host %lu: must be %lu to %lu, and "
                                "neither sender nor receiver",
                                (unsigned long)i, (unsigned long)update->host,
                                (unsigned long)least, (unsigned long)swim->options.hosts - 1);
        }
        least = update->host + 1;
    }
    return CG_OK;
}

static cg_status check_sender(const cg_swim *swim, uint32_t from, uint16_t type,
                              cg_error *error) {
    if (type >= CG_SWIM_MESSAGE_COUNT) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message has type %u, known are 0 to %d", (unsigned)type,
                            CG_SWIM_MESSAGE_COUNT - 1);
    }
    if (from >= swim->options.hosts || from == swim->options.host) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message comes from host %lu: must be another one below %lu",
                            (unsigned long)from, (unsigned long)swim->options.hosts);
    }
    return CG_OK;
}

static cg_status check_size(size_t size_bytes, uint32_t update_count, cg_error *error) {
    size_t expected_bytes = CG_SWIM_HEADER_BYTES + (size_t)update_count * CG_SWIM_UPDATE_BYTES;
    if (update_count > CG_SWIM_UPDATES_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message has %lu updates, limit is %d",
                            (unsigned long)update_count, CG_SWIM_UPDATES_MAX);
    }
    if (size_bytes != expected_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message with %lu updates has %zu bytes, must have %zu",
                            (unsigned long)update_count, size_bytes, expected_bytes);
    }
    return CG_OK;
}

cg_status cg_swim_decode(const cg_swim *swim, uint32_t from, uint16_t type,
                         const uint8_t *payload, size_t size_bytes, swim_message *message,
                         cg_error *error) {
    cg_status status = check_sender(swim, from, type, error);
    if (status != CG_OK) {
        return status;
    }
    if (size_bytes < CG_SWIM_HEADER_BYTES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message has %zu bytes, must have %d at least", size_bytes,
                            CG_SWIM_HEADER_BYTES);
    }
    cg_reader reader = cg_reader_init(payload, size_bytes);
    message->type = type;
    message->probe.sequence = cg_read_u32(&reader);
    message->probe.origin = cg_read_u32(&reader);
    message->probe.target = cg_read_u32(&reader);
    const char *fault = probe_fault(swim, from, type, &message->probe);
    if (fault) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "swim message of type %u from host %lu to %lu, probe of %lu by %lu, %s",
            (unsigned)type, (unsigned long)from, (unsigned long)swim->options.host,
            (unsigned long)message->probe.target, (unsigned long)message->probe.origin, fault);
    }
    swim_claim sender = {cg_read_u32(&reader), CG_SWIM_ALIVE};
    if (sender.incarnation > CG_SWIM_INCARNATION_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "swim message has its sender's incarnation %lu, limit is %lu",
                            (unsigned long)sender.incarnation,
                            (unsigned long)CG_SWIM_INCARNATION_MAX);
    }
    message->incarnation = sender.incarnation;
    status = read_claim(&reader, &message->receiver, error);
    if (status != CG_OK) {
        return status;
    }
    uint8_t asking = cg_read_u8(&reader);
    if (asking > (type == CG_SWIM_PING)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "swim message of type %u has %u as its question: must be 0, or 1 in "
            "a ping",
            (unsigned)type, (unsigned)asking);
    }
    message->is_asking = asking != 0;
    message->update_count = cg_read_u8(&reader);
    status = check_size(size_bytes, message->update_count, error);
    return status != CG_OK ? status : read_updates(swim, from, &reader, message, error);
}
