#include "sim/cluster/pairs.h"

static cg_status check_side(const sim_pairs_side *side, uint32_t hosts, const char *what,
                            cg_error *error) {
    for (uint32_t i = 0; !side->all && i < side->host_count; i++) {
        if (side->hosts[i] >= hosts) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "fabric: %s names host %u; there are %u hosts, from 0", what,
                                side->hosts[i], hosts);
        }
    }
    for (uint32_t i = 0; !side->all && i < side->range_count; i++) {
        if (side->ranges[i].first > side->ranges[i].last) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "fabric: %s names hosts %u to %u; put the smaller one first",
                                what, side->ranges[i].first, side->ranges[i].last);
        }
    }
    return CG_OK;
}

static void add(uint64_t *bits, uint32_t host) {
    bits[host / 64] |= UINT64_C(1) << host % 64;
}

static void fill(uint64_t *bits, const sim_pairs_side *side, uint32_t hosts) {
    for (uint32_t i = 0; i < side->host_count; i++) {
        add(bits, side->hosts[i]);
    }
    for (uint32_t i = 0; i < side->range_count; i++) {
        for (uint32_t host = side->ranges[i].first;
             host <= side->ranges[i].last && host < hosts; host++) {
            add(bits, host);
        }
    }
}

cg_status sim_pairs_init(sim_pairs *out, uint32_t hosts, const sim_pairs_side sides[2],
                         cg_allocator *allocator, const char *what, cg_error *error) {
    sim_pairs made = {.words = (hosts + 63) / 64};
    cg_status status = check_side(&sides[0], hosts, what, error);
    if (status == CG_OK) {
        status = check_side(&sides[1], hosts, what, error);
    }
    if (status != CG_OK) {
        return status;
    }
    made.from = sides[0].all ? NULL : cg_allocate(allocator, made.words, sizeof *made.from);
    made.to = sides[1].all ? NULL : cg_allocate(allocator, made.words, sizeof *made.to);
    if ((!made.from && !sides[0].all) || (!made.to && !sides[1].all)) {
        sim_pairs_deinit(&made, allocator);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %s", what);
    }
    if (made.from) {
        fill(made.from, &sides[0], hosts);
    }
    if (made.to && sides[1].rest) {
        for (uint32_t host = 0; host < hosts; host++) {
            if (!sim_pairs_side_has(made.from, host)) {
                add(made.to, host);
            }
        }
    } else if (made.to) {
        fill(made.to, &sides[1], hosts);
    }
    *out = made;
    return CG_OK;
}

void sim_pairs_deinit(sim_pairs *pairs, cg_allocator *allocator) {
    if (pairs->from) {
        cg_deallocate(allocator, pairs->from, pairs->words, sizeof *pairs->from);
    }
    if (pairs->to) {
        cg_deallocate(allocator, pairs->to, pairs->words, sizeof *pairs->to);
    }
    *pairs = (sim_pairs){0};
}
