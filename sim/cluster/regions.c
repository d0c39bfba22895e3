#include "sim/cluster/regions.h"

#include <string.h>

#include "engine/base/nearest.h"
#include "sim/scenario/time_limit.h"
#include "sim/store/file.h"

enum { COLUMNS = 4, PLACES_MAX = 6, FILE_BYTES_MAX = 1 << 20 };
static const uint64_t ns_per_ms = 1000000;

typedef struct field {
    const char *text;
    size_t size_bytes;
} field;

typedef struct reader {
    const char *name;
    unsigned line;
    bool headed;
    sim_region_table *table;
    cg_error *error;
} reader;

static bool field_is(field value, const char *text) {
    return strlen(text) == value.size_bytes && memcmp(value.text, text, value.size_bytes) == 0;
}

/* What of a field goes into an error. */
static int shown(field value) {
    return value.size_bytes > 40 ? 40 : (int)value.size_bytes;
}

static uint32_t find(const sim_region_table *table, field name) {
    uint32_t i = 0;
    while (i < table->count && !field_is(name, table->names[i])) {
        i++;
    }
    return i;
}

/* Printable and without a space. */
static bool is_plain(field name) {
    for (size_t i = 0; i < name.size_bytes; i++) {
        if (name.text[i] <= ' ' || name.text[i] > '~') {
            return false;
        }
    }
    return true;
}

static cg_status take_region(reader *self, field name, uint32_t *out) {
    uint32_t i = find(self->table, name);
    if (i == self->table->count) {
        if (name.size_bytes == 0 || name.size_bytes >= SIM_REGION_NAME_BYTES ||
            !is_plain(name) || field_is(name, "all")) {
            return cg_error_set(
                self->error, CG_ERROR_INVALID,
                "%s:%u: \"%.*s\" is no name of a region; it takes 1 to %d "
                "printable bytes without a space, and not all, which means all of them",
                self->name, self->line, shown(name), name.text, SIM_REGION_NAME_BYTES - 1);
        }
        if (i == SIM_REGIONS_MAX) {
            return cg_error_set(self->error, CG_ERROR_INVALID, "%s:%u: more than %d regions",
                                self->name, self->line, SIM_REGIONS_MAX);
        }
        memcpy(self->table->names[i], name.text, name.size_bytes);
        self->table->count++;
    }
    *out = i;
    return CG_OK;
}

/* Milliseconds with at most six places, as nanoseconds; 0 for what is none. */
static uint64_t parse_ms(field value) {
    uint64_t ns = 0;
    size_t places = 0;
    bool point = false;
    bool digit = false;
    for (size_t i = 0; i < value.size_bytes; i++) {
        char c = value.text[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9' && (!point || places < PLACES_MAX) &&
                   ns < SIM_TIME_MAX_NS) {
            ns = 10 * ns + (uint64_t)(c - '0');
            places += point;
            digit = true;
        } else {
            return 0;
        }
    }
    for (; places < PLACES_MAX && ns <= SIM_TIME_MAX_NS; places++) {
        ns *= 10;
    }
    return digit && ns <= 60000 * ns_per_ms ? ns : 0;
}

static cg_status take_measurement(reader *self, const field fields[COLUMNS]) {
    uint32_t from = 0;
    uint32_t to = 0;
    cg_status status = take_region(self, fields[0], &from);
    if (status == CG_OK) {
        status = take_region(self, fields[1], &to);
    }
    if (status != CG_OK) {
        return status;
    }
    uint64_t round_trip_ns = parse_ms(fields[2]);
    if (round_trip_ns == 0) {
        return cg_error_set(self->error, CG_ERROR_INVALID,
                            "%s:%u: round_trip_ms \"%.*s\" is no time; it takes decimal "
                            "milliseconds above 0, to 60000, with at most %d places",
                            self->name, self->line, shown(fields[2]), fields[2].text,
                            PLACES_MAX);
    }
    if (fields[3].size_bytes == 0) {
        return cg_error_set(self->error, CG_ERROR_INVALID,
                            "%s:%u: no source; say where the figure is from, and its date",
                            self->name, self->line);
    }
    if (self->table->round_trip_ns[from][to] != 0) {
        return cg_error_set(self->error, CG_ERROR_INVALID,
                            "%s:%u: a second figure from %s to %s; give one", self->name,
                            self->line, self->table->names[from], self->table->names[to]);
    }
    self->table->round_trip_ns[from][to] = round_trip_ns;
    return CG_OK;
}

static cg_status take_line(reader *self, const char *text, size_t size_bytes) {
    static const char *const columns[COLUMNS] = {"from", "to", "round_trip_ms", "source"};
    field fields[COLUMNS] = {{text, 0}};
    size_t count = 1;
    for (size_t i = 0; i < size_bytes; i++) {
        if (text[i] != '\t') {
            fields[count - 1].size_bytes++;
        } else if (count == COLUMNS) {
            count++;
            break;
        } else {
            fields[count++].text = &text[i + 1];
        }
    }
    if (count != COLUMNS) {
        return cg_error_set(self->error, CG_ERROR_INVALID,
                            "%s:%u: it takes %d fields with a tab between them: from, to, "
                            "round_trip_ms and source",
                            self->name, self->line, (int)COLUMNS);
    }
    if (self->headed) {
        return take_measurement(self, fields);
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!field_is(fields[i], columns[i])) {
            return cg_error_set(self->error, CG_ERROR_INVALID,
                                "%s:%u: \"%.*s\" stands where the header says %s", self->name,
                                self->line, shown(fields[i]), fields[i].text, columns[i]);
        }
    }
    self->headed = true;
    return CG_OK;
}

cg_status sim_regions_parse(const char *name, const char *text, size_t size_bytes,
                            sim_region_table *out, cg_error *error) {
    sim_region_table table = {0};
    reader self = {.name = name, .table = &table, .error = error};
    cg_status status = CG_OK;
    for (size_t at = 0; at < size_bytes && status == CG_OK;) {
        const char *end = memchr(&text[at], '\n', size_bytes - at);
        size_t length = end ? (size_t)(end - &text[at]) : size_bytes - at;
        self.line++;
        size_t content = length > 0 && text[at + length - 1] == '\r' ? length - 1 : length;
        if (content > 0 && text[at] != '#') {
            status = take_line(&self, &text[at], content);
        }
        at += length + 1;
    }
    if (status == CG_OK && table.count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s: no round trip is in it", name);
    }
    if (status == CG_OK) {
        *out = table;
    }
    return status;
}

cg_status sim_regions_read(const char *path, sim_region_table *out, cg_error *error) {
    sim_file_view view;
    cg_status status = sim_file_map(path, &view, error);
    if (status != CG_OK) {
        return status;
    }
    status =
        view.size_bytes > FILE_BYTES_MAX
            ? cg_error_set(error, CG_ERROR_INVALID, "%s: more than %d bytes", path,
                           (int)FILE_BYTES_MAX)
            : sim_regions_parse(path, (const char *)view.bytes, view.size_bytes, out, error);
    sim_file_unmap(&view);
    return status;
}

/* --- choice ---------------------------------------------------------------- */

static cg_status refuse_name(const sim_region_table *table, field name, cg_error *error) {
    const char *known[SIM_REGIONS_MAX];
    char text[SIM_REGION_NAME_BYTES] = "";
    for (uint32_t i = 0; i < table->count; i++) {
        known[i] = table->names[i];
    }
    size_t kept = name.size_bytes < sizeof text ? name.size_bytes : sizeof text - 1;
    memcpy(text, name.text, kept);
    return cg_error_set(error, CG_ERROR_INVALID, "unknown region \"%s\"; do you mean \"%s\"?",
                        text, cg_nearest_name(text, known, table->count));
}

static cg_status pick(const sim_region_table *table, const char *names,
                      uint32_t picked[SIM_REGIONS_MAX], uint32_t *count, cg_error *error) {
    for (const char *at = names + strspn(names, " "); *at != '\0'; at += strspn(at, " ")) {
        field name = {at, strcspn(at, " ")};
        uint32_t found = find(table, name);
        if (found == table->count) {
            return refuse_name(table, name, error);
        }
        for (uint32_t i = 0; i < *count; i++) {
            if (picked[i] == found) {
                return cg_error_set(error, CG_ERROR_INVALID, "region %s is named twice",
                                    table->names[found]);
            }
        }
        picked[(*count)++] = found;
        at += name.size_bytes;
    }
    return *count > 0 ? CG_OK
                      : cg_error_set(error, CG_ERROR_INVALID,
                                     "no region is named; all takes all of the file");
}

cg_status sim_regions_choose(const sim_region_table *table, const char *names,
                             sim_region_table *out, cg_error *error) {
    uint32_t picked[SIM_REGIONS_MAX];
    uint32_t count = 0;
    cg_status status = CG_OK;
    if (strcmp(names, "all") == 0) {
        for (; count < table->count; count++) {
            picked[count] = count;
        }
    } else {
        status = pick(table, names, picked, &count, error);
    }
    if (status != CG_OK) {
        return status;
    }
    sim_region_table made = {.count = count};
    for (uint32_t i = 0; i < count; i++) {
        memcpy(made.names[i], table->names[picked[i]], SIM_REGION_NAME_BYTES);
        for (uint32_t k = 0; k < count; k++) {
            uint64_t there = table->round_trip_ns[picked[i]][picked[k]];
            uint64_t back = table->round_trip_ns[picked[k]][picked[i]];
            made.round_trip_ns[i][k] = there > 0 ? there : back;
            if (i != k && there == 0 && back == 0) {
                return cg_error_set(error, CG_ERROR_INVALID,
                                    "no round trip between regions %s and %s is in the file",
                                    table->names[picked[i]], table->names[picked[k]]);
            }
        }
    }
    *out = made;
    return CG_OK;
}
