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
 */
#include "sim/cluster/platform.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <simgrid/engine.h>
#include <simgrid/version.h>

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

static void start_engine(void) {
    struct sigaction saved[SIGNAL_COUNT];
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        (void)sigaction(signals[i], NULL, &saved[i]);
    }
    enum { ARGUMENTS_MAX = 16 };
    static char texts[ARGUMENTS_MAX][64] = {"cortigrid", "--log=root.thres:critical"};
    static char *arguments[ARGUMENTS_MAX + 1]; /* writable, and kept by SimGrid */
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

/* Eighths of a byte have three places, so the text is exact. */
static int write_star(FILE *file, uint32_t hosts, uint64_t bandwidth_bits_per_s) {
    return fprintf(
        file,
        "<?xml version=\"1.0\"?>\n"
        "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
        "<platform version=\"4.1\">\n"
        "  <cluster id=\"star\" prefix=\"h\" suffix=\"\" radical=\"0-%lu\" speed=\"1Gf\"\n"
        "           bw=\"%llu.%03lluBps\" lat=\"0s\" sharing_policy=\"SPLITDUPLEX\"/>\n"
        "</platform>\n",
        (unsigned long)hosts - 1, (unsigned long long)(bandwidth_bits_per_s / 8),
        (unsigned long long)(bandwidth_bits_per_s % 8 * 125));
}

cg_status sim_platform_load(uint32_t hosts, uint64_t bandwidth_bits_per_s, cg_error *error) {
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
    bool written = file && write_star(file, hosts, bandwidth_bits_per_s) > 0;
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
        start_engine();
        simgrid_load_platform(path);
    }
    (void)unlink(path);
    if (!written) {
        return cg_error_set(error, CG_ERROR_IO, "the platform cannot be written to %s: %s",
                            path, strerror(failure));
    }
    return CG_OK;
}
