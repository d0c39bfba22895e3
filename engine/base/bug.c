/* Names of the bugs, and the switch. */
#include "engine/base/bug.h"

#include <string.h>

#include "engine/base/status.h"

static const char *const names[CG_BUG_COUNT] = {
    [CG_BUG_NONE] = "none",
    [CG_BUG_ACK_BEFORE_DURABLE] = "ack-before-durable",
    [CG_BUG_STALE_PRIMARY_ACKS] = "stale-primary-acks",
    [CG_BUG_REPLAY_OUT_OF_ORDER] = "replay-out-of-order",
    [CG_BUG_EDGE_REDELIVERY] = "edge-redelivery",
    [CG_BUG_EDGE_LAST_WRITER] = "edge-last-writer",
    [CG_BUG_TOMBSTONE_EARLY] = "tombstone-early",
    [CG_BUG_VECTOR_NOT_MERGED] = "vector-not-merged",
    [CG_BUG_RETRY_WITHOUT_BOUND] = "retry-without-bound",
    [CG_BUG_REFRACTORY_WALL_CLOCK] = "refractory-wall-clock",
    [CG_BUG_CHECKSUM_IGNORED] = "checksum-ignored",
    [CG_BUG_DUPLICATES_FORGOTTEN] = "duplicates-forgotten",
    [CG_BUG_LEVEL_BY_INSERTION] = "level-by-insertion",
    [CG_BUG_PROMISE_NOT_DURABLE] = "promise-not-durable",
    [CG_BUG_MATCHED_KEPT] = "matched-kept",
    [CG_BUG_VOTE_WITHOUT_LOG] = "vote-without-log",
    [CG_BUG_SAFE_OF_OLD_EPOCHS] = "safe-of-old-epochs",
    [CG_BUG_STALE_WRITE_COUNTS] = "stale-write-counts",
    [CG_BUG_UNION_DROPS] = "union-drops",
    [CG_BUG_AMNESIAC_VOTES] = "amnesiac-votes",
    [CG_BUG_APPEND_TWICE] = "append-twice",
    [CG_BUG_UNION_TORN] = "union-torn",
    [CG_BUG_BACKOFF_UNSEEDED] = "backoff-unseeded",
    [CG_BUG_READ_WITHOUT_ROUND] = "read-without-round",
};

const char *cg_bug_name(enum cg_bug bug) {
    CG_ASSERT(bug < CG_BUG_COUNT);
    return names[bug];
}

enum cg_bug cg_bug_by_name(const char *name) {
    for (enum cg_bug bug = CG_BUG_NONE; bug < CG_BUG_COUNT; ++bug) {
        if (strcmp(names[bug], name) == 0) {
            return bug;
        }
    }
    return CG_BUG_COUNT;
}

#ifdef CORTIGRID_BUGS
enum cg_bug cg_bug_current = CG_BUG_NONE;

static uint64_t (*machine_clock)(void);

uint64_t cg_bug_wall_ns(void) {
    return machine_clock ? machine_clock() : 0;
}

void cg_bug_set_clock(uint64_t (*now_ns)(void)) {
    machine_clock = now_ns;
}

uint64_t cg_bug_count(void) {
    static uint64_t count;
    return ++count;
}

bool cg_bug_compiled(void) {
    return true;
}

void cg_bug_set(enum cg_bug bug) {
    CG_ASSERT(bug < CG_BUG_COUNT);
    cg_bug_current = bug;
}
#else
bool cg_bug_compiled(void) {
    return false;
}

void cg_bug_set_clock(uint64_t (*now_ns)(void)) {
    (void)now_ns;
}

void cg_bug_set(enum cg_bug bug) {
    (void)bug;
}
#endif
