#include "sim/memory/private_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct sim_private_image {
    void *builder; /* NULL once sealed */
    size_t bytes;
    int file;
};

cg_status sim_private_image_alloc(size_t bytes, sim_private_image **out, cg_error *error) {
    if (bytes < 1 || bytes > PTRDIFF_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "an image of %zu bytes; it must be 1..%td",
                            bytes, PTRDIFF_MAX);
    }
    sim_private_image *image = malloc(sizeof *image);
    if (!image) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for an image's description");
    }
    *image = (sim_private_image){.bytes = bytes};
    image->file = memfd_create("cortigrid image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (image->file < 0 || ftruncate(image->file, (off_t)bytes) != 0) {
        cg_status status = cg_error_set(error, CG_ERROR_IO, "no image of %zu bytes: %s", bytes,
                                        strerror(errno));
        sim_private_image_free(image);
        return status;
    }
    void *builder = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, image->file, 0);
    if (builder == MAP_FAILED) {
        cg_status status = cg_error_set(error, CG_ERROR_MEMORY,
                                        "no memory to build an image of %zu bytes", bytes);
        sim_private_image_free(image);
        return status;
    }
    image->builder = builder;
    *out = image;
    return CG_OK;
}

void sim_private_image_free(sim_private_image *image) {
    if (!image) {
        return;
    }
    if (image->builder) {
        (void)munmap(image->builder, image->bytes);
    }
    if (image->file >= 0) {
        (void)close(image->file);
    }
    free(image);
}

void *sim_private_image_builder(const sim_private_image *image) {
    return image->builder;
}

size_t sim_private_image_bytes(const sim_private_image *image) {
    return image->bytes;
}

cg_status sim_private_image_seal(sim_private_image *image, cg_error *error) {
    if (!image->builder) {
        return cg_error_set(error, CG_ERROR_INVALID, "an image of %zu bytes is sealed already",
                            image->bytes);
    }
    /* The kernel refuses the seal while a shared writable mapping is left. */
    (void)munmap(image->builder, image->bytes);
    image->builder = NULL;
    if (fcntl(image->file, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot seal an image of %zu bytes: %s",
                            image->bytes, strerror(errno));
    }
    return CG_OK;
}

cg_status sim_private_image_map(const sim_private_image *image, void **view, cg_error *error) {
    if (image->builder) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an image of %zu bytes is still being built; seal it before it is "
                            "mapped",
                            image->bytes);
    }
    void *mapped = mmap(NULL, image->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                        image->file, 0);
    if (mapped == MAP_FAILED) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no view of an image of %zu bytes: %s",
                            image->bytes, strerror(errno));
    }
    *view = mapped;
    return CG_OK;
}

void sim_private_image_unmap(const sim_private_image *image, void *view) {
    if (view) {
        (void)munmap(view, image->bytes);
    }
}
