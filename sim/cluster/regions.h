/* Measured round trips between regions of a cloud.
 *
 * Text, tab-separated, one line a measurement, in any order; '#' starts a comment line. The
 * first other line is the header
 *
 *   from  to  round_trip_ms  source
 *
 * from is where it was measured. Times are decimal, above 0, with at most six places, and are
 * kept in nanoseconds. source says where and when, and may not be empty. A round trip of a region
 * with itself is that between two hosts in it. Where a pair was measured from one side only, that
 * figure serves both ways.
 */
#ifndef SIM_CLUSTER_REGIONS_H
#define SIM_CLUSTER_REGIONS_H

#include "engine/base/status.h"

enum { SIM_REGIONS_MAX = 64, SIM_REGION_NAME_BYTES = 32 };

typedef struct sim_region_table { /* 35 KB */
    uint32_t count;
    char names[SIM_REGIONS_MAX][SIM_REGION_NAME_BYTES]; /* in the order of their first lines */
    uint64_t round_trip_ns[SIM_REGIONS_MAX][SIM_REGIONS_MAX]; /* [from][to]; 0: not measured */
} sim_region_table;

/* `name` is used in errors, which name the line: "aws.tsv:7: round_trip_ms ...". */
cg_status sim_regions_parse(const char *name, const char *text, size_t size_bytes,
                            sim_region_table *out, cg_error *error);
cg_status sim_regions_read(const char *path, sim_region_table *out, cg_error *error);

/* Those that `names` lists, separated by spaces, in that order; "all": all, in the file's.
 * Errors: an unknown name (the nearest is named), one twice, and two chosen regions without a
 * figure between them. Within a region there may be none. */
cg_status sim_regions_choose(const sim_region_table *table, const char *names,
                             sim_region_table *out, cg_error *error);

#endif
