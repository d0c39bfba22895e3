-- How often does the decision through index and filters have the winner of the exhaustive one?
--
-- Every fact is decided both ways, on the same state: up to 1,000 held-out leaf nouns at a thousand concepts, at ten
-- thousand and at all of WordNet.
return {
  name = "agreement",
  factors = {
    { "nodes", { "1K", "10K", "all" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = factor.nodes, held_out = 1000, seed = factor.repetition },
      engine = { ef_construction = 48, training = 3000 },
      load = { rate = 1000, facts = 1000, audits = 1000 },
    }
  end,

  tables = {
    {
      name = "agreement",
      title = "The same winner as the exhaustive decision, and what the filters left of the candidates",
      columns = { "agreement:share", "agreement:se", "agreement.audits:total", "hypernym.first:share",
                  "stage.coarse:mean", "stage.semantic:mean", "stage.structural:mean" },
    },
  },

  plots = {
    { name = "size", title = "Agreement with the exhaustive decision", x = "nodes", y = "agreement:share",
      log = "x" },
  },
}
