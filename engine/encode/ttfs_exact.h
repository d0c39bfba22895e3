/* Close calls of the latency codes: which tick, when the exact time lies so near to the middle
 * between two ticks that doubles cannot tell (private to engine/encode). */
#ifndef CG_ENGINE_ENCODE_TTFS_EXACT_H
#define CG_ENGINE_ENCODE_TTFS_EXACT_H

#include "engine/encode/ttfs.h"

/* The tick, rounded half away from zero, of a feature of size `magnitude` that fires in a vector
 * whose strongest one is `strongest`; both are values of a float, 0 < magnitude <= strongest.
 * Some 2 us where cg_ttfs_encode needs 10 ns. */
int32_t cg_ttfs_exact_tick(const cg_ttfs_options *options, double magnitude, double strongest);

#endif
