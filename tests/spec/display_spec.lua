-- SPDX-License-Identifier: 0BSD
local mahatta = require "mahatta"
local support = require "support"

local has_json, json = pcall(require, "dkjson")

describe("display", function ()
  local display = mahatta.display

  it("wraps in first-strong isolates, or not", function ()
    assert.equal("\u{2068}abc\u{2069}", display("abc"))
    assert.equal("abc", display("abc", true))
    assert.equal("\u{2068}\u{2069}", display(""))
    assert.equal("قوانين نيوتن", display("قوانين نيوتن", true))
  end)

  it("escapes what hides or commands", function ()
    assert.equal("\\u{1B}[31m\\u{A}\\u{0}", display("\27[31m\n\0", true))
    assert.equal("a\\u{202E}gpj.exe", display("a\u{202E}gpj.exe", true))
    assert.equal("\\u{2066}x\\u{2069}", display("\u{2066}x\u{2069}", true))
    assert.equal("\\u{200B}\\u{FEFF}\\u{AD}",
      display("\u{200B}\u{FEFF}\u{AD}", true))
    assert.equal("\\u{9B}31m", display("\u{9B}31m", true))
    assert.equal("\\u{E0041}", display("\u{E0041}", true))
    assert.equal("\\x{FF}a\\x{C3}", display("\xFFa\xC3", true))
    assert.equal("\\x{ED}\\x{A0}\\x{80}", display("\xED\xA0\x80", true))
  end)

  it("misses nothing where it looks only briefly", function ()
    local hiding = require "mahatta.hiding"
    local found = 0
    for code = 0, 0x10FFFF do
      if code < 0xD800 or code > 0xDFFF then
        local char = utf8.char(code)
        local text = "ا" .. char .. "b"
        if display("a" .. char, true) ~= "a" .. char then
          found = found + 1
          if not hiding.may(text) then error(("U+%X"):format(code)) end
        end
      end
    end
    assert.is_true(found > 4000)
    assert.is_false(hiding.may("قوانين نيوتن — “x” … ١٢٣، é"))
  end)

  it("leaves the joiners that Persian, Kurdish and emoji need", function ()
    local persian = "می\u{200C}خواهم"
    assert.equal(persian, display(persian, true))
    assert.equal("👩\u{200D}👩", display("👩\u{200D}👩", true))
    assert.equal("a\\u{200C}b", display("a\u{200C}b", true))
    assert.equal("ب\\u{200C}\\u{200C}ب", display("ب\u{200C}\u{200C}ب", true))
    assert.equal("ب\\u{200D}", display("ب\u{200D}", true))
  end)

  it("leaves direction marks in right-to-left text inside isolates",
    function ()
      assert.equal("\u{2068}\u{200F}apt، و\u{2069}", display("\u{200F}apt، و"))
      assert.equal("\u{2068}a b\u{2069}", display("a \u{200F}b"))
      assert.equal("a \\u{200F}b", display("a \u{200F}b", true))
      assert.equal("\\u{200F}و", display("\u{200F}و", true))
    end)

  it("raises for what is no string", function ()
    support.raises("bad argument #1 to 'display'", display, nil)
    support.raises("bad argument #1 to 'display'", display, {})
  end)

  it("shows hostile names and titles without a control byte", function ()
    local bytes = support.read(support.VECTORS
      .. "/own-hostile/names-and-titles.json")
    if not bytes or not has_json then
      return pending("no vectors here: 1 file skipped")
    end
    local hostile = json.decode(bytes)
    local n = 0
    for _, list in ipairs({ hostile.names, hostile.titles }) do
      for _, s in ipairs(list) do
        local shown = display(s, true)
        n = n + 1
        assert.is_truthy(utf8.len(shown))
        assert.is_nil(shown:find("[\0-\31\127]"))
        for _, code in utf8.codes(shown) do
          assert.is_false(code >= 0x202A and code <= 0x202E
            or code >= 0x2066 and code <= 0x2069 or code == 0x200B
            or code >= 0x80 and code <= 0x9F or code == 0xFEFF)
        end
      end
    end
    assert.is_true(n > 40)
  end)
end)

describe("size", function ()
  it("reads sizes as people write them", function ()
    local size = mahatta.size
    assert.equal(0, size(0))
    assert.equal(17, size("17"))
    assert.equal(1024, size("1k"))
    assert.equal(10 * 1024 ^ 2, size("10M"))
    assert.equal(8 * 1024 ^ 3, size(" 8 GB "))
    assert.equal(1536, size("1.5KiB"))
    assert.equal("integer", math.type(size("8G")))
    assert.equal(5, size(5.0))
  end)

  it("refuses what is none", function ()
    for _, bad in ipairs({ "", "x", "-1", "1Q", "1 2", "0x10", "1e3",
        "99999999T", -1, 1.5, 0 / 0, math.huge }) do
      local value, message, code = mahatta.size(bad)
      assert.is_nil(value)
      assert.is_string(message)
      assert.equal("EINVALID", code)
    end
    support.raises("bad argument #1 to 'size'", mahatta.size, nil)
    support.raises("bad argument #1 to 'size'", mahatta.size, {})
  end)
end)
