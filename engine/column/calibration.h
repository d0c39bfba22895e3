/* Calibration: from the winner's lead to the probability that it is right (spec A5, A9).
 *
 * Logistic regression, fitted online by Bayesian updating with a Gaussian belief about the
 * coefficients (Spiegelhalter & Lauritzen, Networks 20, 1990; MacKay, Neural Computation 4,
 * 1992): each labelled fact moves the mean and narrows the covariance, by Laplace's approximation;
 * the covariance is divided by a forgetting factor at each, so that the belief follows synapses
 * that learn (West, Harrison & Migon, JASA 80, 1985). The probability is the logistic function
 * of the mean, moderated by the belief's variance.
 */
#ifndef CG_ENGINE_COLUMN_CALIBRATION_H
#define CG_ENGINE_COLUMN_CALIBRATION_H

#include <stdbool.h>

enum { CG_CALIBRATION_TERMS = 5 };

typedef struct cg_calibration {
    double mean[CG_CALIBRATION_TERMS];
    double covariance[CG_CALIBRATION_TERMS][CG_CALIBRATION_TERMS];
} cg_calibration;

/* What is known of a winner. Drives in CG_DRIVE_ONE. */
typedef struct cg_lead {
    double margin;   /* over the second */
    double distance; /* over the fifth, or the last */
    bool recognised; /* the fact restates it (engine/column/synapse.h) */
} cg_lead;

cg_calibration cg_calibration_init(void);
/* In (0, 1). */
double cg_calibration_confidence(const cg_calibration *calibration, const cg_lead *lead);
/* After it turned out whether the winner was right. */
void cg_calibration_learn(cg_calibration *calibration, const cg_lead *lead, bool right);
/* Whether it is a belief that learning can lead to: coefficients of a sane size, and a covariance
 * that is symmetric and positive definite. Of such a one every confidence is a number. */
bool cg_calibration_is_sound(const cg_calibration *calibration);

#endif
