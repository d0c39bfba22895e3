/* The envelope of every message between hosts.
 *
 * All integers little-endian. A message's simulated size is its encoded size: header + payload.
 *
 *   offset bytes field
 *        0     4 magic "CGW1"
 *        4     2 version (CG_WIRE_VERSION): 4, since partitions have epochs
 *        6     2 type (engine/node/message.h)
 *        8     4 sender's host
 *       12     4 receiver's host
 *       16     8 hybrid logical clock, physical part, ns
 *       24     4 hybrid logical clock, logical part
 *       28     4 payload bytes
 *       32     8 owner: the memory space, of protocols that have one state a space; otherwise 0
 *       40     4 reserved, 0
 *       44     4 checksum: CRC-32C of two u32: CRC-32C of bytes 0..43, CRC-32C of the payload
 *       48       payload
 */
#ifndef CG_ENGINE_REPLICA_WIRE_H
#define CG_ENGINE_REPLICA_WIRE_H

#include "engine/base/clock.h"
#include "engine/base/status.h"

enum { CG_WIRE_VERSION = 4, CG_WIRE_HEADER_BYTES = 48, CG_WIRE_PAYLOAD_BYTES_MAX = 1 << 24 };

typedef struct cg_wire_header {
    uint16_t type;
    uint32_t from;
    uint32_t to;
    cg_hlc clock;
    uint64_t owner;
    uint32_t payload_bytes;
} cg_wire_header;

/* Writes the header in front of a payload that already stands at bytes +
 * CG_WIRE_HEADER_BYTES. */
void cg_wire_seal(const cg_wire_header *header, uint8_t *bytes);

/* Checks length, magic, version, reserved field and checksum. *payload is borrowed from bytes.
 * Errors: CG_ERROR_CORRUPT, CG_ERROR_VERSION; the header is untouched then. */
cg_status cg_wire_open(const uint8_t *bytes, size_t size_bytes, cg_wire_header *header,
                       const uint8_t **payload, cg_error *error);

#endif
