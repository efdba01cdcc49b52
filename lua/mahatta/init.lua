-- SPDX-License-Identifier: 0BSD
-- The module: mahatta.core's functions, and those methods that are Lua. What
-- each does is told in meta.lua.

local core = require "mahatta.core"
local display = require "mahatta.display"
local kinds = require "mahatta.kinds"
local texts = require "mahatta.texts"
local voices = require "mahatta.voices"

local Station, Job = core.methods.Station, core.methods.Job
local ALL = math.maxinteger -- as a size: no limit
local PAGE = 50 -- entries that list() asks for at a time
local INT_MAX = (1 << 53) - 1 -- of a slip, as of all of the data model
local SLIP_MAX = 16 * 1024 * 1024 -- bytes
local STEP_MS = 50 -- of a job that is run to its end

-- The C methods below ours, kept where a second load of this file finds them:
-- hosts that reload their scripts keep the C module, and its methods.
local c_methods = rawget(Station, "__plain") or
  { follow = Station.follow, slip = Station.slip, pack = Station.pack,
    slip_text = Station.slip_text, slip_short = Station.slip_short,
    add_file = Station.add_file, quotas = Station.quotas }
Station.__plain = c_methods

local mahatta = { display = display }
for name, value in pairs(core) do
  if name ~= "methods" then mahatta[name] = value end
end

-- Clocks of stations that were opened with one of their own: labels expire
-- by it. Weak, so that it keeps nobody alive.
local clocks = setmetatable({}, { __mode = "k" })

local function clock_of(station)
  return (clocks[station] or os.time)()
end

-- Misuse: raise at the line that called the function which calls this.
local function misuse(n, name, what)
  error(("bad argument #%d to '%s' (%s)"):format(n, name, what), 3)
end

-- Is it a T? Otherwise the sentence for misuse().
local function unlike(value, wanted)
  if type(value) == wanted then return nil end
  return ("%s expected, got %s"):format(wanted,
    value == nil and "no value" or type(value))
end

-- What is wrong with an options table: an unknown key, or nothing.
local function unknown(options, ...)
  if options == nil then return nil end
  if type(options) ~= "table" then return unlike(options, "table") end
  for key in pairs(options) do
    local known = false
    for i = 1, select("#", ...) do known = known or key == select(i, ...) end
    if not known then
      return ("unknown option '%s'"):format(tostring(key))
    end
  end
end

local UNIT = { [""] = 0, k = 10, m = 20, g = 30, t = 40 }

local function to_size(size)
  if math.type(size) then
    local whole = math.tointeger(size)
    if whole and whole >= 0 then return whole end
  else
    local digits, unit =
      size:lower():match("^%s*(%d+%.?%d*)%s*([kmgt]?)i?b?%s*$")
    local number = digits and tonumber(digits) * 2.0 ^ UNIT[unit]
    if number and number < 2.0 ^ 62 then
      return math.tointeger(math.floor(number))
    end
  end
  return nil, ("'%s' is no size: write \"10M\", \"8G\" or a number of bytes")
    :format(tostring(size)), "EINVALID"
end

function mahatta.size(size)
  if type(size) ~= "string" and type(size) ~= "number" then
    misuse(1, "size", unlike(size, "string"))
  end
  return to_size(size)
end

-- An option that is a size, "all" or "none", as an integer; absent stays nil.
-- The second value says what is wrong.
local function size_option(options, name)
  local value = options and options[name]
  if value == nil then return nil end
  if value == "all" then return ALL end
  if value == "none" then return 0 end
  if type(value) ~= "string" and type(value) ~= "number" then
    return nil, ("option '%s': %s"):format(name, unlike(value, "string"))
  end
  local size, message = to_size(value)
  return size, message and ("option '%s': %s"):format(name, message)
end

-- ---- quotas ----

local QUOTAS = { "budget", "author", "collection", "way" }

-- Sizes as the core takes them: 0 the default, -1 none. nil and what is wrong.
local function quota_sizes(quotas)
  local wrong = unlike(quotas, "table")
    or unknown(quotas, table.unpack(QUOTAS))
  if wrong then return nil, wrong end
  local sizes = {}
  for _, name in ipairs(QUOTAS) do
    local value = quotas[name]
    if value == "default" then
      sizes[name] = 0
    elseif value == "none" then
      sizes[name] = name == "budget" and 0 or -1
    elseif value ~= nil then
      sizes[name], wrong = size_option(quotas, name)
      if wrong then return nil, wrong end
      if sizes[name] == 0 then
        return nil, ("option '%s': say \"none\" or a size"):format(name)
      end
    end
  end
  return sizes
end

-- As set before, nothing is written.
local function set_quotas(station, sizes)
  local now, message, code = c_methods.quotas(station)
  if not now then return nil, message, code end
  for name, size in pairs(sizes) do
    if now[name] ~= size then return c_methods.quotas(station, sizes) end
  end
  return now
end

local function quota_text(name, size)
  if size > 0 then return size end
  return (name == "budget" or size < 0) and "none" or "default"
end

function Station:quotas(quotas)
  local now, message, code
  if quotas == nil then
    now, message, code = c_methods.quotas(self)
  else
    local sizes, wrong = quota_sizes(quotas)
    if wrong then misuse(1, "quotas", wrong) end
    now, message, code = set_quotas(self, sizes)
  end
  if not now then return nil, message, code end
  for _, name in ipairs(QUOTAS) do now[name] = quota_text(name, now[name]) end
  return now
end

function mahatta.open(path, options)
  local wrong = unlike(path, "string")
  if wrong then misuse(1, "open", wrong) end
  wrong = unknown(options, "create", "readonly", "key", "passphrase", "clock",
    "index", "quotas")
  if wrong then misuse(2, "open", wrong) end
  local plain, quotas, message, code
  if options and options.quotas then
    quotas, wrong = quota_sizes(options.quotas)
    if wrong then misuse(2, "open", wrong) end
    plain = {}
    for key, value in pairs(options) do
      if key ~= "quotas" then plain[key] = value end
    end
  end
  local station
  station, message, code = core.open(path, plain or options)
  if station and quotas then
    local set
    set, message, code = set_quotas(station, quotas)
    if not set then
      station:close()
      station = nil
    end
  end
  if not station then
    if not message:find(path, 1, true) then
      message = path .. ": " .. message
    end
    return nil, message, code
  end
  if options and options.clock then clocks[station] = options.clock end
  return station
end

-- ---- jobs ----

function Job:run()
  local more, message, code
  repeat
    more, message, code = self:step(STEP_MS)
  until not more
  if more == nil then return nil, message, code end
  return self:result()
end

function Job:steps(ms)
  local more = true
  return function ()
    if not more then return nil end
    local done, total
    more, done, total = self:step(ms)
    if more ~= nil then return done, total end
  end
end

-- ---- publish ----

local function copy(t)
  local out = {}
  for key, value in pairs(t) do out[key] = value end
  return out
end

-- One entry of `files` as it stands in a record: its path's content stored.
local function stored_file(station, spec)
  if type(spec) ~= "table" or spec.path == nil then return spec end
  local path = spec.path
  if type(path) ~= "string" then
    return nil, "field 'path' of a file is no text", "EINVALID"
  end
  local file = copy(spec)
  file.path = nil
  file.name = file.name or path:match("([^/]+)/*$") or path
  file.type = file.type or kinds.type(file.name)
  local job, message, code = station:add_file(path, { type = file.type })
  if not job then return nil, message, code end
  local stored
  stored, message, code = job:run()
  job:close()
  if not stored then return nil, message, code end
  file.data, file.size, file.sha256 = stored.link, stored.size, stored.sha256
  return file
end

-- The record with files as links, and `about` as one.
local function complete(station, record)
  local message, code
  if type(record.about) == "string" or type(record.files) == "table" then
    record = copy(record)
  end
  if type(record.about) == "string" then
    record.about, message, code = mahatta.link(record.about)
    if message then return nil, "field 'about': " .. message, code end
  end
  if type(record.files) == "table" then
    local files = {}
    for i, spec in ipairs(record.files) do
      files[i], message, code = stored_file(station, spec)
      if message then return nil, message, code end
    end
    record.files = files
  end
  return record
end

-- Files and `about` made links, then added; the id.
local function add_complete(publisher, station, record)
  local message, code
  record, message, code = complete(station, record)
  if not record then return nil, message, code end
  return publisher:add(record)
end

-- Options of publish and publish_all that are the publisher's.
local function timed(options)
  return { time = options and options.time }
end

function Station:publish(collection, record, options)
  local wrong = unlike(collection, "string")
  if wrong then misuse(1, "publish", wrong) end
  wrong = unlike(record, "table")
  if wrong then misuse(2, "publish", wrong) end
  wrong = unknown(options, "time")
  if wrong then misuse(3, "publish", wrong) end
  local id, count
  local publisher, message, code = self:publisher(collection, timed(options))
  if not publisher then return nil, message, code end
  id, message, code = add_complete(publisher, self, record)
  if id then count, message, code = publisher:commit() end
  publisher:close()
  if not count then return nil, message, code end
  return id
end

local function list_iterator(list)
  local i = 0
  return function ()
    i = i + 1
    return list[i]
  end
end

-- Among many, a value that the data model can't hold is a bad record, too.
local function try_add(publisher, station, record)
  if type(record) ~= "table" then
    return nil, unlike(record, "table"), "EINVALID"
  end
  local ok, id, message, code = pcall(add_complete, publisher, station,
    record)
  if ok then return id, message, code end
  if id == "not enough memory" then error(id, 0) end -- of the host, not bad
  return nil, (tostring(id):gsub("^[^:]+:%d+: ", "")), "EINVALID"
end

-- Add all; then commit, also after a bad record: the good ones before it
-- are as good as published alone.
local function publish_each(publisher, station, records, progress)
  local done, message, code = 0, nil, nil
  for record in records do
    local id
    id, message, code = try_add(publisher, station, record)
    if not id then break end
    done = done + 1
    if progress then progress(done) end
  end
  local committed, fault, fault_code = publisher:commit()
  if message then
    return nil, ("record %d: %s (%s)"):format(done + 1, message, committed
      and ("%d before it are published"):format(committed) or fault), code
  end
  return committed, fault, fault_code
end

function Station:publish_all(collection, records, options)
  local wrong = unlike(collection, "string")
  if wrong then misuse(1, "publish_all", wrong) end
  if type(records) == "table" then
    records = list_iterator(records)
  elseif type(records) ~= "function" then
    misuse(2, "publish_all", "list or function expected, got "
      .. (records == nil and "no value" or type(records)))
  end
  wrong = unknown(options, "time", "progress")
  if wrong then misuse(3, "publish_all", wrong) end
  local publisher, message, code = self:publisher(collection, timed(options))
  if not publisher then return nil, message, code end
  local ok, count
  ok, count, message, code = pcall(publish_each, publisher, self, records,
    options and options.progress)
  publisher:close()
  if not ok then error(count, 0) end -- raised by the caller's own iterator
  return count, message, code
end

-- ---- read ----

-- One collection, newest first: an iterator that fetches page after page.
local function pages(station, name, history)
  local page, at, cursor, ended = {}, 0, nil, false
  return function ()
    at = at + 1
    if not page[at] and not ended then
      local next_page, next_cursor = station:page(name,
        { limit = PAGE, cursor = cursor, history = history })
      if not next_page then error(next_cursor, 0) end
      page, at, cursor, ended = next_page, 1, next_cursor, not next_cursor
    end
    return page[at]
  end
end

-- Later times first; the same moment by id, so that the order is settled.
local function before(a, b)
  local x, y = a.head, b.head
  if x.time ~= y.time then return x.time < y.time end
  return x.id < y.id
end

-- Keep `streams` sorted, the one with the newest head last.
local function insert(streams, stream)
  local low, high = 1, #streams + 1
  while low < high do
    local middle = (low + high) // 2
    if before(streams[middle], stream) then
      low = middle + 1
    else
      high = middle
    end
  end
  table.insert(streams, low, stream)
end

-- Merge of the named collections, newest first.
local function merged(station, names, history)
  local streams = {}
  for _, name in ipairs(names) do
    local stream = { read = pages(station, name, history) }
    stream.head = stream.read()
    if stream.head then insert(streams, stream) end
  end
  return function ()
    local stream = table.remove(streams)
    if not stream then return nil end
    local entry = stream.head
    stream.head = stream.read()
    if stream.head then insert(streams, stream) end
    return entry
  end
end

-- Names of collections here that a pattern stands for.
local function matching(station, pattern)
  if not pattern:find("*", 1, true) then return { pattern } end
  local prefix, names = pattern:match("^(.-)%*$"), {}
  for _, collection in ipairs(station:collections()) do
    if prefix and collection.name:sub(1, #prefix) == prefix then
      names[#names + 1] = collection.name
    end
  end
  return names
end

function Station:list(collection, options)
  local wrong = unlike(collection, "string")
  if wrong then misuse(1, "list", wrong) end
  wrong = unknown(options, "type", "author", "history", "limit")
  if wrong then misuse(2, "list", wrong) end
  options = options or {}
  local left = options.limit or math.huge
  if not math.type(left) then misuse(2, "list", unlike(left, "number")) end
  local read = merged(self, matching(self, collection), options.history)
  local kind, author = options.type, options.author
  return function ()
    while left > 0 do
      local entry = read()
      if not entry then return nil end
      if (not kind or entry.record.type == kind)
          and (not author or entry.author == author) then
        left = left - 1
        return entry
      end
    end
  end
end

function Station:search(query, options)
  local wrong = unlike(query, "string")
  if wrong then misuse(1, "search", wrong) end
  wrong = unknown(options, "collection", "type", "lang", "limit", "offset",
    "mark", "cursor", "trust", "explain")
  if wrong then misuse(2, "search", wrong) end
  local hits, message = self:find(query, options)
  if not hits then error(message, 2) end
  return list_iterator(hits)
end

-- ---- withdraw and label ----

function Station:withdraw(id, options)
  local wrong = unlike(id, "string")
  if wrong then misuse(1, "withdraw", wrong) end
  wrong = unknown(options, "reason", "only")
  if wrong then misuse(2, "withdraw", wrong) end
  options = options or {}
  local entry, message, code = self:get(id)
  if not entry then return nil, message, code end
  if entry.author ~= self:id() then
    return nil, "only its author can withdraw a record, and that is "
      .. entry.author, "EACCES"
  end
  local versions = { entry }
  if not options.only then
    versions, message, code = self:history(id)
    if not versions then return nil, message, code end
  end
  local publisher, withdrawal, done
  publisher, message, code = self:publisher(entry.collection)
  if not publisher then return nil, message, code end
  for _, version in ipairs(versions) do
    local added
    added, message, code = publisher:add({ type = "withdraw",
      about = mahatta.link(version.id), reason = options.reason })
    if version.id == entry.id then withdrawal = added end
    if not added then break end
  end
  if not message then done, message, code = publisher:commit() end
  publisher:close()
  if not done then return nil, message, code end
  return withdrawal
end

-- A label must be later than the own one that it changes, also within one
-- second. nil: now is late enough.
local function label_time(station, id, value)
  local now = clock_of(station)
  local mine = station:about(id, { author = station:id() })
  for _, entry in ipairs(mine or {}) do -- newest first
    if entry.time < now then return nil end
    if entry.record.value == value then return entry.time + 1 end
  end
end

function Station:label(id, value, options)
  local wrong = unlike(id, "string")
  if wrong then misuse(1, "label", wrong) end
  wrong = unlike(value, "string")
  if wrong then misuse(2, "label", wrong) end
  wrong = unknown(options, "negated", "expires", "collection")
  if wrong then misuse(3, "label", wrong) end
  options = options or {}
  local collection = options.collection
  if not collection then
    local entry, message, code = self:get(id)
    if not entry then return nil, message, code end
    collection = entry.collection
  end
  return self:publish(collection, { type = "label", about = id,
    value = value, negated = options.negated, expires = options.expires },
    { time = label_time(self, id, value) })
end

function Station:labels(id, options)
  local wrong = unlike(id, "string")
  if wrong then misuse(1, "labels", wrong) end
  wrong = unknown(options, "limit")
  if wrong then misuse(2, "labels", wrong) end
  local limit = options and options.limit
  local entries, message, code
  if limit then
    if math.type(limit) ~= "integer" or limit < 1 then
      misuse(2, "labels", "option 'limit': no such number")
    end
    local entry = self:get(id) -- nobody's, where it has not come yet
    entries, message, code = voices.about(self, id, entry and entry.author,
      limit)
  else
    entries, message, code = self:about(id)
  end
  if not entries then return nil, message, code end
  local seen, labels = {}, {}
  local now = clock_of(self)
  for _, entry in ipairs(entries) do -- newest first
    local record = entry.record
    local which = entry.author .. " " .. tostring(record.value)
    if record.type == "label" and not seen[which] then
      seen[which] = true
      if not record.negated and (record.expires or ALL) > now then
        labels[#labels + 1] = { value = record.value, author = entry.author,
          time = entry.time, expires = record.expires, id = entry.id }
      end
    end
  end
  return labels
end

-- ---- files ----

function Station:add_file(path, options)
  local wrong = unlike(path, "string")
  if wrong then misuse(1, "add_file", wrong) end
  wrong = unknown(options, "cut", "type")
  if wrong then misuse(2, "add_file", wrong) end
  local cut = options and options.cut or "auto"
  if cut == "auto" then
    local kind = options and options.type or kinds.type(path)
    cut = kinds.edited(kind) and "content" or "fixed"
  end
  return c_methods.add_file(self, path, { cut = cut })
end

local function export_all(station, files, dir, progress)
  local written, before_it, total = {}, 0, 0
  for _, file in ipairs(files) do total = total + file.size end
  for i, file in ipairs(files) do
    local job, result, message, code
    job, message, code = station:export_file(file.data, dir, file.name)
    if job then
      for done in job:steps(STEP_MS) do
        if progress then progress(before_it + done, total) end
      end
      result, message, code = job:result()
      job:close()
    end
    if not result then
      return nil, ("%s: %s (%d of %d files written)"):format(
        display(file.name, true), message, i - 1, #files), code
    end
    written[i] = { path = result.path, name = file.name, size = result.size }
    before_it = before_it + file.size
  end
  return written
end

function Station:export(id, dir, options)
  local wrong = unlike(id, "string")
  if wrong then misuse(1, "export", wrong) end
  wrong = unlike(dir, "string")
  if wrong then misuse(2, "export", wrong) end
  wrong = unknown(options, "progress")
  if wrong then misuse(3, "export", wrong) end
  local entry, message, code = self:get(id)
  if not entry then return nil, message, code end
  return export_all(self, entry.record.files or {}, dir,
    options and options.progress)
end

function Station:index_files(options)
  local wrong = unknown(options, "once", "limit")
  if wrong then misuse(1, "index_files", wrong) end
  return texts.new(self, options)
end

-- ---- follow and carry: sizes as people write them ----

function Station:follow(pattern, options)
  local wrong = unlike(pattern, "string")
  if wrong then misuse(1, "follow", wrong) end
  wrong = unknown(options, "files")
  if wrong then misuse(2, "follow", wrong) end
  local files
  files, wrong = size_option(options, "files")
  if wrong then misuse(2, "follow", wrong) end
  return c_methods.follow(self, pattern, files or ALL)
end

-- Sizes of a slip's options as numbers; or nil, what is wrong.
local function slip_options(options)
  local fault = unknown(options, "budget", "files", "expect", "exact", "max")
  if fault then return nil, fault end
  local plain = options and copy(options) or {}
  for _, name in ipairs({ "budget", "files", "max" }) do
    plain[name], fault = size_option(options, name)
    if fault then return nil, fault end
  end
  -- More than a slip can say, or have, is no limit.
  if plain.budget and plain.budget > INT_MAX then plain.budget = nil end
  if plain.max and plain.max > SLIP_MAX then plain.max = nil end
  return plain
end

function Station:slip(path, options)
  local wrong = unlike(path, "string")
  if wrong then misuse(1, "slip", wrong) end
  local plain, fault = slip_options(options)
  if fault then misuse(2, "slip", fault) end
  return c_methods.slip(self, path, plain)
end

function Station:slip_text(options)
  local plain, fault = slip_options(options)
  if fault then misuse(1, "slip_text", fault) end
  return c_methods.slip_text(self, plain)
end

function Station:slip_short(options)
  local plain, fault = slip_options(options)
  if fault then misuse(1, "slip_short", fault) end
  return c_methods.slip_short(self, plain)
end

function Station:pack(path, options)
  local wrong = unlike(path, "string")
  if wrong then misuse(1, "pack", wrong) end
  wrong = unknown(options, "slip", "collections", "budget", "files",
    "compress", "level")
  if wrong then misuse(2, "pack", wrong) end
  local plain = options and copy(options) or {}
  for _, name in ipairs({ "budget", "files" }) do
    plain[name], wrong = size_option(options, name)
    if wrong then misuse(2, "pack", wrong) end
  end
  if plain.compress == nil then plain.compress = path:find("%.zst$") ~= nil end
  return c_methods.pack(self, path, plain)
end

return mahatta
