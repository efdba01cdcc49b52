-- SPDX-License-Identifier: 0BSD
-- Runs test programs part by part, and adds up what they say of themselves.
--
--   run_tests.lua LOGDIR [@part [command...]]...
--
-- A command is a shell command, or the path of a .lua, .sh or .mjs script.
-- It ends with "N passed, N failed[, N skipped]" or speaks TAP. One that does
-- neither has died: 1 failed. "=command" is one test, judged by its exit code.

local LIMIT_S = tonumber(os.getenv "TEST_SECONDS") or 1800
local LOG_LINES = 60
local LUA = os.getenv "LUA" or "lua5.4"
local interpreters = { lua = LUA, sh = "bash", mjs = "node" }

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

-- Both return passed, failed, skipped; or nil when the output has no verdict.
local function closing_line(lines)
  for i = #lines, 1, -1 do
    local passed, failed, rest =
      lines[i]:match "^%s*(%d+) passed, (%d+) failed(.*)$"
    if passed then
      local skipped = rest:match "^, (%d+) skipped" or 0
      return tonumber(passed), tonumber(failed), tonumber(skipped)
    end
  end
end

local function tap(lines)
  local passed, failed, skipped, plan = 0, 0, 0, nil
  for _, line in ipairs(lines) do
    plan = tonumber(line:match "^1%.%.(%d+)") or plan
    if line:match "^ok %d+.*# SKIP" then
      skipped = skipped + 1
    elseif line:match "^ok %d" then
      passed = passed + 1
    elseif line:match "^not ok %d" then
      failed = failed + 1
    end
  end
  if not plan then
    return nil
  end
  return passed, failed + math.max(0, plan - passed - failed - skipped), skipped
end

local function judge(by_exit, lines, code)
  if by_exit then
    return code == 0 and 1 or 0, code == 0 and 0 or 1, 0,
      code ~= 0 and "exit code " .. code or nil
  end
  local passed, failed, skipped = closing_line(lines)
  if not passed then
    passed, failed, skipped = tap(lines)
  end
  if not passed then
    return 0, 1, 0, "ended without a closing line, exit code " .. code
  elseif code ~= 0 and failed == 0 then
    return passed, 1, skipped, "exit code " .. code
  elseif passed + failed + skipped == 0 then
    return 0, 1, 0, "ran no test"
  end
  return passed, failed, skipped, failed > 0 and failed .. " failed" or nil
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function run(command, log)
  local by_exit = command:match "^=" ~= nil
  command = command:gsub("^=", "")
  local runner = interpreters[command:match "^[%w_./-]+%.(%w+)$"]
  if runner then
    command = runner .. " " .. command
  end
  local _, how, code = os.execute(string.format(
    "timeout -k 10 %d sh -c %s >%s 2>&1 </dev/null",
    LIMIT_S, quote(command), quote(log)))
  code = how == "signal" and 128 + code or code
  local lines = read_lines(log)
  local passed, failed, skipped, fault = judge(by_exit, lines, code)
  if code == 124 then
    fault = "stopped after " .. LIMIT_S .. " s"
  end
  return { command = command, lines = lines, fault = fault, log = log,
    passed = passed, failed = failed, skipped = skipped }
end

-- The end of the log, without the tests that passed.
local function tell_fault(result)
  local shown = {}
  for _, line in ipairs(result.lines) do
    if not line:match "^ok %d" then
      shown[#shown + 1] = line
    end
  end
  print(string.format("    FAILED: %s: %s", result.command, result.fault))
  local first = math.max(1, #shown - LOG_LINES + 1)
  if first > 1 then
    print("    | (all of it is in " .. result.log .. ")")
  end
  for i = first, #shown do
    print("    | " .. shown[i])
  end
end

local function tell(result)
  if result.fault then
    return tell_fault(result)
  end
  for _, line in ipairs(result.lines) do
    if result.skipped > 0 and line:lower():match "skip"
      and not line:match "%d+ passed, %d+ failed" then
      print("    " .. line:gsub("^%s+", ""))
    end
  end
end

local function text_of(sum)
  local text = string.format("%d passed, %d failed", sum.passed, sum.failed)
  if sum.skipped > 0 then
    text = text .. string.format(", %d skipped", sum.skipped)
  end
  return text
end

local function run_part(part, logs)
  local sum = { passed = 0, failed = 0, skipped = 0 }
  local results, start = {}, os.time()
  for i, command in ipairs(part.commands) do
    local r = run(command, string.format("%s/%s-%d.log", logs, part.name, i))
    results[i] = r
    for key in pairs(sum) do
      sum[key] = sum[key] + r[key]
    end
  end
  print(string.format("  %-12s %s (%d s)", part.name, text_of(sum),
    os.time() - start))
  for _, r in ipairs(results) do
    tell(r)
  end
  io.stdout:flush()
  return sum
end

local function parts_of(args)
  local parts = {}
  for i = 2, #args do
    local name = args[i]:match "^@(.+)"
    if name then
      parts[#parts + 1] = { name = name, commands = {} }
    else
      table.insert(parts[#parts].commands, args[i])
    end
  end
  return parts
end

local function main(args)
  local logs = assert(args[1], "run_tests.lua LOGDIR [@part [command...]]...")
  assert(os.execute("mkdir -p " .. quote(logs)))
  local total = { passed = 0, failed = 0, skipped = 0 }
  for _, part in ipairs(parts_of(args)) do
    if #part.commands > 0 then
      local sum = run_part(part, logs)
      for key in pairs(total) do
        total[key] = total[key] + sum[key]
      end
    end
  end
  print(text_of(total))
  return total.failed == 0 and total.passed > 0
end

os.exit(main(arg))
