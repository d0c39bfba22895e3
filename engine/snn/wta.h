/* Winner-take-all across groups of candidates: cores, hosts, or both (spec A4, F3).
 *
 * Each group runs its own competition, the winners compete again; winner, runner-up and the step
 * of the winner's spike are those of one flat competition, however the candidates are divided.
 * Two things make that exact.
 *
 * One unit. Inside a group the threshold is half of the group's largest drive, so every group's
 * champion spikes at the same step of its own clock, and spike times of different groups say
 * nothing about each other. What travels is therefore the drive, in a unit common to all groups:
 * votes are normalised by the largest vote of all candidates, and each host reports its largest
 * vote first. The last competition takes its threshold from the largest drive of all, as the flat
 * one does.
 *
 * Two places. The runner-up may come from the winner's group, so a group reports both. The first
 * two of a set are the first two of the first twos of its parts: merging is associative,
 * commutative, and, since an id counts once, idempotent, so reports may come in any order, in a
 * tree, or twice.
 *
 *   largest = max over hosts of cg_wta_largest_vote(its votes)
 *   each host: cg_wta_drives(largest), cg_wta_champions -> a message
 *   whoever gathers: cg_wta_merge over the reports, cg_wta_settle
 *
 * Ids are 64 bits, distinct over all groups, and decide ties: the smaller wins.
 */
#ifndef CG_ENGINE_SNN_WTA_H
#define CG_ENGINE_SNN_WTA_H

#include <stdint.h>

#include "engine/base/work.h"

/* The drive of the largest vote: 2^31 - 1. */
#define CG_WTA_DRIVE_LARGEST ((UINT32_C(1) << 31) - 1)

/* A candidate that may win. */
typedef struct cg_champion {
    uint64_t id;
    uint32_t drive;  /* in the unit common to all groups */
    uint32_t source; /* group, core or host that sent it: the caller's number */
} cg_champion;

/* What a group reports: a value, for messages. All zero: a group without candidates. */
typedef struct cg_champions {
    cg_champion winner;
    cg_champion runner_up; /* the winner when there is one candidate */
    uint32_t places;       /* 0: no candidate; 1: one; 2: two or more */
} cg_champions;

typedef struct cg_wta_result {
    cg_champions champions;
    uint32_t spike_step; /* of the winner; CG_LIF_STEPS_MAX: all drives zero, or no candidate */
} cg_wta_result;

/* Candidates divided among groups: group g holds those at offsets[g] .. offsets[g + 1] - 1. */
typedef struct cg_wta_groups {
    const uint32_t *drives;
    const uint64_t *ids;
    const uint32_t *offsets; /* [group_count + 1], ascending; groups may be empty */
    uint32_t group_count;
} cg_wta_groups;

/* The largest of votes[count], or 0 when none is above 0. A NaN counts as no vote. */
double cg_wta_largest_vote(const double *votes, uint32_t count);

/* Votes to drives[count], by the largest vote of all candidates everywhere:
 *
 *   drive = 2^31 - 1                             of the largest vote, and of none below it
 *           floor(vote / largest * (2^31 - 2))   of the others; 0 of votes not above 0 and NaN
 *
 * So the largest drive belongs to exactly those whose vote is the largest, ties included, and a
 * larger vote never has the smaller drive. Votes below the largest that differ by less than
 * 2^-31 of it may get the same drive. With largest <= 0 all drives are 0; a vote above `largest`
 * counts as the largest. */
void cg_wta_drives(const double *votes, uint32_t count, double largest, uint32_t *drives);

/* A group's own competition over drives[count], ids[count]; count may be 0. Counts work as
 * cg_lif_compete does. */
cg_champions cg_wta_champions(const uint32_t *drives, const uint64_t *ids, uint32_t count,
                              uint32_t source, cg_work *work);

/* The report of both groups together. Where one id comes with several drives the largest counts,
 * and where several sources send one id and drive, the smallest source. */
cg_champions cg_wta_merge(const cg_champions *left, const cg_champions *right);

/* The last competition: the spike of the winner. */
cg_wta_result cg_wta_settle(const cg_champions *champions, cg_work *work);

/* All of it for groups in one memory; the source of a champion is its group. */
cg_wta_result cg_wta_compete_groups(const cg_wta_groups *groups, cg_work *work);

#endif
