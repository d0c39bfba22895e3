/* Running the built program as a user does: command lines in a folder of their own, with what
 * they print and how they end.
 *
 * A command line is the shell's; $P stands for the program. The test's current folder is a
 * fresh one, which program_deinit removes with everything in it.
 */
#ifndef CG_TESTS_SUPPORT_PROGRAM_H
#define CG_TESTS_SUPPORT_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct program_result {
    int status;     /* exit status; 1000 + N when signal N ended it */
    char out[8192]; /* what was printed, cut off when longer */
    char err[8192];
} program_result;

void program_init(const char *program_path);
void program_deinit(void);

void program_write(const char *name, const char *text);

/* Ends the test when the command cannot be started. */
program_result program_run(const char *command);
/* The same; fails the test, with what the program said, unless it ends with 0. */
program_result program_run_well(const char *command);

/* program_run in two steps; meanwhile program_err shows what stands on stderr so far. The command
 * should start with exec, so that the process is the program. */
pid_t program_start(const char *command);
program_result program_wait(pid_t process);
void program_err(char *text, size_t capacity_bytes);

/* Of the names and contents of the files in the folder, not of those in folders inside it. */
uint64_t program_folder_hash(void);

/* A process whose parent is `parent`; 0 when there is none. */
pid_t program_child_of(pid_t parent);
/* False for a process that is gone or only waits to be collected. */
bool program_is_alive(pid_t process);
void program_sleep_ms(int time_ms);

/* Fails unless the command ended with this status and its whole output is one line on stderr
 * "cortigrid: ... says ...". */
void program_refuses(const char *command, int status, const char *says);

#endif
