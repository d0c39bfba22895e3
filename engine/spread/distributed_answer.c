/* The answer: counts, what is missing, and what that is worth.
 *
 *   lost_h = sum over i, j of max(0, sent_h(i -> j) - received_h(j from i))
 *
 * over hosts i that reported, and the coordinator's seeds in hop 0; received is 0 of a host that did
 * not report. With M_h the mass that came in hop h and E_h what it added to answers,
 *
 *   gain_h = (E_h + E_(h+1) + ...) / M_h         expected = received + sum of lost_h * gain_h
 *
 * Mass of a silent host's rows that others would have got is in gain_h too, so it need not be known.
 * The mean of gains goes over the last 64 complete spreads or so, by max_hops - h.
 *
 * Known value: a chain of weight 1 over two hosts, lambda ln 2, two hops, the second host cut off
 * after complete spreads from the same seed: received 1, lost 0.5 in hop 1 of gain 1.5, confidence
 * 1 / 1.75.
 */
#include <string.h>

#include "engine/spread/distributed_internal.h"

#define MASS_ONE ((double)(CG_SPREAD_ONE >> DIST_MASS_SHIFT))

enum { GAIN_MEMORY = 64 };

typedef struct dist_sum {
    uint64_t mass[DIST_HOPS];
    uint64_t answered[DIST_HOPS];
    uint64_t lost[DIST_HOPS];
} dist_sum;

/* --- what is missing --- */

/* What came to that host from `from` in that hop, as it reported; accounts are by (peer, hop). */
static uint64_t received_of(const dist_letter *letter, uint32_t from, uint32_t hop) {
    uint32_t low = 0;
    uint32_t high = letter->version ? letter->account_count : 0;
    uint64_t wanted = (uint64_t)from << 8 | hop;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        cg_reader reader = cg_reader_init(letter->bytes, letter->size_bytes);
        reader.used_bytes = letter->accounts_at + (size_t)middle * DIST_ACCOUNT_BYTES;
        dist_account account = cg_dist_read_account(&reader);
        uint64_t place = (uint64_t)account.peer << 8 | account.hop;
        if (place == wanted) {
            return account.received;
        }
        if (place < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 0;
}

static void compare(dist_lead *lead, uint32_t from, uint32_t to, uint32_t hop, uint64_t sent,
                    dist_sum *sum) {
    uint64_t received = received_of(&lead->letters[to], from, hop);
    if (received < sent) {
        sum->lost[hop] = dist_add(sum->lost[hop], sent - received);
        lead->letters[to].is_missing = true;
    }
}

static void find_lost(const cg_distributed *d, dist_lead *lead, dist_sum *sum) {
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        dist_letter *letter = &lead->letters[host];
        bool is_concerned = lead->terms.mode == CG_DISTRIBUTED_EXACT || letter->sent > 0;
        letter->is_missing |= is_concerned && letter->version == 0;
        if (letter->sent > 0) {
            compare(lead, d->options.host, host, 0, letter->sent, sum);
        }
        cg_reader reader = cg_reader_init(letter->bytes, letter->size_bytes);
        reader.used_bytes = letter->accounts_at;
        for (uint32_t i = 0; letter->version && i < letter->account_count; i++) {
            dist_account account = cg_dist_read_account(&reader);
            if (account.sent > 0) {
                compare(lead, host, account.peer, account.hop, account.sent, sum);
            }
        }
    }
}

static cg_status list_missing(cg_distributed *d, const dist_lead *lead, uint32_t *count,
                              cg_error *error) {
    *count = 0;
    cg_status status =
        CG_GROW(&d->allocator, d->missing, d->missing_capacity, d->options.hosts, error);
    for (uint32_t host = 0; host < d->options.hosts && status == CG_OK; host++) {
        if (lead->letters[host].is_missing) {
            d->missing[(*count)++] = host;
        }
    }
    return status;
}

/* --- counts --- */

static void add_report(dist_lead *lead, const dist_report *report, dist_sum *sum,
                       cg_spread_result *result) {
    result->reached += report->reached;
    result->records += report->records;
    result->faded += report->faded;
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        result->tier_visits[tier] += report->tier_visits[tier];
    }
    for (uint32_t hop = 0; hop < report->hop_count; hop++) {
        const dist_hop *from = &report->hops[hop];
        sum->mass[hop] = dist_add(sum->mass[hop], from->mass);
        sum->answered[hop] = dist_add(sum->answered[hop], from->answered);
        if (hop > 0) {
            cg_spread_hop *into = &lead->by_hop[hop - 1];
            into->edges += from->edges;
            into->visits += from->visits;
            into->reached += from->reached;
            result->edges += from->edges;
            result->visits += from->visits;
            result->hops = from->edges > 0 && hop > result->hops ? hop : result->hops;
        }
    }
}

static void add_reports(const cg_distributed *d, dist_lead *lead, dist_sum *sum,
                        cg_spread_result *result) {
    memset(lead->by_hop, 0, sizeof lead->by_hop);
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        dist_letter *letter = &lead->letters[host];
        if (letter->version) {
            dist_report report = cg_dist_report_of(d, letter);
            add_report(lead, &report, sum, result);
            letter->is_missing = (report.flags & 1) != 0;
        }
    }
    result->hits = lead->hits;
    result->hit_count = lead->hit_count;
    result->by_hop = lead->by_hop;
}

/* --- what it is worth --- */

/* This spread's own, as if rows of silent hosts did as the others: E_k / M_k is what mass of hop k
 * adds, (M_(k+1) + lost_(k+1)) / M_k what it becomes. Nothing lost, it is gain_h as above. */
static double own_gain(const dist_lead *lead, const dist_sum *sum, uint32_t hop) {
    double gain = 0.0;
    double flow = 1.0;
    for (uint32_t at = hop; at <= lead->terms.max_hops && sum->mass[at] > 0; at++) {
        double mass = (double)sum->mass[at];
        gain += flow * (double)sum->answered[at] / mass;
        if (at < lead->terms.max_hops) {
            flow *= (double)dist_add(sum->mass[at + 1], sum->lost[at + 1]) / mass;
        }
    }
    return sum->mass[hop] > 0 ? gain : 1.0;
}

static void learn_gains(cg_distributed *d, const dist_lead *lead, const dist_sum *sum) {
    for (uint32_t hop = 0; hop <= lead->terms.max_hops; hop++) {
        dist_gain *gain = &d->gains[lead->terms.max_hops - hop];
        if (sum->mass[hop] > 0) {
            gain->count += gain->count < GAIN_MEMORY;
            gain->mean += (own_gain(lead, sum, hop) - gain->mean) / (double)gain->count;
        }
    }
}

static void weigh(const cg_distributed *d, const dist_lead *lead, const dist_sum *sum,
                  cg_distributed_result *result) {
    double lost = 0.0;
    for (uint32_t hop = 0; hop <= lead->terms.max_hops; hop++) {
        const dist_gain *gain = &d->gains[lead->terms.max_hops - hop];
        result->received += (double)sum->answered[hop] / MASS_ONE;
        if (sum->lost[hop] > 0) {
            lost += (double)sum->lost[hop] / MASS_ONE *
                    (gain->count > 0 ? gain->mean : own_gain(lead, sum, hop));
        }
    }
    result->expected = result->received + lost;
    result->confidence = result->expected > 0.0 ? result->received / result->expected : 1.0;
}

/* --- the end --- */

/* To all that may know of the spread. */
static cg_status send_ends(cg_distributed *d, const dist_lead *lead, cg_error *error) {
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        const dist_letter *letter = &lead->letters[host];
        bool may_know = lead->terms.mode == CG_DISTRIBUTED_EXACT || letter->sent > 0 ||
                        letter->version || letter->is_missing;
        if (!may_know || !cg_dist_reachable(d, host)) {
            continue;
        }
        cg_status status = cg_dist_begin(d, lead->spread, d->options.host, error);
        if (status == CG_OK) {
            status = cg_dist_send(d, host, DIST_END, error);
        }
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

cg_status cg_dist_answer(cg_distributed *d, dist_lead *lead, cg_error *error) {
    dist_sum sum = {{0}, {0}, {0}};
    cg_distributed_result result = {.rounds = lead->round, .is_timed_out = lead->is_timed_out};
    add_reports(d, lead, &sum, &result.spread);
    find_lost(d, lead, &sum);
    cg_status status = list_missing(d, lead, &result.missing_count, error);
    if (status == CG_OK) {
        status = cg_dist_judge(d, lead, error);
    }
    if (status == CG_OK) {
        status = send_ends(d, lead, error);
    }
    if (status == CG_OK) {
        status = cg_dist_note_end(d, lead->spread, error);
    }
    if (status != CG_OK) {
        return status;
    }
    weigh(d, lead, &sum, &result);
    result.missing = d->missing;
    result.spread.is_partial = result.missing_count > 0;
    result.spread.hits = lead->hits;
    if (!result.spread.is_partial) {
        learn_gains(d, lead, &sum);
    }
    d->statistics.finished++;
    d->statistics.timed_out += lead->is_timed_out;
    d->judged = lead;
    d->options.finished(d->options.finished_context, lead->spread, &result);
    d->judged = NULL;
    cg_dist_give_lead(d, lead);
    return CG_OK;
}
