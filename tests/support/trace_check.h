/* Traces as a reader sees them: a strict little parser of JSON, and what must hold of every trace
 * (sim/trace/timeline.h).
 */
#ifndef CG_TESTS_SUPPORT_TRACE_CHECK_H
#define CG_TESTS_SUPPORT_TRACE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_NAME_BYTES = 64, TRACE_ARGS_MAX = 80 };

typedef struct trace_arg {
    char key[TRACE_NAME_BYTES];
    char text[160]; /* of a number its digits */
} trace_arg;

typedef struct trace_event {
    char phase;
    char name[TRACE_NAME_BYTES];
    char category[TRACE_NAME_BYTES];
    char scope[4];
    uint32_t process;
    uint32_t thread;
    uint64_t time_ns;
    uint64_t duration_ns;
    uint64_t id;
    bool has_time;
    bool has_id;
    trace_arg args[TRACE_ARGS_MAX];
    size_t arg_count;
} trace_event;

typedef struct trace {
    trace_event *events;
    size_t count;
} trace;

/* Fails the test at the first byte that is no JSON, and at an event that lacks what it needs. */
trace trace_parse(const char *text);
void trace_free(trace *parsed);

/* "" when there is none. */
const char *trace_arg_text(const trace_event *event, const char *key);
uint64_t trace_arg_number(const trace_event *event, const char *key); /* fails without it */
size_t trace_count(const trace *parsed, char phase, const char *category, const char *name);

/* Slices of a track ascend and do not overlap; arrows begin once, inside a slice, and end at most
 * once, where a slice begins; asynchronous spans are balanced and nest; parts of a request add up
 * to its latency; processes and threads of slices have names; the last event is the summary. */
void trace_check(const trace *parsed);

#endif
