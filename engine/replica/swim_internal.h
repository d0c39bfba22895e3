/* What the files of engine/replica/swim_*.c share.
 *
 * Invariants: every host but this one is in exactly one ring, `dead` when it is DEAD and `live`
 * otherwise, at its place; rings' hosts below `next` had their turn in this round. A member is
 * in the news exactly when its spot is not SWIM_NOWHERE, and news[spot] is it; no member of the
 * news is before its parent's. This host is in neither, and always ALIVE.
 */
#ifndef CG_ENGINE_REPLICA_SWIM_INTERNAL_H
#define CG_ENGINE_REPLICA_SWIM_INTERNAL_H

#include "engine/base/prng.h"
#include "engine/replica/swim.h"

#define SWIM_NOWHERE UINT32_MAX

/* What somebody says of a host. */
typedef struct swim_claim {
    uint32_t incarnation;
    uint8_t liveness; /* cg_swim_liveness */
} swim_claim;

typedef struct swim_member {
    uint64_t deadline_ns; /* of its suspicion, while it is SUSPECT */
    uint32_t incarnation;
    uint32_t place; /* in its ring */
    uint32_t spot;  /* in the news, or SWIM_NOWHERE */
    uint16_t sent;  /* messages that carried this news */
    uint8_t liveness;
    uint8_t has_timer; /* a suspicion timer is under way, perhaps an earlier suspicion's */
} swim_member;

typedef struct swim_ring {
    uint32_t *hosts;
    uint32_t count;
    uint32_t next; /* whose turn it is; count: a new round is to begin */
    cg_stream stream;
} swim_ring;

typedef struct swim_probe {
    uint32_t origin;
    uint32_t sequence;
    uint32_t target;
} swim_probe;

typedef struct swim_update {
    uint32_t host;
    swim_claim claim;
} swim_update;

typedef struct swim_message {
    uint16_t type;
    swim_probe probe;
    uint32_t incarnation; /* the sender's */
    swim_claim receiver;
    bool is_asking; /* of a PING: who is dead? */
    uint32_t update_count;
    swim_update updates[CG_SWIM_UPDATES_MAX];
} swim_message;

struct cg_swim {
    cg_swim_options options;
    cg_port port;
    cg_allocator allocator;
    swim_member *members; /* [hosts] */
    swim_ring live;
    swim_ring dead;
    uint32_t *news; /* [hosts], a binary heap by (sent, host) */
    uint32_t news_count;
    uint32_t sent_limit;
    uint64_t suspicion_ns;
    cg_stream helper_stream;
    uint32_t counts[CG_SWIM_LIVENESS_COUNT];
    uint64_t period_at_ns; /* when the next period begins */
    uint64_t ack_at_ns;    /* when helpers are asked */
    swim_probe probe;
    bool is_waiting; /* for the probe's answer */
    bool has_asked;  /* helpers */
    uint32_t sequence;
    uint32_t asks_left; /* answers, until it has been told who is dead */
    uint32_t tell_next; /* in the ring of the dead: whom a beginner is told of next */
    cg_swim_statistics statistics;
};

/* --- swim_order.c: turns --- */
void cg_swim_ring_init(swim_ring *ring, uint64_t seed, const char *name, uint32_t host);
/* Who is next; the ring is not empty. A round visits everybody who stays once, in a new
 * order. */
uint32_t cg_swim_ring_next(swim_ring *ring, swim_member *members);
/* At a place drawn (section 4.3), which may be among those who had their turn: when many come
 * at once, nobody else waits for all of them. */
void cg_swim_ring_insert(swim_ring *ring, swim_member *members, uint32_t host);
/* Nobody else's turn is skipped or comes twice. */
void cg_swim_ring_remove(swim_ring *ring, swim_member *members, uint32_t host);
/* Draws up to `indirect` live members other than `target`, each as likely; returns how many. */
uint32_t cg_swim_helpers(cg_swim *swim, uint32_t target, uint32_t *helpers);

/* --- swim_news.c: what is to be passed on --- */
void cg_swim_news_add(cg_swim *swim, uint32_t host); /* as never sent */
/* Up to updates_max updates for `to`, ascending by host; returns how many. is_told: what room
 * is left goes to who is dead. */
uint32_t cg_swim_news_take(cg_swim *swim, uint32_t to, bool is_told, swim_update *updates);
void cg_swim_news_drop_dead(cg_swim *swim); /* the news of who is DEAD */

/* --- swim_view.c: what is known --- */
/* Another host's claim joins what is known of it. */
cg_status cg_swim_learn(cg_swim *swim, uint32_t host, swim_claim claim, uint64_t now_ns,
                        cg_error *error);
/* A claim about this host: refuted, or an earlier life's incarnation taken over. */
cg_status cg_swim_hear(cg_swim *swim, swim_claim claim, uint64_t now_ns, cg_error *error);
cg_status cg_swim_suspicion_over(cg_swim *swim, uint32_t host, uint64_t now_ns,
                                 cg_error *error);

enum { SWIM_TIMER_PERIOD, SWIM_TIMER_ACK, SWIM_TIMER_SUSPICION }; /* the last: plus the host */

/* --- swim_message.c --- */
/* bytes: [CG_SWIM_PAYLOAD_BYTES_MAX]; returns the size. */
size_t cg_swim_encode(const swim_message *message, uint8_t *bytes);
cg_status cg_swim_decode(const cg_swim *swim, uint32_t from, uint16_t type,
                         const uint8_t *payload, size_t size_bytes, swim_message *message,
                         cg_error *error);

#endif
