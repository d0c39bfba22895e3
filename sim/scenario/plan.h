/* A plan's memory, and its way through a pipe.
 *
 * The child that evaluates a scenario is not trusted: decoding checks every count and text
 * again and reads each point's options with sim_options_parse.
 */
#ifndef SIM_SCENARIO_PLAN_H
#define SIM_SCENARIO_PLAN_H

#include "sim/scenario/scenario.h"

enum {
    SIM_FACTORS_MAX = 16,
    SIM_FACTOR_VALUES_MAX = 1024,
    SIM_REPETITIONS_MAX = 10000,
    SIM_POINTS_MAX = 20000,
    SIM_VIEWS_MAX = 64,
    SIM_CLAIMS_MAX = 64,
    SIM_NAME_BYTES = 65,   /* names of scenarios, factors, views: at most 64 bytes */
    SIM_VALUE_BYTES = 129, /* of a factor's value */
    SIM_TITLE_BYTES = 257,
    SIM_COLUMN_BYTES = 129, /* "metric:statistic" */
    SIM_VIEW_TEXT_BYTES = 8192,
    SIM_CLAIM_SELECTOR_BYTES = SIM_FACTORS_MAX * (SIM_NAME_BYTES + SIM_VALUE_BYTES + 1)
};

/* Empty, to be filled; freed by sim_plan_free. */
cg_status sim_plan_alloc(sim_plan **out, cg_error *error);
cg_status sim_plan_alloc_factors(sim_plan *plan, uint32_t count, cg_error *error);
cg_status sim_plan_alloc_values(sim_factor *factor, uint32_t count, cg_error *error);
cg_status sim_plan_alloc_views(sim_plan *plan, uint32_t count, cg_error *error);
cg_status sim_plan_alloc_claims(sim_plan *plan, uint32_t count, cg_error *error);

/* Makes the points of all factor values and repetitions, without options; refuses more than
 * SIM_POINTS_MAX. */
cg_status sim_plan_alloc_points(sim_plan *plan, cg_error *error);

/* The seed of a repetition: the same for every combination of factors, so that they meet common
 * random numbers. */
uint64_t sim_plan_seed(uint64_t run_seed, uint32_t repetition);

/* "point 3 (nodes=1K, hosts=4, repetition 1)" for messages; points count from 0, as in --list
 * and the database. */
void sim_plan_describe_point(const sim_plan *plan, const sim_point_plan *point, char *text,
                             size_t capacity);

/* a-z, 0-9, _ (and - when `dash`), not empty. */
bool sim_plan_name_is_valid(const char *name, bool dash);

/* Bytes that grow, on the C heap. */
typedef struct sim_bytes {
    uint8_t *bytes;
    size_t used;
    size_t capacity;
} sim_bytes;
cg_status sim_bytes_add(sim_bytes *bytes, const void *more, size_t size_bytes, cg_error *error);
void sim_bytes_free(sim_bytes *bytes);

/* Name, factors, repetitions, points' options, views, claims and `module_hash`; not file,
 * question and source. */
cg_status sim_plan_encode(const sim_plan *plan, uint64_t module_hash, sim_bytes *out,
                          cg_error *error);
cg_status sim_plan_decode(const uint8_t *bytes, size_t size_bytes, uint64_t run_seed,
                          sim_plan **out, uint64_t *module_hash, cg_error *error);

#endif
