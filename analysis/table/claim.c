/* Claims: reading and judging. */
#include "analysis/table/claim.h"

#include <math.h>
#include <string.h>

#include "analysis/table/sheet.h"

/* --- Reading. --- */

static cg_status count_claims(an_database *database, uint32_t *out, cg_error *error) {
    sqlite3_stmt *statement = NULL;
    bool more = false;
    cg_status status = an_database_query(
        database, "SELECT count(*) FROM claim WHERE experiment_name = ?1", &statement, error);
    if (status == CG_OK) {
        status = an_database_step(database, statement, &more, error);
    }
    if (status == CG_OK) {
        *out = (uint32_t)sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return status;
}

/* Copies a column's text, cut to `capacity`; "" for NULL. */
static void copy_text(sqlite3_stmt *statement, int column, char *text, size_t capacity) {
    const unsigned char *stored = sqlite3_column_text(statement, column);
    snprintf(text, capacity, "%s", stored ? (const char *)stored : "");
}

static bool is_null(sqlite3_stmt *statement, int column) {
    return sqlite3_column_type(statement, column) == SQLITE_NULL;
}

static bool take_verdict(sqlite3_stmt *statement, int column, cg_claim_verdict *out) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    *out = CG_CLAIM_OPEN;
    return !text || cg_claim_verdict_parse((const char *)text, out);
}

static bool take_outcome(sqlite3_stmt *statement, cg_claim_outcome *out) {
    out->value = sqlite3_column_double(statement, 10);
    out->has_interval = !is_null(statement, 11);
    out->low = sqlite3_column_double(statement, 11);
    out->high = sqlite3_column_double(statement, 12);
    out->wall = sqlite3_column_int(statement, 13) != 0;
    copy_text(statement, 14, out->place, sizeof out->place);
    copy_text(statement, 15, out->reason, sizeof out->reason);
    return take_verdict(statement, 16, &out->verdict) &&
           take_verdict(statement, 17, &out->aim_verdict);
}

static cg_status take_claim(an_database *database, sqlite3_stmt *statement, an_claim *claim,
                            cg_error *error) {
    const char **texts[] = {&claim->name, &claim->metric, &claim->statistic, &claim->selector,
                            &claim->over, &claim->unit,   &claim->note};
    for (int i = 0; i < 7; i++) {
        *texts[i] = an_database_text(database, statement, i);
        if (!*texts[i]) {
            return an_out_of_memory(error);
        }
    }
    if (is_null(statement, 4)) {
        claim->over = NULL;
    }
    const unsigned char *op = sqlite3_column_text(statement, 7);
    claim->bound = sqlite3_column_double(statement, 8);
    claim->has_aim = !is_null(statement, 9);
    claim->aim = sqlite3_column_double(statement, 9);
    if (!op || !cg_claim_operator_parse((const char *)op, &claim->op) ||
        !take_outcome(statement, &claim->outcome)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s: claim %s has an unknown operator or verdict", database->path,
                            claim->name);
    }
    return CG_OK;
}

cg_status an_claims_read(an_database *database, an_claim **out, uint32_t *count,
                         cg_error *error) {
    static const char sql[] =
        "SELECT claim_name, metric, statistic, selector, over_selector, unit, note, operator, "
        "bound, aim, value, low, high, wall, place, reason, verdict, aim_verdict FROM claim "
        "WHERE experiment_name = ?1 ORDER BY claim_index";
    uint32_t capacity = 0;
    cg_status status = count_claims(database, &capacity, error);
    if (status != CG_OK) {
        return status;
    }
    an_claim *claims = an_pool_take(&database->pool, capacity, sizeof *claims);
    sqlite3_stmt *statement = NULL;
    if (!claims) {
        return an_out_of_memory(error);
    }
    status = an_database_query(database, sql, &statement, error);
    bool more = status == CG_OK;
    uint32_t found = 0;
    while (more && found < capacity) {
        status = an_database_step(database, statement, &more, error);
        more = more && status == CG_OK;
        if (more) {
            status = take_claim(database, statement, &claims[found++], error);
            more = status == CG_OK;
        }
    }
    sqlite3_finalize(statement);
    *out = claims;
    *count = found;
    return status;
}

/* --- Judging. --- */

/* A claim being judged: its column's cells at every combination, and which of them count. */
typedef struct trial {
    an_database *database;
    const an_claim *claim;
    an_sheet sheet;
    const uint32_t *where; /* [factor_count] index of a value; UINT32_MAX: any */
    const uint32_t *over;  /* NULL: no ratio */
    cg_claim_scale scale;
    cg_claim_outcome *outcome;
} trial;

/* The claim stays open, for a reason. */
static void leave_open(const trial *self, const char *reason) {
    self->outcome->verdict = CG_CLAIM_OPEN;
    self->outcome->aim_verdict = CG_CLAIM_OPEN;
    snprintf(self->outcome->reason, sizeof self->outcome->reason, "%s", reason);
}

/* One "factor=value" of `length` bytes; false when there is no such factor or value. */
static bool take_condition(const an_database *database, const char *line, size_t length,
                           uint32_t *values) {
    for (uint32_t f = 0; f < database->factor_count; f++) {
        const an_factor *factor = &database->factors[f];
        size_t name = strlen(factor->name);
        if (length <= name || memcmp(line, factor->name, name) != 0 || line[name] != '=') {
            continue;
        }
        for (uint32_t v = 0; v < factor->value_count; v++) {
            if (strlen(factor->values[v]) == length - name - 1 &&
                memcmp(factor->values[v], line + name + 1, length - name - 1) == 0) {
                values[f] = v;
                return true;
            }
        }
    }
    return false;
}

static cg_status read_selector(an_database *database, const an_claim *claim, const char *text,
                               const uint32_t **out, cg_error *error) {
    uint32_t *values = an_pool_take(&database->pool, database->factor_count, sizeof *values);
    if (!values) {
        return an_out_of_memory(error);
    }
    for (uint32_t f = 0; f < database->factor_count; f++) {
        values[f] = UINT32_MAX;
    }
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (!take_condition(database, line, length, values)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "%s: claim %s selects \"%.*s\", which no point is",
                                database->path, claim->name, (int)length, line);
        }
        line += length + (line[length] == '\n');
    }
    *out = values;
    return CG_OK;
}

static bool is_selected(const trial *self, const an_sheet_row *row) {
    for (uint32_t f = 0; f < self->database->factor_count; f++) {
        if (self->where[f] != UINT32_MAX && self->where[f] != row->value_index[f]) {
            return false;
        }
    }
    return true;
}

/* The row of the same combination but for what `over` names; NULL when there is none, which a
 * plan of all combinations excludes. */
static const an_sheet_row *row_over(const trial *self, const an_sheet_row *row) {
    for (uint32_t i = 0; i < self->sheet.row_count; i++) {
        const an_sheet_row *other = &self->sheet.rows[i];
        bool same = true;
        for (uint32_t f = 0; f < self->database->factor_count; f++) {
            uint32_t wanted = self->over[f] != UINT32_MAX ? self->over[f] : row->value_index[f];
            same = same && other->value_index[f] == wanted;
        }
        if (same) {
            return other;
        }
    }
    return NULL;
}

/* "nodes=1K, hosts=4" */
static void describe(const an_database *database, const an_sheet_row *row, char *text,
                     size_t capacity) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t f = 0; f < database->factor_count && used < capacity; f++) {
        const an_factor *factor = &database->factors[f];
        int length = snprintf(text + used, capacity - used, "%s%s=%s", f > 0 ? ", " : "",
                              factor->name, factor->values[row->value_index[f]]);
        used += length > 0 ? (size_t)length : 0;
    }
}

/* All repetitions are done and state the figure; otherwise the claim is open. */
static bool is_whole(const trial *self, const an_sheet_row *row) {
    char place[256];
    char reason[CG_ERROR_MESSAGE_BYTES];
    uint32_t lacking = row->failed + row->pending;
    if (lacking == 0 && row->cells[0].present) {
        return true;
    }
    describe(self->database, row, place, sizeof place);
    const char *at = *place ? " at " : "";
    if (lacking > 0) {
        snprintf(reason, sizeof reason, "%u of %u points%s%s %s", lacking, lacking + row->done,
                 at, place, row->failed > 0 ? "failed" : "have not run");
    } else {
        snprintf(reason, sizeof reason, "no point%s%s states %.100s", at, place,
                 self->sheet.columns[0].name);
    }
    leave_open(self, reason);
    return false;
}

/* The figure of a row in *out; false when there is none, and the claim is open. */
static bool take_figure(const trial *self, const an_sheet_row *row, an_estimate *out) {
    if (!is_whole(self, row)) {
        return false;
    }
    *out = row->cells[0].estimate;
    if (!self->over) {
        return true;
    }
    const an_sheet_row *below = row_over(self, row);
    if (!below || !is_whole(self, below)) {
        return false;
    }
    double ratio = out->value / below->cells[0].estimate.value;
    if (!isfinite(ratio)) {
        char place[256];
        char reason[CG_ERROR_MESSAGE_BYTES];
        describe(self->database, below, place, sizeof place);
        snprintf(reason, sizeof reason, "there is no ratio to %.15g at %s",
                 below->cells[0].estimate.value, place);
        leave_open(self, reason);
        return false;
    }
    *out = (an_estimate){.value = ratio};
    return true;
}

/* Of two figures, whether the first is nearer to missing the bound, or misses it further. */
static bool is_worse(const trial *self, double one, double other) {
    double bound = self->claim->bound / self->scale.bound_divisor;
    switch (self->claim->op) {
    case CG_CLAIM_LESS:
    case CG_CLAIM_AT_MOST:
        return one > other;
    case CG_CLAIM_MORE:
    case CG_CLAIM_AT_LEAST:
        return one < other;
    default:
        return fabs(one / self->scale.figure_divisor - bound) >
               fabs(other / self->scale.figure_divisor - bound);
    }
}

static cg_claim_verdict verdict_of(const trial *self, double figure, double bound) {
    return cg_claim_holds(self->claim->op, self->scale, figure, bound) ? CG_CLAIM_MET
                                                                       : CG_CLAIM_MISSED;
}

static void put_outcome(const trial *self, const an_estimate *worst) {
    cg_claim_outcome *outcome = self->outcome;
    outcome->value = cg_claim_in_bound_unit(self->scale, worst->value);
    outcome->has_interval = worst->has_interval;
    outcome->low = cg_claim_in_bound_unit(self->scale, worst->low);
    outcome->high = cg_claim_in_bound_unit(self->scale, worst->high);
    outcome->verdict = verdict_of(self, worst->value, self->claim->bound);
    if (self->claim->has_aim) {
        outcome->aim_verdict = verdict_of(self, worst->value, self->claim->aim);
    }
}

static void judge_rows(const trial *self) {
    const an_sheet_row *worst_row = NULL;
    an_estimate worst = {0};
    uint32_t selected = 0;
    for (uint32_t i = 0; i < self->sheet.row_count; i++) {
        const an_sheet_row *row = &self->sheet.rows[i];
        an_estimate figure = {0};
        if (!is_selected(self, row)) {
            continue;
        }
        if (!take_figure(self, row, &figure)) {
            return;
        }
        if (selected++ == 0 || is_worse(self, figure.value, worst.value)) {
            worst = figure;
            worst_row = row;
        }
    }
    if (!worst_row) { /* a selector that the plan's combinations exclude */
        leave_open(self, "no point is what it selects");
        return;
    }
    if (selected > 1) {
        describe(self->database, worst_row, self->outcome->place, sizeof self->outcome->place);
    }
    put_outcome(self, &worst);
}

/* Finds the column's cells and how they compare with the bound. *open: they do not. */
static cg_status prepare(trial *self, bool *open, cg_error *error) {
    const an_claim *claim = self->claim;
    char column[256];
    snprintf(column, sizeof column, "%.120s:%.120s", claim->metric, claim->statistic);
    const char *columns[] = {column};
    an_sheet_request request = {.columns = columns, .column_count = 1};
    cg_error why = {0};
    cg_status status = an_sheet_build(self->database, &request, &self->sheet, &why);
    *open = status == CG_ERROR_NOT_FOUND || status == CG_ERROR_INVALID;
    if (*open) {
        leave_open(self, why.message);
        return CG_OK;
    }
    if (status != CG_OK) {
        return cg_error_set(error, status, "%s", why.message);
    }
    const an_column *found = &self->sheet.columns[0];
    self->outcome->wall = found->wall;
    *open = !cg_claim_scale_of(self->over ? "x" : found->unit, claim->unit, &self->scale);
    if (*open) {
        char reason[CG_ERROR_MESSAGE_BYTES];
        snprintf(reason, sizeof reason, "%.100s is in %.40s, which cannot be stated in %.40s",
                 found->name, found->unit, claim->unit);
        leave_open(self, reason);
    }
    return CG_OK;
}

static cg_status judge(an_database *database, const an_claim *claim, cg_claim_outcome *outcome,
                       cg_error *error) {
    trial self = {.database = database, .claim = claim, .outcome = outcome};
    *outcome = (cg_claim_outcome){.verdict = CG_CLAIM_OPEN};
    bool open = false;
    cg_status status = read_selector(database, claim, claim->selector, &self.where, error);
    if (status == CG_OK && claim->over) {
        status = read_selector(database, claim, claim->over, &self.over, error);
    }
    if (status == CG_OK) {
        status = prepare(&self, &open, error);
    }
    if (status == CG_OK && !open) {
        judge_rows(&self);
    }
    return status;
}

cg_status an_claims_judge(const char *path, const char *experiment, cg_claim_outcome *outcomes,
                          uint32_t count, cg_error *error) {
    an_database database;
    an_claim *claims = NULL;
    uint32_t found = 0;
    cg_status status = an_database_open(path, experiment, &database, error);
    if (status != CG_OK) {
        return status;
    }
    status = an_claims_read(&database, &claims, &found, error);
    if (status == CG_OK && found != count) {
        status = cg_error_set(error, CG_ERROR_NOT_FOUND,
                              "%s holds %u claims of experiment %s, not %u: another run has "
                              "replaced the experiment",
                              path, found, database.experiment, count);
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        status = judge(&database, &claims[i], &outcomes[i], error);
    }
    an_database_close(&database);
    return status;
}

void an_claims_count(const an_claim *claims, uint32_t count,
                     uint32_t verdicts[CG_CLAIM_VERDICTS]) {
    memset(verdicts, 0, CG_CLAIM_VERDICTS * sizeof *verdicts);
    for (uint32_t i = 0; i < count; i++) {
        verdicts[claims[i].outcome.verdict]++;
    }
}
