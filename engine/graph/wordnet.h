/* WordNet 3.0's data files (wndb(5WN)) as a graph, and samples of it.
 *
 * The reader takes the bytes of data.noun, data.verb, data.adj and data.adv; opening files is
 * not engine's business. It trusts nothing: every field is bounded, every synset must lie at
 * the offset it states, every pointer must meet a synset. What it cannot see is a file cut
 * between two synsets of which nothing points to those that are gone, and altered letters in
 * words and glosses: who expects WordNet 3.0 whole compares the count with CG_WORDNET_SYNSETS.
 */
#ifndef CG_ENGINE_GRAPH_WORDNET_H
#define CG_ENGINE_GRAPH_WORDNET_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

enum { CG_WORDNET_FILES = 4, CG_WORDNET_SYNSETS = 117659 };
extern const char *const cg_wordnet_file_names[CG_WORDNET_FILES]; /* "data.noun" ... */

typedef struct cg_wordnet_source {
    const uint8_t *bytes;
    size_t size_bytes;
} cg_wordnet_source;

typedef struct cg_wordnet cg_wordnet;

/* sources in the order of cg_wordnet_file_names; the bytes may go after the call. Synsets are
 * numbered in file order, then offset order. Pointers between words become edges between their
 * synsets; several of one type between the same two become one, and those within a synset are
 * dropped. All weights are 1.0: WordNet states none. Errors: CG_ERROR_CORRUPT naming file and
 * line; CG_ERROR_MEMORY. */
cg_status cg_wordnet_parse(const cg_wordnet_source sources[CG_WORDNET_FILES],
                           cg_allocator allocator, cg_wordnet **out, cg_error *error);
void cg_wordnet_free(cg_wordnet *wordnet);

typedef struct cg_synset { /* borrowed from the cg_wordnet */
    uint64_t id;           /* part of speech (1..4) * 10^8 + offset: WordNet's own synset id */
    uint32_t type;         /* lexicographer file */
    /* Words joined by ", " (underscores as spaces, adjective markers dropped), then ": ", then
     * the gloss; printable ASCII, NUL-terminated. */
    const char *text;
    uint32_t text_bytes;  /* without the NUL */
    const char *name;     /* the first word */
    const cg_edge *edges; /* targets are synset numbers; sorted by (type, target), distinct */
    uint32_t edge_count;
} cg_synset;
uint32_t cg_wordnet_count(const cg_wordnet *wordnet);
cg_synset cg_wordnet_synset(const cg_wordnet *wordnet, uint32_t number);

/* A sample and what is held out of it.
 *
 * A leaf is a noun synset with a hypernym that is nobody's hypernym (hypernyms of both kinds
 * count, here and below). Leaves are ranked by a draw from (seed, id), all synsets are put into
 * an order by another draw; ties by number.
 *
 *   1. The first `held_out_max` leaves by rank are reserved: they are never members.
 *   2. Members are drawn from all others in that order, each with all its ancestors, until
 *      there are `nodes`. A synset that does not fit with its ancestors is passed over, and
 *      tried again in the next round through the order; rounds end when there are `nodes`
 *      members or a round adds none. nodes 0, or no fewer than are not reserved: all of those.
 *   3. Held out are the first `held_out_max` leaves by rank that are no members and whose
 *      hypernyms all are.
 *
 * So members are closed under hypernyms, none is held out, and every held-out synset has its
 * answers among the members. With all nodes, the held out are the reserved. With fewer they may
 * be fewer than asked for; the reserved come first, so samples of one seed share most of what
 * is held out. There are exactly `nodes` members but for what a cycle of hypernyms may leave
 * over. */
typedef struct cg_wordnet_sample {
    uint32_t *members; /* synset numbers, ascending; their positions become rows */
    uint32_t member_count;
    uint32_t *held_out; /* synset numbers, in rank order */
    uint32_t held_out_count;
} cg_wordnet_sample;
/* On success the sample owns its arrays. Errors: CG_ERROR_MEMORY; CG_ERROR_INVALID when no
 * member is left. */
cg_status cg_wordnet_sample_alloc(const cg_wordnet *wordnet, uint32_t nodes,
                                  uint32_t held_out_max, uint64_t seed, cg_allocator allocator,
                                  cg_wordnet_sample *out, cg_error *error);
void cg_wordnet_sample_free(cg_wordnet_sample *sample, cg_allocator allocator);

/* The frozen graph of a sample: row i is member i, id is the synset's, all edges between
 * members. Weights are 1, or, where `weighted`, 1 over Sussna's distance of a relation ("Word Sense
 * Disambiguation for Free-text Indexing Using a Massive Semantic Network", CIKM 1993): an edge that is
 * one of n of its type from its concept has the distance 2 - 1 / n, an antonym 2.5. We take that for
 * every relation, of which the paper states hypernyms, hyponyms, holonyms and meronyms. */
cg_status cg_wordnet_graph(const cg_wordnet *wordnet, const cg_wordnet_sample *sample,
                           bool weighted, cg_allocator allocator, cg_graph **out,
                           cg_error *error);

/* Rows of the hypernyms (both kinds) of a held-out synset; at most max. Returns how many. */
uint32_t cg_wordnet_answer(const cg_wordnet *wordnet, const cg_wordnet_sample *sample,
                           uint32_t synset, uint32_t *rows, uint32_t max);

#endif
