/* Lateral inhibition by distance: projected gradient steps of one convex function.
 *
 *   E(a) = 1/2 aᵀ(I + gain W)a - dᵀa over a >= 0,   W_ij = K(|x_i - x_j|) off the diagonal
 *
 * The step of the header is a' = max(0, a - eta grad E). A Gaussian is a positive definite
 * function and K(0) = 1, so W + I is positive semidefinite but for the tails cut at 2^-32, whose
 * rows sum to at most 2^-12 for the most neurons allowed; I + gain W has eigenvalues of at least
 * 1 - gain - 2^-12 > 0. So E is strictly convex, its one minimum is the one steady state, and
 * steps of eta = 1 / L lead there from anywhere, L = 1 + gain (largest row sum of W) bounding
 * the eigenvalues from above (Gershgorin). Source: Hadeler & Kuhn, Biol. Cybernetics 56, 1987
 * (uniqueness); Bertsekas, "Nonlinear Programming", section 2.3 (the steps).
 *
 * Same place, same order. At one position x the step is a' = max(0, c a + (eta d - h)) with
 * c = 1 - eta + eta gain >= 0 and h = eta gain Σ_j K(x - x_j) a_j, the sum over all, itself
 * included. It is computed in this form: every operation is monotone in a and d, rounding
 * included.
 *
 * The largest stays the largest. For w of the largest drive and any i, by the equations above,
 *
 *   a_w' - a_i' >= (1 - eta + eta gain K_wi)(a_w - a_i)
 *                  + eta [d_w - d_i - gain Σ_(j != w, i) (K_wj - K_ij) a_j]
 *
 * unless a_i' is 0. Activities never pass drives, a_j <= d_j, by induction from rest; so under
 * the header's bound on the gain the bracket is not negative, and by induction nor is the left.
 *
 * Sums have one order: neurons in a position by index, positions from the near to the far, each
 * with its mirror image.
 *
 * Known value: two neurons in one place, drives 1 and 0.9, gain 0.5: (1 - 0.45) / 0.75 = 0.7333
 * and (0.9 - 0.5) / 0.75 = 0.5333.
 */
#include "engine/snn/soft.h"

#include <string.h>

#include "engine/base/math.h"

static const double gain_most = 0.99;
static const double sigma_most = 256.0;
static const double tail_exponent = 22.18070977791825; /* ln 2^32 */

/* Empty positions that are worth skipping. */
enum { GAP = 8 };

/* Positions [from, to) whose ends hold neurons; those between may be empty, a few. */
typedef struct soft_stretch {
    uint32_t from;
    uint32_t to;
} soft_stretch;

struct cg_soft {
    cg_soft_options options;
    cg_allocator allocator;
    uint32_t extent;
    uint32_t radius; /* K is 0 beyond */
    double *kernel;  /* [radius + 1]: K at 0 .. radius */
    /* By position, [extent]. */
    double *density;         /* the activity at a position, in the midst of 2 radius zeros */
    double *field;           /* what reaches a position, in the stretches */
    double *below;           /* largest drive at a position below the winner's; 0: none */
    uint32_t dirty;          /* positions of the density that the last run used */
    soft_stretch *stretches; /* of the run: [extent / GAP + 1], ascending */
    size_t memory_count;
    double *memory;
};

cg_soft_options cg_soft_options_default(void) {
    return (cg_soft_options){
        .gain = 0.5, .sigma = 4.0, .tolerance = 1e-6, .steps_max = 2000, .keeps_winner = true};
}

cg_status cg_soft_options_check(const cg_soft_options *options, cg_error *error) {
    if (!(options->gain >= 0.0 && options->gain <= gain_most)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "inhibition gain is %g; it must be from 0 to %g", options->gain,
                            gain_most);
    }
    if (!(options->sigma > 0.0 && options->sigma <= sigma_most)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "inhibition sigma is %g; it must be above 0, at most %g",
                            options->sigma, sigma_most);
    }
    if (!(options->tolerance > 0.0 && options->tolerance < 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "inhibition tolerance is %g; it must be above 0 and below 1",
                            options->tolerance);
    }
    if (options->steps_max < 1 || options->steps_max > CG_SOFT_STEPS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "inhibition steps_max is %u; it must be from 1 to %d",
                            options->steps_max, CG_SOFT_STEPS_MAX);
    }
    return CG_OK;
}

cg_status cg_soft_alloc(const cg_soft_options *options, uint32_t extent, cg_allocator allocator,
                        cg_soft **out, cg_error *error) {
    cg_status status = cg_soft_options_check(options, error);
    if (status != CG_OK) {
        return status;
    }
    if (extent < 1 || extent > CG_SOFT_EXTENT_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "inhibition over %u positions; it must be 1 to %d", extent,
                            CG_SOFT_EXTENT_MAX);
    }
    uint32_t radius = (uint32_t)(options->sigma * cg_sqrt(2.0 * tail_exponent));
    size_t memory_count = 3 * ((size_t)extent + radius) + 1;
    size_t stretches_max = extent / GAP + 1;
    cg_soft *soft = cg_allocate(&allocator, 1, sizeof *soft);
    double *memory = cg_allocate(&allocator, memory_count, sizeof *memory);
    soft_stretch *stretches = cg_allocate(&allocator, stretches_max, sizeof *stretches);
    if (!soft || !memory || !stretches) {
        cg_deallocate(&allocator, stretches, stretches_max, sizeof *stretches);
        cg_deallocate(&allocator, memory, memory_count, sizeof *memory);
        cg_deallocate(&allocator, soft, 1, sizeof *soft);
        return cg_error_set(error, CG_ERROR_MEMORY, "inhibition over %u positions", extent);
    }
    *soft = (cg_soft){
        .options = *options,
        .allocator = allocator,
        .extent = extent,
        .radius = radius,
        .kernel = memory,
        .field = memory + radius + 1,
        .below = memory + radius + 1 + extent,
        .density = memory + 2 * (size_t)radius + 1 + 2 * (size_t)extent,
        .stretches = stretches,
        .memory_count = memory_count,
        .memory = memory,
    };
    for (uint32_t i = 0; i <= radius; i++) {
        double distance = (double)i / options->sigma;
        soft->kernel[i] = cg_exp(-0.5 * distance * distance);
    }
    *out = soft;
    return CG_OK;
}

void cg_soft_free(cg_soft *soft) {
    if (soft) {
        cg_allocator allocator = soft->allocator;
        cg_deallocate(&allocator, soft->stretches, soft->extent / GAP + 1,
                      sizeof *soft->stretches);
        cg_deallocate(&allocator, soft->memory, soft->memory_count, sizeof *soft->memory);
        cg_deallocate(&allocator, soft, 1, sizeof *soft);
    }
}

/* One run: what is fixed while it lasts. */
typedef struct soft_run {
    cg_soft *soft;
    const uint32_t *drives;
    const uint32_t *positions; /* or NULL */
    uint32_t count;
    uint32_t used; /* positions in use lie below */
    uint32_t stretch_count;
    uint32_t winner;
    double scale; /* the largest drive */
} soft_run;

static uint32_t position_of(const soft_run *run, uint32_t i) {
    return run->positions ? run->positions[i] : i;
}

static double drive_of(const soft_run *run, uint32_t i) {
    return (double)run->drives[i] / run->scale;
}

/* The field that the density makes, in the stretches. */
static void spread(const soft_run *run) {
    const double *kernel = run->soft->kernel;
    for (uint32_t s = 0; s < run->stretch_count; s++) {
        size_t from = run->soft->stretches[s].from;
        size_t length = run->soft->stretches[s].to - from;
        double *restrict field = run->soft->field + from;
        const double *density = run->soft->density + from;
        for (size_t x = 0; x < length; x++) {
            field[x] = kernel[0] * density[x];
        }
        for (uint32_t k = 1; k <= run->soft->radius; k++) {
            const double *left = density - k;
            const double *right = density + k;
            for (size_t x = 0; x < length; x++) {
                field[x] += kernel[k] * (left[x] + right[x]);
            }
        }
    }
}

/* Sums values by position: activities, or (NULL) one for each neuron. */
static void gather(const soft_run *run, const double *activity) {
    double *density = run->soft->density;
    memset(density, 0, run->used * sizeof *density);
    for (uint32_t i = 0; i < run->count; i++) {
        density[position_of(run, i)] += activity ? activity[i] : 1.0;
    }
}

/* Lists the stretches. Returns the largest row sum of W. */
static double largest_row(soft_run *run) {
    cg_soft *soft = run->soft;
    gather(run, NULL);
    for (uint32_t x = 0; x < run->used; x++) {
        if (soft->density[x] <= 0.0) {
            continue;
        }
        if (run->stretch_count == 0 || x >= soft->stretches[run->stretch_count - 1].to + GAP) {
            soft->stretches[run->stretch_count++].from = x;
        }
        soft->stretches[run->stretch_count - 1].to = x + 1;
    }
    spread(run);
    double largest = 0.0;
    for (uint32_t i = 0; i < run->count; i++) {
        double row = run->soft->field[position_of(run, i)] - 1.0;
        largest = row > largest ? row : largest;
    }
    return largest;
}

enum { NOWHERE = CG_SOFT_EXTENT_MAX + (1 << 20) };

static double kernel_at(const cg_soft *soft, uint32_t left, uint32_t right) {
    uint32_t distance = left > right ? left - right : right - left;
    return distance <= soft->radius ? soft->kernel[distance] : 0.0;
}

/* By how much more, at most, the winner is inhibited than a neuron at x: the header's sum.
 * NOWHERE: a neuron out of reach of all that inhibit the winner. */
static double disadvantage(const soft_run *run, uint32_t x) {
    const cg_soft *soft = run->soft;
    uint32_t home = position_of(run, run->winner);
    uint32_t from = home > soft->radius ? home - soft->radius : 0;
    uint32_t to = home + soft->radius < run->used ? home + soft->radius + 1 : run->used;
    double sum = 0.0;
    for (uint32_t y = from; y < to; y++) {
        double more = kernel_at(soft, home, y) - kernel_at(soft, x, y);
        if (more > 0.0) {
            double others = soft->density[y] - (y == home ? 1.0 : 0.0); /* not from itself */
            sum += more * (others > 0.0 ? others : 0.0);
        }
    }
    return sum;
}

/* The gain under which no neuron with a smaller drive passes the winner. */
static double gain_that_keeps(const soft_run *run) {
    cg_soft *soft = run->soft;
    memset(soft->density, 0, run->used * sizeof *soft->density);
    memset(soft->below, 0, run->used * sizeof *soft->below);
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t x = position_of(run, i);
        double drive = drive_of(run, i);
        soft->density[x] += drive;
        if (run->drives[i] < run->drives[run->winner] && drive > soft->below[x]) {
            soft->below[x] = drive;
        }
    }
    double gain = soft->options.gain;
    double out_of_reach = disadvantage(run, NOWHERE);
    uint32_t home = position_of(run, run->winner);
    for (uint32_t x = 0; x < run->used; x++) {
        if (soft->below[x] <= 0.0) {
            continue;
        }
        uint32_t distance = x > home ? x - home : home - x;
        double sum = distance <= 2 * soft->radius ? disadvantage(run, x) : out_of_reach;
        double margin = (1.0 - soft->below[x]) * (15.0 / 16.0);
        if (gain * sum > margin) {
            gain = margin / sum;
        }
    }
    return gain;
}

/* How far any activity is from what its input calls for. */
static double residual_of(const soft_run *run, double gain, const double *activity) {
    double residual = 0.0;
    for (uint32_t i = 0; i < run->count; i++) {
        double inhibition = gain * (run->soft->field[position_of(run, i)] - activity[i]);
        double wanted = drive_of(run, i) - inhibition;
        double away = activity[i] - (wanted > 0.0 ? wanted : 0.0);
        away = away < 0.0 ? -away : away;
        residual = away > residual ? away : residual;
    }
    return residual;
}

static void step(const soft_run *run, double gain, double eta, double *activity) {
    double keep = 1.0 - eta + eta * gain;
    for (uint32_t i = 0; i < run->count; i++) {
        double inhibition = eta * gain * run->soft->field[position_of(run, i)];
        double next = keep * activity[i] + (eta * drive_of(run, i) - inhibition);
        activity[i] = next > 0.0 ? next : 0.0;
    }
}

static cg_soft_result summary(const soft_run *run, const double *activity) {
    cg_soft_result result = {.winner = run->winner};
    double total = 0.0;
    for (uint32_t i = 0; i < run->count; i++) {
        double most = activity[result.winner];
        total += activity[i];
        result.active += activity[i] > 0.0;
        if (activity[i] > most ||
            (activity[i] == most && run->drives[i] > run->drives[result.winner])) {
            result.winner = i;
        }
    }
    result.contrast = total > 0.0 ? activity[result.winner] / total : 0.0;
    return result;
}

/* From rest to convergence or steps_max, at one gain. */
static cg_soft_result settle_at(const soft_run *run, double gain, double row, double *activity,
                                cg_work *work) {
    const cg_soft_options *options = &run->soft->options;
    double eta = 1.0 / (1.0 + gain * row);
    for (uint32_t i = 0; i < run->count; i++) {
        activity[i] = 0.0;
    }
    gather(run, activity);
    spread(run); /* of rest: nothing */
    uint32_t steps = 0;
    double residual = 1.0; /* at rest the largest drive calls for all of itself */
    while (residual > options->tolerance && steps < options->steps_max) {
        step(run, gain, eta, activity);
        steps++;
        gather(run, activity);
        spread(run);
        residual = residual_of(run, gain, activity);
    }
    cg_work_count(work, CG_WORK_LIF_STEP, steps, (uint64_t)steps * run->count);
    cg_soft_result result = summary(run, activity);
    result.steps = steps;
    result.converged = residual <= options->tolerance;
    result.residual = residual;
    result.gain = gain;
    return result;
}

static bool keeps(const soft_run *run, const double *activity) {
    for (uint32_t i = 0; i < run->count; i++) {
        if (activity[i] > activity[run->winner] && run->drives[i] < run->drives[run->winner]) {
            return false;
        }
    }
    return true;
}

cg_soft_result cg_soft_settle(cg_soft *soft, const uint32_t *drives, const uint32_t *positions,
                              uint32_t count, double *activity, cg_work *work) {
    CG_ASSERT(count >= 1 && count <= CG_SOFT_COUNT_MAX);
    soft_run run = {.soft = soft, .drives = drives, .positions = positions, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t x = position_of(&run, i);
        CG_ASSERT(x < soft->extent);
        run.used = x >= run.used ? x + 1 : run.used;
        run.winner = drives[i] > drives[run.winner] ? i : run.winner;
        activity[i] = 0.0;
    }
    double gain = soft->options.gain;
    if (drives[run.winner] == 0) {
        return (cg_soft_result){.tries = 1, .converged = true, .gain = gain};
    }
    memset(soft->density, 0, soft->dirty * sizeof *soft->density);
    soft->dirty = run.used;
    run.scale = (double)drives[run.winner];
    double row = largest_row(&run);
    cg_soft_result result = settle_at(&run, gain, row, activity, work);
    result.tries = 1;
    if (!soft->options.keeps_winner || keeps(&run, activity)) {
        return result;
    }
    double safe = gain_that_keeps(&run);
    for (uint32_t tries = 2; tries <= CG_SOFT_TRIES_MAX; tries++) {
        gain = tries < CG_SOFT_TRIES_MAX && gain / 2.0 > safe ? gain / 2.0 : safe;
        result = settle_at(&run, gain, row, activity, work);
        result.tries = tries;
        if (gain <= safe || keeps(&run, activity)) {
            break;
        }
    }
    return result;
}
