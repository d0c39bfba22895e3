/* Winner-take-all across groups. The header says why it is exact.
 *
 * Normalisation: IEEE division and multiplication are monotone, so drives are in the order of
 * votes. A vote below the largest is at most largest * (1 - 2^-53), its quotient at most that,
 * and its drive at most 2^31 - 2: never the winner's.
 *
 * Merging: an entry that two others of different ids are ahead of in its own part has them ahead
 * of it in every whole; so what a part drops, no whole would place.
 *
 * Known value: votes 1, 0.5, 0 become drives 2147483647, 1073741823, 0.
 */
#include "engine/snn/wta.h"

#include <stdbool.h>

#include "engine/snn/lif.h"

double cg_wta_largest_vote(const double *votes, uint32_t count) {
    double largest = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        largest = votes[i] > largest ? votes[i] : largest;
    }
    return largest;
}

void cg_wta_drives(const double *votes, uint32_t count, double largest, uint32_t *drives) {
    for (uint32_t i = 0; i < count; i++) {
        if (!(votes[i] > 0.0) || !(largest > 0.0)) {
            drives[i] = 0;
        } else if (votes[i] >= largest) {
            drives[i] = CG_WTA_DRIVE_LARGEST;
        } else {
            drives[i] = (uint32_t)(votes[i] / largest * (double)(CG_WTA_DRIVE_LARGEST - 1));
        }
    }
}

/* A total order, so that no merge depends on who comes first. */
static bool ahead(const cg_champion *left, const cg_champion *right) {
    if (left->drive != right->drive) {
        return left->drive > right->drive;
    }
    if (left->id != right->id) {
        return left->id < right->id;
    }
    return left->source < right->source;
}

static void enter(cg_champions *into, const cg_champion *candidate) {
    if (into->places == 0) {
        *into = (cg_champions){*candidate, *candidate, 1};
    } else if (candidate->id == into->winner.id) {
        if (ahead(candidate, &into->winner)) {
            into->winner = *candidate;
        }
        if (into->places == 1) {
            into->runner_up = into->winner;
        }
    } else if (ahead(candidate, &into->winner)) {
        into->runner_up = into->winner;
        into->winner = *candidate;
        into->places = 2;
    } else if (into->places == 1 || ahead(candidate, &into->runner_up)) {
        into->runner_up = *candidate;
        into->places = 2;
    }
}

cg_champions cg_wta_champions(const uint32_t *drives, const uint64_t *ids, uint32_t count,
                              uint32_t source, cg_work *work) {
    cg_champions champions = {0};
    if (count == 0) {
        return champions;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (champions.places == 2 && drives[i] < champions.runner_up.drive) {
            continue; /* nearly all of them */
        }
        enter(&champions, &(cg_champion){ids[i], drives[i], source});
    }
    cg_work_count(work, CG_WORK_LIF_STEP, 1, count);
    (void)cg_lif_winner_step(champions.winner.drive, work);
    return champions;
}

cg_champions cg_wta_merge(const cg_champions *left, const cg_champions *right) {
    cg_champions merged = *left;
    if (right->places >= 1) {
        enter(&merged, &right->winner);
    }
    if (right->places >= 2) {
        enter(&merged, &right->runner_up);
    }
    return merged;
}

cg_wta_result cg_wta_settle(const cg_champions *champions, cg_work *work) {
    return (cg_wta_result){*champions, cg_lif_winner_step(champions->winner.drive, work)};
}

cg_wta_result cg_wta_compete_groups(const cg_wta_groups *groups, cg_work *work) {
    cg_champions all = {0};
    for (uint32_t group = 0; group < groups->group_count; group++) {
        uint32_t from = groups->offsets[group];
        cg_champions own = cg_wta_champions(groups->drives + from, groups->ids + from,
                                            groups->offsets[group + 1] - from, group, work);
        all = cg_wta_merge(&all, &own);
    }
    return cg_wta_settle(&all, work);
}
