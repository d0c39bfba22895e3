/* Sets of directed pairs of hosts: which links a change of the fabric is about. */
#ifndef SIM_CLUSTER_PAIRS_H
#define SIM_CLUSTER_PAIRS_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct sim_host_range {
    uint32_t first;
    uint32_t last; /* included */
} sim_host_range;

/* All pairs from a host of `from` to one of `to`; both sets have a bit a host. A pair of a host
 * with itself may be among them and matters to nobody. */
typedef struct sim_pairs {
    uint64_t *from; /* [words]; NULL: all hosts */
    uint64_t *to;   /* as from */
    size_t words;
    bool both_ways; /* and all pairs from a host of `to` to one of `from` */
} sim_pairs;

/* Each side is a list of numbers and of ranges together; a range may lie beyond the hosts, and
 * counts as far as they go, but a number of the list may not. */
typedef struct sim_pairs_side {
    const uint32_t *hosts; /* [host_count] */
    uint32_t host_count;
    const sim_host_range *ranges; /* [range_count] */
    uint32_t range_count;
    bool all;  /* whatever the lists say */
    bool rest; /* of `to`: the hosts that are not in `from` */
} sim_pairs_side;

/* what: "a partition", for sentences. */
cg_status sim_pairs_init(sim_pairs *out, uint32_t hosts, const sim_pairs_side sides[2],
                         cg_allocator *allocator, const char *what, cg_error *error);
void sim_pairs_deinit(sim_pairs *pairs, cg_allocator *allocator);

static inline bool sim_pairs_side_has(const uint64_t *side, uint32_t host) {
    return !side || (side[host / 64] >> host % 64 & 1) != 0;
}

static inline bool sim_pairs_has(const sim_pairs *pairs, uint32_t from, uint32_t to) {
    return (sim_pairs_side_has(pairs->from, from) && sim_pairs_side_has(pairs->to, to)) ||
           (pairs->both_ways && sim_pairs_side_has(pairs->from, to) &&
            sim_pairs_side_has(pairs->to, from));
}

static inline bool sim_pairs_are_all(const sim_pairs *pairs) {
    return !pairs->from && !pairs->to;
}

#endif
