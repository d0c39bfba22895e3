/* Numbers as text. */
#include "analysis/table/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MIDDLE_DIGITS = 4, LEAST_DIGITS = 2, DECIMALS_MAX = 6 };

void an_number_exact(double value, char text[AN_NUMBER_BYTES]) {
    double clean = value == 0.0 ? 0.0 : value;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, AN_NUMBER_BYTES, "%.*g", digits, clean);
        if (strtod(text, NULL) == clean) {
            return;
        }
    }
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double an_number_median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    return values[(count - 1) / 2];
}

static int decimals_for(double magnitude, int digits) {
    return digits - 1 - (int)floor(log10(magnitude));
}

int an_number_decimals(double *magnitudes, size_t count) {
    if (count == 0) {
        return 0;
    }
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        whole = whole && magnitudes[i] < 1e6 && magnitudes[i] == floor(magnitudes[i]);
    }
    if (whole) {
        return 0;
    }
    int decimals = decimals_for(an_number_median(magnitudes, count), MIDDLE_DIGITS);
    int for_least = decimals_for(magnitudes[0], LEAST_DIGITS);
    decimals = decimals > for_least ? decimals : for_least;
    decimals = decimals < 0 ? 0 : decimals;
    return decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
}

void an_number_fixed(double value, int decimals, char text[AN_NUMBER_BYTES]) {
    if (fabs(value) >= 1e12) {
        snprintf(text, AN_NUMBER_BYTES, "%.3e", value);
        return;
    }
    snprintf(text, AN_NUMBER_BYTES, "%.*f", decimals, value);
    /* -0.00 says nothing that 0.00 does not. */
    if (text[0] == '-' && strtod(text, NULL) == 0.0) {
        snprintf(text, AN_NUMBER_BYTES, "%.*f", decimals, 0.0);
    }
}
