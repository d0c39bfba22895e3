/* Laws of a delay as people write them (sim/cluster/delay.h), words separated by spaces:
 *
 *   1ms                        constant, as is "constant 1ms"
 *   uniform 50us 150us         from, to
 *   normal 1ms 200us           mean, deviation; never below 0
 *   lognormal 1ms 0.5          median, deviation of the logarithm
 *   exponential 1ms [50us]     mean, and what is added to it
 *   pareto 1ms 2.5 [50us]      scale, shape, and what is added to it
 *   trace 1ms 2ms 5ms          one of up to 32 values, all as likely
 *   cycle 1ms 2ms 5ms          one value after the other, message by message of a pair
 */
#ifndef SIM_SCENARIO_DELAY_TEXT_H
#define SIM_SCENARIO_DELAY_TEXT_H

#include "engine/base/status.h"
#include "sim/cluster/delay.h"

enum { SIM_DELAY_TEXT_BYTES = 512 };

/* Times are at most 1 min. The error says what would be right, but not where it stands. */
cg_status sim_delay_parse(const char *text, sim_delay *out, cg_error *error);
/* Canonical; parses back to the same law. */
void sim_delay_format(const sim_delay *delay, char text[SIM_DELAY_TEXT_BYTES]);

#endif
