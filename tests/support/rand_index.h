/* The adjusted Rand index of two ways to sort rows into groups: 1 where they are the same but for
 * names, about 0 where they have nothing to do with each other (Hubert & Arabie, J. Classif. 1985).
 *
 *   (sum C(n_ij, 2) - e) / ((sum C(a_i, 2) + sum C(b_j, 2)) / 2 - e)
 *   e = sum C(a_i, 2) * sum C(b_j, 2) / C(n, 2)
 *
 * Known value: {0,0,1,1} and {0,0,1,2} give 4/7.
 */
#ifndef CG_TESTS_SUPPORT_RAND_INDEX_H
#define CG_TESTS_SUPPORT_RAND_INDEX_H

#include <stdint.h>
#include <stdlib.h>

static inline double support_pairs_of(const uint32_t *counts, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += 0.5 * (double)counts[i] * ((double)counts[i] - 1.0);
    }
    return sum;
}

/* first[rows] < first_groups, second[rows] < second_groups. -2 when memory is out. */
static inline double support_rand_index(const uint32_t *first, uint32_t first_groups,
                                        const uint32_t *second, uint32_t second_groups,
                                        uint32_t rows) {
    const size_t cells = (size_t)first_groups * second_groups;
    uint32_t *counts = calloc(cells + first_groups + second_groups, sizeof *counts);
    if (!counts) {
        return -2.0;
    }
    uint32_t *of_first = counts + cells;
    uint32_t *of_second = of_first + first_groups;
    for (uint32_t row = 0; row < rows; row++) {
        counts[(size_t)first[row] * second_groups + second[row]]++;
        of_first[first[row]]++;
        of_second[second[row]]++;
    }
    const double both = support_pairs_of(counts, cells);
    const double a = support_pairs_of(of_first, first_groups);
    const double b = support_pairs_of(of_second, second_groups);
    free(counts);
    const double all = 0.5 * (double)rows * ((double)rows - 1.0);
    const double expected = all > 0.0 ? a * b / all : 0.0;
    const double most = 0.5 * (a + b);
    return most == expected ? 1.0 : (both - expected) / (most - expected);
}

#endif
