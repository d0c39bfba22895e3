/* When a host goes on with a spread.
 *
 * exact: a host waits for hop closed + 1 from each host that can have something for it: those with
 * seeds in hop 1, all in later ones. It has all of a hop when from each of them as many messages
 * came as it says there are. A host that a message of hop h + 1 came from has closed hop h - and so
 * on; nobody is more than a hop ahead of one it waits for. When all together walked no edge for a
 * hop, each knows, and the spread is over.
 *
 * Somebody who stays silent is given up at began + (closed + 1) * timeout / (max_hops + 2). These
 * times are of the spread's begin, not of the last hop's: so a host that waited for a silent one in
 * one hop is not itself given up by others in the next.
 *
 * async: passes on what is due, lowest hop first, so a row that gets something in hops 2 and 3 at
 * once passes on once for each; then reports and gives its credit back. Too little credit to share:
 * it borrows, and keeps what it has until then, so the spread can't seem to be over.
 */
#include "engine/spread/distributed_internal.h"

uint64_t cg_dist_due_ns(uint64_t began_ns, const dist_terms *terms, uint32_t steps) {
    uint64_t whole = (uint64_t)terms->max_hops + 2;
    return began_ns + (terms->timeout_ns * steps + whole - 1) / whole;
}

/* --- exact --- */

static bool has_come(const cg_distributed *d, const dist_part *part, uint32_t hop,
                     uint32_t host) {
    bool is_concerned = host != d->options.host &&
                        (hop > 1 || (part->hosts[host] & DIST_HOST_ACTIVE)) &&
                        !(part->hosts[host] & DIST_HOST_SILENT);
    if (!is_concerned) {
        return true;
    }
    if (hop < part->tally_hops) {
        const dist_tally *tally = &part->tallies[(size_t)hop * d->options.hosts + host];
        if (tally->of != 0 && tally->got == tally->of) {
            return true;
        }
    }
    return !cg_dist_reachable(d, host);
}

static bool has_all(const cg_distributed *d, const dist_part *part, uint32_t hop) {
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        if (!has_come(d, part, hop, host)) {
            return false;
        }
    }
    return true;
}

static cg_status pass_on(cg_distributed *d, dist_part *part, cg_error *error) {
    part->is_waiting = true;
    if (part->closed == 0 && !(part->hosts[d->options.host] & DIST_HOST_ACTIVE)) {
        return CG_OK;
    }
    cg_status status = cg_dist_fire(d, part, part->closed, error);
    return status == CG_OK ? cg_dist_flush(d, part, part->closed + 1u, error) : status;
}

static cg_status go_exact(cg_distributed *d, dist_part *part, cg_error *error) {
    while (part->has_start && !part->is_done) {
        if (!part->is_waiting) {
            cg_status status = pass_on(d, part, error);
            if (status != CG_OK) {
                return status;
            }
        }
        uint32_t hop = part->closed + 1u;
        if (!has_all(d, part, hop)) {
            return cg_dist_arm(d, &part->armed_ns, 2 * part->slot,
                               cg_dist_due_ns(part->began_ns, &part->terms, hop), error);
        }
        part->is_waiting = false;
        part->closed = (uint8_t)hop;
        if (hop == part->terms.max_hops || part->hops[hop].edges + part->peer_edges[hop] == 0) {
            part->is_done = true;
            return cg_dist_send_report(d, part, error);
        }
    }
    return CG_OK;
}

static void give_up(cg_distributed *d, dist_part *part) {
    uint32_t hop = part->closed + 1u;
    for (uint32_t host = 0; host < d->options.hosts; host++) {
        if (!has_come(d, part, hop, host)) {
            part->hosts[host] |= DIST_HOST_SILENT;
        }
    }
}

/* --- async --- */

static bool is_due(const dist_part *part) {
    for (uint32_t hop = 0; hop < part->terms.max_hops; hop++) {
        if (part->due[hop] != CG_SPREAD_NONE) {
            return true;
        }
    }
    return false;
}

static cg_status borrow(cg_distributed *d, dist_part *part, cg_error *error) {
    part->is_borrowing = true;
    cg_status status = cg_dist_begin(d, part->spread, part->coordinator, error);
    if (status == CG_OK) {
        status = cg_dist_room(d, 4, error);
    }
    if (status == CG_OK) {
        cg_write_u32(&d->writer, ++part->borrowed);
        status = cg_dist_send(d, part->coordinator, DIST_BORROW, error);
    }
    return status;
}

static cg_status sweep(cg_distributed *d, dist_part *part, cg_error *error) {
    part->window_ns = 0;
    if (part->is_borrowing) {
        return CG_OK;
    }
    if (part->credit < DIST_CREDIT_MIN && is_due(part)) {
        return borrow(d, part, error);
    }
    cg_status status = CG_OK;
    for (uint32_t hop = 0; hop < part->terms.max_hops && status == CG_OK; hop++) {
        status = cg_dist_fire(d, part, hop, error);
    }
    if (status == CG_OK) {
        status = cg_dist_flush(d, part, 0, error);
    }
    return status == CG_OK ? cg_dist_send_report(d, part, error) : status;
}

static cg_status go_async(cg_distributed *d, dist_part *part, bool at_once, cg_error *error) {
    if (at_once || part->terms.window_ns == 0) {
        return sweep(d, part, error);
    }
    if (part->window_ns == 0) {
        part->window_ns = d->now_ns + part->terms.window_ns;
    }
    return cg_dist_arm(d, &part->armed_ns, 2 * part->slot, part->window_ns, error);
}

/* --- both --- */

cg_status cg_dist_go(cg_distributed *d, dist_part *part, bool at_once, cg_error *error) {
    if (!part->has_terms) {
        return CG_OK;
    }
    return part->terms.mode == CG_DISTRIBUTED_EXACT ? go_exact(d, part, error)
                                                    : go_async(d, part, at_once, error);
}

static uint64_t next_ns(const dist_part *part) {
    uint64_t at_ns = part->expires_ns;
    bool waits = part->is_waiting && !part->is_done;
    if (waits) {
        uint64_t due_ns = cg_dist_due_ns(part->began_ns, &part->terms, part->closed + 1u);
        at_ns = due_ns < at_ns ? due_ns : at_ns;
    }
    return part->window_ns != 0 && part->window_ns < at_ns ? part->window_ns : at_ns;
}

cg_status cg_dist_part_timer(cg_distributed *d, dist_part *part, cg_error *error) {
    cg_status status = CG_OK;
    if (d->now_ns >= part->expires_ns) {
        d->statistics.abandoned++;
        status = cg_dist_note_end(d, part->spread, error);
        cg_dist_give_part(d, part);
        return status;
    }
    if (part->window_ns != 0 && d->now_ns >= part->window_ns) {
        status = sweep(d, part, error);
    } else if (part->is_waiting && !part->is_done &&
               d->now_ns >= cg_dist_due_ns(part->began_ns, &part->terms, part->closed + 1u)) {
        give_up(d, part);
        status = go_exact(d, part, error);
    }
    return status == CG_OK
               ? cg_dist_arm(d, &part->armed_ns, 2 * part->slot, next_ns(part), error)
               : status;
}
