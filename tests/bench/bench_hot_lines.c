/* What is it worth that the hot fields of a concept lie in one line of 64 bytes, apart from the
 * rest? An access reads four words of a concept, Zipf 0.99 over the concepts, in scattered rows.
 * The peers are records of 256 bytes with hot and cold fields together: with the four words in the
 * record's first line ("kept"), as if someone had taken care of it, and with one in each of its
 * lines ("mixed"), as declarations by subject end up. Modelled: lines that the second and the last
 * level of engine/tier/cpu_cache.h's default caches miss, a concept access. Measured: time of an
 * access, in pages of 2 MiB, as in the program. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "engine/tier/cpu_cache.h"
#include "sim/memory/huge_pages.h"
#include "tests/bench/bench.h"

enum {
    HOT_BYTES = 64,
    RECORD_BYTES = 256,
    WORDS = 4,
    ACCESSES = 1 << 20,
    TURNS = 5,
    CONCEPTS_MAX = 1000000,
    SCATTER = 611953 /* a prime, so that rank * SCATTER mod concepts meets each row once */
};
static const double exponent = 0.99;

/* Where an access finds its words: row * stride + word * step. */
typedef struct layout {
    const char *name;
    uint32_t stride_bytes;
    uint32_t step_bytes;
} layout;

static const layout hot_lines = {"hot", HOT_BYTES, 8};
static const layout peers[] = {{"kept", RECORD_BYTES, 8}, {"mixed", RECORD_BYTES, HOT_BYTES}};

/* What was computed goes here, so that it has to be. */
static volatile uint64_t sink;

/* rows[2 * ACCESSES], the first half to warm up with. */
static void draw_rows(uint32_t *rows, double *cumulated, uint32_t concepts) {
    double sum = 0.0;
    for (uint32_t i = 0; i < concepts; i++) {
        sum += pow(i + 1.0, -exponent);
        cumulated[i] = sum;
    }
    cg_stream stream = cg_stream_init(1, "bench.hot_lines", concepts);
    for (uint32_t i = 0; i < 2 * ACCESSES; i++) {
        double wanted = sum * cg_stream_next_unit(&stream);
        uint32_t low = 0;
        for (uint32_t high = concepts - 1; low < high;) {
            uint32_t middle = low + (high - low) / 2;
            if (cumulated[middle] > wanted) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        rows[i] = (uint32_t)((uint64_t)low * SCATTER % concepts);
    }
}

/* --- modelled --- */

typedef struct misses {
    double second; /* lines an access */
    double last;
} misses;

static bool model(const layout *of, const uint32_t *rows, uint32_t concepts, misses *out) {
    cg_cpu_options options = cg_cpu_options_default();
    cg_cpu_cache *cache = NULL;
    uint32_t region = 0;
    uint64_t span_bytes = (uint64_t)concepts * of->stride_bytes;
    if (cg_cpu_cache_alloc(&options, cg_allocator_heap(), &cache, NULL) != CG_OK ||
        cg_cpu_cache_add_region(cache, of->name, span_bytes, &region, NULL) != CG_OK) {
        cg_cpu_cache_free(cache);
        return false;
    }
    for (uint32_t i = 0; i < 2 * ACCESSES; i++) {
        if (i == ACCESSES) {
            cg_cpu_cache_reset_counts(cache);
        }
        for (uint32_t word = 0; word < WORDS; word++) {
            (void)cg_cpu_cache_touch(
                cache, region,
                (uint64_t)rows[i] * of->stride_bytes + (uint64_t)word * of->step_bytes, 8);
        }
    }
    cg_cpu_counts counts = cg_cpu_cache_totals(cache);
    out->second = (double)(counts.hits[2] + counts.misses) / ACCESSES;
    out->last = (double)counts.misses / ACCESSES;
    cg_cpu_cache_free(cache);
    return true;
}

/* --- measured --- */

static double time_accesses(const layout *of, const uint8_t *bytes, const uint32_t *rows) {
    uint64_t sum = 0;
    double from = bench_now_s();
    for (uint32_t i = 0; i < ACCESSES; i++) {
        const uint8_t *at = bytes + (size_t)rows[i] * of->stride_bytes;
        for (uint32_t word = 0; word < WORDS; word++) {
            uint64_t value = 0;
            memcpy(&value, at + (size_t)word * of->step_bytes, sizeof value);
            sum += value;
        }
    }
    double passed = bench_now_s() - from;
    sink = sum;
    return 1e9 * passed / ACCESSES;
}

static bool measure(const layout *peer, const uint32_t *rows, uint32_t concepts,
                    bench_series *series) {
    cg_allocator pages = sim_allocator_huge_pages();
    size_t our_bytes = (size_t)concepts * HOT_BYTES;
    size_t peer_bytes = (size_t)concepts * RECORD_BYTES;
    uint8_t *ours = cg_allocate_aligned(&pages, our_bytes);
    uint8_t *theirs = cg_allocate_aligned(&pages, peer_bytes);
    bool is_fine = ours && theirs;
    if (is_fine) {
        memset(ours, 1, our_bytes);
        memset(theirs, 1, peer_bytes);
    }
    series->turns = TURNS;
    for (uint32_t turn = 0; is_fine && turn < TURNS; turn++) {
        sink = (uint64_t)time_accesses(&hot_lines, ours, rows);
        series->ours[turn] = time_accesses(&hot_lines, ours, rows + ACCESSES);
        sink = (uint64_t)time_accesses(peer, theirs, rows);
        series->peer[turn] = time_accesses(peer, theirs, rows + ACCESSES);
    }
    cg_deallocate_aligned(&pages, ours, our_bytes);
    cg_deallocate_aligned(&pages, theirs, peer_bytes);
    return is_fine;
}

static void print_one(const layout *peer, uint32_t concepts, const char *metric, double ours,
                      double theirs) {
    if (ours + theirs < 1e-9) {
        return; /* all fits */
    }
    char name[64];
    bench_series series = {.ours = {ours}, .peer = {theirs}, .turns = 1};
    (void)snprintf(name, sizeof name, "%uk_%s_%s", concepts / 1000, peer->name, metric);
    bench_row("hot-lines", name, &series, "lines an access");
}

static bool run(const layout *peer, const uint32_t *rows, uint32_t concepts) {
    misses ours = {0};
    misses theirs = {0};
    bench_series times = {0};
    if (!model(&hot_lines, rows, concepts, &ours) || !model(peer, rows, concepts, &theirs) ||
        !measure(peer, rows, concepts, &times)) {
        return false;
    }
    print_one(peer, concepts, "l2_misses", ours.second, theirs.second);
    print_one(peer, concepts, "llc_misses", ours.last, theirs.last);
    char name[64];
    (void)snprintf(name, sizeof name, "%uk_%s_time", concepts / 1000, peer->name);
    bench_row("hot-lines", name, &times, "ns an access");
    return true;
}

bool bench_hot_lines(void) {
    static const uint32_t sizes[] = {10000, 100000, CONCEPTS_MAX};
    printf(
        "# hot-lines: %d words of a concept, Zipf %.2f; hot fields in lines of %d bytes; peer: "
        "records of %d, the words in one line of it (kept) or in each (mixed); modelled 32 "
        "KiB/8, 1 MiB/16, 32 MiB/16\n",
        WORDS, exponent, HOT_BYTES, RECORD_BYTES);
    uint32_t *rows = malloc((size_t)2 * ACCESSES * sizeof *rows);
    double *cumulated = malloc(CONCEPTS_MAX * sizeof *cumulated);
    bool is_fine = rows && cumulated;
    for (uint32_t i = 0; is_fine && i < sizeof sizes / sizeof *sizes; i++) {
        draw_rows(rows, cumulated, sizes[i]);
        is_fine = run(&peers[0], rows, sizes[i]) && run(&peers[1], rows, sizes[i]);
    }
    if (!is_fine) {
        (void)fprintf(stderr, "bench hot-lines: no memory\n");
    }
    free(rows);
    free(cumulated);
    return is_fine;
}
