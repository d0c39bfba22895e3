/* Goal: whatever options a load has, its plan is sound: times ascend, everything that a request
 * names exists, no allocation is deallocated twice or before it, facts that come once come once;
 * it is the same each time; and a longer load begins with the shorter one. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "sim/scenario/load_phase.h"
#include "sim/workload/workload.h"

enum { LOADS = 400, KEYS_MAX = 3000, FACTS_MAX = 4000 };

static double chance(cg_stream *stream) {
    const uint64_t kind = cg_stream_next_below(stream, 4);
    return kind == 0 ? 0.0 : kind == 1 ? 1.0 : cg_stream_next_unit(stream);
}

/* Three shares that add up to 1 at most. */
static void draw_shares(cg_stream *stream, double *a, double *b, double *c) {
    *a = chance(stream);
    *b = (1.0 - *a) * chance(stream);
    *c = (1.0 - *a - *b) * cg_stream_next_unit(stream);
}

static void draw_load(cg_stream *stream, sim_load_options *load) {
    double rest = 0.0;
    load->requests = (uint32_t)cg_stream_next_below(stream, 2000);
    load->facts = 1 + (uint32_t)cg_stream_next_below(stream, FACTS_MAX);
    load->rate_hz = 1.0 + 1e5 * cg_stream_next_unit(stream);
    load->arrival = (sim_arrival)cg_stream_next_below(stream, 3);
    load->start_ns = cg_stream_next_below(stream, 1000000000);
    load->burst = 1.0 + 9.0 * cg_stream_next_unit(stream);
    load->burst_share = cg_stream_next_unit(stream) / load->burst;
    load->burst_period_ns = 1000000 + cg_stream_next_below(stream, 1000000000);
    draw_shares(stream, &load->recall, &load->deallocate, &load->batch);
    draw_shares(stream, &load->urgent, &load->low, &rest);
    load->greedy = chance(stream);
    load->chain = chance(stream);
    load->batch_size = 1 + (uint32_t)cg_stream_next_below(stream, 8);
    load->keys = 1 + (uint32_t)cg_stream_next_below(stream, 20);
    load->keys_spread = (sim_spread)cg_stream_next_below(stream, 2);
    load->hops = (uint32_t)cg_stream_next_below(stream, 17);
    load->clients = 1 + (uint32_t)cg_stream_next_below(stream, 50);
    load->popularity = (sim_law)cg_stream_next_below(stream, 3);
    load->zipf = 4.0 * cg_stream_next_unit(stream);
    load->repeat = (sim_repeat)cg_stream_next_below(stream, 2);
    load->audits = (uint32_t)cg_stream_next_below(stream, 3000);
    load->labels = (uint32_t)cg_stream_next_below(stream, 3000);
    memcpy(load->popularity_file, "tests/support/data/popularity.json",
           sizeof "tests/support/data/popularity.json");
}

static void draw_phase(cg_stream *stream, sim_load_phase *phase) {
    *phase = (sim_load_phase){.at_ns = phase->at_ns, .given = 1};
    phase->given |= 2u * (uint32_t)cg_stream_next_below(stream, 1u << 12);
    phase->given |= 1u << 2 | 1u << 3 | 1u << 4 | 1u << 10 | 1u << 11;
    double rest = 0.0;
    phase->rate_hz = 1.0 + 1e5 * cg_stream_next_unit(stream);
    draw_shares(stream, &phase->recall, &phase->deallocate, &phase->batch);
    draw_shares(stream, &phase->urgent, &phase->low, &rest);
    phase->chain = chance(stream);
    phase->zipf = 4.0 * cg_stream_next_unit(stream);
    phase->rotate = chance(stream);
    phase->greedy = chance(stream);
    phase->keys = 1 + (uint32_t)cg_stream_next_below(stream, 20);
    phase->hops = (uint32_t)cg_stream_next_below(stream, 17);
}

static void check_request(const sim_workload_input *input, const sim_workload *workload,
                          uint32_t i, bool *taken) {
    const sim_request_plan *request = &workload->requests[i];
    assert_true(request->at_ns >= input->load->start_ns);
    assert_true(i == 0 || request->at_ns >= request[-1].at_ns);
    assert_true(request->host < input->hosts);
    assert_true(request->client < input->load->clients);
    assert_true(request->priority == 0 || request->priority == 1 || request->priority == 3);
    const bool single = request->kind == SIM_REQUEST_ALLOCATE;
    assert_true(single ? request->fact < input->facts : request->fact == SIM_FACT_NONE);
    assert_true(single || (!request->audit && !request->labelled));
    if (request->kind == SIM_REQUEST_DEALLOCATE) {
        assert_true(request->target < i);
        assert_int_equal(workload->requests[request->target].kind, SIM_REQUEST_ALLOCATE);
        assert_false(taken[request->target]);
        taken[request->target] = true;
    }
    const uint32_t fact_count =
        request->kind == SIM_REQUEST_BATCH ? input->load->batch_size : 0;
    assert_int_equal(request->fact_count, fact_count);
    assert_true(request->first_fact + fact_count <= workload->fact_count);
    assert_true((request->kind == SIM_REQUEST_RECALL) == (request->key_count > 0));
    assert_true(request->first_key + request->key_count <= workload->key_count);
    assert_true(request->kind == SIM_REQUEST_RECALL || request->hops == 0);
}

static void check_plan(const sim_workload_input *input, sim_workload *workload) {
    static bool taken[FACTS_MAX];
    static bool seen[FACTS_MAX];
    uint32_t *places[FACTS_MAX * 8];
    uint32_t allocations = 0;
    uint32_t audits = 0;
    uint32_t labels = 0;
    memset(taken, 0, sizeof taken);
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < workload->count; i++) {
        check_request(input, workload, i, taken);
        allocations += workload->requests[i].kind == SIM_REQUEST_ALLOCATE;
        audits += workload->requests[i].audit;
        labels += workload->requests[i].labelled;
    }
    const sim_load_options *load = input->load;
    assert_int_equal(audits, load->audits < allocations ? load->audits : allocations);
    assert_int_equal(labels, load->labels < allocations ? load->labels : allocations);
    const uint32_t total = sim_workload_fact_total(workload);
    assert_int_equal(total, allocations + workload->fact_count);
    assert_true(total <= FACTS_MAX * 8);
    sim_workload_fact_places(workload, places);
    for (uint32_t i = 0; i < total; i++) {
        assert_true(*places[i] < input->facts);
        assert_true(load->repeat == SIM_REPEAT_POPULARITY || !seen[*places[i]]);
        seen[*places[i]] = true;
    }
    for (size_t i = 0; i < workload->key_count; i++) {
        assert_true(workload->keys[i] < input->keys);
    }
}

static void check_same(const sim_workload *one, const sim_workload *two) {
    assert_int_equal(one->count, two->count);
    assert_int_equal(one->key_count, two->key_count);
    assert_memory_equal(one->requests, two->requests, one->count * sizeof *one->requests);
    if (one->key_count > 0) {
        assert_memory_equal(one->keys, two->keys, one->key_count * sizeof *one->keys);
    }
    if (one->fact_count > 0) {
        assert_memory_equal(one->facts, two->facts, one->fact_count * sizeof *one->facts);
    }
}

/* What came first does not depend on how much follows: not the times, the senders, the kinds,
 * nor what is deallocated or recalled. (Measured popularity reserves ranks by the number of
 * draws, and audits are spread over all.) */
static void check_begins(const sim_workload *shorter, const sim_workload *longer, bool keys) {
    for (uint32_t i = 0; i < shorter->count; i++) {
        sim_request_plan a = shorter->requests[i];
        sim_request_plan b = longer->requests[i];
        a.audit = b.audit = a.labelled = b.labelled = false;
        a.fact = keys ? a.fact : b.fact;
        assert_memory_equal(&a, &b, sizeof a);
    }
    if (keys && shorter->key_count > 0) {
        assert_memory_equal(shorter->keys, longer->keys,
                            shorter->key_count * sizeof *shorter->keys);
    }
}

static void plans_are_sound(void **state) {
    (void)state;
    const uint64_t seed = support_seed(23);
    uint32_t planned = 0;
    for (uint64_t round = 0; round < LOADS; round++) {
        cg_stream stream = cg_stream_init(seed, "workload_property_test", round);
        sim_options options;
        sim_options_default(&options);
        draw_load(&stream, &options.load);
        options.phase_count = (uint32_t)cg_stream_next_below(&stream, 4);
        for (uint32_t i = 0; i < options.phase_count; i++) {
            options.phases[i].at_ns =
                1000000000 * (uint64_t)i + cg_stream_next_below(&stream, 999999999);
            draw_phase(&stream, &options.phases[i]);
            if (options.load.popularity != SIM_LAW_ZIPF) {
                options.phases[i].given &= ~(1u << 7);
            }
        }
        sim_workload_input input = {.load = &options.load,
                                    .phases = options.phases,
                                    .phase_count = options.phase_count,
                                    .facts =
                                        1 + (uint32_t)cg_stream_next_below(&stream, FACTS_MAX),
                                    .keys = 1 + cg_stream_next_below(&stream, KEYS_MAX),
                                    .hosts = 1 + (uint32_t)cg_stream_next_below(&stream, 5),
                                    .seed = round};
        cg_error error;
        assert_ok(sim_options_check(&options, &error), error);
        sim_workload one;
        sim_workload two;
        cg_status status = sim_workload_plan(&input, cg_allocator_heap(), &one, &error);
        if (status != CG_OK) { /* facts that come once may be too few, times too late */
            assert_int_equal(status, CG_ERROR_INVALID);
            continue;
        }
        planned++;
        check_plan(&input, &one);
        assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &two, &error), error);
        check_same(&one, &two);
        sim_workload_deinit(&two);
        options.load.requests = one.count / 2 + 1;
        assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &two, &error), error);
        check_begins(&two, &one, options.load.popularity != SIM_LAW_FILE);
        sim_workload_deinit(&two);
        sim_workload_deinit(&one);
    }
    assert_true(planned > LOADS / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans_are_sound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
