/* What does a slot cost? Slots are taken and given back while 10,000 others are held; the peer is
 * the C library's calloc and free (slots are zeroed as well) with the same sizes in the same
 * order. Time is of a pair: one taken and one given back. Then: the memory of a slot by its id,
 * and defragmentation of what the churn leaves. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/service/pool.h"
#include "tests/bench/bench.h"

enum { HELD = 10000, DRAWS = 1 << 16, PAIRS = 200000, TURNS = 5 };

typedef struct pool_data {
    cg_pools *pools;
    uint64_t slots[HELD];
    void *blocks[HELD];
    uint32_t sizes[DRAWS];
    uint32_t places[DRAWS]; /* which of those held is replaced */
} pool_data;

static pool_data data;

/* What was computed goes here, so that it has to be. */
static volatile uint64_t sink;

static uint32_t draw_small(cg_stream *stream) {
    (void)stream;
    return 64;
}

static uint32_t draw_facts(cg_stream *stream) {
    double size = 150.0 * cg_exp(0.6 * cg_stream_next_normal(stream));
    return size < 16.0 ? 16 : (uint32_t)size;
}

static uint32_t draw_uniform(cg_stream *stream) {
    return 16 + (uint32_t)cg_stream_next_below(stream, 4081);
}

static uint64_t take(uint32_t size_bytes, cg_pool_placement placement, uint64_t near) {
    cg_pool_request request = {.size_bytes = size_bytes, .placement = placement, .near = near};
    uint64_t slot = CG_SLOT_NONE;
    (void)cg_pools_take(data.pools, &request, &slot, NULL, NULL);
    return slot;
}

/* Nanoseconds a pair. */
static double time_ours(cg_pool_placement placement) {
    double from = bench_now_s();
    uint64_t near = CG_SLOT_NONE;
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint64_t *slot = &data.slots[data.places[i % DRAWS]];
        (void)cg_pools_give(data.pools, *slot, NULL, NULL);
        *slot = take(data.sizes[i % DRAWS], placement, near);
        near = *slot;
    }
    return 1e9 * (bench_now_s() - from) / PAIRS;
}

static double time_peer(void) {
    double from = bench_now_s();
    for (uint32_t i = 0; i < PAIRS; i++) {
        void **block = &data.blocks[data.places[i % DRAWS]];
        free(*block);
        *block = calloc(1, data.sizes[i % DRAWS]);
        sink += *(const uint8_t *)*block;
    }
    return 1e9 * (bench_now_s() - from) / PAIRS;
}

static double time_memory(void) {
    uint64_t sum = 0;
    double from = bench_now_s();
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t size_bytes = 0;
        const uint8_t *memory =
            cg_pools_memory(data.pools, data.slots[data.places[i % DRAWS]], &size_bytes);
        sum += memory[0] + size_bytes;
    }
    sink = sum;
    return 1e9 * (bench_now_s() - from) / PAIRS;
}

static void measure(const char *mix, const char *what, cg_pool_placement placement) {
    bench_series series = {.turns = TURNS};
    char name[64];
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        series.ours[turn] = time_ours(placement);
        series.peer[turn] = time_peer();
    }
    (void)snprintf(name, sizeof name, "pair_%s_%s", mix, what);
    bench_row("pool", name, &series, "ns");
}

static void measure_rest(const char *mix) {
    bench_series series = {.turns = TURNS};
    char name[64];
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        series.ours[turn] = time_memory();
        series.peer[turn] = (double)NAN;
    }
    (void)snprintf(name, sizeof name, "memory_%s", mix);
    bench_row("pool", name, &series, "ns");
    cg_pool_statistics before = cg_pools_statistics(data.pools);
    for (uint32_t i = 0; i < HELD; i += 2) { /* holes everywhere */
        (void)cg_pools_give(data.pools, data.slots[i], NULL, NULL);
    }
    cg_pool_moves moves;
    double from = bench_now_s();
    cg_pools_defragment(data.pools, UINT64_MAX, &moves, NULL);
    double time_ns = 1e9 * (bench_now_s() - from);
    series.turns = 1;
    series.ours[0] = moves.slots ? time_ns / (double)moves.slots : 0.0;
    (void)snprintf(name, sizeof name, "move_%s", mix);
    bench_row("pool", name, &series, "ns");
    cg_pool_statistics after = cg_pools_statistics(data.pools);
    printf("# %s: utilisation %.1f%% under churn, %.1f%% after half was given back and %llu "
           "slots were moved\n",
           mix, 100.0 * (double)before.requested_bytes / (double)before.block_bytes,
           100.0 * (double)after.requested_bytes / (double)after.block_bytes,
           (unsigned long long)moves.slots);
}

static bool measure_mix(const char *mix, uint32_t (*draw)(cg_stream *stream)) {
    cg_error error = {0};
    cg_stream stream = cg_stream_init(1, "bench.pool", 0);
    cg_pool_options options = {UINT64_C(256) << 20, 0};
    if (cg_pools_alloc(&options, cg_allocator_heap(), &data.pools, &error) != CG_OK) {
        (void)fprintf(stderr, "pool: %s\n", error.message);
        return false;
    }
    for (uint32_t i = 0; i < DRAWS; i++) {
        data.sizes[i] = draw(&stream);
        data.places[i] = (uint32_t)cg_stream_next_below(&stream, HELD);
    }
    for (uint32_t i = 0; i < HELD; i++) {
        data.slots[i] = take(data.sizes[i], CG_POOL_NEAR, CG_SLOT_NONE);
        data.blocks[i] = calloc(1, data.sizes[i]);
    }
    measure(mix, "near", CG_POOL_NEAR);
    measure(mix, "dense", CG_POOL_DENSE);
    measure(mix, "fresh", CG_POOL_FRESH);
    measure_rest(mix);
    for (uint32_t i = 0; i < HELD; i++) {
        free(data.blocks[i]);
    }
    cg_pools_free(data.pools);
    return true;
}

bool bench_pool(void) {
    return measure_mix("64", draw_small) && measure_mix("facts", draw_facts) &&
           measure_mix("16_to_4096", draw_uniform);
}
