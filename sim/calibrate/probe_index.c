/* Hops and links of an HNSW index. A search's distances are counted apart; what they cost on their own
 * is taken off its time, and what is left is of the hops. */
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/index/index.h"
#include "engine/vector/vector.h"
#include "sim/calibrate/parts.h"

enum { DIMS = 128, ROWS = 20000, ADDED = 16, QUERIES = 256, SIZES = 4, EF_MAX = 256, K = 10 };
static const uint32_t ef_of[SIZES] = {16, 48, 128, EF_MAX};

typedef struct indexed {
    cg_index *index;
    cg_index_scratch *scratch;
    float *
        vectors; /* [ROWS][DIMS]; the first QUERIES are asked, and the first rows added again */
    uint32_t ef;
    uint32_t at;
} indexed;

static cg_status run_search(void *context, cg_work *work, cg_error *error) {
    indexed *self = context;
    cg_index_hit hits[K];
    uint32_t found = 0;
    self->at = (self->at + 1) % QUERIES;
    const cg_index_query query = {
        .vector = self->vectors + (size_t)self->at * DIMS, .k = K, .ef = self->ef};
    return cg_index_search(self->index, &query, self->scratch, hits, &found, work, error);
}

static cg_status run_add(void *context, cg_work *work, cg_error *error) {
    indexed *self = context;
    self->at = (self->at + ADDED) % QUERIES;
    const cg_runner serial = cg_runner_serial();
    const cg_index_rows rows = {.vectors = self->vectors + (size_t)self->at * DIMS,
                                .count = ADDED};
    return cg_index_add(self->index, &rows, &serial, work, error);
}

/* Points around 200 centres, of unit length. */
static void draw(float *vectors) {
    enum { CENTRES = 200 };
    cg_stream stream = cg_stream_init(1, "calibrate.index", 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        float *vector = vectors + (size_t)row * DIMS;
        for (uint32_t d = 0; d < DIMS; d++) {
            const float *centre = vectors + (size_t)(row % CENTRES) * DIMS;
            const float noise = (float)cg_stream_next_normal(&stream);
            vector[d] = row < CENTRES ? noise : centre[d] + 0.05f * noise;
        }
        (void)cg_vector_normalise(vector, DIMS);
    }
}

static cg_status measure(sim_calibration *calibration, indexed *self, cg_error *error) {
    sim_fit_work searches[SIZES];
    sim_fit_work adds;
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->ef = ef_of[i];
        status = sim_probe_time(&(sim_probe){run_search, self}, &searches[i], error);
    }
    if (status == CG_OK) {
        status = sim_probe_time(&(sim_probe){run_add, self}, &adds, error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_INDEX_HOP, searches, SIZES,
                            "searches of 20,000 rows of 128 dimensions, ef 16 to 256, without "
                            "their distances");
        sim_calibration_fit(calibration, CG_WORK_INDEX_LINK, &adds, 1,
                            "rows added to an index of 20,000, without distances and hops");
    }
    return status;
}

cg_status sim_calibrate_index(sim_calibration *calibration, cg_error *error) {
    indexed self = {.vectors = malloc(sizeof(float) * ROWS * DIMS)};
    if (!self.vectors) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for an index");
    }
    draw(self.vectors);
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.ef_construction = 48;
    const cg_runner serial = cg_runner_serial();
    const cg_index_rows rows = {.vectors = self.vectors, .count = ROWS};
    cg_status status = cg_index_alloc(&options, cg_allocator_heap(), &self.index, error);
    if (status == CG_OK) {
        status = cg_index_add(self.index, &rows, &serial, NULL, error);
    }
    if (status == CG_OK) {
        status = cg_index_scratch_alloc(cg_allocator_heap(), &self.scratch, error);
    }
    if (status == CG_OK) {
        status = measure(calibration, &self, error);
    }
    cg_index_scratch_free(self.scratch);
    cg_index_free(self.index);
    free(self.vectors);
    return status;
}
