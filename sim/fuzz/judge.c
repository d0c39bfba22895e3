#include "sim/check/history.h"
#include "sim/check/linearizable.h"
#include "sim/check/session.h"
#include "sim/fuzz/trial_internal.h"

enum { MS = 1000000 };
/* From invocation to answer. Every try waits for its timeout; a host that is slow takes longer. */
#define SLACK_NS UINT64_C(15000000000)

/* --- the history --------------------------------------------------------------------- */

static sim_operation_kind kind_of(const sim_trial *trial, uint32_t i) {
    switch (trial->workload.requests[i].kind) {
    case SIM_REQUEST_ALLOCATE:
        return SIM_OPERATION_ALLOCATE;
    case SIM_REQUEST_BATCH:
        return SIM_OPERATION_BATCH;
    case SIM_REQUEST_DEALLOCATE:
        return SIM_OPERATION_DEALLOCATE;
    case SIM_REQUEST_GET:
        return SIM_OPERATION_GET;
    case SIM_REQUEST_EDGE:
        return sim_requests_edge(&trial->requests, i).removes ? SIM_OPERATION_EDGE_REMOVE
                                                              : SIM_OPERATION_EDGE_OBSERVE;
    case SIM_REQUEST_SPREAD:
        return SIM_OPERATION_SPREAD;
    default: /* all others read, and say nothing about a register */
        return SIM_OPERATION_RECALL;
    }
}

static sim_mode mode_of(const sim_trial *trial, sim_operation_kind kind) {
    static const sim_mode modes[] = {[SIM_ACKNOWLEDGE_PRIMARY] = SIM_MODE_PRIMARY,
                                     [SIM_ACKNOWLEDGE_QUORUM] = SIM_MODE_QUORUM,
                                     [SIM_ACKNOWLEDGE_ALL] = SIM_MODE_ALL};
    return kind <= SIM_OPERATION_DEALLOCATE ? modes[trial->options->engine.acknowledge]
                                            : SIM_MODE_NONE;
}

/* Where one host alone can be the primary, it has seen what it acknowledged. */
static bool promises(const sim_trial *trial) {
    return !trial->options->engine.failover ||
           trial->options->engine.acknowledge != SIM_ACKNOWLEDGE_PRIMARY;
}

static cg_status add_operation(sim_trial *trial, sim_history *history, uint32_t i,
                               cg_error *error) {
    const sim_request_plan *plan = &trial->workload.requests[i];
    const sim_trial_answer *answer = &trial->answers[i];
    const cg_reply *reply = &answer->reply;
    sim_operation_kind kind = kind_of(trial, i);
    bool is_about = kind == SIM_OPERATION_DEALLOCATE || kind == SIM_OPERATION_GET;
    sim_operation operation = {
        .id = (uint64_t)i + 1,
        .key = is_about ? (uint64_t)plan->target + 1 : (uint64_t)i + 1,
        .invoke_ns = plan->at_ns,
        .client = plan->client,
        .host_asked = plan->host,
        .space = plan->space,
        .kind = kind,
        .acknowledge = mode_of(trial, kind),
        .promised = kind == SIM_OPERATION_GET && promises(trial),
        .count = kind == SIM_OPERATION_BATCH ? plan->fact_count : 0,
    };
    cg_status status = sim_history_invoke(history, &operation, error);
    if (status != CG_OK || !answer->replied) {
        return status;
    }
    sim_operation end = {.id = operation.id,
                         .complete_ns = answer->at_ns,
                         .status = reply->status,
                         .host_answered = reply->host,
                         .has_answer = reply->status == CG_OK};
    bool is_good = sim_effect_of(reply->status) == SIM_EFFECT_OK;
    if (is_good) {
        /* Facts of a batch do not follow one another: their ids are its own, with places above. */
        bool has_fact = kind == SIM_OPERATION_ALLOCATE || kind == SIM_OPERATION_DEALLOCATE;
        end.fact_id = has_fact ? reply->fact_id : 0;
        end.found = kind == SIM_OPERATION_GET;
        end.has_value = kind == SIM_OPERATION_ALLOCATE || kind == SIM_OPERATION_GET;
        end.value = end.has_value ? reply->fact_id : 0;
        end.count = kind == SIM_OPERATION_BATCH ? reply->count : 0;
    }
    return sim_history_complete(history, &end, error);
}

/* --- the final state -------------------------------------------------------------------- */

enum { PLACE_SHIFT = SIM_BATCH_PLACE_SHIFT };

static uint32_t partition_of(const sim_trial *trial, uint64_t key, uint32_t space) {
    uint64_t id = key & ((UINT64_C(1) << PLACE_SHIFT) - 1);
    return cg_node_partition_number(id, space, trial->options->cluster.hosts);
}

static uint32_t members(void *context, uint64_t key, const sim_operation *operation,
                        uint32_t hosts[SIM_MEMBERS_MAX]) {
    const sim_trial *trial = context;
    uint32_t partition = partition_of(trial, key, operation->space);
    uint32_t count = trial->options->engine.replicas + 1;
    uint32_t primary = 0;
    for (uint32_t n = 0; n < count; ++n) {
        uint64_t epoch = 0;
        hosts[n] = cg_node_keeper_of(partition, trial->options->cluster.hosts, n);
        primary = cg_node_is_primary(trial->nodes[hosts[n]], partition, &epoch) ? n : primary;
    }
    uint32_t first = hosts[primary];
    hosts[primary] = hosts[0];
    hosts[0] = first;
    return count;
}

static sim_final_fact look(void *context, uint64_t key, const sim_operation *operation,
                           uint32_t host) {
    const sim_trial *trial = context;
    cg_fact_state view =
        cg_node_fact(trial->nodes[host], partition_of(trial, key, operation->space), key);
    return (sim_final_fact){.presence = !view.known    ? SIM_PRESENCE_ABSENT
                                        : view.removed ? SIM_PRESENCE_REMOVED
                                                       : SIM_PRESENCE_PRESENT,
                            .copies = view.known && !view.removed};
}

/* --- what clients saw ------------------------------------------------------------------- */

static cg_status judge_promises(sim_trial *trial, const sim_history *history,
                                const cg_table *excused, cg_error *error) {
    sim_session_report session = {0};
    cg_status status = sim_check_sessions(trial->allocator, history, excused, &session, error);
    uint64_t *of = trial->counts.of;
    of[SIM_COUNT_SESSION_READS] += session.checked_writes + session.checked_reads;
    if (status != CG_OK) {
        return status;
    }
    sim_linear_options options = {.modes = 1u << SIM_MODE_QUORUM | 1u << SIM_MODE_ALL,
                                  .promised_only = true,
                                  .excused = excused};
    sim_linear_report linear = {0};
    status = sim_check_linearizable(trial->allocator, history, &options, &linear, error);
    of[SIM_COUNT_REGISTERS] += linear.registers;
    of[SIM_COUNT_UNKNOWN] += linear.unknown;
    return status == CG_ERROR_PARTIAL ? CG_OK : status;
}

static cg_status judge_history(sim_trial *trial, const sim_history *history, cg_error *error) {
    const sim_engine_options *engine = &trial->options->engine;
    cg_table *excused = NULL;
    cg_status status = cg_table_alloc(trial->allocator, &excused, error);
    if (status != CG_OK) {
        return status;
    }
    sim_final_state state = {.context = trial, .members = members, .look = look};
    uint64_t bound_ns =
        2 * (uint64_t)engine->tries * (engine->timeout_ns + 16 * engine->retry_ns) + SLACK_NS;
    sim_guarantee_options options = {
        .harms = trial->harms,
        .harm_count = trial->harm_count,
        .witnesses = sim_trial_witnesses(trial->options),
        .settled = !trial->crippled,
        .excused = excused,
        .end_ns = trial->ended_ns + 1,
        .within_ns = bound_ns,
        .last_heal_ns = trial->heal_ns,
        .healed_within_ns = bound_ns,
    };
    sim_guarantee_report report = {0};
    status = sim_check_guarantees(trial->allocator, history, trial->crippled ? NULL : &state,
                                  &options, &report, error);
    uint64_t *of = trial->counts.of;
    for (int mode = 0; mode < SIM_MODE_COUNT; ++mode) {
        of[SIM_COUNT_ACKNOWLEDGED] += report.modes[mode].acknowledged;
        of[SIM_COUNT_IN_WINDOW] += report.modes[mode].lost_in_window;
        of[SIM_COUNT_BEYOND] += report.modes[mode].lost_beyond;
    }
    if (status == CG_OK) {
        status = judge_promises(trial, history, excused, error);
    }
    of[SIM_COUNT_HISTORIES]++;
    cg_table_free(excused);
    return status;
}

static cg_status judge_clients(sim_trial *trial, cg_error *error) {
    sim_history *history = NULL;
    cg_status status =
        sim_history_alloc(trial->allocator, (size_t)trial->workload.count + 1, &history, error);
    for (uint32_t i = 0; status == CG_OK && i < trial->workload.count; ++i) {
        status = add_operation(trial, history, i, error);
    }
    if (status == CG_OK) {
        status = sim_history_sort(history, error);
    }
    if (status == CG_OK) {
        status = judge_history(trial, history, error);
    }
    sim_history_free(history);
    return status;
}

cg_status sim_trial_judge(sim_trial *trial, cg_error *error) {
    if (!trial->settled) {
        for (uint32_t partition = 0; partition < sim_trial_partitions(trial); ++partition) {
            bool stops =
                !sim_trial_is_led(trial, partition) && sim_trial_is_crippled(trial, partition);
            trial->counts.of[SIM_COUNT_CRIPPLED] += stops;
            trial->crippled |= stops;
        }
    }
    if (!trial->settled && (!trial->crippled || trial->replied_count < trial->workload.count)) {
        if (sim_trial_settled(trial, error)) {
            cg_error_set(error, CG_ERROR_CORRUPT, "it came to rest at the very end only");
        }
        cg_error_prefix(error, "%llu s after all was healed: ",
                        (unsigned long long)(SIM_FUZZ_SETTLE_NS / 1000 / MS));
        return CG_ERROR_CORRUPT;
    }
    cg_status status = sim_trial_check_state(trial, error);
    for (uint32_t host = 0; status == CG_OK && host < trial->options->cluster.hosts; ++host) {
        status = cg_node_audit(trial->nodes[host], error);
        if (status != CG_OK) {
            cg_error_prefix(error, "host %u: ", host);
        }
    }
    if (status == CG_OK) {
        status = sim_trial_judge_edges(trial, error);
    }
    return status == CG_OK ? judge_clients(trial, error) : status;
}
