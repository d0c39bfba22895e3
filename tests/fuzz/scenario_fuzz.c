/* Fuzzes what reads scenarios: the first byte says which reader gets the rest.
 *
 *   'U'  a quantity of every unit; what is accepted survives its canonical text
 *   'O'  options text; what is accepted formats to the same bytes
 *   'S'  "path=value" for sim_options_set
 *   'P'  an encoded plan, as it comes from the evaluating child
 *   else a scenario's source, evaluated in this process with small budgets; a plan survives
 *        its encoding
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/evaluate.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_units(const char *text) {
    for (sim_unit unit = SIM_UNIT_COUNT; unit < SIM_UNIT_RATE; unit++) {
        sim_quantity quantity = {unit, "0",
                                 unit == SIM_UNIT_DURATION ? "9223372036854775807ns"
                                                           : "9223372036854775807"};
        uint64_t value = 0;
        if (sim_units_parse_integer(&quantity, text, &value, NULL) == CG_OK) {
            char again[SIM_UNITS_TEXT_BYTES];
            uint64_t back = 0;
            sim_units_format_integer(unit, value, again);
            CG_ASSERT(sim_units_parse_integer(&quantity, again, &back, NULL) == CG_OK);
            CG_ASSERT(back == value);
            sim_units_describe(unit, value, again);
            CG_ASSERT(sim_units_parse_integer(&quantity, again, &back, NULL) == CG_OK);
            CG_ASSERT(back == value);
        }
    }
    sim_quantity rate = {SIM_UNIT_RATE, "0", "1000000000"};
    sim_quantity chance = {SIM_UNIT_PROBABILITY, "0", "1"};
    double real = 0.0;
    sim_units_parse_real(&rate, text, &real, NULL);
    if (sim_units_parse_real(&chance, text, &real, NULL) == CG_OK) {
        CG_ASSERT(real >= 0.0 && real <= 1.0);
    }
}

static void fuzz_options(const char *text) {
    static sim_options options;
    cg_error error;
    char *again = NULL;
    if (sim_options_parse(text, &options, &error) == CG_OK) {
        CG_ASSERT(sim_options_format(&options, &again, &error) == CG_OK);
        CG_ASSERT(strcmp(again, text) == 0);
        free(again);
    }
}

static void fuzz_setting(char *text) {
    static sim_options options;
    cg_error error;
    char *value = strchr(text, '=');
    if (value) {
        *value = '\0';
        sim_options_default(&options);
        sim_options_set(&options, text, value + 1, &error);
    }
}

static void fuzz_plan(const uint8_t *data, size_t size) {
    sim_plan *plan = NULL;
    uint64_t hash = 0;
    cg_error error;
    if (sim_plan_decode(data, size, 1, &plan, &hash, &error) == CG_OK) {
        sim_bytes again = {0};
        CG_ASSERT(sim_plan_encode(plan, hash, &again, &error) == CG_OK);
        CG_ASSERT(again.used == size && memcmp(again.bytes, data, size) == 0);
        sim_bytes_free(&again);
        sim_plan_free(plan);
    }
}

static void fuzz_source(const char *text, size_t size) {
    sim_evaluation evaluation = {.file = "fuzz.lua",
                                 .source = text,
                                 .source_bytes = size,
                                 .seed = 1,
                                 .limits = {1 << 20, 20000}};
    sim_plan *plan = NULL;
    uint64_t hash = 0;
    cg_error error = {.message = ""};
    if (sim_evaluate(&evaluation, &plan, &hash, &error) == CG_OK) {
        sim_bytes bytes = {0};
        CG_ASSERT(sim_plan_encode(plan, hash, &bytes, &error) == CG_OK);
        sim_plan_free(plan);
        plan = NULL;
        CG_ASSERT(sim_plan_decode(bytes.bytes, bytes.used, 1, &plan, &hash, &error) == CG_OK);
        sim_plan_free(plan);
        sim_bytes_free(&bytes);
    } else {
        CG_ASSERT(error.message[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    switch (text[0]) {
    case 'U':
        fuzz_units(text + 1);
        break;
    case 'O':
        fuzz_options(text + 1);
        break;
    case 'S':
        fuzz_setting(text + 1);
        break;
    case 'P':
        fuzz_plan(data + 1, size - 1);
        break;
    default:
        fuzz_source(text, size);
        break;
    }
    free(text);
    return 0;
}
