/* Starting a spread: what is asked is checked, seeds go to their owners. */
#include "engine/base/math.h"
#include "engine/spread/distributed_internal.h"

#define LAMBDA_MAX  16.0
#define TIMEOUT_MAX (UINT64_C(1) << 50)

/* --- what is asked --- */

static bool is_share(double value) {
    return value >= 0.0 && value <= 1.0;
}

static cg_status check_spread(const cg_spread_query *query, cg_error *error) {
    if (query->seed_count < 1 || query->seed_count > CG_SPREAD_SEEDS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread over hosts from %u seeds; there must be 1..%d",
                            query->seed_count, CG_SPREAD_SEEDS_MAX);
    }
    if (query->max_hops < 1 || query->max_hops > CG_SPREAD_HOPS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread over hosts of max_hops %u; it must be 1..%d",
                            query->max_hops, CG_SPREAD_HOPS_MAX);
    }
    if (!(query->lambda >= 0.0 && query->lambda <= LAMBDA_MAX) || !is_share(query->threshold) ||
        !is_share(query->hop_discount)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread over hosts of lambda %g, threshold %g and hop_discount "
                            "%g; they must be 0..%g, 0..1 and 0..1",
                            query->lambda, query->threshold, query->hop_discount, LAMBDA_MAX);
    }
    if (query->hits_max < 1 || query->hits_max > CG_DISTRIBUTED_HITS_MAX ||
        query->confidence_paths > CG_SPREAD_PATHS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spread over hosts of hits_max %u and confidence_paths %u; they "
                            "must be 1..%d and 0..%d",
                            query->hits_max, query->confidence_paths, CG_DISTRIBUTED_HITS_MAX,
                            CG_SPREAD_PATHS_MAX);
    }
    if (query->edges_max || query->refractory_ns || query->touch || query->runner) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a spread over hosts with edges_max, refractory_ns, touch or runner; "
            "it has none of them");
    }
    return CG_OK;
}

static cg_status check_tiers(const cg_distributed_query *query, cg_error *error) {
    const cg_spread_tiers *tiers = query->spread.tiers;
    for (uint32_t tier = 0; tiers && tier < CG_TIER_LEVELS_MAX; tier++) {
        if (!is_share(tiers->thresholds[tier]) || !is_share(tiers->discounts[tier])) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a spread over hosts of threshold %g and discount %g in tier "
                                "%u; they must be 0..1",
                                tiers->thresholds[tier], tiers->discounts[tier], tier);
        }
        if (tiers->budgets[tier] > 0 && query->mode == CG_DISTRIBUTED_ASYNC) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "an asynchronous spread with a budget of %llu visits in tier "
                                "%u; budgets need exact hops",
                                (unsigned long long)tiers->budgets[tier], tier);
        }
    }
    return CG_OK;
}

static cg_status check_seeds(const cg_distributed *d, const cg_spread_query *query,
                             cg_error *error) {
    for (uint32_t i = 0; i < query->seed_count; i++) {
        const cg_spread_seed *seed = &query->seeds[i];
        if (seed->row >= d->rows) {
            return cg_error_set(error, CG_ERROR_NOT_FOUND,
                                "seed %u of a spread over hosts is row %u; there are %u", i,
                                seed->row, d->rows);
        }
        if (!(seed->activation > 0.0 && seed->activation <= 1.0)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "seed %u of a spread over hosts, row %u, has activation %g; it "
                                "must be above 0 and at most 1",
                                i, seed->row, seed->activation);
        }
    }
    return CG_OK;
}

static cg_status check(const cg_distributed *d, uint64_t spread,
                       const cg_distributed_query *query, cg_error *error) {
    if (query->mode < 0 || query->mode >= CG_DISTRIBUTED_MODE_COUNT || query->timeout_ns < 1 ||
        query->timeout_ns > TIMEOUT_MAX || query->window_ns > query->timeout_ns) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a spread over hosts of mode %d, timeout_ns %llu and window_ns %llu; "
            "the timeout must be 1..2^50, and the window no longer",
            (int)query->mode, (unsigned long long)query->timeout_ns,
            (unsigned long long)query->window_ns);
    }
    cg_status status = check_spread(&query->spread, error);
    if (status == CG_OK) {
        status = check_tiers(query, error);
    }
    if (status == CG_OK) {
        status = check_seeds(d, &query->spread, error);
    }
    if (status == CG_OK && (cg_dist_find_lead(d, spread) || cg_dist_find_part(d, spread) ||
                            cg_dist_has_ended(d, spread))) {
        return cg_error_set(error, CG_ERROR_EXISTS,
                            "a spread over hosts with the number %llu, which is taken",
                            (unsigned long long)spread);
    }
    if (status == CG_OK &&
        (d->leads_used >= d->options.spreads_max || d->parts_used >= d->options.spreads_max)) {
        return cg_error_set(
            error, CG_ERROR_FULL,
            "one more spread over hosts; %u are under way, as many as there may be",
            d->options.spreads_max);
    }
    return status;
}

static dist_terms terms_of(const cg_distributed_query *query) {
    const cg_spread_query *spread = &query->spread;
    dist_terms terms = {
        .decay = (uint64_t)(cg_exp(-spread->lambda) * (double)(UINT64_C(1) << 48) + 0.5),
        .timeout_ns = query->timeout_ns,
        .window_ns = query->window_ns,
        .hits_max = spread->hits_max,
        .mode = (uint8_t)query->mode,
        .max_hops = (uint8_t)spread->max_hops,
        .fan_out = spread->fan_out,
        .wants_records = spread->confidence_paths > 0,
    };
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
        double threshold = spread->tiers ? spread->tiers->thresholds[tier] : spread->threshold;
        terms.thresholds[tier] = (uint64_t)(threshold * (double)CG_SPREAD_ONE + 0.5);
        terms.budgets[tier] = spread->tiers ? spread->tiers->budgets[tier] : 0;
    }
    return terms;
}

/* --- slots --- */

static cg_status new_slot(cg_distributed *d, cg_error *error) {
    cg_status status =
        CG_GROW(&d->allocator, d->leads, d->lead_capacity, (size_t)d->lead_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    dist_lead *lead = cg_allocate(&d->allocator, 1, sizeof *lead);
    if (!lead) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of a spread over hosts", sizeof *lead);
    }
    d->leads[d->lead_count++].lead = lead;
    return CG_OK;
}

static cg_status take_lead(cg_distributed *d, uint64_t spread, dist_lead **out,
                           cg_error *error) {
    cg_status status = d->leads_used < d->lead_count ? CG_OK : new_slot(d, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t slot = 0;
    while (d->leads[slot].lead->is_used) {
        slot++;
    }
    dist_lead *lead = d->leads[slot].lead;
    status =
        CG_GROW(&d->allocator, lead->letters, lead->letter_capacity, d->options.hosts, error);
    if (status == CG_OK) {
        status = cg_table_put(d->lead_slots, spread, slot, error);
    }
    if (status == CG_OK) {
        lead->is_used = true;
        lead->slot = slot;
        lead->spread = spread;
        lead->began_ns = d->now_ns;
        d->leads_used++;
        *out = lead;
    }
    return status;
}

/* --- seeds --- */

/* lead->seeds: by row, those of a row summed. */
static cg_status sum_seeds(cg_distributed *d, dist_lead *lead, const cg_spread_query *query,
                           cg_error *error) {
    cg_status status =
        CG_GROW(&d->allocator, d->orders, d->order_capacity, query->seed_count, error);
    if (status == CG_OK) {
        status =
            CG_GROW(&d->allocator, lead->seeds, lead->seed_capacity, query->seed_count, error);
    }
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t i = 0; i < query->seed_count; i++) {
        d->orders[i] = (dist_order){.key = query->seeds[i].row, .tie = i, .value = i};
    }
    cg_dist_sort(d->orders, query->seed_count);
    for (uint32_t i = 0; i < query->seed_count; i++) {
        const cg_spread_seed *given = &query->seeds[d->orders[i].value];
        uint64_t amount = (uint64_t)(given->activation * (double)CG_SPREAD_ONE + 0.5);
        if (amount == 0) {
            continue;
        }
        dist_seed *seed = lead->seed_count ? &lead->seeds[lead->seed_count - 1] : NULL;
        if (!seed || seed->row != given->row) {
            seed = &lead->seeds[lead->seed_count++];
            *seed = (dist_seed){.row = given->row};
        }
        seed->level = dist_add(seed->level, amount);
        seed->strongest = amount > seed->strongest ? amount : seed->strongest;
    }
    return CG_OK;
}

/* d->orders: seeds by (owner, row). Returns the owners that take part in async. */
static uint32_t sort_by_owner(cg_distributed *d, dist_lead *lead) {
    for (uint32_t i = 0; i < lead->seed_count; i++) {
        uint32_t owner = cg_dist_owner(d, lead->seeds[i].row);
        dist_letter *letter = &lead->letters[owner];
        letter->sent = dist_add(letter->sent, dist_mass(lead->seeds[i].level));
        d->orders[i] = (dist_order){.key = owner, .tie = lead->seeds[i].row, .value = i};
    }
    cg_dist_sort(d->orders, lead->seed_count);
    uint32_t owners = 0;
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        owners += lead->letters[host].sent > 0 && cg_dist_reachable(d, host);
    }
    return owners;
}

static void write_active(cg_distributed *d, const dist_lead *lead) {
    for (uint32_t host = 0; host < d->options.hosts; host += 8) {
        uint32_t bits = 0;
        for (uint32_t bit = 0; bit < 8 && host + bit < d->options.hosts; bit++) {
            bits |= (lead->letters[host + bit].sent > 0 ? 1u : 0u) << bit;
        }
        cg_write_u8(&d->writer, (uint8_t)bits);
    }
}

static cg_status send_start(cg_distributed *d, dist_lead *lead, uint32_t to, dist_span span,
                            uint64_t credit, cg_error *error) {
    uint32_t count = span.end - span.from;
    cg_status status = cg_dist_begin(d, lead->spread, d->options.host, error);
    if (status == CG_OK) {
        status = cg_dist_room(d,
                              DIST_TERMS_BYTES + 12 + (d->options.hosts + 7) / 8 +
                                  (size_t)count * DIST_SEED_BYTES,
                              error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_dist_write_terms(&d->writer, &lead->terms);
    cg_write_u64(&d->writer, credit);
    write_active(d, lead);
    cg_write_u32(&d->writer, count);
    for (uint32_t i = span.from; i < span.end; i++) {
        const dist_seed *seed = &lead->seeds[d->orders[i].value];
        cg_write_u32(&d->writer, seed->row);
        cg_write_u64(&d->writer, seed->level);
        cg_write_u64(&d->writer, seed->strongest);
    }
    return cg_dist_send(d, to, DIST_START, error);
}

static cg_status sow(cg_distributed *d, dist_lead *lead, cg_error *error) {
    bool is_async = lead->terms.mode == CG_DISTRIBUTED_ASYNC;
    uint32_t owners = sort_by_owner(d, lead);
    uint64_t credit = is_async && owners > 0 ? DIST_CREDIT / owners : 0;
    uint32_t place = 0;
    cg_status status = CG_OK;
    for (uint32_t host = 0; host < d->options.hosts && status == CG_OK; host++) {
        uint32_t from = place;
        while (place < lead->seed_count && d->orders[place].key == host) {
            place++;
        }
        if ((is_async && from == place) || !cg_dist_reachable(d, host)) {
            continue;
        }
        lead->outstanding += credit;
        status = send_start(d, lead, host, (dist_span){from, place}, credit, error);
    }
    return status;
}

cg_status cg_distributed_start(cg_distributed *d, uint64_t now_ns, uint64_t spread,
                               const cg_distributed_query *query, cg_error *error) {
    cg_status status = check(d, spread, query, error);
    if (status != CG_OK) {
        return status;
    }
    d->now_ns = now_ns;
    dist_lead *lead = NULL;
    status = take_lead(d, spread, &lead, error);
    if (status != CG_OK) {
        return status;
    }
    d->statistics.started++;
    lead->terms = terms_of(query);
    lead->query = *query;
    lead->tiers = query->spread.tiers ? *query->spread.tiers : cg_spread_tiers_default();
    lead->query.spread.seeds = NULL;
    lead->query.spread.tiers = NULL;
    status = sum_seeds(d, lead, &query->spread, error);
    if (status == CG_OK) {
        status = sow(d, lead, error);
    }
    if (status == CG_OK) {
        status = cg_dist_arm(
            d, &lead->armed_ns, 2 * lead->slot + 1,
            cg_dist_due_ns(lead->began_ns, &lead->terms, lead->terms.max_hops + 1u), error);
    }
    if (status == CG_OK) {
        status = cg_dist_lead_check(d, lead, error);
    }
    return status == CG_OK ? cg_dist_work_off(d, error) : status;
}
