/* The lists of a lexicon: blocks of classes 1, 2, 3, 4, 6, 8, 12, 16 ..., and their index.
 *
 * Invariant: a block is full exactly when its number of entries is a size of the series; then
 * the next new entry moves the list to a block of the next class, and the loss of an entry leads to
 * such a number just when the list moves to a block of the class below.
 *
 * The index of a block of n entries, n > SCAN_MAX, is 3 n / 2 numbers behind the entries: hash
 * of the row -> 1 + position, open addressing with linear probing, 0 for none. It is filled anew
 * when the list moves, and when an entry goes: then most positions change anyway.
 * Source: D. Knuth, "The Art of Computer Programming", volume 3, section 6.4, algorithm L;
 * volume 1, section 2.5, for blocks of few sizes with a list of vacant ones for each.
 */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/graph/lexicon_layout.h"

enum { SCAN_MAX = 96, GROW_LEAST = 8 };
static const uint64_t UNITS_MAX = UINT64_C(1) << 31;

static uint64_t room_of(uint32_t size_class) {
    return size_class == 0 ? 1 : (uint64_t)(2 + !(size_class & 1)) << ((size_class - 1) / 2);
}

static uint64_t index_units(uint64_t room) {
    return room > SCAN_MAX ? room * 3 / 4 : 0; /* two numbers a unit */
}

static uint64_t units_of(uint32_t size_class) {
    return 1 + room_of(size_class) + index_units(room_of(size_class));
}

static uint32_t class_of(uint64_t entries) {
    uint32_t size_class = 0;
    while (room_of(size_class) < entries) {
        size_class++;
    }
    return size_class;
}

/* entries > 0; 2^n or 3 * 2^n. */
static bool is_full(uint64_t entries) {
    uint64_t low = entries & (~entries + 1);
    return entries == low || entries == 3 * low;
}

uint64_t cg_lexicon_lists_cost(bool in_pool, uint32_t entries, uint64_t more) {
    uint32_t size_class = in_pool ? class_of(entries) + 1 : 0;
    uint64_t cost = 0;
    for (; size_class == 0 || room_of(size_class - 1) < entries + more; size_class++) {
        cost += units_of(size_class);
    }
    return cost;
}

cg_status cg_lexicon_lists_reserve(cg_lexicon_lists *lists, const cg_allocator *allocator,
                                   uint64_t units, cg_error *error) {
    uint64_t needed = lists->used + units + 1;
    if (needed > UNITS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "the lists of a lexicon have %zu entries of %llu; no room for more",
                            lists->used, (unsigned long long)UNITS_MAX);
    }
    void *pool = lists->pool;
    cg_status status = cg_lexicon_grow(allocator, &pool, &lists->capacity, (size_t)needed,
                                       sizeof *lists->pool, error);
    lists->pool = pool;
    return status;
}

static uint32_t take(cg_lexicon_lists *lists, uint32_t size_class) {
    uint32_t block = lists->vacant[size_class];
    if (block != 0) {
        lists->vacant[size_class] = lists->pool[block].row;
    } else {
        lists->used += lists->used == 0;
        block = (uint32_t)lists->used;
        lists->used += (size_t)units_of(size_class);
        CG_ASSERT(lists->used <= lists->capacity);
    }
    lists->pool[block] = (cg_lexicon_entry){0};
    return block;
}

static uint32_t *index_at(cg_lexicon_entry *index, uint64_t at) {
    return at & 1 ? &index[at / 2].count : &index[at / 2].row;
}

/* Where the row's position stands, or would. room: of the block. */
static uint32_t *index_of(cg_lexicon_entry *entries, uint64_t room, uint32_t row) {
    cg_lexicon_entry *index = entries + room;
    uint64_t slots = 2 * index_units(room);
    uint64_t at = (cg_hash_u64(row, 0) >> 32) * slots >> 32;
    uint32_t *position = index_at(index, at);
    while (*position != 0 && entries[*position - 1].row != row) {
        at = at + 1 < slots ? at + 1 : 0;
        position = index_at(index, at);
    }
    return position;
}

/* Fills the index of a block of that class, if it has one. */
static void fill_index(cg_lexicon_lists *lists, uint32_t block, uint32_t size_class) {
    uint64_t room = room_of(size_class);
    cg_lexicon_entry *entries = lists->pool + block + 1;
    if (index_units(room) == 0) {
        return;
    }
    memset(entries + room, 0, (size_t)index_units(room) * sizeof *entries);
    for (uint32_t i = 0; i < lists->pool[block].row; i++) {
        *index_of(entries, room, entries[i].row) = i + 1;
    }
}

static void give_up(cg_lexicon_lists *lists, uint32_t block, uint32_t size_class) {
    lists->pool[block].row = lists->vacant[size_class];
    lists->vacant[size_class] = block;
}

/* Moves a list to a block of another class, which has room for it. */
static uint32_t move(cg_lexicon_lists *lists, uint32_t from, uint32_t from_class,
                     uint32_t to_class) {
    uint32_t to = take(lists, to_class);
    memcpy(lists->pool + to, lists->pool + from,
           (1 + (size_t)lists->pool[from].row) * sizeof *lists->pool);
    fill_index(lists, to, to_class);
    give_up(lists, from, from_class);
    return to;
}

/* The position of the row in the block; entry_count when it has none. */
static uint32_t position_of(cg_lexicon_entry *entries, uint32_t entry_count, uint32_t row) {
    if (entry_count > SCAN_MAX) {
        uint32_t position = *index_of(entries, room_of(class_of(entry_count)), row);
        return position != 0 ? position - 1 : entry_count;
    }
    uint32_t at = 0;
    while (at < entry_count && entries[at].row != row) {
        at++;
    }
    return at;
}

uint32_t cg_lexicon_lists_start(cg_lexicon_lists *lists, uint32_t row) {
    uint32_t block = take(lists, 0);
    lists->pool[block] = (cg_lexicon_entry){.row = 1, .count = 1};
    lists->pool[block + 1] = (cg_lexicon_entry){.row = row, .count = 1};
    return block;
}

uint32_t cg_lexicon_lists_add(cg_lexicon_lists *lists, uint32_t block, uint32_t row) {
    uint32_t entry_count = lists->pool[block].row;
    uint32_t at = position_of(lists->pool + block + 1, entry_count, row);
    if (at == entry_count) {
        if (is_full(entry_count)) {
            uint32_t size_class = class_of(entry_count);
            block = move(lists, block, size_class, size_class + 1);
        }
        uint64_t room = room_of(class_of((uint64_t)entry_count + 1));
        cg_lexicon_entry *entries = lists->pool + block + 1;
        if (index_units(room) > 0) {
            *index_of(entries, room, row) = entry_count + 1;
        }
        entries[at] = (cg_lexicon_entry){.row = row};
        lists->pool[block].row++;
    }
    cg_lexicon_entry *entry = &lists->pool[block + 1 + at];
    entry->count += entry->count < UINT32_MAX;
    lists->pool[block].count += lists->pool[block].count < UINT32_MAX;
    return block;
}

uint64_t cg_lexicon_lists_shrinking_cost(uint32_t entries, uint64_t fewer) {
    uint64_t left = entries > fewer ? entries - fewer : 1;
    uint64_t cost = 0;
    for (uint32_t size_class = class_of(entries);
         size_class > 0 && room_of(size_class - 1) >= left; size_class--) {
        cost += units_of(size_class - 1);
    }
    return cost;
}

void cg_lexicon_lists_release(cg_lexicon_lists *lists, uint32_t block) {
    give_up(lists, block, 0);
}

uint32_t cg_lexicon_lists_subtract(cg_lexicon_lists *lists, uint32_t block, uint32_t row) {
    cg_lexicon_entry *head = &lists->pool[block];
    cg_lexicon_entry *entries = head + 1;
    uint32_t entry_count = head->row;
    uint32_t at = position_of(entries, entry_count, row);
    CG_ASSERT(at < entry_count);
    head->count -= head->count < UINT32_MAX; /* a sum that has stopped no longer knows */
    entries[at].count -= entries[at].count < UINT32_MAX;
    if (entries[at].count > 0) {
        return block;
    }
    uint32_t size_class = class_of(entry_count);
    memmove(entries + at, entries + at + 1, (entry_count - at - 1) * sizeof *entries);
    head->row = entry_count - 1;
    if (head->row == 0) {
        cg_lexicon_lists_release(lists, block);
        return 0;
    }
    if (is_full(head->row)) {
        return move(lists, block, size_class, size_class - 1);
    }
    fill_index(lists, block, size_class);
    return block;
}

cg_lexicon_list cg_lexicon_lists_at(const cg_lexicon_lists *lists, uint32_t block) {
    const cg_lexicon_entry *head = &lists->pool[block];
    return (cg_lexicon_list){
        .entries = head + 1, .entry_count = head->row, .total = head->count};
}

cg_status cg_lexicon_grow(const cg_allocator *allocator, void **array, size_t *capacity,
                          size_t needed, size_t size, cg_error *error) {
    if (needed <= *capacity) {
        return CG_OK;
    }
    size_t grown = *capacity + *capacity / 8 + GROW_LEAST;
    grown = grown < needed ? needed : grown;
    void *bigger =
        grown <= SIZE_MAX / size
            ? allocator->reallocate(allocator->context, *array, *capacity * size, grown * size)
            : NULL;
    if (!bigger) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory growing a lexicon's array from %zu to %zu elements "
                            "of %zu bytes",
                            *capacity, grown, size);
    }
    *array = bigger;
    *capacity = grown;
    return CG_OK;
}
