#include "sim/validate/findings.h"

#include <string.h>

enum { COLUMNS = 7 };

sim_finding *sim_findings_add(sim_findings *findings, const char *check) {
    uint32_t at = findings->count < SIM_FINDINGS_MAX ? findings->count++ : SIM_FINDINGS_MAX - 1;
    sim_finding *row = &findings->rows[at];
    *row = (sim_finding){.verdict = SIM_VERDICT_NONE};
    char *const texts[] = {row->set, row->expected, row->found, row->error, row->coverage};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(texts[i], SIM_FINDING_BYTES, "-");
    }
    snprintf(row->check, sizeof row->check, "%s", check);
    return row;
}

void sim_findings_judge(sim_findings *findings, sim_finding *finding, bool is_met) {
    finding->verdict = is_met ? SIM_VERDICT_MET : SIM_VERDICT_MISSED;
    findings->missed += is_met ? 0 : 1;
}

static void cells_of(const sim_finding *row, const char *cells[COLUMNS]) {
    cells[0] = row->check;
    cells[1] = row->set;
    cells[2] = row->expected;
    cells[3] = row->found;
    cells[4] = row->error;
    cells[5] = row->coverage;
    cells[6] = row->verdict == SIM_VERDICT_MET      ? "met"
               : row->verdict == SIM_VERDICT_MISSED ? "missed"
                                                    : "";
}

static void print_row(const char *const cells[COLUMNS], const int widths[COLUMNS],
                      bool is_markdown, FILE *file) {
    fputs(is_markdown ? "| " : "", file);
    for (int column = 0; column < COLUMNS; column++) {
        bool is_last = column + 1 == COLUMNS;
        fprintf(file, "%-*s%s", is_last && !is_markdown ? 0 : widths[column], cells[column],
                is_last       ? is_markdown ? " |\n" : "\n"
                : is_markdown ? " | "
                              : "  ");
    }
}

void sim_findings_print(const sim_findings *findings, bool is_markdown, FILE *file) {
    static const char *const head[COLUMNS] = {"check", "set",      "expected", "found",
                                              "error", "coverage", "verdict"};
    static const char *const rule[COLUMNS] = {"---", "---", "---", "---", "---", "---", "---"};
    int widths[COLUMNS];
    const char *cells[COLUMNS];
    for (int column = 0; column < COLUMNS; column++) {
        widths[column] = (int)strlen(head[column]);
    }
    for (uint32_t i = 0; i < findings->count; i++) {
        cells_of(&findings->rows[i], cells);
        for (int column = 0; column < COLUMNS; column++) {
            int width = (int)strlen(cells[column]);
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    print_row(head, widths, is_markdown, file);
    if (is_markdown) {
        print_row(rule, widths, is_markdown, file);
    }
    for (uint32_t i = 0; i < findings->count; i++) {
        cells_of(&findings->rows[i], cells);
        print_row(cells, widths, is_markdown, file);
    }
}
