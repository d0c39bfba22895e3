/* Goal: what an observer is told by hand stands in the trace: which core a step ran on, what a crash
 * or the end of the run cuts, where a limit cut the trace; and no failing allocation harms it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/trace/timeline.h"
#include "tests/support/support.h"
#include "tests/support/trace_check.h"

typedef struct bed {
    char *text;
    size_t used;
    size_t capacity;
    sim_timeline *timeline;
    sim_observer to;
} bed;

static bool write_text(void *context, const char *bytes, size_t size_bytes) {
    bed *self = context;
    if (self->used + size_bytes + 1 > self->capacity) {
        self->capacity = 2 * self->capacity + size_bytes + 1;
        self->text = realloc(self->text, self->capacity);
        assert_non_null(self->text);
    }
    memcpy(self->text + self->used, bytes, size_bytes);
    self->used += size_bytes;
    self->text[self->used] = '\0';
    return true;
}

static cg_status begin(bed *self, uint32_t hosts, uint64_t limit, cg_allocator allocator) {
    cg_error error = {0};
    *self = (bed){0};
    sim_chrome_sink sink = {write_text, self};
    sim_timeline_options options = {
        .hosts = hosts, .limit = limit, .title = "test", .sink = &sink, .allocator = allocator};
    cg_status status = sim_timeline_alloc(&options, &self->timeline, &error);
    if (status == CG_OK) {
        self->to = sim_timeline_observer(self->timeline);
    }
    return status;
}

static cg_status finish(bed *self) {
    cg_error error = {0};
    cg_status status = sim_timeline_finish(self->timeline, &error);
    sim_timeline_free(self->timeline);
    self->timeline = NULL;
    return status;
}

static trace finish_well(bed *self) {
    assert_int_equal(finish(self), CG_OK);
    trace parsed = trace_parse(self->text);
    trace_check(&parsed);
    free(self->text);
    self->text = NULL;
    return parsed;
}

/* A timer's step. Returns the tag. */
static uint32_t tell_step(const bed *self, uint32_t host, uint64_t begin_ns, uint64_t core_ns) {
    cg_event event = {.kind = CG_EVENT_TIMER, .now_ns = begin_ns, .id = begin_ns};
    cg_work work = {{0}, {0}};
    sim_ledger ledger = sim_ledger_begin(begin_ns);
    ledger.request_id = 9;
    cg_work_count(&work, CG_WORK_STEP, 1, 3);
    sim_observed_step step = {.host = host,
                              .sender = host,
                              .event = &event,
                              .caused_ns = begin_ns,
                              .due_ns = begin_ns,
                              .core_ns = core_ns,
                              .work = &work,
                              .ledger = &ledger};
    return self->to.stepped(self->to.context, &step);
}

static void tell_disk(const bed *self, uint32_t host, uint64_t told_ns, uint64_t begin_ns,
                      uint64_t end_ns) {
    sim_observed_disk use = {.host = host,
                             .use = SIM_DISK_WRITE,
                             .told_ns = told_ns,
                             .begin_ns = begin_ns,
                             .end_ns = end_ns};
    self->to.disk(self->to.context, &use);
}

static const trace_event *find(const trace *parsed, char phase, const char *name, size_t nth) {
    for (size_t i = 0; i < parsed->count; i++) {
        const trace_event *event = &parsed->events[i];
        if (event->phase == phase && strcmp(event->name, name) == 0 && nth-- == 0) {
            return event;
        }
    }
    fail_msg("there is no %c %s", phase, name);
    return NULL;
}

/* The lowest free core: two at once, then one that is free again, at the very nanosecond. */
static void test_cores(void **state) {
    (void)state;
    bed self;
    assert_int_equal(begin(&self, 2, 100, cg_allocator_heap()), CG_OK);
    assert_int_equal(tell_step(&self, 1, 10, 90), 0);
    assert_int_equal(tell_step(&self, 1, 20, 10), 1);
    assert_int_equal(tell_step(&self, 1, 30, 10), 1);
    assert_int_equal(tell_step(&self, 1, 30, 0), 2);
    assert_int_equal(tell_step(&self, 1, 100, 5), 0);
    assert_int_equal(tell_step(&self, 0, 100, 5), 0);
    assert_int_equal(tell_step(&self, 0, 200, 5), 0); /* is going on at the end */
    trace parsed = finish_well(&self);
    assert_int_equal(trace_count(&parsed, 'X', "step", "timer"), 7);
    const trace_event *last = find(&parsed, 'X', "timer", 6);
    const trace_event *cut = find(&parsed, 'X', "timer", 5);
    assert_true(last->duration_ns == 0 || cut->duration_ns == 0);
    assert_int_equal(trace_arg_number(last, "request"), 9);
    assert_int_equal(trace_arg_number(last, "step"), 1);
    assert_int_equal(trace_arg_number(last, "step.byte"), 3);
    trace_free(&parsed);
}

/* A crash at 50 cuts what runs and takes what has not begun; then the tracks are free at once. */
static void test_a_crash_cuts(void **state) {
    (void)state;
    bed self;
    assert_int_equal(begin(&self, 2, 100, cg_allocator_heap()), CG_OK);
    (void)tell_step(&self, 0, 10, 20);
    (void)tell_step(&self, 0, 20, 100);
    (void)tell_step(&self, 1, 20, 100);
    tell_disk(&self, 0, 20, 20, 30);
    tell_disk(&self, 0, 20, 30, 70);
    tell_disk(&self, 0, 20, 70, 90);
    self.to.crashed(self.to.context, 0, 50);
    self.to.restarted(self.to.context, 0, 60);
    (void)tell_step(&self, 0, 60, 100);
    tell_disk(&self, 0, 60, 60, 100);
    (void)tell_step(&self, 1, 300, 1);
    trace parsed = finish_well(&self);
    const trace_event *cut = find(&parsed, 'X', "timer", 1);
    assert_int_equal(cut->time_ns, 20);
    assert_int_equal(cut->duration_ns, 30);
    assert_string_equal(trace_arg_text(cut, "cut_by"), "crash");
    assert_int_equal(trace_count(&parsed, 'X', "disk", NULL), 3);
    const trace_event *torn = find(&parsed, 'X', "write", 1);
    assert_int_equal(torn->time_ns, 30);
    assert_int_equal(torn->duration_ns, 20);
    assert_string_equal(trace_arg_text(torn, "cut_by"), "crash");
    assert_int_equal(find(&parsed, 'X', "write", 2)->duration_ns, 40);
    assert_int_equal(find(&parsed, 'i', "crash", 0)->time_ns, 50);
    assert_int_equal(find(&parsed, 'i', "restart", 0)->time_ns, 60);
    const trace_event *other = find(&parsed, 'X', "timer", 3);
    assert_true(find(&parsed, 'X', "timer", 2)->duration_ns == 100 && other);
    trace_free(&parsed);
}

/* Behind the limit nothing but faults, and the last entries say so; a group is never cut in two. */
static void test_a_limit(void **state) {
    (void)state;
    for (uint64_t limit = 0; limit < 12; limit++) {
        bed self;
        assert_int_equal(begin(&self, 1, limit, cg_allocator_heap()), CG_OK);
        for (uint64_t i = 0; i < 4; i++) {
            cg_reply reply = {.request_id = i};
            sim_ledger ledger = sim_ledger_begin(100 * i);
            (void)tell_step(&self, 0, 100 * i, 10);
            sim_ledger_charge(&ledger, SIM_LEDGER_WIRE, 100 * i + 20);
            self.to.replied(self.to.context, 0, 100 * i + 20, &reply, &ledger);
        }
        self.to.marked(self.to.context, 400, "heal", "all is well");
        uint64_t left_out = 0;
        trace parsed = finish_well(&self);
        const trace_event *last = &parsed.events[parsed.count - 1];
        size_t written = trace_count(&parsed, 'X', NULL, NULL) +
                         trace_count(&parsed, 'b', NULL, NULL) +
                         trace_count(&parsed, 'e', NULL, NULL);
        left_out = trace_arg_number(last, "left_out");
        assert_string_equal(last->name, "trace_cut");
        assert_true(written <= limit && left_out > 0);
        assert_int_equal(trace_arg_number(last, "events"), written);
        assert_int_equal(written + left_out, 4 * (1 + 4));
        assert_int_equal(trace_count(&parsed, 'i', NULL, "heal"), 1);
        assert_int_equal(trace_count(&parsed, 'i', NULL, "the trace is cut"), 1);
        trace_free(&parsed);
    }
}

static void test_bad_options(void **state) {
    (void)state;
    bed self;
    assert_int_equal(begin(&self, 0, 1, cg_allocator_heap()), CG_ERROR_INVALID);
    assert_int_equal(begin(&self, 65537, 1, cg_allocator_heap()), CG_ERROR_INVALID);
}

/* Each allocation fails once: a status at once or at the end, and all memory comes back. */
static void test_no_memory(void **state) {
    (void)state;
    bool whole = false;
    for (uint64_t fail_at = 1; !whole && fail_at < 50; fail_at++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = fail_at;
        bed self;
        cg_status status = begin(&self, 2, 100, cg_counting_allocator_view(&counting));
        if (status == CG_OK) {
            for (uint64_t i = 0; i < 20; i++) {
                (void)tell_step(&self, (uint32_t)(i % 2), i, 100);
                tell_disk(&self, (uint32_t)(i % 2), i, 100 * i, 100 * i + 100);
            }
            status = finish(&self);
            whole = status == CG_OK;
        }
        assert_true(whole || status == CG_ERROR_MEMORY);
        assert_int_equal(counting.live_blocks, 0);
        free(self.text);
    }
    assert_true(whole);
}

/* Equal messages of a pair and its further copies (sim/cluster/fabric.c) have ids of their own. */
static void test_ids_of_arrows(void **state) {
    (void)state;
    const uint64_t further = UINT64_C(1) << 57;
    assert_int_equal(sim_timeline_flow(1, 2, 3), UINT64_C(0x0001000200000003));
    assert_int_equal(sim_timeline_flow(1, 2, further | 3), UINT64_C(0x0001000280000003));
    assert_true(sim_timeline_flow(2, 1, 3) != sim_timeline_flow(1, 2, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cores),     cmocka_unit_test(test_a_crash_cuts),
        cmocka_unit_test(test_a_limit),   cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_ids_of_arrows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
