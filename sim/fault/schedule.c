#include "sim/fault/schedule.h"

#include <string.h>

#include "sim/fault/fault_words.h"
#include "sim/fault/host_schedule.h"
#include "sim/scenario/delay_text.h"
#include "sim/scenario/fault_text.h"
#include "sim/scenario/host_fault_text.h"

const char *sim_fault_name(sim_fault_action action) {
    return (unsigned)action < SIM_FAULT_ACTIONS ? sim_fault_actions[action] : "unknown";
}

/* --- to the fabric --------------------------------------------------------- */

static const double half = 0.5;

static uint64_t on_of(const sim_fault *fault) {
    double duty = fault->duty > 0.0 ? fault->duty : half;
    uint64_t on_ns = (uint64_t)((double)fault->period_ns * duty + half);
    if (on_ns < 1) {
        return 1;
    }
    return on_ns < fault->period_ns ? on_ns : fault->period_ns;
}

/* The law of a latency or a hold, constants apart; NULL: the change has none. */
static const sim_delay *law_of(const sim_fault *fault, sim_delay *constant) {
    if (fault->delay.kind != SIM_DELAY_CONSTANT) {
        return &fault->delay;
    }
    *constant = (sim_delay){.place_ns = fault->duration_ns};
    return fault->duration_ns > 0 ? constant : NULL;
}

cg_status sim_fault_apply(const sim_fault *fault, uint64_t at_ns, sim_fabric *fabric,
                          cg_error *error) {
    sim_delay constant;
    sim_fabric_change change = {.at_ns = at_ns,
                                .hosts = fault->hosts,
                                .host_count = fault->host_count,
                                .from = fault->from.ranges,
                                .from_count = fault->from.count,
                                .to = fault->to.ranges,
                                .to_count = fault->to.count,
                                .one_way = fault->one_way,
                                .value_ns = fault->duration_ns,
                                .probability = fault->probability,
                                .copies = fault->copies,
                                .bits_per_s = fault->bits_per_s,
                                .name = fault->name,
                                .ends_ns = fault->ends_ns};
    switch (fault->action) {
    case SIM_FAULT_PARTITION:
        change.kind = SIM_FABRIC_PARTITION;
        break;
    case SIM_FAULT_HEAL:
        change.kind = SIM_FABRIC_HEAL;
        break;
    case SIM_FAULT_LATENCY:
        change.kind = SIM_FABRIC_LATENCY;
        change.delay = law_of(fault, &constant);
        break;
    case SIM_FAULT_JITTER:
        change.kind = SIM_FABRIC_JITTER;
        break;
    case SIM_FAULT_LOSS:
        change.kind = SIM_FABRIC_LOSS;
        break;
    case SIM_FAULT_DUPLICATE:
        change.kind = SIM_FABRIC_DUPLICATE;
        break;
    case SIM_FAULT_REORDER:
        change.kind = SIM_FABRIC_REORDER;
        change.delay = law_of(fault, &constant);
        break;
    case SIM_FAULT_CORRUPT:
        change.kind = SIM_FABRIC_CORRUPT;
        break;
    case SIM_FAULT_BANDWIDTH:
        change.kind = SIM_FABRIC_BANDWIDTH;
        break;
    case SIM_FAULT_FLAP:
        change.kind = SIM_FABRIC_PARTITION;
        change.period_ns = fault->period_ns;
        change.on_ns = on_of(fault);
        break;
    default:
        return cg_error_set(error, CG_ERROR_INVALID, "%d is no kind of fault",
                            (int)fault->action);
    }
    return sim_fabric_change_at(fabric, &change, error);
}

cg_status sim_fault_schedule(const sim_options *options, sim_fabric *fabric, cg_error *error) {
    for (uint32_t i = 0; i < options->fault_count; i++) {
        const sim_fault *fault = &options->faults[i];
        if (sim_host_fault_is(fault->action)) {
            continue; /* sim_fault_schedule_hosts */
        }
        cg_status status = sim_fault_apply(fault, fault->at_ns, fabric, error);
        if (status != CG_OK) {
            return sim_fault_blame(status, fault, i, error);
        }
    }
    return CG_OK;
}

/* --- as text --------------------------------------------------------------- */

static void say_side(sim_fault_line *line, const sim_fault_side *side, const char *word) {
    for (uint32_t i = 0; i < side->count; i++) {
        const sim_host_range *range = &side->ranges[i];
        sim_fault_say(line, "%s %u", i > 0 ? "," : word, range->first);
        if (range->last > range->first) {
            sim_fault_say(line, "-%u", range->last);
        }
    }
}

static void say_law(sim_fault_line *line, const sim_fault *fault) {
    if (fault->delay.kind == SIM_DELAY_CONSTANT) {
        sim_fault_say(line, " %llu ns", (unsigned long long)fault->duration_ns);
        return;
    }
    char law[SIM_DELAY_TEXT_BYTES];
    sim_delay_format(&fault->delay, law);
    sim_fault_say(line, " %s", law);
}

/* How much, how long, or by which law. */
static void say_value(sim_fault_line *line, const sim_fault *fault) {
    switch (fault->action) {
    case SIM_FAULT_LATENCY:
    case SIM_FAULT_JITTER:
        say_law(line, fault);
        break;
    case SIM_FAULT_LOSS:
    case SIM_FAULT_DUPLICATE:
    case SIM_FAULT_REORDER:
    case SIM_FAULT_CORRUPT:
        sim_fault_say(line, " %g", fault->probability);
        break;
    case SIM_FAULT_BANDWIDTH:
        sim_fault_say(line, " %llu bit/s", (unsigned long long)fault->bits_per_s);
        break;
    case SIM_FAULT_FLAP:
        sim_fault_say(line, " for %llu of each %llu ns", (unsigned long long)on_of(fault),
                      (unsigned long long)fault->period_ns);
        break;
    default: /* a partition and a heal have none; those of hosts: sim_fault_describe_hosts */
        break;
    }
}

size_t sim_fault_describe(const sim_fault *fault, char *text, size_t capacity_bytes) {
    if (sim_host_fault_is(fault->action)) {
        return sim_fault_describe_hosts(fault, text, capacity_bytes);
    }
    sim_fault_line line = {.text = text, .capacity_bytes = capacity_bytes};
    sim_fault_say(&line, "%s", sim_fault_name(fault->action));
    if (fault->name[0] != '\0') {
        sim_fault_say(&line, " \"%s\"", fault->name);
    }
    if (fault->host_count > 0) {
        sim_fault_say_hosts(&line, fault);
    }
    say_value(&line, fault);
    say_side(&line, &fault->from, " from");
    say_side(&line, &fault->to, " to");
    if (fault->one_way) {
        sim_fault_say(&line, " one way");
    }
    return line.length;
}

sim_fabric_options sim_fault_fabric(const sim_options *options, sim_delay *law) {
    const sim_network_options *network = &options->cluster.network;
    bool drawn = strcmp(network->law, "constant") != 0;
    if (drawn) {
        cg_status status = sim_delay_parse(network->law, law, NULL);
        CG_ASSERT(status == CG_OK); /* sim_options_check */
    }
    return (sim_fabric_options){
        .hosts = options->cluster.hosts,
        .seed = options->seed,
        .latency_ns = network->latency_ns,
        .jitter_ns = network->jitter_ns,
        .loss = network->loss,
        .duplicate = network->duplicate,
        .reorder = network->reorder,
        .corrupt = network->corrupt,
        .copies = network->copies,
        .delay = drawn ? law : NULL,
    };
}
