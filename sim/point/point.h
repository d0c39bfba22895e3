/* One point: options in, rows out. Composes ground, nodes, hosts, fabric, load, faults and
 * hooks into a world, runs it, checks its invariants, and reports (sim/record/rows.h).
 *
 * A point is a process: SimGrid holds one simulation, and a point that dies must not take the
 * sweep along.
 */
#ifndef SIM_POINT_POINT_H
#define SIM_POINT_POINT_H

#include "sim/host/profile.h"
#include "sim/point/ground.h"
#include "sim/record/rows.h"
#include "sim/scenario/scenario.h"
#include "sim/trace/observer.h"

typedef enum sim_loop {
    SIM_LOOP_SIMGRID, /* links of limited bandwidth, over SimGrid: once a process */
    SIM_LOOP_BARE     /* links without limit; for tests and for machines under a sanitizer */
} sim_loop;

typedef struct sim_point_input {
    const sim_options *options;
    const sim_ground *ground; /* of the same sim_options_graph_key */
    const sim_profile *profile;
    sim_hooks *hooks; /* or NULL */
    sim_loop loop;
    const sim_observer *observer; /* told of all that happens; or NULL */
} sim_point_input;

/* Runs the point and writes all its rows but the last; *fingerprint is for that one. A violated
 * invariant is a failure: CG_ERROR_CORRUPT with its sentence. */
cg_status sim_point_run(const sim_point_input *input, sim_rows *rows, uint64_t *fingerprint,
                        cg_error *error);

#endif
