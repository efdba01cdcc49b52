-- SPDX-License-Identifier: 0BSD
-- Publishes the plans that folder.lua makes: stores their files, leaves out
-- what has not changed, commits.

local folder = require "mahatta.cli.folder"
local kinds = require "mahatta.kinds"
local mahatta = require "mahatta"

local KEY_MAX = 256 -- bytes of a record's key

local adding = {}

local Adding = {}
Adding.__index = Adding

-- Store one file; a part that several pages show is stored once.
function Adding:file(file)
  local sum, stored = self.sum, self.stored[file.path]
  if stored then return stored end
  local cut = kinds.edited(file.type) and "content" or "fixed"
  local job, message = self.station:add_file(file.path, { cut = cut })
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

-- "published" or "unchanged" and the id; nil, message.
function Adding:plan(plan)
  local record, message = self:record(plan)
  if not record then return nil, message end
  local ok, bytes = pcall(mahatta.encode, record)
  if not ok then return nil, bytes end
  local id = mahatta.id(bytes, "dag-cbor")
  local current = self.station:current(self.options.collection, record.key)
  if current and current.id == id then return "unchanged", id end
  id, message = self.publisher:add(record)
  if not id then return nil, message end
  return "published", id
end

function Adding:all(plans)
  local sum, each = self.sum, self.options.each
  for _, plan in ipairs(plans) do
    local what, detail = self:plan(plan)
    if what then
      sum[what] = sum[what] + 1
      if each then each(plan, what, detail) end
    else
      sum.failed = sum.failed + 1
      sum.faults[#sum.faults + 1] = { path = plan.main.path, fault = detail }
    end
  end
end

local function distinct_files(plans)
  local seen, n = {}, 0
  for _, plan in ipairs(plans) do
    for _, file in ipairs(plan.files) do
      if not seen[file.path] then n = n + 1 end
      seen[file.path] = true
    end
  end
  return n
end

-- Publish all plans. Options: collection; license, tag, type, lang, title for
-- the records; progress(sum, total files); each(plan, what, id). Gives
-- { published, unchanged, failed, files, bytes, faults = { path, fault } }.
-- nil, message when the store fails.
function adding.run(station, plans, options)
  local publisher, message = station:publisher(options.collection)
  if not publisher then return nil, message end
  local self = setmetatable({ station = station, publisher = publisher,
    options = options, progress = options.progress, stored = {},
    total = distinct_files(plans),
    sum = { published = 0, unchanged = 0, failed = 0, files = 0, bytes = 0,
      faults = {} } }, Adding)
  self:all(plans)
  local committed
  committed, message = publisher:commit()
  publisher:close()
  if not committed then return nil, message end
  return self.sum
end

return adding
