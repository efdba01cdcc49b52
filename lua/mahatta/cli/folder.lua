-- SPDX-License-Identifier: 0BSD
-- From files and folders to plans of records: which files make one thing,
-- what it is called, under which key it is found again. Nothing is stored
-- here.

local lfs = require "lfs"
local extract = require "mahatta.extract"
local html = require "mahatta.html"
local kinds = require "mahatta.kinds"

local folder = {}

local FILES_MAX = 1024 -- of one record
local KEY_FILE_MAX = 4096 -- bytes
local PAGE_MAX = 4 * 1024 * 1024 -- of a page or style that is searched

-- "a/./b/../c" as "a/c"; nil when it leads out.
local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      if #parts == 0 then return nil end
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

-- Where an address in the file `from` leads, below the same root; nil when it
-- leads elsewhere.
function folder.resolve(from, address)
  address = address:gsub("[?#].*$", ""):gsub("%%(%x%x)", function (x)
    return string.char(tonumber(x, 16))
  end)
  if address == "" or address:find("^/") or address:find("^%a[%w+.-]*:")
      or address:find("%z") then
    return nil
  end
  return normal((from:match("^(.*/)") or "") .. address)
end

local function absolute(path)
  if path:sub(1, 1) ~= "/" then path = lfs.currentdir() .. "/" .. path end
  return "/" .. (normal(path) or "")
end

local function join(root, relative)
  return (root:gsub("/+$", "")) .. "/" .. relative
end

local function sorted_names(path)
  local names = {}
  local ok, iterator, state = pcall(lfs.dir, path)
  if not ok then return nil end
  for name in iterator, state do
    if name ~= "." and name ~= ".." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function read_start(path, max)
  local file = io.open(path, "rb")
  local bytes = file and file:read(max)
  if file then file:close() end
  return bytes or ""
end

-- Keys and stores of stations are never published: our own wherever they
-- lie, others by their names, and any key file by its first line.
local function of_a_station(path, size, options)
  if path:find("%.mahatta$") or path:find("%.mahatta[%.-][%w.-]+$")
      or size <= KEY_FILE_MAX
      and read_start(path, 16):find("^mahatta key") then
    return true
  end
  for _, own in ipairs(options.own or {}) do
    if path:sub(1, #own) == own and path:find("^[%.-]?[%w.-]*$", #own + 1) then
      return true
    end
  end
  return false
end

-- What stands at a path, or why it is left out.
local function look(path, name, options)
  if name:sub(1, 1) == "." then return nil, "hidden" end
  local attributes = lfs.symlinkattributes(path)
  if not attributes then return nil, "unreadable" end
  if attributes.mode == "link" then return nil, "symlink" end
  if name:find("[\0-\31\127]") or not utf8.len(name) then
    return nil, "badly named"
  end
  if attributes.mode == "directory" then return attributes end
  if attributes.mode ~= "file" then return nil, "special" end
  if of_a_station(absolute(path), attributes.size, options) then
    return nil, "station"
  end
  return attributes
end

-- Left out though people mean to publish them: these are told by name.
local BY_NAME = { unreadable = true, ["badly named"] = true }

local function count(tally, why, path)
  tally.counts[why] = (tally.counts[why] or 0) + 1
  if BY_NAME[why] then
    table.insert(tally.named, { path = path, why = why })
  end
end

-- All files below root: a list of { name (relative), path, size, type }, and
-- the folders that hold a datapackage.json.
local function walk(root, tally, options)
  local files, packages, todo = {}, {}, { "" }
  while #todo > 0 do
    local below = table.remove(todo)
    local names = sorted_names(join(root, below))
    if not names then count(tally, "unreadable", join(root, below)) end
    for _, name in ipairs(names or {}) do
      local relative = below .. name
      local path = join(root, relative)
      local attributes, why = look(path, name, options)
      if not attributes then
        count(tally, why, path)
      elseif attributes.mode == "directory" then
        todo[#todo + 1] = relative .. "/"
      else
        files[#files + 1] = { name = relative, path = path,
          size = attributes.size, type = kinds.type(name) }
        if name == "datapackage.json" then packages[#packages + 1] = below end
      end
    end
  end
  table.sort(files, function (a, b) return a.name < b.name end)
  table.sort(packages)
  return files, packages
end

-- The files that a page shows, by their names: its own, its styles' own.
local function parts_of(page, by_name)
  local found, seen, todo = {}, { [page.name] = true }, { page }
  while #todo > 0 do
    local file = table.remove(todo)
    local bytes = read_start(file.path, PAGE_MAX)
    local read = file.type == "text/css" and html.style_parts or html.parts
    for _, address in ipairs(read(bytes)) do
      local name = folder.resolve(file.name, address)
      local part = name and not seen[name] and by_name(name)
      if part and #found < FILES_MAX - 1 then
        seen[name] = true
        found[#found + 1] = part
        if part.type == "text/css" then todo[#todo + 1] = part end
      end
    end
  end
  table.sort(found, function (a, b) return a.name < b.name end)
  return found
end

local function is_page(file)
  return file.type == "text/html" or file.type == "application/xhtml+xml"
end

local function of_files(files)
  local by_name = {}
  for _, file in ipairs(files) do by_name[file.name] = file end
  return function (name) return by_name[name] end
end

-- A plan: { key, main, files = { main, parts ... }, dataset }.
local function plan_of(prefix, main, parts)
  local files = { main }
  table.move(parts or {}, 1, parts and #parts or 0, 2, files)
  return { key = prefix .. main.name, main = main, files = files }
end

-- Split off the files below each folder with a datapackage.json.
local function datasets(prefix, files, packages, plans)
  local rest = files
  for _, below in ipairs(packages) do
    local inside, outside, main = {}, {}, nil
    for _, file in ipairs(rest) do
      local is_main = file.name == below .. "datapackage.json"
      main = is_main and file or main
      if not is_main then
        local list = file.name:sub(1, #below) == below and inside or outside
        list[#list + 1] = file
      end
    end
    if main then -- an outer package has not taken it already
      local plan = plan_of(prefix, main, inside)
      plan.key = (prefix .. below):gsub("/$", "")
      plan.dataset, plan.below = true, below
      plans[#plans + 1] = plan
      rest = outside
    end
  end
  return rest
end

-- One record a document, with what its page shows.
local function documents(prefix, files, options, plans, tally)
  local used, by_name = {}, of_files(files)
  for _, file in ipairs(files) do
    if is_page(file) and not options.each then
      if options.looking then options.looking(#plans + 1) end
      local parts = parts_of(file, by_name)
      for _, part in ipairs(parts) do used[part.name] = true end
      plans[#plans + 1] = plan_of(prefix, file, parts)
    end
  end
  for _, file in ipairs(files) do
    if options.each or not is_page(file) and not used[file.name] then
      if options.each or kinds.document(file.type) then
        plans[#plans + 1] = plan_of(prefix, file)
      else
        count(tally, "part", file.path)
      end
    end
  end
end

local function plan_folder(root, options, plans, tally)
  local base = absolute(root):match("([^/]+)/*$") or "root"
  local files, packages = walk(root, tally, options)
  if options.one then
    if #files == 0 then return end
    local plan = plan_of("", files[1], { table.unpack(files, 2) })
    plan.key, plan.name = base, base
    plans[#plans + 1] = plan
    return
  end
  local rest = datasets(base .. "/", files, packages, plans)
  documents(base .. "/", rest, options, plans, tally)
end

-- A regular file below root that is reached through no symlink and no hidden
-- name, in the shape of walk().
local function file_below(root, name, options)
  local path, attributes = root, nil
  for part in name:gmatch("[^/]+") do
    path = join(path, part)
    attributes = look(path, part, options)
    if not attributes then return nil end
  end
  if not attributes or attributes.mode ~= "file" then return nil end
  return { name = name, path = path, size = attributes.size,
    type = kinds.type(name) }
end

local function plan_file(path, attributes, options, plans, tally)
  local root, name = path:match("^(.*)/([^/]+)$")
  root, name = root or ".", name or path
  if root == "" then root = "/" end
  if of_a_station(absolute(path), attributes.size, options) then
    return count(tally, "station", path)
  end
  local main = { name = name, path = path, size = attributes.size,
    type = kinds.type(name) }
  local parts = is_page(main) and not options.each
    and parts_of(main, function (part)
      return file_below(root, part, options)
    end)
  plans[#plans + 1] = plan_of("", main, parts or nil)
end

-- The plans without repeats. Two documents with one key would be two versions
-- of one: nil, message.
local function distinct(plans)
  local taken, list = {}, {}
  for _, plan in ipairs(plans) do
    local other = taken[plan.key]
    if other and other ~= plan.main.path then
      return nil, ("%s and %s would both be '%s': add them one by one to "
        .. "different collections, or the folder above them")
        :format(other, plan.main.path, plan.key)
    end
    if not other then list[#list + 1] = plan end
    taken[plan.key] = plan.main.path
  end
  return list
end

-- Plans for all paths, in order. The second value tells what is left out:
-- counts by why, and some by name { path, why }. nil, message for a path that
-- isn't there. Options: each, one; own,
-- a list of paths that are never published; looking(n), called before the
-- n-th page is read.
function folder.plan(paths, options)
  local plans, tally = {}, { counts = {}, named = {} }
  for _, path in ipairs(paths) do
    local attributes, message = lfs.attributes(path)
    if not attributes then
      return nil, path .. ": " .. message:gsub("^.*': ", "")
    elseif attributes.mode == "directory" then
      plan_folder(path, options, plans, tally)
    elseif attributes.mode == "file" then
      plan_file(path, attributes, options, plans, tally)
    else
      return nil, path .. ": neither a file nor a folder"
    end
  end
  local list, message = distinct(plans)
  return list, list and tally or message
end

-- ---- what a plan's files say ----

local TEXT_MAX = extract.TEXT_MAX
local RECORD_MAX = 62 * 1024 -- of the limit's 64 KiB; the rest is the map's

-- A text's room beside the record's other parts, in bytes.
local function room(plan, record)
  local taken = #plan.key + #(record.title or "") + 512
  for _, file in ipairs(plan.files) do
    taken = taken + #file.name + #file.type + 150
  end
  for _, tag in ipairs(record.tags or {}) do taken = taken + #tag + 4 end
  return math.min(TEXT_MAX, RECORD_MAX - taken)
end

-- A dataset's own words: its description, then its tables.
local function dataset_text(plan, description)
  local texts, size = { description }, #(description or "")
  for _, file in ipairs(plan.files) do
    if size < TEXT_MAX and file ~= plan.main then
      local found = extract.file(file.path, file.type)
      if found and found.text then
        texts[#texts + 1] = found.text
        size = size + #found.text
      end
    end
  end
  return #texts > 0 and table.concat(texts, "\n") or nil
end

local function title_of(plan, found, options)
  if options.title then return options.title end
  if plan.name then return plan.name end -- a folder as one record
  if found.title then return found.title end
  if plan.dataset then return plan.key:match("([^/]+)$") end
  return (plan.main.name:match("([^/]+)$"):gsub("%.%w+$", ""))
end

-- The record of a plan, but for its files' links. nil, message when a file
-- can't be read or the files are too many for one record.
function folder.describe(plan, options)
  local main = plan.main
  local found, message = extract.file(main.path, main.type)
  if not found then return nil, message end
  local record = {
    type = options.type or plan.dataset and "dataset" or "document",
    title = title_of(plan, found, options),
    lang = options.lang or found.lang, source = found.source,
    license = options.license or found.license, created = found.created,
    tags = options.tag or found.tags,
    key = plan.key,
  }
  if #plan.files > FILES_MAX or room(plan, record) < 0 then
    return nil, ("%d files are too many for one record: leave out --one, or "
      .. "split the folder"):format(#plan.files)
  end
  local text = plan.dataset and dataset_text(plan, found.text) or found.text
  record.text = text and extract.cut(text, room(plan, record))
  return record
end

return folder
