/* The index of a point's corpus, divided over its hosts (spec C7), and what searches were worth.
 *
 * It is built once for the point and shared by all its hosts, as the corpus is; memory is reported as
 * if each host held its own part alone.
 */
#ifndef SIM_POINT_DIVIDED_H
#define SIM_POINT_DIVIDED_H

#include "engine/index/shard.h"
#include "sim/point/report.h"

/* As engine.distribution and engine.shards say; NULL where the index is replicated, or where there is
 * none. corpus: outlives it. Errors: CG_ERROR_INVALID (an index that cannot be divided, or graph.parts
 * that are not as many as hosts), CG_ERROR_MEMORY. */
cg_status sim_divided_build(const sim_options *options, const sim_parts *parts,
                            const cg_corpus *corpus, cg_allocator allocator, cg_shards **out,
                            cg_error *error);

/* Metrics; none where nothing is searched and the index is not divided. */
void sim_divided_report(const sim_report_input *input, sim_rows *rows);

#endif
