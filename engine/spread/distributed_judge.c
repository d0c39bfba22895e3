/* Confidence of hits and their paths, as a single host has them.
 *
 * Records gathered are laid into a scratch of the single host's, numbered by (hop, row) as there; so
 * paths and confidence are the same code's (spread_path.c). A contribution whose source was not
 * gathered, because its owner is silent, is left out.
 */
#include <string.h>

#include "engine/spread/distributed_internal.h"
#include "engine/spread/spread_internal.h"

/* --- the records as a single host has them --- */

/* d->orders: lead->known by (hop, row); d->out_places: (hop, row) -> number. */
static cg_status number_records(cg_distributed *d, const dist_lead *lead, cg_error *error) {
    cg_status status =
        CG_GROW(&d->allocator, d->orders, d->order_capacity, lead->known_count, error);
    for (uint32_t i = 0; i < lead->known_count && status == CG_OK; i++) {
        const dist_body *body = &lead->known[i];
        d->orders[i] = (dist_order){.key = body->hop, .tie = body->row, .value = i};
    }
    cg_dist_sort(d->orders, status == CG_OK ? lead->known_count : 0);
    for (uint32_t i = 0; i < lead->known_count && status == CG_OK; i++) {
        uint64_t place = dist_place((uint32_t)d->orders[i].key, d->orders[i].tie);
        status = cg_dist_index_put(&d->out_places, &d->allocator, place, i, error);
    }
    return status;
}

static void fill_record(const cg_distributed *d, const dist_body *body,
                        cg_spread_record *record) {
    *record = (cg_spread_record){.level = body->level,
                                 .total = body->level,
                                 .row = body->row,
                                 .previous = CG_SPREAD_NONE,
                                 .hop = body->hop,
                                 .tier = body->tier};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < CG_SPREAD_CONTRIBUTIONS; i++) {
        record->sources[i] = CG_SPREAD_NONE;
        uint32_t number = CG_SPREAD_NONE;
        bool is_known = body->strongest.amounts[i] != 0 &&
                        (body->hop == 0 ||
                         cg_dist_index_get(
                             &d->out_places,
                             dist_place(body->hop - 1u, body->strongest.sources[i]), &number));
        if (is_known) {
            record->amounts[kept] = body->strongest.amounts[i];
            record->sources[kept++] = number;
        }
    }
    /* The row's record of the last hop before. */
    for (uint32_t hop = body->hop; hop-- > 0 && record->previous == CG_SPREAD_NONE;) {
        uint32_t number = 0;
        if (cg_dist_index_get(&d->out_places, dist_place(hop, body->row), &number)) {
            record->previous = number;
        }
    }
}

static cg_status fill_judge(cg_distributed *d, dist_lead *lead, cg_error *error) {
    cg_spread_scratch *judge = d->judge;
    cg_activation_give_all(judge->records);
    judge->record_count = 0;
    judge->hops = lead->terms.max_hops + 1u;
    cg_status status = number_records(d, lead, error);
    uint32_t first = 0;
    if (status == CG_OK && lead->known_count > 0) {
        status = cg_activation_take_run(judge->records, lead->known_count, &first, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&judge->allocator, judge->hits, judge->hit_capacity, lead->hit_count,
                         error);
    }
    if (status != CG_OK) {
        return status;
    }
    CG_ASSERT(first == 0);
    void *const *blocks = cg_activation_blocks(judge->records);
    for (uint32_t i = 0; i < lead->known_count; i++) {
        const dist_body *body = &lead->known[d->orders[i].value];
        fill_record(d, body, spread_record(blocks, i));
    }
    judge->record_count = lead->known_count;
    for (uint32_t i = 0; i < lead->hit_count; i++) {
        cg_spread_hit *hit = &lead->hits[i];
        for (uint32_t hop = 0; hop <= lead->terms.max_hops; hop++) {
            cg_dist_index_get(&d->out_places, dist_place(hop, hit->row), &hit->record);
        }
    }
    return CG_OK;
}

static spread_run run_of(cg_distributed *d, const dist_lead *lead, uint32_t hits) {
    return (spread_run){.query = &lead->query.spread,
                        .tiers = lead->tiers,
                        .scratch = d->judge,
                        .result = {.hit_count = hits}};
}

cg_status cg_dist_judge(cg_distributed *d, dist_lead *lead, cg_error *error) {
    if (!lead->terms.wants_records) {
        return CG_OK;
    }
    cg_status status = fill_judge(d, lead, error);
    cg_dist_index_clear(&d->out_places);
    if (status != CG_OK || lead->hit_count == 0) {
        return status;
    }
    size_t bytes = lead->hit_count * sizeof *lead->hits;
    memcpy(d->judge->hits, lead->hits, bytes);
    spread_run run = run_of(d, lead, lead->hit_count);
    status = cg_spread_judge(&run, error);
    if (status == CG_OK) {
        memcpy(lead->hits, d->judge->hits, bytes);
    }
    return status;
}

/* --- paths --- */

static void list_path(const cg_spread_scratch *scratch, const spread_partial *partial,
                      cg_spread_path *path) {
    void *const *blocks = cg_activation_blocks(scratch->records);
    *path = (cg_spread_path){.strength = partial->bound / (double)CG_SPREAD_ONE};
    for (uint32_t hop = 0;; hop++) {
        const cg_spread_record *record = spread_record(blocks, partial->record);
        cg_spread_step *step = &path->steps[path->length++];
        step->row = record->row;
        step->record = partial->record;
        if (partial->after == CG_SPREAD_NONE) {
            return;
        }
        step->tier = record->tier;
        partial = &scratch->beams[(size_t)(hop + 1) * SPREAD_BEAM + partial->after];
    }
}

cg_status cg_distributed_paths(cg_distributed *d, uint32_t hit, cg_spread_path *paths,
                               uint32_t paths_max, uint32_t *path_count, cg_error *error) {
    if (!d->judged || !d->judged->terms.wants_records || paths_max < 1 ||
        paths_max > CG_SPREAD_PATHS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%u paths asked for of a spread over hosts; it must be 1..%d, while "
            "a spread that has them is being answered",
            paths_max, CG_SPREAD_PATHS_MAX);
    }
    if (hit >= d->judged->hit_count) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "paths to hit %u of a spread over hosts, which has %u", hit,
                            d->judged->hit_count);
    }
    d->judge->hits[0] = d->judged->hits[hit];
    spread_run run = run_of(d, d->judged, 1);
    cg_status status = cg_spread_judge(&run, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t count = d->judge->beam_counts[0];
    count = count < paths_max ? count : paths_max;
    for (uint32_t i = 0; i < count; i++) {
        list_path(d->judge, &d->judge->beams[i], &paths[i]);
    }
    *path_count = count;
    return CG_OK;
}
