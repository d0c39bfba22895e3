/* Options and faults, all drawn from a seed: clients ask and read, hosts crash, disks tear and are lost,
 * the network is hurt; then all is healed, and the group must come to one log. */
#ifndef CG_TESTS_SUPPORT_GROUP_SCHEDULE_H
#define CG_TESTS_SUPPORT_GROUP_SCHEDULE_H

#include "tests/support/group_checks.h"

enum { ACT_CLIENT, ACT_FAULT, ACT_RESTART /* + host */, ACT_WAKE = ACT_RESTART + WORLD_HOSTS };

/* When faults end; within how long then a primary serves, and all logs are level. */
#define SCHEDULE_SERVES_NS (10 * WORLD_S)
#define SCHEDULE_LEVEL_NS  (25 * WORLD_S)

static inline cg_group_options schedule_options(uint64_t seed) {
    cg_stream stream = cg_stream_init(seed, "group.options", 0);
    cg_group_options options = cg_group_options_default();
    options.number = 7;
    uint64_t size = cg_stream_next_below(&stream, 10);
    options.voter_count = size == 0 ? 1 : size < 3 ? 2 : 3;
    options.acknowledge = (cg_acknowledge)cg_stream_next_below(&stream, CG_ACKNOWLEDGE_COUNT);
    options.has_witness = options.voter_count == 3 && cg_stream_next_below(&stream, 5) == 0;
    options.fails_over = cg_stream_next_below(&stream, 6) != 0;
    options.writes_max = (uint32_t)cg_stream_next_below(&stream, 4);
    if (cg_stream_next_below(&stream, 3) > 0) { /* many epochs in a short time */
        options.election_ns = 200 * WORLD_MS;
        options.heartbeat_ns = 40 * WORLD_MS;
        options.resend_ns = 30 * WORLD_MS;
    }
    return options;
}

static inline void schedule_client(world *w) {
    world_host *host = &w->hosts[world_below(w, w->hosts_count)];
    if (world_serves(host)) {
        uint64_t count = world_below(w, 20) == 0 ? 1 + world_below(w, 120) : 1;
        for (uint64_t i = 0; i < count && !w->has_failed && world_serves(host); ++i) {
            world_ask(w, host);
        }
    }
    host = &w->hosts[world_below(w, w->hosts_count)];
    if (!w->has_failed && host->is_up && host->paused_ns <= w->now_ns &&
        world_below(w, 3) == 0) {
        world_look(w, host);
    }
    world_act_at(w, w->now_ns + world_below(w, 120 * WORLD_MS), ACT_CLIENT);
}

static inline void schedule_heal_links(world *w) {
    memset(w->is_blocked, 0, sizeof w->is_blocked);
}

static inline void schedule_partition(world *w, uint32_t one) {
    uint32_t other = (uint32_t)world_below(w, w->hosts_count);
    switch (world_below(w, 4)) {
    case 0: /* cut off */
        for (uint32_t h = 0; h < w->hosts_count; ++h) {
            w->is_blocked[one][h] = w->is_blocked[h][one] = true;
        }
        break;
    case 1: /* one way */
        w->is_blocked[one][other] = true;
        break;
    case 2: /* a pair */
        w->is_blocked[one][other] = w->is_blocked[other][one] = true;
        break;
    default: /* hears nobody */
        for (uint32_t h = 0; h < w->hosts_count; ++h) {
            w->is_blocked[h][one] = true;
        }
    }
}

/* Whether what is safe outlives the loss of this disk: one at a time. */
static inline bool schedule_may_lose(world *w, const world_host *host) {
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        const world_host *other = &w->hosts[h];
        if (other->forgot || other->disk_life == UINT64_MAX ||
            (other->is_up && cg_group_is_recovering(other->group))) {
            return false;
        }
        if (!other->is_up && other != host && !world_unites(w)) {
            return false; /* it may be recovering */
        }
    }
    if (world_unites(w)) {
        return true;
    }
    if (w->hosts_count == 1 || (w->options.has_witness && !world_is_level(w))) {
        return false;
    }
    bool is_kept = false;
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        if (&w->hosts[h] == host || world_is_witness(w, h)) {
            continue;
        }
        fold f = fold_of(&w->hosts[h]);
        bool has = f.count >= w->committed_count &&
                   (w->committed_count == 0 ||
                    cg_log_id_compare(&f.ids[w->committed_count - 1],
                                      &w->committed[w->committed_count - 1]) == 0);
        is_kept = is_kept || has;
        free(f.ids);
    }
    return is_kept;
}

/* All of the disk, or what stands behind some place. */
static inline void schedule_lose(world *w, world_host *host) {
    fold before = fold_of(host);
    if (world_below(w, 2) == 0) {
        host->journal_bytes = 0;
        host->disk_life = UINT64_MAX; /* of the next start */
        w->counts.losses++;
    } else {
        host->journal_bytes = (size_t)world_below(w, host->journal_bytes + 1);
        w->counts.altered++;
    }
    host->forgot = true;
    check_loss(w, host, &before);
    free(before.ids);
}

static inline void schedule_crash(world *w, world_host *host, bool may_lose) {
    if (!host->is_up) {
        return;
    }
    bool is_lost = may_lose && world_below(w, 4) == 0 && schedule_may_lose(w, host);
    world_crash(w, host);
    host->paused_ns = 0;
    if (is_lost) {
        schedule_lose(w, host);
    }
    uint64_t down = world_below(w, 4) == 0 ? world_below(w, 5 * w->options.election_ns)
                                           : world_below(w, w->options.election_ns / 3);
    world_act_at(w, w->now_ns + down, ACT_RESTART + host->number);
}

static inline void schedule_crash_all(world *w) {
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        schedule_crash(w, &w->hosts[h], false);
    }
}

/* Whoever leads is worth hurting. */
static inline world_host *schedule_victim(world *w) {
    world_host *primary = world_primary(w);
    return primary && world_below(w, 2) == 0 ? primary
                                             : &w->hosts[world_below(w, w->hosts_count)];
}

static inline void schedule_network(world *w) {
    if (world_below(w, 2) == 0) {
        w->loss_percent = (uint32_t)world_below(w, 2) * (uint32_t)world_below(w, 40);
        w->duplicate_percent = (uint32_t)world_below(w, 2) * (uint32_t)world_below(w, 40);
        w->late_percent = (uint32_t)world_below(w, 2) * (uint32_t)world_below(w, 10);
        return;
    }
    uint64_t most = w->options.election_ns / 4;
    w->delay_ns = world_below(w, 3) == 0 ? world_below(w, most) : world_below(w, most / 20);
    w->spread_ns = world_below(w, 3) == 0 ? world_below(w, most) : world_below(w, most / 20);
}

static inline void schedule_fault(world *w) {
    world_host *host = schedule_victim(w);
    switch (world_below(w, 12)) {
    case 0:
    case 1:
    case 2:
        schedule_crash(w, host, true);
        break;
    case 3:
        schedule_crash_all(w);
        break;
    case 4:
    case 5:
        schedule_partition(w, host->number);
        break;
    case 6:
    case 7:
        schedule_heal_links(w);
        break;
    case 8:
    case 9:
        host->disk_ns = world_below(w, 2) == 0 ? world_below(w, w->options.election_ns)
                                               : 1 + world_below(w, 40 * WORLD_MS);
        break;
    case 10:
        host->paused_ns = w->now_ns + world_below(w, 4 * w->options.election_ns);
        world_act_at(w, host->paused_ns, ACT_WAKE + host->number);
        break;
    default:
        schedule_network(w);
    }
    world_act_at(w, w->now_ns + world_below(w, w->options.election_ns), ACT_FAULT);
}

typedef struct schedule_state {
    bool has_faults;
    bool has_clients;
} schedule_state;
static schedule_state schedule_now; /* of the one world that runs */

static inline void schedule_act(world *w, uint64_t action) {
    if (action == ACT_CLIENT) {
        if (schedule_now.has_clients) {
            schedule_client(w);
        }
    } else if (action == ACT_FAULT) {
        if (schedule_now.has_faults) {
            schedule_fault(w);
        }
    } else if (action >= ACT_WAKE) { /* what it is asked first, it may answer by what it knew */
        world_host *host = &w->hosts[action - ACT_WAKE];
        if (world_serves(host) && world_below(w, 2) == 0) {
            world_ask(w, host);
        }
        if (host->is_up && !w->has_failed) {
            world_look(w, host);
        }
    } else if (!w->hosts[action - ACT_RESTART].is_up) {
        world_restart(w, &w->hosts[action - ACT_RESTART]);
    }
}

static inline void schedule_heal(world *w) {
    schedule_now.has_faults = false;
    schedule_heal_links(w);
    w->loss_percent = w->duplicate_percent = w->late_percent = 0;
    w->delay_ns = w->spread_ns = WORLD_MS;
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        w->hosts[h].disk_ns = 2 * WORLD_MS;
        w->hosts[h].paused_ns = 0;
        if (!w->hosts[h].is_up) {
            world_restart(w, &w->hosts[h]);
        }
    }
}

/* Idle: heartbeats and their answers alone; without fail-over, nothing at all. */
static inline void schedule_check_rest(world *w) {
    uint64_t before = w->counts.messages;
    world_run(w, w->now_ns + 10 * WORLD_S);
    uint64_t sent = w->counts.messages - before;
    uint64_t allowed = w->options.fails_over ? (uint64_t)(w->hosts_count - 1) * 2 *
                                                   (10 * WORLD_S / w->options.heartbeat_ns + 2)
                                             : 0;
    if (sent > allowed) {
        world_fail(w, "an idle group sent %llu messages in 10 s; at most %llu",
                   (unsigned long long)sent, (unsigned long long)allowed);
    }
    cg_heap_entry entry;
    if (!w->options.fails_over && cg_heap_peek(&w->heap, &entry)) {
        world_fail(w, "an idle group without fail-over waits for something");
    }
}

static inline void schedule_run(world *w, uint64_t faults_ns) {
    w->act = schedule_act;
    schedule_now = (schedule_state){true, true};
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        world_start(w, &w->hosts[h]);
    }
    world_act_at(w, 0, ACT_CLIENT);
    world_act_at(w, world_below(w, WORLD_S), ACT_FAULT);
    world_run(w, faults_ns);
    schedule_heal(w);
    uint64_t healed = w->now_ns;
    world_run(w, healed + SCHEDULE_SERVES_NS);
    if (!w->has_failed && !world_primary(w)) {
        world_fail(w, "nobody serves though all was healed");
    }
    schedule_now.has_clients = false;
    world_run(w, healed + SCHEDULE_LEVEL_NS);
    if (!w->has_failed) {
        check_end(w);
    }
    if (!w->has_failed) {
        schedule_check_rest(w);
    }
}

#endif
