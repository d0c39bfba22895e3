/* Names and cues under one roof: both are lists of rows under a key (lexicon_layout.h).
 *
 * key = cg_hash_u64(phrase, kind), which is one to one for each kind: two phrases of one kind
 * never meet, and of different kinds with a probability of 2^-64 a pair, which is accepted (as
 * are phrases whose hashes are equal). Kinds that share a phrase stay apart: the genus "setter"
 * is not the ending "setter".
 *
 * A concept is added in two passes: the first finds out how much room its cues can take at
 * most, and reserves it; the second writes, and cannot fail. So it is removed, since lists that
 * shrink move too.
 */
#include "engine/graph/lexicon.h"

#include "engine/base/hash.h"
#include "engine/graph/lexicon_layout.h"

#define LIST (UINT32_C(1) << 31)

struct cg_lexicon {
    cg_allocator allocator;
    const cg_lexicon *base;
    cg_lexicon_keys keys;
    cg_lexicon_lists lists;
    cg_lexicon_names_of names;
};

cg_status cg_lexicon_alloc(const cg_lexicon *base, cg_allocator allocator, cg_lexicon **out,
                           cg_error *error) {
    cg_lexicon *lexicon = cg_allocate(&allocator, 1, sizeof *lexicon);
    if (!lexicon) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a lexicon");
    }
    lexicon->allocator = allocator;
    lexicon->base = base;
    *out = lexicon;
    return CG_OK;
}

void cg_lexicon_free(cg_lexicon *lexicon) {
    if (!lexicon) {
        return;
    }
    cg_allocator allocator = lexicon->allocator;
    cg_deallocate(&allocator, lexicon->keys.slots, lexicon->keys.slot_count,
                  sizeof *lexicon->keys.slots);
    cg_deallocate(&allocator, lexicon->lists.pool, lexicon->lists.capacity,
                  sizeof *lexicon->lists.pool);
    cg_deallocate(&allocator, lexicon->names.starts, lexicon->names.row_count,
                  CG_LEXICON_ROW_BYTES);
    cg_deallocate(&allocator, lexicon->names.phrases, lexicon->names.phrase_capacity,
                  sizeof *lexicon->names.phrases);
    cg_deallocate(&allocator, lexicon, 1, sizeof *lexicon);
}

static uint64_t key_of(cg_cue_kind kind, uint64_t phrase) {
    return cg_hash_u64(phrase, (uint64_t)kind);
}

/* The list that a slot stands for; single: where its entry lies when the slot holds it. */
static cg_lexicon_list list_of(const cg_lexicon *lexicon, const cg_lexicon_slot *slot,
                               cg_lexicon_entry *single) {
    if (slot->place >= LIST) {
        return cg_lexicon_lists_at(&lexicon->lists, slot->place - LIST);
    }
    *single = (cg_lexicon_entry){.row = slot->place - 1, .count = 1};
    return (cg_lexicon_list){.entries = single, .entry_count = 1, .total = 1};
}

/* Units of the pool that a cue's list can take at most. One entry more than come: should the
 * keys of a concept's name and cue be equal, the room is enough for both. */
static uint64_t cost_of(const cg_lexicon *lexicon, const cg_cue *cue, uint32_t parent_count) {
    uint64_t more = 1 + (cue->kind == CG_CUE_NAME ? UINT64_C(1) : parent_count);
    bool found = false;
    size_t at = cg_lexicon_keys_find(&lexicon->keys, key_of(cue->kind, cue->phrase), &found);
    if (!found) {
        return cg_lexicon_lists_cost(false, 0, more);
    }
    cg_lexicon_entry single;
    const cg_lexicon_slot *slot = &lexicon->keys.slots[at];
    cg_lexicon_list list = list_of(lexicon, slot, &single);
    return cg_lexicon_lists_cost(slot->place >= LIST, list.entry_count, more);
}

static cg_status reserve(cg_lexicon *lexicon, uint32_t row, const cg_cues *cues,
                         uint32_t parent_count, cg_error *error) {
    uint32_t names = 0;
    uint64_t units = 0;
    for (uint32_t i = 0; i < cues->count; i++) {
        names += cues->list[i].kind == CG_CUE_NAME;
        units += cost_of(lexicon, &cues->list[i], parent_count);
    }
    cg_status status =
        cg_lexicon_keys_reserve(&lexicon->keys, &lexicon->allocator, cues->count, error);
    if (status == CG_OK) {
        status = cg_lexicon_lists_reserve(&lexicon->lists, &lexicon->allocator, units, error);
    }
    if (status == CG_OK && names > 0) {
        status =
            cg_lexicon_names_reserve(&lexicon->names, &lexicon->allocator, row, names, error);
    }
    return status;
}

static void put(cg_lexicon *lexicon, uint64_t key, uint32_t row) {
    bool found = false;
    size_t at = cg_lexicon_keys_find(&lexicon->keys, key, &found);
    if (!found) {
        /* The highest rows do not fit a slot. */
        uint32_t place =
            row < LIST - 1 ? row + 1 : LIST + cg_lexicon_lists_start(&lexicon->lists, row);
        cg_lexicon_keys_insert(&lexicon->keys, at, key, place);
        return;
    }
    cg_lexicon_slot *slot = &lexicon->keys.slots[at];
    uint32_t block = slot->place >= LIST
                         ? slot->place - LIST
                         : cg_lexicon_lists_start(&lexicon->lists, slot->place - 1);
    slot->place = LIST + cg_lexicon_lists_add(&lexicon->lists, block, row);
}

cg_status cg_lexicon_add(cg_lexicon *lexicon, uint32_t row, const cg_cues *cues,
                         const uint32_t *parents, uint32_t parent_count, cg_error *error) {
    CG_ASSERT(cues->count <= CG_CUES_MAX);
    cg_status status = reserve(lexicon, row, cues, parent_count, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t i = 0; i < cues->count; i++) {
        const cg_cue *cue = &cues->list[i];
        uint64_t key = key_of(cue->kind, cue->phrase);
        if (cue->kind == CG_CUE_NAME) {
            put(lexicon, key, row);
            cg_lexicon_names_add(&lexicon->names, row, cue->phrase);
            continue;
        }
        for (uint32_t parent = 0; parent < parent_count; parent++) {
            put(lexicon, key, parents[parent]);
        }
    }
    return CG_OK;
}

/* Takes one count of the row off the key's list. */
static void drop(cg_lexicon *lexicon, uint64_t key, uint32_t row) {
    bool found = false;
    size_t at = cg_lexicon_keys_find(&lexicon->keys, key, &found);
    CG_ASSERT(found);
    cg_lexicon_slot *slot = &lexicon->keys.slots[at];
    if (slot->place < LIST) {
        CG_ASSERT(slot->place == row + 1);
        cg_lexicon_keys_remove(&lexicon->keys, at);
        return;
    }
    uint32_t block = cg_lexicon_lists_subtract(&lexicon->lists, slot->place - LIST, row);
    if (block == 0) {
        cg_lexicon_keys_remove(&lexicon->keys, at);
        return;
    }
    slot->place = LIST + block;
    cg_lexicon_list list = cg_lexicon_lists_at(&lexicon->lists, block);
    if (list.entry_count == 1 && list.total == 1 && list.entries[0].row < LIST - 1) {
        slot->place = list.entries[0].row + 1;
        cg_lexicon_lists_release(&lexicon->lists, block);
    }
}

static uint64_t shrinking_cost_of(const cg_lexicon *lexicon, const cg_cue *cue,
                                  uint32_t parent_count) {
    uint64_t fewer = 1 + (cue->kind == CG_CUE_NAME ? UINT64_C(1) : parent_count);
    bool found = false;
    size_t at = cg_lexicon_keys_find(&lexicon->keys, key_of(cue->kind, cue->phrase), &found);
    if (!found || lexicon->keys.slots[at].place < LIST) {
        return 0;
    }
    cg_lexicon_entry single;
    cg_lexicon_list list = list_of(lexicon, &lexicon->keys.slots[at], &single);
    return cg_lexicon_lists_shrinking_cost(list.entry_count, fewer);
}

cg_status cg_lexicon_remove(cg_lexicon *lexicon, uint32_t row, const cg_cues *cues,
                            const uint32_t *parents, uint32_t parent_count, cg_error *error) {
    CG_ASSERT(cues->count <= CG_CUES_MAX);
    uint64_t units = 0;
    for (uint32_t i = 0; i < cues->count; i++) {
        units += shrinking_cost_of(lexicon, &cues->list[i], parent_count);
    }
    cg_status status =
        units > 0 ? cg_lexicon_lists_reserve(&lexicon->lists, &lexicon->allocator, units, error)
                  : CG_OK;
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t i = 0; i < cues->count; i++) {
        const cg_cue *cue = &cues->list[i];
        uint64_t key = key_of(cue->kind, cue->phrase);
        if (cue->kind == CG_CUE_NAME) {
            drop(lexicon, key, row);
            continue;
        }
        for (uint32_t parent = 0; parent < parent_count; parent++) {
            drop(lexicon, key, parents[parent]);
        }
    }
    cg_lexicon_names_forget(&lexicon->names, row);
    return CG_OK;
}

static uint32_t sum_of(uint32_t a, uint32_t b) {
    return a <= UINT32_MAX - b ? a + b : UINT32_MAX;
}

static cg_lexicon_total each(const cg_lexicon *lexicon, uint64_t key, cg_lexicon_visit visit,
                             void *context) {
    cg_lexicon_total total = {0};
    if (lexicon->base) {
        total = each(lexicon->base, key, visit, context);
    }
    bool found = false;
    size_t at = cg_lexicon_keys_find(&lexicon->keys, key, &found);
    if (!found) {
        return total;
    }
    cg_lexicon_entry single;
    cg_lexicon_list list = list_of(lexicon, &lexicon->keys.slots[at], &single);
    for (uint32_t i = 0; visit && i < list.entry_count; i++) {
        visit(context, list.entries[i].row, list.entries[i].count);
    }
    total.entries = sum_of(total.entries, list.entry_count);
    total.count = sum_of(total.count, list.total);
    return total;
}

cg_lexicon_total cg_lexicon_each_named(const cg_lexicon *lexicon, uint64_t phrase,
                                       cg_lexicon_visit visit, void *context) {
    return each(lexicon, key_of(CG_CUE_NAME, phrase), visit, context);
}

cg_lexicon_total cg_lexicon_each_parent(const cg_lexicon *lexicon, cg_cue_kind kind,
                                        uint64_t phrase, cg_lexicon_visit visit,
                                        void *context) {
    CG_ASSERT(kind != CG_CUE_NAME);
    return each(lexicon, key_of(kind, phrase), visit, context);
}

uint32_t cg_lexicon_names(const cg_lexicon *lexicon, uint32_t row, uint64_t *phrases,
                          uint32_t max) {
    uint32_t count = 0;
    const uint64_t *names = NULL;
    for (; lexicon && count == 0; lexicon = lexicon->base) {
        names = cg_lexicon_names_at(&lexicon->names, row, &count);
    }
    for (uint32_t i = 0; i < count && i < max; i++) {
        phrases[i] = names[i];
    }
    return count;
}

bool cg_lexicon_knows(const cg_lexicon *lexicon, const cg_cues *cues) {
    for (uint32_t i = 0; i < cues->count; i++) {
        cg_cue_kind kind = (cg_cue_kind)cues->list[i].kind;
        uint64_t phrase = cues->list[i].phrase;
        if (cg_lexicon_each_named(lexicon, phrase, NULL, NULL).count > 0 ||
            (kind != CG_CUE_NAME &&
             cg_lexicon_each_parent(lexicon, kind, phrase, NULL, NULL).count > 0)) {
            return true;
        }
    }
    return false;
}

uint64_t cg_lexicon_bytes(const cg_lexicon *lexicon) {
    return sizeof *lexicon + lexicon->keys.slot_count * sizeof *lexicon->keys.slots +
           lexicon->lists.capacity * sizeof *lexicon->lists.pool +
           lexicon->names.row_count * CG_LEXICON_ROW_BYTES +
           lexicon->names.phrase_capacity * sizeof *lexicon->names.phrases;
}

/* A sum of hashes, one for each entry and each name: it has no order. */
uint64_t cg_lexicon_hash(const cg_lexicon *lexicon) {
    uint64_t sum = 0;
    for (size_t s = 0; s < lexicon->keys.slot_count; s++) {
        const cg_lexicon_slot *slot = &lexicon->keys.slots[s];
        if (slot->place == 0) {
            continue;
        }
        uint64_t key = cg_lexicon_slot_key(slot);
        cg_lexicon_entry single;
        cg_lexicon_list list = list_of(lexicon, slot, &single);
        for (uint32_t i = 0; i < list.entry_count; i++) {
            uint64_t entry = (uint64_t)list.entries[i].row << 32 | list.entries[i].count;
            sum += cg_hash_u64(entry, key);
        }
    }
    const cg_lexicon_names_of *names = &lexicon->names;
    for (size_t i = 0; i < names->row_count; i++) {
        uint32_t row = (uint32_t)(names->first_row + i);
        uint32_t count = 0;
        const uint64_t *phrases = cg_lexicon_names_at(names, row, &count);
        for (uint32_t at = 0; at < count; at++) {
            sum += cg_hash_u64(phrases[at], (uint64_t)row << 32 | at);
        }
    }
    return cg_hash_u64(sum, 0);
}
