/* Faults drawn at random from the point's seed (spec G3): what comes out is a list of plain
 * faults, each of which could have been written down.
 *
 * A wish is a Poisson process: from from_ns on, faults of its action begin after gaps that are
 * exponential with mean mean_ns, as long as they begin before until_ns. Each lasts for a time that is
 * exponential with mean length_ns, and is over by until_ns: crashed hosts are back, partitions
 * end, settings of the network and factors are again what they were. What is drawn of each:
 *
 *   crash            a host; torn or not, as likely
 *   disk_loss        a host, down for the length
 *   restart, bit_rot a host; no length
 *   corrupt_writes   a host, 1 to 3 writes
 *   slow_disk, _host a host, by 2, 4, 8, 16 or 32
 *   clock            a host, skew within an hour, drift within 200 ppm; then set right
 *   partition        1 to hosts - 1 hosts (at most SIM_FAULT_HOSTS_MAX); one way, one time in
 *                    four
 *   latency          2 to 16 times cluster.network.latency, at most 1 min
 *   loss, duplicate, reorder, corrupt    a probability up to 0.3
 *
 * Draws are those of the stream "fault.draw" at (number of the wish), so a wish more changes
 * nothing in those before it.
 */
#ifndef SIM_SCENARIO_FAULT_DRAW_H
#define SIM_SCENARIO_FAULT_DRAW_H

#include "sim/scenario/options.h"

typedef struct sim_fault_wish {
    sim_fault_action action;
    uint64_t from_ns;
    uint64_t until_ns;
    uint64_t mean_ns;   /* >= 1 */
    uint64_t length_ns; /* >= 1 */
} sim_fault_wish;

/* Whether faults of the action can be drawn. */
bool sim_fault_drawn(sim_fault_action action);

/* Adds the faults of the wishes to those of the options, in order of time; cluster and seed are
 * the options'. CG_ERROR_INVALID, and nothing is added, when they are more than SIM_FAULTS_MAX, when an
 * action is none that can be drawn, or a partition is wished of fewer than two hosts. */
cg_status sim_fault_draw(const sim_fault_wish *wishes, uint32_t count, sim_options *options,
                         cg_error *error);

#endif
