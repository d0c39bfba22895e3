#include "sim/scenario/fault_hosts.h"

#include <inttypes.h>
#include <string.h>

#include "sim/scenario/units.h"

static const sim_quantity host_id = {SIM_UNIT_COUNT, "0", "4095"};

enum { WORD_BYTES = 64 };

/* The next word, without spaces around it; false: there is none. */
static bool next_word(const char **text, char word[WORD_BYTES]) {
    *text += strspn(*text, " ");
    size_t length = strcspn(*text, " ");
    (void)snprintf(word, WORD_BYTES, "%.*s",
                   (int)(length < WORD_BYTES ? length : WORD_BYTES - 1), *text);
    *text += length;
    return length > 0;
}

cg_status sim_fault_hosts_parse(const char *text, uint32_t hosts[SIM_FAULT_HOSTS_MAX],
                                uint32_t *count, cg_error *error) {
    char word[WORD_BYTES];
    *count = 0;
    while (next_word(&text, word)) {
        uint64_t id = 0;
        cg_status status = sim_units_parse_integer(&host_id, word, &id, error);
        if (status != CG_OK) {
            return status;
        }
        if (*count == SIM_FAULT_HOSTS_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a partition names more than %d hosts; name the other side, or "
                                "say from = \"0-511\"",
                                SIM_FAULT_HOSTS_MAX);
        }
        hosts[(*count)++] = (uint32_t)id;
    }
    return CG_OK;
}

void sim_fault_hosts_format(const uint32_t *hosts, uint32_t count,
                            char text[SIM_FAULT_VALUE_BYTES]) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, SIM_FAULT_VALUE_BYTES - used, "%s%" PRIu32,
                                 i ? " " : "", hosts[i]);
    }
}

/* --- sets ------------------------------------------------------------------ */

static cg_status read_range(char *word, sim_host_range *out, cg_error *error) {
    char *dash = strchr(word, '-');
    uint64_t first = 0;
    uint64_t last = 0;
    if (dash && dash > word) {
        *dash = '\0';
    } else {
        dash = NULL;
    }
    cg_status status = sim_units_parse_integer(&host_id, word, &first, error);
    if (status == CG_OK) {
        status = sim_units_parse_integer(&host_id, dash ? dash + 1 : word, &last, error);
    }
    if (status == CG_OK && first > last) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "hosts %" PRIu64 " to %" PRIu64 "; put the smaller one first",
                            first, last);
    }
    if (status == CG_OK) {
        *out = (sim_host_range){(uint32_t)first, (uint32_t)last};
    }
    return status;
}

/* One bit a host; ranges are read off it, so that equal sets have equal ranges. */
typedef struct host_bits {
    bool has[SIM_HOSTS_MAX];
} host_bits;

static cg_status collect(const host_bits *bits, sim_fault_side *out, cg_error *error) {
    sim_fault_side side = {.count = 0};
    for (uint32_t host = 0; host < SIM_HOSTS_MAX; host++) {
        if (!bits->has[host]) {
            continue;
        }
        if (host > 0 && bits->has[host - 1]) {
            side.ranges[side.count - 1].last = host;
            continue;
        }
        if (side.count == SIM_FAULT_RANGES_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "a set of hosts has more than %d ranges; number the hosts so "
                                "that those of a set stand together",
                                SIM_FAULT_RANGES_MAX);
        }
        side.ranges[side.count++] = (sim_host_range){host, host};
    }
    *out = side;
    return CG_OK;
}

cg_status sim_fault_side_parse(const char *text, sim_fault_side *out, cg_error *error) {
    char word[WORD_BYTES];
    host_bits bits;
    bool any = false;
    memset(&bits, 0, sizeof bits);
    while (next_word(&text, word)) {
        sim_host_range range = {0, 0};
        cg_status status = read_range(word, &range, error);
        if (status != CG_OK) {
            return status;
        }
        for (uint32_t host = range.first; host <= range.last; host++) {
            bits.has[host] = true;
        }
        any = true;
    }
    if (!any) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "no host is named; list at least one, for example { 0 } or "
                            "\"0-511\", or leave it out for all");
    }
    return collect(&bits, out, error);
}

void sim_fault_side_format(const sim_fault_side *side, char text[SIM_FAULT_VALUE_BYTES]) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < side->count; i++) {
        const sim_host_range *range = &side->ranges[i];
        used += (size_t)snprintf(text + used, SIM_FAULT_VALUE_BYTES - used, "%s%" PRIu32,
                                 i ? " " : "", range->first);
        if (range->last > range->first) {
            used += (size_t)snprintf(text + used, SIM_FAULT_VALUE_BYTES - used, "-%" PRIu32,
                                     range->last);
        }
    }
}

/* --- checks ---------------------------------------------------------------- */

static cg_status check_exists(uint32_t host, uint32_t cluster_hosts, cg_error *error) {
    if (host < cluster_hosts) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "host %" PRIu32 " does not exist; cluster.hosts is %" PRIu32
                        ", so hosts are 0 to %" PRIu32,
                        host, cluster_hosts, cluster_hosts - 1);
}

static cg_status check_list(const sim_fault *fault, uint32_t cluster_hosts, cg_error *error) {
    for (uint32_t i = 0; i < fault->host_count; i++) {
        cg_status status = check_exists(fault->hosts[i], cluster_hosts, error);
        if (status != CG_OK) {
            return status;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (fault->hosts[j] == fault->hosts[i]) {
                return cg_error_set(error, CG_ERROR_INVALID, "host %" PRIu32 " is named twice",
                                    fault->hosts[i]);
            }
        }
    }
    return CG_OK;
}

static bool covers_all(const sim_fault_side *side, uint32_t cluster_hosts) {
    return side->count == 1 && side->ranges[0].first == 0 &&
           side->ranges[0].last + 1 == cluster_hosts;
}

cg_status sim_fault_check_hosts(const sim_fault *fault, uint32_t cluster_hosts,
                                cg_error *error) {
    if (cluster_hosts < 2) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition needs at least 2 hosts, but cluster.hosts is %" PRIu32,
                            cluster_hosts);
    }
    if (fault->host_count == 0 && fault->from.count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition names no host; list at least one, for example { 0 }");
    }
    cg_status status = check_list(fault, cluster_hosts, error);
    if (status != CG_OK) {
        return status;
    }
    if (fault->to.count == 0 &&
        (fault->host_count == cluster_hosts || covers_all(&fault->from, cluster_hosts))) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition names all %" PRIu32
                            " hosts, so it cuts off nothing; leave at least one out",
                            cluster_hosts);
    }
    return CG_OK;
}

static cg_status check_side(const sim_fault_side *side, const char *name,
                            uint32_t cluster_hosts, cg_error *error) {
    if (side->count == 0) {
        return CG_OK;
    }
    cg_status status = check_exists(side->ranges[side->count - 1].last, cluster_hosts, error);
    return status == CG_OK ? status : (cg_error_prefix(error, "%s: ", name), status);
}

cg_status sim_fault_check_network(const sim_fault *fault, uint32_t cluster_hosts,
                                  cg_error *error) {
    cg_status status = check_side(&fault->from, "from", cluster_hosts, error);
    if (status == CG_OK) {
        status = check_side(&fault->to, "to", cluster_hosts, error);
    }
    if (status == CG_OK && fault->host_count > 0 && fault->from.count > 0 &&
        sim_fault_takes(fault->action, "from")) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "hosts and from both name one side; give one of them");
    }
    if (status == CG_OK && fault->ends_ns > 0 && fault->ends_ns <= fault->at_ns) {
        return cg_error_set(error, CG_ERROR_INVALID, "ends: the %s is over before it begins",
                            sim_fault_actions[fault->action]);
    }
    return status;
}
