#include "sim/calibrate/stopwatch.h"

#include <time.h>

uint64_t sim_stopwatch_ns(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t sim_stopwatch_overhead_ns(void) {
    enum { TRIES = 1000 };
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t from = sim_stopwatch_ns();
        uint64_t passed = sim_stopwatch_ns() - from;
        least = passed < least ? passed : least;
    }
    return least;
}
