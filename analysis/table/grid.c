/* Tables of short strings. */
#include "analysis/table/grid.h"

#include "analysis/table/database.h"

enum { GAP = 2 };

cg_status an_grid_take(an_pool *pool, an_grid *grid, cg_error *error) {
    grid->header = an_pool_take(pool, grid->width, sizeof *grid->header);
    grid->cells = an_pool_take(pool, grid->width * grid->row_count, sizeof *grid->cells);
    return grid->header && grid->cells ? CG_OK : an_out_of_memory(error);
}

/* Characters, not bytes: "±" is one. */
static uint32_t characters(const char *text) {
    uint32_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static uint32_t column_width(const an_grid *grid, size_t column) {
    uint32_t width = characters(grid->header[column]);
    for (size_t i = 0; i < grid->row_count; i++) {
        uint32_t one = characters(grid->cells[i * grid->width + column]);
        width = one > width ? one : width;
    }
    return width;
}

/* The keys and the columns [from, to), each as wide as its widest cell. No line ends in spaces.
 */
static void put_block(const an_grid *grid, size_t from, size_t to, FILE *out) {
    for (size_t i = 0; i <= grid->row_count; i++) {
        const char **cells = i == 0 ? grid->header : &grid->cells[(i - 1) * grid->width];
        int owed = 0; /* spaces before the next word */
        for (size_t j = 0; j < to; j = j + 1 == grid->key_count ? from : j + 1) {
            int padding = (int)(column_width(grid, j) - characters(cells[j]));
            owed += j == 0 ? 0 : GAP;
            owed += grid->left ? 0 : padding;
            if (*cells[j]) {
                fprintf(out, "%*s%s", owed, "", cells[j]);
                owed = 0;
            }
            owed += grid->left ? padding : 0;
        }
        fputc('\n', out);
    }
}

void an_grid_put_text(const an_grid *grid, uint32_t width, FILE *out) {
    uint32_t keys_width = 0;
    for (size_t i = 0; i < grid->key_count; i++) {
        keys_width += column_width(grid, i) + (i > 0 ? GAP : 0);
    }
    size_t from = grid->key_count;
    do {
        size_t to = from;
        uint32_t used = keys_width;
        while (to < grid->width &&
               (to == from || width == 0 || used + GAP + column_width(grid, to) <= width)) {
            used += GAP + column_width(grid, to);
            to++;
        }
        fputs(from > grid->key_count ? "\n" : "", out);
        put_block(grid, from, to, out);
        from = to;
    } while (from < grid->width);
}

/* "|" would end a cell. */
static void put_cell(FILE *out, const char *text) {
    fputc(' ', out);
    for (; *text; text++) {
        fputs(*text == '|' ? "\\" : "", out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
    fputs(" |", out);
}

void an_grid_put_markdown(const an_grid *grid, FILE *out) {
    for (size_t i = 0; i <= grid->row_count; i++) {
        const char **cells = i == 0 ? grid->header : &grid->cells[(i - 1) * grid->width];
        fputc('|', out);
        for (size_t j = 0; j < grid->width; j++) {
            put_cell(out, cells[j]);
        }
        fputc('\n', out);
        for (size_t j = 0; j < grid->width && i == 0; j++) {
            fputs(j == 0 ? "|" : "", out);
            fputs(grid->left ? " :--- |" : " ---: |", out);
        }
        fputs(i == 0 ? "\n" : "", out);
    }
}
