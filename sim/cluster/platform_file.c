/* Reading a user's platform.
 *
 * The child loads the file and asks SimGrid for every route; it writes hosts, then a row of
 * indices a host, then the latencies that the indices mean. What it finds wrong itself, and how
 * far it got, stands in memory that both share: SimGrid ends a process without a word where a
 * zone has no routes, and the parent then knows between which two hosts.
 */
#include "sim/cluster/platform_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/link.h>

#include "engine/base/hash.h"
#include "sim/cluster/platform.h"
#include "sim/scenario/time_limit.h"
#include "sim/store/file.h"

enum {
    LATENCIES_MAX = 65536,
    SLOTS = 2 * LATENCIES_MAX,
    REASON_BYTES = 160,
    FILE_BYTES_MAX = 1 << 28
};

typedef struct progress { /* shared with the child */
    cg_status status;
    cg_error error;
    bool routing;  /* the file is loaded */
    uint32_t from; /* the route that is looked for */
    uint32_t to;
    uint32_t latencies;
} progress;

/* --- the text -------------------------------------------------------------- */

/* What is not there, or makes trouble in the middle of a run, is found before SimGrid is. */
static cg_status check_text(const char *path, const char *text, size_t size_bytes,
                            cg_error *error) {
    static const char *const banned[][2] = {
        {"state_file=", "hosts and links that fail are faults of the scenario"},
        {"latency_file=", "latencies that change are faults of the scenario"},
        {"<trace", "what changes in a run is a fault of the scenario"},
        {"<actor", "what runs on the hosts is the engine"},
        {"<process", "what runs on the hosts is the engine"},
    };
    for (size_t at = 0; at < size_bytes; at++) {
        size_t left = size_bytes - at;
        if (left >= 4 && memcmp(&text[at], "<!--", 4) == 0) {
            for (at += 4; at + 2 < size_bytes && memcmp(&text[at], "-->", 3) != 0; at++) {
            }
            continue;
        }
        for (size_t i = 0; i < sizeof banned / sizeof *banned; i++) {
            size_t length = strlen(banned[i][0]);
            if (left >= length && memcmp(&text[at], banned[i][0], length) == 0) {
                return cg_error_set(error, CG_ERROR_INVALID, "%.200s: it has %s, and %s", path,
                                    banned[i][0], banned[i][1]);
            }
        }
    }
    return CG_OK;
}

static cg_status check_file(const char *path, cg_error *error) {
    sim_file_view view;
    cg_status status = sim_file_map(path, &view, error);
    if (status != CG_OK) {
        return status;
    }
    status = view.size_bytes > FILE_BYTES_MAX
                 ? cg_error_set(error, CG_ERROR_INVALID, "%.200s: more than %d bytes", path,
                                (int)FILE_BYTES_MAX)
                 : check_text(path, (const char *)view.bytes, view.size_bytes, error);
    sim_file_unmap(&view);
    return status;
}

/* --- the child ------------------------------------------------------------- */

typedef struct found { /* SimGrid's, and its name, to sort by */
    sg_host_t host;
    const char *name;
} found;

typedef struct child {
    const char *path;
    progress *shared;
    FILE *out;
    found *hosts;
    uint32_t count;
    uint64_t *latencies_ns; /* [LATENCIES_MAX] */
    uint32_t *slots;        /* [SLOTS]: 0 or index + 1 */
} child;

static cg_status refuse(const child *self, const char *what) {
    return cg_error_set(&self->shared->error, CG_ERROR_INVALID, "%.200s: %s", self->path, what);
}

/* By name, a run of digits as a number; equal ones (h1, h01) as strings. */
static int compare_names(const char *left, const char *right) {
    const char *a = left;
    const char *b = right;
    while (*a != '\0' && *b != '\0') {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t digits = strspn(a, "0123456789");
            size_t others = strspn(b, "0123456789");
            int order = digits != others ? (digits < others ? -1 : 1) : memcmp(a, b, digits);
            if (order != 0) {
                return order;
            }
            a += digits;
            b += digits;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a != *b ? (*a == '\0' ? -1 : 1) : strcmp(left, right);
}

static int compare_hosts(const void *left, const void *right) {
    const found *a = left;
    const found *b = right;
    return compare_names(a->name, b->name);
}

static cg_status find_hosts(child *self) {
    size_t count = sg_host_count();
    if (count == 0) {
        return refuse(self, "no host is in it");
    }
    if (count < self->count) {
        return cg_error_set(&self->shared->error, CG_ERROR_INVALID,
                            "%.200s: %zu hosts are in it, and the scenario wants %u "
                            "(cluster.hosts)",
                            self->path, count, self->count);
    }
    sg_host_t *hosts = sg_host_list();
    self->hosts = calloc(count, sizeof *self->hosts);
    if (!self->hosts) {
        return cg_error_set(&self->shared->error, CG_ERROR_MEMORY,
                            "%.200s: no memory for its %zu hosts", self->path, count);
    }
    for (size_t i = 0; i < count; i++) {
        self->hosts[i] = (found){hosts[i], sg_host_get_name(hosts[i])};
    }
    free(hosts);
    qsort(self->hosts, count, sizeof *self->hosts, compare_hosts);
    for (uint32_t i = 0; i < self->count; i++) {
        sim_platform_host host = {.cores = (uint32_t)sg_host_core_count(self->hosts[i].host),
                                  .speed = sg_host_get_speed(self->hosts[i].host)};
        const char *name = self->hosts[i].name;
        if (strlen(name) >= sizeof host.name) {
            return refuse(self, "a host's name is longer than 63 bytes");
        }
        if (!(host.speed > 0.0)) {
            return refuse(self, "a host has no speed");
        }
        memcpy(host.name, name, strlen(name) + 1);
        (void)fwrite(&host, sizeof host, 1, self->out);
    }
    return CG_OK;
}

static cg_status check_links(const child *self) {
    size_t count = sg_link_count();
    sg_link_t *links = sg_link_list();
    for (size_t i = 0; i < count; i++) {
        if (!(sg_link_get_bandwidth(links[i]) > 0.0)) {
            return cg_error_set(&self->shared->error, CG_ERROR_INVALID,
                                "%.200s: link %.64s has no bandwidth", self->path,
                                sg_link_get_name(links[i]));
        }
    }
    free(links);
    return CG_OK;
}

static cg_status index_of(child *self, double latency_s, uint16_t *out) {
    if (!(latency_s >= 0.0 && latency_s <= (double)SIM_TIME_MAX_NS / 1e9)) {
        return refuse(self, "a route's latency is no time of 0 to 72 h");
    }
    uint64_t latency_ns = (uint64_t)(latency_s * 1e9 + 0.5);
    size_t slot = cg_hash_u64(latency_ns, 0) % SLOTS;
    while (self->slots[slot] && self->latencies_ns[self->slots[slot] - 1] != latency_ns) {
        slot = (slot + 1) % SLOTS;
    }
    if (self->slots[slot] == 0) {
        if (self->shared->latencies == LATENCIES_MAX) {
            return refuse(self, "its routes have more than 65,536 different latencies");
        }
        self->latencies_ns[self->shared->latencies++] = latency_ns;
        self->slots[slot] = self->shared->latencies;
    }
    *out = (uint16_t)(self->slots[slot] - 1);
    return CG_OK;
}

static double latency_between(const child *self, uint32_t from, uint32_t to) {
    self->shared->from = from;
    self->shared->to = to;
    return sg_host_get_route_latency(self->hosts[from].host, self->hosts[to].host);
}

static cg_status find_routes(child *self) {
    uint16_t *row = calloc(self->count, sizeof *row);
    self->latencies_ns = calloc(LATENCIES_MAX, sizeof *self->latencies_ns);
    self->slots = calloc(SLOTS, sizeof *self->slots);
    if (!row || !self->latencies_ns || !self->slots) {
        return cg_error_set(&self->shared->error, CG_ERROR_MEMORY,
                            "%.200s: no memory for its routes", self->path);
    }
    self->shared->routing = true;
    for (uint32_t from = 0; from < self->count; from++) {
        for (uint32_t to = 0; to < self->count; to++) {
            cg_status status =
                index_of(self, from != to ? latency_between(self, from, to) : 0.0, &row[to]);
            if (status != CG_OK) {
                return status;
            }
        }
        (void)fwrite(row, sizeof *row, self->count, self->out);
    }
    (void)fwrite(self->latencies_ns, sizeof *self->latencies_ns, self->shared->latencies,
                 self->out);
    return CG_OK;
}

/* Coordinates give latencies that no link has; some pair of neighbours shows them. */
static cg_status check_cleared(const child *self) {
    sim_platform_clear_latencies();
    for (uint32_t i = 0; i + 1 < self->count; i++) {
        if (latency_between(self, i, i + 1) != 0.0 || latency_between(self, 0, i + 1) != 0.0) {
            return refuse(self, "it has latencies that are no link's (coordinates, routing "
                                "Vivaldi); give them to links");
        }
    }
    return CG_OK;
}

static void child_main(child *self, int descriptor, FILE *heard) {
    struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)dup2(fileno(heard), STDOUT_FILENO);
    (void)dup2(fileno(heard), STDERR_FILENO);
    self->out = fdopen(descriptor, "w");
    if (!self->out) {
        _exit(EXIT_FAILURE);
    }
    sim_platform_start("error");
    simgrid_load_platform(self->path);
    cg_status status = find_hosts(self);
    (void)fflush(self->out); /* the parent knows their names, whatever comes */
    if (status == CG_OK) {
        status = check_links(self);
    }
    if (status == CG_OK) {
        status = find_routes(self);
    }
    if (status == CG_OK) {
        status = check_cleared(self);
    }
    self->shared->status = status;
    _exit(fflush(self->out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- the parent ------------------------------------------------------------ */

/* SimGrid's own words, from its first complaint to the end of the line. */
static void hear(FILE *heard, char reason[REASON_BYTES]) {
    char text[4096];
    rewind(heard);
    size_t length = fread(text, 1, sizeof text - 1, heard);
    text[length] = '\0';
    const char *start = strstr(text, "ERROR] ");
    const char *critical = strstr(text, "CRITICAL] ");
    if (critical && (!start || critical < start)) {
        start = critical;
    }
    start = start ? strstr(start, "] ") + 2 : text;
    static const char exception[] = "Uncaught exception ";
    if (strncmp(start, exception, sizeof exception - 1) == 0 && strstr(start, ": ")) {
        start = strstr(start, ": ") + 2;
    }
    (void)snprintf(reason, REASON_BYTES, "%.*s", (int)strcspn(start, "\n"), start);
}

static cg_status explain_end(const char *path, const progress *shared,
                             const sim_platform_host *hosts, FILE *heard, cg_error *error) {
    char reason[REASON_BYTES];
    hear(heard, reason);
    if (shared->routing) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%.200s: no route leads from host %s to host %s; every two hosts "
                            "need one, and every two zones",
                            path, hosts[shared->from].name, hosts[shared->to].name);
    }
    if (strcmp(reason, "There is no host!") == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "%.200s: no host is in it", path);
    }
    return cg_error_set(error, CG_ERROR_INVALID, "%.200s: SimGrid cannot read it: %s", path,
                        reason[0] != '\0' ? reason : "it gives no reason");
}

static cg_status allocate(sim_topology *topology, const char *path, cg_error *error) {
    const cg_allocator *allocator = &topology->allocator;
    size_t hosts = topology->hosts;
    topology->file_hosts = cg_allocate(allocator, hosts, sizeof *topology->file_hosts);
    topology->pairs = cg_allocate(allocator, hosts * hosts, sizeof *topology->pairs);
    topology->path = cg_allocate(allocator, strlen(path) + 1, 1);
    if (!topology->file_hosts || !topology->pairs || !topology->path) {
        return cg_error_set(error, CG_ERROR_MEMORY, "%.200s: no memory for %u hosts", path,
                            topology->hosts);
    }
    memcpy(topology->path, path, strlen(path) + 1);
    return CG_OK;
}

/* False where the child ended before all was said; what it said of hosts is there. */
static bool take(FILE *in, sim_topology *topology) {
    size_t hosts = topology->hosts;
    return fread(topology->file_hosts, sizeof *topology->file_hosts, hosts, in) == hosts &&
           fread(topology->pairs, sizeof *topology->pairs, hosts * hosts, in) == hosts * hosts;
}

static cg_status take_latencies(FILE *in, const progress *shared, uint64_t base_ns,
                                sim_topology *topology, cg_error *error) {
    uint32_t count = shared->latencies;
    int64_t *offsets_ns =
        cg_allocate(&topology->allocator, count, sizeof *topology->offsets_ns);
    if (!offsets_ns) {
        return cg_error_set(error, CG_ERROR_MEMORY, "%.200s: no memory for %u latencies",
                            topology->path, count);
    }
    topology->offsets_ns = offsets_ns;
    topology->latencies = count;
    size_t got = fread(offsets_ns, sizeof *offsets_ns, count, in);
    for (uint32_t i = 0; i < count; i++) {
        offsets_ns[i] -= (int64_t)base_ns;
    }
    return got == count ? CG_OK
                        : cg_error_set(error, CG_ERROR_IO, "%.200s: its reader was cut off",
                                       topology->path);
}

/* Starts the child; *in is what it says. */
static pid_t start_child(child *self, FILE *heard, FILE **in) {
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    (void)fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        (void)close(ends[0]);
        child_main(self, ends[1], heard);
    }
    (void)close(ends[1]);
    *in = process > 0 ? fdopen(ends[0], "r") : NULL;
    if (!*in) {
        (void)close(ends[0]);
    }
    return process;
}

/* Zeroed; NULL without memory. The file goes when the last mapping does. */
static progress *map_shared(void) {
    FILE *file = tmpfile();
    if (!file) {
        return NULL;
    }
    void *mapped = MAP_FAILED;
    if (ftruncate(fileno(file), sizeof(progress)) == 0) {
        mapped =
            mmap(NULL, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    }
    (void)fclose(file);
    return mapped != MAP_FAILED ? mapped : NULL;
}

static cg_status read_through_child(child *self, uint64_t base_ns, sim_topology *topology,
                                    cg_error *error) {
    FILE *heard = tmpfile();
    FILE *in = NULL;
    pid_t process = heard ? start_child(self, heard, &in) : -1;
    if (process < 0) {
        if (heard) {
            (void)fclose(heard);
        }
        return cg_error_set(error, CG_ERROR_IO, "%.200s: no process can be started to read it",
                            self->path);
    }
    bool whole = in && take(in, topology);
    /* The last that comes is the latencies, which fit in no pipe: read them before waiting. */
    cg_status status = CG_OK;
    if (whole) {
        status = take_latencies(in, self->shared, base_ns, topology, error);
    }
    if (in) {
        (void)fclose(in);
    }
    int ended = 0;
    bool fine = waitpid(process, &ended, 0) == process && WIFEXITED(ended) &&
                WEXITSTATUS(ended) == EXIT_SUCCESS;
    if (self->shared->status != CG_OK) {
        *error = self->shared->error;
        status = self->shared->status;
    } else if (status == CG_OK && (!fine || !whole)) {
        status = explain_end(self->path, self->shared, topology->file_hosts, heard, error);
    }
    (void)fclose(heard);
    return status;
}

cg_status sim_platform_file_read(const char *path, uint32_t hosts, uint64_t base_ns,
                                 cg_allocator allocator, sim_topology *out, cg_error *error) {
    CG_ASSERT(hosts > 0);
    cg_status status = check_file(path, error);
    if (status != CG_OK) {
        return status;
    }
    sim_topology made = {.kind = SIM_TOPOLOGY_FILE, .hosts = hosts, .allocator = allocator};
    progress *shared = map_shared();
    if (!shared) {
        return cg_error_set(error, CG_ERROR_MEMORY, "%.200s: no memory to read it", path);
    }
    status = allocate(&made, path, error);
    if (status == CG_OK) {
        child self = {.path = path, .shared = shared, .count = hosts};
        cg_error reason = {CG_OK, ""};
        status = read_through_child(&self, base_ns, &made, &reason);
        if (status != CG_OK && error) {
            *error = reason;
        }
    }
    (void)munmap(shared, sizeof *shared);
    if (status == CG_OK) {
        *out = made;
    } else {
        sim_topology_deinit(&made);
    }
    return status;
}
