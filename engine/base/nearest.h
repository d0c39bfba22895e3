/* The nearest known name to a mistyped one, for error sentences. */
#ifndef CG_ENGINE_BASE_NEAREST_H
#define CG_ENGINE_BASE_NEAREST_H

#include <stddef.h>
#include <stdint.h>

enum { CG_NEAREST_LENGTH_MAX = 128 };

/* Edit distance of two strings; of each, CG_NEAREST_LENGTH_MAX bytes at most are looked at. */
uint32_t cg_nearest_distance(const char *left, const char *right);

/* The name at the least distance from `text`; of equals the first. NULL when count is 0. */
const char *cg_nearest_name(const char *text, const char *const *names, size_t count);

/* The same for dotted paths: a path that ends nearly as `text` ends ("latency",
 * "cluster.latency") comes before all others, of several the one nearest as a whole. */
const char *cg_nearest_path(const char *text, const char *const *paths, size_t count);

#endif
