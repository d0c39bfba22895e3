/* A database's figures and claims as entries of a baseline. */
#include "analysis/check/entries.h"

#include <string.h>

#include "analysis/table/claim.h"

static const char COUNT_COLUMN[] = "n";
static const char NO_FACTOR[] = "-";

bool an_entries_is_claim(const char *column) {
    return *column >= 'A' && *column <= 'Z';
}

const an_tolerance *an_entries_tolerance(const an_baseline *baseline, const char *column) {
    static const an_tolerance exact = {.text = "exact"};
    for (uint32_t i = 0; i < baseline->column_count; i++) {
        if (strcmp(baseline->columns[i], column) == 0) {
            return &baseline->tolerances[i];
        }
    }
    return &exact;
}

cg_status an_entries_sheet_columns(an_pool *pool, const an_baseline *baseline,
                                   const char ***columns, uint32_t *count, cg_error *error) {
    const char **kept = an_pool_take(pool, baseline->column_count, sizeof *kept);
    if (!kept) {
        return an_out_of_memory(error);
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < baseline->column_count; i++) {
        if (!an_entries_is_claim(baseline->columns[i])) {
            kept[found++] = baseline->columns[i];
        }
    }
    *columns = kept;
    *count = found;
    return CG_OK;
}

/* A row's values of factors. */
static const char **take_values(an_database *database, const an_sheet_row *row) {
    const char **values = an_pool_take(&database->pool, database->factor_count, sizeof *values);
    for (uint32_t i = 0; i < database->factor_count && values; i++) {
        values[i] = row ? database->factors[i].values[row->value_index[i]] : NO_FACTOR;
    }
    return values;
}

/* The sheet's rows, n first in each. */
static cg_status add_rows(an_database *database, const an_sheet *sheet, an_baseline *into,
                          cg_error *error) {
    for (uint32_t i = 0; i < sheet->row_count; i++) {
        const an_sheet_row *row = &sheet->rows[i];
        const char **values = take_values(database, row);
        if (!values) {
            return an_out_of_memory(error);
        }
        into->entries[into->entry_count++] = (an_baseline_entry){.values = values,
                                                                 .column = COUNT_COLUMN,
                                                                 .present = true,
                                                                 .value = row->done,
                                                                 .unit = "1"};
        for (uint32_t j = 0; j < sheet->column_count; j++) {
            into->entries[into->entry_count++] =
                (an_baseline_entry){.values = values,
                                    .column = sheet->columns[j].name,
                                    .present = row->cells[j].present,
                                    .value = row->cells[j].estimate.value,
                                    .unit = sheet->columns[j].unit};
        }
    }
    return CG_OK;
}

static const char *claim_column(an_pool *pool, const an_claim *claim, const char *what) {
    char text[CG_CLAIM_NAME_BYTES + 16];
    snprintf(text, sizeof text, "%.*s:%s", CG_CLAIM_NAME_BYTES, claim->name, what);
    return an_pool_text(pool, text);
}

static an_baseline_entry verdict_entry(const char **values, const char *column,
                                       cg_claim_verdict verdict) {
    return (an_baseline_entry){.values = values,
                               .column = column,
                               .present = verdict != CG_CLAIM_OPEN,
                               .value = verdict == CG_CLAIM_MET,
                               .unit = cg_claim_verdict_names[verdict]};
}

static cg_status add_claims(an_database *database, const an_claim *claims, uint32_t count,
                            an_baseline *into, cg_error *error) {
    an_pool *pool = &database->pool;
    const char **values = take_values(database, NULL);
    bool fits = values != NULL;
    for (uint32_t i = 0; i < count && fits; i++) {
        const an_claim *claim = &claims[i];
        const cg_claim_outcome *outcome = &claim->outcome;
        const char *value = claim_column(pool, claim, "value");
        const char *bound = claim_column(pool, claim, "bound");
        const char *verdict = claim_column(pool, claim, "verdict");
        const char *aim = claim_column(pool, claim, "aim");
        fits = value && bound && verdict && aim;
        if (!fits || outcome->wall) {
            continue;
        }
        into->entries[into->entry_count++] =
            (an_baseline_entry){.values = values,
                                .column = value,
                                .present = outcome->verdict != CG_CLAIM_OPEN,
                                .value = outcome->value,
                                .unit = claim->unit};
        into->entries[into->entry_count++] = (an_baseline_entry){.values = values,
                                                                 .column = bound,
                                                                 .present = true,
                                                                 .value = claim->bound,
                                                                 .unit = claim->unit};
        into->entries[into->entry_count++] = verdict_entry(values, verdict, outcome->verdict);
        if (claim->has_aim) {
            into->entries[into->entry_count++] =
                verdict_entry(values, aim, outcome->aim_verdict);
        }
    }
    return fits ? CG_OK : an_out_of_memory(error);
}

cg_status an_entries_make(an_database *database, const an_sheet *sheet, an_baseline *into,
                          cg_error *error) {
    enum { ENTRIES_A_CLAIM = 4 };
    an_claim *claims = NULL;
    uint32_t claim_count = 0;
    cg_status status = an_claims_read(database, &claims, &claim_count, error);
    if (status != CG_OK) {
        return status;
    }
    size_t capacity = (size_t)sheet->row_count * (sheet->column_count + 1) +
                      (size_t)claim_count * ENTRIES_A_CLAIM;
    into->entries = an_pool_take(&database->pool, capacity, sizeof *into->entries);
    into->factors = an_pool_take(&database->pool, database->factor_count, sizeof(char *));
    if (!into->entries || !into->factors) {
        return an_out_of_memory(error);
    }
    into->entry_count = 0;
    into->factor_count = database->factor_count;
    for (uint32_t i = 0; i < database->factor_count; i++) {
        into->factors[i] = database->factors[i].name;
    }
    status = add_rows(database, sheet, into, error);
    return status == CG_OK ? add_claims(database, claims, claim_count, into, error) : status;
}

static bool is_value(const an_baseline_entry *entry) {
    const char *colon = strchr(entry->column, ':');
    return an_entries_is_claim(entry->column) && colon && strcmp(colon, ":value") == 0;
}

cg_status an_entries_add_columns(an_pool *pool, an_baseline *into, cg_error *error) {
    const char **columns = NULL;
    uint32_t count = 0;
    cg_status status = an_entries_sheet_columns(pool, into, &columns, &count, error);
    if (status != CG_OK) {
        return status;
    }
    size_t capacity = (size_t)count + into->entry_count;
    const char **named = an_pool_take(pool, capacity, sizeof *named);
    an_tolerance *tolerances = an_pool_take(pool, capacity, sizeof *tolerances);
    if (!named || !tolerances) {
        return an_out_of_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        named[i] = columns[i];
        tolerances[i] = *an_entries_tolerance(into, columns[i]);
    }
    for (uint32_t i = 0; i < into->entry_count; i++) {
        if (is_value(&into->entries[i])) {
            named[count] = into->entries[i].column;
            tolerances[count++] = *an_entries_tolerance(into, into->entries[i].column);
        }
    }
    into->columns = named;
    into->tolerances = tolerances;
    into->column_count = count;
    return CG_OK;
}
