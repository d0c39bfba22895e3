#include "tests/support/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "tests/support/support.h"

extern char **environ;

enum { CPU_MAX_S = 60 };

static char base[64]; /* holds the folder and the two files for what is printed */
static pid_t running; /* of a test that failed meanwhile */

void program_init(const char *program_path) {
    /* Whatever goes wrong, nothing that a test starts runs on for long. */
    struct rlimit limit = {CPU_MAX_S, CPU_MAX_S};
    assert_int_equal(setrlimit(RLIMIT_CPU, &limit), 0);
    snprintf(base, sizeof base, "/tmp/cortigrid_program_XXXXXX");
    assert_non_null(mkdtemp(base));
    assert_int_equal(setenv("P", program_path, 1), 0);
    assert_int_equal(chdir(base), 0);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(chdir("folder"), 0);
}

void program_deinit(void) {
    char command[128];
    if (running != 0) {
        kill(running, SIGKILL);
    }
    snprintf(command, sizeof command, "cd / && rm -rf %s", base);
    (void)program_run(command);
    (void)chdir("/");
}

void program_write(const char *name, const char *text) {
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void capture_path(const char *name, char path[128]) {
    snprintf(path, 128, "%s/%s", base, name);
}

static void read_capture(const char *name, char *text, size_t capacity_bytes) {
    char path[128];
    capture_path(name, path);
    FILE *file = fopen(path, "rb");
    size_t used = file ? fread(text, 1, capacity_bytes - 1, file) : 0;
    text[used] = '\0';
    if (file) {
        fclose(file);
    }
}

pid_t program_start(const char *command) {
    char out[128];
    char err[128];
    capture_path("out", out);
    capture_path("err", err);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, flags, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err, flags, 0600);
    char *arguments[] = {"sh", "-c", (char *)command, NULL};
    pid_t process = 0;
    int failure = posix_spawn(&process, "/bin/sh", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(failure, 0);
    running = process;
    return process;
}

program_result program_wait(pid_t process) {
    program_result result = {0};
    int status = 0;
    running = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_capture("out", result.out, sizeof result.out);
    read_capture("err", result.err, sizeof result.err);
    return result;
}

program_result program_run(const char *command) {
    return program_wait(program_start(command));
}

void program_err(char *text, size_t capacity_bytes) {
    read_capture("err", text, capacity_bytes);
}

static uint64_t file_hash(const char *name) {
    FILE *file = fopen(name, "rb");
    static char block[1 << 16];
    uint64_t hash = cg_hash_bytes(name, strlen(name), 1);
    size_t got = 0;
    while (file && (got = fread(block, 1, sizeof block, file)) > 0) {
        hash = cg_hash_bytes(block, got, hash);
    }
    if (file) {
        fclose(file);
    }
    return hash;
}

uint64_t program_folder_hash(void) {
    DIR *folder = opendir(".");
    assert_non_null(folder);
    uint64_t sum = 0; /* no order of names comes in */
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        struct stat about;
        if (lstat(entry->d_name, &about) == 0) {
            sum += S_ISREG(about.st_mode)
                       ? file_hash(entry->d_name)
                       : cg_hash_bytes(entry->d_name, strlen(entry->d_name), 2);
        }
    }
    closedir(folder);
    return sum;
}

/* State and parent of a process, from /proc/PID/stat: "PID (name) S PPID ...". */
static bool read_stat(pid_t process, char *state, pid_t *parent) {
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    size_t used = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[used] = '\0';
    char *end = strrchr(text, ')');
    if (!end || strlen(end) < 5) {
        return false;
    }
    *state = end[2];
    *parent = (pid_t)strtol(end + 4, NULL, 10);
    return true;
}

pid_t program_child_of(pid_t parent) {
    DIR *folder = opendir("/proc");
    assert_non_null(folder);
    pid_t found = 0;
    for (struct dirent *entry = readdir(folder); entry && found == 0; entry = readdir(folder)) {
        pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);
        char state = 0;
        pid_t its_parent = 0;
        if (process > 0 && read_stat(process, &state, &its_parent) && its_parent == parent &&
            state != 'Z') {
            found = process;
        }
    }
    closedir(folder);
    return found;
}

bool program_is_alive(pid_t process) {
    char state = 0;
    pid_t parent = 0;
    return read_stat(process, &state, &parent) && state != 'Z' && state != 'X';
}

void program_sleep_ms(int time_ms) {
    struct timespec pause = {time_ms / 1000, (long)(time_ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

void program_refuses(const char *command, int status, const char *says) {
    program_result result = program_run(command);
    const char *newline = strchr(result.err, '\n');
    bool one_line = newline && newline[1] == '\0';
    if (result.status != status || strncmp(result.err, "cortigrid: ", 11) != 0 || !one_line ||
        result.out[0] || !support_contains(result.err, says)) {
        fail_msg(
            "%s\nended with %d, wanted %d and \"%s\" on one line; stdout:\n%s\nstderr:\n%s",
            command, result.status, status, says, result.out, result.err);
    }
}

program_result program_run_well(const char *command) {
    program_result result = program_run(command);
    if (result.status != 0) {
        fail_msg("%s\nended with %d:\n%s", command, result.status, result.err);
    }
    return result;
}
