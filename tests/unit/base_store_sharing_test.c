/* Goal: of any number of processes that want one base at one time, one builds it and the others find
 * it; and who waits for a builder that dies is not left waiting.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>

#include "tests/support/base_folder.h"

/* In a child: opens the base; exits with its source, or 99. */
static pid_t open_in_child(uint32_t number) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sim_base base = {0};
        sim_base_request request = request_of(number);
        cg_status status = sim_base_open(&request, &base, NULL);
        bool is_whole = status == CG_OK && cg_segment_count(base.segment) == ROWS;
        _exit(is_whole ? (int)base.source : 99);
    }
    return child;
}

static void test_together(void **state) {
    (void)state;
    enum { CHILDREN = 5 };
    pid_t children[CHILDREN];
    uint32_t sources[4] = {0};
    for (uint32_t i = 0; i < CHILDREN; i++) {
        children[i] = open_in_child(4);
    }
    for (uint32_t i = 0; i < CHILDREN; i++) {
        int code = exit_of(children[i]);
        assert_true(code < 4);
        sources[code]++;
    }
    assert_int_equal(sources[SIM_BASE_BUILT], 1);
    assert_int_equal(sources[SIM_BASE_FOUND], CHILDREN - 1);
    assert_int_equal(count_files(), 1);
}

static void wait_ms(long ms) {
    struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* A child that holds the file's lock until it is killed. */
static pid_t hold_in_child(const char *lock) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        (void)alarm(60); /* should the test end first */
        int file = open(lock, O_RDWR | O_CREAT, 0666);
        bool is_held = file >= 0 && flock(file, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1;
        while (is_held && pause() != 0) {
        }
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return holder;
}

static void end_holder(pid_t holder) {
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
}

static void assert_waiting(pid_t waiter) {
    wait_ms(50);
    assert_int_equal(waitpid(waiter, NULL, WNOHANG), 0);
}

/* Who waits for a builder that is killed builds by himself, unless another one has begun: then he
 * waits for that one. */
static void test_killed_builder(void **state) {
    (void)state;
    open_and_close(0, SIM_BASE_BUILT); /* makes the folder */
    char lock[SIM_BASE_PATH_BYTES + 8];
    char other[SIM_BASE_PATH_BYTES + 16];
    (void)snprintf(lock, sizeof lock, "%s.lock", path_of(4));
    (void)snprintf(other, sizeof other, "%s.other", lock);
    pid_t first = hold_in_child(lock);
    pid_t waiter = open_in_child(4);
    assert_waiting(waiter);
    pid_t second = hold_in_child(other);
    assert_int_equal(rename(other, lock), 0);
    end_holder(first); /* the waiter's lock is no longer the one of that name */
    assert_waiting(waiter);
    assert_int_equal(count_files(), 2); /* base 0, and the lock */
    end_holder(second);
    assert_int_equal(exit_of(waiter), SIM_BASE_BUILT);
    assert_int_equal(count_files(), 2); /* two bases */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_together, begin),
        cmocka_unit_test_setup(test_killed_builder, begin),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
