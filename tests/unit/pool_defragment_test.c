/* Goal: defragmentation moves what it should, within its budget, and never what is pinned; the
 * hash and the check see what has changed.
 */
#include "tests/support/pools.h"

/* Slots of 1 KiB (four a block), each filled with its number; the block of each is i / 4. */
static void fill_blocks(cg_pools *pools, uint64_t *slots, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = take(pools, 0, 1000);
        assert_int_equal(at(pools, slots[i]), i / 4 * 1000 + i % 4);
        memset(cg_pools_memory(pools, slots[i], NULL), (int)(i + 1), 1000);
    }
}

static void assert_filled(const cg_pools *pools, uint64_t slot, uint32_t i) {
    uint32_t size_bytes = 0;
    const uint8_t *memory = cg_pools_memory(pools, slot, &size_bytes);
    assert_int_equal(size_bytes, 1000);
    for (uint32_t byte = 0; byte < 1000; byte++) {
        assert_int_equal(memory[byte], i + 1);
    }
}

static void assert_moves(const cg_pool_moves *moves, uint64_t slots, uint64_t bytes,
                         uint64_t blocks) {
    assert_int_equal(moves->slots, slots);
    assert_int_equal(moves->bytes, bytes);
    assert_int_equal(moves->blocks, blocks);
}

/* Goal: the emptiest block is emptied into the fullest; ids and contents stay; work is counted;
 * a second call finds nothing to do. */
static void test_known_moves(void **state) {
    (void)state;
    uint64_t slots[16];
    cg_pools *pools = make_pools(65536, 0);
    fill_blocks(pools, slots, 16);
    give(pools, slots[0]); /* block 0 has three, 1 one, 2 two and 3 four */
    for (uint32_t i = 5; i < 8; i++) {
        give(pools, slots[i]);
    }
    give(pools, slots[8]);
    give(pools, slots[10]);
    cg_work work = {0};
    cg_pool_moves moves;
    cg_pools_defragment(pools, UINT64_MAX, &moves, &work);
    assert_moves(&moves, 1, 1024, 1);
    assert_int_equal(moves.block_bytes, 4096);
    assert_int_equal(work.operations[CG_WORK_SLOT], 1);
    assert_int_equal(work.units[CG_WORK_SLOT], 1024);
    assert_int_equal(at(pools, slots[4]), 0);
    assert_filled(pools, slots[4], 4);
    assert_int_equal(at(pools, slots[9]), 2001);
    assert_int_equal(at(pools, slots[11]), 2003);
    assert_sound(pools);
    uint64_t hash = cg_pools_hash(pools);
    cg_pools_defragment(pools, UINT64_MAX, &moves, &work);
    assert_moves(&moves, 0, 0, 0);
    assert_true(hash == cg_pools_hash(pools));
    cg_pools_free(pools);
}

/* Goal: in steps of any budget the same is reached, a call never exceeds its budget, and budget 0
 * gives back what is empty. */
static void test_budget(void **state) {
    (void)state;
    uint64_t slots[64];
    cg_pools *pools = make_pools(65536, 0);
    fill_blocks(pools, slots, 64);
    for (uint32_t i = 0; i < 64; i++) { /* two of each four stay */
        if (i % 4 > 1) {
            give(pools, slots[i]);
        }
    }
    cg_pool_moves moves;
    cg_pools_defragment(pools, 1023, &moves, NULL);
    assert_moves(&moves, 0, 0, 0);
    for (uint32_t step = 1; step <= 16; step++) {
        cg_pools_defragment(pools, 2047, &moves, NULL);
        assert_moves(&moves, 1, 1024, step % 2 == 0);
        assert_sound(pools);
    }
    cg_pools_defragment(pools, 2047, &moves, NULL);
    assert_moves(&moves, 0, 0, 0);
    assert_int_equal(cg_pools_statistics(pools).free_bytes, 0);
    for (uint32_t i = 0; i < 64; i++) {
        if (i % 4 < 2) {
            assert_filled(pools, slots[i], i);
            give(pools, slots[i]);
        }
    }
    assert_int_equal(cg_pools_statistics(pools).blocks, 1);
    cg_pools_defragment(pools, 0, &moves, NULL);
    assert_moves(&moves, 0, 0, 1);
    assert_int_equal(cg_pools_statistics(pools).blocks, 0);
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: a call goes on where the last one ended, so every class gets its turn; a class of slots
 * larger than the budget does not stop the others. */
static void test_turns(void **state) {
    (void)state;
    static const uint32_t sizes[3] = {512, 1024, 2048};
    uint64_t slots[3][16];
    cg_pools *pools = make_pools(65536, 0);
    for (uint32_t c = 0; c < 3; c++) {
        uint32_t block_slots = 4096 / sizes[c];
        for (uint32_t i = 0; i < 2 * block_slots; i++) {
            slots[c][i] = take(pools, 7, sizes[c]);
        }
        for (uint32_t i = 0; i < 2 * block_slots; i++) { /* half of each block */
            if (i % block_slots >= block_slots / 2) {
                give(pools, slots[c][i]);
            }
        }
    }
    cg_pool_moves moves;
    uint64_t moved = 0;
    for (uint32_t call = 0; call < 6; call++) {
        cg_pools_defragment(pools, 1024, &moves, NULL);
        assert_true(moves.bytes <= 1024);
        moved += moves.bytes;
        assert_sound(pools);
    }
    assert_int_equal(moved, 4096); /* 4 of 512 and 2 of 1,024, but none of 2,048 */
    assert_int_equal(cg_pools_statistics(pools).blocks, 4);
    cg_pools_defragment(pools, 2048, &moves, NULL);
    assert_moves(&moves, 1, 2048, 1);
    cg_pools_free(pools);
}

/* Goal: a pinned slot stays where it is, its block is filled up instead of emptied, and goes once
 * the pin is gone. */
static void test_pinned_slots_stay(void **state) {
    (void)state;
    uint64_t slots[12];
    cg_pools *pools = make_pools(65536, 0);
    fill_blocks(pools, slots, 12);
    for (uint32_t i = 1; i < 12; i++) { /* block 0 has one slot, 1 and 2 have two */
        if (i < 4 || i % 4 > 1) {
            give(pools, slots[i]);
        }
    }
    cg_error error = {0};
    const uint8_t *memory = cg_pools_memory(pools, slots[0], NULL);
    assert_ok(cg_pools_pin(pools, slots[0], &error), error);
    cg_pool_moves moves;
    cg_pools_defragment(pools, UINT64_MAX, &moves, NULL);
    assert_moves(&moves, 2, 2048, 1);
    assert_ptr_equal(cg_pools_memory(pools, slots[0], NULL), memory);
    assert_int_equal(at(pools, slots[0]), 0);
    assert_ok(cg_pools_pin(pools, slots[4], &error), error);
    assert_ok(cg_pools_pin(pools, slots[8], &error), error);
    give(pools, slots[5]);
    give(pools, slots[9]); /* three slots, each pinned, in two blocks: nothing can be done */
    cg_pools_defragment(pools, UINT64_MAX, &moves, NULL);
    assert_moves(&moves, 0, 0, 0);
    assert_int_equal(cg_pools_statistics(pools).blocks, 2);
    assert_ok(cg_pools_unpin(pools, slots[0], &error), error);
    assert_sound(pools);
    cg_pools_defragment(pools, UINT64_MAX, &moves, NULL);
    assert_moves(&moves, 1, 1024, 1);
    assert_filled(pools, slots[0], 0);
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: the check finds what is wrong, wherever it is. */
static void test_check_finds(void **state) {
    (void)state;
    uint64_t slots[12];
    cg_pools *pools = make_pools(65536, 0);
    fill_blocks(pools, slots, 12);
    give(pools, slots[5]);
    cg_error error = {0};
    cg_pool *pool = &pools->pools[0];
    uint32_t c = cg_pool_class_of(1000);
    cg_pool_class *class = pool->classes[c];
    cg_pool_handle *handle = cg_pool_handle_find(pools, slots[4]);
#define assert_found(what, delta)                                                              \
    do {                                                                                       \
        (what) += (delta);                                                                     \
        assert_int_equal(cg_pools_check(pools, &error), CG_ERROR_CORRUPT);                     \
        assert_true(error.message[0] != '\0');                                                 \
        (what) -= (delta);                                                                     \
        assert_sound(pools);                                                                   \
    } while (0)
    assert_found(handle->block, 1);
    assert_found(handle->position, 1);
    assert_found(handle->size_class, 1);
    assert_found(handle->size_less_1, 1);
    assert_found(handle->pins, 1);
    assert_found(handle->pool, 1);
    assert_found(pools->chunks[0].taken, 1);
    assert_found(pools->chunks[0].free_bits[0], 1);
    assert_found(pools->first_usable, 1);
    assert_found(pools->spare, 1);
    assert_found(class->blocks[1]->taken, 1);
    assert_found(class->blocks[1]->pinned, 1);
    assert_found(class->blocks[1]->rank, 1);
    assert_found(class->blocks[1]->number, 1);
    assert_found(class->blocks[1]->free_bits[0], 1);
    assert_found(class->blocks[1]->handles[0], 1);
    assert_found(class->at_least[4], 1);
    assert_found(class->at_least[1], 1);
    assert_found(class->at_least[0], 1);
    assert_found(class->taken, 1);
    assert_found(class->first_open, 1);
    assert_found(class->first_unused, 1);
    assert_found(class->numbers[0].used, 8);
    assert_found(class->numbers[0].open, 1);
    assert_found(pool->empty[c / 64], UINT64_C(1) << (c % 64));
    assert_found(pool->loose[c / 64], UINT64_C(1) << (c % 64));
    assert_found(pool->loose[0], 1);
    assert_found(pool->empty_bytes, 4096);
    assert_found(pool->statistics.slots_taken, 1);
    assert_found(pool->statistics.slots_pinned, 1);
    assert_found(pool->statistics.requested_bytes, 1);
    assert_found(pool->statistics.slot_bytes, 1);
    assert_found(pool->statistics.free_bytes, 1);
    assert_found(pool->statistics.block_bytes, 1);
    assert_found(pool->statistics.blocks, 1);
#undef assert_found
    cg_pools_free(pools);
}

/* Goal: the hash tells states apart that differ in what is taken, where it lies, or what comes. */
static void test_hash(void **state) {
    (void)state;
    cg_pools *left = make_pools(65536, 65536);
    cg_pools *right = make_pools(65536, 65536);
    assert_true(cg_pools_hash(left) == cg_pools_hash(right));
    uint64_t slot = take(left, 1, 100);
    assert_true(cg_pools_hash(left) != cg_pools_hash(right));
    assert_true(take(right, 1, 101) == slot);
    assert_true(cg_pools_hash(left) != cg_pools_hash(right)); /* another size */
    cg_error error = {0};
    assert_ok(cg_pools_resize(right, slot, 100, &error), error);
    assert_true(cg_pools_hash(left) == cg_pools_hash(right));
    assert_ok(cg_pools_pin(right, slot, &error), error);
    assert_true(cg_pools_hash(left) == cg_pools_hash(right)); /* pins are a host's own */
    give(right, take(right, 1, 5000));
    cg_pools_defragment(right, 0, NULL, NULL);
    assert_true(cg_pools_hash(left) != cg_pools_hash(right)); /* a generation more was used */
    cg_pools_free(left);
    cg_pools_free(right);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_moves), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_turns),       cmocka_unit_test(test_pinned_slots_stay),
        cmocka_unit_test(test_check_finds), cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
