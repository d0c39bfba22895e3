/* Adaptive batching: how many keys of a request a batch holds (spec D4).
 *
 * A request of n keys is cut into batches of B keys, which run on c cores at once. A batch of b
 * keys takes f + m * b: f to dispatch it, m a key. So a request takes about
 *
 *   time(B) = ceil(n / (B * c)) * (f + m * min(B, n))
 *
 * Small batches pay for dispatch, large ones leave cores idle. One controller a tier learns f, m
 * and the sizes of requests from the batches that ran, and takes the power of two with the least
 * time of those where dispatch has at most overhead_share of a batch's time. (Where no size does,
 * the least that holds a whole request.)
 *
 * It changes the size at most once in settle_count batches, and only for a gain above 5%, or where
 * dispatch exceeds its share by a quarter; once settled (three changes, or eight windows of
 * settle_count batches, since its world last changed) above 15%, or by half. Where batches don't
 * differ by themselves it needs one change to learn what two sizes cost, one to go to the optimum
 * and at most one to correct itself; the same after its world has changed, which it believes after
 * two windows. Fewer than settle_count batches should be under way at once.
 *
 * Determinism: doubles with + - * / and cg_sqrt in a fixed order. All calls O(1), but for one in
 * settle_count that compares all sizes.
 */
#ifndef CG_ENGINE_TIER_BATCHER_H
#define CG_ENGINE_TIER_BATCHER_H

#include "engine/base/status.h"

enum {
    CG_BATCHER_CORES_MAX = 65536,
    CG_BATCHER_BATCH_MAX = 1 << 20,
    CG_BATCHER_SETTLE_MIN = 32, /* fewer batches say too little of a mean */
    CG_BATCHER_SIZES = 21       /* powers of two up to CG_BATCHER_BATCH_MAX */
};

typedef struct cg_batcher_options {
    uint32_t cores;        /* 1..CG_BATCHER_CORES_MAX */
    uint32_t batch_min;    /* powers of two, 1 <= min <= first <= max <= CG_BATCHER_BATCH_MAX */
    uint32_t batch_first;  /* before anything is known */
    uint32_t batch_max;    /* */
    uint32_t settle_count; /* batches between changes, CG_BATCHER_SETTLE_MIN or more */
    uint32_t young_count;  /* windows of settle_count batches with alpha_young, from the start
                             * and whenever the world has changed */
    double overhead_share; /* in (0, 1); dispatch's share of a batch's time */
    double alpha_young;    /* in (0, 1]: weight of the newest window in a running mean */
    double alpha;          /* in (0, 1], once not young */
} cg_batcher_options;
/* 1 core, 1..65536 keys from 64, 500 batches, 8 windows, 1/8, 0.35, 0.20. */
cg_batcher_options cg_batcher_options_default(void);

/* Running means of the batches whose keys have the same floor(log2). */
typedef struct cg_batcher_size_class {
    double keys; /* mean of a batch; 0: none ever */
    double nanoseconds;
    double anchor_keys; /* the same when the world last changed */
    double anchor_nanoseconds;
    double batches;     /* how many stand behind the means, damped */
    bool is_stale;      /* from before the world changed */
    double window_keys; /* sums over the window that runs */
    double window_nanoseconds;
    uint32_t window_batches;
} cg_batcher_size_class;

/* A value: copy it freely. Fields are for engine/tier/batcher.c. */
typedef struct cg_batcher {
    cg_batcher_options options;
    cg_batcher_size_class classes[CG_BATCHER_SIZES];
    double dispatch_ns;
    double key_ns;
    double request_mean; /* of a request's keys */
    double request_square;
    double requests;        /* that stand behind these, up to a bound */
    double window_requests; /* in parts: a batch is keys / request_keys of one */
    double window_request_keys;
    double window_request_squares;
    uint64_t observed;
    uint64_t changes;
    uint32_t window_batches;
    uint32_t windows;      /* since the start or the last change of the world */
    uint32_t calm_windows; /* since the world or the requests last changed, up to a bound */
    uint32_t moves;        /* of the size since then, up to a bound */
    uint32_t size;
    bool is_fitted;
    bool is_time_suspect; /* the last window was unlike those before it */
    bool is_request_suspect;
} cg_batcher;

/* CG_ERROR_INVALID with the option's name, value and limits; then *batcher is as it was. */
cg_status cg_batcher_init(cg_batcher *batcher, const cg_batcher_options *options,
                          cg_error *error);

/* Keys a batch should hold now: a power of two in [batch_min, batch_max]. */
uint32_t cg_batcher_size(const cg_batcher *batcher);

/* A batch of `keys` keys, of a request of request_keys, took elapsed_ns on its core, dispatch and
 * all. Whether the size changed. Batches of 0 keys count for nothing; request_keys below keys count
 * as keys. */
bool cg_batcher_observe(cg_batcher *batcher, uint32_t keys, uint32_t request_keys,
                        uint64_t elapsed_ns);

typedef struct cg_batcher_estimate {
    double dispatch_ns;  /* f */
    double key_ns;       /* m */
    double request_keys; /* n, mean over requests */
    uint64_t observed;   /* batches ever */
    uint64_t changes;    /* of the size, ever */
    bool is_known;       /* f and m could be told apart so far; else they are 0 */
} cg_batcher_estimate;
cg_batcher_estimate cg_batcher_estimated(const cg_batcher *batcher);
/* Time of a request with batches of `size` keys, by the estimate; 0 while that is not known. */
double cg_batcher_request_ns(const cg_batcher *batcher, uint32_t size);
uint64_t cg_batcher_hash(const cg_batcher *batcher); /* over all state */

#endif
