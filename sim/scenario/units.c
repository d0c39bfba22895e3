/* Quantities: decimal digits times a unit, in 128 bits.
 *
 * Idea: the number is digits * 10^exponent with at most 19 digits kept; the value in base steps
 * is digits * factor * 10^exponent, computed as one 128-bit product and one division, so there
 * is no float and no double rounding. Saturates at UINT64_MAX, which is beyond every limit.
 * Known values: "0.1ms" = 100,000 ns; "1.5GiB" = 1,610,612,736; "18446744073709551616"
 * saturates.
 */
#include "sim/scenario/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/base/wide.h"

enum { DIGITS_MAX = 19, EXPONENT_MAX = 10000, NUMBER_BYTES = 400 };

typedef struct unit_name {
    const char *name;
    uint64_t factor;
    bool spoken; /* used when describing a value */
} unit_name;

/* Each list rises by factor; the bare unit (name "") comes first. */
static const unit_name count_names[] = {
    {"", 1, true},        {"K", 1000, true},       {"k", 1000, false},
    {"M", 1000000, true}, {"G", 1000000000, true}, {"B", 1000000000, false},
};
static const unit_name duration_names[] = {
    {"ns", 1, true},
    {"us", 1000, true},
    {"ms", 1000000, true},
    {"", 1000000000, false},
    {"s", 1000000000, true},
    {"min", 60000000000, true},
    {"h", 3600000000000, true},
};
static const unit_name bytes_names[] = {
    {"", 1, false},
    {"B", 1, true},
    {"KB", 1000, true},
    {"kB", 1000, false},
    {"KiB", UINT64_C(1) << 10, true},
    {"MB", 1000000, true},
    {"MiB", UINT64_C(1) << 20, true},
    {"GB", 1000000000, true},
    {"GiB", UINT64_C(1) << 30, true},
    {"TB", 1000000000000, true},
    {"TiB", UINT64_C(1) << 40, true},
    {"PB", 1000000000000000, true},
    {"PiB", UINT64_C(1) << 50, true},
};
static const unit_name bandwidth_names[] = {
    {"", 1, false},
    {"bps", 1, true},
    {"Kbps", 1000, true},
    {"kbps", 1000, false},
    {"Mbps", 1000000, true},
    {"Gbps", 1000000000, true},
    {"Tbps", 1000000000000, true},
};
static const unit_name byte_rate_names[] = {
    {"", 1, false},
    {"B/s", 1, true},
    {"KB/s", 1000, true},
    {"kB/s", 1000, false},
    {"KiB/s", UINT64_C(1) << 10, true},
    {"MB/s", 1000000, true},
    {"MiB/s", UINT64_C(1) << 20, true},
    {"GB/s", 1000000000, true},
    {"GiB/s", UINT64_C(1) << 30, true},
    {"TB/s", 1000000000000, true},
};
static const unit_name rate_names[] = {
    {"", 1, false},        {"Hz", 1, true},        {"/s", 1, false},
    {"K", 1000, false},    {"kHz", 1000, true},    {"K/s", 1000, false},
    {"M", 1000000, false}, {"MHz", 1000000, true}, {"M/s", 1000000, false},
};
static const unit_name number_names[] = {{"", 1, false}};

typedef struct unit_kind {
    const unit_name *names;
    size_t name_count;
    const char *noun;
    const char *advice;
} unit_kind;

#define UNIT_NAMES(list) list, sizeof(list) / sizeof((list)[0])

static const unit_kind kinds[SIM_UNIT_KINDS] = {
    [SIM_UNIT_COUNT] =
        {UNIT_NAMES(count_names), "a whole number",
         "use digits, with K, M or G for 10^3, 10^6 or 10^9, for example \"10K\""},
    [SIM_UNIT_DURATION] = {UNIT_NAMES(duration_names), "a duration",
                           "use ns, us, ms, s, min or h, for example \"50us\""},
    [SIM_UNIT_BYTES] = {UNIT_NAMES(bytes_names), "a size",
                        "use B, KB, MB, GB, TB, PB, KiB, MiB, GiB, TiB or PiB, "
                        "for example \"64GiB\""},
    [SIM_UNIT_BANDWIDTH] = {UNIT_NAMES(bandwidth_names), "a bandwidth",
                            "use bps, Kbps, Mbps, Gbps or Tbps, for example \"10Gbps\""},
    [SIM_UNIT_BYTE_RATE] = {UNIT_NAMES(byte_rate_names), "a byte rate",
                            "use B/s, KB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s or GiB/s, "
                            "for example \"2GB/s\""},
    [SIM_UNIT_RATE] = {UNIT_NAMES(rate_names), "a rate",
                       "use Hz, kHz or MHz, or K or M a second, for example \"1kHz\""},
    [SIM_UNIT_PROBABILITY] = {NULL, 0, "a probability",
                              "use a number from 0 to 1 or a percentage, for example \"5%\""},
    [SIM_UNIT_NUMBER] = {UNIT_NAMES(number_names), "a number",
                         "use digits, for example \"0.99\""},
};

/* A number split from its unit. */
typedef struct number {
    bool negative;
    uint64_t digits;   /* at most DIGITS_MAX kept */
    int32_t exponent;  /* value = digits * 10^exponent */
    const char *start; /* of the text, behind the sign */
    size_t length;
    const char *unit; /* what follows, behind spaces */
} number;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads an exponent when there is a well-formed one; otherwise leaves the cursor where it was.
 */
static const char *read_exponent(const char *cursor, int32_t *exponent) {
    if (*cursor != 'e' && *cursor != 'E') {
        return cursor;
    }
    const char *digits = cursor + 1;
    bool negative = *digits == '-';
    if (*digits == '-' || *digits == '+') {
        digits++;
    }
    if (!is_digit(*digits)) {
        return cursor;
    }
    int32_t value = 0;
    for (; is_digit(*digits); digits++) {
        value = value < EXPONENT_MAX ? value * 10 + (*digits - '0') : value;
    }
    *exponent += negative ? -value : value;
    return digits;
}

static bool read_number(const char *text, number *out) {
    while (*text == ' ') {
        text++;
    }
    number result = {.negative = *text == '-'};
    const char *cursor = text + (result.negative ? 1 : 0);
    result.start = cursor;
    bool any = false;
    bool fraction = false;
    uint32_t kept = 0;
    for (; is_digit(*cursor) || (*cursor == '.' && !fraction); cursor++) {
        if (*cursor == '.') {
            fraction = true;
            continue;
        }
        any = true;
        if (kept < DIGITS_MAX) {
            result.digits = result.digits * 10 + (uint64_t)(*cursor - '0');
            kept += result.digits > 0 ? 1 : 0;
            result.exponent -= fraction ? 1 : 0;
        } else {
            result.exponent += fraction ? 0 : 1;
        }
    }
    if (!any || cursor - text > NUMBER_BYTES / 2) {
        return false;
    }
    cursor = read_exponent(cursor, &result.exponent);
    result.length = (size_t)(cursor - result.start);
    while (*cursor == ' ') {
        cursor++;
    }
    result.unit = cursor;
    *out = result;
    return true;
}

static const unit_name *find_unit(const unit_kind *kind, const char *text) {
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    for (size_t i = 0; i < kind->name_count; i++) {
        const char *name = kind->names[i].name;
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            return &kind->names[i];
        }
    }
    return NULL;
}

/* digits * factor * 10^exponent, rounded to the nearest; *exact says whether nothing was
 * rounded away. */
static uint64_t scale_number(const number *value, uint64_t factor, bool *exact) {
    uint64_t digits = value->digits;
    int32_t exponent = value->exponent;
    *exact = true;
    if (digits == 0) {
        return 0;
    }
    for (; exponent < 0 && digits % 10 == 0; exponent++) {
        digits /= 10;
    }
    for (; exponent < -DIGITS_MAX && digits > 0; exponent++) {
        digits /= 10;
        *exact = false;
    }
    if (digits == 0) { /* all of them lay below 10^-19 of a step */
        return 0;
    }
    if (exponent >= 0) {
        uint64_t result = cg_mul_div(digits, factor, 1);
        for (; exponent > 0 && result < UINT64_MAX; exponent--) {
            result = cg_mul_div(result, 10, 1);
        }
        return result;
    }
    uint64_t divisor = 1;
    for (; exponent < 0; exponent++) {
        divisor *= 10;
    }
    uint64_t quotient = cg_mul_div(digits, factor, divisor);
    if (quotient == UINT64_MAX) {
        return quotient;
    }
    /* The remainder is below the divisor, so the low words alone give it. */
    uint64_t remainder =
        cg_multiply_wide(digits, factor).low - cg_multiply_wide(quotient, divisor).low;
    *exact = *exact && remainder == 0;
    return remainder >= divisor - remainder ? quotient + 1 : quotient;
}

static cg_status refuse_text(const unit_kind *kind, const char *text, cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is not %s; %s", text, kind->noun,
                        kind->advice);
}

static cg_status refuse_small(const sim_quantity *quantity, const char *text, cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is too small; the least is %s",
                        text, quantity->least);
}

static cg_status refuse_large(const sim_quantity *quantity, const char *text, cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is too large; the greatest is %s",
                        text, quantity->greatest);
}

static bool read_integer(const unit_kind *kind, const char *text, uint64_t *out, number *value,
                         bool *exact) {
    if (!read_number(text, value)) {
        return false;
    }
    const unit_name *unit = find_unit(kind, value->unit);
    if (!unit) {
        return false;
    }
    *out = scale_number(value, unit->factor, exact);
    return true;
}

cg_status sim_units_parse_integer(const sim_quantity *quantity, const char *text, uint64_t *out,
                                  cg_error *error) {
    CG_ASSERT(quantity->unit < SIM_UNIT_RATE);
    const unit_kind *kind = &kinds[quantity->unit];
    number value;
    uint64_t result = 0;
    bool exact = true;
    if (!read_integer(kind, text, &result, &value, &exact)) {
        return refuse_text(kind, text, error);
    }
    number scratch;
    bool limit_exact = true;
    uint64_t least = 0;
    uint64_t greatest = 0;
    bool readable = read_integer(kind, quantity->least, &least, &scratch, &limit_exact) &&
                    read_integer(kind, quantity->greatest, &greatest, &scratch, &limit_exact);
    CG_ASSERT(readable && limit_exact && greatest < UINT64_MAX);
    if (value.negative && value.digits > 0) {
        return refuse_small(quantity, text, error);
    }
    if (!exact && quantity->unit == SIM_UNIT_COUNT && result < UINT64_MAX) {
        return refuse_text(kind, text, error);
    }
    if (result < least) {
        return refuse_small(quantity, text, error);
    }
    if (result > greatest) {
        return refuse_large(quantity, text, error);
    }
    if (result == 0 && value.digits > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" rounds to zero; use 0 or at least 1%s", text,
                            quantity->unit == SIM_UNIT_DURATION ? "ns" : "");
    }
    *out = result;
    return CG_OK;
}

/* The number alone, correctly rounded; strtod sees only the characters that read_number
 * accepted. */
static bool number_to_real(const number *value, double *out) {
    char text[NUMBER_BYTES];
    if (value->length >= sizeof text) {
        return false;
    }
    memcpy(text, value->start, value->length);
    text[value->length] = '\0';
    double magnitude = strtod(text, NULL);
    *out = value->negative && value->digits > 0 ? -magnitude : magnitude;
    return true;
}

static bool read_real(sim_unit unit, const char *text, double *out) {
    number value;
    double real = 0.0;
    if (!read_number(text, &value) || !number_to_real(&value, &real)) {
        return false;
    }
    if (unit == SIM_UNIT_PROBABILITY) {
        if (strcmp(value.unit, "%") == 0) {
            *out = real / 100.0;
            return true;
        }
        *out = real;
        return value.unit[0] == '\0';
    }
    const unit_name *name = find_unit(&kinds[unit], value.unit);
    if (!name) {
        return false;
    }
    *out = real * (double)name->factor;
    return true;
}

cg_status sim_units_parse_real(const sim_quantity *quantity, const char *text, double *out,
                               cg_error *error) {
    CG_ASSERT(quantity->unit >= SIM_UNIT_RATE && quantity->unit < SIM_UNIT_KINDS);
    double value = 0.0;
    if (!read_real(quantity->unit, text, &value)) {
        return refuse_text(&kinds[quantity->unit], text, error);
    }
    double least = 0.0;
    double greatest = 0.0;
    bool readable = read_real(quantity->unit, quantity->least, &least) &&
                    read_real(quantity->unit, quantity->greatest, &greatest);
    CG_ASSERT(readable);
    if (value < least) {
        return refuse_small(quantity, text, error);
    }
    if (value > greatest) {
        return refuse_large(quantity, text, error);
    }
    *out = value;
    return CG_OK;
}

void sim_units_format_integer(sim_unit unit, uint64_t value, char text[SIM_UNITS_TEXT_BYTES]) {
    snprintf(text, SIM_UNITS_TEXT_BYTES, "%" PRIu64 "%s", value,
             unit == SIM_UNIT_DURATION ? "ns" : "");
}

void sim_units_format_real(double value, char text[SIM_UNITS_TEXT_BYTES]) {
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, SIM_UNITS_TEXT_BYTES, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (!(back < value) && !(back > value)) {
            return;
        }
    }
}

void sim_units_describe(sim_unit unit, uint64_t value, char text[SIM_UNITS_TEXT_BYTES]) {
    const unit_kind *kind = &kinds[unit];
    const unit_name *best = NULL;
    for (size_t i = 0; i < kind->name_count; i++) {
        const unit_name *name = &kind->names[i];
        if (name->spoken && value % name->factor == 0 && (value > 0 || !best)) {
            best = name;
        }
    }
    if (value == 0 || !best) {
        snprintf(text, SIM_UNITS_TEXT_BYTES, "%" PRIu64, value);
        return;
    }
    snprintf(text, SIM_UNITS_TEXT_BYTES, "%" PRIu64 "%s", value / best->factor, best->name);
}
