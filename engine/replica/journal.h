/* The journal: what one host has on its disk, in the order in which it was written.
 *
 * The host's one file of frames, appended to and never changed; after a crash the state is what its
 * frames say, in order. A frame, little-endian:
 *
 *   offset bytes field
 *        0     3 length of all that follows the first 4 bytes
 *        3     1 check of the length: its three bytes and 0xa5, by exclusive or
 *        4     4 checksum: CRC-32C of all that follows it
 *        8     1 kind (cg_frame_kind)
 *        9     4 owner: the partition's number; of edges, the space's
 *       13       payload
 *
 * Payloads: RECORD a log record (log.h), which is appended to the partition's log; CUT,
 * PROMISE, WITNESS and AMNESIA as group.h says; EDGES a
 * change of edges (edge_set.h); LIFE 8 bytes, its number.
 */
#ifndef CG_ENGINE_REPLICA_JOURNAL_H
#define CG_ENGINE_REPLICA_JOURNAL_H

#include "engine/base/status.h"

typedef enum cg_frame_kind {
    CG_FRAME_RECORD,
    CG_FRAME_CUT,
    CG_FRAME_PROMISE, /* epoch, and whom this host voted for in it */
    CG_FRAME_WITNESS, /* how far the log is that a witness has seen */
    CG_FRAME_AMNESIA, /* this host lost its disk: it does not know what it promised, or does again */
    CG_FRAME_EDGES,
    CG_FRAME_LIFE, /* of the host, in which this disk was new, or forgot; owner 0 */
    CG_FRAME_KIND_COUNT
} cg_frame_kind;

enum { CG_FRAME_HEAD_BYTES = 13, CG_FRAME_BYTES_MAX = 1 << 24 };

typedef struct cg_frame {
    cg_frame_kind kind;
    uint32_t owner;
    const uint8_t *payload; /* borrowed from the image */
    size_t payload_bytes;
} cg_frame;

static inline size_t cg_frame_bytes(size_t payload_bytes) {
    return CG_FRAME_HEAD_BYTES + payload_bytes;
}
/* Writes the head in front of a payload that already stands at bytes + CG_FRAME_HEAD_BYTES. */
void cg_frame_seal(cg_frame_kind kind, uint32_t owner, size_t payload_bytes, uint8_t *bytes);

/* The frame at image[*offset], and moves *offset behind it. False where no whole, unaltered frame of
 * a known kind begins; *offset stays. */
bool cg_frame_next(const uint8_t *image, size_t size_bytes, size_t *offset, cg_frame *frame);

/* Whether what is no frame at offset may be a torn tail: the beginning of one, which a crash in the middle
 * of its write leaves, and nobody was told of. A frame that is there to its end but for its checksum, or
 * whose length is not sound, was altered on the disk (or a disk has written its end before its beginning:
 * that counts as altered too, which costs a recovery, but breaks no promise). Were a last record that was
 * altered taken for a torn one, this host would vote without what it has promised to keep. */
bool cg_journal_is_torn(const uint8_t *image, size_t size_bytes, size_t offset);

/* Where whole frames go on behind what is not one at *offset, which moves there; false: nowhere. A torn
 * tail has nothing behind it: where something is, bytes were altered on the disk, and this host may have
 * promised what it no longer knows. */
bool cg_journal_resume(const uint8_t *image, size_t size_bytes, size_t *offset);

/* A frame of kind LIFE: cg_frame_bytes(8). */
void cg_frame_write_life(uint64_t life, uint8_t *bytes);
cg_status cg_frame_life(const cg_frame *frame, uint64_t *life, cg_error *error);

#endif
