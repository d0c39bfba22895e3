/* What every test shares: cmocka with its prerequisites, and seeds that are printed.
 *
 * A random test takes its seed from support_seed(): the environment variable
 * CORTIGRID_TEST_SEED when set, otherwise the constant given. On failure the test must print
 * the seed and the command that repeats it; support_note_seed registers both so that they are
 * printed when a cmocka assertion fails.
 */
#ifndef CG_TESTS_SUPPORT_SUPPORT_H
#define CG_TESTS_SUPPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/memory.h"
#include "engine/base/prng.h"
#include "engine/base/status.h"

/* 1 in builds whose every access is checked, which take several times as long: what is large to be thorough
 * may be smaller there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SUPPORT_SANITISED 1
#else
#define SUPPORT_SANITISED 0
#endif

/* The seed for a random test, printed to stderr as "seed N (repeat: CORTIGRID_TEST_SEED=N
 * PROGRAM)". */
uint64_t support_seed(uint64_t fallback);

/* Fails unless status is CG_OK, printing the error's sentence. */
#define assert_ok(status, error)                                                               \
    do {                                                                                       \
        if ((status) != CG_OK) {                                                               \
            fail_msg("status %s: %s", cg_status_name(status), (error).message);                \
        }                                                                                      \
    } while (0)

/* Fails unless status is the expected one and the sentence contains `part`. */
#define assert_status(status, expected, error, part)                                           \
    do {                                                                                       \
        assert_int_equal((status), (expected));                                                \
        if (!support_contains((error).message, (part))) {                                      \
            fail_msg("message \"%s\" lacks \"%s\"", (error).message, (part));                  \
        }                                                                                      \
    } while (0)

int support_contains(const char *text, const char *part);

/* Reads a whole file into a fresh block (free with free()); fails the test when it cannot. */
uint8_t *support_read_file(const char *path, size_t *size_bytes);

#endif
