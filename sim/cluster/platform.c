/* Why these settings (SimGrid 3.32, measured):
 *
 *   CM02 and not the default LV08, which multiplies latency by 13.01 and bandwidth by 0.97;
 *   TCP-gamma 0: otherwise a flow is capped at gamma / (2 * latency);
 *   crosstraffic 0: acknowledgements load no reverse link, and a dead one fails no transfer;
 *   weight-S 0: all flows of a link share it equally;
 *   precision 10^-12 s: a nanosecond is a thousand of it;
 *   one thread: with more, the order of events at one instant races.
 *
 * XML has no star routing, but a cluster without backbone is a star: the route from a to b is
 * a's link up and b's link down. Known value (cluster_test.c, test_bandwidth): 1 MB over
 * 10 Mbit/s takes 0.8 s.
 *
 * Racks are a fat tree of two levels, one switch on top: of what SimGrid's files can say (Floyd,
 * Dijkstra and full routes between zones, this) it is the one with a route per pair that is found
 * in O(levels). Its links are equal; those of the racks get their bandwidth when it is loaded.
 * (Zones round a zone of one switch, with Floyd's or Dijkstra's routing, fail: "No route from
 * 'rack0' to 'rack1'", or an assertion. Routes between regions are therefore listed in full.)
 */
#include "sim/cluster/platform.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/link.h>
#include <simgrid/version.h>
#include <xbt/dynar.h>

static const char settings[] = "network/model:CM02 network/TCP-gamma:0 network/crosstraffic:0 "
                               "network/optim:Lazy network/weight-S:0 surf/precision:1e-12 "
                               "contexts/nthreads:1";

const char *sim_platform_settings(void) {
    return settings;
}

const char *sim_platform_version(void) {
    static char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", SIMGRID_VERSION_MAJOR, SIMGRID_VERSION_MINOR,
                   SIMGRID_VERSION_PATCH);
    return text;
}

/* SimGrid takes these for itself when it starts. */
static const int signals[] = {SIGINT, SIGSEGV, SIGABRT, SIGPIPE, SIGTERM};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };

void sim_platform_start(const char *threshold) {
    struct sigaction saved[SIGNAL_COUNT];
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        (void)sigaction(signals[i], NULL, &saved[i]);
    }
    enum { ARGUMENTS_MAX = 16 };
    static char texts[ARGUMENTS_MAX][64] = {"cortigrid"};
    static char *arguments[ARGUMENTS_MAX + 1]; /* writable, and kept by SimGrid */
    (void)snprintf(texts[1], sizeof texts[1], "--log=root.thres:%s", threshold);
    int count = 2;
    for (const char *setting = settings; setting; count++) {
        const char *end = strchr(setting, ' ');
        int length = end ? (int)(end - setting) : (int)strlen(setting);
        CG_ASSERT(count < ARGUMENTS_MAX);
        (void)snprintf(texts[count], sizeof texts[count], "--cfg=%.*s", length, setting);
        setting = end ? end + 1 : NULL;
    }
    for (int i = 0; i < count; i++) {
        arguments[i] = texts[i];
    }
    simgrid_init(&count, arguments);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        (void)sigaction(signals[i], &saved[i], NULL);
    }
}

/* --- files ----------------------------------------------------------------- */

enum { BANDWIDTH_BYTES = 40 };

/* Eighths of a byte have three places, so the text is exact. */
static const char *bandwidth(uint64_t bits_per_s, char text[BANDWIDTH_BYTES]) {
    (void)snprintf(text, BANDWIDTH_BYTES, "%llu.%03lluBps",
                   (unsigned long long)(bits_per_s / 8),
                   (unsigned long long)(bits_per_s % 8 * 125));
    return text;
}

static void write_star(FILE *file, const sim_topology *star) {
    char speed[BANDWIDTH_BYTES];
    (void)fprintf(file,
                  "  <cluster id=\"star\" prefix=\"h\" suffix=\"\" radical=\"0-%lu\" "
                  "speed=\"1Gf\"\n"
                  "           bw=\"%s\" lat=\"0s\" sharing_policy=\"SPLITDUPLEX\"/>\n",
                  (unsigned long)star->hosts - 1, bandwidth(star->bandwidth_bits_per_s, speed));
}

/* shape: SimGrid's topo_parameters: levels; children; parents; links between two switches, the
 * lowest level first. */
static void write_tree(FILE *file, const sim_topology *tree, uint32_t places,
                       const char *shape) {
    char speed[BANDWIDTH_BYTES];
    (void)fprintf(file,
                  "  <cluster id=\"tree\" prefix=\"h\" suffix=\"\" radical=\"0-%lu\" "
                  "speed=\"1Gf\"\n"
                  "           bw=\"%s\" lat=\"0s\" sharing_policy=\"SPLITDUPLEX\"\n"
                  "           topology=\"FAT_TREE\" topo_parameters=\"%s\"/>\n",
                  (unsigned long)places - 1, bandwidth(tree->bandwidth_bits_per_s, speed),
                  shape);
}

static uint32_t racks_of(const sim_topology *topology) {
    return (topology->hosts + topology->group_hosts - 1) / topology->group_hosts;
}

static void write_racks(FILE *file, const sim_topology *topology) {
    uint32_t racks = racks_of(topology);
    char shape[64];
    (void)snprintf(shape, sizeof shape, "2;%lu,%lu;1,1;1,1",
                   (unsigned long)topology->group_hosts, (unsigned long)racks);
    if (racks == 1) {
        write_star(file, topology);
    } else {
        write_tree(file, topology, racks * topology->group_hosts, shape);
    }
}

static void write_fat_tree(FILE *file, const sim_topology *tree) {
    unsigned long half = tree->arity / 2;
    char shape[96];
    (void)snprintf(shape, sizeof shape, "3;%lu,%lu,%lu;1,%lu,%lu;1,1,1",
                   (unsigned long)tree->group_hosts, half, (unsigned long)tree->pods, half,
                   half);
    write_tree(file, tree, sim_topology_tree_places(tree), shape);
}

static void write_regions(FILE *file, const sim_topology *topology) {
    unsigned long regions = topology->regions;
    char speed[BANDWIDTH_BYTES];
    (void)fprintf(file, "  <zone id=\"world\" routing=\"Full\">\n");
    for (unsigned long r = 0; r < regions; r++) {
        (void)fprintf(file,
                      "    <cluster id=\"region%lu\" prefix=\"h\" suffix=\"\" "
                      "radical=\"%lu-%lu\" speed=\"1Gf\"\n"
                      "             bw=\"%s\" lat=\"0s\" sharing_policy=\"SPLITDUPLEX\" "
                      "router_id=\"r%lu\"/>\n",
                      r, r * topology->hosts / regions, (r + 1) * topology->hosts / regions - 1,
                      bandwidth(topology->bandwidth_bits_per_s, speed), r);
    }
    (void)bandwidth(topology->shared_bits_per_s, speed);
    for (unsigned long r = 0; r < regions * regions; r++) { /* all links before all routes */
        if (r / regions != r % regions) {
            (void)fprintf(file, "    <link id=\"l%lu_%lu\" bandwidth=\"%s\" latency=\"0s\"/>\n",
                          r / regions, r % regions, speed);
        }
    }
    for (unsigned long from = 0; from < regions; from++) {
        for (unsigned long to = 0; to < regions; to++) {
            if (from != to) {
                (void)fprintf(file,
                              "    <zoneRoute src=\"region%lu\" dst=\"region%lu\" "
                              "gw_src=\"r%lu\" gw_dst=\"r%lu\" symmetrical=\"NO\">\n"
                              "      <link_ctn id=\"l%lu_%lu\"/>\n    </zoneRoute>\n",
                              from, to, from, to, from, to);
            }
        }
    }
    (void)fprintf(file, "  </zone>\n");
}

static bool write_platform(FILE *file, const sim_topology *topology) {
    (void)fprintf(file, "<?xml version=\"1.0\"?>\n"
                        "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                        "<platform version=\"4.1\">\n");
    switch (topology->kind) {
    case SIM_TOPOLOGY_STAR:
    case SIM_TOPOLOGY_FILE:
        write_star(file, topology);
        break;
    case SIM_TOPOLOGY_RACKS:
        write_racks(file, topology);
        break;
    case SIM_TOPOLOGY_FAT_TREE:
        write_fat_tree(file, topology);
        break;
    case SIM_TOPOLOGY_REGIONS:
        write_regions(file, topology);
        break;
    }
    return fprintf(file, "</platform>\n") > 0 && !ferror(file);
}

/* --- loading --------------------------------------------------------------- */

void sim_platform_host_name(const sim_topology *topology, uint32_t host,
                            char name[SIM_HOST_NAME_BYTES]) {
    if (topology->kind == SIM_TOPOLOGY_FILE) {
        (void)snprintf(name, SIM_HOST_NAME_BYTES, "%s", topology->file_hosts[host].name);
    } else {
        (void)snprintf(name, SIM_HOST_NAME_BYTES, "h%lu", (unsigned long)host);
    }
}

void sim_platform_clear_latencies(void) {
    size_t count = sg_link_count();
    sg_link_t *links = sg_link_list();
    for (size_t i = 0; i < count; i++) {
        sg_link_set_latency(links[i], 0.0);
    }
    free(links);
}

/* The route between the first hosts of a rack and the next is: host's link up, rack's up, the
 * other rack's down, host's down. */
static void set_uplinks(const sim_topology *topology) {
    uint32_t racks = racks_of(topology);
    double bytes_per_s = (double)topology->shared_bits_per_s / 8.0;
    for (uint32_t rack = 0; rack < racks && racks > 1; rack++) {
        char from[32];
        char to[32];
        (void)snprintf(from, sizeof from, "h%lu", (unsigned long)rack * topology->group_hosts);
        (void)snprintf(to, sizeof to, "h%lu",
                       (unsigned long)((rack + 1) % racks) * topology->group_hosts);
        xbt_dynar_t route = xbt_dynar_new(sizeof(sg_link_t), NULL);
        sg_host_get_route(sg_host_by_name(from), sg_host_by_name(to), route);
        CG_ASSERT(xbt_dynar_length(route) == 4);
        for (unsigned long i = 1; i <= 2; i++) {
            sg_link_set_bandwidth(xbt_dynar_get_as(route, i, sg_link_t), bytes_per_s);
        }
        xbt_dynar_free(&route);
    }
}

static cg_status load_made(const sim_topology *topology, cg_error *error) {
    const char *folder = getenv("TMPDIR");
    char path[1024];
    int length = snprintf(path, sizeof path, "%s/cortigrid-platform-XXXXXX",
                          folder && folder[0] ? folder : "/tmp");
    if (length < 0 || (size_t)length >= sizeof path) {
        return cg_error_set(error, CG_ERROR_INVALID, "TMPDIR is longer than %zu bytes",
                            sizeof path);
    }
    int descriptor = mkstemp(path);
    if (descriptor < 0) {
        return cg_error_set(error, CG_ERROR_IO, "no temporary file %s can be made: %s", path,
                            strerror(errno));
    }
    FILE *file = fdopen(descriptor, "w");
    bool written = file && write_platform(file, topology);
    int failure = errno;
    if (file) {
        if (fclose(file) != 0) {
            failure = errno;
            written = false;
        }
    } else {
        (void)close(descriptor);
    }
    if (written) {
        sim_platform_start("critical");
        simgrid_load_platform(path);
    }
    (void)unlink(path);
    if (!written) {
        return cg_error_set(error, CG_ERROR_IO, "the platform cannot be written to %s: %s",
                            path, strerror(failure));
    }
    return CG_OK;
}

cg_status sim_platform_load(const sim_topology *topology, cg_error *error) {
    cg_status status = sim_topology_check(topology, error);
    if (status == CG_OK && topology->kind == SIM_TOPOLOGY_FILE) {
        sim_platform_start("critical");
        simgrid_load_platform(topology->path);
        sim_platform_clear_latencies();
    } else if (status == CG_OK) {
        status = load_made(topology, error);
    }
    if (status == CG_OK && topology->kind == SIM_TOPOLOGY_RACKS) {
        set_uplinks(topology);
    }
    return status;
}
