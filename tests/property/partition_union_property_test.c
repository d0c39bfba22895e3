/* Goal: logs that grew apart have one union, and one state comes of it, in whatever order it is taken in:
 * record by record, from either side's state after a cut to the fork, or after a cut to any place; it has
 * every fact that nobody removed, once, below what a naive count says; and a partition cut to a sequence
 * is the one that never had more. Each allocation on the way can fail. (F5, F9)
 */
#include "tests/support/union_world.h"

static naive_state naive;

typedef struct tally {
    uint64_t records, repeated, removed_twice, orphans, late, slotless, interleaved;
} tally;

static void count(tally *seen, const union_log *log) {
    seen->records += log->count;
    seen->repeated += naive.repeated;
    seen->removed_twice += naive.removed_twice;
    seen->orphans += naive.orphans;
    seen->late += naive.late;
    for (uint32_t i = 1; i < log->count;
         i++) { /* by different sides, and not one after the other */
        seen->interleaved +=
            union_all[log->at[i]].id.replica < union_all[log->at[i - 1]].id.replica;
    }
}

/* As a replica goes over to a union: back to the fork, or further, and on from there. */
static void go_over(cg_partition *partition, const union_log *from, const union_log *to) {
    cg_error error = {0};
    uint32_t fork = union_fork(from, to);
    fork -= union_below(2) ? (uint32_t)union_below(fork + 1) : 0;
    assert_ok(cg_partition_cut(partition, fork, NULL, &error), error);
    assert_int_equal(cg_log_last(partition->log), fork);
    union_append(partition, to, fork);
}

static uint64_t slotless_in(const cg_partition *partition) {
    uint64_t found = 0;
    for (uint64_t sequence = 1; sequence <= partition->applied; sequence++) {
        uint32_t row = 0;
        found += cg_partition_row_of(partition, sequence, &row) &&
                 !cg_partition_is_removed(partition, row) &&
                 cg_partition_slot(partition, sequence) == CG_SLOT_NONE;
    }
    return found;
}

static void check_sound(const cg_partition *partition, uint64_t hash) {
    cg_error error = {0};
    assert_true(cg_partition_hash(partition) == hash);
    naive_check(&naive, partition);
    assert_ok(cg_partition_audit(partition, &error), error);
    assert_int_equal(cg_pools_statistics(partition->pools).slots_taken + slotless_in(partition),
                     naive.live);
}

/* Where slots are scarce facts are held without them, and all else is the same. */
static void check_scarce(const union_log *all, uint64_t hash, tally *seen) {
    cg_pool_options pools = {.quota_bytes = CG_POOL_BLOCK_BYTES};
    cg_partition scarce;
    cg_error error = {0};
    assert_ok(cg_partition_init(&scarce, 3, &corpus, &pools, cg_allocator_heap(), &error),
              error);
    union_append(&scarce, all, 0);
    check_sound(&scarce, hash);
    seen->slotless += slotless_in(&scarce);
    cg_partition_deinit(&scarce);
}

static void check_round(tally *seen) {
    const union_log first = union_of(&union_sides[0].log, &union_sides[1].log);
    const union_log all = union_of(&first, &union_sides[2].log);
    cg_partition fresh;
    make_partition(&fresh, 3);
    union_append(&fresh, &all, 0);
    const uint64_t hash = cg_partition_hash(&fresh);
    naive_fold(&all, all.count, &naive);
    check_sound(&fresh, hash);
    count(seen, &all);
    check_scarce(&all, hash, seen);
    go_over(&fresh, &all, &all); /* to any place, and the same again */
    check_sound(&fresh, hash);
    go_over(&fresh, &all, &union_sides[1].log); /* and to a side's own log, and back */
    assert_true(cg_partition_hash(&fresh) == cg_partition_hash(&union_sides[1].partition));
    go_over(&fresh, &union_sides[1].log, &all);
    check_sound(&fresh, hash);
    cg_partition_deinit(&fresh);
    for (uint32_t k = 0; k < UNION_SIDES; k++) {
        union_side *side = &union_sides[k];
        naive_fold(&side->log, side->log.count, &naive);
        naive_check(&naive, &side->partition);
        const union_log *now = &side->log;
        if (k < 2) { /* first the one, then the other */
            go_over(&side->partition, now, &first);
            now = &first;
        }
        go_over(&side->partition, now, &all);
        naive_fold(&all, all.count, &naive);
        check_sound(&side->partition, hash);
    }
}

static void test_one_state(void **state) {
    (void)state;
    enum { ROUNDS = 25 };
    uint64_t seed = support_seed(91);
    tally seen = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        union_start(seed, round, 4 + (uint32_t)(round % 13), 4 + (uint32_t)(round % 29));
        check_round(&seen);
        union_end();
    }
    print_message(
        "%llu records, %llu of other sides between: %llu repeated, %llu removed twice, "
        "%llu lost their home, %llu found none, %llu without a slot\n",
        (unsigned long long)seen.records, (unsigned long long)seen.interleaved,
        (unsigned long long)seen.repeated, (unsigned long long)seen.removed_twice,
        (unsigned long long)seen.orphans, (unsigned long long)seen.late,
        (unsigned long long)seen.slotless);
    assert_true(seen.repeated > 5 && seen.removed_twice > 5 && seen.orphans > 5);
    assert_true(seen.late > 5 && seen.slotless > 5 && seen.interleaved > 30);
}

/* Goal: cut to each sequence, a partition is the one that was made of so many records: state, log and
 * what is known of it; and it goes on from there as that one. */
static void test_cut_to_every_sequence(void **state) {
    (void)state;
    enum { ROUNDS = 3 };
    uint64_t seed = support_seed(92);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        union_start(seed, round, 10, 14);
        union_log all = union_of(&union_sides[0].log, &union_sides[1].log);
        all = union_of(&all, &union_sides[2].log);
        uint64_t hashes[UNION_RECORDS + 1];
        cg_partition built;
        cg_error error = {0};
        make_partition(&built, 3);
        for (uint32_t i = 0; i <= all.count; i++) {
            hashes[i] = cg_partition_hash(&built);
            if (i < all.count) {
                assert_ok(union_apply(&built, all.at[i], &error), error);
            }
        }
        for (uint32_t i = all.count + 1; i-- > 0;) {
            uint64_t builds = built.builds;
            assert_ok(cg_partition_cut(&built, i, NULL, &error), error);
            assert_int_equal(built.builds, builds + (i < all.count)); /* rows may be others */
            assert_int_equal(cg_log_last(built.log), i);
            assert_int_equal(built.applied, i);
            assert_true(cg_partition_hash(&built) == hashes[i]);
            naive_fold(&all, i, &naive);
            naive_check(&naive, &built);
            union_append(&built, &all, i);
            assert_true(cg_partition_hash(&built) == hashes[all.count]);
        }
        for (uint32_t i = all.count; i-- > 0;) { /* one after the other */
            assert_ok(cg_partition_cut(&built, i, NULL, &error), error);
            assert_true(cg_partition_hash(&built) == hashes[i]);
        }
        assert_ok(cg_partition_audit(&built, &error), error);
        cg_partition_deinit(&built);
        union_end();
    }
}

/* Goal: whichever allocation of a cut and of what is appended after it fails, it is told, nothing leaks;
 * and what is told to be done has the state of one that met no failure. */
static void test_memory(void **state) {
    (void)state;
    tally seen = {0};
    union_log all = {.count = 0};
    uint64_t round = 0;
    do { /* a short log that has facts whose home is taken away */
        if (round > 0) {
            union_end();
        }
        union_start(93, round++, 3, 4);
        all = union_of(&union_sides[0].log, &union_sides[1].log);
        all = union_of(&all, &union_sides[2].log);
        naive_fold(&all, all.count, &naive);
    } while (naive.orphans == 0);
    count(&seen, &all);
    uint32_t fork = union_fork(&union_sides[0].log, &all);
    cg_partition built;
    make_partition(&built, 3);
    union_append(&built, &all, 0);
    const uint64_t hash = cg_partition_hash(&built);
    cg_partition_deinit(&built);
    bool is_done = false;
    uint64_t failures = 0;
    for (uint64_t nth = 1; !is_done; nth++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        make_partition_from(&built, 3, cg_counting_allocator_view(&counting));
        union_append(&built, &union_sides[0].log, 0);
        cg_error error = {0};
        counting.fail_at = counting.calls + nth;
        cg_status status = cg_partition_cut(&built, fork, NULL, &error);
        for (uint32_t i = fork; status == CG_OK && i < all.count; i++) {
            status = union_apply(&built, all.at[i], &error);
        }
        is_done = status == CG_OK && counting.calls < counting.fail_at;
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        assert_true(status == CG_OK || error.message[0] != '\0');
        assert_true(status != CG_OK || cg_partition_hash(&built) == hash);
        failures += status != CG_OK;
        counting.fail_at = 0;
        cg_partition_deinit(&built);
        assert_int_equal(counting.live_bytes, 0);
    }
    print_message("%llu allocations failed\n", (unsigned long long)failures);
    assert_true(failures > 50);
    union_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_state),
        cmocka_unit_test(test_cut_to_every_sequence),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, corpus_set_up, corpus_tear_down);
}
