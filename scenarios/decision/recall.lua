-- Does a fact that restates a known concept go to it, and is the engine sure of it?
--
-- Facts are all words, the gloss alone, or the names alone of 1,000 nouns of a graph of 10,000 concepts; by gloss and
-- by names only such as no other concept shares. Decided exhaustively, and through the index and its filters.
return {
  name = "recall",
  factors = {
    { "restated", { "whole", "gloss", "words" } },
    { "strategy", { "direct", "hierarchical" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = "10K", held_out = 1000, seed = factor.repetition },
      engine = { training = 3000, strategy = factor.strategy },
      load = { rate = 1000, facts = 1000, facts_from = factor.restated, audits = 0 },
    }
  end,

  tables = {
    {
      name = "recall",
      title = "The winner is the concept; and with confidence above 0.8, above 0.7",
      columns = { "recalled:share", "recalled:se", "recalled.sure:share", "recalled.sure:se",
                  "recalled.fairly:share", "recalled.fairly:se", "confidence:mean", "calibration.error:mean" },
    },
  },
}
