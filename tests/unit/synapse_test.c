/* Goal: evidence reaches delay lines by its latency, whole and in order, whatever the spike code;
 * and drives are the sums that their definition says, exactly, at their bounds too. (Spec A3.) */
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

#include "engine/column/synapse.h"
#include "tests/support/learned.h"

static const cg_pathway firsts[CG_COLUMN_COUNT + 1] = {
    CG_PATHWAY_EXACT, CG_PATHWAY_SELF, CG_PATHWAY_RECENT, CG_PATHWAY_TYPE, CG_PATHWAY_COUNT};

static void columns_are_runs_of_pathways(void **state) {
    (void)state;
    static const char *const names[] = {"semantic", "structural", "temporal", "exception",
                                        "unknown"};
    for (int c = 0; c <= CG_COLUMN_COUNT; c++) {
        assert_string_equal(cg_column_name((cg_column_id)c), names[c]);
    }
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        assert_int_equal(cg_column_first_pathway((cg_column_id)c), firsts[c]);
        assert_int_equal(cg_column_pathway_count((cg_column_id)c), firsts[c + 1] - firsts[c]);
        for (uint32_t p = firsts[c]; p < firsts[c + 1]; p++) {
            assert_int_equal(cg_pathway_column((cg_pathway)p), c);
            /* What neighbours and habits say is weighed against the strongest. */
            bool relative = p >= CG_PATHWAY_SELF && p <= CG_PATHWAY_DOMAIN_HABIT;
            assert_int_equal(cg_pathway_is_relative((cg_pathway)p), relative);
        }
    }
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        assert_true(strlen(cg_pathway_name((cg_pathway)p)) > 2);
        for (uint32_t q = 0; q < p; q++) {
            assert_string_not_equal(cg_pathway_name((cg_pathway)p),
                                    cg_pathway_name((cg_pathway)q));
        }
    }
    assert_string_equal(cg_pathway_name(CG_PATHWAY_GENUS_HABIT), "genus habit");
    assert_string_equal(cg_pathway_name(CG_PATHWAY_COUNT), "unknown");
}

static cg_ttfs_options coded(cg_ttfs_code code, double threshold, uint32_t window_ticks) {
    cg_ttfs_options encoding = cg_ttfs_options_default();
    encoding.code = code;
    encoding.threshold = threshold;
    encoding.window_ticks = window_ticks;
    return encoding;
}

/* The place of evidence among the lines, in shares from the first on; silence is behind all. */
static int64_t place_of(const cg_tuning *tuning, uint32_t evidence) {
    int64_t line = tuning->line[evidence];
    return line == 0 ? -1 : (line - 1) * CG_SHARE_ONE + tuning->share[evidence];
}

static void check_tuning(const cg_tuning *tuning, const cg_ttfs_options *encoding) {
    int64_t before = -1;
    for (uint32_t evidence = 0; evidence <= CG_EVIDENCE_ONE; evidence++) {
        uint32_t line = tuning->line[evidence];
        uint32_t share = tuning->share[evidence];
        assert_true(line + (line > 0) < CG_LINES);
        assert_true(share <= CG_SHARE_ONE);
        assert_true(line > 0 || share == 0);
        assert_int_equal(line == 0, tuning->ticks[evidence] == UINT32_MAX);
        double x = (double)evidence / CG_EVIDENCE_ONE;
        double least = encoding->code == CG_TTFS_LIF
                           ? encoding->threshold / (1.0 - encoding->threshold)
                           : encoding->threshold;
        if (fabs(x - least) > 1e-9) {
            assert_int_equal(line > 0, x > least);
        }
        if (line > 0) {
            assert_true(tuning->ticks[evidence] <= encoding->window_ticks);
            /* Linear interpolation over CG_FIELDS lines from the window's end to its start. */
            double early = 1.0 - (double)tuning->ticks[evidence] / encoding->window_ticks;
            double place = early * (CG_FIELDS - 1) * CG_SHARE_ONE;
            assert_true(fabs((double)place_of(tuning, evidence) - place) <= 1.0);
        }
        assert_true(place_of(tuning, evidence) >= before);
        before = place_of(tuning, evidence);
    }
    if (encoding->code != CG_TTFS_LIF) { /* whose strongest takes its time too */
        assert_int_equal(place_of(tuning, CG_EVIDENCE_ONE), (CG_FIELDS - 1) * CG_SHARE_ONE);
        assert_int_equal(tuning->ticks[CG_EVIDENCE_ONE], 0);
    }
    assert_int_equal(tuning->line[0], 0);
}

static void lines_share_every_spike(void **state) {
    (void)state;
    static const double thresholds[] = {0.01, 0.1, 0.3, 0.45};
    static const uint32_t windows[] = {100000, 1000, 7};
    for (int code = CG_TTFS_LOG; code <= CG_TTFS_LIF; code++) {
        for (int t = 0; t < 4; t++) {
            for (int w = 0; w < 3; w++) {
                cg_ttfs_options encoding = coded((cg_ttfs_code)code, thresholds[t], windows[w]);
                cg_tuning tuning;
                memset(&tuning, 0xff, sizeof tuning);
                cg_tuning_init(&tuning, &encoding);
                check_tuning(&tuning, &encoding);
                assert_memory_equal(&tuning.encoding, &encoding, sizeof encoding);
            }
        }
    }
}

/* Log code, threshold 0.1: half evidence fires at ln 2 / ln 10 = 0.30103 of the window, which is
 * 0.69897 * 5 = 3.49485 lines from the last. Linear: at half of it. */
static void tuning_by_hand(void **state) {
    (void)state;
    cg_tuning tuning;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_tuning_init(&tuning, &encoding);
    assert_int_equal(tuning.ticks[2048], 30103);
    assert_int_equal(tuning.line[2048], 4);
    assert_int_equal(tuning.share[2048], 126); /* 0.49485 * 256 = 126.7 */
    assert_int_equal(tuning.line[409], 0);     /* 409.6 is the threshold */
    assert_int_equal(tuning.line[410], 1);
    encoding.code = CG_TTFS_LINEAR;
    cg_tuning_init(&tuning, &encoding);
    assert_int_equal(tuning.line[2048], 3);
    assert_int_equal(tuning.share[2048], 128);
}

static cg_senses draw_senses(cg_stream *stream) {
    cg_senses senses;
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        uint32_t kind = (uint32_t)cg_stream_next_below(stream, 4);
        uint32_t drawn = (uint32_t)cg_stream_next_below(stream, CG_EVIDENCE_ONE + 1);
        senses.of[p] = (uint16_t)(kind == 0 ? 0 : kind == 1 ? CG_EVIDENCE_ONE : drawn);
    }
    return senses;
}

/* In doubles, which hold every term and sum exactly. */
static double naive_column(const cg_synapses *synapses, const cg_tuning *tuning, int column,
                           const cg_senses *senses) {
    double drive = 0.0;
    for (uint32_t p = firsts[column]; p < firsts[column + 1]; p++) {
        double shares[CG_LINES] = {0};
        uint32_t heard = senses->of[p];
        shares[tuning->line[heard]] = 256.0 - tuning->share[heard];
        if (tuning->line[heard] > 0) {
            shares[tuning->line[heard] + 1] = tuning->share[heard];
        }
        for (uint32_t line = 0; line < CG_LINES; line++) {
            drive += shares[line] * synapses->weight_q16[p][line];
        }
    }
    double restated = senses->of[CG_PATHWAY_RESTATED];
    if (column == CG_COLUMN_SEMANTIC && restated >= CG_RECOGNISED) {
        double most = (double)CG_RECOGNITION_MOST - CG_RECOGNITION_LEAST;
        drive += CG_RECOGNITION_LEAST +
                 floor((restated - CG_RECOGNISED) * most / (CG_EVIDENCE_ONE - CG_RECOGNISED));
    }
    return drive;
}

static void drives_are_the_sums_they_should_be(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(51), "test.drive", 0);
    static cg_tuning tuning;
    for (int round = 0; round < 3000; round++) {
        if (round % 1000 == 0) {
            cg_ttfs_options encoding = coded((cg_ttfs_code)(round / 1000), 0.1, 100000);
            cg_tuning_init(&tuning, &encoding);
        }
        cg_learned learned = support_learned_any(&stream);
        cg_senses senses = draw_senses(&stream);
        uint32_t drives[CG_COLUMN_COUNT];
        uint32_t mask = (uint32_t)cg_stream_next_below(&stream, 16);
        double sum = 0.0;
        for (int c = 0; c < CG_COLUMN_COUNT; c++) {
            drives[c] =
                cg_synapses_column_drive(&learned.synapses, &tuning, (cg_column_id)c, &senses);
            double expected = naive_column(&learned.synapses, &tuning, c, &senses);
            assert_true((double)drives[c] == expected);
            float vote = cg_synapses_vote((cg_column_id)c, drives[c]);
            double share = expected / ((firsts[c + 1] - firsts[c]) * 16777216.0);
            assert_true(fabs((double)vote - fmin(share, 1.0)) < 1e-6);
            assert_true(vote >= 0.0f && vote <= 1.0f);
            if (mask >> c & 1) {
                sum += expected * learned.synapses.expertise_q16[c];
            }
        }
        assert_true((double)cg_synapses_drive(&learned.synapses, mask, drives) ==
                    floor(sum / 65536.0));
    }
}

static void nothing_learned_prefers_nobody(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(52), "test.uniform", 0);
    cg_synapses uniform = cg_synapses_uniform();
    static cg_tuning tuning;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_tuning_init(&tuning, &encoding);
    for (int round = 0; round < 1000; round++) {
        cg_senses senses = draw_senses(&stream);
        if (senses.of[CG_PATHWAY_RESTATED] >= CG_RECOGNISED) {
            senses.of[CG_PATHWAY_RESTATED] = CG_RECOGNISED - 1;
        }
        uint32_t drives[CG_COLUMN_COUNT];
        for (int c = 0; c < CG_COLUMN_COUNT; c++) {
            drives[c] = cg_synapses_column_drive(&uniform, &tuning, (cg_column_id)c, &senses);
            assert_int_equal(drives[c], (firsts[c + 1] - firsts[c]) * (CG_DRIVE_ONE / 2));
            assert_true(cg_synapses_vote((cg_column_id)c, drives[c]) == 0.5f);
        }
        assert_int_equal(cg_synapses_drive(&uniform, 15, drives),
                         CG_PATHWAY_COUNT * (CG_DRIVE_ONE / 4));
        assert_int_equal(cg_synapses_drive(&uniform, 0, drives), 0);
    }
}

static void fill(cg_synapses *synapses, uint32_t weight) {
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        for (uint32_t line = 0; line < CG_LINES; line++) {
            synapses->weight_q16[p][line] = weight;
        }
    }
    for (uint32_t c = 0; c < CG_COLUMN_COUNT; c++) {
        synapses->expertise_q16[c] = weight;
    }
}

static void drives_stay_in_their_bounds(void **state) {
    (void)state;
    static cg_tuning tuning;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_tuning_init(&tuning, &encoding);
    cg_synapses synapses;
    for (uint32_t evidence = 0; evidence <= CG_EVIDENCE_ONE; evidence++) {
        cg_senses senses;
        for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
            senses.of[p] = (uint16_t)evidence;
        }
        uint32_t drives[CG_COLUMN_COUNT];
        fill(&synapses, 65536);
        uint32_t most = 0;
        uint32_t extra = 0;
        for (int c = 0; c < CG_COLUMN_COUNT; c++) {
            drives[c] = cg_synapses_column_drive(&synapses, &tuning, (cg_column_id)c, &senses);
            uint32_t full = (firsts[c + 1] - firsts[c]) * (uint32_t)CG_DRIVE_ONE;
            extra = c == CG_COLUMN_SEMANTIC ? drives[c] - full : extra;
            assert_true(c == CG_COLUMN_SEMANTIC || drives[c] == full);
            assert_true(cg_synapses_vote((cg_column_id)c, drives[c]) == 1.0f);
            most += drives[c];
        }
        /* Recognition: none below its threshold, then in a line from the least to the most. */
        double beyond = ((double)evidence - CG_RECOGNISED) / (CG_EVIDENCE_ONE - CG_RECOGNISED);
        assert_true(evidence < CG_RECOGNISED
                        ? extra == 0
                        : fabs(extra / 16777216.0 - (2.0 + 6.0 * beyond)) < 1e-6);
        assert_int_equal(cg_synapses_drive(&synapses, 15, drives), most);
        fill(&synapses, 66);
        assert_int_equal(
            cg_synapses_column_drive(&synapses, &tuning, CG_COLUMN_TEMPORAL, &senses),
            2 * 66 * 256);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_runs_of_pathways),
        cmocka_unit_test(lines_share_every_spike),
        cmocka_unit_test(tuning_by_hand),
        cmocka_unit_test(drives_are_the_sums_they_should_be),
        cmocka_unit_test(nothing_learned_prefers_nobody),
        cmocka_unit_test(drives_stay_in_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
