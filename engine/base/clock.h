/* Logical clocks: Lamport (1978), vector (Fidge 1988, Mattern 1989), hybrid logical (Kulkarni
 * et al. 2014).
 */
#ifndef CG_ENGINE_BASE_CLOCK_H
#define CG_ENGINE_BASE_CLOCK_H

#include <stdint.h>

typedef struct cg_lamport {
    uint64_t time;
} cg_lamport;
uint64_t cg_lamport_tick(cg_lamport *clock);                     /* local event or send */
uint64_t cg_lamport_receive(cg_lamport *clock, uint64_t remote); /* max(local, remote) + 1 */

typedef enum cg_order {
    CG_ORDER_EQUAL,
    CG_ORDER_BEFORE,
    CG_ORDER_AFTER,
    CG_ORDER_CONCURRENT
} cg_order;

/* Vector clocks are plain arrays uint64_t[hosts]. */
void cg_vector_clock_merge(uint64_t *into, const uint64_t *from, uint32_t hosts);
cg_order cg_vector_clock_compare(const uint64_t *left, const uint64_t *right, uint32_t hosts);

/* l: the largest physical time seen; c: events since l last advanced. Invariant: l >= physical,
 * and |l - physical| is bounded by the clock skew. */
typedef struct cg_hlc {
    uint64_t physical_ns;
    uint32_t logical;
} cg_hlc;
cg_hlc cg_hlc_tick(cg_hlc *clock, uint64_t now_ns);
cg_hlc cg_hlc_receive(cg_hlc *clock, uint64_t now_ns, cg_hlc remote);
int cg_hlc_compare(cg_hlc left, cg_hlc right);

#endif
