-- SPDX-License-Identifier: 0BSD
-- The command `mahatta`: finds the subcommand, runs it, turns what goes wrong
-- into a sentence and an exit code.

local SELF = "mahatta.cli.main"
local required = ... == SELF

-- Started from the tree, not installed: find the modules beside this file.
if not required and arg and arg[0] then
  local root = arg[0]:match("^(.*)lua/mahatta/cli/main%.lua$")
  if root then
    package.path = root .. "lua/?.lua;" .. root .. "lua/?/init.lua;"
      .. package.path
    local built = root .. "build/5.4/?.so"
    package.cpath = os.getenv("LUA_CPATH") and package.cpath .. ";" .. built
      or built .. ";" .. package.cpath
  end
end

local args = require "mahatta.cli.args"
local mahatta = require "mahatta"
local out = require "mahatta.cli.out"

local DONE, FAILED, USAGE, PARTLY = 0, 1, 2, 3
local INTERRUPTED = 130 -- as shells say it

-- The commands of several files, as one group.
local function gather(...)
  local list = {}
  for _, name in ipairs({ ... }) do
    for _, command in ipairs(require("mahatta.cli." .. name)) do
      list[#list + 1] = command
    end
  end
  return list
end

local groups = {
  { "Publish", require "mahatta.cli.publish" },
  { "Read", require "mahatta.cli.read" },
  { "Sync", gather("sync", "serve", "status") },
  { "Carry and keep", gather("carry", "quota") },
  { "On the web", require "mahatta.cli.site" },
}

local commands = {}
for _, group in ipairs(groups) do
  for _, command in ipairs(group[2]) do commands[command.name] = command end
end

-- ---- what commands may use ----

-- Errors with an exit code of their own; anything else that is raised is a
-- fault of the program, and shown as it is.
local function stop(code, message, command)
  error({ code = code, message = message, command = command }, 0)
end

local ADVICE = {
  EBUSY = "wait for it, or use a command that only reads",
}

local ENOENT = 2 -- as io.open tells it

-- A write that was cut off (power, kill -9) leaves a journal that no reader
-- can undo, but any writer does. When another process is at work there, or we
-- may not write, reading tells what is wrong.
local function undo_cut_write(path, settings)
  local journal = io.open(path .. "-files-journal", "rb")
  local begun = journal and journal:read(1)
  if journal then journal:close() end
  if not begun then return end
  local writing = {}
  for name, value in pairs(settings) do writing[name] = value end
  writing.readonly = false
  local station = mahatta.open(path, writing)
  if station then station:close() end
end

-- What to do about a key file that can't be used.
local function key_advice(message, code, key)
  if message:find("passphrase", 1, true) then
    return "; the command takes it from $MAHATTA_PASSPHRASE"
  elseif message:find("lets others in", 1, true) then
    return ": `chmod 600 " .. key .. "`"
  elseif code == "ENOENT" and message:find("key file: can't open", 1, true) then
    return " (" .. key .. "). Without it nothing can be published in this "
      .. "name: put your copy of it there, or say --key FILE"
  end
  return ""
end

local function open_station(run, o, options)
  local path = run.path(o)
  local file, why, errno = io.open(path, "rb")
  if file then
    file:close()
  elseif errno ~= ENOENT then
    run.fail("can't read the station %s", out.name(why))
  elseif not options.create then
    run.fail("no station at %s: make one with `mahatta init %s`",
      out.name(path), out.name(path))
  end
  local settings = { create = options.create or false,
    readonly = options.readonly or false,
    key = o.key, passphrase = os.getenv("MAHATTA_PASSPHRASE") }
  if settings.readonly then undo_cut_write(path, settings) end
  local station, message, code = mahatta.open(path, settings)
  if code == "EBUSY" and options.busy then
    run.fail("%s (%s)", out.name(message), options.busy)
  elseif not station then
    run.check(nil, message .. key_advice(message, code, o.key
      or path .. ".key"), code)
  end
  run.cleanup(function () station:close() end)
  return station
end

local function new_run(command)
  local run = { DONE = DONE, FAILED = FAILED, PARTLY = PARTLY, cleanups = {} }

  function run.fail(format, ...) stop(FAILED, format:format(...)) end

  function run.usage(message) stop(USAGE, message, command) end

  function run.id(text)
    if mahatta.link(text) then return text end
    return run.usage(("'%s' is no id: they look like bafyrei..., see `list` "
      .. "and `search`"):format(out.name(text)))
  end

  -- Pass results through; a failure of the world ends the command.
  function run.check(value, message, code, ...)
    if value ~= nil and value ~= false then
      return value, message, code, ...
    end
    local advice = ADVICE[code]
    stop(FAILED, out.name(message or "failed")
      .. (advice and " (" .. advice .. ")" or ""))
  end

  -- One of several things that may fail by themselves: what f returns, or
  -- nil and the message of a failure that would have ended the command.
  function run.try(f, ...)
    local results = table.pack(pcall(f, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    local fault = results[2]
    if type(fault) ~= "table" or fault.code ~= FAILED then error(fault, 0) end
    return nil, fault.message
  end

  -- A fault that does not end the command, of the thing called ${name}.
  function run.warn(name, message)
    local named = message:find(name, 1, true) and "" or name .. ": "
    io.stderr:write("mahatta: ", named, message, "\n")
  end

  -- To be called at the end, also when it fails or is interrupted.
  function run.cleanup(f) table.insert(run.cleanups, f) end

  function run.path(o)
    local path = os.getenv("MAHATTA")
    return o.station or path ~= "" and path or "commons.mahatta"
  end

  function run.absolute(path)
    if path:sub(1, 1) == "/" then return path end
    return require("lfs").currentdir() .. "/" .. path:gsub("^%./+", "")
  end

  -- Open the station that the options name. Only `init` makes one.
  function run.open(o, options) return open_station(run, o, options or {}) end

  return run
end

-- ---- help and version ----

local function overview()
  out.line("mahatta: a station of an open data commons that works without "
    .. "the Internet")
  out.line("")
  out.line("Usage: mahatta COMMAND [arguments] [options]")
  for _, group in ipairs(groups) do
    out.line("")
    out.line("%s:", group[1])
    for _, command in ipairs(group[2]) do
      out.line("  %-12s  %s", command.name, command.does)
    end
  end
  out.line("")
  out.line("Help:")
  out.line("  help          This page, or `help COMMAND` for one.")
  out.line("  version       The version.")
  out.line("")
  out.line("Example: what Basra lacks, on a stick from Baghdad")
  out.line("  basra$   mahatta follow 'edu/*'")
  out.line("  basra$   mahatta slip stick/basra.slip")
  out.line("  baghdad$ mahatta pack stick/basra.car.zst "
    .. "--slip stick/basra.slip")
  out.line("  basra$   mahatta unpack stick/basra.car.zst")
  out.line("")
  out.line("Exit codes: 0 done, 1 failed, 2 wrong usage, 3 partly (some is "
    .. "bad or missing).")
end

-- How many letters must be changed, added or left out to make b of a.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
      diagonal = row[j]
      row[j] = math.min(cost, row[j] + 1, row[j - 1] + 1)
    end
  end
  return row[#b]
end

-- The command that was probably meant.
local function nearest(name)
  local best, least = nil, 3
  for other in pairs(#name <= 20 and commands or {}) do
    local n = distance(name, other)
    if n < least or n == least and best and other < best then
      best, least = other, n
    end
  end
  return best
end

local function help(name)
  if not name then return overview() end
  local command = commands[name]
  if not command then
    stop(USAGE, ("no command '%s'"):format(out.name(name)))
  end
  out.line("%s", args.help(command))
end

-- ---- running ----

local function run_command(name, words)
  local command = commands[name]
  if not command then
    local near = nearest(name)
    stop(USAGE, ("no command '%s'%s"):format(out.name(name),
      near and (": did you mean `%s`?"):format(near) or ""))
  end
  local o, message = args.parse(command, words)
  if not o then stop(USAGE, out.name(message), command) end
  if o.help then return help(name) end
  local run = new_run(command)
  local results = table.pack(xpcall(command.run, function (fault)
    -- A traceback only for faults of the program itself.
    if type(fault) == "string" and not fault:find("interrupted!", 1, true) then
      return debug.traceback(fault, 2)
    end
    return fault
  end, o, run))
  for i = #run.cleanups, 1, -1 do run.cleanups[i]() end
  if not results[1] then error(results[2], 0) end
  return results[2]
end

-- Options of all commands may also stand before the command, as with git: put
-- them behind it, where the parser looks.
local LEADING = { ["-s"] = 2, ["--station"] = 2, ["--key"] = 2,
  ["--json"] = 1 }

local function command_first(words)
  local at = 1
  while words[at] and (LEADING[words[at]] or words[at]:find("^%-%-%w+=")) do
    at = at + (LEADING[words[at]] or 1)
  end
  if at == 1 or not words[at] then return words end
  local ordered = { words[at] }
  table.move(words, 1, at - 1, 2, ordered)
  return table.move(words, at + 1, #words, at + 1, ordered)
end

local function dispatch(words)
  words = command_first(words)
  local name = words[1]
  local rest = table.move(words, 2, #words, 1, {})
  if name == nil or name == "--help" or name == "-h" then
    overview()
    return name and DONE or USAGE
  elseif name == "help" then
    help(rest[1])
  elseif name == "version" or name == "--version" then
    out.line("%s", mahatta._VERSION)
  else
    return run_command(name, rest)
  end
end

-- Run with the words of a command line; the exit code.
local function main(words)
  local ok, result = pcall(dispatch, words)
  if ok then
    local flushed, message = io.stdout:flush()
    if flushed then return result or DONE end
    result = { code = FAILED, message = message }
  end
  io.stdout:flush()
  if type(result) == "table" and result.code then
    io.stderr:write("mahatta: ", result.message, "\n")
    if result.command then
      io.stderr:write("usage: ", args.usage(result.command), "\n",
        "see `mahatta help ", result.command.name, "`\n")
    elseif result.code == USAGE then
      io.stderr:write("see `mahatta help`\n")
    end
    return result.code
  end
  if tostring(result):find("interrupted!", 1, true) then
    io.stderr:write("mahatta: interrupted; what was finished is kept\n")
    return INTERRUPTED
  end
  io.stderr:write("mahatta: ", tostring(result), "\n")
  return FAILED
end

if required then return main end
local code = main({ ... })
local uvstream = package.loaded["mahatta.net.uvstream"]
if uvstream then uvstream.drain() end
os.exit(code, true)
