-- SPDX-License-Identifier: 0BSD
-- Stations that know each other only by stick: three of them publish,
-- withdraw, label, carry, meet old and damaged carry files, sweep, in an
-- order that one seed fixes. Oracles: after every step rebuilding gives the
-- same derived tables; after a last round of whole carry files all show the
-- same; every block that is kept hashes to its name.
--   lua5.4 tests/sim/carry_test.lua [SEEDS [STEPS]]
-- SEEDS: "7" or "1-20". Kept seeds in tests/sim/seeds.txt run first.
local mahatta = require "mahatta"

local COLLECTIONS = { "a", "a/b", "c/d" }
local STATIONS = 3

local function write(path, bytes)
  local f = assert(io.open(path, "wb"))
  assert(f:write(bytes))
  f:close()
end

-- Flip one bit, as a bad stick does.
local function damage(path, random)
  local f = assert(io.open(path, "r+b"))
  local at = random(f:seek "end") - 1
  f:seek("set", at)
  local byte = f:read(1):byte()
  f:seek("set", at)
  f:write(string.char(byte ~ (1 << random(0, 7))))
  f:close()
end

local World = {}
World.__index = World

function World.new(seed)
  math.randomseed(seed)
  local w = setmetatable({ seed = seed, time = 1700000000, ids = {},
    carried = {}, log = {}, made = 0, stations = {} }, World)
  w.dir = os.tmpname()
  os.remove(w.dir)
  assert(os.execute("mkdir " .. w.dir))
  for i = 1, STATIONS do
    w.stations[i] = assert(mahatta.open(w.dir .. "/" .. i .. ".mahatta",
      { clock = function() return w.time end }))
  end
  for i = 1, 4 do
    write(w.dir .. "/f" .. i, ("x"):rep(700 * i) .. i)
  end
  return w
end

function World:some()
  return self.ids[math.random(#self.ids)]
end

function World:record(station)
  local random = math.random
  self.made = self.made + 1
  local r = { type = "note", title = "title " .. random(20),
    text = "نص " .. random(100) }
  if random(3) == 1 then r.key = "k" .. random(3) end
  if #self.ids > 0 and random(3) == 1 then
    r.about = assert(mahatta.link(self:some().id))
    if random(2) == 1 then r.type = "correction" end
  end
  if random(4) == 1 then
    local file = assert(assert(station:add_file(
      self.dir .. "/f" .. random(4))):run())
    r.files = { { name = "f", size = file.size, data = file.link } }
  end
  return r
end

function World:publish(i)
  local s, collection = self.stations[i], COLLECTIONS[math.random(3)]
  local p = assert(s:publisher(collection))
  for _ = 1, math.random(5) do
    local id, message, code = p:add(self:record(s))
    if id then
      self.ids[#self.ids + 1] = { id = id, by = i }
    else
      assert(code == "EEXIST", message) -- withdrawn before
    end
  end
  assert(p:commit())
end

function World:withdraw()
  local x = self:some()
  if x then
    self.stations[x.by]:withdraw(x.id, { only = math.random(2) == 1 })
  end
end

function World:label(i)
  local x, s = self:some(), self.stations[i]
  if x and s:get(x.id) then
    local id = s:label(x.id, "unverified", { negated = math.random(2) == 1 })
    self.ids[#self.ids + 1] = id and { id = id, by = i }
  end
end

function World:take(i, path)
  local ok, message, code = assert(self.stations[i]:unpack(path)):run()
  assert(ok or code == "EINVALID", message) -- damage may hit the only block
end

-- A slip of one of the many kinds; its path.
function World:slip(j)
  local random = math.random
  local path, s = self.dir .. "/slip", self.stations[j]
  local kind = random(5)
  if kind == 1 then
    local lines = assert(s:slip_short())
    if lines ~= "" then -- nothing here yet: nothing that an SMS could tell
      local file = assert(io.open(path, "wb"))
      assert(file:write(lines))
      assert(file:close())
      return path
    end
  end
  os.remove(path)
  assert(s:slip(path, kind == 2 and { exact = true }
    or kind == 3 and { max = 1000 } or kind == 4 and { expect = random(20) }
    or nil))
  return path
end

function World:carry(i)
  local random = math.random
  local j, n = random(STATIONS), #self.carried + 1
  local path = ("%s/c%d.car%s"):format(self.dir, n,
    random(2) == 1 and ".zst" or "")
  local options = {}
  if random(2) == 1 then
    options.slip = self:slip(j)
  end
  if random(3) == 1 then options.budget = random(500, 8000) end
  if random(3) == 1 then options.collections = { COLLECTIONS[random(3)] } end
  assert(assert(self.stations[i]:pack(path, options)):run())
  if random(3) == 1 then damage(path, random) end
  self.carried[n] = path
  self:take(j, path)
  return j
end

function World:check(i, what)
  local s = self.stations[i]
  local before = assert(s:digest())
  assert(assert(s:rebuild()):run())
  if before ~= assert(s:digest()) then
    error(("seed %d, station %d: rebuilding gives other tables after %s; "
      .. "last steps: %s"):format(self.seed, i, what,
      table.concat(self.log, " ", math.max(1, #self.log - 6))), 0)
  end
end

function World:step()
  local i, op = math.random(STATIONS), math.random(10)
  local what
  self.time = self.time + math.random(0, 3)
  if op <= 3 then
    what = "publish"
    self:publish(i)
  elseif op == 4 then
    what = "withdraw"
    self:withdraw()
  elseif op == 5 then
    what = "label"
    self:label(i)
  elseif op <= 8 then
    what = "carry"
    i = self:carry(i)
  elseif op == 9 and #self.carried > 0 then
    what = "old-carry"
    self:take(i, self.carried[math.random(#self.carried)])
  else
    what = "sweep"
    assert(assert(self.stations[i]:sweep()):run())
  end
  self.log[#self.log + 1] = i .. ":" .. what
  self:check(i, what)
end

-- Everybody gets everything from everybody, twice: all of it, and what a slip
-- says is lacking. Then nothing lacks.
function World:meet()
  local path = self.dir .. "/all.car"
  local function each(visit)
    for a = 1, STATIONS do
      for b = 1, STATIONS do
        if a ~= b then visit(self.stations[a], b) end
      end
    end
  end
  local function slip_of(b)
    local slip = self.dir .. "/last.slip"
    assert(self.stations[b]:slip(slip, { expect = math.random(40) }))
    return slip
  end
  for round = 1, 2 do
    each(function (from, b)
      assert(assert(from:pack(path, { slip = round == 1 and slip_of(b)
        or nil })):run())
      self:take(b, path)
      assert(os.remove(path))
    end)
  end
  each(function (from, b)
    local lacks = assert(assert(from:lacks(slip_of(b))):run())
    assert(lacks.parcels == 0 and lacks.theirs == 0 and lacks.whole == 0)
  end)
end

local function shown(station)
  local t = {}
  for e in station:list("*", { history = true }) do
    t[#t + 1] = table.concat({ e.collection, e.id, e.author, e.time }, " ")
  end
  table.sort(t)
  return table.concat(t, "\n")
end

function World:finish()
  self:meet()
  local first = shown(self.stations[1])
  for i = 1, STATIONS do
    if shown(self.stations[i]) ~= first then
      error(("seed %d: stations 1 and %d show different records")
        :format(self.seed, i), 0)
    end
    self:check(i, "meeting")
    local report = assert(assert(self.stations[i]:verify {
      read_data = true }):run())
    assert(report.bad == 0, report.faults[1])
  end
end

function World:close()
  for _, s in ipairs(self.stations) do s:close() end
  os.execute("rm -rf " .. self.dir)
end

local function run(seed, steps)
  local w = World.new(seed)
  local ok, message = pcall(function()
    for _ = 1, steps do w:step() end
    w:finish()
  end)
  w:close()
  if not ok then print("not ok - " .. tostring(message)) end
  return ok
end

local first, last = (arg[1] or "1-6"):match "^(%d+)%-?(%d*)$"
assert(first, "usage: carry_test.lua [SEEDS [STEPS]], such as 1-20 60")
local steps = tonumber(arg[2] or 40)
local passed, failed = 0, 0
local function try(seed, n)
  if run(seed, n) then passed = passed + 1 else failed = failed + 1 end
end
if not arg[1] then
  for line in io.lines "tests/sim/seeds.txt" do
    local seed, n = line:match "^(%d+)%s+(%d+)"
    if seed then try(tonumber(seed), tonumber(n)) end
  end
end
for seed = tonumber(first), tonumber(last) or tonumber(first) do
  try(seed, steps)
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
