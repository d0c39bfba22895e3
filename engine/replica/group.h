/* The group: one partition's log on several hosts, its epochs and its primary (spec F5, F9).
 *
 * One cg_group runs at each host that has a voice in the partition. It has no I/O and does not know
 * what records mean: it speaks through a port, and drives a machine (cg_group_machine) whose state is
 * the fold of the log.
 *
 * --- epochs ---
 *
 * An epoch has a primary, which alone makes records. Epoch 1 is that of voters[0]. A replica that hears
 * nothing from the primary for the election time (drawn anew each time, from one to two times
 * election_ns) stands for the next epoch: it asks the others whether they would grant it (a pre-vote,
 * which changes nothing, so that a host that was cut off does not disturb those that were not; Ongaro
 * 2014, section 9.6), and if a majority would, asks for their votes. A voter grants one candidate in an
 * epoch, and only one whose log does not end before its own in canonical order (Ongaro & Ousterhout
 * 2014, section 5.4.1; logs ascend, so the last id decides); and none while it hears from a primary.
 * What was promised (epoch, vote) is durable before it is told. A new primary begins with a record of
 * kind CG_RECORD_EPOCH: what earlier epochs left is safe when that one is (the same, section 5.4.2).
 * A host that starts again never goes on as the primary of its old epoch.
 *
 * What makes a record safe, so that whoever asked for it is answered:
 *   CG_ACKNOWLEDGE_PRIMARY  it is durable at the primary
 *   CG_ACKNOWLEDGE_QUORUM   it is durable at a majority of the voters
 *   CG_ACKNOWLEDGE_ALL      ... and at every voter that has not been dropped for its lag
 *
 * Under quorum and all, a primary that has not heard from a majority for election_ns steps down, and
 * only a majority makes a primary: what is safe is in every later primary's log, and a replica whose log
 * differs from the primary's drops what the primary does not have.
 *
 * Under primary, the group stays available (spec F9): a candidate that gets no answer from a majority,
 * and no refusal, takes the epoch for its side alone. So two primaries may make records at the same
 * time. When they meet, the one of the lower (epoch, replica) steps down, and as a replica offers what
 * the other lacks; the primary puts these records in their canonical places and ships from the fork on.
 * No record is dropped before the primary is known to have it: an append says, by its chain, which log
 * of the receiver it has taken in. So all logs become the union of all, in one order.
 *
 * --- logs ---
 *
 * The primary ships records as they are made, and each append names the record before them by its
 * sequence and chain (cg_log_chain): a replica whose chain differs there answers with a locator (its
 * chain at its last sequence, and at distances 1, 2, 4 ... before it), from which the primary finds the
 * fork. An append without records is a heartbeat. A replica's answer says what is durable of what it
 * shares with the primary. Records that are lost are shipped again after resend_ns (doubled for each
 * time without an answer, up to 16 times).
 *
 * A witness (the last voter, with has_witness) keeps no records, but the id, sequence and chain of the
 * last one that it has seen, and votes by it (Paris 1986): two replicas and a witness bear the loss of
 * one.
 *
 * A host whose disk was lost, or altered, may have forgotten a vote and what it made durable: it neither
 * votes nor stands until it has heard from all other voters, and has every record that was safe when it
 * did (Liskov & Cowling 2012, section 4.3, for groups of three).
 *
 * --- time ---
 *
 * now_ns is monotonic. Between a primary's death and the next one's first record lie at most
 * 2 election_ns + 4 one-way latencies + the disk's time, if nothing is lost and no votes are split.
 *
 * Messages (types from 0), little-endian, each beginning with the partition's number (u32), the
 * sender's epoch (u64) and life (u64): see cg_group_message_type. What an earlier life of a sender said
 * is not heeded.
 *
 * Frames (journal.h): CUT 8 the sequence of the last record that is kept, 4 how many RECORDs must follow
 * for it to count: a union, which is cut and written anew, is had whole or not at all; PROMISE 8 epoch, 4
 * host voted for; WITNESS 8 sequence, 8 chain, 20 id; AMNESIA 1 whether it is so, 8 the disk's life, 20 the
 * id that the log must come to.
 *
 * What is not borne: in a group of three two disks that were lost or altered before the first of them
 * had come back; with a witness, the loss of one data disk while the other replica is behind. The group
 * then stands still and loses nothing more. Under primary, between a replica's cut and its rewrite in a
 * union, a record may be on the primary's disk alone.
 */
#ifndef CG_ENGINE_REPLICA_GROUP_H
#define CG_ENGINE_REPLICA_GROUP_H

#include "engine/base/memory.h"
#include "engine/base/port.h"
#include "engine/replica/journal.h"
#include "engine/replica/log.h"

enum {
    CG_GROUP_VOTERS_MAX = 3,
    CG_GROUP_LOCATOR_MAX = 40,
    CG_GROUP_SHIP_RECORDS = 32,    /* records in one append at most ... */
    CG_GROUP_SHIP_BYTES = 1 << 20, /* ... and bytes, of more than one */
    CG_GROUP_SHIP_WINDOW = 64      /* records sent to a voter and not answered */
};

typedef enum cg_acknowledge {
    CG_ACKNOWLEDGE_PRIMARY,
    CG_ACKNOWLEDGE_QUORUM,
    CG_ACKNOWLEDGE_ALL,
    CG_ACKNOWLEDGE_COUNT
} cg_acknowledge;

typedef enum cg_group_role {
    CG_GROUP_REPLICA, /* follows a primary, or knows none */
    CG_GROUP_CANDIDATE,
    CG_GROUP_PRIMARY
} cg_group_role;

/* Fields by their bytes; a chain is that of a log up to the sequence before it, an id 8 epoch, 8 number,
 * 4 replica. Behind the head:
 *
 *   ASK       8 epoch asked for, 1 whether it is a pre-vote, 20 id of the candidate's last record
 *   GRANT     8 epoch asked for, 1 whether it is a pre-vote, 1 whether it is granted
 *   APPEND    4 the primary's replica, 8 round, 8 previous sequence, 8 its chain, 8 safe sequence,
 *             8 last sequence, 8 its chain, 20 its id (to a witness: of what is durable), 8 chain of the
 *             receiver's log that the primary has taken in, 1 whether nothing else may be cut off,
 *             8 sequence behind which the receiver's records are asked for, or 2^64 - 1, 4 count (to a
 *             witness 0), so many records
 *   APPENDED  4 replica of the primary that is answered, 8 round, 1 whether the previous record was
 *             found, 1 whether this voter's word counts (it does not while it recovers), 8 sequence up
 *             to which the log is the primary's, 8 its chain, 8 what of that is durable, 8 its chain,
 *             8 last sequence, 8 its chain, 4 count, so many times 8 sequence, 8 chain: the locator, by
 *             descending sequence
 *   OFFER     8 sequence that its records stand behind, 8 last sequence, 8 its chain, 4 count, so many
 *             records
 *   RECOVER   8 nonce: the life that asks
 *   RECOVERED 8 nonce, 8 safe sequence, 20 id of the last durable record, 20 the least last id that
 *             the sender itself must come to
 */
typedef enum cg_group_message_type {
    CG_GROUP_ASK,
    CG_GROUP_GRANT,
    CG_GROUP_APPEND,
    CG_GROUP_APPENDED,
    CG_GROUP_OFFER,
    CG_GROUP_RECOVER,
    CG_GROUP_RECOVERED,
    CG_GROUP_MESSAGE_COUNT
} cg_group_message_type;

typedef struct cg_group_options {
    uint32_t number;                      /* of the partition */
    uint32_t host;                        /* this one; one of the voters */
    uint32_t voters[CG_GROUP_VOTERS_MAX]; /* hosts; the first is the primary of epoch 1 */
    uint32_t voter_count;                 /* >= 1 */
    bool has_witness;                     /* the last voter keeps no records; voter_count 3 */
    cg_acknowledge acknowledge;
    /* False: voters[0] is the primary for good, in an epoch of each of its lives; there are no
     * heartbeats and no elections, and no records of kind EPOCH. */
    bool fails_over;
    uint64_t seed; /* of election times: stream "group.election", entity (number, host) */
    uint64_t heartbeat_ns; /* 250 ms */
    uint64_t election_ns;  /* 1.5 s */
    uint64_t resend_ns;    /* 100 ms or so: more than a round trip and a write */
    uint64_t lag_warn_ns;  /* 1 s: age of the oldest record that a voter has not answered */
    uint64_t
        lag_drop_ns; /* 10 s: it no longer counts for CG_ACKNOWLEDGE_ALL until it is level */
    uint32_t writes_max; /* writes under way; what comes meanwhile goes together; 0: no bound */
} cg_group_options;
cg_group_options cg_group_options_default(void);

/* The machine whose state is the fold of the log. Calls come within the group's own; none may call the
 * group back, but for reading (role, epoch ...). */
typedef struct cg_group_machine {
    void *context;
    /* The log, the machine's own, which apply and cut change; NULL at a witness. */
    cg_log_store *log;
    /* Applies the next record, and appends it to the log. CG_ERROR_CORRUPT: it is none that can be
     * applied, and nothing was changed; any other failure ends the node. */
    cg_status (*apply)(void *context, const uint8_t *record, size_t size_bytes,
                       cg_error *error);
    /* The state and the log are those after the first `last` records alone. */
    cg_status (*cut)(void *context, uint64_t last, cg_error *error);
    /* Whole frames for the host's journal; cg_group_durable(token) when they and all before them are
     * durable. Tokens of a group count from 1. */
    cg_status (*write)(void *context, uint64_t token, const uint8_t *frames, size_t size_bytes,
                       cg_error *error);
    /* Role, epoch or known primary have changed. */
    cg_status (*changed)(void *context, cg_error *error);
    /* At the primary: records up to `sequence` are safe; never falls within an epoch. */
    cg_status (*safe)(void *context, uint64_t sequence, cg_error *error);
    /* At the primary: a read that cg_group_read let wait may be answered (is_good), or not here. */
    cg_status (*readable)(void *context, uint64_t ticket, bool is_good, cg_error *error);
    /* For whoever watches: CG_ERROR_LAG, CG_ERROR_SPLIT_BRAIN, CG_ERROR_PARTITION; one sentence. */
    cg_status (*alert)(void *context, cg_status what, const char *text, cg_error *error);
} cg_group_machine;

typedef struct cg_group cg_group;

/* port, machine: copied; what they point to outlives the group. */
cg_status cg_group_alloc(const cg_group_options *options, const cg_port *port,
                         const cg_group_machine *machine, cg_allocator allocator,
                         cg_group **out, cg_error *error);
void cg_group_free(cg_group *group);

/* Before cg_group_begin, at a start with a journal: each of this partition's frames, in order.
 * RECORD and CUT go through the machine, without writing. CG_ERROR_CORRUPT: a frame that makes no sense
 * here; nothing was changed by it, and the journal must count as altered from there on. */
cg_status cg_group_replay(cg_group *group, const cg_frame *frame, cg_error *error);

/* The host's life begins. life: how often the host was started before; disk_life: the life in which
 * its disk was new (part of its replica number, see cg_log_id). forgot: the disk was lost, or altered.
 * In life 0, voters[0] is primary of epoch 1 at once. */
typedef struct cg_group_start {
    uint64_t now_ns;
    uint64_t life;
    uint64_t disk_life;
    bool forgot;
} cg_group_start;
cg_status cg_group_begin(cg_group *group, const cg_group_start *start, cg_error *error);

/* from: one of the voters; anything else, and any payload that is not as documented, is refused with
 * CG_ERROR_CORRUPT and changes nothing. */
cg_status cg_group_receive(cg_group *group, uint32_t from, uint16_t type,
                           const uint8_t *payload, size_t size_bytes, uint64_t now_ns,
                           cg_error *error);
/* timer: as given to port.timer; stale ones do nothing. */
cg_status cg_group_timer(cg_group *group, uint64_t timer, uint64_t now_ns, cg_error *error);
cg_status cg_group_durable(cg_group *group, uint64_t token, uint64_t now_ns, cg_error *error);

/* At the primary: the id that its next record must bear; the machine then applies it (outside of the
 * group), and tells. */
cg_log_id cg_group_next_id(const cg_group *group);
cg_status cg_group_appended(cg_group *group, uint64_t now_ns, cg_error *error);

/* At the primary: readable(ticket) comes when the state of this moment is safe, and this host was the
 * primary at some time after the call (the read index of Ongaro 2014, section 6.4): under primary at
 * once, within the call. Tickets are the caller's, in ascending order. */
cg_status cg_group_read(cg_group *group, uint64_t ticket, uint64_t now_ns, cg_error *error);

/* --- inspection --- */
cg_group_role cg_group_role_of(const cg_group *group);
/* May take requests: primary, and (under quorum and all) its majority was heard from lately. */
bool cg_group_serves(const cg_group *group);
uint64_t cg_group_epoch(const cg_group *group);
/* CG_GROUP_NOBODY: none is known. */
#define CG_GROUP_NOBODY UINT32_MAX
uint32_t cg_group_primary(const cg_group *group);
uint64_t
cg_group_safe(const cg_group *group); /* known here; at a replica, by the last append */
uint64_t cg_group_durable_sequence(const cg_group *group);
/* Of a voter (an index): at the primary, durable there as far as is known. */
uint64_t cg_group_matched(const cg_group *group, uint32_t voter);
/* When the primary was last heard of by a replica whose whole log is the primary's as far as that had come
 * then; at the primary the time of the latest event. False: not in this epoch. */
bool cg_group_heard(const cg_group *group, uint64_t *heard_ns);
bool cg_group_is_recovering(const cg_group *group);
/* At the primary: nothing to write, ship or hear of. */
bool cg_group_is_level(const cg_group *group);
uint64_t cg_group_bytes(const cg_group *group);
uint64_t cg_group_hash(const cg_group *group); /* of all its state, for tests */

typedef struct cg_group_statistics {
    uint64_t elections;    /* stood for */
    uint64_t epochs;       /* won by a majority: fail-overs */
    uint64_t epochs_alone; /* taken for one side */
    uint64_t deposed;      /* was primary, and heard of a higher epoch, or lost its majority */
    uint64_t split_brains; /* met another primary while being one */
    uint64_t unions;       /* offers taken in */
    uint64_t records_united;  /* that came by them */
    uint64_t records_dropped; /* cut off, at a replica, since the primary does not have them */
    uint64_t records_resent;
    uint64_t catch_ups; /* a voter that was behind by more than a window, or had another log,
                                * has become level */
    uint64_t lag_warnings;
    uint64_t lag_drops;
    uint64_t recoveries; /* ended: votes again after its disk was lost */
    uint64_t refused;    /* messages */
} cg_group_statistics;
cg_group_statistics cg_group_statistics_of(const cg_group *group);
/* *sum += *more, count by count: of several groups, or of several lives of one. */
void cg_group_statistics_add(cg_group_statistics *sum, const cg_group_statistics *more);

#endif
