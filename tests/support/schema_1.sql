-- The result database of Cortigrid, schema version 1.
--
-- One file holds any number of experiments; each row belongs to one of them by its name, and to run an
-- experiment again replaces all its rows in one transaction. Everything is keyed by the place in the plan
-- (factor, point, view), never by the order of insertion, so the same run gives the same rows whatever
-- worker finished first.
--
-- Wall time. No column holds a date or a clock of the machine. Figures measured in wall time or real memory
-- exist in two places only: rows of `metric` with wall = 1, and `provenance`. Both stay outside the
-- fingerprint, and wall figures never enter a baseline. Every other time is simulated, in nanoseconds
-- since the start of the point.
--
-- Fingerprint. experiment.fingerprint is a rolling 64-bit hash over the rows of factor, factor_value,
-- point (state, origin, fingerprint), point_factor, metric with wall = 0, histogram, series, event, alert
-- and claim, each in the order of its primary key. Texts that only describe (question, source, options,
-- views, reasons of failure) are not in it: what they cause is.
--
-- Quantiles. Distributions are kept as HDR histograms of integers, never as quantiles: values below 2^11
-- are exact, above each octave has 1,024 buckets, so a value is known to 1 part in 1,024. quantile(q) is
-- the middle of the first bucket at which the cumulative count reaches max(1, ceil(q * count)), clamped
-- to [min, max], which are exact; it lies within 1 part in 2,048 of the order statistic. Repetitions are
-- merged by adding counts, never by averaging quantiles.
--
-- Migration. `PRAGMA user_version` is the schema version. Every change is a file
-- results/migrations/N.sql, committed with the change, that takes a database from version N-1 to N and
-- ends with `PRAGMA user_version = N`; they are applied in order, with
-- `sqlite3 results.db < results/migrations/N.sql`, and only forward. The program writes and reads its own
-- version only: an older database is refused with the files to apply, a newer one is refused.

PRAGMA application_id = 1128747588; -- "CGRD"
PRAGMA user_version = 1;

CREATE TABLE experiment (
  experiment_name TEXT NOT NULL,
  file TEXT NOT NULL,                -- the scenario's path as given on the command line
  question TEXT NOT NULL,            -- the scenario's first comment
  source TEXT NOT NULL,              -- the scenario's whole text
  source_hash TEXT NOT NULL,         -- XXH64 of it, 16 hex digits
  repetitions INTEGER NOT NULL,
  point_count INTEGER NOT NULL,
  fingerprint TEXT,                  -- 16 hex digits; NULL until the run has finished
  CONSTRAINT experiment_key PRIMARY KEY (experiment_name),
  CONSTRAINT experiment_repetitions_positive CHECK (repetitions > 0),
  CONSTRAINT experiment_point_count_whole CHECK (point_count >= 0),
  CONSTRAINT experiment_fingerprint_hex CHECK (length(fingerprint) = 16)
) STRICT, WITHOUT ROWID;

-- What is varied. Values are the text of the scenario: "1K", "4", "true".
CREATE TABLE factor (
  experiment_name TEXT NOT NULL,
  factor_index INTEGER NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT factor_key PRIMARY KEY (experiment_name, factor_index),
  CONSTRAINT factor_name_unique UNIQUE (experiment_name, name),
  CONSTRAINT factor_of_experiment FOREIGN KEY (experiment_name)
    REFERENCES experiment (experiment_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE factor_value (
  experiment_name TEXT NOT NULL,
  factor_index INTEGER NOT NULL,
  value_index INTEGER NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT factor_value_key PRIMARY KEY (experiment_name, factor_index, value_index),
  CONSTRAINT factor_value_of_factor FOREIGN KEY (experiment_name, factor_index)
    REFERENCES factor (experiment_name, factor_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One simulated run: a combination of factor values and a repetition. point_index counts from 0;
-- repetition varies fastest, then the last factor.
CREATE TABLE point (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  repetition INTEGER NOT NULL,       -- counts from 1
  state TEXT NOT NULL,
  reason TEXT,                       -- why it failed, one sentence; NULL otherwise
  origin TEXT,                       -- built: every node exists in memory; tiled: made of repeated shards;
                                     -- fitted: extrapolated by a fit, not simulated; NULL until done
  fingerprint TEXT,                  -- rolling hash over the events that nodes were stepped with and the state
                                     -- they ended in, 16 hex digits; NULL until done
  options TEXT NOT NULL,             -- canonical "path = value" lines: all that the run depends on
  CONSTRAINT point_key PRIMARY KEY (experiment_name, point_index),
  CONSTRAINT point_state_known CHECK (state IN ('pending', 'done', 'failed')),
  CONSTRAINT point_origin_known CHECK (origin IN ('built', 'tiled', 'fitted')),
  CONSTRAINT point_done_complete
    CHECK (state <> 'done' OR (origin IS NOT NULL AND length(fingerprint) = 16)),
  CONSTRAINT point_failed_has_reason CHECK ((state = 'failed') = (reason IS NOT NULL)),
  CONSTRAINT point_of_experiment FOREIGN KEY (experiment_name)
    REFERENCES experiment (experiment_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE point_factor (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  factor_index INTEGER NOT NULL,
  value_index INTEGER NOT NULL,
  CONSTRAINT point_factor_key PRIMARY KEY (experiment_name, point_index, factor_index),
  CONSTRAINT point_factor_of_point FOREIGN KEY (experiment_name, point_index)
    REFERENCES point (experiment_name, point_index) ON DELETE CASCADE,
  CONSTRAINT point_factor_has_value FOREIGN KEY (experiment_name, factor_index, value_index)
    REFERENCES factor_value (experiment_name, factor_index, value_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Single figures in long form: latency, mean, 151200, ns. Units are base units: ns, s, B, 1/s, J, W, ...;
-- a plain count or ratio has the unit "1" or "".
CREATE TABLE metric (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  metric TEXT NOT NULL,
  statistic TEXT NOT NULL,
  value REAL NOT NULL,
  unit TEXT NOT NULL,
  wall INTEGER NOT NULL,             -- 1: of wall time or real memory; outside fingerprint and check
  CONSTRAINT metric_key PRIMARY KEY (experiment_name, point_index, metric, statistic),
  CONSTRAINT metric_wall_flag CHECK (wall IN (0, 1)),
  CONSTRAINT metric_of_point FOREIGN KEY (experiment_name, point_index)
    REFERENCES point (experiment_name, point_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Distributions of integer values; settings and quantiles as above.
CREATE TABLE histogram (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  metric TEXT NOT NULL,
  unit TEXT NOT NULL,                -- of the values, mostly ns
  buckets TEXT NOT NULL,             -- "v1 MIN MAX BUCKET:COUNT BUCKET:COUNT ...", ascending;
                                     -- bucket v for v < 2048, else shift * 1024 + (v >> shift) with
                                     -- shift = floor(log2 v) - 10
  CONSTRAINT histogram_key PRIMARY KEY (experiment_name, point_index, metric),
  CONSTRAINT histogram_of_point FOREIGN KEY (experiment_name, point_index)
    REFERENCES point (experiment_name, point_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Figures over simulated time: one value an interval, at the interval's start.
CREATE TABLE series (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  metric TEXT NOT NULL,
  statistic TEXT NOT NULL,
  time_ns INTEGER NOT NULL,
  value REAL NOT NULL,
  unit TEXT NOT NULL,
  CONSTRAINT series_key PRIMARY KEY (experiment_name, point_index, metric, statistic, time_ns),
  CONSTRAINT series_time_positive CHECK (time_ns >= 0),
  CONSTRAINT series_of_point FOREIGN KEY (experiment_name, point_index)
    REFERENCES point (experiment_name, point_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Marks on the time line, in the order the point reported them: partition, heal, latency, loss, note ...
CREATE TABLE event (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  event_index INTEGER NOT NULL,
  time_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  CONSTRAINT event_key PRIMARY KEY (experiment_name, point_index, event_index),
  CONSTRAINT event_time_positive CHECK (time_ns >= 0),
  CONSTRAINT event_of_point FOREIGN KEY (experiment_name, point_index)
    REFERENCES point (experiment_name, point_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
  experiment_name TEXT NOT NULL,
  point_index INTEGER NOT NULL,
  alert_index INTEGER NOT NULL,
  time_ns INTEGER NOT NULL,
  severity TEXT NOT NULL,
  text TEXT NOT NULL,
  CONSTRAINT alert_key PRIMARY KEY (experiment_name, point_index, alert_index),
  CONSTRAINT alert_time_positive CHECK (time_ns >= 0),
  CONSTRAINT alert_of_point FOREIGN KEY (experiment_name, point_index)
    REFERENCES point (experiment_name, point_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What the experiment is held to: met where statistic of metric at selector satisfies `operator bound`.
CREATE TABLE claim (
  experiment_name TEXT NOT NULL,
  claim_name TEXT NOT NULL,          -- CL-01
  metric TEXT NOT NULL,
  statistic TEXT NOT NULL,
  selector TEXT NOT NULL,            -- factor values, "nodes=1K"
  operator TEXT NOT NULL,
  bound REAL NOT NULL,
  unit TEXT NOT NULL,                -- of bound
  value REAL,                        -- as measured, in the same unit; NULL when it was not measured
  verdict TEXT NOT NULL,
  CONSTRAINT claim_key PRIMARY KEY (experiment_name, claim_name),
  CONSTRAINT claim_operator_known CHECK (operator IN ('<', '<=', '>', '>=', '=')),
  CONSTRAINT claim_verdict_known CHECK (verdict IN ('met', 'missed', 'open')),
  CONSTRAINT claim_of_experiment FOREIGN KEY (experiment_name)
    REFERENCES experiment (experiment_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Where the figures come from: revision, library versions, profile hash, seed. Describes the machine that
-- ran it, so it is outside the fingerprint.
CREATE TABLE provenance (
  experiment_name TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT provenance_key PRIMARY KEY (experiment_name, name),
  CONSTRAINT provenance_of_experiment FOREIGN KEY (experiment_name)
    REFERENCES experiment (experiment_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The tables and plots that the scenario asks for.
CREATE TABLE "view" (
  experiment_name TEXT NOT NULL,
  view_index INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,                -- table: a line "metric:statistic" a column;
                                     -- plot: lines "key=value" (x, y, series, log, kind, where.FACTOR)
  CONSTRAINT view_key PRIMARY KEY (experiment_name, view_index),
  CONSTRAINT view_kind_known CHECK (kind IN ('table', 'plot')),
  CONSTRAINT view_name_unique UNIQUE (experiment_name, kind, name),
  CONSTRAINT view_of_experiment FOREIGN KEY (experiment_name)
    REFERENCES experiment (experiment_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- For readers that want one figure of all points.
CREATE INDEX metric_by_name ON metric (experiment_name, metric, statistic, point_index);
CREATE INDEX histogram_by_name ON histogram (experiment_name, metric, point_index);
CREATE INDEX series_by_name ON series (experiment_name, metric, statistic, point_index, time_ns);
-- For the deletion of an experiment.
CREATE INDEX point_factor_by_value ON point_factor (experiment_name, factor_index, value_index);
