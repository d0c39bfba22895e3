/* The first event at which two runs differ (spec G9).
 *
 * Both logs are read in lock-step, so memory holds what happens in one instant. Events of an
 * instant are compared host by host, since hosts take turns in it in an order without meaning. At
 * the first place where the logs are not the same, the event that comes first there, by (time,
 * host), is the one that the other run does not have, or has otherwise or at another time: that one
 * is looked for among the other's next SIM_DIFFERENCE_AHEAD events, as the event of the same host,
 * kind, sender, sequence and id.
 */
#ifndef SIM_TRACE_DIFFERENCE_H
#define SIM_TRACE_DIFFERENCE_H

#include "sim/trace/event_log.h"

enum { SIM_DIFFERENCE_AHEAD = 1000000 };

typedef enum sim_difference_kind {
    SIM_DIFFERENCE_NONE,
    SIM_DIFFERENCE_EVENT,
    SIM_DIFFERENCE_STATE /* the same events, and yet another end: fingerprint, or failure */
} sim_difference_kind;

typedef struct sim_difference {
    sim_difference_kind kind;
    uint64_t same; /* events before it, which both have */
    bool has_last;
    sim_event_line last;      /* of these */
    int first;                /* EVENT: whose event it is: 0 left, 1 right */
    bool has[2];              /* EVENT: whether the run has it; has[first] is true */
    sim_event_line event[2];  /* the event in each run */
    bool has_instead;         /* the other run has another event at this place */
    sim_event_line instead;   /* namely this one */
    uint64_t fingerprints[2]; /* NONE, STATE */
    char failures[2][CG_ERROR_MESSAGE_BYTES]; /* NONE, STATE: why a run failed, or "" */
} sim_difference;

/* Errors: those of the readers, CG_ERROR_MEMORY. What is wrong with a log behind the first
 * difference is none. */
cg_status sim_difference_find(sim_event_reader *left, sim_event_reader *right,
                              sim_difference *out, cg_error *error);

/* One block that a person can read. labels: what the runs are called. */
void sim_difference_print(const sim_difference *difference, const char *const labels[2],
                          FILE *file);

#endif
