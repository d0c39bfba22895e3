/* Claims in the four forms of a table. Text and Markdown are in the claims' own units; CSV and
 * JSON too, with every digit, since a claim is stated in its unit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/table/grid.h"
#include "analysis/table/number.h"
#include "analysis/table/print.h"
#include "analysis/table/unit.h"

enum { CELL_BYTES = 512, DECIMALS_MAX = 12 };

static const char title[] = "Claims";

/* "nodes=1K, hosts=4" of lines. */
static void put_list(const char *lines, char *text, size_t capacity) {
    size_t used = 0;
    for (; *lines && used + 3 < capacity; lines++) {
        if (*lines == '\n') {
            text[used++] = ',';
        }
        text[used++] = *lines == '\n' ? ' ' : *lines;
    }
    text[used] = '\0';
}

/* "tier.l12 share at policy=lru over policy=fifo" */
static void write_what(const an_claim *claim, char text[CELL_BYTES]) {
    char where[CELL_BYTES / 4];
    char over[CELL_BYTES / 4];
    put_list(claim->selector, where, sizeof where);
    put_list(claim->over ? claim->over : "", over, sizeof over);
    snprintf(text, CELL_BYTES, "%.100s %.60s%s%s%s%s%s", claim->metric, claim->statistic,
             *where ? " at " : "", where, *over ? " over " : "", over,
             claim->outcome.wall ? " *" : "");
}

/* " ms"; nothing for plain numbers. */
static const char *unit_label(const an_claim *claim, char text[AN_NUMBER_BYTES]) {
    const char *label = an_unit_label(claim->unit);
    snprintf(text, AN_NUMBER_BYTES, "%s%.36s", *label ? " " : "", label);
    return text;
}

/* Decimals for the value, more of them where it would read as a bound that it is not. */
static int decimals_of(const an_claim *claim) {
    const cg_claim_outcome *outcome = &claim->outcome;
    double magnitude = fabs(outcome->value);
    int decimals = magnitude > 0.0 ? an_number_decimals(&magnitude, 1) : 0;
    for (; decimals < DECIMALS_MAX; decimals++) {
        char text[AN_NUMBER_BYTES];
        an_number_fixed(outcome->value, decimals, text);
        double shown = strtod(text, NULL);
        bool as_bound = shown == claim->bound && outcome->value != claim->bound;
        bool as_aim = claim->has_aim && shown == claim->aim && outcome->value != claim->aim;
        if (!as_bound && !as_aim) {
            break;
        }
    }
    return decimals;
}

static void write_measured(const an_claim *claim, char text[CELL_BYTES]) {
    const cg_claim_outcome *outcome = &claim->outcome;
    char value[AN_NUMBER_BYTES];
    char low[AN_NUMBER_BYTES];
    char high[AN_NUMBER_BYTES];
    char interval[3 * AN_NUMBER_BYTES] = "";
    char unit[AN_NUMBER_BYTES];
    double q = 0.0;
    if (outcome->verdict == CG_CLAIM_OPEN) {
        snprintf(text, CELL_BYTES, "-");
        return;
    }
    int decimals = decimals_of(claim);
    an_number_fixed(outcome->value, decimals, value);
    if (outcome->has_interval && an_column_quantile(claim->statistic, &q)) {
        an_number_fixed(outcome->low, decimals, low);
        an_number_fixed(outcome->high, decimals, high);
        snprintf(interval, sizeof interval, " [%s, %s]", low, high);
    } else if (outcome->has_interval) {
        an_number_fixed((outcome->high - outcome->low) / 2.0, decimals, low);
        snprintf(interval, sizeof interval, " ±%s", low);
    }
    snprintf(text, CELL_BYTES, "%s%s%s%s%.200s", value, interval, unit_label(claim, unit),
             *outcome->place ? " at " : "", outcome->place);
}

static void write_bound(const an_claim *claim, double bound, char text[CELL_BYTES]) {
    char number[AN_NUMBER_BYTES];
    char unit[AN_NUMBER_BYTES];
    an_number_exact(bound, number);
    snprintf(text, CELL_BYTES, "%s %s%s", cg_claim_operator_names[claim->op], number,
             unit_label(claim, unit));
}

static cg_status write_row(an_pool *pool, const an_claim *claim, const char **cells,
                           cg_error *error) {
    char text[CELL_BYTES];
    cells[0] = claim->name;
    write_what(claim, text);
    cells[1] = an_pool_text(pool, text);
    write_measured(claim, text);
    cells[2] = an_pool_text(pool, text);
    write_bound(claim, claim->bound, text);
    cells[3] = an_pool_text(pool, text);
    cells[4] = cg_claim_verdict_names[claim->outcome.verdict];
    snprintf(text, sizeof text, "%s", "");
    if (claim->has_aim) {
        write_bound(claim, claim->aim, text);
    }
    cells[5] = an_pool_text(pool, text);
    cells[6] = claim->has_aim ? cg_claim_verdict_names[claim->outcome.aim_verdict] : "";
    return cells[1] && cells[2] && cells[3] && cells[5] ? CG_OK : an_out_of_memory(error);
}

/* Why claims are open, what wall time is, the scenario's notes, and the count. */
static void put_notes(const an_claim_list *list, const char *prefix, FILE *out) {
    uint32_t verdicts[CG_CLAIM_VERDICTS];
    bool wall = false;
    for (uint32_t i = 0; i < list->count; i++) {
        const an_claim *claim = &list->claims[i];
        wall = wall || claim->outcome.wall;
        if (*claim->note) {
            fprintf(out, "%s%s: %s\n", prefix, claim->name, claim->note);
        }
        if (claim->outcome.verdict == CG_CLAIM_OPEN) {
            fprintf(out, "%s%s is open: %s\n", prefix, claim->name,
                    *claim->outcome.reason ? claim->outcome.reason
                                           : "the run has not finished");
        }
    }
    if (wall) {
        fprintf(out, "%s* wall time or memory of the machine: outside check\n", prefix);
    }
    an_claims_count(list->claims, list->count, verdicts);
    fprintf(out, "%sclaims: %u met, %u missed, %u open\n", prefix, verdicts[CG_CLAIM_MET],
            verdicts[CG_CLAIM_MISSED], verdicts[CG_CLAIM_OPEN]);
}

cg_status an_print_claims_text(an_database *database, const an_claim_list *list,
                               const an_table_options *options, uint32_t table_index, FILE *out,
                               cg_error *error) {
    static const char *const header[] = {"claim",   "what", "measured",   "claimed",
                                         "verdict", "aim",  "aim verdict"};
    an_grid grid = {.key_count = 1, .row_count = list->count, .left = true};
    grid.width = sizeof header / sizeof header[0];
    cg_status status = an_grid_take(&database->pool, &grid, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(grid.header, header, sizeof header);
    for (uint32_t i = 0; i < list->count && status == CG_OK; i++) {
        status =
            write_row(&database->pool, &list->claims[i], &grid.cells[i * grid.width], error);
    }
    if (status != CG_OK) {
        return status;
    }
    bool markdown = options->format == AN_FORMAT_MARKDOWN;
    fprintf(out, "%s%s%s\n\n", table_index > 0 ? "\n" : "", markdown ? "### " : "", title);
    if (markdown) {
        an_grid_put_markdown(&grid, out);
    } else {
        an_grid_put_text(&grid, options->width, out);
    }
    put_notes(list, markdown ? "\n" : "", out);
    return CG_OK;
}

static void put_number(FILE *out, bool present, double value) {
    char text[AN_NUMBER_BYTES] = "";
    if (present) {
        an_number_exact(value, text);
    }
    fprintf(out, "%s,", text);
}

static void put_csv_row(const an_claim *claim, FILE *out) {
    const cg_claim_outcome *outcome = &claim->outcome;
    bool measured = outcome->verdict != CG_CLAIM_OPEN;
    char list[CELL_BYTES];
    fprintf(out, "%s,%s:%s,", claim->name, claim->metric, claim->statistic);
    put_list(claim->selector, list, sizeof list);
    an_put_csv(out, list);
    fputc(',', out);
    put_list(claim->over ? claim->over : "", list, sizeof list);
    an_put_csv(out, list);
    fputc(',', out);
    put_number(out, measured, outcome->value);
    put_number(out, measured && outcome->has_interval, outcome->low);
    put_number(out, measured && outcome->has_interval, outcome->high);
    an_put_csv(out, outcome->place);
    fprintf(out, ",%s,%s,", outcome->wall ? "1" : "0", cg_claim_operator_names[claim->op]);
    put_number(out, true, claim->bound);
    fprintf(out, "%s,%s,", claim->unit, cg_claim_verdict_names[outcome->verdict]);
    put_number(out, claim->has_aim, claim->aim);
    fprintf(out, "%s,", claim->has_aim ? cg_claim_verdict_names[outcome->aim_verdict] : "");
    an_put_csv(out, claim->note);
    fputc(',', out);
    an_put_csv(out, outcome->reason);
    fputc('\n', out);
}

void an_print_claims_csv(const an_claim_list *list, uint32_t table_index, FILE *out) {
    fputs(table_index > 0 ? "\n" : "", out);
    fputs("claim,column,at,over,value,low,high,place,wall,operator,bound,unit,verdict,aim,"
          "aim verdict,note,reason\n",
          out);
    for (uint32_t i = 0; i < list->count; i++) {
        put_csv_row(&list->claims[i], out);
    }
}

static void put_json_number(FILE *out, const char *name, bool present, double value) {
    char text[AN_NUMBER_BYTES] = "null";
    if (present) {
        an_number_exact(value, text);
    }
    fprintf(out, "\"%s\": %s, ", name, text);
}

/* {"nodes": "1K"} of lines; factors' names need no escape. */
static void put_json_selector(FILE *out, const char *name, const char *lines) {
    fprintf(out, "\"%s\": ", name);
    if (!lines) {
        fputs("null, ", out);
        return;
    }
    fputc('{', out);
    for (const char *line = lines; *line;) {
        size_t length = strcspn(line, "\n");
        size_t factor = strcspn(line, "=\n");
        char value[CELL_BYTES];
        snprintf(value, sizeof value, "%.*s", (int)(length - factor - (factor < length)),
                 line + factor + (factor < length));
        fprintf(out, "%s\"%.*s\": ", line > lines ? ", " : "", (int)factor, line);
        an_put_json(out, value);
        line += length + (line[length] == '\n');
    }
    fputs("}, ", out);
}

static void put_json_claim(const an_claim *claim, FILE *out) {
    const cg_claim_outcome *outcome = &claim->outcome;
    bool measured = outcome->verdict != CG_CLAIM_OPEN;
    fputs("    {", out);
    an_put_member(out, "claim", claim->name, ", ");
    fprintf(out, "\"column\": \"%s:%s\", ", claim->metric, claim->statistic);
    put_json_selector(out, "at", claim->selector);
    put_json_selector(out, "over", claim->over);
    put_json_number(out, "value", measured, outcome->value);
    put_json_number(out, "low", measured && outcome->has_interval, outcome->low);
    put_json_number(out, "high", measured && outcome->has_interval, outcome->high);
    an_put_member(out, "place", outcome->place, ", ");
    fprintf(out, "\"wall\": %s, ", outcome->wall ? "true" : "false");
    an_put_member(out, "operator", cg_claim_operator_names[claim->op], ", ");
    put_json_number(out, "bound", true, claim->bound);
    an_put_member(out, "unit", claim->unit, ", ");
    an_put_member(out, "verdict", cg_claim_verdict_names[outcome->verdict], ", ");
    put_json_number(out, "aim", claim->has_aim, claim->aim);
    if (claim->has_aim) {
        an_put_member(out, "aim verdict", cg_claim_verdict_names[outcome->aim_verdict], ", ");
    } else {
        fputs("\"aim verdict\": null, ", out);
    }
    an_put_member(out, "note", claim->note, ", ");
    an_put_member(out, "reason", outcome->reason, "}");
}

void an_print_claims_json(const an_claim_list *list, FILE *out) {
    fputs(",\n  \"claims\": [", out);
    for (uint32_t i = 0; i < list->count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        put_json_claim(&list->claims[i], out);
    }
    fputs("\n  ]", out);
}
