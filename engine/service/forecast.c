/* Recursive least squares with forgetting, in relative terms, with weights that stay above 0.
 *
 * A request with amounts x_j (terms) and latency y is one row of the least squares problem. With
 * weights in parts of their priors, theta_j = weight_j / prior_j, and a scale s:
 *
 *   z_j = x_j * prior_j / s        error = (y - forecast) / s
 *   gain = P z / (1 + z' P z)
 *   theta += gain * error          P = (P - gain z' P) / lambda
 *
 * (P here is the textbook's over lambda: dividing at the end leaves its value before the next row.)
 *
 * Where we differ from the textbook:
 *
 * 1. s = max(forecast, y / 2), for relative error. Dividing by y itself favours requests that were
 *    fast by chance (20% of noise make forecasts 4% too low); dividing by the forecast alone lets
 *    one slow request weigh as much as it is slow. So an error is between -1 and 2.
 * 2. Errors count as at most 3 running mean errors and 0.1: outliers pull less, and the clamp
 *    opens when errors last.
 * 3. A weight that falls below 0 is set to 0 by conditioning the belief on it: theta += P_j *
 *    (-theta_j / P_jj), so that terms that go together take over its part, and are not left with
 *    an error.
 * 4. P_jj <= deviation^2 and >= 1e-9: forgetting widens no further than the prior, so a term that
 *    does not occur, or a sum that cannot be split, keeps what was believed of it.
 * 5. While the running mean error is above 25%, lambda is at most 0.98, so that a world that has
 *    changed is followed in some hundred requests (variable forgetting after Fortescue, Kershenbaum
 *    & Ydstie, Automatica 17(6), 1981, by a plainer rule).
 *
 * Invariant: all numbers are finite, theta in [0, 1e9], P symmetric. The order of operations is
 * fixed.
 *
 * Known value: one term, prior 100, deviation 1, forgetting 1, x = 10, y = 1,500: the forecast is
 * 1,000, s = 1,000, z = 1, error 0.5 (clamp 0.1 + 3 * 0.2 = 0.7), gain 1/2: theta = 1.25.
 */
#include "engine/service/forecast.h"

#include "engine/base/hash.h"
#include "engine/base/math.h"

static const double amount_max = 1e12;
static const double theta_max = 1e9;
static const double row_max = 1e4; /* of z_j: beyond, squares would lose P's last digits */
static const double variance_min = 1e-9;
static const double error_first = 0.2;
static const double error_factor = 3.0;
static const double error_slack = 0.1;
static const double error_lost = 0.25; /* of the running mean error; then memory is short */
static const double forgetting_lost = 0.98;
static const double statistic_alpha = 0.005;
static const double within_share = 0.20;
static const double forecast_max = 9223372036854775808.0; /* 2^63 */

enum { CONDITION_PASSES = 3 };

static const char *const term_names[CG_FORECAST_TERMS] = {
    "constant",       "keys",         "hops",         "tier 1 reads", "tier 2 reads",
    "tier 3 reads",   "tier 4 reads", "tier 5 reads", "store reads",  "store writes",
    "requests ahead", "time ahead",   "edges",        "texts"};

cg_forecast_options cg_forecast_options_default(void) {
    return (cg_forecast_options){
        .prior_ns = {20000.0, 100.0, 2000.0, 5.0, 50.0, 1e5, 1e5, 1e5, 50000.0, 20000.0, 1e5,
                     1.0, 5.0, 2e5},
        .prior_deviation = 10.0,
        .forgetting = 0.999,
    };
}

cg_status cg_forecast_init(cg_forecast *forecast, const cg_forecast_options *options,
                           cg_error *error) {
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        if (!(options->prior_ns[i] >= 1e-3 && options->prior_ns[i] <= amount_max)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "forecast: prior_ns of %s is %g, not 0.001 to 1e12",
                                term_names[i], options->prior_ns[i]);
        }
    }
    if (!(options->prior_deviation >= 0.01 && options->prior_deviation <= 1000.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "forecast: prior_deviation is %g, not 0.01 to 1000",
                            options->prior_deviation);
    }
    if (!(options->forgetting >= 0.9 && options->forgetting <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID, "forecast: forgetting is %g, not 0.9 to 1",
                            options->forgetting);
    }
    *forecast = (cg_forecast){.options = *options};
    forecast->statistics.error = error_first;
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        forecast->weights[i] = 1.0;
        forecast->covariance[i][i] = options->prior_deviation * options->prior_deviation;
    }
    return CG_OK;
}

/* --- the forecast --- */

static double clamp(double x, double low, double high) {
    if (!(x > low)) { /* NaN too */
        return low;
    }
    return x < high ? x : high;
}

static void amounts_of(const cg_forecast_features *features,
                       double amounts[CG_FORECAST_TERMS]) {
    double permits = features->permits > 0 ? features->permits : 1.0;
    amounts[CG_FORECAST_CONSTANT] = 1.0;
    amounts[CG_FORECAST_KEYS] = features->keys;
    amounts[CG_FORECAST_HOPS] = features->hops;
    for (int i = 0; i < CG_FORECAST_TIERS; i++) {
        amounts[CG_FORECAST_TIER_READS + i] = clamp(features->tier_reads[i], 0.0, amount_max);
    }
    amounts[CG_FORECAST_STORE_READS] = features->store_reads_ahead;
    amounts[CG_FORECAST_STORE_WRITES] = features->store_writes_ahead;
    amounts[CG_FORECAST_REQUESTS_AHEAD] = features->requests_ahead / permits;
    amounts[CG_FORECAST_AHEAD_NS] =
        clamp((double)features->ahead_ns / permits, 0.0, amount_max);
    amounts[CG_FORECAST_EDGES] = clamp(features->edges, 0.0, amount_max);
    amounts[CG_FORECAST_TEXTS] = features->texts;
}

static double forecast_of(const cg_forecast *forecast,
                          const double amounts[CG_FORECAST_TERMS]) {
    double sum = 0.0;
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        sum += amounts[i] * forecast->options.prior_ns[i] * forecast->weights[i];
    }
    return sum;
}

static uint64_t nanoseconds_of(double nanoseconds) {
    return nanoseconds < forecast_max ? (uint64_t)nanoseconds : UINT64_C(1) << 63;
}

uint64_t cg_forecast_ns(const cg_forecast *forecast, const cg_forecast_features *features) {
    double amounts[CG_FORECAST_TERMS];
    amounts_of(features, amounts);
    return nanoseconds_of(forecast_of(forecast, amounts));
}

/* --- learning --- */

static void learn_statistics(cg_forecast_statistics *statistics, double expected,
                             double actual) {
    double error = (expected > actual ? expected - actual : actual - expected) / actual;
    double within = error <= within_share ? 1.0 : 0.0;
    statistics->count++;
    statistics->within_count += error <= within_share;
    /* A true mean at first, so that the start does not stand for 200 requests. */
    double alpha = 1.0 / (double)statistics->count;
    alpha = alpha > statistic_alpha ? alpha : statistic_alpha;
    statistics->error += alpha * (clamp(error, 0.0, 10.0) - statistics->error);
    statistics->within_share += alpha * (within - statistics->within_share);
}

/* Moves weights below 0 to 0, and those that go with them by as much as is believed. */
static void condition(cg_forecast *forecast) {
    double *weights = forecast->weights;
    for (int pass = 0; pass < CONDITION_PASSES; pass++) {
        for (int j = 0; j < CG_FORECAST_TERMS; j++) {
            if (weights[j] < 0.0) {
                double step = -weights[j] / forecast->covariance[j][j];
                for (int i = 0; i < CG_FORECAST_TERMS; i++) {
                    weights[i] += forecast->covariance[i][j] * step;
                }
                weights[j] = 0.0;
            }
        }
    }
    for (int j = 0; j < CG_FORECAST_TERMS; j++) {
        weights[j] = clamp(weights[j], 0.0, theta_max);
    }
}

/* P_ij / lambda where both may widen: that adds a positive matrix. */
static void forget(cg_forecast *forecast) {
    double lambda = forecast->options.forgetting;
    if (forecast->statistics.error > error_lost && lambda > forgetting_lost) {
        lambda = forgetting_lost;
    }
    double variance_max = forecast->options.prior_deviation * forecast->options.prior_deviation;
    bool may_widen[CG_FORECAST_TERMS];
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        may_widen[i] = forecast->covariance[i][i] <= variance_max * lambda;
    }
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        for (int j = 0; j < CG_FORECAST_TERMS; j++) {
            forecast->covariance[i][j] /= may_widen[i] && may_widen[j] ? lambda : 1.0;
        }
        if (forecast->covariance[i][i] < variance_min) {
            forecast->covariance[i][i] = variance_min;
        }
    }
    /* No covariance of a positive matrix is larger; without this, what rounding makes negative
     * would be squared at every step. */
    double deviations[CG_FORECAST_TERMS];
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        deviations[i] = cg_sqrt(forecast->covariance[i][i]);
        for (int j = 0; j < i; j++) {
            double most = deviations[i] * deviations[j];
            forecast->covariance[i][j] = clamp(forecast->covariance[i][j], -most, most);
            forecast->covariance[j][i] = forecast->covariance[i][j];
        }
    }
}

void cg_forecast_learn(cg_forecast *forecast, const cg_forecast_features *features,
                       uint64_t actual_ns) {
    double row[CG_FORECAST_TERMS];
    double spread[CG_FORECAST_TERMS]; /* P z */
    amounts_of(features, row);
    double actual = actual_ns > 0 ? (double)actual_ns : 1.0;
    double expected = forecast_of(forecast, row);
    double scale = expected > actual / 2.0 ? expected : actual / 2.0;
    double bound = error_factor * forecast->statistics.error + error_slack;
    double error = clamp((actual - expected) / scale, -bound, bound);
    learn_statistics(&forecast->statistics, expected, actual);
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        row[i] = clamp(row[i] * forecast->options.prior_ns[i] / scale, 0.0, row_max);
    }
    double variance = 1.0; /* of the error; lambda is applied apart, by forget */
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        spread[i] = 0.0;
        for (int j = 0; j < CG_FORECAST_TERMS; j++) {
            spread[i] += forecast->covariance[i][j] * row[j];
        }
        variance += spread[i] * row[i];
    }
    if (!(variance >= 1.0)) {
        variance = 1.0; /* rounding alone takes it lower */
    }
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        forecast->weights[i] += spread[i] / variance * error;
        for (int j = 0; j < CG_FORECAST_TERMS; j++) {
            /* The product first, which is symmetric. */
            forecast->covariance[i][j] -= spread[i] * spread[j] / variance;
        }
    }
    forget(forecast);
    condition(forecast);
}

/* --- the plan --- */

/* The forecast with `hops` hops and `keys` keys, reads of the tiers in proportion. */
static double forecast_cut(const cg_forecast *forecast, const cg_forecast_features *features,
                           uint32_t hops, uint32_t keys) {
    double amounts[CG_FORECAST_TERMS];
    cg_forecast_features cut = *features;
    double share = features->keys > 0 ? (double)keys / features->keys : 0.0;
    cut.hops = hops;
    cut.keys = keys;
    for (int i = 0; i < CG_FORECAST_TIERS; i++) {
        cut.tier_reads[i] *= share;
    }
    amounts_of(&cut, amounts);
    return forecast_of(forecast, amounts);
}

/* Looks for the most keys with the most hops; weights are not below 0, so fewer never cost more. */
static bool truncate_to(const cg_forecast *forecast, const cg_forecast_features *features,
                        uint64_t budget_ns, cg_forecast_plan *plan) {
    uint32_t hops_low = 0; /* known to fit with one key; 0: none */
    uint32_t hops_high = features->hops;
    while (hops_low < hops_high) {
        uint32_t hops = hops_high - (hops_high - hops_low) / 2;
        if (nanoseconds_of(forecast_cut(forecast, features, hops, 1)) <= budget_ns) {
            hops_low = hops;
        } else {
            hops_high = hops - 1;
        }
    }
    if (hops_low == 0 || features->keys == 0) {
        return false;
    }
    uint32_t keys_low = 1;
    uint32_t keys_high = features->keys;
    while (keys_low < keys_high) {
        uint32_t keys = keys_high - (keys_high - keys_low) / 2;
        if (nanoseconds_of(forecast_cut(forecast, features, hops_low, keys)) <= budget_ns) {
            keys_low = keys;
        } else {
            keys_high = keys - 1;
        }
    }
    plan->mode = CG_FORECAST_TRUNCATED;
    plan->hops = hops_low;
    plan->keys = keys_low;
    return true;
}

cg_forecast_plan cg_forecast_planned(const cg_forecast *forecast,
                                     const cg_forecast_features *features, uint64_t budget_ns) {
    uint64_t whole_ns = cg_forecast_ns(forecast, features);
    cg_forecast_plan plan = {
        .mode = CG_FORECAST_WHOLE,
        .hops = features->hops,
        .keys = features->keys,
        .whole_ns = whole_ns,
        .planned_ns = whole_ns,
    };
    if (whole_ns <= budget_ns) {
        return plan;
    }
    uint64_t over_ns = whole_ns - budget_ns;
    plan.is_partial = true;
    bool is_far_over = over_ns > budget_ns / 2; /* whole, so the half may be rounded down */
    if (is_far_over || !truncate_to(forecast, features, budget_ns, &plan)) {
        plan.mode = CG_FORECAST_SIMILARITY;
        plan.hops = 0;
        plan.keys = 0;
    }
    plan.planned_ns = nanoseconds_of(forecast_cut(forecast, features, plan.hops, plan.keys));
    return plan;
}

/* --- inspection --- */

double cg_forecast_weight_ns(const cg_forecast *forecast, cg_forecast_term term) {
    CG_ASSERT(term >= 0 && term < CG_FORECAST_TERMS);
    return forecast->weights[term] * forecast->options.prior_ns[term];
}

cg_forecast_statistics cg_forecast_statistics_of(const cg_forecast *forecast) {
    return forecast->statistics;
}

uint64_t cg_forecast_hash(const cg_forecast *forecast) {
    cg_hasher hasher = cg_hasher_init();
    for (int i = 0; i < CG_FORECAST_TERMS; i++) {
        cg_hasher_add_f64(&hasher, forecast->options.prior_ns[i]);
        cg_hasher_add_f64(&hasher, forecast->weights[i]);
        for (int j = 0; j < CG_FORECAST_TERMS; j++) {
            cg_hasher_add_f64(&hasher, forecast->covariance[i][j]);
        }
    }
    cg_hasher_add_f64(&hasher, forecast->options.prior_deviation);
    cg_hasher_add_f64(&hasher, forecast->options.forgetting);
    cg_hasher_add_u64(&hasher, forecast->statistics.count);
    cg_hasher_add_u64(&hasher, forecast->statistics.within_count);
    cg_hasher_add_f64(&hasher, forecast->statistics.error);
    cg_hasher_add_f64(&hasher, forecast->statistics.within_share);
    return cg_hasher_value(&hasher);
}
