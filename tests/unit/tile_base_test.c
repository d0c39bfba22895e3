/* Goal: a base is a function of its input, whatever the workers; its recipe tells apart whatever
 * makes other bytes, and nothing else; what cannot be built is refused with a sentence, and no
 * allocation that fails leaves anything behind.
 */
#include "engine/tile/tile_base.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/runner.h"
#include "tests/support/support.h"

enum { ROWS = 600, DIMS = 24 };

static cg_tiling tiling_of(uint32_t axes) {
    cg_tiling tiling = {.law = cg_tile_law_default(DIMS),
                        .metric = CG_METRIC_L2,
                        .seed = 5,
                        .axes = axes,
                        .nodes_a_shard = ROWS};
    cg_error error = {0};
    assert_ok(cg_tiling_init(&tiling, &error), error);
    return tiling;
}

typedef struct made {
    uint8_t *bytes;
    size_t size_bytes;
} made;

static made build(const cg_tiling *tiling, const cg_tile_base_options *options, uint32_t base,
                  const cg_runner *runner) {
    made result = {0};
    cg_error error = {0};
    cg_tile_base_input input = {tiling, options, base, runner};
    assert_ok(cg_tile_base_build(&input, cg_allocator_heap(), &result.bytes, &result.size_bytes,
                                 &error),
              error);
    return result;
}

static void drop(made *block) {
    cg_allocator heap = cg_allocator_heap();
    cg_deallocate_aligned(&heap, block->bytes, block->size_bytes);
}

static bool is_equal(const made *left, const made *right) {
    return left->size_bytes == right->size_bytes &&
           memcmp(left->bytes, right->bytes, left->size_bytes) == 0;
}

static void test_repeatable(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(4);
    cg_tile_base_options options = cg_tile_base_options_default();
    options.percent[CG_PRECISION_I8] = 40;
    options.percent[CG_PRECISION_I1] = 60;
    cg_runner serial = cg_runner_serial();
    support_disorder disorder;
    cg_runner disordered = support_disordered(&disorder, 3, 5);
    made first = build(&tiling, &options, 2, &serial);
    made second = build(&tiling, &options, 2, &disordered);
    made other = build(&tiling, &options, 3, &serial);
    assert_true(is_equal(&first, &second));
    assert_false(is_equal(&first, &other));
    drop(&first);
    drop(&second);
    drop(&other);
}

/* Shares of precisions are as asked, and rows keep the numbers that they were drawn with. */
static void test_rows(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(4);
    tiling.nodes_a_shard = 4000;
    cg_error error = {0};
    assert_ok(cg_tiling_init(&tiling, &error), error);
    cg_tile_base_options options = cg_tile_base_options_default();
    options.m = 8;
    options.ef_construction = 30;
    options.percent[CG_PRECISION_I8] = 75;
    options.percent[CG_PRECISION_F16] = 25;
    cg_runner serial = cg_runner_serial();
    made block = build(&tiling, &options, 1, &serial);
    uint32_t class_first[CG_PRECISION_COUNT + 1]; /* segment.h, at 148 */
    memcpy(class_first, block.bytes + 148, sizeof class_first);
    uint32_t halves = class_first[CG_PRECISION_F16 + 1] - class_first[CG_PRECISION_F16];
    assert_true(halves > 900 && halves < 1100);
    assert_int_equal(class_first[CG_PRECISION_I8 + 1] - class_first[CG_PRECISION_I8],
                     4000 - halves);
    cg_segment *segment = NULL;
    assert_ok(cg_segment_open(block.bytes, block.size_bytes, CG_SEGMENT_CHECK_ALL,
                              cg_allocator_heap(), &segment, &error),
              error);
    assert_ok(cg_tile_base_check(&tiling, segment, &error), error);
    for (uint32_t row = 0; row < 4000; row++) {
        float held[DIMS];
        float drawn[DIMS];
        cg_segment_vector(segment, row, held);
        cg_tiling_base_vector(&tiling, 1, (uint32_t)cg_segment_id(segment, row), drawn);
        assert_memory_equal(held, drawn, sizeof held);
    }
    cg_tiling wrong = tiling;
    wrong.nodes_a_shard--;
    assert_status(cg_tile_base_check(&wrong, segment, &error), CG_ERROR_CORRUPT, error,
                  "a segment of 4000 rows");
    wrong = tiling;
    wrong.law.dims = 25;
    assert_status(cg_tile_base_check(&wrong, segment, &error), CG_ERROR_CORRUPT, error,
                  "25 dims");
    wrong = tiling;
    wrong.metric = CG_METRIC_COSINE;
    assert_status(cg_tile_base_check(&wrong, segment, &error), CG_ERROR_CORRUPT, error,
                  "and metric 0");
    cg_segment_close(segment);
    drop(&block);
}

/* Every field of the input that changes the bytes changes the recipe; the rule of the bases does not. */
static void test_recipe(void **state) {
    (void)state;
    const cg_tiling tiling = tiling_of(4);
    const cg_tile_base_options options = cg_tile_base_options_default();
    const cg_tile_recipe recipe = cg_tile_recipe_of(&tiling, &options, 2);
#define TELLS(CHANGE)                                                                          \
    do {                                                                                       \
        cg_tiling t = tiling;                                                                  \
        cg_tile_base_options o = options;                                                      \
        uint32_t base = 2;                                                                     \
        CHANGE;                                                                                \
        cg_tile_recipe changed = cg_tile_recipe_of(&t, &o, base);                              \
        assert_memory_not_equal(&changed, &recipe, sizeof recipe);                             \
        (void)base;                                                                            \
    } while (0)
    TELLS(t.law.dims = 25);
    TELLS(t.law.leading = 4);
    TELLS(t.law.separation = 0.25);
    TELLS(t.law.decay = 0.25);
    TELLS(t.law.is_normalised = true);
    TELLS(t.metric = CG_METRIC_COSINE);
    TELLS(t.seed = 6);
    TELLS(t.axes = 5);
    TELLS(t.nodes_a_shard = 601);
    TELLS(base = 3);
    TELLS(o.m = 17);
    TELLS(o.ef_construction = 101);
    TELLS(o.codes = CG_PRECISION_F32);
    TELLS(o.has_fuller = false);
    TELLS(o.fuller = CG_PRECISION_F16);
    TELLS(o.percent[CG_PRECISION_I1] = 1);
    TELLS(o.percent[CG_PRECISION_F32] = 1);
    cg_tiling single = tiling;
    cg_tile_base_options coarse = options;
    single.bases = CG_TILE_SINGLE;
    single.law.separation = -0.0;
    cg_tile_recipe same = cg_tile_recipe_of(&single, &options, 2);
    assert_memory_equal(&same, &recipe, sizeof recipe);
    coarse.has_fuller = false;
    cg_tile_recipe without = cg_tile_recipe_of(&tiling, &coarse, 2);
    coarse.fuller = CG_PRECISION_F16;
    same = cg_tile_recipe_of(&tiling, &coarse, 2);
    assert_memory_equal(&same, &without, sizeof same);
}

static void test_bad_input(void **state) {
    (void)state;
    const cg_tiling tiling = tiling_of(4);
    cg_runner serial = cg_runner_serial();
    static const struct {
        uint32_t base;
        uint32_t m;
        uint32_t i8_percent;
        cg_precision codes;
        const char *part;
    } cases[] = {
        {8, 16, 100, CG_PRECISION_I8, "base 8 of a tiling that has 8; it must be in [0, 7]"},
        {0, 3, 100, CG_PRECISION_I8, "m is 3"},
        {0, 16, 99, CG_PRECISION_I8, "add up to 99%; they must be 100%"},
        {0, 16, UINT32_MAX, CG_PRECISION_I8, "add up to 4294967295%"},
        {0, 16, 100, CG_PRECISION_I1, "index codes are 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cg_tile_base_options options = cg_tile_base_options_default();
        options.m = cases[i].m;
        options.codes = cases[i].codes;
        options.percent[CG_PRECISION_I8] = cases[i].i8_percent;
        cg_tile_base_input input = {&tiling, &options, cases[i].base, &serial};
        uint8_t *bytes = NULL;
        size_t size_bytes = 7;
        cg_error error = {0};
        cg_status status =
            cg_tile_base_build(&input, cg_allocator_heap(), &bytes, &size_bytes, &error);
        assert_status(status, CG_ERROR_INVALID, error, cases[i].part);
        assert_true(bytes == NULL && size_bytes == 7);
    }
}

static void test_failing_memory(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(3);
    tiling.nodes_a_shard = 150;
    cg_error error = {0};
    assert_ok(cg_tiling_init(&tiling, &error), error);
    cg_tile_base_options options = cg_tile_base_options_default();
    options.m = 5;
    options.ef_construction = 20;
    options.percent[CG_PRECISION_I8] = 50;
    options.percent[CG_PRECISION_I4] = 50;
    cg_runner serial = cg_runner_serial();
    cg_tile_base_input input = {&tiling, &options, 1, &serial};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    cg_status status = CG_ERROR_MEMORY;
    uint64_t failures = 0;
    for (uint64_t n = 1; status != CG_OK; n++) {
        counting.fail_at = n;
        status = cg_tile_base_build(&input, allocator, &bytes, &size_bytes, &error);
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_true(bytes == NULL && counting.live_blocks == 0);
            failures++;
        }
    }
    assert_true(failures > 20);
    counting.fail_at = 0;
    made block = {bytes, size_bytes};
    made sound = build(&tiling, &options, 1, &serial);
    assert_true(is_equal(&block, &sound));
    cg_deallocate_aligned(&allocator, bytes, size_bytes);
    assert_int_equal(counting.live_blocks, 0);
    drop(&sound);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeatable),     cmocka_unit_test(test_rows),
        cmocka_unit_test(test_recipe),         cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
