/* Quantities as people write them: "50us", "10Gbps", "64GiB", "1M", "5%".
 *
 * A quantity is a decimal number, then perhaps spaces, then a unit of its kind; a bare number
 * is in the base unit (seconds, bytes, bits per second, hertz, one). The number is read as
 * decimal digits, never through a float, so "0.1ms" is 100,000 ns exactly; what lies between
 * two steps is rounded to the nearest (counts must be whole). Limits are texts of the same
 * kind, so that errors can name them as a person would write them.
 */
#ifndef SIM_SCENARIO_UNITS_H
#define SIM_SCENARIO_UNITS_H

#include "engine/base/status.h"

typedef enum sim_unit {
    SIM_UNIT_COUNT,       /* "10K" = 10,000 */
    SIM_UNIT_DURATION,    /* stored in ns; bare: seconds */
    SIM_UNIT_BYTES,       /* "64GiB" = 2^36, "64GB" = 64 * 10^9 */
    SIM_UNIT_BANDWIDTH,   /* bits per second */
    SIM_UNIT_BYTE_RATE,   /* bytes per second */
    SIM_UNIT_RATE,        /* hertz, real */
    SIM_UNIT_PROBABILITY, /* real in [0, 1], or a percentage */
    SIM_UNIT_NUMBER,      /* real, without a unit */
    SIM_UNIT_KINDS
} sim_unit;

enum { SIM_UNITS_TEXT_BYTES = 40 };

typedef struct sim_quantity {
    sim_unit unit;
    const char *least; /* inclusive */
    const char *greatest;
} sim_quantity;

/* Of a whole-number kind (count to byte rate). The error quotes the text and says which units
 * there are, or which limit was passed. */
cg_status sim_units_parse_integer(const sim_quantity *quantity, const char *text, uint64_t *out,
                                  cg_error *error);
/* Of a real kind (rate, probability, number). */
cg_status sim_units_parse_real(const sim_quantity *quantity, const char *text, double *out,
                               cg_error *error);

/* Canonical: integer base units; durations as "50000ns". Parses back to the same value. */
void sim_units_format_integer(sim_unit unit, uint64_t value, char text[SIM_UNITS_TEXT_BYTES]);
/* The shortest decimal that reads back as the same double. */
void sim_units_format_real(double value, char text[SIM_UNITS_TEXT_BYTES]);
/* For people: in the largest unit that leaves a whole number ("50us"). */
void sim_units_describe(sim_unit unit, uint64_t value, char text[SIM_UNITS_TEXT_BYTES]);

#endif
