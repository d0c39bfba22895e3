/* Queues with known answers, run through a real host (sim/host/host.h): its cores are the servers, and a
 * machine that does nothing but count work drawn for it is the customer's service.
 *
 * A system is M/M/1, M/D/1 or M/M/c, c = 2, 4, 16. Arrivals and services are drawn from streams of the
 * seed. Of each run the first tenth is cut off, and the rest cut into 5 batches of customers in the order
 * of arrival. What is measured, and on what each figure rests:
 *
 *   time in system  mean over a run of (answer - arrival); the run's 95% interval is Student's t over
 *                   the means of its 5 batches
 *   Little          number in system, which the host is asked for at every event, integrated from
 *                   the run's begin until all have left, against customers a second times their mean
 *                   time, in the same span: equal, but for rounding
 *
 * Runs are long enough for the autocorrelation of their load: the correlation time of a queue is about
 * (1 - sqrt(load))^-2 services (Cohen, "The Single Server Queue", 1982, section III.7), and a batch
 * is 40 of those, and at least 3,000 customers. (Cut into 10, of the same runs one interval in a hundred fewer held the
 * truth, since neighbouring batches are alike.)
 *
 * Loads are 0.1, 0.3, 0.5, 0.7, 0.8, 0.9 and 0.95. A system at a load is met when the mean error of its
 * runs is 0 within what chance allows at 1 in 1,000 (so one of the 35 is missed by chance once in 30
 * validations), and Little's law when it holds to 10^-6. Of all intervals between 93% and 97% must hold
 * the closed form, and between 92% and 98% of each system's, which are a fifth as many.
 */
#ifndef SIM_VALIDATE_QUEUEING_H
#define SIM_VALIDATE_QUEUEING_H

#include "sim/validate/findings.h"

enum { SIM_QUEUE_BATCHES = 5 };

typedef struct sim_queue_options {
    uint32_t servers;
    bool is_deterministic; /* service */
    double load;           /* of all servers, (0, 1) */
    uint64_t customers;    /* at least 10 * SIM_QUEUE_BATCHES */
    uint64_t seed;
} sim_queue_options;

typedef struct sim_queue_result { /* times in mean times of service */
    double time;                  /* mean in system, behind the cut */
    double low;                   /* of its 95% interval */
    double high;
    double number;   /* in system, mean over the whole run */
    double rate;     /* customers a mean time of service, over the whole run */
    double time_all; /* mean in system, of all customers */
} sim_queue_result;

/* One run. */
cg_status sim_queue_run(const sim_queue_options *options, sim_queue_result *out,
                        cg_error *error);

typedef struct sim_queueing_options {
    uint32_t seeds;
    double length;    /* of every run, as a multiple of the one said above */
    double load_most; /* higher loads, which take the longest runs, are left out */
    uint32_t threads; /* at most 256 */
} sim_queueing_options;
/* 100 seeds; with is_quick 20, of shorter runs at loads up to 0.8, for which coverage is said and not
 * judged. */
sim_queueing_options sim_queueing_options_default(bool is_quick);

cg_status sim_validate_queueing(const sim_queueing_options *options, sim_findings *findings,
                                cg_error *error);

#endif
