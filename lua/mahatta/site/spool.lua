-- SPDX-License-Identifier: 0BSD
-- A folder of this station's own for what is under way: uploads, drafts,
-- carry files that are being made. And long work in slices, so that the host's
-- loop goes on.

local dagjson = require "mahatta.dagjson"
local pairing = require "mahatta.site.pairing"

local spool = { UPLOADS = 64, DRAFTS = 100, JOBS = 8, JOB_IDLE_S = 600,
  READY_S = 1800, CHUNK = 256 * 1024 }

local Spool = {}
Spool.__index = Spool

-- ${dir}: an existing folder that nothing else uses.
function spool.new(dir, options)
  return setmetatable({ dir = dir, clock = options.clock,
    random = options.random, uploads = {}, jobs = {}, ready = {} }, Spool)
end

local function hex(bytes)
  return (bytes:gsub(".", function (c) return ("%02x"):format(c:byte()) end))
end

function Spool:name() return hex((self.random or pairing.random)(16)) end
function Spool:path(name) return self.dir .. "/" .. name end

local function is_name(name)
  return type(name) == "string" and name:find("^%x+$") and #name == 32
end

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- Remove what nobody came back for.
function Spool:tidy()
  local now = self.clock()
  for id, job in pairs(self.jobs) do
    if now - job.used >= spool.JOB_IDLE_S then self:drop_job(id) end
  end
  for id, one in pairs(self.ready) do
    if now - one.since >= spool.READY_S then
      self.ready[id] = nil
      os.remove(one.path)
    end
  end
end

-- ---- uploads ----

function Spool:begin(name)
  if count(self.uploads) >= spool.UPLOADS then
    return nil, "too many uploads are under way", "ELIMIT"
  end
  local id = self:name()
  local path = self:path("upload-" .. id)
  local file, message = io.open(path, "wb")
  if not file then return nil, message, "EIO" end
  file:close()
  self.uploads[id] = { name = name, path = path, size = 0 }
  return id
end

function Spool:upload(id)
  return is_name(id) and self.uploads[id] or nil
end

-- The next piece. It must begin where the last one ended: after a break the
-- page asks how far it came, and goes on there.
function Spool:append(id, at, bytes)
  local one = self:upload(id)
  if not one then return nil, "there is no such upload", "ENOENT" end
  if at ~= one.size then return one.size, "go on from there", "EINVALID" end
  local file, message = io.open(one.path, "ab")
  if not file then return nil, message, "EIO" end
  local written
  written, message = file:write(bytes)
  local closed, fault = file:close()
  if not written or not closed then return nil, message or fault, "EIO" end
  one.size = one.size + #bytes
  return one.size
end

function Spool:forget(id)
  local one = self:upload(id)
  if one then
    self.uploads[id] = nil
    os.remove(one.path)
  end
end

-- ---- drafts ----

local function draft_path(self, id) return self:path("draft-" .. id) end

function Spool:save_draft(id, value)
  if id and not is_name(id) then return nil, "no such draft", "ENOENT" end
  if not id and #self:drafts() >= spool.DRAFTS then
    return nil, "too many drafts", "ELIMIT"
  end
  id = id or self:name()
  local path = draft_path(self, id)
  local file, message = io.open(path .. ".part", "wb")
  if not file then return nil, message, "EIO" end
  local written = file:write(dagjson.encode(value))
  local closed = file:close()
  if not written or not closed or not os.rename(path .. ".part", path) then
    os.remove(path .. ".part")
    return nil, "the draft could not be written", "EIO"
  end
  self.known_drafts[id] = true
  return id
end

function Spool:draft(id)
  local file = is_name(id) and io.open(draft_path(self, id), "rb")
  if not file then return nil, "no such draft", "ENOENT" end
  local text = file:read("a")
  file:close()
  return dagjson.decode(text)
end

function Spool:drop_draft(id)
  if is_name(id) then
    os.remove(draft_path(self, id))
    self.known_drafts[id] = nil
  end
end

-- Ids of drafts. ${list}: names in the folder, told once at the start.
function Spool:know_drafts(list)
  self.known_drafts = {}
  for _, name in ipairs(list) do
    local id = name:match("^draft%-(%x+)$")
    if id and is_name(id) then self.known_drafts[id] = true end
  end
end

function Spool:drafts()
  local ids = {}
  for id in pairs(self.known_drafts) do ids[#ids + 1] = id end
  table.sort(ids)
  return ids
end

-- ---- jobs ----

-- ${step}(ms): true while there is more, with done and total; false and the
-- result at the end; nil, message, code. ${drop}: what to undo.
function Spool:start(step, drop)
  self:tidy()
  if count(self.jobs) >= spool.JOBS then
    return nil, "too much is under way", "EBUSY"
  end
  local id = self:name()
  self.jobs[id] = { step = step, drop = drop, used = self.clock() }
  return id
end

function Spool:drop_job(id)
  local job = self.jobs[id]
  self.jobs[id] = nil
  if job and job.drop then job.drop() end
end

-- Do a slice. { more = true, done, total } or { more = false, result }.
function Spool:work(id, ms)
  local job = is_name(id) and self.jobs[id]
  if not job then return nil, "there is no such job", "ENOENT" end
  job.used = self.clock()
  local more, done, total = job.step(ms)
  if more then return { more = true, done = done, total = total } end
  self.jobs[id] = nil
  if job.drop then job.drop() end
  if more == nil then return nil, done, total end
  return { more = false, result = done }
end

-- A job of the station's as a step; ${finish}(result) makes the answer.
function spool.step_of(job, finish)
  return function (ms)
    local more, done, total = job:step(ms)
    if more then return true, done, total end
    if more == nil then return nil, done, total end
    local result, message, code = job:result()
    if not result then return nil, message, code end
    return false, finish and finish(result) or result
  end
end

-- ---- files that wait to be fetched ----

-- Under an address that nobody can guess.
function Spool:offer(path, name)
  local id = self:name()
  self.ready[id] = { path = path, name = name, since = self.clock() }
  return id
end

function Spool:offered(id)
  self:tidy()
  return is_name(id) and self.ready[id] or nil
end

-- A stream of the bytes of an open file. ${done}() is called at its close.
function spool.stream(file, size, done)
  return {
    size = size,
    read = function ()
      local bytes, message = file:read(spool.CHUNK)
      if not bytes then return nil, message end
      return bytes
    end,
    close = function ()
      file:close()
      if done then done() end
    end,
  }
end

return spool
