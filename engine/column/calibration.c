#include "engine/column/calibration.h"

#include "engine/base/math.h"

static const double forgetting = 0.999;
static const double variance_first = 4.0;  /* of each coefficient before any label */
static const double variance_most = 16.0;  /* forgetting widens no further */
static const double variance_bound = 17.0; /* of a variance, widened once more */
static const double mean_bound = 1e6;
static const double moderation = 0.39269908169872414; /* pi / 8 */

cg_calibration cg_calibration_init(void) {
    cg_calibration calibration = {.mean = {-1.0, 1.0, 1.0, 0.0, 1.0}};
    for (int term = 0; term < CG_CALIBRATION_TERMS; term++) {
        calibration.covariance[term][term] = variance_first;
    }
    return calibration;
}

/* Leads have long tails, so they enter as logarithms. What is recognised is told apart from others
 * that are by its margin alone. */
static void terms_of(const cg_lead *lead, double terms[CG_CALIBRATION_TERMS]) {
    terms[0] = 1.0;
    terms[1] = cg_log(1.0 + 4.0 * lead->margin);
    terms[2] = lead->recognised ? 0.0 : cg_log(1.0 + 4.0 * lead->distance);
    terms[3] = lead->recognised ? 1.0 : 0.0;
    terms[4] = lead->recognised ? terms[1] : 0.0;
}

static double logistic(double x) {
    return 1.0 / (1.0 + cg_exp(-x));
}

/* spread: covariance times terms. Returns terms times it. */
static double variance_of(const cg_calibration *calibration,
                          const double terms[CG_CALIBRATION_TERMS],
                          double spread[CG_CALIBRATION_TERMS]) {
    double variance = 0.0;
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        spread[i] = 0.0;
        for (int j = 0; j < CG_CALIBRATION_TERMS; j++) {
            spread[i] += calibration->covariance[i][j] * terms[j];
        }
        variance += spread[i] * terms[i];
    }
    return variance;
}

static double moderated(const cg_calibration *calibration,
                        const double terms[CG_CALIBRATION_TERMS], double variance) {
    double sum = 0.0;
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        sum += calibration->mean[i] * terms[i];
    }
    return logistic(sum / cg_sqrt(1.0 + moderation * variance));
}

double cg_calibration_confidence(const cg_calibration *calibration, const cg_lead *lead) {
    double terms[CG_CALIBRATION_TERMS];
    double spread[CG_CALIBRATION_TERMS];
    terms_of(lead, terms);
    return moderated(calibration, terms, variance_of(calibration, terms, spread));
}

void cg_calibration_learn(cg_calibration *calibration, const cg_lead *lead, bool right) {
    double terms[CG_CALIBRATION_TERMS];
    double spread[CG_CALIBRATION_TERMS];
    terms_of(lead, terms);
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        for (int j = 0; j < CG_CALIBRATION_TERMS; j++) {
            calibration->covariance[i][j] /=
                calibration->covariance[i][i] < variance_most &&
                        calibration->covariance[j][j] < variance_most
                    ? forgetting
                    : 1.0;
        }
    }
    double variance = variance_of(calibration, terms, spread);
    double expected = moderated(calibration, terms, variance);
    double curvature = expected * (1.0 - expected);
    double gain = 1.0 / (1.0 + curvature * variance);
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        for (int j = 0; j < CG_CALIBRATION_TERMS; j++) {
            /* The product first: else rounding unsettles the symmetry, which forgetting then
             * magnifies by 1 / 0.999 a label, to NaN after some 33,000. */
            calibration->covariance[i][j] -= curvature * gain * (spread[i] * spread[j]);
        }
        calibration->mean[i] += gain * spread[i] * ((right ? 1.0 : 0.0) - expected);
    }
}

/* By Cholesky's decomposition, whose pivots are above 0 of positive definite matrices only. */
static bool is_positive(const cg_calibration *calibration) {
    double lower[CG_CALIBRATION_TERMS][CG_CALIBRATION_TERMS];
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        for (int j = 0; j <= i; j++) {
            double rest = calibration->covariance[i][j];
            for (int k = 0; k < j; k++) {
                rest -= lower[i][k] * lower[j][k];
            }
            if (i == j && !(rest > 0.0)) {
                return false;
            }
            lower[i][j] = i == j ? cg_sqrt(rest) : rest / lower[j][j];
        }
    }
    return true;
}

bool cg_calibration_is_sound(const cg_calibration *calibration) {
    for (int i = 0; i < CG_CALIBRATION_TERMS; i++) {
        if (!(calibration->mean[i] >= -mean_bound && calibration->mean[i] <= mean_bound) ||
            !(calibration->covariance[i][i] <= variance_bound)) {
            return false;
        }
        for (int j = 0; j < i; j++) {
            if (calibration->covariance[i][j] != calibration->covariance[j][i]) {
                return false;
            }
        }
    }
    return is_positive(calibration);
}
