/* Blocks that live and die together: what a command reads from a database.
 *
 * A database's texts and arrays are needed until the command ends, so they are taken one by one
 * and freed at once. Invariant: a block is 16-byte aligned and zeroed.
 */
#ifndef AN_TABLE_POOL_H
#define AN_TABLE_POOL_H

#include <stddef.h>

typedef struct an_pool_block an_pool_block;

typedef struct an_pool {
    an_pool_block *newest;
} an_pool;

/* NULL when memory is out; count 0 gives a block too. */
void *an_pool_take(an_pool *pool, size_t count, size_t size);
char *an_pool_text(an_pool *pool, const char *text);
char *an_pool_text_part(an_pool *pool, const char *text, size_t length);
void an_pool_deinit(an_pool *pool);

#endif
