/* Goal: no bytes, their checksums right or wrong, make a segment crash or read elsewhere: cut at
 * every boundary, every bit flipped, and forged with checksums made right again. */
#include <string.h>

#include "tests/support/segment_forge.h"
#include "tests/support/segments.h"

static frozen small_segment(cg_precision codes, bool has_mix, uint32_t count) {
    const shape like = {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, count, 5, 4, true};
    float *rows = draw_rows(like.count, like.dims, like.metric, 7);
    float importance[200];
    for (uint32_t i = 0; i < 200; i++) {
        importance[i] = (float)(i % 11) / 10.0f;
    }
    cg_index *index = build(&like, rows);
    cg_freeze_options options = {.codes = codes,
                                 .importance = has_mix ? importance : NULL,
                                 .has_fuller = true,
                                 .fuller = CG_PRECISION_F16};
    frozen made = freeze(index, &options);
    cg_index_free(index);
    free(rows);
    return made;
}

static void assert_refused(const uint8_t *bytes, size_t size) {
    cg_segment *segment = NULL;
    cg_error error = {0};
    cg_status status = cg_segment_open(bytes, size, CG_SEGMENT_CHECK_ALL, cg_allocator_heap(),
                                       &segment, &error);
    if (status != CG_ERROR_CORRUPT && status != CG_ERROR_VERSION) {
        fail_msg("status %s: %s", cg_status_name(status), error.message);
    }
    assert_true(error.message[0] != '\0');
    assert_null(segment);
}

static void test_cut_and_flipped(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    frozen made = small_segment(CG_PRECISION_I8, true, 90);
    for (size_t size = 0; size < made.size; size++) {
        uint8_t *cut = cg_allocate_aligned(&heap, size + 1); /* ASan sees its end */
        assert_non_null(cut);
        memcpy(cut, made.bytes, size);
        assert_refused(cut, size);
        cg_deallocate_aligned(&heap, cut, size + 1);
    }
    for (size_t at = 0; at < made.size; at++) {
        for (int bit = 0; bit < 9; bit++) { /* one bit, and then all */
            uint8_t flip = (uint8_t)(bit < 8 ? 1 << bit : 0xff);
            made.bytes[at] ^= flip;
            assert_refused(made.bytes, made.size);
            made.bytes[at] ^= flip;
        }
    }
    cg_error error;
    cg_segment *segment = NULL;
    assert_status(cg_segment_open(made.bytes + 1, made.size - 1, CG_SEGMENT_CHECK_ALL, heap,
                                  &segment, &error),
                  CG_ERROR_INVALID, error, "aligned");
    made.bytes[8] = 2; /* another version, whole */
    forge_seal(made.bytes, made.size);
    assert_status(
        cg_segment_open(made.bytes, made.size, CG_SEGMENT_CHECK_ALL, heap, &segment, &error),
        CG_ERROR_VERSION, error, "version 2");
    melt(&made);
}

static void test_fuller_unread(void **state) {
    (void)state;
    frozen made = small_segment(CG_PRECISION_I1, false, 90);
    made.bytes[made.size - 64] ^= 1; /* the fuller form is last */
    assert_refused(made.bytes, made.size);
    cg_segment *segment = NULL;
    cg_error error;
    assert_ok(cg_segment_open(made.bytes, made.size, CG_SEGMENT_LEAVE_FULLER,
                              cg_allocator_heap(), &segment, &error),
              error);
    cg_segment_close(segment);
    melt(&made);
}

/* Whatever opened is searched, thawed and walked: nothing may crash. */
static void use(const cg_segment *segment) {
    const uint32_t dims = cg_segment_options_of(segment)->dims;
    float *vector = calloc(dims, sizeof *vector);
    assert_non_null(vector);
    vector[0] = 1.0f;
    cg_segment_scratch *scratch = new_scratch();
    cg_index_hit hits[K];
    for (uint32_t ef = 1; ef < 300; ef *= 17) {
        cg_index_query query = {.vector = vector, .k = K, .ef = ef};
        uint32_t found = search_frozen(segment, &query, scratch, hits);
        for (uint32_t i = 0; i < found; i++) {
            assert_true(hits[i].row < cg_segment_count(segment));
        }
    }
    for (uint32_t row = 0; row < cg_segment_count(segment); row++) {
        cg_segment_vector(segment, row, vector);
    }
    (void)cg_segment_reachable(segment, cg_allocator_heap());
    cg_index *thawed = NULL;
    if (cg_segment_thaw(segment, cg_allocator_heap(), &thawed, NULL) == CG_OK) {
        assert_int_equal(cg_index_reachable(thawed, cg_allocator_heap()),
                         cg_segment_count(segment));
        cg_index_free(thawed);
    }
    cg_segment_scratch_free(scratch);
    free(vector);
}

static void test_forged(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_stream stream = cg_stream_init(seed, "segment_property_test.forge", 0);
    uint32_t opened = 0;
    uint32_t refused = 0;
    for (int form = 0; form <= CG_PRECISION_COUNT; form++) {
        bool is_mix = form == CG_PRECISION_COUNT;
        frozen made =
            small_segment((cg_precision)(is_mix ? 0 : form), is_mix, is_mix ? 200 : 70);
        uint8_t *bytes = cg_allocate_aligned(&heap, made.size);
        assert_non_null(bytes);
        for (uint32_t turn = 0; turn < 3000; turn++) {
            memcpy(bytes, made.bytes, made.size);
            uint32_t changes = 1 + (uint32_t)cg_stream_next_below(&stream, 3);
            for (uint32_t i = 0; i < changes; i++) {
                bool in_header = cg_stream_next_below(&stream, 4) == 0;
                uint64_t at = cg_stream_next_below(&stream, in_header ? 512 : made.size);
                uint32_t value = (uint32_t)cg_stream_next(&stream);
                if (cg_stream_next_below(&stream, 2)) {
                    value = bytes[at] ^ 1u << cg_stream_next_below(&stream, 8);
                }
                bytes[at] = (uint8_t)value;
            }
            forge_seal(bytes, made.size);
            cg_segment *segment = NULL;
            cg_error error = {0};
            cg_status status =
                cg_segment_open(bytes, made.size, CG_SEGMENT_CHECK_ALL, heap, &segment, &error);
            if (status == CG_OK) {
                opened++;
                use(segment);
                cg_segment_close(segment);
            } else {
                refused++;
                assert_true(status == CG_ERROR_CORRUPT || status == CG_ERROR_VERSION ||
                            status == CG_ERROR_MEMORY);
                assert_true(error.message[0] != '\0');
            }
        }
        cg_deallocate_aligned(&heap, bytes, made.size);
        melt(&made);
    }
    assert_true(opened > 100 && refused > 100);
}

/* A change of `at` in a section, sealed, is refused. */
static void assert_forgery_refused(const frozen *made, uint32_t section, uint64_t at,
                                   uint8_t value) {
    cg_allocator heap = cg_allocator_heap();
    const cg_segment_header *header = &made->segment->header;
    uint8_t *bytes = cg_allocate_aligned(&heap, made->size);
    assert_non_null(bytes);
    memcpy(bytes, made->bytes, made->size);
    assert_true(at < header->section_bytes[section]);
    size_t place = (size_t)(cg_segment_section_at(header, section) + at);
    assert_true(bytes[place] != value);
    bytes[place] = value;
    forge_seal(bytes, made->size);
    assert_refused(bytes, made->size);
    cg_deallocate_aligned(&heap, bytes, made->size);
}

static void test_forged_fields(void **state) {
    (void)state;
    frozen mix = small_segment(CG_PRECISION_F32, true, 200);
    frozen bits = small_segment(CG_PRECISION_I1, false, CG_SEGMENT_GROUP_ROWS_MAX + 100);
    const cg_segment_header *header = &mix.segment->header;
    assert_forgery_refused(&mix, CG_SECTION_CENTRE, 3, 0x7f);        /* not finite */
    assert_forgery_refused(&mix, CG_SECTION_CODES, 3, 0x7f);         /* f32: huge or not */
    assert_forgery_refused(&mix, CG_SECTION_CODES, 20, 1);           /* padding */
    assert_forgery_refused(&mix, CG_SECTION_CODES + 1, 1, 0x7c);     /* f16: not finite */
    assert_forgery_refused(&mix, CG_SECTION_CODES + 2, 0, 0x80);     /* -128 */
    assert_forgery_refused(&mix, CG_SECTION_CODES + 2, 5, 1);        /* padding */
    assert_forgery_refused(&mix, CG_SECTION_CODES + 3, 0, 0x08);     /* -8 */
    assert_forgery_refused(&mix, CG_SECTION_CODES + 3, 0, 0x80);     /* -8 */
    assert_forgery_refused(&mix, CG_SECTION_BIASES, 2, 0x55);        /* not the square */
    assert_forgery_refused(&mix, CG_SECTION_GROUP_CENTRES, 2, 0x80); /* -128 */
    assert_forgery_refused(&mix, CG_SECTION_LEVEL_ROWS, 1, 0x01);    /* beyond the rows */
    assert_forgery_refused(&mix, CG_SECTION_LIST_BASES, 0, 0x01);    /* not where it is */
    assert_forgery_refused(&mix, CG_SECTION_LIST_STARTS, 4, 0x00);   /* likewise */
    assert_forgery_refused(&mix, CG_SECTION_FULLER, 1, 0x7e);        /* not a number */
    assert_forgery_refused(&bits, CG_SECTION_GROUP_FIRST, 0, 0x01);  /* not the first row */
    assert_true(bits.segment->header.groups > 1);
    assert_forgery_refused(&bits, CG_SECTION_GROUP_FIRST, 6, 0x01); /* beyond the rows */
    assert_forgery_refused(&bits, CG_SECTION_GROUP_FIRST, 5, 0x7f); /* likewise */
    assert_true(header->levels > 1 && header->class_first[1] > 0);
    melt(&bits);
    melt(&mix);
}

/* Graphs that search well enough, but break the tree that a growing index rests on. */
static void test_broken_trees(void **state) {
    (void)state;
    const shape like = {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, 200, 8, 8, true};
    float *rows = draw_rows(like.count, like.dims, like.metric, 10);
    cg_freeze_options options = {.codes = CG_PRECISION_I8};
    for (int how = 0; how < 3; how++) {
        cg_index *index = build(&like, rows);
        bool is_broken = false;
        for (uint32_t row = 1; row < like.count && !is_broken; row++) {
            cg_link *links = cg_hnsw_links(index, row, 0);
            uint32_t parent = cg_link_get(links);
            if (how == 0) { /* a second root */
                cg_link_set(links, row);
                is_broken = true;
            }
            for (uint32_t i = 1; i < 2 * like.m && !is_broken && how > 0; i++) {
                uint32_t other = cg_link_get(links + i);
                if (other == CG_NO_ROW) {
                    break;
                }
                /* 1: a circle of a row and its child; 2: its parent does not link to it */
                bool is_fit = how == 1 ? cg_hnsw_is_child(index, row, other) : true;
                uint32_t back[CG_INDEX_LINKS_MAX];
                uint32_t count = cg_hnsw_copy_links(index, other, 0, back);
                for (uint32_t j = 0; how == 2 && j < count; j++) {
                    is_fit = is_fit && back[j] != row;
                }
                if (is_fit) {
                    cg_link_set(links, other);
                    cg_link_set(links + i, parent);
                    is_broken = true;
                }
            }
        }
        assert_true(is_broken);
        frozen made = freeze(index, &options);
        cg_index *thawed = NULL;
        cg_error error;
        assert_status(cg_segment_thaw(made.segment, cg_allocator_heap(), &thawed, &error),
                      CG_ERROR_CORRUPT, error, "tree");
        melt(&made);
        cg_index_free(index);
    }
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_and_flipped), cmocka_unit_test(test_fuller_unread),
        cmocka_unit_test(test_forged),          cmocka_unit_test(test_forged_fields),
        cmocka_unit_test(test_broken_trees),
    };
    seed = support_seed(2026);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
