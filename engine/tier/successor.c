/* A table of successors, set-associative, with counts that age.
 *
 * Idea: reads as a Markov chain of order 1, of which a bounded table keeps the arcs used most.
 * Source: Joseph and Grunwald, "Prefetching using Markov predictors", ISCA 1997: a row a key,
 * and in the row a fixed number of successors, kept and prefetched in order of recency. Where we
 * differ: each successor has a count, so a prediction has a confidence
 *
 *   confidence = times it followed / times the key was followed by any other
 *
 * and recency only breaks ties for who must go; and what follows is taken per stream.
 *
 * Aging: at CG_SUCCESSOR_MEMORY followings of a key all its counts are halved, so a share is
 * estimated from the last 128 to 256 followings (standard deviation at most 0.044) and older
 * ones weigh half, a quarter ... Halving rounds down, which makes a share too small by 1/128 at
 * most. A successor whose count becomes 0 is forgotten.
 *
 * Full rows: a new successor takes the place of the one with the least count, of equals the one
 * that came longest ago, and starts at 1. So no count ever exceeds the truth, and the sum of a
 * row's counts is at most its total.
 *
 * Layout: sets of 8 rows; a set is chosen by the key's hash, a row by comparing keys, and the row
 * learnt from longest ago is replaced. Time is the number of transitions learnt, modulo 2^32.
 * Successors of a row lie in order of recency, newest first, unused ones last.
 *
 * Known value: after the stream a b a b a c, a is followed by b with confidence 170 of 255 (2 of
 * 3 times) and by c with 85.
 */
#include "engine/tier/successor.h"

#include <string.h>

#include "engine/base/hash.h"

enum { SET_ROWS = 8 };
static const uint64_t ROW_SEED = 11;
static const uint64_t STREAM_SEED = 12;

typedef struct row {
    uint64_t key;
    uint32_t time;  /* when it was learnt from last */
    uint32_t total; /* times the key was followed, aged; 0: the row is free */
} row;

typedef struct stream {
    uint64_t id;
    uint64_t last_key;
    uint32_t time; /* when it was seen last */
    uint32_t used; /* 0: free */
} stream;

/* Rows or streams in sets. */
typedef struct sets {
    uint32_t sets;
    uint32_t ways;
} sets;

struct cg_successors {
    cg_allocator allocator;
    cg_successor_options options;
    sets row_sets;
    sets stream_sets;
    row *rows;
    uint64_t *keys;   /* [rows][options.ways] successors */
    uint16_t *counts; /* [rows][options.ways]; 0: unused */
    stream *streams;
    uint32_t now;        /* transitions learnt */
    uint32_t stream_now; /* keys observed */
    cg_successor_statistics statistics;
};

static sets sets_of(uint32_t wanted) {
    return wanted < SET_ROWS ? (sets){1, wanted} : (sets){wanted / SET_ROWS, SET_ROWS};
}

static size_t count_of(sets shape) {
    return (size_t)shape.sets * shape.ways;
}

/* The first of a key's set. */
static size_t set_start(sets shape, uint64_t key, uint64_t seed) {
    return (size_t)(((cg_hash_u64(key, seed) >> 32) * shape.sets) >> 32) * shape.ways;
}

cg_successor_options cg_successor_options_default(uint32_t rows) {
    return (cg_successor_options){.rows = rows, .streams = 1024, .ways = 4, .threshold = 64};
}

static cg_status check(const cg_successor_options *options, cg_error *error) {
    if (options->rows < 1 || options->rows > CG_SUCCESSOR_ROWS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a table of successors of %u keys; it must be 1..%d", options->rows,
                            CG_SUCCESSOR_ROWS_MAX);
    }
    if (options->streams < 1 || options->streams > CG_SUCCESSOR_STREAMS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a table of successors for %u streams; it must be 1..%d",
                            options->streams, CG_SUCCESSOR_STREAMS_MAX);
    }
    if (options->ways < 1 || options->ways > CG_SUCCESSOR_WAYS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u successors kept a key; it must be 1..%d", options->ways,
                            CG_SUCCESSOR_WAYS_MAX);
    }
    return CG_OK;
}

cg_status cg_successors_alloc(const cg_successor_options *options, cg_allocator allocator,
                              cg_successors **out, cg_error *error) {
    cg_status status = check(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_successors *made = cg_allocate(&allocator, 1, sizeof *made);
    if (!made) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a table of successors");
    }
    made->allocator = allocator;
    made->options = *options;
    made->row_sets = sets_of(options->rows);
    made->stream_sets = sets_of(options->streams);
    size_t rows = count_of(made->row_sets);
    made->rows = cg_allocate(&allocator, rows, sizeof *made->rows);
    made->keys = cg_allocate(&allocator, rows * options->ways, sizeof *made->keys);
    made->counts = cg_allocate(&allocator, rows * options->ways, sizeof *made->counts);
    made->streams = cg_allocate(&allocator, count_of(made->stream_sets), sizeof *made->streams);
    if (!made->rows || !made->keys || !made->counts || !made->streams) {
        cg_successors_free(made);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for the successors of %u keys, %u each, in %u streams",
                            options->rows, options->ways, options->streams);
    }
    *out = made;
    return CG_OK;
}

void cg_successors_free(cg_successors *successors) {
    if (!successors) {
        return;
    }
    cg_allocator allocator = successors->allocator;
    size_t rows = count_of(successors->row_sets);
    size_t ways = successors->options.ways;
    cg_deallocate(&allocator, successors->rows, rows, sizeof *successors->rows);
    cg_deallocate(&allocator, successors->keys, rows * ways, sizeof *successors->keys);
    cg_deallocate(&allocator, successors->counts, rows * ways, sizeof *successors->counts);
    cg_deallocate(&allocator, successors->streams, count_of(successors->stream_sets),
                  sizeof *successors->streams);
    cg_deallocate(&allocator, successors, 1, sizeof *successors);
}

/* The row of a key, or SIZE_MAX. */
static size_t row_of(const cg_successors *successors, uint64_t key) {
    size_t start = set_start(successors->row_sets, key, ROW_SEED);
    for (size_t i = start; i < start + successors->row_sets.ways; i++) {
        if (successors->rows[i].total > 0 && successors->rows[i].key == key) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* A row for a key that has none. */
static size_t new_row(cg_successors *successors, uint64_t key) {
    size_t start = set_start(successors->row_sets, key, ROW_SEED);
    size_t place = start;
    for (size_t i = start; i < start + successors->row_sets.ways; i++) {
        if (successors->rows[i].total == 0) {
            place = i;
            break;
        }
        if (successors->now - successors->rows[i].time >
            successors->now - successors->rows[place].time) {
            place = i;
        }
    }
    size_t ways = successors->options.ways;
    memset(&successors->keys[place * ways], 0, ways * sizeof *successors->keys);
    memset(&successors->counts[place * ways], 0, ways * sizeof *successors->counts);
    successors->rows[place] = (row){.key = key};
    return place;
}

/* Halves a row's counts; the successors that come to nothing go. */
static void age(row *aged, uint64_t *keys, uint16_t *counts, uint32_t ways) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ways; i++) {
        uint16_t half = counts[i] / 2;
        if (half > 0) {
            keys[kept] = keys[i];
            counts[kept++] = half;
        }
    }
    for (uint32_t i = kept; i < ways; i++) {
        keys[i] = 0;
        counts[i] = 0;
    }
    aged->total /= 2;
}

/* `next` followed once more: it becomes the first of its row. */
static void learn(cg_successors *successors, size_t index, uint64_t next) {
    row *learnt = &successors->rows[index];
    uint32_t ways = successors->options.ways;
    uint64_t *keys = &successors->keys[index * ways];
    uint16_t *counts = &successors->counts[index * ways];
    uint32_t weakest = 0;
    uint32_t place = 0;
    while (place < ways && counts[place] > 0 && keys[place] != next) {
        weakest = counts[place] <= counts[weakest] ? place : weakest;
        place++;
    }
    uint16_t count = place < ways ? counts[place] : 0; /* 0 too where the first unused one is */
    if (place == ways) {
        place = weakest;
    }
    memmove(keys + 1, keys, place * sizeof *keys);
    memmove(counts + 1, counts, place * sizeof *counts);
    keys[0] = next;
    counts[0] = (uint16_t)(count + 1);
    learnt->total++;
    learnt->time = ++successors->now;
    if (learnt->total == CG_SUCCESSOR_MEMORY) {
        age(learnt, keys, counts, ways);
    }
}

static uint8_t confidence_of(uint32_t count, uint32_t total) {
    return (uint8_t)((count * 255 + total / 2) / total);
}

/* What would have been predicted when `key` came, and whether it was `next`. */
static void count_shadow(cg_successors *successors, size_t index, uint64_t next) {
    uint32_t ways = successors->options.ways;
    uint32_t total = successors->rows[index].total;
    const uint64_t *keys = &successors->keys[index * ways];
    const uint16_t *counts = &successors->counts[index * ways];
    for (uint32_t i = 0; i < ways && counts[i] > 0; i++) {
        if (confidence_of(counts[i], total) >= successors->options.threshold) {
            successors->statistics.predicted++;
            successors->statistics.predicted_right += keys[i] == next;
        }
    }
}

/* The stream's entry, a fresh one when it is not remembered. */
static stream *stream_of(cg_successors *successors, uint64_t id) {
    size_t start = set_start(successors->stream_sets, id, STREAM_SEED);
    stream *place = &successors->streams[start];
    for (size_t i = start; i < start + successors->stream_sets.ways; i++) {
        stream *held = &successors->streams[i];
        if (!held->used || held->id == id) {
            place = held; /* no used entry comes after a free one */
            break;
        }
        if (successors->stream_now - held->time > successors->stream_now - place->time) {
            place = held;
        }
    }
    if (!place->used || place->id != id) {
        *place = (stream){.id = id};
    }
    return place;
}

void cg_successors_observe(cg_successors *successors, uint64_t stream_id, uint64_t key) {
    stream *seen = stream_of(successors, stream_id);
    if (seen->used && seen->last_key != key) {
        successors->statistics.observed++;
        size_t index = row_of(successors, seen->last_key);
        if (index != SIZE_MAX) {
            count_shadow(successors, index, key);
        } else {
            index = new_row(successors, seen->last_key);
        }
        learn(successors, index, key);
    }
    seen->used = 1;
    seen->last_key = key;
    seen->time = ++successors->stream_now;
}

uint32_t cg_successors_predict(const cg_successors *successors, uint64_t key, uint32_t max,
                               uint64_t *keys, uint8_t *confidences) {
    size_t index = row_of(successors, key);
    if (index == SIZE_MAX) {
        return 0;
    }
    uint32_t ways = successors->options.ways;
    const uint64_t *row_keys = &successors->keys[index * ways];
    const uint16_t *row_counts = &successors->counts[index * ways];
    uint32_t order[CG_SUCCESSOR_WAYS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < ways && row_counts[i] > 0; i++) {
        uint32_t at = count++;
        while (at > 0 && (row_counts[order[at - 1]] < row_counts[i] ||
                          (row_counts[order[at - 1]] == row_counts[i] &&
                           row_keys[order[at - 1]] > row_keys[i]))) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    count = count < max ? count : max;
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = row_keys[order[i]];
        if (confidences) {
            confidences[i] = confidence_of(row_counts[order[i]], successors->rows[index].total);
        }
    }
    return count;
}

cg_successor_statistics cg_successors_statistics(const cg_successors *successors) {
    return successors->statistics;
}

uint64_t cg_successors_bytes(const cg_successors *successors) {
    uint64_t row_bytes =
        sizeof(row) + successors->options.ways * (sizeof(uint64_t) + sizeof(uint16_t));
    return sizeof *successors + count_of(successors->row_sets) * row_bytes +
           count_of(successors->stream_sets) * sizeof(stream);
}

uint64_t cg_successors_hash(const cg_successors *successors) {
    cg_hasher hasher = cg_hasher_init();
    size_t rows = count_of(successors->row_sets);
    size_t ways = successors->options.ways;
    cg_hasher_add_u64(&hasher, successors->options.threshold);
    cg_hasher_add_u64(&hasher, ways);
    cg_hasher_add_u64(&hasher, successors->now);
    cg_hasher_add_u64(&hasher, successors->stream_now);
    cg_hasher_add_u64(&hasher, successors->statistics.observed);
    cg_hasher_add_u64(&hasher, successors->statistics.predicted);
    cg_hasher_add_u64(&hasher, successors->statistics.predicted_right);
    /* None of these has padding. */
    cg_hasher_add_bytes(&hasher, successors->rows, rows * sizeof *successors->rows);
    cg_hasher_add_bytes(&hasher, successors->keys, rows * ways * sizeof *successors->keys);
    cg_hasher_add_bytes(&hasher, successors->counts, rows * ways * sizeof *successors->counts);
    cg_hasher_add_bytes(&hasher, successors->streams,
                        count_of(successors->stream_sets) * sizeof *successors->streams);
    return cg_hasher_value(&hasher);
}
