/* Each record is durable at some hosts, each since some time; a harm of a host ends its stays that
 * began before. A record whose every stay has ended cannot be there, whatever the protocol does.
 *
 * A host may answer before or after a harm that falls between invocation and answer, so such a
 * harm counts, with a window of 0.
 *
 * Known value (a test asserts it): acknowledged at 10 by host 0, which lost its disk at 25: a
 * window of 15, unless host 1 had the record by 25.
 */
#include "sim/check/loss.h"

cg_status sim_loss_scene_set(sim_loss_scene *scene, const sim_operation *operation,
                             cg_error *error) {
    scene->member_count =
        scene->state->members(scene->state->context, scene->key, operation, scene->members);
    if (scene->member_count == 0 || scene->member_count > SIM_MEMBERS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "the group of key %llu has %u members: 1..%u",
            (unsigned long long)scene->key, scene->member_count, SIM_MEMBERS_MAX);
    }
    return CG_OK;
}

static bool was_harmed(const sim_loss_scene *scene, uint32_t host, uint64_t since_ns) {
    for (size_t i = 0; i < scene->harm_count; ++i) {
        if (scene->harms[i].host == host && scene->harms[i].at_ns >= since_ns) {
            return true;
        }
    }
    return false;
}

/* Members with a harm since the operation was asked for; each once. */
static uint32_t harmed_members(const sim_loss_scene *scene, const sim_operation *change) {
    uint32_t harmed = 0;
    for (uint32_t i = 0; i < scene->member_count; ++i) {
        harmed += was_harmed(scene, scene->members[i], change->invoke_ns);
    }
    return harmed;
}

static sim_loss judge_group(const sim_loss_scene *scene, const sim_operation *change,
                            uint32_t tolerated) {
    return harmed_members(scene, change) > tolerated ? SIM_LOSS_BEYOND : SIM_LOSS_VIOLATION;
}

/* When another host than the one that acknowledged first had the record. */
static uint64_t first_elsewhere(const sim_holder *holders, uint32_t count, uint32_t host) {
    uint64_t first = SIM_TIME_NONE;
    for (uint32_t i = 0; i < count; ++i) {
        if (holders[i].host != host && holders[i].since_ns < first) {
            first = holders[i].since_ns;
        }
    }
    return first;
}

static bool all_stays_ended(const sim_loss_scene *scene, const sim_holder *holders,
                            uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        if (!was_harmed(scene, holders[i].host, holders[i].since_ns)) {
            return false;
        }
    }
    return true;
}

/* The first harm of the host that acknowledged, after its answer, or else the last one between
 * invocation and answer; false when there is none, or another host had the record by then. */
static bool find_window(const sim_loss_scene *scene, const sim_operation *change,
                        uint64_t elsewhere_ns, uint64_t *window_ns) {
    uint64_t after = SIM_TIME_NONE;
    bool during = false;
    for (size_t i = 0; i < scene->harm_count; ++i) {
        const sim_harm *harm = &scene->harms[i];
        if (harm->host != change->host_answered || harm->at_ns < change->invoke_ns ||
            harm->at_ns >= elsewhere_ns) {
            continue;
        }
        if (harm->at_ns < change->complete_ns) {
            during = true;
        } else if (harm->at_ns < after) {
            after = harm->at_ns;
        }
    }
    *window_ns = after == SIM_TIME_NONE ? 0 : after - change->complete_ns;
    return during || after != SIM_TIME_NONE;
}

static sim_loss judge_alone(const sim_loss_scene *scene, const sim_operation *change,
                            uint64_t *window_ns) {
    sim_holder holders[SIM_HOLDERS_MAX];
    uint32_t count = 0;
    if (!change->has_answer) {
        return SIM_LOSS_VIOLATION;
    }
    if (scene->state->holders) {
        count = scene->state->holders(scene->state->context, scene->key, change, holders);
        CG_ASSERT(count <= SIM_HOLDERS_MAX);
    }
    uint64_t elsewhere_ns = first_elsewhere(holders, count, change->host_answered);
    if (find_window(scene, change, elsewhere_ns, window_ns)) {
        return SIM_LOSS_WINDOW;
    }
    return was_harmed(scene, change->host_answered, change->invoke_ns) &&
                   all_stays_ended(scene, holders, count)
               ? SIM_LOSS_BEYOND
               : SIM_LOSS_VIOLATION;
}

sim_loss sim_judge_loss(const sim_loss_scene *scene, const sim_operation *change,
                        uint64_t *window_ns) {
    switch (change->acknowledge) {
    case SIM_MODE_PRIMARY:
        return judge_alone(scene, change, window_ns);
    case SIM_MODE_QUORUM:
        return judge_group(scene, change, (scene->member_count + scene->witnesses - 1) / 2);
    case SIM_MODE_ALL:
        return judge_group(scene, change, scene->member_count - 1);
    default:
        return SIM_LOSS_VIOLATION;
    }
}

bool sim_may_be_lost(const sim_loss_scene *scene, const sim_operation *change) {
    uint64_t window_ns = 0;
    if (change->acknowledge == SIM_MODE_PRIMARY && !change->has_answer) {
        return harmed_members(scene, change) > 0;
    }
    return sim_judge_loss(scene, change, &window_ns) != SIM_LOSS_VIOLATION;
}
