/* Laws by inversion, with u uniform over [0, 1):
 *
 *   exponential  least - mean log(1 - u)
 *   Pareto       least + scale ((1 - u)^(-1/shape) - 1)          (Lomax, JASA 49, 1954)
 *   lognormal    median exp(sigma z), z normal (Box and Muller, 1958)
 *   normal       mean + deviation z, drawn again while it is below 0
 *
 * The mean of the normal is at least 0, so a draw is kept at least every second time: after all
 * of the SIM_DELAY_DRAWS / 2 tries the delay is 0, once in 2^32 draws at most. Known values
 * (fabric_law_test.c): the distance of Kolmogorov and Smirnov between 10^5 draws of each law and
 * its closed form lies below the critical value at 0.001.
 */
#include "sim/cluster/delay.h"

#include "engine/base/math.h"
#include "engine/base/wide.h"
#include "sim/scenario/time_limit.h"

static const double shape_max_lognormal = 10.0;
static const double shape_min_pareto = 0.1;
static const double shape_max_pareto = 1000.0;

static cg_status check_time(const char *what, uint64_t value_ns, cg_error *error) {
    if (value_ns <= SIM_TIME_MAX_NS) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "fabric: %s is %llu ns; the most is %llu ns",
                        what, (unsigned long long)value_ns,
                        (unsigned long long)SIM_TIME_MAX_NS);
}

/* NaN fails both comparisons. */
static cg_status check_shape(const sim_delay *delay, double least, double most,
                             const char *what, cg_error *error) {
    if (delay->shape >= least && delay->shape <= most) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "fabric: the shape of the law of %s is %g; it lies between %g and %g",
                        what, delay->shape, least, most);
}

static cg_status check_trace(const sim_delay *delay, const char *what, cg_error *error) {
    if (delay->trace_count < 1 || delay->trace_count > SIM_DELAY_TRACE_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "fabric: a trace of %s has %u values; it takes 1 to %d", what,
                            delay->trace_count, (int)SIM_DELAY_TRACE_MAX);
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < delay->trace_count; i++) {
        status = check_time(what, delay->trace_ns[i], error);
    }
    return status;
}

cg_status sim_delay_check(const sim_delay *delay, const char *what, cg_error *error) {
    cg_status status = check_time(what, delay->place_ns, error);
    if (status == CG_OK) {
        status = check_time(what, delay->spread_ns, error);
    }
    if (status == CG_OK) {
        status = check_time(what, delay->least_ns, error);
    }
    if (status != CG_OK) {
        return status;
    }
    switch (delay->kind) {
    case SIM_DELAY_CONSTANT:
    case SIM_DELAY_NORMAL:
    case SIM_DELAY_EXPONENTIAL:
        return CG_OK;
    case SIM_DELAY_UNIFORM:
        return delay->place_ns <= delay->spread_ns
                   ? CG_OK
                   : cg_error_set(error, CG_ERROR_INVALID,
                                  "fabric: %s is uniform from %llu ns down to %llu ns; put the "
                                  "smaller one first",
                                  what, (unsigned long long)delay->place_ns,
                                  (unsigned long long)delay->spread_ns);
    case SIM_DELAY_LOGNORMAL:
        return check_shape(delay, 0.0, shape_max_lognormal, what, error);
    case SIM_DELAY_PARETO:
        return check_shape(delay, shape_min_pareto, shape_max_pareto, what, error);
    case SIM_DELAY_TRACE:
    case SIM_DELAY_CYCLE:
        return check_trace(delay, what, error);
    }
    return cg_error_set(error, CG_ERROR_INVALID, "fabric: %d is no law of %s", (int)delay->kind,
                        what);
}

static uint64_t whole_ns(double value_ns) {
    return value_ns < (double)SIM_TIME_MAX_NS ? (uint64_t)(value_ns + 0.5) : SIM_TIME_MAX_NS;
}

static double draw_normal(const sim_delay *delay, cg_stream *own) {
    for (int i = 0; i < SIM_DELAY_DRAWS / 2; i++) {
        double value_ns =
            (double)delay->place_ns + (double)delay->spread_ns * cg_stream_next_normal(own);
        if (value_ns >= 0.0) {
            return value_ns;
        }
    }
    return 0.0;
}

/* The high word of a draw times n; for n up to SIM_TIME_MAX_NS no value is likelier by more
 * than 1 in 10^4. */
static uint64_t draw_below(cg_stream *own, uint64_t n) {
    return cg_multiply_wide(cg_stream_next(own), n).high;
}

uint64_t sim_delay_draw(const sim_delay *delay, const cg_stream *stream, uint64_t counter,
                        uint64_t turn) {
    cg_stream own = *stream;
    own.counter = counter * SIM_DELAY_DRAWS;
    switch (delay->kind) {
    case SIM_DELAY_CONSTANT:
        break;
    case SIM_DELAY_UNIFORM:
        return delay->place_ns + draw_below(&own, delay->spread_ns - delay->place_ns + 1);
    case SIM_DELAY_NORMAL:
        return whole_ns(draw_normal(delay, &own));
    case SIM_DELAY_LOGNORMAL:
        return whole_ns((double)delay->place_ns *
                        cg_exp(delay->shape * cg_stream_next_normal(&own)));
    case SIM_DELAY_EXPONENTIAL:
        return whole_ns((double)delay->least_ns +
                        cg_stream_next_exponential(&own, (double)delay->place_ns));
    case SIM_DELAY_PARETO: {
        double power = cg_pow(1.0 - cg_stream_next_unit(&own), -1.0 / delay->shape);
        return whole_ns((double)delay->least_ns + (double)delay->place_ns * (power - 1.0));
    }
    case SIM_DELAY_TRACE:
        return delay->trace_ns[draw_below(&own, delay->trace_count)];
    case SIM_DELAY_CYCLE:
        return delay->trace_ns[turn % delay->trace_count];
    }
    return delay->place_ns;
}
