/* Relations: WordNet's, which every graph has, and those of a graph's own.
 *
 * A name is found by its hash; names with equal hashes go on to the hash with the next seed. So
 * a name costs the same to find and add among any number.
 * Known value: the first name added to a graph gets type 27.
 */
#include <string.h>

#include "engine/graph/graph_layout.h"

static const char *const edge_names[CG_EDGE_TYPE_COUNT] = {
    [CG_EDGE_HYPERNYM] = "hypernym",
    [CG_EDGE_INSTANCE_HYPERNYM] = "instance_hypernym",
    [CG_EDGE_HYPONYM] = "hyponym",
    [CG_EDGE_INSTANCE_HYPONYM] = "instance_hyponym",
    [CG_EDGE_MEMBER_HOLONYM] = "member_holonym",
    [CG_EDGE_SUBSTANCE_HOLONYM] = "substance_holonym",
    [CG_EDGE_PART_HOLONYM] = "part_holonym",
    [CG_EDGE_MEMBER_MERONYM] = "member_meronym",
    [CG_EDGE_SUBSTANCE_MERONYM] = "substance_meronym",
    [CG_EDGE_PART_MERONYM] = "part_meronym",
    [CG_EDGE_ANTONYM] = "antonym",
    [CG_EDGE_ATTRIBUTE] = "attribute",
    [CG_EDGE_DERIVATION] = "derivation",
    [CG_EDGE_DOMAIN_TOPIC] = "domain_topic",
    [CG_EDGE_DOMAIN_REGION] = "domain_region",
    [CG_EDGE_DOMAIN_USAGE] = "domain_usage",
    [CG_EDGE_MEMBER_TOPIC] = "member_topic",
    [CG_EDGE_MEMBER_REGION] = "member_region",
    [CG_EDGE_MEMBER_USAGE] = "member_usage",
    [CG_EDGE_ENTAILMENT] = "entailment",
    [CG_EDGE_CAUSE] = "cause",
    [CG_EDGE_ALSO_SEE] = "also_see",
    [CG_EDGE_VERB_GROUP] = "verb_group",
    [CG_EDGE_SIMILAR] = "similar",
    [CG_EDGE_PARTICIPLE] = "participle",
    [CG_EDGE_PERTAINYM] = "pertainym",
    [CG_EDGE_OTHER] = "other",
};

const char *cg_edge_type_name(cg_edge_type type) {
    CG_ASSERT((unsigned)type < CG_EDGE_TYPE_COUNT);
    return edge_names[type];
}

/* The lowest layer, whose relations all see. */
static const graph_relations *relations_of(const cg_graph *graph) {
    return &cg_graph_layer(graph, 0)->relations;
}

uint32_t cg_graph_relation_count(const cg_graph *graph) {
    return CG_EDGE_TYPE_COUNT + relations_of(graph)->count;
}

const char *cg_graph_relation_name(const cg_graph *graph, uint32_t type) {
    const graph_relations *relations = relations_of(graph);
    if (type < CG_EDGE_TYPE_COUNT) {
        return edge_names[type];
    }
    CG_ASSERT(type - CG_EDGE_TYPE_COUNT < relations->count);
    return relations->names.bytes + relations->name_starts[type - CG_EDGE_TYPE_COUNT];
}

static bool find_fixed(const char *name, uint16_t *type) {
    for (uint32_t fixed = 0; fixed < CG_EDGE_TYPE_COUNT; fixed++) {
        if (strcmp(name, edge_names[fixed]) == 0) {
            *type = (uint16_t)fixed;
            return true;
        }
    }
    return false;
}

/* True when there is a relation of this name; otherwise *key is where it belongs. */
static bool find_name(const cg_graph *graph, const char *name, uint16_t *type, uint64_t *key) {
    const graph_relations *relations = relations_of(graph);
    uint64_t found = 0;
    size_t bytes = strlen(name);
    for (uint64_t seed = 0;; seed++) {
        *key = cg_hash_bytes(name, bytes, seed);
        if (!relations->type_of_name || !cg_table_get(relations->type_of_name, *key, &found)) {
            return find_fixed(name, type);
        }
        if (strcmp(name, cg_graph_relation_name(graph, (uint32_t)found)) == 0) {
            *type = (uint16_t)found;
            return true;
        }
    }
}

static cg_status check_name(const cg_graph *graph, const char *name, cg_error *error) {
    if (graph->base) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the base has no relation '%s', and a graph on it gets no others",
                            name);
    }
    if (cg_graph_relation_count(graph) == CG_RELATIONS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "no type is left for relation '%s': a graph has at most %d", name,
                            (int)CG_RELATIONS_MAX);
    }
    return CG_OK;
}

cg_status cg_graph_add_relation(cg_graph *graph, const char *name, uint16_t *type,
                                cg_error *error) {
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes > CG_NAME_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the name of a relation has %zu bytes; 1 to %d are allowed", bytes,
                            (int)CG_NAME_BYTES_MAX);
    }
    uint64_t key = 0;
    if (find_name(graph, name, type, &key)) {
        return CG_OK;
    }
    graph_relations *relations = &graph->relations;
    cg_status status = check_name(graph, name, error);
    if (status == CG_OK) {
        status = cg_texts_reserve(&relations->names, &graph->allocator, bytes + 1, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&graph->allocator, relations->name_starts, relations->capacity,
                         (size_t)relations->count + 1, error);
    }
    if (status == CG_OK && !relations->type_of_name) {
        status = cg_table_alloc(graph->allocator, &relations->type_of_name, error);
    }
    uint32_t added = CG_EDGE_TYPE_COUNT + relations->count;
    if (status == CG_OK) {
        status = cg_table_put(relations->type_of_name, key, added, error);
    }
    if (status != CG_OK) {
        return status;
    }
    relations->name_starts[relations->count++] =
        (uint32_t)cg_texts_append(&relations->names, name);
    *type = (uint16_t)added;
    return CG_OK;
}
