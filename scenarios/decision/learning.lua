-- How much does the engine learn from a stream of labelled facts, from uniform synapses on, and does it keep it?
--
-- 4,000 held-out leaf nouns arrive at all of WordNet, each with its true hypernym, which is learned from after the
-- decision, or without: so the curve is that of new facts, and the difference what the engine has learned. Nothing is
-- learned beforehand.
return {
  name = "learning",
  factors = {
    { "labels", { 0, 4000 } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = "all", held_out = 4000, seed = factor.repetition },
      engine = { ef_construction = 48, training = 0 },
      load = { arrival = "constant", rate = 1000, facts = 4000, labels = factor.labels, audits = 0 },
      series = "100ms",
    }
  end,

  tables = {
    {
      name = "learned",
      title = "True hypernym first: the first tenth of the stream, the last tenth, and all of it",
      columns = { "stream.first:share", "stream.first:se", "stream.last:share", "stream.last:se",
                  "hypernym.first:share", "hypernym.first:se", "calibration.error:mean" },
    },
  },

  plots = {
    { name = "curve", title = "True hypernym first, by 100 facts", kind = "timeline", y = "hypernym.first:share",
      series = "labels" },
  },
}
