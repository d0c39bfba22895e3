/* Readable units: a database holds base units, people read milliseconds and megabytes. */
#ifndef AN_TABLE_UNIT_H
#define AN_TABLE_UNIT_H

typedef struct an_unit {
    /* "ms"; "" for plain numbers; borrowed from the unit given when it has no scale. */
    const char *label;
    double base_units; /* base units in one of these: 1e6 for ms of ns */
} an_unit;

/* The largest known multiple of `unit` that is not above `magnitude` (>= 0, in the base unit).
 * Times in ns or s, bytes (B, MB = 10^6 B), bits, rates of both, energy and power are known;
 * any other unit comes back as it is. */
an_unit an_unit_pick(const char *unit, double magnitude);

/* "" for the units of plain numbers, "1" and "count"; otherwise the unit. */
const char *an_unit_label(const char *unit);

#endif
