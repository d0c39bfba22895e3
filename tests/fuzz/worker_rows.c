/* Any bytes as a worker's output: rows or a sentence, never a crash; what is accepted is within
 * bounds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/record/rows_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes) {
    char *text = malloc(size_bytes + 1);
    if (!text) {
        return 0;
    }
    memcpy(text, bytes, size_bytes);
    text[size_bytes] = '\0';
    sim_rows_reader reader = sim_rows_reader_init(text);
    bool more = true;
    while (more) {
        sim_row row;
        if (sim_rows_reader_next(&reader, &row, &more, NULL) != CG_OK) {
            break;
        }
        CG_ASSERT(!more || (isfinite(row.value) && row.time_ns <= INT64_MAX));
    }
    free(text);
    return 0;
}
