/* Scenarios: Lua in a sandbox, to a plan of typed points (spec H1-H3).
 *
 * This is the only code that sees Lua. The file is evaluated in a forked child with limits on
 * CPU time, memory and instructions, without files, processes, clock, randomness or coroutines;
 * what comes back through a pipe is plain data, checked again. A scenario returns one table:
 *
 *   name         text of a-z, 0-9, _ and -, at most 64
 *   factors      list of { "name", { value, value, ... } }; values are texts, numbers, booleans
 *   repetitions  1..10000, default 1
 *   point        function(factor) -> options table (sim/scenario/options.h), where factor has
 *                each factor's value and factor.repetition (1-based); called once a point;
 *                reading a factor that is none is an error. The table may also hold phases
 *                and faults and random (lists, options.h) and hooks (a list, below)
 *   tables       list of { name =, title =, columns = { "metric:statistic", ... } }
 *   plots        list of { name =, title =, x = factor, y = "metric:statistic",
 *                series = factor or nil, log = "x", "y", "xy" or nil, kind =, where = };
 *                kind is "curve" (over factor x; the default), "timeline" (over time, no x)
 *                or "reliability" (share of right decisions over confidence, no x and y);
 *                where is { factor = value, ... }, the points to take, or nil for all
 *   claims       list of { id = "CL-33", metric = "metric:statistic", where =, over =, op =,
 *                bound =, unit =, aim =, note = }, judged when the run has finished: every
 *                combination that where takes must satisfy op (<, <=, >, >=, =) bound; with
 *                over, { factor = value, ... }, the figure is the ratio to that at the same
 *                combination with these values; unit is of bound and aim (results/claim.h),
 *                "1" or with over "x" unless given; aim lies beyond bound and is judged too
 *
 * A script may not read or assign undeclared globals; pairs goes up by key; there is no print.
 * `require "scenarios.lib.clusters"` loads a module from scenarios/lib (found beside the
 * program's root), and nothing else. Unknown keys are errors naming the key, where it stands
 * and the nearest known key.
 */
#ifndef SIM_SCENARIO_SCENARIO_H
#define SIM_SCENARIO_SCENARIO_H

#include "engine/base/status.h"
#include "results/claim.h"
#include "sim/scenario/options.h"

/* One --set path=value. */
typedef struct sim_scenario_setting {
    const char *path;
    const char *value;
} sim_scenario_setting;

typedef struct sim_scenario_request {
    const char *file;    /* path of the Lua file */
    const char *library; /* folder of scenarios/lib */
    const sim_scenario_setting *settings;
    uint32_t setting_count; /* applied last, to every point */
    uint64_t seed;          /* of the run */
} sim_scenario_request;

typedef struct sim_factor {
    char *name;
    char **values; /* as text, as written: "1K", "4" */
    uint32_t value_count;
} sim_factor;

typedef struct sim_point_plan {
    uint32_t index;        /* 0-based: repetition varies fastest, then the last factor */
    uint32_t *value_index; /* [factor_count] */
    uint32_t repetition;   /* 1-based */
    char *options_text;    /* canonical (sim_options_format) */
} sim_point_plan;

/* A table or a plot. */
typedef struct sim_view_plan {
    bool is_plot;
    char *name;
    char *title;
    /* Lines: "metric:statistic" of a table; of a plot "key=value", where key is x, y, series,
     * log, kind or where.FACTOR. */
    char *text;
} sim_view_plan;

/* A figure held to a bound. */
typedef struct sim_claim_plan {
    char *name;     /* "CL-33" */
    char *column;   /* "metric:statistic" */
    char *selector; /* a line "factor=value" each, without a last line end; "" for all points */
    char *over;     /* as selector; NULL: the figure itself, no ratio */
    cg_claim_operator op;
    double bound; /* in unit, and so is aim */
    char *unit;
    bool has_aim;
    double aim;
    char *note; /* "" without one */
} sim_claim_plan;

typedef struct sim_plan {
    char *name;
    char *file;
    char *question;       /* the file's leading comment, without dashes */
    char *source;         /* the whole text, which is re-evaluated for hooks */
    uint64_t source_hash; /* of the text and of the modules it loaded */
    sim_factor *factors;
    uint32_t factor_count;
    uint32_t repetitions;
    sim_point_plan *points;
    uint32_t point_count;
    sim_view_plan *views;
    uint32_t view_count;
    sim_claim_plan *claims;
    uint32_t claim_count;
} sim_plan;

cg_status sim_scenario_plan(const sim_scenario_request *request, sim_plan **out,
                            cg_error *error);
void sim_plan_free(sim_plan *plan);

/* Hooks run in simulated time, inside the point's own process, and never block. A hook is
 *
 *   { at = time, run = f }, or
 *   { when = g, every = interval, run = f, times = n }
 *
 * g(live) is asked every interval (default 10 ms) from time 0 on, and f(control, live) is
 * called when it says true, at most n times (default 1). control has
 *
 *   partition { 0, 2, one_way = true, name = "east" }, flap { 3, period = "200ms" }
 *   heal(), heal("east")
 *   latency("1ms"), jitter("1ms"), bandwidth("1Mbps"), loss(0.1), duplicate, reorder, corrupt;
 *     each with a table as second argument, latency("1ms", { from = { 0 }, to = "4-7" })
 *   crash { 1, down = "500ms", torn = true }, restart(1), disk_loss, corrupt_writes { 1, value = 3 },
 *     bit_rot, slow_disk { 1, value = 10 }, slow_host, clock { 2, skew = "-3h", drift_ppm = 50 }
 *   note("text")
 *
 * with the fields that the same action has in the list of faults.
 *
 * live["latency.p99"] is a metric in base units; one that does not exist is an error. Each call
 * has a budget of 10 million instructions; string patterns escape it, so the caller bounds the
 * process's CPU time. */
typedef struct sim_hooks sim_hooks;

typedef struct sim_live_metric {
    const char *name; /* "latency.p99" */
    double value;
} sim_live_metric;

/* What a hook asked for: a fault to apply now (at_ns is not set), or a note. */
typedef struct sim_hook_action {
    bool is_note;
    sim_fault fault;
    char note[256];
} sim_hook_action;

/* Evaluates the source again for one point and keeps its hooks; *out is NULL without any. */
cg_status sim_hooks_open(const sim_plan *plan, const sim_point_plan *point, const char *library,
                         sim_hooks **out, cg_error *error);
void sim_hooks_close(sim_hooks *hooks);
/* The next time a hook wants to run (or be asked); UINT64_MAX when none is left. */
uint64_t sim_hooks_next_ns(const sim_hooks *hooks);
/* Runs what is due at now_ns. actions[*action_count] come out in order (at most capacity). */
cg_status sim_hooks_run(sim_hooks *hooks, uint64_t now_ns, const sim_live_metric *live,
                        uint32_t live_count, sim_hook_action *actions, uint32_t capacity,
                        uint32_t *action_count, cg_error *error);

/* Of Lua, for provenance: "Lua 5.4.4". Static storage. */
const char *sim_scenario_language_version(void);

#endif
