/* All that an engine learns from labelled facts: synapses, and how sure to be of them. */
#ifndef CG_ENGINE_COLUMN_LEARNED_H
#define CG_ENGINE_COLUMN_LEARNED_H

#include "engine/base/bytes.h"
#include "engine/column/calibration.h"
#include "engine/column/synapse.h"

typedef struct cg_learned {
    cg_synapses synapses;
    cg_calibration calibration;
    uint64_t lessons; /* labelled facts learned from */
} cg_learned;

/* Nothing learned: uniform synapses. */
cg_learned cg_learned_init(void);

uint64_t cg_learned_hash(const cg_learned *learned);

/* As bytes, little-endian: weights as u16 of weight - 1 (pathway by pathway, line by line, then
 * expertise), the calibration's mean and covariance as f64, lessons as u64. */
enum {
    CG_LEARNED_BYTES = 2 * (CG_PATHWAY_COUNT * CG_LINES + CG_COLUMN_COUNT) +
                       8 * CG_CALIBRATION_TERMS * (1 + CG_CALIBRATION_TERMS) + 8
};
void cg_learned_write(cg_writer *writer, const cg_learned *learned);
/* Errors: CG_ERROR_CORRUPT for weights out of their range and a calibration that is none
 * (cg_calibration_is_sound). */
cg_status cg_learned_read(cg_reader *reader, cg_learned *learned, cg_error *error);

#endif
