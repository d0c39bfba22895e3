/* What each mode of acknowledgement guarantees, as checks over a history, the faults that
 * happened, and the state that the cluster ended in (docs/histories.md).
 *
 * In the end, when all has healed and converged, at the primary and at every replica:
 *   quorum, all  an acknowledged fact is there, as long as no more members of its group lost their
 *                disk after it was asked for than the mode tolerates: quorum (n - 1) / 2 of n
 *                members and witnesses, all n - 1 of n members. Beyond that it is counted, not judged.
 *   primary      an acknowledged fact may be gone only if the host that acknowledged it lost its
 *                disk, or its journal was corrupted, before the fact's record reached another
 *                host: the loss window. The window of such a fact is the time from its
 *                acknowledgement to that fault: for so long it stood at one host alone.
 *                Where others had it and all of them lost their disks too, it is beyond what is
 *                tolerated.
 *   every mode   an acknowledged fact has the value that was acknowledged, and is there once; no
 *                two requests have the same fact, nor the same slot of a host; what was
 *                deallocated with acknowledgement is not there; what nobody deallocated is not
 *                removed; what was refused is not there; all members agree.
 *   quorum, all  in one epoch of a group one host alone acknowledges.
 *   liveness     every operation is completed within a bound, and within another after the last
 *                heal; from a time on, none is left unknown.
 * Disk loss and a corrupted journal are one thing here: the host's records before it are gone.
 * An acknowledged removal is judged as a fact is: where its record may be lost, the fact may be
 * there again. An acknowledged change whose mode was not said (none) may not be lost at all. A
 * fact that was lost and excused may share its id or slot with a later one. Absent and removed are
 * one state when members are compared: they forget removals at different times.
 */
#ifndef SIM_CHECK_GUARANTEES_H
#define SIM_CHECK_GUARANTEES_H

#include "engine/base/map.h"
#include "sim/check/history.h"

typedef enum sim_harm_kind {
    SIM_HARM_DISK_LOST,       /* the host came back with an empty disk */
    SIM_HARM_JOURNAL_CORRUPT, /* durable records were altered or lost; a torn tail of writes that
                               * were never durable is none */
    SIM_HARM_KIND_COUNT
} sim_harm_kind;

/* A fault after which durable records of a host may be gone. Crashes, partitions, slow and lossy
 * links excuse no loss and are not named here. */
typedef struct sim_harm {
    uint64_t at_ns;
    uint32_t host;
    sim_harm_kind kind;
} sim_harm;

typedef enum sim_presence {
    SIM_PRESENCE_ABSENT, /* no record of it */
    SIM_PRESENCE_PRESENT,
    SIM_PRESENCE_REMOVED, /* there is a record that it was removed */
    SIM_PRESENCE_COUNT
} sim_presence;

/* What one member of the group has of one fact. */
typedef struct sim_final_fact {
    sim_presence presence;
    uint64_t value; /* when present and has_value: of the same meaning as sim_operation.value */
    uint32_t copies; /* times that it is there: 1, unless it was applied twice */
    bool has_value;
} sim_final_fact;

/* A host at which the fact's record became durable, and when. */
typedef struct sim_holder {
    uint64_t since_ns;
    uint32_t host;
} sim_holder;
enum { SIM_HOLDERS_MAX = 32, SIM_MEMBERS_MAX = 32 };

/* The state that the cluster ended in, of the group of hosts that a fact belongs to. key: of the
 * fact (of a batch's fact k, batch's key + k * 2^48). `operation`: the one that allocated it, or of
 * holders the acknowledged one, allocate or deallocate, whose record is meant; a batch's are
 * shown as one allocate a fact. */
typedef struct sim_final_state {
    void *context;
    /* Hosts of the group, primary first: writes their numbers, at most SIM_MEMBERS_MAX, returns how
     * many; at least 1. */
    uint32_t (*members)(void *context, uint64_t key, const sim_operation *operation,
                        uint32_t hosts[SIM_MEMBERS_MAX]);
    /* What `host`, a member, has of the fact. */
    sim_final_fact (*look)(void *context, uint64_t key, const sim_operation *operation,
                           uint32_t host);
    /* Every stay of the record at a host: when it became durable there, each time, by any way, the
     * acknowledging host included or not; at most SIM_HOLDERS_MAX, returns how many. NULL: not
     * known; then a harm of the acknowledging host alone excuses the loss under primary. */
    uint32_t (*holders)(void *context, uint64_t key, const sim_operation *operation,
                        sim_holder holders[SIM_HOLDERS_MAX]);
    /* Number of the group, the same for keys whose changes one primary acknowledges, in epochs of
     * their own. NULL: not known; epochs are not judged. */
    uint64_t (*group)(void *context, uint64_t key, const sim_operation *operation);
} sim_final_state;

typedef struct sim_guarantee_options {
    const sim_harm *harms; /* [harm_count], in any order */
    size_t harm_count;
    uint32_t witnesses; /* of each group: voters without data, which members() does not give */
    bool settled; /* healed and converged: replicas are judged too, not the primary alone */
    /* NULL, or where to put the keys of which a change was lost with excuse, or may have been for a
     * while, acknowledged or only seen by readers, each with the id of the change: what clients read
     * of them binds nobody (linearizable.h, session.h). */
    cg_table *excused;
    /* Liveness; all may be 0 or SIM_TIME_NONE: not judged. */
    uint64_t end_ns;    /* of the run: an open operation whose bound is later is not judged */
    uint64_t within_ns; /* from invocation to completion */
    uint64_t last_heal_ns;     /* no fault has effect from then on */
    uint64_t healed_within_ns; /* from the later of invocation and last heal to completion */
    uint64_t known_from_ns; /* operations invoked from then on are not unknown when complete */
} sim_guarantee_options;

typedef struct sim_mode_report {
    uint64_t acknowledged;   /* facts */
    uint64_t lost_in_window; /* primary: excused */
    uint64_t lost_beyond;    /* more disks were lost than is tolerated */
    uint64_t lost;           /* violations */
    uint64_t window_ns;      /* the largest of lost_in_window */
} sim_mode_report;

typedef struct sim_guarantee_report {
    sim_mode_report modes[SIM_MODE_COUNT];
    uint64_t facts;             /* registers that were looked at */
    uint64_t twice;             /* facts that are there, or were acknowledged, more than once */
    uint64_t shared;            /* facts or slots that two requests were given */
    uint64_t returned;          /* deallocated, but there */
    uint64_t vanished;          /* removed, but nobody asked for it */
    uint64_t refused;           /* refused, but there */
    uint64_t altered;           /* there with another value than was acknowledged */
    uint64_t diverged;          /* members differ */
    uint64_t usurped;           /* hosts beyond the first that acknowledged in one epoch */
    uint64_t late;              /* operations beyond a bound */
    uint64_t left_unknown;      /* unknown where that is not allowed any more */
    uint64_t undecided;         /* open, with a bound that the run did not reach */
    uint64_t slowest_ns;        /* completion minus invocation, the largest */
    uint64_t slowest_healed_ns; /* the same from the last heal on */
    uint64_t violations;        /* all of the above that are not excused */
} sim_guarantee_report;

/* CG_ERROR_CORRUPT with a sentence about the first violation when there is any; *report is filled
 * then too. CG_ERROR_INVALID: a callback that is missing, a group without members or with too
 * many, or a harm whose kind is unknown. CG_ERROR_MEMORY. state: NULL judges what the history alone shows. O(n log n) and a
 * few callbacks a fact. */
cg_status sim_check_guarantees(cg_allocator allocator, const sim_history *history,
                               const sim_final_state *state,
                               const sim_guarantee_options *options,
                               sim_guarantee_report *report, cg_error *error);

#endif
