/* Placement strategies: see placement.h for scores, thresholds and plans.
 *
 * Known values: 1,023 predicted reads in the next hour at the highest priority are demand 1; a
 * text of 1,024 bytes with 64 features and 16 cues is complexity 1; a pool 7/8 full with idle
 * tiers is scarcity 3/8.
 */
#include "engine/service/placement.h"

#include <string.h>

enum {
    ONE = CG_PLACEMENT_ONE,
    TEXT_FULL_BYTES = 1024,
    FEATURES_FULL = 64,
    CUES_FULL = 16,
    ACCESS_BITS_FULL = 10, /* log2(1 + accesses) */
    DEMAND_L1 = ONE / 4 * 3,
    DEMAND_L2 = ONE / 4,
};

static const char *const NAMES[CG_PLACEMENT_STRATEGY_COUNT] = {
    "high-complexity", "high-performance", "resource-optimized", "balanced"};

const char *cg_placement_strategy_name(cg_placement_strategy strategy) {
    return (unsigned)strategy < CG_PLACEMENT_STRATEGY_COUNT ? NAMES[strategy] : NULL;
}

bool cg_placement_strategy_parse(const char *name, cg_placement_strategy *out) {
    for (uint32_t i = 0; i < CG_PLACEMENT_STRATEGY_COUNT; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (cg_placement_strategy)i;
            return true;
        }
    }
    return false;
}

static uint32_t at_most(uint32_t value, uint32_t most) {
    return value < most ? value : most;
}

/* value / full in q16, at most 1; full <= 65536. */
static uint32_t part(uint32_t value, uint32_t full) {
    return value >= full ? (uint32_t)ONE : value * ((uint32_t)ONE / full);
}

static uint32_t complexity(const cg_placement_input *input) {
    return (part(input->text_bytes, TEXT_FULL_BYTES) +
            2 * part(input->features, FEATURES_FULL) + part(input->cues, CUES_FULL)) /
           4;
}

/* log2(1 + accesses) / 10 in q16, at most 1; linear between powers of two. */
static uint32_t access_part(uint64_t accesses) {
    if (accesses >= (UINT64_C(1) << ACCESS_BITS_FULL) - 1) {
        return ONE;
    }
    uint32_t value = (uint32_t)accesses + 1;
    uint32_t bits = 0;
    while (value >> (bits + 1) != 0) {
        bits++;
    }
    uint32_t fraction = (value - (UINT32_C(1) << bits)) * ((uint32_t)ONE >> bits);
    return (bits * ONE + fraction) / ACCESS_BITS_FULL;
}

static uint32_t demand(const cg_placement_input *input) {
    return (3 * access_part(input->accesses) +
            input->priority * (uint32_t)ONE / (CG_PRIORITY_COUNT - 1)) /
           4;
}

/* Nothing below 3/4, 1 when full. */
static uint32_t need(uint32_t pressure_q16) {
    uint32_t pressure = at_most(pressure_q16, ONE);
    return pressure <= ONE / 4 * 3 ? 0 : 4 * pressure - 3 * ONE;
}

static uint32_t scarcity(const cg_placement_input *input) {
    return (3 * need(input->pool_pressure_q16) + need(input->tier_pressure_q16)) / 4;
}

static bool stands_out(uint32_t score, uint32_t other, uint32_t another) {
    return score >= CG_PLACEMENT_THRESHOLD && score >= other + CG_PLACEMENT_LEAD &&
           score >= another + CG_PLACEMENT_LEAD;
}

static cg_placement_strategy choose(const cg_placement_input *input,
                                    const cg_placement_plan *scores) {
    if (input->pool_pressure_q16 >= CG_PLACEMENT_POOL_FULL) {
        return CG_PLACEMENT_RESOURCE_OPTIMIZED;
    }
    uint32_t rich = scores->complexity_q16;
    uint32_t wanted = scores->demand_q16;
    uint32_t scarce = scores->scarcity_q16;
    if (stands_out(scarce, rich, wanted)) {
        return CG_PLACEMENT_RESOURCE_OPTIMIZED;
    }
    if (stands_out(wanted, rich, scarce)) {
        return CG_PLACEMENT_HIGH_PERFORMANCE;
    }
    if (stands_out(rich, wanted, scarce)) {
        return CG_PLACEMENT_HIGH_COMPLEXITY;
    }
    return CG_PLACEMENT_BALANCED;
}

/* What the strategy means for this fact. */
static void fill_plan(const cg_placement_input *input, cg_placement_plan *plan) {
    bool pressed = input->tier_pressure_q16 >= CG_PLACEMENT_TIERS_PRESSED;
    uint32_t headroom = 0;
    switch (plan->strategy) {
    case CG_PLACEMENT_HIGH_COMPLEXITY:
        plan->slot = CG_PLACEMENT_FRESH;
        plan->tier = CG_PLACEMENT_FILL_L2;
        plan->prefetch = true;
        headroom = input->text_bytes / 2;
        break;
    case CG_PLACEMENT_HIGH_PERFORMANCE:
        plan->slot = CG_PLACEMENT_NEAR;
        plan->tier = pressed && plan->demand_q16 < DEMAND_L1 ? CG_PLACEMENT_FILL_L2
                                                             : CG_PLACEMENT_FILL_L1;
        plan->prefetch = true;
        headroom = input->text_bytes / 4;
        break;
    case CG_PLACEMENT_RESOURCE_OPTIMIZED:
        plan->slot = CG_PLACEMENT_DENSE;
        plan->tier = CG_PLACEMENT_FILL_NONE;
        break;
    case CG_PLACEMENT_BALANCED:
    case CG_PLACEMENT_STRATEGY_COUNT:
        plan->slot = CG_PLACEMENT_NEAR;
        plan->tier = pressed && plan->demand_q16 < DEMAND_L2 ? CG_PLACEMENT_FILL_NONE
                                                             : CG_PLACEMENT_FILL_L2;
        headroom = input->text_bytes / 8;
        break;
    }
    plan->headroom_bytes = at_most(headroom, CG_PLACEMENT_HEADROOM_MAX_BYTES);
}

cg_status cg_placement_choose(const cg_placement_input *input, cg_placement_strategy forced,
                              cg_placement_plan *plan, cg_error *error) {
    if (input->priority >= CG_PRIORITY_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "priority of a placement is %u, not in 0..%d", input->priority,
                            CG_PRIORITY_COUNT - 1);
    }
    if ((unsigned)forced > CG_PLACEMENT_CHOOSE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "forced placement strategy is %u, not in 0..%d", (unsigned)forced,
                            CG_PLACEMENT_CHOOSE);
    }
    cg_placement_plan made = {.complexity_q16 = complexity(input),
                              .demand_q16 = demand(input),
                              .scarcity_q16 = scarcity(input)};
    made.strategy = forced == CG_PLACEMENT_CHOOSE ? choose(input, &made) : forced;
    fill_plan(input, &made);
    *plan = made;
    return CG_OK;
}
