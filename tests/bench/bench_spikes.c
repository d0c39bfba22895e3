/* How fast are spike patterns made and compared? Patterns of 128 dims, log code. Distances: one
 * pattern with rows in random order, batches of 128 as a decision compares them, from a table
 * that lies in the second-level cache and from one that lies in no cache; for every instruction
 * set of this machine. The peer is plain C at -O3, one call a pattern (plain_spikes.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/encode/spikes.h"
#include "engine/vector/kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/plain_spikes.h"

enum {
    DIMS = 128,
    VECTORS = 256,
    NEAR_ROWS = 256,
    FAR_ROWS = 1 << 18,
    BATCH = 128,
    BATCHES = 64,
    TURNS = 5
};

static const double turn_s = 0.02; /* about */

typedef struct spike_data {
    float vectors[VECTORS][DIMS];
    int32_t patterns[VECTORS][DIMS];
    cg_spike sparse[2][DIMS];
    uint32_t sparse_count[2];
    cg_spike scratch[4 * DIMS];
    int32_t *table; /* [FAR_ROWS][DIMS] */
    const int32_t *rows[BATCHES * BATCH];
    cg_ttfs_options options;
    const cg_kernels *set;
} spike_data;

/* What was computed goes here, so that it has to be. */
static volatile uint64_t sink;

typedef uint32_t (*spike_job)(spike_data *data); /* returns how many it did */

static uint32_t encode_ours(spike_data *data) {
    for (uint32_t i = 0; i < VECTORS; i++) {
        sink = cg_ttfs_encode(&data->options, data->vectors[i], DIMS, data->patterns[i], NULL);
    }
    return VECTORS;
}

static uint32_t encode_plain(spike_data *data) {
    void (*const encode[])(const float *, uint32_t, int32_t *) = {
        plain_spike_encode_log, plain_spike_encode_linear, plain_spike_encode_lif};
    for (uint32_t i = 0; i < VECTORS; i++) {
        encode[data->options.code](data->vectors[i], DIMS, data->patterns[i]);
        sink = (uint64_t)data->patterns[i][0];
    }
    return VECTORS;
}

static uint32_t pairs_ours(spike_data *data) {
    for (uint32_t i = 0; i < BATCHES * BATCH; i++) {
        uint32_t spikes = 0;
        sink = data->set->spike_cost_i32(data->patterns[0], data->rows[i], DIMS, CG_TTFS_UNITS,
                                         &spikes);
    }
    return BATCHES * BATCH;
}

static uint32_t pairs_plain(spike_data *data) {
    for (uint32_t i = 0; i < BATCHES * BATCH; i++) {
        uint32_t spikes = 0;
        sink = plain_spike_cost(data->patterns[0], data->rows[i], DIMS, &spikes);
    }
    return BATCHES * BATCH;
}

static uint32_t batches_ours(spike_data *data) {
    for (uint32_t b = 0; b < BATCHES; b++) {
        uint32_t costs[BATCH];
        uint32_t spikes[BATCH];
        cg_spike_batch batch = {data->rows + (size_t)b * BATCH, BATCH, DIMS, CG_TTFS_UNITS};
        data->set->spike_cost_i32_many(data->patterns[0], &batch, costs, spikes);
        sink = costs[BATCH - 1] + spikes[0];
    }
    return BATCHES * BATCH;
}

static uint32_t sparse_pairs(spike_data *data) {
    cg_spikes sides[2] = {{data->sparse[0], data->sparse_count[0]},
                          {data->sparse[1], data->sparse_count[1]}};
    for (uint32_t i = 0; i < VECTORS; i++) {
        uint32_t spikes = 0;
        sink = cg_spikes_distance(sides[0], sides[1], data->scratch, &spikes);
    }
    return VECTORS;
}

static uint32_t dense_pair(spike_data *data) {
    for (uint32_t i = 0; i < VECTORS; i++) {
        uint32_t spikes = 0;
        sink = cg_ttfs_distance(data->patterns[0], data->patterns[1], DIMS, &spikes);
    }
    return VECTORS;
}

static double speed_of(spike_job job, spike_data *data) {
    double start_s = bench_now_s();
    double passed_s = 0.0;
    double done = 0.0;
    while (passed_s < turn_s) {
        done += (double)job(data);
        passed_s = bench_now_s() - start_s;
    }
    return done / passed_s;
}

static void compare(const char *metric, spike_job ours, spike_job peer, spike_data *data) {
    bench_series series = {.turns = TURNS};
    for (int turn = 0; turn < TURNS; turn++) {
        series.ours[turn] = speed_of(ours, data);
        series.peer[turn] = speed_of(peer, data);
    }
    bench_row("spikes", metric, &series, "patterns/s");
    printf("# spikes: %s: %.1f ns, peer %.1f\n", metric, 1e9 / bench_median(series.ours, TURNS),
           1e9 / bench_median(series.peer, TURNS));
}

static void draw_rows(cg_stream *stream, uint32_t row_count, spike_data *data) {
    for (uint32_t i = 0; i < BATCHES * BATCH; i++) {
        data->rows[i] = data->table + DIMS * cg_stream_next_below(stream, row_count);
    }
}

static void compare_distances(cg_stream *stream, spike_data *data) {
    for (int isa = CG_ISA_COUNT - 1; isa >= 0; isa--) {
        data->set = cg_kernels_of((cg_isa)isa);
        for (int far = 0; far < 2 && data->set; far++) {
            const char *place = far ? "memory" : "cache";
            char metric[64];
            draw_rows(stream, far ? FAR_ROWS : NEAR_ROWS, data);
            (void)snprintf(metric, sizeof metric, "%s_%s_many", data->set->name, place);
            compare(metric, batches_ours, pairs_plain, data);
            (void)snprintf(metric, sizeof metric, "%s_%s", data->set->name, place);
            compare(metric, pairs_ours, pairs_plain, data);
        }
    }
}

static void run(spike_data *data) {
    static const char *const encode_names[] = {"encode_log", "encode_linear", "encode_lif"};
    cg_stream stream = cg_stream_init(1, "bench.spikes", 0);
    for (uint32_t i = 0; i < VECTORS * DIMS; i++) {
        data->vectors[i / DIMS][i % DIMS] = (float)cg_stream_next_normal(&stream);
    }
    data->options = cg_ttfs_options_default();
    for (int code = CG_TTFS_LIF; code >= CG_TTFS_LOG; code--) { /* ends with the log code's */
        data->options.code = (cg_ttfs_code)code;
        compare(encode_names[code], encode_ours, encode_plain, data);
    }
    (void)encode_ours(data);
    for (uint32_t i = 0; i < 2; i++) {
        (void)cg_spikes_from_dense(data->patterns[i], DIMS, data->sparse[i], DIMS,
                                   &data->sparse_count[i], NULL);
    }
    compare("sparse_distance_to_dense", sparse_pairs, dense_pair, data);
    for (uint32_t row = 0; row < FAR_ROWS; row++) {
        for (uint32_t d = 0; d < DIMS; d++) {
            int32_t entry = data->patterns[row % VECTORS][(d + row / VECTORS) % DIMS];
            data->table[(size_t)row * DIMS + d] = entry;
        }
    }
    compare_distances(&stream, data);
}

bool bench_spikes(void) {
    printf("# spikes: %d dims, batches of %d; cache: %d KiB of rows, memory: %d MiB; peer: "
           "plain C at -O3\n",
           DIMS, BATCH, NEAR_ROWS * DIMS * 4 >> 10, FAR_ROWS / 1024 * DIMS * 4 >> 10);
    spike_data *data = calloc(1, sizeof *data);
    int32_t *table = aligned_alloc(64, sizeof(int32_t) * DIMS * FAR_ROWS);
    bool is_fine = data && table;
    if (is_fine) {
        data->table = table;
        run(data);
    } else {
        (void)fprintf(stderr, "bench spikes: no memory\n");
    }
    free(table);
    free(data);
    return is_fine;
}
