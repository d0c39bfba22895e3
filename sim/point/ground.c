#include "sim/point/ground.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "engine/node/school.h"
#include "sim/graphs/source.h"
#include "sim/point/engine_options.h"
#include "sim/point/wordnet_files.h"

enum {
    RESTATED_EVERY = 8,   /* lesson */
    TEXT_PARTS = 3,       /* of a restated concept, in turn */
    LESSONS_AT_ONCE = 256 /* between two reports of progress */
};

/* A lesson takes about as long as building so many concepts; for progress only. */
static const double lesson_concepts = 2.5;

struct sim_ground {
    cg_wordnet *wordnet;
    cg_lemmas *lemmas;
    cg_wordnet_sample sample; /* held out: facts, then lessons */
    uint32_t fact_count;
    uint32_t lesson_count;
    uint64_t seed;         /* of the restated concepts' draws */
    uint64_t training_key; /* of what corpus.learned was learned with */
    cg_corpus corpus;
    sim_parts parts;
    sim_graph *textless; /* instead of all that, where the graph has no texts; or NULL */
    cg_allocator allocator;
};

/* --- graphs without texts --------------------------------------------------- */

static sim_graph_kind kind_of(sim_ground_source source) {
    return source == SIM_GRAPH_SYNTHETIC ? SIM_GRAPH_KIND_SYNTHETIC
           : source == SIM_GRAPH_TRIPLES ? SIM_GRAPH_KIND_TRIPLES
           : source == SIM_GRAPH_VECTORS ? SIM_GRAPH_KIND_VECTORS
                                         : SIM_GRAPH_KIND_SAVED;
}

/* *path: where the options point to. */
static sim_graph_options textless_options(const sim_options *options, const char **path) {
    const sim_ground_options *graph = &options->graph;
    sim_graph_options made = sim_graph_options_default(kind_of(graph->source));
    *path = graph->path;
    made.paths = path;
    made.path_count = graph->source == SIM_GRAPH_SYNTHETIC ? 0 : 1;
    made.synthetic.nodes = graph->nodes;
    made.synthetic.degree = graph->degree;
    made.synthetic.exponent = graph->exponent;
    made.synthetic.communities = graph->communities;
    made.synthetic.inside = graph->inside;
    made.synthetic.weighted = graph->weighted;
    made.neighbours = graph->neighbours;
    made.inverse = graph->inverse;
    made.seed = graph->seed;
    return made;
}

static cg_status divide(const sim_options *options, sim_ground *ground, cg_error *error) {
    return sim_parts_init(&ground->parts, sim_ground_graph(ground), options, ground->allocator,
                          error);
}

static cg_status build_textless(const sim_options *options, sim_ground *ground,
                                const sim_graph_build_how *how, cg_error *error) {
    const char *path = NULL;
    const sim_graph_options graph = textless_options(options, &path);
    cg_status status = sim_graph_build(&graph, how, &ground->textless, error);
    return status == CG_OK ? divide(options, ground, error) : status;
}

static cg_status check_textless(const sim_options *options, cg_error *error) {
    const char *path = NULL;
    const sim_graph_options graph = textless_options(options, &path);
    cg_status status = sim_graph_check(&graph, error);
    if (status != CG_OK && options->graph.source == SIM_GRAPH_SYNTHETIC) {
        cg_error_prefix(error, "graph."); /* the option's name follows */
    }
    return status;
}

cg_status sim_ground_check_files(const sim_options *options, cg_error *error) {
    if (options->graph.source == SIM_GRAPH_KEYS) {
        return CG_OK;
    }
    return sim_graph_has_texts(options->graph.source)
               ? sim_wordnet_check_files(options->graph.path, error)
               : check_textless(options, error);
}

/* --- texts ---------------------------------------------------------------- */

bool sim_ground_concept_is_noun(const sim_ground *ground, uint32_t row) {
    static const uint64_t noun_ids_end = 200000000;
    return cg_graph_id(ground->corpus.graph, row) < noun_ids_end;
}

const char *sim_ground_concept_text(const sim_ground *ground, uint32_t row, sim_text_part part,
                                    uint32_t *text_bytes) {
    const cg_synset synset = cg_wordnet_synset(ground->wordnet, ground->sample.members[row]);
    const char *gloss = strstr(synset.text, ": ");
    *text_bytes = synset.text_bytes;
    if (!gloss || part == SIM_TEXT_WHOLE) {
        return synset.text;
    }
    const uint32_t words_bytes = (uint32_t)(gloss - synset.text);
    if (part == SIM_TEXT_WORDS) {
        *text_bytes = words_bytes;
        return synset.text;
    }
    *text_bytes = synset.text_bytes - words_bytes - 2;
    return gloss + 2;
}

const char *sim_ground_fact_text(const sim_ground *ground, uint32_t fact,
                                 uint32_t *text_bytes) {
    cg_synset synset = cg_wordnet_synset(ground->wordnet, ground->sample.held_out[fact]);
    *text_bytes = synset.text_bytes;
    return synset.text;
}

uint32_t sim_ground_fact_answer(const sim_ground *ground, uint32_t fact, uint32_t *rows,
                                uint32_t max) {
    return cg_wordnet_answer(ground->wordnet, &ground->sample, ground->sample.held_out[fact],
                             rows, max);
}

/* --- the corpus ----------------------------------------------------------- */

typedef struct build {
    const sim_ground *ground;
    sim_ground_progress progress;
    void *progress_context;
    double corpus_share; /* of the time that it all takes; the rest is training */
} build;

static void member_text(void *context, uint32_t row, const char **text, uint32_t *text_bytes) {
    const build *work = context;
    cg_synset synset =
        cg_wordnet_synset(work->ground->wordnet, work->ground->sample.members[row]);
    *text = synset.text;
    *text_bytes = synset.text_bytes;
}

static bool go_on(void *context, double share) {
    const build *work = context;
    return !work->progress ||
           work->progress(work->progress_context, share * work->corpus_share);
}

static cg_status build_corpus(const sim_options *options, sim_ground *ground,
                              const cg_runner *runner, build *work, cg_error *error) {
    cg_graph *graph = NULL;
    cg_status status =
        cg_wordnet_graph(ground->wordnet, &ground->sample, options->graph.weighted,
                         ground->allocator, &graph, error);
    if (status != CG_OK) {
        return status;
    }
    cg_corpus_options corpus = sim_engine_corpus(options);
    corpus.lemmas = ground->lemmas;
    cg_corpus_source source = {member_text, go_on, work};
    status = cg_corpus_build(&corpus, graph, &source, runner, &ground->allocator,
                             &ground->corpus, error);
    if (status != CG_OK) {
        cg_graph_free(graph);
    }
    return status;
}

/* --- training ------------------------------------------------------------- */

typedef struct schooling {
    const sim_ground *ground;
    uint32_t first; /* number of the school's first lesson */
} schooling;

static uint32_t restated_before(uint32_t lesson) {
    return lesson / RESTATED_EVERY;
}

/* A noun near a row drawn by the lesson's number. */
static uint32_t restated_row(const sim_ground *ground, uint32_t lesson) {
    const uint32_t members = ground->sample.member_count;
    cg_stream stream = cg_stream_init(ground->seed, "ground.restated", lesson);
    uint32_t row = (uint32_t)cg_stream_next_below(&stream, members);
    for (uint32_t i = 0; i < members && !sim_ground_concept_is_noun(ground, row); ++i) {
        row = row + 1 == members ? 0 : row + 1;
    }
    return row;
}

static void give_lesson(void *context, uint32_t number, cg_school_lesson *out) {
    const schooling *school = context;
    const sim_ground *ground = school->ground;
    const uint32_t lesson = school->first + number;
    if (lesson % RESTATED_EVERY == RESTATED_EVERY - 1) {
        const sim_text_part part = (sim_text_part)(restated_before(lesson) % TEXT_PARTS);
        out->truth = restated_row(ground, lesson);
        out->text = sim_ground_concept_text(ground, out->truth, part, &out->text_bytes);
        return;
    }
    const uint32_t leaf = ground->fact_count + lesson - restated_before(lesson);
    out->text = sim_ground_fact_text(ground, leaf, &out->text_bytes);
    const uint32_t answers = sim_ground_fact_answer(ground, leaf, &out->truth, 1);
    CG_ASSERT(answers == 1); /* the sample holds out none without */
}

static cg_status attend(const sim_ground *ground, const sim_options *options, cg_corpus *corpus,
                        const build *work, cg_error *error) {
    cg_cascade_options cascade = sim_engine_cascade(options);
    cascade.strategy = CG_STRATEGY_HIERARCHICAL;
    cg_status status = CG_OK;
    for (uint32_t first = 0; status == CG_OK && first < ground->lesson_count;
         first += LESSONS_AT_ONCE) {
        const uint32_t left = ground->lesson_count - first;
        schooling context = {ground, first};
        const cg_school school = {.lessons = left < LESSONS_AT_ONCE ? left : LESSONS_AT_ONCE,
                                  .lesson = give_lesson,
                                  .context = &context};
        const double share = (double)first / (double)ground->lesson_count;
        if (work && work->progress &&
            !work->progress(work->progress_context,
                            work->corpus_share + share * (1.0 - work->corpus_share))) {
            return cg_error_set(error, CG_ERROR_INTERRUPTED, "training was interrupted");
        }
        status = cg_school_attend(&school, &cascade, corpus, &ground->allocator, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "training, from lesson %u on: ", first);
        }
    }
    return status;
}

cg_status sim_ground_trained(const sim_ground *ground, const sim_options *options,
                             cg_corpus *out, cg_error *error) {
    cg_corpus corpus = ground->corpus;
    cg_status status = CG_OK;
    if (sim_engine_training_key(options) != ground->training_key) {
        corpus.learned = cg_learned_init();
        status = attend(ground, options, &corpus, NULL, error);
    }
    if (status == CG_OK) {
        *out = corpus;
    }
    return status;
}

/* --- all of it ------------------------------------------------------------ */

/* Lessons that are not restatements, of so many lessons. */
static uint32_t leaves_of(uint32_t lessons) {
    return lessons - restated_before(lessons);
}

static cg_status draw_sample(const sim_options *options, sim_ground *ground, cg_error *error) {
    const uint32_t facts = options->graph.held_out;
    cg_status status = cg_wordnet_sample_alloc(
        ground->wordnet, options->graph.nodes, facts + leaves_of(options->engine.training),
        options->graph.seed, ground->allocator, &ground->sample, error);
    if (status != CG_OK) {
        return status;
    }
    const uint32_t leaves = ground->sample.held_out_count;
    if (leaves == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "graph.nodes: a sample of %u concepts leaves no fact whose parents are all "
            "in it; use a larger one",
            options->graph.nodes);
    }
    ground->fact_count = facts < leaves ? facts : leaves;
    ground->lesson_count = options->engine.training;
    const uint32_t left = leaves - ground->fact_count;
    if (left < leaves_of(ground->lesson_count)) {
        ground->lesson_count = left + left / (RESTATED_EVERY - 1);
    }
    return CG_OK;
}

cg_status sim_ground_build(const sim_options *options, const cg_runner *runner,
                           sim_ground_progress progress, void *progress_context,
                           sim_ground **out, cg_error *error) {
    sim_ground *ground = calloc(1, sizeof *ground);
    if (!ground) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a graph");
    }
    ground->allocator = cg_allocator_heap();
    ground->seed = options->graph.seed;
    ground->training_key = sim_engine_training_key(options);
    if (options->graph.source == SIM_GRAPH_KEYS) {
        *out = ground; /* there is nothing to build */
        return CG_OK;
    }
    if (!sim_graph_has_texts(options->graph.source)) {
        const sim_graph_build_how how = {runner, progress, progress_context};
        cg_status built = build_textless(options, ground, &how, error);
        if (built != CG_OK) {
            sim_ground_free(ground);
            return built;
        }
        *out = ground;
        return CG_OK;
    }
    build work = {.ground = ground, .progress = progress, .progress_context = progress_context};
    cg_status status = sim_wordnet_load(options->graph.path, ground->allocator,
                                        &ground->wordnet, &ground->lemmas, error);
    if (status == CG_OK) {
        status = draw_sample(options, ground, error);
    }
    if (status == CG_OK) {
        const double members = (double)ground->sample.member_count;
        const double lessons = lesson_concepts * (double)ground->lesson_count;
        work.corpus_share = members / (members + lessons);
        status = build_corpus(options, ground, runner, &work, error);
    }
    if (status == CG_OK) {
        status = attend(ground, options, &ground->corpus, &work, error);
    }
    if (status == CG_OK) {
        status = divide(options, ground, error);
    }
    if (status != CG_OK) {
        sim_ground_free(ground);
        return status;
    }
    *out = ground;
    return CG_OK;
}

void sim_ground_free(sim_ground *ground) {
    if (!ground) {
        return;
    }
    cg_corpus_deinit(&ground->corpus);
    sim_parts_deinit(&ground->parts);
    sim_graph_free(ground->textless);
    cg_wordnet_sample_free(&ground->sample, ground->allocator);
    cg_lemmas_free(ground->lemmas);
    cg_wordnet_free(ground->wordnet);
    free(ground);
}

const cg_corpus *sim_ground_corpus(const sim_ground *ground) {
    return ground->wordnet ? &ground->corpus : NULL;
}

const cg_graph *sim_ground_graph(const sim_ground *ground) {
    return ground->wordnet    ? ground->corpus.graph
           : ground->textless ? sim_graph_view(ground->textless)
                              : NULL;
}

const sim_parts *sim_ground_parts(const sim_ground *ground) {
    return &ground->parts;
}

uint32_t sim_ground_lesson_count(const sim_ground *ground) {
    return ground->lesson_count;
}

uint32_t sim_ground_fact_count(const sim_ground *ground) {
    return ground->fact_count;
}

uint64_t sim_ground_estimate_bytes(const sim_options *options, uint64_t concepts) {
    /* Vectors in features, spikes; the index's forms; links at level 0 and about one more level's
     * worth; exact form and graph as measured on WordNet: about 20 entries of 8 bytes, 7 edges of
     * 8, a name; the lexicon (engine/graph/lexicon.h). */
    const cg_index_options index = sim_engine_index(options);
    uint64_t vectors = (uint64_t)options->engine.dims * 2 * 4 +
                       cg_precision_row_bytes(index.codes, index.dims);
    if (index.fuller != index.codes) {
        vectors += cg_precision_row_bytes(index.fuller, index.dims);
    }
    uint64_t links = index.kind == CG_INDEX_HNSW ? (uint64_t)index.m * 3 * 4 : 0;
    return concepts * (vectors + links + 160 + 100 + 127);
}

/* Edges of eight bytes, rows, concepts and names; a spread's lines. */
static uint64_t textless_bytes(const sim_options *options) {
    enum { EDGE_BYTES = 8, ROW_BYTES = 8 + 24 + 8, LINE_BYTES = 64 };
    const double edges = (double)options->graph.nodes * options->graph.degree;
    return (uint64_t)(edges * EDGE_BYTES) +
           (uint64_t)options->graph.nodes * (ROW_BYTES + LINE_BYTES);
}

cg_status sim_ground_check_memory(const sim_options *options, cg_error *error) {
    if (options->graph.source != SIM_GRAPH_SYNTHETIC &&
        !sim_graph_has_texts(options->graph.source)) {
        return CG_OK; /* keys take none, and what a file holds is not known yet */
    }
    uint64_t concepts = options->graph.nodes == 0 || options->graph.nodes > CG_WORDNET_SYNSETS
                            ? CG_WORDNET_SYNSETS
                            : options->graph.nodes;
    uint64_t needed = sim_ground_estimate_bytes(options, concepts);
    if (options->graph.source == SIM_GRAPH_SYNTHETIC) {
        concepts = options->graph.nodes;
        needed = textless_bytes(options);
    }
    if (needed > options->cluster.memory_bytes) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "cluster.memory: a graph of %llu concepts takes about %llu MB a host, which has "
            "%llu MB; use a smaller graph.nodes or more memory",
            (unsigned long long)concepts, (unsigned long long)(needed / 1000000),
            (unsigned long long)(options->cluster.memory_bytes / 1000000));
    }
    return CG_OK;
}
