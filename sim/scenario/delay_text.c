/* A law's words: which they are, in which order, and where each goes. */
#include "sim/scenario/delay_text.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/option_table.h"
#include "sim/scenario/units.h"

static const sim_quantity delay_time = {SIM_UNIT_DURATION, "0", "1min"};
static const sim_quantity sigma = {SIM_UNIT_NUMBER, "0", "10"};
static const sim_quantity alpha = {SIM_UNIT_NUMBER, "0.1", "1000"};

enum { WORD_BYTES = 64, WORDS_MAX = SIM_DELAY_TRACE_MAX + 2 };

typedef struct law {
    const char *name;
    const char *words; /* for sentences */
    uint32_t least;    /* words after the name */
    uint32_t most;
} law;

/* In the order of sim_delay_kind. */
static const law laws[] = {
    {"constant", "constant 1ms", 1, 1},
    {"uniform", "uniform 50us 150us (from, to)", 2, 2},
    {"normal", "normal 1ms 200us (mean, deviation)", 2, 2},
    {"lognormal", "lognormal 1ms 0.5 (median, deviation of the logarithm)", 2, 2},
    {"exponential", "exponential 1ms 50us (mean, and what is added to it)", 1, 2},
    {"pareto", "pareto 1ms 2.5 50us (scale, shape, and what is added to it)", 2, 3},
    {"trace", "trace 1ms 2ms (1 to 32 values)", 1, SIM_DELAY_TRACE_MAX},
    {"cycle", "cycle 1ms 2ms (1 to 32 values)", 1, SIM_DELAY_TRACE_MAX},
};
enum { LAW_COUNT = sizeof laws / sizeof *laws };

typedef struct words {
    char texts[WORDS_MAX][WORD_BYTES];
    uint32_t count; /* may be more than there is room for */
} words;

static void split(const char *text, words *out) {
    out->count = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (length > 0 && out->count < WORDS_MAX) {
            (void)snprintf(out->texts[out->count], WORD_BYTES, "%.*s",
                           (int)(length < WORD_BYTES ? length : WORD_BYTES - 1), text);
        }
        out->count += length > 0;
        text += length > 0 ? length : 1;
    }
}

static cg_status read_time(const char *word, uint64_t *out, cg_error *error) {
    return sim_units_parse_integer(&delay_time, word, out, error);
}

static cg_status read_trace(const words *given, sim_delay *out, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 1; i < given->count && status == CG_OK; i++) {
        status = read_time(given->texts[i], &out->trace_ns[i - 1], error);
    }
    out->trace_count = given->count - 1;
    return status;
}

static cg_status read_shape(const words *given, const sim_quantity *quantity, sim_delay *out,
                            cg_error *error) {
    cg_status status = read_time(given->texts[1], &out->place_ns, error);
    if (status == CG_OK) {
        status = sim_units_parse_real(quantity, given->texts[2], &out->shape, error);
    }
    if (status == CG_OK && given->count > 3) {
        status = read_time(given->texts[3], &out->least_ns, error);
    }
    return status;
}

static cg_status read_law(const words *given, sim_delay *out, cg_error *error) {
    cg_status status = CG_OK;
    switch (out->kind) {
    case SIM_DELAY_CONSTANT:
        return read_time(given->texts[1], &out->place_ns, error);
    case SIM_DELAY_LOGNORMAL:
        return read_shape(given, &sigma, out, error);
    case SIM_DELAY_PARETO:
        return read_shape(given, &alpha, out, error);
    case SIM_DELAY_TRACE:
    case SIM_DELAY_CYCLE:
        return read_trace(given, out, error);
    case SIM_DELAY_EXPONENTIAL:
        status = read_time(given->texts[1], &out->place_ns, error);
        return status == CG_OK && given->count > 2
                   ? read_time(given->texts[2], &out->least_ns, error)
                   : status;
    case SIM_DELAY_UNIFORM:
    case SIM_DELAY_NORMAL:
        break;
    }
    status = read_time(given->texts[1], &out->place_ns, error);
    if (status == CG_OK) {
        status = read_time(given->texts[2], &out->spread_ns, error);
    }
    if (status == CG_OK && out->kind == SIM_DELAY_UNIFORM && out->place_ns > out->spread_ns) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "uniform from %s down to %s; put the smaller one first",
                            given->texts[1], given->texts[2]);
    }
    return status;
}

static bool starts_with_digit(const char *word) {
    return (word[0] >= '0' && word[0] <= '9') || word[0] == '.' || word[0] == '-';
}

cg_status sim_delay_parse(const char *text, sim_delay *out, cg_error *error) {
    static const char *const names[LAW_COUNT] = {"constant",  "uniform",     "normal",
                                                 "lognormal", "exponential", "pareto",
                                                 "trace",     "cycle"};
    words given;
    sim_delay read = {.kind = SIM_DELAY_CONSTANT};
    split(text, &given);
    if (given.count == 0 || starts_with_digit(given.texts[0])) {
        cg_status status = read_time(text, &read.place_ns, error);
        if (status == CG_OK) {
            *out = read;
        }
        return status;
    }
    size_t kind = 0;
    cg_status status = sim_choices_find(names, LAW_COUNT, given.texts[0], &kind, error);
    if (status != CG_OK) {
        return status;
    }
    if (given.count - 1 < laws[kind].least || given.count - 1 > laws[kind].most) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" has %u values behind its name; the law is written as %s",
                            text, given.count - 1, laws[kind].words);
    }
    read.kind = (sim_delay_kind)kind;
    status = read_law(&given, &read, error);
    if (status == CG_OK) {
        *out = read;
    }
    return status;
}

static size_t add_time(char *text, size_t used, uint64_t value_ns) {
    char word[SIM_UNITS_TEXT_BYTES];
    sim_units_format_integer(SIM_UNIT_DURATION, value_ns, word);
    int added = snprintf(text + used, SIM_DELAY_TEXT_BYTES - used, " %s", word);
    return used + (size_t)added;
}

void sim_delay_format(const sim_delay *delay, char text[SIM_DELAY_TEXT_BYTES]) {
    if (delay->kind == SIM_DELAY_CONSTANT) {
        sim_units_format_integer(SIM_UNIT_DURATION, delay->place_ns, text);
        return;
    }
    size_t used = (size_t)snprintf(text, SIM_DELAY_TEXT_BYTES, "%s", laws[delay->kind].name);
    if (delay->kind == SIM_DELAY_TRACE || delay->kind == SIM_DELAY_CYCLE) {
        for (uint32_t i = 0; i < delay->trace_count; i++) {
            used = add_time(text, used, delay->trace_ns[i]);
        }
        return;
    }
    used = add_time(text, used, delay->place_ns);
    if (delay->kind == SIM_DELAY_UNIFORM || delay->kind == SIM_DELAY_NORMAL) {
        used = add_time(text, used, delay->spread_ns);
    }
    if (delay->kind == SIM_DELAY_LOGNORMAL || delay->kind == SIM_DELAY_PARETO) {
        char word[SIM_UNITS_TEXT_BYTES];
        sim_units_format_real(delay->shape, word);
        used += (size_t)snprintf(text + used, SIM_DELAY_TEXT_BYTES - used, " %s", word);
    }
    if (delay->least_ns > 0) {
        (void)add_time(text, used, delay->least_ns);
    }
}
