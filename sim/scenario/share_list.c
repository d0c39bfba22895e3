#include "sim/scenario/share_list.h"

#include <inttypes.h>
#include <string.h>

#include "engine/base/math.h"

enum { PARTITIONS_MAX = 65536 }; /* engine/node/node.h */

/* A whole number at *at, moved behind it; false where there is none, or too large a one. */
static bool read_share(const char **at, uint32_t *share) {
    const char *begin = *at;
    uint32_t value = 0;
    while (**at >= '0' && **at <= '9' && value <= SIM_SHARE_MAX) {
        value = value * 10 + (uint32_t)(**at - '0');
        ++*at;
    }
    *share = value;
    return *at > begin && value <= SIM_SHARE_MAX;
}

cg_status sim_share_list_read(const char *text, uint32_t count, uint32_t least,
                              uint32_t shares[SIM_SPACES_MAX], cg_error *error) {
    CG_ASSERT(count >= 1 && count <= SIM_SPACES_MAX);
    uint32_t read[SIM_SPACES_MAX];
    const bool is_equal = strcmp(text, "equal") == 0;
    const char *at = text;
    uint64_t sum = 0;
    bool is_list = true;
    for (uint32_t i = 0; is_list && i < count; i++) {
        read[i] = 1;
        is_list = is_equal || (read_share(&at, &read[i]) && read[i] >= least &&
                               *at == (i + 1 < count ? ':' : '\0'));
        at += is_list && *at == ':';
        sum += read[i];
    }
    if (!is_list || sum == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" is not \"equal\", nor a share for each of the %" PRIu32
                            " spaces with colons between: whole numbers from %" PRIu32
                            " to %d, not all 0",
                            text, count, least, SIM_SHARE_MAX);
    }
    memcpy(shares, read, count * sizeof *shares);
    return CG_OK;
}

uint64_t sim_share_of(uint64_t total, const uint32_t *shares, uint32_t count, uint32_t i) {
    uint64_t sum = 0;
    uint64_t before = 0;
    for (uint32_t j = 0; j < count; j++) {
        before += j < i ? shares[j] : 0;
        sum += shares[j];
    }
    return cg_mul_div(total, before + shares[i], sum) - cg_mul_div(total, before, sum);
}

static cg_status check_list(const char *path, const char *text, uint32_t spaces, uint32_t least,
                            cg_error *error) {
    uint32_t shares[SIM_SPACES_MAX];
    cg_status status = sim_share_list_read(text, spaces, least, shares, error);
    return status == CG_OK ? status : (cg_error_prefix(error, "%s: ", path), status);
}

cg_status sim_share_lists_check(const sim_options *options, cg_error *error) {
    const sim_engine_options *engine = &options->engine;
    const sim_load_options *load = &options->load;
    const uint64_t partitions = (uint64_t)engine->spaces * options->cluster.hosts;
    if (partitions > PARTITIONS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.spaces: %" PRIu32 " spaces on %" PRIu32
                            " hosts have %" PRIu64 " partitions; at most %d",
                            engine->spaces, options->cluster.hosts, partitions, PARTITIONS_MAX);
    }
    if (engine->spaces > 1 && load->arrival == SIM_ARRIVAL_RECORDED) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.spaces: recorded arrivals do not say which space they are "
                            "of; with load.arrival recorded there can only be 1");
    }
    if (engine->spaces > 1 && load->order == SIM_ORDER_RELATED) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "engine.spaces: load.order related puts the facts of one space into "
            "order; with several it can only be shuffled");
    }
    cg_status status =
        check_list("engine.pools.shares", engine->pool_shares, engine->spaces, 1, error);
    return status == CG_OK ? check_list("load.spaces", load->spaces, engine->spaces, 0, error)
                           : status;
}
