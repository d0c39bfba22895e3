/* Exception lists and known words of any bytes. The first byte says the part of speech, the
 * rest is an exception list, then a line "====", then a known word a line. What is refused
 * leaves no trace; every field of what is accepted is looked up and must keep the promises of
 * lemma.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fact/lemma.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

/* The end of the line, or piece, that begins at `at`. */
static size_t end_of(const char *bytes, size_t size, size_t at, const char *ends) {
    while (at < size && (bytes[at] == '\0' || !strchr(ends, bytes[at]))) {
        at++;
    }
    return at;
}

/* A lemma is a known word: it is itself known, so it stays what it is or has a base. */
static void check_form(const cg_lemmas *lemmas, const char *form, size_t size) {
    char out[CG_LEMMA_BYTES_MAX];
    char again[CG_LEMMA_BYTES_MAX];
    size_t any = 0;
    for (unsigned part = 0; part < CG_PARTS_OF_SPEECH; part++) {
        size_t found = cg_lemma(lemmas, part, form, size, out);
        any += found;
        require(found < CG_LEMMA_BYTES_MAX);
        require(found == 0 || (out[found] == '\0' && strlen(out) == found));
        require(found == 0 || cg_lemma(lemmas, part, out, found, again) > 0);
    }
    size_t found = cg_lemma_any(lemmas, form, size, out);
    require((found > 0) == (any > 0));
    require(found == 0 || strlen(out) == found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    cg_part_of_speech part = data[0] % CG_PARTS_OF_SPEECH;
    const char *bytes = (const char *)data + 1;
    size_t left = size - 1;
    size_t list = 0;
    while (list < left && (left - list < 5 || memcmp(bytes + list, "====\n", 5) != 0)) {
        list++;
    }
    cg_lemmas *lemmas = NULL;
    cg_error error = {0};
    require(cg_lemmas_alloc(cg_allocator_heap(), &lemmas, NULL) == CG_OK);
    uint64_t before = cg_lemmas_hash(lemmas);
    cg_status status = cg_lemmas_add_exceptions(lemmas, part, bytes, list, &error);
    if (status != CG_OK) {
        require(status == CG_ERROR_CORRUPT && strstr(error.message, ".exc ") != NULL);
        require(cg_lemmas_hash(lemmas) == before);
    }
    for (size_t at = list + 5; at < left;) {
        size_t end = end_of(bytes, left, at, "\n");
        before = cg_lemmas_hash(lemmas);
        status = cg_lemmas_add_word(lemmas, part, bytes + at, end - at, &error);
        require(status == CG_OK ||
                (status == CG_ERROR_INVALID && cg_lemmas_hash(lemmas) == before));
        char out[CG_LEMMA_BYTES_MAX];
        require(status != CG_OK || cg_lemma(lemmas, part, bytes + at, end - at, out) > 0);
        at = end + 1;
    }
    require(cg_lemmas_freeze(lemmas, NULL) == CG_OK);
    for (size_t at = 0; at < left;) {
        size_t end = end_of(bytes, left, at, " \t\n");
        check_form(lemmas, bytes + at, end - at);
        at = end + 1;
    }
    cg_lemmas_free(lemmas);
    return 0;
}
