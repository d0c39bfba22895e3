/* Life and inspection of a batcher. The hash is over every field that a later size depends on. */
#include "engine/base/hash.h"
#include "engine/tier/batcher.h"

cg_batcher_options cg_batcher_options_default(void) {
    return (cg_batcher_options){
        .cores = 1,
        .batch_min = 1,
        .batch_first = 64,
        .batch_max = 65536,
        .settle_count = 500,
        .young_count = 8,
        .overhead_share = 0.125,
        .alpha_young = 0.35,
        .alpha = 0.20,
    };
}

static bool is_power2(uint32_t x) {
    return x > 0 && (x & (x - 1)) == 0;
}

static cg_status check_batches(const cg_batcher_options *options, cg_error *error) {
    const struct {
        const char *name;
        uint32_t value;
        uint32_t low;
        uint32_t high;
    } sizes[] = {
        {"batch_max", options->batch_max, 1, CG_BATCHER_BATCH_MAX},
        {"batch_min", options->batch_min, 1, options->batch_max},
        {"batch_first", options->batch_first, options->batch_min, options->batch_max},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!is_power2(sizes[i].value) || sizes[i].value < sizes[i].low ||
            sizes[i].value > sizes[i].high) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "batcher: %s is %u, not a power of two of %u to %u",
                                sizes[i].name, sizes[i].value, sizes[i].low, sizes[i].high);
        }
    }
    return CG_OK;
}

cg_status cg_batcher_init(cg_batcher *batcher, const cg_batcher_options *options,
                          cg_error *error) {
    if (options->cores < 1 || options->cores > CG_BATCHER_CORES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "batcher: cores is %u, not 1 to %d",
                            options->cores, CG_BATCHER_CORES_MAX);
    }
    if (options->settle_count < CG_BATCHER_SETTLE_MIN) {
        return cg_error_set(error, CG_ERROR_INVALID, "batcher: settle_count is %u, below %d",
                            options->settle_count, CG_BATCHER_SETTLE_MIN);
    }
    if (!(options->overhead_share > 0.0 && options->overhead_share < 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "batcher: overhead_share is %g, not between 0 and 1",
                            options->overhead_share);
    }
    if (!(options->alpha_young > 0.0 && options->alpha_young <= 1.0) ||
        !(options->alpha > 0.0 && options->alpha <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "batcher: alpha_young is %g and alpha %g, not both above 0 and at "
                            "most 1",
                            options->alpha_young, options->alpha);
    }
    cg_status status = check_batches(options, error);
    if (status != CG_OK) {
        return status;
    }
    *batcher = (cg_batcher){.options = *options, .size = options->batch_first};
    return CG_OK;
}

cg_batcher_estimate cg_batcher_estimated(const cg_batcher *batcher) {
    return (cg_batcher_estimate){
        .dispatch_ns = batcher->dispatch_ns,
        .key_ns = batcher->key_ns,
        .request_keys = batcher->request_mean,
        .observed = batcher->observed,
        .changes = batcher->changes,
        .is_known = batcher->is_fitted,
    };
}

uint64_t cg_batcher_hash(const cg_batcher *batcher) {
    cg_hasher hasher = cg_hasher_init();
    const double numbers[] = {batcher->dispatch_ns,
                              batcher->key_ns,
                              batcher->request_mean,
                              batcher->request_square,
                              batcher->requests,
                              batcher->window_requests,
                              batcher->window_request_keys,
                              batcher->window_request_squares};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cg_hasher_add_f64(&hasher, numbers[i]);
    }
    const uint64_t counts[] = {
        batcher->observed,          batcher->changes,   batcher->window_batches,
        batcher->windows,           batcher->size,      batcher->moves,
        batcher->calm_windows,      batcher->is_fitted, batcher->is_time_suspect,
        batcher->is_request_suspect};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        cg_hasher_add_u64(&hasher, counts[i]);
    }
    for (int i = 0; i < CG_BATCHER_SIZES; i++) {
        const cg_batcher_size_class *class = &batcher->classes[i];
        const double means[] = {class->keys,
                                class->nanoseconds,
                                class->anchor_keys,
                                class->anchor_nanoseconds,
                                class->batches,
                                class->window_keys,
                                class->window_nanoseconds};
        for (size_t j = 0; j < sizeof means / sizeof *means; j++) {
            cg_hasher_add_f64(&hasher, means[j]);
        }
        cg_hasher_add_u64(&hasher, class->window_batches * 2ULL + class->is_stale);
    }
    return cg_hasher_value(&hasher);
}
