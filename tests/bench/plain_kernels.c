#include "tests/bench/plain_kernels.h"

#include <string.h>

float plain_dot_f32(const float *query, const float *row, uint32_t dims) {
    float sum = 0.0f;
    for (uint32_t d = 0; d < dims; d++) {
        sum += query[d] * row[d];
    }
    return sum;
}

float plain_square_distance_f32(const float *query, const float *row, uint32_t dims) {
    float sum = 0.0f;
    for (uint32_t d = 0; d < dims; d++) {
        float gap = query[d] - row[d];
        sum += gap * gap;
    }
    return sum;
}

/* Finite ones only: the fields shifted to a float's places, then the exponents' difference. */
static float widen(uint16_t half) {
    uint32_t bits = (half & 0x8000u) << 16 | (half & 0x7fffu) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value * 0x1p112f;
}

float plain_dot_f16(const float *query, const uint16_t *row, uint32_t dims) {
    float sum = 0.0f;
    for (uint32_t d = 0; d < dims; d++) {
        sum += query[d] * widen(row[d]);
    }
    return sum;
}

float plain_square_distance_f16(const float *query, const uint16_t *row, uint32_t dims) {
    float sum = 0.0f;
    for (uint32_t d = 0; d < dims; d++) {
        float gap = query[d] - widen(row[d]);
        sum += gap * gap;
    }
    return sum;
}

int32_t plain_dot_i8(const int8_t *query, const int8_t *row, uint32_t dims) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dims; d++) {
        sum += query[d] * row[d];
    }
    return sum;
}

int32_t plain_dot_i4(const int8_t *query, const uint8_t *row, uint32_t dims) {
    int32_t sum = 0;
    for (uint32_t start = 0; start < dims; start += 64) {
        for (uint32_t j = 0; j < 32; j++) {
            int32_t byte = row[start / 2 + j];
            sum += query[start + j] * ((byte & 15) - 8);
            sum += query[start + 32 + j] * ((byte >> 4) - 8);
        }
    }
    return sum;
}

int32_t plain_dot_i1(const int8_t *query, const uint8_t *row, uint32_t dims) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dims; d++) {
        sum += (row[d / 8] >> d % 8) & 1 ? query[d] : -query[d];
    }
    return sum;
}
