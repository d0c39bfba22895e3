/* Goal: any bytes at all end as a status or as a message that can be used. The input is taken
 * as a message, as each of the payloads, as a log record, as records of a log, and as a journal; and once more with right
 * checksums in the places of wrong ones, so that what lies behind a checksum is reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/node/message.h"
#include "engine/replica/journal.h"
#include "engine/replica/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Places in a record (engine/replica/log.h). */
enum {
    RECORD_PREFIX_BYTES = 8,
    RECORD_LEARNED_AT = 61,
    RECORD_COUNTS_AT = 65,
    RECORD_FIXED_BYTES = 77
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
        require(at->from != at->to);
        if (i > 0) {
            const cg_log_weight *before = &record->weights[i - 1];
            require(before->from < at->from ||
                    (before->from == at->from &&
                     (before->type < at->type ||
                      (before->type == at->type && before->to < at->to))));
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
        require((record.removed & CG_FACT_ID_BIT) != 0);
    } else if (record.kind == CG_RECORD_WEIGHTS) {
        check_weights(&record);
    } else if (record.kind == CG_RECORD_EPOCH) {
        require(record.request_id == 0);
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

static void check_redirect(const uint8_t *data, size_t size) {
    cg_message_redirect redirect;
    cg_error error = {0};
    if (cg_message_redirect_decode(data, size, &redirect, &error) != CG_OK) {
        require(error.status == CG_ERROR_CORRUPT && error.message[0] != 0);
        return;
    }
    uint8_t again[CG_MESSAGE_REDIRECT_BYTES];
    cg_message_redirect_encode(&redirect, again);
    require(size == sizeof again && memcmp(again, data, size) == 0);
}

/* As a replica walks through the records of an append: what it looks at before it decodes one agrees
 * with what it decodes. */
static void check_records(const uint8_t *data, size_t size) {
    cg_log_store *log = NULL;
    require(cg_log_alloc(cg_allocator_heap(), &log, NULL) == CG_OK);
    cg_log_id last = {0};
    size_t used = 0;
    cg_log_id id;
    for (size_t offset = 0;
         cg_log_record_peek(data + offset, size - offset, &used, &id, NULL) == CG_OK;
         offset += used) {
        require(used > 0 && used <= size - offset);
        bool follows = cg_log_id_compare(&last, &id) < 0;
        cg_log_record record;
        size_t decoded = 0;
        bool is_one = cg_log_record_decode(data + offset, size - offset, &buffers, &record,
                                           &decoded, NULL) == CG_OK;
        require(!is_one || (decoded == used && cg_log_id_compare(&record.id, &id) == 0));
        if (is_one) {
            require((cg_log_append(log, data + offset, used, NULL) == CG_OK) == follows);
            last = follows ? id : last;
        }
    }
    cg_log_free(log);
}

/* As a host walks through its journal: it ends, where whole frames go on is behind it, and what was read
 * is what a frame would be written as. */
static void check_journal(const uint8_t *data, size_t size) {
    size_t offset = 0;
    cg_frame frame;
    for (size_t begin = 0; cg_frame_next(data, size, &offset, &frame); begin = offset) {
        require(offset <= size && offset - begin == cg_frame_bytes(frame.payload_bytes));
        require((unsigned)frame.kind < CG_FRAME_KIND_COUNT);
        uint8_t *again = malloc(offset - begin);
        require(again != NULL);
        if (frame.payload_bytes > 0) {
            memcpy(again + CG_FRAME_HEAD_BYTES, frame.payload, frame.payload_bytes);
        }
        cg_frame_seal(frame.kind, frame.owner, frame.payload_bytes, again);
        require(memcmp(again, data + begin, offset - begin) == 0);
        free(again);
        uint64_t life = 0;
        require(frame.kind != CG_FRAME_LIFE ||
                (cg_frame_life(&frame, &life, NULL) == CG_OK) == (frame.payload_bytes == 8));
    }
    size_t further = offset;
    if (cg_journal_resume(data, size, &further)) {
        require(further > offset && further < size);
        require(cg_frame_next(data, size, &further, &frame));
    }
}

/* As a primary walks through a batch. */
static void check_work(const uint8_t *data, size_t size) {
    cg_message_batch batch;
    cg_message_about about;
    cg_error error = {0};
    if (cg_message_about_decode(data, size, &about, &error) == CG_OK) {
        uint8_t again[CG_MESSAGE_ABOUT_BYTES];
        cg_message_about_encode(&about, again);
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
    check_redirect(payload, header.payload_bytes);
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
    check_records(payload, size);
    check_journal(payload,
                  size); /* records and frames have their checksums at the same place */
    if (size > 0) {
        memcpy(payload, data, size);
    }
    check_work(payload, size);
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
    check_redirect(data, size);
    check_work(data, size);
    check_records(data, size);
    check_journal(data, size);
    check_resealed(data, size);
    return 0;
}
