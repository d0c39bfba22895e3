/* Random operations on memory tiers, for property tests. */
#ifndef CG_TESTS_SUPPORT_TIER_PROGRAM_H
#define CG_TESTS_SUPPORT_TIER_PROGRAM_H

#include "engine/tier/tier.h"
#include "tests/support/support.h"

enum { OPERATION_BYTES_MAX = 16, OPERATION_CAPACITY_MAX = 64 };

/* Keys are spread over 64 bits so that they fall into buckets in any order. */
static inline uint64_t key_of(uint64_t number) {
    return number * UINT64_C(0x9e3779b97f4a7c15);
}

typedef enum operation_kind { READ, FILL, FORGET, PREFETCH, ARRIVED, RESIZE } operation_kind;

typedef struct operation {
    operation_kind kind;
    uint64_t key;
    uint32_t bytes;
    uint32_t level;
    uint64_t capacity;
} operation;

/* An operation on the keys 0 .. keys-1, small ones more often, and levels 0 .. levels-1. */
static inline operation next_operation(cg_stream *stream, uint64_t keys, uint32_t levels) {
    static const operation_kind kinds[16] = {READ,     READ,     READ,     READ,    READ, READ,
                                             READ,     READ,     ARRIVED,  ARRIVED, FILL, FILL,
                                             PREFETCH, PREFETCH, PREFETCH, FORGET};
    /* One draw after another: the order within an initialiser is the compiler's to choose. */
    bool is_resize = cg_stream_next_below(stream, 200) == 0;
    operation_kind kind = kinds[cg_stream_next_below(stream, 16)];
    uint64_t most = cg_stream_next_below(stream, keys);
    operation drawn = {.kind = is_resize ? RESIZE : kind};
    drawn.key = cg_stream_next_below(stream, 1 + most);
    drawn.bytes = 1 + (uint32_t)cg_stream_next_below(stream, OPERATION_BYTES_MAX);
    drawn.level = (uint32_t)cg_stream_next_below(stream, levels);
    drawn.capacity = cg_stream_next_below(stream, OPERATION_CAPACITY_MAX + 1);
    return drawn;
}

/* Applies an operation. *answer: what it said besides. */
static inline cg_status apply(cg_tiers *tiers, operation what, uint64_t *answer,
                              cg_error *error) {
    uint64_t key = key_of(what.key);
    uint32_t served = UINT32_MAX;
    bool asked = false;
    cg_status status = CG_OK;
    switch (what.kind) {
    case READ:
        status = cg_tiers_read(tiers, key, what.bytes, what.level, &served, NULL, error);
        *answer = served;
        break;
    case FILL:
        return cg_tiers_fill(tiers, key, what.bytes, what.level, error);
    case FORGET:
        cg_tiers_forget(tiers, key);
        break;
    case PREFETCH:
        status = cg_tiers_prefetch(tiers, key, what.bytes, what.level, &asked, error);
        *answer = asked;
        break;
    case ARRIVED:
        return cg_tiers_arrived(tiers, key, error);
    case RESIZE:
        return cg_tiers_resize(tiers, what.level, what.capacity, error);
    }
    return status;
}

#endif
