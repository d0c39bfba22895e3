/* Goal: lists of links come back as they went in, in the bits that link_code.h draws, and
 * whatever the bytes, decoding stays inside them and gives rows below the bound. And the order
 * by locality is a permutation that puts together what is linked. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/index/link_code.h"
#include "engine/index/locality.h"

static uint64_t seed;

static cg_link_code code_of(const uint8_t *bytes, size_t size, uint32_t rows,
                            uint32_t links_max) {
    return (cg_link_code){.bytes = bytes,
                          .size_bytes = size,
                          .rows = rows,
                          .links_max = links_max,
                          .count_width = cg_link_count_width(links_max)};
}

static void test_known_bits(void **state) {
    (void)state;
    uint8_t out[CG_LINK_CODE_BYTES_MAX];
    /* links_max 8: 4 bits a count. Run 10, 11, 13 near owner 12; 100 far above. */
    cg_link_list list = {.owner = 12, .count = 4, .mark = 2, .links = {10, 11, 13, 100}};
    assert_int_equal(cg_link_count_width(8), 4);
    size_t size = cg_link_encode(&list, 8, out);
    /* count 4, mark 2, near_first 0, near_count 3: nibbles 4 2 0 3; near_width 1, far_width 7,
     * start_width 2: bits 1 | 7 << 5 | 2 << 10 = 0x08e1; start zigzag(-2) = 3: bits 32..33;
     * gaps 0, 1: bits 34, 35; far gap 86 in 7 bits: 36..42. */
    const uint8_t expected[] = {0x24, 0x30, 0xe1, 0x08, 0x6b, 0x05};
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
    cg_link_list empty = {.owner = 5};
    assert_int_equal(cg_link_encode(&empty, 8, out), 1);
    assert_int_equal(out[0], 0);
}

static void draw_list(cg_stream *stream, uint32_t rows, uint32_t links_max, cg_link_list *out) {
    memset(out, 0, sizeof *out);
    out->owner = (uint32_t)cg_stream_next_below(stream, rows);
    uint32_t wanted = (uint32_t)cg_stream_next_below(stream, links_max + 1);
    bool is_near = cg_stream_next_below(stream, 2);
    for (uint32_t tries = 0; out->count < wanted && tries < 4 * wanted; tries++) {
        uint32_t link = (uint32_t)cg_stream_next_below(stream, rows);
        if (is_near && cg_stream_next_below(stream, 4)) {
            link = (out->owner + (uint32_t)cg_stream_next_below(stream, 50)) % rows;
        }
        uint32_t at = out->count;
        while (at > 0 && out->links[at - 1] > link) {
            at--;
        }
        if (at > 0 && out->links[at - 1] == link) {
            continue;
        }
        memmove(out->links + at + 1, out->links + at, (out->count - at) * sizeof *out->links);
        out->links[at] = link;
        out->count++;
    }
    out->mark = (uint32_t)cg_stream_next_below(stream, out->count + 1);
}

static int ascending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void check_round_trip(cg_stream *stream, uint32_t rows, uint32_t links_max) {
    enum { LISTS = 40 };
    static cg_link_list lists[LISTS];
    size_t starts[LISTS];
    size_t used = 0;
    uint8_t *bytes = calloc(1, (size_t)LISTS * CG_LINK_CODE_BYTES_MAX);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < LISTS; i++) {
        draw_list(stream, rows, links_max, &lists[i]);
        starts[i] = used;
        used += cg_link_encode(&lists[i], links_max, bytes + used);
    }
    uint8_t *exact = malloc(used + CG_LINK_CODE_SLACK_BYTES); /* so that ASan sees its end */
    assert_non_null(exact);
    memcpy(exact, bytes, used);
    memset(exact + used, 0xff, CG_LINK_CODE_SLACK_BYTES);
    cg_link_code code = code_of(exact, used + CG_LINK_CODE_SLACK_BYTES, rows, links_max);
    size_t at = 0;
    for (uint32_t i = 0; i < LISTS; i++) {
        uint32_t links[CG_LINK_CODE_LINKS_ROOM];
        cg_link_list list;
        assert_int_equal(at, starts[i]);
        assert_int_equal(cg_link_decode(&code, at, lists[i].owner, links), lists[i].count);
        qsort(links, lists[i].count, sizeof *links, ascending);
        assert_memory_equal(links, lists[i].links, lists[i].count * sizeof *links);
        assert_true(cg_link_decode_list(&code, &at, lists[i].owner, &list));
        assert_int_equal(list.count, lists[i].count);
        assert_int_equal(list.mark, lists[i].mark);
        assert_memory_equal(list.links, lists[i].links, list.count * sizeof *list.links);
        if (list.count > 0) { /* a bound that the last link breaks */
            cg_link_code less = code;
            less.rows = list.links[list.count - 1];
            assert_true(cg_link_decode(&less, starts[i], list.owner, links) ==
                        CG_LINK_CODE_BROKEN);
        }
    }
    assert_int_equal(at, used);
    free(exact);
    free(bytes);
}

static void test_round_trip(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "link_code_test", 0);
    const uint32_t rows[] = {1, 2, 129, 5000, 1u << 20, 0x7fffffff};
    const uint32_t links_max[] = {1, 8, 32, 127, 128};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < sizeof links_max / sizeof *links_max; j++) {
            check_round_trip(&stream, rows[i], links_max[j]);
        }
    }
}

static void test_any_bytes(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "link_code_test.any", 0);
    uint32_t whole = 0;
    for (uint32_t turn = 0; turn < 20000; turn++) {
        size_t size = (size_t)cg_stream_next_below(&stream, 120);
        uint8_t *bytes = malloc(size + 1);
        assert_non_null(bytes);
        uint8_t mask = (uint8_t)cg_stream_next(&stream); /* sparse bits make likely lists */
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)cg_stream_next(&stream) & mask;
        }
        uint32_t links_max = 1 + (uint32_t)cg_stream_next_below(&stream, 128);
        uint32_t rows = 1 + (uint32_t)cg_stream_next_below(&stream, 1u << 30);
        cg_link_code code = code_of(bytes, size, rows, links_max);
        uint32_t links[CG_LINK_CODE_LINKS_ROOM];
        size_t at = (size_t)cg_stream_next_below(&stream, 130);
        uint32_t count = cg_link_decode(&code, at, rows / 2, links);
        if (count != CG_LINK_CODE_BROKEN) {
            whole++;
            assert_in_range(count, 0, links_max);
            for (uint32_t i = 0; i < count; i++) {
                assert_true(links[i] < rows);
            }
        }
        free(bytes);
    }
    assert_in_range(whole, 100, 20000);
}

/* A ring of `cliques` of `size` rows, each linked to all of its own and one row to the next;
 * row numbers are shuffled. */
static void test_locality(void **state) {
    (void)state;
    enum { CLIQUES = 9, SIZE = 12, ROWS = CLIQUES * SIZE };
    cg_stream stream = cg_stream_init(seed, "link_code_test.locality", 0);
    uint32_t number[ROWS];
    uint64_t starts[ROWS + 1] = {0};
    uint32_t links[ROWS * SIZE];
    uint32_t clique_of[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        number[i] = i;
    }
    cg_stream_shuffle_u32(&stream, number, ROWS);
    uint32_t old_of[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        old_of[number[i]] = i;
        clique_of[number[i]] = i / SIZE;
    }
    uint64_t count = 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t clique = old_of[row] / SIZE;
        for (uint32_t i = 0; i < SIZE; i++) {
            uint32_t other = number[clique * SIZE + i];
            if (other != row) {
                links[count++] = other;
            }
        }
        if (old_of[row] % SIZE == 0) {
            links[count++] = number[(size_t)((clique + 1) % CLIQUES) * SIZE];
        }
        starts[row + 1] = count;
    }
    uint32_t order[ROWS];
    uint8_t is_first[ROWS];
    cg_locality_graph graph = {.starts = starts, .links = links, .rows = ROWS};
    cg_allocator heap = cg_allocator_heap();
    cg_error error;
    assert_ok(cg_locality_order(&graph, &heap, order, is_first, &error), error);
    bool seen[ROWS] = {0};
    uint32_t changes = 0;
    uint32_t communities = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_true(order[i] < ROWS && !seen[order[i]]);
        seen[order[i]] = true;
        changes += i > 0 && clique_of[order[i]] != clique_of[order[i - 1]];
        communities += is_first[i];
    }
    assert_int_equal(changes, CLIQUES - 1);
    assert_int_equal(communities, CLIQUES);
}

static void test_locality_extremes(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_error error;
    uint64_t starts[4] = {0, 0, 0, 0};
    uint32_t order[3] = {7, 7, 7};
    cg_locality_graph graph = {.starts = starts, .rows = 3};
    assert_ok(cg_locality_order(&graph, &heap, order, NULL, &error), error);
    assert_true(order[0] == 0 && order[1] == 1 && order[2] == 2);
    graph.rows = 0;
    assert_ok(cg_locality_order(&graph, &heap, order, NULL, &error), error);
    uint64_t self_starts[2] = {0, 2};
    uint32_t self_links[2] = {0, 0};
    graph = (cg_locality_graph){.starts = self_starts, .links = self_links, .rows = 1};
    assert_ok(cg_locality_order(&graph, &heap, order, NULL, &error), error);
    assert_int_equal(order[0], 0);
    for (uint64_t nth = 1;; nth++) { /* every allocation fails once */
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, heap);
        counting.fail_at = nth;
        cg_allocator view = cg_counting_allocator_view(&counting);
        uint32_t links[2] = {1, 0};
        uint64_t pair[3] = {0, 1, 2};
        uint32_t untouched[2] = {8, 9};
        graph = (cg_locality_graph){.starts = pair, .links = links, .rows = 2};
        cg_status status = cg_locality_order(&graph, &view, untouched, NULL, &error);
        assert_int_equal(counting.live_blocks, 0);
        if (status == CG_OK) {
            assert_in_range(nth, 2, 100);
            break;
        }
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_true(untouched[0] == 8 && untouched[1] == 9);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_bits),        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_any_bytes),         cmocka_unit_test(test_locality),
        cmocka_unit_test(test_locality_extremes),
    };
    seed = support_seed(31);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
