/* Turns: the round-robin over a shuffled list of section 4.3 of the SWIM paper, which bounds
 * the time between two probes of a member by two rounds; and helpers drawn at random by R.
 * Floyd's sampling (J. Bentley, "Programming Pearls", CACM 30(9), 1987), in as many draws as
 * helpers.
 */
#include "engine/replica/swim_internal.h"

void cg_swim_ring_init(swim_ring *ring, uint64_t seed, const char *name, uint32_t host) {
    ring->count = 0;
    ring->next = 0;
    ring->stream = cg_stream_init(seed, name, host);
}

static void place(swim_ring *ring, swim_member *members, uint32_t at, uint32_t host) {
    ring->hosts[at] = host;
    members[host].place = at;
}

uint32_t cg_swim_ring_next(swim_ring *ring, swim_member *members) {
    CG_ASSERT(ring->count > 0);
    if (ring->next == ring->count) {
        cg_stream_shuffle_u32(&ring->stream, ring->hosts, ring->count);
        for (uint32_t i = 0; i < ring->count; i++) {
            members[ring->hosts[i]].place = i;
        }
        ring->next = 0;
    }
    return ring->hosts[ring->next++];
}

void cg_swim_ring_insert(swim_ring *ring, swim_member *members, uint32_t host) {
    uint32_t at = (uint32_t)cg_stream_next_below(&ring->stream, ring->count + 1);
    if (at < ring->next) { /* among those who had their turn, as the last: it is all the same */
        at = ring->next++;
    }
    if (at < ring->count) {
        place(ring, members, ring->count, ring->hosts[at]);
    }
    place(ring, members, at, host);
    ring->count++;
}

void cg_swim_ring_remove(swim_ring *ring, swim_member *members, uint32_t host) {
    uint32_t at = members[host].place;
    CG_ASSERT(at < ring->count && ring->hosts[at] == host);
    if (at < ring->next) { /* the gap goes to the end of those who had their turn */
        ring->next--;
        place(ring, members, at, ring->hosts[ring->next]);
        at = ring->next;
    }
    ring->count--;
    if (at < ring->count) {
        place(ring, members, at, ring->hosts[ring->count]);
    }
}

static bool holds(const uint32_t *values, uint32_t count, uint32_t value) {
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == value) {
            return true;
        }
    }
    return false;
}

uint32_t cg_swim_helpers(cg_swim *swim, uint32_t target, uint32_t *helpers) {
    const swim_member *member = &swim->members[target];
    uint32_t left_out = member->liveness == CG_SWIM_DEAD ? SWIM_NOWHERE : member->place;
    uint32_t others = swim->live.count - (left_out == SWIM_NOWHERE ? 0 : 1);
    uint32_t count = swim->options.indirect < others ? swim->options.indirect : others;
    uint32_t drawn = 0;
    for (uint32_t top = others - count; top < others; top++) {
        uint32_t at = (uint32_t)cg_stream_next_below(&swim->helper_stream, top + 1);
        helpers[drawn] = holds(helpers, drawn, at) ? top : at;
        drawn++;
    }
    for (uint32_t i = 0; i < count; i++) {
        helpers[i] = swim->live.hosts[helpers[i] + (helpers[i] >= left_out ? 1 : 0)];
    }
    return count;
}
