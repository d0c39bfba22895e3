-- How do allocation latency and accuracy change as WordNet grows from a thousand concepts to all of it,
-- on one host and on four, and what does cutting one of the four off for a while do?
--
-- Facts are leaf nouns held out of the graph (their words and gloss); they arrive in an open-loop Poisson
-- stream. True answers are WordNet's own hypernyms. In the four-host points host 3 is cut off from 200 ms
-- to 400 ms.
local clusters = require "scenarios.lib.clusters"

return {
  name = "quickstart",
  factors = {
    { "nodes", { "1K", "10K", "100K", "all" } },
    { "hosts", { 1, 4 } },
  },
  repetitions = 3,

  point = function(factor)
    local faults
    if factor.hosts > 1 then
      faults = {
        { at = "200ms", action = "partition", hosts = { 3 } },
        { at = "400ms", action = "heal" },
      }
    end
    return {
      cluster = clusters.of(factor.hosts),
      graph = { source = "wordnet", nodes = factor.nodes, held_out = 1000 },
      engine = { ef_construction = 48 },
      load = { arrival = "poisson", rate = 1000, facts = 1000, audits = 40 },
      faults = faults,
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Allocation latency, from intended start to answer",
      columns = { "requests:total", "latency:p50", "latency:p99", "throughput:mean", "retries:total",
                  "network.bytes:total" },
    },
    {
      name = "partition",
      title = "The partition: p99 before, during and after it, and the recovery",
      columns = { "latency.before:p99", "latency.during:p50", "latency.during:p99", "latency.after:p99",
                  "recovery.requests:max", "replication.backlog:max", "requests.failed:total" },
    },
    {
      name = "answers",
      title = "Where facts went: against the exhaustive engine, and against WordNet's own hypernyms",
      columns = { "agreement:share", "hypernym.first:share", "hypernym.top10:share",
                  "hypernym.near10:share", "confidence:mean" },
    },
    {
      name = "resources",
      title = "What it took",
      columns = { "graph.concepts:total", "memory:max", "tier.l1:share", "tier.l2:share", "tier.l3:share",
                  "distances:total", "energy:total" },
    },
  },

  plots = {
    { name = "scaling", title = "Allocation latency over graph size", x = "nodes", y = "latency:p50",
      series = "hosts", log = "x" },
    { name = "hypernyms", title = "True hypernym among the ten best", x = "nodes", y = "hypernym.top10:share",
      series = "hosts", log = "x" },
    { name = "timeline", title = "One host of four is cut off", kind = "timeline", y = "latency:p99",
      where = { nodes = "10K", hosts = 4 } },
  },
}
