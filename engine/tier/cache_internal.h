/* What the replacement policies share: slots, lists, blocks (internal to engine/tier).
 *
 * Idea: all state lies in one block without pointers, so that an image is its copy. Its parts
 * begin at multiples of 64 bytes:
 *
 *   cg_cache_state          bounds, counts, up to four lists, a policy's own figures; 256 bytes
 *   lines[line_count]       64 bytes each: three slots
 *   sizes[3 * line_count]   of the keys in the slots, 4 bytes each
 *   extra                   what else a policy keeps
 *
 * A slot is a key that is held, or one that ARC remembers. A read of a large cache costs the
 * cache lines that it fetches one after the other, so the slots are the hash table: slot i is
 * place i % 4 (0..2) of line i / 4, and a key lies in its home line, or, where that was full, in the first line behind
 * it (around the end) that was not. A line counts the keys that passed it by, so that a search
 * ends where none did (as F14's "outbound overflow count"; Bronson and Shi, "Open-sourcing F14
 * for faster, more memory-efficient hash tables", 2019), and a key that goes leaves no trace.
 * No slot ever moves within a block. There are 9 slots for 7 keys: 85% of the keys lie at home.
 * Home of a key: the high 32 bits of its hash, times line_count, divided by 2^32 (Lemire, "Fast
 * random integer generation in an interval", 2019), so the lines need not be a power of two.
 *
 * A read of a key at home waits for one line; its two neighbours in the list, which only want a
 * new link, are fetched at the same time as whatever comes next. Sizes stand apart because a
 * read needs none.
 *
 * Growing and shrinking make a new block and move into it: a failed allocation changes nothing,
 * and a cache that began in an image leaves the image behind.
 *
 * Invariants: every slot in use is in one list; every line from its key's home up to its own,
 * without the last, counts it as one that passed; a list's weight is the sum of its slots'
 * weights. Which slot a key has is seen nowhere outside.
 */
#ifndef CG_ENGINE_TIER_CACHE_INTERNAL_H
#define CG_ENGINE_TIER_CACHE_INTERNAL_H

#include "engine/base/hash.h"
#include "engine/tier/cache.h"

#define CG_CACHE_NONE UINT32_MAX
enum {
    CG_CACHE_LISTS = 4,
    CG_CACHE_STATE_BYTES = 256,
    CG_CACHE_LINE_BYTES = 64,
    CG_CACHE_LINE_SLOTS = 3,
    CG_CACHE_LINE_NUMBERS = 4, /* of which the last is no slot */
    CG_CACHE_LINE_FULL = 7,    /* of `marks` */
    CG_CACHE_PASSED = 8        /* one key, in `marks` */
};

typedef struct cg_cache_line {
    uint64_t keys[CG_CACHE_LINE_SLOTS];
    uint32_t newer[CG_CACHE_LINE_SLOTS]; /* next towards the list's newest */
    uint32_t older[CG_CACHE_LINE_SLOTS]; /* next towards its oldest */
    uint32_t tags[CG_CACHE_LINE_SLOTS];  /* lfu: group; belady: place in the heap; others: list,
                                            and s3fifo's count above it */
    uint32_t marks; /* bits 0..2: slots in use; above: how many keys passed by */
} cg_cache_line;

typedef struct cg_cache_list {
    uint32_t newest;
    uint32_t oldest;
    uint64_t weight;
} cg_cache_list;

typedef struct cg_cache_state {
    uint64_t magic;
    uint64_t block_bytes;
    uint64_t capacity;
    uint32_t policy;
    uint32_t bound;
    uint32_t allocated; /* keys that the block is for */
    uint32_t used;      /* slots in use */
    uint32_t entries;   /* held */
    uint32_t blocks;    /* tinylfu: of the sketch */
    uint64_t size_bytes;
    uint64_t evictions;
    uint64_t refused;
    cg_cache_list lists[CG_CACHE_LISTS];
    uint64_t clock;       /* belady: touches; lfu: draws; tinylfu: touches since the halving;
                             s3fifo: ghosts ever */
    uint64_t mark;        /* s3fifo: ghosts ever before the oldest that is remembered; belady:
                             the key touched last */
    double target;        /* arc: p */
    uint32_t groups_used; /* lfu */
    uint32_t free_group;
} cg_cache_state;
_Static_assert(sizeof(cg_cache_line) == CG_CACHE_LINE_BYTES, "three slots are a line");
_Static_assert(sizeof(cg_cache_state) <= CG_CACHE_STATE_BYTES, "the state has its place");

typedef struct cg_cache_operations {
    /* A read of the held key in the slot. */
    void (*hit)(cg_cache *cache, uint64_t key, uint32_t index);
    /* weight <= capacity; ghost: the slot that remembers the key, or none. */
    bool (*put)(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost);
    /* Takes a slot out of the lists; the caller frees it. */
    void (*detach)(cg_cache *cache, uint32_t index);
    /* Evicts until the capacity, which became another, is kept. */
    void (*fit)(cg_cache *cache);
    /* What follows is NULL where there is nothing to do. */
    void (*miss)(cg_cache *cache, uint64_t key); /* a read of a key that is not held */
    uint64_t (*extra_bytes)(uint32_t allocated);
    /* Fills the extra of `to`, whose slots are ready, from that of `from`, where cg_cache_moved
     * tells the slots' new numbers. from NULL: anew. */
    void (*move_extra)(const cg_cache *from, cg_cache *to);
    /* Forgets what else is known of a key that is not in a slot any more. */
    void (*forget)(cg_cache *cache, uint64_t key);
    void (*hash_extra)(const cg_cache *cache, cg_hasher *hasher);
} cg_cache_operations;

extern const cg_cache_operations cg_cache_lru;
extern const cg_cache_operations cg_cache_lfu;
extern const cg_cache_operations cg_cache_arc;
extern const cg_cache_operations cg_cache_tinylfu;
extern const cg_cache_operations cg_cache_s3fifo;
extern const cg_cache_operations cg_cache_belady;

struct cg_cache {
    cg_cache_state *state; /* the block */
    cg_cache_line *lines;
    uint32_t *sizes;
    void *extra;
    uint32_t line_count;
    const cg_cache_operations *operations;
    cg_allocator allocator;
    void (*evicted)(void *context, uint64_t key, uint32_t bytes);
    void *context;
    const cg_cache_future *future;
    bool owns_block; /* false: it is an image */
};

/* A slot for a key that is in none, in no list yet; counted as held. */
uint32_t cg_cache_take_slot(cg_cache *cache, uint64_t key, uint32_t bytes);
/* Back to the free ones; the slot is in no list. */
void cg_cache_free_slot(cg_cache *cache, uint32_t index);
/* Counts a held key as evicted and tells of it; its slot may be freed or stay as a ghost. */
void cg_cache_count_out(cg_cache *cache, uint64_t key, uint32_t bytes);
/* Frees the slot of a held key that is in no list, and tells of it. */
void cg_cache_drop(cg_cache *cache, uint32_t index);
/* The same for one that is still in a list. */
void cg_cache_evict(cg_cache *cache, uint32_t list, uint32_t index);

static inline uint64_t cg_cache_weight(const cg_cache *cache, uint32_t bytes) {
    return cache->state->bound == CG_CACHE_BYTES ? bytes : 1;
}

static inline uint32_t cg_cache_lines_for(uint64_t allocated) {
    return (uint32_t)(allocated * 3 / 7 + 1);
}

/* --- slots -------------------------------------------------------------------------------- */

static inline uint64_t cg_cache_key(const cg_cache *cache, uint32_t index) {
    return cache->lines[index / CG_CACHE_LINE_NUMBERS].keys[index % CG_CACHE_LINE_NUMBERS];
}

static inline uint32_t *cg_cache_newer(const cg_cache *cache, uint32_t index) {
    return &cache->lines[index / CG_CACHE_LINE_NUMBERS].newer[index % CG_CACHE_LINE_NUMBERS];
}

static inline uint32_t *cg_cache_older(const cg_cache *cache, uint32_t index) {
    return &cache->lines[index / CG_CACHE_LINE_NUMBERS].older[index % CG_CACHE_LINE_NUMBERS];
}

static inline uint32_t *cg_cache_tag(const cg_cache *cache, uint32_t index) {
    return &cache->lines[index / CG_CACHE_LINE_NUMBERS].tags[index % CG_CACHE_LINE_NUMBERS];
}

/* The slot's place in an array of 3 * line_count. */
static inline uint64_t cg_cache_rank(uint32_t index) {
    return (uint64_t)(index / CG_CACHE_LINE_NUMBERS) * CG_CACHE_LINE_SLOTS +
           index % CG_CACHE_LINE_NUMBERS;
}

static inline uint32_t *cg_cache_size(const cg_cache *cache, uint32_t index) {
    return &cache->sizes[cg_cache_rank(index)];
}

static inline uint64_t cg_cache_slot_weight(const cg_cache *cache, uint32_t index) {
    return cache->state->bound == CG_CACHE_BYTES ? *cg_cache_size(cache, index) : 1;
}

/* While extra is moved: the slot that took over from slot `index` of the block before. */
static inline uint32_t cg_cache_moved(const cg_cache *from, uint32_t index) {
    return *cg_cache_older(from, index);
}

/* The mixer is Stafford's variant 13 (as base/hash.c, without the seed). */
static inline uint32_t cg_cache_home(const cg_cache *cache, uint64_t key) {
    uint64_t x = key;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (uint32_t)(((x >> 32) * cache->line_count) >> 32);
}

static inline uint32_t cg_cache_next_line(const cg_cache *cache, uint32_t line) {
    return line + 1 == cache->line_count ? 0 : line + 1;
}

/* Bit w: slot w of the line is in use for the key. Without branches, which could only be guessed
 * while the line is on its way. */
static inline uint32_t cg_cache_matches(const cg_cache_line *line, uint64_t key) {
    uint32_t equal = (uint32_t)(line->keys[0] == key) | (uint32_t)(line->keys[1] == key) << 1 |
                     (uint32_t)(line->keys[2] == key) << 2;
    return equal & line->marks;
}

/* Its slot or none. Waits for one line where the key is at home. */
static inline uint32_t cg_cache_find(const cg_cache *cache, uint64_t key) {
    uint32_t home = cg_cache_home(cache, key);
    uint32_t line = home;
    do {
        uint32_t matches = cg_cache_matches(&cache->lines[line], key);
        if (matches != 0) {
            return line * CG_CACHE_LINE_NUMBERS + (matches >> 1); /* 1, 2, 4: 0, 1, 2 */
        }
        if (cache->lines[line].marks < CG_CACHE_PASSED) {
            return CG_CACHE_NONE;
        }
        line = cg_cache_next_line(cache, line);
    } while (line != home);
    return CG_CACHE_NONE;
}

/* --- lists -------------------------------------------------------------------------------- */

/* Says that the slot's line will soon be written. A hint: it may do nothing. */
static inline void cg_cache_expect(const cg_cache *cache, uint32_t index) {
#ifdef __GNUC__
    if (index != CG_CACHE_NONE) {
        __builtin_prefetch(&cache->lines[index / CG_CACHE_LINE_NUMBERS], 1);
    }
#else
    (void)cache;
    (void)index;
#endif
}

static inline void cg_cache_expect_neighbours(const cg_cache *cache, uint32_t index) {
    cg_cache_expect(cache, *cg_cache_newer(cache, index));
    cg_cache_expect(cache, *cg_cache_older(cache, index));
}

static inline void cg_cache_unlink(cg_cache *cache, cg_cache_list *list, uint32_t index) {
    uint32_t newer = *cg_cache_newer(cache, index);
    uint32_t older = *cg_cache_older(cache, index);
    cg_cache_expect_neighbours(cache, index);
    if (newer == CG_CACHE_NONE) {
        list->newest = older;
    } else {
        *cg_cache_older(cache, newer) = older;
    }
    if (older == CG_CACHE_NONE) {
        list->oldest = newer;
    } else {
        *cg_cache_newer(cache, older) = newer;
    }
}

/* As the one just newer than `older` (none: as the oldest). */
static inline void cg_cache_link(cg_cache *cache, cg_cache_list *list, uint32_t index,
                                 uint32_t older) {
    uint32_t newer = older == CG_CACHE_NONE ? list->oldest : *cg_cache_newer(cache, older);
    *cg_cache_newer(cache, index) = newer;
    *cg_cache_older(cache, index) = older;
    if (newer == CG_CACHE_NONE) {
        list->newest = index;
    } else {
        *cg_cache_older(cache, newer) = index;
    }
    if (older == CG_CACHE_NONE) {
        list->oldest = index;
    } else {
        *cg_cache_newer(cache, older) = index;
    }
}

static inline void cg_cache_list_out(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list *ends = &cache->state->lists[list];
    cg_cache_unlink(cache, ends, index);
    ends->weight -= cg_cache_slot_weight(cache, index);
}

static inline void cg_cache_list_in(cg_cache *cache, uint32_t list, uint32_t index,
                                    uint32_t older) {
    cg_cache_list *ends = &cache->state->lists[list];
    cg_cache_link(cache, ends, index, older);
    ends->weight += cg_cache_slot_weight(cache, index);
}

static inline void cg_cache_list_push(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list_in(cache, list, index, cache->state->lists[list].newest);
}

/* Makes a slot of a list its newest: what a hit does, so without a question too many. */
static inline void cg_cache_list_renew(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list *ends = &cache->state->lists[list];
    if (ends->newest == index) {
        return;
    }
    uint32_t newer = *cg_cache_newer(cache, index); /* there is one */
    uint32_t older = *cg_cache_older(cache, index);
    cg_cache_expect_neighbours(cache, index);
    *cg_cache_older(cache, newer) = older;
    if (older == CG_CACHE_NONE) {
        ends->oldest = newer;
    } else {
        *cg_cache_newer(cache, older) = newer;
    }
    *cg_cache_newer(cache, index) = CG_CACHE_NONE;
    *cg_cache_older(cache, index) = ends->newest;
    *cg_cache_newer(cache, ends->newest) = index;
    ends->newest = index;
}

#endif
