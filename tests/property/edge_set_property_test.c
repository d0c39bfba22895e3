/* Goal: what a replica shows is what the definition says of the changes that it has seen, whatever
 * came in which order, how often and by which way: records, deltas in parts, whole states; through
 * crashes, lost disks and collections. Joining is commutative, associative and idempotent. Bad
 * bytes and failing memory leave no trace. (Spec F6.) */
#include "tests/support/edge_world.h"

enum { ORDERS = 5 };

/* Random programs; what they met is printed. */
static void every_interleaving_shows_what_is_defined(void **state) {
    (void)state;
    uint64_t seed = support_seed(7001);
    uint32_t totals[6] = {0};
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        world *w = make_world(seed, program);
        for (uint32_t i = 0; i < STEPS; i++) {
            step(w);
        }
        settle_all(w);
        uint32_t met[6] = {w->lags, w->wholes, w->parts, w->collected, w->crashes, w->losses};
        for (uint32_t i = 0; i < 6; i++) {
            totals[i] += met[i];
        }
        free_world(w);
    }
    print_message("refused as too early %u, whole deltas %u, parts %u, resets collected %u, "
                  "restarts %u, disks lost %u\n",
                  totals[0], totals[1], totals[2], totals[3], totals[4], totals[5]);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(totals[i] > 0);
    }
}

static cg_edge_set *make_set(cg_replica_id replica) {
    cg_edge_set *set = NULL;
    cg_error error = {0};
    cg_edge_set_options options = {.replica = replica};
    assert_ok(cg_edge_set_alloc(&options, cg_allocator_heap(), &set, &error), error);
    return set;
}

/* into = into joined with all of `from`. */
static void join_sets(cg_edge_set *into, cg_edge_set *from) {
    cg_error error = {0};
    cg_version_vector nothing;
    cg_version_vector_init(&nothing, cg_allocator_heap());
    cg_edge_delta_wanted wanted = {.seen = &nothing, .transfer = 1, .bytes_max = no_limit};
    cg_edge_record record = {0};
    assert_ok(cg_edge_set_delta(from, &wanted, &record, &error), error);
    if (record.size_bytes > 0) {
        assert_ok(cg_edge_set_apply(into, record.bytes, record.size_bytes, &error), error);
    }
}

static uint64_t hash_of(const cg_edge_set *set) {
    return cg_edge_set_hash(set, CG_EDGE_HASH_STATE);
}

static cg_edge_set *joined(cg_edge_set *a, cg_edge_set *b, cg_edge_set *c) {
    cg_edge_set *made = make_set(cg_replica_id_of(99, 99));
    cg_edge_set *order[] = {a, b, c};
    for (uint32_t i = 0; i < 3; i++) {
        if (order[i]) {
            join_sets(made, order[i]);
        }
    }
    return made;
}

static void joining_is_a_semilattice(void **state) {
    (void)state;
    uint64_t seed = support_seed(7002);
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        world *w = make_world(seed, program);
        for (uint32_t i = 0; i < STEPS / 2; i++) {
            step(w);
        }
        cg_edge_set *a = w->lives[w->now[below(w, w->hosts)]].set;
        cg_edge_set *b = w->lives[w->now[below(w, w->hosts)]].set;
        cg_edge_set *c = w->lives[w->now[below(w, w->hosts)]].set;
        cg_edge_set *ab = joined(a, b, NULL);
        cg_edge_set *ba = joined(b, a, NULL);
        cg_edge_set *bc = joined(b, c, NULL);
        cg_edge_set *abc[ORDERS] = {joined(ab, c, NULL), joined(a, bc, NULL), joined(c, ba, ab),
                                    joined(a, b, c), joined(ab, bc, a)};
        assert_int_equal(hash_of(ab), hash_of(ba));
        for (uint32_t i = 1; i < ORDERS; i++) {
            assert_int_equal(hash_of(abc[i]), hash_of(abc[0]));
            assert_int_equal(cg_edge_set_hash(abc[i], CG_EDGE_HASH_VISIBLE),
                             cg_edge_set_hash(abc[0], CG_EDGE_HASH_VISIBLE));
        }
        uint64_t before = cg_edge_set_hash(ab, CG_EDGE_HASH_ALL);
        join_sets(ab, ba);
        join_sets(ab, ab);
        assert_int_equal(cg_edge_set_hash(ab, CG_EDGE_HASH_ALL), before);
        cg_edge_set_free(ab);
        cg_edge_set_free(ba);
        cg_edge_set_free(bc);
        for (uint32_t i = 0; i < ORDERS; i++) {
            cg_edge_set_free(abc[i]);
        }
        free_world(w);
    }
}

static message observe(cg_edge_set *set, uint32_t edge, uint8_t weight, uint32_t confidence) {
    cg_edge_record record = {0};
    cg_error error = {0};
    assert_ok(cg_edge_set_observe(set, key_of(edge), weight, confidence, &record, &error),
              error);
    message made = copy_of(record.bytes, record.size_bytes, 0);
    assert_ok(cg_edge_set_apply(set, made.bytes, made.size_bytes, &error), error);
    return made;
}

static message remove_edge(cg_edge_set *set, uint32_t edge) {
    cg_edge_record record = {0};
    cg_error error = {0};
    assert_ok(cg_edge_set_remove(set, key_of(edge), &record, &error), error);
    message made = copy_of(record.bytes, record.size_bytes, 0);
    assert_ok(cg_edge_set_apply(set, made.bytes, made.size_bytes, &error), error);
    return made;
}

static void deliver(cg_edge_set *set, message made) {
    cg_error error = {0};
    assert_ok(cg_edge_set_apply(set, made.bytes, made.size_bytes, &error), error);
}

static uint32_t weight_at(const cg_edge_set *set, uint32_t edge) {
    cg_edge_view view = {0};
    return cg_edge_set_get(set, key_of(edge), &view) ? view.weight : UINT32_MAX;
}

/* The known values of edge_join.c. */
static void known_values(void **state) {
    (void)state;
    cg_edge_set *a = make_set(cg_replica_id_of(0, 1));
    cg_edge_set *b = make_set(cg_replica_id_of(1, 1));
    message of_a = observe(a, 0, 200, CG_EDGE_CONFIDENCE_ONE);
    message of_b = observe(b, 0, 100, CG_EDGE_CONFIDENCE_ONE / 2);
    assert_int_equal(weight_at(a, 0), 200);
    for (uint32_t again = 0; again < 3; again++) { /* counts once */
        deliver(a, of_b);
        deliver(b, of_a);
        assert_int_equal(weight_at(a, 0), 167);
        assert_int_equal(weight_at(b, 0), 167);
    }
    /* At the same time a removes and b observes: what b adds survives, and only that. */
    message removal = remove_edge(a, 0);
    message late = observe(b, 0, 7, 5);
    assert_int_equal(weight_at(a, 0), UINT32_MAX);
    deliver(a, late);
    deliver(b, removal);
    assert_int_equal(weight_at(a, 0), 7);
    assert_int_equal(weight_at(b, 0), 7);
    assert_int_equal(hash_of(a), hash_of(b));
    /* b loses its disk: under a new life it gets its old part back, and adds to it. */
    cg_edge_set_free(b);
    b = make_set(cg_replica_id_of(1, 2));
    join_sets(b, a);
    message new_life = observe(b, 0, 9, 5);
    deliver(a, new_life);
    assert_int_equal(weight_at(a, 0), 8);
    assert_int_equal(hash_of(a), hash_of(b));
    /* One that lost changes and kept its life is told so. */
    cg_edge_set *old = make_set(cg_replica_id_of(1, 2));
    cg_edge_set_open(old);
    cg_error error = {0};
    deliver(old, of_a);
    assert_status(cg_edge_set_apply(old, new_life.bytes, new_life.size_bytes, &error),
                  CG_ERROR_CONFLICT, error, "new life");
    message all[] = {of_a, of_b, removal, late, new_life};
    for (uint32_t i = 0; i < 5; i++) {
        free(all[i].bytes);
    }
    cg_edge_set_free(a);
    cg_edge_set_free(b);
    cg_edge_set_free(old);
}

static cg_status offer(cg_edge_set *set, message made) {
    return cg_edge_set_apply(set, made.bytes, made.size_bytes, NULL);
}

/* Observations that begin afresh after a removal are not shown before it. */
static void fresh_sums_wait_for_the_removal(void **state) {
    (void)state;
    cg_edge_set *a = make_set(cg_replica_id_of(0, 1));
    cg_edge_set *b = make_set(cg_replica_id_of(1, 1));
    cg_edge_set *c = make_set(cg_replica_id_of(2, 1));
    message first = observe(a, 0, 200, 10);
    deliver(b, first);
    message removal = remove_edge(b, 0);
    deliver(a, removal);
    message fresh = observe(a, 0, 50, 10);
    assert_int_equal(offer(c, removal), CG_ERROR_LAG);
    deliver(c, first);
    assert_int_equal(offer(c, fresh), CG_ERROR_LAG);
    assert_int_equal(weight_at(c, 0), 200);
    deliver(c, removal);
    deliver(c, fresh);
    assert_int_equal(weight_at(c, 0), 50);
    assert_int_equal(hash_of(c), hash_of(a));
    message all[] = {first, removal, fresh};
    for (uint32_t i = 0; i < 3; i++) {
        free(all[i].bytes);
    }
    cg_edge_set_free(a);
    cg_edge_set_free(b);
    cg_edge_set_free(c);
}

/* What a lost life had observed may still come, so a reset of it is not collected. */
static void resets_of_a_lost_life_stay(void **state) {
    (void)state;
    cg_edge_set *lost = make_set(cg_replica_id_of(0, 1));
    cg_edge_set *b = make_set(cg_replica_id_of(1, 1));
    message first = observe(lost, 0, 200, 10);
    message straggler = observe(lost, 0, 100, 10);
    deliver(b, first);
    message removal = remove_edge(b, 0);
    cg_version_vector passed;
    cg_error error = {0};
    cg_version_vector_init(&passed, cg_allocator_heap());
    assert_ok(cg_edge_set_vector(b, &passed, &error), error);
    cg_replica_id members[] = {cg_replica_id_of(1, 1)};
    assert_int_equal(cg_edge_set_collect(b, &passed, members, 1), 0);
    assert_int_equal(cg_edge_set_tombstones(b), 1);
    deliver(b, straggler);
    assert_int_equal(weight_at(b, 0), 100);
    cg_version_vector_deinit(&passed);
    free(first.bytes);
    free(straggler.bytes);
    free(removal.bytes);
    cg_edge_set_free(lost);
    cg_edge_set_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(fresh_sums_wait_for_the_removal),
        cmocka_unit_test(resets_of_a_lost_life_stay),
        cmocka_unit_test(every_interleaving_shows_what_is_defined),
        cmocka_unit_test(joining_is_a_semilattice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
