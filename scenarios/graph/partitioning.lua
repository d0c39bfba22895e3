-- How many edges does a division of the graph cut, if the graph is looked at instead of only hashed?
--
-- WordNet and a drawn graph of 64 planted communities, divided into 4, 16 and 64 parts; the load does not matter.
return {
  name = "partitioning",
  factors = {
    { "graph", { "wordnet", "planted" } },
    { "parts", { 4, 16, 64 } },
    { "partitioner", { "spectral", "hash" } },
  },

  point = function(factor)
    local planted = factor.graph == "planted"
    return {
      graph = {
        source = planted and "synthetic" or "wordnet", nodes = planted and "50K" or "all", degree = 16, communities = 64,
        inside = 0.85, parts = factor.parts, partitioner = factor.partitioner, held_out = 1,
      },
      engine = { training = 0, dims = 32, index = "flat", spread = { fan_out = true } },
      load = { requests = 100, rate = 100, spread = 1 },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "cut",
      title = "Divided graphs",
      columns = { "partition.cut:share", "partition.connectivity:mean", "partition.imbalance:max",
                  "partition.boundary:share", "partition.routes.memory:total" },
    },
  },

  plots = {
    { name = "edges", title = "Edges cut", x = "parts", y = "partition.cut:share", series = "partitioner", log = "x" },
  },
}
