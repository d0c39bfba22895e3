/* Goal: the hard competition is stepping every neuron, in one group or in many; the drives are
 * the votes' order; soft inhibition settles at its one steady state and keeps the orders that it
 * says it keeps. (Spec A4, A8.) */
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/snn/lif.h"
#include "engine/snn/soft.h"
#include "engine/snn/wta.h"

enum { NEURONS_MAX = 5000, GROUPS_MAX = 128 };

typedef struct field {
    uint32_t count;
    double votes[NEURONS_MAX];
    uint32_t drives[NEURONS_MAX];
    uint32_t ids[NEURONS_MAX];
    uint64_t wide_ids[NEURONS_MAX];
    uint32_t potentials[NEURONS_MAX];
    uint32_t offsets[GROUPS_MAX + 1];
    uint32_t groups;
} field;

static bool ahead(const field *f, uint32_t left, uint32_t right) {
    return f->drives[left] != f->drives[right] ? f->drives[left] > f->drives[right]
                                               : f->wide_ids[left] < f->wide_ids[right];
}

/* The competition as it is described: every neuron is stepped until one is at the threshold. */
static cg_lif_result step_every_neuron(field *f) {
    uint32_t largest = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        largest = f->drives[i] > largest ? f->drives[i] : largest;
        f->potentials[i] = 0;
    }
    int left = 0;
    while (largest != 0 && ((uint64_t)largest << left) < (1u << 30)) {
        left++;
    }
    bool halve = largest >> 31;
    uint32_t threshold = (halve ? largest >> 1 : largest << left) / 2;
    cg_lif_result result = {0};
    bool fired = false;
    while (result.steps < CG_LIF_STEPS_MAX && !fired && largest != 0) {
        for (uint32_t i = 0; i < f->count; i++) {
            uint32_t drive = halve ? f->drives[i] >> 1 : f->drives[i] << left;
            f->potentials[i] += (drive - f->potentials[i]) / CG_LIF_TAU_STEPS;
            fired = fired || f->potentials[i] >= threshold;
        }
        result.steps++;
    }
    result.steps = largest == 0 ? CG_LIF_STEPS_MAX : result.steps;
    result.spike_step = result.steps;
    for (uint32_t i = 1; i < f->count; i++) {
        uint32_t w = result.winner;
        if (f->potentials[i] > f->potentials[w] ||
            (f->potentials[i] == f->potentials[w] && ahead(f, i, w))) {
            result.winner = i;
        }
    }
    result.runner_up = result.winner;
    for (uint32_t i = 0; i < f->count; i++) {
        if (i != result.winner &&
            (result.runner_up == result.winner || ahead(f, i, result.runner_up))) {
            result.runner_up = i;
        }
    }
    return result;
}

/* Kinds: anything; few values; all near 2^32; all zero but a few; tiny. */
static void draw_drives(field *f, cg_stream *stream, uint64_t kind) {
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t drive = (uint32_t)cg_stream_next(stream);
        uint32_t kinds[] = {drive, drive % 4, UINT32_MAX - drive % 7,
                            drive % 100 == 0 ? drive >> 9 : 0, drive >> 28};
        f->drives[i] = kinds[kind % 5];
    }
}

/* Distinct ids whose order is neither that of places nor that of their lower halves. */
static void draw_ids(field *f, cg_stream *stream, bool wide) {
    for (uint32_t i = 0; i < f->count; i++) {
        f->ids[i] = i;
    }
    cg_stream_shuffle_u32(stream, f->ids, f->count);
    for (uint32_t i = 0; i < f->count; i++) {
        uint64_t host = f->ids[i] * UINT64_C(2654435761) % 13;
        f->wide_ids[i] = wide ? (host << 40) | f->ids[i] : f->ids[i];
    }
}

static int ascending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void draw_groups(field *f, cg_stream *stream) {
    f->groups = 1 + (uint32_t)cg_stream_next_below(stream, GROUPS_MAX);
    f->offsets[0] = 0;
    for (uint32_t g = 1; g < f->groups; g++) {
        f->offsets[g] = (uint32_t)cg_stream_next_below(stream, f->count + 1);
    }
    f->offsets[f->groups] = f->count;
    qsort(f->offsets, f->groups + 1, sizeof *f->offsets, ascending);
}

static uint32_t draw_count(cg_stream *stream) {
    uint32_t most = cg_stream_next_below(stream, 2) ? NEURONS_MAX : 12;
    return 1 + (uint32_t)cg_stream_next_below(stream, most);
}

static void competition_is_stepping_every_neuron(void **state) {
    (void)state;
    static field f;
    cg_stream stream = cg_stream_init(support_seed(21), "test.inhibition.steps", 0);
    for (uint32_t round = 0; round < 250; round++) {
        f.count = draw_count(&stream);
        draw_drives(&f, &stream, round);
        draw_ids(&f, &stream, false);
        cg_work work = {0};
        cg_lif_result expected = step_every_neuron(&f);
        cg_lif_result result = cg_lif_compete(f.drives, f.ids, f.count, &work);
        assert_memory_equal(&result, &expected, sizeof result);
        uint32_t stepped = f.drives[result.winner] == 0 ? 0 : result.steps;
        assert_int_equal(work.operations[CG_WORK_LIF_STEP], 1 + stepped);
        assert_int_equal(work.units[CG_WORK_LIF_STEP], f.count + stepped);
    }
}

/* One competition of all, and of the groups, from one array of drives. */
static bool groups_equal_flat(field *f) {
    cg_lif_result flat = step_every_neuron(f);
    cg_wta_groups groups = {f->drives, f->wide_ids, f->offsets, f->groups};
    cg_wta_result result = cg_wta_compete_groups(&groups, NULL);
    const cg_champions *champions = &result.champions;
    return champions->winner.id == f->wide_ids[flat.winner] &&
           champions->winner.drive == f->drives[flat.winner] &&
           champions->runner_up.id == f->wide_ids[flat.runner_up] &&
           champions->runner_up.drive == f->drives[flat.runner_up] &&
           champions->places == (f->count == 1 ? 1 : 2) &&
           flat.winner >= f->offsets[champions->winner.source] &&
           flat.winner < f->offsets[champions->winner.source + 1] &&
           result.spike_step == flat.spike_step;
}

static void groups_are_one_competition(void **state) {
    (void)state;
    static field f;
    uint64_t seed = support_seed(22);
    cg_stream stream = cg_stream_init(seed, "test.inhibition.groups", 0);
    uint32_t equal = 0;
    enum { ROUNDS = 400 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        f.count = draw_count(&stream);
        draw_drives(&f, &stream, round);
        draw_ids(&f, &stream, true);
        draw_groups(&f, &stream);
        equal += groups_equal_flat(&f);
    }
    printf("# seed %llu: groups gave the flat competition's result in %u of %d\n",
           (unsigned long long)seed, equal, ROUNDS);
    assert_int_equal(equal, ROUNDS);
    cg_wta_result none = cg_wta_compete_groups(&(cg_wta_groups){.offsets = f.offsets}, NULL);
    assert_int_equal(none.champions.places, 0);
    assert_int_equal(none.spike_step, CG_LIF_STEPS_MAX);
}

/* Hosts that know their own votes alone: the largest of all first, then champions, merged in a
 * random order, some of them twice. */
static cg_wta_result gather(const field *f, cg_stream *stream) {
    double largest = 0.0;
    cg_champions reports[GROUPS_MAX];
    uint32_t order[GROUPS_MAX];
    static uint32_t drives[NEURONS_MAX];
    for (uint32_t g = 0; g < f->groups; g++) {
        double own =
            cg_wta_largest_vote(f->votes + f->offsets[g], f->offsets[g + 1] - f->offsets[g]);
        largest = own > largest ? own : largest;
        order[g] = g;
    }
    for (uint32_t g = 0; g < f->groups; g++) {
        uint32_t count = f->offsets[g + 1] - f->offsets[g];
        cg_wta_drives(f->votes + f->offsets[g], count, largest, drives);
        reports[g] = cg_wta_champions(drives, f->wide_ids + f->offsets[g], count, g, NULL);
    }
    cg_stream_shuffle_u32(stream, order, f->groups);
    cg_champions all = {0};
    for (uint32_t g = 0; g < f->groups; g++) {
        all = cg_wta_merge(&reports[order[g]], &all);
        if (cg_stream_next_below(stream, 4) == 0) {
            all = cg_wta_merge(&all, &reports[order[cg_stream_next_below(stream, g + 1)]]);
        }
    }
    return cg_wta_settle(&all, NULL);
}

static void winner_is_the_largest_vote(void **state) {
    (void)state;
    static field f;
    uint64_t seed = support_seed(23);
    cg_stream stream = cg_stream_init(seed, "test.inhibition.votes", 0);
    uint32_t right = 0;
    uint32_t equal = 0;
    enum { ROUNDS = 2000 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        f.count = draw_count(&stream);
        draw_ids(&f, &stream, true);
        draw_groups(&f, &stream);
        uint32_t best = (uint32_t)cg_stream_next_below(&stream, f.count);
        double margin = 0.02 + 0.1 * (round % 2) * cg_stream_next_unit(&stream);
        double top = margin + (1.0 - margin) * cg_stream_next_unit(&stream);
        for (uint32_t i = 0; i < f.count; i++) {
            f.votes[i] = i == best ? top : (top - margin) * cg_stream_next_unit(&stream);
        }
        cg_wta_drives(f.votes, f.count, cg_wta_largest_vote(f.votes, f.count), f.drives);
        cg_lif_result flat = cg_lif_compete(f.drives, f.ids, f.count, NULL);
        cg_wta_result gathered = gather(&f, &stream);
        right += flat.winner == best;
        equal += gathered.champions.winner.id == f.wide_ids[best] &&
                 gathered.champions.runner_up.drive == f.drives[flat.runner_up] &&
                 gathered.spike_step == flat.spike_step;
    }
    printf("# seed %llu: margin >= 0.02: the largest vote won %u of %d (%.3f%%); hosts agreed "
           "in %u\n",
           (unsigned long long)seed, right, ROUNDS, 100.0 * right / ROUNDS, equal);
    assert_true(right >= ROUNDS * 0.999);
    assert_int_equal(equal, ROUNDS);
}

static void drives_have_the_order_of_votes(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(24), "test.inhibition.drives", 0);
    enum { VOTES = 200 };
    double votes[VOTES];
    uint32_t drives[VOTES];
    for (uint32_t round = 0; round < 500; round++) {
        double base = ldexp(0.5 + 0.5 * cg_stream_next_unit(&stream),
                            (int)cg_stream_next_below(&stream, 2000) - 1060);
        for (uint32_t i = 0; i < VOTES; i++) { /* neighbours in the last bits, and others */
            uint64_t kind = cg_stream_next_below(&stream, 5);
            double others[] = {base, nextafter(base, 0.0), base * cg_stream_next_unit(&stream),
                               -base, 0.0};
            votes[i] = others[kind];
        }
        double largest = cg_wta_largest_vote(votes, VOTES);
        cg_wta_drives(votes, VOTES, largest, drives);
        for (uint32_t i = 0; i < VOTES; i++) {
            assert_int_equal(drives[i] == CG_WTA_DRIVE_LARGEST,
                             votes[i] == largest && largest > 0.0);
            uint32_t other = (uint32_t)cg_stream_next_below(&stream, VOTES);
            assert_true(votes[i] < votes[other] || drives[i] >= drives[other]);
            assert_true(votes[i] != votes[other] || drives[i] == drives[other]);
        }
    }
}

static cg_champions draw_report(cg_stream *stream) {
    uint32_t drives[3];
    uint64_t ids[3];
    uint32_t count = (uint32_t)cg_stream_next_below(stream, 4);
    uint64_t first = cg_stream_next_below(stream, 3);
    for (uint32_t i = 0; i < count; i++) {
        drives[i] = (uint32_t)cg_stream_next_below(stream, 3);
        ids[i] = first + i;
    }
    return cg_wta_champions(drives, ids, count, (uint32_t)cg_stream_next_below(stream, 3),
                            NULL);
}

static bool same(const cg_champions *left, const cg_champions *right) {
    const cg_champion *a[] = {&left->winner, &left->runner_up};
    const cg_champion *b[] = {&right->winner, &right->runner_up};
    bool is_same = left->places == right->places;
    for (int i = 0; i < 2; i++) {
        is_same = is_same && a[i]->id == b[i]->id && a[i]->drive == b[i]->drive &&
                  a[i]->source == b[i]->source;
    }
    return is_same;
}

static void merging_has_no_order(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(25), "test.inhibition.merge", 0);
    const cg_champions none = {0};
    for (uint32_t round = 0; round < 100000; round++) {
        cg_champions a = draw_report(&stream);
        cg_champions b = draw_report(&stream);
        cg_champions c = draw_report(&stream);
        cg_champions ab = cg_wta_merge(&a, &b);
        cg_champions ba = cg_wta_merge(&b, &a);
        cg_champions bc = cg_wta_merge(&b, &c);
        cg_champions left = cg_wta_merge(&ab, &c);
        cg_champions right = cg_wta_merge(&a, &bc);
        cg_champions again = cg_wta_merge(&ab, &a);
        cg_champions alone = cg_wta_merge(&none, &a);
        assert_true(same(&ab, &ba));
        assert_true(same(&left, &right));
        assert_true(same(&again, &ab));
        assert_true(same(&alone, &a));
    }
}

enum { SOFT_COUNT = 120, SOFT_EXTENT = 64 };

typedef struct soft_case {
    cg_soft_options options;
    uint32_t count;
    uint32_t drives[SOFT_COUNT];
    uint32_t positions[SOFT_COUNT];
    double activity[SOFT_COUNT];
    cg_soft_result result;
} soft_case;

static void run_soft(soft_case *c) {
    cg_error error = {0};
    cg_soft *soft = NULL;
    assert_ok(cg_soft_alloc(&c->options, SOFT_EXTENT, cg_allocator_heap(), &soft, &error),
              error);
    c->result = cg_soft_settle(soft, c->drives, c->positions, c->count, c->activity, NULL);
    cg_soft_free(soft);
}

static void draw_soft(soft_case *c, cg_stream *stream) {
    c->options = cg_soft_options_default();
    c->options.gain = 0.95 * cg_stream_next_unit(stream);
    c->options.sigma = 0.1 + 10.0 * cg_stream_next_unit(stream);
    c->count = 1 + (uint32_t)cg_stream_next_below(stream, SOFT_COUNT);
    uint64_t extent = 1 + cg_stream_next_below(stream, SOFT_EXTENT);
    uint64_t range = cg_stream_next_below(stream, 3) ? 1000000 : 10;
    for (uint32_t i = 0; i < c->count; i++) {
        c->drives[i] = 1 + (uint32_t)cg_stream_next_below(stream, range);
        c->positions[i] = (uint32_t)cg_stream_next_below(stream, extent);
    }
}

static void soft_keeps_its_orders(void **state) {
    (void)state;
    static soft_case c;
    uint64_t seed = support_seed(26);
    cg_stream stream = cg_stream_init(seed, "test.inhibition.soft", 0);
    uint32_t passed_without = 0;
    for (uint32_t round = 0; round < 600; round++) {
        draw_soft(&c, &stream);
        c.options.steps_max = 1 + (uint32_t)cg_stream_next_below(&stream, round % 2 ? 5 : 400);
        c.options.keeps_winner = round % 4 < 2;
        run_soft(&c);
        uint32_t first = 0;
        for (uint32_t i = 0; i < c.count; i++) {
            first = c.drives[i] > c.drives[first] ? i : first;
        }
        bool passed = false;
        for (uint32_t i = 0; i < c.count; i++) {
            assert_true(c.activity[i] >= 0.0 && c.activity[i] <= 1.0);
            passed =
                passed || (c.drives[i] < c.drives[first] && c.activity[i] > c.activity[first]);
            for (uint32_t j = 0; j < c.count; j++) {
                assert_true(c.positions[i] != c.positions[j] || c.drives[i] < c.drives[j] ||
                            c.activity[i] >= c.activity[j]);
            }
        }
        assert_false(c.options.keeps_winner && passed);
        passed_without += passed;
        assert_true(c.result.gain <= c.options.gain);
        assert_true(c.result.tries > 1 || c.result.gain == c.options.gain);
        assert_true(c.options.keeps_winner || c.result.tries == 1);
    }
    assert_true(passed_without > 0); /* so that lowering the gain is not idle */
}

/* The steady state by another way: one neuron after the other, until nothing moves. */
static double steady_difference(const soft_case *c) {
    double largest = 0.0;
    double a[SOFT_COUNT] = {0};
    for (uint32_t i = 0; i < c->count; i++) {
        largest = c->drives[i] > largest ? c->drives[i] : largest;
    }
    for (uint32_t sweep = 0; sweep < 20000; sweep++) {
        double moved = 0.0;
        for (uint32_t i = 0; i < c->count; i++) {
            double wanted = c->drives[i] / largest;
            for (uint32_t j = 0; j < c->count; j++) {
                double x = ((double)c->positions[i] - c->positions[j]) / c->options.sigma;
                wanted -= i == j ? 0.0 : c->result.gain * exp(-0.5 * x * x) * a[j];
            }
            wanted = wanted > 0.0 ? wanted : 0.0;
            moved = fmax(moved, fabs(wanted - a[i]));
            a[i] = wanted;
        }
        if (moved < 1e-12) {
            break;
        }
    }
    double difference = 0.0;
    for (uint32_t i = 0; i < c->count; i++) {
        difference = fmax(difference, fabs(a[i] - c->activity[i]));
    }
    return difference;
}

/* What a run leaves behind does not reach the next. */
static void check_reuse(const soft_case *c, cg_stream *stream) {
    static soft_case other;
    static double again[SOFT_COUNT];
    draw_soft(&other, stream);
    cg_error error = {0};
    cg_soft *soft = NULL;
    assert_ok(cg_soft_alloc(&c->options, SOFT_EXTENT, cg_allocator_heap(), &soft, &error),
              error);
    (void)cg_soft_settle(soft, other.drives, other.positions, other.count, again, NULL);
    cg_soft_result result =
        cg_soft_settle(soft, c->drives, c->positions, c->count, again, NULL);
    assert_memory_equal(again, c->activity, c->count * sizeof *again);
    assert_int_equal(result.steps, c->result.steps);
    cg_soft_free(soft);
}

static void soft_settles_at_the_steady_state(void **state) {
    (void)state;
    static soft_case c;
    cg_stream stream = cg_stream_init(support_seed(27), "test.inhibition.steady", 0);
    for (uint32_t round = 0; round < 40; round++) {
        draw_soft(&c, &stream);
        c.count = c.count > 40 ? 40 : c.count;
        c.options.gain *= 0.8;
        c.options.keeps_winner = round % 2 == 0;
        c.options.tolerance = 1e-9;
        c.options.steps_max = 100000;
        run_soft(&c);
        assert_true(c.result.converged && c.result.residual <= 1e-9);
        /* Strong convexity: the distance is at most residual (1 + L) sqrt(n) / (1 - gain). */
        assert_true(steady_difference(&c) < 1e-5);
        check_reuse(&c, &stream);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(competition_is_stepping_every_neuron),
        cmocka_unit_test(groups_are_one_competition),
        cmocka_unit_test(winner_is_the_largest_vote),
        cmocka_unit_test(drives_have_the_order_of_votes),
        cmocka_unit_test(merging_has_no_order),
        cmocka_unit_test(soft_keeps_its_orders),
        cmocka_unit_test(soft_settles_at_the_steady_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
