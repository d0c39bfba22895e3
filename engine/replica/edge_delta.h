/* What changed in a set of edges, as bytes: the record that a host writes into its log, that
 * recovery replays and that gossip ships (spec F6, F7).
 *
 * A delta has ranges and entries. A range (replica, after, upto) says that whoever has seen that
 * replica's changes 1..after, and joins the entries, has seen 1..upto; after = upto asks for
 * changes and adds none. An entry is the present sums of one replica for one edge, or a reset of
 * them. Each carries the dot (replica, counter) of the change that made it what it is.
 *
 * A delta too large for one message comes in parts, which take effect together with the last; the
 * next part begins where the one before it ended. A whole delta holds everything its sender has:
 * what its ranges say was seen and no entry holds is gone. Its ranges start anywhere, and `after`
 * is the last change of the replica whose trace the sender has given up (cg_edge_set_collect);
 * 0 in parts before the last.
 *
 * Little-endian, without checksum (log and wire have theirs):
 *
 *   offset bytes field
 *        0     1 version, 1
 *        1     1 flags: 1 another part follows, 2 whole
 *        2     2 R: ranges, 1..CG_REPLICAS_MAX
 *        4     4 E: entries
 *        8     8 transfer: names the parts that belong together; 0 for a delta of one part
 *       16     4 part, from 0
 *       20   24R ranges, ascending by replica: replica (u64), after (u64), upto (u64)
 *            55E entries, ascending by (origin, counter, about):
 *        0     1 kind: 0 sums, 1 reset
 *        1     2 origin: range of the replica that made the change
 *        3     2 about: range of the replica whose sums these are; for sums the origin
 *        5     2 type of the edge
 *        7     8 id of the concept it leads from
 *       15     8 id of the concept it leads to, another one
 *       23     8 counter: the change is (origin, counter), after < counter <= upto
 *       31     8 mark: sums: the first change that they hold; reset: the last that it takes away
 *       39     8 sum of confidence * weight
 *       47     8 sum of confidence, 1..CG_EDGE_CONFIDENCE_SUM_MAX
 *
 * All entries of one dot are of one edge.
 */
#ifndef CG_ENGINE_REPLICA_EDGE_DELTA_H
#define CG_ENGINE_REPLICA_EDGE_DELTA_H

#include "engine/replica/version_vector.h"

/* An edge by ids, not rows; ordered by (from, type, to). */
typedef struct cg_edge_key {
    uint64_t from;
    uint64_t to;
    uint16_t type;
} cg_edge_key;

/* -1, 0 or 1. */
int cg_edge_key_compare(const cg_edge_key *left, const cg_edge_key *right);

/* Confidence counts in 1/65,536, (0, 1]. A replica's sum for an edge stays at or below 2^43, that
 * is 2^27 observations of full confidence; then weights, below 2^8, over 2^12 replicas sum up to
 * less than 2^63. */
enum { CG_EDGE_CONFIDENCE_ONE = 1 << 16, CG_EDGE_WEIGHT_MAX = 255 };
#define CG_EDGE_CONFIDENCE_SUM_MAX (UINT64_C(1) << 43)

enum {
    CG_EDGE_DELTA_VERSION = 1,
    CG_EDGE_DELTA_MORE = 1,
    CG_EDGE_DELTA_WHOLE = 2,
    CG_EDGE_DELTA_HEADER_BYTES = 20,
    CG_EDGE_DELTA_RANGE_BYTES = 24,
    CG_EDGE_DELTA_ENTRY_BYTES = 55
};

typedef enum cg_edge_entry_kind { CG_EDGE_SUMS, CG_EDGE_RESET } cg_edge_entry_kind;

typedef struct cg_edge_range {
    cg_replica_id replica;
    uint64_t after;
    uint64_t upto;
} cg_edge_range;

typedef struct cg_edge_entry {
    cg_edge_key edge;
    uint64_t counter;
    uint64_t mark;
    uint64_t weighted;
    uint64_t confidence;
    uint16_t origin; /* index of a range */
    uint16_t about;  /* index of a range */
    uint8_t kind;    /* cg_edge_entry_kind */
} cg_edge_entry;

typedef struct cg_edge_delta {
    uint8_t flags;
    uint16_t range_count;
    uint32_t entry_count;
    uint32_t part;
    uint64_t transfer;
    const uint8_t *bytes; /* the record; borrowed */
} cg_edge_delta;

static inline size_t cg_edge_delta_bytes(const cg_edge_delta *delta) {
    return CG_EDGE_DELTA_HEADER_BYTES + (size_t)delta->range_count * CG_EDGE_DELTA_RANGE_BYTES +
           (size_t)delta->entry_count * CG_EDGE_DELTA_ENTRY_BYTES;
}

/* Checks every byte: the record is bytes[0, size_bytes), no more and no less. Errors:
 * CG_ERROR_CORRUPT, CG_ERROR_VERSION; the delta is untouched then. Cost: linear. */
cg_status cg_edge_delta_open(const uint8_t *bytes, size_t size_bytes, cg_edge_delta *delta,
                             cg_error *error);

/* Of an opened delta; index < range_count, entry_count. */
cg_edge_range cg_edge_delta_range(const cg_edge_delta *delta, uint32_t index);
cg_edge_entry cg_edge_delta_entry(const cg_edge_delta *delta, uint32_t index);

/* bytes: cg_edge_delta_bytes(header). What cg_edge_delta_open refuses must not be written. */
void cg_edge_delta_write(const cg_edge_delta *header, const cg_edge_range *ranges,
                         const cg_edge_entry *entries, uint8_t *bytes);

#endif
