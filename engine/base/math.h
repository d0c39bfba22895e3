/* Elementary functions that give the same bits everywhere.
 *
 * glibc's exp, log, pow and sin differ in the last bit between CPU paths, so nothing that
 * decides may call them. These use only +, -, *, / and sqrt of IEEE 754 doubles in a fixed
 * order (compiled with -ffp-contract=off). Stated errors are against the true value, asserted
 * in tests.
 */
#ifndef CG_ENGINE_BASE_MATH_H
#define CG_ENGINE_BASE_MATH_H

#include <stdint.h>

/* Natural; relative error < 1e-15 for normal x > 0; -inf at 0, NaN below. */
double cg_log(double x);
/* Relative error < 4e-16 * (1 + |x| / 8); 0 below -745, +inf above 709.79. */
double cg_exp(double x);
/* cg_exp(exponent * cg_log(base)), base > 0. */
double cg_pow(double base, double exponent);
/* Of 2 * pi * turn, turn in [0, 1); error < 1e-15. */
void cg_sincos_turn(double turn, double *sine, double *cosine);
/* Correctly rounded. */
double cg_sqrt(double x);
float cg_sqrtf(float x);

uint32_t cg_log2_floor(uint64_t x); /* x > 0 */
uint64_t cg_round_up_power2(uint64_t x);

/* a * b / c in 128 bits, saturating at UINT64_MAX; c > 0. */
uint64_t cg_mul_div(uint64_t a, uint64_t b, uint64_t c);

#endif
