/* Free positions, the order of a class's blocks by fill, and the choice of a block.
 *
 * Equally full blocks stand in the order that the calls left them in: a block that gains a slot
 * becomes the last of its new equals, one that loses a slot the first.
 */
#include "engine/service/pool_internal.h"

static void swap_ranks(cg_pool_class *class, cg_pool_block *block, uint32_t rank) {
    cg_pool_block *other = class->order[rank];
    other->rank = block->rank;
    class->order[other->rank] = other;
    block->rank = rank;
    class->order[rank] = block;
}

void cg_pool_note(cg_pool *pool, uint32_t size_class, const cg_pool_class *class,
                  const cg_pool_shape *shape) {
    bool has_empty = class && cg_pool_empty_blocks(class) > 0;
    if (has_empty != cg_pool_bit(pool->empty, size_class)) {
        cg_pool_set_bit(pool->empty, size_class, has_empty);
        pool->empty_bytes += has_empty ? shape->block_bytes : 0;
        pool->empty_bytes -= has_empty ? 0 : shape->block_bytes;
    }
    bool is_loose =
        class && (uint64_t)(class->block_count - 1) * class->shape.slots >= class->taken;
    cg_pool_set_bit(pool->loose, size_class, is_loose);
}

void cg_pool_block_fill(cg_pool *pool, uint32_t size_class, cg_pool_block *block,
                        uint32_t position, uint32_t handle) {
    cg_pool_class *class = pool->classes[size_class];
    CG_ASSERT(cg_pool_bit(block->free_bits, position));
    cg_pool_set_bit(block->free_bits, position, false);
    block->handles[position] = handle;
    uint32_t *border = &class->at_least[block->taken + 1];
    swap_ranks(class, block, *border);
    ++*border;
    block->taken++;
    class->taken++;
    if (block->taken == class->shape.slots) {
        class->numbers[block->number / 64].open &= ~(UINT64_C(1) << (block->number % 64));
    }
    pool->statistics.slot_bytes += class->shape.slot_bytes;
    pool->statistics.free_bytes -= class->shape.slot_bytes;
    cg_pool_note(pool, size_class, class, &class->shape);
}

void cg_pool_block_clear(cg_pool *pool, uint32_t size_class, cg_pool_block *block,
                         uint32_t position) {
    cg_pool_class *class = pool->classes[size_class];
    CG_ASSERT(!cg_pool_bit(block->free_bits, position));
    cg_pool_set_bit(block->free_bits, position, true);
    block->handles[position] = CG_POOL_NO_INDEX;
    uint32_t *border = &class->at_least[block->taken];
    --*border;
    swap_ranks(class, block, *border);
    block->taken--;
    class->taken--;
    uint32_t word = block->number / 64;
    class->numbers[word].open |= UINT64_C(1) << (block->number % 64);
    class->first_open = word < class->first_open ? word : class->first_open;
    pool->statistics.slot_bytes -= class->shape.slot_bytes;
    pool->statistics.free_bytes += class->shape.slot_bytes;
    cg_pool_note(pool, size_class, class, &class->shape);
}

/* --- choice --- */

/* The highest bit. */
static uint32_t highest_bit(uint64_t word) { /* word != 0 */
    return 63 - (uint32_t)__builtin_clzll(word);
}

static uint32_t nearer(uint32_t near, uint32_t below, uint32_t above) {
    if (below == CG_POOL_NO_INDEX || above == CG_POOL_NO_INDEX) {
        return below == CG_POOL_NO_INDEX ? above : below;
    }
    return near - below <= above - near ? below : above;
}

uint32_t cg_pool_nearest_free(const cg_pool_block *block, uint32_t near) {
    uint32_t above = CG_POOL_NO_INDEX;
    uint64_t kept = UINT64_MAX << (near % 64);
    for (uint32_t i = near / 64; i < CG_POOL_BLOCK_WORDS; i++, kept = UINT64_MAX) {
        if (block->free_bits[i] & kept) {
            above = i * 64 + cg_pool_lowest_bit(block->free_bits[i] & kept);
            break;
        }
    }
    if (near == 0) {
        return above;
    }
    uint32_t below = CG_POOL_NO_INDEX;
    kept = ~(UINT64_MAX << (near % 64));
    for (uint32_t i = near / 64 + 1; i-- > 0; kept = UINT64_MAX) {
        if (block->free_bits[i] & kept) {
            below = i * 64 + highest_bit(block->free_bits[i] & kept);
            break;
        }
    }
    return nearer(near, below, above);
}

/* The open block whose number is nearest, in the hint's word of numbers and those beside it. */
static uint32_t nearest_open(const cg_pool_class *class, uint32_t near) {
    const cg_pool_numbers *numbers = class->numbers;
    size_t word = near / 64;
    uint64_t from_near = UINT64_MAX << (near % 64);
    uint32_t above = CG_POOL_NO_INDEX;
    if (numbers[word].open & from_near) {
        above = (uint32_t)(word * 64) + cg_pool_lowest_bit(numbers[word].open & from_near);
    } else if (word + 1 < class->number_capacity && numbers[word + 1].open) {
        above = (uint32_t)(word * 64) + 64 + cg_pool_lowest_bit(numbers[word + 1].open);
    }
    uint32_t below = CG_POOL_NO_INDEX;
    if (numbers[word].open & ~from_near) {
        below = (uint32_t)(word * 64) + highest_bit(numbers[word].open & ~from_near);
    } else if (word > 0 && numbers[word - 1].open) {
        below = (uint32_t)(word * 64) - 64 + highest_bit(numbers[word - 1].open);
    }
    return nearer(near, below, above);
}

static uint32_t lowest_open(cg_pool_class *class) {
    while (class->numbers[class->first_open].open == 0) {
        class->first_open++; /* there is one: the caller knows */
    }
    return (uint32_t)(class->first_open * 64) +
           cg_pool_lowest_bit(class->numbers[class->first_open].open);
}

cg_pool_block *cg_pool_choose_block(cg_pool_class *class, cg_pool_placement placement,
                                    uint32_t near) {
    uint32_t full = class->at_least[class->shape.slots];
    if (full == class->block_count) {
        return NULL;
    }
    if (placement == CG_POOL_DENSE) {
        return class->order[full];
    }
    if (placement == CG_POOL_FRESH) {
        return cg_pool_emptiest(class);
    }
    uint32_t number = near == CG_POOL_NO_INDEX ? near : nearest_open(class, near);
    return class->blocks[number == CG_POOL_NO_INDEX ? lowest_open(class) : number];
}
