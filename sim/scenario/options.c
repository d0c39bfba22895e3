/* Options: set, check, canonical text. What a single option may be is in option_table.c. */
#include "sim/scenario/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/nearest.h"
#include "sim/scenario/cluster_check.h"
#include "sim/scenario/delay_text.h"
#include "sim/scenario/fault_text.h"
#include "sim/scenario/load_phase.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/share_list.h"

enum { INTERVALS_MAX = 1000000, OPTIONS_MAX = 256, LINE_BYTES = 1024 };

void sim_options_default(sim_options *options) {
    memset(options, 0, sizeof *options);
    for (size_t i = 0; i < sim_option_count; i++) {
        const sim_option *option = &sim_option_table[i];
        cg_status status = sim_option_set_text(option, options, option->default_text, NULL);
        CG_ASSERT(status == CG_OK);
    }
}

static cg_status refuse_path(const char *path, cg_error *error) {
    size_t length = strlen(path);
    for (size_t i = 0; i < sim_option_count; i++) {
        const char *known = sim_option_table[i].path;
        if (length > 0 && strncmp(known, path, length) == 0 && known[length] == '.') {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "\"%.80s\" is a group of options; name one of it, for example \"%s\"", path,
                known);
        }
    }
    const char *paths[OPTIONS_MAX];
    size_t count = 0;
    CG_ASSERT(sim_option_count <= OPTIONS_MAX);
    for (size_t i = 0; i < sim_option_count; i++) {
        if (!(sim_option_table[i].flags & SIM_OPTION_OWN)) {
            paths[count++] = sim_option_table[i].path;
        }
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "unknown option \"%.80s\"; do you mean \"%s\"?", path,
                        cg_nearest_path(path, paths, count));
}

cg_status sim_options_set(sim_options *options, const char *path, const char *value,
                          cg_error *error) {
    const sim_option *option = sim_option_find(path);
    if (!option) {
        if (strncmp(path, "faults", 6) == 0 || strncmp(path, "random", 6) == 0 ||
            strncmp(path, "hooks", 5) == 0 || strncmp(path, "phases", 6) == 0) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "\"%.80s\" is a list and cannot be set from one value; write it in the "
                "scenario's point function",
                path);
        }
        return refuse_path(path, error);
    }
    if (option->flags & SIM_OPTION_OWN) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s: a point's seed follows from the run's; choose that with --seed", path);
    }
    cg_status status = sim_option_set_text(option, options, value, error);
    return status == CG_OK ? status : (cg_error_prefix(error, "%s: ", path), status);
}

/* Whether all reads of the first tier, and their order, follow from the load alone. */
static bool is_foreseen(const sim_options *options) {
    const sim_engine_options *engine = &options->engine;
    for (uint32_t i = 0; i < options->phase_count; i++) {
        if (sim_load_phase_gives(&options->phases[i], "keys") ||
            sim_load_phase_gives(&options->phases[i], "hops")) {
            return false;
        }
    }
    return options->cluster.hosts == 1 && options->graph.source == SIM_GRAPH_KEYS &&
           options->load.keys == 1 && options->load.hops == 0 &&
           engine->tier_bound == SIM_BOUND_ENTRIES && engine->tiers[0].promote_after == 1 &&
           engine->permits == 0 && engine->prefetch == 0 && !engine->adapts &&
           engine->warm == 0;
}

static cg_status check_tiers(const sim_options *options, cg_error *error) {
    const sim_engine_options *engine = &options->engine;
    uint32_t cached = engine->tier_levels - 1;
    for (uint32_t level = 1; level < cached; level++) {
        if (engine->tiers[level].capacity < engine->tiers[level - 1].capacity) {
            char left[SIM_UNITS_TEXT_BYTES];
            char right[SIM_UNITS_TEXT_BYTES];
            sim_units_describe(SIM_UNIT_COUNT, engine->tiers[level].capacity, left);
            sim_units_describe(SIM_UNIT_COUNT, engine->tiers[level - 1].capacity, right);
            const char *what = engine->tier_bound == SIM_BOUND_BYTES ? "bytes" : "entries";
            return cg_error_set(error, CG_ERROR_INVALID,
                                "engine.tiers.l%u: %s %s are fewer than the %s of "
                                "engine.tiers.l%u; a slower tier holds at least as many",
                                level + 1, left, what, right, level);
        }
    }
    for (uint32_t level = 0; level < cached; level++) {
        const sim_tier_options *tier = &engine->tiers[level];
        if (engine->tier_bound == SIM_BOUND_BYTES && tier->capacity < engine->record_bytes) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "engine.tiers.l%u: %" PRIu64
                                " bytes hold no record, which has %" PRIu32 " (engine.record)",
                                level + 1, tier->capacity, engine->record_bytes);
        }
        if (tier->policy == SIM_POLICY_BELADY && (level > 0 || !is_foreseen(options))) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "engine.tiers.policy.l%u: belady needs to know all reads in advance, and their "
                "order: it takes graph.source keys, one host, the first tier, bound by "
                "entries, "
                "promote.l1 1, load.keys 1 and load.hops 0 in all phases, permits all, and no "
                "prefetch, adapt or warm",
                level + 1);
        }
    }
    return CG_OK;
}

static cg_status check_service(const sim_engine_options *engine, cg_error *error) {
    if ((engine->batch & (engine->batch - 1)) != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.batch: %u is no power of two; right are 1, 2, 4 ... 65536, "
                            "and 0 for the controllers' choice",
                            engine->batch);
    }
    if (engine->successors == 0 && engine->prefetch > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.prefetch: %u ahead without engine.successors to go by; set "
                            "those to the number of keys to remember",
                            engine->prefetch);
    }
    if (engine->adapts && engine->interval_ns == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.adapt: nothing adapts without an engine.interval; 100ms is "
                            "usual");
    }
    if (engine->budget_ns > 0 && !engine->forecasts) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "engine.budget: a budget is kept by forecasts; engine.forecast must "
            "be true");
    }
    return CG_OK;
}

/* What is told late counts as silence, and what is dropped has been warned of. */
static cg_status check_replication(const sim_engine_options *engine, cg_error *error) {
    char less[SIM_UNITS_TEXT_BYTES];
    char more[SIM_UNITS_TEXT_BYTES];
    if (engine->election_ns <= engine->heartbeat_ns) {
        sim_units_describe(SIM_UNIT_DURATION, engine->election_ns, less);
        sim_units_describe(SIM_UNIT_DURATION, engine->heartbeat_ns, more);
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "engine.election: %s of silence call for an election, but a primary "
            "speaks only every %s (engine.heartbeat); it must take longer",
            less, more);
    }
    if (engine->lag_drop_ns < engine->lag_warn_ns) {
        sim_units_describe(SIM_UNIT_DURATION, engine->lag_drop_ns, less);
        sim_units_describe(SIM_UNIT_DURATION, engine->lag_warn_ns, more);
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.lag.drop: %s is before the warning after %s "
                            "(engine.lag.warn); it must not be",
                            less, more);
    }
    return CG_OK;
}

static cg_status check_engine(const sim_options *options, cg_error *error) {
    if (options->engine.dims % 16 != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.dims: %" PRIu32
                            " is not a multiple of 16; the next is %" PRIu32,
                            options->engine.dims, (options->engine.dims / 16 + 1) * 16);
    }
    if (options->engine.codes == SIM_CODES_F32 && options->engine.fuller == SIM_FULLER_F16) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "engine.fuller: f16 is coarser than engine.codes, f32; choose codes "
            "or f32, or coarser codes");
    }
    cg_status service = check_service(&options->engine, error);
    if (service == CG_OK) {
        service = check_replication(&options->engine, error);
    }
    if (service != CG_OK) {
        return service;
    }
    const bool *columns = options->engine.columns;
    if (!columns[0] && !columns[1] && !columns[2] && !columns[3]) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.columns: no column votes; one at least must be true");
    }
    cg_status spaces = sim_share_lists_check(options, error);
    return spaces == CG_OK ? check_tiers(options, error) : spaces;
}

static cg_status check_network(const sim_network_options *network, cg_error *error) {
    sim_delay law;
    if (strcmp(network->law, "constant") == 0) {
        return CG_OK;
    }
    cg_status status = sim_delay_parse(network->law, &law, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "cluster.network.law: ");
    }
    return status;
}

cg_status sim_options_check(const sim_options *options, cg_error *error) {
    char left[SIM_UNITS_TEXT_BYTES];
    char right[SIM_UNITS_TEXT_BYTES];
    cg_status engine = check_engine(options, error);
    if (engine != CG_OK) {
        return engine;
    }
    cg_status load = sim_load_check(options, error);
    if (load != CG_OK) {
        return load;
    }
    sim_units_describe(SIM_UNIT_DURATION, options->end_ns, right);
    if (options->load.start_ns >= options->end_ns) {
        sim_units_describe(SIM_UNIT_DURATION, options->load.start_ns, left);
        return cg_error_set(error, CG_ERROR_INVALID,
                            "load.start: %s is not before the run's stop at %s", left, right);
    }
    if (options->series_ns == 0 || options->end_ns / options->series_ns > INTERVALS_MAX) {
        sim_units_describe(SIM_UNIT_DURATION, options->series_ns, left);
        return cg_error_set(error, CG_ERROR_INVALID,
                            "series: intervals of %s up to the stop at %s are more than %d",
                            left, right, INTERVALS_MAX);
    }
    cg_status network = check_network(&options->cluster.network, error);
    if (network == CG_OK) {
        network = sim_cluster_check(&options->cluster, error);
    }
    return network == CG_OK ? sim_fault_list_check(options, error) : network;
}

/* Text that grows; a failure sticks. */
typedef struct text_builder {
    char *text;
    size_t used;
    size_t capacity;
    cg_status status;
} text_builder;

static void add_line(text_builder *builder, const char *path, const char *value,
                     cg_error *error) {
    size_t needed = builder->used + strlen(path) + strlen(value) + sizeof " = \n";
    if (builder->status != CG_OK) {
        return;
    }
    if (needed > builder->capacity) {
        size_t capacity = needed * 2 + 2048;
        char *grown = realloc(builder->text, capacity);
        if (!grown) {
            builder->status =
                cg_error_set(error, CG_ERROR_MEMORY,
                             "no memory for the options' text (%zu bytes)", capacity);
            return;
        }
        builder->text = grown;
        builder->capacity = capacity;
    }
    builder->used +=
        (size_t)snprintf(builder->text + builder->used, builder->capacity - builder->used,
                         "%s = %s\n", path, value);
}

static void add_fault(text_builder *builder, const sim_fault *fault, uint32_t number,
                      cg_error *error) {
    for (size_t i = 0; i < SIM_FAULT_FIELDS; i++) {
        const char *field = sim_fault_fields[i];
        if (sim_fault_shows(fault, field)) {
            char path[64];
            char value[SIM_FAULT_VALUE_BYTES];
            snprintf(path, sizeof path, "faults[%" PRIu32 "].%s", number, field);
            sim_fault_format(fault, field, value);
            add_line(builder, path, value, error);
        }
    }
}

static void add_phase(text_builder *builder, const sim_load_phase *phase, uint32_t number,
                      cg_error *error) {
    for (size_t i = 0; i < SIM_LOAD_PHASE_FIELDS; i++) {
        if (phase->given & (1u << i)) {
            char path[64];
            char value[SIM_UNITS_TEXT_BYTES];
            snprintf(path, sizeof path, "phases[%" PRIu32 "].%s", number,
                     sim_load_phase_fields[i]);
            sim_load_phase_format(phase, i, value);
            add_line(builder, path, value, error);
        }
    }
}

cg_status sim_options_format(const sim_options *options, char **text, cg_error *error) {
    text_builder builder = {0};
    for (size_t i = 0; i < sim_option_count; i++) {
        char value[SIM_PATH_BYTES];
        sim_option_format(&sim_option_table[i], options, value);
        add_line(&builder, sim_option_table[i].path, value, error);
    }
    for (uint32_t i = 0; i < options->phase_count; i++) {
        add_phase(&builder, &options->phases[i], i + 1, error);
    }
    for (uint32_t i = 0; i < options->fault_count; i++) {
        add_fault(&builder, &options->faults[i], i + 1, error);
    }
    if (builder.status != CG_OK) {
        free(builder.text);
        return builder.status;
    }
    CG_ASSERT(builder.text); /* the table has options, whatever they are */
    *text = builder.text;
    return CG_OK;
}

/* One "path = value" line, cut out of canonical text. */
typedef struct options_line {
    uint32_t number;
    char path[SIM_PATH_BYTES];
    char value[LINE_BYTES];
} options_line;

static cg_status next_line(const char **cursor, options_line *line, cg_error *error) {
    const char *end = strchr(*cursor, '\n');
    const char *joint = strstr(*cursor, " = ");
    line->number++;
    if (!end || !joint || joint > end || (size_t)(joint - *cursor) >= sizeof line->path ||
        (size_t)(end - joint - 3) >= sizeof line->value) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "options text, line %" PRIu32 ": not a line \"path = value\"",
                            line->number);
    }
    size_t path_length = (size_t)(joint - *cursor);
    size_t value_length = (size_t)(end - joint - 3);
    memcpy(line->path, *cursor, path_length);
    line->path[path_length] = '\0';
    memcpy(line->value, joint + 3, value_length);
    line->value[value_length] = '\0';
    *cursor = end + 1;
    return CG_OK;
}

static cg_status refuse_line(const options_line *line, const char *expected, cg_error *error) {
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "options text, line %" PRIu32 ": \"%.80s\" stands where %s should",
                        line->number, line->path, expected);
}

/* A line of a fault: of the last one, or the first line of the next. */
static cg_status read_fault_line(sim_options *options, const options_line *line,
                                 cg_error *error) {
    char expected[64];
    snprintf(expected, sizeof expected, "faults[%" PRIu32 "].at", options->fault_count + 1);
    if (strcmp(line->path, expected) == 0) {
        if (options->fault_count == SIM_FAULTS_MAX) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "options text, line %" PRIu32 ": more than %d faults",
                                line->number, SIM_FAULTS_MAX);
        }
        options->fault_count++;
    } else if (options->fault_count == 0) {
        return refuse_line(line, expected, error);
    }
    sim_fault *fault = &options->faults[options->fault_count - 1];
    for (size_t i = 0; i < SIM_FAULT_FIELDS; i++) {
        char path[64];
        snprintf(path, sizeof path, "faults[%" PRIu32 "].%s", options->fault_count,
                 sim_fault_fields[i]);
        if (strcmp(line->path, path) == 0) {
            cg_status status = sim_fault_set(fault, sim_fault_fields[i], line->value, error);
            return status == CG_OK ? status : (cg_error_prefix(error, "%s: ", path), status);
        }
    }
    return refuse_line(line, "a field of the last fault or the next fault", error);
}

/* A line of a phase, as read_fault_line. */
static cg_status read_phase_line(sim_options *options, const options_line *line,
                                 cg_error *error) {
    char path[64];
    snprintf(path, sizeof path, "phases[%" PRIu32 "].at", options->phase_count + 1);
    if (strcmp(line->path, path) == 0) {
        if (options->phase_count == SIM_PHASES_MAX) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "options text, line %" PRIu32 ": more than %d phases",
                                line->number, SIM_PHASES_MAX);
        }
        options->phase_count++;
    } else if (options->phase_count == 0) {
        return refuse_line(line, path, error);
    }
    sim_load_phase *phase = &options->phases[options->phase_count - 1];
    for (size_t i = 0; i < SIM_LOAD_PHASE_FIELDS; i++) {
        snprintf(path, sizeof path, "phases[%" PRIu32 "].%s", options->phase_count,
                 sim_load_phase_fields[i]);
        if (strcmp(line->path, path) == 0) {
            cg_status status = sim_load_phase_set(phase, i, line->value, error);
            return status == CG_OK ? status : (cg_error_prefix(error, "%s: ", path), status);
        }
    }
    return refuse_line(line, "a field of the last phase or the next phase", error);
}

static cg_status read_text(const char *text, sim_options *options, cg_error *error) {
    options_line line = {.number = 0};
    const char *cursor = text;
    cg_status status = CG_OK;
    for (size_t i = 0; i < sim_option_count && status == CG_OK; i++) {
        const sim_option *option = &sim_option_table[i];
        status = next_line(&cursor, &line, error);
        if (status == CG_OK && strcmp(line.path, option->path) != 0) {
            return refuse_line(&line, option->path, error);
        }
        if (status == CG_OK) {
            status = sim_option_set_text(option, options, line.value, error);
            if (status != CG_OK) {
                cg_error_prefix(error, "%s: ", option->path);
            }
        }
    }
    while (status == CG_OK && *cursor) {
        status = next_line(&cursor, &line, error);
        if (status == CG_OK) {
            status = strncmp(line.path, "phases[", 7) == 0
                         ? read_phase_line(options, &line, error)
                         : read_fault_line(options, &line, error);
        }
    }
    return status == CG_OK ? sim_options_check(options, error) : status;
}

cg_status sim_options_parse(const char *text, sim_options *options, cg_error *error) {
    sim_options *result = malloc(sizeof *result);
    if (!result) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the options of a point");
    }
    sim_options_default(result);
    char *again = NULL;
    cg_status status = read_text(text, result, error);
    if (status == CG_OK) {
        status = sim_options_format(result, &again, error);
    }
    /* Only canonical text is accepted: equal options have equal text, so the text can be
     * hashed. */
    if (status == CG_OK && strcmp(text, again) != 0) {
        status =
            cg_error_set(error, CG_ERROR_CORRUPT,
                         "options text is not in canonical form (numbers in base units, every "
                         "line once)");
    }
    if (status == CG_OK) {
        *options = *result;
    }
    free(again);
    free(result);
    return status;
}

uint64_t sim_options_graph_key(const sim_options *options) {
    cg_hasher hasher = cg_hasher_init();
    for (size_t i = 0; i < sim_option_count; i++) {
        const sim_option *option = &sim_option_table[i];
        if (option->flags & SIM_OPTION_GRAPH) {
            char value[SIM_PATH_BYTES];
            sim_option_format(option, options, value);
            cg_hasher_add_bytes(&hasher, option->path, strlen(option->path));
            cg_hasher_add_bytes(&hasher, value, strlen(value));
        }
    }
    return cg_hasher_value(&hasher);
}
