/* The result database: one transaction for the plan, one a point, one for the fingerprint. */
#include "sim/record/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "results/schema.h"
#include "sim/record/content.h"
#include "sim/record/fingerprint.h"
#include "sim/record/rows_read.h"
#include "sim/record/store.h"

enum { HEX_BYTES = 17, NAME_BYTES = 160 };

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

static cg_status put_experiment(sim_store *store, const sim_plan *plan, cg_error *error) {
    char hash[HEX_BYTES];
    snprintf(hash, sizeof hash, "%016" PRIx64, plan->source_hash);
    return sim_store_run(store,
                         "INSERT INTO experiment (experiment_name, file, question, source, "
                         "source_hash, repetitions, point_count) VALUES (?, ?, ?, ?, ?, ?, ?)",
                         error, "tttttii", plan->name, text_or_empty(plan->file),
                         text_or_empty(plan->question), text_or_empty(plan->source), hash,
                         (int64_t)plan->repetitions, (int64_t)plan->point_count);
}

static cg_status put_factors(sim_store *store, const sim_plan *plan, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < plan->factor_count && status == CG_OK; i++) {
        const sim_factor *factor = &plan->factors[i];
        status = sim_store_run(
            store, "INSERT INTO factor (experiment_name, factor_index, name) VALUES (?, ?, ?)",
            error, "tit", plan->name, (int64_t)i, factor->name);
        for (uint32_t j = 0; j < factor->value_count && status == CG_OK; j++) {
            status = sim_store_run(store,
                                   "INSERT INTO factor_value (experiment_name, factor_index, "
                                   "value_index, value) VALUES (?, ?, ?, ?)",
                                   error, "tiit", plan->name, (int64_t)i, (int64_t)j,
                                   factor->values[j]);
        }
    }
    return status;
}

static cg_status put_points(sim_store *store, const sim_plan *plan, cg_error *error) {
    sqlite3_stmt *point = NULL;
    sqlite3_stmt *value = NULL;
    cg_status status =
        sim_store_prepare(store,
                          "INSERT INTO point (experiment_name, point_index, repetition, state, "
                          "options) VALUES (?, ?, ?, 'pending', ?)",
                          &point, error);
    if (status == CG_OK) {
        status = sim_store_prepare(store,
                                   "INSERT INTO point_factor (experiment_name, point_index, "
                                   "factor_index, value_index) VALUES (?, ?, ?, ?)",
                                   &value, error);
    }
    for (uint32_t i = 0; i < plan->point_count && status == CG_OK; i++) {
        const sim_point_plan *planned = &plan->points[i];
        status =
            sim_store_step(store, point, error, "tiit", plan->name, (int64_t)planned->index,
                           (int64_t)planned->repetition, planned->options_text);
        for (uint32_t j = 0; j < plan->factor_count && status == CG_OK; j++) {
            status =
                sim_store_step(store, value, error, "tiii", plan->name, (int64_t)planned->index,
                               (int64_t)j, (int64_t)planned->value_index[j]);
        }
    }
    sqlite3_finalize(point);
    sqlite3_finalize(value);
    return status;
}

static cg_status put_views(sim_store *store, const sim_plan *plan, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < plan->view_count && status == CG_OK; i++) {
        const sim_view_plan *view = &plan->views[i];
        status = sim_store_run(store,
                               "INSERT INTO \"view\" (experiment_name, view_index, kind, name, "
                               "title, text) VALUES (?, ?, ?, ?, ?, ?)",
                               error, "titttt", plan->name, (int64_t)i,
                               view->is_plot ? "plot" : "table", view->name,
                               text_or_empty(view->title), text_or_empty(view->text));
    }
    return status;
}

/* Open until the run has finished. */
static cg_status put_claims(sim_store *store, const sim_plan *plan, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < plan->claim_count && status == CG_OK; i++) {
        const sim_claim_plan *claim = &plan->claims[i];
        const char *colon = strchr(claim->column, ':');
        size_t length = colon ? (size_t)(colon - claim->column) : 0;
        char metric[NAME_BYTES];
        if (!colon || length >= sizeof metric) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "claim %s: \"%.80s\" is not of the form metric:statistic",
                                claim->name, claim->column);
        }
        memcpy(metric, claim->column, length);
        metric[length] = '\0';
        status = sim_store_run(
            store,
            "INSERT INTO claim (experiment_name, claim_index, claim_name, metric, statistic, "
            "selector, over_selector, operator, bound, unit, note, wall, verdict) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'open')",
            error, "tittttttdtt", plan->name, (int64_t)i, claim->name, metric, colon + 1,
            claim->selector, claim->over, cg_claim_operator_names[claim->op], claim->bound,
            claim->unit, text_or_empty(claim->note));
        if (status == CG_OK && claim->has_aim) {
            status = sim_store_run(store,
                                   "UPDATE claim SET aim = ?, aim_verdict = 'open' WHERE "
                                   "experiment_name = ? AND claim_index = ?",
                                   error, "dti", claim->aim, plan->name, (int64_t)i);
        }
    }
    return status;
}

static cg_status put_provenance(sim_store *store, const sim_plan *plan,
                                const sim_provenance *provenance, uint32_t count,
                                cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        status = sim_store_run(
            store, "INSERT INTO provenance (experiment_name, name, value) VALUES (?, ?, ?)",
            error, "ttt", plan->name, provenance[i].name, text_or_empty(provenance[i].value));
    }
    return status;
}

/* Rolls back by closing when something failed; a rollback of a full disk must not hide the
 * first failure. */
static cg_status commit(sim_store *store, cg_status status, cg_error *error) {
    if (status == CG_OK) {
        status = sim_store_execute(store, "COMMIT", error);
    }
    return status;
}

cg_status sim_recorder_begin(const char *path, const sim_plan *plan,
                             const sim_provenance *provenance, uint32_t provenance_count,
                             cg_error *error) {
    sim_store store;
    cg_status status = sim_store_open(&store, path, true, error);
    if (status != CG_OK) {
        return status;
    }
    bool is_new = false;
    status = sim_store_execute(&store, "BEGIN IMMEDIATE", error);
    if (status == CG_OK) {
        status = sim_store_is_new(&store, &is_new, error);
    }
    if (status == CG_OK && is_new) {
        status = sim_store_execute(&store, cg_schema_sql, error);
    }
    if (status == CG_OK) {
        status = sim_store_run(&store, "DELETE FROM experiment WHERE experiment_name = ?",
                               error, "t", plan->name);
    }
    if (status == CG_OK) {
        status = put_experiment(&store, plan, error);
    }
    if (status == CG_OK) {
        status = put_factors(&store, plan, error);
    }
    if (status == CG_OK) {
        status = put_points(&store, plan, error);
    }
    if (status == CG_OK) {
        status = put_views(&store, plan, error);
    }
    if (status == CG_OK) {
        status = put_claims(&store, plan, error);
    }
    if (status == CG_OK) {
        status = put_provenance(&store, plan, provenance, provenance_count, error);
    }
    status = commit(&store, status, error);
    if (status != CG_OK) {
        sim_store_discard(&store);
        return status;
    }
    sim_store_close(&store);
    return CG_OK;
}

/* Sets the point's state; refuses when the row is not this plan's. */
static cg_status put_state(sim_store *store, const sim_plan *plan, uint32_t point_index,
                           const sim_content_end *end, const char *reason, cg_error *error) {
    cg_status status =
        sim_store_run(store,
                      "UPDATE point SET state = ?, reason = ?, origin = ?, fingerprint = ? "
                      "WHERE experiment_name = ? AND point_index = ? AND options = ?",
                      error, "tttttit", reason ? "failed" : "done", reason,
                      reason ? NULL : end->origin, reason ? NULL : end->fingerprint, plan->name,
                      (int64_t)point_index, plan->points[point_index].options_text);
    if (status != CG_OK || sqlite3_changes(store->db) == 1) {
        return status;
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "point %u of experiment %s is not in %s as planned: another run has "
                        "replaced the experiment",
                        point_index, plan->name, store->path);
}

/* One attempt in one transaction. With a reason the point is stored as failed, otherwise from
 * its text. */
static cg_status try_point(sim_store *store, const sim_plan *plan, uint32_t point_index,
                           char *text, const char *reason, sim_content_end *end,
                           cg_error *error) {
    sim_content_key key = {.experiment_name = plan->name, .point_index = point_index};
    cg_status status = sim_store_execute(store, "BEGIN IMMEDIATE", error);
    if (status == CG_OK) {
        status = sim_content_clear(store, key, error);
    }
    if (status == CG_OK && !reason) {
        status = sim_content_store(store, key, text, end, error);
    }
    if (status == CG_OK) {
        status = put_state(store, plan, point_index, end, reason, error);
    }
    if (status == CG_OK) {
        /* Results changed, so an older fingerprint no longer holds, nor does a verdict. */
        status = sim_store_run(
            store, "UPDATE experiment SET fingerprint = NULL WHERE experiment_name = ?", error,
            "t", plan->name);
    }
    if (status == CG_OK) {
        status = sim_store_run(store,
                               "UPDATE claim SET value = NULL, low = NULL, high = NULL, "
                               "place = NULL, reason = NULL, wall = 0, verdict = 'open', "
                               "aim_verdict = iif(aim IS NULL, NULL, 'open') "
                               "WHERE experiment_name = ?",
                               error, "t", plan->name);
    }
    status = commit(store, status, error);
    if (status != CG_OK) {
        (void)sim_store_execute(store, "ROLLBACK", NULL);
    }
    return status;
}

/* How a point failed: the worker's own words when it had any, else how it died, else what its
 * text lacks. */
static void give_reason(const char *rows_text, const char *death, const cg_error *found,
                        char reason[CG_ERROR_MESSAGE_BYTES]) {
    bool own_words = found->status == CG_ERROR_INVALID;
    if (own_words || !death) {
        snprintf(reason, CG_ERROR_MESSAGE_BYTES, "%s", found->message);
    } else if (!*rows_text) {
        snprintf(reason, CG_ERROR_MESSAGE_BYTES, "%s", death);
    } else {
        snprintf(reason, CG_ERROR_MESSAGE_BYTES, "%.200s (%.280s)", death, found->message);
    }
    sim_rows_clean(reason);
}

cg_status sim_recorder_point(const char *path, const sim_plan *plan, uint32_t point_index,
                             const char *rows_text, const char *death, bool *failed,
                             cg_error *error) {
    CG_ASSERT(point_index < plan->point_count);
    size_t size_bytes = strlen(rows_text) + 1;
    char *text = malloc(size_bytes);
    if (!text) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the %zu bytes of point %u", size_bytes,
                            point_index);
    }
    memcpy(text, rows_text, size_bytes);
    sim_store store;
    cg_status status = sim_store_open(&store, path, false, error);
    if (status != CG_OK) {
        free(text);
        return status;
    }
    sim_content_end end = {0};
    cg_error found = {0};
    status = try_point(&store, plan, point_index, text, NULL, &end, &found);
    bool broken = status != CG_OK && end.broken;
    if (broken) {
        char reason[CG_ERROR_MESSAGE_BYTES];
        give_reason(rows_text, death, &found, reason);
        status = try_point(&store, plan, point_index, NULL, reason, &end, &found);
        if (status == CG_OK) {
            (void)cg_error_set(error, CG_OK, "%s", reason);
        }
    }
    sim_store_close(&store);
    free(text);
    if (status != CG_OK) {
        return cg_error_set(error, status, "%s", found.message);
    }
    *failed = broken;
    return CG_OK;
}

/* Sets what became of one claim; columns that it leaves out are NULL by then. */
static cg_status put_outcome(sim_store *store, const sim_plan *plan, uint32_t index,
                             const cg_claim_outcome *outcome, cg_error *error) {
    static const char judged[] =
        "UPDATE claim SET value = NULL, low = NULL, high = NULL, place = nullif(?, ''), "
        "reason = nullif(?, ''), wall = ?, verdict = 'open', "
        "aim_verdict = iif(aim IS NULL, NULL, 'open') WHERE experiment_name = ? AND "
        "claim_index = ? AND claim_name = ?";
    static const char measured[] =
        "UPDATE claim SET value = ?, verdict = ?, aim_verdict = iif(aim IS NULL, NULL, ?) "
        "WHERE experiment_name = ? AND claim_index = ?";
    static const char interval[] =
        "UPDATE claim SET low = ?, high = ? WHERE experiment_name = ? AND claim_index = ?";
    const char *name = plan->claims[index].name;
    int64_t at = (int64_t)index;
    cg_status status =
        sim_store_run(store, judged, error, "ttitit", outcome->place, outcome->reason,
                      (int64_t)outcome->wall, plan->name, at, name);
    if (status == CG_OK && sqlite3_changes(store->db) != 1) {
        return cg_error_set(
            error, CG_ERROR_NOT_FOUND,
            "claim %s of experiment %s is not in %s as planned: another run has "
            "replaced the experiment",
            name, plan->name, store->path);
    }
    if (status == CG_OK && outcome->verdict != CG_CLAIM_OPEN) {
        status = sim_store_run(store, measured, error, "dttti", outcome->value,
                               cg_claim_verdict_names[outcome->verdict],
                               cg_claim_verdict_names[outcome->aim_verdict], plan->name, at);
    }
    if (status == CG_OK && outcome->verdict != CG_CLAIM_OPEN && outcome->has_interval) {
        status = sim_store_run(store, interval, error, "ddti", outcome->low, outcome->high,
                               plan->name, at);
    }
    return status;
}

cg_status sim_recorder_claims(const char *path, const sim_plan *plan,
                              const cg_claim_outcome *outcomes, cg_error *error) {
    sim_store store;
    cg_status status = sim_store_open(&store, path, false, error);
    if (status != CG_OK) {
        return status;
    }
    status = sim_store_execute(&store, "BEGIN IMMEDIATE", error);
    for (uint32_t i = 0; i < plan->claim_count && status == CG_OK; i++) {
        status = put_outcome(&store, plan, i, &outcomes[i], error);
    }
    status = commit(&store, status, error);
    sim_store_close(&store);
    return status;
}

cg_status sim_recorder_finish(const char *path, const sim_plan *plan, uint64_t *fingerprint,
                              cg_error *error) {
    sim_store store;
    cg_status status = sim_store_open(&store, path, false, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t computed = 0;
    char hex[HEX_BYTES];
    status = sim_store_execute(&store, "BEGIN IMMEDIATE", error);
    if (status == CG_OK) {
        status = sim_fingerprint_compute(&store, plan->name, &computed, error);
    }
    if (status == CG_OK) {
        snprintf(hex, sizeof hex, "%016" PRIx64, computed);
        status = sim_store_run(
            &store, "UPDATE experiment SET fingerprint = ? WHERE experiment_name = ?", error,
            "tt", hex, plan->name);
    }
    if (status == CG_OK && sqlite3_changes(store.db) != 1) {
        status = cg_error_set(error, CG_ERROR_NOT_FOUND, "%s holds no experiment %s", path,
                              plan->name);
    }
    status = commit(&store, status, error);
    sim_store_close(&store);
    if (status == CG_OK) {
        *fingerprint = computed;
    }
    return status;
}

const char *sim_recorder_library_version(void) {
    return sqlite3_libversion();
}
