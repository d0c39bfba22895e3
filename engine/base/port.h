/* How a protocol without I/O speaks: whoever embeds it (engine/node) gives it a port.
 *
 * A call hands over what is to be done once the step that runs is paid; nothing comes back in the
 * call. All of it may fail with CG_ERROR_MEMORY alone, after which the node cannot go on.
 */
#ifndef CG_ENGINE_BASE_PORT_H
#define CG_ENGINE_BASE_PORT_H

#include "engine/base/status.h"

typedef struct cg_port {
    /* A message of the protocol's own `type` (from 0) to another host. payload: copied. */
    cg_status (*send)(void *context, uint32_t to, uint16_t type, const uint8_t *payload,
                      size_t size_bytes, cg_error *error);
    /* Wakes the protocol with `timer` (its own number, below 2^32) at at_ns, not before. A timer
     * cannot be taken back: the protocol tells stale ones from those that count. */
    cg_status (*timer)(void *context, uint64_t timer, uint64_t at_ns, cg_error *error);
    void *context;
} cg_port;

#endif
