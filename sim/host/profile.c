/* The cost profile's parser and its arithmetic.
 *
 *   time = sum over kinds of fixed_ps * operations + per_unit_ps * units, rounded up to ns
 * once, at the end.
 *
 * Known value (asserted in profile_test.c): 3 operations of 7 units at 2.5 ns and 0.125 ns a
 * unit are 7.5 + 0.875 = 8.375 ns: 9 ns.
 */
#include "sim/host/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"

enum { COLUMN_COUNT = 8, PLACES_MAX = 3, PROFILE_BYTES_MAX = 1 << 20 };
static const uint64_t figure_limit = 1000000000000; /* ns or pJ: 1,000 s */

static const char *const column_names[COLUMN_COUNT] = {
    "kind", "unit", "fixed_ns", "per_unit_ns", "fixed_pj", "per_unit_pj", "resource", "source"};

typedef struct field {
    const char *text;
    size_t size_bytes;
} field;

typedef struct place { /* where we are, for errors */
    const char *name;
    unsigned line;
} place;

static bool field_is(field value, const char *text) {
    return strlen(text) == value.size_bytes && memcmp(value.text, text, value.size_bytes) == 0;
}

/* What of a field goes into an error: at most 40 bytes. */
static int shown(field value) {
    return value.size_bytes > 40 ? 40 : (int)value.size_bytes;
}

/* Decimal with at most three places, times 1,000: "2.5" is 2,500. */
static cg_status parse_figure(place at, int column, field value, uint64_t *out,
                              cg_error *error) {
    uint64_t figure = 0;
    uint64_t thousandths = 0;
    size_t i = 0;
    size_t digits = 0;
    size_t places = 0;
    for (; i < value.size_bytes && value.text[i] >= '0' && value.text[i] <= '9';
         i++, digits++) {
        if (figure <= figure_limit) {
            figure = figure * 10 + (uint64_t)(value.text[i] - '0');
        }
    }
    if (digits > 0 && i < value.size_bytes && value.text[i] == '.') {
        static const uint64_t weight[PLACES_MAX] = {100, 10, 1};
        for (i++; i < value.size_bytes && places < PLACES_MAX && value.text[i] >= '0' &&
                  value.text[i] <= '9';
             i++, places++) {
            thousandths += weight[places] * (uint64_t)(value.text[i] - '0');
        }
        digits = places;
    }
    if (digits == 0 || i != value.size_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s:%u: %s is \"%.*s\"; it must be a decimal number, not negative, "
                            "with at most %d places",
                            at.name, at.line, column_names[column], shown(value), value.text,
                            PLACES_MAX);
    }
    if (figure > figure_limit || (figure == figure_limit && thousandths > 0)) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s:%u: %s is %.*s; the most is %llu",
                            at.name, at.line, column_names[column], shown(value), value.text,
                            (unsigned long long)figure_limit);
    }
    *out = figure * 1000 + thousandths;
    return CG_OK;
}

/* Cuts a line at tabs; COLUMN_COUNT fields exactly. */
static cg_status split(place at, field line, field fields[COLUMN_COUNT], cg_error *error) {
    size_t count = 0;
    size_t begin = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        fields[i] = (field){"", 0};
    }
    for (size_t i = 0; i <= line.size_bytes; i++) {
        if (i < line.size_bytes && line.text[i] != '\t') {
            unsigned char c = (unsigned char)line.text[i];
            if (c < 0x20 || c == 0x7f) {
                return cg_error_set(
                    error, CG_ERROR_INVALID,
                    "%s:%u: byte %zu is the control character 0x%02x; only text, "
                    "tabs and line feeds may stand in a profile",
                    at.name, at.line, i + 1, c);
            }
            continue;
        }
        if (count < COLUMN_COUNT) {
            fields[count] = (field){line.text + begin, i - begin};
        }
        count++;
        begin = i + 1;
    }
    if (count != COLUMN_COUNT) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s:%u: the line has %zu columns; it must have %d, separated by tabs: "
            "kind, unit, fixed_ns, per_unit_ns, fixed_pj, per_unit_pj, resource, "
            "source",
            at.name, at.line, count, (int)COLUMN_COUNT);
    }
    return CG_OK;
}

static cg_status parse_header(place at, const field fields[COLUMN_COUNT], cg_error *error) {
    for (int column = 0; column < COLUMN_COUNT; column++) {
        if (!field_is(fields[column], column_names[column])) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "%s:%u: column %d of the header is \"%.*s\"; it must be \"%s\"",
                                at.name, at.line, column + 1, shown(fields[column]),
                                fields[column].text, column_names[column]);
        }
    }
    return CG_OK;
}

static cg_status parse_kind(place at, const field fields[COLUMN_COUNT], const unsigned lines[],
                            size_t *out, cg_error *error) {
    size_t kind = 0;
    while (kind < CG_WORK_KIND_COUNT &&
           !field_is(fields[0], cg_work_kind_name((cg_work_kind)kind))) {
        kind++;
    }
    if (kind == CG_WORK_KIND_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s:%u: kind \"%.*s\" is not known to the engine", at.name, at.line,
                            shown(fields[0]), fields[0].text);
    }
    if (lines[kind] != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s:%u: kind \"%s\" stands on line %u already", at.name, at.line,
                            cg_work_kind_name((cg_work_kind)kind), lines[kind]);
    }
    if (!field_is(fields[1], cg_work_kind_unit((cg_work_kind)kind))) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s:%u: unit of \"%s\" is \"%.*s\"; the engine counts it by \"%s\"",
                            at.name, at.line, cg_work_kind_name((cg_work_kind)kind),
                            shown(fields[1]), fields[1].text,
                            cg_work_kind_unit((cg_work_kind)kind));
    }
    *out = kind;
    return CG_OK;
}

static cg_status parse_entry(place at, const field fields[COLUMN_COUNT], sim_profile_entry *out,
                             cg_error *error) {
    sim_profile_entry entry = {0};
    uint64_t *figures[] = {&entry.fixed_ps, &entry.per_unit_ps, &entry.fixed_fj,
                           &entry.per_unit_fj};
    for (int i = 0; i < 4; i++) {
        cg_status status = parse_figure(at, 2 + i, fields[2 + i], figures[i], error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (field_is(fields[6], "core")) {
        entry.resource = SIM_RESOURCE_CORE;
    } else if (field_is(fields[6], "disk")) {
        entry.resource = SIM_RESOURCE_DISK;
    } else {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s:%u: resource is \"%.*s\"; it must be core or disk", at.name,
                            at.line, shown(fields[6]), fields[6].text);
    }
    size_t blank = 0;
    while (blank < fields[7].size_bytes && fields[7].text[blank] == ' ') {
        blank++;
    }
    if (blank == fields[7].size_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s:%u: source is empty; it must say where the figures come from",
                            at.name, at.line);
    }
    *out = entry;
    return CG_OK;
}

static void hash_entries(sim_profile *profile) {
    cg_hasher hasher = cg_hasher_init();
    for (size_t kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        const sim_profile_entry *entry = &profile->entries[kind];
        cg_hasher_add_u64(&hasher, entry->fixed_ps);
        cg_hasher_add_u64(&hasher, entry->per_unit_ps);
        cg_hasher_add_u64(&hasher, entry->fixed_fj);
        cg_hasher_add_u64(&hasher, entry->per_unit_fj);
        cg_hasher_add_u64(&hasher, (uint64_t)entry->resource);
    }
    profile->hash = cg_hasher_value(&hasher);
}

cg_status sim_profile_parse(const char *name, const char *text, size_t size_bytes,
                            sim_profile *out, cg_error *error) {
    sim_profile profile = {0};
    unsigned lines[CG_WORK_KIND_COUNT] = {0}; /* where each kind stood; 0: not yet */
    place at = {name, 0};
    bool header = false;
    for (size_t begin = 0; begin < size_bytes;) {
        const char *end = memchr(text + begin, '\n', size_bytes - begin);
        field line = {text + begin, end ? (size_t)(end - text) - begin : size_bytes - begin};
        begin += line.size_bytes + 1;
        at.line++;
        if (line.size_bytes == 0 || line.text[0] == '#') {
            continue;
        }
        field fields[COLUMN_COUNT];
        size_t kind = 0;
        cg_status status = split(at, line, fields, error);
        if (status == CG_OK && !header) {
            status = parse_header(at, fields, error);
            header = true;
        } else if (status == CG_OK) {
            status = parse_kind(at, fields, lines, &kind, error);
            if (status == CG_OK) {
                status = parse_entry(at, fields, &profile.entries[kind], error);
                lines[kind] = at.line;
            }
        }
        if (status != CG_OK) {
            return status;
        }
    }
    if (!header) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s: the profile is empty", name);
    }
    for (size_t kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        if (lines[kind] == 0) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "%s: kind \"%s\" (unit %s) is missing; every kind of work needs a "
                "line",
                name, cg_work_kind_name((cg_work_kind)kind),
                cg_work_kind_unit((cg_work_kind)kind));
        }
    }
    hash_entries(&profile);
    *out = profile;
    return CG_OK;
}

cg_status sim_profile_read(const char *path, sim_profile *out, cg_error *error) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(PROFILE_BYTES_MAX + 1);
    cg_status status = CG_OK;
    if (!file) {
        status =
            cg_error_set(error, CG_ERROR_NOT_FOUND, "cost profile %s cannot be opened", path);
        goto cleanup;
    }
    if (!text) {
        status =
            cg_error_set(error, CG_ERROR_MEMORY, "no memory to read cost profile %s", path);
        goto cleanup;
    }
    size_t size_bytes = fread(text, 1, PROFILE_BYTES_MAX + 1, file);
    if (ferror(file)) {
        status = cg_error_set(error, CG_ERROR_IO, "cost profile %s cannot be read", path);
    } else if (size_bytes > PROFILE_BYTES_MAX) {
        status =
            cg_error_set(error, CG_ERROR_INVALID, "cost profile %s is larger than %d bytes",
                         path, (int)PROFILE_BYTES_MAX);
    } else {
        status = sim_profile_parse(path, text, size_bytes, out, error);
    }
cleanup:
    free(text);
    if (file) {
        (void)fclose(file);
    }
    return status;
}

/* total + count * each, saturating. */
static uint64_t add_product(uint64_t total, uint64_t count, uint64_t each) {
    if (count == 0 || each == 0) {
        return total;
    }
    uint64_t product = cg_mul_div(count, each, 1);
    return product > UINT64_MAX - total ? UINT64_MAX : total + product;
}

static uint64_t thousandths_up(uint64_t value) {
    return value / 1000 + (value % 1000 != 0);
}

sim_cost sim_profile_cost(const sim_profile *profile, const cg_work *work) {
    uint64_t total_ps[2] = {0, 0}; /* by resource */
    uint64_t tier_ps[2] = {0, 0};
    uint64_t energy_fj = 0;
    for (size_t kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        uint64_t operations = work->operations[kind];
        uint64_t units = work->units[kind];
        if (operations == 0 && units == 0) {
            continue;
        }
        const sim_profile_entry *entry = &profile->entries[kind];
        uint64_t *ps = &total_ps[entry->resource];
        *ps = add_product(*ps, operations, entry->fixed_ps);
        *ps = add_product(*ps, units, entry->per_unit_ps);
        if (kind >= CG_WORK_TIER_L1 && kind <= CG_WORK_TIER_STORE) {
            ps = &tier_ps[entry->resource];
            *ps = add_product(*ps, operations, entry->fixed_ps);
            *ps = add_product(*ps, units, entry->per_unit_ps);
        }
        energy_fj = add_product(energy_fj, operations, entry->fixed_fj);
        energy_fj = add_product(energy_fj, units, entry->per_unit_fj);
    }
    return (sim_cost){
        .core_ns = thousandths_up(total_ps[SIM_RESOURCE_CORE]),
        .disk_ns = thousandths_up(total_ps[SIM_RESOURCE_DISK]),
        .tier_core_ns = tier_ps[SIM_RESOURCE_CORE] / 1000,
        .tier_disk_ns = tier_ps[SIM_RESOURCE_DISK] == total_ps[SIM_RESOURCE_DISK]
                            ? thousandths_up(total_ps[SIM_RESOURCE_DISK])
                            : tier_ps[SIM_RESOURCE_DISK] / 1000,
        .energy_pj = thousandths_up(energy_fj),
    };
}

/* Zero keeps what the entry has. */
static void set_times(sim_profile_entry *entry, uint64_t access_ns,
                      uint64_t bandwidth_bytes_per_s) {
    const uint64_t ps_per_s = 1000000000000;
    if (access_ns > 0) {
        entry->fixed_ps = cg_mul_div(access_ns, 1000, 1);
    }
    if (bandwidth_bytes_per_s > 0) {
        uint64_t rest = ps_per_s % bandwidth_bytes_per_s;
        entry->per_unit_ps =
            ps_per_s / bandwidth_bytes_per_s + (rest > bandwidth_bytes_per_s / 2);
    }
}

sim_profile sim_profile_with_disk(const sim_profile *profile, uint64_t access_ns,
                                  uint64_t bandwidth_bytes_per_s) {
    sim_profile changed = *profile;
    for (size_t kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        if (changed.entries[kind].resource == SIM_RESOURCE_DISK) {
            set_times(&changed.entries[kind], access_ns, bandwidth_bytes_per_s);
        }
    }
    hash_entries(&changed);
    return changed;
}

sim_profile sim_profile_with_kind(const sim_profile *profile, cg_work_kind kind,
                                  uint64_t access_ns, uint64_t bandwidth_bytes_per_s) {
    sim_profile changed = *profile;
    set_times(&changed.entries[kind], access_ns, bandwidth_bytes_per_s);
    hash_entries(&changed);
    return changed;
}
