-- CL-29: what does it save to gather candidates instead of records?
--
-- Sixteen hosts share the index of 10,000 concepts of WordNet, a region each. Half of the requests search it for a
-- text, half allocate a fact, for which candidates are gathered too. "sparse" is the engine's way: the host where
-- the text arrives knows centroids of all regions, asks those that are near, and is answered rows with their
-- distances. "records" is run for comparison: all hosts are asked and answer with whole records, as they lie in a
-- log. Both give the same answers where both ask all that matters.
local function point(factor)
  return {
    cluster = { hosts = 16 },
    graph = { nodes = "10K" },
    engine = { distribution = "sharded", gather = factor.gather },
    load = { requests = 600, facts = 500, rate = "1K", search = 0.5, audits = 100, ["repeat"] = "popularity" },
  }
end

return {
  name = "cl29",
  factors = { { "gather", { "sparse", "records" } } },
  repetitions = 2,
  point = point,

  tables = {
    {
      name = "bytes",
      title = "Candidates against whole records",
      columns = { "network.bytes:total", "gather.bytes:total", "gather.shards:mean", "search.recall:share",
                  "latency.search:p50", "latency.allocate:p50", "hypernym.first:share" },
    },
  },

  claims = {
    { id = "CL-29", metric = "gather.bytes:total", where = { gather = "sparse" }, over = { gather = "records" }, op = "<=",
      bound = 0.27 },
  },
}
