// SPDX-License-Identifier: BSD-3-Clause
// Can a text crash, hang or leak in the datastore? Bytes go through config_parse(); what is taken
// must print and read back as the same configuration, and what is refused must say why. The first
// byte chooses the format. Run on libFuzzer's thread; next: control/datastore/parse.c.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/datastore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *schema;

static void check_round_trip(const struct config *config, enum config_format format)
{
    char *text = config_print(config, format);
    struct config *again = NULL;
    struct config_diff diff;
    struct config_error e;

    if (!text || config_parse(schema, text, strlen(text), format, &again, &e) < 0 ||
        config_id(again) != config_id(config) || config_compare(config, again, &diff) < 0 ||
        diff.n != 0)
        abort();
    config_destroy(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum config_format formats[] = {CONFIG_YAML, CONFIG_JSON, CONFIG_AUTO};
    struct config *config = NULL;
    struct config_error e;

    if (!schema && schema_create(&schema, &e) < 0)
        abort();
    if (size == 0)
        return 0;
    if (config_parse(schema, (const char *)data + 1, size - 1, formats[data[0] % 3], &config, &e) <
        0) {
        if (e.code >= 0 || !e.sentence[0])
            abort();
        return 0;
    }
    check_round_trip(config, CONFIG_YAML);
    check_round_trip(config, CONFIG_JSON);
    config_destroy(config);
    return 0;
}
