/* Laws of a delay: what the latency of a message is drawn from (spec G2).
 *
 * A draw is a function of the stream, its entity, the counter and nothing else, by our own
 * logarithm and exponential, so it is the same to the bit everywhere. It is whole nanoseconds,
 * the real value rounded to the nearest, and at most SIM_TIME_MAX_NS.
 */
#ifndef SIM_CLUSTER_DELAY_H
#define SIM_CLUSTER_DELAY_H

#include <stdint.h>

#include "engine/base/prng.h"
#include "engine/base/status.h"

enum { SIM_DELAY_TRACE_MAX = 32, SIM_DELAY_DRAWS = 64 };

typedef enum sim_delay_kind {
    SIM_DELAY_CONSTANT,  /* place_ns */
    SIM_DELAY_UNIFORM,   /* over [place_ns, spread_ns] */
    SIM_DELAY_NORMAL,    /* mean place_ns, deviation spread_ns, given that it is not below 0 */
    SIM_DELAY_LOGNORMAL, /* median place_ns; its logarithm has the deviation shape */
    SIM_DELAY_EXPONENTIAL, /* mean place_ns, and least_ns on top */
    /* Shifted (Lomax): P(delay - least_ns > x) = (1 + x / place_ns)^-shape. With least_ns =
     * place_ns it is Pareto's own law from place_ns on. */
    SIM_DELAY_PARETO,
    SIM_DELAY_TRACE, /* one of trace_ns[], all as likely */
    SIM_DELAY_CYCLE  /* trace_ns[], one message after the other, and from the start again */
} sim_delay_kind;

typedef struct sim_delay {
    sim_delay_kind kind;
    uint32_t trace_count; /* TRACE, CYCLE: 1..SIM_DELAY_TRACE_MAX */
    uint64_t place_ns;    /* all times: at most SIM_TIME_MAX_NS */
    uint64_t spread_ns;
    uint64_t least_ns;
    double shape; /* LOGNORMAL: 0..10; PARETO: 0.1..1000 */
    uint64_t trace_ns[SIM_DELAY_TRACE_MAX];
} sim_delay;

/* A sentence about the first thing that is wrong with the law of `what` ("latency"). */
cg_status sim_delay_check(const sim_delay *delay, const char *what, cg_error *error);

/* Draws at counter * SIM_DELAY_DRAWS .. + SIM_DELAY_DRAWS - 1 of the stream, which is not
 * advanced; `turn` chooses from a CYCLE. */
uint64_t sim_delay_draw(const sim_delay *delay, const cg_stream *stream, uint64_t counter,
                        uint64_t turn);

#endif
