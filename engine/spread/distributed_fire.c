/* Passing on, over hosts.
 *
 *   passed(i) = outgoing(level(i))        as spread_fire.c
 *
 * along an edge of weight w: passed(i) * (w + 1). If i passed on in this hop before, with a lower
 * level (async), what goes on is the difference to that; outgoing never falls, so differences are
 * not negative, and they add up to passed(i) of the last level, whatever the steps between were.
 * With them goes the whole amount so far, for the record of the strongest: the largest from a
 * source is its last.
 *
 * Contributions to one row of another host are one entry; entries are sorted by (host, hop, row)
 * and go out in messages of at most message_bytes_max.
 *
 * Known value: chain 0 -> 1 of weight 1 over two hosts, seeds of 0.5 and 0.5 at 0 that come one
 * after the other, lambda ln 2: entries of 0.25 and 0.25, of amounts 0.25 and 0.5.
 */
#include "engine/spread/distributed_internal.h"
#include "engine/spread/fixed_point.h"

typedef struct dist_run {
    cg_distributed *d;
    dist_part *part;
    uint32_t hop; /* that passes on */
} dist_run;

/* --- who --- */

/* d->orders: what is due, by row. */
static cg_status list_due(const dist_run *run, uint32_t *count, cg_error *error) {
    cg_distributed *d = run->d;
    dist_part *part = run->part;
    *count = 0;
    uint32_t number = part->due[run->hop];
    while (number != CG_SPREAD_NONE) {
        dist_record *record = &part->records[number];
        cg_status status =
            CG_GROW(&d->allocator, d->orders, d->order_capacity, *count + 1, error);
        if (status != CG_OK) {
            return status;
        }
        d->orders[(*count)++] = (dist_order){.key = record->row, .value = number};
        record->flags &= (uint8_t)~DIST_DUE;
        number = record->next_due;
    }
    part->due[run->hop] = CG_SPREAD_NONE;
    cg_dist_sort(d->orders, *count);
    return CG_OK;
}

/* d->firings: those above their threshold, by row. */
static cg_status gather(const dist_run *run, uint32_t due, uint32_t *count, cg_error *error) {
    cg_distributed *d = run->d;
    dist_part *part = run->part;
    *count = 0;
    cg_status status = CG_GROW(&d->allocator, d->firings, d->firing_capacity, due, error);
    for (uint32_t i = 0; i < due && status == CG_OK; i++) {
        dist_record *record = &part->records[d->orders[i].value];
        uint32_t tier = d->hooks.where ? d->hooks.where(d->hooks.context, record->row) : 0;
        if (tier >= CG_TIER_LEVELS_MAX) {
            part->is_cut = true;
            continue;
        }
        record->tier = (uint8_t)tier;
        if (record->level >= part->terms.thresholds[tier]) {
            d->firings[(*count)++] = (dist_firing){
                .level = record->level,
                .record = d->orders[i].value,
                .degree = cg_graph_degree(d->options.graph, record->row),
            };
        }
    }
    return status;
}

/* --- budgets, of this host: as spread_fire.c, ranked by (level descending, row) --- */

static uint64_t outgoing_of(const dist_part *part, const dist_firing *firing) {
    return spread_point_outgoing(firing->level, part->terms.decay,
                                 part->terms.fan_out ? firing->degree : 1);
}

static void fade_ranked(const dist_run *run, uint32_t count, uint32_t tier) {
    dist_part *part = run->part;
    uint64_t visits = part->tier_visits[tier];
    uint64_t budget = part->terms.budgets[tier];
    uint64_t fade = UINT64_C(1) << SPREAD_POINT_DECAY_BITS;
    for (uint64_t k = budget; k < visits && fade > 0; k++) {
        fade = spread_point_fade(fade);
    }
    bool is_over = false;
    for (uint32_t i = 0; i < count; i++) {
        dist_firing *firing = &run->d->firings[run->d->orders[i].value];
        uint64_t next = fade;
        if (visits >= budget && !is_over) {
            next = spread_point_fade(fade);
            firing->level = spread_point_scale(firing->level, next, SPREAD_POINT_DECAY_BITS);
        }
        is_over = is_over || firing->level == 0 || firing->level < part->terms.thresholds[tier];
        if (is_over) {
            firing->level = 0;
        } else if (outgoing_of(part, firing) > 0) {
            part->faded += visits >= budget;
            visits++;
            fade = next;
        }
    }
}

static void fade_tier(const dist_run *run, uint32_t count, uint32_t tier) {
    cg_distributed *d = run->d;
    uint32_t ranked = 0;
    for (uint32_t i = 0; i < count; i++) {
        const dist_record *record = &run->part->records[d->firings[i].record];
        if (record->tier == tier) {
            d->orders[ranked++] =
                (dist_order){.key = ~record->level, .tie = record->row, .value = i};
        }
    }
    if (run->part->tier_visits[tier] + ranked > run->part->terms.budgets[tier]) {
        cg_dist_sort(d->orders, ranked);
        fade_ranked(run, ranked, tier);
    }
}

/* --- along the edges --- */

/* The entry of a row of another host. */
static cg_status out_of(const dist_run *run, uint32_t host, uint32_t row, dist_out **out,
                        cg_error *error) {
    cg_distributed *d = run->d;
    uint64_t place = dist_place(run->hop + 1, row);
    uint32_t number = 0;
    if (!cg_dist_index_get(&d->out_places, place, &number)) {
        number = d->out_count;
        cg_status status =
            CG_GROW(&d->allocator, d->outs, d->out_capacity, (size_t)number + 1, error);
        if (status == CG_OK) {
            status = cg_dist_index_put(&d->out_places, &d->allocator, place, number, error);
        }
        if (status != CG_OK) {
            return status;
        }
        d->outs[number] =
            (dist_out){.entry = {.row = row}, .host = host, .hop = (uint8_t)(run->hop + 1)};
        d->out_count++;
    }
    *out = &d->outs[number];
    return CG_OK;
}

typedef struct dist_source {
    uint64_t passed;
    uint64_t before; /* of it */
    uint32_t row;
    uint8_t tier;
} dist_source;

static cg_status pass_edge(const dist_run *run, const dist_source *source, const cg_edge *edge,
                           cg_error *error) {
    cg_distributed *d = run->d;
    uint64_t strength = (uint64_t)edge->weight + 1;
    uint64_t sum = (source->passed - source->before) * strength;
    uint32_t host = cg_dist_owner(d, edge->target);
    cg_status status = CG_OK;
    dist_strongest *strongest = NULL;
    if (host == d->options.host) {
        dist_record *record = NULL;
        status = cg_dist_add(d, run->part, dist_place(run->hop + 1, edge->target), sum, &record,
                             error);
        strongest = record ? &record->strongest : NULL;
    } else {
        dist_out *out = NULL;
        d->statistics.crossing++;
        status = out_of(run, host, edge->target, &out, error);
        if (status == CG_OK) {
            out->entry.sum = dist_add(out->entry.sum, sum);
            strongest = &out->entry.strongest;
        }
    }
    if (strongest) {
        cg_dist_keep(strongest, source->passed * strength, source->row, source->tier);
    }
    return status;
}

static cg_status pass_on(const dist_run *run, const dist_source *source, cg_error *error) {
    const cg_graph *graph = run->d->options.graph;
    cg_status status = CG_OK;
    if (cg_graph_row_is_plain(graph, source->row)) {
        cg_edge_span span = cg_graph_frozen_edges(graph, source->row);
        for (uint64_t i = 0; i < span.count && status == CG_OK; i++) {
            status = pass_edge(run, source, &span.edges[i], error);
        }
        return status;
    }
    cg_edge edge;
    cg_edge_cursor cursor = cg_graph_edges(graph, source->row);
    while (status == CG_OK && cg_graph_next_edge(&cursor, &edge)) {
        status = pass_edge(run, source, &edge, error);
    }
    return status;
}

/* Reads a concept's edges; a failure ends what this host does for the spread. */
static cg_status fire_one(const dist_run *run, const dist_firing *firing, cg_error *error) {
    cg_distributed *d = run->d;
    dist_part *part = run->part;
    dist_record *record = &part->records[firing->record];
    dist_source source = {.passed = outgoing_of(part, firing),
                          .before = record->passed,
                          .row = record->row,
                          .tier = record->tier};
    if (source.passed <= source.before || part->is_cut) {
        return CG_OK;
    }
    if (d->hooks.read && d->hooks.read(d->hooks.context, record->row, NULL) != CG_OK) {
        part->is_cut = true;
        return CG_OK;
    }
    record->passed = source.passed;
    part->tier_visits[record->tier]++;
    part->hops[run->hop + 1].visits++;
    part->hops[run->hop + 1].edges += firing->degree;
    d->statistics.edges += firing->degree;
    cg_work_count(d->options.work, CG_WORK_SPREAD, 1, firing->degree);
    return pass_on(run, &source, error);
}

cg_status cg_dist_fire(cg_distributed *d, dist_part *part, uint32_t hop, cg_error *error) {
    dist_run run = {.d = d, .part = part, .hop = hop};
    uint32_t due = 0;
    uint32_t count = 0;
    cg_status status = list_due(&run, &due, error);
    if (status == CG_OK) {
        status = gather(&run, due, &count, error);
    }
    for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX && status == CG_OK; tier++) {
        if (part->terms.budgets[tier] > 0) {
            fade_tier(&run, count, tier);
        }
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        status = fire_one(&run, &d->firings[i], error);
    }
    return status;
}
