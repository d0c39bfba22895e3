/* Recorded arrivals: CSV whose first column is a time, "2023-11-16 18:17:03.9799600" or in
 * seconds ("12.5"), ascending. Other columns are not looked at.
 *
 * Days count by H. Hinnant's days_from_civil ("chrono-Compatible Low-Level Date Algorithms",
 * 2013): years begin in March, so a leap day is the last of its year, and 400 years are 146,097
 * days. Known value: 2000-03-01 is day 11,017 after 1970-01-01.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/scenario/time_limit.h"
#include "sim/scenario/units.h"
#include "sim/store/file.h"
#include "sim/workload/arrival.h"

enum { TIME_BYTES = 64, CLOCK_BYTES = 17 /* of "YYYY-MM-DD HH:MM:" */ };

static const sim_quantity seconds = {SIM_UNIT_DURATION, "0", "2000000h"};

static uint64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day) {
    const uint32_t shifted = month <= 2 ? year - 1 : year;
    const uint32_t of_era = shifted % 400;
    const uint32_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (uint64_t)(shifted / 400) * 146097 + (uint64_t)of_era * 365 + of_era / 4 -
           of_era / 100 + of_year - 719468;
}

/* The `digits` digits at `text`, or UINT32_MAX. */
static uint32_t take_digits(const char *text, size_t digits) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return UINT32_MAX;
        }
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    return value;
}

static bool read_date(const char text[TIME_BYTES], uint64_t *out_ns) {
    const uint32_t year = take_digits(text, 4);
    const uint32_t month = take_digits(text + 5, 2);
    const uint32_t day = take_digits(text + 8, 2);
    const uint32_t hour = take_digits(text + 11, 2);
    const uint32_t minute = take_digits(text + 14, 2);
    uint64_t second_ns = 0;
    if (text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') ||
        text[13] != ':' || text[16] != ':' || year < 1970 || year > 2199 || month < 1 ||
        month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        sim_units_parse_integer(&seconds, text + CLOCK_BYTES, &second_ns, NULL) != CG_OK ||
        second_ns >= UINT64_C(61000000000)) {
        return false;
    }
    *out_ns = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) *
                  UINT64_C(60000000000) +
              second_ns;
    return true;
}

/* The time at the start of a line of `length` bytes. */
static bool read_time(const char *line, size_t length, uint64_t *out_ns) {
    char text[TIME_BYTES];
    const char *comma = memchr(line, ',', length);
    size_t used = comma ? (size_t)(comma - line) : length;
    while (used > 0 && line[used - 1] == '\r') {
        used--;
    }
    if (used == 0 || used >= sizeof text || memchr(line, '\0', used)) {
        return false;
    }
    memset(text, 0, sizeof text);
    memcpy(text, line, used);
    return used > CLOCK_BYTES && text[4] == '-'
               ? read_date(text, out_ns)
               : sim_units_parse_integer(&seconds, text, out_ns, NULL) == CG_OK;
}

cg_status sim_arrival_parse(const sim_load_options *load, const char *text, size_t text_bytes,
                            sim_workload *workload, cg_error *error) {
    const char *name = load->arrival_file;
    uint64_t first_ns = 0;
    uint64_t last_ns = 0;
    uint32_t line = 0;
    uint32_t taken = 0;
    for (size_t at = 0; at < text_bytes && taken < workload->count; line++) {
        const char *end = memchr(text + at, '\n', text_bytes - at);
        const size_t length = end ? (size_t)(end - text) - at : text_bytes - at;
        uint64_t time_ns = 0;
        const bool is_time = read_time(text + at, length, &time_ns);
        at += length + 1;
        if (!is_time && line == 0) {
            continue;
        }
        if (!is_time || (taken > 0 && time_ns < last_ns)) {
            return cg_error_set(
                error, CG_ERROR_INVALID, "%s, line %" PRIu32 ": %s", name, line + 1,
                is_time ? "it is before the line above; times must ascend"
                        : "it begins with no time, as \"2023-11-16 18:17:03.98\" or \"12.5\"");
        }
        first_ns = taken == 0 ? time_ns : first_ns;
        last_ns = time_ns;
        const double since_ns = (double)(time_ns - first_ns) / load->speed;
        if (!(since_ns <= (double)SIM_TIME_MAX_NS)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "%s, line %" PRIu32 ": more than " SIM_TIME_MAX_TEXT
                                " after the first; raise load.speed",
                                name, line + 1);
        }
        workload->requests[taken++].at_ns = load->start_ns + (uint64_t)(since_ns + 0.5);
    }
    if (taken < workload->count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: %" PRIu32 " arrivals for %" PRIu32
                            " requests; lower load.requests or load.facts",
                            name, taken, workload->count);
    }
    return CG_OK;
}

cg_status sim_arrival_read(const sim_load_options *load, sim_workload *workload,
                           cg_error *error) {
    sim_file_view view;
    cg_status status = sim_file_map(load->arrival_file, &view, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "load.arrival_file: ");
        return status;
    }
    status =
        sim_arrival_parse(load, (const char *)view.bytes, view.size_bytes, workload, error);
    sim_file_unmap(&view);
    return status;
}
