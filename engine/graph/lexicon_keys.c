/* The keys of a lexicon: linear probing in Robin Hood order.
 *
 * The home of a key is key * slots / 2^64, taken from its upper half: keys are hashes already.
 * Invariant: along a run of taken slots, homes go up (around the end), so that a search ends at
 * the first key whose home lies behind its own, and 7 of 8 slots can be taken. Growing by a
 * quarter keeps that order, and moves keys from front to front; so does a removal, which moves the
 * rest of the run back by one, up to the first key that is at home.
 * Source: P. Celis, "Robin Hood hashing", PhD thesis, Waterloo 1986; as ordered linear probing:
 * O. Amble & D. Knuth, "Ordered hash tables", Computer Journal 17(2), 1974.
 */
#include "engine/graph/lexicon_layout.h"

enum { FIRST_SLOTS = 16 };

uint64_t cg_lexicon_slot_key(const cg_lexicon_slot *slot) {
    return (uint64_t)slot->key_high << 32 | slot->key_low;
}

static size_t home_of(uint64_t key, size_t slot_count) {
    return (size_t)((key >> 32) * slot_count >> 32);
}

size_t cg_lexicon_keys_find(const cg_lexicon_keys *keys, uint64_t key, bool *found) {
    *found = false;
    size_t count = keys->slot_count;
    if (count == 0) {
        return 0;
    }
    size_t at = home_of(key, count);
    for (size_t distance = 0;; distance++) {
        const cg_lexicon_slot *slot = &keys->slots[at];
        if (slot->place == 0) {
            return at;
        }
        uint64_t held = cg_lexicon_slot_key(slot);
        if (held == key) {
            *found = true;
            return at;
        }
        size_t home = home_of(held, count);
        if ((at >= home ? at - home : at + count - home) < distance) {
            return at;
        }
        at = at + 1 < count ? at + 1 : 0;
    }
}

void cg_lexicon_keys_insert(cg_lexicon_keys *keys, size_t at, uint64_t key, uint32_t place) {
    CG_ASSERT(place != 0 && keys->taken < keys->slot_count);
    cg_lexicon_slot moved = {
        .key_low = (uint32_t)key, .key_high = (uint32_t)(key >> 32), .place = place};
    while (moved.place != 0) {
        cg_lexicon_slot next = keys->slots[at];
        keys->slots[at] = moved;
        moved = next;
        at = at + 1 < keys->slot_count ? at + 1 : 0;
    }
    keys->taken++;
}

void cg_lexicon_keys_remove(cg_lexicon_keys *keys, size_t at) {
    size_t count = keys->slot_count;
    CG_ASSERT(at < count && keys->slots[at].place != 0);
    for (;;) {
        size_t next = at + 1 < count ? at + 1 : 0;
        const cg_lexicon_slot *follower = &keys->slots[next];
        if (follower->place == 0 || home_of(cg_lexicon_slot_key(follower), count) == next) {
            break;
        }
        keys->slots[at] = *follower;
        at = next;
    }
    keys->slots[at] = (cg_lexicon_slot){0};
    keys->taken--;
}

cg_status cg_lexicon_keys_reserve(cg_lexicon_keys *keys, const cg_allocator *allocator,
                                  uint32_t more, cg_error *error) {
    size_t needed = keys->taken + more;
    if (needed <= keys->slot_count - keys->slot_count / 8) {
        return CG_OK;
    }
    cg_lexicon_keys grown = {.slot_count = keys->slot_count + keys->slot_count / 4};
    size_t least = needed + needed / 4 + FIRST_SLOTS;
    if (grown.slot_count < least) {
        grown.slot_count = least;
    }
    if (grown.slot_count > UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "the lexicon holds %zu phrases; it is full",
                            keys->taken);
    }
    grown.slots = cg_allocate(allocator, grown.slot_count, sizeof *grown.slots);
    if (!grown.slots) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory growing a lexicon from %zu to %zu slots",
                            keys->slot_count, grown.slot_count);
    }
    for (size_t i = 0; i < keys->slot_count; i++) {
        const cg_lexicon_slot *slot = &keys->slots[i];
        if (slot->place != 0) {
            bool found = false;
            uint64_t key = cg_lexicon_slot_key(slot);
            size_t at = cg_lexicon_keys_find(&grown, key, &found);
            cg_lexicon_keys_insert(&grown, at, key, slot->place);
        }
    }
    cg_deallocate(allocator, keys->slots, keys->slot_count, sizeof *keys->slots);
    *keys = grown;
    return CG_OK;
}
