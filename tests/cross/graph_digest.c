/* Goal: one and the same graph, to the byte, on every processor, with every compiler, for any
 * number of threads and for every instruction set. Builds an index of each kind of codes, takes
 * a third of it away, puts other rows in, and prints a digest of each stage, which compare.sh
 * compares between machines; status 1 where threads or instruction sets differ already here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"
#include "engine/base/prng.h"
#include "engine/index/index_internal.h"
#include "tests/support/runner.h"

enum { DIMS = 40, ROWS = 2400, CLUSTERS = 40, STAGES = 4, QUERIES = 100, K = 10, RUNS = 4 };
static const uint32_t threads_of[RUNS] = {1, 2, 3, 8};

typedef struct input {
    float vectors[(ROWS + ROWS / 3) * DIMS];
    uint64_t ids[ROWS + ROWS / 3];
} input;

typedef struct digests {
    uint64_t values[STAGES]; /* built, taken away, put in, search results */
} digests;

static void draw(input *data) {
    for (uint32_t i = 0; i < ROWS + ROWS / 3; i++) {
        cg_stream stream = cg_stream_init(1, "graph_digest", i);
        cg_stream centre = cg_stream_init(1, "graph_digest.centre", i % CLUSTERS);
        float *vector = data->vectors + (size_t)i * DIMS;
        for (uint32_t d = 0; d < DIMS; d++) {
            double shared = cg_stream_next_normal(&centre);
            /* Every eighth row is a copy of its centre: ties decide. */
            vector[d] = (float)(i % 8 ? shared + 0.5 * cg_stream_next_normal(&stream) : shared);
        }
        (void)cg_vector_normalise(vector, DIMS);
        data->ids[i] = cg_hash_u64(i, 7);
    }
}

static void must(cg_status status, const cg_error *error) {
    if (status != CG_OK) {
        (void)fprintf(stderr, "%s\n", error->message);
        exit(1);
    }
}

static uint64_t digest_search(const cg_index *index, const input *data) {
    cg_index_scratch *scratch = NULL;
    cg_hasher hasher = cg_hasher_init();
    cg_error error;
    must(cg_index_scratch_alloc(cg_allocator_heap(), &scratch, &error), &error);
    for (uint32_t i = 0; i < QUERIES; i++) {
        cg_index_query query = {
            .vector = data->vectors + (size_t)(ROWS + i) * DIMS, .k = K, .ef = 40};
        cg_index_hit hits[K];
        uint32_t found = 0;
        must(cg_index_search(index, &query, scratch, hits, &found, NULL, &error), &error);
        for (uint32_t j = 0; j < found; j++) {
            cg_hasher_add_u64(&hasher, hits[j].id);
            cg_hasher_add_f32(&hasher, hits[j].distance);
        }
    }
    cg_index_scratch_free(scratch);
    return cg_hasher_value(&hasher);
}

static digests digest(cg_precision codes, const cg_kernels *kernels, uint32_t threads,
                      const input *data) {
    cg_runner runner = support_threads(&threads);
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.m = 8;
    options.ef_construction = 40;
    options.codes = codes;
    options.fuller = codes == CG_PRECISION_F32 ? CG_PRECISION_F32 : CG_PRECISION_F16;
    options.has_ids = true;
    cg_index *index = NULL;
    cg_error error;
    digests result;
    must(cg_index_alloc(&options, cg_allocator_heap(), &index, &error), &error);
    index->kernels = kernels;
    cg_index_rows first = {.vectors = data->vectors, .ids = data->ids, .count = ROWS};
    must(cg_index_add(index, &first, &runner, NULL, &error), &error);
    result.values[0] = cg_index_hash(index);
    must(cg_index_remove(index, data->ids + ROWS / 3, ROWS / 3, &runner, NULL, &error), &error);
    result.values[1] = cg_index_hash(index);
    cg_index_rows then = {
        .vectors = data->vectors + ROWS * DIMS, .ids = data->ids + ROWS, .count = ROWS / 3};
    must(cg_index_add(index, &then, &runner, NULL, &error), &error);
    result.values[2] = cg_index_hash(index);
    result.values[3] = digest_search(index, data);
    cg_index_free(index);
    return result;
}

int main(void) {
    static const char *const stages[STAGES] = {"built", "removed", "refilled", "searched"};
    static input data;
    bool is_same = true;
    draw(&data);
    for (cg_precision codes = CG_PRECISION_F32; codes <= CG_PRECISION_I8; codes++) {
        digests expected = digest(codes, cg_kernels_of(CG_ISA_SCALAR), 1, &data);
        for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
            const cg_kernels *kernels = cg_kernels_of((cg_isa)isa);
            for (int run = 0; kernels && run < RUNS; run++) {
                digests other = digest(codes, kernels, threads_of[run], &data);
                if (memcmp(&other, &expected, sizeof other) != 0) {
                    (void)fprintf(stderr, "%s codes: %u threads with %s differ\n",
                                  cg_precision_name(codes), threads_of[run], kernels->name);
                    is_same = false;
                }
            }
        }
        for (int stage = 0; stage < STAGES; stage++) {
            printf("%s %s\t%016llx\n", cg_precision_name(codes), stages[stage],
                   (unsigned long long)expected.values[stage]);
        }
    }
    return is_same ? 0 : 1;
}
