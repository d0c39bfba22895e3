/* A series over simulated time, with the faults marked.
 *
 * A series' value belongs to the interval that starts at its time, so lines are steps: what
 * happens at a fault is then drawn at the fault, not before it. A missing interval breaks the
 * line.
 */
#include <math.h>
#include <string.h>

#include "analysis/plot/figure.h"
#include "analysis/table/column.h"
#include "analysis/table/number.h"
#include "analysis/table/unit.h"
#include "engine/base/nearest.h"

enum { MARKS_MAX = 64, KIND_BYTES = 48 };

typedef struct sample {
    double time_ns;
    double value;
} sample;

typedef struct line {
    const an_point *point;
    sample *samples;
    uint32_t count;
} line;

typedef struct mark {
    double time_ns;
    char kind[KIND_BYTES];
} mark;

typedef struct timeline {
    const an_plot_spec *spec;
    const char *metric;
    const char *statistic;
    const char *unit;
    line *lines;
    uint32_t line_count;
    bool *varies;
    double end_ns; /* of the last interval of any line */
    double least;  /* value > 0, for a logarithmic axis; 0: none */
    double greatest;
    double width_ns; /* of an interval: the least distance of two samples */
    mark marks[MARKS_MAX];
    uint32_t mark_count;
} timeline;

/* The first finished repetition of each combination, since quantiles of several cannot be
 * averaged. */
static cg_status choose_points(an_database *database, timeline *into, cg_error *error) {
    const an_plot_spec *spec = into->spec;
    cg_status status = an_where_check(database, spec->where, spec->where_count, error);
    if (status != CG_OK) {
        return status;
    }
    into->lines = an_pool_take(&database->pool, database->point_count, sizeof *into->lines);
    into->varies = an_pool_take(&database->pool, database->factor_count, sizeof(bool));
    if (!into->lines || !into->varies) {
        return an_out_of_memory(error);
    }
    const an_point *last = NULL;
    for (uint32_t i = 0; i < database->point_count; i++) {
        const an_point *point = &database->points[i];
        bool repeats = last != NULL;
        for (uint32_t j = 0; repeats && j < database->factor_count; j++) {
            repeats = last->value_index[j] == point->value_index[j];
        }
        if (repeats || point->state != AN_STATE_DONE ||
            !an_where_holds(database, spec->where, spec->where_count, point)) {
            continue;
        }
        last = point;
        into->lines[into->line_count++].point = point;
        const an_point *first = into->lines[0].point;
        for (uint32_t j = 0; j < database->factor_count; j++) {
            into->varies[j] = into->varies[j] || point->value_index[j] != first->value_index[j];
        }
    }
    return CG_OK;
}

static cg_status read_line(an_database *database, timeline *into, line *one, cg_error *error) {
    static const char sql[] =
        "SELECT time_ns, value, unit, count(*) OVER () FROM series WHERE experiment_name = ?1 "
        "AND metric = ?2 AND statistic = ?3 AND point_index = ?4 ORDER BY time_ns";
    sqlite3_stmt *statement = NULL;
    cg_status status = an_database_query(database, sql, &statement, error);
    bool more = status == CG_OK;
    if (more) {
        sqlite3_bind_text(statement, 2, into->metric, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, into->statistic, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 4, one->point->index);
    }
    while (more) {
        status = an_database_step(database, statement, &more, error);
        more = more && status == CG_OK;
        if (more && !one->samples) {
            size_t count = (size_t)sqlite3_column_int64(statement, 3);
            one->samples = an_pool_take(&database->pool, count, sizeof *one->samples);
            into->unit = an_database_text(database, statement, 2);
            more = one->samples && into->unit;
            status = more ? CG_OK : an_out_of_memory(error);
        }
        if (more) {
            sample *taken = &one->samples[one->count++];
            taken->time_ns = (double)sqlite3_column_int64(statement, 0);
            taken->value = sqlite3_column_double(statement, 1);
            bool is_least = into->least <= 0.0 || taken->value < into->least;
            into->least = taken->value > 0.0 && is_least ? taken->value : into->least;
            into->greatest = fmax(into->greatest, taken->value);
            double distance = one->count > 1 ? taken->time_ns - taken[-1].time_ns : 0.0;
            if (distance > 0.0 && (into->width_ns <= 0.0 || distance < into->width_ns)) {
                into->width_ns = distance;
            }
            into->end_ns = taken->time_ns > into->end_ns ? taken->time_ns : into->end_ns;
        }
    }
    sqlite3_finalize(statement);
    return status;
}

static cg_status no_such_series(an_database *database, const an_plot_spec *spec,
                                cg_error *error) {
    sqlite3_stmt *statement = NULL;
    cg_status status =
        an_database_query(database,
                          "SELECT DISTINCT metric || ':' || statistic FROM series WHERE "
                          "experiment_name = ?1 ORDER BY 1",
                          &statement, error);
    const char *nearest = NULL;
    bool more = status == CG_OK;
    while (more) {
        status = an_database_step(database, statement, &more, error);
        more = more && status == CG_OK;
        if (more) {
            const char *pair[2] = {nearest, an_database_text(database, statement, 0)};
            more = pair[1] != NULL;
            status = more ? CG_OK : an_out_of_memory(error);
            if (more) {
                nearest = nearest ? cg_nearest_name(spec->y, pair, 2) : pair[1];
            }
        }
    }
    sqlite3_finalize(statement);
    if (status != CG_OK) {
        return status;
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "plot %s: no chosen point has the series \"%.100s\"%s%s%s", spec->name,
                        spec->y, nearest ? "; the nearest known is \"" : "",
                        nearest ? nearest : "", nearest ? "\"" : "");
}

static void add_mark(timeline *into, double time_ns, const char *kind, const char *text) {
    bool is_note = strcmp(kind, "note") == 0;
    mark fresh = {.time_ns = time_ns};
    snprintf(fresh.kind, sizeof fresh.kind, "%s", is_note ? text : kind);
    uint32_t at = into->mark_count;
    for (uint32_t i = 0; i < into->mark_count; i++) {
        bool same_time =
            !(into->marks[i].time_ns < time_ns) && !(into->marks[i].time_ns > time_ns);
        if (same_time && strcmp(into->marks[i].kind, fresh.kind) == 0) {
            return;
        }
        if (into->marks[i].time_ns > time_ns && at == into->mark_count) {
            at = i;
        }
    }
    if (into->mark_count == MARKS_MAX) {
        return;
    }
    memmove(&into->marks[at + 1], &into->marks[at],
            (into->mark_count - at) * sizeof into->marks[0]);
    into->marks[at] = fresh;
    into->mark_count++;
}

static cg_status read_marks(an_database *database, timeline *into, const line *one,
                            cg_error *error) {
    sqlite3_stmt *statement = NULL;
    cg_status status = an_database_query(
        database,
        "SELECT time_ns, kind, text FROM event WHERE experiment_name = ?1 AND "
        "point_index = ?2 ORDER BY event_index",
        &statement, error);
    bool more = status == CG_OK;
    if (more) {
        sqlite3_bind_int64(statement, 2, one->point->index);
    }
    while (more) {
        status = an_database_step(database, statement, &more, error);
        more = more && status == CG_OK;
        if (more) {
            add_mark(into, (double)sqlite3_column_int64(statement, 0),
                     (const char *)sqlite3_column_text(statement, 1),
                     (const char *)sqlite3_column_text(statement, 2));
        }
    }
    sqlite3_finalize(statement);
    return status;
}

static cg_status read_all(an_database *database, timeline *into, cg_error *error) {
    const char *y = into->spec->y;
    const char *colon = strchr(y, ':');
    if (!colon) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "plot %s: y \"%.100s\" is not of the form metric:statistic",
                            into->spec->name, y);
    }
    into->metric = an_pool_text_part(&database->pool, y, (size_t)(colon - y));
    into->statistic = colon + 1;
    cg_status status =
        into->metric ? choose_points(database, into, error) : an_out_of_memory(error);
    uint32_t samples = 0;
    for (uint32_t i = 0; i < into->line_count && status == CG_OK; i++) {
        status = read_line(database, into, &into->lines[i], error);
        samples += into->lines[i].count;
        if (status == CG_OK && into->lines[i].count > 0) {
            status = read_marks(database, into, &into->lines[i], error);
        }
    }
    if (status == CG_OK && samples == 0) {
        status = no_such_series(database, into->spec, error);
    }
    into->end_ns += into->width_ns;
    return status;
}

/* A partition shades the time until the next heal (or the end); other marks are thin lines. */
static void put_marks(const timeline *from, double time_units, FILE *script) {
    for (uint32_t i = 0; i < from->mark_count; i++) {
        const mark *one = &from->marks[i];
        double start = one->time_ns / time_units;
        if (one->time_ns > from->end_ns || strcmp(one->kind, "heal") == 0) {
            continue;
        }
        if (strcmp(one->kind, "partition") == 0) {
            double end = from->end_ns / time_units;
            for (uint32_t j = from->mark_count; j > i + 1; j--) {
                bool heals = strcmp(from->marks[j - 1].kind, "heal") == 0;
                end = heals && from->marks[j - 1].time_ns <= from->end_ns
                          ? from->marks[j - 1].time_ns / time_units
                          : end;
            }
            fprintf(script,
                    "set object rectangle from %.9g, graph 0 to %.9g, graph 1 behind "
                    "fc rgb '#e6e6e6' fs solid noborder\n",
                    start, end);
        } else {
            fprintf(script,
                    "set arrow from %.9g, graph 0 to %.9g, graph 1 nohead lc rgb '#888888' "
                    "lw 0.8 dt 3\n",
                    start, start);
        }
        fputs("set label ", script);
        an_canvas_quote(script, one->kind);
        fprintf(script, " at %.9g, graph 0.96 offset 0.4,0 tc rgb '#555555' font ',8'\n",
                start);
    }
}

static void put_samples(const timeline *from, const line *one, double time_units,
                        double value_units, FILE *data) {
    bool open =
        false; /* something stands since the last break; two breaks would end the line's data */
    for (uint32_t i = 0; i < one->count; i++) {
        const sample *taken = &one->samples[i];
        bool shown = !from->spec->log_y || taken->value > 0.0;
        bool is_last = i + 1 == one->count;
        bool breaks = is_last || taken[1].time_ns - taken->time_ns > 1.5 * from->width_ns;
        double value = taken->value / value_units;
        if (shown) {
            fprintf(data, "%.9g %.9g\n", taken->time_ns / time_units, value);
        }
        /* The step ends with its interval where the next one is missing. */
        if (shown && breaks) {
            fprintf(data, "%.9g %.9g\n", (taken->time_ns + from->width_ns) / time_units, value);
        }
        open = open || shown;
        if (open && !is_last && (breaks || !shown)) {
            fputs("\n", data);
            open = false;
        }
    }
    fputs(open ? "\n\n" : "\n", data);
}

static an_unit value_unit(an_database *database, const timeline *from) {
    double *medians = an_pool_take(&database->pool, from->line_count, sizeof *medians);
    size_t count = 0;
    for (uint32_t i = 0; medians && i < from->line_count; i++) {
        double greatest = 0.0;
        for (uint32_t j = 0; j < from->lines[i].count; j++) {
            greatest = fmax(greatest, fabs(from->lines[i].samples[j].value));
        }
        if (greatest > 0.0) {
            medians[count++] = greatest;
        }
    }
    return an_unit_pick(from->unit, count > 0 ? an_number_median(medians, count) : 0.0);
}

cg_status an_timeline(an_database *database, const an_plot_spec *spec, an_canvas *canvas,
                      cg_error *error) {
    timeline made = {.spec = spec};
    cg_status status = read_all(database, &made, error);
    if (status != CG_OK) {
        return status;
    }
    an_unit time = an_unit_pick("ns", made.end_ns);
    an_unit value = value_unit(database, &made);
    char x_label[64];
    char y_label[256];
    snprintf(x_label, sizeof x_label, "simulated time (%s)", time.label);
    snprintf(y_label, sizeof y_label, "%.80s %.80s%s%s%s", made.metric, made.statistic,
             *value.label ? " (" : "", value.label, *value.label ? ")" : "");
    bool has_key = false;
    for (uint32_t i = 0; i < database->factor_count; i++) {
        has_key = has_key || made.varies[i];
    }
    an_canvas_axes(canvas, spec->title, x_label, y_label, has_key);
    fprintf(canvas->script, "set xrange [0:%.9g]\n", made.end_ns / time.base_units);
    if (spec->log_y && made.least > 0.0) {
        an_canvas_log_y(canvas, made.least / value.base_units,
                        made.greatest / value.base_units);
    } else {
        fputs("set yrange [0:*]\n", canvas->script);
    }
    put_marks(&made, time.base_units, canvas->script);
    an_canvas_begin_plot(canvas);
    uint32_t drawn = 0;
    for (uint32_t i = 0; i < made.line_count; i++) {
        const line *one = &made.lines[i];
        if (one->count == 0) {
            continue;
        }
        const char *label = an_plot_label(database, spec, made.varies, one->point->value_index);
        if (!label) {
            return an_out_of_memory(error);
        }
        fprintf(canvas->data, "# %s, repetition %lld: %s, %s\n", *label ? label : "all",
                (long long)one->point->repetition, x_label, y_label);
        put_samples(&made, one, time.base_units, value.base_units, canvas->data);
        an_canvas_element(canvas, drawn++, "using 1:2 with steps", label);
    }
    return CG_OK;
}
