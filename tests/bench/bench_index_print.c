#include "tests/bench/bench_index.h"

#include <stdio.h>
#include <string.h>

#include "engine/vector/kernel.h"

/* The rest of the file's first line that begins with `key`, after any of " \t:"; "unknown" if
 * there is none. */
static void find_line(const char *path, const char *key, char *out, size_t size) {
    (void)snprintf(out, size, "unknown");
    FILE *file = fopen(path, "r");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *rest = line + strlen(key);
            rest += strspn(rest, " \t:");
            (void)snprintf(out, size, "%.*s", (int)strcspn(rest, "\n"), rest);
            break;
        }
    }
    if (file) {
        (void)fclose(file);
    }
}

static void print_set_up(void) {
    static bool is_printed = false;
    if (is_printed) {
        return;
    }
    is_printed = true;
    char processor[256];
    char pages[256];
    find_line("/proc/cpuinfo", "model name", processor, sizeof processor);
    find_line("/sys/kernel/mm/transparent_hugepage/enabled", "", pages, sizeof pages);
    printf("# index: data %d dims f32, squared Euclidean, not normalised; hard: Gaussian of %d "
           "dims under an orthonormal map, noise %g a dim; clustered: sqrt(n) of them, spread "
           "%g\n",
           BENCH_DIMS, BENCH_INNER_DIMS, (double)BENCH_NOISE, (double)BENCH_SPREAD);
    printf(
        "# index: m %d, ef_construction %d; %d queries on one thread, k %d; build with %d "
        "threads; a search's turn asks all queries for 0.25 s and more, median of %d turns\n",
        BENCH_M, BENCH_EF_CONSTRUCTION, BENCH_QUERIES, BENCH_K, BENCH_THREADS, BENCH_TURNS_MAX);
    printf("# index: ours: %s unless a metric says otherwise, re-ranks the best 30, or ef if "
           "that is less; kernels %s, "
           "blocks of 4 MiB and more in 2 MiB pages by madvise\n",
           bench_form_main.name, cg_kernels_best()->name);
    if (peer_hnswlib_is_there()) {
        printf("# index: peer: Debian's hnswlib, f32, -O3 -march=native, malloc as its users "
               "have it\n");
    } else {
        printf("# index: no peer; install libhnswlib-dev and configure again\n");
    }
    printf("# index: processor %s; transparent_hugepage %s\n", processor, pages);
    (void)fflush(stdout);
}

bool bench_index_begin(sim_thread_runner **threads) {
    cg_error error;
    print_set_up();
    if (sim_thread_runner_alloc(BENCH_THREADS, threads, &error) != CG_OK) {
        (void)fprintf(stderr, "bench: %s\n", error.message);
        return false;
    }
    return true;
}

void bench_index_row(const char *bench, bench_law law, const char *metric,
                     const bench_series *series, const char *unit) {
    char name[128];
    (void)snprintf(name, sizeof name, "%s_%s", bench_law_name(law), metric);
    bench_row(bench, name, series, unit);
}

void bench_index_value(const char *bench, bench_law law, const char *metric, double ours,
                       double peer, const char *unit) {
    bench_series series = {.ours = {ours}, .peer = {peer}, .turns = 1};
    bench_index_row(bench, law, metric, &series, unit);
}

void bench_index_progress(const char *bench, bench_law law, const char *what) {
    (void)fprintf(stderr, "bench %s: %s: %s\n", bench, bench_law_name(law), what);
}
