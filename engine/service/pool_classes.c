/* Classes of slots, and their blocks.
 *
 * Sizes go up by 16 bytes to 128 and then in eight steps an octave, so a slot is less than 16
 * bytes or an eighth larger than asked for. As in Wilson, Johnstone, Neely and Boles, "Dynamic
 * Storage Allocation: A Survey and Critical Review", IWMM 1995, section 3.6 (segregated storage);
 * the steps of an octave are those of Evans, "A Scalable Concurrent malloc(3) Implementation for
 * FreeBSD", BSDCan 2006, made finer. A block holds as many slots as fit its usual size, and at least one; nothing is left
 * over, since a block is an allocation of its own and not a page.
 *
 * Known values: sizes 1, 16, 17, 128, 129 and 65536 take slots of 16, 16, 32, 128, 144 and 65536
 * bytes, of which blocks hold 256, 256, 128, 32, 28 and 1.
 */
#include "engine/service/pool_internal.h"

enum {
    LINEAR_STEP = 16,
    LINEAR_CLASSES = 8, /* to 128 bytes, an octave of which then has eight steps as well */
    LINEAR_LOG2 = 7,
    STEPS_LOG2 = 3
};

static uint32_t log2_floor(uint32_t value) { /* value > 0 */
    return 31 - (uint32_t)__builtin_clz(value);
}

uint32_t cg_pool_class_of(uint32_t size_bytes) {
    uint32_t last = size_bytes - 1; /* the last byte's offset decides */
    if (last < LINEAR_STEP * LINEAR_CLASSES) {
        return last / LINEAR_STEP;
    }
    uint32_t octave = log2_floor(last);
    uint32_t step = (last >> (octave - STEPS_LOG2)) - (1u << STEPS_LOG2);
    return LINEAR_CLASSES + ((octave - LINEAR_LOG2) << STEPS_LOG2) + step;
}

static uint32_t slot_bytes_of(uint32_t size_class) {
    if (size_class < LINEAR_CLASSES) {
        return (size_class + 1) * LINEAR_STEP;
    }
    uint32_t above = size_class - LINEAR_CLASSES;
    uint32_t octave = LINEAR_LOG2 + (above >> STEPS_LOG2);
    uint32_t step = above % (1u << STEPS_LOG2);
    return ((1u << STEPS_LOG2) + step + 1) << (octave - STEPS_LOG2);
}

static uint32_t round_up(size_t bytes, uint32_t multiple) {
    return (uint32_t)((bytes + multiple - 1) / multiple * multiple);
}

cg_pool_shape cg_pool_shape_of(uint32_t size_class) {
    uint32_t slot_bytes = slot_bytes_of(size_class);
    uint32_t slots = slot_bytes <= CG_POOL_USUAL_BYTES ? CG_POOL_USUAL_BYTES / slot_bytes : 1;
    return (cg_pool_shape){
        .slot_bytes = slot_bytes,
        .slots = slots,
        .block_bytes = slots * slot_bytes,
        .header_bytes =
            round_up(sizeof(cg_pool_block) + slots * sizeof(uint32_t), CG_POOL_ALIGNMENT_BYTES),
    };
}

/* --- a class --- */

static size_t class_bytes(uint32_t slots) {
    return sizeof(cg_pool_class) + (slots + 2) * sizeof(uint32_t);
}

uint64_t cg_pool_class_held_bytes(const cg_pool_class *class) {
    return class_bytes(class->shape.slots) +
           (uint64_t) class->block_capacity * sizeof(cg_pool_block *) +
           (uint64_t) class->number_capacity * sizeof(cg_pool_numbers) +
           (uint64_t) class->order_capacity * sizeof(cg_pool_block *);
}

uint64_t cg_pool_block_held_bytes(const cg_pool_shape *shape) {
    /* cg_allocate_aligned asks for one alignment more. */
    return (uint64_t)shape->header_bytes + shape->block_bytes + CG_POOL_ALIGNMENT_BYTES;
}

void cg_pool_class_free(const cg_allocator *allocator, cg_pool_class *class) {
    for (uint32_t rank = 0; rank < class->block_count; rank++) {
        cg_deallocate_aligned(allocator, class->order[rank],
                              (size_t) class->shape.header_bytes + class->shape.block_bytes);
    }
    cg_deallocate(allocator, class->blocks, class->block_capacity, sizeof(cg_pool_block *));
    cg_deallocate(allocator, class->numbers, class->number_capacity, sizeof(cg_pool_numbers));
    cg_deallocate(allocator, class->order, class->order_capacity, sizeof(cg_pool_block *));
    cg_deallocate(allocator, class, 1, class_bytes(class->shape.slots));
}

/* The lowest number that no block has. */
static uint32_t unused_number(cg_pool_class *class) {
    size_t word = class->first_unused;
    while (word < class->number_capacity && class->numbers[word].used == UINT64_MAX) {
        word++;
    }
    class->first_unused = word;
    return (uint32_t)(word * 64) +
           (word < class->number_capacity ? cg_pool_lowest_bit(~class->numbers[word].used) : 0);
}

static cg_status grow_blocks(const cg_allocator *allocator, cg_pool_block ***blocks,
                             size_t *capacity, size_t needed, cg_error *error) {
    *blocks = cg_grown(allocator, *blocks, capacity, needed, sizeof(cg_pool_block *), error);
    return *capacity >= needed ? CG_OK : CG_ERROR_MEMORY;
}

static cg_status class_reserve(const cg_allocator *allocator, cg_pool_class *class,
                               uint32_t number, cg_error *error) {
    cg_status status = grow_blocks(allocator, &class->blocks, &class->block_capacity,
                                   (size_t)number + 1, error);
    if (status == CG_OK) {
        status = CG_GROW(allocator, class->numbers, class->number_capacity,
                         (size_t)number / 64 + 1, error);
    }
    if (status == CG_OK) {
        status = grow_blocks(allocator, &class->order, &class->order_capacity,
                             (size_t) class->block_count + 1, error);
    }
    return status;
}

/* --- blocks --- */

static void block_link(cg_pool *pool, uint32_t size_class, cg_pool_block *block,
                       uint32_t number) {
    cg_pool_class *class = pool->classes[size_class];
    const cg_pool_shape *shape = &class->shape;
    block->number = number;
    block->rank = class->block_count; /* empty, so the last */
    for (uint32_t i = 0; i < shape->slots; i++) {
        cg_pool_set_bit(block->free_bits, i, true);
        block->handles[i] = CG_POOL_NO_INDEX;
    }
    class->blocks[number] = block;
    class->order[block->rank] = block;
    class->block_count++;
    class->at_least[0]++;
    uint64_t bit = UINT64_C(1) << (number % 64);
    class->numbers[number / 64].used |= bit;
    class->numbers[number / 64].open |= bit;
    class->first_open = number / 64 < class->first_open ? number / 64 : class->first_open;
    pool->statistics.blocks++;
    pool->statistics.block_bytes += shape->block_bytes;
    pool->statistics.free_bytes += shape->block_bytes;
    cg_pool_note(pool, size_class, class, shape);
}

cg_status cg_pool_grow(const cg_allocator *allocator, cg_pool *pool, uint32_t size_class,
                       cg_error *error) {
    const cg_pool_shape shape = cg_pool_shape_of(size_class);
    if (pool->statistics.block_bytes - pool->empty_bytes + shape.block_bytes >
        pool->quota_bytes) {
        return CG_ERROR_FULL;
    }
    if (!pool->classes) {
        pool->classes = cg_allocate(allocator, CG_POOL_CLASSES, sizeof(cg_pool_class *));
        if (!pool->classes) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a pool's classes");
        }
    }
    cg_pool_class *held = pool->classes[size_class];
    cg_pool_class *class = held ? held : cg_allocate(allocator, 1, class_bytes(shape.slots));
    if (!class) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a class of %u-byte slots",
                            shape.slot_bytes);
    }
    class->shape = shape;
    uint32_t number = unused_number(class);
    cg_status status = class_reserve(allocator, class, number, error);
    cg_pool_block *block = NULL;
    if (status == CG_OK) {
        /* Before empty blocks go, so that a failure changes nothing; for this moment the pool
         * holds a block more than its quota. */
        block = cg_allocate_aligned(allocator, (size_t)shape.header_bytes + shape.block_bytes);
        if (!block) {
            status = cg_error_set(error, CG_ERROR_MEMORY,
                                  "no memory for a pool's block of %u bytes for %u-byte slots",
                                  shape.block_bytes, shape.slot_bytes);
        }
    }
    if (status != CG_OK) {
        if (!held) {
            cg_pool_class_free(allocator, class);
        }
        return status;
    }
    cg_pool_release_empty(allocator, pool, pool->quota_bytes - shape.block_bytes);
    pool->classes[size_class] = class;
    block_link(pool, size_class, block, number);
    return CG_OK;
}

void cg_pool_block_remove(const cg_allocator *allocator, cg_pool *pool, uint32_t size_class,
                          cg_pool_block *block) {
    cg_pool_class *class = pool->classes[size_class];
    const cg_pool_shape shape = class->shape;
    CG_ASSERT(block->taken == 0);
    cg_pool_block *last = class->order[class->block_count - 1];
    last->rank = block->rank; /* both are empty */
    class->order[last->rank] = last;
    class->block_count--;
    class->at_least[0]--;
    uint32_t word = block->number / 64;
    uint64_t bit = UINT64_C(1) << (block->number % 64);
    class->numbers[word].used &= ~bit;
    class->numbers[word].open &= ~bit;
    class->first_unused = word < class->first_unused ? word : class->first_unused;
    class->blocks[block->number] = NULL;
    cg_deallocate_aligned(allocator, block, (size_t)shape.header_bytes + shape.block_bytes);
    pool->statistics.blocks--;
    pool->statistics.block_bytes -= shape.block_bytes;
    pool->statistics.free_bytes -= shape.block_bytes;
    if (class->block_count == 0) {
        cg_pool_class_free(allocator, class);
        pool->classes[size_class] = NULL;
    }
    cg_pool_note(pool, size_class, pool->classes[size_class], &shape);
}

cg_pool_block *cg_pool_emptiest(const cg_pool_class *class) {
    return class->order[class->block_count - 1];
}

void cg_pool_release_empty(const cg_allocator *allocator, cg_pool *pool, uint64_t most_bytes) {
    for (uint32_t word = 0; word < CG_POOL_CLASS_WORDS; word++) {
        while (pool->empty[word] && pool->statistics.block_bytes > most_bytes) {
            uint32_t size_class = word * 64 + cg_pool_lowest_bit(pool->empty[word]);
            cg_pool_block_remove(allocator, pool, size_class,
                                 cg_pool_emptiest(pool->classes[size_class]));
        }
    }
}
