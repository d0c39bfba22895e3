#include "sim/validate/closed_form.h"

#include <math.h>

double sim_erlang_c(uint32_t servers, double offered) {
    /* Erlang B by its recursion, which cannot overflow, and C from B. */
    double blocked = 1.0;
    for (uint32_t n = 1; n <= servers; n++) {
        blocked = offered * blocked / ((double)n + offered * blocked);
    }
    double load = offered / (double)servers;
    return blocked / (1.0 - load + load * blocked);
}

double sim_wait_mmc(uint32_t servers, double load) {
    double offered = load * (double)servers;
    return sim_erlang_c(servers, offered) / ((double)servers - offered);
}

double sim_wait_md1(double load) {
    return load / (2.0 * (1.0 - load));
}

void sim_zipf(double exponent, uint32_t keys, double *popularity) {
    double sum = 0.0;
    for (uint32_t i = 0; i < keys; i++) {
        popularity[i] = pow((double)i + 1.0, -exponent);
        sum += popularity[i];
    }
    for (uint32_t i = 0; i < keys; i++) {
        popularity[i] /= sum;
    }
}

static double filled_after(const double *popularity, uint32_t keys, double reads) {
    double filled = 0.0;
    for (uint32_t i = 0; i < keys; i++) {
        filled -= expm1(-popularity[i] * reads);
    }
    return filled;
}

double sim_che(const double *popularity, uint32_t keys, double capacity) {
    double low = 0.0;
    double high = 2.0 * capacity;
    while (filled_after(popularity, keys, high) < capacity) {
        low = high;
        high *= 2.0;
    }
    for (int i = 0; i < 40; i++) { /* to 10^-12 of it */
        double middle = 0.5 * (low + high);
        *(filled_after(popularity, keys, middle) < capacity ? &low : &high) = middle;
    }
    double rate = 0.0;
    for (uint32_t i = 0; i < keys; i++) {
        rate -= popularity[i] * expm1(-popularity[i] * low);
    }
    return rate;
}

double sim_t_975(uint32_t degrees) {
    static const double table[] = {
        0.0,     12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462,
        2.30600, 2.26216, 2.22814, 2.20099, 2.17881, 2.16037, 2.14479, 2.13145,
        2.11991, 2.10982, 2.10092, 2.09302, 2.08596, 2.07961, 2.07387, 2.06866,
        2.06390, 2.05954, 2.05553, 2.05183, 2.04841, 2.04523, 2.04227};
    return degrees < sizeof table / sizeof *table ? table[degrees] : 1.95996;
}
