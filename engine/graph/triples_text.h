/* Lines of triples, read one after the other and checked; for engine/graph/triples alone. */
#ifndef CG_ENGINE_GRAPH_TRIPLES_TEXT_H
#define CG_ENGINE_GRAPH_TRIPLES_TEXT_H

#include "engine/graph/triples.h"

typedef enum triple_part { PART_HEAD, PART_RELATION, PART_TAIL, TRIPLE_PARTS } triple_part;

typedef struct triple_line {
    const char *text[TRIPLE_PARTS]; /* borrowed, not NUL-terminated */
    size_t bytes[TRIPLE_PARTS];
    uint8_t weight;
} triple_line;

typedef struct triple_reader {
    const cg_triples_source *sources;
    uint32_t source_count;
    uint32_t source; /* the one being read */
    size_t at;       /* byte of it */
    uint64_t line;   /* the one read last, from 1 */
    uint64_t empty_lines;
    size_t name_bytes_max[TRIPLE_PARTS];
} triple_reader;

triple_reader cg_triples_reader(const cg_triples_source *sources, uint32_t source_count,
                                bool inverse);
/* The next line with a triple; *found false at the end. Errors: CG_ERROR_CORRUPT. */
cg_status cg_triples_next(triple_reader *reader, triple_line *out, bool *found,
                          cg_error *error);
/* Puts source and line in front of an error's sentence; returns `status`. */
cg_status cg_triples_where(const triple_reader *reader, cg_status status, cg_error *error);

extern const char cg_triples_inverse[]; /* "inverse of " */

#endif
