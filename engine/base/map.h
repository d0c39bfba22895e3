/* An ordered map from uint64_t to uint64_t, and a hash map without iteration.
 *
 * cg_map is a treap whose priorities are hashes of the keys: its shape is a function of its
 * content, and iteration goes up by key. cg_table is open addressing with linear probing and
 * backward-shift deletion; it has no iteration at all, so its order cannot leak into a result.
 */
#ifndef CG_ENGINE_BASE_MAP_H
#define CG_ENGINE_BASE_MAP_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_map cg_map;
cg_status cg_map_alloc(cg_allocator allocator, cg_map **out, cg_error *error);
void cg_map_free(cg_map *map); /* NULL is fine */
cg_status cg_map_put(cg_map *map, uint64_t key, uint64_t value, cg_error *error); /* replaces */
bool cg_map_get(const cg_map *map, uint64_t key, uint64_t *value);
bool cg_map_remove(cg_map *map, uint64_t key);
size_t cg_map_count(const cg_map *map);
/* The first entry whose key is >= `from`; false when there is none. */
bool cg_map_next(const cg_map *map, uint64_t from, uint64_t *key, uint64_t *value);

typedef struct cg_table cg_table;
cg_status cg_table_alloc(cg_allocator allocator, cg_table **out, cg_error *error);
void cg_table_free(cg_table *table);
cg_status cg_table_put(cg_table *table, uint64_t key, uint64_t value, cg_error *error);
bool cg_table_get(const cg_table *table, uint64_t key, uint64_t *value);
bool cg_table_remove(cg_table *table, uint64_t key);
void cg_table_clear(cg_table *table); /* its memory stays */
size_t cg_table_count(const cg_table *table);
size_t cg_table_bytes(const cg_table *table);

#endif
