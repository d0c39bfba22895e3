#include "sim/point/measure.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_ROWS_MAX = 16, NEAR_HOPS = 2 };

cg_status sim_measure_init(sim_measure *measure, const sim_facts *facts,
                           const sim_workload *workload, cg_error *error) {
    memset(measure, 0, sizeof *measure);
    measure->allocator = cg_allocator_heap();
    measure->facts = facts;
    cg_histogram_init(&measure->answered_ns, measure->allocator);
    measure->requests =
        cg_allocate(&measure->allocator, workload->count, sizeof *measure->requests);
    if (!measure->requests) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the records of %u requests",
                            workload->count);
    }
    measure->request_count = workload->count;
    for (uint32_t i = 0; i < workload->count; ++i) {
        measure->requests[i].start_ns = workload->requests[i].at_ns;
        measure->requests[i].fact = workload->requests[i].fact;
        measure->requests[i].space = workload->requests[i].space;
    }
    return CG_OK;
}

void sim_measure_deinit(sim_measure *measure) {
    cg_deallocate(&measure->allocator, measure->requests, measure->request_count,
                  sizeof *measure->requests);
    cg_deallocate(&measure->allocator, measure->samples, measure->sample_capacity,
                  sizeof *measure->samples);
    cg_deallocate(&measure->allocator, measure->marks, measure->mark_capacity,
                  sizeof *measure->marks);
    cg_deallocate(&measure->allocator, measure->alerts, measure->alert_capacity,
                  sizeof *measure->alerts);
    cg_histogram_deinit(&measure->answered_ns);
    memset(measure, 0, sizeof *measure);
}

/* Against the true answer. Concepts that the run itself allocated are no answer to anything. */
static void judge(const sim_measure *measure, sim_request_record *record) {
    uint32_t rows[ANSWER_ROWS_MAX];
    uint32_t count = sim_facts_answer(measure->facts, record->fact, rows, ANSWER_ROWS_MAX);
    const cg_graph *graph = sim_ground_corpus(measure->facts->ground)->graph;
    uint32_t concepts = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < record->reply.alternative_count; ++i) {
        uint32_t alternative = record->reply.alternatives[i];
        for (uint32_t j = 0; alternative < concepts && j < count; ++j) {
            if (alternative == rows[j] && record->answer_rank == 0) {
                record->answer_rank = i + 1;
            }
            if (!record->answer_near &&
                cg_graph_tree_distance(graph, alternative, rows[j], NEAR_HOPS) <= NEAR_HOPS) {
                record->answer_near = true;
                record->winner_near = i == 0; /* the winner is the first alternative */
            }
        }
    }
}

cg_status sim_measure_reply(sim_measure *measure, uint64_t now_ns, const cg_reply *reply,
                            const sim_ledger *ledger, cg_error *error) {
    CG_ASSERT(reply->request_id >= 1 && reply->request_id <= measure->request_count);
    sim_request_record *record = &measure->requests[reply->request_id - 1];
    if (record->replied) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "request %llu was answered twice",
                            (unsigned long long)reply->request_id);
    }
    record->replied = true;
    record->replied_ns = now_ns;
    record->reply = *reply;
    record->ledger = *ledger;
    measure->replied_count++;
    measure->last_reply_ns = now_ns;
    if (!sim_request_acknowledged(record)) {
        return CG_OK;
    }
    if (sim_request_judged(record)) {
        judge(measure, record);
    }
    return cg_histogram_record(&measure->answered_ns, now_ns - record->start_ns, 1, error);
}

uint32_t sim_measure_offered(sim_measure *measure, uint64_t now_ns) {
    while (measure->offered_count < measure->request_count &&
           measure->requests[measure->offered_count].start_ns <= now_ns) {
        measure->offered_count++; /* in order of intended start */
    }
    return measure->offered_count;
}

void sim_measure_end(sim_measure *measure, uint64_t ended_ns) {
    while (measure->mark_count > 0 &&
           measure->marks[measure->mark_count - 1].time_ns > ended_ns) {
        measure->mark_count--;
    }
}

cg_status sim_measure_sample(sim_measure *measure, const sim_sample *sample, cg_error *error) {
    cg_status status = CG_GROW(&measure->allocator, measure->samples, measure->sample_capacity,
                               measure->sample_count + 1, error);
    if (status == CG_OK) {
        measure->samples[measure->sample_count++] = *sample;
    }
    return status;
}

cg_status sim_measure_alert(sim_measure *measure, uint64_t time_ns, uint32_t host,
                            cg_severity severity, const char *text, cg_error *error) {
    cg_status status = CG_GROW(&measure->allocator, measure->alerts, measure->alert_capacity,
                               measure->alert_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    sim_alert *alert = &measure->alerts[measure->alert_count++];
    alert->time_ns = time_ns;
    alert->severity = severity;
    snprintf(alert->text, sizeof alert->text, "host %u: %s", host, text);
    return CG_OK;
}

cg_status sim_measure_mark(sim_measure *measure, uint64_t time_ns, const char *kind,
                           const char *text, cg_error *error) {
    cg_status status = CG_GROW(&measure->allocator, measure->marks, measure->mark_capacity,
                               measure->mark_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    /* Marks stay in order of time; those of one time in the order made. */
    size_t place = measure->mark_count++;
    while (place > 0 && measure->marks[place - 1].time_ns > time_ns) {
        measure->marks[place] = measure->marks[place - 1];
        place--;
    }
    sim_mark *mark = &measure->marks[place];
    mark->time_ns = time_ns;
    mark->kind = kind;
    snprintf(mark->text, sizeof mark->text, "%s", text);
    return CG_OK;
}

sim_phase sim_measure_phase(const sim_measure *measure, uint64_t time_ns) {
    sim_phase phase = SIM_PHASE_WHOLE;
    for (size_t i = 0; i < measure->mark_count; ++i) {
        const sim_mark *mark = &measure->marks[i];
        bool partition = strcmp(mark->kind, "partition") == 0;
        bool heal = strcmp(mark->kind, "heal") == 0;
        if (partition && phase == SIM_PHASE_WHOLE) {
            phase = SIM_PHASE_BEFORE;
        }
        if (mark->time_ns <= time_ns && partition) {
            phase = SIM_PHASE_DURING;
        }
        if (mark->time_ns <= time_ns && heal && phase == SIM_PHASE_DURING) {
            phase = SIM_PHASE_AFTER;
        }
    }
    return phase;
}
