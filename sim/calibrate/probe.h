/* A probe: a piece of the engine that is run again and again while its work is counted and its wall
 * time taken.
 */
#ifndef SIM_CALIBRATE_PROBE_H
#define SIM_CALIBRATE_PROBE_H

#include "sim/calibrate/fit.h"

typedef struct sim_probe {
    /* Does some microseconds' worth, and counts it. */
    cg_status (*run)(void *context, cg_work *work, cg_error *error);
    void *context;
} sim_probe;

enum { SIM_PROBE_TURNS = 9 };

/* Runs the probe in turns of about two milliseconds, after one that is not counted; *out is the turn
 * that took least time an operation, since whatever else the machine does only adds to it. Errors:
 * those of the probe, CG_ERROR_INVALID when it counts no work. */
cg_status sim_probe_time(const sim_probe *probe, sim_fit_work *out, cg_error *error);

#endif
