/* Adaptive configuration: rules change settings from metrics, step by step (spec D8).
 *
 * A setting is an integer within bounds. A rule moves one setting one step up or down when all its
 * conditions on metrics have held for `hold` intervals in a row. Then the setting rests for the
 * rule's cooldown. A setting changes at most once an interval, by the first rule in order that
 * is due.
 *
 * Against flapping: an up rule and a down rule of a setting that look at the same metric must
 * leave a gap between their thresholds (checked when they are given). And each change of a
 * setting that takes back the change before it doubles the rest before the next such reversal, up
 * to 64 cooldowns; two changes in one direction end that.
 *
 * A metric that is NaN, or was not given, is unknown: conditions on it don't hold, so the
 * rule's count of intervals starts anew.
 */
#ifndef CG_ENGINE_SERVICE_ADAPT_H
#define CG_ENGINE_SERVICE_ADAPT_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    CG_ADAPT_SETTINGS_MAX = 32,
    CG_ADAPT_RULES_MAX = 128,
    CG_ADAPT_METRICS_MAX = 64,
    CG_ADAPT_CONDITIONS_MAX = 3,
    CG_ADAPT_INTERVALS_MAX = 1000000 /* of a hold or cooldown */
};
#define CG_ADAPT_VALUE_MAX (INT64_C(1) << 53) /* a setting lies within plus and minus this */

typedef enum cg_adapt_step {
    CG_ADAPT_ADD,      /* up: value + amount; down: value - amount */
    CG_ADAPT_MULTIPLY, /* up: value * amount; down: value / amount; bounds above 0 */
    CG_ADAPT_STEPS
} cg_adapt_step;

typedef struct cg_adapt_setting {
    const char *name; /* for messages; borrowed as long as the options are used */
    int64_t initial;
    int64_t min;
    int64_t max;
    cg_adapt_step step;
    int64_t amount; /* of a step: at least 1; to multiply by, at least 2 */
} cg_adapt_setting;

typedef enum cg_adapt_comparison {
    CG_ADAPT_ABOVE, /* metric > threshold */
    CG_ADAPT_BELOW, /* metric < threshold */
    CG_ADAPT_COMPARISONS
} cg_adapt_comparison;

typedef struct cg_adapt_condition {
    uint32_t metric; /* index, below CG_ADAPT_METRICS_MAX */
    cg_adapt_comparison comparison;
    double threshold;
} cg_adapt_condition;

typedef enum cg_adapt_direction {
    CG_ADAPT_DOWN,
    CG_ADAPT_UP,
    CG_ADAPT_DIRECTIONS
} cg_adapt_direction;

typedef struct cg_adapt_rule {
    uint32_t setting; /* index */
    cg_adapt_direction direction;
    uint32_t condition_count; /* 1..CG_ADAPT_CONDITIONS_MAX; all must hold */
    cg_adapt_condition conditions[CG_ADAPT_CONDITIONS_MAX];
    uint32_t hold;     /* intervals in a row, 1..CG_ADAPT_INTERVALS_MAX */
    uint32_t cooldown; /* intervals without a change of the setting after this rule's change */
} cg_adapt_rule;

typedef struct cg_adapt_options {
    const cg_adapt_setting *settings; /* [setting_count] */
    const cg_adapt_rule *rules;       /* [rule_count] */
    uint32_t setting_count;           /* 0..CG_ADAPT_SETTINGS_MAX */
    uint32_t rule_count;              /* 0..CG_ADAPT_RULES_MAX */
} cg_adapt_options;

/* The settings and metrics of the default rules. Shares are in [0, 1]. */
typedef enum cg_adapt_default_setting {
    CG_ADAPT_PREFETCH_DEPTH, /* 0..4 from 0, by 1 */
    CG_ADAPT_L1_ENTRIES,     /* 10,000..160,000 from 40,000, by doubling */
    CG_ADAPT_PERMITS,        /* 4..1,024 from 32, by doubling */
    CG_ADAPT_DEFAULT_SETTINGS
} cg_adapt_default_setting;

typedef enum cg_adapt_default_metric {
    CG_ADAPT_PREDICTOR_ACCURACY, /* share of successors that the predictor named, prefetched or
                                  * not (in the shadow) */
    CG_ADAPT_PREFETCH_USEFUL,    /* share of prefetched keys that were read; NaN with none */
    CG_ADAPT_DISK_UTILISATION,   /* share of time that the disk was busy */
    CG_ADAPT_L1_HIT_SHARE,       /* share of reads served by L1 */
    CG_ADAPT_L2_SERVED_SHARE,    /* share of reads served by L2: what a larger L1 might hold */
    CG_ADAPT_QUEUE_RATIO,        /* mean wait for a permit over mean service */
    CG_ADAPT_CORE_UTILISATION,   /* share of time that cores were busy */
    CG_ADAPT_DEFAULT_METRICS
} cg_adapt_default_metric;

/* Rules, with hold and cooldown in intervals:
 *
 *   setting         direction  when                                              hold cooldown
 *   prefetch depth  up         accuracy > 0.80 and disk < 0.70                     3     2
 *   prefetch depth  down       accuracy < 0.65                                     3     2
 *   prefetch depth  down       useful < 0.30                                       3     2
 *   prefetch depth  down       disk > 0.90                                         3     2
 *   L1 entries      up         L1 hits < 0.90 and L2 serves > 0.10                 3     4
 *   L1 entries      down       L1 hits > 0.97 and L2 serves < 0.01                10     4
 *   permits         up         queue ratio > 1 and cores < 0.80                    3     2
 *   permits         down       queue ratio < 0.25 and cores > 0.95                 3     2
 *
 * Borrowed, static. */
cg_adapt_options cg_adapt_options_default(void);

typedef struct cg_adapt cg_adapt;
/* Copies settings and rules. CG_ERROR_INVALID with setting or rule, value and limits;
 * CG_ERROR_MEMORY. */
cg_status cg_adapt_alloc(const cg_adapt_options *options, cg_allocator allocator,
                         cg_adapt **out, cg_error *error);
void cg_adapt_free(cg_adapt *adapt); /* NULL is fine */

typedef struct cg_adapt_change {
    uint32_t setting;
    uint32_t rule; /* that asked for it */
    int64_t from;
    int64_t to;
} cg_adapt_change;

/* One interval has passed with these metrics (double[metric_count]; those beyond are unknown).
 * Fills at most `max` changes in order of settings and returns their number; a change that finds
 * no place is not made, and is due again at the next interval. O(rules). */
uint32_t cg_adapt_interval(cg_adapt *adapt, const double *metrics, uint32_t metric_count,
                           cg_adapt_change *changes, uint32_t max);

int64_t cg_adapt_value(const cg_adapt *adapt, uint32_t setting); /* setting < setting_count */
uint64_t cg_adapt_changes(const cg_adapt *adapt);                /* ever made */
uint64_t cg_adapt_hash(const cg_adapt *adapt);                   /* over all state */

#endif
