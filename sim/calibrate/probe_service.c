/* Slots, cached decisions, log records, messages, and a step that has nothing to do. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/prng.h"
#include "engine/node/node.h"
#include "engine/replica/log.h"
#include "engine/replica/wire.h"
#include "engine/service/decision_cache.h"
#include "engine/service/pool.h"
#include "sim/calibrate/parts.h"
#include "sim/calibrate/stopwatch.h"

enum { SIZES = 4, BYTES_MAX = 1 << 16, HELD = 4096, BATCH = 32, DIMS = 128 };
enum { STEPS = 31, EVICTED_BYTES = 8 << 20 };

typedef struct service {
    cg_pools *pools;
    cg_decision_cache *cache;
    cg_node *node;
    cg_outputs outputs;
    cg_stream stream;
    uint64_t slots[HELD];
    uint32_t size_bytes;
    uint64_t timer;
    uint64_t sum;
    float dense[DIMS];
    uint32_t features[CG_SPARSE_ENTRIES_MAX];
    float weights[CG_SPARSE_ENTRIES_MAX];
    uint8_t bytes[2 * BYTES_MAX];
    uint8_t copy[2 * BYTES_MAX];
    uint8_t evicted[EVICTED_BYTES];
} service;

/* A slot given back and another one taken: two operations. */
static cg_status run_slots(void *context, cg_work *work, cg_error *error) {
    service *self = context;
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < BATCH; i++) {
        uint64_t *slot = &self->slots[cg_stream_next_below(&self->stream, HELD)];
        const cg_pool_request request = {.size_bytes = self->size_bytes, .near = CG_SLOT_NONE};
        if (*slot != CG_SLOT_NONE) {
            status = cg_pools_give(self->pools, *slot, work, error);
        }
        if (status == CG_OK) {
            status = cg_pools_take(self->pools, &request, slot, work, error);
        }
    }
    return status;
}

static cg_status run_cache(void *context, cg_work *work, cg_error *error) {
    service *self = context;
    for (int i = 0; i < BATCH; i++) {
        uint64_t text = cg_stream_next_below(&self->stream, HELD);
        memcpy(self->bytes, &text, sizeof text);
        const cg_decision_key key = {cg_hash_bytes(self->bytes, self->size_bytes, 1),
                                     cg_hash_bytes(self->bytes, self->size_bytes, 2)};
        uint64_t value = text;
        if (!cg_decision_cache_get(self->cache, &key, 1, &value)) {
            cg_status status = cg_decision_cache_put(self->cache, &key, text, 1, &value, error);
            if (status != CG_OK) {
                return status;
            }
        }
        cg_work_count(work, CG_WORK_CACHE, 1, self->size_bytes);
    }
    return CG_OK;
}

static cg_status run_record(void *context, cg_work *work, cg_error *error) {
    (void)error;
    service *self = context;
    const uint32_t fixed = self->size_bytes < 1024 ? self->size_bytes / 8 : 128;
    const cg_log_record record = {.kind = CG_RECORD_FACT,
                                  .id = {.epoch = 1, .number = 1},
                                  .request_id = 1,
                                  .dims = DIMS,
                                  .dense = self->dense,
                                  .sparse = {self->features, self->weights, fixed},
                                  .text = (const char *)self->copy,
                                  .text_bytes = self->size_bytes};
    cg_log_record_encode(&record, self->bytes);
    cg_work_count(work, CG_WORK_LOG_APPEND, 1, cg_log_record_bytes(&record));
    return CG_OK;
}

static cg_status run_message(void *context, cg_work *work, cg_error *error) {
    service *self = context;
    cg_wire_header header = {.type = 1, .to = 1, .payload_bytes = self->size_bytes};
    const uint8_t *payload = NULL;
    memcpy(self->bytes + CG_WIRE_HEADER_BYTES, self->copy, self->size_bytes);
    cg_wire_seal(&header, self->bytes);
    cg_status status = cg_wire_open(self->bytes, CG_WIRE_HEADER_BYTES + self->size_bytes,
                                    &header, &payload, error);
    const uint64_t size_bytes = CG_WIRE_HEADER_BYTES + (uint64_t)self->size_bytes;
    cg_work_count(work, CG_WORK_MESSAGE, 2, 2 * size_bytes);
    return status;
}

/* A timer that the node has not set: received, looked up, and ignored. Between two the caches are filled
 * with other things, as the work of requests does. */
static cg_status time_step(service *self, double *ns, cg_error *error) {
    uint64_t least = UINT64_MAX;
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < STEPS; i++) {
        for (size_t at = 0; at < EVICTED_BYTES; at += 64) {
            self->evicted[at]++;
        }
        const cg_event event = {.kind = CG_EVENT_TIMER, .now_ns = 1, .id = ++self->timer};
        uint64_t from = sim_stopwatch_ns();
        status = cg_node_step(self->node, &event, &self->outputs, error);
        uint64_t passed = sim_stopwatch_ns() - from;
        least = passed < least ? passed : least;
    }
    uint64_t overhead = sim_stopwatch_overhead_ns();
    *ns = least > overhead ? (double)(least - overhead) : 1.0;
    return status;
}

/* What the host does with bytes that arrive: it copies them. */
static cg_status run_copy(void *context, cg_work *work, cg_error *error) {
    (void)error;
    service *self = context;
    memcpy(self->bytes, self->copy, BYTES_MAX);
    self->copy[self->sum % BYTES_MAX]++;
    self->sum += self->bytes[self->sum % BYTES_MAX];
    cg_work_count(work, CG_WORK_STEP, 1, BYTES_MAX);
    return CG_OK;
}

static cg_status measure_sizes(sim_calibration *calibration, service *self,
                               cg_status (*run)(void *, cg_work *, cg_error *),
                               cg_work_kind kind, const uint32_t sizes[SIZES], const char *how,
                               cg_error *error) {
    sim_fit_work works[SIZES];
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->size_bytes = sizes[i];
        status = sim_probe_time(&(sim_probe){run, self}, &works[i], error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, kind, works, SIZES, how);
    }
    return status;
}

static cg_status measure_step(sim_calibration *calibration, service *self, cg_error *error) {
    sim_fit_work copy;
    double step_ns = 0.0;
    cg_status status = time_step(self, &step_ns, error);
    if (status == CG_OK) {
        status = sim_probe_time(&(sim_probe){run_copy, self}, &copy, error);
    }
    if (status == CG_OK) {
        sim_calibration_set(calibration, CG_WORK_STEP, step_ns,
                            copy.ns / (double)copy.work.units[CG_WORK_STEP],
                            "a timer that is ignored, caches filled with other things before; "
                            "bytes copied, 64 KiB at a time");
    }
    return status;
}

static cg_status prepare(service *self, cg_error *error) {
    self->stream = cg_stream_init(1, "calibrate.service", 0);
    for (int i = 0; i < HELD; i++) {
        self->slots[i] = CG_SLOT_NONE;
    }
    for (uint32_t i = 0; i < CG_SPARSE_ENTRIES_MAX; i++) {
        self->features[i] = i + 1;
    }
    const cg_pool_options pools = cg_pool_options_default();
    const cg_decision_cache_options cache = {
        .capacity = HELD, .value_bytes = sizeof(uint64_t), .ttl_ns = CG_DECISION_TTL_NS_NEVER};
    cg_node_options node = cg_node_options_default();
    node.keys = 1000;
    cg_outputs_init(&self->outputs, cg_allocator_heap());
    cg_status status = cg_pools_alloc(&pools, cg_allocator_heap(), &self->pools, error);
    if (status == CG_OK) {
        status = cg_decision_cache_alloc(&cache, cg_allocator_heap(), &self->cache, error);
    }
    return status == CG_OK ? cg_node_alloc(&node, NULL, cg_allocator_heap(), &self->node, error)
                           : status;
}

static cg_status measure(sim_calibration *calibration, service *self, cg_error *error) {
    static const uint32_t slots[SIZES] = {64, 256, 1024, 4096};
    static const uint32_t texts[SIZES] = {16, 128, 1024, 8192};
    cg_status status =
        measure_sizes(calibration, self, run_slots, CG_WORK_SLOT, slots,
                      "slots of 64 to 4,096 bytes, given back and taken among 4,096", error);
    if (status == CG_OK) {
        status = measure_sizes(calibration, self, run_cache, CG_WORK_CACHE, texts,
                               "texts of 16 to 8,192 bytes hashed twice and looked up", error);
    }
    if (status == CG_OK) {
        status = measure_sizes(
            calibration, self, run_record, CG_WORK_LOG_APPEND, texts,
            "records of facts of 16 to 8,192 bytes encoded, checksum included", error);
    }
    if (status == CG_OK) {
        status = measure_sizes(calibration, self, run_message, CG_WORK_MESSAGE, texts,
                               "payloads of 16 to 8,192 bytes sealed and opened", error);
    }
    return status == CG_OK ? measure_step(calibration, self, error) : status;
}

cg_status sim_calibrate_service(sim_calibration *calibration, cg_error *error) {
    service *self = calloc(1, sizeof *self);
    if (!self) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for service");
    }
    cg_status status = prepare(self, error);
    if (status == CG_OK) {
        status = measure(calibration, self, error);
    }
    cg_node_free(self->node);
    cg_outputs_deinit(&self->outputs);
    cg_decision_cache_free(self->cache);
    cg_pools_free(self->pools);
    free(self);
    return status;
}
