/* What cue.h promises of every list of cues, whatever the text. */
#ifndef CG_TESTS_SUPPORT_CUES_H
#define CG_TESTS_SUPPORT_CUES_H

#include "engine/fact/cue.h"

static inline bool support_cue_words_good(const cg_cue *cue) {
    switch (cue->kind) {
    case CG_CUE_HEAD:
        return cue->words >= 1 && cue->words <= 3;
    case CG_CUE_FIRST:
        return cue->words == 1;
    case CG_CUE_ENDING:
        return cue->words >= 3 && cue->words <= 6;
    default:
        return cue->words >= 1 && cue->words <= CG_CUE_WORDS_MAX;
    }
}

static inline bool support_cue_equal(const cg_cue *a, const cg_cue *b) {
    return a->phrase == b->phrase && a->kind == b->kind && a->group == b->group &&
           a->words == b->words && a->offset == b->offset;
}

/* Whether b can follow a: by kind, then group (from 0, none left out), then longest first. */
static inline bool support_cue_follows(const cg_cue *a, const cg_cue *b) {
    if (b->kind != a->kind) {
        return b->kind > a->kind && b->group == 0;
    }
    return b->group == a->group + 1 || (b->group == a->group && b->words < a->words);
}

/* The broken promise, or NULL. */
static inline const char *support_cues_fault(const cg_cues *cues) {
    static const uint32_t most[CG_CUE_KINDS] = {8, 24, 8, 32, 4, 4, 8, 1};
    static const uint8_t groups[CG_CUE_KINDS] = {8, 8, 8, 8, 1, 1, 2, 1};
    static const cg_cue none = {0};
    uint32_t counts[CG_CUE_KINDS] = {0};
    if (cues->count > CG_CUES_MAX || cues->names > CG_CUES_MAX) {
        return "a count is too high";
    }
    for (uint32_t i = 0; i < cues->count; i++) {
        const cg_cue *cue = &cues->list[i];
        if (cue->kind >= CG_CUE_KINDS || ++counts[cue->kind] > most[cue->kind] ||
            cue->group >= groups[cue->kind]) {
            return "a kind has too many cues or groups";
        }
        if (!support_cue_words_good(cue)) {
            return "a number of words is wrong";
        }
        if (i > 0 ? !support_cue_follows(cue - 1, cue) : cue->group != 0) {
            return "the order is wrong";
        }
        for (uint32_t k = 0; k < i; k++) {
            if (cues->list[k].kind == cue->kind && cues->list[k].phrase == cue->phrase) {
                return "a cue is there twice";
            }
        }
    }
    for (uint32_t i = cues->count; i < CG_CUES_MAX; i++) {
        if (!support_cue_equal(&cues->list[i], &none)) {
            return "the rest is not zero";
        }
    }
    if (counts[CG_CUE_NAME] != (cues->names < 8 ? cues->names : 8)) {
        return "names are missing";
    }
    if (cues->proper && cues->names == 0) {
        return "proper without a name";
    }
    if (counts[CG_CUE_SECOND] > 0 && counts[CG_CUE_GENUS] == 0) {
        return "second without genus";
    }
    return NULL;
}

#endif
