/* Goal: whatever another program writes as its events is read or refused with a sentence, and a log
 * is never different from itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/trace/difference.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static FILE *file_of(const uint8_t *bytes, size_t size_bytes) {
    FILE *file = tmpfile();
    CG_ASSERT(file);
    CG_ASSERT(fwrite(bytes, 1, size_bytes, file) == size_bytes);
    rewind(file);
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes) {
    FILE *files[2] = {file_of(bytes, size_bytes), file_of(bytes, size_bytes)};
    sim_event_reader readers[2];
    cg_error error = {CG_OK, ""};
    cg_status status = CG_OK;
    for (int i = 0; i < 2 && status == CG_OK; i++) {
        status = sim_event_reader_init(&readers[i], files[i], "fuzz", &error);
    }
    if (status == CG_OK) {
        sim_difference difference;
        status = sim_difference_find(&readers[0], &readers[1], &difference, &error);
        CG_ASSERT(status != CG_OK || difference.kind == SIM_DIFFERENCE_NONE);
    }
    CG_ASSERT(status == CG_OK || error.message[0] != '\0');
    (void)fclose(files[0]);
    (void)fclose(files[1]);
    return 0;
}
