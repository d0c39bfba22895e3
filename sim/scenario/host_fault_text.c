/* Reading and writing the fields of a fault of hosts. */
#include "sim/scenario/host_fault_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/scenario/fault_text.h"
#include "sim/scenario/time_limit.h"
#include "sim/scenario/units.h"

static const sim_quantity down = {SIM_UNIT_DURATION, "0", SIM_TIME_MAX_TEXT};
static const sim_quantity writes = {SIM_UNIT_COUNT, "1", "1M"};
static const sim_quantity factor = {SIM_UNIT_NUMBER, "0.001", "1000000"};
static const sim_quantity skew = {SIM_UNIT_DURATION, "0", "876000h"}; /* 100 years */
static const sim_quantity drift = {SIM_UNIT_COUNT, "0", "1M"};

bool sim_host_fault_is(sim_fault_action action) {
    return action >= SIM_FAULT_CRASH && action <= SIM_FAULT_CLOCK;
}

bool sim_host_fault_shows(const sim_fault *fault, const char *field) {
    if (strcmp(field, "down") == 0) {
        return fault->down_ns > 0;
    }
    if (strcmp(field, "torn") == 0) {
        return fault->torn;
    }
    if (strcmp(field, "skew") == 0) {
        return fault->skew_ns != 0;
    }
    return strcmp(field, "drift_ppm") != 0 || fault->drift_ppm != 0;
}

bool sim_host_fault_lacks_value(const sim_fault *fault) {
    if (fault->action == SIM_FAULT_CORRUPT_WRITES) {
        return fault->writes == 0;
    }
    return (fault->action == SIM_FAULT_SLOW_DISK || fault->action == SIM_FAULT_SLOW_HOST) &&
           fault->factor == 0.0;
}

/* A whole number with a sign; the quantity's limits hold for its magnitude. */
static cg_status parse_signed(const sim_quantity *quantity, const char *text, int64_t *out,
                              cg_error *error) {
    bool negative = text[0] == '-';
    uint64_t magnitude = 0;
    cg_status status =
        sim_units_parse_integer(quantity, text + (negative ? 1 : 0), &magnitude, error);
    if (status != CG_OK && negative) {
        cg_error_prefix(error, "of \"%.80s\", behind its sign, ", text);
    }
    if (status == CG_OK) {
        *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    }
    return status;
}

static cg_status set_value(sim_fault *fault, const char *value, cg_error *error) {
    uint64_t count = 0;
    if (fault->action != SIM_FAULT_CORRUPT_WRITES) {
        return sim_units_parse_real(&factor, value, &fault->factor, error);
    }
    cg_status status = sim_units_parse_integer(&writes, value, &count, error);
    if (status == CG_OK) {
        fault->writes = (uint32_t)count;
    }
    return status;
}

cg_status sim_host_fault_set(sim_fault *fault, const char *field, const char *value,
                             cg_error *error) {
    int64_t whole = 0;
    if (strcmp(field, "value") == 0) {
        return set_value(fault, value, error);
    }
    if (strcmp(field, "down") == 0) {
        return sim_units_parse_integer(&down, value, &fault->down_ns, error);
    }
    if (strcmp(field, "skew") == 0) {
        return parse_signed(&skew, value, &fault->skew_ns, error);
    }
    if (strcmp(field, "drift_ppm") == 0) {
        cg_status status = parse_signed(&drift, value, &whole, error);
        if (status == CG_OK) {
            fault->drift_ppm = (int32_t)whole;
        }
        return status;
    }
    CG_ASSERT(strcmp(field, "torn") == 0);
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is neither true nor false",
                            value);
    }
    fault->torn = value[0] == 't';
    return CG_OK;
}

void sim_host_fault_format(const sim_fault *fault, const char *field, char *text,
                           size_t capacity_bytes) {
    char number[SIM_UNITS_TEXT_BYTES];
    if (strcmp(field, "torn") == 0) {
        snprintf(text, capacity_bytes, "%s", fault->torn ? "true" : "false");
    } else if (strcmp(field, "skew") == 0) {
        snprintf(text, capacity_bytes, "%" PRId64 "ns", fault->skew_ns);
    } else if (strcmp(field, "drift_ppm") == 0) {
        snprintf(text, capacity_bytes, "%" PRId32, fault->drift_ppm);
    } else if (strcmp(field, "down") == 0) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->down_ns, number);
        snprintf(text, capacity_bytes, "%s", number);
    } else if (fault->action == SIM_FAULT_CORRUPT_WRITES) {
        snprintf(text, capacity_bytes, "%" PRIu32, fault->writes);
    } else {
        sim_units_format_real(fault->factor, number);
        snprintf(text, capacity_bytes, "%s", number);
    }
}

cg_status sim_host_fault_check(const sim_fault *fault, uint32_t cluster_hosts,
                               cg_error *error) {
    if (fault->host_count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the action %s names no host; list at least one, for example { 0 }",
                            sim_fault_actions[fault->action]);
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
    return CG_OK;
}
