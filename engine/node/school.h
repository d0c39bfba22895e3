/* School: a corpus learns from labelled facts before it goes into service (spec A5).
 *
 * Each lesson is a fact that is decided as the cascade's options say, on the corpus as it is,
 * and then learned from (engine/cascade/learn.h); nothing is stored. A lesson may also be a
 * restatement: the text of a concept that is known, labelled with itself.
 */
#ifndef CG_ENGINE_NODE_SCHOOL_H
#define CG_ENGINE_NODE_SCHOOL_H

#include "engine/cascade/cascade.h"
#include "engine/node/corpus.h"

typedef struct cg_school_lesson {
    const char *text; /* borrowed until the next */
    uint32_t text_bytes;
    uint32_t truth; /* row */
} cg_school_lesson;

typedef struct cg_school {
    uint32_t lessons;
    void (*lesson)(void *context, uint32_t number, cg_school_lesson *out);
    /* Told each decision; NULL: nobody is. */
    void (*decided)(void *context, uint32_t number, const cg_decision *decision);
    void *context;
} cg_school;

/* Changes corpus->learned only. Errors: those of cg_embed and cg_cascade_decide, naming the
 * lesson; what was learned before it stays. */
cg_status cg_school_attend(const cg_school *school, const cg_cascade_options *options,
                           cg_corpus *corpus, const cg_allocator *allocator, cg_error *error);

/* What a decision on the bare corpus reads. */
cg_knowledge cg_corpus_knowledge(const cg_corpus *corpus);

#endif
