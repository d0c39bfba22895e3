/* What follows what: a table of successors that learns from the order of reads (spec D3).
 *
 * Of each of a bounded number of keys it keeps a bounded number of other keys that came right
 * after it, each with how often. "After" is per stream (a client, a context), so that streams
 * that interleave don't hide each other's order. A key that comes twice in a row counts once:
 * that a key follows itself helps nobody to prefetch.
 *
 * It also says how good it is while nobody prefetches: at every key observed it checks whether
 * that key was among those that it would have predicted (shadow accuracy).
 *
 * All memory is taken at the start. Observing and predicting cost O(ways). Deterministic: equal
 * calls in equal order give equal predictions. Source and differences: successor.c.
 */
#ifndef CG_ENGINE_TIER_SUCCESSOR_H
#define CG_ENGINE_TIER_SUCCESSOR_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    CG_SUCCESSOR_ROWS_MAX = 1 << 28,
    CG_SUCCESSOR_STREAMS_MAX = 1 << 24,
    CG_SUCCESSOR_WAYS_MAX = 16,
    CG_SUCCESSOR_MEMORY = 256 /* how often a key is followed until its counts are halved */
};

typedef struct cg_successor_options {
    uint32_t rows;     /* keys remembered, 1..CG_SUCCESSOR_ROWS_MAX; from 8 on rounded down to a
                        * multiple of 8 */
    uint32_t streams;  /* streams remembered, 1..CG_SUCCESSOR_STREAMS_MAX; rounded likewise */
    uint32_t ways;     /* successors kept a key, 1..CG_SUCCESSOR_WAYS_MAX */
    uint8_t threshold; /* shadow accuracy counts predictions of at least this confidence */
} cg_successor_options;
/* These rows, 1024 streams, 4 ways, threshold 64 (a quarter). */
cg_successor_options cg_successor_options_default(uint32_t rows);

typedef struct cg_successors cg_successors;
/* Takes 16 + 10 * ways bytes a row and 24 a stream. Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY. */
cg_status cg_successors_alloc(const cg_successor_options *options, cg_allocator allocator,
                              cg_successors **out, cg_error *error);
void cg_successors_free(cg_successors *successors); /* NULL is fine */

/* `key` came now in `stream`. It cannot fail: a row or a stream that finds no room takes the
 * place of the one of its set that was learnt from, or seen, longest ago. */
void cg_successors_observe(cg_successors *successors, uint64_t stream, uint64_t key);

/* What follows `key`, at most `max`, the most confident first and of equals the least key. Returns
 * how many. keys: uint64_t[max]; confidences: uint8_t[max], NULL when not wanted: 255 times the
 * share of times that it was this one, rounded; never more than the share since the row was made,
 * aged. Changes nothing. */
uint32_t cg_successors_predict(const cg_successors *successors, uint64_t key, uint32_t max,
                               uint64_t *keys, uint8_t *confidences);

typedef struct cg_successor_statistics {
    uint64_t observed;        /* keys that came after another one in their stream */
    uint64_t predicted;       /* predictions that would have been made for them, all ways */
    uint64_t predicted_right; /* of those observed: it was among the predictions */
} cg_successor_statistics;    /* so right / observed is coverage, right / predicted precision */
cg_successor_statistics cg_successors_statistics(const cg_successors *successors);
uint64_t cg_successors_bytes(const cg_successors *successors); /* memory held; never changes */
uint64_t cg_successors_hash(const cg_successors *successors);  /* of the whole state */

#endif
