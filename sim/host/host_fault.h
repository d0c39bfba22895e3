/* Faults of a host: crash and restart, disk loss, torn and corrupted writes, slow disk, slow
 * cores, and a wall clock that is wrong (spec G3).
 *
 * A fault is a delivery in the host's own heap, of a class that comes before all else at its
 * instant and that a crash does not drop: so it has effect from its time on, itself included,
 * and the loops know nothing of it. Overload is no fault of a host: slow cores, or a load with
 * bursts or phases, bring it about.
 *
 * Crash at t. The node's memory is gone: steps under way release nothing, what waits is dropped,
 * timers, reads and messages to itself never come. A write is durable when its disk time is
 * over; those at the disk are lost, or, torn, all but a prefix of their bytes, drawn uniformly
 * over [0, all of them] from the stream "host.torn": whole writes, then perhaps a cut one. The
 * client of each request that is open here is answered CG_ERROR_UNREACHABLE at t, in the order
 * in which they came (connection reset, so that no later life can answer it); all of its time
 * counts as waiting, since what was done for it is gone. While the host is down messages are
 * dropped when they arrive, and a request is answered CG_ERROR_UNREACHABLE 1 ns after it came
 * (connection refused; 1 ns of wire). What was sent before is on its way.
 *
 * Restart at t: the machine makes a new node, which is stepped with START at t: the journal is
 * its bytes. START is exclusive: nothing else is stepped until its work is paid, so replay costs
 * time in which messages and requests wait.
 *
 * Crash of a host that is down: nothing, but counted. Restart of a host that is up: a crash and
 * a restart at once. Lost disk: the journal is empty and the next START says so; a host that is
 * up crashes too. The factors and the clock stay as they are set through crash and restart.
 */
#ifndef SIM_HOST_HOST_FAULT_H
#define SIM_HOST_HOST_FAULT_H

#include "sim/host/host.h"

typedef enum sim_host_fault_kind {
    SIM_HOST_CRASH,
    SIM_HOST_RESTART,
    SIM_HOST_DISK_LOSS,
    SIM_HOST_CORRUPT,   /* a drawn byte of each of the next `writes`, or of the journal */
    SIM_HOST_SLOW_DISK, /* all that the disk begins takes `factor` times as long */
    SIM_HOST_SLOW_CORES,
    SIM_HOST_CLOCK /* sets the wall clock to now + skew_ns, from where it runs at 1 + drift */
} sim_host_fault_kind;
const char *sim_host_fault_name(sim_host_fault_kind kind); /* "crash"; static storage */

typedef struct sim_host_fault {
    /* When it has effect: not before the time the host was last advanced to; whoever acts while
     * running at t uses t + 1. */
    uint64_t at_ns;
    sim_host_fault_kind kind;
    uint32_t writes;
    double factor;     /* SIM_HOST_FACTOR_MIN .. _MAX; 1: as the profile says */
    int64_t skew_ns;   /* the wall clock never shows less than 0 */
    int32_t drift_ppm; /* -1,000,000 (it stands still) .. 1,000,000 (twice as fast) */
    bool torn;         /* CRASH, DISK_LOSS, RESTART: what it crashes, it tears */
    bool if_down; /* RESTART: nothing happens to a host that is up, and nothing is counted */
    bool at_rest; /* CORRUPT: the journal as it is */
} sim_host_fault;

#define SIM_HOST_FACTOR_MIN 0.001
#define SIM_HOST_FACTOR_MAX 1e6

/* Errors: CG_ERROR_INVALID for what is out of range, a restart of a machine that cannot, and
 * what needs the journal of a host that keeps none. */
cg_status sim_host_fault_at(sim_host *host, const sim_host_fault *fault, cg_error *error);

#endif
