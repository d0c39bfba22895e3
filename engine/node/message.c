#include "engine/node/message.h"

#include "engine/base/bytes.h"
#include "engine/service/priority.h"

enum { ALLOCATE_FIXED_BYTES = 36, LENGTH_BYTES = 4, ROW_BYTES = 4 };

const char *cg_message_name(uint16_t type) {
    static const char *const own[CG_MESSAGE_PROTOCOLS] = {
        [CG_MESSAGE_ALLOCATE] = "allocate", [CG_MESSAGE_ANSWER] = "answer",
        [CG_MESSAGE_BATCH] = "batch",       [CG_MESSAGE_REMOVE] = "remove",
        [CG_MESSAGE_GET] = "get",           [CG_MESSAGE_REDIRECT] = "redirect",
    };
    static const char *const of_protocols[CG_PROTOCOL_COUNT][CG_PROTOCOL_TYPES] = {
        [CG_PROTOCOL_GROUP] = {"group ask", "group grant", "group append", "group appended",
                               "group offer", "group recover", "group recovered"},
        [CG_PROTOCOL_SWIM] = {"ping", "ping request", "ack"},
        [CG_PROTOCOL_EDGES] = {"edges digest", "edges delta", "edges more"},
        [CG_PROTOCOL_SPREAD] = {"spread start", "spread pass", "spread report", "spread ask",
                                "spread records", "spread end", "spread borrow",
                                "spread grant"},
        [CG_PROTOCOL_GATHER] = {"gather ask", "gather candidates"},
    };
    const char *name = NULL;
    if (type < CG_MESSAGE_PROTOCOLS) {
        name = own[type];
    } else {
        uint32_t number = type - (uint32_t)CG_MESSAGE_PROTOCOLS;
        uint32_t protocol = number / CG_PROTOCOL_TYPES;
        name = protocol < CG_PROTOCOL_COUNT ? of_protocols[protocol][number % CG_PROTOCOL_TYPES]
                                            : NULL;
    }
    return name ? name : "unknown";
}

size_t cg_message_allocate_bytes(const cg_message_allocate *message) {
    size_t candidates =
        message->is_gathered ? LENGTH_BYTES + ROW_BYTES * (size_t)message->candidate_count : 0;
    return ALLOCATE_FIXED_BYTES + 4 * (size_t)message->dims +
           8 * (size_t)message->sparse.count + message->text_bytes + candidates;
}

void cg_message_allocate_encode(const cg_message_allocate *message, uint8_t *payload) {
    size_t size = cg_message_allocate_bytes(message);
    cg_writer writer = cg_writer_init(payload, size);
    cg_write_u64(&writer, message->request_id);
    cg_write_u32(&writer, message->flags);
    cg_write_u32(&writer, message->label);
    cg_write_u32(&writer, message->dims);
    cg_write_u32(&writer, message->sparse.count);
    cg_write_u32(&writer, message->text_bytes);
    cg_write_u32(&writer, message->client);
    cg_write_u16(&writer, (uint16_t)message->priority);
    cg_write_u16(&writer, (uint16_t)message->space);
    cg_log_vectors_write(&writer, message->dense, message->dims, message->sparse);
    cg_write_bytes(&writer, message->text, message->text_bytes);
    if (message->is_gathered) {
        cg_write_u32(&writer, message->candidate_count);
        cg_write_bytes(&writer, message->candidates,
                       ROW_BYTES * (size_t)message->candidate_count);
    }
    CG_ASSERT(!writer.failed && writer.used_bytes == size);
}

/* What follows the text, to the last byte. */
static bool read_candidates(cg_reader *reader, cg_message_allocate *message) {
    if (cg_reader_left(reader) == 0) {
        return true;
    }
    message->is_gathered = true;
    message->candidate_count = cg_read_u32(reader);
    if (message->candidate_count > CG_MESSAGE_CANDIDATES_MAX) {
        return false;
    }
    message->candidates = cg_read_bytes(reader, ROW_BYTES * (size_t)message->candidate_count);
    if (reader->failed || cg_reader_left(reader) != 0) {
        return false;
    }
    cg_reader rows =
        cg_reader_init(message->candidates, ROW_BYTES * (size_t)message->candidate_count);
    uint32_t before = 0;
    for (uint32_t i = 0; i < message->candidate_count; ++i) {
        uint32_t row = cg_read_u32(&rows);
        if (i > 0 && row <= before) {
            return false;
        }
        before = row;
    }
    return true;
}

cg_status cg_message_allocate_decode(const uint8_t *payload, size_t size_bytes,
                                     cg_log_buffers *buffers, cg_message_allocate *message,
                                     cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_message_allocate read = {0};
    read.request_id = cg_read_u64(&reader);
    read.flags = cg_read_u32(&reader);
    read.label = cg_read_u32(&reader);
    read.dims = cg_read_u32(&reader);
    read.sparse.count = cg_read_u32(&reader);
    read.text_bytes = cg_read_u32(&reader);
    read.client = cg_read_u32(&reader);
    read.priority = cg_read_u16(&reader);
    read.space = cg_read_u16(&reader);
    if (reader.failed || read.priority >= CG_PRIORITY_COUNT || read.dims < CG_DIMS_MIN ||
        read.dims > CG_DIMS_MAX || read.sparse.count > CG_SPARSE_ENTRIES_MAX ||
        4 * (uint64_t)read.dims + 8 * (uint64_t)read.sparse.count + read.text_bytes >
            cg_reader_left(&reader)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "allocate message of priority %u: %u dims, %u features and %u text "
                            "bytes do not fit "
                            "%zu bytes",
                            read.priority, read.dims, read.sparse.count, read.text_bytes,
                            size_bytes);
    }
    cg_status status = cg_log_vectors_read(&reader, read.dims, read.sparse.count, buffers,
                                           "allocate message", error);
    if (status != CG_OK) {
        return status;
    }
    read.dense = buffers->dense;
    read.sparse.features = buffers->features;
    read.sparse.weights = buffers->weights;
    read.text = (const char *)cg_read_bytes(&reader, read.text_bytes);
    if (!read_candidates(&reader, &read)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "allocate message of %zu bytes: what follows the text is no list of at "
            "most %d rows, ascending",
            size_bytes, CG_MESSAGE_CANDIDATES_MAX);
    }
    *message = read;
    return CG_OK;
}

void cg_message_batch_encode_prefix(const cg_message_batch *batch, uint8_t *payload) {
    cg_writer writer = cg_writer_init(payload, CG_MESSAGE_BATCH_PREFIX_BYTES);
    cg_write_u64(&writer, batch->request_id);
    cg_write_u32(&writer, batch->client);
    cg_write_u16(&writer, (uint16_t)batch->priority);
    cg_write_u16(&writer, (uint16_t)batch->space);
    cg_write_u32(&writer, batch->count);
    CG_ASSERT(!writer.failed && writer.used_bytes == CG_MESSAGE_BATCH_PREFIX_BYTES);
}

/* Whether the lengths of so many facts end with the payload. */
static bool facts_fit(cg_reader reader, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t length = cg_read_u32(&reader);
        if (reader.failed || length < ALLOCATE_FIXED_BYTES ||
            length > cg_reader_left(&reader)) {
            return false;
        }
        (void)cg_read_bytes(&reader, length);
    }
    return cg_reader_left(&reader) == 0;
}

cg_status cg_message_batch_decode(const uint8_t *payload, size_t size_bytes,
                                  cg_message_batch *batch, cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_message_batch read = {0};
    read.request_id = cg_read_u64(&reader);
    read.client = cg_read_u32(&reader);
    read.priority = cg_read_u16(&reader);
    read.space = cg_read_u16(&reader);
    read.count = cg_read_u32(&reader);
    if (reader.failed || read.priority >= CG_PRIORITY_COUNT || read.count < 1 ||
        read.count > CG_BATCH_FACTS_MAX || !facts_fit(reader, read.count)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "batch message of priority %u: %u facts do not make up its %zu bytes",
            read.priority, read.count, size_bytes);
    }
    read.facts_bytes = cg_reader_left(&reader);
    read.facts = cg_read_bytes(&reader, read.facts_bytes);
    *batch = read;
    return CG_OK;
}

cg_status cg_message_batch_next(const cg_message_batch *batch, size_t *offset,
                                cg_log_buffers *buffers, cg_message_allocate *fact,
                                cg_error *error) {
    cg_reader reader = cg_reader_init(batch->facts + *offset, batch->facts_bytes - *offset);
    uint32_t length = cg_read_u32(&reader);
    CG_ASSERT(!reader.failed && length <= cg_reader_left(&reader));
    cg_status status = cg_message_allocate_decode(batch->facts + *offset + LENGTH_BYTES, length,
                                                  buffers, fact, error);
    if (status == CG_OK) {
        *offset += LENGTH_BYTES + length;
    }
    return status;
}

void cg_message_about_encode(const cg_message_about *message, uint8_t *payload) {
    cg_writer writer = cg_writer_init(payload, CG_MESSAGE_ABOUT_BYTES);
    cg_write_u64(&writer, message->request_id);
    cg_write_u64(&writer, message->target);
    cg_write_u32(&writer, message->client);
    cg_write_u16(&writer, (uint16_t)message->priority);
    cg_write_u16(&writer, (uint16_t)message->space);
    cg_write_u32(&writer, message->flags);
    cg_write_u64(&writer, message->after);
    CG_ASSERT(!writer.failed && writer.used_bytes == CG_MESSAGE_ABOUT_BYTES);
}

cg_status cg_message_about_decode(const uint8_t *payload, size_t size_bytes,
                                  cg_message_about *message, cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_message_about read = {0};
    read.request_id = cg_read_u64(&reader);
    read.target = cg_read_u64(&reader);
    read.client = cg_read_u32(&reader);
    read.priority = cg_read_u16(&reader);
    read.space = cg_read_u16(&reader);
    read.flags = cg_read_u32(&reader);
    read.after = cg_read_u64(&reader);
    if (reader.failed || cg_reader_left(&reader) != 0 || read.priority >= CG_PRIORITY_COUNT) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "message of %zu bytes about a fact with priority %u; it has %d bytes and "
            "priorities below %d",
            size_bytes, read.priority, CG_MESSAGE_ABOUT_BYTES, CG_PRIORITY_COUNT);
    }
    *message = read;
    return CG_OK;
}

size_t cg_message_answer_encode(const cg_reply *reply, uint8_t *payload) {
    cg_writer writer = cg_writer_init(payload, CG_MESSAGE_ANSWER_BYTES_MAX);
    cg_write_u64(&writer, reply->request_id);
    cg_write_u32(&writer, (uint32_t)reply->status);
    cg_write_u32(&writer, reply->host);
    cg_write_u32(&writer, reply->tries);
    cg_write_u64(&writer, reply->fact_id);
    cg_write_u64(&writer, reply->slot);
    cg_write_u32(&writer, reply->winner);
    cg_write_u32(&writer, reply->alternative_count);
    for (uint32_t i = 0; i < reply->alternative_count; ++i) {
        cg_write_u32(&writer, reply->alternatives[i]);
    }
    cg_write_u64(&writer, reply->pathway_id);
    for (int column = 0; column < CG_COLUMN_COUNT; ++column) {
        cg_write_u32(&writer, reply->votes_q16[column]);
    }
    cg_write_u32(&writer, reply->confidence_q16);
    for (int stage = 0; stage < CG_STAGE_COUNT; ++stage) {
        cg_write_u32(&writer, reply->stage_in[stage]);
        cg_write_u32(&writer, reply->stage_out[stage]);
    }
    cg_write_u8(&writer, reply->strategy);
    cg_write_u8(&writer, reply->winning_column);
    cg_write_u8(&writer, reply->audited);
    cg_write_u8(&writer, reply->agreed);
    cg_write_u8(&writer, reply->request);
    cg_write_u8(&writer, reply->cached);
    cg_write_u32(&writer, reply->count);
    cg_write_u64(&writer, reply->version);
    cg_write_u64(&writer, reply->stale_ns);
    CG_ASSERT(!writer.failed);
    return writer.used_bytes;
}

cg_status cg_message_answer_decode(const uint8_t *payload, size_t size_bytes, cg_reply *reply,
                                   cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_reply read = {0};
    read.request_id = cg_read_u64(&reader);
    uint32_t status = cg_read_u32(&reader);
    read.host = cg_read_u32(&reader);
    read.tries = cg_read_u32(&reader);
    read.fact_id = cg_read_u64(&reader);
    read.slot = cg_read_u64(&reader);
    read.winner = cg_read_u32(&reader);
    read.alternative_count = cg_read_u32(&reader);
    if (reader.failed || status >= CG_STATUS_COUNT ||
        read.alternative_count > CG_ALTERNATIVES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "answer message: status %u with %u alternatives", status,
                            read.alternative_count);
    }
    read.status = (cg_status)status;
    for (uint32_t i = 0; i < read.alternative_count; ++i) {
        read.alternatives[i] = cg_read_u32(&reader);
    }
    read.pathway_id = cg_read_u64(&reader);
    for (int column = 0; column < CG_COLUMN_COUNT; ++column) {
        read.votes_q16[column] = cg_read_u32(&reader);
    }
    read.confidence_q16 = cg_read_u32(&reader);
    for (int stage = 0; stage < CG_STAGE_COUNT; ++stage) {
        read.stage_in[stage] = cg_read_u32(&reader);
        read.stage_out[stage] = cg_read_u32(&reader);
    }
    read.strategy = cg_read_u8(&reader);
    read.winning_column = cg_read_u8(&reader);
    read.audited = cg_read_u8(&reader);
    read.agreed = cg_read_u8(&reader);
    read.request = cg_read_u8(&reader);
    read.cached = cg_read_u8(&reader);
    read.count = cg_read_u32(&reader);
    read.version = cg_read_u64(&reader);
    read.stale_ns = cg_read_u64(&reader);
    if (reader.failed || cg_reader_left(&reader) != 0 || read.strategy >= CG_STRATEGY_COUNT ||
        read.request >= CG_REQUEST_KIND_COUNT || read.winning_column >= CG_COLUMN_COUNT) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "answer message of %zu bytes is not whole",
                            size_bytes);
    }
    *reply = read;
    return CG_OK;
}

void cg_message_redirect_encode(const cg_message_redirect *message, uint8_t *payload) {
    cg_writer writer = cg_writer_init(payload, CG_MESSAGE_REDIRECT_BYTES);
    cg_write_u64(&writer, message->request_id);
    cg_write_u32(&writer, message->partition);
    cg_write_u32(&writer, message->primary);
    cg_write_u64(&writer, message->epoch);
    CG_ASSERT(!writer.failed && writer.used_bytes == CG_MESSAGE_REDIRECT_BYTES);
}

cg_status cg_message_redirect_decode(const uint8_t *payload, size_t size_bytes,
                                     cg_message_redirect *message, cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_message_redirect read = {0};
    read.request_id = cg_read_u64(&reader);
    read.partition = cg_read_u32(&reader);
    read.primary = cg_read_u32(&reader);
    read.epoch = cg_read_u64(&reader);
    if (reader.failed || cg_reader_left(&reader) != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "redirect message has %zu bytes instead of %d", size_bytes,
                            CG_MESSAGE_REDIRECT_BYTES);
    }
    *message = read;
    return CG_OK;
}
