/* Tables for reading: aligned text, and Markdown.
 *
 * Both first turn the sheet into a grid of short strings: factors, origin and n, then the
 * columns in units and decimals chosen by column, so that a column's numbers can be compared by
 * eye.
 */
#include <math.h>
#include <string.h>

#include "analysis/table/grid.h"
#include "analysis/table/number.h"
#include "analysis/table/print.h"
#include "analysis/table/unit.h"

enum { CELL_BYTES = 4 * AN_NUMBER_BYTES, LABEL_BYTES = 256 };

static void write_cell(const an_column *column, const an_cell *cell, double base_units,
                       int decimals, char text[CELL_BYTES]) {
    if (!cell->present) {
        snprintf(text, CELL_BYTES, "-");
        return;
    }
    char value[AN_NUMBER_BYTES];
    char low[AN_NUMBER_BYTES];
    char high[AN_NUMBER_BYTES];
    const an_estimate *estimate = &cell->estimate;
    an_number_fixed(estimate->value / base_units, decimals, value);
    if (!estimate->has_interval) {
        snprintf(text, CELL_BYTES, "%s", value);
    } else if (column->kind == AN_COLUMN_QUANTILE) {
        an_number_fixed(estimate->low / base_units, decimals, low);
        an_number_fixed(estimate->high / base_units, decimals, high);
        snprintf(text, CELL_BYTES, "%s [%s, %s]", value, low, high);
    } else {
        an_number_fixed((estimate->high - estimate->low) / 2.0 / base_units, decimals, low);
        snprintf(text, CELL_BYTES, "%s ±%s", value, low);
    }
}

static cg_status write_column(an_database *database, const an_sheet *sheet, uint32_t index,
                              an_grid *into, cg_error *error) {
    const an_column *column = &sheet->columns[index];
    double *magnitudes = an_pool_take(&database->pool, sheet->row_count, sizeof *magnitudes);
    if (!magnitudes) {
        return an_out_of_memory(error);
    }
    size_t count = 0;
    for (uint32_t i = 0; i < sheet->row_count; i++) {
        double value = fabs(sheet->rows[i].cells[index].estimate.value);
        if (value > 0.0) {
            magnitudes[count++] = value;
        }
    }
    double middle = count > 0 ? an_number_median(magnitudes, count) : 0.0;
    an_unit unit = an_unit_pick(column->unit, middle);
    for (size_t i = 0; i < count; i++) {
        magnitudes[i] /= unit.base_units;
    }
    int decimals = an_number_decimals(magnitudes, count);
    char text[LABEL_BYTES];
    bool has_unit = *unit.label;
    snprintf(text, sizeof text, "%.80s %.80s%s%.40s%s%s", column->metric, column->statistic,
             has_unit ? " (" : "", unit.label, has_unit ? ")" : "", column->wall ? " *" : "");
    const char **at = &into->header[into->key_count + index];
    *at = an_pool_text(&database->pool, text);
    for (uint32_t i = 0; i < sheet->row_count && *at; i++) {
        write_cell(column, &sheet->rows[i].cells[index], unit.base_units, decimals, text);
        at = &into->cells[i * into->width + into->key_count + index];
        *at = an_pool_text(&database->pool, text);
    }
    return *at ? CG_OK : an_out_of_memory(error);
}

static cg_status write_keys(an_database *database, const an_sheet *sheet, an_grid *into,
                            cg_error *error) {
    uint32_t factors = database->factor_count;
    for (uint32_t j = 0; j < factors; j++) {
        into->header[j] = database->factors[j].name;
    }
    into->header[factors] = "origin";
    into->header[factors + 1] = "n";
    for (uint32_t i = 0; i < sheet->row_count; i++) {
        const an_sheet_row *row = &sheet->rows[i];
        const char **cells = &into->cells[i * into->width];
        for (uint32_t j = 0; j < factors; j++) {
            cells[j] = database->factors[j].values[row->value_index[j]];
        }
        char text[16];
        snprintf(text, sizeof text, "%u", row->done);
        cells[factors] = *row->origin ? row->origin : "-";
        cells[factors + 1] = an_pool_text(&database->pool, text);
        if (!cells[factors + 1]) {
            return an_out_of_memory(error);
        }
    }
    return CG_OK;
}

static cg_status make_grid(an_database *database, const an_sheet *sheet, an_grid *out,
                           cg_error *error) {
    an_grid made = {.key_count = database->factor_count + 2, .row_count = sheet->row_count};
    made.width = made.key_count + sheet->column_count;
    cg_status status = an_grid_take(&database->pool, &made, error);
    if (status == CG_OK) {
        status = write_keys(database, sheet, &made, error);
    }
    for (uint32_t i = 0; i < sheet->column_count && status == CG_OK; i++) {
        status = write_column(database, sheet, i, &made, error);
    }
    *out = made;
    return status;
}

/* What the reader must know beside the figures. */
static void put_notes(const an_database *database, const an_sheet *sheet, const char *prefix,
                      FILE *out) {
    bool wall = false;
    for (uint32_t i = 0; i < sheet->column_count; i++) {
        wall = wall || sheet->columns[i].wall;
    }
    if (wall) {
        fprintf(out, "%s* wall time or memory of the machine: outside fingerprint and check\n",
                prefix);
    }
    uint32_t pending = 0;
    for (uint32_t i = 0; i < database->point_count; i++) {
        const an_point *point = &database->points[i];
        if (sheet->points_row[i] == UINT32_MAX) {
            continue;
        }
        pending += point->state == AN_STATE_PENDING;
        if (point->state == AN_STATE_FAILED) {
            fprintf(out, "%spoint %lld failed: %s\n", prefix, (long long)point->index,
                    point->reason);
        }
    }
    if (pending > 0) {
        fprintf(out, "%s%u point%s not run yet\n", prefix, pending,
                pending == 1 ? " is" : "s are");
    }
}

cg_status an_print_text(an_database *database, const an_table *table, uint32_t width,
                        uint32_t table_index, FILE *out, cg_error *error) {
    an_grid made = {0};
    cg_status status = make_grid(database, &table->sheet, &made, error);
    if (status != CG_OK) {
        return status;
    }
    fputs(table_index > 0 ? "\n" : "", out);
    if (*table->title || *table->name) {
        fprintf(out, "%s\n\n", *table->title ? table->title : table->name);
    }
    an_grid_put_text(&made, width, out);
    put_notes(database, &table->sheet, "", out);
    return CG_OK;
}

cg_status an_print_markdown(an_database *database, const an_table *table, uint32_t table_index,
                            FILE *out, cg_error *error) {
    an_grid made = {0};
    cg_status status = make_grid(database, &table->sheet, &made, error);
    if (status != CG_OK) {
        return status;
    }
    fputs(table_index > 0 ? "\n" : "", out);
    if (*table->title || *table->name) {
        fprintf(out, "### %s\n\n", *table->title ? table->title : table->name);
    }
    an_grid_put_markdown(&made, out);
    put_notes(database, &table->sheet, "\n", out);
    return CG_OK;
}
