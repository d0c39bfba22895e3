/* Goal: the parser of round trips never reads out of bounds, and what it accepts can be chosen
 * from. */
#include <stddef.h>
#include <stdint.h>

#include "sim/cluster/regions.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes) {
    static sim_region_table table;
    static sim_region_table chosen;
    cg_error error;
    if (sim_regions_parse("fuzz", (const char *)bytes, size_bytes, &table, &error) != CG_OK) {
        CG_ASSERT(error.message[0] != '\0');
        return 0;
    }
    CG_ASSERT(table.count > 0 && table.count <= SIM_REGIONS_MAX);
    CG_ASSERT(sim_regions_choose(&table, table.names[0], &chosen, &error) == CG_OK);
    CG_ASSERT(chosen.count == 1);
    if (sim_regions_choose(&table, "all", &chosen, &error) == CG_OK) {
        for (uint32_t i = 0; i < chosen.count * chosen.count; i++) {
            uint64_t ns = chosen.round_trip_ns[i / chosen.count][i % chosen.count];
            CG_ASSERT(ns <= UINT64_C(60000000000) &&
                      (ns > 0 || i / chosen.count == i % chosen.count));
        }
    }
    return 0;
}
