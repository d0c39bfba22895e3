/* Goal: leads become probabilities: known values, calibration on data whose law is known, and
 * nothing but finite numbers however extreme or one-sided the lessons. (Spec A5, A9.) */
#include "tests/support/support.h"

#include <math.h>

#include "engine/column/calibration.h"

static cg_lead lead_of(double margin, double distance, bool recognised) {
    return (cg_lead){.margin = margin, .distance = distance, .recognised = recognised};
}

static double logistic(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* The belief before any label has variance 4 in each coefficient, so the logit is divided by
 * sqrt(1 + pi/8 * 4 * |terms|^2). */
static void known_values(void **state) {
    (void)state;
    cg_calibration fresh = cg_calibration_init();
    cg_lead lead = lead_of(0.0, 0.0, false);
    double pi = acos(-1.0);
    double expected = logistic(-1.0 / sqrt(1.0 + pi / 2.0));
    assert_true(fabs(cg_calibration_confidence(&fresh, &lead) - expected) < 1e-12);
    lead = lead_of(0.5, 1.0, false); /* terms 1, ln 3, ln 5, 0, 0 */
    double squares = 1.0 + log(3.0) * log(3.0) + log(5.0) * log(5.0);
    expected = logistic((-1.0 + log(3.0) + log(5.0)) / sqrt(1.0 + pi / 2.0 * squares));
    assert_true(fabs(cg_calibration_confidence(&fresh, &lead) - expected) < 1e-12);
    lead = lead_of(0.5, 1.0, true); /* terms 1, ln 3, 0, 1, ln 3 */
    squares = 2.0 + 2.0 * log(3.0) * log(3.0);
    expected = logistic((-1.0 + 2.0 * log(3.0)) / sqrt(1.0 + pi / 2.0 * squares));
    assert_true(fabs(cg_calibration_confidence(&fresh, &lead) - expected) < 1e-12);
}

/* One lesson at lead 0, where only the first term is 1: forgetting widens its variance to
 * v = 4 / 0.999, Laplace's step with p before and y = 1 gives the mean -1 + g v (1 - p),
 * g = 1 / (1 + p (1 - p) v), and the variance v g. */
static void one_lesson_by_hand(void **state) {
    (void)state;
    for (int right = 0; right < 2; right++) {
        cg_calibration learned = cg_calibration_init();
        cg_lead lead = lead_of(0.0, 0.0, false);
        cg_calibration_learn(&learned, &lead, right);
        double v = 4.0 / 0.999;
        double p = logistic(-1.0 / sqrt(1.0 + acos(-1.0) / 8.0 * v));
        double gain = 1.0 / (1.0 + p * (1.0 - p) * v);
        assert_true(fabs(learned.mean[0] - (-1.0 + gain * v * (right - p))) < 1e-12);
        assert_true(fabs(learned.covariance[0][0] - v * gain) < 1e-12);
        for (int i = 1; i < CG_CALIBRATION_TERMS; i++) {
            assert_true(learned.mean[i] == cg_calibration_init().mean[i]);
            assert_true(fabs(learned.covariance[i][i] - v) < 1e-12);
            assert_true(learned.covariance[0][i] == 0.0 && learned.covariance[i][0] == 0.0);
        }
    }
}

static void a_lesson_moves_towards_the_outcome(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(41), "test.calibration", 0);
    cg_calibration learned = cg_calibration_init();
    for (int round = 0; round < 2000; round++) {
        cg_lead lead = lead_of(cg_stream_next_exponential(&stream, 1.0),
                               cg_stream_next_exponential(&stream, 3.0),
                               cg_stream_next_below(&stream, 3) == 0);
        bool right = cg_stream_next_below(&stream, 2);
        double sum_before = cg_calibration_confidence(&learned, &lead);
        cg_calibration before = learned;
        cg_calibration_learn(&learned, &lead, right);
        /* Forgetting and narrowing moderate otherwise, so compare under the new belief. */
        cg_calibration as_if = learned;
        for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
            as_if.mean[i] = before.mean[i];
        }
        double still = cg_calibration_confidence(&as_if, &lead);
        double after = cg_calibration_confidence(&learned, &lead);
        assert_true(right ? after > still : after < still);
        assert_true(sum_before > 0.0 && sum_before < 1.0);
    }
}

/* Finite, exactly symmetric, and of positive variance in every direction of a grid. */
static void assert_sound(const cg_calibration *calibration) {
    assert_true(cg_calibration_is_sound(calibration));
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        assert_true(isfinite(calibration->mean[i]));
        for (int j = 0; j < i; j++) {
            assert_true(calibration->covariance[i][j] == calibration->covariance[j][i]);
        }
    }
    for (int code = 1; code < 243; code++) { /* all of -1, 0, 1 in five places */
        double variance = 0.0;
        for (int i = 0, at = code; i < CG_CALIBRATION_TERMS; i++, at /= 3) {
            for (int j = 0, other = code; j < CG_CALIBRATION_TERMS; j++, other /= 3) {
                variance += (at % 3 - 1) * (other % 3 - 1) * calibration->covariance[i][j];
            }
        }
        assert_true(code == 121 || variance > 0.0); /* 121 is no direction at all */
    }
}

static void unsound_beliefs_are_told(void **state) {
    (void)state;
    cg_calibration sound = cg_calibration_init();
    sound.covariance[1][2] = sound.covariance[2][1] = 3.99;
    assert_true(cg_calibration_is_sound(&sound));
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        cg_calibration bad = sound;
        bad.mean[i] = i % 2 ? 1.1e6 : (double)NAN;
        assert_false(cg_calibration_is_sound(&bad));
        bad.mean[i] = i % 2 ? -1.1e6 : (double)INFINITY;
        assert_false(cg_calibration_is_sound(&bad));
        static const double none[] = {0.0, -4.0, 17.1, (double)INFINITY, (double)NAN};
        for (int n = 0; n < 5; n++) {
            bad = sound;
            bad.covariance[i][i] = none[n];
            assert_false(cg_calibration_is_sound(&bad));
        }
        for (int j = 0; j < i; j++) {
            bad = sound;
            bad.covariance[i][j] += 1e-12; /* one side alone */
            assert_false(cg_calibration_is_sound(&bad));
            bad.covariance[i][j] = bad.covariance[j][i] = 4.01; /* more than the diagonal */
            assert_false(cg_calibration_is_sound(&bad));
            bad.covariance[i][j] = bad.covariance[j][i] = (double)NAN;
            assert_false(cg_calibration_is_sound(&bad));
        }
    }
}

static const cg_lead extremes[] = {
    {0.0, 0.0, false}, {0.0, 0.0, true}, {1e6, 1e6, false},    {1e6, 1e6, true},
    {0.0, 1e6, false}, {1e6, 0.0, true}, {1e-300, 1.0, false},
};
enum { EXTREMES = sizeof extremes / sizeof *extremes };

static void assert_confidences(const cg_calibration *calibration) {
    for (int i = 0; i < EXTREMES; i++) {
        double confidence = cg_calibration_confidence(calibration, &extremes[i]);
        assert_true(confidence > 0.0 && confidence < 1.0); /* false of NaN */
    }
}

static void one_outcome_for_ever(void **state) {
    (void)state;
    for (int right = 0; right < 2; right++) {
        for (int at = 0; at < EXTREMES; at++) {
            cg_calibration learned = cg_calibration_init();
            uint32_t lessons = at == 0 || at == 3 ? 1000000 : 50000;
            for (uint32_t i = 0; i < lessons; i++) {
                cg_calibration_learn(&learned, &extremes[at], right);
            }
            assert_sound(&learned);
            assert_confidences(&learned);
            double confidence = cg_calibration_confidence(&learned, &extremes[at]);
            assert_true(right ? confidence > 0.99 : confidence < 0.01);
            for (int i = 0; i < CG_CALIBRATION_TERMS; i++) { /* widens, but not for ever */
                assert_true(learned.covariance[i][i] <= 16.0 / 0.999 + 1e-9);
            }
        }
    }
}

static void any_lessons_leave_a_sound_belief(void **state) {
    (void)state;
    uint64_t seed = support_seed(42);
    for (uint64_t round = 0; round < 20; round++) {
        cg_stream stream = cg_stream_init(seed, "test.extremes", round);
        cg_calibration learned = cg_calibration_init();
        uint64_t few = 1 + cg_stream_next_below(&stream, EXTREMES);
        uint64_t bias = cg_stream_next_below(&stream, 101);
        for (uint32_t i = 0; i < 20000; i++) {
            cg_lead lead = extremes[cg_stream_next_below(&stream, few)];
            if (round % 2) {
                lead = lead_of(cg_stream_next_exponential(&stream, 0.5),
                               cg_stream_next_exponential(&stream, 2.0), round % 4 == 1);
            }
            cg_calibration_learn(&learned, &lead, cg_stream_next_below(&stream, 100) < bias);
            if (i % 100 == 0) {
                assert_sound(&learned);
                assert_confidences(&learned);
            }
        }
    }
}

/* Facts whose chance to be right is a known logistic law of their lead. */
typedef struct law {
    double offset, margin, distance, recognised;
} law;

static double chance(const law *true_law, const cg_lead *lead) {
    double sum = true_law->offset + true_law->margin * log(1.0 + 4.0 * lead->margin);
    sum += lead->recognised ? true_law->recognised
                            : true_law->distance * log(1.0 + 4.0 * lead->distance);
    return logistic(sum);
}

static cg_lead draw(cg_stream *stream) {
    double margin = cg_stream_next_exponential(stream, 0.4);
    double beyond = cg_stream_next_exponential(stream, 0.8);
    return lead_of(margin, margin + beyond, cg_stream_next_below(stream, 5) == 0);
}

/* Expected calibration error over ten bins of confidence, and the mean distance to the law. */
static void measure(const cg_calibration *learned, const law *true_law, cg_stream *stream,
                    double *ece, double *away) {
    enum { DRAWS = 5000, BINS = 10 };
    double confidence[BINS] = {0};
    double right[BINS] = {0};
    *ece = 0.0;
    *away = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        cg_lead lead = draw(stream);
        double said = cg_calibration_confidence(learned, &lead);
        double is = chance(true_law, &lead);
        int bin = (int)(said * BINS);
        confidence[bin] += said;
        right[bin] += cg_stream_next_unit(stream) < is;
        *away += fabs(said - is) / DRAWS;
    }
    for (int bin = 0; bin < BINS; bin++) {
        *ece += fabs(confidence[bin] - right[bin]) / DRAWS;
    }
}

static void converges_to_what_is_so(void **state) {
    (void)state;
    static const law laws[] = {
        {-1.0, 1.5, 0.5, 1.0}, {0.5, 0.8, -0.6, 2.0}, {-3.0, 2.0, 1.0, -1.0}};
    uint64_t seed = support_seed(43);
    for (uint32_t l = 0; l < sizeof laws / sizeof *laws; l++) {
        cg_stream stream = cg_stream_init(seed, "test.law", l);
        cg_calibration learned = cg_calibration_init();
        double ece;
        double away;
        double away_before;
        measure(&learned, &laws[l], &stream, &ece, &away_before);
        for (int i = 0; i < 5000; i++) {
            cg_lead lead = draw(&stream);
            bool right = cg_stream_next_unit(&stream) < chance(&laws[l], &lead);
            cg_calibration_learn(&learned, &lead, right);
        }
        measure(&learned, &laws[l], &stream, &ece, &away);
        if (!(ece < 0.03 && away < 0.04 && away < away_before)) {
            fail_msg("law %u: expected calibration error %.4f, %.4f away from the law", l, ece,
                     away);
        }
        /* And it follows when the law changes, however old it is. */
        for (int i = 0; i < 60000; i++) {
            cg_lead lead = draw(&stream);
            bool right = cg_stream_next_unit(&stream) < chance(&laws[l], &lead);
            cg_calibration_learn(&learned, &lead, right);
        }
        assert_sound(&learned);
        const law *next = &laws[(l + 1) % (sizeof laws / sizeof *laws)];
        for (int i = 0; i < 8000; i++) {
            cg_lead lead = draw(&stream);
            bool right = cg_stream_next_unit(&stream) < chance(next, &lead);
            cg_calibration_learn(&learned, &lead, right);
        }
        measure(&learned, next, &stream, &ece, &away);
        if (!(ece < 0.03 && away < 0.05)) {
            fail_msg("after law %u: expected calibration error %.4f, %.4f away", l, ece, away);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(one_lesson_by_hand),
        cmocka_unit_test(a_lesson_moves_towards_the_outcome),
        cmocka_unit_test(unsound_beliefs_are_told),
        cmocka_unit_test(one_outcome_for_ever),
        cmocka_unit_test(any_lessons_leave_a_sound_belief),
        cmocka_unit_test(converges_to_what_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
