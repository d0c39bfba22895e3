#include "engine/node/school.h"

cg_knowledge cg_corpus_knowledge(const cg_corpus *corpus) {
    return (cg_knowledge){
        .graph = corpus->graph,
        .features = corpus->features,
        .indexes = {corpus->index},
        .index_count = 1,
        .lexicon = corpus->lexicon,
        .lemmas = corpus->lemmas,
        .learned = &corpus->learned,
    };
}

static cg_status attend_one(const cg_school *school, uint32_t number,
                            const cg_cascade_options *options, cg_corpus *corpus,
                            cg_cascade_scratch *scratch, cg_error *error) {
    cg_school_lesson lesson = {0};
    school->lesson(school->context, number, &lesson);
    cg_embedding embedding;
    cg_status status =
        cg_embed(corpus->embedder, lesson.text, lesson.text_bytes, &embedding, NULL, error);
    if (status != CG_OK) {
        return status;
    }
    cg_fact_view fact = {.dense = embedding.dense,
                         .sparse = cg_embedding_sparse(&embedding),
                         .text = lesson.text,
                         .text_bytes = lesson.text_bytes,
                         .type = CG_TYPE_UNKNOWN,
                         .has_teacher = true,
                         .teacher = lesson.truth};
    cg_knowledge knowledge = cg_corpus_knowledge(corpus);
    cg_decision decision;
    status = cg_cascade_decide(options, &knowledge, &fact, scratch, &decision, NULL, error);
    if (status != CG_OK) {
        return status;
    }
    if (school->decided) {
        school->decided(school->context, number, &decision);
    }
    const cg_lesson *learned = cg_cascade_lesson(scratch);
    if (learned) {
        cg_learn(&corpus->learned, cg_cascade_tuning(scratch), learned, NULL);
    }
    return CG_OK;
}

cg_status cg_school_attend(const cg_school *school, const cg_cascade_options *options,
                           cg_corpus *corpus, const cg_allocator *allocator, cg_error *error) {
    cg_cascade_scratch *scratch = NULL;
    cg_status status = cg_cascade_scratch_alloc(*allocator, &scratch, error);
    for (uint32_t i = 0; status == CG_OK && i < school->lessons; ++i) {
        status = attend_one(school, i, options, corpus, scratch, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "lesson %u: ", i);
        }
    }
    cg_cascade_scratch_free(scratch);
    return status;
}
