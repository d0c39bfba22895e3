/* The ground of a run: the real graph, what is held out of it, the index over it, and what an
 * engine learns before it goes into service.
 *
 * Built once for all points with the same sim_options_graph_key, in the parent, and inherited
 * by forked point workers, which share its memory and never change it.
 *
 * Of the sample's held-out leaves the first graph.held_out are facts, the rest are lessons. Every
 * eighth lesson restates a known noun instead: all of its text, its gloss, its names, in turn.
 */
#ifndef SIM_POINT_GROUND_H
#define SIM_POINT_GROUND_H

#include "engine/base/parallel.h"
#include "engine/graph/wordnet.h"
#include "engine/node/corpus.h"
#include "sim/point/parts.h"
#include "sim/scenario/options.h"

typedef struct sim_ground sim_ground;

/* Told what is being built and the share done; false stops with CG_ERROR_INTERRUPTED. May be
 * NULL. */
typedef bool (*sim_ground_progress)(void *context, double share);

/* With the training that the options ask for. */
cg_status sim_ground_build(const sim_options *options, const cg_runner *runner,
                           sim_ground_progress progress, void *progress_context,
                           sim_ground **out, cg_error *error);
void sim_ground_free(sim_ground *ground);

/* Knows what an engine of the options that the ground was built with has learned. NULL where the
 * graph has no texts (graph.source): then of what follows only counts, 0, can be asked for. */
const cg_corpus *sim_ground_corpus(const sim_ground *ground);
/* The graph: the corpus', or one without texts (sim/graphs); NULL where there are keys alone. */
const cg_graph *sim_ground_graph(const sim_ground *ground);
const sim_parts *sim_ground_parts(const sim_ground *ground);
/* The same corpus with what an engine of these options (of the same graph key) learns from the
 * same lessons: a copy that borrows everything else from the ground; not to be deinited. Cost:
 * that of the lessons, unless training depends on nothing that differs. */
cg_status sim_ground_trained(const sim_ground *ground, const sim_options *options,
                             cg_corpus *out, cg_error *error);
uint32_t sim_ground_lesson_count(const sim_ground *ground);

uint32_t sim_ground_fact_count(const sim_ground *ground); /* concepts held out as facts */
/* Text of fact f; borrowed from the ground. */
const char *sim_ground_fact_text(const sim_ground *ground, uint32_t fact, uint32_t *text_bytes);
/* Rows of the true hypernyms of fact f; at most max. Returns how many. */
uint32_t sim_ground_fact_answer(const sim_ground *ground, uint32_t fact, uint32_t *rows,
                                uint32_t max);

/* What a text about a concept may hold. */
typedef enum sim_text_part { SIM_TEXT_WHOLE, SIM_TEXT_GLOSS, SIM_TEXT_WORDS } sim_text_part;
/* That part of a concept's text ("words: gloss"); borrowed from the ground. */
const char *sim_ground_concept_text(const sim_ground *ground, uint32_t row, sim_text_part part,
                                    uint32_t *text_bytes);
bool sim_ground_concept_is_noun(const sim_ground *ground, uint32_t row);

/* Memory that a host needs to hold a graph of so many concepts, before anything is built. */
uint64_t sim_ground_estimate_bytes(const sim_options *options, uint64_t concepts);
/* Fails when the graph does not fit a host's memory: CG_ERROR_INVALID naming both sizes. */
cg_status sim_ground_check_memory(const sim_options *options, cg_error *error);
/* Fails when the data files cannot be found, naming the package that has them. */
cg_status sim_ground_check_files(const sim_options *options, cg_error *error);

#endif
