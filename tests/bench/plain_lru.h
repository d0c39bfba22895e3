/* The peer of "cache": the textbook's LRU cache, a hash map with chains and a doubly linked list
 * through nodes of the heap, with pointers. */
#ifndef CG_TESTS_BENCH_PLAIN_LRU_H
#define CG_TESTS_BENCH_PLAIN_LRU_H

#include <stdbool.h>
#include <stdint.h>

typedef struct plain_lru plain_lru;
/* NULL when there is no memory. */
plain_lru *plain_lru_alloc(uint64_t capacity);
void plain_lru_free(plain_lru *lru);

/* Whether the key is held; then it becomes the newest. */
bool plain_lru_touch(plain_lru *lru, uint64_t key);
/* Takes in a key that is not held; the oldest goes when it is full. False without memory. */
bool plain_lru_put(plain_lru *lru, uint64_t key, uint32_t bytes);

/* Of a node, with what the heap adds, and its bucket; key and size counted. */
uint32_t plain_lru_entry_bytes(void);

#endif
