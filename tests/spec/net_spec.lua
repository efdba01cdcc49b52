-- SPDX-License-Identifier: 0BSD
-- Each transport between two processes (net_peer.lua), with a session that
-- only counts; and handles in loops that are not their own.
local fake = require "fake_session"
local lfs = require "lfs"
local support = require "support"

local quoted = support.quoted
local LIBRARY = { luv = "luv", socket = "socket", cqueues = "cqueues",
  pipe = "luv", folder = "socket" }

local function peer(transport, side, where, send)
  return ("LUA_PATH=%s LUA_CPATH=%s timeout 30 lua5.4 "
    .. "tests/spec/net_peer.lua %s %s %s %d"):format(quoted(package.path),
    quoted(package.cpath), transport, side, quoted(where), send)
end

local function has(...)
  for _, transport in ipairs({ ... }) do
    if not pcall(require, LIBRARY[transport]) then return false end
  end
  return true
end

-- A listener in the background; its port, and the path of its report.
local function listen(transport, send)
  local dir = support.folder(true)
  os.execute(("%s >%s/port 2>%s/report &"):format(
    peer(transport, "listen", "127.0.0.1:0", send), dir, dir))
  for _ = 1, 100 do
    local port = (support.read(dir .. "/port") or ""):match("^(%d+)\n")
    if port then return port, dir .. "/report" end
    os.execute("sleep 0.05")
  end
  error(support.read(dir .. "/report"))
end

-- What a process wrote at its end, which may still be on its way.
local function report(path)
  for _ = 1, 100 do
    local text = support.read(path)
    if text and text:find("\n") then return text end
    os.execute("sleep 0.05")
  end
  return "nothing"
end

describe("a session between two processes", function ()
  after_each(support.clean)

  for _, listener in ipairs({ "luv", "socket", "cqueues" }) do
    for _, dialler in ipairs({ "luv", "socket", "cqueues" }) do
      it(("works from %s to %s"):format(dialler, listener), function ()
        if not has(listener, dialler) then return pending("no library") end
        local port, path = listen(listener, 3000000)
        local text = support.shell(peer(dialler, "dial", "localhost:" .. port,
          2000000))
        assert.equal("done 3000000 \n", text)
        assert.equal("done 2000000 \n", report(path))
      end)
    end
  end

  for _, dialler in ipairs({ "luv", "socket", "cqueues" }) do
    it("says that nobody listens, over " .. dialler, function ()
      if not has(dialler) then return pending("no library") end
      local text = support.shell(peer(dialler, "dial", "127.0.0.1:1", 1))
      assert.equal("failed 0 nobody listens there\n", text)
    end)
  end

  it("works with a command's input and output", function ()
    if not has("pipe") then return pending("no library") end
    local path = support.folder() .. "/report"
    local text = support.shell(peer("pipe", "dial",
      peer("pipe", "listen", "-", 3000000) .. " 2>" .. path, 2000000))
    assert.equal("done 3000000 \n", text)
    assert.equal("done 2000000 \n", report(path))
  end)

  it("tells how a command failed", function ()
    if not has("pipe") then return pending("no library") end
    for command, why in pairs({
      ["exit 3"] = "the command failed with exit code 3",
      ["no-such-command 2>/dev/null"] =
        "the command was not found (exit code 127)",
      ["kill -9 $$"] = "the command was ended by signal 9",
      ["true"] = "the other side closed without a word: it may have no room "
        .. "now" }) do
      local text = support.shell(peer("pipe", "dial", command, 1))
      assert.equal("failed 0 " .. why .. "\n", text, command)
    end
    local text = support.shell(peer("pipe", "dial", "echo hello", 1))
    assert.equal("failed 0 no such message\n", text)
  end)

  it("needs pipes, where it is to be a command", function ()
    if not has("pipe") then return pending("no library") end
    local text = support.shell(peer("pipe", "listen", "-", 1)
      .. " </dev/null")
    assert.is_truthy(text:find("are no pipes", 1, true), text)
  end)

  it("works through a folder, and leaves nothing in it", function ()
    if not has("folder") then return pending("no library") end
    local dir = support.folder(true)
    local path = support.folder() .. "/report"
    os.execute(peer("folder", "one", dir, 300000) .. " 2>" .. path .. " &")
    local text = support.shell(peer("folder", "two", dir, 200000))
    assert.equal("done 300000 \n", text)
    assert.equal("done 200000 \n", report(path))
    for _ = 1, 40 do
      if not lfs.attributes(dir .. "/mahatta-exchange") then break end
      os.execute("sleep 0.05")
    end
    assert.is_nil(lfs.attributes(dir .. "/mahatta-exchange"))
  end)

  it("works through a folder that six stations open at once", function ()
    if not has("folder") then return pending("no library") end
    local dir, reports = support.folder(true), {}
    for i = 1, 6 do
      reports[i] = dir .. "/report" .. i
      os.execute(peer("folder", "n" .. i, dir, 20000) .. " 2>" .. reports[i]
        .. " &")
    end
    for i = 1, 6 do assert.equal("done 20000 \n", report(reports[i])) end
  end)
end)

describe("a folder", function ()
  local folder = require "mahatta.net.folder"
  local dir, now
  before_each(function ()
    dir, now = support.folder(true), 0
    lfs.mkdir(dir .. "/mahatta-exchange")
  end)
  after_each(support.clean)

  local function open(options, made)
    return assert(folder.open(fake.station({ send = 100 }, made), dir,
      options, function () return now end))
  end

  it("with the name of somebody who left is no end", function ()
    local waits = dir .. "/mahatta-exchange/0000000000000000.waits"
    support.write(waits, "")
    local a = open()
    assert.is_true(a:step())
    assert.is_not_nil(a:status())
    assert.is_nil(support.read(waits))
    assert.is_true(a:step())
    now = 11
    assert.is_true(a:step())
    assert.is_nil(a:status())
    local b = open()
    for _ = 1, 20 do
      a:step()
      b:step()
    end
    assert.is_true((a:result()), select(2, a:result()))
    assert.is_true((b:result()))
  end)

  it("takes no file that is too large, or a link", function ()
    local a, b = open(), open()
    a:step()
    b:step()
    local path = ("%s/mahatta-exchange/%s.i00000001"):format(dir, b.pair)
    os.remove(path)
    lfs.link("/dev/zero", path, true)
    assert.is_true(a:step())
    assert.equal(0, a.pump.session.bytes_in)
    os.remove(path)
    support.write(path, ("x"):rep(65537))
    local more, message = a:step()
    while more do
      now = now + 1
      more, message = a:step()
    end
    assert.is_nil(more)
    assert.is_truthy(message:find("not of another station", 1, true), message)
    b:close()
  end)

  it("that goes away ends the session", function ()
    local a, b = open(), open()
    a:step()
    b:step()
    a:step()
    support.shell("rm -r " .. quoted(dir .. "/mahatta-exchange"))
    now = 2
    local more, message
    repeat
      now = now + 0.5
      more, message = a:step()
    until not more or now > 100
    assert.is_nil(more)
    assert.equal("the folder is gone", message)
    b:close()
  end)

  it("is left tidy by who waits in vain, and by the day before", function ()
    local old = dir .. "/mahatta-exchange/00000000000000aa.waits"
    support.write(old, "")
    lfs.touch(old, os.time() - 90000)
    local ended = 0
    local a = open({ ended = function () ended = ended + 1 end })
    assert.is_nil(support.read(old))
    assert.is_true(a:step())
    assert.is_true(a:step())
    a:close()
    a:close()
    assert.equal(1, ended)
    local ok, message, code = a:result()
    assert.is_false(ok)
    assert.is_string(message)
    assert.equal("ECLOSED", code)
    assert.is_nil(lfs.attributes(dir .. "/mahatta-exchange"))
  end)

  it("must be there", function ()
    local none, message, code = folder.open(fake.station(), dir .. "/none")
    assert.is_nil(none)
    assert.is_truthy(message:find("no folder", 1, true))
    assert.equal("ENOENT", code)
  end)
end)

describe("a handle in another loop", function ()
  after_each(support.drain)

  -- Listener and dialler of one transport, stepped by ${wait} alone.
  local function drive(net, wait, forget)
    local made = {}
    local station = fake.station({ send = 300000, piece = 20000 }, made)
    local handles, ended = {}, 0
    local options = { session = function (handle)
      handles[#handles + 1] = handle
    end, ended = function (handle)
      ended = ended + 1
      if forget then forget(handle:pollfd()) end
    end }
    local listener = assert(net.listen(station, "127.0.0.1:0", options))
    local _, port = listener:address()
    handles[1] = listener
    handles[2] = assert(net.connect(station,
      "127.0.0.1:" .. math.tointeger(tonumber(port)),
      { ended = options.ended }))
    for _ = 1, 10000 do
      if ended == 2 then break end
      wait(handles)
      for _, handle in ipairs(handles) do handle:step() end
    end
    if forget then forget(listener:pollfd()) end
    listener:close()
    assert.equal(2, ended)
    for _, session in ipairs(made) do
      assert.equal("done", session.state)
      assert.equal(300000, session.received)
    end
  end

  local function select_all(handles)
    local socket = require "socket"
    local reading, writing, left = {}, {}, 1
    for _, handle in ipairs(handles) do
      local events, fd = handle:events() or "", handle:pollfd()
      local item = { getfd = function () return fd end }
      if fd and events:find("r") then reading[#reading + 1] = item end
      if fd and events:find("w") then writing[#writing + 1] = item end
      left = math.min(left, handle:timeout() or left)
    end
    socket.select(reading, writing, left)
  end

  for _, name in ipairs({ "luv", "socket" }) do
    it("moves by select: " .. name, function ()
      if not has(name, "socket") then return pending("no library") end
      drive(require("mahatta.net." .. name), select_all)
    end)
  end

  for _, name in ipairs({ "luv", "socket", "cqueues" }) do
    it("moves in a controller of cqueues: " .. name, function ()
      if not has(name, "cqueues") then return pending("no library") end
      local cqueues = require "cqueues"
      local loop = cqueues.new()
      loop:wrap(function ()
        drive(require("mahatta.net." .. name), function (handles)
          local open = {}
          for _, handle in ipairs(handles) do
            if handle:pollfd() or handle:timeout() then
              open[#open + 1] = handle
            end
          end
          open[#open + 1] = 1
          cqueues.poll(table.unpack(open))
        end, cqueues.cancel)
      end)
      assert(loop:loop())
    end)
  end
end)

describe("libuv's loop", function ()
  it("is left empty", function ()
    if not has("luv") then return pending("lua-luv is not here") end
    require("mahatta.net.uvstream").drain()
    assert.is_false(require("luv").loop_alive() or false)
  end)
end)

describe("an address", function ()
  local address = require "mahatta.net.address"

  it("is read as people write it", function ()
    for text, want in pairs({
      ["192.0.2.1"] = "192.0.2.1 9641", ["192.0.2.1:80"] = "192.0.2.1 80",
      ["basra.example"] = "basra.example 9641",
      ["basra.example:9700"] = "basra.example 9700",
      ["[2001:db8::1]:80"] = "2001:db8::1 80",
      ["[2001:db8::1]"] = "2001:db8::1 9641", ["::1"] = "::1 9641",
      ["fe80::1%eth0"] = "fe80::1%eth0 9641", ["h:0"] = "h 0",
      ["h:65535"] = "h 65535",
      ["::ffff:192.0.2.1"] = "::ffff:192.0.2.1 9641" }) do
      local host, port = address.parse(text)
      assert.equal(want, ("%s %s"):format(host, port), text)
    end
    for _, text in ipairs({ "", ":", ":80", "h:", "h:x", "h:65536", "h:-1",
        "h:1:2", "[::1", "[::1]x", "[::1]:", "[h]:1", "http://h", "a b",
        "user@h", "h:999999", ("h"):rep(256), "h\n" }) do
      local host, message, code = address.parse(text)
      assert.is_nil(host, text)
      assert.is_truthy(message:find("'" .. text, 1, true)
        or message:find("no port", 1, true), message)
      assert.equal("EINVALID", code)
    end
  end)

  it("is written so that it can be read again", function ()
    for _, host in ipairs({ "::1", "192.0.2.1", "basra.example" }) do
      assert.same({ host, 80 }, { address.parse(address.format(host, 80)) })
    end
  end)

  it("tells neighbours", function ()
    for host, want in pairs({ ["192.0.2.1"] = "192.0.2.1",
      ["::ffff:192.0.2.1"] = "192.0.2.1",
      ["2001:db8:1:2:3:4:5:6"] = "2001:db8:1:2::/64",
      ["2001:db8::6"] = "2001:db8:0:0::/64", ["::1"] = "0:0:0:0::/64",
      ["fe80::1%eth0"] = "fe80:0:0:0::/64" }) do
      assert.equal(want, address.neighbour(host))
    end
  end)
end)
