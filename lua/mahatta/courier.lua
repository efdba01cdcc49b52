-- SPDX-License-Identifier: 0BSD
-- Courier sessions: a station and a stick (any folder). What lies there for
-- the station is taken in, its slip is put there, and for every other slip
-- there a carry file with just what its author lacks.
--
-- Nothing on a stick is ever changed: files appear whole under names of their
-- own, and only a station's own slip is replaced. So several couriers may work
-- on one stick at once, and a stick may be pulled out at any moment. What lies
-- on it is from strangers: only plain files are opened, by names that are
-- never put together from what is in them.
--
--   local courier = require "mahatta.courier"
--   local done = courier.visit(station, "/media/stick")
--   for _, event in ipairs(done) do print(event.what, event.file) end

local lfs = require "lfs"
local mahatta = require "mahatta"

local courier = {}

-- Bytes that are left free on a stick, for others' slips.
courier.RESERVE = 1024 * 1024
-- Less room than this for a carry file is none.
courier.LEAST = 64 * 1024
-- Stations and files that are looked at, however many names lie there.
courier.STATIONS_MAX = 256
courier.FILES_MAX = 4096

local NAME_TAIL = 8 -- letters of a station's id that names are made of

-- The last letters of a station's id: enough to tell a handful apart, and safe
-- in any file system, where capitals and small letters may be one.
function courier.tag(did)
  return did:sub(-NAME_TAIL):lower()
end

local function slip_name(did)
  return "station-" .. courier.tag(did) .. ".slip"
end

local function carry_name(to, from, hex)
  return ("for-%s-from-%s-%s.car.zst"):format(courier.tag(to),
    courier.tag(from), hex:sub(1, 12))
end

-- ---- what lies there ----

-- Plain files by ending, in order of their names. nil, message: no folder.
local function look(dir)
  local found, n = { slips = {}, cars = {} }, 0
  local ok, iterate, state = pcall(lfs.dir, dir)
  if not ok then return nil, tostring(iterate):gsub("^.-: ", "") end
  for name in iterate, state do
    local list = name:find("^[^.].*%.slip$") and found.slips
      or (name:find("^[^.].*%.car$") or name:find("^[^.].*%.car%.zst$"))
        and found.cars
    -- A link, a pipe or a folder of that name is not ours to open.
    if list and lfs.symlinkattributes(dir .. "/" .. name, "mode") == "file"
    then
      n = n + 1
      if n > courier.FILES_MAX then
        found.cut = true
        break
      end
      list[#list + 1] = name
    end
  end
  table.sort(found.slips)
  table.sort(found.cars)
  return found
end

-- Whose carry file is it, by its name: "ours" to take in, "mine" written by
-- this station, "others", or "any".
local function whose(name, did)
  local to, from = name:match("^for%-(%w+)%-from%-(%w+)%-%x+%.car%.zst$")
  if not to then return "any" end
  if from == courier.tag(did) then return "mine" end
  return to == courier.tag(did) and "ours" or "others"
end

-- ---- a visit ----

local Visit = {}
Visit.__index = Visit

function Visit:tell(event)
  self.events[#self.events + 1] = event
  if event.message then self.events.faults = self.events.faults + 1 end
  if self.options.report then self.options.report(event) end
  return event
end

local function run_job(job)
  local result, message, code = job:run()
  job:close()
  return result, message, code
end

-- Run a job to its end: its result, or nil, message, code.
function Visit:work(job, message, code, what)
  if not job then return nil, message, code end
  return (self.options.run or run_job)(job, what)
end

function Visit:path(name) return self.dir .. "/" .. name end

-- What is followed, as names for unpack; nil: everything.
function Visit:wanted()
  local list = {}
  for _, rule in ipairs(self.station:follows()) do
    list[#list + 1] = rule.pattern
  end
  return list[1] and list or nil
end

function Visit:take_in(cars)
  for _, name in ipairs(cars) do
    local owner = whose(name, self.did)
    if owner == "ours" or owner == "any"
      or owner == "others" and self.options.all then
      local job, fault, why = self.station:unpack(self:path(name),
        { collections = self:wanted() })
      local report, message, code = self:work(job, fault, why, "taken in")
      if report then
        self:tell({ what = "taken", file = name, report = report })
      else
        self:tell({ what = "unreadable", file = name, message = message,
          code = code })
      end
    end
  end
end

function Visit:write_slip()
  local name = slip_name(self.did)
  local told, message, code = self.station:slip(self:path(name),
    self.options.slip)
  if told then
    self:tell({ what = "slip", file = name, told = told })
  else
    self:tell({ what = "no slip", file = name, message = message,
      code = code })
  end
end

-- The newest slip of each other station, newest first.
function Visit:others(slips)
  local newest, list = {}, {}
  for _, name in ipairs(slips) do
    local told, message, code = mahatta.read_slip(self:path(name))
    if not told then
      self:tell({ what = "bad slip", file = name, message = message,
        code = code })
    elseif told.short then
      self:tell({ what = "short slip", file = name })
    elseif told.station ~= self.did then
      told.file = name
      local other = newest[told.station]
      if not other and #list < courier.STATIONS_MAX then
        list[#list + 1] = told.station
        newest[told.station] = told
      elseif other and told.time > other.time then
        newest[told.station] = told
      end
    end
  end
  for i, station in ipairs(list) do list[i] = newest[station] end
  table.sort(list, function (a, b)
    if a.time ~= b.time then return a.time > b.time end
    return a.station < b.station
  end)
  return list
end

-- Our carry files for a station that has all of it now.
function Visit:tidy(other, cars)
  for _, name in ipairs(cars) do
    local start = ("for-%s-from-%s-"):format(courier.tag(other.station),
      courier.tag(self.did))
    if name:sub(1, #start) == start and os.remove(self:path(name)) then
      self:tell({ what = "removed", file = name, station = other.station })
    end
  end
end

-- Bytes that one carry file may have when as many are still to come.
function Visit:share(left)
  local free, message, code = mahatta.space(self.dir)
  if not free then return nil, message, code end
  return math.max(0, free - courier.RESERVE) // left
end

function Visit:pack(other, lacks, left)
  local event = { station = other.station, time = other.time, lacks = lacks,
    file = carry_name(other.station, self.did, lacks.sha256_hex) }
  if lfs.symlinkattributes(self:path(event.file), "mode") then
    event.what = "there already"
    return self:tell(event)
  end
  local room, message, code = self:share(left)
  if room and room < courier.LEAST then
    event.what, event.message = "no room", "the stick is full"
    return self:tell(event)
  end
  if room then
    local job, fault, why = self.station:pack(self:path(event.file),
      { slip = self:path(other.file), budget = room, compress = true })
    event.packed, message, code = self:work(job, fault, why, "packed")
  end
  if not event.packed and code == "EEXIST" then
    event.what = "there already" -- another courier was faster
    return self:tell(event)
  end
  event.what = event.packed and "packed" or "not packed"
  event.message, event.code = not event.packed and message or nil, code
  return self:tell(event)
end

function Visit:fill(other, left, cars)
  local job, fault, why = self.station:lacks(self:path(other.file))
  local lacks, message, code = self:work(job, fault, why, "compared")
  if not lacks then
    return self:tell({ what = "bad slip", file = other.file,
      message = message, code = code })
  end
  if lacks.parcels + lacks.wanted > 0 then
    return self:pack(other, lacks, left)
  end
  self:tell({ what = "complete", station = other.station, time = other.time,
    lacks = lacks })
  if self.options.tidy then self:tidy(other, cars) end
end

---@class mahatta.CourierOptions
---@field all? boolean also take in what was packed for others
---@field tidy? boolean remove carry files of ours that have arrived
---@field slip? mahatta.SlipOptions of this station's slip
---@field report? fun(event: table) told of each event as it happens
---@field run? fun(job: mahatta.Job, what: string): table?, string?, string?

---Visit a stick. Returns what was done, in order; or nil and a message when
---the folder can't be read at all. Each event has `what`:
---  taken {file, report}, unreadable {file, message}: carry files
---  slip {file, told}, no slip {file, message}: this station's own
---  packed {station, time, file, lacks, packed}, there already, no room,
---    not packed {message}: for the author of a slip
---  complete {station, time, lacks}: its slip shows that all has arrived
---  removed {file}: with `tidy`, a carry file that has arrived
---  bad slip {file, message}, short slip {file}, cut: what was passed over
---`faults` counts those with a message.
---@param station mahatta.Station
---@param dir string
---@param options? mahatta.CourierOptions
---@return table? events
---@return string? message
function courier.visit(station, dir, options)
  local found, message = look(dir)
  if not found then return nil, message end
  local visit = setmetatable({ station = station, dir = dir,
    did = station:id(), options = options or {}, events = { faults = 0 } },
    Visit)
  if found.cut then visit:tell({ what = "cut" }) end
  visit:take_in(found.cars)
  visit:write_slip()
  local others = visit:others(found.slips)
  for i, other in ipairs(others) do
    visit:fill(other, #others - i + 1, found.cars)
  end
  return visit.events
end

return courier
