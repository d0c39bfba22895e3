/* A history as JSON lines: one table of fields says name, type and order, and both writing and
 * reading walk along it, so that neither knows a field that the other does not.
 *
 * Known line (a test asserts it):
 * {"id":1,"client":2,"host":3,"kind":"get","key":4,"space":0,"count":0,"acknowledge":"none",
 * "promised":true,"invoke_ns":5,"complete_ns":6,"outcome":"ok","status":"ok","answered_by":3,
 * "epoch":0,"fact_id":0,"slot":null,"found":true,"value":18446744073709551615} (in one line)
 */
#include "sim/check/history.h"

#include <stddef.h>
#include <string.h>

typedef enum field_type {
    FIELD_U64,
    FIELD_U32,
    FIELD_FLAG,
    FIELD_TIME, /* u64; SIM_TIME_NONE is null */
    FIELD_KIND,
    FIELD_OUTCOME,
    FIELD_STATUS, /* null while open */
    FIELD_MODE
} field_type;

enum { NO_FLAG = 0 }; /* no flag is an operation's first member */

typedef struct line_field {
    const char *name;
    field_type type;
    size_t offset; /* of u64, u32, flag and time */
    size_t known;  /* offset of the flag without which it is null, or NO_FLAG */
} line_field;

#define AT(member) offsetof(sim_operation, member)
static const line_field fields[] = {
    {"id", FIELD_U64, AT(id), NO_FLAG},
    {"client", FIELD_U32, AT(client), NO_FLAG},
    {"host", FIELD_U32, AT(host_asked), NO_FLAG},
    {"kind", FIELD_KIND, 0, NO_FLAG},
    {"key", FIELD_U64, AT(key), NO_FLAG},
    {"space", FIELD_U32, AT(space), NO_FLAG},
    {"count", FIELD_U32, AT(count), NO_FLAG},
    {"acknowledge", FIELD_MODE, 0, NO_FLAG},
    {"promised", FIELD_FLAG, AT(promised), NO_FLAG},
    {"invoke_ns", FIELD_U64, AT(invoke_ns), NO_FLAG},
    {"complete_ns", FIELD_TIME, AT(complete_ns), NO_FLAG},
    {"outcome", FIELD_OUTCOME, 0, NO_FLAG},
    {"status", FIELD_STATUS, 0, NO_FLAG},
    {"answered_by", FIELD_U32, AT(host_answered), AT(has_answer)},
    {"epoch", FIELD_U64, AT(epoch), NO_FLAG},
    {"fact_id", FIELD_U64, AT(fact_id), NO_FLAG},
    {"slot", FIELD_U64, AT(slot), AT(has_slot)},
    {"found", FIELD_FLAG, AT(found), NO_FLAG},
    {"value", FIELD_U64, AT(value), AT(has_value)},
};
#undef AT
enum { FIELD_COUNT = sizeof fields / sizeof *fields, NAME_BYTES_MAX = 24 };

/* Names of a type by number; NULL past the last one. */
static const char *name_at(field_type type, unsigned number) {
    switch (type) {
    case FIELD_KIND:
        return number < SIM_OPERATION_KIND_COUNT
                   ? sim_operation_kind_name((sim_operation_kind)number)
                   : NULL;
    case FIELD_OUTCOME:
        return number < SIM_EFFECT_COUNT ? sim_effect_name((sim_effect)number) : NULL;
    case FIELD_STATUS:
        return number < CG_STATUS_COUNT ? cg_status_name((cg_status)number) : NULL;
    case FIELD_MODE:
        return number < SIM_MODE_COUNT ? sim_mode_name((sim_mode)number) : NULL;
    default:
        return NULL;
    }
}

/* -- Writing */

static const char *name_of(const sim_operation *operation, field_type type) {
    switch (type) {
    case FIELD_KIND:
        return sim_operation_kind_name(operation->kind);
    case FIELD_OUTCOME:
        return sim_effect_name(operation->outcome);
    case FIELD_STATUS:
        return operation->outcome == SIM_EFFECT_OPEN ? NULL : cg_status_name(operation->status);
    case FIELD_MODE:
        return sim_mode_name(operation->acknowledge);
    default:
        return NULL;
    }
}

static bool flag_at(const sim_operation *operation, size_t offset) {
    bool flag = false;
    memcpy(&flag, (const char *)operation + offset, sizeof flag);
    return flag;
}

static uint64_t number_at(const sim_operation *operation, const line_field *field) {
    if (field->type == FIELD_U32) {
        uint32_t number = 0;
        memcpy(&number, (const char *)operation + field->offset, sizeof number);
        return number;
    }
    uint64_t number = 0;
    memcpy(&number, (const char *)operation + field->offset, sizeof number);
    return number;
}

static int put_field(const sim_operation *operation, const line_field *field, char *out,
                     size_t capacity) {
    const char *comma = field == fields ? "{" : ",";
    if (field->type == FIELD_FLAG) {
        return snprintf(out, capacity, "%s\"%s\":%s", comma, field->name,
                        flag_at(operation, field->offset) ? "true" : "false");
    }
    if (field->type == FIELD_U64 || field->type == FIELD_U32 || field->type == FIELD_TIME) {
        uint64_t number = number_at(operation, field);
        bool known = field->known == NO_FLAG
                         ? field->type != FIELD_TIME || number != SIM_TIME_NONE
                         : flag_at(operation, field->known);
        return known ? snprintf(out, capacity, "%s\"%s\":%llu", comma, field->name,
                                (unsigned long long)number)
                     : snprintf(out, capacity, "%s\"%s\":null", comma, field->name);
    }
    const char *name = name_of(operation, field->type);
    return name ? snprintf(out, capacity, "%s\"%s\":\"%s\"", comma, field->name, name)
                : snprintf(out, capacity, "%s\"%s\":null", comma, field->name);
}

size_t sim_history_line(const sim_operation *operation, char line[SIM_HISTORY_LINE_BYTES]) {
    size_t used = 0;
    for (size_t i = 0; i < FIELD_COUNT; ++i) {
        int length =
            put_field(operation, &fields[i], line + used, SIM_HISTORY_LINE_BYTES - used);
        CG_ASSERT(length > 0 && (size_t)length < SIM_HISTORY_LINE_BYTES - used);
        used += (size_t)length;
    }
    CG_ASSERT(used + 3 <= SIM_HISTORY_LINE_BYTES);
    memcpy(line + used, "}\n", 3);
    return used + 2;
}

cg_status sim_history_write(sim_history *history, FILE *file, cg_error *error) {
    cg_status status = sim_history_sort(history, error);
    if (status != CG_OK) {
        return status;
    }
    const sim_operation *operations = sim_history_operations(history);
    size_t count = sim_history_count(history);
    char line[SIM_HISTORY_LINE_BYTES];
    for (size_t i = 0; i < count; ++i) {
        size_t length = sim_history_line(&operations[i], line);
        if (fwrite(line, 1, length, file) != length) {
            return cg_error_set(error, CG_ERROR_IO,
                                "operation %llu, line %zu of %zu, could not be written",
                                (unsigned long long)operations[i].id, i + 1, count);
        }
    }
    if (fflush(file) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "%zu operations could not be written", count);
    }
    return CG_OK;
}

/* -- Reading */

typedef struct line_reader {
    const char *bytes; /* of one line */
    size_t size;
    size_t used;
    size_t line; /* from 1 */
} line_reader;

static void skip_blanks(line_reader *reader) {
    while (reader->used < reader->size &&
           (reader->bytes[reader->used] == ' ' || reader->bytes[reader->used] == '\t' ||
            reader->bytes[reader->used] == '\r')) {
        reader->used++;
    }
}

static bool take(line_reader *reader, char wanted) {
    skip_blanks(reader);
    if (reader->used < reader->size && reader->bytes[reader->used] == wanted) {
        reader->used++;
        return true;
    }
    return false;
}

static bool take_word(line_reader *reader, const char *word) {
    skip_blanks(reader);
    size_t length = strlen(word);
    if (reader->size - reader->used < length ||
        memcmp(reader->bytes + reader->used, word, length) != 0) {
        return false;
    }
    reader->used += length;
    return true;
}

/* A string of the kind that names are: letters, digits and underscores. */
static bool take_name(line_reader *reader, char name[NAME_BYTES_MAX]) {
    if (!take(reader, '"')) {
        return false;
    }
    size_t length = 0;
    while (reader->used < reader->size && length + 1 < NAME_BYTES_MAX) {
        char c = reader->bytes[reader->used++];
        if (c == '"') {
            name[length] = '\0';
            return true;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
        name[length++] = c;
    }
    return false;
}

static bool take_number(line_reader *reader, uint64_t limit, uint64_t *out) {
    skip_blanks(reader);
    size_t first = reader->used;
    uint64_t number = 0;
    for (; reader->used < reader->size; reader->used++) {
        unsigned digit = (unsigned)(unsigned char)reader->bytes[reader->used] - '0';
        if (digit > 9) {
            break;
        }
        if (number > (limit - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    size_t digits = reader->used - first;
    *out = number;
    return digits == 1 || (digits > 1 && reader->bytes[first] != '0');
}

static void set_flag(sim_operation *operation, size_t offset, bool flag) {
    memcpy((char *)operation + offset, &flag, sizeof flag);
}

static bool read_number(line_reader *reader, const line_field *field,
                        sim_operation *operation) {
    uint64_t number = 0;
    bool nullable = field->known != NO_FLAG || field->type == FIELD_TIME;
    bool known = !(nullable && take_word(reader, "null"));
    if (known &&
        !take_number(reader, field->type == FIELD_U32 ? UINT32_MAX : UINT64_MAX, &number)) {
        return false;
    }
    if (field->known != NO_FLAG) {
        set_flag(operation, field->known, known);
    }
    if (field->type == FIELD_U32) {
        uint32_t narrow = (uint32_t)number;
        memcpy((char *)operation + field->offset, &narrow, sizeof narrow);
        return true;
    }
    if (field->type == FIELD_TIME && !known) {
        number = SIM_TIME_NONE;
    }
    memcpy((char *)operation + field->offset, &number, sizeof number);
    return true;
}

static bool read_named(line_reader *reader, field_type type, sim_operation *operation) {
    if (type == FIELD_STATUS && take_word(reader, "null")) {
        operation->status = CG_OK;
        return true;
    }
    char name[NAME_BYTES_MAX];
    if (!take_name(reader, name)) {
        return false;
    }
    unsigned number = 0;
    const char *known = name_at(type, number);
    while (known && strcmp(known, name) != 0) {
        known = name_at(type, ++number);
    }
    if (!known) {
        return false;
    }
    if (type == FIELD_KIND) {
        operation->kind = (sim_operation_kind)number;
    } else if (type == FIELD_OUTCOME) {
        operation->outcome = (sim_effect)number;
    } else if (type == FIELD_STATUS) {
        operation->status = (cg_status)number;
    } else {
        operation->acknowledge = (sim_mode)number;
    }
    return true;
}

static bool read_value(line_reader *reader, const line_field *field, sim_operation *operation) {
    switch (field->type) {
    case FIELD_U64:
    case FIELD_U32:
    case FIELD_TIME:
        return read_number(reader, field, operation);
    case FIELD_FLAG: {
        bool flag = take_word(reader, "true");
        set_flag(operation, field->offset, flag);
        return flag || take_word(reader, "false");
    }
    default:
        return read_named(reader, field->type, operation);
    }
}

static cg_status bad(const line_reader *reader, const char *what, const char *name,
                     cg_error *error) {
    return cg_error_set(error, CG_ERROR_CORRUPT, "line %zu, byte %zu: %s%s%s", reader->line,
                        reader->used + 1, what, *name ? " " : "", name);
}

static cg_status read_line(line_reader *reader, sim_operation *operation, cg_error *error) {
    uint32_t seen = 0;
    if (!take(reader, '{')) {
        return bad(reader, "an operation begins with {", "", error);
    }
    do {
        char name[NAME_BYTES_MAX];
        if (!take_name(reader, name)) {
            return bad(reader, "no field name in quotes", "", error);
        }
        size_t i = 0;
        while (i < FIELD_COUNT && strcmp(fields[i].name, name) != 0) {
            ++i;
        }
        if (i == FIELD_COUNT) {
            return bad(reader, "there is no field", name, error);
        }
        if (seen & UINT32_C(1) << i) {
            return bad(reader, "there is a second field", name, error);
        }
        seen |= UINT32_C(1) << i;
        if (!take(reader, ':') || !read_value(reader, &fields[i], operation)) {
            return bad(reader, "no value of the right kind and range for", name, error);
        }
    } while (take(reader, ','));
    if (!take(reader, '}')) {
        return bad(reader, "an operation ends with }", "", error);
    }
    skip_blanks(reader);
    if (reader->used < reader->size) {
        return bad(reader, "there is more after the operation", "", error);
    }
    for (size_t i = 0; i < FIELD_COUNT; ++i) {
        if (!(seen & UINT32_C(1) << i)) {
            return bad(reader, "there is no field", fields[i].name, error);
        }
    }
    return CG_OK;
}

static cg_status read_lines(sim_history *history, const char *bytes, size_t size_bytes,
                            cg_error *error) {
    size_t line = 0;
    for (size_t at = 0; at < size_bytes;) {
        const char *end = memchr(bytes + at, '\n', size_bytes - at);
        size_t size = end ? (size_t)(end - (bytes + at)) : size_bytes - at;
        line_reader reader = {.bytes = bytes + at, .size = size, .line = ++line};
        at += size + 1;
        skip_blanks(&reader);
        if (reader.used == reader.size) {
            continue;
        }
        sim_operation operation = {0};
        cg_status status = read_line(&reader, &operation, error);
        if (status == CG_OK) {
            status = sim_history_add(history, &operation, error);
            if (status != CG_OK && error) {
                error->status = status == CG_ERROR_INVALID ? CG_ERROR_CORRUPT : status;
                return cg_error_prefix(error, "line %zu: ", line);
            }
        }
        if (status != CG_OK) {
            return status == CG_ERROR_INVALID ? CG_ERROR_CORRUPT : status;
        }
    }
    return CG_OK;
}

cg_status sim_history_read(sim_history *history, const char *bytes, size_t size_bytes,
                           cg_error *error) {
    size_t before = sim_history_count(history);
    cg_status status = read_lines(history, bytes, size_bytes, error);
    if (status != CG_OK) {
        sim_history_truncate(history, before);
    }
    return status;
}
