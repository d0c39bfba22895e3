#include "tests/bench/plain_spikes.h"

#include <math.h>
#include <stdlib.h>

enum { UNIT = 20000 };

static const double window = 100000.0;
static const double threshold = 0.1;

static double strongest_of(const float *vector, uint32_t dims) {
    double strongest = 0.0;
    for (uint32_t d = 0; d < dims; d++) {
        double size = fabs((double)vector[d]);
        strongest = size > strongest ? size : strongest;
    }
    return strongest;
}

static int32_t entry_of(double ticks, float feature) {
    int32_t entry = ticks <= window ? (int32_t)(ticks + 0.5) + 1 : 0;
    return feature < 0.0f ? -entry : entry;
}

void plain_spike_encode_log(const float *vector, uint32_t dims, int32_t *spikes) {
    double strongest = strongest_of(vector, dims);
    for (uint32_t d = 0; d < dims; d++) {
        double x = fabs((double)vector[d]) / strongest;
        spikes[d] = 0;
        if (x >= threshold) {
            spikes[d] = entry_of(window * log(x) / log(threshold), vector[d]);
        }
    }
}

void plain_spike_encode_linear(const float *vector, uint32_t dims, int32_t *spikes) {
    double strongest = strongest_of(vector, dims);
    for (uint32_t d = 0; d < dims; d++) {
        double x = fabs((double)vector[d]) / strongest;
        spikes[d] = 0;
        if (x >= threshold) {
            spikes[d] = entry_of(window * (1.0 - x), vector[d]);
        }
    }
}

void plain_spike_encode_lif(const float *vector, uint32_t dims, int32_t *spikes) {
    double strongest = strongest_of(vector, dims);
    for (uint32_t d = 0; d < dims; d++) {
        double x = fabs((double)vector[d]) / strongest;
        spikes[d] = 0;
        if (x > threshold) {
            double ticks = -window * log(x / (x - threshold)) / log(threshold);
            spikes[d] = entry_of(ticks, vector[d]);
        }
    }
}

uint32_t plain_spike_cost(const int32_t *left, const int32_t *right, uint32_t dims,
                          uint32_t *spikes) {
    uint32_t cost = 0;
    for (uint32_t d = 0; d < dims; d++) {
        uint32_t fires = (uint32_t)(left[d] != 0) + (uint32_t)(right[d] != 0);
        *spikes += fires;
        if (fires == 2 && (left[d] > 0) == (right[d] > 0)) {
            uint32_t gap = (uint32_t)abs(left[d] - right[d]);
            cost += gap < 2 * UNIT ? gap : 2 * UNIT;
        } else {
            cost += fires * UNIT;
        }
    }
    return cost;
}
