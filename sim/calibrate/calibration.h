/* A calibration: what each kind of work costs on this machine, and how each figure came about.
 *
 * Kinds are measured one after another by parts (parts.h), each on its own where the engine can be
 * made to do it alone; of what comes only with other work, what those cost already is taken off.
 */
#ifndef SIM_CALIBRATE_CALIBRATION_H
#define SIM_CALIBRATE_CALIBRATION_H

#include "sim/calibrate/probe.h"
#include "sim/host/profile.h"

enum { SIM_SOURCE_BYTES = 384, SIM_MACHINE_BYTES = 128 };

typedef struct sim_calibration {
    sim_costs costs;
    char sources[CG_WORK_KIND_COUNT][SIM_SOURCE_BYTES];
    bool is_measured[CG_WORK_KIND_COUNT]; /* false: still the reference's */
    char machine[SIM_MACHINE_BYTES];      /* "AMD EPYC, avx2" */
} sim_calibration;

/* Every kind as the reference has it, and a source that says so. */
void sim_calibration_init(sim_calibration *calibration, const sim_profile *reference);

/* Fits one kind to works that do it, with or without others, whose costs so far are taken off (but of
 * no work more than nine tenths). how: one clause for the source. count >= 1. */
void sim_calibration_fit(sim_calibration *calibration, cg_work_kind kind,
                         const sim_fit_work *works, uint32_t count, const char *how);
/* The same for a figure that was measured as it is. */
void sim_calibration_set(sim_calibration *calibration, cg_work_kind kind, double fixed_ns,
                         double per_unit_ns, const char *how);

/* "AMD EPYC" from /proc/cpuinfo, "unknown processor" elsewhere, and the instruction set of the
 * kernels. */
void sim_calibration_machine(char out[SIM_MACHINE_BYTES]);

/* A profile's text (sim/host/profile.h) in a heap block freed with free(). Energy: of core kinds 3.5
 * W a busy core, as the reference's; of disk kinds the reference's figures. Error: CG_ERROR_MEMORY. */
cg_status sim_calibration_format(const sim_calibration *calibration,
                                 const sim_profile *reference, char **text, cg_error *error);

#endif
