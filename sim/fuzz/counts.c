#include "sim/fuzz/counts.h"

#include <inttypes.h>

static const char *const names[SIM_COUNT_OPERATIONS] = {
    [SIM_COUNT_RUNS] = "runs",
    [SIM_COUNT_REPEATED] = "of them repetitions, with the same fingerprint",
    [SIM_COUNT_HOSTS] = "hosts",
    [SIM_COUNT_EVENTS] = "events",
    [SIM_COUNT_SIMULATED_MS] = "simulated milliseconds",
    [SIM_COUNT_PARTITIONS] = "partitions that cut messages",
    [SIM_COUNT_MESSAGES] = "messages sent",
    [SIM_COUNT_CUT] = "messages cut",
    [SIM_COUNT_LOST] = "messages lost",
    [SIM_COUNT_DUPLICATED] = "messages doubled",
    [SIM_COUNT_REORDERED] = "messages held back",
    [SIM_COUNT_CORRUPTED] = "messages altered on the wire",
    [SIM_COUNT_REFUSED] = "messages refused by nodes",
    [SIM_COUNT_CLOCKS_REFUSED] = "clocks refused by nodes",
    [SIM_COUNT_CRASHES] = "crashes",
    [SIM_COUNT_RESTARTS] = "restarts",
    [SIM_COUNT_RESETS] = "requests open at a crash",
    [SIM_COUNT_TORN_CUT] = "writes torn by a crash",
    [SIM_COUNT_TORN_TAILS] = "torn tails found at a start",
    [SIM_COUNT_DISK_LOSSES] = "disk losses",
    [SIM_COUNT_ALTERED] = "altered journals found at a start",
    [SIM_COUNT_FRAMES_REPLAYED] = "journal frames replayed",
    [SIM_COUNT_FAIL_OVERS] = "fail-overs",
    [SIM_COUNT_EPOCHS] = "of them by a majority",
    [SIM_COUNT_EPOCHS_ALONE] = "of them for one side alone",
    [SIM_COUNT_ELECTIONS] = "elections stood for",
    [SIM_COUNT_DEPOSED] = "primaries deposed",
    [SIM_COUNT_SPLIT_BRAINS] = "split brains met",
    [SIM_COUNT_UNIONS] = "merges of logs",
    [SIM_COUNT_RECORDS_UNITED] = "records that came by merges",
    [SIM_COUNT_RECORDS_DROPPED] = "records cut off",
    [SIM_COUNT_RECORDS_RESENT] = "records sent again",
    [SIM_COUNT_CATCH_UPS] = "catch-ups",
    [SIM_COUNT_LAG_DROPS] = "replicas dropped for lag",
    [SIM_COUNT_RECOVERIES] = "recoveries of lost disks",
    [SIM_COUNT_CRIPPLED] = "groups stopped for want of disks",
    [SIM_COUNT_DEATHS] = "deaths seen by members",
    [SIM_COUNT_CUT_SEEN] = "partitions seen by members",
    [SIM_COUNT_RETRIES] = "tries after the first",
    [SIM_COUNT_REDIRECTS] = "redirects",
    [SIM_COUNT_REDELIVERIES] = "redeliveries of decided requests",
    [SIM_COUNT_CHECKS] = "checks of the whole state under way",
    [SIM_COUNT_TERMS] = "terms of primaries watched",
    [SIM_COUNT_HISTORIES] = "histories checked",
    [SIM_COUNT_REGISTERS] = "registers searched",
    [SIM_COUNT_UNKNOWN] = "verdicts unknown",
    [SIM_COUNT_ACKNOWLEDGED] = "acknowledged facts looked for",
    [SIM_COUNT_IN_WINDOW] = "facts lost in the window of primary",
    [SIM_COUNT_BEYOND] = "facts lost with more disks than is tolerated",
    [SIM_COUNT_SESSION_READS] = "reads after own writes or reads",
    [SIM_COUNT_EDGES] = "edges compared with what was observed",
};

void sim_fuzz_counts_add(sim_fuzz_counts *sum, const sim_fuzz_counts *more) {
    for (int i = 0; i < SIM_COUNT_COUNT; ++i) {
        sum->of[i] += more->of[i];
    }
}

void sim_fuzz_counts_print(const sim_fuzz_counts *counts, FILE *file) {
    for (int i = 0; i < SIM_COUNT_OPERATIONS; ++i) {
        fprintf(file, "%-46s %14" PRIu64 "\n", names[i], counts->of[i]);
    }
    fprintf(file, "%-46s %14s %14s %14s\n", "requests", "ok", "failed", "unknown");
    for (int kind = 0; kind < SIM_FUZZ_KINDS; ++kind) {
        const uint64_t *of = &counts->of[SIM_COUNT_OPERATIONS + kind * SIM_FUZZ_EFFECTS];
        fprintf(file, "  %-44s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 "\n",
                cg_request_kind_name((cg_request_kind)kind), of[0], of[1], of[2]);
    }
}
