/* What timeline.c, which listens, and timeline_write.c, which writes, share. */
#ifndef SIM_TRACE_TIMELINE_INTERNAL_H
#define SIM_TRACE_TIMELINE_INTERNAL_H

#include "sim/trace/timeline.h"

enum {
    SIM_TIMELINE_NAME_BYTES = 48,
    SIM_TIMELINE_TID_CORE = 1, /* of core 0 */
    SIM_TIMELINE_TID_DISK = 1 << 16,
    SIM_TIMELINE_TID_NETWORK,
    SIM_TIMELINE_TID_REQUESTS,
    SIM_TIMELINE_TID_CLUSTER
};

/* The last step of a core: not written yet while it is open, since a crash may cut it. */
typedef struct sim_core_slice {
    bool open;
    uint64_t begin_ns;
    uint64_t end_ns;
    char name[SIM_TIMELINE_NAME_BYTES];
    cg_event_kind kind;
    uint32_t sender;
    uint64_t sequence;
    uint64_t id;
    uint64_t size_bytes;
    uint64_t caused_ns;
    uint64_t due_ns;
    uint64_t disk_ns;
    uint64_t request_id;
    cg_work work;
} sim_core_slice;

typedef struct sim_disk_slice {
    sim_disk_use use;
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t size_bytes;
    uint64_t request_id;
} sim_disk_slice;

typedef struct sim_host_line {
    sim_core_slice *cores; /* as many as were busy at once so far */
    size_t core_count;
    size_t core_capacity;
    sim_disk_slice *disk; /* those not over when last told, from disk_first on */
    size_t disk_first;
    size_t disk_count; /* with those before disk_first */
    size_t disk_capacity;
    uint32_t named_cores;
    bool has_disk; /* the track has its name */
    bool has_network;
    /* The step whose outputs go out. */
    uint32_t released_tag;
    uint64_t released_began_ns;
    uint64_t released_core_ns;
} sim_host_line;

struct sim_timeline {
    sim_chrome chrome;
    cg_allocator allocator;
    uint32_t host_count;
    uint64_t limit;
    uint64_t counted; /* events that the limit counts */
    uint64_t left_out;
    uint64_t last_ns; /* the latest time told */
    uint64_t cut_ns;  /* from here on things were left out */
    bool no_memory;
    sim_host_line *hosts; /* [host_count] */
};

/* Whether `events` more may be written; counts them either way. */
bool sim_timeline_room(sim_timeline *timeline, uint64_t events);

void sim_timeline_write_head(sim_timeline *timeline, const char *title);
/* why: "crash", "end of the run", or NULL for a slice that ran to its end. */
void sim_timeline_write_step(sim_timeline *timeline, uint32_t host, uint32_t core,
                             const char *why);
void sim_timeline_write_disk(sim_timeline *timeline, uint32_t host, const sim_disk_slice *slice,
                             const char *why);
void sim_timeline_write_flight(sim_timeline *timeline, const sim_observed_step *step);
void sim_timeline_write_sent(sim_timeline *timeline, const sim_observed_message *message);
void sim_timeline_write_dropped(sim_timeline *timeline, const sim_observed_message *message,
                                const char *reason);
void sim_timeline_write_request(sim_timeline *timeline, uint32_t host, uint64_t now_ns,
                                const cg_reply *reply, const sim_ledger *ledger);
/* An instant of a host. */
void sim_timeline_write_instant(sim_timeline *timeline, uint32_t host, uint64_t now_ns,
                                const char *name, const char *text);
void sim_timeline_write_mark(sim_timeline *timeline, uint64_t now_ns, const char *kind,
                             const char *text);
void sim_timeline_write_cut(sim_timeline *timeline);

/* "message 3", "request allocate", "timer": of an event. */
void sim_timeline_name(const cg_event *event, char name[SIM_TIMELINE_NAME_BYTES]);

#endif
