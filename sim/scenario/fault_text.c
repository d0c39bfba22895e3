/* Reading and writing the fields of a fault. */
#include "sim/scenario/fault_text.h"

#include <inttypes.h>
#include <string.h>

#include "sim/scenario/delay_text.h"
#include "sim/scenario/fault_hosts.h"
#include "sim/scenario/host_fault_text.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/time_limit.h"

const char *const sim_fault_fields[SIM_FAULT_FIELDS] = {
    "at",   "action", "hosts",  "one_way", "value", "from", "to",   "name",     "period",
    "duty", "ends",   "copies", "hold",    "down",  "torn", "skew", "drift_ppm"};
const char *const sim_fault_actions[SIM_FAULT_ACTIONS + 1] = {
    "partition", "heal",      "latency",   "jitter", "loss",    "duplicate", "reorder",
    "corrupt",   "bandwidth", "flap",      "crash",  "restart", "disk_loss", "corrupt_writes",
    "bit_rot",   "slow_disk", "slow_host", "clock",  NULL};

static const sim_quantity time_of_fault = {SIM_UNIT_DURATION, "0", SIM_TIME_MAX_TEXT};
/* As the options that the action changes. */
static const sim_quantity latency = {SIM_UNIT_DURATION, "1ns", "1min"};
static const sim_quantity jitter = {SIM_UNIT_DURATION, "0", "1min"};
static const sim_quantity chance = {SIM_UNIT_PROBABILITY, "0", "1"};
static const sim_quantity bandwidth = {SIM_UNIT_BANDWIDTH, "1Kbps", "100Tbps"};
static const sim_quantity period = {SIM_UNIT_DURATION, "2ns", SIM_TIME_MAX_TEXT};
static const sim_quantity copies = {SIM_UNIT_COUNT, "2", "4"};

/* --- which fields there are ------------------------------------------------ */

enum {
    CUTS = 1u << SIM_FAULT_PARTITION | 1u << SIM_FAULT_FLAP,
    SETS = 1u << SIM_FAULT_LATENCY | 1u << SIM_FAULT_JITTER | 1u << SIM_FAULT_LOSS |
           1u << SIM_FAULT_DUPLICATE | 1u << SIM_FAULT_REORDER | 1u << SIM_FAULT_CORRUPT |
           1u << SIM_FAULT_BANDWIDTH,
    HURTS = 1u << SIM_FAULT_CRASH | 1u << SIM_FAULT_RESTART | 1u << SIM_FAULT_DISK_LOSS |
            1u << SIM_FAULT_CORRUPT_WRITES | 1u << SIM_FAULT_BIT_ROT |
            1u << SIM_FAULT_SLOW_DISK | 1u << SIM_FAULT_SLOW_HOST | 1u << SIM_FAULT_CLOCK,
    HURTS_BY =
        1u << SIM_FAULT_CORRUPT_WRITES | 1u << SIM_FAULT_SLOW_DISK | 1u << SIM_FAULT_SLOW_HOST,
    EVERY = (1u << SIM_FAULT_ACTIONS) - 1
};

/* One bit an action. */
typedef struct field_rule {
    const char *name;
    unsigned takes;
    unsigned needs;
} field_rule;

static const field_rule rules[] = {
    {"at", EVERY, EVERY},
    {"action", EVERY, EVERY},
    {"hosts", CUTS | HURTS, CUTS | HURTS},
    {"one_way", CUTS | SETS, 0},
    {"value", SETS | HURTS_BY, SETS | HURTS_BY},
    {"from", CUTS | SETS, 0},
    {"to", CUTS | SETS, 0},
    {"name", CUTS | 1u << SIM_FAULT_HEAL, 0},
    {"period", 1u << SIM_FAULT_FLAP, 1u << SIM_FAULT_FLAP},
    {"duty", 1u << SIM_FAULT_FLAP, 0},
    {"ends", CUTS, 0},
    {"copies", 1u << SIM_FAULT_DUPLICATE, 0},
    {"hold", 1u << SIM_FAULT_REORDER, 0},
    {"down", 1u << SIM_FAULT_CRASH | 1u << SIM_FAULT_DISK_LOSS, 0},
    {"torn", 1u << SIM_FAULT_CRASH, 0},
    {"skew", 1u << SIM_FAULT_CLOCK, 0},
    {"drift_ppm", 1u << SIM_FAULT_CLOCK, 0},
};

static const field_rule *rule_of(const char *field) {
    const field_rule *found = NULL;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && !found; i++) {
        found = strcmp(rules[i].name, field) == 0 ? &rules[i] : NULL;
    }
    return found;
}

bool sim_fault_takes(sim_fault_action action, const char *field) {
    const field_rule *rule = rule_of(field);
    return rule && (rule->takes >> action & 1u) != 0;
}

bool sim_fault_needs(sim_fault_action action, const char *field) {
    const field_rule *rule = rule_of(field);
    return rule && (rule->needs >> action & 1u) != 0;
}

bool sim_fault_cuts(sim_fault_action action) {
    return ((unsigned)CUTS >> action & 1u) != 0;
}

const char *sim_fault_main_field(sim_fault_action action) {
    if (sim_fault_takes(action, "hosts")) {
        return "hosts";
    }
    if (sim_fault_takes(action, "value")) {
        return "value";
    }
    return sim_fault_takes(action, "name") ? "name" : NULL;
}

void sim_fault_join_fields(sim_fault_action action, char *text, size_t capacity) {
    const char *fields[SIM_FAULT_FIELDS];
    const char *main_field = sim_fault_main_field(action);
    size_t count = 0;
    for (size_t i = 2; i < SIM_FAULT_FIELDS; i++) { /* behind at and action */
        bool is_main = main_field && strcmp(main_field, sim_fault_fields[i]) == 0;
        if (sim_fault_takes(action, sim_fault_fields[i]) && !is_main) {
            fields[count++] = sim_fault_fields[i];
        }
    }
    sim_choices_join(fields, count, text, capacity);
}

bool sim_fault_shows(const sim_fault *fault, const char *field) {
    if (!sim_fault_takes(fault->action, field)) {
        return false;
    }
    if (sim_host_fault_is(fault->action)) {
        return sim_host_fault_shows(fault, field);
    }
    if (strcmp(field, "hosts") == 0) {
        return fault->host_count > 0;
    }
    if (strcmp(field, "one_way") == 0) {
        return fault->one_way || fault->action == SIM_FAULT_PARTITION;
    }
    if (strcmp(field, "from") == 0) {
        return fault->from.count > 0;
    }
    if (strcmp(field, "to") == 0) {
        return fault->to.count > 0;
    }
    if (strcmp(field, "name") == 0) {
        return fault->name[0] != '\0';
    }
    if (strcmp(field, "duty") == 0) {
        return fault->duty > 0.0;
    }
    if (strcmp(field, "ends") == 0) {
        return fault->ends_ns > 0;
    }
    if (strcmp(field, "copies") == 0) {
        return fault->copies > 0;
    }
    if (strcmp(field, "hold") == 0) {
        return fault->delay.kind != SIM_DELAY_CONSTANT || fault->duration_ns > 0;
    }
    return true;
}

/* --- reading --------------------------------------------------------------- */

static cg_status set_law(sim_fault *fault, const char *value, cg_error *error) {
    sim_delay law;
    cg_status status = sim_delay_parse(value, &law, error);
    if (status == CG_OK && law.kind == SIM_DELAY_CONSTANT) {
        if (law.place_ns == 0) {
            return sim_units_parse_integer(&latency, "0", &fault->duration_ns, error);
        }
        fault->duration_ns = law.place_ns;
        law.place_ns = 0;
    }
    if (status == CG_OK) {
        fault->delay = law;
    }
    return status;
}

static cg_status set_value(sim_fault *fault, const char *value, cg_error *error) {
    if (sim_host_fault_is(fault->action)) {
        return sim_host_fault_set(fault, "value", value, error);
    }
    switch (fault->action) {
    case SIM_FAULT_LATENCY:
        return set_law(fault, value, error);
    case SIM_FAULT_JITTER:
        return sim_units_parse_integer(&jitter, value, &fault->duration_ns, error);
    case SIM_FAULT_LOSS:
    case SIM_FAULT_DUPLICATE:
    case SIM_FAULT_REORDER:
    case SIM_FAULT_CORRUPT:
        return sim_units_parse_real(&chance, value, &fault->probability, error);
    case SIM_FAULT_BANDWIDTH:
        return sim_units_parse_integer(&bandwidth, value, &fault->bits_per_s, error);
    case SIM_FAULT_PARTITION:
    case SIM_FAULT_HEAL:
    case SIM_FAULT_FLAP:
    default:
        break;
    }
    CG_ASSERT(false); /* sim_fault_takes refuses the others */
    return CG_ERROR_INVALID;
}

static cg_status set_one_way(sim_fault *fault, const char *value, cg_error *error) {
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is neither true nor false",
                            value);
    }
    fault->one_way = value[0] == 't';
    return CG_OK;
}

static cg_status set_name(sim_fault *fault, const char *value, cg_error *error) {
    size_t length = strlen(value);
    if (length == 0 || length >= SIM_FAULT_NAME_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" has %zu bytes; a name has 1 to %d", value, length,
                            SIM_FAULT_NAME_BYTES - 1);
    }
    memcpy(fault->name, value, length + 1);
    return CG_OK;
}

static cg_status set_duty(sim_fault *fault, const char *value, cg_error *error) {
    double duty = 0.0;
    cg_status status = sim_units_parse_real(&chance, value, &duty, error);
    if (status == CG_OK && duty <= 0.0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a flap that never cuts is none; duty is above 0, at most 1");
    }
    if (status == CG_OK) {
        fault->duty = duty;
    }
    return status;
}

static cg_status set_action(sim_fault *fault, const char *value, cg_error *error) {
    size_t action = 0;
    cg_status status =
        sim_choices_find(sim_fault_actions, SIM_FAULT_ACTIONS, value, &action, error);
    if (status == CG_OK) {
        fault->action = (sim_fault_action)action;
    }
    return status;
}

static cg_status set_copies(sim_fault *fault, const char *value, cg_error *error) {
    uint64_t count = 0;
    cg_status status = sim_units_parse_integer(&copies, value, &count, error);
    if (status == CG_OK) {
        fault->copies = (uint32_t)count;
    }
    return status;
}

static cg_status set_hosts(sim_fault *fault, const char *value, cg_error *error) {
    return sim_fault_hosts_parse(value, fault->hosts, &fault->host_count, error);
}

static cg_status set_from(sim_fault *fault, const char *value, cg_error *error) {
    return sim_fault_side_parse(value, &fault->from, error);
}

static cg_status set_to(sim_fault *fault, const char *value, cg_error *error) {
    return sim_fault_side_parse(value, &fault->to, error);
}

static cg_status set_period(sim_fault *fault, const char *value, cg_error *error) {
    return sim_units_parse_integer(&period, value, &fault->period_ns, error);
}

static cg_status set_ends(sim_fault *fault, const char *value, cg_error *error) {
    return sim_units_parse_integer(&time_of_fault, value, &fault->ends_ns, error);
}

static cg_status set_at(sim_fault *fault, const char *value, cg_error *error) {
    return sim_units_parse_integer(&time_of_fault, value, &fault->at_ns, error);
}

static cg_status set_down(sim_fault *fault, const char *value, cg_error *error) {
    return sim_host_fault_set(fault, "down", value, error);
}

static cg_status set_torn(sim_fault *fault, const char *value, cg_error *error) {
    return sim_host_fault_set(fault, "torn", value, error);
}

static cg_status set_skew(sim_fault *fault, const char *value, cg_error *error) {
    return sim_host_fault_set(fault, "skew", value, error);
}

static cg_status set_drift(sim_fault *fault, const char *value, cg_error *error) {
    return sim_host_fault_set(fault, "drift_ppm", value, error);
}

/* In the order of sim_fault_fields. */
static cg_status (*const setters[SIM_FAULT_FIELDS])(sim_fault *, const char *, cg_error *) = {
    set_at,  set_action, set_hosts,  set_one_way, set_value, set_from,
    set_to,  set_name,   set_period, set_duty,    set_ends,  set_copies,
    set_law, set_down,   set_torn,   set_skew,    set_drift};

cg_status sim_fault_set(sim_fault *fault, const char *field, const char *value,
                        cg_error *error) {
    if (!sim_fault_takes(fault->action, field)) {
        return cg_error_set(error, CG_ERROR_INVALID, "the action %s takes no %s",
                            sim_fault_actions[fault->action], field);
    }
    for (size_t i = 0; i < SIM_FAULT_FIELDS; i++) {
        if (strcmp(field, sim_fault_fields[i]) == 0) {
            return setters[i](fault, value, error);
        }
    }
    CG_ASSERT(false); /* the rules are about fields */
    return CG_ERROR_INVALID;
}

/* --- writing --------------------------------------------------------------- */

static void format_law(const sim_fault *fault, char text[SIM_FAULT_VALUE_BYTES]) {
    if (fault->delay.kind == SIM_DELAY_CONSTANT) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->duration_ns, text);
    } else {
        sim_delay_format(&fault->delay, text);
    }
}

static void format_value(const sim_fault *fault, char text[SIM_FAULT_VALUE_BYTES]) {
    if (fault->action == SIM_FAULT_LATENCY) {
        format_law(fault, text);
    } else if (fault->action == SIM_FAULT_JITTER) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->duration_ns, text);
    } else if (fault->action == SIM_FAULT_BANDWIDTH) {
        sim_units_format_integer(SIM_UNIT_BANDWIDTH, fault->bits_per_s, text);
    } else {
        sim_units_format_real(fault->probability, text);
    }
}

void sim_fault_format(const sim_fault *fault, const char *field,
                      char text[SIM_FAULT_VALUE_BYTES]) {
    if (strcmp(field, "at") == 0) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->at_ns, text);
    } else if (strcmp(field, "action") == 0) {
        (void)snprintf(text, SIM_FAULT_VALUE_BYTES, "%s", sim_fault_actions[fault->action]);
    } else if (strcmp(field, "hosts") == 0) {
        sim_fault_hosts_format(fault->hosts, fault->host_count, text);
    } else if (sim_host_fault_is(fault->action)) {
        sim_host_fault_format(fault, field, text, SIM_FAULT_VALUE_BYTES);
    } else if (strcmp(field, "one_way") == 0) {
        (void)snprintf(text, SIM_FAULT_VALUE_BYTES, "%s", fault->one_way ? "true" : "false");
    } else if (strcmp(field, "from") == 0) {
        sim_fault_side_format(&fault->from, text);
    } else if (strcmp(field, "to") == 0) {
        sim_fault_side_format(&fault->to, text);
    } else if (strcmp(field, "name") == 0) {
        (void)snprintf(text, SIM_FAULT_VALUE_BYTES, "%s", fault->name);
    } else if (strcmp(field, "period") == 0) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->period_ns, text);
    } else if (strcmp(field, "duty") == 0) {
        sim_units_format_real(fault->duty, text);
    } else if (strcmp(field, "ends") == 0) {
        sim_units_format_integer(SIM_UNIT_DURATION, fault->ends_ns, text);
    } else if (strcmp(field, "copies") == 0) {
        (void)snprintf(text, SIM_FAULT_VALUE_BYTES, "%" PRIu32, fault->copies);
    } else if (strcmp(field, "hold") == 0) {
        format_law(fault, text);
    } else {
        format_value(fault, text);
    }
}
