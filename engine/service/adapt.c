/* Rules over settings: two passes an interval.
 *
 * First every rule counts in how many intervals in a row all its conditions have held. Then every
 * setting takes the first of its rules, in the order given, that has held long enough, would
 * change the value, and whose direction is not at rest.
 *
 * A setting rests after each change: `cooldown` intervals for the direction it went, and
 * `cooldown * 2^reversals` for the other. Reversals count changes that took back the one before, in
 * a row (at most 6); so a pair of rules that undo each other's work, through a plant that answers
 * more strongly than the gap between their thresholds, grows quiet: at most 7 changes before they
 * are 64 cooldowns apart. Exponential back-off after Metcalfe & Boggs, "Ethernet", CACM 19(7),
 * 1976.
 *
 * A change starts the counts of all rules of its setting anew: they saw the world before it.
 */
#include "engine/service/adapt.h"

#include <inttypes.h>

#include "engine/base/hash.h"

enum { REVERSALS_MAX = 6 };

typedef struct setting_state {
    cg_adapt_setting setting; /* without its name, which is borrowed */
    int64_t value;
    uint64_t wait_up; /* intervals until it may go there */
    uint64_t wait_down;
    uint32_t reversals;
    bool has_changed;
    cg_adapt_direction direction; /* of the last change */
} setting_state;

typedef struct rule_state {
    cg_adapt_rule rule;
    uint32_t held; /* intervals in a row, at most rule.hold */
} rule_state;

struct cg_adapt {
    cg_allocator allocator;
    uint64_t changes;
    uint32_t setting_count;
    uint32_t rule_count;
    setting_state settings[CG_ADAPT_SETTINGS_MAX];
    rule_state rules[CG_ADAPT_RULES_MAX];
};

cg_adapt_options cg_adapt_options_default(void) {
    static const cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS] = {
        [CG_ADAPT_PREFETCH_DEPTH] = {"prefetch depth", 0, 0, 4, CG_ADAPT_ADD, 1},
        [CG_ADAPT_L1_ENTRIES] = {"L1 entries", 40000, 10000, 160000, CG_ADAPT_MULTIPLY, 2},
        [CG_ADAPT_PERMITS] = {"permits", 32, 4, 1024, CG_ADAPT_MULTIPLY, 2},
    };
    static const cg_adapt_rule rules[] = {
        {CG_ADAPT_PREFETCH_DEPTH,
         CG_ADAPT_UP,
         2,
         {{CG_ADAPT_PREDICTOR_ACCURACY, CG_ADAPT_ABOVE, 0.80},
          {CG_ADAPT_DISK_UTILISATION, CG_ADAPT_BELOW, 0.70}},
         3,
         2},
        {CG_ADAPT_PREFETCH_DEPTH,
         CG_ADAPT_DOWN,
         1,
         {{CG_ADAPT_PREDICTOR_ACCURACY, CG_ADAPT_BELOW, 0.65}},
         3,
         2},
        {CG_ADAPT_PREFETCH_DEPTH,
         CG_ADAPT_DOWN,
         1,
         {{CG_ADAPT_PREFETCH_USEFUL, CG_ADAPT_BELOW, 0.30}},
         3,
         2},
        {CG_ADAPT_PREFETCH_DEPTH,
         CG_ADAPT_DOWN,
         1,
         {{CG_ADAPT_DISK_UTILISATION, CG_ADAPT_ABOVE, 0.90}},
         3,
         2},
        {CG_ADAPT_L1_ENTRIES,
         CG_ADAPT_UP,
         2,
         {{CG_ADAPT_L1_HIT_SHARE, CG_ADAPT_BELOW, 0.90},
          {CG_ADAPT_L2_SERVED_SHARE, CG_ADAPT_ABOVE, 0.10}},
         3,
         4},
        {CG_ADAPT_L1_ENTRIES,
         CG_ADAPT_DOWN,
         2,
         {{CG_ADAPT_L1_HIT_SHARE, CG_ADAPT_ABOVE, 0.97},
          {CG_ADAPT_L2_SERVED_SHARE, CG_ADAPT_BELOW, 0.01}},
         10,
         4},
        {CG_ADAPT_PERMITS,
         CG_ADAPT_UP,
         2,
         {{CG_ADAPT_QUEUE_RATIO, CG_ADAPT_ABOVE, 1.0},
          {CG_ADAPT_CORE_UTILISATION, CG_ADAPT_BELOW, 0.80}},
         3,
         2},
        {CG_ADAPT_PERMITS,
         CG_ADAPT_DOWN,
         2,
         {{CG_ADAPT_QUEUE_RATIO, CG_ADAPT_BELOW, 0.25},
          {CG_ADAPT_CORE_UTILISATION, CG_ADAPT_ABOVE, 0.95}},
         3,
         2},
    };
    return (cg_adapt_options){
        .settings = settings,
        .rules = rules,
        .setting_count = CG_ADAPT_DEFAULT_SETTINGS,
        .rule_count = sizeof rules / sizeof *rules,
    };
}

/* --- checks --- */

static cg_status check_setting(const cg_adapt_setting *setting, uint32_t number,
                               cg_error *error) {
    if (!setting->name) {
        return cg_error_set(error, CG_ERROR_INVALID, "adapt: setting %u has no name", number);
    }
    if ((unsigned)setting->step >= CG_ADAPT_STEPS) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: setting %u (%s): step is %u, not below %d", number,
                            setting->name, (unsigned)setting->step, CG_ADAPT_STEPS);
    }
    int64_t low = setting->step == CG_ADAPT_MULTIPLY ? 1 : -CG_ADAPT_VALUE_MAX;
    if (setting->min < low || setting->max > CG_ADAPT_VALUE_MAX ||
        setting->min > setting->max) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: setting %u (%s): bounds are %" PRId64 " to %" PRId64
                            ", not ascending within %" PRId64 " to %" PRId64,
                            number, setting->name, setting->min, setting->max, low,
                            CG_ADAPT_VALUE_MAX);
    }
    if (setting->initial < setting->min || setting->initial > setting->max) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "adapt: setting %u (%s): initial value is %" PRId64 ", not %" PRId64 " to %" PRId64,
            number, setting->name, setting->initial, setting->min, setting->max);
    }
    int64_t amount_min = setting->step == CG_ADAPT_MULTIPLY ? 2 : 1;
    if (setting->amount < amount_min || setting->amount > CG_ADAPT_VALUE_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: setting %u (%s): amount of a step is %" PRId64
                            ", not %" PRId64 " to %" PRId64,
                            number, setting->name, setting->amount, amount_min,
                            CG_ADAPT_VALUE_MAX);
    }
    return CG_OK;
}

static cg_status check_conditions(const cg_adapt_rule *rule, uint32_t number, cg_error *error) {
    if (rule->condition_count < 1 || rule->condition_count > CG_ADAPT_CONDITIONS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: rule %u has %u conditions, not 1 to %d", number,
                            rule->condition_count, CG_ADAPT_CONDITIONS_MAX);
    }
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        const cg_adapt_condition *condition = &rule->conditions[i];
        double threshold = condition->threshold;
        if (condition->metric >= CG_ADAPT_METRICS_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "adapt: rule %u: metric is %u, not below %d", number,
                                condition->metric, CG_ADAPT_METRICS_MAX);
        }
        if ((unsigned)condition->comparison >= CG_ADAPT_COMPARISONS) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "adapt: rule %u: comparison is %u, not below %d", number,
                                (unsigned)condition->comparison, CG_ADAPT_COMPARISONS);
        }
        if (!(threshold - threshold == 0.0)) { /* NaN and infinite ones */
            return cg_error_set(error, CG_ERROR_INVALID,
                                "adapt: rule %u: threshold on metric %u is not finite", number,
                                condition->metric);
        }
    }
    return CG_OK;
}

static cg_status check_rule(const cg_adapt_options *options, uint32_t number, cg_error *error) {
    const cg_adapt_rule *rule = &options->rules[number];
    if (rule->setting >= options->setting_count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: rule %u: setting is %u, not below %u", number,
                            rule->setting, options->setting_count);
    }
    if ((unsigned)rule->direction >= CG_ADAPT_DIRECTIONS) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: rule %u: direction is %u, not below %d", number,
                            (unsigned)rule->direction, CG_ADAPT_DIRECTIONS);
    }
    if (rule->hold < 1 || rule->hold > CG_ADAPT_INTERVALS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: rule %u: hold is %u intervals, not 1 to %d", number,
                            rule->hold, CG_ADAPT_INTERVALS_MAX);
    }
    if (rule->cooldown > CG_ADAPT_INTERVALS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "adapt: rule %u: cooldown is %u intervals, above %d", number,
                            rule->cooldown, CG_ADAPT_INTERVALS_MAX);
    }
    return check_conditions(rule, number, error);
}

/* Whether no value fulfils both, nor lies on the border of both. */
static bool have_gap(const cg_adapt_condition *one, const cg_adapt_condition *other) {
    if (one->comparison == other->comparison) {
        return false;
    }
    const cg_adapt_condition *above = one->comparison == CG_ADAPT_ABOVE ? one : other;
    const cg_adapt_condition *below = above == one ? other : one;
    return below->threshold < above->threshold;
}

/* One gap is enough: all conditions of a rule must hold. Rules without a common metric pass. */
static cg_status check_pair(const cg_adapt_rule *rules, uint32_t up, uint32_t down,
                            cg_error *error) {
    const cg_adapt_condition *shared_up = NULL;
    const cg_adapt_condition *shared_down = NULL;
    for (uint32_t i = 0; i < rules[up].condition_count; i++) {
        for (uint32_t j = 0; j < rules[down].condition_count; j++) {
            const cg_adapt_condition *one = &rules[up].conditions[i];
            const cg_adapt_condition *other = &rules[down].conditions[j];
            if (one->metric == other->metric) {
                if (have_gap(one, other)) {
                    return CG_OK;
                }
                shared_up = one;
                shared_down = other;
            }
        }
    }
    if (!shared_up) {
        return CG_OK;
    }
    return cg_error_set(
        error, CG_ERROR_INVALID,
        "adapt: rule %u (up) and rule %u (down) of setting %u overlap on metric "
        "%u: %s %g and %s %g leave no gap",
        up, down, rules[up].setting, shared_up->metric,
        shared_up->comparison == CG_ADAPT_ABOVE ? "above" : "below", shared_up->threshold,
        shared_down->comparison == CG_ADAPT_ABOVE ? "above" : "below", shared_down->threshold);
}

static cg_status check_options(const cg_adapt_options *options, cg_error *error) {
    if (options->setting_count > CG_ADAPT_SETTINGS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "adapt: %u settings, above %d",
                            options->setting_count, CG_ADAPT_SETTINGS_MAX);
    }
    if (options->rule_count > CG_ADAPT_RULES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "adapt: %u rules, above %d",
                            options->rule_count, CG_ADAPT_RULES_MAX);
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < options->setting_count; i++) {
        status = check_setting(&options->settings[i], i, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < options->rule_count; i++) {
        status = check_rule(options, i, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < options->rule_count; i++) {
        for (uint32_t j = 0; status == CG_OK && j < options->rule_count; j++) {
            if (options->rules[i].setting == options->rules[j].setting &&
                options->rules[i].direction == CG_ADAPT_UP &&
                options->rules[j].direction == CG_ADAPT_DOWN) {
                status = check_pair(options->rules, i, j, error);
            }
        }
    }
    return status;
}

/* --- life --- */

cg_status cg_adapt_alloc(const cg_adapt_options *options, cg_allocator allocator,
                         cg_adapt **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_adapt *adapt = cg_allocate(&allocator, 1, sizeof *adapt);
    if (!adapt) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "adapt: no memory for %zu bytes of settings and rules",
                            sizeof *adapt);
    }
    adapt->allocator = allocator;
    adapt->setting_count = options->setting_count;
    adapt->rule_count = options->rule_count;
    for (uint32_t i = 0; i < options->setting_count; i++) {
        adapt->settings[i].setting = options->settings[i];
        adapt->settings[i].setting.name = NULL;
        adapt->settings[i].value = options->settings[i].initial;
    }
    for (uint32_t i = 0; i < options->rule_count; i++) {
        adapt->rules[i].rule = options->rules[i];
    }
    *out = adapt;
    return CG_OK;
}

void cg_adapt_free(cg_adapt *adapt) {
    if (adapt) {
        cg_allocator allocator = adapt->allocator;
        cg_deallocate(&allocator, adapt, 1, sizeof *adapt);
    }
}

/* --- an interval --- */

/* Comparisons with NaN are false. */
static bool holds(const cg_adapt_rule *rule, const double *metrics, uint32_t metric_count) {
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        const cg_adapt_condition *condition = &rule->conditions[i];
        if (condition->metric >= metric_count) {
            return false;
        }
        double value = metrics[condition->metric];
        bool fulfilled = condition->comparison == CG_ADAPT_ABOVE ? value > condition->threshold
                                                                 : value < condition->threshold;
        if (!fulfilled) {
            return false;
        }
    }
    return true;
}

/* Values and amounts are at most 2^53, but their product may be 2^106. */
static int64_t stepped(const setting_state *state, cg_adapt_direction direction) {
    const cg_adapt_setting *setting = &state->setting;
    int64_t to = state->value;
    if (setting->step == CG_ADAPT_ADD) {
        to += direction == CG_ADAPT_UP ? setting->amount : -setting->amount;
    } else if (direction == CG_ADAPT_DOWN) {
        to /= setting->amount;
    } else {
        to = to > setting->max / setting->amount ? setting->max : to * setting->amount;
    }
    if (to < setting->min) {
        return setting->min;
    }
    return to > setting->max ? setting->max : to;
}

/* The setting's first rule that is due, or rule_count. */
static uint32_t due_rule(const cg_adapt *adapt, uint32_t setting) {
    const setting_state *state = &adapt->settings[setting];
    uint32_t i = 0;
    for (; i < adapt->rule_count; i++) {
        const rule_state *rule = &adapt->rules[i];
        uint64_t wait = rule->rule.direction == CG_ADAPT_UP ? state->wait_up : state->wait_down;
        if (rule->rule.setting == setting && rule->held >= rule->rule.hold && wait == 0 &&
            stepped(state, rule->rule.direction) != state->value) {
            break;
        }
    }
    return i;
}

static cg_adapt_change apply(cg_adapt *adapt, uint32_t rule_number) {
    const cg_adapt_rule *rule = &adapt->rules[rule_number].rule;
    setting_state *state = &adapt->settings[rule->setting];
    cg_adapt_change change = {
        .setting = rule->setting,
        .rule = rule_number,
        .from = state->value,
        .to = stepped(state, rule->direction),
    };
    bool reverses = state->has_changed && state->direction != rule->direction;
    state->reversals = reverses ? state->reversals + (state->reversals < REVERSALS_MAX) : 0;
    uint64_t wait_back = (uint64_t)rule->cooldown << state->reversals;
    state->wait_up = rule->direction == CG_ADAPT_UP ? rule->cooldown : wait_back;
    state->wait_down = rule->direction == CG_ADAPT_DOWN ? rule->cooldown : wait_back;
    state->has_changed = true;
    state->direction = rule->direction;
    state->value = change.to;
    adapt->changes++;
    for (uint32_t i = 0; i < adapt->rule_count; i++) {
        if (adapt->rules[i].rule.setting == change.setting) {
            adapt->rules[i].held = 0;
        }
    }
    return change;
}

uint32_t cg_adapt_interval(cg_adapt *adapt, const double *metrics, uint32_t metric_count,
                           cg_adapt_change *changes, uint32_t max) {
    for (uint32_t i = 0; i < adapt->rule_count; i++) {
        rule_state *state = &adapt->rules[i];
        bool held = holds(&state->rule, metrics, metric_count);
        state->held = held ? state->held + (state->held < state->rule.hold) : 0;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < adapt->setting_count; i++) {
        setting_state *state = &adapt->settings[i];
        uint32_t rule = due_rule(adapt, i);
        state->wait_up -= state->wait_up > 0;
        state->wait_down -= state->wait_down > 0;
        if (rule < adapt->rule_count && count < max) {
            changes[count++] = apply(adapt, rule);
        }
    }
    return count;
}

/* --- inspection --- */

int64_t cg_adapt_value(const cg_adapt *adapt, uint32_t setting) {
    CG_ASSERT(setting < adapt->setting_count);
    return adapt->settings[setting].value;
}

uint64_t cg_adapt_changes(const cg_adapt *adapt) {
    return adapt->changes;
}

uint64_t cg_adapt_hash(const cg_adapt *adapt) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, adapt->changes);
    for (uint32_t i = 0; i < adapt->setting_count; i++) {
        const setting_state *state = &adapt->settings[i];
        cg_hasher_add_u64(&hasher, (uint64_t)state->value);
        cg_hasher_add_u64(&hasher, state->wait_up);
        cg_hasher_add_u64(&hasher, state->wait_down);
        cg_hasher_add_u64(&hasher, state->reversals);
        cg_hasher_add_u64(&hasher, state->has_changed ? 1 + (uint64_t)state->direction : 0);
    }
    for (uint32_t i = 0; i < adapt->rule_count; i++) {
        cg_hasher_add_u64(&hasher, adapt->rules[i].held);
    }
    return cg_hasher_value(&hasher);
}
