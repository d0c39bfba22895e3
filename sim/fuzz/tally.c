#include <string.h>

#include "sim/fuzz/trial_internal.h"
#include "sim/scenario/fault_text.h"

void sim_trial_tally_node(sim_trial *trial, const cg_node *node) {
    const cg_node_statistics one = cg_node_statistics_of(node);
    const cg_group_statistics *groups = &one.groups;
    const struct {
        sim_fuzz_count count;
        uint64_t value;
    } all[] = {
        {SIM_COUNT_REFUSED, one.messages_refused + groups->refused},
        {SIM_COUNT_CLOCKS_REFUSED, one.clocks_refused},
        {SIM_COUNT_TORN_TAILS, one.torn_tails},
        {SIM_COUNT_ALTERED, one.journals_altered},
        {SIM_COUNT_FRAMES_REPLAYED, one.frames_replayed},
        {SIM_COUNT_FAIL_OVERS, groups->epochs + groups->epochs_alone},
        {SIM_COUNT_EPOCHS, groups->epochs},
        {SIM_COUNT_EPOCHS_ALONE, groups->epochs_alone},
        {SIM_COUNT_ELECTIONS, groups->elections},
        {SIM_COUNT_DEPOSED, groups->deposed},
        {SIM_COUNT_SPLIT_BRAINS, groups->split_brains},
        {SIM_COUNT_UNIONS, groups->unions},
        {SIM_COUNT_RECORDS_UNITED, groups->records_united},
        {SIM_COUNT_RECORDS_DROPPED, groups->records_dropped},
        {SIM_COUNT_RECORDS_RESENT, groups->records_resent},
        {SIM_COUNT_CATCH_UPS, groups->catch_ups},
        {SIM_COUNT_LAG_DROPS, groups->lag_drops},
        {SIM_COUNT_RECOVERIES, groups->recoveries},
        {SIM_COUNT_DEATHS, one.deaths_seen},
        {SIM_COUNT_CUT_SEEN, one.partitions_seen},
        {SIM_COUNT_RETRIES, one.retries},
        {SIM_COUNT_REDIRECTS, one.redirects},
        {SIM_COUNT_REDELIVERIES, one.duplicates},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        trial->counts.of[all[i].count] += all[i].value;
    }
}

static bool has_host(const uint32_t *hosts, uint32_t count, const sim_fault_side *side,
                     uint32_t host) {
    for (uint32_t i = 0; i < count; ++i) {
        if (hosts[i] == host) {
            return true;
        }
    }
    for (uint32_t i = 0; i < side->count; ++i) {
        if (side->ranges[i].first <= host && host <= side->ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Whether the partition is about messages from one host to the other. */
static bool is_about(const sim_fault *fault, uint32_t from, uint32_t to) {
    bool starts = has_host(fault->hosts, fault->host_count, &fault->from, from);
    bool ends = fault->to.count > 0
                    ? has_host(NULL, 0, &fault->to, to)
                    : !has_host(fault->hosts, fault->host_count, &fault->from, to);
    return starts && ends;
}

void sim_trial_note_drop(void *context, const sim_observed_message *message,
                         const char *reason) {
    sim_trial *trial = context;
    if (strncmp(reason, "cut", 3) != 0) {
        return;
    }
    for (uint32_t i = 0; i < trial->options->fault_count; ++i) {
        const sim_fault *fault = &trial->options->faults[i];
        bool holds = sim_fault_cuts(fault->action) && fault->at_ns <= message->time_ns &&
                     (fault->ends_ns == 0 || message->time_ns < fault->ends_ns);
        if (holds && (is_about(fault, message->from, message->to) ||
                      (!fault->one_way && is_about(fault, message->to, message->from)))) {
            trial->cuts[i] = true;
        }
    }
}

static void tally_fabric(sim_trial *trial) {
    const sim_fabric_statistics fabric = sim_fabric_statistics_of(trial->fabric);
    uint64_t *of = trial->counts.of;
    of[SIM_COUNT_MESSAGES] += fabric.sent;
    of[SIM_COUNT_CUT] += fabric.cut;
    of[SIM_COUNT_LOST] += fabric.lost;
    of[SIM_COUNT_DUPLICATED] += fabric.duplicated;
    of[SIM_COUNT_REORDERED] += fabric.reordered;
    of[SIM_COUNT_CORRUPTED] += fabric.corrupted;
    for (uint32_t i = 0; i < trial->options->fault_count; ++i) {
        of[SIM_COUNT_PARTITIONS] += trial->cuts[i];
    }
}

static void tally_requests(sim_trial *trial) {
    for (uint32_t i = 0; i < trial->workload.count; ++i) {
        const sim_trial_answer *answer = &trial->answers[i];
        if (!answer->replied) {
            continue;
        }
        sim_effect effect = sim_effect_of(answer->reply.status);
        uint32_t column = effect == SIM_EFFECT_OK ? 0 : effect == SIM_EFFECT_FAILED ? 1 : 2;
        trial->counts.of[SIM_COUNT_OPERATIONS +
                         trial->workload.requests[i].kind * SIM_FUZZ_EFFECTS + column]++;
    }
}

void sim_trial_tally(sim_trial *trial, uint64_t events) {
    uint64_t *of = trial->counts.of;
    of[SIM_COUNT_RUNS]++;
    of[SIM_COUNT_EVENTS] += events;
    of[SIM_COUNT_SIMULATED_MS] += trial->ended_ns / 1000000;
    of[SIM_COUNT_HOSTS] += trial->options->cluster.hosts;
    of[SIM_COUNT_TERMS] += cg_table_count(trial->terms);
    for (uint32_t host = 0; host < trial->options->cluster.hosts; ++host) {
        const sim_host_statistics *one = sim_host_statistics_of(trial->hosts[host]);
        sim_trial_tally_node(trial, trial->nodes[host]);
        of[SIM_COUNT_CRASHES] += one->crashes;
        of[SIM_COUNT_RESTARTS] += one->restarts;
        of[SIM_COUNT_RESETS] += one->resets;
        of[SIM_COUNT_TORN_CUT] += one->torn_tails;
        of[SIM_COUNT_DISK_LOSSES] += one->disk_losses;
    }
    tally_fabric(trial);
    tally_requests(trial);
}
