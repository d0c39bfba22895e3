/* Loading a scenario: read the file, evaluate it in a forked child with limits, decode what
 * comes back.
 *
 * The child gets a CPU limit, for what the sandbox's instruction budget cannot count (string
 * patterns), and no way to write files. It sends one message through a pipe: a byte that is 0
 * before an encoded plan, or a status code before an error sentence. Whatever else happens to
 * it becomes a sentence here.
 */
#include "sim/scenario/scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "sim/scenario/evaluate.h"
#include "sim/scenario/lua_read.h"
#include "sim/scenario/plan.h"

enum { SOURCE_BYTES_MAX = 1 << 20, MESSAGE_BYTES_MAX = 1 << 28, CPU_S = 4 };

static cg_status read_source(const char *path, char **out, size_t *out_bytes, cg_error *error) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "cannot open the scenario %s: %s", path,
                            strerror(errno));
    }
    char *source = malloc(SOURCE_BYTES_MAX + 1);
    size_t size_bytes = source ? fread(source, 1, SOURCE_BYTES_MAX + 1, file) : 0;
    cg_status status = CG_OK;
    if (!source) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to read %s", path);
    } else if (ferror(file)) {
        int reason = errno;
        status = cg_error_set(error, reason == EISDIR ? CG_ERROR_INVALID : CG_ERROR_IO,
                              "cannot read the scenario %s: %s", path, strerror(reason));
    } else if (size_bytes > SOURCE_BYTES_MAX) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%s is larger than %d bytes; is it a scenario?", path,
                              SOURCE_BYTES_MAX);
    } else if (memchr(source, '\0', size_bytes)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%s holds zero bytes; a scenario must be source text", path);
    }
    fclose(file);
    if (status != CG_OK) {
        free(source);
        return status;
    }
    source[size_bytes] = '\0';
    *out = source;
    *out_bytes = size_bytes;
    return CG_OK;
}

/* The comment lines at the file's start, joined by spaces, without dashes. */
static cg_status read_question(const char *source, char **out, cg_error *error) {
    char *question = malloc(strlen(source) + 1);
    if (!question) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the scenario's question");
    }
    size_t used = 0;
    while (source[0] == '-' && source[1] == '-' && source[2] != '[') {
        source += strspn(source, "-");
        source += strspn(source, " \t");
        size_t length = strcspn(source, "\r\n");
        if (length > 0 && used > 0) {
            question[used++] = ' ';
        }
        if (sim_text_is_printable(source, length)) {
            memcpy(question + used, source, length);
            used += length;
        }
        source += length;
        source += *source == '\r' ? 1 : 0;
        source += *source == '\n' ? 1 : 0;
    }
    question[used] = '\0';
    *out = question;
    return CG_OK;
}

static bool write_all(int descriptor, const uint8_t *bytes, size_t size_bytes) {
    while (size_bytes > 0) {
        ssize_t written = write(descriptor, bytes, size_bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes += written;
        size_bytes -= (size_t)written;
    }
    return true;
}

static void limit_child(void) {
    struct rlimit cpu = {.rlim_cur = CPU_S, .rlim_max = CPU_S + 1};
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    signal(SIGXCPU, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
}

_Noreturn static void run_child(int descriptor, const sim_evaluation *evaluation) {
    limit_child();
    cg_error error = {.status = CG_OK};
    sim_plan *plan = NULL;
    uint64_t module_hash = 0;
    sim_bytes message = {0};
    cg_status status = sim_evaluate(evaluation, &plan, &module_hash, &error);
    if (status == CG_OK) {
        const uint8_t fine = 0;
        status = sim_bytes_add(&message, &fine, 1, &error);
        status =
            status == CG_OK ? sim_plan_encode(plan, module_hash, &message, &error) : status;
    }
    bool written = false;
    if (status == CG_OK) {
        written = write_all(descriptor, message.bytes, message.used);
    } else {
        uint8_t code = (uint8_t)status;
        written = write_all(descriptor, &code, 1) &&
                  write_all(descriptor, (const uint8_t *)error.message, strlen(error.message));
    }
    _exit(written ? 0 : 1);
}

/* Everything up to the end of the pipe. */
static cg_status read_message(int descriptor, sim_bytes *message, cg_error *error) {
    static const size_t piece_bytes = 65536;
    uint8_t *piece = malloc(piece_bytes);
    if (!piece) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to read the evaluated scenario");
    }
    cg_status status = CG_OK;
    while (status == CG_OK) {
        ssize_t taken = read(descriptor, piece, piece_bytes);
        if (taken == 0) {
            break;
        }
        if (taken < 0 && errno != EINTR) {
            status = cg_error_set(error, CG_ERROR_IO, "cannot read the evaluated scenario: %s",
                                  strerror(errno));
        } else if (taken > 0 && message->used + (size_t)taken > MESSAGE_BYTES_MAX) {
            status = cg_error_set(error, CG_ERROR_INVALID,
                                  "the evaluated scenario is larger than %d bytes",
                                  MESSAGE_BYTES_MAX);
        } else if (taken > 0) {
            status = sim_bytes_add(message, piece, (size_t)taken, error);
        }
    }
    free(piece);
    return status;
}

static cg_status judge_death(const char *file, int wait_status, cg_error *error) {
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        return CG_OK;
    }
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    if (number == SIGXCPU) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s: the script took more than %d s of processor time; it may hold an endless "
            "loop or a string pattern that searches without end",
            file, CPU_S);
    }
    if (number == SIGKILL) {
        return cg_error_set(
            error, CG_ERROR_IO,
            "%s: the process that evaluates it was killed; the machine may be out of "
            "memory",
            file);
    }
    if (number == SIGINT || number == SIGTERM) {
        return cg_error_set(error, CG_ERROR_INTERRUPTED, "%s: interrupted while it was read",
                            file);
    }
    return cg_error_set(error, CG_ERROR_IO, "%s: the process that evaluates it died (%s %d)",
                        file, number ? "signal" : "status",
                        number ? number : WEXITSTATUS(wait_status));
}

/* The first byte says what follows (see above). */
static cg_status decode_message(const char *file, const sim_bytes *message, uint64_t seed,
                                sim_plan **out, uint64_t *module_hash, cg_error *error) {
    if (message->used == 0 || message->bytes[0] >= CG_STATUS_COUNT) {
        return cg_error_set(error, CG_ERROR_IO,
                            "%s: the process that evaluates it said nothing", file);
    }
    if (message->bytes[0] != CG_OK) {
        return cg_error_set(error, (cg_status)message->bytes[0], "%.*s",
                            (int)(message->used - 1), (const char *)message->bytes + 1);
    }
    cg_status status =
        sim_plan_decode(message->bytes + 1, message->used - 1, seed, out, module_hash, error);
    return status == CG_OK ? status : (cg_error_prefix(error, "%s: ", file), status);
}

static cg_status evaluate_in_child(const sim_evaluation *evaluation, sim_plan **out,
                                   uint64_t *module_hash, cg_error *error) {
    int ends[2];
    if (pipe(ends) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot open a pipe for %s: %s",
                            evaluation->file, strerror(errno));
    }
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return cg_error_set(error, CG_ERROR_IO, "cannot start a process for %s: %s",
                            evaluation->file, strerror(errno));
    }
    if (child == 0) {
        close(ends[0]);
        run_child(ends[1], evaluation);
    }
    close(ends[1]);
    sim_bytes message = {0};
    cg_status status = read_message(ends[0], &message, error);
    close(ends[0]); /* a child that still writes gets SIGPIPE */
    int wait_status = 0;
    pid_t waited = 0;
    do {
        waited = waitpid(child, &wait_status, 0);
    } while (waited < 0 && errno == EINTR);
    if (status == CG_OK && waited == child) {
        status = judge_death(evaluation->file, wait_status, error);
    }
    if (status == CG_OK) {
        status = decode_message(evaluation->file, &message, evaluation->seed, out, module_hash,
                                error);
    }
    sim_bytes_free(&message);
    return status;
}

/* --set is wrong before the scenario is looked at, and without naming any point. */
static cg_status check_settings(const sim_scenario_request *request, cg_error *error) {
    sim_options *options = malloc(sizeof *options);
    if (!options) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the options of --set");
    }
    sim_options_default(options);
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < request->setting_count && status == CG_OK; i++) {
        status = sim_options_set(options, request->settings[i].path, request->settings[i].value,
                                 error);
    }
    free(options);
    return status == CG_OK ? status : (cg_error_prefix(error, "--set: "), status);
}

static cg_status name_plan(sim_plan *plan, const char *file, uint64_t module_hash,
                           cg_error *error) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_bytes(&hasher, plan->source, strlen(plan->source));
    cg_hasher_add_u64(&hasher, module_hash);
    plan->source_hash = cg_hasher_value(&hasher);
    cg_status status = sim_text_copy(file, &plan->file, error);
    return status == CG_OK ? read_question(plan->source, &plan->question, error) : status;
}

cg_status sim_scenario_plan(const sim_scenario_request *request, sim_plan **out,
                            cg_error *error) {
    char *source = NULL;
    size_t source_bytes = 0;
    cg_status status = check_settings(request, error);
    status =
        status == CG_OK ? read_source(request->file, &source, &source_bytes, error) : status;
    if (status != CG_OK) {
        return status;
    }
    sim_evaluation evaluation = {
        .file = request->file,
        .library = request->library,
        .source = source,
        .source_bytes = source_bytes,
        .settings = request->settings,
        .setting_count = request->setting_count,
        .seed = request->seed,
        .limits = sim_evaluate_limits(),
    };
    sim_plan *plan = NULL;
    uint64_t module_hash = 0;
    status = evaluate_in_child(&evaluation, &plan, &module_hash, error);
    if (status != CG_OK) {
        free(source);
        return status;
    }
    plan->source = source;
    status = name_plan(plan, request->file, module_hash, error);
    if (status != CG_OK) {
        sim_plan_free(plan);
        return status;
    }
    *out = plan;
    return CG_OK;
}
