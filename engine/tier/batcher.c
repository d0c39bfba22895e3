/* The batcher: a line through mean times, and the least of a closed form over powers of two.
 *
 * Idea: batches are counted by floor(log2) of their keys, in windows of settle_count batches. What
 * a window says of a class of sizes is its mean keys and mean time; running means over windows are
 * damped (alpha). The line t = f + m * k through the classes, by least squares with relative
 * weights (batches / t^2), gives f and m. The line needs classes whose keys differ by 1.5
 * times or more. Tails of requests often are such classes; where there is only one, the size moves to a
 * place where there will be another (explore). Means of sizes that were left stay, so that f and
 * m remain known at a constant size.
 *
 * A window that is unlike what stood (a class's time by 30%, requests by twice) changes nothing.
 * If the next one is unlike it too, the world has changed: the means begin anew with that window,
 * undamped, so that the size does not follow in small steps; and what is known of other sizes is
 * stale: only the ratio of f and m is kept, as a guess, until two sizes have been met again.
 *
 * Once it has moved three times since the world changed, or eight windows have passed, it takes a gain
 * of 15% to move again: what noise makes of f and m is less.
 *
 * Sizes within 1/32 of the least time count as equal, and the largest is taken: it has the fewest
 * dispatches, which an f estimated as too small would hide. Requests of different sizes enter as
 * 16 sizes spread evenly over the mean and sqrt(3) deviations to both sides (a uniform law of the
 * same variance), so that ceil() does not make the size jump when the mean crosses B * c.
 *
 * Batch size by measured cost and damped, as in Welsh & Culler, "Adaptive Overload Control for
 * Busy Internet Servers", USITS 2003, section 3.3, batching controller of SEDA; there it
 * climbs by trial, here the model is solved. The rule ceil(n / (B * c)) is that of parallel loop
 * chunks: Kruskal & Weiss, "Allocating Independent Subtasks on Parallel Processors", IEEE TSE
 * 11(10), 1985.
 *
 * Known value: f 700, m 100, 8 cores, n 8,192, share 1/8: dispatch allows B >= 64; 64 takes 16
 * rounds of 7,100 ns = 113,600, 512 takes 103,800, and 1,024, which is taken, 103,100.
 */
#include "engine/tier/batcher.h"

#include "engine/base/math.h"

enum {
    POINT_BATCHES_MIN = 16, /* of a class before its mean counts */
    REQUEST_POINTS = 16,
    OUTLIER = 16,        /* a batch counts as at most so many times its class's mean */
    SHARE_OF_WINDOW = 8, /* a class with 1/8 of a window can tell that the world has changed */
    BATCHES_WINDOWS = 8, /* a mean weighs as much as so many windows at most */
    EXPLORE_FAR = 4,     /* to learn from another size, this times larger or smaller */
};
static const double spread_min = 1.5; /* of keys, between classes that make a line */
static const double time_change = 0.30;
static const double request_change = 2.0;
static const double explained_max = 9.0; /* three deviations, squared */
static const double requests_full = 8.0; /* a window of so many weighs in full */
static const double requests_max = 64.0;
static const double near_least = 1.0 / 32.0;
static const uint32_t moves_to_settle = 3; /* since the world changed; then it takes more */
static const uint32_t calm_to_settle = 8;  /* windows since then */
static const double gain_min = 1.05;
static const double gain_settled = 1.15;
static const double slack_min = 1.25; /* of dispatch's share over its limit */
static const double slack_settled = 1.5;
static const double steady_variance = 1e-6; /* of requests, in parts of the mean's square */
static const double root_of_three = 1.7320508075688772;

uint32_t cg_batcher_size(const cg_batcher *batcher) {
    return batcher->size;
}

static double least(double a, double b) {
    return a < b ? a : b;
}

/* --- windows --- */

static void window_clear(cg_batcher *batcher) {
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        batcher->classes[i].window_keys = 0.0;
        batcher->classes[i].window_nanoseconds = 0.0;
        batcher->classes[i].window_batches = 0;
    }
}

static void window_add(cg_batcher *batcher, uint32_t keys, uint32_t request_keys,
                       uint64_t elapsed_ns) {
    uint32_t number = cg_log2_floor(keys);
    if (number >= CG_BATCHER_SIZES) {
        number = CG_BATCHER_SIZES - 1;
    }
    cg_batcher_size_class *class = &batcher->classes[number];
    double nanoseconds = (double)elapsed_ns;
    double usual = 0.0;
    if (class->keys > 0.0 && !class->is_stale && !batcher->is_time_suspect) {
        usual = class->nanoseconds;
    } else if (class->window_batches > 0) {
        usual = class->window_nanoseconds / class->window_batches;
    }
    if (usual > 0.0) {
        nanoseconds = least(nanoseconds, OUTLIER * (usual > 1.0 ? usual : 1.0));
    }
    class->window_keys += keys;
    class->window_nanoseconds += nanoseconds;
    class->window_batches++;
    batcher->window_requests += (double)keys / request_keys;
    batcher->window_request_keys += keys;
    batcher->window_request_squares += (double)keys * request_keys;
    batcher->window_batches++;
}

/* Whether the class's mean time over the window is off by more than time_change. Its mean keys may
 * differ from before: a batch may cost from nothing to its whole share for that. */
static bool is_unlike(const cg_batcher_size_class *class) {
    double keys = class->window_keys / class->window_batches / class->anchor_keys;
    double time = class->window_nanoseconds / class->window_batches;
    double low = class->anchor_nanoseconds * (1.0 - time_change) * (keys < 1.0 ? keys : 1.0);
    double high = class->anchor_nanoseconds * (1.0 + time_change) * (keys > 1.0 ? keys : 1.0);
    return time < low - 1.0 || time > high + 1.0; /* ns are whole */
}

/* Whether the window may be used. */
static bool accept_times(cg_batcher *batcher) {
    bool unlike = false;
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        const cg_batcher_size_class *class = &batcher->classes[i];
        unlike = unlike ||
                 (class->keys > 0.0 && !class->is_stale &&
                  class->window_batches >= batcher->options.settle_count / SHARE_OF_WINDOW &&
                  class->window_batches >= POINT_BATCHES_MIN && is_unlike(class));
    }
    bool twice = unlike && batcher->is_time_suspect;
    batcher->is_time_suspect = unlike && !twice;
    if (twice) {
        for (int i = 0; i < CG_BATCHER_SIZES; i++) {
            batcher->classes[i].is_stale = true;
        }
        batcher->windows = 0;
        batcher->moves = 0;
        batcher->calm_windows = 0;
    }
    return !batcher->is_time_suspect;
}

static void learn_times(cg_batcher *batcher, double alpha) {
    double batches_max = (double)batcher->options.settle_count * BATCHES_WINDOWS;
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        cg_batcher_size_class *class = &batcher->classes[i];
        if (class->window_batches < POINT_BATCHES_MIN) {
            continue; /* they go on to the next window */
        }
        double keys = class->window_keys / class->window_batches;
        double nanoseconds = class->window_nanoseconds / class->window_batches;
        if (class->keys > 0.0 && !class->is_stale) {
            class->keys += alpha * (keys - class->keys);
            class->nanoseconds += alpha * (nanoseconds - class->nanoseconds);
            class->batches = least(class->batches + class->window_batches, batches_max);
        } else {
            *class = (cg_batcher_size_class){
                .keys = keys,
                .nanoseconds = nanoseconds,
                .anchor_keys = keys,
                .anchor_nanoseconds = nanoseconds,
                .batches = class->window_batches,
            };
        }
        class->window_keys = 0.0;
        class->window_nanoseconds = 0.0;
        class->window_batches = 0;
    }
}

/* A window may hold many requests, or a part of one; so it weighs by how many, and is unlike what
 * stood only where their deviation, and how few stood, do not explain it. */
static void learn_requests(cg_batcher *batcher, double alpha) {
    double requests = batcher->window_requests;
    double mean = batcher->window_request_keys / requests;
    double square = batcher->window_request_squares / requests;
    double before = batcher->request_mean;
    double gap = mean - before;
    double variance = batcher->request_square - before * before;
    bool unlike = false;
    if (batcher->requests > 0.0) {
        double explained = variance + before * before / batcher->requests;
        unlike = (mean > before * request_change || mean * request_change < before) &&
                 gap * gap * (requests > 1.0 ? requests : 1.0) > explained_max * explained;
    }
    if (unlike && !batcher->is_request_suspect) {
        batcher->is_request_suspect = true;
        return;
    }
    batcher->is_request_suspect = false;
    batcher->moves = unlike ? 0 : batcher->moves;
    batcher->calm_windows = unlike ? 0 : batcher->calm_windows;
    batcher->requests = least(requests + (unlike ? 0.0 : batcher->requests), requests_max);
    alpha *= least(1.0, requests / requests_full);
    double as_mean = requests / batcher->requests; /* a plain mean while there are few */
    alpha = least(1.0, alpha > as_mean ? alpha : as_mean);
    batcher->request_mean += alpha * gap;
    batcher->request_square += alpha * (square - batcher->request_square);
}

/* --- the line --- */

static double weight_of(const cg_batcher_size_class *class) {
    double time = class->nanoseconds > 1e-3 ? class->nanoseconds : 1e-3;
    return class->batches / (time * time);
}

/* Whether what was met since the world changed determines f and m; then they are set. */
static bool fit(cg_batcher *batcher) {
    double weight_sum = 0.0;
    double keys_sum = 0.0;
    double time_sum = 0.0;
    double keys_low = 0.0;
    double keys_high = 0.0;
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        const cg_batcher_size_class *class = &batcher->classes[i];
        if (class->keys > 0.0 && !class->is_stale) {
            double weight = weight_of(class);
            weight_sum += weight;
            keys_sum += weight * class->keys;
            time_sum += weight * class->nanoseconds;
            keys_low = keys_low > 0.0 ? keys_low : class->keys;
            keys_high = class->keys;
        }
    }
    if (!(keys_high >= spread_min * keys_low) || keys_low == 0.0) {
        return false;
    }
    double keys_mean = keys_sum / weight_sum;
    double time_mean = time_sum / weight_sum;
    double square = 0.0;
    double product = 0.0;
    double origin_square = 0.0;
    double origin_product = 0.0;
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        const cg_batcher_size_class *class = &batcher->classes[i];
        if (class->keys > 0.0 && !class->is_stale) {
            double weight = weight_of(class);
            double keys = class->keys - keys_mean;
            square += weight * keys * keys;
            product += weight * keys * (class->nanoseconds - time_mean);
            origin_square += weight * class->keys * class->keys;
            origin_product += weight * class->keys * class->nanoseconds;
        }
    }
    batcher->key_ns = product / square;
    batcher->dispatch_ns = time_mean - batcher->key_ns * keys_mean;
    if (batcher->key_ns < 0.0) {
        batcher->key_ns = 0.0;
        batcher->dispatch_ns = time_mean;
    } else if (batcher->dispatch_ns < 0.0) {
        batcher->dispatch_ns = 0.0;
        batcher->key_ns = origin_product / origin_square;
    }
    batcher->is_fitted = true;
    return true;
}

/* Keeps the ratio of f and m, and fits their sum to the class met most since the world changed. */
static void scale(cg_batcher *batcher) {
    const cg_batcher_size_class *most = NULL;
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        const cg_batcher_size_class *class = &batcher->classes[i];
        if (class->keys > 0.0 && !class->is_stale &&
            (!most || class->batches > most->batches)) {
            most = class;
        }
    }
    double before = most ? batcher->dispatch_ns + batcher->key_ns * most->keys : 0.0;
    if (before > 0.0) {
        double ratio = most->nanoseconds / before;
        batcher->dispatch_ns *= ratio;
        batcher->key_ns *= ratio;
    }
}

/* --- the choice --- */

static double round_up(double x) {
    if (x >= 9e15) {
        return x;
    }
    double whole = (double)(uint64_t)x;
    return whole < x ? whole + 1.0 : whole;
}

static double deviation_of_requests(const cg_batcher *batcher) {
    double mean = batcher->request_mean;
    double variance = batcher->request_square - mean * mean;
    return variance > steady_variance * mean * mean ? cg_sqrt(variance) : 0.0;
}

static double request_time(const cg_batcher *batcher, uint32_t size) {
    double deviation = deviation_of_requests(batcher);
    uint32_t points = deviation > 0.0 ? REQUEST_POINTS : 1;
    double sum = 0.0;
    for (uint32_t i = 0; i < points; i++) {
        double place = (2.0 * i + 1.0) / points - 1.0; /* evenly in (-1, 1) */
        double keys = batcher->request_mean + place * root_of_three * deviation;
        keys = keys > 1.0 ? keys : 1.0;
        double rounds = round_up(keys / ((double)size * batcher->options.cores));
        sum += rounds * (batcher->dispatch_ns + batcher->key_ns * least(size, keys));
    }
    return sum / points;
}

static double dispatch_share(const cg_batcher *batcher, uint32_t size) {
    double keys_ns = batcher->key_ns * least(size, batcher->request_mean);
    double whole_ns = batcher->dispatch_ns + keys_ns;
    return whole_ns > 0.0 ? batcher->dispatch_ns / whole_ns : 0.0;
}

/* The least size that holds a whole request; larger ones are the same. */
static uint32_t holding_all(const cg_batcher *batcher, double keys) {
    uint32_t size = batcher->options.batch_min;
    while (size < batcher->options.batch_max && size < keys) {
        size *= 2;
    }
    return size;
}

static uint32_t best_size(const cg_batcher *batcher) {
    double limit = batcher->options.overhead_share;
    double spread = root_of_three * deviation_of_requests(batcher);
    uint32_t last = holding_all(batcher, batcher->request_mean + spread);
    double times[CG_BATCHER_SIZES];
    double time_least = -1.0;
    uint32_t count = 0;
    uint32_t first = batcher->options.batch_min;
    while (first < last && dispatch_share(batcher, first) > limit) {
        first *= 2;
    }
    if (dispatch_share(batcher, first) > limit) {
        return holding_all(batcher, batcher->request_mean);
    }
    for (uint32_t size = first; size <= last; size *= 2) {
        times[count] = request_time(batcher, size);
        if (time_least < 0.0 || times[count] < time_least) {
            time_least = times[count];
        }
        count++;
    }
    while (count > 1 && times[count - 1] > time_least * (1.0 + near_least)) {
        count--;
    }
    return first << (count - 1);
}

static bool is_worth(const cg_batcher *batcher, uint32_t best) {
    bool is_settled =
        batcher->moves >= moves_to_settle || batcher->calm_windows >= calm_to_settle;
    double gain = is_settled ? gain_settled : gain_min;
    double share = dispatch_share(batcher, batcher->size);
    if (best == batcher->size) {
        return false;
    }
    if (share > batcher->options.overhead_share * (is_settled ? slack_settled : slack_min)) {
        /* The work of all cores for a key. */
        double now = batcher->key_ns +
                     batcher->dispatch_ns / least(batcher->size, batcher->request_mean);
        double then =
            batcher->key_ns + batcher->dispatch_ns / least(best, batcher->request_mean);
        return now > gain * then;
    }
    return request_time(batcher, batcher->size) > gain * request_time(batcher, best);
}

/* Another size to learn from, so far from the present one that f and m show; the present one where
 * requests or limits leave no other. */
static uint32_t explored_size(const cg_batcher *batcher) {
    const cg_batcher_options *options = &batcher->options;
    double mean = batcher->request_mean;
    double used = least(batcher->size, mean);
    uint32_t base = options->batch_min;
    while (base * 2.0 <= used) {
        base *= 2;
    }
    double high = least(options->batch_max, mean);
    uint32_t even =
        options->batch_min; /* as many keys a core as dispatch for nothing would give */
    while (even * 2.0 <= least(high, mean / options->cores)) {
        even *= 2;
    }
    if (even >= base * (double)EXPLORE_FAR || even * (double)EXPLORE_FAR <= base) {
        return even;
    }
    for (uint32_t step = EXPLORE_FAR; step > 1; step /= 2) {
        bool may_rise = base * (double)step <= high;
        bool may_fall = base / step >= options->batch_min;
        if (may_rise && (!may_fall || base * (double)step * options->cores <= mean)) {
            return base * step;
        }
        if (may_fall) {
            return base / step;
        }
    }
    return batcher->size;
}

static uint32_t next_size(cg_batcher *batcher) {
    bool is_known = fit(batcher);
    if (!is_known && batcher->is_fitted) {
        scale(batcher);
    }
    if (batcher->is_fitted) {
        uint32_t best = best_size(batcher);
        double now = least(batcher->size, batcher->request_mean);
        double then = least(best, batcher->request_mean);
        if (is_known) {
            return is_worth(batcher, best) ? best : batcher->size;
        }
        if (then >= EXPLORE_FAR * now || then * EXPLORE_FAR <= now) {
            return best;
        }
    }
    return explored_size(batcher);
}

static bool window_end(cg_batcher *batcher) {
    const cg_batcher_options *options = &batcher->options;
    uint32_t before = batcher->size;
    bool accepted = accept_times(batcher);
    double alpha =
        batcher->windows < options->young_count ? options->alpha_young : options->alpha;
    learn_requests(batcher, alpha);
    if (accepted) {
        learn_times(batcher, alpha);
        batcher->windows += batcher->windows < options->young_count;
        if (!batcher->is_request_suspect) {
            batcher->size = next_size(batcher);
        }
    } else {
        window_clear(batcher);
    }
    batcher->calm_windows += batcher->calm_windows < calm_to_settle;
    batcher->window_batches = 0;
    batcher->window_requests = 0.0;
    batcher->window_request_keys = 0.0;
    batcher->window_request_squares = 0.0;
    batcher->changes += batcher->size != before;
    batcher->moves += batcher->size != before && batcher->moves < moves_to_settle;
    return batcher->size != before;
}

bool cg_batcher_observe(cg_batcher *batcher, uint32_t keys, uint32_t request_keys,
                        uint64_t elapsed_ns) {
    if (keys == 0) {
        return false;
    }
    window_add(batcher, keys, request_keys < keys ? keys : request_keys, elapsed_ns);
    batcher->observed++;
    return batcher->window_batches >= batcher->options.settle_count && window_end(batcher);
}

/* --- inspection --- */

double cg_batcher_request_ns(const cg_batcher *batcher, uint32_t size) {
    return batcher->is_fitted && size > 0 ? request_time(batcher, size) : 0.0;
}
