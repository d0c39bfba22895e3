#include "sim/validate/queueing.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/prng.h"
#include "sim/host/host.h"
#include "sim/point/thread_runner.h"
#include "sim/validate/closed_form.h"

enum {
    SYSTEMS = 5,
    LOADS = 7,
    SEEDS_MAX = 1000,
    SEEDS_QUICK = 20,
    BATCH_LEAST = 3000,
    CUSTOMERS_LEAST = 10 * SIM_QUEUE_BATCHES
};
static const double service_ns = 1e6; /* mean: so long that rounding to ns is nothing */
static const double correlations_in_batch = 40.0;

typedef struct queue_system {
    const char *name;
    uint32_t servers;
    bool is_deterministic;
} queue_system;
static const queue_system systems[SYSTEMS] = {{"M/M/1", 1, false},
                                              {"M/D/1", 1, true},
                                              {"M/M/2", 2, false},
                                              {"M/M/4", 4, false},
                                              {"M/M/16", 16, false}};
static const double loads[LOADS] = {0.95, 0.9, 0.8, 0.7,
                                    0.5,  0.3, 0.1}; /* longest runs first */

/* --- one run -------------------------------------------------------------- */

typedef struct queue_run {
    const sim_queue_options *options;
    sim_host *host;
    cg_stream arrivals;
    cg_stream services;
    uint64_t cut; /* customers before it are not measured */
    uint64_t batch;
    double sums_ns[SIM_QUEUE_BATCHES]; /* of times in system */
    double sum_ns;                     /* of all customers */
    double area_ns;                    /* integral of the number in system */
    uint64_t seen_ns;                  /* until where it goes */
} queue_run;

static cg_status serve(void *context, const cg_event *event, cg_outputs *outputs,
                       cg_error *error) {
    queue_run *run = context;
    double ns = run->options->is_deterministic
                    ? service_ns
                    : cg_stream_next_exponential(&run->services, service_ns);
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, (uint64_t)(ns + 0.5));
    const cg_output answer = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = event->id}};
    return cg_outputs_add(outputs, &answer, 0, NULL, error);
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)error;
    queue_run *run = context;
    uint64_t customer = reply->request_id - 1;
    double time_ns = (double)(now_ns - ledger->start_ns);
    run->sum_ns += time_ns;
    if (customer >= run->cut) {
        run->sums_ns[(customer - run->cut) / run->batch] += time_ns;
    }
    return CG_OK;
}

static void integrate(queue_run *run, uint64_t now_ns) {
    uint64_t number = sim_host_waiting(run->host) + sim_host_running(run->host);
    run->area_ns += (double)number * (double)(now_ns - run->seen_ns);
    run->seen_ns = now_ns;
}

/* Everything due before at_ns, or at it, happens. */
static cg_status advance(queue_run *run, uint64_t at_ns, cg_error *error) {
    cg_status status = CG_OK;
    for (uint64_t next = sim_host_next_ns(run->host); status == CG_OK && next <= at_ns;
         next = sim_host_next_ns(run->host)) {
        integrate(run, next);
        status = sim_host_advance(run->host, next, error);
    }
    return status;
}

static cg_status arrive(queue_run *run, uint64_t customer, uint64_t at_ns, cg_error *error) {
    const sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                   .due_ns = at_ns,
                                   .sequence = customer,
                                   .id = customer + 1,
                                   .borrowed = true};
    cg_status status = advance(run, at_ns, error);
    if (status == CG_OK) {
        status = sim_host_deliver(run->host, &delivery, error);
    }
    return status == CG_OK ? advance(run, at_ns, error) : status;
}

static uint64_t customers_of(const queue_run *run) {
    return run->cut + run->batch * SIM_QUEUE_BATCHES;
}

static cg_status all_customers(queue_run *run, cg_error *error) {
    const sim_queue_options *options = run->options;
    const uint64_t count = customers_of(run);
    const double gap_ns = service_ns / (options->load * (double)options->servers);
    double at_ns = 0.0;
    cg_status status = CG_OK;
    for (uint64_t i = 0; status == CG_OK && i < count; i++) {
        at_ns += cg_stream_next_exponential(&run->arrivals, gap_ns);
        status = arrive(run, i, (uint64_t)at_ns, error);
    }
    return status == CG_OK ? advance(run, UINT64_MAX - 1, error) : status; /* the last ones */
}

static void conclude(const queue_run *run, sim_queue_result *out) {
    const double span_ns = (double)run->seen_ns;
    const double customers = (double)customers_of(run);
    double means[SIM_QUEUE_BATCHES];
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < SIM_QUEUE_BATCHES; i++) {
        means[i] = run->sums_ns[i] / ((double)run->batch * service_ns);
        sum += means[i] / SIM_QUEUE_BATCHES;
    }
    for (int i = 0; i < SIM_QUEUE_BATCHES; i++) {
        squares += (means[i] - sum) * (means[i] - sum);
    }
    double deviation = sqrt(squares / (SIM_QUEUE_BATCHES - 1));
    double half =
        sim_t_975(SIM_QUEUE_BATCHES - 1) * deviation / sqrt((double)SIM_QUEUE_BATCHES);
    *out = (sim_queue_result){.time = sum,
                              .low = sum - half,
                              .high = sum + half,
                              .number = run->area_ns / span_ns,
                              .rate = customers * service_ns / span_ns,
                              .time_all = run->sum_ns / (customers * service_ns)};
}

cg_status sim_queue_run(const sim_queue_options *options, sim_queue_result *out,
                        cg_error *error) {
    if (options->servers == 0 || !(options->load > 0.0 && options->load < 1.0) ||
        options->customers < CUSTOMERS_LEAST) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a queue of %u servers at load %g with %llu customers; it needs a "
                            "server, a load between 0 and 1, and %d customers",
                            options->servers, options->load,
                            (unsigned long long)options->customers, (int)CUSTOMERS_LEAST);
    }
    queue_run run = {.options = options,
                     .arrivals = cg_stream_init(options->seed, "validate.arrivals", 0),
                     .services = cg_stream_init(options->seed, "validate.services", 0),
                     .cut = options->customers / 10};
    run.batch = (options->customers - run.cut) / SIM_QUEUE_BATCHES;
    sim_profile profile = {.hash = 0};
    profile.entries[CG_WORK_STEP].per_unit_ps = 1000;
    const sim_host_options host = {.hosts = 1, .cores = options->servers};
    const sim_machine machine = {.step = serve, .context = &run};
    const sim_host_sink sink = {.reply = on_reply, .context = &run};
    cg_status status =
        sim_host_alloc(&host, &machine, &profile, &sink, cg_allocator_heap(), &run.host, error);
    if (status == CG_OK) {
        status = all_customers(&run, error);
    }
    if (status == CG_OK) {
        conclude(&run, out);
    }
    sim_host_free(run.host);
    return status;
}

/* --- all of them ---------------------------------------------------------- */

typedef struct one_task {
    sim_queue_options options;
    sim_queue_result result;
    cg_status status;
    cg_error error;
} one_task;

static void run_task(void *argument, uint32_t index, uint32_t worker) {
    (void)worker;
    one_task *task = (one_task *)argument + index;
    task->status = sim_queue_run(&task->options, &task->result, &task->error);
}

static uint64_t customers_at(double load, double length) {
    double correlation = 1.0 / ((1.0 - sqrt(load)) * (1.0 - sqrt(load)));
    double batch = correlations_in_batch * correlation;
    batch = length * (batch > BATCH_LEAST ? batch : (double)BATCH_LEAST);
    return (uint64_t)(batch * SIM_QUEUE_BATCHES / 0.9);
}

sim_queueing_options sim_queueing_options_default(bool is_quick) {
    return (sim_queueing_options){.seeds = is_quick ? SEEDS_QUICK : 100,
                                  .length = is_quick ? 0.3 : 1.0,
                                  .load_most = is_quick ? 0.8 : 1.0,
                                  .threads = 1};
}

static double time_of(const queue_system *system, double load) {
    return 1.0 + (system->is_deterministic ? sim_wait_md1(load)
                                           : sim_wait_mmc(system->servers, load));
}

typedef struct queue_tally {
    uint64_t covered;
    uint64_t runs;
} queue_tally;

/* The runs of one system at one load. */
static void report(const queue_system *system, double load, const one_task *tasks,
                   uint32_t seeds, queue_tally *tally, sim_findings *findings) {
    const double expected = time_of(system, load);
    double found = 0.0;
    double squares = 0.0;
    double number = 0.0;
    double little = 0.0; /* largest error */
    uint32_t covered = 0;
    for (uint32_t i = 0; i < seeds; i++) {
        const sim_queue_result *run = &tasks[i].result;
        found += run->time / seeds;
        number += run->number / seeds;
        covered += run->low <= expected && expected <= run->high;
        double off = fabs(run->number / (run->rate * run->time_all) - 1.0);
        little = off > little ? off : little;
    }
    for (uint32_t i = 0; i < seeds; i++) {
        squares += (tasks[i].result.time - found) * (tasks[i].result.time - found);
    }
    double standard = sqrt(squares / (seeds - 1.0) / seeds);
    double critical =
        seeds >= 100 ? 3.39 : 3.88; /* Student's t, 1 in 1,000; 99 and 19 degrees */
    sim_finding *row = sim_findings_add(findings, system->name);
    snprintf(row->set, sizeof row->set, "load %.2f, time in system", load);
    snprintf(row->expected, sizeof row->expected, "%.5f", expected);
    snprintf(row->found, sizeof row->found, "%.5f", found);
    snprintf(row->error, sizeof row->error, "%+.3f%% +- %.3f%%",
             100.0 * (found / expected - 1.0), 100.0 * standard / expected);
    snprintf(row->coverage, sizeof row->coverage, "%u of %u", covered, seeds);
    sim_findings_judge(findings, row, fabs(found - expected) <= critical * standard);
    double expected_number = expected * load * system->servers;
    row = sim_findings_add(findings, system->name);
    snprintf(row->set, sizeof row->set, "load %.2f, Little", load);
    snprintf(row->expected, sizeof row->expected, "%.5f", expected_number);
    snprintf(row->found, sizeof row->found, "%.5f", number);
    snprintf(row->error, sizeof row->error, "at most %.1e", little);
    sim_findings_judge(findings, row, little <= 1e-6);
    tally->covered += covered;
    tally->runs += seeds;
}

/* band: how far from 95% the share may be; 0: not judged. */
static void report_coverage(const char *what, const queue_tally *tally, double band,
                            sim_findings *findings) {
    double share = (double)tally->covered / (double)tally->runs;
    sim_finding *row = sim_findings_add(findings, what);
    snprintf(row->set, sizeof row->set, "intervals of %llu runs",
             (unsigned long long)tally->runs);
    snprintf(row->expected, sizeof row->expected, "95%%");
    if (band > 0.0) {
        snprintf(row->error, sizeof row->error, "+- %.0f points allowed", 100.0 * band);
    }
    snprintf(row->coverage, sizeof row->coverage, "%.1f%%", 100.0 * share);
    if (band > 0.0) {
        sim_findings_judge(findings, row, fabs(share - 0.95) <= band);
    }
}

/* The highest load that is asked for. */
static int first_load(const sim_queueing_options *options) {
    int first = 0;
    while (first + 1 < LOADS && loads[first] > options->load_most) {
        first++;
    }
    return first;
}

static void report_all(const one_task *tasks, const sim_queueing_options *options,
                       sim_findings *findings) {
    queue_tally all = {0};
    const bool is_judged = options->length >= 1.0 && options->seeds >= 100;
    for (int s = 0; s < SYSTEMS; s++) {
        queue_tally tally = {0};
        for (int l = LOADS - 1; l >= first_load(options); l--) {
            const size_t first = (size_t)(l - first_load(options)) * SYSTEMS + (size_t)s;
            report(&systems[s], loads[l], tasks + first * options->seeds, options->seeds,
                   &tally, findings);
        }
        report_coverage(systems[s].name, &tally, is_judged ? 0.03 : 0.0, findings);
        all.covered += tally.covered;
        all.runs += tally.runs;
    }
    report_coverage("queues", &all, is_judged ? 0.02 : 0.0, findings);
}

cg_status sim_validate_queueing(const sim_queueing_options *options, sim_findings *findings,
                                cg_error *error) {
    if (options->seeds < SEEDS_QUICK || options->seeds > SEEDS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u seeds; it must be %d to %d of them",
                            options->seeds, (int)SEEDS_QUICK, (int)SEEDS_MAX);
    }
    const int first = first_load(options);
    const uint32_t count = SYSTEMS * (uint32_t)(LOADS - first) * options->seeds;
    one_task *tasks = calloc(count, sizeof *tasks);
    if (!tasks) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u runs", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t system = i / options->seeds % SYSTEMS;
        double load = loads[(uint32_t)first + i / options->seeds / SYSTEMS];
        tasks[i].options =
            (sim_queue_options){.servers = systems[system].servers,
                                .is_deterministic = systems[system].is_deterministic,
                                .load = load,
                                .customers = customers_at(load, options->length),
                                .seed = (uint64_t)i + 1};
    }
    sim_thread_runner *threads = NULL;
    cg_status status = sim_thread_runner_alloc(options->threads, &threads, error);
    if (status == CG_OK) {
        const cg_runner runner = sim_thread_runner_view(threads);
        cg_runner_run(&runner, count, run_task, tasks);
    }
    sim_thread_runner_free(threads);
    for (uint32_t i = 0; status == CG_OK && i < count; i++) {
        status = tasks[i].status;
        if (status != CG_OK) {
            *error = tasks[i].error;
        }
    }
    if (status == CG_OK) {
        report_all(tasks, options, findings);
    }
    free(tasks);
    return status;
}
