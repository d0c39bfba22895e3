/* Goal: a segment's bytes stand where segment.h says, its 1-bit rows estimate distances as
 * RaBitQ does, and a collection says no where collection.h says so. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/math.h"
#include "engine/index/collection.h"
#include "engine/index/segment_internal.h"

enum { DIMS = 24, ROWS = 300 };

static float *draw(uint32_t count, uint64_t entity) {
    float *rows = malloc((size_t)count * DIMS * sizeof *rows);
    assert_non_null(rows);
    cg_stream stream = cg_stream_init(12, "segment_test", entity);
    for (uint32_t i = 0; i < count * DIMS; i++) {
        rows[i] = (float)cg_stream_next_normal(&stream);
    }
    return rows;
}

static cg_index *build_from(const float *rows, uint32_t count, bool has_ids, uint64_t first) {
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = CG_METRIC_L2;
    options.codes = CG_PRECISION_I8;
    options.fuller = CG_PRECISION_F16;
    options.m = 8;
    options.has_ids = has_ids;
    options.first_id = has_ids ? 0 : 70;
    cg_index *index = NULL;
    cg_error error;
    cg_runner serial = cg_runner_serial();
    uint64_t ids[ROWS];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = first + 2 * (uint64_t)i;
    }
    assert_ok(cg_index_alloc(&options, cg_allocator_heap(), &index, &error), error);
    cg_index_rows given = {.vectors = rows, .ids = has_ids ? ids : NULL, .count = count};
    assert_ok(cg_index_add(index, &given, &serial, NULL, &error), error);
    return index;
}

static cg_index *build(const float *rows, uint32_t count, bool has_ids) {
    return build_from(rows, count, has_ids, 1000);
}

static void test_layout(void **state) {
    (void)state;
    float *rows = draw(ROWS, 0);
    cg_index *index = build(rows, ROWS, false);
    cg_freeze_options options = {
        .codes = CG_PRECISION_I8, .has_fuller = true, .fuller = CG_PRECISION_F16};
    uint8_t *bytes = NULL;
    size_t size = 0;
    cg_error error;
    cg_allocator heap = cg_allocator_heap();
    assert_ok(cg_segment_encode(index, &options, heap, &bytes, &size, &error), error);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    assert_memory_equal(bytes, "CGSEGM1\n", 8);
    const struct {
        size_t at;
        uint32_t value;
    } words[] = {{8, 1},
                 {12, 0x01020304},
                 {16, (uint32_t)size},
                 {24, DIMS},
                 {28, 1},
                 {32, 8},
                 {36, 100},
                 {48, 70},
                 {56, 0},
                 {60, 2},
                 {64, 1},
                 {68, 1},
                 {72, ROWS},
                 {80, ROWS},
                 {148, 0},
                 {156, 0},
                 {160, ROWS},
                 {168, ROWS},
                 {172, 0},
                 {188, 9},
                 {192, 70},
                 {200, DIMS * 4},
                 {200 + 3 * 16, ROWS * 64},
                 {200 + 6 * 16, ROWS * 4},
                 {200 + 10 * 16, (ROWS * 9 + 7) / 8 + 8},
                 {200 + 15 * 16, ROWS * 64}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        cg_reader reader = cg_reader_init(bytes + words[i].at, 4);
        uint32_t value = cg_read_u32(&reader);
        if (value != words[i].value) {
            fail_msg("bytes %zu hold %u, not %u", words[i].at, value, words[i].value);
        }
    }
    cg_segment *segment = NULL;
    assert_ok(cg_segment_open(bytes, size, CG_SEGMENT_CHECK_ALL, heap, &segment, &error),
              error);
    assert_int_equal(cg_segment_bytes(segment), size);
    /* 32 floats of f16 a row, last, up to the next multiple of 64. */
    assert_int_equal(cg_segment_fuller_bytes(segment), ROWS * 64);
    const size_t row_bytes = 64;
    const uint8_t *fuller = bytes + size - ROWS * row_bytes;
    float expected[DIMS];
    float vector[DIMS];
    cg_f16_decode((const uint16_t *)(const void *)(fuller + 17 * row_bytes), DIMS, expected);
    cg_segment_vector(segment, 17, vector);
    assert_memory_equal(vector, expected, sizeof vector);
    uint32_t row = (uint32_t)(cg_segment_id(segment, 17) - 70);
    cg_index_vector(index, row, expected);
    assert_memory_equal(vector, expected, sizeof vector);
    cg_segment_close(segment);
    cg_deallocate_aligned(&heap, bytes, size);
    cg_index_free(index);
    free(rows);
}

/* The error of RaBitQ's estimate of 2 Q o is about 2 |Q| |o| / sqrt(dims) for vectors without a
 * direction of their own; the mean of many is near the truth. */
static void test_one_bit_estimates(void **state) {
    (void)state;
    float *rows = draw(ROWS, 1);
    float *query = draw(1, 2);
    cg_index *index = build(rows, ROWS, true);
    cg_freeze_options options = {.codes = CG_PRECISION_I1};
    uint8_t *bytes = NULL;
    size_t size = 0;
    cg_error error;
    cg_allocator heap = cg_allocator_heap();
    assert_ok(cg_segment_encode(index, &options, heap, &bytes, &size, &error), error);
    cg_segment *segment = NULL;
    assert_ok(cg_segment_open(bytes, size, CG_SEGMENT_CHECK_ALL, heap, &segment, &error),
              error);
    cg_segment_scratch *scratch = NULL;
    assert_ok(cg_segment_scratch_alloc(heap, &scratch, &error), error);
    static cg_index_hit hits[ROWS];
    uint32_t found = 0;
    cg_segment_query asked = {.index = {.vector = query, .k = ROWS, .ef = ROWS}};
    assert_ok(cg_segment_search(segment, &asked, scratch, hits, &found, NULL, &error), error);
    assert_int_equal(found, ROWS);
    double errors = 0.0;
    double squares = 0.0;
    double sums[4] = {0}; /* of truth, estimate, truth squared, their product */
    for (uint32_t i = 0; i < ROWS; i++) {
        const float *row = rows + (hits[i].id - 1000) / 2 * DIMS;
        double truth =
            (double)cg_kernels_of(CG_ISA_SCALAR)->square_distance_f32(query, row, 16);
        for (uint32_t d = 16; d < DIMS; d++) {
            double gap = (double)query[d] - (double)row[d];
            truth += gap * gap;
        }
        double gap = (double)hits[i].distance - truth;
        errors += gap / ROWS;
        squares += gap * gap / ROWS;
        sums[0] += truth / ROWS;
        sums[1] += (double)hits[i].distance / ROWS;
        sums[2] += truth * truth / ROWS;
        sums[3] += truth * (double)hits[i].distance / ROWS;
    }
    /* Unbiased: what is farther by one is estimated farther by one. */
    double slope = (sums[3] - sums[0] * sums[1]) / (sums[2] - sums[0] * sums[0]);
    assert_true(slope > 0.93 && slope < 1.07);
    double spread = 2.0 * DIMS / cg_sqrt(DIMS); /* |Q| and |o| are about sqrt(dims) */
    assert_true(errors < 0.2 * spread && errors > -0.2 * spread);
    assert_true(squares < spread * spread && squares > 0.1 * spread * spread);
    cg_segment_scratch_free(scratch);
    cg_segment_close(segment);
    cg_deallocate_aligned(&heap, bytes, size);
    cg_index_free(index);
    free(rows);
    free(query);
}

typedef struct opened {
    uint8_t *bytes;
    size_t size;
    cg_segment *segment;
} opened;

static opened open_of(const cg_index *index) {
    opened made = {0};
    cg_error error;
    cg_freeze_options options = {.codes = CG_PRECISION_I8};
    assert_ok(cg_segment_encode(index, &options, cg_allocator_heap(), &made.bytes, &made.size,
                                &error),
              error);
    assert_ok(cg_segment_open(made.bytes, made.size, CG_SEGMENT_CHECK_ALL, cg_allocator_heap(),
                              &made.segment, &error),
              error);
    return made;
}

static void close_it(opened *made) {
    cg_allocator heap = cg_allocator_heap();
    cg_segment_close(made->segment);
    cg_deallocate_aligned(&heap, made->bytes, made->size);
}

static void test_collection_refusals(void **state) {
    (void)state;
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    cg_collection *collection = NULL;
    cg_error error;
    cg_runner serial = cg_runner_serial();
    cg_allocator heap = cg_allocator_heap();
    assert_status(cg_collection_alloc(&options, heap, &collection, &error), CG_ERROR_INVALID,
                  error, "stored ids");
    options.has_ids = true;
    options.metric = CG_METRIC_L2;
    assert_ok(cg_collection_alloc(&options, heap, &collection, &error), error);
    float *rows = draw(ROWS, 3);
    cg_index *computed = build(rows, 50, false);
    cg_index *stored = build(rows, 50, true);
    opened without = open_of(computed);
    opened with = open_of(stored);
    assert_status(cg_collection_attach(collection, without.segment, &error), CG_ERROR_INVALID,
                  error, "without stored ids");
    assert_ok(cg_collection_attach(collection, with.segment, &error), error);
    assert_status(cg_collection_attach(collection, with.segment, &error), CG_ERROR_EXISTS,
                  error, "id 1");
    assert_int_equal(cg_collection_count(collection), 50);
    uint64_t ids[2] = {1002, 1002};
    cg_index_rows given = {.vectors = rows, .ids = ids, .count = 1};
    assert_status(cg_collection_add(collection, &given, &serial, NULL, &error), CG_ERROR_EXISTS,
                  error, "1002");
    assert_status(cg_collection_remove(collection, ids, 2, &serial, NULL, &error),
                  CG_ERROR_NOT_FOUND, error, "comes twice");
    assert_true(cg_collection_has(collection, 1002));
    assert_ok(cg_collection_remove(collection, ids, 1, &serial, NULL, &error), error);
    assert_false(cg_collection_has(collection, 1002));
    assert_status(cg_collection_update(collection, &given, &serial, NULL, &error),
                  CG_ERROR_NOT_FOUND, error, "1002");
    cg_segment *detached[CG_COLLECTION_SEGMENTS_MAX];
    uint32_t detached_count = 0;
    assert_status(
        cg_collection_replace(collection, with.segment, detached, &detached_count, &error),
        CG_ERROR_INVALID, error, "merge again");
    uint8_t *bytes = NULL;
    size_t size = 0;
    cg_segment *const stranger[] = {without.segment};
    cg_collection_merge_options merge = {
        .form = {.codes = CG_PRECISION_I8}, .segments = stranger, .segment_count = 1};
    assert_status(cg_collection_merge(collection, &merge, &serial, &bytes, &size, &error),
                  CG_ERROR_NOT_FOUND, error, "not attached");
    merge =
        (cg_collection_merge_options){.form = {.codes = CG_PRECISION_I8}, .has_growing = true};
    assert_ok(cg_collection_merge(collection, &merge, &serial, &bytes, &size, &error), error);
    opened merged = {.bytes = bytes, .size = size};
    assert_ok(cg_segment_open(bytes, size, CG_SEGMENT_CHECK_ALL, heap, &merged.segment, &error),
              error);
    assert_int_equal(cg_segment_count(merged.segment), 49);
    assert_ok(cg_collection_add(collection, &given, &serial, NULL, &error), error);
    assert_status(
        cg_collection_replace(collection, merged.segment, detached, &detached_count, &error),
        CG_ERROR_INVALID, error, "merge again");
    close_it(&merged);
    cg_collection_free(collection);
    close_it(&with);
    close_it(&without);
    cg_index_free(stored);
    cg_index_free(computed);
    free(rows);
}

/* The last row of the fuller form begins with no number; is_forged: and the checksum fits. */
static opened open_altered(const cg_index *index, bool is_forged) {
    opened made = {0};
    cg_error error;
    cg_allocator heap = cg_allocator_heap();
    cg_freeze_options options = {
        .codes = CG_PRECISION_I4, .has_fuller = true, .fuller = CG_PRECISION_F16};
    assert_ok(cg_segment_encode(index, &options, heap, &made.bytes, &made.size, &error), error);
    made.bytes[made.size - 64 + 1] = 0x7f;
    if (is_forged) {
        cg_segment_header header;
        assert_ok(cg_segment_header_read(made.bytes, made.size, &header, &error), error);
        header.checksums[CG_SECTION_FULLER] =
            cg_segment_checksum(made.bytes, &header, CG_SECTION_FULLER);
        cg_segment_header_write(&header, made.bytes);
    }
    assert_ok(cg_segment_open(made.bytes, made.size, CG_SEGMENT_LEAVE_FULLER, heap,
                              &made.segment, &error),
              error);
    return made;
}

/* What was altered where nobody looked yet neither thaws nor gets into a merge, be it the
 * largest segment or another. */
static void test_altered_fuller(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_runner serial = cg_runner_serial();
    cg_error error;
    float *rows = draw(ROWS, 4);
    cg_index *one = build_from(rows, 40, true, 1000);
    for (uint32_t turn = 0; turn < 4; turn++) {
        const bool is_forged = turn % 2 == 1;
        const char *reason = is_forged ? "not finite" : "checksum";
        cg_index *other = build_from(rows, turn < 2 ? 20 : 60, true, 5000);
        opened altered = open_altered(one, is_forged);
        opened fine = open_of(other);
        cg_index *thawed = NULL;
        assert_status(cg_segment_thaw(altered.segment, heap, &thawed, &error), CG_ERROR_CORRUPT,
                      error, reason);
        assert_null(thawed);
        cg_collection *collection = NULL;
        assert_ok(cg_collection_alloc(&one->options, heap, &collection, &error), error);
        assert_ok(cg_collection_attach(collection, altered.segment, &error), error);
        assert_ok(cg_collection_attach(collection, fine.segment, &error), error);
        uint8_t *bytes = NULL;
        size_t size = 0;
        cg_collection_merge_options all = {.form = {.codes = CG_PRECISION_I4}};
        assert_status(cg_collection_merge(collection, &all, &serial, &bytes, &size, &error),
                      CG_ERROR_CORRUPT, error, reason);
        assert_null(bytes);
        cg_collection_free(collection);
        close_it(&fine);
        close_it(&altered);
        cg_index_free(other);
    }
    cg_index_free(one);
    free(rows);
}

static void refuse_to_freeze(const cg_index *index, cg_precision codes, const char *reason) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    cg_error error;
    cg_freeze_options options = {.codes = codes};
    assert_status(
        cg_segment_encode(index, &options, cg_allocator_heap(), &bytes, &size, &error),
        CG_ERROR_INVALID, error, reason);
    assert_null(bytes);
}

/* Finite rows whose segment could not be opened are not frozen. */
static void test_scales(void **state) {
    (void)state;
    cg_error error;
    cg_runner serial = cg_runner_serial();
    float *rows = draw(ROWS, 5);
    float *scaled = draw(ROWS, 5);
    for (uint32_t i = 0; i < ROWS * DIMS; i++) {
        scaled[i] = 1e18f + 1e16f * rows[i];
    }
    cg_index *index = build(scaled, ROWS, true);
    refuse_to_freeze(index, CG_PRECISION_F32, "axis 0");
    cg_index_free(index);
    for (uint32_t i = 0; i < ROWS * DIMS; i++) {
        scaled[i] = 1e-29f * rows[i];
    }
    index = build(scaled, ROWS, true);
    refuse_to_freeze(index, CG_PRECISION_I8, "step of the codec");
    cg_index_free(index);
    /* Codes made for some rows, and one far outside of their range. */
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = CG_METRIC_L2;
    options.codes = CG_PRECISION_I8;
    options.fuller = CG_PRECISION_F32;
    assert_ok(cg_index_alloc(&options, cg_allocator_heap(), &index, &error), error);
    cg_index_rows given = {.vectors = rows, .count = ROWS};
    assert_ok(cg_index_add(index, &given, &serial, NULL, &error), error);
    scaled[0] = 1e30f;
    given = (cg_index_rows){.vectors = scaled, .count = 1};
    assert_ok(cg_index_add(index, &given, &serial, NULL, &error), error);
    refuse_to_freeze(index, CG_PRECISION_I1, "biases");
    scaled[0] = 3e38f;
    assert_ok(cg_index_add(index, &given, &serial, NULL, &error), error);
    scaled[0] = -3e38f;
    assert_ok(cg_index_add(index, &given, &serial, NULL, &error), error);
    refuse_to_freeze(index, CG_PRECISION_I1, "1-bit");
    cg_index_free(index);
    free(scaled);
    free(rows);
}

enum { WIDE = 64 };

/* A segment of the collection's growing index at a precision, in its place. */
static opened freeze_growing(cg_collection *collection, cg_precision codes) {
    opened made = {0};
    cg_error error;
    cg_runner serial = cg_runner_serial();
    cg_segment *const none[1] = {NULL};
    cg_collection_merge_options options = {
        .form = {.codes = codes}, .segments = none, .has_growing = true};
    assert_ok(
        cg_collection_merge(collection, &options, &serial, &made.bytes, &made.size, &error),
        error);
    assert_ok(cg_segment_open(made.bytes, made.size, CG_SEGMENT_CHECK_ALL, cg_allocator_heap(),
                              &made.segment, &error),
              error);
    cg_segment *detached[CG_COLLECTION_SEGMENTS_MAX];
    uint32_t detached_count = 0;
    assert_ok(
        cg_collection_replace(collection, made.segment, detached, &detached_count, &error),
        error);
    return made;
}

static void add_rows(cg_collection *collection, const float *rows, uint64_t id,
                     uint32_t count) {
    const uint64_t ids[] = {id, id + 1, id + 2, id + 3};
    cg_index_rows given = {.vectors = rows, .ids = ids, .count = count};
    cg_runner serial = cg_runner_serial();
    cg_error error;
    assert_ok(cg_collection_add(collection, &given, &serial, NULL, &error), error);
}

/* Merged under cosine, what is acceptable stays as it is to the last bit; a row whose 4-bit code
 * is zero gets the first axis. */
static void test_merged_lengths(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_runner serial = cg_runner_serial();
    cg_error error;
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, WIDE);
    options.has_ids = true;
    cg_collection *collection = NULL;
    assert_ok(cg_collection_alloc(&options, heap, &collection, &error), error);
    float rows[4 * WIDE] = {0};
    for (uint32_t i = 0; i < 4; i++) {
        rows[i * WIDE + i] = 1.0f;
    }
    add_rows(collection, rows, 10, 4); /* the largest: thawed, not added */
    opened made[3] = {freeze_growing(collection, CG_PRECISION_F32)};
    rows[2 * WIDE + 2] = 1.0001f;
    add_rows(collection, rows + (size_t)2 * WIDE, 22, 1);
    made[1] = freeze_growing(collection, CG_PRECISION_F32);
    for (uint32_t d = 0; d < WIDE; d++) {
        rows[d] = 0.125f; /* 8 steps; a unit of 4 bits is 18 */
    }
    add_rows(collection, rows, 30, 2);
    made[2] = freeze_growing(collection, CG_PRECISION_I4);
    float vector[WIDE];
    for (uint32_t row = 0; row < 2; row++) {
        cg_segment_vector(made[2].segment, row, vector);
        for (uint32_t d = 0; d < WIDE && cg_segment_id(made[2].segment, row) == 30; d++) {
            assert_true(vector[d] == 0.0f);
        }
    }
    opened merged = {0};
    cg_collection_merge_options all = {.form = {.codes = CG_PRECISION_F32}};
    assert_ok(
        cg_collection_merge(collection, &all, &serial, &merged.bytes, &merged.size, &error),
        error);
    assert_ok(cg_segment_open(merged.bytes, merged.size, CG_SEGMENT_CHECK_ALL, heap,
                              &merged.segment, &error),
              error);
    assert_int_equal(cg_segment_count(merged.segment), 7);
    const float first_axis[WIDE] = {1.0f};
    for (uint32_t row = 0; row < 7; row++) {
        uint64_t id = cg_segment_id(merged.segment, row);
        cg_segment_vector(merged.segment, row, vector);
        if (id == 22) {
            assert_memory_equal(vector, rows + (size_t)2 * WIDE, sizeof vector);
        } else if (id == 30) {
            assert_memory_equal(vector, first_axis, sizeof vector);
        }
    }
    close_it(&merged);
    cg_collection_free(collection);
    for (uint32_t i = 0; i < 3; i++) {
        close_it(&made[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_one_bit_estimates),
        cmocka_unit_test(test_collection_refusals),
        cmocka_unit_test(test_altered_fuller),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_merged_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
