/* A host's part of distributed spreads in memory; for engine/spread alone.
 *
 * A part is a spread at one host, a lead is a spread at its coordinator. Both live in slots that are
 * used again. What reached a row in a hop is a record, as in spread_internal.h, but found by row:
 *
 *     index: row -> first record      record.next: the row's record of its next hop
 *     due[hop]: records that got something since they last passed on, through record.next_due
 *
 * What a host sends itself goes through a queue, as the same bytes, and is worked off at the end of
 * each call (distributed.c): so a coordinator treats its own part as any other.
 *
 * Invariant of exact: `closed` is the last hop whose levels are final here; what it passed on has
 * been sent. Records of later hops may be growing.
 */
#ifndef CG_ENGINE_SPREAD_DISTRIBUTED_INTERNAL_H
#define CG_ENGINE_SPREAD_DISTRIBUTED_INTERNAL_H

#include "engine/base/map.h"
#include "engine/spread/distributed_wire.h"

enum {
    DIST_DUE = 1,   /* flags of a record */
    DIST_FIRST = 2, /* the row has none of an earlier hop */
    DIST_ENDED_MAX = 4096
};
#define DIST_ORPHAN_NS UINT64_C(10000000000) /* a part without terms is kept this long */
#define DIST_CREDIT    (UINT64_C(1) << 48)   /* of a spread at first, and of a grant */
#define DIST_CREDIT_MIN                                                                        \
    (UINT64_C(1) << 24) /* a host passes on with this much: more than messages */
#define DIST_GRANTS_MAX 65534u

/* --- an index: u64 to u32, emptied at once --- */

typedef struct dist_slot {
    uint64_t key;
    uint32_t value;
    uint32_t epoch;
} dist_slot;

typedef struct dist_index {
    dist_slot *slots;
    size_t capacity; /* 0 or a power of two; at most half are taken */
    size_t count;
    uint32_t epoch; /* slots of another are free */
} dist_index;

typedef struct dist_record {
    uint64_t level;
    uint64_t passed; /* so far; the strength of an edge of weight w was passed * (w + 1) */
    dist_strongest strongest;
    uint32_t row;
    uint32_t next;
    uint32_t next_due;
    uint8_t hop;
    uint8_t tier;
    uint8_t flags;
} dist_record;

/* Between this host and another, in one hop. */
typedef struct dist_tally {
    uint64_t sent; /* mass */
    uint64_t received;
    uint32_t got; /* messages; exact */
    uint32_t of;  /* that there are; 0: not known */
} dist_tally;

typedef struct dist_part {
    uint64_t spread;
    uint64_t began_ns;
    uint64_t armed_ns;  /* a timer of the port is set for then; 0: none */
    uint64_t window_ns; /* async: what is due passes on then; 0: nothing waits */
    uint64_t expires_ns;
    uint64_t credit;
    uint32_t slot;
    uint32_t coordinator;
    uint32_t version;  /* of the last report */
    uint32_t borrowed; /* sequence of the last loan asked for */
    bool is_used;
    bool has_terms;
    bool has_start;
    bool is_done;
    bool is_cut; /* gave up on work */
    bool is_borrowing;
    bool is_waiting; /* exact: for what hop closed + 1 brings; what it passes on is sent */
    uint8_t closed;
    dist_terms terms;

    dist_record *records;
    size_t record_capacity;
    uint32_t record_count;
    uint32_t row_count;
    dist_index index;
    uint32_t due[DIST_HOPS];
    dist_index seen; /* (sender, sequence) */
    uint8_t *hosts;  /* [hosts]: DIST_HOST_ flags */
    size_t host_capacity;
    uint32_t *sequences; /* [hosts]: of the last message to each */
    size_t sequence_capacity;
    dist_tally *tallies; /* [hop * hosts + host], for hops below tally_hops */
    size_t tally_capacity;
    uint32_t tally_hops;

    dist_hop hops[DIST_HOPS];       /* edges and visits here */
    uint64_t peer_edges[DIST_HOPS]; /* exact: walked by others for that hop */
    uint64_t tier_visits[CG_TIER_LEVELS_MAX];
    uint64_t faded;
} dist_part;

enum {
    DIST_HOST_ACTIVE = 1, /* has seeds */
    DIST_HOST_SILENT = 2, /* given up */
    DIST_HOST_HEARD = 4   /* something came from it */
};

/* Something a host is told, kept as it came. */
typedef struct dist_letter {
    uint8_t *bytes;
    size_t capacity;
    size_t size_bytes;
    size_t accounts_at; /* byte */
    uint32_t account_count;
    uint32_t version; /* 0: none */
    uint32_t round;   /* records asked of it, not yet answered; 0: none */
    uint64_t sent;    /* mass of seeds */
    bool is_missing;
} dist_letter;

typedef struct dist_lead {
    uint64_t spread;
    uint64_t began_ns;
    uint64_t armed_ns;
    uint64_t outstanding; /* credit */
    uint32_t slot;
    bool is_used;
    bool is_gathering;
    bool is_timed_out;
    uint32_t grants;
    uint32_t round;
    uint32_t asked; /* hosts that have not answered */
    dist_terms terms;
    cg_distributed_query query; /* seeds and tiers: not the caller's */
    cg_spread_tiers tiers;
    dist_seed *seeds; /* [seed_count], by row */
    size_t seed_capacity;
    uint32_t seed_count;
    dist_index seen;      /* (type, sender, sequence) */
    dist_letter *letters; /* [hosts]: reports */
    size_t letter_capacity;

    dist_body *known; /* records gathered */
    size_t known_capacity;
    uint32_t known_count;
    uint32_t expanded; /* of them: their sources are known or asked for */
    dist_index places; /* (hop, row) -> known */
    cg_spread_hit *hits;
    size_t hit_capacity;
    uint32_t hit_count;
    cg_spread_hop by_hop[CG_SPREAD_HOPS_MAX];
} dist_lead;

typedef struct dist_part_slot {
    dist_part *part;
} dist_part_slot;

typedef struct dist_lead_slot {
    dist_lead *lead;
} dist_lead_slot;

/* Places from..end of d->orders. */
typedef struct dist_span {
    uint32_t from;
    uint32_t end;
} dist_span;

/* A contribution, or several to one row, for another host. */
typedef struct dist_out {
    dist_entry entry;
    uint32_t host;
    uint8_t hop;
} dist_out;

typedef struct dist_order {
    uint64_t key;
    uint32_t tie;
    uint32_t value;
} dist_order;

/* A record that passes on. */
typedef struct dist_firing {
    uint64_t level; /* faded */
    uint64_t passed;
    uint32_t record;
    uint32_t degree;
} dist_firing;

typedef struct dist_local {
    size_t first; /* byte */
    size_t size_bytes;
    uint16_t type;
} dist_local;

typedef struct dist_gain {
    double mean;
    uint32_t count; /* spreads, at most 64 */
} dist_gain;

struct cg_distributed {
    cg_allocator allocator;
    cg_distributed_options options;
    cg_spread_tiers hooks;
    cg_lamport lamport;
    cg_distributed_statistics statistics;
    uint64_t now_ns;
    uint32_t rows;

    dist_part_slot *parts; /* [part_count], used or not */
    size_t part_capacity;
    uint32_t part_count;
    uint32_t parts_used;
    cg_table *part_slots; /* spread -> slot */
    dist_lead_slot *leads;
    size_t lead_capacity;
    uint32_t lead_count;
    uint32_t leads_used;
    cg_table *lead_slots;
    uint64_t ended[DIST_ENDED_MAX]; /* a ring */
    uint32_t ended_count;           /* ever */
    cg_table *ended_places;         /* spread -> place in the ring */

    dist_local *queue;
    size_t queue_capacity;
    size_t queue_head;
    size_t queue_count;
    uint8_t *queue_bytes;
    size_t queue_bytes_capacity;
    size_t queue_bytes_used;

    uint8_t *buffer; /* the message being written */
    size_t buffer_capacity;
    cg_writer writer;

    dist_order *orders;
    size_t order_capacity;
    dist_firing *firings;
    size_t firing_capacity;
    dist_out *outs;
    size_t out_capacity;
    uint32_t out_count;
    dist_index out_places; /* (hop, row) -> out */

    dist_gain gains[DIST_HOPS]; /* by hops that are left */
    uint32_t *missing;
    size_t missing_capacity;
    cg_spread_scratch *judge; /* records as spread.h has them; NULL until needed */
    const dist_lead *judged;  /* in `finished` */
};

static inline uint64_t dist_place(uint32_t hop, uint32_t row) {
    return (uint64_t)hop << 32 | row;
}

/* --- distributed_index.c --- */

bool cg_dist_index_get(const dist_index *index, uint64_t key, uint32_t *value);
cg_status cg_dist_index_put(dist_index *index, const cg_allocator *allocator, uint64_t key,
                            uint32_t value, cg_error *error); /* replaces */
void cg_dist_index_clear(dist_index *index);
void cg_dist_index_free(dist_index *index, const cg_allocator *allocator);
/* By (key, tie); those are unique. */
void cg_dist_sort(dist_order *orders, uint32_t count);
/* One more of which the first `most` by (key, tie) are to stay; `most` at least 1. */
void cg_dist_offer(dist_order *orders, uint32_t *count, uint32_t most, dist_order order);

/* --- distributed.c --- */

uint32_t cg_dist_owner(const cg_distributed *d, uint32_t row);
bool cg_dist_reachable(const cg_distributed *d, uint32_t host); /* true for the own */
/* Begins a message with its header. */
cg_status cg_dist_begin(cg_distributed *d, uint64_t spread, uint32_t coordinator,
                        cg_error *error);
/* Room for so many bytes more. */
cg_status cg_dist_room(cg_distributed *d, size_t bytes, cg_error *error);
cg_status cg_dist_send(cg_distributed *d, uint32_t to, dist_type type, cg_error *error);
/* A timer for slot `slot` at at_ns, unless one is set for that or earlier. */
cg_status cg_dist_arm(cg_distributed *d, uint64_t *armed_ns, uint32_t number, uint64_t at_ns,
                      cg_error *error);
bool cg_dist_has_ended(const cg_distributed *d, uint64_t spread);
cg_status cg_dist_note_end(cg_distributed *d, uint64_t spread, cg_error *error);
/* What this host was sent by itself. */
cg_status cg_dist_work_off(cg_distributed *d, cg_error *error);
dist_part *cg_dist_find_part(const cg_distributed *d, uint64_t spread);
dist_lead *cg_dist_find_lead(const cg_distributed *d, uint64_t spread);

/* --- distributed_part.c --- */

/* *part NULL: there is no room for another. */
cg_status cg_dist_take_part(cg_distributed *d, const dist_header *header, dist_part **part,
                            cg_error *error);
void cg_dist_give_part(cg_distributed *d, dist_part *part);
void cg_dist_free_part(const cg_distributed *d, dist_part *part);
uint64_t cg_dist_part_bytes(const dist_part *part);
/* Adds a sum to a dist_place and makes it due; *record NULL: there is no room. */
cg_status cg_dist_add(cg_distributed *d, dist_part *part, uint64_t place, uint64_t sum,
                      dist_record **record, cg_error *error);
const dist_record *cg_dist_record_at(const dist_part *part, uint32_t hop, uint32_t row);
dist_body cg_dist_body_of(const dist_record *record);
cg_status cg_dist_tally(cg_distributed *d, dist_part *part, uint32_t hop, uint32_t host,
                        dist_tally **tally, cg_error *error);

/* --- distributed_fire.c: passing on --- */

/* Passes on what is due in that hop: to records here, and to d->outs. */
cg_status cg_dist_fire(cg_distributed *d, dist_part *part, uint32_t hop, cg_error *error);

/* --- distributed_flush.c --- */

/* Sends d->outs and empties them. hop: exact's; async: 0; it gives shares of the part's credit away. */
cg_status cg_dist_flush(cg_distributed *d, dist_part *part, uint32_t hop, cg_error *error);

/* --- distributed_take.c: messages to a part --- */

cg_status cg_dist_on_start(cg_distributed *d, const dist_header *header, uint32_t from,
                           cg_reader *reader, cg_error *error);
cg_status cg_dist_on_pass(cg_distributed *d, const dist_header *header, uint32_t from,
                          cg_reader *reader, cg_error *error);
cg_status cg_dist_on_ask(cg_distributed *d, const dist_header *header, cg_reader *reader,
                         cg_error *error);
cg_status cg_dist_on_grant(cg_distributed *d, const dist_header *header, cg_reader *reader,
                           cg_error *error);

/* --- distributed_go.c: when a part goes on --- */

/* Does all that can be done now. at_once: without a window. */
cg_status cg_dist_go(cg_distributed *d, dist_part *part, bool at_once, cg_error *error);
cg_status cg_dist_part_timer(cg_distributed *d, dist_part *part, cg_error *error);
uint64_t cg_dist_due_ns(uint64_t began_ns, const dist_terms *terms, uint32_t steps);

/* --- distributed_report.c --- */

cg_status cg_dist_send_report(cg_distributed *d, dist_part *part, cg_error *error);

/* --- distributed_lead.c: the coordinator --- */

void cg_dist_free_lead(const cg_distributed *d, dist_lead *lead);
uint64_t cg_dist_lead_bytes(const dist_lead *lead);
/* Ends the collecting of reports if it is over. */
cg_status cg_dist_lead_check(cg_distributed *d, dist_lead *lead, cg_error *error);
cg_status cg_dist_on_report(cg_distributed *d, const dist_header *header, uint32_t from,
                            cg_reader *reader, cg_error *error);
cg_status cg_dist_on_records(cg_distributed *d, const dist_header *header, uint32_t from,
                             cg_reader *reader, cg_error *error);
cg_status cg_dist_on_borrow(cg_distributed *d, const dist_header *header, uint32_t from,
                            cg_reader *reader, cg_error *error);
cg_status cg_dist_lead_timer(cg_distributed *d, dist_lead *lead, cg_error *error);
void cg_dist_give_lead(cg_distributed *d, dist_lead *lead);
/* The report of a host that sent one. */
dist_report cg_dist_report_of(const cg_distributed *d, const dist_letter *letter);
/* Whether a record may be that host's, in a spread of so many hops. */
bool cg_dist_is_body_of(const cg_distributed *d, const dist_body *body, uint32_t host,
                        uint32_t max_hops);

/* --- distributed_gather.c: the best hits, and the records behind them --- */

cg_status cg_dist_rank(cg_distributed *d, dist_lead *lead, cg_error *error);
cg_status cg_dist_know(cg_distributed *d, dist_lead *lead, const dist_body *body,
                       cg_error *error);
/* Asks for what is not known; lead->asked 0: nothing is asked. */
cg_status cg_dist_gather(cg_distributed *d, dist_lead *lead, cg_error *error);

/* --- distributed_judge.c --- */

/* The confidence of lead->hits. */
cg_status cg_dist_judge(cg_distributed *d, dist_lead *lead, cg_error *error);

/* --- distributed_answer.c --- */

/* What is missing, the call of `finished`, and the end of the lead. */
cg_status cg_dist_answer(cg_distributed *d, dist_lead *lead, cg_error *error);

static inline cg_status dist_corrupt(cg_distributed *d, const char *what, uint32_t from,
                                     cg_error *error) {
    d->statistics.corrupt++;
    return cg_error_set(error, CG_ERROR_CORRUPT, "a message from host %u is no %s of a spread",
                        from, what);
}

#endif
