#include "sim/point/wordnet_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* WordNet's largest file has 15 MB. */
enum { PATH_BYTES = 512, DATA_BYTES_MAX = 1 << 28, WHOLE_ID = 100000000 };

static const char *const exception_files[CG_PARTS_OF_SPEECH] = {[CG_NOUN] = "noun.exc",
                                                                [CG_VERB] = "verb.exc",
                                                                [CG_ADJECTIVE] = "adj.exc",
                                                                [CG_ADVERB] = "adv.exc"};

static cg_status check_file(const char *folder, const char *name, cg_error *error) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, R_OK) == 0) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "graph.path: cannot read %s (%s); install Debian's wordnet-base, or "
                        "name the folder that holds WordNet's data files",
                        path, strerror(errno));
}

cg_status sim_wordnet_check_files(const char *folder, cg_error *error) {
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < CG_WORDNET_FILES; ++i) {
        status = check_file(folder, cg_wordnet_file_names[i], error);
    }
    for (int i = 0; status == CG_OK && i < CG_PARTS_OF_SPEECH; ++i) {
        status = check_file(folder, exception_files[i], error);
    }
    return status;
}

static cg_status read_open(FILE *file, const char *path, size_t most_bytes,
                           cg_wordnet_source *out, cg_error *error) {
    errno = 0;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    if ((unsigned long)size > most_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s has %ld bytes, more than the %zu that such a file can have; "
                            "install Debian's wordnet-base again",
                            path, size, most_bytes);
    }
    uint8_t *bytes = malloc((size_t)size + 1);
    if (!bytes) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the %ld bytes of %s", size,
                            path);
    }
    if (fread(bytes, 1, (size_t)size, file) != (size_t)size || ferror(file)) {
        free(bytes);
        return cg_error_set(error, CG_ERROR_IO, "cannot read %s: %s", path,
                            errno ? strerror(errno) : "it changed while it was read");
    }
    *out = (cg_wordnet_source){bytes, (size_t)size};
    return CG_OK;
}

/* The caller frees out->bytes. */
static cg_status read_file(const char *folder, const char *name, size_t most_bytes,
                           cg_wordnet_source *out, cg_error *error) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "cannot open %s (%s); install Debian's wordnet-base", path,
                            strerror(errno));
    }
    cg_status status = read_open(file, path, most_bytes, out, error);
    fclose(file);
    return status;
}

static cg_status load_synsets(const char *folder, cg_allocator allocator, cg_wordnet **out,
                              cg_error *error) {
    cg_wordnet_source sources[CG_WORDNET_FILES] = {{0}};
    cg_wordnet *wordnet = NULL;
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < CG_WORDNET_FILES; ++i) {
        status =
            read_file(folder, cg_wordnet_file_names[i], DATA_BYTES_MAX, &sources[i], error);
    }
    if (status == CG_OK) {
        status = cg_wordnet_parse(sources, allocator, &wordnet, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "%s: ", folder);
        }
    }
    if (status == CG_OK && cg_wordnet_count(wordnet) != CG_WORDNET_SYNSETS) {
        status = cg_error_set(
            error, CG_ERROR_CORRUPT,
            "%s holds %u synsets instead of the %d of WordNet 3.0; install Debian's "
            "wordnet-base again",
            folder, cg_wordnet_count(wordnet), CG_WORDNET_SYNSETS);
        cg_wordnet_free(wordnet);
    }
    for (int i = 0; i < CG_WORDNET_FILES; ++i) {
        free((void *)sources[i].bytes);
    }
    if (status == CG_OK) {
        *out = wordnet;
    }
    return status;
}

static cg_status add_exceptions(const char *folder, cg_part_of_speech part, cg_lemmas *lemmas,
                                cg_error *error) {
    cg_wordnet_source list = {0};
    cg_status status =
        read_file(folder, exception_files[part], CG_LEMMA_LIST_BYTES_MAX, &list, error);
    if (status == CG_OK) {
        status = cg_lemmas_add_exceptions(lemmas, part, (const char *)list.bytes,
                                          list.size_bytes, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "%s: ", folder);
        }
    }
    free((void *)list.bytes);
    return status;
}

/* The names of a synset: what stands before ": ", separated by ", ". What is no word to the
 * lemmas (too long) stays unknown. */
static cg_status add_names(cg_synset synset, cg_lemmas *lemmas, cg_error *error) {
    const cg_part_of_speech part = (cg_part_of_speech)(synset.id / WHOLE_ID - 1);
    const char *gloss = strstr(synset.text, ": ");
    const char *end = gloss ? gloss : synset.text + synset.text_bytes;
    cg_status status = CG_OK;
    for (const char *name = synset.text; status == CG_OK && name < end;) {
        const char *comma = strstr(name, ", ");
        const char *stop = comma && comma < end ? comma : end;
        status = cg_lemmas_add_word(lemmas, part, name, (size_t)(stop - name), error);
        if (status == CG_ERROR_INVALID) {
            status = CG_OK;
        }
        name = stop == end ? end : stop + 2;
    }
    return status;
}

static cg_status load_lemmas(const char *folder, const cg_wordnet *wordnet,
                             cg_allocator allocator, cg_lemmas **out, cg_error *error) {
    cg_lemmas *lemmas = NULL;
    cg_status status = cg_lemmas_alloc(allocator, &lemmas, error);
    for (int part = 0; status == CG_OK && part < CG_PARTS_OF_SPEECH; ++part) {
        status = add_exceptions(folder, (cg_part_of_speech)part, lemmas, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < cg_wordnet_count(wordnet); ++i) {
        status = add_names(cg_wordnet_synset(wordnet, i), lemmas, error);
    }
    if (status == CG_OK) {
        status = cg_lemmas_freeze(lemmas, error);
    }
    if (status != CG_OK) {
        cg_lemmas_free(lemmas);
        return status;
    }
    *out = lemmas;
    return CG_OK;
}

cg_status sim_wordnet_load(const char *folder, cg_allocator allocator, cg_wordnet **wordnet,
                           cg_lemmas **lemmas, cg_error *error) {
    cg_wordnet *loaded = NULL;
    cg_status status = sim_wordnet_check_files(folder, error);
    if (status == CG_OK) {
        status = load_synsets(folder, allocator, &loaded, error);
    }
    if (status != CG_OK) {
        return status;
    }
    status = load_lemmas(folder, loaded, allocator, lemmas, error);
    if (status != CG_OK) {
        cg_wordnet_free(loaded);
        return status;
    }
    *wordnet = loaded;
    return CG_OK;
}
