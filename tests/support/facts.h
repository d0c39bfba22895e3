/* Made-up facts with proper vectors, for tests of codecs, logs and nodes. */
#ifndef CG_TESTS_SUPPORT_FACTS_H
#define CG_TESTS_SUPPORT_FACTS_H

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/replica/log.h"

typedef struct support_fact { /* the arrays that a record or message borrows */
    float dense[CG_DIMS_MAX];
    uint32_t features[CG_SPARSE_ENTRIES_MAX];
    float weights[CG_SPARSE_ENTRIES_MAX];
    uint32_t dims;
    uint32_t entries;
} support_fact;

static inline void support_unit(cg_stream *stream, float *values, uint32_t count) {
    double squares = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (float)(cg_stream_next_unit(stream) + 0.01);
        values[i] = cg_stream_next_below(stream, 2) ? values[i] : -values[i];
        squares += (double)values[i] * (double)values[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (float)((double)values[i] / cg_sqrt(squares));
    }
}

static inline void support_fact_fill(support_fact *fact, cg_stream *stream, uint32_t dims,
                                     uint32_t entries) {
    uint32_t feature = 0;
    fact->dims = dims;
    fact->entries = entries;
    support_unit(stream, fact->dense, dims);
    support_unit(stream, fact->weights, entries);
    for (uint32_t i = 0; i < entries; i++) {
        feature += 1 + (uint32_t)cg_stream_next_below(stream, 1000);
        fact->features[i] = feature;
    }
}

static inline cg_sparse support_fact_sparse(const support_fact *fact) {
    return (cg_sparse){fact->features, fact->weights, fact->entries};
}

#endif
