#include "sim/host/traffic.h"

#include "engine/base/math.h"

/* In eighths of a byte, since a 1-bit row has that much a dimension. */
typedef struct traffic {
    uint16_t of_operation;
    uint16_t of_unit;
} traffic;

enum { BYTE = 8, LINE = 64 * BYTE };

/* Kinds that are not named move nothing. */
static const traffic table[CG_WORK_KIND_COUNT] = {
    [CG_WORK_STEP] = {0, BYTE},
    [CG_WORK_DISTANCE_F32] = {LINE, 4 * BYTE},
    [CG_WORK_DISTANCE_F16] = {LINE, 2 * BYTE},
    [CG_WORK_DISTANCE_I8] = {LINE, BYTE},
    [CG_WORK_DISTANCE_I4] = {LINE, BYTE / 2},
    [CG_WORK_DISTANCE_I1] = {LINE, BYTE / 8},
    [CG_WORK_DISTANCE_SPARSE] = {LINE, 8 * BYTE}, /* feature and weight */
    [CG_WORK_SPIKE_DISTANCE] = {LINE, 4 * BYTE},
    [CG_WORK_INDEX_HOP] = {LINE, 4 * BYTE},
    [CG_WORK_INDEX_LINK] = {LINE, 4 * BYTE},
    [CG_WORK_GRAPH_READ] = {LINE, 12 * BYTE},    /* target, type, weight */
    [CG_WORK_SPREAD] = {LINE, 12 * BYTE + LINE}, /* and the record that it leads to */
    [CG_WORK_COLUMN_VOTE] = {0, LINE},           /* a candidate's record */
    [CG_WORK_TIER_L2] = {0, BYTE},
    [CG_WORK_TIER_L3] = {0, BYTE},
    [CG_WORK_TIER_L4] = {0, BYTE},
    [CG_WORK_TIER_STORE] = {0, BYTE},
    [CG_WORK_SLOT] = {LINE, BYTE},
    [CG_WORK_CACHE] = {LINE, BYTE},
    [CG_WORK_LOG_APPEND] = {0, 2 * BYTE}, /* read and written */
    [CG_WORK_MESSAGE] = {0, 2 * BYTE},
};

static uint64_t sum(uint64_t total, uint64_t count, uint64_t each) {
    uint64_t product = each == 0 ? 0 : cg_mul_div(count, each, 1);
    return product > UINT64_MAX - total ? UINT64_MAX : total + product;
}

uint64_t sim_traffic_bytes(const cg_work *work) {
    uint64_t eighths = 0;
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; ++kind) {
        eighths = sum(eighths, work->operations[kind], table[kind].of_operation);
        eighths = sum(eighths, work->units[kind], table[kind].of_unit);
    }
    return eighths / BYTE + (eighths % BYTE != 0);
}
