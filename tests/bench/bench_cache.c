/* What does a read of a warm cache of a million keys cost? Zipf 0.99 over a million keys, all
 * held ("hits"), and over two million, where a miss puts its key in ("mix"). Half of a turn's
 * reads are timed one by one, less the least that the clock itself takes: the median is that of
 * a read ("hits", "mix"). The other half are timed in groups of 64, and the row ("..._group") is
 * the median group's mean read, in which the rare keys weigh. The peer is a textbook LRU of heap
 * nodes (plain_lru.h), for every policy; ours lies in pages of 2 MiB, as in the program. Bytes
 * are those a held key takes beyond its key and size. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/hash.h"
#include "engine/base/prng.h"
#include "engine/tier/cache.h"
#include "sim/memory/huge_pages.h"
#include "tests/bench/bench.h"
#include "tests/bench/plain_lru.h"

enum {
    CAPACITY = 1000000,
    KEYS_MAX = 2 * CAPACITY,
    WARM_READS = 4000000,
    TURN_READS = 1 << 20,
    TURNS = 3,
    READS = WARM_READS + TURNS * TURN_READS,
    GROUP = 64,
    SINGLES = TURN_READS / 2,
    GROUPS = TURN_READS / 2 / GROUP,
    SIZE_BYTES = 100
};
static const double exponent = 0.99;

typedef struct subject { /* one of the two is NULL */
    cg_cache *cache;
    plain_lru *plain;
    uint64_t hits;
    bool is_fine;
} subject;

typedef struct turn {
    double single_ns;
    double group_ns;
    double hit_rate;
} turn;

static void read_keys(subject *s, const uint64_t *keys, uint32_t count) {
    if (s->plain) {
        for (uint32_t i = 0; i < count; i++) {
            bool is_hit = plain_lru_touch(s->plain, keys[i]);
            s->hits += is_hit;
            if (!is_hit) {
                s->is_fine = plain_lru_put(s->plain, keys[i], SIZE_BYTES) && s->is_fine;
            }
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool is_hit = cg_cache_touch(s->cache, keys[i]);
        s->hits += is_hit;
        if (!is_hit) {
            s->is_fine = cg_cache_reserve(s->cache, NULL) == CG_OK && s->is_fine;
            if (s->is_fine) {
                (void)cg_cache_put(s->cache, keys[i], SIZE_BYTES);
            }
        }
    }
}

static int compare_doubles(const void *left, const void *right) {
    double l = *(const double *)left;
    double r = *(const double *)right;
    return (l > r) - (l < r);
}

/* bench_now_s has the grain of a double at so many seconds, a quarter of a microsecond. */
static double now_ns(void) {
    static time_t first_s;
    struct timespec now = {0};
    (void)timespec_get(&now, TIME_UTC);
    first_s = first_s == 0 ? now.tv_sec : first_s;
    return 1e9 * (double)(now.tv_sec - first_s) + (double)now.tv_nsec;
}

static double clock_cost_ns(void) {
    double least = 1e9;
    for (int i = 0; i < 10000; i++) {
        double start_ns = now_ns();
        double passed_ns = now_ns() - start_ns;
        least = passed_ns < least ? passed_ns : least;
    }
    return least;
}

/* The median over `count` runs of `length` reads, of one read's time. */
static double median_read_ns(subject *s, const uint64_t *keys, uint32_t count, uint32_t length,
                             double *times_ns) {
    double cost_ns = clock_cost_ns();
    for (uint32_t i = 0; i < count; i++) {
        double start_ns = now_ns();
        read_keys(s, keys + (size_t)i * length, length);
        times_ns[i] = now_ns() - start_ns - cost_ns;
    }
    qsort(times_ns, count, sizeof *times_ns, compare_doubles);
    return times_ns[count / 2] / length;
}

static turn time_turn(subject *s, const uint64_t *keys, double *times_ns) {
    s->hits = 0;
    turn result = {0};
    result.single_ns = median_read_ns(s, keys, SINGLES, 1, times_ns);
    result.group_ns = median_read_ns(s, keys + SINGLES, GROUPS, GROUP, times_ns);
    result.hit_rate = (double)s->hits / TURN_READS;
    return result;
}

/* reads[READS] of Zipf ranks below key_count, as scattered keys. */
static void draw_reads(uint64_t *reads, double *cumulated, uint32_t key_count) {
    double sum = 0.0;
    for (uint32_t i = 0; i < key_count; i++) {
        sum += pow(i + 1.0, -exponent);
        cumulated[i] = sum;
    }
    cg_stream stream = cg_stream_init(1, "bench.cache", key_count);
    for (uint32_t i = 0; i < READS; i++) {
        double wanted = sum * cg_stream_next_unit(&stream);
        uint32_t low = 0;
        uint32_t high = key_count - 1;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (cumulated[middle] > wanted) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        reads[i] = cg_hash_u64(low, 5);
    }
}

static void print_series(cg_cache_policy policy, const char *metric, const char *unit,
                         const bench_series *series) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s_%s", cg_cache_policy_name(policy), metric);
    bench_row("cache", name, series, unit);
}

/* All keys of the lower half once, scattered, then the reads of the warm-up. */
static void warm_up(subject *s, const uint64_t *reads) {
    for (uint32_t i = 0; i < CAPACITY; i++) {
        uint64_t key = cg_hash_u64((uint64_t)i * 7919 % CAPACITY, 5);
        read_keys(s, &key, 1);
    }
    read_keys(s, reads, WARM_READS);
}

static void compare(cg_cache_policy policy, bool is_mix, subject *ours, subject *peer,
                    const uint64_t *reads, double *times_ns) {
    bench_series single = {.turns = TURNS};
    bench_series group = {.turns = TURNS};
    bench_series hits = {.turns = TURNS};
    for (uint32_t i = 0; i < TURNS; i++) {
        const uint64_t *keys = reads + WARM_READS + (size_t)i * TURN_READS;
        turn our_turn = time_turn(ours, keys, times_ns);
        turn peer_turn = time_turn(peer, keys, times_ns);
        single.ours[i] = our_turn.single_ns;
        single.peer[i] = peer_turn.single_ns;
        group.ours[i] = our_turn.group_ns;
        group.peer[i] = peer_turn.group_ns;
        hits.ours[i] = our_turn.hit_rate;
        hits.peer[i] = peer_turn.hit_rate;
    }
    print_series(policy, is_mix ? "mix" : "hits", "ns", &single);
    print_series(policy, is_mix ? "mix_group" : "hits_group", "ns", &group);
    if (is_mix) {
        double entries = (double)cg_cache_statistics_of(ours->cache).entries;
        double key_bytes = sizeof(uint64_t) + sizeof(uint32_t);
        bench_series bytes = {.turns = 1};
        bytes.ours[0] = (double)cg_cache_memory_bytes(ours->cache) / entries - key_bytes;
        bytes.peer[0] = plain_lru_entry_bytes() - key_bytes;
        print_series(policy, "hit_rate", "share", &hits);
        print_series(policy, "bytes", "bytes a key", &bytes);
    }
}

static bool run_policy(cg_cache_policy policy, bool is_mix, const uint64_t *reads,
                       double *times_ns) {
    cg_cache_options options = {.policy = policy, .capacity = CAPACITY};
    subject ours = {.is_fine = true};
    subject peer = {.plain = plain_lru_alloc(CAPACITY), .is_fine = true};
    bool is_fine = peer.plain && cg_cache_alloc(&options, sim_allocator_huge_pages(),
                                                &ours.cache, NULL) == CG_OK;
    if (is_fine) {
        warm_up(&ours, reads);
        warm_up(&peer, reads);
        compare(policy, is_mix, &ours, &peer, reads, times_ns);
        is_fine = ours.is_fine && peer.is_fine;
    }
    cg_cache_free(ours.cache);
    plain_lru_free(peer.plain);
    return is_fine;
}

static bool run(bool is_mix, uint64_t *reads, double *cumulated, double *times_ns) {
    draw_reads(reads, cumulated, is_mix ? KEYS_MAX : CAPACITY);
    bool is_fine = true;
    for (int policy = 0; policy < CG_CACHE_BELADY && is_fine; policy++) {
        is_fine = run_policy((cg_cache_policy)policy, is_mix, reads, times_ns);
    }
    return is_fine;
}

bool bench_cache(void) {
    printf("# cache: %d keys held, Zipf %.2f over %d (hits) and %d (mix); read by read, less "
           "the clock's own %.0f ns, and in groups of %d; peer: a textbook LRU\n",
           CAPACITY, exponent, CAPACITY, KEYS_MAX, clock_cost_ns(), GROUP);
    uint64_t *reads = malloc(READS * sizeof *reads);
    double *cumulated = malloc(KEYS_MAX * sizeof *cumulated);
    double *times_ns = malloc(SINGLES * sizeof *times_ns);
    bool is_fine = reads && cumulated && times_ns && run(false, reads, cumulated, times_ns) &&
                   run(true, reads, cumulated, times_ns);
    if (!is_fine) {
        (void)fprintf(stderr, "bench cache: no memory\n");
    }
    free(reads);
    free(cumulated);
    free(times_ns);
    return is_fine;
}
