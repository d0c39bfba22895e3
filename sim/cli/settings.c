#include "sim/cli/settings.h"

#include <string.h>

cg_status sim_settings_read(const sim_args *args, sim_settings *out, cg_error *error) {
    const char *values[SIM_ARGS_VALUES_MAX];
    out->count = sim_args_values(args, "--set", values);
    for (uint32_t i = 0; i < out->count; ++i) {
        const char *equals = strchr(values[i], '=');
        size_t length = equals ? (size_t)(equals - values[i]) : 0;
        if (length == 0 || length >= SIM_SETTING_PATH_BYTES) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "--set: \"%.100s\" is not PATH=VALUE, for example "
                                "graph.nodes=10K",
                                values[i]);
        }
        memcpy(out->paths[i], values[i], length);
        out->paths[i][length] = '\0';
        out->items[i] = (sim_scenario_setting){out->paths[i], equals + 1};
    }
    return CG_OK;
}
