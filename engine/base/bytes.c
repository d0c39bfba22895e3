/* Bounded little-endian reading and writing. One function each way decides about bounds. */
#include "engine/base/bytes.h"

#include <string.h>

cg_writer cg_writer_init(uint8_t *bytes, size_t capacity_bytes) {
    return (cg_writer){.bytes = bytes, .capacity_bytes = capacity_bytes};
}

/* The place for the next size_bytes bytes, or NULL and failed. */
static uint8_t *writer_take(cg_writer *writer, size_t size_bytes) {
    if (writer->failed || size_bytes > writer->capacity_bytes - writer->used_bytes) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *place = writer->bytes + writer->used_bytes;
    writer->used_bytes += size_bytes;
    return place;
}

static void write_word(cg_writer *writer, uint64_t value, size_t size_bytes) {
    uint8_t *place = writer_take(writer, size_bytes);
    for (size_t i = 0; place && i < size_bytes; i++) {
        place[i] = (uint8_t)(value >> (8 * i));
    }
}

void cg_write_u8(cg_writer *writer, uint8_t value) {
    write_word(writer, value, 1);
}

void cg_write_u16(cg_writer *writer, uint16_t value) {
    write_word(writer, value, 2);
}

void cg_write_u32(cg_writer *writer, uint32_t value) {
    write_word(writer, value, 4);
}

void cg_write_u64(cg_writer *writer, uint64_t value) {
    write_word(writer, value, 8);
}

void cg_write_f32(cg_writer *writer, float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    write_word(writer, bits, 4);
}

void cg_write_bytes(cg_writer *writer, const void *bytes, size_t size_bytes) {
    if (size_bytes == 0) {
        return; /* both pointers may be NULL then */
    }
    uint8_t *place = writer_take(writer, size_bytes);
    if (place) {
        memcpy(place, bytes, size_bytes);
    }
}

cg_reader cg_reader_init(const uint8_t *bytes, size_t size_bytes) {
    /* An empty input may be NULL; an address keeps "empty" apart from "failed" in
     * cg_read_bytes. */
    static const uint8_t nothing[1] = {0};
    return (cg_reader){.bytes = bytes ? bytes : nothing, .size_bytes = bytes ? size_bytes : 0};
}

const uint8_t *cg_read_bytes(cg_reader *reader, size_t size_bytes) {
    if (reader->failed || size_bytes > reader->size_bytes - reader->used_bytes) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *place = reader->bytes + reader->used_bytes;
    reader->used_bytes += size_bytes;
    return place;
}

static uint64_t read_word(cg_reader *reader, size_t size_bytes) {
    const uint8_t *place = cg_read_bytes(reader, size_bytes);
    uint64_t value = 0;
    for (size_t i = 0; place && i < size_bytes; i++) {
        value |= (uint64_t)place[i] << (8 * i);
    }
    return value;
}

uint8_t cg_read_u8(cg_reader *reader) {
    return (uint8_t)read_word(reader, 1);
}

uint16_t cg_read_u16(cg_reader *reader) {
    return (uint16_t)read_word(reader, 2);
}

uint32_t cg_read_u32(cg_reader *reader) {
    return (uint32_t)read_word(reader, 4);
}

uint64_t cg_read_u64(cg_reader *reader) {
    return read_word(reader, 8);
}

float cg_read_f32(cg_reader *reader) {
    uint32_t bits = (uint32_t)read_word(reader, 4);
    float value = 0.0f;
    memcpy(&value, &bits, sizeof value);
    return value;
}

size_t cg_reader_left(const cg_reader *reader) {
    return reader->failed ? 0 : reader->size_bytes - reader->used_bytes;
}
