/* Bounded little-endian reading and writing of bytes, for wire and log formats.
 *
 * Both carry a sticky failure: after the first access past the end every later call does
 * nothing (reads give 0), so a decoder checks once at its end. Nothing is ever read or written
 * out of bounds.
 */
#ifndef CG_ENGINE_BASE_BYTES_H
#define CG_ENGINE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cg_writer {
    uint8_t *bytes;
    size_t capacity_bytes;
    size_t used_bytes;
    bool failed;
} cg_writer;

cg_writer cg_writer_init(uint8_t *bytes, size_t capacity_bytes);
void cg_write_u8(cg_writer *writer, uint8_t value);
void cg_write_u16(cg_writer *writer, uint16_t value);
void cg_write_u32(cg_writer *writer, uint32_t value);
void cg_write_u64(cg_writer *writer, uint64_t value);
void cg_write_f32(cg_writer *writer, float value); /* IEEE 754 bits */
/* Without a length in front. */
void cg_write_bytes(cg_writer *writer, const void *bytes, size_t size_bytes);

typedef struct cg_reader {
    const uint8_t *bytes;
    size_t size_bytes;
    size_t used_bytes;
    bool failed;
} cg_reader;

cg_reader cg_reader_init(const uint8_t *bytes, size_t size_bytes);
uint8_t cg_read_u8(cg_reader *reader);
uint16_t cg_read_u16(cg_reader *reader);
uint32_t cg_read_u32(cg_reader *reader);
uint64_t cg_read_u64(cg_reader *reader);
float cg_read_f32(cg_reader *reader);
/* Borrowed from the reader's bytes; NULL (and failed) when fewer than size_bytes are left. */
const uint8_t *cg_read_bytes(cg_reader *reader, size_t size_bytes);
size_t cg_reader_left(const cg_reader *reader);

#endif
