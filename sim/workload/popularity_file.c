/* Measured popularity from CacheLib's JSON: one object of numbers and lists of numbers. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/nearest.h"
#include "sim/store/file.h"
#include "sim/workload/popularity.h"

enum { FILE_BYTES_MAX = 1 << 24, WORD_BYTES = 64 };

typedef struct reader {
    const char *text;
    size_t size_bytes;
    size_t at;
    const char *name;
    cg_error *error;
} reader;

typedef struct numbers {
    double *values;
    size_t count;
    size_t capacity;
} numbers;

static cg_status refuse(const reader *self, const char *expected) {
    return cg_error_set(self->error, CG_ERROR_INVALID, "%s, byte %zu: %s expected", self->name,
                        self->at + 1, expected);
}

static char look(reader *self) {
    while (self->at < self->size_bytes && strchr(" \t\r\n", self->text[self->at]) &&
           self->text[self->at] != '\0') {
        self->at++;
    }
    return self->at < self->size_bytes ? self->text[self->at] : '\0';
}

static cg_status take(reader *self, char wanted) {
    if (look(self) != wanted) {
        const char expected[] = {'"', wanted, '"', '\0'};
        return refuse(self, expected);
    }
    self->at++;
    return CG_OK;
}

/* A number that is finite and not negative. */
static cg_status take_number(reader *self, double *out) {
    char digits[WORD_BYTES];
    look(self);
    size_t length = 0;
    while (length + 1 < sizeof digits && self->at + length < self->size_bytes &&
           strchr("0123456789+-.eE", self->text[self->at + length]) &&
           self->text[self->at + length] != '\0') {
        digits[length] = self->text[self->at + length];
        length++;
    }
    digits[length] = '\0';
    char *end = digits;
    const double value = strtod(digits, &end);
    if (length == 0 || *end != '\0' || !(value >= 0.0 && value <= 1e18)) {
        return refuse(self, "a number from 0 to 1e18");
    }
    self->at += length;
    *out = value;
    return CG_OK;
}

static cg_status take_numbers(reader *self, const cg_allocator *allocator, numbers *out) {
    if (out->count > 0) {
        return refuse(self, "each list once");
    }
    cg_status status = take(self, '[');
    while (status == CG_OK) {
        double value = 0.0;
        status = take_number(self, &value);
        if (status == CG_OK && out->count == SIM_WEIGHTS_MAX) {
            status = refuse(self, "the end of a list of more than a million");
        }
        if (status == CG_OK) {
            status =
                CG_GROW(allocator, out->values, out->capacity, out->count + 1, self->error);
        }
        if (status == CG_OK) {
            out->values[out->count++] = value;
            if (look(self) != ',') {
                return take(self, ']');
            }
            self->at++;
        }
    }
    return status;
}

static cg_status take_key(reader *self, size_t *field) {
    static const char *const fields[] = {"popularityWeights", "popularityBuckets", "oneHits"};
    char word[WORD_BYTES];
    cg_status status = take(self, '"');
    if (status != CG_OK) {
        return status;
    }
    const char *end = memchr(self->text + self->at, '"', self->size_bytes - self->at);
    const size_t length = end ? (size_t)(end - self->text) - self->at : sizeof word;
    if (length >= sizeof word) {
        return refuse(self, "a short name");
    }
    memcpy(word, self->text + self->at, length);
    word[length] = '\0';
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(word, fields[i]) == 0) {
            *field = i;
            self->at += length + 1;
            return take(self, ':');
        }
    }
    return cg_error_set(self->error, CG_ERROR_INVALID,
                        "%s, byte %zu: unknown key \"%s\"; do you mean \"%s\"?", self->name,
                        self->at + 1, word, cg_nearest_name(word, fields, 3));
}

static cg_status take_object(reader *self, const cg_allocator *allocator, numbers lists[2],
                             double *once) {
    cg_status status = take(self, '{');
    while (status == CG_OK) {
        size_t field = 0;
        status = take_key(self, &field);
        if (status == CG_OK) {
            status = field < 2 ? take_numbers(self, allocator, &lists[field])
                               : take_number(self, once);
        }
        if (status == CG_OK && look(self) != ',') {
            status = take(self, '}');
            look(self);
            return status == CG_OK && self->at < self->size_bytes ? refuse(self, "the end")
                                                                  : status;
        }
        self->at += status == CG_OK ? 1 : 0;
    }
    return status;
}

/* Sums up the lists into weights, which own fresh arrays. */
static cg_status sum_up(const reader *self, const numbers lists[2], double once,
                        sim_weights *out) {
    const numbers *reads = &lists[0];
    const numbers *keys = &lists[1];
    if (reads->count == 0 || (keys->count > 0 && keys->count != reads->count)) {
        return cg_error_set(
            self->error, CG_ERROR_INVALID,
            "%s: %zu popularityWeights and %zu popularityBuckets; there must be "
            "a weight at least, and as many buckets or none",
            self->name, reads->count, keys->count);
    }
    if (!(once < 1.0)) {
        return cg_error_set(self->error, CG_ERROR_INVALID,
                            "%s: oneHits %g is not a share below 1", self->name, once);
    }
    sim_weights made = {
        .count = (uint32_t)reads->count, .once = once, .allocator = out->allocator};
    made.keys = cg_allocate(&made.allocator, made.count, sizeof *made.keys);
    made.reads = cg_allocate(&made.allocator, made.count, sizeof *made.reads);
    cg_status status = CG_OK;
    if (!made.keys || !made.reads) {
        status = cg_error_set(self->error, CG_ERROR_MEMORY, "%s: no memory for %u weights",
                              self->name, made.count);
    }
    double key_sum = 0.0;
    double read_sum = 0.0;
    for (uint32_t i = 0; status == CG_OK && i < made.count; i++) {
        const double size = keys->count > 0 ? keys->values[i] : 1.0;
        if (!(size >= 1.0) || !(reads->values[i] > 0.0)) {
            status =
                cg_error_set(self->error, CG_ERROR_INVALID,
                             "%s: bucket %u has %g keys and %g reads; it takes a key and a "
                             "read at least",
                             self->name, i + 1, size, reads->values[i]);
        }
        made.keys[i] = key_sum += size;
        made.reads[i] = read_sum += reads->values[i];
    }
    if (status != CG_OK) {
        sim_weights_deinit(&made);
        return status;
    }
    *out = made;
    return CG_OK;
}

cg_status sim_weights_parse(const char *text, size_t text_bytes, const char *name,
                            cg_allocator allocator, sim_weights *out, cg_error *error) {
    reader self = {.text = text, .size_bytes = text_bytes, .name = name, .error = error};
    numbers lists[2] = {{0}, {0}};
    double once = 0.0;
    sim_weights made = {.allocator = allocator};
    cg_status status = take_object(&self, &allocator, lists, &once);
    if (status == CG_OK) {
        status = sum_up(&self, lists, once, &made);
    }
    for (size_t i = 0; i < 2; i++) {
        cg_deallocate(&allocator, lists[i].values, lists[i].capacity, sizeof(double));
    }
    if (status == CG_OK) {
        *out = made;
    }
    return status;
}

cg_status sim_weights_read(const char *path, cg_allocator allocator, sim_weights *out,
                           cg_error *error) {
    sim_file_view view;
    cg_status status = sim_file_map(path, &view, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "load.popularity_file: ");
        return status;
    }
    status = view.size_bytes > FILE_BYTES_MAX
                 ? cg_error_set(error, CG_ERROR_INVALID, "%s: more than %d bytes", path,
                                FILE_BYTES_MAX)
                 : sim_weights_parse((const char *)view.bytes, view.size_bytes, path, allocator,
                                     out, error);
    sim_file_unmap(&view);
    return status;
}

void sim_weights_deinit(sim_weights *weights) {
    cg_deallocate(&weights->allocator, weights->keys, weights->count, sizeof *weights->keys);
    cg_deallocate(&weights->allocator, weights->reads, weights->count, sizeof *weights->reads);
    weights->keys = NULL;
    weights->reads = NULL;
    weights->count = 0;
}
