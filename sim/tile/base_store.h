/* Bases as files (engine/tile/tile_base.h): built once, used by every later run that wants the same.
 *
 * A file's name is a hash of the base's recipe, its first 512 bytes hold the recipe itself, and the
 * segment follows:
 *
 *   at    size  what
 *   0     8     magic "CGBASE1\n"
 *   8     4     version, 1
 *   12    4     01020304 hexadecimal: order of bytes
 *   16    8     size of the whole in bytes
 *   24    8     XXH64 of the recipe, seed 0: the file's name, in hexadecimal, with "base-" before and
 *               ".cgbase" behind
 *   32    160   recipe (cg_tile_recipe)
 *   504   8     XXH64 of bytes 0 to 503, seed 0
 *   512         segment (engine/index/segment.h), with its own checksums
 *
 * A file that does not hold what its name promises is never used. One that is damaged (cut short,
 * altered bytes) is built again and replaced, and `trouble` of the base says what it was. One that
 * is somebody else's (not ours by its magic, another version, another recipe under this name) is
 * refused, because overwriting what we do not understand could destroy it: the sentence names the
 * file, to be moved away.
 *
 * Two runs that want one base: who locks NAME.lock first builds it, the others wait and then find
 * it. Locks are of the system (flock), so a killed run's lock is gone with it. The file appears
 * whole or not at all (sim/store/file.h). Where it cannot be read or saved (a folder that is
 * closed, a full disk), opening fails and leaves no file behind, unless `keep_going` asks for the
 * base in memory.
 *
 * Mapped read-only and shared: bases take memory once per machine, whatever number of processes has
 * them open.
 */
#ifndef SIM_TILE_BASE_STORE_H
#define SIM_TILE_BASE_STORE_H

#include "engine/base/parallel.h"
#include "engine/tile/tile_base.h"
#include "sim/store/file.h"

enum { SIM_BASE_PATH_BYTES = 4096 };

/* The folder where bases are kept: `chosen` unless NULL or empty, else $XDG_CACHE_HOME/cortigrid
 * when that is an absolute path, else $HOME/.cache/cortigrid. The environment is the caller's to
 * read: `cache_home` and `home` are those variables' values, or NULL. Error: CG_ERROR_INVALID when
 * none says anything or the path is too long. */
cg_status sim_base_folder(const char *chosen, const char *cache_home, const char *home,
                          char path[SIM_BASE_PATH_BYTES], cg_error *error);

typedef struct sim_base_request {
    const char *folder; /* made when missing, with its parents */
    const cg_tiling *tiling;
    const cg_tile_base_options *options;
    uint32_t base;
    const cg_runner *runner; /* of building */
    cg_segment_check
        check;       /* LEAVE_FULLER: opening neither reads nor verifies the fuller form */
    bool keep_going; /* without the folder, where it cannot be used */
    cg_allocator allocator; /* of the segment's own memory, and of building */
} sim_base_request;

typedef enum sim_base_source {
    SIM_BASE_FOUND,   /* in the folder */
    SIM_BASE_BUILT,   /* now, and saved */
    SIM_BASE_UNSAVED, /* built, and only in memory: `trouble` says why (keep_going) */
    SIM_BASE_REPAIRED /* built in place of a damaged file: `trouble` says what was wrong with it */
} sim_base_source;

typedef struct sim_base { /* in place; sim_base_close */
    cg_segment *segment;  /* may be searched by many threads */
    uint32_t number;
    sim_base_source source;
    uint64_t segment_bytes;
    cg_error trouble;
    sim_file_view view; /* private from here on */
    uint8_t *bytes;
    size_t size_bytes;
    cg_allocator allocator;
} sim_base;

/* Opens a base, building it first where need be. Errors: those of building; CG_ERROR_MEMORY;
 * CG_ERROR_EXISTS for a file that is somebody else's; CG_ERROR_VERSION for another version of ours;
 * CG_ERROR_IO with the system's reason. On failure *out is untouched and nothing that was there
 * before is changed. */
cg_status sim_base_open(const sim_base_request *request, sim_base *out, cg_error *error);
void sim_base_close(sim_base *base); /* a zeroed one is fine */

/* FOLDER/base-HASH.cgbase. Error: CG_ERROR_INVALID when that is too long. */
cg_status sim_base_path(const char *folder, const cg_tile_recipe *recipe,
                        char path[SIM_BASE_PATH_BYTES], cg_error *error);

#endif
