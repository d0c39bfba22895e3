/* Blocks that live and die together. */
#include "analysis/table/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct an_pool_block {
    _Alignas(16) an_pool_block *older;
};

void *an_pool_take(an_pool *pool, size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - sizeof(an_pool_block)) / size) {
        return NULL;
    }
    an_pool_block *block = calloc(1, sizeof *block + count * size);
    if (!block) {
        return NULL;
    }
    block->older = pool->newest;
    pool->newest = block;
    return block + 1;
}

char *an_pool_text_part(an_pool *pool, const char *text, size_t length) {
    char *copy = an_pool_take(pool, length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *an_pool_text(an_pool *pool, const char *text) {
    return an_pool_text_part(pool, text, strlen(text));
}

void an_pool_deinit(an_pool *pool) {
    while (pool->newest) {
        an_pool_block *block = pool->newest;
        pool->newest = block->older;
        free(block);
    }
}
