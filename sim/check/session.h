/* Session guarantees over a history (Terry et al., "Session guarantees for weakly consistent
 * replicated data", PDIS 1994), for reads that promise them.
 *
 * A session is a client. An operation of it is after another when it was invoked at or after the
 * instant at which the other was answered: a client at an instant is told first and asks then.
 *
 * Read your writes: a get shows what the client's own acknowledged changes made of the fact.
 * Monotonic reads: a fact goes from absent to present to removed, and its value never changes, so
 * a get is never behind, or beside, what an earlier get of the same client showed.
 * A fact that is gone without the client's doing is no violation as long as some deallocation,
 * of anyone, was invoked before the get was answered and may have had effect.
 */
#ifndef SIM_CHECK_SESSION_H
#define SIM_CHECK_SESSION_H

#include "engine/base/map.h"
#include "sim/check/history.h"

typedef struct sim_session_report {
    uint64_t skipped;        /* registers that are excused */
    uint64_t reads;          /* that promise; answered */
    uint64_t checked_writes; /* reads after an own change, once for each of its two kinds */
    uint64_t checked_reads;  /* reads after an own read that found the fact, or found it gone */
    uint64_t lost_writes;    /* reads that broke read-your-writes */
    uint64_t went_back;      /* reads that broke monotonic reads */
} sim_session_report;

/* excused: keys that are not checked (guarantees.h), or NULL. CG_ERROR_CORRUPT with a sentence about the first violation, by (key, time), when there is any;
  * *report is filled then too. CG_ERROR_MEMORY. O(n log n). */
cg_status sim_check_sessions(cg_allocator allocator, const sim_history *history,
                             const cg_table *excused, sim_session_report *report,
                             cg_error *error);

#endif
