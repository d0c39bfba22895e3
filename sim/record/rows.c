/* The writing side of the worker's protocol. */
#include "sim/record/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/record/rows_read.h"

struct sim_rows {
    FILE *file;
    cg_error failure; /* the first one; status CG_OK until then */
};

cg_status sim_rows_alloc(FILE *file, sim_rows **out, cg_error *error) {
    sim_rows *rows = calloc(1, sizeof *rows);
    if (!rows) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a writer of rows");
    }
    rows->file = file;
    *out = rows;
    return CG_OK;
}

void sim_rows_free(sim_rows *rows) {
    free(rows);
}

static bool failed(const sim_rows *rows) {
    return rows->failure.status != CG_OK;
}

static void check_name(sim_rows *rows, const char *what, const char *name, bool may_be_empty) {
    if (!failed(rows) && !sim_rows_name_fits(name, may_be_empty)) {
        cg_error_set(&rows->failure, CG_ERROR_INVALID,
                     "a result's %s \"%.80s\" is not 1 to %d printable characters without "
                     "space, ':', ',' and '='",
                     what, name, SIM_ROWS_NAME_BYTES);
    }
}

static void check_value(sim_rows *rows, const char *name, const char *statistic, double value) {
    if (!failed(rows) && !isfinite(value)) {
        cg_error_set(&rows->failure, CG_ERROR_INVALID,
                     "result %.80s:%.80s is %s, expected a finite number", name, statistic,
                     isnan(value) ? "not a number" : "infinite");
    }
}

static void check_time(sim_rows *rows, const char *what, uint64_t time_ns) {
    if (!failed(rows) && time_ns > INT64_MAX) {
        cg_error_set(&rows->failure, CG_ERROR_INVALID,
                     "the time %" PRIu64 " ns of %.80s is past 2^63 - 1 ns", time_ns, what);
    }
}

static void put_text(FILE *file, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '\t':
            fputs("\\t", file);
            break;
        case '\n':
            fputs("\\n", file);
            break;
        case '\r':
            fputs("\\r", file);
            break;
        case '\\':
            fputs("\\\\", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

static void put_figure(sim_rows *rows, const char *kind, const char *name,
                       const char *statistic, double value, const char *unit) {
    check_name(rows, "name", name, false);
    check_name(rows, "statistic", statistic, false);
    check_name(rows, "unit", unit, true);
    check_value(rows, name, statistic, value);
    if (!failed(rows)) {
        fprintf(rows->file, "%s\t%s\t%s\t%.17g\t%s\n", kind, name, statistic, value, unit);
    }
}

void sim_rows_metric(sim_rows *rows, const char *name, const char *statistic, double value,
                     const char *unit) {
    put_figure(rows, "metric", name, statistic, value, unit);
}

void sim_rows_wall(sim_rows *rows, const char *name, const char *statistic, double value,
                   const char *unit) {
    put_figure(rows, "wall", name, statistic, value, unit);
}

void sim_rows_histogram(sim_rows *rows, const char *name, const char *unit,
                        const cg_histogram *histogram) {
    check_name(rows, "name", name, false);
    check_name(rows, "unit", unit, true);
    if (failed(rows)) {
        return;
    }
    size_t length = cg_histogram_format(histogram, NULL, 0);
    char *text = malloc(length + 1);
    if (!text) {
        cg_error_set(&rows->failure, CG_ERROR_MEMORY,
                     "out of memory for the %zu bytes of histogram %s", length, name);
        return;
    }
    cg_histogram_format(histogram, text, length + 1);
    fprintf(rows->file, "histogram\t%s\t%s\t%s\n", name, unit, text);
    free(text);
}

void sim_rows_series(sim_rows *rows, const char *name, uint64_t time_ns, const char *statistic,
                     double value, const char *unit) {
    check_name(rows, "name", name, false);
    check_name(rows, "statistic", statistic, false);
    check_name(rows, "unit", unit, true);
    check_value(rows, name, statistic, value);
    check_time(rows, name, time_ns);
    if (!failed(rows)) {
        fprintf(rows->file, "series\t%s\t%" PRIu64 "\t%s\t%.17g\t%s\n", name, time_ns,
                statistic, value, unit);
    }
}

static void put_mark(sim_rows *rows, const char *row, uint64_t time_ns, const char *kind,
                     const char *text) {
    check_name(rows, row, kind, false);
    check_time(rows, kind, time_ns);
    if (!failed(rows)) {
        fprintf(rows->file, "%s\t%" PRIu64 "\t%s\t", row, time_ns, kind);
        put_text(rows->file, text);
        fputc('\n', rows->file);
    }
}

void sim_rows_event(sim_rows *rows, uint64_t time_ns, const char *kind, const char *text) {
    put_mark(rows, "event", time_ns, kind, text);
}

void sim_rows_alert(sim_rows *rows, uint64_t time_ns, const char *severity, const char *text) {
    put_mark(rows, "alert", time_ns, severity, text);
}

void sim_rows_error(sim_rows *rows, const char *text) {
    fputs("error\t", rows->file);
    put_text(rows->file, text);
    fputc('\n', rows->file);
}

cg_status sim_rows_finish(sim_rows *rows, const char *origin, uint64_t fingerprint,
                          cg_error *error) {
    if (!failed(rows) && !sim_rows_origin_fits(origin)) {
        cg_error_set(&rows->failure, CG_ERROR_INVALID,
                     "a point's origin \"%.80s\" is not built, tiled or fitted", origin);
    }
    if (failed(rows)) {
        sim_rows_error(rows, rows->failure.message);
        fflush(rows->file);
        return cg_error_set(error, rows->failure.status, "%s", rows->failure.message);
    }
    fprintf(rows->file, "done\t%s\t%016" PRIx64 "\n", origin, fingerprint);
    if (fflush(rows->file) != 0 || ferror(rows->file)) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write a point's rows: %s",
                            strerror(errno));
    }
    return CG_OK;
}
