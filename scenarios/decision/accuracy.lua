-- How often does a fact go where WordNet puts it, how sure is the engine of that, and does every column earn its
-- place?
--
-- Facts are 1,000 leaf nouns held out of all of WordNet, another thousand in each repetition; the engine learns from
-- 3,000 labelled facts, which are other leaves, before the first arrives. All columns vote, or one alone, or all but
-- one; what is learned is learned with these columns.
local all = { "semantic", "structural", "temporal", "exception" }

local function columns_of(choice)
  local alone = choice ~= "all" and not string.find(choice, "^not ")
  local columns = {}
  for _, column in ipairs(all) do
    if alone then
      columns[column] = choice == column
    else
      columns[column] = choice ~= "not " .. column
    end
  end
  return columns
end

return {
  name = "accuracy",
  factors = {
    { "columns", { "all", "semantic", "structural", "temporal", "exception", "not semantic", "not structural",
                   "not temporal", "not exception" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = "all", held_out = 1000, seed = factor.repetition },
      engine = { ef_construction = 48, training = 3000, columns = columns_of(factor.columns) },
      load = { rate = 1000, facts = 1000, audits = 100 },
    }
  end,

  tables = {
    {
      name = "hypernyms",
      title = "Where facts went, with the standard errors of 3,000 facts",
      columns = { "hypernym.first:share", "hypernym.first:se", "hypernym.top10:share", "hypernym.top10:se",
                  "hypernym.near1:share", "hypernym.near1:se", "hypernym.near10:share", "hypernym.near10:se" },
    },
    {
      name = "confidence",
      title = "How well the engine knows how sure to be, and whether the exhaustive decision is the same",
      columns = { "confidence:mean", "calibration.error:mean", "surest.right:share", "surest.right:se",
                  "agreement:share", "agreement:se", "agreement.audits:total", "training.lessons:total" },
    },
  },

  plots = {
    { name = "reliability", title = "Right as often as it is sure: all columns", kind = "reliability",
      where = { columns = "all" } },
  },
}
