#include "engine/index/visited.h"

#include <string.h>

cg_status cg_visited_reserve(cg_visited *visited, const cg_allocator *allocator, size_t rows,
                             cg_error *error) {
    if (rows <= visited->capacity) {
        return CG_OK;
    }
    uint16_t *marks = cg_allocate(allocator, rows, sizeof *marks);
    if (!marks) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for the visited marks of a search over %zu rows", rows);
    }
    cg_visited_deinit(visited, allocator);
    *visited = (cg_visited){.marks = marks, .capacity = rows};
    return CG_OK;
}

void cg_visited_deinit(cg_visited *visited, const cg_allocator *allocator) {
    cg_deallocate(allocator, visited->marks, visited->capacity, sizeof *visited->marks);
    *visited = (cg_visited){0};
}

uint64_t cg_visited_bytes(const cg_visited *visited) {
    return visited->capacity * (uint64_t)sizeof *visited->marks;
}

void cg_visited_begin(cg_visited *visited) {
    visited->epoch++;
    if (visited->epoch == 0) { /* marks of 65,536 walks ago would look fresh */
        memset(visited->marks, 0, visited->capacity * sizeof *visited->marks);
        visited->epoch = 1;
    }
}
