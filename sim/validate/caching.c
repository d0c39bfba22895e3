#include "sim/validate/caching.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/tier/tier.h"
#include "sim/validate/closed_form.h"
#include "sim/workload/popularity.h"

enum { EXPONENTS = 2, SHARES = 4 };
static const double exponents[EXPONENTS] = {0.8, 0.99};
static const double shares[SHARES] = {0.01, 0.05, 0.10, 0.25};
static const double tolerance = 0.01;

sim_caching_options sim_caching_options_default(bool is_quick) {
    const uint32_t scale = is_quick ? 10 : 1;
    return (sim_caching_options){.keys = 100000 / scale,
                                 .warm_up = 1000000 / scale,
                                 .reads = 2000000 / scale,
                                 .seed = 1};
}

static cg_status hit_share(const sim_caching_options *options, double exponent,
                           uint32_t capacity, double *share, cg_error *error) {
    const cg_tier_options levels[2] = {
        {.policy = CG_CACHE_LRU, .capacity = capacity, .promote_after = 1}};
    cg_tiers *tiers = NULL;
    cg_status status = cg_tiers_alloc(levels, 2, cg_allocator_heap(), &tiers, error);
    sim_popularity popularity = sim_popularity_zipf(options->keys, exponent);
    cg_stream stream = cg_stream_init(options->seed, "validate.reads", capacity);
    uint64_t hits = 0;
    for (uint64_t i = 0; status == CG_OK && i < (uint64_t)options->warm_up + options->reads;
         i++) {
        uint32_t served = 0;
        status = cg_tiers_read(tiers, sim_popularity_draw(&popularity, &stream), 1, 0, &served,
                               NULL, error);
        hits += served == 0 && i >= options->warm_up;
    }
    cg_tiers_free(tiers);
    *share = (double)hits / (double)options->reads;
    return status;
}

static cg_status check(const sim_caching_options *options, double exponent,
                       const double *popularity, sim_findings *findings, cg_error *error) {
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SHARES; i++) {
        uint32_t capacity = (uint32_t)(shares[i] * options->keys);
        double found = 0.0;
        status = hit_share(options, exponent, capacity, &found, error);
        if (status == CG_OK) {
            double expected = sim_che(popularity, options->keys, capacity);
            sim_finding *row = sim_findings_add(findings, "Che, LRU");
            snprintf(row->set, sizeof row->set, "Zipf %.2f, %u of %u keys", exponent, capacity,
                     options->keys);
            snprintf(row->expected, sizeof row->expected, "%.4f", expected);
            snprintf(row->found, sizeof row->found, "%.4f", found);
            snprintf(row->error, sizeof row->error, "%+.2f points", 100.0 * (found - expected));
            sim_findings_judge(findings, row, fabs(found - expected) <= tolerance);
        }
    }
    return status;
}

cg_status sim_validate_caching(const sim_caching_options *options, sim_findings *findings,
                               cg_error *error) {
    double *popularity = calloc(options->keys, sizeof *popularity);
    if (!popularity) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u keys", options->keys);
    }
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < EXPONENTS; i++) {
        sim_zipf(exponents[i], options->keys, popularity);
        status = check(options, exponents[i], popularity, findings, error);
    }
    free(popularity);
    return status;
}
