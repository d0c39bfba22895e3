/* Closed forms that a simulation must agree with. Rates and times in any one unit; waits are of
 * customers from arrival to the beginning of service, first come first served.
 *
 *   M/M/1  wait = rho / (mu - lambda)
 *   M/D/1  wait = rho / (2 mu (1 - rho))          (Pollaczek and Khinchine)
 *   M/M/c  wait = C(c, a) / (c mu - lambda), a = lambda / mu, C by Erlang's formulas
 *   Little number in system = lambda * (mean time in it)
 *
 * (Kleinrock, "Queueing Systems", volume 1, 1975, chapters 3 and 5.)
 *
 * Che's approximation of the hit rate of LRU: key i of popularity p_i is found with probability
 * 1 - exp(-p_i T), where T solves sum of these = capacity (Che, Tung and Wang, "Hierarchical Web
 * Caching Systems", IEEE JSAC 20(7), 2002, section III).
 *
 * Known values (asserted in closed_form_test.c): Erlang C of 2 servers at a = 1 is 1/3; M/M/1 at load 0.5
 * and mu 1 waits 1, M/D/1 half of that; equally popular keys are found with probability capacity /
 * keys.
 */
#ifndef SIM_VALIDATE_CLOSED_FORM_H
#define SIM_VALIDATE_CLOSED_FORM_H

#include <stdint.h>

/* The probability that a customer waits: servers >= 1, 0 < offered < servers (in erlangs). */
double sim_erlang_c(uint32_t servers, double offered);
/* Mean waits at a load in (0, 1) of all servers, in mean times of service. */
double sim_wait_mmc(uint32_t servers, double load);
double sim_wait_md1(double load);
/* popularity: [keys], > 0, sums to 1; capacity < keys. */
double sim_che(const double *popularity, uint32_t keys, double capacity);
/* exponent >= 0; popularity: [keys]. */
void sim_zipf(double exponent, uint32_t keys, double *popularity);
/* The quantile 0.975 of Student's t. degrees: 1..30, or more, which is taken for infinitely many. */
double sim_t_975(uint32_t degrees);

#endif
