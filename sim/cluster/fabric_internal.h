/* What the files of the fabric share; nobody else includes it. */
#ifndef SIM_CLUSTER_FABRIC_INTERNAL_H
#define SIM_CLUSTER_FABRIC_INTERNAL_H

#include "engine/base/prng.h"
#include "sim/cluster/fabric.h"

/* What holds for a pair. Equal settings are kept once: padding is zero, and laws are named by
 * their index. */
typedef struct fabric_settings {
    uint64_t jitter_ns;
    uint64_t bits_per_s; /* 0: unlimited */
    double loss;
    double duplicate;
    double reorder;
    double corrupt;
    uint32_t latency; /* index of the law */
    uint32_t held;    /* of what a reordered message is held back by; 0: one more latency */
    uint32_t copies;
    uint32_t unused;
} fabric_settings;

typedef struct fabric_cut {
    uint64_t healed_ns; /* the partition is over from then on; UINT64_MAX: not yet */
    uint64_t period_ns; /* 0: it does not flap */
    uint64_t on_ns;
    char name[SIM_FABRIC_NAME_BYTES]; /* of a heal too */
} fabric_cut;

typedef struct fabric_change {
    uint64_t at_ns;
    sim_fabric_change_kind kind;
    uint32_t delay;  /* index of the law; 0: none */
    uint32_t copies; /* of a duplicate */
    uint32_t after;  /* settings of pairs that no change names, from here on */
    size_t healed;   /* partitions before this change's index no longer hold */
    uint64_t value;  /* ns or bits per second */
    double probability;
    sim_pairs pairs; /* not of a heal */
    fabric_cut cut;  /* PARTITION; its name: HEAL */
} fabric_change;

struct sim_fabric {
    sim_fabric_options options;
    cg_allocator allocator;
    fabric_change *changes; /* in the order of (time, order in which they were made) */
    size_t change_count;
    size_t change_capacity;
    sim_delay *delays; /* [0] is unused: 0 means none */
    size_t delay_count;
    size_t delay_capacity;
    fabric_settings *settings; /* [0]: before any change */
    size_t setting_count;
    size_t setting_capacity;
    uint32_t *setting_slots; /* open addressing: 0 or index + 1 */
    size_t slot_count;       /* 0 or a power of two */
    bool named;              /* some change of a setting names pairs */
    /* Time of the last look, its changes, and the partitions that hold, flapping or not. */
    uint64_t window_from_ns; /* [from, to) */
    uint64_t window_to_ns;
    size_t window_changes;
    size_t *holding; /* [holding_count], indices of changes; room for all of them */
    size_t holding_count;
    size_t holding_capacity;
    uint64_t **numbers; /* [from]: NULL or the next message's number, [to] */
    /* [from]: NULL or, for each [to], how many changes were looked at, in the upper half, and
     * the index of the settings that they made. */
    uint64_t **pairs;
    size_t applied_most; /* of all pairs */
    uint64_t **busy_ns;  /* [from]: NULL or until when the pair's line is taken, [to] */
    uint8_t *carried;    /* of sim_fabric_carry */
    size_t carried_capacity;
    cg_stream loss; /* entity is set for each pair */
    cg_stream latency;
    cg_stream jitter;
    cg_stream duplicate;
    cg_stream copies;
    cg_stream reorder;
    cg_stream held;
    cg_stream corrupt;
    cg_stream altered;
    sim_fabric_statistics statistics;
};

cg_status fabric_check_probability(const char *what, double value, cg_error *error);
cg_status fabric_check_delay(const char *what, uint64_t value_ns, cg_error *error);
cg_status fabric_check_copies(uint32_t copies, cg_error *error);

/* The index of the settings, which are kept once. fabric_settings.c, as far as
 * fabric_delay_add. */
cg_status fabric_settings_find(sim_fabric *fabric, const fabric_settings *wanted, uint32_t *out,
                               cg_error *error);
bool fabric_change_is_setting(const fabric_change *change);
/* The settings after the change, of settings before it. */
cg_status fabric_settings_apply(sim_fabric *fabric, const fabric_change *change,
                                uint32_t before, uint32_t *out, cg_error *error);
cg_status fabric_delay_add(sim_fabric *fabric, const sim_delay *delay, uint32_t *out,
                           cg_error *error);
/* Row `from` of rows, made where it is not there yet. */
cg_status fabric_row(sim_fabric *fabric, uint64_t **rows, uint32_t from, uint64_t **out,
                     cg_error *error);
/* fabric_changes.c. How many changes hold at at_ns: O(log changes). */
size_t fabric_changes_until(const sim_fabric *fabric, uint64_t at_ns);
/* Moves the window to at_ns. */
void fabric_look(sim_fabric *fabric, uint64_t at_ns);
/* Whether a partition that holds, of those in the window, cuts the pair now. */
bool fabric_cuts(const fabric_change *partition, uint32_t from, uint32_t to, uint64_t at_ns);
/* fabric_settings.c. What holds for the pair in the window. */
cg_status fabric_pair_settings(sim_fabric *fabric, uint32_t from, uint32_t to, uint32_t *out,
                               cg_error *error);

#endif
