/* Messages of distributed spreading to bytes and back. Readers take nothing on trust: what they
 * return true for keeps the invariants that records have. */
#include "engine/spread/distributed_wire.h"

enum { FLAG_FAN_OUT = 1, FLAG_RECORDS = 2, KEPT_SUM = 128 };

#define TIMEOUT_MAX (UINT64_C(1) << 50)
#define DECAY_ONE   (UINT64_C(1) << 48)

/* --- header and terms --- */

void cg_dist_write_header(cg_writer *writer, const dist_header *header) {
    cg_write_u64(writer, header->spread);
    cg_write_u64(writer, header->lamport);
    cg_write_u32(writer, header->coordinator);
}

bool cg_dist_read_header(cg_reader *reader, dist_header *header) {
    header->spread = cg_read_u64(reader);
    header->lamport = cg_read_u64(reader);
    header->coordinator = cg_read_u32(reader);
    return !reader->failed && header->lamport < UINT64_C(1) << 63;
}

void cg_dist_write_terms(cg_writer *writer, const dist_terms *terms) {
    cg_write_u8(writer, terms->mode);
    cg_write_u8(writer, terms->max_hops);
    cg_write_u8(writer, (uint8_t)((terms->fan_out ? FLAG_FAN_OUT : 0) |
                                  (terms->wants_records ? FLAG_RECORDS : 0)));
    cg_write_u32(writer, terms->hits_max);
    cg_write_u64(writer, terms->decay);
    cg_write_u64(writer, terms->timeout_ns);
    cg_write_u64(writer, terms->window_ns);
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        cg_write_u64(writer, terms->thresholds[tier]);
        cg_write_u64(writer, terms->budgets[tier]);
    }
}

bool cg_dist_read_terms(cg_reader *reader, dist_terms *terms) {
    terms->mode = cg_read_u8(reader);
    terms->max_hops = cg_read_u8(reader);
    uint8_t flags = cg_read_u8(reader);
    terms->fan_out = (flags & FLAG_FAN_OUT) != 0;
    terms->wants_records = (flags & FLAG_RECORDS) != 0;
    terms->hits_max = cg_read_u32(reader);
    terms->decay = cg_read_u64(reader);
    terms->timeout_ns = cg_read_u64(reader);
    terms->window_ns = cg_read_u64(reader);
    bool is_right = true;
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        terms->thresholds[tier] = cg_read_u64(reader);
        terms->budgets[tier] = cg_read_u64(reader);
        is_right &= terms->thresholds[tier] <= CG_SPREAD_ONE &&
                    (terms->budgets[tier] == 0 || terms->mode == CG_DISTRIBUTED_EXACT);
    }
    return is_right && !reader->failed && terms->mode < CG_DISTRIBUTED_MODE_COUNT &&
           terms->max_hops >= 1 && terms->max_hops <= CG_SPREAD_HOPS_MAX &&
           (flags & ~(FLAG_FAN_OUT | FLAG_RECORDS)) == 0 && terms->hits_max >= 1 &&
           terms->hits_max <= CG_DISTRIBUTED_HITS_MAX && terms->decay <= DECAY_ONE &&
           terms->timeout_ns >= 1 && terms->timeout_ns <= TIMEOUT_MAX &&
           terms->window_ns <= terms->timeout_ns;
}

/* --- contributions --- */

static bool is_before(uint64_t amount, uint32_t source, uint64_t than_amount,
                      uint32_t than_source) {
    return amount != than_amount ? amount > than_amount : source < than_source;
}

void cg_dist_keep(dist_strongest *strongest, uint64_t amount, uint32_t source, uint8_t tier) {
    uint32_t place = CG_SPREAD_CONTRIBUTIONS - 1;
    bool is_own = false;
    for (uint32_t i = 0; i < CG_SPREAD_CONTRIBUTIONS; i++) {
        if (strongest->amounts[i] != 0 && strongest->sources[i] == source) {
            place = i;
            is_own = true;
        }
    }
    if (is_own ? amount <= strongest->amounts[place]
               : strongest->amounts[place] != 0 &&
                     !is_before(amount, source, strongest->amounts[place],
                                strongest->sources[place])) {
        return;
    }
    for (; place > 0 && (strongest->amounts[place - 1] == 0 ||
                         is_before(amount, source, strongest->amounts[place - 1],
                                   strongest->sources[place - 1]));
         place--) {
        strongest->amounts[place] = strongest->amounts[place - 1];
        strongest->sources[place] = strongest->sources[place - 1];
        strongest->tiers[place] = strongest->tiers[place - 1];
    }
    strongest->amounts[place] = amount;
    strongest->sources[place] = source;
    strongest->tiers[place] = tier;
}

uint32_t cg_dist_kept(const dist_strongest *strongest) {
    uint32_t kept = 0;
    while (kept < CG_SPREAD_CONTRIBUTIONS && strongest->amounts[kept] != 0) {
        kept++;
    }
    return kept;
}

static uint64_t sum_of(const dist_strongest *strongest) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < CG_SPREAD_CONTRIBUTIONS; i++) {
        sum = dist_add(sum, strongest->amounts[i]);
    }
    return sum;
}

static void write_strongest(cg_writer *writer, const dist_strongest *strongest) {
    for (uint32_t i = 0; i < cg_dist_kept(strongest); i++) {
        cg_write_u64(writer, strongest->amounts[i]);
        cg_write_u32(writer, strongest->sources[i]);
        cg_write_u8(writer, strongest->tiers[i]);
    }
}

static bool read_strongest(cg_reader *reader, uint32_t kept, dist_strongest *strongest) {
    *strongest = (dist_strongest){{0}, {0}, {0}};
    if (kept < 1 || kept > CG_SPREAD_CONTRIBUTIONS) {
        return false;
    }
    for (uint32_t i = 0; i < kept; i++) {
        uint64_t amount = strongest->amounts[i] = cg_read_u64(reader);
        uint32_t source = strongest->sources[i] = cg_read_u32(reader);
        strongest->tiers[i] = cg_read_u8(reader);
        if (reader->failed || amount == 0 || amount > CG_SPREAD_LEVEL_MAX ||
            strongest->tiers[i] >= CG_TIER_LEVELS_MAX) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (strongest->sources[j] == source) {
                return false;
            }
        }
        if (i > 0 &&
            !is_before(strongest->amounts[i - 1], strongest->sources[i - 1], amount, source)) {
            return false;
        }
    }
    return true;
}

void cg_dist_write_entry(cg_writer *writer, const dist_entry *entry) {
    bool has_sum = entry->sum != sum_of(&entry->strongest);
    cg_write_u32(writer, entry->row);
    cg_write_u8(writer, (uint8_t)(cg_dist_kept(&entry->strongest) + (has_sum ? KEPT_SUM : 0u)));
    if (has_sum) {
        cg_write_u64(writer, entry->sum);
    }
    write_strongest(writer, &entry->strongest);
}

bool cg_dist_read_entry(cg_reader *reader, dist_entry *entry) {
    entry->row = cg_read_u32(reader);
    uint32_t kept = cg_read_u8(reader);
    bool has_sum = kept >= KEPT_SUM;
    uint64_t sum = has_sum ? cg_read_u64(reader) : 0;
    if (!read_strongest(reader, has_sum ? kept - KEPT_SUM : kept, &entry->strongest)) {
        return false;
    }
    uint64_t of_amounts = sum_of(&entry->strongest);
    entry->sum = has_sum ? sum : of_amounts;
    return !has_sum || (sum >= 1 && sum <= CG_SPREAD_LEVEL_MAX && sum != of_amounts);
}

bool cg_dist_read_seed(cg_reader *reader, dist_seed *seed) {
    seed->row = cg_read_u32(reader);
    seed->level = cg_read_u64(reader);
    seed->strongest = cg_read_u64(reader);
    return !reader->failed && seed->level <= CG_SPREAD_LEVEL_MAX && seed->strongest >= 1 &&
           seed->strongest <= CG_SPREAD_ONE && seed->strongest <= seed->level;
}

/* --- records --- */

void cg_dist_write_body(cg_writer *writer, const dist_body *body) {
    cg_write_u8(writer, body->hop);
    cg_write_u8(writer, body->tier);
    cg_write_u64(writer, body->level);
    cg_write_u8(writer, (uint8_t)cg_dist_kept(&body->strongest));
    write_strongest(writer, &body->strongest);
}

bool cg_dist_read_body(cg_reader *reader, dist_body *body) {
    body->hop = cg_read_u8(reader);
    body->tier = cg_read_u8(reader);
    body->level = cg_read_u64(reader);
    uint32_t kept = cg_read_u8(reader);
    if (!read_strongest(reader, kept, &body->strongest) || body->hop >= DIST_HOPS ||
        body->tier >= CG_TIER_LEVELS_MAX || body->level == 0 ||
        body->level > CG_SPREAD_LEVEL_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < kept; i++) {
        if ((body->strongest.sources[i] == CG_SPREAD_NONE) != (body->hop == 0)) {
            return false;
        }
    }
    return true;
}

uint64_t cg_dist_total(const dist_body *bodies, uint32_t count) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total = dist_add(total, bodies[i].level);
    }
    return total;
}

/* --- reports --- */

void cg_dist_write_hop(cg_writer *writer, const dist_hop *hop) {
    cg_write_u64(writer, hop->edges);
    cg_write_u64(writer, hop->visits);
    cg_write_u32(writer, hop->reached);
    cg_write_u64(writer, hop->mass);
    cg_write_u64(writer, hop->answered);
}

static bool read_hop(cg_reader *reader, dist_hop *hop) {
    hop->edges = cg_read_u64(reader);
    hop->visits = cg_read_u64(reader);
    hop->reached = cg_read_u32(reader);
    hop->mass = cg_read_u64(reader);
    hop->answered = cg_read_u64(reader);
    return hop->edges <= CG_SPREAD_LEVEL_MAX && hop->visits <= CG_SPREAD_LEVEL_MAX &&
           hop->mass <= CG_SPREAD_LEVEL_MAX && hop->answered <= hop->mass;
}

void cg_dist_write_account(cg_writer *writer, const dist_account *account) {
    cg_write_u32(writer, account->peer);
    cg_write_u8(writer, account->hop);
    cg_write_u64(writer, account->sent);
    cg_write_u64(writer, account->received);
}

dist_account cg_dist_read_account(cg_reader *reader) {
    dist_account account;
    account.peer = cg_read_u32(reader);
    account.hop = cg_read_u8(reader);
    account.sent = cg_read_u64(reader);
    account.received = cg_read_u64(reader);
    return account;
}

static bool check_accounts(cg_reader *reader, uint32_t hosts, dist_report *report) {
    report->account_count = cg_read_u32(reader);
    report->accounts = *reader;
    uint64_t last = 0;
    for (uint32_t i = 0; i < report->account_count && !reader->failed; i++) {
        dist_account account = cg_dist_read_account(reader);
        uint64_t place = ((uint64_t)account.peer << 8 | account.hop) + 1;
        if (place <= last || account.peer >= hosts || account.hop >= DIST_HOPS ||
            account.sent > CG_SPREAD_LEVEL_MAX || account.received > CG_SPREAD_LEVEL_MAX) {
            return false;
        }
        last = place;
    }
    return !reader->failed;
}

/* False when a body is wrong. *count 0: the reader had no more. */
static bool read_bodies(cg_reader *reader, dist_body *bodies, uint32_t *count) {
    uint32_t row = cg_read_u32(reader);
    *count = cg_read_u8(reader);
    if (reader->failed || *count < 1 || *count > DIST_HOPS) {
        return false;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (!cg_dist_read_body(reader, &bodies[i]) ||
            (i > 0 && bodies[i].hop <= bodies[i - 1].hop)) {
            return false;
        }
        bodies[i].row = row;
    }
    return true;
}

uint32_t cg_dist_read_hit(cg_reader *reader, dist_body *bodies) {
    uint32_t count = 0;
    bool is_right = read_bodies(reader, bodies, &count);
    CG_ASSERT(is_right);
    return count;
}

static bool check_hits(cg_reader *reader, dist_report *report) {
    dist_body bodies[DIST_HOPS];
    report->hit_count = cg_read_u32(reader);
    report->hits = *reader;
    uint64_t last = UINT64_MAX;
    uint32_t last_row = 0;
    for (uint32_t i = 0; i < report->hit_count; i++) {
        uint32_t count = 0;
        if (!read_bodies(reader, bodies, &count)) {
            return false;
        }
        uint64_t total = cg_dist_total(bodies, count);
        total = total < CG_SPREAD_ONE ? total : CG_SPREAD_ONE;
        if (total > last || (total == last && bodies[0].row <= last_row)) {
            return false;
        }
        last = total;
        last_row = bodies[0].row;
    }
    return true;
}

bool cg_dist_read_report(cg_reader *reader, uint32_t hosts, dist_report *report) {
    *report = (dist_report){.version = cg_read_u32(reader)};
    report->credit = cg_read_u64(reader);
    report->flags = cg_read_u8(reader);
    report->reached = cg_read_u32(reader);
    report->records = cg_read_u32(reader);
    report->faded = cg_read_u64(reader);
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        report->tier_visits[tier] = cg_read_u64(reader);
    }
    report->hop_count = cg_read_u8(reader);
    if (reader->failed || report->hop_count > DIST_HOPS || report->version == 0 ||
        report->flags > 1) {
        return false;
    }
    for (uint32_t hop = 0; hop < report->hop_count; hop++) {
        if (!read_hop(reader, &report->hops[hop])) {
            return false;
        }
    }
    return check_accounts(reader, hosts, report) && check_hits(reader, report) &&
           !reader->failed && cg_reader_left(reader) == 0;
}
