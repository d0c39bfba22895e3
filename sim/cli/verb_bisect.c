/* cortigrid bisect: the first event at which two runs differ.
 *
 * Each run is a process of its own, `PROGRAM run FILE --events -` (sim/trace/event_log.h), and what
 * they write is compared while they write it (sim/trace/difference.h). So runs of one program, of
 * two scenarios, and of two builds are all compared in the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/verbs.h"
#include "sim/trace/difference.h"

enum { LABEL_BYTES = 512, FIXED_WORDS = 10, WORDS_MAX = FIXED_WORDS + 4 * SIM_ARGS_VALUES_MAX };

static const sim_arg bisect_args[] = {
    {"--set", "PATH=VALUE", "sets an option of both runs; may be repeated"},
    {"--with", "PATH=VALUE", "sets an option of the second run, after --set; may be repeated"},
    {"--point", "N", "the point, where a scenario has more than one (run --list)"},
    {"--with-point", "N", "the second run's point; default: the same"},
    {"--seed", "N", "seed of both runs; default 1"},
    {"--against", "PROGRAM", "another build of cortigrid, which does the second run"},
    {NULL, NULL, NULL},
};

/* One of the two runs. */
typedef struct side {
    const char *program;
    const char *words[WORDS_MAX];
    uint32_t word_count;
    char label[LABEL_BYTES];
    pid_t process; /* 0: not started, or collected */
    FILE *events;
    FILE *messages; /* what it printed on stderr */
    sim_event_reader reader;
} side;

static void add_word(side *self, const char *word) {
    if (self->word_count < WORDS_MAX - 1) {
        self->words[self->word_count++] = word;
    }
}

static void add_option(side *self, const char *name, const char *value) {
    if (value) {
        add_word(self, name);
        add_word(self, value);
    }
}

static void add_label(side *self, const char *joint, const char *text) {
    size_t used = strlen(self->label);
    snprintf(self->label + used, LABEL_BYTES - used, "%s%s", joint, text);
}

static void describe(side *self, const sim_args *args, bool second) {
    const char *values[SIM_ARGS_VALUES_MAX];
    const char *point = sim_args_value(args, "--point", NULL);
    const char *file = args->operands[second && args->operand_count > 1 ? 1 : 0];
    const char *program = second ? sim_args_value(args, "--against", NULL) : NULL;
    self->program = program ? program : "/proc/self/exe";
    add_word(self, program ? program : "cortigrid");
    add_word(self, "run");
    add_label(self, "", file);
    for (int with = 0; with <= (int)second; with++) {
        uint32_t count = sim_args_values(args, with ? "--with" : "--set", values);
        for (uint32_t i = 0; i < count; i++) {
            add_option(self, "--set", values[i]);
            if (with) {
                add_label(self, i == 0 ? " with " : ", ", values[i]);
            }
        }
    }
    point = second ? sim_args_value(args, "--with-point", point) : point;
    add_option(self, "--point", point);
    if (point) {
        add_label(self, ", point ", point);
    }
    add_option(self, "--seed", sim_args_value(args, "--seed", NULL));
    add_option(self, "--events", "-");
    add_word(self, "--quiet");
    add_word(self, "--");
    add_word(self, file);
    if (program) {
        add_label(self, ", run by ", program);
    }
}

/* --- processes -------------------------------------------------------------- */

static _Noreturn void become(const side *self, int out, pid_t parent) {
    char *words[WORDS_MAX];
    int nothing = open("/dev/null", O_RDONLY);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || nothing < 0 ||
        dup2(nothing, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(fileno(self->messages), STDERR_FILENO) < 0) {
        _exit(SIM_EXIT_FAILED);
    }
    memcpy(words, self->words, sizeof words);
    execvp(self->program, words);
    fprintf(stderr, "cortigrid: --against: cannot run %s: %s\n", self->program,
            strerror(errno));
    fflush(stderr);
    _exit(SIM_EXIT_USE);
}

static cg_status start(side *self, cg_error *error) {
    int ends[2];
    self->messages = tmpfile();
    if (!self->messages || pipe(ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(ends[1], F_SETFD, FD_CLOEXEC) < 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot make a pipe for a run: %s",
                            strerror(errno));
    }
    fflush(NULL);
    pid_t parent = getpid();
    pid_t process = fork();
    if (process == 0) {
        become(self, ends[1], parent);
    }
    close(ends[1]);
    self->process = process > 0 ? process : 0;
    self->events = fdopen(ends[0], "r");
    if (process < 0 || !self->events) {
        if (!self->events) {
            close(ends[0]);
        }
        return cg_error_set(error, CG_ERROR_IO, "cannot start a process for a run: %s",
                            strerror(errno));
    }
    return CG_OK;
}

/* Waits for its end; -1: it was ended by a signal. */
static int collect(side *self) {
    int status = 0;
    while (waitpid(self->process, &status, 0) < 0 && errno == EINTR) {
    }
    self->process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void stop(side *self) {
    if (self->process > 0) {
        kill(self->process, SIGKILL);
        (void)collect(self);
    }
    if (self->events) {
        fclose(self->events);
    }
    if (self->messages) {
        fclose(self->messages);
    }
}

/* What a run that broke off has to say, or why it cannot be read. */
static int explain_failure(side *self, const cg_error *error) {
    char text[4096];
    int status = collect(self);
    rewind(self->messages);
    size_t used = fread(text, 1, sizeof text, self->messages);
    if (status != SIM_EXIT_OK && used > 0) {
        fwrite(text, 1, used, stderr);
        return status == SIM_EXIT_USE ? SIM_EXIT_USE : SIM_EXIT_FAILED;
    }
    (void)sim_cli_fail(error);
    return SIM_EXIT_FAILED;
}

/* --- the verb --------------------------------------------------------------- */

static int compare(side sides[2]) {
    sim_difference difference;
    cg_error error;
    for (int i = 0; i < 2;
         i++) { /* one after the other: what is wrong with both is said once */
        cg_status status = start(&sides[i], &error);
        if (status != CG_OK) {
            return sim_cli_fail(&error);
        }
        status =
            sim_event_reader_init(&sides[i].reader, sides[i].events, sides[i].label, &error);
        if (status != CG_OK) {
            return explain_failure(&sides[i], &error);
        }
    }
    if (sim_difference_find(&sides[0].reader, &sides[1].reader, &difference, &error) != CG_OK) {
        for (int i = 0; i < 2; i++) {
            if (!sides[i].reader.ended && feof(sides[i].events)) {
                return explain_failure(&sides[i], &error);
            }
        }
        return sim_cli_fail(&error);
    }
    const char *const labels[2] = {sides[0].label, sides[1].label};
    sim_difference_print(&difference, labels, stdout);
    if (difference.kind != SIM_DIFFERENCE_NONE) {
        return SIM_EXIT_CHECK;
    }
    return difference.failures[0][0] ? SIM_EXIT_FAILED : SIM_EXIT_OK;
}

static int bisect_verb(int argc, char **argv) {
    static side sides[2]; /* large */
    sim_args args;
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_bisect, argc, argv, &args, &error);
    if (status == CG_OK && args.help) {
        sim_args_help(&sim_verb_bisect, stdout);
        return SIM_EXIT_OK;
    }
    if (status != CG_OK) {
        return sim_cli_fail(&error);
    }
    for (int i = 0; i < 2; i++) {
        describe(&sides[i], &args, i == 1);
    }
    int exit_status = compare(sides);
    stop(&sides[0]);
    stop(&sides[1]);
    return exit_status;
}

const sim_verb sim_verb_bisect = {
    "bisect",
    "A.lua [B.lua]",
    "the first event at which two runs differ (A.lua alone: run twice)",
    bisect_args,
    1,
    2,
    bisect_verb};
