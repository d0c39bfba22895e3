/* Texts to features and to vectors. Words are made of letters at random, so that a text has about as
 * many features as one of a language. */
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/fact/embed.h"
#include "sim/calibrate/parts.h"

enum { TEXTS = 64, TEXT_MAX = 1024, SIZES = 4, ENTRIES_SIZES = 4 };
static const uint32_t bytes_of[SIZES] = {24, 80, 240, TEXT_MAX};
static const uint32_t entries_of[ENTRIES_SIZES] = {8, 24, 80, CG_SPARSE_ENTRIES_MAX};

typedef struct texts {
    cg_embedder *embedder;
    char text[TEXTS][TEXT_MAX];
    uint32_t size_bytes;
    uint32_t at;
    cg_embedding embedding;
    uint32_t entries;
    float dense[CG_DIMS_MAX];
} texts;

static cg_status run_embed(void *context, cg_work *work, cg_error *error) {
    texts *self = context;
    self->at = (self->at + 1) % TEXTS;
    return cg_embed(self->embedder, self->text[self->at], self->size_bytes, &self->embedding,
                    work, error);
}

static cg_status run_project(void *context, cg_work *work, cg_error *error) {
    (void)error;
    texts *self = context;
    cg_sparse sparse = cg_embedding_sparse(&self->embedding);
    sparse.count = sparse.count < self->entries ? sparse.count : self->entries;
    cg_embed_project(self->embedder, sparse, self->dense, work);
    return CG_OK;
}

static cg_status prepare(texts *self, cg_error *error) {
    cg_stream stream = cg_stream_init(1, "calibrate.text", 0);
    for (int i = 0; i < TEXTS; i++) {
        for (int at = 0; at < TEXT_MAX; at++) {
            bool is_gap = at > 0 && cg_stream_next_below(&stream, 6) == 0;
            self->text[i][at] =
                (char)(is_gap ? ' ' : 'a' + (int)cg_stream_next_below(&stream, 26));
        }
    }
    cg_embed_options options = cg_embed_options_default();
    cg_status status = cg_embedder_alloc(&options, cg_allocator_heap(), &self->embedder, error);
    for (int i = 0; status == CG_OK && i < TEXTS; i++) {
        status = cg_embedder_add_document(self->embedder, self->text[i], TEXT_MAX, error);
    }
    return status == CG_OK ? cg_embedder_freeze(self->embedder, error) : status;
}

static cg_status measure(sim_calibration *calibration, texts *self, cg_error *error) {
    sim_fit_work projects[ENTRIES_SIZES];
    sim_fit_work embeds[SIZES];
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->size_bytes = bytes_of[i];
        status = sim_probe_time(&(sim_probe){run_embed, self}, &embeds[i], error);
    }
    for (int i = 0; status == CG_OK && i < ENTRIES_SIZES; i++) {
        self->entries = entries_of[i];
        status = sim_probe_time(&(sim_probe){run_project, self}, &projects[i], error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_PROJECT, projects, ENTRIES_SIZES,
                            "exact forms of up to 256 features to 128 dimensions");
        sim_calibration_fit(calibration, CG_WORK_TOKENISE, embeds, SIZES,
                            "texts of 24 to 1,024 bytes embedded, without the projection");
    }
    return status;
}

cg_status sim_calibrate_text(sim_calibration *calibration, cg_error *error) {
    texts *self = calloc(1, sizeof *self);
    if (!self) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for texts");
    }
    cg_status status = prepare(self, error);
    if (status == CG_OK) {
        status = measure(calibration, self, error);
    }
    cg_embedder_free(self->embedder);
    free(self);
    return status;
}
