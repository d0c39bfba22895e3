#include "sim/tile/base_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"

enum {
    HEADER_BYTES = 512,
    CHECKSUM_AT = 504,
    MAGIC_BYTES = 8,
    FORMAT_VERSION = 1,
    BYTE_ORDER_MARK = 0x01020304,
    FOLDER_MODE = 0777,
    FILE_MODE = 0666
};
static const uint8_t magic[MAGIC_BYTES] = {'C', 'G', 'B', 'A', 'S', 'E', '1', '\n'};

typedef struct opening {
    const sim_base_request *request;
    cg_tile_recipe recipe;
    char path[SIM_BASE_PATH_BYTES];
    char lock_path[SIM_BASE_PATH_BYTES + sizeof ".lock"];
    int lock;      /* -1: not held */
    sim_base made; /* what will be given out */
} opening;

/* --- names --------------------------------------------------------------------------------- */

static cg_status too_long(const char *folder, cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID,
                        "the path of the folder of base files is too long: %.64s...", folder);
}

cg_status sim_base_folder(const char *chosen, const char *cache_home, const char *home,
                          char path[SIM_BASE_PATH_BYTES], cg_error *error) {
    const char *first = chosen;
    const char *second = "";
    if (!chosen || chosen[0] == '\0') {
        bool is_cache = cache_home && cache_home[0] == '/';
        first = is_cache ? cache_home : home;
        second = is_cache ? "/cortigrid" : "/.cache/cortigrid";
    }
    if (!first || first[0] == '\0') {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "no folder for base files: none is given, and neither "
                            "XDG_CACHE_HOME nor HOME is set");
    }
    if (strlen(first) + strlen(second) >= SIM_BASE_PATH_BYTES) {
        return too_long(first, error);
    }
    path[0] = '\0';
    strncat(path, first, SIM_BASE_PATH_BYTES - 1);
    strncat(path, second, SIM_BASE_PATH_BYTES - 1 - strlen(first));
    return CG_OK;
}

static uint64_t name_of(const cg_tile_recipe *recipe) {
    return cg_hash_bytes(recipe->bytes, sizeof recipe->bytes, 0);
}

/* PATH.lock.part and the like must fit, too. */
cg_status sim_base_path(const char *folder, const cg_tile_recipe *recipe,
                        char path[SIM_BASE_PATH_BYTES], cg_error *error) {
    enum { NAME_BYTES_MAX = 64 };
    if (strlen(folder) + NAME_BYTES_MAX >= SIM_BASE_PATH_BYTES) {
        return too_long(folder, error);
    }
    (void)snprintf(path, SIM_BASE_PATH_BYTES, "%s/base-%016" PRIx64 ".cgbase", folder,
                   name_of(recipe));
    return CG_OK;
}

/* --- reading ------------------------------------------------------------------------------- */

static void write_header(const cg_tile_recipe *recipe, uint64_t size_bytes,
                         uint8_t header[HEADER_BYTES]) {
    memset(header, 0, HEADER_BYTES);
    cg_writer writer = cg_writer_init(header, HEADER_BYTES);
    cg_write_bytes(&writer, magic, MAGIC_BYTES);
    cg_write_u32(&writer, FORMAT_VERSION);
    cg_write_u32(&writer, BYTE_ORDER_MARK);
    cg_write_u64(&writer, size_bytes);
    cg_write_u64(&writer, name_of(recipe));
    cg_write_bytes(&writer, recipe->bytes, sizeof recipe->bytes);
    writer.used_bytes = CHECKSUM_AT;
    cg_write_u64(&writer, cg_hash_bytes(header, CHECKSUM_AT, 0));
}

static cg_status foreign(const opening *self, const char *what, cg_error *error) {
    return cg_error_set(error, CG_ERROR_EXISTS,
                        "%s is %s; move it away, and the base will be built in its place",
                        self->path, what);
}

/* What a file's first bytes say of the rest. */
static cg_status check_header(const opening *self, const sim_file_view *view, cg_error *error) {
    size_t known = view->size_bytes < MAGIC_BYTES ? view->size_bytes : MAGIC_BYTES;
    if (known > 0 && memcmp(view->bytes, magic, known) != 0) {
        return foreign(self, "not a file of a base", error);
    }
    if (view->size_bytes < HEADER_BYTES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s ends after %zu bytes, within its header of %d", self->path,
                            view->size_bytes, HEADER_BYTES);
    }
    cg_reader reader = cg_reader_init(view->bytes + MAGIC_BYTES, HEADER_BYTES - MAGIC_BYTES);
    uint32_t version = cg_read_u32(&reader);
    uint32_t order = cg_read_u32(&reader);
    if (version != FORMAT_VERSION || order != BYTE_ORDER_MARK) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "%s is a base file of version %u and byte order %08x; this program "
                            "reads version %d and %08x; move it away, and the base will be "
                            "built in its place",
                            self->path, version, order, FORMAT_VERSION, BYTE_ORDER_MARK);
    }
    uint8_t expected[HEADER_BYTES];
    write_header(&self->recipe, view->size_bytes, expected);
    if (memcmp(view->bytes, expected, HEADER_BYTES) == 0) {
        return CG_OK;
    }
    cg_reader at_end = cg_reader_init(view->bytes + CHECKSUM_AT, HEADER_BYTES - CHECKSUM_AT);
    if (cg_read_u64(&at_end) != cg_hash_bytes(view->bytes, CHECKSUM_AT, 0)) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s: the header's checksum is wrong",
                            self->path);
    }
    uint64_t size_bytes = cg_read_u64(&reader);
    if (size_bytes != view->size_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s has %zu bytes and says that it has %" PRIu64, self->path,
                            view->size_bytes, size_bytes);
    }
    return foreign(self, "the file of another base under this one's name", error);
}

static cg_status open_segment(opening *self, const uint8_t *bytes, size_t size_bytes,
                              cg_error *error) {
    const sim_base_request *request = self->request;
    cg_segment *segment = NULL;
    cg_status status =
        cg_segment_open(bytes, size_bytes, request->check, request->allocator, &segment, error);
    if (status == CG_OK) {
        status = cg_tile_base_check(request->tiling, segment, error);
    }
    if (status != CG_OK) {
        cg_segment_close(segment);
        return status;
    }
    self->made.segment = segment;
    self->made.segment_bytes = size_bytes;
    return CG_OK;
}

/* CG_ERROR_NOT_FOUND and CG_ERROR_CORRUPT are what building mends. */
static cg_status load(opening *self, cg_error *error) {
    sim_file_view view = {0};
    cg_status status = sim_file_map(self->path, &view, error);
    if (status != CG_OK) {
        return status;
    }
    status = check_header(self, &view, error);
    if (status == CG_OK) {
        status = open_segment(self, view.bytes + HEADER_BYTES, view.size_bytes - HEADER_BYTES,
                              error);
        if (status != CG_OK && error) {
            cg_error_prefix(error, "%s: ", self->path);
        }
    }
    if (status != CG_OK) {
        sim_file_unmap(&view);
        return status;
    }
    self->made.view = view;
    return CG_OK;
}

/* --- making -------------------------------------------------------------------------------- */

/* The folder and those above it. */
static cg_status make_folder(const char *folder, cg_error *error) {
    char path[SIM_BASE_PATH_BYTES];
    size_t length = strlen(folder); /* sim_base_path has checked it */
    memcpy(path, folder, length + 1);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0') {
            continue;
        }
        char kept = path[end];
        path[end] = '\0';
        struct stat info;
        int made = mkdir(path, (mode_t)FOLDER_MODE);
        int reason = made != 0 ? errno : 0;
        /* Above a folder that is there, systems may say that they are read-only first. */
        if (reason != 0 && (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))) {
            return cg_error_set(error, CG_ERROR_IO, "cannot make the folder %s: %s", path,
                                strerror(reason == EEXIST ? ENOTDIR : reason));
        }
        path[end] = kept;
    }
    return CG_OK;
}

/* Waits for the lock. Who held it before has taken the file away: then what was locked is not
 * what the name says any more, and the next try makes a new one. */
static cg_status take_lock(opening *self, cg_error *error) {
    for (;;) {
        struct stat held;
        struct stat named;
        self->lock =
            open(self->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, (mode_t)FILE_MODE);
        bool is_locked = self->lock >= 0;
        while (is_locked && flock(self->lock, LOCK_EX) != 0) {
            is_locked = errno == EINTR;
        }
        if (!is_locked || fstat(self->lock, &held) != 0) {
            return cg_error_set(error, CG_ERROR_IO, "cannot lock %s: %s", self->lock_path,
                                strerror(errno));
        }
        if (stat(self->lock_path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            return CG_OK;
        }
        (void)close(self->lock);
    }
}

static void give_back_lock(opening *self, bool is_held) {
    if (is_held) {
        (void)unlink(self->lock_path);
    }
    if (self->lock >= 0) {
        (void)close(self->lock);
    }
    self->lock = -1;
}

/* Header and segment in one block, self->made.bytes. */
static cg_status build(opening *self, cg_error *error) {
    const sim_base_request *request = self->request;
    const cg_allocator *allocator = &request->allocator;
    cg_tile_base_input input = {.tiling = request->tiling,
                                .options = request->options,
                                .base = request->base,
                                .runner = request->runner};
    uint8_t *segment = NULL;
    size_t segment_bytes = 0;
    cg_status status = cg_tile_base_build(&input, *allocator, &segment, &segment_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    size_t size_bytes = HEADER_BYTES + segment_bytes;
    uint8_t *bytes = cg_allocate_aligned(allocator, size_bytes);
    if (bytes) {
        write_header(&self->recipe, size_bytes, bytes);
        memcpy(bytes + HEADER_BYTES, segment, segment_bytes);
        self->made.bytes = bytes;
        self->made.size_bytes = size_bytes;
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for a base file of %zu bytes",
                              size_bytes);
    }
    cg_deallocate_aligned(allocator, segment, segment_bytes);
    return status;
}

static void drop_bytes(opening *self) {
    cg_deallocate_aligned(&self->request->allocator, self->made.bytes, self->made.size_bytes);
    self->made.bytes = NULL;
    self->made.size_bytes = 0;
}

/* What was built, from memory, since it cannot be kept. */
static cg_status use_unsaved(opening *self, const cg_error *trouble, cg_error *error) {
    self->made.source = SIM_BASE_UNSAVED;
    self->made.trouble = *trouble;
    return open_segment(self, self->made.bytes + HEADER_BYTES,
                        self->made.size_bytes - HEADER_BYTES, error);
}

static cg_status build_unsaved(opening *self, const cg_error *trouble, cg_error *error) {
    cg_status status = build(self, error);
    return status == CG_OK ? use_unsaved(self, trouble, error) : status;
}

static cg_status pass_on(const cg_error *from, cg_error *error) {
    return cg_error_set(error, from->status, "%s", from->message);
}

/* Builds and saves, where there is something to build and the lock is held. */
static cg_status build_and_save(opening *self, const cg_error *damage, cg_error *error) {
    cg_error trouble = {0};
    cg_status status = build(self, error);
    if (status != CG_OK) {
        return status;
    }
    if (sim_file_save(self->path, self->made.bytes, self->made.size_bytes, &trouble) != CG_OK) {
        return self->request->keep_going ? use_unsaved(self, &trouble, error)
                                         : pass_on(&trouble, error);
    }
    drop_bytes(self);
    self->made.source = SIM_BASE_BUILT;
    if (damage->status == CG_ERROR_CORRUPT) {
        self->made.source = SIM_BASE_REPAIRED;
        self->made.trouble = *damage;
    }
    return load(self, error);
}

static bool is_mendable(cg_status status) {
    return status == CG_ERROR_NOT_FOUND || status == CG_ERROR_CORRUPT;
}

/* With the lock held, under which somebody else may have built it meanwhile. */
static cg_status make_once(opening *self, cg_error *error) {
    cg_error trouble = {0};
    cg_status status = load(self, &trouble);
    if (is_mendable(status)) {
        return build_and_save(self, &trouble, error);
    }
    if (status == CG_ERROR_IO && self->request->keep_going) {
        return build_unsaved(self, &trouble, error);
    }
    return status == CG_OK ? CG_OK : pass_on(&trouble, error);
}

static cg_status make(opening *self, cg_error *error) {
    cg_error trouble = {0};
    bool is_held = make_folder(self->request->folder, &trouble) == CG_OK &&
                   take_lock(self, &trouble) == CG_OK;
    cg_status status = is_held                     ? make_once(self, error)
                       : self->request->keep_going ? build_unsaved(self, &trouble, error)
                                                   : pass_on(&trouble, error);
    give_back_lock(self, is_held);
    return status;
}

cg_status sim_base_open(const sim_base_request *request, sim_base *out, cg_error *error) {
    opening self = {.request = request, .lock = -1};
    self.made.number = request->base;
    self.made.allocator = request->allocator;
    self.recipe = cg_tile_recipe_of(request->tiling, request->options, request->base);
    cg_status status = sim_base_path(request->folder, &self.recipe, self.path, error);
    if (status != CG_OK) {
        return status;
    }
    (void)snprintf(self.lock_path, sizeof self.lock_path, "%s.lock", self.path);
    cg_error found = {0};
    status = load(&self, &found);
    if (is_mendable(status) || (status == CG_ERROR_IO && request->keep_going)) {
        status = make(&self, error);
    } else if (status != CG_OK) {
        pass_on(&found, error);
    }
    if (status != CG_OK) {
        drop_bytes(&self);
        return status;
    }
    *out = self.made;
    return CG_OK;
}

void sim_base_close(sim_base *base) {
    cg_segment_close(base->segment);
    sim_file_unmap(&base->view);
    cg_deallocate_aligned(&base->allocator, base->bytes, base->size_bytes);
    *base = (sim_base){0};
}
