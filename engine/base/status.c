/* Status names, error sentences and the assertion hook. */
#include "engine/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[CG_STATUS_COUNT] = {
    [CG_OK] = "ok",
    [CG_ERROR_INVALID] = "invalid",
    [CG_ERROR_MEMORY] = "memory",
    [CG_ERROR_NOT_FOUND] = "not_found",
    [CG_ERROR_EXISTS] = "exists",
    [CG_ERROR_FULL] = "full",
    [CG_ERROR_CORRUPT] = "corrupt",
    [CG_ERROR_VERSION] = "version",
    [CG_ERROR_IO] = "io",
    [CG_ERROR_TIMEOUT] = "timeout",
    [CG_ERROR_UNREACHABLE] = "unreachable",
    [CG_ERROR_PARTITION] = "partition",
    [CG_ERROR_SPLIT_BRAIN] = "split_brain",
    [CG_ERROR_LAG] = "lag",
    [CG_ERROR_PARTIAL] = "partial",
    [CG_ERROR_OVERLOADED] = "overloaded",
    [CG_ERROR_INTERRUPTED] = "interrupted",
    [CG_ERROR_CONFLICT] = "conflict",
};

const char *cg_status_name(cg_status status) {
    if ((unsigned)status >= CG_STATUS_COUNT) {
        return "unknown";
    }
    return status_names[status];
}

/* A message is one line: text quoted from input may hold anything. */
static void flatten_line(char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = ' ';
        }
    }
}

#undef cg_error_set
cg_status cg_error_set(cg_error *error, cg_status status, const char *format, ...) {
    if (!error) {
        return status;
    }
    /* Through a copy, because an argument may be the old message itself. */
    char message[CG_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        message[0] = '\0';
    }
    flatten_line(message);
    memcpy(error->message, message, strlen(message) + 1);
    error->status = status;
    return status;
}

cg_status cg_error_prefix(cg_error *error, const char *format, ...) {
    if (!error) {
        /* The status is not known here; a failure must at least not turn into a success. */
        return CG_ERROR_INVALID;
    }
    char message[CG_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        message[0] = '\0';
    }
    flatten_line(message);
    size_t used = strlen(message);
    size_t rest = strlen(error->message);
    if (rest > sizeof message - 1 - used) {
        rest = sizeof message - 1 - used;
    }
    memcpy(message + used, error->message, rest);
    message[used + rest] = '\0';
    memcpy(error->message, message, used + rest + 1);
    return error->status;
}

/* The one mutable global of base: written before any thread starts, then only read. */
static cg_assert_handler assert_handler;

void cg_assert_install(cg_assert_handler handler) {
    assert_handler = handler;
}

_Noreturn void cg_assert_fail(const char *condition, const char *file, int line) {
    if (assert_handler) {
        assert_handler(condition, file, line);
    }
    __builtin_trap();
}
