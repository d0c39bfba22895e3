/* All events of a run as lines of text, one for each step of a node, to compare runs with (spec G9).
 *
 * The format, version 1; fields are separated by tabs, times are in ns:
 *
 *   cortigrid events 1
 *   step TIME HOST KIND WHAT SENDER SEQUENCE ID DUE CORE DISK BYTES CONTENTS
 *   ...
 *   end EVENTS FINGERPRINT      or      error SENTENCE
 *
 * TIME    when the step began            KIND      cg_event_kind_name
 * DUE     when the event was due         WHAT      a request's kind, a message's type, or -
 * CORE, DISK  time that the step costs   SENDER, SEQUENCE, ID  as in sim_delivery (sim/host/host.h)
 * BYTES   length of what came with it    CONTENTS  a hash of it and of all else the node is told, 16
 *                                        hexadecimal digits; so is FINGERPRINT, of the point
 *
 * Lines come in the order of time. Within one instant hosts may take turns in any order, each keeping
 * its own. A log without its last line is one of a run that died.
 */
#ifndef SIM_TRACE_EVENT_LOG_H
#define SIM_TRACE_EVENT_LOG_H

#include <stdio.h>

#include "engine/base/status.h"
#include "sim/trace/observer.h"

enum { SIM_EVENT_WORD_BYTES = 32 };

typedef struct sim_event_line {
    uint64_t time_ns;
    uint32_t host;
    char kind[SIM_EVENT_WORD_BYTES];
    char what[SIM_EVENT_WORD_BYTES];
    uint32_t sender;
    uint64_t sequence;
    uint64_t id;
    uint64_t due_ns;
    uint64_t core_ns;
    uint64_t disk_ns;
    uint64_t size_bytes;
    uint64_t contents;
} sim_event_line;

/* --- writing --- */

typedef struct sim_event_log {
    FILE *file; /* borrowed */
    uint64_t events;
} sim_event_log;

/* Writes the first line. */
void sim_event_log_begin(sim_event_log *log, FILE *file);
sim_observer sim_event_log_observer(sim_event_log *log); /* borrows the log */
/* The last line; one of the two. Errors: CG_ERROR_IO (also of any line before). */
cg_status sim_event_log_end(sim_event_log *log, uint64_t fingerprint, cg_error *error);
cg_status sim_event_log_fail(sim_event_log *log, const char *sentence, cg_error *error);

/* --- reading --- */

typedef struct sim_event_reader {
    FILE *file;       /* borrowed */
    const char *name; /* for messages; borrowed */
    uint64_t lines;
    bool ended;
    uint64_t fingerprint;                 /* once ended */
    char failure[CG_ERROR_MESSAGE_BYTES]; /* once ended: why the run failed, or "" */
} sim_event_reader;

/* Errors, also of _next: CG_ERROR_CORRUPT (no such log, cut off, a bad line), CG_ERROR_VERSION,
 * CG_ERROR_IO. */
cg_status sim_event_reader_init(sim_event_reader *reader, FILE *file, const char *name,
                                cg_error *error);
/* The next line; after the last one *more is false. */
cg_status sim_event_reader_next(sim_event_reader *reader, sim_event_line *line, bool *more,
                                cg_error *error);

#endif
