/* Replicas of a set of edges under a random program, beside the definition of what each must show. */
#ifndef CG_TESTS_SUPPORT_EDGE_WORLD_H
#define CG_TESTS_SUPPORT_EDGE_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "engine/replica/edge_set.h"
#include "tests/support/support.h"

enum {
    LIVES_MAX = 10,
    HOSTS_MAX = 6,
    EDGES = 5,
    CHANGES_MAX = 320,
    MESSAGES_MAX = 4000,
    PROGRAMS = 150,
    STEPS = 260
};

static const uint64_t no_limit = 1 << 20;

static inline cg_edge_key key_of(uint32_t edge) {
    return (cg_edge_key){.from = 1 + edge / 2, .to = 100 - edge, .type = (uint16_t)(edge % 3)};
}

/* A change, and what its author had seen (with its own earlier ones, durable or not). */
typedef struct change {
    uint32_t life;
    uint32_t counter;
    uint32_t edge;
    bool is_removal;
    uint32_t weight;
    uint32_t confidence;
    bool past[CHANGES_MAX];
} change;

typedef struct message {
    uint8_t *bytes;
    size_t size_bytes;
    uint32_t change; /* of a record */
} message;

/* A replica in one life. What it lost with its disk stays in the arrays, dead. */
typedef struct life {
    bool is_alive;
    cg_edge_set *set;
    bool seen[CHANGES_MAX];
    bool removed[CHANGES_MAX]; /* a removal seen has it in its past */
    uint32_t made;             /* changes, pending ones included */
    uint32_t shown[EDGES];     /* weight + 1 as told by the callback */
    message log[MESSAGES_MAX];
    uint32_t log_count;
    uint32_t pending[CHANGES_MAX]; /* messages of own changes not yet durable */
    uint32_t pending_count;
} life;

typedef struct world {
    cg_stream stream;
    change changes[CHANGES_MAX];
    uint32_t change_count;
    message records[CHANGES_MAX]; /* by change */
    life lives[LIVES_MAX];
    uint32_t life_count;
    uint32_t hosts;
    uint32_t now[HOSTS_MAX]; /* life of each host */
    message flying;          /* a delta that comes late, and what its sender had seen */
    bool flying_seen[CHANGES_MAX];
    uint64_t transfers;
    uint32_t lags;
    uint32_t wholes;
    uint32_t parts;
    uint32_t collected;
    uint32_t crashes;
    uint32_t losses;
} world;

static inline uint64_t below(world *w, uint64_t n) {
    return cg_stream_next_below(&w->stream, n);
}

static inline message copy_of(const uint8_t *bytes, size_t size_bytes, uint32_t of) {
    message made = {.bytes = malloc(size_bytes), .size_bytes = size_bytes, .change = of};
    assert_non_null(made.bytes);
    memcpy(made.bytes, bytes, size_bytes);
    return made;
}

static inline void note_change(void *context, cg_edge_key edge, bool exists, uint8_t weight) {
    life *told = context;
    for (uint32_t e = 0; e < EDGES; e++) {
        cg_edge_key key = key_of(e);
        if (cg_edge_key_compare(&key, &edge) == 0) {
            uint32_t shown = exists ? weight + 1u : 0;
            assert_int_not_equal(told->shown[e], shown); /* told only when it changes */
            told->shown[e] = shown;
        }
    }
}

static inline void open_set(world *w, uint32_t index, uint32_t host) {
    life *self = &w->lives[index];
    cg_error error = {0};
    memset(self->shown, 0, sizeof self->shown);
    cg_edge_set_options options = {
        .replica = cg_replica_id_of(host, index), .changed = note_change, .context = self};
    assert_ok(cg_edge_set_alloc(&options, cg_allocator_heap(), &self->set, &error), error);
}

static inline void begin_life(world *w, uint32_t host) {
    uint32_t index = w->life_count++;
    w->now[host] = index;
    w->lives[index].is_alive = true;
    open_set(w, index, host);
    cg_edge_set_open(w->lives[index].set);
}

static inline world *make_world(uint64_t seed, uint64_t number) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->stream = cg_stream_init(seed, "edge.set", number);
    w->hosts = 2 + (uint32_t)below(w, HOSTS_MAX - 1);
    for (uint32_t host = 0; host < w->hosts; host++) {
        begin_life(w, host);
    }
    return w;
}

static inline void free_world(world *w) {
    for (uint32_t i = 0; i < w->life_count; i++) {
        cg_edge_set_free(w->lives[i].set);
        for (uint32_t j = 0; j < w->lives[i].log_count; j++) {
            free(w->lives[i].log[j].bytes);
        }
    }
    for (uint32_t i = 0; i < w->change_count; i++) {
        free(w->records[i].bytes);
    }
    free(w->flying.bytes);
    free(w);
}

/* The definition: observations count that were seen and that no removal seen has in its past. */
static inline void see(const world *w, life *self, uint32_t at) {
    self->seen[at] = true;
    const change *made = &w->changes[at];
    for (uint32_t o = 0; o < w->change_count && made->is_removal; o++) {
        self->removed[o] |= made->past[o] && w->changes[o].edge == made->edge;
    }
}

static inline void define(const world *w, const life *self, uint32_t edge, uint64_t *weighted,
                          uint64_t *confidence) {
    *weighted = 0;
    *confidence = 0;
    for (uint32_t o = 0; o < w->change_count; o++) {
        const change *made = &w->changes[o];
        if (self->seen[o] && !self->removed[o] && !made->is_removal && made->edge == edge) {
            *weighted += (uint64_t)made->weight * made->confidence;
            *confidence += made->confidence;
        }
    }
}

static inline void check_life(const world *w, uint32_t index) {
    const life *self = &w->lives[index];
    uint32_t visible = 0;
    for (uint32_t e = 0; e < EDGES; e++) {
        uint64_t weighted = 0;
        uint64_t confidence = 0;
        define(w, self, e, &weighted, &confidence);
        cg_edge_view view = {0};
        bool exists = cg_edge_set_get(self->set, key_of(e), &view);
        assert_int_equal(exists, confidence > 0);
        assert_int_equal(view.weighted, weighted);
        assert_int_equal(view.confidence, confidence);
        assert_int_equal(self->shown[e], exists ? view.weight + 1u : 0);
        visible += exists;
    }
    assert_int_equal(cg_edge_set_count(self->set), visible);
    for (uint32_t i = 0; i < w->life_count; i++) {
        uint32_t seen = 0;
        for (uint32_t c = 0; c < w->change_count; c++) {
            seen += w->changes[c].life == i && self->seen[c];
        }
        cg_replica_id id = cg_edge_set_replica(w->lives[i].set);
        assert_int_equal(cg_edge_set_seen(self->set, id), seen);
    }
}

/* Applies bytes and keeps them in the log; false when they come too early. */
static inline bool apply(world *w, life *self, const uint8_t *bytes, size_t size_bytes) {
    cg_error error = {0};
    uint64_t before = cg_edge_set_hash(self->set, CG_EDGE_HASH_ALL);
    cg_status status = cg_edge_set_apply(self->set, bytes, size_bytes, &error);
    if (status == CG_ERROR_LAG) {
        assert_int_equal(cg_edge_set_hash(self->set, CG_EDGE_HASH_ALL), before);
        w->lags++;
        return false;
    }
    assert_ok(status, error);
    assert_true(self->log_count < MESSAGES_MAX);
    self->log[self->log_count++] = copy_of(bytes, size_bytes, 0);
    return true;
}

static inline void make_change(world *w, uint32_t index) {
    life *self = &w->lives[index];
    if (w->change_count == CHANGES_MAX) {
        return;
    }
    change *made = &w->changes[w->change_count];
    *made = (change){.life = index, .edge = (uint32_t)below(w, EDGES)};
    made->is_removal = below(w, 3) == 0;
    made->weight = (uint32_t)below(w, 256);
    made->confidence = 1 + (uint32_t)below(w, CG_EDGE_CONFIDENCE_ONE);
    memcpy(made->past, self->seen, sizeof made->past);
    for (uint32_t i = 0; i < self->pending_count; i++) {
        made->past[self->pending[i]] = true;
    }
    cg_edge_record record = {0};
    cg_error error = {0};
    cg_edge_key key = key_of(made->edge);
    cg_status status = made->is_removal
                           ? cg_edge_set_remove(self->set, key, &record, &error)
                           : cg_edge_set_observe(self->set, key, (uint8_t)made->weight,
                                                 made->confidence, &record, &error);
    if (status == CG_ERROR_NOT_FOUND && made->is_removal) {
        return;
    }
    assert_ok(status, error);
    made->counter = ++self->made;
    w->records[w->change_count] = copy_of(record.bytes, record.size_bytes, w->change_count);
    self->pending[self->pending_count++] = w->change_count++;
}

/* The oldest own change has become durable. */
static inline void become_durable(world *w, life *self) {
    if (self->pending_count > 0) {
        const message *record = &w->records[self->pending[0]];
        assert_true(apply(w, self, record->bytes, record->size_bytes));
        see(w, self, record->change);
        self->pending_count--;
        memmove(self->pending, self->pending + 1, self->pending_count * sizeof(uint32_t));
    }
}

static inline bool is_pending(const world *w, uint32_t at) {
    const life *author = &w->lives[w->changes[at].life];
    for (uint32_t i = 0; i < author->pending_count; i++) {
        if (author->pending[i] == at) {
            return true;
        }
    }
    return false;
}

/* Whether a removal that the author knew is not known here, and may have been collected there: then
 * the record no longer asks for it. Such a record may show too little until the removal comes; logs
 * and deltas bring removals first. */
static inline bool misses_a_removal(const world *w, const life *self, uint32_t at) {
    const change *made = &w->changes[at];
    for (uint32_t r = 0; r < at && w->collected > 0; r++) {
        if (made->past[r] && !self->seen[r] && w->changes[r].is_removal &&
            w->changes[r].edge == made->edge) {
            return true;
        }
    }
    return false;
}

/* Any record of any time, late and again. */
static inline void deliver_record(world *w, life *self) {
    if (w->change_count == 0) {
        return;
    }
    uint32_t at = (uint32_t)below(w, w->change_count);
    const message *record = &w->records[at];
    if (is_pending(w, at) || w->changes[at].counter == 0 || misses_a_removal(w, self, at)) {
        return;
    }
    if (apply(w, self, record->bytes, record->size_bytes)) {
        see(w, self, at);
    }
}

/* The log gives the state back. What was pending was never made: its counters are used again. */
static inline void recover(world *w, uint32_t host) {
    uint32_t index = w->now[host];
    life *self = &w->lives[index];
    uint64_t before = cg_edge_set_hash(self->set, CG_EDGE_HASH_STATE);
    cg_edge_set_free(self->set);
    open_set(w, index, host);
    for (uint32_t i = 0; i < self->log_count; i++) {
        cg_error error = {0};
        assert_ok(
            cg_edge_set_apply(self->set, self->log[i].bytes, self->log[i].size_bytes, &error),
            error);
    }
    assert_int_equal(cg_edge_set_hash(self->set, CG_EDGE_HASH_STATE), before);
    cg_edge_set_open(self->set);
    for (uint32_t i = 0; i < self->pending_count; i++) {
        w->changes[self->pending[i]].counter = 0; /* nobody will ever see it */
    }
    self->made -= self->pending_count;
    self->pending_count = 0;
    w->crashes++;
}

static inline void lose_disk(world *w, uint32_t host) {
    if (w->life_count < LIVES_MAX) {
        life *self = &w->lives[w->now[host]];
        self->is_alive = false;
        for (uint32_t i = 0; i < self->pending_count; i++) {
            w->changes[self->pending[i]].counter = 0;
        }
        self->pending_count = 0;
        begin_life(w, host);
        w->losses++;
    }
}

/* A delta in parts from one life to another, with life going on between the parts. A part lost
 * ends it. */
static inline void exchange(world *w, uint32_t from, uint32_t to, bool in_peace) {
    life *sender = &w->lives[from];
    life *self = &w->lives[to];
    cg_error error = {0};
    if (from == to) {
        return;
    }
    cg_version_vector seen;
    cg_version_vector_init(&seen, cg_allocator_heap());
    assert_ok(cg_edge_set_vector(self->set, &seen, &error), error);
    uint64_t collections = cg_edge_set_collections(sender->set);
    cg_edge_delta_wanted wanted = {.seen = &seen, .transfer = ++w->transfers};
    wanted.bytes_max = in_peace ? no_limit : 100 + below(w, 600);
    for (bool more = true; more; wanted.part++) {
        cg_edge_record record = {0};
        cg_edge_delta delta;
        assert_ok(cg_edge_set_delta(sender->set, &wanted, &record, &error), error);
        if (record.size_bytes == 0) {
            break;
        }
        assert_ok(cg_edge_delta_open(record.bytes, record.size_bytes, &delta, &error), error);
        if (!in_peace && below(w, 20) == 0) {
            break;
        }
        assert_true(apply(w, self, record.bytes, record.size_bytes));
        more = delta.flags & CG_EDGE_DELTA_MORE;
        wanted.whole = delta.flags & CG_EDGE_DELTA_WHOLE;
        w->parts += more;
        w->wholes += wanted.whole && !more;
        if (wanted.whole && wanted.part == 0) {
            cg_version_vector_clear(&seen);
        }
        for (uint32_t i = 0; i < delta.range_count; i++) {
            cg_edge_range range = cg_edge_delta_range(&delta, i);
            assert_ok(cg_version_vector_raise(&seen, range.replica, range.upto, &error), error);
        }
        for (uint32_t c = 0; c < w->change_count && !more; c++) {
            if (sender->seen[c]) {
                see(w, self, c);
            }
        }
        check_life(w, to);
        while (!in_peace && more && below(w, 2)) {
            make_change(w, from);
            become_durable(w, sender);
            make_change(w, to);
            become_durable(w, self);
            assert_int_equal(collections, cg_edge_set_collections(sender->set));
        }
    }
    cg_version_vector_deinit(&seen);
}

/* By the two conditions of cg_edge_set_collect, known here without any message. */
static inline void collect(world *w, uint32_t index) {
    life *self = &w->lives[index];
    cg_error error = {0};
    cg_version_vector passed;
    cg_version_vector_init(&passed, cg_allocator_heap());
    cg_replica_id members[HOSTS_MAX];
    bool may = true;
    for (uint32_t i = 0; i < w->life_count; i++) {
        cg_replica_id id = cg_edge_set_replica(w->lives[i].set);
        uint64_t least = UINT64_MAX;
        for (uint32_t host = 0; host < w->hosts; host++) {
            uint64_t seen = cg_edge_set_seen(w->lives[w->now[host]].set, id);
            least = seen < least ? seen : least;
        }
        assert_ok(cg_version_vector_raise(&passed, id, least, &error), error);
    }
    uint32_t count = 0;
    for (uint32_t host = 0; host < w->hosts; host++) {
        const life *other = &w->lives[w->now[host]];
        cg_replica_id id = cg_edge_set_replica(other->set);
        uint32_t place = count++;
        for (; place > 0 && members[place - 1] > id; place--) {
            members[place] = members[place - 1];
        }
        members[place] = id;
        may = may && cg_edge_set_seen(self->set, id) >= other->made;
    }
    if (may) {
        w->collected += (uint32_t)cg_edge_set_collect(self->set, &passed, members, count);
        check_life(w, index);
    }
    cg_version_vector_deinit(&passed);
}

/* What one sends to another, or to one that knows nothing, comes to a third, some time later. */
static inline void fly(world *w, uint32_t from, uint32_t to) {
    cg_error error = {0};
    life *sender = &w->lives[from];
    life *self = &w->lives[to];
    if (w->flying.bytes && apply(w, self, w->flying.bytes, w->flying.size_bytes)) {
        for (uint32_t c = 0; c < w->change_count; c++) {
            if (w->flying_seen[c]) {
                see(w, self, c);
            }
        }
    }
    cg_version_vector seen;
    cg_version_vector_init(&seen, cg_allocator_heap());
    if (below(w, 2)) {
        assert_ok(cg_edge_set_vector(w->lives[w->now[0]].set, &seen, &error), error);
    }
    cg_edge_delta_wanted wanted = {
        .seen = &seen, .transfer = ++w->transfers, .bytes_max = no_limit};
    cg_edge_record record = {0};
    assert_ok(cg_edge_set_delta(sender->set, &wanted, &record, &error), error);
    free(w->flying.bytes);
    w->flying = (message){0};
    if (record.size_bytes > 0) {
        w->flying = copy_of(record.bytes, record.size_bytes, 0);
        memcpy(w->flying_seen, sender->seen, sizeof w->flying_seen);
    }
    cg_version_vector_deinit(&seen);
}

/* All hear from all, and some forget what all have heard. */
static inline void calm_down(world *w) {
    for (uint32_t host = 0; host < w->hosts; host++) {
        while (w->lives[w->now[host]].pending_count > 0) {
            become_durable(w, &w->lives[w->now[host]]);
        }
    }
    for (uint32_t i = 0; i < 2 * w->hosts; i++) {
        exchange(w, w->now[i % w->hosts], w->now[(i + 1) % w->hosts], true);
    }
    for (uint32_t host = 0; host < w->hosts; host++) {
        if (below(w, 2)) {
            collect(w, w->now[host]);
        }
    }
}

static inline void step(world *w) {
    uint32_t host = (uint32_t)below(w, w->hosts);
    uint32_t index = w->now[host];
    uint64_t drawn = below(w, 100);
    if (drawn < 35) {
        make_change(w, index);
    } else if (drawn < 58) {
        become_durable(w, &w->lives[index]);
    } else if (drawn < 70) {
        deliver_record(w, &w->lives[index]);
    } else if (drawn < 84) {
        exchange(w, w->now[below(w, w->hosts)], index, below(w, 2));
    } else if (drawn < 89) {
        fly(w, w->now[below(w, w->hosts)], index);
    } else if (drawn < 92) {
        calm_down(w);
    } else if (drawn < 96) {
        collect(w, index);
    } else if (drawn < 98) {
        recover(w, host);
    } else if (drawn < 99) {
        lose_disk(w, host);
    }
    check_life(w, w->now[host]);
}

static inline void settle_all(world *w) {
    calm_down(w);
    uint64_t state = cg_edge_set_hash(w->lives[w->now[0]].set, CG_EDGE_HASH_STATE);
    uint64_t visible = cg_edge_set_hash(w->lives[w->now[0]].set, CG_EDGE_HASH_VISIBLE);
    for (uint32_t host = 0; host < w->hosts; host++) {
        check_life(w, w->now[host]);
        const cg_edge_set *set = w->lives[w->now[host]].set;
        assert_int_equal(cg_edge_set_hash(set, CG_EDGE_HASH_STATE), state);
        assert_int_equal(cg_edge_set_hash(set, CG_EDGE_HASH_VISIBLE), visible);
    }
}

#endif
