/* Goal: a load of several memory spaces is that of each laid over the others: the requests of a
 * space are those that it would have alone, each refers to its own space's requests, and the
 * figures of the spaces add up to those of all. Shares that are none are refused with a sentence
 * that says what would be right. Real input: the files of Debian's wordnet-base.
 */
#include "sim/scenario/share_list.h"
#include "sim/workload/workload.h"
#include "tests/support/points.h"

/* --- shares ------------------------------------------------------------------------------- */

static void test_shares(void **state) {
    (void)state;
    uint32_t shares[SIM_SPACES_MAX] = {0};
    cg_error error = {0};
    assert_ok(sim_share_list_read("equal", 3, 0, shares, &error), error);
    assert_true(shares[0] == 1 && shares[1] == 1 && shares[2] == 1);
    assert_ok(sim_share_list_read("8:0:1000000", 3, 0, shares, &error), error);
    assert_true(shares[0] == 8 && shares[1] == 0 && shares[2] == 1000000);
    static const char *const wrong[] = {
        "",        "1",         "1:2",         "1:2:3:4",
        "1:2:",    ":1:2",      "1::2",        "1:2:x",
        "1:2:3 ",  "1,2,3",     "0:0:0",       "-1:1:1",
        "1:1:1.5", "equal:1:1", "1:1:1000001", "1:1:99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        shares[0] = 77;
        assert_status(sim_share_list_read(wrong[i], 3, 0, shares, &error), CG_ERROR_INVALID,
                      error, "a share for each of the 3 spaces");
        assert_int_equal(shares[0], 77);
    }
    assert_status(sim_share_list_read("1:0", 2, 1, shares, &error), CG_ERROR_INVALID, error,
                  "whole numbers from 1 to 1000000");
    const uint32_t uneven[] = {1, 0, 2, 4};
    for (uint64_t total = 0; total < 50; total++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < 4; i++) {
            uint64_t part = sim_share_of(total, uneven, 4, i);
            uint64_t exact = total * uneven[i];
            assert_true(part * 7 <= exact + 7 && exact <= part * 7 + 7);
            sum += part;
        }
        assert_int_equal(sum, total);
        assert_int_equal(sim_share_of(total, uneven, 4, 1), 0);
    }
}

static void test_options(void **state) {
    (void)state;
    static const struct {
        const char *settings[5];
        const char *says;
    } cases[] = {
        {{"engine.spaces", "2", "load.spaces", "1:2:3"},
         "load.spaces: \"1:2:3\" is not \"equal\", nor a share for each of the 2 spaces"},
        {{"engine.spaces", "2", "engine.pools.shares", "0:1"},
         "engine.pools.shares: \"0:1\" is not \"equal\", nor a share for each of the 2 spaces "
         "with colons between: whole numbers from 1 to 1000000, not all 0"},
        {{"load.spaces", "1:2"}, "nor a share for each of the 1 spaces"},
        {{"engine.spaces", "64", "cluster.hosts", "1025"},
         "64 spaces on 1025 hosts have 65600 partitions; at most 65536"},
        {{"engine.spaces", "2", "load.order", "related"}, "load.order related"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static sim_options options;
        cg_error error = {0};
        sim_options_default(&options);
        for (int j = 0; j < 4 && cases[i].settings[j]; j += 2) {
            assert_ok(sim_options_set(&options, cases[i].settings[j], cases[i].settings[j + 1],
                                      &error),
                      error);
        }
        assert_status(sim_options_check(&options, &error), CG_ERROR_INVALID, error,
                      cases[i].says);
    }
    static sim_options recorded;
    cg_error error = {0};
    sim_options_default(&recorded);
    recorded.engine.spaces = 2;
    recorded.load.arrival = SIM_ARRIVAL_RECORDED;
    snprintf(recorded.load.arrival_file, sizeof recorded.load.arrival_file, "times.csv");
    assert_status(sim_options_check(&recorded, &error), CG_ERROR_INVALID, error,
                  "recorded arrivals do not say which space they are of");
}

/* --- plans -------------------------------------------------------------------------------- */

enum { QUIET = 2000 };

static cg_status plan_of(const char *shares, uint32_t spaces, uint32_t parts,
                         cg_allocator allocator, sim_workload *out, cg_error *error) {
    static sim_options options;
    sim_options_default(&options);
    sim_load_options load = options.load;
    load.facts = 500;
    load.requests = QUIET * parts;
    load.rate_hz = 1024.0 * parts;
    load.repeat = SIM_REPEAT_POPULARITY;
    load.recall = 0.4;
    load.deallocate = 0.1;
    load.batch = 0.05;
    load.batch_size = 5;
    load.keys = 3;
    load.chain = 0.5;
    load.clients = 4;
    load.audits = 40 * parts;
    load.labels = 16 * parts;
    snprintf(load.spaces, sizeof load.spaces, "%s", shares);
    sim_workload_input input = {
        .load = &load, .facts = 500, .keys = 3000, .hosts = 4, .spaces = spaces, .seed = 11};
    return sim_workload_plan(&input, allocator, out, error);
}

static sim_workload planned(const char *shares, uint32_t spaces, uint32_t parts) {
    sim_workload workload;
    cg_error error = {0};
    assert_ok(plan_of(shares, spaces, parts, cg_allocator_heap(), &workload, &error), error);
    assert_int_equal(workload.count, QUIET * parts);
    return workload;
}

static void assert_same_request(const sim_workload *all, const sim_request_plan *one,
                                const sim_workload *alone, const sim_request_plan *two) {
    assert_true(one->at_ns == two->at_ns);
    assert_int_equal(one->kind, two->kind);
    assert_int_equal(one->fact, two->fact);
    assert_int_equal(one->host, two->host);
    assert_int_equal(one->hops, two->hops);
    assert_int_equal(one->priority, two->priority);
    assert_int_equal(one->audit, two->audit);
    assert_int_equal(one->labelled, two->labelled);
    assert_int_equal(one->fact_count, two->fact_count);
    assert_int_equal(one->key_count, two->key_count);
    for (uint32_t i = 0; i < one->fact_count; i++) {
        assert_int_equal(all->facts[one->first_fact + i], alone->facts[two->first_fact + i]);
    }
    for (uint32_t i = 0; i < one->key_count; i++) {
        assert_true(all->keys[one->first_key + i] == alone->keys[two->first_key + i]);
    }
}

/* Goal: whatever the neighbours do, the first space has the requests that it has alone; and each
 * space's removals take back what it allocated itself. Rates are powers of two, so that shares of
 * them are exact. */
static void test_plans(void **state) {
    (void)state;
    static const struct {
        const char *shares;
        uint32_t spaces;
        uint32_t parts;
    } cases[] = {{"1:0", 2, 1}, {"1:1", 2, 2}, {"equal", 4, 4}, {"1:4:3", 3, 8}};
    sim_workload alone = planned("equal", 1, 1);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const uint32_t spaces = cases[c].spaces;
        sim_workload all = planned(cases[c].shares, spaces, cases[c].parts);
        uint32_t own = 0;
        uint32_t *place_alone = calloc(all.count, sizeof *place_alone);
        assert_non_null(place_alone);
        for (uint32_t i = 0; i < all.count; i++) {
            const sim_request_plan *request = &all.requests[i];
            assert_true(i == 0 || request->at_ns >= request[-1].at_ns);
            assert_in_range(request->space, 0, spaces - 1);
            assert_int_equal(request->client % spaces, request->space);
            assert_in_range(request->client / spaces, 0, 3);
            if (request->kind == SIM_REQUEST_DEALLOCATE) {
                const sim_request_plan *target = &all.requests[request->target];
                assert_true(request->target < i && target->kind == SIM_REQUEST_ALLOCATE);
                assert_int_equal(target->space, request->space);
            }
            if (request->space == 0) {
                place_alone[i] = own;
                const sim_request_plan *expected = &alone.requests[own++];
                assert_same_request(&all, request, &alone, expected);
                assert_int_equal(request->client / spaces, expected->client);
                if (request->kind == SIM_REQUEST_DEALLOCATE) {
                    assert_int_equal(place_alone[request->target], expected->target);
                }
            }
        }
        assert_int_equal(own, QUIET);
        free(place_alone);
        sim_workload_deinit(&all);
    }
    sim_workload_deinit(&alone);
}

static void test_memory(void **state) {
    (void)state;
    cg_status status = CG_ERROR_MEMORY;
    for (uint64_t n = 1; status != CG_OK; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        sim_workload workload;
        cg_error error = {0};
        status = plan_of("1:2", 2, 3, cg_counting_allocator_view(&counting), &workload, &error);
        if (status == CG_OK) {
            assert_true(n > 10);
            sim_workload_deinit(&workload);
        } else {
            assert_int_equal(status, CG_ERROR_MEMORY);
        }
        assert_int_equal(counting.live_blocks, 0);
    }
}

/* --- whole points ------------------------------------------------------------------------- */

static uint64_t sum_over(const char *text, const char *name, uint32_t spaces) {
    uint64_t sum = 0;
    for (uint32_t space = 1; space <= spaces; space++) {
        char full[64];
        snprintf(full, sizeof full, "%s.space%u", name, space);
        sum += point_total(text, full);
    }
    return sum;
}

/* Goal: on two hosts with three spaces, of which one is silent, the run is sound (the point fails
 * where an invariant is broken), and its figures by space add up. */
static void test_point(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {"graph.nodes",
                                    "500",
                                    "graph.held_out",
                                    "40",
                                    "engine.dims",
                                    "32",
                                    "engine.index",
                                    "flat",
                                    "engine.training",
                                    "0",
                                    "cluster.hosts",
                                    "2",
                                    "engine.spaces",
                                    "3",
                                    "load.spaces",
                                    "1:0:3",
                                    "load.requests",
                                    "400",
                                    "load.facts",
                                    "40",
                                    "load.repeat",
                                    "popularity",
                                    "load.deallocate",
                                    "0.2",
                                    "load.recall",
                                    "0.2",
                                    "load.rate",
                                    "2K",
                                    "load.audits",
                                    "0",
                                    "engine.cache.entries",
                                    "300",
                                    NULL};
    point_options(&chosen, settings);
    sim_ground *ground = point_ground(&chosen);
    uint64_t bare = 0;
    char *text = point_run(&chosen, ground, SIM_LOOP_BARE, &bare);
    assert_int_equal(point_total(text, "requests.space1"), 100);
    assert_int_equal(point_total(text, "requests.space2"), 0);
    assert_int_equal(point_total(text, "requests.space3"), 300);
    assert_int_equal(sum_over(text, "requests.answered", 3),
                     point_total(text, "requests.answered"));
    assert_int_equal(sum_over(text, "requests.shed", 3), 0);
    assert_int_equal(sum_over(text, "requests.full", 3), 0);
    assert_int_equal(sum_over(text, "pool.slots", 3), point_total(text, "pool.slots"));
    assert_int_equal(sum_over(text, "facts.stored", 3),
                     point_total(text, "operations.allocate"));
    assert_int_equal(sum_over(text, "facts.removed", 3),
                     point_total(text, "operations.deallocate"));
    for (uint32_t space = 1; space <= 3; space += 2) {
        char name[32];
        snprintf(name, sizeof name, "latency.space%u", space);
        cg_histogram latency = point_histogram(text, name, "ns");
        snprintf(name, sizeof name, "requests.answered.space%u", space);
        assert_int_equal(latency.total, point_total(text, name));
        cg_histogram_deinit(&latency);
    }
    assert_null(point_line(text, "histogram", "latency.space2", "ns"));
    assert_null(point_line(text, "metric", "pool.utilisation.space2", "share"));
    assert_true(point_figure(text, "pool.utilisation.space3", "share") > 0.0);
    assert_true(point_figure(text, "cache.hits.space3", "share") > 0.0);
    free(text);
    chosen.engine.spaces = 1;
    snprintf(chosen.load.spaces, sizeof chosen.load.spaces, "equal");
    uint64_t one = 0;
    text = point_run(&chosen, ground, SIM_LOOP_BARE, &one);
    assert_true(one != bare);
    assert_null(strstr(text, ".space"));
    free(text);
    sim_ground_free(ground);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares), cmocka_unit_test(test_options),
        cmocka_unit_test(test_plans),  cmocka_unit_test(test_memory),
        cmocka_unit_test(test_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
