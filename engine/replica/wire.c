#include "engine/replica/wire.h"

#include "engine/base/bug.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"

static const uint32_t wire_magic = 0x31574743; /* "CGW1" */
enum { CHECKSUM_OFFSET = 44 };

static uint32_t wire_checksum(const uint8_t *bytes, size_t payload_bytes) {
    uint32_t parts[2] = {cg_crc32c(bytes, CHECKSUM_OFFSET),
                         cg_crc32c(bytes + CG_WIRE_HEADER_BYTES, payload_bytes)};
    uint8_t joined[8];
    cg_writer writer = cg_writer_init(joined, sizeof joined);
    cg_write_u32(&writer, parts[0]);
    cg_write_u32(&writer, parts[1]);
    return cg_crc32c(joined, sizeof joined);
}

void cg_wire_seal(const cg_wire_header *header, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes, CG_WIRE_HEADER_BYTES);
    cg_write_u32(&writer, wire_magic);
    cg_write_u16(&writer, CG_WIRE_VERSION);
    cg_write_u16(&writer, header->type);
    cg_write_u32(&writer, header->from);
    cg_write_u32(&writer, header->to);
    cg_write_u64(&writer, header->clock.physical_ns);
    cg_write_u32(&writer, header->clock.logical);
    cg_write_u32(&writer, header->payload_bytes);
    cg_write_u64(&writer, header->owner);
    cg_write_u32(&writer, 0);
    cg_write_u32(&writer, wire_checksum(bytes, header->payload_bytes));
    CG_ASSERT(!writer.failed && writer.used_bytes == CG_WIRE_HEADER_BYTES);
}

cg_status cg_wire_open(const uint8_t *bytes, size_t size_bytes, cg_wire_header *header,
                       const uint8_t **payload, cg_error *error) {
    cg_reader reader = cg_reader_init(bytes, size_bytes);
    uint32_t magic = cg_read_u32(&reader);
    uint16_t version = cg_read_u16(&reader);
    cg_wire_header read = {0};
    read.type = cg_read_u16(&reader);
    read.from = cg_read_u32(&reader);
    read.to = cg_read_u32(&reader);
    read.clock.physical_ns = cg_read_u64(&reader);
    read.clock.logical = cg_read_u32(&reader);
    read.payload_bytes = cg_read_u32(&reader);
    read.owner = cg_read_u64(&reader);
    uint32_t reserved = cg_read_u32(&reader);
    uint32_t checksum = cg_read_u32(&reader);
    if (reader.failed) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "message of %zu bytes is shorter than its %d-byte header",
                            size_bytes, CG_WIRE_HEADER_BYTES);
    }
    if (magic != wire_magic) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "message starts with %08x instead of \"CGW1\"", magic);
    }
    if (version != CG_WIRE_VERSION) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "message of wire version %u, this host speaks %d", version,
                            CG_WIRE_VERSION);
    }
    if (read.payload_bytes > CG_WIRE_PAYLOAD_BYTES_MAX ||
        read.payload_bytes != size_bytes - CG_WIRE_HEADER_BYTES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "message announces %u payload bytes but carries %zu",
                            read.payload_bytes, size_bytes - CG_WIRE_HEADER_BYTES);
    }
    if (reserved != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "message has %u in its reserved field instead of 0", reserved);
    }
    uint32_t expected = wire_checksum(bytes, read.payload_bytes);
    if (checksum != expected && !cg_bug(CG_BUG_CHECKSUM_IGNORED)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "message checksum is %08x, its bytes give %08x", checksum,
                            expected);
    }
    *header = read;
    *payload = bytes + CG_WIRE_HEADER_BYTES;
    return CG_OK;
}
