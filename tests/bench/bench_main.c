#include "tests/bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct bench_entry {
    const char *name;
    const char *purpose;
    bool (*run)(void);
} bench_entry;

static const bench_entry benches[] = {
    {"cache", "reads of a warm cache of a million keys; peer a textbook LRU", bench_cache},
    {"decision", "wall time of a decision on WordNet; peer the exhaustive one", bench_decision},
    {"fabric", "messages of a ping-pong, 4 to 1,024 hosts; peer plain SimGrid", bench_fabric},
    {"hot-lines", "hot fields of concepts in lines of their own; peer records of 256 bytes",
     bench_hot_lines},
    {"index-10k", "HNSW of 10,000 rows: build, search, memory; peer hnswlib", bench_index_10k},
    {"index-100k", "the same of 100,000", bench_index_100k},
    {"index-1m", "the same of a million", bench_index_1m},
    {"index-filter", "HNSW: searches among some of the rows", bench_index_filter},
    {"index-flat", "exhaustive search; peer hnswlib", bench_index_flat},
    {"inhibition", "competitions of spiking neurons; peer stepping them all", bench_inhibition},
    {"kernels", "the distance kernels of each instruction set; peer plain C", bench_kernels},
    {"partition", "cut and time of a partitioning, also of triples in FILE; peer METIS",
     bench_partition},
    {"pool", "slots taken and given back among 10,000; peer calloc and free", bench_pool},
    {"spikes", "spike patterns: encoding and distances; peer plain C", bench_spikes},
    {"spread", "spreading activation on one core; peer dense doubles", bench_spread},
};
enum { BENCH_COUNT = sizeof benches / sizeof *benches };

const char *bench_file;

double bench_now_s(void) {
    struct timespec now = {0};
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double bench_median(const double *values, uint32_t count) {
    double sorted[BENCH_TURNS_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = i;
        for (; place > 0 && sorted[place - 1] > values[i]; place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = values[i];
    }
    return count % 2 ? sorted[count / 2] : 0.5 * (sorted[count / 2 - 1] + sorted[count / 2]);
}

void bench_row(const char *bench, const char *metric, const bench_series *series,
               const char *unit) {
    double ours = bench_median(series->ours, series->turns);
    printf("%s\t%s\t%.6g\t", bench, metric, ours);
    if (isnan(series->peer[0])) {
        printf("-\t-");
    } else {
        double peer = bench_median(series->peer, series->turns);
        printf("%.6g\t%.3f", peer, ours / peer);
    }
    printf("\t%s\n", unit);
    (void)fflush(stdout);
}

/* A name stands for the entry of that name, and for those that begin with it and a hyphen. */
static bool is_meant(const bench_entry *entry, const char *name) {
    size_t length = strlen(name);
    return strncmp(entry->name, name, length) == 0 &&
           (entry->name[length] == '\0' || (length > 0 && entry->name[length] == '-'));
}

int main(int argc, char **argv) {
    bool is_known = argc == 1;
    for (int i = 0; i < BENCH_COUNT && (argc == 2 || argc == 3); i++) {
        is_known = is_known || is_meant(&benches[i], argv[1]);
    }
    if (!is_known) {
        (void)fprintf(
            stderr, "usage: cortigrid-bench [NAME [FILE]]; without NAME all run, and \"index\" "
                    "runs all of index-...; names:\n");
        for (int i = 0; i < BENCH_COUNT; i++) {
            (void)fprintf(stderr, "  %-12s %s\n", benches[i].name, benches[i].purpose);
        }
        return 2;
    }
    bench_file = argc == 3 ? argv[2] : NULL;
    printf("# build type %s\n", BENCH_BUILD_TYPE);
    printf("bench\tmetric\tours\tpeer\tratio\tunit\n");
    bool is_fine = true;
    for (int i = 0; i < BENCH_COUNT; i++) {
        if (argc == 1 || is_meant(&benches[i], argv[1])) {
            is_fine = benches[i].run() && is_fine;
        }
    }
    return is_fine ? 0 : 3;
}
