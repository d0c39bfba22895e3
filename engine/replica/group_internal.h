/* What the files of the group share; what it is and why stands in group.h.
 *
 *   group.c           life, dispatch of messages and timers, what is done at the end of each call
 *   group_message.c   payloads: reading, checking, writing
 *   group_write.c     frames for the journal, and what is durable
 *   group_election.c  standing, voting, becoming a primary and ceasing to be one
 *   group_ship.c      the primary: appends to voters, and their answers
 *   group_safe.c      the primary: what is safe, reads, lag
 *   group_follow.c    replicas and witnesses: appends taken in
 *   group_union.c     the primary takes in what others have and it lacks
 *   group_recover.c   replay of the journal, and lives after a loss
 *
 * Invariants.
 *   W1  `durable` <= `queued` <= the log's last; what is queued is in frames, in order.
 *   W2  A write's `sequence` never exceeds the shortest that the log has been since: each cut lowers it.
 *   E1  No answer leaves before the promise of its epoch is durable.
 *   E2  A host makes records in an epoch only in the one life in which it took it, and only once that
 *       promise is durable: so (epoch, number, replica) is given once.
 *   S1  common and matched of a voter are sequences at which its chain was seen to equal this log's.
 */
#ifndef CG_ENGINE_REPLICA_GROUP_INTERNAL_H
#define CG_ENGINE_REPLICA_GROUP_INTERNAL_H

#include "engine/base/bug.h"
#include "engine/base/prng.h"
#include "engine/replica/group.h"

enum {
    GROUP_HEAD_BYTES = 20, /* of every message */
    GROUP_ID_BYTES = 20,
    GROUP_MARKS = 64,
    GROUP_BACKOFF_MAX = 4, /* doublings of the time until what is unanswered is sent again */
    GROUP_OFFER_RECORDS = 256,
};
#define GROUP_NEVER UINT64_MAX

/* A message, decoded: which fields count depends on its type. */
typedef struct group_message {
    uint64_t epoch;
    uint64_t life;
    uint64_t asked; /* ASK, GRANT: epoch */
    bool is_pre;
    bool is_granted;
    cg_log_id
        id; /* ASK, APPEND: of the sender's last record; RECOVERED: of its last durable one */
    uint32_t replica; /* APPEND: the primary's; APPENDED: of the primary that is answered */
    uint64_t round;
    uint64_t previous;
    uint64_t previous_chain;
    uint64_t safe;
    uint64_t absorbed; /* the receiver's log that the primary has taken in, by its chain */
    bool keeps;        /* nothing may be cut off that is not absorbed */
    uint64_t
        want; /* the receiver's records behind this sequence are asked for; or GROUP_NEVER */
    bool is_found;
    bool counts;
    uint64_t held;
    uint64_t held_chain;
    uint64_t durable;
    uint64_t durable_chain;
    uint64_t last;
    uint64_t last_chain;
    uint64_t start; /* OFFER: its records stand behind this sequence */
    uint64_t nonce;
    cg_log_id floor;
    uint32_t count;         /* of records, or of points of a locator */
    const uint8_t *records; /* borrowed from the payload */
    size_t records_bytes;
    uint64_t points[CG_GROUP_LOCATOR_MAX];
    uint64_t point_chains[CG_GROUP_LOCATOR_MAX];
} group_message;

/* How far a witness has seen the log. */
typedef struct group_seen {
    uint64_t sequence;
    uint64_t chain;
    cg_log_id id;
} group_seen;

/* One write under way, and what is durable once it is. */
typedef struct group_write {
    uint64_t token;
    uint64_t sequence;
    uint64_t epoch;
    uint32_t voted;
    group_seen seen;
} group_write;

typedef struct group_read {
    uint64_t ticket;
    uint64_t round;
    uint64_t sequence;
} group_read;

/* Records up to `sequence`, from the mark before on, were made at time_ns or later. */
typedef struct group_mark {
    uint64_t sequence;
    uint64_t time_ns;
} group_mark;

typedef enum group_answer { GROUP_SILENT, GROUP_GRANTED, GROUP_REFUSED } group_answer;

typedef enum group_shipping {
    GROUP_UNKNOWN, /* it was asked whether it has this log's end */
    GROUP_FINDING, /* one append is under way, from the last place that is known to be common */
    GROUP_STEADY
} group_shipping;

/* Records that are asked for piece by piece. */
typedef struct group_pull {
    bool is_active;
    uint64_t from;  /* records behind this sequence of the other's log */
    uint64_t next;  /* behind which the next piece begins */
    uint64_t chain; /* of the other's whole log, once the first piece has come */
    uint64_t last;
    uint8_t *bytes;
    size_t used_bytes;
    size_t capacity_bytes;
} group_pull;

typedef struct group_voter {
    uint64_t life; /* highest that was heard of */
    group_answer answer;
    bool has_recovered; /* RECOVERED has come in this life of ours */
    cg_log_id recovered_id;

    group_shipping shipping;
    uint64_t common;
    uint64_t matched;
    uint64_t next; /* first record that was not sent */
    uint64_t round;
    uint64_t heard_ns;
    bool was_heard;
    bool counts;
    uint64_t resend_ns;
    uint32_t tries;

    bool is_foreign; /* its log is no part of ours, by what it last said */
    uint64_t foreign_chain;
    uint64_t absorbed;
    bool is_absorbing; /* taken in, but not yet durable here */
    uint64_t absorbing;
    uint64_t absorbing_last;
    group_pull pull;

    bool was_warned;
    bool is_dropped;
    bool was_behind;
} group_voter;

typedef enum group_phase {
    GROUP_IDLE,
    GROUP_PRE,     /* pre-vote */
    GROUP_VOTE,    /* its own vote is on its way to the disk, or the others are asked */
    GROUP_TAKE,    /* takes the epoch alone, once the promise is durable */
    GROUP_GATHER,  /* primary for good that lost its disk: asks the others for the log */
    GROUP_GATHERED /* ... has it, once it is durable */
} group_phase;

struct cg_group {
    cg_group_options options;
    cg_port port;
    cg_group_machine machine;
    cg_allocator allocator;
    uint32_t self; /* index of this voter */
    bool is_witness;
    bool has_begun;
    uint64_t now_ns;
    uint64_t life;
    uint64_t disk_life;
    cg_stream stream;

    cg_group_role role;
    group_phase phase;
    uint64_t epoch; /* promised: nothing of a lower one is heeded */
    uint32_t voted;
    uint32_t primary;         /* host, or CG_GROUP_NOBODY */
    uint32_t primary_replica; /* its replica number; UINT32_MAX: none was heard in this epoch */
    bool has_changed;
    uint64_t safe;

    /* writes */
    uint8_t *frames;
    size_t frames_used;
    size_t frames_capacity;
    group_write *writes; /* under way, oldest first */
    size_t writes_count;
    size_t writes_capacity;
    uint64_t token;
    uint64_t queued;
    uint64_t durable;
    uint64_t durable_epoch;
    group_seen seen;
    group_seen seen_durable;

    /* follower */
    uint64_t held; /* verified against the primary of this epoch */
    uint64_t
        round; /* at the primary: the latest; at a replica: the highest that it has heard */
    uint64_t primary_heard_ns;
    uint64_t told; /* durable sequence in the last answer */

    /* candidate */
    uint64_t asked_epoch;
    uint64_t election_ns; /* due: stands, or gives up standing */
    uint64_t ask_ns;      /* due: asks again */

    /* primary */
    group_voter voters[CG_GROUP_VOTERS_MAX];
    uint64_t heartbeat_ns; /* due */
    group_read *reads;
    size_t reads_count;
    size_t reads_capacity;
    uint64_t read_round;
    group_mark marks[GROUP_MARKS];

    /* amnesia */
    cg_log_id floor;
    uint64_t recovered_epoch;
    uint64_t recover_ns; /* due */

    /* replay */
    uint64_t rewrite_last;
    uint32_t rewrite_count;
    uint32_t rewrite_seen;
    uint8_t *rewrite_bytes;
    size_t rewrite_used;
    size_t rewrite_capacity;
    uint64_t amnesia_life;

    uint64_t timer; /* of the one that counts */
    uint64_t timer_ns;

    uint8_t *scratch; /* the payload that is written */
    size_t scratch_capacity;

    /* of all of these */
    uint32_t durable_voted;
    uint32_t marks_count;
    uint32_t recover_tries;
    bool has_read_round;
    bool has_rewrite;
    bool has_amnesia;
    bool is_recovering;
    bool needs_hello; /* a replica of a primary for good, until it has answered */
    bool has_safe_news;
    bool has_asked;
    bool was_refused;
    bool was_primary_heard;
    bool owes_answer;
    bool owes_locator;
    bool owes_grant;
    cg_group_statistics statistics;
};

/* --- group.c --- */
static inline uint32_t group_majority(const cg_group *group) {
    return group->options.voter_count / 2 + 1;
}
static inline bool group_is_witness(const cg_group *group, uint32_t voter) {
    return group->options.has_witness && voter + 1 == group->options.voter_count;
}
/* Whether logs are united, and not cut down to the primary's. */
static inline bool group_unites(const cg_group *group) {
    return group->options.acknowledge == CG_ACKNOWLEDGE_PRIMARY;
}
static inline uint32_t group_replica(const cg_group *group) {
    return (group->options.host & 0xffff) | (uint32_t)(group->disk_life & 0xffff) << 16;
}
uint64_t cg_group_last(const cg_group *group);
/* Chain of the log at a sequence; a witness knows that of its last alone. */
uint64_t cg_group_chain(const cg_group *group, uint64_t sequence);
cg_log_id cg_group_last_id(const cg_group *group);
uint32_t cg_group_voter_of(const cg_group *group, uint32_t host); /* voter_count: none */
cg_status cg_group_alert(cg_group *group, cg_status what, const char *text, cg_error *error);

/* What follows from whatever has happened in a call: writes, appends, safe records, reads, the timer. */
cg_status cg_group_finish(cg_group *group, cg_error *error);

/* --- group_message.c --- */
cg_status cg_group_decode(const cg_group *group, uint16_t type, const uint8_t *payload,
                          size_t size_bytes, group_message *out, cg_error *error);
cg_status cg_group_send(cg_group *group, uint32_t voter, uint16_t type,
                        const group_message *message, cg_error *error);
void cg_group_write_id(cg_writer *writer, const cg_log_id *id);
cg_log_id cg_group_read_id(cg_reader *reader);

/* --- group_write.c --- */
cg_status cg_group_promise(cg_group *group, uint64_t epoch, uint32_t voted, cg_error *error);
bool cg_group_promise_is_durable(const cg_group *group);
cg_status cg_group_queue_frame(cg_group *group, cg_frame_kind kind, const uint8_t *payload,
                               size_t size_bytes, cg_error *error);
/* Frames of all records that are not queued. */
cg_status cg_group_queue_records(cg_group *group, cg_error *error);
/* Cuts the machine's log, and queues that. */
cg_status cg_group_cut(cg_group *group, uint64_t last, cg_error *error);
/* After the machine was cut to `last` and has grown again: queued as one change, which counts when all
 * of it is durable. */
cg_status cg_group_queue_rewrite(cg_group *group, uint64_t last, cg_error *error);
cg_status cg_group_queue_seen(cg_group *group, cg_error *error);
cg_status cg_group_queue_amnesia(cg_group *group, bool forgot, cg_error *error);
cg_status cg_group_flush(cg_group *group, cg_error *error);
/* What a token has made durable; false: nothing new. */
bool cg_group_settle(cg_group *group, uint64_t token);

/* --- group_election.c --- */
uint64_t cg_group_draw_election(cg_group *group);
cg_status cg_group_stand(cg_group *group, cg_error *error);
cg_status cg_group_window_over(cg_group *group, cg_error *error);
cg_status cg_group_ask(cg_group *group, cg_error *error);
cg_status cg_group_on_ask(cg_group *group, uint32_t from, const group_message *m,
                          cg_error *error);
cg_status cg_group_on_grant(cg_group *group, uint32_t from, const group_message *m,
                            cg_error *error);
/* What waits for a promise to be durable. */
cg_status cg_group_promised(cg_group *group, cg_error *error);
cg_status cg_group_adopt(cg_group *group, uint64_t epoch, uint32_t voted, cg_error *error);
cg_status cg_group_step_down(cg_group *group, cg_error *error);
cg_status cg_group_become_primary(cg_group *group, cg_error *error);

/* --- group_ship.c --- */
void cg_group_voters_reset(cg_group *group);
void cg_group_voter_forget(cg_group *group, group_voter *voter);
cg_status cg_group_append_to(cg_group *group, uint32_t voter, uint64_t previous, uint32_t count,
                             cg_error *error);
cg_status cg_group_heartbeat(cg_group *group, uint32_t voter, cg_error *error);
cg_status cg_group_ship(cg_group *group, uint32_t voter, cg_error *error);
cg_status cg_group_resend(cg_group *group, uint32_t voter, cg_error *error);
cg_status cg_group_on_appended(cg_group *group, uint32_t from, const group_message *m,
                               cg_error *error);
bool cg_group_voter_is_level(const cg_group *group, uint32_t voter);

/* --- group_safe.c --- */
void cg_group_count_safe(cg_group *group);
cg_status cg_group_reads_advance(cg_group *group, cg_error *error);
cg_status cg_group_reads_fail(cg_group *group, cg_error *error);
cg_status cg_group_round(cg_group *group, cg_error *error);
/* The time at which the majority will not have been heard for too long. */
uint64_t cg_group_majority_until(const cg_group *group);
void cg_group_mark_growth(cg_group *group);
uint64_t cg_group_lag_due(const cg_group *group);
cg_status cg_group_lag(cg_group *group, cg_error *error);

/* --- group_follow.c --- */
cg_status cg_group_on_append(cg_group *group, uint32_t from, const group_message *m,
                             cg_error *error);
cg_status cg_group_tell(cg_group *group, bool is_found, cg_error *error);
/* After more has become durable. */
cg_status cg_group_tell_durable(cg_group *group, cg_error *error);

/* --- group_union.c --- */
cg_status cg_group_offer(cg_group *group, uint32_t to, uint64_t start, cg_error *error);
cg_status cg_group_on_offer(cg_group *group, uint32_t from, const group_message *m,
                            cg_error *error);
cg_status cg_group_consider(cg_group *group, uint32_t voter, const group_message *m,
                            cg_error *error);
cg_status cg_group_pull_next(cg_group *group, uint32_t voter, cg_error *error);
void cg_group_pull_start(group_voter *voter, uint64_t from);
void cg_group_absorbed_durable(cg_group *group);

/* --- group_recover.c --- */
cg_status cg_group_on_recover(cg_group *group, uint32_t from, const group_message *m,
                              cg_error *error);
cg_status cg_group_on_recovered(cg_group *group, uint32_t from, const group_message *m,
                                cg_error *error);
cg_status cg_group_recover_again(cg_group *group, cg_error *error);
cg_status cg_group_gather(cg_group *group, cg_error *error);

#endif
