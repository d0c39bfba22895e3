/* Two tables over the same (row, part touched) pairs: by row, and by pair of parts.
 *
 *     rows[b], ascending; touched[ends[b - 1] .. ends[b])           the parts that rows[b] touches
 *     pairs of part a: part_ends[a - 1] .. part_ends[a)
 *     pair i: from a to pair_parts[i]; pair_rows[pair_ends[i - 1] .. pair_ends[i])
 *
 * An end with nothing before it begins at 0.
 */
#include "engine/graph/partition/boundaries.h"

#include <string.h>

#include "engine/graph/partition/cut_graph.h"

struct cg_boundaries {
    cg_allocator allocator;
    uint32_t parts;
    uint32_t row_count;
    uint32_t touch_count;
    uint32_t pair_count;
    uint32_t *rows;       /* [row_count] */
    uint32_t *ends;       /* [row_count] */
    uint16_t *touched;    /* [touch_count] */
    uint32_t *part_ends;  /* [parts] */
    uint16_t *pair_parts; /* [pair_count] */
    uint32_t *pair_ends;  /* [pair_count] */
    uint32_t *pair_rows;  /* [touch_count] */
};

void cg_boundaries_free(cg_boundaries *b) {
    if (!b) {
        return;
    }
    const cg_allocator allocator = b->allocator;
    cg_deallocate(&allocator, b->rows, b->row_count, sizeof *b->rows);
    cg_deallocate(&allocator, b->ends, b->row_count, sizeof *b->ends);
    cg_deallocate(&allocator, b->touched, b->touch_count, sizeof *b->touched);
    cg_deallocate(&allocator, b->part_ends, b->parts, sizeof *b->part_ends);
    cg_deallocate(&allocator, b->pair_parts, b->pair_count, sizeof *b->pair_parts);
    cg_deallocate(&allocator, b->pair_ends, b->pair_count, sizeof *b->pair_ends);
    cg_deallocate(&allocator, b->pair_rows, b->touch_count, sizeof *b->pair_rows);
    cg_deallocate(&allocator, b, 1, sizeof *b);
}

/* --- building ------------------------------------------------------------- */

typedef struct builder {
    cg_boundaries *made;
    cg_cut_graph links;
    const uint32_t *part_of;
    uint32_t *stamps;    /* [parts]: 1 + the row, or part, that met this part last */
    uint32_t *counts;    /* [parts] */
    uint32_t *by_part;   /* [row_count]: places in rows[], by part, then ascending */
    uint32_t *part_from; /* [parts + 1]: where a part begins in by_part[] */
} builder;

static cg_status no_memory(const builder *b, cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY,
                        "no memory for the boundaries of %u rows in %u parts", b->links.rows,
                        b->made ? b->made->parts : 0);
}

/* The other parts that a row touches, into touched[], unless that is NULL. */
static uint32_t touch(builder *b, uint32_t row, uint16_t *touched) {
    const cg_cut_graph *links = &b->links;
    uint32_t count = 0;
    for (uint64_t i = links->starts[row]; i < links->starts[row + 1]; i++) {
        const uint32_t part = b->part_of[links->arcs[i].target];
        if (part == b->part_of[row] || b->stamps[part] == row + 1) {
            continue;
        }
        b->stamps[part] = row + 1;
        uint32_t place = count++;
        for (; touched && place > 0 && touched[place - 1] > part; place--) {
            touched[place] = touched[place - 1];
        }
        if (touched) {
            touched[place] = (uint16_t)part;
        }
    }
    return count;
}

static cg_status count_rows(builder *b, cg_error *error) {
    cg_boundaries *made = b->made;
    const cg_allocator *allocator = &made->allocator;
    uint64_t touches = 0;
    for (uint32_t row = 0; row < b->links.rows; row++) {
        const uint32_t count = touch(b, row, NULL);
        made->row_count += count > 0;
        touches += count;
    }
    if (touches > UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "%llu pairs of a row and a part that it touches: at most 2^32 - 1",
                            (unsigned long long)touches);
    }
    made->touch_count = (uint32_t)touches;
    memset(b->stamps, 0, made->parts * sizeof *b->stamps);
    if (touches == 0) {
        return CG_OK;
    }
    made->rows = cg_allocate(allocator, made->row_count, sizeof *made->rows);
    made->ends = cg_allocate(allocator, made->row_count, sizeof *made->ends);
    made->touched = cg_allocate(allocator, made->touch_count, sizeof *made->touched);
    made->pair_rows = cg_allocate(allocator, made->touch_count, sizeof *made->pair_rows);
    b->by_part = cg_allocate(allocator, made->row_count, sizeof *b->by_part);
    const bool is_there =
        made->rows && made->ends && made->touched && made->pair_rows && b->by_part;
    return is_there ? CG_OK : no_memory(b, error);
}

static void fill_rows(builder *b) {
    cg_boundaries *made = b->made;
    uint32_t end = 0;
    uint32_t next = 0;
    for (uint32_t row = 0; row < b->links.rows && next < made->row_count; row++) {
        const uint32_t count = touch(b, row, made->touched + end);
        if (count > 0) {
            end += count;
            made->rows[next] = row;
            made->ends[next++] = end;
            b->part_from[b->part_of[row] + 1]++;
        }
    }
    for (uint32_t p = 0; p < made->parts; p++) {
        b->part_from[p + 1] += b->part_from[p];
        b->counts[p] = b->part_from[p];
    }
    for (uint32_t i = 0; i < made->row_count; i++) {
        b->by_part[b->counts[b->part_of[made->rows[i]]]++] = i;
    }
}

/* counts[]: of part `from`, rows that touch each other part. Returns how many it touches. */
static uint32_t count_pairs(builder *b, uint32_t from) {
    const cg_boundaries *made = b->made;
    uint32_t pairs = 0;
    memset(b->counts, 0, made->parts * sizeof *b->counts);
    for (uint32_t i = b->part_from[from]; i < b->part_from[from + 1]; i++) {
        const uint32_t place = b->by_part[i];
        for (uint32_t t = place > 0 ? made->ends[place - 1] : 0; t < made->ends[place]; t++) {
            pairs += b->counts[made->touched[t]]++ == 0;
        }
    }
    return pairs;
}

static cg_status fill_pairs(builder *b, cg_error *error) {
    cg_boundaries *made = b->made;
    const cg_allocator *allocator = &made->allocator;
    for (uint32_t from = 0; from < made->parts; from++) {
        made->pair_count += count_pairs(b, from);
        made->part_ends[from] = made->pair_count;
    }
    if (made->pair_count == 0) {
        return CG_OK;
    }
    made->pair_parts = cg_allocate(allocator, made->pair_count, sizeof *made->pair_parts);
    made->pair_ends = cg_allocate(allocator, made->pair_count, sizeof *made->pair_ends);
    if (!made->pair_parts || !made->pair_ends) {
        return no_memory(b, error);
    }
    uint32_t pair = 0;
    uint32_t end = 0;
    for (uint32_t from = 0; from < made->parts; from++) {
        (void)count_pairs(b, from);
        for (uint32_t to = 0; to < made->parts; to++) {
            if (b->counts[to] > 0) {
                made->pair_parts[pair] = (uint16_t)to;
                const uint32_t first = end;
                end += b->counts[to];
                made->pair_ends[pair++] = end;
                b->counts[to] = first; /* from here on: where the next row goes */
            }
        }
        for (uint32_t i = b->part_from[from]; i < b->part_from[from + 1]; i++) {
            const uint32_t place = b->by_part[i];
            for (uint32_t t = place > 0 ? made->ends[place - 1] : 0; t < made->ends[place];
                 t++) {
                made->pair_rows[b->counts[made->touched[t]]++] = made->rows[place];
            }
        }
    }
    return CG_OK;
}

static cg_status build(builder *b, cg_error *error) {
    cg_boundaries *made = b->made;
    const cg_allocator *allocator = &made->allocator;
    b->stamps = cg_allocate(allocator, made->parts, sizeof *b->stamps);
    b->counts = cg_allocate(allocator, made->parts, sizeof *b->counts);
    b->part_from = cg_allocate(allocator, (size_t)made->parts + 1, sizeof *b->part_from);
    made->part_ends = cg_allocate(allocator, made->parts, sizeof *made->part_ends);
    if (!b->stamps || !b->counts || !b->part_from || !made->part_ends) {
        return no_memory(b, error);
    }
    cg_status status = count_rows(b, error);
    if (status == CG_OK) {
        fill_rows(b);
        status = fill_pairs(b, error);
    }
    return status;
}

cg_status cg_boundaries_alloc(const cg_graph *graph, uint32_t parts,
                              const uint32_t *part_of_row, cg_allocator allocator,
                              cg_boundaries **out, cg_error *error) {
    cg_status status = cg_partitioning_check(graph, parts, part_of_row, error);
    if (status != CG_OK) {
        return status;
    }
    builder b = {.part_of = part_of_row};
    status = cg_cut_graph_init(&b.links, graph, CG_PARTITIONER_EDGES, allocator, error);
    if (status == CG_OK) {
        b.made = cg_allocate(&allocator, 1, sizeof *b.made);
        status = b.made ? CG_OK : no_memory(&b, error);
    }
    if (status == CG_OK) {
        b.made->allocator = allocator;
        b.made->parts = parts;
        status = build(&b, error);
    }
    cg_deallocate(&allocator, b.stamps, parts, sizeof *b.stamps);
    cg_deallocate(&allocator, b.counts, parts, sizeof *b.counts);
    cg_deallocate(&allocator, b.part_from, (size_t)parts + 1, sizeof *b.part_from);
    cg_deallocate(&allocator, b.by_part, b.made ? b.made->row_count : 0, sizeof *b.by_part);
    cg_cut_graph_deinit(&b.links);
    if (status == CG_OK) {
        *out = b.made;
    } else {
        cg_boundaries_free(b.made);
    }
    return status;
}

/* --- asking --------------------------------------------------------------- */

uint32_t cg_boundaries_of_row(const cg_boundaries *b, uint32_t row, const uint16_t **parts) {
    uint32_t low = 0;
    uint32_t high = b->row_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (b->rows[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == b->row_count || b->rows[low] != row) {
        return 0;
    }
    const uint32_t first = low > 0 ? b->ends[low - 1] : 0;
    *parts = b->touched + first;
    return b->ends[low] - first;
}

uint32_t cg_boundaries_of_part(const cg_boundaries *b, uint32_t from, const uint16_t **parts) {
    if (from >= b->parts || b->pair_count == 0) {
        return 0;
    }
    const uint32_t first = from > 0 ? b->part_ends[from - 1] : 0;
    *parts = b->pair_parts + first;
    return b->part_ends[from] - first;
}

uint32_t cg_boundaries_between(const cg_boundaries *b, uint32_t from, uint32_t to,
                               const uint32_t **rows) {
    const uint16_t *parts = NULL;
    const uint32_t count = cg_boundaries_of_part(b, from, &parts);
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (parts[middle] < to) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == count || parts[low] != to) {
        return 0;
    }
    const uint32_t pair = (from > 0 ? b->part_ends[from - 1] : 0) + low;
    const uint32_t first = pair > 0 ? b->pair_ends[pair - 1] : 0;
    *rows = b->pair_rows + first;
    return b->pair_ends[pair] - first;
}

uint32_t cg_boundaries_row_count(const cg_boundaries *b) {
    return b->row_count;
}

uint64_t cg_boundaries_pair_count(const cg_boundaries *b) {
    return b->touch_count;
}

uint64_t cg_boundaries_bytes(const cg_boundaries *b) {
    return sizeof *b + (uint64_t)b->row_count * (sizeof *b->rows + sizeof *b->ends) +
           (uint64_t)b->touch_count * (sizeof *b->touched + sizeof *b->pair_rows) +
           (uint64_t)b->parts * sizeof *b->part_ends +
           (uint64_t)b->pair_count * (sizeof *b->pair_parts + sizeof *b->pair_ends);
}
