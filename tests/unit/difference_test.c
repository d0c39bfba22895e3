/* Goal: an event log says what was observed and is read back as it was; whatever is no log is refused
 * with its line; and the first difference of two logs is the event that a person would name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/trace/difference.h"
#include "tests/support/support.h"

static FILE *file_of(const char *text) {
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    rewind(file);
    return file;
}

/* "|" stands for a tab, lines of "step" for events; the first and the last line are added. */
static FILE *log_of(const char *lines, const char *fingerprint) {
    char text[4096];
    size_t events = 0;
    for (const char *at = lines; *at; at++) {
        events += *at == '\n';
    }
    snprintf(text, sizeof text, "cortigrid events 1\n%send|%zu|%s\n", lines, events,
             fingerprint);
    for (char *at = text; *at; at++) {
        *at = *at == '|' ? '\t' : *at;
    }
    return file_of(text);
}

static sim_difference compare(const char *left, const char *right) {
    FILE *files[2] = {log_of(left, "aa"), log_of(right, "aa")};
    sim_event_reader readers[2];
    sim_difference difference;
    cg_error error = {0};
    for (int i = 0; i < 2; i++) {
        assert_ok(sim_event_reader_init(&readers[i], files[i], "log", &error), error);
    }
    assert_ok(sim_difference_find(&readers[0], &readers[1], &difference, &error), error);
    assert_int_equal(fclose(files[0]), 0);
    assert_int_equal(fclose(files[1]), 0);
    return difference;
}

static void print(const sim_difference *difference, char text[4096]) {
    static const char *const labels[2] = {"one", "two"};
    FILE *file = tmpfile();
    assert_non_null(file);
    sim_difference_print(difference, labels, file);
    rewind(file);
    text[fread(text, 1, 4095, file)] = '\0';
    (void)fclose(file);
}

/* --- the log ------------------------------------------------------------------ */

static void test_written_and_read(void **state) {
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    sim_event_log log;
    sim_event_log_begin(&log, file);
    sim_observer observer = sim_event_log_observer(&log);
    uint8_t bytes[48] = {'C', 'G', 'W', '1', 3, 0, 5};
    uint8_t other[48] = {'C', 'G', 'W', '1', 3, 0, 5, 0, 1};
    cg_work work = {{0}, {0}};
    sim_ledger ledger = sim_ledger_begin(0);
    cg_event events[] = {
        {.kind = CG_EVENT_REQUEST,
         .now_ns = 10,
         .wall_ns = 10,
         .id = 7,
         .request = CG_REQUEST_BATCH},
        {.kind = CG_EVENT_MESSAGE,
         .now_ns = 20,
         .wall_ns = 20,
         .bytes = bytes,
         .size_bytes = 48},
        {.kind = CG_EVENT_TIMER, .now_ns = 30, .wall_ns = 30, .id = UINT64_MAX},
        {.kind = CG_EVENT_TIMER, .now_ns = 30, .wall_ns = 31, .id = UINT64_MAX},
        {.kind = CG_EVENT_MESSAGE,
         .now_ns = 40,
         .wall_ns = 40,
         .bytes = other,
         .size_bytes = 48},
    };
    for (uint32_t i = 0; i < 5; i++) {
        sim_observed_step step = {.host = i,
                                  .sender = 9,
                                  .sequence = 100 + i,
                                  .event = &events[i],
                                  .due_ns = events[i].now_ns - i,
                                  .core_ns = 5,
                                  .disk_ns = 6,
                                  .work = &work,
                                  .ledger = &ledger};
        (void)observer.stepped(observer.context, &step);
    }
    cg_error error = {0};
    assert_ok(sim_event_log_end(&log, 0xabcdef, &error), error);
    rewind(file);
    sim_event_reader reader;
    sim_event_line line[5];
    bool more = false;
    assert_ok(sim_event_reader_init(&reader, file, "log", &error), error);
    for (int i = 0; i < 5; i++) {
        assert_ok(sim_event_reader_next(&reader, &line[i], &more, &error), error);
        assert_true(more);
        assert_int_equal(line[i].host, i);
        assert_int_equal(line[i].sender, 9);
        assert_int_equal(line[i].sequence, 100 + i);
        assert_int_equal(line[i].time_ns, events[i].now_ns);
        assert_int_equal(line[i].due_ns, events[i].now_ns - (uint64_t)i);
        assert_int_equal(line[i].id, events[i].id);
        assert_int_equal(line[i].core_ns, 5);
        assert_int_equal(line[i].disk_ns, 6);
        assert_int_equal(line[i].size_bytes, events[i].size_bytes);
    }
    assert_string_equal(line[0].kind, "request");
    assert_string_equal(line[0].what, "batch");
    assert_string_equal(line[1].kind, "message");
    assert_string_equal(line[1].what, "5");
    assert_string_equal(line[2].what, "-");
    assert_true(line[2].contents != line[3].contents); /* its clock is wrong */
    assert_true(line[1].contents != line[4].contents); /* a byte is another */
    assert_ok(sim_event_reader_next(&reader, &line[0], &more, &error), error);
    assert_false(more);
    assert_int_equal(reader.fingerprint, 0xabcdef);
    (void)fclose(file);
}

static void test_what_is_no_log(void **state) {
    (void)state;
    static const struct {
        const char *text;
        cg_status status;
        const char *says;
    } cases[] = {
        {"", CG_ERROR_CORRUPT, "line 1: the events end here"},
        {"hello\n", CG_ERROR_CORRUPT, "these are no events"},
        {"cortigrid events 2\n", CG_ERROR_VERSION, "version 2; this program reads version 1"},
        {"cortigrid events 1", CG_ERROR_CORRUPT, "line 1: the line is cut off"},
        {"cortigrid events 1\n", CG_ERROR_CORRUPT, "line 2: the events end here"},
        {"cortigrid events 1\nstep\t1\n", CG_ERROR_CORRUPT,
         "line 2: this is no line of events"},
        {"cortigrid events 1\nend\t1\taa\n", CG_ERROR_CORRUPT, "number of events"},
        {"cortigrid events 1\nend\t0\txx\n", CG_ERROR_CORRUPT, "no line of events"},
        {"cortigrid events 1\nstep\t1\t4294967296\ttimer\t-\t0\t0\t0\t0\t0\t0\t0\t0\n",
         CG_ERROR_CORRUPT, "no line of events"},
        {"cortigrid events 1\nstep\t-1\t0\ttimer\t-\t0\t0\t0\t0\t0\t0\t0\t0\n",
         CG_ERROR_CORRUPT, "no line of events"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *file = file_of(cases[i].text);
        sim_event_reader reader;
        sim_event_line line;
        bool more = false;
        cg_error error = {0};
        cg_status status = sim_event_reader_init(&reader, file, "a log", &error);
        if (status == CG_OK) {
            status = sim_event_reader_next(&reader, &line, &more, &error);
        }
        assert_status(status, cases[i].status, error, cases[i].says);
        (void)fclose(file);
    }
    FILE *file = file_of("cortigrid events 1\nerror\ta host burned\n");
    sim_event_reader reader;
    sim_event_line line;
    bool more = true;
    cg_error error = {0};
    assert_ok(sim_event_reader_init(&reader, file, "a log", &error), error);
    assert_ok(sim_event_reader_next(&reader, &line, &more, &error), error);
    assert_false(more);
    assert_string_equal(reader.failure, "a host burned");
    (void)fclose(file);
}

/* --- differences -------------------------------------------------------------- */

/*                   TIME HOST KIND WHAT SENDER SEQUENCE ID DUE CORE DISK BYTES CONTENTS */
#define REQUEST "step|10|0|request|allocate|0|0|1|10|5|0|39|1\n"
#define SENT    "step|30|1|message|3|0|0|0|30|5|0|90|2\n"
#define LATER   "step|31|1|message|3|0|0|0|31|5|0|90|2\n"
#define TIMER   "step|30|2|timer|-|2|1|4|30|5|0|0|3\n"
#define AFTER   "step|99|2|timer|-|2|2|5|99|5|0|0|3\n"

/* Hosts may take turns in an instant in any order. */
static void test_no_difference(void **state) {
    (void)state;
    char text[4096];
    sim_difference same = compare(REQUEST SENT TIMER AFTER, REQUEST TIMER SENT AFTER);
    assert_int_equal(same.kind, SIM_DIFFERENCE_NONE);
    assert_int_equal(same.same, 4);
    print(&same, text);
    assert_string_equal(text, "A: one\nB: two\n\n"
                              "no difference: 4 events, fingerprint 00000000000000aa\n");
    same = compare("", "");
    assert_int_equal(same.kind, SIM_DIFFERENCE_NONE);
}

/* One message comes 1 ns later in B: it is named, though B has another event in its place. */
static void test_a_later_message(void **state) {
    (void)state;
    char text[4096];
    for (int turned = 0; turned < 2; turned++) {
        const char *left = REQUEST SENT TIMER AFTER;
        const char *right = REQUEST TIMER LATER AFTER;
        sim_difference found = turned ? compare(right, left) : compare(left, right);
        assert_int_equal(found.kind, SIM_DIFFERENCE_EVENT);
        assert_int_equal(found.first, turned);
        assert_int_equal(found.same, 1);
        assert_true(found.has[0] && found.has[1] && found.has_instead);
        assert_int_equal(found.event[turned].time_ns, 30);
        assert_int_equal(found.event[1 - turned].time_ns, 31);
        assert_string_equal(found.instead.kind, "timer");
        print(&found, text);
        assert_non_null(strstr(text, "the runs differ from event 2 on: message 3 at host 1, "
                                     "0.000030 ms\n"));
        assert_non_null(strstr(text, "  1 events before it are the same; the last: request "
                                     "allocate at host 0, 0.000010 ms\n"));
        assert_non_null(strstr(text, "differs\n  due "));
        assert_non_null(strstr(text, turned ? "in its place A has: timer at host 2"
                                            : "in its place B has: timer at host 2"));
    }
}

static void test_an_event_that_is_missing(void **state) {
    (void)state;
    char text[4096];
    sim_difference found = compare(REQUEST SENT AFTER, REQUEST AFTER);
    assert_int_equal(found.kind, SIM_DIFFERENCE_EVENT);
    assert_true(found.first == 0 && found.has[0] && !found.has[1] && found.has_instead);
    print(&found, text);
    assert_non_null(strstr(text, "  and no such event among its next"));
    found = compare(REQUEST, REQUEST SENT);
    assert_true(found.first == 1 && found.has[1] && !found.has[0] && !found.has_instead);
    print(&found, text);
    assert_non_null(strstr(text, "  A has no more events\n"));
}

static void test_other_contents_and_costs(void **state) {
    (void)state;
    static const char *const others[] = {
        "step|30|1|message|3|0|0|0|29|5|0|90|2\n", "step|30|1|message|3|0|0|0|30|6|0|90|2\n",
        "step|30|1|message|3|0|0|0|30|5|1|90|2\n", "step|30|1|message|3|0|0|0|30|5|0|91|2\n",
        "step|30|1|message|3|0|0|0|30|5|0|90|9\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        sim_difference found = compare(SENT, others[i]);
        assert_int_equal(found.kind, SIM_DIFFERENCE_EVENT);
        assert_true(found.has[0] && found.has[1] && !found.has_instead);
    }
}

static void test_another_end(void **state) {
    (void)state;
    FILE *files[2] = {log_of(SENT, "aa"), log_of(SENT, "ab")};
    sim_event_reader readers[2];
    sim_difference found;
    cg_error error = {0};
    char text[4096];
    for (int i = 0; i < 2; i++) {
        assert_ok(sim_event_reader_init(&readers[i], files[i], "log", &error), error);
    }
    assert_ok(sim_difference_find(&readers[0], &readers[1], &found, &error), error);
    assert_int_equal(found.kind, SIM_DIFFERENCE_STATE);
    print(&found, text);
    assert_non_null(strstr(text, "the same 1 events, but not the same end:\n  A ended with "
                                 "fingerprint 00000000000000aa\n"));
    (void)fclose(files[0]);
    (void)fclose(files[1]);
}

static void test_time_never_goes_back(void **state) {
    (void)state;
    FILE *file = log_of(AFTER SENT, "aa");
    FILE *other = log_of(AFTER SENT, "aa");
    sim_event_reader readers[2];
    sim_difference found;
    cg_error error = {0};
    assert_ok(sim_event_reader_init(&readers[0], file, "log", &error), error);
    assert_ok(sim_event_reader_init(&readers[1], other, "log", &error), error);
    assert_status(sim_difference_find(&readers[0], &readers[1], &found, &error),
                  CG_ERROR_CORRUPT, error, "line 3: time goes back");
    (void)fclose(file);
    (void)fclose(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_what_is_no_log),
        cmocka_unit_test(test_no_difference),
        cmocka_unit_test(test_a_later_message),
        cmocka_unit_test(test_an_event_that_is_missing),
        cmocka_unit_test(test_other_contents_and_costs),
        cmocka_unit_test(test_another_end),
        cmocka_unit_test(test_time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
