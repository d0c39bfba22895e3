/* Goal: the allocator of huge pages keeps what a block holds through every change of size, on
 * either side of the border between heap and mappings and across it; large blocks start at 2 MiB
 * and ask for huge pages; a size that cannot be had gives NULL and leaves the old block. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/memory/huge_pages.h"

enum { SLOTS = 4, STEPS = 400 };
#define PAGE   ((size_t)SIM_HUGE_PAGE_BYTES)
#define BORDER ((size_t)SIM_HUGE_BLOCK_MIN_BYTES)

static void *resize(void *block, size_t old_bytes, size_t new_bytes) {
    cg_allocator allocator = sim_allocator_huge_pages();
    return allocator.reallocate(allocator.context, block, old_bytes, new_bytes);
}

/* Byte i of what a block should hold. */
static uint8_t pattern(size_t i, uint64_t seed) {
    return (uint8_t)((i * 2654435761u) >> 11 ^ (i >> 20) ^ seed);
}

static void fill(uint8_t *block, size_t from, size_t to, uint64_t seed) {
    for (size_t i = from; i < to; i++) {
        block[i] = pattern(i, seed);
    }
}

static void assert_holds(const uint8_t *block, size_t bytes, uint64_t seed) {
    for (size_t i = 0; i < bytes; i++) {
        if (block[i] != pattern(i, seed)) {
            fail_msg("byte %zu of %zu is lost", i, bytes);
        }
    }
}

static void contents_survive_every_kind_of_resize(void **state) {
    (void)state;
    static const size_t sizes[] = {
        1,      BORDER - 1, BORDER,   BORDER + 1, 3 * PAGE,   3 * PAGE + 1, 9 * PAGE, 7 * PAGE,
        BORDER, BORDER - 1, 5 * PAGE, 17,         BORDER - 1, 100,          20 * PAGE};
    uint8_t *block = NULL;
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        block = resize(block, bytes, sizes[i]);
        assert_non_null(block);
        size_t kept = bytes < sizes[i] ? bytes : sizes[i];
        assert_holds(block, kept, 7);
        fill(block, kept, sizes[i], 7);
        bytes = sizes[i];
    }
    assert_null(resize(block, bytes, 0));
    assert_null(resize(NULL, 0, 0));
}

/* Several blocks at a time, so that growth is often in the way of a neighbour and must move. */
static void blocks_keep_apart(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(1), "test.huge_pages", 0);
    uint8_t *blocks[SLOTS] = {NULL};
    size_t bytes[SLOTS] = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t slot = cg_stream_next_below(&stream, SLOTS);
        size_t wanted = (size_t)cg_stream_next_below(&stream, 4 * BORDER);
        wanted = cg_stream_next_below(&stream, 4) == 0 ? wanted % 4096 : wanted;
        size_t kept = bytes[slot] < wanted ? bytes[slot] : wanted;
        blocks[slot] = resize(blocks[slot], bytes[slot], wanted);
        assert_true((blocks[slot] == NULL) == (wanted == 0));
        assert_true((uintptr_t)blocks[slot] % (wanted >= BORDER ? PAGE : 16) == 0);
        /* The ends of every page tell whether pages were lost or mixed up. */
        for (size_t i = 0; i < kept; i += i % 4096 ? 1 : 4095) {
            assert_int_equal(blocks[slot][i], pattern(i, slot));
        }
        fill(blocks[slot], kept, wanted, slot);
        bytes[slot] = wanted;
    }
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        assert_holds(blocks[slot], bytes[slot], slot);
        assert_null(resize(blocks[slot], bytes[slot], 0));
    }
}

static void what_cannot_be_had_leaves_the_block(void **state) {
    (void)state;
    static const size_t held[] = {1000, 3 * PAGE};
    static const size_t too_much[] = {SIZE_MAX / 2, SIZE_MAX - PAGE, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++) {
        assert_null(resize(NULL, 0, too_much[i]));
        for (size_t j = 0; j < sizeof held / sizeof *held; j++) {
            uint8_t *block = resize(NULL, 0, held[j]);
            assert_non_null(block);
            fill(block, 0, held[j], i);
            assert_null(resize(block, held[j], too_much[i]));
            assert_holds(block, held[j], i);
            assert_null(resize(block, held[j], 0));
        }
    }
}

/* True when the mapping that holds `address` has the kernel's flag "hg", for huge pages; it is
 * looked up in /proc/self/smaps. */
static bool is_advised(uintptr_t address) {
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    char line[512];
    bool is_inside = false;
    bool is_found = false;
    while (fgets(line, sizeof line, file)) {
        char *end = NULL;
        unsigned long long from = strtoull(line, &end, 16);
        if (end != line && *end == '-') {
            is_inside = from <= address && address < strtoull(end + 1, NULL, 16);
        } else if (is_inside && strncmp(line, "VmFlags:", 8) == 0) {
            is_found = strstr(line, " hg") != NULL;
        }
    }
    (void)fclose(file);
    return is_found;
}

static void large_blocks_ask_for_huge_pages(void **state) {
    (void)state;
    if (access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0) {
        skip();
    }
    uint8_t *block = resize(NULL, 0, BORDER);
    uint8_t *neighbour = resize(NULL, 0, BORDER);
    assert_true(is_advised((uintptr_t)block));
    assert_true(is_advised((uintptr_t)neighbour));
    block = resize(block, BORDER, 100 * PAGE);
    assert_non_null(block);
    assert_true((uintptr_t)block % PAGE == 0);
    assert_true(is_advised((uintptr_t)block));
    assert_true(is_advised((uintptr_t)block + 100 * PAGE - 1));
    (void)resize(block, 100 * PAGE, 0);
    (void)resize(neighbour, BORDER, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_survive_every_kind_of_resize),
        cmocka_unit_test(blocks_keep_apart),
        cmocka_unit_test(what_cannot_be_had_leaves_the_block),
        cmocka_unit_test(large_blocks_ask_for_huge_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
