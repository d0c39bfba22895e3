/* The first event of a life: what the journal says, and the beginning of all protocols.
 *
 * The state is what the journal's frames make of nothing, in order, up to the first that is not whole.
 * What stands there is cut off, so that later writes are found again. A torn tail is what a crash leaves,
 * and nothing that anybody was told of; but where whole frames follow, or the last one is there to its
 * end, the disk has changed what it was given: then this host counts as one that forgot (engine/replica/group.h), like one whose disk is new.
 *
 * On a disk that is not the first one a frame says in which life it was taken up. It is written behind
 * all else that this host must remember of having forgotten: a disk without it has not been taken up.
 */
#include <string.h>

#include "engine/node/node_internal.h"

/* Gives a frame to whom it belongs. CG_ERROR_CORRUPT: it belongs to nobody, or makes no sense. */
static cg_status replay_frame(cg_node *node, const cg_frame *frame, cg_error *error) {
    node->statistics.frames_replayed++;
    if (frame->kind == CG_FRAME_LIFE) {
        return CG_OK; /* life_of has read it */
    }
    if (frame->kind == CG_FRAME_EDGES) {
        return cg_edges_replay(node, frame, error);
    }
    cg_holding *holding = cg_node_holding(node, frame->owner);
    return holding ? cg_group_replay(holding->group, frame, error)
                   : cg_error_set(error, CG_ERROR_CORRUPT,
                                  "a frame of partition %u, in which this host has no voice",
                                  frame->owner);
}

/* The life in which the disk was new, or forgot: what this host is called by others. */
static uint64_t life_of(const uint8_t *image, size_t size_bytes, bool *is_altered) {
    uint64_t life = 0;
    size_t offset = 0;
    cg_frame frame;
    *is_altered = false;
    do {
        while (cg_frame_next(image, size_bytes, &offset, &frame)) {
            if (frame.kind == CG_FRAME_LIFE) {
                (void)cg_frame_life(&frame, &life, NULL);
            }
        }
    } while (!*is_altered && (*is_altered = cg_journal_resume(image, size_bytes, &offset)));
    *is_altered |= offset < size_bytes && !cg_journal_is_torn(image, size_bytes, offset);
    return life;
}

/* All frames that can be used, in order; *sound_bytes: where they end. A whole one that makes no sense is
 * as good as altered. */
static cg_status replay(cg_node *node, const uint8_t *image, size_t size_bytes,
                        size_t *sound_bytes, bool *is_altered, cg_error *error) {
    cg_status status = CG_OK;
    size_t offset = 0;
    cg_frame frame;
    *sound_bytes = 0;
    while (status == CG_OK && cg_frame_next(image, size_bytes, &offset, &frame)) {
        status = replay_frame(node, &frame, error);
        *sound_bytes = status == CG_OK ? offset : *sound_bytes;
    }
    *is_altered |= status == CG_ERROR_CORRUPT;
    return status == CG_ERROR_CORRUPT ? CG_OK : status;
}

/* What is not sound goes. Of what was altered no trace is left then: that this host forgot, the journal has
 * to say from the same instant on. */
static cg_status cut_off(cg_node *node, const cg_event *event, size_t sound_bytes,
                         bool is_altered, cg_error *error) {
    if (sound_bytes == event->size_bytes) {
        return CG_OK;
    }
    cg_output truncate = {.kind = CG_OUTPUT_TRUNCATE, .id = is_altered ? event->id : 0};
    cg_status status = cg_outputs_add(node->outputs, &truncate, 0, NULL, error);
    if (status == CG_OK) {
        node->outputs->items[node->outputs->count - 1].size_bytes = sound_bytes;
    }
    return status;
}

static cg_status take_up(cg_node *node, const cg_event *event, cg_error *error) {
    cg_output write = {.kind = CG_OUTPUT_WRITE, .id = cg_write_token(CG_NODE_NOBODY, 0)};
    uint8_t *bytes = NULL;
    cg_status status =
        cg_outputs_add(node->outputs, &write, cg_frame_bytes(sizeof(uint64_t)), &bytes, error);
    if (status == CG_OK) {
        cg_frame_write_life(event->id, bytes);
    }
    return status;
}

cg_status cg_start_protocols(cg_node *node, const cg_group_start *start, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < node->options.spaces; ++i) {
        cg_space *space = &node->spaces[i];
        for (uint32_t j = 0; status == CG_OK && j < space->holding_count; ++j) {
            status = cg_group_begin(space->holdings[j].group, start, error);
        }
        if (status == CG_OK) {
            status = cg_across_alloc(space, error);
        }
    }
    if (status == CG_OK) {
        status = cg_edges_open(node, error);
    }
    if (status == CG_OK && node->swim) {
        status = cg_swim_begin(node->swim, node->now_ns, error);
    }
    node->has_begun = status == CG_OK;
    return status;
}

cg_status cg_start(cg_node *node, const cg_event *event, cg_error *error) {
    if (node->has_begun) {
        return CG_OK; /* a node begins once */
    }
    bool is_altered = false;
    size_t sound_bytes = 0;
    uint64_t disk_life = life_of(event->bytes, event->size_bytes, &is_altered);
    bool is_lost = (event->flags & CG_START_DISK_LOST) != 0 || event->disk_life > disk_life;
    disk_life = is_lost || is_altered ? event->id : disk_life;
    cg_status status = cg_edges_begin(node, disk_life, error);
    if (status == CG_OK) {
        status =
            replay(node, event->bytes, event->size_bytes, &sound_bytes, &is_altered, error);
    }
    disk_life = is_altered ? event->id : disk_life;
    if (status != CG_OK) {
        return status;
    }
    bool forgot = event->id > 0 && (is_lost || is_altered);
    node->statistics.starts += event->id > 0;
    node->statistics.torn_tails += !forgot && sound_bytes < event->size_bytes;
    node->statistics.journals_altered += is_altered;
    status = cut_off(node, event, sound_bytes, is_altered, error);
    const cg_group_start start = {
        .now_ns = event->now_ns, .life = event->id, .disk_life = disk_life, .forgot = forgot};
    if (status == CG_OK) {
        status = cg_start_protocols(node, &start, error);
    }
    return status == CG_OK && (is_lost || is_altered) ? take_up(node, event, error) : status;
}
