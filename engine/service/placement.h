/* Where a new fact goes: four strategies (spec B5).
 *
 *   strategy            for                        slot    headroom     tier filled  prefetch
 *   high-complexity     rich content, which grows  fresh   1/2 of text  L2           yes
 *   high-performance    what will be read at once  near    1/4 of text  L1 *         yes
 *   resource-optimized  a pool that is nearly full dense   none         none         no
 *   balanced            where nothing stands out   near    1/8 of text  L2 **        no
 *
 *    * L2 when the tiers are pressed (CG_PLACEMENT_TIERS_PRESSED) and demand is below 3/4
 *   ** none when the tiers are pressed and demand is below 1/4
 *
 * Three scores, in units of 1/65536 ("q16"), decide; all is integers, and equal inputs give
 * equal plans:
 *
 *   complexity  (text_bytes / 1,024 + 2 * features / 64 + cues / 16) / 4
 *   demand      (3 * log2(1 + accesses) / 10 + priority / 3) / 4, the logarithm by linear
 *               interpolation between powers of two
 *   scarcity    (3 * need(pool) + need(tiers)) / 4, with need(share) = 4 * share - 3: nothing
 *               below 3/4 full, 1 when full. Tiers are caches and full once warm: alone they
 *               never reach the threshold
 *
 * each quotient at most 1, each sum rounded down. A strategy is chosen when its score reaches
 * CG_PLACEMENT_THRESHOLD and is ahead of both others by at least CG_PLACEMENT_LEAD; else it is
 * balanced. Before all that: a pool from CG_PLACEMENT_POOL_FULL on is resource-optimized.
 */
#ifndef CG_ENGINE_SERVICE_PLACEMENT_H
#define CG_ENGINE_SERVICE_PLACEMENT_H

#include "engine/base/status.h"
#include "engine/service/priority.h"

typedef enum cg_placement_strategy {
    CG_PLACEMENT_HIGH_COMPLEXITY,
    CG_PLACEMENT_HIGH_PERFORMANCE,
    CG_PLACEMENT_RESOURCE_OPTIMIZED,
    CG_PLACEMENT_BALANCED,
    CG_PLACEMENT_STRATEGY_COUNT
} cg_placement_strategy;
#define CG_PLACEMENT_CHOOSE                                                                    \
    CG_PLACEMENT_STRATEGY_COUNT /* forced: none, let the scores decide */

enum {
    CG_PLACEMENT_ONE = 65536,                      /* 1 in q16 */
    CG_PLACEMENT_THRESHOLD = CG_PLACEMENT_ONE / 2, /* a score that stands out */
    CG_PLACEMENT_LEAD = CG_PLACEMENT_ONE / 16,     /* ahead of the others by this */
    CG_PLACEMENT_POOL_FULL = CG_PLACEMENT_ONE / 16 * 15,
    CG_PLACEMENT_TIERS_PRESSED = CG_PLACEMENT_ONE / 16 * 15,
    CG_PLACEMENT_HEADROOM_MAX_BYTES = 4096,
};

/* "high-complexity"; NULL for a number that is no strategy. Static storage. */
const char *cg_placement_strategy_name(cg_placement_strategy strategy);
/* By name, exactly; false, with *out unchanged, when there is none. */
bool cg_placement_strategy_parse(const char *name, cg_placement_strategy *out);

typedef struct cg_placement_input {
    uint32_t text_bytes;
    uint32_t features; /* distinct features of the text */
    uint32_t cues;     /* cues found in it */
    uint64_t accesses; /* predicted reads in the next hour, from the target's frequency */
    uint32_t
        pool_pressure_q16; /* share of the pool's quota that is used; above 1 counts as 1 */
    uint32_t tier_pressure_q16; /* share of L1 and L2 that is used; likewise */
    uint8_t priority;           /* a cg_priority */
} cg_placement_input;

/* Where in the pool, as engine/service/pool.h has it. */
typedef enum cg_placement_slot {
    CG_PLACEMENT_NEAR,  /* the free slot nearest to the target's */
    CG_PLACEMENT_DENSE, /* where the fewest bytes are lost */
    CG_PLACEMENT_FRESH  /* where most is free around it */
} cg_placement_slot;

typedef enum cg_placement_tier {
    CG_PLACEMENT_FILL_L1,
    CG_PLACEMENT_FILL_L2,
    CG_PLACEMENT_FILL_NONE
} cg_placement_tier;

typedef struct cg_placement_plan {
    cg_placement_strategy strategy;
    cg_placement_slot slot;
    cg_placement_tier tier; /* filled on write */
    uint32_t
        headroom_bytes; /* for growth, beyond the size: 0..4096; a wish, not a need. The node
                              * leaves it: texts never grow */
    bool prefetch;      /* the target's record into L1, after writing */
    uint32_t complexity_q16; /* the scores, 0..65536, for those who explain the choice */
    uint32_t demand_q16;
    uint32_t scarcity_q16;
} cg_placement_plan;

/* forced: a strategy that is taken whatever the scores say, or CG_PLACEMENT_CHOOSE. Errors:
 * CG_ERROR_INVALID (priority, forced), with *plan unchanged. O(1). */
cg_status cg_placement_choose(const cg_placement_input *input, cg_placement_strategy forced,
                              cg_placement_plan *plan, cg_error *error);

#endif
