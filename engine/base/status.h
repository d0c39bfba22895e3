/* Status codes and error messages.
 *
 * What can fail returns a cg_status and, on failure, fills a caller-owned cg_error with one
 * sentence that names the value, the limit and the place. Out-parameters stay untouched on
 * failure. A NULL cg_error is allowed everywhere and means that the caller does not want the
 * sentence.
 *
 * CG_ASSERT guards invariants of the program itself, in every build; it never guards input.
 */
#ifndef CG_ENGINE_BASE_STATUS_H
#define CG_ENGINE_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cg_status {
    CG_OK = 0,
    CG_ERROR_INVALID,     /* an argument, option or record is not acceptable */
    CG_ERROR_MEMORY,      /* the allocator or arena is exhausted */
    CG_ERROR_NOT_FOUND,   /* no such id, key or file */
    CG_ERROR_EXISTS,      /* the id is taken */
    CG_ERROR_FULL,        /* a capacity or quota is reached */
    CG_ERROR_CORRUPT,     /* bytes are truncated, altered or inconsistent */
    CG_ERROR_VERSION,     /* bytes of a format version that is not understood */
    CG_ERROR_IO,          /* the operating system refused (sim and analysis only) */
    CG_ERROR_TIMEOUT,     /* no answer within the bound */
    CG_ERROR_UNREACHABLE, /* the host is known not to be reachable */
    CG_ERROR_PARTITION,   /* a network partition was detected */
    CG_ERROR_SPLIT_BRAIN, /* two primaries have met */
    CG_ERROR_LAG,         /* the replica is too far behind */
    CG_ERROR_PARTIAL,     /* the answer is incomplete */
    CG_ERROR_OVERLOADED,  /* shed: queues are full */
    CG_ERROR_INTERRUPTED, /* the user asked to stop */
    CG_ERROR_CONFLICT,    /* others held what was to be changed, each time it was tried */
    CG_STATUS_COUNT
} cg_status;

enum { CG_ERROR_MESSAGE_BYTES = 512 };

typedef struct cg_error {
    cg_status status;
    char message[CG_ERROR_MESSAGE_BYTES]; /* one sentence, NUL-terminated, no newline */
} cg_error;

/* Short stable name, for example "timeout". Static storage. */
const char *cg_status_name(cg_status status);

/* Fills `error` (unless NULL) with a printf-style sentence, truncated at the buffer, and
 * returns `status`. */
cg_status cg_error_set(cg_error *error, cg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* What is said above, for the static analyser: it sees no body of cg_error_set, and would
 * follow paths on which a failure returns CG_OK. */
static inline cg_status cg_error_set_returns(cg_status status, cg_status written) {
    (void)written;
    return status;
}
#define cg_error_set(error, status, ...)                                                       \
    cg_error_set_returns(status, cg_error_set(error, status, __VA_ARGS__))
#endif

/* Puts a printf-style text in front of the message already in `error`. Returns
 * error->status. */
cg_status cg_error_prefix(cg_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a failed CG_ASSERT calls; it must not return. The default traps. The program may install
 * one that prints before it aborts; engine itself never prints. Not thread-safe: install before
 * any thread starts. */
typedef void (*cg_assert_handler)(const char *condition, const char *file, int line);
void cg_assert_install(cg_assert_handler handler);
_Noreturn void cg_assert_fail(const char *condition, const char *file, int line);

#define CG_ASSERT(condition)                                                                   \
    ((condition) ? (void)0 : cg_assert_fail(#condition, __FILE__, __LINE__))

#endif
