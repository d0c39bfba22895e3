/* What is to be passed on: members by (messages that carried the news, host) in a binary heap
 * with positions (D. Knuth, "The Art of Computer Programming", volume 3, section 5.2.3). News
 * that was sent least goes first, so a burst of changes does not hold back the newest (SWIM,
 * section 4.1).
 */
#include "engine/replica/swim_internal.h"

static bool before(const cg_swim *swim, uint32_t a, uint32_t b) {
    uint32_t sent_a = swim->members[a].sent;
    uint32_t sent_b = swim->members[b].sent;
    return sent_a != sent_b ? sent_a < sent_b : a < b;
}

static void place(cg_swim *swim, uint32_t spot, uint32_t host) {
    swim->news[spot] = host;
    swim->members[host].spot = spot;
}

static void sift_up(cg_swim *swim, uint32_t spot, uint32_t host) {
    while (spot > 0 && before(swim, host, swim->news[(spot - 1) / 2])) {
        place(swim, spot, swim->news[(spot - 1) / 2]);
        spot = (spot - 1) / 2;
    }
    place(swim, spot, host);
}

static void sift_down(cg_swim *swim, uint32_t spot, uint32_t host) {
    for (;;) {
        uint32_t child = 2 * spot + 1;
        if (child + 1 < swim->news_count &&
            before(swim, swim->news[child + 1], swim->news[child])) {
            child++;
        }
        if (child >= swim->news_count || !before(swim, swim->news[child], host)) {
            place(swim, spot, host);
            return;
        }
        place(swim, spot, swim->news[child]);
        spot = child;
    }
}

static void push(cg_swim *swim, uint32_t host) {
    sift_up(swim, swim->news_count++, host);
}

static uint32_t pop(cg_swim *swim) {
    uint32_t first = swim->news[0];
    uint32_t last = swim->news[--swim->news_count];
    swim->members[first].spot = SWIM_NOWHERE;
    if (first != last) {
        sift_down(swim, 0, last);
    }
    return first;
}

void cg_swim_news_add(cg_swim *swim, uint32_t host) {
    swim_member *member = &swim->members[host];
    member->sent = 0;
    if (member->spot == SWIM_NOWHERE) {
        push(swim, host);
    } else {
        sift_up(swim, member->spot, host);
    }
}

/* By insertion: there are few. */
static void sort_by_host(swim_update *updates, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        swim_update update = updates[i];
        uint32_t at = i;
        for (; at > 0 && updates[at - 1].host > update.host; at--) {
            updates[at] = updates[at - 1];
        }
        updates[at] = update;
    }
}

static bool holds(const swim_update *updates, uint32_t count, uint32_t host) {
    for (uint32_t i = 0; i < count; i++) {
        if (updates[i].host == host) {
            return true;
        }
    }
    return false;
}

/* Each of the dead once at most. They are told of as SUSPECT, as memberlist does it when two
 * members exchange all they know: a wrong claim can be answered before it kills. */
static uint32_t add_dead(cg_swim *swim, uint32_t to, swim_update *updates, uint32_t count) {
    uint32_t room = swim->options.updates_max - count;
    uint32_t tries = 2 * room < swim->dead.count ? 2 * room : swim->dead.count;
    for (uint32_t i = 0; i < tries && count < swim->options.updates_max; i++) {
        swim->tell_next = swim->tell_next + 1 < swim->dead.count ? swim->tell_next + 1 : 0;
        uint32_t host = swim->dead.hosts[swim->tell_next];
        if (host != to && !holds(updates, count, host)) {
            updates[count++] =
                (swim_update){host, {swim->members[host].incarnation, CG_SWIM_SUSPECT}};
        }
    }
    return count;
}

uint32_t cg_swim_news_take(cg_swim *swim, uint32_t to, bool is_told, swim_update *updates) {
    uint32_t count = 0;
    bool met_receiver = false; /* the header says it all of him */
    while (count < swim->options.updates_max && swim->news_count > 0) {
        uint32_t host = pop(swim);
        if (host == to) {
            met_receiver = true;
            continue;
        }
        const swim_member *member = &swim->members[host];
        updates[count++] = (swim_update){host, {member->incarnation, member->liveness}};
    }
    for (uint32_t i = 0; i < count; i++) {
        if (++swim->members[updates[i].host].sent < swim->sent_limit) {
            push(swim, updates[i].host);
        }
    }
    if (met_receiver) {
        push(swim, to);
    }
    if (is_told) {
        count = add_dead(swim, to, updates, count);
    }
    sort_by_host(updates, count);
    return count;
}

void cg_swim_news_drop_dead(cg_swim *swim) {
    uint32_t count = swim->news_count;
    swim->news_count = 0;
    for (uint32_t i = 0; i < count; i++) { /* what is kept never passes what is read */
        uint32_t host = swim->news[i];
        swim->members[host].spot = SWIM_NOWHERE;
        if (swim->members[host].liveness != CG_SWIM_DEAD) {
            push(swim, host);
        }
    }
}
