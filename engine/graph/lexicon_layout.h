/* How a lexicon lies in memory; for engine/graph alone.
 *
 * A name and a cue are the same thing: a list of (row, count) under a key, the hash of kind and
 * phrase. Keys stand in one table, and say where their list is; most lists have one entry,
 * which stands in the table itself. The others are blocks of one pool:
 *
 *     keys.slots[s]: {key, place}       place 0: empty slot
 *                                       place < LIST: the list is (row place - 1, count 1)
 *                                       otherwise a block starts at pool[place - LIST]
 *     block: {entries, total} {row, count} {row, count} ...   room up to the next list size
 *                                       then, in blocks above SCAN_MAX entries, an index
 *
 * A block has room for 1, 2, 3, 4, 6, 8, 12, 16, 24 ... entries (its class), the least that
 * holds its entries: so its class follows from their number. A list that outgrows its block
 * moves to one of the next class, and the next list of that size takes over the old one. A list
 * is read in one go, first added first.
 *
 * A list that has shrunk to the entries of the class below moves back to it, one entry that was
 * added once to its slot, and what is empty gives up block and key.
 *
 * The index of a long block is a hash table of positions, so that adding to a list of n entries
 * costs O(1) and not O(n).
 */
#ifndef CG_ENGINE_GRAPH_LEXICON_LAYOUT_H
#define CG_ENGINE_GRAPH_LEXICON_LAYOUT_H

#include "engine/graph/lexicon.h"

/* A hash table without order (lexicon_keys.c). */
typedef struct cg_lexicon_slot {
    uint32_t key_low;
    uint32_t key_high;
    uint32_t place;
} cg_lexicon_slot;

typedef struct cg_lexicon_keys {
    cg_lexicon_slot *slots;
    size_t slot_count;
    size_t taken;
} cg_lexicon_keys;

/* Makes room for `more` keys. CG_ERROR_MEMORY, or CG_ERROR_FULL beyond 2^32 slots. */
cg_status cg_lexicon_keys_reserve(cg_lexicon_keys *keys, const cg_allocator *allocator,
                                  uint32_t more, cg_error *error);
/* The slot that holds the key, or where it is to be inserted. */
size_t cg_lexicon_keys_find(const cg_lexicon_keys *keys, uint64_t key, bool *found);
/* at: as cg_lexicon_keys_find has just said; room is reserved. */
void cg_lexicon_keys_insert(cg_lexicon_keys *keys, size_t at, uint64_t key, uint32_t place);
/* at: a slot that holds a key. */
void cg_lexicon_keys_remove(cg_lexicon_keys *keys, size_t at);
uint64_t cg_lexicon_slot_key(const cg_lexicon_slot *slot);

/* Lists of two entries or more, and what else does not fit a slot (lexicon_lists.c). */
enum { CG_LEXICON_CLASSES = 64 };

typedef struct cg_lexicon_entry {
    uint32_t row;
    uint32_t count;
} cg_lexicon_entry;

typedef struct cg_lexicon_lists {
    cg_lexicon_entry *pool; /* pool[0] is in no block, so that 0 says "none" */
    size_t used;
    size_t capacity;
    uint32_t vacant[CG_LEXICON_CLASSES]; /* chains of blocks given up; .row leads to the next */
} cg_lexicon_lists;

/* A list in the pool, for reading. */
typedef struct cg_lexicon_list {
    const cg_lexicon_entry *entries;
    uint32_t entry_count;
    uint32_t total; /* of the counts, at most UINT32_MAX */
} cg_lexicon_list;

/* The most units of the pool that a list can take when `more` entries come to the `entries`
 * that it has, in the pool or not. */
uint64_t cg_lexicon_lists_cost(bool in_pool, uint32_t entries, uint64_t more);
/* Makes room for that many units. CG_ERROR_MEMORY, or CG_ERROR_FULL from 2^31 units on. */
cg_status cg_lexicon_lists_reserve(cg_lexicon_lists *lists, const cg_allocator *allocator,
                                   uint64_t units, cg_error *error);
/* Both return the block where the list is now; room is reserved. */
uint32_t cg_lexicon_lists_start(cg_lexicon_lists *lists, uint32_t row);
uint32_t cg_lexicon_lists_add(cg_lexicon_lists *lists, uint32_t block, uint32_t row);
/* The most units of the pool that are taken when a list of `entries` loses `fewer` of them. */
uint64_t cg_lexicon_lists_shrinking_cost(uint32_t entries, uint64_t fewer);
/* Takes one count off the row's entry, which must be there, and the entry out when it was the
 * last, those behind it moving up. Returns the block where the list is now, or 0 when nothing is
 * left of it; room is reserved. Cost: of the last count, linear in the entries. */
uint32_t cg_lexicon_lists_subtract(cg_lexicon_lists *lists, uint32_t block, uint32_t row);
/* Gives up the block of a list of one entry. */
void cg_lexicon_lists_release(cg_lexicon_lists *lists, uint32_t block);
cg_lexicon_list cg_lexicon_lists_at(const cg_lexicon_lists *lists, uint32_t block);

/* The names of rows (lexicon_names.c): phrases of a row lie together, in the order given. */
enum { CG_LEXICON_ROW_BYTES = sizeof(uint32_t) + sizeof(uint8_t) };

typedef struct cg_lexicon_names_of {
    uint32_t *starts; /* [row_count], in phrases; counts follows in the same block of memory */
    uint8_t *counts;  /* [row_count], at most CG_CUES_MAX each */
    uint32_t first_row;
    size_t row_count; /* of the range first_row ... first_row + row_count - 1 */
    uint64_t *phrases;
    size_t phrase_count;
    size_t phrase_capacity;
} cg_lexicon_names_of;

/* Makes room for one row with `count` names. */
cg_status cg_lexicon_names_reserve(cg_lexicon_names_of *names, const cg_allocator *allocator,
                                   uint32_t row, uint32_t count, cg_error *error);
/* Adds a name to the row that was added to last, or to a new one; room is reserved. */
void cg_lexicon_names_add(cg_lexicon_names_of *names, uint32_t row, uint64_t phrase);
/* The row has none from now on; the memory of its phrases stays theirs. */
void cg_lexicon_names_forget(cg_lexicon_names_of *names, uint32_t row);
/* NULL and 0 when it has none. */
const uint64_t *cg_lexicon_names_at(const cg_lexicon_names_of *names, uint32_t row,
                                    uint32_t *count);

/* An array grown by an eighth: doubling would leave half of a whole corpus' memory idle. What
 * is new is not cleared. On failure all is as it was. */
cg_status cg_lexicon_grow(const cg_allocator *allocator, void **array, size_t *capacity,
                          size_t needed, size_t size, cg_error *error);

#endif
