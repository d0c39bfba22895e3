/* Goal: what a node asks of its memory tiers, where there are few of them and where records are
 * large. (D1, D4)
 */
#include "tests/support/service.h"

/* Goal: with one tier before the store, decisions read concepts from that tier, and what was just
 * stored is in it. */
static void test_two_tiers(void **state) {
    (void)state;
    cg_node_options options = cg_node_options_default();
    options.tier_levels = 2;
    options.tiers[0].capacity = 10000;
    rig used = make_rig_with(1, &options);
    for (uint64_t id = 1; id <= 3; id++) {
        (void)request(&used, 0, id, "fact of w17a w17b");
    }
    cg_tier_statistics tiers = cg_node_statistics_of(used.nodes[0]).tiers;
    assert_true(tiers.reads[0] > 0);
    assert_int_equal(tiers.reads[1], 0);
    free_rig(&used);
}

/* Goal: a batch of large records is asked for in full, though it passes 4 GiB. */
static void test_large_batch(void **state) {
    (void)state;
    enum { KEYS = 8192, BATCH = 4096, RECORD_BYTES = 1 << 20 };
    cg_node_options options = keys_options();
    options.service.batching = true;
    options.service.batch = BATCH;
    options.service.record_bytes = RECORD_BYTES;
    rig used = keys_rig(&options);
    uint64_t *keys = calloc(KEYS, sizeof *keys);
    uint8_t *bytes = calloc(KEYS, 8);
    assert_non_null(keys);
    assert_non_null(bytes);
    const cg_outputs *outputs = step(&used, 0, recall_of(1, keys, KEYS, 0, bytes));
    assert_int_equal(count_of(outputs, CG_OUTPUT_READ), KEYS / BATCH);
    for (size_t i = 0; i < outputs->count; i++) {
        if (outputs->items[i].kind == CG_OUTPUT_READ) {
            assert_true(outputs->items[i].read_bytes == UINT64_C(4) << 30);
        }
    }
    free(keys);
    free(bytes);
    free_rig(&used);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_tiers),
        cmocka_unit_test(test_large_batch),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
