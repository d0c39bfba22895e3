/* Goal: WordNet 3.0 is read whole and right (counts and synsets known from the files
 * themselves), samples keep their promises, and no cut or altered file gets through as
 * something it is not. Real input: the data files of Debian's wordnet-base. (E1) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/wordnet.h"

static uint8_t *files[CG_WORDNET_FILES];
static cg_wordnet_source real[CG_WORDNET_FILES];
static cg_wordnet *wordnet;

static int load(void **state) {
    (void)state;
    cg_error error = {0};
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        char path[64];
        snprintf(path, sizeof path, "/usr/share/wordnet/%s", cg_wordnet_file_names[f]);
        files[f] = support_read_file(path, &real[f].size_bytes);
        real[f].bytes = files[f];
    }
    cg_status status = cg_wordnet_parse(real, cg_allocator_heap(), &wordnet, &error);
    if (status != CG_OK) {
        fprintf(stderr, "%s\n", error.message);
    }
    return status == CG_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    cg_wordnet_free(wordnet);
    cg_wordnet_free(NULL);
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        free(files[f]);
    }
    return 0;
}

static uint32_t number_of(uint64_t id) {
    uint32_t number = 0;
    while (number < cg_wordnet_count(wordnet) && cg_wordnet_synset(wordnet, number).id != id) {
        number++;
    }
    assert_true(number < cg_wordnet_count(wordnet));
    return number;
}

static bool has_edge(uint64_t from, cg_edge_type type, uint64_t to) {
    cg_synset synset = cg_wordnet_synset(wordnet, number_of(from));
    for (uint32_t i = 0; i < synset.edge_count; i++) {
        if (synset.edges[i].type == type &&
            cg_wordnet_synset(wordnet, synset.edges[i].target).id == to) {
            return true;
        }
    }
    return false;
}

static bool is_parent(uint32_t type) {
    return type == CG_EDGE_HYPERNYM || type == CG_EDGE_INSTANCE_HYPERNYM;
}

static void test_counts(void **state) {
    (void)state;
    uint32_t counts[5] = {0};
    uint64_t edges = 0;
    uint64_t before = 0;
    assert_int_equal(cg_wordnet_count(wordnet), CG_WORDNET_SYNSETS);
    for (uint32_t i = 0; i < CG_WORDNET_SYNSETS; i++) {
        cg_synset synset = cg_wordnet_synset(wordnet, i);
        assert_true(synset.id > before);
        before = synset.id;
        counts[synset.id / 100000000]++;
        assert_int_equal(strlen(synset.text), synset.text_bytes);
        assert_memory_equal(synset.text, synset.name, strlen(synset.name));
        assert_true(synset.type <= 44);
        edges += synset.edge_count;
        for (uint32_t e = 0; e < synset.edge_count; e++) {
            cg_edge edge = synset.edges[e];
            assert_true(edge.target < CG_WORDNET_SYNSETS && edge.target != i);
            assert_int_equal(edge.weight, 255);
            if (e > 0) {
                cg_edge last = synset.edges[e - 1];
                assert_true(last.type < edge.type ||
                            (last.type == edge.type && last.target < edge.target));
            }
        }
    }
    assert_int_equal(counts[1], 82115);
    assert_int_equal(counts[2], 13767);
    assert_int_equal(counts[3], 18156);
    assert_int_equal(counts[4], 3621);
    assert_int_equal(edges,
                     364543); /* distinct (source, type, target), those to itself left out */
}

static void test_known_synsets(void **state) {
    (void)state;
    cg_synset dog = cg_wordnet_synset(wordnet, number_of(102084071));
    assert_string_equal(dog.name, "dog");
    assert_int_equal(dog.type, 5); /* noun.animal */
    assert_int_equal(dog.edge_count, 23);
    assert_string_equal(
        dog.text, "dog, domestic dog, Canis familiaris: a member of the genus Canis (probably "
                  "descended from the common wolf) that has been domesticated by man since "
                  "prehistoric times; occurs in many breeds; \"the dog barked all night\"");
    assert_true(has_edge(102084071, CG_EDGE_HYPERNYM, 102083346));
    assert_true(has_edge(102084071, CG_EDGE_HYPERNYM, 101317541));
    assert_false(has_edge(102084071, CG_EDGE_HYPONYM, 101317541));
    assert_true(has_edge(102084071, CG_EDGE_MEMBER_HOLONYM, 107994941));
    assert_true(has_edge(102084071, CG_EDGE_PART_MERONYM, 102158846));
    assert_true(has_edge(102083346, CG_EDGE_HYPONYM, 102084071));
    assert_true(has_edge(200001740, CG_EDGE_ENTAILMENT, 200004227)); /* breathe, inhale */
    assert_true(has_edge(300001740, CG_EDGE_ANTONYM, 300002098));    /* able, unable */
    assert_true(has_edge(300002312, CG_EDGE_DOMAIN_TOPIC, 106037666));
    assert_string_equal(cg_wordnet_synset(wordnet, 0).name, "entity");
    /* Markers go: afloat(p), galore(ip). */
    for (uint32_t i = 0; i < CG_WORDNET_SYNSETS; i++) {
        cg_synset synset = cg_wordnet_synset(wordnet, i);
        assert_null(strstr(synset.name, "(p)"));
        assert_null(strstr(synset.name, "(a)"));
        assert_null(strstr(synset.name, "(ip)"));
        assert_null(strchr(synset.name, '_'));
    }
}

static cg_wordnet_sample sample_of(uint32_t nodes, uint32_t held_out, uint64_t seed) {
    cg_error error = {0};
    cg_wordnet_sample sample = {0};
    assert_ok(cg_wordnet_sample_alloc(wordnet, nodes, held_out, seed, cg_allocator_heap(),
                                      &sample, &error),
              error);
    return sample;
}

/* The promises of the header, checked by the plainest means. */
static void check_sample(const cg_wordnet_sample *sample, uint32_t held_out_max) {
    uint8_t *member = calloc(CG_WORDNET_SYNSETS, 1);
    uint8_t *has_child = calloc(CG_WORDNET_SYNSETS, 1);
    assert_non_null(member);
    assert_non_null(has_child);
    for (uint32_t i = 0; i < sample->member_count; i++) {
        assert_true(i == 0 || sample->members[i] > sample->members[i - 1]);
        member[sample->members[i]] = 1;
    }
    for (uint32_t i = 0; i < CG_WORDNET_SYNSETS; i++) {
        cg_synset synset = cg_wordnet_synset(wordnet, i);
        for (uint32_t e = 0; e < synset.edge_count; e++) {
            if (is_parent(synset.edges[e].type)) {
                has_child[synset.edges[e].target] = 1;
                assert_true(!member[i] || member[synset.edges[e].target]);
            }
        }
    }
    assert_true(sample->held_out_count <= held_out_max);
    for (uint32_t i = 0; i < sample->held_out_count; i++) {
        uint32_t number = sample->held_out[i];
        cg_synset synset = cg_wordnet_synset(wordnet, number);
        uint32_t rows[16];
        uint32_t parents = 0;
        assert_true(synset.id < 200000000 && !member[number] && !has_child[number]);
        uint32_t answers = cg_wordnet_answer(wordnet, sample, number, rows, 16);
        for (uint32_t e = 0; e < synset.edge_count; e++) {
            if (is_parent(synset.edges[e].type)) {
                assert_int_equal(sample->members[rows[parents]], synset.edges[e].target);
                parents++;
            }
        }
        assert_true(parents > 0);
        assert_int_equal(answers, parents);
        assert_int_equal(cg_wordnet_answer(wordnet, sample, number, rows, 0), 0);
        member[number] = 1; /* none is held out twice */
    }
    free(has_child);
    free(member);
}

static void test_samples(void **state) {
    (void)state;
    static const uint32_t sizes[] = {1, 2, 17, 1000, 10000, 100000, 116658, 116659, 0, 4000000};
    for (uint64_t seed = 1; seed <= 2; seed++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            cg_wordnet_sample sample = sample_of(sizes[i], 1000, seed);
            bool all = sizes[i] == 0 || sizes[i] > 116659;
            assert_int_equal(sample.member_count, all ? 116659 : sizes[i]);
            assert_true(sample.held_out_count == 1000 || sizes[i] <= 1000);
            check_sample(&sample, 1000);
            cg_wordnet_sample_free(&sample, cg_allocator_heap());
            assert_null(sample.members);
        }
    }
}

/* No leaf kept: all leaves are reserved, and there are 64,958. None held out: everything is a
 * member. */
static void test_sample_limits(void **state) {
    (void)state;
    cg_wordnet_sample sample = sample_of(0, UINT32_MAX, 1);
    assert_int_equal(sample.held_out_count, 64958);
    assert_int_equal(sample.member_count, CG_WORDNET_SYNSETS - 64958);
    check_sample(&sample, UINT32_MAX);
    cg_wordnet_sample_free(&sample, cg_allocator_heap());
    sample = sample_of(0, 0, 1);
    assert_int_equal(sample.held_out_count, 0);
    assert_int_equal(sample.member_count, CG_WORDNET_SYNSETS);
    cg_wordnet_sample_free(&sample, cg_allocator_heap());
    cg_wordnet_sample first = sample_of(1000, 100, 1);
    cg_wordnet_sample second = sample_of(1000, 100, 2);
    assert_memory_not_equal(first.members, second.members, 1000 * sizeof(uint32_t));
    cg_wordnet_sample_free(&first, cg_allocator_heap());
    cg_wordnet_sample_free(&second, cg_allocator_heap());
}

/* The same samples and graphs in every run, build and compiler. */
static void test_golden(void **state) {
    (void)state;
    static const struct {
        uint32_t nodes, held_out_count;
        uint64_t edges, hash;
    } golden[] = {
        {1000, 1000, 1970, UINT64_C(0x45a76f3192a18370)},
        {10000, 1000, 21472, UINT64_C(0xb711ea331ad74219)},
        {0, 1000, 360557, UINT64_C(0x1216e6f03a72271a)},
    };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        cg_error error = {0};
        cg_graph *graph = NULL;
        cg_wordnet_sample sample = sample_of(golden[i].nodes, 1000, 1);
        assert_ok(
            cg_wordnet_graph(wordnet, &sample, false, cg_allocator_heap(), &graph, &error),
            error);
        assert_int_equal(cg_graph_concept_count(graph), sample.member_count);
        assert_int_equal(sample.held_out_count, golden[i].held_out_count);
        assert_int_equal(cg_graph_edge_count(graph), golden[i].edges);
        assert_int_equal(cg_graph_hash(graph), golden[i].hash);
        cg_graph_free(graph);
        cg_wordnet_sample_free(&sample, cg_allocator_heap());
    }
}

/* Goal: weighted, an edge that is one of n of its type weighs 1 / (2 - 1 / n), to within the half
 * of a step of 1 / 256, an antonym 0.4; and edges are the same otherwise. */
static void test_weights(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *plain = NULL;
    cg_graph *graph = NULL;
    cg_wordnet_sample sample = sample_of(3000, 0, 1);
    assert_ok(cg_wordnet_graph(wordnet, &sample, false, cg_allocator_heap(), &plain, &error),
              error);
    assert_ok(cg_wordnet_graph(wordnet, &sample, true, cg_allocator_heap(), &graph, &error),
              error);
    uint32_t lighter = 0;
    for (uint32_t row = 0; row < cg_graph_concept_count(graph); row++) {
        cg_edge_cursor edges = cg_graph_edges(graph, row);
        cg_edge_cursor others = cg_graph_edges(plain, row);
        cg_edge edge;
        cg_edge other;
        while (cg_graph_next_edge(&edges, &edge)) {
            assert_true(cg_graph_next_edge(&others, &other));
            assert_true(edge.type == other.type && edge.target == other.target);
            double alike = cg_graph_degree_of_type(graph, row, edge.type);
            double wanted = edge.type == CG_EDGE_ANTONYM ? 0.4 : 1.0 / (2.0 - 1.0 / alike);
            double off = (edge.weight + 1) / 256.0 - wanted;
            assert_true(off < 1.0 / 256.0 && off > -1.0 / 256.0);
            lighter += edge.weight < 255;
        }
        assert_false(cg_graph_next_edge(&others, &other));
    }
    assert_true(lighter > 1000);
    cg_graph_free(plain);
    cg_graph_free(graph);
    cg_wordnet_sample_free(&sample, cg_allocator_heap());
}

/* All of WordNet as a graph: rows are synset numbers. */
static void test_graph(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = NULL;
    cg_wordnet_sample sample = sample_of(0, 0, 1);
    assert_ok(cg_wordnet_graph(wordnet, &sample, false, cg_allocator_heap(), &graph, &error),
              error);
    assert_int_equal(cg_graph_edge_count(graph), 364543);
    uint32_t entity = number_of(100001740);
    uint32_t dog = number_of(102084071);
    uint32_t canine = number_of(102083346);
    uint32_t wolf = number_of(102114100);
    assert_string_equal(cg_graph_name(graph, wolf), "wolf");
    assert_int_equal(cg_graph_id(graph, dog), 102084071);
    assert_int_equal(cg_graph_type(graph, dog), 5);
    assert_int_equal(cg_graph_degree(graph, dog), 23);
    assert_int_equal(cg_graph_depth(graph, entity), 0);
    assert_int_equal(cg_graph_depth(graph, dog), 8); /* by domestic animal, animal */
    assert_int_equal(cg_graph_tree_distance(graph, dog, canine, 4), 1);
    assert_int_equal(cg_graph_tree_distance(graph, dog, wolf, 4), 2);
    assert_int_equal(cg_graph_tree_distance(graph, entity, wolf, 4), 5);
    uint32_t path[CG_PATH_MAX];
    uint32_t length = cg_graph_path_to_root(graph, wolf, path);
    assert_int_equal(path[1], canine);
    assert_int_equal(path[length - 1], entity);
    cg_graph_free(graph);
    cg_wordnet_sample_free(&sample, cg_allocator_heap());
}

/* --- Damaged files. --- */

/* Parses the real files with file f replaced; returns the status and fills error. */
static cg_status parse_with(int f, const uint8_t *bytes, size_t size_bytes, cg_error *error) {
    cg_wordnet_source sources[CG_WORDNET_FILES];
    memcpy(sources, real, sizeof sources);
    sources[f] = (cg_wordnet_source){bytes, size_bytes};
    cg_wordnet *parsed = NULL;
    cg_status status = cg_wordnet_parse(sources, cg_allocator_heap(), &parsed, error);
    cg_wordnet_free(parsed);
    return status;
}

static void test_cut_files(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(1), "test.cut", 0);
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        for (int i = 0; i < 6; i++) {
            cg_error error = {0};
            size_t size = i == 0   ? 0
                          : i == 1 ? real[f].size_bytes - 1
                                   : cg_stream_next_below(&stream, real[f].size_bytes);
            cg_status status = parse_with(f, files[f], size, &error);
            assert_status(status, CG_ERROR_CORRUPT, error, " line ");
        }
        /* At the end of a line: what is gone leaves pointers without target, or the next file's
         * offsets are right and its pointers not. */
        size_t half = real[f].size_bytes / 2;
        while (files[f][half - 1] != '\n') {
            half++;
        }
        cg_error error = {0};
        assert_status(parse_with(f, files[f], half, &error), CG_ERROR_CORRUPT, error,
                      "no such synset");
    }
}

/* A small WordNet of one synset a file, in which a single field is replaced at a time. */
typedef struct replacement {
    int file;
    const char *from;
    const char *to;
    const char *message; /* NULL: must be accepted */
} replacement;

static const char *const tiny[CG_WORDNET_FILES] = {
    ("  1 licence.  \n"
     "00000015 03 n 02 entity 0 thing 1 002 + 00000000 v 0101 = 00000000 a 0000 | what is  \n"),
    "00000000 29 v 01 be 0 001 + 00000015 n 0101 02 + 02 00 + 35 01 | exist; \"to be\"  \n",
    "00000000 00 s 02 real(p) 0 true_to_life(ip) f 001 = 00000015 n 0000 | existing  \n",
    "00000000 02 r 01 really 0 001 \\ 00000000 s 0101 | in fact\n",
};

static const replacement replacements[] = {
    {0, "entity", "en_ity", NULL},
    {0, "what is", "wh@t |s", NULL},
    {0, " 1 licence", " 2 LICENCE", NULL},
    {0, "00000015 03", "00000016 03", "byte offset 16, but it lies at 15"},
    {0, "00000015 03", "0000001x 03", "8 digits"},
    {0, "00000015 03", "00000015_03", "what follows the synset offset must be ' '"},
    {0, "03 n", "45 n", "at most 44"},
    {0, "03 n", "03 v", "the synset type must be 'n'"},
    {0, "03 n", "03 s", "the synset type"},
    {0, "02 entity", "00 entity", "the number of words must be at least 1"},
    {0, "02 entity", "01 entity", "3 digits"},
    {0, "02 entity", "03 entity", "data.noun line 2 column"},
    {0, "02 entity", "0g entity", "2 hexadecimal digits"},
    {0, "entity 0", "entity g", "1 hexadecimal digit"},
    {0, "002 +", "001 +", "what begins the gloss"},
    {0, "002 +", "003 +", "pointer symbol"},
    {0, "002 +", "-02 +", "the number of pointers must be 3 digits"},
    {0, "+ 0000", "? 0000", "pointer symbol"},
    {0, "v 0101", "x 0101", "part of speech"},
    {0, "v 0101", "r 0101", NULL},
    {0, "v 0101", "v 0301", "at most 2"},
    {0, "v 0101", "v 0201", NULL},
    {0, "v 0101", "v 0102", "no such word"},
    {0, "v 0101", "v 0001", "both zero or neither"},
    {0, "v 0101", "v 0100", "both zero or neither"},
    {0, "00000000 v", "00000001 v", "data.verb offset 00000001, where there is no such synset"},
    {0, "00000000 v", "00000015 n", NULL}, /* to itself: dropped */
    {0, "| what is", "| \twhat s", "printable ASCII"},
    {0, "| what is", "| w\xe4hat s", "printable ASCII"},
    {0, "| what is", "|        ", "the gloss must be a text"},
    {0, "| what is", "; what is", "must be '|'"},
    {0, "what is  \n", "what is   ", "cut off"},
    {0, "  1 lic", "1   lic", "data.noun line 1"},
    {1, "02 + 02", "01 + 02", "what begins the gloss"},
    {1, "02 + 02", "03 + 02", "what a frame begins with"},
    {1, "+ 35", "+ 36", "at most 35"},
    {1, "35 01", "35 02", "at most 1"},
    {1, "+ 02 00", "- 02 00", "what a frame begins with"},
    {2, "00 s", "00 a", NULL},
    {2, "00 s", "00 n", "the synset type must be 'a'"},
    {2, "real(p)", "real(x)", NULL},
    {2, "= 00000015 n 0000", "                 ", "pointer symbol"},
    {3, "\\ 0000", "/ 0000", "pointer symbol"},
};

static cg_status parse_tiny(const replacement *change, cg_wordnet **out, cg_error *error) {
    char copies[CG_WORDNET_FILES][256];
    cg_wordnet_source sources[CG_WORDNET_FILES];
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        snprintf(copies[f], sizeof copies[f], "%s", tiny[f]);
        sources[f] = (cg_wordnet_source){(const uint8_t *)copies[f], strlen(tiny[f])};
    }
    if (change) {
        char *place = strstr(copies[change->file], change->from);
        assert_non_null(place);
        assert_int_equal(strlen(change->from), strlen(change->to));
        memcpy(place, change->to, strlen(change->to));
    }
    return cg_wordnet_parse(sources, cg_allocator_heap(), out, error);
}

static void test_altered_fields(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++) {
        cg_error error = {0};
        cg_wordnet *parsed = NULL;
        cg_status status = parse_tiny(&replacements[i], &parsed, &error);
        if (replacements[i].message) {
            if (status != CG_ERROR_CORRUPT) {
                fail_msg("replacement %zu (%s) was taken", i, replacements[i].to);
            }
            assert_status(status, CG_ERROR_CORRUPT, error, replacements[i].message);
            assert_status(status, CG_ERROR_CORRUPT, error,
                          cg_wordnet_file_names[replacements[i].file]);
            assert_status(status, CG_ERROR_CORRUPT, error, " line ");
        } else {
            assert_ok(status, error);
        }
        assert_int_equal(parsed != NULL, status == CG_OK);
        cg_wordnet_free(parsed);
    }
}

static void test_tiny(void **state) {
    (void)state;
    cg_error error = {0};
    cg_wordnet *parsed = NULL;
    assert_ok(parse_tiny(NULL, &parsed, &error), error);
    assert_int_equal(cg_wordnet_count(parsed), 4);
    assert_string_equal(cg_wordnet_synset(parsed, 0).text, "entity, thing: what is");
    assert_string_equal(cg_wordnet_synset(parsed, 1).text, "be: exist; \"to be\"");
    assert_string_equal(cg_wordnet_synset(parsed, 2).text, "real, true to life: existing");
    assert_string_equal(cg_wordnet_synset(parsed, 2).name, "real");
    assert_int_equal(cg_wordnet_synset(parsed, 0).edge_count, 2);
    assert_int_equal(cg_wordnet_synset(parsed, 3).edges[0].target, 2);
    assert_int_equal(cg_wordnet_synset(parsed, 3).edges[0].type, CG_EDGE_PERTAINYM);
    cg_wordnet_free(parsed);
}

/* Flips one byte at a time in the tiny files: a status, never a crash, never a leak. */
static void test_flipped_bytes(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    uint32_t refused = 0;
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        for (size_t at = 0; at < strlen(tiny[f]); at++) {
            for (int bit = 0; bit < 8; bit++) {
                char copy[256];
                cg_wordnet_source sources[CG_WORDNET_FILES];
                for (int g = 0; g < CG_WORDNET_FILES; g++) {
                    sources[g] = (cg_wordnet_source){(const uint8_t *)tiny[g], strlen(tiny[g])};
                }
                snprintf(copy, sizeof copy, "%s", tiny[f]);
                copy[at] = (char)(copy[at] ^ (1 << bit));
                sources[f].bytes = (const uint8_t *)copy;
                cg_wordnet *parsed = NULL;
                cg_status status = cg_wordnet_parse(
                    sources, cg_counting_allocator_view(&counting), &parsed, NULL);
                assert_true(status == CG_OK || status == CG_ERROR_CORRUPT);
                refused += status != CG_OK;
                cg_wordnet_free(parsed);
                assert_int_equal(counting.live_blocks, 0);
            }
        }
    }
    assert_true(refused > 1000);
}

/* Every allocation fails once: parsing, sampling and building the graph give CG_ERROR_MEMORY
 * and leak nothing. */
static cg_status whole_way(const cg_wordnet_source *sources, cg_allocator allocator,
                           cg_error *error) {
    cg_wordnet *parsed = NULL;
    cg_wordnet_sample sample = {0};
    cg_graph *graph = NULL;
    cg_status status = cg_wordnet_parse(sources, allocator, &parsed, error);
    if (status == CG_OK) {
        status = cg_wordnet_sample_alloc(parsed, 0, 5, 1, allocator, &sample, error);
    }
    if (status == CG_OK) {
        status = cg_wordnet_graph(parsed, &sample, false, allocator, &graph, error);
    }
    cg_graph_free(graph);
    cg_wordnet_sample_free(&sample, allocator);
    cg_wordnet_free(parsed);
    return status;
}

static void test_allocation_failure(void **state) {
    (void)state;
    cg_wordnet_source sources[CG_WORDNET_FILES];
    for (int f = 0; f < CG_WORDNET_FILES; f++) {
        sources[f] = (cg_wordnet_source){(const uint8_t *)tiny[f], strlen(tiny[f])};
    }
    cg_status status = CG_ERROR_MEMORY;
    uint64_t n = 0;
    while (status != CG_OK) {
        cg_error error = {0};
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = ++n;
        status = whole_way(sources, cg_counting_allocator_view(&counting), &error);
        assert_int_equal(counting.live_blocks, 0);
        assert_int_equal(counting.live_bytes, 0);
        if (status != CG_OK) {
            assert_status(status, CG_ERROR_MEMORY, error, "memory");
        }
    }
    assert_true(n > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),        cmocka_unit_test(test_known_synsets),
        cmocka_unit_test(test_samples),       cmocka_unit_test(test_sample_limits),
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_graph),         cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_tiny),          cmocka_unit_test(test_altered_fields),
        cmocka_unit_test(test_flipped_bytes), cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
