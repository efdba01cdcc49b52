-- SPDX-License-Identifier: 0BSD
-- Runs fuzz targets and says what came of it: a line for each, and then how
-- many went through without a find.
--
--   fuzz.lua FOLDER SECONDS JOBS TARGET...
--
-- SEED=N in the environment: the same inputs each time, as far as they come.
-- Targets are in FOLDER/tests/fuzz, their kept inputs in tests/fuzz/corpus. New
-- inputs go to FOLDER/corpus, and what a target stumbled over to
-- FOLDER/TARGET-*: it is copied to the kept ones by hand, with its mend.

local folder, seconds, jobs = arg[1], tonumber(arg[2]), tonumber(arg[3])
local targets = { table.unpack(arg, 4) }
assert(folder and seconds and jobs and #targets > 0,
  "fuzz.lua FOLDER SECONDS JOBS TARGET...")

local SEED = os.getenv "SEED" or "0" -- 0: by the clock
local TAIL = 40 -- lines of a log that are shown after a find

local function command_of(target)
  local new = folder .. "/corpus/" .. target
  local kept = "tests/fuzz/corpus/" .. target
  return string.format("mkdir -p %s %s; %s/tests/fuzz/%s_fuzz "
    .. "-seed=%s -max_total_time=%d -timeout=10 -rss_limit_mb=1024 "
    .. "-max_len=65536 -print_final_stats=1 -artifact_prefix=%s/%s- %s %s "
    .. ">%s/%s.log 2>&1; echo exit $? >>%s/%s.log",
    new, kept, folder, target, SEED, seconds, folder, target, new, kept,
    folder, target, folder, target)
end

-- Each worker has every jobs-th target, one after another.
local function run_all()
  local workers = {}
  for w = 1, jobs do
    local commands = {}
    for i = w, #targets, jobs do
      commands[#commands + 1] = command_of(targets[i])
    end
    if #commands > 0 then
      workers[w] = assert(io.popen(table.concat(commands, "\n")))
    end
  end
  for _, worker in ipairs(workers) do
    worker:close()
  end
end

-- What a log tells. ${kept}: inputs that were there before; ${late}: edges
-- that came in the last fifth of all runs.
local function read_log(target)
  local told = { runs = 0, edges = 0, kept = math.huge, lines = {} }
  local at = {} -- { number of the run, edges by then }
  for line in io.lines(folder .. "/" .. target .. ".log") do
    told.lines[#told.lines + 1] = line
    local run, edges = line:match "^#(%d+)%s+%u+%s+cov: (%d+)"
    if run then
      told.runs, told.edges = tonumber(run), tonumber(edges)
      at[#at + 1] = { told.runs, told.edges }
    end
    told.kept = tonumber(line:match "^#(%d+)%s+INITED") or told.kept
    told.runs = tonumber(line:match "number_of_executed_units:%s+(%d+)")
      or told.runs
    told.rate = line:match "average_exec_per_sec:%s+(%d+)" or told.rate
    told.exit = line:match "^exit (%d+)$" or told.exit
  end
  local before = at[1] and at[1][2] or 0
  for _, point in ipairs(at) do
    if point[1] <= told.runs * 0.8 then
      before = point[2]
    end
  end
  told.late = told.edges - before
  return told
end

local function tell(target, told)
  -- One that only ran what it was given has looked for nothing.
  local idle = told.exit == "0" and told.runs <= told.kept
  local clean = told.exit == "0" and not idle
  print(string.format("%-9s %10d runs %7s/s %5d edges, %d in the last fifth%s",
    target, told.runs, told.rate or "?", told.edges, told.late,
    clean and "" or idle and ", TRIED NOTHING NEW" or ", STOPPED"))
  for i = math.max(1, #told.lines - TAIL), clean and 0 or #told.lines do
    print("  | " .. told.lines[i])
  end
  return clean
end

run_all()
local passed, failed = 0, 0
for _, target in ipairs(targets) do
  if tell(target, read_log(target)) then
    passed = passed + 1
  else
    failed = failed + 1
  end
end
print(string.format("%d passed, %d failed", passed, failed))
os.exit(failed == 0)
