/* WordNet's reader, and samples and graphs of what it accepts. The input is four files, each
 * ended by a line "====". Synsets must state their own offsets, which an input of changed
 * length rarely gets right; so every input is read a second time with the right offsets put in.
 * What is accepted must keep the promises of wordnet.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/wordnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static void split(const uint8_t *data, size_t size,
                  cg_wordnet_source sources[CG_WORDNET_FILES]) {
    static const char separator[] = "====\n";
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        size_t end = 0;
        while (end < size && (size - end < 5 || memcmp(data + end, separator, 5) != 0)) {
            end++;
        }
        sources[f] = (cg_wordnet_source){data, end};
        size_t used = size - end < 5 ? size : end + 5;
        data += used;
        size -= used;
    }
}

/* Puts its offset in front of every line that begins with eight digits. */
static void correct_offsets(uint8_t *bytes, size_t size) {
    for (size_t line = 0; line + 8 <= size;) {
        size_t digits = 0;
        while (digits < 8 && bytes[line + digits] >= '0' && bytes[line + digits] <= '9') {
            digits++;
        }
        size_t value = line;
        for (size_t i = 8; i > 0 && digits == 8; i--, value /= 10) {
            bytes[line + i - 1] = (uint8_t)('0' + value % 10);
        }
        const uint8_t *end = memchr(bytes + line, '\n', size - line);
        line = end ? (size_t)(end - bytes) + 1 : size;
    }
}

static void check_graph(const cg_wordnet *wordnet, uint32_t nodes, uint32_t held_out_max) {
    cg_allocator heap = cg_allocator_heap();
    cg_wordnet_sample sample;
    cg_graph *graph = NULL;
    if (cg_wordnet_sample_alloc(wordnet, nodes, held_out_max, 1, heap, &sample, NULL) !=
        CG_OK) {
        return;
    }
    require(sample.member_count > 0 && sample.held_out_count <= held_out_max);
    require(nodes == 0 || sample.member_count <= nodes);
    require(cg_wordnet_graph(wordnet, &sample, true, heap, &graph, NULL) == CG_OK);
    require(cg_graph_concept_count(graph) == sample.member_count);
    for (uint32_t row = 0; row < sample.member_count; row++) {
        uint32_t path[CG_PATH_MAX];
        uint32_t length = cg_graph_path_to_root(graph, row, path);
        require(length >= 1 && length <= CG_PATH_MAX);
        require(cg_graph_tree_distance(graph, row, path[length - 1], 3) <= 4);
    }
    for (uint32_t i = 0; i < sample.held_out_count; i++) {
        uint32_t rows[4];
        require(cg_wordnet_answer(wordnet, &sample, sample.held_out[i], rows, 4) > 0);
        require(rows[0] < sample.member_count);
    }
    cg_graph_free(graph);
    cg_wordnet_sample_free(&sample, heap);
}

static void check_wordnet(const cg_wordnet *wordnet) {
    uint32_t count = cg_wordnet_count(wordnet);
    require(count >= CG_WORDNET_FILES);
    for (uint32_t i = 0; i < count; i++) {
        cg_synset synset = cg_wordnet_synset(wordnet, i);
        require(strlen(synset.text) == synset.text_bytes);
        require(strncmp(synset.text, synset.name, strlen(synset.name)) == 0);
        for (uint32_t e = 0; e < synset.edge_count; e++) {
            require(synset.edges[e].target < count && synset.edges[e].target != i);
            require(synset.edges[e].type < CG_EDGE_TYPE_COUNT);
        }
    }
    check_graph(wordnet, 0, 2);
    check_graph(wordnet, 3, 1);
    check_graph(wordnet, count - 1, UINT32_MAX);
}

static void parse(const cg_wordnet_source sources[CG_WORDNET_FILES]) {
    cg_wordnet *wordnet = NULL;
    cg_error error = {0};
    cg_status status = cg_wordnet_parse(sources, cg_allocator_heap(), &wordnet, &error);
    if (status == CG_OK) {
        check_wordnet(wordnet);
    } else {
        require(status == CG_ERROR_CORRUPT && error.message[0] != 0);
        require(strstr(error.message, "data.") != NULL);
        require(strstr(error.message, " line ") != NULL);
    }
    cg_wordnet_free(wordnet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cg_wordnet_source sources[CG_WORDNET_FILES];
    split(data, size, sources);
    parse(sources);
    uint8_t *copies[CG_WORDNET_FILES];
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        copies[f] = malloc(sources[f].size_bytes + 1);
        require(copies[f] != NULL);
        memcpy(copies[f], sources[f].bytes, sources[f].size_bytes);
        correct_offsets(copies[f], sources[f].size_bytes);
        sources[f].bytes = copies[f];
    }
    parse(sources);
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        free(copies[f]);
    }
    return 0;
}
