/* Replacement policies as one would first write them: plain arrays, every step O(n).
 *
 * Exact for lru, arc and s3fifo; for lfu as long as no more than 8 keys that are not held were
 * ever read; for tinylfu bound by at most 16 keys, without a change of capacity.
 */
#ifndef CG_TESTS_SUPPORT_CACHE_MODEL_H
#define CG_TESTS_SUPPORT_CACHE_MODEL_H

#include <string.h>

#include "engine/base/hash.h"
#include "engine/tier/cache.h"
#include "engine/tier/sketch.h"

enum { MODEL_KEYS = 512, MODEL_QUEUES = 4 };

typedef struct model_item {
    uint64_t key;
    uint32_t bytes;
    uint32_t count;
} model_item;

typedef struct model_queue {
    model_item items[MODEL_KEYS]; /* the oldest first */
    uint32_t count;
} model_queue;

typedef struct model_log {
    model_item items[MODEL_KEYS];
    uint32_t count;
} model_log;

typedef struct model {
    cg_cache_policy policy;
    cg_cache_bound bound;
    uint64_t capacity;
    model_queue queues[MODEL_QUEUES];
    double target;      /* arc */
    model_queue ghosts; /* s3fifo; bytes 0: came back. lfu: keys that are not held */
    uint64_t sketch[2 * CG_SKETCH_BLOCK_WORDS];
    uint64_t additions;
    uint64_t evictions;
    uint64_t refused;
    model_log log; /* of what was evicted, since it was last emptied */
} model;

/* --- queues ------------------------------------------------------------------------------- */

static inline uint64_t model_weight(const model *m, const model_item *item) {
    return m->bound == CG_CACHE_BYTES ? item->bytes : 1;
}

static inline uint64_t model_size(const model *m, uint32_t queue) {
    uint64_t size = 0;
    for (uint32_t i = 0; i < m->queues[queue].count; i++) {
        size += model_weight(m, &m->queues[queue].items[i]);
    }
    return size;
}

static inline uint32_t model_find(const model_queue *queue, uint64_t key) {
    uint32_t i = 0;
    while (i < queue->count && queue->items[i].key != key) {
        i++;
    }
    return i;
}

static inline model_item model_take(model_queue *queue, uint32_t i) {
    model_item item = queue->items[i];
    queue->count--;
    memmove(&queue->items[i], &queue->items[i + 1], (queue->count - i) * sizeof item);
    return item;
}

static inline void model_push(model_queue *queue, model_item item) {
    CG_ASSERT(queue->count < MODEL_KEYS);
    queue->items[queue->count++] = item;
}

static inline uint32_t model_held_queues(const model *m) {
    static const uint32_t queues[] = {1, 1, 2, 3, 2};
    return queues[m->policy];
}

/* The queue that holds the key, and its place there; false: none does. */
static inline bool model_where(const model *m, uint64_t key, uint32_t *queue, uint32_t *place) {
    for (*queue = 0; *queue < model_held_queues(m); (*queue)++) {
        *place = model_find(&m->queues[*queue], key);
        if (*place < m->queues[*queue].count) {
            return true;
        }
    }
    return false;
}

static inline model_item model_evict(model *m, uint32_t queue, uint32_t place) {
    model_item item = model_take(&m->queues[queue], place);
    m->evictions++;
    m->log.items[m->log.count++] = item;
    return item;
}

/* --- lfu: the held key of the least count, the oldest of those ---------------------------- */

static inline uint32_t model_lfu_victim(const model *m) {
    uint32_t least = 0;
    for (uint32_t i = 1; i < m->queues[0].count; i++) {
        least = m->queues[0].items[i].count < m->queues[0].items[least].count ? i : least;
    }
    return least;
}

static inline bool model_lfu_put(model *m, model_item item) {
    uint32_t known = model_find(&m->ghosts, item.key);
    item.count = known < m->ghosts.count ? m->ghosts.items[known].count : 1;
    model trial = *m;
    while (model_size(&trial, 0) + model_weight(m, &item) > m->capacity) {
        uint32_t victim = model_lfu_victim(&trial);
        if (trial.queues[0].items[victim].count > item.count) {
            return false;
        }
        model_push(&trial.ghosts, model_evict(&trial, 0, victim));
    }
    *m = trial;
    known = model_find(&m->ghosts, item.key);
    if (known < m->ghosts.count) {
        (void)model_take(&m->ghosts, known);
    }
    model_push(&m->queues[0], item);
    return true;
}

static inline void model_lfu_miss(model *m, uint64_t key) {
    uint32_t known = model_find(&m->ghosts, key);
    if (known < m->ghosts.count) {
        m->ghosts.items[known].count++;
    } else {
        model_push(&m->ghosts, (model_item){key, 1, 1});
    }
}

/* --- arc: queues T1, T2, B1, B2 ----------------------------------------------------------- */

static inline void model_arc_replace(model *m, bool in_b2) {
    double t1 = (double)model_size(m, 0);
    bool from_t1 = m->queues[0].count > 0 && ((in_b2 && t1 == m->target) || t1 > m->target);
    if (m->queues[1].count == 0) {
        from_t1 = true;
    }
    uint32_t from = from_t1 ? 0 : 1;
    model_push(&m->queues[from + 2], model_evict(m, from, 0));
}

static inline void model_arc_fit(model *m, uint64_t weight, bool in_b2) {
    while (model_size(m, 0) + model_size(m, 1) + weight > m->capacity) {
        model_arc_replace(m, in_b2);
    }
}

static inline void model_arc_trim(model *m, uint64_t weight) {
    while (model_size(m, 0) + model_size(m, 1) + model_size(m, 2) + model_size(m, 3) + weight >
           2 * m->capacity) {
        (void)model_take(&m->queues[m->queues[3].count > 0 ? 3 : 2], 0);
    }
}

static inline void model_arc_back(model *m, model_item item, bool in_b2) {
    double b1 = (double)model_size(m, 2);
    double b2 = (double)model_size(m, 3);
    double weight = (double)model_weight(m, &item);
    if (in_b2) {
        double next = m->target - weight * (b2 >= b1 ? 1.0 : b1 / b2);
        m->target = next < 0.0 ? 0.0 : next;
    } else {
        double next = m->target + weight * (b1 >= b2 ? 1.0 : b2 / b1);
        m->target = next > (double)m->capacity ? (double)m->capacity : next;
    }
    model_queue *from = &m->queues[in_b2 ? 3 : 2];
    (void)model_take(from, model_find(from, item.key));
    model_arc_fit(m, model_weight(m, &item), in_b2);
    model_push(&m->queues[1], item);
    model_arc_trim(m, 0);
}

static inline bool model_arc_put(model *m, model_item item) {
    for (uint32_t b = 2; b < 4; b++) {
        if (model_find(&m->queues[b], item.key) < m->queues[b].count) {
            model_arc_back(m, item, b == 3);
            return true;
        }
    }
    uint64_t weight = model_weight(m, &item);
    while (model_size(m, 0) + model_size(m, 2) + weight > m->capacity) {
        if (m->queues[2].count > 0) {
            (void)model_take(&m->queues[2], 0);
        } else {
            (void)model_evict(m, 0, 0);
        }
    }
    model_arc_trim(m, weight);
    model_arc_fit(m, weight, false);
    model_push(&m->queues[0], item);
    return true;
}

static inline void model_arc_resize(model *m) {
    m->target = m->target > (double)m->capacity ? (double)m->capacity : m->target;
    model_arc_fit(m, 0, false);
    while (model_size(m, 0) + model_size(m, 2) > m->capacity) {
        (void)model_take(&m->queues[2], 0);
    }
    model_arc_trim(m, 0);
}

/* --- s3fifo: queues small, main ----------------------------------------------------------- */

static inline uint64_t model_s3_small(uint64_t whole) {
    return whole / 10 > 1 ? whole / 10 : 1;
}

static inline void model_s3_trim(model *m, uint64_t more) {
    uint64_t whole = m->bound == CG_CACHE_BYTES ? m->queues[0].count + m->queues[1].count + more
                                                : m->capacity;
    uint64_t limit = whole == 0 ? 0 : whole - model_s3_small(whole);
    while (m->ghosts.count > limit) {
        (void)model_take(&m->ghosts, 0);
    }
}

static inline void model_s3_evict_main(model *m) {
    while (m->queues[1].items[0].count > 0) {
        model_item item = model_take(&m->queues[1], 0);
        item.count--;
        model_push(&m->queues[1], item);
    }
    (void)model_evict(m, 1, 0);
}

static inline void model_s3_evict_small(model *m) {
    while (m->queues[0].count > 0) {
        if (m->queues[0].items[0].count <= 1) {
            model_push(&m->ghosts, m->queues[0].items[0]);
            model_s3_trim(m, 0); /* the key itself still counts */
            (void)model_evict(m, 0, 0);
            return;
        }
        model_item item = model_take(&m->queues[0], 0);
        item.count = 0;
        model_push(&m->queues[1], item);
        if (model_size(m, 1) > m->capacity - model_s3_small(m->capacity)) {
            model_s3_evict_main(m);
        }
    }
}

static inline void model_s3_fit(model *m, uint64_t weight) {
    while (model_size(m, 0) + model_size(m, 1) + weight > m->capacity) {
        bool is_small_full = model_size(m, 0) >= model_s3_small(m->capacity);
        if (is_small_full || m->queues[1].count == 0) {
            model_s3_evict_small(m);
        } else {
            model_s3_evict_main(m);
        }
    }
}

static inline bool model_s3_forget(model *m, uint64_t key) {
    for (uint32_t i = 0; i < m->ghosts.count; i++) {
        if (m->ghosts.items[i].key == key && m->ghosts.items[i].bytes > 0) {
            m->ghosts.items[i].bytes = 0;
            return true;
        }
    }
    return false;
}

static inline bool model_s3_put(model *m, model_item item) {
    model_s3_fit(m, model_weight(m, &item));
    model_push(&m->queues[model_s3_forget(m, item.key) ? 1 : 0], item);
    return true;
}

/* --- tinylfu: queues window, probation, protected ----------------------------------------- */

static inline uint32_t model_blocks(const model *m) {
    return m->capacity > 8 ? 2 : 1;
}

static inline uint32_t model_frequency(const model *m, uint64_t key) {
    return cg_sketch_estimate(m->sketch, model_blocks(m), cg_hash_u64(key, 1));
}

static inline void model_tiny_count(model *m, uint64_t key) {
    cg_sketch_add(m->sketch, model_blocks(m), cg_hash_u64(key, 1));
    if (++m->additions >= 160) {
        cg_sketch_halve(m->sketch, model_blocks(m));
        m->additions /= 2;
    }
}

static inline bool model_tiny_put(model *m, model_item item) {
    if (m->queues[0].count > 0) { /* the window has room for one */
        uint64_t candidate = m->queues[0].items[0].key;
        uint32_t from = m->queues[1].count > 0 ? 1 : 2;
        bool is_full = m->queues[1].count + m->queues[2].count == m->capacity - 1;
        bool wins = !is_full;
        if (is_full && m->capacity > 1 &&
            model_frequency(m, candidate) > model_frequency(m, m->queues[from].items[0].key)) {
            (void)model_evict(m, from, 0);
            wins = true;
        }
        if (wins) {
            model_push(&m->queues[1], model_take(&m->queues[0], 0));
        } else {
            (void)model_evict(m, 0, 0);
        }
    }
    model_push(&m->queues[0], item);
    return true;
}

/* --- all ---------------------------------------------------------------------------------- */

static inline bool model_holds(const model *m, uint64_t key) {
    uint32_t queue = 0;
    uint32_t place = 0;
    return model_where(m, key, &queue, &place);
}

static inline bool model_touch(model *m, uint64_t key) {
    uint32_t queue = 0;
    uint32_t place = 0;
    bool is_held = model_where(m, key, &queue, &place);
    if (m->policy == CG_CACHE_TINYLFU) {
        model_tiny_count(m, key);
    } else if (m->policy == CG_CACHE_LFU && !is_held) {
        model_lfu_miss(m, key);
    }
    if (!is_held) {
        return false;
    }
    if (m->policy == CG_CACHE_S3FIFO) {
        uint32_t *count = &m->queues[queue].items[place].count;
        *count += *count < 3;
        return true;
    }
    model_item item = model_take(&m->queues[queue], place);
    item.count++;
    uint32_t to = m->policy == CG_CACHE_ARC                     ? 1
                  : m->policy == CG_CACHE_TINYLFU && queue == 1 ? 2
                                                                : queue;
    model_push(&m->queues[to], item);
    uint64_t main = m->capacity - 1;
    if (m->policy == CG_CACHE_TINYLFU && m->queues[2].count > main - main / 5) {
        model_push(&m->queues[1], model_take(&m->queues[2], 0));
    }
    return true;
}

static inline bool model_put(model *m, uint64_t key, uint32_t bytes) {
    model_item item = {key, bytes, 0};
    bool is_in = model_weight(m, &item) <= m->capacity;
    if (is_in && m->policy == CG_CACHE_LRU) {
        while (model_size(m, 0) + model_weight(m, &item) > m->capacity) {
            (void)model_evict(m, 0, 0);
        }
        model_push(&m->queues[0], item);
    } else if (is_in) {
        is_in = m->policy == CG_CACHE_LFU       ? model_lfu_put(m, item)
                : m->policy == CG_CACHE_ARC     ? model_arc_put(m, item)
                : m->policy == CG_CACHE_TINYLFU ? model_tiny_put(m, item)
                                                : model_s3_put(m, item);
    }
    m->refused += !is_in;
    return is_in;
}

static inline bool model_remove(model *m, uint64_t key) {
    bool was_held = model_holds(m, key);
    for (uint32_t queue = 0; queue < MODEL_QUEUES; queue++) {
        uint32_t place = model_find(&m->queues[queue], key);
        if (place < m->queues[queue].count) {
            (void)model_take(&m->queues[queue], place);
        }
    }
    if (m->policy == CG_CACHE_S3FIFO) {
        (void)model_s3_forget(m, key);
    } else if (model_find(&m->ghosts, key) < m->ghosts.count) {
        (void)model_take(&m->ghosts, model_find(&m->ghosts, key));
    }
    return was_held;
}

static inline void model_resize(model *m, uint64_t capacity) {
    m->capacity = capacity;
    if (m->policy == CG_CACHE_ARC) {
        model_arc_resize(m);
    } else if (m->policy == CG_CACHE_S3FIFO) {
        model_s3_fit(m, 0);
        model_s3_trim(m, 0);
    } else {
        while (model_size(m, 0) > capacity) {
            uint32_t victim = m->policy == CG_CACHE_LFU ? model_lfu_victim(m) : 0;
            model_item item = model_evict(m, 0, victim);
            if (m->policy == CG_CACHE_LFU) {
                model_push(&m->ghosts, item);
            }
        }
    }
}

#endif
