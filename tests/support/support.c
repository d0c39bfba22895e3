#include "tests/support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t support_seed(uint64_t fallback) {
    const char *text = getenv("CORTIGRID_TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : fallback;
    fprintf(stderr, "seed %llu (repeat: CORTIGRID_TEST_SEED=%llu with this program)\n",
            (unsigned long long)seed, (unsigned long long)seed);
    return seed;
}

int support_contains(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

uint8_t *support_read_file(const char *path, size_t *size_bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("cannot open %s: %s", path, strerror(errno));
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), (size_t)size);
    bytes[size] = 0;
    fclose(file);
    *size_bytes = (size_t)size;
    return bytes;
}
