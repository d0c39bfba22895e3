/* When everybody has seen a removal: one vector at a time.
 *
 * Idea: a matrix clock (what everybody is known to have seen) takes a vector a host. It is enough to
 * ask of one vector whether all have passed it: the mark, this host's own vector at some time. Then
 * all resets within it are known to all, and the next mark is taken. A host's digest that is at or
 * above the mark also says how many changes it had made by then, pending ones included; when this
 * host has seen as many of them, nothing can come any more that was made in ignorance of the mark's
 * resets (condition 2 of cg_edge_set_collect).
 *
 * Messages may come in any order: of several digests above the mark, the one with the fewest changes
 * made is kept, which is the earliest, or a later one of a host that lost changes it never published.
 */
#include "engine/base/bug.h"
#include "engine/replica/gossip_internal.h"

void cg_gossip_note(cg_gossip *gossip, uint32_t host, cg_replica_id replica, uint64_t made) {
    gossip_peer *peer = &gossip->peers[host];
    peer->has_left = false;
    if (peer->replica != replica) {
        peer->replica = replica;
        peer->has_passed = false;
    }
    cg_order order = gossip->has_mark ? cg_version_vector_compare(&gossip->mark, &gossip->other)
                                      : CG_ORDER_AFTER;
    if (order == CG_ORDER_EQUAL || order == CG_ORDER_BEFORE) {
        peer->made = peer->has_passed && peer->made < made ? peer->made : made;
        peer->has_passed = true;
    }
}

void cg_gossip_leave(cg_gossip *gossip, uint32_t host) {
    if (host < gossip->options.hosts) {
        gossip->peers[host].has_left = true;
    }
}

/* Whether all have passed the mark, and this host has since seen what they had made. */
static bool is_passed(const cg_gossip *gossip) {
    const cg_edge_set *set = gossip->set;
    for (uint32_t host = 0; host < gossip->options.hosts; host++) {
        const gossip_peer *peer = &gossip->peers[host];
        if (host == gossip->options.host || peer->has_left) {
            continue;
        }
        if (!peer->has_passed || cg_edge_set_seen(set, peer->replica) < peer->made) {
            return false;
        }
    }
    return cg_edge_set_seen(set, cg_edge_set_replica(set)) >= gossip->own_made;
}

static size_t list_members(cg_gossip *gossip) {
    size_t count = 0;
    for (uint32_t host = 0; host < gossip->options.hosts; host++) {
        const gossip_peer *peer = &gossip->peers[host];
        if (host != gossip->options.host && peer->has_left) {
            continue;
        }
        cg_replica_id id =
            host == gossip->options.host ? cg_edge_set_replica(gossip->set) : peer->replica;
        size_t place = count++;
        for (; place > 0 && gossip->members[place - 1] > id; place--) {
            gossip->members[place] = gossip->members[place - 1];
        }
        gossip->members[place] = id;
    }
    return count;
}

cg_status cg_gossip_mark(cg_gossip *gossip, cg_error *error) {
    if (gossip->has_mark && (is_passed(gossip) || CG_BUG(TOMBSTONE_EARLY))) {
        size_t members = list_members(gossip);
        gossip->statistics.collected +=
            cg_edge_set_collect(gossip->set, &gossip->mark, gossip->members, members);
        gossip->has_mark = false;
    }
    if (gossip->has_mark || cg_edge_set_tombstones(gossip->set) == 0) {
        return CG_OK;
    }
    cg_status status = cg_edge_set_vector(gossip->set, &gossip->mark, error);
    if (status != CG_OK) {
        return status;
    }
    gossip->has_mark = true;
    gossip->own_made = cg_edge_set_seen(gossip->set, cg_edge_set_replica(gossip->set)) +
                       cg_edge_set_pending(gossip->set);
    for (uint32_t host = 0; host < gossip->options.hosts; host++) {
        gossip->peers[host].has_passed = false;
    }
    return CG_OK;
}
