/* Changes that were acknowledged at quorum or all, by group, epoch and host: where neighbours have
 * one epoch but two hosts, a stale primary went on, or an epoch was granted twice. Changes
 * acknowledged at primary alone are none of it: both sides of a partition may make those.
 */
#include "sim/check/epochs.h"

#include <stdlib.h>

typedef struct reign {
    uint64_t group;
    const sim_operation *operation;
} reign;

static int compare(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int by_epoch(const void *left, const void *right) {
    const reign *a = left;
    const reign *b = right;
    int order = compare(a->group, b->group);
    order = order ? order : compare(a->operation->epoch, b->operation->epoch);
    order = order ? order : compare(a->operation->host_answered, b->operation->host_answered);
    order = order ? order : compare(a->operation->id, b->operation->id);
    return order ? order : compare(a->operation->key, b->operation->key);
}

static bool is_of_epoch(const sim_operation *operation) {
    return operation->outcome == SIM_EFFECT_OK && operation->kind != SIM_OPERATION_GET &&
           operation->has_answer && operation->epoch != 0 &&
           (operation->acknowledge == SIM_MODE_QUORUM ||
            operation->acknowledge == SIM_MODE_ALL);
}

static void compare_neighbours(const reign *reigns, size_t count, sim_guarantee_report *report,
                               sim_tally *tally) {
    for (size_t i = 1; i < count; ++i) {
        const sim_operation *one = reigns[i - 1].operation;
        const sim_operation *other = reigns[i].operation;
        if (reigns[i - 1].group != reigns[i].group || one->epoch != other->epoch ||
            one->host_answered == other->host_answered) {
            continue;
        }
        char text[2][SIM_OPERATION_TEXT_BYTES];
        SIM_VIOLATION(
            tally, &report->usurped,
            "in epoch %llu of group %llu hosts %u and %u both acknowledged: operations "
            "%s and %s",
            (unsigned long long)one->epoch, (unsigned long long)reigns[i].group,
            one->host_answered, other->host_answered, sim_operation_text(one, text[0]),
            sim_operation_text(other, text[1]));
    }
}

cg_status sim_check_epochs(const sim_registers *registers, const sim_final_state *state,
                           sim_guarantee_report *report, sim_tally *tally, cg_error *error) {
    if (registers->count == 0) {
        return CG_OK;
    }
    reign *reigns = cg_allocate(&registers->allocator, registers->count, sizeof *reigns);
    if (!reigns) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to check the epochs of %zu changes", registers->count);
    }
    size_t count = 0;
    for (size_t i = 0; i < registers->count; ++i) {
        const sim_operation *operation = &registers->operations[i];
        if (is_of_epoch(operation)) {
            uint64_t group = state->group(state->context, operation->key, operation);
            reigns[count++] = (reign){.group = group, .operation = operation};
        }
    }
    qsort(reigns, count, sizeof *reigns, by_epoch);
    compare_neighbours(reigns, count, report, tally);
    cg_deallocate(&registers->allocator, reigns, registers->count, sizeof *reigns);
    return CG_OK;
}
