/* Goal: pools choose the slot they promise, account to the byte, refuse bad input and change
 * nothing then.
 */
#include "tests/support/pools.h"

/* Goal: the smallest class that fits, at its exact edges, wastes what the header says; known
 * values. */
static void test_size_classes(void **state) {
    (void)state;
    static const uint32_t known[][3] = {/* size, slot, slots of a block */
                                        {1, 16, 256},    {16, 16, 256},   {17, 32, 128},
                                        {128, 128, 32},  {129, 144, 28},  {257, 288, 14},
                                        {4096, 4096, 1}, {4097, 4608, 1}, {65536, 65536, 1}};
    cg_pools *pools = make_pools(1 << 20, 0);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cg_pool_place place = place_of(pools, take(pools, 3, known[i][0]));
        assert_int_equal(place.slot_bytes, known[i][1]);
        assert_int_equal(cg_pool_shape_of(place.size_class).slots, known[i][2]);
    }
    uint32_t below = 0;
    for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
        cg_pool_shape shape = cg_pool_shape_of(size_class);
        assert_int_equal(cg_pool_class_of(below + 1), size_class);
        assert_int_equal(cg_pool_class_of(shape.slot_bytes), size_class);
        assert_true(shape.slot_bytes - below <= 16 || (shape.slot_bytes - below) * 8 <= below);
        assert_int_equal(shape.slot_bytes % (shape.slot_bytes >= 512 ? 64 : 16), 0);
        assert_int_equal(shape.header_bytes % 64, 0);
        below = shape.slot_bytes;
    }
    assert_int_equal(below, CG_POOL_BLOCK_BYTES);
    cg_pools_free(pools);
}

/* Goal: ids say pool, generation and handle; none is given out twice, and an old one is a
 * stranger, also when its handle is in use again. */
static void test_ids(void **state) {
    (void)state;
    cg_pools *pools = make_pools(1 << 20, 0);
    cg_error error = {0};
    uint64_t first = take(pools, 3, 10);
    assert_true(first == (UINT64_C(3) << 56) + (UINT64_C(1) << 32));
    assert_true(take(pools, 63, 10) == (UINT64_C(63) << 56) + (UINT64_C(1) << 32) + 1);
    give(pools, first);
    uint64_t second = take(pools, 3, 10);
    assert_true(second == (UINT64_C(3) << 56) + (UINT64_C(2) << 32));
    assert_status(cg_pools_give(pools, first, NULL, &error), CG_ERROR_NOT_FOUND, error,
                  "not taken, so it cannot be given back");
    assert_null(cg_pools_memory(pools, first, NULL));
    assert_non_null(cg_pools_memory(pools, second, NULL));

    /* The last generation, and then the handle is not used any more. */
    uint64_t last = (UINT64_C(3) << 56) + ((uint64_t)CG_POOL_GENERATION_MAX << 32);
    pools->chunks[0].handles[0].generation = CG_POOL_GENERATION_MAX;
    give(pools, last);
    assert_sound(pools);
    assert_int_equal((uint32_t)take(pools, 3, 10), 2);
    assert_null(cg_pools_memory(pools, last, NULL));
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: handles give their memory back with the slots, all but one chunk, and go on with
 * generations that were never used; a chunk that has a retired handle is never made again. */
static void test_chunks(void **state) {
    (void)state;
    enum { SLOTS = 3 * CG_POOL_CHUNK_HANDLES };
    static uint64_t slots[SLOTS];
    cg_pools *pools = make_pools(1 << 20, 0);
    for (uint32_t i = 0; i < SLOTS; i++) {
        slots[i] = take(pools, 0, 16);
        assert_true(slots[i] == (UINT64_C(1) << 32) + i);
    }
    uint64_t full_bytes = cg_pools_bytes(pools);
    for (uint32_t i = 0; i < SLOTS; i++) {
        give(pools, slots[i]);
    }
    cg_pools_defragment(pools, 0, NULL, NULL);
    assert_sound(pools);
    assert_true(pools->chunks[0].handles && !pools->chunks[1].handles);
    assert_true(cg_pools_bytes(pools) < full_bytes - 2 * 4096 - 3 * 4096);
    pools->chunks[1].generation = CG_POOL_GENERATION_MAX + 1; /* as after 2^24 - 1 uses */
    for (uint32_t i = 0; i < SLOTS; i++) {
        slots[i] = take(pools, 0, 16);
        assert_int_equal((uint32_t)slots[i], i < 256 ? i : i + 256);
    }
    assert_true(slots[255] >> 32 == 2 && slots[256] >> 32 == 2 && slots[512] >> 32 == 1);
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: accounting after known operations; work counts the slot's whole size both ways. */
static void test_accounting(void **state) {
    (void)state;
    cg_pools *pools = make_pools(1 << 20, 0);
    cg_error error = {0};
    cg_work work = {0};
    uint64_t slot = 0;
    cg_pool_request small = {.size_bytes = 130};
    cg_pool_request large = {.type = 1, .size_bytes = 65535};
    assert_ok(cg_pools_take(pools, &small, &slot, &work, &error), error);
    assert_ok(cg_pools_take(pools, &large, &slot, &work, &error), error);
    cg_pool_statistics expected = {.slots_taken = 2,
                                   .requested_bytes = 65665,
                                   .slot_bytes = 65680,
                                   .free_bytes = 27 * 144,
                                   .block_bytes = 65536 + 28 * 144,
                                   .blocks = 2};
    cg_pool_statistics statistics = cg_pools_statistics(pools);
    assert_memory_equal(&statistics, &expected, sizeof expected);
    assert_ok(cg_pools_give(pools, slot, &work, &error), error);
    assert_int_equal(work.operations[CG_WORK_SLOT], 3);
    assert_int_equal(work.units[CG_WORK_SLOT], 144 + 65536 + 65536);
    statistics = cg_pools_statistics_of(pools, 1);
    expected = (cg_pool_statistics){.free_bytes = 65536, .block_bytes = 65536, .blocks = 1};
    assert_memory_equal(&statistics, &expected, sizeof expected); /* the empty block is kept */
    assert_int_equal(cg_pools_statistics_of(pools, CG_POOL_SHARED + 1).blocks, 0);
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: one empty block of a class is kept, a second goes back at once. */
static void test_hysteresis(void **state) {
    (void)state;
    cg_pools *pools = make_pools(1 << 20, 0);
    uint64_t slots[130];
    for (int i = 0; i < 130; i++) {
        slots[i] = take(pools, 0, 4096);
    }
    give(pools, slots[1]);
    assert_int_equal(cg_pools_statistics(pools).blocks, 130);
    give(pools, slots[0]);
    assert_int_equal(cg_pools_statistics(pools).blocks, 129);
    assert_sound(pools);
    assert_int_equal(at(pools, take(pools, 0, 4096)), 1000); /* the one that was kept */
    assert_int_equal(at(pools, take(pools, 0, 4096)), 0);    /* the lowest free number */
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: with a hint the nearest free slot of its block, ties to the lower; then the nearest block
 * that has one; otherwise the lowest free. */
static void test_near(void **state) {
    (void)state;
    static uint64_t slots[6 * 256];
    cg_pools *pools = make_pools(1 << 20, 0);
    for (uint32_t i = 0; i < 6 * 256; i++) {
        slots[i] = take(pools, 0, 16);
        assert_int_equal(at(pools, slots[i]), i / 256 * 1000 + i % 256);
    }
    give(pools, slots[10]);
    give(pools, slots[100]);
    give(pools, slots[200]);
    give(pools, slots[3 * 256 + 7]);
    assert_int_equal(at(pools, take_near(pools, 16, slots[150])), 100); /* tie */
    assert_int_equal(at(pools, take_near(pools, 16, slots[149])), 200);
    assert_int_equal(at(pools, take_near(pools, 16, slots[2 * 256])), 3007);
    give(pools, slots[3 * 256 + 7 + 1]);
    give(pools, slots[1 * 256 + 5]);
    assert_int_equal(at(pools, take_near(pools, 16, slots[2 * 256])), 1005); /* tie */
    assert_int_equal(at(pools, take_near(pools, 16, slots[5 * 256])), 3008);
    assert_int_equal(at(pools, take_near(pools, 16, slots[5 * 256])), 10);
    assert_int_equal(at(pools, take_near(pools, 16, slots[5 * 256])), 6000);
    /* Hints of another class or pool, stale ones and nonsense count as none. */
    uint64_t other = take(pools, 0, 32);
    uint64_t elsewhere = take(pools, 1, 16);
    give(pools, slots[4 * 256 + 9]);
    give(pools, slots[5 * 256 + 9]);
    const uint64_t none[] = {0, CG_SLOT_NONE, other, elsewhere, slots[5 * 256 + 9]};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        uint64_t slot = take_near(pools, 16, none[i]);
        assert_int_equal(at(pools, slot), 4009);
        give(pools, slot);
    }
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: of two blocks with a free slot the nearer is found among many, also across words of 64
 * numbers; without a hint, or far from both, the lower. */
static void test_near_many_blocks(void **state) {
    (void)state;
    enum { BLOCKS = 300, FAR = 999 };
    static uint64_t slots[2 * BLOCKS];
    cg_pools *pools = make_pools(2 << 20, 0);
    for (uint32_t i = 0; i < 2 * BLOCKS; i++) {
        slots[i] = take(pools, 0, 2048);
        assert_int_equal(at(pools, slots[i]), i / 2 * 1000 + i % 2);
    }
    static const uint32_t cases[][3] = {/* the lower block, the upper one, the hint's block */
                                        {0, 128, 127},  {0, 127, 128},   {126, 200, 128},
                                        {63, 130, 100}, {0, 191, 190},   {0, 64, 64},
                                        {5, 260, FAR},  {70, 290, FAR},  {5, 290, 150},
                                        {0, 63, 64},    {299, 299, 240}, {62, 64, 63}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t lower = cases[i][0];
        uint32_t upper = cases[i][1];
        uint32_t hint = cases[i][2];
        bool is_near = hint != FAR && hint < upper + 64 && upper < hint + 64;
        uint32_t distance = hint > upper ? hint - upper : upper - hint;
        uint32_t found = is_near && distance + lower < hint ? upper : lower;
        give(pools, slots[2 * lower + 1]);
        if (upper != lower) {
            give(pools, slots[2 * upper + 1]);
        }
        assert_sound(pools);
        uint64_t slot = take_near(pools, 2048, hint == FAR ? 0 : slots[2 * hint]);
        assert_int_equal(at(pools, slot), found * 1000 + 1);
        slots[2 * found + 1] = slot;
        if (upper != lower) {
            slots[2 * (lower + upper - found) + 1] = take(pools, 0, 2048);
        }
    }
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: dense is the fullest block with a free slot, fresh the emptiest; both the lowest slot. */
static void test_dense_and_fresh(void **state) {
    (void)state;
    static uint64_t slots[4 * 4];
    cg_pools *pools = make_pools(1 << 20, 0);
    for (uint32_t i = 0; i < 4 * 4; i++) {
        slots[i] = take(pools, 0, 1024);
    }
    for (uint32_t i = 0; i < 3; i++) {
        give(pools, slots[4 + i]); /* block 1 has one slot */
    }
    give(pools, slots[2 * 4 + 2]); /* block 2 has three */
    give(pools, slots[3 * 4 + 1]); /* block 3 has two */
    give(pools, slots[3 * 4 + 3]);
    cg_pool_request request = {.size_bytes = 1024, .placement = CG_POOL_FRESH};
    request.near = slots[2 * 4];
    assert_int_equal(at(pools, take_as(pools, request)), 1000);
    request.placement = CG_POOL_DENSE;
    assert_int_equal(at(pools, take_as(pools, request)), 2002);
    request.placement = CG_POOL_FRESH;
    uint32_t block = at(pools, take_as(pools, request)) / 1000; /* 1 and 3 are equal */
    assert_true(block == 1 || block == 3);
    assert_int_equal(at(pools, take_as(pools, request)) / 1000, 4 - block);
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: a slot's memory is aligned and zero when taken, also when it was used before. */
static void test_memory_is_zeroed(void **state) {
    (void)state;
    cg_pools *pools = make_pools(1 << 20, 0);
    static const uint8_t zero[512];
    for (int round = 0; round < 3; round++) {
        uint64_t slot = take(pools, 9, 500);
        uint32_t size_bytes = 0;
        uint8_t *memory = cg_pools_memory(pools, slot, &size_bytes);
        assert_int_equal(size_bytes, 500);
        assert_int_equal((uintptr_t)memory % 64, 0);
        assert_memory_equal(memory, zero, sizeof zero);
        memset(memory, 0xff, sizeof zero);
        give(pools, slot);
        assert_null(cg_pools_memory(pools, slot, &size_bytes));
    }
    cg_pools_free(pools);
}

/* Goal: headroom makes the slot larger where that fits; resizing stays in place, within it, with
 * new bytes zero. */
static void test_headroom_and_resize(void **state) {
    (void)state;
    cg_pools *pools = make_pools(8192, 0);
    cg_error error = {0};
    cg_pool_request request = {.size_bytes = 100, .headroom_bytes = 60};
    uint64_t slot = take_as(pools, request);
    assert_int_equal(place_of(pools, slot).slot_bytes, 160);
    assert_int_equal(cg_pools_statistics(pools).requested_bytes, 100);
    uint8_t *memory = cg_pools_memory(pools, slot, NULL);
    memset(memory, 7, 160);
    assert_ok(cg_pools_resize(pools, slot, 150, &error), error);
    uint32_t size_bytes = 0;
    assert_ptr_equal(cg_pools_memory(pools, slot, &size_bytes), memory);
    assert_int_equal(size_bytes, 150);
    assert_true(memory[99] == 7 && memory[100] == 0 && memory[149] == 0 && memory[150] == 7);
    assert_ok(cg_pools_resize(pools, slot, 1, &error), error);
    assert_int_equal(cg_pools_statistics(pools).requested_bytes, 1);
    assert_ok(cg_pools_resize(pools, slot, 160, &error), error);
    assert_status(cg_pools_resize(pools, slot, 161, &error), CG_ERROR_FULL, error,
                  "holds 160 bytes");
    assert_status(cg_pools_resize(pools, slot, 0, &error), CG_ERROR_INVALID, error, "0 bytes");
    assert_int_equal(cg_pools_statistics(pools).requested_bytes, 160);
    /* There is no room for 5,000 bytes, nor ever for 4 GiB: without headroom, then. */
    request.headroom_bytes = 4900;
    assert_int_equal(place_of(pools, take_as(pools, request)).slot_bytes, 112);
    give(pools, slot);
    request.headroom_bytes = UINT32_MAX;
    assert_int_equal(place_of(pools, take_as(pools, request)).slot_bytes, 112);
    assert_sound(pools);
    cg_pools_free(pools);
    pools = make_pools(1 << 20, 0);
    assert_int_equal(place_of(pools, take_as(pools, request)).slot_bytes, 65536);
    cg_pools_free(pools);
}

/* Goal: bad options, sizes, types and slots are refused with a sentence, and change nothing. */
static void test_bad_input(void **state) {
    (void)state;
    cg_error error = {0};
    cg_pools *pools = NULL;
    cg_allocator heap = cg_allocator_heap();
    cg_pool_options options = cg_pool_options_default();
    assert_int_equal(options.quota_bytes, 64 << 20);
    assert_int_equal(options.shared_quota_bytes, 256 << 20);
    options.quota_bytes = 0;
    assert_status(cg_pools_alloc(&options, heap, &pools, &error), CG_ERROR_INVALID, error,
                  "quota of 0 bytes; at least 4096");
    options.quota_bytes = UINT64_MAX;
    assert_status(cg_pools_alloc(&options, heap, &pools, &error), CG_ERROR_INVALID, error,
                  "quota of 18446744073709551615");
    options = (cg_pool_options){65536, UINT64_MAX};
    assert_status(cg_pools_alloc(&options, heap, &pools, &error), CG_ERROR_INVALID, error,
                  "at most 274877906944");
    assert_null(pools);

    pools = make_pools(65536, 65536);
    uint64_t taken = take(pools, 0, 64);
    uint64_t hash = cg_pools_hash(pools);
    static const struct {
        cg_pool_request request;
        const char *sentence;
    } cases[] = {
        {{.type = CG_POOL_SHARED, .size_bytes = 64}, "types are 0..63"},
        {{.type = UINT32_MAX, .size_bytes = 64}, "type 4294967295"},
        {{.size_bytes = 0}, "a slot of 0 bytes; it must be 1..65536"},
        {{.size_bytes = 65537}, "65537"},
        {{.size_bytes = UINT32_MAX, .headroom_bytes = 2}, "4294967295"},
        {{.size_bytes = 64, .placement = CG_POOL_PLACEMENTS}, "placement 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t slot = 5;
        assert_status(cg_pools_take(pools, &cases[i].request, &slot, NULL, &error),
                      CG_ERROR_INVALID, error, cases[i].sentence);
        assert_int_equal(slot, 5);
    }
    const uint64_t strangers[] = {0,
                                  CG_SLOT_NONE,
                                  taken + 1,
                                  taken + 256,
                                  taken + (UINT64_C(1) << 31),
                                  taken + (UINT64_C(1) << 32),
                                  taken + (UINT64_C(1) << 56),
                                  taken + (UINT64_C(1) << 63),
                                  taken + (UINT64_C(255) << 56),
                                  taken + 1 + (UINT64_C(255) << 56)};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        assert_status(cg_pools_give(pools, strangers[i], NULL, &error), CG_ERROR_NOT_FOUND,
                      error, "not taken");
        assert_null(cg_pools_memory(pools, strangers[i], NULL));
        cg_pool_place place;
        assert_false(cg_pools_place(pools, strangers[i], &place));
    }
    assert_true(cg_pools_hash(pools) == hash);
    give(pools, taken);
    hash = cg_pools_hash(pools);
    assert_status(cg_pools_give(pools, taken, NULL, &error), CG_ERROR_NOT_FOUND, error,
                  "not taken");
    assert_true(cg_pools_hash(pools) == hash);
    cg_pools_free(pools);
    cg_pools_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_classes),     cmocka_unit_test(test_ids),
        cmocka_unit_test(test_chunks),           cmocka_unit_test(test_accounting),
        cmocka_unit_test(test_hysteresis),       cmocka_unit_test(test_near),
        cmocka_unit_test(test_near_many_blocks), cmocka_unit_test(test_dense_and_fresh),
        cmocka_unit_test(test_memory_is_zeroed), cmocka_unit_test(test_headroom_and_resize),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
