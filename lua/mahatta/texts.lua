-- SPDX-License-Identifier: 0BSD
-- Reads the files of records that came from elsewhere, so that search finds
-- them by what is in them: a job of small steps, and programs beside it. Files
-- are strangers' bytes: what reads them is bounded, and may fail.

local extract = require "mahatta.extract"
local helper = require "mahatta.helper"
local kinds = require "mahatta.kinds"

local Texts = {}
Texts.__index = Texts
Texts.__name = "mahatta.Texts"

local TEXT_MAX = 64 * 1024 -- of a record: FILE_TEXT_MAX
local FILES_MAX = 32 -- of a record: FILE_TEXT_FILES
local BATCH = 64 -- records of one change: FILE_TEXT_BATCH
local FILE_MAX = 64 * 1024 * 1024 -- bytes; larger ones are not opened
local STEP_MS = 20

-- ---- one file ----

-- Bytes of a file, up to `max`: nil, code when it isn't all here.
local function bytes_of(self, file, max)
  local reader, _, code = self.station:reader(file.data)
  if not reader then return nil, code end
  local parts, size = {}, 0
  while size < max do
    local bytes
    bytes, _, code = reader:read()
    if not bytes then break end
    parts[#parts + 1], size = bytes, size + #bytes
    coroutine.yield()
  end
  reader:close()
  if code then return nil, code end
  return table.concat(parts):sub(1, max)
end

-- The file as one of the system's temporary files: its path, or nil, code.
local function on_disk(self, file)
  local reader, _, code = self.station:reader(file.data)
  if not reader then return nil, code end
  if reader:size() > FILE_MAX then
    reader:close()
    return nil, "ELIMIT"
  end
  local path = os.tmpname()
  self.temporary = path
  local out, good = io.open(path, "wb"), true
  while out and good do
    local bytes
    bytes, _, code = reader:read()
    if not bytes then break end
    good = out:write(bytes)
    coroutine.yield()
  end
  reader:close()
  good = out and out:close() and good
  if code or not good then return nil, code or "EIO" end
  return path
end

-- A program's output, while others go on: as helper.run.
local function run_beside(self)
  return function (program, words, path, bounds)
    local running, message = helper.start(program, words, path, bounds)
    if not running then
      self.unable = true -- no word about the file
      return nil, message
    end
    self.running = running
    while not running:ended() do
      self.waiting = true
      coroutine.yield()
    end
    self.running = nil
    return running:finish()
  end
end

-- What a file says, "" when nothing; nil, code when it can't be had.
local function read_file(self, file)
  local media = file.type or kinds.type(file.name or "")
  local way = extract.way(media)
  if not way then return "" end
  if way == "absent" then return nil, "ENOENT" end -- a program may yet come
  local found, code
  local bytes, path, good
  if way == "bytes" then
    bytes, code = bytes_of(self, file, extract.READ_MAX)
    if not bytes then return nil, code end
    good, found = pcall(extract.bytes, bytes, media)
  else
    self.unable = false
    path, code = on_disk(self, file)
    if path then
      good, found = pcall(extract.file, path, media, nil, run_beside(self))
    end
    self:tidy()
    if not path then return nil, code end
    if self.unable then return nil, "EIO" end
  end
  -- What is more than its reader can take says nothing.
  local text = good and found and found.text or ""
  local title = good and found and found.title or ""
  return text:find(title, 1, true) and text or title .. "\n" .. text
end

-- ---- one record ----

-- What our own commands published has its file's text already.
local function has_text(self, entry)
  return entry.author == self.id and entry.record.text ~= nil
end

-- Every other failure may pass: the block comes, the disk has room again.
local FINAL = { ELIMIT = true }

-- Two texts, one below the other.
local function joined(a, b)
  return a .. (a ~= "" and b ~= "" and "\n" or "") .. b
end

-- What is to be told of the record, or nil when nothing is new.
local function read_record(self, id)
  local entry = self.station:get(id)
  if not entry then return nil end
  local files = entry.record.files or {}
  if has_text(self, entry) then return { id = id, files = 0, done = true } end
  local text, before = self.station:file_text(id)
  text, before = text or "", text and before or 0
  local read, lacking = before, false
  for i = 1, math.min(#files, FILES_MAX) do
    local bit = 1 << (i - 1)
    if read & bit == 0 then
      local more, code = read_file(self, files[i])
      if more and more ~= "" then
        text = joined(text, more)
        self.result_.files = self.result_.files + 1
      end
      if more or FINAL[code] then
        read = read | bit
      else
        lacking = true
      end
    end
  end
  if lacking then self.result_.waiting = self.result_.waiting + 1 end
  if read == before and lacking then return nil end
  return { id = id, text = extract.cut(text, TEXT_MAX), files = read,
    done = not lacking }
end

-- ---- the job ----

local function put(self, batch, all)
  if #batch == 0 or (#batch < BATCH and not all) then return batch end
  local done, message, code = self.station:put_texts(batch)
  if not done then error({ message = message, code = code }, 0) end
  self.result_.records = self.result_.records + done
  return {}
end

-- All rounds until one has seen the end of the list.
local function work(self)
  local seen, more = {}, true
  while more do
    local ids, again, code = self.station:unread({ limit = self.limit })
    if not ids then error({ message = again, code = code }, 0) end
    local batch = {}
    for _, id in ipairs(ids) do
      if not seen[id] then
        seen[id] = true
        batch[#batch + 1] = read_record(self, id)
        batch = put(self, batch, false)
        self.done = self.done + 1
        coroutine.yield()
      end
    end
    put(self, batch, true)
    more = again and not self.once
  end
end

function Texts.new(station, options)
  options = options or {}
  local self = setmetatable({ station = station, id = station:id(), done = 0,
    limit = options.limit or 256, once = options.once,
    result_ = { records = 0, files = 0, waiting = 0 } }, Texts)
  self.thread = coroutine.create(work)
  return self
end

function Texts:tidy()
  if self.running then self.running:close() end
  if self.temporary then os.remove(self.temporary) end
  self.running, self.temporary = nil, nil
end

local function ended(self, failure)
  self.over, self.failure = true, failure
  self:tidy()
end

function Texts:step(ms)
  if self.over then error("this job is finished", 2) end
  local stop = os.clock() + (ms or STEP_MS) / 1000
  self.waiting = false
  repeat
    local good, fault = coroutine.resume(self.thread, self)
    if not good then
      if type(fault) ~= "table" then
        ended(self, { message = fault, code = "EIO" })
        error(fault, 0)
      end
      ended(self, fault)
      return nil, fault.message, fault.code
    end
    if coroutine.status(self.thread) == "dead" then
      ended(self)
      return false, self.done, self.done
    end
  until self.waiting or os.clock() >= stop
  return true, self.done, self.done
end

function Texts:steps(ms)
  return function ()
    if self.over then return nil end
    local more, done, total = self:step(ms)
    if more and self.running then self.running:wait() end
    if more ~= nil and not self.over then return done, total end
  end
end

function Texts:run()
  for _ in self:steps() do end -- luacheck: ignore
  return self:result()
end

function Texts:result()
  if not self.over then error("this job is not finished", 2) end
  if self.failure then
    return nil, self.failure.message, self.failure.code
  end
  return self.result_
end

function Texts:close()
  if not self.over then ended(self, { message = "given up", code = "ECLOSED" })
  end
end

Texts.__close, Texts.__gc = Texts.close, Texts.close
Texts.__tostring = function (self)
  return ("mahatta.Texts: %d records"):format(self.done)
end
Texts.__metatable = false

return Texts
