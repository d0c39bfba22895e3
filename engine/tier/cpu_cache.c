/* Set-associative caches with exact LRU in each set.
 *
 * Idea: the usual trace-driven model of a processor's caches (Hill and Smith, "Evaluating
 * Associativity in CPU Caches", IEEE Transactions on Computers 38(12), 1989), with the engine's
 * own accesses as the trace. A line l of a level with 2^b sets:
 *
 *   plain    set(l) = l mod 2^b
 *   hashed   set(l) = xor of all groups of b bits of l
 *   tag(l) = l >> b
 *
 * Set and tag together name the line in both ways, since the groups above the lowest are the tag's.
 *
 * A set is an array of tags in order of recency, newest first, 0 where nothing was held yet (tags
 * are stored plus 1). A touch shifts tags by one place until it meets its own or the end:
 *
 *   [a b c d], touch c: [c a b d], a hit;  touch e: [e c a b], a miss that evicts d
 *
 * Invariant: the tags of a set that are not 0 differ and come first.
 *
 * LRU is a stack algorithm (Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for
 * storage hierarchies", IBM Systems Journal 9(2), 1970): what a set of n ways holds, one of n + 1
 * holds too, and a touch of a fully associative level hits exactly when fewer than `ways` other
 * lines were touched since the last one of this line. Tests assert both.
 *
 * Where we differ from a processor: exact LRU (theirs are approximations of it), one line size, no
 * back-invalidation, and physical pages that lie as the synthetic addresses do.
 *
 * Known value: one level of 4 lines, fully associative, lines 0 1 2 3 0 4 1 touched in turn: the
 * second 0 hits, all others miss.
 */
#include "engine/tier/cpu_cache.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"

enum { PAGE_BYTES = 4096 };
static const uint64_t TAGS_MAX = UINT32_MAX - 1;
static const uint64_t ADDRESS_MAX = UINT64_C(1) << 60;

typedef struct level {
    uint32_t *tags; /* [sets][ways] */
    uint64_t sets;
    uint32_t set_bits;
    uint32_t ways;
    bool hashed;
} level;

typedef struct region {
    char name[CG_CPU_REGION_NAME_BYTES_MAX + 1];
    uint64_t base_bytes;
    uint64_t span_bytes;
    uint64_t served[CG_CPU_LEVELS_MAX + 1]; /* lines; [level_count]: by memory */
} region;

struct cg_cpu_cache {
    cg_allocator allocator;
    cg_cpu_options options;
    uint32_t line_bits;
    level levels[CG_CPU_LEVELS_MAX];
    region regions[CG_CPU_REGIONS_MAX];
    uint32_t region_count;
    uint64_t address_end;   /* where the next region may begin */
    uint64_t address_limit; /* beyond it a tag has no room */
};

cg_cpu_options cg_cpu_options_default(void) {
    return (cg_cpu_options){
        .levels = {{.size_bytes = 32 << 10, .ways = 8},
                   {.size_bytes = 1 << 20, .ways = 16},
                   {.size_bytes = 32 << 20, .ways = 16, .hashed = true}},
        .level_count = 3,
        .line_bytes = 64,
    };
}

static bool is_power2(uint64_t value) {
    return value > 0 && (value & (value - 1)) == 0;
}

static cg_status check_level(const cg_cpu_options *options, uint32_t index, cg_error *error) {
    const cg_cpu_level_options *of = &options->levels[index];
    unsigned long long size_bytes = of->size_bytes;
    if (of->ways < 1 || of->ways > CG_CPU_WAYS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "CPU cache level %u has %u ways; it must be 1..%d", index + 1,
                            of->ways, CG_CPU_WAYS_MAX);
    }
    if (of->size_bytes < 1 || of->size_bytes > CG_CPU_LEVEL_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "CPU cache level %u has %llu bytes; it must be 1..%llu", index + 1,
                            size_bytes, (unsigned long long)CG_CPU_LEVEL_BYTES_MAX);
    }
    uint64_t set_bytes = (uint64_t)of->ways * options->line_bytes;
    if (of->size_bytes % set_bytes != 0 || !is_power2(of->size_bytes / set_bytes)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "CPU cache level %u has %llu bytes in sets of %u lines of %u bytes; "
            "the number of sets must be a power of two",
            index + 1, size_bytes, of->ways, options->line_bytes);
    }
    if (index > 0 && of->size_bytes < options->levels[index - 1].size_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "CPU cache level %u has %llu bytes, less than level %u with %llu",
                            index + 1, size_bytes, index,
                            (unsigned long long)options->levels[index - 1].size_bytes);
    }
    return CG_OK;
}

static cg_status check(const cg_cpu_options *options, cg_error *error) {
    if (options->level_count < 1 || options->level_count > CG_CPU_LEVELS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u levels of CPU caches; it must be 1..%d", options->level_count,
                            CG_CPU_LEVELS_MAX);
    }
    if (!is_power2(options->line_bytes) || options->line_bytes < CG_CPU_LINE_BYTES_MIN ||
        options->line_bytes > CG_CPU_LINE_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "CPU cache lines of %u bytes; it must be a power of two, %d..%d",
                            options->line_bytes, CG_CPU_LINE_BYTES_MIN, CG_CPU_LINE_BYTES_MAX);
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < options->level_count && status == CG_OK; i++) {
        status = check_level(options, i, error);
    }
    return status;
}

static uint64_t tags_of(const level *of) {
    return of->sets * of->ways;
}

cg_status cg_cpu_cache_alloc(const cg_cpu_options *options, cg_allocator allocator,
                             cg_cpu_cache **out, cg_error *error) {
    cg_status status = check(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_cpu_cache *made = cg_allocate(&allocator, 1, sizeof *made);
    if (!made) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a model of CPU caches");
    }
    made->allocator = allocator;
    made->options = *options;
    made->line_bits = cg_log2_floor(options->line_bytes);
    made->address_limit = ADDRESS_MAX;
    for (uint32_t i = 0; i < options->level_count; i++) {
        const cg_cpu_level_options *of = &options->levels[i];
        level *to = &made->levels[i];
        to->sets = of->size_bytes / ((uint64_t)of->ways * options->line_bytes);
        to->set_bits = cg_log2_floor(to->sets);
        to->ways = of->ways;
        to->hashed = of->hashed;
        to->tags = cg_allocate_aligned(&allocator, tags_of(to) * sizeof *to->tags);
        if (!to->tags) {
            cg_cpu_cache_free(made);
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "no memory for the tags of CPU cache level %u of %llu bytes",
                                i + 1, (unsigned long long)of->size_bytes);
        }
        uint64_t reach = cg_mul_div(TAGS_MAX << to->set_bits, options->line_bytes, 1);
        made->address_limit = reach < made->address_limit ? reach : made->address_limit;
    }
    *out = made;
    return CG_OK;
}

void cg_cpu_cache_free(cg_cpu_cache *cache) {
    if (!cache) {
        return;
    }
    cg_allocator allocator = cache->allocator;
    for (uint32_t i = 0; i < CG_CPU_LEVELS_MAX; i++) {
        level *of = &cache->levels[i];
        cg_deallocate_aligned(&allocator, of->tags, tags_of(of) * sizeof *of->tags);
    }
    cg_deallocate(&allocator, cache, 1, sizeof *cache);
}

/* --- regions --- */

cg_status cg_cpu_cache_add_region(cg_cpu_cache *cache, const char *name, uint64_t span_bytes,
                                  uint32_t *region_out, cg_error *error) {
    size_t name_bytes = strlen(name);
    if (name_bytes < 1 || name_bytes > CG_CPU_REGION_NAME_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a region's name has %zu bytes; it must be 1..%d", name_bytes,
                            CG_CPU_REGION_NAME_BYTES_MAX);
    }
    for (uint32_t i = 0; i < cache->region_count; i++) {
        if (strcmp(cache->regions[i].name, name) == 0) {
            return cg_error_set(error, CG_ERROR_EXISTS, "there is a region \"%s\" already",
                                name);
        }
    }
    if (cache->region_count == CG_CPU_REGIONS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "region \"%s\" is one more than %d", name,
                            CG_CPU_REGIONS_MAX);
    }
    uint64_t left_bytes = cache->address_limit - cache->address_end;
    if (span_bytes < 1 || span_bytes > left_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "region \"%s\" spans %llu bytes; it must be 1..%llu", name,
                            (unsigned long long)span_bytes, (unsigned long long)left_bytes);
    }
    region *added = &cache->regions[cache->region_count];
    *added = (region){.base_bytes = cache->address_end, .span_bytes = span_bytes};
    memcpy(added->name, name, name_bytes);
    uint64_t end = added->base_bytes + span_bytes;
    end += (PAGE_BYTES - end % PAGE_BYTES) % PAGE_BYTES;
    cache->address_end = end < cache->address_limit ? end : cache->address_limit;
    *region_out = cache->region_count++;
    return CG_OK;
}

/* --- touching --- */

static inline uint64_t set_of(const level *of, uint64_t line) {
    uint64_t mask = of->sets - 1;
    if (!of->hashed || mask == 0) {
        return line & mask;
    }
    uint64_t folded = 0;
    for (; line > 0; line >>= of->set_bits) {
        folded ^= line;
    }
    return folded & mask;
}

/* Makes the line the newest of its set; whether it was held. (Places by bit tricks and compares of
 * all tags at once were measured: no faster, since most hits are near the front.) */
static inline bool touch_level(const level *of, uint64_t line) {
    uint32_t *tags = of->tags + set_of(of, line) * of->ways;
    uint32_t tag = (uint32_t)(line >> of->set_bits) + 1;
    uint32_t moving = tag;
    for (uint32_t i = 0; i < of->ways; i++) {
        uint32_t held = tags[i];
        tags[i] = moving;
        if (held == tag) {
            return true;
        }
        moving = held;
    }
    return false;
}

uint32_t cg_cpu_cache_touch(cg_cpu_cache *cache, uint32_t region_index, uint64_t offset_bytes,
                            uint64_t size_bytes) {
    CG_ASSERT(region_index < cache->region_count);
    region *of = &cache->regions[region_index];
    CG_ASSERT(offset_bytes <= of->span_bytes && size_bytes <= of->span_bytes - offset_bytes);
    if (size_bytes == 0) {
        return 0;
    }
    uint64_t first = (of->base_bytes + offset_bytes) >> cache->line_bits;
    uint64_t last = (of->base_bytes + offset_bytes + size_bytes - 1) >> cache->line_bits;
    uint32_t levels = cache->options.level_count;
    uint32_t slowest = 0;
    for (uint64_t line = first; line <= last; line++) {
        uint32_t served = 0;
        while (served < levels && !touch_level(&cache->levels[served], line)) {
            served++;
        }
        of->served[served]++;
        slowest = served > slowest ? served : slowest;
    }
    return slowest;
}

/* --- inspection --- */

static void add_counts(cg_cpu_counts *counts, const region *of, uint32_t levels) {
    for (uint32_t i = 0; i < levels; i++) {
        counts->hits[i] += of->served[i];
        counts->accesses += of->served[i];
    }
    counts->misses += of->served[levels];
    counts->accesses += of->served[levels];
}

cg_cpu_counts cg_cpu_cache_counts(const cg_cpu_cache *cache, uint32_t region_index) {
    CG_ASSERT(region_index < cache->region_count);
    cg_cpu_counts counts = {0};
    add_counts(&counts, &cache->regions[region_index], cache->options.level_count);
    return counts;
}

cg_cpu_counts cg_cpu_cache_totals(const cg_cpu_cache *cache) {
    cg_cpu_counts counts = {0};
    for (uint32_t i = 0; i < cache->region_count; i++) {
        add_counts(&counts, &cache->regions[i], cache->options.level_count);
    }
    return counts;
}

void cg_cpu_cache_reset_counts(cg_cpu_cache *cache) {
    for (uint32_t i = 0; i < cache->region_count; i++) {
        memset(cache->regions[i].served, 0, sizeof cache->regions[i].served);
    }
}

uint32_t cg_cpu_cache_level_count(const cg_cpu_cache *cache) {
    return cache->options.level_count;
}

uint32_t cg_cpu_cache_region_count(const cg_cpu_cache *cache) {
    return cache->region_count;
}

const char *cg_cpu_cache_region_name(const cg_cpu_cache *cache, uint32_t region_index) {
    CG_ASSERT(region_index < cache->region_count);
    return cache->regions[region_index].name;
}

uint64_t cg_cpu_cache_bytes(const cg_cpu_cache *cache) {
    uint64_t bytes = sizeof *cache;
    for (uint32_t i = 0; i < cache->options.level_count; i++) {
        const level *of = &cache->levels[i];
        bytes += tags_of(of) * sizeof *of->tags;
    }
    return bytes;
}

uint64_t cg_cpu_cache_hash(const cg_cpu_cache *cache) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, cache->options.line_bytes);
    cg_hasher_add_u64(&hasher, cache->options.level_count);
    for (uint32_t i = 0; i < cache->options.level_count; i++) {
        const level *of = &cache->levels[i];
        cg_hasher_add_u64(&hasher, of->sets);
        cg_hasher_add_u64(&hasher, of->ways);
        cg_hasher_add_u64(&hasher, of->hashed);
        for (uint64_t tag = 0; tag < tags_of(of); tag++) {
            cg_hasher_add_u64(&hasher, of->tags[tag]);
        }
    }
    cg_hasher_add_u64(&hasher, cache->region_count);
    for (uint32_t i = 0; i < cache->region_count; i++) {
        const region *of = &cache->regions[i];
        cg_hasher_add_bytes(&hasher, of->name, strlen(of->name));
        cg_hasher_add_u64(&hasher, of->base_bytes);
        cg_hasher_add_u64(&hasher, of->span_bytes);
        for (uint32_t served = 0; served <= cache->options.level_count; served++) {
            cg_hasher_add_u64(&hasher, of->served[served]);
        }
    }
    return cg_hasher_value(&hasher);
}
