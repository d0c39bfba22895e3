/* A writer of trace events as JSON, in the form that Chrome defined and Perfetto (ui.perfetto.dev)
 * opens (spec G11).
 *
 * Source: "Trace Event Format" (Chromium, document CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU):
 * an object with the list traceEvents, of which each entry has a phase "ph", a time "ts" in
 * microseconds, a process "pid" and a thread "tid". We write one entry a line, and times as exact
 * decimals: 123456 ns is 123.456, and no digit of a nanosecond is lost.
 *
 * Pure formatting: bytes go to the caller's sink as they are made, nothing is kept, and equal calls
 * make equal bytes. Numbers beyond 2^53 are written as texts, since readers of JSON keep numbers as
 * doubles. Texts may hold anything; what is no UTF-8 becomes U+FFFD.
 *
 * Known value (chrome_test.c): a complete event at 1 ns is
 * {"ph":"X","pid":0,"tid":1,"ts":0.001,"dur":0.002,"name":"step"}.
 */
#ifndef SIM_TRACE_CHROME_H
#define SIM_TRACE_CHROME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where bytes go. false: they cannot be written, and nothing more will come. */
typedef struct sim_chrome_sink {
    bool (*write)(void *context, const char *bytes, size_t size_bytes);
    void *context;
} sim_chrome_sink;

typedef struct sim_chrome_arg {
    const char *key;
    const char *text; /* NULL: the value is the number */
    uint64_t number;
} sim_chrome_arg;

typedef enum sim_chrome_phase {
    SIM_CHROME_COMPLETE = 'X', /* a slice from time_ns on, duration_ns long */
    SIM_CHROME_INSTANT = 'i',
    SIM_CHROME_ASYNC_BEGIN = 'b', /* pairs by (category, id), which may nest */
    SIM_CHROME_ASYNC_END = 'e',
    SIM_CHROME_FLOW_START =
        's',                   /* an arrow by (category, name, id), from the slice around it */
    SIM_CHROME_FLOW_END = 'f', /* to the slice around it */
    SIM_CHROME_METADATA = 'M'
} sim_chrome_phase;

typedef struct sim_chrome_event {
    sim_chrome_phase phase;
    const char *name;
    const char *category; /* or NULL */
    uint32_t process;
    uint32_t thread;
    uint64_t time_ns;     /* not of METADATA */
    uint64_t duration_ns; /* COMPLETE */
    uint64_t id;          /* ASYNC, FLOW */
    char scope;           /* INSTANT: 'g' everything, 'p' its process, 't' its thread */
    const sim_chrome_arg *args;
    size_t arg_count;
} sim_chrome_event;

typedef struct sim_chrome {
    sim_chrome_sink sink;
    uint64_t written; /* events */
    bool failed;      /* the sink refused; nothing is written since */
} sim_chrome;

/* Writes what stands before the events. */
void sim_chrome_begin(sim_chrome *chrome, const sim_chrome_sink *sink);
void sim_chrome_write(sim_chrome *chrome, const sim_chrome_event *event);
/* Writes what stands behind them. Returns whether the sink took everything. */
bool sim_chrome_end(sim_chrome *chrome);

#endif
