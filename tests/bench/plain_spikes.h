/* The peer of `bench spikes`: encoding and distance as anyone would write them first, with the C
 * library's logarithm, compiled for any processor of the family. Patterns as in
 * engine/encode/ttfs.h; the codes' defaults. */
#ifndef CG_TESTS_BENCH_PLAIN_SPIKES_H
#define CG_TESTS_BENCH_PLAIN_SPIKES_H

#include <stdint.h>

void plain_spike_encode_log(const float *vector, uint32_t dims, int32_t *spikes);
void plain_spike_encode_linear(const float *vector, uint32_t dims, int32_t *spikes);
void plain_spike_encode_lif(const float *vector, uint32_t dims, int32_t *spikes);

/* In units of 1/20,000; adds the spikes of both to *spikes. */
uint32_t plain_spike_cost(const int32_t *left, const int32_t *right, uint32_t dims,
                          uint32_t *spikes);

#endif
