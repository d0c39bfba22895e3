/* Goal: what a node makes of its journal at a start: a torn tail is cut off and nothing more; where bytes
 * were altered, the cut itself says that the disk forgot, and until the node has said so in a frame every
 * later start finds it out again. */
#include "engine/replica/journal.h"
#include "tests/support/service.h"

enum { LIFE = 3, FRAME_BYTES = CG_FRAME_HEAD_BYTES + 8, FRAMES = 3 };

typedef struct found {
    cg_output cut;
    uint32_t cuts;
    uint32_t amnesias;
    uint32_t lives; /* frames of kind LIFE */
    cg_node_statistics statistics;
} found;

/* Three frames that change nothing. */
static void fill(uint8_t image[FRAMES * FRAME_BYTES]) {
    for (size_t i = 0; i < FRAMES; i++) {
        cg_frame_write_life(0, image + i * FRAME_BYTES);
    }
}

static found start(const cg_event *event) {
    cg_node_options options = options_for(3, 0);
    options.fails_over = true;
    rig used = make_rig_with(3, &options);
    const cg_outputs *outputs = step(&used, 0, *event);
    found what = {.statistics = cg_node_statistics_of(used.nodes[0])};
    for (size_t i = 0; i < outputs->count; i++) {
        const cg_output *output = &outputs->items[i];
        if (output->kind == CG_OUTPUT_TRUNCATE) {
            what.cut = *output;
            what.cuts++;
        }
        size_t offset = 0;
        cg_frame frame;
        while (output->kind == CG_OUTPUT_WRITE &&
               cg_frame_next(outputs->bytes + output->offset, output->size_bytes, &offset,
                             &frame)) {
            what.amnesias += frame.kind == CG_FRAME_AMNESIA;
            what.lives += frame.kind == CG_FRAME_LIFE;
        }
    }
    free_rig(&used);
    return what;
}

static void test_torn_tail(void **state) {
    (void)state;
    uint8_t image[FRAMES * FRAME_BYTES];
    fill(image);
    for (size_t kept = 0; kept < FRAME_BYTES; kept++) {
        cg_event event = {.kind = CG_EVENT_START,
                          .id = LIFE,
                          .bytes = image,
                          .size_bytes = 2 * FRAME_BYTES + kept};
        found what = start(&event);
        assert_int_equal(what.cuts, kept > 0);
        assert_int_equal(what.statistics.torn_tails, kept > 0);
        assert_int_equal(what.amnesias + what.lives, 0);
        assert_true(kept == 0 || (what.cut.id == 0 && what.cut.size_bytes == 2 * FRAME_BYTES));
    }
}

static void test_altered(void **state) {
    (void)state;
    uint8_t image[FRAMES * FRAME_BYTES];
    for (size_t at = 0; at < sizeof image; at++) {
        fill(image);
        image[at] ^= 0x40;
        cg_event event = {
            .kind = CG_EVENT_START, .id = LIFE, .bytes = image, .size_bytes = sizeof image};
        found what = start(&event);
        assert_int_equal(what.cuts, 1);
        assert_int_equal(what.cut.id, LIFE);
        assert_int_equal(what.cut.size_bytes, at / FRAME_BYTES * FRAME_BYTES);
        assert_int_equal(what.statistics.journals_altered, 1);
        assert_int_equal(what.amnesias, 2);
        assert_int_equal(what.lives, 1);
    }
}

/* The host crashed when the journal was cut and nothing else was durable. */
static void test_forgetful_until_said(void **state) {
    (void)state;
    uint8_t image[FRAMES * FRAME_BYTES];
    fill(image);
    cg_event event = {.kind = CG_EVENT_START,
                      .id = LIFE + 1,
                      .disk_life = LIFE,
                      .bytes = image,
                      .size_bytes = FRAME_BYTES};
    found what = start(&event);
    assert_int_equal(what.cuts, 0);
    assert_int_equal(what.amnesias, 2);
    assert_int_equal(what.lives, 1);
    cg_frame_write_life(LIFE, image);
    what = start(&event);
    assert_int_equal(what.lives, 0); /* groups say for themselves that they forgot */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn_tail),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_forgetful_until_said),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
