/* Logical clocks.
 *
 * Sources: L. Lamport, "Time, Clocks, and the Ordering of Events", CACM 1978 (rules IR1 and
 * IR2); F. Mattern, "Virtual Time and Global States", 1989; S. Kulkarni et al., "Logical
 * Physical Clocks", OPODIS 2014, figure 5.
 *
 * Where we differ: a remote value comes from the wire and may be anything, so counters saturate
 * (Lamport) or carry into the physical part (hybrid) instead of wrapping; a clock never goes
 * back.
 */
#include "engine/base/clock.h"

uint64_t cg_lamport_tick(cg_lamport *clock) {
    if (clock->time < UINT64_MAX) {
        clock->time++;
    }
    return clock->time;
}

uint64_t cg_lamport_receive(cg_lamport *clock, uint64_t remote) {
    if (remote > clock->time) {
        clock->time = remote;
    }
    return cg_lamport_tick(clock);
}

void cg_vector_clock_merge(uint64_t *into, const uint64_t *from, uint32_t hosts) {
    for (uint32_t host = 0; host < hosts; host++) {
        if (from[host] > into[host]) {
            into[host] = from[host];
        }
    }
}

cg_order cg_vector_clock_compare(const uint64_t *left, const uint64_t *right, uint32_t hosts) {
    int less = 0;
    int more = 0;
    for (uint32_t host = 0; host < hosts; host++) {
        less |= left[host] < right[host];
        more |= left[host] > right[host];
    }
    if (less && more) {
        return CG_ORDER_CONCURRENT;
    }
    if (less) {
        return CG_ORDER_BEFORE;
    }
    return more ? CG_ORDER_AFTER : CG_ORDER_EQUAL;
}

/* The smallest reading above `hlc`. */
static cg_hlc hlc_successor(cg_hlc hlc) {
    if (hlc.logical < UINT32_MAX) {
        hlc.logical++;
    } else if (hlc.physical_ns < UINT64_MAX) {
        hlc.physical_ns++;
        hlc.logical = 0;
    }
    return hlc;
}

cg_hlc cg_hlc_tick(cg_hlc *clock, uint64_t now_ns) {
    if (now_ns > clock->physical_ns) {
        *clock = (cg_hlc){.physical_ns = now_ns, .logical = 0};
    } else {
        *clock = hlc_successor(*clock);
    }
    return *clock;
}

cg_hlc cg_hlc_receive(cg_hlc *clock, uint64_t now_ns, cg_hlc remote) {
    /* The paper's four cases are: after the later of both readings, unless physical time is
     * later still. */
    if (cg_hlc_compare(remote, *clock) > 0) {
        *clock = remote;
    }
    return cg_hlc_tick(clock, now_ns);
}

int cg_hlc_compare(cg_hlc left, cg_hlc right) {
    if (left.physical_ns != right.physical_ns) {
        return left.physical_ns < right.physical_ns ? -1 : 1;
    }
    if (left.logical != right.logical) {
        return left.logical < right.logical ? -1 : 1;
    }
    return 0;
}
