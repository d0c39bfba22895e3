/* Rabbit order, in the memory of the graph itself.
 *
 * A community's links are the entries of a chain of regions, one for each row that joined,
 * beginning with its own. When a row's turn comes, its chain is gathered: links into one
 * community become one entry with their weight, and the entries are written back to the front
 * of the chain. There are never more than before, so they always fit, and the emptied regions
 * are cut off. Joining appends one chain to another.
 */
#include "engine/index/locality.h"

#include <string.h>

#define NONE UINT32_MAX
/* Rows for each unit by which the resolution grows. */
#define ROWS_A_UNIT 32768.0

typedef struct rabbit {
    const cg_locality_graph *graph;
    double resolution;
    double total;       /* W */
    uint32_t *weights;  /* [links] of the entries in graph->links */
    double *strength;   /* [rows] w(u) of a community, by its root */
    uint32_t *joined;   /* [rows] towards the root; a root: itself */
    uint32_t *child;    /* [rows] the last that joined */
    uint32_t *sibling;  /* [rows] that joined before */
    uint32_t *used;     /* [rows] entries in the row's region */
    uint32_t *next;     /* [rows] region of the chain */
    uint32_t *last;     /* [rows] region of a root's chain */
    uint32_t *gathered; /* [rows] weight of links into a root, 0 between turns */
    uint32_t *touched;  /* [rows] roots with weight; later the stack */
} rabbit;

enum { ARRAYS = 8 };

static uint32_t root_of(rabbit *self, uint32_t row) {
    while (self->joined[row] != row) {
        self->joined[row] = self->joined[self->joined[row]];
        row = self->joined[row];
    }
    return row;
}

static uint32_t add_weight(uint32_t left, uint32_t right) {
    return left > UINT32_MAX - right ? UINT32_MAX : left + right;
}

/* Fills gathered and touched from the chain of `row`. Returns how many were touched. */
static uint32_t gather(rabbit *self, uint32_t row) {
    const cg_locality_graph *graph = self->graph;
    uint32_t count = 0;
    for (uint32_t region = row; region != NONE; region = self->next[region]) {
        uint64_t first = graph->starts[region];
        for (uint64_t i = first; i < first + self->used[region]; i++) {
            uint32_t root = root_of(self, graph->links[i]);
            if (root == row) {
                continue;
            }
            if (self->gathered[root] == 0) {
                self->touched[count++] = root;
            }
            self->gathered[root] = add_weight(self->gathered[root], self->weights[i]);
        }
    }
    return count;
}

static void write_back(rabbit *self, uint32_t row, uint32_t count) {
    const cg_locality_graph *graph = self->graph;
    uint32_t written = 0;
    for (uint32_t region = row;; region = self->next[region]) {
        uint64_t first = graph->starts[region];
        uint64_t room = graph->starts[region + 1] - first;
        uint32_t here = count - written < room ? count - written : (uint32_t)room;
        for (uint32_t i = 0; i < here; i++) {
            graph->links[first + i] = self->touched[written + i];
            self->weights[first + i] = self->gathered[self->touched[written + i]];
        }
        written += here;
        self->used[region] = here;
        if (written == count) {
            self->next[region] = NONE;
            self->last[row] = region;
            return;
        }
    }
}

static uint32_t best_to_join(const rabbit *self, uint32_t row, uint32_t count) {
    uint32_t best = NONE;
    double most = 0.0;
    double share = self->resolution * self->strength[row] / self->total;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = self->touched[i];
        double gain = (double)self->gathered[other] - share * self->strength[other];
        if (gain > most || (gain == most && best != NONE && other < best)) {
            most = gain;
            best = other;
        }
    }
    return best;
}

static void take_turn(rabbit *self, uint32_t row) {
    uint32_t count = gather(self, row);
    uint32_t other = best_to_join(self, row, count);
    if (other != NONE) {
        write_back(self, row, count);
        self->joined[row] = other;
        self->strength[other] += self->strength[row];
        self->sibling[row] = self->child[other];
        self->child[other] = row;
        self->next[self->last[other]] = row;
        self->last[other] = self->last[row];
    }
    for (uint32_t i = 0; i < count; i++) {
        self->gathered[self->touched[i]] = 0;
    }
}

static uint32_t degree_of(const cg_locality_graph *graph, uint32_t row) {
    return (uint32_t)(graph->starts[row + 1] - graph->starts[row]);
}

/* Rows by (degree, row) into `order`. positions: uint32_t[greatest degree + 2], zeroed. */
static void sort_by_degree(const cg_locality_graph *graph, uint32_t *positions,
                           uint32_t greatest, uint32_t *order) {
    for (uint32_t row = 0; row < graph->rows; row++) {
        positions[degree_of(graph, row) + 1]++;
    }
    for (uint32_t degree = 0; degree <= greatest; degree++) {
        positions[degree + 1] += positions[degree];
    }
    for (uint32_t row = 0; row < graph->rows; row++) {
        order[positions[degree_of(graph, row)]++] = row;
    }
}

static void walk_trees(rabbit *self, uint32_t *order, uint8_t *is_first) {
    uint32_t placed = 0;
    uint32_t *stack = self->touched;
    for (uint32_t root = 0; root < self->graph->rows; root++) {
        if (self->joined[root] != root) {
            continue;
        }
        uint32_t depth = 0;
        uint32_t first = placed;
        stack[depth++] = root;
        while (depth > 0) {
            uint32_t row = stack[--depth];
            if (is_first) {
                is_first[placed] = placed == first;
            }
            order[placed++] = row;
            for (uint32_t child = self->child[row]; child != NONE;
                 child = self->sibling[child]) {
                stack[depth++] = child;
            }
        }
    }
}

static void run(rabbit *self, uint32_t *positions, uint32_t greatest, uint32_t *order,
                uint8_t *is_first) {
    const cg_locality_graph *graph = self->graph;
    for (uint32_t row = 0; row < graph->rows; row++) {
        self->joined[row] = row;
        self->child[row] = NONE;
        self->sibling[row] = NONE;
        self->next[row] = NONE;
        self->last[row] = row;
        self->used[row] = degree_of(graph, row);
        self->strength[row] = (double)self->used[row];
    }
    for (uint64_t i = 0; i < graph->starts[graph->rows]; i++) {
        self->weights[i] = 1;
    }
    self->total = (double)(graph->starts[graph->rows] > 0 ? graph->starts[graph->rows] : 1);
    self->resolution = 1.0 + (double)graph->rows / ROWS_A_UNIT;
    sort_by_degree(graph, positions, greatest, order);
    for (uint32_t i = 0; i < graph->rows; i++) {
        take_turn(self, order[i]);
    }
    walk_trees(self, order, is_first);
}

cg_status cg_locality_order(const cg_locality_graph *graph, const cg_allocator *allocator,
                            uint32_t *order, uint8_t *is_first, cg_error *error) {
    const uint32_t rows = graph->rows;
    if (rows == 0) {
        return CG_OK;
    }
    const uint64_t links = graph->starts[rows];
    uint32_t greatest = 0;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t degree = degree_of(graph, row);
        greatest = degree > greatest ? degree : greatest;
    }
    rabbit self = {.graph = graph};
    uint32_t **const arrays[ARRAYS] = {&self.joined,   &self.child,  &self.sibling,
                                       &self.used,     &self.next,   &self.last,
                                       &self.gathered, &self.touched};
    bool has_room = true;
    for (int i = 0; i < ARRAYS; i++) {
        *arrays[i] = cg_allocate(allocator, rows, sizeof **arrays[i]);
        has_room = has_room && *arrays[i];
    }
    self.strength = cg_allocate(allocator, rows, sizeof *self.strength);
    self.weights = cg_allocate(allocator, links, sizeof *self.weights);
    uint32_t *positions = cg_allocate(allocator, (size_t)greatest + 2, sizeof *positions);
    has_room = has_room && self.strength && (self.weights || links == 0) && positions;
    if (has_room) {
        run(&self, positions, greatest, order, is_first);
    }
    cg_deallocate(allocator, positions, (size_t)greatest + 2, sizeof *positions);
    cg_deallocate(allocator, self.weights, links, sizeof *self.weights);
    cg_deallocate(allocator, self.strength, rows, sizeof *self.strength);
    for (int i = ARRAYS; i-- > 0;) {
        cg_deallocate(allocator, *arrays[i], rows, sizeof **arrays[i]);
    }
    return has_room ? CG_OK
                    : cg_error_set(error, CG_ERROR_MEMORY,
                                   "no memory to order %u rows by locality", rows);
}
