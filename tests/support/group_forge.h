/* Messages of a partition's group as somebody else might have made them: with right checksums, and
 * anything at all in them. */
#ifndef CG_TESTS_SUPPORT_GROUP_FORGE_H
#define CG_TESTS_SUPPORT_GROUP_FORGE_H

#include "tests/support/rig.h"

/* Bytes in front of an append's records (engine/replica/group_message.c), and places among them. */
enum {
    FORGE_PARTITION_AT = CG_WIRE_HEADER_BYTES,
    FORGE_COUNT_AT = CG_WIRE_HEADER_BYTES + 20 + 52 + 20 + 17,
    FORGE_RECORDS_AT = FORGE_COUNT_AT + 4,
    FORGE_APPENDED_BYTES = CG_WIRE_HEADER_BYTES + 20 + 12 + 2 + 48 + 4
};

/* An append of the primary of epoch 1 in its first life. */
typedef struct forged_append {
    uint32_t partition;
    uint32_t replica; /* the primary's */
    uint64_t previous;
    uint64_t previous_chain;
    uint32_t count;
    const uint8_t *records;
    size_t records_bytes;
} forged_append;

/* bytes: room for FORGE_RECORDS_AT and the records; returns how many were used. */
static inline size_t forge_append(const forged_append *made, uint32_t from, uint32_t to,
                                  uint8_t *bytes) {
    size_t size = FORGE_RECORDS_AT + made->records_bytes;
    cg_writer writer =
        cg_writer_init(bytes + CG_WIRE_HEADER_BYTES, size - CG_WIRE_HEADER_BYTES);
    cg_write_u32(&writer, made->partition);
    cg_write_u64(&writer, 1); /* epoch */
    cg_write_u64(&writer, 0); /* life */
    cg_write_u32(&writer, made->replica);
    cg_write_u64(&writer, 0); /* round */
    cg_write_u64(&writer, made->previous);
    cg_write_u64(&writer, made->previous_chain);
    cg_write_u64(&writer, 0); /* safe */
    cg_write_u64(&writer, made->previous + made->count);
    cg_write_u64(&writer, 0); /* chain of its last */
    cg_write_u64(&writer, 1); /* id of its last: epoch ... */
    cg_write_u64(&writer, made->previous + made->count);
    cg_write_u32(&writer, made->replica);
    cg_write_u64(&writer, 0);          /* absorbed */
    cg_write_u8(&writer, 0);           /* keeps */
    cg_write_u64(&writer, UINT64_MAX); /* wants nothing */
    cg_write_u32(&writer, made->count);
    if (made->records_bytes > 0) {
        cg_write_bytes(&writer, made->records, made->records_bytes);
    }
    assert_false(writer.failed);
    assert_int_equal(writer.used_bytes + CG_WIRE_HEADER_BYTES, size);
    seal(bytes, size, group_type(CG_GROUP_APPEND), from, to);
    return size;
}

/* An answer, that so much of the log is held and durable; bytes[FORGE_APPENDED_BYTES]. */
static inline void forge_appended(uint32_t partition, uint64_t sequence, uint64_t chain,
                                  uint32_t from, uint32_t to, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes + CG_WIRE_HEADER_BYTES,
                                      FORGE_APPENDED_BYTES - CG_WIRE_HEADER_BYTES);
    cg_write_u32(&writer, partition);
    cg_write_u64(&writer, 1); /* epoch */
    cg_write_u64(&writer, 0); /* life */
    cg_write_u32(&writer, to);
    cg_write_u64(&writer, 0);     /* round */
    cg_write_u8(&writer, 1);      /* found */
    cg_write_u8(&writer, 1);      /* counts */
    for (int i = 0; i < 3; i++) { /* held, durable, last */
        cg_write_u64(&writer, sequence);
        cg_write_u64(&writer, chain);
    }
    cg_write_u32(&writer, 0);
    assert_false(writer.failed);
    assert_int_equal(writer.used_bytes + CG_WIRE_HEADER_BYTES, FORGE_APPENDED_BYTES);
    seal(bytes, FORGE_APPENDED_BYTES, group_type(CG_GROUP_APPENDED), from, to);
}

#endif
