/* WordNet's files: lines to synsets, pointers to edges.
 *
 * Synsets come in ascending order of id, because each lies at the offset it states and the
 * files come in order; so a pointer's target is found by binary search. Invariant after
 * parsing: every edge's target is a synset, and a synset's edges are sorted by (type, target)
 * without repetition.
 *
 * Known values (WordNet 3.0): 117,659 synsets (nouns 82,115, verbs 13,767, adjectives 18,156,
 * adverbs 3,621), 364,543 edges; dog (offset 02084071) has the hypernyms 01317541 and 02083346.
 */
#include "engine/graph/wordnet.h"

#include <string.h>

#include "engine/graph/graph_layout.h"
#include "engine/graph/wordnet_layout.h"

const char *const cg_wordnet_file_names[CG_WORDNET_FILES] = {"data.noun", "data.verb",
                                                             "data.adj", "data.adv"};

/* Licence lines begin with two spaces and stand before the first synset. */
static bool is_header(const wordnet_line *line) {
    return line->size_bytes >= 2 && line->bytes[0] == ' ' && line->bytes[1] == ' ';
}

static cg_status read_file(cg_wordnet *wordnet, uint8_t file, cg_wordnet_source source,
                           cg_error *error) {
    size_t first_record = wordnet->record_count;
    wordnet_line line = {.number = 1, .file = file};
    for (size_t at = 0; at < source.size_bytes; at += line.size_bytes + 1, line.number++) {
        const uint8_t *start = source.bytes + at;
        const uint8_t *end = memchr(start, '\n', source.size_bytes - at);
        if (!end) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "%s line %u has no end: the file is cut off at byte %zu",
                                cg_wordnet_file_names[file], line.number, source.size_bytes);
        }
        line.bytes = start;
        line.size_bytes = (size_t)(end - start);
        line.offset = at;
        if (wordnet->record_count == first_record && is_header(&line)) {
            continue;
        }
        cg_status status = cg_wordnet_read_line(wordnet, &line, error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (wordnet->record_count == first_record) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s line %u: the file ends without a synset",
                            cg_wordnet_file_names[file], line.number);
    }
    return CG_OK;
}

/* The number of the synset with that id, or record_count. */
static size_t find_synset(const cg_wordnet *wordnet, uint64_t id) {
    size_t low = 0;
    size_t high = wordnet->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wordnet->records[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < wordnet->record_count && wordnet->records[low].id == id;
    return found ? low : wordnet->record_count;
}

/* The record's pointers as edges from edges[edge_start] on: sorted, distinct, none to
 * itself. */
static cg_status link_record(cg_wordnet *wordnet, size_t number, cg_error *error) {
    wordnet_record *record = &wordnet->records[number];
    cg_edge *edges = wordnet->edges + record->edge_start;
    uint32_t count = 0;
    for (uint32_t i = 0; i < record->pointer_count; i++) {
        wordnet_pointer pointer = wordnet->pointers[record->pointer_start + i];
        size_t target = find_synset(wordnet, pointer.target_id);
        if (target == wordnet->record_count ||
            pointer.target_word > wordnet->records[target].word_count) {
            return cg_error_set(
                error, CG_ERROR_CORRUPT,
                "%s line %u: its %s pointer leads to %s offset %08u, where there "
                "is no such %s",
                cg_wordnet_file_names[record->file], record->line,
                cg_edge_type_name((cg_edge_type)pointer.type),
                cg_wordnet_file_names[pointer.target_id / WORDNET_FILE_STRIDE - 1],
                (unsigned)(pointer.target_id % WORDNET_FILE_STRIDE),
                target == wordnet->record_count ? "synset" : "word");
        }
        if (target != number) {
            edges[count++] = (cg_edge){
                .target = (uint32_t)target, .type = pointer.type, .weight = UINT8_MAX};
        }
    }
    if (count == 0) {
        return CG_OK;
    }
    cg_graph_sort_edges(edges, count);
    uint32_t distinct = 1;
    for (uint32_t i = 1; i < count; i++) {
        if (edges[i].type != edges[distinct - 1].type ||
            edges[i].target != edges[distinct - 1].target) {
            edges[distinct++] = edges[i];
        }
    }
    record->edge_count = distinct;
    return CG_OK;
}

static cg_status link_all(cg_wordnet *wordnet, cg_error *error) {
    if (wordnet->pointer_count == 0) {
        return CG_OK;
    }
    wordnet->edges = cg_allocate(&wordnet->allocator, wordnet->pointer_count, sizeof(cg_edge));
    if (!wordnet->edges) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for %zu WordNet pointers",
                            wordnet->pointer_count);
    }
    wordnet->edge_capacity = wordnet->pointer_count;
    size_t filled = 0;
    for (size_t i = 0; i < wordnet->record_count; i++) {
        wordnet->records[i].edge_start = filled;
        cg_status status = link_record(wordnet, i, error);
        if (status != CG_OK) {
            return status;
        }
        filled += wordnet->records[i].edge_count;
    }
    cg_deallocate(&wordnet->allocator, wordnet->pointers, wordnet->pointer_capacity,
                  sizeof(wordnet_pointer));
    wordnet->pointers = NULL;
    wordnet->pointer_capacity = 0;
    return CG_OK;
}

cg_status cg_wordnet_parse(const cg_wordnet_source sources[CG_WORDNET_FILES],
                           cg_allocator allocator, cg_wordnet **out, cg_error *error) {
    cg_wordnet *wordnet = cg_allocate(&allocator, 1, sizeof *wordnet);
    if (!wordnet) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for WordNet");
    }
    wordnet->allocator = allocator;
    cg_status status = CG_OK;
    for (uint8_t file = 0; file < CG_WORDNET_FILES && status == CG_OK; file++) {
        status = read_file(wordnet, file, sources[file], error);
    }
    if (status == CG_OK) {
        status = link_all(wordnet, error);
    }
    if (status != CG_OK) {
        cg_wordnet_free(wordnet);
        return status;
    }
    *out = wordnet;
    return CG_OK;
}

void cg_wordnet_free(cg_wordnet *wordnet) {
    if (wordnet) {
        cg_allocator allocator = wordnet->allocator;
        cg_deallocate(&allocator, wordnet->records, wordnet->record_capacity,
                      sizeof(wordnet_record));
        cg_deallocate(&allocator, wordnet->text, wordnet->text_capacity, 1);
        cg_deallocate(&allocator, wordnet->pointers, wordnet->pointer_capacity,
                      sizeof(wordnet_pointer));
        cg_deallocate(&allocator, wordnet->edges, wordnet->edge_capacity, sizeof(cg_edge));
        cg_deallocate(&allocator, wordnet, 1, sizeof *wordnet);
    }
}

uint32_t cg_wordnet_count(const cg_wordnet *wordnet) {
    return (uint32_t)wordnet->record_count; /* a file has less than 10^8 bytes */
}

cg_synset cg_wordnet_synset(const cg_wordnet *wordnet, uint32_t number) {
    CG_ASSERT(number < wordnet->record_count);
    const wordnet_record *record = &wordnet->records[number];
    return (cg_synset){
        .id = record->id,
        .type = record->type,
        .text = wordnet->text + record->text_start,
        .text_bytes = record->text_bytes,
        .name = wordnet->text + record->name_start,
        .edges = record->edge_count > 0 ? wordnet->edges + record->edge_start : NULL,
        .edge_count = record->edge_count,
    };
}
