/* Memory tiers: which level serves a read (spec D1, D2).
 *
 * Levels from fast to slow; the last holds everything. A read is served by the first level that
 * holds the key; then the key is brought into every faster level that the read looked at
 * (inclusive promotion), where the policy evicts. Level 1 holds spike patterns, level 2 graph
 * nodes, level 3 is the persistent store; a pattern read may be served by any level, a node
 * read by level 2 or 3.
 *
 * Policy LRU: a doubly linked list over slots, so every operation is O(1). Memory grows with
 * the keys held, up to 24 bytes a key of capacity.
 */
#ifndef CG_ENGINE_TIER_TIER_H
#define CG_ENGINE_TIER_TIER_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"

enum { CG_TIER_LEVELS_MAX = 3, CG_TIER_CAPACITY_MAX = INT32_MAX };

typedef enum cg_tier_policy { CG_TIER_LRU, CG_TIER_POLICY_COUNT } cg_tier_policy;

typedef struct cg_tier_options {
    uint64_t capacity_entries; /* 1..CG_TIER_CAPACITY_MAX; ignored for the last level */
    cg_tier_policy policy;
} cg_tier_options;

typedef struct cg_tiers cg_tiers;

/* options[levels], 1..CG_TIER_LEVELS_MAX, capacities not falling. */
cg_status cg_tiers_alloc(const cg_tier_options *options, uint32_t levels,
                         cg_allocator allocator, cg_tiers **out, cg_error *error);
void cg_tiers_free(cg_tiers *tiers); /* NULL is fine */

/* Reads `bytes` of `key` through levels from first_level (0-based). *served: the level that had
 * it. Counts the read as CG_WORK_TIER_L1 + served. On failure (CG_ERROR_INVALID,
 * CG_ERROR_MEMORY) nothing changes. */
cg_status cg_tiers_read(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t first_level,
                        uint32_t *served, cg_work *work, cg_error *error);
/* Puts a key into a level as its newest, as a write or a warm start does. No read and no work
 * is counted; what it evicts is. */
cg_status cg_tiers_fill(cg_tiers *tiers, uint64_t key, uint32_t level, cg_error *error);

typedef struct cg_tier_statistics {
    uint64_t reads[CG_TIER_LEVELS_MAX];     /* served by each level */
    uint64_t evictions[CG_TIER_LEVELS_MAX]; /* keys that had to go */
    uint64_t entries[CG_TIER_LEVELS_MAX];   /* held now; 0 for the last */
} cg_tier_statistics;
cg_tier_statistics cg_tiers_statistics(const cg_tiers *tiers);
uint64_t cg_tiers_bytes(const cg_tiers *tiers); /* memory held */

#endif
