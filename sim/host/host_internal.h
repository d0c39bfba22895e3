/* What the files of a host share; see host.h, host_fault.h and host.c.
 *
 *   host.c        life cycle, deliveries, the loop over the heap
 *   host_pool.c   parcels, jobs, open requests
 *   host_step.c   the queue for cores, and stepping the node
 *   host_pay.c    core time, disk time, then outputs
 *   host_disk.c   the disk: its time, and its journal
 *   host_life.c   faults: crash and restart, clock
 *
 * Invariants: durable_bytes <= issued_bytes, and issued_bytes - durable_bytes are at the disk, in
 * the order in which their STORAGE_DONE are due; a host that is down has nothing of its own in
 * the heap but faults and refusals, nothing in the queue, no open request, and all jobs in the
 * pool.
 */
#ifndef SIM_HOST_HOST_INTERNAL_H
#define SIM_HOST_HOST_INTERNAL_H

#include "engine/base/hash.h"
#include "engine/base/heap.h"
#include "engine/base/map.h"
#include "engine/base/prng.h"
#include "sim/host/host_fault.h"

/* In the order of one instant. */
typedef enum sim_host_class {
    SIM_CLASS_FAULT,     /* payload: parcel whose bytes are a sim_host_fault */
    SIM_CLASS_START,     /* parcel, as all that follow but jobs */
    SIM_CLASS_CORE_DONE, /* a step's core time is over; payload: job */
    SIM_CLASS_DISK_DONE, /* a step's disk time is over; payload: job */
    SIM_CLASS_MESSAGE,
    SIM_CLASS_STORAGE, /* durable write, record read */
    SIM_CLASS_TIMER,
    SIM_CLASS_REQUEST,
    SIM_CLASS_REFUSAL /* the answer to a request that came while the host was down */
} sim_host_class;

typedef struct sim_parcel { /* a delivery in the heap, in the queue, or in the pool */
    struct sim_parcel *next;
    struct sim_parcel *next_made; /* all parcels ever made */
    sim_delivery delivery;
    uint64_t journal_end; /* STORAGE_DONE: so many bytes are durable then */
    uint8_t *buffer;
    size_t buffer_bytes;
} sim_parcel;

typedef struct sim_job { /* a step that is being paid, or in the pool */
    struct sim_job *next;
    struct sim_job *next_made;
    struct sim_job *next_writer; /* the next step that has writes */
    bool paid;
    bool starts;              /* the step of a START */
    uint64_t bus_bytes_per_s; /* wanted of the memory bus while on a core */
    uint64_t began_ns;
    uint32_t observed; /* the observer's tag */
    cg_outputs outputs;
    sim_cost cost;
    sim_ledger ledger;
} sim_job;

/* A request that arrived and is not answered, in a list by arrival; or in the pool. */
typedef struct sim_open_request {
    uint64_t id;
    uint64_t due_ns;
    uint32_t next; /* places in the array; SIM_OPEN_NONE: none */
    uint32_t previous;
    cg_request_kind request;
    sim_ledger known; /* of the last step here that it caused; begun, where there was none */
} sim_open_request;
#define SIM_OPEN_NONE UINT32_MAX

typedef struct sim_open_requests {
    cg_table *place_of; /* request id -> place; SIM_OPEN_NONE: it was reset */
    sim_open_request *places;
    size_t capacity;
    uint32_t used; /* places that were ever used */
    uint32_t free; /* first of those given back */
    uint32_t first;
    uint32_t last;
} sim_open_requests;

typedef struct sim_journal {
    uint8_t *bytes;
    size_t capacity;
    uint64_t durable_bytes;
    uint64_t issued_bytes;   /* handed to the disk */
    uint32_t corrupt_writes; /* so many of the next are altered */
    bool lost;               /* the disk is new, and nothing was durable on it yet */
    uint64_t disk_life;      /* the life in which it was new */
    cg_stream torn;
    cg_stream corrupt;
} sim_journal;

typedef struct sim_wall_clock {
    uint64_t since_ns; /* when it was set */
    int64_t skew_ns;
    int32_t drift_ppm;
} sim_wall_clock;

struct sim_host {
    sim_host_options options;
    sim_machine machine;
    sim_profile profile;
    sim_host_sink sink;
    sim_transport transport;
    cg_allocator allocator;
    cg_heap heap;
    sim_open_requests open;
    sim_parcel *queue_first;
    sim_parcel *queue_last;
    sim_parcel *free_parcels;
    sim_parcel *made_parcels;
    /* Steps with writes that are not at the disk yet, in the order stepped. */
    sim_job *first_writer;
    sim_job *last_writer;
    sim_job *free_jobs;
    sim_job *made_jobs;
    uint64_t now_ns;
    uint64_t disk_free_ns;    /* the disk has nothing to do from here on */
    uint64_t bus_bytes_per_s; /* that the running steps want of the memory bus */
    uint64_t sequence;        /* of jobs and of what the host delivers to itself */
    uint64_t fault_sequence;
    uint64_t waiting;
    uint64_t running;
    uint32_t cores_busy;
    bool down;
    bool starting; /* the step of a START is not paid yet */
    uint64_t life;
    /* What statistics said of them when this life began. */
    uint64_t core_busy_before_ns;
    uint64_t disk_busy_before_ns;
    double disk_factor;
    double core_factor;
    sim_wall_clock clock;
    sim_journal journal;
    cg_hasher hasher;
    sim_host_statistics statistics;
};

static inline uint64_t sim_host_later(uint64_t time_ns, uint64_t delay_ns) {
    return delay_ns > UINT64_MAX - time_ns ? UINT64_MAX : time_ns + delay_ns;
}

/* --- host_pool.c ------------------------------------------------------------ */

void sim_parcel_give(sim_host *host, sim_parcel *given);
/* NULL, with the error filled, when memory is out. */
sim_parcel *sim_parcel_take(sim_host *host, const sim_delivery *delivery, cg_error *error);
sim_job *sim_job_take(sim_host *host); /* NULL: out of memory */
void sim_job_give(sim_host *host, sim_job *given);
void sim_jobs_give_all(sim_host *host);

/* Put again it keeps its place and gets the new time. */
cg_status sim_open_put(sim_host *host, const sim_delivery *request, cg_error *error);
/* False: it is not open. */
bool sim_open_take(sim_host *host, uint64_t request_id, sim_open_request *out);
/* A step is paid: where a request that is open here caused it, that is as far as it has come. */
void sim_open_note(sim_host *host, const sim_ledger *paid);
/* Takes the first and remembers that it was reset. */
bool sim_open_reset_first(sim_host *host, sim_open_request *out);
bool sim_open_was_reset(const sim_host *host, uint64_t request_id);

/* --- host.c ----------------------------------------------------------------- */

cg_status sim_host_push(sim_host *host, sim_parcel *pushed, sim_host_class class,
                        cg_error *error);
/* A delivery from the host to itself. Of a STORAGE_DONE: its write is the last at the disk. */
cg_status sim_host_deliver_own(sim_host *host, sim_delivery *delivery, cg_error *error);
cg_status sim_host_schedule(sim_host *host, sim_job *running, uint64_t at_ns,
                            sim_host_class class, cg_error *error);
/* Tells the observer, where it is a message. */
void sim_host_tell_dropped(const sim_host *host, const sim_delivery *message,
                           const char *reason);
cg_status sim_host_answer(sim_host *host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error);

/* --- host_step.c ------------------------------------------------------------ */

cg_status sim_host_enqueue(sim_host *host, sim_parcel *arrived, cg_error *error);
cg_status sim_host_step_waiting(sim_host *host, cg_error *error);
bool sim_job_has_writes(const sim_job *of);

/* --- host_pay.c ------------------------------------------------------------- */

cg_status sim_host_core_done(sim_host *host, sim_job *running, cg_error *error);
cg_status sim_host_finish(sim_host *host, sim_job *paid, cg_error *error);

/* --- host_disk.c ------------------------------------------------------------ */

/* factor * time, to the nearest ns; saturates. */
uint64_t sim_host_scaled(uint64_t time_ns, double factor);
/* What takes the disk, and for how long where nothing slows it. */
typedef struct sim_disk_demand {
    sim_disk_use use;
    uint64_t size_bytes;
    uint64_t service_ns;
} sim_disk_demand;
/* Takes the disk after all that came before; charges the ledger for waiting. When it is done. */
uint64_t sim_disk_take(sim_host *host, const sim_disk_demand *demand, sim_ledger *ledger);
cg_status sim_disk_write(sim_host *host, const cg_output *output, const uint8_t *bytes,
                         const sim_ledger *ledger, cg_error *error);
cg_status sim_disk_read(sim_host *host, const cg_output *output, const sim_ledger *ledger,
                        cg_error *error);
void sim_disk_durable(sim_host *host, uint64_t journal_end);
/* CG_OUTPUT_TRUNCATE of bytes that are durable; while nothing is at the disk. */
void sim_disk_truncate(sim_host *host, const cg_output *output);
/* A crash: what is at the disk is lost, but for a drawn prefix when torn. Before the heap is
 * emptied. */
void sim_disk_crash(sim_host *host, bool torn);
void sim_disk_replace(sim_host *host);
void sim_disk_corrupt(sim_host *host, const sim_host_fault *fault);

/* --- host_life.c ------------------------------------------------------------ */

cg_status sim_host_suffer(sim_host *host, const sim_host_fault *fault, cg_error *error);
/* A request that is due while the host is down. */
cg_status sim_host_refuse(sim_host *host, sim_parcel *refused, cg_error *error);
cg_status sim_host_refused(sim_host *host, sim_parcel *refused, cg_error *error);

#endif
