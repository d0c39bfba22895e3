/* CSV (RFC 4180 with line feeds) and JSON (RFC 8259): base units, every digit. */
#include "analysis/table/number.h"
#include "analysis/table/print.h"

#include <string.h>

void an_put_csv(FILE *out, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_csv_header(const an_database *database, const an_table *table, FILE *out) {
    for (uint32_t i = 0; i < database->factor_count; i++) {
        an_put_csv(out, database->factors[i].name);
        fputc(',', out);
    }
    fputs("origin,n", out);
    for (uint32_t i = 0; i < table->sheet.column_count; i++) {
        const an_column *column = &table->sheet.columns[i];
        const char *wall = column->wall ? " wall" : "";
        /* Names and units hold no comma or quote (sim/record/rows.h). */
        fprintf(out, ",%s [%s]%s,%s low,%s high", column->name, column->unit, wall,
                column->name, column->name);
    }
    fputc('\n', out);
}

void an_print_csv(const an_database *database, const an_table *table, uint32_t table_index,
                  FILE *out) {
    if (table_index > 0) {
        fputc('\n', out);
    }
    put_csv_header(database, table, out);
    const an_sheet *sheet = &table->sheet;
    char text[AN_NUMBER_BYTES];
    for (uint32_t i = 0; i < sheet->row_count; i++) {
        const an_sheet_row *row = &sheet->rows[i];
        for (uint32_t j = 0; j < database->factor_count; j++) {
            an_put_csv(out, database->factors[j].values[row->value_index[j]]);
            fputc(',', out);
        }
        fprintf(out, "%s,%u", row->origin, row->done);
        for (uint32_t j = 0; j < sheet->column_count; j++) {
            const an_estimate *estimate = &row->cells[j].estimate;
            fputc(',', out);
            if (row->cells[j].present) {
                an_number_exact(estimate->value, text);
                fputs(text, out);
            }
            const double ends[2] = {estimate->low, estimate->high};
            for (int k = 0; k < 2; k++) {
                fputc(',', out);
                if (row->cells[j].present && estimate->has_interval) {
                    an_number_exact(ends[k], text);
                    fputs(text, out);
                }
            }
        }
        fputc('\n', out);
    }
}

void an_put_json(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(out, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)*text);
        } else {
            fputc(*text, out);
        }
    }
    fputc('"', out);
}

void an_put_member(FILE *out, const char *name, const char *value, const char *after) {
    an_put_json(out, name);
    fputs(": ", out);
    an_put_json(out, value);
    fputs(after, out);
}

static void put_json_columns(const an_sheet *sheet, FILE *out) {
    fputs("      \"columns\": [", out);
    for (uint32_t i = 0; i < sheet->column_count; i++) {
        const an_column *column = &sheet->columns[i];
        bool exact = column->kind == AN_COLUMN_MIN || column->kind == AN_COLUMN_MAX ||
                     column->kind == AN_COLUMN_ERROR;
        const char *interval = column->kind == AN_COLUMN_QUANTILE ? "order statistics 95%"
                               : exact                            ? "none"
                                                                  : "t 95%";
        fputs(i > 0 ? ",\n        {" : "\n        {", out);
        an_put_member(out, "name", column->name, ", ");
        an_put_member(out, "unit", column->unit, ", ");
        an_put_member(out, "interval", interval, ", ");
        fprintf(out, "\"wall\": %s}", column->wall ? "true" : "false");
    }
    fputs("\n      ],\n", out);
}

static void put_json_cell(const an_cell *cell, FILE *out) {
    char text[AN_NUMBER_BYTES];
    if (!cell->present) {
        fputs("null", out);
        return;
    }
    an_number_exact(cell->estimate.value, text);
    fprintf(out, "{\"value\": %s", text);
    if (cell->estimate.has_interval) {
        an_number_exact(cell->estimate.low, text);
        fprintf(out, ", \"low\": %s", text);
        an_number_exact(cell->estimate.high, text);
        fprintf(out, ", \"high\": %s", text);
    }
    fputc('}', out);
}

static void put_json_row(const an_database *database, const an_sheet *sheet,
                         const an_sheet_row *row, FILE *out) {
    fputs("        {\"factors\": {", out);
    for (uint32_t i = 0; i < database->factor_count; i++) {
        const an_factor *factor = &database->factors[i];
        an_put_member(out, factor->name, factor->values[row->value_index[i]],
                      i + 1 < database->factor_count ? ", " : "");
    }
    fputs("}, ", out);
    an_put_member(out, "origin", row->origin, ", ");
    fprintf(out, "\"n\": %u, \"failed\": %u, \"pending\": %u, \"cells\": [", row->done,
            row->failed, row->pending);
    for (uint32_t i = 0; i < sheet->column_count; i++) {
        fputs(i > 0 ? ", " : "", out);
        put_json_cell(&row->cells[i], out);
    }
    fputs("]}", out);
}

void an_print_json(const an_database *database, const an_table *tables, uint32_t table_count,
                   const an_claim_list *claims, FILE *out) {
    fputs("{\n  ", out);
    an_put_member(out, "experiment", database->experiment, ",\n  ");
    an_put_member(out, "fingerprint", database->fingerprint, ",\n");
    fputs("  \"tables\": [", out);
    for (uint32_t i = 0; i < table_count; i++) {
        const an_sheet *sheet = &tables[i].sheet;
        fputs(i > 0 ? ",\n    {\n      " : "\n    {\n      ", out);
        an_put_member(out, "name", tables[i].name, ",\n      ");
        an_put_member(out, "title", tables[i].title, ",\n");
        put_json_columns(sheet, out);
        fputs("      \"rows\": [\n", out);
        for (uint32_t j = 0; j < sheet->row_count; j++) {
            put_json_row(database, sheet, &sheet->rows[j], out);
            fputs(j + 1 < sheet->row_count ? ",\n" : "\n", out);
        }
        fputs("      ]\n    }", out);
    }
    fputs(table_count > 0 ? "\n  ]" : "]", out);
    if (claims) {
        an_print_claims_json(claims, out);
    }
    fputs("\n}\n", out);
}
