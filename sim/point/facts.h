/* The facts of a point's load: texts, true answers, and which are related.
 *
 * Held-out facts are the ground's, and their answers their hypernyms. A fact that restates a
 * concept of the graph is all of the concept's text, its gloss or its names, and its answer the
 * concept itself. Restated are distinct nouns, drawn by the point's seed; by gloss only such
 * whose gloss no other concept has, by names only such whose set of names no other has.
 */
#ifndef SIM_POINT_FACTS_H
#define SIM_POINT_FACTS_H

#include "sim/point/ground.h"
#include "sim/workload/workload.h"

typedef struct sim_facts {
    const sim_ground *ground;
    sim_facts_from from;
    uint32_t *rows; /* [count] of the restated concepts; NULL when held out */
    uint32_t count;
    cg_allocator allocator;
} sim_facts;

/* At most options->load.facts are restated; held out are all of the ground's. Errors:
 * CG_ERROR_INVALID when no concept can be restated, CG_ERROR_MEMORY. */
cg_status sim_facts_init(sim_facts *facts, const sim_ground *ground, const sim_options *options,
                         cg_allocator allocator, cg_error *error);
void sim_facts_deinit(sim_facts *facts);

const char *sim_facts_text(const sim_facts *facts, uint32_t fact, uint32_t *text_bytes);
/* Rows where the fact truly belongs; at most max. Returns how many. */
uint32_t sim_facts_answer(const sim_facts *facts, uint32_t fact, uint32_t *rows, uint32_t max);

/* Puts the facts of a workload into another order, in which related ones arrive together:
 * sorted along the tree of hypernyms (by the paths from the root to their answers, then by
 * fact), cut into runs of 8, and the runs shuffled by the seed. Errors: CG_ERROR_MEMORY. */
cg_status sim_facts_relate(const sim_facts *facts, sim_workload *workload, uint64_t seed,
                           cg_error *error);

#endif
