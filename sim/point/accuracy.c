/* Expected calibration error (Naeini, Cooper & Hauskrecht, AAAI 2015; Guo et al., ICML 2017):
 * decisions are put into 10 equal bins by confidence; the error is the mean over decisions of
 * |share right - mean confidence| of their bin.
 */
#include "sim/point/accuracy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/math.h"

enum { BINS = 10, Q16_ONE = 65536, SUREST_PART = 5, STREAM_PARTS = 10 };

typedef struct bin {
    uint64_t facts;
    uint64_t right;
    uint64_t confidence_q16;
} bin;

typedef struct tally {
    uint64_t judged;
    uint64_t first;
    uint64_t top;
    uint64_t near_first;
    uint64_t near;
    uint64_t sure;
    uint64_t fairly;
    uint64_t audited;
    uint64_t agreed;
    uint64_t confidence_q16;
    uint64_t stage_out[CG_STAGE_COUNT];
    bin bins[BINS];
} tally;

static const double sure_confidence = 0.8;
static const double fair_confidence = 0.7;

static double share_of(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

/* In percent, with the standard error of a binomial share: cg_sqrt(p (1 - p) / n). */
static void put_share(sim_rows *rows, const char *name, uint64_t part, uint64_t whole) {
    const double share = share_of(part, whole);
    const double error = cg_sqrt(share * (1.0 - share) / (double)whole);
    sim_rows_metric(rows, name, "share", 100.0 * share, "%");
    sim_rows_metric(rows, name, "se", 100.0 * error, "%");
}

const char *sim_accuracy_name(const sim_measure *measure) {
    return measure->facts->from == SIM_FACTS_HELD_OUT ? "hypernym.first" : "recalled";
}

static void count_one(tally *sum, const sim_request_record *request) {
    const cg_reply *reply = &request->reply;
    const bool right = request->answer_rank == 1;
    const double confidence = (double)reply->confidence_q16 / Q16_ONE;
    sum->judged++;
    sum->first += right;
    sum->top += request->answer_rank > 0;
    sum->near_first += request->winner_near;
    sum->near += request->answer_near;
    sum->sure += right && confidence > sure_confidence;
    sum->fairly += right && confidence > fair_confidence;
    sum->audited += reply->audited;
    sum->agreed += reply->agreed;
    sum->confidence_q16 += reply->confidence_q16;
    for (int stage = 0; stage < CG_STAGE_COUNT; ++stage) {
        sum->stage_out[stage] += reply->stage_out[stage];
    }
    uint32_t place = (uint32_t)((uint64_t)reply->confidence_q16 * BINS / Q16_ONE);
    bin *into = &sum->bins[place < BINS ? place : BINS - 1];
    into->facts++;
    into->right += right;
    into->confidence_q16 += reply->confidence_q16;
}

static void put_calibration(const tally *sum, sim_rows *rows) {
    double error = 0.0;
    for (uint32_t i = 0; i < BINS; ++i) {
        const bin *one = &sum->bins[i];
        char name[32];
        snprintf(name, sizeof name, "reliability.%02u", i * 10);
        sim_rows_metric(rows, name, "facts", (double)one->facts, "1");
        if (one->facts > 0) {
            const double confidence =
                (double)one->confidence_q16 / Q16_ONE / (double)one->facts;
            sim_rows_metric(rows, name, "right", 100.0 * share_of(one->right, one->facts), "%");
            sim_rows_metric(rows, name, "confidence", confidence, "1");
            error += fabs(share_of(one->right, one->facts) - confidence) * (double)one->facts;
        }
    }
    sim_rows_metric(rows, "calibration.error", "mean", error / (double)sum->judged, "1");
}

typedef struct rating {
    uint32_t confidence_q16;
    uint32_t request; /* from 0 */
    bool right;
} rating;

static int surest_first(const void *left, const void *right) {
    const rating *a = left;
    const rating *b = right;
    if (a->confidence_q16 != b->confidence_q16) {
        return a->confidence_q16 > b->confidence_q16 ? -1 : 1;
    }
    return (a->request > b->request) - (a->request < b->request);
}

static cg_status put_surest(const sim_measure *measure, uint64_t judged, sim_rows *rows,
                            cg_error *error) {
    rating *ratings = calloc((size_t)judged, sizeof *ratings);
    if (!ratings) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to rate %llu decisions",
                            (unsigned long long)judged);
    }
    size_t count = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (sim_request_judged(request)) {
            ratings[count++] =
                (rating){request->reply.confidence_q16, i, request->answer_rank == 1};
        }
    }
    qsort(ratings, count, sizeof *ratings, surest_first);
    const size_t surest = (count + SUREST_PART - 1) / SUREST_PART;
    uint64_t right = 0;
    for (size_t i = 0; i < surest; ++i) {
        right += ratings[i].right;
    }
    put_share(rows, "surest.right", right, surest);
    free(ratings);
    return CG_OK;
}

static void put_answers(const sim_measure *measure, const tally *sum, sim_rows *rows) {
    put_share(rows, sim_accuracy_name(measure), sum->first, sum->judged);
    if (measure->facts->from != SIM_FACTS_HELD_OUT) {
        put_share(rows, "recalled.sure", sum->sure, sum->judged);
        put_share(rows, "recalled.fairly", sum->fairly, sum->judged);
        return;
    }
    put_share(rows, "hypernym.top10", sum->top, sum->judged);
    put_share(rows, "hypernym.near1", sum->near_first, sum->judged);
    put_share(rows, "hypernym.near10", sum->near, sum->judged);
}

static void put_stages(const tally *sum, sim_rows *rows) {
    for (int stage = CG_STAGE_COARSE; stage < CG_STAGE_INHIBITION; ++stage) {
        char name[32];
        snprintf(name, sizeof name, "stage.%s", cg_stage_name((cg_stage)stage));
        sim_rows_metric(rows, name, "mean", (double)sum->stage_out[stage] / (double)sum->judged,
                        "1");
    }
}

/* Of the first and the last tenth of the stream: what learning in service is worth. */
static void put_stream(const sim_measure *measure, uint64_t judged, sim_rows *rows) {
    const uint64_t tenth = judged / STREAM_PARTS;
    uint64_t seen = 0;
    uint64_t first = 0;
    uint64_t last = 0;
    for (uint32_t i = 0; tenth > 0 && i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (sim_request_judged(request)) {
            const bool right = request->answer_rank == 1;
            first += right && seen < tenth;
            last += right && seen >= judged - tenth;
            seen++;
        }
    }
    if (tenth > 0) {
        put_share(rows, "stream.first", first, tenth);
        put_share(rows, "stream.last", last, tenth);
    }
}

cg_status sim_accuracy_report(const sim_measure *measure, sim_rows *rows, cg_error *error) {
    tally sum = {0};
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        if (sim_request_judged(&measure->requests[i])) {
            count_one(&sum, &measure->requests[i]);
        }
    }
    sim_rows_metric(rows, "agreement.audits", "total", (double)sum.audited, "1");
    if (sum.audited > 0) {
        put_share(rows, "agreement", sum.agreed, sum.audited);
    }
    if (sum.judged == 0) {
        return CG_OK; /* of recalls, for one, nothing is decided */
    }
    put_answers(measure, &sum, rows);
    sim_rows_metric(rows, "confidence", "mean",
                    share_of(sum.confidence_q16, sum.judged) / Q16_ONE, "1");
    put_calibration(&sum, rows);
    put_stages(&sum, rows);
    put_stream(measure, sum.judged, rows);
    return put_surest(measure, sum.judged, rows, error);
}
