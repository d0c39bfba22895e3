/* Reading and writing baselines. */
#include "analysis/check/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/table/number.h"

enum { SIZE_BYTES_MAX = 64 << 20, COLUMNS_MAX = 4096, FIELDS_MAX = 256, PATH_BYTES = 4096 };

static const char title[] =
    "# Cortigrid baseline 1: compared by `cortigrid check`, updated by `cortigrid bless`.";

static cg_status read_whole(const char *path, an_pool *pool, char **out, cg_error *error) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        int reason = errno;
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "cannot read the baseline %s: %s%s",
                            path, strerror(reason),
                            reason == ENOENT
                                ? "; cortigrid bless makes it from a database that "
                                  "you trust"
                                : "");
    }
    size_t capacity = 1 << 16;
    size_t used = 0;
    char *text = an_pool_take(pool, capacity + 1, 1);
    cg_status status = text ? CG_OK : an_out_of_memory(error);
    while (status == CG_OK) {
        used += fread(text + used, 1, capacity - used, file);
        if (used < capacity) {
            break;
        }
        char *larger =
            capacity < SIZE_BYTES_MAX ? an_pool_take(pool, 2 * capacity + 1, 1) : NULL;
        if (!larger) {
            status =
                cg_error_set(error, CG_ERROR_INVALID, "the baseline %s is too large", path);
            break;
        }
        memcpy(larger, text, used);
        text = larger;
        capacity *= 2;
    }
    if (status == CG_OK && ferror(file)) {
        status = cg_error_set(error, CG_ERROR_IO, "cannot read the baseline %s: %s", path,
                              strerror(errno));
    }
    fclose(file);
    if (status == CG_OK && strlen(text) != used) {
        status = cg_error_set(error, CG_ERROR_CORRUPT,
                              "the baseline %s is no text: it has a zero byte", path);
    }
    if (status == CG_OK) {
        *out = text;
    }
    return status;
}

static bool unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from == '\\') {
            from++;
            if (*from != 't' && *from != 'n' && *from != '\\') {
                return false;
            }
            *to++ = *from == 't' ? '\t' : *from == 'n' ? '\n' : '\\';
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return true;
}

/* Cuts a line at its tabs; 0 when a field has a bad escape or there are too many. */
static uint32_t cut(char *line, char *field[FIELDS_MAX]) {
    uint32_t count = 0;
    while (line) {
        if (count == FIELDS_MAX) {
            return 0;
        }
        char *tab = strchr(line, '\t');
        if (tab) {
            *tab++ = '\0';
        }
        if (!unescape(line)) {
            return 0;
        }
        field[count++] = line;
        line = tab;
    }
    return count;
}

static bool parse_number(const char *text, double *out) {
    char *end = NULL;
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text)) {
        return false;
    }
    double value = strtod(text, &end);
    if (*end || end == text || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_tolerance(char *text, an_tolerance *out) {
    an_tolerance parsed = {.text = text};
    if (strcmp(text, "exact") != 0) {
        char number[64];
        size_t length = strlen(text);
        parsed.relative = length > 0 && text[length - 1] == '%';
        length -= parsed.relative;
        if (length >= sizeof number) {
            return false;
        }
        memcpy(number, text, length);
        number[length] = '\0';
        if (!parse_number(number, &parsed.amount) || parsed.amount < 0.0) {
            return false;
        }
        parsed.amount /= parsed.relative ? 100.0 : 1.0;
    }
    *out = parsed;
    return true;
}

/* A line that starts with '#': NULL when it is fine. */
static const char *take_comment(an_baseline *into, char *line) {
    char *field[FIELDS_MAX];
    uint32_t count = cut(line, field);
    if (count == 2 && strcmp(field[0], "# experiment") == 0) {
        into->experiment = field[1];
    } else if (count == 3 && strcmp(field[0], "# column") == 0) {
        if (into->column_count == COLUMNS_MAX) {
            return "one column too many";
        }
        if (!parse_tolerance(field[2], &into->tolerances[into->column_count])) {
            return "a tolerance that is not exact, a share like 1% or a distance like 0.5";
        }
        into->columns[into->column_count++] = field[1];
    }
    return NULL;
}

static const char *take_header(an_baseline *into, char *line) {
    char *field[FIELDS_MAX];
    uint32_t count = cut(line, field);
    if (count < 3 || strcmp(field[count - 3], "column") != 0 ||
        strcmp(field[count - 2], "value") != 0 || strcmp(field[count - 1], "unit") != 0) {
        return "no header that ends in column, value, unit";
    }
    into->factor_count = count - 3;
    into->factors = an_pool_take(&into->pool, count, sizeof *into->factors);
    for (uint32_t i = 0; i < count - 3 && into->factors; i++) {
        into->factors[i] = field[i];
    }
    return into->factors ? NULL : "more than memory can hold";
}

static const char *take_entry(an_baseline *into, char *line) {
    char *field[FIELDS_MAX];
    uint32_t count = cut(line, field);
    if (count < 3 || count - 3 != into->factor_count) {
        return "a wrong number of fields";
    }
    an_baseline_entry *entry = &into->entries[into->entry_count++];
    entry->values = an_pool_take(&into->pool, count, sizeof *entry->values);
    if (!entry->values) {
        return "more than memory can hold";
    }
    for (uint32_t i = 0; i < count - 3; i++) {
        entry->values[i] = field[i];
    }
    entry->column = field[count - 3];
    entry->unit = field[count - 1];
    entry->present = strcmp(field[count - 2], "-") != 0;
    if (entry->present && !parse_number(field[count - 2], &entry->value)) {
        return "a value that is no finite number";
    }
    return NULL;
}

static cg_status parse(const char *path, an_baseline *into, char *text, cg_error *error) {
    uint32_t number = 0;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (end) {
            *end++ = '\0';
        }
        number++;
        const char *problem = *line == '#'     ? take_comment(into, line)
                              : !into->factors ? take_header(into, line)
                                               : take_entry(into, line);
        if (problem) {
            return cg_error_set(error, CG_ERROR_INVALID, "%s, line %u, has %s", path, number,
                                problem);
        }
        line = end;
    }
    if (!into->experiment || !into->factors) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s is no baseline: it lacks its experiment or its header", path);
    }
    return CG_OK;
}

cg_status an_baseline_read(const char *path, an_baseline *out, cg_error *error) {
    an_baseline baseline = {0};
    char *text = NULL;
    cg_status status = read_whole(path, &baseline.pool, &text, error);
    if (status == CG_OK) {
        size_t lines = 1;
        for (const char *p = text; *p; p++) {
            lines += *p == '\n';
        }
        baseline.entries = an_pool_take(&baseline.pool, lines, sizeof *baseline.entries);
        baseline.columns = an_pool_take(&baseline.pool, COLUMNS_MAX, sizeof *baseline.columns);
        baseline.tolerances =
            an_pool_take(&baseline.pool, COLUMNS_MAX, sizeof *baseline.tolerances);
        bool taken = baseline.entries && baseline.columns && baseline.tolerances;
        status = taken ? parse(path, &baseline, text, error) : an_out_of_memory(error);
    }
    if (status != CG_OK) {
        an_baseline_deinit(&baseline);
        return status;
    }
    *out = baseline;
    return CG_OK;
}

void an_baseline_deinit(an_baseline *baseline) {
    an_pool_deinit(&baseline->pool);
    *baseline = (an_baseline){0};
}

static void put_field(FILE *file, const char *text, char after) {
    for (; *text; text++) {
        if (*text == '\t' || *text == '\n' || *text == '\\') {
            fputc('\\', file);
            fputc(*text == '\t' ? 't' : *text == '\n' ? 'n' : '\\', file);
        } else {
            fputc(*text, file);
        }
    }
    fputc(after, file);
}

static void put_baseline(FILE *file, const an_baseline *baseline) {
    fprintf(file, "%s\n# experiment\t", title);
    put_field(file, baseline->experiment, '\n');
    for (uint32_t i = 0; i < baseline->column_count; i++) {
        fputs("# column\t", file);
        put_field(file, baseline->columns[i], '\t');
        put_field(file, baseline->tolerances[i].text, '\n');
    }
    for (uint32_t i = 0; i < baseline->factor_count; i++) {
        put_field(file, baseline->factors[i], '\t');
    }
    fputs("column\tvalue\tunit\n", file);
    for (uint32_t i = 0; i < baseline->entry_count; i++) {
        const an_baseline_entry *entry = &baseline->entries[i];
        char value[AN_NUMBER_BYTES] = "-";
        if (entry->present) {
            an_number_exact(entry->value, value);
        }
        for (uint32_t j = 0; j < baseline->factor_count; j++) {
            put_field(file, entry->values[j], '\t');
        }
        put_field(file, entry->column, '\t');
        fprintf(file, "%s\t", value);
        put_field(file, entry->unit, '\n');
    }
}

/* So that the new name, too, survives a power cut; not every file system can, so a failure is
 * fine. */
static void sync_folder(const char *path) {
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) {
        return;
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    int handle = open(slash == path ? "/" : slash ? folder : ".", O_RDONLY);
    if (handle >= 0) {
        (void)fsync(handle);
        (void)close(handle);
    }
}

cg_status an_baseline_write(const char *path, const an_baseline *baseline, cg_error *error) {
    char beside[PATH_BYTES];
    int length = snprintf(beside, sizeof beside, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof beside) {
        return cg_error_set(error, CG_ERROR_INVALID, "the path %.80s... is too long", path);
    }
    FILE *file = fopen(beside, "wb");
    if (!file) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write the baseline %s: %s", beside,
                            strerror(errno));
    }
    put_baseline(file, baseline);
    bool written = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
    int problem = errno;
    written = fclose(file) == 0 && written;
    if (written && rename(beside, path) != 0) {
        problem = errno;
        written = false;
    }
    if (!written) {
        (void)unlink(beside);
        return cg_error_set(error, CG_ERROR_IO,
                            "cannot write the baseline %s: %s (the old one is unharmed)", path,
                            strerror(problem));
    }
    sync_folder(path);
    return CG_OK;
}
