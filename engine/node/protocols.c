/* Protocols that run within the node: what they send and when they are woken.
 *
 * Each has message types and timers of its own (node_internal.h), and an owner: of a group its
 * partition, of edges and spreads their memory space, of membership and searches 0.
 */
#include <string.h>

#include "engine/node/node_internal.h"

static cg_status send(void *context, uint32_t to, uint16_t type, const uint8_t *payload,
                      size_t size_bytes, cg_error *error) {
    const cg_protocol_place *place = context;
    cg_node *node = place->node;
    uint8_t *bytes = NULL;
    CG_ASSERT(type < CG_PROTOCOL_TYPES);
    cg_status status = cg_node_send(node, node->outputs, to, size_bytes, &bytes, error);
    if (status == CG_OK) {
        if (size_bytes > 0) {
            memcpy(bytes, payload, size_bytes);
        }
        uint32_t number =
            CG_MESSAGE_PROTOCOLS + (uint32_t)place->protocol * CG_PROTOCOL_TYPES + type;
        cg_node_seal_of(node, node->outputs, (uint16_t)number, place->owner);
    }
    return status;
}

static cg_status set_timer(void *context, uint64_t timer, uint64_t at_ns, cg_error *error) {
    const cg_protocol_place *place = context;
    CG_ASSERT(timer >> CG_PROTOCOL_OWNER_SHIFT == 0);
    uint64_t rest = timer | (uint64_t)place->owner << CG_PROTOCOL_OWNER_SHIFT |
                    (uint64_t)place->protocol << CG_PROTOCOL_SHIFT;
    return cg_node_set_timer(place->node->outputs, cg_timer_id(CG_TIMER_PROTOCOL, rest), at_ns,
                             error);
}

cg_port cg_protocol_port(cg_protocol_place *place) {
    return (cg_port){.send = send, .timer = set_timer, .context = place};
}

cg_status cg_protocol_receive(cg_node *node, const cg_protocol_message *message,
                              cg_error *error) {
    cg_status status = CG_ERROR_CORRUPT;
    switch (message->protocol) {
    case CG_PROTOCOL_GROUP:
        status = cg_groups_message(node, message, error);
        break;
    case CG_PROTOCOL_SWIM:
        status = cg_membership_message(node, message, error);
        break;
    case CG_PROTOCOL_EDGES:
        status = cg_edges_message(node, message, error);
        break;
    case CG_PROTOCOL_SPREAD:
        status = cg_across_message(node, message, error);
        break;
    case CG_PROTOCOL_GATHER:
        status = cg_gather_message(node, message, error);
        break;
    case CG_PROTOCOL_COUNT:
        break;
    }
    if (status == CG_ERROR_CORRUPT || status == CG_ERROR_VERSION) {
        node->statistics.messages_refused++;
        return CG_OK;
    }
    return status;
}

cg_status cg_protocol_timer(cg_node *node, uint64_t id, cg_error *error) {
    uint64_t rest = id & ((UINT64_C(1) << CG_TIMER_KIND_SHIFT) - 1);
    uint32_t owner = (uint32_t)(rest >> CG_PROTOCOL_OWNER_SHIFT & 0xFFFF);
    uint32_t number = (uint32_t)rest;
    switch ((cg_protocol)(rest >> CG_PROTOCOL_SHIFT)) {
    case CG_PROTOCOL_GROUP:
        return cg_groups_timer(node, owner, number, error);
    case CG_PROTOCOL_SWIM:
        return cg_membership_timer(node, number, error);
    case CG_PROTOCOL_EDGES:
        return cg_edges_timer(node, owner, number, error);
    case CG_PROTOCOL_SPREAD:
        return cg_across_timer(node, owner, number, error);
    case CG_PROTOCOL_GATHER:
        return cg_gather_timer(node, number, error);
    case CG_PROTOCOL_COUNT:
        break;
    }
    return CG_OK; /* none that this node has set */
}
