/* A table of short strings, for reading: aligned text, and Markdown (private to analysis/table).
 *
 * The first key_count columns name a row. When text is too wide, the other columns go below in
 * blocks, and the keys stand in each.
 */
#ifndef AN_TABLE_GRID_H
#define AN_TABLE_GRID_H

#include <stdio.h>

#include "analysis/table/pool.h"
#include "engine/base/status.h"

typedef struct an_grid {
    size_t key_count;
    size_t width;     /* keys and columns */
    size_t row_count; /* without the header */
    const char **header;
    const char **cells; /* [row_count][width] */
    bool left;          /* words, aligned at the left; otherwise figures, at the right */
} an_grid;

/* width and row_count are set; takes header and cells from the pool, empty. */
cg_status an_grid_take(an_pool *pool, an_grid *grid, cg_error *error);

/* width: columns that pass this many characters go below; 0: never. */
void an_grid_put_text(const an_grid *grid, uint32_t width, FILE *out);
void an_grid_put_markdown(const an_grid *grid, FILE *out);

#endif
