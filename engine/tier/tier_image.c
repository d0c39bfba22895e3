/* Tiers as bytes, to be worked on in place.
 *
 * Layout, every part at a multiple of 64 bytes:
 *
 *   header | cache of level 0 | counters of level 0 | cache of level 1 | counters ...
 *
 * The counters are the sketch's, none where the level takes keys in at once.
 */
#include <string.h>

#include "engine/tier/tier_internal.h"

enum { ALIGNMENT = 64 };
static const uint64_t MAGIC = UINT64_C(0x3172656974677263); /* "crgtier1" */

typedef struct part {
    uint64_t start; /* from the image's start */
    uint64_t bytes;
} part;

typedef struct image_level {
    part cache;
    part counters;
    uint64_t additions;
    uint64_t promote_after;
    uint64_t reads;
    uint64_t promotions;
    uint64_t evictions_before;
} image_level;

typedef struct image_header {
    uint64_t magic;
    uint64_t bytes;
    uint64_t levels;
    uint64_t issued;
    uint64_t useful;
    uint64_t useless;
    uint64_t late;
    image_level level[CG_TIER_LEVELS_MAX];
} image_header;

static uint64_t aligned(uint64_t bytes) {
    return (bytes + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static bool has_belady(const cg_tiers *tiers) {
    for (uint32_t l = 0; l + 1 < tiers->count; l++) {
        if (tiers->levels[l].options.policy == CG_CACHE_BELADY) {
            return true;
        }
    }
    return false;
}

static image_header plan(const cg_tiers *tiers) {
    const cg_tier_prefetches *prefetches = &tiers->prefetches;
    image_header header = {
        .magic = MAGIC,
        .levels = tiers->count,
        .issued = prefetches->issued,
        .useful = prefetches->useful,
        .useless = prefetches->useless,
        .late = prefetches->late,
    };
    uint64_t end = aligned(sizeof header);
    for (uint32_t l = 0; l < tiers->count; l++) {
        const cg_tier_level *level = &tiers->levels[l];
        image_level *planned = &header.level[l];
        planned->reads = level->reads;
        planned->promotions = level->promotions;
        planned->evictions_before = level->evictions_before;
        if (level->cache) {
            planned->additions = level->sketch.additions;
            planned->promote_after = level->options.promote_after;
            planned->cache = (part){end, cg_cache_image_bytes(level->cache)};
            end = aligned(end + planned->cache.bytes);
            planned->counters = (part){end, cg_tier_sketch_bytes(level->sketch.blocks)};
            end = aligned(end + planned->counters.bytes);
        }
    }
    header.bytes = end;
    return header;
}

uint64_t cg_tiers_image_bytes(const cg_tiers *tiers) {
    return has_belady(tiers) ? 0 : plan(tiers).bytes;
}

/* Zeroes what lies between a part and the next one. */
static void zero_after(uint8_t *image, part saved) {
    uint64_t end = saved.start + saved.bytes;
    memset(image + end, 0, aligned(end) - end);
}

cg_status cg_tiers_save(const cg_tiers *tiers, void *image, cg_error *error) {
    if (has_belady(tiers)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "no image of tiers with belady's policy: it knows a future");
    }
    if (cg_table_count(tiers->prefetches.marks) > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "no image of tiers while %zu prefetches are on their way or unread",
                            cg_table_count(tiers->prefetches.marks));
    }
    CG_ASSERT((uintptr_t)image % ALIGNMENT == 0);
    image_header header = plan(tiers);
    uint8_t *bytes = image;
    memcpy(bytes, &header, sizeof header);
    zero_after(bytes, (part){0, sizeof header});
    for (uint32_t l = 0; l + 1 < tiers->count; l++) {
        const cg_tier_level *level = &tiers->levels[l];
        const image_level *planned = &header.level[l];
        cg_cache_save(level->cache, bytes + planned->cache.start);
        zero_after(bytes, planned->cache);
        if (planned->counters.bytes > 0) {
            memcpy(bytes + planned->counters.start, level->sketch.words,
                   planned->counters.bytes);
        }
        zero_after(bytes, planned->counters);
    }
    return CG_OK;
}

static bool lies_within(part saved, uint64_t image_bytes) {
    return saved.start % ALIGNMENT == 0 && saved.start <= image_bytes &&
           saved.bytes <= image_bytes - saved.start;
}

/* An image comes from this very program, so what is caught here is mistakes, not malice. */
static cg_status check_image(const image_header *header, uint64_t image_bytes,
                             const cg_tiers *tiers, cg_error *error) {
    if (header->magic != MAGIC || header->bytes != image_bytes) {
        return cg_error_set(error, CG_ERROR_INVALID, "%llu bytes are no image of memory tiers",
                            (unsigned long long)image_bytes);
    }
    if (header->levels != tiers->count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an image of %llu memory tiers is opened as one of %u",
                            (unsigned long long)header->levels, tiers->count);
    }
    for (uint32_t l = 0; l + 1 < tiers->count; l++) {
        const image_level *level = &header->level[l];
        if (!lies_within(level->cache, image_bytes) ||
            !lies_within(level->counters, image_bytes)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "tier %u of an image lies outside its %llu bytes", l + 1,
                                (unsigned long long)image_bytes);
        }
        if (level->promote_after != tiers->levels[l].options.promote_after) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "tier %u takes keys in after %u reads; in its image it is %llu",
                                l + 1, tiers->levels[l].options.promote_after,
                                (unsigned long long)level->promote_after);
        }
    }
    return CG_OK;
}

static cg_status open_level(cg_tier_level *level, const image_level *saved, uint8_t *image,
                            cg_error *error) {
    level->reads = saved->reads;
    level->promotions = saved->promotions;
    level->evictions_before = saved->evictions_before;
    if (level->index + 1 == level->tiers->count) {
        return CG_OK;
    }
    if (saved->counters.bytes > 0) {
        level->sketch = (cg_tier_sketch){
            .words = (uint64_t *)(void *)(image + saved->counters.start),
            .blocks = (uint32_t)(saved->counters.bytes / cg_tier_sketch_bytes(1)),
            .additions = saved->additions,
            .is_borrowed = true,
        };
    }
    cg_cache_options options = cg_tier_cache_options(level);
    cg_status status = cg_cache_open(image + saved->cache.start, saved->cache.bytes, &options,
                                     level->tiers->allocator, &level->cache, error);
    if (status != CG_OK && error) {
        (void)cg_error_prefix(error, "tier %u: ", level->index + 1);
    }
    return status;
}

cg_status cg_tiers_open(void *image, uint64_t image_bytes, const cg_tier_options *options,
                        uint32_t levels, cg_allocator allocator, cg_tiers **out,
                        cg_error *error) {
    image_header header = {0};
    if (image_bytes < sizeof header || (uintptr_t)image % ALIGNMENT != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%llu bytes at a multiple of %llu are no image of memory tiers, "
                            "which takes %zu bytes at least, at a multiple of %d",
                            (unsigned long long)image_bytes,
                            (unsigned long long)((uintptr_t)image & -(uintptr_t)image),
                            sizeof header, ALIGNMENT);
    }
    memcpy(&header, image, sizeof header);
    cg_tiers *tiers = NULL;
    cg_status status = cg_tiers_start(options, levels, allocator, &tiers, error);
    if (status == CG_OK) {
        status = check_image(&header, image_bytes, tiers, error);
    }
    for (uint32_t l = 0; status == CG_OK && l < levels; l++) {
        status = open_level(&tiers->levels[l], &header.level[l], image, error);
    }
    if (status != CG_OK) {
        cg_tiers_free(tiers);
        return status;
    }
    tiers->prefetches.issued = header.issued;
    tiers->prefetches.useful = header.useful;
    tiers->prefetches.useless = header.useless;
    tiers->prefetches.late = header.late;
    *out = tiers;
    return CG_OK;
}
