/* The embedder on any bytes: a status or a vector that keeps the promises of embed.h. The first
 * half of the input is a document that is counted, the whole is embedded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fact/embed.h"
#include "engine/fact/tokenise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static void check_embedding(const cg_embedding *embedding, uint32_t dims) {
    double sparse_squares = 0.0;
    double dense_squares = 0.0;
    require(embedding->count > 0);
    require(cg_sparse_check(cg_embedding_sparse(embedding), "the text", NULL) == CG_OK);
    for (uint32_t i = 0; i < embedding->count; i++) {
        sparse_squares += (double)embedding->weights[i] * (double)embedding->weights[i];
    }
    for (uint32_t d = 0; d < CG_DIMS_MAX; d++) {
        dense_squares += (double)embedding->dense[d] * (double)embedding->dense[d];
        require(d < dims || embedding->dense[d] == 0.0f);
    }
    require(sparse_squares > 1.0 - 1e-5 && sparse_squares < 1.0 + 1e-5);
    require(dense_squares > 1.0 - 1e-5 && dense_squares < 1.0 + 1e-5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    cg_embed_options options = {.dims = 48, .feature_bits = 10, .seed = 3};
    cg_embedder *embedder = NULL;
    cg_embedding embedding;
    cg_error error = {0};
    size_t offset = 0;
    require(cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, NULL) == CG_OK);
    bool half_good = cg_utf8_check(text, size / 2, &offset);
    cg_status status = cg_embedder_add_document(embedder, text, size / 2, &error);
    require((status == CG_OK) == (half_good && size / 2 <= CG_TEXT_BYTES_MAX));
    require(cg_embedder_freeze(embedder, NULL) == CG_OK);
    status = cg_embed(embedder, text, size, &embedding, NULL, &error);
    if (status == CG_OK) {
        require(cg_utf8_check(text, size, &offset));
        check_embedding(&embedding, options.dims);
    } else {
        require(status == CG_ERROR_INVALID && error.message[0] != 0);
    }
    cg_embedder_free(embedder);
    return 0;
}
