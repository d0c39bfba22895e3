/* Reading and writing the fields of a fault. */
#include "sim/scenario/fault_text.h"

#include <inttypes.h>
#include <string.h>

#include "sim/scenario/option_table.h"
#include "sim/scenario/time_limit.h"

const char *const sim_fault_fields[SIM_FAULT_FIELDS] = {"at", "action", "hosts", "one_way",
                                                        "value"};
const char *const sim_fault_actions[] = {"partition", "heal", "latency",
                                         "jitter",    "loss", NULL};

enum { ACTION_COUNT = sizeof sim_fault_actions / sizeof sim_fault_actions[0] - 1 };

static const sim_quantity time_of_fault = {SIM_UNIT_DURATION, "0", SIM_TIME_MAX_TEXT};
static const sim_quantity host_id = {SIM_UNIT_COUNT, "0", "4095"};
/* As the options that the action changes. */
static const sim_quantity latency = {SIM_UNIT_DURATION, "1ns", "1min"};
static const sim_quantity jitter = {SIM_UNIT_DURATION, "0", "1min"};
static const sim_quantity loss = {SIM_UNIT_PROBABILITY, "0", "1"};

bool sim_fault_takes(sim_fault_action action, const char *field) {
    if (strcmp(field, "hosts") == 0 || strcmp(field, "one_way") == 0) {
        return action == SIM_FAULT_PARTITION;
    }
    if (strcmp(field, "value") == 0) {
        return action == SIM_FAULT_LATENCY || action == SIM_FAULT_JITTER ||
               action == SIM_FAULT_LOSS;
    }
    return true;
}

static cg_status set_hosts(sim_fault *fault, const char *value, cg_error *error) {
    fault->host_count = 0;
    while (*value) {
        size_t length = strcspn(value, " ");
        char word[64];
        if (length == 0) {
            value++;
            continue;
        }
        snprintf(word, sizeof word, "%.*s",
                 (int)(length < sizeof word ? length : sizeof word - 1), value);
        uint64_t id = 0;
        cg_status status = sim_units_parse_integer(&host_id, word, &id, error);
        if (status != CG_OK) {
            return status;
        }
        if (fault->host_count == SIM_FAULT_HOSTS_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a partition names more than %d hosts; name the other side",
                                SIM_FAULT_HOSTS_MAX);
        }
        fault->hosts[fault->host_count++] = (uint32_t)id;
        value += length;
    }
    return CG_OK;
}

static cg_status set_value(sim_fault *fault, const char *value, cg_error *error) {
    switch (fault->action) {
    case SIM_FAULT_LATENCY:
        return sim_units_parse_integer(&latency, value, &fault->duration_ns, error);
    case SIM_FAULT_JITTER:
        return sim_units_parse_integer(&jitter, value, &fault->duration_ns, error);
    case SIM_FAULT_LOSS:
        return sim_units_parse_real(&loss, value, &fault->probability, error);
    case SIM_FAULT_PARTITION:
    case SIM_FAULT_HEAL:
        break;
    }
    CG_ASSERT(false); /* sim_fault_takes refuses the others */
    return CG_ERROR_INVALID;
}

cg_status sim_fault_set(sim_fault *fault, const char *field, const char *value,
                        cg_error *error) {
    if (strcmp(field, "at") == 0) {
        return sim_units_parse_integer(&time_of_fault, value, &fault->at_ns, error);
    }
    if (strcmp(field, "action") == 0) {
        size_t action = 0;
        cg_status status =
            sim_choices_find(sim_fault_actions, ACTION_COUNT, value, &action, error);
        if (status == CG_OK) {
            fault->action = (sim_fault_action)action;
        }
        return status;
    }
    if (!sim_fault_takes(fault->action, field)) {
        return cg_error_set(error, CG_ERROR_INVALID, "the action %s takes no %s",
                            sim_fault_actions[fault->action], field);
    }
    if (strcmp(field, "hosts") == 0) {
        return set_hosts(fault, value, error);
    }
    if (strcmp(field, "one_way") == 0) {
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
            return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is neither true nor false",
                                value);
        }
        fault->one_way = value[0] == 't';
        return CG_OK;
    }
    CG_ASSERT(strcmp(field, "value") == 0);
    return set_value(fault, value, error);
}

static void format_hosts(const sim_fault *fault, char text[SIM_FAULT_VALUE_BYTES]) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < fault->host_count; i++) {
        used += (size_t)snprintf(text + used, SIM_FAULT_VALUE_BYTES - used, "%s%" PRIu32,
                                 i ? " " : "", fault->hosts[i]);
    }
}

void sim_fault_format(const sim_fault *fault, const char *field,
                      char text[SIM_FAULT_VALUE_BYTES]) {
    if (strcmp(field, "at") == 0) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->at_ns, text);
    } else if (strcmp(field, "action") == 0) {
        snprintf(text, SIM_FAULT_VALUE_BYTES, "%s", sim_fault_actions[fault->action]);
    } else if (strcmp(field, "hosts") == 0) {
        format_hosts(fault, text);
    } else if (strcmp(field, "one_way") == 0) {
        snprintf(text, SIM_FAULT_VALUE_BYTES, "%s", fault->one_way ? "true" : "false");
    } else if (fault->action == SIM_FAULT_LOSS) {
        sim_units_format_real(fault->probability, text);
    } else {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->duration_ns, text);
    }
}

cg_status sim_fault_check_hosts(const sim_fault *fault, uint32_t cluster_hosts,
                                cg_error *error) {
    if (cluster_hosts < 2) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition needs at least 2 hosts, but cluster.hosts is %" PRIu32,
                            cluster_hosts);
    }
    if (fault->host_count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition names no host; list at least one, for example { 0 }");
    }
    for (uint32_t i = 0; i < fault->host_count; i++) {
        if (fault->hosts[i] >= cluster_hosts) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "host %" PRIu32 " does not exist; cluster.hosts is %" PRIu32
                                ", so hosts are 0 to %" PRIu32,
                                fault->hosts[i], cluster_hosts, cluster_hosts - 1);
        }
        for (uint32_t j = 0; j < i; j++) {
            if (fault->hosts[j] == fault->hosts[i]) {
                return cg_error_set(error, CG_ERROR_INVALID, "host %" PRIu32 " is named twice",
                                    fault->hosts[i]);
            }
        }
    }
    if (fault->host_count == cluster_hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition names all %" PRIu32
                            " hosts, so it cuts off nothing; leave at least one out",
                            cluster_hosts);
    }
    return CG_OK;
}
