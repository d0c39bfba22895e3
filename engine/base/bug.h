/* Bugs on purpose: the fault search and the property tests must be able to fail.
 *
 * Each name is a mistake that people really make. Where the engine does the right thing, it asks
 * cg_bug(NAME) whether to make the mistake instead. Without CORTIGRID_BUGS (the CMake option, off unless
 * asked for, and off in every packaged build) that is the constant false, and no trace of it is compiled.
 * With it, one global switch says which bug there is, or none: for tests alone, set before anything runs.
 */
#ifndef CG_ENGINE_BASE_BUG_H
#define CG_ENGINE_BASE_BUG_H

#include <stdbool.h>
#include <stdint.h>

enum cg_bug {
    CG_BUG_NONE,
    CG_BUG_ACK_BEFORE_DURABLE, /* a host says that records are durable while they are written */
    CG_BUG_STALE_PRIMARY_ACKS, /* a primary stays one though it hears of a higher epoch */
    CG_BUG_REPLAY_OUT_OF_ORDER, /* what the journal cuts off, stays */
    CG_BUG_EDGE_REDELIVERY,     /* a change of edges that comes twice counts twice */
    CG_BUG_EDGE_LAST_WRITER,    /* the last change of an edge wins; the others are forgotten */
    CG_BUG_TOMBSTONE_EARLY,     /* a tombstone is collected before all have seen it */
    CG_BUG_VECTOR_NOT_MERGED,   /* a vector clock is not merged with what is received */
    CG_BUG_RETRY_WITHOUT_BOUND, /* what is not answered is asked for ever */
    CG_BUG_REFRACTORY_WALL_CLOCK, /* refractory times by a clock that jumps */
    CG_BUG_CHECKSUM_IGNORED,      /* messages and frames are not checked */
    CG_BUG_DUPLICATES_FORGOTTEN,  /* which requests were done is forgotten at a restart */
    CG_BUG_LEVEL_BY_INSERTION,    /* a node's level in the index depends on when it came */
    CG_BUG_PROMISE_NOT_DURABLE,   /* votes are told before they are durable */
    CG_BUG_MATCHED_KEPT,          /* a new epoch's primary believes answers of an earlier one */
    CG_BUG_VOTE_WITHOUT_LOG,      /* a voter does not look at the candidate's log */
    CG_BUG_SAFE_OF_OLD_EPOCHS,    /* records of earlier epochs count as safe by themselves */
    CG_BUG_STALE_WRITE_COUNTS,    /* a write from before a cut makes durable what came after */
    CG_BUG_UNION_DROPS,           /* a replica drops what the primary has not taken in */
    CG_BUG_AMNESIAC_VOTES,        /* a host that lost its disk votes at once */
    CG_BUG_APPEND_TWICE,          /* an append that comes again takes back what came after it */
    CG_BUG_UNION_TORN,            /* a union's frames count one by one after a crash */
    CG_BUG_BACKOFF_UNSEEDED, /* the wait before a retry is drawn from the machine's own clock */
    CG_BUG_READ_WITHOUT_ROUND, /* a primary answers reads without asking whether it still is one */
    CG_BUG_COUNT
};

/* Short and stable, for the command line: "ack-before-durable". Static storage. */
const char *cg_bug_name(enum cg_bug bug);
/* The bug of that name; CG_BUG_COUNT when there is none. */
enum cg_bug cg_bug_by_name(const char *name);
/* Whether this build has them. */
bool cg_bug_compiled(void);
/* Does nothing in a build without them. Not thread-safe. */
void cg_bug_set(enum cg_bug bug);
/* The machine's own clock, which no run shares with another, from whoever may see it: what a mistake may
 * go by. */
void cg_bug_set_clock(uint64_t (*now_ns)(void));

#ifdef CORTIGRID_BUGS
extern enum cg_bug cg_bug_current;
uint64_t cg_bug_wall_ns(void); /* of that clock; 0 without one */
/* How often it was asked in this process. */
uint64_t cg_bug_count(void);
static inline bool cg_bug(enum cg_bug bug) {
    return cg_bug_current == bug;
}
#else
static inline bool cg_bug(enum cg_bug bug) {
    (void)bug;
    return false;
}
#endif
#define CG_BUG(name) cg_bug(CG_BUG_##name)

#endif
