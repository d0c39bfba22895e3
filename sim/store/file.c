#include "sim/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FILE_MODE = 0666 };
/* Linux writes at most so much a call; asking for less keeps the count in range everywhere. */
#define WRITE_BYTES_MAX ((size_t)1 << 30)

typedef struct save {
    const char *path;
    char part[PATH_BYTES];
    char folder[PATH_BYTES];
    const uint8_t *bytes;
    size_t size_bytes;
    const sim_file_probe *probe;
    int file; /* -1: not open */
    bool owns_part;
    const char *step; /* under way, or failed */
} save;

/* True when the step may go ahead; otherwise errno is why not. */
static bool may(save *self, const char *step) {
    self->step = step;
    int refused = self->probe && self->probe->before
                      ? self->probe->before(self->probe->context, step)
                      : 0;
    errno = refused ? refused : errno;
    return refused == 0;
}

static cg_status name_files(save *self, cg_error *error) {
    int part_bytes = snprintf(self->part, sizeof self->part, "%s.part", self->path);
    if (self->path[0] == '\0' || part_bytes >= (int)sizeof self->part) {
        return cg_error_set(error, CG_ERROR_INVALID, "cannot save a file of %zu bytes: %s",
                            self->size_bytes,
                            self->path[0] ? "its path is too long" : "its path is empty");
    }
    const char *slash = strrchr(self->path, '/');
    size_t folder_bytes = slash ? (size_t)(slash - self->path) : 0;
    memcpy(self->folder, self->path, folder_bytes);
    self->folder[folder_bytes] = '\0';
    if (folder_bytes == 0) {
        (void)snprintf(self->folder, sizeof self->folder, "%s", slash ? "/" : ".");
    }
    return CG_OK;
}

/* Opens PATH.part and locks it. Another save may rename it between the two: then what is
 * locked is no longer what the name says, and the next try makes a new one. */
static bool open_part(save *self) {
    for (;;) {
        if (!may(self, "create")) {
            return false;
        }
        self->file =
            open(self->part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, (mode_t)FILE_MODE);
        if (self->file < 0 && errno == EINTR) {
            continue;
        }
        if (self->file < 0) {
            return false;
        }
        if (!may(self, "lock") || flock(self->file, LOCK_EX | LOCK_NB) != 0) {
            return false; /* it may be another save's */
        }
        struct stat held;
        struct stat named;
        if (!may(self, "check") || fstat(self->file, &held) != 0) {
            return false;
        }
        if (stat(self->part, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            self->owns_part = true;
            return true;
        }
        close(self->file);
        self->file = -1;
    }
}

static bool write_all(save *self) {
    size_t written = 0;
    size_t most = self->probe && self->probe->write_bytes_max ? self->probe->write_bytes_max
                                                              : WRITE_BYTES_MAX;
    while (written < self->size_bytes) {
        size_t left = self->size_bytes - written;
        if (!may(self, "write")) {
            return false;
        }
        ssize_t wrote = write(self->file, self->bytes + written, left < most ? left : most);
        if (wrote < 0 && errno != EINTR) {
            return false;
        }
        if (wrote == 0) { /* no system does this for a regular file; never loop on it */
            errno = EIO;
            return false;
        }
        written += wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

static bool sync_file(int file) {
    int result;
    do {
        result = fsync(file);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

static bool sync_folder(save *self) {
    if (!may(self, "sync folder")) {
        return false;
    }
    int folder = open(self->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return false;
    }
    /* Some file systems cannot sync folders, and say EINVAL. */
    bool synced = sync_file(folder) || errno == EINVAL;
    int reason = errno;
    close(folder);
    errno = reason;
    return synced;
}

static bool run_save(save *self) {
    if (!open_part(self)) {
        return false;
    }
    if (!may(self, "truncate") || ftruncate(self->file, 0) != 0 || !write_all(self)) {
        return false;
    }
    if (!may(self, "sync") || !sync_file(self->file)) {
        return false;
    }
    if (!may(self, "rename") || rename(self->part, self->path) != 0) {
        return false;
    }
    self->owns_part = false; /* it has the final name, whatever happens now */
    return sync_folder(self);
}

cg_status sim_file_save_probed(const char *path, const void *bytes, size_t size_bytes,
                               const sim_file_probe *probe, cg_error *error) {
    save self = {
        .path = path, .bytes = bytes, .size_bytes = size_bytes, .probe = probe, .file = -1};
    cg_status status = name_files(&self, error);
    if (status != CG_OK) {
        return status;
    }
    bool saved = run_save(&self);
    int reason = errno;
    if (self.owns_part) { /* removed while the lock is held: it is nobody else's yet */
        (void)unlink(self.part);
    }
    if (self.file >= 0) {
        close(self.file);
    }
    if (saved) {
        return CG_OK;
    }
    if (reason == EWOULDBLOCK && strcmp(self.step, "lock") == 0) {
        return cg_error_set(error, CG_ERROR_OVERLOADED,
                            "cannot save %s: another save of it is under way", path);
    }
    return cg_error_set(error, CG_ERROR_IO, "cannot save %s: %s: %s", path, self.step,
                        strerror(reason));
}

cg_status sim_file_save(const char *path, const void *bytes, size_t size_bytes,
                        cg_error *error) {
    return sim_file_save_probed(path, bytes, size_bytes, NULL, error);
}

static cg_status map_open(const char *path, int file, sim_file_view *out, cg_error *error) {
    struct stat info;
    if (fstat(file, &info) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return cg_error_set(error, CG_ERROR_INVALID, "cannot read %s: it is not a file", path);
    }
    if (info.st_size == 0) {
        *out = (sim_file_view){0};
        return CG_OK;
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED) {
        return cg_error_set(error, CG_ERROR_IO, "cannot map the %llu bytes of %s: %s",
                            (unsigned long long)info.st_size, path, strerror(errno));
    }
    *out = (sim_file_view){.bytes = bytes, .size_bytes = (size_t)info.st_size};
    return CG_OK;
}

cg_status sim_file_map(const char *path, sim_file_view *out, cg_error *error) {
    int file;
    do { /* not blocking: a pipe without a writer would wait for one */
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (file < 0 && errno == EINTR);
    if (file < 0) {
        return cg_error_set(error, errno == ENOENT ? CG_ERROR_NOT_FOUND : CG_ERROR_IO,
                            "cannot read %s: %s", path, strerror(errno));
    }
    cg_status status = map_open(path, file, out, error);
    close(file);
    return status;
}

void sim_file_unmap(sim_file_view *view) {
    if (view->bytes) {
        (void)munmap((void *)(uintptr_t)view->bytes, view->size_bytes);
    }
    *view = (sim_file_view){0};
}
