#include "sim/point/warm_tiers.h"

#include <string.h>

#include "sim/workload/warm.h"

static cg_status serve(cg_tiers *tiers, const cg_node_options *node, sim_warm *load,
                       uint64_t reads, cg_error *error) {
    cg_status status = CG_OK;
    for (uint64_t i = 0; status == CG_OK && i < reads; ++i) {
        uint32_t served = 0;
        status = cg_tiers_read(tiers, sim_warm_next(load), node->service.record_bytes, 0,
                               &served, NULL, error);
    }
    return status;
}

static cg_status keep(sim_warm_tiers *warm, const cg_tiers *tiers, cg_error *error) {
    cg_status status =
        sim_private_image_alloc(cg_tiers_image_bytes(tiers), &warm->image, error);
    if (status == CG_OK) {
        status = cg_tiers_save(tiers, sim_private_image_builder(warm->image), error);
    }
    return status == CG_OK ? sim_private_image_seal(warm->image, error) : status;
}

cg_status sim_warm_tiers_init(sim_warm_tiers *warm, const cg_node_options *node,
                              const sim_workload_input *input, uint64_t reads,
                              cg_allocator allocator, cg_error *error) {
    *warm = (sim_warm_tiers){.hosts = node->hosts, .allocator = allocator};
    if (reads == 0) {
        return CG_OK;
    }
    warm->views = cg_allocate(&allocator, node->hosts, sizeof *warm->views);
    if (!warm->views) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u hosts' tiers",
                            node->hosts);
    }
    cg_tiers *tiers = NULL;
    sim_warm load;
    cg_status status = sim_warm_init(&load, input, reads, allocator, error);
    if (status == CG_OK) {
        status = cg_tiers_alloc(node->tiers, node->tier_levels, allocator, &tiers, error);
    }
    if (status == CG_OK) {
        status = serve(tiers, node, &load, reads, error);
    }
    if (status == CG_OK) {
        cg_tiers_reset_statistics(tiers);
        status = keep(warm, tiers, error);
    }
    cg_tiers_free(tiers);
    sim_warm_deinit(&load);
    return status;
}

void sim_warm_tiers_deinit(sim_warm_tiers *warm) {
    for (uint32_t host = 0; warm->views && host < warm->hosts; ++host) {
        sim_private_image_unmap(warm->image, warm->views[host]);
    }
    sim_private_image_free(warm->image);
    cg_deallocate(&warm->allocator, warm->views, warm->hosts, sizeof *warm->views);
    memset(warm, 0, sizeof *warm);
}

cg_status sim_warm_tiers_give(sim_warm_tiers *warm, uint32_t host, cg_node_options *node,
                              cg_error *error) {
    if (!warm->image) {
        return CG_OK;
    }
    cg_status status = sim_private_image_map(warm->image, &warm->views[host], error);
    if (status == CG_OK) {
        node->tier_image = warm->views[host];
        node->tier_image_bytes = sim_private_image_bytes(warm->image);
    }
    return status;
}
