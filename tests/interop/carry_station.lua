-- SPDX-License-Identifier: 0BSD
-- A station for carry_test.mjs: one command a run, answers in lines of a
-- name, a blank and a value.
--   carry_station.lua STORE COMMAND ARGUMENTS...
local mahatta = require "mahatta"

local function say(name, value)
  print(("%s %s"):format(name, value))
end

local function tell(report)
  for name, value in pairs(report) do
    if name == "faults" then
      for _, fault in ipairs(value) do say("fault", fault) end
    else
      say(name, value)
    end
  end
end

local function run(job, message)
  local result, fault = assert(job, message):run()
  return assert(result, fault)
end

local commands = {}

-- Files by path, all in one record.
function commands.publish(station, collection, ...)
  local files = {}
  for i, path in ipairs({ ... }) do files[i] = { path = path } end
  local id = assert(station:publish(collection,
    { type = "dataset", title = "files", files = files }))
  say("record", id)
  for _, file in ipairs(station:get(id).record.files) do
    say("file:" .. file.name, tostring(file.data))
  end
end

-- Many records, in several parcels.
function commands.fill(station, collection, count)
  local batch = {}
  for i = 1, tonumber(count) do
    batch[i] = { type = "lesson", title = { ar = "درس " .. i,
      en = "lesson " .. i }, tags = { "n" .. i % 7 }, n = i,
      nested = { a = { 1, true, mahatta.null }, b = mahatta.map {},
        raw = mahatta.bytes("\0\255" .. i) } }
  end
  say("count", assert(station:publish_all(collection, batch)))
end

-- A record that lists somebody's root.
function commands.list(station, collection, name, size, root)
  say("record", assert(station:publish(collection, { type = "dataset",
    files = { { name = name, size = tonumber(size),
      data = assert(mahatta.link(root)) } } })))
end

function commands.pack(station, path)
  tell(run(station:pack(path)))
end

function commands.unpack(station, path, keep)
  local job = assert(station:unpack(path, { keep = keep == "keep" }))
  local report, message, code = job:run()
  if report then
    tell(report)
  else
    say("refused", code .. " " .. message)
  end
end

function commands.export(station, id, dir)
  local written, message = station:export(id, dir)
  if not written then return say("refused", message) end
  for _, file in ipairs(written) do say("path:" .. file.name, file.path) end
end

function commands.show(station)
  say("self", station:id())
  for entry in station:list("*", { history = true }) do
    say("entry", ("%s %s %d %s"):format(entry.id, entry.author, entry.time,
      entry.collection))
  end
end

local store, command = arg[1], arg[2]
local station <close> = assert(mahatta.open(store))
assert(commands[command], "no such command")(station,
  table.unpack(arg, 3))
