-- SPDX-License-Identifier: 0BSD
-- What commands with long work share: a job with a line of progress, sizes.

local mahatta = require "mahatta"
local out = require "mahatta.cli.out"

local work = {}

-- Run a job with a line of progress; its result, or nil, message, code.
function work.try(run, job, what, quiet)
  local line = out.progress(quiet)
  run.cleanup(function ()
    line:clear()
    job:close()
  end)
  for done, total in job:steps() do line:bytes(what, done, total) end
  line:clear()
  local result, message, code = job:result()
  job:close()
  return result, message, code
end

-- The same, but a failure ends the command.
function work.finish(run, job, what, quiet)
  return run.check(work.try(run, job, what, quiet))
end

-- A size as the options have it: "10M", "all", "none"; nil for nil.
function work.size(text, name, run)
  if text == nil or text == "all" or text == "none" then return text end
  local size, message = mahatta.size(text)
  if not size then return run.usage(name .. ": " .. message) end
  return size
end

-- A whole number within bounds; nil for nil.
function work.whole(text, name, run, low, high)
  if text == nil then return nil end
  local n = math.tointeger(tonumber(text))
  if not n or n < low or n > high then
    return run.usage(("%s needs a whole number, %d to %d")
      :format(name, low, high))
  end
  return n
end

local TEXTS_S = 20 -- of a command that did what it was asked for
local ROUND_S = 60

-- A failure is told, and no more: the records are here all the same, and the
-- next reading tries again.
local function tell_unread(run, message)
  run.warn("the files of records could not be read for search",
    out.name(message))
end

-- What a reading job that is over came to.
local function tell_texts(run, job)
  local result, message, code = job:result()
  if not result and code ~= "ECLOSED" then tell_unread(run, message) end
  return result
end

-- What is raised here is told, too: all else goes on, but for Ctrl-C.
local function guard(run, job, fault)
  if job then job:close() end
  if tostring(fault):find("interrupted!", 1, true) then error(fault, 0) end
  tell_unread(run, fault)
end

-- Read the files of records that came, for a while; what is left, the next
-- command does.
function work.texts(run, station)
  local job
  local stop = os.time() + TEXTS_S
  run.cleanup(function () if job then job:close() end end)
  local good, fault = pcall(function ()
    job = station:index_files({ once = true })
    for _ in job:steps() do
      if os.time() >= stop then break end
    end
    job:close() -- does nothing to one that has come to its end
    tell_texts(run, job)
  end)
  if not good then guard(run, job, fault) end
end

-- The same beside other work, for as long as that goes on: a function that
-- does a little, and says after how many seconds it wants to be called again.
function work.reading(run, station)
  local job
  run.cleanup(function () if job then job:close() end end)
  local function turn()
    job = job or station:index_files({ once = true })
    if job:step() then return job.running and 0.2 or 0.01 end
    local over = job
    job = nil
    local result = tell_texts(run, over)
    return result and result.records > 0 and 0.01 or ROUND_S
  end
  return function ()
    local good, wait = pcall(turn)
    if good then return wait end
    local broken = job
    job = nil
    guard(run, broken, wait)
    return ROUND_S
  end
end

return work
