#include "engine/column/learned.h"

#include <string.h>

#include "engine/base/hash.h"

/* Of synapses: 0.001 and 1, the bounds of the pair rule (engine/snn/stdp.h). */
enum { WEIGHT_LEAST = 66, WEIGHT_MOST = 65536 };

cg_learned cg_learned_init(void) {
    return (cg_learned){.synapses = cg_synapses_uniform(),
                        .calibration = cg_calibration_init()};
}

uint64_t cg_learned_hash(const cg_learned *learned) {
    uint8_t bytes[CG_LEARNED_BYTES];
    cg_writer writer = cg_writer_init(bytes, sizeof bytes);
    cg_learned_write(&writer, learned);
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_bytes(&hasher, bytes, sizeof bytes);
    return cg_hasher_value(&hasher);
}

static void write_f64(cg_writer *writer, double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    cg_write_u64(writer, bits);
}

void cg_learned_write(cg_writer *writer, const cg_learned *learned) {
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            cg_write_u16(writer, (uint16_t)(learned->synapses.weight_q16[pathway][line] - 1));
        }
    }
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        cg_write_u16(writer, (uint16_t)(learned->synapses.expertise_q16[column] - 1));
    }
    for (uint32_t i = 0; i < CG_CALIBRATION_TERMS; i++) {
        write_f64(writer, learned->calibration.mean[i]);
    }
    for (uint32_t i = 0; i < CG_CALIBRATION_TERMS; i++) {
        for (uint32_t j = 0; j < CG_CALIBRATION_TERMS; j++) {
            write_f64(writer, learned->calibration.covariance[i][j]);
        }
    }
    cg_write_u64(writer, learned->lessons);
}

static uint32_t read_weight(cg_reader *reader, bool *sound) {
    uint32_t weight = (uint32_t)cg_read_u16(reader) + 1;
    *sound = *sound && weight >= WEIGHT_LEAST && weight <= WEIGHT_MOST;
    return weight;
}

static double read_f64(cg_reader *reader) {
    uint64_t bits = cg_read_u64(reader);
    double value = 0.0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

cg_status cg_learned_read(cg_reader *reader, cg_learned *learned, cg_error *error) {
    bool sound = true;
    cg_learned read;
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            read.synapses.weight_q16[pathway][line] = read_weight(reader, &sound);
        }
    }
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        read.synapses.expertise_q16[column] = read_weight(reader, &sound);
    }
    for (uint32_t i = 0; i < CG_CALIBRATION_TERMS; i++) {
        read.calibration.mean[i] = read_f64(reader);
    }
    for (uint32_t i = 0; i < CG_CALIBRATION_TERMS; i++) {
        for (uint32_t j = 0; j < CG_CALIBRATION_TERMS; j++) {
            read.calibration.covariance[i][j] = read_f64(reader);
        }
    }
    read.lessons = cg_read_u64(reader);
    if (reader->failed || !sound || !cg_calibration_is_sound(&read.calibration)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "learned weights are cut or out of their range");
    }
    *learned = read;
    return CG_OK;
}
