/* Readable units. */
#include "analysis/table/unit.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Multiples of one base ascend; the first is what small values get. */
static const struct {
    const char *base;
    const char *label;
    double base_units;
} multiples[] = {
    {"ns", "ns", 1.0},        {"ns", "us", 1e3},        {"ns", "ms", 1e6},
    {"ns", "s", 1e9},         {"s", "ns", 1e-9},        {"s", "us", 1e-6},
    {"s", "ms", 1e-3},        {"s", "s", 1.0},          {"B", "B", 1.0},
    {"B", "kB", 1e3},         {"B", "MB", 1e6},         {"B", "GB", 1e9},
    {"B", "TB", 1e12},        {"B/s", "B/s", 1.0},      {"B/s", "kB/s", 1e3},
    {"B/s", "MB/s", 1e6},     {"B/s", "GB/s", 1e9},     {"bit/s", "bit/s", 1.0},
    {"bit/s", "kbit/s", 1e3}, {"bit/s", "Mbit/s", 1e6}, {"bit/s", "Gbit/s", 1e9},
    {"J", "nJ", 1e-9},        {"J", "uJ", 1e-6},        {"J", "mJ", 1e-3},
    {"J", "J", 1.0},          {"J", "kJ", 1e3},         {"J", "MJ", 1e6},
    {"W", "mW", 1e-3},        {"W", "W", 1.0},          {"W", "kW", 1e3},
};

const char *an_unit_label(const char *unit) {
    bool plain = strcmp(unit, "1") == 0 || strcmp(unit, "count") == 0;
    return plain ? "" : unit;
}

an_unit an_unit_pick(const char *unit, double magnitude) {
    an_unit picked = {.label = an_unit_label(unit), .base_units = 1.0};
    const char *base = strcmp(unit, "bytes") == 0 ? "B" : unit;
    bool found = false;
    for (size_t i = 0; i < sizeof multiples / sizeof multiples[0]; i++) {
        if (strcmp(multiples[i].base, base) != 0) {
            continue;
        }
        /* Zero says nothing about its size and keeps the base unit. */
        bool fits = magnitude > 0.0 ? !found || multiples[i].base_units <= magnitude
                                    : multiples[i].base_units == 1.0;
        if (fits) {
            picked = (an_unit){multiples[i].label, multiples[i].base_units};
            found = true;
        }
    }
    return picked;
}
