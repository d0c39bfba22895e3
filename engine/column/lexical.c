/* What the lexicon says of the fact's cues, for the semantic and the structural column.
 *
 * Names: a phrase of the text that is a concept's name. Of the ends of one phrase the longest
 * that names anything counts fully, each shorter one half as much as the one before: "sea
 * breeze" rather than "breeze".
 *
 * Habits: where concepts with the same cue hang. The ends of a phrase, longest first, are
 * combined by backing off, as in language models (Witten & Bell, IEEE Trans. Information Theory
 * 37, 1991, method C): a cue seen n times with t different parents keeps n / (n + t) of the
 * belief and leaves the rest to the next shorter.
 */
#include "engine/column/evidence.h"

/* A habit is worth an entry of its own from this share on. */
static const double habit_least = 0.002;

/* Of restating: a concept that bears all names that the fact tells. */
static const double name_share = 0.6;

enum { NAMED_MAX = 32 }; /* concepts that one phrase may name */

typedef struct naming {
    const cg_column_view *view;
    cg_column_scratch *scratch;
    cg_pathway pathway;
    double value;
    uint32_t words;
    uint32_t named;
    cg_work *work;
} naming;

/* The entry of one more concept that the phrase names; NULL when it names enough already. */
static cg_evidence *next_named(naming *work, uint32_t row) {
    if (work->named == NAMED_MAX) {
        return NULL;
    }
    work->named++;
    return cg_evidence_take_lexical(work->scratch, row);
}

static void name_concept(void *context, uint32_t row, uint32_t count) {
    (void)count;
    naming *work = context;
    cg_evidence *entry = next_named(work, row);
    if (!entry) {
        return;
    }
    cg_evidence_raise(work->scratch, entry, work->pathway, work->value);
    if (work->pathway == CG_PATHWAY_GENUS) {
        double missing = 1.0 / (double)(UINT32_C(1) << work->words);
        cg_evidence_raise(work->scratch, entry, CG_PATHWAY_GENUS_WORDS, 1.0 - missing);
        work->scratch->named = true;
    }
    if (work->pathway != CG_PATHWAY_LATER) {
        cg_evidence_nominate(work->scratch, entry);
    }
}

static void name_by(naming *work, const cg_cue *cues, uint32_t count, double first_value) {
    double value = first_value;
    for (uint32_t i = 0; i < count; i++) {
        work->words = cues[i].words;
        work->value = value;
        work->named = 0;
        cg_lexicon_total total =
            cg_lexicon_each_named(work->view->lexicon, cues[i].phrase, name_concept, work);
        cg_work_count(work->work, CG_WORK_GRAPH_READ, 1, total.entries);
        if (work->named > 0) {
            value *= 0.5;
        }
    }
}

/* Names are shared as a whole: by how many of the concept's own, and of the fact's. A fact all of
 * whose names a concept bears may still leave out others of them. */
static void share_name(void *context, uint32_t row, uint32_t count) {
    (void)count;
    naming *work = context;
    cg_evidence *entry = next_named(work, row);
    if (!entry) {
        return;
    }
    entry->shared_names = (uint8_t)(entry->shared_names + (entry->shared_names < UINT8_MAX));
    double shared = (double)entry->shared_names;
    double own = (double)cg_lexicon_names(work->view->lexicon, row, NULL, 0);
    uint32_t names = work->view->cues->names;
    double told = (double)(names < CG_CUE_NAMES_MAX ? names : CG_CUE_NAMES_MAX);
    double alike = cg_clamp_unit(shared / (own > told ? own : told));
    cg_evidence_raise(work->scratch, entry, CG_PATHWAY_NAMESAKE, alike);
    double known = cg_clamp_unit(shared / told) * (name_share + (1.0 - name_share) * alike);
    cg_structural_restate(work->view, work->scratch, entry, known, work->work);
    cg_evidence_nominate(work->scratch, entry);
}

typedef struct habit {
    cg_column_scratch *scratch;
    cg_pathway pathway;
    double worth; /* of one count */
} habit;

static void follow_habit(void *context, uint32_t row, uint32_t count) {
    habit *work = context;
    double belief = work->worth * count;
    cg_evidence *entry = belief >= habit_least
                             ? cg_evidence_take_lexical(work->scratch, row)
                             : (cg_evidence *)cg_evidence_find(work->scratch, row);
    if (entry) {
        cg_evidence_add(work->scratch, entry, work->pathway, belief);
    }
}

/* cues[count]: the ends of one phrase. */
static void back_off(const cg_column_view *view, habit *work, const cg_cue *cues,
                     uint32_t count, cg_work *done) {
    double belief = 1.0;
    for (uint32_t i = 0; i < count; i++) {
        cg_cue_kind kind = (cg_cue_kind)cues[i].kind;
        cg_lexicon_total total =
            cg_lexicon_each_parent(view->lexicon, kind, cues[i].phrase, NULL, NULL);
        if (total.count == 0) {
            continue;
        }
        double all = (double)total.count + (double)total.entries;
        work->worth = belief / all;
        (void)cg_lexicon_each_parent(view->lexicon, kind, cues[i].phrase, follow_habit, work);
        cg_work_count(done, CG_WORK_GRAPH_READ, 1, total.entries);
        belief *= (double)total.entries / all;
    }
}

typedef struct cue_use {
    cg_pathway name;  /* CG_PATHWAY_COUNT: names nothing */
    cg_pathway habit; /* likewise */
} cue_use;

static const cue_use uses[CG_CUE_KINDS] = {
    [CG_CUE_NAME] = {CG_PATHWAY_NAMESAKE, CG_PATHWAY_COUNT},
    [CG_CUE_HEAD] = {CG_PATHWAY_HEAD, CG_PATHWAY_HEAD_HABIT},
    [CG_CUE_FIRST] = {CG_PATHWAY_COUNT, CG_PATHWAY_FIRST_HABIT},
    [CG_CUE_ENDING] = {CG_PATHWAY_COUNT, CG_PATHWAY_ENDING_HABIT},
    [CG_CUE_GENUS] = {CG_PATHWAY_GENUS, CG_PATHWAY_GENUS_HABIT},
    [CG_CUE_SECOND] = {CG_PATHWAY_SECOND, CG_PATHWAY_SECOND_HABIT},
    [CG_CUE_LATER] = {CG_PATHWAY_LATER, CG_PATHWAY_COUNT},
    [CG_CUE_DOMAIN] = {CG_PATHWAY_COUNT, CG_PATHWAY_DOMAIN_HABIT},
};

void cg_lexical_prepare(const cg_column_view *view, cg_column_scratch *scratch, cg_work *work) {
    if (!view->lexicon || !view->cues) {
        return;
    }
    const cg_cue *list = view->cues->list;
    uint32_t later = 0; /* phrases of that kind so far */
    for (uint32_t start = 0, end; start < view->cues->count; start = end) {
        for (end = start + 1; end < view->cues->count && list[end].kind == list[start].kind &&
                              list[end].group == list[start].group;) {
            end++;
        }
        cue_use use = uses[list[start].kind];
        naming names = {.view = view, .scratch = scratch, .pathway = use.name, .work = work};
        habit habits = {.scratch = scratch, .pathway = use.habit};
        if (use.name == CG_PATHWAY_NAMESAKE) {
            for (uint32_t i = start; i < end; i++) {
                names.named = 0;
                cg_lexicon_total total =
                    cg_lexicon_each_named(view->lexicon, list[i].phrase, share_name, &names);
                cg_work_count(work, CG_WORK_GRAPH_READ, 1, total.entries);
            }
        } else if (use.name != CG_PATHWAY_COUNT) {
            later += use.name == CG_PATHWAY_LATER;
            name_by(&names, &list[start], end - start, later > 1 ? 0.5 : 1.0);
        }
        if (use.habit != CG_PATHWAY_COUNT) {
            back_off(view, &habits, &list[start], end - start, work);
        }
    }
}
