-- SPDX-License-Identifier: 0BSD
-- Programs of the system that read formats we don't: run by themselves, in
-- bounded time and memory, with bounded output. A file's name never reaches a
-- shell: the program sees it as its input, or through a link that we named.

local has_lfs, lfs = pcall(require, "lfs") -- without it nothing is run

local helper = {
  SECONDS = 20, -- a thick book takes a few
  MEMORY_KIB = 1536 * 1024, -- of address space
  OUTPUT_MAX = 1024 * 1024, -- bytes
  INPUT_MAX = 256 * 1024 * 1024,
}

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Where the program ${name} is, by $PATH; nil when it isn't.
function helper.find(name)
  for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    local path = folder .. "/" .. name
    if folder:sub(1, 1) == "/" and has_lfs
        and lfs.attributes(path, "mode") == "file" then
      return path
    end
  end
end

-- A name of ours for the file at ${path}.
local function linked(path)
  if path:sub(1, 1) ~= "/" then path = lfs.currentdir() .. "/" .. path end
  local name = os.tmpname()
  os.remove(name)
  -- Fails when somebody took the name meanwhile.
  local ok, message = lfs.link(path, name, true)
  if not ok then return nil, message end
  return name
end

local function command(program, words, link, bounds)
  local parts = { quoted(program) }
  for _, word in ipairs(words) do
    parts[#parts + 1] = quoted((word:gsub("^@$", link)))
  end
  local bounded = ("ulimit -v %d; ulimit -t %d; ulimit -f 0; "):format(
    bounds.MEMORY_KIB, bounds.SECONDS)
  local run = ("LC_ALL=C.UTF-8 timeout -k 1 %d %s <%s 2>/dev/null"):format(
    bounds.SECONDS, table.concat(parts, " "), quoted(link))
  return ("%s{ %s; printf '\\n%%d' \"$?\"; } | head -c %d"):format(bounded,
    run, bounds.OUTPUT_MAX)
end

-- What came out, without the exit code behind it. A program that stumbled
-- over damage has often read the rest: its text counts.
local function outcome(out, bounds)
  if #out >= bounds.OUTPUT_MAX then return out end
  local text, code = out:match("^(.*)\n(%d+)$")
  code = tonumber(code)
  if code == 124 or code == 137 then return nil, "took too long" end
  if code ~= 0 and not (text and text:find("%S")) then
    return nil, "could not read it"
  end
  return text
end

-- What is asked of the file before a program sees it: a name of ours for it;
-- or nil, message.
local function given(path, bounds)
  local about = has_lfs and lfs.attributes(path)
  if not about or about.mode ~= "file" then
    return nil, "not a file"
  end
  if about.size > bounds.INPUT_MAX then return nil, "too large" end
  return linked(path)
end

--- What ${program} (a path) writes when it is given the file at ${path} as
--- its input; a word "@" among ${words} stands for a name of the file. At most
--- OUTPUT_MAX bytes. nil, message when it fails, or takes longer than SECONDS.
--- ${words} are our own; ${bounds} may set other bounds than helper's.
function helper.run(program, words, path, bounds)
  bounds = setmetatable(bounds or {}, { __index = helper })
  local link, message = given(path, bounds)
  if not link then return nil, message end
  local pipe <close>, fault = io.popen(command(program, words, link, bounds))
  local out = pipe and pipe:read("a") or ""
  os.remove(link)
  if not pipe then return nil, fault end
  return outcome(out, bounds)
end

-- ---- beside us ----

local Running = {}
Running.__index = Running

--- As helper.run, but returns at once: a handle. Nobody waits for what is
--- given up: its bounds end it.
function helper.start(program, words, path, bounds)
  bounds = setmetatable(bounds or {}, { __index = helper })
  local link, message = given(path, bounds)
  if not link then return nil, message end
  local folder = link .. ".d" -- nobody else's: or it can't be made
  local made, fault = lfs.mkdir(folder)
  -- The bound on files that are written holds in the pipe's left half alone.
  local started = made and os.execute(
    ("umask 077; { { %s; } | cat >%s; : >%s; } "
      .. "</dev/null >/dev/null 2>&1 &"):format(
      command(program, words, link, bounds), quoted(folder .. "/out"),
      quoted(folder .. "/done")))
  local self = setmetatable({ link = link, folder = made and folder,
    bounds = bounds, latest = os.time() + bounds.SECONDS + 5 }, Running)
  if started then return self end
  self:close()
  return nil, fault or "could not be started"
end

--- Is it over? Somebody may have killed it, so not for ever.
function Running:ended()
  return lfs.attributes(self.folder .. "/done", "mode") ~= nil
    or os.time() > self.latest
end

--- Do nothing until it is.
function Running:wait()
  os.execute(("for i in $(seq %d); do [ -e %s ] && break; sleep 0.02; done")
    :format(50 * (self.bounds.SECONDS + 5), quoted(self.folder .. "/done")))
end

--- Its text, as helper.run has it. The end of the handle.
function Running:finish()
  local file = io.open(self.folder .. "/out", "rb")
  local out = file and file:read("a") or ""
  if file then file:close() end
  self:close()
  return outcome(out, self.bounds)
end

--- Leave no name behind.
function Running:close()
  os.remove(self.link)
  if not self.folder then return end
  os.remove(self.folder .. "/out")
  os.remove(self.folder .. "/done")
  os.remove(self.folder)
end

return helper
