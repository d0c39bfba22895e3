/* Admission: which requests run now, which wait, and which are turned away (spec B4).
 *
 * At most `permits` requests run at once. Who finds no permit waits in a bounded queue, or is
 * shed. Whoever was let into the queue is never thrown out of it: he runs, or withdraws.
 *
 *   order      the highest priority that waits goes first. Within a priority clients share
 *              fairly by cost: start-time fair queueing (fair.h), ties by arrival
 *   ageing     a request of priority p that has waited (4 - p) * age_ns is overdue. While
 *              someone is overdue, every CG_ADMISSION_OVERDUE_EVERY-th grant at least goes to
 *              whoever became overdue first; the others keep to the order, so a long overload
 *              does not turn priorities and fair shares into one line by arrival
 *   shedding   a request is shed when as many wait, of all priorities, as his priority's share
 *              of the queue allows (the rest is kept for higher ones), when his client has
 *              client_max waiting already, or when the wait forecast for him is above
 *              wait_max_ns
 *
 * No starvation: let r become overdue when w requests wait, r among them. r runs at the latest
 * with the 4 * w-th grant after that, and w <= queue_max. Proof: whoever goes before r as
 * overdue became so no later than r, hence had come by then and was one of the w; none is
 * added. While r waits, someone is overdue, so of any four grants in a row one goes to the
 * first overdue. After w of those r has had his turn. With permits P (at the fewest) and no
 * service longer than s, at least P grants are made in every s while r waits, so he waits at
 * most (4 - p) * age_ns + ceil(4 * queue_max / P) * s.
 *
 * The host calls cg_admission_next until it says false, after every cg_admission_done, every
 * cg_admission_set_permits, and every offer that was told to wait while a permit was free
 * (which can only be when the host left out such a call). There is no clock: times come in,
 * never fall (an earlier one counts as the latest seen), and count up to 2^63 - 1 ns.
 *
 * Cost of an operation: O(log waiting), amortised. Memory: grows by doubling with those that
 * wait and with clients that ran lately, and is bounded by queue_max; nothing is allocated once
 * as many have waited. Deterministic: equal calls give equal answers.
 */
#ifndef CG_ENGINE_SERVICE_ADMISSION_H
#define CG_ENGINE_SERVICE_ADMISSION_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/service/priority.h"

enum {
    CG_ADMISSION_PERMITS_MAX = 65536,
    CG_ADMISSION_QUEUE_MAX = 1 << 20,
    CG_ADMISSION_OVERDUE_EVERY = 4,
};
#define CG_ADMISSION_AGE_NS_MAX (UINT64_C(1) << 60)

typedef struct cg_admission_options {
    uint32_t permits;     /* 1..65536: requests that run at once */
    uint32_t queue_max;   /* 0..2^20 that wait at once; 0: whoever finds no permit is shed */
    uint32_t client_max;  /* of one client and priority that wait at once; 0: no bound */
    uint64_t wait_max_ns; /* 0: no bound */
    uint64_t age_ns;      /* 1..2^60 */
    /* Percent of queue_max, rounded down, that may be full when a request of this priority
     * joins it: 0..100, not falling, and 100 for urgent. Rounded down, so that where the share
     * is below 100 the last place is never taken: with queue_max 1 only urgent requests wait.
     */
    uint8_t share_percent[CG_PRIORITY_COUNT];
} cg_admission_options;
/* 64 permits, 1,024 waiting, no bound a client, no bound on the wait, 1 s, 70/85/95/100%. */
cg_admission_options cg_admission_options_default(void);

typedef struct cg_ticket {
    uint64_t id;      /* the caller's; different for all that wait */
    uint32_t client;  /* any number */
    uint32_t cost;    /* expected service in any unit, the same for all: 1.. */
    uint8_t priority; /* a cg_priority */
} cg_ticket;

typedef enum cg_admission_verdict {
    CG_ADMISSION_RUN,  /* he took a permit */
    CG_ADMISSION_WAIT, /* he is in the queue; cg_admission_next will name him */
    CG_ADMISSION_SHED  /* turned away; nothing is kept of him but the count */
} cg_admission_verdict;

typedef struct cg_admission cg_admission;
/* Errors: CG_ERROR_INVALID (an option out of its range), CG_ERROR_MEMORY. */
cg_status cg_admission_alloc(const cg_admission_options *options, cg_allocator allocator,
                             cg_admission **out, cg_error *error);
void cg_admission_free(cg_admission *admission); /* NULL is fine */

/* A request comes. It runs at once only when a permit is free and nobody waits. Shedding is no
 * error: the status is CG_OK and the verdict says it. Errors, with nothing changed or counted:
 * CG_ERROR_INVALID (priority, cost 0), CG_ERROR_EXISTS (the id waits already; ids that run are
 * not known here), CG_ERROR_MEMORY. */
cg_status cg_admission_offer(cg_admission *admission, const cg_ticket *ticket, uint64_t now_ns,
                             cg_admission_verdict *verdict, cg_error *error);

/* When a permit is free and someone waits: takes the permit for him, and true. */
bool cg_admission_next(cg_admission *admission, uint64_t now_ns, uint64_t *id);

/* A request that ran is done and gives its permit back; service_ns is how long it held it, and
 * feeds the forecast. Someone must be running. */
void cg_admission_done(cg_admission *admission, uint64_t now_ns, uint64_t service_ns);

/* A request that waits goes away; what it would have cost is not charged to its client. False
 * when no such id waits. */
bool cg_admission_withdraw(cg_admission *admission, uint64_t id);

/* May fall below the number that run: then no permit is given until enough came back. Error:
 * CG_ERROR_INVALID (not in 1..65536), with nothing changed. */
cg_status cg_admission_set_permits(cg_admission *admission, uint32_t permits, cg_error *error);

/* How long a request of this priority (< CG_PRIORITY_COUNT) would wait if it came now and went
 * behind all that wait at its priority and above: 0 when it would run at once, else
 * requests to be done before it * mean service time / permits. The mean moves by 1/8 of the
 * difference with each that is done (a service counts up to 2^42 ns), and is 0 before the
 * first. Those who come later, and overdue ones of lower priority, are not foreseen. */
uint64_t cg_admission_wait_forecast_ns(const cg_admission *admission, cg_priority priority);

/* The same for one client, which is what shedding goes by: with k of his own waiting, he goes
 * behind at most k + 1 of each other client's at his priority (as if costs were equal). So who
 * sends little is not shed for the long line of one who sends much. */
uint64_t cg_admission_client_forecast_ns(const cg_admission *admission, cg_priority priority,
                                         uint32_t client);

/* Exact at any time:
 *   offered = run_at_once + queued + shed, for each priority's offered and shed summed
 *   queued = started + withdrawn + waiting, and run_at_once + started = done + running */
typedef struct cg_admission_statistics {
    uint64_t permits;
    uint64_t running;
    uint64_t waiting;
    uint64_t waiting_by_priority[CG_PRIORITY_COUNT];
    uint64_t offered_by_priority[CG_PRIORITY_COUNT]; /* from here on: ever */
    uint64_t shed_by_priority[CG_PRIORITY_COUNT];
    uint64_t shed_queue;  /* of those shed: no place in the queue */
    uint64_t shed_client; /* too many of the client's own */
    uint64_t shed_wait;   /* the forecast was too long */
    uint64_t run_at_once;
    uint64_t queued;
    uint64_t started; /* from the queue */
    uint64_t overdue; /* of those: out of the order, for being overdue */
    uint64_t withdrawn;
    uint64_t done;
    uint64_t longest_wait_ns; /* of those started from the queue */
    uint64_t mean_service_ns; /* as the forecast has it */
} cg_admission_statistics;
cg_admission_statistics cg_admission_statistics_of(const cg_admission *admission);
uint64_t cg_admission_bytes(const cg_admission *admission); /* memory held */

#endif
