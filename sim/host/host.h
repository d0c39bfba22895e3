/* A host: drives one node through simulated time, and turns the work it counts into time
 * (spec G4, G5).
 *
 * Purely computational: no clock of its own, no SimGrid. The loop (sim/cluster) asks when the
 * host wants to run next, and advances it to that time.
 *
 * What is due waits in order (time, sender, sequence) for one of the host's cores. When a core
 * is free the node is stepped at once; its work is then paid: core time on that core, then disk
 * time on the host's one disk, first come first served. When all is paid the outputs are
 * released, in order: messages and replies go out, writes queue at the disk and come back as
 * STORAGE_DONE, timers come back as TIMER (not before they are released). Writes reach the disk
 * in the order in which their steps began. A core is held for its core time only: neither the
 * disk nor another host holds it. A message from a host to itself takes 1 ns and does not touch
 * the network.
 *
 * Within one instant: faults of the host first (host_fault.h), then what ends frees its core and
 * releases its outputs, then messages by (sender, sequence), durable writes, timers, requests.
 *
 * Cores share the memory bus. What a step reads and writes there (traffic.h) it wants at an even rate over
 * its own core time. While all running steps together want no more than the bus has, nothing is slower; a
 * step that begins when they want r times as much takes r times as long, so that all cores together are as
 * fast as the bus (a roofline: Williams, Waterman & Patterson, CACM 52, 2009). Steps that already run
 * keep their pace, which makes it exact where the load is steady.
 *
 * A READ takes the disk like the work of a step, but nobody waits for it: the step's other outputs
 * are out already, and it comes back as READ_DONE. It costs what the profile says of tier_store.
 *
 * A write costs what the profile says of disk_write; the host counts it for every WRITE output,
 * and takes no notice of disk_write in the work of a step, so it is never paid twice.
 *
 * Invariants: never more steps on cores than there are cores; the ledger of a reply adds up
 * exactly to its latency; nothing is allocated once the pools are warm.
 */
#ifndef SIM_HOST_HOST_H
#define SIM_HOST_HOST_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/node/event.h"
#include "sim/host/profile.h"
#include "sim/trace/ledger.h"
#include "sim/trace/observer.h"

/* The machine that is driven: a cg_node (sim_host_node), or a test's own. */
typedef struct sim_machine {
    cg_status (*step)(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error);
    /* Replaces the machine's state by that of a new one, which knows nothing of the old: its life
     * number `life`, from 1. START is its first event. NULL: the host cannot restart. A failure ends
     * the run. */
    cg_status (*restart)(void *context, uint64_t life, cg_error *error);
    void *context;
} sim_machine;

typedef struct sim_delivery {
    cg_event_kind kind;
    uint32_t sender;   /* MESSAGE: host; REQUEST: client; otherwise not read */
    uint64_t due_ns;   /* not before the time the host was last advanced to */
    uint64_t sequence; /* unique for its kind and sender */
    uint64_t id;       /* REQUEST, TIMER, STORAGE_DONE, READ_DONE: as in cg_event */
    uint32_t flags;    /* REQUEST, and all that follow: as in cg_event */
    uint32_t label;
    cg_request_kind request;
    uint32_t client;
    uint32_t space;
    uint32_t hops;
    uint8_t priority;
    bool borrowed; /* bytes outlive the host and are not copied */
    uint64_t target;
    uint64_t after;
    const uint8_t *bytes;
    size_t size_bytes;
    sim_ledger ledger; /* of the cause; of a REQUEST: not read, it begins at due_ns */
} sim_delivery;

/* Where the host's replies and alerts go. All may be NULL. now_ns: when the reply is out. The ledger's
 * parts add up to now_ns - ledger->start_ns, where start_ns is the request's due time. */
typedef struct sim_host_sink {
    cg_status (*reply)(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                       const sim_ledger *ledger, cg_error *error);
    /* text: one sentence, NUL-terminated, only during the call. */
    cg_status (*alert)(void *context, uint32_t host, uint64_t now_ns, cg_severity severity,
                       const char *text, cg_error *error);
    void *context;
    const sim_observer *observer; /* told of all that happens; borrowed */
} sim_host_sink;

/* The network, attached by the loop that runs the host. */
typedef struct sim_transport {
    /* A message to another host, out of the host at now_ns. bytes: only during the call. */
    cg_status (*send)(void *context, uint32_t from, uint32_t to, uint64_t now_ns,
                      const uint8_t *bytes, size_t size_bytes, const sim_ledger *ledger,
                      cg_error *error);
    /* A message is due: false drops it. */
    bool (*arrive)(void *context, uint32_t from, uint32_t to, uint64_t now_ns,
                   size_t size_bytes);
    void *context;
} sim_transport;

typedef struct sim_host_options {
    uint32_t host;
    uint32_t hosts; /* in the cluster: a SEND beyond it is an error */
    uint32_t cores; /* >= 1 */
    /* Work on the cores takes so many times as long as the profile says; 0: 1. A fault's factor
     * comes on top. SIM_HOST_FACTOR_MIN .. _MAX (host_fault.h). */
    double pace;
    uint64_t memory_bytes_per_s; /* of the memory bus; 0: without limit */
    uint64_t seed;               /* of what faults draw */
    /* The bytes of durable writes are kept, for START; restart, torn and lost bytes need it. Costs
     * their memory, and changes nothing else. */
    bool keeps_journal;
    bool starts; /* the first life begins with START too, at 0 ns, before all else */
} sim_host_options;

typedef struct sim_host sim_host;

/* profile: copied. */
cg_status sim_host_alloc(const sim_host_options *options, const sim_machine *machine,
                         const sim_profile *profile, const sim_host_sink *sink,
                         cg_allocator allocator, sim_host **out, cg_error *error);
void sim_host_free(sim_host *host);
void sim_host_attach(sim_host *host, const sim_transport *transport);

/* Puts a delivery into the host's heap; bytes are copied unless borrowed. */
cg_status sim_host_deliver(sim_host *host, const sim_delivery *delivery, cg_error *error);
/* When something happens next; UINT64_MAX: nothing will. */
uint64_t sim_host_next_ns(const sim_host *host);
/* Does all that is due at or before now_ns, in order, each at its own time. */
cg_status sim_host_advance(sim_host *host, uint64_t now_ns, cg_error *error);

/* --- inspection ------------------------------------------------------------ */

typedef struct sim_host_statistics {
    uint64_t events[CG_EVENT_KIND_COUNT]; /* stepped */
    uint64_t sent;                        /* messages, also to itself */
    uint64_t sent_bytes;
    uint64_t dropped; /* messages that the network refused when due */
    uint64_t replies;
    uint64_t reads; /* READ outputs */
    uint64_t writes;
    uint64_t write_bytes;
    uint64_t core_busy_ns; /* summed over cores; charged when a step begins */
    uint64_t stalled_ns;   /* of that: waiting for the memory bus */
    uint64_t bus_bytes;    /* moved over it */
    uint64_t disk_busy_ns;
    uint64_t energy_pj;
    uint64_t queue_max; /* most events that waited for a core at once */
    cg_work work;       /* in all, with disk_write as counted here */
    /* Of faults (host_fault.h): */
    uint64_t crashes;
    uint64_t restarts;
    uint64_t ignored_faults;  /* crashes of a host that was down */
    uint64_t resets;          /* requests that were open at a crash, answered UNREACHABLE */
    uint64_t late_replies;    /* of a later life to such requests: nobody takes them */
    uint64_t refused;         /* requests that came while it was down, the same */
    uint64_t lost_messages;   /* that came while it was down, or waited for a core at a crash */
    uint64_t torn_tails;      /* crashes that cut a write in two */
    uint64_t lost_bytes;      /* at the disk, and not durable, at crashes */
    uint64_t disk_losses;     /* disks replaced by new ones */
    uint64_t disk_lost_bytes; /* that were durable on them */
    uint64_t corrupted_bytes; /* altered */
} sim_host_statistics;
const sim_host_statistics *
sim_host_statistics_of(const sim_host *host); /* valid until the host changes */

uint32_t sim_host_cores(const sim_host *host);
bool sim_host_is_up(const sim_host *host);
uint64_t sim_host_life(const sim_host *host); /* restarts so far */
/* What the host's clock on the wall shows at at_ns, as it is set now. */
uint64_t sim_host_wall_ns(const sim_host *host, uint64_t at_ns);
/* The durable bytes of a host that keeps its journal; valid until the host changes. */
const uint8_t *sim_host_journal(const sim_host *host, size_t *size_bytes);

uint64_t sim_host_waiting(const sim_host *host); /* events waiting for a core now */
uint64_t sim_host_running(const sim_host *host); /* steps whose outputs are not released yet */
/* Rolling hash over every event stepped: time, due time, kind, sender, sequence, id, flags,
 * bytes, and what else a request says; and over every fault that has come: time, kind, and what
 * it left of the journal. */
uint64_t sim_host_fingerprint(const sim_host *host);

/* A machine that steps a cg_node (declared here without including node.h), and cannot restart. */
struct cg_node;
sim_machine sim_host_node(struct cg_node *node);

#endif
