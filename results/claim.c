/* Claims: names, units, comparisons. */
#include "results/claim.h"

#include <string.h>

#include "engine/base/nearest.h"

const char *const cg_claim_operator_names[CG_CLAIM_OPERATORS] = {"<", "<=", ">", ">=", "="};
const char *const cg_claim_verdict_names[CG_CLAIM_VERDICTS] = {"open", "met", "missed"};

typedef enum dimension {
    TIME,
    BYTES,
    BYTE_RATE,
    BIT_RATE,
    EVENT_RATE,
    PLAIN,
    ENERGY,
    POWER
} dimension;

/* Sizes are whole numbers of the dimension's smallest unit, so that quotients are exact wherever
 * they are whole. */
static const struct {
    const char *name;
    dimension dimension;
    double size;
} units[] = {{"ns", TIME, 1.0},
             {"us", TIME, 1e3},
             {"ms", TIME, 1e6},
             {"s", TIME, 1e9},
             {"min", TIME, 6e10},
             {"h", TIME, 3.6e12},
             {"B", BYTES, 1.0},
             {"bytes", BYTES, 1.0},
             {"kB", BYTES, 1e3},
             {"MB", BYTES, 1e6},
             {"GB", BYTES, 1e9},
             {"TB", BYTES, 1e12},
             {"KiB", BYTES, 0x1p10},
             {"MiB", BYTES, 0x1p20},
             {"GiB", BYTES, 0x1p30},
             {"TiB", BYTES, 0x1p40},
             {"B/s", BYTE_RATE, 1.0},
             {"kB/s", BYTE_RATE, 1e3},
             {"MB/s", BYTE_RATE, 1e6},
             {"GB/s", BYTE_RATE, 1e9},
             {"bit/s", BIT_RATE, 1.0},
             {"kbit/s", BIT_RATE, 1e3},
             {"Mbit/s", BIT_RATE, 1e6},
             {"Gbit/s", BIT_RATE, 1e9},
             {"1/s", EVENT_RATE, 1.0},
             {"requests/s", EVENT_RATE, 1.0},
             {"operations/s", EVENT_RATE, 1.0},
             {"%", PLAIN, 1e4},
             {"ppm", PLAIN, 1.0},
             {"1", PLAIN, 1e6},
             {"x", PLAIN, 1e6},
             {"count", PLAIN, 1e6},
             {"iterations", PLAIN, 1e6},
             {"nJ", ENERGY, 1.0},
             {"uJ", ENERGY, 1e3},
             {"mJ", ENERGY, 1e6},
             {"J", ENERGY, 1e9},
             {"kJ", ENERGY, 1e12},
             {"MJ", ENERGY, 1e15},
             {"mW", POWER, 1.0},
             {"W", POWER, 1e3},
             {"kW", POWER, 1e6}};

enum { UNITS = sizeof units / sizeof units[0] };

/* `count` when there is none. */
static size_t find(const char *const *names, size_t count, const char *text) {
    size_t at = 0;
    while (at < count && strcmp(names[at], text) != 0) {
        at++;
    }
    return at;
}

bool cg_claim_operator_parse(const char *text, cg_claim_operator *out) {
    size_t at = find(cg_claim_operator_names, CG_CLAIM_OPERATORS, text);
    if (at < CG_CLAIM_OPERATORS) {
        *out = (cg_claim_operator)at;
    }
    return at < CG_CLAIM_OPERATORS;
}

bool cg_claim_verdict_parse(const char *text, cg_claim_verdict *out) {
    size_t at = find(cg_claim_verdict_names, CG_CLAIM_VERDICTS, text);
    if (at < CG_CLAIM_VERDICTS) {
        *out = (cg_claim_verdict)at;
    }
    return at < CG_CLAIM_VERDICTS;
}

bool cg_claim_name_is_valid(const char *text) {
    size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    size_t digits = text[letters] == '-' ? strspn(text + letters + 1, "0123456789") : 0;
    size_t length = letters + 1 + digits;
    while (digits > 0 && text[length] == '-') {
        size_t word = strspn(text + length + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
        if (word == 0) {
            break;
        }
        length += 1 + word;
    }
    return letters > 0 && digits > 0 && length < CG_CLAIM_NAME_BYTES && !text[length];
}

/* UNITS when there is none. */
static size_t find_unit(const char *name) {
    size_t at = 0;
    while (at < UNITS && strcmp(units[at].name, name) != 0) {
        at++;
    }
    return at;
}

bool cg_claim_unit_is_known(const char *unit) {
    return find_unit(unit) < UNITS;
}

bool cg_claim_unit_is_plain(const char *unit) {
    size_t at = find_unit(unit);
    return at < UNITS && units[at].dimension == PLAIN;
}

const char *cg_claim_unit_nearest(const char *text) {
    const char *names[UNITS];
    for (size_t i = 0; i < UNITS; i++) {
        names[i] = units[i].name;
    }
    return cg_nearest_name(text, names, UNITS);
}

bool cg_claim_scale_of(const char *figure_unit, const char *bound_unit, cg_claim_scale *out) {
    cg_claim_scale scale = {1.0, 1.0};
    size_t from = find_unit(*figure_unit ? figure_unit : "1");
    size_t to = find_unit(bound_unit);
    if (from < UNITS && to < UNITS) {
        if (units[from].dimension != units[to].dimension) {
            return false;
        }
        if (units[from].size < units[to].size) {
            scale.figure_divisor = units[to].size / units[from].size;
        } else {
            scale.bound_divisor = units[from].size / units[to].size;
        }
    } else if (strcmp(figure_unit, bound_unit) != 0) {
        return false;
    }
    *out = scale;
    return true;
}

double cg_claim_in_bound_unit(cg_claim_scale scale, double figure) {
    return figure / scale.figure_divisor * scale.bound_divisor;
}

bool cg_claim_holds(cg_claim_operator op, cg_claim_scale scale, double figure, double bound) {
    double left = figure / scale.figure_divisor;
    double right = bound / scale.bound_divisor;
    switch (op) {
    case CG_CLAIM_LESS:
        return left < right;
    case CG_CLAIM_AT_MOST:
        return left <= right;
    case CG_CLAIM_MORE:
        return left > right;
    case CG_CLAIM_AT_LEAST:
        return left >= right;
    case CG_CLAIM_EQUAL:
        return left == right;
    case CG_CLAIM_OPERATORS:
        break;
    }
    return false;
}
