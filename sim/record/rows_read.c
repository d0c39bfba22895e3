/* The reading side of the worker's protocol. */
#include "sim/record/rows_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/histogram.h"
#include "engine/fact/tokenise.h"
#include "sim/record/rows.h"

enum { FIELDS_MAX = 6, NUMBER_BYTES_MAX = 40, FINGERPRINT_DIGITS = 16 };

bool sim_rows_name_fits(const char *name, bool may_be_empty) {
    size_t length = strlen(name);
    if (length > SIM_ROWS_NAME_BYTES || (length == 0 && !may_be_empty)) {
        return false;
    }
    for (; *name; name++) {
        if (*name <= ' ' || *name > '~' || strchr(":,=\\", *name)) {
            return false;
        }
    }
    return true;
}

bool sim_rows_origin_fits(const char *origin) {
    return strcmp(origin, "built") == 0 || strcmp(origin, "tiled") == 0 ||
           strcmp(origin, "fitted") == 0;
}

sim_rows_reader sim_rows_reader_init(char *text) {
    return (sim_rows_reader){.next = text};
}

static bool unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        switch (*from) {
        case 't':
            *to++ = '\t';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case '\\':
            *to++ = '\\';
            break;
        default:
            return false;
        }
    }
    *to = '\0';
    sim_rows_clean(text);
    return true;
}

void sim_rows_clean(char *text) {
    size_t left = strlen(text);
    size_t at = 0;
    for (char *rest = text; !cg_utf8_check(rest, left, &at); rest += at + 1, left -= at + 1) {
        rest[at] = '?';
    }
    for (char *p = text; *p; p++) {
        bool control = (unsigned char)*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r';
        if (control || *p == 0x7f) {
            *p = '?';
        }
    }
}

/* Decimal only: strtod alone would also take "nan", "0x1p3" and leading spaces. */
static bool parse_value(const char *text, double *out) {
    size_t length = strlen(text);
    if (length == 0 || length > NUMBER_BYTES_MAX || strspn(text, "0123456789+-.eE") != length) {
        return false;
    }
    char *end = NULL;
    double value = strtod(text, &end);
    if (*end || end == text || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_time(const char *text, uint64_t *out) {
    uint64_t value = 0;
    if (!*text) {
        return false;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool is_histogram(const char *text) {
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    bool fits = cg_histogram_parse(&histogram, text, NULL) == CG_OK;
    cg_histogram_deinit(&histogram);
    return fits;
}

static bool is_fingerprint(const char *text) {
    return strlen(text) == FINGERPRINT_DIGITS &&
           strspn(text, "0123456789abcdef") == FINGERPRINT_DIGITS;
}

static bool take_name(const char *field, const char **out) {
    *out = field;
    return sim_rows_name_fits(field, false);
}

static bool take_unit(const char *field, const char **out) {
    *out = field;
    return sim_rows_name_fits(field, true);
}

static bool take_text(char *field, const char **out) {
    *out = field;
    return unescape(field);
}

/* What each kind of row has behind its first field; NULL when `field` is fine. */
static const char *take_figure(char **field, sim_row *row) {
    if (!take_name(field[1], &row->name) || !take_name(field[2], &row->statistic)) {
        return "a bad name or statistic";
    }
    if (!parse_value(field[3], &row->value)) {
        return "a value that is no finite number";
    }
    return take_unit(field[4], &row->unit) ? NULL : "a bad unit";
}

static const char *take_histogram(char **field, sim_row *row) {
    if (!take_name(field[1], &row->name) || !take_unit(field[2], &row->unit)) {
        return "a bad name or unit";
    }
    row->text = field[3];
    return is_histogram(field[3]) ? NULL : "a text that is no histogram";
}

static const char *take_series(char **field, sim_row *row) {
    if (!parse_time(field[2], &row->time_ns)) {
        return "a bad time";
    }
    char *figure[] = {field[0], field[1], field[3], field[4], field[5]};
    return take_figure(figure, row);
}

static const char *take_mark(char **field, sim_row *row) {
    if (!parse_time(field[1], &row->time_ns)) {
        return "a bad time";
    }
    if (!take_name(field[2], &row->name)) {
        return "a bad kind";
    }
    return take_text(field[3], &row->text) ? NULL : "a text with an unknown escape";
}

static const char *take_error(char **field, sim_row *row) {
    return take_text(field[1], &row->text) ? NULL : "a text with an unknown escape";
}

static const char *take_done(char **field, sim_row *row) {
    row->text = field[1];
    row->fingerprint = field[2];
    if (!sim_rows_origin_fits(field[1])) {
        return "an origin that is not built, tiled or fitted";
    }
    return is_fingerprint(field[2]) ? NULL : "a fingerprint that is not 16 hex digits";
}

static const struct {
    const char *word;
    sim_row_kind kind;
    int field_count;
    const char *(*take)(char **field, sim_row *row);
} grammar[] = {
    {"metric", SIM_ROW_METRIC, 5, take_figure},
    {"wall", SIM_ROW_WALL, 5, take_figure},
    {"histogram", SIM_ROW_HISTOGRAM, 4, take_histogram},
    {"series", SIM_ROW_SERIES, 6, take_series},
    {"event", SIM_ROW_EVENT, 4, take_mark},
    {"alert", SIM_ROW_ALERT, 4, take_mark},
    {"error", SIM_ROW_ERROR, 2, take_error},
    {"done", SIM_ROW_DONE, 3, take_done},
};

/* Cuts a line at its tabs; returns the number of fields, at most FIELDS_MAX + 1. */
static int cut(char *line, char **field) {
    int count = 0;
    while (line && count < FIELDS_MAX) {
        field[count++] = line;
        line = strchr(line, '\t');
        if (line) {
            *line++ = '\0';
        }
    }
    return line ? count + 1 : count;
}

static const char *take_line(char *line, sim_row *row) {
    char *field[FIELDS_MAX] = {0};
    int count = cut(line, field);
    for (size_t i = 0; i < sizeof grammar / sizeof grammar[0]; i++) {
        if (strcmp(field[0], grammar[i].word) == 0) {
            if (count != grammar[i].field_count) {
                return "a wrong number of fields";
            }
            row->kind = grammar[i].kind;
            return grammar[i].take(field, row);
        }
    }
    return "an unknown kind";
}

cg_status sim_rows_reader_next(sim_rows_reader *reader, sim_row *row, bool *more,
                               cg_error *error) {
    if (!*reader->next) {
        *more = false;
        return CG_OK;
    }
    char *line = reader->next;
    char *end = strchr(line, '\n');
    reader->line++;
    if (!end) {
        reader->next += strlen(line);
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "line %u of the worker's output is cut off", reader->line);
    }
    *end = '\0';
    reader->next = end + 1;
    sim_row taken = {0};
    const char *problem = take_line(line, &taken);
    if (problem) {
        /* take_line cut the line at its tabs: what is left to quote is the first field. */
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "line %u of the worker's output (\"%.40s\") has %s", reader->line,
                            line, problem);
    }
    *row = taken;
    *more = true;
    return CG_OK;
}
