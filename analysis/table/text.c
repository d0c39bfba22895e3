/* Tables for reading: aligned text, and Markdown.
 *
 * Both first turn the sheet into a grid of short strings: factors, origin and n, then the
 * columns in units and decimals chosen by column, so that a column's numbers can be compared by
 * eye.
 */
#include <math.h>
#include <string.h>

#include "analysis/table/number.h"
#include "analysis/table/print.h"
#include "analysis/table/unit.h"

enum { CELL_BYTES = 4 * AN_NUMBER_BYTES, LABEL_BYTES = 256, GAP = 2 };

typedef struct grid {
    size_t key_count; /* factors, origin, n */
    size_t width;     /* keys and columns */
    size_t row_count; /* without the header */
    const char **header;
    const char **cells; /* [row_count][width] */
} grid;

/* Characters, not bytes: "±" is one. */
static uint32_t characters(const char *text) {
    uint32_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

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
                              grid *into, cg_error *error) {
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

static cg_status write_keys(an_database *database, const an_sheet *sheet, grid *into,
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

static cg_status make_grid(an_database *database, const an_sheet *sheet, grid *out,
                           cg_error *error) {
    grid made = {.key_count = database->factor_count + 2, .row_count = sheet->row_count};
    made.width = made.key_count + sheet->column_count;
    made.header = an_pool_take(&database->pool, made.width, sizeof *made.header);
    made.cells = an_pool_take(&database->pool, made.width * made.row_count, sizeof *made.cells);
    if (!made.header || !made.cells) {
        return an_out_of_memory(error);
    }
    cg_status status = write_keys(database, sheet, &made, error);
    for (uint32_t i = 0; i < sheet->column_count && status == CG_OK; i++) {
        status = write_column(database, sheet, i, &made, error);
    }
    *out = made;
    return status;
}

static uint32_t column_width(const grid *from, size_t column) {
    uint32_t width = characters(from->header[column]);
    for (size_t i = 0; i < from->row_count; i++) {
        uint32_t one = characters(from->cells[i * from->width + column]);
        width = one > width ? one : width;
    }
    return width;
}

static void put_padded(FILE *out, const char *text, uint32_t width, bool first) {
    fprintf(out, "%*s%s", (int)(width - characters(text)) + (first ? 0 : GAP), "", text);
}

/* The keys and the columns [from, to), right-aligned, each as wide as its widest cell. */
static void put_block(const grid *source, size_t from, size_t to, FILE *out) {
    for (size_t i = 0; i <= source->row_count; i++) {
        const char **cells = i == 0 ? source->header : &source->cells[(i - 1) * source->width];
        for (size_t j = 0; j < to; j = j + 1 == source->key_count ? from : j + 1) {
            put_padded(out, cells[j], column_width(source, j), j == 0);
        }
        fputc('\n', out);
    }
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
    grid made = {0};
    cg_status status = make_grid(database, &table->sheet, &made, error);
    if (status != CG_OK) {
        return status;
    }
    fputs(table_index > 0 ? "\n" : "", out);
    if (*table->title || *table->name) {
        fprintf(out, "%s\n\n", *table->title ? table->title : table->name);
    }
    uint32_t keys_width = 0;
    for (size_t i = 0; i < made.key_count; i++) {
        keys_width += column_width(&made, i) + (i > 0 ? GAP : 0);
    }
    size_t from = made.key_count;
    do {
        size_t to = from;
        uint32_t used = keys_width;
        while (to < made.width &&
               (to == from || width == 0 || used + GAP + column_width(&made, to) <= width)) {
            used += GAP + column_width(&made, to);
            to++;
        }
        fputs(from > made.key_count ? "\n" : "", out);
        put_block(&made, from, to, out);
        from = to;
    } while (from < made.width);
    put_notes(database, &table->sheet, "", out);
    return CG_OK;
}

/* "|" would end a cell. */
static void put_markdown(FILE *out, const char *text) {
    fputc(' ', out);
    for (; *text; text++) {
        fputs(*text == '|' ? "\\" : "", out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
    fputs(" |", out);
}

cg_status an_print_markdown(an_database *database, const an_table *table, uint32_t table_index,
                            FILE *out, cg_error *error) {
    grid made = {0};
    cg_status status = make_grid(database, &table->sheet, &made, error);
    if (status != CG_OK) {
        return status;
    }
    fputs(table_index > 0 ? "\n" : "", out);
    if (*table->title || *table->name) {
        fprintf(out, "### %s\n\n", *table->title ? table->title : table->name);
    }
    for (size_t i = 0; i <= made.row_count; i++) {
        const char **cells = i == 0 ? made.header : &made.cells[(i - 1) * made.width];
        fputc('|', out);
        for (size_t j = 0; j < made.width; j++) {
            put_markdown(out, cells[j]);
        }
        fputc('\n', out);
        for (size_t j = 0; j < made.width && i == 0; j++) {
            fputs(j == 0 ? "| ---: |" : " ---: |", out);
        }
        fputs(i == 0 ? "\n" : "", out);
    }
    put_notes(database, &table->sheet, "\n", out);
    return CG_OK;
}
