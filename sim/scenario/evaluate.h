/* Evaluating a scenario's text in this process: source in, plan out.
 *
 * CPU time is bounded only by the instruction budget, which C functions of Lua escape
 * (sandbox.h): callers run this in a process whose CPU time is limited (load.c), or accept that
 * (hooks, in a point's process).
 */
#ifndef SIM_SCENARIO_EVALUATE_H
#define SIM_SCENARIO_EVALUATE_H

#include "sim/scenario/sandbox.h"
#include "sim/scenario/scenario.h"

typedef struct sim_evaluation {
    const char *file; /* for messages */
    const char *library;
    const char *source;
    size_t source_bytes;
    const sim_scenario_setting *settings;
    uint32_t setting_count;
    uint64_t seed; /* of the run */
    sim_sandbox_limits limits;
} sim_evaluation;

/* What a plan and a point's hooks are evaluated with. */
sim_sandbox_limits sim_evaluate_limits(void);

/* A plan with options texts, without file, question and source. */
cg_status sim_evaluate(const sim_evaluation *evaluation, sim_plan **out, uint64_t *module_hash,
                       cg_error *error);

/* Evaluates the text in a sandbox that stays open, and leaves on its stack the table that the
 * point function returned for one point. */
cg_status sim_evaluate_point(const sim_evaluation *evaluation, const sim_point_plan *point,
                             sim_sandbox **out, cg_error *error);

#endif
