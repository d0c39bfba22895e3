#include "sim/point/host_fault_report.h"

void sim_host_fault_report(const sim_report_input *input, sim_rows *rows) {
    sim_host_statistics sum = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        const sim_host_statistics *one = sim_host_statistics_of(input->hosts[host]);
        sum.crashes += one->crashes;
        sum.restarts += one->restarts;
        sum.resets += one->resets;
        sum.refused += one->refused;
        sum.lost_messages += one->lost_messages;
        sum.torn_tails += one->torn_tails;
        sum.lost_bytes += one->lost_bytes;
        sum.disk_losses += one->disk_losses;
        sum.disk_lost_bytes += one->disk_lost_bytes;
        sum.corrupted_bytes += one->corrupted_bytes;
    }
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } lines[] = {
        {"hosts.crashes", sum.crashes, "1"},
        {"hosts.restarts", sum.restarts, "1"},
        {"hosts.resets", sum.resets, "1"},
        {"hosts.refused", sum.refused, "1"},
        {"hosts.lost_messages", sum.lost_messages, "1"},
        {"disks.torn_tails", sum.torn_tails, "1"},
        {"disks.lost_bytes", sum.lost_bytes, "B"},
        {"disks.losses", sum.disk_losses, "1"},
        {"disks.lost_with_disk", sum.disk_lost_bytes, "B"},
        {"disks.corrupted_bytes", sum.corrupted_bytes, "B"},
    };
    if (sum.crashes == 0 && sum.disk_losses == 0 && sum.corrupted_bytes == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
        sim_rows_metric(rows, lines[i].name, "total", (double)lines[i].value, lines[i].unit);
    }
}
