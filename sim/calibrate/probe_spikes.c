/* Spike patterns, membranes, synapses. */
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/encode/ttfs.h"
#include "engine/snn/lif.h"
#include "engine/snn/stdp.h"
#include "sim/calibrate/parts.h"

enum { DIMS_MAX = 512, PATTERNS = 8192, BATCH = 32, SIZES = 4, NEURONS_MAX = 512, PAIRS = 256 };
static const uint32_t dims_of[SIZES] = {64, 128, 256, DIMS_MAX};
static const uint32_t neurons_of[SIZES] = {2, 16, 128, NEURONS_MAX};

typedef struct spikes {
    int32_t *patterns; /* [PATTERNS][dims] */
    float *vectors;    /* [BATCH][DIMS_MAX] */
    uint32_t dims;
    uint32_t at;
    cg_stream stream;
    cg_ttfs_options options;
    uint32_t drives[NEURONS_MAX];
    uint32_t ids[NEURONS_MAX];
    uint32_t neurons;
    double sum;
} spikes;

static cg_status run_encode(void *context, cg_work *work, cg_error *error) {
    (void)error;
    spikes *self = context;
    self->at = (self->at + 1) % BATCH;
    self->sum += cg_ttfs_encode(&self->options, self->vectors + (size_t)self->at * DIMS_MAX,
                                self->dims, self->patterns, work);
    return CG_OK;
}

static cg_status run_distance(void *context, cg_work *work, cg_error *error) {
    (void)error;
    spikes *self = context;
    const int32_t *rows[BATCH];
    double cosines[BATCH] = {0};
    double similarities[BATCH] = {0};
    for (int i = 0; i < BATCH; i++) {
        rows[i] =
            self->patterns + (size_t)cg_stream_next_below(&self->stream, PATTERNS) * self->dims;
    }
    cg_ttfs_similarity_many(self->patterns, (cg_ttfs_rows){rows, BATCH, self->dims}, cosines,
                            similarities, work);
    self->sum += similarities[0];
    return CG_OK;
}

static cg_status run_compete(void *context, cg_work *work, cg_error *error) {
    (void)error;
    spikes *self = context;
    self->sum += cg_lif_compete(self->drives, self->ids, self->neurons, work).winner;
    return CG_OK;
}

static cg_status run_update(void *context, cg_work *work, cg_error *error) {
    (void)error;
    spikes *self = context;
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint64_t pre_ns = 50000000 + self->drives[i];
        self->sum += cg_stdp_update(30000 + self->drives[i] % 1000, pre_ns,
                                    50000000 + self->drives[i + PAIRS], work);
    }
    return CG_OK;
}

static void encode_all(spikes *self) {
    for (uint32_t i = 0; i < PATTERNS; i++) {
        (void)cg_ttfs_encode(&self->options, self->vectors + (size_t)(i % BATCH) * DIMS_MAX,
                             self->dims, self->patterns + (size_t)i * self->dims, NULL);
    }
}

static cg_status time_patterns(sim_calibration *calibration, spikes *self, cg_error *error) {
    sim_fit_work encodes[SIZES];
    sim_fit_work distances[SIZES];
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->dims = dims_of[i];
        status = sim_probe_time(&(sim_probe){run_encode, self}, &encodes[i], error);
        if (status == CG_OK) {
            encode_all(self);
            status = sim_probe_time(&(sim_probe){run_distance, self}, &distances[i], error);
        }
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_SPIKE_ENCODE, encodes, SIZES,
                            "patterns of 64 to 512 channels");
        sim_calibration_fit(calibration, CG_WORK_SPIKE_DISTANCE, distances, SIZES,
                            "batches of 32 of 8,192 patterns of 64 to 512 channels");
    }
    return status;
}

static cg_status time_neurons(sim_calibration *calibration, spikes *self, cg_error *error) {
    sim_fit_work competitions[SIZES];
    sim_fit_work updates;
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->neurons = neurons_of[i];
        status = sim_probe_time(&(sim_probe){run_compete, self}, &competitions[i], error);
    }
    if (status == CG_OK) {
        status = sim_probe_time(&(sim_probe){run_update, self}, &updates, error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_LIF_STEP, competitions, SIZES,
                            "competitions of 2 to 512 neurons");
        sim_calibration_fit(calibration, CG_WORK_STDP_UPDATE, &updates, 1,
                            "pairs of spikes up to a window apart");
    }
    return status;
}

cg_status sim_calibrate_spikes(sim_calibration *calibration, cg_error *error) {
    spikes *self = calloc(1, sizeof *self);
    int32_t *patterns = malloc(sizeof(int32_t) * DIMS_MAX * PATTERNS);
    float *vectors = malloc(sizeof(float) * DIMS_MAX * BATCH);
    cg_status status = CG_OK;
    if (!self || !patterns || !vectors) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for spike patterns");
        goto cleanup;
    }
    self->patterns = patterns;
    self->vectors = vectors;
    self->options = cg_ttfs_options_default();
    self->stream = cg_stream_init(1, "calibrate.spikes", 0);
    for (uint32_t i = 0; i < DIMS_MAX * BATCH; i++) {
        vectors[i] = (float)cg_stream_next_normal(&self->stream) * 0.1f;
    }
    for (uint32_t i = 0; i < NEURONS_MAX; i++) {
        self->drives[i] = 1000 + (uint32_t)cg_stream_next_below(&self->stream, 20000000);
        self->ids[i] = i;
    }
    status = time_patterns(calibration, self, error);
    if (status == CG_OK) {
        status = time_neurons(calibration, self, error);
    }
cleanup:
    free(vectors);
    free(patterns);
    free(self);
    return status;
}
