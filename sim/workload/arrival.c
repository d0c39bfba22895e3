/* Arrivals, walking along the rate. Times are summed as doubles in ns, where 10^13 ns (three
 * hours) are known to 0.002 ns, and rounded one by one, so rounding never adds up.
 *
 * Known value (workload_test.c): at rate r the mean of n gaps is 1/r within 4 / (r * sqrt(n)).
 */
#include "sim/workload/arrival.h"

#include <float.h>

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "sim/scenario/time_limit.h"

enum { TOGGLES_MAX = 1 << 26 };
static const double never_ns = DBL_MAX;

/* Where on the way we are; times are ns since the load's start. */
typedef struct rate_walk {
    const sim_periods *periods;
    uint64_t start_ns;
    uint32_t period;
    bool bursting;
    double toggle_ns; /* when a burst begins or ends */
    uint32_t toggles;
    cg_stream bursts;
} rate_walk;

static const sim_load_options *load_of(const rate_walk *walk) {
    return &walk->periods->list[walk->period].load;
}

static double burst_length_ns(rate_walk *walk) {
    const sim_load_options *load = load_of(walk);
    const double share = walk->bursting ? load->burst_share : 1.0 - load->burst_share;
    return cg_stream_next_exponential(&walk->bursts, share * (double)load->burst_period_ns);
}

static rate_walk begin(const sim_periods *periods, uint64_t seed) {
    const sim_load_options *load = &periods->list[0].load;
    rate_walk walk = {.periods = periods, .start_ns = load->start_ns, .toggle_ns = never_ns};
    walk.period = sim_periods_find(periods, 0, load->start_ns);
    walk.bursts = cg_stream_init(seed, "workload.burst", 0);
    if (load->arrival == SIM_ARRIVAL_BURST) {
        walk.bursting = cg_stream_next_unit(&walk.bursts) < load->burst_share;
        if (load->burst_share > 0.0 && load->burst_share < 1.0) {
            walk.toggle_ns = burst_length_ns(&walk);
        }
    }
    return walk;
}

/* Arrivals a second. */
static double rate_of(const rate_walk *walk) {
    const sim_load_options *load = load_of(walk);
    if (load->arrival == SIM_ARRIVAL_DIURNAL) {
        return load->rate_hz * (1.0 + load->swing); /* at its peak: is_thinned */
    }
    if (load->arrival != SIM_ARRIVAL_BURST) {
        return load->rate_hz;
    }
    if (walk->bursting) {
        return load->rate_hz * load->burst;
    }
    const double rest = (1.0 - load->burst * load->burst_share) / (1.0 - load->burst_share);
    return rest > 0.0 ? load->rate_hz * rest : 0.0;
}

static double period_end_ns(const rate_walk *walk) {
    return walk->period + 1 < walk->periods->count
               ? (double)(walk->periods->list[walk->period + 1].from_ns - walk->start_ns)
               : never_ns;
}

/* Until when the rate stays as it is. */
static double rate_end_ns(const rate_walk *walk) {
    const double period_ns = period_end_ns(walk);
    return period_ns < walk->toggle_ns ? period_ns : walk->toggle_ns;
}

static void cross(rate_walk *walk) {
    if (period_end_ns(walk) <= walk->toggle_ns) {
        walk->period++;
        return;
    }
    walk->bursting = !walk->bursting;
    walk->toggle_ns += burst_length_ns(walk);
    walk->toggles++;
}

static cg_status refuse_late(const rate_walk *walk, uint32_t i, uint32_t count,
                             cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID,
                        "load: at %g/s request %u of %u would arrive after " SIM_TIME_MAX_TEXT
                        " of simulated time; raise load.rate or lower load.requests or "
                        "load.facts",
                        load_of(walk)->rate_hz, i + 1, count);
}

static cg_status refuse_bursts(const rate_walk *walk, cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID,
                        "load.burst_period: more than %d bursts at %g/s; raise it",
                        TOGGLES_MAX / 2, load_of(walk)->rate_hz);
}

/* Whether a point of a day's peak rate is none at this time of it. */
static bool is_thinned(const rate_walk *walk, double at_ns, cg_stream *draws) {
    const sim_load_options *load = load_of(walk);
    if (load->arrival != SIM_ARRIVAL_DIURNAL) {
        return false;
    }
    double sine = 0.0;
    double cosine = 0.0;
    const uint64_t time_ns = (uint64_t)at_ns % load->day_ns;
    cg_sincos_turn((double)time_ns / (double)load->day_ns, &sine, &cosine);
    return cg_stream_next_unit(draws) * (1.0 + load->swing) >= 1.0 - load->swing * cosine;
}

/* An arrival each time the rate has added up to one more exponential draw. */
static cg_status plan_random(rate_walk *walk, uint64_t seed, sim_workload *workload,
                             cg_error *error) {
    cg_stream arrivals = cg_stream_init(seed, "workload.arrival", 0);
    cg_stream thinning = cg_stream_init(seed, "workload.diurnal", 0);
    double at_ns = 0.0;
    for (uint32_t i = 0; i < workload->count;) {
        double wanted = cg_stream_next_exponential(&arrivals, 1.0);
        double rate_hz = rate_of(walk);
        /* What of the gap lies behind the end of this rate is left for the next. */
        while (!(rate_hz > 0.0) || at_ns + wanted * (1e9 / rate_hz) > rate_end_ns(walk)) {
            const double end_ns = rate_end_ns(walk);
            wanted -= (end_ns - at_ns) * rate_hz / 1e9;
            wanted = wanted > 0.0 ? wanted : 0.0;
            at_ns = end_ns;
            cross(walk);
            rate_hz = rate_of(walk);
            if (!(at_ns <= (double)SIM_TIME_MAX_NS)) {
                return refuse_late(walk, i, workload->count, error);
            }
            if (walk->toggles > TOGGLES_MAX) {
                return refuse_bursts(walk, error);
            }
        }
        at_ns += wanted * (1e9 / rate_hz);
        if (!(at_ns <= (double)SIM_TIME_MAX_NS)) {
            return refuse_late(walk, i, workload->count, error);
        }
        if (!is_thinned(walk, at_ns, &thinning)) {
            workload->requests[i++].at_ns = walk->start_ns + (uint64_t)(at_ns + 0.5);
        }
    }
    return CG_OK;
}

/* An arrival each time the rate has added up to a whole number. */
static cg_status plan_constant(rate_walk *walk, sim_workload *workload, cg_error *error) {
    double origin_ns = 0.0; /* of the period */
    double before = 0.0;    /* what the rate has added up to there */
    for (uint32_t i = 0; i < workload->count; i++) {
        double at_ns = origin_ns + ((double)i - before) * 1e9 / rate_of(walk);
        while (at_ns > rate_end_ns(walk)) {
            const double end_ns = rate_end_ns(walk);
            before += (end_ns - origin_ns) * rate_of(walk) / 1e9;
            origin_ns = end_ns;
            cross(walk);
            const double left = (double)i - before;
            at_ns = origin_ns + (left > 0.0 ? left : 0.0) * 1e9 / rate_of(walk);
        }
        if (!(at_ns <= (double)SIM_TIME_MAX_NS)) {
            return refuse_late(walk, i, workload->count, error);
        }
        workload->requests[i].at_ns = walk->start_ns + (uint64_t)(at_ns + 0.5);
    }
    return CG_OK;
}

cg_status sim_arrival_plan(const sim_periods *periods, uint64_t seed, sim_workload *workload,
                           cg_error *error) {
    const sim_load_options *load = &periods->list[0].load;
    rate_walk walk = begin(periods, seed);
    switch (load->arrival) {
    case SIM_ARRIVAL_CONSTANT:
        return plan_constant(&walk, workload, error);
    case SIM_ARRIVAL_RECORDED:
        return sim_arrival_read(load, workload, error);
    case SIM_ARRIVAL_POISSON:
    case SIM_ARRIVAL_BURST:
    case SIM_ARRIVAL_DIURNAL:
        break;
    }
    return plan_random(&walk, seed, workload, error);
}
