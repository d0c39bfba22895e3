/* Parcels, jobs and open requests: made when needed, given back, never freed before the host. */
#include <string.h>

#include "sim/host/host_internal.h"

/* --- parcels and jobs ------------------------------------------------------- */

void sim_parcel_give(sim_host *host, sim_parcel *given) {
    given->next = host->free_parcels;
    host->free_parcels = given;
}

sim_parcel *sim_parcel_take(sim_host *host, const sim_delivery *delivery, cg_error *error) {
    sim_parcel *taken = host->free_parcels;
    if (taken) {
        host->free_parcels = taken->next;
    } else {
        taken = cg_allocate(&host->allocator, 1, sizeof *taken);
        if (!taken) {
            (void)cg_error_set(error, CG_ERROR_MEMORY, "no memory for a delivery to host %u",
                               host->options.host);
            return NULL;
        }
        taken->next_made = host->made_parcels;
        host->made_parcels = taken;
    }
    taken->next = NULL;
    taken->delivery = *delivery;
    taken->journal_end = 0;
    if (!delivery->borrowed && delivery->size_bytes > 0) {
        CG_ASSERT(delivery->bytes);
        void *buffer = taken->buffer;
        if (cg_grow(&host->allocator, &buffer, &taken->buffer_bytes, delivery->size_bytes, 1,
                    error) != CG_OK) {
            sim_parcel_give(host, taken);
            return NULL;
        }
        taken->buffer = buffer;
        memcpy(taken->buffer, delivery->bytes, delivery->size_bytes);
        taken->delivery.bytes = taken->buffer;
    }
    return taken;
}

sim_job *sim_job_take(sim_host *host) {
    sim_job *taken = host->free_jobs;
    if (taken) {
        host->free_jobs = taken->next;
        return taken;
    }
    taken = cg_allocate(&host->allocator, 1, sizeof *taken);
    if (taken) {
        cg_outputs_init(&taken->outputs, host->allocator);
        taken->next_made = host->made_jobs;
        host->made_jobs = taken;
    }
    return taken;
}

void sim_job_give(sim_host *host, sim_job *given) {
    given->next = host->free_jobs;
    host->free_jobs = given;
}

void sim_jobs_give_all(sim_host *host) {
    host->free_jobs = NULL;
    for (sim_job *made = host->made_jobs; made; made = made->next_made) {
        sim_job_give(host, made);
    }
}

/* --- open requests ---------------------------------------------------------- */

static cg_status place_take(sim_host *host, uint32_t *out, cg_error *error) {
    sim_open_requests *open = &host->open;
    if (open->free != SIM_OPEN_NONE) {
        *out = open->free;
        open->free = open->places[open->free].next;
        return CG_OK;
    }
    cg_status status =
        CG_GROW(&host->allocator, open->places, open->capacity, (size_t)open->used + 1, error);
    if (status == CG_OK) {
        *out = open->used++;
    }
    return status;
}

static void place_give(sim_open_requests *open, uint32_t place) {
    open->places[place].next = open->free;
    open->free = place;
}

cg_status sim_open_put(sim_host *host, const sim_delivery *request, cg_error *error) {
    sim_open_requests *open = &host->open;
    uint64_t known;
    if (cg_table_get(open->place_of, request->id, &known) && known != SIM_OPEN_NONE) {
        open->places[known].due_ns = request->due_ns;
        open->places[known].known = sim_ledger_begin(request->due_ns);
        return CG_OK;
    }
    uint32_t place = SIM_OPEN_NONE;
    cg_status status = place_take(host, &place, error);
    if (status != CG_OK) {
        return status;
    }
    status = cg_table_put(open->place_of, request->id, place, error);
    if (status != CG_OK) {
        place_give(open, place);
        return status;
    }
    open->places[place] = (sim_open_request){.id = request->id,
                                             .due_ns = request->due_ns,
                                             .next = SIM_OPEN_NONE,
                                             .previous = open->last,
                                             .request = request->request,
                                             .known = sim_ledger_begin(request->due_ns)};
    if (open->last == SIM_OPEN_NONE) {
        open->first = place;
    } else {
        open->places[open->last].next = place;
    }
    open->last = place;
    return CG_OK;
}

static void unlink_place(sim_open_requests *open, uint32_t place) {
    const sim_open_request *gone = &open->places[place];
    if (gone->previous == SIM_OPEN_NONE) {
        open->first = gone->next;
    } else {
        open->places[gone->previous].next = gone->next;
    }
    if (gone->next == SIM_OPEN_NONE) {
        open->last = gone->previous;
    } else {
        open->places[gone->next].previous = gone->previous;
    }
    place_give(open, place);
}

bool sim_open_was_reset(const sim_host *host, uint64_t request_id) {
    uint64_t place;
    return cg_table_get(host->open.place_of, request_id, &place) && place == SIM_OPEN_NONE;
}

void sim_open_note(sim_host *host, const sim_ledger *paid) {
    uint64_t place;
    if (paid->request_id == 0 || !cg_table_get(host->open.place_of, paid->request_id, &place) ||
        place == SIM_OPEN_NONE) {
        return;
    }
    sim_open_request *noted = &host->open.places[place];
    if (paid->start_ns == noted->due_ns) { /* not of the same request asked earlier */
        noted->known = *paid;
    }
}

bool sim_open_take(sim_host *host, uint64_t request_id, sim_open_request *out) {
    uint64_t place;
    if (!cg_table_get(host->open.place_of, request_id, &place) || place == SIM_OPEN_NONE) {
        return false;
    }
    *out = host->open.places[place];
    (void)cg_table_remove(host->open.place_of, request_id);
    unlink_place(&host->open, (uint32_t)place);
    return true;
}

bool sim_open_reset_first(sim_host *host, sim_open_request *out) {
    if (host->open.first == SIM_OPEN_NONE) {
        return false;
    }
    *out = host->open.places[host->open.first];
    cg_status status = cg_table_put(host->open.place_of, out->id, SIM_OPEN_NONE, NULL);
    CG_ASSERT(status == CG_OK); /* the key is there */
    unlink_place(&host->open, host->open.first);
    return true;
}
