/* Durable writes and reads that no cache serves.
 *
 * Writes are appended and followed by fdatasync. Reads are at random places of a file that is on disk
 * and that the system was asked to forget (posix_fadvise); where it keeps the file all the same, as on a
 * file system in memory, reads are of memory, and the source says how fast they were. Each figure rests
 * on medians: what is slow at a disk now and then is its own doing, and not somebody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/prng.h"
#include "sim/calibrate/parts.h"
#include "sim/calibrate/stopwatch.h"

enum { SIZES = 3, TRIES = 31, FILE_BYTES = 64 << 20, PIECE_BYTES = 1 << 20, PATH_BYTES = 1024 };
static const uint32_t bytes_of[SIZES] = {4 << 10, 64 << 10, 512 << 10};

typedef struct disk {
    int file;
    const char *path;
    uint8_t *bytes; /* [PIECE_BYTES] */
    cg_stream stream;
} disk;

static cg_status fail(const disk *self, const char *what, cg_error *error) {
    return cg_error_set(error, CG_ERROR_IO, "%s: cannot %s to measure the disk: %s", self->path,
                        what, strerror(errno));
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static cg_status time_writes(disk *self, uint32_t size_bytes, double *ns, cg_error *error) {
    double times[TRIES];
    for (int i = 0; i < TRIES; i++) {
        uint64_t from = sim_stopwatch_ns();
        if (write(self->file, self->bytes, size_bytes) != (ssize_t)size_bytes ||
            fdatasync(self->file) != 0) {
            return fail(self, "write", error);
        }
        times[i] = (double)(sim_stopwatch_ns() - from);
    }
    qsort(times, TRIES, sizeof *times, by_size);
    *ns = times[TRIES / 2];
    return CG_OK;
}

static cg_status fill(disk *self, cg_error *error) {
    for (int i = 0; i < FILE_BYTES / PIECE_BYTES; i++) {
        if (write(self->file, self->bytes, PIECE_BYTES) != PIECE_BYTES) {
            return fail(self, "write", error);
        }
    }
    return fsync(self->file) == 0 ? CG_OK : fail(self, "write", error);
}

static cg_status time_reads(disk *self, uint32_t size_bytes, double *ns, cg_error *error) {
    double times[TRIES];
    for (int i = 0; i < TRIES; i++) {
        off_t at =
            (off_t)(cg_stream_next_below(&self->stream, FILE_BYTES / size_bytes) * size_bytes);
        (void)posix_fadvise(self->file, 0, 0, POSIX_FADV_DONTNEED);
        (void)posix_fadvise(self->file, 0, 0, POSIX_FADV_RANDOM);
        uint64_t from = sim_stopwatch_ns();
        if (pread(self->file, self->bytes, size_bytes, at) != (ssize_t)size_bytes) {
            return fail(self, "read", error);
        }
        times[i] = (double)(sim_stopwatch_ns() - from);
    }
    qsort(times, TRIES, sizeof *times, by_size);
    *ns = times[TRIES / 2];
    return CG_OK;
}

static cg_status measure(sim_calibration *calibration, disk *self, cg_error *error) {
    sim_fit_work writes[SIZES] = {{.ns = 0.0}};
    sim_fit_work reads[SIZES] = {{.ns = 0.0}};
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        cg_work_count(&writes[i].work, CG_WORK_DISK_WRITE, 1, bytes_of[i]);
        status = time_writes(self, bytes_of[i], &writes[i].ns, error);
    }
    if (status == CG_OK) {
        status = fill(self, error);
    }
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        cg_work_count(&reads[i].work, CG_WORK_TIER_STORE, 1, bytes_of[i]);
        status = time_reads(self, bytes_of[i], &reads[i].ns, error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_DISK_WRITE, writes, SIZES,
                            "appends of 4 to 512 KiB with fdatasync, medians of 31");
        sim_calibration_fit(calibration, CG_WORK_TIER_STORE, reads, SIZES,
                            "reads of 4 to 512 KiB at random places of a file that the system "
                            "was asked to forget, medians of 31");
    }
    return status;
}

cg_status sim_calibrate_disk(sim_calibration *calibration, const char *folder,
                             cg_error *error) {
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/calibrate-XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the folder's name is longer than %d bytes", PATH_BYTES - 32);
    }
    disk self = {.path = path, .stream = cg_stream_init(1, "calibrate.disk", 0)};
    self.file = mkstemp(path);
    if (self.file < 0) {
        return fail(&self, "make a file", error);
    }
    (void)unlink(path); /* gone with its descriptor, however this ends */
    self.bytes = malloc(PIECE_BYTES);
    cg_status status = CG_OK;
    if (!self.bytes) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to measure the disk with");
    } else {
        for (int i = 0; i < PIECE_BYTES; i++) {
            self.bytes[i] = (uint8_t)cg_stream_next(&self.stream);
        }
        status = measure(calibration, &self, error);
    }
    free(self.bytes);
    (void)close(self.file);
    return status;
}
