/* Shares of the memory spaces in something, as options say them: "equal", or a whole number for
 * each space, "8:1:1".
 */
#ifndef SIM_SCENARIO_SHARE_LIST_H
#define SIM_SCENARIO_SHARE_LIST_H

#include "sim/scenario/options.h"

enum { SIM_SHARE_MAX = 1000000 };

/* Reads `count` shares of least..SIM_SHARE_MAX each, not all 0; "equal" is 1 each. Fills
 * shares[0..count-1]. CG_ERROR_INVALID says what would be right, but not which option it is. */
cg_status sim_share_list_read(const char *text, uint32_t count, uint32_t least,
                              uint32_t shares[SIM_SPACES_MAX], cg_error *error);

/* The part of `total` that is shares[i]'s, such that all parts add up to it; in the order of
 * i, what is lost to rounding in one part is in a later one. */
uint64_t sim_share_of(uint64_t total, const uint32_t *shares, uint32_t count, uint32_t i);

/* What no single option of memory spaces can check. */
cg_status sim_share_lists_check(const sim_options *options, cg_error *error);

#endif
