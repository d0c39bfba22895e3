/* Goal: trace events are written as the format wants them, to the byte: exact times, escaped texts,
 * numbers that JSON's readers can hold; and a sink that refuses is told of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/trace/chrome.h"
#include "tests/support/support.h"

typedef struct paper {
    char text[4096];
    size_t used;
    size_t room; /* bytes until it refuses */
} paper;

static bool write_paper(void *context, const char *bytes, size_t size_bytes) {
    paper *self = context;
    if (size_bytes > self->room || self->used + size_bytes >= sizeof self->text) {
        return false;
    }
    memcpy(self->text + self->used, bytes, size_bytes);
    self->used += size_bytes;
    self->room -= size_bytes;
    return true;
}

static void check(const sim_chrome_event *event, const char *expected) {
    paper made = {.room = SIZE_MAX};
    char whole[4096];
    sim_chrome chrome;
    sim_chrome_sink sink = {write_paper, &made};
    sim_chrome_begin(&chrome, &sink);
    sim_chrome_write(&chrome, event);
    assert_true(sim_chrome_end(&chrome));
    snprintf(whole, sizeof whole, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n%s\n]}\n",
             expected);
    assert_string_equal(made.text, whole);
    assert_int_equal(chrome.written, 1);
}

static void test_every_phase(void **state) {
    (void)state;
    check(&(sim_chrome_event){.phase = SIM_CHROME_COMPLETE,
                              .name = "step",
                              .thread = 1,
                              .time_ns = 1,
                              .duration_ns = 2},
          "{\"ph\":\"X\",\"pid\":0,\"tid\":1,\"ts\":0.001,\"dur\":0.002,\"name\":\"step\"}");
    check(
        &(sim_chrome_event){.phase = SIM_CHROME_INSTANT,
                            .name = "crash",
                            .category = "host",
                            .process = 7,
                            .time_ns = 123456,
                            .scope = 'p'},
        "{\"ph\":\"i\",\"pid\":7,\"tid\":0,\"ts\":123.456,\"cat\":\"host\",\"name\":\"crash\","
        "\"s\":\"p\"}");
    check(&(sim_chrome_event){.phase = SIM_CHROME_FLOW_START, .name = "m", .id = 0xabc},
          "{\"ph\":\"s\",\"pid\":0,\"tid\":0,\"ts\":0.000,\"name\":\"m\",\"id\":\"0xabc\"}");
    check(&(sim_chrome_event){.phase = SIM_CHROME_FLOW_END, .name = "m", .id = UINT64_MAX},
          "{\"ph\":\"f\",\"pid\":0,\"tid\":0,\"ts\":0.000,\"name\":\"m\","
          "\"id\":\"0xffffffffffffffff\",\"bp\":\"e\"}");
    check(&(sim_chrome_event){.phase = SIM_CHROME_ASYNC_BEGIN,
                              .name = "r",
                              .time_ns = UINT64_MAX},
          "{\"ph\":\"b\",\"pid\":0,\"tid\":0,\"ts\":18446744073709551.615,\"name\":\"r\","
          "\"id\":\"0x0\"}");
    sim_chrome_arg name = {.key = "name", .text = "host 1"};
    check(
        &(sim_chrome_event){.phase = SIM_CHROME_METADATA,
                            .name = "process_name",
                            .process = 1,
                            .args = &name,
                            .arg_count = 1},
        "{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":\"host "
        "1\"}}");
}

/* 2^53 is the last whole number that a double holds with all before it. */
static void test_numbers_and_texts(void **state) {
    (void)state;
    sim_chrome_arg args[] = {
        {.key = "a", .number = UINT64_C(1) << 53},
        {.key = "b", .number = (UINT64_C(1) << 53) + 1},
        {.key = "c", .text = "q\" b\\ n\n t\t d\x7f"},
        {.key = "d", .text = "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d"},
        {.key = "e", .text = "\xc3 \xe2\x82 \xff \xc0\xaf \xed\xa0\x80"},
    };
    check(
        &(sim_chrome_event){
            .phase = SIM_CHROME_METADATA, .name = "x", .args = args, .arg_count = 5},
        "{\"ph\":\"M\",\"pid\":0,\"tid\":0,\"name\":\"x\",\"args\":{\"a\":9007199254740992,"
        "\"b\":\"9007199254740993\",\"c\":\"q\\\" b\\\\ n\\u000a t\\u0009 d\\u007f\","
        "\"d\":\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d\","
        "\"e\":\"\\ufffd \\ufffd\\ufffd \\ufffd \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd\"}}");
}

static void test_a_sink_that_refuses(void **state) {
    (void)state;
    for (size_t room = 0; room < 120; room += 7) {
        paper made = {.room = room};
        sim_chrome chrome;
        sim_chrome_sink sink = {write_paper, &made};
        sim_chrome_event event = {.phase = SIM_CHROME_COMPLETE, .name = "step"};
        sim_chrome_begin(&chrome, &sink);
        sim_chrome_write(&chrome, &event);
        sim_chrome_write(&chrome, &event);
        assert_false(sim_chrome_end(&chrome));
        assert_true(made.used <= room);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_phase),
        cmocka_unit_test(test_numbers_and_texts),
        cmocka_unit_test(test_a_sink_that_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
