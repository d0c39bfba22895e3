/* How far a spread may go within its budget of time.
 *
 * Before it runs its latency is forecast, hop by hop, from how spreads have grown so far:
 *
 *   visits(1) = concepts it begins at, edges(1) = their edges
 *   visits(h) = edges(h - 1) * visits an edge at hop h     (running means)
 *   edges(h)  = visits(h) * edges a visit at hop h
 *
 * Over budget by more than half the answer is likeness alone: the concepts it would begin at. In
 * between, it goes as many hops as fit, and stops before a hop for whose edges there is no time
 * left. Either way the answer is partial.
 */
#include "engine/node/node_internal.h"

/* Weight of the newest spread in the running means of growth. */
static const double newest = 0.05;

/* Of so many spreads that would be answered by likeness alone one goes a hop, so that the forecast
 * goes on learning. */
enum { HOPELESS_MAX = 64 };

/* --- growth --- */

static uint32_t growth_at(uint32_t hop) {
    return hop < CG_NODE_GROWTH_HOPS ? hop : CG_NODE_GROWTH_HOPS - 1;
}

void cg_associate_growth(cg_node *node) {
    const cg_graph *graph = node->corpus ? node->corpus->graph : node->options.graph;
    uint32_t concepts = graph ? cg_graph_concept_count(graph) : 0;
    double degree = concepts > 0 ? (double)cg_graph_edge_count(graph) / (double)concepts : 0.0;
    for (uint32_t hop = 0; hop < CG_NODE_GROWTH_HOPS; ++hop) {
        node->growth.visits_an_edge[hop] = 1.0;
        node->growth.edges_a_visit[hop] = degree;
    }
}

/* What so many hops are expected to do, as things are. */
static cg_forecast_features foresee(const cg_node *node, const cg_item *item, uint32_t hops) {
    const cg_growth *growth = &node->growth;
    const cg_graph *graph = cg_space_graph(cg_item_space(node, item));
    double visits = (double)node->seed_count;
    double edges = 0.0;
    for (uint32_t i = 0; i < node->seed_count; ++i) {
        edges += (double)cg_graph_degree(graph, node->seeds[i].row);
    }
    double all_visits = hops > 0 ? visits : 0.0;
    double all_edges = hops > 0 ? edges : 0.0;
    for (uint32_t hop = 2; hop <= hops; ++hop) {
        visits = edges * growth->visits_an_edge[growth_at(hop)];
        visits = visits < (double)UINT32_MAX ? visits : (double)UINT32_MAX;
        edges = visits * growth->edges_a_visit[growth_at(hop)];
        all_visits += visits;
        all_edges += edges;
    }
    cg_forecast_features features = {
        .keys = all_visits < (double)UINT32_MAX ? (uint32_t)all_visits : UINT32_MAX,
        .hops = hops,
        .edges = all_edges,
        .texts = (item->event.flags & CG_REQUEST_TEXT) ? 1 : 0,
        .permits = 1,
    };
    features.tier_reads[CG_FORECAST_TIERS - 1] = all_visits * growth->store_share;
    return features;
}

static void follow(double *mean, double part, double whole) {
    if (whole > 0.0) {
        *mean += newest * (part / whole - *mean);
    }
}

void cg_associate_learn(cg_node *node, cg_recall_state *recall, const cg_spread_result *result,
                        uint32_t hops_max, uint64_t store_reads) {
    cg_growth *growth = &node->growth;
    uint32_t known = result->hops;
    known += !result->is_partial && known < hops_max;
    for (uint32_t i = 0; i < known; ++i) {
        const cg_spread_hop *hop = &result->by_hop[i];
        uint32_t at = growth_at(i + 1);
        follow(&growth->edges_a_visit[at], (double)hop->edges, (double)hop->visits);
        if (i > 0) {
            follow(&growth->visits_an_edge[at], (double)hop->visits, (double)hop[-1].edges);
        }
    }
    follow(&growth->store_share, (double)store_reads, (double)result->visits);
    recall->features.keys = result->visits < UINT32_MAX ? (uint32_t)result->visits : UINT32_MAX;
    recall->features.hops = result->hops;
    recall->features.edges = (double)result->edges;
    recall->features.tier_reads[CG_FORECAST_TIERS - 1] = (double)store_reads;
}

/* --- how far --- */

static void forecast(cg_node *node, cg_item *item, uint32_t hops) {
    cg_recall_state *recall = &item->recall;
    recall->features = foresee(node, item, hops);
    recall->forecast_ns = cg_forecast_ns(node->spread_forecast, &recall->features);
}

/* Edges for which the budget has time beyond those foreseen, and these; 0: no bound. */
static uint64_t edges_within(const cg_node *node, const cg_recall_state *recall) {
    const uint64_t budget_ns = node->options.service.budget_ns;
    double edge_ns = cg_forecast_weight_ns(node->spread_forecast, CG_FORECAST_EDGES);
    double left_ns =
        budget_ns > recall->forecast_ns ? (double)(budget_ns - recall->forecast_ns) : 0.0;
    double most = edge_ns > 0.0 ? recall->features.edges + left_ns / edge_ns : 1e18;
    return most < (double)UINT32_MAX ? 1 + (uint64_t)most : 0;
}

cg_reach cg_associate_reach(cg_node *node, cg_item *item) {
    const uint64_t budget_ns = node->options.service.budget_ns;
    const uint32_t asked = item->event.hops;
    const cg_recall_state *recall = &item->recall;
    cg_reach reach = {.hops = asked};
    forecast(node, item, asked);
    if (budget_ns == 0) {
        return reach;
    }
    bool is_hopeless = recall->forecast_ns / 3 > budget_ns / 2; /* over by more than half */
    if (is_hopeless) {
        reach.hops = 0;
        forecast(node, item, 0);
    }
    while (reach.hops > 0 && recall->forecast_ns > budget_ns) {
        forecast(node, item, --reach.hops);
    }
    if (reach.hops == 0 && ++node->growth.hopeless % HOPELESS_MAX == 0) {
        reach.hops = 1;
        forecast(node, item, 1);
    }
    reach.is_cut = reach.hops < asked;
    reach.edges_max = reach.hops > 0 ? edges_within(node, recall) : 0;
    return reach;
}
