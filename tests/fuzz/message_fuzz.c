/* Goal: any bytes at all end as a status or as a message that can be used. The input is taken
 * as a message, as each of the payloads, as a log record and as a log; and once more with right
 * checksums in the places of wrong ones, so that what lies behind a checksum is reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/node/message.h"
#include "engine/replica/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Places in a record (engine/replica/log.h). */
enum {
    RECORD_PREFIX_BYTES = 8,
    RECORD_LEARNED_AT = 53,
    RECORD_COUNTS_AT = 57,
    RECORD_FIXED_BYTES = 69
};
static cg_log_buffers buffers;

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

/* What a decoder lets through has unit length and encodes to the same bytes. */
static void check_vectors(uint32_t dims, const float *dense, cg_sparse sparse) {
    double squares = 0.0;
    for (uint32_t i = 0; i < dims; i++) {
        squares += (double)dense[i] * (double)dense[i];
    }
    require(squares > 0.99 && squares < 1.01);
    require(cg_sparse_check(sparse, "the input", NULL) == CG_OK);
}

/* What was learned can be decided with. */
static void check_learned(const cg_learned *learned) {
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            uint32_t weight = learned->synapses.weight_q16[pathway][line];
            require(weight >= 66 && weight <= 65536);
        }
    }
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        uint32_t weight = learned->synapses.expertise_q16[column];
        require(weight >= 66 && weight <= 65536);
    }
    for (int recognised = 0; recognised < 2; recognised++) {
        cg_lead lead = {.margin = 1.0, .distance = 2.0, .recognised = recognised > 0};
        double confidence = cg_calibration_confidence(&learned->calibration, &lead);
        require(confidence >= 0.0 && confidence <= 1.0);
    }
}

/* Edges ascend, so that none is there twice. */
static void check_weights(const cg_log_record *record) {
    require(record->request_id == 0);
    require(record->weight_count > 0 && record->weight_count <= CG_RECORD_WEIGHTS_MAX);
    for (uint32_t i = 0; i < record->weight_count; i++) {
        const cg_log_weight *at = &record->weights[i];
        require(at->from != at->edge.target && at->edge.unused == 0);
        if (i > 0) {
            const cg_log_weight *before = &record->weights[i - 1];
            require(before->from < at->from ||
                    (before->from == at->from && (before->edge.type < at->edge.type ||
                                                  (before->edge.type == at->edge.type &&
                                                   before->edge.target < at->edge.target))));
        }
    }
}

static void check_record(const uint8_t *data, size_t size) {
    cg_log_record record;
    cg_error error = {0};
    size_t used = 0;
    if (cg_log_record_decode(data, size, &buffers, &record, &used, &error) != CG_OK) {
        require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
        return;
    }
    if (record.kind == CG_RECORD_REMOVE) {
        require(record.removed_sequence > 0 && record.removed_sequence < record.sequence);
    } else if (record.kind == CG_RECORD_WEIGHTS) {
        check_weights(&record);
    } else {
        require(record.kind == CG_RECORD_FACT);
        check_vectors(record.dims, record.dense, record.sparse);
    }
    if (record.has_learned) {
        check_learned(&record.learned);
    }
    require(used > 0 && used <= size && cg_log_record_bytes(&record) == used);
    uint8_t *again = malloc(used);
    require(again != NULL);
    cg_log_record_encode(&record, again);
    require(memcmp(again, data, used) == 0);
    free(again);
}

static void check_allocate(const uint8_t *data, size_t size) {
    cg_message_allocate message;
    cg_error error = {0};
    if (cg_message_allocate_decode(data, size, &buffers, &message, &error) != CG_OK) {
        require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
        return;
    }
    check_vectors(message.dims, message.dense, message.sparse);
    require(cg_message_allocate_bytes(&message) == size);
    uint8_t *again = malloc(size);
    require(again != NULL);
    cg_message_allocate_encode(&message, again);
    require(memcmp(again, data, size) == 0);
    free(again);
}

static void check_answer(const uint8_t *data, size_t size) {
    cg_reply reply;
    cg_error error = {0};
    uint8_t again[CG_MESSAGE_ANSWER_BYTES_MAX];
    if (cg_message_answer_decode(data, size, &reply, &error) != CG_OK) {
        require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
        return;
    }
    require(cg_message_answer_encode(&reply, again) == size);
    require(memcmp(again, data, size) == 0);
}

/* As a replica walks through an append message. */
static void check_append(const uint8_t *data, size_t size) {
    cg_message_append append;
    cg_message_appended appended;
    cg_error error = {0};
    if (cg_message_appended_decode(data, size, &appended, &error) == CG_OK) {
        uint8_t again[CG_MESSAGE_APPENDED_BYTES];
        cg_message_appended_encode(&appended, again);
        require(size == sizeof again && memcmp(again, data, size) == 0);
    }
    if (cg_message_append_decode(data, size, &append, &error) != CG_OK) {
        require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
        return;
    }
    size_t offset = 0;
    for (uint32_t i = 0; i < append.count; i++) {
        cg_log_record record;
        size_t used = 0;
        if (cg_log_record_decode(append.records + offset, append.records_bytes - offset,
                                 &buffers, &record, &used, &error) != CG_OK) {
            return;
        }
        offset += used;
        require(used > 0 && offset <= append.records_bytes);
    }
}

/* As a primary walks through a batch. */
static void check_work(const uint8_t *data, size_t size) {
    cg_message_batch batch;
    cg_message_remove removal;
    cg_error error = {0};
    if (cg_message_remove_decode(data, size, &removal, &error) == CG_OK) {
        uint8_t again[CG_MESSAGE_REMOVE_BYTES];
        cg_message_remove_encode(&removal, again);
        require(size == sizeof again && memcmp(again, data, size) == 0);
    }
    if (cg_message_batch_decode(data, size, &batch, &error) != CG_OK) {
        require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
        return;
    }
    size_t offset = 0;
    cg_message_allocate fact;
    for (uint32_t i = 0; i < batch.count; i++) {
        if (cg_message_batch_next(&batch, &offset, &buffers, &fact, &error) != CG_OK) {
            require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
            return;
        }
        require(offset <= batch.facts_bytes);
        check_vectors(fact.dims, fact.dense, fact.sparse);
    }
    require(offset == batch.facts_bytes);
}

static void check_log(const uint8_t *data, size_t size) {
    size_t valid = 0;
    uint64_t count = cg_log_scan(data, size, &valid);
    require(valid <= size);
    size_t again = 0;
    require(cg_log_scan(data, valid, &again) == count && again == valid);
}

static void check_wire(const uint8_t *data, size_t size) {
    cg_wire_header header;
    const uint8_t *payload = NULL;
    cg_error error = {0};
    if (cg_wire_open(data, size, &header, &payload, &error) != CG_OK) {
        require(error.message[0] != 0);
        return;
    }
    require(payload == data + CG_WIRE_HEADER_BYTES);
    require(size == CG_WIRE_HEADER_BYTES + (size_t)header.payload_bytes);
    check_allocate(payload, header.payload_bytes);
    check_answer(payload, header.payload_bytes);
    check_append(payload, header.payload_bytes);
    check_work(payload, header.payload_bytes);
}

/* Gives each record that a walk over lengths finds a right checksum. */
static void seal_records(uint8_t *data, size_t size) {
    size_t offset = 0;
    while (size - offset >= RECORD_PREFIX_BYTES) {
        cg_reader reader = cg_reader_init(data + offset, 4);
        size_t length = cg_read_u32(&reader);
        if (length < 4 || length > size - offset - 4) {
            return;
        }
        cg_writer writer = cg_writer_init(data + offset + 4, 4);
        cg_write_u32(&writer, cg_crc32c(data + offset + RECORD_PREFIX_BYTES, length - 4));
        offset += length + 4;
    }
}

/* The first entry of a vector made what the others leave of unit length, where they leave any.
 */
static void make_unit(uint8_t *bytes, uint32_t count) {
    double squares = 0.0;
    cg_reader reader = cg_reader_init(bytes, 4 * (size_t)count);
    cg_read_f32(&reader);
    for (uint32_t i = 1; i < count; i++) {
        double value = (double)cg_read_f32(&reader);
        squares += value * value;
    }
    if (count > 0 && squares <= 0.9) {
        double rest = 1.0 - squares;
        double root = rest; /* Newton's square root */
        for (int i = 0; i < 40; i++) {
            root = 0.5 * (root + rest / root);
        }
        cg_writer writer = cg_writer_init(bytes, 4);
        cg_write_f32(&writer, (float)root);
    }
}

static void make_units(uint8_t *data, size_t size, size_t counts_at, size_t vectors_at) {
    if (size < vectors_at) {
        return;
    }
    cg_reader reader = cg_reader_init(data + counts_at, 8);
    uint32_t dims = cg_read_u32(&reader);
    uint32_t entries = cg_read_u32(&reader);
    if (dims <= CG_DIMS_MAX && entries <= CG_SPARSE_ENTRIES_MAX &&
        4 * (size_t)dims + 8 * (size_t)entries <= size - vectors_at) {
        make_unit(data + vectors_at, dims);
        make_unit(data + vectors_at + 4 * (size_t)dims + 4 * (size_t)entries, entries);
    }
}

/* The vectors of a record stand behind what was learned. */
static void make_record_units(uint8_t *data, size_t size) {
    if (size >= RECORD_FIXED_BYTES) {
        cg_reader reader = cg_reader_init(data + RECORD_LEARNED_AT, 4);
        size_t learned_bytes = cg_read_u32(&reader);
        if (learned_bytes <= size - RECORD_FIXED_BYTES) {
            make_units(data, size, RECORD_COUNTS_AT, RECORD_FIXED_BYTES + learned_bytes);
        }
    }
}

static void check_resealed(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(CG_WIRE_HEADER_BYTES + size + 1);
    require(bytes != NULL);
    uint8_t *payload = bytes + CG_WIRE_HEADER_BYTES;
    if (size > 0) {
        memcpy(payload, data, size);
    }
    make_record_units(payload, size);
    seal_records(payload, size);
    check_record(payload, size);
    check_log(payload, size);
    if (size > 0) {
        memcpy(payload, data, size);
    }
    if (size > CG_MESSAGE_APPEND_PREFIX_BYTES) {
        make_record_units(payload + CG_MESSAGE_APPEND_PREFIX_BYTES,
                          size - CG_MESSAGE_APPEND_PREFIX_BYTES);
        seal_records(payload + CG_MESSAGE_APPEND_PREFIX_BYTES,
                     size - CG_MESSAGE_APPEND_PREFIX_BYTES);
        check_append(payload, size);
        check_work(payload, size);
        memcpy(payload, data, size);
    }
    make_units(payload, size, 16, 36); /* an allocate message */
    cg_wire_header header = {
        .type = CG_MESSAGE_ALLOCATE, .from = 1, .payload_bytes = (uint32_t)size};
    cg_wire_seal(&header, bytes);
    check_wire(bytes, CG_WIRE_HEADER_BYTES + size);
    cg_wire_header opened;
    const uint8_t *found = NULL;
    require(size > CG_WIRE_PAYLOAD_BYTES_MAX ||
            cg_wire_open(bytes, CG_WIRE_HEADER_BYTES + size, &opened, &found, NULL) == CG_OK);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_wire(data, size);
    check_record(data, size);
    check_allocate(data, size);
    check_answer(data, size);
    check_append(data, size);
    check_work(data, size);
    check_log(data, size);
    check_resealed(data, size);
    return 0;
}
