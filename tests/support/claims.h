/* Claims for the small result database of tests/support/results.h, judged as a run does it. */
#ifndef CG_TESTS_SUPPORT_CLAIMS_H
#define CG_TESTS_SUPPORT_CLAIMS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/table/claim.h"
#include "tests/support/results.h"
#include "tests/support/support.h"

typedef struct claim_text {
    const char *name;
    const char *column;
    const char *selector;
    const char *over; /* NULL: no ratio */
    cg_claim_operator op;
    double bound;
    const char *unit;
    double aim; /* 0: none */
    const char *note;
} claim_text;

static char *claims_copy(const char *text) {
    char *copy = text ? strdup(text) : NULL;
    assert_true(!text || copy);
    return copy;
}

static sim_plan *claims_plan(const claim_text *texts, uint32_t count) {
    sim_plan *plan = results_plan();
    plan->claims = calloc(count, sizeof *plan->claims);
    assert_non_null(plan->claims);
    plan->claim_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const claim_text *text = &texts[i];
        plan->claims[i] = (sim_claim_plan){.name = claims_copy(text->name),
                                           .column = claims_copy(text->column),
                                           .selector = claims_copy(text->selector),
                                           .over = claims_copy(text->over),
                                           .op = text->op,
                                           .bound = text->bound,
                                           .unit = claims_copy(text->unit),
                                           .has_aim = text->aim != 0.0,
                                           .aim = text->aim,
                                           .note = claims_copy(text->note ? text->note : "")};
    }
    return plan;
}

static void claims_store(const char *path, const sim_plan *plan, uint32_t point,
                         double factor) {
    cg_error error = {0};
    bool failed = true;
    char *text = results_rows(plan, point, factor);
    assert_ok(sim_recorder_point(path, plan, point, text, NULL, &failed, &error), error);
    assert_false(failed);
    free(text);
}

/* Judges, stores the outcomes, and gives them; free with free(). */
static cg_claim_outcome *claims_judge(const char *path, const sim_plan *plan) {
    cg_error error = {0};
    cg_claim_outcome *outcomes = calloc(plan->claim_count, sizeof *outcomes);
    assert_non_null(outcomes);
    assert_ok(an_claims_judge(path, plan->name, outcomes, plan->claim_count, &error), error);
    assert_ok(sim_recorder_claims(path, plan, outcomes, &error), error);
    return outcomes;
}

/* The whole run: begin, every point, claims, fingerprint. */
static uint64_t claims_make(const char *path, const claim_text *texts, uint32_t count,
                            double factor) {
    cg_error error = {0};
    uint64_t fingerprint = 0;
    sim_plan *plan = claims_plan(texts, count);
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        claims_store(path, plan, i, factor);
    }
    free(claims_judge(path, plan));
    assert_ok(sim_recorder_finish(path, plan, &fingerprint, &error), error);
    results_plan_free(plan);
    return fingerprint;
}

#endif
