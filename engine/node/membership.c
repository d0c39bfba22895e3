/* Who is there: SWIM (engine/replica/swim.h), and what follows from it.
 *
 * Hosts that are held to be dead are not asked, and a request whose keepers all are is refused at once.
 * Groups do not listen to it: a primary that its replicas cannot hear is none, whoever else can.
 */
#include <stdio.h>

#include "engine/node/node_internal.h"

enum { NAMES_BYTES = 160 };

/* "0, 2..4": the hosts that are, or are not, dead. */
static void name_hosts(const cg_swim *swim, uint32_t hosts, bool dead, char text[NAMES_BYTES]) {
    int used = 0;
    text[0] = '\0';
    for (uint32_t host = 0; host < hosts && used < NAMES_BYTES - 32; ++host) {
        if ((cg_swim_state(swim, host) == CG_SWIM_DEAD) != dead) {
            continue;
        }
        uint32_t last = host;
        while (last + 1 < hosts && (cg_swim_state(swim, last + 1) == CG_SWIM_DEAD) == dead) {
            last++;
        }
        const char *comma = used > 0 ? ", " : "";
        used += last == host
                    ? snprintf(text + used, (size_t)(NAMES_BYTES - used), "%s%u", comma, host)
                    : snprintf(text + used, (size_t)(NAMES_BYTES - used), "%s%u..%u", comma,
                               host, last);
        host = last;
    }
}

/* One alert when the half of all hosts, or more, is gone, and one when it is back. */
static cg_status tell(cg_node *node, bool is_cut, cg_error *error) {
    char reached[NAMES_BYTES];
    char missing[NAMES_BYTES];
    char text[2 * NAMES_BYTES + 64];
    uint32_t hosts = node->options.hosts;
    name_hosts(node->swim, hosts, false, reached);
    name_hosts(node->swim, hosts, true, missing);
    if (is_cut) {
        snprintf(text, sizeof text, "partition: reaches hosts %s; not %s", reached, missing);
    } else {
        snprintf(text, sizeof text, "partition over: reaches hosts %s", reached);
    }
    return cg_node_alert(node->outputs, is_cut ? CG_CRITICAL : CG_INFO, text, error);
}

static cg_status changed(void *context, uint32_t host, cg_swim_liveness liveness,
                         uint32_t incarnation, cg_error *error) {
    (void)host;
    (void)incarnation;
    cg_node *node = context;
    node->statistics.deaths_seen += liveness == CG_SWIM_DEAD;
    bool is_cut = 2 * cg_swim_count(node->swim, CG_SWIM_DEAD) >= node->options.hosts;
    if (is_cut == node->is_cut) {
        return CG_OK;
    }
    node->is_cut = is_cut;
    node->statistics.partitions_seen += is_cut;
    return tell(node, is_cut, error);
}

cg_status cg_membership_alloc(cg_node *node, cg_error *error) {
    if (!node->options.fails_over || node->options.hosts < 2) {
        return CG_OK;
    }
    node->swim_place = (cg_protocol_place){node, CG_PROTOCOL_SWIM, 0};
    cg_port port = cg_protocol_port(&node->swim_place);
    cg_swim_options options = cg_swim_options_default();
    options.host = node->options.host;
    options.hosts = node->options.hosts;
    options.seed = node->options.seed;
    options.changed = changed;
    options.context = node;
    return cg_swim_alloc(&options, &port, node->allocator, &node->swim, error);
}

cg_status cg_membership_message(cg_node *node, const cg_protocol_message *message,
                                cg_error *error) {
    return node->swim
               ? cg_swim_receive(node->swim, message->from, message->type, message->payload,
                                 message->size_bytes, node->now_ns, error)
               : CG_ERROR_CORRUPT;
}

cg_status cg_membership_timer(cg_node *node, uint32_t number, cg_error *error) {
    return node->swim ? cg_swim_timer(node->swim, number, node->now_ns, error) : CG_OK;
}

bool cg_membership_reaches(const cg_node *node, uint32_t host) {
    return !node->swim || cg_swim_state(node->swim, host) != CG_SWIM_DEAD;
}
