-- SPDX-License-Identifier: 0BSD
-- Courier sessions: a stick that goes from station to station.
local courier = require "mahatta.courier"
local lfs = require "lfs"
local mahatta = require "mahatta"
local support = require "support"

describe("courier", function ()
  local stick, dir, baghdad, basra
  local quoted = support.quoted
  before_each(function ()
    stick, dir = support.folder(), support.folder()
    baghdad = support.station()
    basra = support.station()
    assert(basra:follow("edu/*"))
  end)
  after_each(function ()
    baghdad:close()
    basra:close()
    support.clean()
  end)

  local function publish(station, n, collection, from)
    for i = 1, n do
      assert(station:publish(collection or "edu/x", { type = "note",
        title = ("number %d of %s"):format((from or 0) + i, station:id()) }))
    end
  end

  local function visit(station, options)
    return assert(courier.visit(station, stick, options))
  end

  local function only(events, what)
    local found
    for _, event in ipairs(events) do
      if event.what == what then
        assert.is_nil(found, what .. " twice")
        found = event
      end
    end
    return found
  end

  local function names()
    local list = {}
    for name in lfs.dir(stick) do
      if name ~= "." and name ~= ".." then list[#list + 1] = name end
    end
    table.sort(list)
    return list
  end

  local function count(station, collection)
    return #support.all(station:list(collection or "edu/x"))
  end

  it("asks, brings, takes in and sees that it has arrived", function ()
    publish(baghdad, 5)
    publish(baghdad, 3, "private/things")
    visit(basra)
    assert.equal(1, #names())
    local there = visit(baghdad)
    local packed = only(there, "packed")
    assert.equal(basra:id(), packed.station)
    assert.equal(5, packed.packed.records)
    assert.equal(0, there.faults)
    local back = visit(basra)
    assert.equal(5, only(back, "taken").report.added)
    assert.equal(5, count(basra))
    -- Baghdad's slip lies there too, and has nothing to ask of Basra.
    assert.equal(baghdad:id(), only(back, "complete").station)
    local again = visit(baghdad, { tidy = true })
    assert.equal(basra:id(), only(again, "complete").station)
    assert.equal(packed.file, only(again, "removed").file)
    assert.equal(2, #names()) -- two slips
  end)

  it("writes nothing twice, and more when there is more", function ()
    publish(baghdad, 5)
    visit(basra)
    local first = only(visit(baghdad), "packed")
    assert.equal(first.file, only(visit(baghdad), "there already").file)
    publish(baghdad, 1, "edu/x", 5)
    assert.not_equal(first.file, only(visit(baghdad), "packed").file)
    local back = visit(basra)
    local added = 0
    for _, event in ipairs(back) do
      added = added + (event.what == "taken" and event.report.added or 0)
    end
    assert.equal(6, added)
  end)

  it("serves all whose slips lie there, and takes only its own", function ()
    local mosul <close> = support.station()
    publish(baghdad, 4)
    publish(mosul, 2, "edu/y")
    visit(basra)
    visit(mosul)
    local there = visit(baghdad)
    local served = {}
    for _, event in ipairs(there) do
      if event.what == "packed" then
        served[event.station] = event.packed.records
      end
    end
    assert.equal(4, served[basra:id()])
    assert.equal(6 - 2, served[mosul:id()])
    local back = visit(basra)
    assert.equal(4 + 2, count(basra) + count(basra, "edu/y"))
    assert.equal(2, #back > 0 and count(basra, "edu/y"))
    back = visit(mosul)
    assert.equal(0, back.faults)
    assert.equal(4, count(mosul))
  end)

  it("takes in hand-made carry files by the follow rules", function ()
    publish(baghdad, 2)
    publish(baghdad, 3, "news")
    support.run(baghdad:pack(stick .. "/from a friend.car"))
    local report = only(visit(basra), "taken").report
    assert.equal(2, report.added)
    assert.equal(0, count(basra, "news"))
  end)

  it("passes over what is no plain file, and survives bad ones", function ()
    publish(baghdad, 2)
    visit(basra)
    lfs.mkdir(stick .. "/folder.car")
    lfs.mkdir(stick .. "/folder.slip")
    assert(lfs.link("/dev/zero", stick .. "/zero.car", true))
    assert(lfs.link("/etc/passwd", stick .. "/link.slip", true))
    assert(os.execute("mkfifo " .. support.quoted(stick .. "/pipe.car")))
    assert(os.execute("mkfifo " .. support.quoted(stick .. "/pipe.slip")))
    support.write(stick .. "/" .. ("n"):rep(250) .. ".car", "no carry file")
    support.write(stick .. "/evil\27[2J\n.car", "no carry file")
    support.write(stick .. "/bad.slip", "no slip")
    support.write(stick .. "/empty.slip", "")
    support.write(stick .. "/.hidden.car", "hidden")
    local done = visit(baghdad)
    assert.equal(2, only(done, "packed").packed.records)
    assert.equal(4, done.faults) -- two carry files, two slips
    assert.equal(2, only(visit(basra), "taken" and "slip").told.parcels)
    assert.equal(2, count(basra))
  end)

  it("tells that an SMS is not signed", function ()
    support.write(stick .. "/sms.slip", (assert(basra:slip_short())))
    publish(basra, 1)
    support.write(stick .. "/sms.slip", (assert(basra:slip_short())))
    assert.equal("sms.slip", only(visit(baghdad), "short slip").file)
  end)

  it("leaves room, and says when there is none", function ()
    publish(baghdad, 2)
    visit(basra)
    local space = mahatta.space
    finally(function () mahatta.space = space end)
    mahatta.space = function () return courier.RESERVE + courier.LEAST - 1 end
    local done = visit(baghdad)
    assert.equal(basra:id(), only(done, "no room").station)
    assert.equal(1, done.faults)
    mahatta.space = function () return nil, "gone", "EIO" end
    assert.equal("gone", only(visit(baghdad), "not packed").message)
    mahatta.space = space
    assert.is_truthy(only(visit(baghdad), "packed"))
  end)

  -- Where this user may mount one: a file system of 300 KB, and a station that
  -- believes in more.
  it("leaves no half files on a full stick", function ()
    if select(2, support.shell("unshare -rm true")) ~= 0 then
      return pending("this user may not mount a small file system")
    end
    local files = {}
    for i = 1, 8 do
      local path = support.write(support.folder() .. "/f",
        support.noise(60000, i))
      files[i] = { path = path, name = i .. ".bin" }
    end
    assert(baghdad:publish("edu/x", { type = "note", files = files }))
    visit(basra)
    local program = support.write(support.folder() .. "/p.lua", ([[
      local courier = require "mahatta.courier"
      local mahatta = require "mahatta"
      mahatta.space = function () return 1 << 30 end
      local station = assert(mahatta.open(%q))
      for _, event in ipairs(courier.visit(station, %q)) do
        print(event.what, event.code, event.message)
      end]]):format(baghdad:path(), stick))
    local slip = select(2, next(names()))
    baghdad:close()
    local text, code = support.shell(("LUA_PATH=%s LUA_CPATH=%s "
      .. "unshare -rm sh -c 'cp %s/%s %s && mount -t tmpfs -o size=300k none "
      .. "%s && cp %s/%s %s && lua5.4 %s && ls %s'"):format(
      quoted(package.path), quoted(package.cpath), stick, slip, dir, stick,
      dir, slip, stick, program, stick))
    assert.equal(0, code, text)
    assert.is_truthy(text:find("not packed\tEFULL\t", 1, true), text)
    assert.is_nil(text:find("part", 1, true), text)
    assert.is_nil(text:find("%.zst"), text)
    assert.is_truthy(text:find("slip\n", 1, true), text)
  end)

  it("is told when the folder goes away", function ()
    local events, message = courier.visit(baghdad, stick .. "/none")
    assert.is_nil(events)
    assert.is_truthy(message:find("No such file", 1, true), message)
    visit(basra)
    publish(baghdad, 1)
    local done = visit(baghdad, { report = function (event)
      if event.what == "slip" then
        assert(os.execute("rm -rf -- " .. support.quoted(stick)))
      end
    end })
    assert.is_true(done.faults > 0)
    assert.is_nil(only(done, "packed"))
  end)

  it("works on one stick from many processes at once", function ()
    local stations, commands = {}, {}
    for i = 1, 6 do
      local station, home = support.station()
      publish(station, 3, "edu/x")
      stations[i] = home .. "/s.mahatta"
      station:close()
    end
    for round = 1, 4 do
      for i, path in ipairs(stations) do
        commands[i] = ("lua5.4 lua/mahatta/cli/main.lua courier -s %s %s")
          :format(support.quoted(path), support.quoted(stick))
      end
      local text, code = support.shell("for i in 1; do "
        .. table.concat(commands, " & ") .. " & wait; done")
      assert.equal(0, code, text)
      assert.is_nil(text:find("traceback", 1, true), text)
      assert.is_nil(text:find("bad block", 1, true), text)
      assert.is_true(round < 4 or #names() >= 6)
    end
    for _, path in ipairs(stations) do
      local station <close> = assert(mahatta.open(path))
      assert.equal(18, count(station))
    end
    for _, name in ipairs(names()) do
      assert.is_truthy(name:find("%.slip$") or name:find("%.car%.zst$"), name)
    end
  end)
end)
