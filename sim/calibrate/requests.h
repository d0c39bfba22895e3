/* Requests of one host, timed from outside: a cg_node is stepped with events until a request has
 * nothing left to do, and the wall time of its steps is summed beside the work that they count.
 *
 * What a node writes is durable at once and what it reads is there at once, so disks, wires and
 * waiting take no part; timers never fire. Each run begins with a new node and puts the same
 * requests to it, so every run does the same work (which is checked), and the least of a
 * request's wall times is what it takes where nobody else has the processor.
 *
 * The mix, by the request's number: of 16 requests 10 allocate a fact, 3 search by a fact's
 * text, 2 spread from a fact's text over two hops, and one asks for a fact that was allocated.
 */
#ifndef SIM_CALIBRATE_REQUESTS_H
#define SIM_CALIBRATE_REQUESTS_H

#include "engine/node/event.h"
#include "sim/point/ground.h"

typedef struct sim_timed_request {
    cg_request_kind kind;
    cg_work work; /* of all its steps; without disk_write, which is the disk's */
    double wall_ns;
} sim_timed_request;

typedef struct sim_timing_options {
    uint32_t count; /* requests */
    uint32_t run;   /* 0: the first; later ones find the least so far in out */
} sim_timing_options;

/* One run. options: of the ground. out: [timing->count]. CG_ERROR_INVALID when the ground has no texts,
 * CG_ERROR_CORRUPT when two runs did not do the same, CG_ERROR_MEMORY. */
cg_status sim_time_requests(const sim_ground *ground, const sim_options *options,
                            const sim_timing_options *timing, sim_timed_request *out,
                            cg_error *error);

#endif
