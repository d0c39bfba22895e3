/* Memory built once and shared copy-on-write: each view starts as the image, and the system
 * copies a page for the one that writes to it first.
 *
 * So ten thousand hosts can each own warm tiers that together take the memory of one, plus the
 * pages that each has changed (design.md, "Ten billion nodes", 8).
 *
 *   alloc -> fill the builder -> seal -> map, map, map ... -> unmap each -> free
 *
 * An image is anonymous memory of the system (a memfd), nothing of it is on a disk; processes
 * forked after sealing may map it too. Not thread-safe before sealing; mapping and unmapping are,
 * after it.
 */
#ifndef SIM_MEMORY_PRIVATE_IMAGE_H
#define SIM_MEMORY_PRIVATE_IMAGE_H

#include "engine/base/status.h"

typedef struct sim_private_image sim_private_image;

/* bytes: at least 1. Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY, CG_ERROR_IO (the system has no
 * such memory to give, or allows no more files). */
cg_status sim_private_image_alloc(size_t bytes, sim_private_image **out, cg_error *error);
/* Gives back the image and its builder. Views stay as they are, but can't be unmapped by
 * sim_private_image_unmap any more: unmap them before. NULL is fine. */
void sim_private_image_free(sim_private_image *image);

/* Zeroed, page-aligned, as many bytes as asked for; NULL once sealed. Writing to it takes memory
 * that the system may not have: then it ends the process, as with any overcommitted memory. */
void *sim_private_image_builder(const sim_private_image *image);
size_t sim_private_image_bytes(const sim_private_image *image);
/* Ends building: the builder's memory is gone and nobody can change the image any more.
 * Errors: CG_ERROR_INVALID when it is sealed already, CG_ERROR_IO. */
cg_status sim_private_image_seal(sim_private_image *image, cg_error *error);

/* A view of its own: page-aligned, readable and writable, what is written is seen by nobody else.
 * It reserves no memory ahead. Errors: CG_ERROR_INVALID before sealing, CG_ERROR_MEMORY. */
cg_status sim_private_image_map(const sim_private_image *image, void **view, cg_error *error);
void sim_private_image_unmap(const sim_private_image *image, void *view); /* NULL is fine */

#endif
