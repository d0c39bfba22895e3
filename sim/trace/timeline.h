/* A run as a timeline that opens in Perfetto (ui.perfetto.dev), written while it happens (spec G11).
 *
 * What it shows, host by host (process = host):
 *
 *   core N    a slice for each step: "message 3", "request allocate", "timer" ... with the request
 *             that caused it first, whom it came from, how long it waited and what work it did
 *   disk      a slice for each time the disk was taken: a step's disk time, a write, a read
 *   network   instants: messages that were dropped, and why
 *   arrows    from the step that sent a message to the step that received it
 *   spans     (asynchronous) each message from sent to due, shown at its receiver, and each request
 *             from its intended start to its answer, shown at the host that answered. Inside a
 *             request's span stand the parts of its ledger one behind the other: sums by heading,
 *             not the order in which they came; they fill the span to the nanosecond.
 *   instants  alerts, crashes, restarts
 *
 * and in a last process "cluster" faults and notes. Which core a step ran on is the lowest-numbered
 * free one: cores are equal. An arrow leaves its slice in the last nanosecond of the core's time,
 * even where the message went out later, because the disk was paid first; "sent_ns" is exact.
 *
 * The trace is a function of what is observed: equal runs make equal bytes. Memory is bounded by
 * what hosts are doing at once; events go to the sink as soon as they are known. Behind `limit`
 * events the rest is left out, except faults and notes, and the last entries say so.
 *
 * Invariants: slices of one track do not overlap and come in the order of their times; an arrow's
 * id, (from, to, sequence), begins once and ends at most once.
 */
#ifndef SIM_TRACE_TIMELINE_H
#define SIM_TRACE_TIMELINE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "sim/trace/chrome.h"
#include "sim/trace/observer.h"

enum { SIM_TIMELINE_LIMIT_DEFAULT = 2000000 };

typedef struct sim_timeline_options {
    uint32_t hosts;              /* 1..65,536 */
    uint64_t limit;              /* events, without names of tracks, faults and notes */
    const char *title;           /* of the run: names the process "cluster"; copied */
    const sim_chrome_sink *sink; /* copied */
    cg_allocator allocator;
} sim_timeline_options;

typedef struct sim_timeline sim_timeline;

cg_status sim_timeline_alloc(const sim_timeline_options *options, sim_timeline **out,
                             cg_error *error);
void sim_timeline_free(sim_timeline *timeline);

/* Borrows the timeline. */
sim_observer sim_timeline_observer(sim_timeline *timeline);

/* Ends the file, and at the last time that was told what is still going on. Errors: CG_ERROR_IO (the sink refused),
 * CG_ERROR_MEMORY (for what a host did at once). */
cg_status sim_timeline_finish(sim_timeline *timeline, cg_error *error);

uint64_t sim_timeline_written(const sim_timeline *timeline);  /* events */
uint64_t sim_timeline_left_out(const sim_timeline *timeline); /* behind the limit */

/* The id of an arrow: from in bits 48.., to in 32.., below it the sequence, whose bits from 31 up
 * become one (only further copies of a message have any: sim/cluster/fabric.c). Unique while messages
 * of a pair are below 2^30. */
static inline uint64_t sim_timeline_flow(uint32_t from, uint32_t to, uint64_t sequence) {
    uint64_t folded = (sequence & 0x7fffffff) | (uint64_t)(sequence >> 31 != 0) << 31;
    return (uint64_t)(from & 0xffff) << 48 | (uint64_t)(to & 0xffff) << 32 | folded;
}

#endif
