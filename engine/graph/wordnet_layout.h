/* What the reader of WordNet's files builds; for engine/graph alone.
 *
 * Texts and names lie in one block, each NUL-terminated. While files are read, pointers collect
 * in the order they stand; a synset's are pointers[pointer_start .. + pointer_count]. When all
 * synsets are known they become edges, and the pointers go.
 */
#ifndef CG_ENGINE_GRAPH_WORDNET_LAYOUT_H
#define CG_ENGINE_GRAPH_WORDNET_LAYOUT_H

#include "engine/graph/wordnet.h"

#define WORDNET_FILE_STRIDE UINT64_C(100000000) /* ids of file f start at (f + 1) * this */

typedef struct wordnet_pointer {
    uint64_t target_id;
    uint8_t type;        /* cg_edge_type */
    uint8_t target_word; /* 0: the whole synset */
} wordnet_pointer;

typedef struct wordnet_record {
    uint64_t id;
    size_t text_start;
    size_t name_start;
    size_t pointer_start;
    size_t edge_start;
    uint32_t text_bytes;
    uint32_t pointer_count;
    uint32_t edge_count;
    uint32_t line; /* in its file, from 1 */
    uint8_t file;
    uint8_t type; /* lexicographer file */
    uint8_t word_count;
} wordnet_record;

struct cg_wordnet {
    cg_allocator allocator;
    wordnet_record *records;
    size_t record_count;
    size_t record_capacity;
    char *text;
    size_t text_bytes;
    size_t text_capacity;
    wordnet_pointer *pointers;
    size_t pointer_count;
    size_t pointer_capacity;
    cg_edge *edges;
    size_t edge_capacity;
};

typedef struct wordnet_line {
    const uint8_t *bytes; /* without the newline */
    size_t size_bytes;
    size_t offset; /* of its first byte in the file */
    uint32_t number;
    uint8_t file; /* 0..3 */
} wordnet_line;

/* Reads a synset's line and appends its record, text and pointers. */
cg_status cg_wordnet_read_line(cg_wordnet *wordnet, const wordnet_line *line, cg_error *error);

#endif
