/* Phases: what changes in the course of a load.
 *
 * A phase names options of the load, without the "load." before them, and values that hold from
 * its time on, until a later phase names them again. One name is its own: rotate, the share of
 * the keys by which the ranks of popularity are moved, so that other keys become popular (0 at
 * the start of a run, and again with rotate = 0).
 */
#ifndef SIM_SCENARIO_LOAD_PHASE_H
#define SIM_SCENARIO_LOAD_PHASE_H

#include "sim/scenario/options.h"
#include "sim/scenario/units.h"

enum { SIM_LOAD_PHASE_FIELDS = 14 };
/* at comes first. */
extern const char *const sim_load_phase_fields[SIM_LOAD_PHASE_FIELDS];

/* Sets one field, with the limits of the option of that name. The error names the value, not
 * where it stands. */
cg_status sim_load_phase_set(sim_load_phase *phase, size_t field, const char *value,
                             cg_error *error);

/* Canonical text of a field that is given. */
void sim_load_phase_format(const sim_load_phase *phase, size_t field,
                           char text[SIM_UNITS_TEXT_BYTES]);

/* Whether the phase names the field ("rate"). */
bool sim_load_phase_gives(const sim_load_phase *phase, const char *field);

/* Changes what the phase names, in the load and in *rotate. */
void sim_load_phase_apply(const sim_load_phase *phase, sim_load_options *load, double *rotate);

/* load_check.c: what no single option of the load can check, from its start and from each phase
 * on: shares add up to 1 at most, laws have their files, phases stand in the order of time and
 * before the run's stop, a graph of keys is asked for recalls only. */
cg_status sim_load_check(const sim_options *options, cg_error *error);

#endif
