/* cg_segment_open on any bytes, their checksums as they are or made right: a status, or a
 * segment that can be searched, thawed and walked. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/index/segment.h"
#include "tests/support/segment_forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { K = 5, ROWS_USED_MAX = 1000 };

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static void search(const cg_segment *segment, float *vector) {
    cg_segment_scratch *scratch = NULL;
    require(cg_segment_scratch_alloc(cg_allocator_heap(), &scratch, NULL) == CG_OK);
    for (uint32_t ef = 1; ef < 200; ef *= 13) {
        cg_segment_query query = {.index = {.vector = vector, .k = K, .ef = ef}};
        cg_index_hit hits[K];
        uint32_t found = 0;
        require(cg_segment_search(segment, &query, scratch, hits, &found, NULL, NULL) == CG_OK);
        require(found <= K);
        for (uint32_t i = 0; i < found; i++) {
            require(hits[i].row < cg_segment_count(segment));
        }
    }
    cg_segment_scratch_free(scratch);
}

static void use(const cg_segment *segment) {
    cg_allocator heap = cg_allocator_heap();
    const uint32_t rows = cg_segment_count(segment);
    const uint32_t dims = cg_segment_options_of(segment)->dims;
    float *vector = cg_allocate(&heap, dims, sizeof *vector);
    require(vector != NULL);
    for (uint32_t row = 0; row < rows && row < ROWS_USED_MAX; row++) {
        cg_segment_vector(segment, row, vector);
    }
    memset(vector, 0, dims * sizeof *vector);
    vector[0] = 1.0f;
    search(segment, vector);
    require(cg_segment_reachable(segment, heap) <= rows);
    cg_index *thawed = NULL;
    if (cg_segment_thaw(segment, heap, &thawed, NULL) == CG_OK) {
        require(cg_index_reachable(thawed, heap) == rows);
        cg_index_free(thawed);
    }
    cg_deallocate(&heap, vector, dims, sizeof *vector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cg_allocator heap = cg_allocator_heap();
    if (size == 0) {
        return 0;
    }
    uint8_t *bytes = cg_allocate_aligned(&heap, size);
    require(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1u) {
        forge_seal(bytes, size - 1);
    }
    cg_segment *segment = NULL;
    cg_error error = {0};
    cg_status status = cg_segment_open(
        bytes, size - 1, data[0] & 2u ? CG_SEGMENT_LEAVE_FULLER : CG_SEGMENT_CHECK_ALL, heap,
        &segment, &error);
    if (status == CG_OK) {
        use(segment);
        cg_segment_close(segment);
    } else {
        require(status == CG_ERROR_CORRUPT || status == CG_ERROR_VERSION);
        require(error.message[0] != '\0');
    }
    cg_deallocate_aligned(&heap, bytes, size);
    return 0;
}
