/* "fabric": messages of a ping-pong in a wall second, with nodes that do nothing: our loops, and
 * as peer the same over plain SimGrid, an actor a host with blocking calls.
 *
 * Half of the hosts each play with one of the other half, all at once, 50 us one way (the
 * peer: 25 us on each link). Each run has a process of its own, since SimGrid runs once in one,
 * and is timed with everything from the platform on.
 */
#include "tests/bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <simgrid/actor.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/mailbox.h>

#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/platform.h"

enum { HOSTS_MAX = 1024, MESSAGES = 400000, MESSAGE_BYTES = 64, TURNS = 5, LATENCY_NS = 50000 };

static const uint64_t bandwidth_bits_per_s = 10000000000;

/* As many from each host, so not all of MESSAGES where that does not come out even. */
static uint64_t messages_of(uint32_t hosts) {
    return (uint64_t)(MESSAGES / hosts) * hosts;
}

/* --- ours ------------------------------------------------------------------ */

typedef struct player {
    uint32_t partner;
    uint64_t left; /* messages that it still sends */
} player;

static cg_status play(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    player *self = context;
    (void)event;
    if (self->left == 0) {
        return CG_OK;
    }
    self->left--;
    cg_output output = {.kind = CG_OUTPUT_SEND, .to = self->partner};
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(outputs, &output, MESSAGE_BYTES, &bytes, error);
    if (status == CG_OK) {
        memset(bytes, 0, MESSAGE_BYTES);
    }
    return status;
}

typedef struct table {
    sim_host *hosts[HOSTS_MAX];
    player players[HOSTS_MAX];
    sim_fabric *fabric;
} table;

static cg_status set_table(table *all, uint32_t hosts, cg_allocator heap, cg_error *error) {
    sim_fabric_options options = {.hosts = hosts, .seed = 1, .latency_ns = LATENCY_NS};
    sim_profile profile = {0};
    cg_status status = sim_fabric_alloc(&options, heap, &all->fabric, error);
    for (uint32_t i = 0; i < hosts && status == CG_OK; i++) {
        all->players[i] = (player){(i + hosts / 2) % hosts, MESSAGES / hosts};
        sim_host_options own = {.host = i, .hosts = hosts, .cores = 1};
        sim_machine machine = {.step = play, .context = &all->players[i]};
        sim_host_sink sink = {0};
        status = sim_host_alloc(&own, &machine, &profile, &sink, heap, &all->hosts[i], error);
        sim_delivery first = {.kind = CG_EVENT_REQUEST, .borrowed = true};
        if (status == CG_OK && i < hosts / 2) {
            status = sim_host_deliver(all->hosts[i], &first, error);
        }
    }
    return status;
}

static bool run_ours(uint32_t hosts, bool simgrid) {
    static table all;
    cg_error error = {CG_OK, ""};
    cg_allocator heap = cg_allocator_heap();
    sim_run_result result = {0};
    cg_status status = set_table(&all, hosts, heap, &error);
    sim_world world = {.hosts = all.hosts,
                       .host_count = hosts,
                       .fabric = all.fabric,
                       .end_ns = UINT64_C(3600000000000),
                       .bandwidth_bits_per_s = bandwidth_bits_per_s};
    if (status == CG_OK) {
        status = simgrid ? sim_cluster_run(&world, heap, &result, &error)
                         : sim_bare_run(&world, heap, &result, &error);
    }
    if (status != CG_OK) {
        (void)fprintf(stderr, "fabric: %s\n", error.message);
    }
    return status == CG_OK &&
           sim_fabric_statistics_of(all.fabric).delivered == messages_of(hosts);
}

/* --- plain SimGrid --------------------------------------------------------- */

static uint32_t plain_hosts;
static uint64_t plain_delivered;

static void plain_main(int argc, char *argv[]) {
    (void)argc;
    (void)argv;
    uint32_t own = (uint32_t)(uintptr_t)sg_actor_self_get_data() - 1;
    uint32_t partner = (own + plain_hosts / 2) % plain_hosts;
    char name[32];
    static char payload;
    (void)snprintf(name, sizeof name, "h%u", own);
    sg_mailbox_t in = sg_mailbox_by_name(name);
    (void)snprintf(name, sizeof name, "h%u", partner);
    sg_mailbox_t out = sg_mailbox_by_name(name);
    bool serves = own < plain_hosts / 2;
    for (uint32_t i = 0; i < MESSAGES / plain_hosts; i++) {
        if (serves) {
            sg_mailbox_put(out, &payload, MESSAGE_BYTES);
        }
        (void)sg_mailbox_get(in);
        plain_delivered++;
        if (!serves) {
            sg_mailbox_put(out, &payload, MESSAGE_BYTES);
        }
    }
}

static bool load_plain(uint32_t hosts) {
    char path[] = "/tmp/cortigrid-bench-XXXXXX";
    int descriptor = mkstemp(path);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (!file) {
        return false;
    }
    (void)fprintf(file,
                  "<?xml version=\"1.0\"?>\n"
                  "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                  "<platform version=\"4.1\">\n"
                  "  <cluster id=\"star\" prefix=\"h\" suffix=\"\" radical=\"0-%u\" "
                  "speed=\"1Gf\" bw=\"1250000000Bps\" lat=\"25us\" "
                  "sharing_policy=\"SPLITDUPLEX\"/>\n"
                  "</platform>\n",
                  hosts - 1);
    bool written = fclose(file) == 0;
    if (written) {
        simgrid_load_platform(path);
    }
    (void)unlink(path);
    return written;
}

static bool run_plain(uint32_t hosts) {
    char texts[16][64] = {"bench", "--log=root.thres:critical"};
    char *arguments[17] = {texts[0], texts[1]};
    int count = 2;
    for (const char *at = sim_platform_settings(); at && count < 16; count++) {
        const char *end = strchr(at, ' ');
        (void)snprintf(texts[count], sizeof texts[count], "--cfg=%.*s",
                       end ? (int)(end - at) : (int)strlen(at), at);
        arguments[count] = texts[count];
        at = end ? end + 1 : NULL;
    }
    simgrid_init(&count, arguments);
    plain_hosts = hosts;
    if (!load_plain(hosts)) {
        return false;
    }
    for (uint32_t i = 0; i < hosts; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "h%u", i);
        sg_actor_t actor = sg_actor_init(name, sg_host_by_name(name));
        sg_actor_set_data(actor, (void *)(uintptr_t)(i + 1));
        sg_actor_start(actor, plain_main, 0, NULL);
    }
    simgrid_run();
    return plain_delivered == messages_of(hosts);
}

/* --- turns ----------------------------------------------------------------- */

typedef enum way { OVER_SIMGRID, BARE, PLAIN } way;

/* Messages a second; NaN after a failure. */
static double rate_of(uint32_t hosts, way chosen) {
    int ends[2];
    if (pipe(ends) != 0) {
        return (double)NAN;
    }
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        double begin_s = bench_now_s();
        bool fine =
            chosen == PLAIN ? run_plain(hosts) : run_ours(hosts, chosen == OVER_SIMGRID);
        double took_s = bench_now_s() - begin_s;
        double rate = fine ? (double)(messages_of(hosts)) / took_s : (double)NAN;
        bool written = write(ends[1], &rate, sizeof rate) == (ssize_t)sizeof rate;
        _exit(written && fine ? 0 : 1);
    }
    (void)close(ends[1]);
    double rate = (double)NAN;
    int status = 1;
    bool came = child > 0 && read(ends[0], &rate, sizeof rate) == (ssize_t)sizeof rate;
    (void)close(ends[0]);
    bool ended = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    return came && ended ? rate : (double)NAN;
}

bool bench_fabric(void) {
    static const uint32_t host_counts[] = {4, 16, 64, 256, 1024};
    bool fine = true;
    printf("# fabric: %d messages of %d B in all, 50 us one way\n", MESSAGES, MESSAGE_BYTES);
    for (size_t i = 0; i < sizeof host_counts / sizeof *host_counts; i++) {
        bench_series over = {.turns = TURNS};
        bench_series bare = {.turns = TURNS};
        for (uint32_t turn = 0; turn < TURNS; turn++) {
            over.ours[turn] = rate_of(host_counts[i], OVER_SIMGRID);
            over.peer[turn] = rate_of(host_counts[i], PLAIN);
            bare.ours[turn] = rate_of(host_counts[i], BARE);
            bare.peer[turn] = over.peer[turn];
            fine = fine && !isnan(over.ours[turn]) && !isnan(over.peer[turn]) &&
                   !isnan(bare.ours[turn]);
        }
        char metric[64];
        (void)snprintf(metric, sizeof metric, "%u hosts", host_counts[i]);
        bench_row("fabric", metric, &over, "messages/s");
        (void)snprintf(metric, sizeof metric, "%u hosts, bare loop", host_counts[i]);
        bench_row("fabric", metric, &bare, "messages/s");
    }
    if (!fine) {
        (void)fprintf(stderr, "fabric: a run failed\n");
    }
    return fine;
}
