/* What holds for a pair, setting by setting: the last change that names it.
 *
 * Idea: settings are few and pairs are many (a million at 1,024 hosts), so each distinct
 * combination of settings is kept once, and a pair keeps its index together with the number of
 * changes that it has seen. When the pair is asked for again, only the changes since then are
 * looked at, each in O(1) (two bits). Invariant: a pair's entry is what its first `applied`
 * changes make of the settings before any change; an insertion before that place clears all
 * entries. While no change names pairs, one index after each change does for all of them, and
 * there are no entries.
 */
#include "engine/base/hash.h"
#include "sim/cluster/fabric_internal.h"

enum { SLOTS_AT_FIRST = 16 };

static cg_status grow_slots(sim_fabric *fabric, cg_error *error) {
    size_t count = fabric->slot_count > 0 ? 2 * fabric->slot_count : SLOTS_AT_FIRST;
    uint32_t *slots = cg_allocate(&fabric->allocator, count, sizeof *slots);
    if (!slots) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for settings of the fabric");
    }
    for (size_t i = 0; i < fabric->setting_count; i++) {
        size_t slot =
            cg_hash_bytes(&fabric->settings[i], sizeof *fabric->settings, 0) & (count - 1);
        while (slots[slot]) {
            slot = (slot + 1) & (count - 1);
        }
        slots[slot] = (uint32_t)i + 1;
    }
    cg_deallocate(&fabric->allocator, fabric->setting_slots, fabric->slot_count,
                  sizeof *fabric->setting_slots);
    fabric->setting_slots = slots;
    fabric->slot_count = count;
    return CG_OK;
}

static bool are_equal(const fabric_settings *left, const fabric_settings *right) {
    return left->jitter_ns == right->jitter_ns && left->bits_per_s == right->bits_per_s &&
           left->loss == right->loss && left->duplicate == right->duplicate &&
           left->reorder == right->reorder && left->corrupt == right->corrupt &&
           left->latency == right->latency && left->held == right->held &&
           left->copies == right->copies;
}

/* The slot of equal settings, or the free one where they belong. Half of the slots are free. */
static size_t slot_of(const sim_fabric *fabric, const fabric_settings *wanted) {
    size_t slot = cg_hash_bytes(wanted, sizeof *wanted, 0) & (fabric->slot_count - 1);
    while (fabric->setting_slots[slot] &&
           !are_equal(&fabric->settings[fabric->setting_slots[slot] - 1], wanted)) {
        slot = (slot + 1) & (fabric->slot_count - 1);
    }
    return slot;
}

/* What is there is found without memory: taking a change out again relies on it. */
cg_status fabric_settings_find(sim_fabric *fabric, const fabric_settings *wanted, uint32_t *out,
                               cg_error *error) {
    if (fabric->slot_count > 0) {
        uint32_t found = fabric->setting_slots[slot_of(fabric, wanted)];
        if (found) {
            *out = found - 1;
            return CG_OK;
        }
    }
    cg_status status = CG_OK;
    if (2 * (fabric->setting_count + 1) > fabric->slot_count) {
        status = grow_slots(fabric, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&fabric->allocator, fabric->settings, fabric->setting_capacity,
                         fabric->setting_count + 1, error);
    }
    if (status != CG_OK) {
        return status;
    }
    size_t slot = slot_of(fabric, wanted);
    fabric->settings[fabric->setting_count] = *wanted;
    *out = (uint32_t)fabric->setting_count++;
    fabric->setting_slots[slot] = *out + 1;
    return CG_OK;
}

cg_status fabric_delay_add(sim_fabric *fabric, const sim_delay *delay, uint32_t *out,
                           cg_error *error) {
    size_t index = fabric->delay_count > 0 ? fabric->delay_count : 1;
    cg_status status =
        CG_GROW(&fabric->allocator, fabric->delays, fabric->delay_capacity, index + 1, error);
    if (status == CG_OK) {
        fabric->delays[index] = *delay;
        fabric->delay_count = index + 1;
        *out = (uint32_t)index;
    }
    return status;
}

bool fabric_change_is_setting(const fabric_change *change) {
    return change->kind != SIM_FABRIC_PARTITION && change->kind != SIM_FABRIC_HEAL;
}

cg_status fabric_settings_apply(sim_fabric *fabric, const fabric_change *change,
                                uint32_t before, uint32_t *out, cg_error *error) {
    fabric_settings now = fabric->settings[before];
    switch (change->kind) {
    case SIM_FABRIC_PARTITION:
    case SIM_FABRIC_HEAL:
        break;
    case SIM_FABRIC_LATENCY:
        now.latency = change->delay;
        break;
    case SIM_FABRIC_JITTER:
        now.jitter_ns = change->value;
        break;
    case SIM_FABRIC_LOSS:
        now.loss = change->probability;
        break;
    case SIM_FABRIC_DUPLICATE:
        now.duplicate = change->probability;
        now.copies = change->copies;
        break;
    case SIM_FABRIC_REORDER:
        now.reorder = change->probability;
        now.held = change->delay;
        break;
    case SIM_FABRIC_CORRUPT:
        now.corrupt = change->probability;
        break;
    case SIM_FABRIC_BANDWIDTH:
        now.bits_per_s = change->value;
        break;
    }
    return fabric_settings_find(fabric, &now, out, error);
}

cg_status fabric_row(sim_fabric *fabric, uint64_t **rows, uint32_t from, uint64_t **out,
                     cg_error *error) {
    if (!rows[from]) {
        rows[from] = cg_allocate(&fabric->allocator, fabric->options.hosts, sizeof *rows[from]);
        if (!rows[from]) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the messages of host %u",
                                from);
        }
    }
    *out = rows[from];
    return CG_OK;
}

cg_status fabric_pair_settings(sim_fabric *fabric, uint32_t from, uint32_t to, uint32_t *out,
                               cg_error *error) {
    size_t changes = fabric->window_changes;
    if (!fabric->named) {
        *out = changes > 0 ? fabric->changes[changes - 1].after : 0;
        return CG_OK;
    }
    uint64_t *row = NULL;
    cg_status status = fabric_row(fabric, fabric->pairs, from, &row, error);
    if (status != CG_OK) {
        return status;
    }
    size_t applied = (size_t)(row[to] >> 32);
    uint32_t settings = (uint32_t)row[to];
    if (applied > changes) { /* a look back in time */
        applied = 0;
        settings = 0;
    }
    for (; applied < changes && status == CG_OK; applied++) {
        const fabric_change *change = &fabric->changes[applied];
        if (fabric_change_is_setting(change) && sim_pairs_has(&change->pairs, from, to)) {
            status = fabric_settings_apply(fabric, change, settings, &settings, error);
        }
    }
    if (status == CG_OK) {
        row[to] = (uint64_t)changes << 32 | settings;
        *out = settings;
        if (fabric->applied_most < changes) {
            fabric->applied_most = changes;
        }
    }
    return status;
}
