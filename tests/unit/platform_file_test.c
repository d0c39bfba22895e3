/* Goal: a platform file gives its hosts in the order of their names and its routes' latencies;
 * what is wrong with one is told of in a sentence, and so is a lack of memory. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cluster/platform_file.h"

enum { LATENCY_NS = 50000 };

#define HEAD                                                                                   \
    "<?xml version=\"1.0\"?>\n<!DOCTYPE platform SYSTEM "                                      \
    "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n"
#define ZONE  "<zone id=\"w\" routing=\"Full\">"
#define TAIL  "</zone></platform>\n"
#define A_B   "<host id=\"a\" speed=\"1Gf\"/><host id=\"b\" speed=\"1Gf\"/>"
#define ROUTE "<route src=\"a\" dst=\"b\"><link_ctn id=\"l\"/></route>"

static cg_status read_text(const char *text, uint32_t hosts, sim_topology *out,
                           cg_error *error) {
    char path[] = "/tmp/cortigrid-platform-test-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(descriptor);
    cg_status status =
        sim_platform_file_read(path, hosts, LATENCY_NS, cg_allocator_heap(), out, error);
    (void)unlink(path);
    return status;
}

/* Different latencies there and back, and hosts that are left out. */
static void test_routes(void **state) {
    (void)state;
    sim_topology file = {0};
    cg_error error;
    assert_ok(read_text(HEAD ZONE
                        "<host id=\"n10\" speed=\"1Gf\"/><host id=\"n9\" speed=\"4Gf\" "
                        "core=\"2\"/><host id=\"zz\" speed=\"1Gf\"/>"
                        "<!-- state_file=\"x\" --><link id=\"l\" bandwidth=\"1GBps\" "
                        "latency=\"3us\"/><link id=\"k\" bandwidth=\"1GBps\" "
                        "latency=\"1ms\"/>"
                        "<route src=\"n9\" dst=\"n10\" symmetrical=\"NO\"><link_ctn "
                        "id=\"l\"/></route>"
                        "<route src=\"n10\" dst=\"n9\" symmetrical=\"NO\"><link_ctn "
                        "id=\"l\"/><link_ctn id=\"k\"/></route>" TAIL,
                        2, &file, &error),
              error);
    assert_string_equal(file.file_hosts[0].name, "n9");
    assert_int_equal(sim_topology_offset_ns(&file, 0, 1), 3000 - LATENCY_NS);
    assert_int_equal(sim_topology_offset_ns(&file, 1, 0), 1003000 - LATENCY_NS);
    sim_topology_deinit(&file);
}

static void test_bad_files(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "SimGrid cannot read it: Parse error"},
        {"hello", "Parse error"},
        {HEAD ZONE A_B, "Premature EOF"},
        {HEAD ZONE "<host id=\"a\"/>" TAIL, "`speed' not set"},
        {HEAD ZONE "<router id=\"r\"/>" TAIL, "no host is in it"},
        {HEAD ZONE "<host id=\"a\" speed=\"1Gf\"/>" TAIL,
         "1 hosts are in it, and the scenario wants 2"},
        {HEAD ZONE A_B TAIL, "no route leads from host a to host b"},
        {HEAD ZONE "<zone id=\"x\" routing=\"Full\"><host id=\"a\" speed=\"1Gf\"/></zone>"
                   "<zone id=\"y\" routing=\"Full\"><host id=\"b\" speed=\"1Gf\"/></zone>" TAIL,
         "no route leads from host a to host b"},
        {HEAD ZONE A_B ROUTE TAIL, "Link not found: l"},
        {HEAD ZONE A_B "<link id=\"l\" bandwidth=\"fast\" latency=\"0s\"/>" ROUTE TAIL,
         "cannot parse number:fast"},
        {HEAD ZONE A_B "<link id=\"l\" bandwidth=\"0\" latency=\"0s\"/>" ROUTE TAIL,
         "link l has no bandwidth"},
        {HEAD ZONE A_B
         "<link id=\"l\" bandwidth=\"1GBps\" latency=\"0s\" state_file=\"x\"/>" ROUTE TAIL,
         "state_file="},
        {HEAD
         "<zone id=\"w\" routing=\"Vivaldi\"><peer id=\"a\" coordinates=\"1 2 3\" "
         "speed=\"1Gf\" bw_in=\"1GBps\" bw_out=\"1GBps\"/><peer id=\"b\" coordinates=\"9 2 "
         "3\" speed=\"1Gf\" bw_in=\"1GBps\" bw_out=\"1GBps\"/>" TAIL,
         "coordinates"},
        {HEAD
         "<config id=\"General\"><prop id=\"network/nonsense\" value=\"1\"/></config>" ZONE A_B
             TAIL,
         "Bad config key"},
        {HEAD ZONE A_B
         "<link id=\"l\" bandwidth=\"1GBps\" latency=\"1000000000s\"/>" ROUTE TAIL,
         "no time of 0 to 72 h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sim_topology file = {.hosts = 77};
        cg_error error = {CG_OK, ""};
        assert_status(read_text(cases[i].text, 2, &file, &error), CG_ERROR_INVALID, error,
                      cases[i].says);
        assert_int_equal(file.hosts, 77);
    }
    sim_topology none;
    cg_error error;
    assert_status(
        sim_platform_file_read("/nowhere/p.xml", 2, 0, cg_allocator_heap(), &none, &error),
        CG_ERROR_NOT_FOUND, error, "/nowhere/p.xml");
}

/* The n-th allocation fails. */
static void test_memory(void **state) {
    (void)state;
    static const char text[] =
        HEAD ZONE A_B "<link id=\"l\" bandwidth=\"1GBps\" latency=\"1us\"/>" ROUTE TAIL;
    char path[] = "/tmp/cortigrid-platform-test-XXXXXX";
    int descriptor = mkstemp(path);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(descriptor);
    cg_status status = CG_ERROR_MEMORY;
    uint64_t n = 1;
    for (; status == CG_ERROR_MEMORY; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        sim_topology file = {0};
        cg_error error;
        status = sim_platform_file_read(path, 2, 0, cg_counting_allocator_view(&counting),
                                        &file, &error);
        sim_topology_deinit(&file);
        assert_int_equal(counting.live_blocks, 0);
    }
    assert_int_equal(status, CG_OK);
    assert_int_equal(n, 6); /* hosts, pairs, path, latencies; then none failed */
    (void)unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
