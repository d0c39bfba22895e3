/* Forecast of a request's latency from what is known before it runs (spec D7).
 *
 *   latency = sum over terms of weight * amount,   weights >= 0
 *
 * Terms: a constant, keys, hops, edges, texts, expected reads of each tier, reads and writes that the disk has
 * to do before, requests waiting before this one per permit, and the forecast time of those per
 * permit. Weights are learned online by recursive least squares with forgetting, on relative
 * error (an error of 1 us in 10 counts as much as 1 ms in 10): S. Haykin, Adaptive Filter Theory,
 * 4th ed. 2002, chapter 9, table 9.1 (chapter 10 of the 5th); L. Ljung, System Identification, 2nd
 * ed. 1999, section 11.2. Where we differ is in forecast.c.
 *
 * A forecast is used to keep to a budget: whole, truncated, or similarity alone.
 *
 * Determinism: doubles with + - * / in a fixed order. No input makes a NaN.
 */
#ifndef CG_ENGINE_SERVICE_FORECAST_H
#define CG_ENGINE_SERVICE_FORECAST_H

#include "engine/base/status.h"

enum { CG_FORECAST_TIERS = 5 };

/* Amounts beyond 1e12 count as 1e12; NaN and what is below 0 count as 0. */
typedef struct cg_forecast_features {
    uint32_t keys; /* that the request reads, in all hops */
    uint32_t hops;
    double edges;                         /* of a graph, walked in all hops */
    uint32_t texts;                       /* embedded and looked up */
    double tier_reads[CG_FORECAST_TIERS]; /* of the keys, expected to be served by each tier */
    uint32_t store_reads_ahead;           /* outstanding at the disk */
    uint32_t store_writes_ahead;
    uint32_t requests_ahead; /* waiting for a permit before this one */
    uint32_t permits;        /* 0 counts as 1 */
    uint64_t ahead_ns;       /* forecasts of the service of those ahead, summed; 0: not known */
} cg_forecast_features;

typedef enum cg_forecast_term {
    CG_FORECAST_CONSTANT,
    CG_FORECAST_KEYS,
    CG_FORECAST_HOPS,
    CG_FORECAST_TIER_READS,
    CG_FORECAST_STORE_READS = CG_FORECAST_TIER_READS + CG_FORECAST_TIERS,
    CG_FORECAST_STORE_WRITES,
    CG_FORECAST_REQUESTS_AHEAD, /* amount: requests_ahead / permits */
    CG_FORECAST_AHEAD_NS,       /* amount: ahead_ns / permits */
    CG_FORECAST_EDGES,
    CG_FORECAST_TEXTS,
    CG_FORECAST_TERMS
} cg_forecast_term;

typedef struct cg_forecast_options {
    /* Weights before anything is learned, ns a unit, each in [1e-3, 1e12]: the scale on which a
     * weight is sought, and what a term keeps that never occurs. */
    double prior_ns[CG_FORECAST_TERMS];
    double prior_deviation; /* of a weight, in parts of its prior: in [0.01, 1000] */
    double forgetting;      /* in [0.9, 1]: memory of 1 / (1 - forgetting) requests */
} cg_forecast_options;
/* Constant 20 us, 100 ns a key, 2 us a hop, tiers 5 ns, 50 ns, 100 us, 100 us, 100 us, 50 us a read
 * and 20 us a write at the disk, 100 us a request ahead, 1 a ns ahead, 5 ns an edge, 200 us a text;
 * deviation 10, forgetting 0.999. */
cg_forecast_options cg_forecast_options_default(void);

typedef struct cg_forecast_statistics {
    uint64_t count;        /* requests learned from */
    uint64_t within_count; /* of those, how many had been forecast within 20% */
    double error;          /* |forecast - actual| / actual, running mean of some 200 requests */
    double within_share;   /* share within 20%, running mean of some 200 requests */
} cg_forecast_statistics;

/* A value: copy it freely. Fields are for engine/service/forecast.c. */
typedef struct cg_forecast {
    cg_forecast_options options;
    double weights[CG_FORECAST_TERMS]; /* in parts of the prior */
    double covariance[CG_FORECAST_TERMS][CG_FORECAST_TERMS];
    cg_forecast_statistics statistics;
} cg_forecast;

/* CG_ERROR_INVALID with the option's name, value and limits; then *forecast is as it was. */
cg_status cg_forecast_init(cg_forecast *forecast, const cg_forecast_options *options,
                           cg_error *error);

/* O(terms). At most 2^63. */
uint64_t cg_forecast_ns(const cg_forecast *forecast, const cg_forecast_features *features);
/* After the request has run. Its latency, from when the features were taken; 0 counts as 1.
 * O(terms^2). Statistics are of the forecast that would have been made just before. */
void cg_forecast_learn(cg_forecast *forecast, const cg_forecast_features *features,
                       uint64_t actual_ns);

double cg_forecast_weight_ns(const cg_forecast *forecast, cg_forecast_term term);
cg_forecast_statistics cg_forecast_statistics_of(const cg_forecast *forecast);
uint64_t cg_forecast_hash(const cg_forecast *forecast); /* over all state */

typedef enum cg_forecast_mode {
    CG_FORECAST_WHOLE,
    CG_FORECAST_TRUNCATED,
    CG_FORECAST_SIMILARITY, /* no spreading at all */
    CG_FORECAST_MODES
} cg_forecast_mode;

typedef struct cg_forecast_plan {
    cg_forecast_mode mode;
    uint32_t hops;       /* at most so many; 0 for similarity alone */
    uint32_t keys;       /* at most so many; 0 for similarity alone */
    bool is_partial;     /* mark the result */
    uint64_t whole_ns;   /* forecast of the request as asked */
    uint64_t planned_ns; /* forecast of what is planned */
} cg_forecast_plan;

/* Within budget (forecast <= budget_ns): whole. Forecast > 1.5 * budget_ns: similarity alone. In
 * between: the most keys whose forecast fits, with all hops (keys are read hop by hop, so fewer
 * keys end the last hops first); hops go only where they leave no room for one key; where even
 * one hop does not fit, similarity alone. Reads of the tiers shrink with the keys. Similarity
 * alone may be over budget still: planned_ns says. */
cg_forecast_plan cg_forecast_planned(const cg_forecast *forecast,
                                     const cg_forecast_features *features, uint64_t budget_ns);

#endif
