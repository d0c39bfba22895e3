/* Fact by fact: what the history says may be, against what each member has in the end.
 *
 * Idea: of one fact the history fixes what is allowed: it may be there if an allocation may have
 * had effect, it must be if one was acknowledged and no deallocation may have had effect, it must
 * not be if a deallocation was acknowledged. A record that must be there and is not is lost; the
 * mode of its acknowledgement and the harms that happened say whether that is excused (loss.h).
 *
 * Source: the modes are spec F5 and F9. Differs from Jepsen's set tests, which know of neither
 * disk loss nor a mode that allows it.
 */
#include "sim/check/guarantees.h"

#include <stdlib.h>

#include "sim/check/epochs.h"
#include "sim/check/liveness.h"
#include "sim/check/loss.h"
#include "sim/check/registers.h"
#include "sim/check/tally.h"

/* What a request was given, to find what two were given: kind, where, which, by whom. */
typedef struct grant {
    uint64_t kind; /* 0: a fact's id; 1 + host of a slot */
    uint64_t space;
    uint64_t number;
    const sim_operation *operation;
} grant;

typedef struct judge {
    const sim_final_state *state;
    const sim_guarantee_options *options;
    sim_guarantee_report report;
    sim_tally tally;
    grant *grants;
    size_t grant_count;
    size_t grant_capacity;
    const sim_operation *excused; /* change of the fact at hand that may be lost */
} judge;

/* What the history says of one fact. */
typedef struct fact_story {
    const sim_operation *operations; /* [count] all of them */
    size_t count;
    uint64_t key;
    const sim_operation *first;       /* allocation of any outcome; NULL: none */
    const sim_operation *allocated;   /* acknowledged; NULL: none */
    const sim_operation *deallocated; /* acknowledged; NULL: none */
    bool may_be;                      /* some allocation may have had effect */
    bool may_be_removed;              /* some deallocation may have had effect */
    uint32_t acknowledged;            /* allocations */
} fact_story;

static fact_story tell(const sim_operation *operations, size_t count) {
    fact_story story = {.operations = operations, .count = count, .key = operations->key};
    for (size_t i = 0; i < count; ++i) {
        const sim_operation *operation = &operations[i];
        bool ok = operation->outcome == SIM_EFFECT_OK;
        bool may = operation->outcome != SIM_EFFECT_FAILED;
        if (operation->kind == SIM_OPERATION_ALLOCATE) {
            story.first = story.first ? story.first : operation;
            story.may_be = story.may_be || may;
            story.acknowledged += ok;
            story.allocated = ok && !story.allocated ? operation : story.allocated;
        } else if (operation->kind == SIM_OPERATION_DEALLOCATE) {
            story.may_be_removed = story.may_be_removed || may;
            story.deallocated = ok && !story.deallocated ? operation : story.deallocated;
        }
    }
    return story;
}

/* Counts a change that is not there, and says so unless it is excused. Whether it is. */
static bool judge_loss(judge *judging, const fact_story *story, const sim_operation *change,
                       const sim_loss_scene *scene, uint32_t host) {
    sim_mode_report *mode = &judging->report.modes[change->acknowledge];
    uint64_t window_ns = 0;
    sim_loss loss = sim_judge_loss(scene, change, &window_ns);
    if (loss == SIM_LOSS_WINDOW) {
        mode->lost_in_window++;
        mode->window_ns = window_ns > mode->window_ns ? window_ns : mode->window_ns;
        judging->excused = change;
        return true;
    }
    if (loss == SIM_LOSS_BEYOND) {
        mode->lost_beyond++;
        judging->excused = change;
        return true;
    }
    char text[SIM_OPERATION_TEXT_BYTES];
    bool removal = change->kind == SIM_OPERATION_DEALLOCATE;
    SIM_VIOLATION(&judging->tally, removal ? &judging->report.returned : &mode->lost,
                  "key %llu: operation %s was acknowledged at %s, but host %u %s",
                  (unsigned long long)story->key, sim_operation_text(change, text),
                  sim_mode_name(change->acknowledge), host,
                  removal ? "has the fact in the end" : "does not have the fact in the end");
    mode->lost += removal;
    return false;
}

static void judge_value(judge *judging, const fact_story *story, const sim_final_fact *final,
                        uint32_t host) {
    const sim_operation *allocated = story->allocated;
    char text[SIM_OPERATION_TEXT_BYTES];
    if (final->copies > 1) {
        SIM_VIOLATION(&judging->tally, &judging->report.twice,
                      "key %llu: host %u has the fact of operation %s %u times",
                      (unsigned long long)story->key, host,
                      sim_operation_text(story->first, text), final->copies);
    }
    if (allocated && allocated->has_value && final->has_value &&
        allocated->value != final->value) {
        SIM_VIOLATION(&judging->tally, &judging->report.altered,
                      "key %llu: host %u has value %llu, but operation %s was acknowledged",
                      (unsigned long long)story->key, host, (unsigned long long) final->value,
                      sim_operation_text(allocated, text));
    }
}

/* What the primary has. Whether an acknowledged fact is gone, with excuse. */
static bool judge_primary(judge *judging, const fact_story *story, const sim_final_fact *final,
                          const sim_loss_scene *scene) {
    uint32_t host = scene->members[0];
    char text[SIM_OPERATION_TEXT_BYTES];
    if (final->presence != SIM_PRESENCE_ABSENT && !story->may_be) {
        SIM_VIOLATION(&judging->tally, &judging->report.refused,
                      "key %llu: operation %s was refused with %s, but host %u has its fact",
                      (unsigned long long)story->key, sim_operation_text(story->first, text),
                      cg_status_name(story->first->status), host);
    }
    if (final->presence == SIM_PRESENCE_PRESENT) {
        if (story->deallocated) {
            (void)judge_loss(judging, story, story->deallocated, scene, host);
        }
        return false;
    }
    if (final->presence == SIM_PRESENCE_REMOVED && !story->may_be_removed) {
        SIM_VIOLATION(&judging->tally, &judging->report.vanished,
                      "key %llu: host %u has removed the fact of operation %s, which nobody "
                      "asked for",
                      (unsigned long long)story->key, host,
                      sim_operation_text(story->first, text));
        return false;
    }
    if (story->allocated && !story->may_be_removed) {
        return judge_loss(judging, story, story->allocated, scene, host);
    }
    return false;
}

/* A change of the fact that harms may have undone for a while, whatever is there in the end: it may have
 * come back from a host that was away, or have been asked for again. NULL: none. */
static const sim_operation *undone(const fact_story *story, const sim_loss_scene *scene) {
    for (size_t i = 0; i < story->count; ++i) {
        const sim_operation *change = &story->operations[i];
        bool changes =
            change->kind == SIM_OPERATION_ALLOCATE || change->kind == SIM_OPERATION_DEALLOCATE;
        if (changes && change->outcome != SIM_EFFECT_FAILED && sim_may_be_lost(scene, change)) {
            return change;
        }
    }
    return NULL;
}

/* Whether one of the members differs from the primary. */
static void judge_members(judge *judging, const fact_story *story,
                          const sim_loss_scene *scene) {
    sim_final_fact primary = {0};
    for (uint32_t i = 0; i < scene->member_count; ++i) {
        uint32_t host = scene->members[i];
        sim_final_fact final =
            judging->state->look(judging->state->context, story->key, story->first, host);
        if (final.presence == SIM_PRESENCE_PRESENT) {
            judge_value(judging, story, &final, host);
        }
        if (i == 0) {
            primary = final;
            continue;
        }
        bool there = final.presence == SIM_PRESENCE_PRESENT;
        bool at_primary = primary.presence == SIM_PRESENCE_PRESENT;
        bool other = there && at_primary && final.has_value && primary.has_value &&
                     final.value != primary.value;
        if (there != at_primary || other) {
            char text[SIM_OPERATION_TEXT_BYTES];
            SIM_VIOLATION(&judging->tally, &judging->report.diverged,
                          "key %llu: hosts %u and %u differ about the fact of operation %s: %s",
                          (unsigned long long)story->key, scene->members[0], host,
                          sim_operation_text(story->first, text),
                          other ? "its value" : "whether it is there");
        }
    }
}

static cg_status add_grants(judge *judging, const cg_allocator *allocator,
                            const sim_operation *allocated, cg_error *error) {
    cg_status status = CG_GROW(allocator, judging->grants, judging->grant_capacity,
                               judging->grant_count + 2, error);
    if (status != CG_OK) {
        return status;
    }
    if (allocated->fact_id != 0) {
        judging->grants[judging->grant_count++] =
            (grant){.number = allocated->fact_id, .operation = allocated};
    }
    if (allocated->has_slot && allocated->has_answer) {
        judging->grants[judging->grant_count++] =
            (grant){.kind = UINT64_C(1) + allocated->host_answered,
                    .space = allocated->space,
                    .number = allocated->slot,
                    .operation = allocated};
    }
    return CG_OK;
}

static cg_status judge_fact(judge *judging, const cg_allocator *allocator,
                            const fact_story *story, cg_error *error) {
    bool excused = false;
    judging->excused = NULL;
    judging->report.facts++;
    if (story->allocated) {
        judging->report.modes[story->allocated->acknowledge].acknowledged++;
    }
    if (story->acknowledged > 1) {
        char text[SIM_OPERATION_TEXT_BYTES];
        SIM_VIOLATION(&judging->tally, &judging->report.twice,
                      "key %llu was allocated %u times with acknowledgement, first by "
                      "operation %s",
                      (unsigned long long)story->key, story->acknowledged,
                      sim_operation_text(story->allocated, text));
    }
    if (judging->state) {
        sim_loss_scene scene = {.state = judging->state,
                                .key = story->key,
                                .witnesses = judging->options->witnesses,
                                .harms = judging->options->harms,
                                .harm_count = judging->options->harm_count};
        cg_status status = sim_loss_scene_set(&scene, story->first, error);
        if (status != CG_OK) {
            return status;
        }
        sim_final_fact primary = judging->state->look(judging->state->context, story->key,
                                                      story->first, scene.members[0]);
        excused = judge_primary(judging, story, &primary, &scene);
        judging->excused = judging->excused ? judging->excused : undone(story, &scene);
        if (!judging->options->settled) {
            scene.member_count = 1;
        }
        judge_members(judging, story, &scene);
    }
    if (judging->excused && judging->options->excused) {
        cg_status status =
            cg_table_put(judging->options->excused, story->key, judging->excused->id, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return story->allocated && !excused
               ? add_grants(judging, allocator, story->allocated, error)
               : CG_OK;
}

static int by_grant(const void *left, const void *right) {
    const grant *a = left;
    const grant *b = right;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->space != b->space) {
        return a->space < b->space ? -1 : 1;
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return (a->operation->key > b->operation->key) - (a->operation->key < b->operation->key);
}

static void judge_grants(judge *judging) {
    if (judging->grant_count == 0) {
        return;
    }
    qsort(judging->grants, judging->grant_count, sizeof *judging->grants, by_grant);
    for (size_t i = 1; i < judging->grant_count; ++i) {
        const grant *one = &judging->grants[i - 1];
        const grant *other = &judging->grants[i];
        if (one->kind != other->kind || one->space != other->space ||
            one->number != other->number) {
            continue;
        }
        char text[2][SIM_OPERATION_TEXT_BYTES];
        SIM_VIOLATION(&judging->tally, &judging->report.shared,
                      "%s %llu was given to operation %s and to operation %s",
                      one->kind == 0 ? "fact" : "slot", (unsigned long long)one->number,
                      sim_operation_text(one->operation, text[0]),
                      sim_operation_text(other->operation, text[1]));
    }
}

static cg_status judge_all(judge *judging, const cg_allocator *allocator,
                           const sim_registers *registers, cg_error *error) {
    cg_status status = CG_OK;
    for (size_t at = 0; status == CG_OK && at < registers->count;) {
        size_t count = sim_registers_next(registers, at);
        fact_story story = tell(&registers->operations[at], count);
        if (story.first) {
            status = judge_fact(judging, allocator, &story, error);
        }
        at += count;
    }
    if (status == CG_OK) {
        judge_grants(judging);
    }
    cg_deallocate(allocator, judging->grants, judging->grant_capacity, sizeof *judging->grants);
    return status;
}

static cg_status check_input(const sim_final_state *state, const sim_guarantee_options *options,
                             cg_error *error) {
    if (state && (!state->members || !state->look)) {
        return cg_error_set(error, CG_ERROR_INVALID, "the final state has no callback for %s",
                            state->members ? "what a host has" : "the members of a group");
    }
    for (size_t i = 0; i < options->harm_count; ++i) {
        if ((unsigned)options->harms[i].kind >= SIM_HARM_KIND_COUNT) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "harm %zu, of host %u at %llu ns, has kind %u, not 0..%u", i,
                                options->harms[i].host,
                                (unsigned long long)options->harms[i].at_ns,
                                (unsigned)options->harms[i].kind, SIM_HARM_KIND_COUNT - 1);
        }
    }
    return CG_OK;
}

cg_status sim_check_guarantees(cg_allocator allocator, const sim_history *history,
                               const sim_final_state *state,
                               const sim_guarantee_options *options,
                               sim_guarantee_report *report, cg_error *error) {
    cg_status status = check_input(state, options, error);
    if (status != CG_OK) {
        return status;
    }
    judge judging = {.state = state, .options = options};
    sim_registers registers;
    status = sim_registers_init(&registers, allocator, history, error);
    if (status == CG_OK) {
        status = judge_all(&judging, &allocator, &registers, error);
    }
    if (status == CG_OK && state && state->group) {
        status = sim_check_epochs(&registers, state, &judging.report, &judging.tally, error);
    }
    if (status == CG_OK) {
        sim_check_liveness(history, options, &judging.report, &judging.tally);
        judging.report.violations = judging.tally.violations;
        *report = judging.report;
        status = sim_tally_status(&judging.tally, error);
    }
    sim_registers_deinit(&registers);
    return status;
}
