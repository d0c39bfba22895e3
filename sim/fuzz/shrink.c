#include "sim/fuzz/shrink.h"

#include <stdlib.h>
#include <string.h>

typedef struct shrinking {
    const sim_shrink_options *options;
    sim_options *point; /* fails */
    sim_options *tried;
    uint32_t tries;
} shrinking;

/* Keeps *tried when it fails too. */
static bool keep(shrinking *self) {
    if (self->tries >= self->options->tries_max ||
        sim_options_check(self->tried, NULL) != CG_OK) {
        return false;
    }
    self->tries++;
    if (!self->options->fails(self->options->context, self->tried)) {
        return false;
    }
    memcpy(self->point, self->tried, sizeof *self->point);
    return true;
}

static sim_options *begin(shrinking *self) {
    memcpy(self->tried, self->point, sizeof *self->tried);
    return self->tried;
}

/* --- faults ------------------------------------------------------------------------------- */

/* Without the faults first .. last - 1. */
static bool leave_out(shrinking *self, uint32_t first, uint32_t last) {
    sim_options *tried = begin(self);
    uint32_t count = tried->fault_count;
    memmove(&tried->faults[first], &tried->faults[last],
            (count - last) * sizeof *tried->faults);
    tried->fault_count = count - (last - first);
    return keep(self);
}

static bool shrink_faults(shrinking *self) {
    bool any = false;
    for (uint32_t size = self->point->fault_count; size >= 1; size /= 2) {
        for (uint32_t first = 0; first < self->point->fault_count;) {
            uint32_t last = first + size < self->point->fault_count ? first + size
                                                                    : self->point->fault_count;
            if (leave_out(self, first, last)) {
                any = true;
            } else {
                first = last;
            }
        }
    }
    return any;
}

static bool simplify_fault(shrinking *self, uint32_t i) {
    bool any = false;
    if (self->point->faults[i].torn) {
        begin(self)->faults[i].torn = false;
        any |= keep(self);
    }
    if (self->point->faults[i].one_way) {
        begin(self)->faults[i].one_way = false;
        any |= keep(self);
    }
    if (self->point->faults[i].drift_ppm != 0) {
        begin(self)->faults[i].drift_ppm = 0;
        any |= keep(self);
    }
    for (uint32_t h = 0;
         self->point->faults[i].host_count > 1 && h < self->point->faults[i].host_count;) {
        sim_fault *fault = &begin(self)->faults[i];
        memmove(&fault->hosts[h], &fault->hosts[h + 1],
                (fault->host_count - h - 1) * sizeof *fault->hosts);
        fault->host_count--;
        if (keep(self)) {
            any = true;
        } else {
            h++;
        }
    }
    return any;
}

static bool simplify_faults(shrinking *self) {
    bool any = false;
    for (uint32_t i = 0; i < self->point->fault_count; ++i) {
        any |= simplify_fault(self, i);
    }
    return any;
}

/* --- everything else ------------------------------------------------------------------------ */

static bool shrink_requests(shrinking *self) {
    bool any = false;
    for (uint32_t step = self->point->load.requests / 2; step >= 1; step /= 2) {
        while (self->point->load.requests > step) {
            begin(self)->load.requests -= step;
            if (!keep(self)) {
                break;
            }
            any = true;
        }
    }
    return any;
}

static bool shrink_shares(shrinking *self) {
    sim_load_options *load = &self->tried->load;
    double *const shares[] = {&load->recall, &load->spread,     &load->edges,
                              &load->batch,  &load->deallocate, &load->get};
    bool any = false;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; ++i) {
        (void)begin(self);
        if (*shares[i] > 0.0) {
            *shares[i] = 0.0;
            any |= keep(self);
        }
    }
    return any;
}

static bool less_u32(shrinking *self, uint32_t *option, uint32_t least) {
    bool any = false;
    for (;;) {
        (void)begin(self);
        if (*option <= least) {
            return any;
        }
        (*option)--;
        if (!keep(self)) {
            return any;
        }
        any = true;
    }
}

static bool at_once(shrinking *self, uint64_t *option, uint64_t value) {
    (void)begin(self);
    if (*option == value) {
        return false;
    }
    *option = value;
    return keep(self);
}

static bool shrink_cluster(shrinking *self) {
    sim_options *tried = self->tried;
    bool any = less_u32(self, &tried->cluster.hosts, 1);
    any |= less_u32(self, &tried->engine.replicas, 0);
    any |= less_u32(self, &tried->engine.spaces, 1);
    any |= less_u32(self, &tried->load.clients, 1);
    any |= less_u32(self, &tried->load.edge_pool, 1);
    any |= at_once(self, &tried->cluster.network.jitter_ns, 0);
    any |= at_once(self, &tried->cluster.network.latency_ns, 1000000);
    any |= at_once(self, &tried->cluster.disk_access_ns, 1000000);
    if (begin(self)->engine.spread.across != SIM_ACROSS_NONE) {
        tried->engine.spread.across = SIM_ACROSS_NONE;
        any |= keep(self);
    }
    if (begin(self)->engine.writes != 1) {
        tried->engine.writes = 1;
        any |= keep(self);
    }
    if (begin(self)->load.arrival != SIM_ARRIVAL_POISSON) {
        tried->load.arrival = SIM_ARRIVAL_POISSON;
        any |= keep(self);
    }
    return any;
}

uint32_t sim_shrink(const sim_shrink_options *options, sim_options *point) {
    shrinking self = {options, point, malloc(sizeof *point), 0};
    bool any = self.tried != NULL;
    while (any && self.tries < options->tries_max) {
        any = shrink_faults(&self);
        any |= shrink_requests(&self);
        any |= shrink_cluster(&self);
        any |= shrink_shares(&self);
        any |= simplify_faults(&self);
    }
    free(self.tried);
    return self.tries;
}
