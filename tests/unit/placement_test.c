/* Goal: strategies and plans are those that placement.h documents, on a table of cases and on
 * both sides of every threshold.
 */
#include <string.h>

#include "engine/service/placement.h"
#include "tests/support/support.h"

#define HC CG_PLACEMENT_HIGH_COMPLEXITY
#define HP CG_PLACEMENT_HIGH_PERFORMANCE
#define RO CG_PLACEMENT_RESOURCE_OPTIMIZED
#define BA CG_PLACEMENT_BALANCED

static cg_placement_plan plan_for(const cg_placement_input *input,
                                  cg_placement_strategy forced) {
    cg_placement_plan plan;
    memset(&plan, 0xee, sizeof plan);
    cg_error error = {0};
    assert_ok(cg_placement_choose(input, forced, &plan, &error), error);
    return plan;
}

typedef struct known_case {
    cg_placement_input input; /* bytes, features, cues, accesses, pool, tiers, priority */
    uint32_t scores[3];       /* complexity, demand, scarcity */
    cg_placement_strategy strategy;
    cg_placement_slot slot;
    cg_placement_tier tier;
    uint32_t headroom_bytes;
    bool prefetch;
} known_case;

/* Worked out by hand from the formulas in the header. */
static const known_case CASES[] = {
    /* nothing known */
    {{0, 0, 0, 0, 0, 0, 0}, {0, 0, 0}, BA, CG_PLACEMENT_NEAR, CG_PLACEMENT_FILL_L2, 0, false},
    /* a plain fact: 100 bytes, 8 features, 2 cues, normal: demand is a third of a quarter */
    {{100, 8, 2, 0, 32768, 65536, 1},
     {7744, 5461, 16384},
     BA,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_NONE,
     12,
     false},
    /* the same, less pressed or more wanted: L2 */
    {{100, 8, 2, 0, 32768, 61439, 1},
     {7744, 5461, 12287},
     BA,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L2,
     12,
     false},
    {{100, 8, 2, 7, 32768, 65536, 1},
     {7744, 20206, 16384},
     BA,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L2,
     12,
     false},
    /* rich */
    {{1024, 64, 16, 0, 0, 0, 0},
     {65536, 0, 0},
     HC,
     CG_PLACEMENT_FRESH,
     CG_PLACEMENT_FILL_L2,
     512,
     true},
    {{UINT32_MAX, UINT32_MAX, UINT32_MAX, 0, 0, 65536, 0},
     {65536, 0, 16384},
     HC,
     CG_PLACEMENT_FRESH,
     CG_PLACEMENT_FILL_L2,
     4096,
     true},
    /* wanted */
    {{0, 0, 0, 1023, 0, 0, 3},
     {0, 65536, 0},
     HP,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L1,
     0,
     true},
    {{100, 0, 0, UINT64_MAX, 0, 65536, 0},
     {1600, 49152, 16384},
     HP,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L1,
     25,
     true},
    {{100, 0, 0, 1022, 0, 65536, 0},
     {1600, 49142, 16384},
     HP,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L2,
     25,
     true},
    {{100, 0, 0, 1022, 0, 61439, 0},
     {1600, 49142, 12287},
     HP,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L1,
     25,
     true},
    /* scarce: 15/16 of the pool, whatever the scores; above 1 counts as 1 */
    {{1024, 64, 16, 1023, 61440, 0, 3},
     {65536, 65536, 36864},
     RO,
     CG_PLACEMENT_DENSE,
     CG_PLACEMENT_FILL_NONE,
     0,
     false},
    {{1024, 64, 16, 0, UINT32_MAX, UINT32_MAX, 0},
     {65536, 0, 65536},
     RO,
     CG_PLACEMENT_DENSE,
     CG_PLACEMENT_FILL_NONE,
     0,
     false},
    /* scarce by score: 7/8 of the pool and full tiers are 3/8 + 1/4 */
    {{100, 8, 2, 0, 57344, 65536, 1},
     {7744, 5461, 40960},
     RO,
     CG_PLACEMENT_DENSE,
     CG_PLACEMENT_FILL_NONE,
     0,
     false},
    {{100, 8, 2, 0, 57344, 0, 1},
     {7744, 5461, 24576},
     BA,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L2,
     12,
     false},
    /* rich and wanted alike: nothing stands out */
    {{1024, 64, 16, 1023, 0, 0, 3},
     {65536, 65536, 0},
     BA,
     CG_PLACEMENT_NEAR,
     CG_PLACEMENT_FILL_L2,
     128,
     false},
};

static void test_cases(void **state) {
    (void)state;
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const known_case *known = &CASES[i];
        cg_placement_plan plan = plan_for(&known->input, CG_PLACEMENT_CHOOSE);
        if (plan.complexity_q16 != known->scores[0] || plan.demand_q16 != known->scores[1] ||
            plan.scarcity_q16 != known->scores[2] || plan.strategy != known->strategy ||
            plan.slot != known->slot || plan.tier != known->tier ||
            plan.headroom_bytes != known->headroom_bytes || plan.prefetch != known->prefetch) {
            fail_msg("case %u: scores %u %u %u, %s, slot %d, tier %d, headroom %u, prefetch %d",
                     i, plan.complexity_q16, plan.demand_q16, plan.scarcity_q16,
                     cg_placement_strategy_name(plan.strategy), plan.slot, plan.tier,
                     plan.headroom_bytes, plan.prefetch);
        }
    }
}

/* Goal: each threshold holds at its value and not one below. A text's features move complexity
 * by 512 each, its bytes by 16. */
static void test_boundaries(void **state) {
    (void)state;
    cg_placement_input input = {.text_bytes = 0, .features = 64}; /* complexity 1/2 */
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).complexity_q16, 32768);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, HC);
    input.features = 63;
    input.text_bytes = 31;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).complexity_q16, 32752);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, BA);
    /* Ahead by exactly 1/16: demand 49152 = 3/4, complexity 45056 and one step more. */
    input = (cg_placement_input){.text_bytes = 768, .features = 64, .accesses = 1023};
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).complexity_q16, 45056);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, HP);
    input.text_bytes = 769;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, BA);
    input.cues = 8; /* and now complexity leads */
    input.text_bytes = 1024;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).complexity_q16, 57344);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, HC);
    input.text_bytes = 767;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).complexity_q16, 53232);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, BA);
    input.text_bytes = 768;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, HC);
    /* The pool: 15/16 and just below, where the score 3/4 * (3/4 - 12/65536) does not reach
     * 5/8. */
    input = (cg_placement_input){.features = 64, .pool_pressure_q16 = 61440};
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, RO);
    input.pool_pressure_q16 = 61439;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).scarcity_q16, 36861);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, BA);
    input.features = 63; /* 32256, and 36861 is ahead by 4605 */
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, RO);
    /* Demand 3/4 is ahead of scarcity (3 * 40960 + 57344) / 4 = 45056 by exactly 1/16. */
    input = (cg_placement_input){
        .accesses = 1023, .pool_pressure_q16 = 59392, .tier_pressure_q16 = 63488};
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).scarcity_q16, 45056);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, HP);
    input.tier_pressure_q16 = 63489;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).strategy, BA);
    /* need begins above 3/4 */
    input = (cg_placement_input){.pool_pressure_q16 = 49152};
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).scarcity_q16, 0);
    input.pool_pressure_q16 = 49153;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).scarcity_q16, 3);
    /* BALANCED under pressed tiers: L2 from demand 1/4 on; urgent alone is exactly that. */
    input = (cg_placement_input){.tier_pressure_q16 = 61440, .priority = 3};
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).demand_q16, 16384);
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).tier, CG_PLACEMENT_FILL_L2);
    input.priority = 2;
    assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).tier, CG_PLACEMENT_FILL_NONE);
}

/* Goal: demand never falls as accesses rise, and doubles give equal steps. */
static void test_demand_rises(void **state) {
    (void)state;
    uint32_t last = 0;
    for (uint64_t accesses = 0; accesses < 1100; accesses++) {
        cg_placement_input input = {.accesses = accesses};
        uint32_t demand = plan_for(&input, CG_PLACEMENT_CHOOSE).demand_q16;
        assert_true(demand >= last);
        assert_true(accesses >= 1023 || accesses == 0 || demand > last);
        last = demand;
    }
    assert_int_equal(last, 49152);
    for (uint32_t bits = 0; bits <= 10; bits++) {
        cg_placement_input input = {.accesses = (UINT64_C(1) << bits) - 1};
        assert_int_equal(plan_for(&input, CG_PLACEMENT_CHOOSE).demand_q16,
                         3 * (bits * 65536 / 10) / 4);
    }
}

/* Goal: a forced strategy is taken whatever the scores say, with its own plan. */
static void test_forced(void **state) {
    (void)state;
    cg_placement_input input = {.text_bytes = 800, .pool_pressure_q16 = 65536};
    static const uint32_t headrooms[CG_PLACEMENT_STRATEGY_COUNT] = {400, 200, 0, 100};
    for (uint32_t i = 0; i < CG_PLACEMENT_STRATEGY_COUNT; i++) {
        cg_placement_plan plan = plan_for(&input, (cg_placement_strategy)i);
        assert_int_equal(plan.strategy, i);
        assert_int_equal(plan.headroom_bytes, headrooms[i]);
        assert_int_equal(plan.scarcity_q16, 49152);
    }
}

static void test_names_and_bad_input(void **state) {
    (void)state;
    cg_placement_strategy strategy = CG_PLACEMENT_CHOOSE;
    for (uint32_t i = 0; i < CG_PLACEMENT_STRATEGY_COUNT; i++) {
        const char *name = cg_placement_strategy_name((cg_placement_strategy)i);
        assert_true(cg_placement_strategy_parse(name, &strategy));
        assert_int_equal(strategy, i);
    }
    assert_string_equal(cg_placement_strategy_name(RO), "resource-optimized");
    assert_null(cg_placement_strategy_name(CG_PLACEMENT_CHOOSE));
    assert_false(cg_placement_strategy_parse("Balanced", &strategy));
    assert_false(cg_placement_strategy_parse("", &strategy));
    assert_int_equal(strategy, BA);
    cg_placement_input input = {.priority = CG_PRIORITY_COUNT};
    cg_placement_plan plan = {.headroom_bytes = 99};
    cg_error error = {0};
    assert_status(cg_placement_choose(&input, CG_PLACEMENT_CHOOSE, &plan, &error),
                  CG_ERROR_INVALID, error, "priority of a placement is 4, not in 0..3");
    input.priority = 0;
    assert_status(cg_placement_choose(&input, (cg_placement_strategy)5, &plan, &error),
                  CG_ERROR_INVALID, error, "forced placement strategy is 5, not in 0..4");
    assert_int_equal(plan.headroom_bytes, 99);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_demand_rises),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_names_and_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
