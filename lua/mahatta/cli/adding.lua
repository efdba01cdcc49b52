-- SPDX-License-Identifier: 0BSD
-- Publishes the plans that folder.lua makes: stores their files, leaves out
-- what has not changed, commits.

local folder = require "mahatta.cli.folder"
local mahatta = require "mahatta"

local KEY_MAX = 256 -- bytes of a record's key

local adding = {}

local Adding = {}
Adding.__index = Adding

-- Store one file; a part that several pages show is stored once.
function Adding:file(file)
  local sum, stored = self.sum, self.stored[file.path]
  if stored then return stored end
  local job, message = self.station:add_file(file.path, { type = file.type })
  if not job then return nil, message end
  local before = sum.bytes
  for done in job:steps() do
    sum.bytes = before + done
    if self.progress then self.progress(sum, self.total) end
  end
  stored, message = job:result()
  job:close()
  sum.bytes = before + (stored and stored.size or 0)
  if not stored then return nil, message end
  sum.files = sum.files + 1
  self.stored[file.path] = stored
  return stored
end

function Adding:record(plan)
  local record, message = folder.describe(plan, self.options)
  if not record then return nil, message end
  if #record.key > KEY_MAX then record.key = mahatta.id(record.key) end
  record.files = {}
  for i, file in ipairs(plan.files) do
    local stored
    stored, message = self:file(file)
    if not stored then return nil, message end
    record.files[i] = { name = file.name, type = file.type,
      size = stored.size, data = stored.link, sha256 = stored.sha256 }
  end
  return record
end

function Adding:fail(plan, message)
  local sum = self.sum
  sum.failed = sum.failed + 1
  sum.faults[#sum.faults + 1] = { path = plan.main.path, fault = message }
end

function Adding:tell(plan, what, id)
  self.sum[what] = self.sum[what] + 1
  if self.options.each then self.options.each(plan, what, id) end
end

-- The record of a plan if it has to be published; else it is counted here.
function Adding:changed(plan)
  local record, message = self:record(plan)
  if not record then return self:fail(plan, message) end
  local ok, bytes = pcall(mahatta.encode, record)
  if not ok then return self:fail(plan, bytes) end
  local id = mahatta.id(bytes, "dag-cbor")
  local current = self.station:current(self.options.collection, record.key)
  if current and current.id == id then
    return self:tell(plan, "unchanged", id)
  end
  return record, id
end

-- An iterator of the records to publish. One that was taken is counted when
-- the next is asked for: then it was good.
function Adding:records(plans)
  return function ()
    if self.taken then self:tell(self.taken, "published", self.taken_id) end
    self.taken = nil
    while self.at < #plans do
      self.at = self.at + 1
      local record, id = self:changed(plans[self.at])
      if record then
        self.taken, self.taken_id = plans[self.at], id
        return record
      end
    end
  end
end

-- Faults of one record; any other ends the whole.
local ITS_OWN = { EINVALID = true, ELIMIT = true, EEXIST = true }

function Adding:all(plans)
  repeat
    local count, message, code = self.station:publish_all(
      self.options.collection, self:records(plans))
    if not count then
      if not (self.taken and ITS_OWN[code]) then return nil, message, code end
      self:fail(self.taken, message:gsub("^record %d+: ", "")
        :gsub(" %([^(]*before it are published%)$", ""))
      self.taken = nil
    end
  until count
  return self.sum
end

-- { files, bytes } of all plans; what several pages show counts once.
local function sum_of(plans)
  local seen, total = {}, { files = 0, bytes = 0 }
  for _, plan in ipairs(plans) do
    for _, file in ipairs(plan.files) do
      if not seen[file.path] then
        total.files = total.files + 1
        total.bytes = total.bytes + file.size
      end
      seen[file.path] = true
    end
  end
  return total
end

-- Publish all plans. Options: collection; license, tag, type, lang, title for
-- the records; progress(sum, total), both with files and bytes; each(plan,
-- what, id). Gives
-- { published, unchanged, failed, files, bytes, faults = { path, fault } }.
-- nil, message, code when the store fails.
function adding.run(station, plans, options)
  local self = setmetatable({ station = station, options = options, at = 0,
    progress = options.progress, stored = {}, total = sum_of(plans),
    sum = { published = 0, unchanged = 0, failed = 0, files = 0, bytes = 0,
      faults = {} } }, Adding)
  return self:all(plans)
end

return adding
