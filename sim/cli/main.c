#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/verbs.h"

static const sim_verb *const verbs[] = {
    &sim_verb_run,   &sim_verb_table,     &sim_verb_plot,    &sim_verb_check,
    &sim_verb_bless, &sim_verb_bisect,    &sim_verb_explain, &sim_verb_graph,
    &sim_verb_fuzz,  &sim_verb_calibrate, &sim_verb_validate};
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

/* One line, whatever a file's name or a script's own words hold. */
static void print_sentence(const char *message) {
    fputs("cortigrid: ", stderr);
    for (; *message; ++message) {
        fputc((unsigned char)*message < 0x20 || *message == 0x7f ? ' ' : *message, stderr);
    }
    fputc('\n', stderr);
}

int sim_cli_fail(const cg_error *error) {
    print_sentence(error->message);
    switch (error->status) {
    case CG_ERROR_INVALID:
    case CG_ERROR_NOT_FOUND:
    case CG_ERROR_EXISTS:
    case CG_ERROR_VERSION:
    case CG_ERROR_CORRUPT:
        return SIM_EXIT_USE;
    case CG_ERROR_INTERRUPTED:
        return SIM_EXIT_INTERRUPTED;
    default:
        return SIM_EXIT_FAILED;
    }
}

const char *sim_cli_root(void) {
    return CORTIGRID_ROOT;
}

const char *sim_cli_find(const char *path, char *buffer, size_t capacity_bytes) {
    if (path[0] != '/' && access(path, F_OK) != 0) {
        int length = snprintf(buffer, capacity_bytes, "%s/%s", sim_cli_root(), path);
        if (length > 0 && (size_t)length < capacity_bytes && access(buffer, F_OK) == 0) {
            return buffer;
        }
    }
    snprintf(buffer, capacity_bytes, "%s", path); /* a message then names what was typed */
    return buffer;
}

static void find_in_place(char path[SIM_PATH_BYTES]) {
    char found[SIM_PATH_BYTES];
    if (strcmp(path, "none") != 0) {
        sim_cli_find(path, found, sizeof found);
        memcpy(path, found, strlen(found) + 1);
    }
}

void sim_cli_find_files(sim_options *options) {
    find_in_place(options->cluster.platform);
    find_in_place(options->cluster.regions.file);
}

static _Noreturn void report_assert(const char *condition, const char *file, int line) {
    fprintf(stderr, "cortigrid: internal error: %s does not hold at %s:%d\n", condition, file,
            line);
    abort();
}

static void print_usage(FILE *file) {
    fprintf(file, "Cortigrid: a neuromorphic allocation engine for knowledge graphs, on a "
                  "simulated cluster\n\n"
                  "usage: cortigrid VERB [options] ...\n\n");
    for (int i = 0; i < VERB_COUNT; ++i) {
        fprintf(file, "  %-9s %-26s %s\n", verbs[i]->name, verbs[i]->operands,
                verbs[i]->summary);
    }
    fprintf(
        file,
        "  test      [ctest options]            build and run every test (./cortigrid only)\n"
        "  bench     [NAME]                     build and run the benchmarks (./cortigrid "
        "only)\n\n"
        "cortigrid VERB --help tells more. Start with: cortigrid run "
        "scenarios/quickstart.lua\n");
}

int main(int argc, char **argv) {
    cg_assert_install(report_assert);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is then an error as a full disk is */
    if (argc < 2) {
        print_usage(stderr);
        return SIM_EXIT_USE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return SIM_EXIT_OK;
    }
    for (int i = 0; i < VERB_COUNT; ++i) {
        if (strcmp(argv[1], verbs[i]->name) == 0) {
            int status = verbs[i]->run(argc - 1, argv + 1);
            if (fflush(stdout) != 0) {
                perror("cortigrid: cannot write the results to stdout");
                return SIM_EXIT_FAILED;
            }
            return status;
        }
    }
    fprintf(stderr,
            "cortigrid: unknown verb \"%s\"; the verbs are run, table, plot, check, bless, "
            "bisect, explain, graph, fuzz, calibrate and validate\n",
            argv[1]);
    return SIM_EXIT_USE;
}
