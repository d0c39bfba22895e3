/* How long does a competition take? Of 10 to 10,000 neurons: hard, flat and in groups; soft; and
 * the routing and integration of the spikes that drive them. The peer of the flat competition is
 * its description taken literally: every neuron is stepped until one spikes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/snn/lif.h"
#include "engine/snn/route.h"
#include "engine/snn/soft.h"
#include "engine/snn/wta.h"
#include "tests/bench/bench.h"

enum {
    NEURONS_MAX = 10000,
    CHANNELS = 256,
    SPIKES = 128,
    CORES = 8,
    WINDOW = 100000,
    TURNS = 5
};

static const uint32_t sizes[] = {10, 100, 1000, NEURONS_MAX};

/* A turn takes about this long. */
static const double turn_s = 0.01;

typedef struct inhibition_data {
    uint32_t count;
    uint32_t drives[NEURONS_MAX];
    uint32_t ranked[NEURONS_MAX]; /* the same in descending order: positions are ranks */
    uint32_t ids[NEURONS_MAX];
    uint64_t wide_ids[NEURONS_MAX];
    uint32_t potentials[NEURONS_MAX];
    double activity[NEURONS_MAX];
    uint32_t offsets[CORES + 1];
    cg_soft *soft;
    cg_soft_result soft_result;
    cg_route *route;
    cg_route_batch batch;
    cg_spike spikes[SPIKES];
    uint64_t currents[NEURONS_MAX];
} inhibition_data;

/* What was computed goes here, so that it has to be. */
static volatile uint64_t sink;

static void run_flat(inhibition_data *data) {
    sink = cg_lif_compete(data->drives, data->ids, data->count, NULL).winner;
}

static void run_plain(inhibition_data *data) {
    uint32_t largest = 1;
    for (uint32_t i = 0; i < data->count; i++) {
        largest = data->drives[i] > largest ? data->drives[i] : largest;
        data->potentials[i] = 0;
    }
    uint32_t potential = 0;
    while (potential < largest / 2) {
        potential = 0;
        for (uint32_t i = 0; i < data->count; i++) {
            data->potentials[i] += (data->drives[i] - data->potentials[i]) / CG_LIF_TAU_STEPS;
            potential = data->potentials[i] > potential ? data->potentials[i] : potential;
        }
    }
    sink = potential;
}

static void run_groups(inhibition_data *data) {
    cg_wta_groups groups = {data->drives, data->wide_ids, data->offsets, CORES};
    sink = cg_wta_compete_groups(&groups, NULL).champions.winner.id;
}

static void run_soft(inhibition_data *data) {
    data->soft_result =
        cg_soft_settle(data->soft, data->ranked, NULL, data->count, data->activity, NULL);
}

static void run_route(inhibition_data *data) {
    (void)cg_route_to_cores(data->route, 0, (cg_spikes){data->spikes, SPIKES}, &data->batch,
                            NULL);
}

static void run_integrate(inhibition_data *data) {
    for (uint32_t i = 0; i < data->count; i++) {
        data->currents[i] = 0;
    }
    for (uint32_t core = 0; core < CORES; core++) {
        cg_route_integrate(data->route, &data->batch, core,
                           data->currents + data->offsets[core], NULL);
    }
    sink = cg_route_largest_current(data->currents, data->count);
}

/* Microseconds a call, over a turn. */
static double time_us(void (*run)(inhibition_data *), inhibition_data *data) {
    uint64_t calls = 0;
    double from = bench_now_s();
    double now = from;
    for (uint64_t batch = 1; now - from < turn_s; batch *= 2) {
        for (uint64_t call = 0; call < batch; call++) {
            run(data);
        }
        calls += batch;
        now = bench_now_s();
    }
    return 1e6 * (now - from) / (double)calls;
}

static void measure(const char *metric, void (*run)(inhibition_data *),
                    void (*peer)(inhibition_data *), inhibition_data *data) {
    bench_series series = {.turns = TURNS};
    char name[64];
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        series.ours[turn] = time_us(run, data);
        series.peer[turn] = peer ? time_us(peer, data) : (double)NAN;
    }
    (void)snprintf(name, sizeof name, "%s_%u", metric, data->count);
    bench_row("inhibition", name, &series, "us");
}

static int descending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a < b) - (a > b);
}

static void draw_data(inhibition_data *data, cg_stream *stream) {
    for (uint32_t i = 0; i < data->count; i++) {
        /* As votes become drives: the largest has 31 bits. */
        data->drives[i] = i == data->count / 3
                              ? CG_WTA_DRIVE_LARGEST
                              : (uint32_t)cg_stream_next_below(stream, CG_WTA_DRIVE_LARGEST);
        data->ranked[i] = data->drives[i];
        data->ids[i] = i;
        data->wide_ids[i] = i;
    }
    qsort(data->ranked, data->count, sizeof *data->ranked, descending);
    for (uint32_t core = 0; core <= CORES; core++) {
        data->offsets[core] = (uint32_t)((uint64_t)data->count * core / CORES);
    }
    uint32_t tick = 0;
    for (uint32_t i = 0; i < SPIKES; i++) {
        tick += (uint32_t)cg_stream_next_below(stream, WINDOW / SPIKES);
        data->spikes[i] = (cg_spike){(uint32_t)cg_stream_next_below(stream, CHANNELS), tick};
    }
}

/* A channel reaches three of the eight cores, and there half of the neurons, in runs. */
static bool build_route(inhibition_data *data, cg_stream *stream, cg_error *error) {
    cg_synapse *synapses = malloc(sizeof *synapses * CHANNELS * data->count);
    uint32_t neurons[CORES];
    size_t count = 0;
    if (!synapses) {
        return cg_error_set(error, CG_ERROR_MEMORY, "synapses") == CG_OK;
    }
    for (uint32_t core = 0; core < CORES; core++) {
        neurons[core] = data->offsets[core + 1] - data->offsets[core];
    }
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        uint32_t first = (uint32_t)cg_stream_next_below(stream, CORES);
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t core = (first + i) % CORES;
            uint64_t skipped = cg_stream_next_below(stream, 32);
            for (uint32_t neuron = 0; neuron < neurons[core]; neuron++) {
                if ((neuron / 16 + skipped) % 2 == 0) {
                    synapses[count++] =
                        (cg_synapse){channel, core, neuron,
                                     1 + (uint32_t)cg_stream_next_below(stream, 65536)};
                }
            }
        }
    }
    cg_route_options options = {CHANNELS, CORES, CORES, neurons, WINDOW};
    cg_status status =
        cg_route_alloc(&options, synapses, count, cg_allocator_heap(), &data->route, error);
    free(synapses);
    return status == CG_OK;
}

static bool measure_all(inhibition_data *data, cg_error *error) {
    cg_stream stream = cg_stream_init(1, "bench.inhibition", data->count);
    draw_data(data, &stream);
    cg_soft_options options = cg_soft_options_default();
    if (!build_route(data, &stream, error) ||
        cg_soft_alloc(&options, data->count, cg_allocator_heap(), &data->soft, error) !=
            CG_OK) {
        return false;
    }
    measure("hard", run_flat, run_plain, data);
    measure("hard_8_groups", run_groups, NULL, data);
    measure("soft", run_soft, NULL, data);
    const cg_soft_result *soft = &data->soft_result;
    printf("# soft: %u steps, tries %u, gain %.3g, %u of %u active, contrast %.3g\n",
           soft->steps, soft->tries, soft->gain, soft->active, data->count, soft->contrast);
    measure("route_128_spikes", run_route, NULL, data);
    cg_work work = {0};
    for (uint32_t core = 0; core < CORES; core++) {
        cg_route_integrate(data->route, &data->batch, core,
                           data->currents + data->offsets[core], &work);
    }
    printf("# routing to %d cores: %llu deliveries, %llu saved, %llu synapses\n", CORES,
           (unsigned long long)data->batch.counts.deliveries,
           (unsigned long long)data->batch.counts.saved,
           (unsigned long long)work.units[CG_WORK_LIF_STEP]);
    measure("integrate_128_spikes", run_integrate, NULL, data);
    return true;
}

bool bench_inhibition(void) {
    bool is_fine = true;
    cg_error error = {0};
    static inhibition_data data;
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes && is_fine; size++) {
        data = (inhibition_data){.count = sizes[size]};
        cg_route_batch_init(&data.batch, cg_allocator_heap());
        is_fine = measure_all(&data, &error);
        cg_soft_free(data.soft);
        cg_route_free(data.route);
        cg_route_batch_deinit(&data.batch);
    }
    if (!is_fine) {
        (void)fprintf(stderr, "inhibition: %s\n", error.message);
    }
    return is_fine;
}
