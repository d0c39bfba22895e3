/* The life of a cache: options, the block and its growth, images, and the way to the policies.
 * cache_internal.h explains the block.
 */
#include "engine/tier/cache.h"

#include <string.h>

#include "engine/tier/cache_internal.h"

enum { FIRST_SLOTS = 16 };
#define MAGIC     UINT64_C(0x3165686361634743) /* "CGcache1" */
#define BYTES_MAX (UINT64_C(1) << 48)
#define SLOTS_MAX ((uint64_t)INT32_MAX)
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
    uint64_t most = bound == CG_CACHE_BYTES ? BYTES_MAX : SLOTS_MAX;
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

static uint64_t slot_limit(const cg_cache_state *state) {
    uint64_t most = state->capacity < SLOTS_MAX ? state->capacity : SLOTS_MAX;
    return state->policy == CG_CACHE_ARC ? 2 * most : most;
}

/* Of the parts that every policy has. */
static uint64_t common_bytes(uint64_t allocated) {
    return CG_CACHE_STATE_BYTES + ROUNDED(allocated * sizeof(cg_cache_slot)) +
           2 * ROUNDED(allocated * sizeof(uint32_t));
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
    uint64_t allocated = cache->state->allocated;
    uint8_t *heads = bytes + CG_CACHE_STATE_BYTES + ROUNDED(allocated * sizeof(cg_cache_slot));
    cache->slots = (cg_cache_slot *)(void *)(bytes + CG_CACHE_STATE_BYTES);
    cache->heads = (uint32_t *)(void *)heads;
    cache->sizes = (uint32_t *)(void *)(heads + ROUNDED(allocated * sizeof(uint32_t)));
    cache->extra = bytes + common_bytes(allocated);
}

static void empty_buckets(cg_cache *cache) {
    memset(cache->heads, UINT8_MAX, cache->state->allocated * sizeof *cache->heads);
}

static void chain_in(cg_cache *cache, uint32_t index) {
    uint32_t *head = &cache->heads[cg_cache_bucket(cache, cache->slots[index].key)];
    cache->slots[index].chain = *head;
    *head = index;
}

static void chain_out(cg_cache *cache, uint32_t index) {
    uint32_t *link = &cache->heads[cg_cache_bucket(cache, cache->slots[index].key)];
    while (*link != index) {
        link = &cache->slots[*link].chain;
    }
    *link = cache->slots[index].chain;
}

/* Moves the last slots in use down into free ones, so that those from `limit` on are free. */
static void compact(cg_cache *cache, uint32_t limit) {
    cg_cache_slot *slots = cache->slots;
    uint32_t to = 0;
    for (uint32_t from = limit; from < cache->state->used; from++) {
        if (cache->sizes[from] == 0) {
            continue;
        }
        while (cache->sizes[to] != 0) {
            to++;
        }
        CG_ASSERT(to < limit);
        slots[to] = slots[from];
        cache->sizes[to] = cache->sizes[from];
        cache->sizes[from] = 0;
        for (uint32_t list = 0; list < CG_CACHE_LISTS; list++) {
            cg_cache_list *ends = &cache->state->lists[list];
            ends->newest = ends->newest == from ? to : ends->newest;
            ends->oldest = ends->oldest == from ? to : ends->oldest;
        }
        if (slots[to].newer != CG_CACHE_NONE) {
            slots[slots[to].newer].older = to;
        }
        if (slots[to].older != CG_CACHE_NONE) {
            slots[slots[to].older].newer = to;
        }
        if (cache->operations->relocated) {
            cache->operations->relocated(cache, from, to);
        }
    }
}

/* Goes over to a zeroed block for `allocated` slots, no fewer than are in use. */
static void move_to(cg_cache *cache, void *block, uint32_t allocated) {
    cg_cache old = *cache;
    if (old.state->used > allocated) {
        compact(cache, allocated);
        old.state->used = allocated;
    }
    cg_cache_state *state = block;
    *state = *old.state;
    state->allocated = allocated;
    state->block_bytes = block_bytes(cache->operations, allocated);
    state->free = CG_CACHE_NONE;
    bind_block(cache, block);
    memcpy(cache->slots, old.slots, state->used * sizeof *cache->slots);
    memcpy(cache->sizes, old.sizes, state->used * sizeof *cache->sizes);
    empty_buckets(cache);
    for (uint32_t i = state->used; i-- > 0;) {
        if (cache->sizes[i] != 0) {
            chain_in(cache, i);
        } else {
            cache->slots[i].chain = state->free;
            state->free = i;
        }
    }
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
    if (state->free != CG_CACHE_NONE || state->used < state->allocated) {
        return CG_OK;
    }
    uint64_t limit = slot_limit(state);
    if (state->allocated >= limit) {
        /* Full by number, so a put frees a slot first: not so for bytes. */
        return state->bound == CG_CACHE_ENTRIES || state->capacity <= SLOTS_MAX
                   ? CG_OK
                   : cg_error_set(error, CG_ERROR_MEMORY,
                                  "a cache holds %u keys, the most that it can number",
                                  state->entries);
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
        .free = CG_CACHE_NONE,
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
    empty_buckets(cache);
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
    uint32_t index = state->free;
    if (index != CG_CACHE_NONE) {
        state->free = cache->slots[index].chain;
    } else {
        CG_ASSERT(state->used < state->allocated);
        index = state->used++;
    }
    cg_cache_slot *slot = &cache->slots[index];
    slot->key = key;
    slot->tag = 0;
    cache->sizes[index] = bytes;
    chain_in(cache, index);
    state->entries++;
    state->size_bytes += bytes;
    return index;
}

void cg_cache_free_slot(cg_cache *cache, uint32_t index) {
    chain_out(cache, index);
    cache->sizes[index] = 0;
    cache->slots[index].chain = cache->state->free;
    cache->state->free = index;
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
    uint64_t key = cache->slots[index].key;
    uint32_t bytes = cache->sizes[index];
    cg_cache_free_slot(cache, index);
    cg_cache_count_out(cache, key, bytes);
}

void cg_cache_evict(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list_out(cache, list, index);
    cg_cache_drop(cache, index);
}

bool cg_cache_touch(cg_cache *cache, uint64_t key) {
    return cache->operations->touch(cache, key);
}

/* Of the slots in use only ARC's may be of keys that are not held: those of its lists 2 and 3. */
static bool is_held(const cg_cache *cache, uint32_t index) {
    return index != CG_CACHE_NONE &&
           (cache->state->policy != CG_CACHE_ARC || cache->slots[index].tag < 2);
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
        cache->state->size_bytes -= was_held ? cache->sizes[index] : 0;
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
             i = cache->slots[i].older) {
            cg_hasher_add_u64(&hasher, cache->slots[i].key);
            cg_hasher_add_u64(&hasher, cache->sizes[i]);
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
