/* Goal: frames say exactly what was written; a torn tail ends them, and altered bytes are told from one. */
#include <string.h>

#include "engine/base/bug.h"
#include "engine/replica/journal.h"
#include "tests/support/support.h"

enum { IMAGE_BYTES = 400 };

static size_t put(uint8_t *image, size_t at, cg_frame_kind kind, uint32_t owner,
                  const char *payload) {
    size_t size_bytes = strlen(payload);
    memcpy(image + at + CG_FRAME_HEAD_BYTES, payload, size_bytes);
    cg_frame_seal(kind, owner, size_bytes, image + at);
    return at + cg_frame_bytes(size_bytes);
}

static size_t three(uint8_t *image, size_t ends[3]) {
    ends[0] = put(image, 0, CG_FRAME_RECORD, 5, "one record");
    ends[1] = put(image, ends[0], CG_FRAME_PROMISE, 6, "");
    ends[2] = put(image, ends[1], CG_FRAME_EDGES, UINT32_MAX, "edges of a space");
    return ends[2];
}

static void frames_come_back(void **state) {
    (void)state;
    uint8_t image[IMAGE_BYTES];
    size_t ends[3];
    size_t size_bytes = three(image, ends);
    size_t offset = 0;
    cg_frame frame;
    assert_true(cg_frame_next(image, size_bytes, &offset, &frame));
    assert_int_equal(frame.kind, CG_FRAME_RECORD);
    assert_int_equal(frame.owner, 5);
    assert_int_equal(frame.payload_bytes, 10);
    assert_memory_equal(frame.payload, "one record", 10);
    assert_true(cg_frame_next(image, size_bytes, &offset, &frame));
    assert_int_equal(frame.payload_bytes, 0);
    assert_true(cg_frame_next(image, size_bytes, &offset, &frame));
    assert_int_equal(frame.owner, UINT32_MAX);
    assert_false(cg_frame_next(image, size_bytes, &offset, &frame));
    assert_int_equal(offset, size_bytes);
}

/* The layout of journal.h, byte by byte. */
static void layout_is_as_documented(void **state) {
    (void)state;
    uint8_t image[IMAGE_BYTES];
    assert_int_equal(put(image, 0, CG_FRAME_CUT, 0x01020304, "abc"), 16);
    const uint8_t head[] = {12, 0, 0, 12 ^ 0xa5};
    assert_memory_equal(image, head, 4);
    assert_int_equal(image[8], 1);
    const uint8_t owner[] = {4, 3, 2, 1, 'a', 'b', 'c'};
    assert_memory_equal(image + 9, owner, 7);
}

/* Wherever a crash cuts the image, the frames before are there, and nothing behind looks altered. */
static void torn_tails_are_torn(void **state) {
    (void)state;
    uint8_t image[IMAGE_BYTES];
    size_t ends[3];
    size_t size_bytes = three(image, ends);
    for (size_t cut = 0; cut <= size_bytes; ++cut) {
        size_t offset = 0;
        size_t count = 0;
        cg_frame frame;
        while (cg_frame_next(image, cut, &offset, &frame)) {
            count++;
        }
        size_t whole =
            (size_t)(cut >= ends[0]) + (size_t)(cut >= ends[1]) + (size_t)(cut >= ends[2]);
        assert_int_equal(count, whole);
        assert_int_equal(offset, whole == 0 ? 0 : ends[whole - 1]);
        assert_false(cg_journal_resume(image, cut, &offset));
    }
}

/* A flipped bit anywhere before the last frame is told from a torn tail, and hides one frame alone. */
static void altered_bytes_are_told(void **state) {
    (void)state;
    uint8_t image[IMAGE_BYTES];
    size_t ends[3];
    size_t size_bytes = three(image, ends);
    for (size_t bit = 0; bit < 8 * size_bytes; ++bit) {
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
        size_t offset = 0;
        size_t count = 0;
        cg_frame frame;
        while (cg_frame_next(image, size_bytes, &offset, &frame)) {
            count++;
        }
        size_t hurt = (size_t)(bit / 8 >= ends[0]) + (size_t)(bit / 8 >= ends[1]);
        assert_int_equal(count, hurt);
        bool resumes = cg_journal_resume(image, size_bytes, &offset);
        assert_int_equal(resumes, hurt < 2);
        if (resumes) {
            assert_int_equal(offset, ends[hurt]);
        }
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void absurd_heads_are_no_frames(void **state) {
    (void)state;
    uint8_t image[IMAGE_BYTES];
    memset(image, 0xff, sizeof image);
    cg_frame frame;
    for (size_t offset = 0; offset <= sizeof image; ++offset) {
        size_t at = offset;
        assert_false(cg_frame_next(image, sizeof image, &at, &frame));
        assert_int_equal(at, offset);
    }
    memset(image, 0, sizeof image);
    size_t at = 0;
    assert_false(cg_frame_next(image, sizeof image, &at, &frame));
    at = SIZE_MAX;
    assert_false(cg_frame_next(image, sizeof image, &at, &frame));
}

static void lives_come_back(void **state) {
    (void)state;
    uint8_t image[IMAGE_BYTES];
    cg_frame_write_life(77, image);
    size_t offset = 0;
    cg_frame frame;
    cg_error error;
    uint64_t life = 0;
    assert_true(cg_frame_next(image, cg_frame_bytes(8), &offset, &frame));
    assert_ok(cg_frame_life(&frame, &life, &error), error);
    assert_int_equal(life, 77);
    (void)put(image, 0, CG_FRAME_LIFE, 0, "seven b");
    offset = 0;
    assert_true(cg_frame_next(image, cg_frame_bytes(7), &offset, &frame));
    assert_status(cg_frame_life(&frame, &life, &error), CG_ERROR_CORRUPT, error, "7 bytes");
    assert_int_equal(life, 77);
}

static void bugs_have_names(void **state) {
    (void)state;
    for (enum cg_bug bug = CG_BUG_NONE; bug < CG_BUG_COUNT; ++bug) {
        assert_int_equal(cg_bug_by_name(cg_bug_name(bug)), bug);
        for (enum cg_bug other = CG_BUG_NONE; other < bug; ++other) {
            assert_string_not_equal(cg_bug_name(bug), cg_bug_name(other));
        }
    }
    assert_int_equal(cg_bug_by_name("no such bug"), CG_BUG_COUNT);
    cg_bug_set(CG_BUG_UNION_DROPS);
    assert_int_equal(cg_bug(CG_BUG_UNION_DROPS), cg_bug_compiled());
    cg_bug_set(CG_BUG_NONE);
    assert_false(CG_BUG(UNION_DROPS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back),
        cmocka_unit_test(layout_is_as_documented),
        cmocka_unit_test(torn_tails_are_torn),
        cmocka_unit_test(altered_bytes_are_told),
        cmocka_unit_test(absurd_heads_are_no_frames),
        cmocka_unit_test(lives_come_back),
        cmocka_unit_test(bugs_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
