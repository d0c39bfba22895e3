/* Timer ids, which say whose a timer is and which use of it, so that a stale one is known by its id.
 *
 * Tries of requests have bit 63 clear: 15 bits of the try's number, 48 of the request's id. In all
 * others bits 60..63 say what it is, and the rest is
 *
 *   protocol  a protocol's own                                (number, owner, cg_protocol)
 *   done      an item's work is paid                          (item, generation)
 *   part      a batch of a recall is to run                   (item, generation, part)
 *   part done its work is paid                                (item, generation, part)
 *   fetched   (of a READ) the store has delivered a batch     (item, generation, part)
 *   again     a removal that met a conflict is tried again    (item, generation)
 *   start     there are more permits: somebody who waits may run
 *   tick      an interval of the monitor ends; or, with rest 1 + s, it is
 *             time to consolidate space s
 */
#ifndef CG_ENGINE_NODE_NODE_TIMER_H
#define CG_ENGINE_NODE_NODE_TIMER_H

#include <stdint.h>

#define CG_NODE_TIMER_TRY_SHIFT 48
#define CG_NODE_TIMER_OTHER     (UINT64_C(1) << 63)
typedef enum cg_timer_kind {
    CG_TIMER_PROTOCOL,
    CG_TIMER_DONE,
    CG_TIMER_PART,
    CG_TIMER_PART_DONE,
    CG_TIMER_FETCHED,
    CG_TIMER_AGAIN,
    CG_TIMER_START,
    CG_TIMER_TICK
} cg_timer_kind;
enum { CG_TIMER_KIND_SHIFT = 60 };
static inline uint64_t cg_timer_id(cg_timer_kind kind, uint64_t rest) {
    return CG_NODE_TIMER_OTHER | (uint64_t)kind << CG_TIMER_KIND_SHIFT | rest;
}
static inline cg_timer_kind cg_timer_kind_of(uint64_t id) {
    return (cg_timer_kind)(id >> CG_TIMER_KIND_SHIFT & 7);
}

/* Of a protocol's own timers. */
enum { CG_PROTOCOL_OWNER_SHIFT = 32, CG_PROTOCOL_SHIFT = 48 };

#endif
