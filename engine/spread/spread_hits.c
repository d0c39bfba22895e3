/* The answer: the best hits_max concepts, by a heap with the worst on top. */
#include "engine/spread/spread_internal.h"

static bool hit_before(const cg_spread_hit *left, const cg_spread_hit *right) {
    if (left->activation != right->activation) {
        return left->activation > right->activation;
    }
    return left->row < right->row;
}

/* Puts `hit` into the heap's hole at `hole`, which sinks to where it belongs. */
static void sink(cg_spread_hit *hits, uint32_t count, uint32_t hole, cg_spread_hit hit) {
    for (;;) {
        size_t child = 2 * (size_t)hole + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && hit_before(&hits[child], &hits[child + 1])) {
            child++;
        }
        if (!hit_before(&hit, &hits[child])) {
            break;
        }
        hits[hole] = hits[child];
        hole = (uint32_t)child;
    }
    hits[hole] = hit;
}

/* What stands in a concept's last record; the rest is told when the hits are known. */
static cg_spread_hit hit_of(const cg_spread_record *record, uint32_t number) {
    return (cg_spread_hit){
        .activation = record->total < CG_SPREAD_ONE ? record->total : CG_SPREAD_ONE,
        .row = record->row,
        .record = number,
    };
}

/* The strongest contribution of all hops, of equals the earliest hop's. */
static void tell(void *const *blocks, cg_spread_hit *hit) {
    for (uint32_t number = hit->record; number != CG_SPREAD_NONE;) {
        const cg_spread_record *record = spread_record(blocks, number);
        if (record->amounts[0] >= hit->strongest) {
            hit->strongest = record->amounts[0];
            hit->hop = record->hop;
            hit->predecessor = record->sources[0] == CG_SPREAD_NONE
                                   ? record->row
                                   : spread_record(blocks, record->sources[0])->row;
        }
        hit->first_hop = record->hop;
        number = record->previous;
    }
}

cg_status cg_spread_collect(spread_run *run, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    uint32_t most = run->query->hits_max;
    uint32_t count = scratch->reached < most ? scratch->reached : most;
    cg_status status =
        CG_GROW(&scratch->allocator, scratch->hits, scratch->hit_capacity, count, error);
    if (status != CG_OK) {
        return status;
    }
    void *const *blocks = cg_activation_blocks(scratch->records);
    cg_spread_hit *hits = scratch->hits;
    uint32_t filled = 0;
    for (uint32_t i = 0; i < scratch->record_count; i++) {
        const cg_spread_record *record = spread_record(blocks, i);
        if (record->flags & SPREAD_SUPERSEDED) {
            continue;
        }
        cg_spread_hit hit = hit_of(record, i);
        if (filled < count) {
            hits[filled++] = hit;
            for (uint32_t j = filled == count ? count / 2 : 0; j-- > 0;) {
                sink(hits, count, j, hits[j]);
            }
        } else if (hit_before(&hit, &hits[0])) {
            sink(hits, count, 0, hit);
        }
    }
    for (uint32_t left = count; left > 1; left--) {
        cg_spread_hit worst = hits[0];
        sink(hits, left - 1, 0, hits[left - 1]);
        hits[left - 1] = worst;
    }
    for (uint32_t i = 0; i < count; i++) {
        tell(blocks, &hits[i]);
    }
    run->result.hits = hits;
    run->result.hit_count = count;
    return CG_OK;
}
