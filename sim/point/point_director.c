/* What a point does while its world runs: samples of the series, hooks and what they hurt, each at its
 * time; and when nothing is left to happen, so that the run can end.
 */
#include <string.h>

#include "sim/fault/host_schedule.h"
#include "sim/fault/schedule.h"
#include "sim/point/engine_options.h"
#include "sim/point/live.h"
#include "sim/point/point_internal.h"
#include "sim/scenario/host_fault_text.h"

enum { HOOK_ACTIONS_MAX = 64 };

/* --- what is done ---------------------------------------------------------- */

static uint64_t backlog_records(const sim_point *self) {
    uint64_t backlog = 0;
    for (uint32_t host = 0;
         sim_engine_replicas(self->options) > 0 && host < self->options->cluster.hosts;
         ++host) {
        backlog += sim_host_is_up(self->hosts[host]) ? cg_node_backlog(self->nodes[host]) : 0;
    }
    return backlog;
}

static uint64_t next_ns(void *context) {
    const sim_point *self = context;
    uint64_t hooks_ns = self->input->hooks ? sim_hooks_next_ns(self->input->hooks) : UINT64_MAX;
    return hooks_ns < self->next_sample_ns ? hooks_ns : self->next_sample_ns;
}

static cg_status take_sample(sim_point *self, uint64_t now_ns, cg_error *error) {
    uint64_t offered = sim_measure_offered(&self->measure, now_ns);
    cg_node_statistics node = cg_node_statistics_of(self->nodes[0]);
    sim_sample sample = {.time_ns = now_ns,
                         .open_requests = offered - self->measure.replied_count,
                         .backlog_records = backlog_records(self),
                         .prefetch = node.prefetch,
                         .l1_capacity = node.tiers.capacity[0],
                         .permits = node.admission.permits};
    memcpy(sample.batch, node.batch_size, sizeof sample.batch);
    self->next_sample_ns += self->options->series_ns;
    return sim_measure_sample(&self->measure, &sample, error);
}

static cg_status apply_fault(sim_point *self, const sim_fault *fault, uint64_t at_ns,
                             cg_error *error) {
    return sim_host_fault_is(fault->action)
               ? sim_fault_apply_to_hosts(fault, at_ns, self->hosts, error)
               : sim_fault_apply(fault, at_ns, self->fabric, error);
}

static cg_status run_hooks(sim_point *self, uint64_t now_ns, cg_error *error) {
    sim_live_metric live[SIM_LIVE_METRICS];
    sim_hook_action actions[HOOK_ACTIONS_MAX];
    uint32_t count = 0;
    sim_live_metrics(&self->measure, self->fabric, backlog_records(self), now_ns, live);
    cg_status status = sim_hooks_run(self->input->hooks, now_ns, live, SIM_LIVE_METRICS,
                                     actions, HOOK_ACTIONS_MAX, &count, error);
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        if (actions[i].is_note) {
            status = sim_measure_mark(&self->measure, now_ns, "note", actions[i].note, error);
            continue;
        }
        char text[256];
        sim_fault_describe(&actions[i].fault, text, sizeof text);
        status = apply_fault(self, &actions[i].fault, now_ns + 1, error);
        if (status == CG_OK) {
            status = sim_measure_mark(&self->measure, now_ns + 1,
                                      sim_fault_name(actions[i].fault.action), text, error);
        }
    }
    return status;
}

static cg_status act(void *context, uint64_t now_ns, cg_error *error) {
    sim_point *self = context;
    cg_status status = CG_OK;
    if (self->next_sample_ns <= now_ns) {
        status = take_sample(self, now_ns, error);
    }
    if (status == CG_OK && self->input->hooks &&
        sim_hooks_next_ns(self->input->hooks) <= now_ns) {
        status = run_hooks(self, now_ns, error);
    }
    return status;
}

/* --- what has settled ------------------------------------------------------ */

static bool all_idle(const sim_point *self) {
    for (uint32_t host = 0; host < self->options->cluster.hosts; ++host) {
        if (sim_host_is_up(self->hosts[host]) && !cg_node_idle(self->nodes[host])) {
            return false;
        }
    }
    return true;
}

static bool all_up(const sim_point *self) {
    for (uint32_t host = 0; host < self->options->cluster.hosts; ++host) {
        if (!sim_host_is_up(self->hosts[host])) {
            return false;
        }
    }
    return true;
}

/* Whether each partition has one primary: while none is known, or two are, there is more to come. */
static bool all_led(const sim_point *self) {
    const sim_options *options = self->options;
    uint32_t partitions = options->cluster.hosts * options->engine.spaces;
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        uint32_t primaries = 0;
        for (uint32_t n = 0; n <= sim_engine_replicas(options); ++n) {
            uint32_t hosts = options->cluster.hosts;
            uint32_t host = cg_node_keeper_of(partition, hosts, n);
            uint64_t epoch = 0;
            primaries += sim_host_is_up(self->hosts[host]) &&
                         cg_node_is_primary(self->nodes[host], partition, &epoch);
        }
        if (primaries != 1) {
            return false;
        }
    }
    return true;
}

/* Whether all hosts that are up have the same edges. */
static bool all_merged(const sim_point *self) {
    const sim_options *options = self->options;
    for (uint32_t space = 0; space < options->engine.spaces; ++space) {
        cg_edges_state known = {0};
        for (uint32_t host = 0; host < options->cluster.hosts; ++host) {
            if (!sim_host_is_up(self->hosts[host])) {
                continue;
            }
            cg_edges_state state = cg_node_edges(self->nodes[host], space);
            if (known.present && known.state_hash != state.state_hash) {
                return false;
            }
            known = state;
        }
    }
    return true;
}

bool sim_point_is_settled(const sim_point *self) {
    return all_up(self) && all_idle(self) && all_led(self) && all_merged(self);
}

/* All requests are answered, and replicas are level; where hosts take over from one another, nobody
 * knows whether one that is silent will come back, so they are waited for so long. */
static bool finished(void *context) {
    static const uint64_t patience_ns = UINT64_C(60000000000);
    sim_point *self = context;
    if (self->measure.replied_count != self->measure.request_count) {
        return false;
    }
    const sim_options *options = self->options;
    if (!options->engine.failover || !sim_ground_corpus(self->input->ground)) {
        return all_idle(self);
    }
    bool merged = !(options->load.edges > 0.0) || all_merged(self);
    if (merged && self->measure.merged_ns == 0) {
        self->measure.merged_ns = self->seen_ns;
    }
    return (merged && all_idle(self) && all_led(self)) ||
           self->seen_ns > self->measure.last_reply_ns + patience_ns;
}

sim_director sim_point_director(sim_point *self) {
    return (sim_director){next_ns, act, finished, self};
}
