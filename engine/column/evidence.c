#include "engine/column/evidence.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"

enum { NOMINATED_MAX = 20 };

cg_status cg_column_scratch_alloc(cg_allocator allocator, cg_column_scratch **out,
                                  cg_error *error) {
    cg_column_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the %zu bytes of a column's scratch",
                            sizeof *scratch);
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

void cg_column_scratch_free(cg_column_scratch *scratch) {
    if (scratch) {
        cg_allocator allocator = scratch->allocator;
        cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
    }
}

uint64_t cg_column_scratch_bytes(const cg_column_scratch *scratch) {
    return sizeof *scratch;
}

/* The slot that holds the row in this epoch, or the first free one on its way. */
static uint32_t place_of(const cg_column_scratch *scratch, uint32_t row) {
    uint32_t mask = (UINT32_C(1) << scratch->slots_used_log2) - 1;
    uint32_t at = (uint32_t)cg_hash_u64(row, 2) & mask;
    while (scratch->slots[at].epoch == scratch->epoch &&
           scratch->entries[scratch->slots[at].entry].row != row) {
        at = (at + 1) & mask;
    }
    return at;
}

const cg_evidence *cg_evidence_find(const cg_column_scratch *scratch, uint32_t row) {
    const cg_evidence_slot *slot = &scratch->slots[place_of(scratch, row)];
    return slot->epoch == scratch->epoch ? &scratch->entries[slot->entry] : NULL;
}

cg_evidence *cg_evidence_take(cg_column_scratch *scratch, uint32_t row) {
    cg_evidence_slot *slot = &scratch->slots[place_of(scratch, row)];
    if (slot->epoch != scratch->epoch) {
        CG_ASSERT(scratch->entry_count < CG_ENTRIES_MAX);
        *slot = (cg_evidence_slot){scratch->epoch, scratch->entry_count++};
        memset(&scratch->entries[slot->entry], 0, sizeof *scratch->entries);
        scratch->entries[slot->entry].row = row;
    }
    return &scratch->entries[slot->entry];
}

cg_evidence *cg_evidence_take_lexical(cg_column_scratch *scratch, uint32_t row) {
    const cg_evidence_slot *slot = &scratch->slots[place_of(scratch, row)];
    if (slot->epoch == scratch->epoch) {
        return &scratch->entries[slot->entry];
    }
    if (scratch->lexical_entries == CG_LEXICAL_ENTRIES_MAX) {
        return NULL;
    }
    scratch->lexical_entries++;
    return cg_evidence_take(scratch, row);
}

void cg_evidence_add(cg_column_scratch *scratch, cg_evidence *entry, cg_pathway pathway,
                     double amount) {
    cg_evidence_raise(scratch, entry, pathway, (double)entry->of[pathway] + amount);
}

void cg_evidence_raise(cg_column_scratch *scratch, cg_evidence *entry, cg_pathway pathway,
                       double value) {
    if ((float)value > entry->of[pathway]) {
        entry->of[pathway] = (float)value;
        if (entry->of[pathway] > scratch->strongest[pathway]) {
            scratch->strongest[pathway] = entry->of[pathway];
        }
    }
}

void cg_evidence_nominate(cg_column_scratch *scratch, cg_evidence *entry) {
    if (!entry->candidate && scratch->candidate_count < CG_CANDIDATES_MAX) {
        entry->candidate = true;
        scratch->candidates[scratch->candidate_count++] = entry->row;
    }
}

uint32_t cg_evidence_parents(const cg_column_view *view, cg_column_scratch *scratch,
                             uint32_t row, uint32_t parents[CG_PARENTS_MAX], cg_work *work) {
    cg_evidence *entry = cg_evidence_take(scratch, row);
    if (!entry->expanded) {
        entry->expanded = true;
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, cg_graph_degree(view->graph, row));
        if (view->touched) {
            view->touched(view->touched_context, row, CG_TOUCH_NODE);
        }
    }
    return cg_graph_parents(view->graph, row, parents, CG_PARENTS_MAX);
}

uint16_t cg_sense_of(double evidence) {
    return (uint16_t)(cg_clamp_unit(evidence) * (double)CG_EVIDENCE_ONE + 0.5);
}

uint16_t cg_sense_gathered(const cg_column_scratch *scratch, const cg_evidence *entry,
                           cg_pathway pathway) {
    if (!entry || entry->of[pathway] <= 0.0f) {
        return 0;
    }
    double evidence = (double)entry->of[pathway];
    if (cg_pathway_is_relative(pathway)) {
        evidence /= (double)scratch->strongest[pathway];
    }
    return cg_sense_of(evidence);
}

static void start_decision(const cg_column_view *view, cg_column_scratch *scratch) {
    if (scratch->epoch == UINT32_MAX) {
        for (uint32_t i = 0; i < CG_EVIDENCE_SLOTS; i++) {
            scratch->slots[i].epoch = 0;
        }
        scratch->epoch = 0;
    }
    scratch->epoch++;
    uint64_t unused = CG_NEIGHBOURS_MAX - view->neighbour_count;
    uint64_t entries = CG_ENTRIES_MAX - unused * (CG_FAMILY_MAX + 1);
    uint64_t slots = cg_round_up_power2(entries + entries / 2);
    CG_ASSERT(slots <= CG_EVIDENCE_SLOTS);
    scratch->slots_used_log2 = cg_log2_floor(slots);
    scratch->entry_count = 0;
    scratch->lexical_entries = 0;
    scratch->candidate_count = 0;
    scratch->named = false;
    scratch->strongest_part_or_whole = 0.0f;
    memset(scratch->strongest, 0, sizeof scratch->strongest);
    memset(scratch->type_mass, 0, sizeof scratch->type_mass);
}

static bool stronger(const cg_evidence *left, const cg_evidence *right, cg_pathway pathway) {
    return left->of[pathway] > right->of[pathway] ||
           (left->of[pathway] == right->of[pathway] && left->row < right->row);
}

/* Nominates the entries with the strongest evidence in a pathway, ties by row. */
static void nominate_best(cg_column_scratch *scratch, cg_pathway pathway, uint32_t most) {
    const cg_evidence *entries = scratch->entries;
    uint32_t best[NOMINATED_MAX];
    uint32_t held = 0;
    for (uint32_t i = 0; i < scratch->entry_count; i++) {
        if (entries[i].of[pathway] <= 0.0f ||
            (held == most && !stronger(&entries[i], &entries[best[held - 1]], pathway))) {
            continue;
        }
        uint32_t at = held < most ? held++ : held - 1;
        for (; at > 0 && stronger(&entries[i], &entries[best[at - 1]], pathway); at--) {
            best[at] = best[at - 1];
        }
        best[at] = i;
    }
    for (uint32_t i = 0; i < held; i++) {
        cg_evidence_nominate(scratch, &scratch->entries[best[i]]);
    }
}

/* Candidates beside those that neighbours and names nominate. */
static void nominate_all(cg_column_scratch *scratch) {
    static const struct {
        cg_pathway pathway;
        uint32_t most;
    } elections[] = {
        {CG_PATHWAY_GENUS_HABIT, 20},     {CG_PATHWAY_HEAD_HABIT, 20},
        {CG_PATHWAY_SECOND_HABIT, 10},    {CG_PATHWAY_FIRST_HABIT, 10},
        {CG_PATHWAY_ENDING_HABIT, 10},    {CG_PATHWAY_DOMAIN_HABIT, 10},
        {CG_PATHWAY_RELATIVE_PARENT, 10}, {CG_PATHWAY_RECENT, 10},
    };
    for (uint32_t i = 0; i < sizeof elections / sizeof *elections; i++) {
        nominate_best(scratch, elections[i].pathway, elections[i].most);
    }
}

void cg_column_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work) {
    CG_ASSERT(view->neighbour_count <= CG_NEIGHBOURS_MAX);
    start_decision(view, scratch);
    cg_structural_prepare(view, scratch, work);
    cg_lexical_prepare(view, scratch, work);
    if (view->column_mask >> CG_COLUMN_TEMPORAL & 1) {
        cg_temporal_prepare(view, scratch, work);
    }
    nominate_all(scratch);
    if (view->column_mask >> CG_COLUMN_EXCEPTION & 1) {
        cg_exception_prepare(view, scratch);
    }
}

uint32_t cg_column_retrieved(const cg_column_scratch *scratch, const uint32_t **rows) {
    *rows = scratch->candidates;
    return scratch->candidate_count;
}

bool cg_column_expanded(const cg_column_scratch *scratch, uint32_t row) {
    const cg_evidence *entry = cg_evidence_find(scratch, row);
    return entry && entry->expanded;
}

void cg_column_sense(cg_column_id column, const cg_column_view *view,
                     const cg_column_scratch *scratch, const uint32_t *rows, uint32_t count,
                     cg_senses *senses, cg_work *work) {
    cg_work_count(work, CG_WORK_COLUMN_VOTE, 1, count);
    for (uint32_t i = 0; i < count; i++) {
        const cg_evidence *entry = cg_evidence_find(scratch, rows[i]);
        switch (column) {
        case CG_COLUMN_SEMANTIC:
            cg_semantic_sense(view, entry, rows[i], &senses[i], work);
            break;
        case CG_COLUMN_STRUCTURAL:
            cg_structural_sense(view, scratch, entry, rows[i], &senses[i], work);
            break;
        case CG_COLUMN_TEMPORAL:
            cg_temporal_sense(scratch, entry, &senses[i]);
            break;
        case CG_COLUMN_EXCEPTION:
        case CG_COLUMN_COUNT:
            cg_exception_sense(view, scratch, entry, rows[i], &senses[i], work);
            break;
        }
    }
}
