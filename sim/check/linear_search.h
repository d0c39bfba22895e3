/* The search for an order of one register's operations (inside sim/check alone). */
#ifndef SIM_CHECK_LINEAR_SEARCH_H
#define SIM_CHECK_LINEAR_SEARCH_H

#include "sim/check/linearizable.h"

typedef struct sim_linear_item {
    const sim_operation *operation; /* borrowed */
    sim_use use;                    /* MAY or MUST */
} sim_linear_item;

typedef enum sim_linear_answer {
    SIM_LINEAR_YES,     /* there is an order */
    SIM_LINEAR_NO,      /* there is none */
    SIM_LINEAR_GIVEN_UP /* states_max states were not enough to tell */
} sim_linear_answer;

/* Memory of a search, kept from one to the next. */
typedef struct sim_linear_search sim_linear_search;
cg_status sim_linear_search_alloc(cg_allocator allocator, sim_linear_search **out,
                                  cg_error *error);
void sim_linear_search_free(sim_linear_search *search); /* NULL is fine */

/* items: [count], at most SIM_LINEAR_OPERATIONS_MAX, ids unique. *states: visited.
 * CG_ERROR_MEMORY is the only failure. */
cg_status sim_linear_search_run(sim_linear_search *search, const sim_model *model,
                                const sim_linear_item *items, uint32_t count,
                                uint64_t states_max, sim_linear_answer *answer,
                                uint64_t *states, cg_error *error);

#endif
