/* Who is told what happens in a run, while it happens (spec G9, G11).
 *
 * Hosts and loops tell; an observer writes it down (sim/trace/timeline.h, sim/trace/event_log.h).
 * It changes nothing: a run has the same fingerprint with an observer and without. What it cannot
 * write it keeps to itself until it is asked, so none of its functions fails.
 *
 * Any function may be NULL, and so may the observer. Pointers in what is told are borrowed for the
 * call. What is told of one host comes in the order of its simulated time; of all hosts together
 * too, except that hosts take their turns within one instant in an order without meaning.
 */
#ifndef SIM_TRACE_OBSERVER_H
#define SIM_TRACE_OBSERVER_H

#include "engine/base/work.h"
#include "engine/node/event.h"
#include "sim/trace/ledger.h"

/* A node was stepped, and what the step costs. */
typedef struct sim_observed_step {
    uint32_t host;
    uint32_t sender; /* MESSAGE: host; REQUEST: client; otherwise the host itself */
    uint64_t sequence;
    const cg_event *event; /* event->now_ns: the step begins */
    uint64_t
        caused_ns;    /* a message was sent, a timer set, a write given out; REQUEST: due_ns */
    uint64_t due_ns;  /* since then it waited for a core */
    uint64_t core_ns; /* paid on a core first; tier_core_ns of it for reading tiers */
    uint64_t tier_core_ns;
    uint64_t disk_ns; /* paid on the disk after that; tier_disk_ns of it for reading tiers */
    uint64_t tier_disk_ns;
    const cg_work *work;
    const sim_ledger *ledger; /* accounts for all up to event->now_ns */
} sim_observed_step;

typedef enum sim_disk_use {
    SIM_DISK_STEP,  /* disk time of a step */
    SIM_DISK_WRITE, /* bytes made durable */
    SIM_DISK_READ   /* a record fetched from the store */
} sim_disk_use;

/* The disk was taken: told when that is decided, at or before begin_ns. Of one host, begin_ns is
 * never before the end_ns told before, unless the host crashed in between. */
typedef struct sim_observed_disk {
    uint32_t host;
    sim_disk_use use;
    uint64_t told_ns;
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t size_bytes;
    uint64_t request_id; /* that caused it first; 0: none */
} sim_observed_disk;

/* A message, or one of its copies. (from, to, sequence) is unique for each copy, except that a
 * message lost by chance or cut when sent has no sequence: 0. */
typedef struct sim_observed_message {
    uint32_t from;
    uint32_t to;
    uint64_t sequence;
    uint64_t time_ns;     /* sent, or dropped */
    const uint8_t *bytes; /* NULL where they are not known any more */
    size_t size_bytes;
    uint64_t request_id; /* that caused it first; 0: none */
} sim_observed_message;

typedef struct sim_observer {
    /* Returns a tag that comes back in released. */
    uint32_t (*stepped)(void *context, const sim_observed_step *step);
    /* The step that began at began_ns and was told with `tag` is paid: what is told next of this
     * host as sent, replied or alerted is what it gave out. */
    void (*released)(void *context, uint32_t host, uint32_t tag, uint64_t began_ns,
                     uint64_t core_ns);
    void (*disk)(void *context, const sim_observed_disk *use);
    /* A copy is on its way; also to the host itself. */
    void (*sent)(void *context, const sim_observed_message *message);
    /* reason: static storage, one or two words: "lost", "cut", "cut when due", "host down". */
    void (*dropped)(void *context, const sim_observed_message *message, const char *reason);
    /* The ledger's parts add up to now_ns - ledger->start_ns. */
    void (*replied)(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                    const sim_ledger *ledger);
    void (*alerted)(void *context, uint32_t host, uint64_t now_ns, cg_severity severity,
                    const char *text);
    /* A fault, a heal or a note; kind: sim_fault_name or "note". May be told late. */
    void (*marked)(void *context, uint64_t now_ns, const char *kind, const char *text);
    /* The host died: what it was paying, and all that it had, is gone. */
    void (*crashed)(void *context, uint32_t host, uint64_t now_ns);
    /* And lives again. */
    void (*restarted)(void *context, uint32_t host, uint64_t now_ns);
    void *context;
} sim_observer;

#endif
