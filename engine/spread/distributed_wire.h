/* Messages of distributed spreading, byte by byte, little-endian (for engine/spread alone).
 *
 * Each payload begins with
 *
 *   u64 spread   u64 Lamport time, below 2^63   u32 coordinator
 *
 * and goes on, by type:
 *
 *   START (coordinator to owners)   terms   u64 credit   u8 active[(hosts + 7) / 8]: bit i of byte
 *       i / 8: host i has seeds   u32 n   n seeds: u32 row, u64 level, u64 strongest; by row
 *   PASS    u8 mode   u32 sequence, from 1, of this spread to this host
 *       exact: u8 hop   u32 messages of this hop from here to there   u64 edges walked for it
 *       async: terms   u64 credit
 *       sections to the end: u8 hop   u32 n   n entries, by row; hops rise
 *       entry: u32 row   u8 kept, 1..3; + 128: the sum follows, otherwise it is the amounts'
 *              [u64 sum]   kept times u64 amount, u32 source, u8 its tier; strongest first
 *       exact: one section, of that hop. Async: sums are what has come since, amounts all of it
 *   REPORT (to the coordinator)   u32 version, from 1   u64 credit   u8 flags (1: gave up on work)
 *       u32 reached   u32 records   u64 faded   u64 visits by tier[5]
 *       u8 n   n hops from 0: u64 edges, u64 visits, u32 reached, u64 mass, u64 answered
 *       u32 n   n accounts: u32 peer, u8 hop, u64 mass sent, u64 mass received; by (peer, hop)
 *       u32 n   n hits: u32 row, u8 n, n bodies, hops rise; by (activation descending, row)
 *       body: u8 hop   u8 tier   u64 level   u8 kept, 1..3   kept times as in entries; source
 *             2^32 - 1, at hop 0 alone: a seed's own
 *   ASK (coordinator to owners)   u32 round, from 1   u32 n   n times u8 hop, u32 row; by (hop, row)
 *   RECORDS   u32 round   u32 n   n times u32 row, body; by (hop, row)
 *   END (coordinator to all that may know of it)
 *   BORROW (to the coordinator)   u32 sequence, from 1
 *   GRANT   u32 sequence   u64 credit
 *
 *   terms: u8 mode   u8 max_hops   u8 flags (1: fan_out, 2: records wanted)   u32 hits_max
 *          u64 decay (of 2^48)   u64 timeout_ns   u64 window_ns
 *          5 tiers: u64 threshold (of CG_SPREAD_ONE), u64 budget
 *
 * Masses are in units of 2^-28, each entry's rounded up, so none is nothing.
 */
#ifndef CG_ENGINE_SPREAD_DISTRIBUTED_WIRE_H
#define CG_ENGINE_SPREAD_DISTRIBUTED_WIRE_H

#include "engine/base/bytes.h"
#include "engine/spread/distributed.h"

typedef enum dist_type {
    DIST_START,
    DIST_PASS,
    DIST_REPORT,
    DIST_ASK,
    DIST_RECORDS,
    DIST_END,
    DIST_BORROW,
    DIST_GRANT,
    DIST_TYPE_COUNT
} dist_type;

enum {
    DIST_HOPS = CG_SPREAD_HOPS_MAX + 1, /* hop 0 too */
    DIST_HEADER_BYTES = 20,
    DIST_TERMS_BYTES = 31 + 16 * CG_TIER_LEVELS_MAX,
    DIST_ENTRY_BYTES = 13 + 13 * CG_SPREAD_CONTRIBUTIONS, /* at most */
    DIST_BODY_BYTES = 11 + 13 * CG_SPREAD_CONTRIBUTIONS,  /* at most */
    DIST_HOP_BYTES = 36,
    DIST_ACCOUNT_BYTES = 21,
    DIST_SEED_BYTES = 20,
    DIST_MASS_SHIFT = 16
};

/* The part of a query that goes to other hosts. */
typedef struct dist_terms {
    uint64_t decay;
    uint64_t timeout_ns;
    uint64_t window_ns;
    uint64_t thresholds[CG_TIER_LEVELS_MAX];
    uint64_t budgets[CG_TIER_LEVELS_MAX];
    uint32_t hits_max;
    uint8_t mode;
    uint8_t max_hops;
    bool fan_out;
    bool wants_records;
} dist_terms;

typedef struct dist_header {
    uint64_t spread;
    uint64_t lamport;
    uint32_t coordinator;
} dist_header;

/* The strongest contributions by (amount descending, source ascending); amount 0: none. */
typedef struct dist_strongest {
    uint64_t amounts[CG_SPREAD_CONTRIBUTIONS];
    uint32_t sources[CG_SPREAD_CONTRIBUTIONS]; /* rows */
    uint8_t tiers[CG_SPREAD_CONTRIBUTIONS];
} dist_strongest;

typedef struct dist_entry {
    dist_strongest strongest;
    uint64_t sum;
    uint32_t row;
} dist_entry;

typedef struct dist_seed {
    uint64_t level;
    uint64_t strongest;
    uint32_t row;
} dist_seed;

typedef struct dist_body {
    dist_strongest strongest;
    uint64_t level;
    uint32_t row;
    uint8_t hop;
    uint8_t tier;
} dist_body;

typedef struct dist_hop {
    uint64_t edges;
    uint64_t visits;
    uint64_t mass;     /* that came in this hop */
    uint64_t answered; /* of it, what did not come on top of 1.0 */
    uint32_t reached;
} dist_hop;

typedef struct dist_account {
    uint64_t sent;
    uint64_t received;
    uint32_t peer;
    uint8_t hop;
} dist_account;

/* A report, its lists still encoded: walk copies of the readers. */
typedef struct dist_report {
    uint64_t credit;
    uint64_t faded;
    uint64_t tier_visits[CG_TIER_LEVELS_MAX];
    dist_hop hops[DIST_HOPS];
    cg_reader accounts;
    cg_reader hits;
    uint32_t version;
    uint32_t reached;
    uint32_t records;
    uint32_t account_count;
    uint32_t hit_count;
    uint8_t hop_count;
    uint8_t flags;
} dist_report;

static inline uint64_t dist_mass(uint64_t sum) {
    return (sum >> DIST_MASS_SHIFT) + 1;
}
/* Masses stop at 2^62 as levels do. */
static inline uint64_t dist_add(uint64_t left, uint64_t right) {
    uint64_t sum = left + right; /* both at most 2^62 */
    return sum < CG_SPREAD_LEVEL_MAX ? sum : CG_SPREAD_LEVEL_MAX;
}

/* Writers expect room; readers return false for what can't be right. */
void cg_dist_write_header(cg_writer *writer, const dist_header *header);
bool cg_dist_read_header(cg_reader *reader, dist_header *header);
void cg_dist_write_terms(cg_writer *writer, const dist_terms *terms);
bool cg_dist_read_terms(cg_reader *reader, dist_terms *terms);
void cg_dist_write_entry(cg_writer *writer, const dist_entry *entry);
bool cg_dist_read_entry(cg_reader *reader, dist_entry *entry);
void cg_dist_write_body(cg_writer *writer, const dist_body *body);
bool cg_dist_read_body(cg_reader *reader, dist_body *body); /* all but the row */
bool cg_dist_read_seed(cg_reader *reader, dist_seed *seed);
void cg_dist_write_hop(cg_writer *writer, const dist_hop *hop);
void cg_dist_write_account(cg_writer *writer, const dist_account *account);
dist_account cg_dist_read_account(cg_reader *reader);
/* All of it, lists checked but for rows and owners. */
bool cg_dist_read_report(cg_reader *reader, uint32_t hosts, dist_report *report);
/* The bodies of the reader's next hit, at most DIST_HOPS. The reader was checked before. */
uint32_t cg_dist_read_hit(cg_reader *reader, dist_body *bodies);

/* An amount from a source into the strongest, each source once with its largest amount: what is
 * kept in the end does not depend on the order. */
void cg_dist_keep(dist_strongest *strongest, uint64_t amount, uint32_t source, uint8_t tier);
uint32_t cg_dist_kept(const dist_strongest *strongest);
/* What a concept with these records, hops rising, has in the answer, unsaturated. */
uint64_t cg_dist_total(const dist_body *bodies, uint32_t count);

#endif
