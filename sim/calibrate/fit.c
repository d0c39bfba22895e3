/* Fits under the bound that costs are not negative.
 *
 * Several kinds: of the costs x_j, as multiples of their own ones and in bounds, those that make least
 *
 *   f(x) = mean_i w_i (p_i - t_i)^2 + hold * sum_j (x_j - 1)^2,   p_i = sum_j a_ij x_j
 *
 * with t_i the time of work i and a_ij the time that cost j would take of it at x_j = 1. f is convex,
 * and strictly so where hold > 0, so coordinate descent (Hildreth, "A quadratic programming
 * procedure", Naval Research Logistics Quarterly 4(1), 1957) ends at its one minimum: each x_j in turn
 * goes to where f is least along it, or to the bound before that.
 *
 * The weights w_i = 1 / (p_i t_i max(|log(p_i / t_i)|, floor)), from the p of the round before, make the
 * sum one of |log(p / t)|: too high by a factor weighs as much as too low by it, and a time that something
 * else made long does not pull (iteratively reweighted least squares: Holland and Welsch,
 * "Robust regression using iteratively reweighted least-squares", Communications in Statistics 6(9),
 * 1977).
 *
 * Invariant: within a round no step makes f larger.
 * Known value (asserted in calibrate_fit_test.c): times 10 + 2 * units of 1, 10 and 100 units give
 * back 10 and 2; times 2 * units - 1 of the same give no negative
 * fixed cost.
 */
#include "sim/calibrate/fit.h"

#include <math.h>
#include <string.h>

enum { COSTS = 2 * CG_WORK_KIND_COUNT, ROUNDS = 30, DESCENTS_MAX = 5000 };
static const double settled =
    1e-9; /* largest change of a descent, as a multiple of own costs */
static const double log_floor = 0.02;

/* --- one kind ------------------------------------------------------------- */

static double worst_of(const sim_fit_point *points, uint32_t count, const sim_fit_line *line) {
    double worst = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double fitted =
            line->fixed_ns * points[i].operations + line->per_unit_ns * points[i].units;
        double error = fabs(fitted / points[i].ns - 1.0);
        worst = error > worst ? error : worst;
    }
    return worst;
}

sim_fit_line sim_fit_points(const sim_fit_point *points, uint32_t count) {
    double oo = 0.0;
    double ou = 0.0;
    double uu = 0.0;
    double o = 0.0;
    double u = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double operations = points[i].operations / points[i].ns;
        double units = points[i].units / points[i].ns;
        oo += operations * operations;
        ou += operations * units;
        uu += units * units;
        o += operations;
        u += units;
    }
    sim_fit_line line = {0};
    double determinant = oo * uu - ou * ou;
    bool is_line = determinant > 1e-9 * oo * uu;
    double fixed = is_line ? (o * uu - u * ou) / determinant : 0.0;
    double per_unit = is_line ? (u * oo - o * ou) / determinant : 0.0;
    if (is_line && fixed >= 0.0 && per_unit >= 0.0) {
        line.fixed_ns = fixed;
        line.per_unit_ns = per_unit;
    } else if (uu > 0.0 && (fixed <= 0.0 || !is_line)) {
        line.per_unit_ns = u / uu;
    } else if (oo > 0.0) {
        line.fixed_ns = o / oo;
    }
    line.worst = worst_of(points, count, &line);
    return line;
}

/* --- all kinds together --------------------------------------------------- */

double sim_costs_of(const sim_costs *costs, const cg_work *work) {
    double ns = 0.0;
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        ns += costs->fixed_ns[kind] * (double)work->operations[kind] +
              costs->per_unit_ns[kind] * (double)work->units[kind];
    }
    return ns;
}

static double cost_of(const sim_costs *costs, int j) {
    return j < CG_WORK_KIND_COUNT ? costs->fixed_ns[j]
                                  : costs->per_unit_ns[j - CG_WORK_KIND_COUNT];
}

static double count_at(const cg_work *work, int j) {
    return j < CG_WORK_KIND_COUNT ? (double)work->operations[j]
                                  : (double)work->units[j - CG_WORK_KIND_COUNT];
}

typedef struct normal {
    double matrix[COSTS][COSTS]; /* of the costs that are fitted */
    double right[COSTS];
    double x[COSTS];
    int fitted[COSTS]; /* which cost each stands for */
    int count;
} normal;

/* Which costs are fitted: those that some work counts, with an own value. */
static void choose(const sim_fit_work *works, uint32_t count, const sim_fit_options *options,
                   const sim_costs *costs, normal *out) {
    out->count = 0;
    for (int j = 0; j < COSTS; j++) {
        bool is_counted = false;
        for (uint32_t i = 0; i < count && !is_counted; i++) {
            is_counted = count_at(&works[i].work, j) > 0.0;
        }
        if (is_counted && cost_of(costs, j) > 0.0 &&
            !options->is_held[j % CG_WORK_KIND_COUNT]) {
            out->fitted[out->count++] = j;
        }
    }
}

/* Of |log(p / t)|. */
static double weight_of(const sim_fit_work *work, const sim_costs *now) {
    double predicted = sim_costs_of(now, &work->work);
    predicted = predicted > 0.0 ? predicted : work->ns;
    double off = fabs(log(predicted / work->ns));
    return 1.0 / (predicted * work->ns * (off > log_floor ? off : log_floor));
}

static void add_work(const sim_fit_work *work, double weight, const sim_costs *own,
                     normal *out) {
    double parts[COSTS] = {0};
    double rest = work->ns - sim_costs_of(own, &work->work); /* without what stays as it is */
    for (int a = 0; a < out->count; a++) {
        parts[a] = count_at(&work->work, out->fitted[a]) * cost_of(own, out->fitted[a]);
        rest += parts[a];
    }
    for (int a = 0; a < out->count; a++) {
        for (int b = 0; b < out->count; b++) {
            out->matrix[a][b] += weight * parts[a] * parts[b];
        }
        out->right[a] += weight * parts[a] * rest;
    }
}

static double descend(normal *at, const sim_fit_options *options) {
    double largest = 0.0;
    for (int a = 0; a < at->count; a++) {
        double slope = at->right[a];
        for (int b = 0; b < at->count; b++) {
            slope -= at->matrix[a][b] * at->x[b];
        }
        double next = at->matrix[a][a] > 0.0 ? at->x[a] + slope / at->matrix[a][a] : at->x[a];
        next = next > options->least ? next : options->least;
        next = next < options->most ? next : options->most;
        double change = fabs(next - at->x[a]);
        largest = change > largest ? change : largest;
        at->x[a] = next;
    }
    return largest;
}

static void put_costs(const normal *at, const sim_costs *own, sim_costs *out) {
    for (int a = 0; a < at->count; a++) {
        int j = at->fitted[a];
        double cost = cost_of(own, j) * at->x[a];
        if (j < CG_WORK_KIND_COUNT) {
            out->fixed_ns[j] = cost;
        } else {
            out->per_unit_ns[j - CG_WORK_KIND_COUNT] = cost;
        }
    }
}

static void sum_up(const sim_fit_work *works, uint32_t count, double hold, const sim_costs *own,
                   const sim_costs *now, normal *at) {
    memset(at->matrix, 0, sizeof at->matrix);
    memset(at->right, 0, sizeof at->right);
    for (uint32_t i = 0; i < count; i++) {
        add_work(&works[i], weight_of(&works[i], now) / (double)count, own, at);
    }
    for (int a = 0; a < at->count; a++) {
        at->matrix[a][a] += hold;
        at->right[a] += hold;
    }
}

void sim_fit_works(const sim_fit_work *works, uint32_t count, const sim_fit_options *options,
                   sim_costs *costs) {
    const sim_costs own = *costs;
    normal at = {0};
    choose(works, count, options, &own, &at);
    for (int a = 0; a < at.count; a++) {
        at.x[a] = 1.0;
    }
    for (int round = 0; round < ROUNDS; round++) {
        sum_up(works, count, options->hold, &own, costs, &at);
        for (int i = 0; i < DESCENTS_MAX && descend(&at, options) > settled; i++) {
        }
        put_costs(&at, &own, costs);
    }
}
