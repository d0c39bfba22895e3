/* Which rows a walk has met (private to engine/index): a mark a row, that of the walk under way or
 * of an older one, so that nothing is cleared between walks. */
#ifndef CG_ENGINE_INDEX_VISITED_H
#define CG_ENGINE_INDEX_VISITED_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_visited {
    uint16_t *marks; /* [capacity] a row is visited when its mark is the epoch */
    size_t capacity;
    uint16_t epoch;
} cg_visited;

/* Room for `rows` rows. Error: CG_ERROR_MEMORY, nothing changed. */
cg_status cg_visited_reserve(cg_visited *visited, const cg_allocator *allocator, size_t rows,
                             cg_error *error);
void cg_visited_deinit(cg_visited *visited, const cg_allocator *allocator);
uint64_t cg_visited_bytes(const cg_visited *visited);
/* A new walk: no row is visited. */
void cg_visited_begin(cg_visited *visited);

/* Marks the row; false when it was marked before. */
static inline bool cg_visited_add(cg_visited *visited, uint32_t row) {
    bool is_new = visited->marks[row] != visited->epoch;
    visited->marks[row] = visited->epoch;
    return is_new;
}

#endif
