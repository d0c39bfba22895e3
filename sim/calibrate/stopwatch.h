/* The wall's clock, for who measures the engine from outside: engine itself has none. */
#ifndef SIM_CALIBRATE_STOPWATCH_H
#define SIM_CALIBRATE_STOPWATCH_H

#include <stdint.h>

/* Nanoseconds of a clock that never goes back, since a time that means nothing. */
uint64_t sim_stopwatch_ns(void);
/* What reading it twice takes at least, which is within every time that is measured with it. */
uint64_t sim_stopwatch_overhead_ns(void);

#endif
