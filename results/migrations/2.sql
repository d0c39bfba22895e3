.bail on
-- Version 1 to 2: claims have a place, a ratio, an aim, an interval and a reason. No program of version 1 wrote
-- any; should there be some, they keep what they say and are judged by the next run.
BEGIN IMMEDIATE;

-- Ends here when the database is of another version.
CREATE TEMP TABLE version_before (version INTEGER CONSTRAINT database_is_of_version_1 CHECK (version = 1));
INSERT INTO version_before SELECT user_version FROM pragma_user_version;
DROP TABLE version_before;

CREATE TEMP TABLE claim_before AS SELECT * FROM main.claim;
DROP TABLE main.claim;

CREATE TABLE claim (
  experiment_name TEXT NOT NULL,
  claim_index INTEGER NOT NULL,      -- its place in the scenario, from 0
  claim_name TEXT NOT NULL,          -- CL-01
  metric TEXT NOT NULL,
  statistic TEXT NOT NULL,
  selector TEXT NOT NULL,            -- factor values, a line "nodes=1K" each; '' for all combinations
  over_selector TEXT,                -- the figure is then the ratio to that at the same combination with
                                     -- these factor values; NULL: the figure itself
  operator TEXT NOT NULL,
  bound REAL NOT NULL,
  unit TEXT NOT NULL,                -- of bound, aim, value, low and high
  aim REAL,                          -- ours, beyond the bound; NULL without one
  note TEXT NOT NULL,
  value REAL,                        -- the figure nearest to missing; NULL while open
  low REAL,                          -- its interval of 95%, where it has one
  high REAL,
  place TEXT,                        -- where several combinations are held to it: the value's, "nodes=1K, hosts=4"
  wall INTEGER NOT NULL,             -- 1: of wall time or real memory; outside check
  verdict TEXT NOT NULL,
  aim_verdict TEXT,                  -- of `figure operator aim`; NULL without an aim
  reason TEXT,                       -- why it is open, one sentence; NULL otherwise, and before the run's end
  CONSTRAINT claim_key PRIMARY KEY (experiment_name, claim_index),
  CONSTRAINT claim_name_unique UNIQUE (experiment_name, claim_name),
  CONSTRAINT claim_operator_known CHECK (operator IN ('<', '<=', '>', '>=', '=')),
  CONSTRAINT claim_verdict_known CHECK (verdict IN ('met', 'missed', 'open')),
  CONSTRAINT claim_aim_verdict_known CHECK (aim_verdict IN ('met', 'missed', 'open')),
  CONSTRAINT claim_aim_has_verdict CHECK ((aim IS NULL) = (aim_verdict IS NULL)),
  CONSTRAINT claim_open_has_no_value CHECK ((verdict = 'open') = (value IS NULL)),
  CONSTRAINT claim_interval_whole CHECK ((low IS NULL) = (high IS NULL)),
  CONSTRAINT claim_wall_flag CHECK (wall IN (0, 1)),
  CONSTRAINT claim_of_experiment FOREIGN KEY (experiment_name)
    REFERENCES experiment (experiment_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO claim (experiment_name, claim_index, claim_name, metric, statistic, selector, operator, bound, unit,
                   note, wall, verdict)
  SELECT experiment_name, row_number() OVER (PARTITION BY experiment_name ORDER BY claim_name) - 1, claim_name,
         metric, statistic, selector, operator, bound, unit, '', 0, 'open'
    FROM claim_before
   ORDER BY experiment_name, claim_name;
DROP TABLE claim_before;

PRAGMA user_version = 2;
COMMIT;
