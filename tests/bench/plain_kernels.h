/* The peer of `bench kernels`: each kernel as the obvious loop, compiled for any processor of
 * the family (on x86-64 that is SSE2). Shapes as in engine/vector/kernel.h. */
#ifndef CG_TESTS_BENCH_PLAIN_KERNELS_H
#define CG_TESTS_BENCH_PLAIN_KERNELS_H

#include <stdint.h>

float plain_dot_f32(const float *query, const float *row, uint32_t dims);
float plain_square_distance_f32(const float *query, const float *row, uint32_t dims);
float plain_dot_f16(const float *query, const uint16_t *row, uint32_t dims);
float plain_square_distance_f16(const float *query, const uint16_t *row, uint32_t dims);
int32_t plain_dot_i8(const int8_t *query, const int8_t *row, uint32_t dims);
int32_t plain_dot_i4(const int8_t *query, const uint8_t *row, uint32_t dims);
int32_t plain_dot_i1(const int8_t *query, const uint8_t *row, uint32_t dims);

#endif
