-- Does it help that related facts arrive together, and is it the temporal column that makes use of it?
--
-- The same 4,000 held-out leaf nouns arrive at all of WordNet either shuffled, or eight neighbours in the tree of
-- hypernyms after one another; all columns vote, or all but the temporal one. Facts are labelled and learned from
-- after their decision: what the stream is worth can only be learned in a stream, so lessons before service, which
-- have none, cannot teach it.
return {
  name = "temporal",
  factors = {
    { "order", { "shuffled", "related" } },
    { "columns", { "all", "not temporal" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = "all", held_out = 4000, seed = factor.repetition },
      engine = { ef_construction = 48, training = 1000, columns = { temporal = factor.columns == "all" } },
      load = { rate = 1000, facts = 4000, labels = 4000, order = factor.order, audits = 0 },
    }
  end,

  tables = {
    {
      name = "orders",
      title = "Where facts went, by their order of arrival; and first among the last tenth",
      columns = { "hypernym.first:share", "hypernym.first:se", "hypernym.top10:share", "hypernym.near1:share",
                  "hypernym.near10:share", "stream.last:share", "stream.last:se" },
    },
  },
}
