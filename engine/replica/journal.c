/* Frames of the journal; the layout stands in journal.h. */
#include "engine/replica/journal.h"

#include "engine/base/bug.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"

enum {
    LENGTH_BYTES = 4,
    PREFIX_BYTES = 8,
    OWNED_BYTES = CG_FRAME_HEAD_BYTES - PREFIX_BYTES,
    LENGTH_SALT = 0xa5,
    LENGTH_SHIFT = 24
};

/* The length with its check in the highest byte: no single byte of it can be altered unseen. */
static uint32_t sealed_length(uint32_t length) {
    uint32_t check = (length ^ length >> 8 ^ length >> 16 ^ LENGTH_SALT) & 0xff;
    return length | check << LENGTH_SHIFT;
}

static bool read_length(const uint8_t *bytes, size_t *length) {
    cg_reader reader = cg_reader_init(bytes, LENGTH_BYTES);
    uint32_t sealed = cg_read_u32(&reader);
    *length = sealed & ((UINT32_C(1) << LENGTH_SHIFT) - 1);
    return sealed_length((uint32_t)*length) == sealed &&
           *length >= CG_FRAME_HEAD_BYTES - LENGTH_BYTES;
}

void cg_frame_seal(cg_frame_kind kind, uint32_t owner, size_t payload_bytes, uint8_t *bytes) {
    size_t size = cg_frame_bytes(payload_bytes);
    CG_ASSERT(kind < CG_FRAME_KIND_COUNT && size <= CG_FRAME_BYTES_MAX);
    cg_writer behind = cg_writer_init(bytes + PREFIX_BYTES, OWNED_BYTES);
    cg_write_u8(&behind, (uint8_t)kind);
    cg_write_u32(&behind, owner);
    cg_writer prefix = cg_writer_init(bytes, PREFIX_BYTES);
    cg_write_u32(&prefix, sealed_length((uint32_t)(size - LENGTH_BYTES)));
    cg_write_u32(&prefix, cg_crc32c(bytes + PREFIX_BYTES, size - PREFIX_BYTES));
}

bool cg_frame_next(const uint8_t *image, size_t size_bytes, size_t *offset, cg_frame *frame) {
    if (*offset >= size_bytes || size_bytes - *offset < CG_FRAME_HEAD_BYTES) {
        return false;
    }
    const uint8_t *bytes = image + *offset;
    size_t length = 0;
    bool is_sound = read_length(bytes, &length);
    cg_reader reader = cg_reader_init(bytes + LENGTH_BYTES, CG_FRAME_HEAD_BYTES - LENGTH_BYTES);
    uint32_t checksum = cg_read_u32(&reader);
    uint8_t kind = cg_read_u8(&reader);
    uint32_t owner = cg_read_u32(&reader);
    if (!is_sound || length > size_bytes - *offset - LENGTH_BYTES ||
        kind >= CG_FRAME_KIND_COUNT ||
        (!CG_BUG(CHECKSUM_IGNORED) &&
         cg_crc32c(bytes + PREFIX_BYTES, length - 4) != checksum)) {
        return false;
    }
    *frame = (cg_frame){.kind = (cg_frame_kind)kind,
                        .owner = owner,
                        .payload = bytes + CG_FRAME_HEAD_BYTES,
                        .payload_bytes = length + 4 - CG_FRAME_HEAD_BYTES};
    *offset += length + 4;
    return true;
}

bool cg_journal_is_torn(const uint8_t *image, size_t size_bytes, size_t offset) {
    size_t left = size_bytes - offset;
    size_t length = 0;
    return left < LENGTH_BYTES ||
           (read_length(image + offset, &length) && left - LENGTH_BYTES < length);
}

/* A frame begins wherever its length, kind and checksum say so: behind bytes that are none, each place is
 * tried. Few pass the length and the kind, so that this costs little more than one pass. */
bool cg_journal_resume(const uint8_t *image, size_t size_bytes, size_t *offset) {
    cg_frame frame;
    for (size_t at = *offset + 1; at < size_bytes; ++at) {
        size_t behind = at;
        if (cg_frame_next(image, size_bytes, &behind, &frame)) {
            *offset = at;
            return true;
        }
    }
    return false;
}

void cg_frame_write_life(uint64_t life, uint8_t *bytes) {
    cg_writer payload = cg_writer_init(bytes + CG_FRAME_HEAD_BYTES, 8);
    cg_write_u64(&payload, life);
    cg_frame_seal(CG_FRAME_LIFE, 0, 8, bytes);
}

cg_status cg_frame_life(const cg_frame *frame, uint64_t *life, cg_error *error) {
    cg_reader reader = cg_reader_init(frame->payload, frame->payload_bytes);
    uint64_t read = cg_read_u64(&reader);
    if (frame->kind != CG_FRAME_LIFE || reader.failed || cg_reader_left(&reader) > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a frame of kind %d with %zu bytes names no life; kind %d has 8",
                            (int)frame->kind, frame->payload_bytes, (int)CG_FRAME_LIFE);
    }
    *life = read;
    return CG_OK;
}
