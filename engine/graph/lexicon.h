/* The lexicon: which concepts bear a name, and where concepts with a cue hang (spec A3).
 *
 * Names lead to concepts: phrase -> rows. Cues lead to parents by association: (kind, phrase)
 * -> parents of the concepts that have the cue, with how many of them each has. So "ectomy"
 * leads to "surgical removal", and the genus "painter" to painter and muralist, as often as the
 * graph's own concepts do: Hebbian counts, learned from the graph itself.
 *
 * A lexicon may stand on a base lexicon, which it shares and never changes; counts add up. Rows
 * are added once each, in any order; what comes out does not depend on it, except that visits
 * follow the order of first addition within a list (the base's first). Counts and sums stop at
 * UINT32_MAX.
 *
 * Two phrases of one kind are told apart by their 64-bit hashes, and of different kinds by
 * 64-bit hashes of kind and phrase; lists whose hashes are equal become one.
 *
 * Memory: WordNet's 118,000 concepts, with 1.7 names and 8.5 other cues each, take 127 bytes a
 * concept; that is some 12 bytes for each cue and parent, and 20 for the names of rows.
 */
#ifndef CG_ENGINE_GRAPH_LEXICON_H
#define CG_ENGINE_GRAPH_LEXICON_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/fact/cue.h"

typedef struct cg_lexicon cg_lexicon;

/* base: NULL, or a lexicon (it may have a base too) that outlives this one and no longer
 * changes. CG_ERROR_MEMORY. */
cg_status cg_lexicon_alloc(const cg_lexicon *base, cg_allocator allocator, cg_lexicon **out,
                           cg_error *error);
void cg_lexicon_free(cg_lexicon *lexicon); /* NULL is fine */

/* Adds a concept: its names (CG_CUE_NAME) lead to it, and each of its other cues to its
 * parents[parent_count]; a parent that stands there twice counts twice. No row may be added
 * twice. On failure the lexicon is unchanged: CG_ERROR_MEMORY; CG_ERROR_FULL beyond 16 GiB of
 * lists or some 3 * 10^9 distinct phrases.
 *
 * Cost: amortised O(cues * (1 + parents)), however long the lists are. Names of rows take
 * 5 bytes for every row from the least to the largest that has any, added or not. */
cg_status cg_lexicon_add(cg_lexicon *lexicon, uint32_t row, const cg_cues *cues,
                         const uint32_t *parents, uint32_t parent_count, cg_error *error);

/* Takes a concept out again that was added to this lexicon (not its base) with the same cues and
 * parents: whatever is asked afterwards gets the answers of a lexicon to which it never was added,
 * but for the order of visits, in which a parent keeps its place as long as any concept with the
 * cue is left to it. The hash is the same. The row may not be added again. On failure the lexicon
 * is unchanged: CG_ERROR_MEMORY, CG_ERROR_FULL.
 *
 * Cost: as of the addition, and linear in a list that loses an entry. Memory serves later
 * additions, but for some 8 bytes a name. */
cg_status cg_lexicon_remove(cg_lexicon *lexicon, uint32_t row, const cg_cues *cues,
                            const uint32_t *parents, uint32_t parent_count, cg_error *error);

/* What a list holds in all. */
typedef struct cg_lexicon_total {
    uint32_t entries; /* visits: rows of a name; parents of a cue, the base's and own apart */
    uint32_t count;   /* the sum of the counts that they see */
} cg_lexicon_total;

/* count: 1 for a name. Must not add to the lexicon. */
typedef void (*cg_lexicon_visit)(void *context, uint32_t row, uint32_t count);

/* Rows that bear the name. visit may be NULL: the totals cost O(1) for each lexicon in the
 * chain of bases, and visits are reads in a row. Work is for the caller to count. */
cg_lexicon_total cg_lexicon_each_named(const cg_lexicon *lexicon, uint64_t phrase,
                                       cg_lexicon_visit visit, void *context);
/* Parents of the concepts with the cue (any kind but CG_CUE_NAME). A parent that base and own
 * part both have is visited twice, with the count of each. */
cg_lexicon_total cg_lexicon_each_parent(const cg_lexicon *lexicon, cg_cue_kind kind,
                                        uint64_t phrase, cg_lexicon_visit visit, void *context);

/* Whether some concept bears a name of the text, or has a cue of it. */
bool cg_lexicon_knows(const cg_lexicon *lexicon, const cg_cues *cues);

/* The names of a concept of this lexicon or its base, as phrases, in the order of its cues; at
 * most max (with max 0 phrases may be NULL). Returns how many it has; 0 for a row that was
 * never added. */
uint32_t cg_lexicon_names(const cg_lexicon *lexicon, uint32_t row, uint64_t *phrases,
                          uint32_t max);

uint64_t cg_lexicon_bytes(const cg_lexicon *lexicon); /* own part only */
/* Of the own part; does not depend on the order of additions. */
uint64_t cg_lexicon_hash(const cg_lexicon *lexicon);

#endif
