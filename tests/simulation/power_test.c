/* Goal: a host's energy is what SimGrid's energy plug-in says of the same work. */
#include "sim/point/power.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/exec.h>
#include <simgrid/host.h>
#include <simgrid/plugins/energy.h>

#include "tests/support/support.h"

enum { CORES = 4, PHASES = 4 };
static const char platform[] =
    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
    "<platform version=\"4.1\"><zone id=\"zone\" routing=\"None\"><host id=\"host\" "
    "speed=\"1Gf\" core=\"4\">"
    "<prop id=\"wattage_per_state\" value=\"100.0:100.0:325.0\"/></host></zone></platform>\n";
/* Cores at work, each for so long. */
static const uint32_t working[PHASES] = {1, 4, 0, 3};
static const double seconds[PHASES] = {2.0, 1.5, 3.0, 0.25};

static void work_off(int count, char **arguments) {
    (void)count;
    (void)arguments;
    for (uint32_t phase = 0; phase < PHASES; ++phase) {
        sg_exec_t each[CORES];
        for (uint32_t i = 0; i < working[phase]; ++i) {
            each[i] = sg_actor_exec_async(1e9 * seconds[phase]);
        }
        for (uint32_t i = 0; i < working[phase]; ++i) {
            sg_exec_wait(each[i]);
        }
        if (working[phase] == 0) {
            sg_actor_sleep_for(seconds[phase]);
        }
    }
}

static void test_plug_in(void **state) {
    (void)state;
    int count = 1;
    char *arguments[] = {(char[]){"power_test"}, NULL};
    sg_host_energy_plugin_init();
    simgrid_init(&count, arguments);
    char path[] = "/tmp/cortigrid-power-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, platform, sizeof platform - 1), sizeof platform - 1);
    assert_int_equal(close(descriptor), 0);
    simgrid_load_platform(path);
    assert_int_equal(unlink(path), 0);
    sg_host_t host = sg_host_by_name("host");
    sg_actor_create("worker", host, work_off, 0, NULL);
    simgrid_run();
    double duration = 0.0;
    double busy = 0.0;
    for (uint32_t phase = 0; phase < PHASES; ++phase) {
        duration += seconds[phase];
        busy += seconds[phase] * working[phase];
    }
    sim_cluster_options cluster = {.idle_w = 100.0, .busy_w = 325.0};
    double ours =
        sim_power_host_j(&cluster, CORES, (uint64_t)(busy * 1e9), (uint64_t)(duration * 1e9));
    double theirs = sg_host_get_consumed_energy(host);
    print_message("%.6f J, SimGrid says %.6f J\n", ours, theirs);
    assert_true(fabs(ours - theirs) < 1e-6 * theirs);
    assert_true(fabs(ours - (100.0 * 6.75 + 225.0 / 4.0 * 8.75)) < 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plug_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
