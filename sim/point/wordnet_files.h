/* WordNet's files on this machine: found, read one at a time, and handed to the engine. */
#ifndef SIM_POINT_WORDNET_FILES_H
#define SIM_POINT_WORDNET_FILES_H

#include "engine/fact/lemma.h"
#include "engine/graph/wordnet.h"

/* Fails when one of the eight files (data.noun, noun.exc ...) cannot be read: CG_ERROR_NOT_FOUND
 * naming it and the package that has it. */
cg_status sim_wordnet_check_files(const char *folder, cg_error *error);

/* All of WordNet 3.0, and its lemmas, frozen: known words are those of all synsets. The caller
 * frees both. Errors: CG_ERROR_NOT_FOUND and CG_ERROR_IO naming the file, CG_ERROR_CORRUPT
 * naming file and line. Cost: some 0.3 s. */
cg_status sim_wordnet_load(const char *folder, cg_allocator allocator, cg_wordnet **wordnet,
                           cg_lemmas **lemmas, cg_error *error);

#endif
