/* Cues of any bytes, with nouns known and without: lists that keep the promises of cue.h and
 * depend on nothing else, and names whose cue is the hash of the name alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fact/cue.h"
#include "tests/support/cues.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static cg_lemmas *new_lemmas(void) {
    static const char *const nouns[] = {"breed", "dog",      "setter", "genus",  "barking",
                                        "kick",  "republic", "plant",  "breeze", "tree"};
    cg_lemmas *lemmas = NULL;
    require(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, NULL) == CG_OK);
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        require(cg_lemmas_add_word(lemmas, CG_NOUN, nouns[i], strlen(nouns[i]), NULL) == CG_OK);
    }
    require(cg_lemmas_freeze(lemmas, NULL) == CG_OK);
    return lemmas;
}

static void check_text(const cg_lemmas *lemmas, const char *text, size_t size) {
    cg_cues cues;
    cg_cues again;
    cg_work work = {{0}, {0}};
    cg_cues_find(lemmas, text, size, &cues, &work);
    require(support_cues_fault(&cues) == NULL);
    require(work.operations[CG_WORK_TOKENISE] == 1 && work.units[CG_WORK_TOKENISE] <= size);
    cg_cues_find(lemmas, text, size, &again, NULL);
    require(cues.count == again.count && cues.names == again.names);
    for (uint32_t i = 0; i < cues.count; i++) {
        require(support_cue_equal(&cues.list[i], &again.list[i]));
    }
}

/* buffer: char[size + 2] */
static void check_name(const cg_lemmas *lemmas, char *buffer, size_t size) {
    cg_cues cues;
    uint64_t phrase = cg_cue_phrase(lemmas, buffer, size);
    bool is_one = true;
    for (size_t i = 0; i + 1 < size; i++) {
        is_one = is_one && !((buffer[i] == ',' || buffer[i] == ':') && buffer[i + 1] == ' ');
    }
    buffer[size] = ':';
    buffer[size + 1] = ' ';
    cg_cues_find(lemmas, buffer, size + 2, &cues, NULL);
    require(support_cues_fault(&cues) == NULL);
    if (is_one && cues.names > 0) {
        require(cues.names == 1 && cues.list[0].kind == CG_CUE_NAME);
        require(cues.list[0].phrase == phrase);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cg_lemmas *lemmas = new_lemmas();
    char *buffer = malloc(size + 2); /* of its own, so that a byte too far is seen */
    require(buffer != NULL);
    for (int known = 0; known < 2; known++) {
        if (size > 0) {
            memcpy(buffer, data, size);
        }
        check_text(known ? lemmas : NULL, (const char *)data, size);
        check_name(known ? lemmas : NULL, buffer, size);
    }
    free(buffer);
    cg_lemmas_free(lemmas);
    return 0;
}
