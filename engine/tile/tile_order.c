/* Subset sums in ascending order, best first.
 *
 * Weights w_0 <= w_1 <= ... A subset is known by its greatest element j, and has two children: with
 * j + 1 put to it, and with j + 1 in the place of j. Every subset but the empty one and {0} is the
 * child of exactly one, and no child is less than its parent: so a heap that begins with {0} and
 * gets the children of what it gives up yields all subsets in order (Lawler, Management Science 18,
 * 1972, for sums).
 *
 * Ties. A weight is a pair: the square, and what flipping the axis adds to the shard's number, +2^i
 * or -2^i. Pairs are compared square first, and so are sums of them: comparison of pairs agrees
 * with addition, no two subsets have the same sum, and equal squares order by shard number. That
 * needs every pair to be above (0, 0): an axis whose square is 0 in fixed point begins as positive.
 *
 * Known value: squares 1, 4, 9 give 0, 1, 4, 5, 9, 10, 13, 14.
 */
#include "engine/tile/tile_order.h"

#include <math.h>

struct cg_tile_order_entry {
    uint64_t sum;
    uint32_t shard;
    uint32_t last; /* greatest element, by place among the ascending weights */
};

enum { FRACTION_BITS = 58 }; /* 31 weights below 2^58 add up to less than 2^63 */

static bool is_before(const cg_tile_order_entry *left, const cg_tile_order_entry *right) {
    return left->sum < right->sum || (left->sum == right->sum && left->shard < right->shard);
}

static void push(cg_tile_order *order, cg_tile_order_entry entry) {
    size_t place = order->count++;
    for (; place > 0 && is_before(&entry, &order->entries[(place - 1) / 2]);
         place = (place - 1) / 2) {
        order->entries[place] = order->entries[(place - 1) / 2];
    }
    order->entries[place] = entry;
}

static cg_tile_order_entry pop(cg_tile_order *order) {
    const cg_tile_order_entry top = order->entries[0];
    const cg_tile_order_entry moved = order->entries[--order->count];
    size_t place = 0;
    for (size_t child = 1; child < order->count; child = 2 * place + 1) {
        bool is_right = child + 1 < order->count &&
                        is_before(&order->entries[child + 1], &order->entries[child]);
        child += is_right;
        if (!is_before(&order->entries[child], &moved)) {
            break;
        }
        order->entries[place] = order->entries[child];
        place = child;
    }
    order->entries[place] = moved;
    return top;
}

/* Whether weight w of an axis comes before weight v of another: their pairs' order. */
static bool is_lighter(const cg_tile_order *order, uint64_t w, uint32_t w_bit, uint64_t v,
                       uint32_t v_bit) {
    if (w != v) {
        return w < v;
    }
    int64_t w_step = order->home & w_bit ? -(int64_t)w_bit : (int64_t)w_bit;
    int64_t v_step = order->home & v_bit ? -(int64_t)v_bit : (int64_t)v_bit;
    return w_step < v_step;
}

static void insert_axis(cg_tile_order *order, uint64_t weight, uint32_t bit) {
    uint32_t place = order->axes++;
    for (; place > 0 && is_lighter(order, weight, bit, order->weights[place - 1],
                                   order->axis_bits[place - 1]);
         place--) {
        order->weights[place] = order->weights[place - 1];
        order->axis_bits[place] = order->axis_bits[place - 1];
    }
    order->weights[place] = weight;
    order->axis_bits[place] = bit;
}

void cg_tile_order_init(cg_tile_order *order, cg_allocator allocator) {
    *order = (cg_tile_order){.allocator = allocator};
}

void cg_tile_order_begin(cg_tile_order *order, const cg_tiling *tiling, const float *query) {
    double squares[CG_TILE_AXES_MAX];
    double most = 0.0;
    int exponent = 0;
    for (uint32_t axis = 0; axis < tiling->axes; axis++) {
        squares[axis] = (double)query[axis] * (double)query[axis];
        most = squares[axis] > most ? squares[axis] : most;
    }
    (void)frexp(most, &exponent);
    const double scale = ldexp(1.0, FRACTION_BITS - exponent);
    order->unit = ldexp(1.0, exponent - FRACTION_BITS);
    order->home = cg_tiling_shard_of(tiling, query);
    order->axes = 0;
    order->count = 0;
    order->is_begun = false;
    order->has_query = true;
    for (uint32_t axis = 0; axis < tiling->axes; axis++) {
        uint64_t weight = (uint64_t)(squares[axis] * scale);
        uint32_t bit = UINT32_C(1) << axis;
        order->home &= weight > 0 ? UINT32_MAX : ~bit;
        insert_axis(order, weight, bit);
    }
}

void cg_tile_order_deinit(cg_tile_order *order) {
    cg_deallocate(&order->allocator, order->entries, order->capacity, sizeof *order->entries);
    *order = (cg_tile_order){.allocator = order->allocator};
}

/* The children of what was just given up; there is room for both. */
static void push_children(cg_tile_order *order, cg_tile_order_entry parent) {
    const uint32_t next = parent.last + 1;
    if (next < order->axes) {
        cg_tile_order_entry with = {.sum = parent.sum + order->weights[next],
                                    .shard = parent.shard ^ order->axis_bits[next],
                                    .last = next};
        cg_tile_order_entry instead = with;
        instead.sum -= order->weights[parent.last];
        instead.shard ^= order->axis_bits[parent.last];
        push(order, with);
        push(order, instead);
    }
}

cg_status cg_tile_order_next(cg_tile_order *order, cg_tile_bound *out, cg_error *error) {
    if (!order->has_query || (order->is_begun && order->count == 0)) {
        return CG_ERROR_NOT_FOUND;
    }
    cg_status status =
        CG_GROW(&order->allocator, order->entries, order->capacity, order->count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    cg_tile_order_entry entry = {.shard = order->home};
    if (order->is_begun) {
        entry = pop(order);
        push_children(order, entry);
    } else if (order->axes > 0) {
        push(order, (cg_tile_order_entry){.sum = order->weights[0],
                                          .shard = order->home ^ order->axis_bits[0]});
    }
    order->is_begun = true;
    *out = (cg_tile_bound){.shard = entry.shard, .bound = (double)entry.sum * order->unit};
    return CG_OK;
}
