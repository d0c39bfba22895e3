/* A column over a factor, with intervals. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot/figure.h"
#include "analysis/table/number.h"
#include "analysis/table/sheet.h"
#include "analysis/table/unit.h"

enum { TICS_LEVEL = 8 };

/* Lines beside each other at one category, in shares of the distance between categories. */
static const double DODGE = 0.06;

typedef struct curve {
    const an_plot_spec *spec;
    an_sheet sheet;
    uint32_t x; /* factor */
    bool is_numeric;
    double *positions;  /* [value_count of x] */
    bool *used;         /* [value_count of x]: some row has it */
    uint32_t *line;     /* [row_count] */
    uint32_t *line_row; /* [line_count]: the first row of each */
    uint32_t line_count;
    bool *varies; /* [factor_count]: distinguishes lines */
} curve;

bool an_curve_number(const char *text, double *out) {
    static const struct {
        const char *suffix;
        double factor;
    } suffixes[] = {{"", 1.0},   {"K", 1e3},   {"M", 1e6},   {"G", 1e9},   {"B", 1e9},
                    {"T", 1e12}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}};
    size_t length = strspn(text, "0123456789.");
    char digits[32];
    if (length == 0 || length >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    char *end = NULL;
    double value = strtod(digits, &end);
    for (size_t i = 0; !*end && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (strcmp(text + length, suffixes[i].suffix) == 0) {
            *out = value * suffixes[i].factor;
            return true;
        }
    }
    return false;
}

/* Numbers where all used values are (and > 0 on a logarithmic axis), otherwise one place a
 * value. */
static void place_values(const an_factor *factor, curve *into) {
    into->is_numeric = true;
    for (uint32_t i = 0; i < factor->value_count; i++) {
        double number = 0.0;
        bool fits =
            an_curve_number(factor->values[i], &number) && (number > 0.0 || !into->spec->log_x);
        into->is_numeric = into->is_numeric && (fits || !into->used[i]);
        into->positions[i] = number;
    }
    double place = 0.0;
    for (uint32_t i = 0; i < factor->value_count && !into->is_numeric; i++) {
        into->positions[i] = place;
        place += into->used[i] ? 1.0 : 0.0;
    }
}

static bool same_line(const an_database *database, const curve *of, uint32_t left,
                      uint32_t right) {
    const uint32_t *a = of->sheet.rows[left].value_index;
    const uint32_t *b = of->sheet.rows[right].value_index;
    for (uint32_t i = 0; i < database->factor_count; i++) {
        if (i != of->x && a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static void find_lines(const an_database *database, curve *into) {
    for (uint32_t i = 0; i < into->sheet.row_count; i++) {
        uint32_t line = 0;
        while (line < into->line_count && !same_line(database, into, into->line_row[line], i)) {
            line++;
        }
        if (line == into->line_count) {
            into->line_row[into->line_count++] = i;
        }
        into->line[i] = line;
        const uint32_t *values = into->sheet.rows[i].value_index;
        into->used[values[into->x]] = true;
        for (uint32_t j = 0; j < database->factor_count; j++) {
            bool differs = values[j] != into->sheet.rows[0].value_index[j];
            into->varies[j] = into->varies[j] || (j != into->x && differs);
        }
    }
}

static cg_status lay_out(an_database *database, curve *into, cg_error *error) {
    an_pool *pool = &database->pool;
    const an_factor *factor = &database->factors[into->x];
    uint32_t rows = into->sheet.row_count;
    into->positions = an_pool_take(pool, factor->value_count, sizeof *into->positions);
    into->used = an_pool_take(pool, factor->value_count, sizeof *into->used);
    into->line = an_pool_take(pool, rows, sizeof *into->line);
    into->line_row = an_pool_take(pool, rows, sizeof *into->line_row);
    into->varies = an_pool_take(pool, database->factor_count, sizeof *into->varies);
    if (!into->positions || !into->used || !into->line || !into->line_row || !into->varies) {
        return an_out_of_memory(error);
    }
    find_lines(database, into);
    place_values(factor, into);
    return CG_OK;
}

static void put_x_axis(const an_database *database, const curve *from, an_canvas *canvas) {
    const an_factor *factor = &database->factors[from->x];
    double least = 0.0;
    double greatest = 0.0;
    uint32_t count = 0;
    fputs("set xtics (", canvas->script);
    for (uint32_t i = 0; i < factor->value_count; i++) {
        if (!from->used[i]) {
            continue;
        }
        char number[AN_NUMBER_BYTES];
        an_number_exact(from->positions[i], number);
        fputs(count > 0 ? ", " : "", canvas->script);
        an_canvas_quote(canvas->script, factor->values[i]);
        fprintf(canvas->script, " %s", number);
        least = count == 0 || from->positions[i] < least ? from->positions[i] : least;
        greatest = count == 0 || from->positions[i] > greatest ? from->positions[i] : greatest;
        count++;
    }
    fprintf(canvas->script, ")%s\n", count > TICS_LEVEL ? " rotate by -45" : "");
    bool log_x = from->spec->log_x && from->is_numeric;
    double margin = greatest > least ? (greatest - least) * 0.06 : 0.5;
    double low = log_x ? least / 1.4 : least - margin;
    double high = log_x ? greatest * 1.4 : greatest + margin;
    if (!from->is_numeric) {
        low = least - 0.3;
        high = greatest + 0.3;
    }
    fprintf(canvas->script, "set xrange [%.9g:%.9g]\n%s", low, high,
            log_x ? "set logscale x\n" : "");
}

/* Returns the number of points written. */
static uint32_t put_line(const an_database *database, const curve *from, uint32_t line,
                         double base_units, FILE *data) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < from->sheet.row_count; i++) {
        const an_sheet_row *row = &from->sheet.rows[i];
        const an_cell *cell = &row->cells[0];
        const an_estimate *estimate = &cell->estimate;
        if (from->line[i] != line || !cell->present ||
            (from->spec->log_y && estimate->value <= 0.0)) {
            continue;
        }
        double low = estimate->has_interval ? estimate->low : estimate->value;
        double high = estimate->has_interval ? estimate->high : estimate->value;
        if (from->spec->log_y && low <= 0.0) {
            low = estimate->value;
        }
        uint32_t value = row->value_index[from->x];
        double position = from->positions[value];
        if (!from->is_numeric) {
            position += DODGE * ((double)line - (double)(from->line_count - 1) / 2.0);
        }
        fprintf(data, "%.9g %.9g %.9g %.9g\t# %s\n", position, estimate->value / base_units,
                low / base_units, high / base_units, database->factors[from->x].values[value]);
        count++;
    }
    return count;
}

static an_unit choose_unit(const an_column *column, an_database *database,
                           const an_sheet *sheet) {
    double *values = an_pool_take(&database->pool, sheet->row_count, sizeof *values);
    size_t count = 0;
    for (uint32_t i = 0; values && i < sheet->row_count; i++) {
        double value = fabs(sheet->rows[i].cells[0].estimate.value);
        if (value > 0.0) {
            values[count++] = value;
        }
    }
    return an_unit_pick(column->unit, count > 0 ? an_number_median(values, count) : 0.0);
}

static void put_y_axis(const curve *from, double base_units, an_canvas *canvas) {
    double least = 0.0;
    double greatest = 0.0;
    for (uint32_t i = 0; i < from->sheet.row_count; i++) {
        const an_estimate *estimate = &from->sheet.rows[i].cells[0].estimate;
        bool has_low = estimate->has_interval && estimate->low > 0.0;
        double low = has_low ? estimate->low : estimate->value;
        double high = estimate->has_interval ? estimate->high : estimate->value;
        least = low > 0.0 && (least <= 0.0 || low < least) ? low : least;
        greatest = fmax(greatest, high);
    }
    if (from->spec->log_y && least > 0.0) {
        an_canvas_log_y(canvas, least / base_units, greatest / base_units);
    } else {
        fputs("set yrange [0:*]\n", canvas->script);
    }
}

static cg_status put_curve(an_database *database, const curve *from, an_canvas *canvas,
                           cg_error *error) {
    const an_column *column = &from->sheet.columns[0];
    an_unit unit = choose_unit(column, database, &from->sheet);
    char y_label[256];
    snprintf(y_label, sizeof y_label, "%.80s %.80s%s%s%s%s", column->metric, column->statistic,
             *unit.label ? " (" : "", unit.label, *unit.label ? ")" : "",
             column->wall ? ", wall time" : "");
    an_canvas_axes(canvas, from->spec->title, database->factors[from->x].name, y_label,
                   from->line_count > 1);
    put_x_axis(database, from, canvas);
    put_y_axis(from, unit.base_units, canvas);
    an_canvas_begin_plot(canvas);
    uint32_t drawn = 0;
    for (uint32_t i = 0; i < from->line_count; i++) {
        const uint32_t *values = from->sheet.rows[from->line_row[i]].value_index;
        const char *label = an_plot_label(database, from->spec, from->varies, values);
        if (!label) {
            return an_out_of_memory(error);
        }
        fprintf(canvas->data, "# %s: x, %s, low and high (95%%)\n", *label ? label : "all",
                y_label);
        if (put_line(database, from, i, unit.base_units, canvas->data) > 0) {
            an_canvas_element(canvas, drawn++, "using 1:2:3:4 with yerrorlines", label);
            fputs("\n\n", canvas->data);
        }
    }
    if (drawn == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "plot %s: no finished point of experiment %s has %s to draw",
                            from->spec->name, database->experiment, column->name);
    }
    return CG_OK;
}

cg_status an_curve(an_database *database, const an_plot_spec *spec, an_canvas *canvas,
                   cg_error *error) {
    curve made = {.spec = spec};
    an_sheet_request request = {.columns = &spec->y,
                                .column_count = 1,
                                .where = spec->where,
                                .where_count = spec->where_count};
    cg_status status = an_plot_factor(database, spec, spec->x, &made.x, error);
    if (status == CG_OK) {
        status = an_sheet_build(database, &request, &made.sheet, error);
    }
    if (status == CG_OK) {
        status = lay_out(database, &made, error);
    }
    if (status == CG_OK) {
        status = put_curve(database, &made, canvas, error);
    }
    return status;
}
