/* Bytes in files: saved whole or not at all, read by mapping. The engine has no files; what it
 * makes and opens are bytes (engine/index/segment.h), which come and go through here.
 *
 * A save writes PATH.part in the same folder, makes it durable, renames it to PATH and makes
 * the folder durable. So at every moment, whatever ends the process or the power, PATH holds
 * the old bytes or the new ones, whole. A process that is killed can leave PATH.part behind, and
 * so can a save that could not lock it, or not tell whether it still has that name: it may be
 * another save's, so it is left alone. The next save of PATH takes that name over, so at most
 * one is ever there. Two saves of one path exclude each other by a lock on PATH.part.
 *
 * A mapping belongs to the file that it was made from: a later save of the path does not touch
 * it. It must not be truncated by others while mapped: reading what is gone ends a process.
 */
#ifndef SIM_STORE_FILE_H
#define SIM_STORE_FILE_H

#include "engine/base/status.h"

/* Replaces the file at `path`, or makes it. bytes may be NULL when size_bytes is 0. On failure
 * the file is as it was and no temporary is left, with two exceptions: PATH.part stays when it
 * could not be locked or identified; and when only the folder could not be made durable, the
 * file holds the new bytes but might fall back to the old after a power cut. Errors: CG_ERROR_INVALID for an empty path or one too long for the system;
 * CG_ERROR_OVERLOADED while another save of the path is under way; CG_ERROR_IO with the
 * system's reason. Cost: a write and two waits for the disk. */
cg_status sim_file_save(const char *path, const void *bytes, size_t size_bytes,
                        cg_error *error);

typedef struct sim_file_view {
    const uint8_t *bytes; /* aligned to a page; NULL for an empty file */
    size_t size_bytes;
} sim_file_view;

/* Maps a regular file for reading; pages are read when touched. Errors: CG_ERROR_NOT_FOUND;
 * CG_ERROR_INVALID for what is not a regular file; CG_ERROR_IO with the system's reason. */
cg_status sim_file_map(const char *path, sim_file_view *out, cg_error *error);
void sim_file_unmap(sim_file_view *view); /* leaves it zeroed; a zeroed one is fine */

/* For tests: `before` is called ahead of each step of a save with the step's name, and what it
 * returns, unless 0, is taken for the errno with which the step failed. Names, in order:
 * "create", "lock", "check", "truncate", "write" (one for each), "sync", "rename", "sync
 * folder". A write takes at most write_bytes_max bytes, unless that is 0. */
typedef struct sim_file_probe {
    int (*before)(void *context, const char *step);
    void *context;
    size_t write_bytes_max;
} sim_file_probe;
cg_status sim_file_save_probed(const char *path, const void *bytes, size_t size_bytes,
                               const sim_file_probe *probe, cg_error *error);

#endif
