/* Nearest name by edit distance.
 *
 * Idea: the least number of inserted, deleted and replaced bytes that turns one string into the
 * other (Levenshtein 1966), by the dynamic programme of Wagner and Fischer (1974) with one row
 * kept: d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + (left[i] != right[j])).
 * Invariant: after row i, row[j] is the distance between left[0..i) and right[0..j).
 * Known value: distance("kitten", "sitting") = 3.
 */
#include "engine/base/nearest.h"

#include <stdbool.h>
#include <string.h>

static size_t bounded_length(const char *text) {
    size_t length = 0;
    while (length < CG_NEAREST_LENGTH_MAX && text[length]) {
        length++;
    }
    return length;
}

uint32_t cg_nearest_distance(const char *left, const char *right) {
    size_t rows = bounded_length(left);
    size_t columns = bounded_length(right);
    uint32_t row[CG_NEAREST_LENGTH_MAX + 1];
    for (size_t j = 0; j <= columns; j++) {
        row[j] = (uint32_t)j;
    }
    for (size_t i = 1; i <= rows; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= columns; j++) {
            uint32_t best = diagonal + (left[i - 1] != right[j - 1] ? 1u : 0u);
            diagonal = row[j];
            if (row[j] + 1 < best) {
                best = row[j] + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            row[j] = best;
        }
    }
    return row[columns];
}

const char *cg_nearest_name(const char *text, const char *const *names, size_t count) {
    const char *nearest = NULL;
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        uint32_t distance = cg_nearest_distance(text, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

static const char *last_word(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

const char *cg_nearest_path(const char *text, const char *const *paths, size_t count) {
    const char *word = last_word(text);
    const char *nearest = NULL;
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        uint32_t distance = cg_nearest_distance(text, paths[i]);
        bool same_end = cg_nearest_distance(word, last_word(paths[i])) <= strlen(word) / 4;
        distance += same_end ? 0 : 2 * CG_NEAREST_LENGTH_MAX;
        if (distance < least) {
            least = distance;
            nearest = paths[i];
        }
    }
    return nearest;
}
