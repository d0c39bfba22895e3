/* The greatest simulated time: of a run, and of every duration in it.
 *
 * 72 h lie below 2^18 s, up to where SimGrid's clock, a double in seconds, is fine enough for
 * what sim/cluster/cluster.c does with it.
 */
#ifndef SIM_SCENARIO_TIME_LIMIT_H
#define SIM_SCENARIO_TIME_LIMIT_H

#include <stdint.h>

#define SIM_TIME_MAX_NS   UINT64_C(259200000000000)
#define SIM_TIME_MAX_TEXT "72h" /* the same, as options are written; options_test compares */

#endif
