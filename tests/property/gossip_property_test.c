/* Goal: hosts that gossip end with the same edges, soon after a heal, under loss, duplication,
 * reordering, crashes and lost disks; no acknowledged change is lost while a disk has it; removals
 * are forgotten once all have heard, and not before; a quiet round is cheap; bad messages and
 * failing memory leave no trace. (Spec F7, CL-46.) */
#include "tests/support/gossip_net.h"

enum { PROGRAMS = 40 };

/* Both sides of a partition go on for 10 s; nobody is told of the heal. */
static void all_agree_soon_after_a_heal(void **state) {
    (void)state;
    uint64_t seed = support_seed(7101);
    static const uint32_t sizes[] = {2, 5, 16, 64};
    print_message("hosts loss%% seconds-worst seconds-mean bytes-a-quiet-period-and-host\n");
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (uint64_t loss = 0; loss <= 20; loss += 20) {
            uint64_t worst = 0;
            uint64_t sum = 0;
            uint64_t runs = sizes[i] > 16 ? 3 : 20;
            uint64_t quiet = 0;
            for (uint64_t run = 0; run < runs; run++) {
                world *w = make_world(seed + run, sizes[i], 0);
                w->loss_percent = loss;
                split(w, 2);
                for (uint32_t change = 0; change < 100; change++) {
                    run_until(w, w->now_ns + 100 * ms);
                    uint32_t host = (uint32_t)below(w, w->hosts);
                    if (below(w, 4) || !remove_edge(w, host, below(w, 20))) {
                        uint64_t to = below(w, 20);
                        observe(w, host, to, (uint8_t)below(w, 256));
                    }
                }
                run_until(w, w->now_ns + 10 * ms);
                split(w, 1);
                uint64_t took = converge(w);
                worst = took > worst ? took : worst;
                sum += took;
                run_until(w, w->now_ns + 100 * second);
                uint64_t before = w->bytes;
                run_until(w, w->now_ns + 10 * second);
                quiet += (w->bytes - before) / 10 / w->hosts;
                free_world(w);
            }
            print_message("%u %llu %.1f %.1f %llu\n", sizes[i], (unsigned long long)loss,
                          (double)worst / (double)second,
                          (double)sum / (double)runs / (double)second,
                          (unsigned long long)(quiet / runs));
        }
    }
}

/* Crashes, lost disks, loss, stragglers and duplicates, and small parts; then a heal. What was
 * durable on a disk that was never lost is in the sums. */
static void nothing_durable_is_lost_or_counted_twice(void **state) {
    (void)state;
    uint64_t seed = support_seed(7102);
    uint64_t totals[6] = {0};
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        uint32_t hosts = 2 + (uint32_t)(program % 5);
        world *w = make_world(seed + program, hosts, program % 2 ? 1024 : 0);
        w->loss_percent = below(w, 30);
        w->duplicate_percent = below(w, 30);
        for (uint32_t i = 0; i < 300; i++) {
            run_until(w, w->now_ns + below(w, 200) * ms);
            uint32_t host = (uint32_t)below(w, hosts);
            uint64_t drawn = below(w, 100);
            if (!w->nodes[host].is_up) {
                boot(w, host);
            } else if (drawn < 60) {
                observe(w, host, 1000 * (host + 1) + w->nodes[host].life, 200);
                uint64_t to = below(w, 80);
                observe(w, host, to, (uint8_t)below(w, 256));
            } else if (drawn < 90) {
                remove_edge(w, host, below(w, 80));
            } else if (drawn < 94) {
                split(w, 1 + (uint32_t)below(w, 3));
            } else if (drawn < 98) {
                crash(w, host, false);
            } else if (program % 3 == 0) {
                crash(w, host, true);
                totals[0]++;
            }
        }
        run_until(w, w->now_ns + 100 * ms);
        uint64_t kept[HOSTS_MAX] = {0}; /* confidence in the edges that each host alone makes */
        for (uint32_t host = 0; host < hosts; host++) {
            if (!w->nodes[host].is_up) {
                boot(w, host);
            }
            cg_edge_view view = {0};
            cg_edge_key key = {.from = 1, .to = 2 + 1000 * (host + 1) + w->nodes[host].life};
            cg_edge_set_get(w->nodes[host].set, key, &view);
            kept[host] = view.confidence;
        }
        split(w, 1);
        w->loss_percent = 0;
        w->duplicate_percent = 0;
        converge(w);
        for (uint32_t host = 0; host < hosts; host++) {
            cg_edge_view view = {0};
            cg_edge_key key = {.from = 1, .to = 2 + 1000 * (host + 1) + w->nodes[host].life};
            bool exists = cg_edge_set_get(w->nodes[(host + 1) % hosts].set, key, &view);
            assert_int_equal(view.confidence, kept[host]);
            assert_true(!exists || view.weight == 200);
        }
        for (uint32_t host = 0; host < hosts; host++) {
            cg_gossip_statistics counted = cg_gossip_statistics_now(w->nodes[host].gossip);
            totals[1] += counted.transfers;
            totals[2] += counted.abandoned;
            totals[3] += counted.duplicates + counted.ignored;
            totals[4] += counted.collected;
        }
        totals[5] += w->passed_over;
        free_world(w);
    }
    print_message(
        "disks lost %llu; since the last boots: transfers in parts %llu, abandoned %llu, "
        "messages not needed %llu, resets collected %llu; deltas passed over %llu\n",
        (unsigned long long)totals[0], (unsigned long long)totals[1],
        (unsigned long long)totals[2], (unsigned long long)totals[3],
        (unsigned long long)totals[4], (unsigned long long)totals[5]);
}

/* One host is away while the others remove: they keep what they know until it has heard. */
static void a_removal_waits_for_the_last_host(void **state) {
    (void)state;
    world *w = make_world(support_seed(7103), 5, 0);
    for (uint64_t to = 0; to < 10; to++) {
        observe(w, (uint32_t)(to % 5), to, 100);
    }
    run_until(w, 20 * second);
    assert_int_equal(cg_edge_set_count(w->nodes[4].set), 10);
    w->side[4] = 1;
    for (uint64_t to = 0; to < 10; to++) {
        assert_true(remove_edge(w, 0, to));
    }
    run_until(w, 80 * second);
    for (uint32_t host = 0; host < 4; host++) {
        assert_int_equal(cg_edge_set_count(w->nodes[host].set), 0);
        assert_int_equal(cg_edge_set_tombstones(w->nodes[host].set), 10);
    }
    assert_int_equal(cg_edge_set_count(w->nodes[4].set), 10);
    w->side[4] = 0;
    converge(w);
    assert_int_equal(cg_edge_set_count(w->nodes[4].set), 0);
    run_until(w, w->now_ns + 40 * second);
    for (uint32_t host = 0; host < 5; host++) {
        assert_int_equal(cg_edge_set_tombstones(w->nodes[host].set), 0);
    }
    /* A host that comes back under a new life gets a whole state, since its peers have forgotten. */
    observe(w, 0, 50, 9);
    run_until(w, w->now_ns + 20 * second);
    crash(w, 3, true);
    boot(w, 3);
    converge(w);
    assert_int_equal(cg_edge_set_count(w->nodes[3].set), 1);
    free_world(w);
}

/* A change that was made before its author heard of the removal, and is durable after all others
 * have: it holds what was removed, so the reset must still be there when it comes. */
static void a_reset_waits_for_changes_on_their_way(void **state) {
    (void)state;
    world *w = make_world(support_seed(7105), 3, 0);
    observe(w, 1, 0, 100);
    run_until(w, 10 * second);
    cg_error error = {0};
    cg_edge_record record = {0};
    cg_edge_key key = {.from = 1, .to = 2};
    assert_ok(cg_edge_set_observe(w->nodes[1].set, key, 30, 77, &record, &error), error);
    uint8_t kept[256];
    size_t kept_bytes = record.size_bytes;
    assert_true(kept_bytes <= sizeof kept);
    memcpy(kept, record.bytes, kept_bytes);
    assert_true(remove_edge(w, 0, 0));
    run_until(w, 60 * second);
    for (uint32_t host = 0; host < 3; host++) {
        assert_int_equal(cg_edge_set_tombstones(w->nodes[host].set), 1);
    }
    assert_ok(write_record(&w->nodes[1], kept, kept_bytes), error);
    run_until(w, 61 * second);
    converge(w);
    for (uint32_t host = 0; host < 3; host++) {
        cg_edge_view view = {0};
        assert_true(cg_edge_set_get(w->nodes[host].set, key, &view));
        assert_int_equal(view.confidence, 77);
        assert_int_equal(view.weight, 30);
    }
    free_world(w);
}

/* A peer that has not seen what was collected gets all, though it knows what the first part has. */
static void a_whole_delta_may_begin_with_what_is_known(void **state) {
    (void)state;
    world *w = make_world(support_seed(7106), 2, 1024);
    cg_error error = {0};
    cg_edge_set *third = NULL;
    cg_edge_set_options options = {.replica = cg_replica_id_of(1, 7)};
    assert_ok(cg_edge_set_alloc(&options, cg_allocator_heap(), &third, &error), error);
    cg_edge_set *sets[] = {w->nodes[0].set, w->nodes[1].set};
    for (uint64_t i = 0; i < 62; i++) {
        cg_edge_set *author = i < 2 ? third : sets[0];
        cg_edge_key key = {.from = 1, .to = i < 2 ? 2 : 100 + i};
        cg_edge_record record = {0};
        assert_ok(i == 1 ? cg_edge_set_remove(author, key, &record, &error)
                         : cg_edge_set_observe(author, key, 5, 5, &record, &error),
                  error);
        cg_edge_set *hearers[] = {author, sets[i < 2 ? 0 : 1]};
        uint8_t kept[256];
        size_t kept_bytes = record.size_bytes;
        assert_true(kept_bytes <= sizeof kept);
        memcpy(kept, record.bytes, kept_bytes);
        assert_ok(cg_edge_set_apply(hearers[0], kept, kept_bytes, &error), error);
        assert_ok(cg_edge_set_apply(hearers[1], kept, kept_bytes, &error), error);
    }
    cg_version_vector passed;
    cg_version_vector_init(&passed, cg_allocator_heap());
    assert_ok(cg_edge_set_vector(sets[0], &passed, &error), error);
    assert_int_equal(cg_edge_set_collect(sets[0], &passed, &options.replica, 1), 1);
    assert_true(converge(w) < 10 * second);
    cg_version_vector_deinit(&passed);
    cg_edge_set_free(third);
    free_world(w);
}

/* Whatever bytes come: a status, and nothing changed unless it is fine. */
static void bad_messages_leave_no_trace(void **state) {
    (void)state;
    world *w = make_world(support_seed(7104), 3, 1024);
    for (uint64_t to = 0; to < 60; to++) {
        observe(w, (uint32_t)(to % 2), to, (uint8_t)to);
    }
    uint32_t refused = 0;
    while (w->now_ns < 5 * second) {
        event *next = w->heap[0];
        node *self = &w->nodes[next->to];
        for (uint32_t i = 0; i < 60 && next->kind == MESSAGE; i++) {
            uint8_t *bytes = malloc(next->size_bytes + 1);
            assert_non_null(bytes);
            memcpy(bytes, next->bytes, next->size_bytes);
            bool cuts = i % 2;
            size_t size_bytes = cuts ? below(w, next->size_bytes) : next->size_bytes;
            bytes[below(w, next->size_bytes)] ^= (uint8_t)(cuts ? 0 : 1 + below(w, 255));
            cg_edge_set *set = self->set;
            uint64_t before = cg_edge_set_hash(set, CG_EDGE_HASH_ALL);
            cg_edge_delta delta;
            cg_error error = {0};
            cg_status status = CG_OK;
            if (next->type == CG_GOSSIP_DELTA && size_bytes >= 8) {
                status = cg_edge_delta_open(bytes + 8, size_bytes - 8, &delta, &error);
            }
            if (cuts || status != CG_OK) {
                cg_gossip_message message = {next->from, next->type, bytes, size_bytes};
                uint64_t messages = w->messages;
                status = cg_gossip_receive(self->gossip, &message, w->now_ns, &error);
                assert_true(status == CG_ERROR_CORRUPT || status == CG_ERROR_VERSION);
                assert_int_equal(w->messages, messages);
                assert_int_equal(cg_edge_set_hash(set, CG_EDGE_HASH_ALL), before);
                refused++;
            }
            free(bytes);
        }
        step(w);
    }
    cg_error error = {0};
    cg_gossip_message stranger = {.from = 3, .type = CG_GOSSIP_DIGEST};
    assert_status(cg_gossip_receive(w->nodes[0].gossip, &stranger, 0, &error), CG_ERROR_CORRUPT,
                  error, "host 3");
    stranger = (cg_gossip_message){.from = 1, .type = 9};
    assert_status(cg_gossip_receive(w->nodes[0].gossip, &stranger, 0, &error), CG_ERROR_CORRUPT,
                  error, "type 9");
    assert_true(refused > 100);
    converge(w);
    free_world(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_agree_soon_after_a_heal),
        cmocka_unit_test(nothing_durable_is_lost_or_counted_twice),
        cmocka_unit_test(a_removal_waits_for_the_last_host),
        cmocka_unit_test(a_reset_waits_for_changes_on_their_way),
        cmocka_unit_test(a_whole_delta_may_begin_with_what_is_known),
        cmocka_unit_test(bad_messages_leave_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
