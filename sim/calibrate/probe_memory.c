/* What a read costs by how far away it is served: latency by a chase of pointers through a random cycle
 * over all lines of a region (each address is known only when the line before it has come), bandwidth
 * by a sum over the region.
 *
 * Tier 1 is what lies in the first-level cache (16 KiB), tier 2 in a last-level cache (4 MiB), tier 3 in
 * memory (128 MiB).
 */
#include <stdlib.h>

#include "engine/base/prng.h"
#include "sim/calibrate/parts.h"

enum { LINE_BYTES = 64, LEVELS = 3, CHASES = 4096 };
static const size_t bytes_of[LEVELS] = {16 << 10, 4 << 20, 128 << 20};

typedef struct line {
    uint64_t next; /* index of the line after it in the cycle */
    uint64_t words[LINE_BYTES / 8 - 1];
} line;

typedef struct region {
    line *lines;
    uint64_t count;
    uint64_t at;
    cg_work_kind kind;
    uint64_t sum;
} region;

static cg_status run_chase(void *context, cg_work *work, cg_error *error) {
    (void)error;
    region *self = context;
    uint64_t at = self->at;
    for (int i = 0; i < CHASES; i++) {
        at = self->lines[at].next;
    }
    self->at = at;
    cg_work_count(work, self->kind, CHASES, 0);
    return CG_OK;
}

static cg_status run_sum(void *context, cg_work *work, cg_error *error) {
    (void)error;
    region *self = context;
    uint64_t sums[4] = {0};
    for (uint64_t i = 0; i < self->count; i++) {
        const line *at = &self->lines[i];
        sums[0] += at->next + at->words[3];
        sums[1] += at->words[0] + at->words[4];
        sums[2] += at->words[1] + at->words[5];
        sums[3] += at->words[2] + at->words[6];
    }
    self->sum += sums[0] + sums[1] + sums[2] + sums[3];
    cg_work_count(work, self->kind, 1, self->count * LINE_BYTES);
    return CG_OK;
}

/* One cycle over all lines (Sattolo, "An algorithm to generate a random cyclic permutation",
 * Information Processing Letters 22(6), 1986). */
static void draw_cycle(region *self, cg_stream *stream) {
    for (uint64_t i = 0; i < self->count; i++) {
        self->lines[i] = (line){.next = i};
    }
    for (uint64_t i = self->count - 1; i > 0; i--) {
        uint64_t other = cg_stream_next_below(stream, i);
        uint64_t kept = self->lines[i].next;
        self->lines[i].next = self->lines[other].next;
        self->lines[other].next = kept;
    }
}

static cg_status measure(sim_calibration *calibration, region *self, cg_error *error) {
    static const char *const how[LEVELS] = {
        "pointers chased through 16 KiB (first-level cache), and sums over it",
        "pointers chased through 4 MiB (last-level cache), and sums over it",
        "pointers chased through 128 MiB (memory), and sums over it"};
    cg_status status = CG_OK;
    for (int level = 0; status == CG_OK && level < LEVELS; level++) {
        cg_stream stream = cg_stream_init(1, "calibrate.memory", (uint64_t)level);
        sim_fit_work chase;
        sim_fit_work sum;
        self->kind = (cg_work_kind)(CG_WORK_TIER_L1 + level);
        self->count = bytes_of[level] / LINE_BYTES;
        self->at = 0;
        draw_cycle(self, &stream);
        status = sim_probe_time(&(sim_probe){run_chase, self}, &chase, error);
        if (status == CG_OK) {
            status = sim_probe_time(&(sim_probe){run_sum, self}, &sum, error);
        }
        if (status == CG_OK) {
            sim_calibration_set(calibration, self->kind,
                                chase.ns / (double)chase.work.operations[self->kind],
                                sum.ns / (double)sum.work.units[self->kind], how[level]);
        }
    }
    return status;
}

cg_status sim_calibrate_memory(sim_calibration *calibration, cg_error *error) {
    region self = {.lines = aligned_alloc(LINE_BYTES, bytes_of[LEVELS - 1])};
    if (!self.lines) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to measure memory with");
    }
    cg_status status = measure(calibration, &self, error);
    free(self.lines);
    return status;
}
