/* The life of a cache: options, the block and its growth, images, and the way to the policies.
 * cache_internal.h explains the block.
 */
#include "engine/tier/cache.h"

#include <string.h>

#include "engine/tier/cache_internal.h"

enum { FIRST_SLOTS = 16 };
#define MAGIC     UINT64_C(0x3265686361634743) /* "CGcache2" */
#define BYTES_MAX (UINT64_C(1) << 48)
#define KEYS_MAX  ((uint64_t)INT32_MAX)
#define SLOTS_MAX UINT64_C(2400000000) /* keys in one block: 12/7 of it is below 2^32 */
#define ROUNDED(bytes)                                                                         \
    (((uint64_t)(bytes) + CG_CACHE_LINE_BYTES - 1) / CG_CACHE_LINE_BYTES * CG_CACHE_LINE_BYTES)

static const struct {
    const char *name;
    const cg_cache_operations *operations;
} policies[CG_CACHE_POLICY_COUNT] = {
    [CG_CACHE_LRU] = {"lru", &cg_cache_lru},
    [CG_CACHE_LFU] = {"lfu", &cg_cache_lfu},
    [CG_CACHE_ARC] = {"arc", &cg_cache_arc},
    [CG_CACHE_TINYLFU] = {"tinylfu", &cg_cache_tinylfu},
    [CG_CACHE_S3FIFO] = {"s3fifo", &cg_cache_s3fifo},
    [CG_CACHE_BELADY] = {"belady", &cg_cache_belady},
};

const char *cg_cache_policy_name(cg_cache_policy policy) {
    return (unsigned)policy < CG_CACHE_POLICY_COUNT ? policies[policy].name : "unknown";
}

/* --- options ------------------------------------------------------------------------------ */

static cg_status check_capacity(cg_cache_bound bound, uint64_t capacity, cg_error *error) {
    uint64_t most = bound == CG_CACHE_BYTES ? BYTES_MAX : KEYS_MAX;
    if (capacity >= 1 && capacity <= most) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "a cache has a capacity of %llu %s; it must be 1..%llu",
                        (unsigned long long)capacity,
                        bound == CG_CACHE_BYTES ? "bytes" : "keys", (unsigned long long)most);
}

static cg_status check_options(const cg_cache_options *options, cg_error *error) {
    if ((unsigned)options->policy >= CG_CACHE_POLICY_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a cache has policy number %u; there are %d policies, from 0",
                            (unsigned)options->policy, CG_CACHE_POLICY_COUNT);
    }
    const char *name = policies[options->policy].name;
    if (options->bound != CG_CACHE_ENTRIES && options->bound != CG_CACHE_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a cache has bound number %u; it must be 0 (keys) or 1 (bytes)",
                            (unsigned)options->bound);
    }
    if (options->policy == CG_CACHE_BELADY && options->bound == CG_CACHE_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "policy %s is bound by bytes; it is the optimum for keys of equal "
                            "size alone, so its bound must be a number of keys",
                            name);
    }
    if ((options->policy == CG_CACHE_BELADY) != (options->future != NULL)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "policy %s is given %s; belady alone needs the accesses to come",
                            name, options->future ? "a future" : "no future");
    }
    return check_capacity(options->bound, options->capacity, error);
}

/* --- the block ---------------------------------------------------------------------------- */

/* Keys that may be held, and ARC's ghosts: every key weighs 1 at least. */
static uint64_t most_keys(const cg_cache_state *state) {
    return state->policy == CG_CACHE_ARC ? 2 * state->capacity : state->capacity;
}

static uint64_t slot_limit(const cg_cache_state *state) {
    uint64_t most = most_keys(state);
    return most < SLOTS_MAX ? most : SLOTS_MAX;
}

/* Of the parts that every policy has. */
static uint64_t common_bytes(uint64_t allocated) {
    uint64_t lines = cg_cache_lines_for(allocated);
    return CG_CACHE_STATE_BYTES + lines * sizeof(cg_cache_line) +
           ROUNDED(lines * CG_CACHE_LINE_SLOTS * sizeof(uint32_t));
}

static uint64_t block_bytes(const cg_cache_operations *operations, uint64_t allocated) {
    uint64_t bytes = common_bytes(allocated);
    return operations->extra_bytes
               ? bytes + ROUNDED(operations->extra_bytes((uint32_t)allocated))
               : bytes;
}

static void bind_block(cg_cache *cache, void *block) {
    uint8_t *bytes = block;
    cache->state = block;
    cache->line_count = cg_cache_lines_for(cache->state->allocated);
    cache->lines = (cg_cache_line *)(void *)(bytes + CG_CACHE_STATE_BYTES);
    cache->sizes = (uint32_t *)(void *)(cache->lines + cache->line_count);
    cache->extra = bytes + common_bytes(cache->state->allocated);
}

/* A free slot for a key that is in none: at home or, where that is full, behind it. */
static uint32_t place(cg_cache *cache, uint64_t key) {
    static const uint8_t first_free[CG_CACHE_LINE_FULL] = {0, 1, 0, 2, 0, 1, 0};
    uint32_t number = cg_cache_home(cache, key);
    cg_cache_line *line = &cache->lines[number];
    while ((line->marks & CG_CACHE_LINE_FULL) == CG_CACHE_LINE_FULL) {
        line->marks += CG_CACHE_PASSED;
        number = cg_cache_next_line(cache, number);
        line = &cache->lines[number];
    }
    uint32_t way = first_free[line->marks & CG_CACHE_LINE_FULL];
    line->keys[way] = key;
    line->marks |= 1u << way;
    return number * CG_CACHE_LINE_NUMBERS + way;
}

static void displace(cg_cache *cache, uint32_t index) {
    uint32_t own = index / CG_CACHE_LINE_NUMBERS;
    uint32_t number = cg_cache_home(cache, cg_cache_key(cache, index));
    for (; number != own; number = cg_cache_next_line(cache, number)) {
        cache->lines[number].marks -= CG_CACHE_PASSED;
    }
    cache->lines[own].marks &= ~(1u << index % CG_CACHE_LINE_NUMBERS);
}

/* List by list, the oldest first. The old slots' links to older ones, of no use any more, tell
 * where the slots went (cg_cache_moved). */
static void move_slots(const cg_cache *from, cg_cache *to) {
    for (uint32_t l = 0; l < CG_CACHE_LISTS; l++) {
        cg_cache_list *list = &to->state->lists[l];
        *list = (cg_cache_list){CG_CACHE_NONE, CG_CACHE_NONE, list->weight};
        uint32_t old = from->state->lists[l].oldest;
        for (; old != CG_CACHE_NONE; old = *cg_cache_newer(from, old)) {
            uint32_t index = place(to, cg_cache_key(from, old));
            *cg_cache_tag(to, index) = *cg_cache_tag(from, old);
            *cg_cache_size(to, index) = *cg_cache_size(from, old);
            cg_cache_link(to, list, index, list->newest);
            *cg_cache_older(from, old) = index;
        }
    }
}

/* Goes over to a zeroed block for `allocated` keys, no fewer than there are. */
static void move_to(cg_cache *cache, void *block, uint32_t allocated) {
    const cg_cache old = *cache;
    cg_cache_state *state = block;
    *state = *old.state;
    state->allocated = allocated;
    state->block_bytes = block_bytes(cache->operations, allocated);
    bind_block(cache, block);
    move_slots(&old, cache);
    if (cache->operations->move_extra) {
        cache->operations->move_extra(&old, cache);
    }
    if (old.owns_block) {
        cg_deallocate_aligned(&cache->allocator, old.state, old.state->block_bytes);
    }
    cache->owns_block = true;
}

static void *new_block(const cg_cache_operations *operations, const cg_allocator *allocator,
                       uint64_t allocated, cg_error *error) {
    uint64_t bytes = block_bytes(operations, allocated);
    void *block = cg_allocate_aligned(allocator, bytes);
    if (!block) {
        (void)cg_error_set(error, CG_ERROR_MEMORY,
                           "no memory for a cache of %llu entries, %llu bytes",
                           (unsigned long long)allocated, (unsigned long long)bytes);
    }
    return block;
}

cg_status cg_cache_reserve(cg_cache *cache, cg_error *error) {
    const cg_cache_state *state = cache->state;
    if (state->used < state->allocated) {
        return CG_OK;
    }
    uint64_t limit = slot_limit(state);
    if (state->allocated >= limit) {
        /* As many as may be, so a put frees a slot first; else as many as can be numbered. */
        return limit == most_keys(state)
                   ? CG_OK
                   : cg_error_set(error, CG_ERROR_MEMORY,
                                  "a cache has slots for %u keys, the most that it can number",
                                  state->used);
    }
    uint64_t allocated = 2 * (uint64_t)state->allocated;
    allocated = allocated < limit ? allocated : limit;
    void *block = new_block(cache->operations, &cache->allocator, allocated, error);
    if (!block) {
        return CG_ERROR_MEMORY;
    }
    move_to(cache, block, (uint32_t)allocated);
    return CG_OK;
}

/* --- life --------------------------------------------------------------------------------- */

static cg_cache *new_cache(const cg_cache_options *options, cg_allocator allocator,
                           cg_error *error) {
    cg_cache *cache = cg_allocate(&allocator, 1, sizeof *cache);
    if (!cache) {
        (void)cg_error_set(error, CG_ERROR_MEMORY, "no memory for a cache of %zu bytes",
                           sizeof *cache);
        return NULL;
    }
    cache->operations = policies[options->policy].operations;
    cache->allocator = allocator;
    cache->evicted = options->evicted;
    cache->context = options->context;
    cache->future = options->future;
    return cache;
}

cg_status cg_cache_alloc(const cg_cache_options *options, cg_allocator allocator,
                         cg_cache **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_cache *cache = new_cache(options, allocator, error);
    if (!cache) {
        return CG_ERROR_MEMORY;
    }
    cg_cache_state state = {
        .magic = MAGIC,
        .capacity = options->capacity,
        .policy = options->policy,
        .bound = options->bound,
        .free_group = CG_CACHE_NONE,
    };
    for (uint32_t list = 0; list < CG_CACHE_LISTS; list++) {
        state.lists[list] = (cg_cache_list){CG_CACHE_NONE, CG_CACHE_NONE, 0};
    }
    uint64_t limit = slot_limit(&state);
    state.allocated = limit < FIRST_SLOTS ? (uint32_t)limit : FIRST_SLOTS;
    state.block_bytes = block_bytes(cache->operations, state.allocated);
    void *block = new_block(cache->operations, &allocator, state.allocated, error);
    if (!block) {
        cg_deallocate(&allocator, cache, 1, sizeof *cache);
        return CG_ERROR_MEMORY;
    }
    *(cg_cache_state *)block = state;
    bind_block(cache, block);
    cache->owns_block = true;
    if (cache->operations->move_extra) {
        cache->operations->move_extra(NULL, cache);
    }
    *out = cache;
    return CG_OK;
}

void cg_cache_free(cg_cache *cache) {
    if (!cache) {
        return;
    }
    cg_allocator allocator = cache->allocator;
    if (cache->owns_block) {
        cg_deallocate_aligned(&allocator, cache->state, cache->state->block_bytes);
    }
    cg_deallocate(&allocator, cache, 1, sizeof *cache);
}

/* --- operations --------------------------------------------------------------------------- */

uint32_t cg_cache_take_slot(cg_cache *cache, uint64_t key, uint32_t bytes) {
    cg_cache_state *state = cache->state;
    CG_ASSERT(state->used < state->allocated);
    uint32_t index = place(cache, key);
    *cg_cache_tag(cache, index) = 0;
    *cg_cache_size(cache, index) = bytes;
    state->used++;
    state->entries++;
    state->size_bytes += bytes;
    return index;
}

void cg_cache_free_slot(cg_cache *cache, uint32_t index) {
    displace(cache, index);
    cache->state->used--;
}

void cg_cache_count_out(cg_cache *cache, uint64_t key, uint32_t bytes) {
    cache->state->entries--;
    cache->state->size_bytes -= bytes;
    cache->state->evictions++;
    if (cache->evicted) {
        cache->evicted(cache->context, key, bytes);
    }
}

void cg_cache_drop(cg_cache *cache, uint32_t index) {
    uint64_t key = cg_cache_key(cache, index);
    uint32_t bytes = *cg_cache_size(cache, index);
    cg_cache_free_slot(cache, index);
    cg_cache_count_out(cache, key, bytes);
}

void cg_cache_evict(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list_out(cache, list, index);
    cg_cache_drop(cache, index);
}

/* Of the slots in use only ARC's may be of keys that are not held: those of its lists 2 and 3. */
static bool is_held(const cg_cache *cache, uint32_t index) {
    return index != CG_CACHE_NONE &&
           (cache->state->policy != CG_CACHE_ARC || *cg_cache_tag(cache, index) < 2);
}

bool cg_cache_hit(cg_cache *cache, uint64_t key) {
    uint32_t index = cg_cache_find(cache, key);
    if (!is_held(cache, index)) {
        return false;
    }
    cache->operations->hit(cache, key, index);
    return true;
}

bool cg_cache_touch(cg_cache *cache, uint64_t key) {
    bool was_held = cg_cache_hit(cache, key);
    if (!was_held && cache->operations->miss) {
        cache->operations->miss(cache, key);
    }
    return was_held;
}

bool cg_cache_holds(const cg_cache *cache, uint64_t key) {
    return is_held(cache, cg_cache_find(cache, key));
}

bool cg_cache_put(cg_cache *cache, uint64_t key, uint32_t bytes) {
    uint32_t ghost = cg_cache_find(cache, key);
    CG_ASSERT(bytes >= 1 && !is_held(cache, ghost));
    bool is_in = cg_cache_weight(cache, bytes) <= cache->state->capacity &&
                 cache->operations->put(cache, key, bytes, ghost);
    cache->state->refused += !is_in;
    return is_in;
}

bool cg_cache_remove(cg_cache *cache, uint64_t key) {
    uint32_t index = cg_cache_find(cache, key);
    bool was_held = is_held(cache, index);
    if (index != CG_CACHE_NONE) {
        cache->operations->detach(cache, index);
        cache->state->entries -= was_held;
        cache->state->size_bytes -= was_held ? *cg_cache_size(cache, index) : 0;
        cg_cache_free_slot(cache, index);
    }
    if (cache->operations->forget) {
        cache->operations->forget(cache, key);
    }
    return was_held;
}

cg_status cg_cache_resize(cg_cache *cache, uint64_t capacity, cg_error *error) {
    cg_cache_state wanted = *cache->state;
    wanted.capacity = capacity;
    cg_status status = check_capacity((cg_cache_bound)wanted.bound, capacity, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t limit = slot_limit(&wanted);
    void *block = NULL;
    if (limit < wanted.allocated) {
        block = new_block(cache->operations, &cache->allocator, limit, error);
        if (!block) {
            return CG_ERROR_MEMORY;
        }
    }
    cache->state->capacity = capacity;
    cache->operations->fit(cache);
    if (block) {
        move_to(cache, block, (uint32_t)limit);
    }
    return CG_OK;
}

/* --- inspection --------------------------------------------------------------------------- */

cg_cache_statistics cg_cache_statistics_of(const cg_cache *cache) {
    const cg_cache_state *state = cache->state;
    return (cg_cache_statistics){
        .entries = state->entries,
        .size_bytes = state->size_bytes,
        .capacity = state->capacity,
        .evictions = state->evictions,
        .refused = state->refused,
    };
}

uint64_t cg_cache_memory_bytes(const cg_cache *cache) {
    return sizeof *cache + (cache->owns_block ? cache->state->block_bytes : 0);
}

uint64_t cg_cache_hash(const cg_cache *cache) {
    const cg_cache_state *state = cache->state;
    cg_hasher hasher = cg_hasher_init();
    const uint64_t figures[] = {state->policy,     state->bound,     state->capacity,
                                state->size_bytes, state->evictions, state->refused,
                                state->clock,      state->mark};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        cg_hasher_add_u64(&hasher, figures[i]);
    }
    for (uint32_t list = 0; list < CG_CACHE_LISTS; list++) {
        cg_hasher_add_u64(&hasher, state->lists[list].weight);
        for (uint32_t i = state->lists[list].newest; i != CG_CACHE_NONE;
             i = *cg_cache_older(cache, i)) {
            cg_hasher_add_u64(&hasher, cg_cache_key(cache, i));
            cg_hasher_add_u64(&hasher, *cg_cache_size(cache, i));
        }
    }
    if (cache->operations->hash_extra) {
        cache->operations->hash_extra(cache, &hasher);
    }
    return cg_hasher_value(&hasher);
}

/* --- images ------------------------------------------------------------------------------- */

uint64_t cg_cache_image_bytes(const cg_cache *cache) {
    return cache->state->block_bytes;
}

void cg_cache_save(const cg_cache *cache, void *image) {
    CG_ASSERT((uintptr_t)image % CG_CACHE_LINE_BYTES == 0 && !cache->future);
    memcpy(image, cache->state, cache->state->block_bytes);
}

static cg_status check_image(const void *image, uint64_t image_bytes,
                             const cg_cache_options *options, cg_error *error) {
    const cg_cache_state *state = image;
    if (options->policy == CG_CACHE_BELADY) {
        return cg_error_set(error, CG_ERROR_INVALID, "policy belady has no images");
    }
    if ((uintptr_t)image % CG_CACHE_LINE_BYTES != 0 || image_bytes < CG_CACHE_STATE_BYTES ||
        state->magic != MAGIC || state->block_bytes != image_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%llu bytes are no image of a cache, or not aligned to %d",
                            (unsigned long long)image_bytes, CG_CACHE_LINE_BYTES);
    }
    if (state->policy != options->policy || state->bound != options->bound ||
        state->capacity != options->capacity) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the image of a cache is of policy %s with %llu %s; asked for is %s with %llu %s",
            cg_cache_policy_name((cg_cache_policy)state->policy),
            (unsigned long long)state->capacity,
            state->bound == CG_CACHE_BYTES ? "bytes" : "keys",
            cg_cache_policy_name(options->policy), (unsigned long long)options->capacity,
            options->bound == CG_CACHE_BYTES ? "bytes" : "keys");
    }
    return CG_OK;
}

cg_status cg_cache_open(void *image, uint64_t image_bytes, const cg_cache_options *options,
                        cg_allocator allocator, cg_cache **out, cg_error *error) {
    cg_status status = check_options(options, error);
    status = status == CG_OK ? check_image(image, image_bytes, options, error) : status;
    if (status != CG_OK) {
        return status;
    }
    cg_cache *cache = new_cache(options, allocator, error);
    if (!cache) {
        return CG_ERROR_MEMORY;
    }
    bind_block(cache, image);
    *out = cache;
    return CG_OK;
}
