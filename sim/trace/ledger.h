/* Where a request's time went, to the nanosecond (spec G11).
 *
 * A ledger travels from cause to effect: a request's event, the outputs of its step, the
 * message, timer or write that an output becomes, the next event. At each stage the time since
 * the last mark is put under one heading and the mark moves on, so nothing is counted twice and
 * nothing is left out.
 *
 * Invariant: the sum of all parts = mark_ns - start_ns, always.
 */
#ifndef SIM_TRACE_LEDGER_H
#define SIM_TRACE_LEDGER_H

#include <stdint.h>

typedef struct sim_ledger {
    uint64_t request_id; /* that caused it first; 0: none. Set by whoever begins it */
    uint64_t start_ns;   /* the request's intended start */
    uint64_t mark_ns;    /* accounted for up to here */
    uint64_t queue_ns;   /* waiting for a core or for the disk */
    uint64_t wire_ns;    /* on the network: transfer, latency, jitter */
    uint64_t compute_ns; /* on a core, without tier reads */
    uint64_t disk_ns;    /* writes being made durable, and other disk work */
    uint64_t tier_ns;    /* reads from memory tiers, on core or disk */
    uint64_t retry_ns;   /* waiting for a timer */
} sim_ledger;

typedef enum sim_ledger_part {
    SIM_LEDGER_QUEUE,
    SIM_LEDGER_WIRE,
    SIM_LEDGER_COMPUTE,
    SIM_LEDGER_DISK,
    SIM_LEDGER_TIER,
    SIM_LEDGER_RETRY,
    SIM_LEDGER_PART_COUNT
} sim_ledger_part;

const char *sim_ledger_part_name(sim_ledger_part part); /* "queue"; static storage */
uint64_t sim_ledger_part_ns(const sim_ledger *ledger, sim_ledger_part part);

sim_ledger sim_ledger_begin(uint64_t start_ns); /* nothing accounted yet */

/* Puts the time from the mark to until_ns (>= the mark) under `part`. */
void sim_ledger_charge(sim_ledger *ledger, sim_ledger_part part, uint64_t until_ns);

/* Makes the ledger that of a request with another start. Time before the cause began was spent
 * waiting: queue. Time of the cause from before the request began is taken off: from retry,
 * queue, wire, disk, tier, compute in this order, as far as each goes. start_ns must not be
 * after the mark. */
void sim_ledger_rebase(sim_ledger *ledger, uint64_t start_ns);

/* The ledger of a request that is answered by what another caused (records shipped together): `own`,
 * the request's, up to its mark, and from there on what `cause` accounts for. own->mark_ns must not
 * be after cause's, which the result has. */
sim_ledger sim_ledger_join(const sim_ledger *own, const sim_ledger *cause);

uint64_t sim_ledger_total_ns(const sim_ledger *ledger); /* sum of the parts */

#endif
