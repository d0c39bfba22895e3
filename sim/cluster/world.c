#include "sim/cluster/world.h"

#include "engine/base/hash.h"
#include "sim/scenario/time_limit.h"

const char *sim_outcome_name(sim_outcome outcome) {
    static const char *const names[] = {"finished", "at_rest", "end"};
    return (unsigned)outcome < sizeof names / sizeof *names ? names[outcome] : "unknown";
}

uint64_t sim_world_next_ns(const sim_world *world) {
    return world->director.next_ns ? world->director.next_ns(world->director.context)
                                   : UINT64_MAX;
}

cg_status sim_world_act(const sim_world *world, uint64_t now_ns, cg_error *error) {
    if (!world->director.act) {
        return CG_OK;
    }
    cg_status status = world->director.act(world->director.context, now_ns, error);
    CG_ASSERT(status != CG_OK || sim_world_next_ns(world) > now_ns);
    return status;
}

bool sim_world_finished(const sim_world *world) {
    return world->director.finished && world->director.finished(world->director.context);
}

sim_run_result sim_world_result(const sim_world *world, sim_outcome outcome,
                                uint64_t ended_ns) {
    sim_run_result result = {.outcome = outcome, .ended_ns = ended_ns};
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < world->host_count; i++) {
        const sim_host_statistics *statistics = sim_host_statistics_of(world->hosts[i]);
        for (int kind = 0; kind < CG_EVENT_KIND_COUNT; kind++) {
            result.events += statistics->events[kind];
        }
        cg_hasher_add_u64(&hasher, sim_host_fingerprint(world->hosts[i]));
    }
    result.fingerprint = cg_hasher_value(&hasher);
    return result;
}

void sim_world_tell_sent(const sim_world *world, const sim_observed_message *message,
                         const sim_flight *flight) {
    const sim_observer *observer = world->observer;
    if (!observer) {
        return;
    }
    sim_observed_message copy = *message;
    for (uint32_t i = 0; observer->sent && i < flight->copies; i++) {
        copy.sequence = flight->sequence[i];
        observer->sent(observer->context, &copy);
    }
    if (observer->dropped && flight->copies == 0) {
        observer->dropped(observer->context, message, flight->cut ? "cut" : "lost");
    }
}

cg_status sim_world_check(const sim_world *world, cg_error *error) {
    if (world->host_count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "a world without hosts cannot run");
    }
    if (world->end_ns > SIM_TIME_MAX_NS) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the run is to end at %llu ns; the most is %llu ns (" SIM_TIME_MAX_TEXT ")",
            (unsigned long long)world->end_ns, (unsigned long long)SIM_TIME_MAX_NS);
    }
    return CG_OK;
}
