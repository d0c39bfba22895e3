/* Check and bless: two lists of entries compared. */
#include "analysis/check/check.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/check/entries.h"
#include "analysis/table/number.h"

enum { SHOWN_MAX = 100, ROW_BYTES = 256 };

static cg_status build(an_database *database, const an_baseline *baseline,
                       const char *baseline_path, an_sheet *sheet, cg_error *error) {
    an_sheet_request request = {0};
    const char **columns = NULL;
    cg_status status = an_entries_sheet_columns(&database->pool, baseline, &columns,
                                                &request.column_count, error);
    request.columns = columns;
    if (status == CG_OK) {
        status = an_sheet_build(database, &request, sheet, error);
    }
    for (uint32_t i = 0; i < request.column_count && status == CG_OK; i++) {
        if (sheet->columns[i].wall) {
            status = cg_error_set(error, CG_ERROR_INVALID,
                                  "%s: column %s is wall time or memory of the machine, which "
                                  "no baseline can hold",
                                  baseline_path, sheet->columns[i].name);
        }
    }
    return status;
}

static bool same_key(const an_baseline_entry *left, const an_baseline_entry *right,
                     uint32_t factor_count) {
    if (strcmp(left->column, right->column) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < factor_count; i++) {
        if (strcmp(left->values[i], right->values[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Both sides are mostly in the same order, so the search goes on where it last ended. */
static const an_baseline_entry *find(const an_baseline *in, const an_baseline_entry *key,
                                     uint32_t *cursor) {
    for (uint32_t i = 0; i < in->entry_count; i++) {
        uint32_t at = (*cursor + i) % in->entry_count;
        if (same_key(&in->entries[at], key, in->factor_count)) {
            *cursor = at + 1;
            return &in->entries[at];
        }
    }
    return NULL;
}

static bool agrees(const an_baseline_entry *before, const an_baseline_entry *now,
                   const an_tolerance *tolerance) {
    if (!before || !now || before->present != now->present ||
        strcmp(before->unit, now->unit) != 0) {
        return false;
    }
    if (!before->present || before->value == now->value) {
        return true;
    }
    double distance = fabs(now->value - before->value);
    double allowed = tolerance->amount * (tolerance->relative ? fabs(before->value) : 1.0);
    return distance <= allowed;
}

static void describe_row(const an_baseline *baseline, const an_baseline_entry *entry,
                         char text[ROW_BYTES]) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < baseline->factor_count && used < ROW_BYTES; i++) {
        int length = snprintf(text + used, ROW_BYTES - used, "%s%s=%s", i > 0 ? " " : "",
                              baseline->factors[i], entry->values[i]);
        used += length > 0 ? (size_t)length : 0;
    }
    if (an_entries_is_claim(entry->column)) {
        snprintf(text, ROW_BYTES, "(claim)");
    } else if (baseline->factor_count == 0) {
        snprintf(text, ROW_BYTES, "(one row)");
    }
}

static void describe_value(const an_baseline_entry *entry, char text[ROW_BYTES]) {
    char number[AN_NUMBER_BYTES] = "-";
    if (!entry) {
        snprintf(text, ROW_BYTES, "no such row");
        return;
    }
    if (entry->present) {
        an_number_exact(entry->value, number);
    }
    bool plain = !entry->present || strcmp(entry->unit, "1") == 0;
    snprintf(text, ROW_BYTES, "%s%s%.40s", number, plain ? "" : " ", plain ? "" : entry->unit);
}

static void put_difference(FILE *out, const an_baseline *baseline,
                           const an_baseline_entry *before, const an_baseline_entry *now) {
    char row[ROW_BYTES];
    char old_value[ROW_BYTES];
    char new_value[ROW_BYTES];
    char change[AN_NUMBER_BYTES] = "";
    const an_baseline_entry *key = before ? before : now;
    describe_row(baseline, key, row);
    describe_value(before, old_value);
    describe_value(now, new_value);
    if (before && now && before->present && now->present && before->value != 0.0 &&
        strcmp(before->unit, now->unit) == 0) {
        double percent = (now->value - before->value) / fabs(before->value) * 100.0;
        snprintf(change, sizeof change, "  %+.3g %%", percent);
    }
    fprintf(out, "  %-28s  %-28s  %22s  %22s%s\n", row, key->column, old_value, new_value,
            change);
}

/* Goes over both lists; with out NULL only counts. */
static uint32_t differences(const an_baseline *baseline, const an_baseline *now, FILE *out,
                            uint32_t *matched) {
    uint32_t count = 0;
    uint32_t cursor = 0;
    *matched = 0;
    for (uint32_t i = 0; i < baseline->entry_count; i++) {
        const an_baseline_entry *before = &baseline->entries[i];
        const an_baseline_entry *found = find(now, before, &cursor);
        *matched += found != NULL;
        if (!agrees(before, found, an_entries_tolerance(baseline, before->column)) &&
            ++count <= SHOWN_MAX && out) {
            put_difference(out, baseline, before, found);
        }
    }
    cursor = 0;
    for (uint32_t i = 0; i < now->entry_count; i++) {
        if (!find(baseline, &now->entries[i], &cursor) && ++count <= SHOWN_MAX && out) {
            put_difference(out, baseline, NULL, &now->entries[i]);
        }
    }
    if (out && count > SHOWN_MAX) {
        fprintf(out, "  ... and %u more\n", count - SHOWN_MAX);
    }
    return count;
}

static cg_status check_factors(const an_baseline *baseline, const an_database *database,
                               const char *baseline_path, cg_error *error) {
    bool same = baseline->factor_count == database->factor_count;
    for (uint32_t i = 0; same && i < baseline->factor_count; i++) {
        same = strcmp(baseline->factors[i], database->factors[i].name) == 0;
    }
    if (same) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "%s matches no row: its factors are not those of experiment %s in %s",
                        baseline_path, database->experiment, database->path);
}

static cg_status compare(an_database *database, const an_baseline *baseline,
                         const char *baseline_path, FILE *out, an_verdict *verdict,
                         cg_error *error) {
    an_sheet sheet;
    an_baseline now = {0};
    cg_status status = check_factors(baseline, database, baseline_path, error);
    if (status == CG_OK) {
        status = build(database, baseline, baseline_path, &sheet, error);
    }
    if (status == CG_OK) {
        status = an_entries_make(database, &sheet, &now, error);
    }
    if (status != CG_OK) {
        return status;
    }
    uint32_t matched = 0;
    uint32_t count = differences(baseline, &now, NULL, &matched);
    if (matched == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s matches no row of experiment %s in %s",
                            baseline_path, database->experiment, database->path);
    }
    if (count == 0) {
        fprintf(out, "check: all %u figures of %s agree with %s\n", matched,
                database->experiment, baseline_path);
        *verdict = AN_VERDICT_SAME;
        return CG_OK;
    }
    fprintf(out, "check: %u of %u figures of %s differ from %s\n", count, baseline->entry_count,
            database->experiment, baseline_path);
    fprintf(out, "  %-28s  %-28s  %22s  %22s  change\n", "row", "column", "baseline", "now");
    (void)differences(baseline, &now, out, &matched);
    *verdict = AN_VERDICT_DIFFER;
    return CG_OK;
}

static cg_status flush_out(FILE *out, cg_error *error) {
    if (fflush(out) != 0 || ferror(out)) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write the outcome: %s",
                            strerror(errno));
    }
    return CG_OK;
}

cg_status an_check(const char *database_path, const char *baseline_path, FILE *out,
                   an_verdict *verdict, cg_error *error) {
    an_baseline baseline;
    an_database database;
    cg_status status = an_baseline_read(baseline_path, &baseline, error);
    if (status != CG_OK) {
        return status;
    }
    status = an_database_open(database_path, baseline.experiment, &database, error);
    if (status == CG_OK) {
        an_verdict found = AN_VERDICT_DIFFER;
        status = compare(&database, &baseline, baseline_path, out, &found, error);
        if (status == CG_OK) {
            status = flush_out(out, error);
        }
        if (status == CG_OK) {
            *verdict = found;
        }
        an_database_close(&database);
    }
    an_baseline_deinit(&baseline);
    return status;
}

/* The columns of the table views, each once, without wall figures; all figures when there are
 * none. */
static cg_status default_columns(an_database *database, an_baseline *into, cg_error *error) {
    static const an_tolerance exact = {.text = "exact"};
    uint32_t capacity = 0;
    const char **split = NULL;
    uint32_t count = 0;
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < database->view_count && status == CG_OK; i++) {
        if (!database->views[i].is_plot) {
            status = an_column_split(database, database->views[i].text, &split, &count, error);
            capacity += count;
        }
    }
    if (status == CG_OK && capacity == 0) {
        status = an_column_all(database, &into->columns, &into->column_count, error);
        capacity = into->column_count;
    } else if (status == CG_OK) {
        into->columns = an_pool_take(&database->pool, capacity, sizeof *into->columns);
    }
    into->tolerances = an_pool_take(&database->pool, capacity, sizeof *into->tolerances);
    if (status == CG_OK && (!into->columns || !into->tolerances)) {
        status = an_out_of_memory(error);
    }
    for (uint32_t i = 0; i < database->view_count && status == CG_OK; i++) {
        count = 0;
        if (!database->views[i].is_plot) {
            status = an_column_split(database, database->views[i].text, &split, &count, error);
        }
        for (uint32_t j = 0; j < count && status == CG_OK; j++) {
            an_column column;
            status = an_column_resolve(database, split[j], &column, error);
            bool repeated = false;
            for (uint32_t k = 0; k < into->column_count; k++) {
                repeated = repeated || strcmp(into->columns[k], split[j]) == 0;
            }
            if (status == CG_OK && !column.wall && !repeated) {
                into->columns[into->column_count++] = split[j];
            }
        }
    }
    for (uint32_t i = 0; i < into->column_count && status == CG_OK; i++) {
        into->tolerances[i] = exact;
    }
    return status;
}

static cg_status check_finished(const an_database *database, cg_error *error) {
    uint32_t open = 0;
    for (uint32_t i = 0; i < database->point_count; i++) {
        open += database->points[i].state != AN_STATE_DONE;
    }
    if (open == 0) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "%u of %u points of experiment %s in %s have failed or not run: a "
                        "baseline needs all of them",
                        open, database->point_count, database->experiment, database->path);
}

cg_status an_bless(const char *database_path, const char *baseline_path, const char *experiment,
                   FILE *out, cg_error *error) {
    an_baseline old = {0};
    an_database database;
    cg_error reading = {0};
    cg_status status = an_baseline_read(baseline_path, &old, &reading);
    bool exists = status == CG_OK;
    if (!exists && status != CG_ERROR_NOT_FOUND) {
        return cg_error_set(error, status, "%s", reading.message);
    }
    const char *wanted = experiment ? experiment : old.experiment;
    status = an_database_open(database_path, wanted, &database, error);
    if (status != CG_OK) {
        an_baseline_deinit(&old);
        return status;
    }
    an_baseline fresh = {.experiment = database.experiment};
    bool keep = exists && strcmp(old.experiment, database.experiment) == 0;
    an_sheet sheet;
    status = check_finished(&database, error);
    if (status == CG_OK && keep) {
        fresh.columns = old.columns;
        fresh.tolerances = old.tolerances;
        fresh.column_count = old.column_count;
    } else if (status == CG_OK) {
        status = default_columns(&database, &fresh, error);
    }
    if (status == CG_OK) {
        status = build(&database, &fresh, baseline_path, &sheet, error);
    }
    if (status == CG_OK) {
        status = an_entries_make(&database, &sheet, &fresh, error);
    }
    if (status == CG_OK) {
        status = an_entries_add_columns(&database.pool, &fresh, error);
    }
    if (status == CG_OK) {
        status = an_baseline_write(baseline_path, &fresh, error);
    }
    if (status == CG_OK) {
        fprintf(out, "bless: %u figures of %s are now %s\n", fresh.entry_count,
                fresh.experiment, baseline_path);
        status = flush_out(out, error);
    }
    an_database_close(&database);
    an_baseline_deinit(&old);
    return status;
}
