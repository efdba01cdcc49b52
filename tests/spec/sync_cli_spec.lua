-- SPDX-License-Identifier: 0BSD
-- serve, sync and status, run as people run them: real sessions between
-- processes, cut, stopped and taken up again.
local dagjson = require "mahatta.dagjson"
local support = require "support"

local quoted = support.quoted

describe("mahatta", function ()
  local dir, servers
  before_each(function ()
    dir, servers = support.folder(true), {}
  end)
  after_each(function ()
    for _, pid in ipairs(servers) do
      os.execute("kill -9 " .. pid .. " 2>&-")
    end
    support.clean()
  end)

  local function command(station, ...)
    return support.command(dir, station, ...)
  end

  local function run(...) return support.shell(command(...)) end

  local function ok(...)
    local text, code = run(...)
    assert.equal(0, code, text)
    return text
  end

  local function has(text, part)
    assert.is_truthy(text:find(part, 1, true), part .. "\n" .. text)
  end

  local function wait_for(path, pattern)
    for _ = 1, 200 do
      local found = (support.read(path) or ""):match(pattern)
      if found then return found end
      os.execute("sleep 0.05")
    end
    error(("%s lacks %s: %s"):format(path, pattern, support.read(path)))
  end

  -- A station that follows edu/*, with so many records of its own.
  local function station(name, records)
    ok(name, "init")
    ok(name, "follow", "edu/*")
    if records and records > 0 then
      local lines = {}
      for i = 1, records do
        lines[i] = ('{"type":"lesson","title":{"ar":"درس %s %d"},"text":"%s"}')
          :format(name, i, support.noise(300, i + #name * 7919)
            :gsub(".", function (c) return ("%02x"):format(c:byte()) end))
      end
      support.write(dir .. "/in.jsonl", table.concat(lines, "\n") .. "\n")
      ok(name, "publish", "edu/" .. name, "--from", "@in.jsonl")
    end
    return name
  end

  -- A process in the background; its id. What it prints goes to dir/out.
  local function start(out, words)
    os.execute(("%s >%s/%s 2>&1 & echo $! >%s/pid"):format(words, dir, out,
      dir))
    local pid = wait_for(dir .. "/pid", "%d+")
    os.remove(dir .. "/pid")
    servers[#servers + 1] = pid
    return pid
  end

  -- `mahatta serve`; its address, its process.
  local function serve(name, ...)
    local pid = start(name .. ".out", "exec env " .. command(name, "serve",
      "--listen", "127.0.0.1:0", ...))
    local out = dir .. "/" .. name .. ".out"
    if ... == "--json" then
      return "127.0.0.1:" .. wait_for(out, '"port":(%d+)}\n'), pid
    end
    return wait_for(out, "listening at (%S+)"), pid
  end

  local function stats(name)
    return dagjson.decode(ok(name, "stats", "--json"))
  end

  it("syncs both ways over TCP, and tells what came", function ()
    station("a", 3)
    station("b", 2)
    support.write(dir .. "/f.bin", support.noise(3000000, 5))
    ok("a", "publish", "edu/files", "--title", "قوانين نيوتن", "--file",
      "@f.bin")
    local where, pid = serve("a")
    local text = ok("b", "sync", where)
    for _, part in ipairs({ where, "did:key:z6Mk", "4 new records",
        "blocks of files", "gave 1 parcel" }) do
      has(text, part)
    end
    assert.is_nil(text:find("[\r\27]"))
    text = ok("b", "sync", where)
    has(text, "nothing new on either side")
    has(ok("b", "search", "نيوتن"), "قوانين نيوتن")
    assert.equal(6, stats("a").documents)
    assert.equal(6, stats("b").documents)
    has(ok("b", "status"), "nothing of what is listed here")
    has(ok("b", "status"), "got nothing new")
    has(ok("a", "status"), "did:key:z6Mk") -- while it serves
    os.execute("kill -TERM " .. pid)
    wait_for(dir .. "/a.out", "stopped\n")
    has(support.read(dir .. "/a.out"), "gave 2 parcels")
    ok("a", "verify", "--read-data")
    ok("b", "verify", "--read-data")
    text = support.shell("stat -c %a " .. quoted(dir .. "/b-peers"))
    assert.equal("600\n", text)
  end)

  it("speaks JSON, too", function ()
    station("a", 3)
    station("b")
    local where = serve("a", "--json")
    local text = ok("b", "sync", where, "--json")
    local told = assert(dagjson.decode(text))
    assert.equal(where, told.address)
    assert.is_true(told.ended)
    assert.equal(3, told.added)
    assert.is_truthy(told.peer:find("^did:key:"))
    local session = assert(dagjson.decode(wait_for(dir .. "/a.out",
      '{[^\n]*"event":"session"[^\n]*}\n')))
    assert.same({ "127.0.0.1", true, 0 }, { session.address, session.ended,
      session.added })
    for ours, theirs in pairs({ sent_parcels = "parcels",
        sent_records = "added", sent_blocks = "blocks" }) do
      assert.equal(told[theirs], session[ours], ours)
      assert.equal(0, told[ours], ours)
    end
    assert.equal(told.bytes_in, session.bytes_out)
    local status = dagjson.decode(ok("b", "status", "--json"))
    assert.equal(told.peer, status.peers[1].peer)
    assert.equal(0, status.missing)
  end)

  it("syncs by a command's input and output", function ()
    station("a", 2)
    station("b", 1)
    local text = ok("b", "sync", "--exec", command("a", "serve", "--stdio"))
    has(text, "2 new records")
    has(text, "gave 1 parcel")
    local code
    text, code = run("b", "sync", "--exec", "echo no; exit 4")
    assert.equal(1, code)
    assert.is_nil(text:find("traceback", 1, true), text)
    text, code = run("b", "sync", "--exec", "exit 4")
    assert.equal(1, code)
    has(text, "the command failed with exit code 4")
  end)

  it("syncs through a folder", function ()
    station("a", 2)
    station("b", 1)
    support.shell("mkdir " .. quoted(dir .. "/share"))
    start("a.out", command("a", "sync", "--folder", "@share"))
    has(ok("b", "sync", "--folder", "@share"), "2 new records")
    wait_for(dir .. "/a.out", "1 new record")
    local text, code = run("b", "sync", "--folder", "@nowhere")
    assert.equal(1, code)
    has(text, "no folder")
  end)

  it("goes on where it was cut", function ()
    station("a", 4000)
    station("b")
    local sent = 0
    for round = 1, 30 do
      local text, code = run("b", "sync", "--exec", command("a", "serve",
        "--stdio") .. " | { dd bs=4096 count=50 2>&-; kill $$; }")
      assert.is_nil(text:find("traceback", 1, true), text)
      sent = round
      if code == 0 then break end
      assert.equal(1, code, text)
      has(text, "the same command goes on from there")
    end
    assert.is_true(sent > 2 and sent < 30, sent)
    assert.equal(4000, stats("b").documents)
    assert.equal(stats("a").parcels, stats("b").parcels)
    ok("b", "verify", "--read-data")
  end)

  it("may be interrupted at any time", function ()
    station("a", 2000)
    station("b")
    local stall = "{ " .. command("a", "serve", "--stdio")
      .. "; cat >/dev/null; } | { dd bs=4096 count=70 2>&-; sleep 20; }"
    local pid = start("b.out", "exec env " .. command("b", "sync", "--exec",
      stall))
    for _ = 1, 100 do
      if stats("b").parcels > 0 then break end
      os.execute("sleep 0.05")
    end
    os.execute("kill -INT " .. pid)
    local text = wait_for(dir .. "/b.out", ".*same command goes on.*")
    has(text, "interrupted")
    has(text, "got ")
    assert.is_true(stats("b").parcels > 0)
    has(run("b", "verify", "--read-data"), "0 bad")
    has(ok("b", "status"), "it was cut (interrupted)")
    ok("b", "sync", "--exec", command("a", "serve", "--stdio"))
    assert.equal(2000, stats("b").documents)
  end)

  it("serves several at once, and syncs while it serves", function ()
    station("a", 500)
    station("b", 300)
    station("c", 200)
    station("d", 100)
    local d = serve("d")
    local where, pid = serve("a", "--sync", d)
    for _, name in ipairs({ "b", "c" }) do
      start(name .. ".out", command(name, "sync", where))
    end
    for _, name in ipairs({ "b", "c" }) do
      wait_for(dir .. "/" .. name .. ".out", "new records")
    end
    for _, name in ipairs({ "b", "c" }) do ok(name, "sync", where) end
    wait_for(dir .. "/d.out", "new records")
    for name, least in pairs({ a = 1100, b = 1000, c = 1000, d = 600 }) do
      assert.is_true(stats(name).documents >= least, name)
    end
    os.execute("kill -INT " .. pid)
    wait_for(dir .. "/a.out", "stopped\n")
    ok("a", "verify", "--read-data")
  end)

  it("goes on when the reading of files is at fault", function ()
    station("a", 2)
    station("b", 1)
    support.write(dir .. "/fault.lua", [[
package.preload["mahatta.texts"] = function ()
  local function step() error("pl\27anted") end
  return { new = function ()
    return { step = step, steps = step, close = function () end }
  end }
end]])
    local faulty = ("LUA_INIT=@%s/fault.lua exec env "):format(dir)
    ok("a", "pack", "@a.car")
    local text, code = support.shell(faulty .. command("b", "unpack",
      "@a.car"))
    assert.equal(0, code, text)
    has(text, "2 records new")
    has(text, "search: " .. dir .. "/fault.lua:2: pl\\u{1B}anted")
    assert.is_nil(text:find("traceback", 1, true), text)
    local pid = start("a.out", faulty
      .. command("a", "serve", "--listen", "127.0.0.1:0"))
    local where = wait_for(dir .. "/a.out", "listening at (%S+)")
    has(wait_for(dir .. "/a.out", "[^\n]*could not be read[^\n]*\n"),
      "fault.lua:2: pl\\u{1B}anted")
    has(ok("b", "sync", where), "gave 1 parcel")
    os.execute("kill -TERM " .. pid)
    wait_for(dir .. "/a.out", "stopped\n")
  end)

  it("says what can't be, in a sentence", function ()
    station("a")
    for _, words in ipairs({ { "sync" }, { "sync", "h", "--lan" },
        { "serve", "--every", "x" }, { "serve", "--sessions", "0" },
        { "serve", "--stdio", "--lan" } }) do
      local text, code = run("a", table.unpack(words))
      assert.equal(2, code, text)
    end
    for why, words in pairs({
      ["nobody listens there"] = { "sync", "127.0.0.1:1" },
      ["no address"] = { "sync", "http://x/" },
      ["no port"] = { "sync", "x:y" },
      ["are no pipes"] = { "serve", "--stdio" },
      ["can't listen at 192.0.2.77:1"] = { "serve", "--listen",
        "192.0.2.77:1" } }) do
      local text, code = support.shell(command("a", table.unpack(words))
        .. " </dev/null")
      assert.equal(1, code, text)
      has(text, why)
      assert.is_nil(text:find("traceback", 1, true), text)
    end
    local _, pid = serve("a")
    local text, code = run("a", "sync", "127.0.0.1:1")
    assert.equal(1, code)
    has(text, pid)
    has(text, "its option --sync does this")
    text, code = run("none", "sync", "x")
    assert.equal(1, code)
    has(text, "mahatta init")
  end)
end)
