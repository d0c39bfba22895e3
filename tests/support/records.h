/* Records of a log with everything in them drawn, and their bytes. */
#ifndef CG_TESTS_SUPPORT_RECORDS_H
#define CG_TESTS_SUPPORT_RECORDS_H

#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/graph/graph.h"
#include "engine/replica/log.h"
#include "tests/support/facts.h"
#include "tests/support/support.h"

/* Bounds of a synapse's weight: those of the pair rule (engine/snn/stdp.h). */
enum { WEIGHT_LEAST = 66, WEIGHT_MOST = 65536 };

/* Where the fields of an encoded record begin (log.h); vectors stand after what was learned. */
enum {
    REQUEST_AT = 28,
    KIND_AT = 48,
    REMOVED_AT = 49,
    WEIGHT_COUNT_AT = 49,
    WEIGHTS_AT = 53,
    WEIGHT_STRIDE = 19,
    LEARNED_AT = 61,
    DIMS_AT = 65,
    ENTRIES_AT = 69,
    TEXT_AT = 73,
    LEARNED_PART_AT = 77
};

typedef struct sample {
    support_fact fact;
    char text[4096];
    cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    cg_log_record record;
    uint8_t *bytes;
    size_t size_bytes;
} sample;

/* Any that is in its range. */
static inline cg_learned learned_of(cg_stream *stream) {
    cg_learned learned;
    memset(&learned, 0, sizeof learned); /* padding too: compared as memory */
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            learned.synapses.weight_q16[pathway][line] =
                WEIGHT_LEAST +
                (uint32_t)cg_stream_next_below(stream, WEIGHT_MOST - WEIGHT_LEAST + 1);
        }
    }
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        learned.synapses.expertise_q16[column] = column % 2 ? WEIGHT_LEAST : WEIGHT_MOST;
    }
    cg_calibration calibration = cg_calibration_init();
    for (uint32_t i = 0; i < 20; i++) {
        cg_lead lead = {.margin = cg_stream_next_unit(stream),
                        .distance = 2.0 * cg_stream_next_unit(stream),
                        .recognised = cg_stream_next_below(stream, 2) == 0};
        cg_calibration_learn(&calibration, &lead, cg_stream_next_below(stream, 3) > 0);
    }
    learned.calibration = calibration;
    learned.lessons = cg_stream_next(stream);
    return learned;
}

/* Ascends with sequences. */
static inline cg_log_id id_of(cg_stream *stream, uint64_t sequence) {
    return (cg_log_id){.epoch = 1 + sequence / 3,
                       .number = sequence,
                       .replica = (uint32_t)cg_stream_next(stream)};
}

static inline void encode_sample(sample *made) {
    made->size_bytes = cg_log_record_bytes(&made->record);
    made->bytes = malloc(made->size_bytes);
    assert_non_null(made->bytes);
    cg_log_record_encode(&made->record, made->bytes);
}

static inline sample *make_sample_of(bool learned, uint64_t seed, uint32_t dims,
                                     uint32_t entries, uint64_t sequence) {
    sample *made = calloc(1, sizeof *made);
    assert_non_null(made);
    cg_stream stream = cg_stream_init(seed, "replica.sample", sequence);
    support_fact_fill(&made->fact, &stream, dims, entries);
    uint32_t text_bytes = (uint32_t)cg_stream_next_below(&stream, 40);
    for (uint32_t i = 0; i < text_bytes; i++) {
        made->text[i] = (char)('a' + cg_stream_next_below(&stream, 26));
    }
    made->record = (cg_log_record){
        .id = id_of(&stream, sequence),
        .request_id = cg_stream_next(&stream),
        .clock = {cg_stream_next(&stream), (uint32_t)cg_stream_next(&stream)},
        .target = cg_stream_next(&stream),
        .concept_type = (uint32_t)cg_stream_next(&stream),
        .has_learned = learned,
        .dims = dims,
        .dense = made->fact.dense,
        .sparse = support_fact_sparse(&made->fact),
        .text = made->text,
        .text_bytes = text_bytes,
    };
    if (learned) {
        made->record.learned = learned_of(&stream);
    }
    encode_sample(made);
    return made;
}

static inline sample *make_removal(uint64_t seed, uint64_t sequence, uint64_t removed_id) {
    sample *made = calloc(1, sizeof *made);
    assert_non_null(made);
    cg_stream stream = cg_stream_init(seed, "replica.removal", sequence);
    made->record = (cg_log_record){
        .kind = CG_RECORD_REMOVE,
        .id = id_of(&stream, sequence),
        .request_id = cg_stream_next(&stream),
        .clock = {cg_stream_next(&stream), (uint32_t)cg_stream_next(&stream)},
        .removed = cg_fact_id(removed_id),
    };
    encode_sample(made);
    return made;
}

/* Of edges 10i -> 10i + 1, of types that go round, to weights that are drawn. */
static inline sample *make_weights(uint64_t seed, uint64_t sequence, uint32_t count) {
    sample *made = calloc(1, sizeof *made);
    assert_non_null(made);
    cg_stream stream = cg_stream_init(seed, "replica.weights", sequence);
    for (uint32_t i = 0; i < count; i++) {
        made->weights[i] = (cg_log_weight){.from = 10 * (uint64_t)i,
                                           .to = 10 * (uint64_t)i + 1,
                                           .type = (uint16_t)(i % CG_EDGE_TYPE_COUNT),
                                           .weight = (uint8_t)cg_stream_next(&stream)};
    }
    made->record = (cg_log_record){
        .kind = CG_RECORD_WEIGHTS,
        .id = id_of(&stream, sequence),
        .clock = {cg_stream_next(&stream), (uint32_t)cg_stream_next(&stream)},
        .weights = made->weights,
        .weight_count = count,
    };
    encode_sample(made);
    return made;
}

static inline sample *make_epoch(uint64_t seed, uint64_t sequence) {
    sample *made = calloc(1, sizeof *made);
    assert_non_null(made);
    cg_stream stream = cg_stream_init(seed, "replica.epoch", sequence);
    made->record =
        (cg_log_record){.kind = CG_RECORD_EPOCH,
                        .id = id_of(&stream, sequence),
                        .clock = {cg_stream_next(&stream), (uint32_t)cg_stream_next(&stream)}};
    encode_sample(made);
    return made;
}

static inline sample *make_sample(uint64_t seed, uint32_t dims, uint32_t entries,
                                  uint64_t sequence) {
    return make_sample_of(false, seed, dims, entries, sequence);
}

/* Puts a right checksum on altered bytes, so that the fields behind it are reached. */
static inline void reseal(uint8_t *bytes, size_t size_bytes) {
    cg_writer writer = cg_writer_init(bytes, 8);
    cg_write_u32(&writer, (uint32_t)(size_bytes - 4));
    cg_write_u32(&writer, cg_crc32c(bytes + 8, size_bytes - 8));
}

static inline void put_u32(uint8_t *bytes, uint32_t value) {
    cg_writer writer = cg_writer_init(bytes, 4);
    cg_write_u32(&writer, value);
}

static inline void free_sample(sample *made) {
    free(made->bytes);
    free(made);
}

#endif
