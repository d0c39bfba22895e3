#include "tests/bench/plain_lru.h"

#include <stdlib.h>

enum { HEAP_HEADER_BYTES = 8 };

typedef struct node {
    uint64_t key;
    uint32_t bytes;
    struct node *newer;
    struct node *older;
    struct node *chain;
} node;

struct plain_lru {
    node **buckets; /* [bucket_count], a power of two */
    uint64_t bucket_count;
    uint64_t capacity;
    uint64_t count;
    node *newest;
    node *oldest;
};

plain_lru *plain_lru_alloc(uint64_t capacity) {
    plain_lru *lru = calloc(1, sizeof *lru);
    if (!lru) {
        return NULL;
    }
    lru->capacity = capacity;
    lru->bucket_count = 1;
    while (lru->bucket_count < capacity) {
        lru->bucket_count *= 2;
    }
    lru->buckets = calloc(lru->bucket_count, sizeof(node *));
    if (!lru->buckets) {
        free(lru);
        return NULL;
    }
    return lru;
}

void plain_lru_free(plain_lru *lru) {
    if (!lru) {
        return;
    }
    for (node *n = lru->newest; n;) {
        node *older = n->older;
        free(n);
        n = older;
    }
    free(lru->buckets);
    free(lru);
}

static uint64_t bucket_of(const plain_lru *lru, uint64_t key) {
    return (key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (lru->bucket_count - 1);
}

static void unlink_node(plain_lru *lru, node *n) {
    *(n->newer ? &n->newer->older : &lru->newest) = n->older;
    *(n->older ? &n->older->newer : &lru->oldest) = n->newer;
}

static void push(plain_lru *lru, node *n) {
    n->newer = NULL;
    n->older = lru->newest;
    *(lru->newest ? &lru->newest->newer : &lru->oldest) = n;
    lru->newest = n;
}

bool plain_lru_touch(plain_lru *lru, uint64_t key) {
    node *n = lru->buckets[bucket_of(lru, key)];
    while (n && n->key != key) {
        n = n->chain;
    }
    if (!n) {
        return false;
    }
    unlink_node(lru, n);
    push(lru, n);
    return true;
}

bool plain_lru_put(plain_lru *lru, uint64_t key, uint32_t bytes) {
    node *n = malloc(sizeof *n);
    if (!n) {
        return false;
    }
    if (lru->count == lru->capacity) {
        node *oldest = lru->oldest;
        node **link = &lru->buckets[bucket_of(lru, oldest->key)];
        while (*link != oldest) {
            link = &(*link)->chain;
        }
        *link = oldest->chain;
        unlink_node(lru, oldest);
        free(oldest);
    } else {
        lru->count++;
    }
    node **bucket = &lru->buckets[bucket_of(lru, key)];
    *n = (node){.key = key, .bytes = bytes, .chain = *bucket};
    *bucket = n;
    push(lru, n);
    return true;
}

uint32_t plain_lru_entry_bytes(void) {
    return sizeof(node) + HEAP_HEADER_BYTES + sizeof(node *);
}
