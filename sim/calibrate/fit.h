/* Fits of costs that are never negative to times that were measured.
 *
 * Errors are relative, since a profile is to be right by so many percent of a microsecond as of a
 * second. Pure arithmetic: no clock, no I/O.
 */
#ifndef SIM_CALIBRATE_FIT_H
#define SIM_CALIBRATE_FIT_H

#include "engine/base/status.h"
#include "engine/base/work.h"

/* Times of one kind of work alone. */
typedef struct sim_fit_point {
    double operations; /* > 0 */
    double units;      /* >= 0 */
    double ns;         /* > 0 */
} sim_fit_point;

typedef struct sim_fit_line {
    double fixed_ns;
    double per_unit_ns;
    double worst; /* largest |fitted / measured - 1| */
} sim_fit_line;

/* The line fixed * operations + per_unit * units, both >= 0, that has the least sum of squared
 * relative errors. count >= 1; of points whose units are all in proportion to their operations, all is
 * per unit. */
sim_fit_line sim_fit_points(const sim_fit_point *points, uint32_t count);

typedef struct sim_costs {
    double fixed_ns[CG_WORK_KIND_COUNT];
    double per_unit_ns[CG_WORK_KIND_COUNT];
} sim_costs;

/* What costs predict of work. */
double sim_costs_of(const sim_costs *costs, const cg_work *work);

typedef struct sim_fit_work {
    cg_work work;
    double ns; /* > 0 */
} sim_fit_work;

typedef struct sim_fit_options {
    double hold;  /* how much a cost is held to the one it had alone: below; >= 0 */
    double least; /* and between which multiples of it it stays: 0 <= least <= 1 <= most */
    double most;
    bool is_held[CG_WORK_KIND_COUNT]; /* stays what it is */
} sim_fit_options;

/* Fits all kinds together to times of works that are made of several: of all costs in bounds those with
 * (about) the least
 *
 *   mean over works of |log(predicted / measured)|  +  hold * sum over costs of (cost / own - 1)^2
 *
 * where `costs` holds the own ones, and is changed in place. A cost whose own is 0, or that no work
 * counts, stays. Cost: O(rounds * count * kinds^2), some tens of rounds. */
void sim_fit_works(const sim_fit_work *works, uint32_t count, const sim_fit_options *options,
                   sim_costs *costs);

#endif
