/* Payloads of the group's messages. All are read whole and checked before anything is done with them. */
#include "engine/base/bytes.h"
#include "engine/replica/group_internal.h"

/* No epoch comes near this: each takes an election. */
static const uint64_t epoch_limit = UINT64_C(1) << 62;

void cg_group_write_id(cg_writer *writer, const cg_log_id *id) {
    cg_write_u64(writer, id->epoch);
    cg_write_u64(writer, id->number);
    cg_write_u32(writer, id->replica);
}

cg_log_id cg_group_read_id(cg_reader *reader) {
    cg_log_id id;
    id.epoch = cg_read_u64(reader);
    id.number = cg_read_u64(reader);
    id.replica = cg_read_u32(reader);
    return id;
}

static void write_append(cg_writer *writer, const group_message *m) {
    cg_write_u32(writer, m->replica);
    cg_write_u64(writer, m->round);
    cg_write_u64(writer, m->previous);
    cg_write_u64(writer, m->previous_chain);
    cg_write_u64(writer, m->safe);
    cg_write_u64(writer, m->last);
    cg_write_u64(writer, m->last_chain);
    cg_group_write_id(writer, &m->id);
    cg_write_u64(writer, m->absorbed);
    cg_write_u8(writer, m->keeps);
    cg_write_u64(writer, m->want);
    cg_write_u32(writer, m->count);
    cg_write_bytes(writer, m->records, m->records_bytes);
}

static void read_append(cg_reader *reader, group_message *m) {
    m->replica = cg_read_u32(reader);
    m->round = cg_read_u64(reader);
    m->previous = cg_read_u64(reader);
    m->previous_chain = cg_read_u64(reader);
    m->safe = cg_read_u64(reader);
    m->last = cg_read_u64(reader);
    m->last_chain = cg_read_u64(reader);
    m->id = cg_group_read_id(reader);
    m->absorbed = cg_read_u64(reader);
    m->keeps = cg_read_u8(reader) != 0;
    m->want = cg_read_u64(reader);
    m->count = cg_read_u32(reader);
}

static void write_appended(cg_writer *writer, const group_message *m) {
    cg_write_u32(writer, m->replica);
    cg_write_u64(writer, m->round);
    cg_write_u8(writer, m->is_found);
    cg_write_u8(writer, m->counts);
    cg_write_u64(writer, m->held);
    cg_write_u64(writer, m->held_chain);
    cg_write_u64(writer, m->durable);
    cg_write_u64(writer, m->durable_chain);
    cg_write_u64(writer, m->last);
    cg_write_u64(writer, m->last_chain);
    cg_write_u32(writer, m->count);
    for (uint32_t i = 0; i < m->count; ++i) {
        cg_write_u64(writer, m->points[i]);
        cg_write_u64(writer, m->point_chains[i]);
    }
}

static void read_appended(cg_reader *reader, group_message *m) {
    m->replica = cg_read_u32(reader);
    m->round = cg_read_u64(reader);
    m->is_found = cg_read_u8(reader) != 0;
    m->counts = cg_read_u8(reader) != 0;
    m->held = cg_read_u64(reader);
    m->held_chain = cg_read_u64(reader);
    m->durable = cg_read_u64(reader);
    m->durable_chain = cg_read_u64(reader);
    m->last = cg_read_u64(reader);
    m->last_chain = cg_read_u64(reader);
    m->count = cg_read_u32(reader);
    for (uint32_t i = 0; i < m->count && i < CG_GROUP_LOCATOR_MAX; ++i) {
        m->points[i] = cg_read_u64(reader);
        m->point_chains[i] = cg_read_u64(reader);
    }
}

static void write_body(cg_writer *writer, uint16_t type, const group_message *m) {
    switch ((cg_group_message_type)type) {
    case CG_GROUP_ASK:
    case CG_GROUP_GRANT:
        cg_write_u64(writer, m->asked);
        cg_write_u8(writer, m->is_pre);
        if (type == CG_GROUP_ASK) {
            cg_group_write_id(writer, &m->id);
        } else {
            cg_write_u8(writer, m->is_granted);
        }
        return;
    case CG_GROUP_APPEND:
        write_append(writer, m);
        return;
    case CG_GROUP_APPENDED:
        write_appended(writer, m);
        return;
    case CG_GROUP_OFFER:
        cg_write_u64(writer, m->start);
        cg_write_u64(writer, m->last);
        cg_write_u64(writer, m->last_chain);
        cg_write_u32(writer, m->count);
        cg_write_bytes(writer, m->records, m->records_bytes);
        return;
    case CG_GROUP_RECOVER:
        cg_write_u64(writer, m->nonce);
        return;
    case CG_GROUP_RECOVERED:
    case CG_GROUP_MESSAGE_COUNT:
    default:
        cg_write_u64(writer, m->nonce);
        cg_write_u64(writer, m->safe);
        cg_group_write_id(writer, &m->id);
        cg_group_write_id(writer, &m->floor);
        return;
    }
}

static void read_body(cg_reader *reader, uint16_t type, group_message *m) {
    switch ((cg_group_message_type)type) {
    case CG_GROUP_ASK:
    case CG_GROUP_GRANT:
        m->asked = cg_read_u64(reader);
        m->is_pre = cg_read_u8(reader) != 0;
        if (type == CG_GROUP_ASK) {
            m->id = cg_group_read_id(reader);
        } else {
            m->is_granted = cg_read_u8(reader) != 0;
        }
        return;
    case CG_GROUP_APPEND:
        read_append(reader, m);
        return;
    case CG_GROUP_APPENDED:
        read_appended(reader, m);
        return;
    case CG_GROUP_OFFER:
        m->start = cg_read_u64(reader);
        m->last = cg_read_u64(reader);
        m->last_chain = cg_read_u64(reader);
        m->count = cg_read_u32(reader);
        return;
    case CG_GROUP_RECOVER:
        m->nonce = cg_read_u64(reader);
        return;
    case CG_GROUP_RECOVERED:
    case CG_GROUP_MESSAGE_COUNT:
    default:
        m->nonce = cg_read_u64(reader);
        m->safe = cg_read_u64(reader);
        m->id = cg_group_read_id(reader);
        m->floor = cg_group_read_id(reader);
        return;
    }
}

/* Whole records, ascending, of no later epoch than the sender's, and nothing behind them. */
static cg_status check_records(const group_message *m, cg_error *error) {
    size_t offset = 0;
    cg_log_id before = {0};
    for (uint32_t i = 0; i < m->count; ++i) {
        size_t used = 0;
        cg_log_id id;
        cg_status status = cg_log_record_peek(m->records + offset, m->records_bytes - offset,
                                              &used, &id, error);
        if (status != CG_OK) {
            return status;
        }
        if (cg_log_id_compare(&before, &id) >= 0 || id.epoch > m->epoch) {
            return cg_error_set(
                error, CG_ERROR_CORRUPT,
                "record %u of %u in a message of epoch %llu is out of order, or "
                "of epoch %llu",
                i, m->count, (unsigned long long)m->epoch, (unsigned long long)id.epoch);
        }
        before = id;
        offset += used;
    }
    if (offset != m->records_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a message with %u records has %zu bytes behind them", m->count,
                            m->records_bytes - offset);
    }
    return CG_OK;
}

static cg_status check_counts(uint16_t type, const group_message *m, cg_error *error) {
    uint32_t limit = type == CG_GROUP_APPEND     ? CG_GROUP_SHIP_RECORDS
                     : type == CG_GROUP_APPENDED ? CG_GROUP_LOCATOR_MAX
                     : type == CG_GROUP_OFFER    ? GROUP_OFFER_RECORDS
                                                 : 0;
    if (m->epoch == 0 || m->epoch >= epoch_limit || m->asked >= epoch_limit ||
        m->count > limit) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "a group's message of type %u has epoch %llu, asks for %llu and has "
            "%u entries; at most %u are allowed, and epochs 1..2^62",
            type, (unsigned long long)m->epoch, (unsigned long long)m->asked, m->count, limit);
    }
    if (type == CG_GROUP_OFFER && (m->start > m->last || m->count > m->last - m->start)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "an offer of %u records behind %llu of a log of %llu", m->count,
                            (unsigned long long)m->start, (unsigned long long)m->last);
    }
    if (type == CG_GROUP_APPEND && m->previous > UINT64_MAX - CG_GROUP_SHIP_RECORDS) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "an append behind record %llu",
                            (unsigned long long)m->previous);
    }
    return CG_OK;
}

cg_status cg_group_decode(const cg_group *group, uint16_t type, const uint8_t *payload,
                          size_t size_bytes, group_message *out, cg_error *error) {
    if (type >= CG_GROUP_MESSAGE_COUNT) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a group has no messages of type %u; 0..%d", type,
                            CG_GROUP_MESSAGE_COUNT - 1);
    }
    cg_reader reader = cg_reader_init(payload, size_bytes);
    uint32_t number = cg_read_u32(&reader);
    group_message *m = out;
    *m = (group_message){0};
    m->epoch = cg_read_u64(&reader);
    m->life = cg_read_u64(&reader);
    read_body(&reader, type, m);
    if (reader.failed) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a group's message of type %u is cut: %zu bytes", type, size_bytes);
    }
    if (number != group->options.number) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a message of partition %u has come to partition %u", number,
                            group->options.number);
    }
    cg_status status = check_counts(type, m, error);
    if (status != CG_OK) {
        return status;
    }
    m->records_bytes = cg_reader_left(&reader);
    m->records = cg_read_bytes(&reader, m->records_bytes);
    if (type == CG_GROUP_APPEND || type == CG_GROUP_OFFER) {
        return check_records(m, error);
    }
    if (m->records_bytes > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a group's message of type %u has %zu bytes too many", type,
                            m->records_bytes);
    }
    return CG_OK;
}

cg_status cg_group_send(cg_group *group, uint32_t voter, uint16_t type,
                        const group_message *message, cg_error *error) {
    enum { FIXED_BYTES = 160 + 16 * CG_GROUP_LOCATOR_MAX };
    cg_status status = CG_GROW(&group->allocator, group->scratch, group->scratch_capacity,
                               FIXED_BYTES + message->records_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_writer writer = cg_writer_init(group->scratch, group->scratch_capacity);
    cg_write_u32(&writer, group->options.number);
    cg_write_u64(&writer, group->epoch);
    cg_write_u64(&writer, group->life);
    write_body(&writer, type, message);
    CG_ASSERT(!writer.failed);
    return group->port.send(group->port.context, group->options.voters[voter], type,
                            group->scratch, writer.used_bytes, error);
}
