/* Goal: the trace of a cluster is well made whatever happens in it (loss, duplicates, crashes and
 * restarts, several cores, busy disks), the same every time, changes nothing, and looks as the golden one
 * does; and of two runs in which one message takes longer that message is the first difference. Nodes are
 * fakes over the bare loop, so that no change of the engine changes the golden trace.
 * CORTIGRID_UPDATE_GOLDEN=1 writes it anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "sim/cluster/bare.h"
#include "sim/host/host_fault.h"
#include "sim/trace/difference.h"
#include "sim/trace/timeline.h"
#include "tests/support/support.h"
#include "tests/support/trace_check.h"

enum { HOSTS_MAX = 4, MESSAGE_BYTES = 60, HEAD_BYTES = 48, WRITE_BYTES = 100 };
static const uint8_t magic[4] = {'C', 'G', 'W', '1'};
static const char golden[] = "tests/golden/trace/tiny.json";

typedef struct setting {
    uint32_t hosts;
    uint32_t cores;
    uint32_t requests;
    uint32_t hops;
    uint64_t gap_ns;
    uint64_t seed;
    double loss;
    double duplicate;
    bool crashes;
    uint64_t later_ns; /* latency is longer from here on; 0: never */
} setting;

/* --- nodes -------------------------------------------------------------------- */

static cg_status send(uint32_t host, uint32_t hosts, uint64_t id, uint32_t hops,
                      cg_outputs *outputs, cg_error *error) {
    cg_output output = {.kind = CG_OUTPUT_SEND};
    output.to = (uint32_t)(cg_hash_u64(id, hops) % hosts); /* itself too */
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(outputs, &output, MESSAGE_BYTES, &bytes, error);
    if (status == CG_OK) {
        memset(bytes, 0, MESSAGE_BYTES);
        memcpy(bytes, magic, sizeof magic);
        bytes[6] = (uint8_t)(1 + host);
        cg_writer writer = cg_writer_init(bytes + HEAD_BYTES, MESSAGE_BYTES - HEAD_BYTES);
        cg_write_u64(&writer, id);
        cg_write_u32(&writer, hops);
    }
    return status;
}

typedef struct fake {
    uint32_t host;
    uint32_t hosts;
} fake;

/* A request hops from host to host; before each hop it may wait for a write, a read or a timer. */
static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    const fake *self = context;
    uint64_t id = event->id & UINT32_MAX;
    uint32_t hops = (uint32_t)(event->id >> 32);
    bool waited = event->kind != CG_EVENT_MESSAGE && event->kind != CG_EVENT_REQUEST;
    if (event->kind == CG_EVENT_START) {
        cg_work_count(&outputs->work, CG_WORK_STEP, 1, 0);
        return CG_OK;
    }
    if (event->kind == CG_EVENT_MESSAGE) {
        cg_reader reader =
            cg_reader_init(event->bytes + HEAD_BYTES, MESSAGE_BYTES - HEAD_BYTES);
        id = cg_read_u64(&reader);
        hops = cg_read_u32(&reader);
    } else if (event->kind == CG_EVENT_REQUEST) {
        hops = event->hops;
    }
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, event->size_bytes);
    cg_work_count(&outputs->work, CG_WORK_TIER_STORE, id % 3 == 0, 10);
    if (hops == 0) {
        cg_output reply = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = id, .tries = 1}};
        return cg_outputs_add(outputs, &reply, 0, NULL, error);
    }
    uint64_t luck = cg_hash_u64(id, 1000 + hops) % 6;
    if (!waited && luck < 3) {
        static const cg_output_kind kinds[] = {CG_OUTPUT_WRITE, CG_OUTPUT_READ,
                                               CG_OUTPUT_TIMER};
        cg_output wait = {.kind = kinds[luck],
                          .id = (uint64_t)hops << 32 | id,
                          .at_ns = event->now_ns + 5000,
                          .read_bytes = 10};
        uint8_t *bytes = NULL;
        cg_status status = cg_outputs_add(outputs, &wait, luck == 0 ? WRITE_BYTES : 0,
                                          luck == 0 ? &bytes : NULL, error);
        if (status == CG_OK && bytes) {
            memset(bytes, 0, WRITE_BYTES);
        }
        return status;
    }
    return send(self->host, self->hosts, id, hops - 1, outputs, error);
}

static cg_status restart(void *context, uint64_t life, cg_error *error) {
    (void)context;
    (void)life;
    (void)error;
    return CG_OK;
}

/* --- a run -------------------------------------------------------------------- */

static sim_profile make_profile(void) {
    sim_profile profile = {0};
    profile.entries[CG_WORK_STEP].fixed_ps = 1234567;
    profile.entries[CG_WORK_STEP].per_unit_ps = 1000;
    profile.entries[CG_WORK_TIER_STORE] =
        (sim_profile_entry){.fixed_ps = 7000000, .resource = SIM_RESOURCE_DISK};
    profile.entries[CG_WORK_DISK_WRITE] =
        (sim_profile_entry){.fixed_ps = 20000000, .resource = SIM_RESOURCE_DISK};
    return profile;
}

static void make_faults(const setting *set, sim_host *host, uint32_t number) {
    cg_error error = {0};
    for (uint64_t i = 0; set->crashes && i < 3; i++) {
        uint64_t at_ns = 20000 + cg_hash_u64(number, set->seed * 8 + i) % 200000;
        sim_host_fault fault = {.kind = SIM_HOST_CRASH, .at_ns = at_ns, .torn = true};
        assert_ok(sim_host_fault_at(host, &fault, &error), error);
        fault =
            (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = at_ns + 15000, .if_down = true};
        assert_ok(sim_host_fault_at(host, &fault, &error), error);
    }
}

static void make_requests(const setting *set, sim_host **hosts) {
    cg_error error = {0};
    for (uint32_t i = 0; i < set->requests; i++) {
        sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                 .due_ns = i * set->gap_ns,
                                 .sequence = i,
                                 .id = i + 1,
                                 .hops = set->hops,
                                 .borrowed = true,
                                 .bytes = (const uint8_t *)"fact",
                                 .size_bytes = 4};
        assert_ok(sim_host_deliver(hosts[i % set->hosts], &delivery, &error), error);
    }
}

static sim_run_result run(const setting *set, const sim_observer *observer) {
    fake fakes[HOSTS_MAX];
    sim_host *hosts[HOSTS_MAX];
    sim_fabric *fabric = NULL;
    sim_run_result out = {0};
    cg_error error = {0};
    sim_profile profile = make_profile();
    sim_fabric_options network = {.hosts = set->hosts,
                                  .seed = set->seed,
                                  .latency_ns = 10000,
                                  .loss = set->loss,
                                  .duplicate = set->duplicate,
                                  .copies = 4};
    assert_ok(sim_fabric_alloc(&network, cg_allocator_heap(), &fabric, &error), error);
    if (set->later_ns > 0) {
        sim_fabric_change change = {
            .at_ns = set->later_ns, .kind = SIM_FABRIC_LATENCY, .value_ns = 10001};
        assert_ok(sim_fabric_change_at(fabric, &change, &error), error);
    }
    for (uint32_t i = 0; i < set->hosts; i++) {
        fakes[i] = (fake){i, set->hosts};
        sim_host_options options = {
            .host = i, .hosts = set->hosts, .cores = set->cores, .keeps_journal = true};
        sim_machine machine = {.step = step, .restart = restart, .context = &fakes[i]};
        sim_host_sink sink = {.observer = observer};
        assert_ok(sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(),
                                 &hosts[i], &error),
                  error);
        make_faults(set, hosts[i], i);
    }
    make_requests(set, hosts);
    sim_world world = {.hosts = hosts,
                       .host_count = set->hosts,
                       .fabric = fabric,
                       .end_ns = 1000000,
                       .observer = observer};
    assert_ok(sim_bare_run(&world, cg_allocator_heap(), &out, &error), error);
    for (uint32_t i = 0; i < set->hosts; i++) {
        sim_host_free(hosts[i]);
    }
    sim_fabric_free(fabric);
    return out;
}

static bool write_file(void *context, const char *bytes, size_t size_bytes) {
    return fwrite(bytes, 1, size_bytes, context) == size_bytes;
}

static char *trace_of(const setting *set, sim_run_result *out) {
    char *text = NULL;
    size_t size_bytes = 0;
    FILE *file = open_memstream(&text, &size_bytes);
    assert_non_null(file);
    sim_timeline *timeline = NULL;
    cg_error error = {0};
    sim_chrome_sink sink = {write_file, file};
    sim_timeline_options options = {.hosts = set->hosts,
                                    .limit = SIM_TIMELINE_LIMIT_DEFAULT,
                                    .title = "tiny",
                                    .sink = &sink,
                                    .allocator = cg_allocator_heap()};
    assert_ok(sim_timeline_alloc(&options, &timeline, &error), error);
    sim_observer observer = sim_timeline_observer(timeline);
    *out = run(set, &observer);
    assert_ok(sim_timeline_finish(timeline, &error), error);
    sim_timeline_free(timeline);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* --- tests -------------------------------------------------------------------- */

static void test_golden(void **state) {
    (void)state;
    setting set = {.hosts = 2, .cores = 1, .requests = 3, .hops = 2, .gap_ns = 3000, .seed = 5};
    sim_run_result out;
    char *made = trace_of(&set, &out);
    trace parsed = trace_parse(made);
    trace_check(&parsed);
    if (getenv("CORTIGRID_UPDATE_GOLDEN")) {
        FILE *file = fopen(golden, "w");
        assert_non_null(file);
        assert_true(fputs(made, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    size_t size_bytes = 0;
    uint8_t *expected = support_read_file(golden, &size_bytes);
    if (size_bytes != strlen(made) || memcmp(made, expected, size_bytes) != 0) {
        fail_msg("the trace is not that of %s; if that is right: CORTIGRID_UPDATE_GOLDEN=1",
                 golden);
    }
    free(expected);
    free(made);
    trace_free(&parsed);
}

static void test_random_runs(void **state) {
    (void)state;
    uint64_t first = support_seed(1);
    size_t arrows = 0;
    size_t lost_arrows = 0;
    size_t cut = 0;
    size_t crashes = 0;
    size_t dropped = 0;
    for (uint64_t seed = first; seed < first + 24; seed++) {
        cg_stream draws = cg_stream_init(seed, "trace.test", 0);
        setting set = {.hosts = 1 + (uint32_t)cg_stream_next_below(&draws, HOSTS_MAX),
                       .cores = 1 + (uint32_t)cg_stream_next_below(&draws, 3),
                       .requests = 20,
                       .hops = 6,
                       .gap_ns = cg_stream_next_below(&draws, 3) * 2500,
                       .seed = seed,
                       .loss = cg_stream_next_below(&draws, 2) ? 0.1 : 0.0,
                       .duplicate = cg_stream_next_below(&draws, 2) ? 0.2 : 0.0,
                       .crashes = cg_stream_next_below(&draws, 2) > 0};
        sim_run_result traced;
        sim_run_result again;
        sim_run_result plain = run(&set, NULL);
        char *one = trace_of(&set, &traced);
        char *two = trace_of(&set, &again);
        assert_string_equal(one, two);
        assert_true(plain.fingerprint == traced.fingerprint);
        trace parsed = trace_parse(one);
        trace_check(&parsed);
        /* A step for each event that a node was stepped with. */
        assert_int_equal(trace_count(&parsed, 'X', "step", NULL), plain.events);
        arrows += trace_count(&parsed, 'f', "message", NULL);
        lost_arrows += trace_count(&parsed, 's', "message", NULL);
        crashes += trace_count(&parsed, 'i', "host", "crash");
        dropped += trace_count(&parsed, 'i', "dropped", NULL);
        for (size_t i = 0; i < parsed.count; i++) {
            cut += strcmp(trace_arg_text(&parsed.events[i], "cut_by"), "crash") == 0;
        }
        trace_free(&parsed);
        free(one);
        free(two);
    }
    lost_arrows -= arrows;
    print_message(
        "%zu arrows, %zu without an end, %zu messages dropped, %zu crashes that cut %zu "
        "slices\n",
        arrows, lost_arrows, dropped, crashes, cut);
    assert_true(arrows > 1000 && lost_arrows > 10 && dropped > 50 && crashes > 20 && cut > 10);
}

static FILE *events_of(const setting *set) {
    FILE *file = tmpfile();
    assert_non_null(file);
    sim_event_log log;
    cg_error error = {0};
    sim_event_log_begin(&log, file);
    sim_observer observer = sim_event_log_observer(&log);
    sim_run_result out = run(set, &observer);
    assert_int_equal(log.events, out.events);
    assert_ok(sim_event_log_end(&log, out.fingerprint, &error), error);
    rewind(file);
    return file;
}

static sim_difference difference_of(const setting *left, const setting *right) {
    FILE *files[2] = {events_of(left), events_of(right)};
    sim_event_reader readers[2];
    sim_difference found;
    cg_error error = {0};
    for (int i = 0; i < 2; i++) {
        assert_ok(sim_event_reader_init(&readers[i], files[i], "a run", &error), error);
    }
    assert_ok(sim_difference_find(&readers[0], &readers[1], &found, &error), error);
    (void)fclose(files[0]);
    (void)fclose(files[1]);
    return found;
}

/* From some time on messages take 1 ns longer: the first one sent then is named. */
static void test_the_first_difference(void **state) {
    (void)state;
    setting set = {
        .hosts = 3, .cores = 2, .requests = 30, .hops = 5, .gap_ns = 4000, .seed = 9};
    sim_difference found = difference_of(&set, &set);
    assert_int_equal(found.kind, SIM_DIFFERENCE_NONE);
    assert_true(found.same > 150 && found.fingerprints[0] == found.fingerprints[1]);
    uint64_t whole = found.same;
    uint64_t before = 0;
    for (uint64_t later_ns = 1; later_ns < 150000; later_ns += 30000) {
        setting slow = set;
        slow.later_ns = later_ns;
        found = difference_of(&set, &slow);
        assert_int_equal(found.kind, SIM_DIFFERENCE_EVENT);
        assert_true(found.has[0] && found.has[1] && found.first == 0);
        assert_string_equal(found.event[0].kind, "message");
        assert_true(found.event[0].sender != found.event[0].host);
        assert_int_equal(found.event[0].due_ns + 1, found.event[1].due_ns);
        assert_true(found.event[0].due_ns - 10000 >= later_ns); /* when it was sent */
        assert_true(found.same >= before && found.same < whole);
        before = found.same;
    }
    assert_true(before > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_random_runs),
        cmocka_unit_test(test_the_first_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
