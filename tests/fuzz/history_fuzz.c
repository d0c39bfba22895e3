/* Goal: whatever somebody writes as a history is read or refused with a sentence that changes nothing; what
 * was read writes lines that read as the same history. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

enum { OPERATIONS_MAX = 1000 };

static sim_history *make(void) {
    sim_history *history = NULL;
    CG_ASSERT(sim_history_alloc(cg_allocator_heap(), OPERATIONS_MAX, &history, NULL) == CG_OK);
    return history;
}

/* All lines; the caller's to free. */
static char *lines_of(sim_history *history, size_t *size) {
    size_t count = sim_history_count(history);
    char *text = malloc(count * SIM_HISTORY_LINE_BYTES + 1);
    CG_ASSERT(text && sim_history_sort(history, NULL) == CG_OK);
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t used = sim_history_line(&sim_history_operations(history)[i], text + *size);
        CG_ASSERT(used > 0 && used < SIM_HISTORY_LINE_BYTES);
        *size += used;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes) {
    cg_error error = {CG_OK, ""};
    sim_history *history = make();
    cg_status status = sim_history_read(history, (const char *)bytes, size_bytes, &error);
    if (status != CG_OK) {
        CG_ASSERT(error.message[0] != '\0' && sim_history_count(history) == 0);
        CG_ASSERT(status == CG_ERROR_CORRUPT || status == CG_ERROR_EXISTS ||
                  status == CG_ERROR_FULL);
    } else {
        size_t sizes[2];
        sim_history *same = make();
        char *first = lines_of(history, &sizes[0]);
        CG_ASSERT(sim_history_read(same, first, sizes[0], &error) == CG_OK);
        char *second = lines_of(same, &sizes[1]);
        CG_ASSERT(sizes[0] == sizes[1] && memcmp(first, second, sizes[0]) == 0);
        free(first);
        free(second);
        sim_history_free(same);
    }
    sim_history_free(history);
    return 0;
}
