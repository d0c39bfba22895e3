#include "engine/graph/triples_text.h"

#include <string.h>

#include "engine/fact/tokenise.h"

enum {
    FIELDS_MAX = TRIPLE_PARTS + 1,
    SHOWN_BYTES = 40,
    DIGITS_MAX = 19,
    EXPONENT_MAX = 9999,
    WEIGHT_BYTES_MAX = 64
};

const char cg_triples_inverse[] = "inverse of ";

static const char *const part_names[TRIPLE_PARTS] = {
    [PART_HEAD] = "head", [PART_RELATION] = "relation", [PART_TAIL] = "tail"};

triple_reader cg_triples_reader(const cg_triples_source *sources, uint32_t source_count,
                                bool inverse) {
    triple_reader reader = {.sources = sources, .source_count = source_count};
    for (int part = 0; part < TRIPLE_PARTS; part++) {
        reader.name_bytes_max[part] = CG_NAME_BYTES_MAX;
    }
    if (inverse) {
        reader.name_bytes_max[PART_RELATION] -= sizeof cg_triples_inverse - 1;
    }
    return reader;
}

cg_status cg_triples_where(const triple_reader *reader, cg_status status, cg_error *error) {
    const char *name = reader->sources[reader->source].name;
    cg_error_prefix(error, "%.200s%sline %llu: ", name ? name : "", name ? " " : "",
                    (unsigned long long)reader->line);
    return status;
}

/* --- Weights. --- */

/* A decimal number, exactly: digits * 10^exponent, a little more when rest is true. */
typedef struct decimal {
    uint64_t digits;
    uint32_t digit_count; /* of `digits`; 0 for zero */
    int32_t exponent;
    bool rest;
} decimal;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void take_digit(decimal *number, char digit, bool fraction) {
    if (number->digit_count < DIGITS_MAX) {
        number->digits = 10 * number->digits + (uint64_t)(digit - '0');
        number->digit_count += number->digits > 0;
        number->exponent -= fraction;
    } else {
        number->rest |= digit != '0';
        number->exponent += !fraction;
    }
}

/* The exponent from text[at] on ("e-3"). Returns where it ends; `at` if it is none. */
static size_t take_exponent(decimal *number, const char *text, size_t bytes, size_t at) {
    size_t next = at + 1;
    bool negative = false;
    if (next < bytes && (text[next] == '-' || text[next] == '+')) {
        negative = text[next++] == '-';
    }
    if (next >= bytes || !is_digit(text[next])) {
        return at;
    }
    int32_t value = 0;
    for (; next < bytes && is_digit(text[next]); next++) {
        value = value < EXPONENT_MAX ? 10 * value + (text[next] - '0') : value;
    }
    number->exponent += negative ? -value : value;
    return next;
}

static bool parse_decimal(const char *text, size_t bytes, decimal *out) {
    decimal number = {0};
    size_t at = 0;
    bool any = false;
    for (; at < bytes && is_digit(text[at]); at++, any = true) {
        take_digit(&number, text[at], false);
    }
    if (at < bytes && text[at] == '.') {
        for (at++; at < bytes && is_digit(text[at]); at++, any = true) {
            take_digit(&number, text[at], true);
        }
    }
    if (any && at < bytes && (text[at] == 'e' || text[at] == 'E')) {
        at = take_exponent(&number, text, bytes, at);
    }
    while (number.digit_count > 1 && number.digits % 10 == 0) {
        number.digits /= 10;
        number.digit_count--;
        number.exponent++;
    }
    *out = number;
    return any && at == bytes;
}

/* The number lies in [10^(places - 1), 10^places), places = digit_count + exponent; so it is
 * above 1 when places > 0, unless it is 1 itself. */
static bool is_weight(const decimal *number) {
    if (number->digit_count == 0) {
        return false;
    }
    bool one = number->digits == 1 && number->exponent == 0 && !number->rest;
    return one || (int32_t)number->digit_count + number->exponent <= 0;
}

static uint8_t weight_of(const decimal *number) {
    double value = (double)number->digits;
    for (int32_t e = number->exponent; e < 0 && value > 0.0; e++) {
        value /= 10.0;
    }
    uint32_t steps = (uint32_t)(value * 256.0 + 0.5);
    return (uint8_t)(steps == 0 ? 0 : steps - 1);
}

/* --- Lines. --- */

typedef struct field {
    const char *text;
    size_t bytes;
} field;

/* Column, from 1, of the first byte that cannot stand in a line; 0 when all is well. */
static size_t bad_column(const char *line, size_t bytes) {
    const char *nul = memchr(line, '\0', bytes);
    size_t bad_offset = 0;
    size_t checked = nul ? (size_t)(nul - line) : bytes;
    if (!cg_utf8_check(line, checked, &bad_offset)) {
        return bad_offset + 1;
    }
    return nul ? checked + 1 : 0;
}

static uint32_t split(const char *line, size_t bytes, field fields[FIELDS_MAX]) {
    uint32_t count = 0;
    for (size_t start = 0; start <= bytes;) {
        const char *tab = start < bytes ? memchr(line + start, '\t', bytes - start) : NULL;
        size_t end = tab ? (size_t)(tab - line) : bytes;
        if (count < FIELDS_MAX) {
            fields[count] = (field){line + start, end - start};
        }
        count++;
        start = end + 1;
    }
    return count;
}

static cg_status read_weight(field text, uint8_t *out, cg_error *error) {
    decimal number;
    if (text.bytes > WEIGHT_BYTES_MAX || !parse_decimal(text.text, text.bytes, &number) ||
        !is_weight(&number)) {
        int shown = text.bytes < SHOWN_BYTES ? (int)text.bytes : SHOWN_BYTES;
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the weight in field 4 is \"%.*s\"; it must be a number above 0 "
                            "and at most 1",
                            shown, text.text);
    }
    *out = weight_of(&number);
    return CG_OK;
}

static cg_status read_fields(const triple_reader *reader, const char *line, size_t bytes,
                             triple_line *out, cg_error *error) {
    field fields[FIELDS_MAX] = {{NULL, 0}};
    triple_line triple = {.weight = UINT8_MAX};
    size_t column = bad_column(line, bytes);
    if (column > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "column %zu holds the byte 0x%02x, which is not UTF-8 text", column,
                            (unsigned)(uint8_t)line[column - 1]);
    }
    uint32_t count = split(line, bytes, fields);
    if (count < TRIPLE_PARTS || count > FIELDS_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%u field%s separated by tabs; there must be 3 (head, relation, "
                            "tail), or 4 with a weight",
                            count, count == 1 ? "" : "s");
    }
    for (uint32_t part = 0; part < TRIPLE_PARTS; part++) {
        size_t most = reader->name_bytes_max[part];
        if (fields[part].bytes == 0 || fields[part].bytes > most) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "the %s in field %u has %zu bytes; it must have 1 to %zu",
                                part_names[part], part + 1, fields[part].bytes, most);
        }
        triple.text[part] = fields[part].text;
        triple.bytes[part] = fields[part].bytes;
    }
    cg_status status = CG_OK;
    if (count == FIELDS_MAX) {
        status = read_weight(fields[TRIPLE_PARTS], &triple.weight, error);
    }
    if (status == CG_OK) {
        *out = triple;
    }
    return status;
}

/* The next line of any source, without what ends it; false at the end of all. */
static bool next_line(triple_reader *reader, const char **line, size_t *bytes) {
    static const char mark[] = "\xef\xbb\xbf";
    while (reader->source < reader->source_count &&
           reader->at == reader->sources[reader->source].size_bytes) {
        reader->source++;
        reader->at = 0;
        reader->line = 0;
    }
    if (reader->source == reader->source_count) {
        return false;
    }
    const cg_triples_source *source = &reader->sources[reader->source];
    const char *text = (const char *)source->bytes;
    if (reader->at == 0 && source->size_bytes >= sizeof mark - 1 &&
        memcmp(text, mark, sizeof mark - 1) == 0) {
        reader->at = sizeof mark - 1;
    }
    size_t left = source->size_bytes - reader->at;
    const char *newline = left > 0 ? memchr(text + reader->at, '\n', left) : NULL;
    size_t length = newline ? (size_t)(newline - text) - reader->at : left;
    *line = text + reader->at;
    reader->at += length + (newline != NULL);
    reader->line++;
    *bytes = length - (length > 0 && (*line)[length - 1] == '\r');
    return true;
}

cg_status cg_triples_next(triple_reader *reader, triple_line *out, bool *found,
                          cg_error *error) {
    const char *line = NULL;
    size_t bytes = 0;
    while (next_line(reader, &line, &bytes)) {
        if (bytes == 0) {
            reader->empty_lines++;
            continue;
        }
        cg_status status = read_fields(reader, line, bytes, out, error);
        if (status != CG_OK) {
            return cg_triples_where(reader, status, error);
        }
        *found = true;
        return CG_OK;
    }
    *found = false;
    return CG_OK;
}
