/* A reliability diagram: how often decisions are right over how sure they were.
 *
 * Decisions are in equal bins of confidence; a bin's point stands at its mean confidence and its
 * share of right ones, with Wilson's 95% interval (JASA 22, 1927); bars below are the shares of
 * decisions in each bin. Who is as often right as sure lies on the diagonal (DeGroot & Fienberg,
 * The Statistician 32, 1983). Repetitions of a combination are joined, decision by decision, as
 * if all were independent.
 *
 * Known value (plot_test.c): 8 right of 10 give [49.02, 94.33] %.
 */
#include <math.h>
#include <string.h>

#include "analysis/plot/figure.h"
#include "analysis/table/column.h"

enum { BINS = 10, METRIC_BYTES = 32 };

static const double z_95 = 1.959963984540054;

typedef struct bin {
    double facts;
    double right;      /* of them */
    double confidence; /* sum */
} bin;

typedef struct line {
    const an_point *point; /* the first of its repetitions */
    bin bins[BINS];
    double facts;
} line;

typedef struct diagram {
    line *lines;
    uint32_t line_count;
    bool *varies;
} diagram;

void an_reliability_interval(double right, double count, double *low, double *high) {
    const double share = right / count;
    const double z2 = z_95 * z_95;
    const double centre = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    const double half = z_95 / (1.0 + z2 / count) *
                        sqrt(share * (1.0 - share) / count + z2 / (4.0 * count * count));
    *low = fmax(0.0, centre - half);
    *high = fmin(1.0, centre + half);
}

static cg_status read_figure(an_database *database, const an_point *point, const char *metric,
                             const char *statistic, double *value, cg_error *error) {
    sqlite3_stmt *statement = NULL;
    bool found = false;
    cg_status status = an_database_query(
        database,
        "SELECT value FROM metric WHERE experiment_name = ?1 AND metric = ?2 AND "
        "statistic = ?3 AND point_index = ?4 ORDER BY point_index",
        &statement, error);
    if (status == CG_OK) {
        sqlite3_bind_text(statement, 2, metric, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, statistic, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 4, point->index);
        status = an_database_step(database, statement, &found, error);
        *value = status == CG_OK && found ? sqlite3_column_double(statement, 0) : 0.0;
    }
    sqlite3_finalize(statement);
    return status;
}

static cg_status read_point(an_database *database, const an_point *point, line *into,
                            cg_error *error) {
    cg_status status = CG_OK;
    for (int i = 0; i < BINS && status == CG_OK; i++) {
        char metric[METRIC_BYTES];
        double facts = 0.0;
        double right = 0.0; /* % */
        double confidence = 0.0;
        snprintf(metric, sizeof metric, "reliability.%02d", i * 10);
        status = read_figure(database, point, metric, "facts", &facts, error);
        if (status == CG_OK) {
            status = read_figure(database, point, metric, "right", &right, error);
        }
        if (status == CG_OK) {
            status = read_figure(database, point, metric, "confidence", &confidence, error);
        }
        into->bins[i].facts += facts;
        into->bins[i].right += facts * right / 100.0;
        into->bins[i].confidence += facts * confidence;
        into->facts += facts;
    }
    return status;
}

static bool same_values(const an_database *database, const an_point *left,
                        const an_point *right) {
    for (uint32_t i = 0; i < database->factor_count; i++) {
        if (left->value_index[i] != right->value_index[i]) {
            return false;
        }
    }
    return true;
}

/* Repetitions of a combination follow each other in the plan. */
static cg_status read_all(an_database *database, const an_plot_spec *spec, diagram *into,
                          cg_error *error) {
    cg_status status = an_where_check(database, spec->where, spec->where_count, error);
    into->lines = an_pool_take(&database->pool, database->point_count, sizeof *into->lines);
    into->varies = an_pool_take(&database->pool, database->factor_count, sizeof(bool));
    if (status == CG_OK && (!into->lines || !into->varies)) {
        return an_out_of_memory(error);
    }
    line *last = NULL;
    for (uint32_t i = 0; i < database->point_count && status == CG_OK; i++) {
        const an_point *point = &database->points[i];
        if (point->state != AN_STATE_DONE ||
            !an_where_holds(database, spec->where, spec->where_count, point)) {
            continue;
        }
        if (!last || !same_values(database, last->point, point)) {
            last = &into->lines[into->line_count++];
            last->point = point;
        }
        const uint32_t *first = into->lines[0].point->value_index;
        for (uint32_t j = 0; j < database->factor_count; j++) {
            into->varies[j] = into->varies[j] || point->value_index[j] != first[j];
        }
        status = read_point(database, point, last, error);
    }
    return status;
}

static void put_bars(const line *one, double shift, FILE *data) {
    for (int i = 0; i < BINS; i++) {
        fprintf(data, "%.9g %.9g\n", (i + 0.5) / BINS + shift,
                100.0 * one->bins[i].facts / one->facts);
    }
    fputs("\n\n", data);
}

static void put_bins(const line *one, FILE *data) {
    for (int i = 0; i < BINS; i++) {
        const bin *at = &one->bins[i];
        if (at->facts > 0.0) {
            double low = 0.0;
            double high = 0.0;
            an_reliability_interval(at->right, at->facts, &low, &high);
            fprintf(data, "%.9g %.9g %.9g %.9g\t# %.9g decisions\n", at->confidence / at->facts,
                    100.0 * at->right / at->facts, 100.0 * low, 100.0 * high, at->facts);
        }
    }
    fputs("\n\n", data);
}

static void put_settings(FILE *script) {
    fputs("set xrange [0:1]\n"
          "set yrange [0:100]\n"
          "set xtics 0.2\n"
          "set ytics 20\n"
          "set arrow from 0, 0 to 1, 100 nohead back lc rgb '#888888' lw 0.8 dt 3\n"
          "set style fill solid 0.25 noborder\n",
          script);
}

cg_status an_reliability(an_database *database, const an_plot_spec *spec, an_canvas *canvas,
                         cg_error *error) {
    diagram made = {0};
    cg_status status = read_all(database, spec, &made, error);
    if (status != CG_OK) {
        return status;
    }
    an_canvas_axes(canvas, spec->title, "confidence",
                   "right decisions (%), bars: all decisions (%)", made.line_count > 1);
    put_settings(canvas->script);
    const double width = 0.8 / BINS / (made.line_count > 0 ? made.line_count : 1);
    char boxes[64];
    snprintf(boxes, sizeof boxes, "using 1:2:(%.4g) with boxes", width);
    an_canvas_begin_plot(canvas);
    uint32_t drawn = 0;
    for (uint32_t i = 0; i < made.line_count; i++) {
        const line *one = &made.lines[i];
        if (!(one->facts > 0.0)) {
            continue;
        }
        const char *label = an_plot_label(database, spec, made.varies, one->point->value_index);
        if (!label) {
            return an_out_of_memory(error);
        }
        const char *name = *label ? label : "all";
        const double shift = width * (i - (made.line_count - 1) / 2.0);
        fprintf(canvas->data, "# %s: middle of the bin, share of all decisions (%%)\n", name);
        put_bars(one, shift, canvas->data);
        fprintf(canvas->data,
                "# %s: mean confidence, right decisions (%%), low and high (95%%)\n", name);
        put_bins(one, canvas->data);
        an_canvas_element_styled(canvas, 2 * drawn, drawn, boxes, "");
        an_canvas_element_styled(canvas, 2 * drawn + 1, drawn, "using 1:2:3:4 with yerrorlines",
                                 label);
        drawn++;
    }
    if (drawn == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "plot %s: no finished point of experiment %s states how sure its "
                            "decisions were (reliability.00 to reliability.90)",
                            spec->name, database->experiment);
    }
    return CG_OK;
}
