/* Goal: the cost profile's parser never reads out of bounds, and what it accepts has usable
 * figures. */
#include <stddef.h>
#include <stdint.h>

#include "sim/host/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes) {
    sim_profile profile;
    cg_error error;
    if (sim_profile_parse("fuzz", (const char *)bytes, size_bytes, &profile, &error) != CG_OK) {
        CG_ASSERT(error.message[0] != '\0');
        return 0;
    }
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        CG_ASSERT(profile.entries[kind].fixed_ps <= 1000000000000000);
        CG_ASSERT(profile.entries[kind].per_unit_fj <= 1000000000000000);
    }
    return 0;
}
