/* Partitionings of WordNet, of the triples in FILE if one is given, and of planted communities,
 * into 4, 16 and 64 parts, and of a million concepts with ten million links into 16.
 *
 * The peer is METIS on the same symmetric graph: cut and time beside METIS_PartGraphKway with
 * ufactor 30 and its defaults; the cut also beside its recursive bisection and beside the best of
 * ten of its runs. Connectivity (sum of lambda - 1) beside METIS run for communication volume,
 * and the rows "hash": cut and connectivity beside those of rendezvous hashing, as peer. A row
 * is the median of three seeds; imbalances are the greatest. Recovery is the adjusted Rand index
 * between parts and planted communities. Time is of one core.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/graph/partition/boundaries.h"
#include "engine/graph/partition/cut_graph.h"
#include "engine/graph/partition/partitioner.h"
#include "engine/graph/synthetic.h"
#include "engine/graph/triples.h"
#include "sim/point/wordnet_files.h"
#include "sim/scenario/options.h"
#include "tests/bench/bench.h"
#include "tests/bench/peer_metis.h"
#include "tests/support/rand_index.h"

enum { SEEDS = 3, PLANTED = 20000, LARGE = 1000000, LARGE_DEGREE = 20 };

typedef struct subject {
    const char *name;
    cg_graph *graph;
    cg_cut_graph links;
    uint32_t *ours; /* [rows] */
    uint32_t *peer;
    uint32_t *planted;
    uint32_t communities; /* 0: none planted */
} subject;

typedef struct figures {
    bench_series cut, recursive, best_of_10, connectivity, seconds, imbalance, hash_cut,
        hash_connectivity, recovery, boundary_bytes;
} figures;

static bool is_ok(cg_status status, const cg_error *error) {
    if (status != CG_OK) {
        (void)fprintf(stderr, "partition: %s\n", error->message);
    }
    return status == CG_OK;
}

static cg_partitioning_report evaluate(const subject *s, uint32_t parts,
                                       const uint32_t *part_of) {
    cg_partitioning_report report = {0};
    cg_error error;
    (void)is_ok(cg_partitioning_evaluate(s->graph, parts, part_of, cg_allocator_heap(), &report,
                                         &error),
                &error);
    return report;
}

static cg_partitioning_report peer_report(const subject *s, uint32_t parts,
                                          peer_metis_method method, int seed) {
    if (!peer_metis_partition(&s->links, parts, method, seed, s->peer)) {
        return (cg_partitioning_report){0};
    }
    return evaluate(s, parts, s->peer);
}

static void compare_peer(const subject *s, uint32_t parts, uint32_t turn, figures *f) {
    const double from = bench_now_s();
    const cg_partitioning_report kway = peer_report(s, parts, PEER_METIS_KWAY, (int)turn + 1);
    f->seconds.peer[turn] = bench_now_s() - from;
    f->cut.peer[turn] = (double)kway.cut_edges;
    f->imbalance.peer[turn] = kway.imbalance;
    if (s->links.rows >= LARGE) {
        f->recursive.peer[turn] = f->best_of_10.peer[turn] = f->connectivity.peer[turn] =
            (double)NAN;
        return;
    }
    f->recursive.peer[turn] =
        (double)peer_report(s, parts, PEER_METIS_RECURSIVE, (int)turn + 1).cut_edges;
    f->best_of_10.peer[turn] =
        (double)peer_report(s, parts, PEER_METIS_BEST_OF_10, (int)turn + 1).cut_edges;
    f->connectivity.peer[turn] =
        (double)peer_report(s, parts, PEER_METIS_VOLUME, (int)turn + 1).connectivity;
}

static void without_peer(uint32_t turn, figures *f) {
    f->cut.peer[turn] = f->recursive.peer[turn] = f->best_of_10.peer[turn] =
        f->connectivity.peer[turn] = f->seconds.peer[turn] = f->imbalance.peer[turn] =
            (double)NAN;
}

static bool compare_hash(const subject *s, uint32_t parts, uint32_t turn, figures *f) {
    cg_error error;
    if (!is_ok(cg_partition_by_hash(s->graph, parts, turn + 1, s->peer, &error), &error)) {
        return false;
    }
    const cg_partitioning_report report = evaluate(s, parts, s->peer);
    f->hash_cut.peer[turn] = (double)report.cut_edges;
    f->hash_connectivity.peer[turn] = (double)report.connectivity;
    return true;
}

static bool partition_for_connectivity(const subject *s, cg_partitioning_options *options,
                                       uint32_t turn, figures *f) {
    cg_error error;
    cg_partitioning_report report = {0};
    options->objective = CG_PARTITIONER_CONNECTIVITY;
    if (!is_ok(cg_partition_graph(s->graph, options, cg_allocator_heap(), s->ours, &report,
                                  &error),
               &error)) {
        return false;
    }
    f->connectivity.ours[turn] = (double)report.connectivity;
    return true;
}

static bool one_turn(const subject *s, uint32_t parts, uint32_t turn, figures *f) {
    cg_partitioning_options options = cg_partitioning_options_default(parts);
    cg_partitioning_report report = {0};
    cg_boundaries *boundaries = NULL;
    cg_error error;
    options.seed = turn + 1;
    const double from = bench_now_s();
    if (!is_ok(cg_partition_graph(s->graph, &options, cg_allocator_heap(), s->ours, &report,
                                  &error),
               &error)) {
        return false;
    }
    f->seconds.ours[turn] = bench_now_s() - from;
    f->cut.ours[turn] = f->recursive.ours[turn] = f->best_of_10.ours[turn] =
        f->hash_cut.ours[turn] = (double)report.cut_edges;
    f->imbalance.ours[turn] = report.imbalance;
    f->hash_connectivity.ours[turn] = f->connectivity.ours[turn] = (double)report.connectivity;
    f->recovery.ours[turn] =
        s->communities > 0
            ? support_rand_index(s->ours, parts, s->planted, s->communities, s->links.rows)
            : 0.0;
    f->recovery.peer[turn] = f->boundary_bytes.peer[turn] = (double)NAN;
    if (!is_ok(cg_boundaries_alloc(s->graph, parts, s->ours, cg_allocator_heap(), &boundaries,
                                   &error),
               &error)) {
        return false;
    }
    f->boundary_bytes.ours[turn] =
        (double)cg_boundaries_bytes(boundaries) / (double)s->links.rows;
    cg_boundaries_free(boundaries);
    if (peer_metis_is_there()) {
        compare_peer(s, parts, turn, f);
    } else {
        without_peer(turn, f);
    }
    if (!compare_hash(s, parts, turn, f)) {
        return false;
    }
    return s->links.rows >= LARGE || partition_for_connectivity(s, &options, turn, f);
}

static void row(const subject *s, uint32_t parts, const char *metric,
                const bench_series *series, const char *unit) {
    char name[96];
    (void)snprintf(name, sizeof name, "%s_%u_%s", s->name, parts, metric);
    bench_row("partition", name, series, unit);
}

static void keep_greatest(bench_series *series) {
    for (uint32_t i = 1; i < series->turns; i++) {
        series->ours[0] = fmax(series->ours[0], series->ours[i]);
        series->peer[0] = fmax(series->peer[0], series->peer[i]);
    }
    series->turns = 1;
}

static bool at_parts(const subject *s, uint32_t parts, uint32_t turns) {
    figures f = {.cut.turns = turns,
                 .recursive.turns = turns,
                 .best_of_10.turns = turns,
                 .connectivity.turns = turns,
                 .seconds.turns = turns,
                 .imbalance.turns = turns,
                 .hash_cut.turns = turns,
                 .hash_connectivity.turns = turns,
                 .recovery.turns = turns,
                 .boundary_bytes.turns = turns};
    for (uint32_t turn = 0; turn < turns; turn++) {
        if (!one_turn(s, parts, turn, &f)) {
            return false;
        }
    }
    keep_greatest(&f.imbalance);
    row(s, parts, "cut", &f.cut, "edges");
    row(s, parts, "cut_recursive", &f.recursive, "edges");
    row(s, parts, "cut_best_of_10", &f.best_of_10, "edges");
    row(s, parts, "cut_hash", &f.hash_cut, "edges");
    row(s, parts, "imbalance", &f.imbalance, "share");
    row(s, parts, "connectivity", &f.connectivity, "lambda-1");
    row(s, parts, "connectivity_hash", &f.hash_connectivity, "lambda-1");
    if (s->communities == parts) {
        row(s, parts, "recovery", &f.recovery, "rand index");
    }
    row(s, parts, "boundaries", &f.boundary_bytes, "bytes a concept");
    row(s, parts, "time", &f.seconds, "s");
    return true;
}

static bool subject_init(subject *s) {
    cg_error error;
    if (!is_ok(cg_cut_graph_init(&s->links, s->graph, CG_PARTITIONER_EDGES, cg_allocator_heap(),
                                 &error),
               &error)) {
        return false;
    }
    s->ours = malloc((s->links.rows + 1) * sizeof *s->ours);
    s->peer = malloc((s->links.rows + 1) * sizeof *s->peer);
    printf("# partition %s: %u concepts, %llu edges, %llu links\n", s->name, s->links.rows,
           (unsigned long long)cg_graph_edge_count(s->graph),
           (unsigned long long)s->links.arc_count / 2);
    return s->ours && s->peer;
}

static void subject_deinit(subject *s) {
    cg_cut_graph_deinit(&s->links);
    cg_graph_free(s->graph);
    free(s->ours);
    free(s->peer);
    free(s->planted);
}

static bool at_all_parts(subject *s) {
    bool is_fine = subject_init(s);
    for (uint32_t parts = 4; parts <= 64 && is_fine; parts *= 4) {
        is_fine = at_parts(s, parts, SEEDS);
    }
    return is_fine;
}

/* --- the graphs ----------------------------------------------------------- */

static bool load_wordnet(subject *s) {
    static sim_options options;
    cg_error error;
    cg_wordnet *wordnet = NULL;
    cg_lemmas *lemmas = NULL;
    cg_wordnet_sample sample = {0};
    sim_options_default(&options);
    bool is_fine =
        is_ok(sim_wordnet_load(options.graph.path, cg_allocator_heap(), &wordnet, &lemmas,
                               &error),
              &error) &&
        is_ok(cg_wordnet_sample_alloc(wordnet, 0, 0, 1, cg_allocator_heap(), &sample, &error),
              &error) &&
        is_ok(cg_wordnet_graph(wordnet, &sample, false, cg_allocator_heap(), &s->graph, &error),
              &error);
    cg_wordnet_sample_free(&sample, cg_allocator_heap());
    cg_lemmas_free(lemmas);
    cg_wordnet_free(wordnet);
    return is_fine;
}

static bool load_triples(subject *s) {
    enum { BYTES_MAX = 1 << 30 };
    FILE *file = fopen(bench_file, "rb");
    uint8_t *bytes = NULL;
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
    }
    if (file && size >= 0 && size < BYTES_MAX && fseek(file, 0, SEEK_SET) == 0) {
        bytes = malloc((size_t)size + 1);
    }
    bool is_fine = bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size;
    if (file) {
        (void)fclose(file);
    }
    if (!is_fine) {
        (void)fprintf(stderr, "partition: cannot read %s\n", bench_file);
    } else {
        const cg_triples_source source = {bench_file, bytes, (size_t)size};
        const cg_triples_options options = {.inverse = false};
        cg_error error;
        is_fine = is_ok(cg_triples_parse(&source, 1, &options, cg_allocator_heap(), &s->graph,
                                         NULL, &error),
                        &error);
    }
    free(bytes);
    return is_fine;
}

static bool plant(subject *s, uint32_t nodes, double degree, uint32_t communities) {
    cg_synthetic_options options = cg_synthetic_options_default();
    cg_synthetic *synthetic = NULL;
    cg_error error;
    options.nodes = nodes;
    options.degree = degree;
    options.communities = communities;
    options.inside = 0.85;
    s->communities = communities;
    s->planted = malloc(nodes * sizeof *s->planted);
    bool is_fine =
        s->planted &&
        is_ok(cg_synthetic_alloc(&options, cg_allocator_heap(), &synthetic, &error), &error) &&
        is_ok(cg_synthetic_graph(synthetic, NULL, NULL, &s->graph, NULL, &error), &error);
    for (uint32_t i = 0; i < nodes && is_fine; i++) {
        s->planted[i] = cg_synthetic_community(synthetic, i);
    }
    cg_synthetic_free(synthetic);
    return is_fine;
}

bool bench_partition(void) {
    subject wordnet = {.name = "wordnet"};
    bool is_fine = load_wordnet(&wordnet) && at_all_parts(&wordnet);
    subject_deinit(&wordnet);
    if (bench_file) {
        subject triples = {.name = "triples"};
        is_fine = load_triples(&triples) && at_all_parts(&triples) && is_fine;
        subject_deinit(&triples);
    }
    for (uint32_t communities = 16; communities <= 64; communities *= 4) {
        subject planted = {.name = communities == 16 ? "planted16" : "planted64"};
        is_fine =
            plant(&planted, PLANTED, 16.0, communities) && at_all_parts(&planted) && is_fine;
        subject_deinit(&planted);
    }
    subject large = {.name = "large"};
    is_fine = plant(&large, LARGE, LARGE_DEGREE, 64) && subject_init(&large) &&
              at_parts(&large, 16, 1) && is_fine;
    subject_deinit(&large);
    return is_fine;
}
