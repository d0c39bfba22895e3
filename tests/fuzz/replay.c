/* Feeds every file of the folders (or files) named on the command line to
 * LLVMFuzzerTestOneInput, in name order, so that kept fuzz inputs stay tests where libFuzzer is
 * not built in. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t used = 0;
    size_t capacity = 1 << 16;
    uint8_t *data = malloc(capacity);
    while (data) {
        used += fread(data + used, 1, capacity - used, file);
        if (used < capacity) {
            break;
        }
        capacity *= 2;
        uint8_t *grown = realloc(data, capacity);
        if (!grown) {
            free(data);
        }
        data = grown;
    }
    fclose(file);
    if (!data) {
        fprintf(stderr, "%s: out of memory\n", path);
        return 1;
    }
    LLVMFuzzerTestOneInput(data, used);
    free(data);
    return 0;
}

int main(int argc, char **argv) {
    unsigned replayed = 0;
    for (int i = 1; i < argc; ++i) {
        struct stat info;
        if (stat(argv[i], &info) != 0) {
            perror(argv[i]);
            return 1;
        }
        if (!S_ISDIR(info.st_mode)) {
            replayed++;
            if (replay_file(argv[i])) {
                return 1;
            }
            continue;
        }
        struct dirent **entries = NULL;
        int count = scandir(argv[i], &entries, NULL, alphasort);
        if (count < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int j = 0; j < count; ++j) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entries[j]->d_name);
            if (entries[j]->d_name[0] != '.') {
                replayed++;
                if (replay_file(path)) {
                    return 1;
                }
            }
            free(entries[j]);
        }
        free(entries);
    }
    printf("%u inputs replayed\n", replayed);
    return replayed == 0; /* no seeds at all is a failure: the test would test nothing */
}
