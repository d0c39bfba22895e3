/* The best hits of all reports, and the records that their paths go through.
 *
 * Each hit comes with all its records; behind a record of hop h are those of its kept sources in hop
 * h - 1, at their owners. Breadth first: what is known here is looked up at once, the rest is asked
 * for, all of a round together. A record is asked for once, so there are fewer rounds than hops.
 */
#include "engine/spread/distributed_internal.h"

static uint64_t saturated(uint64_t total) {
    return total < CG_SPREAD_ONE ? total : CG_SPREAD_ONE;
}

cg_status cg_dist_know(cg_distributed *d, dist_lead *lead, const dist_body *body,
                       cg_error *error) {
    uint64_t place = dist_place(body->hop, body->row);
    uint32_t unused = 0;
    if (cg_dist_index_get(&lead->places, place, &unused)) {
        return CG_OK;
    }
    cg_status status = CG_GROW(&d->allocator, lead->known, lead->known_capacity,
                               (size_t)lead->known_count + 1, error);
    if (status == CG_OK) {
        status =
            cg_dist_index_put(&lead->places, &d->allocator, place, lead->known_count, error);
    }
    if (status == CG_OK) {
        lead->known[lead->known_count++] = *body;
    }
    return status;
}

/* --- the best --- */

/* d->orders: the best of all, by (answer descending, row). */
static cg_status select_best(cg_distributed *d, const dist_lead *lead, uint32_t *count,
                             cg_error *error) {
    uint64_t all = 0;
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        const dist_letter *letter = &lead->letters[host];
        all += letter->version ? cg_dist_report_of(d, letter).hit_count : 0;
    }
    uint32_t most = all < lead->terms.hits_max ? (uint32_t)all : lead->terms.hits_max;
    *count = 0;
    cg_status status = CG_GROW(&d->allocator, d->orders, d->order_capacity, most, error);
    for (uint32_t host = 0; host < d->options.hosts && status == CG_OK; host++) {
        if (lead->letters[host].version == 0) {
            continue;
        }
        dist_report report = cg_dist_report_of(d, &lead->letters[host]);
        for (uint32_t i = 0; i < report.hit_count; i++) {
            dist_body bodies[DIST_HOPS];
            uint32_t bodies_count = cg_dist_read_hit(&report.hits, bodies);
            uint64_t total = saturated(cg_dist_total(bodies, bodies_count));
            cg_dist_offer(d->orders, count, most,
                          (dist_order){.key = ~total, .tie = bodies[0].row});
        }
    }
    if (status == CG_OK) {
        cg_dist_sort(d->orders, *count);
    }
    return status;
}

/* What a hit's records say; the strongest contribution is that of the earliest hop of equals. */
static cg_spread_hit hit_of(const dist_body *bodies, uint32_t count) {
    cg_spread_hit hit = {.activation = saturated(cg_dist_total(bodies, count)),
                         .row = bodies[0].row,
                         .predecessor = bodies[0].row,
                         .first_hop = bodies[0].hop};
    for (uint32_t i = 0; i < count; i++) {
        if (bodies[i].strongest.amounts[0] > hit.strongest) {
            hit.strongest = bodies[i].strongest.amounts[0];
            hit.hop = bodies[i].hop;
            hit.predecessor =
                bodies[i].hop == 0 ? bodies[i].row : bodies[i].strongest.sources[0];
        }
    }
    return hit;
}

/* Records of a report's hits that are among the best. */
static cg_status take_hits(cg_distributed *d, dist_lead *lead, dist_report *report,
                           cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < report->hit_count && status == CG_OK; i++) {
        dist_body bodies[DIST_HOPS];
        uint32_t place = 0;
        uint32_t count = cg_dist_read_hit(&report->hits, bodies);
        if (!cg_dist_index_get(&d->out_places, bodies[0].row, &place)) {
            continue;
        }
        lead->hits[place] = hit_of(bodies, count);
        for (uint32_t body = 0; body < count && status == CG_OK; body++) {
            status = cg_dist_know(d, lead, &bodies[body], error);
        }
    }
    return status;
}

cg_status cg_dist_rank(cg_distributed *d, dist_lead *lead, cg_error *error) {
    uint32_t count = 0;
    cg_status status = select_best(d, lead, &count, error);
    if (status == CG_OK) {
        status = CG_GROW(&d->allocator, lead->hits, lead->hit_capacity, count, error);
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        status = cg_dist_index_put(&d->out_places, &d->allocator, d->orders[i].tie, i, error);
    }
    for (uint32_t host = 0; host < d->options.hosts && status == CG_OK; host++) {
        if (lead->letters[host].version) {
            dist_report report = cg_dist_report_of(d, &lead->letters[host]);
            status = take_hits(d, lead, &report, error);
        }
    }
    cg_dist_index_clear(&d->out_places);
    lead->hit_count = count;
    return status;
}

/* --- what is behind them --- */

static const dist_seed *find_seed(const dist_lead *lead, uint32_t row) {
    uint32_t low = 0;
    uint32_t high = lead->seed_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lead->seeds[middle].row < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < lead->seed_count && lead->seeds[low].row == row ? &lead->seeds[low] : NULL;
}

/* The record (hop, row) from what this host has; the tier is that of which a contribution told. */
static bool find_here(const cg_distributed *d, const dist_lead *lead, uint32_t hop,
                      uint32_t row, uint8_t tier, dist_body *body) {
    if (hop == 0) {
        const dist_seed *seed = find_seed(lead, row);
        if (seed) {
            *body = (dist_body){.level = seed->level, .row = row, .tier = tier};
            cg_dist_keep(&body->strongest, seed->strongest, CG_SPREAD_NONE, 0);
        }
        return seed != NULL;
    }
    const dist_part *part = cg_dist_find_part(d, lead->spread);
    const dist_record *record = part ? cg_dist_record_at(part, hop, row) : NULL;
    if (record) {
        *body = cg_dist_body_of(record);
    }
    return record != NULL;
}

/* A source that is not known: to be known, or to be asked for, in d->orders. */
static cg_status want(cg_distributed *d, dist_lead *lead, uint64_t place, uint8_t tier,
                      uint32_t *asks, cg_error *error) {
    uint32_t hop = (uint32_t)(place >> 32);
    uint32_t row = (uint32_t)place;
    uint32_t owner = cg_dist_owner(d, row);
    uint32_t unused = 0;
    dist_body body;
    if (hop == 0 || owner == d->options.host) {
        return find_here(d, lead, hop, row, tier, &body) ? cg_dist_know(d, lead, &body, error)
                                                         : CG_OK;
    }
    if (lead->letters[owner].version == 0 || !cg_dist_reachable(d, owner) ||
        cg_dist_index_get(&d->out_places, place, &unused)) {
        return CG_OK;
    }
    cg_status status =
        CG_GROW(&d->allocator, d->orders, d->order_capacity, (size_t)*asks + 1, error);
    if (status == CG_OK) {
        status = cg_dist_index_put(&d->out_places, &d->allocator, place, 0, error);
    }
    if (status == CG_OK) {
        d->orders[(*asks)++] = (dist_order){.key = (uint64_t)owner << 8 | hop, .tie = row};
    }
    return status;
}

static cg_status expand(cg_distributed *d, dist_lead *lead, uint32_t *asks, cg_error *error) {
    while (lead->expanded < lead->known_count) {
        dist_body body = lead->known[lead->expanded++];
        for (uint32_t i = 0; body.hop > 0 && i < cg_dist_kept(&body.strongest); i++) {
            uint32_t unused = 0;
            uint64_t place = dist_place(body.hop - 1u, body.strongest.sources[i]);
            if (cg_dist_index_get(&lead->places, place, &unused)) {
                continue;
            }
            cg_status status = want(d, lead, place, body.strongest.tiers[i], asks, error);
            if (status != CG_OK) {
                return status;
            }
        }
    }
    return CG_OK;
}

/* Asks at places from..end, all of one owner. */
static cg_status send_ask(cg_distributed *d, dist_lead *lead, uint32_t from, uint32_t end,
                          cg_error *error) {
    uint32_t owner = (uint32_t)(d->orders[from].key >> 8);
    cg_status status = cg_dist_begin(d, lead->spread, d->options.host, error);
    if (status == CG_OK) {
        status = cg_dist_room(d, 8 + 5 * (size_t)(end - from), error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_write_u32(&d->writer, lead->round);
    cg_write_u32(&d->writer, end - from);
    for (; from < end; from++) {
        cg_write_u8(&d->writer, (uint8_t)d->orders[from].key);
        cg_write_u32(&d->writer, d->orders[from].tie);
    }
    lead->letters[owner].round = lead->round;
    lead->asked++;
    return cg_dist_send(d, owner, DIST_ASK, error);
}

cg_status cg_dist_gather(cg_distributed *d, dist_lead *lead, cg_error *error) {
    uint32_t asks = 0;
    cg_status status = expand(d, lead, &asks, error);
    cg_dist_index_clear(&d->out_places);
    cg_dist_sort(d->orders, status == CG_OK ? asks : 0);
    lead->round += asks > 0;
    for (uint32_t from = 0; from < asks && status == CG_OK;) {
        uint32_t end = from;
        while (end < asks && d->orders[end].key >> 8 == d->orders[from].key >> 8) {
            end++;
        }
        status = send_ask(d, lead, from, end, error);
        from = end;
    }
    return status == CG_OK && asks > 0
               ? cg_dist_arm(d, &lead->armed_ns, 2 * lead->slot + 1,
                             lead->began_ns + lead->terms.timeout_ns, error)
               : status;
}
