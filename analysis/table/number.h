/* Numbers as text: exact for files, rounded for people. */
#ifndef AN_TABLE_NUMBER_H
#define AN_TABLE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum { AN_NUMBER_BYTES = 40 };

/* The shortest of %.15g, %.16g and %.17g that reads back as the same double; -0 is 0. */
void an_number_exact(double value, char text[AN_NUMBER_BYTES]);

/* Decimals that show a column's middle value with four significant digits and its least with
 * two, 0 to 6; 0 when all are whole numbers below 10^6. `magnitudes` (> 0) is sorted by the
 * call. */
int an_number_decimals(double *magnitudes, size_t count);

/* Fixed decimals, or %.3e when it would not fit a table (10^12 and more). */
void an_number_fixed(double value, int decimals, char text[AN_NUMBER_BYTES]);

/* Middle (lower median) of count > 0 values, which it sorts. */
double an_number_median(double *values, size_t count);

#endif
