/* Whether the loss of one acknowledged record is excused (inside sim/check alone; the rules are in
 * guarantees.h). */
#ifndef SIM_CHECK_LOSS_H
#define SIM_CHECK_LOSS_H

#include "sim/check/guarantees.h"

typedef enum sim_loss {
    SIM_LOSS_WINDOW, /* the only host that had it lost it */
    SIM_LOSS_BEYOND, /* more was lost than the mode tolerates */
    SIM_LOSS_VIOLATION
} sim_loss;

typedef struct sim_loss_scene {
    const sim_final_state *state;
    uint64_t key;
    const sim_harm *harms;
    size_t harm_count;
    uint32_t members[SIM_MEMBERS_MAX];
    uint32_t member_count;
    uint32_t witnesses;
} sim_loss_scene;

/* Fills members from the callback; CG_ERROR_INVALID when it gives none or too many. */
cg_status sim_loss_scene_set(sim_loss_scene *scene, const sim_operation *operation,
                             cg_error *error);

/* Whether harms may have undone the change, acknowledged or not: who answered may not be known then. */
bool sim_may_be_lost(const sim_loss_scene *scene, const sim_operation *change);

/* change: acknowledged, and not there in the end. *window_ns is set for SIM_LOSS_WINDOW. */
sim_loss sim_judge_loss(const sim_loss_scene *scene, const sim_operation *change,
                        uint64_t *window_ns);

#endif
